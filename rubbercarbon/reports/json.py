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
# legal inside JSON, but they reorder what an editor shows
_REORDERING = re.compile(
    "[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def write(report: Report, path: Path) -> None:
    """Write the report as JSON in UTF-8; figures that are not known are null."""
    content = {
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
        "tables": {name: _records(table) for name, table in report.tables.items()},
        "record": report.record,
    }
    text = json.dumps(_finite(content), ensure_ascii=False, indent=1)
    text = _REORDERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    path.write_text(text + "\n", encoding="utf-8")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {str(name): table[name].astype(object).where(table[name].notna(), None).tolist()
               for name in table.columns}  # fmt: skip
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _finite(value: Any) -> Any:
    """Plain JSON values; nothing that is not a number."""
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
