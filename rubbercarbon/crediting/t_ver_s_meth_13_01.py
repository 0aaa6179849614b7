"""T-VER Standard, forestation: the tree tool, no leakage, no generic buffer."""

from __future__ import annotations

from rubbercarbon.cases import Case, Line
from rubbercarbon.errors import SettingsError
from rubbercarbon.pools import KG_PER_T
from rubbercarbon.profiles import get_profile


def own_lines(case: Case) -> list[Line]:  # noqa: ARG001
    """None beyond the profile's switches."""
    return []


def count_option(trees: float, years: float, subplot_rai: float, project_rai: float) -> float:
    """Removals by counting planted trees, without measuring them [t CO2].

    Parameters
    ----------
    trees : float
        Living planted trees.
    years : float
    subplot_rai, project_rai : float
        Area of the largest planted sub-plot and of the project [rai].

    Returns
    -------
    float

    Raises
    ------
    SettingsError
        For areas above the tool's limits.

    References
    ----------
    T-VER-S-TOOL-01-01 v2, as transcribed; not a growth rate of any species.

    Examples
    --------
    >>> round(count_option(76, 1, 1, 1), 3)
    0.722
    """
    profile = get_profile("t-ver-s-meth-13-01")
    most = profile.figure("count_option_subplot_rai"), profile.figure("count_option_project_rai")
    if subplot_rai > most[0] or project_rai > most[1]:
        raise SettingsError(
            f"the tree-count option is for planted sub-plots of {most[0]:g} rai and projects of "
            f"{most[1]:g} rai at most; found {subplot_rai:g} and {project_rai:g} rai."
        )
    return trees * years * profile.figure("count_option_kg_yr") / KG_PER_T
