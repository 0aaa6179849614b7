"""Premium T-VER, afforestation of lands except wetlands: a deduction in steps."""

from __future__ import annotations

from rubbercarbon.cases import Case, Line


def own_lines(case: Case) -> list[Line]:  # noqa: ARG001
    """None beyond the profile's switches."""
    return []
