"""Delimited text as a batch reads it: by blocks, all cells as text, every line accounted for."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
from numpy.typing import NDArray

from rubbercarbon.errors import UnreadableFile
from rubbercarbon.formats.csv import DELIMITERS, ENCODINGS
from rubbercarbon.messages import failure

Ints = NDArray[np.int64]
CSV_BYTES = 1 << 24
SAMPLE = 1 << 16
CHUNK = 1 << 20
FIRST_ROW = 2  # the heading is row 1
MOST_LISTED = 1000  # lines of one part
MOST_BAD = 100_000  # lines of a file; with more, its heading or delimiter is not that of its rows
LONGEST_TOLD = 200  # letters of a line


class BadLine(NamedTuple):
    """A line with another number of cells than the heading."""

    row: int
    cells: int
    heading: int
    text: str


@dataclass
class Skipped:
    """Lines of which no row was made.

    Attributes
    ----------
    lines : list of BadLine
        The first `MOST_LISTED`.
    more : list of int
        First row of all others, and their number; empty where there are none.
    blank : list of int
        First row and number of the rows without any value.
    """

    lines: list[BadLine] = field(default_factory=list)
    more: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)

    def add(self, line: BadLine) -> None:
        """Take one more line."""
        if len(self.lines) < MOST_LISTED:
            self.lines.append(line)
        else:
            self.more = _counted(self.more, line.row, 1)

    def add_blank(self, rows: Ints) -> None:
        """Take rows that are empty."""
        if len(rows):
            self.blank = _counted(self.blank, int(rows[0]), len(rows))


def _counted(known: list[int], row: int, number: int) -> list[int]:
    return [known[0], known[1] + number] if known else [row, number]


@dataclass(frozen=True)
class Form:
    """How a text file is written."""

    encoding: str
    delimiter: str
    headings: list[str]


class _Lines:
    """A stream that counts the line ends that go through it."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.stream.read(size)
        self.count += data.count(b"\n")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def form_of(stream: Any) -> Form:
    """Encoding, delimiter and headings.

    Raises
    ------
    UnreadableFile
    """
    sample = stream.read(SAMPLE)
    encoding = _encoding(sample, stream)
    text = sample[: sample.rfind(b"\n") + 1 or None].decode(encoding, errors="replace")
    lines = text.splitlines()
    if not lines:
        raise failure(UnreadableFile, "batch_empty")
    delimiter = max(DELIMITERS, key=lines[0].count)
    headings = [cell.strip() for cell in next(csv.reader([lines[0]], delimiter=delimiter), [])]
    return Form("utf-8" if encoding == "utf-8-sig" else encoding, delimiter, headings)


def _encoding(sample: bytes, stream: Any) -> str:
    """The first encoding that the text is in, judged by the first letters that are not ASCII."""
    before = b""
    while sample.isascii():
        before, sample = sample, stream.read(CHUNK)
        if not sample:
            return ENCODINGS[0]
    for encoding in ENCODINGS:
        try:
            text = before[-8:] + sample
            text[: text.rfind(b"\n") + 1 or None].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise failure(UnreadableFile, "batch_encoding")


def read_lines(
    stream: Any, form: Form, names: dict[str, str], bounds: tuple[int, int], skipped: Skipped | None
) -> Iterator[tuple[Any, Ints]]:
    """Tables of the sound lines, with the numbers of their rows.

    Parameters
    ----------
    stream : file
        At its beginning.
    form : Form
    names : dict
        Heading → canonical column, of the columns wanted.
    bounds : tuple of int
        First sound line and the one after the last; -1: the end.
    skipped : Skipped or None
        Takes the lines between that are not sound.

    Raises
    ------
    UnreadableFile
        For a quotation mark that is not closed: what stands behind it is one cell then.
    pyarrow.ArrowException
    """
    bad: list[BadLine] = []
    first, last = bounds
    counted = _Lines(stream)
    at, told = 0, 0
    try:
        for batch in _open(counted, form, names, bad):
            if at >= last >= 0 and len(batch):
                return
            table = pa.table(batch).rename_columns(list(names.values()))
            places = _places(bad)
            low = max(first - at, 0)
            high = len(batch) if last < 0 else min(last - at, len(batch))
            told = _tell(bad, places, (first, last, at + len(batch)), told, skipped)
            if high > low:
                yield table.slice(low, high - low), _numbers(places, at + low, at + high)
            at += len(batch)
    except pa.ArrowInvalid as error:
        if len(bad) > MOST_BAD:
            raise failure(
                UnreadableFile, "batch_many_bad", most=f"{MOST_BAD:,}", line=f"{bad[0].row:,}",
                cells=bad[0].cells, heading=bad[0].heading,
            ) from error  # fmt: skip
        _check_quotes(stream, form)
        raise
    if counted.count > at + len(bad) + 1:
        _check_quotes(stream, form)
    _tell(bad, _places(bad), (first, at + 1 if last in {-1, at} else last, at + 1), told, skipped)


def _open(stream: Any, form: Form, names: dict[str, str], bad: list[BadLine]) -> Any:
    def skip(line: Any) -> str:
        text = line.text[:LONGEST_TOLD]
        bad.append(BadLine(line.number, line.actual_columns, line.expected_columns, text))
        return "skip" if len(bad) <= MOST_BAD else "error"

    kind = pa.dictionary(pa.int32(), pa.string())
    return pv.open_csv(
        stream,
        # one thread: only so does the reader say which line it means
        pv.ReadOptions(block_size=CSV_BYTES, encoding=form.encoding, use_threads=False),
        pv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=True, ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        pv.ConvertOptions(
            column_types=dict.fromkeys(names, kind), include_columns=list(names),
            strings_can_be_null=True, null_values=[""],
        ),
    )  # fmt: skip


def _places(bad: list[BadLine]) -> Ints:
    """Number of sound lines before each bad one."""
    rows = np.array([line.row for line in bad], dtype=np.int64)
    places: Ints = rows - FIRST_ROW - np.arange(len(bad))
    return places


def _numbers(places: Ints, first: int, last: int) -> Ints:
    """Rows of sound lines, bad ones counted with."""
    lines = np.arange(first, last)
    numbers: Ints = lines + FIRST_ROW + np.searchsorted(places, lines, side="right")
    return numbers


def _tell(
    bad: list[BadLine], places: Ints, bounds: tuple[int, int, int], told: int,
    skipped: Skipped | None,
) -> int:  # fmt: skip
    """Put down the bad lines before sound line ``at`` that lie within bounds; how many are done."""
    first, last, at = bounds
    if skipped is None:
        return len(bad)
    while told < len(bad) and places[told] < at:
        if first <= places[told] and (last < 0 or places[told] < last):
            skipped.add(bad[told])
        told += 1
    return told


def _check_quotes(stream: Any, form: Form) -> None:
    """Raise where a quotation mark is not closed, so that other lines are taken into its cell.

    Raises
    ------
    UnreadableFile
    """
    stream.seek(0)
    text = io.TextIOWrapper(stream, form.encoding, errors="replace", newline="")
    reader = csv.reader(text, delimiter=form.delimiter, strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error as error:
        raise failure(UnreadableFile, "batch_quote", line=f"{line:,}") from error
    finally:
        text.detach()
