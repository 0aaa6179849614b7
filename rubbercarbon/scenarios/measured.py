"""Scenarios that start from trees measured on the site instead of a planting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from allometry.names import match_one
from rubbercarbon.errors import SettingsError
from rubbercarbon.inventory import Inventory
from rubbercarbon.scenarios.checks import species_of
from rubbercarbon.scenarios.interface import Component, Measured, Scenario, read_scenario

CLASS_CM = 2.0
OLDEST = 100


def start_from_inventory(
    scenarios: Sequence[str | Path | Scenario],
    inventory: Inventory,
    age: int,
    *,
    years: int | None = None,
) -> list[Scenario]:
    """Scenarios whose rubber stands at year 0 as an inventory found it.

    Parameters
    ----------
    scenarios : sequence of str, Path or Scenario
        Designs to go on with from the measured stand.
    inventory : Inventory
        Its plots need areas.
    age : int
        Years since the measured rubber was planted.
    years : int, optional
        Years that are to be projected, for checks of growth curves.

    Returns
    -------
    list of Scenario
        With diameter classes of 2 cm in place of the planting of every component whose species was
        measured (shared by stocking between components of one species). Years of the design are
        moved by the age: companions that are due already are planted at year 0, events that are
        over are left out.

    Raises
    ------
    SettingsError
        Without areas or without living rubber.
    """
    if not 1 <= age <= OLDEST:
        raise SettingsError(
            f"age = {age}: give the age of the measured rubber, 1 to {OLDEST} years."
        )
    stems = _stems_per_ha(inventory)
    found = []
    for one in scenarios:
        scenario = one if isinstance(one, Scenario) else read_scenario(one, years=years)
        parts = tuple(_started(part, stems, age, scenario) for part in scenario.component)
        if not any(part.measured for part in parts):
            raise SettingsError(
                f"scenario '{scenario.id}' has no species in common with '{inventory.file}'."
            )
        events = tuple(
            event.model_copy(update={"year": event.year - age})
            for event in scenario.event
            if event.year > age
        )
        found.append(scenario.model_copy(update={"component": parts, "event": events}))
    return found


def _stems_per_ha(inventory: Inventory) -> pd.DataFrame:
    """Living stems by species and diameter class: mean diameter, stems/ha, rows."""
    trees = inventory.trees
    living = trees[(trees["refused"] == "") & trees["state"].isin(["alive", "unknown"])]
    area = inventory.plots["area_ha"]
    if area.isna().any() or not len(area):
        raise SettingsError(
            f"'{inventory.file}': a stand to start from needs the area of every plot (--plots)."
        )
    species = {name: match_one(name).species for name in living["species"].unique()}
    table = pd.DataFrame(
        {
            "species": living["species"].map(species),
            "dbh_cm": living["dbh_cm"],
            "count": living["count"],
        }
    )
    table["class"] = np.floor(table["dbh_cm"] / CLASS_CM)
    table["weighted"] = table["dbh_cm"] * table["count"]
    grouped = table.groupby(["species", "class"], sort=True).agg(
        count=("count", "sum"), weighted=("weighted", "sum")
    )
    return pd.DataFrame(
        {
            "dbh_cm": grouped["weighted"] / grouped["count"],
            "stems_per_ha": grouped["count"] / area.sum(),
            "trees": grouped["count"],
        }
    ).reset_index()


def unused_species(scenarios: Sequence[Scenario], inventory: Inventory) -> dict[str, list[str]]:
    """Species that were measured but stand in no component, by scenario."""
    measured = set(_stems_per_ha(inventory)["species"])
    return {
        one.id: sorted(measured - {species_of(part).species for part in one.component})
        for one in scenarios
    }


def _started(part: Component, stems: pd.DataFrame, age: int, scenario: Scenario) -> Component:
    species = species_of(part).species
    mine = stems[stems["species"] == species]
    years = age - part.planting_year
    if mine.empty or part.land_share is not None or years < 1:
        return part.model_copy(update={"planting_year": max(part.planting_year - age, 0)})
    alike = [one for one in scenario.component if species_of(one).species == species]
    share = part.stocking / sum(one.stocking for one in alike)
    return part.model_copy(
        update={
            "measured": tuple(
                Measured(dbh_cm=row["dbh_cm"], stems_per_ha=row["stems_per_ha"] * share)
                for row in mine.to_dict("records")
            ),
            "start_age": years,
            "trees_measured": int(mine["trees"].sum()),
            "planting_year": 0,
        }
    )
