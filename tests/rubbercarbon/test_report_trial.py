"""What officers and verifiers missed in reports: every row named, every sum whole, all in Thai."""

from __future__ import annotations

import json
import math
import re
import string
import tomllib

import made_sites
import pandas as pd
import pytest
from effort import first
from made_reports import PACKAGE, SAMPLE, SITE

import rubbercarbon as rc
from rubbercarbon import messages
from rubbercarbon.claims import amounts
from rubbercarbon.cli import main
from rubbercarbon.errors import ReportError
from rubbercarbon.parameters import default_parameters
from rubbercarbon.report import make_report
from rubbercarbon.report_blocks import Facts, Paragraph, Table, shown
from rubbercarbon.report_source import ReportSource, report_source
from rubbercarbon.sites import make_site
from rubbercarbon.thresholds import threshold

THAI = re.compile("[\u0e00-\u0e7f]")
# topics whose texts are the words of a source or of a design
QUOTED = {"note of the record", "growth", "scenario", "note of the scenario"}
PLOTS = pd.DataFrame({
    "plot_id": ["P1", "P2"], "site_id": "S", "stratum": ["a", "b"], "area_ha": 0.16,
    "stratum_area_ha": [1.6, 3.2], "plot_selection": "เจาะจง",
})  # fmt: skip


def census(girths, status=None):
    """Rubber and a few teak trees of two plots."""
    count = len(girths)
    return rc.read_inventory(
        pd.DataFrame({
            "plot_id": [f"P{1 + k % 2}" for k in range(count)],
            "tree_id": [str(k) for k in range(count)],
            "species": ["Tectona grandis" if k % 5 == 4 else "ยางพารา" for k in range(count)],
            "girth_cm": girths, "status": status or [""] * count,
        }),
        PLOTS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def change():
    """One tree dead by its status, one that cannot be read, one that is gone."""
    first = census([45.0, 50.0, 55.0, 60.0, 30.0, 65.0, 70.0, 52.0])
    second = census([46.0, 51.5, -1.0, 61.0, 31.0, 66.0, 71.0], [*[""] * 5, "dead", ""])
    return rc.compare_inventories(first, second)


@pytest.fixture(scope="module")
def stocks(sample_stocks):
    return sample_stocks


def blocks(report, kind):
    return [b for section in report.sections for b in section.blocks if isinstance(b, kind)]


def table(report, key):
    return next(one for one in blocks(report, Table) if one.id == key)


def lines(report, key):
    """Rows of a table as they are read."""
    one = table(report, key)
    return [[shown(c, k) for c, k in zip(row, one.columns, strict=True)] for row in one.rows]


def facts(report):
    return {fact.label: fact.value for one in blocks(report, Facts) for fact in one.rows}


def warnings(report):
    return " ".join(one.text for one in blocks(report, Paragraph))


class TestBatch:
    @pytest.fixture
    def source(self):
        total = pd.DataFrame({
            "locality": ["Nan", "Trang", "ALL"], "n_plots": [1, 2, 3], "n_rows": [50, 90, 140],
            "n_estimated": [48, 85, 133], "n_refused": [2, 4, 6], "area_measured_ha": [0.2, 0.4, 0.6],
            "carbon_t": [5.0, 9.0, 14.0], "co2e_t": [18.0, 33.0, 51.0], "co2e_t_sd": [3.0, 5.0, 7.0],
            "co2e_t_low": [12.0, 22.0, 37.0], "co2e_t_high": [26.0, 46.0, 67.0],
        })  # fmt: skip
        counts = pd.DataFrame({
            "severity": ["error", "error", "warning"],
            "code": ["diameter_missing", "diameter_not_positive", "outside_range"],
            "n_rows": [5, 1, 28],
        })  # fmt: skip
        run = {"command": "batch", "unread": {"trang.csv": "no column of species"}}
        return ReportSource({"total": total, "problem_counts": counts}, run)

    def test_refused_rows_and_kinds_of_problems_are_counted(self, source):
        report = make_report(source)
        assert "6 rows were refused and 28 need a check" in warnings(report)
        assert "NOT READ, in no total: trang.csv" in warnings(report)
        assert "28 rows of trees lie outside" in warnings(report)
        assert lines(report, "problem-counts")[0][1:] == ["no diameter or girth", "5"]
        assert facts(report)["Rows refused"] == "6"

    @pytest.mark.parametrize("language", ["en", "th"])
    def test_every_row_has_the_name_of_its_region(self, source, language):
        report = make_report(source, language)
        whole = messages.text("report_values", "scope_all", language)
        assert [row[0] for row in lines(report, "totals-batch")] == ["Nan", "Trang", whole]
        # of one site nothing is asked
        assert not {"section-land", "section-operator"} & {s.id for s in report.sections}


class TestChange:
    def test_shares_of_equations_add_up_and_rows_agree(self, change):
        report = make_report(report_source(change))
        models = table(report, "models")
        heads = [column.label for column in models.columns]
        rows = [dict(zip(heads, row, strict=True)) for row in models.rows]
        assert sum(r["share of the total biomass, %"] or 0.0 for r in rows) == pytest.approx(100.0)
        counted = sum(r["trees"] or 0 for r in rows)
        found = facts(report)
        parts = [int(found[name]) for name in
                 ("Trees measured twice", "Trees that died or are missing", "New trees")]  # fmt: skip
        assert counted == sum(parts) == 7
        assert found["Not comparable: computed at one date only, in no sum"] == "1"
        assert "computed at one date only: 1." in warnings(report)

    def test_rows_of_both_censuses_are_counted_and_none_is_nought(self, change):
        rows = change.equations.set_index(["id", "predicts"])["n_rows"]
        # 7 rubber trees once; then one is gone, one dead and one unreadable
        assert rows["hevea_ensemble", "agb"] == 7 + 4
        assert rows["Tectona grandis", "wood density"] == 1 + 1
        assert rows["ipcc_default", "carbon fraction"] == 8 + 5
        assert (rows > 0).all()

    def test_a_dead_tree_keeps_its_species_and_equation(self, change):
        trees = change.trees.set_index("tree_id")
        assert trees.loc["5", ["fate", "species", "equation_id"]].tolist() == [
            "dead", "Hevea brasiliensis", "hevea_ensemble"]  # fmt: skip
        assert "dead" in trees.loc["5", "flags"]

    @pytest.mark.slow
    def test_stocks_at_both_dates_and_species_go_with_the_change(self, change):
        report = make_report(report_source(change))
        found = facts(report)
        then, now = (
            float(found[name].removesuffix(" t CO2e").replace(",", ""))
            for name in ("Trees of the change at the first date", "The same at the second date")
        )
        net = float(change.total["co2e_t_net"].iloc[-1])
        assert now - then == pytest.approx(net, abs=0.1)  # shown to 0.05
        rows = {row[0]: row[1:] for row in lines(report, "species")}
        assert rows["Hevea brasiliensis"][0] == "4"  # less the dead, the lost and the unreadable
        assert rows["Tectona grandis"][:3] == ["1", "9.9", "9.9"]  # 31 cm of girth
        assert sum(float(row[3]) for row in rows.values()) == pytest.approx(100.0, abs=0.1)

    def test_what_the_matching_lists_has_its_file_and_row(self, change):
        problems = change.problems
        mine = problems[problems["code"].isin(["tree_missing", "tree_not_comparable"])]
        assert dict(zip(mine["code"], mine["row"], strict=True)) == {
            "tree_missing": 8, "tree_not_comparable": 3}  # fmt: skip
        assert mine["file"].ne("").all()

    @pytest.mark.parametrize(("former", "later", "row", "fix"), first([
        (50.0, 151.0, 1, "150"), (45.0, 4.6, 1, "46"), (145.0, 45.0, 1, "145"), (4.5, 46.0, 1, "45"),
    ]))  # fmt: skip
    def test_a_lost_digit_gets_its_likely_value(self, former, later, row, fix):
        others = [60.0, 61.0]
        problems = rc.compare_inventories(
            census([former, *others]), census([later, *others])
        ).problems
        found = problems[problems["code"] == "digit_lost"].iloc[0]
        assert (found["column"], found["row"], found["suggested_value"]) == ("girth_cm", row, fix)
        assert "diameter_fell" not in set(problems["code"])

    @pytest.mark.slow
    def test_a_fall_without_such_a_cause_and_plain_growth_get_none(self):
        problems = rc.compare_inventories(
            census([60.0, 20.0, 60.0]), census([40.0, 30.0, 60.5])
        ).problems
        assert problems["code"].tolist().count("diameter_fell") == 1
        assert "digit_lost" not in set(problems["code"])


class TestClaim:
    @pytest.mark.slow
    def test_a_stock_has_no_period_and_a_claim_has(self, stocks, change):
        site = make_site(SITE)
        assert "2024" not in make_report(report_source(stocks, site=site)).subtitle
        claim = rc.credit(change, "gs-403", site=site)
        assert "15 March 2024 to 20 March 2026" in make_report(report_source(claim)).subtitle

    @pytest.mark.slow
    def test_the_design_tells_selection_and_land_of_the_plots(self, change):
        site = make_site(SITE | {"design": {"plot_selection": "random"}})
        report = make_report(report_source(rc.credit(change, "gs-403", site=site)))
        found = facts(report)
        assert found["How plots were chosen, by the sheets"] == "purposive"
        assert found["Land they stand for"].endswith("(4.80 ha)")
        assert "the sheets say: purposive" in warnings(report)
        assert [row[4] for row in lines(report, "plots")] == ["10.00", "20.00"]
        same = make_report(report_source(rc.credit(change, "gs-403", site=make_site(SITE))))
        assert "the sheets say" not in warnings(same)

    def test_an_answer_without_its_source_does_not_count(self):
        land = {"document": "chanote", "acceptance": {"t-ver-s-meth-13-01": "yes"}}
        claim, known = amounts(100.0, years=2.0, area_ha=50.0), {"acceptance_source": "letter"}
        results = [
            rc.credit(claim, "t-ver-s-meth-13-01", site=make_site({"site": {"id": "S"}, "land": one}))
            for one in (land, land | known)
        ]  # fmt: skip
        states = [r.conditions.set_index("condition")["state"]["land_document"] for r in results]
        assert states == ["unknown", "met"]
        reasons = [set(r.status_reasons["code"]) for r in results]
        assert "land_unsourced" in reasons[0]
        assert not {"land_unsourced", "land_unknown"} & reasons[1]
        first, second = (make_report(report_source(result)) for result in results)
        assert "not where the answer comes from" in warnings(first)
        assert [row[1] for row in lines(first, "acceptance")] == ["unknown"]
        assert [row[1] for row in lines(second, "acceptance")] == ["yes"]

    @pytest.mark.parametrize(
        ("rai", "state"), [(30, "met"), (29, "met"), (25, "unmet"), (None, "unknown")]
    )
    def test_limits_of_the_library_are_records_and_conditions(self, change, rai, state):
        land = {} if rai is None else {"area_rai": rai}
        result = rc.credit(
            change, "iso-14064-2", site=make_site({"site": {"id": "S"}, "land": land})
        )
        row = result.conditions.set_index("condition").loc["land_matches"]
        assert (row["kind"], row["state"]) == ("check", state)
        assert row["source"].startswith("rule of this library")
        assert f"{threshold('land_matches'):g}" in row["source"]
        assert ("land_differs" in set(result.status_reasons["code"])) is (state == "unmet")

    def test_the_run_at_the_start_is_told_too(self, stocks):
        first = rc.estimate_stocks(
            rc.read_inventory(SAMPLE / "trees_2567.csv", SAMPLE / "plots.csv")
        )
        claim = rc.credit(stocks, "gs-403", site=make_site(SITE), start=first)
        report = make_report(report_source(claim))
        doubtful = int((first.problems["severity"] == "warning").sum())
        assert f"at the start: 0 rows were refused and {doubtful} need" in warnings(report)
        files = [row[0] for row in lines(report, "digests")]
        assert {"start: trees_2567.csv", "trees.csv"} <= set(files)

    @pytest.mark.jit
    def test_a_projection_does_not_take_the_dossier_s_dates(self):
        runs = rc.project(["monoculture", "agroforestry_timber"], years=5, draws=0)
        claim = rc.credit(rc.compare_scenarios(runs), "vm0047-area", site=make_site(SITE))
        assert claim.programmes[["period_from", "period_to", "years"]].iloc[0].tolist() == [
            "",
            "",
            5.0,
        ]
        assert "(5 years)" in warnings(make_report(report_source(claim)))


@pytest.fixture
def designs():
    """Tables of designs at prices: one with more carbon for less money, one with less carbon."""
    names = ["mono", "timber", "fruit"]
    average = "biomass_average_difference_t_c_ha"
    summary = pd.DataFrame({
        "scenario": names, "averaged_years": 25, "status": "PROJECT_ESTIMATE",
        average: [math.nan, 2.0, -1.0], f"{average}_low": [math.nan, 1.0, -2.0],
        f"{average}_high": [math.nan, 3.0, 0.5], "p_greater": [math.nan, 0.9, 0.2],
        "p_greater_status": ["", "given", "given"], "break_even_year": [math.nan, 4.0, math.nan],
        "break_even_never_share": [math.nan, 0.1, 0.8],
    })  # fmt: skip
    worth = "npv_difference_thb_ha"
    accounts = pd.DataFrame({
        "scenario": names, "npv_thb_ha": [99_819.0, 90_000.0, 101_006.0],
        worth: [0.0, -9_819.0, 1_187.0], f"{worth}_low": [0.0, -20_000.0, -500.0],
        f"{worth}_high": [0.0, 500.0, 2_000.0], "p_greater": [math.nan, 0.1, 0.8],
        "break_even_carbon_thb_t": [math.nan, 812.4, math.nan],
        "break_even_carbon_state": ["", "given", "no_more_carbon"],
    })  # fmt: skip
    problems = pd.DataFrame({"severity": ["warning"], "code": ["price_missing"],
                             "value": ["timber Hopea odorata"], "message": ["x"]})  # fmt: skip
    drivers = pd.DataFrame({"scenario": ["timber", "timber"], "driver": ["rubber", "soil"],
                            "difference_t_c_ha": [-1.25, 0.0]})  # fmt: skip
    sensitivity = pd.DataFrame({
        "scenario": ["timber"] * 20 + ["fruit"] * 3, "at_low_t_c_ha": 0.0, "at_high_t_c_ha": 1.0,
        "assumption": ["crowding", "roots, rsr", "other"] + ["x"] * 20, "swing_t_c_ha": 1.0,
    })  # fmt: skip
    titles = (("Rubber alone", "ยางเชิงเดี่ยว"), ("Rubber with timber", "ยางกับไม้ป่า"), ("Twin", "คู่"))
    run = {
        "baseline": "mono",
        "settings": {"scenarios": {
            name: {"title": {"en": en, "th": th}}
            for name, (en, th) in zip(names, titles, strict=True)
        }},
        "prices": {
            "date": "2026-05", "discount_rate": 0.07,
            "latex_per_kg": {"value": 57.2, "low": 34.0, "high": 85.6, "source": "market"},
            "timber_per_m3": {"Hopea": {"value": 5000.0, "source": "buyer"}},
            "cost": [{"name": "work", "when": "yearly", "thb_per_ha": 900.0, "source": "diary"}],
        },
    }  # fmt: skip
    tables = {"summary": summary, "accounts": accounts, "problems": problems, "drivers": drivers,
              "sensitivity": sensitivity}  # fmt: skip
    return ReportSource(tables, run)


class TestComparison:
    @pytest.mark.jit
    def test_the_template_prices_nothing_that_is_not_there(self, tmp_path):
        file = tmp_path / "prices.toml"
        file.write_text((PACKAGE / "templates" / "prices.toml").read_text("utf-8"), "utf-8")
        runs = rc.project(["monoculture", "agroforestry_timber"], years=26, draws=0)
        result = rc.compare_scenarios(runs, prices=rc.read_prices(file))
        assert result.accounts.unused == []
        assert result.accounts.missing
        assert "price_missing" in set(result.problems.frame()["code"])
        report = make_report(report_source(result))
        worth = result.accounts.summary["npv_thb_ha"].iloc[1]
        assert f"{worth:,.0f}".replace("-", "−") in warnings(report)
        assert "Rubber with timber" in warnings(report)
        assert "agroforestry_timber" not in warnings(report)

    @pytest.mark.parametrize(("language", "name", "date"), [
        ("en", "Rubber with timber", "May 2026"), ("th", "ยางกับไม้ป่า", "พฤษภาคม พ.ศ.\u00a02569"),
    ])  # fmt: skip
    def test_money_and_names_are_in_the_report(self, designs, language, name, date):
        report = make_report(designs, language)
        rows = lines(report, "accounts")
        none = messages.text("report_values", "break_even_no_more_carbon", language)
        assert rows[1][0] == name
        assert rows[1][1] == "90,000"
        assert [row[-1] for row in rows] == ["–", "812", none]
        text = warnings(report)
        for part in (name, "90,000", date, "Hopea odorata"):
            assert part in text, part
        never = messages.text("report", "never", language)
        assert [row[-2] for row in lines(report, "differences")] == ["4", never]
        assert [row[1] for row in lines(report, "prices")] == ["57.20", "5,000.00", "900.00"]

    def test_what_makes_and_moves_the_difference_is_told_of_each_design(self, designs):
        report = make_report(designs)
        assert lines(report, "drivers") == [["Rubber with timber", "rubber", "−1.25"]]
        rows = lines(report, "sensitivity")
        assert [row[0] for row in rows].count("Twin") == 3
        assert rows[0][1] == f"{default_parameters()['crowding'].meaning} (crowding)"
        assert rows[1][1] == "ratio of roots to shoots (roots, rsr)"
        assert rows[2][1] == "other"

    def test_two_designs_of_one_name_are_told_apart(self, designs):
        designs.run["settings"]["scenarios"]["fruit"]["title"]["en"] = "Rubber with timber"
        names = [row[0] for row in lines(make_report(designs), "averages")]
        assert names == [
            "Rubber alone",
            "Rubber with timber (timber)",
            "Rubber with timber (fruit)",
        ]

    def test_without_prices_nothing_is_said_of_money(self, designs):
        bare = ReportSource({"summary": designs.table("summary")}, designs.run)
        assert "No prices were given" in warnings(make_report(bare))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Three sites: one of sheets, one whose file is gone, one of a run folder with a claim."""
    folder = tmp_path_factory.mktemp("portfolio")
    sites = made_sites.write(folder, 3)
    (folder / "t1.csv").unlink()
    inventory = rc.read_inventory(folder / "t2.csv", folder / "p2.csv")
    rc.write_run(rc.estimate_stocks(inventory), folder / "run")
    claim = rc.credit(amounts(10.0, co2e_t=18.0, years=2.0, area_ha=3.0), "iso-14064-2")
    rc.write_credit(claim, folder / "claim")
    sites.loc[2, ["inventory", "plots"]] = ""
    sites.assign(run=["", "", "run"], credit=["", "", "claim"]).to_csv(
        folder / "sites.csv", index=False
    )
    assert main(["portfolio", str(folder / "sites.csv"), "--out", str(folder / "out")]) == 1
    return folder


class TestPortfolio:
    def test_a_site_of_a_run_folder_has_that_folder_s_interval(self, many):
        own = pd.read_csv(many / "run" / "total.csv").iloc[-1]
        mine = pd.read_csv(many / "out" / "total.csv").set_index("number").loc["S003"]
        names = [n for n in own.index if n.endswith(("_sd", "_low", "_high")) and n in mine.index]
        assert len(names) > 20
        pd.testing.assert_series_equal(
            own[names].astype(float), mine[names].astype(float), check_names=False, rtol=1e-12
        )

    @pytest.mark.parametrize("language", ["en", "th"])
    def test_a_failed_site_says_why_and_a_claim_is_shown(self, many, language):
        report = make_report(report_source(many / "out"), language)
        rows = {row[0]: row for row in lines(report, "sites")}
        cause = messages.text("report_values", "cause_file_missing", language)
        assert rows["S002"][3].endswith(cause)
        assert "•••" not in " ".join(rows["S002"])
        assert lines(report, "site-credits")[0][0] == "S003"
        text = warnings(report)
        assert messages.text("report", "header_portfolio", language) in text
        assert messages.text("report", "header_none", language) not in text
        assert messages.text("report", "withheld_note", language) in text

    def test_inputs_of_claims_stand_under_the_number_of_their_site(self, many):
        record = json.loads((many / "out" / "run.json").read_text("utf-8"))
        assert {one["file"] for one in record["inputs"]} == {"sites", "S001", "S003"}


class TestStock:
    @pytest.mark.slow
    def test_shares_are_those_of_the_total(self, stocks):
        """A row counts for the land that it stands for, as it does in the total."""
        trees, total = stocks.trees, stocks.total.iloc[-1]
        rubber = trees[trees["species"] == "Hevea brasiliensis"]
        share = (rubber["agb_kg"] * rubber["represents"]).sum() / 10 / (
            total["agb_t"] + total["herb_t"])  # fmt: skip
        report = make_report(report_source(stocks))
        rows = {row[0]: row[-1] for row in table(report, "species").rows}
        assert rows["Hevea brasiliensis"] == pytest.approx(share)
        assert sum(rows.values()) == pytest.approx(100.0)
        models = {row[0]: row[4] for row in table(report, "models").rows}
        assert models["hevea_ensemble"] == pytest.approx(share)
        assert facts(report)["Rubber, share of above-ground biomass"] == f"{share:.0f} %"


class TestThai:
    @pytest.mark.slow
    def test_sentences_of_the_sample_are_in_thai(self, stocks):
        report = make_report(report_source(stocks, language="th"), "th")
        rows = stocks.assumptions.to_dict("records")
        cells = table(report, "assumptions").rows
        left = [
            row["assumption"] for row, cell in zip(rows, cells, strict=True)
            if row["topic"] not in QUOTED and not THAI.search(str(cell[1]))
        ]  # fmt: skip
        assert len(rows) > 50
        assert left == []
        assert not any(str(cell[2]).endswith(" 1") for cell in cells)

    @pytest.mark.slow
    def test_details_of_conditions_are_in_thai(self, change):
        claim = rc.credit(change, ["t-ver-s-meth-13-06", "gs-403"], site=make_site(SITE))
        rows = lines(make_report(report_source(claim, language="th"), "th"), "conditions")
        details = [row[4] for row in rows if re.search("[a-z]{3,}", row[4])]
        assert [one for one in details if not THAI.search(one)] == []

    def test_what_stands_for_a_value_stands_in_both(self):
        file = PACKAGE / "texts" / "sentences_th.toml"
        sentences = tomllib.loads(file.read_text("utf-8"))["sentences"]
        assert len(sentences) > 100
        for english, thai in sentences.items():
            fields = [
                {n for _, n, _, _ in string.Formatter().parse(t) if n} for t in (english, thai)
            ]
            assert fields[0] == fields[1], english

    def test_a_sentence_that_is_not_known_stays_as_it_is(self):
        assert messages.translated("Per culm, as its source says.", "th") == (
            "Per culm, as its source says."
        )
        assert messages.translated("360 rows", "en") == "360 rows"

    def test_only_intervals_of_numbers_are_said_in_thai(self):
        kept = "Chave 2004 (repeated readings; blunders of 4.64 cm are left to the checks)"
        assert messages.translated(kept, "th") == kept
        assert messages.translated("0.5 (-0.1 to 1.2e-05)", "th") == "0.5 (-0.1 ถึง 1.2e-05)"

    @pytest.mark.slow
    def test_intervals_on_the_screen_are_in_thai(self, capsys, tmp_path):
        words = ["change", str(SAMPLE / "trees_2567.csv"), str(SAMPLE / "trees.csv"), "--plots",
                 str(SAMPLE / "plots.csv"), "--out", str(tmp_path / "out"), "--lang", "th"]  # fmt: skip
        assert main(words) == 1
        said = capsys.readouterr().out
        assert re.search(r"\d ถึง \d", said)
        assert not re.search(r"\d to \d", said)


def test_a_folder_of_check_is_refused_with_a_sentence(tmp_path, capsys):
    words = ["check", str(SAMPLE / "trees.csv"), "--plots", str(SAMPLE / "plots.csv"), "--out",
             str(tmp_path / "check")]  # fmt: skip
    main(words)
    target = tmp_path / "report.html"
    assert main(["report", str(tmp_path / "check"), "--out", str(target)]) == 2
    assert "problems.xlsx" in capsys.readouterr().err
    assert not target.exists()
    with pytest.raises(ReportError, match="nothing to report"):
        report_source(tmp_path / "check")
