"""Monte Carlo of the R package BIOMASS with its own levels: all errors but the coefficients' per tree.

Its equation is the posterior of Chave eq. 4 (its mean lies 0.15 % under 0.0673 and 0.976), put here
into a catalogue folder of the user. Its draws of density and height are normal, ours lognormal
with the point as mean; on these plots that moves the means by less than the allowed error.
"""

import numpy as np
import pandas as pd
import pytest
from shared_data import data

import rubbercarbon as rc
from allometry.catalogue import loader
from allometry.evaluation import compile_equations
from allometry.kernels import forms

DRAWS = 20_000
FACTOR = 4.0
R_LEVELS = {"residual": True, "coefficients": True}
DENSITY = {"density_mean": {"level": "tree"}, "density_tree": True}
SCENARIOS = {
    "h_err0_wd0": R_LEVELS,
    "h_errH": R_LEVELS | DENSITY | {"height_reading": {"sd": 4.22271798319587, "unit": "m"}},
    "hd_log2": R_LEVELS | DENSITY | {"height_tree": True},
}


def nouragues():
    table = pd.read_csv(data("data", "nouragues", "NouraguesTrees_wd_h.csv"))
    return pd.DataFrame({
        "plot_id": table["Plot"].astype(str), "tree_id": [f"{i:05d}" for i in range(len(table))],
        "species": table["Genus"] + " " + table["Species"], "growth_form": "tree",
        "dbh_cm": table["D"], "height_m": table["H"],
        "wood_density_g_cm3": table["meanWD"], "wood_density_sd_g_cm3": table["sdWD"],
    })  # fmt: skip


EQUATION = """
[source]
key = "posterior"
citation = "posterior of Chave et al. 2014 eq. 4 in the R package BIOMASS"
seen = "its data"

[[equation]]
id = "posterior_eq4"
predicts = "agb"
unit = "kg"
form = "log_polynomial"
inputs = ["dbh", "height", "wood_density"]
terms = [{{ intercept = {intercept!r}, x2h_rho = {slope!r} }}]
grade = "A"
where = "posterior"
bias = "apply"
range = {{ kind = "data", dbh = [1.1, 212.0] }}
residual = {{ kind = "sd_ln", value = {sd!r} }}
covariance = {{ names = ["intercept", "x2h_rho"], matrix = {matrix!r} }}

[[equation.check]]
kind = "recomputed"
inputs = {{ dbh = 30.0, height = 20.0, wood_density = 0.6 }}
expected = {expected!r}
tolerance = 1e-9
"""


@pytest.fixture(scope="module")
def posterior(tmp_path_factory):
    """The R package's equation as a catalogue of the user: its folder and residual."""
    folder = tmp_path_factory.mktemp("user")
    table = pd.read_csv(data("data", "nouragues", "chave2014_eq4_posterior.csv"))
    a, b = table["intercept"].mean(), table["logagbt"].mean()
    sd = float(np.sqrt((table["sd"] ** 2).mean()))
    matrix = np.cov(table["intercept"], table["logagbt"]).tolist()
    expected = float(np.exp(a + b * np.log(0.6 * 30.0**2 * 20.0) + sd**2 / 2))
    (folder / "posterior.toml").write_text(
        EQUATION.format(intercept=float(a), slope=float(b), sd=sd, matrix=matrix, expected=expected)
    )
    yield str(folder), sd
    if folder in loader._folders:
        loader._folders.remove(folder)


@pytest.mark.jit
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_plots_and_total_within_four_standard_errors(scenario, tmp_path, posterior):
    reference = pd.read_csv(data("data", "nouragues", "biomass_r", "montecarlo_reference.csv"))
    reference = reference[reference["scenario"] == scenario].set_index(["plot", "stat"])
    trees = nouragues()
    options = {}
    if scenario == "hd_log2":
        pairs = pd.read_csv(data("data", "nouragues", "NouraguesHD.csv")).dropna(subset=["D", "H"])
        file = tmp_path / "heights.csv"
        pd.DataFrame({"dbh_cm": pairs["D"], "height_m": pairs["H"]}).to_csv(file, index=False)
        trees = trees.drop(columns="height_m")
        options = {"height_sample": str(file), "height_form": "log2", "height_by": "all"}
    catalogue, sd = posterior
    settings = rc.Settings(
        equations={"all": "posterior_eq4"}, draws=DRAWS, seed=2026,
        catalogues=[catalogue],
        errors=rc.ErrorBudget.only(**SCENARIOS[scenario] | {"residual": {"sd": sd}}), **options,
    )  # fmt: skip
    stocks = rc.estimate_stocks(rc.read_inventory(trees), settings)
    assert stocks.trees["agb_kg"].notna().all()
    drawn = stocks.uncertainty.query("method == 'montecarlo' and quantity == 'agb'")
    failures = []
    for _, row in drawn.iterrows():
        plot = row["plot_id"] or "ALL"
        if row["site_id"] != "ALL" and not row["plot_id"]:
            continue
        for stat in ("mean", "sd"):
            theirs = reference.loc[(plot, stat)]
            error = row["sd"] / np.sqrt(DRAWS if stat == "mean" else 2 * DRAWS)
            allowed = FACTOR * np.hypot(theirs["mc_se"], error)
            if abs(row[stat] - theirs["value"]) > allowed:
                failures.append((plot, stat, row[stat], theirs["value"], allowed))
    assert not failures, failures


@pytest.mark.parametrize("name", ["f_replay_h_errH", "f_replay_hd_log2_chave2004"])
def test_replayed_draws_come_out_the_same(name):
    """Their drawn D, density, H, coefficients and residual through our kernel."""
    table = pd.read_csv(data("data", "nouragues", "biomass_r", f"{name}.csv"))
    compiled = compile_equations(("chave_2014_eq4",))
    rows = np.repeat(compiled.single, len(table), axis=0)
    rows[:, forms.INTERCEPT] = table["intercept"] + table["eps"]
    for column, power in ((forms.SIZE, 2.0), (forms.HEIGHT, 1.0), (forms.DENSITY, 1.0)):
        rows[:, column] = power * table["slope"]
    out = np.empty(len(table))
    forms.evaluate_single(
        rows, np.arange(len(table)), table["D"].to_numpy(), table["H"].to_numpy(),
        table["WD"].to_numpy(), out,
    )  # fmt: skip
    np.testing.assert_allclose(out / 1000.0, table["AGB_Mg"], rtol=1e-12)
