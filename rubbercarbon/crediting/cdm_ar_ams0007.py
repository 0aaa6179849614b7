"""CDM afforestation and reforestation with AR-TOOL14, 12, 15 and 16."""

from __future__ import annotations

import math

from allometry.evaluation import evaluate
from rubbercarbon import gases
from rubbercarbon.cases import Case, Line
from rubbercarbon.ladder_lines import stock_lines
from rubbercarbon.pools import co2e
from rubbercarbon.profiles import Profile, get_profile
from rubbercarbon.sites import Place

ID = "cdm-ar-ams0007"


def own_lines(case: Case) -> list[Line]:
    """Dead wood and litter as default shares of tree carbon, where the climate is known.

    References
    ----------
    CDM AR-TOOL12. A comparison of scenarios brings its own dead wood and litter.
    """
    if case.claim.kind == "comparison" or case.site is None:
        return []
    climate = climate_of(case.profile, case.site.site)
    if climate is None:
        return []
    change = math.fsum(line.value_t for line in stock_lines(case))
    return [
        Line(
            f"pool_{pool}", change * case.profile.figure(f"{pool}_{climate}"), note="default_share"
        )
        for pool in ("deadwood", "litter")
    ]


def climate_of(profile: Profile, place: Place) -> str | None:
    """Class of AR-TOOL12 by elevation and rain; None where they are not known."""
    if place.elevation_m is None:
        return None
    if place.elevation_m > profile.figure("high_m"):
        return "high"
    if place.rainfall_mm_yr is None:
        return None
    if place.rainfall_mm_yr < profile.figure("rain_dry_mm"):
        return "dry"
    return "moist" if place.rainfall_mm_yr <= profile.figure("rain_wet_mm") else "wet"


def stand_root_shoot(agb_t_ha: float) -> float:
    """Stand-level root:shoot ratio for an above-ground biomass [t/t].

    References
    ----------
    CDM AR-TOOL14, appendix 1 (Cairns et al. 1997): exp(-1.085 + 0.9256 ln b) / b.

    Examples
    --------
    >>> [round(stand_root_shoot(b), 4) for b in (50.0, 100.0, 150.0)]
    [0.2526, 0.2399, 0.2327]
    """
    return float(evaluate("cairns_1997", agb_stand=[agb_t_ha])[0]) / agb_t_ha


def displaced(biomass_t: float) -> float:
    """Emissions of woody biomass that is cleared elsewhere for what was displaced [t CO2e].

    References
    ----------
    CDM AR-TOOL15: tree biomass times a factor for dead wood and litter, by the carbon fraction.

    Examples
    --------
    >>> round(displaced(100.0), 4)
    189.5667
    """
    profile = get_profile(ID)
    carbon = biomass_t * profile.figure("displaced_factor") * profile.figure("carbon_fraction")
    return co2e(carbon)


def soil_change(reference_t_ha: float, before: float, after: float) -> float:
    """Yearly change of soil carbon over the first 20 years, capped [t C/ha/yr].

    References
    ----------
    CDM AR-TOOL16; IPCC stock factors.

    Examples
    --------
    >>> round(soil_change(38.0, 0.83, 1.01), 3), round(soil_change(38.0, 0.48, 1.01), 3)
    (0.342, 0.8)
    """
    profile = get_profile(ID)
    gain = gases.soil_gain(reference_t_ha, before, after, years=profile.figure("soil_years"))
    return min(gain, profile.figure("soil_cap_t_c_ha_yr"))
