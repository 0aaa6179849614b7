"""Files and folders that break a batch: one sentence each, everything else computed."""

import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_inventories import national

import rubbercarbon as rc
from rubbercarbon import cli
from rubbercarbon.batch_source import Source
from rubbercarbon.errors import RunFolderError


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Two sound files of whole plots."""
    folder = tmp_path_factory.mktemp("inventory")
    frame = national(12, 10)
    for number, some in enumerate(np.array_split(frame["plot_id"].unique(), 2)):
        part = frame[frame["plot_id"].isin(some)]
        part.to_parquet(folder / f"f-{number}.parquet", index=False, row_group_size=20)
    return folder


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "out"
    rc.run_batch(source, folder, part_rows=20)
    return folder


def table():
    return pa.Table.from_pandas(national(3, 6), preserve_index=False)


def put(name, values):
    found = table()
    column = pa.array([values] * len(found))
    return found.set_column(found.column_names.index(name), name, column)


def twice():
    names = ["dbh_cm" if name == "height_m" else name for name in table().column_names]
    return table().rename_columns(names)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (twice, "two of its columns are called 'dbh_cm'"),
        (lambda: put("species", ["a"]), "its column 'species' holds list"),
        (lambda: put("plot_id", {"a": 1}), "its column 'plot_id' holds struct"),
        (lambda: put("dbh_cm", True), "its column 'dbh_cm' holds bool"),
        (lambda: table().slice(0, 0), "it has a heading but no rows"),
        (lambda: table().drop_columns(["species"]), "the table lacks species; its columns are: plot_id"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_told_and_the_others_are_computed(
    make, words, source, tmp_path
):
    inputs = tmp_path / "in"
    shutil.copytree(source, inputs)
    pq.write_table(make(), inputs / "a.parquet")
    result = rc.run_batch(inputs, tmp_path / "out")
    assert list(result.unread) == ["a.parquet"]
    assert words in result.unread["a.parquet"]
    assert result.total["n_plots"].iloc[-1] == 12
    counts = result.problems.set_index("code")["n_rows"]
    assert counts["file_left_out"] == 1


def test_a_file_that_may_not_be_opened_is_listed(source, tmp_path, monkeypatch):
    digest = Source.digest

    def closed(self, name):
        if name == "f-1.parquet":
            raise PermissionError(13, "Permission denied", name)
        return digest(self, name)

    monkeypatch.setattr(Source, "digest", closed)
    result = rc.run_batch(source, tmp_path / "out", language="th")
    assert result.unread == {"f-1.parquet": "เปิดไฟล์ไม่ได้ (Permission denied) ตรวจสิทธิ์การอ่าน"}
    assert result.total["n_plots"].iloc[-1] == 6
    for language, why in (("th", "ตรวจสิทธิ์การอ่าน"), ("en", "check who may read it")):
        report = rc.write_report(tmp_path / "out", tmp_path / f"{language}.html", language)
        said = [line for line in report.read_text("utf-8").splitlines() if "f-1.parquet" in line]
        assert any(why in line for line in said)


def test_a_file_that_breaks_while_it_is_computed_is_in_no_total(source, finished, tmp_path):
    """Its first parts are sound, and count no more than the broken one."""
    inputs, folder = tmp_path / "in", tmp_path / "out"
    shutil.copytree(source, inputs)
    victim = inputs / "f-0.parquet"
    whole = victim.read_bytes()
    file = pq.ParquetFile(victim)
    chunk = file.metadata.row_group(2).column(file.schema_arrow.names.index("dbh_cm"))
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    victim.write_bytes(whole[:start] + b"\xff" * 12 + whole[start + 12 :])
    result = rc.run_batch(inputs, folder, part_rows=20)
    assert list(result.unread) == ["f-0.parquet"]
    assert result.total["n_plots"].iloc[-1] == 6
    assert pq.read_table(folder / "plots").num_rows == 6
    assert not list((folder / "parts").glob("f-0-*"))
    victim.write_bytes(whole)
    again = rc.run_batch(inputs, folder, resume=True)
    assert (again.kept, again.parts) == (3, 6)
    for name in ("total.csv", "problem_counts.csv", "citations.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda f: (f / "manifest.json").write_text("{", "utf-8"), "the plan of the batch in"),
        (
            lambda f: (f / "manifest.json").write_text(
                json.dumps({"run": [], "files": 7}), "utf-8"
            ),
            "the plan of the batch in",
        ),
        (lambda f: in_the_way(f / "total.csv"), "is a folder where a file of the batch belongs"),
        (
            lambda f: in_the_way(f / "plots" / "f-0-000000000.parquet"),
            "is a folder where a file of the batch belongs",
        ),
    ],
)
def test_damaged_folders_end_a_run_with_a_sentence(harm, words, source, finished, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(finished, folder)
    harm(folder)
    with pytest.raises(RunFolderError, match=words):
        rc.run_batch(source, folder, resume=True)


def in_the_way(path):
    path.unlink()
    path.mkdir()


def test_plots_that_no_table_knows_and_rows_that_are_all_refused(source, tmp_path):
    plots = tmp_path / "plots.csv"
    pd.DataFrame({"plot_id": ["X"], "area_rai": [1]}).to_csv(plots, index=False)
    result = rc.run_batch(source, tmp_path / "out", plots=plots)
    counts = result.problems.set_index("code")["n_rows"]
    theirs = rc.read_inventory(national(12, 10), plots).problems["code"].value_counts()
    assert counts["plot_unknown"] == theirs["plot_unknown"] > 100
    assert counts["plot_empty"] == 1
    inputs = tmp_path / "in"
    inputs.mkdir()
    national(2, 5).assign(dbh_cm=1e300).to_parquet(inputs / "a.parquet")
    refused = rc.run_batch(inputs, tmp_path / "refused", rc.Settings(draws=4))
    assert refused.total[["n_trees", "agb_t"]].iloc[-1].tolist() == [0, 0.0]


def test_a_sheet_that_nobody_filled_in_yet_is_refused_row_by_row(tmp_path):
    """No column tells its rows apart, but for the plot's system."""
    blank = pa.table({
        "plot_id": ["A"] * 3 + ["B"] * 3, "tree_id": list("123123"),
        "species": pa.nulls(6, pa.string()), "dbh_cm": pa.nulls(6, pa.float64()),
        "system": ["unselected"] * 6, "plot_area_ha": [1.0] * 6,
    })  # fmt: skip
    (tmp_path / "in").mkdir()
    pq.write_table(blank, tmp_path / "in" / "blank.parquet")
    for draws in (None, 16):
        result = rc.run_batch(tmp_path / "in", tmp_path / f"{draws}", rc.Settings(draws=draws))
        total = result.total.iloc[-1]
        assert (total["n_rows"], total["n_refused"], total["agb_t"]) == (6, 6, 0.0)


def test_thai_runs_speak_thai(source, tmp_path, capsys):
    inputs = tmp_path / "in"
    shutil.copytree(source, inputs)
    (inputs / "x.csv").write_text("a,b\n1,2\n", "utf-8")
    (inputs / "y.parquet").write_bytes(b"nothing")
    assert (
        cli.main(["batch", str(inputs), str(tmp_path / "out"), "--draws", "0", "--lang", "th"]) == 1
    )
    printed = capsys.readouterr().out
    assert "ท้องที่" in printed
    assert "locality" not in printed
    assert "ตารางขาดคอลัมน์ plot_id, species" in printed
    assert "ไฟล์เสียหาย ไม่ครบ หรือไม่ใช่ชนิดตามนามสกุล" in printed
    assert "เส้นผ่านศูนย์กลาง" in printed
    assert "diameter_" not in printed
