"""Biomass and carbon of an inventory, written to a run folder."""

from __future__ import annotations

from typing import Annotated

import typer

from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.runs import write_run

Parquet = Annotated[bool, typer.Option("--parquet", help="Write trees.parquet too.")]


def run(
    trees: shared.TreesFile,
    out: shared.Out,
    plots: shared.PlotsFile = None,
    equations: shared.Equations = None,
    catalogues: shared.Catalogues = None,
    settings: shared.SettingsFile = None,
    draws: shared.Draws = None,
    seed: shared.Seed = None,
    level: shared.Level = None,
    method: shared.Method = None,
    height_sample: shared.HeightSample = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    profile: shared.Profile = None,
    accept: shared.Accept = False,
    language: shared.Lang = "en",
    parquet: Parquet = False,
    save_draws: shared.KeepDraws = False,
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Biomass and carbon of an inventory, written to a run folder."""
    shared.guard_inputs(out, trees, plots, settings, height_sample)
    chosen = shared.settings(
        settings,
        equations,
        catalogues,
        draws=draws,
        seed=seed,
        level=level,
        method=method,
        height_sample=None if height_sample is None else str(height_sample),
    )
    inventory = shared.read(trees, plots, mapped, units, profile, accept=accept)
    stocks = shared.estimate(inventory, chosen, language, draws=save_draws)
    folder = write_run(stocks, out, force=force, language=language, parquet=parquet)
    if as_json:
        console.json_records(stocks.total)
    else:
        console.stocks(stocks, language)
        console.problems(stocks.found_problems, language, "problems.csv")
        console.line(messages.text("cli", "written", language, folder=folder))
    return shared.exit_code(stocks.found_problems, strict=strict)
