"""Sums over sites with their intervals: one error budget for all trees, run folders beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import RAI_PER_HA
from rubbercarbon.config import Settings
from rubbercarbon.distributions import Spread
from rubbercarbon.error_layout import lay_out_prepared, masses_of, plot_area_cv
from rubbercarbon.inventory import Inventory
from rubbercarbon.living import Floats
from rubbercarbon.montecarlo import monte_carlo
from rubbercarbon.pools import co2e
from rubbercarbon.sampling import RANDOM
from rubbercarbon.stock_errors import ENDS, attribution, total_weights
from rubbercarbon.stock_points import Points
from rubbercarbon.stock_sampling import COLUMNS as SAMPLING_COLUMNS
from rubbercarbon.stock_sampling import sampling_rows
from rubbercarbon.stocks import Stocks
from rubbercarbon.totals import total_table
from rubbercarbon.uncertainty import analytic

STOCKS = ("agb_t", "bgb_t", "carbon_t", "co2e_t", "herb_t")
LAND, PLOTS, MIXED = "land", "measured plots", "mixed"


@dataclass(frozen=True)
class Members:
    """Sites that have stocks.

    Attributes
    ----------
    table : pandas.DataFrame
        By number of the site: ``describes``, ``area_ha`` (that the figures describe),
        ``area_measured_ha``, ``n_plots``, ``n_trees`` and the stocks' points [t]; for sites from a
        run folder ``_sd``, ``_low`` and ``_high`` too.
    weights : dict
        Number of a site estimated here → what its total is of the joined plots.
    runs : frozenset of str
        Numbers of the sites that come from a run folder.
    levels : dict
        Number of such a site → level of its own intervals.
    """

    table: pd.DataFrame
    weights: dict[str, Floats]
    runs: frozenset[str]
    levels: dict[str, float]


def members(points: Points | None, runs: dict[str, Stocks]) -> Members:
    """Points and weights of the sites, each as if it had been estimated alone."""
    rows: dict[str, dict[str, Any]] = {}
    weights: dict[str, Floats] = {}
    if points is not None:
        plots = points.plots
        places = plots.groupby("site_id", sort=True).indices
        for number, place in places.items():
            mine = plots.iloc[place].reset_index(drop=True)
            total = total_table(mine, Assumptions())
            by_plot, _ = total_weights(mine, total)
            weight = np.zeros(len(plots))
            weight[place] = by_plot[-1]
            weights[str(number)] = weight
            rows[str(number)] = _row(total.iloc[-1].to_dict())
    for number, stocks in runs.items():
        rows[number] = _row(stocks.total.iloc[-1].to_dict())
    table = pd.DataFrame.from_dict(rows, orient="index").sort_index()
    levels = {number: float(one.run["settings"]["level"]) for number, one in runs.items()}
    return Members(table, weights, frozenset(runs), levels)


def _row(total: dict[Any, Any]) -> dict[str, Any]:
    area = total["area_ha"] if total["describes"] == LAND else total["area_measured_ha"]
    keys = ("describes", "n_plots", "n_trees", "area_measured_ha")
    ends = [f"{name}_{end}" for name in STOCKS for end in ENDS]
    return {
        **{name: total[name] for name in keys},
        "area_ha": area,
        **{name: total[name] for name in (*STOCKS, *ends) if name in total},
    }


class Sums:
    """Sums over groups of sites.

    Parameters
    ----------
    found : Members
    points : Points or None
        Of the joined inventory; None where all sites come from run folders.
    joined : Inventory or None
    settings : Settings
    assumptions : Assumptions
    """

    def __init__(
        self, found: Members, points: Points | None, joined: Inventory | None, settings: Settings,
        assumptions: Assumptions,
    ) -> None:  # fmt: skip
        self.found, self.points, self.joined = found, points, joined
        self.settings, self.assumptions = settings, assumptions
        self.attribution = pd.DataFrame()
        if points is None or joined is None:
            return
        self.layout = lay_out_prepared(
            points.prepared, points.result, joined.plots, settings, assumptions
        )
        masses = masses_of(
            points.prepared, points.result, points.plots,
            plot_area_cv(joined.plots, settings, assumptions),
        )  # fmt: skip
        on_land = points.plots["site_id"].map(found.table["describes"]) == LAND
        self.masses = replace(masses, area_cv=np.where(on_land, masses.area_cv, 0.0))

    def of(self, groups: list[list[str]]) -> pd.DataFrame:
        """Stocks of each group of sites [t, t/ha, t/rai] with ``_sd``, ``_low``, ``_high``.

        Parameters
        ----------
        groups : list of list of str
            Numbers of sites; the last group is taken for the attribution.

        Returns
        -------
        pandas.DataFrame
            One row per group; empty figures for groups without stocks.
        """
        here = [[n for n in group if n in self.found.table.index] for group in groups]
        table = pd.DataFrame([self._points(group) for group in here])
        spread = self._spread(here)
        for q, name in enumerate(("agb_t", "bgb_t", "carbon_t", "herb_t")):
            ends = np.array([self._ends(group, name, q, spread, s) for s, group in enumerate(here)])
            for k, end in enumerate(ENDS):
                table[f"{name}_{end}"] = ends[:, k]
        for end in ENDS:
            table[f"co2e_t_{end}"] = co2e(table[f"carbon_t_{end}"].to_numpy())
        for name in STOCKS:
            for column in (name, *(f"{name}_{end}" for end in ENDS)):
                table[column.replace("_t", "_t_ha", 1)] = table[column] / table["area_ha"]
        for column in ("", *(f"_{end}" for end in ENDS)):
            table[f"co2e_t_rai{column}"] = table[f"co2e_t_ha{column}"] / RAI_PER_HA
        order = ["describes", "n_plots", "n_trees", "area_measured_ha", "area_ha"]
        order += [f"{name}{end}" for name in (*(f"{n}_ha" for n in STOCKS), "co2e_t_rai", *STOCKS)
                  for end in ("", *(f"_{end}" for end in ENDS))]  # fmt: skip
        return table[order]

    def _points(self, group: list[str]) -> dict[str, Any]:
        """Sums of what is known of a group; an area only where all of its sites have one."""
        mine = self.found.table.loc[group]
        kinds = set(mine["describes"])
        row: dict[str, Any] = {"describes": next(iter(kinds), "") if len(kinds) < 2 else MIXED}
        for name in ("n_plots", "n_trees"):
            row[name] = int(mine[name].sum())
        least = max(len(group), 1)
        for name in ("area_measured_ha", "area_ha"):
            row[name] = float(mine[name].sum(min_count=least))
        for name in STOCKS:
            row[name] = float(mine[name].sum(min_count=1))
        return row

    def _spread(self, groups: list[list[str]]) -> Spread | None:
        """Distribution of the part of each group that was estimated here."""
        if self.points is None:
            return None
        empty = np.zeros(len(self.points.plots))
        weights = np.stack([
            sum((self.found.weights[n] for n in group if n in self.found.weights), empty)
            for group in groups
        ])  # fmt: skip
        level, count = self.settings.level, self.settings.number_of_draws
        spread = analytic(self.masses, self.layout, weights, level=level)
        ids = pd.DataFrame({"site_id": ["ALL"]})
        whole = {name: shares[-1:] for name, shares in spread.shares.items()}
        self.attribution = attribution(ids, replace(spread, sd=spread.sd[-1:], shares=whole))
        if count:
            spread = monte_carlo(
                self.masses, self.layout, weights, draws=count, seed=self.settings.seed,
                level=level,
            )[2]  # fmt: skip
        return spread

    def _ends(
        self, group: list[str], name: str, q: int, spread: Spread | None, s: int
    ) -> tuple[float, float, float]:
        """Standard deviation and interval of a group; those of run folders are added up."""
        runs = [n for n in group if n in self.found.runs]
        if not group:
            return math.nan, math.nan, math.nan
        if not runs and spread is not None:
            return tuple(float(getattr(spread, end)[s, q]) for end in ENDS)  # type: ignore[return-value]
        table = self.found.table.loc[group]
        if len(group) == 1 and self.found.levels.get(group[0]) == self.settings.level:
            return tuple(float(table[f"{name}_{end}"].iloc[0]) for end in ENDS)  # type: ignore[return-value]
        sd = float(table.loc[runs, f"{name}_sd"].sum())
        sd += 0.0 if spread is None else float(spread.sd[s, q])
        return sd, *lognormal_interval(float(table[name].sum()), sd, self.settings.level)

    def sampling(self) -> pd.DataFrame:
        """Half-widths of sites whose plots are random and whose land is known [%]; then of all."""
        if self.points is None or self.joined is None:
            return pd.DataFrame(columns=list(SAMPLING_COLUMNS))
        plots = self.points.plots
        chosen = self.joined.plots.set_index("plot_id").reindex(plots["plot_id"])
        how = (
            chosen["plot_selection"] if "plot_selection" in chosen else pd.Series("", chosen.index)
        )
        drawn = how.fillna("").str.strip().str.lower().isin(RANDOM).to_numpy()
        drawn = drawn & (plots["site_id"].map(self.found.table["describes"]) == LAND).to_numpy()
        random = [n for n in sorted(self.found.weights) if drawn[plots["site_id"] == n].all()]
        n_sites = len(self.found.table)
        self.assumptions.add(
            "sampling",
            f"{len(random)} of {n_sites} sites have plots drawn at random or on a grid and known "
            "land: these have a sampling error; the sites themselves were chosen on purpose, so "
            "that the total is the sum over them and makes no claim about their zones",
            f"{len(random)} sites",
            source="rule of this library",
        )
        if not random:
            return pd.DataFrame(columns=list(SAMPLING_COLUMNS))
        names = [*random, *(["ALL"] if len(random) == n_sites else [])]
        weights = np.stack([
            self.found.weights[n] if n != "ALL"
            else sum((self.found.weights[m] for m in random), np.zeros(len(plots)))
            for n in names
        ])  # fmt: skip
        ids = pd.DataFrame({"site_id": names, "stratum": ""})
        return sampling_rows(
            self.points.prepared, self.points.result, self.joined.plots, plots, ids, self.settings,
            self.assumptions, weights,
        )  # fmt: skip


def lognormal_interval(mean: float, sd: float, level: float) -> tuple[float, float]:
    """Central interval of the lognormal with this mean and standard deviation.

    Examples
    --------
    >>> low, high = lognormal_interval(100.0, 20.0, 0.90)
    >>> round(low, 1), round(high, 1)
    (70.8, 135.8)
    """
    if not mean > 0 or not sd > 0:
        return mean, mean
    variance = math.log1p((sd / mean) ** 2)
    z = NormalDist().inv_cdf(0.5 + level / 2.0) * math.sqrt(variance)
    centre = math.log(mean) - variance / 2.0
    return math.exp(centre - z), math.exp(centre + z)
