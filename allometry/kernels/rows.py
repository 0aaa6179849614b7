"""Columns of millions of rows as small numbers: decimal grids, keys, first rows of plots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import serial_kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Keys = NDArray[np.uint64]
Bools = NDArray[np.bool_]


@serial_kernel
def grid_codes(values: Floats, scale: float, most: int, codes: Codes) -> int:
    """Place of each value on the grid of 1 / ``scale``: 1 for 0, 3, 5 ... above, 2, 4 ... below.

    NaN and infinite give 0. Returns the largest place, or -1 where some value lies on no step.
    """
    largest = 0
    for i in range(values.shape[0]):
        value = values[i]
        if not np.isfinite(value):
            codes[i] = 0
            continue
        step = np.rint(value * scale)
        if step / scale != value or not abs(step) < most:
            return -1
        place = int(2.0 * abs(step)) + (0 if step < 0.0 else 1)
        codes[i] = place
        largest = max(largest, place)
    return largest


@serial_kernel
def add_codes(codes: Codes, shift: int, keys: Keys) -> None:
    """Put the code of each row into its key, ``shift`` bits above the lowest."""
    up = np.uint64(shift)
    for i in range(codes.shape[0]):
        keys[i] |= np.uint64(codes[i]) << up


@serial_kernel
def first_codes(codes: Codes, starts: Ints, first: Codes, odd: Bools) -> None:
    """Code of the first row of each plot; plots whose rows differ become odd."""
    plots = starts.shape[0]
    for p in range(plots):
        end = starts[p + 1] if p + 1 < plots else codes.shape[0]
        one = codes[starts[p]]
        first[p] = one
        for i in range(starts[p] + 1, end):
            if codes[i] != one:
                odd[p] = True
                break
