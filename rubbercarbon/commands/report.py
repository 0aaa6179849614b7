"""A report of a run folder: HTML, workbook, PDF or JSON, in Thai or English."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import ReportError
from rubbercarbon.messages import failure
from rubbercarbon.report import write_report

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of any command.")]
File = Annotated[Path, typer.Option("--out", help="File to write; its suffix names the format.")]
SiteFile = Annotated[Path | None, typer.Option("--site", help="Dossier of the site, a TOML file.")]
Format = Annotated[
    Literal["html", "xlsx", "pdf", "json"] | None,
    typer.Option("--format", help="Whatever the file's suffix."),
]


def run(
    run_folder: Run,
    out: File,
    site: SiteFile = None,
    language: shared.Lang = "en",
    file_format: Format = None,
) -> int:
    """A report of a run folder: HTML, workbook, PDF or JSON, in Thai or English."""
    if out.is_dir():
        raise failure(ReportError, "out_is_folder", out=out)
    if site is not None and out.exists() and out.samefile(site):
        raise failure(ReportError, "out_is_input", file=out)
    written = write_report(run_folder, out, language, site, file_format=file_format)
    console.line(messages.text("cli", "written", language, folder=written))
    return 0
