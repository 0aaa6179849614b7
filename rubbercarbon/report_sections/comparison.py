"""Scenarios against the baseline."""

from __future__ import annotations

import pandas as pd

from rubbercarbon import messages, report_figures
from rubbercarbon.parameters import default_parameters
from rubbercarbon.report_blocks import Figure, Section, Table
from rubbercarbon.report_sections.interface import (
    design_names,
    figure_of,
    make_table,
    section,
    text,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 130
MOST_ASSUMPTIONS = 12  # of each design


def build(source: ReportSource, words: Words) -> Section | None:
    """Averages, differences and stocks over time; nothing where no scenario was projected."""
    if not source.has("summary"):
        return None
    return section(
        words, "comparison", _averages(source, words), _differences(source, words),
        _drawing(source, words), _drivers(source, words), _assumptions(source, words),
    )  # fmt: skip


def _averages(source: ReportSource, words: Words) -> Table:
    level = f"{100 * source.level:g}"
    name, names = "biomass_average_t_c_ha", design_names(source, words)
    return make_table(
        words, "averages", source.table("summary"),
        [
            (words.column("scenario"), lambda row: names(row["scenario"])),
            (words.column("scenario_id", code=True), text("scenario")),
            (words.column("years", 0), figure_of("averaged_years")),
            (words.column("average_t_c_ha", 1), figure_of(name)),
            (words.column("low", 1, level=level), figure_of(f"{name}_low")),
            (words.column("high", 1, level=level), figure_of(f"{name}_high")),
            (words.column("total_average", 1), figure_of("total_average_t_c_ha")),
            (words.column("removals", 1), figure_of("net_removals_t_co2e_ha")),
            (words.column("status"), lambda row: words.value("status", row.get("status"))),
        ],
        "summary.csv",
    )  # fmt: skip


def _differences(source: ReportSource, words: Words) -> Table | None:
    summary = source.table("summary")
    name = "biomass_average_difference_t_c_ha"
    if name not in summary or not summary[name].notna().any():
        return None
    level, names = f"{100 * source.level:g}", design_names(source, words)
    return make_table(
        words, "differences", summary[summary[name].astype(str).ne("") & summary[name].notna()],
        [
            (words.column("scenario"), lambda row: names(row["scenario"])),
            (words.column("difference", 1), figure_of(name)),
            (words.column("low", 1, level=level), figure_of(f"{name}_low")),
            (words.column("high", 1, level=level), figure_of(f"{name}_high")),
            (words.column("p_greater", 0), lambda row: words.text("withheld")
             if str(row.get("p_greater_status")) == "withheld"
             else figure_of("p_greater", 100.0)(row)),
            (words.column("lowest", 1), figure_of("difference_lowest_switch_t_c_ha")),
            (words.column("highest", 1), figure_of("difference_highest_switch_t_c_ha")),
            (words.column("break_even_year", 0),
             lambda row: figure_of("break_even_year")(row) or words.text("never")),
            (words.column("never_share", 0), figure_of("break_even_never_share", 100.0)),
        ],
        "summary.csv",
    )  # fmt: skip


def _drawing(source: ReportSource, words: Words) -> Figure | None:
    pools = source.table("pools")
    if not {"scenario", "pool", "year", "t_c_ha"} <= set(pools):
        return None
    biomass = pools[pools["pool"] == "biomass"]
    if biomass.empty:
        return None
    banded = {"t_c_ha_low", "t_c_ha_high"} <= set(biomass) and biomass["t_c_ha_low"].notna().all()

    def line(name: str, rows: pd.DataFrame) -> report_figures.Line:
        low, high = (
            (rows["t_c_ha_low"].tolist(), rows["t_c_ha_high"].tolist()) if banded else (None, None)
        )
        return report_figures.Line(name, rows["year"].tolist(), rows["t_c_ha"].tolist(), low, high)

    names = design_names(source, words)
    found = [line(names(name), rows) for name, rows in biomass.groupby("scenario", sort=False)]
    svg = report_figures.lines("figure-scenarios", found, words.text("axis_year"),
                               words.text("axis_biomass"))  # fmt: skip
    alt = words.text("alt_scenarios", names=words.listed([one.label for one in found]),
                     years=int(biomass["year"].max()))  # fmt: skip
    caption = words.text("figure_scenarios", level=f"{100 * source.level:g}")
    return Figure("figure-scenarios", caption, alt, svg, "averages")


def _assumed(label: str, words: Words) -> str:
    """An assumption in words, with its name in the table."""
    base = label.partition(", ")[0].partition(" (")[0]
    if base in messages.keys("terms", words.language):
        return f"{messages.text('terms', base, words.language)} ({label})"
    known = default_parameters().get(base)
    return words.sentence(label) if known is None else f"{words.sentence(known.meaning)} ({label})"


def _assumptions(source: ReportSource, words: Words) -> Table | None:
    if not source.has("sensitivity"):
        return None
    names = design_names(source, words)
    largest = source.table("sensitivity").groupby("scenario", sort=False).head(MOST_ASSUMPTIONS)
    return make_table(
        words, "sensitivity", largest,
        [
            (words.column("scenario"), lambda row: names(row["scenario"])),
            (words.column("assumption"), lambda row: _assumed(str(row["assumption"]), words)),
            (words.column("at_low", 2), figure_of("at_low_t_c_ha")),
            (words.column("at_high", 2), figure_of("at_high_t_c_ha")),
            (words.column("swing", 2), figure_of("swing_t_c_ha")),
        ],
        words.text("largest_of", file="sensitivity.csv", count=MOST_ASSUMPTIONS),
    )  # fmt: skip


def _drivers(source: ReportSource, words: Words) -> Table | None:
    """Which components and pools make the difference; those that move nothing are left out."""
    drivers = source.table("drivers")
    if drivers.empty:
        return None
    names = design_names(source, words)
    return make_table(
        words, "drivers", drivers[drivers["difference_t_c_ha"].abs() >= 0.005],
        [
            (words.column("scenario"), lambda row: names(row["scenario"])),
            (words.column("driver"), lambda row: words.value("pool", row["driver"])),
            (words.column("difference", 2), figure_of("difference_t_c_ha")),
        ],
        "drivers.csv",
    )  # fmt: skip
