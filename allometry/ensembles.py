"""Means of several equations: weights equal, by grade, or by likelihood on weighed trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import constant, get_equation
from allometry.errors import AllometryError
from allometry.evaluation import evaluate
from allometry.regression import random_intercept

Floats = NDArray[np.float64]
WEIGHTS = ("equal", "grade", "likelihood")
SMALLEST = 1e-6  # a member with less weight is left out


def ensemble_weights(
    equations: Sequence[str],
    by: str = "equal",
    *,
    mass: ArrayLike | None = None,
    inputs: Mapping[str, ArrayLike] | None = None,
    site: Sequence[object] | None = None,
) -> dict[str, float]:
    """Weights of equations in their geometric mean; they sum to one.

    Parameters
    ----------
    equations : sequence of str
        Ids.
    by : {'equal', 'grade', 'likelihood'}
        ``grade``: A, B and C count as the catalogue's constants say. ``likelihood``: in
        proportion to the likelihood of ln(weighed / predicted) of the trees given, with an error
        of places and one of trees, both estimated for each equation.
    mass : array_like, optional
        Weighed dry mass [kg], for ``likelihood``.
    inputs : mapping, optional
        ``dbh`` [cm], ``height`` [m], ``wood_density`` [g/cm3] of the same trees.
    site : sequence, optional
        Place of each tree; one place by default.

    Returns
    -------
    dict of float
        By id; a member of no weight (under one in a million) is left out.

    Raises
    ------
    AllometryError

    Notes
    -----
    The likelihood is sharp: many trees of few places soon leave one equation alone. An equation is
    judged on all trees for which every equation has a prediction.

    Examples
    --------
    >>> ensemble_weights(["hytonen_2018", "chiarawipa"])
    {'hytonen_2018': 0.5, 'chiarawipa': 0.5}
    """
    if by not in WEIGHTS:
        raise AllometryError(f"weights '{by}' are not one of {', '.join(WEIGHTS)}.")
    if len(set(equations)) < 2 or len(set(equations)) != len(equations):
        raise AllometryError("an ensemble has at least two different equations.")
    records = [get_equation(name) for name in equations]
    for record in records:
        if record.members:
            raise AllometryError(f"'{record.id}' is a mean itself; give its members instead.")
        if record.predicts != "agb" or record.level != "tree" or record.form != "log_polynomial":
            raise AllometryError(
                f"'{record.id}' cannot be a member: members predict the above-ground biomass of a "
                "tree by a sum of powers."
            )
    if by == "equal":
        raw = np.ones(len(records))
    elif by == "grade":
        raw = np.array([constant(f"weight_grade_{record.grade.lower()}") for record in records])
    else:
        if mass is None or inputs is None:
            raise AllometryError("weights by likelihood need weighed trees; give mass and inputs.")
        raw = _likelihoods(equations, np.asarray(mass, dtype=np.float64), inputs, site)
    raw = np.where(raw / raw.sum() < SMALLEST, 0.0, raw)
    shares = raw / raw.sum()
    return {name: float(w) for name, w in zip(equations, shares, strict=True) if w > 0}


def _likelihoods(
    equations: Sequence[str], mass: Floats, inputs: Mapping[str, ArrayLike],
    site: Sequence[object] | None,
) -> Floats:  # fmt: skip
    """Likelihood of each equation's errors, the largest one 1."""
    predicted = np.array([evaluate(name, **dict(inputs)) for name in equations])
    known = np.all(np.isfinite(predicted), axis=0) & (mass > 0)
    if known.sum() < constant("felled_trees_minimum"):
        raise AllometryError(
            f"{int(known.sum())} weighed trees have a prediction by every equation; at least "
            f"{constant('felled_trees_minimum'):g} are needed."
        )
    names = np.array([str(s) for s in site] if site is not None else [""] * len(mass))
    places = np.unique(names[known], return_inverse=True)[1].astype(np.int64)
    nothing = np.zeros((int(known.sum()), 0))
    logs = [
        random_intercept(
            nothing, np.log(mass[known] / one[known]), places,
            ratio=None if len(np.unique(places)) > 1 else 0.0,
        ).log_likelihood
        for one in predicted
    ]  # fmt: skip
    result: Floats = np.exp(np.array(logs) - max(logs))
    return result


def combine(equations: Mapping[str, float], values: Mapping[str, ArrayLike]) -> Floats:
    """Weighted geometric mean of predictions.

    Parameters
    ----------
    equations : mapping
        Weight by id.
    values : mapping
        Predictions by id [kg].

    Returns
    -------
    ndarray
        [kg]
    """
    logs = [w * np.log(np.asarray(values[name])) for name, w in equations.items()]
    result: Floats = np.exp(np.sum(logs, axis=0))
    return result
