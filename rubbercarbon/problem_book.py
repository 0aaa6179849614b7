"""The list of problems as a workbook, beside copies of the sheets with rows and cells coloured."""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubbercarbon import messages
from rubbercarbon.provenance import write_csv

if TYPE_CHECKING:
    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.inventory import Inventory
    from rubbercarbon.problems import Problem, Problems

ROW_COLOURS = {"error": "#FBE3E1", "warning": "#FFF6DB", "note": "#EEF4FB"}
CELL_COLOURS = {"error": "#E8837A", "warning": "#FFCF40", "note": "#A9C9EA"}
RANK = {"error": 0, "warning": 1, "note": 2}
MOST_ROWS = 100_000
# columns of the list, in the order of reading, and how wide they are
LIST = {
    "severity": 13, "sheet": 14, "row": 6, "cell": 7, "column": 20, "value": 16, "message": 52,
    "suggestion": 46, "suggested_value": 14, "code": 22, "file": 20,
}  # fmt: skip
WRAPPED = ("message", "suggestion", "column", "value", "sheet", "file")
LINE_HEIGHT = 16.0


def write_problems(
    problems: Problems, folder: Path, language: str, inventory: Inventory | None = None
) -> list[str]:
    """``problems.csv`` and ``problems.xlsx`` in a folder.

    Parameters
    ----------
    problems : Problems
    folder : Path
    language : str
    inventory : Inventory, optional
        Whose sheets are copied and coloured.

    Returns
    -------
    list of str
        Names of the files.
    """
    import xlsxwriter  # noqa: PLC0415  (slow import)

    write_csv(problems.frame(language), folder / "problems.csv")
    tables: dict[str, RawTable] = {}
    if inventory is not None:
        tables = {
            name: raw
            for name, raw in (("trees", inventory.raw), ("plots", inventory.plot_raw))
            if raw is not None
        }
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
               "nan_inf_to_errors": True}  # fmt: skip
    with xlsxwriter.Workbook(str(folder / "problems.xlsx"), options) as book:
        look = _formats(book)
        _list(book, problems, list(tables.values()), language, look)
        for name, raw in tables.items():
            _copy(book, messages.text("book", name, language), raw, problems, language, look)
    return ["problems.csv", "problems.xlsx"]


def _formats(book: Any) -> dict[str, Any]:
    """Cell formats: of a row, of the cell in question, of headings."""
    plain = {"text_wrap": True, "valign": "top"}
    rows = {name: book.add_format({"bg_color": c, **plain}) for name, c in ROW_COLOURS.items()}
    cells = {
        f"{name} cell": book.add_format({"bg_color": c, "bold": True, "border": 1, **plain})
        for name, c in CELL_COLOURS.items()
    }
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "vcenter"})
    return {**rows, **cells, "head": head}


def _list(
    book: Any, problems: Problems, tables: list[RawTable], language: str, look: dict[str, Any]
) -> None:
    """The list, what was refused first, each with the cell to go to."""
    sheet = book.add_worksheet(messages.text("book", "problems", language))
    for k, (name, width) in enumerate(LIST.items()):
        sheet.write_string(0, k, messages.text("book", name, language), look["head"])
        sheet.set_column(k, k, width)
    items = sorted(problems.sorted(), key=lambda item: RANK[item.severity])[:MOST_ROWS]
    for line, item in enumerate(items, start=1):
        texts = _texts(item, problems, tables, language)
        lines = max(math.ceil(_letters(str(texts[name])) / LIST[name]) for name in WRAPPED)
        sheet.set_row(line, LINE_HEIGHT * max(lines, 1))
        for k, name in enumerate(LIST):
            _write(sheet, line, k, texts[name], look[item.severity])
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(items), 1), len(LIST) - 1)
    _for_printing(sheet, 0)


def _texts(
    item: Problem, problems: Problems, tables: list[RawTable], language: str
) -> dict[str, Any]:
    """What the list says of a problem, by column."""
    heading = problems.headings.get((item.file, item.sheet), {}).get(item.column, item.column)
    return {
        "severity": messages.text("book", item.severity, language), "sheet": item.sheet,
        "row": item.row, "cell": _address(item, heading, tables), "column": _one_line(heading),
        "value": item.value, "message": item.message(language),
        "suggestion": item.advice(language), "suggested_value": item.fix, "code": item.code,
        "file": item.file,
    }  # fmt: skip


def _address(item: Problem, heading: str, tables: list[RawTable]) -> str:
    """The cell as a spreadsheet names it (``E12``); empty where it is not one cell."""
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415  (slow import)

    for raw in tables:
        if item.row is not None and (item.file, item.sheet) == (raw.file, raw.sheet):
            place = _place(raw, heading)
            if place is not None:
                return str(xl_rowcol_to_cell(item.row - 1, place))
    return ""


def _place(raw: RawTable, heading: str) -> int | None:
    """Column of a heading in the file, counted from 0."""
    headings = [str(name) for name in raw.frame.columns]
    return raw.column_place(headings.index(heading)) if heading in headings else None


def _copy(
    book: Any, name: str, raw: RawTable, problems: Problems, language: str, look: dict[str, Any]
) -> None:
    """A sheet with its rows and columns where they were, coloured, with messages as comments."""
    sheet = book.add_worksheet(name)
    top = max(raw.first_row - 2, 0)
    for k, heading in enumerate(map(str, raw.frame.columns)):
        place = raw.column_place(k)
        sheet.write_string(top, place, _one_line(heading), look["head"])
        sheet.set_column(place, place, min(max(len(heading), 10), 24))
    worst, notes, marked = _findings(raw, problems, language)
    rows = raw.frame.head(MOST_ROWS)
    for position, values in enumerate(rows.itertuples(index=False)):
        row = raw.first_row + position
        for k, value in enumerate(values):
            place = raw.column_place(k)
            style = marked.get((row, place), worst.get(row, ""))
            _write(sheet, max(row - 1, top + 1), place, value, look.get(style))
    for (row, place), texts in notes.items():
        size = {"x_scale": 2.5, "y_scale": max(1.0, 0.6 * len(texts))}
        sheet.write_comment(row - 1, place, "\n".join(texts), size)
    sheet.freeze_panes(top + 1, 0)
    _for_printing(sheet, top)


def _findings(
    raw: RawTable, problems: Problems, language: str
) -> tuple[dict[int, str], dict[tuple[int, int], list[str]], dict[tuple[int, int], str]]:
    """Worst severity of each row, messages of each cell, style of each cell in question."""
    worst: dict[int, str] = {}
    notes: dict[tuple[int, int], list[str]] = {}
    marked: dict[tuple[int, int], str] = {}
    named = problems.headings.get((raw.file, raw.sheet), {})
    for item in problems.items:
        if item.row is None or (item.file, item.sheet) != (raw.file, raw.sheet):
            continue
        if RANK[item.severity] < RANK.get(worst.get(item.row, ""), 9):
            worst[item.row] = item.severity
        place = _place(raw, named.get(item.column, item.column))
        key = (item.row, 0 if place is None else place)
        if place is not None:
            old = marked.get(key, "").removesuffix(" cell")
            if RANK[item.severity] < RANK.get(old, 9):
                marked[key] = f"{item.severity} cell"
        notes.setdefault(key, []).append(f"{item.message(language)}. {item.advice(language)}")
    return worst, notes, marked


def _for_printing(sheet: Any, heading: int) -> None:
    """One page wide, lying, with the heading on every page."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(heading)


def _letters(text: str) -> int:
    """Letters that take room; Thai vowels and tones above and below take none."""
    return sum(unicodedata.category(letter) != "Mn" for letter in text)


def _one_line(heading: str) -> str:
    return " ".join(heading.split())


def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    """A cell; text stays text, whatever it begins with."""
    if value is None or str(value) in {"", "<NA>", "nan", "NaT"}:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        sheet.write_number(row, column, value, style)
    else:
        sheet.write_string(row, column, str(value), style)
