"""Headings of the files of a batch: which columns they are, and what they say of their cells."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from rubbercarbon import tables
from rubbercarbon.batch_codes import (
    CAMPAIGN,
    IDS,
    PLOT_NUMBERS,
    PLOT_TEXTS,
    TREE_NUMBERS,
    TREE_TEXTS,
    texts,
)
from rubbercarbon.columns import DIAMETERS, TREE_COLUMNS
from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.headings import key as heading_key
from rubbercarbon.headings import map_headings
from rubbercarbon.messages import failure
from rubbercarbon.problems import Problems

USED = (*IDS, *TREE_TEXTS, *TREE_NUMBERS, *CAMPAIGN, *PLOT_TEXTS, *PLOT_NUMBERS, "census")


def headings_of(
    columns: list[str], mapping: dict[str, str] | None = None, units: dict[str, str] | None = None
) -> dict[str, str]:
    """Heading → canonical column, for the columns that a batch uses.

    Parameters
    ----------
    columns : list of str
    mapping : dict, optional
        Canonical column → heading.
    units : dict, optional
        ``dbh`` or ``girth`` → ``cm``, ``mm`` or ``m``.

    Raises
    ------
    InventoryError
        Without plots, species or diameters.
    """
    chosen = dict(mapping or {})
    known_units = dict(units or {})
    lost = [f"{name}={heading}" for name, heading in chosen.items() if heading not in columns]
    if lost:
        raise failure(
            InventoryError, "batch_map", pairs=", ".join(lost), columns=", ".join(columns)
        )  # fmt: skip
    raw = RawTable(pd.DataFrame(columns=list(dict.fromkeys(columns))), "", "", 0)
    tables.check_choices(raw, TREE_COLUMNS, chosen, known_units)
    read = tables.reading(raw, TREE_COLUMNS, chosen, known_units)
    sized = {column.name for column in DIAMETERS}
    if sized & chosen.keys():  # the mapped column alone decides
        own = set(chosen.values())
        read = {n: heading for n, heading in read.items() if n not in sized or heading in own}
    names = {heading: name for name, heading in read.items() if name in USED}
    names = {heading: names[heading] for heading in raw.frame.columns if heading in names}
    known = set(names.values())
    sizes = {name for name in TREE_NUMBERS if name.startswith(("dbh", "girth"))}
    missing = [name for name in ("plot_id", "species") if name not in known]
    if not known & sizes:
        missing.append("dbh_cm / girth_cm")
    if missing:
        raise failure(
            InventoryError, "batch_columns", missing=", ".join(missing), columns=", ".join(columns)
        )  # fmt: skip
    return names


class Meaning(NamedTuple):
    """What headings say of their cells: yes and no for ``dead``, the height of the tape [m]."""

    dead: bool
    tape: float | None

    def put(self, table: Any) -> Any:
        """Cells in the words of the canonical columns."""
        if self.dead:
            codes, words = texts(table.column("status"))
            states = pa.array([tables.dead_or_alive(word) for word in words])
            cells = states.take(pa.array(codes)).dictionary_encode()
            table = table.set_column(table.column_names.index("status"), "status", cells)
        if self.tape is not None:
            table = table.append_column("pom_m", pa.array(np.full(len(table), self.tape)))
        return table


def meaning_of(headings: list[str], mapped: dict[str, str], columns: tuple[str, ...]) -> Meaning:
    """What headings say of their cells; nothing where only some columns are wanted."""
    if columns:
        return Meaning(False, None)
    found = map_headings(headings, "trees", TREE_COLUMNS, mapped)
    status = found["status"][0] if "status" in found else ""
    tapes = [hit.pom_m for _, hit in found.values() if hit.pom_m is not None]
    said = {"pom_m", "pom_cm"} & {*found, *mapped}
    return Meaning(
        "status" not in mapped and heading_key(status) in tables.DEAD_HEADINGS,
        tapes[-1] if tapes and not said else None,
    )


def notes_on(
    headings: list[str], mapping: dict[str, str], units: dict[str, str]
) -> set[tuple[str, str, str, str]]:
    """How headings were read: topic, assumption, value, source."""
    notes: list[dict[str, str]] = []
    raw = RawTable(pd.DataFrame(columns=list(dict.fromkeys(headings))), "", "", 0)
    tables.canonical(raw, TREE_COLUMNS, mapping, units, Problems(), notes=notes)
    return {(n["topic"], n["assumption"], n["value"], n["source"] or "as read") for n in notes}
