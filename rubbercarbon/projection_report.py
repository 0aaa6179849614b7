"""Tables, assumptions and alarms of projected scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rubbercarbon import emissions
from rubbercarbon.columns import RAI_PER_HA
from rubbercarbon.growth import Part
from rubbercarbon.outcome import FLUXES, POOLS, SUMS, Outcome, removals
from rubbercarbon.parameters import default_parameters
from rubbercarbon.pools import co2e
from rubbercarbon.stand_mass import report

if TYPE_CHECKING:
    from rubbercarbon.assumptions import Assumptions
    from rubbercarbon.problems import Problems
    from rubbercarbon.projection import Projection, Run

Floats = NDArray[np.float64]
WOOD_CARBON = (0.44, 0.52)
ALARM_AGE = 30


def spread(values: Floats, level: float) -> dict[str, Floats]:
    """Mean, sd and interval over the last axis."""
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=-1)
    return {"mean": values.mean(axis=-1), "sd": values.std(axis=-1, ddof=1), "low": low,
            "high": high}  # fmt: skip


def _rows(
    projection: Projection, names: tuple[str, ...], column: str, unit: str, kind: str
) -> Iterator[pd.DataFrame]:
    years = np.arange(projection.years + 1)
    for scenario, run in projection.runs.items():
        for name in names:
            point = series(run.point, name, kind)[: projection.years + 1, 0]
            table = {"scenario": scenario, "year": years, column: name, unit: point}
            if run.draws is not None:
                drawn = series(run.draws, name, kind)[: projection.years + 1]
                table |= {f"{unit}_{k}": v for k, v in spread(drawn, projection.level).items()}
            yield pd.DataFrame(table)


def series(outcome: Outcome, name: str, kind: str) -> Floats:
    """One pool, flux, emission or export by year and draw."""
    if kind == "pool":
        return outcome.stock(name)
    if kind == "flux":
        return np.asarray(outcome.fluxes[FLUXES.index(name)])
    if kind == "emission":
        return np.asarray(outcome.emitted[emissions.SOURCES.index(name)])
    return outcome.latex if name == "latex" else removals(outcome)


def pools(projection: Projection) -> pd.DataFrame:
    """Pools and their sums, long and tidy."""
    return pd.concat(
        _rows(projection, (*POOLS, *SUMS), "pool", "t_c_ha", "pool"), ignore_index=True
    )


def fluxes(projection: Projection) -> pd.DataFrame:
    """Fluxes of carbon, emissions of other gases, latex: long, with the unit as a column."""
    groups = (
        (FLUXES, "flux", "t C/ha/yr"),
        (emissions.SOURCES, "emission", "t CO2e/ha/yr"),
        (("latex",), "export", "kg/ha/yr"),
        (("net_removals",), "export", "t CO2e/ha since year 0"),
    )
    tables = [
        table.assign(unit=unit)
        for names, kind, unit in groups
        for table in _rows(projection, names, "flux", "value", kind)
    ]
    return pd.concat(tables, ignore_index=True)


def stands(projection: Projection) -> pd.DataFrame:
    """Stems, diameter and biomass of every component and year, of the point."""
    tables = []
    years = np.arange(projection.years + 1)
    for scenario, run in projection.runs.items():
        keep = slice(0, projection.years + 1)
        names = [part.component.name for part in run.parts]
        for name in dict.fromkeys(names):
            mine = [p for p, one in enumerate(names) if one == name]
            stems = run.point.grown.before[mine, keep, 0]
            after = run.point.grown.after[mine, keep, 0].sum(axis=0)
            weight = np.where(stems.sum(axis=0) > 0, stems.sum(axis=0), 1.0)
            choice = run.masses.choices[mine[0]]
            known = not choice.why_not
            agb = (stems * run.point.agb[mine, keep, 0]).sum(axis=0) / choice.carbon_fraction
            by_area = run.parts[mine[0]].curve.response == "stand_agb"
            dbh = (stems * run.point.grown.dbh[mine, keep, 0]).sum(axis=0) / weight
            tables.append(
                pd.DataFrame(
                    {
                        "scenario": scenario,
                        "year": years,
                        "component": name,
                        "species": run.parts[mine[0]].match.species,
                        "age_years": run.calendar.age[mine[0], keep],
                        "stems_per_ha": np.nan if by_area else stems.sum(axis=0),
                        "stems_after_per_ha": np.nan if by_area else after,
                        "dbh_cm": np.nan
                        if by_area or not known
                        else np.where(dbh > 0, dbh, np.nan),
                        "agb_t_ha": agb if known else np.nan,
                        "growth": run.parts[mine[0]].curve.id,
                        "equation_id": "" if by_area else choice.equation,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def assume(run: Run, notes: Assumptions) -> None:
    """Everything that a scenario rests on."""
    scenario = run.scenario
    notes.add(
        "scenario", f"{scenario.id}: {scenario.rationale}", scenario.kind,
        applies_to=scenario.id, source="; ".join(scenario.sources),
        grade="C" if scenario.kind == "synthetic" else "",
    )  # fmt: skip
    for part in {p.component.name: p for p in run.parts}.values():
        component, curve = part.component, part.curve
        whom = f"{scenario.id}: {component.name}"
        notes.add(
            "design", f"{component.species}, planted in year {component.planting_year}",
            f"{component.stocking:g}",
            unit="share of land" if component.land_share else "stems/ha",
            applies_to=whom, source=component.source,
        )  # fmt: skip
        if component.note:
            notes.add("note of the scenario", component.note, applies_to=whom, source=scenario.id)
        notes.add(
            "growth", f"{curve.id}: {curve.region}; {curve.note}".rstrip("; "),
            f"sd of ln D {part.sd_growth:.3f}" if part.estimated else "unknown",
            applies_to=whom, source=curve.citation, grade=curve.grade,
        )  # fmt: skip
        _beyond(run, part, whom, notes)
        if component.measured:
            notes.add(
                "growth", "starts from measured trees: the rest of the stand's deviation from the "
                "curve is carried on, and the error of growth shrinks",
                f"{part.spared:.2f}", unit="of its sd", applies_to=whom, source="measured",
            )  # fmt: skip
    for name, figure in run.figures.used.items():
        value = f"{figure.value:g}"
        if figure.varies:
            value += f" ({figure.low:g} to {figure.high:g})"
        known = default_parameters()[name]
        notes.add(
            "scenario figure", f"{name}: {figure.meaning or known.meaning}", value,
            unit=figure.unit or known.unit,
            applies_to="all scenarios",
            source=figure.citation, grade=figure.grade,
        )  # fmt: skip
    for effect in scenario.effect:
        notes.add(
            "declared effect", f"{effect.on} of {effect.component}",
            f"{effect.percent:+g} ({effect.low:+g} to {effect.high:+g})", unit="%",
            applies_to=scenario.id, source=effect.source, grade=effect.grade,
        )  # fmt: skip
    report(run.masses, scenario.id, notes)
    _rules(run, notes)


def _beyond(run: Run, part: Part, whom: str, notes: Assumptions) -> None:
    """A row for years in which a curve runs beyond its source."""
    oldest = max(
        int(run.calendar.age[p, : run.years + 1].max())
        for p, one in enumerate(run.parts)
        if one.component is part.component
    )
    limit = part.curve.age[1]
    if oldest > limit:
        notes.add(
            "beyond age", "the growth curve runs beyond the ages of its source",
            f"{oldest} of {limit:g}", unit="yr", applies_to=whom, source="scenario (extrapolate)",
            grade="C",
        )  # fmt: skip


def _rules(run: Run, notes: Assumptions) -> None:
    rules = (
        ("mean tree", "all stems of a component have its mean diameter, which understates a stand "
         "of unequal stems"),
        ("single trees", "scatter of single trees averages out over a stand and is left out"),
        ("seedlings", "stems of age 0 hold nothing"),
        ("companions", "companions are shaded but not crowded; shade acts while they are lower "
         "than the rubber"),
        ("mortality", "stems die at a constant rate; crowding counts them as they die"),
    )  # fmt: skip
    for topic, text in rules:
        notes.add(topic, text, applies_to="all scenarios", source="rule of this library")
    if run.scenario.emissions.fuel_l_per_ha is None:
        notes.add("emissions", "fuel: unknown, counted as nothing", "unknown",
                  applies_to=run.scenario.id, source="scenario")  # fmt: skip
    text = "whole rotations of every component, the same years for all scenarios"
    if run.period is None:
        text = (
            "the scenario does not repeat (a component is never felled or not replanted, was "
            "measured, or has events of single years): averaged over the same years as the others"
        )
    notes.add("time average", text, run.window, unit="yr", applies_to=run.scenario.id,
              source="rule of this library")  # fmt: skip


def alarm(run: Run, problems: Problems) -> None:
    """Warnings about figures of the point beyond what was measured anywhere."""
    figures, name = run.figures, run.scenario.id
    biomass = run.point.stock("biomass", before=True)[: run.years + 1, 0]
    fractions = [c.carbon_fraction for c in run.masses.choices]
    if not run.scenario.agroforestry:
        ages = run.calendar.age[:, : run.years + 1].max(axis=0)
        young = biomass[(ages >= 0) & (ages <= ALARM_AGE)]
        limit = figures.value("alarm_monoculture")
        if young.size and young.max() > limit:
            problems.add("alarm_monoculture", file=name, value=f"{young.max():.0f}", limit=limit)
    else:
        stems = run.point.grown.before[:, : run.years + 1, 0]
        carbon = (run.point.agb + run.point.bgb)[:, : run.years + 1, 0]
        mass = (stems * carbon / np.array(fractions)[:, None]).sum(axis=0).max()
        limit = figures.value("alarm_agroforest")
        if mass > limit:
            problems.add("alarm_agroforest", file=name, value=f"{mass:.0f}", limit=limit)
    period = int(figures.value("alarm_period"))
    after = run.point.stock("biomass")[: run.years + 1, 0]
    if len(biomass) > period:
        gain = co2e((biomass[period:] - after[:-period]) / period).max() / RAI_PER_HA
        limit = figures.value("alarm_gain")
        if gain > limit:
            problems.add("alarm_gain", file=name, value=f"{gain:.1f}", limit=limit, period=period)
    for part, fraction in zip(run.parts, fractions, strict=True):
        if not WOOD_CARBON[0] <= fraction <= WOOD_CARBON[1]:
            problems.add("alarm_carbon", file=name, value=fraction, component=part.component.name)
    for event in run.scenario.event:
        if event.year > run.years:
            problems.add("event_beyond", file=name, value=event.year, kind=event.kind,
                         component=event.component, years=run.years)  # fmt: skip
    for part, choice in zip(run.parts, run.masses.choices, strict=True):
        if choice.why_not:
            problems.add("component_unknown", file=name, value=part.component.name,
                         species=part.match.species, why=choice.why_not)  # fmt: skip
