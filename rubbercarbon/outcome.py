"""Pools, fluxes and emissions of a scenario by year and draw, and sums of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.growth import Grown
from rubbercarbon.pools import co2e

Floats = NDArray[np.float64]
POOLS = ("agb", "bgb", "herb", "deadwood", "dead_roots", "litter", "products", "soil")
SUMS = ("biomass", "total")
FLUXES = (
    "uptake", "litterfall", "decay", "products_oxidised", "fuelwood", "burnt", "herb_loss",
    "soil_gain",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """A scenario's figures by year and draw, per hectare.

    Attributes
    ----------
    pools : ndarray, shape (8, n_years + 1, n_draws)
        `POOLS` after the events of each year [t C/ha].
    standing : ndarray, shape (8, n_years + 1, n_draws)
        The same before the events.
    fluxes : ndarray, shape (8, n_years + 1, n_draws)
        `FLUXES` [t C/ha/yr].
    emitted : ndarray, shape (3, n_years + 1, n_draws)
        Fertiliser, fuel, burning [t CO2e/ha/yr].
    latex : ndarray, shape (n_years + 1, n_draws)
        [kg dry rubber/ha/yr]
    grown : Grown
    agb, bgb : ndarray, shape (n_parts, n_years + 1, n_draws)
        Carbon of a stem [t].
    """

    pools: Floats
    standing: Floats
    fluxes: Floats
    emitted: Floats
    latex: Floats
    grown: Grown
    agb: Floats
    bgb: Floats

    def stock(self, name: str, *, before: bool = False) -> Floats:
        """A pool, or ``biomass`` (agb and bgb) or ``total`` (all) [t C/ha], (n_years + 1, n)."""
        pools = self.standing if before else self.pools
        if name == "total":
            return np.asarray(pools.sum(axis=0))
        if name == "biomass":
            return np.asarray(pools[0] + pools[1])
        return np.asarray(pools[POOLS.index(name)])

    def average(self, name: str, period: int) -> Floats:
        """Stock averaged over the years 0 to ``period``, felling at their ends, shape (n,)."""
        after, before = self.stock(name), self.stock(name, before=True)
        result: Floats = 0.5 * (after[:period] + before[1 : period + 1]).mean(axis=0)
        return result


def removals(outcome: Outcome) -> Floats:
    """Carbon taken up since the start, less emissions [t CO2e/ha], shape (n_years + 1, n_draws)."""
    total = outcome.stock("total")
    emitted = np.cumsum(outcome.emitted.sum(axis=0), axis=0)
    return np.asarray(co2e(total - total[:1]) - (emitted - emitted[:1]))
