"""Equation forms: a table of coefficients gathered by equation number, evaluated for many trees.

One row of the log-polynomial table is

    ln Y = b0 + b1 ln X + b2 ln^2 X + b3 ln^3 X + b4 ln H + b5 ln rho + b6 E

with X the equation's size variable (diameter in cm, or crown diameter in m), H height in m, rho
basic wood density in g/cm3 and E the environmental stress of Chave et al. 2014. Sums of components
and geometric means of equations are several rows that share their logarithms. Everything else
takes the slow path below. Trees whose inputs are missing or not positive come out as NaN.

The exponential and the logarithm are inlined polynomials (own minimax fit:
``benchmarks/fit_polynomials.py``), so that the compiler can work on several trees at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import inline, light_kernel, prange

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# kinds of equation, as numbers for the kernels
SINGLE, MIXTURE, POLYNOMIAL, OGAWA, TIEPOLO, MICHAELIS, WEIBULL = range(7)
# columns of the row table
INTERCEPT, SIZE, SIZE2, SIZE3, HEIGHT, DENSITY, STRESS, MEMBER_WEIGHT, MEMBER = range(9)

ONE_BITS = np.int64(0x3FF0000000000000)
TWO_52_BITS = np.int64(0x4330000000000000)
LOG2E = 1.4426950408889634
LN2_HIGH = 0.6931471803691238
LN2_LOW = 1.9082149292705877e-10
MAGIC = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer held in the low bits
SQRT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)
BELOW_ONE_BITS = np.int64(ONE_BITS - SQRT_HALF_BITS)
MANTISSA = np.int64(0xFFFFFFFFFFFFF)
EXP_LIMIT = 700.0
LARGEST = 1e300
BASAL_AREA = 0.7853981633974483  # pi / 4


@inline
def exp_(x: float) -> float:
    """e^x to about 1 ulp for |x| <= 700; NaN beyond (and for NaN)."""
    shifted = np.float64(x * LOG2E + MAGIC)
    k = shifted - MAGIC
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    s = r * r
    low = (0.5000000000000011 + 0.1666666666666641 * r) + s * (
        0.04166666666652919 + 0.00833333333349562 * r
    )
    middle = (0.0013888888943922764 + 0.00019841269504772347 * r) + s * (
        2.480149276266806e-05 + 2.7557587336254526e-06 * r
    )
    high = 2.7630378665185557e-07 + 2.499996713809708e-08 * r
    q = low + (s * s) * (middle + (s * s) * high)
    p = np.float64(1.0 + (r + s * q))
    value = np.int64(p.view(np.int64) + (shifted.view(np.int64) << np.int64(52))).view(np.float64)
    return value if abs(x) <= EXP_LIMIT else np.nan


@inline
def log_(x: float) -> float:
    """Natural logarithm to about 1 ulp; NaN for x below 1e-300, above 1e300 and for NaN."""
    shifted = np.int64(np.float64(x).view(np.int64) + BELOW_ONE_BITS)
    biased = (shifted >> np.int64(52)) & np.int64(0xFFF)
    k = np.int64(biased | TWO_52_BITS).view(np.float64) - 4503599627371519.0
    f = np.int64((shifted & MANTISSA) + SQRT_HALF_BITS).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    q = (0.33333333333333676 + 0.19999999999705548 * z) + w * (
        (0.1428571437163128 + 0.11111099237998959 * z)
        + w * ((0.09091784869611783 + 0.07656951630521118 * z) + w * 0.07398753785560573)
    )
    value = k * LN2_HIGH - ((s * (f - 2.0 * z * q) - k * LN2_LOW) - f)
    return value if (x >= 1e-300) & (x <= 1e300) else np.nan


@inline
def _log_row(rows: Floats, r: int, ln_x: float, ln_h: float, ln_rho: float, stress: float) -> float:
    """One row of the log-polynomial table; inputs that a row does not use may be NaN."""
    y = rows[r, INTERCEPT] + ln_x * (
        rows[r, SIZE] + ln_x * (rows[r, SIZE2] + ln_x * rows[r, SIZE3])
    )
    y += 0.0 if rows[r, HEIGHT] == 0.0 else rows[r, HEIGHT] * ln_h
    y += 0.0 if rows[r, DENSITY] == 0.0 else rows[r, DENSITY] * ln_rho
    y += 0.0 if rows[r, STRESS] == 0.0 else rows[r, STRESS] * stress
    return y


@light_kernel
def evaluate_single(
    rows: Floats,
    equation: Ints,
    size: Floats,
    height: Floats,
    density: Floats,
    out: Floats,
) -> None:
    """Log-polynomials of one row that need two logarithms only, for every tree.

    ``rows[e]`` is the row of equation e. Height and density enter with one common power, or only
    one of them enters: then b4 ln H + b5 ln rho is that power times ln(H rho). Trees of other kinds
    of equation get a value that `evaluate_other` overwrites.
    """
    for i in prange(equation.shape[0]):
        e = equation[i]
        h = height[i]
        rho = density[i]
        power_h = rows[e, HEIGHT]
        power_rho = rows[e, DENSITY]
        product = (1.0 if power_h == 0.0 else h) * (1.0 if power_rho == 0.0 else rho)
        power = power_rho if power_h == 0.0 else power_h
        ln_x = log_(size[i])
        y = rows[e, INTERCEPT] + ln_x * (
            rows[e, SIZE] + ln_x * (rows[e, SIZE2] + ln_x * rows[e, SIZE3])
        )
        out[i] = exp_(y + power * log_(product))


@inline
def _clamped(x: float, low: float, high: float) -> float:
    """The value inside [low, high]; NaN stays NaN."""
    y = max(x, low)
    return min(y, high)


@inline
def _mixture(
    rows: Floats, first: int, last: int, ln_x: float, ln_h: float, ln_rho: float, stress: float
) -> float:
    """Weighted geometric mean of sums; a member is a run of rows of equal number."""
    total = 0.0
    log_mean = 0.0
    length = 0
    for r in range(first, last):
        length += 1
        value = _log_row(rows, r, ln_x, ln_h, ln_rho, stress)
        ends = r + 1 == last or rows[r + 1, MEMBER] != rows[r, MEMBER]
        if ends and length == 1:
            log_mean += rows[r, MEMBER_WEIGHT] * value
            length = 0
            continue
        total += exp_(value)
        if ends:
            if rows[r, MEMBER_WEIGHT] == 1.0:
                return total
            log_mean += rows[r, MEMBER_WEIGHT] * log_(total)
            total = 0.0
            length = 0
    return exp_(log_mean)


@inline
def _polynomial(p: Floats, e: int, x: float, h: float) -> float:
    """p0 + p1 X + p2 X^2 + p3 H + p4 X^2 H + p5 B + p6 B^2 + p7 B^3, B = pi/4 X^2."""
    y = p[e, 0] + (0.0 if p[e, 1] == 0.0 else p[e, 1] * x)
    y += 0.0 if p[e, 2] == 0.0 else p[e, 2] * x * x
    y += 0.0 if p[e, 3] == 0.0 else p[e, 3] * h
    y += 0.0 if p[e, 4] == 0.0 else p[e, 4] * x * x * h
    area = BASAL_AREA * x * x
    y += 0.0 if p[e, 5] == 0.0 else area * (p[e, 5] + area * (p[e, 6] + area * p[e, 7]))
    return y


@inline
def _odd(kind: int, p: Floats, e: int, ln_x: float, x: float, ln_h: float, h: float) -> float:
    """The forms that stand alone: Ogawa's leaf term, Tiepolo's logistic, height curves."""
    if kind == OGAWA:
        ln_d2h = 2.0 * ln_x + ln_h
        wood = p[e, 0] * exp_(p[e, 1] * ln_d2h) + p[e, 2] * exp_(p[e, 3] * ln_d2h)
        return wood + 1.0 / (p[e, 4] / wood + p[e, 5])
    if kind == TIEPOLO:
        return p[e, 0] / (1.0 + p[e, 1] * exp_(p[e, 2] * h))
    if kind == MICHAELIS:
        return p[e, 0] + p[e, 1] * x / (p[e, 2] + x)
    if kind == WEIBULL:
        return p[e, 0] * (1.0 - exp_(-p[e, 1] * exp_(p[e, 2] * ln_x)))
    return np.nan


@light_kernel
def evaluate_other(
    kind: Ints,
    rows: Floats,
    first: Ints,
    last: Ints,
    parameters: Floats,
    clamps: Floats,
    equation: Ints,
    size: Floats,
    height: Floats,
    density: Floats,
    stress: Floats,
    out: Floats,
) -> None:
    """Every kind but `SINGLE`, the slow path; trees of kind `SINGLE` are left as they are.

    ``clamps`` holds lowest and highest size and height per equation. A result that is not
    positive is NaN, and so is one whose size is missing, not positive or not finite.
    """
    for i in prange(equation.shape[0]):
        e = equation[i]
        if kind[e] == SINGLE:
            continue
        if not (size[i] > 0.0 and size[i] <= LARGEST):
            out[i] = np.nan
            continue
        x = _clamped(size[i], clamps[e, 0], clamps[e, 1])
        h = _clamped(height[i], clamps[e, 2], clamps[e, 3])
        ln_x = log_(x)
        ln_h = log_(h)
        if kind[e] == MIXTURE:
            value = _mixture(rows, first[e], last[e], ln_x, ln_h, log_(density[i]), stress[i])
        elif kind[e] == POLYNOMIAL:
            value = _polynomial(parameters, e, x, h)
        else:
            value = _odd(kind[e], parameters, e, ln_x, x, ln_h, h)
        out[i] = value if value > 0.0 else np.nan
