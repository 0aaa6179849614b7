"""Verra VM0047, area-based: 10 % free, buffer of 12 % or more, cap at the average."""

from __future__ import annotations

from rubbercarbon import gases, precision
from rubbercarbon.cases import Case, Line
from rubbercarbon.errors import SettingsError
from rubbercarbon.profiles import get_profile

ID = "vm0047-area"


def own_lines(case: Case) -> list[Line]:  # noqa: ARG001
    """None beyond the profile's switches."""
    return []


def uncertainty(
    first_se: float, second_se: float, change: float, *, t: float, correlation: float = 0.0
) -> float:
    """Share of the change to be deducted, equation 28 [1].

    Examples
    --------
    >>> round(uncertainty(10, 30, 300, t=1.6973), 5)
    0.07891
    """
    allowed = get_profile(ID).figure("precision_allowed")
    return precision.excess_share(
        first_se, second_se, change, t=t, allowed=allowed, correlation=correlation
    )


def longevity(years: float, *, legal: bool) -> float:
    """Risk points of how long the trees are kept, T-BAR table 4.

    Raises
    ------
    SettingsError
        Below the shortest longevity allowed.

    Examples
    --------
    >>> longevity(40, legal=False), longevity(40, legal=True)
    (17.0, 15.0)
    """
    profile = get_profile(ID)
    least = profile.figure("longevity_least_years")
    if years < least:
        raise SettingsError(
            f"a longevity of {years:g} years fails the risk tool: at least {least:g} are needed."
        )
    safe = profile.figure("longevity_safe_years") if legal else float("inf")
    return gases.longevity_score(
        years,
        offset=profile.figure("longevity_offset"),
        per_year=profile.figure("longevity_per_year_legal" if legal else "longevity_per_year"),
        safe_years=safe,
    )
