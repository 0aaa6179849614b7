"""A slow twin of scenarios: one draw at a time, plain Python, written apart from the library.

It reads the scenario file and the TOML of figures itself; only published equations and height
models are shared (they have twins of their own in ``naive.py``).
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np

import allometry as al
import rubbercarbon

ROOT = Path(rubbercarbon.__file__).parent
FIGURES = tomllib.loads((ROOT / "scenarios" / "parameters.toml").read_text("utf-8"))
CURVES = tomllib.loads(
    (Path(al.__file__).parent / "catalogue" / "growth_curves.toml").read_text("utf-8")
)
LIGHT = [100, 100, 80, 60, 40, 20, 20, 20, 10]


def curve(name, t):
    c = CURVES[name]["coefficients"]
    d0, a, k, p = c.get("d0", 0.0), c["a"], c["k"], c.get("p", 1.0)
    match CURVES[name]["form"]:
        case "weibull":
            return d0 + a * (1 - math.exp(-k * t**p))
        case "monomolecular":
            return d0 + a * (1 - math.exp(-k * t))
        case "capped":
            return min(k * t, a)
    raise KeyError(name)


def figure(name, z=0.0):
    """A figure at a normal: its value at 0, the ends of its range at 1.645."""
    row = FIGURES[name]
    if "low" not in row:
        return row["value"]
    step = row["high"] - row["value"] if z > 0 else row["value"] - row["low"]
    value = row["value"] + step * z / 1.6448536269514722
    return max(value, 0.0) if row["low"] >= 0 else value


class Plant:
    """What the twin knows of one component."""

    def __init__(self, name, growth, stems, rotation, mortality, *, rubber=False, open_light=False,
                 equation, roots, density, height, wood="sawn", year=0):  # fmt: skip
        self.name, self.growth, self.stems, self.rotation = name, growth, stems, rotation
        self.mortality, self.rubber, self.open_light = mortality, rubber, open_light
        self.equation, self.roots, self.density, self.height = equation, roots, density, height
        self.wood, self.year = wood, year


def biomass(plant, dbh):
    """AGB and BGB [kg] and height [m] of a stem."""
    height = float(al.predict_height(plant.height, dbh=[dbh])[0])
    given = {"dbh": [dbh], "height": [height], "wood_density": [plant.density]}
    above = float(al.evaluate(plant.equation, **given)[0])
    if plant.roots == "rsr_tropical_asia":
        return above, 0.226 * above, height
    return above, float(al.evaluate(plant.roots, dbh=[dbh])[0]), height


def project(plants, years, *, z=None, deviation=None, shift=None, mass=None):
    """Stocks by year of one draw [t C/ha]: living (after, before), dead, products, litter.

    ``z``: normals of figures; ``deviation``: ln of size over the curve by plant; ``mass``: factor on
    biomass by plant and age, and on roots.
    """
    z, deviation = z or {}, deviation or {}
    state = {p.name: None for p in plants}
    dead = roots = products = litter = 0.0
    shade = [figure(n, z.get(n, 0.0)) for n in ("shade_open", "shade_partial", "shade_closed")]
    crowding = figure("crowding", z.get("crowding", 0.0))
    table = []
    for t in range(years + 1):
        rubbers = [s for p in plants if p.rubber and (s := state[p.name]) and s["n"] > 0]
        tall = max((s["height"] for s in rubbers), default=0.0)
        rubber_age = max((s["age"] + 1 for s in rubbers), default=-1)
        old = {name: dict(s) for name, s in state.items() if s}
        dead *= math.exp(-figure("deadwood_decay", z.get("deadwood_decay", 0.0)))
        roots *= math.exp(-figure("root_decay", z.get("root_decay", 0.0)))
        products *= math.exp(-math.log(2) / 35.0)
        living = left = 0.0
        fresh_dead = fresh_roots = fresh_products = 0.0
        for p in plants:
            s = state[p.name]
            if s:
                s["age"] += 1
                step = 1.0
                if not p.rubber:
                    light = 100
                    if not p.open_light and rubber_age >= 1 and s["height"] < tall:
                        light = LIGHT[min(rubber_age, 8)]
                    step = shade[0] if light >= 50 else shade[1] if light >= 20 else shade[2]
                s["clock"] += step
                value = curve(p.growth, s["clock"]) * math.exp(
                    deviation.get(p.name, 0.0) + (shift[p.name][t] if shift else 0.0)
                )
                rate = figure(p.mortality, z.get(p.mortality, 0.0))
                before_n = s["n"] * math.exp(-rate)
                if p.rubber and s["age"] >= 5:
                    crowd = before_n
                    for name, other in old.items():
                        if name != p.name and other["d"] > 0:
                            crowd += other["n"] * (other["d"] / old[p.name]["d"]) ** 1.6
                    value *= (crowd / (475.0 * math.exp(-rate * s["age"]))) ** -crowding
                s["d"] = max(s["d"], value)
                above, below, s["height"] = biomass(p, s["d"])
                if mass:
                    factor, root_factor = mass(p, t, s["d"])
                    above, below = above * factor, below * factor * root_factor
                above, below = above * 0.47 / 1000, below * 0.47 / 1000
                died = s["n"] - before_n
                dead += died * s["a"]
                roots += died * s["b"]
                s["n"], s["a"], s["b"] = before_n, above, below
                living += s["n"] * (above + below)
                if p.rotation and s["age"] >= p.rotation:
                    fresh_roots += s["n"] * below
                    fresh_dead += 0.25 * s["n"] * above
                    if p.wood == "sawn":
                        sawn = figure("sawn_recovery", z.get("sawn_recovery", 0.0))
                        fresh_products += 0.75 * s["n"] * above * sawn
                    state[p.name] = s = None
                else:
                    left += s["n"] * (above + below)
            if s is None and t >= p.year:
                state[p.name] = {"n": p.stems, "d": 0.0, "clock": 0.0, "age": 0, "a": 0.0,
                                 "b": 0.0, "height": 0.0}  # fmt: skip
        standing_dead = dead + roots
        dead, roots, products = dead + fresh_dead, roots + fresh_roots, products + fresh_products
        litter = 0.01 * left
        table.append((left, living, dead, roots, products, litter, standing_dead))
    return np.array(table)
