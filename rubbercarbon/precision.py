"""How crediting rules turn a half-width into a deduction: steps, free allowances, combinations.

Half-widths are those of a two-sided interval at the rule's level, relative to the absolute
estimate unless said otherwise. Only arithmetic: the figures of each rule are records of its
programme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rubbercarbon.sampling import student_t

Steps = Sequence[tuple[float, float]]
MANY = 1e9  # degrees of freedom of a spread that is known


def half_width(mean: float, sd: float, n: int, level: float = 0.90) -> float:
    """Relative half-width of a mean of ``n`` random plots, t s / (sqrt(n) mean) [1].

    Examples
    --------
    >>> round(100 * half_width(45.328, 12.776, 34), 2)
    8.18
    """
    return student_t(level, n - 1) * sd / (math.sqrt(n) * abs(mean))


def half_width_of(se: float, level: float = 0.90) -> float:
    """Half-width of the interval of a normal with standard error ``se``, in its unit.

    Examples
    --------
    >>> round(half_width_of(10.0), 3)
    16.449
    """
    return student_t(level, MANY) * se


def combined(estimates: Sequence[float], half_widths: Sequence[float]) -> float:
    """Relative half-width of a sum of independent estimates with relative half-widths [1].

    Examples
    --------
    >>> round(100 * combined([100.0, 50.0], [0.10, 0.20]), 4)
    9.4281
    """
    square = sum((x * u) ** 2 for x, u in zip(estimates, half_widths, strict=True))
    return math.sqrt(square) / abs(sum(estimates))


def step_share(u: float, steps: Steps) -> float:
    """Share of the half-width to be deducted for a relative half-width.

    Parameters
    ----------
    u : float
        Relative half-width [1].
    steps : sequence of (upper, share)
        Upper ends (included) in ascending order; beyond the last its share holds.
    """
    return next((share for upper, share in steps if u <= upper), steps[-1][1])


def step_deduction(half_width_t: float, estimate_t: float, steps: Steps) -> float:
    """Amount to deduct by a table of steps, in the unit of the estimate.

    Examples
    --------
    >>> table = [(0.10, 0.0), (0.15, 0.25), (0.20, 0.5), (0.30, 0.75), (math.inf, 1.0)]
    >>> 60.0 - step_deduction(9.0, 60.0, table), 60.0 + step_deduction(9.0, 60.0, table)
    (57.75, 62.25)
    """
    return step_share(relative(half_width_t, estimate_t), steps) * half_width_t


def excess_deduction(half_width_t: float, estimate_t: float, allowed: float) -> float:
    """Amount by which the half-width exceeds a free share of the estimate.

    Examples
    --------
    >>> round(100.0 - excess_deduction(23.0, 100.0, 0.20), 9)
    97.0
    """
    return max(0.0, half_width_t - allowed * abs(estimate_t))


def excess_share(
    first_se: float, second_se: float, change: float, *, t: float, allowed: float,
    correlation: float = 0.0,
) -> float:  # fmt: skip
    """Share of a change to be deducted, from the standard errors of its two stocks [1].

    min(1, max(0, t sqrt(SE0² + SE1² - 2 rho SE0 SE1) / change - allowed)).

    Examples
    --------
    >>> round(excess_share(10, 30, 300, t=1.6973, allowed=0.10), 4)
    0.0789
    >>> round(excess_share(10, 30, 300, t=1.6973, allowed=0.10, correlation=0.5), 4)
    0.0497
    """
    variance = first_se**2 + second_se**2 - 2.0 * correlation * first_se * second_se
    half = t * math.sqrt(max(variance, 0.0))
    return min(1.0, max(0.0, relative(half, change) - allowed))


def relative(half_width_t: float, estimate_t: float) -> float:
    """Half-width over the absolute estimate; infinite for an estimate of zero."""
    if estimate_t == 0.0:
        return math.inf if half_width_t > 0.0 else 0.0
    return half_width_t / abs(estimate_t)


@dataclass(frozen=True)
class NextStep:
    """The nearest smaller deduction.

    Attributes
    ----------
    upper : float
        Relative half-width at which it begins [1].
    distance : float
        By how much the half-width is too large for it [1].
    """

    upper: float
    distance: float


def next_step(u: float, steps: Steps) -> NextStep | None:
    """The step below the one in force; None in the lowest."""
    share = step_share(u, steps)
    lower = [upper for upper, part in steps if part < share]
    return NextStep(lower[-1], u - lower[-1]) if lower and math.isfinite(u) else None


def plots_for(u: float, target: float, n: int, degrees: int, level: float = 0.90) -> int:
    """Plots for a smaller half-width, the spread between plots staying as it is.

    Parameters
    ----------
    u, target : float
        Relative half-width now and wanted [1].
    n, degrees : int
        Plots and degrees of freedom now.
    level : float

    Returns
    -------
    int
        Plots in all; Student's t is that of the larger number.

    Examples
    --------
    >>> plots_for(0.20, 0.10, n=10, degrees=9)
    35
    """
    strata = n - degrees
    spread = u / student_t(level, degrees) * math.sqrt(n)
    needed = n
    while student_t(level, needed - strata) * spread / math.sqrt(needed) > target:
        needed += 1
    return needed
