"""Own equations from felled trees, own height models, and how many trees to fell."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rubbercarbon import console, messages
from rubbercarbon.commands import interface as shared
from rubbercarbon.errors import SettingsError

if TYPE_CHECKING:
    from rubbercarbon.felled import Felled

app = typer.Typer(no_args_is_help=True)
Table = Annotated[
    Path, typer.Argument(metavar="TABLE", help="Felled or measured trees, one row per tree.")
]
OutFile = Annotated[
    Path, typer.Option("--out", help="Catalogue file to write; its name becomes the id.")
]
Report = Annotated[
    Path | None, typer.Option("--report", help="Folder for all tables and the residual figure.")
]
Predictors = Annotated[
    str | None,
    typer.Option(help="D, H, rho, D2H, rhoD2H, rhoD2, lnD2, with commas; default: all in one."),
]
TaxonName = Annotated[
    list[str] | None, typer.Option("--taxon", help="Plant that the equation is for; repeatable.")
]
SmallestDbh = Annotated[float, typer.Option("--min-dbh", help="Leave out smaller trees, cm.")]
Citation = Annotated[
    str | None, typer.Option("--citation", help="Who felled the trees, where and when.")
]
Roots = Annotated[
    str | None, typer.Option("--roots", help="Root equation to go with it; default: the ladder's.")
]


@app.command()
def equation(
    table: Table,
    out: OutFile,
    report: Report = None,
    predictors: Predictors = None,
    form: Annotated[Literal["loglinear", "nonlinear"], typer.Option()] = "loglinear",
    correction: Annotated[
        Literal["baskerville", "snowdon", "smearing", "none"],
        typer.Option(help="Back-transformation of the log-linear form."),
    ] = "baskerville",
    weight_power: Annotated[
        float | None,
        typer.Option(min=0.0, max=4.0, help="Non-linear: sd of a tree as D to this power."),
    ] = None,
    site_term: Annotated[
        bool | None,
        typer.Option("--site-term/--no-site-term", help="Random term of places; default: from 3."),
    ] = None,
    predicts: Annotated[
        Literal["agb", "stem", "branch", "leaf", "bark", "bgb"],
        typer.Option(help="Which mass to fit."),
    ] = "agb",
    components: Annotated[
        str | None, typer.Option(help="Components that add up, for example stem,branch,leaf.")
    ] = None,
    taxon: TaxonName = None,
    citation: Citation = None,
    roots: Roots = None,
    smallest_dbh: SmallestDbh = 0.0,
    measured_density: Annotated[
        bool, typer.Option("--measured-density", help="No wood density from the species table.")
    ] = False,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Fit an equation to felled trees, compare it, write it as a catalogue file."""
    from allometry.source_files import write_source  # noqa: PLC0415
    from rubbercarbon import calibration, fit_console, fit_runs  # noqa: PLC0415

    _check_names(out, taxon, roots, force=force)
    felled = _read(
        table, mapped, units, smallest_dbh=smallest_dbh, species_density=not measured_density
    )
    chosen = None if predictors is None else tuple(p.strip() for p in predictors.split(","))
    with shared.shown_problems(felled.found_problems, language):
        if components is None:
            result = calibration.calibrate(
                felled, predicts, predictors=chosen, form=form, correction=correction,
                weight_power=weight_power, site_term=site_term,
            )  # fmt: skip
        else:
            parts = [part.strip() for part in components.split(",")]
            result = calibration.calibrate_components(
                felled, parts, predictors=chosen or ("D",), correction=correction
            )
        words = fit_runs.words_of(felled, result.fit, taxon, citation, roots)
        write_source(result.components or result.fit, out, **words)
    if report is not None:
        shared.guard_inputs(report, table, out)
        fit_runs.write_calibration(result, felled, report, out, force=force, language=language)
    if as_json:
        console.json_records(result.coefficients)
        return shared.exit_code(felled.found_problems, strict=strict)
    fit_console.calibration(result, language)
    below = words["roots"]
    told = messages.text("fit", "roots" if below else "no_roots", language, roots=below)
    if predicts == "agb":
        console.line(told)
    console.problems(felled.found_problems, language, "problems.csv" if report else "")
    console.line(messages.text("cli", "written", language, folder=out))
    if report is not None:
        console.line(messages.text("cli", "written", language, folder=report))
    if predicts == "agb":
        plant = (words["taxa"] or words["growth_forms"] or ("all",))[0]
        console.line(messages.text("fit", "loaded", language, file=out, taxon=plant, key=out.stem))
    return shared.exit_code(felled.found_problems, strict=strict)


@app.command()
def height(
    table: Table,
    out: OutFile,
    form: Annotated[
        Literal["best", "log1", "log2", "weibull", "michaelis"],
        typer.Option(help="Which to write; best: least error when a tenth is left out."),
    ] = "best",
    taxon: TaxonName = None,
    citation: Citation = None,
    smallest_dbh: SmallestDbh = 0.0,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Fit height-diameter models, compare them, write one as a catalogue file."""
    from allometry.source_files import write_source  # noqa: PLC0415
    from rubbercarbon import calibration, fit_console, fit_runs  # noqa: PLC0415

    _check_names(out, taxon, None, force=force)
    measured = _read(
        table, mapped, units, smallest_dbh=smallest_dbh, species_density=False, weighed=False
    )
    with shared.shown_problems(measured.found_problems, language):
        forms, models = calibration.calibrate_heights(measured)
        best = str(forms["form"].iloc[0]) if form == "best" else form
        model = models[best]
        words = fit_runs.words_of(measured, None, taxon, citation, "", trees=model.n_trees)
        write_source(model, out, **words)
    if as_json:
        console.json_records(forms)
    else:
        fit_console.heights(forms, model.n_trees, *model.dbh_range, language)
        console.problems(measured.found_problems, language, "")
        console.line(messages.text("fit", "chosen", language, form=best))
        console.line(messages.text("cli", "written", language, folder=out))
        told = messages.text("fit", "height_use", language, key=out.stem, file=out.as_posix())
        console.line(told)
    return shared.exit_code(measured.found_problems, strict=strict)


def _check_names(out: Path, taxon: list[str] | None, roots: str | None, *, force: bool) -> None:
    """Refuse a file, an id, a plant or a root equation before anything is read."""
    from allometry.source_files import check_key  # noqa: PLC0415
    from rubbercarbon import fit_runs  # noqa: PLC0415

    shared.check_new_file(out, force=force)
    check_key(out.stem, out)
    fit_runs.check_words(taxon, roots)


def _read(table: Path, mapped: list[str] | None, units: list[str] | None, **options: Any) -> Felled:
    from rubbercarbon.felled import read_felled  # noqa: PLC0415

    columns, given = shared.pairs(mapped, "--map"), shared.pairs(units, "--unit")
    return read_felled(table, columns, given, **options)


@app.command("trees-needed")
def trees_needed(
    error: Annotated[float, typer.Option(help="Wanted error of the mean, per cent.")] = 10.0,
    residual: Annotated[
        float | None, typer.Option(help="sd of ln mass of single trees within a place.")
    ] = None,
    site_sd: Annotated[
        float | None, typer.Option("--site-sd", help="sd of ln mass between places.")
    ] = None,
    sites: Annotated[int, typer.Option(min=1, help="Places in which trees are felled.")] = 1,
    predictors: Annotated[int, typer.Option(min=1, max=6, help="How many predictors.")] = 1,
    pilot: Annotated[
        Path | None, typer.Option("--pilot", help="A file of `fit equation` with both sd.")
    ] = None,
    level: Annotated[float, typer.Option(help="Of the interval.")] = 0.90,
    language: shared.Lang = "en",
) -> int:
    """How many trees to fell, so that the mean of an equation is known to a wanted error."""
    from allometry.sample_size import EVEN_SPREAD, trees_to_fell  # noqa: PLC0415

    within, between = _pilot(pilot) if pilot is not None else (None, None)
    sd = residual if residual is not None else within
    if sd is None:
        raise SettingsError(
            "give the scatter of single trees with --residual (sd of ln mass), or a fit of a few "
            "trees with --pilot FILE.toml."
        )
    spread = site_sd if site_sd is not None else (between or 0.0)
    for reach, where in ((EVEN_SPREAD, "at_ends"), (0.0, "in_middle")):
        each = trees_to_fell(
            error / 100.0, sd, site_sd=spread, sites=sites, predictors=predictors, reach=reach,
            level=level,
        )  # fmt: skip
        console.line(
            messages.text(
                "fit", "need", language, each=each, sites=sites, total=each * sites,
                error=f"{error:g}", level=f"{100 * level:g}",
                where=messages.text("fit", where, language),
            )
        )  # fmt: skip
    if site_sd is None and between is None:
        console.line(messages.text("fit", "need_no_places", language))
    return 0


def _pilot(path: Path) -> tuple[float, float | None]:
    """Scatter within and between places of a file that `fit equation` wrote."""
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))["equation"][0]
        residual = record["residual"]
        if residual["kind"] != "sd_ln":
            raise SettingsError(
                f"'{path.name}' states no scatter of ln mass (it is non-linear); give --residual."
            )
        between = float(record.get("sites", {}).get("sd_ln", math.nan))
        return float(residual["value"]), None if math.isnan(between) else between
    except OSError as error:
        raise SettingsError(f"'{path}' cannot be read: {error.strerror}.") from error
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SettingsError(f"'{path.name}' is not a file of `fit equation`.") from error
