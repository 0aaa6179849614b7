"""Files that are broken, far too large or made to do harm are one sentence."""

import contextlib
import struct
import subprocess
import zipfile

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_sheets import book, refused, thai

import rubbercarbon as rc
from rubbercarbon.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


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
