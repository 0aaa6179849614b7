"""Reading: units, areas, ids, years, bad rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import rubbercarbon as rc
from rubbercarbon.columns import rai_text_to_ha
from rubbercarbon.errors import InventoryError

TREES = pd.DataFrame(
    {"plot_id": ["a", "a", "b"], "tree_id": ["1", "2", "1"], "species": ["ยางพารา"] * 3,
     "girth_cm": [60.0, 70.0, 80.0]}
)  # fmt: skip


def codes(inventory):
    return inventory.problems["code"].tolist()


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("column", "value", "dbh_cm"),
    [("dbh_cm", 20.0, 20.0), ("dbh_mm", 200.0, 20.0), ("dbh_m", 0.2, 20.0),
     ("girth_cm", 62.8318530718, 20.0), ("girth_mm", 628.318530718, 20.0),
     ("girth_m", 0.628318530718, 20.0)],
)  # fmt: skip
def test_every_unit_of_diameter_and_girth(column, value, dbh_cm):
    inventory = rc.read_inventory(pd.DataFrame({"species": ["Hevea"], column: [value]}))
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(dbh_cm)


def test_a_diameter_is_used_before_a_girth_row_by_row():
    frame = pd.DataFrame(
        {"species": ["Hevea"] * 2, "dbh_cm": [10.0, np.nan], "girth_cm": [99.0, 62.8318530718]}
    )
    assert rc.read_inventory(frame).trees["dbh_cm"].tolist() == pytest.approx([10.0, 20.0])


def test_unit_option_renames_the_quantity():
    frame = pd.DataFrame({"species": ["Hevea"], "dbh": [200.0]})
    inventory = rc.read_inventory(frame, units={"dbh": "mm"})
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(20.0)
    relabelled = rc.read_inventory(frame.rename(columns={"dbh": "dbh_cm"}), units={"dbh": "mm"})
    assert relabelled.trees["dbh_cm"].iloc[0] == pytest.approx(20.0)


def test_an_unknown_unit_is_refused():
    with pytest.raises(InventoryError, match="dbh and girth in cm, mm, m"):
        rc.read_inventory(TREES, units={"dbh": "inch"})


@pytest.mark.parametrize(
    ("area", "ha"),
    [({"area_ha": [0.5]}, 0.5), ({"area_m2": [1600]}, 0.16), ({"area_rai": [2]}, 0.32),
     ({"area_rai": [6], "area_ngan": [2], "area_wa": [75]}, 1.07), ({"area": ["6-2-75"]}, 1.07),
     ({"area": ["six"]}, math.nan)],
)  # fmt: skip
def test_every_unit_of_area(area, ha):
    plots = pd.DataFrame({"plot_id": ["a"], **area})
    inventory = rc.read_inventory(TREES[TREES["plot_id"] == "a"], plots)
    assert inventory.plots["area_ha"].iloc[0] == pytest.approx(ha, nan_ok=True)


def test_rai_ngan_wa_by_hand():
    assert rai_text_to_ha("6-2-75") == pytest.approx((6 * 1600 + 2 * 400 + 75 * 4) / 10_000)
    assert math.isnan(rai_text_to_ha("6-2"))


def test_area_along_a_slope_is_laid_flat():
    plots = pd.DataFrame(
        {"plot_id": ["a", "b"], "area_ha": [1.0, 1.0], "slope_percent": [75.0, np.nan]}
    )
    inventory = rc.read_inventory(TREES, plots)
    assert inventory.plots["area_ha"].tolist() == pytest.approx([0.8, 1.0])
    assert any("slope" in note["assumption"] for note in inventory.notes)


@pytest.mark.parametrize("name", ["plot_area_ha", "plot_area_m2", "plot_area_rai"])
def test_area_written_in_the_tree_sheet(name):
    factor = {"plot_area_ha": 1.0, "plot_area_m2": 1e-4, "plot_area_rai": 0.16}[name]
    inventory = rc.read_inventory(TREES.assign(**{name: 4.0, "site_id": "s"}))
    assert inventory.plots["area_ha"].tolist() == pytest.approx([4.0 * factor] * 2)
    assert inventory.plots["site_id"].tolist() == ["s", "s"]
    assert any(name in note["assumption"] for note in inventory.notes)


def test_without_plot_ids_all_is_one_plot_and_says_so():
    inventory = rc.read_inventory(TREES.drop(columns="plot_id").assign(tree_id=["1", "2", "3"]))
    assert inventory.plots["plot_id"].tolist() == ["1"]
    assert any(note["topic"] == "plot" for note in inventory.notes)


def test_without_tree_ids_rows_are_named_by_their_number():
    inventory = rc.read_inventory(TREES.drop(columns="tree_id"))
    assert inventory.trees["tree_id"].tolist() == ["row-1", "row-2", "row-3"]


def test_buddhist_years_become_common_era():
    inventory = rc.read_inventory(TREES.assign(planting_year=[2549, 2006, np.nan]))
    assert inventory.trees["planting_year"].tolist()[:2] == [2006, 2006]


def test_thai_digits_and_blank_cells():
    frame = TREES.assign(girth_cm=["๖๐.๕", "70", " "]).astype(str)
    inventory = rc.read_inventory(frame)
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(60.5 / math.pi)
    assert codes(inventory).count("diameter_missing") == 1


def test_the_mapped_column_alone_decides():
    frame = pd.DataFrame({"Girth": [62.8318530718], "DBH": [99.0], "dbh_cm": [50.0], "Nama": ["Karet"],
                          "species": ["Durio zibethinus"]})  # fmt: skip
    inventory = rc.read_inventory(frame, mapping={"girth_cm": "Girth", "species": "Nama"})
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(20.0)
    assert inventory.trees["species"].iloc[0] == "Karet"
    ignored = inventory.problems.query("code == 'column_ignored'")["value"]
    assert set(ignored) == {"DBH", "dbh_cm", "species"}


@pytest.mark.parametrize(
    ("mapping", "says"),
    [({"nonsense": "girth_cm"}, "no column of ours"), ({"girth_cm": "Gurth"}, "has no column 'Gurth'")],
)  # fmt: skip
def test_a_wrong_map_names_what_there_is(mapping, says):
    with pytest.raises(InventoryError, match=says):
        rc.read_inventory(TREES, mapping=mapping)


@pytest.mark.parametrize("missing", ["species", "girth_cm"])
def test_a_missing_column_ends_with_a_sentence(missing):
    with pytest.raises(InventoryError, match=r"lacks .*--map") as caught:
        rc.read_inventory(TREES.drop(columns=missing))
    assert "plot_id, tree_id" in str(caught.value)


def test_bad_rows_are_refused_and_listed_with_place_value_and_advice():
    frame = pd.DataFrame({
        "plot_id": ["a"] * 9, "tree_id": list("123456789"), "species": ["Hevea"] * 8 + [""],
        "dbh_cm": ["20", "", "-4", "0", "900", "x", "0.3", "21", "22"],
        "count": ["1", "1", "1", "1", "1", "1", "1", "1.5", "1"],
    })  # fmt: skip
    inventory = rc.read_inventory(frame)
    table = inventory.problems.set_index("row")
    expected = {2: "diameter_missing", 3: "diameter_not_positive", 4: "diameter_not_positive",
                5: "diameter_too_large", 6: "not_a_number", 7: "diameter_small",
                8: "count_not_valid", 9: "species_missing"}  # fmt: skip
    assert table["code"].dropna().loc[list(expected)].to_dict() == expected
    assert table.loc[6, ["column", "value", "severity"]].tolist() == ["dbh_cm", "x", "error"]
    assert (table.loc[list(expected), "suggestion"].str.len() > 0).all()
    refused = inventory.trees.set_index("row")["refused"]
    assert refused[refused == ""].index.tolist() == [1, 7]  # the small one is computed


def test_heights_and_densities_out_of_range_are_set_aside_not_the_tree():
    inventory = rc.read_inventory(
        TREES.assign(height_m=[12.0, 124.0, -1.0], wood_density_g_cm3=[0.5, 500, 0.5])
    )
    assert np.isnan(inventory.trees["height_m"].iloc[1:]).all()
    assert (inventory.trees["refused"] == "").all()
    assert codes(inventory).count("height_out_of_range") == 2
    assert codes(inventory).count("density_out_of_range") == 1


def test_the_same_stem_twice():
    frame = pd.concat(
        [TREES, TREES.iloc[[0]], TREES.iloc[[1]].assign(girth_cm=71.0)], ignore_index=True
    )
    inventory = rc.read_inventory(frame)
    table = inventory.problems
    assert table.loc[table["code"] == "row_repeated", "row"].tolist() == [4]
    assert table.loc[table["code"] == "id_repeated", "row"].tolist() == [2, 5]
    assert inventory.trees["refused"].tolist() == ["", "", "", "row_repeated", ""]


def test_stems_of_one_tree_are_no_repeats():
    frame = TREES.assign(tree_id="1", plot_id="a", stem_id=["1", "2", "3"])
    assert "id_repeated" not in codes(rc.read_inventory(frame))


def test_trees_of_unknown_plots_and_plots_without_trees():
    inventory = rc.read_inventory(
        TREES, pd.DataFrame({"plot_id": ["a", "c"], "area_ha": [0.1, 0.1]})
    )
    assert inventory.trees["refused"].tolist() == ["", "", "plot_unknown"]
    assert {"plot_unknown", "plot_empty"} <= set(codes(inventory))


def test_a_missing_plot_name_is_refused():
    inventory = rc.read_inventory(TREES.assign(plot_id=["a", "", "b"]))
    assert inventory.trees["refused"].tolist() == ["", "plot_missing", ""]


def test_repeated_plots_and_areas_that_cannot_be():
    plots = pd.DataFrame({"plot_id": ["a", "a", "b"], "area_ha": [0.1, 0.2, -1.0]})
    inventory = rc.read_inventory(TREES, plots)
    assert inventory.plots["area_ha"].tolist() == pytest.approx([0.1, np.nan], nan_ok=True)
    assert {"plot_repeated", "area_not_valid", "area_missing"} <= set(codes(inventory))


def test_odd_stocking_hints_at_a_wrong_area():
    inventory = rc.read_inventory(
        TREES, pd.DataFrame({"plot_id": ["a", "b"], "area_ha": [0.1, 0.0001]})
    )
    odd = inventory.problems.query("code == 'stocking_odd'")["value"].tolist()
    assert odd == ["a", "b"]


def test_the_dead_are_kept_apart():
    inventory = rc.read_inventory(TREES.assign(status=["ตาย", "alive", "sleeping"]))
    assert inventory.trees["state"].tolist() == ["dead", "alive", "unknown"]
    assert {"not_alive", "status_unknown"} <= set(codes(inventory))


def test_rows_without_anything_are_no_rows():
    frame = pd.concat([TREES, pd.DataFrame([dict.fromkeys(TREES)])], ignore_index=True)
    assert len(rc.read_inventory(frame).trees) == 3


@pytest.mark.parametrize("empty", [TREES.iloc[:0], pd.DataFrame([dict.fromkeys(TREES, "")])])
def test_a_table_without_rows_is_no_inventory(empty):
    with pytest.raises(InventoryError, match="no rows"):
        rc.read_inventory(empty)


class TestFiles:
    CSV = "plot_id,tree_id,species,girth_cm\nแปลง 1,1,ยางพารา,60\nแปลง 1,2,ทุเรียน,70\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp874"])
    def test_encodings(self, tmp_path, encoding):
        inventory = rc.read_inventory(write(tmp_path / "ต้น ไม้.csv", self.CSV, encoding))
        assert inventory.trees["species"].tolist() == ["ยางพารา", "ทุเรียน"]
        assert inventory.trees["row"].tolist() == [2, 3]

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_separators(self, tmp_path, separator):
        path = write(tmp_path / "t.csv", self.CSV.replace(",", separator))
        assert len(rc.read_inventory(path).trees) == 2

    def test_parquet_and_arrow_give_what_csv_gives(self, tmp_path):
        write(tmp_path / "t.csv", self.CSV)
        frame = pd.read_csv(tmp_path / "t.csv")
        frame.to_parquet(tmp_path / "t.parquet")
        table = pa.Table.from_pandas(frame)
        by_csv = rc.read_inventory(tmp_path / "t.csv").trees["dbh_cm"].tolist()
        assert rc.read_inventory(tmp_path / "t.parquet").trees["dbh_cm"].tolist() == by_csv
        assert rc.read_inventory(table).trees["dbh_cm"].tolist() == by_csv

    def test_blank_lines_do_not_shift_row_numbers(self, tmp_path):
        text = "species,girth_cm\nHevea,60\n\nHevea,x\n"
        problems = rc.read_inventory(write(tmp_path / "t.csv", text)).problems
        assert problems.query("code == 'not_a_number'")["row"].tolist() == [4]

    def test_the_guard_of_our_writer_is_undone(self, tmp_path):
        inventory = rc.read_inventory(
            write(tmp_path / "t.csv", "species,girth_cm,note\nHevea,60,'=1+1\n")
        )
        assert inventory.trees["note"].iloc[0] == "=1+1"

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [("none.csv", None, "does not exist"), ("empty.csv", b"", "is empty"),
         ("t.docx", b"x", "is not read; save it as"), ("t.parquet", b"not parquet", "as Parquet"),
         ("heading.csv", b"species,girth_cm\n", "no rows"), ("broken.csv", b"\x81\x8d\x90,\xff", "neither UTF-8"),
         ("quote.csv", b'species,girth_cm\n"a,1\n', "not a table")],
    )  # fmt: skip
    def test_files_that_cannot_be_read_say_why(self, tmp_path, name, content, says):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InventoryError, match=says):
            rc.read_inventory(tmp_path / name)

    def test_digests_name_files_without_their_path(self, tmp_path):
        trees = write(tmp_path / "t.csv", "plot_id,species,girth_cm\na,Hevea,60\n")
        plots = write(tmp_path / "p.csv", "plot_id,area_rai\na,1\n")
        digests = rc.read_inventory(trees, plots).digests
        assert sorted(digests) == ["p.csv", "t.csv"]
        assert all(len(digest) == 64 for digest in digests.values())


def test_a_plot_table_needs_plot_id():
    with pytest.raises(InventoryError, match="lacks the column plot_id"):
        rc.read_inventory(TREES, pd.DataFrame({"name": ["a"], "area_ha": [1.0]}))
