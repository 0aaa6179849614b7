"""How plots were laid out and trees measured."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rubbercarbon.report_blocks import Section
from rubbercarbon.report_sections.interface import (
    fact_rows,
    figure_of,
    make_table,
    missing,
    section,
    text,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, rai

PLACE = 60


def build(source: ReportSource, words: Words) -> Section | None:
    """The dossier's design, and the plots with their areas."""
    plots = source.table("plots") if source.has("plots") else source.table("change_plots")
    if plots.empty and not source.site:
        return None
    facts: Any = missing(words, "no_dossier")
    if source.site:
        design = source.group("design")
        again = words.amount(design.get("remeasured_percent"), "unit_percent", 0)
        facts = fact_rows(
            words, "site.json: design",
            ("design_selection", words.value("selection", design.get("plot_selection"))),
            ("design_threshold", words.amount(design.get("dbh_threshold_cm"), "unit_cm")),
            ("design_remeasured", again),
            ("design_result", words.or_unknown(design.get("remeasured_result"))),
            ("design_note", words.or_unknown(design.get("note"))),
        )  # fmt: skip
    if plots.empty:
        return section(words, "design", facts, missing(words, "no_plots"))
    file = "plots.csv" if source.has("plots") else "change_plots.csv"
    columns = [
        (words.column("plot"), text("plot_id")),
        (words.column("stratum"), text("stratum")),
        (words.column("area_rai", 2), lambda row: rai(row.get("area_ha"))),
        (words.column("area_ha", 4), figure_of("area_ha")),
    ]
    if "plot_selection" in plots:
        head = words.column("selection")
        columns.append((head, lambda row: words.value("selection", row["plot_selection"])))
    if "n_stems" in plots:
        columns += [
            (words.column("stems", 0), figure_of("n_stems")),
            (words.column("stems_ha", 0), figure_of("stems_per_ha")),
            (words.column("basal_area", 1), figure_of("basal_area_m2_ha")),
        ]
    strata = _strata(plots)
    shown = make_table(
        words, "strata", strata,
        [
            (words.column("stratum"), text("stratum")),
            (words.column("plots", 0), figure_of("plots")),
            (words.column("measured_rai", 2), lambda row: rai(row.get("measured"))),
            (words.column("land_rai", 2), lambda row: rai(row.get("land"))),
            (words.column("land_ha", 2), figure_of("land")),
        ],
        file,
    )  # fmt: skip
    return section(words, "design", facts, shown, make_table(words, "plots", plots, columns, file))


def _strata(plots: pd.DataFrame) -> pd.DataFrame:
    """Plots, measured area and land of each stratum."""
    areas = plots.assign(
        area=pd.to_numeric(plots["area_ha"], errors="coerce"),
        land=pd.to_numeric(plots.get("stratum_area_ha", pd.Series(dtype=float)), errors="coerce"),
    )
    grouped = areas.groupby("stratum", sort=True)
    return pd.DataFrame({
        "plots": grouped.size(),
        "measured": grouped["area"].sum(min_count=1),
        "land": grouped["land"].max(),
    }).reset_index()  # fmt: skip
