"""The error budget laid on an inventory: which tree carries how much of which error."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allometry.evaluation import EquationTable
from allometry.heights import HeightModel
from rubbercarbon.budget import ErrorBudget, TermInForce
from rubbercarbon.living import Bools, Floats, Ints
from rubbercarbon.load_rows import Placed, Trees, place_rows
from rubbercarbon.term_loads import loads

Keys = NDArray[np.uint64]
ROWS_AT_ONCE = 1 << 16


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
    unit_names : tuple of str
    carbon : ndarray, shape (n_cells,)
    herb : ndarray of bool, shape (n_cells,)
    cell_names : tuple of str
        Categories of each cell as text: the same in every batch.
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
    unit_names: tuple[str, ...]
    carbon: Floats
    herb: Bools
    cell_names: tuple[str, ...] = ()


def key_of(text: str) -> int:
    """Stable 64-bit id of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@functools.cache
def stream_of(text: str) -> int:
    """Stable 32-bit number of a stream's name."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def _tree_keys(trees: Trees) -> Keys:
    """Id of each tree, of its plot's name and its own; block by block, for their texts are many."""
    out = np.empty(len(trees.plot), dtype=np.uint64)
    for start in range(0, len(out), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        names = [f"{p}\x1f{t}" for p, t in zip(trees.plot[rows], trees.tree[rows], strict=True)]
        known = {name: key_of(name) for name in set(names)}
        out[rows] = np.array([known[name] for name in names], dtype=np.uint64)
    return out


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
    return load_cells(place_rows(trees, biomass, root_ids, budget, models=models, stress=stress))


def load_cells(placed: Placed) -> Layout:
    """Loads of the errors that trees share, on the cells of rows."""
    trees, first = placed.trees, placed.first
    factors: list[Factor] = []
    intercepts: list[Floats] = []
    slopes: list[Floats] = []
    codes: list[Ints] = []
    texts: dict[tuple[int, str], int] = {}
    for term in placed.budget.of_trees:
        if term.own:
            continue
        target = {"roots": "roots", "carbon_run": "carbon", "carbon_species": "carbon"}.get(
            term.name, "mass"
        )
        for number, (a, b) in enumerate(loads(term, placed.cells, placed.models)):
            loaded = (a != 0.0) | (b != 0.0)
            if not loaded.any():
                continue
            factor = Factor(term.name, number, target, term.level == "plot")
            names = _units(term, trees, placed.root_ids, placed.biomass.ids, first)
            place = np.full(len(first), -1, dtype=np.int64)
            for c in np.flatnonzero(loaded):
                text = (factor.stream, "" if factor.plot else names[c])
                place[c] = texts.setdefault(text, len(texts))
            factors.append(factor)
            intercepts.append(np.where(loaded, a, 0.0))
            slopes.append(np.where(loaded, b, 0.0))
            codes.append(place)
    shape = (len(first), len(factors))
    return Layout(
        cell=placed.cell,
        x=placed.x,
        sigma=placed.sigma,
        own_share=placed.own_share,
        tree=_tree_keys(trees),
        factors=tuple(factors),
        intercept=np.array(intercepts).T.reshape(shape),
        slope=np.array(slopes).T.reshape(shape),
        code=np.array(codes, dtype=np.int64).T.reshape(shape),
        units=np.array([key_of(text) for _, text in texts] or [0], dtype=np.uint64),
        unit_streams=np.array([stream for stream, _ in texts] or [0], dtype=np.uint64),
        unit_names=tuple(text for _, text in texts),
        carbon=trees.carbon_fraction[first],
        herb=trees.herb[first],
        cell_names=placed.cell_names,
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
