"""Reports as JSON: the blocks as they are, and every full table."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubbercarbon.provenance import SCHEMA_VERSION
from rubbercarbon.report_blocks import Report

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".json"
CHUNK = 5000  # rows of a table at a time
# legal inside JSON, but they reorder what an editor shows
_REORDERING = re.compile(
    "[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def write(report: Report, path: Path) -> None:
    """Write the report as JSON in UTF-8; figures that are not known are null."""
    head = {
        "schema_version": SCHEMA_VERSION,
        "language": report.language,
        "title": report.title,
        "subtitle": report.subtitle,
        "status": report.status,
        "sections": [
            {
                "id": section.id,
                "title": section.title,
                "blocks": [
                    {"block": type(block).__name__.lower(), **dataclasses.asdict(block)}
                    for block in section.blocks
                ],
            }
            for section in report.sections
        ],
        "record": report.record,
    }
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(_text(head)[:-1] + ', "tables": {')
        for count, (name, table) in enumerate(report.tables.items()):
            stream.write(f"{',' if count else ''}\n{_text(name)}: [")
            for start in range(0, len(table), CHUNK):
                rows = [_text(row) for row in _records(table.iloc[start : start + CHUNK])]
                stream.write((",\n" if start else "\n") + ",\n".join(rows))
            stream.write("]")
        stream.write("}}\n")


def _text(value: Any) -> str:
    """One value as JSON."""
    text = json.dumps(_finite(value), ensure_ascii=False)
    return _REORDERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in table.columns]
    columns = [table[name].tolist() for name in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _finite(value: Any) -> Any:
    """Plain JSON values; nothing that is not a number."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
