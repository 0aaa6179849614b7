"""An equation of one's own in the error budget: its covariance, its residual, its places."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from effort import first
from made_harvests import harvest

import allometry as al
import rubbercarbon as rc
from allometry import gradients
from allometry.catalogue import loader
from allometry.catalogue.loader import get_equation
from allometry.errors import AllometryError, CatalogueError
from allometry.heights import fit_height_model, predict_height

CITE = "trees made by a test"
ALL = ("residual", "species", "locality", "coefficients", "rubber_equation", "rubber_locality",
       "density_mean", "density_tree", "height_coefficients", "height_locality", "height_plot",
       "height_tree", "dbh_reading", "height_reading", "dbh_campaign", "pom_campaign",
       "height_campaign", "area", "roots", "carbon_run", "carbon_species")  # fmt: skip


@pytest.fixture(autouse=True)
def _catalogue_as_it_was():
    folders = list(loader._folders)
    yield
    loader._folders[:] = folders
    loader.get_equation.cache_clear()
    loader._revision[0] += 1
    loader._seen.clear()


def only(*names):
    """Budget with these terms alone."""
    return {name: {"on": name in names} for name in ALL}


def trees(**columns):
    n = len(columns["dbh_cm"])
    table = {"plot_id": "P", "tree_id": [str(i) for i in range(n)], "plot_area_m2": 1600.0,
             "species": "Hevea brasiliensis"}  # fmt: skip
    return rc.read_inventory(pd.DataFrame({**table, **columns}))


def sd_ln(row, name="agb_t"):
    """Standard deviation of ln of a lognormal stock, from its mean and sd."""
    return math.sqrt(math.log1p((row[f"{name}_sd"] / row[name]) ** 2))


def estimate(file, inventory, errors, **more):
    key = get_equation_id(file)
    settings = {"equations": {"Hevea brasiliensis": key}, "catalogues": [str(file)], **more}
    return rc.estimate_stocks(inventory, rc.Settings(errors=errors, **settings))


def get_equation_id(file):
    return file.stem


class TestFiles:
    @pytest.mark.parametrize(
        "options",
        [
            {"predictors": ("D",)},
            {"predictors": ("D", "lnD2")},
            {"predictors": ("D", "H", "rho"), "correction": "smearing"},
            {"predictors": ("rhoD2",), "correction": "snowdon"},
            {"predictors": ("D2H",), "form": "nonlinear"},
            {"predictors": ("H",)},
            {},
        ],
    )
    def test_a_file_predicts_what_the_fit_does(self, tmp_path, options):
        made = harvest(3, sites=4, each=12, tau=0.2)
        fit = al.fit_equation(**made, **options)
        file = al.write_source(fit, tmp_path / "own_fit_a.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        assert al.add_catalogue(file) == ["own_fit_a"]
        record = get_equation("own_fit_a")
        at = {"dbh": [7.0, 30.0], "height": [8.0, 21.0], "wood_density": [0.5, 0.7]}
        used = {name: at[name] for name in record.inputs}
        assert np.allclose(al.evaluate("own_fit_a", **used), fit.predict(**used), rtol=1e-12)
        assert np.allclose(record.covariance.matrix, fit.covariance, rtol=1e-12)
        assert record.sites.number == 4
        assert (record.sites.sd_ln is None) == (fit.recipe.form == "nonlinear")
        for check in record.checks:
            value = float(al.evaluate("own_fit_a", **check.inputs))
            assert value == pytest.approx(check.expected, rel=check.tolerance)

    def test_a_fit_written_anew_is_read_anew(self, tmp_path):
        made = harvest(3)
        file = tmp_path / "own_fit_b.toml"
        values = []
        for fit in (al.fit_equation(**made), al.fit_equation(**harvest(4))):
            al.write_source(fit, file, citation=CITE)
            al.add_catalogue(file)
            values.append(float(al.evaluate("own_fit_b", dbh=20.0, height=15.0, wood_density=0.6)))
        assert values[0] != values[1]
        assert values[1] == pytest.approx(fit.predict(dbh=20.0, height=15.0, wood_density=0.6)[0])

    @pytest.mark.parametrize(
        "name", ["My_Rubber.toml", "2026.toml", "chave_2014_eq4.toml", "x.txt"]
    )
    def test_names_that_do_not_do(self, tmp_path, name):
        fit = al.fit_equation(**harvest(3))
        with pytest.raises(AllometryError):
            al.write_source(fit, tmp_path / name, citation=CITE)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("form", ["log1", "log2", "michaelis", "weibull"])
    def test_height_models(self, tmp_path, form):
        rng = np.random.default_rng(1)
        d = rng.uniform(4.0, 40.0, 300)
        h = (25.0 * (1.0 - np.exp(-((d / 15.0) ** 0.9)))) * np.exp(rng.normal(0.0, 0.1, 300))
        model = fit_height_model(d, h, form=form)
        file = al.write_source(model, tmp_path / "own_height.toml", citation=CITE)
        al.add_catalogue(file)
        at = np.array([5.0, 18.0, 38.0])
        assert np.allclose(predict_height("own_height", dbh=at), model.predict(at), rtol=1e-12)
        found = gradients.coefficient_gradient(get_equation("own_height"), np.log(at), at, at)
        own = model.gradient_ln(at)
        spread = np.einsum("ij,jk,ik->i", own, model.covariance, own)
        record = np.array(get_equation("own_height").covariance.matrix)
        assert np.allclose(np.einsum("ij,jk,ik->i", found, record, found), spread, rtol=1e-9)

    def test_weights_of_an_ensemble(self, tmp_path):
        weights = al.ensemble_weights(["hytonen_2018", "chiarawipa", "andrade_2022"], "grade")
        file = al.write_source(weights, tmp_path / "own_mean.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        al.add_catalogue(file)
        logs = sum(w * np.log(al.evaluate(m, dbh=18.0)) for m, w in weights.items())
        assert float(al.evaluate("own_mean", dbh=18.0)) == pytest.approx(math.exp(float(logs)))
        assert "andrade_2022 (0.429)" in __import__("allometry.listing", fromlist=["x"]).describe("own_mean")["formula"]  # fmt: skip

    def test_faults_of_the_new_keys_are_named(self, tmp_path):
        weights = al.ensemble_weights(["hytonen_2018", "chiarawipa"])
        file = al.write_source(weights, tmp_path / "own_mean.toml", citation=CITE)
        text = file.read_text("utf-8")
        file.write_text(text.replace("weights = [0.5, 0.5]", "weights = [0.5, 0.6]"), "utf-8")
        with pytest.raises(CatalogueError, match="summing to 1"):
            al.add_catalogue(file)
        fit = al.fit_equation(**harvest(3))
        other = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE)
        text = other.read_text("utf-8").replace("number = 1", "number = 0\nsd_ln = -1.0")
        other.write_text(text.replace('"sd_ln"\n', '"sd_ln"\npower = 2.0\n'), "utf-8")
        with pytest.raises(CatalogueError) as caught:
            al.add_catalogue(other)
        for words in ("at least 1", "not negative", "belongs to the kind sd_abs"):
            assert words in str(caught.value)


class TestGradients:
    @pytest.mark.parametrize(
        "predictors",
        [("D",), ("D", "lnD2"), ("D", "H", "rho"), ("rhoD2",), ("D2H",), ("rhoD2H",), ("D", "rho")],
    )
    def test_against_differences_of_the_equation(self, tmp_path, predictors):
        """Move each coefficient of the file a little and evaluate again."""
        fit = al.fit_equation(**harvest(3), predictors=predictors)
        at = {"dbh": np.array([9.0, 31.0]), "height": np.array([8.0, 17.0]), "wood_density": np.array([0.45, 0.7])}  # fmt: skip
        al.add_catalogue(al.write_source(fit, tmp_path / "own_g.toml", citation=CITE))
        record = get_equation("own_g")
        found = gradients.coefficient_gradient(record, *(np.log(v) for v in at.values()))
        x = fit.recipe.predict(fit.estimate, 1.0, {n: at[n] for n in record.inputs})
        for k in range(len(fit.coefficients)):
            moved = np.array(fit.estimate.coefficients)
            moved[k] += 1e-6
            other = type(fit.estimate)(moved, *[getattr(fit.estimate, n) for n in (
                "covariance", "sigma", "group_sd", "fitted", "residual", "leverage",
                "log_likelihood", "parameters")])  # fmt: skip
            y = fit.recipe.predict(other, 1.0, {n: at[n] for n in record.inputs})
            assert np.allclose(np.log(y / x) / 1e-6, found[:, k], rtol=1e-6)

    def test_a_sum_of_components(self, tmp_path):
        rng = np.random.default_rng(5)
        d = np.exp(rng.uniform(math.log(5.0), math.log(40.0), 60))
        masses = {"stem": 0.08 * d**2.5 * np.exp(rng.normal(0, 0.2, 60)),
                  "leaf": 0.05 * d**1.6 * np.exp(rng.normal(0, 0.3, 60))}  # fmt: skip
        fit = al.fit_components(masses, dbh=d)
        file = al.write_source(fit, tmp_path / "own_sum.toml", citation=CITE)
        assert al.add_catalogue(file) == ["own_sum", "own_sum_stem", "own_sum_leaf"]
        at = np.array([6.0, 25.0])
        whole = al.evaluate("own_sum", dbh=at)
        parts = {name: al.evaluate(f"own_sum_{name}", dbh=at) for name in masses}
        assert np.allclose(whole, sum(parts.values()), rtol=1e-12)
        found = gradients.coefficient_gradient(get_equation("own_sum"), np.log(at), at, at)
        shares = np.column_stack([parts["stem"], parts["stem"] * np.log(at), parts["leaf"],
                                  parts["leaf"] * np.log(at)]) / whole[:, None]  # fmt: skip
        assert np.allclose(found, shares, rtol=1e-12)


class TestBudget:
    """One tree: the sd of ln AGB is that of the term that is on."""

    @pytest.mark.parametrize(
        ("predictors", "exact"),
        [
            (("D",), True), (("D2H",), True), (("rhoD2H",), True), (("D", "lnD2"), False),
            (("D", "H"), False), (("D", "H", "rho"), False), (("D", "rho"), False),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("site_term", first([True, False]))
    def test_coefficients_come_from_the_covariance(self, tmp_path, predictors, exact, site_term):
        """Exact on one size; otherwise ln H and ln density are rounded to 0.02, ln D to pieces."""
        made = harvest(3, sites=5, each=8, tau=0.25)
        fit = al.fit_equation(**made, predictors=predictors, site_term=site_term)
        file = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        values = {"dbh_cm": [21.3], "height_m": [15.7], "wood_density_g_cm3": [0.53]}
        stocks = estimate(file, trees(**values), only("coefficients"))
        x = np.array([1.0, *{
            ("D",): [math.log(21.3)], ("D2H",): [math.log(21.3**2 * 15.7)],
            ("rhoD2H",): [math.log(0.53 * 21.3**2 * 15.7)],
            ("D", "lnD2"): [math.log(21.3), math.log(21.3) ** 2],
            ("D", "H"): [math.log(21.3), math.log(15.7)],
            ("D", "H", "rho"): [math.log(21.3), math.log(15.7), math.log(0.53)],
            ("D", "rho"): [math.log(21.3), math.log(0.53)],
        }[predictors]])  # fmt: skip
        expected = math.sqrt(x @ fit.covariance @ x)
        found = sd_ln(stocks.plots.iloc[0])
        exact = exact and (site_term or predictors == ("D",))
        assert found == pytest.approx(expected, rel=1e-9 if exact else 0.03)
        shares = stocks.attribution.query("quantity == 'agb' and plot_id == 'P'")
        assert shares.set_index("term").loc["coefficients", "share"] == pytest.approx(1.0, abs=0.01)
        assert stocks.trees["equation_id"].tolist() == ["own_fit"]

    @pytest.mark.jit
    def test_analytic_and_draws_agree_for_many_coefficients(self, tmp_path):
        made = harvest(3, each=14)
        fit = al.fit_equation(**made, predictors=("D", "H", "rho"))
        file = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        rng = np.random.default_rng(2)
        d = rng.uniform(8.0, 40.0, 30)
        values = {"dbh_cm": d, "height_m": 2.6 * d**0.52, "wood_density_g_cm3": rng.uniform(0.4, 0.7, 30)}  # fmt: skip
        drawn = estimate(file, trees(**values), only("coefficients"), draws=3000).plots.iloc[0]
        exact = estimate(file, trees(**values), only("coefficients")).plots.iloc[0]
        assert drawn["agb_t_sd"] == pytest.approx(exact["agb_t_sd"], rel=0.05)
        logs = np.column_stack([np.ones(30), *(np.log(v) for v in values.values())])
        mass = al.evaluate("own_fit", dbh=d, height=values["height_m"], wood_density=values["wood_density_g_cm3"])  # fmt: skip
        cover = np.expm1(logs @ fit.covariance @ logs.T)
        expected = math.sqrt(mass @ cover @ mass) / 1000.0
        assert exact["agb_t_sd"] == pytest.approx(expected, rel=0.02)

    def test_predicted_heights_take_the_covariance_along(self, tmp_path):
        """D and H fitted, H from the height model: the gradient is taken there."""
        fit = al.fit_equation(**harvest(3, each=14), predictors=("D", "H"))
        file = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        stocks = estimate(file, trees(dbh_cm=[21.3]), only("coefficients"))
        h = float(predict_height("harja_2012_rubber", dbh=21.3))
        x = np.array([1.0, math.log(21.3), math.log(h)])
        expected = math.sqrt(x @ fit.covariance @ x)
        assert sd_ln(stocks.plots.iloc[0]) == pytest.approx(expected, rel=0.02)

    @pytest.mark.slow
    def test_places_and_scatter_come_from_the_fit(self, tmp_path):
        made = harvest(3, sites=8, each=10, tau=0.25)
        fit = al.fit_equation(**made)
        file = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        values = trees(dbh_cm=[20.0], height_m=[15.0], wood_density_g_cm3=[0.5])
        few = 1.8946 / 1.6449  # t with 7 degrees of freedom over the normal, at 90 %
        for term, sd in (("locality", few * fit.site_sd), ("residual", fit.residual_sd)):
            row = estimate(file, values, only(term)).plots.iloc[0]
            assert sd_ln(row) == pytest.approx(sd, rel=1e-4)
        # the spread of the five published rubber equations is not laid on top
        row = estimate(file, values, only("rubber_equation", "rubber_locality")).plots.iloc[0]
        assert row["agb_t_sd"] == 0.0
        said = estimate(file, values, {}).assumptions
        assert said["assumption"].str.contains("from 8 places").any()

    @pytest.mark.slow
    def test_one_place_says_nothing_of_others(self, tmp_path):
        """Then the spread of rubber's equations stands for it, and a row says so."""
        fit = al.fit_equation(**harvest(3))
        file = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        values = trees(dbh_cm=[20.0], height_m=[15.0], wood_density_g_cm3=[0.5])
        for term in ("rubber_equation", "rubber_locality"):
            row = estimate(file, values, only(term)).plots.iloc[0]
            assert sd_ln(row) == pytest.approx(1.3 * 0.148, rel=1e-9)
        assert sd_ln(estimate(file, values, only("residual")).plots.iloc[0]) == pytest.approx(
            fit.residual_sd, rel=1e-9
        )
        said = estimate(file, values, {}).assumptions
        assert said["assumption"].str.contains("the fit cannot tell").any()

    def test_places_that_do_not_seem_to_differ_say_nothing_of_others_either(self, tmp_path):
        """Three places with a variance of zero by REML: the default stays."""
        made = harvest(3, sites=3, each=6, tau=0.2)
        fit = al.fit_equation(**made, predictors=("D",))
        assert fit.site_sd == 0.0
        file = al.write_source(fit, tmp_path / "own_fit.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        al.add_catalogue(file)
        assert get_equation("own_fit").sites.sd_ln is None
        row = estimate(file, trees(dbh_cm=[20.0]), only("rubber_locality")).plots.iloc[0]
        assert sd_ln(row) == pytest.approx(1.3 * 0.148, rel=1e-9)

    def test_scatter_of_a_weighted_curve_grows_with_size(self, tmp_path):
        rng = np.random.default_rng(3)
        d = np.exp(rng.uniform(math.log(5.0), math.log(50.0), 400))
        mass = 0.08 * d**2.6 + 0.02 * d**2 * rng.normal(size=400)
        fit = al.fit_equation(mass=mass, dbh=d, form="nonlinear", weight_power=2.0)
        file = al.write_source(fit, tmp_path / "own_curve.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        for dbh in (8.0, 40.0):
            row = estimate(file, trees(dbh_cm=[dbh]), only("residual")).plots.iloc[0]
            assert row["agb_t_sd"] * 1000.0 == pytest.approx(fit.residual_sd * dbh**2, rel=1e-6)

    @pytest.mark.slow
    def test_an_ensemble_carries_the_spread_of_what_it_is_worth(self, tmp_path):
        """Weights 2:2:3 are worth 49/17 equations; the group part shrinks by its root alone."""
        weights = al.ensemble_weights(["hytonen_2018", "chiarawipa", "andrade_2022"], "grade")
        file = al.write_source(weights, tmp_path / "own_mean.toml", citation=CITE, taxa=("Hevea brasiliensis",))  # fmt: skip
        row = estimate(file, trees(dbh_cm=[20.0]), only("rubber_equation")).plots.iloc[0]
        assert sd_ln(row) == pytest.approx(1.3 * 0.148 / math.sqrt(49 / 17), rel=1e-9)
        row = estimate(file, trees(dbh_cm=[20.0]), only("rubber_locality")).plots.iloc[0]
        assert sd_ln(row) == pytest.approx(1.3 * 0.148, rel=1e-9)

    @pytest.mark.parametrize("form", ["log1", "log2", "michaelis"])
    def test_a_height_model_of_ones_own_brings_its_errors(self, tmp_path, form):
        rng = np.random.default_rng(1)
        d = rng.uniform(4.0, 40.0, 60)
        h = 27.0 * d / (17.0 + d) * np.exp(rng.normal(0.0, 0.1, 60))
        model = fit_height_model(d, h, form=form)
        file = al.write_source(model, tmp_path / "own_height.toml", citation=CITE)
        settings = {"equations": {"Hevea brasiliensis": "chave_2014_eq4"}, "catalogues": [str(file)],
                    "height_model": "own_height"}  # fmt: skip
        inventory = trees(dbh_cm=[20.0], wood_density_g_cm3=[0.5])
        gradient = model.gradient_ln([20.0])[0]
        expected = {
            "height_coefficients": 0.976 * math.sqrt(gradient @ model.covariance @ gradient),
            "height_tree": 0.976 * float(model.residual_sd_ln([20.0])[0]),
        }
        for term, sd in expected.items():
            row = rc.estimate_stocks(inventory, rc.Settings(errors=only(term), **settings)).plots.iloc[0]  # fmt: skip
            assert sd_ln(row) == pytest.approx(sd, rel=0.02)
