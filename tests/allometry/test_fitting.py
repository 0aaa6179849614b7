"""Own fits: recovery of what trees were made with, and every refusal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_harvests import harvest

import allometry as al
from allometry.diagnostics import inflation, influence
from allometry.ensembles import ensemble_weights
from allometry.errors import AllometryError, InputShapeError
from allometry.sample_size import places_needed, trees_to_fell
from allometry.validation import compare_forms, compare_with_catalogue, cross_validate, scores

REPLICATES = 400


def _without(trees, *names):
    return {name: values for name, values in trees.items() if name not in names}


class TestRecovery:
    def test_log_linear(self):
        """Mean estimate, covariance and 90 % coverage over simulated harvests of one place."""
        fits = [al.fit_equation(**harvest(seed)) for seed in range(REPLICATES)]
        found = np.array([list(fit.coefficients.values()) for fit in fits])
        error = found.std(axis=0, ddof=1) / math.sqrt(REPLICATES)
        assert np.all(np.abs(found.mean(axis=0) - [-2.5, 0.95]) < 3.5 * error)
        mean_covariance = np.mean([fit.covariance for fit in fits], axis=0)
        assert np.allclose(np.cov(found.T), mean_covariance, rtol=0.2)
        variance = np.mean([fit.residual_sd**2 for fit in fits])
        assert variance == pytest.approx(0.09, rel=0.03)
        assert self._coverage(fits, freedom=38) == pytest.approx(0.90, abs=0.045)

    @pytest.mark.slow
    def test_places(self):
        """The same with twelve places that differ."""
        fits = [al.fit_equation(**harvest(seed, sites=12, each=8, tau=0.25)) for seed in range(200)]
        found = np.array([list(fit.coefficients.values()) for fit in fits])
        error = found.std(axis=0, ddof=1) / math.sqrt(200)
        assert np.all(np.abs(found.mean(axis=0) - [-2.5, 0.95]) < 3.5 * error)
        mean_covariance = np.mean([fit.covariance for fit in fits], axis=0)
        assert np.allclose(np.diag(np.cov(found.T)), np.diag(mean_covariance), rtol=0.25)
        assert np.mean([fit.residual_sd**2 for fit in fits]) == pytest.approx(0.09, rel=0.03)
        assert np.mean([fit.site_sd**2 for fit in fits]) == pytest.approx(0.0625, rel=0.10)
        assert self._coverage(fits, freedom=11) == pytest.approx(0.90, abs=0.06)

    @pytest.mark.slow
    @pytest.mark.parametrize("places", [4, 8])
    def test_a_new_place_lies_inside_the_budgets_interval(self, places):
        """Coefficients and the place at 90 %, its sd counted as the budget counts it.

        Harvests among whose places REML finds no difference keep the budget's own terms.
        """
        from allometry.error_model import few_places
        from allometry.source_files import NO_DIFFERENCE

        rng = np.random.default_rng(0)
        x = np.array([1.0, math.log(0.6 * 20.0**2 * 14.0)])
        inside = plain = told = 0
        for seed in range(150):
            fit = al.fit_equation(**harvest(seed, sites=places, each=10, tau=0.25))
            truth = -2.5 + 0.95 * x[1] + rng.normal(0.0, 0.25)
            if fit.site_sd < NO_DIFFERENCE:
                continue
            told += 1
            error, own = abs(fit.estimate.coefficients @ x - truth), x @ fit.covariance @ x
            inside += error <= 1.645 * math.sqrt(own + (few_places(places) * fit.site_sd) ** 2)
            plain += error <= 1.645 * math.sqrt(own + fit.site_sd**2)
        assert inside / told == pytest.approx(0.90, abs=0.05)
        assert told > 135
        assert plain < inside

    @pytest.mark.slow
    def test_pooling_places_that_differ_is_far_too_sure(self):
        """Why the random term is there: without it the interval holds the truth half as often."""
        fits = [
            al.fit_equation(**harvest(seed, sites=12, each=8, tau=0.25), site_term=False)
            for seed in range(200)
        ]
        assert self._coverage(fits, freedom=94) < 0.75

    @staticmethod
    def _coverage(fits, freedom):
        """How often the 90 % interval of ln mass of a middling tree holds the truth."""
        from scipy.stats import t as student

        x = np.array([1.0, math.log(0.6 * 20.0**2 * 14.0)])
        hits = 0
        for fit in fits:
            wide = student.ppf(0.95, freedom) * math.sqrt(x @ fit.covariance @ x)
            hits += abs(fit.estimate.coefficients @ x - (-2.5 + 0.95 * x[1])) <= wide
        return hits / len(fits)

    def test_weighted_curve(self):
        """M = 0.08 D^2.6 with an sd of 0.02 D^2: power of the weights and sd come back."""
        rng = np.random.default_rng(3)
        d = np.exp(rng.uniform(math.log(5.0), math.log(50.0), 3000))
        mass = 0.08 * d**2.6 + 0.02 * d**2 * rng.normal(size=3000)
        fit = al.fit_equation(mass=mass, dbh=d, form="nonlinear")
        assert fit.coefficients["intercept"] == pytest.approx(math.log(0.08), abs=0.02)
        assert fit.coefficients["D"] == pytest.approx(2.6, abs=0.01)
        assert fit.estimate.power == pytest.approx(2.0, abs=0.05)
        assert fit.residual_sd == pytest.approx(0.02, rel=0.15)

    @pytest.mark.parametrize("correction", ["baskerville", "snowdon", "smearing"])
    def test_corrections_turn_medians_into_means(self, correction):
        trees = harvest(11, each=20000, sigma=0.4)
        fit = al.fit_equation(**trees, correction=correction)
        assert fit.correction_factor == pytest.approx(math.exp(0.08), rel=0.03)
        assert fit.predicted.sum() == pytest.approx(trees["mass"].sum(), rel=0.03)

    def test_predictions_of_the_fit_are_its_formula(self):
        fit = al.fit_equation(**harvest(1), predictors=("D", "H", "rho"), correction="snowdon")
        c = fit.coefficients
        by_hand = math.exp(c["intercept"]) * 20 ** c["D"] * 14 ** c["H"] * 0.6 ** c["rho"]
        value = fit.predict(dbh=20.0, height=14.0, wood_density=0.6)[0]
        assert value == pytest.approx(by_hand * fit.corrections["snowdon"], rel=1e-12)
        assert np.isnan(fit.predict(dbh=-1.0, height=14.0, wood_density=0.6)[0])


class TestCriteria:
    def test_aic_is_that_of_the_normal_likelihood_on_the_scale_of_kg(self):
        from scipy.stats import norm

        trees = harvest(5)
        fit = al.fit_equation(**_without(trees, "height", "wood_density"))
        residual = np.log(trees["mass"]) - fit.estimate.fitted
        sd = math.sqrt(np.mean(residual**2))
        logs = norm.logpdf(residual, 0.0, sd) - np.log(trees["mass"])
        assert fit.aic == pytest.approx(2 * 3 - 2 * logs.sum(), rel=1e-12)
        assert fit.bic == pytest.approx(math.log(40) * 3 - 2 * logs.sum(), rel=1e-12)

    def test_the_likelihood_with_places_is_that_of_their_multivariate_normal(self):
        from scipy.optimize import minimize
        from scipy.stats import multivariate_normal

        trees = harvest(8, sites=5, each=6, tau=0.4)
        fit = al.fit_equation(**trees)
        y = np.log(trees["mass"])
        x = np.log(trees["wood_density"] * trees["dbh"] ** 2 * trees["height"])
        same = trees["site"][:, None] == trees["site"][None, :]

        def minus(p):
            cover = math.exp(2 * p[2]) * np.eye(30) + math.exp(2 * p[3]) * same
            return -multivariate_normal.logpdf(y, p[0] + p[1] * x, cover)

        best = minimize(minus, [-2.5, 0.95, -1.2, -1.0], method="Nelder-Mead",
                        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000})  # fmt: skip
        assert fit.estimate.log_likelihood == pytest.approx(-best.fun, abs=1e-6)

    def test_places_that_do_not_differ_have_no_variance(self):
        trees = harvest(21, sites=4, each=30)
        ln = np.log(trees["rho"] if "rho" in trees else trees["wood_density"])
        assert len(ln) == 120
        residual_free = dict(trees)
        for one in range(4):  # each place gets the same trees: they cannot differ
            mine = trees["site"] == str(one)
            for name in ("dbh", "height", "wood_density", "mass"):
                residual_free[name][mine] = trees[name][trees["site"] == "0"]
        fit = al.fit_equation(**residual_free)
        assert fit.site_sd == 0.0
        pooled = al.fit_equation(**residual_free, site_term=False)
        assert np.allclose(fit.estimate.coefficients, pooled.estimate.coefficients, rtol=1e-9)

    @pytest.mark.slow
    def test_the_right_form_comes_first(self):
        trees = harvest(2, each=100)
        whole = al.fit_equation(**trees)
        table = compare_forms(whole.harvest, whole.recipe)
        assert table["delta_aic"].min() == 0.0
        first = table.iloc[0]
        assert first["form"] == "loglinear"
        assert "rho" in first["predictors"]
        assert table.set_index(["form", "predictors"]).loc[("loglinear", "D"), "delta_aic"] > 10
        assert set(table["form"]) == {"loglinear", "nonlinear"}


class TestCrossValidation:
    def test_trees_left_out_are_those_of_the_hat_matrix(self):
        """ln prediction without tree i = fitted - h r / (1 - h), before the correction."""
        fit = al.fit_equation(**harvest(4), correction="none")
        e, h = fit.estimate.residual, fit.estimate.leverage
        expected = np.exp(np.log(fit.harvest.mass) - e / (1.0 - h))
        assert np.allclose(cross_validate(fit), expected, rtol=1e-10)

    def test_places_left_out_are_refits(self):
        trees = harvest(4, sites=4, each=10, tau=0.3)
        fit = al.fit_equation(**trees)
        out = trees["site"] == "2"
        rest = al.fit_equation(**{name: values[~out] for name, values in trees.items()})
        sizes = {n: trees[n][out] for n in ("dbh", "height", "wood_density")}
        assert np.allclose(cross_validate(fit, "site")[out], rest.predict(**sizes), rtol=1e-12)

    def test_one_place_cannot_be_left_out(self):
        with pytest.raises(AllometryError, match="at least two"):
            cross_validate(al.fit_equation(**harvest(4)), "site")

    def test_scores(self):
        found = scores(np.array([2.0, 8.0, np.nan]), np.array([1.0, 9.0, 5.0]))
        assert found["n"] == 2
        assert found["bias_percent"] == pytest.approx(0.0)
        assert found["rmse_kg"] == pytest.approx(1.0)
        assert found["bias_ln"] == pytest.approx((math.log(2) + math.log(8 / 9)) / 2)
        assert scores(np.array([np.nan]), np.array([1.0]))["n"] == 0

    def test_catalogue_equations_meet_their_own_plants_only(self):
        fit = al.fit_equation(**harvest(4))
        names = ["Hevea brasiliensis"] * 20 + ["Durio zibethinus"] * 20
        table = compare_with_catalogue(fit.harvest, names, fit=fit)
        whole = table[table["dbh_class"] == "all"].set_index("equation")
        assert whole.loc["hytonen_2018", "n"] == 20
        assert whole.loc["chave_2014_eq4", "n"] == 40
        assert "kawahara_1981_gmelina_agb_d" not in whole.index
        assert not any("bamboo" in name for name in whole.index)
        parts = table[(table["equation"] == "chave_2014_eq4") & (table["dbh_class"] != "all")]
        assert parts["n"].sum() == 40
        assert whole.loc["luo_2018_guangdong", "n_outside"] == np.sum(
            (fit.harvest.inputs["dbh"][:20] > 22) | (fit.harvest.inputs["dbh"][:20] < 2)
        )


class TestDiagnostics:
    def test_a_misread_tree_stands_out(self):
        trees = harvest(6)
        trees["mass"][7] *= 10.0
        table = influence(al.fit_equation(**trees))
        assert int(table["cooks_distance"].idxmax()) == 7
        assert table.loc[7, "flag"] == "outlier influential"

    def test_cooks_distance_is_the_shift_of_all_fitted_values(self):
        trees = harvest(6)
        fit = al.fit_equation(**trees)
        rest = al.fit_equation(**{n: np.delete(v, 3) for n, v in trees.items()})
        x = np.column_stack(
            [np.ones(40), np.log(trees["wood_density"] * trees["dbh"] ** 2 * trees["height"])]
        )
        shift = x @ (fit.estimate.coefficients - rest.estimate.coefficients)
        expected = shift @ shift / (2 * fit.residual_sd**2)
        assert influence(fit).loc[3, "cooks_distance"] == pytest.approx(expected, rel=1e-9)

    def test_studentised_residuals_with_places_have_unit_variance(self):
        fit = al.fit_equation(**harvest(9, sites=20, each=20, tau=0.5))
        assert influence(fit)["studentised_residual"].std() == pytest.approx(1.0, abs=0.06)

    def test_inflation(self):
        trees = harvest(10, each=500)
        fit = al.fit_equation(**trees, predictors=("D", "H"))
        r = np.corrcoef(np.log(trees["dbh"]), np.log(trees["height"]))[0, 1]
        assert inflation(fit)["H"] == pytest.approx(1 / (1 - r**2), rel=1e-9)
        assert inflation(al.fit_equation(**trees)) == {"rhoD2H": 1.0}


class TestRefusals:
    def test_trees_that_cannot_be_used_are_named(self):
        trees = harvest(1)
        trees["mass"][3], trees["dbh"][5], trees["height"][7] = 0.0, np.nan, -2.0
        fit = al.fit_equation(**trees)
        assert fit.n_trees == 37
        assert fit.left_out == (
            (3, "not_positive", "mass"), (5, "missing", "dbh"), (7, "not_positive", "height"),
        )  # fmt: skip
        # what an equation does not use does not matter
        assert al.fit_equation(**trees, predictors=("D",)).n_trees == 38

    @pytest.mark.parametrize(
        ("change", "options", "says"),
        [
            ({}, {"form": "cubic"}, "not one of loglinear"),
            ({}, {"correction": "luck"}, "not one of baskerville"),
            ({}, {"predictors": ("D", "girth")}, "give each once"),
            ({}, {"predictors": ("D", "D")}, "give each once"),
            ({}, {"predictors": ("H", "rho")}, "lack the diameter"),
            ({}, {"predictors": ("H",), "form": "nonlinear"}, "need D"),
            ({}, {"predictors": ("D", "H", "D2H")}, "collinear"),
            ({"height": None}, {"predictors": ("D2H",)}, "need height"),
            ({"dbh": None, "height": None}, {}, "a diameter or a height"),
            ({}, {"site_term": True}, "at least 3"),
            ({}, {"site_term": True, "form": "nonlinear"}, "log-linear form only"),
        ],
    )  # fmt: skip
    def test_a_sentence(self, change, options, says):
        with pytest.raises(AllometryError, match=says):
            al.fit_equation(**{**harvest(1), **change}, **options)

    def test_too_few_trees(self):
        trees = {name: values[:6] for name, values in harvest(1).items()}
        with pytest.raises(AllometryError, match=r"at least 10 weighed trees.*found 6"):
            al.fit_equation(**trees)
        assert al.fit_equation(**trees, minimum=6).n_trees == 6

    def test_trees_of_one_size(self):
        trees = harvest(1)
        trees["dbh"][:] = 20.0
        with pytest.raises(AllometryError, match="D is the same for all 40 trees"):
            al.fit_equation(mass=trees["mass"], dbh=trees["dbh"])

    def test_shapes(self):
        trees = harvest(1)
        with pytest.raises(InputShapeError):
            al.fit_equation(mass=trees["mass"], dbh=trees["dbh"][:-1])
        with pytest.raises(InputShapeError):
            al.fit_equation(mass=trees["mass"], dbh=trees["dbh"], site=["a"])
        fit = al.fit_equation(**trees)
        with pytest.raises(AllometryError, match="needs height"):
            fit.predict(dbh=[10.0], wood_density=[0.5])
        with pytest.raises(InputShapeError):
            fit.predict(dbh=[10.0, 11.0], height=[1.0, 2.0, 3.0], wood_density=0.5)


class TestComponents:
    @pytest.fixture
    def trees(self):
        rng = np.random.default_rng(5)
        d = np.exp(rng.uniform(math.log(5.0), math.log(40.0), 60))
        noise = rng.multivariate_normal([0, 0, 0], 0.04 * (0.5 * np.eye(3) + 0.5), 60)
        laws = {"stem": (-2.6, 2.5), "branch": (-4.0, 2.6), "leaf": (-3.5, 1.8)}
        masses = {
            name: np.exp(a + b * np.log(d) + noise[:, k])
            for k, (name, (a, b)) in enumerate(laws.items())
        }
        return d, masses, laws

    def test_they_add_up_and_come_back(self, trees):
        d, masses, laws = trees
        found = al.fit_components(masses, dbh=d)
        at = np.array([8.0, 20.0, 35.0])
        parts = sum(part.predict(dbh=at) for part in found.parts.values())
        assert np.array_equal(found.predict(dbh=at), parts)
        for name, (_, slope) in laws.items():
            sd = math.sqrt(found.parts[name].covariance[1, 1])
            assert abs(found.parts[name].coefficients["D"] - slope) < 3.5 * sd
        assert found.residual_correlation[0, 1] == pytest.approx(0.5, abs=0.25)

    def test_covariance_is_that_of_generalised_least_squares(self, trees):
        """The stacked system solved whole, with the residual covariance found."""
        d, masses, _ = trees
        found = al.fit_components(masses, dbh=d)
        x = np.column_stack([np.ones(60), np.log(d)])
        residual = np.column_stack([p.estimate.residual for p in found.parts.values()])
        between = residual.T @ residual / 58
        whole = np.kron(np.eye(3), x)
        weight = np.kron(np.linalg.inv(between), np.eye(60))
        covariance = np.linalg.inv(whole.T @ weight @ whole)
        y = np.concatenate([np.log(values) for values in masses.values()])
        beta = covariance @ whole.T @ weight @ y
        assert np.allclose(found.covariance, covariance, rtol=1e-8)
        mine = np.concatenate([p.estimate.coefficients for p in found.parts.values()])
        assert np.allclose(mine, beta, rtol=1e-8)

    def test_refusals(self, trees):
        d, masses, _ = trees
        with pytest.raises(AllometryError, match="at least two components"):
            al.fit_components({"stem": masses["stem"]}, dbh=d)
        with pytest.raises(AllometryError, match="is an input"):
            al.fit_components({"dbh": d, "stem": masses["stem"]}, dbh=d)
        masses["leaf"][4] = np.nan
        found = al.fit_components(masses, dbh=d)
        assert found.parts["stem"].left_out == ((4, "missing", "leaf"),)


class TestSampleSize:
    def test_the_number_is_the_smallest_that_does(self):
        from scipy.stats import t as student

        def half_width(n):
            return student.ppf(0.95, n - 2) * math.sqrt(0.3**2 * (1 + 3) / n)

        n = trees_to_fell(0.10, 0.30)
        assert half_width(n) <= math.log(1.1) < half_width(n - 1)

    def test_a_simulated_campaign_of_that_size_is_as_precise_as_promised(self):
        """Even spread of ln size: 90 % of fits lie within 10 % at its ends."""
        n = trees_to_fell(0.10, 0.30)
        rng = np.random.default_rng(1)
        x = np.linspace(-1.0, 1.0, n)
        design = np.column_stack([np.ones(n), x])
        errors = rng.normal(0.0, 0.3, (4000, n))
        beta = np.linalg.lstsq(design, errors.T, rcond=None)[0]
        inside = np.abs(beta[0] + beta[1]) <= math.log(1.1)
        assert inside.mean() == pytest.approx(0.90, abs=0.02)

    def test_places_set_a_floor(self):
        with pytest.raises(AllometryError, match="at least 14 places"):
            trees_to_fell(0.10, 0.30, site_sd=0.20, sites=3)
        assert places_needed(0.10, 0.20) == 14
        assert trees_to_fell(0.10, 0.30, site_sd=0.20, sites=20) < 40
        with pytest.raises(AllometryError, match="positive"):
            trees_to_fell(-0.1, 0.3)


class TestEnsembles:
    MEMBERS = ("hytonen_2018", "chiarawipa", "andrade_2022")

    def test_equal_and_by_grade(self):
        assert list(ensemble_weights(self.MEMBERS).values()) == [1 / 3] * 3
        graded = ensemble_weights(self.MEMBERS, "grade")  # B, B, A count 2, 2, 3
        assert list(graded.values()) == pytest.approx([2 / 7, 2 / 7, 3 / 7])

    def test_by_likelihood_the_equation_that_made_the_trees_wins(self):
        rng = np.random.default_rng(2)
        d = rng.uniform(5.0, 25.0, 60)
        mass = al.evaluate("chiarawipa", dbh=d) * np.exp(rng.normal(0.0, 0.2, 60))
        found = ensemble_weights(self.MEMBERS, "likelihood", mass=mass, inputs={"dbh": d})
        assert found["chiarawipa"] > 0.99

    def test_by_likelihood_few_places_decide_less(self):
        """The same trees as of three places: a shift of a place speaks against no equation."""
        rng = np.random.default_rng(2)
        d = rng.uniform(15.0, 25.0, 60)
        place = np.repeat(np.arange(3), 20)
        shift = np.array([-0.3, 0.05, 0.3])[place]
        mass = al.evaluate("hytonen_2018", dbh=d) * np.exp(shift + rng.normal(0.0, 0.2, 60))
        pooled = ensemble_weights(self.MEMBERS, "likelihood", mass=mass, inputs={"dbh": d})
        placed = ensemble_weights(self.MEMBERS, "likelihood", mass=mass, inputs={"dbh": d}, site=place)  # fmt: skip
        assert max(placed.values()) < max(pooled.values())

    def test_likelihood_of_one_place_is_the_normal_one(self):
        rng = np.random.default_rng(7)
        d = rng.uniform(10.0, 25.0, 12)
        mass = al.evaluate("hytonen_2018", dbh=d) * np.exp(rng.normal(0.0, 0.5, 12))
        logs = []
        for name in self.MEMBERS:
            r = np.log(mass / al.evaluate(name, dbh=d))
            logs.append(-6.0 * math.log(np.mean(r**2)))
        expected = np.exp(np.array(logs) - max(logs))
        found = ensemble_weights(self.MEMBERS, "likelihood", mass=mass, inputs={"dbh": d})
        assert list(found.values()) == pytest.approx(list(expected / expected.sum()), rel=1e-9)

    @pytest.mark.parametrize(
        ("members", "by", "says"),
        [
            (("hytonen_2018",), "equal", "at least two"),
            (("hytonen_2018", "hevea_ensemble"), "equal", "a mean itself"),
            (("hytonen_2018", "harja_2012_pooled"), "equal", "cannot be a member"),
            (("hytonen_2018", "chiarawipa"), "luck", "not one of"),
            (("hytonen_2018", "chiarawipa"), "likelihood", "need weighed trees"),
        ],
    )
    def test_refusals(self, members, by, says):
        with pytest.raises(AllometryError, match=says):
            ensemble_weights(members, by)

    def test_too_few_weighed_trees(self):
        with pytest.raises(AllometryError, match="3 weighed trees"):
            ensemble_weights(self.MEMBERS, "likelihood", mass=[50, 60, 70], inputs={"dbh": [10, 11, 12]})  # fmt: skip
