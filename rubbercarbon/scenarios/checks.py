"""What is wrong with a scenario that is well-formed: names, years, numbers of stems, units."""

from __future__ import annotations

from collections.abc import Iterator

from allometry.errors import AllometryError
from allometry.growth import GrowthCurve, default_curve, growth_curve, read_curve
from allometry.names import Match, match_one
from rubbercarbon.columns import CLONES, clone_name
from rubbercarbon.parameters import default_parameters, limits_of
from rubbercarbon.scenarios.interface import RUBBER, Component, Event, Scenario

Fault = tuple[tuple[str | int, ...], str]
FIRST_CALENDAR_YEAR = 150  # planting years count from the start of the scenario
ROW_LIMITS_M = (0.5, 50.0)
RUBBER_STEMS = (30.0, 2_500.0)


def faults_of(scenario: Scenario, years: int | None) -> list[Fault]:
    """Every fault with the path of the key it belongs to.

    Parameters
    ----------
    scenario : Scenario
    years : int, optional
        Years that are to be projected.

    Returns
    -------
    list of (path, sentence)
    """
    faults: list[Fault] = []
    names = [part.name for part in scenario.component]
    for i, part in enumerate(scenario.component):
        where = ("component", i)
        if names.index(part.name) != i:
            faults.append(((*where, "name"), f"two components are called '{part.name}'"))
        faults += _component(part, where)
        faults += _growth(part, where, years)
    for i, event in enumerate(scenario.event):
        faults += _event(scenario, event, ("event", i))
    named = {
        "effect": [effect.component for effect in scenario.effect],
        "harvest": [harvest.component for harvest in scenario.harvest],
    }
    for table, owners in named.items():
        for i, name in enumerate(owners):
            if name not in names:
                faults.append(((table, i, "component"), _unknown_part(name, names)))
    for i, effect in enumerate(scenario.effect):
        owner = next((p for p in scenario.component if p.name == effect.component), None)
        if effect.on == "latex" and owner is not None and owner.role != "rubber":
            faults.append((("effect", i, "on"), f"'{owner.name}' gives no latex"))
        if not effect.low <= effect.percent <= effect.high:
            faults.append((("effect", i, "percent"), "'low' <= 'percent' <= 'high' must hold"))
    for name, figure in scenario.parameters.items():
        if name not in default_parameters():
            known = ", ".join(default_parameters())
            faults.append((("parameters", name), f"no parameter '{name}'; allowed: {known}"))
            continue
        low, high = limits_of(name)
        for key in ("value", "low", "high"):
            given = getattr(figure, key)
            if given is not None and not low <= given <= high:
                unit = default_parameters()[name].unit
                faults.append(
                    (("parameters", name, key),
                     f"{name}: {key} = {given:g} is outside {low:g} to {high:g} ({unit})")
                )  # fmt: skip
    return faults


def _unknown_part(name: str, names: list[str]) -> str:
    return f"no component '{name}'; there are {', '.join(names)}"


def species_of(part: Component) -> Match:
    """What a component's species was taken for."""
    return match_one(part.species)


def curve_of(part: Component) -> GrowthCurve:
    """Growth curve of a component: its own, the one it names, or the catalogue's default.

    Raises
    ------
    AllometryError
    """
    if isinstance(part.growth, dict):
        return read_curve(f"{part.name} (own)", part.growth)
    if part.growth:
        return growth_curve(part.growth)
    found = species_of(part)
    return default_curve(
        found.species, found.family, found.growth_form, clone_name(part.clone) if part.clone else ""
    )


def _component(part: Component, where: tuple[str | int, ...]) -> Iterator[Fault]:
    match = species_of(part)
    if match.kind in {"none", "fuzzy"}:
        near = [match.species] if match.species else list(match.candidates)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        yield (*where, "species"), f"species '{part.species}' is not known.{guess}"
    if (part.role == "rubber") != (match.species == RUBBER) and match.kind != "none":
        yield (*where, "role"), f"role '{part.role}' does not fit the species {match.species}"
    ways = [part.stems_per_ha, part.stems_per_rai, part.spacing_m, part.land_share]
    if sum(way is not None for way in ways) != 1:
        yield where, "give one of stems_per_ha, stems_per_rai, spacing_m, land_share"
        return
    if part.spacing_m and not all(
        ROW_LIMITS_M[0] <= gap <= ROW_LIMITS_M[1] for gap in part.spacing_m
    ):
        yield (
            (*where, "spacing_m"),
            f"spacing {list(part.spacing_m)} is outside {ROW_LIMITS_M[0]}-{ROW_LIMITS_M[1]} m. "
            "Is it in feet or centimetres?",
        )
    low, high = RUBBER_STEMS
    if part.role == "rubber" and part.stocking > 0 and not low <= part.stocking <= high:
        yield (
            where,
            f"{part.stocking:g} rubber stems/ha is outside {low:g}-{high:g}. Is it per rai or per "
            "plot?",
        )
    for key in ("planting_year", "rotation_years"):
        value = getattr(part, key)
        if value is not None and value > FIRST_CALENDAR_YEAR:
            yield (
                (*where, key),
                f"{key} = {value}: years are counted from the start of the scenario (0), not by "
                "the calendar",
            )
    if part.clone and clone_name(part.clone) not in CLONES:
        yield (
            (*where, "clone"),
            f"clone '{part.clone}' is not known; leave it out, or write one of {', '.join(CLONES)}",
        )
    if part.mortality and part.mortality not in default_parameters():
        known = ", ".join(name for name in default_parameters() if name.startswith("mortality"))
        yield (*where, "mortality"), f"no mortality '{part.mortality}'; allowed: {known}"
    if bool(part.measured) != (part.start_age is not None):
        yield where, "'measured' and 'start_age' belong together"
    if part.measured and part.planting_year:
        yield (*where, "planting_year"), "a measured stand is there at year 0: no planting_year"


def _growth(part: Component, where: tuple[str | int, ...], years: int | None) -> Iterator[Fault]:
    try:
        curve = curve_of(part)
    except AllometryError as error:
        yield (*where, "growth"), str(error)
        return
    if (curve.response == "stand_agb") != (part.land_share is not None) and curve.id != "none":
        yield (
            (*where, "growth"),
            f"curve '{curve.id}' predicts {curve.response}: "
            + ("give land_share" if curve.response == "stand_agb" else "give a number of stems"),
        )
    oldest = part.rotation_years
    if years is not None and oldest is None:
        oldest = years - part.planting_year + (part.start_age or 0)
    if oldest is not None and oldest > curve.age[1] and not part.extrapolate:
        yield (
            (*where, "rotation_years" if part.rotation_years else "growth"),
            f"curve '{curve.id}' is known to age {curve.age[1]:g}, and '{part.name}' gets "
            f"{oldest} years old; shorten it, name another curve, or write extrapolate = true",
        )


def _event(scenario: Scenario, event: Event, where: tuple[str | int, ...]) -> Iterator[Fault]:
    parts = {part.name: part for part in scenario.component}
    if event.component not in parts:
        yield (*where, "component"), _unknown_part(event.component, list(parts))
        return
    part = parts[event.component]
    there = part.planting_year if not part.measured else -1
    if event.year <= there:
        yield (
            (*where, "year"),
            f"{event.kind} of '{part.name}' in year {event.year} comes before it is planted "
            f"(year {part.planting_year})",
        )
        return
    alive = _alive(scenario, part, event)
    if event.kind != "replanting" and alive == 0.0:
        yield (*where, "year"), f"in year {event.year} no '{part.name}' stands to be cut"
    same = [one for one in scenario.event if (one.year, one.component) == (event.year, part.name)]
    if len(same) > 1 and event is same[-1]:
        yield where, f"two events of '{part.name}' in year {event.year}: write them as one"
    if event.kind != "thinning":
        if event.percent is not None or event.stems_per_ha is not None:
            yield where, f"{event.kind} takes all stems: no percent and no stems_per_ha"
        return
    if (event.percent is None) == (event.stems_per_ha is None):
        yield where, "a thinning has one of percent and stems_per_ha"
    elif event.stems_per_ha is not None and alive > 0 and event.stems_per_ha > alive:
        yield (
            (*where, "stems_per_ha"),
            f"thinning takes {event.stems_per_ha:g} stems/ha of '{part.name}', but at most "
            f"{alive:.0f} stand there",
        )


def _alive(scenario: Scenario, part: Component, event: Event) -> float:
    """Stems/ha of a component just before an event, deaths left out."""
    earlier = sorted(
        (one for one in scenario.event if one.component == part.name and one.year < event.year),
        key=lambda one: one.year,
    )
    birth = -(part.start_age or 0) if part.measured else part.planting_year
    alive = sum(one.stems_per_ha for one in part.measured) or part.stocking
    for year in range(event.year):
        standing = alive > 0 and (year > birth or bool(part.measured))
        if standing and part.rotation_years is not None and year - birth >= part.rotation_years:
            birth, alive = year, part.stocking if part.replant else 0.0
        for one in earlier:
            if one.year != year:
                continue
            if one.kind == "replanting":
                birth, alive = year, part.stocking
            elif one.kind == "felling":
                alive = 0.0
            else:
                alive -= one.stems_per_ha or alive * (one.percent or 0.0) / 100.0
    return max(alive, 0.0)
