"""What to look at before a fitted equation is believed: collinearity, influence, residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allometry.fitting import FittedEquation
from allometry.harvest import design

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def inflation(fit: FittedEquation) -> dict[str, float]:
    """Variance inflation factor of each predictor: 1 alone, large where others imply it.

    Parameters
    ----------
    fit : FittedEquation

    Returns
    -------
    dict of float
        By predictor [1].
    """
    table = design(fit.harvest.inputs, fit.recipe.predictors)[:, 1:]
    if table.shape[1] == 1:
        return {fit.recipe.predictors[0]: 1.0}
    inverse = np.linalg.inv(np.corrcoef(table, rowvar=False))
    return dict(zip(fit.recipe.predictors, map(float, np.diag(inverse)), strict=True))


def _weighted_residual(fit: FittedEquation) -> Floats:
    """Residuals on the scale on which they have one variance."""
    residual = fit.estimate.residual
    if fit.recipe.form == "nonlinear":
        return residual * fit.harvest.inputs["dbh"] ** -fit.estimate.power
    if not fit.recipe.site_term:
        return residual
    ratio = (fit.estimate.group_sd / fit.estimate.sigma) ** 2
    size = np.bincount(fit.harvest.site).astype(np.float64)
    mean = np.bincount(fit.harvest.site, residual) / size
    result: Floats = residual - ((1.0 - 1.0 / np.sqrt(1.0 + ratio * size)) * mean)[fit.harvest.site]
    return result


def influence(fit: FittedEquation) -> pd.DataFrame:
    """How unusual each tree is, and how much it moves the fit.

    Parameters
    ----------
    fit : FittedEquation

    Returns
    -------
    pandas.DataFrame
        ``position`` in what was given; ``leverage``; ``studentised_residual`` (the tree itself
        left out of the variance); ``cooks_distance``; ``flag``: ``outlier`` where the studentised
        residual exceeds 3, ``influential`` where Cook's distance exceeds 4/n.

    Notes
    -----
    For the variances found: with places, of the fit made independent by them; in the non-linear
    form, of its linear approximation.
    """
    import pandas as pd  # noqa: PLC0415

    n, p = fit.n_trees, len(fit.estimate.coefficients)
    residual, leverage = _weighted_residual(fit), np.minimum(fit.estimate.leverage, 1.0 - 1e-12)
    sigma2 = fit.estimate.sigma**2
    internal = residual / np.sqrt(sigma2 * (1.0 - leverage))
    rest = np.maximum((n - p - internal**2) / (n - p - 1), 1e-12)
    studentised = internal / np.sqrt(rest)
    cook = internal**2 * leverage / (1.0 - leverage) / p
    flags = [
        " ".join(w for w, on in (("outlier", abs(t) > 3.0), ("influential", c > 4.0 / n)) if on)
        for t, c in zip(studentised, cook, strict=True)
    ]
    return pd.DataFrame(
        {
            "position": fit.harvest.kept,
            "leverage": leverage,
            "studentised_residual": studentised,
            "cooks_distance": cook,
            "flag": flags,
        }
    )
