"""Where the list of trees is, and how its rows reconcile."""

from __future__ import annotations

from rubbercarbon.censuses import APART, DEAD, NEW, SURVIVOR
from rubbercarbon.report_blocks import Fact, Facts, Paragraph, Section, figure
from rubbercarbon.report_sections.interface import last_row, section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words
from rubbercarbon.row_counts import count_rows

PLACE = 70


def build(source: ReportSource, words: Words) -> Section | None:
    """Rows read, estimated and refused; the list itself is a table for reviewers."""
    if source.batch:
        return _of_batch(source, words)
    if source.has("change_trees"):
        return _of_change(source, words)
    if not source.has("trees"):
        return None
    name = "trees"
    count = count_rows(source.table(name))
    rows = [
        ("rows_read", count.read, f"{name}.csv"),
        ("rows_estimated", count.estimated, f"{name}.csv: flags"),
        ("rows_gone", count.gone, f"{name}.csv: flags"),
        ("rows_not_used", count.refused, "problems.csv"),
    ]
    if count.without_mass:
        rows.append(("rows_without_mass", count.without_mass, f"{name}.csv: flags"))
    facts = Facts(
        tuple(Fact(words.text(key), figure(number, 0), trace) for key, number, trace in rows)
    )
    return section(
        words, "tree_list", facts, Paragraph(words.text("tree_list_note", file=f"{name}.csv"))
    )


def _of_batch(source: ReportSource, words: Words) -> Section:
    """Counts of the whole: a batch keeps plots, not trees."""
    total = last_row(source.table("total"))
    names = (("rows_read", "n_rows"), ("rows_estimated", "n_estimated"),
             ("rows_refused", "n_refused"))  # fmt: skip
    facts = Facts(tuple(
        Fact(words.text(key), words.amount(total.get(name), decimals=0), f"total.csv: ALL, {name}")
        for key, name in names
    ))  # fmt: skip
    return section(words, "tree_list", facts, Paragraph(words.text("tree_list_batch")))


def _of_change(source: ReportSource, words: Words) -> Section:
    """Trees by what became of them between the censuses."""
    fates = source.table("change_trees")["fate"].value_counts()
    names = (("trees_twice", SURVIVOR), ("trees_dead", DEAD), ("trees_new", NEW),
             ("trees_apart", APART))  # fmt: skip
    facts = [
        Fact(words.text(key), figure(int(fates.get(fate, 0)), 0), f"change_trees.csv: {fate}")
        for key, fate in names
    ]
    whole = Fact(words.text("trees_either"), figure(int(fates.sum()), 0), "change_trees.csv")
    return section(
        words, "tree_list", Facts((*facts, whole)), Paragraph(words.text("tree_list_change"))
    )
