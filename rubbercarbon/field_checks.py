"""Rules that question sizes of a field sheet: units, digits, girths, heights, densities, tapes.

Nothing here refuses a row or changes a value: each finding names the cell and, where one can be
guessed, the value that was probably meant. A guess is used only with ``--accept-suggestions``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allometry.heights import height_model, predict_height
from allometry.quantities import QUANTITIES
from rubbercarbon import distinct
from rubbercarbon.check_sheet import EXPECTED_RATIO, FEWEST_PAIRS, Floats, Sheet, between
from rubbercarbon.columns import DIAMETERS
from rubbercarbon.record_checks import RECORD_RULES
from rubbercarbon.thresholds import ends, threshold

if TYPE_CHECKING:
    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

NEIGHBOURS = threshold("neighbours")
ODD_RATIO = ends("height_ratio")
FLAT_M_PER_CM, STEEP_M_PER_CM = ends("height_per_diameter")
OUTLIER_SD, OUTLIER_LN = threshold("height_outlier_sd"), threshold("height_outlier_ln")
KG_PER_M3 = ends("density_in_kg")
TAPE_M = ends("tape_height")
MANY = threshold("count_large")
MIXED = threshold("mixed_units")
CYLINDER = threshold("volume_above_cylinder")
LARGE_RUBBER_CM = threshold("rubber_by_girth")
SMALLEST_DBH_CM = QUANTITIES["dbh"].low


def check_field_values(trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """Every rule over the tree table.

    Parameters
    ----------
    trees : pandas.DataFrame
        Typed, with ``dbh_cm``, ``diameter_column`` and ``diameter_typed``.
    raw : RawTable
    problems : Problems
    """
    if trees.empty:
        return
    sheet = Sheet(trees, raw, problems)
    for rule in (
        _diameter_units, _mixed_units, _girth_as_dbh, _small, _two_diameters, _heights,
        _height_outliers, _densities, _volumes, _tapes, _counts, *RECORD_RULES,
    ):  # fmt: skip
        rule(sheet)


# --- sizes ----------------------------------------------------------------------------------------


def _expected_height(sheet: Sheet, dbh: Floats) -> Floats:
    out = np.full(len(dbh), np.nan)
    for number, name in enumerate(sheet.kinds):
        mine = (sheet.kind == number) & (dbh > 0)
        if mine.any():
            out[mine] = predict_height(height_model(name), dbh=dbh[mine])
    return out


def _diameter_units(sheet: Sheet) -> None:
    """A diameter ten or a hundred times off its neighbours of the same species, or its height."""
    typed = sheet.numbers("diameter_typed")
    columns = sheet.texts("diameter_column")
    median, count = sheet.typical
    ratio = sheet.dbh / median
    even = sheet.rubber & (count > NEIGHBOURS)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        tallness = sheet.height / _expected_height(sheet, sheet.dbh)
        slimmer = sheet.height / _expected_height(sheet, sheet.dbh * 100.0)
        stouter = sheet.height / _expected_height(sheet, sheet.dbh / 10.0)
        metres = (sheet.dbh < 1.5) & (
            ((count > NEIGHBOURS) & (ratio < 0.05) & between(ratio * 100.0, 0.2, 5.0))
            | ((tallness > ODD_RATIO[1]) & between(slimmer, *EXPECTED_RATIO))
        )
        large = (ratio > 4.0) & between(ratio / 10.0, 0.3, 3.0) & even
        thin = (tallness < 0.45) & between(stouter, 0.6, 1.7) & (sheet.dbh > 40.0)
        thin &= (count > NEIGHBOURS) & (ratio > 4.0)
    beyond = (sheet.trees["refused"] == "diameter_too_large").to_numpy()
    for place in np.flatnonzero(((metres | large | thin) & sheet.open) | beyond):
        position = int(place)
        if metres[position]:
            code, fix = "diameter_in_metres", typed[position] * 100.0
        else:
            code, fix = "diameter_in_mm", typed[position] / 10.0
            if beyond[position] and not _plausible(sheet, position):
                continue
        column = str(columns[position]) or "dbh_cm"
        if column.endswith("_cm"):
            sheet.suspect[position] = True
            sheet.say(code, int(position), column, value=f"{typed[position]:g}", fix=f"{fix:g}")


def _mixed_units(sheet: Sheet) -> None:
    """Plots whose diameters are six times those of other plots of the species, or a sixth."""
    named = np.array([name != "" for name in sheet.kinds])[sheet.kind]
    rows = np.flatnonzero(sheet.open & (sheet.dbh > 0) & named)
    sizes = pd.DataFrame(
        {"plot": sheet.plot[rows], "species": sheet.kind[rows], "dbh": sheet.dbh[rows]}
    )
    medians = sizes.groupby(["species", "plot"])["dbh"].agg(["median", "count"]).reset_index()
    medians = medians[medians["count"] > NEIGHBOURS]
    typical = medians.groupby("species")["median"].transform("median")
    enough = medians.groupby("species")["median"].transform("count") >= 3
    ratio = medians["median"] / typical
    for index in np.flatnonzero(enough & ~ratio.between(1.0 / MIXED, MIXED)):
        row = medians.iloc[index]
        mine = (sizes["plot"] == row["plot"]) & (sizes["species"] == row["species"])
        first = sheet.trees.iloc[rows[np.flatnonzero(mine)[0]]]
        sheet.tell(
            "mixed_units", str(first["diameter_column"]), f"{ratio.iloc[index]:.2g}",
            plot=first["plot_id"], species=sheet.kinds[int(row["species"])],
        )  # fmt: skip


def _plausible(sheet: Sheet, position: int) -> bool:
    """Whether a tenth of a diameter that is too large would fit."""
    return bool(1.0 <= sheet.dbh[position] / 10.0 <= 120.0)


def _girth_as_dbh(sheet: Sheet) -> None:
    """Plots of rubber with diameters that only girths have; single trees 3.14 times too large."""
    columns = sheet.texts("diameter_column")
    as_dbh = distinct.flags(sheet.trees["diameter_column"], lambda name: name.startswith("dbh"))
    planted = sheet.rubber & sheet.open & as_dbh
    for plot, rows in sheet.plots.items():
        mine = rows[planted[rows]]
        if len(mine) < NEIGHBOURS:
            continue
        median = float(np.median(sheet.dbh[mine]))
        if median > LARGE_RUBBER_CM:
            column = str(columns[mine[0]])
            sheet.tell("girth_as_dbh", column, f"{median:.0f}", plot=plot,
                       girth=column.replace("dbh", "girth"))  # fmt: skip
    if any(c.name in sheet.trees for c in DIAMETERS if c.name.startswith("girth")):
        return  # both were measured
    typical, count = sheet.typical
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = sheet.dbh / typical
        single = planted & (count > NEIGHBOURS) & (ratio > 2.4) & between(ratio / math.pi, 0.7, 1.4)
    typed = sheet.numbers("diameter_typed")
    sheet.suspect |= single
    for position in np.flatnonzero(single):
        sheet.say(
            "girth_for_dbh", int(position), str(columns[position]), value=f"{typed[position]:g}",
            fix=f"{typed[position] / math.pi:.1f}",
        )  # fmt: skip


def _small(sheet: Sheet) -> None:
    """Diameters below that of any tree, where no other rule knows why."""
    columns = sheet.texts("diameter_column")
    typed = sheet.numbers("diameter_typed")
    found = (sheet.dbh > 0) & (sheet.dbh < SMALLEST_DBH_CM) & sheet.open & ~sheet.suspect
    for position in np.flatnonzero(found):
        sheet.say("diameter_small", int(position), str(columns[position]) or "dbh_cm",
                  value=f"{typed[position]:g}",
                  dbh=f"{sheet.dbh[position]:.1f}", limit=f"{SMALLEST_DBH_CM:g}")  # fmt: skip


def _two_diameters(sheet: Sheet) -> None:
    """A girth column and a diameter column with the same figures."""
    there = [c.name for c in DIAMETERS if c.name in sheet.trees]
    girths = [name for name in there if name.startswith("girth")]
    for girth in girths:
        for dbh in (name for name in there if name.startswith("dbh")):
            a, b = sheet.numbers(girth), sheet.numbers(dbh)
            both = ~np.isnan(a) & ~np.isnan(b)
            if both.sum() >= NEIGHBOURS and np.all(a[both] == b[both]):
                sheet.tell("girth_equals_dbh", dbh, int(both.sum()), other=girth)


def _heights(sheet: Sheet) -> None:
    """Heights with a lost point, in other units, or absurd beside the diameter."""
    typed = sheet.numbers("height_typed")
    expected = _expected_height(sheet, sheet.dbh)
    lone = sheet.living & (sheet.dbh >= 3.0) & (typed > 0) & ~sheet.suspect
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = typed / expected
        slope = typed / sheet.dbh
        odd = lone & ((ratio > ODD_RATIO[1]) | (ratio < ODD_RATIO[0])
                      | (slope > STEEP_M_PER_CM) | (slope < FLAT_M_PER_CM))  # fmt: skip
    odd |= sheet.open & (typed > 70.0)
    for position in np.flatnonzero(odd):
        value, wanted = float(typed[position]), float(expected[position])
        options = {10.0: "height_decimal", 100.0: "height_in_cm", 0.1: "height_tenth"}
        best, code = 1.0, "height_diameter_ratio"
        if wanted > 0:
            fits = {
                factor: abs(math.log(value / factor / wanted)) for factor in options
                if EXPECTED_RATIO[0] < value / factor / wanted < EXPECTED_RATIO[1]
            }  # fmt: skip
            if fits:
                best = min(fits, key=lambda factor: fits[factor])
                code = options[best]
        if code == "height_diameter_ratio" and value > 70.0:
            continue  # out of range, which is said elsewhere
        fix = f"{value / best:g}" if best != 1.0 else ""
        sheet.odd_height[position] = True
        sheet.say(code, int(position), "height_m", value=f"{value:g}", fix=fix,
                  dbh=f"{sheet.dbh[position]:.1f}")  # fmt: skip


def _height_outliers(sheet: Sheet) -> None:
    """Heights far off the curve of their own plot."""
    usable = sheet.living & (sheet.height > 1.3) & (sheet.dbh > 1.0)
    usable &= ~sheet.suspect & ~sheet.odd_height
    measured = sheet.texts("height_method") != "estimated"
    usable = usable & measured & (sheet.form != "palm")
    for plot, rows in sheet.plots.items():
        mine = rows[usable[rows]]
        if len(mine) < FEWEST_PAIRS:
            continue
        x, y = np.log(sheet.dbh[mine]), np.log(sheet.height[mine])
        slope = np.clip(np.polyfit(x, y, 1)[0], 0.0, 1.2) if np.ptp(x) > 0.2 else 0.5
        rest = y - slope * x
        rest -= np.median(rest)
        sd = max(1.4826 * float(np.median(np.abs(rest))), 0.08)
        for k in np.flatnonzero((np.abs(rest) > OUTLIER_SD * sd) & (np.abs(rest) > OUTLIER_LN)):
            position = int(mine[k])
            sheet.say("height_outlier", position, "height_m", value=f"{sheet.height[position]:g}",
                      plot=plot, dbh=f"{sheet.dbh[position]:.1f}")  # fmt: skip


def _volumes(sheet: Sheet) -> None:
    """A stem volume above that of the cylinder of its diameter and height."""
    volume = sheet.numbers("volume_m3")
    cylinder = math.pi / 4.0 * (sheet.dbh / 100.0) ** 2 * sheet.height
    with np.errstate(invalid="ignore", over="ignore"):
        sheet.say_all("volume_above_cylinder", volume > CYLINDER * cylinder, "volume_m3")


# --- other measurements ---------------------------------------------------------------------------


def _densities(sheet: Sheet) -> None:
    """Densities in kg/m3 under a heading of g/cm3."""
    typed = sheet.numbers("wood_density_typed")
    for position in np.flatnonzero(between(typed, *KG_PER_M3) & sheet.open):
        sheet.say("density_in_kg", int(position), "wood_density_g_cm3",
                  value=f"{typed[position]:g}", fix=f"{typed[position] / 1000.0:g}")  # fmt: skip


def _tapes(sheet: Sheet) -> None:
    """Heights of the tape that are centimetres, or unusual; or missing for some."""
    tape = sheet.numbers("pom_m")
    for position in np.flatnonzero((tape > 10.0) & sheet.open):
        sheet.say("pom_in_cm", int(position), "pom_m", fix=f"{tape[position] / 100.0:g}")
    with np.errstate(invalid="ignore", over="ignore"):
        sheet.say_all("pom_unusual", ~np.isnan(tape) & (tape <= 10.0)
                      & ((tape < TAPE_M[0]) | (tape > TAPE_M[1])), "pom_m")  # fmt: skip
    missing = np.isnan(tape) & sheet.rubber & sheet.open
    if missing.any() and not np.isnan(tape[sheet.rubber & sheet.open]).all():
        sheet.tell("pom_missing", "pom_m", int(missing.sum()))


def _counts(sheet: Sheet) -> None:
    """Tallies of trees that look like something else."""
    many = (sheet.numbers("count") > MANY) & (sheet.form != "bamboo")
    sheet.say_all("count_large", many, "count")
