"""Run folders: written whole, replaced whole, read back whole; settings files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import rubbercarbon as rc
from rubbercarbon import provenance
from rubbercarbon.config import make_settings, read_settings
from rubbercarbon.errors import RunFolderError, SettingsError
from rubbercarbon.provenance import run_folder, version, write_csv


@pytest.fixture
def stocks():
    frame = pd.DataFrame({"plot_id": ["=p", "=p"], "tree_id": ["1", "2"], "species": ["ยางพารา", "xyz"],
                          "dbh_cm": [20.0, 10.0], "plot_area_rai": 1.0})  # fmt: skip
    return rc.estimate_stocks(rc.read_inventory(frame))


def test_a_run_reads_back_as_it_was(stocks, tmp_path):
    folder = rc.write_run(stocks, tmp_path / "ผล ลัพธ์")
    back = rc.load_run(folder)
    pd.testing.assert_series_equal(back.trees["agb_kg"], stocks.trees["agb_kg"], check_exact=True)
    pd.testing.assert_series_equal(
        back.plots["co2e_t_ha"], stocks.plots["co2e_t_ha"], check_exact=True
    )
    assert back.plots["plot_id"].tolist() == ["=p"]
    assert back.run == json.loads(json.dumps(stocks.run))
    assert back.problems["message"].tolist() == stocks.problems["message"].tolist()
    assert back.problems["row"].tolist() == stocks.problems["row"].tolist()


def test_the_folder_holds_what_it_promises(stocks, tmp_path):
    folder = rc.write_run(stocks, tmp_path / "out", parquet=True, language="th")
    assert sorted(path.name for path in folder.iterdir()) == [
        "assumptions.csv", "attribution.csv", "citations.csv", "plots.csv", "problems.csv",
        "run.json", "sampling.csv", "total.csv", "trees.csv", "trees.parquet", "uncertainty.csv",


    ]  # fmt: skip
    raw = (folder / "plots.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b"'=p" in raw  # a spreadsheet would compute it
    assert "ไม่รู้จักชนิดไม้" in (folder / "problems.csv").read_text(encoding="utf-8-sig")


def test_nothing_of_a_former_run_stays(stocks, tmp_path):
    folder = rc.write_run(stocks, tmp_path / "out", parquet=True)
    rc.write_run(stocks, folder)
    assert not (folder / "trees.parquet").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_things_is_refused_unless_forced(stocks, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(RunFolderError, match="--force"):
        rc.write_run(stocks, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
    target = tmp_path / "old"
    target.mkdir()
    (target / "x").write_text("x")
    rc.write_run(stocks, target, force=True)
    assert not (target / "x").exists()


def test_a_crash_leaves_the_former_run(stocks, tmp_path):
    folder = rc.write_run(stocks, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(fresh):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        rc.write_run(stocks, folder, extras=fail)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_is_no_folder(stocks, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(RunFolderError, match="is a file"):
        rc.write_run(stocks, tmp_path / "out")
    with (
        pytest.raises(RunFolderError, match="cannot be written"),
        run_folder(tmp_path / "out" / "below"),
    ):
        pass


def test_folders_that_are_no_runs(stocks, tmp_path):
    with pytest.raises(RunFolderError, match=r"no run\.json"):
        rc.load_run(tmp_path)
    folder = rc.write_run(stocks, tmp_path / "out")
    (folder / "plots.csv").unlink()
    with pytest.raises(RunFolderError, match=r"no plots\.csv"):
        rc.load_run(folder)
    (folder / "run.json").write_text('{"schema_version": 99}')
    with pytest.raises(RunFolderError, match="newer version"):
        rc.load_run(folder)
    (folder / "run.json").write_text("{")
    with pytest.raises(RunFolderError, match="cannot be read"):
        rc.load_run(folder)


@pytest.mark.parametrize("text", ["=1+1", "+66", "-5 m", "@x", "\tx"])
def test_text_that_a_spreadsheet_would_compute_is_guarded(tmp_path, text):
    write_csv(pd.DataFrame({"note": [text, "plain"], "n": [-1.5, 2.0]}), tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[1].startswith(("'", "\"'"))
    assert "-1.5" in lines[1]  # numbers stay numbers


def test_a_table_written_in_blocks_is_the_table(tmp_path, monkeypatch):
    table = pd.DataFrame({
        "text": ["=1", None, "ยาง", "a,b", "-"], "mixed": pd.Series([1, None, 2.5, "+x", 3], dtype=object),
        "whole": pd.Series([1, 2, None, 4, 5], dtype=object), "n": [0.1, np.nan, 3.0, -1.0, 5.0],
        "row": pd.array([1, None, 3, 4, 5], dtype="Int64"),
    })  # fmt: skip
    write_csv(table, tmp_path / "whole.csv")
    monkeypatch.setattr(provenance, "ROWS_AT_ONCE", 2)
    write_csv(table, tmp_path / "blocks.csv")
    whole = (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "blocks.csv").read_bytes() == whole
    assert whole.decode("utf-8-sig").splitlines()[5] == "'-,3,5,5.0,5"
    write_csv(table.iloc[:0], tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text(encoding="utf-8-sig") == "text,mixed,whole,n,row\n"


def test_full_precision(tmp_path):
    value = 1.0 / 3.0
    write_csv(pd.DataFrame({"x": [value]}), tmp_path / "t.csv")
    assert float((tmp_path / "t.csv").read_text(encoding="utf-8-sig").splitlines()[1]) == value


def test_an_unknown_package_has_an_unknown_version():
    assert version("no-such-package-anywhere") == "unknown"


class TestSettingsFiles:
    def test_a_file(self, tmp_path):
        path = tmp_path / "s.toml"
        path.write_text('carbon_fraction = 0.5\n[equations]\nHevea = "hytonen_2018"\n')
        settings = read_settings(path)
        assert settings.carbon_fraction == 0.5
        assert settings.equations == {"Hevea": "hytonen_2018"}

    @pytest.mark.parametrize(
        ("text", "says"),
        [("carbon_fractoin = 0.5", "Allowed keys: equations"), ("carbon_fraction = 3.0", "found 3.0"),
         ("= broken", "not valid TOML"), (None, "cannot be read")],
    )  # fmt: skip
    def test_faults_are_sentences(self, tmp_path, text, says):
        path = tmp_path / "s.toml"
        if text is not None:
            path.write_text(text)
        with pytest.raises(SettingsError, match=says):
            read_settings(path)

    def test_plain_values(self):
        assert make_settings({"stress": 0.1}).stress == 0.1
