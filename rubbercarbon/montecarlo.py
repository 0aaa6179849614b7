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
    Ints,
    Keys,
    Masses,
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
    """Shared errors by cell and draw; ``reach`` is the largest |d1| of a cell."""

    d0: Floats
    d1: Floats
    roots: Floats
    carbon: Floats
    reach: Floats


def _tables(layout: Layout, cells: Ints, draws: int, seed: int) -> _Tables:
    """Errors of some cells."""
    from allometry.kernels.cells import CARBON, MASS, PLOT, ROOTS, cell_tables  # noqa: PLC0415
    from allometry.kernels.draws import unit_normals  # noqa: PLC0415  (loads numba)

    target = np.array(
        [
            PLOT if f.plot else {"mass": MASS, "roots": ROOTS, "carbon": CARBON}[f.target]
            for f in layout.factors
        ],
        dtype=np.int64,
    )
    code = layout.code[cells]
    shared = code[:, target != PLOT]
    units = np.unique(shared[shared >= 0])
    place = np.full(len(layout.units) + 1, -1, dtype=np.int64)
    place[units] = np.arange(len(units))
    normals = np.empty((len(units), draws))
    unit_normals(normals, np.uint64(seed), layout.unit_streams[units], layout.units[units])
    d0, d1, roots, carbon = (np.empty((len(cells), draws)) for _ in range(4))
    made = _Tables(d0, d1, roots, carbon, np.empty(len(cells)))
    cell_tables(
        layout.intercept[cells], layout.slope[cells], np.where(code >= 0, place[code], -1), target,
        normals, made.d0, made.d1, made.roots, made.carbon, made.reach,
    )  # fmt: skip
    return made


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


@dataclass(frozen=True)
class RowTerms:
    """What draws need of each row beside its mass.

    Attributes
    ----------
    centring : ndarray, shape (n,)
        Factor that makes shared errors mean-one.
    own : ndarray, shape (n,)
        Variance of the row's own errors, relative.
    keys : callable
        Ids of the normals of some rows.
    """

    centring: Floats
    own: Floats
    keys: Callable[[Ints], Keys]


def row_terms(layout: Layout) -> RowTerms:
    """Of a layout whose trees have their ids."""
    return RowTerms(
        centring=np.exp(-0.5 * shared_variance(layout)),
        own=np.expm1(layout.sigma**2),
        keys=lambda rows: layout.tree[rows],
    )


@dataclass(frozen=True)
class _Block:
    """Some plots, their rows and the tables of their cells, cells counted within the block."""

    masses: Masses
    layout: Layout
    terms: RowTerms
    tables: _Tables
    cells: Ints
    span: tuple[int, int]
    rows: slice
    offsets: Ints
    cell: Ints
    seed: int


def draw_plots(
    masses: Masses,
    layout: Layout,
    draws: int,
    seed: int,
    *,
    kernel: str = "auto",
    agb_only: bool = False,
    terms: RowTerms | None = None,
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
    terms : RowTerms, optional
        Known already; computed from the layout otherwise.

    Yields
    ------
    tuple
        First plot, last plot (not included) and draws of shape (n, 4, draws), without the error
        of areas.
    """
    of_rows = terms or row_terms(layout)
    cells, tables = np.zeros(0, dtype=np.int64), None
    for first in range(0, len(masses.offsets) - 1, PLOTS_AT_ONCE):
        last = min(first + PLOTS_AT_ONCE, len(masses.offsets) - 1)
        rows = slice(int(masses.offsets[first]), int(masses.offsets[last]))
        found = np.flatnonzero(np.bincount(layout.cell[rows] + 1, minlength=1)[1:])
        if tables is None or not np.array_equal(found, cells):
            cells, tables = found, _tables(layout, found, draws, seed)
        place = np.full(int(cells.max(initial=0)) + 2, -1, dtype=np.int64)
        place[cells] = np.arange(len(cells))
        block = _Block(
            masses, layout, of_rows, tables, cells, (first, last), rows,
            masses.offsets[first : last + 1] - masses.offsets[first], place[layout.cell[rows]],
            seed,
        )  # fmt: skip
        out = np.empty((last - first, 1 if agb_only else len(QUANTITIES), draws))
        exact = np.ones(last - first, dtype=np.bool_)
        if kernel != "exact":
            exact = _compressed(block, out, forced=kernel == "compressed")
        if exact.any():
            _exact(block, np.flatnonzero(exact), out)
        yield first, last, out


def _widths(reach: Floats) -> Floats:
    """Widest bins of x that keep each cell's series within its tolerance; 0 for none."""
    chosen = np.zeros(len(reach))
    for width in WIDTHS[::-1]:
        half = reach * width / 2.0
        with np.errstate(over="ignore"):
            fits = half**5 / 120.0 * np.exp(2.0 * half) <= TOLERANCE
        chosen[fits] = width
    return chosen


def _exact(block: _Block, plots: Ints, out: Floats) -> None:
    """Draw some plots of a block tree by tree."""
    from allometry.kernels.draws import exact_draws  # noqa: PLC0415  (loads numba)

    masses, layout, tables = block.masses, block.layout, block.tables
    counts = np.diff(block.offsets)[plots]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    within = np.arange(offsets[-1]) + np.repeat(block.offsets[plots] - offsets[:-1], counts)
    rows = within + block.rows.start
    sigma = layout.sigma[rows]
    centre = block.terms.centring[rows] * np.exp(-0.5 * sigma**2)
    agb, bgb = masses.agb[rows], masses.bgb[rows]
    mass = np.column_stack(
        [
            agb * centre, bgb * centre, masses.carbon[rows] * centre, masses.herb[rows] * centre,
            root_share(agb, bgb),
        ]
    )  # fmt: skip
    loads, streams = _plot_errors(layout, block.cells)
    drawn = np.empty((len(plots), *out.shape[1:]))
    exact_draws(
        offsets, block.cell[within], layout.x[rows], sigma, block.terms.keys(rows), mass,
        masses.plot[block.span[0] + plots], loads, streams, tables.d0, tables.d1, tables.roots,
        tables.carbon, np.uint64(block.seed), np.uint64(stream_of(OWN)), drawn,
    )  # fmt: skip
    out[plots] = drawn


def _plot_errors(layout: Layout, cells: Ints) -> tuple[Floats, Keys]:
    """Loads (intercept and slope side by side) and streams of errors that a plot owns."""
    chosen = [f for f, factor in enumerate(layout.factors) if factor.plot]
    loads = np.zeros((len(cells), 2 * len(chosen)))
    for k, f in enumerate(chosen):
        loads[:, 2 * k] = layout.intercept[cells, f]
        loads[:, 2 * k + 1] = layout.slope[cells, f]
    return loads, np.array([layout.factors[f].stream for f in chosen], dtype=np.uint64)


def _compressed(block: _Block, out: Floats, *, forced: bool) -> Bools:
    """Draw what can be compressed; returns the plots that cannot."""
    from allometry.kernels.cells import bin_centres  # noqa: PLC0415
    from allometry.kernels.draws import compressed_draws  # noqa: PLC0415

    layout, tables = block.layout, block.tables
    width = _widths(tables.reach)
    herb = layout.herb[block.cells]
    groups = _groups(block, width, herb)
    plot = np.repeat(np.arange(len(block.offsets) - 1), np.diff(groups.starts))
    slow = np.zeros(len(block.offsets) - 1, dtype=np.bool_)
    slow[plot[width[groups.cell] == 0.0]] = True
    loads, streams = _plot_errors(layout, block.cells)
    tilted = np.any(loads[:, 1::2] != 0.0, axis=1) if loads.shape[1] else np.zeros(len(loads), bool)
    slow[plot[tilted[groups.cell]]] = True
    noise, several = _noise(groups.noise)
    low = int(groups.piece.min(initial=0))
    wide = int(groups.piece.max(initial=0)) - low + 1
    code = groups.cell * wide + (groups.piece - low)
    pairs, place = np.unique(code, return_inverse=True)
    owner = pairs // wide
    centre = np.empty((len(pairs), out.shape[2]))
    middle = (pairs % wide + low + 0.5) * np.where(width > 0.0, width, 1.0)[owner]
    bin_centres(tables.d0, tables.d1, owner, middle, centre)
    pools = int(out.shape[1] > 1)
    compressed_draws(
        groups.starts, place.astype(np.int64), owner, groups.moments[0],
        groups.moments[1, : pools * len(groups.cell)], groups.chosen, noise,
        np.array([stream_of(f"{OWN}:{k}") for k in CLASSES], dtype=np.uint64),
        block.masses.plot[block.span[0] : block.span[1]],
        np.ascontiguousarray(loads[groups.cell, 0::2]), streams, centre, tables.d1, tables.roots,
        tables.carbon, layout.carbon[block.cells], herb,
        (tables.reach * width / 2.0) ** 3 / 6.0 < SHORT, np.uint64(block.seed), out,
    )  # fmt: skip
    return slow if forced else slow | several


@dataclass(frozen=True)
class _DrawGroups:
    """Trees of one cell and bin of x in one plot, see `allometry.kernels.groups`."""

    starts: Ints
    cell: Ints
    piece: Ints
    chosen: Ints
    moments: Floats
    noise: Floats


def _groups(block: _Block, width: Floats, herb: Bools) -> _DrawGroups:
    from allometry.kernels.draws import MOMENTS  # noqa: PLC0415
    from allometry.kernels.groups import fill_groups, number_groups  # noqa: PLC0415

    masses, layout, rows, offsets = block.masses, block.layout, block.rows, block.offsets
    x, n_plots = layout.x[rows], len(block.offsets) - 1
    group = np.empty(len(x), dtype=np.int64)
    count = np.empty(n_plots, dtype=np.int64)
    number_groups(offsets, block.cell, x, width, group, count)
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    total = int(starts[-1])
    cell, piece, chosen = (np.empty(total, dtype=np.int64) for _ in range(3))
    moments = np.empty((2, total, MOMENTS))
    noise = np.empty((n_plots, len(CLASSES), 4))
    above = masses.agb[rows]
    if herb.any():
        above = np.where(np.append(herb, False)[block.cell], masses.herb[rows], above)
    fill_groups(
        offsets, group, starts, block.cell, x, width, block.terms.own[rows], layout.tree[rows],
        above, masses.bgb[rows], block.terms.centring[rows], math.log(CLASS_RATIO),
        int(CLASSES[0]), cell, piece, chosen, moments, noise,
    )  # fmt: skip
    return _DrawGroups(starts, cell, piece, chosen, moments, noise)


def _noise(sums: Floats) -> tuple[Floats, Bools]:
    """Factor per plot and class for the trees' own errors; plots that need each tree instead."""
    second, third, mass, count = (sums[..., k] for k in range(4))
    noise = np.zeros((*second.shape, 3))
    noise[..., 1] = np.where(count > 0, 0.0, -1.0)
    real = (count > 0) & (second > 0) & (mass > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = second[real] / mass[real] ** 2
        skewness = third[real] / second[real] ** 1.5
    noise[real] = np.column_stack(shifted_lognormal(np.ones(int(real.sum())), variance, skewness))
    return noise, (real.sum(axis=1) > 1) & (count.sum(axis=1) < FEW)


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
        measured = of_draws(out, level)
        blocks.append((of_draws(per_ha, level) if moved else measured, measured))
    return (
        _joined([block[0] for block in blocks]),
        _joined([block[1] for block in blocks]),
        of_draws(sums, level),
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


def of_draws(draws: Floats, level: float) -> Spread:
    """Mean, sd, interval and quantiles over the last axis."""
    from allometry.kernels.groups import STATISTICS, summarise  # noqa: PLC0415  (loads numba)

    probabilities = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0, *QUANTILES])
    rows = np.ascontiguousarray(draws).reshape(-1, draws.shape[-1])
    out = np.empty((len(rows), STATISTICS + len(probabilities)))
    summarise(rows, probabilities, out)
    found = out.reshape(*draws.shape[:-1], -1)
    return Spread(
        mean=found[..., 0],
        sd=found[..., 1],
        low=found[..., 2],
        high=found[..., 3],
        quantiles=found[..., 4:],
    )
