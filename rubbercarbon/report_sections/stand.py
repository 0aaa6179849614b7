"""The stand: clone, planting, spacing, and what was found growing, by species."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rubbercarbon import report_figures
from rubbercarbon.censuses import NEW, SURVIVOR
from rubbercarbon.report_blocks import Figure, Section
from rubbercarbon.report_findings import masses
from rubbercarbon.report_sections.interface import (
    fact_rows,
    figure_of,
    make_table,
    missing,
    section,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 40
SPECIES_DRAWN = 12


def build(source: ReportSource, words: Words) -> Section | None:
    """The dossier's words, then the trees' own."""
    if (source.has("summary") or source.many) and not source.site:
        return None
    facts: Any = missing(words, "no_dossier")
    if source.site:
        stand = source.group("stand")
        companions = words.listed([str(one) for one in stand.get("companions") or ()], 20)
        facts = fact_rows(
            words, "site.json: stand",
            ("stand_clone", words.or_unknown(stand.get("clone"))),
            ("stand_planted", words.month(stand.get("planted_month"), stand.get("planted_year"))),
            ("stand_spacing", words.or_unknown(stand.get("spacing"))),
            ("stand_companions", words.or_unknown(companions)),
        )  # fmt: skip
    species = by_species(source)
    if species.empty:
        return section(words, "stand", facts)
    table = make_table(
        words, "species", species,
        [
            (words.column("species"), lambda row: words.plant(row["species"])),
            (words.column("stems", 0), figure_of("stems")),
            (words.column("mean_dbh", 1), figure_of("dbh")),
            (words.column("largest_dbh", 1), figure_of("largest")),
            (words.column("mass_share", 1), figure_of("share")),
        ],
        "change_trees.csv" if source.has("change_trees") else "trees.csv",
    )  # fmt: skip
    return section(words, "stand", facts, table, _drawing(species, words))


def by_species(source: ReportSource) -> pd.DataFrame:
    """Stems, diameters and share of above-ground mass of each species, largest share first.

    Of a change: the trees that live at the later date.
    """
    trees = masses(source)
    if "fate" in trees:
        trees = trees[trees["fate"].isin([SURVIVOR, NEW])]
        trees = trees.assign(dbh_cm=trees["dbh_cm_2"], count=1.0)
    if not {"species", "dbh_cm", "count"} <= set(trees):
        return pd.DataFrame()
    count = pd.to_numeric(trees["count"], errors="coerce").fillna(1.0)
    dbh = pd.to_numeric(trees["dbh_cm"], errors="coerce")
    grouped = trees.assign(count=count, sized=count.where(dbh.notna()), dbh=dbh,
                           weighed=count * dbh).groupby("species")  # fmt: skip
    total = float(trees["mass"].sum())
    table = pd.DataFrame({
        "stems": grouped["count"].sum(),
        "dbh": grouped["weighed"].sum() / grouped["sized"].sum(),
        "largest": grouped["dbh"].max(),
        "share": 100.0 * grouped["mass"].sum() / (total or float("nan")),
    })  # fmt: skip
    return table.reset_index().sort_values(["share", "species"], ascending=[False, True])


def _drawing(species: pd.DataFrame, words: Words) -> Figure:
    shown = species.head(SPECIES_DRAWN)
    names = [words.plant(name).partition(" (")[0] for name in shown["species"]]
    values = shown["share"].tolist()
    svg = report_figures.bars("figure-species", names, [report_figures.Bars("", values)],
                              words.text("axis_mass_share"))  # fmt: skip
    alt = words.text("alt_species", first=report_figures.short_name(names[0]),
                     share=f"{values[0]:.0f}", count=len(species))  # fmt: skip
    return Figure("figure-species", words.text("figure_species"), alt, svg, "species")
