"""Equations, height models and ratios: which, of what grade, and for how much of the mass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from rubbercarbon.report_blocks import Cell, Column, Paragraph, Section
from rubbercarbon.report_findings import OUTSIDE, masses
from rubbercarbon.report_sections.interface import figure_of, make_table, missing, section, text
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 80
Columns = list[tuple[Column, Callable[[dict[str, Any]], Cell]]]


def build(source: ReportSource, words: Words) -> Section | None:
    """Each model with what rests on it; then what the flags of trees say."""
    citations = source.table("citations")
    if source.has("summary"):
        return None
    if "id" not in citations:
        return section(words, "models", missing(words, "no_models"))
    twice = source.has("change_trees")
    columns: Columns = [
        (words.column("model", code=True), text("id")),
        (words.column("predicts"), lambda row: words.value("predicts", row.get("predicts"))),
        (words.column("grade"), text("grade")),
        (words.column("rows_both" if twice else "rows", 0), figure_of("n_rows")),
    ]
    file = "citations.csv"
    trees = "change_trees.csv" if twice else "trees.csv"
    if "equation_id" in masses(source):
        columns += [(words.column("trees", 0), figure_of("trees"))] if twice else []
        columns += [
            (words.column("mass_share", 1), figure_of("share")),
            (words.column("outside", 0), figure_of("outside")),
        ]
        file += f", {trees}"
    table = make_table(words, "models", _models(source, citations), columns, file)
    flags = _flags(source)
    flagged = make_table(
        words, "flags", flags,
        [
            (words.column("flag"), lambda row: words.value("flag", row["flag"])),
            (words.column("rows", 0), figure_of("rows")),
            (words.column("mass_share", 1), figure_of("share")),
        ],
        f"{trees}: flags",
    ) if len(flags) else None  # fmt: skip
    return section(words, "models", Paragraph(words.text("grades")), table, flagged)


def _models(source: ReportSource, citations: pd.DataFrame) -> pd.DataFrame:
    trees = masses(source)
    total = float(trees["mass"].sum())
    shares: dict[Any, Any] = {}
    outside: dict[Any, Any] = {}
    rows: dict[Any, Any] = {}
    if total and "equation_id" in trees:
        rows = trees.groupby("equation_id").size().to_dict()
        shares = (100.0 * trees.groupby("equation_id")["mass"].sum() / total).to_dict()
        out = trees["flags"].astype(str).str.contains(OUTSIDE, regex=True)
        outside = out.groupby(trees["equation_id"]).sum().to_dict()
    return citations.assign(
        trees=citations["id"].map(rows),
        share=citations["id"].map(shares),
        outside=citations["id"].map(outside),
    )


def _flags(source: ReportSource) -> pd.DataFrame:
    """Each flag with its rows and its share of the mass."""
    trees = masses(source)
    if "flags" not in trees or trees.empty:
        return pd.DataFrame()
    split = trees.assign(flag=trees["flags"].astype(str).str.split(";")).explode("flag")
    split = split[split["flag"] != ""]
    grouped = split.groupby("flag")["mass"]
    total = float(trees["mass"].sum()) or float("nan")
    table = pd.DataFrame({"rows": grouped.size(), "share": 100.0 * grouped.sum() / total})
    return table.reset_index().sort_values(["rows", "flag"], ascending=[False, True])
