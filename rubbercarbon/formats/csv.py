"""CSV and other delimited text: UTF-8 or cp874 (TIS-620), comma, semicolon or tab."""

from __future__ import annotations

import csv
import io
import warnings
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
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(content),
                sep=delimiter,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning):
        return _read_ragged(content, delimiter, path)
    except (pd.errors.EmptyDataError, ValueError) as error:
        raise InventoryError(
            f"file '{path.name}' is not a table: {str(error).strip()}. "
            "Save it again as CSV with one heading row and the same number of cells in each row."
        ) from error
    return RawTable(_undo_guard(frame), path.name, "", 2)


def _read_ragged(content: str, delimiter: str, path: Path) -> RawTable:
    """A table with rows of unequal length: the rest of a long row is cut off and said."""
    try:
        rows = list(csv.reader(io.StringIO(content), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InventoryError(
            f"file '{path.name}' is not a table: {error}. Save it again as CSV."
        ) from error
    width = len(rows[0])
    ragged = {number: len(row) for number, row in enumerate(rows[1:], start=2) if len(row) > width}
    filled = [(row + [""] * width)[:width] for row in rows[1:]]
    frame = pd.DataFrame(filled, columns=rows[0], dtype=str)
    return RawTable(_undo_guard(frame), path.name, "", 2, ragged)


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
