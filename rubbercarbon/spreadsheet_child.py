"""Reads a spreadsheet in a process of its own, whose death harms nobody.

A file of 1.4 kB can make the reader ask for 512 GB and abort; so it runs with limits of memory and
time, after a look at what the file claims to hold. Prints JSON: sheets with their rows, or the
reason for refusing.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from rubbercarbon import error_cells
from rubbercarbon.error_cells import SHOWN, ErrorCells

MOST_BYTES = 400_000_000  # of all parts, unpacked
MOST_CELLS = 30_000_000  # of the rectangle that a sheet spans
MEMORY_BYTES = 3_000_000_000
CHUNK = 1 << 20
LONGEST_FORMULA = 10_000
_CELL = re.compile(rb"""\sr=["']([A-Z]{1,3})([0-9]{1,7})["']""")
# cells that the reader leaves empty: errors, and formulas that were never computed
_UNREAD = re.compile(
    rb"""<c\s[^>]*?\br=["']([A-Z]{1,3})([0-9]{1,7})["'][^>]*>"""
    rb"""\s*(?:<f[^>]*?(?:/>|>([^<]*)</f>))?\s*(?:<v>(\#[^<]{1,20})</v>|(?:<v\s*/>|<v></v>)?\s*</c>)"""
)
_SHEET = re.compile(r"""<sheet\s[^>]*?name=["']([^"']*)["'][^>]*?r:id=["']([^"']*)["']""")
_LINK = re.compile(r"<Relationship\s[^>]*>")
Unread = dict[str, dict[tuple[int, int], str]]


class RefusedError(Exception):
    """The file is not read; key and values of the text that says why."""

    def __init__(self, key: str, **values: object) -> None:
        self.why = (key, values)
        super().__init__(key)


def look(path: Path) -> Unread:
    """Refuse a packed file that unpacks to too much or spans too many cells.

    Returns the cells by part that hold an error or a formula without a result.
    """
    found: Unread = {}
    if not zipfile.is_zipfile(path):
        return found
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > MOST_BYTES:
            raise RefusedError(
                "why_large", size=f"{size / 1e6:,.0f}", most=f"{MOST_BYTES / 1e6:,.0f}"
            )
        for part in archive.infolist():
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                found[part.filename] = _span(archive, part.filename)
    return found


def _span(archive: zipfile.ZipFile, name: str) -> dict[tuple[int, int], str]:
    unread: dict[tuple[int, int], str] = {}
    rows = columns = unpacked = 0
    tail = b""
    with archive.open(name) as stream:
        while chunk := stream.read(CHUNK):
            unpacked += len(chunk)
            if unpacked > MOST_BYTES:
                raise RefusedError("why_liar")
            text = tail + chunk
            for letters, digits in _CELL.findall(text):
                rows, columns = max(rows, int(digits)), max(columns, _column(letters))
            for letters, digits, formula, error in _UNREAD.findall(text):
                if formula or error:
                    value = error or b"=" + formula
                    key = int(digits) - 1, _column(letters) - 1
                    unread[key] = html.unescape(value.decode("utf-8", "replace"))[:SHOWN]
            tail = text[-LONGEST_FORMULA:]
    if rows * columns > MOST_CELLS:
        raise RefusedError("why_span", rows=f"{rows:,}", columns=f"{columns:,}")
    return unread


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def parts(path: Path) -> dict[str, str]:
    """Name of each sheet → part of the archive that holds it; empty for other formats."""
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
            return {}
        links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    targets = {}
    for link in _LINK.findall(links):
        of = dict(re.findall(r"""(\w+)=["']([^"']*)["']""", link))
        target = of.get("Target", "").lstrip("/")
        targets[of.get("Id", "")] = target if target.startswith("xl/") else f"xl/{target}"
    return {html.unescape(name): targets.get(link, "") for name, link in _SHEET.findall(book)}


def plain(cell: object) -> object:
    """A cell as text, number or None."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return int(cell)
    if isinstance(cell, dt.datetime):
        midnight = cell.time() == dt.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, int | float | str):
        return cell
    return str(cell)


def unread_cells(path: Path) -> ErrorCells | None:
    """Cells that the reader leaves empty, by sheet; None where that cannot be found out."""
    by_part = look(path)
    if path.suffix.lower() == ".xls":
        find = error_cells.of_old_excel
    elif path.suffix.lower() == ".ods":
        find = error_cells.of_open_document
    else:
        return {name: by_part.get(part, {}) for name, part in parts(path).items()}
    try:
        return find(path)
    except Exception:  # noqa: BLE001  (the reader proper says what is wrong with the file)
        return None


def read(path: Path, unread: ErrorCells | None = None) -> list[dict[str, Any]]:
    """Sheets of a workbook with their rows; cells that the reader leaves empty as text."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    with CalamineWorkbook.from_path(str(path)) as book:
        sheets = []
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            rows = [[plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
            for (row, column), text in (unread or {}).get(name, {}).items():
                if row < len(rows) and column < len(rows[row]) and rows[row][column] is None:
                    rows[row][column] = text
            fill_merged(rows, getattr(sheet, "merged_cell_ranges", None) or [])
            sheets.append({"name": name, "rows": rows})
        return sheets


def fill_merged(rows: list[list[Any]], ranges: list[Any]) -> None:
    """Give cells merged down a column the value of the uppermost."""
    for (top, left), (bottom, right) in ranges:
        if left != right:
            continue
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if left < len(rows[row]) and rows[row][left] is None:
                rows[row][left] = rows[top][left]


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main(words: list[str]) -> int:
    """Read the file named on the command line."""
    _limit_memory()
    path = Path(words[0])
    try:
        unread = unread_cells(path)
        answer: dict[str, Any] = {"sheets": read(path, unread), "errors_known": unread is not None}
    except RefusedError as error:
        answer = {"refused": error.why}
    except MemoryError:
        answer = {"refused": ("why_memory", {})}
    except Exception as error:  # noqa: BLE001  (whatever a broken file brings about)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        answer = {"refused": ("why_damaged", {"reason": reason[:200]})}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
