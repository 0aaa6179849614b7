"""Rules that question values of a field sheet: units, digits, dates, places, numbering.

Nothing here refuses a row or changes a value: each finding names the cell and, where one can be
guessed, the value that was probably meant. A guess is used only with ``--accept-suggestions``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.heights import height_model, predict_height
from allometry.names import match_one
from allometry.quantities import QUANTITIES
from rubbercarbon.columns import CLONES, DIAMETERS, RUBBER, both_eras, clone_name

if TYPE_CHECKING:
    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NEIGHBOURS = 4  # fewest others of a plot and species to compare with
EXPECTED_RATIO = (0.45, 2.2)  # of a height over the model's, when it may be meant
ODD_RATIO = (0.2, 5.0)
STEEP_M_PER_CM = 4.0
FLAT_M_PER_CM = 0.12
OUTLIER_SD = 5.0
OUTLIER_LN = 0.7
FEWEST_PAIRS = 10
KG_PER_M3 = (100.0, 1400.0)
TAPE_M = (0.1, 2.6)
MANY = 300
MIXED = 6.0
CYLINDER = 1.05
MOST_GAPS_SHOWN = 8
LARGE_RUBBER_CM = 45.0  # mean diameter of planted rubber above which a girth is suspected
HEAPED = 0.75
ABSURD = 1e6  # beyond it a number is no measurement of anything here
RUBBER_LIFE = 60
SMALLEST_DBH_CM = QUANTITIES["dbh"].low
GONE = re.compile(
    r"ตาย|ถูกตัด|ตัดแล้ว|ตัดทิ้ง|ตัดออก|โค่น|สูญหาย|\bdead\b|\bfelled\b|\bmati\b", re.IGNORECASE
)
NOT_GONE = re.compile(
    r"ไม่ตาย|ยังไม่|กิ่งตาย|ยอดตาย|ใกล้ตาย|ตายยอด|เปลือก|กิ่ง|not dead|dead (branch|top)", re.IGNORECASE
)


class Sheet:
    """A typed tree table, its species, and the list that findings go to."""

    def __init__(self, trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
        self.trees = trees
        self.raw = raw
        self.problems = problems
        self.open: Bools = (trees["refused"] == "").to_numpy()
        names = {name: match_one(name) for name in trees["species"].unique()}
        self.species = trees["species"].map({k: m.species for k, m in names.items()}).to_numpy()
        self.form = trees["species"].map({k: m.growth_form for k, m in names.items()}).to_numpy()
        self.rubber: Bools = self.species == RUBBER
        self.living: Bools = self.open & trees["state"].isin(["alive", "unknown"]).to_numpy()
        self.suspect: Bools = np.zeros(len(trees), dtype=np.bool_)  # a diameter that was questioned
        self.odd_height: Bools = np.zeros(len(trees), dtype=np.bool_)
        self.dbh = self.numbers("dbh_cm")
        self.height = self.numbers("height_m")
        self.plots: dict[str, NDArray[np.int64]] = dict(trees.groupby("plot_id").indices)  # type: ignore[arg-type]

    def numbers(self, name: str) -> Floats:
        """A column of numbers; NaN where there is none, or none that could be measured."""
        if name not in self.trees:
            return np.full(len(self.trees), np.nan)
        values = self.trees[name].to_numpy(dtype=np.float64)
        return np.where(np.abs(values) < ABSURD, values, np.nan)

    def texts(self, name: str) -> NDArray[Any]:
        """A column of texts; empty where there is none."""
        if name not in self.trees:
            return np.full(len(self.trees), "", dtype=object)
        return self.trees[name].fillna("").astype(str).to_numpy(dtype=object)

    def say(self, code: str, position: int, column: str, **values: Any) -> None:
        """A finding in one cell."""
        known = self.trees[column].iloc[position] if column in self.trees else ""
        self.problems.add(
            code, file=self.raw.file, sheet=self.raw.sheet,
            row=int(self.trees["row"].iloc[position]), column=column,
            **{"value": known, **values},
        )  # fmt: skip

    def say_all(self, code: str, found: Bools, column: str, **values: Any) -> None:
        """The same finding in several cells."""
        for position in np.flatnonzero(found & self.open):
            self.say(code, int(position), column, **values)

    def tell(self, code: str, column: str, value: object, **values: Any) -> None:
        """A finding of a plot or a column."""
        self.problems.add(
            code, file=self.raw.file, sheet=self.raw.sheet, column=column, value=value, **values
        )


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
        _height_outliers, _densities, _volumes, _tapes, _counts, _clones, _years, _dates, _remarks,
        _numbering, _plot_names, _heaping,
    ):  # fmt: skip
        rule(sheet)


# --- sizes ----------------------------------------------------------------------------------------


def _expected_height(sheet: Sheet, dbh: Floats) -> Floats:
    out = np.full(len(dbh), np.nan)
    for name in np.unique(sheet.species.astype(str)):
        mine = (sheet.species == name) & (dbh > 0)
        if mine.any():
            out[mine] = predict_height(height_model(str(name)), dbh=dbh[mine])
    return out


def _medians(sheet: Sheet, values: Floats) -> tuple[Floats, Floats]:
    """Median of each row's plot and species, and how many rows it rests on."""
    usable = pd.Series(np.where(sheet.open & (values > 0), values, np.nan))
    keys = [sheet.trees["plot_id"].to_numpy(), sheet.species.astype(str)]
    grouped = usable.groupby(keys)
    return grouped.transform("median").to_numpy(), grouped.transform("count").to_numpy()


def _diameter_units(sheet: Sheet) -> None:
    """A diameter ten or a hundred times off its neighbours of the same species, or its height."""
    typed = sheet.numbers("diameter_typed")
    columns = sheet.texts("diameter_column")
    median, count = _medians(sheet, sheet.dbh)
    ratio = sheet.dbh / median
    even = sheet.rubber & (count > NEIGHBOURS)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        tallness = sheet.height / _expected_height(sheet, sheet.dbh)
        slimmer = sheet.height / _expected_height(sheet, sheet.dbh * 100.0)
        stouter = sheet.height / _expected_height(sheet, sheet.dbh / 10.0)
        metres = (sheet.dbh < 1.5) & (
            ((count > NEIGHBOURS) & (ratio < 0.05) & _between(ratio * 100.0, 0.2, 5.0))
            | ((tallness > ODD_RATIO[1]) & _between(slimmer, *EXPECTED_RATIO))
        )
        large = (ratio > 4.0) & _between(ratio / 10.0, 0.3, 3.0) & even
        thin = (tallness < 0.45) & _between(stouter, 0.6, 1.7) & (sheet.dbh > 40.0)
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
    sizes = pd.DataFrame(
        {"plot": sheet.trees["plot_id"], "species": sheet.species, "dbh": sheet.dbh,
         "column": sheet.texts("diameter_column")}
    )[sheet.open & (sheet.dbh > 0) & (sheet.species != "")]  # fmt: skip
    medians = sizes.groupby(["species", "plot"])["dbh"].agg(["median", "count"]).reset_index()
    medians = medians[medians["count"] > NEIGHBOURS]
    typical = medians.groupby("species")["median"].transform("median")
    enough = medians.groupby("species")["median"].transform("count") >= 3
    ratio = medians["median"] / typical
    for index in np.flatnonzero(enough & ~ratio.between(1.0 / MIXED, MIXED)):
        row = medians.iloc[index]
        mine = sizes[(sizes["plot"] == row["plot"]) & (sizes["species"] == row["species"])]
        sheet.tell(
            "mixed_units", str(mine["column"].iloc[0]), f"{ratio.iloc[index]:.2g}",
            plot=row["plot"], species=row["species"],
        )  # fmt: skip


def _plausible(sheet: Sheet, position: int) -> bool:
    """Whether a tenth of a diameter that is too large would fit."""
    return bool(1.0 <= sheet.dbh[position] / 10.0 <= 120.0)


def _between(values: Floats, low: float, high: float) -> Bools:
    return np.asarray((values > low) & (values < high), dtype=np.bool_)


def _girth_as_dbh(sheet: Sheet) -> None:
    """Plots of rubber with diameters that only girths have; single trees 3.14 times too large."""
    columns = sheet.texts("diameter_column")
    as_dbh = np.array([str(name).startswith("dbh") for name in columns], dtype=np.bool_)
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
    typical, count = _medians(sheet, sheet.dbh)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = sheet.dbh / typical
        single = (
            planted & (count > NEIGHBOURS) & (ratio > 2.4) & _between(ratio / math.pi, 0.7, 1.4)
        )
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
    found = (sheet.dbh > 0) & (sheet.dbh < SMALLEST_DBH_CM) & sheet.open & ~sheet.suspect
    for position in np.flatnonzero(found):
        sheet.say("diameter_small", int(position), str(columns[position]) or "dbh_cm",
                  value=f"{sheet.numbers('diameter_typed')[position]:g}",
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
    for position in np.flatnonzero(_between(typed, *KG_PER_M3) & sheet.open):
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


def _clones(sheet: Sheet) -> None:
    """Names of clones that are not known, or stand beside another species."""
    clones = sheet.texts("clone")
    for position in np.flatnonzero((clones != "") & sheet.open):
        name = clone_name(str(clones[position]))
        if not sheet.rubber[position] and sheet.species[position]:
            sheet.say("clone_not_rubber", int(position), "clone")
        elif name not in CLONES:
            sheet.say("clone_unknown", int(position), "clone", allowed=", ".join(CLONES))


def _years(sheet: Sheet) -> None:
    """Planting years and ages that contradict each other or the day of the survey."""
    planted, age = sheet.numbers("planting_year"), sheet.numbers("age_years")
    survey = np.full(len(planted), np.nan)
    if "date" in sheet.trees:
        survey = _days(sheet).dt.year.to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        odd = ~np.isnan(planted) & ~_between(planted, 1900.0, dt.date.today().year + 1.5)  # noqa: DTZ011
        after = ~odd & (planted > survey)
        conflict = ~odd & ~after & (np.abs(survey - planted - age) > 1.5)
        old = sheet.rubber & (age > RUBBER_LIFE)
    for code, found in (("planting_year_odd", odd), ("planted_after_survey", after)):
        for position in np.flatnonzero(found & sheet.open):
            sheet.say(code, int(position), "planting_year", **both_eras(planted[position]))
    for position in np.flatnonzero(conflict & sheet.open):
        sheet.say("age_conflict", int(position), "age_years",
                  other=f"{survey[position] - planted[position]:g}")  # fmt: skip
    sheet.say_all("age_odd", old, "age_years")


def _days(sheet: Sheet) -> pd.Series[Any]:
    return pd.to_datetime(sheet.trees["date"], format="%Y-%m-%d", errors="coerce")


def _dates(sheet: Sheet) -> None:
    """Dates that cannot be read or lie ahead."""
    if "date" not in sheet.trees:
        return
    texts = sheet.texts("date")
    days = _days(sheet)
    unread = days.isna().to_numpy() & (texts != "")
    sheet.say_all("date_unreadable", unread, "date")
    ahead = (days > pd.Timestamp.today() + pd.Timedelta(days=2)).to_numpy()
    sheet.say_all("date_ahead", ahead & ~unread, "date")


def _remarks(sheet: Sheet) -> None:
    """Remarks that call a tree dead or felled which the row counts as living."""
    notes = pd.Series(sheet.texts("note"))
    states = notes.map({text: _state_in(str(text)) for text in notes.unique()}).to_numpy()
    for position in np.flatnonzero((states != "") & sheet.living):
        sheet.say("note_says_gone", int(position), "note")


def _state_in(text: str) -> str:
    """State that a remark speaks of; empty where it speaks of none, or denies it."""
    return "gone" if GONE.search(text) and not NOT_GONE.search(text) else ""


# --- numbering ------------------------------------------------------------------------------------


def _numbering(sheet: Sheet) -> None:
    """Gaps in the numbers of trees, and numbers out of order."""
    tags = pd.to_numeric(sheet.trees["tree_id"], errors="coerce").to_numpy(dtype=np.float64)
    repeats = (sheet.trees["refused"] == "row_repeated").to_numpy()
    for plot, whole in sheet.plots.items():
        rows = whole[~repeats[whole]]
        numbers = tags[rows]
        if len(rows) < FEWEST_PAIRS or np.isnan(numbers).any() or (numbers % 1 != 0).any():
            continue
        present = np.unique(numbers.astype(np.int64))
        span = int(present[-1] - present[0]) + 1
        if 0 < span - len(present) <= 0.1 * len(present):
            missing = np.setdiff1d(np.arange(present[0], present[-1] + 1), present)
            shown = ", ".join(map(str, missing[:MOST_GAPS_SHOWN]))
            more = ", ..." if len(missing) > MOST_GAPS_SHOWN else ""
            sheet.tell("tag_gaps", "tree_id", f"{shown}{more}", plot=plot, count=len(missing))
        back = rows[1:][np.diff(numbers) < 0]
        if 0 < len(back) <= 0.1 * len(rows):
            for position in back:
                sheet.say("tag_order", int(position), "tree_id", plot=plot)


def _plot_names(sheet: Sheet) -> None:
    """Names of plots that differ in case or blanks alone."""
    names = pd.unique(sheet.trees["plot_id"])
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(re.sub(r"[\s_\-.]+", "", str(name)).casefold(), []).append(str(name))
    for group in alike.values():
        if len(group) > 1:
            sheet.tell("plot_names_alike", "plot_id", ", ".join(sorted(group)))


def _heaping(sheet: Sheet) -> None:
    """Figures that all end in 0 or 5, or are all the same."""
    heights = sheet.numbers("height_typed")
    known = heights[~np.isnan(heights) & sheet.open]
    if len(known) >= FEWEST_PAIRS and np.ptp(known) == 0:
        sheet.tell("height_constant", "height_m", f"{known[0]:g}", count=len(known))
    typed = sheet.numbers("diameter_typed")
    sizes = typed[~np.isnan(typed) & sheet.open]
    if len(sizes) >= 50 and np.mean(sizes % 5 == 0) > HEAPED:
        sheet.tell("digits_heaped", str(sheet.texts("diameter_column")[0]),
                   f"{100 * np.mean(sizes % 5 == 0):.0f}")  # fmt: skip
