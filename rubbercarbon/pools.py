"""From sorted flat arrays and plot offsets to biomass and carbon per tree and per plot.

`account` is the one pure function under every estimate: no tables, no names, no files. Later
layers put uncertainty, batches and engines on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import constant
from allometry.evaluation import EquationTable
from allometry.kernels.segments import segment_sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Number = TypeVar("Number", float, Floats)

KG_PER_T = 1000.0


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """Living stems sorted by plot, ready to be computed; all arrays have shape (n_stems,).

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_plots + 1,)
        Stems of plot p are ``offsets[p]:offsets[p + 1]``.
    size, height, wood_density, stress : ndarray
        Inputs of the equations; NaN where missing.
    equation, roots : ndarray of int64
        Number of the equation and of the root equation in their tables; -1 for none.
    count : ndarray
        Stems that a row stands for.
    share : ndarray
        Part of a multi-stem plant's mass that falls to the row (1 for single stems).
    expansion : ndarray
        1 / area of the (sub)plot [1/ha]; NaN where unknown.
    represents : ndarray
        Stems in the whole plot for one stem measured in a subplot; 1 without subplots.
    carbon_fraction : ndarray
        Carbon over dry mass [1].
    herb : ndarray of bool
        Bamboo and banana, kept apart from tree biomass.
    """

    offsets: Ints
    size: Floats
    height: Floats
    wood_density: Floats
    stress: Floats
    equation: Ints
    roots: Ints
    count: Floats
    share: Floats
    expansion: Floats
    represents: Floats
    carbon_fraction: Floats
    herb: Bools


@dataclass(frozen=True, slots=True)
class Account:
    """What `account` returns.

    Attributes
    ----------
    agb_kg, bgb_kg, herb_kg, carbon_kg : ndarray, shape (n_stems,)
        Of each row (count included); NaN where there is no such figure.
    plot : dict of ndarray, shape (n_plots,)
        Sums over plots: ``agb_t``, ``bgb_t``, ``herb_t``, ``carbon_t`` of the measured plot and
        the same per hectare (``agb_t_ha`` …, NaN without area), ``bgb_stand_t``,
        ``bgb_stand_t_ha``.
    """

    agb_kg: Floats
    bgb_kg: Floats
    herb_kg: Floats
    carbon_kg: Floats
    plot: dict[str, Floats]


def account(
    trees: TreeArrays,
    biomass: EquationTable,
    roots: EquationTable,
    stand_roots: EquationTable | None = None,
    stand_carbon_fraction: float = float("nan"),
) -> Account:
    """Biomass and carbon of stems and plots.

    Parameters
    ----------
    trees : TreeArrays
    biomass, roots : EquationTable
        What ``equation`` and ``roots`` of the trees point into. Root equations take the
        diameter, or the tree's own above-ground biomass, as their size.
    stand_roots : EquationTable, optional
        One root equation in t/ha, applied to each plot's above-ground biomass of trees.
    stand_carbon_fraction : float, optional
        Carbon fraction of that stand part [1].

    Returns
    -------
    Account
        Any order of plots and any split into batches gives the same bits: a stem is computed
        by itself and a plot is summed in the order of its stems.
    """
    rows = account_stems(trees, biomass, roots)
    plot: dict[str, Floats] = {}
    for name, values in (
        ("agb", rows.agb_kg),
        ("bgb", rows.bgb_kg),
        ("herb", rows.herb_kg),
        ("carbon", rows.carbon_kg),
    ):
        plot[f"{name}_t"] = plot_sum(values / KG_PER_T * trees.represents, trees.offsets)
        per_ha = plot_sum(values / KG_PER_T * trees.expansion, trees.offsets)
        plot[f"{name}_t_ha"] = np.where(_without_area(trees), np.nan, per_ha)
    _stand_part(plot, stand_roots, stand_carbon_fraction)
    return replace(rows, plot=plot)


def account_stems(trees: TreeArrays, biomass: EquationTable, roots: EquationTable) -> Account:
    """As `account`, of stems alone: without sums over plots."""
    single = _predict(biomass, trees.equation, trees.size, trees)
    rows = trees.count * trees.share
    tree_agb = np.where(trees.herb, np.nan, single)
    agb_kg = rows * tree_agb
    herb_kg = np.where(trees.herb, rows * single, np.nan)
    bgb_kg = _below_ground(trees, roots, tree_agb)
    carbon_kg = np.where(
        np.isnan(agb_kg), np.nan, (agb_kg + np.nan_to_num(bgb_kg)) * trees.carbon_fraction
    )
    return Account(agb_kg, bgb_kg, herb_kg, carbon_kg, {})


def _predict(table: EquationTable, number: Ints, size: Floats, trees: TreeArrays) -> Floats:
    """Values of a table's equations; NaN where the number is -1."""
    if not table.ids:
        return np.full(number.shape[0], np.nan)
    values = table.evaluate(
        np.maximum(number, 0), size, trees.height, trees.wood_density, trees.stress
    )
    return np.where(number < 0, np.nan, values)


def _below_ground(trees: TreeArrays, roots: EquationTable, tree_agb: Floats) -> Floats:
    """Root mass of each row: per stem by diameter, or as a share of its above-ground mass."""
    on_agb = np.array([record_size == "agb_tree" for record_size in roots.sizes], dtype=np.bool_)
    takes_agb = on_agb[np.maximum(trees.roots, 0)] if on_agb.size else np.zeros(0, dtype=np.bool_)
    size = np.where(takes_agb, tree_agb, trees.size) if on_agb.size else trees.size
    values = _predict(roots, trees.roots, size, trees)
    return np.where(np.isnan(tree_agb), np.nan, values * trees.count * trees.share)


def plot_sum(values: Floats, offsets: Ints) -> Floats:
    """Sum of each plot in the order of its stems; NaN counts as nothing."""
    out = np.empty(offsets.shape[0] - 1)
    segment_sums(values, offsets, out)
    return out


def _without_area(trees: TreeArrays) -> Bools:
    """Plots of which some stem has no expansion factor."""
    return plot_sum(np.isnan(trees.expansion).astype(np.float64), trees.offsets) > 0


def _stand_part(plot: dict[str, Floats], table: EquationTable | None, fraction: float) -> None:
    """Add the below-ground part that only exists for a stand in t/ha; unknown without an area."""
    agb = plot["agb_t_ha"]
    if table is None:
        plot["bgb_stand_t_ha"] = np.full(agb.shape, np.nan)
        plot["bgb_stand_t"] = np.full(agb.shape, np.nan)
        return
    nothing = np.full(agb.shape, np.nan)
    number = np.zeros(agb.shape[0], dtype=np.int64)
    stand = np.where(agb == 0, 0.0, table.evaluate(number, agb, nothing, nothing, nothing))
    with np.errstate(invalid="ignore", divide="ignore"):
        area = np.where(agb > 0, plot["agb_t"] / agb, np.nan)
    plot["bgb_stand_t_ha"] = stand
    plot["bgb_stand_t"] = np.where(agb == 0, 0.0, stand * area)
    for unit, part in (("t_ha", stand), ("t", plot["bgb_stand_t"])):
        plot[f"bgb_{unit}"] = plot[f"bgb_{unit}"] + part
        plot[f"carbon_{unit}"] = plot[f"carbon_{unit}"] + fraction * np.nan_to_num(part)


def co2e(carbon: Number) -> Number:
    """Carbon as carbon dioxide equivalents: times 44/12."""
    return carbon * constant("co2_per_carbon")
