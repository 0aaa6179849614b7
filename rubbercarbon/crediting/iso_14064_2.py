"""Plain difference of two stocks less emissions, as ISO 14064-2 has it; no programme."""

from __future__ import annotations

from rubbercarbon.cases import Case, Line


def own_lines(case: Case) -> list[Line]:  # noqa: ARG001
    """None."""
    return []
