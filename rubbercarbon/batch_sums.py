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
import pyarrow as pa
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
LOW = 32  # bits of the lower half
MASK = (1 << LOW) - 1
HALVES = ("high", "low")
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
        Region → `halves` of whole numbers, shape (2, 4, draws).
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

    def as_bytes(self) -> bytes:
        """A part's file: an Arrow table with one row per region."""
        regions = sorted(self.points)
        found: dict[str, Any] = {"region": pa.array(regions, pa.string())}
        for k, name in enumerate(POINTS):
            found[name] = pa.array([str(self.points[r][k]) for r in regions], pa.string())
        for k, name in enumerate(COUNTS):
            found[name] = pa.array([self.counts[r][k] for r in regions], pa.int64())
        if self.draws:
            whole = np.stack([_carried(self.draws[r]) for r in regions], axis=1)
            for name, half in zip(HALVES, (whole[0], whole[1].astype(np.uint32)), strict=True):
                of_region = half[0].size
                found[name] = pa.FixedSizeListArray.from_arrays(pa.array(half.ravel()), of_region)
        table, stream = pa.table(found), pa.BufferOutputStream()
        with pa.ipc.new_file(stream, table.schema) as file:
            file.write_table(table)
        content: bytes = stream.getvalue().to_pybytes()
        return content

    @classmethod
    def of_bytes(cls, content: bytes) -> Sums:
        """Sums of `as_bytes`."""
        table = pa.ipc.open_file(content).read_all()
        sums, names = cls(), table.column("region").to_pylist()
        for known, columns in ((sums.points, POINTS), (sums.counts, COUNTS)):
            values = [map(int, table.column(name).to_pylist()) for name in columns]
            known |= dict(zip(names, map(list, zip(*values, strict=True)), strict=True))
        if HALVES[0] in table.column_names and names:
            flat = [table.column(name).combine_chunks().flatten().to_numpy() for name in HALVES]
            whole = np.stack(flat).reshape(2, len(names), len(QUANTITIES), -1).astype(np.int64)
            sums.draws = {region: whole[:, k] for k, region in enumerate(names)}
        return sums


def halves(whole: Ints) -> Ints:
    """Upper and lower half of whole numbers: their sums need no more than 64 bits.

    Examples
    --------
    >>> halves(np.array([-1, 5 << 32])).tolist()
    [[-1, 5], [4294967295, 0]]
    """
    return np.stack([whole >> LOW, whole & MASK])


def _carried(found: Ints) -> Ints:
    """Sums of halves, the lower of them within its bits again."""
    return np.stack([found[0] + (found[1] >> LOW), found[1] & MASK])


def _tons(found: Ints) -> Floats:
    """Sums of halves in t, each rounded once."""
    high, low = _carried(found)
    if np.abs(high).max(initial=0) < 1 << (LOW - 2):
        return np.asarray((high << LOW) + low, dtype=np.float64) / SCALE
    whole = (high.astype(object) << LOW) + low.astype(object)
    return np.array([[int(v) / int(SCALE) for v in line] for line in whole])


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
        spread = of_draws(_tons(sums.draws[region])[None], level)
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
