"""Scenarios against a baseline: paired by draw, with what decides the difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rubbercarbon.deviates import Probes
from rubbercarbon.economics import Accounts, Prices, account_for
from rubbercarbon.errors import SettingsError
from rubbercarbon.outcome import POOLS, SUMS, Outcome, removals
from rubbercarbon.parameters import Z_90
from rubbercarbon.problems import Problems
from rubbercarbon.projection import SWITCHES, Projection, Run
from rubbercarbon.projection_report import spread

Floats = NDArray[np.float64]
HEADLINE = "biomass"
WITHHELD = "withheld"
NOTHING = "no difference"


@dataclass
class Pair:
    """One scenario against the baseline.

    Attributes
    ----------
    run, base : Run
    years : int
    """

    run: Run
    base: Run
    years: int
    deviates: Any = None

    def averages(self, run: Run, outcome: Outcome, name: str) -> Floats:
        """Time-averaged stock over the window that all scenarios share."""
        return outcome.average(name, run.window)

    def average_difference(self, pair: tuple[Outcome, Outcome], name: str) -> Floats:
        """Time-averaged stock over the baseline's, shape (n_draws,)."""
        return self.averages(self.run, pair[0], name) - self.averages(self.base, pair[1], name)

    def difference(self, pair: tuple[Outcome, Outcome], name: str) -> Floats:
        """Stock over the baseline's by year, shape (n_years + 1, n_draws)."""
        keep = slice(0, self.years + 1)
        return np.asarray(pair[0].stock(name)[keep] - pair[1].stock(name)[keep])

    @property
    def point(self) -> tuple[Outcome, Outcome]:
        """Both without errors."""
        return self.run.point, self.base.point

    @cached_property
    def points_by_switch(self) -> dict[tuple[bool, bool], tuple[Outcome, Outcome]]:
        """Points under each combination of shade and competition."""
        from rubbercarbon.deviates import Deviates  # noqa: PLC0415

        return {
            (shade, crowd): (
                self.run.outcome(Deviates(), centred=False, shade=shade, competition=crowd),
                self.base.outcome(Deviates(), centred=False, shade=shade, competition=crowd),
            )
            for shade, crowd in SWITCHES
        }

    @cached_property
    def draws_by_switch(self) -> dict[tuple[bool, bool], tuple[Outcome, Outcome]]:
        """Draws under each combination; empty without draws."""
        if self.run.draws is None or self.base.draws is None:
            return {}
        found = {(True, True): (self.run.draws, self.base.draws)}
        for shade, crowd in SWITCHES[1:]:
            found[shade, crowd] = (
                self.run.outcome(self.deviates, centred=True, shade=shade, competition=crowd),
                self.base.outcome(self.deviates, centred=True, shade=shade, competition=crowd),
            )
        return found

    def decided(self, values: list[float]) -> bool:
        """Whether a difference has one sign under every combination of the switches."""
        signs = {np.sign(round(value, 12)) for value in values}
        return len(signs) == 1


@dataclass
class Comparison:
    """What `compare_scenarios` returns; tables are made when first asked for.

    Attributes
    ----------
    projection : Projection
    baseline : str
    pairs : dict of Pair
        By scenario.
    prices : Prices or None
    """

    projection: Projection
    baseline: str
    pairs: dict[str, Pair]
    prices: Prices | None = None

    @cached_property
    def difference(self) -> pd.DataFrame:
        """Difference by scenario, year and pool [t C/ha]; ``p_greater`` empty where withheld."""
        tables = []
        for name, pair in self.pairs.items():
            for pool in (*POOLS, *SUMS):
                point = pair.difference(pair.point, pool)[:, 0]
                table: dict[str, Any] = {
                    "scenario": name, "baseline": self.baseline,
                    "year": np.arange(pair.years + 1), "pool": pool, "difference_t_c_ha": point,
                }  # fmt: skip
                drawn = pair.draws_by_switch.get((True, True))
                if drawn:
                    values = pair.difference(drawn, pool)
                    table |= {
                        f"difference_t_c_ha_{k}": v
                        for k, v in spread(values, self.projection.level).items()
                    }
                    switched = np.stack(
                        [pair.difference(p, pool)[:, 0] for p in pair.points_by_switch.values()]
                    )
                    one_sign = np.ptp(np.sign(np.round(switched, 12)), axis=0) == 0
                    known = one_sign & values.any(axis=1)
                    table["p_greater"] = np.where(known, (values > 0).mean(axis=1), np.nan)
                tables.append(pd.DataFrame(table))
        return pd.concat(tables, ignore_index=True)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per scenario, the baseline first, with its difference from the baseline."""
        rows = [self._row(self.baseline, None)]
        rows += [self._row(name, pair) for name, pair in self.pairs.items()]
        return pd.DataFrame(rows)

    def _row(self, name: str, pair: Pair | None) -> dict[str, Any]:
        run = self.projection.runs[name]
        years, level = self.projection.years, self.projection.level
        period = run.window
        row: dict[str, Any] = {
            "scenario": name,
            "averaged_years": period,
            "whole_rotations": run.period is not None and period % run.period == 0,
        }
        for pool in (HEADLINE, "total"):
            row |= _figures(
                f"{pool}_average_t_c_ha", run.point.average(pool, period),
                None if run.draws is None else run.draws.average(pool, period), level,
            )  # fmt: skip
        standing = run.point.stock(HEADLINE, before=True)[: years + 1, 0]
        row["biomass_peak_t_c_ha"] = float(standing.max())
        row["biomass_peak_year"] = int(standing.argmax())
        row |= _figures(
            "net_removals_t_co2e_ha", removals(run.point)[years],
            None if run.draws is None else removals(run.draws)[years], level,
        )  # fmt: skip
        if pair is not None:
            row |= self._against(pair)
        row["status"] = self.projection.status
        return row

    def _against(self, pair: Pair) -> dict[str, Any]:
        """Difference of averages, its probability or the range that withholds it."""
        drawn = pair.draws_by_switch.get((True, True))
        row: dict[str, Any] = {}
        for pool in (HEADLINE, "total"):
            row |= _figures(
                f"{pool}_average_difference_t_c_ha", pair.average_difference(pair.point, pool),
                None if drawn is None else pair.average_difference(drawn, pool),
                self.projection.level,
            )  # fmt: skip
        points = [
            float(pair.average_difference(p, HEADLINE)[0]) for p in pair.points_by_switch.values()
        ]
        row["difference_lowest_switch_t_c_ha"] = min(points)
        row["difference_highest_switch_t_c_ha"] = max(points)
        if drawn is not None:
            chances = [
                float((pair.average_difference(p, HEADLINE) > 0).mean())
                for p in pair.draws_by_switch.values()
            ]
            row["p_greater_lowest_switch"] = min(chances)
            row["p_greater_highest_switch"] = max(chances)
            same = not pair.average_difference(drawn, HEADLINE).any()
            given = pair.decided(points) and not same
            row["p_greater"] = chances[0] if given else np.nan
            row["p_greater_status"] = NOTHING if same else "given" if given else WITHHELD
        return row | self._break_even(pair, drawn)

    def _break_even(self, pair: Pair, drawn: tuple[Outcome, Outcome] | None) -> dict[str, Any]:
        """First year from which the stock, averaged since the start, stays above the baseline's."""
        years = break_even_year(pair.difference(pair.point, "total"))
        row: dict[str, Any] = {"break_even_year": years[0]}
        if drawn is not None:
            found = break_even_year(pair.difference(drawn, "total"))
            row["break_even_never_share"] = float(np.isnan(found).mean())
        return row

    @cached_property
    def switches(self) -> pd.DataFrame:
        """The four combinations of shade and competition, whose multipliers are grade C."""
        rows = []
        for name, pair in self.pairs.items():
            for (shade, crowd), point in pair.points_by_switch.items():
                row: dict[str, Any] = {
                    "scenario": name,
                    "shade": "full" if shade else "none",
                    "competition": "size-weighted" if crowd else "none",
                    "biomass_average_difference_t_c_ha": pair.average_difference(point, HEADLINE)[
                        0
                    ],
                    "biomass_difference_at_end_t_c_ha": pair.difference(point, HEADLINE)[-1, 0],
                }
                if pair.draws_by_switch:
                    drawn = pair.draws_by_switch[shade, crowd]
                    row["p_greater"] = (pair.average_difference(drawn, HEADLINE) > 0).mean()
                rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def drivers(self) -> pd.DataFrame:
        """Which component and pool makes the difference of time-averaged stocks [t C/ha]."""
        rows = []
        for name, pair in self.pairs.items():
            parts = _component_averages(pair.run)
            for part, value in _component_averages(pair.base).items():
                parts[part] = parts.get(part, 0.0) - value
            for pool in POOLS[3:]:
                parts[pool] = float(pair.average_difference(pair.point, pool)[0])
            rows += [
                {"scenario": name, "driver": part, "difference_t_c_ha": value}
                for part, value in parts.items()
            ]
        return pd.DataFrame(rows)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """Time-averaged biomass difference with each error alone at the ends of its 90 % range."""
        rows = []
        for name, pair in self.pairs.items():
            from rubbercarbon.deviates import Deviates  # noqa: PLC0415

            asked = Deviates()
            pair.run.outcome(asked, centred=False)
            pair.base.outcome(asked, centred=False)
            probes = Probes(labels={}, keys=tuple(asked.labels), size=Z_90)
            ends = pair.average_difference(
                (pair.run.outcome(probes, centred=False), pair.base.outcome(probes, centred=False)),
                HEADLINE,
            )
            centre = float(pair.average_difference(pair.point, HEADLINE)[0])
            table = pd.DataFrame(
                {
                    "scenario": name,
                    "assumption": list(asked.labels.values()),
                    "at_low_t_c_ha": ends[0::2],
                    "at_high_t_c_ha": ends[1::2],
                }
            )
            table["centre_t_c_ha"] = centre
            table["swing_t_c_ha"] = (table["at_high_t_c_ha"] - table["at_low_t_c_ha"]).abs()
            rows.append(table.sort_values("swing_t_c_ha", ascending=False, kind="stable"))
        return pd.concat(rows, ignore_index=True)

    @cached_property
    def accounts(self) -> Accounts | None:
        """Cash flows, net present values and break-even carbon prices; None without prices."""
        if self.prices is None:
            return None
        return account_for(self.projection, self.baseline, self.prices)

    @cached_property
    def problems(self) -> Problems:
        """What is doubtful in the scenarios, and prices that are missing or not taken."""
        found = Problems(self.projection.found_problems.headings)
        found.items = list(self.projection.found_problems.items)
        if self.accounts is not None:
            for item in self.accounts.missing:
                scenario, _, what = item.partition(": ")
                found.add("price_missing", column="prices", value=what, scenario=scenario)
            for item in self.accounts.unused:
                found.add("price_unused", column="prices", value=item)
        return found

    @property
    def run(self) -> dict[str, Any]:
        """The record of the run."""
        prices = None if self.prices is None else self.prices.model_dump(mode="json")
        return {
            **self.projection.run, "kind": "comparison", "baseline": self.baseline,
            "prices": prices,
        }  # fmt: skip


def _figures(name: str, point: Floats, drawn: Floats | None, level: float) -> dict[str, Any]:
    row: dict[str, Any] = {name: float(point[0])}
    if drawn is not None:
        row |= {f"{name}_{k}": float(v) for k, v in spread(drawn, level).items()}
    return row


def _component_averages(run: Run) -> dict[str, float]:
    """Time-averaged living biomass of each component [t C/ha] without errors."""
    period = run.window
    outcome = run.point
    found: dict[str, float] = {}
    carbon = (outcome.agb + outcome.bgb)[:, :, 0]
    for p, part in enumerate(run.parts):
        if run.masses.choices[p].herb:
            continue
        before = outcome.grown.before[p, :, 0] * carbon[p]
        left = before * (1.0 - run.calendar.cut[p])
        name = part.component.name
        average = 0.5 * (left[:period] + before[1 : period + 1]).mean()
        found[name] = found.get(name, 0.0) + float(average)
    return found


def break_even_year(difference: Floats) -> Floats:
    """First year from which the mean difference since the start is above 0 to the end.

    Parameters
    ----------
    difference : ndarray, shape (n_years + 1, n_draws)

    Returns
    -------
    ndarray, shape (n_draws,)
        NaN where there is none.
    """
    years = difference.shape[0]
    above = np.cumsum(difference, axis=0) > 1e-12
    stays = np.flip(np.logical_and.accumulate(np.flip(above, axis=0), axis=0), axis=0)
    first = stays.argmax(axis=0).astype(np.float64)
    return np.where(stays.any(axis=0), np.minimum(first, years - 1), np.nan)


def compare_scenarios(
    projection: Projection, baseline: str = "", *, prices: Prices | None = None
) -> Comparison:
    """Compare projected scenarios with one of them, draw by draw.

    Parameters
    ----------
    projection : Projection
        Of `project`.
    baseline : str
        Id of the scenario that the others are compared with; the first by default.
    prices : Prices, optional
        Of `read_prices`; then income and costs are compared as well.

    Returns
    -------
    Comparison

    Raises
    ------
    SettingsError
        For a baseline that was not projected, or nothing to compare it with.

    Notes
    -----
    Both sides of a difference meet the same draw of every shared error. The probability that a
    scenario holds more is withheld while the sign of the point hangs on the multipliers of shade
    and competition (grade C); the range over their four combinations is given instead.

    Examples
    --------
    >>> import rubbercarbon as rc
    >>> runs = rc.project(["monoculture", "double_row_timber"], years=25, draws=0)
    >>> rc.compare_scenarios(runs).summary["scenario"].tolist()
    ['monoculture', 'double_row_timber']
    """
    baseline = baseline or next(iter(projection.runs))
    if baseline not in projection.runs:
        raise SettingsError(
            f"baseline '{baseline}' was not projected; choose one of {', '.join(projection.runs)}."
        )
    if len(projection.runs) < 2:
        raise SettingsError("a comparison needs at least two scenarios.")
    base = projection.runs[baseline]
    pairs = {
        name: Pair(run, base, projection.years, projection.deviates)
        for name, run in projection.runs.items()
        if name != baseline
    }
    return Comparison(projection, baseline, pairs, prices)
