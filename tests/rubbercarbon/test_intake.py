"""Field sheets in every format and layout: the same inventory."""

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from made_sheets import TREES, book, ods, same, thai
from planted import HEAD, plots_of

import rubbercarbon as rc


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


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


@pytest.mark.slow
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
