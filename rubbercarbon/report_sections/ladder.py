"""From the gross change to the net figure: named lines that add up."""

from __future__ import annotations

import pandas as pd

from rubbercarbon import report_figures
from rubbercarbon.report_blocks import Figure, Paragraph, Section, Table
from rubbercarbon.report_findings import has_credits
from rubbercarbon.report_sections.interface import figure_of, make_table, missing, section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number

PLACE = 110


def build(source: ReportSource, words: Words) -> Section | None:
    """One table and one drawing per programme."""
    if not source.has("ladder"):
        return None if source.has("summary") or has_credits(source) else section(
            words, "ladder", missing(words, "no_ladder"))  # fmt: skip
    ladder = source.table("ladder")
    blocks: list[Table | Figure | Paragraph] = [Paragraph(words.text("ladder_note"))]
    for count, (programme, rows) in enumerate(ladder.groupby("programme", sort=False), start=1):
        ordered = rows.sort_values("order", kind="stable") if "order" in rows else rows
        blocks += _one(str(programme), ordered, words, count)
    return section(words, "ladder", *blocks)


def _one(programme: str, rows: pd.DataFrame, words: Words, count: int) -> list[Table | Figure]:
    table = make_table(
        words, "ladder", rows,
        [
            (words.column("line"), lambda row: words.value("line", row.get("line"))),
            (words.column("t_co2e", 1), figure_of("value_t_co2e")),
            (words.column("undiscounted", 1), figure_of("undiscounted_t_co2e")),
            (words.column("note"),
             lambda row: words.value("note", row["note"]) if row.get("note") else None),
        ],
        "ladder.csv", programme=programme,
    )  # fmt: skip
    key = f"ladder-{count}"
    table = Table(key, table.caption, table.columns, table.rows, table.note)
    known = [
        (str(row["line"]), str(row.get("kind")) == "sum", number(row["value_t_co2e"]) or 0.0)
        for _, row in rows.iterrows()
    ]
    drawn = [one for one in known if one[1] or one[2] != 0.0]
    if len(drawn) < 2:
        return [table]
    sums = {i for i, (_, total, _) in enumerate(drawn) if total}
    names = [words.value("line", line) for line, _, _ in drawn]
    values = [value for _, _, value in drawn]
    svg = report_figures.waterfall(f"figure-ladder-{count}", names, values, sums,
                                   words.text("axis_t_co2e"))  # fmt: skip
    alt = words.text("alt_ladder", first=names[0], start=words.amount(values[0]), last=names[-1],
                     end=words.amount(values[-1]))  # fmt: skip
    caption = words.text("figure_ladder", programme=programme)
    return [table, Figure(f"figure-ladder-{count}", caption, alt, svg, key)]
