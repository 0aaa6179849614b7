"""Draws depend on ids and the seed alone."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rubbercarbon as rc

pytestmark = pytest.mark.jit
SPECIES = ("ยางพารา", "Hopea odorata", "Tectona grandis", "Areca catechu", "ไผ่")
KERNELS = ("exact", "auto")


def trees_of(seed, n_plots=4, n=12):
    rng = np.random.default_rng(seed)
    total = n_plots * n
    return pd.DataFrame({
        "plot_id": np.repeat([f"P{i}" for i in range(n_plots)], n),
        "tree_id": [f"{i % n:03d}" for i in range(total)],
        "species": rng.choice(SPECIES, total), "dbh_cm": rng.uniform(4, 40, total).round(1),
        "height_m": np.where(rng.random(total) < 0.5, rng.uniform(5, 25, total).round(1), np.nan),
    })  # fmt: skip


def draws(trees, seed=5, count=300):
    stocks = rc.estimate_stocks(
        rc.read_inventory(trees), rc.Settings(draws=count, seed=seed), draws=True
    )
    table = stocks.draws.to_pandas().set_index(["plot_id", "draw"]).sort_index()
    return table.dropna(axis=1, how="all")  # no area: nothing per hectare


@given(st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_order_and_batches_change_no_bit(seed):
    trees = trees_of(seed)
    whole = draws(trees)
    shuffled = draws(trees.sample(frac=1.0, random_state=seed))
    assert (whole == shuffled).all(axis=None)
    first = trees["plot_id"].isin(["P0", "P3"])
    split = pd.concat([draws(trees[first]), draws(trees[~first])]).sort_index()
    assert (whole == split).all(axis=None)


def test_threads_change_no_bit(two_threads):
    trees = trees_of(3, 8, 20)
    whole = draws(trees)
    numba.set_num_threads(1)
    assert (draws(trees) == whole).all(axis=None)


def test_another_seed_is_another_draw_and_more_draws_begin_the_same():
    trees = trees_of(4)
    base = draws(trees)
    assert not (draws(trees, seed=6) == base).any(axis=None)
    more = draws(trees, count=600).reset_index()
    again = more[more["draw"] < 300].set_index(["plot_id", "draw"])
    np.testing.assert_allclose(again, base, rtol=1e-12)


CODE = """
import sys; sys.path[:0] = {path!r}
from test_draw_properties import draws, trees_of
print(draws(trees_of(9)).to_numpy().sum(axis=0).tolist())
"""


@pytest.mark.slow
def test_the_plain_threading_layer_gives_the_same_bits():
    def run(**more):
        code = CODE.format(path=[str(Path(__file__).parent)])
        return subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, **more},
        ).stdout  # fmt: skip

    assert run() == run(NUMBA_THREADING_LAYER="workqueue", NUMBA_NUM_THREADS="2")
