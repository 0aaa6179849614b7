"""Blocks of whole plots: rows to templates, templates to plots, plots to draws.

`Estimator` keeps what it has learnt of distinct rows from block to block; no figure depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation, ladder
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_cells import CellRegistry
from rubbercarbon.batch_codes import (
    CAMPAIGN,
    Codes,
    begin_with_digit,
    coded,
    first_of,
    texts,
    visible,
)
from rubbercarbon.batch_made import SHORT, WILD
from rubbercarbon.batch_plots import PlotFacts, PlotReader, plots_of_table
from rubbercarbon.batch_problems import Tally
from rubbercarbon.batch_templates import MOST_TEMPLATES, SPARE, Templates
from rubbercarbon.columns import common_era, plain_id
from rubbercarbon.config import Settings
from rubbercarbon.draw_blocks import DrawRows
from rubbercarbon.error_layout import NO_CAMPAIGN, NO_LOCALITY
from rubbercarbon.inputs import SEVERAL_STEMS
from rubbercarbon.loads import Layout, key_of
from rubbercarbon.rows import EXAMPLES, TOTALS, is_total

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
BY_PLOT = ("plot_id", "stratum")  # groups of a height sample that only whole inventories know
FEW_NEW = 8  # a block of few new rows has more than so many times as many rows
# no digit at all, or the first letters of a word for a total or an example behind signs
DOUBTFUL = "^[^0-9]*$|^[^0-9A-Za-z]*(?:{})".format(
    "|".join(sorted({word[:3] for word in (*TOTALS, *EXAMPLES)}))
)


@dataclass(frozen=True)
class Respelt:
    """Ids of a column that were read in plain spelling: the first, and how many."""

    place: int
    written: str
    plain: str
    count: int


@dataclass
class Rows:
    """Rows of whole plots in order of plots as they come; one code per text.

    ``rank`` is the order of trees by their code, or with stems that have ids of rows.
    """

    table: Any
    row: Ints
    files: Any
    offsets: Ints
    plots: list[str]
    tree: Codes
    trees: Any
    rank: Ints
    by_tree: bool
    odd: Bools
    respelt: dict[str, Respelt | None]

    def file(self, place: int) -> str:
        """Name of a row's file."""
        return str(self.files if isinstance(self.files, str) else self.files[place])

    def forget(self) -> None:
        """Keep of the table what draws read: crews and dates."""
        self.table = self.table.select([n for n in CAMPAIGN if n in self.table.column_names])


@dataclass(frozen=True)
class Stems:
    """Usable rows of the plots that need no whole inventory, in computing order."""

    lean: Ints
    offsets: Ints
    row: Codes
    kind: Codes
    plant: Codes
    facts: PlotFacts
    several: int


@dataclass(frozen=True)
class Crews:
    """Campaigns (crew and date) of a block: a number by plot, or by row where plots mix them."""

    code: Ints
    names: list[str]
    mixed: bool


def rows_of(table: Any, row: Ints, files: Any) -> Rows:
    """Rows put together by plot, with ids as numbers and their order.

    Parameters
    ----------
    table : pyarrow.Table
        In canonical columns, with ``plot_id``.
    row : ndarray of int64
        Row of each in its file.
    files : str or ndarray of str
        Name of the one file, or of each row's.
    """
    respelt: dict[str, Respelt | None] = {}
    codes, plots, _, respelt["plot_id"] = _ranked(table.column("plot_id"))
    change = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    starts = np.concatenate([[0], change]).astype(np.int64)
    if len(np.unique(codes[starts])) != len(starts):
        order = np.argsort(codes, kind="stable")
        table, row, codes = table.take(pa.array(order)), row[order], codes[order]
        files = files if isinstance(files, str) else files[order]
        change = np.flatnonzero(codes[1:] != codes[:-1]) + 1
        starts = np.concatenate([[0], change]).astype(np.int64)
        if (one := respelt["plot_id"]) is not None:
            place = int(np.flatnonzero(order == one.place)[0])
            respelt["plot_id"] = replace(one, place=place)
    names = plots.take(pa.array(codes[starts])).to_pylist()
    odd = _suspicious(plots)[codes[starts]]
    if "tree_id" in table.column_names:
        tree, trees, rank, respelt["tree_id"] = _ranked(table.column("tree_id"))
        doubtful = _suspicious(trees)
        if doubtful.any():
            odd |= np.logical_or.reduceat(doubtful[tree], starts)
    else:
        trees = pa.array([f"row-{number}" for number in row.tolist()])
        tree, trees, rank, _ = _ranked(trees)
    by_tree = "stem_id" not in table.column_names
    if not by_tree:
        stem, _, stem_rank, respelt["stem_id"] = _ranked(table.column("stem_id"))
        rank = rank[tree] * (int(stem_rank.max(initial=0)) + 1) + stem_rank[stem]
    offsets = np.concatenate([starts, [len(codes)]]).astype(np.int64)
    return Rows(table, row, files, offsets, names, tree, trees, rank, by_tree, odd, respelt)


def _respelt(codes: Codes, written: list[str], plain: list[str]) -> Respelt | None:
    """Ids that are not written as they are read, if there are any."""
    pairs = zip(written, plain, strict=True)
    changed = [code for code, (text, name) in enumerate(pairs) if text != name]
    places = np.flatnonzero(np.isin(codes, changed))
    if not changed or not places.size:
        return None
    first = int(codes[places[0]])
    return Respelt(int(places[0]), written[first], plain[first], places.size)


def _ranked(column: Any) -> tuple[Codes, Any, Ints, Respelt | None]:
    """Code of each row's id, distinct ids in plain spelling, the place of each, those respelt."""
    codes, found = coded(column)
    gap, respelt = [""] * (column.null_count > 0), None
    if visible(found):
        names = pa.concat_arrays([found.cast(pa.string()), pa.array(gap, pa.string())])
    else:
        written = ["" if text is None else text.strip() for text in found.to_pylist()] + gap
        plain = [plain_id(text) for text in written]
        respelt, names = _respelt(codes, written, plain), pa.array(plain, pa.string())
    count = len(found)
    order = pa.concat_arrays([names[count:], names[:count]])  # the empty one first
    if pc.all(pc.less(order[:-1], order[1:])).as_py():  # as most files have them
        rank = np.arange(len(names), dtype=np.int64) + len(gap)
        rank[count:] = 0
        return codes, names, rank, respelt
    distinct = pc.unique(names)
    if len(distinct) != len(names):
        codes = pc.index_in(names, distinct).to_numpy(zero_copy_only=False)[codes]
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[pc.sort_indices(distinct).to_numpy()] = np.arange(len(distinct))
    return codes, distinct, rank, respelt


def _suspicious(names: Any) -> Bools:
    """Which ids are empty, or look like a total or an example."""
    found = np.zeros(len(names), dtype=np.bool_)
    doubtful = np.flatnonzero(~begin_with_digit(names))
    some = names.take(pa.array(doubtful))
    like = pc.match_substring_regex(some, DOUBTFUL, ignore_case=True)
    for code in doubtful[like.to_numpy(zero_copy_only=False)].tolist():
        text = names[code].as_py()
        found[code] = not text or is_total(text) or text.casefold().startswith(EXAMPLES)
    return found


@dataclass
class Estimator:
    """Computes blocks by the same settings, and remembers distinct rows.

    Attributes
    ----------
    settings : Settings
    plots : pandas.DataFrame or None
        Plot table in canonical columns, indexed by plot_id.
    many_new : bool
        Many rows of the latest block were new, or there was none yet.
    language : str
        Of the problems.
    """

    settings: Settings
    plots: pd.DataFrame | None = None
    language: str = "en"
    assumptions: Assumptions = field(default_factory=Assumptions)

    def __post_init__(self) -> None:
        self.reader = PlotReader(self.settings, self.assumptions)
        self.cells = CellRegistry(self.settings.errors)
        self.templates = Templates(self.settings, self.cells, assumptions=self.assumptions)
        self.tally = Tally(self.templates, self.language)
        asked = self.settings.roots
        self.whole = asked is not None and get_equation(asked).level == "stand"
        self.whole |= self.settings.height_sample is not None and self.settings.height_by in BY_PLOT
        self.many_new = True
        self.traits: tuple[Any, Any] = (None, None)  # for which templates, and which they are

    def kinds(self, rows: Rows, facts: PlotFacts) -> tuple[Codes, Any]:
        """Template of each row, its key, and what gives the codes of keys."""
        from allometry.kernels.rows import add_flags  # noqa: PLC0415  (loads numba)

        store = self.templates
        if len(store) > MOST_TEMPLATES:
            self.tally.flush()
            store.forget_rare()
        try:
            keys, codes_of, same = store.keys.encode(rows.table, SPARE)
        except OverflowError:
            self.tally.flush()
            store.forget()
            keys, codes_of, same = store.keys.encode(rows.table, SPARE)
        if not same:
            self.tally.flush()
            store.clear()
        if facts.wild.any():
            add_flags(rows.offsets, np.where(facts.wild, WILD, 0).astype(np.uint64), keys)
        before = len(store)
        kind = store.find(keys, codes_of)
        new = len(store) - before
        self.many_new = FEW_NEW * new > len(kind)
        return kind, (keys, codes_of)

    def facts(self, rows: Rows) -> PlotFacts:
        """What is known of the plots."""
        if self.plots is None:
            return self.reader.read(rows.table, rows.offsets[:-1])
        return plots_of_table(self.plots, rows.plots, self.settings, self.assumptions)

    def stems(self, rows: Rows, facts: PlotFacts) -> tuple[Stems, Codes, Bools]:
        """Usable stems in order, templates of all rows, and the plots left to whole inventories."""
        kind, (keys, codes_of) = self.kinds(rows, facts)
        odd = rows.odd | facts.odd | self.whole
        stems, mean = self._usable(rows, kind, facts, odd)
        short = mean < ladder()["short_stand"]["ratio"]
        if short.any():
            mine = np.flatnonzero(np.repeat(short, np.diff(rows.offsets)))
            kind[mine] = self.templates.find(keys[mine] | np.uint64(SHORT), codes_of)
            stems, _ = self._usable(rows, kind, facts, odd)
        if stems.several:
            self.assumptions.add(*SEVERAL_STEMS, source="equation records")
        left = np.ones(len(rows.plots), dtype=np.bool_)
        left[stems.lean] = False
        return stems, kind, left

    def _usable(
        self, rows: Rows, kind: Codes, facts: PlotFacts, odd: Bools
    ) -> tuple[Stems, NDArray[np.float64]]:
        """Usable stems of plots that are not odd, and the mean ratio of heights of all plots."""
        from allometry.kernels.inventories import usable_rows  # noqa: PLC0415  (loads numba)

        store, count = self.templates, len(rows.plots)
        if self.traits[0] is not store.usable:
            self.traits = (store.usable, store.traits())
        row, of, plant = (np.empty(len(kind), dtype=np.int32) for _ in range(3))
        starts = np.empty(count + 1, dtype=np.int64)
        mean, odd = np.empty(count), odd.copy()
        several = usable_rows(
            rows.offsets, rows.rank, rows.tree, rows.by_tree, kind, self.traits[1], store.ratio,
            odd, row, of, plant, starts, mean,
        )  # fmt: skip
        lean, end = np.flatnonzero(~odd), int(starts[-1])
        offsets = np.append(starts[lean], end)
        return Stems(lean, offsets, row[:end], of[:end], plant[:end], facts, several), mean

    def draw_rows(self, rows: Rows, stems: Stems, crews: Crews) -> tuple[Layout, DrawRows]:
        """Cells of stems with their loads, and the stems as draws take them."""
        from allometry.kernels.groups import mark_cells  # noqa: PLC0415  (loads numba)

        self._note(stems, crews)
        store, facts = self.templates, stems.facts
        place: dict[str, int] = {}
        texts_of = facts.texts["locality"][stems.lean]
        locality = np.array([place.setdefault(t, len(place)) for t in texts_of], dtype=np.int64)
        count = len(crews.names)
        if crews.mixed:
            locality = np.repeat(locality, np.diff(stems.offsets))
        code = crews.code[stems.row if crews.mixed else stems.lean]
        where, wheres = _renumbered(locality * count + code)
        pairs = np.zeros(len(self.cells.loads) * len(wheres), dtype=np.bool_)
        mark_cells(
            stems.offsets, stems.kind, store.cell, where, crews.mixed, len(wheres),
            np.arange(len(pairs)), pairs,
        )  # fmt: skip
        number = np.full(len(pairs), -1, dtype=np.int64)
        there = np.flatnonzero(pairs)
        number[there] = np.arange(len(there))
        at = wheres[there % len(wheres)]
        layout = self.cells.layout(
            there // len(wheres), at // count, at % count, list(place), crews.names
        )
        names = [rows.plots[p] for p in stems.lean]
        area = facts.area_ha[stems.lean]
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(np.isnan(area), 1.0, 1.0 / area)

        def keys(some: Ints) -> NDArray[np.uint64]:
            plot = np.searchsorted(stems.offsets, some, side="right") - 1
            trees = rows.trees.take(pa.array(stems.plant[some])).to_pylist()
            pairs = zip(plot.tolist(), trees, strict=True)
            return np.array([key_of(f"{names[p]}\x1f{t}") for p, t in pairs], dtype=np.uint64)

        return layout, DrawRows(
            offsets=stems.offsets, kind=stems.kind, tree=stems.plant, terms=store.terms,
            base=store.cell, where=where, by_row=crews.mixed, places=len(wheres), number=number,
            factor=factor, plot=np.array([key_of(name) for name in names], dtype=np.uint64),
            keys=keys,
        )  # fmt: skip

    def _note(self, stems: Stems, crews: Crews) -> None:
        """What the error layout assumes where localities or crews are not named."""
        unnamed = bool(np.any(stems.facts.texts["locality"][stems.lean] == ""))
        for missing, text, value in (
            (unnamed, NO_LOCALITY, "one locality"),
            (crews.names == ["||"], NO_CAMPAIGN, "one campaign"),
        ):
            if missing:
                self.assumptions.add(
                    "error budget", text, value, source="rule of this library"
                )  # fmt: skip


def _renumbered(codes: Ints) -> tuple[Ints, Ints]:
    """Codes without gaps, and what each stood for; -1 stays."""
    largest = int(codes.max(initial=-1))
    if largest < 50_000_000:
        seen = np.zeros(largest + 2, dtype=np.bool_)
        seen[codes] = True
        seen[-1] = False  # where -1 was written
        distinct = np.flatnonzero(seen)
        place = np.full(largest + 2, -1, dtype=np.int64)
        place[distinct] = np.arange(len(distinct))
        return place[codes], distinct
    distinct, place = np.unique(codes, return_inverse=True)
    missing = int(len(distinct) > 0 and distinct[0] < 0)
    return place - missing, distinct[missing:]


def crews_of(rows: Rows) -> Crews:
    """Crew and date of the plots of a block, or of its rows where they differ in a plot."""
    found: list[tuple[Codes, list[str]]] = []
    differs = np.zeros(len(rows.plots), dtype=np.bool_)
    starts = rows.offsets[:-1]
    for name in CAMPAIGN:
        codes, words = np.zeros(len(rows.row), dtype=np.int32), [""]
        if name in rows.table.column_names:
            codes, words = texts(rows.table.column(name))
            first_of(codes, starts, differs)
        if name == "date":
            words = [common_era(word) if word else "" for word in words]
        found.append((codes, words))
    mixed = bool(differs.any())
    code = np.zeros(len(rows.row) if mixed else len(starts), dtype=np.int64)
    names = [""]
    for codes, words in found:
        pair, distinct = _renumbered(code * len(words) + (codes if mixed else codes[starts]))
        names = [
            f"{names[one // len(words)]}|{words[one % len(words)]}" for one in distinct.tolist()
        ]
        code = pair
    return Crews(code, names or ["||"], mixed)
