"""Processes of this machine, started afresh, one processor each."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import connection

from rubbercarbon.batch_part import Outcome, Task, make_ready, run_part
from rubbercarbon.engines.interface import MOST_DEATHS, Compute, Options
from rubbercarbon.errors import EngineError
from rubbercarbon.messages import failure

THREADS = "NUMBA_NUM_THREADS"
MOST_ON_WINDOWS = 61  # processes that one can wait for there


@contextmanager
def workers(options: Options) -> Iterator[Compute]:
    """Processes, some of which load libraries and kernels at once."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"  # read by the workers when they load numba
    processes = _Processes(options.workers or os.cpu_count() or 1)
    try:
        processes.start(options.early, options.settings)
        yield processes.compute
    finally:
        processes.close()
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


class _Processes:
    """A pool of processes that is replaced when one of them dies."""

    def __init__(self, number: int) -> None:
        self._number = min(number, MOST_ON_WINDOWS) if os.name == "nt" else number
        self._pool: ProcessPoolExecutor | None = None

    def start(self, number: int, settings: str) -> None:
        """Start some processes; each starts with its first work."""
        with suppress(BrokenProcessPool):  # told by the parts
            for _ in range(min(number, self._number)):
                self._open().submit(make_ready, settings)

    def close(self) -> None:
        """End all processes, after the parts that they are at."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def compute(self, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Outcomes as they come; parts of a worker that died are computed again.

        Raises
        ------
        EngineError
            When workers die again and again.
        """
        left = {task.name: task for task in tasks}
        deaths = 0
        while left:
            try:
                for outcome in self._some(list(left.values())):
                    del left[outcome.name]
                    yield outcome
            except BrokenProcessPool as error:
                deaths += 1
                if deaths >= MOST_DEATHS:
                    raise failure(
                        EngineError, "batch_workers", deaths=deaths, parts=len(left)
                    ) from error

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._number, mp_context=multiprocessing.get_context("spawn"),
                initializer=_end_with_parent,
            )  # fmt: skip
        return self._pool

    def _some(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes of one pool; few tasks wait in it, so that an error ends it soon."""
        running: set[Future[Outcome]] = set()
        whole = False
        try:
            for task in tasks:
                running.add(self._open().submit(run_part, task))
                if len(running) < 2 * self._number:
                    continue
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
            whole = True
        finally:
            if not whole:  # workers that went on would write into the next run
                self.close()


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
