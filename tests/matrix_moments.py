"""Moments of sums of lognormal groups with whole matrices: the twin of a kernel.

It stands in for the kernel where all is interpreted, because the kernel's loops over pairs and
triples of groups take most of the time there; `test_draws.py` holds the two together.
"""

from __future__ import annotations

import itertools

import numpy as np

ALL_TRIPLES = 64


def group_covariance(offsets, mass, loads, code, term, own, cube, twin, twin_own, out):
    """Take and fill the same arrays as `allometry.kernels.draws.group_covariance`."""
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
