"""The catalogue of equations: list them, show one with its source, plot those of a taxon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rubbercarbon import console, messages
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
    catalogues: shared.Catalogues = None,
    language: shared.Lang = "en",
) -> int:
    """Above-ground biomass by diameter, one line per equation of a taxon."""
    from rubbercarbon import equation_figures, figures  # noqa: PLC0415  (loads matplotlib)

    shared.add_catalogues(catalogues)
    curves = equation_figures.equation_curves(taxon, height, density)
    figures.save(equation_figures.equations(curves, language), out)
    console.line(
        messages.text("fit", "plot_line", language, count=len(curves.lines), taxon=curves.taxon,
                      inputs=curves.inputs(language), file=out)
    )  # fmt: skip
    if curves.skipped:
        names = ", ".join(curves.skipped)
        console.line(messages.text("fit", "plot_skipped", language, names=names))
    return 0


@app.command()
def ensemble(
    members: Annotated[list[str], typer.Argument(metavar="ID...", help="At least two equations.")],
    out: Annotated[Path, typer.Option("--out", help="Catalogue file to write.")],
    weights: Annotated[
        Literal["equal", "grade", "likelihood"], typer.Option(help="How members count.")
    ] = "equal",
    felled: Annotated[
        Path | None, typer.Option("--felled", help="Weighed trees, for weights by likelihood.")
    ] = None,
    taxon: Annotated[
        list[str] | None, typer.Option("--taxon", help="Plant it is for; default: the members'.")
    ] = None,
    roots: Annotated[
        str | None, typer.Option("--roots", help="Root equation; default: the first member's.")
    ] = None,
    catalogues: shared.Catalogues = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
) -> int:
    """A weighted geometric mean of equations, written as a catalogue file."""
    from allometry.source_files import write_source  # noqa: PLC0415
    from rubbercarbon import equation_choice, fit_console  # noqa: PLC0415

    shared.check_new_file(out, force=force)
    shared.add_catalogues(catalogues)
    trees = None
    if felled is not None:
        trees = equation_choice.read_for_weights(
            felled, shared.pairs(mapped, "--map"), shared.pairs(units, "--unit")
        )
    found = equation_choice.weigh(members, weights, trees)
    words = equation_choice.words_of_ensemble(found, weights, taxon, roots)
    write_source(found, out, **words)
    fit_console.weights(found, weights, language)
    console.line(messages.text("cli", "written", language, folder=out))
    return 0
