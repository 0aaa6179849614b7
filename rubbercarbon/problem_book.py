"""The list of problems as a workbook, beside a copy of the sheet with the rows coloured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubbercarbon import messages
from rubbercarbon.provenance import write_csv

if TYPE_CHECKING:
    from rubbercarbon.inventory import Inventory
    from rubbercarbon.problems import Problems

COLOURS = {"error": "#F4B6B0", "warning": "#FFE699", "note": "#DDEBF7"}
RANK = {"error": 0, "warning": 1, "note": 2}
MOST_ROWS = 100_000
WIDTHS = (22, 14, 6, 18, 14, 18, 10, 60, 50, 16)
NAMES = {"trees": "trees", "problems": "problems"}


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
        Whose sheet is copied and coloured.

    Returns
    -------
    list of str
        Names of the files.
    """
    import xlsxwriter  # noqa: PLC0415  (slow import)

    frame = problems.frame(language)
    write_csv(frame, folder / "problems.csv")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
               "nan_inf_to_errors": True}  # fmt: skip
    with xlsxwriter.Workbook(str(folder / "problems.xlsx"), options) as book:
        formats = {
            name: book.add_format({"bg_color": colour, "text_wrap": True, "valign": "top"})
            for name, colour in COLOURS.items()
        }
        bold = book.add_format({"bold": True, "bottom": 1})
        sheet = book.add_worksheet(messages.text("book", "problems", language))
        for k, name in enumerate(frame.columns):
            sheet.write_string(0, k, messages.text("book", name, language), bold)
            sheet.set_column(k, k, WIDTHS[k])
        order = frame["severity"].map(RANK).sort_values(kind="stable").index[:MOST_ROWS]
        for line, index in enumerate(order, start=1):
            row = frame.loc[index]
            for k, name in enumerate(frame.columns):
                _write(sheet, line, k, row[name], formats[str(row["severity"])])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(order), 1), len(frame.columns) - 1)
        if inventory is not None and inventory.raw is not None:
            _copy(book, inventory, problems, language, formats, bold)
    return ["problems.csv", "problems.xlsx"]


def _copy(
    book: Any, inventory: Inventory, problems: Problems, language: str, formats: dict[str, Any],
    bold: Any,
) -> None:  # fmt: skip
    """The user's sheet with its row numbers kept, coloured, with the messages as comments."""
    raw = inventory.raw
    assert raw is not None
    sheet = book.add_worksheet(messages.text("book", "trees", language))
    headings = [str(name) for name in raw.frame.columns]
    top = raw.first_row - 2
    for k, heading in enumerate(headings):
        sheet.write_string(max(top, 0), k, heading, bold)
        sheet.set_column(k, k, 14)
    mine = [
        p for p in problems.items
        if p.row is not None and p.file == raw.file and p.sheet in {"", raw.sheet}
    ]  # fmt: skip
    worst: dict[int, str] = {}
    notes: dict[tuple[int, int], list[str]] = {}
    for item in mine:
        row = int(item.row or 0)
        if RANK[item.severity] < RANK.get(worst.get(row, ""), 9):
            worst[row] = item.severity
        heading = inventory.headings.get(item.column, "")
        column = headings.index(heading) if heading in headings else 0
        text = f"{item.message(language)}. {item.advice(language)}"
        notes.setdefault((row, column), []).append(text)
    for position, values in enumerate(raw.frame.head(MOST_ROWS).itertuples(index=False)):
        row = raw.first_row + position
        style = formats.get(worst.get(row, ""))
        for k, value in enumerate(values):
            _write(sheet, row - 1, k, value, style)
    for (row, column), texts in notes.items():
        sheet.write_comment(row - 1, column, "\n".join(texts), {"x_scale": 2.5, "y_scale": 1.5})
    sheet.freeze_panes(max(top, 0) + 1, 0)


def _write(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    """A cell; text stays text, whatever it begins with."""
    if value is None or str(value) in {"", "<NA>", "nan", "NaT"}:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        sheet.write_number(row, column, value, style)
    else:
        sheet.write_string(row, column, str(value), style)
