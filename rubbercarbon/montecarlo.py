"""Monte Carlo of plots and of sums of plots: the driver of `allometry.kernels.draws`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rubbercarbon.distributions import (
    OWN,
    QUANTILES,
    QUANTITIES,
    Spread,
    shifted_lognormal,
)
from rubbercarbon.loads import Layout, stream_of
from rubbercarbon.uncertainty import (
    WIDTHS,
    Bools,
    Floats,
    Groups,
    Ints,
    Keys,
    Masses,
    group_sums,
    make_groups,
    root_share,
)

TOLERANCE = 1e-3  # of a draw of a group's sum, by the compressed kernel
SHORT = 2e-4  # remainder after the second power that leaves the higher ones out
CLASS_RATIO = 3.0  # variances of trees' own errors that one factor may stand for
CLASSES = np.arange(-8, 3)
FEW = 30  # plots with fewer trees and several classes are drawn tree by tree
PLOTS_AT_ONCE = 256


@dataclass(frozen=True)
class _Tables:
    """Shared errors by cell and draw."""

    d0: Floats
    d1: Floats
    roots: Floats
    carbon: Floats


def _tables(layout: Layout, draws: int, seed: int) -> _Tables:
    from allometry.kernels.draws import unit_normals  # noqa: PLC0415  (loads numba)

    normals = np.empty((len(layout.units), draws))
    unit_normals(normals, np.uint64(seed), layout.unit_streams, layout.units)
    shape = (len(layout.carbon), draws)
    tables = _Tables(*(np.zeros(shape) for _ in range(4)))
    for f, factor in enumerate(layout.factors):
        if factor.plot:
            continue
        rows = np.flatnonzero(layout.code[:, f] >= 0)
        z = normals[layout.code[rows, f]]
        a, b = layout.intercept[rows, f][:, None], layout.slope[rows, f][:, None]
        if factor.target == "mass":
            tables.d0[rows] += a * z
            tables.d1[rows] += b * z
        else:
            target = tables.roots if factor.target == "roots" else tables.carbon
            target[rows] += a * z - 0.5 * a * a
    np.exp(tables.roots, out=tables.roots)
    np.exp(tables.carbon, out=tables.carbon)
    return tables


def shared_variance(layout: Layout) -> Floats:
    """Variance of ln of each row from errors that act on its mass, its own left out."""
    total = np.zeros(len(layout.x))
    cell = np.maximum(layout.cell, 0)
    for f, factor in enumerate(layout.factors):
        if factor.target == "mass":
            loaded = layout.code[cell, f] >= 0
            load = layout.intercept[cell, f] + layout.slope[cell, f] * layout.x
            total += np.where(loaded, load**2, 0.0)
    return np.where(layout.cell >= 0, total, 0.0)


def draw_plots(
    masses: Masses,
    layout: Layout,
    draws: int,
    seed: int,
    *,
    kernel: str = "auto",
    agb_only: bool = False,
) -> Iterator[tuple[int, int, Floats]]:
    """Draws of plot totals, a block of plots at a time.

    Parameters
    ----------
    masses : Masses
    layout : Layout
    draws : int
    seed : int
    kernel : {'auto', 'exact', 'compressed'}
        ``auto`` compresses where its bound holds and one factor may stand for the trees' own
        errors; ``compressed`` does so for the bound alone.
    agb_only : bool
        Above-ground biomass only: one quantity instead of four.

    Yields
    ------
    tuple
        First plot, last plot (not included) and draws of shape (n, 4, draws), without the error
        of areas.
    """
    tables = _tables(layout, draws, seed)
    centring = np.exp(-0.5 * shared_variance(layout))
    limits = [] if kernel == "exact" else [_widest(tables.d1, width) for width in WIDTHS]
    for first in range(0, len(masses.offsets) - 1, PLOTS_AT_ONCE):
        last = min(first + PLOTS_AT_ONCE, len(masses.offsets) - 1)
        out = np.empty((last - first, 1 if agb_only else len(QUANTITIES), draws))
        exact = np.ones(last - first, dtype=np.bool_)
        if kernel != "exact":
            exact = _compressed(
                masses, layout, tables, centring, limits, (first, last), seed, out,
                forced=kernel == "compressed",
            )  # fmt: skip
        spans = [(0, last - first)] if exact.all() else [(p, p + 1) for p in np.flatnonzero(exact)]
        for low, high in spans:
            _exact(
                masses, layout, tables, centring, (first + int(low), first + int(high)), seed,
                out[low:high],
            )  # fmt: skip
        yield first, last, out


def _widest(d1: Floats, width: float) -> Bools:
    """Cells for which bins of x of this width keep the series within its tolerance."""
    reach = np.abs(d1).max(axis=1, initial=0.0) * width / 2.0
    with np.errstate(over="ignore"):
        remainder = reach**5 / 120.0 * np.exp(2.0 * reach)
    return np.asarray(remainder <= TOLERANCE, dtype=np.bool_)


def _exact(
    masses: Masses, layout: Layout, tables: _Tables, centring: Floats, span: tuple[int, int],
    seed: int, out: Floats,
) -> None:  # fmt: skip
    from allometry.kernels.draws import exact_draws  # noqa: PLC0415  (loads numba)

    first, last = span
    rows = slice(int(masses.offsets[first]), int(masses.offsets[last]))
    sigma = layout.sigma[rows]
    centre = centring[rows] * np.exp(-0.5 * sigma**2)
    mass = np.column_stack(
        [
            masses.agb[rows] * centre,
            masses.bgb[rows] * centre,
            masses.carbon[rows] * centre,
            masses.herb[rows] * centre,
            root_share(masses)[rows],
        ]
    )
    loads, streams = _plot_errors(layout)
    exact_draws(
        masses.offsets[first : last + 1] - masses.offsets[first], layout.cell[rows],
        layout.x[rows], sigma, layout.tree[rows], mass, masses.plot[first:last], loads, streams,
        tables.d0, tables.d1, tables.roots, tables.carbon, np.uint64(seed),
        np.uint64(stream_of(OWN)), out,
    )  # fmt: skip


def _plot_errors(layout: Layout) -> tuple[Floats, Keys]:
    """Loads (intercept and slope side by side) and streams of errors that a plot owns."""
    chosen = [f for f, factor in enumerate(layout.factors) if factor.plot]
    loads = np.zeros((len(layout.carbon), 2 * len(chosen)))
    for k, f in enumerate(chosen):
        loads[:, 2 * k] = layout.intercept[:, f]
        loads[:, 2 * k + 1] = layout.slope[:, f]
    return loads, np.array([layout.factors[f].stream for f in chosen], dtype=np.uint64)


def _compressed(
    masses: Masses, layout: Layout, tables: _Tables, centring: Floats, limits: list[Bools],
    span: tuple[int, int], seed: int, out: Floats, *, forced: bool,
) -> Bools:  # fmt: skip
    """Draw what can be compressed; returns the plots that cannot."""
    from allometry.kernels.draws import MOMENTS, compressed_draws, group_moments  # noqa: PLC0415

    first, last = span
    rows = slice(int(masses.offsets[first]), int(masses.offsets[last]))
    offsets = masses.offsets[first : last + 1] - masses.offsets[first]
    cell, x, sigma = layout.cell[rows], layout.x[rows], layout.sigma[rows]
    width = np.zeros(len(layout.carbon))
    for size, fits in zip(WIDTHS[::-1], limits[::-1], strict=True):
        width[fits] = size
    fine = width > 0
    safe = np.where(fine, width, 1.0)[np.maximum(cell, 0)]
    piece = np.floor(x / safe).astype(np.int64)
    low = int(piece.min(initial=0))
    span_of = int(piece.max(initial=0)) - low + 1
    split = np.where(cell >= 0, cell * span_of + (piece - low), -1)
    groups = make_groups(offsets, split)
    own_cell = groups.cell // span_of
    own_piece = groups.cell % span_of + low
    reference = (own_piece + 0.5) * np.where(fine, width, 1.0)[own_cell]
    at = x - (piece + 0.5) * safe
    agb = np.where(layout.herb[np.maximum(cell, 0)], masses.herb[rows], masses.agb[rows])
    pools = int(out.shape[1] > 1)
    moments = np.empty((2, len(groups.cell), MOMENTS))
    for k, mass in enumerate((agb, masses.bgb[rows])[: out.shape[1]]):
        group_moments(groups.run, groups.rows, at, mass * centring[rows], moments[k])
    chosen, noise, exact = _noise(groups, sigma, layout.tree[rows], agb, forced=forced)
    slow = np.zeros(last - first, dtype=np.bool_)
    slow[groups.plot[~fine[own_cell]]] = True
    mean_x = np.nan_to_num(
        group_sums(groups, agb * x) / np.maximum(group_sums(groups, agb), 1e-300)
    )
    loads, streams = _plot_errors(layout)
    tilted = np.any(loads[:, 1::2] != 0.0, axis=1) if loads.shape[1] else np.zeros(len(loads), bool)
    slow[groups.plot[tilted[own_cell]]] = True
    plot_loads = loads[own_cell, 0::2] + loads[own_cell, 1::2] * mean_x[:, None]
    _, one, place = np.unique(groups.cell, return_index=True, return_inverse=True)
    cells, centres = own_cell[one], reference[one][:, None]
    centre = np.exp(tables.d0[cells] + tables.d1[cells] * centres)
    reach = np.abs(tables.d1[cells]).max(axis=1, initial=0.0) * width[cells] / 2.0
    compressed_draws(
        groups.offsets, place.astype(np.int64), moments[0],
        moments[1, : pools * len(groups.cell)], chosen, noise,
        np.array([stream_of(f"{OWN}:{k}") for k in CLASSES], dtype=np.uint64),
        masses.plot[first:last], np.ascontiguousarray(plot_loads), streams, centre,
        tables.d1[cells], tables.roots[cells], tables.carbon[cells], layout.carbon[cells],
        layout.herb[cells], reach**3 / 6.0 < SHORT, np.uint64(seed), out,
    )  # fmt: skip
    return slow | exact


def _noise(
    groups: Groups, sigma: Floats, tree: Keys, mass: Floats, *, forced: bool
) -> tuple[Ints, Floats, Bools]:
    """Factor per plot and class for the trees' own errors; plots that need each tree instead."""
    n_plots, n_classes = len(groups.offsets) - 1, len(CLASSES)
    v = np.expm1(sigma**2)
    total = np.maximum(group_sums(groups, mass), 1e-300)
    mean_v = group_sums(groups, mass * v) / total
    with np.errstate(divide="ignore"):
        steps = np.floor(np.log(np.maximum(mean_v, 1e-12)) / math.log(CLASS_RATIO))
    chosen = np.clip(steps - CLASSES[0], 0, n_classes - 1).astype(np.int64)
    group = np.repeat(np.arange(len(groups.cell)), np.diff(groups.run))
    rows = groups.rows
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (tree[rows][1:] != tree[rows][:-1]) | (group[1:] != group[:-1])
    starts = np.flatnonzero(new)
    own = np.add.reduceat(mass[rows], starts) if len(rows) else np.zeros(0)
    own_v = v[rows][starts] if len(rows) else np.zeros(0)
    slot = (groups.plot * n_classes + chosen)[group[starts]] if len(rows) else np.zeros(0, int)
    size = n_plots * n_classes
    sums = np.bincount(slot, own, minlength=size)
    second = np.bincount(slot, own**2 * own_v, minlength=size)
    third = np.bincount(slot, own**3 * own_v**2 * (own_v + 3.0), minlength=size)
    count = np.bincount(slot, minlength=size)
    noise = np.zeros((size, 3))
    noise[:, 1] = -1.0
    busy = count > 0
    noise[busy, 1] = 0.0
    real = busy & (second > 0) & (sums > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = second[real] / sums[real] ** 2
        skewness = third[real] / second[real] ** 1.5
    noise[real] = np.column_stack(shifted_lognormal(np.ones(int(real.sum())), variance, skewness))
    several = (real.reshape(n_plots, n_classes).sum(axis=1) > 1) & (
        count.reshape(n_plots, n_classes).sum(axis=1) < FEW
    )
    exact = np.zeros(n_plots, dtype=np.bool_) if forced else several
    return chosen, noise.reshape(n_plots, n_classes, 3), exact


def area_factors(masses: Masses, span: tuple[int, int], draws: int, seed: int) -> Floats:
    """Mean-one factor of each plot's area error, shape (n, draws)."""
    from allometry.kernels.draws import unit_normals  # noqa: PLC0415  (loads numba)

    first, last = span
    cv = masses.area_cv[first:last, None]
    normals = np.zeros((last - first, draws))
    if np.any(cv > 0):
        stream = np.full(last - first, stream_of("area:0"), dtype=np.uint64)
        unit_normals(normals, np.uint64(seed), stream, masses.plot[first:last])
    result: Floats = np.exp(cv * normals - 0.5 * cv * cv)
    return result


def monte_carlo(
    masses: Masses,
    layout: Layout,
    weights: Floats,
    *,
    draws: int,
    seed: int,
    level: float = 0.90,
    with_area: Bools | bool = True,
    kernel: str = "auto",
    keep: Callable[[Floats, Floats], None] | None = None,
) -> tuple[Spread, Spread, Spread]:
    """Spread of each plot and of weighted sums of plots, by draws.

    Parameters
    ----------
    masses, layout
        As for `analytic`.
    weights : ndarray, shape (n_sums, n_plots)
    draws, seed : int
    level : float
    with_area : bool or ndarray of bool, shape (n_sums,)
    kernel : {'auto', 'exact', 'compressed'}
    keep : callable, optional
        Called with each block of draws, with and without the error of areas.

    Returns
    -------
    tuple of Spread
        Of the plots with and without the error of their areas, and of the sums.
    """
    area = np.broadcast_to(np.asarray(with_area, dtype=np.bool_), len(weights))
    sums = np.zeros((len(weights), len(QUANTITIES), draws))
    blocks: list[tuple[Spread, Spread]] = []
    for first, last, out in draw_plots(masses, layout, draws, seed, kernel=kernel):
        moved = bool(np.any(masses.area_cv[first:last] > 0))
        per_ha = out
        if moved:
            per_ha = out * area_factors(masses, (first, last), draws, seed)[:, None, :]
        for s, weight in enumerate(weights):
            source = per_ha if area[s] else out
            for p in range(last - first):
                if weight[first + p] != 0.0:
                    sums[s] += weight[first + p] * source[p]
        if keep is not None:
            keep(per_ha.copy(), out.copy())
        measured = _of_draws(out, level)
        blocks.append((_of_draws(per_ha, level) if moved else measured, measured))
    return (
        _joined([block[0] for block in blocks]),
        _joined([block[1] for block in blocks]),
        _of_draws(sums, level),
    )


def _joined(blocks: list[Spread]) -> Spread:
    def stacked(name: str) -> Floats:
        return np.concatenate([getattr(block, name) for block in blocks])

    return Spread(
        mean=stacked("mean"),
        sd=stacked("sd"),
        low=stacked("low"),
        high=stacked("high"),
        quantiles=stacked("quantiles"),
    )


def _of_draws(draws: Floats, level: float) -> Spread:
    ends = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    quantiles = np.quantile(draws, (*ends, *QUANTILES), axis=-1)
    return Spread(
        mean=draws.mean(axis=-1),
        sd=draws.std(axis=-1, ddof=1) if draws.shape[-1] > 1 else np.zeros(draws.shape[:-1]),
        low=quantiles[0],
        high=quantiles[1],
        quantiles=np.moveaxis(quantiles[2:], 0, -1),
    )
