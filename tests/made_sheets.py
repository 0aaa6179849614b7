"""Spreadsheets written by hand, cell by cell."""

import zipfile


def ods(path, table):
    """An OpenDocument spreadsheet, by hand."""
    from xml.sax.saxutils import escape

    def cell(value):
        if str(value).startswith(("#", "Err:")):
            return ('<table:table-cell office:value-type="string" office:string-value="" '
                    f'calcext:value-type="error"><text:p>{escape(value)}</text:p></table:table-cell>')  # fmt: skip
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
