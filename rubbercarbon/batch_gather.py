"""What the parts of a batch say of themselves, added up while others are computed."""

from __future__ import annotations

import contextlib
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rubbercarbon.assumptions import COLUMNS
from rubbercarbon.batch_part import Task
from rubbercarbon.batch_problems import add_outside
from rubbercarbon.batch_store import PLOTS, RECORDS, SUMS, Store, part_file
from rubbercarbon.batch_sums import Sums
from rubbercarbon.errors import RunFolderError

COUNTED = re.compile(r"\d[\d,]* (rows?|plots?)|all plots|plots .*")


@dataclass
class Gathered:
    """Records and sums of parts, in any order.

    Attributes
    ----------
    store : Store
    settler : Executor
        Waits for the disk, so that neither workers nor the run do.
    with_draws : bool
        There are intervals, and errors behind them.
    sums : Sums
    codes : Counter
        Severity and code of a problem → rows.
    used : Counter
        Equation → rows.
    outside : dict
        As `rubbercarbon.batch_problems.Listed` has it.
    assumed : set of tuple
        Assumptions, without numbers of rows.
    equations : dict
        Record of each equation, by id.
    dates : int
        Rows whose date is in another calendar.
    plots : list of str
        Files of plots.
    """

    store: Store
    settler: Executor
    with_draws: bool
    sums: Sums = field(default_factory=Sums)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    outside: dict[str, list[Any]] = field(default_factory=dict)
    assumed: set[tuple[str, ...]] = field(default_factory=set)
    equations: dict[str, dict[str, Any]] = field(default_factory=dict)
    dates: int = 0
    plots: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _known: set[tuple[str, ...]] = field(default_factory=set)
    _settling: deque[Future[None]] = field(default_factory=deque)

    def take(self, task: Task) -> bool:
        """Add a part, once; False where its record is not there.

        Raises
        ------
        RunFolderError
            Where the disk did not keep a part that was added before.
        """
        if task.name in self._taken:
            return True
        record = self.store.json(part_file(RECORDS, task.name))
        if record is None or record.get("key") != task.key:
            return False
        self._taken.add(task.name)
        if part_file(SUMS, task.name) in record["files"]:
            self.sums.add(Sums.of_bytes(self.store.read(part_file(SUMS, task.name))))
        if part_file(PLOTS, task.name) in record["files"]:
            self.plots.append(part_file(PLOTS, task.name))
        self._assume(record["assumptions"])
        for row in record["equations"]:
            self.equations.setdefault(row["id"], row)
        self.used.update(record["used"])
        self.dates += record["dates"]
        for name, values in record["outside"].items():
            add_outside(self.outside, name, values)
        for severity, code, count in record["codes"]:
            self.codes[severity, code] += count
        self._settling.append(self.settler.submit(self._settle, task.name, record["files"]))
        while self._settling and self._settling[0].done():
            self._settling.popleft().result()  # a disk that fails is told at once
        return True

    def settle(self) -> None:
        """Wait until all files of the parts outlast a power cut.

        Raises
        ------
        RunFolderError
        """
        while self._settling:
            self._settling.popleft().result()

    def _settle(self, name: str, files: Iterable[str]) -> None:
        record = part_file(RECORDS, name)
        try:
            self.store.settle([*files, record])
        except RunFolderError:
            with contextlib.suppress(OSError):
                self.store.remove(record)  # what the disk lost may still look sound in memory
            raise

    def _assume(self, rows: list[list[str]]) -> None:
        """Parts of one process say much the same: each row is looked at once."""
        for row in {tuple(row) for row in rows} - self._known:
            self._known.add(row)
            if self.with_draws or row[0] != "error budget":
                self.assumed.add(_uncounted(row))


@contextlib.contextmanager
def settling() -> Iterator[Executor]:
    """A thread that waits for the disk; a run that ends early waits for one part at most."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _uncounted(row: Sequence[str]) -> tuple[str, ...]:
    """An assumption without the number of rows of one part that it was met in."""
    values = list(row)
    whom = COLUMNS.index("applies_to")
    if COUNTED.fullmatch(values[whom]):
        values[whom] = ""
    return tuple(values)
