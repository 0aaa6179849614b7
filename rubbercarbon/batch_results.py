"""Results of plots as columns: points, spreads, sums by region, and the table of them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rubbercarbon.batch_codes import Floats
from rubbercarbon.batch_sums import COUNTS as SUMMED
from rubbercarbon.batch_sums import POINTS, SCALE, Sums, fixed, halves
from rubbercarbon.columns import M2_PER_HA, M2_PER_RAI
from rubbercarbon.config import Settings
from rubbercarbon.distributions import QUANTITIES, Spread
from rubbercarbon.montecarlo import area_factors, of_draws
from rubbercarbon.pools import co2e

Ints = NDArray[np.int64]
TEXTS = ("plot_id", "site_id", "stratum", "system", "locality")
COUNTS = ("n_rows", "n_refused", "n_trees", "n_stems", "n_culms", "n_estimated")
POINT_COLUMNS = (
    "area_ha", "stratum_area_ha", "stems_per_ha", "basal_area_m2_ha", "agb_t_ha", "bgb_t_ha",
    "bgb_stand_t_ha", "carbon_t_ha", "co2e_t_ha", "co2e_t_rai", "herb_t_ha", "agb_t", "bgb_t",
    "bgb_stand_t", "carbon_t", "co2e_t", "herb_t",
)  # fmt: skip
WITH_INTERVALS = (
    "agb_t_ha", "bgb_t_ha", "carbon_t_ha", "co2e_t_ha", "co2e_t_rai", "herb_t_ha", "agb_t", "bgb_t",
    "carbon_t", "co2e_t", "herb_t",
)  # fmt: skip
ENDS = ("sd", "low", "high")


def points_of(out: Floats, area: Floats) -> dict[str, Any]:
    """Columns of points from the sums of `plot_sums`."""
    known = ~np.isnan(area)
    columns: dict[str, Any] = {"area_ha": area}
    for q, name in enumerate(("agb", "bgb", "carbon", "herb")):
        columns[f"{name}_t"] = out[:, q].copy()
        columns[f"{name}_t_ha"] = np.where(known, out[:, 4 + q], np.nan)
    nothing = np.full(len(area), np.nan)
    columns["bgb_stand_t"], columns["bgb_stand_t_ha"] = nothing, nothing
    columns["co2e_t"] = co2e(columns["carbon_t"])
    columns["co2e_t_ha"] = co2e(columns["carbon_t_ha"])
    columns["co2e_t_rai"] = columns["co2e_t_ha"] / (M2_PER_HA / M2_PER_RAI)
    for k, name in enumerate(("n_estimated", "n_trees", "n_stems", "n_culms")):
        columns[name] = out[:, 8 + k].astype(np.int64)
    columns["stems_per_ha"] = np.where(known, out[:, 12], np.nan)
    columns["basal_area_m2_ha"] = np.where(known, out[:, 13], np.nan)
    return columns


def regions_of(texts: dict[str, Any], some: Ints, by: str) -> tuple[list[str], Ints]:
    """Distinct regions, and the number of each plot's."""
    names = texts[by][some]
    known: dict[str, int] = {}
    codes = [known.setdefault(str(name), len(known)) for name in names]
    return list(known), np.array(codes, dtype=np.int64)


def sums_of(columns: dict[str, Any], regions: list[str], region: Ints) -> Sums:
    """Points and counts by region."""
    sums = Sums()
    values = [fixed(np.asarray(columns[name], dtype=np.float64)) for name in POINTS]
    for g, name in enumerate(regions):
        mine = region == g
        sums.points[name] = [int(value[mine].sum()) for value in values]
        sums.counts[name] = [
            int(mine.sum()), *(int(columns[c][mine].sum()) for c in SUMMED[1:-1]),
            int(np.isnan(columns["area_ha"][mine].astype(np.float64)).sum()),
        ]  # fmt: skip
    return sums


def measured_area(columns: dict[str, Any]) -> Floats:
    """What turns a plot's base figure (t/ha; t where no area is known) into t."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.asarray(columns["agb_t"] / columns["agb_t_ha"], dtype=np.float64)
    area = np.asarray(columns["area_ha"], dtype=np.float64)
    return np.where(np.isfinite(ratio), ratio, np.where(np.isnan(area), 1.0, area))


def spreads_of(
    blocks: Iterable[tuple[int, int, Floats]], areas: tuple[Floats, Any], settings: Settings,
    weight: Floats, regions: tuple[list[str], Ints], sums: Sums,
) -> list[tuple[Spread, Spread]]:  # fmt: skip
    """Spread of plots with and without the error of their areas; draws go to the sums.

    ``areas`` holds the relative error of each plot's area and the id of its normal.
    """
    from allometry.kernels.inventories import add_fixed  # noqa: PLC0415  (loads numba)

    (names, region), (area_cv, plot), draws = regions, areas, settings.number_of_draws
    totals = np.zeros((len(names), len(QUANTITIES), draws), dtype=np.int64)
    found = []
    for first, last, out in blocks:
        at = slice(first, last)
        add_fixed(out, weight[at], region[at], SCALE, totals)
        measured = of_draws(out, settings.level, ())
        per_ha = measured
        if np.any(area_cv[at] > 0):
            factors = area_factors(area_cv[at], plot[at], draws, settings.seed)
            per_ha = of_draws(out * factors[:, None, :], settings.level, ())
        found.append((per_ha, measured))
    sums.add(Sums(draws={name: halves(totals[g]) for g, name in enumerate(names)}))
    return found


def table_of(columns: dict[str, Any], spreads: list[tuple[Spread, Spread]]) -> pa.Table:
    """Columns as an Arrow table, sd, low and high right of each stock."""
    arrays: dict[str, Any] = {name: pa.array(columns[name], pa.string()) for name in TEXTS}
    arrays |= {name: pa.array(np.asarray(columns[name], dtype=np.int64)) for name in COUNTS}
    drawn = {
        (per_plot, end): np.concatenate([getattr(pair[per_plot], end) for pair in spreads])
        for per_plot in (False, True)
        for end in (ENDS if spreads else ())
    }
    for name in POINT_COLUMNS:
        values = np.asarray(columns[name], dtype=np.float64)
        arrays[name] = pa.array(values, from_pandas=True)
        if name in WITH_INTERVALS and spreads:
            q = QUANTITIES.index(name.split("_", maxsplit=1)[0].replace("co2e", "carbon"))
            factor = np.where(np.isnan(values), np.nan, _factor(columns, name))
            for end in ENDS:
                ends = drawn[name.endswith("_t"), end][:, q] * factor
                arrays[f"{name}_{end}"] = pa.array(ends, from_pandas=True)
    return pa.table(arrays)


def _factor(columns: dict[str, Any], name: str) -> Floats:
    """What turns a draw [t/ha, or t where no area is known] into a stock."""
    if name.endswith("_t"):
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = columns[name] / columns[f"{name}_ha"]
        factor = np.where(np.isfinite(ratio), ratio, 1.0)
    else:
        factor = np.ones(len(columns[name]))
        factor /= M2_PER_HA / M2_PER_RAI if name.endswith("rai") else 1.0
    return factor * (co2e(np.ones(1))[0] if name.startswith("co2e") else 1.0)
