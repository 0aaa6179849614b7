"""Figures of scenarios that belong to no single one: `scenarios/parameters.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

FILE = Path(__file__).parent / "scenarios" / "parameters.toml"
Z_90 = 1.6448536269514722  # of the ends of a central 90 % range
DOUBTFUL = ("C", "assumption")


def check_range(low: float | None, value: float, high: float | None) -> None:
    """Refuse a range with one end, or one that its value lies outside of.

    Raises
    ------
    ValueError
    """
    if low is None and high is None:
        return
    if low is None or high is None:
        raise ValueError("give both 'low' and 'high', or none of them")
    if not low <= value <= high:
        raise ValueError("'low' <= 'value' <= 'high' must hold")


class Parameter(BaseModel):
    """One figure with its 90 % range, source and grade.

    Attributes
    ----------
    value : float
    low, high : float or None
        90 % range; None: fixed.
    values : tuple of float
        By age or year, the last holding on; with `value` as a summary.
    unit, meaning, citation, seen, grade : str
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] = ()
    unit: str = ""
    meaning: str = ""
    citation: str
    seen: str = ""
    grade: str = "assumption"

    @model_validator(mode="after")
    def _ordered(self) -> Parameter:
        check_range(self.low, self.value, self.high)
        return self

    @property
    def doubtful(self) -> bool:
        """Whether its grade caps the status of a result."""
        return self.grade in DOUBTFUL

    @property
    def varies(self) -> bool:
        """Whether it has a range."""
        return self.low is not None and self.high is not None and self.low < self.high

    def at(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """The figure at standard normals: 0 is `value`, the ends of the range are at +-1.645.

        Each side of a range is stretched by itself; figures whose range is not negative stay so.
        """
        if self.low is None or self.high is None:
            return np.full(z.shape, self.value)
        step = np.where(z > 0, self.high - self.value, self.value - self.low)
        result: NDArray[np.float64] = self.value + step * z / Z_90
        return np.maximum(result, 0.0) if self.low >= 0 else result

    def by_year(self, year: int) -> float:
        """One of `values`, the last holding on."""
        return self.values[min(year, len(self.values) - 1)]


@cache
def default_parameters() -> dict[str, Parameter]:
    """Every figure of the file by name."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: Parameter.model_validate(row) for name, row in table.items()}


SHARES = (
    "residue_share", "sawn_recovery", "litter_share", "tapping_cut", "n_volatilised", "n_leached",
    "site_correlation", "crowding", "burning_ch4", "burning_n2o", "n2o_direct", "n2o_volatilised",
    "n2o_leached", "discount_rate",
)  # fmt: skip
SIGNED = ("latex_under_agroforestry", "soil_gain_agroforestry")


def limits_of(name: str) -> tuple[float, float]:
    """Lowest and highest value that a figure may have."""
    if name in SIGNED:
        return -0.9, 5.0
    if name in SHARES or name.startswith("mortality") or name.endswith("_decay"):
        return 0.0, 1.0
    if name.startswith(("shade", "clone")) or name == "size_power":
        return 0.0, 5.0
    if name in {"product_half_life", "soil_years"}:
        return 0.1, 1000.0
    return 0.0, 1e4
