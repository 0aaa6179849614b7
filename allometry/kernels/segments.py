"""Sums over plots: trees sorted by plot, plots given as offsets into them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import light_kernel, prange


@light_kernel
def segment_sums(
    values: NDArray[np.float64], offsets: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """Sum of each segment, in the order of its trees; NaN counts as nothing.

    Each segment is added up by itself from left to right, so that a plot's sum has the same bits
    whatever else is in the batch.
    """
    for p in prange(offsets.shape[0] - 1):
        total = 0.0
        for i in range(offsets[p], offsets[p + 1]):
            if values[i] == values[i]:
                total += values[i]
        out[p] = total
