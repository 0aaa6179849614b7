"""Claims from every source, their uncertainty, conditions, status; run folders and the command."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import rubbercarbon as rc
from rubbercarbon import cli, messages, precision, sampling
from rubbercarbon.cases import Case, gwp_set
from rubbercarbon.claim_sources import claim_of
from rubbercarbon.claims import amounts
from rubbercarbon.errors import SettingsError, SiteError
from rubbercarbon.profiles import POOLS, RULES, get_profile, make_profile, programmes
from rubbercarbon.sites import make_site
from rubbercarbon.verdict import STATUSES

approx = pytest.approx

PREMIUM, OWN, RUBBER = "t-ver-p-meth-13-01", "iso-14064-2", "t-ver-s-meth-13-06"
SITE = {"site": {"id": "S"}}


def inventory(dbh, *, selection="purposive", land=4.0, species="ยางพารา"):
    """Plots of one rai with as many trees each as sizes are given."""
    dbh = np.atleast_2d(dbh)
    trees = pd.DataFrame({
        "plot_id": np.repeat([f"P{k}" for k in range(len(dbh))], dbh.shape[1]),
        "tree_id": [str(i) for i in range(dbh.shape[1])] * len(dbh),
        "species": species, "dbh_cm": dbh.ravel(),
    })  # fmt: skip
    plots = pd.DataFrame({
        "plot_id": [f"P{k}" for k in range(len(dbh))], "area_rai": 1.0, "site_id": "S",
        "stratum": "s", "stratum_area_ha": land, "plot_selection": selection,
    })  # fmt: skip
    return rc.read_inventory(trees, plots=plots)


def censuses(selection="purposive", plots=4, grown=1.06):
    rng = np.random.default_rng(3)
    dbh = rng.normal(20.0, 3.0, (plots, 12)) * rng.normal(1.0, 0.1, (plots, 1))
    rates = rng.normal(grown, 0.01, (plots, 1))
    return inventory(dbh, selection=selection), inventory(dbh * rates, selection=selection)


@pytest.fixture(scope="module")
def change():
    return rc.compare_inventories(*censuses())


@pytest.fixture(scope="module")
def comparison():
    """One hectare of agroforestry against monoculture; rubber is felled in the last year."""
    runs = rc.project(["monoculture", "agroforestry_fruit"], years=25, draws=8)
    return rc.compare_scenarios(runs, baseline="monoculture")


def lines(result, programme=None):
    table = result.ladder
    if programme is not None:
        table = table[table["programme"] == programme]
    return table.set_index("line")["value_t_co2e"]


def test_a_change_becomes_lines(change):
    result = rc.credit(change, OWN, years=2.0)
    total = change.total.iloc[-1]
    found = lines(result)
    for name in ("growth", "ingrowth", "mortality"):
        assert found[name] == approx(total[f"co2e_t_{name}"], rel=1e-12)
    assert found["gross"] == approx(total["co2e_t_net"], rel=1e-12)
    row = result.programmes.iloc[0]
    half = 0.5 * (total["co2e_t_net_high"] - total["co2e_t_net_low"])
    assert row["u_full_percent"] == approx(100 * half / total["co2e_t_net"], rel=1e-9)
    assert row["net_t_co2e_rai_yr"] == approx(total["co2e_t_net"] / 25.0 / 2.0)


def test_a_programmes_own_factors_go_through_the_trees(change):
    found = lines(rc.credit(change, "t-ver-s-meth-13-01"))
    expected = change.total["agb_t_net"].iloc[-1] * 1.27 * 0.47 * 44 / 12
    assert found["gross"] == approx(expected, rel=1e-12)


@pytest.mark.slow
def test_trees_below_the_programmes_diameter_are_a_line():
    first = inventory([[4.0, 4.2, 20.0]])
    second = inventory([[4.4, 5.0, 21.0]])
    change = rc.compare_inventories(first, second)
    found = lines(rc.credit(change, "t-ver-s-meth-13-01"))
    worth = 1.27 * 0.47 * 44 / 12
    trees = change.trees.set_index("dbh_cm_2")
    counted = (
        trees["agb_t_2"][5.0] + trees["agb_t_2"][21.0] - trees["agb_t_1"][21.0]
    )  # 4.4 cm is below 4.5 at both dates; 5.0 cm has grown into it
    assert found["gross"] == approx(worth * counted, rel=1e-12)
    assert found["below_threshold"] > 0  # more left the small ones than they grew


@pytest.mark.slow
def test_palms_have_factors_of_their_own():
    first = inventory([[15.0, 16.0]], species=["Areca catechu", "ยางพารา"])
    second = inventory([[16.0, 17.0]], species=["Areca catechu", "ยางพารา"])
    trees = [i.trees.assign(height_m=[12.0, 15.0]) for i in (first, second)]
    plots = first.plots
    change = rc.compare_inventories(
        *(rc.read_inventory(t[["plot_id", "tree_id", "species", "dbh_cm", "height_m"]].assign(
            dbh_cm=d), plots=plots) for t, d in zip(trees, ([15.0, 16.0], [16.0, 17.0]), strict=True))
    )  # fmt: skip
    found = lines(rc.credit(change, "t-ver-s-meth-13-01"))
    trees = change.trees.set_index("species")
    grown = trees["agb_t_2"] - trees["agb_t_1"]
    expected = (
        grown["Areca catechu"] * 1.41 * 0.413 + grown["Hevea brasiliensis"] * 1.27 * 0.47
    ) * 44 / 12  # fmt: skip
    assert found["growth"] == approx(expected, rel=1e-12)


def test_sampling_error_of_permanent_plots_is_paired():
    change = rc.compare_inventories(*censuses("random", plots=6))
    result = rc.credit(change, PREMIUM, years=2.0)
    row, y = result.programmes.iloc[0], change.plots["agb_t_ha_net"].to_numpy()
    se = y.std(ddof=1) / math.sqrt(6) * math.sqrt(1 - 6 * 0.16 / 4.0)
    expected = sampling.student_t(0.90, 5) * se / y.mean()
    assert row["u_programme_percent"] == approx(100 * expected, rel=1e-9)
    assert row["drove"] == "programme"
    if row["u_programme_percent"] > 10:
        assert row["plots_to_next_step"] > 6


def test_a_census_has_no_sampling_error_and_purposive_plots_have_no_claim(change):
    census = rc.credit(rc.compare_inventories(*censuses("census")), PREMIUM)
    assert census.programmes["u_programme_percent"].iloc[0] == 0.0
    assert census.programmes["deduction_t_co2e"].iloc[0] == 0.0
    purposive = rc.credit(change, PREMIUM)
    row = purposive.programmes.iloc[0]
    assert row["u_programme_percent"] is None
    assert row["drove"] == "full"
    assert "full_uncertainty_used" in set(purposive.status_reasons["code"])


def test_a_stock_alone_is_a_statement():
    stocks = rc.estimate_stocks(censuses()[1])
    result = rc.credit(stocks, list(programmes()))
    assert set(result.programmes["status"]) == {"NOT_CALCULABLE"}
    assert result.programmes["net_t_co2e"].isna().all()
    assert set(result.ladder["line"]) == {"stock_now", "stock_statement"} | (
        {"below_threshold"} & set(result.ladder["line"])
    )
    assert result.programmes["stock_t_co2e"].iloc[2] == approx(stocks.total["co2e_t"].iloc[-1])


@pytest.mark.slow
def test_two_stocks_are_independent_and_say_so():
    before, after = (rc.estimate_stocks(one) for one in censuses())
    result = rc.credit(after, OWN, start=before, years=2.0)
    a, b = (s.total.iloc[-1] for s in (before, after))
    found = lines(result)
    assert found["gross"] == approx(b["co2e_t"] - a["co2e_t"], rel=1e-12)
    se = math.hypot(a["co2e_t_sd"], b["co2e_t_sd"])
    expected = precision.half_width_of(se) / abs(found["gross"])
    assert result.programmes["u_full_percent"].iloc[0] == approx(100 * expected, rel=1e-9)
    assert "independent_stocks" in set(result.status_reasons["code"])


def test_the_dossiers_start_stock_makes_a_difference():
    stocks = rc.estimate_stocks(censuses()[1])
    agb, value = (float(stocks.total[f"{n}_t"].iloc[-1]) for n in ("agb", "co2e"))
    site = make_site(SITE | {
        "start_stock": {"date": "2024-01-31", "agb_t": agb / 2, "half_width_percent": 12.0,
                        "source": "census of 2024"},
        "project": {"start": "2024-01-31", "end": "2026-01-31"},
    })  # fmt: skip
    result = rc.credit(stocks, OWN, site=site)
    assert lines(result)["gross"] == approx(value / 2, rel=1e-12)
    assert result.programmes["years"].iloc[0] == approx(2.0, abs=0.01)


def test_a_comparison_of_one_hectare_is_paired_and_a_screening_estimate(comparison):
    result = rc.credit(comparison, [OWN, "vm0047-area"])
    assert set(result.programmes["status"]) == {"SCREENING_ESTIMATE"}
    last = comparison.difference.query("pool == 'biomass' and year == 25").iloc[0]
    found = lines(result, OWN)
    expected = last["difference_t_c_ha"] * 44 / 12
    assert found["project_scenario"] + found["baseline"] == approx(expected, rel=1e-9)
    claim = result.claim
    assert claim.full_se_t == approx(last["difference_t_c_ha_sd"] * 44 / 12, rel=1e-9)
    assert claim.years == 25.0


def test_the_long_term_average_caps():
    site = make_site(SITE | {
        "project": {"long_term_average_tco2e": 150.0, "issued_tco2e": 90.0},
    })  # fmt: skip
    found = lines(rc.credit(amounts(50.0, co2e_t=100.0), "gs-403", site=site))
    assert found["cap_long_term_average"] == approx(-40.0)
    assert found["net_undiscounted"] == approx(60.0)
    none = lines(rc.credit(amounts(50.0, co2e_t=100.0), PREMIUM, site=site))
    assert "cap_long_term_average" not in none


def test_verra_stops_above_a_hundred_percent():
    found = lines(rc.credit(amounts(50.0, co2e_t=100.0, half_width_percent=101.0), "vm0047-area"))
    assert found["net_before_buffer"] == approx(0.0)


def test_dead_wood_and_litter_by_climate():
    place = {"id": "S", "elevation_m": 50.0, "rainfall_mm_yr": 2000.0}
    result = rc.credit(amounts(100.0), "cdm-ar-ams0007", site=make_site({"site": place}))
    found = lines(result)
    assert found["pool_deadwood"] == approx(0.06 * found["stock_change"])
    assert found["pool_litter"] == approx(0.01 * found["stock_change"])
    dry = make_site({"site": place | {"rainfall_mm_yr": 900.0}})
    assert lines(rc.credit(amounts(100.0), "cdm-ar-ams0007", site=dry))["pool_litter"] == approx(
        0.04 * found["stock_change"]
    )
    assert "pool_deadwood" not in lines(rc.credit(amounts(100.0), "cdm-ar-ams0007"))


def test_fires_count_above_their_share_only():
    burnt = {"burned_biomass_t_ha": 10.0}
    small, large = (
        make_site(SITE | {"project": burnt | {"burned_area_ha": area}}) for area in (5.0, 5.1)
    )
    claim = amounts(100.0, area_ha=100.0)
    programme = "t-ver-s-meth-13-01"
    assert lines(rc.credit(claim, programme, site=small))["emissions_burning"] == 0.0
    assert lines(rc.credit(claim, programme, site=large))["emissions_burning"] < 0.0
    nowhere = rc.credit(amounts(100.0), programme, site=large).ladder.set_index("line")
    assert nowhere["note"]["emissions_burning"] == "unknown"


def test_burning_for_planting_under_gold_standard():
    site = make_site(SITE | {
        "project": {"cleared_biomass_t": 100.0, "answers": {"burnt_for_planting": "yes"}},
    })  # fmt: skip
    found = lines(rc.credit(amounts(50.0, co2e_t=100.0), "gs-403", site=site))
    assert found["emissions_site_preparation"] == approx(-0.1 * 100 * 0.47 * 44 / 12)


def test_land_and_answers_decide_conditions():
    site = make_site(SITE | {
        "land": {"document": "คทช.", "acceptance": {PREMIUM: "no"}, "acceptance_source": "letter"},
        "project": {"answers": {"land_right": "yes", "not_wetland": "no"}},
    })  # fmt: skip
    result = rc.credit(amounts(100.0), PREMIUM, site=site)
    table = result.conditions.set_index("condition")["state"]
    assert (table["land_document"], table["land_right"], table["not_wetland"]) == (
        "unmet", "met", "unmet",
    )  # fmt: skip
    assert result.status == "SCREENING_ESTIMATE"
    assert {"land_not_accepted", "condition_unmet"} <= set(result.status_reasons["code"])


def test_computed_conditions():
    claim = amounts(100.0, half_width_percent=12.0, years=6.0)
    table = rc.credit(claim, "cdm-ar-ams0007").conditions.set_index("condition")["state"]
    assert (table["precision_10"], table["monitored_5_years"]) == ("unmet", "unmet")
    large = amounts(1e6, years=1.0)
    states = rc.credit(large, "t-ver-s-meth-13-01").conditions.set_index("condition")["state"]
    assert states["small_project"] == "unmet"


def test_a_verified_profile_with_everything_answered_is_ready():
    profile = get_profile("t-ver-s-meth-13-01").model_dump()
    text = {"text": "verified"}
    for group in ("rules", "pools", "figures"):
        profile[group] = {k: v | text for k, v in profile[group].items()}
    for name in ("buffer", "harvest"):
        profile["rules"][name]["value"] = "none"
    profile["conditions"] = [c | text for c in profile["conditions"]]
    from rubbercarbon.crediting.interface import own_lines
    from rubbercarbon.ladder import climb
    from rubbercarbon.profiles import Profile
    from rubbercarbon.verdict import judge

    site = make_site(SITE | {
        "land": {"document": "chanote", "acceptance": {"t-ver-s-meth-13-01": "yes"},
                 "acceptance_source": "letter"},
        "project": {"answers": {"land_right": "yes"}, "burned_area_ha": 0.0},
    })  # fmt: skip
    claim = amounts(100.0, years=2.0, area_ha=50.0)
    case = Case(Profile.model_validate(profile), claim, site, gwp_set("AR5"))
    verdict = judge(case, climb(case, own_lines(case)))
    assert (verdict.status, verdict.reasons) == ("VERIFICATION_READY_ESTIMATE", [])


@pytest.mark.slow
def test_unverified_profile_unknown_land_and_a_tree_out_of_range_never_exceed_a_project_estimate():
    first, second = inventory([[20.0, 60.0]]), inventory([[21.0, 61.0]])
    result = rc.credit(rc.compare_inventories(first, second), list(programmes()), years=2.0)
    ranks = [STATUSES.index(status) for status in result.programmes["status"]]
    assert max(ranks) <= STATUSES.index("PROJECT_ESTIMATE")
    for _, table in result.status_reasons.groupby("programme"):
        codes = set(table["code"])
        assert {"profile_not_verified", "land_unknown", "outside_range"} <= codes


def test_alarms():
    high = rc.credit(amounts(1000.0, area_ha=16.0, years=2.0), "t-ver-s-meth-13-01")
    assert set(high.alarms["code"]) == {"gain_too_high"}
    loss = rc.credit(amounts(-10.0, area_ha=16.0, years=2.0), "t-ver-s-meth-13-01")
    assert set(loss.alarms["code"]) == {"loss"}
    eaten = rc.credit(amounts(10.0, half_width_percent=150.0, years=2.0), PREMIUM)
    assert {"nothing_left"} <= set(eaten.alarms["code"])
    assert eaten.carried_t_co2e[PREMIUM] == 0.0
    doubtful = amounts(10.0, full_half_width_percent=150.0)
    assert "not_told_from_zero" in set(rc.credit(doubtful, PREMIUM).alarms["code"])


def test_unknown_things_are_said():
    with pytest.raises(SettingsError, match="Did you mean 'gs-403'"):
        rc.credit(amounts(1.0), "gs-40")
    with pytest.raises(SettingsError, match="co2e_t"):
        rc.credit(amounts(1.0), OWN)
    with pytest.raises(SettingsError, match="AR4, AR5, AR6"):
        rc.credit(amounts(1.0), PREMIUM, gwp="AR9")
    with pytest.raises(SiteError, match=r"land\.colour"):
        make_site(SITE | {"land": {"colour": "red"}})


def test_profiles_are_complete_and_sourced():
    assert set(programmes()) == {
        "t-ver-s-meth-13-06", "t-ver-s-meth-13-01", "t-ver-p-meth-13-01", "cdm-ar-ams0007",
        "vm0047-area", "gs-403", "iso-14064-2",
    }  # fmt: skip
    for name in programmes():
        profile = get_profile(name)
        assert profile.id == name
        assert set(profile.pools) == set(POOLS)
        for rule, fact in profile.facts():
            assert fact.citation, (name, rule)
            assert fact.seen, (name, rule)
    assert get_profile(RUBBER).text == "text_not_verified"
    with pytest.raises(SettingsError, match="rules missing"):
        make_profile({"id": "x", "version": "1", "title": {"en": "x", "th": "x"}, "pools": {},
                      "rules": {}, "source": {"citation": "c", "seen": "s", "grade": "B",
                                              "text": "verified"}}, "x.toml")  # fmt: skip


def test_every_code_has_words_in_both_languages(change):
    known = set(messages.keys("crediting", "th"))
    assert known == set(messages.keys("crediting", "en"))
    codes = {f"status_{s}" for s in STATUSES}
    codes |= {
        f"rule_{r}"
        for r in (*RULES, *POOLS)
        if any(
            r in get_profile(p).rules and get_profile(p).rules[r].value is None
            for p in programmes()
        )
    }
    for name in programmes():
        codes |= {f"condition_{c.code}" for c in get_profile(name).conditions}
    result = rc.credit(change, list(programmes()))
    codes |= {f"line_{c}" for c in result.ladder["line"]}
    codes |= {f"note_{c}" for c in result.ladder["note"] if c}
    codes |= {f"reason_{c}" for c in result.status_reasons["code"]}
    assert sorted(codes - known) == []


def test_folders_read_back_and_the_command(tmp_path, change, capsys):
    folder = tmp_path / "change"
    from rubbercarbon.runs import write_change

    write_change(change, folder)
    read = rc.credit(rc.load_run(folder), list(programmes()), years=2.0)
    memory = rc.credit(change, list(programmes()), years=2.0)
    assert read.ladder["value_t_co2e"].to_numpy() == approx(
        memory.ladder["value_t_co2e"].to_numpy(), rel=1e-12
    )
    site = tmp_path / "site.toml"
    site.write_text('[site]\nid = "S"\nname = "สวนทดลอง"\n', encoding="utf-8")
    words = ["credit", str(folder), "--site", str(site), "--years", "2", "--programme", PREMIUM]
    assert cli.main([*words, "--out", str(tmp_path / "one"), "--lang", "th"]) == 0
    said = capsys.readouterr().out
    assert "ส่วนหักจากความไม่แน่นอน" in said
    assert "เหตุที่สถานะ" in said
    assert (
        json.loads((tmp_path / "one" / "site.json").read_text(encoding="utf-8"))["site"]["id"]
        == "S"
    )
    assert {"ladder.csv", "conditions.csv", "programmes.csv", "change_total.csv"} <= {
        p.name for p in (tmp_path / "one").iterdir()
    }
    again = [*words, "--out", str(tmp_path / "two"), "--previous", str(tmp_path / "one"), "--json"]
    assert cli.main(again) == 0
    assert json.loads(capsys.readouterr().out)[0]["programme"] == PREMIUM
    assert cli.main([*words, "--out", str(folder)]) == 2
    assert "an input of this run" in capsys.readouterr().err
    assert cli.main([*words, str(folder), "--out", str(tmp_path / "x")]) == 2


def test_stock_folders(tmp_path):
    for name, one in zip(("a", "b"), censuses(), strict=True):
        rc.write_run(rc.estimate_stocks(one), tmp_path / name)
    words = ["credit", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "c")]
    assert cli.main([*words, "--programme", OWN]) == 0
    table = pd.read_csv(tmp_path / "c" / "ladder.csv").set_index("line")["value_t_co2e"]
    assert table["stock_now"] + table["stock_then"] == approx(table["gross"], rel=1e-12)
    assert table["gross"] > 0


def test_a_run_without_stocks_is_refused():
    from rubbercarbon.runs import RunTables

    with pytest.raises(SettingsError, match="neither stocks, nor a change"):
        claim_of(RunTables({}, {"batch": pd.DataFrame()}))


def test_the_year_of_a_comparison_can_be_chosen_and_a_felling_is_said(comparison):
    felled = rc.credit(comparison, OWN)
    assert "felled_at_end" in set(felled.alarms["code"])
    assert lines(felled)["project_scenario"] == 0.0
    before = rc.credit(comparison, OWN, years=20)
    pools = comparison.difference.query("pool == 'biomass' and year == 20")
    found = lines(before)
    assert found["project_scenario"] + found["baseline"] == approx(
        pools["difference_t_c_ha"].iloc[0] * 44 / 12, rel=1e-9
    )
    with pytest.raises(SettingsError, match="covers 25 years"):
        rc.credit(comparison, OWN, years=26)


def dated(dbh, day):
    found = inventory(dbh)
    trees = found.trees[["plot_id", "tree_id", "species", "dbh_cm"]].assign(date=day)
    return rc.read_inventory(trees, plots=found.plots)


def test_survey_dates_give_the_period_and_their_order_is_checked():
    first, second = dated([[20.0, 22.0]], "2024-05-14"), dated([[21.0, 23.0]], "2026-05-14")
    change = rc.compare_inventories(first, second)
    assert change.run["survey_dates"] == ["2024-05-14", "2026-05-14"]
    assert rc.credit(change, OWN).programmes["years"].iloc[0] == approx(2.0, abs=0.01)
    site = make_site(SITE | {"project": {"start": "2023-01-01", "end": "2026-05-14"}})
    assert "period_differs" in set(rc.credit(change, OWN, site=site).status_reasons["code"])
    with pytest.raises(rc.RubbercarbonError, match="earlier census first"):
        rc.compare_inventories(second, first)


def test_amounts_of_other_land_are_said():
    site = make_site(SITE | {"land": {"area_rai": 50}})
    result = rc.credit(amounts(10.0, area_ha=1.0, years=2.0), PREMIUM, site=site)
    assert "land_differs" in set(result.status_reasons["code"])


def test_an_unknown_rule_is_no_unknown_amount():
    site = make_site(SITE | {"project": {"nitrogen_synthetic_kg": 40.0, "burned_area_ha": 0.0}})
    result = rc.credit(amounts(10.0, co2e_t=20.0), RUBBER, site=site)
    notes = result.ladder.set_index("line")["note"]
    assert notes["emissions_fertiliser"] == "rule_unknown"
    assert notes["emissions_burning"] == ""


def test_the_former_period_must_be_over(tmp_path, change, capsys):
    from rubbercarbon.runs import write_change

    write_change(change, tmp_path / "change")
    site = tmp_path / "site.toml"
    site.write_text(
        '[site]\nid = "S"\n[project]\nstart = 2024-05-01\nend = 2026-05-01\n', encoding="utf-8"
    )
    words = ["credit", str(tmp_path / "change"), "--site", str(site), "--programme", PREMIUM]
    assert cli.main([*words, "--out", str(tmp_path / "one")]) == 0
    again = [*words, "--out", str(tmp_path / "two"), "--previous", str(tmp_path / "one")]
    assert cli.main(again) == 2
    assert "earlier period" in capsys.readouterr().err
