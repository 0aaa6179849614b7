"""Errors measured in another package that this one must not repeat (one test each), and levels."""

import numpy as np
import pandas as pd
import pytest

import allometry as al
import rubbercarbon as rc

pytestmark = pytest.mark.jit
RUBBER = "Hevea brasiliensis"
R_OWN = {
    "residual": {"sd": 0.357}, "coefficients": True, "density_mean": {"level": "tree", "sd": 0.0677},
}  # fmt: skip


def estimate(trees, draws=400, seed=1, plots=None, **settings):
    inventory = rc.read_inventory(pd.DataFrame(trees), plots)
    return rc.estimate_stocks(
        inventory, rc.Settings(draws=draws, seed=seed, **settings), draws=True
    )


def identical(n, species=RUBBER, dbh=22.0, height=18.0, density=0.5005):
    return pd.DataFrame({
        "plot_id": "P", "tree_id": [f"{i:05d}" for i in range(n)], "species": species,
        "dbh_cm": dbh, "height_m": height, "wood_density_g_cm3": density,
    })  # fmt: skip


def cv(stocks, name="agb_t"):
    return float(stocks.total[f"{name}_sd"].iloc[-1] / stocks.total[name].iloc[-1])


def draws_of(stocks, column="agb_t"):
    table = stocks.draws.to_pandas()
    return table.pivot_table(index="draw", columns="plot_id", values=column)


def mixed(n_plots=3, n=4):
    rng = np.random.default_rng(8)
    species = [RUBBER, "Hopea odorata", "Tectona grandis", "Parkia speciosa"]
    return pd.DataFrame({
        "plot_id": np.repeat([f"P{i}" for i in range(n_plots)], n),
        "tree_id": [f"{i}" for i in range(n)] * n_plots,
        "species": np.resize(np.array(species, dtype=object), n_plots * n),
        "dbh_cm": rng.uniform(8, 35, n_plots * n).round(1),
    })  # fmt: skip


# 1. results come in grouped order when sites are interleaved
def test_interleaved_plots_keep_their_names():
    table = mixed()
    shuffled = table.sample(frac=1.0, random_state=3)
    straight, mingled = estimate(table), estimate(shuffled)
    assert straight.plots["plot_id"].tolist() == mingled.plots["plot_id"].tolist()
    assert straight.plots["agb_t_sd"].tolist() == mingled.plots["agb_t_sd"].tolist()
    assert mingled.trees["tree_id"].tolist() == shuffled["tree_id"].tolist()


# 2. one tree gives the sum over draws
def test_one_tree_is_one_tree():
    stocks = estimate(identical(1), draws=2000)
    row = stocks.uncertainty.query(
        "plot_id == 'P' and quantity == 'agb' and method == 'montecarlo'"
    )
    assert row["mean"].iloc[0] == pytest.approx(stocks.plots["agb_t"].iloc[0], rel=0.05)


# 3. an unknown sd drops the tree
def test_an_unknown_density_error_drops_no_tree():
    stocks = estimate(identical(2, species="Hopea odorata"))
    assert stocks.plots["n_estimated"].tolist() == [2]
    assert stocks.trees["agb_kg"].notna().all()


# 4. missing diameters vanish silently; 6. negative diameters are accepted
@pytest.mark.parametrize(
    ("dbh", "code"), [(np.nan, "diameter_missing"), (-12.0, "diameter_not_positive")]
)
def test_missing_and_negative_diameters_are_listed(dbh, code):
    table = identical(3)
    table.loc[1, "dbh_cm"] = dbh
    stocks = estimate(table)
    assert len(stocks.trees) == 3
    assert stocks.trees["flags"].iloc[1] == code
    assert code in set(stocks.problems["code"])


# 5. plot-specific height models are applied to the wrong plots when rows are ordered otherwise
def test_height_models_go_to_their_own_plots_in_any_order(tmp_path):
    d = np.linspace(8, 40, 20)
    pairs = pd.DataFrame({
        "plot_id": ["A"] * 20 + ["B"] * 20, "dbh_cm": [*d, *d],
        "height_m": [*(2 * d**0.6 * (1 + 0.02 * (-1) ** np.arange(20))),
                     *(3 * d**0.6 * (1 + 0.02 * (-1) ** np.arange(20)))],
    })  # fmt: skip
    file = tmp_path / "h.csv"
    pairs.to_csv(file, index=False)
    trees = pd.DataFrame({"plot_id": ["B", "A", "B", "A"], "tree_id": list("1122"),
                          "species": "Hopea odorata", "dbh_cm": 20.0})  # fmt: skip
    stocks = estimate(trees, height_sample=str(file), height_by="plot_id")
    tall = stocks.trees.set_index(["plot_id", "tree_id"])["height_m"]
    assert tall["B"].tolist() == pytest.approx([3 * 20**0.6] * 2, rel=0.01)
    assert tall["A"].tolist() == pytest.approx([2 * 20**0.6] * 2, rel=0.01)


# 7. parameters are recycled along the tree axis
def test_a_shared_error_stays_with_any_number_of_trees():
    for n in (10, 1000):
        stocks = estimate(identical(n), draws=4000, equations={"all": "chave_2014_eq4"},
                          errors=rc.ErrorBudget.only(residual={"level": "run", "sd": 0.2}))  # fmt: skip
        assert cv(stocks) == pytest.approx(np.sqrt(np.expm1(0.04)), rel=0.06)


# 8. large measurement errors on a fixed 4.64 cm inflate small trees
def test_diameter_errors_do_not_inflate_small_trees():
    table = identical(400, dbh=2.0, height=np.nan)
    stocks = estimate(table, draws=2000, errors=rc.ErrorBudget.only(dbh_reading=True))
    row = stocks.uncertainty.query(
        "plot_id == 'P' and quantity == 'agb' and method == 'montecarlo'"
    )
    assert row["mean"].iloc[0] == pytest.approx(stocks.plots["agb_t"].iloc[0], rel=2e-3)


# 9. the error of the carbon fraction averages out over trees
def test_the_carbon_fraction_does_not_average_out():
    for n in (1, 1000):
        stocks = estimate(identical(n), draws=4000, errors=rc.ErrorBudget.only(
            carbon_run=True, carbon_species=True))  # fmt: skip
        assert cv(stocks, "carbon_t") == pytest.approx(np.hypot(0.005, 0.02) / 0.47, rel=0.06)


# 10. one call per plot draws shared errors anew
def test_plots_of_one_run_share_their_errors_however_they_are_split():
    table = mixed(4, 4)
    whole = draws_of(estimate(table))
    parts = [draws_of(estimate(group)) for _, group in table.groupby("plot_id")]
    assert (whole == pd.concat(parts, axis=1)).all(axis=None)
    rubber = mixed(2, 30).assign(species=RUBBER)
    assert draws_of(estimate(rubber, draws=3000)).corr().iloc[0, 1] > 0.9


def test_identical_trees_level_off_where_errors_are_shared():
    """CV of N identical trees: the R package's levels fall to 0.74 %, ours level off."""
    peers, ours = {}, {}
    for n in (10, 100, 500, 1000, 10_000):
        trees = identical(n)
        equation = {"all": "chave_2014_eq4"}
        peers[n] = cv(estimate(trees, method="analytic", equations=equation,
                               errors=rc.ErrorBudget.only(**R_OWN)))  # fmt: skip
        ours[n] = cv(estimate(trees, method="analytic"))
    print("\nN, CV with the R package's levels, CV with ours")
    for n, value in peers.items():
        print(f"{n:6d} {100 * value:6.2f} % {100 * ours[n]:6.2f} %")
    assert peers[500] == pytest.approx(0.019, abs=0.001)
    assert peers[10_000] == pytest.approx(0.0074, abs=0.0002)
    assert ours[10_000] > 0.99 * ours[1000] > 0.2


def test_a_shared_intercept_error_bounds_the_cv_from_below():
    for s in (0.1, 0.4):
        floor = np.sqrt(np.expm1(s**2))
        for n in (1, 50, 2000):
            stocks = estimate(identical(n), method="analytic",
                              errors=rc.ErrorBudget.only(residual={"level": "group", "sd": s}))  # fmt: skip
            assert cv(stocks) >= floor * (1 - 1e-12)


def test_an_elasticity_is_that_of_the_equation():
    """The diameter error of one tree against the equation evaluated at moved diameters."""
    stocks = estimate(identical(1), method="analytic", errors=rc.ErrorBudget.only(dbh_reading=True))
    d, step = 22.0, 1e-4
    up, down = (al.evaluate("hevea_ensemble", dbh=d * np.exp(s)) for s in (step, -step))
    power = float(np.log(up / down) / (2 * step))
    load = power * (0.0062 * d + 0.0904) / d
    assert cv(stocks) == pytest.approx(np.sqrt(np.expm1(load**2)), rel=1e-4)
