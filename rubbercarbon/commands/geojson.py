"""Check polygons of plots or sites: areas, rings, axes; write them for the EU's rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console, messages, portfolio_console
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import SettingsError
from rubbercarbon.messages import failure
from rubbercarbon.polygons import COUNTRY, read_polygons, write_geojson
from rubbercarbon.provenance import write_csv

PolygonsFile = Annotated[
    Path, typer.Argument(metavar="POLYGONS", help="GeoJSON with plots or sites, in WGS 84.")
]
Declared = Annotated[
    Path | None,
    typer.Option("--plots", help="Table of plots or sites with their declared areas."),
]
Target = Annotated[
    Path | None,
    typer.Option(
        "--out", help="GeoJSON to write; a table of areas and the problems are written beside it."
    ),
]
Country = Annotated[str, typer.Option("--country", help="ProducerCountry, two letters.")]
Producer = Annotated[
    str, typer.Option("--producer", help="ProducerName where the file names no operator.")
]
Place = Annotated[str, typer.Option("--place", help="ProductionPlace before the plot's id.")]
Anonymise = Annotated[
    bool, typer.Option("--anonymise/--no-anonymise", help="Leave ProducerName out.")
]


def run(
    polygons: PolygonsFile,
    declared: Declared = None,
    out: Target = None,
    country: Country = COUNTRY,
    producer: Producer = "",
    place: Place = "",
    anonymise: Anonymise = True,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Check polygons of plots or sites: areas, rings, axes; write them for the EU's rule."""
    if producer and anonymise:
        raise failure(SettingsError, "producer_anonymous")
    found = read_polygons(polygons, declared)
    written = ""
    table = found.table.drop(columns="operator") if anonymise else found.table
    if out is not None:
        areas, problems = _beside(out, polygons, declared, force=force)
        written = problems.name
        write_geojson(found, out, country=country, producer=producer, place=place,
                      anonymise=anonymise)  # fmt: skip
        write_csv(table, areas)
        write_csv(found.found_problems.frame(language), problems)
    if as_json:
        console.json_records(table)
    else:
        portfolio_console.polygons(found, language)
        console.problems(found.found_problems, language, written)
        if out is not None:
            console.line(messages.text("cli", "written", language, folder=out))
    return shared.exit_code(found.found_problems, strict=strict)


def _beside(out: Path, *inputs: Path | None, force: bool) -> tuple[Path, Path]:
    """Names of the tables beside the output; nothing is overwritten without --force."""
    beside = tuple(out.with_name(f"{out.stem}_{what}.csv") for what in ("areas", "problems"))
    for file in (out, *beside):
        if any(source is not None and file.resolve() == source.resolve() for source in inputs):
            raise failure(SettingsError, "out_is_input", file=file)
        shared.check_free(file, force=force)
    return beside[0], beside[1]
