"""What a report is made of: the only thing that renderers know.

A report is data: texts, labelled values, tables of plain cells and figures as SVG. How it looks is
the renderer's affair; what it says is that of `report_sections`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Cell = str | float | int | None
NOTHING = "–"
LONGEST = 400
LONGEST_PARAGRAPH = 4000
LONGEST_WORD = 24
# name: colour on white, colour on dark; contrast with the ground is at least 3 to 1
FIGURE_COLOURS = {
    "ink": ("#1c1c1c", "#ececec"),
    "quiet": ("#595959", "#b5b5b5"),
    "rule": ("#d4d4d4", "#4a4a4a"),
    "paper": ("#ffffff", "#17191b"),
    "green": ("#00805d", "#2fbf95"),
    "orange": ("#b35900", "#f0a04b"),
    "blue": ("#0072b2", "#5aaee6"),
    "purple": ("#a3477f", "#dd8fbd"),
    "brown": ("#7a5c3a", "#c2a27c"),
    "grey": ("#6f6f6f", "#a6a6a6"),
}
# controls that reorder or hide text, and what no file format takes
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029"
    "\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Text in which controls that reorder, hide or break it are written out.

    Examples
    --------
    >>> visible("a\u202eb\x00")
    'a[U+202E]b[U+0000]'
    """
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def standing(text: str) -> list[int]:
    """Places of the letters that take width: not of Thai vowels and tones above or below.

    Examples
    --------
    >>> standing("นั้น")
    [0, 3]
    """
    return [i for i, letter in enumerate(text) if unicodedata.category(letter) != "Mn"]


def shortened(text: str, language: str = "en", longest: int = LONGEST) -> str:
    """A very long text cut, with its length said; the workbook and JSON hold it whole."""
    if len(text) <= longest:
        return text
    word = "ตัวอักษร" if language == "th" else "characters"
    return f"{text[:longest]}… [{len(text):,} {word}]"


@dataclass(frozen=True)
class Paragraph:
    """Running text; ``lead`` is the answer, ``warning`` and ``note`` are what to know of it."""

    text: str
    kind: Literal["text", "lead", "warning", "note"] = "text"


@dataclass(frozen=True)
class Fact:
    """One labelled value, and where it comes from (table, row and column, or a source)."""

    label: str
    value: str
    trace: str = ""


@dataclass(frozen=True)
class Facts:
    """Labelled values, one per row."""

    rows: tuple[Fact, ...]


@dataclass(frozen=True)
class Column:
    """Head of a column and how its cells are written."""

    label: str
    kind: Literal["text", "number", "code"] = "text"
    decimals: int = 1


@dataclass(frozen=True)
class Table:
    """A table of plain cells; `note` says which full table it was made from."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A drawing; `table` is the id of the table that holds its numbers.

    Colours in `svg` are ``var(--name)`` with the names of `FIGURE_COLOURS`.
    """

    id: str
    caption: str
    alt: str
    svg: str
    table: str


Block = Paragraph | Facts | Table | Figure


@dataclass(frozen=True)
class Section:
    """A headed part of a report."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    language : str
        ``en`` or ``th``.
    title, subtitle, status : str
        For reading; ``labels`` holds the few words that renderers need.
    sections : tuple of Section
    tables : dict of pandas.DataFrame
        The full tables for reviewers, by name of file.
    record : dict
        The content of ``run.json``.
    labels : dict of str
    """

    language: str
    title: str
    subtitle: str
    status: str
    sections: tuple[Section, ...]
    tables: dict[str, pd.DataFrame]
    record: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)


def shown(cell: Cell, column: Column) -> str:
    """A cell as it is read: thousands apart, a true minus, a dash for nothing.

    Examples
    --------
    >>> shown(-1234.56, Column("t", "number", 1)), shown(None, Column("t"))
    ('−1,234.6', '–')
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or cell == "":
        return NOTHING
    if isinstance(cell, str):
        return cell
    decimals = column.decimals if column.kind == "number" else 0
    return figure(float(cell), decimals)


def figure(value: float | None, decimals: int = 1) -> str:
    """A number as it is read."""
    if value is None or math.isnan(value):
        return NOTHING
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def literal_colours(svg: str) -> str:
    """An SVG with the colours for white paper in place of their names."""

    def paint(tag: re.Match[str]) -> str:
        return re.sub(r"var\(--([a-z]+)\)", lambda found: FIGURE_COLOURS[found[1]][0], tag[0])

    return re.sub(r"<[^>]*>", paint, svg)


def pieces(text: str, longest: int = LONGEST_WORD) -> list[str]:
    """Text cut where long words may break: after an underscore, or every so many letters.

    Thai is left alone: it breaks by its dictionary.

    Examples
    --------
    >>> pieces("harja_2012_pooled of x")
    ['harja_', '2012_', 'pooled of x']
    """
    found: list[str] = []
    for part in re.split(r"(?<=_)(?=\w)", text):
        start = run = 0
        for i, letter in enumerate(part):
            plain = not letter.isspace() and not "\u0e00" <= letter <= "\u0e7f"
            run = (
                run + 1 if plain and not unicodedata.combining(letter) else 0 if not plain else run
            )
            if run > longest:
                found.append(part[start:i])
                start, run = i, 1
        found.append(part[start:])
    return found
