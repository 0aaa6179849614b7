"""Scenarios: growth, pools, pairs, against science's check figures and a plain twin."""

import math

import numpy as np
import pandas as pd
import pytest
from effort import first
from made_scenarios import HEAD, RUBBER, companion, scenario
from naive_stands import Plant
from naive_stands import project as naive_project
from scipy import stats

import allometry as al
import rubbercarbon as rc
from allometry.growth import growth_curves, predict_growth
from rubbercarbon.comparison import break_even_year
from rubbercarbon.deviates import Deviates, Drawn, key
from rubbercarbon.outcome import FLUXES
from rubbercarbon.parameters import Z_90, default_parameters
from rubbercarbon.scenarios.interface import Component, library, parse_scenario, read_scenario


def stand(scenario, **options):
    runs = rc.project([scenario], **{"draws": 0, "years": 30, **options})
    return next(iter(runs.runs.values()))


HYTONEN = 'equation = "hytonen_2018"'
NO_LOSS = "mortality_percent = 0"


# --- growth ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in growth_curves() if name != "none"])
def test_curves_return_their_check_values_and_never_shrink(name):
    record = growth_curves()[name]
    assert record.checks
    ages, values = np.array(record.checks).T
    np.testing.assert_allclose(predict_growth(name, age=ages), values, rtol=0.005)
    assert np.all(np.diff(predict_growth(name, age=np.linspace(0, 100, 401))) >= 0)


def test_the_kernel_grows_as_the_curves_do():
    from allometry.kernels.stands import grow

    records = list(growth_curves().values())
    n, years = len(records), 40
    age = np.tile(np.arange(-1, years), (n, 1)).astype(np.int64)
    age[:, 1:] = np.arange(1, years + 1)
    planted = np.zeros((n, years + 1))
    planted[:, 0] = 1.0
    dbh, before, after = (np.empty((n, years + 1, 1)) for _ in range(3))
    traits = np.zeros((n, 5))
    traits[:, 0] = [record.code for record in records]
    grow(
        traits, np.array([1.6, 5.0, 7.0, 50.0, 20.0]), np.array([100.0]), age, planted,
        np.zeros_like(planted), np.zeros((n, 4)),
        np.array([record.parameters for record in records])[:, :, None], np.zeros((n, 1)),
        np.zeros((n, years + 1)), np.zeros((n, 1)), np.array([[1.0, 1.0, 1.0, 0.0, 0.0]]),
        np.zeros((n, 3)), 100.0, dbh, before, after,
    )  # fmt: skip
    for i, record in enumerate(records):
        expected = predict_growth(record, age=np.arange(1.0, years + 1))
        np.testing.assert_allclose(dbh[i, 1:, 0], expected, rtol=1e-12)


@pytest.mark.jit
def test_joint_coefficients_are_drawn_with_their_covariance():
    from rubbercarbon.growth import _parameters, parts_of

    part = parts_of(scenario(extra=companion(species="Tectona grandis")))[1]
    drawn = _parameters(part, Drawn(count=40_000, seed=3))
    logs = np.log(drawn[1:3])
    np.testing.assert_allclose(np.cov(logs), part.curve.covariance, rtol=0.04)
    assert np.corrcoef(logs)[0, 1] == pytest.approx(-0.899, abs=0.01)


@pytest.mark.jit
def test_site_quality_of_two_species_is_correlated_by_half():
    from rubbercarbon.growth import Figures, _deviation, parts_of

    one = scenario(extra=companion())
    parts = parts_of(one)
    figures = Figures(one, Drawn(count=40_000, seed=5))
    g = np.array([_deviation(part, one, figures) for part in parts])
    assert g[0].std() == pytest.approx(math.hypot(0.05, 0.06, 0.06), rel=0.02)
    assert g[1].std() == pytest.approx(0.28, rel=0.02)
    site = 72.0 / 97.0  # of either variance
    assert np.corrcoef(g)[0, 1] == pytest.approx(0.5 * site, abs=0.02)


def test_a_measured_stand_starts_as_it_was_measured_and_grows_as_its_curve():
    more = f"start_age = 10\ntrees_measured = 76\n{NO_LOSS}\n{HYTONEN}\nmeasured = "
    more += "[{dbh_cm = 18.0, stems_per_ha = 300}, {dbh_cm = 21.0, stems_per_ha = 150}]"
    run = stand(scenario(more=more))
    agb = al.evaluate("hytonen_2018", dbh=[18.0, 21.0]) @ np.array([300, 150]) / 1000.0
    assert run.point.stock("agb")[0, 0] == pytest.approx(0.47 * agb, rel=1e-12)
    d = run.point.grown.dbh[0, :16, 0]
    base = predict_growth("rayong_rrim600_weibull", age=10.0 + np.arange(16))
    shrunk = np.log(d[1:] / 18.0) - np.log(base[1:] / base[0])
    assert np.ptp(shrunk[5:]) < 1e-12  # parallel to the curve once it grows
    logs = np.log(np.array([18.0, 21.0]) / base[0])
    mean, spread = np.average(logs, weights=[300, 150]), 0.0
    spread = np.average((logs - mean) ** 2, weights=[300, 150])
    prior = 0.05**2 + 2 * 0.06**2
    weight = prior / (prior + spread / 76 + 0.005**2)
    crowd = math.log(450.0 / 475.0) * -0.2
    assert shrunk[-1] == pytest.approx((weight - 1.0) * mean + crowd, abs=1e-9)
    assert run.point.grown.before[:, 16, 0].sum() == pytest.approx(475)  # replanted at 15


def test_untapped_rubber_grows_faster_after_the_seventh_year_only():
    tapped, free = (stand(scenario(more=f"tapped = {word}")) for word in ("true", "false"))
    ratio = (free.point.grown.dbh[0, 1:26] / tapped.point.grown.dbh[0, 1:26])[:, 0]
    np.testing.assert_array_equal(ratio[:7], 1.0)
    assert np.all(np.diff(ratio[7:9]) > 0)
    clock = predict_growth("rayong_rrim600_weibull", age=7 + 3 / (1 - 0.39))
    assert free.point.grown.dbh[0, 10, 0] == pytest.approx(clock, rel=1e-12)
    assert free.point.latex.sum() == 0


# --- science's check figures ----------------------------------------------------------------------


def test_rayong_by_hytonen_without_mortality():
    run = stand(scenario(more=f"{HYTONEN}\n{NO_LOSS}\nextrapolate = true", rotation=40), years=40)
    agb = run.point.stock("agb")[:, 0] / 0.47
    assert agb[6] == pytest.approx(26.5, abs=0.05)
    assert agb[34] == pytest.approx(169.1, abs=0.05)
    total = run.point.stock("biomass")[:, 0] / 0.47
    np.testing.assert_allclose(total[[20, 25, 30]], [167, 186, 195], atol=0.6)


@pytest.mark.parametrize(
    ("rotation", "more", "agb", "total"),
    [(25, HYTONEN, 36.0, 42.5), (25, f"{HYTONEN}\n{NO_LOSS}", 39.2, 46.3),
     (27, HYTONEN, 38.2, None), (27, f"{HYTONEN}\n{NO_LOSS}", 41.8, None),
     (30, HYTONEN, 41.1, 48.4)],
)  # fmt: skip
def test_time_averages_of_a_rotation(rotation, more, agb, total):
    run = stand(scenario(rotation=rotation, more=more), years=60)
    assert run.point.average("agb", rotation)[0] == pytest.approx(agb, abs=0.051)
    if total:
        assert run.point.average("biomass", rotation)[0] == pytest.approx(total, abs=0.051)
    # a second, identical rotation leaves the mean unchanged
    assert run.point.average("agb", 2 * rotation)[0] == pytest.approx(
        run.point.average("agb", rotation)[0], rel=1e-12
    )
    if rotation == 27:
        assert run.point.average("agb", 27)[0] == pytest.approx(40.1, rel=0.15)  # IPCC 2019


@pytest.mark.jit
def test_twenty_one_years_and_the_band_of_growth():
    default = stand(scenario(more=HYTONEN))
    agb = default.point.stock("agb")[21, 0] / 0.47
    total = default.point.stock("biomass")[21, 0] / 0.47
    assert (agb, total) == (pytest.approx(131.5, abs=0.3), pytest.approx(154.6, abs=0.3))
    assert total == pytest.approx(139, rel=0.25)  # a Hat Yai stand
    settings = rc.Settings(errors=rc.ErrorBudget.none())
    runs = rc.project([scenario(more=HYTONEN)], years=25, draws=4000, settings=settings)
    drawn = runs.runs["s"].draws.stock("biomass")[21] / 0.47
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert low > 90
    assert high < 260


def test_two_rotations_end_without_living_biomass():
    run = stand(read_scenario("monoculture"), years=50)
    assert run.point.stock("biomass")[50, 0] == 0
    assert run.point.stock("biomass", before=True)[50, 0] > 60


@pytest.mark.slow
def test_companions_without_stems_give_the_monoculture_bit_for_bit():
    alone = rc.project([scenario("s")], years=50, draws=15).runs["s"]
    with_none = rc.project(
        [scenario("s", extra=companion(stems_per_ha=0))], years=50, draws=15
    ).runs["s"]
    np.testing.assert_array_equal(alone.point.pools, with_none.point.pools)
    np.testing.assert_array_equal(alone.draws.pools, with_none.draws.pools)


def test_unshaded_companions_match_hat_yai_and_shaded_ones_cannot():
    """Science §4: 85-134 unshaded stems/rai at 1 cm/yr to reach 281 t/ha; shaded stay at 6-7 cm."""

    def total(stems, light):
        extra = companion(stems_per_rai=stems, light=light, growth='"smallholder_tree"')
        extra = extra.replace("stems_per_ha = 100\n", "") + "mortality_percent = 0\n"
        run = stand(scenario(more=HYTONEN, extra=extra))
        return run.point.stock("biomass")[21, 0] / 0.47, run.point.grown.dbh[1, 21, 0]

    assert total(60, '"open"')[0] < 281 < total(150, '"open"')[0]
    mass, dbh = total(38, '"under_rubber"')
    assert 6.0 < dbh < 7.5
    assert mass < 1.2 * 154.6


# --- conservation and order -----------------------------------------------------------------------

INTO_POOLS = ("uptake", "litterfall", "soil_gain")
SIGNS = np.array([1.0 if name in INTO_POOLS else -1.0 for name in FLUXES])[:, None, None]


@pytest.mark.parametrize("name", first(library(), 4))
def test_mass_is_conserved_and_no_pool_is_negative(name):
    run = rc.project([name], years=60, draws=12).runs[name]
    for outcome in (run.point, run.draws):
        change = np.diff(outcome.stock("total"), axis=0)
        np.testing.assert_allclose(
            change, (SIGNS * outcome.fluxes).sum(axis=0)[1:], rtol=0, atol=1e-9
        )
        assert outcome.pools.min() >= 0
        assert outcome.standing.min() >= 0
        assert np.all(np.isfinite(outcome.emitted))
        grown = outcome.grown
        for k in range(len(run.parts)):
            runs_on = (run.calendar.age[k, 1:] > run.calendar.age[k, :-1]) & (
                run.calendar.age[k, :-1] >= 1
            )
            assert np.all(np.diff(grown.dbh[k], axis=0)[runs_on] >= 0)  # D(t) is monotone


@pytest.mark.jit
def test_a_scenario_against_itself_differs_by_nothing():
    twin = read_scenario("agroforestry_timber").model_copy(update={"id": "twin"})
    runs = rc.project(["agroforestry_timber", twin], years=40, draws=100)
    result = rc.compare_scenarios(runs)
    pair = result.pairs["twin"]
    for pool in ("biomass", "total"):
        assert not pair.difference((pair.run.draws, pair.base.draws), pool).any()
    assert result.difference["difference_t_c_ha_sd"].abs().max() == 0


@pytest.mark.jit
def test_order_of_scenarios_and_longer_horizons_change_no_bit():
    names = ["monoculture", "agroforestry_timber", "mixed_garden"]
    one = rc.project(names, years=30, draws=60, seed=9)
    two = rc.project(names[::-1], years=45, draws=60, seed=9)
    for name in names:
        for a, b in ((one.runs[name].draws, two.runs[name].draws),
                     (one.runs[name].point, two.runs[name].point)):  # fmt: skip
            np.testing.assert_array_equal(a.pools[:, :31], b.pools[:, :31])
    other = rc.project(names[:1], years=30, draws=60, seed=10).runs["monoculture"].draws
    assert not np.array_equal(other.pools, one.runs["monoculture"].draws.pools)


@pytest.mark.parametrize("stems", [300, 475, 700])
def test_more_trees_of_equal_size_hold_more(stems):
    quiet = '[parameters.crowding]\nvalue = 0\ncitation = "test"\n'
    fewer, more = (
        stand(scenario(stems=n, extra=quiet)).point.stock("biomass")[20, 0]
        for n in (stems, stems + 50)
    )
    assert more == pytest.approx(fewer * (stems + 50) / stems, rel=1e-12)


def test_zero_growth_keeps_a_measured_stand_as_it_is():
    still = ('growth = {form = "capped", response = "dbh", coefficients = {k = 0.0, a = 20.0}, '
             'age = [0, 200], error = {sd = 0.1}, citation = "test", grade = "A"}')  # fmt: skip
    more = f"start_age = 10\nmeasured = [{{dbh_cm = 18.0, stems_per_ha = 400}}]\n{NO_LOSS}\n{still}"
    run = stand(scenario(more=more, rotation=100))
    stock = run.point.stock("biomass")[:31, 0]
    np.testing.assert_allclose(stock, stock[0], rtol=1e-12)
    assert stock[0] > 0


# --- twin -----------------------------------------------------------------------------------------

PLANTS = [
    Plant("rubber", "rayong_rrim600_weibull", 475, 25, "mortality_rubber", rubber=True,
          equation="hevea_ensemble", roots="hytonen_2018_stump_root", density=0.501,
          height="harja_2012_rubber"),
    Plant("tree", "yang_na", 100, 25, "mortality_dipterocarp", equation="chave_2014_eq4",
          roots="rsr_tropical_asia", density=0.592, height="harja_2012_pooled"),
]  # fmt: skip


def test_the_point_is_that_of_the_plain_twin():
    run = stand(scenario(extra=companion()), years=60)
    twin = naive_project(PLANTS, 60)
    out = run.point
    for pool, column in (("biomass", 0), ("deadwood", 2), ("dead_roots", 3), ("products", 4),
                         ("litter", 5)):  # fmt: skip
        np.testing.assert_allclose(
            out.stock(pool)[:, 0], twin[:, column], rtol=2e-4, atol=1e-9, err_msg=pool
        )
    np.testing.assert_allclose(out.stock("biomass", before=True)[:, 0], twin[:, 1], rtol=2e-4)


NAMES = ("shade_open", "shade_partial", "shade_closed", "crowding", "mortality_rubber",
         "mortality_dipterocarp", "deadwood_decay", "root_decay", "sawn_recovery")  # fmt: skip


@pytest.mark.jit
def test_paired_difference_is_that_of_a_brute_force_twin_and_no_difference_of_intervals():
    """Growth and figures only; the twin draws its own normals (900 of them)."""
    settings = rc.Settings(errors=rc.ErrorBudget.none())
    pair = [scenario("mono"), scenario("agro", extra=companion())]
    runs = rc.project(pair, years=25, draws=8000, settings=settings)
    mono, agro = (runs.runs[name].draws.stock("biomass", before=True) for name in ("mono", "agro"))
    ours = (agro - mono)[24]
    rng = np.random.default_rng(11)
    theirs = []
    shifts = {p.component.name: s for p, s in zip(runs.runs["agro"].parts,
                                                  runs.runs["agro"].shift, strict=True)}  # fmt: skip
    alone = {"rubber": runs.runs["mono"].shift[0]}
    for _ in range(900):
        z = dict(zip(NAMES, rng.standard_normal(len(NAMES)), strict=True))
        site = rng.standard_normal(6)
        share = 0.28 / math.sqrt(97.0)
        deviation = {
            "rubber": 0.05 * rng.standard_normal()
            + 0.06 * math.sqrt(0.5) * (site[0] + site[1] + site[2] + site[3]),
            "tree": share * (5.0 * rng.standard_normal()
                             + 6.0 * math.sqrt(0.5) * (site[0] + site[4] + site[2] + site[5])),
        }  # fmt: skip
        both = [
            naive_project(plants, 24, z=z, deviation=deviation, shift=shift)[24, 1]
            for plants, shift in ((PLANTS, shifts), (PLANTS[:1], alone))
        ]
        theirs.append(both[0] - both[1])
    se = np.std(theirs) / math.sqrt(len(theirs))
    assert ours.mean() == pytest.approx(np.mean(theirs), abs=4.5 * se)
    low, high = (math.sqrt(899 / stats.chi2.ppf(q, 899)) for q in (1 - 5e-6, 5e-6))
    assert low < ours.std() / np.std(theirs) < high * 1.1
    apart = math.hypot(mono[24].std(), agro[24].std())
    assert ours.std() < 0.25 * apart


@pytest.mark.jit
def test_draws_average_to_the_point_where_every_error_is_centred():
    """Mortality, shade and crowding have lopsided ranges: they are fixed here."""
    fixed = "".join(
        f'[parameters.{name}]\nvalue = {default_parameters()[name].value}\ncitation = "test"\n'
        for name in NAMES
    )
    run = rc.project([scenario(extra=fixed)], years=25, draws=20_000).runs["s"]
    drawn, point = run.draws.stock("biomass", before=True), run.point.stock("biomass", before=True)
    se = drawn.std(axis=1) / math.sqrt(20_000)
    gap = np.abs(drawn.mean(axis=1) - point[:, 0])[3:25]
    assert np.all(gap < 4.5 * se[3:25] + 0.004 * point[3:25, 0])


# --- comparison -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared():
    runs = rc.project(["monoculture", "agroforestry_timber"], years=40, draws=40)
    return rc.compare_scenarios(runs)


@pytest.mark.jit
def test_the_probability_is_withheld_while_switches_decide_the_sign(compared):
    row = compared.summary.iloc[1]
    assert row["p_greater_status"] == "withheld"
    assert math.isnan(row["p_greater"])
    assert row["difference_lowest_switch_t_c_ha"] < 0 < row["difference_highest_switch_t_c_ha"]
    assert row["p_greater_lowest_switch"] < row["p_greater_highest_switch"]
    assert len(compared.switches) == 4
    # 38 timber trees per rai must not double the carbon
    assert row["biomass_average_t_c_ha"] < 1.3 * compared.summary.iloc[0]["biomass_average_t_c_ha"]


@pytest.mark.jit
def test_a_probability_is_given_where_they_do_not():
    runs = rc.project(
        [scenario("few", stems=300), scenario("many", stems=475)], years=25, draws=100
    )
    row = rc.compare_scenarios(runs).summary.iloc[1]
    assert row["p_greater_status"] == "given"
    assert row["p_greater"] > 0.95
    assert row["break_even_year"] == 1


@pytest.mark.jit
def test_drivers_add_up_to_the_difference(compared):
    drivers = compared.drivers.groupby("scenario")["difference_t_c_ha"].sum()
    row = compared.summary.iloc[1]
    herb = compared.pairs["agroforestry_timber"]
    herb = herb.average_difference(herb.point, "herb")[0]
    assert drivers["agroforestry_timber"] + herb == pytest.approx(
        row["total_average_difference_t_c_ha"], abs=1e-9
    )


@pytest.mark.jit
def test_sensitivity_ends_are_the_scenario_with_that_figure(compared):
    table = compared.sensitivity.set_index("assumption")
    figure = default_parameters()["crowding"]
    text = f'[parameters.crowding]\nvalue = {figure.high}\ncitation = "test"\n'
    base = read_scenario("agroforestry_timber")
    own = parse_scenario(
        HEAD.format(id="x") + RUBBER.format(stems=475, rotation=25, more="") + text, "x"
    )
    changed = [
        one.model_copy(update={"parameters": own.parameters})
        for one in (read_scenario("monoculture"), base)
    ]
    runs = rc.project(changed, years=40, draws=0)
    row = rc.compare_scenarios(runs).summary.iloc[1]
    assert table.loc["crowding", "at_high_t_c_ha"] == pytest.approx(
        row["biomass_average_difference_t_c_ha"], rel=1e-9
    )
    assert table.index[0] == "crowding"


def test_break_even_is_the_year_from_which_the_mean_difference_stays_above():
    difference = np.array([[0.0, 0, 0], [-1, 1, -1], [2, 1, -1], [1, -5, 3], [0, 1, 3]])
    np.testing.assert_array_equal(break_even_year(difference), [2.0, np.nan, 3.0])


@pytest.mark.slow
def test_time_average_of_two_cycle_lengths_is_that_of_their_common_period():
    run = stand(scenario(rotation=20, extra=companion(rotation_years=30)))
    assert (run.period, run.length) == (60, 60)
    long = stand(scenario(rotation=23, extra=companion(rotation_years=29)))
    assert long.period == 200
    assert stand(read_scenario("jungle_rubber")).period is None


def test_alarms_are_raised_on_the_point():
    runs = rc.project([scenario(stems=2500)], years=30, draws=0)
    codes = set(runs.problems["code"])
    assert {"alarm_monoculture", "alarm_gain"} <= codes
    crowd = companion(
        stems_per_ha=900, light='"open"', mortality_percent=0, rotation_years=40,
        growth='"smallholder_tree"',
    )  # fmt: skip
    assert "alarm_agroforest" in set(
        rc.project([scenario(stems=700, extra=crowd)], years=40, draws=0).problems["code"]
    )
    assert rc.project(["monoculture"], draws=0).problems.empty


def test_what_is_unknown_is_said():
    runs = rc.project(["mixed_garden"], years=30, draws=0)
    assert runs.status == "SCREENING_ESTIMATE"
    assert "component_unknown" in set(runs.problems["code"])
    salak = runs.stands.query("component == 'salak' and year == 20")
    assert salak["agb_t_ha"].isna().all()
    grades = set(runs.assumptions["grade"])
    assert "C" in grades
    assert (runs.assumptions["topic"] == "not estimated").sum() == 1
    assert rc.project(["monoculture"], draws=0).status == "PROJECT_ESTIMATE"


# --- emissions ------------------------------------------------------------------------------------


def test_a_hundred_kg_of_nitrogen_and_burnt_residue():
    """AR5: 100 kg synthetic N -> 572.2 kg CO2e with EF1 0.01, EF4 0.010; 2 ha x 10 t/ha -> 4.868."""
    from rubbercarbon import emissions
    from rubbercarbon.growth import Figures

    own = "".join(
        f'[parameters.{name}]\nvalue = {value}\ncitation = "IPCC 2019"\n'
        for name, value in (("n2o_direct", 0.01), ("n2o_volatilised", 0.01))
    )
    figures = Figures(scenario(extra=own), Deviates())
    assert emissions.fertiliser(np.array([100.0]), figures)[0, 0] == pytest.approx(0.5722, abs=5e-5)
    carbon = np.array([[10.0 * 0.47]])
    assert 2 * emissions.burning(carbon, 0.47, figures)[0, 0] == pytest.approx(4.868, abs=5e-4)


def test_burning_sends_residue_to_the_air_and_its_gases_to_the_emissions():
    quiet, fire = (stand(scenario(extra=f"[emissions]\nburn_residue = {word}\n"), years=30)
                   for word in ("false", "true"))  # fmt: skip
    burnt = FLUXES.index("burnt")
    assert quiet.point.fluxes[burnt].sum() == 0
    assert fire.point.fluxes[burnt, 25, 0] == pytest.approx(
        0.25 * fire.point.stock("agb", before=True)[25, 0], rel=1e-12
    )
    assert fire.point.emitted[2, 25, 0] > 0
    assert fire.point.stock("deadwood")[25, 0] < quiet.point.stock("deadwood")[25, 0]


def test_latex_is_an_export_and_not_taken_from_the_trees():
    run = stand(read_scenario("monoculture"), years=25)
    latex = run.point.latex[:, 0]
    assert latex[:8].sum() == 0
    assert latex[8] == pytest.approx(1528.7 * 0.82)
    assert latex[13] == latex.max()


# --- thinning, clones, effects --------------------------------------------------------------------


def test_a_thinning_takes_its_share_and_lets_the_rest_grow():
    event = '\n[[event]]\nyear = 10\nkind = "thinning"\ncomponent = "rubber"\nstems_per_ha = 95\n'
    thinned, full = stand(scenario(extra=event, more=NO_LOSS)), stand(scenario(more=NO_LOSS))
    after = thinned.point.grown.after[0, :, 0]
    assert after[9] == pytest.approx(475)
    assert after[10] == pytest.approx(380)
    d = thinned.point.grown.dbh[0, 1:, 0] / full.point.grown.dbh[0, 1:, 0]
    assert d[9] == 1
    assert d[14] == pytest.approx((380 / 475) ** -0.2, rel=1e-12)


def test_replanting_and_felling_events_end_a_cohort():
    fell, plant = (
        stand(
            scenario(extra=f'\n[[event]]\nyear = 12\nkind = "{kind}"\ncomponent = "rubber"\n'),
            years=24,
        )
        for kind in ("felling", "replanting")
    )
    assert fell.point.stock("biomass")[12:, 0].max() == 0
    assert plant.point.stock("biomass")[12, 0] == 0
    assert plant.calendar.age[0, 20] == 8


def test_declared_effects_and_clones_move_diameters_by_what_they_say():
    effect = ('\n[[effect]]\ncomponent = "rubber"\non = "dbh"\npercent = -15\nlow = -30\nhigh = 0\n'
              'source = "assumption"\n')  # fmt: skip
    base = stand(scenario()).point.grown.dbh[0, 20, 0]
    assert stand(scenario(extra=effect)).point.grown.dbh[0, 20, 0] == pytest.approx(0.85 * base)
    bpm = scenario(more="").model_copy(
        update={"component": (scenario().component[0].model_copy(update={"clone": "BPM 1"}),)}
    )
    assert stand(bpm).point.grown.dbh[0, 20, 0] == pytest.approx(1.34 * base)


# --- starting from an inventory -------------------------------------------------------------------


def test_scenarios_start_from_an_inventory():
    from rubbercarbon.scenarios.measured import start_from_inventory

    rng = np.random.default_rng(1)
    trees = pd.DataFrame({
        "plot_id": "P1", "tree_id": [str(i) for i in range(76)], "species": "ยางพารา",
        "dbh_cm": rng.normal(19.0, 2.0, 76).round(1),
    })  # fmt: skip
    inventory = rc.read_inventory(trees, plots=pd.DataFrame({"plot_id": ["P1"], "area_rai": [1.0]}))
    settings = rc.Settings(equations={"Hevea brasiliensis": "hytonen_2018"})
    stock = rc.estimate_stocks(inventory, settings).plots["agb_t_ha"].iloc[0]
    started = start_from_inventory([scenario(more=HYTONEN)], inventory, 12)
    run = stand(started[0])
    assert run.point.grown.before[:, 0, 0].sum() == pytest.approx(475)
    assert run.point.stock("agb")[0, 0] / 0.47 == pytest.approx(stock, rel=0.005)  # 2 cm classes
    assert run.point.grown.before[:, 13, 0].sum() < 475  # felled at 25, 13 years on
    assert run.point.stock("agb")[13, 0] == 0
    with pytest.raises(rc.RubbercarbonError, match="area of every plot"):
        start_from_inventory([scenario()], rc.read_inventory(trees), 12)


def test_keys_of_deviates_are_stable():
    assert key("parameter", "crowding") == key("parameter", "crowding")
    assert key("parameter", "crowding") != key("parameter", "shade_open")
    drawn = Drawn(count=10, seed=4)
    first = drawn.get("a", "b", "words")
    np.testing.assert_array_equal(first, Drawn(count=10, seed=4).get("a", "b", "other words"))
    assert Component.model_fields["stems_per_ha"].annotation
    assert pytest.approx(stats.norm.ppf(0.95), rel=1e-12) == Z_90
