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
    inventory : Inventory
        Its plots need areas.
    age : int
        Years since the measured rubber was planted.
    years : int, optional

    Returns
    -------
    list of Scenario
        With diameter classes of 2 cm in place of the planting of every component whose species was
        measured. Companions that were not measured are planted at year 0 as designed.

    Raises
    ------
    SettingsError
        Without areas or without living rubber.
    """
    stems = _stems_per_ha(inventory)
    found = []
    for one in scenarios:
        scenario = one if isinstance(one, Scenario) else read_scenario(one, years=years)
        parts = tuple(_started(part, stems, age) for part in scenario.component)
        if not any(part.measured for part in parts):
            raise SettingsError(
                f"scenario '{scenario.id}' has no species in common with '{inventory.file}'."
            )
        found.append(scenario.model_copy(update={"component": parts}))
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


def _started(part: Component, stems: pd.DataFrame, age: int) -> Component:
    mine = stems[stems["species"] == species_of(part).species]
    if mine.empty or part.land_share is not None:
        return part
    years = age - part.planting_year
    if years < 1:
        return part
    return part.model_copy(
        update={
            "measured": tuple(
                Measured(dbh_cm=row["dbh_cm"], stems_per_ha=row["stems_per_ha"])
                for row in mine.to_dict("records")
            ),
            "start_age": years,
            "trees_measured": int(mine["trees"].sum()),
            "planting_year": 0,
        }
    )
