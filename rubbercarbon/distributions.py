"""Distributions of sums: moments, the shifted lognormal, quantiles and shares of variance."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUANTITIES = ("agb", "bgb", "carbon", "herb")
OWN, AREA, INTERACTION = "trees", "area", "interaction"
QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
NOTHING = 1e-200  # variances below are rounding noise
MOST_SKEW = 100.0  # beyond it a variance is rounding noise


@dataclass(frozen=True)
class Spread:
    """Distribution of several sums, one row each.

    Attributes
    ----------
    mean, sd, low, high : ndarray, shape (n, 4)
        By quantity: above-ground, below-ground, carbon, herbs.
    quantiles : ndarray, shape (n, 4, 5)
        At 0.05, 0.25, 0.50, 0.75, 0.95.
    shares : dict
        Term → share of variance, shape (n, 4); empty for draws.
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats
    quantiles: Floats
    shares: dict[str, Floats] = field(default_factory=dict)


def shifted_lognormal(
    mean: Floats, variance: Floats, skewness: Floats
) -> tuple[Floats, Floats, Floats]:
    """Shift, scale and spread s of ``shift + scale exp(s z)`` with these moments.

    Skewness below 1e-6 is taken as that, so that the normal is its limit.
    """
    k = np.maximum(skewness, 1e-6)
    t = np.cbrt((np.sqrt(k * k + 4.0) + k) / 2.0)
    root = t - 1.0 / t
    spread = np.sqrt(np.log1p(root * root))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(variance) / (root * np.exp(0.5 * spread**2))
    shift = mean - scale * np.exp(0.5 * spread**2)
    return shift, scale, spread


def as_spread(moments: Floats, names: list[str], level: float, *, signed: bool) -> Spread:
    """Distribution from moments.

    Parameters
    ----------
    moments : ndarray, shape (n, 4, 5 + n_names)
        Mean, variance, third central moment, parts of the variance by name, of the trees' own
        errors and of plot areas.
    names : list of str
    level : float
    signed : bool
        Values may lie on both sides of zero.

    Returns
    -------
    Spread
    """
    mean, variance, third = moments[..., 0], np.maximum(moments[..., 1], 0.0), moments[..., 2]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        skewness = np.clip(np.nan_to_num(third / variance**1.5), -MOST_SKEW, MOST_SKEW)
        side = np.where(skewness < 0, -1.0, 1.0) if signed else np.ones_like(mean)
        shift, scale, spread = shifted_lognormal(side * mean, variance, side * skewness)

        def quantile(p: float) -> Floats:
            z = side * NormalDist().inv_cdf(p)
            value = side * (shift + scale * np.exp(spread * z))
            return np.where(variance > 0, value if signed else np.maximum(value, 0.0), mean)

        shares = {
            name: np.where(variance > NOTHING, moments[..., 3 + k] / variance, 0.0)
            for k, name in enumerate([*names, OWN, AREA])
        }
        low, high = quantile((1.0 - level) / 2.0), quantile((1.0 + level) / 2.0)
        quantiles = np.stack([quantile(p) for p in QUANTILES], axis=-1)
    rest = 1.0 - sum(shares.values())
    shares[INTERACTION] = np.where(variance > NOTHING, rest, 0.0)
    return Spread(
        mean=mean,
        sd=np.sqrt(variance),
        low=low,
        high=high,
        quantiles=quantiles,
        shares=shares,
    )
