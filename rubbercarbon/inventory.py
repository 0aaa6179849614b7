"""The validated tree table: what was read, what of it can be used, and what was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from rubbercarbon import checks, distinct, tables
from rubbercarbon.columns import (
    DIAMETERS,
    PLOT_COLUMNS,
    TREE_COLUMNS,
    clone_name,
    state_of,
)
from rubbercarbon.errors import InventoryError
from rubbercarbon.field_checks import check_field_values
from rubbercarbon.formats.interface import RawTable, converted
from rubbercarbon.memory import MANY_ROWS, give_back
from rubbercarbon.messages import failure
from rubbercarbon.place_checks import check_places
from rubbercarbon.plots import read_plots
from rubbercarbon.problems import Problems
from rubbercarbon.sections import name_sections, put_sections
from rubbercarbon.tables import Source
from rubbercarbon.thresholds import threshold

ONE_PLOT = "1"
IDS = ("plot_id", "tree_id", "stem_id")
WORKING = ("diameter_column", "diameter_typed", "height_typed", "wood_density_typed")
DIAMETER_CONFLICT = threshold("diameter_conflict")


@dataclass
class Inventory:
    """Trees and plots in canonical columns.

    Attributes
    ----------
    trees : pandas.DataFrame
        One row per input row, in input order: ``row`` (as the file counts), keys and measurements
        in canonical columns, ``dbh_cm``, ``refused`` (code of the problem that keeps the row out
        of the computation, or empty). Texts are categories in tables of more than 100,000 rows.
    plots : pandas.DataFrame
        One row per plot, by plot_id: ``area_ha``, laid flat, and what else is known.
    subplots : pandas.DataFrame
        Nested designs: ``plot_id``, ``min_dbh_cm``, ``area_ha``; empty otherwise.
    file : str
        Name of the tree file, for messages.
    digests : dict
        sha256 of each input by name.
    found_problems : Problems
        The list behind ``problems``.
    notes : list of dict
        What was assumed in reading, as rows of the assumptions.
    reading : dict
        Mapping, units and headings in force, for the record of a run.
    headings : dict
        Canonical column → heading that was read as it.
    raw, plot_raw : RawTable or None
        The tables of trees and of plots as they were read; None for more than 100,000 rows.
    sheet : str
        Sheet of the tree file, for messages.
    """

    trees: pd.DataFrame
    plots: pd.DataFrame
    subplots: pd.DataFrame
    file: str
    digests: dict[str, str]
    found_problems: Problems = field(repr=False)
    notes: list[dict[str, str]] = field(default_factory=list, repr=False)
    reading: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    headings: dict[str, str] = field(default_factory=dict, repr=False)
    raw: RawTable | None = field(default=None, repr=False)
    plot_raw: RawTable | None = field(default=None, repr=False)
    sheet: str = ""

    @property
    def problems(self) -> pd.DataFrame:
        """Problems found in reading; ``Stocks.problems`` has those of species and equations too."""
        return self.found_problems.frame()


def read_inventory(
    source: Source,
    plots: Source | None = None,
    *,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    accept_suggestions: bool = False,
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
    accept_suggestions : bool
        Use the values that the checks think were meant; each is logged.

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
    raw, plot_raw = _choose(source, plots, problems)
    chosen = (mapping or {}, units or {})
    raw = raw if mapping else tables.with_unit_row(raw)
    if not accept_suggestions:
        held = [raw]
        del raw
        return _read(held, plot_raw, chosen, problems, (source, plots))
    found = _read([raw], plot_raw, chosen, problems, (source, plots))
    again = Problems()
    raw, done = tables.corrected(raw, found.headings, problems)
    if plot_raw is not None:
        known = tables.reading(plot_raw, PLOT_COLUMNS, {}, {}, "plots")
        plot_raw, more = tables.corrected(plot_raw, known, problems)
        done += more
    for fix in done:
        again.add("suggestion_applied", **fix)
    return _read([raw], plot_raw, chosen, again, (source, plots))


def read_raw(raw: RawTable, plot_raw: RawTable | None, problems: Problems) -> Inventory:
    """From tables in canonical columns to an inventory without digests."""
    return _read([raw], plot_raw, ({}, {}), problems, None)


def _read(
    held: list[RawTable], plot_raw: RawTable | None,
    chosen: tuple[Mapping[str, str], Mapping[str, str]],
    problems: Problems, sources: tuple[Source, Source | None] | None,
) -> Inventory:  # fmt: skip
    """From chosen tables to an inventory; a long table of trees is let go once it is typed."""
    raw = held.pop()
    mapping, units = chosen
    notes: list[dict[str, str]] = []
    headings = tables.reading(raw, TREE_COLUMNS, mapping, units)
    problems.headings[raw.file, raw.sheet] = headings
    if plot_raw is not None:
        problems.headings[plot_raw.file, plot_raw.sheet] = tables.reading(
            plot_raw, PLOT_COLUMNS, {}, {}, "plots"
        )
    trees = tables.canonical(raw, TREE_COLUMNS, mapping, units, problems, notes=notes)
    _require(trees, raw)
    sections = name_sections(trees, raw)
    trees = tables.typed(trees, TREE_COLUMNS, raw, problems)
    if len(trees) > MANY_ROWS:
        raw = replace(raw, frame=raw.frame.iloc[:0].copy())
        give_back(len(trees))
    put_sections(trees, sections, raw, problems)
    add_keys(trees, notes, raw, problems)
    add_diameter(trees, raw, problems)
    checks.check_census(trees, raw, problems)
    tables.to_common_era(trees, notes)
    plot_table, subplots = read_plots(plot_raw, trees, raw, problems, notes)
    checks.check_trees(trees, raw, set(plot_table["plot_id"]), plot_raw is not None, problems)
    checks.name_yang(trees, plot_table, raw, problems)
    check_field_values(trees, raw, problems)
    checks.check_plots(plot_table, trees, problems, set(subplots["plot_id"]))
    check_places(plot_table, trees, plot_raw, problems)
    trees = trees.drop(columns=list(WORKING))
    if len(trees) > MANY_ROWS:
        distinct.compact(trees)
    give_back(len(trees))
    digests = {}
    if sources is not None:
        digests[raw.file] = tables.digest(sources[0])
        if sources[1] is not None:
            digests[tables.name_of(sources[1], "plots")] = tables.digest(sources[1])
    reading = {"mapping": dict(mapping), "units": dict(units), "headings": headings}
    return Inventory(
        trees,
        plot_table,
        subplots,
        raw.file,
        digests,
        problems,
        notes,
        reading,
        headings,
        raw if len(trees) <= MANY_ROWS else None,
        plot_raw if plot_raw is not None and len(plot_raw.frame) <= MANY_ROWS else None,
        raw.sheet,
    )


def _choose(
    source: Source, plots: Source | None, problems: Problems
) -> tuple[RawTable, RawTable | None]:
    """The table of trees and the table of plots among all that was given."""
    found = tables.open_tables(source, "trees")
    beside = tables.open_tables(plots, "plots") if plots is not None else []
    joined = converted([*found, *beside])
    if joined[0].dialect == "odk":
        return joined[0], None
    if joined[0].dialect == "odk_repeat":
        problems.add("repeat_alone", file=joined[0].file, sheet=joined[0].sheet)
    for file in sorted({table.file for table in joined if not table.errors_known}):
        problems.add("errors_unseen", file=file, value=file)
    found = converted(found)
    trees = tables.best_of(found, "trees")
    if beside:
        return trees, tables.best_of(beside, "plots")
    others = [table for table in found if table is not trees]
    with_areas = [table for table in others if tables.is_plots(table)]
    if with_areas:
        return trees, tables.best_of(with_areas, "plots")
    alike = [table.sheet for table in others if tables.is_trees(table)]
    if alike:
        problems.add(
            "other_sheets", file=trees.file, sheet=trees.sheet, value=", ".join(alike),
            used=trees.sheet,
        )  # fmt: skip
    return trees, None


def _require(trees: pd.DataFrame, raw: RawTable) -> None:
    named, sized = "species" in trees, bool(tables.names(DIAMETERS) & set(trees.columns))
    if not (named and sized):
        key = "no_diameter" if named else "no_species" if sized else "no_species_no_diameter"
        raise failure(
            InventoryError, key, file=raw.file, columns=", ".join(map(str, raw.frame.columns)),
            names=", ".join(c.name for c in DIAMETERS),
        )  # fmt: skip
    if trees.empty:
        raise failure(InventoryError, "no_rows", file=raw.file)


def add_diameter(trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """``dbh_cm`` from the first diameter or girth column that has a value."""
    first = next((c.name for c in DIAMETERS if c.name in trees), "dbh_cm")
    value = np.full(len(trees), np.nan)
    used = np.full(len(trees), "", dtype=object)
    typed = np.full(len(trees), np.nan)
    for column in DIAMETERS:
        if column.name in trees:
            given = trees[column.name].to_numpy()
            take = np.isnan(value) & ~np.isnan(given)
            value[take], used[take] = given[take] * column.factor, column.name
            typed[take] = given[take]
            other = given * column.factor
            with np.errstate(invalid="ignore"):
                conflict = ~take & (np.abs(other / value - 1.0) > DIAMETER_CONFLICT)
            for position in np.flatnonzero(conflict):
                problems.add(
                    "diameter_conflict", file=raw.file, sheet=raw.sheet,
                    row=int(trees["row"].iloc[position]), column=column.name,
                    value=f"{given[position]:g}", used=used[position],
                    dbh=f"{value[position]:.1f}", other=f"{other[position]:.1f}",
                )  # fmt: skip
    trees["dbh_cm"], trees["diameter_column"], trees["diameter_typed"] = value, used, typed
    checks.check_diameters(trees, used, typed, raw, problems, first)


def add_keys(
    trees: pd.DataFrame, notes: list[dict[str, str]], raw: RawTable, problems: Problems
) -> None:
    """Plot, tree and stem ids where the file has none, counts and statuses."""
    tables.plain_ids(trees, IDS, raw, problems)
    if "plot_id" not in trees:
        trees["plot_id"] = ONE_PLOT
        notes.append(tables.note("plot", "no plot_id column: all rows taken as one plot", ONE_PLOT))
    if "tree_id" not in trees:
        trees["tree_id"] = ""
    unnamed = trees["tree_id"] == ""
    lacking = int((unnamed & (trees["refused"] == "")).sum())
    if lacking and not unnamed.all():
        problems.add("tree_id_missing", file=raw.file, sheet=raw.sheet, column="tree_id",
                     value=lacking)  # fmt: skip
    if unnamed.any():
        trees.loc[unnamed, "tree_id"] = "row-" + trees.loc[unnamed, "row"].astype(str)
        notes.append(
            tables.note(
                "tree id",
                f"{unnamed.sum()} rows without tree_id are called row-N; figures are "
                "independent of row order only with ids",
                "row-N",
            )
        )
    _join_genus(trees)
    if "clone" in trees:
        trees["clone"] = distinct.mapped(
            trees["clone"], lambda text: clone_name(text) if text else ""
        )
    for name, default in (("stem_id", ""), ("status", ""), ("growth_form", ""), ("clone", "")):
        if name not in trees:
            trees[name] = default
    trees["state"] = trees["status"].map({s: state_of(s) for s in trees["status"].unique()})
    trees["count"] = trees["count"].fillna(1.0) if "count" in trees else 1.0


def _join_genus(trees: pd.DataFrame) -> None:
    """Genus and epithet in two columns make one name."""
    if "genus" not in trees:
        return
    genus, name = trees["genus"].fillna(""), trees["species"]
    apart = (genus != "") & ~name.str.contains(" ", regex=False)
    apart &= name.str[:1].str.islower() | (name == "")
    joined = (genus + " " + name.where(name != "", "sp.")).str.strip()
    trees["species"] = name.where(~apart, joined)
