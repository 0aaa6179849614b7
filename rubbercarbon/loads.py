"""The error budget laid on an inventory: which tree carries how much of which error.

Trees that share every error form a *cell*. A cell's loads come from its categories alone
(equation, species, locality, crew, height model, rounded exponents), never from the trees that
happen to be in the batch, so that a draw does not depend on how an inventory is split.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry import error_model
from allometry.catalogue.loader import get_equation
from allometry.catalogue.schema import UNITS, Equation
from allometry.error_model import Line
from allometry.evaluation import EquationTable
from allometry.heights import HeightModel, predict_height
from rubbercarbon.budget import ErrorBudget, TermInForce
from rubbercarbon.columns import RUBBER
from rubbercarbon.living import Bools, Floats, Ints

Keys = NDArray[np.uint64]
SPAN = (math.log(5.0), math.log(50.0))  # where curves that are nearly straight are made straight
BIN = math.log(2.0)  # width in ln D of a piece of a curved height model
GRID = {"size": 0.1, "height": 0.01, "density": 0.02}
EXACT_GRID = 1e-4
LINES = 3  # most normals of one term
COUNTED_TREE = 1.0


@dataclass(frozen=True)
class Trees:
    """What the loads of errors depend on, one value per row in computing order.

    Attributes
    ----------
    equation, roots : ndarray of int64
        Numbers in ``biomass_ids`` and ``root_ids``; -1 for none.
    dbh, height, wood_density, density_sd : ndarray
        [cm], [m], [g/cm3], [g/cm3].
    agb_kg : ndarray
        Of one stem [kg], herbs too.
    count : ndarray
    carbon_fraction : ndarray
    herb : ndarray of bool
    species, locality, campaign, plot, tree, clone, height_source : ndarray of object
    density_given, sd_given, pom_differs : ndarray of bool
        Density, or its sd, is the user's; diameter taped off the equation's point.
    """

    equation: Ints
    roots: Ints
    dbh: Floats
    height: Floats
    wood_density: Floats
    density_sd: Floats
    agb_kg: Floats
    count: Floats
    carbon_fraction: Floats
    herb: Bools
    species: NDArray[Any]
    locality: NDArray[Any]
    campaign: NDArray[Any]
    plot: NDArray[Any]
    tree: NDArray[Any]
    clone: NDArray[Any]
    height_source: NDArray[Any]
    density_given: Bools
    sd_given: Bools
    pom_differs: Bools


@dataclass(frozen=True)
class Factor:
    """One normal of a term: ``target`` is mass, roots or carbon; ``plot`` if plots own it."""

    term: str
    number: int
    target: str
    plot: bool

    @property
    def stream(self) -> int:
        """Stream of its normals."""
        return stream_of(f"{self.term}:{self.number}")


@dataclass(frozen=True)
class Layout:
    """Errors of an inventory, ready for `rubbercarbon.uncertainty`.

    Attributes
    ----------
    cell : ndarray of int64, shape (n,)
        -1 for rows without biomass.
    x : ndarray, shape (n,)
        Size on a log scale: ln D, or ln(rho D² H) where coefficients act on that.
    sigma : ndarray, shape (n,)
        Sum of the errors that each tree draws for itself, sd of ln.
    own_share : dict
        Term → variance of ln per row, for the errors inside ``sigma``.
    tree : ndarray of uint64, shape (n,)
        Id of the tree's normal (stems of a tree share it).
    factors : tuple of Factor
    intercept, slope : ndarray, shape (n_cells, n_factors)
        Loads are intercept + slope x.
    code : ndarray of int64, shape (n_cells, n_factors)
        Shared unit of each factor in ``units``; -1 where the cell has no load.
    units : ndarray of uint64
    unit_streams : ndarray of uint64
    carbon : ndarray, shape (n_cells,)
    herb : ndarray of bool, shape (n_cells,)
    """

    cell: Ints
    x: Floats
    sigma: Floats
    own_share: dict[str, Floats]
    tree: Keys
    factors: tuple[Factor, ...]
    intercept: Floats
    slope: Floats
    code: Ints
    units: Keys
    unit_streams: Keys
    carbon: Floats
    herb: Bools


def key_of(text: str) -> int:
    """Stable 64-bit id of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def stream_of(text: str) -> int:
    """Stable 32-bit number of a stream's name."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def _keys(texts: NDArray[Any]) -> Keys:
    codes, distinct = pd.factorize(texts)
    table = np.array([key_of(str(text)) for text in distinct] or [0], dtype=np.uint64)
    return table[codes]


@dataclass
class _View:
    """Inputs of the loads for rows, or for cells with their rounded values."""

    records: list[Equation]
    equation: Ints
    roots: Ints
    size_exponent: Floats
    height_exponent: Floats
    density_exponent: Floats
    dbh: Floats
    height: Floats
    wood_density: Floats
    density_sd: Floats
    agb_kg: Floats
    carbon_fraction: Floats
    rubber: Bools
    clone_known: Bools
    model: list[str]
    model_code: Ints
    pom_differs: Bools
    sd_given: Bools
    piece: Ints
    steady: Bools

    def per_equation(self, values: list[float]) -> Floats:
        """One figure per equation, spread over rows."""
        return np.array([*values, 0.0])[self.equation]

    def flags(self, values: list[bool]) -> Bools:
        return np.array([*values, False], dtype=np.bool_)[self.equation]


Loads = list[tuple[Floats, Floats]]


def lay_out(
    trees: Trees,
    biomass: EquationTable,
    root_ids: tuple[str, ...],
    budget: ErrorBudget,
    *,
    models: dict[str, HeightModel] | None = None,
    stress: float | None = None,
) -> Layout:
    """Loads of every error on every tree.

    Parameters
    ----------
    trees : Trees
    biomass : EquationTable
        What ``trees.equation`` points into.
    root_ids : tuple of str
    budget : ErrorBudget
    models : dict, optional
        The user's own height models by the name in ``height_source``.
    stress : float, optional
        Environmental stress of height models that use it.

    Returns
    -------
    Layout
    """
    own_models = models or {}
    rows, x, keys = _row_view(trees, biomass, budget, own_models, stress)
    cell, first = _cells(keys, trees.equation >= 0)
    cells = _cell_view(rows, keys, first)
    sigma2, own_share = np.zeros(len(x)), {}
    factors: list[Factor] = []
    intercepts: list[Floats] = []
    slopes: list[Floats] = []
    codes: list[Ints] = []
    texts: dict[tuple[int, str], int] = {}
    for term in budget.terms():
        if not term.on or term.name == "area":
            continue
        target = {"roots": "roots", "carbon_run": "carbon", "carbon_species": "carbon"}.get(
            term.name, "mass"
        )
        view = rows if term.own else cells
        for number, (a, b) in enumerate(_loads(term, view, own_models)):
            if not (np.any(a) or np.any(b)):
                continue
            if term.own:
                part = np.where(trees.equation >= 0, (a + b * x) ** 2, 0.0)
                sigma2 += part
                own_share[term.name] = own_share.get(term.name, 0.0) + part
                continue
            factor = Factor(term.name, number, target, term.level == "plot")
            loaded = (a != 0.0) | (b != 0.0)
            names = _units(term, trees, root_ids, biomass.ids, first)
            place = np.full(len(first), -1, dtype=np.int64)
            for c in np.flatnonzero(loaded):
                text = (factor.stream, "" if factor.plot else names[c])
                place[c] = texts.setdefault(text, len(texts))
            factors.append(factor)
            intercepts.append(np.where(loaded, a, 0.0))
            slopes.append(np.where(loaded, b, 0.0))
            codes.append(place)
    shape = (len(first), len(factors))
    with np.errstate(divide="ignore"):
        spread = np.sqrt(np.log1p(np.expm1(sigma2) / np.maximum(trees.count, COUNTED_TREE)))
    tree_text = np.char.add(
        np.char.add(trees.plot.astype(str), "\x1f"), trees.tree.astype(str)
    ).astype(object)
    return Layout(
        cell=cell,
        x=np.where(np.isfinite(x), x, 0.0),
        sigma=spread,
        own_share=own_share,
        tree=_keys(tree_text),
        factors=tuple(factors),
        intercept=np.array(intercepts).T.reshape(shape),
        slope=np.array(slopes).T.reshape(shape),
        code=np.array(codes, dtype=np.int64).T.reshape(shape),
        units=np.array([key_of(text) for _, text in texts] or [0], dtype=np.uint64),
        unit_streams=np.array([stream for stream, _ in texts] or [0], dtype=np.uint64),
        carbon=trees.carbon_fraction[first],
        herb=trees.herb[first],
    )


def _steady(record: Equation) -> bool:
    """Whether the exponents of an equation are the same at every size."""
    terms = record.terms
    return len(terms) == 1 and not terms[0].get("x2") and not terms[0].get("x3")


def _steady_model(model: str, own: dict[str, HeightModel]) -> bool:
    if model in own:
        return own[model].form == "log1"
    return _steady(get_equation(model))


def _row_view(
    trees: Trees,
    biomass: EquationTable,
    budget: ErrorBudget,
    own: dict[str, HeightModel],
    stress: float | None,
) -> tuple[_View, Floats, list[Ints]]:
    """Rows with exact values, their size x, and the category columns that make the cells."""
    records = [get_equation(name) for name in biomass.ids]
    number = trees.equation
    stressed = np.full(len(number), np.nan if stress is None else stress)
    sizes = [record.size for record in records]
    is_height = np.array([*(s == "height" for s in sizes), False])[number]
    size = np.where(is_height, trees.height, trees.dbh)
    exact = error_model.exponents(biomass, number, size, trees.height, trees.wood_density, stressed)
    by_dbh = np.array([*(s == "dbh" for s in sizes), False])[number]
    size_exponent = np.where(by_dbh, exact.size, 0.0)
    height_exponent = exact.height + np.where(is_height, exact.size, 0.0)
    sources, model_names = pd.factorize(trees.height_source)
    names = [str(name) for name in model_names]
    predicted_names = [name not in {"", "measured", "estimated"} for name in names]
    predicted = np.array([*predicted_names, False])[sources] & (height_exponent != 0.0)
    model_code = np.where(predicted, sources, -1)
    steady = np.array([*(_steady(record) for record in records), True])[number]
    piece = np.zeros(len(number), dtype=np.int64)
    ln_d = np.log(np.where(trees.dbh > 0, trees.dbh, 1.0))
    for code, name in enumerate(names):
        mine = model_code == code
        if mine.any():
            size_exponent[mine] += height_exponent[mine] * error_model.height_exponent(
                own.get(name, name), trees.dbh[mine], stress
            )
            if not _steady_model(name, own):
                steady &= ~mine
                piece[mine] = np.floor(ln_d[mine] / BIN).astype(np.int64)
    x = ln_d.copy()
    for i, record in enumerate(records):
        mine = (number == i) & ~predicted
        if record.covariance is not None and mine.any():
            x[mine] = _own_size(record, trees, mine)
    given = trees.density_given
    size_bin = np.zeros(len(number), dtype=np.int64)
    if not all(budget.term(n).own for n in ("dbh_reading", "height_reading", "residual")):
        size_bin = np.round(ln_d / GRID["size"]).astype(np.int64)
    view = _View(
        records=records, equation=number, roots=trees.roots, size_exponent=size_exponent,
        height_exponent=height_exponent, density_exponent=exact.density, dbh=trees.dbh,
        height=trees.height, wood_density=trees.wood_density, density_sd=trees.density_sd,
        agb_kg=trees.agb_kg, carbon_fraction=trees.carbon_fraction,
        rubber=trees.species == RUBBER, clone_known=trees.clone != "", model=names,
        model_code=model_code, pom_differs=trees.pom_differs, sd_given=trees.sd_given,
        piece=piece, steady=steady,
    )  # fmt: skip
    keys = [
        number,
        trees.roots,
        model_code,
        piece,
        size_bin,
        trees.herb.astype(np.int64),
        trees.pom_differs.astype(np.int64) + 2 * trees.sd_given,
        (trees.clone != "").astype(np.int64),
        _rounded(size_exponent, np.where(steady, EXACT_GRID, GRID["size"])),
        _rounded(height_exponent, np.where(steady, EXACT_GRID, GRID["height"])),
        _rounded(exact.density, np.where(steady, EXACT_GRID, GRID["height"])),
        np.where(given, _rounded(np.log(trees.wood_density), GRID["density"]), -1),
        np.where(given, _rounded(np.log(trees.density_sd), GRID["density"]), -1),
        _rounded(trees.carbon_fraction, 1e-9),
        pd.factorize(trees.species)[0].astype(np.int64),
        pd.factorize(trees.locality)[0].astype(np.int64),
        pd.factorize(trees.campaign)[0].astype(np.int64),
        *(() if not size_bin.any() else (_rounded(np.log(trees.height), GRID["size"]),)),
    ]
    return view, x, keys


def _rounded(values: Floats, grid: Floats | float) -> Ints:
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.round(values / grid)
    return np.where(np.isfinite(steps), steps, -(10**9)).astype(np.int64)


def _own_size(record: Equation, trees: Trees, mine: Bools) -> Floats:
    """The size variable on which an equation's joint coefficient error acts."""
    d, h, rho = np.log(trees.dbh[mine]), np.log(trees.height[mine]), trees.wood_density[mine]
    return _combined(record, d, h, np.log(rho))


def _combined(record: Equation, ln_d: Floats, ln_h: Floats, ln_rho: Floats) -> Floats:
    assert record.covariance is not None
    name = record.covariance.names[-1]
    if name == "x2h_rho":
        return 2.0 * ln_d + ln_h + ln_rho
    if name == "x2h":
        return 2.0 * ln_d + ln_h
    if name == "x2_rho":
        return 2.0 * ln_d + ln_rho
    return ln_d


def _cells(keys: list[Ints], used: Bools) -> tuple[Ints, Ints]:
    """Number of each row's cell, and a row of each cell."""
    code = pd.factorize(keys[0])[0].astype(np.int64)
    for column in keys[1:]:
        distinct, names = pd.factorize(column)
        if len(names) > 1:
            code = pd.factorize(code * len(names) + distinct)[0].astype(np.int64)
    cell = np.full(len(code), -1, dtype=np.int64)
    within, names = pd.factorize(code[used])
    cell[used] = within
    rows = np.flatnonzero(used)
    first = np.full(len(names), 0, dtype=np.int64)
    first[within[::-1]] = rows[::-1]
    return cell, first


def _cell_view(rows: _View, keys: list[Ints], first: Ints) -> _View:
    """The same inputs for cells: rounded, so that they do not depend on the cell's first row."""
    steady = rows.steady[first]
    grid = {name: np.where(steady, EXACT_GRID, GRID[name]) for name in ("size", "height")}
    given = keys[11][first] != -1
    ln_rho = keys[11][first] * GRID["density"]
    ln_sd = keys[12][first] * GRID["density"]
    size = np.exp(keys[4][first] * GRID["size"])
    tall = np.exp(keys[-1][first] * GRID["size"]) if len(keys) > 17 else rows.height[first]
    binned = len(keys) > 17
    return _View(
        records=rows.records,
        equation=rows.equation[first],
        roots=rows.roots[first],
        size_exponent=keys[8][first] * grid["size"],
        height_exponent=keys[9][first] * grid["height"],
        density_exponent=keys[10][first] * grid["height"],
        dbh=size if binned else rows.dbh[first],
        height=tall,
        wood_density=np.where(given, np.exp(ln_rho), rows.wood_density[first]),
        density_sd=np.where(given, np.exp(ln_sd), rows.density_sd[first]),
        agb_kg=rows.agb_kg[first],
        carbon_fraction=rows.carbon_fraction[first],
        rubber=rows.rubber[first],
        clone_known=rows.clone_known[first],
        model=rows.model,
        model_code=rows.model_code[first],
        pom_differs=rows.pom_differs[first],
        sd_given=rows.sd_given[first],
        piece=rows.piece[first],
        steady=rows.steady[first],
    )


def _units(
    term: TermInForce,
    trees: Trees,
    root_ids: tuple[str, ...],
    ids: tuple[str, ...],
    first: Ints,
) -> list[str]:
    """Name of the unit that shares a term, for each cell."""
    species = [str(name) for name in trees.species[first]]
    equation = [ids[number] for number in trees.equation[first]]
    model = [str(name) for name in trees.height_source[first]]
    roots = [(*root_ids, "stand")[number] for number in trees.roots[first]]
    group = {
        "residual": equation, "species": equation, "locality": equation,
        "coefficients": equation, "density_mean": species, "density_tree": species,
        "height_coefficients": model, "height_tree": model,
        "height_locality": [f"{s}|{m}" for s, m in zip(species, model, strict=True)],
        "roots": roots,
    }.get(term.name, [""] * len(first))  # fmt: skip
    of = {
        "run": [""] * len(first),
        "group": group,
        "species": [f"{s}|{g}" for s, g in zip(species, group, strict=True)],
        "locality": [f"{p}|{g}" for p, g in zip(trees.locality[first], group, strict=True)],
        "campaign": [f"{p}|{g}" for p, g in zip(trees.campaign[first], group, strict=True)],
    }.get(term.level, [""] * len(first))
    return [f"{term.name}|{term.level}|{unit}" for unit in of]


def _loads(term: TermInForce, view: _View, own: dict[str, HeightModel]) -> Loads:
    """Loads of a term's normals: intercepts and slopes over x."""
    if term.name in {"coefficients", "rubber_equation", "rubber_locality"}:
        loads = _equation_lines(term, view, own)
    elif term.name == "height_coefficients":
        loads = _height_lines(view, own)
    else:
        loads = [(_plain_load(term, view, own), np.zeros(len(view.equation)))]
    return [(a * term.scale, b * term.scale) for a, b in loads]


def _plain_load(term: TermInForce, view: _View, own: dict[str, HeightModel]) -> Floats:
    """Load of a term that is the same for all sizes of a cell."""
    name, base = term.name, term.base
    rubber = view.flags([error_model.is_rubber(record) for record in view.records])
    predicted = view.model_code >= 0
    fitted = np.array([*(m in own for m in view.model), False])[view.model_code] & predicted
    zero = np.zeros(len(view.equation))
    if name == "residual":
        return _size(term, view, _residual(view))
    if name == "species":
        many = view.flags([error_model.of_many_species(record) for record in view.records])
        return np.where(many & ~rubber, _size(term, view, zero + _single(term)), 0.0)
    if name == "locality":
        return np.where(rubber, 0.0, _size(term, view, zero + _single(term)))
    if name in {"density_mean", "density_tree"}:
        if name == "density_mean":
            rubber_sd = np.where(view.clone_known, base.size("rubber_clone"), base.size("rubber"))
        else:
            rubber_sd = zero + base.size("rubber")
        others = math.sqrt(base.size("share")) * view.density_sd
        own_sd = np.where(view.rubber & ~view.sd_given, rubber_sd, others)
        sd = own_sd if term.sd is None else zero + term.sd
        relative = sd if term.unit in {"1", "ln"} else sd / view.wood_density
        return np.nan_to_num(view.density_exponent * relative)
    if name in {"height_locality", "height_plot"}:
        keep = predicted & ~fitted if name == "height_locality" else predicted
        return np.where(keep, view.height_exponent * _size(term, view, zero + _single(term)), 0.0)
    if name == "height_tree":
        sd = zero + _single(term)
        for code, model in enumerate(view.model):
            mine = view.model_code == code
            if model in own and mine.any():
                sd[mine] = own[model].residual_sd_ln(view.dbh[mine])
        return np.where(predicted, view.height_exponent * _size(term, view, sd), 0.0)
    if name == "dbh_reading":
        absolute = base.size("slope") * view.dbh + base.size("intercept")
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = _size(term, view, absolute / view.dbh)
        return np.nan_to_num(view.size_exponent * relative)
    if name in {"height_reading", "height_campaign"}:
        relative = _size(term, view, zero + _single(term))
        return np.where(predicted, 0.0, np.nan_to_num(view.height_exponent * relative))
    if name in {"dbh_campaign", "pom_campaign"}:
        load = view.size_exponent * _size(term, view, zero + _single(term))
        return np.where(view.pom_differs, load, 0.0) if name == "pom_campaign" else load
    if name == "roots":
        return np.where(view.roots >= -1, _size(term, view, zero + _single(term)), 0.0)
    return _size(term, view, zero + _single(term)) / view.carbon_fraction


def _single(term: TermInForce) -> float:
    return float(term.base.sd) if isinstance(term.base.sd, float | int) else 0.0


def _size(term: TermInForce, view: _View, default: Floats) -> Floats:
    """The user's size where there is one, made relative; the default otherwise."""
    if term.sd is None:
        return default
    if term.unit == "m":
        return np.nan_to_num(term.sd / view.height)
    if term.unit == "cm":
        return np.nan_to_num(term.sd / view.dbh)
    return np.full(len(view.equation), term.sd)


def _residual(view: _View) -> Floats:
    """Residual of each tree's equation as a standard deviation of ln."""
    scatters = [error_model.scatter(record) for record in view.records]
    log = view.per_equation([s.sd_ln for s in scatters])
    absolute = view.per_equation(
        [s.sd_abs * UNITS[r.unit] for s, r in zip(scatters, view.records, strict=True)]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.sqrt(np.log1p((absolute / view.agb_kg) ** 2))
    return np.where(absolute > 0, np.nan_to_num(relative), log)


def _equation_lines(term: TermInForce, view: _View, own: dict[str, HeightModel]) -> Loads:
    """Joint errors of intercept and slope of equations."""
    loads = [(np.zeros(len(view.equation)), np.zeros(len(view.equation))) for _ in range(2)]
    for number, record in enumerate(view.records):
        mine = view.equation == number
        if not mine.any():
            continue
        if term.name == "coefficients":
            _coefficient_loads(record, mine, view, own, loads)
        elif error_model.is_rubber(record):
            ensemble = record.id == error_model.RUBBER_EQUATIONS
            for (a, b), line in zip(
                loads, error_model.rubber_lines(term.base, ensemble=ensemble), strict=True
            ):
                a[mine], b[mine] = line.intercept, line.slope
    return loads


def _coefficient_loads(
    record: Equation, mine: Bools, view: _View, own: dict[str, HeightModel], loads: Loads
) -> None:
    """Loads of a record's coefficient covariance, per height model and density."""
    if record.covariance is None:
        return
    models = np.unique(view.model_code[mine])
    for code in models:
        rows = np.flatnonzero(mine & (view.model_code == code))
        if code < 0:
            for (a, b), line in zip(
                loads, error_model.coefficient_lines(record, Line(0.0, 1.0)), strict=False
            ):
                a[rows], b[rows] = line.intercept, line.slope
            continue
        name = view.model[code]
        ends = np.log(predict_height(own.get(name, name), dbh=np.exp(SPAN)))
        density, place = np.unique(view.wood_density[rows], return_inverse=True)
        for k, rho in enumerate(density):
            at = _combined(record, np.array(SPAN), ends, np.log(np.full(2, rho)))
            slope = float(at[1] - at[0]) / (SPAN[1] - SPAN[0])
            lines = error_model.coefficient_lines(
                record, Line(float(at[0]) - slope * SPAN[0], slope)
            )
            for (a, b), line in zip(loads, lines, strict=False):
                a[rows[place == k]], b[rows[place == k]] = line.intercept, line.slope


def _height_lines(view: _View, own: dict[str, HeightModel]) -> Loads:
    """Joint error of the coefficients of height models, over x = ln D."""
    count = len(view.equation)
    loads = [(np.zeros(count), np.zeros(count)) for _ in range(LINES)]
    for code, name in enumerate(view.model):
        for piece in np.unique(view.piece[view.model_code == code]):
            mine = (view.model_code == code) & (view.piece == piece)
            ends = SPAN if _steady_model(name, own) else (piece * BIN, (piece + 1) * BIN)
            lines = error_model.height_lines(own.get(name, name), *ends)
            for (a, b), line in zip(loads, lines, strict=False):
                a[mine] = view.height_exponent[mine] * line.intercept
                b[mine] = view.height_exponent[mine] * line.slope
    return loads
