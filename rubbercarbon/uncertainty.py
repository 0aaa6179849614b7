"""Uncertainty of plots and of sums of plots without draws, and by source.

Takes arrays and a layout of errors (`rubbercarbon.loads`), never tables of stocks.

Analytic: the trees of one cell in one plot are a group whose logarithm has normal errors, so that
``T = sum M_g exp(eta_g)`` with ``Cov(T_g, T_h) = M_g M_h (exp(S_gh) - 1)``; the trees' own errors
add to it, and the interval is that of the lognormal, shifted, with the same mean, variance and
skewness. Draws: `rubbercarbon.montecarlo`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.distributions import QUANTITIES, Spread, as_spread
from rubbercarbon.loads import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Keys = NDArray[np.uint64]

WIDTHS = (16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25)  # bins of x that it tries
GROUPS_AT_ONCE = 512
FIXED = 4  # columns of `group_covariance` before the terms


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


def group_sums(groups: Groups, values: Floats) -> Floats:
    """Sum of each group."""
    if len(groups.cell) == 0:
        return np.zeros(0)
    result: Floats = np.add.reduceat(values[groups.rows], groups.run[:-1])
    return result


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
        part = root_share(masses.agb, masses.bgb)
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
        total = group_sums(groups, mass)
        with np.errstate(invalid="ignore"):
            x = np.nan_to_num(group_sums(groups, mass * layout.x) / total)
        pieces.append((total, x, _own(groups, layout, mass, mass, own_v),
                       group_sums(groups, third), roots))  # fmt: skip
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
    of_roots = np.repeat(np.array([piece[4] for piece in pieces], dtype=np.bool_), count)[order]
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
        roots=of_roots,
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
    total = np.bincount(group[starts], a * b * v[rows][starts], minlength=len(groups.cell))
    return total.astype(np.float64)


def root_share(agb: Floats, bgb: Floats) -> Floats:
    """Part of the roots in each row's mass."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(bgb / (agb + bgb))


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
    own: Floats | None = None,
    signed: bool = False,
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
    own : ndarray, shape (n_plots, 4), optional
        Variance of the trees' own errors where it is not that of the layout.
    signed : bool
        Masses or weights may be negative: differences, which may lie on both sides of zero.

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
        mean = np.bincount(plot, parts.mass, minlength=n_plots).astype(np.float64)
        code = _active(layout, parts, quantity, plots=None)
        whole = _moments(parts, parts.offsets, code, terms, len(names))
        if own is not None:
            whole[:, 2], whole[:, 3] = own[:, q], 0.0
        if weights is None:
            noise = _area_noise(mean, whole[:, 0] + whole[:, 2], area * masses.area_cv)
            result[:, q] = _finished(mean, whole, noise, signed=signed)
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
            noise = weight**2 @ _area_noise(
                mean, whole[:, 0] + whole[:, 2], area[s] * masses.area_cv
            )
            result[s, q] = _finished(
                np.array([weight @ mean]), moments[None], np.array([noise]), plot_noise,
                signed=signed,
            )[0]  # fmt: skip
    return as_spread(result, names, level, signed=signed)


def _area_noise(mean: Floats, variance: Floats, cv: Floats) -> Floats:
    """Variance that the errors of plot areas add."""
    result: Floats = np.expm1(cv**2) * (mean**2 + variance)
    return result


def _finished(
    mean: Floats, moments: Floats, area: Floats, plot_noise: Floats | float = 0.0, *, signed: bool
) -> Floats:
    """Mean, variance, third moment, parts of the terms, of the trees and of plot areas.

    Own errors multiply the shared part by an independent mean-one factor; in a difference, which
    may be near zero, they are added to it.
    """
    variance, third, own, cube = (moments[:, k] for k in range(FIXED))
    rest = [moments[:, FIXED:], own - plot_noise, area]
    if signed:
        return np.column_stack([mean, variance + own + area, third + cube, *rest])
    with np.errstate(invalid="ignore", divide="ignore"):
        trees = np.nan_to_num(own / (mean**2 + variance))
        skewed = np.nan_to_num(cube / mean**3)
        plots = np.nan_to_num(area / (mean**2 + variance + own))
    raw = third + 3.0 * mean * variance + mean**3
    raw *= (1.0 + 3.0 * trees + skewed) * (1.0 + plots) ** 3
    everything = variance + own + area
    third = raw - 3.0 * mean * everything - mean**3
    return np.column_stack([mean, everything, third, *rest])


def _across(
    parts: _Parts, layout: Layout, quantity: str, weight: Floats, terms: Ints, n_terms: int
) -> Floats:
    """Moments of a weighted sum from errors that plots share: cells added up over plots."""
    plot = np.repeat(np.arange(len(weight)), np.diff(parts.offsets))
    mass = parts.mass * weight[plot]
    keep = np.flatnonzero(mass != 0)
    bin_of_x = np.floor(parts.x[keep] / WIDTHS[-1]).astype(np.int64)
    positive = mass > 0
    sorter = np.lexsort((positive[keep], parts.roots[keep], bin_of_x, parts.cell[keep]))
    keep = keep[sorter]
    if len(keep) == 0:
        return np.zeros(FIXED + n_terms)
    same = np.ones(len(keep) - 1, dtype=np.bool_)
    for column in (parts.cell, parts.roots, positive, np.floor(parts.x / WIDTHS[-1])):
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


def covariance(masses: Masses, layout: Layout, quantity: str = "agb") -> Floats:
    """Covariance between plots, from the errors that they share; variances on the diagonal.

    Parameters
    ----------
    masses, layout
        As for `analytic`.
    quantity : str
        ``agb``, ``bgb``, ``carbon`` or ``herb``.

    Returns
    -------
    ndarray, shape (n_plots, n_plots)
        In the unit of the masses, squared; without the errors of plot areas.
    """
    groups = make_groups(masses.offsets, layout.cell)
    parts = _parts(quantity, masses, layout, groups)
    n_plots = len(masses.offsets) - 1
    plot = np.repeat(np.arange(n_plots), np.diff(parts.offsets))
    code = _active(layout, parts, quantity, plots=False)
    loads = parts.intercept + parts.slope * parts.x[:, None]
    result = np.zeros((n_plots, n_plots))
    of_plot = (plot == np.arange(n_plots)[:, None]).astype(np.float64)
    for first in range(0, len(plot), GROUPS_AT_ONCE):
        mine = slice(first, first + GROUPS_AT_ONCE)
        shared = np.zeros((len(plot[mine]), len(plot)))
        for f in range(loads.shape[1]):
            same = (code[mine, f, None] == code[None, :, f]) & (code[mine, f, None] >= 0)
            shared += same * np.outer(loads[mine, f], loads[:, f])
        joint = parts.mass[mine, None] * np.expm1(shared) * parts.mass[None, :]
        result += of_plot[:, mine] @ joint @ of_plot.T
    alone = analytic(masses, layout, with_area=False)
    np.fill_diagonal(result, alone.sd[:, QUANTITIES.index(quantity)] ** 2)
    return result
