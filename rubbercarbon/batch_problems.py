"""What was wrong in a block: refused rows one by one, warnings and notes counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.batch_templates import BY_SPECIES, KEPT, WORDS, Templates
from rubbercarbon.batch_whole import BESIDE
from rubbercarbon.pools import KG_PER_T
from rubbercarbon.problems import Problem, Problems

if TYPE_CHECKING:
    from rubbercarbon.batch_block import Rows, Stems
    from rubbercarbon.inventory import Inventory
    from rubbercarbon.stocks import Computed

Ints = NDArray[np.int64]
COLUMNS = (
    "file", "row", "plot_id", "tree_id", "column", "value", "code", "severity", "n_rows", "message",
    "suggestion",
)  # fmt: skip
OUTSIDE = ("outside_range", "outside_evaluated_span")


@dataclass
class Listed:
    """Problems of a block, and rows and mass by equation.

    Attributes
    ----------
    rows : list of tuple
        In the order of `COLUMNS`.
    used : dict
        Id of an equation, root equation or height model → rows that it was used for.
    outside : dict
        Equation → rows, kg, rows outside its range, their kg, the largest of them.
    """

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    outside: dict[str, list[float]] = field(default_factory=dict)

    def add(self, other: Listed) -> None:
        """Add another block's."""
        self.rows += other.rows
        self.used.update(other.used)
        for name, values in other.outside.items():
            mine = self.outside.setdefault(name, [0.0] * 5)
            self.outside[name] = [*(a + b for a, b in zip(mine[:4], values[:4], strict=True)),
                                  max(mine[4], values[4])]  # fmt: skip


def _line(
    item: Problem, file: str, row: int | None, plot: str, tree: str, count: int, language: str
) -> tuple[Any, ...]:
    if "count" in item.values:
        item = Problem(item.file, item.sheet, item.row, item.column, item.value, item.code,
                       item.severity, {**item.values, "count": count})  # fmt: skip
    return (
        file, row, plot, tree, item.column, item.value, item.code, item.severity, count,
        item.message(language), item.advice(language),
    )  # fmt: skip


def list_problems(store: Templates, rows: Rows, kind: Any, stems: Stems, language: str) -> Listed:
    """Problems of rows by their templates, for the plots that need no whole inventory."""
    listed = Listed()
    lean = np.zeros(len(rows.plots), dtype=np.bool_)
    lean[stems.lean] = True
    mine = np.repeat(lean, np.diff(rows.offsets))
    count = np.bincount(kind[mine], minlength=len(store))
    plot = np.repeat(np.arange(len(rows.plots)), np.diff(rows.offsets))
    for place in np.flatnonzero(mine & store.failed[kind]).tolist():
        tree = rows.trees[int(rows.tree[place])].as_py()
        for item in store.problems[int(kind[place])]:
            if item.severity == "error":
                where = (int(rows.row[place]), rows.plots[plot[place]], tree)
                listed.rows.append(_line(item, rows.file(place), *where, 1, language))
    if store.note_rows or store.species_notes:
        first = np.full(len(store), -1, dtype=np.int64)
        first[kind[mine][::-1]] = np.flatnonzero(mine)[::-1]
        _summarise(store, count, first, rows, language, listed)
    _count_equations(store, np.bincount(stems.kind, minlength=len(store)), listed)
    return listed


def _summarise(
    store: Templates, count: Ints, first: Ints, rows: Rows, language: str, listed: Listed
) -> None:
    """Warnings and notes, one line for each distinct one with its rows counted."""
    totals: dict[tuple[str, str, str], list[Any]] = {}
    pairs = np.array(store.note_rows, dtype=np.int64).reshape(-1, 2)
    pairs = pairs[count[pairs[:, 0]] > 0]
    sums = np.bincount(pairs[:, 1], count[pairs[:, 0]], minlength=len(store.note_items))
    places = np.full(len(store.note_items), np.iinfo(np.int64).max)
    np.minimum.at(places, pairs[:, 1], first[pairs[:, 0]])
    for number in np.flatnonzero(sums).tolist():
        item = store.note_items[number]
        totals[item.code, item.column, item.value] = [item, int(sums[number]), places[number]]
    if store.species_notes:
        codes = store.word_codes[:, 0]
        living = np.where(store.usable, count, 0)
        by_species = np.bincount(codes, living, minlength=1)
        for code, name in enumerate(store.words["species_input"].known):
            if name in store.species_notes and code < len(by_species) and by_species[code]:
                item = store.species_notes[name]
                where = int(first[(codes == code) & (living > 0)].min())
                totals[item.code, "species", name] = [item, int(by_species[code]), where]
    for key in sorted(totals):
        item, number, place = totals[key]
        listed.rows.append(
            _line(item, rows.file(place), int(rows.row[place]), "", "", number, language)
        )


def _count_equations(store: Templates, count: Ints, listed: Listed) -> None:
    """Rows, mass and rows outside the range of each equation."""
    some = np.flatnonzero(count)
    number = count[some]
    for k, name in enumerate(WORDS[1:4], start=1):
        texts = list(store.words[name].known)
        sums = np.bincount(store.word_codes[some, k], number, minlength=len(texts))
        for text, rows in zip(texts, sums.tolist(), strict=True):
            if rows and text not in {"", "measured", "estimated"}:
                listed.used[text] += int(rows)
    far_flags = [any(flag in text for flag in OUTSIDE) for text in store.words["flags"].known]
    outside = np.array(far_flags)[store.word_codes[some, 4]]
    kg = store.tons[some][:, [0, 3]].sum(axis=1) * KG_PER_T * number
    outside &= kg > 0
    names = list(store.words["equation_id"].known)
    codes = store.word_codes[some, 1]
    for code in np.unique(codes[outside]):
        mine, far = codes == code, outside & (codes == code)
        listed.outside[names[code]] = [
            float(number[mine].sum()), float(kg[mine].sum()), float(number[far].sum()),
            float(kg[far].sum()), float(store.size[some][far].max()),
        ]  # fmt: skip


def list_whole(
    found: Problems,
    inventory: Inventory,
    computed: Computed,
    rows: Rows,
    taken: Ints,
    language: str,
) -> tuple[Listed, Counter[str]]:
    """Problems of plots that were read by the rules of a whole inventory."""
    listed, refused = Listed(), Counter[str]()
    trees = inventory.trees.set_index("row")
    failed: set[int] = set()
    totals: dict[tuple[str, str, str], list[Any]] = {}
    for item in found.items:
        if item.row is not None and item.row >= len(taken):
            continue
        plot = str(trees["plot_id"].get(item.row, "")) if item.row is not None else ""
        place = int(taken[item.row or 0])
        number = None if item.row is None else int(rows.row[place])
        file = rows.file(place)
        if item.severity == "error":
            tree = str(trees["tree_id"].get(item.row, "")) if item.row is not None else ""
            listed.rows.append(_line(item, file, number, plot, tree, 1, language))
            if item.row is not None and item.row not in failed:
                failed.add(item.row)
                refused[plot] += 1
        elif item.code in KEPT | BY_SPECIES:
            count = int(str(item.values.get("count", 1)))
            known = totals.setdefault((item.code, item.column, item.value), [item, 0, file, number])
            known[1] += count
    for key in sorted(totals):
        item, count, file, number = totals[key]
        listed.rows.append(_line(item, file, number, "", "", count, language))
    prepared = computed.prepared
    mine = (prepared.frame["plot_id"] != BESIDE).to_numpy()
    roots = np.array([*prepared.root_ids, ""], dtype=object)[prepared.arrays.roots]
    for column in (prepared.columns["equation_id"], roots, prepared.columns["height_source"]):
        listed.used.update(t for t in column[mine] if t not in {"", "measured", "estimated"})
    return listed, refused
