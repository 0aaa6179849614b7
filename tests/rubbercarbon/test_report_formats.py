"""Reports as files: HTML, workbook, PDF and JSON say it as text; the command."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import python_calamine
from made_reports import HOSTILE, LANGUAGES, PACKAGE, SITE, hostile_inventory

import rubbercarbon as rc
from rubbercarbon import cli, registry
from rubbercarbon.errors import ReportError, RunFolderError
from rubbercarbon.report import make_report
from rubbercarbon.report_source import report_source


@pytest.fixture(scope="module")
def pages(sample_claims, tmp_path_factory):
    """The claim's report as HTML."""
    folder = tmp_path_factory.mktemp("pages")
    for language, report in sample_claims.items():
        registry.load("reports", "html").write(report, folder / language)
    return {language: (folder / language).read_text("utf-8") for language in LANGUAGES}


@pytest.fixture(scope="module")
def hostile():
    return rc.estimate_stocks(hostile_inventory())


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

    @pytest.mark.slow
    def test_the_same_run_gives_the_same_bytes(self, sample_claim, pages, tmp_path):
        assert rc.write_report(sample_claim, tmp_path / "r.html").read_text("utf-8") == pages["en"]


class TestHostile:
    """Names and notes that are markup, formulas, paths and controls stay letters."""

    @pytest.mark.slow
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

    @pytest.mark.slow
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
    @pytest.mark.slow
    def test_sheets_numbers_and_heads(self, sample_claims, sample_stocks, tmp_path):
        path = rc.write_report(sample_stocks, tmp_path / "r.xlsx", "th")
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        assert book.sheet_names[:5] == ["รายงาน", "ข้อมูลนำเข้า", "total", "plots", "trees"]
        rows = book.get_sheet_by_name("trees").to_python()
        assert rows[0] == list(sample_stocks.trees.columns)
        assert len(rows) == len(sample_stocks.trees) + 1
        column = rows[0].index("agb_kg")
        assert rows[1][column] == pytest.approx(
            float(sample_stocks.trees["agb_kg"].iloc[0]), rel=1e-12
        )
        inputs = dict(row[:2] for row in book.get_sheet_by_name("ข้อมูลนำเข้า").to_python())
        assert inputs["settings.level"] == 0.9
        assert any(str(key).endswith("sha256") for key in inputs)
        registry.load("reports", "workbook").write(sample_claims["en"], tmp_path / "c.xlsx")
        book = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "c.xlsx"))
        assert book.sheet_names[2:5] == ["programmes", "ladder", "conditions"]

    def test_a_long_table_says_that_it_was_cut(self, sample_stocks, tmp_path, monkeypatch):
        from rubbercarbon.reports import workbook

        monkeypatch.setattr(workbook, "MOST_ROWS", 20)
        path = rc.write_report(sample_stocks, tmp_path / "r.xlsx")
        rows = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_name(
            "trees").to_python()  # fmt: skip
        assert len(rows) == 22
        assert rows[-1][0] == f"Shown: 20 of {len(sample_stocks.trees)} rows."

    @pytest.mark.slow
    def test_names_of_sheets_that_excel_refuses(self, sample_stocks, tmp_path):
        source = report_source(sample_stocks)
        tables = {"a" * 40 + "1": source.table("plots"), "a" * 40 + "2": source.table("plots"),
                  "x/[y]": source.table("plots"), "empty": pd.DataFrame({"a": []})}  # fmt: skip
        report = dataclasses.replace(make_report(source), tables=tables)
        registry.load("reports", "workbook").write(report, tmp_path / "r.xlsx")
        names = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "r.xlsx")).sheet_names
        assert names[2:] == ["a" * 28, "a" * 28 + " 2", "x__y_", "empty"]


class TestJson:
    @pytest.mark.slow
    def test_it_holds_tables_and_blocks(self, sample_stocks, tmp_path):
        content = json.loads(rc.write_report(sample_stocks, tmp_path / "r.json").read_text("utf-8"))
        assert len(content["tables"]["trees"]) == len(sample_stocks.trees)
        assert content["tables"]["total"][-1]["co2e_t"] == sample_stocks.total["co2e_t"].iloc[-1]
        assert None in {row["height_m"] for row in content["tables"]["trees"]}
        kinds = {b["block"] for s in content["sections"] for b in s["blocks"]}
        assert kinds == {"paragraph", "facts", "table", "figure"}
        assert content["record"]["inputs"] == sample_stocks.run["inputs"]

    @pytest.mark.slow
    def test_no_figure_that_is_not_a_number(self, sample_stocks, tmp_path):
        text = rc.write_report(sample_stocks, tmp_path / "r.json").read_text("utf-8")

        def refuse(word):
            raise AssertionError(word)

        json.loads(text, parse_constant=refuse)


class TestPdf:
    def test_without_the_extra_a_sentence_says_what_to_install(
        self, sample_stocks, tmp_path, monkeypatch
    ):
        monkeypatch.setitem(sys.modules, "typst", None)
        with pytest.raises(ReportError, match=r"pip install typst"):
            rc.write_report(sample_stocks, tmp_path / "r.pdf")
        assert not list(tmp_path.iterdir())


class TestCommand:
    @pytest.fixture
    def run_folder(self, tmp_path):
        frame = pd.DataFrame({"plot_id": ["a"], "tree_id": ["1"], "species": ["ยางพารา"],
                              "girth_cm": [60.0], "plot_area_m2": [40.0]})  # fmt: skip
        return rc.write_run(rc.estimate_stocks(rc.read_inventory(frame)), tmp_path / "run")

    def run(self, *words):
        return cli.main([str(word) for word in words])

    @pytest.mark.slow
    @pytest.mark.parametrize("suffix", ["html", "xlsx", "json"])
    def test_the_suffix_names_the_format(self, run_folder, tmp_path, capsys, suffix):
        out = tmp_path / f"รายงาน.{suffix}"
        for _ in range(2):  # a report is written over the former one
            assert self.run("report", run_folder, "--out", out, "--lang", "th") == 0
        assert out.stat().st_size > 1000
        assert "บันทึกไว้ที่" in capsys.readouterr().out
        assert {p.name for p in tmp_path.iterdir()} == {"run", out.name}

    @pytest.mark.slow
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
            (
                ["--out", "site.toml", "--format", "json", "--site", "site.toml"],
                "is an input of this run",
            ),
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


def test_what_is_no_result_is_refused(tmp_path, sample_stocks):
    with pytest.raises(ReportError, match="cannot be made of DataFrame"):
        rc.write_report(sample_stocks.plots, tmp_path / "r.html")
    with pytest.raises(ReportError, match="not 'de'"):
        rc.write_report(sample_stocks, tmp_path / "r.html", "de")


def test_an_incomplete_run_folder_is_refused(sample_claim, tmp_path):
    copy = shutil.copytree(sample_claim, tmp_path / "copy")
    (copy / "site.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"site\.json"):
        rc.write_report(copy, tmp_path / "r.html")
    (copy / "ladder.csv").unlink()
    with pytest.raises(RunFolderError, match=r"no ladder\.csv"):
        rc.write_report(copy, tmp_path / "r.html")


def _hostile_site():
    site = json.loads(json.dumps(SITE))
    site["operator"]["name"] = "x" * 10_000
    site["design"]["note"] = HOSTILE[0] + HOSTILE[2]
    return site
