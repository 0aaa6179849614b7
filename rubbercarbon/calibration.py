"""Own equations from a table of felled trees: fit, errors, comparison, and what looks doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allometry.catalogue.loader import constant, get_equation
from allometry.components import FittedComponents, fit_components
from allometry.diagnostics import inflation, influence
from allometry.fitting import FittedEquation, fit_equation
from allometry.harvest import gather
from allometry.heights import FORMS as HEIGHT_FORMS
from allometry.heights import HeightModel, fit_height_model
from allometry.names import match_one
from allometry.selection import Taxon, default_rules
from allometry.validation import compare_forms, compare_with_catalogue, scores
from rubbercarbon.errors import InventoryError
from rubbercarbon.thresholds import threshold

if TYPE_CHECKING:
    from rubbercarbon.felled import Felled

OWN = "own fit"
TENTHS = 10


@dataclass(frozen=True)
class Calibration:
    """A fit with everything a reader needs to believe it or not.

    Attributes
    ----------
    fit : FittedEquation
    components : FittedComponents or None
        When components were fitted; ``fit`` is then the first of them.
    coefficients, forms, catalogue, trees : pandas.DataFrame
        Coefficients with standard errors and covariance; forms compared; own and catalogue
        equations on the same trees by size class; each tree with its prediction and influence.
    """

    fit: FittedEquation
    components: FittedComponents | None
    coefficients: pd.DataFrame
    forms: pd.DataFrame
    catalogue: pd.DataFrame
    trees: pd.DataFrame


def calibrate(felled: Felled, predicts: str = "agb", **options: Any) -> Calibration:
    """Fit an equation to felled trees and compare it.

    Parameters
    ----------
    felled : Felled
        Takes the problems that are found.
    predicts : str
        Which of its masses.
    **options
        Of `allometry.fit_equation`.

    Returns
    -------
    Calibration

    Raises
    ------
    InventoryError
        When the mass was not weighed.
    AllometryError
        When nothing can be fitted.
    """
    mass = felled.column(f"{predicts}_kg")
    if mass is None:
        raise InventoryError(
            f"'{felled.file}' has no mass of {predicts}; it has {', '.join(felled.masses)}."
        )
    fit = fit_equation(mass=mass, site=felled.sites, predicts=predicts, **_given(felled), **options)
    felled.leave_out(fit.left_out, predicts)
    _warn(felled, fit)
    names = list(felled.trees.get("species", pd.Series("", index=felled.trees.index)))
    species = [str(names[int(i)]) for i in fit.harvest.kept]
    everything = gather(mass, {k: v for k, v in felled.inputs.items() if v is not None},
                        felled.sites, ())  # fmt: skip
    return Calibration(
        fit=fit,
        components=None,
        coefficients=_coefficients(fit),
        forms=compare_forms(everything, fit.recipe),
        catalogue=compare_with_catalogue(
            fit.harvest, species if any(species) else None, predicts=predicts, fit=fit
        ),
        trees=_trees(felled, fit),
    )


def calibrate_components(felled: Felled, names: Sequence[str], **options: Any) -> Calibration:
    """Fit equations of components that add up.

    Raises
    ------
    InventoryError
        When a component was not weighed.
    AllometryError
    """
    absent = [name for name in names if f"{name}_kg" not in felled.trees]
    if absent:
        raise InventoryError(
            f"'{felled.file}' has no mass of {', '.join(absent)}; it has "
            f"{', '.join(felled.masses)}."
        )
    masses = {name: felled.trees[f"{name}_kg"].to_numpy(dtype=np.float64) for name in names}
    found = fit_components(masses, site=felled.sites, **_given(felled), **options)
    first = next(iter(found.parts.values()))
    felled.leave_out(first.left_out, names[0])
    rows = []
    for name, part in found.parts.items():
        rows.append(_coefficients(part).assign(component=name))
    weighed = np.sum([part.harvest.mass for part in found.parts.values()], axis=0)
    predicted = np.sum([part.predicted for part in found.parts.values()], axis=0)
    errors = [
        {"equation": name, "grade": "", "dbh_class": "all", "n_outside": 0,
         **scores(part.predicted, part.harvest.mass)}
        for name, part in found.parts.items()
    ]  # fmt: skip
    errors.append({"equation": "total", "grade": "", "dbh_class": "all", "n_outside": 0,
                   **scores(predicted, weighed)})  # fmt: skip
    return Calibration(
        fit=first,
        components=found,
        coefficients=pd.concat(rows, ignore_index=True),
        forms=pd.DataFrame(),
        catalogue=pd.DataFrame(errors),
        trees=_trees(felled, first),
    )


def _given(felled: Felled) -> dict[str, Any]:
    return dict(felled.inputs)


def _coefficients(fit: FittedEquation) -> pd.DataFrame:
    names = list(fit.coefficients)
    table = pd.DataFrame(
        {
            "coefficient": names,
            "value": list(fit.coefficients.values()),
            "standard_error": np.sqrt(np.diag(fit.covariance)),
        }
    )
    for k, name in enumerate(names):
        table[f"covariance_{name}"] = fit.covariance[:, k]
    return table


def _trees(felled: Felled, fit: FittedEquation) -> pd.DataFrame:
    """Trees of the fit: weighed, predicted, influence."""
    used = felled.trees.iloc[fit.harvest.kept].reset_index(drop=True)
    columns = ["row", "site", "species", "dbh_cm", "height_m", "wood_density_g_cm3"]
    table = used[[name for name in columns if name in used]].copy()
    table[f"{fit.predicts}_kg"] = fit.harvest.mass
    table["predicted_kg"] = fit.predicted
    measures = influence(fit).drop(columns="position")
    return pd.concat([table, measures], axis=1)


def _warn(felled: Felled, fit: FittedEquation) -> None:
    """Collinear predictors, trees that move the fit, too few places, a biased sum."""
    found = felled.found_problems
    place: dict[str, Any] = {"file": felled.file, "sheet": felled.sheet}
    for name, value in inflation(fit).items():
        if value > constant("collinearity_alarm"):
            found.add("fit_collinear", column=name, value=f"{value:.3g}", **place)
    table = influence(fit)
    strong = table[(table["flag"] == "outlier influential") | (table["cooks_distance"] > 1.0)]
    for _, row in strong.iterrows():
        found.add(
            "felled_influential", row=int(felled.trees["row"].iloc[int(row["position"])]),
            value=f"{row['cooks_distance']:.3g}", residual=f"{row['studentised_residual']:.3g}",
            **place,
        )  # fmt: skip
    if fit.site_sd is None and fit.n_sites < constant("sites_minimum"):
        fewest = f"{constant('sites_minimum'):g}"
        found.add("fit_few_places", value=fit.n_sites, fewest=fewest, **place)
    share = 100.0 * float(fit.predicted.sum() / fit.harvest.mass.sum())
    if abs(share - 100.0) > threshold("bias_alarm"):
        found.add("fit_bias", value=f"{share:.0f}", **place)


def default_roots(taxon: str) -> str:
    """Root equation that the default ladder gives a plant; empty where it has none."""
    match = match_one(taxon)
    plant = Taxon(match.species, match.genus, match.family, match.growth_form or "tree")
    rule = next((rule for rule in default_rules() if rule.fits(plant) and not rule.when), None)
    return "" if rule is None else rule.roots


def check_roots(roots: str) -> None:
    """Raise unless an id is that of a root equation.

    Raises
    ------
    UnknownEquation
    InventoryError
    """
    record = get_equation(roots)
    if record.predicts not in {"bgb", "stump_root", "root_shoot"}:
        raise InventoryError(
            f"'{roots}' predicts {record.predicts}, not roots; see "
            "`rubbercarbon equations list --predicts bgb`."
        )


def calibrate_heights(felled: Felled) -> tuple[pd.DataFrame, dict[str, HeightModel]]:
    """All forms of height models on the trees of a table.

    Returns
    -------
    tuple
        Table of forms (residual sd, error when a tenth of the trees is left out [m]; best first,
        those that are not identified last), and the models by form.

    Raises
    ------
    InventoryError
        Without heights.
    AllometryError
        For too few pairs.
    """
    d, h = felled.column("dbh_cm"), felled.column("height_m")
    if d is None or h is None:
        raise InventoryError(f"'{felled.file}' has no heights; name the column height_m.")
    trees = gather(h, {"dbh": d}, None, ("dbh",))
    felled.leave_out(trees.left_out, "height")
    x, y = trees.inputs["dbh"], trees.mass
    models = {form: fit_height_model(x, y, form=form) for form in HEIGHT_FORMS}
    tenth = np.empty(len(x), dtype=np.int64)
    tenth[np.argsort(x, kind="stable")] = np.arange(len(x)) % TENTHS
    rows = []
    for form, model in models.items():
        unit = "ln" if form in {"log1", "log2"} else "m"
        predicted = np.full(len(x), np.nan)
        for k in range(TENTHS) if model.identified else ():
            out = tenth == k
            part = fit_height_model(x[~out], y[~out], form=form, minimum=4)
            predicted[out] = part.predict(x[out])
        error = float(np.sqrt(np.mean((predicted - y) ** 2)))
        rows.append(
            {"form": form, "residual_sd": model.residual_sd, "residual_unit": unit,
             "rmse_m": error, "identified": model.identified}
        )  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["identified", "rmse_m"], ascending=[False, True])
    return table.reset_index(drop=True), models
