"""Regressions behind own equations: least squares, a random term of sites (REML), weighted curves.

Numbers only: matrices in, estimates out. Names, units and files are the business of `fitting`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RATIOS = (-12.0, 12.0)  # ln of the variance between groups over that within, searched
POWERS = (0.0, 4.0)  # exponent of D in the sd of a tree, searched
GRID = 13
STEPS = 200
DIGITS = 1e-12


@dataclass(frozen=True, eq=False)
class Estimate:
    """Result of a regression.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
    sigma : float
        Residual standard deviation; of a tree of weight one where trees are weighted.
    group_sd : float
        Standard deviation between groups; 0 without a random term.
    fitted, residual, leverage : ndarray, shape (n,)
        Residuals about the fixed part.
    log_likelihood : float
        Largest value, on the scale of the response.
    parameters : int
        Coefficients and variances, for AIC and BIC.
    power : float
        Exponent of the weights' variable in the sd of a tree; 0 for equal weights.
    """

    coefficients: Floats
    covariance: Floats
    sigma: float
    group_sd: float
    fitted: Floats
    residual: Floats
    leverage: Floats
    log_likelihood: float
    parameters: int
    power: float = 0.0


def least_squares(design: Floats, response: Floats) -> Estimate:
    """Ordinary least squares by QR.

    Parameters
    ----------
    design : ndarray, shape (n, p)
    response : ndarray, shape (n,)

    Returns
    -------
    Estimate

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]])
    >>> least_squares(x, np.array([1.0, 3.0, 5.0, 7.0])).coefficients.round(9)
    array([1., 2.])
    """
    n, p = design.shape
    q, r = np.linalg.qr(design)
    beta = np.linalg.solve(r, q.T @ response)
    fitted = design @ beta
    residual = response - fitted
    rss = float(residual @ residual)
    inverse = np.linalg.inv(r)
    return Estimate(
        coefficients=beta,
        covariance=rss / (n - p) * inverse @ inverse.T,
        sigma=math.sqrt(rss / (n - p)),
        group_sd=0.0,
        fitted=fitted,
        residual=residual,
        leverage=np.sum(q**2, axis=1),
        log_likelihood=_gauss(n, rss),
        parameters=p + 1,
    )


def _gauss(n: int, rss: float) -> float:
    return -0.5 * n * (math.log(2.0 * math.pi * max(rss, 1e-300) / n) + 1.0)


def _whitened(values: Floats, group: Ints, ratio: float) -> Floats:
    """Rows times the inverse root of I + ratio J within each group."""
    size = np.bincount(group).astype(np.float64)
    shrink = 1.0 - 1.0 / np.sqrt(1.0 + ratio * size)
    columns = values.reshape(len(values), -1)
    means = np.column_stack([np.bincount(group, column) / size for column in columns.T]) if (
        columns.shape[1]
    ) else np.zeros((len(size), 0))  # fmt: skip
    result: Floats = columns - (shrink[:, None] * means)[group]
    return result.reshape(values.shape)


@dataclass(frozen=True)
class _Profile:
    """Likelihood of a random intercept with all but the variance ratio maximised."""

    design: Floats
    response: Floats
    group: Ints

    def solve(self, ratio: float) -> tuple[Floats, Floats, float]:
        """Coefficients, triangle of the whitened design, weighted residual sum of squares."""
        y = _whitened(self.response, self.group, ratio)
        if not self.design.shape[1]:
            return np.zeros(0), np.zeros((0, 0)), float(y @ y)
        q, r = np.linalg.qr(_whitened(self.design, self.group, ratio))
        beta = np.linalg.solve(r, q.T @ y)
        rest = y - q @ (q.T @ y)
        return beta, r, float(rest @ rest)

    def criterion(self, ratio: float, *, restricted: bool) -> float:
        """Minus twice the (restricted) log likelihood, up to a constant."""
        n, p = map(int, self.design.shape)
        _, r, rss = self.solve(ratio)
        size = np.bincount(self.group).astype(np.float64)
        value = float(np.sum(np.log1p(ratio * size)))
        if restricted:
            determinant = 2.0 * float(np.sum(np.log(np.abs(np.diag(r)))))
            return value + determinant + (n - p) * math.log(max(rss, 1e-300) / (n - p))
        return value + n * math.log(max(rss, 1e-300) / n)

    def best(self, *, restricted: bool) -> float:
        """Variance ratio at the largest likelihood; 0 where groups do not differ."""

        def at(ln_ratio: float) -> float:
            return self.criterion(math.exp(ln_ratio), restricted=restricted)

        ln_ratio, value = _smallest(at, *RATIOS)
        return math.exp(ln_ratio) if value < self.criterion(0.0, restricted=restricted) else 0.0


def _smallest(function: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Where a function of one variable is smallest: a grid, then Brent's method."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  (slow import)

    grid = np.linspace(low, high, GRID)
    k = int(np.argmin([function(float(x)) for x in grid]))
    bounds = (grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)])
    found = minimize_scalar(function, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(found.x), float(found.fun)


def random_intercept(
    design: Floats,
    response: Floats,
    group: Ints,
    *,
    ratio: float | None = None,
    likelihood: bool = True,
) -> Estimate:
    """Linear model with a random intercept of groups: y = Xb + u[group] + e, by REML.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        p may be 0: then only the variances are estimated, by maximum likelihood.
    response : ndarray, shape (n,)
    group : ndarray of int64, shape (n,)
        0 ... number of groups less one.
    ratio : float, optional
        Variance between groups over that within, when it is not to be estimated.
    likelihood : bool
        Find the largest likelihood too, which takes another search.

    Returns
    -------
    Estimate
        Covariance of the coefficients for the variances found; the log likelihood is that of
        maximum likelihood, so that models of different coefficients can be compared.
    """
    n, p = design.shape
    profile = _Profile(design, response, group)
    found = profile.best(restricted=p > 0) if ratio is None else ratio
    beta, r, rss = profile.solve(found)
    sigma2 = rss / (n - p)
    inverse = np.linalg.inv(r)
    fitted = design @ beta
    loose = profile.best(restricted=False) if ratio is None and likelihood else found
    most = -0.5 * (profile.criterion(loose, restricted=False) + n * (math.log(2.0 * math.pi) + 1.0))
    q = _whitened(design, group, found) @ inverse
    return Estimate(
        coefficients=beta,
        covariance=sigma2 * inverse @ inverse.T,
        sigma=math.sqrt(sigma2),
        group_sd=math.sqrt(sigma2 * found),
        fitted=fitted,
        residual=response - fitted,
        leverage=np.sum(q**2, axis=1),
        log_likelihood=most,
        parameters=p + 2,
    )


def power_curve(
    design: Floats,
    mass: Floats,
    spread: Floats,
    power: float | None = None,
    start: Floats | None = None,
) -> Estimate:
    """Weighted non-linear least squares of mass = exp(Xb) with the sd of a tree sigma spread^power.

    Parameters
    ----------
    design : ndarray, shape (n, p)
    mass : ndarray, shape (n,)
        [kg]
    spread : ndarray, shape (n,)
        Variable of the weights, the diameter [cm].
    power : float, optional
        Weights are spread^(-2 power); estimated by maximum likelihood by default.
    start : ndarray, optional
        Coefficients to begin with; those of the log-linear fit by default.

    Returns
    -------
    Estimate
        ``fitted`` [kg] and ``residual`` [kg]; ``sigma`` [kg] at a spread of one.
    """
    ln_spread = np.log(spread)
    last = least_squares(design, np.log(mass)).coefficients if start is None else start

    def solved(exponent: float) -> tuple[Floats, float]:
        nonlocal last
        last, least = _gauss_newton(design, mass, np.exp(-exponent * ln_spread), last)
        return last, least

    def minus(exponent: float) -> float:
        return -_gauss(len(mass), solved(exponent)[1]) + exponent * float(np.sum(ln_spread))

    chosen = _smallest(minus, *POWERS)[0] if power is None else power
    beta, rss = solved(chosen)
    beta, rss = _gauss_newton(design, mass, np.exp(-chosen * ln_spread), beta)
    n, p = design.shape
    fitted = np.exp(design @ beta)
    root = np.exp(-chosen * ln_spread)
    q, r = np.linalg.qr(design * (fitted * root)[:, None])
    inverse = np.linalg.inv(r)
    return Estimate(
        coefficients=beta,
        covariance=rss / (n - p) * inverse @ inverse.T,
        sigma=math.sqrt(rss / (n - p)),
        group_sd=0.0,
        fitted=fitted,
        residual=mass - fitted,
        leverage=np.sum(q**2, axis=1),
        log_likelihood=_gauss(n, rss) - chosen * float(np.sum(ln_spread)),
        parameters=p + 1 + (power is None),
        power=chosen,
    )


def _gauss_newton(
    design: Floats, mass: Floats, root: Floats, start: Floats
) -> tuple[Floats, float]:
    """Damped Gauss-Newton steps; coefficients and weighted residual sum of squares."""

    def misfit(at: Floats) -> tuple[float, Floats, Floats]:
        with np.errstate(over="ignore", invalid="ignore"):
            fitted = np.exp(design @ at)
            residual = root * (mass - fitted)
            cost = float(residual @ residual)
        return (cost if math.isfinite(cost) else math.inf), residual, fitted

    beta = start
    cost, residual, fitted = misfit(beta)
    for _ in range(STEPS):
        jacobian = design * (root * fitted)[:, None]
        step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
        scale = 1.0
        trial = misfit(beta + step)
        while trial[0] > cost and scale > 1e-9:
            scale *= 0.5
            trial = misfit(beta + scale * step)
        if trial[0] > cost:
            break
        beta = beta + scale * step
        cost, residual, fitted = trial
        if np.all(np.abs(scale * step) <= DIGITS * (1.0 + np.abs(beta))):
            break
    return beta, cost
