"""What a programme is applied to: the change of a stock, from whatever a user has.

A claim comes from two censuses, from a stock and the stock at the start, from scenarios, or from
amounts given by hand. It knows masses by line (growth, mortality ...), trees for a programme's own
factors and diameter threshold, and two uncertainties: of sampling alone and of everything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from rubbercarbon.precision import MANY, half_width_of
from rubbercarbon.sampling import student_t

Kind = Literal["change", "stock_difference", "comparison", "amounts", "stock"]


@dataclass(frozen=True)
class Sampled:
    """Sampling error of a claim's above-ground biomass.

    Attributes
    ----------
    se_t : float
        Standard error [t AGB]; 0 for a census.
    degrees : float
    n_plots, n_strata : int
    """

    se_t: float
    degrees: float
    n_plots: int
    n_strata: int

    def half_width(self, level: float) -> float:
        """Half-width of the interval at a level [t AGB]."""
        return 0.0 if self.se_t == 0.0 else student_t(level, self.degrees) * self.se_t


@dataclass(frozen=True)
class Claim:
    """A signed change of stocks with what is needed to credit it.

    Attributes
    ----------
    kind : str
    lines : dict
        Line → (AGB [t], CO2e [t]) with the project's own roots and carbon fractions, signed.
    trees : pandas.DataFrame
        line, dbh_cm, agb_t, co2e_t (signed), palm; empty where trees are not known.
    full_se_t : float
        Standard error of the whole, all errors [t CO2e]; NaN where unknown.
    full_interval_t : tuple of float
        Level and half-width that were reported [1, t CO2e].
    full_percent : float
        The same of amounts given by hand, at 90 % [%]; NaN elsewhere.
    sampled : Sampled or None
    why_no_sampling : str
        Code of the reason.
    area_ha : float
        Land that the claim describes; NaN where unknown.
    describes : str
        ``land``, ``measured plots`` or ``given``.
    baseline : tuple of float or None
        AGB and CO2e of a comparison's baseline [t], as in `lines`.
    pools : dict
        Other pools of a comparison: change over the baseline's [t CO2e].
    long_term_t : float or None
        Average stock over whole rotations above the start, over the baseline's [t CO2e].
    years : float or None
    felled_at_end : bool
        The design is felled in the year at which its change is taken.
    emitted_t : dict
        Emissions of a comparison over the baseline's by source [t CO2e].
    outside, doubtful : int
        Rows outside an equation's range; rows of grade C equations.
    tables : dict of pandas.DataFrame
        Of the source, by name of file.
    run : dict
    """

    kind: Kind
    lines: dict[str, tuple[float, float]]
    trees: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    full_se_t: float = math.nan
    full_interval_t: tuple[float, float] = (0.0, math.nan)
    full_percent: float = math.nan
    sampled: Sampled | None = None
    why_no_sampling: str = ""
    area_ha: float = math.nan
    describes: str = "given"
    baseline: tuple[float, float] | None = None
    pools: dict[str, float] = field(default_factory=dict)
    long_term_t: float | None = None
    years: float | None = None
    felled_at_end: bool = False
    emitted_t: dict[str, float] = field(default_factory=dict)
    outside: int = 0
    doubtful: int = 0
    tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    run: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def agb_t(self) -> float:
        """Change of above-ground biomass [t]."""
        return math.fsum(agb for agb, _ in self.lines.values())

    @property
    def co2e_t(self) -> float:
        """Change with the project's own roots and carbon fractions [t CO2e]."""
        return math.fsum(value for _, value in self.lines.values())

    def full_half_width(self, level: float) -> float:
        """Half-width with all errors at a level [t CO2e]; of amounts [t AGB]."""
        if not math.isnan(self.full_percent):
            se = self.full_percent / 100.0 * abs(self.agb_t) / half_width_of(1.0)
            return half_width_of(se, level)
        known, half = self.full_interval_t
        if not math.isnan(half) and math.isclose(known, level):
            return half
        return half_width_of(self.full_se_t, level)


def amounts(
    agb_t: float,
    *,
    co2e_t: float | None = None,
    half_width_percent: float = 0.0,
    full_half_width_percent: float | None = None,
    level: float = 0.90,
    area_ha: float = math.nan,
    years: float | None = None,
) -> Claim:
    """A claim from amounts that were computed elsewhere.

    Parameters
    ----------
    agb_t : float
        Change of above-ground biomass [t], signed.
    co2e_t : float, optional
        The same with roots as CO2e [t]; for programmes without factors of their own.
    half_width_percent : float
        Of sampling, over the absolute change [%].
    full_half_width_percent : float, optional
        With all errors; the same as of sampling by default [%].
    level : float
        Of both.
    area_ha : float
    years : float, optional

    Returns
    -------
    Claim

    Examples
    --------
    >>> amounts(100.0).agb_t
    100.0
    """
    z = half_width_of(1.0, level)
    value = co2e_t if co2e_t is not None else math.nan
    full = half_width_percent if full_half_width_percent is None else full_half_width_percent
    return Claim(
        "amounts",
        {"stock_change": (agb_t, value)},
        full_percent=full * half_width_of(1.0) / z,
        sampled=Sampled(half_width_percent / 100.0 * abs(agb_t) / z, MANY, 0, 0),
        area_ha=area_ha,
        years=years,
    )
