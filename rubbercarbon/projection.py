"""Scenarios through the years: pools, fluxes and emissions, without and with errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rubbercarbon import emissions, projection_report
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.config import Settings
from rubbercarbon.deviates import Deviates, Drawn
from rubbercarbon.errors import SettingsError
from rubbercarbon.growth import (
    Calendar,
    Figures,
    Part,
    calendar_of,
    grow_stand,
    growth_variance,
    parts_of,
)
from rubbercarbon.outcome import FLUXES, POOLS, Outcome
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import run_record
from rubbercarbon.scenarios.interface import Scenario, read_scenario
from rubbercarbon.stand_mass import Masses, prepare_masses, size_exponents

Floats = NDArray[np.float64]
LONGEST_AVERAGE = 200
WOOD = {"sawn": 1.0, "fuel": 0.0, "left": -1.0}
SWITCHES = ((True, True), (True, False), (False, True), (False, False))  # shade, competition


@dataclass
class Run:
    """One scenario, compiled: computes its outcome for any deviates.

    Attributes
    ----------
    scenario : Scenario
    years : int
        Years that are reported.
    window : int
        Years over which stocks are averaged, the same for all scenarios of a projection.
    length : int
        Years that are computed: no fewer than either.
    period : int or None
        Years of a whole number of rotations of every component; None where it does not repeat.
    """

    scenario: Scenario
    years: int
    settings: Settings
    window: int = 0
    parts: tuple[Part, ...] = field(init=False)
    calendar: Calendar = field(init=False)
    masses: Masses = field(init=False)
    shift: Floats = field(init=False)
    point: Outcome = field(init=False)
    draws: Outcome | None = None
    figures: Figures = field(init=False)

    def __post_init__(self) -> None:
        self.parts = parts_of(self.scenario)
        self.period = whole_rotations(self.scenario)
        self.window = self.window or averaging_window([self.period], self.years)
        self.length = max(self.years, self.window)
        self.calendar = calendar_of(self.scenario, self.parts, self.length)
        shape = self.calendar.age.shape
        self.figures = Figures(self.scenario, Deviates())
        still = np.zeros(shape)
        grown = grow_stand(self.scenario, self.parts, self.calendar, self.figures, still)
        self.masses = prepare_masses(self.parts, self.scenario.system, grown, self.settings.errors)
        exponent = size_exponents(self.parts, self.masses.choices, grown)
        variance = np.stack(
            [growth_variance(part, age) for part, age in zip(self.parts, self.calendar.age,
                                                             strict=True)]
        )  # fmt: skip
        self.shift = -0.5 * exponent * variance
        self.point = self.outcome(self.figures.deviates, centred=False)

    def outcome(
        self, deviates: Deviates, *, centred: bool, shade: bool = True, competition: bool = True
    ) -> Outcome:
        """Pools, fluxes and emissions at some deviates.

        Parameters
        ----------
        deviates : Deviates
        centred : bool
            Errors have a mean of one: for draws, not for the point or single errors.
        shade, competition : bool
            False switches the doubtful multipliers off.

        Returns
        -------
        Outcome
        """
        from allometry.kernels.stands import fill_pools  # noqa: PLC0415  (loads numba)

        figures = Figures(self.scenario, deviates)
        shift = self.shift if centred else np.zeros_like(self.shift)
        grown = grow_stand(
            self.scenario, self.parts, self.calendar, figures, shift, shade=shade,
            competition=competition,
        )  # fmt: skip
        agb, bgb = self.masses.carbon(grown, deviates, centred=centred)
        count, length = deviates.count, self.length
        rates = np.column_stack([
            figures.draws("deadwood_decay"), figures.draws("root_decay"),
            math.log(2.0) / figures.draws("product_half_life"), figures.draws("litter_share"),
            figures.draws("residue_share"), figures.draws("sawn_recovery"),
        ])  # fmt: skip
        pools, standing, fluxes = (np.zeros((len(POOLS), length + 1, count)) for _ in range(3))
        herb = np.array([choice.herb for choice in self.masses.choices])
        fill_pools(
            agb, bgb, herb, grown.before, grown.after, self.calendar.planted, self.calendar.cut,
            np.array([WOOD[part.component.wood] for part in self.parts]), self.calendar.burn,
            rates, pools[:-1], standing[:-1], fluxes[:-1],
        )  # fmt: skip
        self._soil(figures, pools, standing, fluxes)
        burnt = fluxes[FLUXES.index("burnt")]
        fraction = self.masses.choices[0].carbon_fraction
        dose = emissions.nitrogen(self.scenario, self.parts, self.calendar, figures)
        emitted = np.stack([
            emissions.fertiliser(dose, figures), emissions.fuel(self.scenario, figures, length),
            emissions.burning(burnt, fraction, figures),
        ])  # fmt: skip
        latex = emissions.latex(self.scenario, self.parts, self.calendar, figures)
        return Outcome(pools, standing, fluxes, emitted, latex, grown, agb, bgb)

    def _soil(self, figures: Figures, pools: Floats, standing: Floats, fluxes: Floats) -> None:
        """Soil carbon: the stock at the start, and a change that comes about in equal steps."""
        soil = self.scenario.soil
        reference = soil.reference_t_c_ha
        if reference is None:
            reference = figures.value("soil_reference")
        if soil.change_percent is not None:
            gain = np.full(figures.deviates.count, soil.change_percent / 100.0)
        elif self.scenario.agroforestry:
            gain = figures.draws("soil_gain_agroforestry")
        else:
            gain = np.zeros(figures.deviates.count)
        time = np.arange(self.length + 1) / figures.value("soil_years")
        pools[-1] = reference * (1.0 + np.minimum(time, 1.0)[:, None] * gain)
        standing[-1] = pools[-1]
        fluxes[-1, 1:] = np.diff(pools[-1], axis=0)


def whole_rotations(scenario: Scenario) -> int | None:
    """Years after which a scenario repeats, 200 at most; None where it does not.

    It does not with events of single years, or components that are not felled or not replanted.
    """
    lengths = set()
    for part in scenario.component:
        if part.stocking == 0 or part.land_share is not None:
            continue
        if part.rotation_years is None or not part.replant or part.measured:
            return None
        lengths.add(part.rotation_years)
    if not lengths or scenario.event:
        return None
    return min(math.lcm(*lengths), LONGEST_AVERAGE)


def averaging_window(periods: Sequence[int | None], years: int) -> int:
    """Years over which all scenarios of a projection are averaged.

    The common period of those that repeat, 200 at most; beside one that does not, as many whole
    periods of the others as the projection holds, or all its years.
    """
    known = [period for period in periods if period is not None]
    if not known:
        return years
    common = min(math.lcm(*known), LONGEST_AVERAGE)
    if len(known) < len(periods):
        return years if years < common else common * (years // common)
    return common


def share_parameters(scenarios: list[Scenario]) -> list[Scenario]:
    """Figures that one scenario changes, changed for all that do not give their own.

    A figure belongs to the place, not to a design: a difference of mortality that only one side
    knows of would be taken for an effect of the design.
    """
    given = {name: figure for one in reversed(scenarios) for name, figure in one.parameters.items()}
    return [one.model_copy(update={"parameters": {**given, **one.parameters}}) for one in scenarios]


@dataclass
class Projection:
    """Scenarios projected together; what `project` returns.

    Attributes
    ----------
    runs : dict of Run
        By scenario id, in the order asked for.
    years, draws, seed : int
    level : float
    digests : dict
        sha256 of files that went in, by name.
    """

    runs: dict[str, Run]
    years: int
    draws: int
    seed: int
    level: float
    settings: Settings
    digests: dict[str, str] = field(default_factory=dict)

    @cached_property
    def deviates(self) -> Drawn:
        """Draws that all scenarios share."""
        return Drawn(count=max(self.draws, 1), seed=self.seed)

    @cached_property
    def pools(self) -> pd.DataFrame:
        """Pools by scenario and year: point, and mean, sd and interval of the draws [t C/ha]."""
        return projection_report.pools(self)

    @cached_property
    def fluxes(self) -> pd.DataFrame:
        """Fluxes, emissions and latex by scenario and year."""
        return projection_report.fluxes(self)

    @cached_property
    def stands(self) -> pd.DataFrame:
        """Stems, diameters and biomass of each component by year, without errors."""
        return projection_report.stands(self)

    @cached_property
    def assumptions(self) -> pd.DataFrame:
        """Every figure and rule used, with source and grade."""
        notes = Assumptions()
        for run in self.runs.values():
            projection_report.assume(run, notes)
        return notes.frame()

    @cached_property
    def found_problems(self) -> Problems:
        """Alarms: figures of the point that are outside what was ever measured."""
        problems = Problems()
        for run in self.runs.values():
            projection_report.alarm(run, problems)
        return problems

    @property
    def problems(self) -> pd.DataFrame:
        """The alarms as a table."""
        return self.found_problems.frame()

    @property
    def status(self) -> str:
        """At most PROJECT_ESTIMATE; SCREENING_ESTIMATE where a component is unknown."""
        unknown = any(c.why_not for run in self.runs.values() for c in run.masses.choices)
        return "SCREENING_ESTIMATE" if unknown else "PROJECT_ESTIMATE"

    @cached_property
    def run(self) -> dict[str, Any]:
        """The record of the run."""
        values = self.settings.model_dump(mode="json")
        values["catalogues"] = [Path(folder).name for folder in self.settings.catalogues]
        values |= {"years": self.years, "draws": self.draws, "seed": self.seed, "level": self.level}
        values["scenarios"] = {
            name: run.scenario.model_dump(mode="json") for name, run in self.runs.items()
        }
        return {**run_record(values, self.digests), "kind": "projection", "status": self.status}


def project(
    scenarios: Sequence[str | Path | Scenario],
    *,
    years: int = 30,
    draws: int = 1000,
    seed: int = 1,
    level: float = 0.90,
    settings: Settings | None = None,
) -> Projection:
    """Project scenarios year by year, all with the same draw of every shared error.

    Parameters
    ----------
    scenarios : sequence of str, Path or Scenario
        Ids of the library, files, or scenarios made in code.
    years : int
        Length of the projection [year].
    draws : int
        Monte Carlo draws; 0: the point alone.
    seed : int
        Of the draws; the same seed gives the same draws on any machine.
    level : float
        Of the central intervals [1].
    settings : Settings, optional
        Its ``errors`` and ``equations`` are used.

    Returns
    -------
    Projection
        Pools [t C/ha], fluxes and stands by year; all per hectare.

    Raises
    ------
    ScenarioError
        For files with faults; nothing is computed then.
    SettingsError
        For two scenarios of one id, or no scenario.

    Notes
    -----
    A cohort is a component planted in one year. Its stems all have the mean diameter of the stand:
    ln D follows its growth curve plus errors of curve, locality and plot; shade slows the clock of
    companions, crowding lowers the diameter of rubber. Errors of allometry are those of an
    inventory, shared by all years and scenarios.

    Examples
    --------
    >>> import rubbercarbon as rc
    >>> runs = rc.project(["monoculture"], years=25, draws=0)
    >>> runs.pools.query("pool == 'agb' and year == 24")["t_c_ha"].round(0).tolist()
    [56.0]
    """
    settings = settings or Settings()
    if years < 1 or years > LONGEST_AVERAGE:
        raise SettingsError(f"years = {years}: give 1 to {LONGEST_AVERAGE}.")
    if draws < 0 or draws == 1:
        raise SettingsError(f"draws = {draws}: give 0 for none, or at least 2.")
    read = [
        one if isinstance(one, Scenario) else read_scenario(one, years=years) for one in scenarios
    ]
    if not read:
        raise SettingsError("no scenario given.")
    ids = [one.id for one in read]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise SettingsError(f"two scenarios are called '{twice[0]}'; give one another id.")
    read = share_parameters(read)
    window = averaging_window([whole_rotations(one) for one in read], years)
    runs = {one.id: Run(one, years, settings, window) for one in read}
    result = Projection(runs, years, draws, seed, level, settings)
    if draws:
        for run in runs.values():
            run.draws = run.outcome(result.deviates, centred=True)
    return result
