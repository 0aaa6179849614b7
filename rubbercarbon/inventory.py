"""The validated tree table: what was read, what of it can be used, and what was wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rubbercarbon import checks
from rubbercarbon.columns import (
    AREAS, BUDDHIST_ERA, DIAMETERS, M2_PER_HA, OLDEST_BUDDHIST_YEAR, PLOT_COLUMNS, STATUSES,
    TREE_COLUMNS, UNITS, Column, rai_text_to_ha, tidy,
)  # fmt: skip
from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable, read_table
from rubbercarbon.problems import Problems

if TYPE_CHECKING:
    import pyarrow as pa

    Source = str | Path | pd.DataFrame | pa.Table

ONE_PLOT = "1"


@dataclass
class Inventory:
    """Trees and plots in canonical columns.

    Attributes
    ----------
    trees : pandas.DataFrame
        One row per input row, in input order: ``row`` (as the file counts), keys and measurements
        in canonical columns, ``dbh_cm``, ``refused`` (code of the problem that keeps the row out
        of the computation, or empty).
    plots : pandas.DataFrame
        One row per plot, by plot_id: ``area_ha`` and what else is known.
    subplots : pandas.DataFrame
        Nested designs: plot_id, min_dbh_cm, area_ha; empty otherwise.
    file : str
        Name of the tree file, for messages.
    digests : dict
        sha256 of each input by name.
    """

    trees: pd.DataFrame
    plots: pd.DataFrame
    subplots: pd.DataFrame
    file: str
    digests: dict[str, str]
    found_problems: Problems = field(repr=False)
    notes: list[dict[str, str]] = field(default_factory=list, repr=False)

    @property
    def problems(self) -> pd.DataFrame:
        """Every problem found so far, in English (see `Problems.frame` for Thai)."""
        return self.found_problems.frame()


def read_inventory(
    source: Source,
    plots: Source | None = None,
    *,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Inventory:
    """Read and check a per-tree inventory.

    Parameters
    ----------
    source : str, Path, pandas.DataFrame or pyarrow.Table
        One row per tree, stem or tally. Canonical columns: see ``docs/columns.md``; needed are a
        species and a diameter or girth.
    plots : same, optional
        One row per plot (or per nested subplot) with its area.
    mapping : mapping, optional
        Canonical column → heading in the file; the mapped column alone decides.
    units : mapping, optional
        ``dbh`` or ``girth`` → ``cm``, ``mm`` or ``m``.

    Returns
    -------
    Inventory
        Bad rows are kept, marked and listed in ``problems``.

    Raises
    ------
    InventoryError
        When nothing can be computed: no such file, no rows, no species or diameter column.

    Examples
    --------
    >>> import pandas as pd, rubbercarbon as rc
    >>> inventory = rc.read_inventory(
    ...     pd.DataFrame({"species": ["Hevea brasiliensis"], "girth_cm": [62.8]})
    ... )
    >>> inventory.trees["dbh_cm"].round(1).tolist()
    [20.0]
    """
    problems = Problems()
    notes: list[dict[str, str]] = []
    raw = _open(source, "trees")
    trees = _canonical(raw, TREE_COLUMNS, mapping or {}, units or {}, problems)
    _require(trees, raw)
    trees = _typed(trees, TREE_COLUMNS, raw, problems)
    _add_diameter(trees, raw, problems)
    _add_keys(trees, notes)
    _add_years(trees, notes)
    plot_table, subplots = _plots(plots, trees, problems, notes)
    checks.check_trees(trees, raw, set(plot_table["plot_id"]), plots is not None, problems)
    checks.check_plots(plot_table, trees, problems)
    digests = {raw.file: _digest(source)}
    if plots is not None:
        digests[_open_name(plots, "plots")] = _digest(plots)
    return Inventory(trees, plot_table, subplots, raw.file, digests, problems, notes)


def _open_name(source: Source, name: str) -> str:
    return Path(source).name if isinstance(source, str | Path) else f"{name} (table)"


def _open(source: Source, name: str) -> RawTable:
    if isinstance(source, str | Path):
        raw = read_table(Path(source))
    else:
        frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
        raw = RawTable(frame.copy(), f"{name} (table)", "", 1)
    if raw.frame.empty:
        raise InventoryError(f"'{raw.file}' has a heading but no rows.")
    return raw


def _digest(source: Source) -> str:
    if isinstance(source, str | Path):
        return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def _canonical(
    raw: RawTable,
    columns: Mapping[str, Column],
    mapping: Mapping[str, str],
    units: Mapping[str, str],
    problems: Problems,
) -> pd.DataFrame:
    """Rename headings to canonical names; the rest is noted and left out."""
    for canonical, heading in mapping.items():
        if canonical not in columns:
            raise InventoryError(
                f"--map {canonical}={heading}: '{canonical}' is no column of ours; "
                f"allowed: {', '.join(sorted(columns))}."
            )
        if heading not in raw.frame.columns:
            raise InventoryError(
                f"--map {canonical}={heading}: '{raw.file}' has no column '{heading}'; "
                f"it has: {', '.join(map(str, raw.frame.columns))}."
            )
    chosen: dict[str, Any] = {canonical: raw.frame[heading] for canonical, heading in mapping.items()}
    diameter_mapped = any(name in chosen for name in _names(DIAMETERS))
    for heading in raw.frame.columns:
        if heading in mapping.values():
            continue
        name = _with_unit(tidy(heading), units)
        displaced = diameter_mapped and name in _names(DIAMETERS)
        if name in columns and name not in chosen and not displaced:
            chosen[name] = raw.frame[heading]
        else:
            problems.add("column_ignored", file=raw.file, sheet=raw.sheet, value=heading)
    frame = pd.DataFrame(chosen)
    frame.insert(0, "row", np.arange(raw.first_row, raw.first_row + len(frame)))
    cells = frame.drop(columns="row")
    blank = (cells.isna() | (cells.astype(str).apply(lambda c: c.str.strip()) == "")).all(axis=1)
    return frame[~blank].reset_index(drop=True)


def _names(columns: tuple[Column, ...]) -> set[str]:
    return {column.name for column in columns}


def _with_unit(name: str, units: Mapping[str, str]) -> str:
    """``dbh`` or ``dbh_cm`` under ``--unit dbh=mm`` is ``dbh_mm``."""
    for quantity, unit in units.items():
        if unit not in UNITS.get(quantity, ()):
            raise InventoryError(
                f"--unit {quantity}={unit}: allowed are dbh and girth in {', '.join(UNITS['dbh'])}."
            )
        if name == quantity or name in {f"{quantity}_{known}" for known in UNITS[quantity]}:
            return f"{quantity}_{unit}"
    return name


def _require(trees: pd.DataFrame, raw: RawTable) -> None:
    missing = []
    if "species" not in trees:
        missing.append("a species column (species)")
    if not _names(DIAMETERS) & set(trees.columns):
        missing.append(f"a diameter or girth column ({', '.join(c.name for c in DIAMETERS)})")
    if missing:
        raise InventoryError(
            f"'{raw.file}' lacks {' and '.join(missing)}. Its columns are: "
            f"{', '.join(map(str, raw.frame.columns))}. "
            "Rename them or use --map canonical=column, for example --map girth_cm=Girth."
        )
    if trees.empty:
        raise InventoryError(f"'{raw.file}' has a heading but no rows.")


def _typed(
    frame: pd.DataFrame, columns: Mapping[str, Column], raw: RawTable, problems: Problems
) -> pd.DataFrame:
    """Numbers as floats, texts stripped; a cell that is no number is a problem."""
    frame["refused"] = ""
    for name in [n for n in frame.columns if n in columns]:
        if not columns[name].number:
            frame[name] = frame[name].fillna("").astype(str).str.strip()
            continue
        numbers, bad = _numbers(frame[name])
        for position in np.flatnonzero(bad):
            vital = columns[name].target in {"dbh_cm", "count"}
            problems.add(
                "not_a_number", file=raw.file, sheet=raw.sheet, row=int(frame["row"].iloc[position]),
                column=name, value=frame[name].iloc[position],
                severity="error" if vital else "warning",
            )  # fmt: skip
            if vital:
                frame.loc[position, "refused"] = "not_a_number"
        frame[name] = numbers
    return frame


def _numbers(column: pd.Series[Any]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Floats, and which cells hold something that is none (Thai digits are read)."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    bad = np.isnan(numbers) & column.notna().to_numpy()
    for position in np.flatnonzero(bad):
        text = str(column.iloc[position]).strip()
        if not text:
            bad[position] = False
            continue
        try:
            value = float(text)  # reads the digits of every script
        except ValueError:
            continue
        if np.isfinite(value):
            numbers[position], bad[position] = value, False
    return numbers, bad


def _add_diameter(trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """``dbh_cm`` from the first diameter or girth column that has a value."""
    value = np.full(len(trees), np.nan)
    used = np.full(len(trees), "", dtype=object)
    typed = np.full(len(trees), np.nan)
    for column in DIAMETERS:
        if column.name in trees:
            given = trees[column.name].to_numpy()
            take = np.isnan(value) & ~np.isnan(given)
            value[take], used[take] = given[take] * column.factor, column.name
            typed[take] = given[take]
    trees["dbh_cm"] = value
    checks.check_diameters(trees, used, typed, raw, problems)


def _add_keys(trees: pd.DataFrame, notes: list[dict[str, str]]) -> None:
    """Plot, tree and stem ids where the file has none, counts and statuses."""
    if "plot_id" not in trees:
        trees["plot_id"] = ONE_PLOT
        notes.append(_note("plot", "no plot_id column: all rows taken as one plot", ONE_PLOT))
    if "tree_id" not in trees:
        trees["tree_id"] = ""
    unnamed = trees["tree_id"] == ""
    if unnamed.any():
        trees.loc[unnamed, "tree_id"] = "row-" + trees.loc[unnamed, "row"].astype(str)
        notes.append(
            _note("tree id", f"{unnamed.sum()} rows without tree_id are called row-N; figures are "
                  "independent of row order only with ids", "row-N")
        )  # fmt: skip
    for name, default in (("stem_id", ""), ("status", ""), ("growth_form", ""), ("clone", "")):
        if name not in trees:
            trees[name] = default
    trees["state"] = [STATUSES.get(status.lower(), "unknown") for status in trees["status"]]
    trees["count"] = trees["count"].fillna(1.0) if "count" in trees else 1.0


def _note(topic: str, assumption: str, value: str, source: str = "as read") -> dict[str, str]:
    return {"topic": topic, "assumption": assumption, "value": value, "source": source}


def _add_years(trees: pd.DataFrame, notes: list[dict[str, str]]) -> None:
    """Buddhist Era to Common Era."""
    if "planting_year" not in trees:
        return
    buddhist = trees["planting_year"] > OLDEST_BUDDHIST_YEAR
    if buddhist.any():
        trees.loc[buddhist, "planting_year"] -= BUDDHIST_ERA
        notes.append(
            _note("planting year", f"{buddhist.sum()} years above {OLDEST_BUDDHIST_YEAR} read as "
                  f"Buddhist Era and lowered by {BUDDHIST_ERA}", "CE = BE - 543", "calendar")
        )  # fmt: skip


def _plots(
    source: Source | None, trees: pd.DataFrame, problems: Problems, notes: list[dict[str, str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plot table with ``area_ha``, and the subplots of nested designs."""
    if source is None:
        table = _plots_of_trees(trees, notes)
    else:
        raw = _open(source, "plots")
        table = _canonical(raw, PLOT_COLUMNS, {}, {}, problems)
        if "plot_id" not in table:
            raise InventoryError(
                f"'{raw.file}' lacks the column plot_id; its columns are: "
                f"{', '.join(map(str, raw.frame.columns))}."
            )
        table = _typed(table, PLOT_COLUMNS, raw, problems)
        table["area_ha"] = _area(table, raw, problems)
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
        table[name] = table[name].fillna("") if name in table else ""
    if "stratum_area_ha" not in table:
        table["stratum_area_ha"] = np.nan
    return table, subplots


def _plots_of_trees(trees: pd.DataFrame, notes: list[dict[str, str]]) -> pd.DataFrame:
    """Plots named in the tree table, with the area written there (if any)."""
    keys = [n for n in ("site_id",) if n in trees]
    table = trees.groupby("plot_id", sort=True)[keys].first().reset_index() if keys else (
        pd.DataFrame({"plot_id": sorted(set(trees["plot_id"]))})
    )
    table["area_ha"] = np.nan
    for column in AREAS:
        name = f"plot_{column.name}"
        if name in trees:
            first = trees.groupby("plot_id")[name].first()
            table["area_ha"] = table["area_ha"].fillna(table["plot_id"].map(first) * column.factor)
            notes.append(_note("plot area", f"{name} of the tree sheet taken as the plot's area",
                               "first value of each plot"))  # fmt: skip
    return table


def _area(table: pd.DataFrame, raw: RawTable, problems: Problems) -> np.ndarray[Any, Any]:
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
        area = np.where(np.isnan(area), total, area)
    if "area" in table:
        area = np.where(np.isnan(area), [rai_text_to_ha(text) for text in table["area"]], area)
    if "subplot_area_m2" in table:
        area = np.where(np.isnan(area) & table["subplot_area_m2"].notna(), np.nan, area)
    for position in np.flatnonzero(~(area > 0) & ~np.isnan(area)):
        problems.add("area_not_valid", file=raw.file, row=int(table["row"].iloc[position]),
                     column="area", value=area[position])  # fmt: skip
    return np.where(area > 0, area, np.nan)


def _level_area(table: pd.DataFrame, notes: list[dict[str, str]]) -> pd.DataFrame:
    """Areas measured along a slope, laid flat."""
    if "slope_percent" in table and table["slope_percent"].fillna(0).gt(0).any():
        factor = 1.0 / np.sqrt(1.0 + (table["slope_percent"].fillna(0.0) / 100.0) ** 2)
        table["area_ha"] = table["area_ha"] * factor
        if "subplot_area_m2" in table:
            table["subplot_area_m2"] = table["subplot_area_m2"] * factor
        notes.append(_note("plot area", "plot areas are taken as measured along the slope and laid "
                           "flat where slope_percent is given", "area / sqrt(1 + slope^2)",
                           "geometry"))  # fmt: skip
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
