"""The deterministic kernel against numpy, as ratios within one run.

    python benchmarks/kernels.py [million trees, default 2]

The reference is the best numpy we could write for a mixed inventory: logarithms once, coefficients
gathered by equation number. Its own cost is printed beside that of ``np.log`` and ``np.exp`` on
the same arrays, since a slow reference proves nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numba
import numpy as np

from allometry.catalogue.loader import all_equations
from allometry.evaluation import compile_equations
from allometry.kernels import forms


def fast_equations() -> tuple[str, ...]:
    """Above-ground biomass equations of the catalogue that the fast kernel takes."""
    ids = tuple(r.id for r in all_equations() if r.predicts == "agb" and r.size == "dbh")
    kinds = compile_equations(ids).kind
    return tuple(name for name, kind in zip(ids, kinds, strict=True) if kind == forms.SINGLE)


def best(work: Callable[[], object], repeats: int = 7) -> float:
    """Shortest of several times [s]."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    """Print times and ratios."""
    count = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 2_000_000
    rng = np.random.default_rng(1)
    table = compile_equations(fast_equations())
    number = rng.integers(0, len(table.ids), count)
    dbh, height = rng.uniform(3.0, 60.0, count), rng.uniform(3.0, 30.0, count)
    density = rng.uniform(0.3, 0.8, count)
    out = np.empty(count)

    def compiled() -> None:
        forms.evaluate_single(table.single, number, dbh, height, density, out)

    columns = [np.ascontiguousarray(table.single[:, j]) for j in range(6)]

    def reference() -> np.ndarray:
        ln_d = np.log(dbh)
        y = columns[3][number]
        for j in (2, 1, 0):
            y *= ln_d
            y += columns[j][number]
        y += columns[4][number] * np.log(height)
        y += columns[5][number] * np.log(density)
        return np.exp(y, out=y)

    compiled()
    worst = float(np.max(np.abs(out / reference() - 1.0)))
    slow = best(reference, 5)
    print(f"{count:,} trees, {len(table.ids)} equations of the catalogue, cubic in ln D")
    print(f"largest relative difference from numpy: {worst:.1e}")
    for name, work in (("np.log", lambda: np.log(dbh)), ("np.exp", lambda: np.exp(density))):
        print(f"{name:<28}{best(work, 5) / count * 1e9:8.2f} ns per value")
    print(f"{'numpy gather':<28}{slow / count * 1e9:8.2f} ns per tree")
    for threads in range(1, min(2, numba.get_num_threads()) + 1):
        numba.set_num_threads(threads)
        fast = best(compiled)
        label = f"kernel, {threads} thread{'s' * (threads > 1)}"
        print(f"{label:<28}{fast / count * 1e9:8.2f} ns per tree   {slow / fast:5.1f} times numpy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
