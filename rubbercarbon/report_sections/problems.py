"""Rows that were refused or are doubtful, and what to do."""

from __future__ import annotations

from typing import Any

from rubbercarbon.anonymity import WITHHELD
from rubbercarbon.report_blocks import Paragraph, Section, Table
from rubbercarbon.report_sections.interface import (
    figure_of,
    make_table,
    missing,
    section,
    text,
)
from rubbercarbon.report_source import BATCH, ReportSource
from rubbercarbon.report_words import Words, number

PLACE = 160
RANK = {"error": 0, "warning": 1, "note": 2}
MOST = 100


def build(source: ReportSource, words: Words) -> Section:
    """Errors first."""
    problems = source.table("problems")
    counted = _counted(source, words) if source.batch else None
    if problems.empty:
        return section(words, "problems", counted or missing(words, "no_problems"))
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
    hidden = problems["message"].astype(str).str.contains(WITHHELD, regex=False).any()
    note = Paragraph(words.text("withheld_note"), "note") if hidden else None
    return section(words, "problems", counted, note, table)


def _counted(source: ReportSource, words: Words) -> Table:
    """Kinds of problems with their rows; a batch keeps the rows themselves in Parquet."""
    counts = source.table(BATCH)
    ordered = counts.assign(rank=counts["severity"].map(RANK).fillna(3))
    return make_table(
        words, "problem-counts", ordered.sort_values(["rank", "code"], kind="stable"),
        [
            (words.column("severity"), lambda row: words.value("severity", row.get("severity"))),
            (words.column("problem"), lambda row: words.problem(str(row["code"]))),
            (words.column("rows", 0), figure_of("n_rows")),
        ],
        "problem_counts.csv, problems/*.parquet", most=MOST,
    )  # fmt: skip


def _where(row: dict[str, Any]) -> str:
    """File, sheet and row."""
    file, sheet, line = (
        str(row.get("file") or ""),
        str(row.get("sheet") or ""),
        number(row.get("row")),
    )
    where = f"{file} [{sheet}]" if sheet else file
    return where if line is None else f"{where}: {line:.0f}"
