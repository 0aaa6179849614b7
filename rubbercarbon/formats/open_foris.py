"""Open Foris Arena flat files: every attribute with the name of its entity before it."""

from __future__ import annotations

from dataclasses import replace

from rubbercarbon.columns import TREE_COLUMNS
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.headings import recognise

ENTITIES = ("tree", "stem", "plot", "cluster")
PREFERRED = ("scientific_name", "label")


def convert(tables: list[RawTable]) -> list[RawTable] | None:
    """Tables of Open Foris in our columns; None for others."""
    for table in tables:
        names = [str(name) for name in table.frame.columns]
        tree = [name for name in names if name.startswith("tree_")]
        marked = {"record_cycle", "cluster_id", "record_owner_email"} & set(names)
        if len(tree) >= 3 and (marked or any(name.startswith("plot_") for name in names)):
            return [_convert(table, names)]
    return None


def _convert(table: RawTable, names: list[str]) -> RawTable:
    """Columns by their own names; the scientific name of a species before its code."""
    chosen: dict[str, str] = {}
    for name in names:
        column = _column(name)
        if column and (column not in chosen or name.endswith(PREFERRED)):
            chosen[column] = name
    frame = table.frame[[*chosen.values()]].copy()
    frame.columns = list(chosen)
    return replace(table, frame=frame, dialect="open_foris", places=())


def _column(name: str) -> str:
    """Our column of an attribute, or empty."""
    entity, _, rest = name.partition("_")
    if name in {"plot_id", "plot_no", "plot"}:
        return "plot_id"
    if entity not in ENTITIES or not rest:
        found = recognise(name, "trees", TREE_COLUMNS)
        return found.column if found else ""
    if entity == "tree" and rest in {"id", "no", "number", "tag"}:
        return "tree_id"
    if entity == "stem" and rest in {"id", "no", "number", "tag"}:
        return "stem_id"
    for tail in ("_scientific_name", "_label", "_code", "_name"):
        rest = rest.removesuffix(tail)
    found = recognise(rest, "trees", TREE_COLUMNS)
    return found.column if found else ""
