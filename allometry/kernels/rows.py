"""Columns of millions of rows as small numbers: decimal grids, keys, first rows of plots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import serial_kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Keys = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]

MIX = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


@serial_kernel
def grid_codes(
    values: Floats, valid: Bytes, shift: int, scale: float, most: int, codes: Codes
) -> int:  # fmt: skip
    """Place of each value on the grid of 1 / ``scale``: 1 for 0, 3, 5 ... above, 2, 4 ... below.

    NaN and infinite give 0, and so do values whose bit in ``valid`` is not set, the first value's
    bit being at ``shift``; without bits all are valid. Returns the largest place, or -1 where some
    value lies on no step.
    """
    largest = np.int32(0)
    off = False
    for i in range(values.shape[0]):
        value = values[i]
        if valid.shape[0] and not (valid[(shift + i) >> 3] >> ((shift + i) & 7)) & 1:
            value = np.nan
        step = np.rint(value * scale)
        fits = step / scale == value and abs(step) < most
        place = np.int32(2.0 * abs(step)) + np.int32(step >= 0.0) if fits else np.int32(0)
        off |= not fits and abs(value) < np.inf
        codes[i] = place
        largest = max(largest, place)
    return -1 if off else int(largest)


@serial_kernel
def hash_texts(ends: Ints, letters: Bytes, hashes: Keys) -> None:
    """Hash of each text; the letters of text i are those from ``ends[i]`` to ``ends[i + 1]``."""
    for i in range(hashes.shape[0]):
        mixed = np.uint64(ends[i + 1] - ends[i])
        for k in range(ends[i], ends[i + 1]):
            mixed = np.uint64(mixed ^ np.uint64(letters[k])) * MIX
            mixed = np.uint64(mixed ^ (mixed >> HALF))
        hashes[i] = mixed


@serial_kernel
def add_codes(codes: Codes, shift: int, keys: Keys) -> None:
    """Put the code of each row into its key, ``shift`` bits above the lowest."""
    up = np.uint64(shift)
    for i in range(codes.shape[0]):
        keys[i] |= np.uint64(codes[i]) << up


@serial_kernel
def add_places(codes: Codes, place: Codes, shift: int, keys: Keys) -> None:
    """As `add_codes`, with the place of each code."""
    up = np.uint64(shift)
    for i in range(codes.shape[0]):
        keys[i] |= np.uint64(place[np.uint32(codes[i])]) << up


@serial_kernel
def add_flags(offsets: Ints, flag: Keys, keys: Keys) -> None:
    """Put the flag of each plot into the keys of its rows."""
    for p in range(flag.shape[0]):
        if flag[p]:
            for i in range(offsets[p], offsets[p + 1]):
                keys[i] |= flag[p]


@serial_kernel
def take_places(codes: Codes, place: Codes, out: Codes) -> None:
    """The place of each code."""
    for i in range(codes.shape[0]):
        out[i] = place[np.uint32(codes[i])]


@serial_kernel
def count_marked(codes: Codes, marked: Bools) -> int:
    """How many codes are marked."""
    found = 0
    for i in range(codes.shape[0]):
        found += marked[np.uint32(codes[i])]
    return found


@serial_kernel
def first_codes(
    codes: Codes | Ints, begin: int, starts: Ints, first: Codes | Ints, odd: Bools
) -> None:  # fmt: skip
    """Code of the first row of each plot; plots whose rows differ become odd.

    ``codes`` are those of the rows from ``begin`` on, those before were looked at already.
    """
    plots, rows = starts.shape[0], codes.shape[0]
    p = max(int(np.searchsorted(starts, begin, side="right")) - 1, 0)
    while p < plots and starts[p] < begin + rows:
        low = max(starts[p] - begin, 0)
        high = min(starts[p + 1] - begin, rows) if p + 1 < plots else rows
        of_plot = codes[low:high]
        if starts[p] >= begin:
            first[p] = of_plot[0]
        one = first[p]
        others = False
        for i in range(of_plot.shape[0]):  # to the end, so that several rows are compared at once
            others |= of_plot[i] != one
        odd[p] |= others
        p += 1
