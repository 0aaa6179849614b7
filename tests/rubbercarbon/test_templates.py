"""Templates are read back without a word; `check` colours a copy of the sheet."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from effort import first
from made_sheets import book, thai
from planted import HEAD, clean, plant, plots_of

import allometry as al
import rubbercarbon as rc
from rubbercarbon.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("language", first(["th", "en"]))
def test_a_filled_template_raises_nothing(tmp_path, language):
    from rubbercarbon.sheet_templates import SHEETS, columns, write_workbook

    write_workbook(tmp_path / "empty.xlsx", language)
    trees, plots = clean(500, 3), plots_of(clean(500, 3))
    table = {name: trees[name] for name in trees if name in {c["name"] for c in columns("trees")}}
    filled = pd.DataFrame({c[language]: table.get(c["name"], "") for c in columns("trees")})
    given_plots = plots.assign(
        area_rai=plots["area_ha"] * 6.25, date="15/3/2567", planting_year=2549
    )
    lower = pd.DataFrame({
        c[language]: given_plots.get(c["name"])
        for c in columns("plots")
    })  # fmt: skip
    book(tmp_path / "filled.xlsx", {SHEETS[language][0]: lower, SHEETS[language][1]: filled})
    inventory = rc.read_inventory(tmp_path / "filled.xlsx")
    problems = rc.estimate_stocks(inventory).found_problems
    assert [(item.code, item.row, item.value) for item in problems.items] == []
    np.testing.assert_allclose(inventory.plots["area_ha"], plots["area_ha"], rtol=1e-9)
    blank = rc.read_inventory(tmp_path / "empty.xlsx")
    assert blank.trees["refused"].tolist() == ["example_row"]


@pytest.mark.slow
def test_the_form_for_phones_passes_a_validator_and_its_names_are_ours(tmp_path):
    from rubbercarbon.columns import PLOT_COLUMNS, TREE_COLUMNS
    from rubbercarbon.sheet_templates import write_form

    xls2json = pytest.importorskip("pyxform.xls2json")
    xls2xform = pytest.importorskip("pyxform.xls2xform")
    write_form(tmp_path / "form.xlsx")
    java = shutil.which("java") is not None  # ODK's own validator needs it
    made = xls2xform.convert(str(tmp_path / "form.xlsx"), validate=java)
    assert made.warnings == []
    assert "<select1" in made.xform
    parsed = xls2json.parse_file_to_json(str(tmp_path / "form.xlsx"))
    names = {q["name"] for group in parsed["children"] for q in group.get("children", [])}
    names -= {"instanceID"}
    assert names <= set(TREE_COLUMNS) | set(PLOT_COLUMNS)


def test_answers_of_the_form_are_words_that_are_read(tmp_path):
    from python_calamine import CalamineWorkbook

    from rubbercarbon.sheet_templates import write_form

    write_form(tmp_path / "form.xlsx")
    rows = CalamineWorkbook.from_path(str(tmp_path / "form.xlsx")).get_sheet_by_name("choices")
    head, *body = rows.to_python()
    answers = {
        name: [row[1] for row in body if row[0] == name] for name in {row[0] for row in body}
    }
    assert head[:2] == ["list_name", "name"]
    clones, documents = answers["clones"], answers["land_documents"]
    trees = pd.DataFrame({"plot_id": [f"P{k}" for k in range(len(clones))], "clone": clones,
                          "species": "Hevea_brasiliensis", "girth_cm": 60.0,
                          "status": (answers["statuses"] * 9)[: len(clones)]})  # fmt: skip
    plots = pd.DataFrame({"plot_id": trees["plot_id"], "area_m2": 20.0,
                          "land_document": (documents * 9)[: len(clones)]})  # fmt: skip
    items = rc.read_inventory(trees, plots).found_problems.items
    assert {item.code for item in items} <= {"not_alive", "plot_empty"}
    known = [al.match_names(name)["kind"].iloc[0] for name in answers["species"]]
    assert "none" not in known


def test_check_writes_the_list_and_a_coloured_copy(tmp_path, capsys):
    trees = clean(100)
    planted, truth = plant(trees, ["girth in metres", "comma", "no species"], 2)
    book(tmp_path / "t.xlsx", {"ต้นไม้": thai(planted)})
    assert (
        main(["check", str(tmp_path / "t.xlsx"), "--lang", "th", "--out", str(tmp_path / "out")])
        == 1
    )
    said = capsys.readouterr().out
    assert "อ่าน 100 แถว: คำนวณได้ 98 แถว ต้นที่ตาย ถูกตัด หรือหาไม่พบ 0 แถว ไม่ใช้ 2 แถว" in said
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"problems.csv", "problems.xlsx", "run.json"}
    from python_calamine import CalamineWorkbook

    workbook = CalamineWorkbook.from_path(str(tmp_path / "out" / "problems.xlsx"))
    assert workbook.sheet_names == ["รายการปัญหา", "ตารางของท่าน"]
    listed = workbook.get_sheet_by_name("รายการปัญหา").to_python()
    codes = {row[listed[0].index("รหัส")] for row in listed}
    cells = {row[listed[0].index("ช่อง")] for row in listed}
    assert {"decimal_comma", "species_missing", "diameter_in_metres"} <= codes
    letter = {"girth_cm": "E", "species": "C"}
    assert {f"{letter[column]}{row}" for row, column, _ in truth} <= cells
    copy = workbook.get_sheet_by_name("ตารางของท่าน").to_python()
    assert copy[0][4] == "เส้นรอบวง (ซม.)"
    assert len(copy) == 101
    (tmp_path / "broken.xlsx").write_bytes(b"x")
    assert main(["check", str(tmp_path / "broken.xlsx"), "--out", str(tmp_path / "out2")]) == 2
    assert "file_unreadable" in (tmp_path / "out2" / "problems.csv").read_text("utf-8-sig")


def test_the_child_reads_by_itself(tmp_path):
    book(tmp_path / "t.xlsx", {"a": thai()})
    done = subprocess.run([sys.executable, "-m", "rubbercarbon.spreadsheet_child", str(tmp_path / "t.xlsx")],
                          capture_output=True, check=True, cwd=Path(rc.__file__).parents[1])  # fmt: skip
    assert b'"sheets"' in done.stdout
    from rubbercarbon import spreadsheet_child as child

    assert child.read(tmp_path / "t.xlsx")[0]["rows"][0][0] == HEAD["plot_id"]
    child.look(tmp_path / "t.xlsx")
    assert child.plain(True) == "TRUE"
    assert child.plain(2.0) == 2
