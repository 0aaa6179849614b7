"""Totals of regions and of the country, carried across parts without losing a bit.

Each plot's figure, and each of its draws, is rounded to a whole multiple of 2^-40 t (a microgram)
and added as a whole number. Whole numbers add up to the same bits in any order, so that a total
does not depend on how the plots were split; against plain sums it differs by less than one part in
10^12 per plot of half a ton. A draw is added to the same draw of other plots: what plots share in
their errors stays shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rubbercarbon.columns import M2_PER_HA, M2_PER_RAI
from rubbercarbon.distributions import QUANTITIES
from rubbercarbon.errors import RunFolderError
from rubbercarbon.messages import failure
from rubbercarbon.montecarlo import of_draws
from rubbercarbon.pools import co2e

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCALE = 2.0**40  # whole numbers per ton
MOST = 2.0**62
LOW = 32  # bits of the lower half in which parts hand their sums on
POINTS = ("agb_t", "bgb_t", "carbon_t", "herb_t", "area_ha")
COUNTS = ("n_plots", "n_trees", "n_stems", "n_culms", "n_estimated", "n_rows", "n_refused",
          "n_without_area")  # fmt: skip
TOTAL = "ALL"


@dataclass
class Sums:
    """Sums by region: points, counts and draws, as whole numbers.

    Attributes
    ----------
    points : dict
        Region → whole multiples of 2^-40 t (ha), in the order of `POINTS`.
    counts : dict
        Region → counts, in the order of `COUNTS`.
    draws : dict
        Region → object array of whole numbers, shape (4, draws).
    """

    points: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)
    draws: dict[str, Any] = field(default_factory=dict)

    def add(self, other: Sums) -> None:
        """Add another part's sums."""
        for mine, theirs in ((self.points, other.points), (self.counts, other.counts)):
            for region, values in theirs.items():
                known = mine.setdefault(region, [0] * len(values))
                mine[region] = [a + b for a, b in zip(known, values, strict=True)]
        for region, values in other.draws.items():
            self.draws[region] = values + self.draws[region] if region in self.draws else values

    def as_table(self) -> dict[str, Any]:
        """Plain lists, for a part's Parquet file."""
        regions = sorted(self.points)
        found: dict[str, Any] = {"region": regions}
        for k, name in enumerate(POINTS):
            found[name] = [str(self.points[r][k]) for r in regions]
        for k, name in enumerate(COUNTS):
            found[name] = [self.counts[r][k] for r in regions]
        for q, name in enumerate(QUANTITIES if self.draws else ()):
            found[f"{name}_high"] = [(self.draws[r][q] >> LOW).astype(np.int64) for r in regions]
            found[f"{name}_low"] = [
                (self.draws[r][q] & ((1 << LOW) - 1)).astype(np.int64) for r in regions
            ]
        return found

    @classmethod
    def of_table(cls, table: dict[str, Any]) -> Sums:
        """Sums of `as_table`."""
        sums = cls()
        for k, region in enumerate(table["region"]):
            sums.points[region] = [int(table[name][k]) for name in POINTS]
            sums.counts[region] = [int(table[name][k]) for name in COUNTS]
            if f"{QUANTITIES[0]}_high" in table:
                sums.draws[region] = np.array(
                    [
                        (np.asarray(table[f"{q}_high"][k], dtype=object) << LOW)
                        + np.asarray(table[f"{q}_low"][k], dtype=object)
                        for q in QUANTITIES
                    ],
                    dtype=object,
                )
        return sums


def fixed(values: Floats) -> Ints:
    """Whole multiples of 2^-40; NaN counts as nothing.

    Raises
    ------
    RunFolderError
        For figures too large to be those of a plot.
    """
    scaled = np.nan_to_num(values) * SCALE
    if np.abs(scaled).sum() > MOST:
        raise failure(RunFolderError, "batch_too_much", most=f"{MOST / SCALE:,.0f}")
    return np.rint(scaled).astype(np.int64)


def total_of(sums: Sums, by: str, level: float) -> pd.DataFrame:
    """One row per region, last row ``ALL``: sums with sd and interval.

    Parameters
    ----------
    sums : Sums
    by : str
        Name of the column of regions.
    level : float

    Returns
    -------
    pandas.DataFrame
    """
    everything = Sums()
    for region in sorted(sums.points):
        everything.add(
            Sums(
                {TOTAL: sums.points[region]}, {TOTAL: sums.counts[region]},
                {TOTAL: sums.draws[region]} if sums.draws else {},
            )
        )  # fmt: skip
    rows = [_row(sums, region, by, level) for region in sorted(sums.points)]
    return pd.DataFrame([*rows, _row(everything, TOTAL, by, level)])


def _row(sums: Sums, region: str, by: str, level: float) -> dict[str, Any]:
    values = dict(zip(POINTS, (v / int(SCALE) for v in sums.points[region]), strict=True))
    area = values.pop("area_ha")
    row: dict[str, Any] = {by: region, **dict(zip(COUNTS, sums.counts[region], strict=True))}
    row["area_measured_ha"] = area if area > 0 and not row["n_without_area"] else np.nan
    spread = None
    if region in sums.draws:
        drawn = np.array([[int(v) / int(SCALE) for v in line] for line in sums.draws[region]])
        spread = of_draws(drawn[None], level)
    for q, quantity in enumerate(QUANTITIES):
        _add(row, quantity, values[f"{quantity}_t"], spread, q, 1.0)
    _add(row, "co2e", float(co2e(np.array(values["carbon_t"]))), spread, 2, co2e(np.ones(1))[0])
    for quantity in ("agb", "bgb", "carbon", "co2e"):
        for end in ("", "_sd", "_low", "_high"):
            if f"{quantity}_t{end}" in row:
                row[f"{quantity}_t_ha{end}"] = row[f"{quantity}_t{end}"] / row["area_measured_ha"]
    row["co2e_t_rai"] = row["co2e_t_ha"] * M2_PER_RAI / M2_PER_HA
    return row


def _add(
    row: dict[str, Any], quantity: str, point: float, spread: Any, q: int, factor: float
) -> None:
    row[f"{quantity}_t"] = point
    if spread is not None:
        for end in ("sd", "low", "high"):
            row[f"{quantity}_t_{end}"] = float(getattr(spread, end)[0, q]) * factor
