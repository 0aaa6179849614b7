"""Scenarios through the years, compared with the first: carbon, and money at dated prices."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console, messages, scenario_console
from rubbercarbon.commands import interface as shared
from rubbercarbon.comparison import compare_scenarios
from rubbercarbon.economics import read_prices
from rubbercarbon.errors import SettingsError
from rubbercarbon.messages import failure
from rubbercarbon.projection import project
from rubbercarbon.scenario_runs import write_comparison
from rubbercarbon.scenarios.interface import library, read_scenario
from rubbercarbon.scenarios.measured import start_from_inventory, unused_species

DEFAULT_DRAWS = 1000
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENARIO...", help="Ids of the library, or TOML files; baseline first."
    ),
]
Years = Annotated[int, typer.Option("--years", help="Years to project, 1 to 200.")]
Draws = Annotated[int, typer.Option("--draws", help="Monte Carlo draws; 0: the point alone.")]
PricesFile = Annotated[
    Path | None, typer.Option("--prices", help="Dated prices, a TOML file, for income and costs.")
]
Start = Annotated[
    Path | None,
    typer.Option("--start", help="Trees measured on the site: the first rotation starts there."),
]
StartAge = Annotated[
    int | None, typer.Option("--start-age", help="Age of the measured rubber in years.")
]


def run(
    scenarios: Names,
    out: shared.Out,
    years: Years = 30,
    draws: Draws = DEFAULT_DRAWS,
    seed: shared.Seed = None,
    level: shared.Level = None,
    prices: PricesFile = None,
    start: Start = None,
    start_age: StartAge = None,
    plots: shared.PlotsFile = None,
    settings: shared.SettingsFile = None,
    language: shared.Lang = "en",
    save_draws: shared.KeepDraws = False,
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Scenarios through the years, compared with the first: carbon, and money at dated prices."""
    if len(scenarios) < 2:
        raise failure(SettingsError, "two_scenarios", known=", ".join(library()))
    files = [Path(name) for name in scenarios if name not in library()]
    shared.guard_inputs(out, prices, start, plots, settings, *files)
    chosen = shared.settings(settings, None, seed=seed, level=level)
    money = None if prices is None else read_prices(prices)
    found = [read_scenario(name, years=years) for name in scenarios]
    unused: dict[str, list[str]] = {}
    if start is not None:
        if start_age is None:
            raise failure(SettingsError, "start_without_age")
        inventory = shared.read(start, plots, None, None)
        found = start_from_inventory(found, inventory, start_age)
        unused = unused_species(found, inventory)
    elif start_age is not None or plots is not None:
        raise failure(SettingsError, "age_without_start")
    projection = project(
        found, years=years, draws=draws, seed=chosen.seed, level=chosen.level, settings=chosen
    )
    projection.digests = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (*files, start, plots, prices)
        if file is not None
    }
    for name, species in unused.items():
        for one in species:
            projection.found_problems.add("start_unused", file=name, value=one)
    result = compare_scenarios(projection, prices=money)
    folder = write_comparison(result, out, force=force, language=language, draws=save_draws)
    if as_json:
        console.json_records(result.summary)
    else:
        scenario_console.comparison(result, language)
        console.problems(result.problems, language, "problems.csv")
        console.line(messages.text("cli", "written", language, folder=folder))
    return shared.exit_code(result.problems, strict=strict)
