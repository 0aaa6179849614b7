"""A typed table of trees as the rules see it, and the list that findings go to."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.names import match_one
from rubbercarbon import distinct
from rubbercarbon.columns import RUBBER
from rubbercarbon.thresholds import ends, threshold

if TYPE_CHECKING:
    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEWEST_PAIRS = threshold("fewest_pairs")
EXPECTED_RATIO = ends("height_expected")
ABSURD = 1e6  # beyond it a number is no measurement of anything here


def between(values: Floats, low: float, high: float) -> Bools:
    """Which values lie between two limits, without these."""
    return np.asarray((values > low) & (values < high), dtype=np.bool_)


class Sheet:
    """A typed tree table, its species, and the list that findings go to."""

    def __init__(self, trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
        self.trees = trees
        self.raw = raw
        self.problems = problems
        self.open: Bools = (trees["refused"] == "").to_numpy()
        codes, names = distinct.coded(trees["species"])
        matches = [match_one(str(name)) for name in names]
        self.kinds = sorted({match.species for match in matches})
        kind = np.array([self.kinds.index(match.species) for match in matches])
        self.kind: NDArray[np.intp] = kind[codes]
        self.rubber: Bools = np.array([m.species == RUBBER for m in matches])[codes]
        forms = np.empty(len(matches), dtype=object)
        forms[:] = [match.growth_form for match in matches]
        self.form: NDArray[Any] = forms[codes]
        self.living: Bools = self.open & trees["state"].isin(["alive", "unknown"]).to_numpy()
        self.suspect: Bools = np.zeros(len(trees), dtype=np.bool_)  # a diameter that was questioned
        self.odd_height: Bools = np.zeros(len(trees), dtype=np.bool_)
        self.dbh = self.numbers("dbh_cm")
        self.height = self.numbers("height_m")
        self.plots: dict[str, NDArray[np.int64]] = dict(trees.groupby("plot_id").indices)  # type: ignore[arg-type]

    def numbers(self, name: str) -> Floats:
        """A column of numbers; NaN where there is none, or none that could be measured."""
        if name not in self.trees:
            return np.full(len(self.trees), np.nan)
        values = self.trees[name].to_numpy(dtype=np.float64)
        return np.where(np.abs(values) < ABSURD, values, np.nan)

    def texts(self, name: str) -> NDArray[Any]:
        """A column of texts; empty where there is none."""
        if name not in self.trees:
            return np.full(len(self.trees), "", dtype=object)
        return distinct.texts(self.trees[name])

    @functools.cached_property
    def typical(self) -> tuple[Floats, Floats]:
        """Median diameter of each row's plot and species, and how many rows it rests on."""
        usable = pd.Series(np.where(self.open & (self.dbh > 0), self.dbh, np.nan))
        grouped = usable.groupby(self.plot * len(self.kinds) + self.kind)
        return grouped.transform("median").to_numpy(), grouped.transform("count").to_numpy()

    @functools.cached_property
    def plot(self) -> NDArray[np.intp]:
        """Number of each row's plot."""
        return distinct.coded(self.trees["plot_id"])[0]

    def say(self, code: str, position: int, column: str, **values: Any) -> None:
        """A finding in one cell."""
        known = self.trees[column].iloc[position] if column in self.trees else ""
        self.problems.add(
            code, file=self.raw.file, sheet=self.raw.sheet,
            row=int(self.trees["row"].iloc[position]), column=column,
            **{"value": known, **values},
        )  # fmt: skip

    def say_all(self, code: str, found: Bools, column: str, **values: Any) -> None:
        """The same finding in several cells."""
        for position in np.flatnonzero(found & self.open):
            self.say(code, int(position), column, **values)

    def tell(self, code: str, column: str, value: object, **values: Any) -> None:
        """A finding of a plot or a column."""
        self.problems.add(
            code, file=self.raw.file, sheet=self.raw.sheet, column=column, value=value, **values
        )
