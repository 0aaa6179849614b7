"""Errors of equations, densities and height models, as loads on independent normals.

Every error acts on the logarithm of a tree's biomass: its load is a standard deviation there, so
that an error of height counts times the equation's exponent of height.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import FOLDER, get_equation, read_toml
from allometry.catalogue.schema import Equation
from allometry.evaluation import EquationTable
from allometry.gradients import coefficient_gradient, has_simple_covariance
from allometry.heights import HeightModel, predict_heights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RUBBER_EQUATIONS = "hevea_ensemble"
STEP = 1e-3  # of a logarithm, for derivatives
ROWS_AT_ONCE = 1 << 16
REFERENCE_LN_D = math.log(20.0)


@dataclass(frozen=True, slots=True)
class ErrorTerm:
    """One error of the budget, as the catalogue has it."""

    name: str
    level: str
    unit: str
    sd: float | dict[str, float] | None
    meaning: str
    citation: str
    grade: str

    def size(self, key: str) -> float:
        """One of several sizes."""
        assert isinstance(self.sd, dict)
        return float(self.sd[key])


@functools.cache
def error_terms() -> dict[str, ErrorTerm]:
    """The default budget, in the catalogue's order."""
    return {
        name: ErrorTerm(
            name=name,
            level=str(row["level"]),
            unit=str(row["unit"]),
            sd=row.get("sd"),
            meaning=str(row["meaning"]),
            citation=str(row["citation"]),
            grade=str(row["grade"]),
        )
        for name, row in read_toml(FOLDER / "error_budget.toml").items()
    }


def is_rubber(record: Equation) -> bool:
    """Whether an equation is one of rubber's own."""
    members = get_equation(RUBBER_EQUATIONS).members
    return (
        record.id == RUBBER_EQUATIONS
        or record.id in members
        or "Hevea brasiliensis" in (record.taxa)
    )


def site_sd(record: Equation) -> float | None:
    """Deviation of a new place from an equation of one's own [ln]; None where it is unknown.

    Few places estimate a spread poorly: that of k places counts as many times as Student's t with
    k - 1 degrees of freedom is the normal at 90 %, as for the five rubber equations.
    """
    if record.sites is None or record.sites.sd_ln is None:
        return None
    return record.sites.sd_ln * few_places(record.sites.number)


@functools.cache
def few_places(number: int) -> float:
    """Student's t with ``number`` - 1 degrees of freedom over the normal, at 90 %.

    Examples
    --------
    >>> round(few_places(5), 2)
    1.3
    """
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415  (slow import)

    return float(stdtrit(max(number - 1, 1), 0.95) / ndtri(0.95))


def takes_rubber_spread(record: Equation) -> bool:
    """Whether the spread of rubber's equations stands for what one does not know of its own."""
    return is_rubber(record) and site_sd(record) is None


def acts_on_own_size(record: Equation) -> bool:
    """Whether the coefficients' error is drawn over the equation's own size, not over ln D.

    Not where the spread of rubber's equations, which is one over ln D, is drawn as well.
    """
    if not has_simple_covariance(record):
        return False
    plain = record.size == "dbh" and record.covariance is not None and (
        record.covariance.names[1] == "x"
    )  # fmt: skip
    return plain or not takes_rubber_spread(record)


def of_many_species(record: Equation) -> bool:
    """Whether an equation was fitted to trees of many species."""
    return not record.taxa


@dataclass(frozen=True)
class Scatter:
    """Residual of an equation: ``sd_ln``, or ``sd_abs`` in the equation's unit; and why.

    With a ``power`` the absolute one is times D^power.
    """

    sd_ln: float
    sd_abs: float = 0.0
    origin: str = "published"
    power: float = 0.0


def scatter(record: Equation) -> Scatter:
    """Residual of single trees about an equation at the tree level.

    The published residual of an equation of many species holds the deviations of species and
    localities too; they are taken out because the budget draws them at their own level. An
    equation fitted to trees of one's own has the residual within its places.
    """
    term = error_terms()["residual"]
    if record.sites is not None and record.residual.kind != "none":
        return _own_scatter(record)
    if record.id == "chave_2014_eq4":
        return Scatter(term.size(record.id))
    if is_rubber(record):
        return Scatter(term.size("rubber"), origin="assumption")
    if "areca" in record.growth_forms:
        return Scatter(term.size("areca"), origin="assumption")
    if record.residual.kind == "sd_abs":
        return Scatter(0.0, record.residual.value)
    if record.residual.kind == "none":
        return Scatter(term.size("missing"), origin="stand_in")
    if not of_many_species(record):
        return Scatter(record.residual.value)
    shared = sum(float(str(error_terms()[name].sd)) ** 2 for name in ("species", "locality"))
    rest = record.residual.value**2 - shared
    return Scatter(math.sqrt(rest) if rest > 0 else record.residual.value)


def _own_scatter(record: Equation) -> Scatter:
    residual = record.residual
    if residual.kind == "sd_abs":
        return Scatter(0.0, residual.value, "own", residual.power)
    species = float(str(error_terms()["species"].sd)) if of_many_species(record) else 0.0
    rest = residual.value**2 - species**2
    return Scatter(math.sqrt(rest) if rest > 0 else residual.value, origin="own")


@dataclass(frozen=True, slots=True)
class Line:
    """A load on one normal: ``intercept + slope x``."""

    intercept: float
    slope: float = 0.0


def effective_members(record: Equation) -> float:
    """How many equations a mean of rubber's is worth: 1 / sum of squared weights; 1 for one."""
    return 1.0 / sum(weight**2 for weight in record.weights) if record.weights else 1.0


def rubber_lines(term: ErrorTerm, *, members: float = 1.0) -> tuple[Line, Line]:
    """Deviation at D 20 cm and its slope in ln D, on two independent normals, over x = ln D.

    ``members`` is how many equations are averaged; it counts only for a term that averages.
    """
    size = term.size
    averaged = members if size("members") > 1.0 else 1.0
    factor = size("factor") / math.sqrt(averaged)
    a, b, r = size("intercept") * factor, size("slope") * factor, size("correlation")
    own = b * math.sqrt(1.0 - r * r)
    return (
        Line(a - b * r * REFERENCE_LN_D, b * r),
        Line(-own * REFERENCE_LN_D, own),
    )


def covariance_root(matrix: Any) -> Floats:
    """Lower triangle L with L Lᵀ = matrix; zero rows and columns are allowed."""
    values, vectors = np.linalg.eigh(np.asarray(matrix, dtype=np.float64))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    lower: Floats = np.asarray(np.linalg.qr(root.T, mode="r")).T
    return lower


def coefficient_lines(record: Equation, at: Line) -> tuple[Line, ...]:
    """Joint error of intercept and slope; ``at`` is the equation's own size variable over x."""
    if record.covariance is None or len(record.covariance.names) != 2:
        return ()
    lower = covariance_root(record.covariance.matrix)
    return tuple(
        Line(lower[0, k] + lower[1, k] * at.intercept, lower[1, k] * at.slope) for k in range(2)
    )


def covariance_lines(
    record: Equation, ends: tuple[float, float], ln_height: Floats, ln_density: Floats
) -> tuple[Line, ...]:
    """Joint error of any number of coefficients, straight in ln D between two diameters.

    ``ends`` are ln D; height and density are given at both.
    """
    assert record.covariance is not None
    root = covariance_root(record.covariance.matrix)
    size = ln_height if record.size == "height" else np.array(ends)
    gradient = coefficient_gradient(record, size, ln_height, ln_density)
    return _lines(gradient @ root, *ends)


def _lines(values: Floats, low: float, high: float) -> tuple[Line, ...]:
    """Straight lines through values at two ends, shape (2, n)."""
    slopes = (values[1] - values[0]) / (high - low)
    return tuple(
        Line(float(values[0, k] - slopes[k] * low), float(slopes[k])) for k in range(len(slopes))
    )


def height_lines(model: str | HeightModel, low: float, high: float) -> tuple[Line, ...]:
    """Joint error of a height model's coefficients in ln H, straight in ln D between two D.

    ``low`` and ``high`` are ln D; for the form ln H = a + b ln D the lines are exact everywhere.
    """
    if isinstance(model, HeightModel):
        if not np.all(np.isfinite(model.covariance)):
            return ()
        root = covariance_root(model.covariance)
        ends = model.gradient_ln(np.exp([low, high])) @ root
    else:
        record = get_equation(model)
        if record.covariance is None:
            return ()
        nothing = np.zeros(2)
        return covariance_lines(record, (low, high), nothing, nothing)
    return _lines(ends, low, high)


@dataclass(frozen=True)
class Exponents:
    """Derivatives of ln biomass by ln D, ln H and ln density, per tree."""

    size: Floats
    height: Floats
    density: Floats = field(default_factory=lambda: np.zeros(0))


def exponents(
    table: EquationTable, number: Ints, size: Floats, height: Floats, density: Floats,
    stress: Floats,
) -> Exponents:  # fmt: skip
    """Local exponents of each tree's equation (central differences); 0 where an input is unused."""
    slopes = np.empty((3, len(number)))
    for first in range(0, len(number), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        moved = np.array([[values[rows] for values in (size, height, density)]] * 6)
        for k in range(3):  # each input up, and each down
            moved[k, k] *= math.exp(STEP)
            moved[k + 3, k] *= math.exp(-STEP)
        sizes, heights, densities = (moved[:, k].ravel() for k in range(3))
        known, stressed = np.tile(np.maximum(number[rows], 0), 6), np.tile(stress[rows], 6)
        values = table.evaluate(known, sizes, heights, densities, stressed)
        with np.errstate(invalid="ignore"):
            logs = np.log(values).reshape(2, 3, -1)
            slope = (logs[0] - logs[1]) / (2.0 * STEP)
        slopes[:, rows] = np.where(np.isfinite(slope) & (number[rows] >= 0), slope, 0.0)
    return Exponents(*slopes)


def height_exponents(
    models: Sequence[str | HeightModel], number: Ints, dbh: Floats, stress: float | None
) -> Floats:
    """Derivative of ln H by ln D of each tree's height model; 0 for trees without one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        up = predict_heights(models, number, dbh * math.exp(STEP), stress)
        down = predict_heights(models, number, dbh * math.exp(-STEP), stress)
        result: Floats = np.log(up / down) / (2.0 * STEP)
    return np.where(np.isfinite(result), result, 0.0)
