"""Columns of millions of rows as small numbers, so that each distinct row is computed once.

Texts are numbered by their dictionaries; numbers on a decimal grid (20.1, 20.2 …) by their place on
it; others by a dictionary of their own. The codes of a row side by side are its key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rubbercarbon.columns import CARRIED, DIAMETERS, LENGTHS

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

TREE_TEXTS = (
    "species", "genus", "clone", "growth_form", "status", "height_method", "wood_density_basis",
)  # fmt: skip
TREE_NUMBERS = (
    *dict.fromkeys(column.name for column in (*DIAMETERS, *LENGTHS)),
    "wood_density_sd_g_cm3", "crown_diameter_m", "count", "age_years",
)  # fmt: skip
PLOT_TEXTS = ("site_id", *CARRIED)
PLOT_NUMBERS = (
    "plot_area", "plot_area_ha", "plot_area_m2", "plot_area_rai", "plot_area_ngan", "plot_area_wa",
)  # fmt: skip
CAMPAIGN = ("surveyor", "date")
IDS = ("plot_id", "tree_id", "stem_id")
WRITTEN = ":text"  # a column of numbers that comes as text
GRIDS = (1.0, 10.0, 100.0, 1000.0)
MOST_STEPS = 1 << 24
MOST_NUMBERS = 1 << 16  # off the grids, kept from block to block
KEY_BITS = 63
VISIBLE = (np.uint8(ord("!")), np.uint8(ord("~")))


def is_text(kind: Any) -> bool:
    """Whether an Arrow type holds texts, plain or numbered."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def coded(column: Any) -> tuple[Codes, Any]:
    """Number of each row's text, and the distinct texts as an Arrow array; null is one more."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(array.type):
        if not is_text(array.type):
            array = array.cast(pa.string())
        array = array.dictionary_encode()
    codes = array.indices
    if codes.null_count:
        codes = codes.fill_null(len(array.dictionary))
    return codes.to_numpy(zero_copy_only=False).astype(np.int32, copy=False), array.dictionary


def texts(
    column: Any, spelling: Callable[[str], str] = str.strip
) -> tuple[Codes, list[str]]:  # fmt: skip
    """Number of each row's text, and the distinct texts as spelt; null is the empty text."""
    codes, found = coded(column)
    known = found.to_pylist()
    if not visible(found):
        known = ["" if text is None else spelling(text) for text in known]
    return codes, [*known, ""]


def visible(names: Any) -> bool:
    """Whether texts are made of visible ASCII alone, so that there is nothing to trim or respell.

    Examples
    --------
    >>> visible(pa.array(["A-1", "A-2"])), visible(pa.array(["A 1"])), visible(pa.array(["๑"]))
    (True, False, False)
    """
    data = names.buffers()[-1]
    if names.null_count or data is None:
        return False
    letters = np.frombuffer(data, dtype=np.uint8)
    return bool(np.all(letters - VISIBLE[0] <= VISIBLE[1] - VISIBLE[0]))


def letters_of(names: Any) -> tuple[Ints, NDArray[np.uint8]]:
    """Where the texts of an Arrow array begin and end among the bytes of all, and the bytes."""
    whole = names.cast(pa.large_string())
    _, places, letters = whole.buffers()
    ends = np.frombuffer(places, dtype=np.int64)[whole.offset :][: len(whole) + 1]
    return ends, np.frombuffer(letters or b"", dtype=np.uint8)


def begin_with_digit(names: Any) -> NDArray[np.bool_]:
    """Which texts begin with a digit from 0 to 9, read from their bytes at once.

    Examples
    --------
    >>> begin_with_digit(pa.array(["1A", "A1", "", "๑2", "7"]).slice(1)).tolist()
    [False, False, False, True]
    """
    ends, letters = letters_of(names)
    there = np.flatnonzero(np.diff(ends))
    found = np.zeros(len(names), dtype=np.bool_)
    found[there] = letters[ends[there]] - np.uint8(ord("0")) < 10
    return found


def numbers(column: Any) -> Floats:
    """Floats, to be read; null is NaN."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(pc.cast(whole, pa.float64()).to_numpy(zero_copy_only=False))


def first_of(codes: Codes, starts: Ints, mixed: NDArray[np.bool_]) -> Codes:
    """Code of each plot's first row; ``mixed`` becomes true of plots that differ."""
    from allometry.kernels.rows import first_codes  # noqa: PLC0415  (loads numba)

    first = np.empty(len(starts), dtype=codes.dtype)
    first_codes(codes, 0, starts, first, mixed)
    return first


def first_numbers(column: Any, starts: Ints, mixed: NDArray[np.bool_]) -> Floats:
    """As `first_of`, of a column of floats; null is NaN."""
    from allometry.kernels.rows import first_codes  # noqa: PLC0415  (loads numba)

    first, begin = np.empty(len(starts), dtype=np.int64), 0
    for chunk in column.chunks:
        values = numbers(chunk)
        first_codes(values.view(np.int64), begin, starts, first, mixed)  # NaN is like NaN
        begin += len(values)
    return first.view(np.float64)


@dataclass
class TextCodes:
    """Numbers of distinct texts, kept from block to block.

    ``same`` gives the one text that stands for all that mean the same.
    """

    known: dict[str, int] = field(default_factory=lambda: {"": 0})
    version: int = 0
    same: Callable[[str], str] = str
    meant: dict[str, str] = field(default_factory=dict)

    def encode(self, column: Any) -> Codes:
        """Number of each row's text."""
        from allometry.kernels.rows import take_places  # noqa: PLC0415  (loads numba)

        codes, place = self.places(column)
        out = np.empty_like(codes)
        take_places(codes, place, out)
        return out

    def first(self, column: Any, starts: Ints, mixed: NDArray[np.bool_]) -> Codes:
        """Number of each plot's first text; see `first_of`."""
        codes, place = self.places(column)
        if len(set(place.tolist())) < len(place):  # two spellings of one text
            codes, place = self.encode(column), np.arange(self.size, dtype=np.int32)
        result: Codes = place[first_of(codes, starts, mixed)]
        return result

    def places(self, column: Any) -> tuple[Codes, Codes]:
        """Code of each row, and the number of each code."""
        codes, found = texts(column)
        return codes, np.array([self._number(text) for text in found], dtype=np.int32)

    def _number(self, text: str) -> int:
        if text not in self.meant:
            self.meant[text] = self.same(text)
        return self.known.setdefault(self.meant[text], len(self.known))

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.known)

    def values(self, codes: Codes) -> NDArray[Any]:
        """Texts of numbers."""
        return np.array(list(self.known), dtype=object)[codes]


def _on_grid(column: Any, scale: float, codes: Codes) -> int:
    """Place of each number on a decimal grid; returns the largest, or -1 if one lies beside it."""
    from allometry.kernels.rows import grid_codes  # noqa: PLC0415  (loads numba)

    start, largest = 0, 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        array = chunk if pa.types.is_float64(chunk.type) else pc.cast(chunk, pa.float64())
        end = start + len(array)
        bits, data = array.buffers()
        if len(array):
            valid = np.frombuffer(bits if bits and array.null_count else b"", dtype=np.uint8)
            values = np.frombuffer(data, dtype=np.float64)[array.offset : array.offset + len(array)]
            found = grid_codes(values, valid, array.offset, scale, MOST_STEPS, codes[start:end])
            if found < 0:
                return -1
            largest = max(largest, int(found))
        start = end
    return largest


@dataclass
class NumberCodes:
    """Numbers of distinct floats: steps of a decimal grid, else a dictionary.

    Where nearly every row has a float of its own, ``passing`` holds those of the latest block alone
    and its numbers hold no longer than that.
    """

    grid: int = 0
    size: int = 1
    version: int = 0
    known: dict[float, int] = field(default_factory=dict)
    passing: Floats | None = None

    def encode(self, column: Any) -> Codes:
        """Number of each row's float; 0 for none."""
        codes = np.empty(len(column), dtype=np.int32)
        while self.grid < len(GRIDS):
            largest = _on_grid(column, GRIDS[self.grid], codes)
            if largest >= 0:
                self.size = max(self.size, largest + 1)
                return codes
            self.grid += 1
            self.size, self.version = 1, self.version + 1
        values = numbers(column)
        there = np.isfinite(values)
        distinct, place = np.unique(np.where(there, values, 0.0), return_inverse=True)
        if self.passing is None and len(self.known) + len(distinct) <= MOST_NUMBERS:
            numbers_of = [self.known.setdefault(v, len(self.known) + 1) for v in distinct.tolist()]
            self.size = len(self.known) + 1
            return np.where(there, np.array(numbers_of)[place], 0).astype(np.int32)
        self.passing, self.known = distinct, {}
        self.size, self.version = len(distinct) + 1, self.version + 1
        return np.where(there, place + 1, 0).astype(np.int32)

    def values(self, codes: Codes) -> Floats:
        """Floats of numbers."""
        if self.grid < len(GRIDS):
            steps = np.where(codes % 2 == 1, codes // 2, -(codes // 2))
            return np.where(codes > 0, steps / GRIDS[self.grid], np.nan)
        known = list(self.known) if self.passing is None else self.passing
        table = np.concatenate([[np.nan], known])
        return table[codes]


@dataclass
class RowKeys:
    """The columns that decide what a row is, as one key; ``same`` joins texts of one meaning.

    ``changed`` are the columns whose numbers mean something else since the latest block.
    """

    same: dict[str, Callable[[str], str]] = field(default_factory=dict)
    columns: dict[str, TextCodes | NumberCodes] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def encode(
        self, table: Any, spare: int
    ) -> tuple[Keys, Callable[[Keys], dict[str, Codes]], bool]:  # fmt: skip
        """Keys of rows with ``spare`` bits left below, codes by column of keys, if old keys hold.

        A column that is not there, or that is empty throughout, takes no part.
        """
        found: dict[str, tuple[Codes, Codes | None]] = {}
        for name in (*TREE_TEXTS, *TREE_NUMBERS):
            if name not in table.column_names:
                continue
            column = table.column(name)
            written = is_text(column.type) or name in TREE_TEXTS
            slot = f"{name}{WRITTEN}" if written and name in TREE_NUMBERS else name
            if column.null_count == len(column) and slot not in self.columns:
                continue
            if slot not in self.columns:
                self.columns[slot] = (
                    TextCodes(same=self.same.get(name, str)) if written else NumberCodes()
                )
            known = self.columns[slot]
            if isinstance(known, TextCodes):
                found[slot] = known.places(column)
            else:
                found[slot] = (known.encode(column), None)
        same = self._laid_out(spare)
        shifts = self._shifts(spare)
        bits = {name: np.uint64((1 << self.bits[name]) - 1) for name in found}

        def codes_of(keys: Keys) -> dict[str, Codes]:
            return {n: ((keys >> np.uint64(shifts[n])) & bits[n]).astype(np.int32) for n in bits}

        return self._packed(found, len(table), shifts), codes_of, same

    def _laid_out(self, spare: int) -> bool:
        """Bits for every column; whether they and the numbers are those of the latest block."""
        versions = {name: column.version for name, column in self.columns.items()}
        self.changed = {name for name, one in versions.items() if self.versions.get(name, 0) != one}
        same = self.versions.keys() == versions.keys() and not self.changed and all(
            column.size <= 1 << self.bits[name] for name, column in self.columns.items()
        )  # fmt: skip
        if not same:
            self.versions = versions
            self.bits = {n: max(1, c.size - 1).bit_length() + 1 for n, c in self.columns.items()}
            if sum(self.bits.values()) + spare > KEY_BITS:
                self.bits = {n: max(1, c.size - 1).bit_length() for n, c in self.columns.items()}
        if sum(self.bits.values()) + spare > KEY_BITS:
            raise OverflowError
        return same

    def _shifts(self, spare: int) -> dict[str, int]:
        """Bits below each column's in a key."""
        shift, shifts = spare + sum(self.bits.values()), {}
        for name in self.columns:
            shift -= self.bits[name]
            shifts[name] = shift
        return shifts

    def _packed(
        self, found: dict[str, tuple[Codes, Codes | None]], count: int, shifts: dict[str, int]
    ) -> Keys:
        """Codes side by side in one number per row."""
        from allometry.kernels.rows import add_codes, add_places  # noqa: PLC0415  (loads numba)

        keys = np.zeros(count, dtype=np.uint64)
        for name, (codes, place) in found.items():
            if place is None:
                add_codes(codes, shifts[name], keys)
            else:
                add_places(codes, place, shifts[name], keys)
        return keys
