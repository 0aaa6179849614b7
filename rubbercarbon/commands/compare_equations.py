"""What each equation that applies would give on your plots: table, figure, run folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared

if TYPE_CHECKING:
    from rubbercarbon.equation_choice import EquationComparison

FIGURE = "equations_by_plot.png"
TaxonName = Annotated[
    str | None, typer.Option("--taxon", help="Plant whose equation varies; default: rubber.")
]
FelledFile = Annotated[
    Path | None, typer.Option("--felled", help="Weighed trees: adds a mean by likelihood.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Run folder for tables and the figure.")]


def run(
    trees: shared.TreesFile,
    out: Out = None,
    plots: shared.PlotsFile = None,
    taxon: TaxonName = None,
    felled: FelledFile = None,
    equations: shared.Equations = None,
    catalogues: shared.Catalogues = None,
    settings: shared.SettingsFile = None,
    level: shared.Level = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    profile: shared.Profile = None,
    accept: shared.Accept = False,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """What each equation that applies would give on your plots: table, figure, run folder."""
    from rubbercarbon import equation_choice  # noqa: PLC0415

    if out is not None:
        shared.guard_inputs(out, trees, plots, settings, felled)
    chosen = shared.settings(settings, equations, catalogues, level=level)
    inventory = shared.read(trees, plots, mapped, units, profile, accept=accept)
    weighed = None
    if felled is not None:
        weighed = equation_choice.read_for_weights(felled, {}, {})
    with shared.shown_problems(inventory.found_problems, language):
        result = equation_choice.compare_equations(inventory, chosen, taxon=taxon, felled=weighed)
    if out is not None:
        _write(result, out, force=force, language=language)
    if as_json:
        console.json_records(result.total)
    else:
        _show(result, language, f"{100 * chosen.level:g}")
        console.problems(result.found_problems, language, "problems.csv" if out else "")
        if out is not None:
            console.line(messages.text("cli", "written", language, folder=out))
            console.line(messages.text("cli", "figure", language, file=out / FIGURE))
    return shared.exit_code(result.found_problems, strict=strict)


def _show(result: EquationComparison, language: str, level: str) -> None:
    def text(key: str, **values: object) -> str:
        return messages.text("fit", key, language, **values)

    grades = dict(zip(result.equations["equation_id"], result.equations["grade"], strict=True))
    rows = []
    for _, row in result.total.iterrows():
        name = str(row["equation_id"])
        first = name == "default"
        outside = row["n_outside"]
        rows.append(
            [
                text("choice_default", equation=row["used"]) if first else name,
                str(grades.get(name, "")),
                console.number(float(row["taxon_agb_t"]), 2),
                f"{row['difference_percent']:+.1f}",
                console.number(float(row["agb_t"]), 1),
                "-"
                if math.isnan(row["agb_t_low"])
                else console.interval(row, "agb_t", 1, language=language),
                "-" if str(outside) == "<NA>" else f"{int(outside)}/{int(row['n_trees'])}",
            ]
        )
    heads = [
        text("equation"), text("grade"), f"{result.taxon}, AGB t", text("difference"),
        text("choice_land" if (result.total["describes"] == "land").all() else "choice_all"),
        text("interval", level=level), text("trees_outside"),
    ]  # fmt: skip
    title = text("choice", taxon=result.taxon, unit="t")
    console.table(title, heads, rows, numbers=5)
    left = int((~result.equations["used"]).sum())
    if left:
        console.line(text("choice_skipped", count=left))


def _write(result: EquationComparison, out: Path, *, force: bool, language: str) -> None:
    from rubbercarbon import equation_figures, figures  # noqa: PLC0415  (loads matplotlib)
    from rubbercarbon.provenance import write_folder  # noqa: PLC0415

    tables = {
        "comparison_plots": result.plots,
        "comparison_total": result.total,
        "equations": result.equations,
        "weights": result.weights,
        "assumptions": result.assumptions,
        "problems": result.found_problems.frame(language),
    }
    drawn = equation_figures.equation_choice(result.plots, result.taxon, result.unit, language)
    record = {**result.run, "kind": "compare-equations"}
    write_folder(
        out, tables, record, force=force, extras=lambda fresh: figures.save(drawn, fresh / FIGURE)
    )
