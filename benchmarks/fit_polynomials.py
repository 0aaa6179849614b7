"""Minimax coefficients of the inlined exponential and logarithm of ``allometry.kernels``.

Run ``python benchmarks/fit_polynomials.py`` (needs mpmath) to print them again: a Remez exchange in
60-digit arithmetic, for exp(r) on |r| <= ln(2)/2 and for (atanh(s)/s - 1)/s^2 as a function of s^2.
"""

from __future__ import annotations

from collections.abc import Callable

from mpmath import atanh, cos, exp, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 60
Function = Callable[[mpf], mpf]


def remez(
    function: Function, weight: Function, low: mpf, high: mpf, degree: int
) -> tuple[list[mpf], mpf]:
    """Polynomial of a degree that minimises the largest weighted error on an interval."""
    count = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle - half * cos(pi * i / (count - 1)) for i in range(count)]
    grid = [middle - half * cos(pi * i / 1999) for i in range(2000)]
    coefficients: list[mpf] = []
    level = mpf(0)
    for _ in range(12):
        system = matrix(count, count)
        target = matrix(count, 1)
        for i, node in enumerate(nodes):
            for j in range(degree + 1):
                system[i, j] = node**j
            system[i, degree + 1] = (-1) ** i / weight(node)
            target[i] = function(node)
        solution = lu_solve(system, target)
        coefficients = [solution[j] for j in range(degree + 1)]
        errors = [
            (sum(c * x**j for j, c in enumerate(coefficients)) - function(x)) * weight(x)
            for x in grid
        ]
        level = max(abs(error) for error in errors)
        nodes = _alternating_extremes(grid, errors, count)
    return coefficients, level


def _alternating_extremes(grid: list[mpf], errors: list[mpf], count: int) -> list[mpf]:
    """The largest error of each run of equal sign."""
    best: list[int] = []
    for i, error in enumerate(errors):
        if best and (error > 0) == (errors[best[-1]] > 0):
            if abs(error) > abs(errors[best[-1]]):
                best[-1] = i
        else:
            best.append(i)
    while len(best) > count:
        best.pop(0 if abs(errors[best[0]]) < abs(errors[best[-1]]) else -1)
    return [grid[i] for i in best]


def main() -> None:
    """Print both polynomials with the size of their relative error."""
    half_ln2 = log(mpf(2)) / 2
    # exp(r) = 1 + r + r^2 q(r)
    safe = mpf(10) ** -12
    fit, level = remez(
        lambda r: (exp(r) - 1 - r) / (r * r) if abs(r) > safe else mpf(1) / 2 + r / 6,
        lambda r: r * r / exp(r) if abs(r) > safe else safe,
        -half_ln2 * mpf("1.001"),
        half_ln2 * mpf("1.001"),
        9,
    )
    print("exp, relative error", mp.nstr(level, 3))
    for c in fit:
        print("   ", repr(float(c)))
    top = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.001")
    fit, level = remez(
        lambda z: (atanh(sqrt(z)) / sqrt(z) - 1) / z,
        lambda z: z,
        mpf(10) ** -6,
        top,
        6,
    )
    print("log, relative error", mp.nstr(level, 3))
    for c in fit:
        print("   ", repr(float(c)))


if __name__ == "__main__":
    main()
