"""What the commands about own equations print."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from allometry.selection import default_rules
from allometry.source_files import NO_DIFFERENCE
from rubbercarbon import console, messages
from rubbercarbon.calibration import Calibration

EQUATIONS_SHOWN = 12
DEFAULTS = frozenset({rule.equation for rule in default_rules()})  # shown wherever they stand
OWN_ROWS = {"own fit": "as_fitted", "own fit, tree left out": "loo",
            "own fit, place left out": "loso"}  # fmt: skip


def calibration(result: Calibration, language: str) -> None:
    """Coefficients, errors, forms and the catalogue's equations on the same trees."""
    fit = result.fit

    def text(name: str, **values: object) -> str:
        return messages.text("fit", name, language, **values)

    d = fit.harvest.inputs.get("dbh")
    line = text(
        "title", predicts=" + ".join(result.components.parts) if result.components else
        fit.predicts, predictors=", ".join(fit.recipe.predictors), form=fit.recipe.form,
        trees=fit.n_trees, sites=fit.n_sites,
        low="-" if d is None else f"{d.min():g}", high="-" if d is None else f"{d.max():g}",
    )  # fmt: skip
    console.line(line)
    parts = "component" in result.coefficients
    rows = [
        [*([str(r["component"])] if parts else []), str(r["coefficient"]), f"{r['value']:.5g}",
         f"{r['standard_error']:.3g}"]
        for _, r in result.coefficients.iterrows()
    ]  # fmt: skip
    heads = [*(["component"] if parts else []), "name", "value", "error"]
    title = text("components" if parts else "coefficients")
    console.table(title, [text(h) for h in heads], rows, numbers=2)
    if not parts:
        _figures(result, text)
    _errors(result, text)
    if len(result.forms):
        _forms(result.forms, text)
        _catalogue(result.catalogue, text)


def _figures(result: Calibration, text: Any) -> None:
    fit = result.fit
    power = f"{fit.estimate.power:.3g}"
    console.line(text(f"residual_{fit.recipe.form}", sd=f"{fit.residual_sd:.3g}", power=power))
    if fit.site_sd is None:
        console.line(text("between_unknown"))
    elif fit.site_sd < NO_DIFFERENCE:
        console.line(text("between_zero"))
    else:
        console.line(text("between", sd=f"{fit.site_sd:.3g}"))
    if fit.recipe.form == "loglinear":
        others = ", ".join(f"{k} {v:.4f}" for k, v in fit.corrections.items() if k != "none")
        console.line(
            text("correction", chosen=fit.recipe.correction, others=others,
                 factor=f"{fit.correction_factor:.4f}")
        )  # fmt: skip
    console.line(text("criteria", aic=f"{fit.aic:.2f}", bic=f"{fit.bic:.2f}"))


def _score(row: Any, *, outside: bool = False) -> list[str]:
    cells = [f"{int(row['n'])}", f"{row['bias_percent']:+.1f}", f"{row['rmse_kg']:.1f}",
             f"{row['rmse_ln']:.3f}"]  # fmt: skip
    return [*cells, f"{int(row['n_outside'])}"] if outside else cells


def _errors(result: Calibration, text: Any) -> None:
    table = result.catalogue[result.catalogue["dbh_class"] == "all"]
    mine = table if result.components else table[table["equation"].isin(OWN_ROWS)]
    rows = [
        [text(OWN_ROWS[r["equation"]]) if r["equation"] in OWN_ROWS else str(r["equation"]),
         *_score(r)]
        for _, r in mine.iterrows()
    ]  # fmt: skip
    heads = ["errors_of", "n", "bias", "rmse", "rmse_ln"]
    console.table(text("own_error"), [text(h) for h in heads], rows, numbers=4)


def _forms(forms: pd.DataFrame, text: Any) -> None:
    columns = ["delta_aic", "residual_sd", "site_sd", "loo_rmse_ln", "loso_rmse_ln"]
    rows = [
        [str(r["form"]), str(r["predictors"]),
         *("-" if math.isnan(float(r.get(c, math.nan))) else f"{r[c]:.3g}" for c in columns)]
        for _, r in forms.iterrows()
    ]  # fmt: skip
    heads = [text("form"), text("predictors"), text("delta_aic"), text("residual_sd"),
             text("site_sd"), f"{text('rmse_ln')}, {text('loo')}",
             f"{text('rmse_ln')}, {text('loso')}"]  # fmt: skip
    console.table(text("forms"), heads, rows, numbers=5)


def _catalogue(table: pd.DataFrame, text: Any) -> None:
    whole = table[(table["dbh_class"] == "all") & ~table["equation"].isin(OWN_ROWS)]
    shown = (np.arange(len(whole)) < EQUATIONS_SHOWN) | whole["equation"].isin(DEFAULTS)
    rows = [
        [str(r["equation"]), str(r["grade"]), *_score(r, outside=True)]
        for _, r in whole[shown].iterrows()
    ]
    heads = ["equation", "grade", "n", "bias", "rmse", "rmse_ln", "outside"]
    console.table(text("catalogue"), [text(h) for h in heads], rows, numbers=5)
    if not shown.all():
        console.line(text("more", count=int((~shown).sum())))


def heights(table: pd.DataFrame, trees: int, low: float, high: float, language: str) -> None:
    """Forms of height models on the same trees."""

    def text(name: str, **values: object) -> str:
        return messages.text("fit", name, language, **values)

    rows = [
        [str(r["form"]), f"{r['residual_sd']:.3g} {r['residual_unit']}",
         "-" if math.isnan(r["rmse_m"]) else f"{r['rmse_m']:.3f}"]
        for _, r in table.iterrows()
    ]  # fmt: skip
    title = text("height_title", trees=trees, low=f"{low:g}", high=f"{high:g}")
    heads = [text("height_form"), text("residual_sd"), text("height_rmse")]
    console.table(title, heads, rows, numbers=2)


def weights(found: dict[str, float], by: str, language: str) -> None:
    """Weights of an ensemble."""
    rows = [[name, f"{value:.4f}"] for name, value in found.items()]
    heads = [messages.text("fit", key, language) for key in ("equation", "weight")]
    console.table(messages.text("fit", "weights", language, by=by), heads, rows, numbers=1)
