"""Promises about the shape of the project that no other tool checks."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from pathlib import Path

import pytest

import allometry
import rubbercarbon
from rubbercarbon import registry
from rubbercarbon.thresholds import thresholds

ROOT = Path(__file__).parents[2]
KERNELS = [path for path in (ROOT / "allometry" / "kernels").glob("*.py") if path.stem != "_jit"]


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_kernel_files_are_self_contained(path):
    """numba's cache goes stale in silence when a cached function calls one of another file."""
    allowed = {"__future__", "math", "typing", "numpy", "numpy.typing", "allometry.kernels._jit"}
    assert set(_imports(path)) <= allowed


def _loaded(code):
    done = subprocess.run([sys.executable, "-c", code + "\nimport sys; print(*sys.modules)"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["rubbercarbon", "allometry"])
def test_importing_a_package_loads_nothing_heavy(package):
    heavy = {"numba", "pandas", "scipy", "matplotlib", "numpy", "pydantic", "pyarrow", "typer"}
    assert not heavy & _loaded(f"import {package}")


def test_help_loads_no_framework():
    assert not {"typer", "pandas", "numba"} & _loaded(
        "import contextlib, io\nfrom rubbercarbon import cli\n"
        "with contextlib.redirect_stdout(io.StringIO()): cli.main(['--help'])"
    )


def test_listing_equations_needs_no_compiler():
    code = "import allometry; allometry.equations(); allometry.match_names(['x'])"
    assert "numba" not in _loaded(code)


@pytest.mark.parametrize("package", [allometry, rubbercarbon])
def test_every_public_name_loads_and_is_documented(package):
    for name in package.__all__:
        assert getattr(package, name).__doc__, name
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


def test_the_public_names_are_these():
    assert allometry.__all__ == [
        "AllometryError", "FittedEquation", "HeightModel", "MissingInput", "UnknownEquation",
        "add_catalogue", "ensemble_weights", "equations", "evaluate", "fit_components",
        "fit_equation", "fit_height_model", "match_names", "predict_growth", "predict_height",
        "select", "trees_to_fell", "wood_density", "write_source",
    ]  # fmt: skip
    assert rubbercarbon.__all__ == [
        "BatchResult", "Change", "CreditResult", "ErrorBudget", "Inventory", "Polygons", "Portfolio",
        "PortfolioStocks", "Projection", "RubbercarbonError", "Scenario", "Settings",
        "Site", "Stocks", "compare_inventories", "compare_scenarios", "credit",
        "estimate_portfolio", "estimate_reading_error", "estimate_stocks", "estimate_table", "load_run",
        "plots_needed", "project", "read_inventory", "read_polygons", "read_portfolio",
        "read_prices", "read_scenario", "read_site", "run_batch", "start_from_inventory",
        "write_comparison", "write_credit", "write_geojson", "write_portfolio", "write_report", "write_run",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "folder", ["commands", "crediting", "engines", "formats", "report_sections", "reports"]
)
def test_every_member_of_a_plural_folder_loads(folder):
    assert registry.names(folder)
    for name in registry.names(folder):
        assert registry.load(folder, name).__doc__
        assert len(registry.summary(folder, name)) < 90


def test_files_stay_small():
    for path in [
        *ROOT.glob("allometry/**/*.py"),
        *ROOT.glob("rubbercarbon/**/*.py"),
        *ROOT.glob("benchmarks/*.py"),
    ]:
        assert len(path.read_text("utf-8").splitlines()) <= 450, path.name


def test_thresholds_are_whole_and_read_somewhere():
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("rubbercarbon/**/*.py"))
    for name, record in thresholds().items():
        one, two = not math.isnan(record.value), record.low < record.high
        assert one != two, name
        assert all((record.unit, record.meaning, record.citation, record.seen)), name
        assert record.grade in {"A", "B", "C", "assumption"}, name
        assert f'"{name}"' in code, name


def test_the_readme_counts_the_catalogue_as_it_is():
    from allometry.catalogue.loader import all_equations

    records = list(all_equations())
    checks = [check.kind for record in records for check in record.checks]
    text = (ROOT / "README.md").read_text("utf-8")
    assert f"{len(records)} equations" in text
    assert f"{len({record.source.key for record in records})} sources" in text
    assert f"{checks.count('published')} published" in text
    assert f"{checks.count('recomputed')} recomputed" in text
