"""Greenhouse gases of fertiliser and fire, and longevity of storage: the formulas alone.

Factors are arguments; scenarios and crediting programmes bring their own, with their sources.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

N2O_PER_N = 44.0 / 28.0
G_PER_KG = 1000.0
Number = TypeVar("Number", float, NDArray[np.float64])


def nitrous_oxide(
    nitrogen_kg: Number,
    *,
    direct: Number,
    volatilised: Number,
    from_volatilised: Number,
    leached: Number,
    from_leached: Number,
    gwp: float,
) -> Number:
    """Nitrous oxide of fertiliser nitrogen, direct and indirect [kg CO2e].

    Parameters
    ----------
    nitrogen_kg : float or ndarray
        [kg N]
    direct : float or ndarray
        EF1 [kg N2O-N/kg N].
    volatilised, leached : float or ndarray
        Shares of the nitrogen [1].
    from_volatilised, from_leached : float or ndarray
        EF4 and EF5 [kg N2O-N/kg N].
    gwp : float
        [kg CO2e/kg N2O]

    References
    ----------
    IPCC 2019 Refinement, volume 4, chapter 11, equations 11.1, 11.9 and 11.10.

    Examples
    --------
    >>> round(nitrous_oxide(100.0, direct=0.01, volatilised=0.11, from_volatilised=0.01,
    ...                     leached=0.24, from_leached=0.011, gwp=265.0), 3)
    572.173
    """
    factor = direct + volatilised * from_volatilised + leached * from_leached
    return nitrogen_kg * factor * N2O_PER_N * gwp


def burning(
    area_ha: Number, biomass_t_ha: Number, *, combusted: float, ch4_g_kg: float, n2o_g_kg: float,
    gwp_ch4: float, gwp_n2o: float,
) -> Number:  # fmt: skip
    """Methane and nitrous oxide of burnt biomass [t CO2e]; its carbon dioxide is a stock change.

    Examples
    --------
    >>> round(burning(2.0, 10.0, combusted=1.0, ch4_g_kg=6.8, n2o_g_kg=0.2, gwp_ch4=28.0,
    ...               gwp_n2o=265.0), 3)
    4.868
    """
    per_t = (ch4_g_kg * gwp_ch4 + n2o_g_kg * gwp_n2o) / G_PER_KG
    return area_ha * biomass_t_ha * combusted * per_t


def longevity_score(years: float, *, offset: float, per_year: float, safe_years: float) -> float:
    """Risk score of a commitment to keep the trees [points]: offset - years x per_year, at least 0.

    Examples
    --------
    >>> longevity_score(40, offset=25, per_year=0.2, safe_years=100)
    17.0
    """
    return 0.0 if years >= safe_years else max(0.0, offset - per_year * years)


def soil_gain(
    reference_t_ha: float, before: float, after: float, *, management: float = 1.0,
    inputs: float = 1.0, years: float = 20.0,
) -> float:  # fmt: skip
    """Yearly change of soil carbon by stock factors [t C/ha/yr].

    Parameters
    ----------
    reference_t_ha : float
        SOC_REF [t C/ha].
    before, after : float
        Land-use factors [1].
    management, inputs : float
        Factors that do not change [1].
    years : float
        Until the new equilibrium.

    References
    ----------
    IPCC 2019 Refinement, volume 4, chapter 2, equation 2.25.

    Examples
    --------
    >>> round(soil_gain(38.0, 0.83, 1.01), 3)
    0.342
    """
    return reference_t_ha * (after - before) * management * inputs / years
