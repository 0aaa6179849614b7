"""The end of a batch: totals, what was assumed, sources, and the record of the run."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from allometry.catalogue.loader import get_equation
from rubbercarbon.assumptions import COLUMNS, Assumptions
from rubbercarbon.batch_gather import Gathered
from rubbercarbon.batch_input import headings_read
from rubbercarbon.batch_land import NAME, Land, look_at_plots
from rubbercarbon.batch_part import Run
from rubbercarbon.batch_plan import NO_ROWS, Plan
from rubbercarbon.batch_store import PLOTS, PROBLEMS, Store, part_file
from rubbercarbon.batch_sums import total_of
from rubbercarbon.config import Settings
from rubbercarbon.errors import InventoryError, UnreadableFile
from rubbercarbon.messages import LANGUAGES, Words
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import RECORD, csv_bytes, run_record
from rubbercarbon.stock_points import SIZE_COLUMNS
from rubbercarbon.stocks import all_citations
from rubbercarbon.tables import era_note


def finish(
    run: Run, settings: Settings, plan: Plan, gathered: Gathered
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Write totals and records of the parts, which are all there.

    Parameters
    ----------
    run : Run
    settings : Settings
    plan : Plan
    gathered : Gathered
        All parts.

    Returns
    -------
    tuple of pandas.DataFrame
        Totals by region, and problems counted by code.
    """
    store, sums, codes = run.store, gathered.sums, gathered.codes
    land = look_at_plots(run, settings, gathered.plots,
                         all_read=all(why == NO_ROWS for why in plan.unread.values()))  # fmt: skip
    sums.add(land.sums)
    files = [*gathered.plots, *_write_land(store, land, codes)]
    total = total_of(sums, run.by, settings.level) if sums.points else pd.DataFrame()
    whole = _whole_problems(plan.unread, gathered.outside)
    for item in whole.items:
        codes[item.severity, item.code] += int(str(item.values.get("count", 1)))  # noqa: PD011
    counts = pd.DataFrame(
        [(s, c, n) for (s, c), n in sorted(codes.items())], columns=["severity", "code", "n_rows"]
    )
    assumptions = _assumptions(
        gathered.assumed, plan.unread, total, settings, *_headings(run, plan.digests)
    )
    for topic, assumption, value, source in [*land.notes, *_dated(gathered.dates)]:
        assumptions.loc[len(assumptions)] = [topic, assumption, value, "", "", source, ""]
    tables = {
        "total": total,
        "assumptions": assumptions,
        "citations": _citations(gathered.equations, gathered.used, assumptions),
        "problems": whole.frame(run.language),
        "problem_counts": counts,
    }
    for name, table in tables.items():
        store.write(f"{name}.csv", csv_bytes(table))
    values = {**settings.model_dump(mode="json"), "by": run.by}
    values["catalogues"] = [
        folder.replace("\\", "/").rsplit("/", 1)[-1] for folder in settings.catalogues
    ]
    if settings.height_sample is not None:
        values["height_sample"] = settings.height_sample.replace("\\", "/").rsplit("/", 1)[-1]
    reading = {"mapping": dict(run.source.mapping), "units": dict(run.source.units)}
    unread = {name: why.text("en") for name, why in plan.unread.items()}
    said = {n: {code: why.text(code) for code in LANGUAGES} for n, why in plan.unread.items()}
    full = {**run_record(values, plan.digests, reading), "command": "batch", "unread": unread,
            "unread_said": said,
            "files": sorted([*(f"{name}.csv" for name in tables), RECORD])}  # fmt: skip
    full["parts"] = {"folder": PLOTS, "files": sorted(f for f in files if f.startswith(PLOTS))}
    text = json.dumps(full, ensure_ascii=False, indent=2, sort_keys=True)
    store.write(RECORD, (text + "\n").encode())
    return total, counts


def _write_land(store: Store, land: Land, codes: Counter[tuple[str, str]]) -> list[str]:
    """Plots without trees and the faults of the table of plots, as files beside the parts'."""
    written = []
    for kind, table in ((PLOTS, land.plots), (PROBLEMS, land.problems)):
        if table is not None:
            stream = io.BytesIO()
            pq.write_table(table, stream)
            written.append(part_file(kind, NAME))
            store.write(written[-1], stream.getvalue())
    if land.problems is not None:
        lines = land.problems.select(["severity", "code"]).to_pylist()
        codes.update((line["severity"], line["code"]) for line in lines)
    return written


def _assumptions(
    found: set[tuple[str, ...]], unread: Iterable[str], total: pd.DataFrame,
    settings: Settings, unused: Mapping[str, int],
    headings: Mapping[tuple[str, str, str, str], int],
) -> pd.DataFrame:  # fmt: skip
    """What the parts assumed, and what the totals leave out."""
    more = Assumptions()
    count = settings.number_of_draws
    more.add(
        "intervals",
        f"central {100 * settings.level:g} % intervals of {count} draws, seed {settings.seed}; "
        "totals add up the same draw of all plots, so that shared errors stay shared"
        if count
        else "points alone: no draws were asked for",
        settings.level if count else "none",
        unit="1" if count else "",
        source="rule of this library",
    )
    more.add(
        "expansion",
        "totals are sums over the plots of the input, without expansion to other land; where "
        "stratum_area_ha is known, `rubbercarbon estimate` expands to it",
        "no expansion",
        source="rule of this library",
    )
    more.add(
        "sampling",
        "totals carry no sampling error and make no claim about the land around the plots",
        "none",
        source="rule of this library",
    )
    more.add(
        "checks",
        "rows are refused as in `rubbercarbon check`; its rules that only question values of a "
        "sheet are not applied in a batch",
        "refusals alone",
        source="rule of this library",
    )
    for name in sorted(unread):
        more.add("input", f"'{name}' could not be read and is in no total", "not read",
                 source="input")  # fmt: skip
    for heading, files in sorted(unused.items()):
        more.add("columns", "a column that a batch does not use", heading,
                 applies_to=_files(files), source="input")  # fmt: skip
    for (topic, assumption, value, source), files in sorted(headings.items()):
        more.add(topic, assumption, value, applies_to=_files(files), source=source)
    missing = int(total["n_without_area"].iloc[-1]) if len(total) else 0
    if missing:
        more.add(
            "plot area",
            "no plot area was given: figures per hectare are empty, and so are those of every "
            "region with such a plot; totals in t count it",
            "unknown", unit="ha", applies_to=f"{missing} plots", source="input",
        )  # fmt: skip
    return pd.DataFrame([*more.rows, *sorted(found)], columns=list(COLUMNS))


def _headings(
    run: Run, names: Iterable[str]
) -> tuple[Counter[str], Counter[tuple[str, str, str, str]]]:
    """Headings that nothing was read from, and how others were read, with their files."""
    unused, notes = Counter[str](), Counter[tuple[str, str, str, str]]()
    for name in names:
        with contextlib.suppress(UnreadableFile, InventoryError):
            found, said = headings_read(run.source, name)
            unused.update(found)
            notes.update(said)
    return unused, notes


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _dated(count: int) -> list[tuple[str, str, str, str]]:
    """Dates that were read in another calendar, as `rubbercarbon.tables` says it."""
    if not count:
        return []
    note = era_note(count)
    return [(note["topic"], note["assumption"], note["value"], note["source"])]


def _citations(
    equations: Mapping[str, Mapping[str, Any]], used: Counter[str], assumptions: pd.DataFrame
) -> pd.DataFrame:
    """Publications with the rows of the run that rest on them."""
    count = Counter(used)
    for name, number in used.items():
        for member in _members(name):
            count[member] += number
    rows = [
        {**row, "n_rows": count[name]} for name, row in sorted(equations.items()) if count[name]
    ]
    columns = ["id", "predicts", "n_rows", "grade", "citation", "doi", "where", "seen"]
    table = pd.DataFrame(rows, columns=columns)
    return all_citations(table, assumptions) if rows else table


def _members(name: str) -> tuple[str, ...]:
    try:
        return get_equation(name).members
    except Exception:  # noqa: BLE001  (a fit of the user's own is no record of the catalogue)
        return ()


def _whole_problems(unread: Mapping[str, Words], outside: Mapping[str, Sequence[Any]]) -> Problems:
    """Problems of files, and of equations used beyond their range."""
    found = Problems()
    for name, why in sorted(unread.items()):
        found.add("file_left_out", file=name, value=name, why=why)
    for name, (mass, number, far, largest) in sorted(outside.items()):
        if not number:
            continue
        record = get_equation(name)
        what = record.size if record.size in SIZE_COLUMNS else "dbh"
        low, high = record.range.limits[record.size]
        found.add(
            "outside_range", column=SIZE_COLUMNS[what], value=f"{largest:g}", count=number,
            equation=name, what=SIZE_COLUMNS[what], low=f"{low:g}", high=f"{high:g}",
            share=f"{100 * far / mass:.0f}",
        )  # fmt: skip
    return found
