"""What a stranger's trial of the scenarios found; each was wrong once."""

import numpy as np
import pandas as pd
import pytest
from made_scenarios import HEAD, RUBBER, companion, scenario

import rubbercarbon as rc
from rubbercarbon.scenario_console import sentences
from rubbercarbon.scenarios.interface import parse_scenario

CLASSES = "[{dbh_cm = 15.0, stems_per_ha = 200}, {dbh_cm = 20.0, stems_per_ha = 270}]"
TURNED = "[{dbh_cm = 20.0, stems_per_ha = 270}, {dbh_cm = 15.0, stems_per_ha = 200}]"


def started(classes):
    return scenario(more=f"start_age = 12\nmeasured = {classes}")


def inventory(**more):
    trees = pd.DataFrame({
        "plot_id": "P1", "tree_id": [str(i) for i in range(80)],
        "species": ["ยางพารา"] * 70 + ["Durio zibethinus"] * 10,
        "dbh_cm": np.linspace(14, 22, 80).round(1), **more,
    })  # fmt: skip
    return rc.read_inventory(trees, pd.DataFrame({"plot_id": ["P1"], "area_rai": [1.0]}))


def only(one, **options):
    return next(iter(rc.project([one], **{"draws": 0, "years": 60, **options}).runs.values()))


@pytest.mark.slow
def test_replanted_rubber_has_the_stand_s_site_not_the_size_of_its_first_class():
    small, large = only(started(CLASSES)), only(started(TURNED))
    np.testing.assert_allclose(small.point.pools, large.point.pools, rtol=1e-12)
    expected = only(scenario()).point.grown.dbh[0, 20, 0]
    again = small.point.grown.dbh[0, 13 + 20, 0]
    assert again == pytest.approx(expected, rel=0.08)


@pytest.mark.slow
def test_two_components_of_a_species_share_the_measured_trees():
    two = scenario(stems=240, extra=RUBBER.format(stems=235, rotation=25, more="").replace(
        'name = "rubber"', 'name = "other"'))  # fmt: skip
    run = only(rc.start_from_inventory([two], inventory(), 12)[0])
    assert run.point.grown.before[:, 0, 0].sum() == pytest.approx(70 * 6.25)


def test_years_of_the_design_move_by_the_age_of_what_was_measured():
    event = '\n[[event]]\nyear = 20\nkind = "thinning"\ncomponent = "tree"\npercent = 30\n'
    design = scenario(extra=companion(planting_year=15) + event)
    one = rc.start_from_inventory([design], inventory(), 12)[0]
    assert one.component[1].planting_year == 3
    assert one.event[0].year == 8
    early = rc.start_from_inventory([scenario(extra=companion())], inventory(), 12)[0]
    assert early.component[1].planting_year == 0
    with pytest.raises(rc.RubbercarbonError, match="1 to 100 years"):
        rc.start_from_inventory([design], inventory(), 300)


@pytest.mark.jit
def test_all_scenarios_are_averaged_over_the_same_years():
    runs = rc.project(["monoculture", "mixed_garden", "jungle_rubber"], years=60, draws=0)
    assert {run.window for run in runs.runs.values()} == {50}
    result = rc.compare_scenarios(runs)
    pair = result.pairs["mixed_garden"]
    yearly = pair.difference(pair.point, "total")[:51, 0]
    row = result.summary.set_index("scenario").loc["mixed_garden"]
    assert row["total_average_difference_t_c_ha"] == pytest.approx(yearly.mean(), abs=1.0)


def test_a_design_that_does_not_repeat_is_averaged_over_the_projection():
    bare = scenario("bare", more="replant = false")
    runs = rc.project(["monoculture", bare], years=60, draws=0)
    summary = rc.compare_scenarios(runs).summary.set_index("scenario")
    assert summary.loc["bare", "biomass_average_t_c_ha"] == pytest.approx(
        0.5 * summary.loc["monoculture", "biomass_average_t_c_ha"], rel=1e-9
    )


def test_replanting_after_a_felling_plants_again():
    events = "".join(
        f'\n[[event]]\nyear = {year}\nkind = "{kind}"\ncomponent = "rubber"\n'
        for year, kind in ((15, "felling"), (17, "replanting"))
    )
    run = only(scenario(extra=events))
    assert run.point.stock("biomass")[16, 0] == 0
    assert run.point.stock("biomass")[30, 0] > 20


def fault(extra, more=""):
    with pytest.raises(rc.RubbercarbonError) as caught:
        parse_scenario(
            HEAD.format(id="s") + RUBBER.format(stems=475, rotation=25, more=more) + extra, "s"
        )
    return str(caught.value)


def event(year, kind, **keys):
    rows = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'\n[[event]]\nyear = {year}\nkind = "{kind}"\ncomponent = "rubber"\n{rows}'


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (event(10, "felling") + event(15, "thinning", percent=20), "no 'rubber' stands to be cut"),
        (event(12, "thinning", percent=60) + event(12, "thinning", percent=60), "write them as one"),
        ('[parameters.sawn_recovery]\nvalue = 32\ncitation = "x"\n', "is outside 0 to 1"),
        ('[parameters.mortality_rubber]\nvalue = 5\ncitation = "x"\n', "is outside 0 to 1"),
        ('[parameters.product_half_life]\nvalue = 0\ncitation = "x"\n', "is outside 0.1"),
        ('\n[[effect]]\ncomponent = "tree"\non = "latex"\npercent = 1\nlow = 0\nhigh = 2\n'
         'source = "x"\n' + companion(), "'tree' gives no latex"),
    ],
)  # fmt: skip
def test_events_and_figures_that_cannot_be_are_refused(extra, words):
    assert words in fault(extra)


@pytest.mark.parametrize(
    ("growth", "words"),
    [('coefficients = {k = "fast", a = 60}, error = {sd = 0.1}', "is not a number"),
     ("coefficients = {k = 1.0, a = -22}, error = {sd = 0.1}", "must be positive"),
     ("coefficients = {k = 1.0, a = 22}, error = {sd = -0.2}", "is not a standard deviation"),
     ("coefficients = {k = 1.0, a = 22}, error = {sd = 0.2}, age = [1]", "is not [from, to]")],
)  # fmt: skip
def test_growth_of_one_s_own_is_checked(growth, words):
    age = "" if "age" in growth else ", age = [0, 99]"
    text = f'growth = {{form = "capped", citation = "x", grade = "A", {growth}{age}}}'
    assert words in fault("", more=text)


def test_clones_are_read_in_their_usual_spellings():
    odd = scenario()
    texts = [HEAD.format(id="s") + RUBBER.format(stems=475, rotation=25, more="").replace(
        "RRIM 600", clone) for clone in ("RRIM600", "rrim-600", "RRIM 999")]  # fmt: skip
    for text in texts[:2]:
        assert only(parse_scenario(text, "s")).parts[0].curve.id == only(odd).parts[0].curve.id
    with pytest.raises(rc.RubbercarbonError, match="clone 'RRIM 999' is not known"):
        parse_scenario(texts[2], "s")


def test_a_figure_that_one_scenario_changes_holds_for_all():
    own = '[parameters.mortality_rubber]\nvalue = 0.002\ncitation = "my counts"\ngrade = "A"\n'
    runs = rc.project([scenario("a"), scenario("b", extra=own)], years=25, draws=0)
    row = rc.compare_scenarios(runs).summary.iloc[1]
    assert row["biomass_average_difference_t_c_ha"] == 0
    used = runs.assumptions.query("assumption.str.startswith('mortality_rubber')")
    assert used["source"].tolist() == ["my counts"]
    assert used["unit"].tolist() == ["1/yr"]


@pytest.mark.jit
def test_no_difference_is_neither_more_nor_less():
    runs = rc.project(["monoculture", "agroforestry_gnetum"], years=25, draws=20)
    result = rc.compare_scenarios(runs)
    assert result.summary["p_greater_status"].iloc[1] == "no difference"
    assert "Gnetum gnemon is not known" in sentences(result, "agroforestry_gnetum", "en")[1]
    twin = rc.project([scenario("a"), scenario("b")], years=25, draws=20)
    assert "no difference" in sentences(rc.compare_scenarios(twin), "b", "en")[1]


def test_soil_changes_only_where_a_scenario_says_so():
    runs = rc.project([scenario(extra=companion())], years=25, draws=20).runs["s"]
    assert np.ptp(runs.draws.stock("soil")) == 0
    said = only(scenario(extra="[soil]\nchange_percent = 10\nreference_t_c_ha = 40\n"))
    assert said.point.stock("soil")[[0, 10, 20, 50], 0] == pytest.approx([40, 42, 44, 44])


def test_a_thinning_takes_the_stems_it_says_of_those_alive():
    run = only(scenario(extra=event(12, "thinning", stems_per_ha=100)))
    grown = run.point.grown
    assert (grown.before - grown.after)[0, 12, 0] == pytest.approx(100)
    stands = rc.project([scenario(extra=event(12, "thinning", stems_per_ha=100))], draws=0).stands
    row = stands.query("year == 12").iloc[0]
    assert row["stems_per_ha"] - row["stems_after_per_ha"] == pytest.approx(100)


def test_events_beyond_the_run_are_listed():
    runs = rc.project([scenario(extra=event(120, "thinning", percent=20))], years=30, draws=0)
    assert "event_beyond" in set(runs.problems["code"])


PRICES = 'date = "2026"\n[timber_per_m3."{name}"]\nvalue = 1500\nsource = "x"\n{more}'


def priced(tmp_path, name="ยางพารา", more=""):
    path = tmp_path / "p.toml"
    path.write_text(PRICES.format(name=name, more=more), encoding="utf-8")
    return rc.read_prices(path)


def test_prices_find_species_by_any_name_and_say_what_nothing_takes(tmp_path):
    cost = '[[cost]]\nname = "x"\nwhen = "yearly"\nthb_per_ha = 1\ncomponent = "nobody"\nsource = "x"\n'
    more = cost + '[products_per_kg.duriann]\nvalue = 1\nsource = "x"\n'
    runs = rc.project([scenario("a"), scenario("b")], years=25, draws=0)
    accounts = rc.compare_scenarios(runs, prices=priced(tmp_path, more=more)).accounts
    assert accounts.summary["npv_thb_ha"].gt(0).all()
    assert accounts.unused == ["product duriann", "cost x"]
    with pytest.raises(rc.RubbercarbonError, match="Did you mean Hevea brasiliensis"):
        priced(tmp_path, "Hevea brasilensis")
    with pytest.raises(rc.RubbercarbonError, match="give both 'low' and 'high'"):
        priced(tmp_path, more="low = 3\n")
    with pytest.raises(rc.RubbercarbonError, match="must hold"):
        priced(tmp_path, more="low = 3\nhigh = 4\n")


def test_costs_of_tapping_go_with_the_stems(tmp_path):
    more = '[[cost]]\nname = "tap"\nwhen = "tapping"\nthb_per_ha = 1000\nsource = "x"\n'
    runs = rc.project([scenario("a"), scenario("b", stems=380)], years=24, draws=0)
    flow = rc.compare_scenarios(runs, prices=priced(tmp_path, more=more)).accounts.cash_flow
    paid = flow[flow["item"] == "tap"].groupby("scenario")["thb_ha"].min()
    assert paid["a"] == -1000
    assert paid["b"] == pytest.approx(-800)
