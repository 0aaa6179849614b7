"""Matching the trees of two censuses, and the reading error of trees that were taped twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allometry.error_model import error_terms
from rubbercarbon.columns import DIAMETERS
from rubbercarbon.distributions import QUANTITIES
from rubbercarbon.errors import InventoryError
from rubbercarbon.inventory import Inventory
from rubbercarbon.living import Ints
from rubbercarbon.problems import Problems
from rubbercarbon.stocks import Computed
from rubbercarbon.thresholds import threshold

SURVIVOR, DEAD, NEW, APART = "survivor", "dead", "ingrowth", "not comparable"


@dataclass(frozen=True)
class Places:
    """Where the trees and plots of one census stand in its sheet."""

    file: str
    sheet: str
    rows: dict[tuple[str, str], int]
    plots: dict[str, int]

    def of_tree(self, plot: str, tree: str) -> dict[str, Any]:
        """File, sheet and row of a tree (of its first stem), for a problem."""
        return {"file": self.file, "sheet": self.sheet, "row": self.rows.get((plot, tree))}

    def of_plot(self, plot: str) -> dict[str, Any]:
        """File, sheet and first row of a plot, for a problem."""
        return {"file": self.file, "sheet": self.sheet, "row": self.plots.get(plot)}


def places_of(inventory: Inventory) -> Places:
    """Where the trees and plots of an inventory stand."""
    trees = inventory.trees
    numbers = [int(row) for row in trees["row"]]
    rows: dict[tuple[str, str], int] = {}
    plots: dict[str, int] = {}
    for plot, tree, row in zip(trees["plot_id"], trees["tree_id"], numbers, strict=True):
        rows.setdefault((plot, tree), row)
        plots.setdefault(plot, row)
    return Places(inventory.file, inventory.sheet, rows, plots)


def require_ids(first: Inventory, second: Inventory) -> None:
    """Raise where trees cannot be matched.

    Raises
    ------
    InventoryError
    """
    for inventory in (first, second):
        used = inventory.trees["refused"] == ""
        if inventory.trees["tree_id"][used].str.startswith("row-").any():
            raise InventoryError(
                f"'{inventory.file}' has rows without tree_id: two censuses can only be matched by "
                "tree numbers. Add the tree numbers of both censuses, or compare the two stocks."
            )


def survey_dates(first: Inventory, second: Inventory) -> tuple[str, str] | None:
    """Middle dates of both censuses (ISO), where their rows have any.

    Raises
    ------
    InventoryError
        When the first is the later one.
    """
    middle = []
    for inventory in (first, second):
        if "date" not in inventory.trees:
            return None
        days = pd.to_datetime(inventory.trees["date"], format="%Y-%m-%d", errors="coerce").dropna()
        if days.empty:
            return None
        middle.append(days.sort_values().iloc[len(days) // 2].date().isoformat())
    if middle[0] > middle[1]:
        raise InventoryError(
            f"'{first.file}' was surveyed on {middle[0]}, after '{second.file}' ({middle[1]}): "
            "give the earlier census first."
        )
    return middle[0], middle[1]


def common_plots(
    computed: tuple[Computed, Computed], places: tuple[Places, Places], problems: Problems
) -> list[str]:
    """Plots of both censuses; the others are listed."""
    ids = [list(census.prepared.plot_ids) for census in computed]
    common = sorted(set(ids[0]) & set(ids[1]))
    if not common:
        raise InventoryError(
            f"the two censuses have no plot in common: the first holds {', '.join(ids[0][:5])}, "
            f"the second {', '.join(ids[1][:5])}. Use the same plot_id in both."
        )
    for name in sorted(set(ids[0]) ^ set(ids[1])):
        which = 0 if name in ids[0] else 1
        problems.add(
            "plot_in_one_census", column="plot_id", value=name,
            census=("first", "second")[which], **places[which].of_plot(name),
        )  # fmt: skip
    areas = [census.stocks.plots.set_index("plot_id")["area_ha"] for census in computed]
    for name in common:
        a, b = float(areas[0][name]), float(areas[1][name])
        if abs(a - b) > 1e-9 * max(a, b):
            problems.add(
                "area_changed", column="area_ha", value=name, first=f"{a:g}", second=f"{b:g}",
                **places[1].of_plot(name),
            )  # fmt: skip
    return common


@dataclass(frozen=True)
class Rows:
    """Rows of one census in common plots, with the trees they belong to."""

    index: Ints
    plot: Ints
    tree: pd.MultiIndex


def rows_of(census: Computed, plots: list[str]) -> Rows:
    """Rows of a census that stand in some plots."""
    place = {name: number for number, name in enumerate(plots)}
    frame = census.prepared.frame
    plot = frame["plot_id"].map(place).to_numpy(dtype=float)
    index = np.flatnonzero(~np.isnan(plot))
    tree = pd.MultiIndex.from_frame(frame[["plot_id", "tree_id"]].iloc[index])
    return Rows(index, plot[index].astype(np.int64), tree)


def match(
    rows: list[Rows],
    inventories: tuple[Inventory, Inventory],
    computed: tuple[Computed, Computed],
    places: tuple[Places, Places],
    problems: Problems,
) -> pd.DataFrame:
    """One row per tree with its fate; trees measured badly at one date are not comparable."""
    parts = []
    for number, (census, mine) in enumerate(zip(computed, rows, strict=True), 1):
        masses = census.masses
        values = {f"{name}_{number}": getattr(masses, name)[mine.index] for name in QUANTITIES[:3]}
        values[f"dbh_cm_{number}"] = census.prepared.frame["dbh_cm"].to_numpy()[mine.index]
        frame = pd.DataFrame(values, index=mine.tree)
        ways = dict.fromkeys(frame.columns, "sum") | {f"dbh_cm_{number}": "max"}
        parts.append(frame.groupby(level=[0, 1]).agg(ways))
    trees = parts[0].join(parts[1], how="outer")
    there = [trees[f"agb_{k}"].fillna(0.0) > 0 for k in (1, 2)]
    bad = [_unmeasured(inventory, trees.index) for inventory in inventories]
    fate = np.select(
        [
            (there[0] & bad[1] & ~there[1]) | (there[1] & bad[0] & ~there[0]),
            there[0] & there[1],
            there[0],
            there[1],
        ],
        [APART, SURVIVOR, DEAD, NEW],
        "",
    )
    trees["fate"] = fate
    second = inventories[1].trees
    known = set(zip(second["plot_id"], second["tree_id"], strict=True))
    missing = [key for key in trees.index[trees["fate"] == DEAD] if key not in known]
    for plot_id, tree_id in missing:
        problems.add(
            "tree_missing", column="tree_id", value=tree_id, plot=plot_id,
            **places[0].of_tree(plot_id, tree_id),
        )  # fmt: skip
    for plot_id, tree_id in trees.index[trees["fate"] == APART]:
        failed = places[1 if (plot_id, tree_id) in known and there[0][plot_id, tree_id] else 0]
        problems.add(
            "tree_not_comparable", column="tree_id", value=tree_id, plot=plot_id,
            **failed.of_tree(plot_id, tree_id),
        )  # fmt: skip
    gone = inventories[0].trees
    gone = gone[gone["state"].isin(["dead", "cut"])]
    dead = set(zip(gone["plot_id"], gone["tree_id"], strict=True))
    for plot_id, tree_id in trees.index[there[1]]:
        if (plot_id, tree_id) in dead:
            problems.add(
                "dead_then_alive", column="status", value=tree_id, plot=plot_id,
                **places[1].of_tree(plot_id, tree_id),
            )  # fmt: skip
    _diameters(trees, inventories, places, problems)
    trees = trees[trees["fate"] != ""]
    return trees.rename_axis(["plot_id", "tree_id"]).reset_index()


def _diameters(
    trees: pd.DataFrame,
    inventories: tuple[Inventory, Inventory],
    places: tuple[Places, Places],
    problems: Problems,
) -> None:
    """Diameters that fell further than readings err, and readings that seem to have lost a digit.

    A lost digit is looked for where the other census makes it likely: ten times the reading, or
    a digit before it, gives a diameter that neither fell nor grew by more than the rule allows.
    """
    reading, limit = error_terms()["dbh_reading"], threshold("shrinkage")
    most = 1.0 + threshold("regrowth")
    both = trees[(trees["dbh_cm_1"] > 0.0) & (trees["dbh_cm_2"] > 0.0)]
    once, again = (
        reading.size("slope") * both[f"dbh_cm_{k}"] + reading.size("intercept") for k in (1, 2)
    )
    doubt = limit * np.sqrt(once**2 + again**2)
    fell = both["dbh_cm_1"] - both["dbh_cm_2"] > doubt
    rose = both["dbh_cm_2"] > most * both["dbh_cm_1"]
    for (plot_id, tree_id), first, second, margin, down in zip(
        both.index[fell | rose], both["dbh_cm_1"][fell | rose], both["dbh_cm_2"][fell | rose],
        doubt[fell | rose], fell[fell | rose], strict=True,
    ):  # fmt: skip
        wrong = 1 if down else 0
        low, high = (first - margin, first * most) if down else (second / most, second + margin)
        where = places[wrong].of_tree(plot_id, tree_id)
        wrong_cm = second if down else first
        found = _lost_digit(inventories[wrong].trees, where["row"], wrong_cm, (low, high))
        if found is not None:
            column, value, fix = found
            problems.add(
                "digit_lost", column=column, value=value, fix=fix, plot=plot_id, tree=tree_id,
                other=f"{first if down else second:.1f}", **where,
            )  # fmt: skip
        elif down:
            problems.add(
                "diameter_fell", column="dbh_cm", value=f"{second:.1f}", plot=plot_id,
                tree=tree_id, before=f"{first:.1f}", **where,
            )  # fmt: skip


def _lost_digit(
    trees: pd.DataFrame, row: int | None, dbh: float, limits: tuple[float, float]
) -> tuple[str, str, str] | None:
    """Column, reading and the reading with one digit more that gives a diameter within limits."""
    mine, (low, high) = trees[trees["row"] == row], limits
    used = float(mine["dbh_cm"].iloc[0])
    if not math.isclose(used, dbh):  # another stem of the tree
        return None
    typed = [column for column in (*DIAMETERS[1:], DIAMETERS[0]) if column.name in mine]
    read = {column: float(mine[column.name].iloc[0]) for column in typed}
    column = next(c for c in typed if math.isclose(read[c] * c.factor, used))
    value = read[column]
    place = 10 ** len(str(int(value)))
    guesses = (10.0 * value, *(digit * place + value for digit in range(1, 10)))
    best = next((one for one in guesses if low <= one * column.factor <= high), None)
    return None if best is None else (column.name, f"{value:g}", f"{best:g}")


def _unmeasured(inventory: Inventory, trees: pd.Index[Any]) -> pd.Series[bool]:
    """Trees that stand in a census as alive, but could not be computed there."""
    alive = inventory.trees["state"].isin(["alive", "unknown"])
    rows = inventory.trees[alive]
    keys = pd.MultiIndex.from_frame(rows[["plot_id", "tree_id"]])
    return pd.Series(trees.isin(keys), index=trees)


@dataclass(frozen=True)
class ReadingError:
    """Error of single diameter readings from trees read twice.

    Attributes
    ----------
    sd_cm : float
        Standard deviation of one reading [cm].
    difference_cm : float
        Mean of second less first reading [cm]; its standard error is ``standard_error_cm``.
    standard_error_cm : float
    n_trees : int
    """

    sd_cm: float
    difference_cm: float
    standard_error_cm: float
    n_trees: int


def estimate_reading_error(first_cm: Any, second_cm: Any) -> ReadingError:
    """Reading error of diameters from trees that were taped twice.

    Parameters
    ----------
    first_cm, second_cm : array_like
        Two readings of each tree [cm]; pairs with a missing value are left out.

    Returns
    -------
    ReadingError
        ``rc.Settings(errors={"dbh_reading": {"sd": found.sd_cm, "unit": "cm"}})`` uses it.

    Raises
    ------
    InventoryError
        For fewer than three pairs.

    Examples
    --------
    >>> import rubbercarbon as rc
    >>> found = rc.estimate_reading_error([20.0, 22.0, 18.0, 25.0], [20.2, 21.8, 18.0, 25.2])
    >>> round(found.sd_cm, 3), round(found.difference_cm, 3)
    (0.135, 0.05)
    """
    a, b = np.asarray(first_cm, dtype=np.float64), np.asarray(second_cm, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    difference = (b - a)[both]
    if len(difference) < 3:
        raise InventoryError(
            f"a reading error needs at least three trees read twice; found {len(difference)}."
        )
    sd = float(difference.std(ddof=1))
    return ReadingError(
        sd_cm=sd / math.sqrt(2.0),
        difference_cm=float(difference.mean()),
        standard_error_cm=sd / math.sqrt(len(difference)),
        n_trees=len(difference),
    )
