"""T-VER Standard, perennial crops (rubber): only registry rows are known."""

from __future__ import annotations

from rubbercarbon.cases import Case, Line


def own_lines(case: Case) -> list[Line]:  # noqa: ARG001
    """None: its text is not known."""
    return []
