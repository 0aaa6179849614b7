"""Spellings of ids, plots in rows of their own, cells with errors, sentences in Thai."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
import xlwt
from made_sheets import ods

import rubbercarbon as rc
from rubbercarbon import error_cells, spreadsheet_child
from rubbercarbon import tables as rc_tables
from rubbercarbon.cli import main
from rubbercarbon.formats.interface import read_tables
from rubbercarbon.sections import plot_begun, plot_named

HEAD = ["ต้นที่", "ชนิดไม้", "เส้นรอบวง (ซม.)", "ความสูง (ม.)"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def workbook(path, rows):
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("ต้นไม้")
        for line, row in enumerate(rows):
            sheet.write_row(line, 0, row)


def codes(inventory, *wanted):
    return [(i.row, i.code, i.value) for i in inventory.found_problems.items if i.code in wanted]


# --- ids ------------------------------------------------------------------------------------------


def test_thai_digits_and_blanks_in_names_of_plots_and_trees_are_one_spelling():
    trees = pd.DataFrame({
        "plot_id": ["แปลง ๑", "แปลง 1", "แปลง  2"], "tree_id": ["๑", "2", "1"],
        "species": "ยางพารา", "girth_cm": [60.0, 61.0, 62.0],
    })  # fmt: skip
    plots = pd.DataFrame({"plot_id": ["แปลง 1", "แปลง ๒"], "area_rai": 1.0})
    inventory = rc.read_inventory(trees, plots)
    assert inventory.trees["plot_id"].tolist() == ["แปลง 1", "แปลง 1", "แปลง 2"]
    assert inventory.trees["tree_id"].tolist() == ["1", "2", "1"]
    assert inventory.plots["plot_id"].tolist() == ["แปลง 1", "แปลง 2"]
    assert (inventory.trees["refused"] == "").all()
    said = inventory.problems.query("code == 'id_respelt'")
    assert said[["column", "value"]].to_numpy().tolist() == [
        ["plot_id", "แปลง ๒"], ["plot_id", "แปลง ๑"], ["tree_id", "๑"],
    ]  # fmt: skip
    assert "2 cells of plot_id" in said["message"].iloc[1]
    assert set(said["severity"]) == {"note"}


def test_two_spellings_of_one_tree_are_found_as_the_same_number():
    trees = pd.DataFrame({
        "plot_id": "A", "tree_id": ["๗", "7"], "species": "ยางพารา", "girth_cm": [60.0, 70.0],
    })  # fmt: skip
    found = codes(rc.read_inventory(trees), "id_repeated")
    assert [row for row, _, _ in found] == [1, 2]


def test_rows_without_a_value_are_left_out_of_columns_of_numbers_and_texts():
    trees = pd.DataFrame({
        "girth_cm": [60.0, None, 61.0, None], "species": ["ยางพารา", " ", "ยางพารา", None],
        "tree_id": pd.array([1, None, 3, None], dtype="Int64"),
    })  # fmt: skip
    inventory = rc.read_inventory(trees)
    assert inventory.trees["row"].tolist() == [1, 3]
    assert codes(inventory, "rows_empty") == [(None, "rows_empty", "2")]
    trees.index = [7, 5, 5, 9]  # part of a larger table
    assert rc.read_inventory(trees).trees["row"].tolist() == [1, 3]
    assert rc.read_inventory(trees.dropna()).trees["refused"].tolist() == ["", ""]


# --- plots in rows of their own -------------------------------------------------------------------

SECTIONS = [
    ["สวนยางนายดี"], ["แปลงที่ ๑"], HEAD, [1, "ยางพารา", 60.5, 15.0], [2, "ยางพารา", 62.0, 15.5],
    ["แปลงที่ 2 (ปลูก 2550)"], [1, "ยางพารา", 64.0, 16.0], ["ลงชื่อ ............ ผู้สำรวจ"],
]  # fmt: skip


def test_plots_named_above_their_trees_are_used_and_said(tmp_path):
    workbook(tmp_path / "s.xlsx", SECTIONS)
    inventory = rc.read_inventory(tmp_path / "s.xlsx")
    trees = inventory.trees
    assert trees["plot_id"].tolist()[:4] == ["แปลงที่ 1", "แปลงที่ 1", "แปลงที่ 2", "แปลงที่ 2"]
    assert trees["refused"].tolist() == ["", "", "section_row", "", "text_row"]
    assert inventory.plots["plot_id"].tolist() == ["แปลงที่ 1", "แปลงที่ 2"]
    assert codes(inventory, "section_row", "text_row") == [
        (8, "text_row", "ลงชื่อ ............ ผู้สำรวจ"), (None, "section_row", "แปลงที่ ๑"),
        (6, "section_row", "แปลงที่ 2 (ปลูก 2550)"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_sheet_with_signatures_alone_is_done_without_refusals(tmp_path, capsys):
    workbook(tmp_path / "s.xlsx", SECTIONS)
    assert main(["check", "s.xlsx", "--lang", "th"]) == 0
    assert "ลงชื่อ" not in capsys.readouterr().out  # a note, which only the list shows
    signed = [HEAD, SECTIONS[3], ["ผู้สำรวจ"], ["ลงชื่อ", "สมชาย", "", "วันที่ ๑ มีนาคม"]]
    workbook(tmp_path / "t.xlsx", signed)
    assert main(["check", "t.xlsx"]) == 0
    named = pd.read_csv("rubbercarbon-check/problems.csv")
    assert named.query("code == 'text_row'")["row"].tolist() == [3, 4]


def test_a_row_of_a_plots_name_is_no_plot_where_a_column_names_plots(tmp_path):
    head = ["แปลง", *HEAD]
    rows = [head, ["P1", 1, "ยางพารา", 60.0, 15.0], ["แปลงที่ 2"], ["P1", 2, "ยางพารา", 61.0, 15.0]]
    workbook(tmp_path / "s.xlsx", rows)
    inventory = rc.read_inventory(tmp_path / "s.xlsx")
    assert inventory.plots["plot_id"].tolist() == ["P1"]
    assert inventory.trees["refused"].tolist() == ["", "text_row", ""]


def test_trees_above_the_first_named_plot_have_none(tmp_path):
    rows = [HEAD, [1, "ยางพารา", 60.0, 15.0], ["แปลง 2"], [1, "ยางพารา", 61.0, 15.0]]
    workbook(tmp_path / "s.xlsx", rows)
    inventory = rc.read_inventory(tmp_path / "s.xlsx")
    assert inventory.trees["refused"].tolist() == ["plot_missing", "section_row", ""]


@pytest.mark.parametrize(
    ("text", "plot"),
    [("แปลง 3", "แปลง 3"), ("แปลงตัวอย่างที่ ๑๒", "แปลงตัวอย่างที่ 12"), ("PLOT: A-7", "PLOT: A-7"),
     ("แปลง ก", "แปลง ก"), ("แปลงปลูกยางพารา", ""), ("plot", ""), ("แปลงที่ 3 ของนายดี", ""), ("P1", ""), ("แปลงที่ 4:", "แปลงที่ 4")],
)  # fmt: skip
def test_what_is_the_name_of_a_plot(text, plot):
    assert plot_named(text) == plot


@pytest.mark.parametrize(
    ("text", "plot"),
    [("แปลงที่ 3 เจ้าของ นายดำ", "แปลงที่ 3"), ("แปลง ๖: ที่ลาดชัน", "แปลง 6"), ("Plot A-7 steep", "Plot A-7"),
     ("แปลงที่ 3 จำนวน 40 ต้น", "แปลงที่ 3"), ("แปลง 40 ต้น", ""), ("แปลง 2 ไร่", ""), ("แปลง 1 ต้นที่ 2", ""),
     ("แปลงที่ 1 รวม 9 ต้น", ""), ("แปลงปลูกปี 2550", ""), ("แปลงนายแดง", "")],
)  # fmt: skip
def test_what_begins_with_the_name_of_a_plot(text, plot):
    assert plot_begun(text) == plot


def test_headings_of_plots_with_more_words_part_the_trees(tmp_path):
    tree, next_tree = [1, "ยางพารา", 60.5, 15.0], [2, "ยางพารา", 64.0, 15.5]
    rows = [
        ["แปลงที่ ๑"], HEAD, tree, ["รวม 10 ต้น"], ["แปลงที่ ๒", "", "ลาดชัน 30%"], tree,
        ["วันที่ ๒๐ พ.ค. ๒๕๖๗"], next_tree, ["แปลงที่ 3 เจ้าของ นายดำ"], tree, ["แปลงที่ 4:"], tree,
        ["แปลง 6", "ที่ลาดชัน"], tree, ["แปลงนายแดง"], next_tree,
    ]  # fmt: skip
    workbook(tmp_path / "s.xlsx", rows)
    inventory = rc.read_inventory(tmp_path / "s.xlsx")
    trees = inventory.trees.set_index("row")
    known = {3: "แปลงที่ 1", 6: "แปลงที่ 2", 8: "แปลงที่ 2", 10: "แปลงที่ 3", 12: "แปลงที่ 4", 14: "แปลง 6",
             16: "แปลง 6"}  # fmt: skip
    assert trees.query("species != ''")["plot_id"].to_dict() == known
    assert (trees.loc[list(known), "refused"] == "").all()
    refused = trees.drop(index=list(known))["refused"].to_dict()
    assert refused == {4: "totals_row", 7: "text_row", 15: "section_doubtful",
                       **dict.fromkeys([5, 9, 11, 13], "section_row")}  # fmt: skip
    assert codes(inventory, "section_row", "section_doubtful", "not_a_number", "id_respelt") == [
        (None, "section_row", "แปลงที่ ๑"), (5, "section_row", "แปลงที่ ๒ | ลาดชัน 30%"),
        (9, "section_row", "แปลงที่ 3 เจ้าของ นายดำ"), (11, "section_row", "แปลงที่ 4:"),
        (13, "section_row", "แปลง 6 | ที่ลาดชัน"), (15, "section_doubtful", "แปลงนายแดง"),
    ]  # fmt: skip
    said = inventory.problems.query("code == 'section_doubtful'")
    assert said["severity"].tolist() == ["warning"]
    assert "looks like a plot heading" in said["message"].iloc[0]
    assert "แปลง 6" in said["message"].iloc[0]


def test_trees_that_are_called_after_their_plot_are_no_headings():
    trees = pd.DataFrame({
        "tree_id": ["แปลง 1-1", "แปลง 1-2", "แปลง 2-1"], "species": "ยางพารา",
        "girth_cm": ["60", "", "62"], "status": ["", "ตาย", ""],
    })  # fmt: skip
    inventory = rc.read_inventory(trees)
    assert (inventory.trees["refused"] == "").all()
    assert codes(inventory, "section_row", "section_doubtful") == []


# --- cells with errors ----------------------------------------------------------------------------


def test_errors_in_an_open_document_are_problems_with_their_cell(tmp_path):
    table = pd.DataFrame([[k, "ยางพารา", 60.0 + k, 15.0] for k in range(1, 5)], columns=HEAD)
    ods(tmp_path / "e.ods", table.replace({62.0: "#DIV/0!", 63.0: "Err:502", 64.0: "=60+[.B2]"}))
    inventory = rc.read_inventory("e.ods")
    assert codes(
        inventory, "cell_error", "diameter_missing", "not_a_number", "formula_without_value"
    ) == [
        (3, "cell_error", "#DIV/0!"), (4, "cell_error", "#Err:502"),
        (5, "formula_without_value", "=60+[.B2]"),
    ]  # fmt: skip
    assert inventory.trees["refused"].ne("").tolist() == [False, True, True, True]


def old_excel(path, errors):
    book = xlwt.Workbook()
    sheet = book.add_sheet("ต้นไม้")
    for line, row in enumerate([HEAD, *([k, "ยางพารา", 60.0 + k, 15.0] for k in range(1, 4))]):
        for k, value in enumerate(row):
            if (line, k) in errors:
                sheet.row(line).set_cell_error(k, errors[line, k])
            else:
                sheet.write(line, k, value)
    book.save(str(path))


def test_errors_in_old_excel_are_problems_with_their_cell():
    old_excel("o.xls", {(2, 2): "#DIV/0!", (3, 3): "#N/A!"})
    inventory = rc.read_inventory("o.xls")
    assert codes(inventory, "cell_error", "diameter_missing", "errors_unseen") == [
        (3, "cell_error", "#DIV/0!"), (4, "cell_error", "#N/A"),
    ]  # fmt: skip
    assert inventory.trees["refused"].ne("").tolist() == [False, True, False]


def test_where_errors_cannot_be_told_a_row_says_so(monkeypatch):
    old_excel("o.xls", {})
    assert codes(rc.read_inventory("o.xls"), "errors_unseen") == []

    def broken(path):
        raise ValueError(path)

    monkeypatch.setattr(error_cells, "of_old_excel", broken)
    assert spreadsheet_child.unread_cells(Path("o.xls")) is None
    tables = read_tables(Path("o.xls"))
    monkeypatch.setattr(
        rc_tables, "read_tables", lambda _: [replace(t, errors_known=False) for t in tables]
    )
    assert codes(rc.read_inventory("o.xls"), "errors_unseen") == [(None, "errors_unseen", "o.xls")]


# --- sentences that stop a run --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("no.csv", None, "ไม่พบไฟล์ 'no.csv'"), ("e.csv", "", "ไฟล์ 'e.csv' ว่างเปล่า"),
     ("a.docx", "x", "ไม่อ่านไฟล์นามสกุล '.docx'"), ("h.csv", "species,girth_cm\n", "มีหัวตารางแต่ไม่มีข้อมูล"),
     ("g.csv", "ชนิดไม้,ชื่อ\nยางพารา,1\n", "ไม่มีคอลัมน์เส้นรอบวงหรือเส้นผ่านศูนย์กลาง"),
     ("s.csv", "เส้นรอบวง (ซม.),x\n60,1\n", "ไม่มีคอลัมน์ชนิดไม้"), ("x.csv", "a,b\n1,2\n", "ไม่มีคอลัมน์ชนิดไม้"),
     ("z.xlsx", "PK no zip", "ไฟล์เสียหายหรือไม่ใช่ไฟล์ตาราง"),
     ("u.csv", "plot_id,species,girth_cm\nA,ต้นไม้ประหลาด,60\n", "คำนวณไม่ได้เลยทั้ง 1 แถว")],
)  # fmt: skip
def test_what_stops_a_run_is_said_in_thai_and_in_english_by_default(name, content, said, capsys):
    if content is not None:
        Path(name).write_text(content, encoding="utf-8")
    for language in (["--lang", "th"], ["--lang=th"]):
        assert main(["estimate", name, "--out", "o", *language]) == 2
        assert said in capsys.readouterr().err
    assert main(["estimate", name, "--out", "o"]) == 2
    english = capsys.readouterr().err
    assert english.startswith("rubbercarbon: ")
    assert said not in english


def test_plots_that_do_not_match_are_said_in_thai(capsys):
    Path("t.csv").write_text("plot_id,species,girth_cm\nA,ยางพารา,60\n", encoding="utf-8")
    Path("p.csv").write_text("plot_id,area_rai\nB,1\n", encoding="utf-8")
    assert main(["check", "t.csv", "--plots", "p.csv", "--lang", "th"]) == 2
    assert "คำนวณไม่ได้เลยทั้ง 1 แถวของ 't.csv' สาเหตุแรก: แถว 2: " in capsys.readouterr().err


def test_a_folder_of_something_else_is_refused_in_thai(capsys):
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear", encoding="utf-8")
    Path("t.csv").write_text("plot_id,species,girth_cm\nA,ยางพารา,60\n", encoding="utf-8")
    assert main(["estimate", "t.csv", "--out", "mine", "--lang", "th"]) == 2
    assert "มีไฟล์อื่นอยู่" in capsys.readouterr().err
    assert Path("mine/letter.txt").read_text(encoding="utf-8") == "dear"
