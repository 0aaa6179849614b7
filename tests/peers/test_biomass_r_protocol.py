"""How the benchmark talks to R: a stand-in for Rscript checks what it gets and answers as R would."""

import os
import sys
from pathlib import Path

import pytest

from allometry.catalogue.loader import get_equation

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script of POSIX")

STAND_IN = """#!{python}
import csv, os, sys
assert sys.argv[1] == "--vanilla" and sys.argv[2].endswith("biomass_r.R"), sys.argv
with open(sys.argv[2]) as script:
    assert "AGBmonteCarlo" in script.read()
mode = os.environ.get("STAND_IN", "")
if mode == "no package":
    sys.exit(3)
if mode == "error":
    print("Error in AGBmonteCarlo : n cannot be larger than 1000", file=sys.stderr)
    sys.exit(1)
with open(sys.argv[3]) as stream:
    trees = list(csv.DictReader(stream))
assert list(trees[0]) == ["D", "H", "H_sd", "wd", "wd_sd"], trees[0]
agb = sum(0.0673 * (float(t["wd"]) * float(t["H"]) * float(t["D"]) ** 2) ** 0.976 for t in trees)
names = ["version", "trees", "draws", "seconds", "cpu_seconds", "agb_t", "agb_t_mean", "agb_t_sd"]
row = ["3.0", len(trees), sys.argv[5], 2.5, 2.25, agb / 1000, agb / 990, 1.5]
if mode == "short":
    names, row = names[:-1], row[:-1]
with open(sys.argv[4], "w") as stream:  # texts in quotation marks, as write.csv does
    csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC).writerows([names, row])
"""


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import biomass_r

    return biomass_r


@pytest.fixture
def inventory(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from national_inventory import write

    write(tmp_path / "farms", 2000, per_farm=60)
    return tmp_path / "farms"


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    path = tmp_path / "bin" / "Rscript"
    path.parent.mkdir()
    path.write_text(STAND_IN.format(python=sys.executable), "utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)


def test_trees_go_to_r_and_its_answer_comes_back(benchmark, inventory, stand_in):
    trees = benchmark.trees_of(inventory, 300)
    assert len(trees) == 300
    assert trees[list(benchmark.COLUMNS)].notna().all().all()
    found = benchmark.run_r(trees, 64)
    assert (found.version, found.trees, found.draws) == ("3.0", 300, 64)
    assert (found.seconds, found.agb_t_sd) == (2.5, 1.5)
    equation = get_equation(benchmark.EQUATION)
    assert equation.id == "chave_2014_eq4"


@pytest.mark.jit
def test_both_sides_compute_the_same_trees(benchmark, inventory, stand_in, capsys):
    benchmark.compare(inventory, 300, 64)
    printed = capsys.readouterr().out
    assert "R package BIOMASS 3.0, 300 trees, 64 draws: 2.5 s" in printed
    assert "+0.00 %" in printed or "-0.00 %" in printed


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("no package", "R has no package BIOMASS"),
        ("error", "R ended with code 1: Error in AGBmonteCarlo : n cannot be larger than 1000"),
        ("short", "R's answer lacks agb_t_sd"),
    ],
)
def test_what_keeps_r_from_answering_is_a_sentence(
    mode, words, benchmark, inventory, stand_in, monkeypatch, capsys
):
    monkeypatch.setenv("STAND_IN", mode)
    benchmark.compare(inventory, 50, 64)
    assert words in capsys.readouterr().out


def test_without_r_the_peer_is_skipped(benchmark, inventory, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    benchmark.compare(inventory, 50, 64)
    assert "R is not installed (no Rscript on the path): skipped" in capsys.readouterr().out
