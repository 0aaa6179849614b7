"""Rows of plots that repeat: order, usable rows and keys, against plain Python."""

import itertools

import numpy as np

from allometry.kernels import inventories, rows

USABLE, MERGES = inventories.USABLE, inventories.MERGES


def naive(offsets, rank, tree, kind, traits, ratio, odd):
    """Usable rows by plot in order of ranks; plots that are odd; mean ratios."""
    found, strange, means = [], odd.copy(), []
    for p, (first, last) in enumerate(itertools.pairwise(offsets)):
        order = sorted(range(first, last), key=lambda i: rank[tree[i]])
        ranks = [rank[tree[i]] for i in order]
        mine = [i for i in order if traits[kind[i]] & USABLE]
        strange[p] |= len(set(ranks)) < len(ranks)
        strange[p] |= any(traits[kind[i]] & inventories.UNNAMED for i in order)
        found.append([] if strange[p] else mine)
        known = [ratio[kind[i]] for i in found[-1] if traits[kind[i]] & inventories.RATIO]
        means.append(np.mean(known) if known else np.nan)
    return found, strange, means


def test_usable_rows_are_those_of_plain_python():
    rng = np.random.default_rng(2)
    seen = {"odd": 0, "sorted": 0, "rows": 0}
    for _ in range(40):
        sizes = rng.integers(0, 7, 9)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        # ranks beyond a byte; names that repeat in few plots
        names = [rng.choice(12, n, replace=rng.random() < 0.2) for n in sizes]
        if rng.random() < 0.5:
            names = [np.sort(name) for name in names]
        tree = np.concatenate(names).astype(np.int32)
        rank = rng.permutation(12) * 300 if rng.random() < 0.5 else np.arange(12) * 300
        traits = np.array([0, 1, 1, 1, 9, 5], dtype=np.uint8)[rng.permutation(6)]
        kind = rng.choice(6, len(tree), p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05]).astype(np.int32)
        ratio, odd = rng.random(6), rng.random(9) < 0.1
        row, of, plant = (np.empty(len(tree), dtype=np.int32) for _ in range(3))
        starts, mean, marked = np.empty(10, dtype=np.int64), np.empty(9), odd.copy()
        several = inventories.usable_rows(
            offsets, rank, tree, True, kind, traits, ratio, marked, row, of, plant, starts, mean
        )
        expected, strange, means = naive(offsets, rank, tree, kind, traits, ratio, odd)
        assert marked.tolist() == strange.tolist()
        found = [row[starts[p] : starts[p + 1]].tolist() for p in range(9)]
        assert found == expected
        assert of[: starts[-1]].tolist() == [kind[i] for plot in expected for i in plot]
        assert plant[: starts[-1]].tolist() == [tree[i] for plot in expected for i in plot]
        np.testing.assert_allclose(mean, means, rtol=1e-15)
        assert several == 0  # a tree that comes twice has its rank twice
        seen["odd"] += strange.sum()
        seen["sorted"] += not strange.all()
        seen["rows"] += starts[-1]
    assert min(seen.values()) > 30


def test_rows_are_counted_beyond_what_a_byte_holds():
    tree, traits = np.arange(400, dtype=np.int32), np.array([USABLE], dtype=np.uint8)
    row, of, plant = (np.empty(400, dtype=np.int32) for _ in range(3))
    starts, mean, odd = np.empty(3, dtype=np.int64), np.empty(2), np.zeros(2, dtype=np.bool_)
    inventories.usable_rows(
        np.array([0, 300, 400]), np.arange(400), tree, True, np.zeros(400, dtype=np.int32), traits,
        np.full(1, np.nan), odd, row, of, plant, starts, mean,
    )  # fmt: skip
    assert starts.tolist() == [0, 300, 400]
    assert row.tolist() == plant.tolist() == tree.tolist()


def test_stems_of_a_tree_are_counted_and_merged_where_their_kind_says_so():
    """Stems have ranks of their own; three of tree 0, two of tree 1, of which one is not usable."""
    tree, rank = np.array([0, 0, 0, 1, 1], dtype=np.int32), np.array([5, 3, 4, 6, 7])
    kind, ratio = np.array([0, 0, 0, 0, 1], dtype=np.int32), np.full(2, np.nan)

    def usable(traits):
        odd, row = np.zeros(1, dtype=np.bool_), np.empty(5, dtype=np.int32)
        starts, mean = np.empty(2, dtype=np.int64), np.empty(1)
        number = inventories.usable_rows(
            np.array([0, 5]), rank, tree, False, kind, np.array(traits, dtype=np.uint8), ratio, odd,
            row, row.copy(), row.copy(), starts, mean,
        )  # fmt: skip
        return number, row[: starts[-1]].tolist(), bool(odd[0])

    assert usable([USABLE, 0]) == (3, [1, 2, 0, 3], False)
    assert usable([USABLE, USABLE]) == (5, [1, 2, 0, 3, 4], False)
    assert usable([USABLE | MERGES, 0]) == (0, [], True)


def test_plots_whose_rows_differ_become_odd_and_flags_go_to_all_their_rows():
    codes, starts = np.array([4, 4, 7, 7, 8, 1], dtype=np.int32), np.array([0, 2, 5])
    for cuts in itertools.combinations_with_replacement(range(len(codes) + 1), 2):
        first, odd = np.empty(3, dtype=np.int32), np.array([False, False, True])
        for begin, end in itertools.pairwise([0, *cuts, len(codes)]):
            rows.first_codes(codes[begin:end], begin, starts, first, odd)
        assert first.tolist() == [4, 7, 1]
        assert odd.tolist() == [False, True, True]
    keys = np.full(6, 8, dtype=np.uint64)
    rows.add_flags(np.array([0, 2, 5, 6]), np.array([0, 2, 1], dtype=np.uint64), keys)
    assert keys.tolist() == [8, 8, 10, 10, 10, 9]
