"""What a command is, and the options that commands share.

A command module's first docstring line is its help line. It has either ``run``, a function whose
annotated parameters are its options and whose result is the exit code, or ``app``, a typer group.
"""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

import allometry
from allometry.errors import AllometryError
from rubbercarbon import console
from rubbercarbon.config import Settings, make_settings, read_settings
from rubbercarbon.errors import InventoryError, SettingsError
from rubbercarbon.inventory import Inventory, read_inventory
from rubbercarbon.messages import failure
from rubbercarbon.problems import Problems
from rubbercarbon.stocks import Stocks, estimate_stocks

Language = Literal["en", "th"]
TreesFile = Annotated[
    Path,
    typer.Argument(metavar="INVENTORY", help="Table with one row per tree (Excel, CSV, Parquet)."),
]
PlotsFile = Annotated[
    Path | None, typer.Option("--plots", help="Table with one row per plot and its area.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="CANONICAL=COLUMN",
        help="The file's column for one of ours, for example girth_cm=Girth.",
    ),
]
Units = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="QUANTITY=UNIT", help="Unit of dbh or girth: cm, mm or m."),
]
Equations = Annotated[
    list[str] | None,
    typer.Option(
        "--equation",
        metavar="TAXON=ID",
        help="Equation for a species, genus, family, growth form or 'all'.",
    ),
]
Catalogues = Annotated[
    list[Path] | None,
    typer.Option("--catalogue", help="Folder or file of your own equations; repeatable."),
]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings, a TOML file.")]
Draws = Annotated[
    int | None, typer.Option("--draws", help="Monte Carlo draws; intervals are analytic without.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the draws.")]
Level = Annotated[float | None, typer.Option("--level", help="Of the intervals, default 0.90.")]
Method = Annotated[
    Literal["analytic", "montecarlo"] | None,
    typer.Option("--method", help="Where the intervals come from."),
]
HeightSample = Annotated[
    Path | None,
    typer.Option(
        "--height-sample", help="Table of measured diameters and heights (dbh, height_m)."
    ),
]
Profile = Annotated[
    Path | None, typer.Option("--profile", help="How headings are read, saved by check.")
]
Accept = Annotated[
    bool, typer.Option("--accept-suggestions", help="Use the suggested values; each is logged.")
]
KeepDraws = Annotated[bool, typer.Option("--save-draws", help="Write draws.parquet too.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of texts.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 1 on warnings too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Out = Annotated[Path, typer.Option("--out", help="Run folder to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a folder that holds something else.")]


def pairs(items: Iterable[str] | None, option: str) -> dict[str, str]:
    """``KEY=VALUE`` options as a mapping.

    Raises
    ------
    SettingsError
        For an item without ``=``.
    """
    found = {}
    for item in items or ():
        key, _, value = (part.strip() for part in item.partition("="))
        if not key or not value:
            raise failure(SettingsError, "not_a_pair", option=option, item=item)
        found[key] = value
    return found


def read(
    trees: Path, plots: Path | None, mapped: list[str] | None, units: list[str] | None,
    profile: Path | None = None, *, accept: bool = False,
) -> Inventory:  # fmt: skip
    """Read an inventory with the shared options."""
    known = read_profile(profile) if profile is not None else {"columns": {}, "units": {}}
    return read_inventory(
        trees,
        plots,
        mapping={**known["columns"], **pairs(mapped, "--map")},
        units={**known["units"], **pairs(units, "--unit")},
        accept_suggestions=accept,
    )


def read_profile(path: Path) -> dict[str, dict[str, str]]:
    """Columns and units that were saved by ``check --save-profile``.

    Raises
    ------
    SettingsError
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise failure(SettingsError, "option_file_unread", file=path, why=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise failure(SettingsError, "profile_no_toml", file=path.name, why=error) from error
    parts = {name: table.get(name, {}) for name in ("columns", "units")}
    wrong = sorted(set(table) - set(parts))
    sound = all(
        isinstance(part, dict) and all(isinstance(text, str) for text in part.values())
        for part in parts.values()
    )
    if wrong or not sound:
        raise failure(
            SettingsError, "profile_tables", file=path.name, found=", ".join(wrong) or "-"
        )
    return parts


def write_profile(inventory: Inventory, path: Path) -> None:
    """Save how the headings of a file were read, for the next file of its kind."""
    lines = ["# How headings were read: ours = theirs. Use it with --profile.", "[columns]"]
    lines += [f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in
              inventory.headings.items()]  # fmt: skip
    lines += ["", "[units]"]
    lines += [f'{name} = "{unit}"' for name, unit in inventory.reading["units"].items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def settings(
    file: Path | None,
    equations: list[str] | None = None,
    catalogues: list[Path] | None = None,
    **options: object,
) -> Settings:
    """Settings of a file, with the options of the command line on top."""
    base = read_settings(file) if file else Settings()
    changes: dict[str, object] = {k: v for k, v in options.items() if v is not None}
    changes["equations"] = base.equations | pairs(equations, "--equation")
    changes["catalogues"] = [*base.catalogues, *map(str, catalogues or ())]
    return make_settings(base.model_dump() | changes, "options")


def estimate(
    inventory: Inventory, chosen: Settings, language: Language, *, draws: bool = False
) -> Stocks:
    """Estimate; what was wrong is printed before an error ends the command."""
    try:
        return estimate_stocks(inventory, chosen, draws=draws)
    except InventoryError as error:
        if error.found_problems is not None:
            console.problems(error.found_problems, language, "")
        raise


def add_catalogues(paths: list[Path] | None) -> None:
    """Make equations of the user's own known.

    Raises
    ------
    CatalogueError
    """
    for path in paths or ():
        allometry.add_catalogue(path)


def check_new_file(out: Path, *, force: bool) -> None:
    """Refuse a catalogue file of another suffix, or one that is there, unless forced.

    Raises
    ------
    SettingsError
    """
    if out.suffix != ".toml":
        raise failure(SettingsError, "out_no_toml", out=out)
    check_free(out, force=force)


def check_free(file: Path, *, force: bool) -> None:
    """Refuse to overwrite a file, unless forced.

    Raises
    ------
    SettingsError
    """
    if file.exists() and not force:
        raise failure(SettingsError, "file_exists", file=file)


@contextlib.contextmanager
def shown_problems(found: Problems, language: Language) -> Iterator[None]:
    """What was wrong so far is printed before an error ends the command."""
    try:
        yield
    except (AllometryError, InventoryError):
        if found.count("error") + found.count("warning"):
            console.problems(found, language, "")
        raise


def guard_inputs(out: Path, *inputs: Path | None) -> None:
    """Refuse a run folder that holds one of the run's own inputs.

    Raises
    ------
    SettingsError
    """
    for file in inputs:
        if file is not None and out.resolve() in file.resolve().parents:
            raise failure(SettingsError, "input_in_folder", file=file, folder=out)


def exit_code(problems: Problems, *, strict: bool) -> int:
    """1 when rows were refused, or when ``--strict`` met a warning."""
    return int(problems.count("error") > 0 or (strict and problems.count("warning") > 0))
