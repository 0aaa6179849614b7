"""The inventories of a portfolio's sites, read one by one and joined to one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon import tables
from rubbercarbon.errors import InventoryError, RubbercarbonError
from rubbercarbon.inventory import Inventory, read_inventory
from rubbercarbon.portfolio_table import Portfolio
from rubbercarbon.problems import Problem, Problems
from rubbercarbon.runs import load_run
from rubbercarbon.stocks import Stocks

JOINED = "portfolio"
MARK = "§"  # before the number of a site, so that it is told from any text of a sheet


@dataclass
class SiteData:
    """What was read for one site: trees and plots, or a run, or why neither.

    ``failure`` is a sentence that may hold names; ``cause`` is its kind, a code of ours.
    """

    number: str
    inventory: Inventory | None = None
    run: Stocks | None = None
    failure: str = ""
    cause: str = ""
    names: dict[str, str] = field(default_factory=dict)


def _report_unlisted(
    whole: Inventory, source: tuple[str, str], portfolio: Portfolio, problems: Problems
) -> None:
    """Sites of a file that no row of the list names."""
    rows = portfolio.sites
    users = rows[(rows["inventory"] == source[0]) & (rows["plots"] == source[1])]
    sites = set(whole.plots["site_id"]) - {""}
    left = sorted(sites - set(users["site_id"]))
    if left and len(left) < len(sites):
        problems.add(
            "site_not_listed", file=f"{MARK}{users['number'].iloc[0]} {whole.file}",
            column="site_id", value=", ".join(left[:20]) + (", ..." if len(left) > 20 else ""),
            count=len(left),
        )  # fmt: skip


def read_sites(
    portfolio: Portfolio,
    problems: Problems,
    on_site: Callable[[int], None] | None = None,
    *,
    accept_suggestions: bool = False,
) -> list[SiteData]:
    """Read the files of every site; a site whose files fail is listed and stays without data.

    Parameters
    ----------
    portfolio : Portfolio
    problems : Problems
        Takes the problems of all files; their ``file`` begins with the site's number.
    on_site : callable, optional
        Called with the number of sites read so far.
    accept_suggestions : bool
        As for `read_inventory`.

    Returns
    -------
    list of SiteData
    """
    records = portfolio.sites.to_dict("records")
    users: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        if record["inventory"]:
            users[record["inventory"], record["plots"]].append(record["number"])
    cache: dict[tuple[str, str], Inventory] = {}
    found = []
    for record in records:
        data = SiteData(record["number"])
        where: dict[str, Any] = {"file": portfolio.file, "row": int(record["row"])}
        try:
            if record["run"]:
                data.run = _run(record, portfolio.digests)
            else:
                _read(record, data, cache, users, problems, portfolio, accept_suggestions)
        except (RubbercarbonError, OSError, ValueError) as error:
            data.failure = str(error).strip() or type(error).__name__
            data.cause = _cause(record)
            _keep(getattr(error, "found_problems", None), data.number, "", problems)
            problems.add("site_failed", column="run" if record["run"] else "inventory",
                         value=f"{MARK}{data.number}", why=data.failure, **where)  # fmt: skip
        found.append(data)
        if on_site is not None:
            on_site(len(found))
        last = users[record["inventory"], record["plots"]][-1:] == [record["number"]]
        if last:
            cache.pop((record["inventory"], record["plots"]), None)
    _report_shared(portfolio, users, found, problems)
    return found


def _cause(record: dict[Any, Any]) -> str:
    """The kind of a failure, in words that hold no name."""
    names = [record[name] for name in ("inventory", "plots", "run") if record[name]]
    if not record["run"] and not record["inventory"]:
        return "nothing_named"
    if record["run"] and record["inventory"]:
        return "both_named"
    if not all(Path(name).exists() for name in names):
        return "file_missing"
    return "run_unread" if record["run"] else "inventory_unread"


def _run(record: dict[Any, Any], digests: dict[str, str]) -> Stocks:
    if not (Path(record["run"]) / "run.json").is_file():
        raise InventoryError(
            f"'{Path(record['run']).name}' is no run folder; paths begin at the list's folder."
        )
    if record["inventory"]:
        raise InventoryError("it names an inventory and a run folder; leave one of them out.")
    stocks = load_run(record["run"])
    if not isinstance(stocks, Stocks):
        raise InventoryError(
            f"'{Path(record['run']).name}' is a run folder of another command; give one of "
            "`rubbercarbon estimate`."
        )
    name = f"{MARK}{record['number']} {Path(record['run']).name}/run.json"
    digests[name] = tables.digest(Path(record["run"]) / "run.json")
    return stocks


def _read(
    record: dict[Any, Any],
    data: SiteData,
    cache: dict[tuple[str, str], Inventory],
    users: dict[tuple[str, str], list[str]],
    problems: Problems,
    portfolio: Portfolio,
    accept: bool,
) -> None:
    """Read one site's inventory, or take it from the cache; keep the plots that are its own."""
    source = (record["inventory"], record["plots"])
    if not source[0]:
        raise InventoryError(
            "it names neither an inventory nor a run folder; fill the column inventory or run."
        )
    for name in filter(None, source):
        if not Path(name).is_file():
            raise InventoryError(
                f"file '{Path(name).name}' does not exist; paths begin at the list's folder."
            )
    if source not in cache:
        cache[source] = read_inventory(source[0], source[1] or None, accept_suggestions=accept)
        for name, digest in cache[source].digests.items():
            portfolio.digests[f"{MARK}{data.number} {name}"] = digest
        whom = (
            data.number if len(users[source]) == 1 else f"{data.number}-{MARK}{users[source][-1]}"
        )
        _keep(cache[source].found_problems, whom, cache[source].file, problems)
        _report_unlisted(cache[source], source, portfolio, problems)
    whole = cache[source]
    mine = _plots_of(whole, record, len(users[source]), problems)
    data.inventory = _own(whole, whole.plots[mine], record, data)


def _plots_of(
    whole: Inventory, record: dict[Any, Any], n_users: int, problems: Problems
) -> pd.Series[bool]:
    """Which plots of a file are those of one site of the list."""
    named = whole.plots["site_id"]
    sites = sorted(set(named) - {""})
    mine: pd.Series[bool] = named == record["site_id"]
    everything: pd.Series[bool] = pd.Series(True, index=whole.plots.index)
    some = f"{', '.join(sites[:6])}{', ...' if len(sites) > 6 else ''}"
    if not sites or mine.all() or (n_users == 1 and len(sites) == 1):
        return everything
    if mine.any():
        return mine
    if n_users > 1:
        raise InventoryError(
            f"'{whole.file}' holds the sites {some}, not '{record['site_id']}'; write the same "
            "site_id in both."
        )
    problems.add(
        "site_names_within", file=f"{MARK}{record['number']} {whole.file}", column="site_id",
        value=some, site=f"{MARK}{record['number']}",
    )  # fmt: skip
    return everything


def _own(
    whole: Inventory, plots: pd.DataFrame, record: dict[Any, Any], data: SiteData
) -> Inventory:
    """One site's plots and trees, under the numbers of site and plot."""
    ids = sorted(plots["plot_id"])
    number = {plot: f"{MARK}{data.number}:{k}" for k, plot in enumerate(ids, start=1)}
    data.names = {
        short.removeprefix(MARK): f"{record['site_id']}:{plot}" for plot, short in number.items()
    }
    if len(set(plots["site_id"])) > 1:  # strata of sites within keep their own land
        plots = plots.assign(stratum=plots["site_id"] + " " + plots["stratum"])
    plots = plots.assign(plot_id=plots["plot_id"].map(number), site_id=data.number)
    place = next((t for t in (record["province"], record["agro_ecological_zone"])
                  if t not in {"", "unknown"}), "")  # fmt: skip
    locality = plots["locality"].fillna("") if "locality" in plots else ""
    plots["locality"] = pd.Series(locality, index=plots.index).replace("", place)
    kept = whole.trees["plot_id"].isin(ids)
    if len(ids) == len(whole.plots):
        kept |= whole.trees["refused"] != ""
    trees = whole.trees[kept]
    trees = trees.assign(
        plot_id=trees["plot_id"].map(number).fillna(f"{MARK}{data.number}:?"),
        file_of_row=f"{MARK}{data.number} {whole.file}",
        sheet_of_row=whole.sheet,
    )
    nested = whole.subplots[whole.subplots["plot_id"].isin(ids)]
    nested = nested.assign(plot_id=nested["plot_id"].map(number))
    return replace(whole, trees=trees, plots=plots, subplots=nested, raw=None)


def _keep(found: Problems | None, whom: str, file: str, problems: Problems) -> None:
    for item in found.items if found is not None else ():
        problems.items.append(replace(item, file=f"{MARK}{whom} {item.file or file}".strip()))


def _report_shared(
    portfolio: Portfolio,
    users: dict[tuple[str, str], list[str]],
    found: list[SiteData],
    problems: Problems,
) -> None:
    """One file without site_id for several sites would count its trees several times."""
    by_number = {data.number: data for data in found}
    rows = portfolio.sites.set_index("number").to_dict("index")
    for (inventory, _), numbers in users.items():
        read = [n for n in numbers if by_number[n].inventory is not None]
        for other in read[1:]:
            one, two = (by_number[n].inventory for n in (read[0], other))
            if one is not None and two is not None and one.trees.index.equals(two.trees.index):
                problems.add(
                    "site_same_file", file=portfolio.file, row=int(rows[other]["row"]),
                    column="inventory", value=Path(inventory).name,
                    other=rows[read[0]]["site_id"],
                )  # fmt: skip


def join(parts: list[Inventory]) -> Inventory:
    """One inventory of several, whose plots have distinct ids; rows are counted through.

    Parameters
    ----------
    parts : list of Inventory
        As `read_sites` makes them.

    Returns
    -------
    Inventory
        Column ``file_of_row`` and ``row_of_file`` of its trees say where each row stands.
    """
    trees = pd.concat([part.trees for part in parts], ignore_index=True)
    plots = pd.concat([part.plots for part in parts], ignore_index=True)
    subplots = [part.subplots for part in parts if len(part.subplots)]
    trees["row_of_file"] = trees["row"]
    trees["row"] = np.arange(len(trees))
    for frame in (trees, plots):
        for name in frame.columns:
            if frame[name].dtype.kind not in "biufc":
                frame[name] = frame[name].astype(object).fillna("")
    notes = [
        {**note, "source": "as read"} if note["source"] == part.file else note
        for part in parts
        for note in part.notes
    ]
    return Inventory(
        trees=trees,
        plots=plots.sort_values("plot_id", ignore_index=True),
        subplots=pd.concat(subplots, ignore_index=True) if subplots else parts[0].subplots,
        file=JOINED,
        digests={},
        found_problems=Problems(),
        notes=notes,
    )


def placed(item: Problem, joined: Inventory) -> Problem:
    """A problem of the joined inventory at its row of its own file."""
    if item.row is None or item.file != JOINED:
        return replace(item, file="" if item.file == JOINED else item.file)
    trees = joined.trees
    return replace(
        item, file=str(trees["file_of_row"].iloc[item.row]),
        sheet=str(trees["sheet_of_row"].iloc[item.row]),
        row=int(trees["row_of_file"].iloc[item.row]),
    )  # fmt: skip
