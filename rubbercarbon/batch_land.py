"""The table of plots of a batch, looked at once and whole: its faults, and plots without trees."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_part import PROBLEM_SCHEMA, Run
from rubbercarbon.batch_plots import facts_of
from rubbercarbon.batch_problems import line_of
from rubbercarbon.batch_sums import Sums
from rubbercarbon.batch_table import empty_block
from rubbercarbon.config import Settings
from rubbercarbon.plots import read_plots
from rubbercarbon.problems import Problems
from rubbercarbon.tables import open_table

NAME = "plots-without-trees"  # of the part that they make
TOLD_BY_PARTS = ("plot_names_repeated",)


@dataclass
class Land:
    """What the table of plots adds to a batch.

    Attributes
    ----------
    plots, problems : pyarrow.Table or None
        Plots without trees, whose stocks are zero; what is wrong with the table.
    sums : Sums
        Of those plots.
    notes : list of tuple
        How the table was read: topic, assumption, value, source.
    """

    plots: Any = None
    problems: Any = None
    sums: Sums = field(default_factory=Sums)
    notes: list[tuple[str, str, str, str]] = field(default_factory=list)


def look_at_plots(run: Run, settings: Settings, parts: Iterable[str], *, all_read: bool) -> Land:
    """The table of plots beside the plots that have trees.

    Parameters
    ----------
    run : Run
    settings : Settings
    parts : iterable of str
        Names of the files of plots that were computed.
    all_read : bool
        Every file of trees was read; else nobody knows which plots have no trees.
    """
    if not run.plots:
        return Land()
    raw = open_table(run.plots, "plots", "plots")
    found, notes = Problems(), list[dict[str, str]]()
    nothing = pd.DataFrame({"plot_id": [], "refused": []}, dtype=object)
    table, _ = read_plots(raw, nothing, raw, found, notes)
    seen = set[str]()
    for name in parts:
        column = pq.read_table(io.BytesIO(run.store.read(name)), columns=["plot_id"])
        seen.update(column.column("plot_id").to_pylist())
    ids, sites = table["plot_id"].to_numpy(dtype=object), table["site_id"].to_numpy(dtype=object)
    # plots that two sites share are called site:plot where their trees name sites
    empty = np.array(
        [not {name, f"{site}:{name}"} & seen for name, site in zip(ids, sites, strict=True)],
        dtype=np.bool_,
    )
    land = Land(notes=[(n["topic"], n["assumption"], n["value"], n["source"]) for n in notes])
    if not all_read:
        land.notes.append(
            (
                "plots", "files of trees could not be read: plots of the table without trees are "
                "neither listed nor counted", "unknown", "input",
            )
        )  # fmt: skip
        empty[:] = False
    for name in ids[empty]:
        found.add("plot_empty", file=raw.file, column="plot_id", value=name)
    if empty.any():
        some = table[empty].reset_index(drop=True)
        count = np.arange(len(some))
        facts = facts_of(some, count, np.zeros(len(some), dtype=np.bool_), settings, Assumptions())
        block = empty_block(settings, some["plot_id"].tolist(), facts, run.by)
        land.plots, land.sums = block.plots, block.sums
    land.problems = _problems(found, run)
    return land


def _problems(found: Problems, run: Run) -> Any:
    """What was found as a table like those of the parts."""
    file, lines = Path(run.plots).name, []
    for item in found.sorted():
        if item.code in TOLD_BY_PARTS:
            continue
        plot = item.value if item.column == "plot_id" else ""
        lines.append(line_of(item, file, item.row, plot, "", 1, run.language))
    if not lines:
        return None
    columns = zip(*lines, strict=True)
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, PROBLEM_SCHEMA, strict=True)],
        schema=PROBLEM_SCHEMA,
    )
