"""Reports: what they say, and that every format says it as text."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
import string
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import made_sites
import pandas as pd
import pytest
import python_calamine
from effort import first
from made_reports import HOSTILE, SITE, credit_folder, hostile_inventory

import rubbercarbon as rc
from rubbercarbon import cli, messages, registry, report_figures
from rubbercarbon.errors import ReportError, RunFolderError
from rubbercarbon.profiles import programmes as all_programmes
from rubbercarbon.report import SECTIONS, make_report
from rubbercarbon.report_blocks import (
    FIGURE_COLOURS,
    Column,
    Facts,
    Figure,
    Paragraph,
    Table,
    literal_colours,
    shown,
    visible,
)
from rubbercarbon.report_findings import SAID, STATUSES, findings, status
from rubbercarbon.report_source import ReportSource, report_source
from rubbercarbon.report_words import Words
from rubbercarbon.runs import write_change
from rubbercarbon.sites import make_site

PACKAGE = Path(rc.__file__).parent
SAMPLE = PACKAGE / "sample"
LANGUAGES = ("en", "th")


@pytest.fixture(scope="module")
def stocks():
    return rc.estimate_stocks(rc.read_inventory(SAMPLE / "trees.csv", SAMPLE / "plots.csv"))


@pytest.fixture(scope="module")
def change():
    trees = pd.read_csv(SAMPLE / "trees.csv", dtype=str).head(160)
    later = trees.assign(girth_cm=pd.to_numeric(trees["girth_cm"], errors="coerce") * 1.06)
    plots = pd.read_csv(SAMPLE / "plots.csv")
    return rc.compare_inventories(
        rc.read_inventory(trees, plots), rc.read_inventory(later.drop(index=[10, 11]), plots)
    )


@pytest.fixture(scope="module")
def claim(change, tmp_path_factory):
    folder = tmp_path_factory.mktemp("claim") / "run"
    write_change(change, folder)
    return credit_folder(folder)


@pytest.fixture(scope="module")
def claims(claim):
    """The claim's report in both languages."""
    return {language: make_report(report_source(claim), language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def pages(claims, tmp_path_factory):
    """The same as HTML."""
    folder = tmp_path_factory.mktemp("pages")
    for language, report in claims.items():
        registry.load("reports", "html").write(report, folder / language)
    return {language: (folder / language).read_text("utf-8") for language in LANGUAGES}


@pytest.fixture(scope="module")
def hostile():
    return rc.estimate_stocks(hostile_inventory())


def texts_of(report):
    """Every text that a report shows."""
    yield from (report.title, report.subtitle, report.status)
    for section in report.sections:
        yield section.title
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield block.text
            elif isinstance(block, Facts):
                for fact in block.rows:
                    yield from (fact.label, fact.value, fact.trace)
            elif isinstance(block, Table):
                yield from (block.caption, block.note)
                for row in block.rows:
                    yield from (shown(c, k) for c, k in zip(row, block.columns, strict=True))
            else:
                yield from (block.caption, block.alt)


def first_page(report):
    """Title, status and summary."""
    return " ".join([report.status, *(b.text for b in report.sections[0].blocks
                                      if isinstance(b, Paragraph))])  # fmt: skip


class Page(HTMLParser):
    """Tags, ids and the text that a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.quiet = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.quiet += tag == "style"

    def handle_endtag(self, tag):
        self.quiet -= tag == "style"

    def handle_data(self, data):
        if not self.quiet:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


class TestTexts:
    @pytest.mark.parametrize("section", ["report", "report_columns", "report_values"])
    def test_both_languages_have_the_same_texts_with_the_same_fields(self, section):
        catalogue = {
            language: tomllib.loads((PACKAGE / "texts" / f"{language}.toml").read_text("utf-8"))
            for language in LANGUAGES
        }
        english, thai = (catalogue[language][section] for language in LANGUAGES)
        assert english.keys() == thai.keys()
        for key, text in english.items():
            fields = [{n for _, n, _, _ in string.Formatter().parse(t) if n}
                      for t in (text, thai[key])]  # fmt: skip
            # Thai adds the Buddhist year
            assert fields[0] - {"iso"} <= fields[1] | {"be", "ce"}, key

    def test_every_text_that_code_asks_for_is_there(self):
        code = "".join(
            path.read_text("utf-8")
            for path in [*PACKAGE.glob("report*.py"), *(PACKAGE / SECTIONS).glob("*.py")]
        )
        asked = set(re.findall(r'words\.text\(\s*"(\w+)"', code))
        asked |= set(re.findall(r'missing\(words, "(\w+)"', code))
        assert len(asked) > 60
        assert asked <= set(messages.keys("report"))
        assert set(re.findall(r'words\.column\("(\w+)"', code)) <= set(
            messages.keys("report_columns")
        )

    def test_years_areas_and_dates(self):
        thai, english = Words("th"), Words("en")
        assert thai.year(2006) == "พ.ศ.\u00a02549 (ค.ศ.\u00a02006)"
        assert english.year(2006) == "2006"
        assert thai.date("2024-03-15") == "15\u00a0มีนาคม พ.ศ.\u00a02567 (ค.ศ.\u00a02024)"
        assert english.date("2024-03-15") == "15 March 2024"
        assert english.date("spring") == "spring"
        assert thai.month(6, 2006) == "มิถุนายน พ.ศ.\u00a02549 (ค.ศ.\u00a02006)"
        # 6 rai 2 ngan 75 wa = 6·1600 + 2·400 + 75·4 = 10,700 m2
        assert english.area(1.07) == "6 rai 2 ngan 75 wa (1.07 ha)"
        assert thai.area(1.07) == "6 ไร่ 2 งาน 75 ตารางวา (1.07 เฮกตาร์)"
        assert english.area(0.16) == "1 rai 0 ngan 0 wa (0.16 ha)"
        for nothing in (None, "", float("nan"), "x"):
            assert english.area(nothing) == "unknown"
            assert thai.year(nothing) == "ไม่ทราบ"

    def test_codes_without_a_word_stay_readable(self):
        assert Words("th").value("state", "met") == "ผ่าน"
        assert Words("en").value("state", "not_seen_before") == "not seen before"
        assert Words("en").value("topic", "note of the record") == "note of the record"
        assert Words("th").value("state", None) == "ไม่ทราบ"

    def test_long_lists_say_how_much_is_left_out(self):
        assert Words("en").listed("abcdefgh", 6) == "a, b, c, d, e, f and 2 more"


class TestBlocks:
    def test_controls_are_written_out(self):
        assert visible("a\u202eb\x00\u2066\ud800") == "a[U+202E]b[U+0000][U+2066][U+D800]"
        assert visible("ที่ น้ำ\n\tx") == "ที่ น้ำ\n\tx"

    def test_cells(self):
        column = Column("x", "number", 2)
        assert shown(1234.567, column) == "1,234.57"
        assert shown(-0.0001, column) == "0.00"
        assert shown(float("nan"), column) == "–"
        assert shown("", column) == "–"
        assert shown(3, Column("x", "number", 0)) == "3"

    @pytest.mark.parametrize("side", [0, 1])
    def test_colours_of_figures_stand_out(self, side):
        """WCAG 2.1, 1.4.11: 3 to 1 for parts of figures; 4.5 to 1 for text."""

        def luminance(colour):
            parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        paper = luminance(FIGURE_COLOURS["paper"][side])
        for name, pair in FIGURE_COLOURS.items():
            ends = sorted([luminance(pair[side]), paper])
            contrast = (ends[1] + 0.05) / (ends[0] + 0.05)
            if name not in {"paper", "rule"}:
                assert contrast >= (4.5 if name in {"ink", "quiet"} else 3.0), name


class TestFigures:
    def test_a_figure_is_the_same_twice_and_names_its_colours(self):
        made = [
            report_figures.bars(
                "f1", ["$x_{$", "var(--green)", 'id="q" #0101e1'],
                [report_figures.Bars("a", [1, -2, 3], [0, -3, 2], [2, -1, 4])], "t/ha",
            )
            for _ in range(2)
        ]  # fmt: skip
        assert made[0] == made[1]
        tags = "".join(re.findall(r"<[^>]*>", made[0]))
        assert set(re.findall(r"var\(--(\w+)\)", tags)) <= set(FIGURE_COLOURS)
        assert not re.search(r"#[0-9a-f]{6}\b", tags)
        assert "<metadata" not in made[0]
        assert "<style" not in made[0]
        # what is a name stays a name
        assert "$x_{$" in made[0]
        assert 'id="q" #0101e1' in made[0].replace("&quot;", '"')
        assert "var(--" not in "".join(re.findall(r"<[^>]*>", literal_colours(made[0])))
        assert ">var(--green)<" in literal_colours(made[0])

    def test_ids_of_two_figures_differ(self):
        ids = [
            set(re.findall(r'id="([^"]+)"', report_figures.lines(
                key, [report_figures.Line("x", [0, 1], [1, 2], [0, 1], [2, 3])], "y", "z")))
            for key in ("one", "two")
        ]  # fmt: skip
        assert ids[0]
        assert not ids[0] & ids[1]

    def test_steps_of_a_ladder_join(self):
        """Each step starts where the one above ended: read from the drawn bars."""
        names, values = ["gross", "baseline", "leakage", "net"], [100.0, -20.0, -5.0, 75.0]
        svg = report_figures.waterfall("w", names, values, {0, 3}, "t")
        paths = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="fill: var', svg)
        edges = []
        for path in paths:
            xs = [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path)]
            edges.append((min(xs), max(xs)))
        zero, full = edges[0]
        unit = (full - zero) / 100.0
        measured = [((low - zero) / unit, (high - zero) / unit) for low, high in edges[:4]]
        expected = [(0, 100), (80, 100), (75, 80), (0, 75)]
        for got, want in zip(measured, expected, strict=True):
            assert got == pytest.approx(want, abs=0.01)


class TestContent:
    @pytest.mark.slow
    def test_memory_and_folder_give_the_same_report(self, stocks, tmp_path):
        rc.write_run(stocks, tmp_path / "run", language="th")
        mine = make_report(report_source(stocks, language="th", site=SITE), "th")
        theirs = make_report(report_source(tmp_path / "run", site=SITE), "th")
        assert _plain(mine) == _plain(theirs)
        assert list(mine.tables) == list(theirs.tables)

    def test_a_change_and_its_folder_give_the_same_report(self, change, tmp_path):
        write_change(change, tmp_path / "run")
        mine = make_report(report_source(change))
        assert _plain(mine) == _plain(make_report(report_source(tmp_path / "run")))
        assert any(isinstance(b, Figure) and b.id == "figure-change"
                   for s in mine.sections for b in s.blocks)  # fmt: skip

    def test_figures_are_those_of_the_run(self, stocks):
        report = make_report(report_source(stocks))
        total = stocks.total.iloc[-1]
        summary = first_page(report)
        for name in ("carbon_t", "co2e_t", "co2e_t_low", "co2e_t_high", "co2e_t_rai"):
            assert f"{total[name]:,.1f}" in summary, name
        table = _table(report, "stocks")
        assert [row[1] for row in table.rows] == pytest.approx(stocks.plots["agb_t_ha"].tolist())
        totals = _table(report, "totals")
        assert totals.rows[-1][5] == pytest.approx(total["co2e_t"])
        shares = _table(report, "attribution")
        assert sum(row[1] for row in shares.rows) == pytest.approx(100.0, abs=1e-6)

    def test_what_limits_the_figures_stands_first(self, stocks):
        source = report_source(stocks)
        found = {one.code for one in findings(source, Words("en"))}
        assert {"no_programme", "no_dossier", "out_of_domain", "grade_c", "no_sampling",
                "problems"} <= found  # fmt: skip
        report = make_report(source)
        outside = stocks.trees["flags"].str.contains("outside_") & stocks.trees["agb_kg"].notna()
        assert f"{int(outside.sum())} rows of trees lie outside" in first_page(report)
        assert "not a removal" in first_page(report)
        assert "NOT_CALCULABLE" in report.status
        refused = int((stocks.problems["severity"] == "error").sum())
        assert f"{refused} rows were refused" in first_page(report)

    def test_a_claim_never_exceeds_a_project_estimate(self, claim, claims):
        """Unverified rules, an unknown document and an equation out of its range."""
        source = report_source(claim)
        assert "VERIFICATION_READY_ESTIMATE" in source.table("programmes")["status"].tolist()
        for report in claims.values():
            assert "PROJECT_ESTIMATE" in report.status
            assert "VERIFICATION_READY" not in " ".join(texts_of(report))
        page = first_page(claims["en"])
        assert "text of the methodology was not seen (t-ver-s-meth-13-06)" in page
        assert "unknown whether the land document" in page
        assert "outside the range of their equation" in page
        assert "Alarm (t-ver-s-meth-13-06)" in page
        assert "154.6 t CO2e" in page
        assert "before buffer" in page

    @pytest.mark.parametrize("code", STATUSES)
    def test_a_status_is_lowered_by_a_cap_only(self, claim, code):
        source = report_source(claim)
        programmes = source.table("programmes").assign(status=code)
        changed = ReportSource({**source.tables, "programmes": programmes}, source.run, source.site)
        expected = min(STATUSES.index(code), 2)
        assert status(changed, findings(changed, Words("en"))) == STATUSES[expected]
        assert status(changed, ()) == code

    def test_the_ladder_shows_its_lines(self, claims):
        report = claims["en"]
        ladder = _table(report, "ladder-1")
        assert [row[1] for row in ladder.rows] == pytest.approx(
            [640.2, -470.0, 170.2, 0.0, -3.1, 0.0, -12.5, 154.6]
        )
        assert _table(report, "conditions").rows[1][3] == "unknown"
        assert _table(report, "amounts").rows[1][0] == "vm0047-area"

    @pytest.mark.parametrize("programmes", [
        ["t-ver-s-meth-13-06", "vm0047-area"], pytest.param(None, marks=pytest.mark.slow),
    ])  # fmt: skip
    @pytest.mark.slow
    def test_a_credit_and_its_folder_give_the_same_report(self, change, tmp_path, programmes):
        result = rc.credit(change, programmes or list(all_programmes()), site=make_site(SITE))
        rc.write_credit(result, tmp_path / "run")
        mine = make_report(report_source(result), "th")
        assert _plain(mine) == _plain(make_report(report_source(tmp_path / "run"), "th"))
        assert result.status in mine.status
        text = " ".join(texts_of(mine))
        for award in result.awards.values():
            assert award.case.profile.title.th in text
        nets = [one.net_t_co2e for one in result.programmes.itertuples()]
        assert [row[-2] for row in _table(mine, "amounts").rows] == pytest.approx(nets)
        # the reasons of every status are on the first page, each in words
        page = first_page(mine)
        for code in set(result.status_reasons["code"]) - SAID:
            assert messages.text("crediting", f"reason_{code}", "th") in page
        assert not re.search(r"\b(reason|line|condition|rule)_[a-z]", text)

    def test_a_stock_under_a_programme_is_no_claim(self, stocks):
        result = rc.credit(stocks, "t-ver-s-meth-13-01", site=make_site(SITE))
        report = make_report(report_source(result))
        assert "NOT_CALCULABLE" in report.status
        assert "no net figure can be calculated" in first_page(report)

    def test_a_dossier_fills_what_is_known(self, stocks):
        report = make_report(report_source(stocks, site=make_site(SITE)), "th")
        text = " ".join(texts_of(report))
        assert "แปลงสาธิตทดสอบ" in report.title
        assert "43 ไร่ 2 งาน 0 ตารางวา" in text
        assert "มิถุนายน พ.ศ.\u00a02549" in text
        assert "ไม่ทราบ" in text
        assert "ไม่มีข้อมูลประจำแปลงสาธิต" not in text

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

    def test_ids_are_not_used_twice(self, claims):
        report = claims["en"]
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
        table = _table(make_report(source), "sampling")
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
        assert _table(report, "differences").rows[0][:5] == ("mixed", -0.2, -1.1, 1.1, "withheld")

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
        sites = _table(report, "sites")
        assert [row[-1] for row in sites.rows] == pytest.approx(found.sites["co2e_t_rai"].tolist())
        assert len(_table(report, "coverage").rows) == len(found.coverage)
        assert "ALL" not in [cell for row in _table(report, "site-strata").rows for cell in row]
        assert f"{found.total['co2e_t'].iloc[-1]:,.1f}" in first_page(report)
        ids = {section.id for section in report.sections}
        assert ids.isdisjoint({"section-land", "section-operator", "section-stand"})
        with pytest.raises(ReportError, match="or a run folder"):
            report_source(found)

    def test_an_estimate_without_areas(self):
        frame = pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0]})
        report = make_report(report_source(rc.estimate_stocks(rc.read_inventory(frame))))
        assert "area unknown" in first_page(report)
        assert _table(report, "stocks").columns[1].label == "AGB, t"


class TestHtml:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_one_file_that_loads_nothing(self, pages, language):
        text = pages[language]
        page = Page(text)
        assert "default-src 'none'" in text
        names = {name for name, _ in page.tags}
        assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "image"}
        for _, attributes in page.tags:
            for name in ("src", "srcset", "action", "data"):
                assert name not in attributes
            assert not any(name.startswith("on") for name in attributes)
            for name in ("href", "xlink:href"):
                assert attributes.get(name, "#").startswith("#")
        assert set(re.findall(r"url\(([^)]{5})", text)) <= {"data:"} | {
            u for u in re.findall(r"url\(([^)]{5})", text) if u.startswith("#")
        }
        assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text).replace("http-equiv", "")

    def test_it_can_be_read_by_a_screen_reader(self, pages):
        page = Page(pages["th"])
        assert page.all("html") == [{"lang": "th"}]
        levels = [int(name[1]) for name, _ in page.tags if re.fullmatch(r"h[1-6]", name)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
        assert len(page.all("caption")) == len([t for t in page.all("table") if "id" in t])
        assert all("aria-label" in t or "id" in t for t in page.all("table"))
        assert all(th.get("scope") in {"col", "row"} for th in page.all("th"))
        drawings = [d for d in page.all("div") if d.get("role") == "img"]
        assert len(drawings) == len(page.all("svg")) > 2
        assert all(d["aria-label"] for d in drawings)
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for a in page.all("a"):
            assert a["href"][1:] in ids

    def test_the_same_run_gives_the_same_bytes(self, claim, pages, tmp_path):
        assert rc.write_report(claim, tmp_path / "r.html").read_text("utf-8") == pages["en"]


class TestHostile:
    """Names and notes that are markup, formulas, paths and controls stay letters."""

    def test_html(self, hostile, tmp_path):
        text = rc.write_report(hostile, tmp_path / "r.html", site=_hostile_site()).read_text(
            "utf-8"
        )
        page = Page(text)
        seen = " ".join("".join(page.text).split())
        assert not page.all("script")
        for word in HOSTILE[:5]:
            assert " ".join(word.split()) in seen, word
        assert "49" not in seen.split("{{")[0][-5:]
        assert "[U+202E]" in seen
        assert "\u202e" not in text
        assert "\x00" not in text
        assert "[10,000 characters]" in seen

    def test_json_holds_it_whole(self, hostile, tmp_path):
        text = rc.write_report(hostile, tmp_path / "r.json", site=_hostile_site()).read_text(
            "utf-8"
        )
        assert "\u202e" not in text
        content = json.loads(text)
        plots = {row["plot_id"] for row in content["tables"]["plots"]}
        assert plots >= set(HOSTILE[:5])
        assert content["record"]["site"]["operator"]["name"] == "x" * 10_000

    def test_workbook(self, hostile, tmp_path):
        path = rc.write_report(hostile, tmp_path / "r.xlsx", site=_hostile_site())
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        cells = [cell for row in book.get_sheet_by_name("plots").to_python() for cell in row]
        for word in HOSTILE[:5]:
            assert word in cells
        import zipfile

        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if "sheet" in name:
                    content = archive.read(name).decode()
                    assert "<f>" not in content
                    assert "hyperlink" not in content

    def test_a_template_is_never_made_of_data(self, hostile, tmp_path, monkeypatch):
        typst = pytest.importorskip("typst", reason="the extra pdf is not installed")
        seen = {}

        def compile_(path, **options):
            seen["template"] = Path(path).read_bytes()
            seen["files"] = sorted(p.name for p in Path(options["root"]).iterdir())
            seen.update(options)
            return b"%PDF"

        monkeypatch.setattr(typst, "compile", compile_)
        rc.write_report(hostile, tmp_path / "r.pdf", site=_hostile_site())
        assert seen["template"] == (PACKAGE / "reports" / "report.typ").read_bytes()
        assert all(
            re.fullmatch(r"report\.(json|typ)|figure-[a-z0-9-]+\.svg", f) for f in seen["files"]
        )
        assert seen["ignore_system_fonts"] is True
        assert not Path(seen["root"]).exists()


class TestWorkbook:
    def test_sheets_numbers_and_heads(self, claims, stocks, tmp_path):
        path = rc.write_report(stocks, tmp_path / "r.xlsx", "th")
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        assert book.sheet_names[:5] == ["รายงาน", "ข้อมูลนำเข้า", "total", "plots", "trees"]
        rows = book.get_sheet_by_name("trees").to_python()
        assert rows[0] == list(stocks.trees.columns)
        assert len(rows) == len(stocks.trees) + 1
        column = rows[0].index("agb_kg")
        assert rows[1][column] == pytest.approx(float(stocks.trees["agb_kg"].iloc[0]), rel=1e-12)
        inputs = dict(row[:2] for row in book.get_sheet_by_name("ข้อมูลนำเข้า").to_python())
        assert inputs["settings.level"] == 0.9
        assert any(str(key).endswith("sha256") for key in inputs)
        registry.load("reports", "workbook").write(claims["en"], tmp_path / "c.xlsx")
        book = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "c.xlsx"))
        assert book.sheet_names[2:5] == ["programmes", "ladder", "conditions"]

    def test_a_long_table_says_that_it_was_cut(self, stocks, tmp_path, monkeypatch):
        from rubbercarbon.reports import workbook

        monkeypatch.setattr(workbook, "MOST_ROWS", 20)
        path = rc.write_report(stocks, tmp_path / "r.xlsx")
        rows = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_name(
            "trees").to_python()  # fmt: skip
        assert len(rows) == 22
        assert rows[-1][0] == f"Shown: 20 of {len(stocks.trees)} rows."

    def test_names_of_sheets_that_excel_refuses(self, stocks, tmp_path):
        source = report_source(stocks)
        tables = {"a" * 40 + "1": source.table("plots"), "a" * 40 + "2": source.table("plots"),
                  "x/[y]": source.table("plots"), "empty": pd.DataFrame({"a": []})}  # fmt: skip
        report = dataclasses.replace(make_report(source), tables=tables)
        registry.load("reports", "workbook").write(report, tmp_path / "r.xlsx")
        names = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "r.xlsx")).sheet_names
        assert names[2:] == ["a" * 28, "a" * 28 + " 2", "x__y_", "empty"]


class TestJson:
    def test_it_holds_tables_and_blocks(self, stocks, tmp_path):
        content = json.loads(rc.write_report(stocks, tmp_path / "r.json").read_text("utf-8"))
        assert len(content["tables"]["trees"]) == len(stocks.trees)
        assert content["tables"]["total"][-1]["co2e_t"] == stocks.total["co2e_t"].iloc[-1]
        assert None in {row["height_m"] for row in content["tables"]["trees"]}
        kinds = {b["block"] for s in content["sections"] for b in s["blocks"]}
        assert kinds == {"paragraph", "facts", "table", "figure"}
        assert content["record"]["inputs"] == stocks.run["inputs"]

    def test_no_figure_that_is_not_a_number(self, stocks, tmp_path):
        text = rc.write_report(stocks, tmp_path / "r.json").read_text("utf-8")

        def refuse(word):
            raise AssertionError(word)

        json.loads(text, parse_constant=refuse)


class TestPdf:
    def test_without_the_extra_a_sentence_says_what_to_install(self, stocks, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "typst", None)
        with pytest.raises(ReportError, match=r"pip install typst"):
            rc.write_report(stocks, tmp_path / "r.pdf")
        assert not list(tmp_path.iterdir())


class TestCommand:
    @pytest.fixture
    def run_folder(self, tmp_path):
        frame = pd.DataFrame({"plot_id": ["a"], "tree_id": ["1"], "species": ["ยางพารา"],
                              "girth_cm": [60.0], "plot_area_m2": [40.0]})  # fmt: skip
        return rc.write_run(rc.estimate_stocks(rc.read_inventory(frame)), tmp_path / "run")

    def run(self, *words):
        return cli.main([str(word) for word in words])

    @pytest.mark.parametrize("suffix", first(["html", "xlsx", "json"]))
    def test_the_suffix_names_the_format(self, run_folder, tmp_path, capsys, suffix):
        out = tmp_path / f"รายงาน.{suffix}"
        for _ in range(2):  # a report is written over the former one
            assert self.run("report", run_folder, "--out", out, "--lang", "th") == 0
        assert out.stat().st_size > 1000
        assert "บันทึกไว้ที่" in capsys.readouterr().out
        assert {p.name for p in tmp_path.iterdir()} == {"run", out.name}

    def test_the_format_may_be_said(self, run_folder, tmp_path):
        assert self.run("report", run_folder, "--out", tmp_path / "r.txt", "--format", "json") == 0
        assert json.loads((tmp_path / "r.txt").read_text("utf-8"))["language"] == "en"

    def test_a_dossier_is_read(self, run_folder, tmp_path):
        site = tmp_path / "site.toml"
        site.write_text('[site]\nid = "S1"\nname = "แปลงน้ำ"\n', encoding="utf-8")
        out = tmp_path / "r.html"
        assert self.run("report", run_folder, "--out", out, "--site", site) == 0
        assert "แปลงน้ำ" in out.read_text("utf-8")

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--out", "r.doc"], "not written as 'doc'"),
            (["--out", "r"], "not written as 'r'"),
            (["--out", "."], "is a folder"),
            (["--out", "none/r.html"], "does not exist"),
            (["--out", "r.html", "--site", "none.toml"], "cannot be read"),
            (["--out", "site.toml", "--format", "json", "--site", "site.toml"], "site's dossier"),
        ],
    )
    def test_what_cannot_be_done_is_said(self, run_folder, tmp_path, capsys, monkeypatch, words, sentence):  # fmt: skip
        monkeypatch.chdir(tmp_path)
        Path("site.toml").write_text('[site]\nid = "S1"\n', encoding="utf-8")
        assert self.run("report", run_folder, *words) == 2
        assert sentence in capsys.readouterr().err
        assert Path("site.toml").read_text("utf-8") == '[site]\nid = "S1"\n'

    def test_no_run_folder(self, tmp_path, capsys):
        assert self.run("report", tmp_path, "--out", tmp_path / "r.html") == 2
        assert "not a run folder" in capsys.readouterr().err


def test_what_is_no_result_is_refused(tmp_path, stocks):
    with pytest.raises(ReportError, match="cannot be made of DataFrame"):
        rc.write_report(stocks.plots, tmp_path / "r.html")
    with pytest.raises(ReportError, match="not 'de'"):
        rc.write_report(stocks, tmp_path / "r.html", "de")


def test_an_incomplete_run_folder_is_refused(claim, tmp_path):
    import shutil

    copy = shutil.copytree(claim, tmp_path / "copy")
    (copy / "site.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"site\.json"):
        rc.write_report(copy, tmp_path / "r.html")
    (copy / "ladder.csv").unlink()
    with pytest.raises(RunFolderError, match=r"no ladder\.csv"):
        rc.write_report(copy, tmp_path / "r.html")


def _table(report, key):
    return next(
        b for s in report.sections for b in s.blocks if isinstance(b, Table) and b.id == key
    )


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


def _hostile_site():
    site = json.loads(json.dumps(SITE))
    site["operator"]["name"] = "x" * 10_000
    site["design"]["note"] = HOSTILE[0] + HOSTILE[2]
    return site
