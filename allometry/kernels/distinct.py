"""Rows that are equal in all of several columns get one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import serial_kernel

Codes = NDArray[np.int32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MIX = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)
EMPTY = -1


@serial_kernel
def number_rows(columns: Codes, used: Bools, table: Codes, number: Ints, first: Ints) -> int:
    """Number distinct rows in the order in which they are met; -1 for rows that are not used.

    ``columns[k, i]`` is column k of row i. ``table`` is all -1 and a power of two, at least twice
    the rows; ``first`` takes a row of each number. Returns how many numbers there are.
    """
    mask = table.shape[0] - 1
    known = 0
    for i in range(columns.shape[1]):
        number[i] = -1
        if not used[i]:
            continue
        mixed = np.uint64(0)
        for k in range(columns.shape[0]):
            mixed = (mixed ^ np.uint64(np.int64(columns[k, i]))) * MIX
            mixed ^= mixed >> HALF
        at = np.int64(mixed) & mask
        while number[i] < 0:
            one = table[at]
            if one == EMPTY:
                table[at] = known
                first[known] = i
                number[i] = known
                known += 1
                break
            same = True
            for k in range(columns.shape[0]):
                same &= columns[k, i] == columns[k, first[one]]
            if same:
                number[i] = one
            at = (at + 1) & mask
    return known
