"""Ten scenarios, 60 years, 1,000 draws: compiled stands and pools against numpy, in one process.

The reference takes the same arrays year by year, with all draws of a component at once.

    python benchmarks/projection.py
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allometry.kernels import stands
from rubbercarbon.deviates import Drawn
from rubbercarbon.projection import Run, project
from rubbercarbon.scenarios.interface import Scenario, library, read_scenario

Floats = NDArray[np.float64]
YEARS, DRAWS, REPEATS = 60, 1000, 3


def ten() -> list[Scenario]:
    """The library, filled up to ten."""
    known = [read_scenario(name) for name in library()]
    more = [known[i].model_copy(update={"id": f"again_{i}"}) for i in range(10 - len(known))]
    return (known + more)[:10]


def numpy_curve(form: int, t: Floats, p: Floats) -> Floats:
    """Growth curves of the library's scenarios, all draws at once."""
    if form == stands.WEIBULL:
        return np.asarray(p[0] - p[1] * np.expm1(-p[2] * t ** p[3]))
    if form == stands.MONOMOLECULAR:
        return np.asarray(p[0] - p[1] * np.expm1(-p[2] * t))
    if form == stands.CHAPMAN_FROM:
        return np.asarray(
            p[1] * (1 - (1 - (p[0] / p[1]) ** (1 / p[3])) * np.exp(-p[2] * t)) ** p[3]
        )
    return np.asarray(np.minimum(p[2] * t, p[1]))


def numpy_grow(
    traits: Floats, rules: Floats, light: Floats, age: Any, planted: Floats, cut: Floats,
    start: Floats, parameters: Floats, deviation: Floats, shift: Floats, mortality: Floats,
    effects: Floats, height: Floats, step_cm: float, dbh: Floats, before: Floats, after: Floats,
) -> None:  # fmt: skip
    """The reference for `grow`; stands that are there at the start are left out."""
    n, years = age.shape
    del start
    size, clock, stems, tall = (np.zeros((n, deviation.shape[1])) for _ in range(4))
    grid = np.arange(height.shape[1]) * step_cm
    survival = np.exp(-mortality)
    factor = np.exp(deviation)
    rubber = traits[:, stands.IS_RUBBER] == 1.0
    for t in range(years):
        shading = rubber[:, None] & (stems > 0)
        top = np.where(shading, tall, 0.0).max(axis=0)
        ages = [int(age[c, t]) for c in range(n) if rubber[c] and stems[c].any()]
        lit = light[min(max(ages), len(light) - 1)] if ages and max(ages) >= 1 else 100.0
        old_size, old_stems = size.copy(), stems.copy()
        dbh[:, t], before[:, t] = 0.0, 0.0
        for c in range(n):
            if age[c, t] >= 0:
                if rubber[c]:
                    clock[c] += 1.0
                else:
                    kind = 0 if lit >= rules[3] else 1 if lit >= rules[4] else 2
                    shaded = (tall[c] < top) & bool(traits[c, stands.UNDER_RUBBER])
                    clock[c] += np.where(shaded, effects[:, kind], effects[:, 0])
                value = numpy_curve(int(traits[c, 0]), clock[c], parameters[c])
                value = value * factor[c] * np.exp(shift[c, t])
                stems[c] *= survival[c]
                if rubber[c] and age[c, t] >= rules[stands.CLOSURE_AGE]:
                    crowd = np.zeros(deviation.shape[1])
                    for o in range(n):
                        if rubber[o]:
                            crowd += old_stems[o] * survival[o] if age[o, t] >= 0 else 0.0
                        elif old_stems[o].any():
                            ratio = old_size[o] / old_size[c]
                            crowd += old_stems[o] * ratio ** rules[stands.SIZE_POWER]
                    reference = traits[c, stands.REFERENCE] * np.exp(-mortality[c] * age[c, t])
                    value *= (crowd / reference) ** -effects[:, stands.CROWDING]
                size[c] = np.maximum(size[c], value)
                dbh[c, t], before[c, t] = size[c], stems[c]
                stems[c] *= 1.0 - cut[c, t]
            if planted[c, t] > 0:
                stems[c], clock[c], size[c] = planted[c, t], 0.0, 0.0
            elif age[c, t] < 0:
                stems[c] = 0.0
            after[c, t] = stems[c]
            tall[c] = np.interp(size[c], grid, height[c])


def numpy_pools(  # noqa: PLR0915  (one plain loop)
    agb: Floats, bgb: Floats, herb: Any, before: Floats, after: Floats, planted: Floats,
    cut: Floats, wood: Floats, burn: Floats, rates: Floats, pools: Floats, standing: Floats,
    fluxes: Floats,
) -> None:  # fmt: skip
    """The reference for `fill_pools`."""
    n, years, count = agb.shape
    dead, roots, products, litter = (np.zeros(count) for _ in range(4))
    keep = np.exp(-rates[:, :3]).T
    share, residue, sawn_share = rates[:, 3], rates[:, 4], rates[:, 5]
    last_a, last_b = np.zeros((n, count)), np.zeros((n, count))
    fluxes[:] = 0.0
    for t in range(years):
        if t:
            fluxes[2, t] = dead * (1 - keep[0]) + roots * (1 - keep[1])
            fluxes[3, t] = products * (1 - keep[2])
            dead, roots, products = dead * keep[0], roots * keep[1], products * keep[2]
        sums = np.zeros((6, count))
        new = np.zeros((3, count))
        for c in range(n):
            stand = before[c, t]
            if not stand.any():
                if planted[c, t] > 0:
                    last_a[c], last_b[c] = 0.0, 0.0
                continue
            a, b = agb[c, t], bgb[c, t]
            if t:
                fluxes[0, t] += stand * (a - last_a[c] + b - last_b[c])
                died = np.maximum(after[c, t - 1] - stand, 0.0)
                if herb[c]:
                    fluxes[6, t] += died * last_a[c]
                else:
                    dead, roots = dead + died * last_a[c], roots + died * last_b[c]
            felled = stand * cut[c, t]
            if herb[c]:
                sums[2] += stand * a
                sums[5] += (stand - felled) * a
                fluxes[6, t] += felled * a
            else:
                sums[0], sums[1] = sums[0] + stand * a, sums[1] + stand * b
                sums[3] += (stand - felled) * a
                sums[4] += (stand - felled) * b
                if cut[c, t] > 0:
                    left = 1.0 if wood[c] < 0 else residue
                    logs = felled * a * (1 - left)
                    sawn = logs * max(wood[c], 0.0) * sawn_share
                    new[1] += felled * b
                    new[2] += sawn
                    fluxes[4, t] += logs - sawn
                    fluxes[5, t] += felled * a * left * burn[t]
                    new[0] += felled * a * left * (1 - burn[t])
            last_a[c], last_b[c] = a, b
            if planted[c, t] > 0:
                last_a[c], last_b[c] = 0.0, 0.0
        standing[:, t] = (
            sums[0],
            sums[1],
            sums[2],
            dead,
            roots,
            share * (sums[0] + sums[1]),
            products,
        )
        dead, roots, products = dead + new[0], roots + new[1], products + new[2]
        fresh = share * (sums[3] + sums[4])
        if t:
            fluxes[1, t] = fresh - litter
        litter = fresh
        pools[:, t] = sums[3], sums[4], sums[5], dead, roots, litter, products


def best(work: Callable[[], object]) -> float:
    """Shortest of several runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def caught(runs: list[Run], deviates: Drawn) -> tuple[list[Any], list[Any]]:
    """Arguments with which the runs call the two kernels."""
    calls: dict[str, list[Any]] = {"grow": [], "fill_pools": []}
    originals = {name: getattr(stands, name) for name in calls}
    for name, original in originals.items():

        def spy(*args: Any, name: str = name, original: Any = original) -> None:
            calls[name].append(args)
            original(*args)

        setattr(stands, name, spy)
    for run in runs:
        run.outcome(deviates, centred=True)
    for name, original in originals.items():
        setattr(stands, name, original)
    return calls["grow"], calls["fill_pools"]


def main() -> None:
    """Print times, ratios and memory."""
    scenarios = ten()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    project(scenarios, years=YEARS, draws=DRAWS)
    whole = best(lambda: project(scenarios, years=YEARS, draws=DRAWS))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0
    runs = list(project(scenarios, years=YEARS, draws=0).runs.values())
    grow, fill = caught(runs, Drawn(count=DRAWS, seed=1))
    rows = []
    for name, calls, compiled, plain, outputs in (
        ("stands", grow, stands.grow, numpy_grow, 3),
        ("pools", fill, stands.fill_pools, numpy_pools, 3),
    ):
        for call in calls:
            copy = [*call[:-outputs], *(np.empty_like(out) for out in call[-outputs:])]
            plain(*copy)
            for ours, theirs in zip(call[-outputs:], copy[-outputs:], strict=True):
                np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-12)
        fast = best(lambda c=calls, f=compiled: [f(*call) for call in c])  # type: ignore[misc]
        slow = best(lambda c=calls, f=plain: [f(*call) for call in c])  # type: ignore[misc]
        rows.append((name, slow, fast))
    sys.stdout.write(f"ten scenarios, {YEARS} years, {DRAWS} draws\n")
    for name, slow, fast in rows:
        sys.stdout.write(
            f"  {name:8s} numpy {slow:6.2f} s   compiled {fast:6.3f} s   {slow / fast:5.1f} times\n"
        )
    sys.stdout.write(f"  whole    {whole:.2f} s, {memory:.0f} MB above the libraries\n")


if __name__ == "__main__":
    main()
