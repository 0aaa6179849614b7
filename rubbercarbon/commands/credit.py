"""A change of stocks under crediting programmes: the ladder from gross to net."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import typer

from rubbercarbon import console, credit_console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.credits import CreditResult, credit, write_credit
from rubbercarbon.errors import SettingsError
from rubbercarbon.messages import failure
from rubbercarbon.profiles import programmes
from rubbercarbon.runs import RunTables, load_run
from rubbercarbon.sites import Site, read_site
from rubbercarbon.stocks import Stocks

Run = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="Folder of change, compare or estimate."),
]
Later = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN_2]", help="Later folder of estimate: its stock less RUN's."),
]
Programme = Annotated[
    list[str] | None,
    typer.Option(
        "--programme", help="Id of a programme; may be given several times. Default: all."
    ),
]
SiteFile = Annotated[
    Path | None, typer.Option("--site", help="The site's dossier (template site.toml).")
]
Years = Annotated[
    float | None, typer.Option("--years", help="Length of the period; of a comparison: its year.")
]
ScenarioId = Annotated[str, typer.Option("--scenario", help="Of a comparison.")]
Former = Annotated[
    Path | None, typer.Option("--previous", help="Credit folder of the former period.")
]
Potentials = Annotated[
    Literal["AR4", "AR5", "AR6"], typer.Option("--gwp", help="Global warming potentials.")
]


def run(
    first: Run,
    out: shared.Out,
    second: Later = None,
    programme: Programme = None,
    site: SiteFile = None,
    years: Years = None,
    scenario: ScenarioId = "",
    previous: Former = None,
    gwp: Potentials = "AR5",
    language: shared.Lang = "en",
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> int:
    """A change of stocks under crediting programmes: the ladder from gross to net."""
    shared.guard_inputs(out, site)
    for folder in (first, second, previous):
        if folder is not None and folder.resolve() == out.resolve():
            raise failure(SettingsError, "out_is_input", file=out)
    source, start = load_run(first), None
    if second is not None:
        start, source = source, load_run(second)
        if not isinstance(start, Stocks) or not isinstance(source, Stocks):
            raise failure(SettingsError, "two_runs_no_stocks")
    dossier = None if site is None else read_site(site)
    result = credit(
        source,
        programme or list(programmes()),
        site=dossier,
        start=start if isinstance(start, Stocks) else None,
        previous=None if previous is None else _carried(previous, dossier),
        scenario=scenario,
        years=years,
        gwp=gwp,
        language=language,
    )
    folder = write_credit(result, out, force=force)
    if as_json:
        console.json_records(result.programmes)
    else:
        _print(result, language, folder)
    return 0


def _print(result: CreditResult, language: shared.Language, folder: Path) -> None:
    credit_console.credit(result, language)
    console.line(messages.text("crediting", "not_issued", language))
    console.line(messages.text("cli", "written", language, folder=folder))


def _carried(folder: Path, site: Site | None) -> dict[str, float]:
    """Losses of a former period by programme [t CO2e]."""
    run = load_run(folder)
    table = run.tables.get("programmes") if isinstance(run, RunTables) else _programmes(folder)
    if table is None:
        raise failure(SettingsError, "no_credit_folder", folder=folder)
    ends = [str(day) for day in table["period_to"] if str(day)]
    begin = None if site is None else site.project.start
    if ends and begin is not None and max(ends) > begin.isoformat():
        raise failure(SettingsError, "former_period_later", end=max(ends), begin=begin.isoformat())
    amounts = pd.to_numeric(table["undiscounted_t_co2e"], errors="coerce").fillna(0.0)
    return dict(zip(table["programme"].astype(str), amounts, strict=True))


def _programmes(folder: Path) -> pd.DataFrame | None:
    """The table of programmes beside the tables of stocks."""
    from rubbercarbon.formats import csv  # noqa: PLC0415

    path = folder / "programmes.csv"
    return csv.read_plain(path) if path.is_file() else None
