"""Every example runs and prints what it promises."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
PROMISES = {
    "change_and_credit.py": ["Net change", "t-ver-s-meth-13-06", "profile_not_verified"],
    "compare_rubber_equations.py": ["chave_2014_eq4", "Standard deviation of ln"],
    "estimate_a_plot.py": ["t CO2e per rai", "hevea_ensemble", "Chave"],
    "field_sheet.py": ["น่าจะเป็น 68.8", "สวน 2", "files in the run folder"],
    "fit_an_equation.py": ["trees in each of 8 places", "between them", "agb_t_ha_low"],
    "national_batch.py": ["เชียงราย", "ALL", "9120 trees in 5 parts; the second run took over 5"],
    "own_equation.py": ["nan_2026_rubber", "own, fitted in this place"],
    "own_scenario.py": ["teak_avenue", "over shade and competition", "crowding"],
}
MARKS = {
    "national_batch.py": [pytest.mark.jit], "own_scenario.py": [pytest.mark.jit],
    "change_and_credit.py": [pytest.mark.slow],
}  # fmt: skip
EXAMPLES = [
    pytest.param(path, id=path.name, marks=MARKS.get(path.name, []))
    for path in sorted(FOLDER.glob("*.py"))
]


@pytest.fixture(autouse=True)
def _catalogue_as_it_was(monkeypatch):
    """Equations of an example's own are forgotten with it."""
    from allometry.catalogue import loader

    monkeypatch.setattr(loader, "_folders", list(loader._folders))
    yield
    loader.get_equation.cache_clear()


@pytest.mark.parametrize("path", EXAMPLES)
def test_example(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    out = capsys.readouterr().out
    for text in PROMISES[path.name]:
        assert text in out


def test_examples_stay_short():
    for path in FOLDER.glob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 60, path.name
