"""Spreadsheets: .xlsx, .xlsm, .xls, .ods; read in a process of its own with limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rubbercarbon.formats.interface import RawTable, headed, unreadable

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
SECONDS = 180


def read(path: Path) -> list[RawTable]:
    """Every sheet that holds a table.

    Raises
    ------
    InventoryError
        With one problem, for a file that is damaged, far too large, or not a spreadsheet.
    """
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (root, os.environ.get("PYTHONPATH", "")) if part
    )
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            [sys.executable, "-m", "rubbercarbon.spreadsheet_child", str(path.resolve())],
            capture_output=True, timeout=SECONDS, check=False, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise unreadable(path.name, "why_slow", seconds=SECONDS) from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout.decode("utf-8"))
    except ValueError as error:
        raise unreadable(path.name, "why_stopped") from error
    if "refused" in answer:
        key, values = answer["refused"]
        raise unreadable(path.name, key, **values)
    tables = [
        replace(table, errors_known=bool(answer["errors_known"]))
        for sheet in answer["sheets"]
        if (table := headed(sheet["rows"], path.name, str(sheet["name"]))) is not None
    ]
    if not tables:
        raise unreadable(path.name, "why_no_sheet")
    return tables
