"""Stocks of many sites: totals, strata by zone, land and operator, and what is not covered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console, messages, portfolio_console
from rubbercarbon.anonymity import anonymised
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import InventoryError
from rubbercarbon.portfolio import estimate_portfolio
from rubbercarbon.portfolio_runs import write_portfolio
from rubbercarbon.portfolio_table import FILES, read_portfolio, read_zones

SitesFile = Annotated[
    Path,
    typer.Argument(
        metavar="SITES", help="Table with one row per site (`rubbercarbon template sites.csv`)."
    ),
]
Zones = Annotated[
    Path | None,
    typer.Option("--zones", help="Agro-ecological zones to cover: one per line, or first column."),
]
Anonymise = Annotated[
    bool,
    typer.Option("--anonymise/--no-anonymise", help="Leave names out and round coordinates."),
]


def run(
    sites: SitesFile,
    out: shared.Out,
    zones: Zones = None,
    anonymise: Anonymise = True,
    equations: shared.Equations = None,
    settings: shared.SettingsFile = None,
    draws: shared.Draws = None,
    seed: shared.Seed = None,
    level: shared.Level = None,
    method: shared.Method = None,
    accept: shared.Accept = False,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Stocks of many sites: totals, strata by zone, land and operator, and what is not covered."""
    shared.guard_inputs(out, sites, zones, settings)
    chosen = shared.settings(
        settings, equations, draws=draws, seed=seed, level=level, method=method
    )
    portfolio = read_portfolio(sites)
    files = {Path(text) for name in FILES for text in portfolio.sites[name] if text}
    shared.guard_inputs(out, *files)
    wanted = None if zones is None else read_zones(zones)
    try:
        with portfolio_console.progress(len(portfolio.sites), language) as on_site:
            result = estimate_portfolio(
                portfolio, chosen, zones=wanted, on_site=on_site, accept_suggestions=accept
            )
    except InventoryError as error:
        if error.found_problems is not None:
            console.problems(error.found_problems, language, "")
        raise
    folder = write_portfolio(result, out, anonymise=anonymise, force=force, language=language)
    if as_json:
        console.json_records((anonymised(result) if anonymise else result).sites)
    else:
        portfolio_console.portfolio(result, language)
        console.problem_table(result.problem_table(language), language, "problems.csv")
        if anonymise:
            console.line(messages.text("portfolio", "anonymised", language))
        console.line(messages.text("cli", "written", language, folder=folder))
    return shared.exit_code(result.found_problems, strict=strict)
