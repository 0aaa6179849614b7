"""One process; kernels use all its processors.

Files are read, and parts written, by threads of their own while others are computed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from rubbercarbon.batch_ahead import Ahead
from rubbercarbon.batch_part import Outcome, Task, compute_part, read_parts
from rubbercarbon.engines.interface import Compute, Options


@contextmanager
def workers(options: Options) -> Iterator[Compute]:
    """Nothing to start: it is the process that runs."""
    del options
    yield _compute


def _compute(tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
    """Outcomes in order, each when its part is written; one part is on its way at most."""
    with ThreadPoolExecutor(1) as writer, Ahead(read_parts(tasks)) as coming:
        writing: Future[Outcome] | None = None
        for task in tasks:
            part = compute_part(task, coming)
            written = None if writing is None else writing.result()
            writing = writer.submit(part)
            del part
            if written is not None:
                yield written
        if writing is not None:
            yield writing.result()
