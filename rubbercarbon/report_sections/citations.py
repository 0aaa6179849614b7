"""The publications and data that the figures rest on."""

from __future__ import annotations

from typing import Any

from rubbercarbon.report_blocks import Section
from rubbercarbon.report_sections.interface import make_table, missing, section, text
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 170
MOST = 200


def build(source: ReportSource, words: Words) -> Section:
    """One row per source."""
    citations = source.table("citations")
    if citations.empty:
        return section(words, "citations", missing(words, "no_citations"))
    if "citation" in citations:
        columns = [
            (words.column("model", code=True), text("id")),
            (words.column("source"), _citation),
            (words.column("where_in"), text("where")),
            (words.column("seen"), text("seen")),
            (words.column("grade"), text("grade")),
        ]
    else:
        columns = [
            (words.column("source"), text("source")),
            (words.column("used_for"), text("used_for")),
            (words.column("grade"), text("grade")),
        ]
    table = make_table(words, "citations", citations, columns, "citations.csv", most=MOST)
    return section(words, "citations", table)


def _citation(row: dict[str, Any]) -> str:
    doi = str(row.get("doi") or "")
    return str(row.get("citation") or "") + (f" doi:{doi}" if doi else "")
