"""What an engine is: a module whose ``workers`` compute tasks and yield their outcomes.

Parts are written by the workers themselves; an outcome is only news of one. A part may be computed
twice (a worker died after writing it): both times it has the same content at the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
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
    early : int
        Workers to start at once, while the plan is made; others are started when there are parts.
    settings : str
        What those make themselves ready for, as JSON.
    """

    workers: int | None = None
    scheduler: str = ""
    early: int = 0
    settings: str = "{}"


Compute = Callable[[Sequence[Task]], Generator[Outcome, None, None]]


class Engine(Protocol):
    """An engine module."""

    def workers(self, options: Options) -> AbstractContextManager[Compute]:
        """Workers as long as they are needed.

        The function takes tasks and yields outcomes as they come, in any order; it may be called
        again, and is closed where a run ends early.
        """
