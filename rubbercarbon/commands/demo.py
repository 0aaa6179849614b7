"""The main job on the embedded, synthetic sample site: tables, figures, claim, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rubbercarbon
from rubbercarbon import console, credit_console, messages
from rubbercarbon.change import compare_inventories
from rubbercarbon.commands import interface as shared
from rubbercarbon.credits import CreditResult, credit
from rubbercarbon.inventory import read_inventory
from rubbercarbon.provenance import write_csv
from rubbercarbon.report import write_report
from rubbercarbon.report_source import ReportSource
from rubbercarbon.runs import stock_tables, write_run
from rubbercarbon.sites import read_site

if TYPE_CHECKING:
    from rubbercarbon.stocks import Stocks

FIGURE = "agb_by_plot.png"
SHARES = "what_the_doubt_comes_from.png"
REPORTS = {"en": "report_en.html", "th": "report_th.html"}
PROGRAMMES = ("t-ver-s-meth-13-06", "t-ver-s-meth-13-01", "t-ver-p-meth-13-01")
SAMPLE = Path(rubbercarbon.__file__).parent / "sample"


def run(
    out: shared.Out = Path("rubbercarbon-demo"),
    language: shared.Lang = "en",
    force: shared.Force = False,
) -> int:
    """The main job on the embedded, synthetic sample site: tables, figures, claim, report."""
    from rubbercarbon import figures  # noqa: PLC0415  (loads matplotlib)

    settings = shared.settings(None, None)
    inventory = read_inventory(SAMPLE / "trees.csv", SAMPLE / "plots.csv")
    stocks = shared.estimate(inventory, settings, language)
    before = read_inventory(SAMPLE / "trees_2567.csv", SAMPLE / "plots.csv")
    change = compare_inventories(before, inventory, settings)
    site = read_site(SAMPLE / "site.toml")
    claims = {spoken: credit(change, PROGRAMMES, site=site, language=spoken) for spoken in REPORTS}
    claim = claims[language]

    def add(folder: Path) -> None:
        figures.save(figures.stocks_by_plot(stocks, language), folder / FIGURE)
        figures.save(figures.variance_shares(stocks, language=language), folder / SHARES)
        for name, table in claim.tables.items():
            known = (folder / f"{name}.csv").exists()
            write_csv(table, folder / (f"change_{name}.csv" if known else f"{name}.csv"))
        for spoken, name in REPORTS.items():
            whole = _whole(stocks, claims[spoken], spoken)
            write_report(whole, folder / name, spoken, site)

    folder = write_run(stocks, out, force=force, language=language, extras=add)
    console.line(messages.text("cli", "sample_note", language))
    console.stocks(stocks, language)
    console.problems(stocks.found_problems, language, "problems.csv")
    credit_console.side_by_side(claim, language)
    console.line(messages.text("cli", "written", language, folder=folder))
    for name in (FIGURE, SHARES):
        console.line(messages.text("cli", "figure", language, file=folder / name))
    for name in REPORTS.values():
        console.line(messages.text("cli", "report", language, file=folder / name))
    return 0


def _whole(stocks: Stocks, claim: CreditResult, language: str) -> ReportSource:
    """Stock and claim of the site in one report; lists are those of both censuses."""
    return ReportSource({**stock_tables(stocks, language), **claim.tables}, claim.run)
