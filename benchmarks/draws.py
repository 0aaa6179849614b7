"""Draws of plot totals: exact and compressed kernels against numpy, in one process on one core.

The reference is a loop over draws in numpy with the errors at the same levels: shared normals by
unit, and each error of each tree drawn by itself (residual, wood density, readings of diameter and
height). A second, leaner reference adds the trees' own variances up first, as our kernels do.

    python benchmarks/draws.py
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import rubbercarbon as rc
from allometry.kernels import draws as compiled_draws
from rubbercarbon.loads import Layout
from rubbercarbon.montecarlo import draw_plots
from rubbercarbon.stocks import compute
from rubbercarbon.uncertainty import Masses

Floats = NDArray[np.float64]
DRAWS = 2048
REPEATS = 3
OTHERS = ("Hopea odorata", "Dipterocarpus alatus", "Tectona grandis", "Parkia speciosa")


def inventory(n_plots: int, n: int, *, mixed: bool) -> pd.DataFrame:
    """Plots of one species (Hopea odorata) or of four, heights measured."""
    rng = np.random.default_rng(1)
    total = n_plots * n
    d = rng.uniform(8.0, 35.0, total).round(1)
    species = np.array(OTHERS, dtype=object)
    return pd.DataFrame(
        {
            "plot_id": np.repeat([f"{p:05d}" for p in range(n_plots)], n),
            "tree_id": np.tile([f"{i:03d}" for i in range(n)], n_plots),
            "species": species[rng.integers(0, 4, total)] if mixed else OTHERS[0],
            "dbh_cm": d,
            "height_m": (1.3 + 25.0 * d / (20.0 + d)).round(1),
        }
    )


def numpy_loop(masses: Masses, layout: Layout, *, lean: bool) -> Floats:
    """Above-ground biomass of each plot and draw, the plain way."""
    rng = np.random.default_rng(2)
    count, starts = len(layout.x), masses.offsets[:-1]
    own = [np.sqrt(part) for part in layout.own_share.values()]
    own = [layout.sigma] if lean else own
    shared = [f for f, factor in enumerate(layout.factors) if factor.target == "mass"]
    variance = layout.sigma**2
    for f in shared:
        load = layout.intercept[layout.cell, f] + layout.slope[layout.cell, f] * layout.x
        variance = variance + load**2
    mass = masses.agb * np.exp(-0.5 * variance)
    out = np.empty((len(starts), DRAWS))
    for j in range(DRAWS):
        z = rng.standard_normal(len(layout.units))
        d0 = np.zeros(len(layout.carbon))
        d1 = np.zeros(len(layout.carbon))
        for f in shared:
            unit = np.where(layout.code[:, f] >= 0, z[layout.code[:, f]], 0.0)
            d0 += layout.intercept[:, f] * unit
            d1 += layout.slope[:, f] * unit
        eta = d0[layout.cell] + d1[layout.cell] * layout.x
        for sd in own:
            eta += sd * rng.standard_normal(count)
        out[:, j] = np.add.reduceat(mass * np.exp(eta), starts)
    return out


def kernel(masses: Masses, layout: Layout, name: str) -> Floats:
    """The same by one of our kernels."""
    blocks = draw_plots(masses, layout, DRAWS, 3, kernel=name, agb_only=True)
    return np.concatenate([block[:, 0] for _, _, block in blocks])


def consume(masses: Masses, layout: Layout, name: str) -> Floats:
    """Make all draws and keep the sum of each block only."""
    blocks = draw_plots(masses, layout, DRAWS, 3, kernel=name, agb_only=True)
    return np.array([block[0, 0, 0] for _, _, block in blocks])


def kernel_seconds(masses: Masses, layout: Layout, name: str) -> float:
    """Time inside the compiled kernel alone [s]."""
    target = f"{name}_draws"
    original, spent = getattr(compiled_draws, target), [0.0]

    def timed(*arguments: object) -> None:
        start = time.perf_counter()
        original(*arguments)
        spent[0] += time.perf_counter() - start

    setattr(compiled_draws, target, timed)
    try:
        consume(masses, layout, name)
    finally:
        setattr(compiled_draws, target, original)
    return spent[0]


def best(run: Callable[[], Floats], repeats: int = REPEATS) -> tuple[float, Floats]:
    """Shortest time [s] and the result."""
    times, result = [], np.zeros(0)
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return min(times), result


def compare(title: str, n_plots: int, n: int, *, mixed: bool) -> None:
    """Print times, ratios and whether the answers agree."""
    computed = compute(rc.read_inventory(inventory(n_plots, n, mixed=mixed)), rc.Settings())
    layout = computed.layout
    masses = computed.masses
    work = len(layout.x) * DRAWS
    plain, expected = best(lambda: numpy_loop(masses, layout, lean=False), 1)
    lean, _ = best(lambda: numpy_loop(masses, layout, lean=True), 1)
    print(f"\n{title}: {n_plots} plots of {n} trees, {DRAWS} draws, one core")
    print(f"  numpy, each error drawn        {1e9 * plain / work:8.2f} ns per tree and draw")
    print(f"  numpy, own errors added first  {1e9 * lean / work:8.2f}")
    for name in ("exact", "compressed"):
        found = kernel(masses, layout, name)
        seconds, _ = best(lambda name=name: consume(masses, layout, name))  # type: ignore[misc]
        compiled = min(kernel_seconds(masses, layout, name) for _ in range(REPEATS))
        mean = found.mean() / expected.mean() - 1.0
        spread = found.std(axis=1).mean() / expected.std(axis=1).mean() - 1.0
        print(
            f"  {name + ', with preparation':<30} {1e9 * seconds / work:8.3f}   "
            f"{plain / seconds:6.0f} times numpy, {lean / seconds:6.0f} times the lean one; "
            f"mean {100 * mean:+.2f} %, sd {100 * spread:+.1f} %"
        )
        print(
            f"  {name + ', kernel alone':<30} {1e9 * compiled / work:8.3f}   "
            f"{plain / compiled:6.0f} times numpy, {lean / compiled:6.0f} times the lean one"
        )


def memory(trees: int) -> float:
    """Peak memory [MB] of drawing this many trees in blocks of 4,000 plots of 25."""
    import resource  # (POSIX only)

    computed = compute(rc.read_inventory(inventory(4000, 25, mixed=True)), rc.Settings())
    for _ in range(trees // 100_000):
        for _, _, block in draw_plots(computed.masses, computed.layout, 64, 1):
            assert np.isfinite(block).all()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main() -> int:
    """Print all cases."""
    x = np.random.default_rng(0).uniform(0.1, 5.0, 1_000_000)
    for name, function in (("np.exp", np.exp), ("np.log", np.log)):
        seconds, _ = best(lambda function=function: function(x))  # type: ignore[misc]
        print(f"{name} {1e9 * seconds / len(x):.2f} ns per value")
    seconds, _ = best(lambda: np.random.default_rng(0).standard_normal(1_000_000))
    print(f"standard_normal {1e9 * seconds / len(x):.2f} ns per value")
    compare("mixed", 2000, 25, mixed=True)
    compare("one species", 500, 100, mixed=False)
    if os.name == "posix":
        print(f"\npeak memory, 10^5 trees: {memory(100_000):.0f} MB", end="")
        print(f"; 10^7 trees: {memory(10_000_000):.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
