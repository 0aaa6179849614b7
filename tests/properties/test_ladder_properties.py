"""Ladders of any claim: they add up, doubt never pays, a loss survives."""

import math

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import rubbercarbon as rc
from rubbercarbon.claims import amounts
from rubbercarbon.profiles import programmes
from rubbercarbon.sites import make_site

approx = pytest.approx

tonnes = st.floats(-1e5, 1e5, allow_nan=False)
percents = st.floats(0.0, 300.0)
some = st.one_of(st.none(), st.floats(0.0, 1e4))
projects = st.fixed_dictionaries({
    "nitrogen_synthetic_kg": some, "nitrogen_organic_kg": some, "diesel_l": some,
    "burned_area_ha": some, "burned_biomass_t_ha": some, "cleared_biomass_t": some,
    "displaced_tco2e": some, "reversed_tco2e": some, "issued_tco2e": some,
    "baseline_tco2e": st.one_of(st.none(), tonnes),
    "baseline_half_width_percent": st.one_of(st.none(), percents),
    "buffer_percent": st.one_of(st.none(), st.floats(0.0, 100.0)),
    "long_term_average_tco2e": st.one_of(st.none(), tonnes),
})  # fmt: skip
ALL = list(programmes())


def site(project):
    return make_site({
        "site": {"id": "S", "elevation_m": 100.0, "rainfall_mm_yr": 1800.0}, "project": project,
    })  # fmt: skip


def claim(agb, percent, area=100.0):
    return amounts(agb, co2e_t=2.1 * agb, half_width_percent=percent, area_ha=area, years=5.0)


@settings(max_examples=examples(60), deadline=None)
@given(agb=tonnes, percent=percents, project=projects, carried=st.floats(-1e4, 0.0))
def test_lines_add_up(agb, percent, project, carried):
    result = rc.credit(
        claim(agb, percent), ALL, site=site(project), previous=dict.fromkeys(ALL, carried)
    )
    for _, table in result.ladder.groupby("programme", sort=False):
        running, scale = 0.0, 1.0
        for kind, value in zip(table["kind"], table["value_t_co2e"], strict=True):
            if kind == "item":
                running += value
                scale += abs(value)
            else:
                assert value == approx(running, abs=1e-9 * scale)
    assert result.ladder["value_t_co2e"].map(math.isfinite).all()


@settings(max_examples=examples(60), deadline=None)
@given(agb=tonnes, one=percents, two=percents, project=projects)
def test_more_doubt_never_gives_more(agb, one, two, project):
    low, high = sorted((one, two))
    nets = [
        rc.credit(claim(agb, percent), ALL, site=site(project)).programmes["net_t_co2e"]
        for percent in (low, high)
    ]
    assert (nets[1] <= nets[0] + 1e-6).all()


@settings(max_examples=examples(40), deadline=None)
@given(first=tonnes, second=tonnes)
def test_a_loss_survives_to_the_next_period(first, second):
    one = rc.credit(claim(first, 0.0), ALL)
    two = rc.credit(claim(second, 0.0), ALL, previous=one)
    whole = rc.credit(claim(first + second, 0.0), ALL)
    undiscounted = [r.programmes["undiscounted_t_co2e"].astype(float) for r in (one, two, whole)]
    gained = undiscounted[0].clip(lower=0.0)  # a loss is not paid out: it is carried
    assert (gained + undiscounted[1]).to_numpy() == approx(undiscounted[2].to_numpy(), abs=1e-6)


@pytest.mark.parametrize("programme", ["iso-14064-2", "t-ver-s-meth-13-01"])
def test_two_halves_are_one_whole(programme):
    """Where the rule takes nothing off for uncertainty and no buffer, periods add up."""
    halves = [rc.credit(claim(agb, 12.0), programme) for agb in (40.0, 27.5)]
    whole = rc.credit(claim(67.5, 12.0), programme)
    nets = [float(r.programmes["net_t_co2e"].iloc[0]) for r in (*halves, whole)]
    assert nets[0] + nets[1] == approx(nets[2], rel=1e-12)


def test_a_fixed_case_of_each_step():
    """The share of the half-width at each step of the Premium table, both ends included."""
    for percent, share in ((10, 0.0), (10.01, 0.25), (15, 0.25), (20, 0.5), (30, 0.75), (31, 1.0)):
        result = rc.credit(claim(100.0, percent), "t-ver-p-meth-13-01")
        row = result.programmes.iloc[0]
        expected = -share * percent / 100.0 * row["gross_t_co2e"]
        assert row["deduction_t_co2e"] == approx(expected, abs=1e-9)
