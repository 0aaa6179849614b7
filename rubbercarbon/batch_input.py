"""Input of batch runs: files are read in blocks of whole plots."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rubbercarbon.batch_codes import PLOT_NUMBERS, TREE_NUMBERS, Codes, is_text, texts
from rubbercarbon.batch_csv import Skipped, form_of, read_lines
from rubbercarbon.batch_headings import headings_of, meaning_of, notes_on
from rubbercarbon.batch_source import Source, Span
from rubbercarbon.columns import plain_id
from rubbercarbon.errors import UnreadableFile
from rubbercarbon.messages import failure

Ints = NDArray[np.int64]
Numbers = Ints | range  # of rows in their file
BLOCK_ROWS = 1 << 19
READ_ROWS = 1 << 17
# so that many columns need no more memory than few
BLOCK_CELLS, READ_CELLS = 5 << 19, 3 << 18
FEW_ROWS = 1 << 11  # of a plot, at first guess
FIRST_ROW = 1  # of a Parquet file


def choose_memory_pool() -> None:
    """Take jemalloc where Arrow has it: quick, and at its peak some 20 MB below the default."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def pieces(
    source: Source, span: Span, columns: tuple[str, ...], rows: int, skipped: Skipped | None
) -> Iterator[tuple[Any, Numbers]]:
    """Tables in canonical columns as a file gives them, with the numbers of their rows.

    Parameters
    ----------
    source : Source
    span : Span
    columns : tuple of str
        Canonical columns to read; empty: all that a batch uses.
    rows : int
        Most rows of a piece of a Parquet file.
    skipped : Skipped or None
        Takes the lines of the span that are no rows.

    Raises
    ------
    UnreadableFile
    InventoryError
    """
    read = _read_parquet if source.is_parquet(span.file) else _read_csv
    try:
        with source.open(span.file) as stream:
            yield from read(stream, source, span, columns, rows, skipped)
    except UnreadableFile as error:
        error.file = span.file
        raise
    except (OSError, pa.ArrowException) as error:
        why = unreadable(error)
        why.file = span.file
        raise why from error


def blocks(
    source: Source,
    span: Span,
    *,
    rows: int | Callable[[], int] = BLOCK_ROWS,
    skipped: Skipped | None = None,
) -> Iterator[tuple[Any, Ints]]:
    """Tables of whole plots in canonical columns, with the numbers of their rows.

    Parameters
    ----------
    source : Source
    span : Span
    rows : int or callable
        About how many rows at a time; a callable is asked anew for each block.
    skipped : Skipped, optional
        Takes the lines of the span that are no rows.

    Raises
    ------
    UnreadableFile
    InventoryError
    """
    kept: list[tuple[Any, Numbers]] = []
    count, left = 0, max(span.last - span.first, 0)
    wanted = rows if callable(rows) else lambda: rows
    for table, numbers in pieces(source, span, (), READ_ROWS, skipped):
        kept.append(_filled(table, numbers, skipped))
        count += len(kept[-1][1])
        most = BLOCK_CELLS // table.num_columns
        while (share := _share(left, min(wanted(), most))) <= count and share != left:
            whole, rest = _cut(*_joined(kept), share)
            kept, count = [rest], len(rest[1])
            if not len(whole[1]):
                break
            left = max(left - len(whole[1]), 0)
            yield whole[0], _numbered(whole[1])
            del whole
    if kept:
        last = _joined(kept)
        if len(last[1]):
            yield last[0], _numbered(last[1])


def _share(left: int, most: int) -> int:
    """Rows of the next of several blocks of about equal size, of those that are left.

    Blocks may be larger than ``most`` by a thirty-second: they end with a plot, not with a row.
    """
    blocks_left = -((left // 32 - left) // most)
    return -(-left // blocks_left) if left else most


def _finite(table: Any, sure: Collection[str]) -> Any:
    """Columns with infinite numbers as texts, which say what was found; huge whole ones rounded.

    The columns ``sure`` are finite and are not looked at.
    """
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if field.name in sure:
            continue
        if pa.types.is_floating(field.type) and _any_infinite(column):
            table = table.set_column(place, field.name, column.cast(pa.string()))
        elif field.name in TREE_NUMBERS and pa.types.is_integer(field.type):
            table = table.set_column(place, field.name, column.cast(pa.float64(), safe=False))
    return table


def _any_infinite(column: Any) -> bool:
    total = pc.sum(column).as_py()  # quick to add up, and finite in nearly all columns
    return total is not None and not np.isfinite(total) and pc.any(pc.is_inf(column)).as_py()


def _surely_finite(metadata: Any, groups: list[int], names: dict[str, str]) -> set[str]:
    """Columns of floats whose statistics leave no room for infinite numbers.

    Taken at their word: a file that leaves an infinite bound out is believed.
    """
    chunks = [metadata.row_group(group) for group in groups]
    found = set()
    for place in range(metadata.num_columns if chunks else 0):
        # the schema would tell too, but pyarrow's refers to the metadata and stays in memory
        column = chunks[0].column(place)
        if column.path_in_schema not in names or column.physical_type not in {"DOUBLE", "FLOAT"}:
            continue
        said = [chunk.column(place).statistics for chunk in chunks]
        if all(s is not None and s.has_min_max and np.isfinite([s.min, s.max]).all() for s in said):
            found.add(names[column.path_in_schema])
    return found


def _numbered(numbers: Numbers) -> Ints:
    return numbers if isinstance(numbers, np.ndarray) else np.arange(numbers.start, numbers.stop)


def _filled(
    table: Any, numbers: Numbers, skipped: Skipped | None
) -> tuple[Any, Numbers]:  # fmt: skip
    """Rows that hold anything."""
    if not table.column("plot_id").null_count:
        return table, numbers
    blank = np.ones(len(table), dtype=np.bool_)
    for name in table.column_names:
        if name != "pom_m":  # may come from a heading
            blank &= table.column(name).is_null().to_numpy()
    if not blank.any():
        return table, numbers
    numbers = _numbered(numbers)
    if skipped is not None:
        skipped.add_blank(numbers[blank])
    return table.filter(pa.array(~blank)), numbers[~blank]


def unreadable(error: Exception) -> UnreadableFile:
    """What an error in opening or reading a file means for its reader."""
    why = (str(error).splitlines() or [type(error).__name__])[0]
    if isinstance(error, OSError) and error.strerror:
        return failure(UnreadableFile, "batch_closed", why=error.strerror)
    return failure(UnreadableFile, "batch_damaged", why=why)


def _joined(parts: list[tuple[Any, Numbers]]) -> tuple[Any, Numbers]:
    if len(parts) == 1:
        return parts[0]
    table, numbers = joined([part[0] for part in parts]), [part[1] for part in parts]
    first, last = numbers[0], numbers[-1]
    if (
        isinstance(first, range)
        and isinstance(last, range)
        and len(table) == last.stop - first.start
    ):
        return table, range(first.start, last.stop)  # no blank row between them
    return table, np.concatenate([_numbered(some) for some in numbers])


def joined(found: list[Any]) -> Any:
    """Tables one below the other; columns that are numbers here and texts there become texts."""
    try:
        return pa.concat_tables(found, promote_options="permissive")
    except pa.ArrowException:
        mixed = {f.name for table in found for f in table.schema if _differs(f, found)}
        plain = [
            table.cast(pa.schema([f.with_type(pa.string()) if f.name in mixed else f
                                  for f in table.schema]))
            for table in found
        ]  # fmt: skip
        return pa.concat_tables(plain, promote_options="permissive")


def _differs(column: Any, found: list[Any]) -> bool:
    """Whether a column's kind in one table has nothing in common with that in another."""
    kinds = [
        pa.schema([t.schema.field(column.name)]) for t in found if column.name in t.schema.names
    ]
    try:
        pa.unify_schemas(kinds, promote_options="permissive")
    except pa.ArrowException:
        return True
    return False


def _cut(
    table: Any, numbers: Numbers, share: int
) -> tuple[tuple[Any, Numbers], tuple[Any, Numbers]]:  # fmt: skip
    """Plots of about ``share`` rows, and the rest, of which the last plot may not be complete."""
    codes, names = texts(table.column("plot_id"), plain_id)
    place = {name: k for k, name in enumerate(names)}
    if len(place) < len(names):  # a plot may go on in another spelling
        codes = np.array([place[name] for name in names], dtype=np.int32)[codes]
    at = _last_run(codes[: share + 1])
    if not at:  # one plot, up to its end
        at = int(np.argmax(codes != codes[0]))
    return (table.slice(0, at), numbers[:at]), (table.slice(at), numbers[at:])


def _last_run(codes: Codes) -> int:
    """Where the run of equal codes at the end begins."""
    at, step = len(codes), FEW_ROWS
    while at:
        first = max(at - step, 0)
        differs = np.flatnonzero(codes[first:at] != codes[-1])
        if len(differs):
            return first + int(differs[-1]) + 1
        at, step = first, 2 * step
    return 0


def _names(headings: list[str], source: Source, columns: tuple[str, ...]) -> dict[str, str]:
    found = _headings_of(tuple(headings), source)
    return {h: name for h, name in found.items() if not columns or name in columns}


@functools.lru_cache(maxsize=64)
def _headings_of(headings: tuple[str, ...], source: Source) -> dict[str, str]:
    """As `headings_of`, for the headings that most files of a batch share."""
    return headings_of(list(headings), dict(source.mapping), dict(source.units))


def _read_parquet(
    stream: Any, source: Source, span: Span, columns: tuple[str, ...], rows: int,
    skipped: Skipped | None,
) -> Iterator[tuple[Any, range]]:  # fmt: skip
    del skipped  # every row of a Parquet file is one
    file = pq.ParquetFile(stream)
    schema = file.schema_arrow
    names = _names(schema.names, source, columns)
    _check_types(schema, names)
    meaning = meaning_of(schema.names, dict(source.mapping), columns)
    written = [n for n in names if is_text(schema.field(n).type)]
    if written:
        stream.seek(0)
        file = pq.ParquetFile(
            stream, metadata=file.metadata, read_dictionary=written, pre_buffer=False
        )
    ends = np.cumsum([file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)])
    end = int(ends[-1]) if len(ends) and span.last < 0 else span.last
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    groups = np.flatnonzero((ends > span.first) & (starts < end)).tolist()
    at = int(starts[groups[0]]) if groups else 0
    sure = _surely_finite(file.metadata, groups, names)
    most = min(rows, READ_CELLS // max(len(names), 1))
    batches = file.iter_batches(most, row_groups=groups, columns=list(names), use_threads=False)
    for batch in batches:
        low, high = max(span.first - at, 0), min(end - at, len(batch))
        if high > low:
            table = pa.table(batch.slice(low, high - low)).select(list(names))
            table = meaning.put(table.rename_columns(list(names.values())))
            yield _finite(table, sure), range(at + low + FIRST_ROW, at + high + FIRST_ROW)
        at += len(batch)


def _check_types(schema: Any, names: dict[str, str]) -> None:
    """Raise for columns of which no number or text can be made.

    Raises
    ------
    UnreadableFile
    """
    kinds = pa.types
    for heading, name in names.items():
        if schema.names.count(heading) > 1:
            raise failure(UnreadableFile, "batch_twice", column=heading)
        kind = schema.field(heading).type
        value = kind.value_type if kinds.is_dictionary(kind) else kind
        figures = kinds.is_integer(value) or kinds.is_floating(value) or kinds.is_decimal(value)
        if is_text(kind) or figures or kinds.is_null(value):
            continue
        plain = kinds.is_primitive(value) or kinds.is_binary(value) or kinds.is_string_view(value)
        if not plain or name in {*TREE_NUMBERS, *PLOT_NUMBERS}:
            raise failure(UnreadableFile, "batch_type", column=heading, found=kind)


def headings_read(source: Source, name: str) -> tuple[list[str], set[tuple[str, str, str, str]]]:
    """Headings of a file that a batch takes for none of its columns, and notes on the others.

    Raises
    ------
    UnreadableFile
    InventoryError
    """
    try:
        with source.open(name) as stream:
            if source.is_parquet(name):
                headings = list(pq.ParquetFile(stream).schema_arrow.names)
            else:
                headings = form_of(stream).headings
    except (OSError, pa.ArrowException) as error:
        raise unreadable(error) from error
    return _said_of(tuple(headings), source)


@functools.lru_cache(maxsize=64)
def _said_of(
    headings: tuple[str, ...], source: Source
) -> tuple[list[str], set[tuple[str, str, str, str]]]:
    """As `headings_read`, for the headings that most files of a batch share."""
    known = _names(list(headings), source, ())
    unused = [h for k, h in enumerate(headings) if h not in known or h in headings[:k]]
    return unused, notes_on(list(headings), dict(source.mapping), dict(source.units))


def _read_csv(
    stream: Any, source: Source, span: Span, columns: tuple[str, ...], rows: int,
    skipped: Skipped | None,
) -> Iterator[tuple[Any, Ints]]:  # fmt: skip
    """Every cell as text, numbered; lines that are no rows are skipped and kept apart."""
    del rows
    form = form_of(stream)
    names = _names(form.headings, source, columns)
    meaning = meaning_of(form.headings, dict(source.mapping), columns)
    stream.seek(0)
    for table, numbers in read_lines(stream, form, names, (span.first, span.last), skipped):
        yield meaning.put(table), numbers
