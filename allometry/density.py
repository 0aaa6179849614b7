"""Basic wood density: species → genus → family → mean of all species, with sd and level."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allometry.catalogue.loader import constant, read_csv
from allometry.names import listed, match_one, species_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Density:
    """One density with its standard deviation, both in g/cm3, its level and its source."""

    value: float
    sd: float
    level: str
    source: str
    grade: str


@functools.cache
def _table() -> dict[tuple[str, str], Density]:
    return {
        (row["level"], row["taxon"]): Density(
            float(row["wood_density_g_cm3"]),
            float(row["sd_g_cm3"]),
            row["level"],
            f"{row['source']}; {row['seen']}",
            row["grade"],
        )
        for row in read_csv("wood_density.csv")
    }


@functools.cache
def _pooled(level: str, taxon: str) -> Density | None:
    """Mean over the table's species of a genus, of a family or of all, with its total spread."""
    species = species_table()
    members = [
        density
        for (kind, name), density in _table().items()
        if kind == "species"
        and (
            level == "default"
            or (level == "genus" and name.split()[0] == taxon)
            or (level == "family" and name in species and species[name].family == taxon)
        )
    ]
    if not members or (level == "family" and len(members) < 2):
        return None
    mean = sum(member.value for member in members) / len(members)
    between = sum((member.value - mean) ** 2 for member in members) / max(len(members) - 1, 1)
    within = sum(member.sd**2 for member in members) / len(members)
    source = f"mean of {len(members)} species of the density table; {members[0].source}"
    return Density(mean, math.sqrt(between + within), level, source, "B")


@functools.cache
def find_density(species: str, genus: str, family: str) -> Density:
    """Density of an accepted name, or of the nearest level that has one.

    Parameters
    ----------
    species, genus, family : str
        Empty where unknown.

    Returns
    -------
    Density
        Level ``species``, ``genus``, ``family`` or ``default``.
    """
    table = _table()
    for level, taxon in (("species", species), ("genus", genus), ("family", family)):
        if taxon:
            found = table.get((level, taxon)) or (
                _pooled(level, taxon) if level != "species" else None
            )
            if found is not None:
                return found
    default = _pooled("default", "")
    if default is None:  # the shipped table is never empty
        return Density(math.nan, math.nan, "none", "no density table", "C")
    return default


@functools.cache
def air_dry_densities() -> dict[str, float]:
    """Air-dry densities that circulate in Thailand [g/cm3], to recognise them; never a default."""
    rows = read_csv("wood_density_air_dry.csv")
    return {row["species"]: float(row["air_dry_g_cm3"]) for row in rows}


def basic_from_air_dry(density: float) -> float:
    """Basic density of a density at 12 % moisture, both in g/cm3 (Vieilledent et al. 2018)."""
    return constant("air_dry_to_basic") * density


def wood_density(species: str | Iterable[str | None]) -> pd.DataFrame:
    """Basic wood density of species.

    Parameters
    ----------
    species : str or iterable of str
        Names in any spelling that `allometry.match_names` knows.

    Returns
    -------
    pandas.DataFrame
        One row per name: species, wood_density_g_cm3, sd_g_cm3, level (species, genus, family or
        default: the mean of all species of the table), source, grade. Names that are not known
        have the level ``default``.

    References
    ----------
    ``allometry/catalogue/wood_density.csv``, row by row; basic density: oven-dry mass over green
    volume.

    Examples
    --------
    >>> import allometry as al
    >>> al.wood_density(["Hevea brasiliensis", "Durio sp."])["level"].tolist()
    ['species', 'genus']
    """
    import pandas as pd  # noqa: PLC0415

    rows = []
    for name in listed(species):
        match = match_one(name)
        density = find_density(match.species, match.genus, match.family)
        rows.append(
            {
                "species": match.species,
                "wood_density_g_cm3": density.value,
                "sd_g_cm3": density.sd,
                "level": density.level,
                "source": density.source,
                "grade": density.grade,
            }
        )
    return pd.DataFrame(rows)
