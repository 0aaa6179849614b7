"""Stocks of many sites at once, with the errors that the sites share.

All trees are estimated as one inventory, so that the errors of equations, densities, places and
factors are those of one run and do not average out over sites. The total is the sum over the
sites: they were chosen on purpose, and nothing is claimed for the land around them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rubbercarbon import portfolio_strata, tables
from rubbercarbon.anonymity import named
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.config import Settings
from rubbercarbon.errors import InventoryError, RubbercarbonError, SettingsError
from rubbercarbon.formats import csv
from rubbercarbon.inventory import Inventory
from rubbercarbon.portfolio_inventories import MARK, SiteData, join, placed, read_sites
from rubbercarbon.portfolio_sums import Sums, members
from rubbercarbon.portfolio_table import Portfolio
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import run_record
from rubbercarbon.stock_points import Points, compute_points
from rubbercarbon.stocks import citations, recorded
from rubbercarbon.thresholds import threshold

CREDIT = ("credit_status", "net_t_co2e", "net_t_co2e_rai_yr")


@dataclass
class PortfolioStocks:
    """Result of `estimate_portfolio`.

    Attributes
    ----------
    sites : pandas.DataFrame
        One row per site of the list: what is known of it, ``status`` (estimated, run, failed),
        and its stocks [t, t/ha, t/rai] with ``_sd``, ``_low``, ``_high``.
    strata : pandas.DataFrame
        By zone, land document, operator type and new-generation farmer, then by each of them
        alone (the others ``ALL``).
    coverage : pandas.DataFrame
        Zones, land documents and types of operator with the number of their sites.
    total : pandas.DataFrame
        One row per site that has stocks, last row ``ALL``: the sum over the sites.
    attribution : pandas.DataFrame
        Share of the variance of ``ALL`` by error term.
    sampling : pandas.DataFrame
        Half-widths of sites whose plots were drawn at random and whose land is known [%].
    assumptions, equations : pandas.DataFrame
    run : dict
        Versions, settings and input digests.
    found_problems : Problems
        The list behind ``problems``.
    names : dict
        Number of a site, or of a plot in it, → its name; empty where names are left out.
    file : str
        Name of the list of sites.
    """

    sites: pd.DataFrame
    strata: pd.DataFrame
    coverage: pd.DataFrame
    total: pd.DataFrame
    attribution: pd.DataFrame
    sampling: pd.DataFrame
    assumptions: pd.DataFrame
    equations: pd.DataFrame
    run: dict[str, Any]
    found_problems: Problems = field(repr=False)
    names: dict[str, str] = field(default_factory=dict, repr=False)
    file: str = ""

    @property
    def problems(self) -> pd.DataFrame:
        """Every problem, in English (see `problem_table` for Thai)."""
        return self.problem_table()

    def problem_table(self, language: str = "en") -> pd.DataFrame:
        """Every problem; sites and plots by their names, where these are known."""
        return named(self.found_problems.frame(language), self.names)


def estimate_portfolio(
    portfolio: Portfolio,
    settings: Settings | None = None,
    *,
    zones: list[str] | None = None,
    on_site: Callable[[int], None] | None = None,
    accept_suggestions: bool = False,
) -> PortfolioStocks:
    """Stocks of every site of a portfolio, of its strata and of all together.

    Parameters
    ----------
    portfolio : Portfolio
        From `read_portfolio`.
    settings : Settings, optional
        The same for all sites.
    zones : list of str, optional
        Agro-ecological zones that the portfolio should cover; otherwise those that its sites name.
    on_site : callable, optional
        Called with the number of sites read so far, for a progress bar.
    accept_suggestions : bool
        Use the values that the checks think were meant; each is logged.

    Returns
    -------
    PortfolioStocks
        Sites whose files fail are listed and left out of every sum.

    Raises
    ------
    InventoryError
        When no site has stocks; it carries the problems.
    SettingsError
        For height models by plot, whose names are not unique here.

    Notes
    -----
    Sites given as run folders bring their figures and standard deviations. What they share with
    others is not in the folder, so that their errors are taken as fully shared: the standard
    deviations are added up, which makes the interval too wide rather than too narrow.
    """
    chosen = settings or Settings()
    if chosen.height_by == "plot_id":
        raise SettingsError(
            "height_by = 'plot_id' needs one inventory, because plots of several sites bear the "
            "same names; use 'species', 'stratum' or 'all' for a portfolio."
        )
    problems, assumptions = Problems(), Assumptions()
    problems.items = list(portfolio.found_problems.items)
    portfolio = replace(portfolio, digests=dict(portfolio.digests))
    found = read_sites(portfolio, problems, on_site, accept_suggestions=accept_suggestions)
    points, joined = _points(found, portfolio, chosen, problems, assumptions)
    with_stocks = members(points, {d.number: d.run for d in found if d.run is not None})
    sites = _described(portfolio, found)
    sums = Sums(with_stocks, points, joined, chosen, assumptions)
    cuts = portfolio_strata.groups(sites)
    single = [[number] for number in with_stocks.table.index]
    stocks = sums.of([*single, *(numbers for _, numbers in cuts)])
    total = stocks.iloc[[*range(len(single)), len(stocks) - 1]].reset_index(drop=True)
    total.insert(0, "number", [*with_stocks.table.index, "ALL"])
    sites = sites.merge(total, on="number", how="left")
    names = _names(portfolio, found)
    total.insert(1, "site_id", [names.get(number, number) for number in total["number"]])
    sites = _with_credits(sites, portfolio, problems)
    _areas(sites, portfolio, problems)
    sampling = sums.sampling()
    sampling["site_id"] = [names.get(number, number) for number in sampling["site_id"]]
    _assume(sites, assumptions, zones, chosen)
    record = run_record(recorded(chosen), portfolio.digests)
    return PortfolioStocks(
        sites=sites,
        strata=portfolio_strata.strata(sites, cuts, stocks.iloc[len(single) :]),
        coverage=portfolio_strata.coverage(sites, zones),
        total=total,
        attribution=sums.attribution,
        sampling=sampling,
        assumptions=assumptions.frame(),
        equations=citations(points, assumptions),
        run={**record, "kind": "portfolio"},
        found_problems=problems,
        names=names,
        file=portfolio.file,
    )


def _names(portfolio: Portfolio, found: list[SiteData]) -> dict[str, str]:
    """Numbers of plots and sites → what they are called."""
    names = {short: long for data in found for short, long in data.names.items()}
    return names | dict(zip(portfolio.sites["number"], portfolio.sites["site_id"], strict=True))


def _points(
    found: list[SiteData],
    portfolio: Portfolio,
    settings: Settings,
    problems: Problems,
    assumptions: Assumptions,
) -> tuple[Points | None, Inventory | None]:
    """All trees estimated as one inventory; sites of which none can be computed are left out."""
    while True:
        here = [data for data in found if data.inventory is not None]
        if not here:
            if any(data.run for data in found):
                return None, None
            raise InventoryError(
                f"none of the {len(found)} sites of '{portfolio.file}' can be computed; the first "
                f"reason: {next((d.failure for d in found if d.failure), 'no living tree')}",
                problems,
            )
        joined = join([data.inventory for data in here if data.inventory is not None])
        try:
            points = compute_points(joined, settings)
            done = points.trees["agb_kg"].notna() | points.trees["herb_kg"].notna()
            computed = set(points.trees.loc[done, "site_id"])
        except InventoryError:
            points, computed = None, set()
        empty = [data for data in here if data.number not in computed]
        rows = portfolio.sites.set_index("number")["row"].to_dict()
        for data in empty:
            data.inventory = None
            data.failure = "none of its rows can be computed; see the problems of its files."
            data.cause = "nothing_computed"
            problems.add(
                "site_failed", file=portfolio.file, row=int(rows[data.number]),
                column="inventory", value=f"{MARK}{data.number}", why=data.failure,
            )  # fmt: skip
        if not empty and points is not None:
            problems.items += [placed(item, joined) for item in points.problems.items]
            assumptions.rows += points.assumptions.rows
            return points, joined


def _described(portfolio: Portfolio, found: list[SiteData]) -> pd.DataFrame:
    """The list's rows with how each site fared."""
    sites = portfolio.sites.drop(columns=["site", "plots"]).copy()
    state = {d.number: "failed" if d.failure else "run" if d.run else "estimated" for d in found}
    sites["status"] = sites["number"].map(state)
    sites["reason"] = sites["number"].map({d.number: d.failure for d in found})
    sites["cause"] = sites["number"].map({d.number: d.cause for d in found})
    n_rows = {d.number: len(d.inventory.trees) for d in found if d.inventory is not None}
    n_rows |= {d.number: len(d.run.trees) for d in found if d.run is not None}
    sites["n_rows"] = sites["number"].map(n_rows).astype("Int64")
    return sites


def _with_credits(sites: pd.DataFrame, portfolio: Portfolio, problems: Problems) -> pd.DataFrame:
    """Status and net figure of each site's credit run, by programme."""
    rows: list[dict[str, Any]] = []
    for record in sites.to_dict("records"):
        row: dict[str, Any] = {"credit_status": "", "net_t_co2e": math.nan,
                               "net_t_co2e_rai_yr": math.nan}  # fmt: skip
        if record["credit"]:
            try:
                row = _credit(record, portfolio.digests)
            except (RubbercarbonError, OSError, ValueError) as error:
                problems.add(
                    "site_credit_unread", file=portfolio.file, row=int(record["row"]),
                    column="credit", value=f"{MARK}{record['number']}", why=str(error),
                )  # fmt: skip
        rows.append(row)
    sites["programme"] = [
        row.get("programme", own) for row, own in zip(rows, sites["programme"], strict=True)
    ]
    for name in CREDIT:
        sites[name] = [row[name] for row in rows]
    return sites.drop(columns=["credit", "run", "inventory"])


def _credit(record: dict[Any, Any], digests: dict[str, str]) -> dict[str, Any]:
    folder = Path(record["credit"])
    if not (folder / "run.json").is_file() or not (folder / "programmes.csv").is_file():
        raise InventoryError(
            f"'{folder.name}' is no run folder of `rubbercarbon credit`: it has no programmes.csv."
        )
    table = csv.read_plain(folder / "programmes.csv")
    wanted = record["programme"] or (table["programme"].iloc[0] if len(table) == 1 else "")
    mine = table[table["programme"] == wanted]
    if mine.empty:
        raise InventoryError(
            f"'{folder.name}' holds the programmes {', '.join(table['programme'])}; name one of "
            "them in the column programme."
        )
    digests[f"{MARK}{record['number']} {folder.name}/run.json"] = tables.digest(folder / "run.json")
    first = mine.iloc[0]
    return {
        "programme": wanted,
        "credit_status": str(first["status"]),
        **{name: _number(first.get(name)) for name in CREDIT[1:]},
    }


def _number(value: object) -> float:
    return float(pd.to_numeric(str(value), errors="coerce"))


def _areas(sites: pd.DataFrame, portfolio: Portfolio, problems: Problems) -> None:
    """Sites whose figures describe more land than their document."""
    most = 1.0 + threshold("area_exceeded")
    for record in sites.to_dict("records"):
        if record["area_ha"] > most * record["area_declared_ha"]:
            problems.add(
                "site_area_exceeded", file=portfolio.file, row=int(record["row"]), column="area",
                value=f"{record['area_declared_ha']:.4g}", used=f"{record['area_ha']:.4g}",
                site=f"{MARK}{record['number']}",
            )  # fmt: skip


def _assume(
    sites: pd.DataFrame, assumptions: Assumptions, zones: list[str] | None, settings: Settings
) -> None:
    """What holds for the portfolio as a whole."""
    count = sites["status"].value_counts()
    rule = "rule of this library"
    assumptions.add(
        "portfolio",
        "the trees of all sites were estimated as one inventory: errors of equations, species, "
        "places and factors are shared between sites and do not average out",
        "one error budget",
        applies_to=f"{count.get('estimated', 0)} sites",
        source=rule,
    )
    assumptions.add(
        "portfolio",
        "sites without a locality in their plots take their province, or else their zone, as one",
        "province",
        source=rule,
    )
    for status, text in (
        ("run", "sites from run folders keep their own figures; their errors are taken as fully "
         "shared with all others (standard deviations added up), too wide rather than too narrow"),
        ("failed", "sites that could not be computed are in no sum"),
    ):  # fmt: skip
        if count.get(status, 0):
            assumptions.add(
                "portfolio", text, status, applies_to=f"{count[status]} sites", source=rule
            )
    kinds = sites["describes"].dropna().value_counts()
    assumptions.add(
        "portfolio",
        "each site's total describes its land where stratum_area_ha is known for all its plots, "
        "else the measured plots only",
        ", ".join(f"{kind}: {n} sites" for kind, n in kinds.items()),
        source="input",
    )
    assumptions.add(
        "coverage",
        "zones that should be covered: as given"
        if zones
        else "no list of agro-ecological zones was given and none is built in: zones that no site "
        "names are unknown (--zones FILE)",
        f"{len(zones)} zones" if zones else "unknown",
        source="user" if zones else "none seen",
    )
    assumptions.add(
        "intervals",
        f"central {100 * settings.level:g} % intervals, "
        + (f"{settings.number_of_draws} draws, seed {settings.seed}"
           if settings.number_of_draws else "analytic (shifted lognormal)")
        + "; they cover the errors of the budget, not the choice of plots or sites",
        settings.level,
        unit="1",
        source=rule,
    )  # fmt: skip
