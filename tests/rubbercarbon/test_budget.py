"""The error budget: levels, sizes, bad inputs, and what the outputs say of it."""

import json

import numpy as np
import pandas as pd
import pytest
from effort import first

import rubbercarbon as rc
from rubbercarbon import cli
from rubbercarbon.errors import SettingsError

RUBBER = "Hevea brasiliensis"
SMALL = pd.DataFrame({
    "plot_id": ["P1", "P1", "P1", "P2", "P2"], "tree_id": list("12312"),
    "species": [RUBBER, RUBBER, "Hopea odorata", "Hopea odorata", "Parkia speciosa"],
    "dbh_cm": [20.0, 25.0, 18.0, 30.0, 22.0], "height_m": [16.0, 18.0, 14.0, np.nan, np.nan],
    "plot_area_rai": [1, 1, 1, 1, 1],
})  # fmt: skip


def estimate(trees=SMALL, plots=None, **settings):
    keep = settings.pop("keep", False)
    return rc.estimate_stocks(rc.read_inventory(trees, plots), rc.Settings(**settings), draws=keep)


def cv(stocks, name="agb_t_ha"):
    return (stocks.plots[f"{name}_sd"] / stocks.plots[name]).to_numpy()


def test_without_errors_every_draw_is_the_point():
    stocks = estimate(errors=rc.ErrorBudget.none(), draws=300, keep=True)
    table = stocks.draws.to_pandas()
    for plot, group in table.groupby("plot_id"):
        point = stocks.plots.set_index("plot_id").loc[plot]
        for name in ("agb_t_ha", "bgb_t_ha", "carbon_t_ha"):
            np.testing.assert_allclose(group[name], point[name], rtol=1e-12)
    frame = stocks.uncertainty
    drawn = frame[(frame["quantity"] == "carbon") & (frame["method"] == "montecarlo")]
    analytic = frame[(frame["quantity"] == "carbon") & (frame["method"] == "analytic")]
    for name in ("mean", "low", "high", "q05", "q50", "q95"):
        np.testing.assert_allclose(drawn[name], analytic["mean"], rtol=1e-12)
    assert (stocks.plots["agb_t_ha_sd"] <= 1e-12 * stocks.plots["agb_t_ha"]).all()


@pytest.mark.slow
def test_the_point_never_changes():
    plain = estimate()
    drawn = estimate(draws=50, seed=9, level=0.5)
    for name in ("agb_t_ha", "bgb_t_ha", "carbon_t_ha", "co2e_t_rai", "agb_t"):
        assert plain.plots[name].tolist() == drawn.plots[name].tolist()
        assert plain.total[name].tolist() == drawn.total[name].tolist()


@pytest.mark.slow
def test_intervals_widen_with_their_level():
    wide, narrow = estimate(level=0.95).plots, estimate(level=0.5).plots
    assert (wide["agb_t_ha_low"] < narrow["agb_t_ha_low"]).all()
    assert (wide["agb_t_ha_high"] > narrow["agb_t_ha_high"]).all()
    assert (wide["agb_t_ha_sd"] == narrow["agb_t_ha_sd"]).all()


def test_shares_sum_to_one_for_each_plot_and_total():
    table = estimate().attribution
    sums = table.groupby(["plot_id", "site_id", "stratum", "quantity"])["share"].sum()
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)
    assert {"rubber_locality", "trees", "roots", "interaction"} <= set(table["term"])


@pytest.mark.slow
def test_terms_are_switched_off_resized_and_moved():
    base = cv(estimate())
    assert (cv(estimate(errors={"rubber_locality": {"on": False}}))[0]) < base[0]
    bigger = cv(estimate(errors={"residual": {"sd": 0.6}}))
    assert (bigger > base).all()
    own = {name: {"level": "tree"} for name in ("rubber_locality", "rubber_equation", "locality")}
    assert cv(estimate(errors=own))[0] < base[0]
    doubled = cv(estimate(errors=rc.ErrorBudget.only(locality={"scale": 2.0})))
    once = cv(estimate(errors=rc.ErrorBudget.only(locality=True)))
    assert np.log1p(doubled[1] ** 2) == pytest.approx(4 * np.log1p(once[1] ** 2), rel=1e-9)


@pytest.mark.parametrize(
    ("errors", "says"),
    [
        ({"nosuch": {"on": False}}, "no error term 'nosuch'"),
        ({"roots": {"level": "tree"}}, "'roots' is common to many plots"),
        ({"area": {"level": "run"}}, "'area' belongs to a plot"),
        ({"residual": {"level": "country"}}, "level"),
        ({"residual": {"sd": -1}}, "sd"),
    ],
)
def test_wrong_budgets_are_refused(errors, says):
    from rubbercarbon.config import make_settings

    with pytest.raises(SettingsError, match=says):
        make_settings({"errors": errors})


def test_the_budget_in_force_is_in_the_assumptions():
    table = estimate(errors={"residual": {"level": "group"}}).assumptions
    rows = table[table["topic"] == "error budget"].set_index("assumption")
    changed = rows[rows.index.str.startswith("residual:")].iloc[0]
    assert changed["applies_to"] == "level group"
    assert changed["source"] == "user"
    assert (rows.index.str.startswith("rubber_locality:")).sum() == 1


def test_what_is_assumed_where_nothing_is_known_is_said():
    text = " ".join(estimate().assumptions["assumption"])
    assert "one locality" in text
    assert "one campaign" in text or "no surveyor or date" in text
    assert "hevea_ensemble: scatter of single trees is an assumption" in text
    assert "no spacing and no boundary rule given" in text


def test_localities_are_drawn_apart():
    plots = pd.DataFrame({"plot_id": ["P1", "P2"], "area_rai": [1, 1], "locality": ["N", "S"]})
    trees = SMALL.assign(species=RUBBER).drop(columns="plot_area_rai")
    apart = estimate(trees, plots, errors=rc.ErrorBudget.only(rubber_locality=True))
    one = estimate(trees, plots.assign(locality="N"),
                   errors=rc.ErrorBudget.only(rubber_locality=True))  # fmt: skip
    assert cv(apart) == pytest.approx(cv(one), rel=1e-12)
    assert apart.total["agb_t_sd"].iloc[-1] < 0.8 * one.total["agb_t_sd"].iloc[-1]
    expected = np.sqrt((apart.plots["agb_t_sd"] ** 2).sum())
    assert apart.total["agb_t_sd"].iloc[-1] == pytest.approx(expected, rel=1e-9)


def test_the_area_of_a_rai_laid_at_random_acts_per_hectare_only():
    plots = pd.DataFrame({"plot_id": ["P1", "P2"], "area_rai": [1, 1], "spacing": ["3x7 m"] * 2,
                          "boundary": ["", "mid_row"]})  # fmt: skip
    stocks = estimate(SMALL.drop(columns="plot_area_rai"), plots,
                      errors=rc.ErrorBudget.only(area=True))  # fmt: skip
    assert cv(stocks) == pytest.approx([0.0866, 0.0], abs=2e-4)
    assert cv(stocks, "agb_t") == pytest.approx([0.0, 0.0], abs=1e-9)
    drawn = estimate(SMALL.drop(columns="plot_area_rai"), plots, draws=600,
                     errors=rc.ErrorBudget.only(area=True))  # fmt: skip
    assert cv(drawn) == pytest.approx([0.0866, 0.0], abs=0.011)


@pytest.mark.slow
def test_bad_inputs_have_a_stated_rule():
    trees = pd.DataFrame({
        "plot_id": ["P1", "P1", "P2", "P3"], "tree_id": list("1234"),
        "species": ["ไม้แปลก", "Hopea odorata", RUBBER, RUBBER],
        "growth_form": ["tree", "", "", ""], "dbh_cm": [20.0, np.nan, 18.0, 20.0],
        "status": ["", "", "", "dead"], "plot_area_rai": 1,
    })  # fmt: skip
    stocks = estimate(trees, draws=40)
    plots = stocks.plots.set_index("plot_id")
    assert plots.loc["P1", "agb_t_ha_sd"] > 0.2 * plots.loc["P1", "agb_t_ha"]
    assert plots.loc["P2", "agb_t_ha_sd"] > 0
    assert plots.loc["P3", ["agb_t_ha", "agb_t_ha_sd"]].tolist() == [0.0, 0.0]
    assert len(stocks.trees) == 4


def test_an_unknown_density_error_is_not_zero():
    given = SMALL.assign(wood_density_g_cm3=0.6)
    stocks = estimate(given, errors=rc.ErrorBudget.only(density_mean=True, density_tree=True))
    assert cv(stocks)[1] > 0.03
    assert stocks.assumptions["assumption"].str.contains("wood density given without its sd").any()
    own = estimate(given.assign(wood_density_sd_g_cm3=0.001),
                   errors=rc.ErrorBudget.only(density_mean=True, density_tree=True))  # fmt: skip
    assert cv(own)[1] < 0.003


HEIGHTS = pd.DataFrame({
    "species": [RUBBER] * 16 + ["Hopea odorata"] * 15 + ["Parkia speciosa"] * 2,
    "dbh_cm": [*np.linspace(8, 30, 16), *np.linspace(10, 40, 15), 12.0, 20.0],
})  # fmt: skip
HEIGHTS["height_m"] = (
    2.0 * HEIGHTS["dbh_cm"] ** 0.65 * np.where(HEIGHTS.index % 2, 1.08, 0.93)
).round(2)


class TestHeightSample:
    def _file(self, tmp_path, table=HEIGHTS):
        file = tmp_path / "heights.csv"
        table.to_csv(file, index=False)
        return str(file)

    def test_groups_with_enough_pairs_get_their_own_model(self, tmp_path):
        stocks = estimate(height_sample=self._file(tmp_path))
        source = stocks.trees["height_source"].tolist()
        assert source[3] == "height_sample:Hopea odorata"
        assert source[4] == "height_sample"  # two Parkia are too few: all pairs together
        row = HEIGHTS[HEIGHTS["species"] == "Hopea odorata"]
        a = np.polyfit(np.log(row["dbh_cm"]), np.log(row["height_m"]), 1)
        residual = np.log(row["height_m"]) - np.polyval(a, np.log(row["dbh_cm"]))
        expected = np.exp(np.polyval(a, np.log(30.0)) + (residual**2).sum() / 13 / 2)
        assert stocks.trees["height_m"].iloc[3] == pytest.approx(expected, rel=1e-9)
        assert stocks.assumptions["topic"].eq("height sample").sum() == 4
        assert stocks.run["settings"]["height_sample"] == "heights.csv"
        assert {entry["file"] for entry in stocks.run["inputs"]} >= {"heights.csv"}

    @pytest.mark.slow
    def test_its_errors_take_the_place_of_the_catalogues(self, tmp_path):
        only = rc.ErrorBudget.only(height_coefficients=True, height_tree=True, height_locality=True)
        own = cv(estimate(height_sample=self._file(tmp_path), errors=only))[1]
        assert 0.02 < own < cv(estimate(errors=only))[1]

    @pytest.mark.parametrize("form", first(["weibull", "log2", "michaelis"]))
    def test_curved_forms_carry_their_covariance_too(self, tmp_path, form):
        only = rc.ErrorBudget.only(height_coefficients=True)
        file = self._file(tmp_path)
        stocks = estimate(height_sample=file, height_form=form, height_by="all", errors=only)
        if form == "weibull" and not stocks.trees["height_source"].eq("height_sample").any():
            assert "does not fix the coefficients" in " ".join(stocks.assumptions["assumption"])
            return
        from allometry import fit_height_model

        model = fit_height_model(HEIGHTS["dbh_cm"], HEIGHTS["height_m"], form=form)
        gradient = model.gradient_ln([22.0])[0]
        sd = 0.976 * np.sqrt(gradient @ model.covariance @ gradient)
        tree = estimate(SMALL.iloc[[4]], height_sample=file, height_form=form, height_by="all",
                        errors=only)  # fmt: skip
        assert cv(tree)[0] == pytest.approx(np.sqrt(np.expm1(sd**2)), rel=0.08)

    def test_groups_by_plot_and_stratum(self, tmp_path):
        table = HEIGHTS.assign(plot_id=np.where(HEIGHTS.index < 16, "P1", "P2"))
        file = self._file(tmp_path, table)
        plots = pd.DataFrame({"plot_id": ["P1", "P2"], "area_rai": [1, 1], "stratum": ["a", "b"]})
        trees = SMALL.drop(columns="plot_area_rai")
        by_plot = estimate(trees, plots, height_sample=file, height_by="plot_id")
        assert by_plot.trees["height_source"].iloc[4] == "height_sample:P2"
        by_stratum = estimate(trees, plots, height_sample=file, height_by="stratum")
        assert by_stratum.trees["height_source"].iloc[4] == "height_sample:b"

    @pytest.mark.parametrize(
        ("table", "options", "says"),
        [
            (HEIGHTS.head(3), {}, "3 usable pairs"),
            (HEIGHTS.drop(columns="height_m"), {}, "lacks the column height_m"),
            (HEIGHTS, {"height_by": "plot_id"}, "lacks the column plot_id"),
        ],
    )
    def test_samples_that_cannot_be_used(self, tmp_path, table, options, says):
        with pytest.raises(SettingsError, match=says):
            estimate(height_sample=self._file(tmp_path, table), **options)


def test_the_command_line_takes_draws_and_writes_them(tmp_path):
    SMALL.to_csv(tmp_path / "trees.csv", index=False)
    HEIGHTS.to_csv(tmp_path / "heights.csv", index=False)
    out = tmp_path / "out"
    words = ["estimate", str(tmp_path / "trees.csv"), "--out", str(out), "--draws", "20", "--seed",
             "5", "--level", "0.8", "--height-sample", str(tmp_path / "heights.csv"),
             "--save-draws"]  # fmt: skip
    assert cli.main(words) == 0
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["settings"]["draws"] == 20
    assert str(tmp_path) not in json.dumps(record)
    back = rc.load_run(out)
    assert back.draws.num_rows == 40
    assert back.attribution["share"].notna().all()
    assert set(back.uncertainty["method"]) == {"analytic", "montecarlo"}
