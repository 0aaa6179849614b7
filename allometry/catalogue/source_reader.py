"""What makes a source file valid: from the table of one publication to its records.

`read_source` turns the parsed TOML of one publication into frozen records and collects every
fault it finds before it raises, so that an author sees all of them at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from allometry.catalogue.schema import (
    BIAS,
    COEFFICIENT_KEYS,
    FORMS,
    GRADES,
    SIZES,
    TERM_KEYS,
    UNITS,
    Check,
    Covariance,
    Equation,
    Range,
    Residual,
    Sites,
    Source,
)  # fmt: skip
from allometry.errors import CatalogueError
from allometry.quantities import GROWTH_FORMS, INPUTS, PREDICTED, QUANTITIES


@dataclass
class _Reader:
    """Takes values out of one table and remembers what was wrong."""

    where: str
    table: dict[str, Any]
    faults: list[str]
    used: set[str] = field(default_factory=set)

    def fault(self, text: str) -> None:
        self.faults.append(f"{self.where}: {text}")

    def text(self, key: str, default: str | None = None) -> str:
        self.used.add(key)
        value = self.table.get(key, default)
        if not isinstance(value, str):
            self.fault(f"'{key}' is missing or not text")
            return ""
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in allowed:
            self.fault(f"'{key}' is '{value}'; allowed: {', '.join(allowed)}")
        return value

    def number(self, key: str, default: float = math.nan) -> float:
        self.used.add(key)
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(f"'{key}' is not a number")
            return math.nan
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        self.used.add(key)
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fault(f"'{key}' is not a list of texts")
            return ()
        return tuple(value)

    def flag(self, key: str) -> bool:
        self.used.add(key)
        return self.table.get(key, False) is True

    def sub(self, key: str) -> dict[str, Any]:
        self.used.add(key)
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            self.fault(f"'{key}' is not a table")
            return {}
        return value

    def numbers(self, key: str, allowed: tuple[str, ...]) -> dict[str, float]:
        result = {}
        for name, value in self.sub(key).items():
            if name not in allowed or isinstance(value, bool) or not isinstance(value, int | float):
                self.fault(f"'{key}.{name}' is not one of {', '.join(allowed)} with a number")
            else:
                result[name] = float(value)
        return result

    def spans(self, table: dict[str, Any], key: str) -> dict[str, tuple[float, float]]:
        result = {}
        for name, value in table.items():
            if name in {"kind", "note"}:
                continue
            if name not in QUANTITIES or not _is_span(value):
                self.fault(f"'{key}.{name}' is not a known quantity with [low, high]")
            else:
                result[name] = (float(value[0]), float(value[1]))
        return result

    def finish(self) -> None:
        for key in sorted(set(self.table) - self.used):
            self.fault(f"'{key}' is not a key of this record")


def _is_span(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(item, int | float) for item in value)
        and value[0] < value[1]
    )


def read_source(name: str, table: dict[str, Any]) -> tuple[Source, tuple[Equation, ...]]:
    """Turn the parsed TOML of one publication into records.

    Parameters
    ----------
    name : str
        File name, for messages; its stem must be the source's key.
    table : dict
        Parsed TOML.

    Returns
    -------
    tuple
        The `Source` and its `Equation` records.

    Raises
    ------
    CatalogueError
        Carries every fault of the file.
    """
    faults: list[str] = []
    reader = _Reader("source", table.get("source", {}), faults)
    source = Source(
        key=reader.text("key"),
        citation=reader.text("citation"),
        doi=reader.text("doi", ""),
        seen=reader.text("seen"),
        note=reader.text("note", ""),
    )
    reader.finish()
    if f"{source.key}.toml" != name:
        faults.append(f"source: key '{source.key}' is not the file's name")
    equations = tuple(_equation(entry, source, faults) for entry in table.get("equation", []))
    faults += [
        f"'{key}' is not a table of this file" for key in set(table) - {"source", "equation"}
    ]
    for equation in equations:
        if equation.id != source.key and not equation.id.startswith(source.key + "_"):
            faults.append(f"{equation.id}: an id starts with its source's key '{source.key}'")
    if len({equation.id for equation in equations}) != len(equations):
        faults.append("two equations have the same id")
    if faults:
        raise CatalogueError(name, faults)
    return source, equations


def _equation(table: dict[str, Any], source: Source, faults: list[str]) -> Equation:
    reader = _Reader(str(table.get("id", "equation without id")), table, faults)
    form = reader.choice("form", FORMS)
    n_trees, pom = reader.number("n_trees"), reader.number("pom_m")
    equation = Equation(
        id=reader.text("id"),
        source=source,
        predicts=reader.choice("predicts", PREDICTED),
        unit=reader.choice("unit", tuple(UNITS)),
        form=form,
        size=reader.choice("size", SIZES, "dbh"),
        inputs=reader.texts("inputs"),
        grade=reader.choice("grade", GRADES),
        where=reader.text("where"),
        log_base=reader.number("log_base", math.e),
        terms=_terms(reader, form),
        coefficients=reader.numbers("coefficients", COEFFICIENT_KEYS.get(form, ())),
        members=reader.texts("members"),
        weights=_weights(reader),
        clamp=reader.spans(reader.sub("clamp"), "clamp"),
        constant=reader.flag("constant"),
        level=reader.choice("level", ("tree", "stand"), "tree"),
        taxa=reader.texts("taxa"),
        growth_forms=reader.texts("growth_forms"),
        region=reader.text("region", "unknown"),
        n_trees=None if math.isnan(n_trees) else int(n_trees),
        pom_m=None if math.isnan(pom) else pom,
        stems=reader.choice("stems", ("sum", "equivalent_d"), "sum"),
        bias=reader.choice("bias", BIAS),
        range=_range(reader),
        residual=_residual(reader),
        covariance=_covariance(reader),
        sites=_sites(reader),
        checks=_checks(reader),
        roots=reader.text("roots", ""),
        note=reader.text("note", ""),
    )
    reader.finish()
    _consistent(equation, reader)
    return equation


def _terms(reader: _Reader, form: str) -> tuple[dict[str, float], ...]:
    reader.used.add("terms")
    terms = reader.table.get("terms", [])
    if (form == "log_polynomial") != bool(terms):
        reader.fault("'terms' belongs to the form log_polynomial, and to it alone")
        return ()
    for term in terms:
        unknown = set(term) - set(TERM_KEYS)
        if unknown:
            reader.fault(f"term keys {sorted(unknown)} are not in {', '.join(TERM_KEYS)}")
        if ("scale" in term) == ("intercept" in term):
            reader.fault("a term has either 'scale' or 'intercept'")
        if term.get("scale", 1.0) <= 0:
            reader.fault("a term's scale must be positive")
    return tuple({key: float(value) for key, value in term.items()} for term in terms)


def _range(reader: _Reader) -> Range:
    table = reader.sub("range")
    kind = table.get("kind", "")
    if kind not in {"published", "data", "unknown"}:
        reader.fault("'range.kind' is published, data or unknown")
    return Range(str(kind), reader.spans(table, "range"), str(table.get("note", "")))


def _residual(reader: _Reader) -> Residual:
    table = reader.sub("residual")
    kind, value, note = table.get("kind", ""), table.get("value", 0.0), table.get("note", "")
    if kind not in {"sd_ln", "sd_abs", "none"}:
        reader.fault("'residual.kind' is sd_ln, sd_abs or none")
    if kind == "none" and not note:
        reader.fault("a residual of kind none says why in its note")
    if (kind == "none") != (value == 0.0):
        reader.fault("'residual.value' is positive, or absent for kind none")
    power = float(table.get("power", 0.0))
    if power and kind != "sd_abs":
        reader.fault("'residual.power' belongs to the kind sd_abs")
    return Residual(str(kind), float(value), str(note), power)


def _weights(reader: _Reader) -> tuple[float, ...]:
    """Weights of the members of a geometric mean, summing to one; equal where none are given."""
    reader.used.add("weights")
    members, given = reader.table.get("members", []), reader.table.get("weights")
    if given is None:
        return tuple(1.0 / len(members) for _ in members)
    sound = isinstance(given, list) and all(
        isinstance(value, int | float) and value > 0 for value in given
    )
    if not sound or len(given) != len(members) or abs(sum(given) - 1.0) > 1e-6:
        reader.fault("'weights' has one positive number for each member, summing to 1")
        return ()
    return tuple(float(value) / sum(given) for value in given)


def _sites(reader: _Reader) -> Sites | None:
    table = reader.sub("sites")
    if not table:
        return None
    sub = _Reader(f"{reader.where}, sites", table, reader.faults)
    number, sd = sub.number("number"), sub.number("sd_ln")
    note = sub.text("note", "")
    sub.finish()
    if not number >= 1:
        sub.fault("'number' is at least 1")
        number = 1.0
    if sd < 0:
        sub.fault("'sd_ln' is not negative; leave it out where it is unknown")
    return Sites(int(number), None if math.isnan(sd) else sd, note)


def _covariance(reader: _Reader) -> Covariance | None:
    table = reader.sub("covariance")
    if not table:
        return None
    names = tuple(str(name) for name in table.get("names", []))
    if "matrix" in table:
        matrix = tuple(tuple(float(v) for v in row) for row in table["matrix"])
    else:
        sd, r = table.get("sd", []), float(table.get("correlation", 0.0))
        matrix = tuple(
            tuple(a * b * (1.0 if i == j else r) for j, b in enumerate(sd))
            for i, a in enumerate(sd)
        )
    if len(matrix) != len(names) or any(len(row) != len(names) for row in matrix):
        reader.fault("'covariance' needs names and a matrix (or sd and one correlation) that fit")
    return Covariance(names, matrix, str(table.get("note", "")))


def _checks(reader: _Reader) -> tuple[Check, ...]:
    reader.used.add("check")
    checks = []
    for entry in reader.table.get("check", []):
        sub = _Reader(f"{reader.where}, check", entry, reader.faults)
        checks.append(
            Check(
                kind=sub.choice("kind", ("published", "recomputed")),
                inputs=sub.numbers("inputs", INPUTS),
                expected=sub.number("expected"),
                tolerance=sub.number("tolerance"),
                source=sub.text("source", ""),
            )
        )
        sub.finish()
        if not 0 < checks[-1].tolerance <= 0.02:
            sub.fault("'tolerance' is relative, positive and at most 0.02")
    if not checks:
        reader.fault("at least one check value is needed")
    return tuple(checks)


def _consistent(equation: Equation, reader: _Reader) -> None:
    """Rules that tie several keys together."""
    unknown = set(equation.inputs) - set(INPUTS)
    if unknown or not equation.inputs:
        reader.fault(f"'inputs' must name some of {', '.join(INPUTS)}")
    if not equation.members and equation.size not in equation.inputs:
        reader.fault(f"the size variable '{equation.size}' is not among the inputs")
    if (equation.form == "geometric_mean") != bool(equation.members):
        reader.fault("'members' belongs to the form geometric_mean, and to it alone")
    if equation.form in COEFFICIENT_KEYS and not equation.coefficients:
        reader.fault(f"the form {equation.form} needs 'coefficients'")
    if set(equation.growth_forms) - set(GROWTH_FORMS):
        reader.fault(f"'growth_forms' must be some of {', '.join(GROWTH_FORMS)}")
    if equation.bias == "apply" and equation.residual.kind != "sd_ln":
        reader.fault("bias 'apply' needs a residual of kind sd_ln")
    if not equation.range.limits:
        reader.fault("'range' needs limits of at least the size variable (a span of our choice "
                     "when its kind is unknown)")  # fmt: skip
    elif equation.size not in equation.range.limits:
        reader.fault(f"'range' lacks the size variable '{equation.size}'")
