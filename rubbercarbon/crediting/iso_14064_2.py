"""Plain difference of two stocks less emissions, in the manner of ISO 14064-2; no programme."""

from __future__ import annotations

from rubbercarbon.cases import Case, Line


def own_lines(case: Case) -> list[Line]:  # noqa: ARG001
    """None."""
    return []
