"""Apache Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable

SUFFIXES = (".parquet", ".pq")


def read(path: Path) -> RawTable:
    """Read a Parquet file.

    Raises
    ------
    InventoryError
        When it is not one.
    """
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InventoryError(
            f"file '{path.name}' cannot be read as Parquet: {str(error).splitlines()[0]}."
        ) from error
    return RawTable(frame, path.name, "", 1)
