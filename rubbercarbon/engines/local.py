"""One process; kernels use all its processors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rubbercarbon.batch_part import Outcome, Task, run_part
from rubbercarbon.engines.interface import Options


def run(tasks: Sequence[Task], options: Options) -> Iterator[Outcome]:
    """Outcomes in order."""
    del options
    for task in tasks:
        yield run_part(task)
