"""List what is wrong or doubtful in an inventory, and write nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import InventoryError
from rubbercarbon.provenance import write_csv
from rubbercarbon.stocks import estimate_stocks

Table = Annotated[Path | None, typer.Option("--out", help="Write all problems to this CSV file.")]


def run(
    trees: shared.TreesFile,
    plots: shared.PlotsFile = None,
    out: Table = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    language: shared.Lang = "en",
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """List what is wrong or doubtful in an inventory, and write nothing else."""
    inventory = shared.read(trees, plots, mapped, units)
    hopeless: InventoryError | None = None
    try:
        problems = estimate_stocks(inventory).found_problems
    except InventoryError as error:
        hopeless = error
        problems = error.found_problems or inventory.found_problems
    if out is not None:
        write_csv(problems.frame(language), out)
    if as_json:
        console.json_records(problems.frame(language))
    else:
        console.problems(problems, language, str(out or ""))
    if hopeless is not None:
        raise hopeless
    return shared.exit_code(problems, strict=strict)
