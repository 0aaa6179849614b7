"""Where a scenario's errors come from: drawn, all zero, or moved one at a time.

An error is known by its name and unit alone, so that all scenarios of a run meet the same draw of
it, whatever their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.loads import key_of, stream_of

Floats = NDArray[np.float64]
Key = tuple[int, int]


def key(name: str, unit: str) -> Key:
    """Stream and unit of an error of scenarios."""
    return stream_of(f"scenario:{name}"), key_of(unit)


@dataclass
class Deviates:
    """Standard normals by key; remembers which were asked for, with words for them.

    Attributes
    ----------
    count : int
    labels : dict
        Words for each key, in the order in which they were first asked for.
    """

    count: int = 1
    labels: dict[Key, str] = field(default_factory=dict)

    def get(self, name: str, unit: str, label: str) -> Floats:
        """Normals of an error of scenarios, shape (count,)."""
        return self.by_key(key(name, unit), label)

    def by_key(self, wanted: Key, label: str) -> Floats:
        """Normals of a key, shape (count,)."""
        self.labels.setdefault(wanted, label)
        return self.make(wanted)

    def make(self, wanted: Key) -> Floats:
        """No error at all."""
        del wanted
        return np.zeros(self.count)


@dataclass
class Drawn(Deviates):
    """Independent draws, from the seed and the key alone."""

    seed: int = 1
    known: dict[Key, Floats] = field(default_factory=dict)

    def make(self, wanted: Key) -> Floats:
        """Normals of a key."""
        if wanted not in self.known:
            from allometry.kernels.draws import unit_normals  # noqa: PLC0415  (loads numba)

            out = np.empty((1, self.count))
            stream, unit = wanted
            unit_normals(
                out, np.uint64(self.seed), np.array([stream], dtype=np.uint64),
                np.array([unit], dtype=np.uint64),
            )  # fmt: skip
            self.known[wanted] = out[0]
        return self.known[wanted]


@dataclass
class Probes(Deviates):
    """Every error at its low and its high end, one at a time: two columns per key."""

    keys: tuple[Key, ...] = ()
    size: float = 1.0

    def __post_init__(self) -> None:
        self.count = 2 * len(self.keys)

    def make(self, wanted: Key) -> Floats:
        """Minus and plus ``size`` in the key's own columns, zero elsewhere."""
        out = np.zeros(self.count)
        if wanted in self.keys:
            place = self.keys.index(wanted)
            out[2 * place], out[2 * place + 1] = -self.size, self.size
        return out
