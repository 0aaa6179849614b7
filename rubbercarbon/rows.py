"""Rows of a sheet that are no trees: totals, headings that repeat, remarks below the table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rubbercarbon import distinct
from rubbercarbon.headings import is_unit, key

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.formats.interface import RawTable

# codes of rows that are neither trees nor plots
NOT_TREES = ("example_row", "totals_row", "heading_repeated", "unit_row", "text_row", "section_row",
             "section_doubtful")  # fmt: skip
TOTALS = tuple(
    key(word)
    for word in ("รวม", "รวมทั้งหมด", "รวมทั้งสิ้น", "ผลรวม", "ยอดรวม", "เฉลี่ย", "ค่าเฉลี่ย", "total",
                 "totals",
                 "grand total", "subtotal", "sum", "average", "mean", "jumlah", "rata rata")
)  # fmt: skip
TOTAL_OF = re.compile(r"(\D+?)\s*[:=]?\s*\d+(?:[.,]\d+)*\s*([^\d\s]*)")  # รวม 10 ต้น
EXAMPLES = ("ตัวอย่าง", "example")
LONG_TEXT = 12  # letters of a remark; names of plots and trees are shorter
UNIT_ROWS = 3  # first rows that may hold units
SIGNATURE = re.compile(
    r"ลงชื่อ|ผู้สำรวจ|ผู้บันทึก|ผู้ตรวจ|ผู้วัด|หมายเหตุ|ที่มา|วันที่|signed|signature|surveyed by|remarks?\b|notes?\b",
    re.IGNORECASE,
)
MOST_SIGNED = 4  # cells of a row of signatures
NEEDED = ("species", "tree_id", "plot_id")


def not_trees(frame: pd.DataFrame, raw: RawTable) -> Iterator[tuple[int, str, str]]:
    """Position, code and text of rows that hold totals or the heading again."""
    texts = [
        name
        for name in frame.columns
        if frame[name].dtype.kind not in "biufc" and name not in {"row", "refused"}
    ]
    names = [name for name in NEEDED if name in texts]
    if not names:
        return
    suspicious = np.zeros(len(frame), dtype=np.bool_)
    for name in names:
        suspicious |= distinct.flags(frame[name], is_total)
    for position in np.flatnonzero(suspicious):
        words = [text for text in _cells(frame, position, names) if is_total(text)]
        yield int(position), "totals_row", words[0]
    for name in names:
        examples = distinct.flags(frame[name], lambda text: text.casefold().startswith(EXAMPLES))
        for position in np.flatnonzero(examples & ~suspicious):
            suspicious[position] = True
            yield int(position), "example_row", str(frame[name].iloc[position])
    known = {key(heading) for heading in raw.frame.columns} - {""}
    again = distinct.flags(frame[names[0]], lambda text: key(text) in known)
    for position in np.flatnonzero(again & ~suspicious):
        row = [key(text) for text in _cells(frame, position, texts) if text]
        if len(row) > 1 and set(row) <= known:
            suspicious[position] = True
            yield int(position), "heading_repeated", str(frame[names[0]].iloc[position])
    for line, text in _remarks(frame, texts):
        if not suspicious[line]:
            suspicious[line] = True
            yield line, "text_row", text
    for place in range(min(UNIT_ROWS, len(frame))):
        row = [text for text in _cells(frame, place, texts) if text]
        if not suspicious[place] and row and all(is_unit(text.strip("() ")) for text in row):
            yield place, "unit_row", row[0]


def _cells(frame: pd.DataFrame, position: int | np.intp, names: list[str]) -> list[str]:
    """Texts of a row; empty where a cell is missing."""
    row = frame[names].iloc[int(position)].astype(object)
    return [str(text) for text in distinct.texts(row)]


def _remarks(frame: pd.DataFrame, texts: list[str]) -> Iterator[tuple[int, str]]:
    """Rows with one text and nothing else: remarks, signatures, titles of sections."""
    # a height of the tape may come from the heading alone
    apart = {"row", "refused", "pom_m", *texts}
    filled = np.zeros(len(frame), dtype=np.int16)
    for name in frame.columns:
        if name in texts:
            filled += distinct.flags(frame[name], bool)
        elif name not in apart:
            filled += frame[name].notna().to_numpy()
    signed = np.zeros(len(frame), dtype=np.bool_)
    for name in texts:
        signed |= distinct.flags(frame[name], lambda text: bool(SIGNATURE.match(text.strip())))
    for position in np.flatnonzero((filled == 1) | (signed & (filled <= MOST_SIGNED))):
        cells = [(n, t) for n, t in zip(texts, _cells(frame, position, texts), strict=True) if t]
        if not cells or filled[position] != len(cells):
            continue
        column, text = cells[0]
        if signed[position]:
            if not any(_is_number(t) for _, t in cells):
                yield int(position), text
        elif (
            column != "species"
            and any(letter.isalpha() for letter in text)
            and (" " in text.strip() or len(text) >= LONG_TEXT)
        ):
            yield int(position), text


def is_total(text: str) -> bool:
    """Whether a text is a word for a total, perhaps with a figure and its unit."""
    counted = TOTAL_OF.fullmatch(text.strip())
    if counted and (not counted.group(2) or is_unit(counted.group(2))):
        text = counted.group(1)
    return key(text) in TOTALS


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
