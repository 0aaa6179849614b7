"""Rows that were refused or are doubtful, and what to do."""

from __future__ import annotations

from typing import Any

from rubbercarbon.report_blocks import Section
from rubbercarbon.report_sections.interface import make_table, missing, section, text
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number

PLACE = 160
RANK = {"error": 0, "warning": 1, "note": 2}
MOST = 100


def build(source: ReportSource, words: Words) -> Section:
    """Errors first."""
    problems = source.table("problems")
    if problems.empty:
        return section(words, "problems", missing(words, "no_problems"))
    ordered = problems.assign(rank=problems["severity"].map(RANK).fillna(3))
    table = make_table(
        words, "problems", ordered.sort_values("rank", kind="stable"),
        [
            (words.column("where"), _where),
            (words.column("severity"), lambda row: words.value("severity", row.get("severity"))),
            (words.column("problem"), text("message")),
            (words.column("advice"), text("suggestion")),
        ],
        "problems.csv", most=MOST,
    )  # fmt: skip
    return section(words, "problems", table)


def _where(row: dict[str, Any]) -> str:
    """File, sheet and row."""
    file, sheet, line = (
        str(row.get("file") or ""),
        str(row.get("sheet") or ""),
        number(row.get("row")),
    )
    where = f"{file} [{sheet}]" if sheet else file
    return where if line is None else f"{where}: {line:.0f}"
