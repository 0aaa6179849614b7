"""Spreadsheets: .xlsx, .xlsm, .xls, .ods; read in a process of its own with limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
        raise unreadable(path.name, f"it took longer than {SECONDS} s to read") from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout.decode("utf-8"))
    except ValueError as error:
        raise unreadable(
            path.name, "the reader stopped: it is damaged, or asks for far too much memory"
        ) from error
    if "refused" in answer:
        raise unreadable(path.name, str(answer["refused"]))
    tables = [
        table
        for sheet in answer["sheets"]
        if (table := headed(sheet["rows"], path.name, str(sheet["name"]))) is not None
    ]
    if not tables:
        raise unreadable(path.name, "no sheet of it holds a heading row and rows below it")
    return tables
