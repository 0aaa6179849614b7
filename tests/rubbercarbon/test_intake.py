"""Field sheets in every format and layout: the same inventory, every planted fault found."""

import contextlib
import io
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from effort import examples, first
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_sheets import ods
from planted import HEAD, ROW_FAULTS, clean, plant, plots_of
from shared_data import data

import allometry as al
import rubbercarbon as rc
from rubbercarbon import messages
from rubbercarbon.cli import main
from rubbercarbon.columns import CLONES, clone_name, common_era
from rubbercarbon.headings import recognise
from rubbercarbon.problems import ERRORS, NOTES

TREES = clean(60)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


def thai(trees=TREES):
    return trees.rename(columns=HEAD)


def sizes(inventory):
    frame = inventory.trees.sort_values(["plot_id", "tree_id"])
    keys = ["plot_id", "tree_id", "species", "dbh_cm", "height_m", "pom_m", "state"]
    return frame[keys].reset_index(drop=True)


def same(inventory, reference=None):
    reference = reference or rc.read_inventory(TREES)
    pd.testing.assert_frame_equal(sizes(inventory), sizes(reference), check_dtype=False)
    assert (inventory.trees["refused"] == "").all()


def book(path, sheets):
    """A workbook of tables, with titles above where a sheet is a tuple (title rows, table)."""
    with xlsxwriter.Workbook(str(path)) as out:
        for name, table in sheets.items():
            sheet = out.add_worksheet(name)
            titles, body = table if isinstance(table, tuple) else ([], table)
            for line, text in enumerate(titles):
                sheet.write(line, 0, text)
            top = len(titles)
            sheet.write_row(top, 0, [str(c) for c in body.columns])
            for line, row in enumerate(body.itertuples(index=False), start=top + 1):
                for k, value in enumerate(row):
                    if not pd.isna(value):
                        sheet.write(line, k, value)


# --- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp874"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_delimited_text_in_thai(tmp_path, encoding, sign):
    path = tmp_path / "ต้นไม้.csv"
    thai().to_csv(path, index=False, encoding=encoding, sep=sign)
    same(rc.read_inventory(path))


def test_a_workbook_with_titles_a_total_and_a_plots_sheet(tmp_path):
    path = tmp_path / "sheet.xlsx"
    total = dict.fromkeys(TREES.columns) | {"tree_id": "รวม", "count": 60}
    table = thai(pd.concat([TREES, pd.DataFrame([total])]))
    plots = plots_of(TREES).rename(columns={"plot_id": "รหัสแปลง", "area_ha": "พื้นที่ (เฮกตาร์)"})
    empty = pd.DataFrame({"a": ["หมายเหตุ"]})
    book(path, {"ปก": empty, "แปลง": plots, "ต้นไม้": (["โครงการสวนยาง", "ปี 2567"], table)})
    inventory = rc.read_inventory(path)
    assert inventory.trees["refused"].tolist() == [""] * 60 + ["totals_row"]
    assert inventory.trees["row"].iloc[0] == 4
    inventory.trees = inventory.trees.iloc[:60]
    same(inventory)
    np.testing.assert_allclose(inventory.plots["area_ha"], plots["พื้นที่ (เฮกตาร์)"])


def test_headings_of_two_rows(tmp_path):
    path = tmp_path / "merged.xlsx"
    with xlsxwriter.Workbook(str(path)) as out:
        sheet = out.add_worksheet("ข้อมูล")
        sheet.write_row(0, 0, ["แปลง", "ต้นที่", "ชนิดไม้", "ขนาด", None, "หมายเหตุ"])
        sheet.write_row(1, 3, ["เส้นรอบวง (ซม.)", "ความสูง (ม.)"])
        sheet.write_row(2, 0, ["P1", 1, "ยางพารา", 65.5, 17.0])
    inventory = rc.read_inventory(path)
    assert inventory.headings == {
        "plot_id": "แปลง", "tree_id": "ต้นที่", "species": "ชนิดไม้", "girth_cm": "เส้นรอบวง (ซม.)",
        "height_m": "ความสูง (ม.)", "note": "หมายเหตุ",
    }  # fmt: skip
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(65.5 / np.pi)
    assert inventory.trees["row"].iloc[0] == 3


@pytest.mark.usefixtures("traced_children")
def test_old_excel_and_open_document(tmp_path):
    xlwt = pytest.importorskip("xlwt")
    old = xlwt.Workbook()
    sheet = old.add_sheet("trees")
    table = thai()
    for k, name in enumerate(table.columns):
        sheet.write(0, k, name)
    for line, row in enumerate(table.itertuples(index=False), start=1):
        for k, value in enumerate(row):
            sheet.write(line, k, value)
    old.save(str(tmp_path / "t.xls"))
    same(rc.read_inventory(tmp_path / "t.xls"))
    ods(tmp_path / "t.ods", table)
    same(rc.read_inventory(tmp_path / "t.ods"))


def test_parquet_arrow_and_frames(tmp_path):
    import pyarrow as pa

    table = (
        thai()
        .assign(**{HEAD["count"]: 1})
        .astype({HEAD["girth_cm"]: float, HEAD["height_m"]: float})
    )
    table = table.convert_dtypes()
    table.to_parquet(tmp_path / "t.parquet")
    for source in (tmp_path / "t.parquet", table, pa.Table.from_pandas(table)):
        same(rc.read_inventory(source))


def test_kobo_and_odk_exports(tmp_path):
    main_table = pd.DataFrame({
        "start": "2024", "plot/plot_id": ["P1", "P2"], "plot/area_rai": [1.0, 2.0],
        "plot/location": "x", "_plot/location_latitude": [7.0, 7.1],
        "_plot/location_longitude": [100.1, 100.2], "_index": [1, 2], "_uuid": ["a", "b"],
    })  # fmt: skip
    repeat = pd.DataFrame({
        "tree/tree_id": ["1", "2", "1"], "tree/species": ["ยางพารา"] * 3,
        "tree/girth_cm": [60.0, 62.0, 64.0], "_index": [1, 2, 3], "_parent_index": [1, 1, 2],
    })  # fmt: skip
    book(tmp_path / "kobo.xlsx", {"form": main_table, "tree": repeat})
    inventory = rc.read_inventory(tmp_path / "kobo.xlsx")
    assert inventory.trees["plot_id"].tolist() == ["P1", "P1", "P2"]
    assert inventory.plots["area_ha"].tolist() == pytest.approx([0.16, 0.32])
    assert inventory.plots["latitude"].tolist() == [7.0, 7.1]
    odk_main = pd.DataFrame({"plot-plot_id": ["P1", "P2"], "plot-area_rai": [1.0, 2.0],
                             "KEY": ["k1", "k2"], "SubmissionDate": "x"})  # fmt: skip
    odk_trees = repeat.drop(columns=["_index", "_parent_index"]).rename(
        columns=lambda name: name.replace("/", "-")
    ).assign(PARENT_KEY=["k1", "k1", "k2"], KEY=["k1/1", "k1/2", "k2/1"])  # fmt: skip
    odk_main.to_csv(tmp_path / "form.csv", index=False)
    odk_trees.to_csv(tmp_path / "form-tree.csv", index=False)
    again = rc.read_inventory(tmp_path / "form-tree.csv", tmp_path / "form.csv")
    pd.testing.assert_series_equal(again.trees["dbh_cm"], inventory.trees["dbh_cm"])
    assert again.plots["area_ha"].tolist() == pytest.approx([0.16, 0.32])


def test_open_foris_forestgeo_and_forestplots(tmp_path):
    foris = pd.DataFrame({
        "record_cycle": 0, "cluster_id": 1, "plot_id": "P1", "tree_no": [1, 2],
        "tree_species_code": "HEV", "tree_species_scientific_name": "Hevea brasiliensis",
        "tree_dbh": [20.0, 21.0], "tree_height": [16.0, 17.0],
    })  # fmt: skip
    inventory = rc.read_inventory(foris)
    assert inventory.trees["species"].tolist() == ["Hevea brasiliensis"] * 2
    assert inventory.trees["dbh_cm"].tolist() == [20.0, 21.0]
    assert inventory.trees["tree_id"].tolist() == ["1", "2"]
    geo = pd.DataFrame({
        "PlotName": "bci", "Genus": "Hevea", "SpeciesName": "brasiliensis", "Tag": ["7", "7", "8"],
        "StemTag": ["1", "2", "1"], "DBH": ["200", "150", "NULL"], "HOM": ["1.3", "2.1", "NULL"],
        "Status": ["alive", "alive", "dead"], "ExactDate": "2010-05-01", "CensusID": "1",
    })  # fmt: skip
    read = rc.read_inventory(geo)
    assert read.trees["dbh_cm"].tolist()[:2] == [20.0, 15.0]
    assert read.trees["state"].tolist() == ["alive", "alive", "dead"]
    assert read.trees["species"].iloc[0] == "Hevea brasiliensis"
    plots = pd.DataFrame({
        "Plot Code": '="ALP-01"', "Tag No": ["=1", "=2", "=2"], "Species": "Hevea brasiliensis",
        "D4": ["=201", "205", "205"], "POM": ["1300", "1.3", "1.3"], "F1": ["a", "0", "0"],
        "Census Date": ["2006.75", "2006.75", "2006.75"],
    })  # fmt: skip
    read = rc.read_inventory(plots)
    assert read.trees["dbh_cm"].tolist() == pytest.approx([20.1, 20.5, 20.5])
    assert read.trees["pom_m"].tolist() == [1.3, 1.3, 1.3]
    assert read.trees["state"].tolist() == ["alive", "dead", "dead"]
    assert read.trees["date"].iloc[0] == "2006-10-02"
    assert read.trees["refused"].tolist() == ["", "", "row_repeated"]


def test_only_the_latest_census_is_an_inventory():
    geo = pd.DataFrame({
        "PlotName": "p", "Latin": "Hevea brasiliensis", "Tag": ["1", "1"], "DBH": [100, 120],
        "Status": "alive", "CensusID": [1, 2], "StemTag": "1",
    })  # fmt: skip
    read = rc.read_inventory(geo)
    assert read.trees["refused"].tolist() == ["earlier_census", ""]


# --- headings, dates, clones, names ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "column"),
    [("เส้นรอบวง(ซม.)", "girth_cm"), ("เส้นรอบวงลำต้นที่ 1.30 ม. (ซม.) *", "girth_cm"),
     ("เส้นรอบวงลำต้น (เมตร)", "girth_m"), ("ความโต", "girth_cm"), ("GBH (cm)", "girth_cm"),
     ("CBH", "girth_cm"), ("Keliling (cm)", "girth_cm"), ("เส้นผ่านศูนย์กลาง (ซม.)", "dbh_cm"),
     ("dbh(เส้นผ่านศูนย์กลางเพียงอก)", "dbh_cm"), ("ความสูง", "height_m"), ("DBH (mm)", "dbh_mm"),
     ("ความสูง<br/>(เมตร)", "height_m"), ("ชนิดไม้", "species"), ("ชื่อพันธุ์ไม้", "species"),
     ("ชื่อวิทยาศาสตร์", "species"), ("Jenis Pohon", "species"), ("แปลง", "plot_id"),
     ("รหัสต้นไม้", "tree_id"), ("ลำดับที่", "tree_id"), ("ปีที่ปลูก", "planting_year"),
     ("อายุ", "age_years"), ("พื้นที่ (ไร่)", "plot_area_rai"), ("ผู้สำรวจ", "surveyor"),
     ("ประเภทของเอกสารสิทธิ์", "land_document"), ("หมายเหตุ", "note"), ("จำนวน(ต้น)", "count")],
)  # fmt: skip
def test_headings_of_real_sheets(heading, column):
    found = recognise(heading, "trees")
    assert found is not None
    assert found.column == column


def test_the_tape_in_a_heading_is_kept_and_a_heading_without_unit_is_said():
    trees = pd.DataFrame({"ชนิดไม้": ["ยางพารา"], "เส้นรอบวงลำต้นที่ 1.50 ม. (ซม.) *": [60.0]})
    assert rc.read_inventory(trees).trees["pom_m"].tolist() == [1.5]
    bare = rc.read_inventory(pd.DataFrame({"ชนิดไม้": ["ยางพารา"], "ความโต": [60.0]}))
    assert any(note["topic"] == "unit" for note in bare.notes)


def test_dates_and_clones_in_usual_spellings():
    for text in (
        "15/3/2567",
        "2567-03-15",
        "15-03-2567",
        "15 มี.ค. 2567",
        "15 มีนาคม 2567",
        "2024-03-15",
    ):
        assert common_era(text) == "2024-03-15"
    assert common_era("ไม่ทราบ") == "ไม่ทราบ"
    for text in ("RRIM600", "rrim-600", "RRIM 600", "อาร์อาร์ไอเอ็ม 600"):
        assert clone_name(text) == "RRIM 600"
    assert clone_name("พื้นเมือง") == "SEEDLING"
    assert all(clone_name(name) == name for name in CLONES)


def test_area_in_rai_ngan_wa_and_thai_digits():
    trees = pd.DataFrame({"แปลง": ["1"], "ชนิดไม้": ["ยางพารา"], "เส้นรอบวง (ซม.)": ["๖๕.๕"]})
    plots = pd.DataFrame({"แปลง": ["1"], "ไร่": ["๑"], "งาน": [2], "ตารางวา": [50]})
    inventory = rc.read_inventory(trees, plots)
    assert inventory.plots["area_ha"].iloc[0] == pytest.approx((1600 + 800 + 200) / 1e4)
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(65.5 / np.pi)


def test_yang_alone_is_decided_by_its_plot():
    def read(rows, **plots):
        trees = pd.DataFrame(rows, columns=["plot_id", "species", "girth_cm"])
        return rc.read_inventory(trees, pd.DataFrame({"plot_id": ["A"], "area_rai": 1.0, **plots}))

    few = [["A", "ยาง", 60.0], ["A", "ตะเคียนทอง", 50.0], ["A", "ตะเคียนทอง", 51.0]]
    assert read(few).trees["species"].iloc[0] == "ยาง"
    assert read(few, system="สวนยางพารา").trees["species"].iloc[0] == "ยางพารา"
    assert read([*few, ["A", "ยางพารา", 60.0]]).trees["species"].iloc[0] == "ยางพารา"
    many = read([["A", "ยาง", 60.0]] * 2)
    assert many.trees["species"].tolist() == ["ยางพารา"] * 2
    assert "species_yang" in {item.code for item in many.found_problems.items}


def test_a_profile_is_saved_and_used_again(tmp_path, capsys):
    odd = TREES.rename(columns={"girth_cm": "ขนาดพิเศษ", "species": "อะไร"})
    odd.to_csv(tmp_path / "a.csv", index=False)
    words = ["--map", "girth_cm=ขนาดพิเศษ", "--map", "species=อะไร"]
    assert (
        main(["check", str(tmp_path / "a.csv"), *words, "--save-profile", str(tmp_path / "p.toml")])
        == 0
    )
    assert main(["check", str(tmp_path / "a.csv"), "--profile", str(tmp_path / "p.toml")]) == 0
    assert "ขนาดพิเศษ → girth_cm" in capsys.readouterr().out
    (tmp_path / "p.toml").write_text("[headings]\n", encoding="utf-8")
    assert main(["check", str(tmp_path / "a.csv"), "--profile", str(tmp_path / "p.toml")]) == 2


# --- planted faults -------------------------------------------------------------------------------


def found_in(trees, plots=None):
    inventory = rc.read_inventory(trees, plots)
    try:
        problems = rc.estimate_stocks(inventory).found_problems
    except rc.RubbercarbonError as error:
        problems = error.found_problems
    return inventory, problems


@pytest.mark.parametrize("seed", first(range(4)))
def test_every_planted_fault_is_found_where_it_is(seed):
    trees = clean(500, seed)
    planted, truth = plant(trees, list(ROW_FAULTS), seed)
    buffer = io.StringIO()
    planted.to_csv(buffer, index=False)
    frame = pd.read_csv(io.StringIO(buffer.getvalue()), dtype=str, keep_default_na=False)
    _, problems = found_in(frame.rename(columns=HEAD), plots_of(trees))
    places = {(item.row, item.column, item.code) for item in problems.items}
    offset = 1  # a table in memory counts from 1, a file from its heading
    for row, column, code in truth:
        assert (row - offset, column, code) in places, (row, column, code)


def test_a_clean_sheet_raises_nothing():
    trees = clean(500, 7)
    _, problems = found_in(thai(trees), plots_of(trees))
    assert [(item.code, item.row, item.value) for item in problems.items] == []


def test_faults_of_plots_are_found():
    trees = clean(100)
    bad = plots_of(trees)
    bad = bad.astype(object)
    bad.loc[0, ["latitude", "longitude"]] = [100.5, 7.0]
    bad.loc[1, ["latitude", "longitude"]] = [51.0, 0.0]
    bad.loc[2, "land_document"] = "ใบเสร็จ"
    bad.loc[3, "spacing"] = "ห่างๆ"
    bad.loc[4, "area_ha"] = 5.0
    codes = {
        (item.code, dict(item.values).get("plot", item.value))
        for item in found_in(trees, bad)[1].items
    }
    for code, plot in (("coordinates_swapped", "P1"), ("coordinates_outside", "P2"),
                       ("land_document_unknown", "P3"), ("spacing_unreadable", "P4"),
                       ("spacing_against_stocking", "P5"), ("stocking_odd", "P5")):  # fmt: skip
        assert (code, plot) in codes


def test_faults_of_columns_and_numbering_are_found():
    trees = clean(300)
    codes = set()
    shifted = trees.copy()
    shifted.loc[shifted["plot_id"] == "P2", "girth_cm"] *= 10
    codes |= {item.code for item in found_in(shifted)[1].items}
    as_dbh = trees.rename(columns={"girth_cm": "dbh_cm"})
    codes |= {item.code for item in found_in(as_dbh)[1].items}
    both = trees.assign(dbh_cm=trees["girth_cm"])
    codes |= {item.code for item in found_in(both)[1].items}
    one = trees.rename(columns={"girth_cm": "dbh_cm"}).copy()
    one["dbh_cm"] = (one["dbh_cm"].astype(float) / np.pi).round(1)
    one.loc[one.index[5], "dbh_cm"] *= np.pi
    codes |= {item.code for item in found_in(one)[1].items}
    gaps = trees.drop(index=[10, 11]).copy()
    gaps.loc[30, "tree_id"] = "5"
    gaps.loc[70:80, "tree_id"] = ""
    codes |= {item.code for item in found_in(gaps)[1].items}
    flat = trees.assign(height_m=15.0, girth_cm=trees["girth_cm"].astype(float).div(5).round() * 5)
    codes |= {item.code for item in found_in(flat)[1].items}
    alike = trees.copy()
    alike.loc[alike["plot_id"] == "P3", "plot_id"] = "p 2"
    alike["volume_m3"] = 9.0
    alike["x_m"], alike["y_m"] = np.arange(300) * 10.0, np.arange(300) * 10.0
    codes |= {item.code for item in found_in(alike, plots_of(alike))[1].items}
    half = trees.assign(pom_m=[1.3] * 150 + [None] * 150, age_years=3)
    half.loc[3, "species"] = "Hopea odorata"
    half.loc[3, "clone"] = "RRIM 600"
    codes |= {item.code for item in found_in(half)[1].items}
    assert {
        "mixed_units", "girth_as_dbh", "girth_equals_dbh", "girth_for_dbh", "tag_gaps",
        "tree_id_missing", "height_constant", "digits_heaped", "plot_names_alike",
        "volume_above_cylinder", "area_against_positions", "pom_missing", "age_conflict",
        "clone_not_rubber",
    } - codes == set()  # fmt: skip


def test_suggestions_are_used_only_when_asked_for_and_then_logged(tmp_path):
    trees = clean(100)
    truth = trees["girth_cm"].astype(float).to_numpy() / np.pi
    bad = trees.copy()
    bad.loc[7, "girth_cm"] = bad.loc[7, "girth_cm"] / 100
    bad.loc[8, "height_m"] = round(bad.loc[8, "height_m"] * 10)
    bad.to_csv(tmp_path / "t.csv", index=False)
    plain = rc.read_inventory(tmp_path / "t.csv")
    assert plain.trees["dbh_cm"].iloc[7] < 1
    used = rc.read_inventory(tmp_path / "t.csv", accept_suggestions=True)
    np.testing.assert_allclose(used.trees["dbh_cm"], truth, rtol=1e-3)
    assert used.trees["height_m"].iloc[8] == pytest.approx(bad.loc[8, "height_m"] / 10)
    logged = [item for item in used.found_problems.items if item.code == "suggestion_applied"]
    assert [item.row for item in logged] == [9, 10]


def test_there_are_more_than_forty_kinds_and_every_word_is_in_both_languages():
    for section in (
        "problems",
        "advice",
        "cli",
        "scenarios",
        "book",
        "tables",
        "terms",
        "failures",
    ):
        assert set(messages.keys(section, "en")) == set(messages.keys(section, "th")), section
    for key in messages.keys("failures"):
        fields = [set(_fields("failures", key, language)) for language in messages.LANGUAGES]
        assert fields[0] == fields[1], key
    kinds = set(messages.keys("problems"))
    assert len(kinds) > 80
    assert kinds == set(messages.keys("advice"))
    assert kinds >= ERRORS | NOTES
    thai_letters = [key for key in kinds if not any("ก" <= c <= "๙" for c in messages.text(
        "problems", key, "th", **dict.fromkeys(_fields("problems", key, "th"), "x")))]  # fmt: skip
    assert set(thai_letters) <= {"not_estimated", "component_unknown"}


def _fields(section, key, language):
    import string

    text = messages._catalogue(language)[section][key]
    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


def test_a_giant_keeps_its_height_where_its_diameter_bears_it_out():
    """Two Dinizia excelsa of exfm20, 140 and 127 cm thick, were set aside at 71 m."""
    trees = pd.DataFrame({
        "species": ["Hopea odorata"] * 3, "dbh_cm": [140.0, 20.0, np.nan], "height_m": [70.79, 70.79, 75.0],
    })  # fmt: skip
    inventory = rc.read_inventory(trees)
    assert inventory.trees["height_m"].notna().tolist() == [True, False, False]
    found = [(i.row, i.code) for i in inventory.found_problems.items if "height" in i.code]
    assert (1, "height_tall") in found
    assert {(2, "height_out_of_range"), (3, "height_out_of_range")} <= set(found)
    assert not {code for row, code in found if row == 1} - {"height_tall"}


def test_plots_of_a_heading_in_one_word_are_kept_apart():
    """Nouragues' heights have plotId: read as one plot, its trees were compared across plots."""
    trees = pd.DataFrame({"plotId": ["Plot1", "Plot2"], "species": "ยางพารา", "D": [20.0, 21.0]})
    assert rc.read_inventory(trees).trees["plot_id"].tolist() == ["Plot1", "Plot2"]


# --- untouched real files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "rows", "usable", "most"),
    [("agroforest/harja2012_trees.csv", 528, 528, 5), ("importers/forestmangr_exfm20.csv", 12295, 2512, 200),
     ("importers/forestgeo_viewfulltable.csv", 500, 120, 10),
     ("nouragues/NouraguesTrees_wd_h.csv", 2050, 2050, 5)],
)  # fmt: skip
@pytest.mark.slow
def test_rows_of_real_files_reconcile_and_alarms_are_few(file, rows, usable, most):
    mapping = {"species": "Indonesian_name"} if "harja" in file else None
    inventory = rc.read_inventory(data("data", *file.split("/")), mapping=mapping)
    refused = (inventory.trees["refused"] != "").sum()
    assert (len(inventory.trees), len(inventory.trees) - refused) == (rows, usable)
    warnings = [item for item in inventory.found_problems.items if item.severity == "warning"]
    assert len(warnings) <= most


def test_thai_letters_in_any_order_of_typing_are_one_name():
    from allometry.names import normalise

    for a, b in (("พ\u0e48\u0e35", "พ\u0e35\u0e48"), ("น\u0e4d\u0e49\u0e32", "น\u0e49\u0e33"),
                 ("น\u0e49\u0e4d\u0e32", "น\u0e49\u0e33"), ("เเดง", "แดง"), ("สัก\u200b", "สัก")):  # fmt: skip
        assert normalise(a) == normalise(b)


# --- hostile files --------------------------------------------------------------------------------


def refused(path):
    with pytest.raises(rc.RubbercarbonError) as caught:
        rc.read_inventory(path)
    assert len(caught.value.found_problems.items) == 1
    assert caught.value.found_problems.items[0].code == "file_unreadable"
    return str(caught.value)


@pytest.mark.usefixtures("traced_children")
def test_a_cell_far_off_is_one_problem(tmp_path):
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(str(path)) as out:
        sheet = out.add_worksheet()
        sheet.write("A1", "species")
        sheet.write("XFD1048576", 1)
    assert "stray cell" in refused(path)


@pytest.mark.usefixtures("traced_children")
def test_bombs_and_broken_workbooks_are_one_problem(tmp_path):
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(450):
                part.write(b" " * 1_000_000)
    assert "unpacks to" in refused(bomb)
    for name, content in (("broken.xlsx", b"PK\x03\x04 not a zip"), ("text.xls", b"hello"),
                          ("cut.ods", b"PK"), ("biff.xls", struct.pack("<HHHH", 0x809, 8, 0, 0))):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert "is not read" in refused(tmp_path / name)
    book(tmp_path / "empty.xlsx", {"a": pd.DataFrame()})
    assert "no sheet" in refused(tmp_path / "empty.xlsx")


def test_the_death_of_the_reader_is_a_sentence(tmp_path, monkeypatch):
    from rubbercarbon.formats import excel

    book(tmp_path / "t.xlsx", {"a": thai()})
    dead = subprocess.CompletedProcess([], -9, b"", b"")
    monkeypatch.setattr(excel.subprocess, "run", lambda *a, **k: dead)
    assert "the reader stopped" in refused(tmp_path / "t.xlsx")

    def late(*a, **k):
        raise subprocess.TimeoutExpired("x", 1)

    monkeypatch.setattr(excel.subprocess, "run", late)
    assert "longer than" in refused(tmp_path / "t.xlsx")


@pytest.mark.usefixtures("traced_children")
def test_formulas_are_read_by_their_value_and_never_written_as_such(tmp_path):
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(str(path)) as out:
        sheet = out.add_worksheet()
        sheet.write_row(0, 0, ["species", "girth_cm", "note"])
        sheet.write(1, 0, "ยางพารา")
        sheet.write_formula(1, 1, "=60+5", value=65)
        sheet.write_string(1, 2, '=HYPERLINK("http://x","y")')
    inventory = rc.read_inventory(path)
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(65 / np.pi)
    assert main(["check", str(path), "--out", str(tmp_path / "out")]) == 0
    copy = zipfile.ZipFile(tmp_path / "out" / "problems.xlsx")
    text = b"".join(copy.read(n) for n in copy.namelist() if "worksheets/sheet" in n)
    assert b"<f>" not in text


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=400), st.sampled_from([".csv", ".txt", ".parquet"]))
def test_random_bytes_never_crash(tmp_path, content, suffix):
    path = tmp_path / f"random{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(rc.RubbercarbonError):
        assert len(rc.read_inventory(path).trees) > 0


CELLS = st.one_of(st.none(), st.text(max_size=8), st.floats(allow_nan=True), st.integers(-10, 4000),
                  st.sampled_from(["ยาง", "=1+1", "@x", "#N/A", "รวม", "๑๒", "1,5", "-", "2567-13-40"]))  # fmt: skip


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(*[CELLS] * 6), min_size=1, max_size=8))
def test_random_cells_lose_no_row_and_never_crash(rows):
    heads = ["แปลง", "ต้นที่", "ชนิดไม้", "เส้นรอบวง (ซม.)", "ความสูง (ม.)", "วันที่"]
    frame = pd.DataFrame(rows, columns=heads, dtype=object)
    try:
        inventory = rc.read_inventory(frame)
    except rc.RubbercarbonError:
        return
    empty = [i for i in inventory.found_problems.items if i.code == "rows_empty"]
    skipped = int(empty[0].value) if empty else 0
    assert len(inventory.trees) + skipped == len(frame)
    inventory.found_problems.frame("th")


@pytest.mark.slow
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=600), st.sampled_from([".xlsx", ".xls", ".ods"]))
def test_random_bytes_as_spreadsheets(tmp_path, content, suffix):
    path = tmp_path / f"random{suffix}"
    path.write_bytes(content or b"x")
    with pytest.raises(rc.RubbercarbonError):
        rc.read_inventory(path)


# --- templates and check --------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["th", "en"])
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
    assert "อ่าน 100 แถว: ใช้ได้ 98 แถว ไม่ใช้ 2 แถว" in said
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


# --- what a stranger's trial found; each was wrong once -------------------------------------------


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
    main(["check", str(tmp_path / "t.csv")])
    assert "4 rows read: 2 usable, 2 refused" in capsys.readouterr().out
