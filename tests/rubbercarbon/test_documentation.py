"""What the documentation says to type exists, and its examples of files load."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer

import allometry as al
import rubbercarbon as rc
from allometry.catalogue import loader
from rubbercarbon import cli, registry

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
PAGES = [page for page in PAGES if not {"generated", "_build"} & set(page.parts)]
COMMAND = re.compile(r"^ {4}(rubbercarbon .+)$|`(rubbercarbon [^`]+)`", re.MULTILINE)
LINES = [
    pytest.param((a or b).split("  #")[0].strip(), id=f"{page.stem}: {(a or b)[:60]}")
    for page in PAGES
    for a, b in COMMAND.findall(page.read_text("utf-8").replace(" \\\n", " "))
]


def _options(words):
    """Options that a command takes."""
    module = registry.load("commands", words[0].replace("-", "_"))
    if hasattr(module, "app"):
        group = typer.main.get_command(module.app)
        return {opt for one in group.commands[words[1]].params for opt in one.opts}
    app = typer.Typer()
    app.command()(module.run)
    found = typer.main.get_command(app).params
    return {opt for one in found for opt in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_documentation_exists(line, tmp_path):
    words = shlex.split(line)[1:]
    if words[0] == "template":
        assert cli.main([*words, "--out", str(tmp_path / words[1])]) == 0
    if words[0] in {"--version", "COMMAND", "--help"}:
        return
    assert words[0].replace("-", "_") in registry.names("commands"), line
    asked = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}
    if asked:
        assert asked <= _options(words), line


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "_folders", list(loader._folders))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "own"
    loader.get_equation.cache_clear()


def _blocks(page, language="toml"):
    text = (ROOT / "docs" / "guides" / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.+?)```", text, re.DOTALL)


def test_the_guide_to_own_equations_is_one_that_loads(own_folder):
    own_folder.mkdir()
    source, settings = _blocks("own_equation.md")
    (own_folder / "nan_2026.toml").write_text(source, encoding="utf-8")
    assert al.add_catalogue("own") == ["nan_2026_rubber"]
    assert al.evaluate("nan_2026_rubber", dbh=20.0) == pytest.approx(0.06 * 20**2.7, rel=1e-12)
    assert rc.Settings(**tomllib.loads(settings)).equations == {
        "Hevea brasiliensis": "nan_2026_rubber"
    }


def test_files_written_as_the_page_on_batches_says_know_their_gaps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees = pa.table({"plot_id": ["A", "A"], "girth_cm": [60.1, 70.0], "height_m": [None, 18.0]})
    text = (ROOT / "docs" / "batch.md").read_text("utf-8")
    code = text[text.index("import pyarrow as pa") :].split("```")[0]
    exec(code, {"trees": trees})
    file = pq.ParquetFile("trees.parquet")
    assert [field.nullable for field in file.schema_arrow] == [False, False, True]
    assert file.metadata.row_group(0).column(0).compression.startswith("LZ4")
    assert file.read().to_pydict() == trees.to_pydict()


def test_what_the_page_on_rubber_says_of_the_five():
    members = loader.get_equation("hevea_ensemble").members
    dbh = np.linspace(18.0, 27.0, 91)
    over = [al.evaluate(name, dbh=dbh) / al.evaluate("hevea_ensemble", dbh=dbh) for name in members]
    assert len(members) == 5
    assert np.all(np.abs(np.array(over) - 1.0) < 0.25)
    thin = [float(al.evaluate(name, dbh=5.0)) for name in members]
    assert max(thin) / min(thin) == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize("page", ["own_heights.md", "uncertainty_switches.md"])
def test_settings_of_the_guides_are_settings(page):
    for block in _blocks(page):
        given = tomllib.loads(block)
        assert rc.Settings(**given).model_dump(exclude_unset=True).keys() == given.keys()


def test_citation_file_names_the_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"version: {rc.__version__}\n" in text
