"""`evaluate`: shapes, errors, scalars."""

from __future__ import annotations

import numpy as np
import pytest

import allometry as al
from allometry.evaluation import compile_equations


def test_scalar_gives_a_zero_dimensional_array_of_the_same_value():
    one = al.evaluate("hytonen_2018", dbh=20.0)
    assert one.shape == ()
    assert one == al.evaluate("hytonen_2018", dbh=[20.0])[0]


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 4), (0, 2)])
def test_shape_follows_the_inputs(shape):
    assert al.evaluate("hytonen_2018", dbh=np.full(shape, 20.0)).shape == shape


def test_inputs_are_broadcast():
    values = al.evaluate(
        "chave_2014_eq4", dbh=[[10.0], [20.0]], height=[8.0, 12.0, 15.0], wood_density=0.5
    )
    assert values.shape == (2, 3)
    assert values[1, 2] == al.evaluate("chave_2014_eq4", dbh=20.0, height=15.0, wood_density=0.5)


def test_inputs_that_do_not_fit_are_named():
    with pytest.raises(al.AllometryError, match="'height' has shape"):
        al.evaluate("tsutsumi_1983_dry_evergreen", dbh=[1.0, 2.0], height=[1.0, 2.0, 3.0])


def test_a_missing_input_is_named():
    with pytest.raises(al.MissingInput, match="needs 'height' or 'wood_density'"):
        al.evaluate("chave_2014_eq4", dbh=10.0)


def test_inputs_that_an_equation_does_not_use_are_let_be():
    assert al.evaluate("hytonen_2018", dbh=10.0, height=[1.0, 2.0]).shape == ()


def test_the_input_array_is_not_changed():
    dbh = np.array([30.0, 70.0])
    al.evaluate("harja_2012_falcataria_moluccana_log2", dbh=dbh)  # holds D inside its range
    assert dbh.tolist() == [30.0, 70.0]


def test_oil_palm_in_megagrams_comes_out_in_kilograms():
    assert al.evaluate("oil_palm_mineral_soils", height=3.0) == pytest.approx(410.2)


class TestListing:
    def test_the_catalogue_is_a_table(self):
        table = al.equations()
        assert table["id"].is_unique
        assert {"predicts", "unit", "grade", "range", "citation"} <= set(table.columns)

    def test_filters(self):
        rubber = al.equations(taxon="ยางพารา", predicts="agb")
        assert {"hevea_ensemble", "hytonen_2018", "chave_2014_eq4"} <= set(rubber["id"])
        assert rubber["id"].tolist()[-1] == "chave_2014_eq4"  # by growth form: after the species
        assert set(al.equations(grade="C")["grade"]) == {"C"}
        assert al.equations(taxon="Shorea roxburghii", predicts="agb")["id"].tolist() == [
            "huy_2019_shorea", "kawahara_1981_dipterocarpaceae_agb_d",
            "kawahara_1981_dipterocarpaceae_agb_d2h", "chave_2014_eq4",
        ]  # fmt: skip
        assert "wanulcas_bamboo" in set(al.equations(taxon="bamboo")["id"])

    def test_an_unknown_taxon_has_none(self):
        nothing = al.equations(taxon="Nonsense nonsense")
        assert nothing.empty
        assert list(nothing.columns) == list(al.equations().columns)

    @pytest.mark.parametrize("equation", al.equations()["id"])
    def test_every_record_can_be_described(self, equation):
        from allometry.listing import describe

        lines = describe(equation)
        assert lines["formula"].startswith(f"{lines['predicts']} [{lines['unit']}] = ")
        assert all(isinstance(text, str) and text for text in lines.values())

    def test_formulas_read_as_printed(self):
        from allometry.listing import describe

        assert describe("somarriba_2013_cacao")["formula"].endswith("10^-1.684 D^2.158 H^0.892")
        assert "W + 1/(28/W + 0.025)" in describe("ogawa_1965_rain_forest")["formula"]
        assert "geometric mean of hytonen_2018" in describe("hevea_ensemble")["formula"]
        assert describe("harja_2012_pooled")["formula"].endswith("x exp(s^2/2)")


def test_a_table_without_equations_gives_nothing():
    size = np.array([20.0, 30.0])
    nothing = np.full(2, np.nan)
    out = compile_equations(()).evaluate(
        np.zeros(2, dtype=np.int64), size, nothing, nothing, nothing
    )
    assert np.isnan(out).all()
