"""The command line as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from effort import first

from rubbercarbon import cli, registry

TREES = (
    "plot_id,tree_id,species,girth_cm,plot_area_m2\na,1,ยางพารา,60,40\na,2,Hopea odorata,70,40\n"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trees(tmp_path):
    path = tmp_path / "trees.csv"
    path.write_text(TREES, encoding="utf-8")
    return path


def run(*words):
    return cli.main([str(word) for word in words])


def test_help_lists_every_command_and_the_exit_codes(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    for name in registry.names("commands"):
        assert f"  {name.replace('_', '-')} " in text
    assert "Exit codes" in text
    assert run() == 0


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("rubbercarbon 0.")


@pytest.mark.parametrize("name", registry.names("commands"))
def test_every_command_has_help(name, capsys):
    assert run(name.replace("_", "-"), "--help") == 0
    assert "Usage" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys):
    assert run("estimat") == 2
    assert "Did you mean 'estimate'?" in capsys.readouterr().err


def test_estimate_writes_a_run_and_says_what_it_found(trees, tmp_path, capsys):
    assert run("estimate", trees, "--out", tmp_path / "ผล 1") == 0
    out = capsys.readouterr().out
    assert "t CO2e per rai" in out
    assert "not a removal" in out
    assert len(pd.read_csv(tmp_path / "ผล 1" / "trees.csv")) == 2


def test_thai_texts(trees, tmp_path, capsys):
    assert run("estimate", trees, "--out", tmp_path / "o", "--lang", "th") == 0
    assert "ตันคาร์บอนไดออกไซด์เทียบเท่าต่อไร่" in capsys.readouterr().out


def test_json_output_is_json(trees, tmp_path, capsys):
    assert run("estimate", trees, "--out", tmp_path / "o", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[-1]["site_id"] == "ALL"
    assert rows[-1]["bgb_stand_t"] is None


def test_refused_rows_give_exit_code_1_and_a_list(trees, tmp_path, capsys):
    trees.write_text(TREES + "a,3,xyz,60,40\na,4,ยางพารา,-5,40\n", encoding="utf-8")
    assert run("estimate", trees, "--out", tmp_path / "o") == 1
    problems = pd.read_csv(tmp_path / "o" / "problems.csv").query("severity == 'error'")
    assert problems["row"].tolist() == [4, 5]
    assert problems["suggestion"].notna().all()
    assert "trees.csv:5" in capsys.readouterr().out


def test_nothing_computable_gives_exit_code_2_the_rows_and_a_sentence(trees, tmp_path, capsys):
    trees.write_text("species,girth_cm\nxyz,60\n", encoding="utf-8")
    assert run("estimate", trees, "--out", tmp_path / "o") == 2
    captured = capsys.readouterr()
    assert "none of the 1 rows" in captured.err
    assert "species 'xyz' is not known" in captured.out
    assert not (tmp_path / "o").exists()
    assert run("check", trees) == 2


def test_strict_turns_warnings_into_exit_code_1(trees, tmp_path):
    trees.write_text(TREES.replace("Hopea odorata", "Hopea odorta"), encoding="utf-8")
    assert run("check", trees) == 0
    assert run("check", trees, "--strict") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["estimate"], "INVENTORY is missing"),
        (["estimate", "t.csv"], "--out is missing"),
        (["estimate", "t.csv", "--lang", "th"], "ยังไม่ได้ใส่ --out"),
        (["estimate", "t.csv", "--out", "o", "--draws", "x"], "'--draws'"),
        (["check", "t.csv", "b", "--lang", "th"], "ต้องอยู่ในเครื่องหมายคำพูด"),
        (["check", "nowhere.csv"], "does not exist"),
        (["check", "t.csv", "--colour"], "there is no option --colour"),
        (["check", "t.csv", "--mapp", "a=b", "--lang=th"], "หมายถึง --map"),
        (["estim", "t.csv", "--lang", "th"], "หมายถึง 'estimate' หรือไม่"),
        (["report", "t", "--out", ".", "--lang", "th"], "เป็นโฟลเดอร์"),
        (["equations", "show", "nothing"], "no equation 'nothing'"),
        (["equations", "plot", "Quercus", "--out", "x.png"], "no equation with a diameter"),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_code_2(words, says, capsys):
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--map", "girth_cm"], "write it as KEY=VALUE"),
        (["--equation", "all=nothing"], "no equation 'nothing'"),
        (["--settings", "nowhere.toml"], "cannot be read"),
    ],
)
def test_wrong_options_of_estimate(trees, tmp_path, option, says, capsys):
    assert run("estimate", trees, "--out", tmp_path / "o", *option) == 2
    assert says in capsys.readouterr().err


def test_an_equation_by_name_and_settings_from_a_file(trees, tmp_path):
    settings = tmp_path / "s.toml"
    settings.write_text('carbon_fraction = 0.5\n[equations]\ntree = "chave_2005_moist_h"\n')
    code = run("estimate", trees, "--out", tmp_path / "o", "--settings", settings, "--equation", "Hevea brasiliensis=hytonen_2018")  # fmt: skip
    assert code == 0
    used = pd.read_csv(tmp_path / "o" / "trees.csv")["equation_id"].tolist()
    assert used == ["hytonen_2018", "chave_2005_moist_h"]


def test_check_lists_problems_and_writes_them(trees, tmp_path, capsys):
    trees.write_text(TREES + "a,3,xyz,60,40\n", encoding="utf-8")
    assert run("check", trees, "--out", tmp_path / "p.csv", "--lang", "th") == 1
    assert "ไม่รู้จักชนิดไม้" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "p.csv")["code"].tolist() == ["species_unknown"]
    assert run("check", trees, "--json") == 1
    assert json.loads(capsys.readouterr().out)[0]["code"] == "species_unknown"


def test_check_of_a_clean_table(trees, capsys):
    assert run("check", trees) == 0
    assert "No problems found" in capsys.readouterr().out


def test_many_problems_are_cut_short(trees, capsys):
    trees.write_text("species,girth_cm\nยางพารา,60\n" + "xyz,60\n" * 20, encoding="utf-8")
    assert run("check", trees) == 1
    assert "and 9 more" in capsys.readouterr().out


def test_demo_ends_with_tables_a_figure_and_a_summary(tmp_path, capsys):
    assert run("demo", "--out", tmp_path / "d") == 0
    out = capsys.readouterr().out
    assert "SYNTHETIC" in out
    assert "rubber_timber" in out
    assert (tmp_path / "d" / "agb_by_plot.png").stat().st_size > 10_000
    for language, word in (("en", "Carbon report of"), ("th", "รายงานคาร์บอนของแปลงสาธิต")):
        text = (tmp_path / "d" / f"report_{language}.html").read_text("utf-8")
        assert word in text
        assert "synthetic" in text
        assert f"report_{language}.html" in out


@pytest.mark.jit
def test_demo_in_thai_replaces_a_former_one(tmp_path, capsys):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text('{"files": []}', encoding="utf-8")
    assert run("demo", "--out", tmp_path / "d", "--lang", "th") == 0
    assert "ตัวอย่าง" in capsys.readouterr().out


class TestEquations:
    def test_list(self, capsys):
        assert run("equations", "list", "--taxon", "ยางพารา", "--predicts", "agb") == 0
        assert "hevea_ensemble" in capsys.readouterr().out
        assert run("equations", "list", "--json") == 0
        assert len(json.loads(capsys.readouterr().out)) > 150

    def test_show(self, capsys):
        assert run("equations", "show", "chave_2014_eq4") == 0
        text = capsys.readouterr().out
        assert "0.0673 (D2 H rho)^0.976" in text
        assert "10.1111/gcb.12629" in text
        assert run("equations", "show", "chave_2014_eq4", "--json") == 0
        assert json.loads(capsys.readouterr().out)[0]["grade"] == "A"

    @pytest.mark.parametrize("taxon", first(["bamboo", "ยางพารา", "Durio zibethinus"]))
    def test_plot(self, tmp_path, taxon):
        assert run("equations", "plot", taxon, "--out", tmp_path / "e.png") == 0
        assert (tmp_path / "e.png").read_bytes()[:4] == b"\x89PNG"


class TestSpecies:
    def test_match(self, capsys):
        assert run("species", "match", "ทุเรียน", "Karet") == 0
        out = capsys.readouterr().out
        assert "Durio zibethinus" in out
        assert "Hevea brasiliensis" in out

    def test_an_unknown_name_gives_exit_code_1(self, capsys):
        assert run("species", "match", "xyzzy", "--json") == 1
        assert json.loads(capsys.readouterr().out)[0]["kind"] == "none"

    def test_list(self, capsys):
        assert run("species", "list", "--form", "bamboo", "--json") == 0
        assert {row["growth_form"] for row in json.loads(capsys.readouterr().out)} == {"bamboo"}
        assert run("species", "list", "--form", "no such form") == 0


def test_a_fault_of_ours_is_a_sentence_too(monkeypatch, capsys):
    def fail(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("rubbercarbon.commands.interface.read", fail)
    assert run("check", "x.csv") == 2
    assert "unexpected ZeroDivisionError: oops" in capsys.readouterr().err
    monkeypatch.setenv("RUBBERCARBON_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("check", "x.csv")


def _process(words, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "rubbercarbon", *map(str, words)], cwd=cwd, capture_output=True,
        env={**os.environ, **environment}, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "cp874", "ascii"])
def test_legacy_consoles(trees, encoding):
    done = _process(["estimate", trees, "--out", trees.parent / "o", "--lang", "th"], trees.parent,
                    PYTHONIOENCODING=encoding)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"CO2e" in done.stdout or done.stdout


@pytest.mark.slow
@pytest.mark.jit
def test_the_plain_threading_layer_gives_the_same_bits(trees):
    for name, environment in (("a", {}), ("b", {"NUMBA_THREADING_LAYER": "workqueue"})):
        done = _process(
            ["estimate", trees, "--out", trees.parent / name], trees.parent, **environment
        )
        assert done.returncode == 0, done.stderr
    first, second = ((trees.parent / name / "trees.csv").read_bytes() for name in "ab")
    assert first == second


@pytest.mark.slow
def test_a_lean_start_leaves_scipy_usable_afterwards():
    code = (
        "import os; os.environ['ALLOMETRY_LEAN_START'] = '1'\n"
        "import allometry as al, sys\n"
        "al.evaluate('hytonen_2018', dbh=[20.0])\n"
        "assert 'scipy.linalg' not in sys.modules\n"
        "d = [5, 8, 10, 12, 15, 18, 20, 22, 25, 30]\n"
        "model = al.fit_height_model(d, [x**0.7 for x in d], form='michaelis', minimum=10)\n"
        "print(model.n_trees)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "10\n", done.stderr
