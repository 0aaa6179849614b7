"""Input of batch runs: Parquet files or CSV files, local or at any fsspec address, read only.

A file is read in blocks of whole plots. A plan, made from the plot ids alone, cuts files at plots.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rubbercarbon.batch_codes import coded, texts
from rubbercarbon.batch_table import headings_of
from rubbercarbon.columns import plain_id
from rubbercarbon.errors import InventoryError, SettingsError
from rubbercarbon.formats.csv import DELIMITERS, ENCODINGS

Ints = NDArray[np.int64]
PARQUET, CSV = (".parquet", ".pq"), (".csv", ".tsv", ".txt")
OTHER_TABLES = (".xlsx", ".xlsm", ".xls", ".ods", ".arrow", ".feather", ".gz", ".zip")
BLOCK_ROWS = 1 << 19
READ_ROWS = 1 << 17
CSV_BYTES = 1 << 24
SAMPLE = 1 << 16
CHUNK = 1 << 20
FIRST_ROW = {True: 1, False: 2}  # number of the first row, as files of each kind count
REMOTE = "://"


class UnreadableFile(Exception):
    """A file that cannot be read to its end; the text says why."""


@dataclass(frozen=True)
class Source:
    """Where a batch reads from, and how it takes the columns."""

    address: str
    mapping: tuple[tuple[str, str], ...] = ()
    units: tuple[tuple[str, str], ...] = ()

    @property
    def filesystem(self) -> Any:
        """The address's file system, and its path there."""
        if REMOTE not in self.address:
            return None
        try:
            import fsspec  # noqa: PLC0415
        except ImportError as error:
            raise SettingsError(
                f"'{self.address}' needs the package fsspec: pip install fsspec."
            ) from error
        return fsspec.core.url_to_fs(self.address)[0]

    def files(self) -> list[str]:
        """Names of the files below the address, in order.

        Raises
        ------
        InventoryError
        """
        return self._names((*PARQUET, *CSV))

    def left_out(self) -> list[str]:
        """Files below the address that look like tables, of kinds that a batch does not read."""
        try:
            return self._names(OTHER_TABLES)
        except InventoryError:
            return []

    def _names(self, endings: tuple[str, ...]) -> list[str]:
        if REMOTE in self.address:
            system = self.filesystem
            root = str(system._strip_protocol(self.address)).rstrip("/")  # noqa: SLF001
            found = [root] if system.isfile(root) else system.find(root)
            names = [PurePosixPath(p).relative_to(root).as_posix() for p in found]
        else:
            path = Path(self.address)
            if not path.exists():
                raise InventoryError(f"'{self.address}' does not exist; check the name.")
            inner = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
            names = [p.relative_to(path).as_posix() for p in inner]
        usable = [n for n in names if self.full(n).lower().endswith(endings)
                  and not any(part[0] in "._" for part in n.split("/") if part != ".")]  # fmt: skip
        if not usable:
            raise InventoryError(
                f"'{self.address}' holds no table; a batch reads {', '.join((*PARQUET, *CSV))}."
            )
        return sorted(usable)

    def full(self, name: str) -> str:
        """Address of a file."""
        base = self.address.rstrip("/")
        return base if name in {".", ""} else f"{base}/{name}"

    def label(self, name: str) -> str:
        """Name of a file for people."""
        return PurePosixPath(self.full(name)).name if name == "." else name

    def open(self, name: str) -> Any:
        """A file open for reading."""
        if REMOTE in self.address:
            return self.filesystem.open(self.full(name), "rb")
        return Path(self.full(name)).open("rb")

    def digest(self, name: str) -> str:
        """The sha256 of a file."""
        found = hashlib.sha256()
        with self.open(name) as stream:
            while chunk := stream.read(CHUNK):
                found.update(chunk)
        return found.hexdigest()


@dataclass(frozen=True)
class Span:
    """Rows ``first`` to ``last`` (not included) of a file, all of whole plots; last -1: its end."""

    file: str
    first: int
    last: int


def _is_parquet(name: str) -> bool:
    return name.lower().endswith(PARQUET)


def blocks(
    source: Source,
    span: Span,
    *,
    columns: tuple[str, ...] = (),
    rows: int | Callable[[], int] = BLOCK_ROWS,
) -> Iterator[tuple[Any, Ints]]:
    """Tables of whole plots in canonical columns, with the numbers of their rows.

    Parameters
    ----------
    source : Source
    span : Span
    columns : tuple of str
        Canonical columns to read; all that a batch uses by default.
    rows : int or callable
        About how many rows at a time; a callable is asked anew for each block.

    Raises
    ------
    UnreadableFile
    InventoryError
    """
    address = source.full(span.file)
    read = _read_parquet if _is_parquet(address) else _read_csv
    kept: list[tuple[Any, Ints]] = []
    count = 0
    wanted = rows if callable(rows) else lambda: rows
    try:
        with source.open(span.file) as stream:
            for table, numbers in read(stream, source, span, columns, READ_ROWS):
                kept.append((table, numbers))
                count += len(table)
                if count < wanted():
                    continue
                whole, rest = _cut(*_joined(kept))
                kept = [rest] if len(rest[1]) else []
                count = len(rest[1])
                if len(whole[1]):
                    yield whole
    except (OSError, pa.ArrowException) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(why) from error
    if kept:
        last = _joined(kept)
        if len(last[1]):
            yield last


def _joined(parts: list[tuple[Any, Ints]]) -> tuple[Any, Ints]:
    if len(parts) == 1:
        return parts[0]
    return joined([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def joined(tables: list[Any]) -> Any:
    """Tables one below the other; columns that are numbers here and texts there become texts."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        plain = [t.cast(pa.schema([(f.name, pa.string()) for f in t.schema])) for t in tables]
        return pa.concat_tables(plain, promote_options="permissive")


def _cut(table: Any, numbers: Ints) -> tuple[tuple[Any, Ints], tuple[Any, Ints]]:
    """The plots that are complete, and the last one, which may go on."""
    codes, _ = coded(table.column("plot_id"))
    differs = np.flatnonzero(codes != codes[-1])
    at = int(differs[-1]) + 1 if len(differs) else 0
    return (table.slice(0, at), numbers[:at]), (table.slice(at), numbers[at:])


def _names(headings: list[str], source: Source, columns: tuple[str, ...]) -> dict[str, str]:
    found = headings_of(headings, dict(source.mapping), dict(source.units))
    return {h: name for h, name in found.items() if not columns or name in columns}


def _read_parquet(
    stream: Any, source: Source, span: Span, columns: tuple[str, ...], rows: int
) -> Iterator[tuple[Any, Ints]]:
    file = pq.ParquetFile(stream)
    schema = file.schema_arrow
    names = _names(schema.names, source, columns)
    texts = [n for n in names if _text(schema.field(n).type)]
    if texts:
        stream.seek(0)
        file = pq.ParquetFile(stream, read_dictionary=texts, pre_buffer=False)
    ends = np.cumsum([file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)])
    end = int(ends[-1]) if len(ends) and span.last < 0 else span.last
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    groups = np.flatnonzero((ends > span.first) & (starts < end))
    at = int(starts[groups[0]]) if len(groups) else 0
    batches = file.iter_batches(
        rows, row_groups=groups.tolist(), columns=list(names), use_threads=False
    )
    for batch in batches:
        low, high = max(span.first - at, 0), min(end - at, len(batch))
        if high > low:
            table = pa.table(batch.slice(low, high - low)).select(list(names))
            numbers = np.arange(at + low, at + high) + FIRST_ROW[True]
            yield table.rename_columns(list(names.values())), numbers
        at += len(batch)


def unused_columns(source: Source, name: str) -> list[str]:
    """Headings of a file that a batch takes for none of its columns.

    Raises
    ------
    UnreadableFile
    InventoryError
    """
    try:
        with source.open(name) as stream:
            if _is_parquet(source.full(name)):
                headings = list(pq.ParquetFile(stream).schema_arrow.names)
            else:
                headings = _form(stream)[2]
    except (OSError, pa.ArrowException) as error:
        raise UnreadableFile(str(error)) from error
    known = _names(headings, source, ())
    return [heading for heading in headings if heading not in known]


def _text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read_csv(
    stream: Any, source: Source, span: Span, columns: tuple[str, ...], rows: int
) -> Iterator[tuple[Any, Ints]]:
    """Every cell as text, numbered; a line with too many or too few cells ends the reading."""
    del rows
    encoding, delimiter, headings = _form(stream)
    names = _names(headings, source, columns)
    stream.seek(0)
    kind = pa.dictionary(pa.int32(), pa.string())
    reader = pv.open_csv(
        stream,
        pv.ReadOptions(block_size=CSV_BYTES, encoding=encoding),
        pv.ParseOptions(delimiter=delimiter, newlines_in_values=False),
        pv.ConvertOptions(
            column_types=dict.fromkeys(names, kind), include_columns=list(names),
            strings_can_be_null=True, null_values=[""],
        ),
    )  # fmt: skip
    at = 0
    for batch in reader:
        table = pa.table(batch).rename_columns(list(names.values()))
        low = max(span.first - at, 0)
        high = len(batch) if span.last < 0 else min(span.last - at, len(batch))
        if high > low:
            yield table.slice(low, high - low), np.arange(at + low, at + high) + FIRST_ROW[False]
        at += len(batch)


def _form(stream: Any) -> tuple[str, str, list[str]]:
    """Encoding, delimiter and headings of delimited text."""
    sample = stream.read(SAMPLE)
    for encoding in ENCODINGS:
        try:
            text = sample[: sample.rfind(b"\n") + 1 or None].decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UnreadableFile("its text is neither UTF-8 nor cp874")
    lines = text.splitlines()
    if not lines:
        raise UnreadableFile("it is empty")
    delimiter = max(DELIMITERS, key=lines[0].count)
    headings = [cell.strip().strip('"') for cell in lines[0].split(delimiter)]
    return ("utf-8" if encoding == "utf-8-sig" else encoding), delimiter, headings


@dataclass(frozen=True)
class Scan:
    """What a look at a file's plot ids gives.

    Attributes
    ----------
    rows : int
    plots : ndarray of uint64
        Hash of the plot id of each run of equal ids.
    starts : ndarray of int64
        First row of each run.
    """

    rows: int
    plots: NDArray[np.uint64]
    starts: Ints


def scan(source: Source, name: str) -> Scan:
    """Runs of equal plot ids in a file.

    Raises
    ------
    UnreadableFile
    """
    ids: list[NDArray[np.uint64]] = []
    starts: list[Ints] = []
    at, latest = 0, None
    for table, _ in blocks(source, Span(name, 0, -1), columns=("plot_id",)):
        found = hashes(table.column("plot_id"))
        first = np.concatenate([[0], np.flatnonzero(np.diff(found)) + 1]).astype(np.int64)
        if latest is not None and found[0] == latest:
            first = first[1:]
        latest = found[-1]
        ids.append(found[first])
        starts.append(first + at)
        at += len(table)
    nothing = np.zeros(0, dtype=np.int64)
    return Scan(
        at, np.concatenate([np.zeros(0, np.uint64), *ids]), np.concatenate([nothing, *starts])
    )


def hashes(column: Any) -> NDArray[np.uint64]:
    """Hash of each row's plot id."""
    codes, names = texts(column, plain_id)
    found = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64)[codes]


def spans(name: str, found: Scan, part_rows: int) -> list[Span]:
    """A file cut at plots into about ``part_rows`` rows each."""
    cuts = [0]
    ends = np.append(found.starts[1:], found.rows)
    for end in ends.tolist():
        if end - cuts[-1] >= part_rows:
            cuts.append(end)
    if cuts[-1] < found.rows:
        cuts.append(found.rows)
    return [Span(name, a, b) for a, b in itertools.pairwise(cuts)]
