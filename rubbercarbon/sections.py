"""Plots that a sheet names in rows of their own, above their trees, and not in a column."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rubbercarbon import distinct
from rubbercarbon.columns import DIAMETERS, LENGTHS, plain_id
from rubbercarbon.headings import is_unit, number_with_unit

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

_PLOT = r"(?:แปลงตัวอย่าง|แปลง|plot)\s*(?:ที่|หมายเลข|เลขที่|no\.?)?\s*[:.]?\s*"
# the word plot, a number or a short code, and what stands in brackets behind it
PLOT_NAME = re.compile(
    rf"({_PLOT}(?=[^\s()]*\d|[a-zก-ฮ]\b)[^\s():;,]{{1,12}}?)[:;,.]?\s*(?:\(.*\))?", re.IGNORECASE
)
# the same with a number, and more words behind it
PLOT_BEGINS = re.compile(
    rf"({_PLOT}(?:[a-zก-ฮ]{{1,2}}[-.]?)?\d[^\s():;,]{{0,8}}?)[:;,.]?(?:[\s(]+(?P<rest>.*))?",
    re.IGNORECASE,
)
PLOT_WORD = re.compile(r"แปลง|plot\b", re.IGNORECASE)
NUMBER = re.compile(r"[-+]?\d[\d.,]*")
MEASURES = {column.name for column in (*DIAMETERS, *LENGTHS)} | {"count", "volume_m3"}
FEWEST = 2  # headings of plots in a sheet before one with more words in its row is believed
BEFORE_TABLE = -1


@dataclass(frozen=True, slots=True)
class Section:
    """A row that names a plot; ``plot`` is empty where it only looks like one."""

    place: int  # position of the row, or BEFORE_TABLE
    text: str
    plot: str


def plot_named(text: str) -> str:
    """The plot that a text names and does nothing else; empty for any other text.

    Examples
    --------
    >>> plot_named("แปลงที่ ๓ (ยางอายุ 15 ปี)"), plot_named("แปลงสวย"), plot_named("Plot A:")
    ('แปลงที่ 3', '', 'Plot A')
    """
    match = PLOT_NAME.fullmatch(plain_id(text))
    return match.group(1) if match else ""


def plot_begun(text: str) -> str:
    """The plot whose number a text begins with, whatever follows; empty for any other text.

    A number that counts something (``แปลง 40 ต้น``) names none, nor does a tree of a plot
    (``แปลง 1 ต้นที่ 2``).

    Examples
    --------
    >>> plot_begun("แปลงที่ 3 เจ้าของ นายดำ"), plot_begun("แปลง 40 ต้น")
    ('แปลงที่ 3', '')
    """
    match = PLOT_BEGINS.fullmatch(plain_id(text))
    first = ((match.group("rest") or "").split() or [""])[0] if match else ""
    other = first and (is_unit(first) or first.startswith(("ต้น", "รวม")))
    return "" if not match or other else match.group(1)


def name_sections(trees: pd.DataFrame, raw: RawTable) -> list[Section]:
    """Plots that rows name above their trees, in a table without a column of plots.

    A plot's name alone in a row is a heading. A row that begins with one, has more words and no
    measure is a heading where the sheet has two or more of them; else it only looks like one, as
    does a row that begins with the word plot and has no number.

    Parameters
    ----------
    trees : pandas.DataFrame
        Canonical columns, not typed yet; the cells of a heading are emptied.
    raw : RawTable

    Returns
    -------
    list of Section
        By position.
    """
    if "plot_id" in trees or not len(trees):
        return []
    likely = [(BEFORE_TABLE, text, [text]) for text in raw.titles if _begins(text)]
    likely += [(place, " | ".join(cells), cells) for place, cells in _likely_rows(trees)]
    strict = [plot_named(cells[0]) if len(cells) == 1 else "" for _, _, cells in likely]
    loose = [plot_named(cells[0]) or plot_begun(cells[0]) for _, _, cells in likely]
    enough = len({plot for plot in loose if plot}) >= FEWEST
    plots = loose if enough else strict
    found = [
        Section(place, text, plot) for (place, text, _), plot in zip(likely, plots, strict=True)
    ]
    titles = [one for one in found if one.place == BEFORE_TABLE and one.plot]
    found = titles[-1:] + [one for one in found if one.place != BEFORE_TABLE]
    places = [one.place for one in found if one.plot and one.place != BEFORE_TABLE]
    for name in trees.columns if places else ():
        if name not in {"row", "pom_m"} and trees[name].dtype.kind not in "biufc":
            trees[name] = trees[name].where(~np.isin(np.arange(len(trees)), places), None)
    return found


def _likely_rows(trees: pd.DataFrame) -> list[tuple[int, list[str]]]:
    """Positions and cells of rows that begin with the word plot and hold no measure."""
    names = [name for name in trees.columns if name not in {"row", "pom_m"}]
    measured, begins, ids = np.zeros((3, len(trees)), dtype=np.bool_)
    for name in names:
        if trees[name].dtype.kind in "biufc":
            measured |= trees[name].notna().to_numpy() & (name in MEASURES)
            continue
        if name in MEASURES:
            measured |= distinct.flags(trees[name], functools.partial(_is_measure, column=name))
        here = distinct.flags(trees[name], _begins)
        begins |= here
        ids |= here & (name == "tree_id")
    one_cell = bool((ids & measured).any())  # trees are called "plot 1-3" here, dead ones too
    found = []
    for place in np.flatnonzero(begins & ~measured):
        row = distinct.texts(trees[names].iloc[int(place)].astype(object))
        cells = [str(text).strip() for text in row if str(text).strip()]
        if _begins(cells[0]) and (len(cells) == 1 or not one_cell):
            found.append((int(place), cells))
    return found


def _begins(text: str) -> bool:
    return bool(PLOT_WORD.match(text.strip()))


def _is_measure(text: str, column: str) -> bool:
    """Whether a cell of a column of measures holds one, perhaps with its unit."""
    return bool(NUMBER.fullmatch(text.strip()) or number_with_unit(text, column))


def put_sections(
    trees: pd.DataFrame, found: list[Section], raw: RawTable, problems: Problems
) -> None:
    """Give the trees the plots of their headings, and say how each was read."""
    known = [one for one in found if one.plot]
    if not known:
        return
    names = np.array(["", *(one.plot for one in known)], dtype=object)
    starts = np.array([one.place for one in known])
    trees["plot_id"] = names[np.searchsorted(starts, np.arange(len(trees)), side="right")]
    for one in found:
        code = "section_row" if one.plot else "section_doubtful"
        row, plot = None, one.plot
        if one.place != BEFORE_TABLE:
            row = int(trees["row"].iloc[one.place])
            plot = plot or str(trees["plot_id"].iloc[one.place])
            if one.plot or not trees["refused"].iloc[one.place]:
                trees.loc[one.place, "refused"] = code
        problems.add(code, file=raw.file, sheet=raw.sheet, row=row, value=one.text, plot=plot)
