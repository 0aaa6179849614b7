"""Tables as they come in → canonical columns of numbers and texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from rubbercarbon.columns import DIAMETERS, UNITS, Column, tidy
from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable, read_table
from rubbercarbon.problems import Problems

if TYPE_CHECKING:
    import pyarrow as pa

Source: TypeAlias = "str | Path | pd.DataFrame | pa.Table"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Bools: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


def name_of(source: Source, name: str) -> str:
    """File name of a source, without its path."""
    return Path(source).name if isinstance(source, str | Path) else f"{name} (table)"


def open_table(source: Source, name: str) -> RawTable:
    """Read a file, or take a table in memory.

    Raises
    ------
    InventoryError
        For a file that cannot be read or a table without rows.
    """
    if isinstance(source, str | Path):
        raw = read_table(Path(source))
    else:
        frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
        raw = RawTable(frame.copy(), f"{name} (table)", "", 1)
    if raw.frame.empty:
        raise InventoryError(f"'{raw.file}' has a heading but no rows.")
    return raw


def digest(source: Source) -> str:
    """The sha256 of a file, or of a table written as CSV."""
    if isinstance(source, str | Path):
        return hashlib.sha256(Path(source).read_bytes()).hexdigest()
    frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def canonical(
    raw: RawTable,
    columns: Mapping[str, Column],
    mapping: Mapping[str, str],
    units: Mapping[str, str],
    problems: Problems,
) -> pd.DataFrame:
    """Rename headings to canonical names; the rest is noted and left out."""
    for name, heading in mapping.items():
        if name not in columns:
            raise InventoryError(
                f"--map {name}={heading}: '{name}' is no column of ours; "
                f"allowed: {', '.join(sorted(columns))}."
            )
        if heading not in raw.frame.columns:
            raise InventoryError(
                f"--map {name}={heading}: '{raw.file}' has no column '{heading}'; "
                f"it has: {', '.join(map(str, raw.frame.columns))}."
            )
    chosen: dict[str, Any] = {
        canonical: raw.frame[heading] for canonical, heading in mapping.items()
    }
    diameter_mapped = any(name in chosen for name in names(DIAMETERS))
    for heading in raw.frame.columns:
        if heading in mapping.values():
            continue
        name = _with_unit(tidy(heading), units)
        displaced = diameter_mapped and name in names(DIAMETERS)
        if name in columns and name not in chosen and not displaced:
            chosen[name] = raw.frame[heading]
        else:
            problems.add("column_ignored", file=raw.file, sheet=raw.sheet, value=heading)
    frame = pd.DataFrame(chosen)
    frame.insert(0, "row", np.arange(raw.first_row, raw.first_row + len(frame)))
    cells = frame.drop(columns="row")
    blank = (cells.isna() | (cells.astype(str).apply(lambda c: c.str.strip()) == "")).all(axis=1)
    kept: pd.DataFrame = frame[~blank].reset_index(drop=True)
    return kept


def names(columns: tuple[Column, ...]) -> set[str]:
    """Names of some columns."""
    return {column.name for column in columns}


def _with_unit(name: str, units: Mapping[str, str]) -> str:
    """``dbh`` or ``dbh_cm`` under ``--unit dbh=mm`` is ``dbh_mm``."""
    for quantity, unit in units.items():
        if unit not in UNITS.get(quantity, ()):
            raise InventoryError(
                f"--unit {quantity}={unit}: allowed are dbh and girth in {', '.join(UNITS['dbh'])}."
            )
        if name == quantity or name in {f"{quantity}_{known}" for known in UNITS[quantity]}:
            return f"{quantity}_{unit}"
    return name


def typed(
    frame: pd.DataFrame, columns: Mapping[str, Column], raw: RawTable, problems: Problems
) -> pd.DataFrame:
    """Numbers as floats, texts stripped; a cell that is no number is a problem."""
    frame["refused"] = ""
    for position in np.flatnonzero(frame["row"].isin(list(raw.ragged))):
        row = int(frame["row"].iloc[position])
        problems.add(
            "too_many_cells", file=raw.file, sheet=raw.sheet, row=row, value=raw.ragged[row],
            heading=len(raw.frame.columns),
        )  # fmt: skip
        frame.loc[position, "refused"] = "too_many_cells"
    for name in [n for n in frame.columns if n in columns]:
        if not columns[name].number:
            frame[name] = frame[name].fillna("").astype(str).str.strip()
            continue
        numbers, bad = _numbers(frame[name])
        for position in np.flatnonzero(bad):
            vital = columns[name].target in {"dbh_cm", "count"}
            comma = _DECIMAL_COMMA.fullmatch(str(frame[name].iloc[position]).strip())
            problems.add(
                "decimal_comma" if comma else "not_a_number",
                file=raw.file,
                sheet=raw.sheet,
                row=int(frame["row"].iloc[position]),
                column=name,
                value=frame[name].iloc[position],
                severity="error" if vital else "warning",
            )
            if vital:
                frame.loc[position, "refused"] = "not_a_number"
        frame[name] = numbers
    return frame


def _numbers(
    column: pd.Series[Any],
) -> tuple[Floats, Bools]:
    """Floats, and which cells hold something that is none (Thai digits are read)."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    bad = np.isnan(numbers) & column.notna().to_numpy()
    for position in np.flatnonzero(bad):
        text = str(column.iloc[position]).strip()
        if not text:
            bad[position] = False
            continue
        try:
            value = float(text)  # reads the digits of every script
        except ValueError:
            continue
        if np.isfinite(value):
            numbers[position], bad[position] = value, False
    return numbers, bad


def note(topic: str, assumption: str, value: str, source: str = "as read") -> dict[str, str]:
    """What was assumed in reading; becomes a row of the assumptions."""
    return {"topic": topic, "assumption": assumption, "value": value, "source": source}
