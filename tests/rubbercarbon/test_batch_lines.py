"""Lines of CSV files that are no rows: skipped, listed, and without effect on all others."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_inventories import national

import rubbercarbon as rc
from rubbercarbon import batch_csv, cli

SHORT, LONG = "F00003,99,ยางพารา", "F00003,98,ยางพารา,20,15,0.2,a,b,c,d,e,f,g,h,i,j,k"


@pytest.fixture(scope="module")
def lines():
    """A heading and the lines of eight plots."""
    return national(8, 12).to_csv(index=False).splitlines()


def write(folder, lines, *, end="\n"):
    folder.mkdir()
    (folder / "a.csv").write_text(end.join(lines) + end, "utf-8", newline="")
    return folder


def listed(folder):
    found = pq.read_table(folder / "problems").to_pandas()
    return found[found["code"].isin(["too_many_cells", "too_few_cells", "lines_more"])]


def plots_of(folder):
    return pq.read_table(folder / "plots").sort_by("plot_id")


@pytest.mark.parametrize("rows", [None, 25])
def test_lines_of_wrong_length_are_listed_and_change_nothing_else(lines, rows, tmp_path):
    bad = [*lines[:2], SHORT, *lines[2:30], LONG, "", *lines[30:], SHORT]
    whole, some = write(tmp_path / "whole", lines), write(tmp_path / "some", bad)
    first, folder = tmp_path / "first", tmp_path / "out"
    rc.run_batch(whole, first, part_rows=rows)
    rc.run_batch(some, folder, part_rows=rows)
    assert plots_of(folder).equals(plots_of(first))
    assert (folder / "total.csv").read_bytes() == (first / "total.csv").read_bytes()
    found = listed(folder).sort_values("row")
    assert found["row"].tolist() == [3, 32, len(bad)]
    assert found["code"].tolist() == ["too_few_cells", "too_many_cells", "too_few_cells"]
    assert found["value"].tolist() == [SHORT, LONG, SHORT]
    assert found["message"].iloc[0] == "the row has 3 cells, the heading 14"
    assert set(found["file"]) == {"a.csv"}
    counts = pd.read_csv(folder / "problem_counts.csv").set_index("code")["n_rows"]
    assert counts["too_few_cells"] == 2
    assert counts["rows_empty"] == 1
    assert "plot_missing" not in counts.index
    # the rows of all other lines are those of the file
    problems = [pq.read_table(f / "problems").to_pandas() for f in (first, folder)]
    before, after = (p[p["severity"] == "error"].dropna(subset="tree_id") for p in problems)
    before, after = (p[p["tree_id"] != ""].sort_values("row") for p in (before, after))
    assert len(before)
    assert after["row"].tolist() == [
        row + (row > 2) + 2 * (row > 30) for row in before["row"].tolist()
    ]
    for row, tree in zip(after["row"], after["tree_id"], strict=True):
        assert bad[row - 1].split(",")[1] == tree


def test_a_file_of_bad_lines_alone_is_listed_and_resume_keeps_what_was_said(lines, tmp_path):
    inputs = write(tmp_path / "in", lines)
    (inputs / "b.csv").write_text("\n".join([lines[0], SHORT, LONG]) + "\n", "utf-8")
    folder = tmp_path / "out"
    for resume in (False, True):
        result = rc.run_batch(inputs, folder, resume=resume)
        assert listed(folder)["file"].tolist() == ["b.csv", "b.csv"]
        assert result.problems.set_index("code").loc["too_many_cells", "n_rows"] == 1
    assert (result.kept, result.parts) == (2, 2)
    (inputs / "a.csv").unlink()
    alone = rc.run_batch(inputs, tmp_path / "alone")
    assert alone.total.empty
    assert cli.main(["batch", str(inputs), str(tmp_path / "said"), "--draws", "0"]) == 1


@pytest.mark.jit
@pytest.mark.slow
def test_bad_lines_are_the_same_for_every_engine(lines, worker_engine, tmp_path):
    inputs = write(tmp_path / "in", [*lines[:20], SHORT, *lines[20:], LONG])
    rc.run_batch(inputs, tmp_path / "local", part_rows=25)
    rc.run_batch(inputs, tmp_path / worker_engine, part_rows=25, engine=worker_engine, workers=2)
    assert listed(tmp_path / worker_engine).equals(listed(tmp_path / "local"))
    assert plots_of(tmp_path / worker_engine).equals(plots_of(tmp_path / "local"))


def test_many_bad_lines_are_counted_and_too_many_end_the_reading(lines, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_csv, "MOST_LISTED", 3)
    inputs = write(tmp_path / "in", lines + [SHORT] * 10)
    rc.run_batch(inputs, tmp_path / "out")
    found = listed(tmp_path / "out")
    assert found["code"].value_counts().to_dict() == {"too_few_cells": 3, "lines_more": 1}
    more = found[found["code"] == "lines_more"].iloc[0]
    assert (more["n_rows"], more["row"]) == (7, len(lines) + 4)
    assert more["message"].startswith("7 more lines")
    monkeypatch.setattr(batch_csv, "MOST_BAD", 5)
    (inputs / "b.csv").write_text("\n".join(lines) + "\n", "utf-8")
    result = rc.run_batch(inputs, tmp_path / "other")
    assert "more than 5 lines" in result.unread["a.csv"]


@pytest.mark.parametrize("rest", ["", 'x,"y"\n'])
def test_a_quotation_mark_that_is_not_closed_swallows_no_line(lines, rest, tmp_path):
    """Without a look at it, all lines behind the mark would be one cell, and gone."""
    quoted = [f"{line},note" if k == 0 else f"{line},ok" for k, line in enumerate(lines)]
    quoted[30] = quoted[30].removesuffix("ok") + '"5'
    inputs = write(tmp_path / "in", quoted)
    with (inputs / "a.csv").open("a", encoding="utf-8") as stream:
        stream.write(rest)
    (inputs / "b.csv").write_text("\n".join(lines[:5]) + "\n", "utf-8")
    result = rc.run_batch(inputs, tmp_path / "out")
    assert "line 31: a quotation mark" in result.unread["a.csv"]
    thai = rc.run_batch(inputs, tmp_path / "thai", language="th")
    assert "บรรทัดที่ 31: มีเครื่องหมายคำพูด" in thai.unread["a.csv"]
    table = pd.read_csv(tmp_path / "thai" / "problems.csv", encoding="utf-8-sig")
    said = table.set_index("code").loc["file_left_out", "message"]
    assert said.startswith("ผลลัพธ์ไม่รวมไฟล์นี้")
    assert "บรรทัดที่ 31" in said
    record = json.loads((tmp_path / "thai" / "run.json").read_text("utf-8"))
    assert "line 31" in record["unread"]["a.csv"]


def test_cells_of_several_lines_and_other_line_ends_are_read(lines, tmp_path):
    noted = [f"{line},note" if k == 0 else f'{line},"two\nlines"' for k, line in enumerate(lines)]
    rc.run_batch(write(tmp_path / "in", lines), tmp_path / "first")
    rc.run_batch(write(tmp_path / "notes", noted), tmp_path / "noted")
    rc.run_batch(write(tmp_path / "windows", lines, end="\r\n"), tmp_path / "ends")
    for name in ("noted", "ends"):
        assert plots_of(tmp_path / name).equals(plots_of(tmp_path / "first"))


def test_thai_that_comes_late_in_a_cp874_file_is_read(lines, tmp_path):
    latin = [line.replace("ยางพารา", "Hevea brasiliensis").encode("ascii", "ignore").decode()
             for line in lines]  # fmt: skip
    much = [latin[0]] + latin[1:] * (2 * batch_csv.SAMPLE // len("".join(latin)) + 1)
    inputs = tmp_path / "in"
    inputs.mkdir()
    last = latin[-1].split(",")
    last[0], last[2], last[3] = "Z9", "ยางพารา", "20"
    text = "\n".join([*much, ",".join(last)]) + "\n"
    (inputs / "a.csv").write_bytes(text.encode("cp874"))
    rc.run_batch(inputs, tmp_path / "out")
    assert plots_of(tmp_path / "out").to_pandas().set_index("plot_id").loc["Z9", "n_refused"] == 0
