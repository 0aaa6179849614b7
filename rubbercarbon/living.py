"""Living, usable stems of an inventory in computing order, and what is found out about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rubbercarbon import distinct
from rubbercarbon.columns import DIAMETERS
from rubbercarbon.config import Settings
from rubbercarbon.inventory import Inventory
from rubbercarbon.problems import Problems

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
# what has become other columns, or says which rows are left out
LEFT_OUT = (
    "refused",
    "status",
    "state",
    "note",
    *(c.name for c in DIAMETERS if c.name != "dbh_cm"),
)


class Living:
    """Living, usable rows in computing order and what is found out about them."""

    def __init__(self, inventory: Inventory, settings: Settings, problems: Problems) -> None:
        self.inventory = inventory
        self.settings = settings
        self.problems = problems
        trees = inventory.trees
        usable = (trees["refused"] == "") & trees["state"].isin(["alive", "unknown"])
        kept = [name for name in trees.columns if name not in LEFT_OUT]
        places = np.flatnonzero(usable.to_numpy())
        keys = trees[["plot_id", "tree_id", "stem_id"]].iloc[places].reset_index(drop=True)
        order = keys.sort_values(list(keys.columns), kind="stable").index.to_numpy()
        self.position = places[order].astype(np.int64)
        self.frame = trees[kept].iloc[self.position]
        for name in kept:
            if isinstance(trees[name].dtype, pd.CategoricalDtype):
                texts = distinct.texts(self.frame[name])
                self.frame[name] = pd.Series(texts, index=self.frame.index, dtype=object)
        self.row = self.frame["row"].to_numpy(dtype=np.int64)
        self.dbh = self.numbers("dbh_cm")
        self.height = self.numbers("height_m")
        self.crown = self.numbers("crown_diameter_m")
        self.age = self.numbers("age_years")
        self.unfit: dict[int, str] = {}

    def numbers(self, name: str) -> Floats:
        """A column in computing order; NaN throughout where the table has none."""
        if name not in self.frame:
            return np.full(len(self.frame), np.nan)
        found: Floats = self.frame[name].to_numpy(dtype=np.float64)
        return found

    def report(self, code: str, index: int, column: str, **values: Any) -> None:
        """A problem of the stem at an index of the computing order."""
        self.problems.add(
            code, file=self.inventory.file, sheet=self.inventory.sheet, row=int(self.row[index]),
            column=column, **values,
        )  # fmt: skip
