"""Intervals of plots and totals, and the columns and tables they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import RAI_PER_HA
from rubbercarbon.config import Settings
from rubbercarbon.distributions import INTERACTION, OWN, QUANTILES, QUANTITIES, Spread
from rubbercarbon.error_layout import lay_out_prepared, masses_of, plot_area_cv
from rubbercarbon.living import Bools, Floats
from rubbercarbon.loads import Layout
from rubbercarbon.memory import give_back
from rubbercarbon.montecarlo import monte_carlo
from rubbercarbon.pools import Account, co2e
from rubbercarbon.preparation import Prepared
from rubbercarbon.stock_sampling import sampling_table
from rubbercarbon.uncertainty import Masses, analytic

ENDS = ("sd", "low", "high")


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
    give_back(len(layout.cell))
    masses = masses_of(prepared, result, plots, plot_area_cv(plot_table, settings, assumptions))
    weights, expanded = total_weights(plots, total)
    level, count = settings.level, settings.number_of_draws
    by_plot = analytic(masses, layout, level=level)
    by_total = analytic(masses, layout, weights, level=level, with_area=expanded)
    measured = by_plot
    if np.any(masses.area_cv > 0):
        measured = analytic(masses, layout, level=level, with_area=False)
    plot_ids = plots[["plot_id"]].assign(unit=np.where(_has_area(plots), "t/ha", "t"))
    total_ids = total[["site_id", "stratum"]].assign(unit="t")
    shares = pd.concat(
        [
            attribution(ids.drop(columns="unit"), spread)
            for ids, spread in ((plot_ids, by_plot), (total_ids, by_total))
        ],
        ignore_index=True,
    )
    spreads = [(plot_ids, by_plot, "analytic"), (total_ids, by_total, "analytic")]
    kept: list[tuple[Floats, Floats]] = []
    if count:
        drawn = monte_carlo(
            masses, layout, weights, draws=count, seed=settings.seed, level=level,
            with_area=expanded, keep=(lambda *block: kept.append(block)) if draws else None,
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
        total=with_total_columns(total, by_total),
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


def total_weights(plots: pd.DataFrame, total: pd.DataFrame) -> tuple[Floats, Bools]:
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
    ones = np.ones(len(plots))
    new = _columns_of(plots, "co2e_t_rai", by_plot, ones / RAI_PER_HA)
    for quantity in ("agb", "bgb", "carbon", "co2e", "herb"):
        name = f"{quantity}_t_ha"
        new |= _columns_of(plots, name, by_plot, ones)
        new |= _columns_of(plots, f"{quantity}_t", measured, _per_plot(plots, quantity))
    return _beside(plots, new)


def with_total_columns(total: pd.DataFrame, by_total: Spread) -> pd.DataFrame:
    """Totals with sd, low and high right of each stock."""
    ones = np.ones(len(total))
    with np.errstate(invalid="ignore", divide="ignore"):
        per_ha = (total["agb_t_ha"] / total["agb_t"]).to_numpy(dtype=float)
    new = _columns_of(total, "co2e_t_rai", by_total, per_ha / RAI_PER_HA)
    for quantity in ("agb", "bgb", "carbon", "co2e", "herb"):
        new |= _columns_of(total, f"{quantity}_t", by_total, ones)
        new |= _columns_of(total, f"{quantity}_t_ha", by_total, per_ha)
    return _beside(total, new)


def _beside(table: pd.DataFrame, new: dict[str, Floats]) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name in table.columns:
        columns[str(name)] = table[name]
        columns |= {f"{name}_{end}": new[f"{name}_{end}"] for end in ENDS if f"{name}_{end}" in new}
    return pd.DataFrame(columns)


def _draw_table(plots: pd.DataFrame, blocks: list[tuple[Floats, Floats]]) -> Any:
    """Draws as an Arrow table: plot, draw, and each quantity in t/ha (null without area) and t."""
    import pyarrow as pa  # noqa: PLC0415  (slow import)

    per_ha, measured = (np.concatenate([block[k] for block in blocks]) for k in range(2))
    count = per_ha.shape[2]
    columns: dict[str, Any] = {
        "plot_id": pa.array(np.repeat(plots["plot_id"].to_numpy(dtype=object), count)),
        "draw": pa.array(np.tile(np.arange(count), len(plots))),
    }
    known = _has_area(plots)
    for q, quantity in enumerate(QUANTITIES):
        shown = np.where(known[:, None], per_ha[:, q], np.nan).ravel()
        columns[f"{quantity}_t_ha"] = pa.array(shown, from_pandas=True)
        columns[f"{quantity}_t"] = pa.array(
            (measured[:, q] * _per_plot(plots, quantity)[:, None]).ravel()
        )
    return pa.table(columns)


def _has_area(plots: pd.DataFrame) -> Bools:
    known: Bools = plots["area_ha"].notna().to_numpy() & plots["agb_t_ha"].notna().to_numpy()
    return known


def _per_plot(plots: pd.DataFrame, quantity: str) -> Floats:
    """What turns a plot's base figure (t/ha; t where no area is known) into t."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (plots[f"{quantity}_t"] / plots[f"{quantity}_t_ha"]).to_numpy(dtype=float)
    return np.where(_has_area(plots) & np.isfinite(ratio), ratio, 1.0)


def _columns_of(
    table: pd.DataFrame, name: str, spread: Spread, factor: Floats
) -> dict[str, Floats]:
    """``_sd``, ``_low`` and ``_high`` of a stock; empty where the stock is."""
    quantity = QUANTITIES.index(name.split("_", maxsplit=1)[0].replace("co2e", "carbon"))
    scale = factor * (co2e(np.ones(1))[0] if name.startswith("co2e") else 1.0)
    empty = table[name].isna().to_numpy()
    return {
        f"{name}_{end}": np.where(empty, np.nan, getattr(spread, end)[:, quantity] * scale)
        for end in ENDS
    }


def distribution(ids: pd.DataFrame, spread: Spread, method: str) -> pd.DataFrame:
    """Long table of mean, sd, interval and quantiles."""
    count = len(QUANTITIES)
    table: dict[str, Any] = {
        str(name): np.tile(ids[name].to_numpy(dtype=object), count) for name in ids
    }
    table["quantity"] = np.repeat(np.array(QUANTITIES, dtype=object), len(ids))
    table["method"] = method
    for name in ("mean", *ENDS):
        table[name] = getattr(spread, name).T.ravel()
    for k, p in enumerate(QUANTILES):
        table[f"q{round(100 * p):02d}"] = spread.quantiles[:, :, k].T.ravel()
    return pd.DataFrame(table)


def attribution(ids: pd.DataFrame, spread: Spread) -> pd.DataFrame:
    """Share of variance by term, summing to one for each row and quantity."""
    n, terms = len(ids), list(spread.shares)
    shares = np.stack([spread.shares[term] for term in terms])  # term, row, quantity
    always = np.isin(terms, (OWN, INTERACTION))[:, None, None]
    term, row, quantity = np.nonzero(((shares != 0.0) | always) & (spread.sd[:n] > 0.0))
    table: dict[str, Any] = {str(name): ids[name].to_numpy(dtype=object)[row] for name in ids}
    table["quantity"] = np.array(QUANTITIES, dtype=object)[quantity]
    table["term"] = np.array(terms, dtype=object)[term]
    table["share"] = shares[term, row, quantity]
    return pd.DataFrame(table)
