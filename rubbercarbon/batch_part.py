"""One part of a batch, from its rows to its files: what every engine's workers run."""

from __future__ import annotations

import contextlib
import functools
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from allometry.errors import AllometryError
from rubbercarbon.batch_block import Estimator, Rows, rows_of
from rubbercarbon.batch_csv import Skipped
from rubbercarbon.batch_input import BLOCK_ROWS, blocks, choose_memory_pool, joined
from rubbercarbon.batch_problems import COLUMNS, Listed
from rubbercarbon.batch_scan import hashes
from rubbercarbon.batch_source import Source, Span
from rubbercarbon.batch_store import PLOTS, PROBLEMS, SUMS, Store, write_part
from rubbercarbon.batch_sums import Sums
from rubbercarbon.batch_table import (
    Block,
    by_plot_id,
    canonical_plots,
    estimate_block,
    estimate_table,
)
from rubbercarbon.config import Settings
from rubbercarbon.errors import RubbercarbonError
from rubbercarbon.messages import Words, words_of
from rubbercarbon.tables import open_table

Ints = NDArray[np.int64]
PROBLEM_SCHEMA = pa.schema(
    [(name, pa.int64() if name in {"row", "n_rows"} else pa.string()) for name in COLUMNS]
)
CODE, SEVERITY, COUNT = (COLUMNS.index(name) for name in ("code", "severity", "n_rows"))
SCATTERED = "scattered.npy"
NEW_ROWS = 1 << 17  # of a block, while many of them are new
FIRST_TREE = {"plot_id": ["A"], "species": ["Hevea brasiliensis"], "girth_cm": [60.0],
              "plot_area_rai": [1.0]}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A part to compute; small and picklable.

    Attributes
    ----------
    name : str
        Of its files.
    spans : tuple of Span
    of_scattered : tuple of int or None
        Number of groups and which of them, for the plots whose rows lie apart.
    any_scattered : bool
        Some plots of the run lie apart, and are left out here unless asked for.
    key : str
        Digest of input, settings and rows.
    """

    name: str
    spans: tuple[Span, ...]
    of_scattered: tuple[int, int] | None
    any_scattered: bool
    key: str
    run: Run


@dataclass(frozen=True)
class Run:
    """What all parts of a run have in common.

    Attributes
    ----------
    source : Source
    store : Store
    settings : str
        As JSON.
    plots : str
        Plot table, or empty.
    by, language : str
    block_rows : int
    inputs : str
        Digest of all input files.
    """

    source: Source
    store: Store
    settings: str
    plots: str = ""
    by: str = "locality"
    language: str = "en"
    block_rows: int = BLOCK_ROWS
    inputs: str = ""


@dataclass(frozen=True)
class Outcome:
    """What an engine reports of a part.

    Attributes
    ----------
    name : str
    rows : int
    seconds : float
    error : Words or None
        Why the part could not be read.
    file : str
        Which file it was.
    """

    name: str
    rows: int
    seconds: float
    error: Words | None = None
    file: str = ""


_one_part_at_a_time = threading.Lock()
_estimators: dict[Run, Estimator] = {}


def _estimator(run: Run) -> Estimator:
    """One per process and run: it remembers distinct rows and assumptions from part to part."""
    if run not in _estimators:
        plots = (
            canonical_plots(open_table(run.plots, "plots", "plots").frame) if run.plots else None
        )
        _estimators.clear()
        _estimators[run] = Estimator(
            Settings.model_validate_json(run.settings), plots, run.language
        )
    return _estimators[run]


@dataclass(frozen=True)
class PartEnd:
    """After the blocks of a part: the lines that were no rows, or why it cannot be read."""

    skipped: Skipped | None = None
    error: Exception | None = None


Blocks = Iterator[Rows | PartEnd]


def read_parts(tasks: Iterable[Task]) -> Generator[Rows | PartEnd, None, None]:
    """Blocks of parts, each part with its end."""
    for task in tasks:
        skipped = None if task.of_scattered else Skipped()
        try:
            yield from _blocks(task, skipped)
            yield PartEnd(skipped)
        except Exception as error:  # noqa: BLE001  (raised where the part is computed)
            yield PartEnd(error=error)


def make_ready(settings: str) -> None:
    """Load libraries, compiled kernels and the catalogue before the first part needs them.

    Parameters
    ----------
    settings : str
        As JSON.
    """
    choose_memory_pool()
    with contextlib.suppress(RubbercarbonError, AllometryError):  # told by the part that meets them
        estimate_table(pa.table(FIRST_TREE), Settings.model_validate_json(settings))


def run_part(task: Task) -> Outcome:
    """Compute a part and put its files in place; one is computed at a time in a process.

    A file that cannot be read gives an outcome that says so, and no part.

    Parameters
    ----------
    task : Task

    Raises
    ------
    RunFolderError
        When results cannot be written.
    """
    return compute_part(task, read_parts([task]))()


def compute_part(task: Task, coming: Blocks) -> Callable[[], Outcome]:
    """As `run_part`; returns what puts the files in place, which any thread may do.

    Parameters
    ----------
    task : Task
    coming : iterator
        Of `read_parts`, at the beginning of this part; it is left at its end.
    """
    started = time.perf_counter()
    with _one_part_at_a_time:
        choose_memory_pool()
        try:
            found, listed, rows = _compute(task, coming)
        except (RubbercarbonError, AllometryError) as error:
            file = getattr(error, "file", "") or task.spans[0].file
            seconds = time.perf_counter() - started
            failed = Outcome(task.name, 0, seconds, words_of(error), file)
            return lambda: failed
        estimator = _estimator(task.run)
        codes = Counter[tuple[str, str]]()
        for line in listed.rows:
            codes[line[SEVERITY], line[CODE]] += line[COUNT]
        record = {
            "part": task.name,
            "key": task.key,
            "rows": rows,
            "plots": len(found.plots),
            "codes": [[*which, number] for which, number in sorted(codes.items())],
            "used": dict(sorted(listed.used.items())),
            "outside": dict(sorted(listed.outside.items())),
            "assumptions": list(estimator.assumptions.rows),
            "dates": listed.dates,
            "equations": list(estimator.templates.equations.values()),
        }
    return functools.partial(_write, task, found, listed.rows, record, started)


def _write(
    task: Task, found: Block, lines: list[tuple[Any, ...]], record: dict[str, Any], started: float
) -> Outcome:  # fmt: skip
    """Put the files of a part in place."""
    columns: list[Any] = list(zip(*lines, strict=True)) if lines else [()] * len(COLUMNS)
    problems = pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, PROBLEM_SCHEMA, strict=True)],
        schema=PROBLEM_SCHEMA,
    )
    files = {}
    if record["rows"]:
        files = {PLOTS: _parquet(found.plots), SUMS: found.sums.as_bytes()}
    if record["rows"] or lines:
        files[PROBLEMS] = _parquet(problems)
    write_part(task.run.store, task.name, files, record)
    return Outcome(task.name, record["rows"], time.perf_counter() - started)


def _parquet(table: Any) -> bytes:
    stream = io.BytesIO()
    texts = [f.name for f in table.schema if pa.types.is_string(f.type)]  # floats seldom repeat
    pq.write_table(table, stream, compression="snappy", use_dictionary=texts)
    return stream.getvalue()


def _compute(task: Task, coming: Blocks) -> tuple[Block, Listed, int]:
    """All blocks of a part, what was said of its rows, and how many there are."""
    run, estimator = task.run, _estimator(task.run)
    tables, sums, rows = [], Sums(), 0
    estimator.tally.clear()
    end = PartEnd()
    try:
        for item in coming:
            if isinstance(item, PartEnd):
                end = item
                break
            rows += len(item.row)
            block = estimate_block(estimator, item, run.by)
            tables.append(block.plots)
            sums.add(block.sums)
    except (RubbercarbonError, AllometryError):
        for item in coming:  # the next part begins after this one's end
            if isinstance(item, PartEnd):
                break
        raise
    if end.error is not None:
        raise end.error
    if end.skipped is not None:
        estimator.tally.skip(run.source.label(task.spans[0].file), end.skipped)
    listed = estimator.tally.close()
    if not tables:  # all its plots lie apart and are computed with those
        return Block(pa.table({}), sums), listed, 0
    return Block(by_plot_id(tables), sums), listed, rows


def _blocks(task: Task, skipped: Skipped | None) -> Iterator[Rows]:
    """Blocks of whole plots; nothing of a block is held once it is taken."""
    run = task.run
    scattered = _scattered(run.store) if task.any_scattered else None
    gathered: list[tuple[Any, Ints, str]] = []
    for span in task.spans:
        label = run.source.label(span.file)
        for table, number in blocks(run.source, span, rows=_wanted(run), skipped=skipped):
            if scattered is None:
                yield rows_of(table, number, label)
                del table, number
                continue
            ids = hashes(table.column("plot_id"))
            keep = ~np.isin(ids, scattered)
            if task.of_scattered is not None:
                groups, which = task.of_scattered
                keep = ~keep & (ids % np.uint64(groups) == np.uint64(which))
            if not keep.any():
                continue
            some = table.filter(pa.array(keep))
            if task.of_scattered is None:
                yield rows_of(some, number[keep], label)
            else:
                gathered.append((some, number[keep], label))
    if gathered:
        labels = np.repeat([part[2] for part in gathered], [len(part[1]) for part in gathered])
        whole = joined([part[0] for part in gathered])
        yield rows_of(whole, np.concatenate([part[1] for part in gathered]), labels)


def _wanted(run: Run) -> Callable[[], int]:
    """Rows of the next block: few while most are new to the estimator."""

    def rows() -> int:
        known = _estimators.get(run)
        many_new = known is None or known.many_new
        return min(run.block_rows, NEW_ROWS) if many_new else run.block_rows

    return rows


def _scattered(store: Store) -> Any:
    return np.load(io.BytesIO(store.read(SCATTERED)))
