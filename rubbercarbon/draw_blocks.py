"""Draws of a block of plots: the driver of `allometry.kernels.draws` and `.groups`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.distributions import OWN, QUANTITIES, shifted_lognormal
from rubbercarbon.loads import Layout, stream_of
from rubbercarbon.uncertainty import WIDTHS, Bools, Floats, Ints, Keys, root_share

Codes = NDArray[np.int32]

TOLERANCE = 1e-3  # of a draw of a group's sum, by the compressed kernel
SHORT = 2e-4  # remainder after the second power that leaves the higher ones out
CLASS_RATIO = 3.0  # variances of trees' own errors that one factor may stand for
CLASSES = np.arange(-8, 3)
FEW = 30  # plots with fewer trees and several classes are drawn tree by tree
GROUPS_OF_A_PLOT = 32  # for which there is room at first
TABLES = 1 << 18  # cells times draws whose errors are worked out at once, needed or not


@dataclass(frozen=True)
class DrawRows:
    """Rows of some plots as draws take them: each is like a row of a table of kinds.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_plots + 1,)
    kind, tree : ndarray of int32, shape (n,)
        Row of the tables, and number of the tree; stems of one follow each other.
    terms : ndarray, shape (n_kinds, 8)
        Above-ground, below-ground, carbon and herb mass (0 for none), size x, sd of ln of the
        row's own errors, their relative variance, and the factor that makes shared errors mean-one.
    base : ndarray of int64, shape (n_kinds,)
        A row at ``where`` is in cell ``number[base * places + where]``; -1 for none.
    where : ndarray of int64, shape (n_plots,) or (n,)
        Of plots, or with ``by_row`` of rows.
    number : ndarray of int64
    factor : ndarray, shape (n_plots,)
        Times the masses.
    plot : ndarray of uint64, shape (n_plots,)
        Ids of the plots' normals.
    keys : callable
        Ids of the normals of some rows.
    """

    offsets: Ints
    kind: Codes
    tree: Codes
    terms: Floats
    base: Ints
    where: Ints
    by_row: bool
    places: int
    number: Ints
    factor: Floats
    plot: Keys
    keys: Callable[[Ints], Keys]

    def some(self, first: int, last: int) -> DrawRows:
        """Those of the plots ``first`` to ``last`` (not included)."""
        start = int(self.offsets[first])
        at = slice(start, int(self.offsets[last]))
        return replace(
            self, offsets=self.offsets[first : last + 1] - start, kind=self.kind[at],
            tree=self.tree[at], where=self.where[at if self.by_row else slice(first, last)],
            factor=self.factor[first:last], plot=self.plot[first:last],
            keys=lambda rows: self.keys(rows + start),
        )  # fmt: skip

    def cells(self, rows: Ints, plots: Ints) -> Ints:
        """Cells of some rows, and the plots they are in; -1 for none."""
        base = self.base[self.kind[rows]]
        at = base * self.places + self.where[rows if self.by_row else plots]
        return np.where(base >= 0, self.number[np.maximum(at, 0)], -1)


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


def _widths(reach: Floats) -> Floats:
    """Widest bins of x that keep each cell's series within its tolerance; 0 for none."""
    chosen = np.zeros(len(reach))
    for width in WIDTHS[::-1]:
        half = reach * width / 2.0
        with np.errstate(over="ignore"):
            fits = half**5 / 120.0 * np.exp(2.0 * half) <= TOLERANCE
        chosen[fits] = width
    return chosen


@dataclass(frozen=True)
class _Shared:
    """Some cells of a layout: their errors by draw, and all else of them that draws read.

    ``place`` is the number here of a cell of the layout; the last is -1, for no cell.
    """

    cells: Ints
    place: Ints
    tables: _Tables
    width: Floats
    carbon: Floats
    herb: Bools
    loads: Floats
    streams: Keys


def _shared(layout: Layout, cells: Ints, draws: int, seed: int) -> _Shared:
    place = np.full(len(layout.carbon) + 1, -1, dtype=np.int64)
    place[cells] = np.arange(len(cells))
    tables = _tables(layout, cells, draws, seed)
    return _Shared(
        cells, place, tables, _widths(tables.reach), layout.carbon[cells], layout.herb[cells],
        *_plot_errors(layout, cells),
    )  # fmt: skip


def _plot_errors(layout: Layout, cells: Ints) -> tuple[Floats, Keys]:
    """Loads (intercept and slope side by side) and streams of errors that a plot owns."""
    chosen = [f for f, factor in enumerate(layout.factors) if factor.plot]
    loads = np.zeros((len(cells), 2 * len(chosen)))
    for k, f in enumerate(chosen):
        loads[:, 2 * k] = layout.intercept[cells, f]
        loads[:, 2 * k + 1] = layout.slope[cells, f]
    return loads, np.array([layout.factors[f].stream for f in chosen], dtype=np.uint64)


@dataclass
class Drawer:
    """Draws block after block of the plots of a layout.

    Attributes
    ----------
    layout : Layout
        Of its cells; rows are in the blocks.
    draws, seed : int
    kernel : {'auto', 'exact', 'compressed'}
        See `rubbercarbon.montecarlo.draw_plots`.
    agb_only : bool
    """

    layout: Layout
    draws: int
    seed: int
    kernel: str = "auto"
    agb_only: bool = False
    shared: _Shared | None = field(default=None, init=False)

    def block(self, rows: DrawRows, room: Floats | None = None) -> Floats:
        """Draws of plots, shape (n_plots, 4 or 1, draws), in ``room`` where it is given."""
        count = len(rows.offsets) - 1
        shared = self._of_cells(rows)
        if room is None:
            room = np.empty((count, 1 if self.agb_only else len(QUANTITIES), self.draws))
        out = room[:count]
        if not len(shared.cells):  # no tree has a mass
            out[:] = 0.0
            return out
        exact = np.ones(count, dtype=np.bool_)
        if self.kernel != "exact":
            exact = _compressed(rows, shared, self.seed, out, forced=self.kernel == "compressed")
        if exact.any():
            _exact(rows, shared, np.flatnonzero(exact), self.seed, out)
        return out

    def _of_cells(self, rows: DrawRows) -> _Shared:
        """Errors of the cells of some rows, of all cells where these are few."""
        from allometry.kernels.groups import mark_cells  # noqa: PLC0415  (loads numba)

        count = len(self.layout.carbon)
        needed = np.ones(count, dtype=np.bool_)
        if count * self.draws > TABLES:
            needed[:] = False
            mark_cells(
                rows.offsets, rows.kind, rows.base, rows.where, rows.by_row, rows.places,
                rows.number, needed,
            )  # fmt: skip
        cells = np.flatnonzero(needed)
        if self.shared is None or not np.array_equal(self.shared.cells, cells):
            self.shared = _shared(self.layout, cells, self.draws, self.seed)
        return self.shared


def _exact(rows: DrawRows, shared: _Shared, plots: Ints, seed: int, out: Floats) -> None:
    """Draw some plots of a block tree by tree."""
    from allometry.kernels.draws import exact_draws  # noqa: PLC0415  (loads numba)

    counts, tables = np.diff(rows.offsets)[plots], shared.tables
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    within = np.arange(offsets[-1]) + np.repeat(rows.offsets[plots] - offsets[:-1], counts)
    *masses, x, sigma, _, centring = rows.terms[rows.kind[within]].T
    centre = centring * np.exp(-0.5 * sigma**2)
    agb, bgb, carbon, herb = (mass * np.repeat(rows.factor[plots], counts) for mass in masses)
    mass = np.column_stack(
        [agb * centre, bgb * centre, carbon * centre, herb * centre, root_share(agb, bgb)]
    )
    cell = shared.place[rows.cells(within, np.repeat(plots, counts))]
    drawn = np.empty((len(plots), *out.shape[1:]))
    exact_draws(
        offsets, cell, np.ascontiguousarray(x), np.ascontiguousarray(sigma), rows.keys(within),
        mass, rows.plot[plots], shared.loads, shared.streams, tables.d0, tables.d1, tables.roots,
        tables.carbon, np.uint64(seed), np.uint64(stream_of(OWN)), drawn,
    )  # fmt: skip
    out[plots] = drawn


def _compressed(
    rows: DrawRows, shared: _Shared, seed: int, out: Floats, *, forced: bool
) -> Bools:  # fmt: skip
    """Draw what can be compressed; returns the plots that cannot."""
    from allometry.kernels.cells import bin_centres  # noqa: PLC0415
    from allometry.kernels.draws import compressed_draws  # noqa: PLC0415

    tables, width = shared.tables, shared.width
    groups = _groups(rows, shared)
    plot = np.repeat(np.arange(len(rows.offsets) - 1), np.diff(groups.starts))
    tilted = np.any(shared.loads[:, 1::2] != 0.0, axis=1)
    slow = np.zeros(len(rows.offsets) - 1, dtype=np.bool_)
    slow[plot[((width == 0.0) | tilted)[groups.cell]]] = True
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
        np.array([stream_of(f"{OWN}:{k}") for k in CLASSES], dtype=np.uint64), rows.plot,
        np.ascontiguousarray(shared.loads[groups.cell, 0::2]), shared.streams, centre, tables.d1,
        tables.roots, tables.carbon, shared.carbon, shared.herb,
        (tables.reach * width / 2.0) ** 3 / 6.0 < SHORT, np.uint64(seed), out,
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


def _groups(rows: DrawRows, shared: _Shared) -> _DrawGroups:
    from allometry.kernels.draws import MOMENTS  # noqa: PLC0415
    from allometry.kernels.groups import GROUP_SUMS, gather_groups  # noqa: PLC0415

    count, most = len(rows.offsets) - 1, len(rows.kind)
    starts = np.zeros(count + 1, dtype=np.int64)
    noise = np.empty((count, len(CLASSES), 4))
    per_bin = 1.0 / np.where(shared.width > 0.0, shared.width, 1.0)
    room = GROUPS_OF_A_PLOT * count
    while True:
        room = min(room, most)
        cell, piece, chosen = (np.empty(room, dtype=np.int64) for _ in range(3))
        moments = np.empty((2, room, MOMENTS))
        fits = gather_groups(
            rows.offsets, rows.kind, rows.factor, rows.terms, rows.base, rows.where, rows.by_row,
            rows.places, shared.place[rows.number], rows.tree, per_bin,
            shared.herb, math.log(CLASS_RATIO), int(CLASSES[0]), starts, cell, piece, chosen,
            np.empty((room, GROUP_SUMS)), moments, noise,
        )  # fmt: skip
        if fits:
            total = int(starts[-1])
            return _DrawGroups(
                starts, cell[:total], piece[:total], chosen[:total], moments[:, :total], noise
            )
        room *= 2


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
