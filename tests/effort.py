"""How much work a test makes of itself: less where every line is interpreted and traced."""

from __future__ import annotations

import os

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}


def examples(number):
    """Of a property: all with the compiler, a quarter for coverage."""
    return max(number // 4, 4) if INTERPRETED else number
