"""The plan of a batch: which rows of which file make a part, and what a former run leaves to do."""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rubbercarbon.batch_input import unreadable
from rubbercarbon.batch_part import SCATTERED, Run, Task
from rubbercarbon.batch_scan import NO_PLOT, Scan, scan, spans
from rubbercarbon.batch_source import Source, Span
from rubbercarbon.batch_store import sound_part
from rubbercarbon.errors import InventoryError, UnreadableFile
from rubbercarbon.messages import Words, failure, words_of

PART_ROWS = 1 << 20
PART_FORM = 2  # of the files of a part: those of another form are computed anew
FILES_AT_ONCE = 2
NO_ROWS = Words("failures", "batch_no_rows")


@dataclass
class Plan:
    """Parts of a run, and what they are made of.

    Attributes
    ----------
    tasks : list of Task
    rows : dict
        Rows of each task, by name.
    digests : dict
        sha256 of each file.
    unread : dict
        File, as people call it → why it is in no total.
    part_rows : int
        About how many rows make a part.
    spans : dict
        Parts of each file.
    scattered, groups : int
        Plots whose rows lie apart, and the parts that they make.
    """

    tasks: list[Task]
    rows: dict[str, int]
    digests: dict[str, str]
    unread: dict[str, Words]
    part_rows: int
    spans: dict[str, list[Span]] = field(default_factory=dict)
    scattered: int = 0
    groups: int = 0

    def manifest(self, described: Mapping[str, Any]) -> bytes:
        """The plan as it is kept for a run that takes this one up."""
        files = {
            name: {"sha256": found, "spans": [[s.first, s.last] for s in self.spans.get(name, [])]}
            for name, found in self.digests.items()
        }
        values = {
            "run": described, "part_rows": self.part_rows, "files": files,
            "scattered": self.scattered, "groups": self.groups,
            "unread": {name: why.text("en") for name, why in self.unread.items()},
            "parts": {task.name: task.key for task in self.tasks},
        }  # fmt: skip
        return json.dumps(values, ensure_ascii=False, sort_keys=True).encode()


def digest_of(value: Any) -> str:
    """The sha256 of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def make_plan(
    run: Run, described: Mapping[str, Any], known: Mapping[str, Any], part_rows: int | None,
    broken: Mapping[str, Words],
) -> Plan:  # fmt: skip
    """Parts of every file; files that cannot be read are put down with the reason.

    Parameters
    ----------
    run : Run
    described : mapping
        All that decides figures beside the rows.
    known : mapping
        Manifest of a former run of the same settings, or empty.
    part_rows : int or None
        None: as in the former run, `PART_ROWS` without one. Parts of a former run that are done are
        kept as they are whatever it says.
    broken : mapping
        Files that turned out to be damaged while they were computed, with the reason.

    Raises
    ------
    InventoryError
        Where no file can be read.
    """
    source, size = run.source, part_rows or known.get("part_rows") or PART_ROWS
    plan = Plan([], {}, {}, {source.label(name): why for name, why in broken.items()}, size)
    names = [name for name in source.files() if name not in broken]
    former = known.get("files", {})
    same = bool(former) and not known.get("scattered") and not known.get("unread")
    same &= size == known.get("part_rows") and not broken
    seen: dict[str, Scan | Exception] = {}
    with ThreadPoolExecutor(1) as pool:
        digests = pool.map(functools.partial(_digest, source), names)
        if not same:
            seen = _scans(source, names)  # meanwhile
        _take_digests(source, zip(names, digests, strict=True), plan)
    same &= {n: f["sha256"] for n, f in former.items()} == plan.digests
    if not (same or seen):
        seen = _scans(source, names)
    found = {} if same else _readable(source, seen, plan)
    names = list(plan.digests)
    run = replace(run, inputs=digest_of(plan.digests))
    scattered = _scattered(found)
    apart = hashlib.sha256(scattered.tobytes()).hexdigest() if len(scattered) else ""
    plan.scattered, base = len(scattered), digest_of([PART_FORM, described])

    def task(name: str, span: Span) -> Task:
        key = digest_of([base, plan.digests[name], span.first, span.last, apart])
        # called by its first row: a part keeps its name however its neighbours are cut
        return Task(f"{_safe(name, source)}-{span.first:09d}", (span,), None, bool(apart), key, run)

    for name in names if same else found:
        old = [Span(name, a, b) for a, b in former.get(name, {}).get("spans", [])]
        if not same:
            done = [s for s in old if sound_part(run.store, task(name, s).name, task(name, s).key)]
            old = _around(name, found[name], done, size)
        plan.spans[name] = old
        for span in old:
            plan.tasks.append(task(name, span))
            plan.rows[plan.tasks[-1].name] = span.last - span.first
    for name in source.left_out():
        plan.unread[source.label(name)] = Words("failures", "batch_other_kind")
    if len(scattered):
        stream = io.BytesIO()
        np.save(stream, scattered)
        run.store.write(SCATTERED, stream.getvalue())
        _plan_scattered(plan, run, (found, scattered), (base, apart), known.get("groups", 0))
    return plan


def _digest(source: Source, name: str) -> str | Exception:
    """The sha256 of a file, or why it cannot be opened."""
    try:
        return source.digest(name)
    except OSError as error:
        return unreadable(error)


def _take_digests(
    source: Source, found: Iterable[tuple[str, str | Exception]], plan: Plan
) -> None:  # fmt: skip
    """Put down the sha256 of each file that can be opened."""
    for name, digest in found:
        if isinstance(digest, str):
            plan.digests[name] = digest
        else:
            plan.unread[source.label(name)] = words_of(digest)


def _scan(source: Source, name: str) -> Scan | Exception:
    """Runs of plots of a file, or why it cannot be read."""
    try:
        return scan(source, name)
    except (UnreadableFile, InventoryError) as error:
        return error


def _scans(source: Source, names: Sequence[str]) -> dict[str, Scan | Exception]:
    """Runs of plots of files."""
    # of Parquet files little is read, and two threads would wait for one another most of the time
    at_once = 1 if all(map(source.is_parquet, names)) else FILES_AT_ONCE
    with ThreadPoolExecutor(at_once) as pool:
        found = pool.map(functools.partial(_scan, source), names)
        return dict(zip(names, found, strict=True))


def _readable(source: Source, seen: Mapping[str, Scan | Exception], plan: Plan) -> dict[str, Scan]:
    """Runs of plots of the files that can be read.

    Raises
    ------
    InventoryError
    """
    found: dict[str, Scan] = {}
    for name in plan.digests:
        one = seen[name]
        if isinstance(one, Scan):
            found[name] = one
            if not one.rows and not one.bad_lines:
                plan.unread[source.label(name)] = NO_ROWS
        else:
            plan.unread[source.label(name)] = words_of(one)
    if not found:
        file, why = next(iter(plan.unread.items()))
        raise failure(
            InventoryError, "batch_none", source=source.address, files=len(plan.unread), file=file,
            why=why,
        )  # fmt: skip
    return found


def _around(name: str, found: Scan, done: Sequence[Span], part_rows: int) -> list[Span]:
    """Parts of a file: those that are done, and what lies between them cut anew."""
    if not done:
        return spans(name, found, part_rows)
    ends = [0, *itertools.chain.from_iterable((s.first, s.last) for s in done), found.rows]
    cut = list(done)
    for first, last in zip(ends[::2], ends[1::2], strict=True):
        if last > first:
            cut += spans(name, found, part_rows, (first, last))
    return sorted(cut, key=lambda span: span.first)


def _scattered(found: Mapping[str, Scan]) -> Any:
    """Plots whose rows lie in several places, by hash, in order; rows without a plot are none."""
    ids = np.concatenate([np.zeros(0, np.uint64), *(one.plots for one in found.values())])
    distinct, count = np.unique(ids, return_counts=True)
    return distinct[(count > 1) & (distinct != NO_PLOT)]


def _plan_scattered(
    plan: Plan, run: Run, which: tuple[Mapping[str, Scan], Any], parts: tuple[str, str],
    former: int,
) -> None:  # fmt: skip
    """Parts for the plots whose rows lie apart: every file is read for each of these."""
    found, scattered = which
    base, apart = parts
    rows, files = 0, []
    for name, one in found.items():
        size = np.diff(np.append(one.starts, one.rows))
        mine = np.isin(one.plots, scattered)
        rows += int(size[mine].sum())
        if mine.any():
            files.append(name)
    inputs = tuple(Span(name, 0, -1) for name in files)

    def tasks(groups: int) -> list[Task]:
        digests = [plan.digests[name] for name in files]
        return [
            Task(f"scattered-{k:05d}", inputs, (groups, k), True,
                 digest_of([base, apart, digests, groups, k]), run)
            for k in range(groups)
        ]  # fmt: skip

    plan.groups = max(1, -(-rows // plan.part_rows))
    if any(sound_part(run.store, task.name, task.key) for task in tasks(former)):
        plan.groups = former
    made = tasks(plan.groups)
    plan.tasks += made
    plan.rows |= {task.name: 0 for task in made}


def _safe(name: str, source: Source) -> str:
    """A file's name as the beginning of its parts' names."""
    label = source.label(name)
    stem = re.sub(r"\.[^./]*$", "", label)
    plain = re.sub(r"[^0-9A-Za-z._-]+", "_", stem).strip("._") or "file"
    if plain == stem:
        return plain
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"
