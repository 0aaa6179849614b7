"""Reports as a workbook for reviewers: the report on one sheet, then every full table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubbercarbon.report_blocks import Facts, Paragraph, Report, Table, standing, visible

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".xlsx"
MOST_ROWS = 100_000
LONGEST_CELL = 32_000  # Excel's limit is 32,767
TEXT_ONLY = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
             "nan_inf_to_errors": True, "constant_memory": True}  # fmt: skip
FIRST_WIDTHS = (38, 34, 34, 24, 24, 24, 16, 16, 16, 16, 16, 16)
PARAGRAPH_WIDTH = sum(FIRST_WIDTHS[:6])
LINE = 15.0  # height of a line in points


def write(report: Report, path: Path) -> None:
    """Write the report as .xlsx; texts stay texts, whatever they begin with."""
    import xlsxwriter  # noqa: PLC0415  (slow import)

    with xlsxwriter.Workbook(str(path), TEXT_ONLY) as book:
        styles = _Styles(book)
        _report_sheet(book.add_worksheet(report.labels["report_sheet"]), report, styles)
        _inputs_sheet(book.add_worksheet(report.labels["inputs_sheet"]), report, styles)
        for name, table in report.tables.items():
            _table_sheet(book.add_worksheet(_sheet_name(name, book)), table, styles, report)


class _Styles:
    """Cell formats, made once."""

    def __init__(self, book: Any) -> None:
        plain = {"valign": "top", "font_name": "Tahoma", "font_size": 10}
        self.title = book.add_format({**plain, "bold": True, "font_size": 16})
        self.section = book.add_format({**plain, "bold": True, "font_size": 13, "bottom": 2})
        self.caption = book.add_format({**plain, "bold": True})
        self.head = book.add_format({**plain, "bold": True, "bottom": 1, "text_wrap": True})
        self.label = book.add_format({**plain, "bold": True, "text_wrap": True})
        self.text = book.add_format({**plain, "text_wrap": True})
        self.short = book.add_format(plain)
        self.warning = book.add_format({**plain, "text_wrap": True, "bg_color": "#FFE699"})
        self.note = book.add_format({**plain, "font_color": "#595959"})
        self.quiet = book.add_format({**plain, "font_color": "#595959", "text_wrap": True})
        self.decimals = {
            n: book.add_format({**plain, "num_format": "#,##0" + ("." + "0" * n if n else "")})
            for n in range(7)
        }


def _sheet_name(name: str, book: Any) -> str:
    """A name that Excel takes: 31 letters, none of its marks, no name twice."""
    base = "".join("_" if letter in "[]:*?/\\'" else letter for letter in visible(name))[:28]
    taken = {sheet.get_name().casefold() for sheet in book.worksheets()}
    return next(
        one
        for one in (base, *(f"{base} {n}" for n in range(2, 99)))
        if one and one.casefold() not in taken
    )


def _cell(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, style)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, style)
    elif str(value) not in {"", "<NA>", "NaT"}:
        text = visible(str(value))
        sheet.write_string(row, column, text[:LONGEST_CELL], style)


def _report_sheet(sheet: Any, report: Report, styles: _Styles) -> None:
    """The report's own blocks, one below the other; figures are left to the other formats."""
    for k, width in enumerate(FIRST_WIDTHS):
        sheet.set_column(k, k, width)
    sheet.hide_gridlines(2)
    sheet.set_row(0, 1.8 * LINE)
    _cell(sheet, 0, 0, report.title, styles.title)
    _cell(sheet, 1, 0, report.subtitle, styles.short)
    _cell(sheet, 2, 0, f"{report.labels['status']}: {report.status}", styles.section)
    line = 4
    for section in report.sections:
        _cell(sheet, line, 0, section.title, styles.section)
        line += 1
        for block in section.blocks:
            line = _block(sheet, line, block, styles)
        line += 1
    sheet.freeze_panes(3, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _block(sheet: Any, line: int, block: Any, styles: _Styles) -> int:
    if isinstance(block, Paragraph):
        style = styles.warning if block.kind == "warning" else styles.text
        text = visible(block.text)[:LONGEST_CELL]
        sheet.merge_range(line, 0, line, 5, "", style)
        sheet.write_string(line, 0, text, style)
        sheet.set_row(line, _height([text], [PARAGRAPH_WIDTH]))
        return line + 1
    if isinstance(block, Facts):
        for fact in block.rows:
            sheet.set_row(line, _height([fact.label, fact.value, fact.trace], FIRST_WIDTHS))
            _cell(sheet, line, 0, fact.label, styles.label)
            _cell(sheet, line, 1, fact.value, styles.text)
            _cell(sheet, line, 2, fact.trace, styles.quiet)
            line += 1
    if isinstance(block, Table):
        _cell(sheet, line, 0, block.caption, styles.caption)
        line += 1
        sheet.set_row(line, _height([column.label for column in block.columns], FIRST_WIDTHS))
        for k, column in enumerate(block.columns):
            _cell(sheet, line, k, column.label, styles.head)
        line += 1
        for row in block.rows:
            sheet.set_row(line, _height([value for value in row if isinstance(value, str)],
                                        [w for w, v in zip(FIRST_WIDTHS, row, strict=False)
                                         if isinstance(v, str)]))  # fmt: skip
            for k, (value, column) in enumerate(zip(row, block.columns, strict=True)):
                number = column.kind == "number"
                style = styles.decimals[min(column.decimals, 6)] if number else styles.text
                _cell(sheet, line, k, value, style)
            line += 1
        _cell(sheet, line, 0, block.note, styles.note)
        line += 1
    return line + 1


def _height(texts: Sequence[str], widths: Sequence[float]) -> float:
    """Height of a row whose texts are wrapped: writers of .xlsx leave that to be guessed."""
    lines = [
        part.count("\n") + math.ceil(len(standing(part)) / width)
        for part, width in zip(texts, widths, strict=False)
    ]
    return LINE * min(max([1, *lines]), 20)


def _inputs_sheet(sheet: Any, report: Report, styles: _Styles) -> None:
    """The run's record, one key per row."""
    for k, width in enumerate((40, 80)):
        sheet.set_column(k, k, width)
    for k, key in enumerate(("what", "value")):
        _cell(sheet, 0, k, report.labels[key], styles.head)
    for line, (key, value) in enumerate(_flat(report.record), start=1):
        _cell(sheet, line, 0, key, styles.short)
        _cell(sheet, line, 1, value, styles.text)
    sheet.freeze_panes(1, 0)


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Nested values as dotted keys."""
    if isinstance(value, dict) and value:
        parts = [(f"{key}.{name}" if key else str(name), one) for name, one in value.items()]
    elif isinstance(value, list) and value:
        parts = [(f"{key}[{i}]", one) for i, one in enumerate(value)]
    else:
        return [(key, str(value) if isinstance(value, dict | list) else value)]
    return [pair for name, one in parts for pair in _flat(one, name)]


def _table_sheet(sheet: Any, table: pd.DataFrame, styles: _Styles, report: Report) -> None:
    """A full table under a frozen head; written row by row, as the writer keeps one row only."""
    shown = table.head(MOST_ROWS)
    looks = []
    for k, name in enumerate(shown.columns):
        column = shown[name]
        number = column.dtype.kind in "iuf"
        looks.append(_number_style(column, styles) if number else styles.short)
        longest = 10 if number else int(column.astype(str).str.len().head(200).max() or 0)
        sheet.set_column(k, k, min(max(longest, len(str(name)) * 0.9, 8), 60) + 1)
        _cell(sheet, 0, k, str(name), styles.head)
    sheet.freeze_panes(1, 0)
    if shown.empty:
        _cell(sheet, 1, 0, report.labels["empty"], styles.quiet)
        return
    columns = [shown[name].tolist() for name in shown.columns]
    for line, row in enumerate(zip(*columns, strict=True), start=1):
        for k, value in enumerate(row):
            _cell(sheet, line, k, value, looks[k])
    sheet.autofilter(0, 0, len(shown), len(shown.columns) - 1)
    if len(shown) < len(table):
        note = report.labels["cut"].format(shown=len(shown), rows=len(table))
        _cell(sheet, len(shown) + 1, 0, note, styles.warning)


def _number_style(column: pd.Series[Any], styles: _Styles) -> Any:
    """No decimals for whole numbers, three for small figures, two for the rest."""
    values = column.dropna()
    if values.empty or bool((values == values.round()).all()):
        return styles.decimals[0] if values.abs().max() >= 10_000 else styles.short
    return styles.decimals[4 if float(values.abs().max()) < 2.0 else 2]
