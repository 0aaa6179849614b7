"""Rows of an inventory as errors see them: the cells they fall into, and what is a tree's own.

Trees that share every error form a *cell*. A cell's loads come from its categories alone
(equation, species, locality, crew, height model, rounded exponents), never from the trees that
happen to be in the batch, so that a draw does not depend on how an inventory is split.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry import error_model
from allometry.evaluation import EquationTable
from allometry.heights import HeightModel
from rubbercarbon.budget import ErrorBudget
from rubbercarbon.columns import RUBBER
from rubbercarbon.distinct import Coded
from rubbercarbon.equation_traits import traits_of
from rubbercarbon.living import Bools, Floats, Ints
from rubbercarbon.term_loads import BIN, View, combined_size, loads, steady_model

GRID = {"size": 0.1, "height": 0.01, "density": 0.02}
EXACT_GRID = 1e-4
NOT_BINNED = -(10**8)
FINE, COARSE = 0.02, 5  # steps of ln H where coefficients act on it, and else five of them
COUNTED_TREE = 1.0
NO_STEP = -(10**9)  # of values that are not finite
NOT_PREDICTED = frozenset({"measured", "estimated", ""})
# what tells cells apart, in this order: numbers of this batch or of the catalogue, and steps
(
    EQUATION, ROOTS, MODEL, PIECE, SIZE, HERB, GIVEN, CLONE, SIZE_STEP, HEIGHT_STEP, DENSITY_STEP,
    DENSITY, DENSITY_SD, CARBON, SPECIES, LOCALITY, CAMPAIGN, HEIGHT,
) = range(18)  # fmt: skip
NAMED = (EQUATION, ROOTS, MODEL, SPECIES, LOCALITY, CAMPAIGN)  # by text in a cell's name
KEYS = 18
Keys = NDArray[np.int32]


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
    species, locality, campaign, height_source : Coded
    plot, tree : ndarray of object
    clone_known, density_given, sd_given, pom_differs : ndarray of bool
        A clone is named; density, or its sd, is the user's; diameter not taped where wanted.
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
    species: Coded
    locality: Coded
    campaign: Coded
    plot: NDArray[Any]
    tree: NDArray[Any]
    clone_known: Bools
    height_source: Coded
    density_given: Bools
    sd_given: Bools
    pom_differs: Bools


@dataclass(frozen=True)
class Placed:
    """Rows in their cells, with the errors that each tree draws for itself.

    Attributes
    ----------
    rows : View
    cell, x, sigma, own_share
        As in `Layout`.
    first : ndarray of int64
        A row of each cell.
    keys : ndarray of int32, shape (18, n_cells)
        What tells cells apart, by numbers of these trees.
    """

    trees: Trees
    biomass: EquationTable
    root_ids: tuple[str, ...]
    budget: ErrorBudget
    models: dict[str, HeightModel]
    rows: View
    cell: Ints
    x: Floats
    sigma: Floats
    own_share: dict[str, Floats]
    first: Ints
    keys: Keys

    @functools.cached_property
    def cell_names(self) -> tuple[str, ...]:
        """What the keys of each cell mean, without the numbers of this batch."""
        trees, first = self.trees, self.first
        roots = (*self.root_ids, "")
        columns = [
            [self.biomass.ids[number] for number in self.keys[EQUATION]],
            [roots[number] for number in self.keys[ROOTS]],
            np.where(self.keys[MODEL] >= 0, trees.height_source[first], ""),
            *(column[first] for column in (trees.species, trees.locality, trees.campaign)),
            *(self.keys[key] for key in range(KEYS) if key not in NAMED),
        ]
        return tuple("\x1f".join(map(str, cell)) for cell in zip(*columns, strict=True))

    @functools.cached_property
    def cells(self) -> View:
        """The rows' inputs for cells: rounded, to depend on no cell's first row."""
        return _cell_view(self.rows, self.keys, self.first, binned=self.budget.acts_on_sizes)


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
    rows, x, exact = _row_view(trees, biomass, own_models, stress)
    there = trees.equation >= 0
    cell, first, keys = _cells(_keys(trees, rows, exact, budget), there)
    sigma2 = np.zeros(len(x))
    own_share: dict[str, Floats] = {}
    for term in budget.of_trees:
        for a, b in loads(term, rows, own_models) if term.own else ():
            if np.any(a) or np.any(b):
                part = np.where(there, (a + b * x) ** 2, 0.0)
                sigma2 += part
                own_share[term.name] = own_share.get(term.name, np.zeros(len(x))) + part
    with np.errstate(divide="ignore"):
        spread = np.sqrt(np.log1p(np.expm1(sigma2) / np.maximum(trees.count, COUNTED_TREE)))
    return Placed(
        trees=trees, biomass=biomass, root_ids=root_ids, budget=budget, models=own_models,
        rows=rows, cell=cell, x=np.where(np.isfinite(x), x, 0.0), sigma=spread,
        own_share=own_share, first=first, keys=keys,
    )  # fmt: skip


def _row_view(
    trees: Trees, biomass: EquationTable, own: dict[str, HeightModel], stress: float | None
) -> tuple[View, Floats, Floats]:
    """Rows with exact values, their size x, and ln D."""
    traits, number = traits_of(biomass.ids), trees.equation
    stressed = np.full(len(number), np.nan if stress is None else stress)
    is_height = traits.by_height[number]
    size = np.where(is_height, trees.height, trees.dbh)
    exact = error_model.exponents(biomass, number, size, trees.height, trees.wood_density, stressed)
    size_exponent = np.where(traits.by_dbh[number], exact.size, 0.0)
    height_exponent = exact.height + np.where(is_height, exact.size, 0.0)
    names = [str(name) for name in trees.height_source.known]
    predicts = np.array([name not in NOT_PREDICTED for name in names], dtype=np.bool_)
    source = trees.height_source.codes.astype(np.int64)
    model_code = np.where(predicts[source] & (height_exponent != 0.0), source, -1)
    predicted = model_code >= 0
    steady = traits.steady[number]
    pieced = traits.pieced[number]
    ln_d = np.log(np.where(trees.dbh > 0, trees.dbh, 1.0))
    if predicted.any():
        real = np.flatnonzero(predicts)
        place = np.append(np.cumsum(predicts) - 1, -1)[model_code]
        size_exponent += height_exponent * error_model.height_exponents(
            [own.get(names[code], names[code]) for code in real], place, trees.dbh, stress
        )
        bent = [name not in NOT_PREDICTED and not steady_model(name, own) for name in names]
        curved = np.array([*bent, False])
        steady = steady & ~curved[model_code]
        pieced = pieced | curved[model_code]
    piece = np.where(pieced, np.floor(ln_d / BIN), 0.0).astype(np.int64)
    x = ln_d.copy()
    for i in np.flatnonzero(traits.own_size):
        mine = (number == i) & ~predicted
        if mine.any():
            d, h, rho = ln_d[mine], np.log(trees.height[mine]), np.log(trees.wood_density[mine])
            x[mine] = combined_size(traits.records[i], d, h, rho)
    view = View(
        traits=traits, equation=number, roots=trees.roots, size_exponent=size_exponent,
        height_exponent=height_exponent, density_exponent=exact.density, dbh=trees.dbh,
        height=trees.height, wood_density=trees.wood_density, density_sd=trees.density_sd,
        agb_kg=trees.agb_kg, carbon_fraction=trees.carbon_fraction,
        rubber=trees.species.equals(RUBBER), clone_known=trees.clone_known, model=names,
        model_code=model_code, pom_differs=trees.pom_differs, sd_given=trees.sd_given,
        piece=piece, steady=steady,
    )  # fmt: skip
    return view, x, ln_d


def _keys(trees: Trees, rows: View, ln_d: Floats, budget: ErrorBudget) -> Keys:
    """What tells cells apart, one column of whole numbers each."""
    keys = np.zeros((KEYS, len(ln_d)), dtype=np.int32)
    keys[EQUATION], keys[ROOTS], keys[MODEL] = rows.equation, rows.roots, rows.model_code
    keys[SPECIES], keys[LOCALITY] = trees.species.codes, trees.locality.codes
    keys[CAMPAIGN], keys[PIECE], keys[HERB] = trees.campaign.codes, rows.piece, trees.herb
    keys[GIVEN], keys[CLONE] = trees.pom_differs + 2 * trees.sd_given, trees.clone_known
    fine = np.where(rows.steady, EXACT_GRID, GRID["height"])
    keys[SIZE_STEP] = _rounded(rows.size_exponent, np.where(rows.steady, EXACT_GRID, GRID["size"]))
    keys[HEIGHT_STEP] = _rounded(rows.height_exponent, fine)
    keys[DENSITY_STEP] = _rounded(rows.density_exponent, fine)
    given = trees.density_given
    keys[DENSITY] = keys[DENSITY_SD] = -1
    if given.any():
        keys[DENSITY, given] = _rounded(np.log(trees.wood_density[given]), GRID["density"])
        keys[DENSITY_SD, given] = _rounded(np.log(trees.density_sd[given]), GRID["density"])
    keys[CARBON] = _rounded(trees.carbon_fraction, 1e-9)
    tall = rows.traits.pieced_by_height[rows.equation] & (rows.model_code < 0)
    keys[HEIGHT] = NOT_BINNED
    if budget.acts_on_sizes:
        keys[SIZE] = np.round(ln_d / GRID["size"])
        steps = _rounded(np.log(trees.height), COARSE * FINE)
        keys[HEIGHT] = np.where(steps == NO_STEP, NO_STEP, COARSE * steps)
    if tall.any():
        keys[HEIGHT, tall] = _rounded(np.log(trees.height[tall]), FINE)
    return keys


def _rounded(values: Floats, grid: Floats | float) -> Ints:
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.round(values / grid)
    return np.where(np.isfinite(steps), steps, NO_STEP).astype(np.int64)


def _cells(keys: Keys, used: Bools) -> tuple[Ints, Ints, Keys]:
    """Number of each row's cell, a row of each cell, and the cells' keys."""
    from allometry.kernels.distinct import number_rows  # noqa: PLC0415  (loads numba)

    count = keys.shape[1]
    cell, first = (np.empty(count, dtype=np.int64) for _ in range(2))
    table = np.full(1 << (2 * count).bit_length(), -1, dtype=np.int32)
    known = number_rows(keys, used, table, cell, first)
    first = first[:known].copy()
    return cell, first, keys[:, first]


def _cell_view(rows: View, keys: Keys, first: Ints, *, binned: bool) -> View:
    """The same inputs for cells: rounded, so that they do not depend on the cell's first row."""
    steady = rows.steady[first]
    grid = {name: np.where(steady, EXACT_GRID, GRID[name]) for name in ("size", "height")}
    given, heights = keys[DENSITY] != -1, keys[HEIGHT]
    ln_rho, ln_sd = keys[DENSITY] * GRID["density"], keys[DENSITY_SD] * GRID["density"]
    size = np.exp(keys[SIZE] * GRID["size"])
    tall = np.where(heights != NOT_BINNED, np.exp(heights * FINE), rows.height[first])
    return View(
        traits=rows.traits,
        equation=rows.equation[first],
        roots=rows.roots[first],
        size_exponent=np.asarray(keys[SIZE_STEP] * grid["size"], dtype=np.float64),
        height_exponent=np.asarray(keys[HEIGHT_STEP] * grid["height"], dtype=np.float64),
        density_exponent=np.asarray(keys[DENSITY_STEP] * grid["height"], dtype=np.float64),
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
