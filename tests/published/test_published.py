"""Values that others print, or that follow from published figures by a short calculation."""

from __future__ import annotations

import numpy as np
import pytest

import allometry as al
from allometry.catalogue.loader import carbon_fractions
from rubbercarbon.pools import co2e


@pytest.mark.parametrize(
    ("equation", "kg"),
    [("ogawa_1965_rain_forest", 521.5), ("ogawa_1965_mixed_deciduous", 465.5),
     ("tsutsumi_1983_dry_evergreen", 552.4)],
)  # fmt: skip
def test_t_ver_tool_at_30_cm_and_20_m(equation, kg):
    assert float(al.evaluate(equation, dbh=30.0, height=20.0)) == pytest.approx(kg, abs=0.05)


def test_t_ver_worked_example_of_a_stock_change():
    """100 t of dry matter above ground, R 0.27, carbon fraction 0.47: 218.8633 t CO2."""
    roots = float(al.evaluate("tver_tool_roots", agb_tree=100.0))
    carbon = (100.0 + roots) * carbon_fractions()["tver"].value
    assert float(co2e(np.float64(carbon))) == pytest.approx(218.8633, abs=5e-5)


@pytest.mark.parametrize(("age", "mg_per_ha", "tolerance"), [(6, 26.5, 0.05), (34, 169.0, 0.5)])
def test_a_stand_on_the_rayong_curve(age, mg_per_ha, tolerance):
    """RRIM 600, girth curve of Rayong, Hytonen's equation by name, 475 trees/ha, no mortality."""
    dbh = 2.0 + 21.997 * (1.0 - np.exp(-0.0749024 * age**1.18491))
    stand = float(al.evaluate("hytonen_2018", dbh=dbh)) * 475 / 1000
    assert stand == pytest.approx(mg_per_ha, abs=tolerance)


def test_hytonen_lies_above_the_ensemble_as_stated():
    dbh = np.array([20.0, 22.0, 30.0])
    gap = np.log(al.evaluate("hytonen_2018", dbh=dbh) / al.evaluate("hevea_ensemble", dbh=dbh))
    np.testing.assert_allclose(gap, [0.11, 0.13, 0.18], atol=0.006)


def test_two_equal_stems_are_not_one_stem_of_equal_basal_area():
    """Summed at exponent 2.78 they are 0.76 of the tree of equivalent diameter... within a few %."""
    one = float(al.evaluate("hytonen_2018_leafless_agb", dbh=np.sqrt(2.0) * 15.0))
    two = 2.0 * float(al.evaluate("hytonen_2018_leafless_agb", dbh=15.0))
    assert two / one == pytest.approx(0.76, abs=0.005)
