"""What a stranger's trial found; each was wrong once."""

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from made_sheets import book, thai
from planted import clean

import rubbercarbon as rc
from rubbercarbon.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


def test_all_parts_of_an_area_and_the_plot_s_own_columns_come_with_a_form(tmp_path):
    main_table = pd.DataFrame({
        "plot-plot_id": ["P1"], "plot-area_rai": [1], "plot-area_ngan": [2], "plot-area_wa": [50],
        "plot-system": ["สวนยาง"], "plot-locality": ["สงขลา"], "KEY": ["k"],
    })  # fmt: skip
    repeat = pd.DataFrame(
        {"tree-species": ["ยางพารา"], "tree-girth_cm": [60.0], "PARENT_KEY": ["k"]}
    )
    for name, table in (("main", main_table), ("tree", repeat)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    plots = rc.read_inventory(tmp_path / "tree.csv", tmp_path / "main.csv").plots.iloc[0]
    assert plots["area_ha"] == pytest.approx(0.26)
    assert (plots["system"], plots["locality"]) == ("สวนยาง", "สงขลา")
    alone = rc.read_inventory(tmp_path / "tree.csv")
    assert alone.trees["plot_id"].tolist() == ["k"]
    assert "repeat_alone" in {item.code for item in alone.found_problems.items}
    sheet = pd.DataFrame({"ชนิดไม้": ["ยางพารา"], "GBH": [60], "เนื้อที่ (ไร่)": [1], "งาน": [2],
                          "ตารางวา": [50]})  # fmt: skip
    assert rc.read_inventory(sheet).plots["area_ha"].iloc[0] == pytest.approx(0.26)


@pytest.mark.parametrize(
    ("heading", "value", "dbh"),
    [("DBH (in)", 8.0, 20.32), ("เส้นรอบวง (นิ้ว)", 25.0, 63.5 / np.pi), ("DIAMETER (inches)", 8.0, 20.32)],
)  # fmt: skip
def test_inches_are_inches(heading, value, dbh):
    trees = pd.DataFrame({"ชนิดไม้": ["ยางพารา"], heading: [value], "height (ft)": [40.0]})
    read = rc.read_inventory(trees).trees.iloc[0]
    assert read["dbh_cm"] == pytest.approx(dbh)
    assert read["height_m"] == pytest.approx(12.192)


def test_units_that_are_not_known_are_not_taken_for_centimetres():
    with pytest.raises(rc.RubbercarbonError, match="lacks a diameter or girth"):
        rc.read_inventory(pd.DataFrame({"ชนิดไม้": ["ยางพารา"], "เส้นรอบวง (หุน)": [200]}))


def test_a_row_of_units_belongs_to_the_heading():
    trees = pd.DataFrame({
        "ชนิดไม้": ["", "ขนุน"], "เส้นรอบวง": ["(มม.)", "600"], "ความสูง": ["(ซม.)", "1200"],
    })  # fmt: skip
    inventory = rc.read_inventory(trees)
    assert len(inventory.trees) == 1
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(60 / np.pi)
    assert inventory.trees["height_m"].iloc[0] == 12.0
    assert inventory.trees["row"].iloc[0] == 2


def test_a_unit_on_the_command_line_holds_for_mapped_columns_too():
    trees = pd.DataFrame({"what": ["ยางพารา"], "around": [650.0]})
    mapping = {"species": "what", "girth_cm": "around"}
    read = rc.read_inventory(trees, mapping=mapping, units={"girth": "mm"})
    assert read.trees["dbh_cm"].iloc[0] == pytest.approx(65 / np.pi)
    assert read.headings["girth_mm"] == "around"
    with pytest.raises(rc.RubbercarbonError, match="contradict each other"):
        rc.read_inventory(
            trees, mapping={"species": "what", "girth_m": "around"}, units={"girth": "mm"}
        )


def test_a_thousands_comma_is_no_decimal_point():
    trees = pd.DataFrame({"ชนิดไม้": ["ยางพารา", "ยางพารา"], "เส้นรอบวง (มม.)": ["1,200", "65,5"]})
    items = [i for i in rc.read_inventory(trees).found_problems.items if i.code == "decimal_comma"]
    assert [item.fix for item in items] == ["", "65.5"]


def test_two_areas_of_one_plot_are_said():
    trees = pd.DataFrame({"plot_id": ["P", "P"], "species": "ยางพารา", "girth_cm": [60, 61],
                          "plot_area_rai": [1, 2]})  # fmt: skip
    assert "plot_area_conflict" in {i.code for i in rc.read_inventory(trees).found_problems.items}


def test_the_dead_need_no_girth_and_speak_plain_thai():
    trees = pd.DataFrame({
        "species": "ยางพารา", "girth_cm": [60.0, None, None, 61.0, 62.0],
        "status": ["", "ตายแล้ว", "หาย", "ตายยืนต้น", "ตัดแต่งกิ่ง"],
    })  # fmt: skip
    read = rc.read_inventory(trees).trees
    assert read["state"].tolist() == ["alive", "dead", "missing", "dead", "alive"]
    assert (read["refused"] == "").all()


def test_one_sheet_per_plot_is_not_passed_over(tmp_path, capsys):
    book(tmp_path / "m.xlsx", {name: thai(clean(20, k)) for k, name in enumerate(("a", "b", "c"))})
    assert main(["estimate", str(tmp_path / "m.xlsx"), "--out", str(tmp_path / "o")]) == 1
    assert "hold trees too" in capsys.readouterr().out


@pytest.mark.usefixtures("traced_children")
def test_merged_plot_cells_hold_for_all_their_rows(tmp_path):
    with xlsxwriter.Workbook(str(tmp_path / "m.xlsx")) as out:
        sheet = out.add_worksheet("trees")
        sheet.write_row(0, 0, ["แปลง", "ต้นที่", "ชนิดไม้", "เส้นรอบวง (ซม.)"])
        for line in range(1, 7):
            sheet.write_row(line, 1, [line, "ยางพารา", 60.0 + line])
        sheet.merge_range(1, 0, 3, 0, "A")
        sheet.merge_range(4, 0, 6, 0, "B")
    inventory = rc.read_inventory(tmp_path / "m.xlsx")
    assert inventory.trees["plot_id"].tolist() == ["A"] * 3 + ["B"] * 3
    assert inventory.plots["plot_id"].tolist() == ["A", "B"]


def test_areas_in_words_and_areas_that_cannot_be():
    trees = pd.DataFrame({"plot_id": ["A", "B"], "species": "ยางพารา", "girth_cm": [60, 61]})
    plots = pd.DataFrame({"plot_id": ["A", "B"], "area": ["1 ไร่ 2 งาน", "6-5-75"]})
    inventory = rc.read_inventory(trees, plots)
    assert inventory.plots["area_ha"].iloc[0] == pytest.approx(0.24)
    found = [(i.code, i.value) for i in inventory.found_problems.items if i.column == "area"]
    assert found == [("area_not_valid", "6-5-75")]


def test_plots_written_otherwise_are_suggested():
    trees = pd.DataFrame({"plot_id": ["๑", "แปลงที่ 1", "a2"], "species": "ยางพารา", "girth_cm": 60})
    plots = pd.DataFrame({"plot_id": ["1", "A2"], "area_rai": 1})
    items = rc.read_inventory(trees, plots).found_problems.items
    assert [i.fix for i in items if i.code == "plot_unknown"] == ["1", "A2"]
    assert [item.value for item in items if item.code == "id_respelt"] == ["๑"]


def test_check_counts_what_estimate_uses(tmp_path, capsys):
    trees = pd.DataFrame({
        "species": ["ยางพารา", "ต้นไม้ประหลาด", "มะพร้าว", "ยางพารา"], "girth_cm": 60,
        "status": ["", "", "", "ตาย"],
    })  # fmt: skip
    trees.to_csv(tmp_path / "t.csv", index=False)
    for words in (["check"], ["estimate", "--out", str(tmp_path / "out")]):
        main([words[0], str(tmp_path / "t.csv"), *words[1:]])
        said = " ".join(capsys.readouterr().out.split())
        assert "4 rows read: 1 estimated, 1 dead, felled or missing, 2 not used; 1 plots." in said
        assert "Of the rows not used, 2 are living trees that count in stems" in said
