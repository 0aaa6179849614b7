"""Against the R package BIOMASS 3.0 on its own data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from shared_data import data

import allometry as al
import rubbercarbon as rc


def test_chave_eq_4_on_the_grid():
    grid = pd.read_csv(data("data", "nouragues", "biomass_r", "b_computeAGB_grid_H.csv"))
    ours = al.evaluate("chave_2014_eq4", dbh=grid["D"], height=grid["H"], wood_density=grid["WD"])
    np.testing.assert_allclose(ours / 1000, grid["AGB_Mg"], rtol=1e-12)
    assert len(grid) > 100


def test_chave_eq_7_on_the_grid():
    grid = pd.read_csv(data("data", "nouragues", "biomass_r", "b_computeAGB_grid_E.csv"))
    ours = al.evaluate("chave_2014_eq7", dbh=grid["D"], wood_density=grid["WD"], stress=grid["E"])
    np.testing.assert_allclose(ours / 1000, grid["AGB_Mg"], rtol=1e-12)
    assert len(grid) > 30


@pytest.mark.parametrize(
    ("region", "model"),
    [("SEAsia", "feldpausch_2012_heights_seasia"), ("Pantropical", "feldpausch_2012_heights_pantropical"),
     ("NAustralia", "feldpausch_2012_heights_north_australia")],
)  # fmt: skip
def test_regional_heights_on_the_grid(region, model):
    grid = pd.read_csv(data("data", "nouragues", "biomass_r", "a_retrieveH_grid.csv"))
    grid = grid[(grid["source"] == "feldpausch") & (grid["id"] == region)]
    assert len(grid) > 10
    np.testing.assert_allclose(al.predict_height(model, dbh=grid["D"]), grid["H"], rtol=1e-12)


@pytest.mark.jit
def test_four_plots_through_the_whole_main_path():
    trees = pd.read_csv(data("data", "nouragues", "NouraguesTrees_wd_h.csv"))
    reference = pd.read_csv(
        data("data", "nouragues", "biomass_r", "c_nouragues_computeAGB_plot.csv")
    )
    frame = pd.DataFrame({
        "plot_id": trees["Plot"].astype(str), "tree_id": trees.index.astype(str),
        "species": trees["Genus"] + " " + trees["Species"], "growth_form": "tree",
        "dbh_cm": trees["D"], "height_m": trees["H"], "wood_density_g_cm3": trees["meanWD"],
    })  # fmt: skip
    settings = rc.Settings(equations={"all": "chave_2014_eq4"})
    stocks = rc.estimate_stocks(rc.read_inventory(frame), settings)
    ours = stocks.plots.set_index("plot_id")
    for row in reference.itertuples():
        assert ours.loc[str(row.Plot), "agb_t"] == pytest.approx(row.AGB, rel=1e-9)
        assert ours.loc[str(row.Plot), "n_estimated"] == row.n
