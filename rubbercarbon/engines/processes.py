"""Processes of this machine, started afresh, one processor each."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection

from rubbercarbon.batch_part import Outcome, Task, run_part
from rubbercarbon.engines.interface import MOST_DEATHS, Options
from rubbercarbon.errors import EngineError
from rubbercarbon.messages import failure

THREADS = "NUMBA_NUM_THREADS"


def run(tasks: Sequence[Task], options: Options) -> Generator[Outcome, None, None]:
    """Outcomes as they come; parts of a worker that died are computed again.

    Raises
    ------
    EngineError
        When workers die again and again.
    """
    workers = options.workers or os.cpu_count() or 1
    left = {task.name: task for task in tasks}
    deaths = 0
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"  # read by the workers when they load numba
    try:
        while left:
            try:
                for outcome in _some(list(left.values()), workers):
                    del left[outcome.name]
                    yield outcome
            except BrokenProcessPool as error:
                deaths += 1
                if deaths >= MOST_DEATHS:
                    raise failure(
                        EngineError, "batch_workers", deaths=deaths, parts=len(left)
                    ) from error
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


def _some(tasks: list[Task], workers: int) -> Iterator[Outcome]:
    """Outcomes of one pool; few tasks wait in it, so that an error ends it soon."""
    context = multiprocessing.get_context("spawn")
    waiting = iter(tasks)
    with ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_end_with_parent
    ) as pool:
        running: set[Future[Outcome]] = set()
        try:
            for task in waiting:
                running.add(pool.submit(run_part, task))
                if len(running) < 2 * workers:
                    continue
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
