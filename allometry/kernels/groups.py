"""Groups of trees within plots, their moments, and summaries of draws.

A group is the trees of one cell in one plot whose size x falls in one bin. Everything is computed
plot by plot in the order of its rows, so that a plot's figures do not depend on its neighbours.
Loops run over slices and not from a first row to a last: numba then knows that no index is below
zero, and need not look at each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import (
    exact_kernel,
    inline,
    prange,
    serial_kernel,
    strict_kernel,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Bools = NDArray[np.bool_]

BINS = 512
# columns of the terms of a kind of row
AGB, BGB, CARBON, HERB, X, SIGMA, OWN_VARIANCE, CENTRING = range(8)
FETCHED = 128  # rows at a time, a few kB
SLOTS = 16  # bins of a cell that follow each other and are found at once
# columns of the sums of a group, behind twice five moments
MASS, MASS_OWN, WHOLE, OWN, OWN_SECOND, OWN_THIRD, TREES = range(10, 17)
GROUP_SUMS = 17
STATISTICS = 2  # mean and standard deviation, then the quantiles
SECOND, THIRD, SUM, COUNT = range(4)  # columns of the trees' own errors, by plot and class


@inline
def _add_tree(sums: Floats, g: Any) -> None:
    """Second and third moment of the own errors of a group's latest tree, all its stems at once."""
    whole, own = sums[g, WHOLE], sums[g, OWN]
    square = whole * whole * own
    sums[g, OWN_SECOND] += square
    sums[g, OWN_THIRD] += square * whole * own * (own + 3.0)


@exact_kernel
def gather_groups(  # noqa: PLR0915  (one fused loop)
    offsets: Ints, kind: Codes, factor: Floats, terms: Floats, base: Ints, where: Ints,
    by_row: bool, places: int, number: Ints, tree: Codes, per_bin: Floats, herbs: Bools,
    log_ratio: float, lowest: int, starts: Ints, cell: Ints, piece: Ints, chosen: Ints,
    sums: Floats, moments: Floats, noise: Floats,
) -> bool:  # fmt: skip
    """Moments of the mass of each group, and sums for the trees' own errors by plot and class.

    Rows are fetched some at a time before they are added up: their kinds lie far apart in memory,
    and a processor waits for many at once if little else is between.

    Parameters
    ----------
    offsets, kind : ndarray of int64 and int32
        Rows of each plot, and the row of ``terms`` that each is like.
    factor : ndarray, shape (n_plots,)
        Times the masses.
    terms : ndarray, shape (n_kinds, 8)
        Above-ground, below-ground, carbon and herb mass, size x, sigma of the tree's own errors,
        their relative variance, and the factor that makes shared errors mean-one.
    base, where, by_row, places, number
        Row i is in the cell ``number[base[kind[i]] * places + where]``, with ``where`` of its plot,
        or of itself with ``by_row``; rows of a ``base`` of -1 have no cell.
    tree : ndarray of int32
        Number of the tree; stems of one follow each other.
    per_bin, herbs : ndarray, shape (n_cells,)
        1 over the width of the bins of x, a power of 2; whether herb mass counts.
    log_ratio, lowest : float, int
        Classes of the own variance: powers of exp(log_ratio), the first ``lowest``.
    starts : ndarray of int64, shape (n_plots + 1,)
        Filled: first group of each plot.
    cell, piece, chosen : ndarray of int64, shape (room,)
        Filled: cell, bin of x, class of own variance.
    sums : ndarray, shape (room, 17)
        For the loop itself.
    moments : ndarray, shape (2, room, 5)
        Filled: sums of centred mass times (x - centre of the bin)^k / k!.
    noise : ndarray, shape (n_plots, n_classes, 4)
        Filled: second and third moments of the own errors, mass, number of trees.

    Returns
    -------
    bool
        Whether there was room for all groups.
    """
    newest = np.full(SLOTS * per_bin.shape[0], -1, np.int64)  # group by cell and last bits of bin
    older = np.empty(cell.shape[0], np.int64)  # next group of the same
    last_tree = np.empty(cell.shape[0], np.int32)
    width = 1.0 / per_bin  # exact, as that of a power of 2
    near = np.empty((FETCHED, 5))
    near_cell, near_bin = np.empty(FETCHED, np.int64), np.empty(FETCHED, np.int64)
    starts[0] = 0
    for p in range(offsets.shape[0] - 1):
        first = starts[p]
        end = first
        times = factor[p]
        for fetched in range(offsets[p], offsets[p + 1], FETCHED):
            last = min(fetched + FETCHED, offsets[p + 1])
            kinds, trees = kind[fetched:last], tree[fetched:last]
            place = where[fetched:last] if by_row else where[p : p + 1]
            for j in range(kinds.shape[0]):
                k = np.uint32(kinds[j])
                c = np.int64(-1)
                if base[k] >= 0:
                    c = number[np.uint64(base[k] * places + place[j if by_row else 0])]
                near_cell[j] = c
                some = np.uint64(c * (c >= 0))
                bin_of = math.floor(terms[k, X] * per_bin[some])
                near_bin[j] = np.int64(bin_of)
                near[j, 0] = (terms[k, HERB] if herbs[some] else terms[k, AGB]) * times
                near[j, 1] = terms[k, BGB] * times
                near[j, 2] = terms[k, X] - (bin_of + 0.5) * width[some]
                near[j, 3] = terms[k, OWN_VARIANCE]
                near[j, 4] = terms[k, CENTRING]
            for j in range(kinds.shape[0]):
                c, bin_of = near_cell[j], near_bin[j]
                if c < 0:
                    continue
                slot = np.uint64(c * SLOTS + (bin_of & (SLOTS - 1)))
                group = newest[slot]
                while group >= 0 and piece[np.uint64(group)] != bin_of:
                    group = older[np.uint64(group)]
                if group < 0:
                    if end == cell.shape[0]:
                        return False
                    group = end
                    cell[end], piece[end] = c, bin_of
                    older[end] = newest[slot]
                    newest[slot] = end
                    last_tree[end] = -1
                    sums[end] = 0.0
                    end += 1
                at = np.uint64(group)
                mass, v, own = near[j, 0], near[j, 2], near[j, 3]
                w, u = mass * near[j, 4], near[j, 1] * near[j, 4]
                sums[at, 0] += w
                sums[at, 1] += u
                w *= v
                u *= v
                sums[at, 2] += w
                sums[at, 3] += u
                w *= v
                u *= v
                sums[at, 4] += w
                sums[at, 5] += u
                w *= v
                u *= v
                sums[at, 6] += w
                sums[at, 7] += u
                sums[at, 8] += w * v
                sums[at, 9] += u * v
                sums[at, MASS] += mass
                sums[at, MASS_OWN] += mass * own
                if trees[j] != last_tree[at]:
                    last_tree[at] = trees[j]
                    _add_tree(sums, at)
                    sums[at, WHOLE], sums[at, OWN] = 0.0, own
                    sums[at, TREES] += 1.0
                sums[at, WHOLE] += mass
        for g in range(first, end):
            newest[cell[g] * SLOTS + (piece[g] & (SLOTS - 1))] = -1
        starts[p + 1] = end
        noise[p] = 0.0
        for g in range(first, end):
            _add_tree(sums, g)
            factorial = 1.0
            for e in range(moments.shape[2]):
                factorial *= max(e, 1)
                moments[0, g, e] = sums[g, 2 * e] / factorial
                moments[1, g, e] = sums[g, 2 * e + 1] / factorial
            mean = sums[g, MASS_OWN] / max(sums[g, MASS], 1e-300)
            step = np.int64(math.floor(math.log(max(mean, 1e-12)) / log_ratio)) - lowest
            of = min(max(step, 0), noise.shape[1] - 1)
            chosen[g] = of
            noise[p, of, SECOND] += sums[g, OWN_SECOND]
            noise[p, of, THIRD] += sums[g, OWN_THIRD]
            noise[p, of, SUM] += sums[g, MASS]
            noise[p, of, COUNT] += sums[g, TREES]
    return True


@serial_kernel
def mark_cells(
    offsets: Ints, kind: Codes, base: Ints, where: Ints, by_row: bool, places: int, number: Ints,
    marked: Bools,
) -> None:  # fmt: skip
    """Mark the cells of rows, which are told as in `gather_groups`."""
    for p in range(offsets.shape[0] - 1):
        kinds = kind[offsets[p] : offsets[p + 1]]
        place = where[offsets[p] : offsets[p + 1]] if by_row else where[p : p + 1]
        for i in range(kinds.shape[0]):
            one = base[np.uint32(kinds[i])]
            if one >= 0:
                marked[number[np.uint64(one * places + place[i if by_row else 0])]] = True


@inline
def _spread(row: Floats) -> Any:
    """Mean, standard deviation (n - 1 below the line), smallest and largest value."""
    n = row.shape[0]
    quarter = n // 4
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    l0 = l1 = l2 = l3 = h0 = h1 = h2 = h3 = row[0]
    for j in range(quarter):
        x0, x1, x2, x3 = row[4 * j], row[4 * j + 1], row[4 * j + 2], row[4 * j + 3]
        s0, s1, s2, s3 = s0 + x0, s1 + x1, s2 + x2, s3 + x3
        l0, l1 = (min(l0, x0)), (min(l1, x1))
        l2, l3 = (min(l2, x2)), (min(l3, x3))
        h0, h1 = (max(h0, x0)), (max(h1, x1))
        h2, h3 = (max(h2, x2)), (max(h3, x3))
    for j in range(4 * quarter, n):
        s0 += row[j]
        l0, h0 = min(l0, row[j]), max(h0, row[j])
    mean = ((s0 + s1) + (s2 + s3)) / n
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for j in range(quarter):
        x0, x1 = row[4 * j] - mean, row[4 * j + 1] - mean
        x2, x3 = row[4 * j + 2] - mean, row[4 * j + 3] - mean
        s0, s1, s2, s3 = s0 + x0 * x0, s1 + x1 * x1, s2 + x2 * x2, s3 + x3 * x3
    for j in range(4 * quarter, n):
        s0 += (row[j] - mean) * (row[j] - mean)
    sd = np.sqrt(((s0 + s1) + (s2 + s3)) / (n - 1)) if n > 1 else 0.0
    return mean, sd, min(l0, l1, l2, l3), max(h0, h1, h2, h3)


@inline
def _bin_of_rank(begins: Any, rank: int) -> int:
    """The bin that holds a rank."""
    b, span = 0, BINS
    while span > 1:
        middle = b + span // 2
        if begins[middle] <= rank:
            span -= middle - b
            b = middle
        else:
            span = middle - b
    return b


@strict_kernel
def summarise(values: Floats, probabilities: Floats, out: Floats) -> None:
    """Mean, standard deviation and quantiles of each row of draws.

    ``out[i]`` takes the mean, the standard deviation (n - 1 below the line) and one quantile per
    probability, between neighbours as numpy's default does. Order statistics are found by counting
    into bins and sorting only the bins that hold one: several times faster than sorting all.
    """
    n, asked = values.shape[1], probabilities.shape[0]
    ranks, parts = np.empty(2 * asked, np.int64), np.empty(asked)
    for k in range(asked):
        at = probabilities[k] * (n - 1)
        below = math.floor(at)
        parts[k] = at - below
        ranks[2 * k], ranks[2 * k + 1] = below, min(below + 1, n - 1)
    for i in prange(values.shape[0]):
        row = values[i]
        mean, sd, low, high = _spread(row)
        out[i, 0], out[i, 1] = mean, sd
        if not high > low or not high - low < np.inf or np.isnan(mean):
            for k in range(asked):
                out[i, 2 + k] = low if high == low and not np.isnan(mean) else np.nan
            continue
        scale = (BINS - 1) / (high - low)
        if not scale < np.inf:
            scale = 0.0
        begins = np.zeros(BINS + 1, np.int32)
        for j in range(n):
            begins[np.uint64((row[j] - low) * scale) + np.uint64(1)] += 1
        for b in range(BINS):
            begins[b + 1] += begins[b]
        # where the values of a bin go: those of bins without a rank that is asked for nowhere
        goes = np.full(BINS, -1, np.int32)
        for rank in ranks:
            b = _bin_of_rank(begins, rank)
            goes[b] = begins[b]
        near = np.empty(n)
        for j in range(n):
            place = np.uint64((row[j] - low) * scale)
            if goes[place] >= 0:
                t, first = goes[place], begins[place]
                while t > first and near[t - 1] > row[j]:
                    near[t] = near[t - 1]
                    t -= 1
                near[t] = row[j]
                goes[place] += 1
        for k in range(asked):
            a, z = near[ranks[2 * k]], near[ranks[2 * k + 1]]
            gap, part = z - a, parts[k]
            out[i, 2 + k] = z - gap * (1.0 - part) if part >= 0.5 else a + gap * part
