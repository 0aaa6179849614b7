"""What reports say: the figures of their run, what limits them, what is missing."""

from __future__ import annotations

import dataclasses
import math
import re

import made_sites
import pandas as pd
import pytest
from made_reports import SITE, first_page, table_of, texts_of

import rubbercarbon as rc
from rubbercarbon import messages, registry
from rubbercarbon.errors import ReportError
from rubbercarbon.profiles import programmes as all_programmes
from rubbercarbon.report import SECTIONS, make_report
from rubbercarbon.report_blocks import (
    Figure,
    Table,
)
from rubbercarbon.report_findings import SAID, STATUSES, findings, status
from rubbercarbon.report_source import ReportSource, report_source
from rubbercarbon.report_words import Words
from rubbercarbon.runs import write_change
from rubbercarbon.sites import make_site


class TestContent:
    @pytest.mark.slow
    def test_memory_and_folder_give_the_same_report(self, sample_stocks, tmp_path):
        rc.write_run(sample_stocks, tmp_path / "run", language="th")
        mine = make_report(report_source(sample_stocks, language="th", site=SITE), "th")
        theirs = make_report(report_source(tmp_path / "run", site=SITE), "th")
        assert _plain(mine) == _plain(theirs)
        assert list(mine.tables) == list(theirs.tables)

    @pytest.mark.slow
    def test_a_change_and_its_folder_give_the_same_report(self, sample_change, tmp_path):
        write_change(sample_change, tmp_path / "run")
        mine = make_report(report_source(sample_change))
        assert _plain(mine) == _plain(make_report(report_source(tmp_path / "run")))
        assert any(isinstance(b, Figure) and b.id == "figure-change"
                   for s in mine.sections for b in s.blocks)  # fmt: skip

    @pytest.mark.slow
    def test_figures_are_those_of_the_run(self, sample_stocks):
        report = make_report(report_source(sample_stocks))
        total = sample_stocks.total.iloc[-1]
        summary = first_page(report)
        for name in ("carbon_t", "co2e_t", "co2e_t_low", "co2e_t_high", "co2e_t_rai"):
            assert f"{total[name]:,.1f}" in summary, name
        table = table_of(report, "stocks")
        assert [row[1] for row in table.rows] == pytest.approx(
            sample_stocks.plots["agb_t_ha"].tolist()
        )
        totals = table_of(report, "totals")
        assert totals.rows[-1][5] == pytest.approx(total["co2e_t"])
        shares = table_of(report, "attribution")
        assert sum(row[1] for row in shares.rows) == pytest.approx(100.0, abs=1e-6)

    @pytest.mark.slow
    def test_what_limits_the_figures_stands_first(self, sample_stocks):
        source = report_source(sample_stocks)
        found = {one.code for one in findings(source, Words("en"))}
        assert {"no_programme", "no_dossier", "out_of_domain", "grade_c", "no_sampling",
                "problems"} <= found  # fmt: skip
        report = make_report(source)
        outside = (
            sample_stocks.trees["flags"].str.contains("outside_")
            & sample_stocks.trees["agb_kg"].notna()
        )
        assert f"{int(outside.sum())} rows of trees lie outside" in first_page(report)
        assert "not a removal" in first_page(report)
        assert "NOT_CALCULABLE" in report.status
        refused = int((sample_stocks.problems["severity"] == "error").sum())
        assert f"{refused} rows were refused" in first_page(report)

    def test_a_claim_never_exceeds_a_project_estimate(self, sample_claim, sample_claims):
        """Unverified rules, an unknown document and an equation out of its range."""
        source = report_source(sample_claim)
        assert "VERIFICATION_READY_ESTIMATE" in source.table("programmes")["status"].tolist()
        for report in sample_claims.values():
            assert "PROJECT_ESTIMATE" in report.status
            assert "VERIFICATION_READY" not in " ".join(texts_of(report))
        page = first_page(sample_claims["en"])
        assert "text of the methodology was not seen (t-ver-s-meth-13-06)" in page
        assert "unknown whether the land document" in page
        assert "outside the range of their equation" in page
        assert "Alarm (t-ver-s-meth-13-06)" in page
        assert "154.6 t CO2e" in page
        assert "before buffer" in page

    @pytest.mark.parametrize("code", STATUSES)
    def test_a_status_is_lowered_by_a_cap_only(self, sample_claim, code):
        source = report_source(sample_claim)
        programmes = source.table("programmes").assign(status=code)
        changed = ReportSource({**source.tables, "programmes": programmes}, source.run, source.site)
        expected = min(STATUSES.index(code), 2)
        assert status(changed, findings(changed, Words("en"))) == STATUSES[expected]
        assert status(changed, ()) == code

    def test_the_ladder_shows_its_lines(self, sample_claims):
        report = sample_claims["en"]
        ladder = table_of(report, "ladder-1")
        assert [row[1] for row in ladder.rows] == pytest.approx(
            [640.2, -470.0, 170.2, 0.0, -3.1, 0.0, -12.5, 154.6]
        )
        assert table_of(report, "conditions").rows[1][3] == "unknown"
        assert table_of(report, "amounts").rows[1][0] == "vm0047-area"

    @pytest.mark.parametrize("programmes", [
        ["t-ver-s-meth-13-06", "vm0047-area"], pytest.param(None, marks=pytest.mark.slow),
    ])  # fmt: skip
    @pytest.mark.slow
    def test_a_credit_and_its_folder_give_the_same_report(
        self, sample_change, tmp_path, programmes
    ):
        result = rc.credit(
            sample_change, programmes or list(all_programmes()), site=make_site(SITE)
        )
        rc.write_credit(result, tmp_path / "run")
        mine = make_report(report_source(result), "th")
        assert _plain(mine) == _plain(make_report(report_source(tmp_path / "run"), "th"))
        assert result.status in mine.status
        text = " ".join(texts_of(mine))
        for award in result.awards.values():
            assert award.case.profile.title.th in text
        nets = [one.net_t_co2e for one in result.programmes.itertuples()]
        assert [row[-2] for row in table_of(mine, "amounts").rows] == pytest.approx(nets)
        # the reasons of every status are on the first page, each in words
        page = first_page(mine)
        for code in set(result.status_reasons["code"]) - SAID:
            assert messages.text("crediting", f"reason_{code}", "th") in page
        assert not re.search(r"\b(reason|line|condition|rule)_[a-z]", text)

    def test_a_stock_under_a_programme_is_no_claim(self, sample_stocks):
        result = rc.credit(sample_stocks, "t-ver-s-meth-13-01", site=make_site(SITE))
        report = make_report(report_source(result))
        assert "NOT_CALCULABLE" in report.status
        assert "no net figure can be calculated" in first_page(report)

    @pytest.mark.slow
    def test_a_dossier_fills_what_is_known(self, sample_stocks):
        report = make_report(report_source(sample_stocks, site=make_site(SITE)), "th")
        text = " ".join(texts_of(report))
        assert "แปลงสาธิตทดสอบ" in report.title
        assert "43 ไร่ 2 งาน 0 ตารางวา" in text
        assert "มิถุนายน พ.ศ.\u00a02549" in text
        assert "ไม่ทราบ" in text
        assert "ไม่มีข้อมูลประจำแปลงสาธิต" not in text
        species = [row[0] for row in table_of(report, "species").rows]
        assert "ยางพารา (Hevea brasiliensis)" in species

    def test_missing_tables_are_said_to_be_missing(self):
        report = make_report(ReportSource({}, {}, {}))
        text = " ".join(texts_of(report))
        assert "holds no stock, change or claim" in text
        assert "No programme was applied" in text
        assert report.status.endswith("(NOT_CALCULABLE)")

    def test_every_section_builds_from_nothing(self):
        words = Words("th")
        for name in registry.names(SECTIONS):
            built = registry.load(SECTIONS, name).build(ReportSource({}, {}, {}), words)
            assert built is None or built.blocks, name

    def test_ids_are_not_used_twice(self, sample_claims):
        report = sample_claims["en"]
        ids = [s.id for s in report.sections]
        ids += [b.id for s in report.sections for b in s.blocks if isinstance(b, Table | Figure)]
        assert len(ids) == len(set(ids))
        figures = [b for s in report.sections for b in s.blocks if isinstance(b, Figure)]
        assert figures
        assert {one.table for one in figures} <= set(ids)

    def test_sampling_carries_degrees_and_students_t(self):
        trees = pd.DataFrame({"plot_id": list("aabbcc"), "tree_id": list("123456"),
                              "species": "ยางพารา", "girth_cm": [60.0, 50, 70, 40, 65, 55]})  # fmt: skip
        plots = pd.DataFrame({"plot_id": list("abc"), "area_ha": 0.01, "stratum_area_ha": 5.0,
                              "stratum": "s", "plot_selection": "random"})  # fmt: skip
        source = report_source(rc.estimate_stocks(rc.read_inventory(trees, plots)))
        table = table_of(make_report(source), "sampling")
        # t of two degrees of freedom, two-sided 90 %: 2.920 (any table of Student's t)
        assert table.rows[0][4:6] == pytest.approx((2, 2.920), abs=5e-4)
        assert "no_sampling" not in {f.code for f in findings(source, Words("en"))}

    def test_a_difference_that_must_not_be_judged(self):
        """Shade and competition move it from loss to gain: said, and no chance is given."""
        name = "biomass_average_difference_t_c_ha"
        summary = pd.DataFrame({
            "scenario": ["base", "mixed"], "averaged_years": 25, "status": "SCREENING_ESTIMATE",
            name: [math.nan, -0.2], f"{name}_low": [math.nan, -1.1], f"{name}_high": [math.nan, 1.1],
            "p_greater": [math.nan, 0.46], "p_greater_status": ["", "withheld"],
            "difference_lowest_switch_t_c_ha": [math.nan, -0.2],
            "difference_highest_switch_t_c_ha": [math.nan, 8.6],
        })  # fmt: skip
        pools = pd.DataFrame({
            "scenario": ["base", "base", "mixed", "mixed"], "pool": "biomass", "year": [0, 1, 0, 1],
            "t_c_ha": [0.0, 1.0, 0.0, 2.0], "t_c_ha_low": [0.0, 0.5, 0.0, 1.0],
            "t_c_ha_high": [0.0, 2.0, 0.0, 3.0],
        })  # fmt: skip
        source = ReportSource({"summary": summary, "pools": pools}, {"baseline": "base"})
        report = make_report(source)
        assert "cannot be said which holds more" in first_page(report)
        assert "from −0.2 to 8.6" in first_page(report)
        assert "SCREENING_ESTIMATE" in report.status
        assert table_of(report, "differences").rows[0][:5] == ("mixed", -0.2, -1.1, 1.1, "withheld")

    @pytest.mark.jit
    def test_scenarios(self):
        runs = rc.project(["monoculture", "agroforestry_timber"], years=12, draws=0)
        report = make_report(report_source(rc.compare_scenarios(runs, baseline="monoculture")))
        text = " ".join(texts_of(report))
        assert "agroforestry_timber" in text
        assert "figure-scenarios" in {b.id for s in report.sections for b in s.blocks
                                      if isinstance(b, Figure)}  # fmt: skip
        assert {s.id for s in report.sections}.isdisjoint(
            {"section-land", "section-results", "section-ladder"}
        )

    def test_a_portfolio(self, tmp_path):
        made_sites.write(tmp_path, 3)
        found = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
        rc.write_portfolio(found, tmp_path / "run")
        report = make_report(report_source(tmp_path / "run"), "th")
        assert report.title == "รายงานรวมหลายแปลงสาธิต"
        sites = table_of(report, "sites")
        assert [row[-1] for row in sites.rows] == pytest.approx(found.sites["co2e_t_rai"].tolist())
        assert len(table_of(report, "coverage").rows) == len(found.coverage)
        assert "ALL" not in [cell for row in table_of(report, "site-strata").rows for cell in row]
        assert f"{found.total['co2e_t'].iloc[-1]:,.1f}" in first_page(report)
        ids = {section.id for section in report.sections}
        assert ids.isdisjoint({"section-land", "section-operator", "section-stand"})
        with pytest.raises(ReportError, match="or a run folder"):
            report_source(found)

    def test_an_estimate_without_areas(self):
        frame = pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0]})
        report = make_report(report_source(rc.estimate_stocks(rc.read_inventory(frame))))
        assert "area unknown" in first_page(report)
        assert table_of(report, "stocks").columns[1].label == "AGB, t"


def _plain(report):
    """Sections with figures that are not known as None, so that they compare."""

    def finite(value):
        if isinstance(value, dict):
            return {k: finite(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [finite(v) for v in value]
        return None if isinstance(value, float) and math.isnan(value) else value

    kept = {name: table.to_dict("records") for name, table in report.tables.items()}
    return finite([report.title, report.status, kept, report.record,
                   *(dataclasses.asdict(one) for one in report.sections)])  # fmt: skip
