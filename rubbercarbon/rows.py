"""Rows of a sheet that are no trees: totals, headings that repeat, remarks below the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rubbercarbon.headings import is_unit, key

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.formats.interface import RawTable

TOTALS = tuple(
    key(word)
    for word in ("รวม", "รวมทั้งหมด", "รวมทั้งสิ้น", "ผลรวม", "ยอดรวม", "เฉลี่ย", "ค่าเฉลี่ย", "total",
                 "totals",
                 "grand total", "subtotal", "sum", "average", "mean", "jumlah", "rata rata")
)  # fmt: skip
EXAMPLES = ("ตัวอย่าง", "example")
LONG_TEXT = 12  # letters of a remark; names of plots and trees are shorter
UNIT_ROWS = 3  # first rows that may hold units
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
    cells = frame[texts].fillna("").astype(str)
    distinct = {text: key(text) for column in names for text in cells[column].unique()}
    suspicious = np.zeros(len(frame), dtype=np.bool_)
    for column in names:
        suspicious |= cells[column].map(lambda text: distinct[text] in TOTALS).to_numpy()
    for position in np.flatnonzero(suspicious):
        words = [text for text in cells.iloc[position][names] if distinct[text] in TOTALS]
        yield int(position), "totals_row", words[0]
    for name in names:
        for position in np.flatnonzero(cells[name].str.casefold().str.startswith(EXAMPLES)):
            if not suspicious[position]:
                suspicious[position] = True
                yield int(position), "example_row", str(cells[name].iloc[position])
    known = {key(heading) for heading in raw.frame.columns}
    again = cells[names[0]].map(lambda text: distinct[text] in known and distinct[text] != "")
    for position in np.flatnonzero(again.to_numpy() & ~suspicious):
        row = [key(text) for text in cells.iloc[position] if text]
        if len(row) > 1 and set(row) <= known:
            suspicious[position] = True
            yield int(position), "heading_repeated", str(cells.iloc[position][names[0]])
    for line, text in _remarks(frame, cells):
        if not suspicious[line]:
            suspicious[line] = True
            yield line, "text_row", text
    for place in range(min(UNIT_ROWS, len(cells))):
        row = [text for text in cells.iloc[place] if text]
        if not suspicious[place] and row and all(is_unit(text.strip("() ")) for text in row):
            yield place, "unit_row", row[0]


def _remarks(frame: pd.DataFrame, cells: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Rows with one text and nothing else: remarks, signatures, titles of sections."""
    # a height of the tape may come from the heading alone
    apart = {"row", "refused", "pom_m", *cells.columns}
    numbers = [name for name in frame.columns if name not in apart]
    filled = (cells != "").sum(axis=1) + frame[numbers].notna().sum(axis=1)
    for position in np.flatnonzero((filled == 1).to_numpy()):
        column, text = next(((n, t) for n, t in cells.iloc[position].items() if t), ("", ""))
        if (
            column != "species"
            and any(letter.isalpha() for letter in text)
            and (" " in text.strip() or len(text) >= LONG_TEXT)
        ):
            yield int(position), text
