"""Random numbers and draws of plot totals: the exact kernel, the compressed one, and moments.

Normals come from Philox4x32-10 (Salmon et al. 2011) by Box and Muller. The key is the seed; the
counter holds the draw, the stream (which error) and the unit's own 64-bit id, so that a normal
depends on nothing else: not on the order of trees, the batch or the number of threads. Single
precision is used inside the normals only.

The logarithm of a tree's biomass moves by ``d0 + d1 x + sigma z``: d0 and d1 are tables of cell by
draw (a cell is a set of trees that share all errors), x is the tree's size on a log scale and z its
own normal. The compressed kernel replaces the trees of a cell and plot by five weighted moments of
x; its series in d1 is cut after the fourth power, which `worst_remainder` bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import inline, kernel, light_kernel, prange

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Words = NDArray[np.uint32]

MOMENTS = 5
BLOCK = 256  # draws made together
QUARTER = 64  # counters per block, four normals each
MOST_TRIPLES = 64  # groups up to which third moments are summed in full

MASK = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)
NINE = np.uint32(9)
ONE = np.uint32(1)
THIRTY = np.uint32(30)
SIGN_BIT = np.uint32(0x80000000)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint32(0x9E3779B9)
WEYL_1 = np.uint32(0xBB67AE85)
UNIT_BITS = np.uint32(0x3F800000)
SQRT_HALF_BITS_32 = np.int32(0x3F3504F3)
TWENTY_THREE = np.int32(23)
LN2_32 = np.float32(0.6931472)
HALF_PI_32 = np.float32(1.5707964)

LOG2E = 1.4426950408889634
LN2_HIGH = 0.6931471803691238
LN2_LOW = 1.9082149292705877e-10
MAGIC = 6755399441055744.0


@inline
def exp_fast(x: float) -> float:
    """e^x to 3 parts in 10^14 for |x| <= 700; exactly 1 at 0.

    As `allometry.kernels.forms.exp_`, one power shorter; kernel files are self-contained.
    """
    shifted = np.float64(x * LOG2E + MAGIC)
    k = shifted - MAGIC
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    s = r * r
    low = (0.5000000000000011 + 0.1666666666666641 * r) + s * (
        0.04166666666652919 + 0.00833333333349562 * r
    )
    middle = (0.0013888888943922764 + 0.00019841269504772347 * r) + s * (
        2.480149276266806e-05 + 2.7557587336254526e-06 * r
    )
    high = 2.7630378665185557e-07 + 2.499996713809708e-08 * r
    q = low + (s * s) * (middle + (s * s) * high)
    p = np.float64(1.0 + (r + s * q))
    return np.int64(p.view(np.int64) + (shifted.view(np.int64) << np.int64(52))).view(np.float64)


@inline
def _log_32(u: Any) -> Any:
    """Natural logarithm in single precision, for u in (0, 1]."""
    bits = np.float32(u).view(np.int32)
    k = np.int32((bits - SQRT_HALF_BITS_32) >> TWENTY_THREE)
    f = np.float32(np.int32(bits - np.int32(k << TWENTY_THREE)).view(np.float32) - np.float32(1.0))
    z = np.float32(f * f)
    p = np.float32(0.070376836)
    p = np.float32(p * f + np.float32(-0.11514610))
    p = np.float32(p * f + np.float32(0.11676998))
    p = np.float32(p * f + np.float32(-0.12420141))
    p = np.float32(p * f + np.float32(0.14249323))
    p = np.float32(p * f + np.float32(-0.16668057))
    p = np.float32(p * f + np.float32(0.20000714))
    p = np.float32(p * f + np.float32(-0.24999994))
    p = np.float32(p * f + np.float32(0.33333331))
    y = np.float32(p * f * z - np.float32(0.5) * z)
    return np.float32(np.float32(k) * LN2_32 + (f + y))


@inline
def _fraction(word: Any) -> Any:
    """A 32-bit word as a single-precision number in [0, 1)."""
    bits = np.uint32((word >> NINE) | UNIT_BITS)
    return np.float32(bits.view(np.float32) - np.float32(1.0))


@inline
def _normals(z: Singles, seed: Any, stream: Any, unit: Any, block: int, words: Words) -> None:
    """Fill z with the 256 standard normals of one block of draws."""
    low, high = np.uint32(unit), np.uint32(unit >> SHIFT)
    seed_low, seed_high = np.uint32(seed), np.uint32(seed >> SHIFT)
    purpose = np.uint32(stream)
    for q in range(QUARTER):
        c0 = np.uint32(block * QUARTER + q)
        c1 = purpose
        c2, c3 = low, high
        k0, k1 = seed_low, seed_high
        for _ in range(10):
            p0 = np.uint64(MULTIPLIER_0 * np.uint64(c0))
            p1 = np.uint64(MULTIPLIER_1 * np.uint64(c2))
            c0 = np.uint32(p1 >> SHIFT) ^ c1 ^ k0
            c1 = np.uint32(p1 & MASK)
            c2 = np.uint32(p0 >> SHIFT) ^ c3 ^ k1
            c3 = np.uint32(p0 & MASK)
            k0 = np.uint32(k0 + WEYL_0)
            k1 = np.uint32(k1 + WEYL_1)
        words[q] = c0
        words[QUARTER + q] = c1
        words[2 * QUARTER + q] = c2
        words[3 * QUARTER + q] = c3
    for q in range(2 * QUARTER):
        radius = np.float32(
            np.sqrt(np.float32(-2.0) * _log_32(np.float32(1.0) - _fraction(words[q])))
        )
        other = words[2 * QUARTER + q]
        angle = np.float32((_fraction(other) - np.float32(0.5)) * HALF_PI_32)
        s = np.float32(angle * angle)
        sine = np.float32(-0.00019515296)
        sine = np.float32(sine * s + np.float32(0.008332161))
        sine = np.float32(sine * s + np.float32(-0.16666655))
        sine = np.float32(sine * s * angle + angle)
        cosine = np.float32(2.4433157e-05)
        cosine = np.float32(cosine * s + np.float32(-0.0013887316))
        cosine = np.float32(cosine * s + np.float32(0.041666646))
        cosine = np.float32(cosine * s * s + (np.float32(1.0) - np.float32(0.5) * s))
        # two of the nine bits that the fraction leaves over choose the quadrant
        turned = (other & ONE) == ONE
        sign = np.uint32((other << THIRTY) & SIGN_BIT)
        across = np.uint32(cosine.view(np.uint32) ^ sign).view(np.float32)
        z[q] = np.float32(radius * (sine if turned else across))
        z[2 * QUARTER + q] = np.float32(radius * (across if turned else sine))


@light_kernel
def unit_normals(out: Floats, seed: np.uint64, streams: Keys, units: Keys) -> None:
    """Standard normals of units that trees share: ``out[u]`` holds the draws of unit u."""
    count = out.shape[1]
    for u in prange(out.shape[0]):
        z = np.empty(BLOCK, np.float32)
        words = np.empty(BLOCK, np.uint32)
        for block in range((count + BLOCK - 1) // BLOCK):
            _normals(z, seed, streams[u], units[u], block, words)
            first = block * BLOCK
            for j in range(min(BLOCK, count - first)):
                out[u, first + j] = np.float64(z[j])


@kernel
def exact_draws(
    offsets: Ints,
    cell: Ints,
    x: Floats,
    sigma: Floats,
    tree: Keys,
    mass: Floats,
    plot: Keys,
    plot_loads: Floats,
    plot_streams: Keys,
    d0: Floats,
    d1: Floats,
    root_factor: Floats,
    carbon_factor: Floats,
    seed: np.uint64,
    tree_stream: np.uint64,
    out: Floats,
) -> None:
    """Draws of plot totals, tree by tree.

    ``mass[i]`` holds above-ground, below-ground, carbon and herb mass of row i and the share of
    roots in its carbon; ``plot_loads[c, f]`` intercept and slope of plot error f in cell c, as two
    columns; ``out[p, quantity, draw]`` takes the four sums. Rows with sigma 0 draw no normal.
    """
    count, errors = out.shape[2], plot_streams.shape[0]
    for p in prange(offsets.shape[0] - 1):
        z = np.empty(BLOCK, np.float32)
        words = np.empty(BLOCK, np.uint32)
        eta = np.empty(BLOCK)
        shared = np.empty((max(errors, 1), BLOCK))
        sums = np.empty((4, BLOCK))
        for block in range((count + BLOCK - 1) // BLOCK):
            first = block * BLOCK
            width = min(BLOCK, count - first)
            sums[:] = 0.0
            for f in range(errors):
                _normals(z, seed, plot_streams[f], plot[p], block, words)
                for j in range(BLOCK):
                    shared[f, j] = np.float64(z[j])
            for i in range(offsets[p], offsets[p + 1]):
                c = cell[i]
                if c < 0:
                    continue
                size = x[i]
                for j in range(width):
                    eta[j] = d0[c, first + j] + d1[c, first + j] * size
                if sigma[i] > 0.0:
                    _normals(z, seed, tree_stream, tree[i], block, words)
                    spread = sigma[i]
                    for j in range(width):
                        eta[j] += spread * np.float64(z[j])
                for f in range(errors):
                    load = plot_loads[c, 2 * f] + plot_loads[c, 2 * f + 1] * size
                    if load != 0.0:
                        for j in range(width):
                            eta[j] += load * shared[f, j]
                for j in range(width):
                    eta[j] = exp_fast(eta[j])
                agb = mass[i, 0]
                if mass[i, 3] > 0.0:
                    herb = mass[i, 3]
                    for j in range(width):
                        sums[3, j] += herb * eta[j]
                elif mass[i, 2] == 0.0 or out.shape[1] == 1:
                    for j in range(width):
                        sums[0, j] += agb * eta[j]
                else:
                    bgb, carbon, part = mass[i, 1], mass[i, 2], mass[i, 4]
                    for j in range(width):
                        value = eta[j]
                        roots = root_factor[c, first + j]
                        sums[0, j] += agb * value
                        sums[1, j] += bgb * (value * roots)
                        sums[2, j] += carbon * (
                            (value * carbon_factor[c, first + j]) * (1.0 + part * (roots - 1.0))
                        )
            for k in range(out.shape[1]):
                for j in range(width):
                    out[p, k, first + j] = sums[k, j]


@light_kernel
def compressed_draws(  # noqa: PLR0915  (one fused loop)
    offsets: Ints,
    pair: Ints,
    owner: Ints,
    agb: Floats,
    bgb: Floats,
    noise_class: Ints,
    noise: Floats,
    class_streams: Keys,
    plot: Keys,
    plot_loads: Floats,
    plot_streams: Keys,
    centre: Floats,
    d1: Floats,
    root_factor: Floats,
    carbon_factor: Floats,
    carbon: Floats,
    herb: NDArray[np.bool_],
    short: NDArray[np.bool_],
    seed: np.uint64,
    out: Floats,
) -> None:
    """Draws of plot totals from five moments per group (the trees of one cell in one plot).

    ``agb[g, k]`` and ``bgb[g, k]`` hold the sum of mass times (x - reference)^k / k!. ``pair[g]``
    is the group's cell and bin, ``centre`` exp(d0 + d1 reference) by pair and draw, ``owner`` the
    cell of a pair; ``d1``, factors, ``carbon``, ``herb`` and ``short`` (three moments do) are by
    cell,
    ``plot_loads[g, f]`` the load of plot error f and ``noise[p, class]`` shift, scale and spread of
    the factor that stands for the trees' own errors.
    """
    count, errors, classes = out.shape[2], plot_streams.shape[0], class_streams.shape[0]
    pools = bgb.shape[0] > 0
    for p in prange(offsets.shape[0] - 1):
        z = np.empty(BLOCK, np.float32)
        words = np.empty(BLOCK, np.uint32)
        factor = np.empty(BLOCK)
        shared = np.empty((max(errors, 1), BLOCK))
        part = np.empty((4, BLOCK))
        for block in range((count + BLOCK - 1) // BLOCK):
            first = block * BLOCK
            width = min(BLOCK, count - first)
            for f in range(errors):
                _normals(z, seed, plot_streams[f], plot[p], block, words)
                for j in range(BLOCK):
                    shared[f, j] = np.float64(z[j])
            for k in range(out.shape[1]):
                for j in range(width):
                    out[p, k, first + j] = 0.0
            for chosen in range(classes):
                if noise[p, chosen, 1] < 0.0:
                    continue
                part[:] = 0.0
                for g in range(offsets[p], offsets[p + 1]):
                    if noise_class[g] != chosen:
                        continue
                    c = owner[pair[g]]
                    m0, m1, m2, m3, m4 = agb[g, 0], agb[g, 1], agb[g, 2], agb[g, 3], agb[g, 4]
                    moved = False
                    for f in range(errors):
                        moved = moved or plot_loads[g, f] != 0.0
                    level = centre[pair[g], first : first + width]
                    if moved:
                        factor[:] = 0.0
                        for f in range(errors):
                            load = plot_loads[g, f]
                            for j in range(width):
                                factor[j] += load * shared[f, j]
                        for j in range(width):
                            factor[j] = exp_fast(factor[j]) * level[j]
                        level = factor[:width]
                    slope = d1[c, first : first + width]
                    if pools and not herb[c]:
                        b0, b1, b2, b3, b4 = bgb[g, 0], bgb[g, 1], bgb[g, 2], bgb[g, 3], bgb[g, 4]
                        fraction = carbon[c]
                        for j in range(width):
                            d = slope[j]
                            above = level[j] * (m0 + d * (m1 + d * (m2 + d * (m3 + d * m4))))
                            below = level[j] * (b0 + d * (b1 + d * (b2 + d * (b3 + d * b4))))
                            below *= root_factor[c, first + j]
                            part[0, j] += above
                            part[1, j] += below
                            part[2, j] += fraction * carbon_factor[c, first + j] * (above + below)
                    else:
                        sums = part[3 if herb[c] else 0]
                        if short[c]:
                            for j in range(width):
                                d = slope[j]
                                sums[j] += level[j] * (m0 + d * (m1 + d * m2))
                            continue
                        for j in range(width):
                            d = slope[j]
                            sums[j] += level[j] * (m0 + d * (m1 + d * (m2 + d * (m3 + d * m4))))
                shift, scale, spread = noise[p, chosen, 0], noise[p, chosen, 1], noise[p, chosen, 2]
                if spread > 0.0:
                    _normals(z, seed, class_streams[chosen], plot[p], block, words)
                    for j in range(width):
                        factor[j] = shift + scale * exp_fast(spread * np.float64(z[j]))
                else:
                    factor[:] = 1.0
                for k in range(out.shape[1]):
                    for j in range(width):
                        out[p, k, first + j] += part[k, j] * factor[j]


@kernel
def group_covariance(
    offsets: Ints,
    mass: Floats,
    loads: Floats,
    code: Ints,
    term: Ints,
    own: Floats,
    cube: Floats,
    twin: Ints,
    twin_own: Floats,
    out: Floats,
) -> None:
    """Variance and third moment of sums of lognormal groups, by term.

    Group g is ``mass[g]`` times a mean-one lognormal; its logarithm has the loads of each factor,
    which two groups share when their codes agree (-1: no load). ``own`` and ``cube`` are the second
    and third moments of the trees' own errors, ``twin`` the group of the same trees' roots (-1:
    none). ``out[s]`` takes variance and third central moment from shared errors, variance and third
    moment from the trees' own, then the first-order part of each term in the variance.
    """
    factors = loads.shape[1]
    for s in prange(offsets.shape[0] - 1):
        first, last = offsets[s], offsets[s + 1]
        out[s, :] = 0.0
        total = 0.0
        groups = last - first
        pull = np.zeros(groups)
        few = groups <= MOST_TRIPLES
        grown_of = np.zeros((groups if few else 1, groups if few else 1))
        for g in range(first, last):
            total += mass[g]
            for h in range(g, last):
                covariance = 0.0
                weight = mass[g] * mass[h] * (1.0 if g == h else 2.0)
                for f in range(factors):
                    if code[g, f] >= 0 and code[g, f] == code[h, f]:
                        joint = loads[g, f] * loads[h, f]
                        covariance += joint
                        out[s, 4 + term[f]] += weight * joint
                grown = np.expm1(covariance)
                out[s, 0] += weight * grown
                pull[g - first] += grown * mass[h]
                if few:
                    grown_of[g - first, h - first] = grown
                    grown_of[h - first, g - first] = grown
                if h != g:
                    pull[h - first] += grown * mass[g]
                if h == g:
                    out[s, 2] += own[g] * (1.0 + grown)
                elif h == twin[g]:
                    out[s, 2] += 2.0 * twin_own[g] * (1.0 + grown)
        triple = 0.0
        if few:
            for g in range(groups):
                for h in range(groups):
                    joint = 0.0
                    for k in range(groups):
                        joint += mass[first + k] * grown_of[g, k] * grown_of[h, k]
                    triple += mass[first + g] * mass[first + h] * grown_of[g, h] * joint
        for g in range(first, last):
            u = pull[g - first]
            out[s, 1] += 3.0 * mass[g] * u * u
            out[s, 3] += cube[g]
        if not few and total > 0.0:
            triple = out[s, 1] * out[s, 0] / (3.0 * total * total)
        out[s, 1] += triple
