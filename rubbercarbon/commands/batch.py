"""Stocks of an inventory of any size, part by part; may be stopped and taken up again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from rubbercarbon import console, messages
from rubbercarbon.batch import BatchResult, Progress, run_batch
from rubbercarbon.batch_sums import TOTAL
from rubbercarbon.commands import interface as shared
from rubbercarbon.config import Settings

DEFAULT_DRAWS = 512
REGIONS_SHOWN, FILES_SHOWN = 30, 20
Src = Annotated[
    str,
    typer.Argument(metavar="SRC", help="Parquet or CSV file, a folder of such, or an address."),
]
Dst = Annotated[str, typer.Argument(metavar="DST", help="Folder to write, or an address.")]
EngineName = Annotated[
    Literal["local", "processes", "dask"], typer.Option("--engine", help="What computes parts.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Workers of processes or dask.")
]
Scheduler = Annotated[
    str, typer.Option("--scheduler", help="Address of a Dask scheduler, tcp://host:8786.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Take up a run that ended early.")]
By = Annotated[
    str, typer.Option("--by", help="Regions: locality, zone, site_id, stratum, system, operator.")
]
PartRows = Annotated[
    int | None,
    typer.Option("--part-rows", help="About how many rows make a part; parts that are done stay."),
]
Draws = Annotated[int, typer.Option("--draws", help="Monte Carlo draws; 0: points alone.")]


def run(
    src: Src,
    dst: Dst,
    engine: EngineName = "local",
    workers: Workers = None,
    scheduler: Scheduler = "",
    resume: Resume = False,
    plots: shared.PlotsFile = None,
    by: By = "locality",
    draws: Draws = DEFAULT_DRAWS,
    seed: shared.Seed = None,
    level: shared.Level = None,
    equations: shared.Equations = None,
    settings: shared.SettingsFile = None,
    height_sample: shared.HeightSample = None,
    mapped: shared.Mapped = None,
    units: shared.Units = None,
    part_rows: PartRows = None,
    language: shared.Lang = "en",
    force: shared.Force = False,
    strict: shared.Strict = False,
    as_json: shared.Json = False,
) -> int:
    """Stocks of an inventory of any size, part by part; may be stopped and taken up again."""
    chosen = shared.settings(
        settings, equations, draws=draws or None, seed=seed, level=level,
        height_sample=None if height_sample is None else str(height_sample),
    )  # fmt: skip
    if not draws:
        chosen = Settings.model_validate({**chosen.model_dump(), "draws": None, "method": None})
    if "://" not in dst and "://" not in src:
        shared.guard_inputs(Path(dst), Path(src), plots, settings, height_sample)
    with _shown(language) as report:
        result = run_batch(
            src, dst, chosen, engine=engine, workers=workers, scheduler=scheduler, resume=resume,
            force=force, plots=plots, by=by, part_rows=part_rows, language=language,
            mapping=shared.pairs(mapped, "--map"), units=shared.pairs(units, "--unit"),
            report=report,
        )  # fmt: skip
    if as_json:
        console.json_records(result.total)
    else:
        _print(result, by, language)
    errors = bool((result.problems["severity"] == "error").any()) or bool(result.unread)
    warned = bool((result.problems["severity"] == "warning").any())
    return int(errors or (strict and warned))


@contextmanager
def _shown(language: str) -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr with rate, time left and memory; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    template = messages.text("batch", "progress", language)
    with Bar(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(), TextColumn("{task.fields[news]}"),
        console=Console(file=sys.stderr), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task(messages.text("batch", "planning", language), total=None, news="")

        def report(news: Progress) -> None:
            speed = bar.tasks[0].speed or 0.0
            text = template.format(
                done=news.parts_done, parts=news.parts, rate=f"{speed / 1e6:.2f}",
                memory=f"{_memory_mb():,.0f}",
            )  # fmt: skip
            bar.update(
                task, description=messages.text("batch", "computing", language),
                total=max(news.rows, 1), completed=news.rows_done, news=text,
            )  # fmt: skip

        yield report


def _memory_mb() -> float:
    """Most memory that this process has held [MB]; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _print(result: BatchResult, by: str, language: str) -> None:
    """Totals, kinds of problems with their rows, and where everything is."""
    every = messages.text("report_values", "scope_all", language)
    rows = [
        (every if row[by] == TOTAL else str(row[by]) or "-", f"{row['n_plots']:,}",
         f"{row['n_trees']:,}", console.number(float(row["agb_t"])),
         console.number(float(row["co2e_t"])),
         console.interval(row, "co2e_t", language=language) if "co2e_t_low" in row else "-")
        for row in result.total.tail(REGIONS_SHOWN).to_dict("records")
    ]  # fmt: skip
    if rows:
        heads = [messages.text("batch", f"head_{name}", language) for name in
                 ("plots", "trees", "agb", "co2e", "interval")]  # fmt: skip
        heads.insert(0, messages.text("report_values", f"by_{by}", language))
        console.table(messages.text("batch", "total_title", language), heads, rows, numbers=5)
    hidden = len(result.total) - len(rows)
    if hidden:
        console.line(messages.text("batch", "more_regions", language, count=hidden))
    for name, why in list(result.unread.items())[:FILES_SHOWN]:
        console.line(messages.text("batch", "unread", language, file=name, why=why))
    if len(result.unread) > FILES_SHOWN:
        count = len(result.unread) - FILES_SHOWN
        console.line(messages.text("batch", "more_unread", language, count=count))
    _print_problems(result, language)
    console.line(
        messages.text("batch", "written", language, rows=f"{result.rows:,}", parts=result.parts,
                      kept=result.kept, folder=result.folder)
    )  # fmt: skip


def _print_problems(result: BatchResult, language: str) -> None:
    """Kinds of errors and warnings in words, with their rows."""
    found = result.problems[result.problems["severity"].isin(["error", "warning"])]
    found = found[found["code"] != "file_left_out"]  # told above
    rows = [
        (messages.text("report_values", f"severity_{row['severity']}", language),
         messages.pattern("problems", row["code"], language), f"{row['n_rows']:,}")
        for row in found.sort_values(["severity", "n_rows"], ascending=[True, False])
        .to_dict("records")
    ]  # fmt: skip
    if rows:
        heads = [messages.text("batch", f"head_{name}", language) for name in
                 ("severity", "problem", "rows")]  # fmt: skip
        console.table(messages.text("batch", "problems_title", language), heads, rows, numbers=1)
        console.line(messages.text("batch", "problems_where", language))
