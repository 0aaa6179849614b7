"""Rows of an inventory as errors see them: the cells they fall into, and what is a tree's own.

Trees that share every error form a *cell*. A cell's loads come from its categories alone
(equation, species, locality, crew, height model, rounded exponents), never from the trees that
happen to be in the batch, so that a draw does not depend on how an inventory is split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry import error_model
from allometry.catalogue.loader import get_equation
from allometry.catalogue.schema import Equation
from allometry.evaluation import EquationTable
from allometry.gradients import uses_height
from allometry.heights import HeightModel
from rubbercarbon.budget import ErrorBudget, TermInForce
from rubbercarbon.columns import RUBBER
from rubbercarbon.distinct import Key
from rubbercarbon.living import Bools, Floats, Ints
from rubbercarbon.term_loads import BIN, View, combined_size, is_steady, loads, steady_model

GRID = {"size": 0.1, "height": 0.01, "density": 0.02}
EXACT_GRID = 1e-4
NOT_BINNED = -(10**8)
FINE, COARSE = 0.02, 5  # steps of ln H where coefficients act on it, and else five of them
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
class Placed:
    """Rows in their cells, with the errors that each tree draws for itself.

    Attributes
    ----------
    cell, x, sigma, own_share, cell_names
        As in `Layout`.
    first : ndarray of int64
        A row of each cell.
    cells : View
    """

    trees: Trees
    biomass: EquationTable
    root_ids: tuple[str, ...]
    budget: ErrorBudget
    models: dict[str, HeightModel]
    cell: Ints
    x: Floats
    sigma: Floats
    own_share: dict[str, Floats]
    cell_names: tuple[str, ...]
    first: Ints
    cells: View


def place_rows(
    trees: Trees,
    biomass: EquationTable,
    root_ids: tuple[str, ...],
    budget: ErrorBudget,
    *,
    models: dict[str, HeightModel] | None = None,
    stress: float | None = None,
) -> Placed:
    """Cells of rows and their own errors; parameters as for `lay_out`."""
    own_models = models or {}
    rows, x, keys = _row_view(trees, biomass, budget, own_models, stress)
    there = trees.equation >= 0
    cell, first = _cells(keys, there)
    sigma2 = np.zeros(len(x))
    own_share: dict[str, Floats] = {}
    for term in terms_of_trees(budget):
        for a, b in loads(term, rows, own_models) if term.own else ():
            if np.any(a) or np.any(b):
                part = np.where(there, (a + b * x) ** 2, 0.0)
                sigma2 += part
                own_share[term.name] = own_share.get(term.name, np.zeros(len(x))) + part
    with np.errstate(divide="ignore"):
        spread = np.sqrt(np.log1p(np.expm1(sigma2) / np.maximum(trees.count, COUNTED_TREE)))
    return Placed(
        trees=trees, biomass=biomass, root_ids=root_ids, budget=budget, models=own_models,
        cell=cell, x=np.where(np.isfinite(x), x, 0.0), sigma=spread, own_share=own_share,
        cell_names=_cell_names(trees, biomass.ids, root_ids, keys, first), first=first,
        cells=_cell_view(rows, keys, first),
    )  # fmt: skip


def terms_of_trees(budget: ErrorBudget) -> list[TermInForce]:
    """Errors of trees that are on; those of areas belong to plots."""
    return [term for term in budget.terms() if term.on and term.name != "area"]


def _cell_names(
    trees: Trees, ids: tuple[str, ...], root_ids: tuple[str, ...], keys: list[Key], first: Ints
) -> tuple[str, ...]:
    """What the keys of each cell mean, without the numbers of this batch."""
    numbered = (2, *range(len(keys))[14:17])  # models, species, localities, campaigns
    plain = np.array([key[first] for k, key in enumerate(keys) if k > 1 and k not in numbered])
    return tuple(
        "\x1f".join(
            (ids[trees.equation[row]], (*root_ids, "")[trees.roots[row]],
             str(trees.height_source[row]) if keys[2][row] >= 0 else "", str(trees.species[row]),
             str(trees.locality[row]), str(trees.campaign[row]), *map(str, plain[:, c]))
        )
        for c, row in enumerate(first)
    )  # fmt: skip


def _row_view(
    trees: Trees,
    biomass: EquationTable,
    budget: ErrorBudget,
    own: dict[str, HeightModel],
    stress: float | None,
) -> tuple[View, Floats, list[Key]]:
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
    steady = np.array([*(is_steady(record) for record in records), True])[number]
    piece = np.zeros(len(number), dtype=np.int64)
    ln_d = np.log(np.where(trees.dbh > 0, trees.dbh, 1.0))
    for code, name in enumerate(names):
        mine = model_code == code
        if mine.any():
            size_exponent[mine] += height_exponent[mine] * error_model.height_exponent(
                own.get(name, name), trees.dbh[mine], stress
            )
            if not steady_model(name, own):
                steady &= ~mine
                piece[mine] = np.floor(ln_d[mine] / BIN).astype(np.int64)
    x = ln_d.copy()
    for i, record in enumerate(records):
        mine = (number == i) & ~predicted
        if error_model.acts_on_own_size(record) and mine.any():
            x[mine] = _own_size(record, trees, mine)
    many = [r.covariance is not None and not error_model.acts_on_own_size(r) for r in records]
    pieced = np.array([*many, False], dtype=np.bool_)[number]
    piece = np.where(pieced, np.floor(ln_d / BIN).astype(np.int64), piece)
    tall = np.array([*(m and uses_height(r) for m, r in zip(many, records, strict=True)), False])
    tall = tall[number] & ~predicted
    given = trees.density_given
    size_bin = np.zeros(len(number), dtype=np.int64)
    if not all(budget.term(n).own for n in ("dbh_reading", "height_reading", "residual")):
        size_bin = np.round(ln_d / GRID["size"]).astype(np.int64)
    view = View(
        records=records, equation=number, roots=trees.roots, size_exponent=size_exponent,
        height_exponent=height_exponent, density_exponent=exact.density, dbh=trees.dbh,
        height=trees.height, wood_density=trees.wood_density, density_sd=trees.density_sd,
        agb_kg=trees.agb_kg, carbon_fraction=trees.carbon_fraction,
        rubber=trees.species == RUBBER, clone_known=trees.clone != "", model=names,
        model_code=model_code, pom_differs=trees.pom_differs, sd_given=trees.sd_given,
        piece=piece, steady=steady,
    )  # fmt: skip
    keys = [
        Key.of(number),
        Key.of(trees.roots),
        Key.of(model_code),
        Key.of(piece),
        Key.of(size_bin),
        Key.of(trees.herb),
        Key.of(trees.pom_differs.astype(np.int64) + 2 * trees.sd_given),
        Key.of(trees.clone != ""),
        Key.of(_rounded(size_exponent, np.where(steady, EXACT_GRID, GRID["size"]))),
        Key.of(_rounded(height_exponent, np.where(steady, EXACT_GRID, GRID["height"]))),
        Key.of(_rounded(exact.density, np.where(steady, EXACT_GRID, GRID["height"]))),
        Key.of(np.where(given, _rounded(np.log(trees.wood_density), GRID["density"]), -1)),
        Key.of(np.where(given, _rounded(np.log(trees.density_sd), GRID["density"]), -1)),
        Key.of(_rounded(trees.carbon_fraction, 1e-9)),
        Key.of(pd.factorize(trees.species)[0]),
        Key.of(pd.factorize(trees.locality)[0]),
        Key.of(pd.factorize(trees.campaign)[0]),
        Key.of(
            np.where(
                tall | size_bin.any(),
                np.where(tall, 1, COARSE)
                * _rounded(np.log(trees.height), np.where(tall, FINE, COARSE * FINE)),
                NOT_BINNED,
            )
        ),
    ]
    return view, x, keys


def _rounded(values: Floats, grid: Floats | float) -> Ints:
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.round(values / grid)
    return np.where(np.isfinite(steps), steps, -(10**9)).astype(np.int64)


def _own_size(record: Equation, trees: Trees, mine: Bools) -> Floats:
    """The size variable on which an equation's joint coefficient error acts."""
    d, h, rho = np.log(trees.dbh[mine]), np.log(trees.height[mine]), trees.wood_density[mine]
    return combined_size(record, d, h, np.log(rho))


def _cells(keys: list[Key], used: Bools) -> tuple[Ints, Ints]:
    """Number of each row's cell, and a row of each cell."""
    code = keys[0].codes.astype(np.int64)
    for key in keys[1:]:
        if len(key.distinct) > 1:
            code = pd.factorize(code * len(key.distinct) + key.codes)[0].astype(np.int64)
    cell = np.full(len(code), -1, dtype=np.int64)
    within, names = pd.factorize(code[used])
    cell[used] = within
    rows = np.flatnonzero(used)
    first = np.full(len(names), 0, dtype=np.int64)
    first[within[::-1]] = rows[::-1]
    return cell, first


def _cell_view(rows: View, keys: list[Key], first: Ints) -> View:
    """The same inputs for cells: rounded, so that they do not depend on the cell's first row."""
    steady = rows.steady[first]
    grid = {name: np.where(steady, EXACT_GRID, GRID[name]) for name in ("size", "height")}
    given = keys[11][first] != -1
    ln_rho = keys[11][first] * GRID["density"]
    ln_sd = keys[12][first] * GRID["density"]
    size = np.exp(keys[4][first] * GRID["size"])
    heights = keys[17][first]
    tall = np.where(heights != NOT_BINNED, np.exp(heights * FINE), rows.height[first])
    binned = bool(keys[4].distinct.any())
    return View(
        records=rows.records,
        equation=rows.equation[first],
        roots=rows.roots[first],
        size_exponent=np.asarray(keys[8][first] * grid["size"], dtype=np.float64),
        height_exponent=np.asarray(keys[9][first] * grid["height"], dtype=np.float64),
        density_exponent=np.asarray(keys[10][first] * grid["height"], dtype=np.float64),
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
