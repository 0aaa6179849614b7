"""Where the checks begin to speak: `thresholds.toml`, each figure with its reason."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "thresholds.toml"


@dataclass(frozen=True, slots=True)
class Threshold:
    """One figure of a check: a value, or the two ends of what passes.

    Attributes
    ----------
    unit, meaning, citation, seen, grade : str
    value : float
        NaN where there are two ends.
    low, high : float
        NaN where there is one value.
    """

    unit: str
    meaning: str
    citation: str
    seen: str
    grade: str
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


@functools.cache
def thresholds() -> dict[str, Threshold]:
    """Every record of the file by name."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: Threshold(**record) for name, record in table.items()}


def threshold(name: str) -> float:
    """The value of one."""
    return thresholds()[name].value


def ends(name: str) -> tuple[float, float]:
    """Lowest and highest value that pass."""
    found = thresholds()[name]
    return found.low, found.high
