"""Sheets for tests of the intake: written by hand, as workbooks, read back and compared."""

from __future__ import annotations

import zipfile

import pandas as pd
import pytest
import xlsxwriter
from planted import HEAD, clean

import rubbercarbon as rc


def ods(path, table):
    """An OpenDocument spreadsheet, by hand."""
    from xml.sax.saxutils import escape

    def cell(value):
        if str(value).startswith(("#", "Err:")):
            return ('<table:table-cell office:value-type="string" office:string-value="" '
                    f'calcext:value-type="error"><text:p>{escape(value)}</text:p></table:table-cell>')  # fmt: skip
        if str(value).startswith("="):  # never computed
            return f'<table:table-cell table:formula="of:{escape(value)}"/>'
        if isinstance(value, int | float):
            return (f'<table:table-cell office:value-type="float" office:value="{value}">'
                    f"<text:p>{value}</text:p></table:table-cell>")  # fmt: skip
        return ('<table:table-cell office:value-type="string">'
                f"<text:p>{escape(str(value))}</text:p></table:table-cell>")  # fmt: skip

    calc = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
    rows = [list(table.columns), *table.itertuples(index=False)]
    body = "".join(
        f"<table:table-row>{''.join(cell(v) for v in row)}</table:table-row>" for row in rows
    )
    name = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{name}:office:1.0" '
        f'xmlns:table="{name}:table:1.0" xmlns:text="{name}:text:1.0" xmlns:calcext="{calc}"><office:body><office:spreadsheet>'
        f'<table:table table:name="trees">{body}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:'
            'xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type='
            '"application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>',
        )
        archive.writestr("content.xml", content)


TREES = clean(60)


def thai(trees=TREES):
    return trees.rename(columns=HEAD)


def sizes(inventory):
    frame = inventory.trees.sort_values(["plot_id", "tree_id"])
    keys = ["plot_id", "tree_id", "species", "dbh_cm", "height_m", "pom_m", "state"]
    return frame[keys].reset_index(drop=True)


def same(inventory, reference=None):
    reference = reference or rc.read_inventory(TREES)
    pd.testing.assert_frame_equal(sizes(inventory), sizes(reference), check_dtype=False)
    assert (inventory.trees["refused"] == "").all()


def book(path, sheets):
    """A workbook of tables, with titles above where a sheet is a tuple (title rows, table)."""
    with xlsxwriter.Workbook(str(path)) as out:
        for name, table in sheets.items():
            sheet = out.add_worksheet(name)
            titles, body = table if isinstance(table, tuple) else ([], table)
            for line, text in enumerate(titles):
                sheet.write(line, 0, text)
            top = len(titles)
            sheet.write_row(top, 0, [str(c) for c in body.columns])
            for line, row in enumerate(body.itertuples(index=False), start=top + 1):
                for k, value in enumerate(row):
                    if not pd.isna(value):
                        sheet.write(line, k, value)


def found_in(trees, plots=None):
    inventory = rc.read_inventory(trees, plots)
    try:
        problems = rc.estimate_stocks(inventory).found_problems
    except rc.RubbercarbonError as error:
        problems = error.found_problems
    return inventory, problems


def refused(path):
    with pytest.raises(rc.RubbercarbonError) as caught:
        rc.read_inventory(path)
    assert len(caught.value.found_problems.items) == 1
    assert caught.value.found_problems.items[0].code == "file_unreadable"
    return str(caught.value)
