"""What was wrong in a block: refused rows one by one, warnings and notes counted."""

from __future__ import annotations

import math
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
    from rubbercarbon.batch_block import Rows
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


@dataclass
class Tally:
    """How often each template was met in a part and where first, and what was said on the way.

    Attributes
    ----------
    store : Templates
    language : str
    """

    store: Templates
    language: str = "en"

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.listed = Listed()
        self.totals: dict[tuple[str, str, str], list[Any]] = {}
        self._begin()
        self.rows = 0

    def _begin(self) -> None:
        self.count: Ints = np.zeros(0, dtype=np.int64)
        self.places: dict[int, tuple[int, str, int]] = {}

    def add(self, rows: Rows, kind: Any, lean: Ints) -> Ints:
        """Count rows of the plots that need no whole inventory; returns their refused rows."""
        from allometry.kernels.inventories import count_kinds  # noqa: PLC0415  (loads numba)

        store = self.store
        if len(self.count) < len(store):
            more = np.zeros(2 * len(store) - len(self.count), dtype=np.int64)
            self.count = np.concatenate([self.count, more])
        fresh, bad = (np.empty(len(kind), dtype=np.int64) for _ in range(2))
        met, failed = count_kinds(
            rows.offsets, lean, kind, store.failed, self.count, fresh, bad
        )  # fmt: skip
        first = fresh[:met]
        told = np.isin(store.word_codes[kind[first], 0], store.species_told())
        for place in first[told | store.noted[kind[first]]].tolist():
            where = (self.rows + place, rows.file(place), int(rows.row[place]))
            self.places[int(kind[place])] = where
        for place in bad[:failed].tolist():
            plot = int(np.searchsorted(rows.offsets, place, side="right")) - 1
            tree = rows.trees[int(rows.tree[place])].as_py()
            where_to = (int(rows.row[place]), rows.plots[plot], tree)
            for item in store.problems[int(kind[place])]:
                if item.severity == "error":
                    line = _line(item, rows.file(place), *where_to, 1, self.language)
                    self.listed.rows.append(line)
        self.rows += len(kind)
        return bad[:failed]

    def close(self) -> Listed:
        """All that was found; counting begins anew."""
        self.flush()
        found = self.listed
        for key in sorted(self.totals):
            item, number, (_, file, row) = self.totals[key]
            found.rows.append(_line(item, file, row, "", "", number, self.language))
        self.clear()
        return found

    def flush(self) -> None:
        """Put down what hangs on the numbers of templates, before they change."""
        count = self.count[: len(self.store)]
        if count.any():
            _summarise(self.store, count, self.places, self.totals)
            _count_equations(self.store, np.where(self.store.usable, count, 0), self.listed)
        self._begin()


def _summarise(
    store: Templates, count: Ints, places: dict[int, tuple[int, str, int]],
    totals: dict[tuple[str, str, str], list[Any]],
) -> None:  # fmt: skip
    """Warnings and notes: each distinct one with its number of rows and the first of them."""

    def note(item: Problem, column: str, value: str, template: int) -> None:
        known = totals.setdefault((item.code, column, value), [item, 0, places[template]])
        known[1] += int(count[template])
        known[2] = min(known[2], places[template])

    for template, number in store.note_rows:
        if count[template]:
            item = store.note_items[number]
            note(item, item.column, item.value, template)
    names = list(store.words["species_input"].known)
    for code in store.species_told().tolist():
        mine = (store.word_codes[:, 0] == code) & store.usable & (count > 0)
        for template in np.flatnonzero(mine).tolist():
            note(store.species_notes[names[code]], "species", names[code], template)


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
    kg = np.nansum(store.figures[some][:, [0, 3]], axis=1) * KG_PER_T * number
    outside &= kg > 0
    names = list(store.words["equation_id"].known)
    codes = store.word_codes[some, 1]
    for code in np.unique(codes[outside]):
        mine, far = codes == code, outside & (codes == code)
        listed.outside[names[code]] = [
            float(number[mine].sum()), math.fsum(kg[mine]), float(number[far].sum()),
            math.fsum(kg[far]), float(store.size[some][far].max()),
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
