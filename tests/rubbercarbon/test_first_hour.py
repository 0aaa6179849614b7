"""The page of the first hour: what it says to type is typed, in order, in an empty folder."""

from __future__ import annotations

import html
import re
import shlex
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from rubbercarbon import cli

PAGE = Path(__file__).parents[2] / "docs" / "start" / "first_hour.md"
STEP = re.compile(
    r"^    (?P<command>rubbercarbon .+)$|^<!-- (?P<verb>\w+) (?P<rest>.+) -->$", re.MULTILINE
)
SHEETS = ("แปลง", "ต้นไม้")
GIRTH, STATUS, DATE = "เส้นรอบวง (ซม.)", "สถานะ", "วันที่สำรวจ"


class Reader:
    """Somebody who follows the page."""

    def __init__(self, page, folder, capsys):
        self.page, self.folder, self.capsys = page, folder, capsys
        self.codes, self.said = {}, {}  # by command line and by command

    def follow(self):
        for step in STEP.finditer(self.page):
            if step["command"]:
                self.type(step["command"])
            else:
                getattr(self, step["verb"])(*step["rest"].split())

    def type(self, command):
        words = shlex.split(command)[1:]
        code = cli.main(words)
        shown = self.capsys.readouterr()
        assert code != cli.CANNOT_RUN, f"{command}\n{shown.out}{shown.err}"
        self.codes[command] = code
        self.said.setdefault(words[0], []).append(shown.out)

    def save(self, name):
        if name.endswith(".toml"):
            block = re.search(rf"```toml\n(.+?)```\s+<!-- save {name} -->", self.page, re.DOTALL)
            (self.folder / name).write_text(block[1], encoding="utf-8")
        elif name == "survey_2567.xlsx":
            self._fill(self.folder / "inventory.xlsx", self.tables(), name)
        else:
            plots, trees = self.tables()
            plots[DATE] = "2569-05-22"
            dead = (trees["รหัสแปลง"] == "A1") & (trees["หมายเลขต้น"] == "5")
            trees[GIRTH] = [f"{float(girth) * 1.04:.1f}" for girth in trees[GIRTH]]
            trees.loc[dead, STATUS] = "ตาย"
            trees.loc[trees[GIRTH] == "592.8", GIRTH] = "59.3"
            self._fill(self.folder / "survey_2567.xlsx", (plots, trees), name)

    def mend(self, plot, tree, girth):
        path = self.folder / "survey_2567.xlsx"
        book = openpyxl.load_workbook(path)
        sheet = book[SHEETS[1]]
        column = [cell.value for cell in sheet[1]].index(GIRTH)
        row = next(
            r for r in sheet.iter_rows(min_row=2) if (r[0].value, r[1].value) == (plot, tree)
        )
        row[column].value = float(girth)
        book.save(path)

    def tables(self):
        """The two tables of the page, as typed."""
        found = []
        for block in re.findall(r"(?:^\|.+\|$\n?)+", self.page, re.MULTILINE):
            lines = [[c.strip() for c in line.strip("|").split("|")] for line in block.splitlines()]
            found.append(pd.DataFrame(lines[2:], columns=lines[0]))
        return found[0], found[1]

    def _fill(self, template, tables, name):
        book = openpyxl.load_workbook(template)
        for title, table in zip(SHEETS, tables, strict=True):
            sheet = book[title]
            heads = [cell.value for cell in sheet[1]]
            assert set(table.columns) <= set(heads), title
            sheet.delete_rows(2, sheet.max_row)
            for at, (_, row) in enumerate(table.iterrows(), start=2):
                for head, value in row.items():
                    number = re.fullmatch(r"\d+(\.\d+)?", value) and head != "หมายเลขต้น"
                    sheet.cell(at, heads.index(head) + 1, float(value) if number else value or None)
        book.save(self.folder / name)


@pytest.mark.skipif(
    sys.platform == "win32", reason="the page's commands are those of a Linux shell"
)
@pytest.mark.slow
def test_the_first_hour_as_the_page_tells_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    reader = Reader(PAGE.read_text("utf-8"), tmp_path, capsys)
    reader.follow()
    fault, fixed = ("น่าจะเป็น 57" in said for said in reader.said["check"])
    assert fault
    assert not fixed
    total = pd.read_csv("stock_2567/total.csv").iloc[-1]
    trees = pd.read_csv("stock_2567/trees.csv")
    assert total["n_trees"] == len(trees) == 22
    assert total["agb_t_ha"] == pytest.approx(trees["agb_kg"].sum() / 1000 / 0.04, rel=1e-9)
    assert set(reader.codes.values()) == {0}
    change = pd.read_csv("change/change_total.csv").iloc[-1]
    assert change["agb_t_growth"] > 0 > change["agb_t_mortality"]
    programmes = pd.read_csv("claim/programmes.csv").set_index("programme")
    assert list(programmes.index) == ["t-ver-s-meth-13-06", "t-ver-p-meth-13-01"]
    assert set(programmes["status"]) == {"SCREENING_ESTIMATE"}
    report = re.sub(r"<[^>]+>|\u2060", "", html.unescape(Path("report.html").read_text("utf-8")))
    assert "สวนฝึกหัด" in report
    assert "SCREENING_ESTIMATE" in report
    assert "พ.ศ.\u00a02569" in report
    assert Path("report.xlsx").stat().st_size > 5000
