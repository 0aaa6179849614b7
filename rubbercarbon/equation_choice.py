"""What each candidate equation would give on the user's own plots, and means of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allometry.catalogue.loader import add_catalogue, get_equation
from allometry.catalogue.schema import Equation
from allometry.ensembles import combine, ensemble_weights
from allometry.error_model import RUBBER_EQUATIONS
from allometry.errors import AllometryError
from allometry.listing import find_equations
from allometry.names import match_one
from allometry.quantities import GROWTH_FORMS
from rubbercarbon.columns import RUBBER
from rubbercarbon.config import Settings
from rubbercarbon.errors import InventoryError
from rubbercarbon.felled import Felled, read_felled
from rubbercarbon.inventory import Inventory
from rubbercarbon.problems import Problems
from rubbercarbon.stocks import Stocks, estimate_stocks

OUTSIDE = ("outside_range", "outside_evaluated_span")


@dataclass(frozen=True)
class EquationComparison:
    """Candidate equations on the same plots.

    Attributes
    ----------
    taxon : str
    unit : str
        ``t/ha``, or ``t`` where no area is known.
    plots : pandas.DataFrame
        One row per equation and plot: above-ground biomass of the taxon alone (``taxon_agb``) and
        of all trees (``agb``, ``agb_low``, ``agb_high``; means of equations have no interval),
        ``difference_percent`` against the default, ``is_default``.
    total : pandas.DataFrame
        All plots together: ``taxon_agb_t`` of the measured trees, ``agb_t`` of all trees, or of
        the land that the plots stand for (``describes``), ``n_trees``, ``n_outside``, ``n_failed``.
    equations : pandas.DataFrame
        Candidates with grade, range, source, and ``used`` or why not.
    weights : pandas.DataFrame
        Weights of the members in each mean.
    run : dict
    assumptions : pandas.DataFrame
        Of the default run.
    found_problems : Problems
    """

    taxon: str
    unit: str
    plots: pd.DataFrame
    total: pd.DataFrame
    equations: pd.DataFrame
    weights: pd.DataFrame
    run: dict[str, Any]
    assumptions: pd.DataFrame
    found_problems: Problems


def compare_equations(
    inventory: Inventory,
    settings: Settings | None = None,
    *,
    taxon: str | None = None,
    felled: Felled | None = None,
) -> EquationComparison:
    """Estimate the same plots with every equation that applies to a plant.

    Parameters
    ----------
    inventory : Inventory
    settings : Settings, optional
        Their equations, if any, stand for the default.
    taxon : str, optional
        Plant whose equation varies; by default rubber, else the plant with the most biomass.
    felled : Felled, optional
        Weighed trees: means weighted by likelihood are added.

    Returns
    -------
    EquationComparison

    Raises
    ------
    InventoryError
        When nothing can be estimated, or the plant is not among the trees.
    AllometryError
    """
    chosen = replace_settings(settings or Settings())
    for folder in chosen.catalogues:
        add_catalogue(folder)
    default = estimate_stocks(inventory, chosen)
    name = _taxon(default, taxon)
    mine = (default.trees["species"] == name).to_numpy()
    per_ha = bool(default.plots["area_ha"].notna().all())
    records = [r for r in find_equations(name, predicts="agb") if r.level == "tree"]
    runs: dict[str, Stocks] = {"default": default}
    why: dict[str, str] = {}
    for record in records:
        one = chosen.model_copy(update={"equations": {**chosen.equations, name: record.id}})
        try:
            tried = estimate_stocks(inventory, one)
        except (InventoryError, AllometryError) as error:
            why[record.id] = str(error)
            continue
        if tried.trees.loc[mine, "agb_kg"].notna().any():
            runs[record.id] = tried
        else:
            why[record.id] = "an input is missing or too far outside: no tree has a figure"
    means = _means(runs, records, name, mine, felled)
    plots = _plot_rows(runs, means, mine, per_ha=per_ha)
    return EquationComparison(
        taxon=name,
        unit="t/ha" if per_ha else "t",
        plots=plots,
        total=_total_rows(runs, means, mine),
        equations=_equation_rows(records, why),
        weights=pd.DataFrame(
            [(by, member, weight) for by, (w, _) in means.items() for member, weight in w.items()],
            columns=["mean", "equation_id", "weight"],
        ),
        run=default.run,
        assumptions=default.assumptions,
        found_problems=default.found_problems,
    )


def replace_settings(settings: Settings) -> Settings:
    """The same settings without draws: intervals of candidates are analytic."""
    return settings.model_copy(update={"draws": None, "method": None})


def _taxon(stocks: Stocks, asked: str | None) -> str:
    trees = stocks.trees[stocks.trees["agb_kg"].notna()]
    found = trees.groupby("species")["agb_kg"].sum().sort_values(ascending=False)
    if asked is None:
        return RUBBER if RUBBER in found.index else str(found.index[0])
    name = match_one(asked).species
    if name not in found.index:
        raise InventoryError(
            f"no estimated tree of '{asked}'; there are {', '.join(map(str, found.index[:8]))}."
        )
    return name


def default_members(
    records: Sequence[Equation], used: Mapping[str, object], taxon: str
) -> list[str]:
    """Members of the means: the default ensemble's for rubber, else all that name the plant."""
    if taxon == RUBBER:
        return [m for m in get_equation(RUBBER_EQUATIONS).members if m in used]
    usable = [r for r in records if r.id in used and r.form == "log_polynomial"]
    named = [r.id for r in usable if r.taxa]
    return named if len(named) > 1 else [r.id for r in usable]


def _means(
    runs: Mapping[str, Stocks],
    records: Sequence[Equation],
    taxon: str,
    mine: np.ndarray[Any, Any],
    felled: Felled | None,
) -> dict[str, tuple[dict[str, float], Any]]:
    """Weights and biomass of each tree by each kind of mean [kg]."""
    members = default_members(records, runs, taxon)
    if len(members) < 2:
        return {}
    result = {}
    for by in ("equal", "grade", *(("likelihood",) if felled is not None else ())):
        found = weigh(members, by, felled)
        values = {m: runs[m].trees["agb_kg"].to_numpy()[mine] for m in found}
        result[f"mean, {by}"] = (found, combine(found, values))
    return result


def _plot_rows(
    runs: Mapping[str, Stocks], means: Mapping[str, tuple[dict[str, float], Any]],
    mine: np.ndarray[Any, Any], *, per_ha: bool,
) -> pd.DataFrame:  # fmt: skip
    """Long table: equation and plot."""
    base = runs["default"]
    unit = "t_ha" if per_ha else "t"
    ids = base.plots["plot_id"]
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = (base.plots[f"agb_{unit}"] / base.plots["agb_t"]).to_numpy() / 1000.0
    scale = np.where(np.isfinite(scale), scale, 0.001)
    plot_of = base.trees["plot_id"].to_numpy()[mine]

    def taxon_sum(values: Any) -> Any:
        sums = pd.Series(values).groupby(plot_of).sum(min_count=1)
        return sums.reindex(ids).to_numpy() * scale

    counted = base.trees["agb_kg"].to_numpy()[mine]
    own = np.nan_to_num(taxon_sum(counted))
    rows = []
    for name, stocks in runs.items():
        values = taxon_sum(stocks.trees["agb_kg"].to_numpy()[mine])
        rows.append(
            pd.DataFrame(
                {
                    "equation_id": name, "plot_id": ids, "taxon_agb": values,
                    "agb": stocks.plots[f"agb_{unit}"], "agb_low": stocks.plots[f"agb_{unit}_low"],
                    "agb_high": stocks.plots[f"agb_{unit}_high"],
                }
            )
        )  # fmt: skip
    for name, (_, trees) in means.items():
        values = taxon_sum(trees)
        whole = base.plots[f"agb_{unit}"].to_numpy() - own + np.nan_to_num(values)
        rows.append(
            pd.DataFrame({"equation_id": name, "plot_id": ids, "taxon_agb": values, "agb": whole})
        )
    table = pd.concat(rows, ignore_index=True)
    default = table.loc[table["equation_id"] == "default"].set_index("plot_id")["agb"]
    against = table["plot_id"].map(default)
    table["difference_percent"] = 100.0 * (table["agb"] / against - 1.0)
    table["is_default"] = table["equation_id"] == "default"
    return table


def _total_rows(
    runs: Mapping[str, Stocks], means: Mapping[str, tuple[dict[str, float], Any]],
    mine: np.ndarray[Any, Any],
) -> pd.DataFrame:  # fmt: skip
    """One row per equation: all plots together [t]."""
    base = runs["default"]
    land = str(base.total.iloc[-1]["describes"]) == "land"
    own = float(np.nansum(base.trees["agb_kg"].to_numpy()[mine])) / 1000.0
    rows: list[dict[str, Any]] = []
    for name, stocks in runs.items():
        total, trees = stocks.total.iloc[-1], stocks.trees[mine]
        flags = trees["flags"].fillna("").astype(str)
        ids = sorted({str(e) for e in trees["equation_id"].dropna() if e})
        rows.append(
            {
                "equation_id": name,
                "used": ", ".join(ids),
                "taxon_agb_t": float(trees["agb_kg"].sum()) / 1000.0,
                "agb_t": float(total["agb_t"]),
                "agb_t_low": float(total["agb_t_low"]),
                "agb_t_high": float(total["agb_t_high"]),
                "n_trees": len(trees),
                "n_outside": int(
                    flags.map(lambda f: any(w in f.split(";") for w in OUTSIDE)).sum()
                ),
                "n_failed": int(trees["agb_kg"].isna().sum()),
            }
        )
    for name, (weights, values) in means.items():
        mean = float(np.nansum(values)) / 1000.0
        rows.append(
            {
                "equation_id": name, "used": ", ".join(weights), "taxon_agb_t": mean,
                "agb_t": np.nan if land else rows[0]["agb_t"] + mean - own,
                "agb_t_low": np.nan, "agb_t_high": np.nan,
                "n_trees": int(mine.sum()), "n_outside": None,
                "n_failed": int(np.isnan(values).sum()),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows).assign(describes=str(base.total.iloc[-1]["describes"]))
    table["difference_percent"] = 100.0 * (table["taxon_agb_t"] / own - 1.0)
    table["n_outside"] = table["n_outside"].astype("Int64")
    return table


def _equation_rows(records: Sequence[Equation], why: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "equation_id": r.id, "grade": r.grade, "inputs": ", ".join(r.inputs),
                "dbh_range_cm": "{:g}-{:g}".format(*r.range.limits.get("dbh", (np.nan, np.nan))),
                "range_kind": r.range.kind, "region": r.region,
                "used": r.id not in why, "why_not": why.get(r.id, ""),
                "citation": r.source.citation,
            }
            for r in records
        ]
    )  # fmt: skip


def read_for_weights(
    path: Path, mapping: Mapping[str, str], units: Mapping[str, str]
) -> Felled:  # fmt: skip
    """Weighed trees for weights by likelihood.

    Raises
    ------
    InventoryError
        Without above-ground masses.
    """
    felled = read_felled(path, mapping, units)
    if "agb" not in felled.masses:
        raise InventoryError(f"'{felled.file}' has no agb_kg, which weights by likelihood need.")
    return felled


def weigh(members: Sequence[str], by: str, felled: Felled | None) -> dict[str, float]:
    """Weights of members.

    Raises
    ------
    AllometryError
    """
    if felled is None:
        return ensemble_weights(members, by)
    mass = felled.column("agb_kg")
    inputs = {name: values for name, values in felled.inputs.items() if values is not None}
    return ensemble_weights(members, by, mass=mass, inputs=inputs, site=felled.sites)


def words_of_ensemble(
    weights: Mapping[str, float], by: str, taxa: Sequence[str] | None, roots: str | None
) -> dict[str, Any]:
    """What the catalogue file of a mean says beside its members."""
    records = [get_equation(name) for name in weights]
    forms = tuple(t for t in taxa or () if t in GROWTH_FORMS)
    plants = tuple(match_one(t).species or t for t in taxa or () if t not in forms)
    if not taxa:
        common = set(records[0].taxa).intersection(*(r.taxa for r in records))
        plants = tuple(sorted(common))
        forms = () if plants else ("tree",)
    return {
        "citation": f"Geometric mean of {', '.join(weights)}, weights {by}",
        "taxa": plants,
        "growth_forms": forms,
        "roots": records[0].roots if roots is None else roots,
        "region": "; ".join(dict.fromkeys(r.region for r in records)),
    }
