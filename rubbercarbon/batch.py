"""National batch runs: an inventory of any size, part by part, that may be killed and taken up.

A plan cuts the input at plots; an engine computes the parts that are not there yet; what they sum
to is added up without rounding, in whole numbers. Nothing here holds more than one block of rows.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rubbercarbon import registry
from rubbercarbon.batch_finish import finish
from rubbercarbon.batch_input import Scan, Source, Span, UnreadableFile, scan, spans
from rubbercarbon.batch_part import SCATTERED, Outcome, Run, Task
from rubbercarbon.batch_plots import KNOWN
from rubbercarbon.batch_store import (
    MANIFEST,
    PLOTS,
    PROBLEMS,
    RECORDS,
    SUMS,
    Store,
    one_run_at_a_time,
    sound_part,
)
from rubbercarbon.batch_table import check_settings
from rubbercarbon.config import Settings
from rubbercarbon.engines.interface import Engine, Options
from rubbercarbon.errors import InventoryError, RunFolderError, SettingsError
from rubbercarbon.provenance import SCHEMA_VERSION, version
from rubbercarbon.tables import digest

PART_ROWS = 1 << 20
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


@dataclass
class _Plan:
    tasks: list[Task]
    rows: dict[str, int]
    digests: dict[str, str]
    unread: dict[str, str]
    part_rows: int
    spans: dict[str, list[Span]]
    scattered: int = 0


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
    part_rows: int = PART_ROWS,
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
    part_rows : int
        About how many rows go into a part.
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
        When workers or the scheduler are lost; parts that are done stay.
    """
    chosen = check_settings(settings or Settings())
    _check(engine, by, part_rows)
    _check_apart(str(source), str(folder))
    store = Store(str(folder))
    run = Run(
        Source(str(source), tuple((mapping or {}).items()), tuple((units or {}).items())), store,
        chosen.model_dump_json(), "" if plots is None else str(plots), by, language,
    )  # fmt: skip
    with one_run_at_a_time(store):
        described = _describe(run, chosen)
        known = _former(store, described, resume=resume, force=force)
        plan = _plan(run, described, known, part_rows)
        pa.default_memory_pool().release_unused()
        _tidy(store, plan)
        _write_manifest(store, described, plan)
        kept = [task.name for task in plan.tasks if sound_part(store, task.name, task.key)]
        left = [task for task in plan.tasks if task.name not in set(kept)]
        failed = _compute(left, engine, Options(workers, scheduler), plan, len(kept), report)
        for name, why in failed.items():
            task = next(task for task in plan.tasks if task.name == name)
            for span in task.spans[:1]:
                plan.unread.setdefault(run.source.label(span.file), why)
        done = [task for task in plan.tasks if task.name not in failed]
        total, counts = finish(run, chosen, done, plan.digests, plan.unread)
    rows = sum(plan.rows.get(task.name, 0) for task in done)
    return BatchResult(str(folder), total, counts, plan.unread, rows, len(done), len(kept))


def _check(engine: str, by: str, part_rows: int) -> None:
    if engine not in registry.names("engines"):
        raise SettingsError(
            f"there is no engine '{engine}'; engines: {', '.join(registry.names('engines'))}."
        )
    if by not in KNOWN:
        raise SettingsError(f"totals by '{by}' are not known; allowed: {', '.join(KNOWN)}.")
    if part_rows < 1:
        raise SettingsError(f"--part-rows {part_rows}: a part holds at least one row.")


def _check_apart(source: str, folder: str) -> None:
    """Refuse to write among what is read, or the other way round."""
    if "://" in source or "://" in folder:
        return
    a, b = Path(source).resolve(), Path(folder).resolve()
    if a == b or a in b.parents or b in a.parents:
        raise SettingsError(
            f"'{folder}' and '{source}' lie in one another; write to a folder of its own."
        )


def _describe(run: Run, settings: Settings) -> dict[str, Any]:
    """All that decides figures beside the rows; results of different ones are never mixed."""
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


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


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
    if manifest is None:
        foreign = [name for name in there if not _ours(name)]
        if foreign or (there and not resume):
            raise RunFolderError(
                f"folder '{store.address}' is not empty and holds no batch that can be taken up "
                f"({there[0]}); choose another folder, or use --force to replace all that is in it."
            )
        return {}
    if not resume:
        raise RunFolderError(
            f"folder '{store.address}' holds a batch: --resume takes it up, --force begins anew."
        )
    changed = _differences(manifest.get("run", {}), described)
    if changed:
        raise RunFolderError(
            f"the parts in '{store.address}' are of other settings ({'; '.join(changed[:5])}) and "
            "are not mixed with new ones. Use the same settings, another folder, or --force."
        )
    return manifest


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


def _plan(run: Run, described: dict[str, Any], known: dict[str, Any], part_rows: int) -> _Plan:
    """Parts of every file; files that cannot be read are put down with the reason."""
    source = run.source
    names = source.files()
    with ThreadPoolExecutor(4) as pool:
        digests = dict(zip(names, pool.map(source.digest, names), strict=True))
    run = replace(run, inputs=_digest(digests))
    former = known.get("files", {}) if known.get("part_rows") == part_rows else {}
    same = former and not known.get("scattered") and set(former) == set(names) and all(
        former[name]["sha256"] == digests[name] for name in names
    )  # fmt: skip
    plan = _Plan([], {}, digests, {}, part_rows, {})
    if same and not known.get("unread"):
        cut = {n: [Span(n, a, b) for a, b in f["spans"]] for n, f in former.items()}
        scattered = np.zeros(0, dtype=np.uint64)
        found: dict[str, Scan] = {}
    else:
        found = {}
        for name in names:
            try:
                found[name] = scan(source, name)
            except (UnreadableFile, InventoryError) as error:
                plan.unread[source.label(name)] = str(error)
        if not found:
            first = next(iter(plan.unread.items()))
            raise InventoryError(
                f"no file of '{source.address}' can be read; {first[0]}: {first[1]}"
            )
        cut = {name: spans(name, one, part_rows) for name, one in found.items()}
        scattered = _scattered(found)
    for name in source.left_out():
        plan.unread[source.label(name)] = "a batch reads CSV and Parquet files only"
    plan.scattered, plan.spans = len(scattered), cut
    base = _digest(described)
    apart = hashlib.sha256(scattered.tobytes()).hexdigest() if len(scattered) else ""
    if len(scattered):
        stream = io.BytesIO()
        np.save(stream, scattered)
        run.store.write(SCATTERED, stream.getvalue())
    for name, pieces in cut.items():
        for number, span in enumerate(pieces):
            key = _digest([base, digests[name], span.first, span.last, apart])
            plan.tasks.append(
                Task(f"{_safe(name, source)}-{number:05d}", (span,), None, bool(apart), key, run)
            )
            plan.rows[plan.tasks[-1].name] = span.last - span.first
    if len(scattered):
        _plan_scattered(plan, run, found, scattered, part_rows, (base, apart, digests))
    return plan


def _scattered(found: Mapping[str, Scan]) -> Any:
    """Plots whose rows lie in several places, by hash, in order."""
    ids = np.concatenate([np.zeros(0, np.uint64), *(one.plots for one in found.values())])
    distinct, count = np.unique(ids, return_counts=True)
    return distinct[count > 1]


def _plan_scattered(
    plan: _Plan, run: Run, found: Mapping[str, Scan], scattered: Any, part_rows: int,
    parts: tuple[str, str, dict[str, str]],
) -> None:  # fmt: skip
    """Parts for the plots whose rows lie apart: every file is read for each of these."""
    base, apart, digests = parts
    rows, files = 0, []
    for name, one in found.items():
        size = np.diff(np.append(one.starts, one.rows))
        mine = np.isin(one.plots, scattered)
        rows += int(size[mine].sum())
        if mine.any():
            files.append(name)
    groups = max(1, -(-rows // part_rows))
    for which in range(groups):
        key = _digest([base, apart, [digests[name] for name in files], groups, which])
        plan.tasks.append(
            Task(
                f"scattered-{which:05d}", tuple(Span(name, 0, -1) for name in files),
                (groups, which), True, key, run,
            )
        )  # fmt: skip
        plan.rows[plan.tasks[-1].name] = 0


def _safe(name: str, source: Source) -> str:
    """A file's name as the beginning of its parts' names."""
    label = source.label(name)
    stem = re.sub(r"\.[^./]*$", "", label)
    plain = re.sub(r"[^0-9A-Za-z._-]+", "_", stem).strip("._") or "file"
    if plain == stem:
        return plain
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _tidy(store: Store, plan: _Plan) -> None:
    """Take away what belongs to no part of the plan: stale parts, half-written files."""
    names = {task.name for task in plan.tasks}
    for name in store.files():
        kind, _, rest = name.partition("/")
        half = Path(name).name.startswith(".") and name.endswith(".part")
        if half or (kind in KINDS and Path(rest).stem not in names):
            store.remove(name)


def _write_manifest(store: Store, described: dict[str, Any], plan: _Plan) -> None:
    files = {
        name: {"sha256": found, "spans": [[s.first, s.last] for s in plan.spans.get(name, [])]}
        for name, found in plan.digests.items()
    }
    manifest = {
        "run": described, "part_rows": plan.part_rows, "files": files,
        "scattered": plan.scattered, "unread": plan.unread,
        "parts": {task.name: task.key for task in plan.tasks},
    }  # fmt: skip
    store.write(MANIFEST, json.dumps(manifest, ensure_ascii=False, sort_keys=True).encode())


def _compute(
    tasks: Sequence[Task], engine: str, options: Options, plan: _Plan, kept: int,
    report: Callable[[Progress], None] | None,
) -> dict[str, str]:  # fmt: skip
    """Compute the parts that are left; returns those that could not be read, with the reason."""
    tell = report or (lambda _: None)
    rows = sum(plan.rows.values())
    done = rows - sum(plan.rows[task.name] for task in tasks)
    number, failed = len(plan.tasks) - len(tasks), {}
    tell(Progress(len(plan.tasks), number, rows, done, kept))
    if not tasks:
        return {}
    module = cast("Engine", registry.load("engines", engine))
    outcome: Outcome
    for outcome in module.run(tasks, options):
        number += 1
        done += plan.rows[outcome.name]
        if outcome.error:
            failed[outcome.name] = outcome.error
        tell(Progress(len(plan.tasks), number, rows, done, kept))
    return failed


def read_plots(folder: str | Path) -> pa.Table:
    """Plots of a finished batch, all parts in one table; large runs are better read by part."""
    return pq.read_table(Path(folder) / PLOTS)
