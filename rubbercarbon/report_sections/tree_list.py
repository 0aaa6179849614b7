"""Where the list of trees is, and how its rows reconcile."""

from __future__ import annotations

from rubbercarbon.report_blocks import Fact, Facts, Paragraph, Section, figure
from rubbercarbon.report_findings import masses
from rubbercarbon.report_sections.interface import section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 70


def build(source: ReportSource, words: Words) -> Section | None:
    """Rows read, estimated and refused; the list itself is a table for reviewers."""
    name = "trees" if source.has("trees") else "change_trees"
    if not source.has(name):
        return None
    rows, done = len(source.table(name)), len(masses(source))
    facts = Facts((
        Fact(words.text("rows_read"), figure(rows, 0), f"{name}.csv"),
        Fact(words.text("rows_estimated"), figure(done, 0), f"{name}.csv: flags"),
        Fact(words.text("rows_not_estimated"), figure(rows - done, 0), "problems.csv"),
    ))  # fmt: skip
    return section(
        words, "tree_list", facts, Paragraph(words.text("tree_list_note", file=f"{name}.csv"))
    )
