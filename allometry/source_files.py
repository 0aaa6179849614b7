"""Fitted equations as catalogue source files, which load at once."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import all_equations, get_equation
from allometry.catalogue.source_reader import read_source
from allometry.components import FittedComponents
from allometry.ensembles import combine
from allometry.errors import AllometryError
from allometry.evaluation import evaluate
from allometry.fitting import FittedEquation
from allometry.harvest import PREDICTORS, needs
from allometry.heights import LOG_FORMS, HeightModel
from allometry.regression import Estimate

Floats = NDArray[np.float64]
KEY = re.compile(r"[a-z][a-z0-9_]*")
CHECKS = (0.1, 0.5, 0.9)  # quantiles of the trees whose predictions become check values
TOLERANCE = 1e-9
NO_DIFFERENCE = 1e-3  # sd of ln below which places were not seen to differ


@dataclass(frozen=True)
class Label:
    """What a file says of an equation beside its figures.

    Attributes
    ----------
    key : str
        Id of the equation and stem of the file's name.
    citation : str
    taxa, growth_forms : tuple of str
    region : str
    roots : str
        Root equation that goes with an above-ground one; empty for none.
    pom_m : float or None
        Height of the tape [m].
    grade : str
    note : str
    """

    key: str
    citation: str
    taxa: tuple[str, ...] = ()
    growth_forms: tuple[str, ...] = ()
    region: str = "unknown"
    roots: str = ""
    pom_m: float | None = None
    grade: str = "B"
    note: str = ""


def check_key(key: str, own_file: Path | None = None) -> None:
    """Raise unless a key can be the id of a new equation.

    Raises
    ------
    AllometryError
    """
    if not KEY.fullmatch(key):
        raise AllometryError(
            f"'{key}' cannot be an equation's id: name the file in small Latin letters, digits and "
            "underscores, a letter first, for example my_rubber_2026.toml."
        )
    taken = {record.id for record in all_equations() if record.source.key != key}
    taken |= {
        record.id for record in all_equations()
        if record.source.key == key and (own_file is None or not own_file.exists())
    }  # fmt: skip
    if key in taken:
        raise AllometryError(f"the catalogue has an equation '{key}' already; choose another name.")


def write_source(
    fitted: FittedEquation | FittedComponents | HeightModel | Mapping[str, float],
    path: str | Path,
    *,
    citation: str,
    **words: Any,
) -> Path:
    """Write a fit as a catalogue source file.

    Parameters
    ----------
    fitted : FittedEquation, FittedComponents, HeightModel or mapping
        A mapping is an ensemble: weight by id.
    path : str or Path
        ``<key>.toml``, the key being the equation's id; `add_catalogue` takes the file, or a
        folder of its own whole.
    citation : str
        How the fit is to be cited: who felled the trees, where and when.
    **words
        Other fields of `Label`: ``taxa``, ``growth_forms``, ``region``, ``roots``, ``pom_m``,
        ``grade``, ``note``.

    Returns
    -------
    Path

    Raises
    ------
    AllometryError
        For a name that is taken or does not fit, or a fit that is not identified.
    CatalogueError
        When the file would break the schema.

    Examples
    --------
    ``al.write_source(fit, "own/nan_rubber.toml", citation="felled 2026, Nan", taxa=("Hevea",))``
    """
    target = Path(path)
    if target.suffix != ".toml":
        raise AllometryError(f"'{target.name}': the name of a catalogue file ends in .toml.")
    label = Label(target.stem, citation, **words)
    check_key(label.key, target)
    text = (
        ensemble_text(fitted, label) if isinstance(fitted, Mapping) else source_text(fitted, label)
    )
    read_source(target.name, tomllib.loads(text))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def source_text(fitted: FittedEquation | FittedComponents | HeightModel, label: Label) -> str:
    """The file as text."""
    if isinstance(fitted, HeightModel):
        records = [_height(fitted, label)]
    elif isinstance(fitted, FittedComponents):
        records = [_total(fitted, label)]
        for name, part in fitted.parts.items():
            records.append(_single(part, label, f"{label.key}_{name}"))
    else:
        records = [_single(fitted, label, label.key)]
    return _file(label, records, "own measurements, fitted by this library")


def _file(label: Label, records: list[dict[str, Any]], seen: str) -> str:
    head = [
        "[source]",
        _line("key", label.key),
        _line("citation", label.citation),
        _line("doi", ""),
        _line("seen", seen),
    ]
    return "\n".join([*head, *("\n" + _record(record) for record in records)]) + "\n"


def ensemble_text(weights: Mapping[str, float], label: Label) -> str:
    """A weighted geometric mean of equations as a catalogue source file."""
    records = [get_equation(name) for name in weights]
    inputs = [n for n in ("dbh", "height", "wood_density") if any(n in r.inputs for r in records)]
    span = (
        max(r.range.limits["dbh"][0] for r in records),
        min(r.range.limits["dbh"][1] for r in records),
    )
    if span[0] >= span[1]:
        raise AllometryError("the ranges of the members do not overlap; choose others.")
    record: dict[str, Any] = {
        "id": label.key, "predicts": "agb", "unit": "kg", "form": "geometric_mean",
        "inputs": inputs, "members": list(weights), "weights": list(weights.values()),
        "grade": max(r.grade for r in records),
        "where": "geometric mean of the members",
    }  # fmt: skip
    words = _words(label, 0)
    record |= {k: v for k, v in words.items() if k not in {"grade", "where", "n_trees"}}
    record |= {"bias": "unknown", "note": label.note}
    if label.roots:
        record["roots"] = label.roots
    record["range"] = {"kind": "data", "dbh": list(span), "note": "span common to the members"}
    record["residual"] = {"kind": "none", "note": "a mean of equations states none"}
    at = {"dbh": round(math.sqrt(span[0] * span[1]), 3), "height": 10.0, "wood_density": 0.5}
    used = {name: at[name] for name in inputs}
    members = {r.id: evaluate(r.id, **used) for r in records}
    record["check"] = [
        {
            "kind": "recomputed", "inputs": used, "tolerance": TOLERANCE,
            "expected": float(combine(weights, members)), "source": "members evaluated one by one",
        }
    ]  # fmt: skip
    return _file(label, [record], "records of this catalogue")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(int(value)) if isinstance(value, int) else repr(float(value))


def _line(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _record(record: dict[str, Any]) -> str:
    """One [[equation]]: plain keys first, then its tables, then its check values."""
    plain = [_line(k, v) for k, v in record.items() if not isinstance(v, dict) and k != "check"]
    tables = [
        f"\n[equation.{name}]\n" + "\n".join(_line(k, v) for k, v in table.items())
        for name, table in record.items()
        if isinstance(table, dict)
    ]
    checks = [
        "\n[[equation.check]]\n" + "\n".join(_line(k, v) for k, v in check.items())
        for check in record["check"]
    ]
    return "\n".join(["[[equation]]", *plain, *tables, *checks])


def _keys(predictors: tuple[str, ...]) -> list[str]:
    """Catalogue keys of predictors; a height that stands alone is the size variable."""
    return ["x"] if predictors == ("H",) else [PREDICTORS[name] for name in predictors]


def _term(estimate: Estimate, factor: float, predictors: tuple[str, ...]) -> dict[str, float]:
    values = [float(v) for v in estimate.coefficients]
    return {"scale": factor * math.exp(values[0])} | dict(
        zip(_keys(predictors), values[1:], strict=True)
    )


def _common(key: str, predicts: str, predictors: tuple[str, ...]) -> dict[str, Any]:
    """What the records of mass have in common."""
    record: dict[str, Any] = {"id": key, "predicts": predicts, "unit": "kg"}
    record["form"] = "log_polynomial"
    if predictors == ("H",):
        record["size"] = "height"
    record["inputs"] = list(needs(predictors))
    return record


def _words(label: Label, n_trees: int) -> dict[str, Any]:
    words: dict[str, Any] = {"grade": label.grade, "where": "own fit"}
    if label.taxa:
        words["taxa"] = list(label.taxa)
    if label.growth_forms:
        words["growth_forms"] = list(label.growth_forms)
    words |= {"region": label.region, "n_trees": n_trees}
    if label.pom_m is not None:
        words["pom_m"] = label.pom_m
    return words


def _single(fit: FittedEquation, label: Label, key: str) -> dict[str, Any]:
    recipe = fit.recipe
    linear = recipe.form == "loglinear"
    record = _common(key, fit.predicts, recipe.predictors)
    record["terms"] = [_term(fit.estimate, fit.correction_factor, recipe.predictors)]
    record |= _words(label, fit.n_trees)
    record["bias"] = ("unknown" if recipe.correction == "none" else "included") if linear else (
        "not_needed"
    )  # fmt: skip
    if label.roots and fit.predicts == "agb":
        record["roots"] = label.roots
    record["note"] = _story(fit, label)
    record["range"] = _range(fit)
    record["residual"] = {"kind": "sd_ln", "value": fit.residual_sd} if linear else {
        "kind": "sd_abs", "value": fit.residual_sd, "power": fit.estimate.power,
    }  # fmt: skip
    record["covariance"] = {
        "names": ["intercept", *_keys(recipe.predictors)],
        "matrix": fit.covariance.tolist(),
        "note": "of ln scale and the exponents",
    }
    record["sites"] = _sites(fit)
    record["check"] = _checks(fit.harvest.inputs, needs(recipe.predictors), fit.predict)
    return record


def _story(fit: FittedEquation, label: Label) -> str:
    factors = ", ".join(f"{k} {v:.4f}" for k, v in fit.corrections.items() if k != "none")
    told = f"AIC {fit.aic:.2f}, BIC {fit.bic:.2f} (on the scale of kg)."
    if fit.recipe.form == "loglinear":
        told += f" The scale holds the correction '{fit.recipe.correction}' "
        told += f"{fit.correction_factor:.4f}; all: {factors}."
    return " ".join(part for part in (told, label.note) if part)


def _range(fit: FittedEquation) -> dict[str, Any]:
    """Span of the trees; an input that was the same for all has a note instead."""
    spans = {name: list(span) for name, span in fit.ranges.items() if span[0] < span[1]}
    same = [f"{n} {span[0]:g}" for n, span in fit.ranges.items() if n not in spans]
    note = {"note": f"the same for all trees: {', '.join(same)}"} if same else {}
    return {"kind": "data", **spans, **note}


def _sites(fit: FittedEquation) -> dict[str, Any]:
    if fit.site_sd is None:
        return {
            "number": fit.n_sites,
            "note": "the variance between places was not estimated",
        }
    if fit.site_sd < NO_DIFFERENCE:
        return {"number": fit.n_sites, "note": "REML found no difference between these places"}
    return {"number": fit.n_sites, "sd_ln": fit.site_sd, "note": "random intercept, REML"}


def _checks(inputs: dict[str, Floats], used: tuple[str, ...], predict: Any) -> list[dict[str, Any]]:
    found = []
    for q in CHECKS:
        at = {name: round(float(np.quantile(inputs[name], q)), 3) for name in used}
        if all(value > 0 for value in at.values()):
            found.append(
                {
                    "kind": "recomputed",
                    "inputs": at,
                    "expected": float(np.ravel(predict(**at))[0]),
                    "tolerance": TOLERANCE,
                    "source": "prediction of the fit itself",
                }
            )
    return found


def _total(fitted: FittedComponents, label: Label) -> dict[str, Any]:
    """The sum of the components, with the joint covariance of all of them."""
    parts = list(fitted.parts.values())
    first = parts[0]
    predictors = first.recipe.predictors
    above = set(fitted.parts) <= {"stem", "branch", "leaf", "bark"}
    record = _common(label.key, "agb" if above else "total_biomass", predictors)
    record["terms"] = [_term(p.estimate, p.correction_factor, predictors) for p in parts]
    record |= _words(label, first.n_trees)
    record["bias"] = "unknown" if first.recipe.correction == "none" else "included"
    if label.roots and above:
        record["roots"] = label.roots
    record["note"] = " ".join(
        part for part in (f"Sum of {', '.join(fitted.parts)}, fitted together.", label.note) if part
    )
    record["range"] = _range(first)
    record["residual"] = {"kind": "sd_ln", "value": fitted.total_sd}
    names = ["intercept", *_keys(predictors)]
    record["covariance"] = {
        "names": [f"{i}.{name}" for i in range(1, len(parts) + 1) for name in names],
        "matrix": fitted.covariance.tolist(),
        "note": "joint, of ln scale and the exponents of each term",
    }
    record["sites"] = _sites(first)
    record["check"] = _checks(first.harvest.inputs, needs(predictors), fitted.predict)
    return record


def _height(model: HeightModel, label: Label) -> dict[str, Any]:
    """A height model; its log forms carry exp(s²/2) as `HeightModel.predict` does."""
    if not model.identified:
        raise AllometryError(model.note)
    values, covariance = dict(model.coefficients), model.covariance
    record: dict[str, Any] = {"id": label.key, "predicts": "height", "unit": "m"}
    if model.form in LOG_FORMS:
        keys = ["intercept", "x", "x2"][: len(values)]
        a, *slopes = values.values()
        record |= {"form": "log_polynomial", "inputs": ["dbh"]}
        record["terms"] = [{"intercept": a, **dict(zip(keys[1:], slopes, strict=True))}]
    else:
        keys = list(values)
        record["form"] = "michaelis_menten" if model.form == "michaelis" else "weibull"
        record["inputs"] = ["dbh"]
        if model.form == "weibull":
            values["b"], covariance = _catalogue_weibull(values, covariance)
        record["coefficients"] = {"offset": 0.0, **values} if model.form == "michaelis" else values
    record |= _words(label, model.n_trees)
    log = model.form in LOG_FORMS
    record["bias"] = "apply" if log else "not_needed"
    record["note"] = label.note
    record["range"] = {"kind": "data", "dbh": list(model.dbh_range)}
    record["residual"] = {"kind": "sd_ln" if log else "sd_abs", "value": model.residual_sd}
    record["covariance"] = {"names": keys, "matrix": np.asarray(covariance).tolist()}
    record["sites"] = {"number": 1, "note": "the variance between places was not estimated"}
    span = np.linspace(*model.dbh_range, 9)
    record["check"] = _checks({"dbh": span}, ("dbh",), model.predict)
    return record


def _catalogue_weibull(values: dict[str, float], covariance: Floats) -> tuple[float, Floats]:
    """H = a (1 - exp(-(D/b)^c)) with its covariance as a (1 - exp(-k D^c)), k = b^-c."""
    b, c = values["b"], values["c"]
    k = b**-c
    jacobian = np.eye(3)
    jacobian[1] = [0.0, -c * k / b, -k * math.log(b)]
    return k, jacobian @ covariance @ jacobian.T
