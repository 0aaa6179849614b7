"""Random numbers and the small kernels under the draws."""

import numpy as np
import pytest
from scipy import stats

from allometry.kernels import draws

U64 = np.uint64


def naive_philox(counter, key):
    """Philox4x32-10 in plain Python integers (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def test_the_twin_gives_the_published_answers():
    # known answers of the Random123 library
    assert naive_philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = 0xFFFFFFFF
    assert naive_philox([ones] * 4, [ones] * 2) == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD,
    ]  # fmt: skip


def naive_normals(seed, stream, unit, count):
    """The normals of one unit in double precision from the twin's words."""
    out = np.empty(-(-count // 256) * 256)
    for block in range(len(out) // 256):
        words = np.array([
            naive_philox([block * 64 + q, stream, unit & 0xFFFFFFFF, unit >> 32],
                         [seed & 0xFFFFFFFF, seed >> 32])
            for q in range(64)
        ]).T.ravel()  # fmt: skip
        first, second = words[:128], words[128:]
        radius = np.sqrt(-2.0 * np.log(1.0 - (first >> 9) / 2.0**23))
        angle = ((second >> 9) / 2.0**23 - 0.5) * np.pi / 2
        across = np.cos(angle) * np.where(second & 2, -1.0, 1.0)
        turned = (second & 1) == 1
        out[block * 256 : block * 256 + 128] = radius * np.where(turned, np.sin(angle), across)
        out[block * 256 + 128 : block * 256 + 256] = radius * np.where(
            turned, across, np.sin(angle)
        )
    return out[:count]


@pytest.mark.parametrize("unit", [0, 12345678901234567890])
def test_normals_are_those_of_the_generator(unit):
    out = np.empty((1, 300))
    draws.unit_normals(out, U64(2**40 + 7), np.array([99], U64), np.array([unit], U64))
    expected = naive_normals(2**40 + 7, 99, unit, 300)
    assert np.abs(out[0] - expected).max() < 3e-6


@pytest.mark.jit
def test_normals_are_normal_and_independent():
    out = np.empty((50, 20_000))
    draws.unit_normals(out, U64(1), np.full(50, 3, U64), np.arange(50, dtype=U64))
    assert stats.kstest(out.ravel()[:500_000], "norm").pvalue > 1e-3
    assert stats.chisquare(np.histogram(stats.norm.cdf(out), 64)[0]).pvalue > 1e-3
    lagged = [np.corrcoef(out[:, :-k].ravel(), out[:, k:].ravel())[0, 1] for k in (1, 64, 128)]
    assert np.abs(lagged).max() < 5e-3
    between = np.corrcoef(out) - np.eye(50)
    assert np.abs(between).max() < 5.5 / np.sqrt(20_000)


def test_exponential_is_exact_at_zero_and_close_elsewhere():
    def call(x):
        return float(draws.exp_fast(np.float64(x)))

    assert call(0.0) == 1.0
    for x in (-30.0, -1.0, -1e-9, 0.3, 2.0, 50.0):
        assert call(x) == pytest.approx(np.exp(x), rel=5e-14)


def test_moments_are_those_of_plain_numpy():
    rng = np.random.default_rng(3)
    mass, x = rng.uniform(1, 2, 7), rng.normal(0, 1, 7)
    out = np.empty((2, 5))
    draws.group_moments(np.array([0, 3, 7]), np.arange(7), x, mass, out)
    for g, rows in enumerate((slice(0, 3), slice(3, 7))):
        expected = [(mass[rows] * x[rows] ** k).sum() / f for k, f in enumerate((1, 1, 2, 6, 24))]
        np.testing.assert_allclose(out[g], expected, rtol=1e-13)


def test_third_moments_of_many_groups_are_close_to_the_full_sum():
    """Past 64 groups the triple sum is approximated; both ways agree where groups are alike."""
    for n in (60, 70):
        mass, loads = np.full(n, 1.0 / n), np.full((n, 1), 0.3)
        out = np.empty((1, 5))
        zero, none = np.zeros(n), np.full(n, -1)
        draws.group_covariance(
            np.array([0, n]), mass, loads, np.zeros((n, 1), dtype=np.int64),
            np.zeros(1, dtype=np.int64), zero, zero, none, zero, out,
        )  # fmt: skip
        w = np.exp(0.09)
        assert out[0, 0] == pytest.approx(w - 1, rel=1e-12)
        assert out[0, 1] == pytest.approx((w - 1) ** 2 * (w + 2), rel=1e-9)
