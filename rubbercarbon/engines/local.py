"""One process; kernels use all its processors, and files are read while others are computed."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from rubbercarbon.batch_ahead import Ahead
from rubbercarbon.batch_part import Outcome, Task, read_parts, run_part
from rubbercarbon.engines.interface import Options


def run(tasks: Sequence[Task], options: Options) -> Generator[Outcome, None, None]:
    """Outcomes in order."""
    del options
    with Ahead(read_parts(tasks)) as coming:
        for task in tasks:
            yield run_part(task, coming)
