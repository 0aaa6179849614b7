"""How plots were laid out and trees measured."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rubbercarbon.report_blocks import Fact, Facts, Paragraph, Section, Table
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
from rubbercarbon.site_words import code_of

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
            ("design_selection", selection(design.get("plot_selection"), words)),
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
    if "represents_ha" in plots:
        columns.append((words.column("land_rai", 2), lambda row: rai(row.get("represents_ha"))))
    if "plot_selection" in plots:
        head = words.column("selection")
        columns.append((head, lambda row: selection(row["plot_selection"], words)))
    if "n_stems" in plots:
        columns += [
            (words.column("stems", 0), figure_of("n_stems")),
            (words.column("stems_ha", 0), figure_of("stems_per_ha")),
            (words.column("basal_area", 1), figure_of("basal_area_m2_ha")),
        ]
    listed = make_table(words, "plots", plots, columns, file)
    return section(
        words,
        "design",
        facts,
        *_as_measured(source, plots, file, words),
        _strata_table(plots, file, words),
        listed,
    )


def selection(value: object, words: Words) -> str:
    """How plots were chosen, from any of its spellings."""
    return words.value("selection", code_of("plot_selection", value) or value)


def _as_measured(
    source: ReportSource, plots: pd.DataFrame, file: str, words: Words
) -> list[Facts | Paragraph]:
    """What the sheets say of the choice of plots, and the land that all of them stand for."""
    rows = []
    chosen: list[str] = []
    if "plot_selection" in plots:
        chosen = list(dict.fromkeys(selection(one, words) for one in plots["plot_selection"]))
        rows.append(
            Fact(words.text("plots_selection"), words.listed(chosen), f"{file}: plot_selection")
        )
    for key, name in (("area_plots", "area_ha"), ("area_land", "represents_ha")):
        if name in plots:
            whole = plots[name].sum() if plots[name].notna().all() else None
            rows.append(Fact(words.text(key), words.area(whole), f"{file}: {name}"))
    stated = selection(source.group("design").get("plot_selection"), words)
    if source.site and chosen and stated != words.text("unknown") and chosen != [stated]:
        text = words.text("selection_differs", stated=stated, found=words.listed(chosen))
        return [Facts(tuple(rows)), Paragraph(text, "warning")]
    return [Facts(tuple(rows))]


def _strata_table(plots: pd.DataFrame, file: str, words: Words) -> Table:
    strata = _strata(plots)
    of_site = [(words.column("site"), text("site"))] if len(set(strata["site"])) > 1 else []
    return make_table(
        words, "strata", strata,
        [
            *of_site,
            (words.column("stratum"), text("stratum")),
            (words.column("plots", 0), figure_of("plots")),
            (words.column("measured_rai", 2), lambda row: rai(row.get("measured"))),
            (words.column("land_rai", 2), lambda row: rai(row.get("land"))),
            (words.column("land_ha", 2), figure_of("land")),
        ],
        file,
    )  # fmt: skip


def _strata(plots: pd.DataFrame) -> pd.DataFrame:
    """Plots, measured area and the land that they stand for of each stratum of each site."""
    land = plots["represents_ha" if "represents_ha" in plots else "area_ha"]
    areas = plots.assign(
        area=pd.to_numeric(plots["area_ha"], errors="coerce"),
        land=pd.to_numeric(land, errors="coerce"),
        stratum=plots["stratum"].fillna("").astype(str),
        site=plots["site_id"].fillna("").astype(str) if "site_id" in plots else "",
    )
    grouped = areas.groupby(["site", "stratum"], sort=True)
    return pd.DataFrame({
        "plots": grouped.size(),
        "measured": grouped["area"].sum(min_count=1),
        "land": grouped["land"].sum(min_count=1),
    }).reset_index()  # fmt: skip
