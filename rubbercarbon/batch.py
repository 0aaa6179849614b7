"""National batch runs: an inventory of any size, part by part, that may be killed and taken up.

A plan cuts the input at plots; an engine computes the parts that are not there yet; what they sum
to is added up without rounding, in whole numbers. Nothing here holds more than one block of rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from allometry.catalogue.loader import add_catalogue, get_equation
from allometry.heights import check_height_model
from rubbercarbon import registry
from rubbercarbon.batch_finish import finish
from rubbercarbon.batch_gather import Gathered, settling
from rubbercarbon.batch_input import choose_memory_pool
from rubbercarbon.batch_part import SCATTERED, Run, Task
from rubbercarbon.batch_plan import Plan, make_plan
from rubbercarbon.batch_plots import KNOWN
from rubbercarbon.batch_source import Source
from rubbercarbon.batch_store import (
    MANIFEST,
    PLOTS,
    PROBLEMS,
    RECORDS,
    SUMS,
    Store,
    one_run_at_a_time,
    part_file,
    sound_part,
)
from rubbercarbon.batch_table import canonical_plots, check_settings
from rubbercarbon.config import Settings
from rubbercarbon.engines.interface import Compute, Engine, Options
from rubbercarbon.errors import EngineError, RunFolderError, SettingsError
from rubbercarbon.messages import Words, failure
from rubbercarbon.provenance import SCHEMA_VERSION, version
from rubbercarbon.tables import digest, open_table

KINDS = (PLOTS, PROBLEMS, SUMS, RECORDS)


@dataclass(frozen=True)
class Progress:
    """News of a run.

    Attributes
    ----------
    parts, parts_done, rows, rows_done : int
        Parts taken from a former run count as done.
    kept : int
        Parts taken from a former run.
    """

    parts: int
    parts_done: int
    rows: int
    rows_done: int
    kept: int


@dataclass(frozen=True)
class BatchResult:
    """What `run_batch` returns; the figures of plots stay in the folder.

    Attributes
    ----------
    folder : str
    total : pandas.DataFrame
        By region, last row ``ALL``.
    problems : pandas.DataFrame
        Counts by code.
    unread : dict
        File → why it could not be read.
    rows, parts, kept : int
        Rows and parts in all, and parts taken from a former run.
    """

    folder: str
    total: pd.DataFrame
    problems: pd.DataFrame
    unread: dict[str, str]
    rows: int
    parts: int
    kept: int


def run_batch(
    source: str | Path,
    folder: str | Path,
    settings: Settings | None = None,
    *,
    engine: str = "local",
    workers: int | None = None,
    scheduler: str = "",
    resume: bool = False,
    force: bool = False,
    plots: str | Path | None = None,
    by: str = "locality",
    part_rows: int | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    language: str = "en",
    report: Callable[[Progress], None] | None = None,
) -> BatchResult:
    """Stocks of an inventory of any size, written part by part.

    Parameters
    ----------
    source : str or Path
        Parquet or CSV file, a folder of such, or an fsspec address.
    folder : str or Path
        Where results go: a local folder, or an fsspec address.
    settings : Settings, optional
        With ``draws`` for intervals; points alone without.
    engine : str
        ``local``, ``processes`` or ``dask``.
    workers : int, optional
        Of ``processes`` and ``dask``; one for each processor by default.
    scheduler : str
        Address of a Dask scheduler.
    resume : bool
        Take up a run of the same settings that ended early.
    force : bool
        Replace what is in the folder.
    plots : str or Path, optional
        Table with one row per plot.
    by : str
        Column of regions.
    part_rows : int, optional
        About how many rows go into a part; as in the run that is taken up, else 1,048,576. Parts
        of that run that are done stay as they are.
    mapping, units : mapping, optional
        As for `read_inventory`.
    language : str
        Of the problems.
    report : callable, optional
        Called with `Progress`.

    Returns
    -------
    BatchResult

    Raises
    ------
    InventoryError
        Where nothing can be read.
    SettingsError
        For settings that a batch cannot follow.
    RunFolderError
        For a folder that holds something else, or parts of other settings.
    EngineError
        When workers, the scheduler or what they wrote are lost; parts that are done stay.
    """
    chosen = check_settings(settings or Settings())
    _check(engine, by, part_rows)
    _check_equations(chosen)
    _check_apart(str(source), str(folder))
    store = Store(str(folder))
    run = Run(
        Source(str(source), tuple((mapping or {}).items()), tuple((units or {}).items())), store,
        chosen.model_dump_json(), "" if plots is None else str(plots), by, language,
    )  # fmt: skip
    broken: dict[str, Words] = {}
    choose_memory_pool()
    module = cast("Engine", registry.load("engines", engine))
    with one_run_at_a_time(store), settling() as settler:
        described = _describe(run, chosen)
        known = _former(store, described, resume=resume, force=force)
        early = 0 if known else len(run.source.files())
        options = Options(workers, scheduler, early, run.settings)
        with module.workers(options) as compute:
            while True:
                plan = make_plan(run, described, known, part_rows, broken)
                pa.default_memory_pool().release_unused()
                _tidy(store, plan)
                store.write(MANIFEST, plan.manifest(described))
                kept = {task.name for task in plan.tasks if sound_part(store, task.name, task.key)}
                gathered = Gathered(store, settler, with_draws=bool(chosen.number_of_draws))
                found = _compute(compute, plan, kept, gathered, report)
                if not found:
                    break
                gathered.settle()
                # without the damaged files the others are planned anew; their parts are kept
                broken |= found
                known = store.json(MANIFEST) or {}
        _gather_all(gathered, plan.tasks, engine)
        gathered.settle()
        total, counts = finish(run, chosen, plan, gathered)
    return BatchResult(
        str(folder), total, counts, {n: why.text(language) for n, why in plan.unread.items()},
        sum(plan.rows.values()), len(plan.tasks), len(kept),
    )  # fmt: skip


def _check(engine: str, by: str, part_rows: int | None) -> None:
    if engine not in registry.names("engines"):
        allowed = ", ".join(registry.names("engines"))
        raise failure(SettingsError, "batch_engine", engine=engine, allowed=allowed)
    if by not in KNOWN:
        raise failure(SettingsError, "batch_by", by=by, allowed=", ".join(KNOWN))
    if part_rows is not None and part_rows < 1:
        raise failure(SettingsError, "batch_part_rows", rows=part_rows)


def _check_apart(source: str, folder: str) -> None:
    """Refuse to write among what is read, or the other way round."""
    if "://" in source or "://" in folder:
        return
    a, b = Path(source).resolve(), Path(folder).resolve()
    if a == b or a in b.parents or b in a.parents:
        raise failure(SettingsError, "batch_within", folder=folder, source=source)


def _check_equations(settings: Settings) -> None:
    """Raise for equations that there are not: a fault of the settings, and of no file.

    Raises
    ------
    AllometryError
    """
    for folder in settings.catalogues:
        add_catalogue(folder)
    for name in [*settings.equations.values(), *([settings.roots] if settings.roots else [])]:
        get_equation(name)
    if settings.height_model is not None:
        check_height_model(settings.height_model)


def _describe(run: Run, settings: Settings) -> dict[str, Any]:
    """All that decides figures beside the rows; results of different ones are never mixed."""
    if run.plots:  # refused now, and not by every worker
        canonical_plots(open_table(run.plots, "plots", "plots").frame, Path(run.plots).name)
    values = json.loads(run.settings)
    values["catalogues"] = {Path(f).name: _folder_digest(f) for f in settings.catalogues}
    if settings.height_sample is not None:
        values["height_sample"] = digest(settings.height_sample)
    return {
        "schema_version": SCHEMA_VERSION,
        "rubbercarbon": version("rubbercarbon"),
        "settings": values,
        "plots": digest(run.plots) if run.plots else "",
        "by": run.by,
        "language": run.language,
        "mapping": dict(run.source.mapping),
        "units": dict(run.source.units),
    }


def _folder_digest(folder: str) -> str:
    found = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*.toml")):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def _former(
    store: Store, described: dict[str, Any], *, resume: bool, force: bool
) -> dict[str, Any]:
    """The manifest of a former run that this one takes up.

    Raises
    ------
    RunFolderError
    """
    there = [name for name in store.files() if name != ".lock"]
    manifest = store.json(MANIFEST)
    if force and not resume:
        for name in there:
            store.remove(name)
        return {}
    if MANIFEST in there and not (manifest and _sound(manifest)):
        raise failure(RunFolderError, "batch_manifest", folder=store.address, found=MANIFEST)
    if manifest is None:
        foreign = [name for name in there if not _ours(name)]
        if foreign or (there and not resume):
            raise failure(
                RunFolderError, "batch_folder_foreign", folder=store.address,
                found=", ".join(list(dict.fromkeys([*foreign, *there]))[:3]),
            )  # fmt: skip
        return {}
    if not resume:
        raise failure(RunFolderError, "batch_folder_taken", folder=store.address)
    changed = _differences(manifest.get("run", {}), described)
    if changed:
        raise failure(
            RunFolderError, "batch_settings_differ", folder=store.address,
            changed="; ".join(changed[:5]),
        )  # fmt: skip
    return manifest


def _sound(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest has the form that runs write."""
    run, files = manifest.get("run"), manifest.get("files")
    return isinstance(run, dict) and isinstance(files, dict) and all(
        isinstance(one, dict) and isinstance(one.get("sha256"), str)
        and all(isinstance(ends, list) and len(ends) == 2 for ends in one.get("spans", [0]))
        for one in files.values()
    )  # fmt: skip


def _ours(name: str) -> bool:
    return name.split("/", maxsplit=1)[0] in {*KINDS, SCATTERED, MANIFEST}


def _differences(old: Any, new: Any, where: str = "") -> list[str]:
    """Keys whose values differ, with both."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(set(old) | set(new))
        return [
            line
            for key in keys
            for line in _differences(old.get(key), new.get(key), f"{where}.{key}".strip("."))
        ]
    return [] if old == new else [f"{where}: {old!r} before, {new!r} now"]


def _tidy(store: Store, plan: Plan) -> None:
    """Take away what belongs to no part of the plan: stale parts, half-written files."""
    planned = {part_file(kind, task.name) for kind in KINDS for task in plan.tasks}
    for name in store.files():
        half = Path(name).name.startswith(".") and name.endswith(".part")
        if half or (name.partition("/")[0] in KINDS and name not in planned):
            store.remove(name)


def _compute(
    compute: Compute, plan: Plan, kept: Collection[str], gathered: Gathered,
    report: Callable[[Progress], None] | None,
) -> dict[str, Words]:  # fmt: skip
    """Compute the parts that are left; returns files that could not be read, with the reason."""
    tell = report or (lambda _: None)
    tasks = {task.name: task for task in plan.tasks if task.name not in kept}
    rows = sum(plan.rows.values())
    done = rows - sum(plan.rows[name] for name in tasks)
    number, broken = len(kept), dict[str, Words]()
    tell(Progress(len(plan.tasks), number, rows, done, len(kept)))
    if not tasks:
        return {}
    # closed at once: workers that go on after an interruption would write into the next run
    with contextlib.closing(compute(list(tasks.values()))) as outcomes:
        for outcome in outcomes:
            number += 1
            done += plan.rows[outcome.name]
            if outcome.error is not None:
                broken.setdefault(outcome.file, outcome.error)
            elif not broken:
                gathered.take(tasks[outcome.name])
            tell(Progress(len(plan.tasks), number, rows, done, len(kept)))
    return broken


def _gather_all(gathered: Gathered, tasks: Sequence[Task], engine: str) -> None:
    """Take the parts of a former run too, and refuse to sum up parts that nobody finds.

    Raises
    ------
    EngineError
    """
    gone = [task for task in tasks if not gathered.take(task)]
    if gone:
        raise failure(
            EngineError, "batch_parts_missing", folder=gathered.store.address, parts=len(gone),
            part=gone[0].name, engine=engine,
        )  # fmt: skip


def read_plots(folder: str | Path) -> pa.Table:
    """Plots of a finished batch, all parts in one table; large runs are better read by part."""
    return pq.read_table(Path(folder) / PLOTS)
