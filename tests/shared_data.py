"""Where the reference data lie; tests that need them are skipped with a reason without them."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def data(*parts):
    """Path of a reference file, or a skip that says what is missing."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(
            f"needs the reference file {'/'.join(('..', 'shared', *parts))}, which is not here"
        )
    return path
