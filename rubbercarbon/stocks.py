"""Trees → plots → sites: the central verb, a skin of tables over `rubbercarbon.pools.account`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allometry.catalogue.loader import get_equation
from allometry.evaluation import compile_equations
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.config import Settings
from rubbercarbon.distributions import QUANTITIES
from rubbercarbon.errors import InventoryError
from rubbercarbon.inventory import Inventory
from rubbercarbon.loads import Layout
from rubbercarbon.pools import Account, account, co2e
from rubbercarbon.preparation import Prepared, prepare
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import run_record
from rubbercarbon.stock_errors import add_intervals
from rubbercarbon.tables import digest
from rubbercarbon.totals import RAI_PER_HA, STOCKS_T, land_of_plots, selections, total_table
from rubbercarbon.uncertainty import Masses, covariance

if TYPE_CHECKING:
    import pyarrow as pa

TREE_OUTPUT = (
    "row",
    "plot_id",
    "site_id",
    "tree_id",
    "stem_id",
    "species_input",
    "species",
    "species_match",
    "growth_form",
    "count",
    "represents",
    "status",
    "dbh_cm",
    "height_m",
    "height_source",
    "wood_density_g_cm3",
    "wood_density_level",
    "equation_id",
    "equation_grade",
    "selection",
    "flags",
    "agb_kg",
    "bgb_kg",
    "carbon_kg",
    "co2e_kg",
    "herb_kg",
)
SIZE_COLUMNS = {"dbh": "dbh_cm", "height": "height_m"}


@dataclass
class Stocks:
    """Result of `estimate_stocks`.

    Attributes
    ----------
    trees : pandas.DataFrame
        One row per input row, in input order, refused rows too (figures empty, ``flags`` says why).
    plots : pandas.DataFrame
        One row per plot, by plot_id.
    total : pandas.DataFrame
        One row per site and stratum, last row ``ALL``.
    assumptions : pandas.DataFrame
        Everything assumed or defaulted, with source and grade.
    equations : pandas.DataFrame
        Citations of all equations, height models and root equations used.
    run : dict
        Versions, settings and input digests.
    found_problems : Problems
        The list behind ``problems``.
    attribution : pandas.DataFrame
        Share of variance by error term, for each plot and total.
    uncertainty : pandas.DataFrame
        Mean, sd, interval and quantiles of each plot (t/ha; t where no area is known) and total
        (t), by method.
    sampling : pandas.DataFrame
        Half-widths of totals [%] from the choice of plots alone and with the models' errors;
        empty unless plots were drawn at random or on a grid.
    draws : pyarrow.Table or None
        One row per plot and draw, when asked for.
    model : tuple or None
        Masses and errors behind the intervals; not kept in run folders.
    """

    trees: pd.DataFrame
    plots: pd.DataFrame
    total: pd.DataFrame
    assumptions: pd.DataFrame
    equations: pd.DataFrame
    run: dict[str, Any]
    found_problems: Problems = field(repr=False)
    attribution: pd.DataFrame = field(default_factory=pd.DataFrame)
    uncertainty: pd.DataFrame = field(default_factory=pd.DataFrame)
    sampling: pd.DataFrame = field(default_factory=pd.DataFrame)
    draws: pa.Table | None = field(default=None, repr=False)
    model: tuple[Masses, Layout] | None = field(default=None, repr=False)

    @property
    def problems(self) -> pd.DataFrame:
        """Every problem, in English (see `Problems.frame` for Thai)."""
        return self.found_problems.frame()

    def covariance(self, quantity: str = "agb") -> pd.DataFrame:
        """Covariance between plots from the errors that they share, areas left out.

        Parameters
        ----------
        quantity : str
            ``agb``, ``bgb``, ``carbon`` or ``herb``.

        Returns
        -------
        pandas.DataFrame
            By plot_id both ways, in (t/ha)²; (t)² where no area is known.

        Raises
        ------
        InventoryError
            For stocks read back from a run folder.
        """
        if self.model is None or quantity not in QUANTITIES:
            raise InventoryError(
                f"no covariance of '{quantity}': it needs stocks computed in this process and one "
                f"of {', '.join(QUANTITIES)}. Run estimate_stocks again."
            )
        ids = self.plots["plot_id"].to_numpy()
        return pd.DataFrame(covariance(*self.model, quantity), index=ids, columns=ids)


def estimate_stocks(
    inventory: Inventory, settings: Settings | None = None, *, draws: bool = False
) -> Stocks:
    """Biomass and carbon of every tree, plot and site of an inventory.

    Parameters
    ----------
    inventory : Inventory
        From `read_inventory`.
    settings : Settings, optional
        The user's own choices; the default ladder otherwise.
    draws : bool
        Keep every draw of every plot (with ``Settings(draws=...)``).

    Returns
    -------
    Stocks
        Above- and below-ground dry biomass [kg, t, t/ha], carbon [kg, t, t/ha] and CO2e
        [kg, t, t/ha, t/rai].

    Raises
    ------
    InventoryError
        When no row can be computed; it carries the problems.
    UnknownEquation
        When the settings name an equation that is not in the catalogue.

    References
    ----------
    The ladder is ``allometry/catalogue/ladder.toml``; each tree's row names its equation, and
    ``Stocks.equations`` the publications.

    Examples
    --------
    >>> import pandas as pd, rubbercarbon as rc
    >>> trees = pd.DataFrame({"species": ["ยางพารา"], "girth_cm": [62.8], "plot_area_rai": [1]})
    >>> stocks = rc.estimate_stocks(rc.read_inventory(trees))
    >>> stocks.trees["agb_kg"].round(1).tolist()
    [195.2]
    """
    return compute(inventory, settings or Settings(), draws=draws).stocks


@dataclass(frozen=True)
class Computed:
    """Stocks with what they were computed from, for modules that build on them."""

    stocks: Stocks
    prepared: Prepared
    result: Account
    masses: Masses
    layout: Layout


def compute(
    inventory: Inventory, chosen: Settings, *, draws: bool = False, census: str = ""
) -> Computed:
    """As `estimate_stocks`, with the arrays behind the tables.

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
        raise InventoryError(
            f"none of the {len(trees)} rows of '{inventory.file}' can be computed; the first "
            f"reason: {_first_error(problems)}",
            problems,
        )
    plots = _plot_table(inventory, prepared, result, trees)
    trees["represents"] = _represents(trees, prepared, plots)
    _area_assumption(plots, prepared.stand_roots, assumptions)
    total = total_table(plots, assumptions)
    spread = add_intervals(
        prepared, result, inventory.plots, plots, total, chosen, assumptions, draws=draws,
        census=census,
    )  # fmt: skip
    stocks = Stocks(
        trees=trees[list(TREE_OUTPUT)],
        plots=spread.plots,
        total=spread.total,
        assumptions=assumptions.frame(),
        equations=_citations(prepared.citations, assumptions),
        run=_record(inventory, chosen),
        found_problems=problems,
        attribution=spread.attribution,
        uncertainty=spread.distribution,
        sampling=spread.sampling,
        draws=spread.draws,
        model=(spread.masses, spread.layout),
    )
    return Computed(stocks, prepared, result, spread.masses, spread.layout)


def _record(inventory: Inventory, settings: Settings) -> dict[str, Any]:
    """The run's record; files by name, without their folders."""
    values = settings.model_dump(mode="json")
    values["catalogues"] = [Path(folder).name for folder in settings.catalogues]
    values["draws"] = settings.number_of_draws or None
    digests = dict(inventory.digests)
    if settings.height_sample is not None:
        values["height_sample"] = Path(settings.height_sample).name
        digests[values["height_sample"]] = digest(settings.height_sample)
    return run_record(values, digests, inventory.reading)


def _citations(equations: pd.DataFrame, assumptions: Assumptions) -> pd.DataFrame:
    """Every publication: equations first, then densities and carbon fractions."""
    table = assumptions.frame()
    others = table[
        table["topic"].isin(["wood density", "carbon fraction"]) & (table["grade"] != "")
    ]
    others = others.drop_duplicates(["topic", "source"])
    more = pd.DataFrame(
        {
            "id": others["assumption"].str.partition(":")[0],
            "predicts": others["topic"],
            "grade": others["grade"],
            "citation": others["source"],
        }
    )
    rows = [equations, more.assign(n_rows=0, doi="", where="", seen="")[equations.columns]]
    return pd.concat([row for row in rows if len(row)], ignore_index=True)


def _first_error(problems: Problems) -> str:
    errors = problems.frame()
    errors = errors[errors["severity"] == "error"]
    if errors.empty:
        return "no living tree."
    first = errors.iloc[0]
    return f"row {first['row']}: {first['message']}; {first['suggestion']}."


def _tree_table(
    inventory: Inventory, prepared: Prepared, result: Account, problems: Problems
) -> pd.DataFrame:
    """Input rows in input order with what was computed for them."""
    trees = inventory.trees.reset_index(drop=True).copy()
    trees["species_input"] = trees["species"]
    sites = inventory.plots.set_index("plot_id")["site_id"]
    trees["site_id"] = trees["plot_id"].map(sites).fillna("")
    for name, values in prepared.columns.items():
        trees[name] = pd.Series(values, index=prepared.position).reindex(trees.index)
    figures = {
        "agb_kg": result.agb_kg,
        "bgb_kg": result.bgb_kg,
        "carbon_kg": result.carbon_kg,
        "co2e_kg": co2e(result.carbon_kg),
        "herb_kg": result.herb_kg,
    }
    for name, values in figures.items():
        trees[name] = pd.Series(values, index=prepared.position).reindex(trees.index)
    for name in (
        "species",
        "species_match",
        "growth_form",
        "height_source",
        "wood_density_level",
        "equation_id",
        "equation_grade",
        "selection",
        "flags",
    ):
        trees[name] = trees[name].fillna("") if name in prepared.columns else ""
    empty = np.isnan(result.agb_kg) & np.isnan(result.herb_kg) & (prepared.arrays.equation >= 0)
    for position in prepared.position[empty]:
        problems.add(
            "no_result",
            file=inventory.file,
            row=int(trees["row"].iloc[position]),
            column="equation_id",
            value=trees["equation_id"].iloc[position],
        )
    reason = trees["refused"].where(trees["refused"] != "", prepared.reasons(trees.index))
    reason = reason.where(
        (reason != "") | trees["state"].isin(["alive", "unknown"]), trees["state"]
    )
    reason.iloc[prepared.position[empty]] = "no_result"
    trees["flags"] = [
        ";".join(part for part in pair if part) for pair in zip(reason, trees["flags"], strict=True)
    ]
    return trees


def _represents(trees: pd.DataFrame, prepared: Prepared, plots: pd.DataFrame) -> pd.Series[float]:
    """Stems of the total that a stem of each row stands for."""
    by_plot = plots.set_index("plot_id")
    share = (by_plot["represents_ha"] / by_plot["area_ha"]).fillna(1.0)
    own = pd.Series(prepared.arrays.represents, index=prepared.position).reindex(trees.index)
    return own * trees["plot_id"].map(share)


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
            row=int(group["row"].iloc[0]), column=column, what=column,
            value=f"{group[column].max():g}", count=len(group), equation=equation,
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
