"""What a file format is, and how a file finds its own.

A format module has ``SUFFIXES`` (lower case, with the dot) and ``read(path)``, which returns
tables. A dialect module instead has ``convert(tables)``: the layout of a program that exports
tables, turned into our columns; None where the tables are not of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from rubbercarbon import registry
from rubbercarbon.columns import PLOT_COLUMNS, SITE_COLUMNS, TREE_COLUMNS
from rubbercarbon.errors import InventoryError
from rubbercarbon.headings import score
from rubbercarbon.messages import Words, failure
from rubbercarbon.problems import Problems

if TYPE_CHECKING:
    import pandas as pd

ROWS_BEFORE_HEADING = 15
LEAST_SCORE = 2


@dataclass(frozen=True)
class RawTable:
    """A table as read, before any meaning is given to it.

    Attributes
    ----------
    frame : pandas.DataFrame
        Headings as written; cells as text or numbers.
    file, sheet : str
        Where it came from, without the path.
    first_row : int
        Row number of the first record as a spreadsheet would show it.
    ragged : dict
        Row number → number of cells, of rows with more cells than the heading.
    dialect : str
        Name of the layout it was converted from, or empty.
    heading_rows : int
        Rows that the heading takes.
    places : tuple of int
        Column of the file of each column of the frame; empty where they are the same.
    titles : tuple of str
        Texts that stand alone in a row above the heading.
    errors_known : bool
        False where cells with errors (``#DIV/0!``) cannot be told from empty ones.
    """

    frame: pd.DataFrame
    file: str
    sheet: str
    first_row: int
    ragged: dict[int, int] = field(default_factory=dict)
    dialect: str = ""
    heading_rows: int = 1
    places: tuple[int, ...] = ()
    titles: tuple[str, ...] = ()
    errors_known: bool = True

    def column_place(self, number: int) -> int:
        """Column of the file, counted from 0, of a column of the frame."""
        return self.places[number] if number < len(self.places) else number


class Format(Protocol):
    """A format module."""

    SUFFIXES: tuple[str, ...]

    def read(self, path: Path) -> list[RawTable]:
        """Read one file."""


class Dialect(Protocol):
    """A dialect module."""

    def convert(self, tables: list[RawTable]) -> list[RawTable] | None:
        """Tables in our columns, or None."""


def read_tables(path: Path) -> list[RawTable]:
    """Read the tables of a file by the format that its suffix names.

    Raises
    ------
    InventoryError
        For a file that is missing, empty or of an unknown format.
    """
    if path.is_dir():
        raise failure(InventoryError, "file_is_folder", file=path)
    if not path.is_file():
        raise failure(InventoryError, "file_missing", file=path)
    if path.stat().st_size == 0:
        raise failure(InventoryError, "file_empty", file=path.name)
    suffixes: list[str] = []
    for name in registry.names("formats"):
        module = registry.load("formats", name)
        if not hasattr(module, "SUFFIXES"):
            continue
        reader = cast("Format", module)
        if path.suffix.lower() in reader.SUFFIXES:
            return reader.read(path)
        suffixes += reader.SUFFIXES
    raise failure(
        InventoryError, "suffix_unknown", file=path.name, suffix=path.suffix,
        allowed=", ".join(sorted(suffixes)),
    )  # fmt: skip


def converted(tables: list[RawTable]) -> list[RawTable]:
    """Tables of a known program in our columns; others as they are."""
    for name in registry.names("formats"):
        module = registry.load("formats", name)
        if hasattr(module, "convert"):
            found = cast("Dialect", module).convert(tables)
            if found is not None:
                return found
    return tables


def unreadable(file: str, key: str, **values: object) -> InventoryError:
    """An error with one problem, for a file of which nothing can be read; why, by its key."""
    problems, why = Problems(), Words("failures", key, values)
    problems.add("file_unreadable", file=file, value=file, why=why)
    return failure(InventoryError, "file_unreadable", problems, file=file, why=why)


def headed(rows: Sequence[Sequence[Any]], file: str, sheet: str) -> RawTable | None:
    """Find the heading among the first rows of a sheet; None where there is no table.

    Headings of two rows (merged cells above, parts below) are put together; titles above are left
    out.
    """
    import pandas as pd  # noqa: PLC0415

    width = max((len(row) for row in rows), default=0)
    if not width or not any(any(cell is not None for cell in row) for row in rows):
        return None
    filled = [[*row, *[None] * (width - len(row))] for row in rows]
    start, count, headings = _heading(filled)
    body = filled[start + count :]
    if not body:
        return None
    keep = [i for i in range(width) if headings[i] or any(row[i] is not None for row in body)]
    names = _distinct([headings[i] for i in keep])
    frame = pd.DataFrame([[row[i] for i in keep] for row in body], columns=names, dtype=object)
    alone = [[_word(cell) for cell in row if cell is not None] for row in filled[:start]]
    titles = tuple(texts[0] for texts in alone if len(texts) == 1)
    return RawTable(
        frame, file, sheet, start + count + 1, heading_rows=count, places=tuple(keep),
        titles=titles,
    )  # fmt: skip


def points(texts: Sequence[object]) -> int:
    """How many columns of trees, of plots or of sites a row of cells names."""
    kinds = (("trees", TREE_COLUMNS), ("plots", PLOT_COLUMNS), ("sites", SITE_COLUMNS))
    return max(score(texts, kind, columns) for kind, columns in kinds)


def _heading(rows: list[list[Any]]) -> tuple[int, int, list[str]]:
    """First row of the heading, number of its rows, and its texts."""
    best = (LEAST_SCORE - 1, 0, 1, [_word(cell) for cell in rows[0]])
    for start in range(min(ROWS_BEFORE_HEADING, len(rows))):
        single = [_word(cell) for cell in rows[start]]
        options = [(1, single)]
        below = rows[start + 1] if start + 1 < len(rows) else []
        if below and sum(map(bool, single)) > 1 and not any(map(_is_number, below)):
            options.append((2, _two(single, [_word(cell) for cell in rows[start + 1]])))
        for count, texts in options:
            found = points(texts)
            if found > best[0]:
                best = (found, start, count, texts)
    if best[0] < LEAST_SCORE:
        first = next(i for i, row in enumerate(rows) if any(cell is not None for cell in row))
        return first, 1, [_word(cell) for cell in rows[first]]
    return best[1], best[2], best[3]


def _two(upper: list[str], lower: list[str]) -> list[str]:
    """Texts of a heading of two rows: the lower one, else the (merged) upper one."""
    texts, above = [], ""
    for over, under in zip(upper, lower, strict=True):
        above = over or above
        if not under:
            texts.append(over)
        else:
            alone = score([under], "trees", TREE_COLUMNS) or score([under], "plots", PLOT_COLUMNS)
            texts.append(under if alone else f"{above} ({under})" if above else under)
    return texts


def _is_number(cell: Any) -> bool:
    """Whether a cell holds a number, in digits of any script: then its row is no heading."""
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def _word(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _distinct(names: list[str]) -> list[str]:
    """Headings with numbers behind those that repeat, and names for those without."""
    seen: dict[str, int] = {}
    out = []
    for i, name in enumerate(names):
        text = name or f"column {i + 1}"
        seen[text] = seen.get(text, 0) + 1
        out.append(text if seen[text] == 1 else f"{text} ({seen[text]})")
    return out
