"""Felled trees with known parameters."""

from __future__ import annotations

import numpy as np


def harvest(seed, *, sites=1, each=40, a=-2.5, b=0.95, sigma=0.3, tau=0.0):
    """Arrays of trees with ln M = a + b ln(rho D2 H) + u[site] + e."""
    rng = np.random.default_rng(seed)
    n = sites * each
    d = np.exp(rng.uniform(np.log(5.0), np.log(50.0), n))
    h = np.exp(0.96 + 0.52 * np.log(d) + rng.normal(0.0, 0.15, n))
    rho = rng.uniform(0.4, 0.8, n)
    site = np.repeat(np.arange(sites), each)
    u = rng.normal(0.0, tau, sites)[site]
    mass = np.exp(a + b * np.log(rho * d**2 * h) + u + rng.normal(0.0, sigma, n))
    return {"dbh": d, "height": h, "wood_density": rho, "mass": mass, "site": site.astype(str)}
