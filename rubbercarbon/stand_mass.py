"""Biomass of a scenario's stems: which equation, which height, density and roots, how sure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import carbon_fractions, get_equation, ladder
from allometry.density import Density, find_density
from allometry.evaluation import compile_equations
from allometry.heights import height_model, predict_height
from allometry.selection import Rule, Taxon, select
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.budget import ErrorBudget, TermChoice
from rubbercarbon.deviates import Deviates
from rubbercarbon.distinct import Coded
from rubbercarbon.growth import Grown, Part
from rubbercarbon.load_rows import Trees
from rubbercarbon.loads import Layout, lay_out
from rubbercarbon.montecarlo import shared_variance
from rubbercarbon.pools import KG_PER_T

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
UNSELECTED = ("jungle", "unselected", "jungle_rubber", "jungle rubber")
STEP = 1e-3
OFF = (
    "residual", "density_tree", "height_tree", "dbh_reading", "height_reading", "dbh_campaign",
    "pom_campaign", "height_campaign", "area",
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """What a part is computed with; ``why_not`` where it is not."""

    rule: Rule
    density: Density
    height: str
    carbon_fraction: float
    herb: bool
    why_not: str = ""

    @property
    def equation(self) -> str:
        """Biomass equation, or empty."""
        return "" if self.why_not else self.rule.equation

    @property
    def roots(self) -> str:
        """Root equation, or empty."""
        return "" if self.why_not else self.rule.roots


def choose(part: Part, system: str, largest_cm: float) -> Choice:
    """Equation, height model, density and carbon fraction of a part.

    Parameters
    ----------
    part : Part
    system : str
        ``jungle`` or ``unselected`` for rubber that is not of a clone.
    largest_cm : float
        Largest diameter it reaches, for equations with a range.

    Returns
    -------
    Choice
    """
    match = part.match
    taxon = Taxon(match.species, match.genus, match.family, match.growth_form)
    conditions = {"unselected": np.array([system.lower() in UNSELECTED])}
    own = {match.species: part.component.equation} if part.component.equation else {}
    chosen = select(
        [taxon], np.zeros(1, dtype=np.int64), {"dbh": np.array([largest_cm])}, conditions, own
    )
    rule = chosen.rules[int(chosen.rule[0])]
    fractions = ladder()["carbon_fractions"]
    fraction = carbon_fractions()[fractions.get(match.growth_form, fractions["default"])]
    why_not = ""
    if part.curve.response == "none":
        why_not = "no growth with age is known"
    elif part.curve.response == "dbh" and not rule.equation:
        why_not = rule.why
    elif part.curve.response == "dbh" and not _inputs_known(rule.equation):
        why_not = f"its equation {rule.equation} needs what a growth curve does not give"
    return Choice(
        rule=rule,
        density=find_density(match.species, match.genus, match.family),
        height=height_model(match.species),
        carbon_fraction=fraction.value,
        herb=rule.pool == "herb" or part.curve.response == "stand_agb",
        why_not=why_not,
    )


def _inputs_known(equation: str) -> bool:
    return set(get_equation(equation).inputs) <= {"dbh", "height", "wood_density"}


@dataclass
class Masses:
    """Carbon of stems of a scenario's parts, for any deviates.

    Attributes
    ----------
    parts : tuple of Part
    choices : tuple of Choice
    layout : Layout or None
        Errors of the rows of ``used``; None where no part has an equation.
    used : ndarray of bool, shape (n_parts, n_years + 1)
        Years in which an equation is at work.
    """

    parts: tuple[Part, ...]
    choices: tuple[Choice, ...]
    layout: Layout | None
    used: Bools

    def carbon(self, grown: Grown, deviates: Deviates, *, centred: bool) -> tuple[Floats, Floats]:
        """Carbon of a stem above and below ground [t], shape (n_parts, n_years + 1, n_draws).

        Parameters
        ----------
        grown : Grown
        deviates : Deviates
        centred : bool
            Errors have a mean of one: for draws.
        """
        above, below = biomass_kg(self.parts, self.choices, grown)
        fraction = np.array([c.carbon_fraction for c in self.choices])[:, None, None] / KG_PER_T
        if self.layout is None:
            return above * fraction, below * fraction
        mass, roots, carbon = _factors(self.layout, deviates, centred=centred)
        above[self.used] *= mass
        below[self.used] *= mass * roots
        above *= fraction
        below *= fraction
        above[self.used] *= carbon
        below[self.used] *= carbon
        return above, below


def biomass_kg(
    parts: tuple[Part, ...], choices: tuple[Choice, ...], grown: Grown
) -> tuple[Floats, Floats]:
    """Biomass of a stem above and below ground [kg] by part, year and draw; 0 where unknown."""
    above, below = np.zeros(grown.dbh.shape), np.zeros(grown.dbh.shape)
    for p, (part, choice) in enumerate(zip(parts, choices, strict=True)):
        dbh = grown.dbh[p]
        there = dbh > 0
        if choice.why_not or not there.any():
            continue
        if part.curve.response == "stand_agb":
            above[p] = dbh * KG_PER_T
            continue
        size = dbh[there]
        height = predict_height(choice.height, dbh=size)
        mass = _evaluate(choice.equation, size, height, choice.density.value)
        above[p][there] = mass
        if choice.roots:
            by_mass = get_equation(choice.roots).size == "agb_tree"
            below[p][there] = _evaluate(
                choice.roots, mass if by_mass else size, height, choice.density.value
            )
    return above, below


def _evaluate(equation: str, size: Floats, height: Floats, density: float) -> Floats:
    record = get_equation(equation)
    if record.size == "height":
        size = height
    return compile_equations((equation,)).evaluate(
        np.zeros(size.shape[0], dtype=np.int64), size, height, np.full(size.shape, density),
        np.full(size.shape, np.nan),
    )  # fmt: skip


def prepare_masses(
    parts: tuple[Part, ...], system: str, point: Grown, budget: ErrorBudget
) -> Masses:
    """Choose equations by the sizes of the point run, and lay the error budget on them.

    Parameters
    ----------
    parts : tuple of Part
    system : str
    point : Grown
        One draw without errors.
    budget : ErrorBudget

    Returns
    -------
    Masses
    """
    choices = tuple(
        choose(part, system, max(float(point.dbh[p].max()), 1.0)) for p, part in enumerate(parts)
    )
    above, _ = biomass_kg(parts, choices, point)
    live = (point.dbh[:, :, 0] > 0) & (above[:, :, 0] > 0)
    by_equation = np.array([bool(c.equation) for c in choices]) & np.array(
        [part.curve.response == "dbh" for part in parts]
    )
    used = live & by_equation[:, None]
    if not used.any():
        return Masses(parts, choices, None, used)
    which, year = np.nonzero(used)
    biomass_ids = tuple(sorted({c.equation for c in choices if c.equation}))
    root_ids = tuple(sorted({c.roots for c in choices if c.roots}))
    dbh = point.dbh[which, year, 0]

    def texts(values: list[str]) -> Coded:
        return Coded.of(np.array(values, dtype=object)[which])

    def numbers(values: list[float]) -> Floats:
        return np.array(values, dtype=np.float64)[which]

    height = np.empty(len(dbh))
    for p, choice in enumerate(choices):
        mine = which == p
        if mine.any():
            height[mine] = predict_height(choice.height, dbh=dbh[mine])
    nothing = np.full(len(dbh), "", dtype=object)
    no = np.zeros(len(dbh), dtype=np.bool_)
    trees = Trees(
        equation=np.array(
            [biomass_ids.index(c.equation) if c.equation else -1 for c in choices]
        )[which],
        roots=np.array([root_ids.index(c.roots) if c.roots else -2 for c in choices])[which],
        dbh=dbh,
        height=height,
        wood_density=numbers([c.density.value for c in choices]),
        density_sd=numbers([c.density.sd for c in choices]),
        agb_kg=above[which, year, 0],
        count=np.ones(len(dbh)),
        carbon_fraction=numbers([c.carbon_fraction for c in choices]),
        herb=np.array([c.herb for c in choices])[which],
        species=texts([part.match.species for part in parts]),
        locality=Coded.of(nothing), campaign=Coded.of(nothing), plot=nothing, tree=nothing,
        clone_known=np.array([part.component.clone != "" for part in parts])[which],
        height_source=texts([c.height for c in choices]),
        density_given=no, sd_given=no, pom_differs=no,
    )  # fmt: skip
    layout = lay_out(trees, compile_equations(biomass_ids), root_ids, _averaged(budget))
    return Masses(parts, choices, layout, used)


def _averaged(budget: ErrorBudget) -> ErrorBudget:
    """The budget without errors of single trees and of measuring: they average out or are absent.

    A term that the user shares between trees stays.
    """
    changes = dict(budget.root)
    for name in OFF:
        if budget.term(name).own or name in {"dbh_campaign", "pom_campaign", "height_campaign",
                                             "area"}:  # fmt: skip
            changes[name] = replace_choice(changes.get(name))
    return ErrorBudget(changes)


def replace_choice(choice: TermChoice | None) -> TermChoice:
    """A term switched off."""
    return (choice or TermChoice()).model_copy(update={"on": False})


def _factors(layout: Layout, deviates: Deviates, *, centred: bool) -> tuple[Floats, Floats, Floats]:
    """Factors on mass, roots and carbon of each row, shape (n_rows, n_draws)."""
    cells = (len(layout.carbon), deviates.count)
    d0, d1, roots, carbon = (np.zeros(cells) for _ in range(4))
    centre = 0.5 if centred else 0.0
    for f, factor in enumerate(layout.factors):
        for unit in np.unique(layout.code[:, f]):
            if unit < 0:
                continue
            rows = layout.code[:, f] == unit
            z = deviates.by_key(
                (int(layout.unit_streams[unit]), int(layout.units[unit])),
                _label(factor.term, factor.number, layout.unit_names[unit]),
            )
            a, b = layout.intercept[rows, f][:, None], layout.slope[rows, f][:, None]
            if factor.target == "mass":
                d0[rows] += a * z
                d1[rows] += b * z
            else:
                target = roots if factor.target == "roots" else carbon
                target[rows] += a * z - centre * a * a
    cell = layout.cell
    shared = 2.0 * centre * 0.5 * shared_variance(layout)
    mass = np.exp(d0[cell] + d1[cell] * layout.x[:, None] - shared[:, None])
    return mass, np.exp(roots)[cell], np.exp(carbon)[cell]


def _label(term: str, number: int, unit: str) -> str:
    """Words for an error: its term and what shares it."""
    names = [word for word in unit.split("|")[2:] if word]
    return ", ".join([term if number == 0 else f"{term} (slope)", *dict.fromkeys(names)])


def size_exponents(parts: tuple[Part, ...], choices: tuple[Choice, ...], point: Grown) -> Floats:
    """Slope of ln biomass over ln D along the point run, heights moving with it."""
    up, _ = biomass_kg(parts, choices, replace(point, dbh=point.dbh * np.exp(STEP)))
    down, _ = biomass_kg(parts, choices, replace(point, dbh=point.dbh * np.exp(-STEP)))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(up / down)[:, :, 0] / (2.0 * STEP)
    return np.where(np.isfinite(slope), slope, 0.0)


def report(masses: Masses, scenario_id: str, assumptions: Assumptions) -> None:
    """Rows of the assumptions about equations, heights and densities."""
    for part, choice in zip(masses.parts, masses.choices, strict=True):
        name = f"{scenario_id}: {part.component.name}"
        if choice.why_not:
            assumptions.add(
                "not estimated", f"{part.match.species}: {choice.why_not}; its biomass is unknown "
                "and counts as nothing in every pool", "unknown", applies_to=name,
                source="rule of this library", grade="unknown",
            )  # fmt: skip
            continue
        if part.curve.response == "stand_agb":
            continue
        record = get_equation(choice.equation)
        assumptions.add(
            "equation", f"{record.id}: {choice.rule.why}", applies_to=name,
            source=record.source.citation, grade=record.grade,
        )  # fmt: skip
        assumptions.add(
            "height", f"predicted by {choice.height}", applies_to=name,
            source=get_equation(choice.height).source.citation,
            grade=get_equation(choice.height).grade,
        )  # fmt: skip
        if "wood_density" in record.inputs:
            assumptions.add(
                "wood density", f"{part.match.species}, level {choice.density.level}",
                f"{choice.density.value:.3f}", unit="g/cm3", applies_to=name,
                source=choice.density.source, grade=choice.density.grade,
            )  # fmt: skip
        assumptions.add(
            "roots",
            choice.roots or "none known: below-ground biomass counts as nothing",
            applies_to=name,
            source=get_equation(choice.roots).source.citation if choice.roots else "",
            grade=get_equation(choice.roots).grade if choice.roots else "unknown",
        )
