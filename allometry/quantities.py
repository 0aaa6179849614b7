"""The vocabulary: every quantity's name, unit, plausible range and meaning, defined once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured or computed quantity.

    Attributes
    ----------
    name : str
        Argument name in the API.
    column : str
        Column name in tables, with its unit.
    unit : str
    low, high : float
        Plausible range: values outside are questioned, never clipped.
    meaning : str
    """

    name: str
    column: str
    unit: str
    low: float
    high: float
    meaning: str


_ALL = (
    Quantity("dbh", "dbh_cm", "cm", 0.5, 200.0, "stem diameter over bark at the point of "
             "measurement (breast height, 1.3 m, unless an equation says otherwise)"),
    Quantity("height", "height_m", "m", 0.3, 70.0, "total height"),
    Quantity("wood_density", "wood_density_g_cm3", "g/cm3", 0.1, 1.3,
             "basic density: oven-dry mass over green volume"),
    Quantity("stress", "stress", "1", -1.0, 2.0, "environmental stress E of Chave et al. 2014"),
    Quantity("crown_diameter", "crown_diameter_m", "m", 0.1, 40.0, "mean crown diameter"),
    Quantity("age", "age_years", "year", 0.0, 300.0, "age since planting"),
    Quantity("pom", "pom_m", "m", 0.0, 10.0, "height of the point of measurement"),
    Quantity("agb_stand", "agb_t_ha", "t/ha", 0.0, 1500.0, "above-ground biomass of a stand"),
    Quantity("agb_tree", "agb_kg", "kg", 0.0, 1e5, "above-ground biomass of a tree"),
    Quantity("agb", "agb_kg", "kg", 0.0, 1e5, "above-ground dry biomass"),
    Quantity("bgb", "bgb_kg", "kg", 0.0, 1e5, "below-ground dry biomass"),
    Quantity("stump_root", "bgb_kg", "kg", 0.0, 1e5, "stump and root dry biomass"),
    Quantity("total_biomass", "total_kg", "kg", 0.0, 1e5, "above- and below-ground biomass"),
    Quantity("stem", "stem_kg", "kg", 0.0, 1e5, "stem dry biomass"),
    Quantity("branch", "branch_kg", "kg", 0.0, 1e5, "branch dry biomass"),
    Quantity("leaf", "leaf_kg", "kg", 0.0, 1e5, "leaf dry biomass"),
    Quantity("bark", "bark_kg", "kg", 0.0, 1e5, "bark dry biomass"),
    Quantity("leafless_agb", "leafless_agb_kg", "kg", 0.0, 1e5, "stem and branches"),
    Quantity("agb_carbon", "agb_carbon_kg", "kg", 0.0, 1e5, "above-ground carbon"),
    Quantity("stem_volume", "stem_volume_m3", "m3", 0.0, 100.0, "stem volume over bark"),
    Quantity("merchantable_volume", "merchantable_volume_m3", "m3", 0.0, 100.0,
             "merchantable volume inside bark"),
    Quantity("crown_width", "crown_diameter_m", "m", 0.1, 40.0, "crown diameter"),
    Quantity("root_shoot", "root_shoot", "1", 0.0, 3.0, "below-ground over above-ground biomass"),
)  # fmt: skip

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _ALL}
INPUTS = ("dbh", "height", "wood_density", "stress", "crown_diameter", "age", "agb_stand",
          "agb_tree")  # fmt: skip
PREDICTED = ("agb", "bgb", "stump_root", "total_biomass", "stem", "branch", "leaf", "bark",
             "leafless_agb", "agb_carbon", "stem_volume", "merchantable_volume", "height",
             "crown_width", "root_shoot")  # fmt: skip
GROWTH_FORMS = ("tree", "shrub", "coffee", "cacao", "palm", "oil_palm", "areca", "coconut",
                "rattan", "acaulescent_palm", "sugar_palm", "bamboo", "banana", "tree_fern",
                "tea", "mangrove")  # fmt: skip
