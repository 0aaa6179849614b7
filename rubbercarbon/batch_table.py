"""One pure function: a table of trees in, a table of plots out, and what the runner sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rubbercarbon.batch_block import Estimator, Rows, Stems, crews_of, rows_of
from rubbercarbon.batch_headings import headings_of
from rubbercarbon.batch_plots import PlotFacts
from rubbercarbon.batch_problems import list_whole
from rubbercarbon.batch_results import (
    TEXTS,
    measured_area,
    points_of,
    regions_of,
    spreads_of,
    sums_of,
    table_of,
)
from rubbercarbon.batch_sums import Sums
from rubbercarbon.batch_whole import BESIDE, assume_whole, compute_whole, read_whole
from rubbercarbon.columns import PLOT_COLUMNS, plain_id
from rubbercarbon.config import Settings
from rubbercarbon.distributions import QUANTILES, QUANTITIES, Spread
from rubbercarbon.draw_blocks import Drawer, DrawRows
from rubbercarbon.errors import InventoryError, SettingsError
from rubbercarbon.headings import map_headings
from rubbercarbon.loads import Layout
from rubbercarbon.messages import failure
from rubbercarbon.montecarlo import PLOTS_AT_ONCE
from rubbercarbon.problems import Problems

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class Block:
    """What a block of plots gives.

    Attributes
    ----------
    plots : pyarrow.Table
    sums : Sums
        By region.
    """

    plots: Any
    sums: Sums = field(default_factory=Sums)


def canonical_plots(table: Any, file: str = "plots") -> pd.DataFrame:
    """A plot table in canonical columns, indexed by plot_id.

    Raises
    ------
    InventoryError
    """
    frame = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    columns = ", ".join(map(str, frame.columns))
    found = map_headings([str(name) for name in frame.columns], "plots", PLOT_COLUMNS, {})
    frame = frame.rename(columns={heading: name for name, (heading, _) in found.items()})
    frame = frame[[name for name in frame.columns if name in PLOT_COLUMNS]]
    if "plot_id" not in frame:
        raise failure(InventoryError, "batch_plot_table", file=file, columns=columns)
    frame["plot_id"] = frame["plot_id"].astype(str).map(plain_id)
    return frame.set_index("plot_id", drop=False).rename_axis(None)


def estimate_table(
    trees: pa.Table, settings: Settings | None = None, *, plots: pa.Table | None = None
) -> pa.Table:
    """Stocks of plots with their uncertainty, from one Arrow table to another.

    Parameters
    ----------
    trees : pyarrow.Table
        One row per tree, columns as for `read_inventory`; a plot's rows may lie anywhere.
    settings : Settings, optional
        With ``draws``, intervals are from that many; without, points alone.
    plots : pyarrow.Table, optional
        One row per plot.

    Returns
    -------
    pyarrow.Table
        One row per plot by plot_id: the points of `estimate_stocks` bit by bit, and sd, low and
        high of the same draws.

    Raises
    ------
    InventoryError
        Without rows, or without the columns that are needed.
    SettingsError
        For the analytic method.

    Examples
    --------
    >>> import pyarrow as pa, rubbercarbon as rc
    >>> trees = pa.table({"plot_id": ["A"], "species": ["ยางพารา"], "girth_cm": [62.8]})
    >>> rc.estimate_table(trees)["agb_t"].to_pylist()
    [0.195...]
    """
    names = headings_of(trees.column_names)
    if not len(trees):
        raise failure(InventoryError, "batch_table_empty")
    trees = trees.select(list(names)).rename_columns(list(names.values()))
    known = None if plots is None else canonical_plots(plots)
    estimator = Estimator(check_settings(settings or Settings()), known)
    rows = rows_of(trees, np.arange(len(trees)) + 1, "trees")
    return by_plot_id([estimate_block(estimator, rows, "site_id").plots])


def by_plot_id(tables: list[pa.Table]) -> pa.Table:
    """Tables of plots as one, in order."""
    plots = pa.concat_tables(tables, promote_options="default")
    return plots.take(pc.sort_indices(plots, sort_keys=[("plot_id", "ascending")]))


def check_settings(settings: Settings) -> Settings:
    """Raise for settings that a batch cannot follow.

    Raises
    ------
    SettingsError
    """
    if settings.method == "analytic":
        raise failure(SettingsError, "batch_analytic")
    return settings


def estimate_block(estimator: Estimator, rows: Rows, by: str) -> Block:
    """Stocks of the plots of some rows, which forget their table on the way.

    Parameters
    ----------
    estimator : Estimator
    rows : Rows
    by : str
        Column of regions.

    Returns
    -------
    Block
        Problems and counts of equations are in the estimator's tally, until it is closed.
    """
    estimator.tally.count_dates(rows.table)
    facts = estimator.facts(rows)
    stems, kind, left = estimator.stems(rows, facts)
    bad = estimator.tally.add(rows, kind, stems.lean)
    counts = _row_counts(rows, bad, stems.lean)
    sums = Sums()
    tables = _whole(estimator, rows, np.flatnonzero(left), by, sums) if left.any() else []
    rows.forget()
    columns, spreads = _lean(estimator, rows, stems, by, counts, sums)
    if len(stems.lean) or not tables:
        tables.append(table_of(columns, spreads))
    return Block(pa.concat_tables(tables, promote_options="default"), sums)


def _lean(
    estimator: Estimator, rows: Rows, stems: Stems, by: str, counts: dict[str, Any], sums: Sums
) -> tuple[dict[str, Any], list[tuple[Spread, Spread]]]:
    """Plots that need no whole inventory; their points and draws go to the sums."""
    from allometry.kernels.inventories import SUMS, plot_sums  # noqa: PLC0415  (loads numba)

    lean, facts = stems.lean, stems.facts
    area = facts.area_ha[lean]
    with np.errstate(divide="ignore", invalid="ignore"):
        expansion = 1.0 / area
    out = np.empty((len(lean), SUMS))
    plot_sums(stems.offsets, stems.kind, stems.plant, estimator.templates.figures, expansion, out)
    columns = points_of(out, area) | counts
    columns["plot_id"] = [rows.plots[p] for p in lean]
    columns |= {name: facts.texts[name][lean] for name in TEXTS[1:]}
    columns["stratum_area_ha"] = facts.stratum_area_ha[lean]
    regions, region = regions_of(facts.texts, lean, by)
    sums.add(sums_of(columns, regions, region))
    spreads: list[tuple[Spread, Spread]] = []
    if estimator.settings.number_of_draws and len(lean):
        layout, drawn = estimator.draw_rows(rows, stems, crews_of(rows))
        spreads = spreads_of(
            _draws(layout, drawn, estimator.settings), (facts.area_cv[lean], drawn.plot),
            estimator.settings, measured_area(columns), (regions, region), sums,
        )  # fmt: skip
    return columns, spreads


def _draws(layout: Layout, rows: DrawRows, settings: Settings) -> Iterator[tuple[int, int, Floats]]:
    """Draws of plots, some at a time, which are gone when the next are taken."""
    drawer = Drawer(layout, settings.number_of_draws, settings.seed)
    room = np.empty((PLOTS_AT_ONCE, len(QUANTITIES), drawer.draws))
    for first in range(0, len(rows.plot), PLOTS_AT_ONCE):
        last = min(first + PLOTS_AT_ONCE, len(rows.plot))
        yield first, last, drawer.block(rows.some(first, last), room)


def empty_block(settings: Settings, names: list[str], facts: PlotFacts, by: str) -> Block:
    """Plots without any tree: their stocks are zero for certain."""
    from allometry.kernels.inventories import SUMS  # noqa: PLC0415  (loads numba)

    count, every = len(names), np.arange(len(names))
    none = np.zeros(count, dtype=np.int64)
    columns = points_of(np.zeros((count, SUMS)), facts.area_ha) | {
        "n_rows": none,
        "n_refused": none,
    }
    columns["plot_id"] = names
    columns |= {name: facts.texts[name] for name in TEXTS[1:]}
    columns["stratum_area_ha"] = facts.stratum_area_ha
    regions, region = regions_of(facts.texts, every, by)
    sums = sums_of(columns, regions, region)
    draws = settings.number_of_draws
    if not draws:
        return Block(table_of(columns, []), sums)
    zero = np.zeros((count, len(QUANTITIES)))
    spread = Spread(zero, zero, zero, zero, np.zeros((*zero.shape, len(QUANTILES))))
    sums.draws = {name: np.zeros((2, len(QUANTITIES), draws), dtype=np.int64) for name in regions}
    return Block(table_of(columns, [(spread, spread)]), sums)


def _row_counts(rows: Rows, bad: Ints, lean: Ints) -> dict[str, Any]:
    """Rows of each plot, and how many were refused."""
    plot = np.searchsorted(rows.offsets, bad, side="right") - 1
    refused = np.bincount(plot, minlength=len(rows.plots))
    return {"n_rows": np.diff(rows.offsets)[lean], "n_refused": refused[lean]}


def _whole(estimator: Estimator, rows: Rows, plots: Ints, by: str, sums: Sums) -> list[pa.Table]:
    """Plots that need the rules of a whole inventory."""
    taken = np.concatenate([np.arange(rows.offsets[p], rows.offsets[p + 1]) for p in plots])
    frame = rows.table.take(pa.array(taken)).to_pandas()
    frame, row = frame.astype(_plain(frame)), rows.row[taken]
    frame["tree_id"] = _tree_ids(frame, row)
    names = [rows.plots[p] for p in plots]
    chosen = None if estimator.plots is None else estimator.plots[estimator.plots.index.isin(names)]
    found, extra = Problems(), Problems()
    inventory = read_whole(frame, rows.file(int(taken[0])), chosen, found)
    computed, draws = compute_whole(inventory, estimator.settings)
    extra.items = computed.stocks.found_problems.items
    table = computed.stocks.plots
    mine = np.flatnonzero(((table["plot_id"] != BESIDE) & (table["plot_id"] != "")).to_numpy())
    columns: dict[str, Any] = {name: table[name].to_numpy()[mine] for name in table.columns}
    located = inventory.plots.set_index("plot_id").reindex(table["plot_id"])
    texts = {
        name: (
            located[name].astype(object).fillna("")
            if name in located
            else pd.Series("", located.index)
        ).to_numpy(dtype=object)
        for name in (*TEXTS[1:], by)
    }
    columns |= {name: texts[name][mine] for name in TEXTS[1:]}
    assume_whole(
        computed, frame, texts["locality"][mine], estimator.settings, estimator.assumptions,
        estimator.templates.equations,
    )  # fmt: skip
    refused = list_whole(estimator.tally, extra, inventory, computed, rows, taken)
    counts = Counter(inventory.trees.loc[inventory.trees["row"] < len(taken), "plot_id"])
    columns["n_rows"] = np.array([counts[name] for name in columns["plot_id"]], dtype=np.int64)
    columns["n_refused"] = np.array([refused[n] for n in columns["plot_id"]], dtype=np.int64)
    regions, region = regions_of(texts, mine, by)
    sums.add(sums_of(columns, regions, region))
    spreads: list[tuple[Spread, Spread]] = []
    if draws is not None and len(mine):
        masses = computed.masses
        spreads = spreads_of(
            [(0, len(mine), draws[mine])], (masses.area_cv[mine], masses.plot[mine]),
            estimator.settings, measured_area(columns), (regions, region), sums,
        )  # fmt: skip
    return [table_of(columns, spreads)] if len(mine) else []


def _tree_ids(frame: pd.DataFrame, row: Ints) -> Any:
    """Ids of trees, by row where there is none."""
    given = frame["tree_id"] if "tree_id" in frame else pd.Series("", index=frame.index)
    texts = given.astype(object).where(given.notna(), "").astype(str).str.strip()
    numbered = pd.Series([f"row-{number}" for number in row], index=frame.index)
    return texts.where(texts != "", numbered)


def _plain(frame: pd.DataFrame) -> dict[str, Any]:
    """Numbered texts as plain ones."""
    return {
        str(name): object for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }
