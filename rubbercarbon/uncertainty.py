"""Uncertainty of plots and of sums of plots: analytic, by draws, and by source.

Takes arrays and a layout of errors (`rubbercarbon.loads`), never tables of stocks.

Analytic: the trees of one cell in one plot are a group whose logarithm has normal errors, so that
``T = sum M_g exp(eta_g)`` with ``Cov(T_g, T_h) = M_g M_h (exp(S_gh) - 1)``; the trees' own errors
add to it, and the interval is that of the lognormal, shifted, with the same mean, variance and
skewness. Draws: see `allometry.kernels.draws`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.loads import Layout, stream_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Keys = NDArray[np.uint64]

QUANTITIES = ("agb", "bgb", "carbon", "herb")
OWN, AREA, INTERACTION = "trees", "area", "interaction"
TOLERANCE = 1e-3  # of a draw of a group's sum, by the compressed kernel
WIDTHS = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)  # bins of x that it tries
CLASS_RATIO = 3.0  # variances of trees' own errors that one factor may stand for
CLASSES = np.arange(-8, 3)
FIXED = 4  # columns of `group_covariance` before the terms
FEW = 30  # plots with fewer trees and several classes are drawn tree by tree
PLOTS_AT_ONCE = 256
QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)


@dataclass(frozen=True)
class Masses:
    """Mass of each row, per hectare or per plot: what the plots' points are sums of.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_plots + 1,)
    agb, bgb, carbon, herb : ndarray, shape (n,)
        Zero where a row has none.
    plot : ndarray of uint64, shape (n_plots,)
        Ids of the plots' normals.
    area_cv : ndarray, shape (n_plots,)
        Relative error of the plot's area; acts on figures per hectare only.
    """

    offsets: Ints
    agb: Floats
    bgb: Floats
    carbon: Floats
    herb: Floats
    plot: Keys
    area_cv: Floats


@dataclass(frozen=True)
class Spread:
    """Distribution of several sums, one row each.

    Attributes
    ----------
    mean, sd, low, high : ndarray, shape (n, 4)
        By quantity: above-ground, below-ground, carbon, herbs.
    quantiles : ndarray, shape (n, 4, 5)
        At 0.05, 0.25, 0.50, 0.75, 0.95.
    shares : dict
        Term → share of variance, shape (n, 4); empty for draws.
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats
    quantiles: Floats
    shares: dict[str, Floats]


@dataclass(frozen=True)
class Groups:
    """Trees of one cell in one plot, in order of their first tree."""

    offsets: Ints
    cell: Ints
    first: Ints
    rows: Ints
    run: Ints

    @property
    def plot(self) -> Ints:
        """Plot of each group."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def make_groups(offsets: Ints, cell: Ints) -> Groups:
    """Group the rows of each plot by cell."""
    used = np.flatnonzero(cell >= 0)
    plot = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[used]
    code = plot * (int(cell.max(initial=0)) + 1) + cell[used]
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    number = rank[number]
    sorting = np.argsort(number, kind="stable")
    starts = first[order]
    run = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=len(order)))])
    per_plot = np.bincount(plot[starts], minlength=len(offsets) - 1)
    return Groups(
        offsets=np.concatenate([[0], np.cumsum(per_plot)]).astype(np.int64),
        cell=cell[used][starts],
        first=used[starts],
        rows=used[sorting],
        run=run.astype(np.int64),
    )


def _sums(groups: Groups, values: Floats) -> Floats:
    if len(groups.cell) == 0:
        return np.zeros(0)
    result: Floats = np.add.reduceat(values[groups.rows], groups.run[:-1])
    return result


def shifted_lognormal(
    mean: Floats, variance: Floats, skewness: Floats
) -> tuple[Floats, Floats, Floats]:
    """Shift, scale and spread s of ``shift + scale exp(s z)`` with these moments.

    Skewness below 1e-6 is taken as that, so that the normal is its limit.
    """
    k = np.maximum(skewness, 1e-6)
    t = np.cbrt((np.sqrt(k * k + 4.0) + k) / 2.0)
    root = t - 1.0 / t
    spread = np.sqrt(np.log1p(root * root))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(variance) / (root * np.exp(0.5 * spread**2))
    shift = mean - scale * np.exp(0.5 * spread**2)
    return shift, scale, spread


# --- analytic -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Parts:
    """Groups of one quantity: mass, mean x, factors' loads and the trees' own moments."""

    offsets: Ints
    cell: Ints
    mass: Floats
    intercept: Floats
    slope: Floats
    x: Floats
    own: Floats
    cube: Floats
    twin: Ints
    twin_own: Floats
    roots: Bools


def _parts(quantity: str, masses: Masses, layout: Layout, groups: Groups) -> _Parts:
    """Groups of a quantity; carbon has one for the wood above ground and one for the roots."""
    above = {"agb": masses.agb, "herb": masses.herb}.get(quantity)
    if quantity == "bgb":
        sets = [(masses.bgb, True)]
    elif quantity == "carbon":
        part = _root_share(masses)
        sets = [(masses.carbon * (1.0 - part), False), (masses.carbon * part, True)]
    else:
        assert above is not None
        sets = [(above, False)]
    own_v = np.expm1(layout.sigma**2)
    skewed = own_v**2 * (own_v + 3.0)
    whole = sum(mass for mass, _ in sets)
    pieces = []
    for number, (mass, roots) in enumerate(sets):
        third = whole**3 * skewed if number == 0 else np.zeros_like(mass)
        total = _sums(groups, mass)
        with np.errstate(invalid="ignore"):
            x = np.nan_to_num(_sums(groups, mass * layout.x) / total)
        pieces.append((total, x, _own(groups, layout, mass, mass, own_v),
                       _sums(groups, third), roots))  # fmt: skip
    count, n_sets = len(groups.cell), len(sets)
    plot = np.tile(groups.plot, n_sets)
    order = np.argsort(plot, kind="stable")
    cell = np.tile(groups.cell, n_sets)[order]
    place = np.empty(count * n_sets, dtype=np.int64)
    place[order] = np.arange(count * n_sets)
    twin = np.full(count * n_sets, -1, dtype=np.int64)
    twin_own = np.zeros(count * n_sets)
    if n_sets == 2:
        twin[place[:count]] = place[count:]
        twin_own[place[:count]] = _own(groups, layout, sets[0][0], sets[1][0], own_v)
    roots = np.repeat([piece[4] for piece in pieces], count)[order]
    return _Parts(
        offsets=groups.offsets * n_sets,
        cell=cell,
        mass=np.concatenate([piece[0] for piece in pieces])[order],
        intercept=layout.intercept[cell],
        slope=layout.slope[cell],
        x=np.concatenate([piece[1] for piece in pieces])[order],
        own=np.concatenate([piece[2] for piece in pieces])[order],
        cube=np.concatenate([piece[3] for piece in pieces])[order],
        twin=twin,
        twin_own=twin_own,
        roots=roots,
    )


def _own(groups: Groups, layout: Layout, first: Floats, second: Floats, v: Floats) -> Floats:
    """Sum over trees of the products of their stems' masses times their own variance."""
    if len(groups.cell) == 0:
        return np.zeros(0)
    rows = groups.rows
    group = np.repeat(np.arange(len(groups.cell)), np.diff(groups.run))
    tree = layout.tree[rows]
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (tree[1:] != tree[:-1]) | (group[1:] != group[:-1])
    starts = np.flatnonzero(new)
    a = np.add.reduceat(first[rows], starts)
    b = np.add.reduceat(second[rows], starts)
    return np.bincount(group[starts], a * b * v[rows][starts], minlength=len(groups.cell))


def _root_share(masses: Masses) -> Floats:
    whole = masses.agb + masses.bgb
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(masses.bgb / whole)


def _active(layout: Layout, parts: _Parts, quantity: str, *, plots: bool | None) -> Ints:
    """Units of the factors that act on each part; -1 where one does not."""
    code = layout.code[parts.cell].copy()
    for f, factor in enumerate(layout.factors):
        if factor.target == "carbon" and quantity != "carbon":
            code[:, f] = -1
        if factor.target == "roots":
            code[~parts.roots, f] = -1
        if plots is not None and factor.plot != plots:
            code[:, f] = -1
    return code


def _moments(parts: _Parts, offsets: Ints, code: Ints, terms: Ints, n_terms: int) -> Floats:
    from allometry.kernels.draws import group_covariance  # noqa: PLC0415  (loads numba)

    out = np.zeros((len(offsets) - 1, FIXED + n_terms))
    loads = parts.intercept + parts.slope * parts.x[:, None]
    group_covariance(
        offsets, parts.mass, np.ascontiguousarray(loads), np.ascontiguousarray(code), terms,
        parts.own, parts.cube, parts.twin, parts.twin_own, out,
    )  # fmt: skip
    return out


def analytic(
    masses: Masses,
    layout: Layout,
    weights: Floats | None = None,
    *,
    level: float = 0.90,
    with_area: Bools | bool = True,
) -> Spread:
    """Mean, sd, interval and attribution without draws.

    Parameters
    ----------
    masses : Masses
    layout : Layout
    weights : ndarray, shape (n_sums, n_plots), optional
        Each sum is the plots times these; without them, each plot by itself.
    level : float
        Of the central interval.
    with_area : bool or ndarray of bool, shape (n_sums,)
        Whether the error of the plots' areas acts.

    Returns
    -------
    Spread
    """
    groups = make_groups(masses.offsets, layout.cell)
    names = list(dict.fromkeys(factor.term for factor in layout.factors))
    terms = np.array([names.index(f.term) for f in layout.factors], dtype=np.int64)
    n_plots = len(masses.offsets) - 1
    n = n_plots if weights is None else len(weights)
    area = np.broadcast_to(np.asarray(with_area, dtype=np.bool_), n)
    result = np.zeros((n, len(QUANTITIES), 3 + len(names) + 2))
    for q, quantity in enumerate(QUANTITIES):
        parts = _parts(quantity, masses, layout, groups)
        plot = np.repeat(np.arange(n_plots), np.diff(parts.offsets))
        mean = np.bincount(plot, parts.mass, minlength=n_plots)
        code = _active(layout, parts, quantity, plots=None)
        whole = _moments(parts, parts.offsets, code, terms, len(names))
        if weights is None:
            own = _area_noise(mean, whole[:, 0] + whole[:, 2], area * masses.area_cv)
            result[:, q] = _finished(mean, whole, own)
            continue
        code = _active(layout, parts, quantity, plots=False)
        shared = _moments(parts, parts.offsets, code, terms, len(names))
        local = whole - shared
        for s, weight in enumerate(weights):
            moments = _across(parts, layout, quantity, weight, terms, len(names))
            moments[2] = weight**2 @ (local[:, 0] + whole[:, 2])
            moments[3] = weight**3 @ whole[:, 3]
            moments[FIXED:] += weight**2 @ local[:, FIXED:]
            plot_noise = weight**2 @ local[:, 0]
            own = weight**2 @ _area_noise(mean, whole[:, 0] + whole[:, 2], area[s] * masses.area_cv)
            result[s, q] = _finished(
                np.array([weight @ mean]), moments[None], np.array([own]), plot_noise
            )[0]
    return _as_spread(result, names, level)


def _area_noise(mean: Floats, variance: Floats, cv: Floats) -> Floats:
    """Variance that the errors of plot areas add."""
    result: Floats = np.expm1(cv**2) * (mean**2 + variance)
    return result


def _finished(
    mean: Floats, moments: Floats, area: Floats, plot_noise: Floats | float = 0.0
) -> Floats:
    """Mean, variance, third moment, parts of the terms, of the trees and of plot areas.

    Own errors multiply the shared part by an independent mean-one factor.
    """
    variance, third, own, cube = (moments[:, k] for k in range(FIXED))
    with np.errstate(invalid="ignore", divide="ignore"):
        trees = np.nan_to_num(own / (mean**2 + variance))
        skewed = np.nan_to_num(cube / mean**3)
        plots = np.nan_to_num(area / (mean**2 + variance + own))
    raw = third + 3.0 * mean * variance + mean**3
    raw *= (1.0 + 3.0 * trees + skewed) * (1.0 + plots) ** 3
    everything = variance + own + area
    third = raw - 3.0 * mean * everything - mean**3
    return np.column_stack(
        [mean, everything, third, moments[:, FIXED:], own - plot_noise, area]
    )


def _across(
    parts: _Parts, layout: Layout, quantity: str, weight: Floats, terms: Ints, n_terms: int
) -> Floats:
    """Moments of a weighted sum from errors that plots share: cells added up over plots."""
    plot = np.repeat(np.arange(len(weight)), np.diff(parts.offsets))
    mass = parts.mass * weight[plot]
    keep = np.flatnonzero(mass > 0)
    bin_of_x = np.floor(parts.x[keep] / WIDTHS[-1]).astype(np.int64)
    sorter = np.lexsort((parts.roots[keep], bin_of_x, parts.cell[keep]))
    keep = keep[sorter]
    if len(keep) == 0:
        return np.zeros(FIXED + n_terms)
    same = np.ones(len(keep) - 1, dtype=np.bool_)
    for column in (parts.cell, parts.roots, np.floor(parts.x / WIDTHS[-1])):
        values = column[keep]
        same &= values[1:] == values[:-1]
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    total = np.add.reduceat(mass[keep], starts)
    x = np.add.reduceat((mass * parts.x)[keep], starts) / total
    first = keep[starts]
    nothing = np.zeros(len(starts))
    joined = _Parts(
        offsets=np.array([0, len(starts)], dtype=np.int64), cell=parts.cell[first], mass=total,
        intercept=parts.intercept[first], slope=parts.slope[first], x=x, own=nothing,
        cube=nothing, twin=np.full(len(starts), -1, dtype=np.int64), twin_own=nothing,
        roots=parts.roots[first],
    )  # fmt: skip
    code = _active(layout, joined, quantity, plots=False)
    result: Floats = _moments(joined, joined.offsets, code, terms, n_terms)[0]
    return result


def _as_spread(moments: Floats, names: list[str], level: float) -> Spread:
    mean, variance, third = (moments[..., k] for k in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        skewness = np.nan_to_num(third / variance**1.5)
        shift, scale, spread = shifted_lognormal(mean, variance, skewness)

        def quantile(p: float) -> Floats:
            value = shift + scale * np.exp(spread * NormalDist().inv_cdf(p))
            return np.where(variance > 0, np.maximum(value, 0.0), mean)

        shares = {
            name: np.nan_to_num(moments[..., 3 + k] / variance)
            for k, name in enumerate([*names, OWN, AREA])
        }
    rest = 1.0 - sum(shares.values())
    shares[INTERACTION] = np.where(variance > 0, rest, 0.0)
    return Spread(
        mean=mean,
        sd=np.sqrt(variance),
        low=quantile((1.0 - level) / 2.0),
        high=quantile((1.0 + level) / 2.0),
        quantiles=np.stack([quantile(p) for p in QUANTILES], axis=-1),
        shares=shares,
    )


# --- draws ----------------------------------------------------------------------------------------


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


def _shared_variance(layout: Layout) -> Floats:
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

    Yields
    ------
    tuple
        First plot, last plot (not included) and draws of shape (n, 4, draws), without the error
        of areas.
    """
    tables = _tables(layout, draws, seed)
    centring = np.exp(-0.5 * _shared_variance(layout))
    limits = [] if kernel == "exact" else [_widest(tables.d1, width) for width in WIDTHS]
    for first in range(0, len(masses.offsets) - 1, PLOTS_AT_ONCE):
        last = min(first + PLOTS_AT_ONCE, len(masses.offsets) - 1)
        out = np.zeros((last - first, len(QUANTITIES), draws))
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
            _root_share(masses)[rows],
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
    pairs, split = np.unique(np.column_stack([cell, piece]), axis=0, return_inverse=True)
    split = np.where(cell >= 0, split.ravel(), -1)
    groups = make_groups(offsets, split)
    own_cell = pairs[groups.cell, 0]
    reference = (pairs[groups.cell, 1] + 0.5) * np.where(fine, width, 1.0)[own_cell]
    at = x - (piece + 0.5) * safe
    agb = np.where(layout.herb[np.maximum(cell, 0)], masses.herb[rows], masses.agb[rows])
    moments = np.empty((2, len(groups.cell), MOMENTS))
    for k, mass in enumerate((agb, masses.bgb[rows])):
        group_moments(groups.run, groups.rows, at, mass * centring[rows], moments[k])
    chosen, noise, exact = _noise(groups, sigma, layout.tree[rows], agb, forced=forced)
    slow = np.zeros(last - first, dtype=np.bool_)
    slow[groups.plot[~fine[own_cell]]] = True
    mean_x = np.nan_to_num(_sums(groups, agb * x) / np.maximum(_sums(groups, agb), 1e-300))
    loads, streams = _plot_errors(layout)
    tilted = np.any(loads[:, 1::2] != 0.0, axis=1) if loads.shape[1] else np.zeros(len(loads), bool)
    slow[groups.plot[tilted[own_cell]]] = True
    plot_loads = loads[own_cell, 0::2] + loads[own_cell, 1::2] * mean_x[:, None]
    centre_pairs, place = np.unique(
        np.column_stack([own_cell, reference]), axis=0, return_inverse=True
    )
    cells = centre_pairs[:, 0].astype(np.int64)
    centre = np.exp(tables.d0[cells] + tables.d1[cells] * centre_pairs[:, 1:2])
    compressed_draws(
        groups.offsets, place.ravel().astype(np.int64), moments[0], moments[1], chosen, noise,
        np.array([stream_of(f"{OWN}:{k}") for k in CLASSES], dtype=np.uint64),
        masses.plot[first:last], np.ascontiguousarray(plot_loads), streams, centre,
        tables.d1[cells], tables.roots[cells], tables.carbon[cells], layout.carbon[cells],
        layout.herb[cells], np.uint64(seed), out,
    )  # fmt: skip
    return slow | exact


def _noise(
    groups: Groups, sigma: Floats, tree: Keys, mass: Floats, *, forced: bool
) -> tuple[Ints, Floats, Bools]:
    """Factor per plot and class for the trees' own errors; plots that need each tree instead."""
    n_plots, n_classes = len(groups.offsets) - 1, len(CLASSES)
    v = np.expm1(sigma**2)
    total = np.maximum(_sums(groups, mass), 1e-300)
    mean_v = _sums(groups, mass * v) / total
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
    keep: Callable[[int, int, Floats], None] | None = None,
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
        Called with each block of draws (first plot, last plot, array), areas included.

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
            keep(first, last, per_ha)
        measured = _of_draws(out, level)
        blocks.append((_of_draws(per_ha, level) if moved else measured, measured))
    return (
        _joined([block[0] for block in blocks]),
        _joined([block[1] for block in blocks]),
        _of_draws(sums, level),
    )


def _joined(blocks: list[Spread]) -> Spread:
    names = ("mean", "sd", "low", "high", "quantiles")
    return Spread(
        *(np.concatenate([getattr(block, name) for block in blocks]) for name in names), {}
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
        shares={},
    )
