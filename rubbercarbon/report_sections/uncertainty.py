"""What the doubt about the carbon stock comes from."""

from __future__ import annotations

import pandas as pd

from rubbercarbon import messages, report_figures
from rubbercarbon.report_blocks import Figure, Paragraph, Section
from rubbercarbon.report_sections.interface import figure_of, make_table, missing, section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 140
TERMS_DRAWN = 10


def build(source: ReportSource, words: Words) -> Section | None:
    """Shares of the variance of the total, largest first."""
    shares = source.table("attribution")
    if shares.empty:
        return None if source.has("summary") else section(
            words, "uncertainty", missing(words, "no_attribution"))  # fmt: skip
    whole = shares[(shares["site_id"] == "ALL") & (shares["quantity"] == "carbon")]
    whole = whole.sort_values(["share", "term"], ascending=[False, True])
    if whole.empty:
        return section(words, "uncertainty", missing(words, "no_attribution"))
    table = make_table(
        words, "attribution", whole,
        [
            (words.column("term"), lambda row: term(str(row["term"]), words)),
            (words.column("share", 1), figure_of("share", 100.0)),
        ],
        "attribution.csv: ALL, carbon",
    )  # fmt: skip
    return section(words, "uncertainty", Paragraph(words.text("uncertainty_note")), table,
                   _drawing(whole, words))  # fmt: skip


def term(code: str, words: Words) -> str:
    """The name of an error; the code where no name is known."""
    if code in messages.keys("terms", words.language):
        return messages.text("terms", code, words.language)
    return code.replace("_", " ")


def _drawing(whole: pd.DataFrame, words: Words) -> Figure:
    shown = whole.head(TERMS_DRAWN)
    names = [term(code, words) for code in shown["term"].astype(str)]
    values = [100.0 * share for share in shown["share"]]
    svg = report_figures.bars("figure-attribution", names, [report_figures.Bars("", values)],
                              words.text("axis_share"))  # fmt: skip
    alt = words.text("alt_attribution", first=names[0], share=f"{values[0]:.0f}")
    return Figure("figure-attribution", words.text("figure_attribution"), alt, svg, "attribution")
