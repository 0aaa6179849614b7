"""Find and describe the equations of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allometry.catalogue.loader import all_equations, get_equation
from allometry.catalogue.schema import Equation
from allometry.names import match_one
from allometry.quantities import QUANTITIES

if TYPE_CHECKING:
    import pandas as pd


def find_equations(
    taxon: str | None = None, predicts: str | None = None, grade: str | None = None
) -> list[Equation]:
    """Records that apply to a taxon (species, its genus, its growth form) and predict a quantity.

    Parameters
    ----------
    taxon : str, optional
        Species, genus or growth form; None for all.
    predicts : str, optional
        ``agb``, ``bgb``, ``height``, ``stem_volume`` …
    grade : str, optional
        ``A``, ``B`` or ``C``.

    Returns
    -------
    list of Equation
        Those that name the species first, then genus and family, then growth form.
    """
    keys: list[str] = []
    if taxon is not None:
        match = match_one(taxon)
        keys = [match.species or taxon, match.genus, match.family, match.growth_form or taxon]
    found: list[tuple[int, Equation]] = []
    for record in all_equations():
        if predicts not in {None, record.predicts} or grade not in {None, record.grade}:
            continue
        rank = _rank(record, keys) if keys else 0
        if rank is not None:
            found.append((rank, record))
    return [record for _, record in sorted(found, key=lambda pair: (pair[0], pair[1].id))]


def _rank(record: Equation, keys: list[str]) -> int | None:
    """How closely a record names a taxon: 0 species … 3 growth form; None: not at all."""
    if record.taxa:
        ranks = [i for i, key in enumerate(keys[:3]) if key and key in record.taxa]
        return ranks[0] if ranks else None
    return 3 if keys[3] in record.growth_forms else None


def equations(
    taxon: str | None = None, predicts: str | None = None, grade: str | None = None
) -> pd.DataFrame:
    """The catalogue as a table.

    Parameters
    ----------
    taxon : str, optional
        Species in any spelling, genus or growth form; None for all.
    predicts : str, optional
        ``agb``, ``bgb``, ``height``, ``stem_volume`` …; None for all.
    grade : str, optional
        ``A``, ``B`` or ``C``; None for all.

    Returns
    -------
    pandas.DataFrame
        One row per equation, those that name the species first: id, predicts, unit (of what it
        predicts), form, inputs, grade, taxa, region, range, n_trees, pom_m [m], residual, bias,
        level, citation.

    Notes
    -----
    A taxon that is not known gives a table without rows.

    Examples
    --------
    >>> import allometry as al
    >>> al.equations(taxon="Hevea brasiliensis", predicts="agb")["id"].tolist()[:3]
    ['andrade_2022', 'chiarawipa', 'duran_2011']
    """
    import pandas as pd  # noqa: PLC0415

    found = [summary(record) for record in find_equations(taxon, predicts, grade)]
    return pd.DataFrame(found, columns=list(summary(next(all_equations()))))


def summary(record: Equation) -> dict[str, str | float | int | None]:
    """One line about an equation, for tables."""
    low, high = record.range.limits[record.size]
    unit = QUANTITIES[record.size].unit
    residual = record.residual
    return {
        "id": record.id,
        "predicts": record.predicts,
        "unit": record.unit,
        "form": record.form,
        "inputs": ", ".join(record.inputs),
        "grade": record.grade,
        "taxa": ", ".join(record.taxa or record.growth_forms) or "any",
        "region": record.region,
        "range": f"{low:g}-{high:g} {unit} ({record.range.kind})",
        "n_trees": record.n_trees,
        "pom_m": record.pom_m,
        "residual": "none seen"
        if residual.kind == "none"
        else f"{residual.kind} {residual.value:g}",
        "bias": record.bias,
        "level": record.level,
        "citation": record.source.citation,
    }


def describe(equation: str) -> dict[str, str]:
    """Everything that is known of an equation, line by line.

    Parameters
    ----------
    equation : str
        Id.

    Returns
    -------
    dict of str
        What is unknown is there as ``unknown``.

    Raises
    ------
    UnknownEquation

    Examples
    --------
    >>> describe("chave_2014_eq4")["formula"]
    'agb [kg] = 0.0673 (D2 H rho)^0.976'
    """
    record = get_equation(equation)
    line = summary(record)
    known = {name: "unknown" if value is None else str(value) for name, value in line.items()}
    span = "; ".join(
        f"{name} {low:g}-{high:g} {QUANTITIES[name].unit}"
        for name, (low, high) in record.range.limits.items()
    )
    return known | {
        "formula": _formula(record),
        "range": f"{record.range.kind}: {span}" + _note(record.range.note),
        "residual": known["residual"] + _note(record.residual.note),
        "coefficient_sd": _coefficient_sd(record),
        "stems": record.stems,
        "roots": record.roots or "none",
        "checks": "; ".join(
            f"{c.kind}: {_inputs(c.inputs)} -> {c.expected:g}" for c in record.checks
        ),
        "where": record.where,
        "seen": record.source.seen,
        "doi": record.source.doi or "unknown",
        "note": " ".join(part for part in (record.note, record.source.note) if part) or "none",
    }


def _note(text: str) -> str:
    return f" ({text})" if text else ""


def _inputs(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


def _coefficient_sd(record: Equation) -> str:
    if record.covariance is None:
        return "unknown"
    pairs = zip(record.covariance.names, record.covariance.matrix, strict=True)
    return ", ".join(f"{name} {row[i] ** 0.5:g}" for i, (name, row) in enumerate(pairs))


_SYMBOLS = {
    "dbh": "D",
    "height": "H",
    "crown_diameter": "CD",
    "age": "age",
    "agb_tree": "AGB",
    "agb_stand": "AGB",
}


def _formula(record: Equation) -> str:
    """The equation in one line, with the coefficients as printed by its source."""
    left = f"{record.predicts} [{record.unit}] = "
    if record.members:
        shares = zip(record.members, record.weights, strict=True)
        equal = len(set(record.weights)) == 1
        return (
            left
            + "geometric mean of "
            + ", ".join(name if equal else f"{name} ({weight:.3g})" for name, weight in shares)
        )
    size = _SYMBOLS[record.size]
    if record.terms:
        right = " + ".join(_term(term, size, record.log_base) for term in record.terms)
        return left + right + (" x exp(s^2/2)" if record.bias == "apply" else "")
    values = record.coefficients
    shapes = {
        "polynomial": " + ".join(f"{value:g} {key}" for key, value in values.items()),
        "ogawa": "W + 1/({leaf_a:g}/W + {leaf_b:g}), W = {stem_scale:g} (D2 H)^{stem_power:g} + "
        "{branch_scale:g} (D2 H)^{branch_power:g}",
        "tiepolo": "{numerator:g}/(1 + {factor:g} exp({rate:g} H))",
        "michaelis_menten": "{offset:g} + {a:g} X/({b:g} + X)",
        "weibull": "{a:g} (1 - exp(-{b:g} X^{c:g}))",
    }
    return left + shapes[record.form].format(**values).replace("X", size)


def _term(term: dict[str, float], size: str, log_base: float) -> str:
    """One product of powers."""
    base = "10" if log_base == 10.0 else "e"
    text = f"{term['scale']:g}" if "scale" in term else f"{base}^{term['intercept']:g}"
    names = {
        "x": size,
        "h": "H",
        "rho": "rho",
        "x2h": f"({size}2 H)",
        "x2h_rho": f"({size}2 H rho)",
        "x2_rho": f"({size}2 rho)",
    }
    for key, name in names.items():
        if key in term:
            text += f" {name}^{term[key]:g}"
    for key, name in (("x2", f"ln2 {size}"), ("x3", f"ln3 {size}"), ("e", "E")):
        if key in term:
            text += f" exp({term[key]:g} {name})"
    return text
