"""A stand through the years: diameters and numbers of stems, then the pools that they fill.

Draws run in parallel; inside a draw the years and components of a scenario follow each other,
because shade and crowding of a year depend on the sizes of the year before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allometry.kernels._jit import inline, kernel, prange

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# forms of growth curves, in the order of allometry.growth.FORMS
MONOMOLECULAR, CHAPMAN, CHAPMAN_FROM, WEIBULL, GOMPERTZ, SCHUMACHER, CAPPED = range(7)
# columns of `effects`, one row per draw
FULL_LIGHT, HALF_LIGHT, LOW_LIGHT, CROWDING, UNTAPPED = range(5)
# columns of `traits`, one row per component
FORM, IS_RUBBER, UNDER_RUBBER, TAPPED, REFERENCE = range(5)
# columns of `rules`
SIZE_POWER, CLOSURE_AGE, TAPPING_AGE, HALF_FROM, LOW_BELOW = range(5)
# pools and fluxes, in the order of rubbercarbon.pools_of_stands
AGB, BGB, HERB, DEADWOOD, DEAD_ROOTS, LITTER, PRODUCTS = range(7)
UPTAKE, LITTERFALL, DECAY, OXIDISED, FUELWOOD, BURNT, HERB_LOSS = range(7)
# columns of `rates`, one row per draw
DEADWOOD_RATE, ROOT_RATE, PRODUCT_RATE, LITTER_SHARE, RESIDUE_SHARE, SAWN_SHARE = range(6)


@inline
def _curve(form: int, t: float, d0: float, a: float, k: float, p: float) -> float:
    if form == MONOMOLECULAR:
        return d0 + a * (1.0 - np.exp(-k * t))
    if form == CHAPMAN:
        return d0 + a * (1.0 - np.exp(-k * t)) ** p
    if form == CHAPMAN_FROM:
        return a * (1.0 - (1.0 - (d0 / a) ** (1.0 / p)) * np.exp(-k * t)) ** p
    if form == WEIBULL:
        return d0 + a * (1.0 - np.exp(-k * t**p))
    if form == GOMPERTZ:
        low = np.exp(-p)
        return d0 + a * (np.exp(-p * np.exp(-k * t)) - low) / (1.0 - low)
    if form == SCHUMACHER:
        return d0 + (a * np.exp(-k / t) if t > 0.0 else 0.0)
    return min(k * t, a)


@kernel
def grow(  # noqa: PLR0915  (one fused loop)
    traits: Floats, rules: Floats, light: Floats, age: Ints, planted: Floats, cut: Floats,
    start: Floats, parameters: Floats, deviation: Floats, shift: Floats, mortality: Floats,
    effects: Floats, height: Floats, height_step: float,
    dbh: Floats, before: Floats, after: Floats,
) -> None:  # fmt: skip
    """Diameter and number of stems of each component by year and draw.

    Parameters
    ----------
    traits : ndarray, shape (n_components, 5)
        Form of the curve, rubber or not, shaded by rubber or not, tapped or not, stems/ha for
        which the rubber curve holds.
    rules : ndarray, shape (5,)
        Power of relative size in crowding, age of canopy closure, first age of tapping, light
        [%] from which shade is half and below which it is deep.
    light : ndarray, shape (n_ages,)
        Light under rubber by its age [%].
    age : ndarray of int64, shape (n_components, n_years + 1)
        Age of the cohort standing before the events of a year; -1 for none.
    planted, cut : ndarray, shape (n_components, n_years + 1)
        Stems/ha planted in a year, and share of the stand cut.
    start : ndarray, shape (n_components, 4)
        Stems/ha, age and diameter at year 0 of a stand that is there already, and ln of its
        diameter over the stand's mean, which a later cohort does not inherit; 0 for none.
    parameters : ndarray, shape (n_components, 4, n_draws)
        d0, a, k, p of the curves.
    deviation : ndarray, shape (n_components, n_draws)
        ln of the stand's size over its curve.
    shift : ndarray, shape (n_components, n_years + 1)
        What centres the errors of a year.
    mortality : ndarray, shape (n_components, n_draws)
        [1/yr]
    effects : ndarray, shape (n_draws, 5)
    height : ndarray, shape (n_components, n_steps)
        Height [m] by diameter, every ``height_step`` cm.
    height_step : float
    dbh, before, after : ndarray, shape (n_components, n_years + 1, n_draws)
        Filled: diameter [cm] and stems/ha before and after the events of each year.
    """
    n, years = age.shape[0], age.shape[1]
    steps = height.shape[1]
    for j in prange(deviation.shape[1]):
        size = np.zeros(n)
        clock = np.zeros(n)
        stems = np.zeros(n)
        tall = np.zeros(n)
        rank = start[:, 3].copy()
        for t in range(years):
            # the rubber that shades and is crowded, as it stood a year ago
            rubber_height, rubber_age = 0.0, -1
            for c in range(n):
                if traits[c, IS_RUBBER] == 1.0 and stems[c] > 0.0 and tall[c] >= rubber_height:
                    rubber_height = tall[c]
                    rubber_age = max(rubber_age, age[c, t])
            old_size = size.copy()
            old_stems = stems.copy()
            for c in range(n):
                before[c, t, j] = 0.0
                dbh[c, t, j] = 0.0
                if age[c, t] >= 0:
                    step = 1.0
                    if t == 0:
                        step = 0.0
                        clock[c] = start[c, 1]
                        stems[c] = start[c, 0]
                    elif traits[c, IS_RUBBER] == 1.0:
                        if traits[c, TAPPED] == 0.0 and age[c, t] > rules[TAPPING_AGE]:
                            step = 1.0 / (1.0 - effects[j, UNTAPPED])
                    else:
                        lit = 100.0
                        if (
                            traits[c, UNDER_RUBBER] == 1.0
                            and rubber_age >= 1
                            and tall[c] < rubber_height
                        ):
                            lit = light[min(rubber_age, light.shape[0] - 1)]
                        if lit >= rules[HALF_FROM]:
                            step = effects[j, FULL_LIGHT]
                        elif lit >= rules[LOW_BELOW]:
                            step = effects[j, HALF_LIGHT]
                        else:
                            step = effects[j, LOW_LIGHT]
                    clock[c] += step
                    value = _curve(
                        int(traits[c, FORM]), clock[c], parameters[c, 0, j], parameters[c, 1, j],
                        parameters[c, 2, j], parameters[c, 3, j],
                    ) * np.exp(deviation[c, j] + shift[c, t] + rank[c])  # fmt: skip
                    if t > 0:
                        stems[c] *= np.exp(-mortality[c, j])
                    reference = traits[c, REFERENCE] * np.exp(-mortality[c, j] * age[c, t])
                    if (
                        traits[c, IS_RUBBER] == 1.0
                        and reference > 0.0
                        and age[c, t] >= rules[CLOSURE_AGE]
                        and effects[j, CROWDING] > 0.0
                        and t > 0
                    ):
                        crowd = 0.0
                        for o in range(n):
                            if traits[o, IS_RUBBER] == 1.0:
                                if age[o, t] >= 0:
                                    crowd += old_stems[o] * np.exp(-mortality[o, j])
                            elif old_stems[o] > 0.0 and old_size[o] > 0.0:
                                relative = old_size[o] / old_size[c]
                                crowd += old_stems[o] * relative ** rules[SIZE_POWER]
                        value *= (crowd / reference) ** (-effects[j, CROWDING])
                    size[c] = start[c, 2] if t == 0 else max(size[c], value)
                    dbh[c, t, j] = size[c]
                    before[c, t, j] = stems[c]
                    stems[c] *= 1.0 - cut[c, t]
                if planted[c, t] > 0.0:
                    stems[c] = planted[c, t]
                    clock[c] = 0.0
                    rank[c] = 0.0
                    size[c] = 0.0
                elif age[c, t] < 0:
                    stems[c] = 0.0
                after[c, t, j] = stems[c]
                place = size[c] / height_step
                low = min(int(place), steps - 2)
                part = min(place - low, 1.0)
                tall[c] = height[c, low] + part * (height[c, low + 1] - height[c, low])


@kernel
def fill_pools(  # noqa: PLR0915  (one fused loop)
    agb: Floats, bgb: Floats, herb: Bools, before: Floats, after: Floats, planted: Floats,
    cut: Floats, wood: Floats, burn: Floats, rates: Floats, pools: Floats, standing: Floats,
    fluxes: Floats,
) -> None:  # fmt: skip
    """Carbon of each pool by year and draw; what leaves one arrives in another or in the air.

    Parameters
    ----------
    agb, bgb : ndarray, shape (n_components, n_years + 1, n_draws)
        Carbon of a stem above and below ground [t].
    herb : ndarray of bool, shape (n_components,)
    before, after : ndarray
        Stems/ha before and after the events of each year.
    planted, cut : ndarray, shape (n_components, n_years + 1)
    wood : ndarray, shape (n_components,)
        Share of cut stems that leaves the site as logs for sawing (1) or as fuel (0);
        -1: all is left.
    burn : ndarray, shape (n_years + 1,)
        Share of the residue of a year's cuts that is burnt.
    rates : ndarray, shape (n_draws, 6)
        Decay of deadwood, dead roots and products [1/yr]; litter over tree carbon; residue left of
        what is cut; sawn timber of a log.
    pools, standing : ndarray, shape (7, n_years + 1, n_draws)
        Filled: pools after the events of a year [t C/ha], and before them.
    fluxes : ndarray, shape (7, n_years + 1, n_draws)
        Filled: [t C/ha/yr].
    """
    n, years = agb.shape[0], agb.shape[1]
    for j in prange(agb.shape[2]):
        dead, roots, products, litter = 0.0, 0.0, 0.0, 0.0
        keep_dead = np.exp(-rates[j, DEADWOOD_RATE])
        keep_roots = np.exp(-rates[j, ROOT_RATE])
        keep_products = np.exp(-rates[j, PRODUCT_RATE])
        last_a = np.zeros(n)
        last_b = np.zeros(n)
        for t in range(years):
            for f in range(fluxes.shape[0]):
                fluxes[f, t, j] = 0.0
            if t > 0:
                lost = dead * (1.0 - keep_dead) + roots * (1.0 - keep_roots)
                fluxes[DECAY, t, j] += lost
                fluxes[OXIDISED, t, j] += products * (1.0 - keep_products)
                dead *= keep_dead
                roots *= keep_roots
                products *= keep_products
            above, below, soft = 0.0, 0.0, 0.0
            left_a, left_b, left_soft = 0.0, 0.0, 0.0
            new_dead, new_roots, new_products = 0.0, 0.0, 0.0
            for c in range(n):
                stand = before[c, t, j]
                if stand > 0.0:
                    a, b = agb[c, t, j], bgb[c, t, j]
                    if t > 0:
                        fluxes[UPTAKE, t, j] += stand * (a - last_a[c] + b - last_b[c])
                        died = max(after[c, t - 1, j] - stand, 0.0)
                        if herb[c]:
                            fluxes[HERB_LOSS, t, j] += died * last_a[c]
                        else:
                            dead += died * last_a[c]
                            roots += died * last_b[c]
                    felled = stand * cut[c, t]
                    if herb[c]:
                        soft += stand * a
                        left_soft += (stand - felled) * a
                        fluxes[HERB_LOSS, t, j] += felled * a
                    else:
                        above += stand * a
                        below += stand * b
                        left_a += (stand - felled) * a
                        left_b += (stand - felled) * b
                        new_roots += felled * b
                        residue = 1.0 if wood[c] < 0.0 else rates[j, RESIDUE_SHARE]
                        logs = felled * a * (1.0 - residue)
                        sawn = logs * max(wood[c], 0.0) * rates[j, SAWN_SHARE]
                        new_products += sawn
                        fluxes[FUELWOOD, t, j] += logs - sawn
                        fluxes[BURNT, t, j] += felled * a * residue * burn[t]
                        new_dead += felled * a * residue * (1.0 - burn[t])
                    last_a[c], last_b[c] = a, b
                if planted[c, t] > 0.0:
                    last_a[c], last_b[c] = 0.0, 0.0
            standing[AGB, t, j], standing[BGB, t, j], standing[HERB, t, j] = above, below, soft
            standing[DEADWOOD, t, j], standing[DEAD_ROOTS, t, j] = dead, roots
            standing[PRODUCTS, t, j] = products
            standing[LITTER, t, j] = rates[j, LITTER_SHARE] * (above + below)
            dead += new_dead
            roots += new_roots
            products += new_products
            fresh = rates[j, LITTER_SHARE] * (left_a + left_b)
            if t > 0:
                fluxes[LITTERFALL, t, j] = fresh - litter
            litter = fresh
            pools[AGB, t, j], pools[BGB, t, j], pools[HERB, t, j] = left_a, left_b, left_soft
            pools[DEADWOOD, t, j], pools[DEAD_ROOTS, t, j] = dead, roots
            pools[LITTER, t, j], pools[PRODUCTS, t, j] = litter, products
