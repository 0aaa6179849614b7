"""Change between two censuses of the same plots: growth, mortality, ingrowth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console, messages
from rubbercarbon.change import compare_inventories
from rubbercarbon.commands import interface as shared
from rubbercarbon.runs import write_change

First = Annotated[Path, typer.Argument(metavar="INVENTORY_1", help="The earlier census.")]
Second = Annotated[Path, typer.Argument(metavar="INVENTORY_2", help="The later census.")]


def run(
    first: First,
    second: Second,
    out: shared.Out,
    plots: shared.PlotsFile = None,
    equations: shared.Equations = None,
    catalogues: shared.Catalogues = None,
    settings: shared.SettingsFile = None,
    level: shared.Level = None,
    height_sample: shared.HeightSample = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    profile: shared.Profile = None,
    accept: shared.Accept = False,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Change between two censuses of the same plots: growth, mortality, ingrowth."""
    shared.guard_inputs(out, first, second, plots, settings, height_sample)
    chosen = shared.settings(
        settings,
        equations,
        catalogues,
        level=level,
        height_sample=None if height_sample is None else str(height_sample),
    )
    change = compare_inventories(
        shared.read(first, plots, mapped, units, profile, accept=accept),
        shared.read(second, plots, mapped, units, profile, accept=accept),
        chosen,
    )
    folder = write_change(change, out, force=force, language=language)
    if as_json:
        console.json_records(change.total)
    else:
        console.change(change, language)
        console.problems(change.found_problems, language, "problems.csv")
        console.line(messages.text("cli", "written", language, folder=folder))
    return shared.exit_code(change.found_problems, strict=strict)
