"""Random numbers and the small kernels under the draws."""

import numpy as np
import pytest
import stand_ins
from scipy import stats

from allometry.kernels import draws, groups
from allometry.kernels.draws import group_covariance  # conftest may replace it in its module

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


def test_groups_and_their_moments_are_those_of_plain_numpy():
    """Two plots, three cells, bins of x; the stems of a tree count as one for its own error."""
    rng = np.random.default_rng(3)
    n = 40
    offsets = np.array([0, 17, n])
    cell, x = rng.integers(-1, 3, n), rng.normal(2, 1, n)
    per_bin = np.array([0.25, 1.0, 1.0])
    above, below, own = rng.uniform(1, 2, n), rng.uniform(0, 1, n), rng.uniform(0.01, 2, n)
    centring, tree = rng.uniform(0.9, 1, n), np.arange(n, dtype=np.int32)
    cell[5:7], x[5:7], tree[6] = 1, 2.2, 5
    own[6] = own[5]
    herbs, factor = np.array([False, True, False]), np.array([0.5, 2.0])
    kind = rng.permutation(n).astype(np.int32)  # the tables are in another order than the rows
    terms, base = np.zeros((n, 8)), np.empty(n, dtype=np.int64)
    times = np.repeat(factor, np.diff(offsets))
    terms[kind, np.where(herbs[cell], 3, 0)], terms[kind, 1] = above / times, below / times
    terms[kind, 4:] = np.column_stack([x, np.zeros(n), own, centring])
    # cells 0 and 1 are one base cell at two places, cell 2 is another at the first of them
    where, number = np.zeros(n, dtype=np.int64), np.array([2, 0, 1, 0])
    base[kind] = np.where(cell < 0, -1, np.where(cell == 2, 0, 1))
    where[cell == 0] = 1
    starts, room = np.zeros(3, dtype=np.int64), 2

    def gather(room):
        made = (
            *(np.empty(room, dtype=np.int64) for _ in range(3)),
            np.empty((room, groups.GROUP_SUMS)),
            np.empty((2, room, 5)),
            np.empty((2, 11, 4)),
        )
        fits = groups.gather_groups(
            offsets, kind, factor, terms, base, where, True, 2, number, tree, per_bin, herbs,
            np.log(3.0), -8, starts, *made,
        )  # fmt: skip
        return made if fits else None

    while (made := gather(room)) is None:
        room += 1
    total = starts[-1]
    assert total == room
    found_cell, piece, chosen, _, moments, noise = made
    bins = np.array([4.0, 1.0, 1.0])[np.maximum(cell, 0)]
    for p in range(2):
        mine = np.arange(offsets[p], offsets[p + 1])
        keys = [(cell[i], np.floor(x[i] / bins[i])) for i in mine if cell[i] >= 0]
        expected_noise = np.zeros((11, 4))
        for g, (c, piece_of) in enumerate(dict.fromkeys(keys)):
            rows = [i for i in mine if (cell[i], np.floor(x[i] / bins[i])) == (c, piece_of)]
            here = starts[p] + g
            assert (found_cell[here], piece[here]) == (c, piece_of)
            at = x[rows] - (piece_of + 0.5) * bins[rows[0]]
            for k, mass in enumerate((above, below)):
                sums = [(mass[rows] * centring[rows] * at**e).sum() / f
                        for e, f in enumerate((1, 1, 2, 6, 24))]  # fmt: skip
                np.testing.assert_allclose(moments[k, here], sums, rtol=1e-12, atol=1e-14)
            mean = (above[rows] * own[rows]).sum() / above[rows].sum()
            of = int(np.clip(np.floor(np.log(mean) / np.log(3.0)) + 8, 0, 10))
            assert chosen[here] == of
            for key in np.unique(tree[rows]):
                stems = [i for i in rows if tree[i] == key]
                mass, v = above[stems].sum(), own[stems[0]]
                expected_noise[of] += [mass**2 * v, mass**3 * v**2 * (v + 3), mass, 1]
        np.testing.assert_allclose(noise[p], expected_noise, rtol=1e-12)


def test_summaries_have_the_quantiles_of_numpy_bit_by_bit():
    rng = np.random.default_rng(4)
    at = np.array([0.05, 0.95, 0.0, 0.31, 0.5, 1.0])
    for n in (1, 2, 3, 7, 64, 500):
        rows = rng.lognormal(0, 1, (6, n))
        rows[0], rows[1], rows[2] = 0.0, 7.0, np.round(rows[2])
        rows[3, 0] = 1e9
        out = np.empty((6, 8))
        groups.summarise(rows, at, out)
        assert np.array_equal(out[:, 2:].T, np.quantile(rows, at, axis=1))
        np.testing.assert_allclose(out[:, 0], rows.mean(axis=1), rtol=1e-14)
        sd = rows.std(axis=1, ddof=1) if n > 1 else 0.0
        np.testing.assert_allclose(out[:, 1], sd, rtol=1e-12)


def test_summaries_of_draws_that_are_not_numbers_are_none_either():
    rows = np.ones((3, 9))
    rows[0, 4], rows[1, 0], rows[2, 8] = np.nan, np.nan, np.inf
    out = np.empty((3, 4))
    groups.summarise(rows, np.array([0.05, 0.95]), out)
    assert np.isnan(out[:, 2:]).all()


def test_third_moments_of_many_groups_are_close_to_the_full_sum():
    """Past 64 groups the triple sum is approximated; both ways agree where groups are alike."""
    for n in (60, 70):
        mass, loads = np.full(n, 1.0 / n), np.full((n, 1), 0.3)
        out = np.empty((1, 5))
        zero, none = np.zeros(n), np.full(n, -1)
        group_covariance(
            np.array([0, n]), mass, loads, np.zeros((n, 1), dtype=np.int64),
            np.zeros(1, dtype=np.int64), zero, zero, none, zero, out,
        )  # fmt: skip
        w = np.exp(0.09)
        assert out[0, 0] == pytest.approx(w - 1, rel=1e-12)
        assert out[0, 1] == pytest.approx((w - 1) ** 2 * (w + 2), rel=1e-9)


@pytest.mark.parametrize("sizes", [(1, 0, 5), (9,), (65, 3)], ids=str)
def test_moments_of_groups_are_those_of_whole_matrices(sizes):
    rng = np.random.default_rng(len(sizes))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    n, factors = offsets[-1], 6
    twin = np.full(n, -1)
    twin[0] = 0 if sizes[0] == 1 else 2
    given = (
        offsets, rng.uniform(0.1, 2.0, n), rng.normal(0.0, 0.2, (n, factors)),
        rng.integers(-1, 3, (n, factors)), np.array([0, 1, 1, 2, 0, 3]), rng.uniform(0, 1, n),
        rng.uniform(0, 1, n), twin, rng.uniform(0, 1, n),
    )  # fmt: skip
    found, expected = np.full((2, len(sizes), 8), np.nan)
    group_covariance(*given, found)
    stand_ins.group_covariance(*given, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
    assert (expected[np.array(sizes) > 0] > 0).mean() > 0.5
