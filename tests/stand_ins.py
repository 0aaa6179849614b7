"""Plain twins that stand in for parts of kernels where all is interpreted.

There, the kernels' loops over pairs and triples of groups and the bits of their logarithms take
most of the time; `test_draws.py` and `test_kernels.py` hold the twins and the kernels together.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

ALL_TRIPLES = 64


def exponential(x):
    """As `allometry.kernels.forms.exp_`."""
    return np.float64(math.exp(x) if abs(x) <= 700.0 else math.nan)


def logarithm(x):
    """As `allometry.kernels.forms.log_`."""
    return np.float64(math.log(x) if 1e-300 <= x <= 1e300 else math.nan)


def group_covariance(offsets, mass, loads, code, term, own, cube, twin, twin_own, out):
    """Moments of sums of lognormal groups; takes and fills the arrays of `draws.group_covariance`."""
    for s, (first, last) in enumerate(itertools.pairwise(offsets)):
        m, load, key = mass[first:last], loads[first:last], code[first:last]
        alike = (key[:, None] == key[None]) & (key[:, None] >= 0)
        joint = np.where(alike, load[:, None] * load[None], 0.0)
        grown = np.expm1(joint.sum(axis=2))
        both = m[:, None] * m
        pull = (grown * m).sum(axis=1)
        variance = (both * grown).sum()
        third = 3.0 * (m * pull**2).sum()
        if len(m) <= ALL_TRIPLES:
            paths = np.einsum("gk,hk,k->gh", grown, grown, m)
            third += (both * grown * paths).sum()
        elif m.sum() > 0.0:
            third += third * variance / (3.0 * m.sum() ** 2)
        lone = (own[first:last] * (1.0 + grown.diagonal())).sum()
        place = np.arange(last - first)
        other = twin[first:last] - first
        pairs = (other > place) & (other < last - first)
        between = grown[place[pairs], other[pairs]]
        lone += 2.0 * (twin_own[first:last][pairs] * (1.0 + between)).sum()
        out[s] = 0.0
        out[s, :4] = variance, third, lone, cube[first:last].sum()
        np.add.at(out[s, 4:], term, (both[:, :, None] * joint).sum(axis=(0, 1)))
