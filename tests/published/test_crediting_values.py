"""Check values of the crediting rules, each through the programme it belongs to."""

import math

import pytest
from shared_data import data

import allometry as al
import rubbercarbon as rc
from rubbercarbon import gases, precision
from rubbercarbon.cases import gwp_set
from rubbercarbon.claims import amounts
from rubbercarbon.crediting import cdm_ar_ams0007 as cdm
from rubbercarbon.crediting import vm0047_area as verra
from rubbercarbon.profiles import get_profile
from rubbercarbon.sampling import student_t
from rubbercarbon.sites import make_site

approx = pytest.approx

PREMIUM = "t-ver-p-meth-13-01"


def site(**project):
    return make_site({"site": {"id": "S"}, "project": project})


def line(result, code):
    table = result.ladder.set_index("line")["value_t_co2e"]
    return float(table[code])


def test_v01_tver_tree_tool():
    """100 t of above-ground biomass, R 0.27, CF 0.47: 218.8633 t CO2e (published)."""
    for programme in ("t-ver-s-meth-13-01", PREMIUM):
        assert line(rc.credit(amounts(100.0), programme), "gross") == approx(218.8633, abs=5e-5)


def premium_amount(co2e_t):
    """Above-ground biomass that is worth an amount of CO2e under Premium T-VER."""
    return co2e_t / (1.27 * 0.47 * 44.0 / 12.0)


def test_v02_and_v03_steps():
    """60 +- 9 becomes 57.75 for the project and 62.25 for the baseline (published)."""
    claim = amounts(premium_amount(60.0), half_width_percent=15.0)
    assert line(rc.credit(claim, PREMIUM), "net") == approx(57.75)
    base = rc.credit(
        amounts(premium_amount(100.0)), PREMIUM,
        site=site(baseline_tco2e=60.0, baseline_half_width_percent=15.0),
    )  # fmt: skip
    taken = line(base, "baseline") + line(base, "deduction_baseline")
    assert -taken == approx(62.25)
    assert line(base, "net") == approx(100.0 - 62.25)


def test_v04_and_v05_sampling():
    assert 100 * precision.half_width(45.328, 12.776, 34) == approx(8.18, abs=5e-3)
    assert student_t(0.90, 33) == approx(1.6924, abs=5e-5)
    rounded = 1.692 / student_t(0.90, 33)  # the published table's t
    assert 100 * rounded * precision.half_width(45.328, 12.776, 34) == approx(8.1788, abs=5e-5)


@pytest.mark.parametrize(("agb", "expected"), [(50, 0.2526), (100, 0.2399), (150, 0.2327)])
def test_v06_stand_root_shoot(agb, expected):
    assert cdm.stand_root_shoot(agb) == approx(expected, abs=5e-5)


def test_v07_gold_standard_excess():
    """100 with 23 % at 90 %: 97 (published); the buffer comes after it."""
    claim = amounts(50.0, co2e_t=100.0, half_width_percent=23.0)
    result = rc.credit(claim, "gs-403")
    assert line(result, "net_before_buffer") == approx(97.0)
    assert line(result, "buffer") == approx(-0.2 * 97.0)


def test_v08_and_v09_verra_uncertainty():
    assert verra.uncertainty(10, 30, 300, t=1.6973) == approx(0.07891, abs=5e-6)
    assert verra.uncertainty(10, 30, 300, t=1.6973, correlation=0.5) == approx(0.04969, abs=5e-6)
    half = 1.6973 * math.hypot(10, 30) / 3.0
    claim = amounts(100.0, co2e_t=300.0, half_width_percent=half)
    result = rc.credit(claim, "vm0047-area")
    assert line(result, "deduction_uncertainty") == approx(-300.0 * 0.07891, abs=2e-3)


def test_v10_fertiliser_by_the_programmes_factors():
    known = site(nitrogen_synthetic_kg=100.0)
    for programme in ("vm0047-area", "iso-14064-2"):
        result = rc.credit(amounts(1.0, co2e_t=1.0), programme, site=known)
        assert 1000 * line(result, "emissions_fertiliser") == approx(-572.173, abs=1e-3)


def test_v11_fertiliser_of_wet_climates():
    kg = gases.nitrous_oxide(
        100.0, direct=0.016, volatilised=0.11, from_volatilised=0.014, leached=0.24,
        from_leached=0.011, gwp=gwp_set("AR6").n2o,
    )  # fmt: skip
    assert kg == approx(865.722, abs=1e-3)


def test_v12_gold_standard_fertiliser():
    result = rc.credit(amounts(1.0, co2e_t=1.0), "gs-403", site=site(nitrogen_synthetic_kg=100.0))
    assert 1000 * line(result, "emissions_fertiliser") == approx(-500.0)


def test_v13_fire():
    known = site(burned_area_ha=2.0, burned_biomass_t_ha=10.0)
    for programme in ("cdm-ar-ams0007", "vm0047-area", "iso-14064-2"):
        result = rc.credit(amounts(1.0, co2e_t=1.0), programme, site=known)
        assert line(result, "emissions_burning") == approx(-4.868, abs=5e-4)


def test_v14_and_v15_longevity():
    assert verra.longevity(40, legal=False) == approx(17.0)
    assert verra.longevity(40, legal=True) == approx(15.0)
    with pytest.raises(rc.RubbercarbonError, match="at least 40"):
        verra.longevity(39, legal=True)


def test_v16_sum_of_estimates():
    assert 100 * precision.combined([100, 50], [0.10, 0.20]) == approx(9.4281, abs=5e-5)


def test_v17_and_v18_soil():
    yearly = cdm.soil_change(38.0, 0.83, 1.01)
    assert yearly == approx(0.342)
    assert yearly * 44 / 12 * 0.16 == approx(0.2006, abs=5e-5)


def test_v20_tver_forest_types():
    """The equations of T-VER's tree tool are records of their own (see test_published)."""
    found = [
        float(al.evaluate(name, dbh=[30.0], height=[20.0])[0])
        for name in (
            "ogawa_1965_rain_forest", "ogawa_1965_mixed_deciduous", "tsutsumi_1983_dry_evergreen"
        )
    ]  # fmt: skip
    assert found == approx([521.5, 465.5, 552.4], abs=0.05)


def test_every_check_value_has_a_test():
    """The list of check values holds no programme's value that is not tested above."""
    with data("evidence", "credit_check_values.csv").open(encoding="utf-8") as stream:
        ids = {row.split(",")[0].split("_")[0] for row in stream.read().splitlines()[1:]}
    names = " ".join(name for name in globals() if name.startswith("test_v"))
    assert [i for i in sorted(ids) if i.startswith("V") and i.lower() not in names] == []


def test_figures_of_the_tree_count_option():
    from rubbercarbon.crediting.t_ver_s_meth_13_01 import count_option

    assert count_option(76, 1, 30, 1000) == approx(0.722)
    with pytest.raises(rc.RubbercarbonError, match="30 rai"):
        count_option(76, 1, 31, 1000)
    assert get_profile("t-ver-s-meth-13-01").figure("count_option_kg_yr") == 9.5
