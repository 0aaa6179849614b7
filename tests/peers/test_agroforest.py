"""528 trees of real rubber agroforests (Harja et al. 2012), the way a user would run them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from shared_data import data

import allometry as al
from allometry.catalogue.loader import get_equation
from rubbercarbon import cli

MAPS = ("plot_id=Location", "species=Indonesian_name", "girth_cm=Girth", "height_m=Height")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("harja") / "out"
    source = data("data", "agroforest", "harja2012_trees.csv")
    words = ["estimate", str(source), "--out", str(out)]
    for item in MAPS:
        words += ["--map", item]
    assert cli.main(words) == 0
    return out


def test_every_row_is_estimated_or_listed_with_a_reason(run):
    trees = pd.read_csv(run / "trees.csv")
    assert len(trees) == 528
    assert (trees["agb_kg"].notna() | trees["flags"].fillna("").ne("")).all()
    assert trees["agb_kg"].notna().sum() == 528


def test_indonesian_names_go_through_the_species_table(run):
    trees = pd.read_csv(run / "trees.csv")
    counts = trees.groupby("species_input")["species"].unique()
    assert {name: found.tolist() for name, found in counts.items()} == {
        "Akasia": ["Acacia mangium"], "Duku": ["Lansium domesticum"], "Durian": ["Durio zibethinus"],
        "Jengkol": ["Archidendron jiringa"], "Karet": ["Hevea brasiliensis"], "Pulai": ["Alstonia scholaris"],
        "Sengon": ["Falcataria moluccana"], "Seru": ["Schima wallichii"], "Tembesu": ["Fagraea fragrans"],
        "Tengkawang": ["Shorea stenoptera"],
    }  # fmt: skip


def test_the_mapped_girth_decides_over_the_files_own_dbh(run):
    trees = pd.read_csv(run / "trees.csv")
    source = pd.read_csv(data("data", "agroforest", "harja2012_trees.csv"))
    np.testing.assert_allclose(trees["dbh_cm"], source["Girth"] / np.pi, rtol=1e-12)


def test_without_an_area_nothing_is_given_per_hectare(run):
    plots = pd.read_csv(run / "plots.csv")
    assert plots.filter(like="_ha").isna().all().all()
    assumptions = pd.read_csv(run / "assumptions.csv")
    assert assumptions["assumption"].str.contains("no plot area").any()


def test_rubber_totals_as_estimated_from_outside():
    """Hytonen about 32 t, Chave eq. 4 about 16.5 t at density 0.50 on the 65 rubber trees."""
    rubber = pd.read_csv(data("data", "agroforest", "harja2012_trees.csv"))
    rubber = rubber[rubber["Indonesian_name"] == "Karet"]
    dbh = rubber["Girth"] / np.pi
    assert len(rubber) == 65
    hytonen = al.evaluate("hytonen_2018", dbh=dbh).sum() / 1000
    chave = (
        al.evaluate("chave_2014_eq4", dbh=dbh, height=rubber["Height"], wood_density=0.50).sum()
        / 1000
    )
    assert hytonen == pytest.approx(32.0, rel=0.03)
    assert chave == pytest.approx(16.5, rel=0.03)


def test_height_models_and_their_covariance_are_those_of_the_trees():
    """The pooled model of the catalogue refitted; two rows labelled Pulai carry rubber's code."""
    trees = pd.read_csv(data("data", "agroforest", "harja2012_trees.csv"))
    rubber = trees.loc[trees["Indonesian_name"] == "Karet", "Species"].iloc[0]
    trees = trees[~((trees["Indonesian_name"] == "Pulai") & (trees["Species"] == rubber))]
    model = al.fit_height_model(trees["Dbh"], trees["Height"])
    record = get_equation("harja_2012_pooled")
    printed = [record.terms[0]["intercept"], record.terms[0]["x"]]
    np.testing.assert_allclose(list(model.coefficients.values()), printed, atol=5e-5)
    np.testing.assert_allclose(model.covariance, record.covariance.matrix, rtol=1e-5)
    assert model.residual_sd == pytest.approx(record.residual.value, abs=5e-5)
