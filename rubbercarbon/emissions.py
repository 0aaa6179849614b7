"""Yearly emissions of a scenario that no pool holds: fertiliser, fuel, gases of burning; and latex.

Figures are per hectare; arrays have shape (n_years + 1, n_draws).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rubbercarbon import gases
from rubbercarbon.gases import G_PER_KG, nitrous_oxide
from rubbercarbon.growth import Calendar, Figures, Part, effect_at, effects_on
from rubbercarbon.pools import KG_PER_T
from rubbercarbon.scenarios.interface import Scenario

Floats = NDArray[np.float64]
SOURCES = ("fertiliser", "fuel", "burning")


def rubber_ages(parts: tuple[Part, ...], calendar: Calendar) -> tuple[Floats, Floats]:
    """Age of the rubber of each year (NaN: none) and its planted stems/ha, shape (n_years + 1,)."""
    age = np.full(calendar.age.shape[1], np.nan)
    stems = np.zeros(calendar.age.shape[1])
    for p, part in enumerate(parts):
        if part.component.role != "rubber":
            continue
        there = calendar.age[p] >= 1
        age[there] = np.fmax(age[there], calendar.age[p][there])
        stems[there] += part.start_stems or part.stocking
    return age, stems


def nitrogen(
    scenario: Scenario, parts: tuple[Part, ...], calendar: Calendar, figures: Figures
) -> Floats:
    """Fertiliser nitrogen of each year [kg N/ha]: the scenario's own, else recommended doses."""
    age, stems = rubber_ages(parts, calendar)
    given = scenario.emissions.nitrogen_kg_per_ha
    if given is not None:
        return np.where(np.isnan(age), 0.0, given)
    young = figures.record("nitrogen_immature")
    tapped_from = figures.value("tapping_age")
    mature = figures.value("nitrogen_mature")
    dose = np.array(
        [
            0.0 if np.isnan(a) else young.by_year(int(a) - 1) if a <= tapped_from else mature
            for a in age
        ]
    )
    return dose * stems / figures.value("reference_stocking")


def fertiliser(amount: Floats, figures: Figures) -> Floats:
    """Nitrous oxide of fertiliser, direct and indirect [t CO2e/ha/yr].

    Parameters
    ----------
    amount : ndarray, shape (n_years + 1,)
        [kg N/ha/yr]
    figures : Figures

    """
    kg = nitrous_oxide(
        amount[:, None],
        direct=figures.draws("n2o_direct"),
        volatilised=figures.draws("n_volatilised"),
        from_volatilised=figures.draws("n2o_volatilised"),
        leached=figures.draws("n_leached"),
        from_leached=figures.draws("n2o_leached"),
        gwp=figures.value("gwp_n2o"),
    )
    return kg / KG_PER_T


def fuel(scenario: Scenario, figures: Figures, years: int) -> Floats:
    """Carbon dioxide of fuel [t CO2e/ha/yr]; nothing where the amount is unknown."""
    litres = scenario.emissions.fuel_l_per_ha or 0.0
    return np.full((years + 1, figures.deviates.count), litres * figures.value("diesel"))


def burning(burnt: Floats, carbon_fraction: float, figures: Figures) -> Floats:
    """Methane and nitrous oxide of burnt residue [t CO2e/ha/yr]; its CO2 is a flux of the pools.

    Parameters
    ----------
    burnt : ndarray, shape (n_years + 1, n_draws)
        [t C/ha/yr]
    carbon_fraction : float
    figures : Figures
    """
    return gases.burning(
        np.ones_like(burnt),
        burnt / carbon_fraction,
        combusted=1.0,
        ch4_g_kg=G_PER_KG * figures.value("burning_ch4"),
        n2o_g_kg=G_PER_KG * figures.value("burning_n2o"),
        gwp_ch4=figures.value("gwp_ch4"),
        gwp_n2o=figures.value("gwp_n2o"),
    )


def latex(
    scenario: Scenario, parts: tuple[Part, ...], calendar: Calendar, figures: Figures
) -> Floats:
    """Dry rubber tapped [kg/ha/yr]; an export that is never taken from the trees' carbon."""
    age, stems = rubber_ages(parts, calendar)
    profile = figures.record("latex_profile")
    tapped = any(p.component.role == "rubber" and p.component.tapped for p in parts)
    start = figures.value("tapping_age")
    share = np.array(
        [0.0 if np.isnan(a) or a <= start else profile.by_year(int(a - start) - 1) for a in age]
    )
    share *= stems / figures.value("reference_stocking") * float(tapped)
    level = figures.draws("latex_yield")
    if scenario.agroforestry:
        level = level * (1.0 + figures.draws("latex_under_agroforestry"))
    for part in scenario.component:
        for effect in effects_on(scenario, part.name, "latex"):
            level = level * effect_at(effect, figures.deviates)
    result: Floats = share[:, None] * level
    return result
