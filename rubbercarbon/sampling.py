"""Sampling: what plots say of the land they stand for, and how many plots are needed.

Simple and stratified estimators of a total from random or systematic plots, with Student's t of
n - M degrees of freedom (n plots in M strata), plots needed for a precision, and the hybrid of
sampling and model errors. Purposive plots get no sampling claim at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rubbercarbon.errors import SettingsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RANDOM = ("random", "systematic", "สุ่ม", "เป็นระบบ", "stratified random")


@dataclass(frozen=True)
class SampledTotal:
    """A total over strata from their plots.

    Attributes
    ----------
    total : float
        Sum over strata of land times the mean of the plots.
    variance : float
        Of the total, from the choice of plots alone.
    degrees : int
        n - M; 0 where the variance is not known.
    n_plots, n_strata : int
    spread : ndarray, shape (M,)
        Standard deviation between plots of each stratum; NaN for one plot.
    collapsed : int
        Strata with one plot that were joined with another for the variance.
    """

    total: float
    variance: float
    degrees: int
    n_plots: int
    n_strata: int
    spread: Floats
    collapsed: int


def student_t(level: float, degrees: float) -> float:
    """Half-width factor of a central interval; the normal's for infinite degrees of freedom.

    Examples
    --------
    >>> round(student_t(0.90, 10), 4)
    1.8125
    """
    from scipy.special import stdtrit  # noqa: PLC0415  (slow import)

    return float(stdtrit(degrees, 0.5 + 0.5 * level))


def stratified_total(
    values: ArrayLike,
    stratum: ArrayLike,
    land_ha: ArrayLike,
    plot_area_ha: ArrayLike | None = None,
) -> SampledTotal:
    """Total over strata with its sampling variance.

    Parameters
    ----------
    values : array_like, shape (n,)
        Figure per hectare of each plot.
    stratum : array_like of int, shape (n,)
        Stratum of each plot, 0 ... M-1.
    land_ha : array_like, shape (M,)
        Land of each stratum [ha].
    plot_area_ha : array_like, shape (n,), optional
        Areas of the plots [ha], for the finite-population correction; none without.

    Returns
    -------
    SampledTotal

    Raises
    ------
    SettingsError
        For a stratum without plots.

    Notes
    -----
    V = sum of A_h² (1 - f_h) s_h² / n_h. Strata with one plot are joined, two and more together
    (one alone with the stratum of nearest mean); their variance is that of the joined plots
    about their mean, which is too large rather than too small (collapsed strata).

    References
    ----------
    Cochran W.G. 1977. Sampling Techniques, 3rd edition, chapters 5 and 5A.12.

    Examples
    --------
    >>> sampled = stratified_total([10.0, 14.0, 30.0, 34.0], [0, 0, 1, 1], [100.0, 50.0])
    >>> sampled.total, round(sampled.variance ** 0.5, 3), sampled.degrees
    (2800.0, 223.607, 2)
    """
    y, h = np.asarray(values, dtype=np.float64), np.asarray(stratum, dtype=np.int64)
    land = np.asarray(land_ha, dtype=np.float64)
    count = np.bincount(h, minlength=len(land))
    if np.any(count == 0):
        raise SettingsError(
            f"stratum {int(np.argmin(count))} has no plot; measure one, or leave the stratum's "
            "land out."
        )
    mean = np.bincount(h, y, minlength=len(land)) / count
    joined, n_joined = _collapsed(count, mean)
    variance, degrees = 0.0, 0
    area = None if plot_area_ha is None else np.asarray(plot_area_ha, dtype=np.float64)
    for group in np.unique(joined):
        mine = joined[h] == group
        n, strata = int(mine.sum()), np.flatnonzero(joined == group)
        if n < 2:
            return SampledTotal(
                float(land @ mean), math.nan, 0, len(y), len(land), _spread(y, h, len(land)), 0
            )
        share = 0.0 if area is None else min(float(area[mine].sum() / land[strata].sum()), 1.0)
        variance += float(land[strata].sum() ** 2 * (1.0 - share) * y[mine].var(ddof=1) / n)
        degrees += n - 1
    return SampledTotal(
        total=float(land @ mean),
        variance=variance,
        degrees=degrees,
        n_plots=len(y),
        n_strata=len(land),
        spread=_spread(y, h, len(land)),
        collapsed=n_joined,
    )


def _collapsed(count: Ints, mean: Floats) -> tuple[Ints, int]:
    """Which strata are joined for the variance, and how many had a single plot."""
    joined = np.arange(len(count))
    single = np.flatnonzero(count == 1)
    if len(single) > 1:
        joined[single] = single[0]
    elif len(single) == 1 and len(count) > 1:
        away = np.abs(mean - mean[single[0]])
        away[single[0]] = np.inf
        joined[single[0]] = int(np.argmin(away))
    return joined, len(single)


def _spread(y: Floats, h: Ints, n_strata: int) -> Floats:
    return np.array(
        [y[h == k].std(ddof=1) if (h == k).sum() > 1 else math.nan for k in range(n_strata)]
    )


def plots_needed(
    spread: ArrayLike,
    land_ha: ArrayLike,
    mean: float,
    *,
    precision: float = 0.10,
    level: float = 0.90,
    plot_area_ha: float | None = None,
) -> Ints:
    """Plots per stratum for a relative precision, allocated optimally.

    Parameters
    ----------
    spread : array_like, shape (M,)
        Standard deviation between plots of each stratum, in the unit of ``mean``.
    land_ha : array_like, shape (M,)
        Land of each stratum [ha].
    mean : float
        Expected figure per hectare.
    precision : float
        Half-width of the interval over the mean [1].
    level : float
        Of the interval [1].
    plot_area_ha : float, optional
        Area of one plot [ha], for the finite-population correction.

    Returns
    -------
    ndarray of int64, shape (M,)
        At least two plots in each stratum.

    Raises
    ------
    SettingsError
        For figures that are not positive.

    Notes
    -----
    n = N t² (Σ w s)² / (N E² + t² Σ w s²) and n_h = n w_h s_h / Σ w s, with t of n - M degrees of
    freedom found by repetition (N = land over plot area; infinite without a plot area).

    References
    ----------
    CDM A/R Methodological Tool 03, Calculation of the number of sample plots for measurements.

    Examples
    --------
    >>> plots_needed([20.0, 10.0], [60.0, 40.0], 80.0)
    array([10,  4])
    """
    s, land = np.asarray(spread, dtype=np.float64), np.asarray(land_ha, dtype=np.float64)
    usable = np.all(s >= 0) and np.all(land > 0) and mean > 0 and precision > 0
    if not usable or not 0 < level < 1:
        raise SettingsError(
            "plots_needed: spread at least 0, land, mean and precision above 0 and a level between "
            f"0 and 1 are needed; found spread {s.tolist()}, land {land.tolist()}, mean {mean:g}, "
            f"precision {precision:g}, level {level:g}."
        )
    w = land / land.sum()
    error = precision * mean
    least = 2 * len(s)
    plots = math.inf if plot_area_ha is None else float(land.sum()) / plot_area_ha

    def required(degrees: float) -> float:
        square = (student_t(level, degrees) / error) ** 2
        return square * float(w @ s) ** 2 / (1.0 + square * float(w @ s**2) / plots)

    needed = max(least, math.ceil(required(1e9)))
    while required(needed - len(s)) > needed:
        needed += 1
    share = w * s / float(w @ s) if np.any(s > 0) else w
    allocated: Ints = np.maximum(np.ceil(needed * share - 1e-9), 2).astype(np.int64)
    return allocated


@dataclass(frozen=True)
class Precision:
    """Half-widths of a total over the total, without and with the errors of the models."""

    u_sampling: float
    u_full: float
    degrees: int
    degrees_full: float


def hybrid(sampled: SampledTotal, model_variance: float, level: float) -> Precision:
    """Sampling and model errors together.

    Parameters
    ----------
    sampled : SampledTotal
    model_variance : float
        Of the total, from errors that plots share and those that predictions smooth out; readings
        and areas are inside the spread between plots and must not be in it.
    level : float

    Returns
    -------
    Precision

    Notes
    -----
    Degrees of freedom by Satterthwaite, the model's taken as known.
    """
    if not sampled.degrees or not sampled.total > 0:
        return Precision(math.nan, math.nan, sampled.degrees, math.nan)
    both = sampled.variance + model_variance
    degrees = math.inf if not sampled.variance else sampled.degrees * (both / sampled.variance) ** 2
    few = student_t(level, sampled.degrees) * math.sqrt(sampled.variance)
    many = student_t(level, min(degrees, 1e9)) * math.sqrt(both)
    whole = max(few, many)  # more degrees of freedom must not make the whole less than its part
    return Precision(few / sampled.total, whole / sampled.total, sampled.degrees, degrees)
