"""What a file format is, and how a file finds its own.

A format module has ``SUFFIXES`` (lower case, with the dot) and ``read(path) -> RawTable``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from rubbercarbon import registry
from rubbercarbon.errors import InventoryError

if TYPE_CHECKING:
    import pandas as pd


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
    """

    frame: pd.DataFrame
    file: str
    sheet: str
    first_row: int
    ragged: dict[int, int] = field(default_factory=dict)


class Format(Protocol):
    """A format module."""

    SUFFIXES: tuple[str, ...]

    def read(self, path: Path) -> RawTable:
        """Read one file."""


def read_table(path: Path) -> RawTable:
    """Read a table file by the format that its suffix names.

    Raises
    ------
    InventoryError
        For a file that is missing, empty or of an unknown format.
    """
    if path.is_dir():
        raise InventoryError(f"'{path}' is a folder; give the name of the file in it.")
    if not path.is_file():
        raise InventoryError(f"file '{path}' does not exist; check the name and the folder.")
    if path.stat().st_size == 0:
        raise InventoryError(
            f"file '{path.name}' is empty; it needs a heading row and one row per tree (or plot)."
        )
    suffixes: list[str] = []
    for name in registry.names("formats"):
        module = cast("Format", registry.load("formats", name))
        if path.suffix.lower() in module.SUFFIXES:
            return module.read(path)
        suffixes += module.SUFFIXES
    raise InventoryError(
        f"file '{path.name}' has the suffix '{path.suffix}', which is not read; "
        f"save it as {', '.join(sorted(suffixes))}."
    )
