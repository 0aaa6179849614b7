"""The catalogue of equations: list them, show one with its source, plot those of a taxon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rubbercarbon import console
from rubbercarbon.commands import interface as shared

app = typer.Typer(no_args_is_help=True)
Taxon = Annotated[
    str | None, typer.Option("--taxon", help="Species (any spelling), genus or growth form.")
]
Predicts = Annotated[
    str | None, typer.Option("--predicts", help="agb, bgb, height, stem_volume ...")
]
Grade = Annotated[str | None, typer.Option("--grade", help="A, B or C.")]


@app.command("list")
def list_equations(
    taxon: Taxon = None,
    predicts: Predicts = None,
    grade: Grade = None,
    as_json: shared.Json = False,
) -> int:
    """All equations, or those for a taxon."""
    import allometry  # noqa: PLC0415

    frame = allometry.equations(taxon, predicts, grade)
    if as_json:
        console.json_records(frame)
        return 0
    columns = ["id", "predicts", "unit", "inputs", "grade", "range", "taxa", "region"]
    rows = [[str(row[name]) for name in columns] for _, row in frame.iterrows()]
    console.table(f"{len(rows)} equations", columns, rows)
    return 0


@app.command()
def show(
    equation: Annotated[str, typer.Argument(metavar="ID")], as_json: shared.Json = False
) -> int:
    """One equation with its coefficients, range, residual, check values and source."""
    import pandas as pd  # noqa: PLC0415

    from allometry.listing import describe  # noqa: PLC0415

    entries = describe(equation)
    if as_json:
        console.json_records(pd.DataFrame([entries]))
        return 0
    for name, text in entries.items():
        console.line(f"{name:>14}  {text}")
    return 0


@app.command()
def plot(
    taxon: Annotated[str, typer.Argument(metavar="TAXON")],
    out: Annotated[Path, typer.Option("--out", help="PNG or SVG file.")] = Path("equations.png"),
    height: Annotated[
        str, typer.Option(help="Height model for equations that need a height.")
    ] = "",
    density: Annotated[
        float | None,
        typer.Option(min=0.05, max=1.5, help="Wood density in g/cm3; default: the species'."),
    ] = None,
) -> int:
    """Above-ground biomass by diameter, one line per equation of a taxon."""
    from rubbercarbon import figures  # noqa: PLC0415  (loads matplotlib)

    curves = figures.equation_curves(taxon, height, density)
    figures.save(figures.equations(curves), out)
    console.line(f"{len(curves.lines)} equations of {curves.taxon}, {curves.inputs}: {out}")
    return 0
