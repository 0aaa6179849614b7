"""How much work a test makes of itself: less where every line is interpreted and traced."""

from __future__ import annotations

import os

import pytest

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}


def examples(number):
    """Of a property: all with the compiler, a quarter for coverage."""
    return max(number // 4, 4) if INTERPRETED else number


def first(values, number=1):
    """Parameters of a test: all with the compiler, the first ones for coverage too."""
    return [
        value
        if place < number
        else pytest.param(*(value if isinstance(value, tuple) else [value]), marks=pytest.mark.slow)
        for place, value in enumerate(values)
    ]
