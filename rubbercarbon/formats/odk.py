"""ODK and Kobo exports: a main table and repeats joined by keys; groups before names."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from rubbercarbon.columns import TREE_COLUMNS
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.headings import recognise

# key of the main table, key of the repeat that points to it
KEYS = (("KEY", "PARENT_KEY"), ("_index", "_parent_index"), ("_uuid", "_submission__uuid"))
SYSTEM = ("_", "meta", "KEY", "PARENT_KEY", "SET-OF", "instanceID", "formhub", "start", "end",
          "deviceid", "SubmissionDate", "SubmitterID", "SubmitterName", "ReviewState",
          "FormVersion", "__")  # fmt: skip


def convert(tables: list[RawTable]) -> list[RawTable] | None:
    """Main and repeat joined, in one table of trees; None for others."""
    for main in tables:
        for repeat in tables:
            if repeat is main:
                continue
            for parent, child in KEYS:
                if parent in main.frame.columns and child in repeat.frame.columns:
                    return [_join(main, repeat, parent, child)]
    for table in tables:  # a repeat whose main table is missing: each parent is a plot
        child = next((c for _, c in KEYS if c in table.frame.columns), "")
        if child:
            frame = _bare(table.frame).assign(plot_id=table.frame[child].astype(str))
            return [replace(table, frame=frame, dialect="odk_repeat", places=())]
    for table in tables:  # a form without a repeat: one row per tree
        if "KEY" in table.frame.columns and "PARENT_KEY" not in table.frame.columns:
            return [replace(table, frame=_bare(table.frame), dialect="odk", places=())]
    return None


def _join(main: RawTable, repeat: RawTable, parent: str, child: str) -> RawTable:
    trees, plots = repeat.frame, main.frame
    keys = plots[parent].astype(str)
    place = pd.Series(range(len(plots)), index=keys)
    place = place[~place.index.duplicated()]
    at = trees[child].astype(str).map(place)
    bare = _bare(trees)
    for heading in plots.columns:
        name = _last(str(heading))
        if _is_system(str(heading)) or name in bare.columns or not _wanted(name):
            continue
        values = plots[heading].reset_index(drop=True)
        bare[name] = at.map(values)
    if not any(_means(str(name), "plot_id") for name in bare.columns):
        bare["plot_id"] = trees[child].astype(str)
    return replace(repeat, frame=bare, dialect="odk", places=())


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of the form's questions, without group names and the system's own columns."""
    kept: dict[str, str] = {}
    for heading in frame.columns:
        name = _last(str(heading))
        if not _is_system(str(heading)) and name not in kept:
            kept[name] = str(heading)
    return pd.DataFrame({name: frame[heading] for name, heading in kept.items()})


def _is_system(heading: str) -> bool:
    return heading.startswith(SYSTEM) and not heading.endswith(("latitude", "longitude"))


def _last(heading: str) -> str:
    """Name of a question without its groups (separated by / or -)."""
    for place in ("latitude", "longitude"):
        if heading.endswith((f"_{place}", f"-{place.capitalize()}")):
            return place
    for sign in ("/", "-"):
        tail = heading.rsplit(sign, 1)[-1]
        if sign in heading and recognise(tail, "trees", TREE_COLUMNS) is not None:
            return tail
    return heading.rsplit("/", 1)[-1]


def _wanted(name: str) -> bool:
    return recognise(name, "trees", TREE_COLUMNS) is not None


def _means(name: str, column: str) -> bool:
    found = recognise(name, "trees", TREE_COLUMNS)
    return found is not None and found.column == column
