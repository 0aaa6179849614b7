"""List what is wrong or doubtful in an inventory, and what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.config import Settings
from rubbercarbon.errors import InventoryError
from rubbercarbon.inventory import Inventory
from rubbercarbon.problem_book import write_problems
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import run_folder, run_record, write_csv, write_record
from rubbercarbon.stock_points import Points, compute_points

DEFAULT = "rubbercarbon-check"
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for problems.csv and problems.xlsx (your sheet, coloured); or a .csv file. "
        "Default: rubbercarbon-check, or none with --json.",
    ),
]
SaveProfile = Annotated[
    Path | None, typer.Option("--save-profile", help="Keep how headings were read, for --profile.")
]


def run(
    trees: shared.TreesFile,
    plots: shared.PlotsFile = None,
    out: Folder = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    profile: shared.Profile = None,
    accept: shared.Accept = False,
    save_profile: SaveProfile = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """List what is wrong or doubtful in an inventory, and what was probably meant."""
    if out is None and not as_json:
        out = Path(DEFAULT)
    if out is not None and out.suffix.lower() != ".csv":
        shared.guard_inputs(out, trees, plots, profile)
    inventory: Inventory | None = None
    estimated: Points | None = None
    hopeless: InventoryError | None = None
    try:
        inventory = shared.read(trees, plots, mapped, units, profile, accept=accept)
        estimated = compute_points(inventory, Settings())
        problems = estimated.problems
    except InventoryError as error:
        hopeless = error
        found = inventory.found_problems if inventory is not None else None
        if error.found_problems is None and found is None:
            raise
        problems = error.found_problems or found or Problems()
    if inventory is not None and save_profile is not None:
        shared.write_profile(inventory, save_profile)
    written = _write(out, problems, language, inventory, force=force)
    if as_json:
        console.json_records(problems.frame(language))
    else:
        if inventory is not None:
            console.reading(inventory, estimated, language)
        console.problems(problems, language, written)
        if written:
            key = "check_folder" if written == "problems.xlsx" else "written"
            console.line(messages.text("cli", key, language, folder=out))
    if hopeless is not None:
        raise hopeless
    return shared.exit_code(problems, strict=strict)


def _write(
    out: Path | None, problems: Problems, language: str, inventory: Inventory | None, *, force: bool
) -> str:
    """Name of the file with all problems; empty where none was asked for."""
    if out is None:
        return ""
    if out.suffix.lower() == ".csv":
        write_csv(problems.frame(language), out)
        return str(out)
    with run_folder(out, force=force) as fresh:
        write_problems(problems, fresh, language, inventory)
        digests = inventory.digests if inventory is not None else {}
        reading = inventory.reading if inventory is not None else {}
        write_record(fresh, {**run_record({}, digests, reading), "kind": "check"})
    return "problems.xlsx"
