"""What was wrong in a block: refused rows one by one, warnings and notes counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation
from rubbercarbon.batch_codes import coded
from rubbercarbon.batch_made import BY_SPECIES
from rubbercarbon.batch_sizes import WORDS
from rubbercarbon.batch_templates import KEPT, Templates, told_apart
from rubbercarbon.batch_whole import BESIDE, PLOTS
from rubbercarbon.columns import common_era
from rubbercarbon.pools import KG_PER_T
from rubbercarbon.problems import Problem, Problems
from rubbercarbon.stock_points import SIZE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.batch_block import Rows
    from rubbercarbon.batch_csv import Skipped
    from rubbercarbon.inventory import Inventory
    from rubbercarbon.stocks import Computed

Ints = NDArray[np.int64]
COLUMNS = (
    "file", "row", "plot_id", "tree_id", "column", "value", "code", "severity", "n_rows", "message",
    "suggestion",
)  # fmt: skip
OUTSIDE = ("outside_range", "outside_evaluated_span")
MG_PER_T = 1e9
MOST_WORDS = 1 << 16  # dates that are understood once
MOST_SAID = 1 << 12  # errors that are put into words once


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
        Equation → mass, rows outside its range, their mass, the largest of them; masses in whole
        mg, which add up to the same in any order.
    dates : int
        Rows whose date is in another calendar or order.
    """

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    outside: dict[str, list[Any]] = field(default_factory=dict)
    dates: int = 0


def add_outside(known: dict[str, list[Any]], name: str, values: Sequence[Any]) -> None:
    """Add what lies outside an equation's range to what is known of it."""
    mine = known.setdefault(name, [0, 0, 0, 0.0])
    known[name] = [*(a + b for a, b in zip(mine[:3], values[:3], strict=True)),
                   max(mine[3], values[3])]  # fmt: skip


def line_of(
    item: Problem, file: str, row: int | None, plot: str, tree: str, count: int, language: str
) -> tuple[Any, ...]:
    """A problem in the order of `COLUMNS`."""
    if "count" in item.values:  # noqa: PD011
        item = Problem(item.file, item.sheet, item.row, item.column, item.value, item.code,
                       item.severity, {**item.values, "count": count})  # fmt: skip  # noqa: PD011
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
        self.count: Ints = np.zeros(0, dtype=np.int64)
        self.scratch: Ints = np.zeros((2, 0), dtype=np.int64)
        self.dated: dict[str | None, bool] = {}
        self.said: dict[int, tuple[Problem, tuple[Any, ...]]] = {}  # with the item, which it keeps
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.listed = Listed()
        self.totals: dict[tuple[str, ...], list[Any]] = {}
        self._begin()
        self.rows = 0

    def _begin(self) -> None:
        self.count[:] = 0  # kept, as fresh memory costs more than the counting
        self.files: dict[str, int] = {}
        self.places: list[Ints] = []

    def add(self, rows: Rows, kind: Any, lean: Ints) -> Ints:
        """Count rows of the plots that need no whole inventory; returns their refused rows."""
        from allometry.kernels.inventories import count_kinds  # noqa: PLC0415  (loads numba)

        store = self.store
        if len(self.count) < len(store):
            more = len(store) + len(store) // 4 - len(self.count)
            self.count = np.concatenate([self.count, np.zeros(more, dtype=np.int64)])
        if self.scratch.shape[1] < len(kind):
            self.scratch = np.empty((2, len(kind)), dtype=np.int64)
        fresh, bad = self.scratch
        met, failed = count_kinds(rows.offsets, lean, kind, store.failed, self.count, fresh, bad)
        self._keep_places(rows, kind, fresh[:met])
        refused: Ints = bad[:failed].copy()
        plots = np.searchsorted(rows.offsets, refused, side="right") - 1
        for place, plot in zip(refused.tolist(), plots.tolist(), strict=True):
            tree = rows.trees[int(rows.tree[place])].as_py()
            where_to = (int(rows.row[place]), rows.plots[plot], tree)
            for item in store.problems[int(kind[place])]:
                if item.severity == "error":
                    line = (rows.file(place), *where_to, *self._said(item))
                    self.listed.rows.append(line)
        for name, one in rows.respelt.items():
            if one is None:
                continue
            found = Problems()
            found.add("id_respelt", column=name, value=one.written, plain=one.plain, count=1)
            where = (self.rows + one.place, rows.file(one.place), int(rows.row[one.place]))
            self.note(("id_respelt", name, "", ""), found.items[0], one.count, where)
        self.rows += len(kind)
        return refused

    def _said(self, item: Problem) -> tuple[Any, ...]:
        """What a line says of an error, behind its place; rows that are alike say the same."""
        if id(item) not in self.said:
            if len(self.said) > MOST_SAID:
                self.said.clear()
            line = line_of(item, "", None, "", "", 1, self.language)
            self.said[id(item)] = (item, line[COLUMNS.index("column") :])
        return self.said[id(item)][1]

    def _keep_places(self, rows: Rows, kind: Any, fresh: Ints) -> None:
        """Where templates of which something is to be said were met first."""
        store = self.store
        template = kind[fresh]
        species = np.zeros(len(store.words["species_input"].known), dtype=np.bool_)
        species[store.species_told()] = True
        said = species[store.word_codes[template, 0]] | store.noted[template]
        first, template = fresh[said], template[said]
        names = [rows.files] if isinstance(rows.files, str) else rows.files[first].tolist()
        file = [self.files.setdefault(name, len(self.files)) for name in names]
        if len(first):
            where = [
                template,
                self.rows + first,
                np.broadcast_to(file, len(first)),
                rows.row[first],
            ]
            self.places.append(np.array(where, dtype=np.int64))

    def count_dates(self, table: Any) -> None:
        """Count rows whose date is written in another calendar or order."""
        from allometry.kernels.rows import count_marked  # noqa: PLC0415  (loads numba)

        for chunk in table.column("date").chunks if "date" in table.column_names else ():
            codes, found = coded(chunk)
            words = [*found.to_pylist(), None]
            if len(self.dated) > MOST_WORDS:
                self.dated.clear()
            for word in words:
                if word not in self.dated:
                    text = (word or "").strip()
                    self.dated[word] = common_era(text) != text
            changed = np.array([self.dated[word] for word in words])
            if changed[:-1].all() and not chunk.null_count:
                self.listed.dates += len(chunk)
            elif changed.any():
                self.listed.dates += int(count_marked(codes, changed))

    def skip(self, file: str, skipped: Skipped) -> None:
        """Put down the lines of a file that are no rows."""
        for line in skipped.lines:
            code = "too_many_cells" if line.cells > line.heading else "too_few_cells"
            values: dict[str, object] = {"value": line.cells, "heading": line.heading}
            item = Problem(file, "", line.row, "", line.text, code, "error", values)
            self.listed.rows.append(line_of(item, file, line.row, "", "", 1, self.language))
        for code, found in (("lines_more", skipped.more), ("rows_empty", skipped.blank)):
            if found:
                row, number = found
                one = Problems()
                one.add(code, file=file, row=row, value=number)
                self.listed.rows.append(
                    line_of(one.items[0], file, row, "", "", number, self.language)
                )

    def close(self) -> Listed:
        """All that was found; counting begins anew."""
        self.flush()
        found = self.listed
        found.rows.sort(key=lambda line: (line[0], line[1] or 0, line[6], line[4], line[5]))
        for key in sorted(self.totals):
            item, number, (_, file, row) = self.totals[key]
            found.rows.append(line_of(item, file, row, "", "", number, self.language))
        self.clear()
        return found

    def flush(self) -> None:
        """Put down what hangs on the numbers of templates, and how common these are."""
        met = np.flatnonzero(self.count[: len(self.store)])
        self.store.met[met] += self.count[met]
        if met.size:
            self._summarise(met)
            usable = met[self.store.usable[met]]
            _count_equations(self.store, usable, self.count[usable], self.listed)
        self._begin()

    def note(
        self, key: tuple[str, ...], item: Problem, count: int, place: tuple[int, str, int]
    ) -> None:
        """Count rows of a warning or note, and keep the first of them."""
        known = self.totals.setdefault(key, [item, 0, place])
        known[1] += count
        if place < known[2]:
            known[0], known[2] = item, place

    def _summarise(self, met: Ints) -> None:
        """Warnings and notes of the templates that were met."""
        if not self.places:
            return
        store, files, count = self.store, list(self.files), self.count
        templates, *places = np.concatenate(self.places, axis=1)
        at = np.zeros(len(store), dtype=np.int64)
        at[templates] = np.arange(len(templates))
        of_row = places[0][at]

        def tell(key: tuple[str, ...], item: Problem, rows: int, template: int) -> None:
            place, file, row = (int(values[at[template]]) for values in places)
            self.note(key, item, rows, (place, files[file], row))

        keys = list(store.notes)
        template, number = np.frombuffer(store.note_rows, dtype=np.int64).reshape(-1, 2).T
        for of, rows, first in _by_note(template, number, count, of_row):
            tell(keys[of], store.note_items[of], rows, first)
        names = list(store.words["species_input"].known)
        told = np.zeros(len(names), dtype=np.bool_)
        told[store.species_told()] = True
        species = store.word_codes[met, 0]
        mine = told[species] & store.usable[met]
        for of, rows, first in _by_note(met[mine], species[mine], count, of_row):
            item = store.species_notes[names[of]]
            tell((item.code, "species", names[of], ""), item, rows, first)


def _by_note(
    template: Ints, number: Any, count: Ints, of_row: Ints
) -> Iterator[tuple[int, int, int]]:  # fmt: skip
    """Notes with the rows of their templates, and the template that was met first."""
    met = count[template] > 0
    template, number = template[met], number[met]
    order = np.argsort(of_row[template], kind="stable")
    template, number = template[order], number[order]
    distinct, first = np.unique(number, return_index=True)
    rows = np.bincount(number, count[template]).astype(np.int64)
    for of, at in zip(distinct.tolist(), first.tolist(), strict=True):
        yield of, int(rows[of]), int(template[at])


def _count_equations(store: Templates, some: Ints, number: Ints, listed: Listed) -> None:
    """Rows of each equation, its mass, and rows and mass outside its range, of some templates."""
    from allometry.kernels.inventories import AGB, HERB  # noqa: PLC0415  (loads numba)

    words = store.word_codes.take(some, axis=0)
    for k, name in enumerate(WORDS[1:4], start=1):
        texts = list(store.words[name].known)
        sums = np.bincount(words[:, k], number, minlength=len(texts))
        for code in np.flatnonzero(sums).tolist():
            if texts[code] not in {"", "measured", "estimated"}:
                listed.used[texts[code]] += int(sums[code])
    mass = store.figures[some, AGB] + store.figures[some, HERB]
    mg, size = np.rint(mass * MG_PER_T).astype(np.int64), store.size[some]
    there = np.flatnonzero(mg > 0)
    if len(there) < len(mg):
        mg, size, number = mg[there], size[there], number[there]
        words = words.take(there, axis=0)
    far_flags = [any(flag in text for flag in OUTSIDE) for text in store.words["flags"].known]
    outside = np.array(far_flags)[words[:, 4]]
    names = list(store.words["equation_id"].known)
    for code in np.flatnonzero(np.bincount(words[:, 1])).tolist():
        mine = np.flatnonzero(words[:, 1] == code)
        far = mine[outside[mine]]
        add_outside(
            listed.outside, names[code],
            [int(np.dot(mg[mine], number[mine])), int(number[far].sum()),
             int(np.dot(mg[far], number[far])), float(size[far].max(initial=0.0))],
        )  # fmt: skip


def list_whole(
    tally: Tally, found: Problems, inventory: Inventory, computed: Computed, rows: Rows,
    taken: Ints,
) -> Counter[str]:  # fmt: skip
    """Put down the problems of plots that were read by the rules of a whole inventory.

    Returns
    -------
    Counter
        Refused rows by plot.
    """
    listed, refused = tally.listed, Counter[str]()
    trees = inventory.trees.set_index("row")
    failed: set[int] = set()
    start = tally.rows - len(rows.row)
    for item in found.items:
        if item.file == PLOTS:  # told once, by `batch_land`
            continue
        if item.row is not None and item.row >= len(taken):
            continue
        if item.code == "row_repeated":
            other = int(rows.row[taken[int(str(item.values["other"]))]])  # noqa: PD011
            item = replace(item, values={**item.values, "other": other})  # noqa: PD011, PLW2901
        place = int(taken[item.row or 0])
        number = None if item.row is None else int(rows.row[place])
        file = rows.file(place)
        if item.severity == "error":
            plot = str(trees["plot_id"].get(item.row, "")) if item.row is not None else ""
            tree = str(trees["tree_id"].get(item.row, "")) if item.row is not None else ""
            listed.rows.append(line_of(item, file, number, plot, tree, 1, tally.language))
            of_plot = item.code == "area_not_valid"  # where it is written; the tree counts
            if item.row is not None and item.row not in failed and not of_plot:
                failed.add(item.row)
                refused[plot] += 1
        elif item.code == "plot_names_repeated":
            for name in item.value.split(", "):
                one = replace(item, value=name)
                tally.note((item.code, "plot_id", name, ""), one, 1, (start + place, file, 0))
        elif item.code in KEPT | BY_SPECIES:
            count = int(str(item.values.get("count", 1)))  # noqa: PD011
            key = told_apart(item)
            if item.code in BY_SPECIES:
                key = (item.code, "species", item.value, "")
            tally.note(key, item, count, (start + place, file, number or 0))
    prepared = computed.prepared
    mine = (prepared.frame["plot_id"] != BESIDE).to_numpy()
    roots = np.array([*prepared.root_ids, ""], dtype=object)[prepared.arrays.roots]
    for column in (prepared.columns["equation_id"], roots, prepared.columns["height_source"]):
        listed.used.update(t for t in column[mine] if t not in {"", "measured", "estimated"})
    if prepared.stand_roots:
        listed.used[prepared.stand_roots] += int(mine.sum())
    _count_outside(computed.stocks.trees, listed)
    return refused


def _count_outside(trees: pd.DataFrame, listed: Listed) -> None:
    """As `_count_equations`, from a table of trees."""
    own = trees[trees["plot_id"] != BESIDE]
    mg = np.rint(own["agb_kg"].fillna(own["herb_kg"]) / KG_PER_T * MG_PER_T).fillna(0.0)
    far = own["flags"].str.contains("|".join(OUTSIDE)) & (mg > 0)
    for equation, group in own[mg > 0].groupby("equation_id"):
        name = str(equation)
        record = get_equation(name)
        size = group[SIZE_COLUMNS[record.size if record.size in SIZE_COLUMNS else "dbh"]]
        mine = far[group.index]
        add_outside(
            listed.outside, name,
            [int(mg[group.index].sum()), int(mine.sum()), int(mg[group.index][mine].sum()),
             float(size[mine].max()) if mine.any() else 0.0],
        )  # fmt: skip
