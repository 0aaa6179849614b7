"""Component equations that add up: stem, branches, leaves fitted together, their sum the total."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.errors import AllometryError
from allometry.fitting import FittedEquation, Recipe
from allometry.harvest import check_enough, design, gather, needs

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FittedComponents:
    """Equations of components on one set of predictors, and their sum.

    Attributes
    ----------
    parts : dict of FittedEquation
        By component. All on the same trees.
    covariance : ndarray
        Joint, of all coefficients, component by component.
    residual_correlation : ndarray, shape (n_parts, n_parts)
        Of the residuals of the components on the same tree.
    total_sd : float
        Standard deviation of ln(weighed total / sum of the predictions) [1].

    Notes
    -----
    Seemingly unrelated regressions (Zellner 1962). With the same predictors and the same trees
    for every component their estimates are those of single least squares, and the covariance
    between components i and j is s_ij (X'X)⁻¹. The total is the sum of its parts by construction.
    """

    parts: dict[str, FittedEquation]
    covariance: Floats
    residual_correlation: Floats
    total_sd: float

    def predict(
        self, *, dbh: ArrayLike | None = None, height: ArrayLike | None = None,
        wood_density: ArrayLike | None = None,
    ) -> Floats:  # fmt: skip
        """Total mass, the sum of the components' predictions [kg]."""
        total: Floats = np.sum(
            [
                part.predict(dbh=dbh, height=height, wood_density=wood_density)
                for part in self.parts.values()
            ],
            axis=0,
        )
        return total


def fit_components(
    masses: Mapping[str, ArrayLike],
    *,
    dbh: ArrayLike | None = None,
    height: ArrayLike | None = None,
    wood_density: ArrayLike | None = None,
    site: Sequence[object] | None = None,
    predictors: Sequence[str] = ("D",),
    correction: str = "baskerville",
    minimum: int | None = None,
) -> FittedComponents:
    """Fit log-linear equations of components that add up to the total.

    Parameters
    ----------
    masses : mapping
        Dry mass of each component per tree [kg], by name (``stem``, ``branch``, ``leaf`` ...).
    dbh, height, wood_density : array_like, optional
        [cm], [m], [g/cm3]
    site : sequence, optional
        Place of each tree.
    predictors : sequence of str
        Common to all components.
    correction : str
        As in `fit_equation`.
    minimum : int, optional
        Fewest trees.

    Returns
    -------
    FittedComponents
        Only trees on which every component was weighed are used; the rest is in ``left_out`` of
        each part.

    Raises
    ------
    AllometryError

    Examples
    --------
    >>> d = [6, 8, 10, 12, 14, 16, 18, 20, 22, 25]
    >>> stem = [7, 14, 26, 40, 60, 80, 110, 140, 175, 240]
    >>> leaf = [1.0, 1.4, 2.2, 3.1, 4.2, 4.9, 6.6, 7.9, 9.0, 12.0]
    >>> both = fit_components({"stem": stem, "leaf": leaf}, dbh=d)
    >>> total = both.predict(dbh=20.0)
    >>> bool(np.allclose(total, sum(p.predict(dbh=20.0) for p in both.parts.values())))
    True
    """
    if len(masses) < 2:
        raise AllometryError("component equations need at least two components; one was given.")
    table = {name: np.asarray(values, dtype=np.float64) for name, values in masses.items()}
    clash = sorted({"dbh", "height", "wood_density"} & set(table))
    if clash:
        raise AllometryError(f"'{clash[0]}' is an input, not a component.")
    sizes: dict[str, ArrayLike | None] = {
        "dbh": dbh, "height": height, "wood_density": wood_density,
    }  # fmt: skip
    inputs = needs(predictors)
    first, *others = table
    whole = gather(table[first], {**sizes, **{n: table[n] for n in others}}, site,
                   (*inputs, *others))  # fmt: skip
    check_enough(whole, predictors, minimum)
    recipe = Recipe("loglinear", tuple(predictors), correction)
    parts = {}
    for name in table:
        trees = replace(whole, mass=table[name][whole.kept])
        parts[name] = FittedEquation(recipe, trees, recipe.estimate(trees), name)
    x = design(whole.inputs, predictors)
    n, p = x.shape
    residual = np.column_stack([part.estimate.residual for part in parts.values()])
    between = residual.T @ residual / (n - p)
    sd = np.sqrt(np.diag(between))
    weighed = np.sum([table[name][whole.kept] for name in table], axis=0)
    ratio = np.log(weighed / np.sum([part.predicted for part in parts.values()], axis=0))
    return FittedComponents(
        parts=parts,
        covariance=np.kron(between, np.linalg.inv(x.T @ x)),
        residual_correlation=between / np.outer(sd, sd),
        total_sd=math.sqrt(float(ratio @ ratio) / (n - p)),
    )
