"""Rules that question what a field sheet records beside sizes: clones, years, dates, numbering."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon import distinct
from rubbercarbon.check_sheet import FEWEST_PAIRS, Sheet, between
from rubbercarbon.columns import CLONES, both_eras, clone_name
from rubbercarbon.thresholds import threshold

MOST_GAPS_SHOWN = 8
MOST_CLONES_SHOWN = 10
HEAPED = threshold("digits_heaped")
RUBBER_LIFE = threshold("rubber_life")
GONE = re.compile(
    r"ตาย|ถูกตัด|ตัดแล้ว|ตัดทิ้ง|ตัดออก|โค่น|สูญหาย|\bdead\b|\bfelled\b|\bmati\b", re.IGNORECASE
)
NOT_GONE = re.compile(
    r"ไม่ตาย|ยังไม่|กิ่งตาย|ยอดตาย|ใกล้ตาย|ตายยอด|เปลือก|กิ่ง|not dead|dead (branch|top)", re.IGNORECASE
)


def _clones(sheet: Sheet) -> None:
    """Names of clones that are not known, or stand beside another species."""
    clones = distinct.mapped(sheet.trees["clone"], lambda text: clone_name(text) if text else "")
    unknown = distinct.flags(sheet.trees["clone"], lambda text: clone_name(text) not in CLONES)
    other = ~sheet.rubber & np.array([name != "" for name in sheet.kinds])[sheet.kind]
    for position in np.flatnonzero((clones != "") & sheet.open & (unknown | other)):
        if other[position]:
            sheet.say("clone_not_rubber", int(position), "clone")
        else:
            sheet.say(
                "clone_unknown",
                int(position),
                "clone",
                allowed=", ".join(CLONES[:MOST_CLONES_SHOWN]) + ", ...",
            )


def _years(sheet: Sheet) -> None:
    """Planting years and ages that contradict each other or the day of the survey."""
    if not {"planting_year", "age_years"} & set(sheet.trees.columns):
        return
    planted, age = sheet.numbers("planting_year"), sheet.numbers("age_years")
    survey = np.full(len(planted), np.nan)
    if "date" in sheet.trees:
        survey = _days(sheet).dt.year.to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        odd = ~np.isnan(planted) & ~between(planted, 1900.0, dt.date.today().year + 1.5)  # noqa: DTZ011
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
    if "note" not in sheet.trees:
        return
    gone = distinct.flags(sheet.trees["note"], _says_gone)
    for position in np.flatnonzero(gone & sheet.living):
        sheet.say("note_says_gone", int(position), "note")


def _says_gone(text: str) -> bool:
    """Whether a remark speaks of a tree that is gone, and does not deny it."""
    return bool(GONE.search(text)) and not NOT_GONE.search(text)


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
        sheet.tell("digits_heaped", str(sheet.trees["diameter_column"].iloc[0]),
                   f"{100 * np.mean(sizes % 5 == 0):.0f}")  # fmt: skip


RECORD_RULES = (_clones, _years, _dates, _remarks, _numbering, _plot_names, _heaping)
