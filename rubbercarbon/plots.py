"""The plot table: areas in any unit laid flat, nested subplots, plots named in tree sheets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon import tables
from rubbercarbon.columns import AREAS, CARRIED, M2_PER_HA, PLOT_COLUMNS, rai_text_to_ha
from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.messages import failure
from rubbercarbon.problems import Problems
from rubbercarbon.rows import NOT_TREES
from rubbercarbon.tables import Floats, Source
from rubbercarbon.thresholds import ends, threshold

THAI_AREAS = ("area_rai", "area_ngan", "area_wa")
AREA_CONFLICT = threshold("area_conflict")
SMALLEST_HA, LARGEST_HA = ends("plot_area")


def read_plots(
    source: Source | RawTable | None,
    trees: pd.DataFrame,
    tree_raw: RawTable,
    problems: Problems,
    notes: list[dict[str, str]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plot table with ``area_ha``, and the subplots of nested designs."""
    if source is None:
        _tell_sites_apart(trees, None, problems)
        table = _plots_of_trees(trees, notes, tree_raw, problems)
    else:
        raw = source if isinstance(source, RawTable) else tables.open_table(
            source, "plots", "plots"
        )  # fmt: skip
        table = tables.canonical(
            raw, PLOT_COLUMNS, {}, {}, problems, kind="plots", notes=notes
        )  # fmt: skip
        if "plot_id" not in table:
            columns = ", ".join(map(str, raw.frame.columns))
            raise failure(InventoryError, "no_plot_id", file=raw.file, columns=columns)
        table = tables.typed(table, PLOT_COLUMNS, raw, problems)
        table = table[~table["refused"].isin(NOT_TREES)].reset_index(drop=True)
        tables.plain_ids(table, ("plot_id",), raw, problems)
        tables.to_common_era(table, notes)
        _tell_sites_apart(trees, table, problems)
        table["area_ha"] = declared_area(table, raw, problems)
        table = _level_area(table, notes)
    subplots = _subplots(table)
    if not subplots.empty:
        widest = subplots.groupby("plot_id")["area_ha"].max()
        table["area_ha"] = table["area_ha"].fillna(table["plot_id"].map(widest))
    repeated = table["plot_id"].duplicated()
    for name in table.loc[repeated & ~table["plot_id"].isin(subplots["plot_id"]), "plot_id"]:
        problems.add("plot_repeated", column="plot_id", value=name)
    table = table[~repeated].sort_values("plot_id", ignore_index=True)
    for name in ("site_id", "stratum", "system"):
        table[name] = table[name].astype(object).fillna("").astype(str) if name in table else ""
    if "stratum_area_ha" not in table:
        table["stratum_area_ha"] = np.nan
    for (site, stratum), group in table.groupby(["site_id", "stratum"]):
        areas = sorted(group["stratum_area_ha"].dropna().unique())
        if len(areas) > 1:
            problems.add(
                "stratum_area_conflict", column="stratum_area_ha",
                value=" ".join(part for part in (str(site), str(stratum)) if part),
                areas=", ".join(f"{area:g}" for area in areas), used=f"{areas[-1]:g}",
            )  # fmt: skip
    return table, subplots


def is_area(area_ha: Any) -> Any:
    """Whether an area [ha] may be that of a plot; missing ones may not."""
    return (area_ha >= SMALLEST_HA) & (area_ha <= LARGEST_HA)


def _add_not_valid(
    problems: Problems, raw: RawTable, table: pd.DataFrame, column: str, value: object
) -> None:
    """An area that is none, with the first row of a table."""
    problems.add(
        "area_not_valid", file=raw.file, sheet=raw.sheet, column=column,
        row=int(table["row"].iloc[0]), value=value, low=f"{SMALLEST_HA * M2_PER_HA:g}",
        high=f"{LARGEST_HA:,.0f}",
    )  # fmt: skip


def _tell_sites_apart(trees: pd.DataFrame, table: pd.DataFrame | None, problems: Problems) -> None:
    """Plots of several sites that bear one name are called site:plot from here on."""
    frames = [f for f in (trees, table) if f is not None and "site_id" in f]
    if not frames:
        return
    pairs = pd.concat([frame[["plot_id", "site_id"]] for frame in frames]).drop_duplicates()
    pairs = pairs[pairs["site_id"] != ""]
    sites = pairs.groupby("plot_id").size()
    repeated = set(sites.index[sites > 1])
    if not repeated:
        return
    problems.add("plot_names_repeated", column="plot_id", value=", ".join(sorted(repeated)))
    for frame in frames:
        named = frame["plot_id"].isin(repeated) & (frame["site_id"] != "")
        frame.loc[named, "plot_id"] = frame["site_id"] + ":" + frame["plot_id"]


def _first(trees: pd.DataFrame, name: str) -> pd.Series[Any]:
    """First value of each plot that is not empty."""
    return trees[trees[name].notna() & (trees[name] != "")].groupby("plot_id")[name].first()


def _plots_of_trees(
    trees: pd.DataFrame, notes: list[dict[str, str]], raw: RawTable, problems: Problems
) -> pd.DataFrame:
    """Plots named in the tree table, with the area written there (if any)."""
    trees = trees[~trees["refused"].isin(NOT_TREES)]
    keys = [n for n in ("site_id",) if n in trees]
    table = (
        trees[trees["plot_id"] != ""].groupby("plot_id", sort=True)[keys].first().reset_index()
        if keys
        else (pd.DataFrame({"plot_id": sorted(set(trees["plot_id"]) - {""})}))
    )
    named = trees[trees["plot_id"] != ""]
    for name in (*CARRIED, "latitude", "longitude"):
        if name in trees:
            table[name] = table["plot_id"].map(_first(named, name))
    table["area_ha"] = np.nan
    if "plot_area" in trees:
        _read_texts(table, named, raw, problems)
    rai = [c for c in AREAS if c.name in THAI_AREAS and f"plot_{c.name}" in trees]
    whole = [c for c in AREAS if c.name not in THAI_AREAS and f"plot_{c.name}" in trees]
    groups = [[column] for column in whole] + ([rai] if rai else [])
    for group in groups:
        total: pd.Series[float] | float = 0.0
        for column in group:
            name = f"plot_{column.name}"
            values = named.groupby("plot_id")[name]
            for plot in values.nunique().loc[lambda n: n > 1].index:
                found = named.loc[named["plot_id"] == plot]
                problems.add(
                    "plot_area_conflict", file=raw.file, sheet=raw.sheet,
                    row=int(found["row"].iloc[0]), column=name, value=plot,
                    areas=", ".join(f"{v:g}" for v in sorted(found[name].dropna().unique())),
                )  # fmt: skip
            total = total + table["plot_id"].map(values.first()).fillna(0.0) * column.factor
        area = pd.Series(total, index=table.index)
        for name in table.loc[(area != 0) & ~is_area(area), "plot_id"]:
            rows = named[(named["plot_id"] == name) & named[f"plot_{group[0].name}"].notna()]
            value = f"{area[table['plot_id'] == name].iloc[0]:g} ha"
            _add_not_valid(problems, raw, rows, f"plot_{group[0].name}", value)
        table["area_ha"] = table["area_ha"].fillna(area.where(is_area(area)))
        notes.append(
            tables.note(
                "plot area",
                f"{', '.join(f'plot_{c.name}' for c in group)} of the tree sheet taken as the "
                "plot's area",
                "first value of each plot",
            )
        )
    return table


def _read_texts(
    table: pd.DataFrame, trees: pd.DataFrame, raw: RawTable, problems: Problems
) -> None:
    """Areas as text (``6-2-75``, or in words) from the tree sheet."""
    for plot, text in _first(trees, "plot_area").items():
        area = rai_text_to_ha(str(text))
        if not is_area(area):
            first = trees[(trees["plot_id"] == plot) & (trees["plot_area"] == text)]
            _add_not_valid(problems, raw, first, "plot_area", text)
        table.loc[table["plot_id"] == plot, "area_ha"] = area if is_area(area) else np.nan


def declared_area(table: pd.DataFrame, raw: RawTable, problems: Problems) -> Floats:
    """Hectares from whichever area columns are there; rai, ngan and wa add up."""
    area = np.full(len(table), np.nan)
    for name in ("area_ha", "area_m2"):
        if name in table:
            factor = PLOT_COLUMNS[name].factor
            area = np.where(np.isnan(area), table[name].to_numpy() * factor, area)
    thai = [c for c in AREAS if c.name in {"area_rai", "area_ngan", "area_wa"} and c.name in table]
    if thai:
        parts = np.column_stack([table[c.name].to_numpy() * c.factor for c in thai])
        total = np.where(np.isnan(parts).all(axis=1), np.nan, np.nansum(parts, axis=1))
        with np.errstate(invalid="ignore"):
            conflict = np.abs(total / area - 1.0) > AREA_CONFLICT
        for position in np.flatnonzero(conflict):
            problems.add(
                "area_conflict", file=raw.file, sheet=raw.sheet,
                row=int(table["row"].iloc[position]), column="area_ha",
                value=f"{area[position]:g}", other=f"{total[position]:g}",
            )  # fmt: skip
        area = np.where(np.isnan(area), total, area)
    if "area" in table:
        read = np.array([rai_text_to_ha(text) for text in table["area"]])
        for position in np.flatnonzero(np.isnan(read) & (table["area"] != "").to_numpy()):
            _add_not_valid(problems, raw, table[position:], "area", table["area"].iloc[position])
        area = np.where(np.isnan(area), read, area)
    if "subplot_area_m2" in table:
        area = np.where(np.isnan(area) & table["subplot_area_m2"].notna(), np.nan, area)
    for position in np.flatnonzero(~is_area(area) & ~np.isnan(area)):
        _add_not_valid(problems, raw, table[position:], "area", f"{area[position]:g} ha")
    return np.where(is_area(area), area, np.nan)


def _level_area(table: pd.DataFrame, notes: list[dict[str, str]]) -> pd.DataFrame:
    """Areas measured along a slope, laid flat."""
    if "slope_percent" in table and table["slope_percent"].fillna(0).gt(0).any():
        factor = 1.0 / np.sqrt(1.0 + (table["slope_percent"].fillna(0.0) / 100.0) ** 2)
        table["area_ha"] = table["area_ha"] * factor
        if "subplot_area_m2" in table:
            table["subplot_area_m2"] = table["subplot_area_m2"] * factor
        notes.append(
            tables.note(
                "plot area",
                "plot areas are taken as measured along the slope and laid "
                "flat where slope_percent is given",
                "area / sqrt(1 + slope^2)",
                "geometry",
            )
        )
    return table


def _subplots(table: pd.DataFrame) -> pd.DataFrame:
    if not {"subplot_area_m2", "min_dbh_cm"} <= set(table.columns):
        return pd.DataFrame({"plot_id": [], "min_dbh_cm": [], "area_ha": []})
    nested = table[table["subplot_area_m2"].notna() & table["min_dbh_cm"].notna()]
    return pd.DataFrame(
        {
            "plot_id": nested["plot_id"],
            "min_dbh_cm": nested["min_dbh_cm"],
            "area_ha": nested["subplot_area_m2"] / M2_PER_HA,
        }
    ).sort_values(["plot_id", "min_dbh_cm"], ignore_index=True)
