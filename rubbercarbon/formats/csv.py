"""CSV and other delimited text: UTF-8 or cp874 (TIS-620), comma, semicolon or tab."""

from __future__ import annotations

import codecs
import csv
import re
import warnings
from pathlib import Path

import pandas as pd

from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import (
    LEAST_SCORE,
    ROWS_BEFORE_HEADING,
    RawTable,
    headed,
    points,
    unreadable,
)
from rubbercarbon.messages import failure

SUFFIXES = (".csv", ".tsv", ".txt")
ENCODINGS = ("utf-8-sig", "cp874")
LONGEST_LINE = 200_000  # letters
DELIMITERS = (",", ";", "\t")
TOP = 20_000  # letters in which the heading is looked for
BLOCK = 1 << 20
_LINE_ENDS = re.compile(rb"[\r\n]")


def read(path: Path) -> list[RawTable]:
    """Read a delimited text file; every cell stays text.

    Raises
    ------
    InventoryError
        When the text cannot be decoded or is not a table.
    """
    encoding = _encoding(path)
    longest = _longest_line(path, encoding)
    if longest > LONGEST_LINE:
        raise unreadable(path.name, "why_long_line", letters=f"{longest:,}")
    with path.open("rb") as stream:
        begin = codecs.getincrementaldecoder(encoding)().decode(stream.read(4 * TOP))
    top = begin[:TOP].splitlines()[:ROWS_BEFORE_HEADING]
    delimiter = max(DELIMITERS, key=top[0].count) if top else ","
    if top and not _is_heading(top[0], delimiter):
        delimiter = max(DELIMITERS, key=lambda sign: max(map(str.count, top, [sign] * len(top))))
        found = _below_titles(path, encoding, delimiter)
        if found is not None:
            return [found]
    return [_table(path, encoding, delimiter)]


def read_plain(path: Path) -> pd.DataFrame:
    """A table that this library wrote: its heading is the first line."""
    return _table(path, _encoding(path), ",").frame


def _table(path: Path, encoding: str, delimiter: str) -> RawTable:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=delimiter,
                dtype=str,
                encoding=encoding,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning):
        return _read_ragged(path, encoding, delimiter)
    except (pd.errors.EmptyDataError, ValueError) as error:
        why = str(error).strip()
        raise failure(InventoryError, "no_table", file=path.name, why=why) from error
    return RawTable(_undo_guard(frame), path.name, "", 2)


def _is_heading(line: str, delimiter: str) -> bool:
    cells = [cell.strip(' "') for cell in line.split(delimiter)]
    return points(cells) >= LEAST_SCORE


def _below_titles(path: Path, encoding: str, delimiter: str) -> RawTable | None:
    """A table whose heading is not in the first line; None where no heading is found below."""
    try:
        with path.open(encoding=encoding, newline="") as stream:
            rows = list(csv.reader(stream, delimiter=delimiter))
    except csv.Error:
        return None
    cells: list[list[str | None]] = [[cell or None for cell in row] for row in rows]
    table = headed(cells, path.name, "")
    if table is None or points([str(name) for name in table.frame.columns]) < LEAST_SCORE:
        return None
    return RawTable(
        _undo_guard(table.frame.fillna("").astype(str)), table.file, "", table.first_row,
        heading_rows=table.heading_rows, titles=table.titles,
    )  # fmt: skip


def _read_ragged(path: Path, encoding: str, delimiter: str) -> RawTable:
    """A table with rows of unequal length: the rest of a long row is cut off and said."""
    try:
        with path.open(encoding=encoding, newline="") as stream:
            rows = list(csv.reader(stream, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise failure(InventoryError, "no_table", file=path.name, why=str(error)) from error
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


def _encoding(path: Path) -> str:
    """The first encoding that the whole text is in; read in blocks."""
    for encoding in ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as stream:
                while block := stream.read(BLOCK):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise failure(InventoryError, "no_encoding", file=path.name)


def _longest_line(path: Path, encoding: str) -> int:
    """Letters of the longest line; bytes, which are no fewer, as long as these are few enough."""
    longest = open_end = 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            lengths = list(map(len, _LINE_ENDS.split(block)))
            lengths[0] += open_end
            longest, open_end = max(longest, *lengths), lengths[-1]
    if longest <= LONGEST_LINE:
        return longest
    with path.open(encoding=encoding) as text:
        return max(map(len, text.read().splitlines()), default=0)
