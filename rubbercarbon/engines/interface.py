"""What an engine is: a module whose ``run`` computes tasks and yields their outcomes.

Parts are written by the workers themselves; an outcome is only news of one. A part may be computed
twice (a worker died after writing it): both times it has the same content at the same place.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rubbercarbon.batch_part import Outcome, Task

MOST_DEATHS = 3  # workers that may die over the same parts before a run ends


@dataclass(frozen=True)
class Options:
    """How an engine works.

    Attributes
    ----------
    workers : int or None
        As many as there are processors by default.
    scheduler : str
        Address of a Dask scheduler; empty: a cluster of its own on this machine.
    """

    workers: int | None = None
    scheduler: str = ""


class Engine(Protocol):
    """An engine module."""

    def run(self, tasks: Sequence[Task], options: Options) -> Generator[Outcome, None, None]:
        """Outcomes as they come, in any order; closed where a run ends early."""
