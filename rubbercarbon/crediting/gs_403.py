"""Gold Standard 403: 20 % free, fertiliser by a flat factor, buffer of 20 %."""

from __future__ import annotations

from rubbercarbon.cases import UNKNOWN, Case, Line
from rubbercarbon.pools import co2e


def own_lines(case: Case) -> list[Line]:
    """Burning for site preparation: a share of the biomass that was cleared."""
    answer = case.project.answers.get("burnt_for_planting", "unknown")
    cleared = case.project.cleared_biomass_t
    if answer == "no" or cleared == 0.0:
        return []
    if answer == "unknown" or cleared is None:
        return [Line("emissions_site_preparation", 0.0, note=UNKNOWN)]
    fraction = case.profile.figure("cleared_carbon_fraction")
    burnt = case.profile.figure("burning_share") * cleared * fraction
    return [Line("emissions_site_preparation", -co2e(burnt))]
