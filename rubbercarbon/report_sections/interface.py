"""What a section of a report is.

A module of this folder with ``PLACE``, its place among the others, and ``build(source, words)``,
which returns a `Section`, or None where it has no place in such a report. A table that the run
does not have is said to be missing; nothing is made up for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from rubbercarbon.profiles import get_profile, programmes
from rubbercarbon.report_blocks import Cell, Column, Fact, Facts, Paragraph, Section, Table
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number

Build = Callable[[ReportSource, Words], Section | None]
MOST_ROWS = 60


def make_table(
    words: Words,
    key: str,
    frame: pd.DataFrame,
    columns: Sequence[tuple[Column, Callable[[dict[str, Any]], Cell]]],
    file: str,
    *,
    most: int = MOST_ROWS,
    **values: object,
) -> Table:
    """A table from the rows of a frame, with its caption, its source and how many were left out.

    Parameters
    ----------
    words : Words
    key : str
        Its id; its caption is the text ``caption_<key>``.
    frame : pandas.DataFrame
    columns : sequence of (Column, function of a row)
    file : str
        Full table that it was made from.
    most : int
        Rows shown.
    **values
        Fill the caption.

    Returns
    -------
    Table
    """
    records: list[Any] = frame.head(most).to_dict("records")
    rows = tuple(tuple(cell(record) for _, cell in columns) for record in records)
    note = words.text("from_table", file=file)
    if len(frame) > most:
        note += " " + words.text("rows_left", shown=most, rows=len(frame))
    caption = words.text(f"caption_{key.replace('-', '_')}", **values)
    return Table(key, caption, tuple(column for column, _ in columns), rows, note)


def text(name: str) -> Callable[[dict[str, Any]], Cell]:
    """The text of a column."""
    return lambda row: plain(row.get(name))


def sentence(name: str, words: Words) -> Callable[[dict[str, Any]], Cell]:
    """The sentence of a column, in the report's language where it is one of ours."""
    return lambda row: words.sentence(plain(row.get(name)))


def without_one(unit: object) -> str:
    """A unit for reading; nothing for figures without dimension, whose unit is written 1."""
    text = plain(unit)
    return "" if text in {"1", "1.0"} else text


def plain(value: object) -> str:
    """A cell as text; nothing for what is empty."""
    return "" if value is None or value != value else str(value)  # noqa: PLR0124


def figure_of(name: str, factor: float = 1.0) -> Callable[[dict[str, Any]], Cell]:
    """The figure of a column."""

    def cell(row: dict[str, Any]) -> Cell:
        found = number(row.get(name))
        return None if found is None else found * factor

    return cell


def programme_title(row: dict[str, Any], words: Words) -> str:
    """A programme's title in the report's language, where it is one of ours."""
    name = str(row.get("programme", ""))
    if name in programmes():
        title = get_profile(name).title
        return title.th if words.language == "th" else title.en
    return plain(row.get("title")) or name


def design_names(source: ReportSource, words: Words) -> Callable[[object], str]:
    """Names of the designs by id; with the id where two have the same name or one has none."""
    known = source.run.get("settings", {}).get("scenarios") or {}
    titles = {}
    for name, one in known.items():
        title = one.get("title") or {}
        titles[str(name)] = str(title.get(words.language) or title.get("en") or name)
    said = list(titles.values())

    def named(name: object) -> str:
        title = titles.get(str(name), str(name))
        return title if said.count(title) < 2 else f"{title} ({name})"

    return named


def missing(words: Words, key: str, **values: object) -> Paragraph:
    """A sentence that says what is not there."""
    return Paragraph(words.text(key, **values), "note")


def section(words: Words, key: str, *blocks: Any) -> Section:
    """A section with the blocks that are there."""
    return Section(
        f"section-{key}", words.text(f"title_{key}"), tuple(b for b in blocks if b is not None)
    )


def fact_rows(words: Words, trace: str, *rows: tuple[str, str]) -> Facts:
    """Labelled values of one source; labels by key."""
    return Facts(tuple(Fact(words.text(key), value, trace) for key, value in rows))


def last_row(frame: pd.DataFrame) -> dict[str, Any]:
    """The row of the whole; empty where there is none."""
    return {} if frame.empty else {str(k): v for k, v in frame.iloc[-1].to_dict().items()}
