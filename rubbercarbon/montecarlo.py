"""Monte Carlo of plots and of sums of plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from rubbercarbon.distributions import QUANTILES, QUANTITIES, Spread
from rubbercarbon.draw_blocks import Codes, Drawer, DrawRows
from rubbercarbon.loads import Layout, stream_of
from rubbercarbon.uncertainty import Bools, Floats, Keys, Masses

PLOTS_AT_ONCE = 128


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
    drawer = Drawer(layout, draws, seed, kernel, agb_only)
    tree = np.cumsum(np.append(0, layout.tree[1:] != layout.tree[:-1]), dtype=np.int32)
    count = len(masses.offsets) - 1
    for first in range(0, count, PLOTS_AT_ONCE):
        last = min(first + PLOTS_AT_ONCE, count)
        yield first, last, drawer.block(_rows_of(masses, layout, tree, first, last))


def _rows_of(masses: Masses, layout: Layout, tree: Codes, first: int, last: int) -> DrawRows:
    """Rows of some plots, each a kind of its own."""
    offsets = masses.offsets[first : last + 1] - masses.offsets[first]
    rows = slice(int(masses.offsets[first]), int(masses.offsets[last]))
    some = replace(layout, cell=layout.cell[rows], x=layout.x[rows])
    sigma = layout.sigma[rows]
    terms = np.column_stack(
        [
            *(getattr(masses, name)[rows] for name in QUANTITIES), some.x, sigma,
            np.expm1(sigma**2), np.exp(-0.5 * shared_variance(some)),
        ]
    )  # fmt: skip
    return DrawRows(
        offsets=offsets,
        kind=np.arange(len(terms), dtype=np.int32),
        tree=tree[rows],
        terms=terms,
        base=some.cell,
        where=np.zeros(last - first, dtype=np.int64),
        by_row=False,
        places=1,
        number=np.arange(len(layout.carbon)),
        factor=np.ones(last - first),
        plot=masses.plot[first:last],
        keys=lambda within: layout.tree[rows][within],
    )


def area_factors(area_cv: Floats, plot: Keys, draws: int, seed: int) -> Floats:
    """Mean-one factor of the error of each plot's area, shape (n_plots, draws)."""
    from allometry.kernels.draws import unit_normals  # noqa: PLC0415  (loads numba)

    cv = area_cv[:, None]
    normals = np.zeros((len(plot), draws))
    if np.any(cv > 0):
        stream = np.full(len(plot), stream_of("area:0"), dtype=np.uint64)
        unit_normals(normals, np.uint64(seed), stream, plot)
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
            at = slice(first, last)
            factors = area_factors(masses.area_cv[at], masses.plot[at], draws, seed)
            per_ha = out * factors[:, None, :]
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


def of_draws(
    draws: Floats, level: float, quantiles: tuple[float, ...] = QUANTILES
) -> Spread:  # fmt: skip
    """Mean, sd, interval and quantiles over the last axis."""
    from allometry.kernels.groups import STATISTICS, summarise  # noqa: PLC0415  (loads numba)

    probabilities = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0, *quantiles])
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
