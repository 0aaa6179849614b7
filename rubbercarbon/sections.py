"""Plots that a sheet names in rows of their own, above their trees, and not in a column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from rubbercarbon import distinct
from rubbercarbon.columns import plain_id

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

# the word plot, a number or a short code, and what stands in brackets behind it
PLOT_NAME = re.compile(
    r"((?:แปลงตัวอย่าง|แปลง|plot)\s*(?:ที่|หมายเลข|เลขที่|no\.?)?\s*[:.]?\s*"
    r"(?=[^\s()]*\d|[a-zก-ฮ]\b)[^\s()]{1,12})\s*(?:\(.*\))?",
    re.IGNORECASE,
)
Sections = list[tuple[int, str, str]]  # position of the row (-1: above the heading), text, plot


def plot_named(text: str) -> str:
    """The plot that a text names and does nothing else; empty for any other text.

    Examples
    --------
    >>> plot_named("แปลงที่ ๓ (ยางอายุ 15 ปี)"), plot_named("แปลงสวย"), plot_named("Plot A")
    ('แปลงที่ 3', '', 'Plot A')
    """
    match = PLOT_NAME.fullmatch(plain_id(text))
    return match.group(1) if match else ""


def name_sections(trees: pd.DataFrame, raw: RawTable) -> Sections:
    """Give a table without plots the column, from rows that hold a plot's name and nothing else.

    Parameters
    ----------
    trees : pandas.DataFrame
        Canonical columns, not typed yet; ``plot_id`` is added where plots are found.
    raw : RawTable

    Returns
    -------
    list of tuple
        Position, text and plot of each section; rows before the first have no plot.
    """
    if "plot_id" in trees:
        return []
    filled, where = np.zeros(len(trees), dtype=np.int16), np.full(len(trees), "", dtype=object)
    for name in trees.columns:
        if name in {"row", "pom_m"} or not len(trees):
            continue
        if trees[name].dtype.kind in "biufc":
            filled += trees[name].notna().to_numpy()
            continue
        here = distinct.flags(trees[name], lambda text: bool(text.strip()))
        filled += here
        named = distinct.mapped(trees[name], plot_named)
        where = np.where(named != "", distinct.texts(trees[name]), where)
    found = [
        (int(place), str(where[place]).strip(), plot_named(str(where[place])))
        for place in np.flatnonzero((filled == 1) & (where != ""))
    ]
    titles = [(-1, text, plot_named(text)) for text in raw.titles if plot_named(text)]
    found = titles[-1:] + found
    if found:
        names = np.array(["", *(plot for _, _, plot in found)], dtype=object)
        starts = np.array([place for place, _, _ in found])
        trees["plot_id"] = names[np.searchsorted(starts, np.arange(len(trees)), side="right")]
    return found


def refuse_sections(
    trees: pd.DataFrame, found: Sections, raw: RawTable, problems: Problems
) -> None:
    """Say how each section was read; its own row is no tree."""
    for place, text, plot in found:
        row = None if place < 0 else int(trees["row"].iloc[place])
        problems.add("section_row", file=raw.file, sheet=raw.sheet, row=row, value=text, plot=plot)
    places = [place for place, _, _ in found if place >= 0]
    if places:
        trees.loc[places, "refused"] = "section_row"
