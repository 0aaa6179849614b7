"""Fixtures for all tests."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line: waiting threads sleep


@pytest.fixture
def amount():
    """How many random cases: few where every one is interpreted."""
    return 200 if os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"} else 20_000
