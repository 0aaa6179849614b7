"""Every default and rule that was used."""

from __future__ import annotations

import math
from typing import Any

from rubbercarbon.report_blocks import Paragraph, Section
from rubbercarbon.report_sections.interface import (
    make_table,
    missing,
    section,
    sentence,
    without_one,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 150
MOST = 300


def build(source: ReportSource, words: Words) -> Section:
    """One row per assumption, with its source and grade."""
    if not source.has("assumptions"):
        return section(words, "assumptions", missing(words, "no_assumptions"))
    table = make_table(
        words, "assumptions", source.table("assumptions"),
        [
            (words.column("topic"), lambda row: words.value("topic", row.get("topic"))),
            (words.column("assumption"), sentence("assumption", words)),
            (words.column("value"), lambda row: _value(row, words)),
            (words.column("applies_to"), sentence("applies_to", words)),
            (words.column("source"), sentence("source", words)),
            (words.column("grade"), sentence("grade", words)),
        ],
        "assumptions.csv", most=MOST,
    )  # fmt: skip
    return section(words, "assumptions", Paragraph(words.text("assumptions_note")), table)


def _value(row: dict[str, Any], words: Words) -> str:
    """Value and unit; a figure without dimension stands alone."""
    parts = (_shown(row.get("value")), without_one(row.get("unit")))
    return " ".join(words.sentence(part) for part in parts if part)


def _shown(value: Any) -> str:
    """A value as the table of assumptions has it: text or figure."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return str(value or "")
