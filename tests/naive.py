"""A plain numpy twin of everything that is computed: slow, short, and written apart from it."""

from __future__ import annotations

import math

import numpy as np

from allometry.catalogue.loader import get_equation

UNIT = {"kg": 1.0, "Mg": 1000.0, "m3": 1.0, "m": 1.0, "t/ha": 1.0, "kg C": 1.0}


def predict(equation_id, **inputs):
    """Value of one equation from its record, with numpy's own exp and log."""
    record = get_equation(equation_id)
    if record.members:
        logs = [np.log(predict(member, **inputs)) for member in record.members]
        return np.exp(sum(logs) / len(logs))
    values = {name: np.asarray(value, dtype=float) for name, value in inputs.items()}
    for name, (low, high) in record.clamp.items():
        values[name] = np.minimum(np.maximum(values[name], low), high)
    x = values[record.size]
    h = values.get("height", np.nan)
    rho = values.get("wood_density", np.nan)
    stress = values.get("stress", np.nan)
    c = record.coefficients
    if record.form == "log_polynomial":
        y = sum(_term(term, x, h, rho, stress, record.log_base) for term in record.terms)
        if record.bias == "apply":
            y = y * np.exp(record.residual.value**2 / 2)
    elif record.form == "polynomial":
        area = math.pi / 4 * x**2
        y = (
            c.get("const", 0)
            + c.get("x", 0) * x
            + c.get("x2", 0) * x**2
            + (c["h"] * h if "h" in c else 0)
            + (c["x2h"] * x**2 * h if "x2h" in c else 0)
            + c.get("ba", 0) * area
            + c.get("ba2", 0) * area**2
            + c.get("ba3", 0) * area**3
        )
    elif record.form == "ogawa":
        d2h = x**2 * h
        wood = c["stem_scale"] * d2h ** c["stem_power"]
        wood = wood + c["branch_scale"] * d2h ** c["branch_power"]
        y = wood + 1 / (c["leaf_a"] / wood + c["leaf_b"])
    elif record.form == "tiepolo":
        y = c["numerator"] / (1 + c["factor"] * np.exp(c["rate"] * x))
    elif record.form == "michaelis_menten":
        y = c["offset"] + c["a"] * x / (c["b"] + x)
    elif record.form == "weibull":
        y = c["a"] * (1 - np.exp(-c["b"] * x ** c["c"]))
    else:
        raise AssertionError(record.form)
    return y * UNIT[record.unit]


def _term(term, x, h, rho, stress, log_base):
    y = term["scale"] if "scale" in term else log_base ** term["intercept"]
    for power, base in (
        ("x", x),
        ("h", h),
        ("rho", rho),
        ("x2h", x**2 * h),
        ("x2h_rho", x**2 * h * rho),
        ("x2_rho", x**2 * rho),
    ):
        if power in term:
            y = y * base ** term[power]
    if "x2" in term:
        y = y * np.exp(term["x2"] * np.log(x) ** 2)
    if "x3" in term:
        y = y * np.exp(term["x3"] * np.log(x) ** 3)
    if "e" in term:
        y = y * np.exp(term["e"] * stress)
    return y


def plot_totals(trees, area_ha, carbon_fraction=0.47):
    """Stocks of plots in t/ha, tree by tree in plain Python, from the rows of a tree table.

    ``trees`` has plot_id, count, equation_id, roots_id, dbh, height, wood_density.
    """
    totals = {}
    for tree in trees:
        record = get_equation(tree["equation_id"])
        inputs = {name: tree[name] for name in record.inputs}
        agb = tree["count"] * float(predict(tree["equation_id"], **inputs))
        roots = get_equation(tree["roots_id"])
        size = {"agb_tree": agb / tree["count"], "dbh": tree["dbh"], "height": tree["height"]}
        bgb = tree["count"] * float(
            predict(roots.id, **{name: size[name] for name in roots.inputs})
        )
        row = totals.setdefault(tree["plot_id"], {"agb": 0.0, "bgb": 0.0, "carbon": 0.0})
        row["agb"] += agb / 1000 / area_ha
        row["bgb"] += bgb / 1000 / area_ha
        row["carbon"] += (agb + bgb) * carbon_fraction / 1000 / area_ha
    return totals
