"""Memory that is free, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

MANY_ROWS = 100_000  # of a table, from which on memory is looked after


def give_back(rows: int) -> None:
    """Let allocators return what they hold of freed memory, after work on many rows.

    Parameters
    ----------
    rows : int
        Of the table; nothing happens for `MANY_ROWS` or fewer.
    """
    if rows <= MANY_ROWS:
        return
    gc.collect()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # other C libraries lack it
            ctypes.CDLL(None).malloc_trim(0)
