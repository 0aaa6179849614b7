"""A file to begin with: scenario.toml, prices.toml or settings.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import rubbercarbon
from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import SettingsError

FOLDER = Path(rubbercarbon.__file__).parent / "templates"
Name = Annotated[str, typer.Argument(metavar="NAME", help="Which file.")]
Target = Annotated[Path | None, typer.Option("--out", help="Where to; default: its name, here.")]


def run(
    name: Name,
    out: Target = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
) -> int:
    """A file to begin with: scenario.toml, prices.toml or settings.toml."""
    known = sorted(path.name for path in FOLDER.iterdir() if path.is_file())
    if name not in known:
        raise SettingsError(f"there is no template '{name}'; there are {', '.join(known)}.")
    target = out or Path(name)
    if target.is_dir():
        target /= name
    if target.exists() and not force:
        raise SettingsError(f"'{target}' exists; choose another name for --out, or use --force.")
    target.write_bytes((FOLDER / name).read_bytes())
    console.line(messages.text("cli", "written", language, folder=target))
    return 0
