"""Every example runs and prints what it promises."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
PROMISES = {
    "estimate_a_plot.py": ["t CO2e per rai", "hevea_ensemble", "Chave"],
    "compare_scenarios.py": ["Chance that agroforestry holds more: withheld", "crowding"],
    "compare_rubber_equations.py": ["chave_2014_eq4", "Standard deviation of ln"],
}


DRAWS = pytest.mark.jit
EXAMPLES = [
    pytest.param(path, id=path.name, marks=[DRAWS] if path.name == "compare_scenarios.py" else [])
    for path in sorted(FOLDER.glob("*.py"))
]


@pytest.mark.parametrize("path", EXAMPLES)
def test_example(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    out = capsys.readouterr().out
    for text in PROMISES[path.name]:
        assert text in out
