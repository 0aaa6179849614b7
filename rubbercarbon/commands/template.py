"""A file to begin with: a field sheet, a form for phones, scenario, prices, settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import rubbercarbon
from rubbercarbon import console, messages, sheet_templates
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import SettingsError
from rubbercarbon.messages import failure

FOLDER = Path(rubbercarbon.__file__).parent / "templates"
PRIVATE = ("inventory.toml",)  # what the sheets are made from
OTHER = {"en": "#th ", "th": "#en "}
Name = Annotated[str, typer.Argument(metavar="NAME", help="Which file.")]
Target = Annotated[Path | None, typer.Option("--out", help="Where to; default: its name, here.")]


def run(
    name: Name,
    out: Target = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
) -> int:
    """A file to begin with: a field sheet, a form for phones, scenario, prices, settings."""
    made: dict[str, Callable[[Path], None]] = {
        "inventory.xlsx": lambda path: sheet_templates.write_workbook(path, language),
        "sites.csv": lambda path: sheet_templates.write_sites(path, language),
        "kobo_form.xlsx": sheet_templates.write_form,
    }
    plain = [p.name for p in FOLDER.iterdir() if p.is_file() and p.name not in PRIVATE]
    known = sorted([*plain, *made])
    if name not in known:
        raise failure(SettingsError, "no_template", name=name, known=", ".join(known))
    target = out or Path(name)
    if target.is_dir():
        target /= name
    shared.check_free(target, force=force)
    if name in made:
        made[name](target)
    else:
        target.write_text(_in(language, (FOLDER / name).read_text("utf-8")), encoding="utf-8")
    console.line(messages.text("cli", "written", language, folder=target))
    return 0


def _in(language: str, text: str) -> str:
    """A template with the comments of one language (``#en``, ``#th``) or of none."""
    kept = [line for line in text.splitlines() if not line.startswith(OTHER[language])]
    return "\n".join(line.replace(f"#{language} ", "# ", 1) for line in kept) + "\n"
