"""Intervals of plots and totals, and the columns and tables they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import M2_PER_HA, M2_PER_RAI
from rubbercarbon.config import Settings
from rubbercarbon.distributions import INTERACTION, OWN, QUANTILES, QUANTITIES, Spread
from rubbercarbon.error_layout import lay_out_prepared, masses_of, plot_area_cv
from rubbercarbon.living import Bools, Floats
from rubbercarbon.loads import Layout
from rubbercarbon.montecarlo import monte_carlo
from rubbercarbon.pools import Account, co2e
from rubbercarbon.preparation import Prepared
from rubbercarbon.stock_sampling import sampling_table
from rubbercarbon.uncertainty import Masses, analytic

ENDS = ("sd", "low", "high")
RAI_PER_HA = M2_PER_HA / M2_PER_RAI


@dataclass(frozen=True)
class Intervals:
    """Tables with their intervals."""

    plots: pd.DataFrame
    total: pd.DataFrame
    attribution: pd.DataFrame
    distribution: pd.DataFrame
    sampling: pd.DataFrame
    draws: Any
    masses: Masses
    layout: Layout


def add_intervals(
    prepared: Prepared,
    result: Account,
    plot_table: pd.DataFrame,
    plots: pd.DataFrame,
    total: pd.DataFrame,
    settings: Settings,
    assumptions: Assumptions,
    *,
    draws: bool = False,
    census: str = "",
) -> Intervals:
    """Uncertainty of every plot and total, as columns beside their points.

    Parameters
    ----------
    prepared, result
        What was computed.
    plot_table : pandas.DataFrame
        Of the inventory: localities, spacing, boundaries.
    plots, total : pandas.DataFrame
        Points.
    settings : Settings
    assumptions : Assumptions
        Takes the budget and what it assumes.
    draws : bool
        Keep the draws.
    census : str
        Name of the census, for crews and dates that are not given.

    Returns
    -------
    Intervals
    """
    layout = lay_out_prepared(prepared, result, plot_table, settings, assumptions, census=census)
    masses = masses_of(prepared, result, plots, plot_area_cv(plot_table, settings, assumptions))
    weights, expanded = _weights(plots, total)
    level, count = settings.level, settings.number_of_draws
    by_plot = analytic(masses, layout, level=level)
    by_total = analytic(masses, layout, weights, level=level, with_area=expanded)
    measured = by_plot
    if np.any(masses.area_cv > 0):
        measured = analytic(masses, layout, level=level, with_area=False)
    plot_ids, total_ids = plots[["plot_id"]], total[["site_id", "stratum"]]
    shares = pd.concat(
        [attribution(plot_ids, by_plot), attribution(total_ids, by_total)], ignore_index=True
    )
    spreads = [(plot_ids, by_plot, "analytic"), (total_ids, by_total, "analytic")]
    kept: list[Floats] = []
    if count:
        drawn = monte_carlo(
            masses, layout, weights, draws=count, seed=settings.seed, level=level,
            with_area=expanded, keep=(lambda _, __, block: kept.append(block)) if draws else None,
        )  # fmt: skip
        by_plot, measured, by_total = drawn
        spreads += [(plot_ids, by_plot, "montecarlo"), (total_ids, by_total, "montecarlo")]
    assumptions.add(
        "intervals",
        f"central {100 * level:g} % intervals, "
        + (f"{count} draws, seed {settings.seed}" if count else "analytic (shifted lognormal)")
        + "; they cover the errors of the budget, not the choice of sample plots",
        level,
        unit="1",
        source="rule of this library",
    )
    return Intervals(
        plots=_with_columns(plots, by_plot, measured),
        total=_with_total_columns(total, by_total),
        attribution=_first_columns(shares),
        distribution=_first_columns(
            pd.concat([distribution(*spread) for spread in spreads], ignore_index=True)
        ),
        sampling=sampling_table(
            prepared, result, plot_table, plots, total, settings, assumptions, weights
        ),
        draws=_draw_table(plots, kept) if kept else None,
        masses=masses,
        layout=layout,
    )


def _first_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Keys of plots and totals first; a row has one or the other."""
    keys = ["plot_id", "site_id", "stratum"]
    table = table[[*keys, *(name for name in table.columns if name not in keys)]]
    return table.assign(**{name: table[name].astype(object).fillna("") for name in keys})


def _weights(plots: pd.DataFrame, total: pd.DataFrame) -> tuple[Floats, Bools]:
    """What each total is of its plots, and whether the error of plot areas acts on it."""
    n_plots = len(plots)
    with np.errstate(invalid="ignore", divide="ignore"):
        measured = (plots["agb_t"] / plots["agb_t_ha"]).to_numpy(dtype=float)
    fallback = plots["area_ha"].fillna(1.0).to_numpy(dtype=float)
    measured = np.where(np.isfinite(measured), measured, fallback)
    weights = np.zeros((len(total), n_plots))
    expanded = (total["describes"] == "land").to_numpy(dtype=np.bool_)
    land = total["area_ha"].to_numpy(dtype=float)
    keys = zip(total["site_id"].iloc[:-1], total["stratum"].iloc[:-1], strict=True)
    for s, (site, stratum) in enumerate(keys):
        mine = ((plots["site_id"] == site) & (plots["stratum"] == stratum)).to_numpy()
        weights[s, mine] = land[s] / mine.sum() if expanded[s] else measured[mine]
    weights[-1] = weights[:-1].sum(axis=0)
    return weights, expanded


def _with_columns(plots: pd.DataFrame, by_plot: Spread, measured: Spread) -> pd.DataFrame:
    """Plots with sd, low and high right of each stock."""
    table = plots.copy()
    known = table["area_ha"].notna().to_numpy() & table["agb_t_ha"].notna().to_numpy()
    ones = np.ones(len(table))
    for quantity in ("agb", "bgb", "carbon", "co2e", "herb"):
        name = f"{quantity}_t_ha"
        with np.errstate(invalid="ignore", divide="ignore"):
            per_plot = (table[f"{quantity}_t"] / table[name]).to_numpy(dtype=float)
        per_plot = np.where(known & np.isfinite(per_plot), per_plot, ones)
        add_columns(table, name, by_plot, ones)
        add_columns(table, f"{quantity}_t", measured, per_plot)
    add_columns(table, "co2e_t_rai", by_plot, ones / RAI_PER_HA)
    return _beside(table, list(plots.columns))


def _with_total_columns(total: pd.DataFrame, by_total: Spread) -> pd.DataFrame:
    """Totals with sd, low and high right of each stock."""
    table = total.copy()
    ones = np.ones(len(table))
    with np.errstate(invalid="ignore", divide="ignore"):
        per_ha = (table["agb_t_ha"] / table["agb_t"]).to_numpy(dtype=float)
    for quantity in ("agb", "bgb", "carbon", "co2e", "herb"):
        add_columns(table, f"{quantity}_t", by_total, ones)
        add_columns(table, f"{quantity}_t_ha", by_total, per_ha)
    add_columns(table, "co2e_t_rai", by_total, per_ha / RAI_PER_HA)
    return _beside(table, list(total.columns))


def _beside(table: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    columns = []
    for name in order:
        columns += [name, *(f"{name}_{end}" for end in ENDS if f"{name}_{end}" in table)]
    return table[columns]


def _draw_table(plots: pd.DataFrame, blocks: list[Floats]) -> Any:
    """Draws as an Arrow table: plot, draw, and one column per quantity."""
    import pyarrow as pa  # noqa: PLC0415  (slow import)

    draws = np.concatenate(blocks)
    count = draws.shape[2]
    columns: dict[str, Any] = {
        "plot_id": pa.array(np.repeat(plots["plot_id"].to_numpy(dtype=object), count)),
        "draw": pa.array(np.tile(np.arange(count), len(plots))),
    }
    known = plots["agb_t_ha"].notna().all()
    for q, quantity in enumerate(QUANTITIES):
        columns[f"{quantity}_t_ha" if known else f"{quantity}_t"] = pa.array(draws[:, q].ravel())
    return pa.table(columns)


# --- tables ---------------------------------------------------------------------------------------


def add_columns(table: pd.DataFrame, name: str, spread: Spread, factor: Floats) -> None:
    """Put ``_sd``, ``_low`` and ``_high`` of a stock into a table; empty where the stock is."""
    quantity = QUANTITIES.index(name.split("_", maxsplit=1)[0].replace("co2e", "carbon"))
    scale = factor * (co2e(np.ones(1))[0] if name.startswith("co2e") else 1.0)
    empty = table[name].isna().to_numpy()
    for end in ENDS:
        values = getattr(spread, end)[:, quantity] * scale
        table[f"{name}_{end}"] = np.where(empty, np.nan, values)


def distribution(ids: pd.DataFrame, spread: Spread, method: str) -> pd.DataFrame:
    """Long table of mean, sd, interval and quantiles."""
    frames = []
    for q, quantity in enumerate(QUANTITIES):
        part = ids.copy()
        part["quantity"], part["method"] = quantity, method
        for name in ("mean", *ENDS):
            part[name] = getattr(spread, name)[:, q]
        for k, p in enumerate(QUANTILES):
            part[f"q{round(100 * p):02d}"] = spread.quantiles[:, q, k]
        frames.append(part)
    return pd.concat(frames, ignore_index=True)


def attribution(ids: pd.DataFrame, spread: Spread) -> pd.DataFrame:
    """Share of variance by term, summing to one for each row and quantity."""
    frames = []
    for q, quantity in enumerate(QUANTITIES):
        for term, shares in spread.shares.items():
            part = ids.copy()
            part["quantity"], part["term"], part["share"] = quantity, term, shares[:, q]
            frames.append(part[spread.sd[:, q] > 0])
    table = pd.concat(frames, ignore_index=True)
    return table[(table["share"] != 0) | table["term"].isin([OWN, INTERACTION])]
