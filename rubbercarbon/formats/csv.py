"""CSV and other delimited text: UTF-8 or cp874 (TIS-620), comma, semicolon or tab."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable

SUFFIXES = (".csv", ".tsv", ".txt")
ENCODINGS = ("utf-8-sig", "cp874")
DELIMITERS = (",", ";", "\t")


def read(path: Path) -> RawTable:
    """Read a delimited text file; every cell stays text.

    Raises
    ------
    InventoryError
        When the text cannot be decoded or is not a table.
    """
    content = _decode(path)
    heading = content.partition("\n")[0]
    delimiter = max(DELIMITERS, key=heading.count)
    try:
        frame = pd.read_csv(
            io.StringIO(content),
            sep=delimiter,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InventoryError(
            f"file '{path.name}' is not a table: {str(error).strip()}. "
            "Save it again as CSV with one heading row and the same number of cells in each row."
        ) from error
    return RawTable(_undo_guard(frame), path.name, "", 2)


def _undo_guard(frame: pd.DataFrame) -> pd.DataFrame:
    """Take away the apostrophe that our writer puts before text a spreadsheet would compute."""
    for column in frame.columns:
        guarded = frame[column].str.match(r"'[=+\-@\t]", na=False)
        if guarded.any():
            frame[column] = frame[column].where(~guarded, frame[column].str[1:])
    return frame


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InventoryError(
        f"file '{path.name}' is neither UTF-8 nor cp874 (TIS-620) text; "
        "save it again as 'CSV UTF-8'."
    )
