"""Rules that question plots: coordinates, land documents, spacing, positions of trees."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allometry.names import match_one
from rubbercarbon.columns import M2_PER_HA, RUBBER, both_eras, in_thailand
from rubbercarbon.site_words import LISTED_DOCUMENTS, code_of, label
from rubbercarbon.thresholds import ends, threshold

if TYPE_CHECKING:
    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

SPACING = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:m|ม\.?|เมตร)?\s*[x×*คูณ]+\s*(\d+(?:\.\d+)?)\s*(?:m|ม\.?|เมตร)?"
)
STOCKING_RATIO = ends("stocking_against_spacing")
WIDE = threshold("span_of_positions")


def check_places(
    plots: pd.DataFrame, trees: pd.DataFrame, raw: RawTable | None, problems: Problems
) -> None:
    """Every rule over the plot table.

    Parameters
    ----------
    plots : pandas.DataFrame
    trees : pandas.DataFrame
    raw : RawTable or None
        Where the plots came from.
    problems : Problems
    """
    file, sheet = (raw.file, raw.sheet) if raw is not None else ("", "")
    alive = (trees["refused"] == "") & trees["state"].isin(["alive", "unknown"])
    needed = [n for n in ("plot_id", "species", "count", "x_m", "y_m") if n in trees]
    living = trees.loc[alive, needed]
    rubber = {name for name in living["species"].unique() if match_one(name).species == RUBBER}
    stems = living[living["species"].isin(rubber)].groupby("plot_id")["count"].sum().to_dict()
    spans = _spans(living)
    surveys = _surveys(plots, trees)
    for record in plots.to_dict("records"):
        where: dict[str, Any] = {"file": file, "sheet": sheet, "plot": record["plot_id"]}
        if "row" in record and not pd.isna(record["row"]) and raw is not None:
            where["row"] = int(record["row"])
        _coordinates(record, problems, where)
        _documents(record, problems, where)
        _planting(record, surveys.get(record["plot_id"], math.nan), problems, where)
        _spacing(record, stems.get(record["plot_id"], 0.0), problems, where)
        area = float(record["area_ha"])
        span = spans.get(record["plot_id"], 0.0)
        if area > 0 and span > WIDE * area * M2_PER_HA:
            problems.add(
                "area_against_positions", column="area_ha", value=f"{area:g}",
                span=f"{span / M2_PER_HA:.2f}", **where,
            )  # fmt: skip


def _surveys(plots: pd.DataFrame, trees: pd.DataFrame) -> dict[str, float]:
    """Year of the survey of each plot, from its own row or from its trees."""
    found: dict[str, float] = {}
    for table in (trees, plots):
        if "date" in table:
            days = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
            years = days.dt.year.groupby(table["plot_id"]).max().dropna()
            found |= {str(plot): float(year) for plot, year in years.items()}
    return found


def _planting(
    record: dict[Any, Any], survey: float, problems: Problems, where: dict[Any, Any]
) -> None:
    """A planting year that cannot be, or after the survey; a date that cannot be read."""
    year = _number(record.get("planting_year"))
    day = str(record.get("date") or "").strip()
    if day and day != "nan" and pd.isna(pd.to_datetime(day, format="%Y-%m-%d", errors="coerce")):
        problems.add("date_unreadable", column="date", value=day, **where)
    if math.isnan(year):
        return
    if not 1900 < year <= dt.date.today().year + 1:  # noqa: DTZ011
        problems.add("planting_year_odd", column="planting_year", **{**where, **both_eras(year)})
    elif year > survey:
        problems.add(
            "planted_after_survey", column="planting_year", **{**where, **both_eras(year)}
        )  # fmt: skip


def _spans(living: pd.DataFrame) -> dict[str, float]:
    """Area of the rectangle that the trees of each plot span [m2]."""
    if not {"x_m", "y_m"} <= set(living.columns):
        return {}
    known = living.dropna(subset=["x_m", "y_m"])
    return {
        str(plot): float(np.ptp(group["x_m"]) * np.ptp(group["y_m"]))
        for plot, group in known.groupby("plot_id")
        if len(group) > 3
    }


def _coordinates(record: dict[Any, Any], problems: Problems, where: dict[Any, Any]) -> None:
    latitude, longitude = (_number(record.get(name)) for name in ("latitude", "longitude"))
    if math.isnan(latitude) and math.isnan(longitude):
        return
    if math.isnan(latitude) or math.isnan(longitude):
        problems.add("coordinates_incomplete", column="latitude", value="", **where)
        return
    if in_thailand(longitude, latitude) and not in_thailand(latitude, longitude):
        problems.add("coordinates_swapped", column="latitude", value=f"{latitude:g}",
                     fix=f"{longitude:g}", other=f"{longitude:g}", **where)  # fmt: skip
        problems.add("coordinates_swapped", column="longitude", value=f"{longitude:g}",
                     fix=f"{latitude:g}", other=f"{latitude:g}", **where)  # fmt: skip
    elif not in_thailand(latitude, longitude):
        problems.add("coordinates_outside", column="latitude", value=f"{latitude:g}, {longitude:g}",
                     **where)  # fmt: skip


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _documents(record: dict[Any, Any], problems: Problems, where: dict[Any, Any]) -> None:
    text = str(record.get("land_document") or "").strip()
    if not text or text == "nan":
        return
    if code_of("land_document", text) is None:
        allowed = ", ".join(label("land_document", code, "th") for code in LISTED_DOCUMENTS)
        problems.add("land_document_unknown", column="land_document", value=text, allowed=allowed,
                     **where)  # fmt: skip


def _spacing(
    record: dict[Any, Any], rubber: float, problems: Problems, where: dict[Any, Any]
) -> None:
    text = str(record.get("spacing") or "").strip()
    if not text or text == "nan":
        return
    match = SPACING.search(text.casefold())
    if not match:
        problems.add("spacing_unreadable", column="spacing", value=text, **where)
        return
    a, b = float(match.group(1)), float(match.group(2))
    area = _number(record.get("area_ha"))
    if a * b > 0 and area > 0 and rubber > 0:
        ratio = rubber / area / (M2_PER_HA / (a * b))
        if not STOCKING_RATIO[0] <= ratio <= STOCKING_RATIO[1]:
            problems.add(
                "spacing_against_stocking", column="spacing", value=text,
                counted=f"{rubber / area:.0f}", nominal=f"{M2_PER_HA / (a * b):.0f}", **where,
            )  # fmt: skip
