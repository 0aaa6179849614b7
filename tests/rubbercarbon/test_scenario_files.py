"""Scenario and price files, the compare and template commands, run folders, figures."""

import json

import numpy as np
import pandas as pd
import pytest
from made_scenarios import HEAD, RUBBER, companion, scenario

import rubbercarbon as rc
from rubbercarbon.cli import main
from rubbercarbon.comparison import Comparison
from rubbercarbon.scenario_console import sentences
from rubbercarbon.scenarios.interface import library, parse_scenario, read_scenario

BAD = """id = "bad"
kind = "observed"
rationale = "test"
sources = ["test"]
colour = "green"

[title]
en = "bad"

[[component]]
name = "rubber"
species = "Hevea brasiliensis"
role = "rubber"
stems_per_ha = 475
planting_year = 2569
rotation_years = 25
source = "test"

[[component]]
name = "mystery"
species = "Hopea odrata"
stems_per_rai = 12
rotation_years = 40
source = "test"

[[component]]
name = "feet"
species = "Tectona grandis"
role = "timber"
spacing_m = [300, 700]
rotation_years = 25
growth = "teek_seasia"
source = "test"

[[event]]
year = 0
kind = "thinning"
component = "mystery"
percent = 20

[[event]]
year = 10
kind = "thinning"
component = "mystery"
stems_per_ha = 80

[[event]]
year = 10
kind = "felling"
component = "nobody"
"""


def faults(text):
    with pytest.raises(rc.RubbercarbonError) as caught:
        parse_scenario(text, "bad.toml", years=30)
    return str(caught.value)


def test_keys_that_do_not_exist_are_named_with_their_line_and_what_is_allowed():
    said = faults(BAD)
    assert "line 5: 'colour' is not a key here; allowed: id, title, kind" in said
    assert "line 15: planting_year = 2569" in said  # and all the rest


def test_all_faults_are_said_at_once_with_their_lines():
    said = faults(BAD.replace('colour = "green"\n', "\n"))
    for words in (
        "line 15: planting_year = 2569: years are counted from the start",
        "line 21: species 'Hopea odrata' is not known. Did you mean Hopea odorata?",
        "line 30: spacing [300.0, 700.0] is outside 0.5-50.0 m. Is it in feet",
        "line 32: no growth curve 'teek_seasia'. Did you mean 'teak_seasia'",
        "line 36: thinning of 'mystery' in year 0 comes before it is planted (year 0)",
        "line 45: thinning takes 80 stems/ha of 'mystery', but at most 60 stand there",
        "line 50: no component 'nobody'; there are rubber, mystery, feet",
        "faults:",
    ):
        assert words in said, words


def test_a_curve_beyond_its_ages_needs_a_word():
    text = BAD.split("[[component]]")
    long = (
        text[0].replace('colour = "green"\n', "") + "[[component]]" + text[3].split("[[event]]")[0]
    )
    long = long.replace("[300, 700]", "[4, 4]").replace("teek_seasia", "teak_seasia")
    said = faults(long.replace("rotation_years = 25", "rotation_years = 60"))
    assert "curve 'teak_seasia' is known to age 31" in said
    assert "extrapolate = true" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stems_per_ha = 475", "stems_per_ha = 7", "Is it per rai or per plot?"),
        ("stems_per_ha = 475", "", "give one of stems_per_ha, stems_per_rai, spacing_m"),
        ("stems_per_ha = 475", "stems_per_ha = -1", "greater than or equal to 0"),
        ('role = "rubber"', 'role = "timber"', "role 'timber' does not fit the species"),
        ('wood = "sawn"', 'wood = "paper"', "'wood' = 'paper'"),
        ('wood = "sawn"', "start_age = 5", "'measured' and 'start_age' belong together"),
        ('wood = "sawn"', 'mortality = "mortality_x"', "no mortality 'mortality_x'; allowed"),
        ('source = "test"', "", "'source' is missing"),
        ('kind = "synthetic"', 'kind = "synthetic', "not valid TOML"),
        ('source = "test"', 'source = "test"\n[parameters.crowd]\nvalue = 1\ncitation = "x"',
         "no parameter 'crowd'; allowed"),
        ('source = "test"', 'source = "test"\n[parameters.crowding]\nvalue = 1\nlow = 2\nhigh = 3\n'
         'citation = "x"', "'low' <= 'value' <= 'high' must hold"),
        ('source = "test"', 'source = "test"\n[[effect]]\ncomponent = "x"\non = "dbh"\npercent = 5\n'
         'low = 6\nhigh = 7\nsource = "test"', "no component 'x'; there are rubber"),
        ('source = "test"', 'source = "test"\n[[event]]\ncomponent = "rubber"\nyear = 5\n'
         'kind = "thinning"', "a thinning has one of percent and stems_per_ha"),
        ('source = "test"', 'source = "test"\n[[event]]\ncomponent = "rubber"\nyear = 5\n'
         'kind = "felling"\npercent = 5', "felling takes all stems"),
        ("rotation_years = 25", 'rotation_years = 25\ngrowth = {form = "line"}',
         "form 'line' is not one of"),
        ("rotation_years = 25", 'rotation_years = 25\ngrowth = "bamboo_stand"',
         "predicts stand_agb: give land_share"),
    ],
)  # fmt: skip
def test_one_fault_one_sentence(old, new, words):
    text = HEAD.format(id="s") + RUBBER.format(stems=475, rotation=25, more="")
    assert old in text
    assert words in faults(text.replace(old, new, 1) if old != 'source = "test"' else
                           text[::-1].replace(old[::-1], new[::-1], 1)[::-1])  # fmt: skip


@pytest.mark.parametrize("name", library())
def test_every_scenario_of_the_library_says_why_and_from_where(name):
    one = read_scenario(name, years=60)
    assert one.id == name
    assert one.title.en
    assert one.title.th
    assert len(one.rationale) > 50
    assert one.sources
    if one.kind == "synthetic":
        assert "synthetic" in (one.rationale + "".join(p.source + p.note for p in one.component))


def test_the_library_covers_the_designs_that_were_asked_for():
    assert len(library()) >= 8
    species = {part.species for name in library() for part in read_scenario(name).component}
    assert {"Hopea odorata", "Durio zibethinus", "Bambusa spp.", "Coffea canephora"} <= species


# --- commands -------------------------------------------------------------------------------------


def test_templates_are_written_once_and_are_good(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("scenario.toml", "prices.toml", "settings.toml"):
        assert main(["template", name]) == 0
    assert main(["template", "scenario.toml"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["template", "nothing.toml"]) == 2
    assert "prices.toml, scenario.toml, settings.toml" in capsys.readouterr().err
    assert read_scenario("scenario.toml", years=60).component[1].stocking == 19 * 6.25
    assert rc.read_prices("prices.toml").discount_rate == 0.07


def run(tmp_path, *words):
    return main(["compare", *words, "--out", str(tmp_path / "out")])


@pytest.mark.jit
def test_compare_writes_tables_and_figures_and_says_what_may_be_concluded(tmp_path, capsys):
    main(["template", "prices.toml", "--out", str(tmp_path / "prices.toml")])
    code = run(
        tmp_path, "monoculture", "agroforestry_timber", "--years", "30", "--draws", "60", "--prices",
        str(tmp_path / "prices.toml"), "--save-draws",
    )  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0
    assert "Averaged over 25 years, Rubber with timber holds" in said
    assert "You may not say that it holds more or less" in said
    assert "withheld" in said
    out = tmp_path / "out"
    problems = pd.read_csv(out / "problems.csv")
    unpriced = problems.loc[problems["code"] == "price_missing", "message"]
    assert len(unpriced) == 6  # rubber of both designs, and four timber trees
    assert unpriced.str.endswith("has no price and counts as nothing").all()
    files = {path.name for path in out.iterdir()}
    assert {
        "run.json", "summary.csv", "difference.csv", "pools.csv", "fluxes.csv", "stands.csv",
        "switches.csv", "drivers.csv", "sensitivity.csv", "assumptions.csv", "citations.csv",
        "problems.csv", "accounts.csv", "cash_flow.csv", "draws.parquet", "stocks.png",
        "difference.png", "pools.png", "tornado_agroforestry_timber.png", "published_monoculture.png",
    } <= files  # fmt: skip
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["kind"] == "comparison"
    assert record["baseline"] == "monoculture"
    assert str(tmp_path) not in json.dumps(record)
    draws = pd.read_parquet(out / "draws.parquet")
    assert len(draws) == 2 * 31 * 10 * 60
    means = draws.groupby(["scenario", "year", "pool"], observed=True)["t_c_ha"].mean()
    pools = pd.read_csv(out / "pools.csv").set_index(["scenario", "year", "pool"])
    row = ("agroforestry_timber", 20, "biomass")
    assert means[row] == pytest.approx(pools.loc[row, "t_c_ha_mean"], rel=1e-12)
    for figure in out.glob("*.png"):
        assert figure.stat().st_size > 15_000
    again = rc.load_run(out)
    assert again.tables["summary"]["scenario"].tolist() == ["monoculture", "agroforestry_timber"]
    assert again.run["kind"] == "comparison"


def test_a_small_comparison_from_end_to_end(tmp_path, capsys):
    """As above, small enough to run without the compiler."""
    names = []
    for name, extra in (("mono", ""), ("agro", companion(rotation_years=6))):
        path = tmp_path / f"{name}.toml"
        text = HEAD.format(id=name) + RUBBER.format(stems=475, rotation=6, more="") + extra
        path.write_text(text, encoding="utf-8")
        names.append(str(path))
    trees = pd.DataFrame({
        "plot_id": "P1", "tree_id": ["1", "2"], "species": "ยางพารา", "dbh_cm": [9.0, 11.0],
        "plot_area_rai": 0.02,
    })  # fmt: skip
    trees.to_csv(tmp_path / "trees.csv", index=False)
    main(["template", "prices.toml", "--out", str(tmp_path)])
    options = ["--years", "6", "--draws", "4", "--prices", str(tmp_path / "prices.toml"), "--save-draws",
               "--start", str(tmp_path / "trees.csv"), "--start-age", "4"]  # fmt: skip
    capsys.readouterr()
    assert run(tmp_path, *names, *options, "--lang", "th") == 0
    assert "เฉลี่ยตลอด 6 ปี" in capsys.readouterr().out
    again = rc.load_run(tmp_path / "out")
    total = again.tables["drivers"]["difference_t_c_ha"].sum()
    row = again.tables["summary"].iloc[1]
    assert total == pytest.approx(row["total_average_difference_t_c_ha"], abs=1e-9)
    assert len(again.tables["switches"]) == 4
    assert len(again.draws) == 2 * 7 * 10 * 4


@pytest.mark.jit
def test_compare_in_thai_as_json_and_with_files(tmp_path, capsys):
    main(["template", "scenario.toml", "--out", str(tmp_path / "mine.toml")])
    assert (
        run(tmp_path, "monoculture", str(tmp_path / "mine.toml"), "--draws", "0", "--lang", "th")
        == 0
    )
    said = capsys.readouterr().out
    assert "เก็บคาร์บอนในไม้ยืนต้น" in said
    assert "หากไม่สุ่มก็บอกไม่ได้ว่าแน่ใจเพียงใด" in said
    assert run(tmp_path, "monoculture", "double_row_timber", "--draws", "0", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["scenario"] for row in rows] == ["monoculture", "double_row_timber"]
    assert run(tmp_path, "monoculture", "mixed_garden", "--draws", "0", "--strict") == 1


def test_compare_refuses_in_sentences(tmp_path, capsys):
    bad = tmp_path / "bad.toml"
    bad.write_text(BAD, encoding="utf-8")
    cases = {
        ("monoculture",): "at least two scenarios",
        ("monoculture", "garden"): "no such scenario and no such file",
        ("monoculture", str(bad)): "is not a key here",
        ("monoculture", "monoculture"): "two scenarios are called",
        ("monoculture", "mixed_garden", "--years", "0"): "give 1 to 200",
        ("monoculture", "mixed_garden", "--draws", "1"): "at least 2",
        ("monoculture", "mixed_garden", "--prices", str(tmp_path / "x.toml")): "cannot be read",
        ("monoculture", "mixed_garden", "--start", str(bad)): "needs --start-age",
    }
    for words, sentence in cases.items():
        assert run(tmp_path, *words) == 2, words
        said = capsys.readouterr().err
        assert sentence in said
        assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.jit
def test_compare_starts_from_measured_trees(tmp_path):
    trees = pd.DataFrame({
        "plot_id": "P1", "tree_id": [str(i) for i in range(70)], "species": "ยางพารา",
        "dbh_cm": np.linspace(15, 23, 70).round(1), "plot_area_rai": 1.0,
    })  # fmt: skip
    trees.to_csv(tmp_path / "trees.csv", index=False)
    code = run(
        tmp_path, "monoculture", "agroforestry_timber", "--draws", "0", "--years", "20", "--start",
        str(tmp_path / "trees.csv"), "--start-age", "12",
    )  # fmt: skip
    assert code == 0
    stands = pd.read_csv(tmp_path / "out" / "stands.csv")
    row = stands.query("scenario == 'monoculture' and year == 0").iloc[0]
    assert row["stems_per_ha"] == pytest.approx(70 * 6.25)
    assert row["dbh_cm"] == pytest.approx(trees["dbh_cm"].mean(), rel=1e-6)


# --- money ----------------------------------------------------------------------------------------

PRICES = """
date = "2026-11"
discount_rate = 0.05
[latex_per_kg]
value = 60
source = "test"
[carbon_per_t_co2e]
value = {carbon}
source = "test"
[timber_per_m3]
"Hevea brasiliensis" = {{value = 1000, source = "test"}}
"Dipterocarpus alatus" = {{value = 5000, source = "test"}}
[[cost]]
name = "establishment"
when = "planting"
thb_per_ha = 50000
source = "test"
[[cost]]
name = "tending"
when = "yearly"
thb_per_ha = 1000
component = "tree"
source = "test"
"""


def prices(tmp_path, carbon=300.0):
    path = tmp_path / "prices.toml"
    path.write_text(PRICES.format(carbon=carbon), encoding="utf-8")
    return rc.read_prices(path)


def compared(tmp_path, carbon=300.0, draws=0) -> Comparison:
    pair = [scenario("mono"), scenario("agro", extra=companion())]
    runs = rc.project(pair, years=25, draws=draws)
    return rc.compare_scenarios(runs, prices=prices(tmp_path, carbon))


def test_present_value_by_hand(tmp_path):
    result = compared(tmp_path)
    outcome = result.projection.runs["agro"].point
    years = np.arange(26)
    flow = 60 * outcome.latex[:26, 0]
    flow[0] -= 50_000
    flow[25] -= 50_000  # planted anew
    flow[1:] -= 1_000
    for part, (price, density) in enumerate([(1000, 0.501), (5000, 0.592)]):
        dry = (outcome.grown.before[part] * outcome.agb[part])[25, 0] / 0.47
        flow[25] += price * 0.75 * dry / density
    total = outcome.stock("total")[:26, 0]
    stored = (total - total[0]) * 44 / 12 - np.cumsum(outcome.emitted.sum(axis=0)[:26, 0])
    flow += 300 * np.diff(stored, prepend=stored[0])
    assert result.accounts.summary["npv_thb_ha"].iloc[1] == pytest.approx(
        (flow / 1.05**years).sum(), rel=1e-9
    )
    assert result.accounts.missing == []


def test_at_the_break_even_price_both_are_worth_the_same(tmp_path):
    row = compared(tmp_path).accounts.summary.iloc[1]
    price = row["break_even_carbon_thb_t"]
    if np.isnan(price):  # more money with more carbon, or less with less
        assert row["npv_difference_thb_ha"] != 0
        return
    even = compared(tmp_path, carbon=price).accounts.summary.iloc[1]
    assert even["npv_difference_thb_ha"] == pytest.approx(0, abs=1e-6)


def test_break_even_price_of_a_costly_gain(tmp_path):
    extra = companion(light='"open"', stems_per_ha=200).replace(
        "Dipterocarpus alatus", "Durio zibethinus"
    )
    runs = rc.project([scenario("mono"), scenario("agro", extra=extra)], years=20, draws=50)
    result = rc.compare_scenarios(runs, prices=prices(tmp_path))
    row = result.accounts.summary.iloc[1]
    price = row["break_even_carbon_thb_t"]
    assert price > 0
    again = rc.compare_scenarios(runs, prices=prices(tmp_path, price)).accounts.summary.iloc[1]
    assert again["npv_difference_thb_ha"] == pytest.approx(0, abs=1e-6)
    assert row["npv_difference_thb_ha_low"] < row["npv_difference_thb_ha_high"]
    assert any("Durio" in text for text in result.accounts.missing) is False
    assert row["break_even_carbon_state"] == "given"
    # seen from the other side: less carbon, for which no price is one to break even at
    turned = rc.compare_scenarios(runs, baseline="agro", prices=prices(tmp_path)).accounts.summary
    other = turned.set_index("scenario").loc["mono"]
    assert other["npv_difference_thb_ha"] > 0
    assert np.isnan(other["break_even_carbon_thb_t"])
    assert other["break_even_carbon_state"] == "no_more_carbon"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [('date = "2026-11"', 'date = "last year"', "line 2: 'date'"),
     ("value = 60", "value = -3", "line 5: 'value'"),
     ('when = "yearly"', 'when = "monthly"', "'when'"),
     ("discount_rate = 0.05", "discount = 0.05", "'discount'")],
)  # fmt: skip
def test_bad_prices_are_refused_with_their_line(tmp_path, old, new, words):
    path = tmp_path / "prices.toml"
    path.write_text(PRICES.format(carbon=1).replace(old, new), encoding="utf-8")
    with pytest.raises(rc.RubbercarbonError) as caught:
        rc.read_prices(path)
    assert words in str(caught.value)


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stems", "words"),
    [(300, "likely to hold more"), (900, "likely to hold less")],
)
@pytest.mark.jit
def test_the_second_sentence_follows_the_chance(stems, words):
    runs = rc.project(
        [scenario("base", stems=stems), scenario("other", stems=480)], years=25, draws=80
    )
    result = rc.compare_scenarios(runs)
    _, may_not = sentences(result, "other", "en")
    assert words in may_not


@pytest.mark.jit
def test_a_difference_within_the_doubt_is_no_gain():
    runs = rc.project(["monoculture", "double_row_timber"], years=25, draws=200)
    result = rc.compare_scenarios(runs)
    assert result.summary["p_greater_status"].iloc[1] == "given"
    assert "You may not claim a gain" in sentences(result, "double_row_timber", "en")[1]


def test_without_draws_nothing_is_said_of_certainty():
    runs = rc.project([scenario("a"), scenario("b", stems=600)], years=25, draws=0)
    may, may_not = sentences(rc.compare_scenarios(runs), "b", "en")
    assert "paired draws" not in may
    assert "use --draws 1000" in may_not
    with pytest.raises(rc.RubbercarbonError, match="was not projected"):
        rc.compare_scenarios(runs, "c")
    with pytest.raises(rc.RubbercarbonError, match="at least two"):
        rc.compare_scenarios(rc.project([scenario("a")], draws=0))
    with pytest.raises(rc.RubbercarbonError, match="no scenario given"):
        rc.project([], draws=0)
