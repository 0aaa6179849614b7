"""Apache Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.messages import failure

SUFFIXES = (".parquet", ".pq")


def read(path: Path) -> list[RawTable]:
    """Read a Parquet file.

    Raises
    ------
    InventoryError
        When it is not one.
    """
    try:
        frame = pd.read_parquet(path)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise failure(InventoryError, "no_parquet", file=path.name, why=reason) from error
    return [RawTable(frame, path.name, "", 1)]
