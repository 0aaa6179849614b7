"""Workers of a Dask cluster, of this machine or of many (extra ``dask``)."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from rubbercarbon.batch_part import Outcome, Task, run_part
from rubbercarbon.engines.interface import MOST_DEATHS, Options
from rubbercarbon.errors import EngineError, SettingsError
from rubbercarbon.messages import failure

PATIENCE_S = 20.0  # without a connection to the scheduler
LOOK_S = 2.0


def run(tasks: Sequence[Task], options: Options) -> Iterator[Outcome]:
    """Outcomes as they come; Dask gives parts of a worker that died to others.

    Raises
    ------
    SettingsError
        Without the extra, or when no scheduler answers.
    EngineError
        When the scheduler goes away.
    """
    try:
        import distributed  # noqa: PLC0415  (slow import, extra)
    except ImportError as error:
        raise failure(SettingsError, "batch_no_dask") from error
    with contextlib.ExitStack() as stack:
        # Dask prints a stack of calls for a connection that is lost; `_gone` says it in a sentence
        stack.enter_context(distributed.utils.silence_logging_cmgr(logging.CRITICAL))
        if options.scheduler:
            address: Any = options.scheduler
        else:
            address = stack.enter_context(_cluster(distributed, options.workers))
        client_of: Any = distributed.Client
        try:
            client = stack.enter_context(client_of(address, timeout=f"{PATIENCE_S:.0f}s"))
        except OSError as error:
            raise failure(SettingsError, "batch_no_scheduler", address=options.scheduler) from error
        yield from _outcomes(distributed, client, tasks, options)


def _cluster(distributed: Any, workers: int | None) -> Any:
    """Workers of this machine, one processor each."""
    return distributed.LocalCluster(
        n_workers=workers or os.cpu_count() or 1, threads_per_worker=1, dashboard_address=None,
        env={"NUMBA_NUM_THREADS": "1"}, silence_logs=50,
    )  # fmt: skip


def _on_one_thread(task: Task) -> Outcome:
    """A part, on one processor even where a worker was started without saying so."""
    import numba  # noqa: PLC0415

    numba.set_num_threads(1)
    return run_part(task)


def _outcomes(
    distributed: Any, client: Any, tasks: Sequence[Task], options: Options
) -> Iterator[Outcome]:
    # pure=False: Dask would take tasks of equal arguments for one
    futures = client.map(_on_one_thread, tasks, pure=False, retries=MOST_DEATHS, key="part")
    open_parts = set(futures)
    silent = 0.0
    while open_parts:
        try:
            done = distributed.wait(open_parts, timeout=LOOK_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
        except (distributed.CancelledError, OSError, RuntimeError) as error:
            raise _gone(options, len(open_parts)) from error
        lost = client.status != "running" or any(f.status in {"cancelled", "lost"} for f in done)
        silent = silent + LOOK_S if client.status != "running" else 0.0
        if silent >= PATIENCE_S or (lost and client.status != "connecting"):
            raise _gone(options, len(open_parts))
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
                raise _gone(options, len(open_parts) + 1) from error
            yield outcome


def _gone(options: Options, count: int) -> EngineError:
    return failure(EngineError, "batch_scheduler_gone", address=options.scheduler, parts=count)
