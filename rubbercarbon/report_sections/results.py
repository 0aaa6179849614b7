"""Stocks by plot and in all: mean, standard deviation, interval, and what sampling adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from rubbercarbon import report_figures
from rubbercarbon.report_blocks import Cell, Column, Figure, Paragraph, Section, Table
from rubbercarbon.report_sections.interface import (
    figure_of,
    make_table,
    missing,
    section,
    text,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number, rai
from rubbercarbon.sampling import student_t

PLACE = 90
PLOTS_DRAWN = 40
MOST_REGIONS = 600
Columns = list[tuple[Column, Callable[[dict[str, Any]], Cell]]]


def build(source: ReportSource, words: Words) -> Section | None:
    """Totals, plots, the spread between plots and the sampling error."""
    if not source.has("total"):
        if source.has("summary") or source.has("change_total"):
            return None
        return section(words, "results", missing(words, "no_results"))
    plots = source.table("plots")
    note = Paragraph(words.text("units_note", level=f"{100 * source.level:g}"))
    if plots.empty:
        return section(words, "results", note, _totals(source, words), *_sampling(source, words))
    per_ha = bool(plots["area_ha"].notna().any())
    return section(
        words, "results", note, _totals(source, words), _plots(source, words, per_ha=per_ha),
        _drawing(plots, words, per_ha=per_ha), _between(plots, words) if per_ha else None,
        *_sampling(source, words),
    )  # fmt: skip


def _measured(words: Words, name: str, key: str, decimals: int, level: str) -> Columns:
    """Point, standard deviation and both ends of the interval of a stock."""
    return [
        (words.column(key, decimals), figure_of(name)),
        (words.column("sd", decimals), figure_of(f"{name}_sd")),
        (words.column("low", decimals, level=level), figure_of(f"{name}_low")),
        (words.column("high", decimals, level=level), figure_of(f"{name}_high")),
    ]


def _totals(source: ReportSource, words: Words) -> Table:
    level = f"{100 * source.level:g}"
    total = source.table("total")
    places: Columns = [
        (words.column("site"), lambda row: words.value("scope", row.get("site_id"))),
        (words.column("stratum"), text("stratum")),
    ]
    area = "area_ha" if "area_ha" in total else "area_measured_ha"
    if source.batch:
        by = str(total.columns[0])
        head = words.column("region", by=words.value("by", by))
        places = [(head, lambda row: words.value("scope", row.get(by)))]
    columns: Columns = [
        *places,
        (words.column("plots", 0), figure_of("n_plots")),
        (
            words.column("land_rai" if area == "area_ha" else "measured_rai", 2),
            lambda row: rai(row.get(area)),
        ),
        (words.column("carbon_t", 1), figure_of("carbon_t")),
        *_measured(words, "co2e_t", "co2e_t", 1, level),
        (words.column("co2e_t_rai", 1), figure_of("co2e_t_rai")),
    ]
    key = "totals-batch" if source.batch else "totals"
    return make_table(words, key, total, columns, "total.csv", most=MOST_REGIONS)


def _plots(source: ReportSource, words: Words, *, per_ha: bool) -> Table:
    level = f"{100 * source.level:g}"
    unit = "t_ha" if per_ha else "t"
    columns: Columns = [
        (words.column("plot"), text("plot_id")),
        (words.column(f"agb_{unit}", 1), figure_of(f"agb_{unit}")),
        (words.column(f"bgb_{unit}", 1), figure_of(f"bgb_{unit}")),
        *_measured(words, f"carbon_{unit}", f"carbon_{unit}", 1, level),
    ]
    if per_ha:
        columns += [
            (words.column("co2e_t_ha", 1), figure_of("co2e_t_ha")),
            (words.column("co2e_t_rai", 1), figure_of("co2e_t_rai")),
        ]
    return make_table(words, "stocks", source.table("plots"), columns, "plots.csv")


def _drawing(plots: pd.DataFrame, words: Words, *, per_ha: bool) -> Figure | None:
    name = "carbon_t_ha" if per_ha else "carbon_t"
    shown = plots[plots[name].notna()].head(PLOTS_DRAWN)
    if shown.empty:
        return None
    names = shown["plot_id"].astype(str).tolist()
    bars = report_figures.Bars("", shown[name].tolist(), shown[f"{name}_low"].tolist(),
                               shown[f"{name}_high"].tolist())  # fmt: skip
    svg = report_figures.bars("figure-stocks", names, [bars], words.text(f"axis_{name}"))
    alt = words.text("alt_stocks", count=len(shown), low=words.amount(shown[name].min()),
                     high=words.amount(shown[name].max()))  # fmt: skip
    caption = words.text("figure_stocks")
    if len(shown) < len(plots):
        caption += " " + words.text("rows_left", shown=len(shown), rows=len(plots))
    return Figure("figure-stocks", caption, alt, svg, "stocks")


def _between(plots: pd.DataFrame, words: Words) -> Table:
    """Mean and spread between the plots of each stratum: a description, no claim on the land."""
    grouped = plots.assign(value=plots["co2e_t_ha"]).groupby("stratum", sort=True)["value"]
    frame = pd.DataFrame({"n": grouped.count(), "mean": grouped.mean(), "sd": grouped.std()})
    return make_table(
        words, "between", frame.reset_index(),
        [
            (words.column("stratum"), text("stratum")),
            (words.column("n", 0), figure_of("n")),
            (words.column("mean_co2e_t_ha", 1), figure_of("mean")),
            (words.column("sd_between", 1), figure_of("sd")),
        ],
        "plots.csv",
    )  # fmt: skip


def _sampling(source: ReportSource, words: Words) -> list[Paragraph | Table]:
    """The sampling error with its degrees of freedom and Student's t, where plots were drawn."""
    table = source.table("sampling")
    if table.empty:
        return [missing(words, "no_sampling_batch" if source.batch else "no_sampling")]
    level = f"{100 * source.level:g}"

    def factor(row: dict[str, Any]) -> Cell:
        degrees = number(row.get("degrees"))
        return student_t(source.level, degrees) if degrees else None

    return [
        make_table(
            words, "sampling", table,
            [
                (words.column("stratum"), lambda row: str(row.get("stratum") or row["site_id"])),
                (words.column("quantity"), lambda row: words.value("predicts", row["quantity"])),
                (words.column("plots", 0), figure_of("n_plots")),
                (words.column("strata", 0), figure_of("n_strata")),
                (words.column("degrees", 0), figure_of("degrees")),
                (words.column("t", 3), factor),
                (words.column("u_sampling", 1, level=level), figure_of("u_sampling_percent")),
                (words.column("u_full", 1, level=level), figure_of("u_full_percent")),
                (words.column("needed", 0), figure_of("plots_for_10_percent")),
            ],
            "sampling.csv", level=level,
        )
    ]  # fmt: skip
