"""Millions of rows that repeat: distinct rows are looked up, plots put in order and added up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import inline, light_kernel, prange, serial_kernel, strict_kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Keys = NDArray[np.uint64]
Bools = NDArray[np.bool_]

MIX = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)
EMPTY = -1
DIGIT = 256
# columns of a distinct row's figures, in the order of `plot_sums`
AGB, BGB, CARBON, HERB, STEMS, CULMS, CROSS_SECTION, ESTIMATED = range(8)
SUMS = 14  # columns of `plot_sums`


@inline
def _slot(key: np.uint64, mask: int) -> Any:
    mixed = np.uint64(key * MIX)
    return np.int64(np.uint64(mixed ^ (mixed >> HALF))) & mask


@light_kernel
def look_up(keys: Keys, known: Keys, value: Codes, out: Codes) -> None:
    """Value of each key in an open hash table; -1 where it is not there."""
    mask = known.shape[0] - 1
    for i in prange(keys.shape[0]):
        at = _slot(keys[i], mask)
        while value[at] != EMPTY and known[at] != keys[i]:
            at = (at + 1) & mask
        out[i] = value[at]


@serial_kernel
def insert(keys: Keys, values: Codes, known: Keys, value: Codes) -> None:
    """Put keys that are not there into an open hash table, whose length is a power of two."""
    mask = known.shape[0] - 1
    for i in range(keys.shape[0]):
        at = _slot(keys[i], mask)
        while value[at] != EMPTY and known[at] != keys[i]:
            at = (at + 1) & mask
        known[at] = keys[i]
        value[at] = values[i]


@light_kernel
def order_rows(offsets: Ints, rank: Ints, order: Ints, repeated: Bools) -> None:
    """Rows of each plot by rank, equal ones as they stand; plots in which a rank repeats."""
    for p in prange(offsets.shape[0] - 1):
        first, last = offsets[p], offsets[p + 1]
        sorted_already, twice = True, False
        largest = np.int64(0)
        for i in range(first, last):
            order[i] = i
            largest = max(largest, rank[i])
            if i > first:
                sorted_already &= rank[i] >= rank[i - 1]
        if not sorted_already:
            count = np.empty(DIGIT + 1, np.int64)
            other = np.empty(last - first, np.int64)
            shift = 0
            while (largest >> shift) > 0:
                count[:] = 0
                for i in range(first, last):
                    count[((rank[order[i]] >> shift) & (DIGIT - 1)) + 1] += 1
                for d in range(DIGIT):
                    count[d + 1] += count[d]
                for i in range(first, last):
                    d = (rank[order[i]] >> shift) & (DIGIT - 1)
                    other[count[d]] = order[i]
                    count[d] += 1
                for i in range(first, last):
                    order[i] = other[i - first]
                shift += 8
        for i in range(first + 1, last):
            twice |= rank[order[i]] == rank[order[i - 1]]
        repeated[p] = twice


@light_kernel
def count_usable(
    offsets: Ints, order: Ints, distinct: Codes, usable: Bools, merges: Bools, tree: Codes,
    count: Ints, merged: Bools, several: Ints,
) -> None:  # fmt: skip
    """Usable rows of each plot, and plots where a tree of ``merges`` has several of them."""
    for p in prange(offsets.shape[0] - 1):
        found, stems = 0, 0
        latest = np.int64(-1)
        together, start = False, True
        for k in range(offsets[p], offsets[p + 1]):
            i = order[k]
            if not usable[distinct[i]]:
                continue
            found += 1
            if tree[i] == latest:
                together |= merges[distinct[i]]
                stems += 2 if start else 1
                start = False
            else:
                start = True
            latest = tree[i]
        count[p] = found
        merged[p] = together
        several[p] = stems


@light_kernel
def keep_usable(
    offsets: Ints, order: Ints, distinct: Codes, usable: Bools, tree: Codes, starts: Ints,
    row: Ints, kind: Codes, plant: Codes,
) -> None:  # fmt: skip
    """Row, distinct row and tree of the usable rows of plots with room for them, in order."""
    for p in prange(offsets.shape[0] - 1):
        at = starts[p]
        if starts[p + 1] == at:
            continue
        for k in range(offsets[p], offsets[p + 1]):
            i = order[k]
            if usable[distinct[i]]:
                row[at] = i
                kind[at] = distinct[i]
                plant[at] = tree[i]
                at += 1


@serial_kernel
def count_kinds(
    offsets: Ints, plots: Ints, kind: Codes, failed: Bools, count: Ints, fresh: Ints, bad: Ints
) -> tuple[int, int]:  # fmt: skip
    """Count the kinds of the rows of some plots.

    ``fresh`` takes the rows of kinds that were not counted before, ``bad`` those of failed kinds;
    returns how many there are of each.
    """
    met, found = 0, 0
    for k in range(plots.shape[0]):
        for i in range(offsets[plots[k]], offsets[plots[k] + 1]):
            one = kind[i]
            if count[one] == 0:
                fresh[met] = i
                met += 1
            count[one] += 1
            if failed[one]:
                bad[found] = i
                found += 1
    return met, found


@strict_kernel
def plot_sums(
    starts: Ints, kind: Codes, plant: Codes, figures: Floats, expansion: Floats, out: Floats
) -> None:
    """Sums of plots, in the order of their rows.

    ``figures[kind]`` holds above-ground, below-ground, carbon and herb mass [t] (0 for none), stems
    and culms that the row stands for, their cross-section in basal area [m2] and 1 where there is a
    mass; ``expansion[p]`` is 1 / area [1/ha], NaN where unknown. ``out[p]`` takes the four stocks
    in t and in t/ha, rows with a mass, trees, stems, culms, stems/ha and basal area [m2/ha].
    """
    for p in prange(starts.shape[0] - 1):
        per_ha = expansion[p]
        t0, t1, t2, t3, h0, h1, h2, h3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        rows, trees, stems, culms, stocking, area = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        latest = np.int32(-1)
        for i in range(starts[p], starts[p + 1]):
            k = np.uint32(kind[i])
            t0 += figures[k, AGB]
            t1 += figures[k, BGB]
            t2 += figures[k, CARBON]
            t3 += figures[k, HERB]
            h0 += figures[k, AGB] * per_ha
            h1 += figures[k, BGB] * per_ha
            h2 += figures[k, CARBON] * per_ha
            h3 += figures[k, HERB] * per_ha
            stems += figures[k, STEMS]
            culms += figures[k, CULMS]
            stocking += figures[k, STEMS] * per_ha
            area += figures[k, CROSS_SECTION] * per_ha
            rows += figures[k, ESTIMATED]
            trees += 0.0 if plant[i] == latest else figures[k, STEMS]
            latest = plant[i]
        out[p, 0], out[p, 1], out[p, 2], out[p, 3] = t0, t1, t2, t3
        out[p, 4], out[p, 5], out[p, 6], out[p, 7] = h0, h1, h2, h3
        out[p, 8], out[p, 9], out[p, 10], out[p, 11] = rows, trees, stems, culms
        out[p, 12], out[p, 13] = stocking, area


@serial_kernel
def plot_ratios(starts: Ints, kind: Codes, ratio: Floats, out: Floats) -> None:
    """Mean of the ratios of each plot; NaN without any."""
    for p in range(starts.shape[0] - 1):
        total, count = 0.0, 0
        for i in range(starts[p], starts[p + 1]):
            value = ratio[kind[i]]
            if not np.isnan(value):
                total += value
                count += 1
        out[p] = total / count if count else np.nan


@light_kernel
def add_fixed(values: Floats, weight: Floats, group: Ints, scale: float, sums: Ints) -> None:
    """Add weighted draws of plots to the sums of their groups, as whole multiples of 1 / scale.

    ``values[p, q, j]`` go to ``sums[group[p], q, j]``. Whole numbers add up to the same bits in any
    order.
    """
    draws, quantities = values.shape[2], values.shape[1]
    width = 64
    pieces = (draws + width - 1) // width
    for task in prange(quantities * pieces):
        q, first = task // pieces, (task % pieces) * width
        last = min(first + width, draws)
        for p in range(values.shape[0]):
            times, g = weight[p] * scale, group[p]
            for j in range(first, last):
                sums[g, q, j] += np.int64(np.rint(values[p, q, j] * times))
