"""Which programme, methodology and period; the status of each."""

from __future__ import annotations

from rubbercarbon.report_blocks import Paragraph, Section
from rubbercarbon.report_findings import capped, findings, has_credits, reason_detail
from rubbercarbon.report_sections.interface import (
    MOST_ROWS,
    figure_of,
    make_table,
    programme_title,
    section,
    text,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 20


def build(source: ReportSource, words: Words) -> Section:
    """One row per programme; without one, that a stock is a statement."""
    if not source.has("programmes"):
        key = "header_comparison" if source.has("summary") else "header_none"
        key = "header_portfolio" if has_credits(source) else key
        return section(words, "header", Paragraph(words.text(key)))
    found = findings(source, words)
    table = make_table(
        words, "header", source.table("programmes"),
        [
            (words.column("programme"),
             lambda row: f"{programme_title(row, words)} ({row['programme']})"),
            (words.column("version"), lambda row: words.or_unknown(row.get("version"))),
            (words.column("text_status"), lambda row: words.value("text", row.get("text_status"))),
            (words.column("status"),
             lambda row: words.value("status", capped(row["status"], found))),
            (words.column("from"), lambda row: words.date(row.get("period_from"))),
            (words.column("to"), lambda row: words.date(row.get("period_to"))),
            (words.column("years", 1), figure_of("years")),
        ],
        "programmes.csv",
    )  # fmt: skip
    reasons = None
    if source.has("status_reasons"):
        reasons = make_table(
            words, "reasons", source.table("status_reasons"),
            [
                (words.column("programme", code=True), text("programme")),
                (words.column("reason"), lambda row: words.value("reason", row.get("code"))),
                (words.column("detail"),
                 lambda row: reason_detail(str(row["code"]), row["detail"], words)),
            ],
            "status_reasons.csv", most=2 * MOST_ROWS,
        )  # fmt: skip
    return section(words, "header", table, reasons)
