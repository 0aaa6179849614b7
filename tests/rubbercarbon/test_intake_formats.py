"""The same sixty trees in every export layout are the same inventory; hostile files are one problem."""

import math
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import HEAD, clean, plots_of

import rubbercarbon as rc
from rubbercarbon.cli import main
from rubbercarbon.columns import clone_name
from rubbercarbon.formats.csv import read_plain
from rubbercarbon.headings import recognise

TREES = clean(60)
PLOTS = plots_of(TREES)
KEY = TREES["plot_id"].map({p: f"uuid:{p}" for p in TREES["plot_id"].unique()})
DBH = TREES["girth_cm"].astype(float) / math.pi


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


def workbook(path, **sheets):
    with pd.ExcelWriter(path, engine="xlsxwriter") as out:
        for name, frame in sheets.items():
            frame.to_excel(out, sheet_name=name, index=False)


def questions(sign):
    """Answers of a form: plots in one group, trees in a repeat."""
    wanted = ["tree_id", "species", "girth_cm", "height_m", "pom_m", "status"]
    trees = TREES[wanted].rename(columns=lambda name: f"tree{sign}{name}")
    areas = PLOTS.assign(area_rai=PLOTS["area_ha"] * 6.25)[["plot_id", "area_rai", "spacing"]]
    return areas.rename(columns=lambda name: f"plot{sign}{name}"), trees


def kobo(folder):
    plots, trees = questions("/")
    plots["_index"] = range(1, len(plots) + 1)
    plots["_uuid"] = "x"
    place = dict(zip(PLOTS["plot_id"], plots["_index"], strict=True))
    trees["_parent_index"] = TREES["plot_id"].map(place)
    trees["_submission__uuid"] = "x"
    workbook(folder / "kobo.xlsx", form=plots, tree=trees)
    return folder / "kobo.xlsx", None


def odk(folder, sign="-"):
    plots, trees = questions(sign)
    plots["KEY"] = [f"uuid:{p}" for p in PLOTS["plot_id"]]
    trees["PARENT_KEY"], trees["KEY"] = KEY, [f"{k}/tree[{i}]" for i, k in enumerate(KEY)]
    plots.to_csv(folder / "form.csv", index=False)
    trees.to_csv(folder / "form-tree.csv", index=False)
    return folder / "form-tree.csv", folder / "form.csv"


def odk_slash(folder):
    return odk(folder, "/")


def open_foris(folder):
    pd.DataFrame({
        "record_cycle": 0, "cluster_id": 1, "plot_id": TREES["plot_id"],
        "tree_no": TREES["tree_id"], "tree_species_code": "X", "tree_height": TREES["height_m"],
        "tree_species_scientific_name": TREES["species"], "tree_dbh": DBH, "tree_pom": 1.3,
    }).to_csv(folder / "tree.csv", index=False)  # fmt: skip
    return folder / "tree.csv", None


def forestgeo(folder):
    pd.DataFrame({
        "PlotName": TREES["plot_id"], "Latin": TREES["species"], "Tag": TREES["tree_id"],
        "StemTag": "NULL", "DBH": DBH * 10, "HOM": 1.3, "Status": "alive", "CensusID": 1,
        "ExactDate": "2024-03-15", "PX": "NULL",
    }).to_csv(folder / "view.csv", index=False)  # fmt: skip
    return folder / "view.csv", None


def forestplots(folder):
    pd.DataFrame({
        "Plot Code": [f'="{p}"' for p in TREES["plot_id"]], "Tag No": [f"={t}" for t in TREES["tree_id"]],
        "Species": TREES["species"], "D4": [f"={d * 10}" for d in DBH], "POM": 1300,
        "Height": TREES["height_m"], "F1": "a", "Census Date": 2024.2,
    }).to_csv(folder / "plots.csv", index=False)  # fmt: skip
    return folder / "plots.csv", None


@pytest.mark.parametrize("write", [kobo, odk, odk_slash, open_foris, forestgeo, forestplots])
def test_every_layout_gives_the_same_inventory(tmp_path, write):
    trees, plots = write(tmp_path)
    inventory = rc.read_inventory(trees, plots)
    assert len(inventory.trees) == 60
    assert (inventory.trees["refused"] == "").all()
    reference = rc.read_inventory(TREES)
    frames = [
        i.trees.sort_values(["plot_id", "tree_id"]).reset_index(drop=True)
        for i in (inventory, reference)
    ]
    for name in ("plot_id", "tree_id", "species", "pom_m", "state"):
        assert frames[0][name].tolist() == frames[1][name].tolist(), name
    np.testing.assert_allclose(frames[0]["dbh_cm"], frames[1]["dbh_cm"], rtol=1e-12)
    if write is not forestgeo:  # has no heights
        np.testing.assert_allclose(frames[0]["height_m"], frames[1]["height_m"])
    if write in {kobo, odk, odk_slash}:
        np.testing.assert_allclose(inventory.plots["area_ha"], PLOTS["area_ha"])


# --- files that mean harm -------------------------------------------------------------------------


def xlsx(path, sheet, name="xl/worksheets/sheet1.xml"):
    """A workbook of one sheet, from the XML of its cells."""
    main_ns = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        out.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
                     f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')  # fmt: skip
        out.writestr("xl/workbook.xml", f'<workbook xmlns="{main_ns}" xmlns:r="{office}"><sheets>'
                     '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>')  # fmt: skip
        target = name.removeprefix("xl/")
        out.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">'
                     f'<Relationship Id="rId1" Type="{office}/worksheet" Target="{target}"/></Relationships>')  # fmt: skip
        out.writestr(name, f'<worksheet xmlns="{main_ns}">{sheet}</worksheet>')


HOSTILE = {
    "far": ('<sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
            '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>', "xl/worksheets/sheet1.xml"),
    "far, single quotes": ("<sheetData><row r='1'><c r='A1'><v>1</v></c></row>"
                           "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row></sheetData>",
                           "xl/worksheets/sheet1.xml"),
    "far, elsewhere": ('<sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
                       '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>', "xl/odd/s.xml"),
    "no end": ('<sheetData><row r="1"><c r="A1"><v>1</v>', "xl/worksheets/sheet1.xml"),
    "laughs": ('<sheetData><row r="1"><c r="A1"><v>&a;&a;</v></c></row></sheetData>', "xl/worksheets/sheet1.xml"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_a_hostile_workbook_is_one_problem_row(tmp_path, kind):
    xlsx(tmp_path / "h.xlsx", *HOSTILE[kind])
    with pytest.raises(rc.RubbercarbonError) as caught:
        rc.read_inventory(tmp_path / "h.xlsx")
    assert [item.code for item in caught.value.found_problems.items] == ["file_unreadable"]


def test_an_open_document_of_a_billion_cells_is_one_problem_row(tmp_path):
    name = "urn:oasis:names:tc:opendocument:xmlns"
    cell = '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
    with zipfile.ZipFile(tmp_path / "h.ods", "w") as out:
        out.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        out.writestr("META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="x"/>')
        out.writestr("content.xml", f'<office:document-content xmlns:office="{name}:office:1.0" '
                     f'xmlns:table="{name}:table:1.0"><office:body><office:spreadsheet><table:table table:name="a">'
                     f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row></table:table>'
                     "</office:spreadsheet></office:body></office:document-content>")  # fmt: skip
    with pytest.raises(rc.RubbercarbonError) as caught:
        rc.read_inventory(tmp_path / "h.ods")
    assert [item.code for item in caught.value.found_problems.items] == ["file_unreadable"]


@pytest.mark.parametrize(
    ("content", "said"),
    [("species,girth_cm\n" + "x" * 300_000 + ",60\n", "300,003 letters"),
     (",".join(f"c{k}" for k in range(60_000)), "letters"),
     ('species,girth_cm\n"' + "x" * 150_000, "field larger"),
     ("species,girth_cm\n" + "," * 5000 + "\n", "no rows")],
)  # fmt: skip
def test_text_that_is_no_table_is_refused_in_a_sentence(tmp_path, content, said):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(rc.RubbercarbonError, match=said):
        rc.read_inventory(tmp_path / "t.csv")


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_compute_is_escaped_and_comes_back(tmp_path, sign):
    trees = TREES.head(12).assign(note=f"{sign}SUM(A1)", site_id=f"{sign}x")
    trees.to_csv(tmp_path / "t.csv", index=False)
    words = ["estimate", str(tmp_path / "t.csv"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    kept = read_plain(tmp_path / "out" / "trees.csv")["site_id"]
    assert kept.str.strip().tolist() == [f"{sign}x".strip()] * 12
    for folder in tmp_path.glob("out/*.csv"):
        cells = pd.read_csv(folder, dtype=str, keep_default_na=False).to_numpy().ravel()
        texts = [c for c in cells if c[:1] in "=+-@" and c and not is_number(c)]
        assert texts == [], folder.name


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize(("command", "most"), [("check", 800), ("estimate", 1000)])
def test_memory_of_many_rows_stays_within_its_bound(tmp_path, command, most):
    """Bytes a row between two sizes, each in a process of its own; once 1,300, then 2,400."""
    pytest.importorskip("resource")  # not on Windows
    script = Path(__file__).parents[2] / "benchmarks" / "intake.py"
    sizes = (120_000, 360_000)
    memory = []
    for rows in sizes:
        table = pd.concat([sheet_of_rubber(rows // 10)] * 10, ignore_index=True)
        table["plot_id"] = [f"P{k // 75}" for k in range(rows)]
        table.to_csv(tmp_path / f"{rows}.csv", index=False)
        words = [command, str(tmp_path / f"{rows}.csv"), str(tmp_path / f"out{rows}")]
        done = subprocess.run(
            [sys.executable, str(script), *words], capture_output=True, text=True, check=True
        )
        memory.append(float(done.stderr.split()[-1]) * 2**20)
    assert (memory[1] - memory[0]) / (sizes[1] - sizes[0]) < most


def sheet_of_rubber(rows):
    rng = np.random.default_rng(4)
    return pd.DataFrame({
        "plot_id": "", "tree_id": np.arange(rows) % 75 + 1, "species": "ยางพารา",
        "girth_cm": rng.normal(63.0, 6.0, rows).round(1), "height_m": rng.normal(16.0, 1.0, rows).round(1),
        "plot_area_rai": 1,
    })  # fmt: skip


@pytest.mark.drill
def test_a_million_rows_are_checked_and_estimated_within_their_bound():
    script = Path(__file__).parents[2] / "benchmarks" / "intake.py"
    done = subprocess.run(
        [sys.executable, str(script), "1000000"], capture_output=True, text=True, check=True
    )
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == ["check", "estimate"]
    for row, most in zip(rows, (750, 950), strict=True):
        assert float(row[4].replace(",", "")) < most


# --- what a field officer ran into; each was wrong once -------------------------------------------


def test_totals_of_a_merged_plot_column_make_no_plot():
    rows = [
        ["A", 1, "ยางพารา", 60.0, 1.0],
        ["A", 2, "ยางพารา", 61.0, 1.0],
        ["รวม", None, None, 121.0, None],
    ]
    heads = ["แปลง", "ต้นที่", "ชนิดไม้", "เส้นรอบวง (ซม.)", "พื้นที่ (ไร่)"]
    inventory = rc.read_inventory(pd.DataFrame(rows, columns=heads, dtype=object))
    assert inventory.plots["plot_id"].tolist() == ["A"]
    codes = {item.code for item in inventory.found_problems.items}
    assert "totals_row" in codes
    assert not codes & {"tree_id_missing", "area_missing"}


def test_remarks_below_the_table_are_no_trees():
    trees = TREES.head(12).rename(columns=HEAD).astype(object)
    below = {HEAD["plot_id"]: "* วัดโดยใช้สายวัด"}, {HEAD["plot_id"]: "ลงชื่อ ............ ผู้สำรวจ"}
    inventory = rc.read_inventory(pd.concat([trees, pd.DataFrame(below)], ignore_index=True))
    assert inventory.trees["refused"].tolist() == [""] * 12 + ["text_row"] * 2
    assert "ลงชื่อ ............ ผู้สำรวจ" not in set(inventory.plots["plot_id"])


def test_a_dead_tree_in_the_remarks_is_asked_about():
    notes = ["ต้นตาย", "", "ยอดตาย กิ่งหัก", "dead", "ถูกตัดแล้ว", "ยังไม่ตาย"]
    trees = TREES.head(6).assign(note=notes, status="")
    items = rc.read_inventory(trees).found_problems.items
    assert [i.row for i in items if i.code == "note_says_gone"] == [1, 4, 5]


def test_messages_name_the_heading_of_the_sheet_and_the_value_that_was_meant():
    trees = TREES.rename(columns=HEAD)
    trees.loc[3, HEAD["girth_cm"]] = 0.61
    trees.loc[5, HEAD["girth_cm"]] = "๖๑,๕"
    frame = rc.read_inventory(trees).found_problems.frame("th").set_index("row")
    assert frame.loc[4, "message"].startswith("เส้นรอบวง (ซม.) = 0.61")
    assert frame.loc[4, "column"] == "girth_cm"
    assert frame.loc[4, "suggestion"] == "น่าจะเป็น 61"
    assert frame.loc[6, "suggestion"].endswith("น่าจะเป็น 61.5")


def test_a_unit_typed_into_the_cell_is_suggested_away():
    trees = TREES.head(12).rename(columns=HEAD).astype(object)
    typed = ("65.5 ซม.", "๖๕ cm", "0.65 ม.", "ราว 65", "65 นิ้ว", '24"', "620 มม.", "0.6 เมตร", "7 ไร่")  # fmt: skip
    for row, text in enumerate(typed):
        trees.loc[row, HEAD["girth_cm"]] = text
    items = rc.read_inventory(trees).found_problems.items
    assert [i.fix for i in items if i.code == "not_a_number"] == [
        "65.5", "65", "65", "", "165.1", "60.96", "62", "60", "",
    ]  # fmt: skip


def test_an_area_in_rai_ngan_wa_may_stand_in_the_sheet_of_trees():
    trees = pd.DataFrame({"แปลง": ["1", "2"], "ชนิดไม้": "ยางพารา", "เส้นรอบวง (ซม.)": 60,
                          "พื้นที่ (ไร่-งาน-วา)": ["6-2-75", "6-5-75"]})  # fmt: skip
    inventory = rc.read_inventory(trees)
    assert inventory.plots["area_ha"].iloc[0] == pytest.approx(1.07)
    found = [(i.row, i.value) for i in inventory.found_problems.items if i.code == "area_not_valid"]
    assert found == [(2, "6-5-75")]


@pytest.mark.parametrize("heading", ["พื้นที่แปลง (ไร่)", "ไร่"])
def test_an_area_in_rai_ngan_wa_under_a_heading_of_rai_is_read_and_said(heading):
    areas = ["1-2-50", "1-2-50", "๑ ไร่ ๒ งาน ๕๐ วา", "1.625", "1950-02-01", "ไม่แน่ใจ"]
    names = ["1", "1", "2", "3", "4", "5"]
    trees = pd.DataFrame({"แปลง": names, "ชนิดไม้": "ยางพารา",
                          "เส้นรอบวง (ซม.)": [60, 61, 62, 63, 64, 65]})  # fmt: skip
    plots = pd.DataFrame({"แปลง": names[1:], heading: areas[1:]})
    beside = rc.read_inventory(trees, plots)
    within = rc.read_inventory(trees.assign(**{heading: areas}))
    for inventory, counts in ((beside, [1, 1]), (within, [2, 1])):
        hectares = inventory.plots["area_ha"]
        assert hectares[:3].tolist() == pytest.approx([0.26, 0.26, 0.26])
        assert hectares[3:].isna().all()
        items = inventory.found_problems.items
        said = inventory.problems.query("code == 'area_respelt'")
        assert said["value"].tolist() == ["1-2-50", "๑ ไร่ ๒ งาน ๕๐ วา"]
        for message, count in zip(said["message"], counts, strict=True):
            assert message.endswith(f"1.625 rai ({count} cells)")
        lost = [(i.value, i.severity) for i in items if i.code == "not_a_number"]
        assert lost == [("1950-02-01", "error"), ("ไม่แน่ใจ", "error")]
        assert (inventory.trees["refused"] == "").all()


def test_rai_ngan_wa_beside_a_column_of_ngan_is_not_counted_twice():
    trees = pd.DataFrame({"แปลง": ["1", "2"], "ชนิดไม้": "ยางพารา", "เส้นรอบวง (ซม.)": [60, 61]})
    plots = pd.DataFrame({"แปลง": ["1", "2"], "ไร่": ["1-2-50", "1-2-50"], "งาน": [2, None]})
    inventory = rc.read_inventory(trees, plots)
    assert inventory.plots["area_ha"].tolist() == pytest.approx([0.08, 0.26])
    lost = [(i.row, i.severity) for i in inventory.found_problems.items if i.code == "not_a_number"]
    assert lost == [(1, "error")]


@pytest.mark.parametrize(
    ("heading", "column", "tape"),
    [("เส้นรอบวงที่ระดับ 1.30 เมตร (ซม.)", "girth_cm", 1.3), ("เส้นรอบวง ที่ความสูง 150 ซม. (ซม.)", "girth_cm", 1.5),
     ("G.B.H. (cm)", "girth_cm", None), ("ขนาดพื้นที่ (ไร่)", "plot_area_rai", None),
     ("ปีที่ปลูก พ.ศ.", "planting_year", None), ("ว/ด/ป", "date", None), ("พันธุ์ยางพารา", "clone", None)],
)  # fmt: skip
def test_more_headings_of_field_sheets(heading, column, tape):
    found = recognise(heading, "trees")
    assert (found.column, found.pom_m) == (column, tape)


@pytest.mark.parametrize(
    ("text", "clone"),
    [
        ("600", "RRIM 600"),
        ("251", "RRIT 251"),
        ("255", "255"),
        ("24", "24"),
        ("RRIM600", "RRIM 600"),
    ],
)
def test_a_clone_by_its_number_alone(text, clone):
    assert clone_name(text) == clone


def test_the_first_tree_is_not_taken_for_a_second_heading(tmp_path):
    trees = TREES.rename(columns=HEAD).assign(อื่น="x")
    workbook(tmp_path / "t.xlsx", a=trees)
    assert len(rc.read_inventory(tmp_path / "t.xlsx").trees) == 60


def test_problems_found_in_estimating_name_their_sheet(tmp_path):
    trees = TREES.head(12).copy()
    trees.loc[3, "species"] = "ยางพาลา"
    workbook(tmp_path / "t.xlsx", ต้นไม้=trees.rename(columns=HEAD))
    stocks = rc.estimate_stocks(rc.read_inventory(tmp_path / "t.xlsx"))
    item = next(i for i in stocks.found_problems.items if i.code == "species_unknown")
    assert (item.sheet, item.row) == ("ต้นไม้", 5)
    assert "Hevea brasiliensis (ยางพารา)" in item.advice("th")


def test_check_writes_a_folder_by_itself_and_reckons_with_suggestions(tmp_path, capsys):
    trees = TREES.copy()
    trees.loc[3, "girth_cm"] = 0.61
    trees.to_csv(tmp_path / "t.csv", index=False)
    assert main(["check", str(tmp_path / "t.csv"), "--lang", "th"]) == 0
    said = capsys.readouterr().out
    assert "อยู่ใน rubbercarbon-check" in said
    assert "--accept-suggestions" in said
    names = {path.name for path in Path("rubbercarbon-check").iterdir()}
    assert names == {"problems.csv", "problems.xlsx", "run.json"}


def test_the_dead_are_not_judged_by_their_height_and_rise_only_with_a_word():
    trees = TREES.copy()
    trees.loc[[3, 4], "height_m"] = 1.6
    trees.loc[3, "status"] = "ตาย"
    rows = {i.row for i in rc.read_inventory(trees).found_problems.items if i.column == "height_m"}
    assert rows == {5}
    first = TREES.copy()
    first.loc[7, "status"] = "ตาย"
    change = rc.compare_inventories(*[
        rc.read_inventory(t, PLOTS) for t in (first, TREES)
    ])  # fmt: skip
    items = [i for i in change.found_problems.items if i.code == "dead_then_alive"]
    assert [i.message("en").split(" was ")[0] for i in items] == ["tree 8 of plot P1"]


def test_columns_left_empty_do_not_shift_the_cells_of_the_copy(tmp_path):
    import xlsxwriter
    from python_calamine import CalamineWorkbook

    with xlsxwriter.Workbook(str(tmp_path / "t.xlsx")) as out:
        sheet = out.add_worksheet("a")
        sheet.write_row(2, 1, ["แปลง", None, "ชนิดไม้", "เส้นรอบวง (ซม.)"])
        for line in range(3, 9):
            sheet.write_row(line, 1, ["A", None, "ยางพารา", 60.0 if line != 5 else "x"])
    assert main(["check", str(tmp_path / "t.xlsx"), "--out", str(tmp_path / "o")]) == 1
    book = CalamineWorkbook.from_path(str(tmp_path / "o" / "problems.xlsx"))
    listed = book.get_sheet_by_name("problems").to_python()
    cells = {row[listed[0].index("cell")] for row in listed}
    assert "E6" in cells
    copy = book.get_sheet_by_name("your sheet").to_python(skip_empty_area=False)
    assert copy[5][4] == "x"
    assert copy[2][4] == "เส้นรอบวง (ซม.)"
