"""Intervals: analytic, exact draws, compressed draws and a brute-force twin say the same."""

import itertools

import numpy as np
import pandas as pd
import pytest
from naive_draws import RUBBER, Twin, standard_errors

import rubbercarbon as rc
from rubbercarbon import draw_blocks, montecarlo, uncertainty

DRAWS = 20_000
OTHERS = ("Hopea odorata", "Dipterocarpus alatus", "Tectona grandis", "Parkia speciosa")
STATISTICS = ("mean", "sd", "q05", "q95")
FACTORS = 4.5  # standard errors that two sets of draws may differ by
CLOSURE = {"mean": 0.0, "sd": 0.002, "q05": 0.01, "q95": 0.01}  # claim of the analytic interval


def make_trees(sizes=(1, 2, 5, 25, 100), *, seed=5):
    """Plots of one species and mixed, with and without heights."""
    rng = np.random.default_rng(seed)
    frames = []
    for n, mixed, heights in itertools.product(sizes, (False, True), (False, True)):
        species = np.full(n, RUBBER, dtype=object)
        if mixed:
            species[: (n + 1) // 2] = np.array(OTHERS, dtype=object)[np.arange((n + 1) // 2) % 4]
        elif heights:
            species[:] = OTHERS[0]
        d = np.round(rng.uniform(8, 35, n), 1)
        frames.append(pd.DataFrame({
            "plot_id": f"{'mixed' if mixed else 'mono'}-{'h' if heights else 'n'}-{n:03d}",
            "tree_id": [f"{i:03d}" for i in range(n)],
            "species": species,
            "dbh_cm": d,
            "height_m": np.round(1.3 + 25 * d / (20 + d), 1) if heights else np.nan,
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def estimate(trees, **settings):
    inventory = rc.read_inventory(trees)
    return rc.estimate_stocks(inventory, rc.Settings(**settings), draws=True)


def parts(trees, **settings):
    """Masses and layout of an inventory, as `estimate_stocks` makes them."""
    caught = {}
    original = uncertainty.analytic

    def spy(masses, layout, *args, **kwargs):
        caught["parts"] = (masses, layout)
        return original(masses, layout, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rubbercarbon.stock_errors.analytic", spy)
        stocks = estimate(trees, **settings)
    return stocks, *caught["parts"]


def all_draws(masses, layout, kernel, draws=DRAWS, seed=11):
    blocks = montecarlo.draw_plots(masses, layout, draws, seed, kernel=kernel)
    return np.concatenate([block for _, _, block in blocks])


def statistics(draws):
    q05, q95 = np.quantile(draws, [0.05, 0.95])
    return {"mean": draws.mean(), "sd": draws.std(ddof=1), "q05": q05, "q95": q95}


LEVEL_SETS = {
    "default": {},
    "all_tree": dict.fromkeys(("species", "locality", "coefficients", "rubber_equation", "rubber_locality", "density_mean", "height_locality", "height_plot"), "tree"),
    "all_run": dict.fromkeys(("species", "locality", "coefficients", "rubber_equation", "rubber_locality", "density_mean", "height_locality", "height_plot", "residual", "density_tree", "height_tree"), "run"),
    "residual_by_plot": {"residual": "plot", "species": "plot", "dbh_campaign": "species"},
}  # fmt: skip


@pytest.mark.jit
@pytest.mark.parametrize("name", LEVEL_SETS)
def test_all_engines_agree_with_brute_force(name):
    levels = LEVEL_SETS[name]
    trees = make_trees()
    budget = {term: {"level": level} for term, level in levels.items()}
    stocks, masses, layout = parts(trees, errors=budget)
    twin = Twin(trees, levels).draw(DRAWS, 7)
    ours = {
        "exact": all_draws(masses, layout, "exact"),
        "auto": all_draws(masses, layout, "auto", seed=12),
    }
    spread = uncertainty.analytic(masses, layout)
    failures = []
    for p, plot_id in enumerate(stocks.plots["plot_id"]):
        for q, quantity in enumerate(("agb", "bgb", "carbon")):
            theirs = twin[quantity][p]
            errors = standard_errors(theirs)
            expected = statistics(theirs)
            found = {kernel: statistics(draws[p, q]) for kernel, draws in ours.items()}
            found["analytic"] = {
                "mean": spread.mean[p, q], "sd": spread.sd[p, q],
                "q05": spread.quantiles[p, q, 0], "q95": spread.quantiles[p, q, -1],
            }  # fmt: skip
            for engine, values in found.items():
                for statistic in STATISTICS:
                    allowed = FACTORS * errors[statistic]
                    if engine == "analytic":
                        allowed += CLOSURE[statistic] * expected["mean"]
                    else:
                        allowed *= np.sqrt(2)
                    off = abs(values[statistic] - expected[statistic]) / allowed
                    if off > 1:
                        failures.append((plot_id, quantity, engine, statistic, round(off, 2)))
    assert not failures, failures


@pytest.mark.parametrize("kernel", ["exact", pytest.param("compressed", marks=pytest.mark.jit)])
def test_without_errors_the_exact_kernel_is_the_point_bit_by_bit(kernel):
    trees = make_trees((1, 2), seed=2)
    stocks, masses, layout = parts(trees, errors=rc.ErrorBudget.none())
    draws = all_draws(masses, layout, kernel, draws=3)
    for q, name in enumerate(("agb_t", "bgb_t", "carbon_t")):
        point = stocks.plots[name].to_numpy()
        if kernel == "exact":
            assert (draws[:, q] == point[:, None]).all()
        np.testing.assert_allclose(draws[:, q], np.tile(point[:, None], 3), rtol=1e-12)


def test_compressed_and_exact_draws_differ_by_less_than_the_bound():
    """With no errors of single trees both kernels use the same normals."""
    trees = make_trees((2, 5))
    shared = {name: {"on": False} for name in (
        "residual", "density_tree", "height_tree", "dbh_reading", "height_reading")}  # fmt: skip
    _, masses, layout = parts(trees, errors=shared)
    count = 40
    exact = all_draws(masses, layout, "exact", draws=count)
    compressed = all_draws(masses, layout, "compressed", draws=count)
    some = exact[:, :3] > 0
    ratio = compressed[:, :3][some] / exact[:, :3][some]
    assert np.abs(ratio - 1.0).max() < draw_blocks.TOLERANCE


@pytest.mark.jit
def test_a_wide_slope_falls_back_to_finer_bins_and_then_to_the_exact_kernel():
    trees = make_trees((5,))
    _, masses, layout = parts(trees, errors={"rubber_locality": {"scale": 60.0}})
    tables = draw_blocks._tables(layout, np.arange(len(layout.carbon)), 50, 1)
    assert not (draw_blocks._widths(tables.reach) > 0).all()
    draws = all_draws(masses, layout, "compressed", draws=50, seed=1)
    exact = all_draws(masses, layout, "exact", draws=50, seed=1)
    slow = np.isclose(draws[:, 0], exact[:, 0], rtol=0, atol=0).all(axis=1)
    assert slow.any()
