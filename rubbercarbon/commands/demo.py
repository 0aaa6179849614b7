"""The main job on the embedded, synthetic sample site: tables, figures and a report."""

from __future__ import annotations

from pathlib import Path

import rubbercarbon
from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.inventory import read_inventory
from rubbercarbon.report import write_report
from rubbercarbon.runs import write_run

FIGURE = "agb_by_plot.png"
SHARES = "what_the_doubt_comes_from.png"
REPORTS = {"en": "report_en.html", "th": "report_th.html"}


def run(
    out: shared.Out = Path("rubbercarbon-demo"),
    language: shared.Lang = "en",
    force: shared.Force = False,
) -> int:
    """The main job on the embedded, synthetic sample site: tables, figures and a report."""
    from rubbercarbon import figures  # noqa: PLC0415  (loads matplotlib)

    sample = Path(rubbercarbon.__file__).parent / "sample"
    inventory = read_inventory(sample / "trees.csv", sample / "plots.csv")
    stocks = shared.estimate(inventory, shared.settings(None, None), language)

    def add(folder: Path) -> None:
        figures.save(figures.stocks_by_plot(stocks, language), folder / FIGURE)
        figures.save(figures.variance_shares(stocks, language=language), folder / SHARES)
        for spoken, name in REPORTS.items():
            write_report(stocks, folder / name, spoken, sample / "site.toml")

    folder = write_run(stocks, out, force=force, language=language, extras=add)
    console.line(messages.text("cli", "sample_note", language))
    console.stocks(stocks, language)
    console.problems(stocks.found_problems, language, "problems.csv")
    console.line(messages.text("cli", "written", language, folder=folder))
    console.line(messages.text("cli", "figure", language, file=folder / FIGURE))
    console.line(messages.text("cli", "figure", language, file=folder / SHARES))
    for name in REPORTS.values():
        console.line(messages.text("cli", "report", language, file=folder / name))
    return 0
