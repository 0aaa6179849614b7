"""Trees → plots → sites: the central verb, a skin of tables over `rubbercarbon.pools.account`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.config import Settings
from rubbercarbon.distributions import QUANTITIES
from rubbercarbon.errors import InventoryError
from rubbercarbon.inventory import Inventory
from rubbercarbon.loads import Layout
from rubbercarbon.pools import Account
from rubbercarbon.preparation import Prepared
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import run_record
from rubbercarbon.stock_errors import add_intervals
from rubbercarbon.stock_points import Points, compute_points
from rubbercarbon.tables import digest
from rubbercarbon.totals import total_table
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


@dataclass
class Stocks:
    """Result of `estimate_stocks`.

    Attributes
    ----------
    trees : pandas.DataFrame
        One row per input row, in input order, refused rows too (figures empty, ``flags`` says why).
        Texts are categories in tables of more than 100,000 rows.
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
    points = compute_points(inventory, chosen)
    prepared, result = points.prepared, points.result
    trees = points.trees[list(TREE_OUTPUT)]
    plots, assumptions = points.plots, points.assumptions
    total = total_table(plots, assumptions)
    spread = add_intervals(
        prepared, result, inventory.plots, plots, total, chosen, assumptions, draws=draws,
        census=census,
    )  # fmt: skip
    stocks = Stocks(
        trees=trees,
        plots=spread.plots,
        total=spread.total,
        assumptions=assumptions.frame(),
        equations=all_citations(prepared.citations, assumptions.frame()),
        run=_record(inventory, chosen),
        found_problems=points.problems,
        attribution=spread.attribution,
        uncertainty=spread.distribution,
        sampling=spread.sampling,
        draws=spread.draws,
        model=(spread.masses, spread.layout),
    )
    return Computed(stocks, prepared, result, spread.masses, spread.layout)


def recorded(settings: Settings) -> dict[str, Any]:
    """Settings for the run's record; files by name, without their folders."""
    values = settings.model_dump(mode="json")
    values["catalogues"] = [Path(folder).name for folder in settings.catalogues]
    values["draws"] = settings.number_of_draws or None
    if settings.height_sample is not None:
        values["height_sample"] = Path(settings.height_sample).name
    return values


def _record(inventory: Inventory, settings: Settings) -> dict[str, Any]:
    """The run's record."""
    values = recorded(settings)
    digests = dict(inventory.digests)
    if settings.height_sample is not None:
        digests[values["height_sample"]] = digest(settings.height_sample)
    return run_record(values, digests, inventory.reading)


def citations(points: Points | None, assumptions: Assumptions) -> pd.DataFrame:
    """Every publication that stocks rest on; none without points."""
    if points is None:
        return pd.DataFrame()
    return all_citations(points.prepared.citations, assumptions.frame())


def all_citations(equations: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Every publication: equations first, then densities and carbon fractions.

    Parameters
    ----------
    equations : pandas.DataFrame
        Of equations, roots and heights.
    table : pandas.DataFrame
        Assumptions.
    """
    others = table[
        table["topic"].isin(["wood density", "carbon fraction"]) & (table["grade"] != "")
    ]
    named = others.assign(
        id=others["assumption"].str.partition(":")[0],
        n_rows=pd.to_numeric(others["applies_to"].str.extract(r"^(\d+) rows?$")[0]),
    )
    more = named.groupby(["topic", "source", "grade"], sort=False, as_index=False).agg(
        id=("id", lambda ids: ", ".join(dict.fromkeys(ids))),
        n_rows=("n_rows", lambda rows: rows.sum(min_count=1)),
    )
    more = more.rename(columns={"topic": "predicts", "source": "citation"})
    more["n_rows"] = more["n_rows"].astype("Int64")
    rows = [equations, more.assign(doi="", where="", seen="")[equations.columns]]
    return pd.concat([row for row in rows if len(row)], ignore_index=True)
