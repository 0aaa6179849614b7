"""Sampling errors of an inventory's totals: which plots allow them, and the table they make."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.budget import ErrorBudget
from rubbercarbon.config import Settings
from rubbercarbon.distributions import QUANTITIES
from rubbercarbon.error_layout import lay_out_prepared, masses_of
from rubbercarbon.errors import SettingsError
from rubbercarbon.living import Floats
from rubbercarbon.pools import Account
from rubbercarbon.preparation import Prepared
from rubbercarbon.sampling import RANDOM, hybrid, plots_needed, stratified_total
from rubbercarbon.uncertainty import analytic

WITHIN_SPREAD = ("dbh_reading", "height_reading", "area")  # inside the spread between plots
TARGET = 0.10
COLUMNS = (
    "site_id", "stratum", "quantity", "n_plots", "n_strata", "total_t", "u_sampling_percent",
    "u_full_percent", "degrees", "degrees_full", "plots_for_10_percent",
)  # fmt: skip


def sampling_table(
    prepared: Prepared,
    result: Account,
    plot_table: pd.DataFrame,
    plots: pd.DataFrame,
    total: pd.DataFrame,
    settings: Settings,
    assumptions: Assumptions,
    weights: Floats,
) -> pd.DataFrame:
    """Sampling and full uncertainty of each total of land that random plots stand for.

    Parameters
    ----------
    prepared, result
        What was computed.
    plot_table : pandas.DataFrame
        Of the inventory, with ``plot_selection``.
    plots, total : pandas.DataFrame
        Points.
    settings : Settings
    assumptions : Assumptions
        Takes why there is no sampling error.
    weights : ndarray, shape (n_totals, n_plots)
        What each total is of its plots.

    Returns
    -------
    pandas.DataFrame
        Half-widths in percent of the total at the run's level; empty for purposive plots.
    """
    chosen = plot_table.set_index("plot_id").reindex(plots["plot_id"])
    how = chosen["plot_selection"].fillna("") if "plot_selection" in chosen else None
    drawn = how is not None and how.str.strip().str.lower().isin(RANDOM).all()
    on_land = bool((total["describes"] == "land").all())
    if not drawn or not on_land:
        why = (
            "the land they stand for is not known"
            if drawn
            else ("plots were not drawn at random or on a grid (plot_selection)")
        )
        assumptions.add(
            "sampling",
            f"{why}: totals carry no sampling error and make no claim about the land around the "
            "plots"
            if not on_land
            else f"{why}: no claim about the land beyond the plots, and no "
            "sampling error; the expansion to the land is the user's",
            "none",
            source="rule of this library",
        )
        return pd.DataFrame(columns=list(COLUMNS))
    return sampling_rows(prepared, result, plot_table, plots, total, settings, assumptions, weights)


def sampling_rows(
    prepared: Prepared,
    result: Account,
    plot_table: pd.DataFrame,
    plots: pd.DataFrame,
    total: pd.DataFrame,
    settings: Settings,
    assumptions: Assumptions,
    weights: Floats,
) -> pd.DataFrame:
    """As `sampling_table`, for totals that are known to be of random plots and of land."""
    reduced = settings.model_copy(update={"errors": _model_errors(settings)})
    layout = lay_out_prepared(prepared, result, plot_table, reduced, Assumptions())
    masses = masses_of(prepared, result, plots, {})
    model = analytic(masses, layout, weights, level=settings.level, with_area=False)
    rows = []
    for s, record in enumerate(total.to_dict("records")):
        mine = np.flatnonzero(weights[s] > 0)
        for quantity in ("agb", "bgb", "carbon"):
            variance = float(model.sd[s, QUANTITIES.index(quantity)] ** 2)
            row = _row(plots.iloc[mine], quantity, variance, settings, assumptions)
            rows.append({"site_id": record["site_id"], "stratum": record["stratum"], **row})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _model_errors(settings: Settings) -> ErrorBudget:
    """The budget without the errors that the spread between plots already holds."""
    changes = {name: choice.model_dump() for name, choice in settings.errors.root.items()}
    for name in WITHIN_SPREAD:
        changes[name] = {**changes.get(name, {}), "on": False}
    return ErrorBudget(changes)


def _row(
    plots: pd.DataFrame,
    quantity: str,
    model_variance: float,
    settings: Settings,
    assumptions: Assumptions,
) -> dict[str, Any]:
    """Precision of one quantity over some strata."""
    strata = plots.groupby(["site_id", "stratum"], sort=True)
    code = strata.ngroup().to_numpy()
    land = strata["stratum_area_ha"].max().to_numpy()
    values = plots[f"{quantity}_t_ha"].to_numpy(dtype=float)
    sampled = stratified_total(values, code, land, plots["area_ha"].to_numpy(dtype=float))
    if sampled.collapsed and sampled.degrees:
        assumptions.add(
            "sampling",
            "strata with one plot were joined for their sampling error, which is too large rather "
            "than too small",
            f"{sampled.collapsed} strata",
            source="Cochran 1977, Sampling Techniques (collapsed strata)",
        )
    precision = hybrid(sampled, model_variance, settings.level)
    return {
        "quantity": quantity,
        "n_plots": sampled.n_plots,
        "n_strata": sampled.n_strata,
        "total_t": sampled.total,
        "u_sampling_percent": 100.0 * precision.u_sampling,
        "u_full_percent": 100.0 * precision.u_full,
        "degrees": precision.degrees,
        "degrees_full": precision.degrees_full,
        "plots_for_10_percent": _needed(sampled.spread, land, sampled.total, plots, settings),
    }


def _needed(
    spread: Floats, land: Floats, total: float, plots: pd.DataFrame, settings: Settings
) -> float:
    """Plots for 10 % sampling error; unknown with a single plot somewhere."""
    if np.isnan(spread).any():
        return math.nan
    try:
        area = float(plots["area_ha"].mean())
        needed = plots_needed(
            spread, land, total / land.sum(), precision=TARGET, level=settings.level,
            plot_area_ha=area,
        )  # fmt: skip
    except SettingsError:
        return math.nan
    return float(needed.sum())
