"""Tables as they come in → canonical columns of numbers and texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from rubbercarbon import distinct, headings, rai_cells, rows
from rubbercarbon.columns import (
    AREAS,
    BUDDHIST_ERA,
    DIAMETERS,
    LENGTHS,
    OLDEST_BUDDHIST_YEAR,
    PLOT_COLUMNS,
    SITE_COLUMNS,
    TREE_COLUMNS,
    UNITS,
    Column,
    common_era,
    plain_id,
    tidy,
)
from rubbercarbon.errors import InventoryError
from rubbercarbon.formats.interface import RawTable, converted, read_tables
from rubbercarbon.messages import failure
from rubbercarbon.problems import Problems

if TYPE_CHECKING:
    import pyarrow as pa

Source: TypeAlias = "str | Path | pd.DataFrame | pa.Table"
MISSING_WORDS = ("na", "n/a", "nan", "null", "none", "-", "--", ".", "ไม่มี", "ไม่มีข้อมูล", "ไม่ได้วัด")
PLOT_AREAS = {f"{start}{column.name}" for column in AREAS for start in ("", "plot_")}
DEAD_HEADINGS = ("dead", "ตาย")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_NO_NUMBER = {"#": "cell_error", "=": "formula_without_value"}  # by first character
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Bools: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


def name_of(source: Source, name: str) -> str:
    """File name of a source, without its path."""
    return Path(source).name if isinstance(source, str | Path) else f"{name} (table)"


def open_tables(source: Source, name: str) -> list[RawTable]:
    """Tables of a file, or of a table in memory; layouts of known programs in our columns.

    Raises
    ------
    InventoryError
        For a file that cannot be read or tables without rows.
    """
    if isinstance(source, str | Path):
        found = read_tables(Path(source))
    else:
        frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
        found = [RawTable(frame.copy(), f"{name} (table)", "", 1)]
    filled = [table for table in found if not table.frame.empty]
    if not filled:
        raise failure(InventoryError, "no_rows", file=found[0].file)
    return filled


def open_table(source: Source, name: str, kind: str = "trees") -> RawTable:
    """The table of a file that names most columns of a kind.

    Raises
    ------
    InventoryError
    """
    return best_of(converted(open_tables(source, name)), kind)


def best_of(found: list[RawTable], kind: str) -> RawTable:
    """The table that names most columns of a kind; the first of equals."""
    columns = {"trees": TREE_COLUMNS, "sites": SITE_COLUMNS}.get(kind, PLOT_COLUMNS)
    return max(
        found,
        key=lambda table: (
            kind == "trees" and is_trees(table),
            headings.score(list(table.frame.columns), kind, columns),
        ),
    )


def is_plots(table: RawTable) -> bool:
    """Whether a table names plots and their areas, and no diameters."""
    found = headings.map_headings(list(table.frame.columns), "plots", PLOT_COLUMNS, {})
    areas = any(hit.base.startswith("area") for _, hit in found.values())
    return "plot_id" in found and areas and not is_trees(table)


def is_trees(table: RawTable) -> bool:
    """Whether a table has species and diameters."""
    found = headings.map_headings(list(table.frame.columns), "trees", TREE_COLUMNS, {})
    return "species" in found and bool(names(DIAMETERS) & set(found))


def digest(source: Source) -> str:
    """The sha256 of a file, or of a table written as CSV."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    frame = source if isinstance(source, pd.DataFrame) else source.to_pandas()
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def canonical(
    raw: RawTable,
    columns: Mapping[str, Column],
    mapping: Mapping[str, str],
    units: Mapping[str, str],
    problems: Problems,
    *,
    kind: str = "trees",
    notes: list[dict[str, str]] | None = None,
) -> pd.DataFrame:
    """Rename headings to canonical names; the rest is noted and left out."""
    check_choices(raw, columns, mapping, units)
    notes = [] if notes is None else notes
    chosen: dict[str, Any] = {
        _with_unit(name, units): raw.frame[heading] for name, heading in mapping.items()
    }
    diameter_mapped = any(name in chosen for name in names(DIAMETERS))
    used = set(mapping.values())
    tape: float | None = None
    found = headings.map_headings(list(raw.frame.columns), kind, columns, mapping)
    for name, (heading, hit) in found.items():
        column = f"{hit.base}_{units[hit.base]}" if hit.base in units else _with_unit(name, units)
        if column in chosen or (diameter_mapped and column in names(DIAMETERS)):
            continue
        cells = raw.frame[heading]
        if column == "status" and headings.key(heading) in DEAD_HEADINGS:
            cells = cells.map(dead_or_alive)
        chosen[column] = cells
        used.add(heading)
        tape = hit.pom_m if hit.pom_m is not None else tape
        if tidy(heading) != column:
            notes.append(note("heading", f"'{heading}' read as {column}", column, raw.file))
        unnamed = hit.base in headings.UNIT_MATTERS and not hit.unit and hit.base not in units
        if unnamed and tidy(heading) != column and not raw.dialect:
            notes.append(
                note("unit", f"'{heading}' names no unit: taken as cm (--unit changes it)", "cm")
            )
    for heading in raw.frame.columns:
        if heading not in used and not str(heading).startswith("column "):
            problems.add("column_ignored", file=raw.file, sheet=raw.sheet, value=heading)
    frame = pd.DataFrame(chosen)
    frame.insert(0, "row", np.arange(raw.first_row, raw.first_row + len(frame)))
    if tape is not None and "pom_m" not in frame and "pom_cm" not in frame:
        frame["pom_m"] = tape
        notes.append(note("point of measurement", "named in the heading", f"{tape:g} m", raw.file))
    body = frame.drop(columns=["row", *(["pom_m"] if tape is not None else [])], errors="ignore")
    blank = _blank_rows(body)
    if not len(blank):
        return frame.reset_index(drop=True)
    problems.add("rows_empty", file=raw.file, sheet=raw.sheet, value=len(blank))
    kept = np.setdiff1d(np.arange(len(frame)), blank, assume_unique=True)
    return frame.iloc[kept].reset_index(drop=True)


def _blank_rows(body: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Positions of rows without any value; column by column, over what is blank so far."""
    places = np.arange(len(body))
    for name in body.columns:
        cells = body[name].iloc[places] if len(places) < len(body) else body[name]
        if cells.dtype.kind in "biufc":
            places = places[cells.isna().to_numpy()]
        else:
            places = places[distinct.flags(cells, lambda text: not text.strip())]
        if not len(places):
            break
    return places


def with_unit_row(raw: RawTable) -> RawTable:
    """A table whose first row holds units only, with these in its headings."""
    if raw.frame.empty:
        return raw
    first = raw.frame.iloc[0]
    texts = {name: str(first[name] or "").strip() for name in raw.frame.columns}
    texts = {name: text for name, text in texts.items() if text not in {"", "nan"}}
    if not texts or not all(headings.is_unit(text.strip("() ")) for text in texts.values()):
        return raw
    names = {name: f"{name} ({text.strip('() ')})" for name, text in texts.items()}
    frame = raw.frame.iloc[1:].rename(columns=names).reset_index(drop=True)
    return replace(raw, frame=frame, first_row=raw.first_row + 1)


def reading(    raw: RawTable, columns: Mapping[str, Column], mapping: Mapping[str, str],
    units: Mapping[str, str], kind: str = "trees",
) -> dict[str, str]:  # fmt: skip
    """Canonical column → heading that stands for it."""
    found = headings.map_headings(list(raw.frame.columns), kind, columns, mapping)
    read = {
        (f"{hit.base}_{units[hit.base]}" if hit.base in units else _with_unit(name, units)): heading
        for name, (heading, hit) in found.items()
    }
    return {**read, **{_with_unit(name, units): heading for name, heading in mapping.items()}}


def corrected(
    raw: RawTable, known: Mapping[str, str], problems: Problems
) -> tuple[RawTable, list[dict[str, Any]]]:
    """A table with the suggested values in place, and what was changed."""
    frame, done = raw.frame.copy().astype(object), []
    for item in problems.items:
        heading = known.get(item.column) or known.get(_sibling(item.column, known))
        here = (item.file, item.sheet) == (raw.file, raw.sheet)
        if not item.fix or item.row is None or heading is None or not here:
            continue
        place = item.row - raw.first_row
        before = frame.iloc[place][heading]
        frame.iloc[place, list(frame.columns).index(heading)] = item.fix
        done.append({"file": raw.file, "sheet": raw.sheet, "row": item.row,
                     "column": item.column, "value": item.fix, "before": before})  # fmt: skip
    return replace(raw, frame=frame), done


def _sibling(column: str, known: Mapping[str, str]) -> str:
    """The column of another unit that a canonical column was made from."""
    for length in LENGTHS:
        if length.target == column and length.name in known:
            return length.name
    return column


def check_choices(
    raw: RawTable, columns: Mapping[str, Column], mapping: Mapping[str, str],
    units: Mapping[str, str],
) -> None:  # fmt: skip
    """Raise for mapped columns and units that there are not.

    Raises
    ------
    InventoryError
    """
    for name, heading in mapping.items():
        if name not in columns:
            raise failure(
                InventoryError, "map_unknown", name=name, heading=heading,
                allowed=", ".join(sorted(columns)),
            )  # fmt: skip
        if heading not in raw.frame.columns:
            raise failure(
                InventoryError, "map_missing", name=name, heading=heading, file=raw.file,
                columns=", ".join(map(str, raw.frame.columns)),
            )  # fmt: skip
    for quantity, unit in units.items():
        clash = [
            n for n in mapping if n.startswith(f"{quantity}_") and not n.endswith(("_cm", unit))
        ]
        if clash:
            raise failure(
                InventoryError, "map_against_unit", name=clash[0], heading=mapping[clash[0]],
                quantity=quantity, unit=unit,
            )  # fmt: skip
        if unit not in UNITS.get(quantity, ()):
            raise failure(
                InventoryError, "unit_unknown", quantity=quantity, unit=unit,
                allowed=", ".join(UNITS["dbh"]),
            )  # fmt: skip


def dead_or_alive(cell: object) -> str:
    """A cell of a column that is called dead."""
    return "dead" if str(cell).strip().casefold() in {"true", "1", "yes", "y", "ใช่", "ตาย"} else ""


def names(columns: tuple[Column, ...]) -> set[str]:
    """Names of some columns."""
    return {column.name for column in columns}


def _with_unit(name: str, units: Mapping[str, str]) -> str:
    """``dbh`` or ``dbh_cm`` under ``--unit dbh=mm`` is ``dbh_mm``."""
    for quantity, unit in units.items():
        if name == quantity or name in {f"{quantity}_{known}" for known in UNITS[quantity]}:
            return f"{quantity}_{unit}"
    return name


def typed(
    frame: pd.DataFrame, columns: Mapping[str, Column], raw: RawTable, problems: Problems
) -> pd.DataFrame:
    """Numbers as floats, texts stripped; a cell that is no number is a problem."""
    refused = np.full(len(frame), "", dtype=object)
    for place, code, value in rows.not_trees(frame, raw):
        problems.add(
            code, file=raw.file, sheet=raw.sheet, row=int(frame["row"].iloc[place]), value=value
        )
        refused[place] = code
    for position in np.flatnonzero(frame["row"].isin(list(raw.ragged))):
        row = int(frame["row"].iloc[position])
        problems.add(
            "too_many_cells", file=raw.file, sheet=raw.sheet, row=row, value=raw.ragged[row],
            heading=len(raw.frame.columns),
        )  # fmt: skip
        refused[position] = "too_many_cells"
    rai_cells.read_rai_cells(frame, raw, problems)
    for name in [n for n in frame.columns if n in columns]:
        if not columns[name].number:
            frame[name] = distinct.mapped(frame[name], str.strip)
            continue
        values, bad = numbers(frame[name])
        if frame[name].dtype.kind not in "biufc":
            words = frame[name][np.isnan(values)]
            missing = int(distinct.flags(words, _says_missing).sum())
            if missing:
                problems.add(
                    "cells_missing", file=raw.file, sheet=raw.sheet, column=name, value=missing
                )
        for cell in np.flatnonzero(bad & (refused == "")):
            place = int(cell)
            vital = columns[name].target in {"dbh_cm", "count"}
            text = str(frame[name].iloc[place]).strip()
            decimal = bool(_DECIMAL_COMMA.fullmatch(text))
            problems.add(
                "decimal_comma" if decimal else _NO_NUMBER.get(text[:1], "not_a_number"),
                file=raw.file,
                sheet=raw.sheet,
                row=int(frame["row"].iloc[place]),
                column=name,
                value=text,
                severity="error" if vital or name in PLOT_AREAS else "warning",
                fix=_meant(text, name),
            )
            if vital:
                refused[place] = "not_a_number"
        frame[name] = values
    frame["refused"] = refused
    for column in LENGTHS:
        if column.name in frame and column.name != column.target:
            other = frame.pop(column.name) * column.factor
            frame[column.target] = (
                frame[column.target].fillna(other) if column.target in frame else other
            )
    return frame


def plain_ids(
    frame: pd.DataFrame, names: tuple[str, ...], raw: RawTable, problems: Problems
) -> None:
    """Names of plots and trees in one spelling of digits and blanks, in place and said."""
    for name in names:
        if name not in frame:
            continue
        codes, known = distinct.coded(frame[name])
        plain = np.array([plain_id(str(text)) for text in known], dtype=object)
        changed = plain != known
        rows_changed = changed[codes]
        if changed.any() and "refused" in frame:
            rows_changed &= ~frame["refused"].isin(rows.NOT_TREES).to_numpy()
        if not rows_changed.any():
            continue
        first = int(np.flatnonzero(rows_changed)[0])
        problems.add(
            "id_respelt", file=raw.file, sheet=raw.sheet, column=name, value=known[codes[first]],
            plain=plain[codes[first]], count=int(rows_changed.sum()),
        )  # fmt: skip
        frame[name] = plain[codes]


def _says_missing(text: str) -> bool:
    """Whether a cell is a word for nothing."""
    return text.strip().casefold() in MISSING_WORDS


def _meant(text: str, column: str) -> str:
    """The number that a text was meant to be; empty where that is not clear."""
    if _DECIMAL_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        return f"{float(text.replace(',', '.')):g}"
    return headings.number_with_unit(text, column)


def numbers(
    column: pd.Series[Any],
) -> tuple[Floats, Bools]:
    """Floats, and which cells hold something that is none (Thai digits are read)."""
    if distinct.is_text(column):
        codes, known = distinct.coded(column)
        figures, wrong = numbers(pd.Series(known, dtype=object))
        return figures[codes], wrong[codes]
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    found = np.where(np.isfinite(found), found, np.nan)
    bad = np.isnan(found) & column.notna().to_numpy()
    for position in np.flatnonzero(bad):
        text = str(column.iloc[position]).strip()
        if not text or text.casefold() in MISSING_WORDS:
            bad[position] = False
            continue
        try:
            value = float(text)  # reads the digits of every script
        except ValueError:
            continue
        if np.isfinite(value):
            found[position], bad[position] = value, False
    return found, bad


def note(topic: str, assumption: str, value: str, source: str = "as read") -> dict[str, str]:
    """What was assumed in reading; becomes a row of the assumptions."""
    return {"topic": topic, "assumption": assumption, "value": value, "source": source}


def era_note(count: int) -> dict[str, str]:
    """What is said of dates in another calendar or order."""
    return note(
        "date", f"{count} dates read as day, month, year or as Buddhist Era, and written as "
        "year-month-day", "CE = BE - 543", "calendar",
    )  # fmt: skip


def to_common_era(trees: pd.DataFrame, notes: list[dict[str, str]]) -> None:
    """Buddhist Era to Common Era, in years and in dates."""
    if "date" in trees:
        days, changed = distinct.texts(trees["date"]), distinct.mapped(trees["date"], common_era)
        count = int((changed != days).sum())
        if count:
            trees["date"] = changed
            notes.append(era_note(count))
    if "planting_year" not in trees:
        return
    buddhist = trees["planting_year"] > OLDEST_BUDDHIST_YEAR
    if buddhist.any():
        trees.loc[buddhist, "planting_year"] -= BUDDHIST_ERA
        notes.append(
            note(
                "planting year",
                f"{buddhist.sum()} years above {OLDEST_BUDDHIST_YEAR} read as "
                f"Buddhist Era and lowered by {BUDDHIST_ERA}",
                "CE = BE - 543",
                "calendar",
            )
        )
