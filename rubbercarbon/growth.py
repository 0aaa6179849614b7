"""Stands of a scenario: what stands when, how it grows, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allometry.error_model import error_terms
from allometry.growth import GrowthCurve, predict_growth
from allometry.heights import height_model, predict_height
from allometry.names import Match
from rubbercarbon.columns import clone_name
from rubbercarbon.deviates import Deviates
from rubbercarbon.parameters import Parameter, default_parameters
from rubbercarbon.scenarios.checks import curve_of, species_of
from rubbercarbon.scenarios.interface import Component, Effect, Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HEIGHT_STEP_CM = 0.1
LARGEST_CM = 160.0
BY_ROLE = {"rubber": "mortality_rubber", "timber": "mortality_dipterocarp"}
BY_SPECIES = {"Azadirachta excelsa": "mortality_sentang"}
CLONES = {"BPM 1": "clone_bpm_1", "RRIT 251": "clone_rrit_251"}
SHADES = ("shade_open", "shade_partial", "shade_closed", "crowding", "tapping_cut")


@dataclass(frozen=True)
class Part:
    """A component, or one diameter class of a measured one, as it is computed.

    Attributes
    ----------
    component : Component
    match : Match
    curve : GrowthCurve
    stocking : float
        Planted stems/ha of a new cohort.
    offset : float
        ln of the measured stand's size over the curve, as it is carried on.
    rank : float
        ln of a measured class over its stand; of the first cohort only.
    spared : float
        What a measurement leaves of the sd of growth.
    start_dbh, start_stems : float
        Of a measured class at year 0; 0 without.
    """

    component: Component
    match: Match
    curve: GrowthCurve
    stocking: float
    offset: float = 0.0
    rank: float = 0.0
    spared: float = 1.0
    start_dbh: float = 0.0
    start_stems: float = 0.0

    @property
    def estimated(self) -> bool:
        """Whether anything is known of its growth."""
        return self.curve.response != "none"

    @property
    def sd_growth(self) -> float:
        """Between stands, of ln D, coefficients of the curve aside."""
        c = self.curve
        return math.hypot(c.sd_curve, c.sd_locality, c.sd_plot)


@dataclass(frozen=True)
class Calendar:
    """What happens to each part in each year; arrays of shape (n_parts, n_years + 1)."""

    age: Ints
    planted: Floats
    cut: Floats
    burn: Floats


@dataclass(frozen=True)
class Grown:
    """Sizes and numbers; arrays of shape (n_parts, n_years + 1, n_draws)."""

    dbh: Floats
    before: Floats
    after: Floats


def parts_of(scenario: Scenario) -> tuple[Part, ...]:
    """The parts of a scenario in the order of its components."""
    parts: list[Part] = []
    for component in scenario.component:
        match, curve = species_of(component), curve_of(component)
        plain = Part(component, match, curve, component.stocking)
        parts += _measured(plain) if component.measured else [plain]
    return tuple(parts)


def _measured(plain: Part) -> list[Part]:
    """Diameter classes of a measured stand; only the first is planted anew later on."""
    component = plain.component
    assert component.start_age is not None
    expected = float(predict_growth(plain.curve, age=component.start_age))
    stems = np.array([one.stems_per_ha for one in component.measured])
    logs = np.zeros(len(stems))
    if expected > 0:  # a curve that knows nothing of the age leaves the stand as it is
        logs = np.log([one.dbh_cm / expected for one in component.measured])
    mean = float(np.average(logs, weights=stems))
    spread = float(np.average((logs - mean) ** 2, weights=stems))
    trees = component.trees_measured or float(stems.sum())
    campaign = float(str(error_terms()["dbh_campaign"].sd))
    prior = plain.sd_growth**2
    weight = prior / (prior + spread / trees + campaign**2)
    return [
        Part(
            component, plain.match, plain.curve, plain.stocking if i == 0 else 0.0,
            offset=weight * mean, rank=float(log) - mean, spared=math.sqrt(1.0 - weight),
            start_dbh=one.dbh_cm, start_stems=one.stems_per_ha,
        )
        for i, (one, log) in enumerate(zip(component.measured, logs, strict=True))
    ]  # fmt: skip


def calendar_of(scenario: Scenario, parts: tuple[Part, ...], years: int) -> Calendar:
    """Planting, thinning and felling of each part in each year."""
    shape = (len(parts), years + 1)
    calendar = Calendar(
        np.full(shape, -1, dtype=np.int64), np.zeros(shape), np.zeros(shape), np.zeros(years + 1)
    )
    figures = Figures(scenario, Deviates())
    for p, part in enumerate(parts):
        rate = float(mortality_of(part, figures)[0])
        _follow(scenario, part, p, rate, calendar)
    return calendar


def _follow(scenario: Scenario, part: Part, p: int, rate: float, calendar: Calendar) -> None:
    """One part from year to year: what stands, what is cut, what is planted."""
    component = part.component
    felled = {e.year for e in scenario.event if _is(e, component, "felling")}
    renewed = {e.year for e in scenario.event if _is(e, component, "replanting")}
    thinned = {e.year: e for e in scenario.event if _is(e, component, "thinning")}
    standing = bool(component.start_age)
    birth = -(component.start_age or 0)
    alive = sum(one.stems_per_ha for one in component.measured)
    for t in range(len(calendar.burn)):
        plant = not component.start_age and t == component.planting_year
        if standing:
            calendar.age[p, t] = t - birth
            alive *= math.exp(-rate) if t > 0 else 1.0
            turned = component.rotation_years is not None and t - birth >= component.rotation_years
            if turned or t in felled or t in renewed:
                calendar.cut[p, t] = 1.0
                standing = False
                plant = (turned and component.replant) or t in renewed
            elif t in thinned:
                event = thinned[t]
                share = (event.percent or 0.0) / 100.0 or (event.stems_per_ha or 0.0) / alive
                calendar.cut[p, t] = min(share, 1.0)
                alive *= 1.0 - calendar.cut[p, t]
            if calendar.cut[p, t] and _burns(scenario, component, t):
                calendar.burn[t] = 1.0
        elif t in renewed:
            plant = True
        if plant:
            birth, standing, alive = t, True, component.stocking
            calendar.planted[p, t] = part.stocking


def _is(event: object, component: Component, kind: str) -> bool:
    return getattr(event, "kind", "") == kind and (
        getattr(event, "component", "") == component.name
    )


def _burns(scenario: Scenario, component: Component, year: int) -> bool:
    return scenario.emissions.burn_residue or any(
        e.burn and e.component == component.name and e.year == year for e in scenario.event
    )


class Figures:
    """Parameters of a scenario at the deviates in force."""

    def __init__(self, scenario: Scenario, deviates: Deviates) -> None:
        self.own = scenario.parameters
        self.deviates = deviates
        self.used: dict[str, Parameter] = {}

    def record(self, name: str) -> Parameter:
        """The scenario's own figure, else the default."""
        found = self.own.get(name) or default_parameters()[name]
        self.used[name] = found
        return found

    def value(self, name: str) -> float:
        """The central case."""
        return self.record(name).value

    def draws(self, name: str) -> Floats:
        """The figure by draw, shape (count,)."""
        found = self.record(name)
        if not found.varies:
            return np.full(self.deviates.count, found.value)
        return found.at(self.deviates.get("parameter", name, name))


def mortality_of(part: Part, figures: Figures) -> Floats:
    """Yearly rate of loss, shape (count,)."""
    component = part.component
    if component.mortality_percent is not None:
        return np.full(figures.deviates.count, component.mortality_percent / 100.0)
    if component.land_share is not None:
        return np.zeros(figures.deviates.count)
    name = component.mortality or BY_SPECIES.get(
        part.match.species, BY_ROLE.get(component.role, "mortality_tended")
    )
    return figures.draws(name)


def grow_stand(
    scenario: Scenario, parts: tuple[Part, ...], calendar: Calendar, figures: Figures,
    shift: Floats, *, shade: bool = True, competition: bool = True,
) -> Grown:  # fmt: skip
    """Sizes and numbers of stems by year and draw.

    Parameters
    ----------
    scenario : Scenario
    parts : tuple of Part
    calendar : Calendar
    figures : Figures
    shift : ndarray, shape (n_parts, n_years + 1)
        What centres the errors of growth; zeros for the point.
    shade, competition : bool
        False: companions grow as in the open; rubber is not crowded.

    Returns
    -------
    Grown
    """
    from allometry.kernels.stands import grow  # noqa: PLC0415  (loads numba)

    deviates, count = figures.deviates, figures.deviates.count
    light = np.array(figures.record("light_under_rubber").values)
    if not shade:
        light = np.full_like(light, 100.0)
    traits = np.array([_traits(part, figures) for part in parts], dtype=np.float64)
    rules = np.array([
        figures.value("size_power"), figures.value("closure_age"), figures.value("tapping_age"),
        50.0, 20.0,
    ])  # fmt: skip
    effects = np.column_stack([figures.draws(name) for name in SHADES])
    if not competition:
        effects[:, SHADES.index("crowding")] = 0.0
    start = np.array(
        [[p.start_stems, p.component.start_age or 0, p.start_dbh, p.rank] for p in parts]
    )
    shape = (*calendar.age.shape, count)
    dbh, before, after = (np.empty(shape) for _ in range(3))
    grow(
        traits, rules, light, calendar.age, calendar.planted, calendar.cut,
        start.astype(np.float64),
        np.ascontiguousarray([_parameters(part, deviates) for part in parts]),
        np.ascontiguousarray([_deviation(part, scenario, figures) for part in parts]),
        shift,
        np.ascontiguousarray([mortality_of(part, figures) for part in parts]),
        np.ascontiguousarray(effects),
        np.ascontiguousarray([_heights(part) for part in parts]),
        HEIGHT_STEP_CM, dbh, before, after,
    )  # fmt: skip
    return Grown(dbh, before, after)


def _traits(part: Part, figures: Figures) -> list[float]:
    component = part.component
    rubber = component.role == "rubber"
    return [
        float(part.curve.code),
        float(rubber),
        float(component.light == "under_rubber"),
        float(component.tapped or not part.curve.tapped),
        figures.value("reference_stocking") if rubber else 0.0,
    ]


def _heights(part: Part) -> Floats:
    """Height by diameter on a grid; nothing for stands without stems."""
    dbh = np.arange(0.0, LARGEST_CM, HEIGHT_STEP_CM)
    if part.curve.response != "dbh":
        return np.zeros_like(dbh)
    dbh[0] = 1e-6
    return np.nan_to_num(predict_height(height_model(part.match.species), dbh=dbh))


def _parameters(part: Part, deviates: Deviates) -> Floats:
    """Coefficients of the curve by draw, shape (4, count); drawn jointly where that is known."""
    out = np.repeat(np.array(part.curve.parameters)[:, None], deviates.count, axis=1)
    if part.curve.covariance is not None:
        root = np.linalg.cholesky(np.array(part.curve.covariance))
        first, second = (
            deviates.get(f"growth coefficients {k}", part.curve.id, f"growth of {part.curve.id}")
            for k in (1, 2)
        )
        out[1] *= np.exp(root[0, 0] * first)
        out[2] *= np.exp(root[1, 0] * first + root[1, 1] * second)
    return out


def _deviation(part: Part, scenario: Scenario, figures: Figures) -> Floats:
    """Logarithm of size over the curve: of curve, correlated sites, clone and effects."""
    deviates, curve, species = figures.deviates, part.curve, part.match.species
    together = math.sqrt(figures.value("site_correlation"))
    apart = math.sqrt(1.0 - figures.value("site_correlation"))
    total = curve.sd_curve * deviates.get("growth curve", curve.id, f"growth of {curve.id}")
    for level, sd in (("locality", curve.sd_locality), ("plot", curve.sd_plot)):
        common = deviates.get(f"site {level}", "", f"site quality ({level})")
        own = deviates.get(f"site {level}", species, f"site quality ({level}), {species}")
        total = total + sd * (together * common + apart * own)
    total = part.spared * total + part.offset
    clone = clone_name(part.component.clone) if part.component.clone else ""
    name = CLONES.get(clone)
    if name and clone not in curve.clones and not part.start_dbh:
        total = total + np.log(figures.draws(name))
    for effect in effects_on(scenario, part.component.name, "dbh"):
        total = total + np.log(effect_at(effect, deviates))
    return total


def effects_on(scenario: Scenario, component: str, what: str) -> list[Effect]:
    """Declared effects on one property of a component."""
    return [e for e in scenario.effect if e.component == component and e.on == what]


def effect_at(effect: Effect, deviates: Deviates) -> Floats:
    """A declared effect as a factor, by draw."""
    figure = Parameter(
        value=1.0 + effect.percent / 100.0, low=1.0 + effect.low / 100.0,
        high=1.0 + effect.high / 100.0, citation=effect.source, grade=effect.grade,
    )  # fmt: skip
    label = f"effect on {effect.on} of {effect.component}"
    return figure.at(
        deviates.get("effect", f"{effect.component}|{effect.on}|{effect.source}", label)
    )


def growth_variance(part: Part, age: Ints) -> Floats:
    """Variance of ln D from growth errors at each age."""
    total = np.full(age.shape, (part.spared * part.sd_growth) ** 2)
    if part.curve.covariance is not None:
        import dataclasses  # noqa: PLC0415

        t = np.maximum(age, 1).astype(np.float64)
        base = np.log(predict_growth(part.curve, age=t))
        slopes = []
        for place in (1, 2):
            values = list(part.curve.parameters)
            values[place] *= math.exp(1e-4)
            moved = dataclasses.replace(
                part.curve, parameters=(values[0], values[1], values[2], values[3])
            )
            slopes.append((np.log(predict_growth(moved, age=t)) - base) / 1e-4)
        gradient = np.stack(slopes)
        total = total + np.einsum(
            "it,ij,jt->t", gradient, np.array(part.curve.covariance), gradient
        )
    return total
