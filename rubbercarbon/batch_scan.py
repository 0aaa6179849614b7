"""A look at the plot ids of a file: where its plots begin, and where it may be cut into parts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rubbercarbon.batch_codes import Codes, coded, letters_of, visible
from rubbercarbon.batch_csv import Skipped
from rubbercarbon.batch_input import pieces
from rubbercarbon.batch_source import Source, Span
from rubbercarbon.columns import plain_id

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
PLOT = ("plot_id",)
SCAN_ROWS = 1 << 17
NO_PLOT = np.uint64(0)  # hash of the empty text


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
    bad_lines : bool
        There are lines that are no rows.
    """

    rows: int
    plots: Hashes
    starts: Ints
    bad_lines: bool = False


def scan(source: Source, name: str) -> Scan:
    """Runs of equal plot ids in a file.

    Raises
    ------
    UnreadableFile
    InventoryError
    """
    ids, starts = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    at, latest, skipped = 0, None, Skipped()
    for table, _ in pieces(source, Span(name, 0, -1), PLOT, SCAN_ROWS, skipped):
        if not len(table):
            continue
        codes, first, hashed = _runs(table.column("plot_id"))
        found = hashed[codes[first]]
        new = np.append(found[0] != latest, found[1:] != found[:-1])  # spellings of one id
        latest = found[-1]
        ids.append(found[new])
        starts.append(first[new] + at)
        at += len(table)
    return Scan(at, np.concatenate(ids), np.concatenate(starts), bool(skipped.lines))


def hashes(column: Any) -> Hashes:
    """Hash of each row's plot id."""
    codes, _, hashed = _runs(column)
    result: Hashes = hashed[codes]
    return result


def _runs(column: Any) -> tuple[Codes, Ints, Hashes]:
    """Code of each row's plot id, the first row of each run, and the hashes of codes that occur."""
    codes, names = coded(column)
    first = np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)
    occurs = np.zeros(len(names) + 1, dtype=np.bool_)
    occurs[codes[first]] = True
    there = np.flatnonzero(occurs[:-1])  # the last is that of rows without an id
    hashed = np.full(len(names) + 1, NO_PLOT)
    some = names if len(there) == len(names) else names.take(pa.array(there))
    if not visible(some):
        words = ["" if word is None else plain_id(word) for word in some.to_pylist()]
        some = pa.array(words, pa.string())
    hashed[there] = _hash(some)
    return codes, first, hashed


def _hash(names: Any) -> Hashes:
    from allometry.kernels.rows import hash_texts  # noqa: PLC0415  (loads numba)

    found = np.empty(len(names), dtype=np.uint64)
    hash_texts(*letters_of(names), found)
    return found


def spans(
    name: str, found: Scan, part_rows: int, within: tuple[int, int] | None = None
) -> list[Span]:
    """A file, or some of its rows, cut at plots into equal parts of about ``part_rows`` rows."""
    if not found.rows and found.bad_lines:
        return [Span(name, 0, 0)]
    first, last = within or (0, found.rows)
    ends = found.starts[(found.starts > first) & (found.starts < last)]
    cuts, at = [first], 0
    while at < len(ends):
        left = last - cuts[-1]
        at = int(np.searchsorted(ends, cuts[-1] + left / max(round(left / part_rows), 1)))
        cuts += ends[at : at + 1].tolist()
    if cuts[-1] < last:
        cuts.append(last)
    return [Span(name, a, b) for a, b in itertools.pairwise(cuts)]
