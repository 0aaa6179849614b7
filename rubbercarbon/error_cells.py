"""Cells that the reader leaves empty: errors (``#DIV/0!``), formulas of .ods without a result.

An .xls file does not tell a formula that was never computed from one whose result is empty.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

ErrorCells = dict[str, dict[tuple[int, int], str]]
MOST_REPEATED = 1000  # copies of one cell that are looked at
SHOWN = 80  # letters of a formula
NAMESPACES = {
    "office": "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}",
    "table": "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}",
    "calc": "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}",
}


def of_open_document(path: Path) -> ErrorCells:
    """Sheet → (row, column) from 0 → text of the error, of an .ods file."""
    from xml.etree import ElementTree as ET  # noqa: PLC0415  (in a limited process)

    table = NAMESPACES["table"]
    found: ErrorCells = {}
    sheet, row = "", 0
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as stream:
        for event, element in ET.iterparse(stream, ("start", "end")):  # noqa: S314
            if event == "start" and element.tag == f"{table}table":
                sheet, row = element.get(f"{table}name", ""), 0
            elif event == "end" and element.tag == f"{table}table-row":
                cells = _errors_of_row(element)
                again = int(element.get(f"{table}number-rows-repeated", "1"))
                for copy in range(min(again, MOST_REPEATED) if cells else 0):
                    places = {(row + copy, column): text for column, text in cells.items()}
                    found.setdefault(sheet, {}).update(places)
                row += again
                element.clear()
    return found


def _errors_of_row(row: Any) -> dict[int, str]:
    """Column → text of the error, or the formula."""
    table, calc, office = (NAMESPACES[name] for name in ("table", "calc", "office"))
    found: dict[int, str] = {}
    column = 0
    for cell in row:
        if cell.tag not in {f"{table}table-cell", f"{table}covered-table-cell"}:
            continue
        again = int(cell.get(f"{table}number-columns-repeated", "1"))
        if cell.get(f"{calc}value-type") == "error":
            text = "".join(cell.itertext()).strip()
            text = text if text.startswith("#") else f"#{text or 'ERROR'}"
            found |= {column + k: text for k in range(min(again, MOST_REPEATED))}
        elif (formula := cell.get(f"{table}formula")) and not (
            cell.get(f"{office}value-type") or "".join(cell.itertext()).strip()
        ):
            text = f"={formula.partition('=')[2]}"[:SHOWN]
            found |= {column + k: text for k in range(min(again, MOST_REPEATED))}
        column += again
    return found


def of_old_excel(path: Path) -> ErrorCells:
    """The same of an .xls file.

    Raises
    ------
    Exception
        Whatever a damaged file brings about.
    """
    import xlrd  # noqa: PLC0415  (slow import)

    found: ErrorCells = {}
    with xlrd.open_workbook(str(path), on_demand=True) as book:
        for name in book.sheet_names():
            sheet = book.sheet_by_name(name)
            for row in range(sheet.nrows):
                kinds = sheet.row_types(row)
                for column in range(len(kinds)):
                    if kinds[column] == xlrd.XL_CELL_ERROR:
                        code = sheet.cell_value(row, column)
                        text = xlrd.error_text_from_code.get(code, "#ERROR")
                        found.setdefault(name, {})[row, column] = text
            book.unload_sheet(name)
    return found
