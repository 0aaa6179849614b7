"""Shared errors by cell and draw, from normals by unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import inline, light_kernel, prange

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MASS, ROOTS, CARBON, PLOT = range(4)  # what a factor acts on; plots' own factors are left out
LOG2E = 1.4426950408889634
LN2_HIGH = 0.6931471803691238
LN2_LOW = 1.9082149292705877e-10
MAGIC = 6755399441055744.0


@inline
def _exp(x: float) -> float:
    """e^x as `allometry.kernels.draws.exp_fast`; kernel files are self-contained."""
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


@light_kernel
def cell_tables(
    intercept: Floats, slope: Floats, code: Ints, target: Ints, normals: Floats,
    d0: Floats, d1: Floats, roots: Floats, carbon: Floats, reach: Floats,
) -> None:  # fmt: skip
    """Shift and tilt of ln mass, and mean-one factors of roots and carbon, by cell and draw.

    Loads and units are of shape (n_cells, n_factors), ``code`` -1 for no load; ``reach`` takes the
    largest tilt of each cell.
    """
    for c in prange(intercept.shape[0]):
        for j in range(d0.shape[1]):
            d0[c, j], d1[c, j], roots[c, j], carbon[c, j] = 0.0, 0.0, 0.0, 0.0
        for f in range(target.shape[0]):
            unit = code[c, f]
            if unit < 0 or target[f] == PLOT:
                continue
            a, b = intercept[c, f], slope[c, f]
            z = normals[unit]
            if target[f] == MASS:
                for j in range(d0.shape[1]):
                    d0[c, j] += a * z[j]
                if b != 0.0:
                    for j in range(d0.shape[1]):
                        d1[c, j] += b * z[j]
            elif target[f] == ROOTS:
                for j in range(d0.shape[1]):
                    roots[c, j] += a * z[j] - 0.5 * a * a
            else:
                for j in range(d0.shape[1]):
                    carbon[c, j] += a * z[j] - 0.5 * a * a
        widest = 0.0
        for j in range(d0.shape[1]):
            widest = max(widest, abs(d1[c, j]))
            roots[c, j] = _exp(roots[c, j])
            carbon[c, j] = _exp(carbon[c, j])
        reach[c] = widest


@light_kernel
def bin_centres(d0: Floats, d1: Floats, cell: Ints, middle: Floats, out: Floats) -> None:
    """exp(d0 + d1 middle) of pairs of a cell and the middle of a bin of x."""
    for g in prange(cell.shape[0]):
        c, at = cell[g], middle[g]
        for j in range(out.shape[1]):
            out[g, j] = _exp(d0[c, j] + d1[c, j] * at)
