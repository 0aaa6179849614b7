"""Each distinct row of an inventory, computed once by the functions of `estimate_stocks`.

Trees of equal species, size and status have equal biomass and equal errors. A template is one such
row; plots gather the figures of theirs. Locality, crew and date are left out: they name the units
that share an error, not its size, and `rubbercarbon.batch_cells` puts them in.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.names import match_one
from rubbercarbon import checks
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_cells import CellRegistry
from rubbercarbon.batch_codes import WRITTEN, Codes, Floats, Keys, RowKeys, TextCodes
from rubbercarbon.batch_made import (
    FIGURES,
    SHORT,
    TERMS,
    WILD,
    gone_arrays,
    make_templates,
    sized_arrays,
)
from rubbercarbon.batch_sizes import SIZES, WORDS, Kinship, Split
from rubbercarbon.columns import clone_name, state_of
from rubbercarbon.config import Settings
from rubbercarbon.problems import Problem

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

SPARE = 2
# beside errors: what changes a figure or says how a row was understood. Rules that only question
# values compare a whole sheet, and belong to `rubbercarbon check`
KEPT = frozenset({
    "id_repeated", "species_yang", "not_alive", "status_unknown", "height_out_of_range",
    "height_tall", "density_out_of_range", "basis_unknown", "density_air_dry",
    "growth_form_unknown", "plot_area_conflict", "diameter_small", "diameter_conflict",
    "not_a_number", "decimal_comma", "cell_error",
})  # fmt: skip
UNDOUBTED = ("exact", "synonym", "thai", "local")
FIRST_SIZE = 1 << 12
MOST_BITS = 24  # of a table with a place for every key
MOST_TEMPLATES = 7 << 14  # some 25 MB
MOST_COMMON = 5 << 14  # of these, kept where the rare ones are forgotten
MOST_AT_ONCE = 1 << 16


@dataclass
class Templates:
    """Figures of distinct rows, one array each; grows as new ones turn up.

    Attributes
    ----------
    figures : ndarray, shape (n, 8)
        As `plot_sums` reads them.
    terms : ndarray, shape (n, 8)
        As draws read them, see `rubbercarbon.draw_blocks.DrawRows`.
    usable, merges, failed, unnamed, noted : ndarray of bool, shape (n,)
        Living and sound; stems are joined to one plant; some problem refuses it; its species is
        only known by the plot; there is a warning or a note to count.
    cell : ndarray of int64, shape (n,)
        In the registry of cells; -1 for none.
    ratio : ndarray, shape (n,)
        Measured height of rubber over the model's; NaN for others.
    size : ndarray
        Size variable of its equation.
    met : ndarray of int64
        How many rows were like it since rare ones were forgotten.
    word_codes : ndarray of int32, shape (n, 5)
        What it was taken for, as numbers of ``words``, in the order of `WORDS`.
    problems : dict
        Template → why it is refused.
    species_notes : dict
        Species as written → how it was understood, where that is worth a word.
    """

    settings: Settings
    cells: CellRegistry
    assumptions: Assumptions = field(default_factory=Assumptions)
    equations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget all distinct rows and the numbers of their cells."""
        plants: dict[tuple[str, ...], str] = {}

        def species(text: str) -> str:
            found = match_one(text)
            if found.kind not in UNDOUBTED or text == checks.YANG or not found.species:
                return text
            return plants.setdefault((found.species, found.growth_form), text)

        self.keys = RowKeys({"species": species, "clone": _clone, "status": _status})
        self.words = {name: TextCodes() for name in WORDS}
        self.species_notes: dict[str, Problem] = {}
        self.kinship = Kinship(self.settings, self.words)
        self.short_ways = 0
        self.clear()

    def clear(self) -> None:
        """Forget all distinct rows, and their kinds if these have new numbers."""
        if self.keys.changed - SIZES:
            self.kinship = Kinship(self.settings, self.words)
        self.room: dict[str, Any] = {}
        # short keys are places themselves, others are looked for by hash
        width = SPARE + sum(self.keys.bits.values())
        hashed = width > MOST_BITS
        self._make_table(FIRST_SIZE if hashed else 1 << width, hashed=hashed)
        self.key: Keys = np.zeros(0, dtype=np.uint64)
        self.figures: Floats = np.zeros((0, FIGURES))
        self.terms: Floats = np.zeros((0, TERMS))
        self.ratio: Floats = np.zeros(0)
        self.cell: Ints = np.zeros(0, dtype=np.int64)
        self.usable, self.merges, self.failed, self.unnamed, self.noted = (
            np.zeros(0, dtype=np.bool_) for _ in range(5)
        )
        self.size: Floats = np.zeros(0)
        self.met: Ints = np.zeros(0, dtype=np.int64)
        self.word_codes: Codes = np.zeros((0, len(WORDS)), dtype=np.int32)
        self.problems: dict[int, list[Problem]] = {}
        self.notes: dict[tuple[str, ...], int] = {}
        self.note_items: list[Problem] = []
        self.note_of: dict[int, tuple[Problem, int]] = {}
        self.note_rows = array("q")  # template and number of its note, one after the other

    def forget_rare(self) -> None:
        """Forget distinct rows that few rows were like; the others get new numbers.

        Everything is forgotten where texts, kinds or notes are many too, for they stay.
        """
        spelt = [len(one.meant) for one in self.keys.columns.values() if isinstance(one, TextCodes)]
        if 2 * (sum(spelt) + len(self.kinship.kinds) + len(self.notes)) > MOST_TEMPLATES:
            self.forget()
            return
        often = 2
        if len(self) > MOST_COMMON:
            often = max(often, 1 + int(np.partition(self.met, -MOST_COMMON - 1)[-MOST_COMMON - 1]))
        kept = np.flatnonzero(self.met >= often)
        place = np.full(len(self), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        for name in self.room:
            setattr(self, name, self._put(name, 0, getattr(self, name)[kept]))
        self.met[:] = 0
        told = [(int(place[template]), items) for template, items in self.problems.items()]
        self.problems = {template: items for template, items in told if template >= 0}
        template, note = np.frombuffer(self.note_rows, dtype=np.int64).reshape(-1, 2).T
        there = place[template] >= 0
        self.note_rows = array("q")
        self._note_down(place[template[there]], note[there])
        self.note_of, self.kinship.absurd = {}, {}
        self._make_table(len(self.value), hashed=len(self.known) > 0)
        self._rehash(0)

    def __len__(self) -> int:
        return len(self.key)

    def find(self, keys: Keys, codes_of: Callable[[Keys], dict[str, Codes]]) -> Codes:
        """Template of each row; those that are new are computed."""
        from allometry.kernels.inventories import look_up  # noqa: PLC0415  (loads numba)

        out = np.empty(len(keys), dtype=np.int32)
        look_up(keys, self.known, self.value, out)
        missing = np.flatnonzero(out < 0)
        if len(missing):
            distinct = np.unique(keys[missing])
            self._add(distinct, codes_of(distinct))
            look_up(keys[missing], self.known, self.value, found := np.empty_like(out[missing]))
            out[missing] = found
        return out

    def _add(self, keys: Keys, codes: dict[str, Codes]) -> None:
        """Distinct rows: some of each new kind the long way, the others by their sizes."""
        for first in range(0, len(keys), MOST_AT_ONCE):
            at = slice(first, first + MOST_AT_ONCE)
            flags = (keys[at] & np.uint64(SHORT | WILD)).astype(np.int64)
            some = {name: code[at] for name, code in codes.items()}
            self._add_split(keys[at], self.kinship.split(some, flags))

    def _add_split(self, keys: Keys, split: Split) -> None:
        left = np.ones(len(keys), dtype=np.bool_)
        if split.slot:
            some = self.kinship.examples(split)
            self._add_long(keys[some], split.some(some))
            left[some] = False
            rest = np.flatnonzero(left)
            left[rest[self._add_known(keys[rest], split.some(rest))]] = False
        rows = np.flatnonzero(left)
        self._add_long(keys[rows], split.some(rows))

    def _add_known(self, keys: Keys, split: Split) -> Ints:
        """Rows of known kinds; returns which these are."""
        rows, sized, gone = self.kinship.compute(split, self.keys.columns)
        found = np.concatenate([rows, gone.rows])
        self.short_ways += len(found)
        arrays, start = gone_arrays(gone), len(self) + len(rows)
        if sized is not None:
            lived = sized_arrays(sized, self)
            arrays = {name: np.concatenate([lived[name], lost]) for name, lost in arrays.items()}
        self._take(keys[found], arrays)
        self._tell(start + np.arange(len(gone.rows)), gone.which, gone.items)
        return found

    def _add_long(self, keys: Keys, split: Split) -> None:
        if not len(keys):
            return
        frame = pd.DataFrame(index=range(len(keys)))
        for slot, code in split.codes.items():
            name, values = slot.removesuffix(WRITTEN), self.keys.columns[slot].values(code)
            frame[name] = values if name not in frame else frame[name].fillna(pd.Series(values))
        made, start = make_templates(frame, split, self), len(self)
        self._take(keys, made.arrays)
        items = [item for told in made.problems.values() for item in told]
        rows = [row for row, told in made.problems.items() for _ in told]
        self._tell(start + np.array(rows, dtype=np.int64), np.arange(len(items)), items)

    def traits(self) -> NDArray[np.uint8]:
        """What `usable_rows` asks of each template, as bits."""
        from allometry.kernels.inventories import MERGES, RATIO, UNNAMED, USABLE  # noqa: PLC0415

        found = np.zeros(len(self), dtype=np.uint8)
        for bit, true in (
            (USABLE, self.usable), (MERGES, self.merges), (UNNAMED, self.unnamed),
            (RATIO, ~np.isnan(self.ratio)),
        ):  # fmt: skip
            found[true] |= np.uint8(bit)
        return found

    def species_told(self) -> Codes:
        """Numbers of the species of which something is to be said."""
        known = self.words["species_input"].known
        codes = [known[name] for name in self.species_notes if name in known]
        return np.array(sorted(codes), dtype=np.int32)

    def _tell(self, templates: Ints, which: Ints, items: list[Problem]) -> None:
        """Keep problems ``items[which]`` of templates; the mild ones are only counted."""
        number = np.full(len(items), -1, dtype=np.int64)
        for k, item in enumerate(items):
            if item.severity == "error":
                for template in templates[which == k].tolist():
                    self.problems.setdefault(template, []).append(item)
            elif item.code in KEPT:
                number[k] = self._note(item)
        noted = number[which] >= 0
        self.noted[templates[noted]] = True
        self._note_down(templates[noted], number[which[noted]])

    def _note_down(self, templates: Ints, notes: Ints) -> None:
        self.note_rows.frombytes(np.column_stack([templates, notes]).tobytes())

    def _note(self, item: Problem) -> int:
        """Number of what a warning or note says; rows that are gone share theirs."""
        if id(item) not in self.note_of:
            number = self.notes.setdefault(told_apart(item), len(self.notes))
            if number == len(self.note_items):
                self.note_items.append(item)
            self.note_of[id(item)] = (item, number)
        return self.note_of[id(item)][1]

    def _take(self, keys: Keys, arrays: dict[str, Any]) -> None:
        start = len(self)
        arrays["noted"] = np.zeros(len(keys), dtype=np.bool_)
        arrays["met"] = np.zeros(len(keys), dtype=np.int64)
        for name, values in (arrays | {"key": keys}).items():
            setattr(self, name, self._put(name, start, values))
        self._rehash(start)

    def _put(self, name: str, start: int, values: Any) -> Any:
        """Values behind the first ``start`` of an array, which has room for more."""
        end = start + len(values)
        room = self.room.get(name)
        if room is None or len(room) < end:
            room = np.empty(
                (max(end + end // 4, FIRST_SIZE), *values.shape[1:]), dtype=values.dtype
            )
            room[:start] = getattr(self, name)
            self.room[name] = room
        room[start:end] = values
        return room[:end]

    def _rehash(self, start: int) -> None:
        from allometry.kernels.inventories import insert  # noqa: PLC0415  (loads numba)

        if 2 * len(self) > len(self.known) > 0:
            self._make_table(1 << (4 * len(self)).bit_length(), hashed=True)
            start = 0
        numbers = np.arange(start, len(self), dtype=np.int32)
        insert(self.key[start:], numbers, self.known, self.value)

    def _make_table(self, size: int, *, hashed: bool) -> None:
        """An empty table of templates by key, of which only pages that are used take memory."""
        self.known: Keys = np.zeros(size if hashed else 0, dtype=np.uint64)
        self.value: Codes = np.zeros(size, dtype=np.int32)


def told_apart(item: Problem) -> tuple[str, ...]:
    """What makes a warning or note another one: its numbers too, but for a count of rows."""
    text = "" if "count" in item.values else item.message("en")  # noqa: PD011
    return (item.code, item.column, item.value, text)


def _clone(text: str) -> str:
    """Any known clone is as good as another."""
    return "RRIM 600" if text and clone_name(text) else ""


def _status(text: str) -> str:
    """All that is alive is alike."""
    return "" if state_of(text) == "alive" else text
