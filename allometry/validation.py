"""Errors of equations on weighed trees: their own by cross-validation, the catalogue's as it is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import all_equations
from allometry.catalogue.schema import Equation
from allometry.errors import AllometryError
from allometry.evaluation import evaluate
from allometry.fitting import FittedEquation, Recipe, fit_harvest
from allometry.harvest import CANDIDATES, Harvest, check_enough, needs
from allometry.names import Match, match_one
from allometry.selection import in_range

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DBH_CLASSES = (0.0, 5.0, 10.0, 20.0, 30.0, 50.0, float("inf"))  # cm


def scores(predicted: Floats, weighed: Floats) -> dict[str, float]:
    """Errors of predictions against what was weighed.

    Parameters
    ----------
    predicted, weighed : ndarray, shape (n,)
        [kg]

    Returns
    -------
    dict of float
        ``n``; ``bias_percent`` of the sum; ``rmse_kg``; ``bias_ln`` and ``rmse_ln``: mean and root
        mean square of ln(predicted / weighed).
    """
    known = np.isfinite(predicted) & (predicted > 0)
    if not known.any():
        nothing = float("nan")
        return {"n": 0, "bias_percent": nothing, "rmse_kg": nothing, "bias_ln": nothing,
                "rmse_ln": nothing}  # fmt: skip
    p, w = predicted[known], weighed[known]
    ratio = np.log(p / w)
    return {
        "n": int(known.sum()),
        "bias_percent": float(100.0 * (p.sum() / w.sum() - 1.0)),
        "rmse_kg": float(np.sqrt(np.mean((p - w) ** 2))),
        "bias_ln": float(ratio.mean()),
        "rmse_ln": float(np.sqrt(np.mean(ratio**2))),
    }


def cross_validate(fit: FittedEquation, by: str = "tree") -> Floats:
    """Mass of each tree predicted by the equation fitted without it, or without its place.

    Parameters
    ----------
    fit : FittedEquation
    by : {'tree', 'site'}

    Returns
    -------
    ndarray, shape (n_trees,)
        [kg]. Everything is estimated anew, the back-transformation too; only the power of the
        weights of a curve is kept, and the ratio of the variance between places to that within
        when single trees are left out. NaN where the other trees do not carry the coefficients.

    Raises
    ------
    AllometryError
        For a single place.
    """
    harvest, recipe = fit.harvest, fit.recipe
    if by == "site" and fit.n_sites < 2:
        raise AllometryError("leaving out places needs trees of at least two; found one.")
    folds = np.arange(fit.n_trees) if by == "tree" else harvest.site
    ratio = (fit.estimate.group_sd / fit.estimate.sigma) ** 2 if recipe.site_term else None
    result = np.full(fit.n_trees, np.nan)
    for fold in np.unique(folds):
        out = folds == fold
        rest, left = harvest.subset(~out), harvest.subset(out)
        try:
            check_enough(rest, recipe.predictors, 0)
        except AllometryError:
            continue
        found = recipe.estimate(rest, ratio if by == "tree" else None, fit.estimate)
        result[out] = recipe.predict(found, recipe.factor(rest, found), left.inputs)
    return result


def compare_forms(
    harvest: Harvest, recipe: Recipe, predictors: Sequence[tuple[str, ...]] | None = None
) -> pd.DataFrame:
    """Forms fitted to the same trees, best AIC first.

    Parameters
    ----------
    harvest : Harvest
        Only trees with every input of every form are used, so that criteria can be compared.
    recipe : Recipe
        Correction and site term of the log-linear forms.
    predictors : sequence, optional
        Sets to compare; by default those that the inputs allow.

    Returns
    -------
    pandas.DataFrame
        form, predictors, n_trees, parameters, residual_sd, site_sd, aic, delta_aic, bic, and the
        errors ``loo_`` (tree left out) and ``loso_`` (place left out): bias_percent, rmse_kg,
        rmse_ln.
    """
    import pandas as pd  # noqa: PLC0415

    sets = predictors or [s for s in CANDIDATES if set(needs(s)) <= set(harvest.inputs)]
    used = {name for one in sets for name in needs(one)}
    complete = np.all([harvest.inputs[name] > 0 for name in used], axis=0)
    trees = harvest.subset(complete)
    rows = []
    for form in ("loglinear", "nonlinear"):
        for names in sets:
            own = Recipe(form, tuple(names), recipe.correction,
                         recipe.weight_power, recipe.site_term and form == "loglinear")  # fmt: skip
            if form == "nonlinear" and "dbh" not in needs(names):
                continue
            try:
                rows.append(_form_row(fit_harvest(trees, own)))
            except AllometryError:
                continue
    if not rows:
        raise AllometryError("no form could be fitted to the trees that have every input.")
    table = pd.DataFrame(rows).sort_values("aic", ignore_index=True)
    table.insert(6, "delta_aic", table["aic"] - table["aic"].min())
    return table


def _form_row(fit: FittedEquation) -> dict[str, object]:
    row: dict[str, object] = {
        "form": fit.recipe.form,
        "predictors": ", ".join(fit.recipe.predictors),
        "n_trees": fit.n_trees,
        "parameters": fit.estimate.parameters,
        "residual_sd": fit.residual_sd,
        "aic": fit.aic,
        "bic": fit.bic,
        "site_sd": float("nan") if fit.site_sd is None else fit.site_sd,
    }
    kinds = {"loo": "tree"} | ({"loso": "site"} if fit.n_sites > 1 else {})
    for name, by in kinds.items():
        found = scores(cross_validate(fit, by), fit.harvest.mass)
        row |= {f"{name}_{k}": found[k] for k in ("n", "bias_percent", "rmse_kg", "rmse_ln")}
    return row


def candidates(predicts: str, harvest: Harvest) -> list[Equation]:
    """Equations of the catalogue that predict the same of a tree from inputs at hand."""
    return [
        record for record in all_equations()
        if record.predicts == predicts and record.level == "tree"
        and set(record.inputs) <= set(harvest.inputs)
    ]  # fmt: skip


def compare_with_catalogue(
    harvest: Harvest, species: Sequence[str] | None = None, *, predicts: str = "agb",
    fit: FittedEquation | None = None, classes: Sequence[float] = DBH_CLASSES,
) -> pd.DataFrame:  # fmt: skip
    """Errors of every equation of the catalogue on the same trees, in all and by size class.

    Parameters
    ----------
    harvest : Harvest
    species : sequence of str, optional
        Of each tree of the harvest; an equation of named plants is then tried on these only.
        Without species every equation is tried on every tree.
    predicts : str
    fit : FittedEquation, optional
        Own equation on the same trees; its rows come first: as fitted, trees left out, places
        left out.
    classes : sequence of float
        Limits of classes of D [cm].

    Returns
    -------
    pandas.DataFrame
        equation, grade, dbh_class (``all`` or low-high), the errors of `scores`, and n_outside:
        trees outside the range of the equation. Equations of the catalogue by rmse_ln over all
        their trees.
    """
    import pandas as pd  # noqa: PLC0415

    predictions: list[tuple[str, str, Floats]] = []
    if fit is not None:
        predictions.append(("own fit", "", fit.predicted))
        predictions.append(("own fit, tree left out", "", cross_validate(fit)))
        if fit.n_sites > 1:
            predictions.append(("own fit, place left out", "", cross_validate(fit, "site")))
    own = len(predictions)
    outside = [np.zeros(len(harvest.mass), dtype=np.bool_)] * own
    matches = None if species is None else [match_one(name) for name in species]
    for record in candidates(predicts, harvest):
        mine = _meant(record, matches, len(harvest.mass))
        values = evaluate(record.id, **{name: harvest.inputs[name] for name in record.inputs})
        if np.isfinite(values[mine]).any():
            predictions.append((record.id, record.grade, np.where(mine, values, np.nan)))
            outside.append(~in_range(record, harvest.inputs))
    last = [scores(values, harvest.mass)["rmse_ln"] for _, _, values in predictions[own:]]
    order = [*range(own), *(own + int(k) for k in np.argsort(last, kind="stable"))]
    rows: list[dict[str, object]] = []
    for k in order:
        name, grade, values = predictions[k]
        for label, inside in _classes(harvest, classes):
            found = scores(values[inside], harvest.mass[inside])
            if found["n"]:
                beyond = int(np.sum(outside[k] & inside & np.isfinite(values)))
                rows.append(
                    {"equation": name, "grade": grade, "dbh_class": label, **found,
                     "n_outside": beyond}
                )  # fmt: skip
    return pd.DataFrame(rows)


def _classes(harvest: Harvest, limits: Sequence[float]) -> list[tuple[str, Bools]]:
    whole = [("all", np.ones(len(harvest.mass), dtype=np.bool_))]
    if "dbh" not in harvest.inputs:
        return whole
    d = harvest.inputs["dbh"]
    return whole + [
        (f"{low:g}-{high:g}" if np.isfinite(high) else f"{low:g} and more", (d >= low) & (d < high))
        for low, high in itertools.pairwise(limits)
    ]


def _meant(record: Equation, matches: list[Match] | None, count: int) -> Bools:
    """The trees that an equation is for."""
    if matches is None:
        return np.ones(count, dtype=np.bool_)
    names = set(record.taxa)
    return np.array(
        [
            bool({m.species, m.genus, m.family} & names) if names
            else not record.growth_forms or (m.growth_form or "tree") in record.growth_forms
            for m in matches
        ],
        dtype=np.bool_,
    )  # fmt: skip
