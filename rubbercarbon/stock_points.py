"""Stocks of trees and plots, before any interval: tables over `rubbercarbon.pools.account`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation
from allometry.evaluation import compile_equations
from rubbercarbon import distinct
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import RAI_PER_HA
from rubbercarbon.config import Settings
from rubbercarbon.errors import InventoryError
from rubbercarbon.inventory import Inventory
from rubbercarbon.living import Ints
from rubbercarbon.memory import MANY_ROWS, give_back
from rubbercarbon.messages import Words, failure
from rubbercarbon.pools import Account, account, co2e
from rubbercarbon.preparation import Prepared, prepare
from rubbercarbon.problems import Problems
from rubbercarbon.totals import STOCKS_T, land_of_plots, selections

SIZE_COLUMNS = {"dbh": "dbh_cm", "height": "height_m"}


@dataclass(frozen=True)
class Points:
    """Trees and plots with their stocks, before any interval."""

    prepared: Prepared
    result: Account
    trees: pd.DataFrame
    plots: pd.DataFrame
    problems: Problems
    assumptions: Assumptions


def compute_points(inventory: Inventory, chosen: Settings) -> Points:
    """Stocks of trees and plots.

    Raises
    ------
    InventoryError
    UnknownEquation
    """
    problems = Problems(inventory.found_problems.headings)
    problems.items = list(inventory.found_problems.items)
    assumptions = Assumptions()
    for note in inventory.notes:
        assumptions.add(note["topic"], note["assumption"], note["value"], source=note["source"])
    prepared = prepare(inventory, chosen, problems, assumptions)
    result = account(
        prepared.arrays,
        compile_equations(prepared.biomass_ids),
        compile_equations(prepared.root_ids),
        compile_equations((prepared.stand_roots,)) if prepared.stand_roots else None,
        prepared.stand_carbon_fraction,
    )
    trees = _tree_table(inventory, prepared, result, problems)
    _report_outside(inventory, trees, problems)
    if trees["agb_kg"].notna().sum() + trees["herb_kg"].notna().sum() == 0:
        raise failure(
            InventoryError, "none_computed", problems, file=inventory.file, rows=len(trees),
            reason=_first_error(problems),
        )  # fmt: skip
    give_back(len(trees))
    plots = _plot_table(inventory, prepared, result, trees)
    trees["represents"] = _represents(trees, prepared, plots)
    _area_assumption(plots, prepared.stand_roots, assumptions)
    give_back(len(trees))
    return Points(prepared, result, trees, plots, problems, assumptions)


def _first_error(problems: Problems) -> Words:
    first = next((item for item in problems.sorted() if item.severity == "error"), None)
    if first is None:
        return Words("failures", "no_living")
    return Words(
        "failures", "first_error",
        {"row": "-" if first.row is None else first.row,
         "message": Words("problems", first.code, first.values),
         "advice": Words("advice", first.code, first.values)},
    )  # fmt: skip


def _tree_table(
    inventory: Inventory, prepared: Prepared, result: Account, problems: Problems
) -> pd.DataFrame:
    """Input rows in input order with what was computed for them."""
    trees = inventory.trees.reset_index(drop=True).copy(deep=False)
    trees["species_input"] = trees["species"]
    sites = inventory.plots.set_index("plot_id")["site_id"].to_dict()
    site = distinct.mapped(trees["plot_id"], lambda plot: sites.get(plot, ""))
    trees["site_id"] = _column(site)
    for name, values in prepared.columns.items():
        trees[name] = _column(_spread(values, prepared.position, len(trees)))
    figures = {
        "agb_kg": result.agb_kg,
        "bgb_kg": result.bgb_kg,
        "carbon_kg": result.carbon_kg,
        "co2e_kg": co2e(result.carbon_kg),
        "herb_kg": result.herb_kg,
    }
    for name, values in figures.items():
        trees[name] = _spread(values, prepared.position, len(trees))
    empty = np.isnan(result.agb_kg) & np.isnan(result.herb_kg) & (prepared.arrays.equation >= 0)
    for position in prepared.position[empty]:
        problems.add(
            "no_result",
            file=inventory.file,
            row=int(trees["row"].iloc[position]),
            column="equation_id",
            value=trees["equation_id"].iloc[position],
        )
    reason = distinct.texts(trees["refused"])
    for place, why in prepared.unfit.items():
        reason[place] = reason[place] or why
    gone = (reason == "") & ~trees["state"].isin(["alive", "unknown"]).to_numpy()
    reason[gone] = distinct.texts(trees["state"])[gone]
    reason[prepared.position[empty]] = "no_result"
    trees["flags"] = _column(_joined(pd.Series(reason, dtype=object), trees["flags"]))
    return trees


def _spread(values: NDArray[Any], position: Ints, count: int) -> NDArray[Any]:
    """Values of computed stems at the rows that they came from; NaN or empty elsewhere."""
    texts = values.dtype.kind not in "biuf"
    out = np.full(count, "" if texts else np.nan, dtype=object if texts else np.float64)
    out[position] = values
    return out


def _column(values: NDArray[Any]) -> Any:
    """Values as a column; texts of many rows as categories."""
    if values.dtype != object or len(values) <= MANY_ROWS:
        return values
    return distinct.category(*distinct.coded(pd.Series(values, dtype=object)))


def _joined(first: pd.Series[str], second: pd.Series[str]) -> NDArray[Any]:
    """Texts of two columns with a semicolon between, where both have one."""
    a, left = distinct.coded(first)
    b, right = distinct.coded(second)
    seen, place = np.unique(a * len(right) + b, return_inverse=True)
    texts = np.empty(len(seen), dtype=object)
    for k, number in enumerate(seen):
        pair = (left[number // len(right)], right[number % len(right)])
        texts[k] = ";".join(part for part in pair if part)
    return texts[place]


def _represents(trees: pd.DataFrame, prepared: Prepared, plots: pd.DataFrame) -> pd.Series[float]:
    """Stems of the total that a stem of each row stands for."""
    by_plot = plots.set_index("plot_id")
    share = (by_plot["represents_ha"] / by_plot["area_ha"]).fillna(1.0)
    own = _spread(prepared.arrays.represents, prepared.position, len(trees))
    stems: pd.Series[float] = trees["plot_id"].map(share).astype(np.float64) * own
    return stems


def _report_outside(inventory: Inventory, trees: pd.DataFrame, problems: Problems) -> None:
    """One warning per equation that is used beyond its range, with what rests on it."""
    mass = trees["agb_kg"].fillna(trees["herb_kg"])
    outside = trees["flags"].str.contains(r"outside_range|outside_evaluated_span") & mass.notna()
    for equation, group in trees[outside].groupby("equation_id"):
        record = get_equation(str(equation))
        what = record.size if record.size in SIZE_COLUMNS else "dbh"
        low, high = record.range.limits[record.size]
        column = SIZE_COLUMNS[what]
        whole = mass[trees["equation_id"] == equation].sum()
        problems.add(
            "outside_range", file=inventory.file, sheet=inventory.sheet,
            row=int(group["row"].iloc[0]), column=column,
            value=f"{group[column].max():g}", count=len(group), equation=equation, what=column,
            low=f"{low:g}", high=f"{high:g}", share=f"{100 * mass[group.index].sum() / whole:.0f}",
        )  # fmt: skip


def _plot_table(
    inventory: Inventory, prepared: Prepared, result: Account, trees: pd.DataFrame
) -> pd.DataFrame:
    """One row per plot with counts, basal area and stocks."""
    plots = inventory.plots.set_index("plot_id")
    table = pd.DataFrame({"plot_id": prepared.plot_ids})
    for name in ("site_id", "stratum", "system", "stratum_area_ha", "area_ha"):
        table[name] = plots[name].reindex(prepared.plot_ids).to_numpy()
    table["represents_ha"] = land_of_plots(table)
    table["plot_selection"] = selections(plots).reindex(prepared.plot_ids).to_numpy()
    table = table.join(prepared.counts.reindex(prepared.plot_ids).reset_index(drop=True))
    done = trees["agb_kg"].notna() | trees["herb_kg"].notna()
    estimated = trees[done].groupby("plot_id").size()
    table["n_estimated"] = table["plot_id"].map(estimated).fillna(0).astype(int)
    known = table["area_ha"].notna().to_numpy()
    for name in ("stems_per_ha", "basal_area_m2_ha"):
        table[name] = np.where(known, table[name], np.nan)
    for name in ("agb", "bgb", "bgb_stand", "carbon", "herb"):
        table[f"{name}_t_ha"] = np.where(known, result.plot[f"{name}_t_ha"], np.nan)
        table[f"{name}_t"] = result.plot[f"{name}_t"]
    table["co2e_t_ha"] = co2e(table["carbon_t_ha"].to_numpy())
    table["co2e_t_rai"] = table["co2e_t_ha"] / RAI_PER_HA
    table["co2e_t"] = co2e(table["carbon_t"].to_numpy())
    return table[
        [
            "plot_id",
            "site_id",
            "stratum",
            "system",
            "area_ha",
            "stratum_area_ha",
            "represents_ha",
            "plot_selection",
            "n_trees",
            "n_stems",
            "n_culms",
            "n_estimated",
            "stems_per_ha",
            "basal_area_m2_ha",
            "agb_t_ha",
            "bgb_t_ha",
            "bgb_stand_t_ha",
            "carbon_t_ha",
            "co2e_t_ha",
            "co2e_t_rai",
            "herb_t_ha",
            *STOCKS_T,
        ]
    ]


def _area_assumption(plots: pd.DataFrame, stand_roots: str, assumptions: Assumptions) -> None:
    without = plots["area_ha"].isna()
    if without.any():
        whom = "all plots" if without.all() else f"plots {', '.join(plots['plot_id'][without])}"
        assumptions.add(
            "plot area",
            "no plot area was given: figures per hectare are empty and totals are per plot",
            "unknown",
            unit="ha",
            applies_to=whom,
            source="input",
        )
    if without.any() and stand_roots:
        assumptions.add(
            "roots",
            f"{stand_roots} needs a plot area: below-ground biomass is not estimated without one",
            "unknown",
            applies_to=whom,
            source="input",
        )
