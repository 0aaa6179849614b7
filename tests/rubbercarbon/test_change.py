"""Change between two censuses, against a brute-force twin that keeps each tree's errors."""

import math

import numpy as np
import pandas as pd
import pytest

import allometry as al
import rubbercarbon as rc
from rubbercarbon import cli, uncertainty
from rubbercarbon.errors import InventoryError
from rubbercarbon.stocks import compute

RUBBER = "Hevea brasiliensis"
TREE_ONLY = rc.ErrorBudget.only(residual=True, dbh_reading=True)
A, B, R = 0.148 * 1.3, 0.182 * 1.3, -0.24


def census(dbh, plot="P1", **more):
    n = len(dbh)
    return pd.DataFrame({"plot_id": plot, "tree_id": [f"{i:03d}" for i in range(n)],
                         "species": RUBBER, "dbh_cm": dbh, **more})  # fmt: skip


def two_censuses(n=76, seed=1):
    rng = np.random.default_rng(seed)
    first = rng.normal(20.5, 2.5, n).clip(12).round(1)
    grown = (first * 1.043 + rng.normal(0, 0.1, n)).round(1)
    return first, grown


def compare(first, second, **settings):
    return rc.compare_inventories(
        rc.read_inventory(first), rc.read_inventory(second), rc.Settings(**settings)
    )


def brute_force(first, second, count, *, shared, persist=True, seed=3):
    """Draws of the change of AGB [t]; every error of every tree drawn one by one."""
    rng = np.random.default_rng(seed)
    residual = 0.20 * rng.standard_normal((count, len(first)))
    z = rng.standard_normal((count, 4))
    total = np.zeros(count)
    for sign, d in ((-1.0, first), (1.0, second)):
        y = al.evaluate("hevea_ensemble", dbh=d) / 1000.0
        power = (np.log(al.evaluate("hevea_ensemble", dbh=d * 1.0001))
                 - np.log(al.evaluate("hevea_ensemble", dbh=d / 1.0001))) / (2 * np.log(1.0001))  # fmt: skip
        reading = power * (0.0062 + 0.0904 / d)
        own = residual if persist else 0.20 * rng.standard_normal((count, len(first)))
        eta = own + reading * rng.standard_normal((count, len(first)))
        variance = 0.04 + reading**2
        if shared:
            x = np.log(d / 20.0)
            lines = np.stack([A + B * R * x, B * math.sqrt(1 - R * R) * x])
            for k, scale in ((0, 1 / math.sqrt(5)), (2, 1.0)):
                eta += scale * (z[:, k : k + 2] @ lines)
                variance = variance + scale**2 * (lines**2).sum(axis=0)
            eta += 0.005 * power * rng.standard_normal((count, 1))
            variance = variance + (0.005 * power) ** 2
        total += sign * (y * np.exp(eta - 0.5 * variance)).sum(axis=1)
    return total


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.slow
def test_change_of_76_trees_equals_brute_force(shared):
    first, second = two_censuses()
    budget = rc.ErrorBudget() if shared else TREE_ONLY
    row = compare(census(first), census(second), errors=budget).plots.iloc[0]
    draws = brute_force(first, second, 20_000, shared=shared)
    sd = draws.std(ddof=1)
    assert row["agb_t_net"] == pytest.approx(draws.mean(), abs=4.5 * sd / math.sqrt(20_000))
    assert row["agb_t_net_sd"] == pytest.approx(sd, rel=0.03)
    for name, p in (("low", 0.05), ("high", 0.95)):
        assert row[f"agb_t_net_{name}"] == pytest.approx(np.quantile(draws, p), abs=0.06 * sd)


@pytest.mark.slow
def test_trees_that_keep_their_errors_give_a_few_per_cent_not_tens():
    first, second = two_censuses()
    row = compare(census(first), census(second), errors=TREE_ONLY).plots.iloc[0]
    kept = row["agb_t_net_sd"] / row["agb_t_net"]
    wrong = brute_force(first, second, 4000, shared=False, persist=False)
    print(
        f"\nsd of the change: {100 * kept:.1f} %; errors redrawn: {100 * wrong.std() / wrong.mean():.0f} %"
    )
    assert kept < 0.07
    assert wrong.std() / wrong.mean() > 0.20


def test_two_plots_of_one_locality_differ_by_less_than_their_intervals_say():
    first, second = two_censuses()
    trees = pd.concat([census(first), census(second, "P2")])
    computed = compute(rc.read_inventory(trees), rc.Settings())
    table = computed.stocks.covariance()
    assert table.loc["P1", "P2"] == pytest.approx(table.loc["P2", "P1"])
    with pytest.raises(InventoryError, match="no covariance of 'latex'"):
        computed.stocks.covariance("latex")
    weights = np.array([[-1.0, 1.0]])
    spread = uncertainty.analytic(computed.masses, computed.layout, weights, signed=True)
    joint = uncertainty.covariance(computed.masses, computed.layout)
    expected = joint[0, 0] + joint[1, 1] - 2 * joint[0, 1]
    assert spread.sd[0, 0] ** 2 == pytest.approx(expected, rel=2e-3)
    alone = uncertainty.analytic(computed.masses, computed.layout)
    assert spread.sd[0, 0] < 0.4 * math.hypot(*alone.sd[:, 0])


@pytest.mark.slow
def test_components_by_hand():
    first = census([20.0, 22.0, 24.0])
    second = census([21.0, 22.5, 24.0, 12.0]).drop(index=2)
    change = compare(first, second)
    y1 = al.evaluate("hevea_ensemble", dbh=[20.0, 22.0, 24.0]) / 1000
    y2 = al.evaluate("hevea_ensemble", dbh=[21.0, 22.5, 12.0]) / 1000
    row = change.plots.iloc[0]
    assert row["agb_t_growth"] == pytest.approx((y2[:2] - y1[:2]).sum())
    assert row["agb_t_mortality"] == pytest.approx(-y1[2])
    assert row["agb_t_ingrowth"] == pytest.approx(y2[2])
    assert row["agb_t_net"] == pytest.approx(y2.sum() - y1.sum())
    assert row[["n_survivors", "n_dead", "n_ingrowth"]].tolist() == [2, 1, 1]
    assert "tree_missing" in set(change.problems["code"])
    assert change.total["agb_t_net"].iloc[-1] == pytest.approx(row["agb_t_net"])


@pytest.mark.slow
def test_no_change_has_no_shared_error_but_its_readings():
    trees = census([20.0, 25.0])
    still = compare(trees, trees, errors=rc.ErrorBudget.only(
        rubber_equation=True, rubber_locality=True, residual=True, roots=True))  # fmt: skip
    assert still.plots["agb_t_net_sd"].iloc[0] < 1e-9
    read = compare(trees, trees, errors=rc.ErrorBudget.only(dbh_reading=True)).plots.iloc[0]
    assert read["agb_t_net"] == 0.0
    assert read["agb_t_net_sd"] > 0
    assert read["agb_t_net_low"] == pytest.approx(-read["agb_t_net_high"], rel=0.1)


@pytest.mark.slow
def test_trees_measured_badly_at_one_date_are_left_out_and_listed():
    second = census([21.0, -5.0, 24.5])
    change = compare(census([20.0, 22.0, 24.0]), second)
    assert change.trees["fate"].tolist() == ["survivor", "not comparable", "survivor"]
    assert "tree_not_comparable" in set(change.problems["code"])
    assert change.plots["n_not_comparable"].tolist() == [1]


def test_dead_by_status_shrunk_stems_and_odd_plots_are_listed():
    first = pd.concat([census([20.0, 22.0, 24.0], plot_area_rai=1), census([10.0], "P9")])
    second = census([16.0, 22.5, 24.0], status=["", "", "dead"], plot_area_rai=2)
    change = compare(first, second)
    codes = set(change.problems["code"])
    assert {"diameter_fell", "plot_in_one_census", "area_changed"} <= codes
    assert "tree_missing" not in codes
    assert change.trees.set_index("tree_id")["fate"]["002"] == "dead"


@pytest.mark.slow
def test_strata_of_known_land_are_expanded():
    plots = pd.DataFrame({"plot_id": ["P1", "P2"], "area_rai": [1, 1], "stratum": ["a", "a"],
                          "stratum_area_ha": [10.0, 10.0]})  # fmt: skip
    first = pd.concat([census([20.0] * 3), census([18.0] * 3, "P2")])
    second = pd.concat([census([21.0] * 3), census([19.5] * 3, "P2")])
    change = rc.compare_inventories(
        rc.read_inventory(first, plots), rc.read_inventory(second, plots)
    )
    expected = 10.0 * change.plots["agb_t_ha_net"].mean()
    assert change.total["agb_t_net"].tolist() == pytest.approx([expected, expected])
    assert change.total["describes"].tolist() == ["land", "land"]


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (census([20.0], "P7"), "no plot in common"),
        (census([20.0]).drop(columns="tree_id"), "rows without tree_id"),
    ],
)
def test_censuses_that_cannot_be_matched(second, says):
    with pytest.raises(InventoryError, match=says):
        compare(census([20.0]), second)


def test_a_reading_error_from_trees_taped_twice():
    rng = np.random.default_rng(5)
    true = rng.uniform(10, 30, 4000)
    found = rc.estimate_reading_error(
        true + rng.normal(0, 0.25, 4000), true + 0.1 + rng.normal(0, 0.25, 4000)
    )
    assert found.sd_cm == pytest.approx(0.25, rel=0.04)
    assert abs(found.difference_cm - 0.1) < 4 * found.standard_error_cm
    with pytest.raises(InventoryError, match="at least three"):
        rc.estimate_reading_error([1.0, 2.0], [1.0, 2.0])


@pytest.mark.slow
def test_trees_add_up_to_the_total():
    first, second = two_censuses(20)
    plots = pd.DataFrame(
        {"plot_id": ["P1"], "area_ha": [0.16], "stratum_area_ha": [4.8], "stratum": ["s"]}
    )
    change = rc.compare_inventories(
        *(rc.read_inventory(census(dbh), plots=plots) for dbh in (first, second))
    )
    alive = change.trees[change.trees["fate"] == "survivor"]
    for name in ("agb", "carbon"):
        grown = (alive[f"{name}_t_2"] - alive[f"{name}_t_1"]).sum()
        assert grown == pytest.approx(change.total[f"{name}_t_growth"].iloc[-1], rel=1e-12)


def test_the_command_writes_a_run(tmp_path, capsys):
    first, second = two_censuses(20)
    census(first).to_csv(tmp_path / "a.csv", index=False)
    census(second).to_csv(tmp_path / "b.csv", index=False)
    words = [
        "change",
        str(tmp_path / "a.csv"),
        str(tmp_path / "b.csv"),
        "--out",
        str(tmp_path / "o"),
    ]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "20 trees survived" in said
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "assumptions.csv", "change_plots.csv", "change_total.csv", "change_trees.csv", "citations.csv",
        "problems.csv", "run.json",
    ]  # fmt: skip
    assert cli.main([*words, "--json"]) == 0
    assert '"co2e_t_net"' in capsys.readouterr().out


@pytest.mark.slow
def test_rows_that_are_not_used_need_no_tree_number():
    first, second = two_censuses(5)
    signed = pd.DataFrame({"plot_id": [""], "tree_id": [""], "species": ["ผู้สำรวจ นายสมชาย ใจดี"],
                           "dbh_cm": [None]})  # fmt: skip
    change = compare(census(first), pd.concat([census(second), signed], ignore_index=True))
    assert change.plots["n_survivors"].tolist() == [5]
