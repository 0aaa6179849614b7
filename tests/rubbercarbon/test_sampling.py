"""Sampling: estimators, plots needed, hybrid inference."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import rubbercarbon as rc
from rubbercarbon import sampling
from rubbercarbon.errors import SettingsError


def test_a_simple_sample_by_hand():
    y = np.array([50.0, 60.0, 70.0, 90.0])
    found = sampling.stratified_total(y, [0] * 4, [200.0])
    assert found.total == pytest.approx(200 * 67.5)
    assert found.variance == pytest.approx(200**2 * y.var(ddof=1) / 4)
    assert found.degrees == 3
    corrected = sampling.stratified_total(y, [0] * 4, [200.0], [10.0] * 4)
    assert corrected.variance == pytest.approx(0.8 * found.variance)


def test_strata_take_away_what_lies_between_them():
    y = [10.0, 12.0, 90.0, 94.0]
    apart = sampling.stratified_total(y, [0, 0, 1, 1], [50.0, 50.0])
    together = sampling.stratified_total(y, [0] * 4, [100.0])
    assert apart.total == together.total
    assert apart.variance < 0.01 * together.variance
    assert (apart.degrees, together.degrees) == (2, 3)


def test_single_plots_are_collapsed():
    found = sampling.stratified_total([10.0, 14.0, 30.0], [0, 1, 2], [1.0, 1.0, 1.0])
    assert found.collapsed == 3
    assert found.variance == pytest.approx(9 * np.var([10, 14, 30], ddof=1) / 3)
    near = sampling.stratified_total([10.0, 11.0, 30.0, 12.0], [0, 0, 1, 2], [1.0, 1.0, 1.0])
    assert near.collapsed == 2
    one = sampling.stratified_total([10.0, 11.0, 30.0, 32.0, 12.0], [0, 0, 1, 1, 2], [1.0] * 3)
    expected = 4 * np.var([10, 11, 12], ddof=1) / 3 + np.var([30, 32], ddof=1) / 2
    assert one.variance == pytest.approx(expected)
    assert np.isnan(sampling.stratified_total([10.0], [0], [1.0]).variance)


def test_a_stratum_without_a_plot_is_refused():
    with pytest.raises(SettingsError, match="stratum 1 has no plot"):
        sampling.stratified_total([1.0, 2.0], [0, 0], [1.0, 1.0])


def test_intervals_of_repeated_samples_cover_the_truth():
    rng = np.random.default_rng(4)
    land = np.array([300.0, 100.0, 50.0])
    truth = land @ [60.0, 100.0, 20.0]
    inside = 0
    for _ in range(2000):
        values, strata = [], []
        for h, (mean, sd, n) in enumerate([(60, 15, 6), (100, 30, 5), (20, 10, 4)]):
            values += list(rng.normal(mean, sd, n))
            strata += [h] * n
        found = sampling.stratified_total(values, strata, land)
        half = sampling.student_t(0.90, found.degrees) * np.sqrt(found.variance)
        inside += abs(found.total - truth) <= half
    # n - M degrees of freedom are a little too many where strata differ: 88-91 %
    assert 0.875 < inside / 2000 < 0.915


def test_plots_needed_reach_the_precision_and_no_plot_too_many():
    spread, land, mean = np.array([20.0, 35.0, 10.0]), np.array([50.0, 30.0, 20.0]), 80.0
    n = sampling.plots_needed(spread, land, mean, precision=0.08)
    w = land / land.sum()

    def half(plots):
        t = stats.t.ppf(0.95, plots.sum() - len(plots))
        return t * np.sqrt(np.sum((w * spread) ** 2 / plots)) / mean

    assert half(n) <= 0.08
    assert half(np.maximum(n - 1, 1)) > 0.08 * 0.93
    assert np.argmax(n) == np.argmax(w * spread)
    fewer = sampling.plots_needed(spread, land, mean, precision=0.08, plot_area_ha=2.0)
    assert fewer.sum() < n.sum()
    assert sampling.plots_needed([0.0, 0.0], [1.0, 1.0], 5.0).tolist() == [2, 2]
    with pytest.raises(SettingsError, match="mean 0"):
        sampling.plots_needed([1.0], [1.0], 0.0)


def test_hybrid_adds_variances():
    sampled = sampling.stratified_total([50.0, 60.0, 70.0, 90.0], [0] * 4, [200.0])
    alone = sampling.hybrid(sampled, 0.0, 0.90)
    assert alone.u_sampling == pytest.approx(alone.u_full)
    both = sampling.hybrid(sampled, 3 * sampled.variance, 0.90)
    assert both.degrees_full == pytest.approx(3 * 16)
    expected = stats.t.ppf(0.95, 48) * 2 * np.sqrt(sampled.variance) / sampled.total
    assert both.u_full == pytest.approx(expected)


def inventory(selection="random", n=6, strata=("a", "b")):
    rng = np.random.default_rng(2)
    plots = pd.DataFrame({
        "plot_id": [f"P{i}" for i in range(n)], "area_rai": 1.0,
        "stratum": [strata[i % len(strata)] for i in range(n)],
        "stratum_area_ha": [100.0 * (1 + i % len(strata)) for i in range(n)],
        "plot_selection": selection,
    })  # fmt: skip
    trees = pd.DataFrame({
        "plot_id": np.repeat(plots["plot_id"], 5), "tree_id": list("12345") * n,
        "species": "ยางพารา", "dbh_cm": rng.uniform(10, 30, 5 * n),
    })  # fmt: skip
    return rc.read_inventory(trees, plots)


def test_random_plots_get_a_sampling_error_and_a_full_one():
    stocks = rc.estimate_stocks(inventory())
    table = stocks.sampling.set_index(["stratum", "quantity"])
    row = table.loc[("", "agb")]
    by_stratum = [g["agb_t_ha"].to_numpy() for _, g in stocks.plots.groupby("stratum")]
    land = np.array([100.0, 200.0])
    share = [0.16 * 3 / a for a in land]
    variance = sum(
        a**2 * (1 - f) * y.var(ddof=1) / 3 for a, f, y in zip(land, share, by_stratum, strict=True)
    )
    assert row["total_t"] == pytest.approx(stocks.total["agb_t"].iloc[-1])
    assert row["u_sampling_percent"] == pytest.approx(
        100 * stats.t.ppf(0.95, 4) * np.sqrt(variance) / row["total_t"]
    )
    assert row["u_full_percent"] > row["u_sampling_percent"]
    assert row["degrees"] == 4
    assert row["plots_for_10_percent"] >= 6


def test_without_model_errors_both_figures_are_the_same():
    stocks = rc.estimate_stocks(inventory(), rc.Settings(errors=rc.ErrorBudget.none()))
    table = stocks.sampling
    np.testing.assert_allclose(table["u_full_percent"], table["u_sampling_percent"], rtol=1e-9)


def test_readings_are_not_counted_twice():
    only = rc.ErrorBudget.only(dbh_reading={"sd": 3.0, "unit": "cm"})
    table = rc.estimate_stocks(inventory(), rc.Settings(errors=only)).sampling
    np.testing.assert_allclose(table["u_full_percent"], table["u_sampling_percent"], rtol=1e-9)
    own = rc.ErrorBudget.only(residual={"sd": 0.5})
    table = rc.estimate_stocks(inventory(), rc.Settings(errors=own)).sampling
    assert (table["u_full_percent"] >= table["u_sampling_percent"]).all()
    assert table["u_full_percent"].iloc[-1] > table["u_sampling_percent"].iloc[-1]


@pytest.mark.parametrize("selection", ["purposive", ""])
def test_purposive_plots_get_no_sampling_claim(selection):
    stocks = rc.estimate_stocks(inventory(selection))
    assert stocks.sampling.empty
    text = stocks.assumptions[stocks.assumptions["topic"] == "sampling"]["assumption"].iloc[0]
    assert "no claim about the land" in text


def test_one_plot_per_stratum_is_collapsed_and_said():
    stocks = rc.estimate_stocks(inventory(n=2))
    text = " ".join(stocks.assumptions["assumption"])
    assert "strata with one plot were joined" in text
    assert stocks.sampling.query("stratum == ''")["u_sampling_percent"].notna().all()
