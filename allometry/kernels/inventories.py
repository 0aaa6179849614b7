"""Millions of rows that repeat: distinct rows are looked up, plots put in order and added up.

As in `allometry.kernels.groups`, loops over rows run over slices.
"""

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
Bytes = NDArray[np.uint8]

MIX = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)
EMPTY = 0
DIGIT = 256
# columns of a distinct row's figures, in the order of `plot_sums`
AGB, BGB, CARBON, HERB, STEMS, CULMS, CROSS_SECTION, ESTIMATED = range(8)
SUMS = 14  # columns of `plot_sums`
USABLE, MERGES, UNNAMED, RATIO = 1, 2, 4, 8  # traits of a distinct row


@inline
def _slot(key: np.uint64, mask: int) -> Any:
    mixed = np.uint64(key * MIX)
    return np.int64(np.uint64(mixed ^ (mixed >> HALF))) & mask


@light_kernel
def look_up(keys: Keys, known: Keys, value: Codes, out: Codes) -> None:
    """Value of each key in a table, see `insert`; -1 where it is not there."""
    if known.shape[0] == 0:
        for i in prange(keys.shape[0]):
            out[i] = value[keys[i]] - 1
        return
    mask = known.shape[0] - 1
    for i in prange(keys.shape[0]):
        at = _slot(keys[i], mask)
        while value[at] != EMPTY and known[at] != keys[i]:
            at = (at + 1) & mask
        out[i] = value[at] - 1


@serial_kernel
def insert(keys: Keys, values: Codes, known: Keys, value: Codes) -> None:
    """Put keys that are not there into a table, with values from 0 on; they are kept plus one.

    ``known`` and ``value`` are an open hash table, whose length is a power of two; where ``known``
    is empty, ``value`` has a place for every possible key.
    """
    mask = known.shape[0] - 1
    for i in range(keys.shape[0]):
        if known.shape[0] == 0:
            value[keys[i]] = values[i] + 1
            continue
        at = _slot(keys[i], mask)
        while value[at] != EMPTY and known[at] != keys[i]:
            at = (at + 1) & mask
        known[at] = keys[i]
        value[at] = values[i] + 1


@serial_kernel
def _sort(first: int, last: int, rank: Ints, tree: Codes, by_tree: bool, order: Ints) -> None:
    """Rows of a plot by rank, equal ones as they stand."""
    ranks = np.empty(last - first, np.int64)
    for i in range(first, last):
        order[i - first] = i
        ranks[i - first] = rank[tree[i]] if by_tree else rank[i]
    count = np.empty(DIGIT + 1, np.int64)
    other = np.empty(last - first, np.int64)
    largest = ranks.max()
    shift = 0
    while (largest >> shift) > 0:
        count[:] = 0
        for one in ranks:
            count[((one >> shift) & (DIGIT - 1)) + 1] += 1
        for d in range(DIGIT):
            count[d + 1] += count[d]
        for k in range(last - first):
            d = (ranks[order[k] - first] >> shift) & (DIGIT - 1)
            other[count[d]] = order[k]
            count[d] += 1
        order[: last - first] = other
        shift += 8


@serial_kernel
def _in_order(first: int, last: int, rank: Ints, tree: Codes, by_tree: bool) -> tuple[bool, bool]:
    """Whether the ranks of a plot never fall, and whether two neighbours are equal."""
    in_order, twice = True, False
    before = np.int64(-1)
    trees, ranks = tree[first:last], rank if by_tree else rank[first:last]
    for i in range(trees.shape[0]):
        here = ranks[np.uint32(trees[i])] if by_tree else ranks[i]
        in_order &= here >= before
        twice |= here == before
        before = here
    return in_order, twice


@serial_kernel
def _usable(
    first: int, last: int, kind: Codes, tree: Codes, traits: Bytes, at: int, row: Codes, of: Codes,
    plant: Codes,
) -> tuple[int, int]:  # fmt: skip
    """Put the usable rows of a plot behind ``at``; returns their end, and the traits that occur."""
    kinds, trees = kind[first:last], tree[first:last]
    rows, kinds_of, plants = row[at:], of[at:], plant[at:]
    found, seen = 0, 0
    for i in range(kinds.shape[0]):
        one = np.uint32(kinds[i])
        rows[found], kinds_of[found], plants[found] = first + i, one, trees[i]
        found += 1 if traits[one] & USABLE else 0
        seen |= traits[one]
    return at + found, seen


@serial_kernel
def usable_rows(
    offsets: Ints, rank: Ints, tree: Codes, by_tree: bool, kind: Codes, traits: Bytes,
    ratio: Floats, odd: Bools, row: Codes, of: Codes, plant: Codes, starts: Ints, mean: Floats,
) -> int:  # fmt: skip
    """Usable rows of plots, each plot's by rank, equal ranks as they stand.

    Plots with a rank twice, with a row that is ``UNNAMED``, or with several usable rows of one tree
    that ``MERGES``, become odd; odd plots have no rows. ``row``, ``of`` and ``plant`` take row,
    kind and tree of each, ``starts`` where a plot's begin, ``mean`` the mean ratio of its rows.
    Returns the number of stems whose tree has several.
    """
    at, several = 0, 0
    order = np.empty(0, np.int64)
    for p in range(offsets.shape[0] - 1):
        starts[p] = at
        mean[p] = np.nan
        if odd[p]:
            continue
        first, last = offsets[p], offsets[p + 1]
        in_order, twice = _in_order(first, last, rank, tree, by_tree)
        if not in_order:
            if order.shape[0] < last - first:
                order = np.empty(last - first, np.int64)
            _sort(first, last, rank, tree, by_tree, order)
            for k in range(1, last - first):
                i, j = order[k], order[k - 1]
                twice |= (rank[tree[i]] == rank[tree[j]]) if by_tree else (rank[i] == rank[j])
        latest, starting, stems = np.int32(-1), True, 0
        total, measured = 0.0, 0
        plain = by_tree and in_order and not twice
        if plain:  # each tree has one stem
            at, seen = _usable(first, last, kind, tree, traits, at, row, of, plant)
            twice = (seen & UNNAMED) != 0
            for k in range(starts[p], at if seen & RATIO else starts[p]):
                if traits[of[k]] & RATIO:
                    total += ratio[of[k]]
                    measured += 1
        for k in range(0 if plain else last - first):
            i = first + k if in_order else order[k]
            one = np.uint32(kind[i])
            trait = traits[one]
            twice |= (trait & UNNAMED) != 0
            if not trait & USABLE:
                continue
            if tree[i] == latest:
                twice |= (trait & MERGES) != 0
                stems += 2 if starting else 1
                starting = False
            else:
                starting = True
            latest = tree[i]
            row[at], of[at], plant[at] = i, one, tree[i]
            at += 1
            if trait & RATIO:
                total += ratio[one]
                measured += 1
        if twice:
            odd[p] = True
            at = starts[p]
            continue
        several += stems
        if measured:
            mean[p] = total / measured
    starts[offsets.shape[0] - 1] = at
    return several


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
        first = offsets[plots[k]]
        kinds = kind[first : offsets[plots[k] + 1]]
        for i in range(kinds.shape[0]):
            one = np.uint32(kinds[i])
            if count[one] == 0:
                fresh[met] = first + i
                met += 1
            count[one] += 1
            if failed[one]:
                bad[found] = first + i
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
        kinds, plants = kind[starts[p] : starts[p + 1]], plant[starts[p] : starts[p + 1]]
        for i in range(kinds.shape[0]):
            k = np.uint32(kinds[i])
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
            trees += 0.0 if plants[i] == latest else figures[k, STEMS]
            latest = plants[i]
        out[p, 0], out[p, 1], out[p, 2], out[p, 3] = t0, t1, t2, t3
        out[p, 4], out[p, 5], out[p, 6], out[p, 7] = h0, h1, h2, h3
        out[p, 8], out[p, 9], out[p, 10], out[p, 11] = rows, trees, stems, culms
        out[p, 12], out[p, 13] = stocking, area


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
