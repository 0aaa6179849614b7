"""Workers of a Dask cluster, of this machine or of many (extra ``dask``)."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rubbercarbon.batch_part import Outcome, Task, make_ready, run_part
from rubbercarbon.engines.interface import MOST_DEATHS, Compute, Options
from rubbercarbon.errors import EngineError, SettingsError
from rubbercarbon.messages import failure

PATIENCE_S = 20.0  # without a connection to the scheduler
LOOK_S = 2.0
NO_PORT_OF_ITS_OWN = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


class _ConnectionLostError(Exception):
    """Dask forgets all open parts of a client that loses its scheduler, if only for a moment."""


@contextlib.contextmanager
def workers(options: Options) -> Iterator[Compute]:
    """A cluster of one's own, or the client of another; Dask gives parts of dead workers to others.

    Raises
    ------
    SettingsError
        Without the extra, or when no scheduler answers.
    EngineError
        When the scheduler goes away, or no cluster can be started on this machine.
    """
    if importlib.util.find_spec("distributed") is None:
        raise failure(SettingsError, "batch_no_dask")
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as starter:
        opening = starter.submit(_opened, stack, options) if options.early else None

        def compute(tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
            nonlocal opening
            opening = opening or starter.submit(_opened, stack, options)
            distributed, client, address = opening.result()
            with client.as_current():  # `wait` asks the current one
                yield from _all(distributed, client, tasks, address)

        yield compute


def _opened(stack: contextlib.ExitStack, options: Options) -> tuple[Any, Any, str]:
    """Dask, a client, and its scheduler's address; what was started is closed with the stack."""
    distributed: Any = importlib.import_module("distributed")  # slow, extra
    # Dask prints a stack of calls for a connection that is lost; `_all` says it in a sentence
    stack.enter_context(distributed.utils.silence_logging_cmgr(logging.CRITICAL))
    where: Any = options.scheduler
    if not where:
        where = _cluster(distributed, options.workers)
        stack.callback(_close, where)
    client = _client(distributed, where, options)
    stack.callback(_close, client)
    if options.scheduler:
        return distributed, client, options.scheduler
    for worker in where.scheduler_info["workers"] if options.early else ():
        ready = client.submit(make_ready, options.settings, workers=[worker], pure=False)
        distributed.fire_and_forget(ready)
    return distributed, client, where.scheduler_address


def _cluster(distributed: Any, workers: int | None) -> Any:
    """Workers of this machine, one processor each.

    Raises
    ------
    EngineError
    """
    try:
        # without an address, Dask takes port 8787 even where no dashboard is wanted
        return distributed.LocalCluster(
            n_workers=workers or os.cpu_count() or 1, threads_per_worker=1, dashboard_address=None,
            scheduler_kwargs=NO_PORT_OF_ITS_OWN, env={"NUMBA_NUM_THREADS": "1"}, silence_logs=50,
        )  # fmt: skip
    except (OSError, RuntimeError) as error:
        raise failure(EngineError, "batch_no_cluster", why=error) from error


def _client(distributed: Any, where: Any, options: Options) -> Any:
    try:
        return distributed.Client(where, timeout=f"{PATIENCE_S:.0f}s")
    except OSError as error:
        if not options.scheduler:
            raise failure(EngineError, "batch_no_cluster", why=error) from error
        raise failure(SettingsError, "batch_no_scheduler", address=options.scheduler) from error


def _close(one: Any) -> None:
    """Close a cluster or client; where that takes too long, parts are none the worse for it."""
    with contextlib.suppress(OSError, RuntimeError, AssertionError):
        one.close()


def _on_one_thread(task: Task) -> Outcome:
    """A part, on one processor even where a worker was started without saying so."""
    import numba  # noqa: PLC0415

    numba.set_num_threads(1)
    return run_part(task)


def _all(distributed: Any, client: Any, tasks: Sequence[Task], address: str) -> Iterator[Outcome]:
    """Outcomes of all parts; those that were open when the connection was lost are asked again."""
    left = {task.name: task for task in tasks}
    losses = 0
    while left:
        try:
            for outcome in _outcomes(distributed, client, list(left.values())):
                del left[outcome.name]
                yield outcome
        except _ConnectionLostError as error:
            losses += 1
            if losses >= MOST_DEATHS or not _comes_back(client):
                raise failure(
                    EngineError, "batch_scheduler_gone", address=address, parts=len(left)
                ) from error


def _outcomes(distributed: Any, client: Any, tasks: Sequence[Task]) -> Iterator[Outcome]:
    # pure=False: Dask would take tasks of equal arguments for one
    futures = client.map(_on_one_thread, tasks, pure=False, retries=MOST_DEATHS, key="part")
    open_parts = set(futures)
    while open_parts:
        try:
            done = distributed.wait(open_parts, timeout=LOOK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
        except (distributed.CancelledError, OSError, RuntimeError) as error:
            raise _ConnectionLostError from error
        if client.status != "running":
            raise _ConnectionLostError
        for future in done:
            open_parts.discard(future)
            failed = future.status == "error"
            try:
                outcome = future.result()
            except distributed.KilledWorker as error:
                raise failure(EngineError, "batch_workers_dask", why=error) from error
            except (distributed.CancelledError, OSError) as error:
                if failed:  # of the part itself, a full disk for example
                    raise
                raise _ConnectionLostError from error
            yield outcome


def _comes_back(client: Any) -> bool:
    """Whether the client finds its scheduler again; it looks for it by itself."""
    until = time.monotonic() + PATIENCE_S
    while client.status == "connecting" and time.monotonic() < until:
        time.sleep(0.1)
    return bool(client.status == "running")
