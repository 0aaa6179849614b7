"""Faults planted by a seeded generator into real sheets and into the template: code, row, column."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from effort import first
from planted import ROW_FAULTS, clean, plant, plots_of
from shared_data import data

import rubbercarbon as rc
from rubbercarbon.sheet_templates import SHEETS, columns, write_workbook

# file: headings of diameter, height and species, and --map where the file needs it
REAL = {
    "agroforest/harja2012_trees.csv": ("Girth", "Height", "Indonesian_name"),
    "importers/forestmangr_exfm20.csv": ("dbh", "Htot", "scientific.name"),
    "nouragues/NouraguesTrees_wd_h.csv": ("D", "H", "Species"),
}
ANYWHERE = ("text", "comma", "no girth", "negative", "huge", "girth in metres", "height in cm",
            "height lost point", "height a tenth", "error cell", "no species")  # fmt: skip


@pytest.mark.parametrize("seed", first(range(3)))
@pytest.mark.parametrize("file", list(REAL))
def test_faults_planted_into_real_sheets_are_found_where_they_are(file, seed):
    size, height, species = REAL[file]
    frame = pd.read_csv(data("data", *file.split("/")), dtype=str, keep_default_na=False)
    frame = frame[~frame.duplicated()].reset_index(drop=True)
    if "Dbh" in frame:
        frame = frame.drop(columns="Dbh")
    headings = {"girth_cm": size, "height_m": height, "species": species}
    mapping = {"species": species} if "harja" in file else {}
    sizes, heights = (pd.to_numeric(frame[name], errors="coerce") for name in (size, height))
    dbh = sizes / math.pi if "harja" in file else sizes
    fit = rc.read_inventory(frame, mapping=mapping)
    alive = fit.trees["state"].eq("alive").to_numpy() & (fit.trees["refused"] == "").to_numpy()
    odd = {item.row for item in fit.found_problems.items if item.column == "height_m"}
    usual = ~pd.Series(np.arange(len(frame)) + 1).isin(odd) & heights.between(9, 28)
    usual &= dbh.between(11, 45) & (heights / dbh).between(0.55, 1.2) & alive
    rows = np.random.default_rng(seed).choice(
        np.flatnonzero(usual), size=len(ANYWHERE), replace=False
    )
    truth = set()
    for row, name in zip(rows, ANYWHERE, strict=True):
        fault, column = ROW_FAULTS[name], headings[ROW_FAULTS[name]["column"]]
        old = frame.loc[row, column]
        frame.loc[row, column] = str(
            fault["make"](old if fault["column"] == "species" else float(old))
        )
        truth.add((int(row) + 1, column, fault["code"]))
    if file.startswith("nouragues"):  # the genus alone still names the tree
        truth = {place for place in truth if place[2] != "species_missing"}
    inventory = rc.read_inventory(frame, mapping=mapping)
    found = {
        (item.row, inventory.headings.get(item.column), item.code)
        for item in inventory.found_problems.items
    }
    assert truth - found == set()
    assert len(inventory.trees) == len(frame)
    errors = {i.row for i in inventory.found_problems.items if i.severity == "error"}
    assert errors == set(inventory.trees.loc[inventory.trees["refused"] != "", "row"])


# --- the template ---------------------------------------------------------------------------------


def fill(path, language, trees, plots):
    """The template itself, filled as an officer would; the example rows are written over."""
    openpyxl = pytest.importorskip("openpyxl")
    write_workbook(path, language)
    book = openpyxl.load_workbook(path)
    for kind, sheet, table in zip(
        ("plots", "trees"), SHEETS[language], (plots, trees), strict=False
    ):
        for k, column in enumerate(columns(kind), start=1):
            values = table.get(column["name"], [None])
            book[sheet].cell(row=2, column=k).value = None
            for line, value in enumerate(values, start=2):
                empty = value is None or value == "" or value != value  # noqa: PLR0124
                book[sheet].cell(row=line, column=k).value = None if empty else value
    book.save(path)


def parts(n, seed):
    """A clean sheet and its plots as the template asks for them."""
    trees = clean(n, seed)
    plots = plots_of(trees, date="15/3/2567", planting_year=2549, system="สวนยางพารา").astype(
        object
    )
    plots["area_rai"] = plots["area_ha"] * 6.25
    return trees, plots


def problems_of(path):
    inventory = rc.read_inventory(path)
    return inventory, rc.estimate_stocks(inventory).found_problems.items


@pytest.mark.parametrize("language", ["th", "en"])
@pytest.mark.slow
def test_the_template_filled_with_500_trees_raises_nothing(tmp_path, language):
    trees, plots = parts(500, 11)
    fill(tmp_path / "t.xlsx", language, trees, plots)
    inventory, items = problems_of(tmp_path / "t.xlsx")
    assert [(item.code, item.row, item.value) for item in items] == []
    assert len(inventory.trees) == 500
    np.testing.assert_allclose(inventory.plots["area_ha"], plots["area_ha"].astype(float))
    assert inventory.plots["planting_year"].tolist() == [2006] * 5


IN_TEMPLATE = [
    name for name, fault in ROW_FAULTS.items()
    if fault["column"] in {column["name"] for column in columns("trees")}
]  # fmt: skip
PLOT_FAULTS = {
    0: {"latitude": (100.5, "coordinates_swapped"), "longitude": (7.0, "coordinates_swapped")},
    1: {"planting_year": (2569, "planted_after_survey")},
    2: {"land_document": ("ใบเสร็จ", "land_document_unknown"), "spacing": ("ห่าง ๆ", "spacing_unreadable")},
    3: {"date": ("เมื่อวาน", "date_unreadable"), "planting_year": (49, "planting_year_odd")},
}  # fmt: skip


@pytest.mark.parametrize("seed", first([1, 0]))
def test_faults_planted_into_the_template_are_found_where_they_are(tmp_path, seed):
    trees, plots = parts(500, seed)
    planted, truth = plant(trees, IN_TEMPLATE, seed)
    for line, faults in PLOT_FAULTS.items():
        for column, (value, _) in faults.items():
            plots.loc[line, column] = value
    fill(tmp_path / "t.xlsx", "th", planted, plots)
    inventory, items = problems_of(tmp_path / "t.xlsx")
    found = {(item.sheet, item.row, item.column, item.code) for item in items}
    expected = {("ต้นไม้", *place) for place in truth} | {
        ("แปลง", line + 2, column, code)
        for line, faults in PLOT_FAULTS.items() for column, (_, code) in faults.items()
    }  # fmt: skip
    assert expected - found == set()
    # nothing else is said of rows without a fault
    assert {
        row
        for sheet, row, _, code in found
        if sheet == "ต้นไม้" and row and code != "outside_range"  # said of an equation
    } <= {row for row, *_ in truth} | repeated(inventory)


def repeated(inventory):
    """Rows that share the number of a planted repeat."""
    items = inventory.found_problems.items
    return {item.row for item in items if item.code in {"id_repeated", "tag_order"}}


def test_suggestions_hold_for_the_sheet_of_plots_too(tmp_path):
    trees, plots = parts(60, 2)
    plots.loc[0, ["latitude", "longitude"]] = [100.5, 7.0]
    fill(tmp_path / "t.xlsx", "th", trees, plots)
    assert rc.read_inventory(tmp_path / "t.xlsx").plots["latitude"].iloc[0] == 100.5
    used = rc.read_inventory(tmp_path / "t.xlsx", accept_suggestions=True)
    assert used.plots[["latitude", "longitude"]].iloc[0].tolist() == [7.0, 100.5]
    logged = {(i.sheet, i.row, i.column) for i in used.found_problems.items}
    assert logged == {("แปลง", 2, "latitude"), ("แปลง", 2, "longitude")}


# --- cells that a spreadsheet computes ------------------------------------------------------------


def test_errors_and_formulas_without_a_result_are_one_problem_each(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "ไม้ & ป่า"
    for row in (["ชนิดไม้", "เส้นรอบวง (ซม.)", "ความสูง (ม.)"], ["ยางพารา", "=60+5", 15.0],
                ["ยางพารา", 60.0, "#DIV/0!"], ["ยางพารา", "#REF!", 14.0], ["ยางพารา", 61.0, 14.0]):  # fmt: skip
        sheet.append(row)
    book.save(tmp_path / "f.xlsx")
    inventory = rc.read_inventory(tmp_path / "f.xlsx")
    found = [(i.row, i.column, i.code, i.value) for i in inventory.found_problems.sorted() if i.row]
    assert found == [
        (2, "girth_cm", "formula_without_value", "=60+5"),
        (3, "height_m", "cell_error", "#DIV/0!"),
        (4, "girth_cm", "cell_error", "#REF!"),
    ]
    assert inventory.trees["refused"].ne("").tolist() == [True, False, True, False]


def test_a_frame_of_a_planted_sheet_and_its_csv_say_the_same():
    planted, _ = plant(clean(200, 3), ["text", "girth in metres", "height lost point"], 3)
    buffer = io.StringIO()
    planted.to_csv(buffer, index=False)
    again = pd.read_csv(io.StringIO(buffer.getvalue()), dtype=str, keep_default_na=False)
    both = [
        sorted((i.row, i.code) for i in rc.read_inventory(frame).found_problems.items if i.row)
        for frame in (planted, again)
    ]
    assert both[0] == both[1] != []
