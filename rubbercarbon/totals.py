"""Totals of sites and strata from the table of plots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import RAI_PER_HA

STOCKS_T = ("agb_t", "bgb_t", "bgb_stand_t", "carbon_t", "co2e_t", "herb_t")


def total_table(plots: pd.DataFrame, assumptions: Assumptions) -> pd.DataFrame:
    """One row per site and stratum, then the sum of all."""
    rows = [
        _group_row(str(site), str(stratum), group)
        for (site, stratum), group in plots.groupby(["site_id", "stratum"], sort=True)
    ]
    expanded = all(not np.isnan(row["area_ha"]) for row in rows)
    everything = _group_row("ALL", "", plots.assign(stratum_area_ha=np.nan))
    if expanded:
        for name in ("area_ha", *STOCKS_T):
            everything[name] = float(sum(row[name] for row in rows))
        for name in STOCKS_T:
            everything[f"{name}_ha"] = everything[name] / everything["area_ha"]
        everything["co2e_t_rai"] = everything["co2e_t_ha"] / RAI_PER_HA
        assumptions.add(
            "expansion",
            "each plot of a stratum counts alike: the stratum's land times "
            "the mean of its plots per hectare",
            "simple mean",
            source="stratified estimator (AR-TOOL14)",
        )
    else:
        for row in rows:
            row.update(_measured_only(row))
        assumptions.add(
            "expansion",
            "stratum_area_ha is not known for every plot: the total "
            "describes the measured plots only",
            "no expansion",
            source="input",
        )
    everything["describes"] = "land" if expanded else "measured plots"
    for row in rows:
        row["describes"] = everything["describes"]
    return pd.DataFrame([*rows, everything]).drop(columns="_measured")


def land_of_plots(plots: pd.DataFrame) -> pd.Series[float]:
    """Land that each plot stands for in the total [ha]: its share of the stratum's, else its own.

    Parameters
    ----------
    plots : pandas.DataFrame
        With ``site_id``, ``stratum``, ``area_ha`` and ``stratum_area_ha``.

    Returns
    -------
    pandas.Series
        NaN where no area is known.
    """
    if plots["stratum_area_ha"].isna().any() or plots["area_ha"].isna().any():
        return plots["area_ha"].astype(float)
    groups = plots.groupby(["site_id", "stratum"], dropna=False)
    land: pd.Series[float] = groups["stratum_area_ha"].transform("max").astype(float)
    return land / groups["plot_id"].transform("size")


def selections(plots: pd.DataFrame) -> pd.Series[str]:
    """How each plot was chosen, in the words of the input; empty where it is not said."""
    if "plot_selection" not in plots:
        return pd.Series("", index=plots.index)
    return plots["plot_selection"].fillna("").astype(str)


def _group_row(site: str, stratum: str, group: pd.DataFrame) -> dict[str, Any]:
    measured = group["area_ha"].sum(min_count=len(group))
    land = group["stratum_area_ha"].max() if group["stratum_area_ha"].notna().all() else np.nan
    row: dict[str, Any] = {
        "site_id": site,
        "stratum": stratum,
        "n_plots": len(group),
        "n_trees": int(group["n_trees"].sum()),
        "area_measured_ha": measured,
        "area_ha": land,
    }
    sums = {name: float(group[name].sum(min_count=1)) for name in STOCKS_T}
    for name in STOCKS_T:
        if np.isnan(land):
            row[f"{name}_ha"] = sums[name] / measured if measured > 0 else np.nan
            row[name] = sums[name]
        else:
            row[f"{name}_ha"] = float(group[f"{name}_ha"].mean())
            row[name] = row[f"{name}_ha"] * land
    row["co2e_t_rai"] = row["co2e_t_ha"] / RAI_PER_HA
    row["_measured"] = sums
    return row


def _measured_only(row: dict[str, Any]) -> dict[str, Any]:
    """A group's row without expansion to its land."""
    area = row["area_measured_ha"]
    sums: dict[str, float] = row["_measured"]
    changed: dict[str, Any] = dict(sums)
    changed |= {f"{name}_ha": value / area if area > 0 else np.nan for name, value in sums.items()}
    changed["co2e_t_rai"] = changed["co2e_t_ha"] / RAI_PER_HA
    return changed
