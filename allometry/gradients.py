"""How an equation's prediction moves with its coefficients: derivatives of its logarithm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.schema import Equation

Floats = NDArray[np.float64]
SIMPLE = ("x", "x2h", "x2h_rho", "x2_rho")  # sizes on which one slope acts


def has_simple_covariance(record: Equation) -> bool:
    """Whether the joint error is that of one intercept and one slope."""
    return (
        record.covariance is not None
        and len(record.terms) == 1
        and len(record.covariance.names) == 2
        and record.covariance.names[1] in SIMPLE
    )


def uses_height(record: Equation) -> bool:
    """Whether the joint error of the coefficients depends on the height."""
    return "height" in record.inputs


def coefficient_gradient(
    record: Equation, ln_size: Floats, ln_height: Floats, ln_density: Floats
) -> Floats:
    """Derivatives of ln Y by the coefficients that the record's covariance names.

    Parameters
    ----------
    record : Equation
        With a covariance. Names are keys of its term (``intercept``, ``x``, ``x2h`` ...), behind
        the number of the term where there are several (``2.x``), or the letters of a curve.
    ln_size, ln_height, ln_density : ndarray, shape (n,)
        Logarithms of the size variable, the height [m] and the density [g/cm3].

    Returns
    -------
    ndarray, shape (n, n_names)
    """
    assert record.covariance is not None
    names = record.covariance.names
    if record.form in {"michaelis_menten", "weibull"}:
        return np.column_stack([_curve(record, name, ln_size) for name in names])
    shares = _shares(record, ln_size, ln_height, ln_density)
    columns = []
    for name in names:
        number, _, key = name.rpartition(".")
        term = int(number or 1) - 1
        columns.append(shares[term] * _feature(key, ln_size, ln_height, ln_density))
    return np.column_stack(columns)


def _feature(key: str, ln_x: Floats, ln_h: Floats, ln_rho: Floats) -> Floats:
    """What a coefficient of a log-polynomial is multiplied by."""
    powers = {"intercept": 0, "x": 1, "x2": 2, "x3": 3}
    if key in powers:
        return np.asarray(ln_x ** powers[key], dtype=np.float64)
    combined = {
        "h": ln_h, "rho": ln_rho, "x2h": 2.0 * ln_x + ln_h,
        "x2h_rho": 2.0 * ln_x + ln_h + ln_rho, "x2_rho": 2.0 * ln_x + ln_rho,
    }  # fmt: skip
    return np.asarray(combined[key], dtype=np.float64)


def _shares(record: Equation, ln_x: Floats, ln_h: Floats, ln_rho: Floats) -> Floats:
    """Share of each term in the sum, shape (n_terms, n)."""
    if len(record.terms) == 1:
        return np.ones((1, len(ln_x)))
    logs = []
    for term in record.terms:
        value = np.full(len(ln_x), np.log(term["scale"]) if "scale" in term else term["intercept"])
        for key, coefficient in term.items():
            if key not in {"scale", "intercept"}:
                value = value + coefficient * _feature(key, ln_x, ln_h, ln_rho)
        logs.append(value)
    table = np.exp(np.array(logs) - np.max(logs, axis=0))
    result: Floats = table / table.sum(axis=0)
    return result


def _curve(record: Equation, name: str, ln_x: Floats) -> Floats:
    """Derivative of ln Y by a letter of a saturating curve."""
    c, x = record.coefficients, np.exp(ln_x)
    if record.form == "michaelis_menten":
        offset = c.get("offset", 0.0)
        value = offset + c["a"] * x / (c["b"] + x)
        slope = {"a": x / (c["b"] + x), "b": -c["a"] * x / (c["b"] + x) ** 2}[name]
        return np.asarray(slope / value, dtype=np.float64)
    power = x ** c["c"]
    rest = np.exp(-c["b"] * power)
    own = c["a"] * rest * power
    slope = {"a": 1.0 - rest, "b": own, "c": own * c["b"] * ln_x}[name]
    return np.asarray(slope / (c["a"] * (1.0 - rest)), dtype=np.float64)
