"""Every default and rule that was used."""

from __future__ import annotations

import math
from typing import Any

from rubbercarbon.report_blocks import Paragraph, Section
from rubbercarbon.report_sections.interface import make_table, missing, section, text
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
            (words.column("assumption"), text("assumption")),
            (words.column("value"), _value),
            (words.column("applies_to"), text("applies_to")),
            (words.column("source"), text("source")),
            (words.column("grade"), text("grade")),
        ],
        "assumptions.csv", most=MOST,
    )  # fmt: skip
    return section(words, "assumptions", Paragraph(words.text("assumptions_note")), table)


def _value(row: dict[str, Any]) -> str:
    return " ".join(part for part in (_shown(row.get("value")), str(row.get("unit") or "")) if part)


def _shown(value: Any) -> str:
    """A value as the table of assumptions has it: text or figure."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return str(value or "")
