"""Reports as PDF through typst: a fixed template that reads the report as data."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rubbercarbon.errors import ReportError
from rubbercarbon.report_blocks import (
    LONGEST,
    LONGEST_PARAGRAPH,
    Facts,
    Figure,
    Paragraph,
    Report,
    Table,
    literal_colours,
    pieces,
    shortened,
    shown,
    visible,
)

SUFFIX = ".pdf"
FOLDER = Path(__file__).parent
FONTS = FOLDER.parent / "fonts"
BREAK = "\u200b"


def write(report: Report, path: Path) -> None:
    """Write the report as PDF.

    Raises
    ------
    ReportError
        When the extra ``pdf`` is not installed.
    """
    try:
        import typst  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ReportError(
            "PDF needs typst, which is not installed; run `pip install typst`, "
            "or write .html and print it."
        ) from error
    with tempfile.TemporaryDirectory(prefix="rubbercarbon-") as made:
        root = Path(made)
        shutil.copyfile(FOLDER / "report.typ", root / "report.typ")
        content = _content(report, root)
        (root / "report.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
        pdf = typst.compile(
            str(root / "report.typ"),
            root=str(root),
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
            format="pdf",
        )
    path.write_bytes(pdf)


def _content(report: Report, root: Path) -> dict[str, Any]:
    """What the template reads; figures become files beside it."""

    def words(text: str, longest: int = LONGEST) -> str:
        return BREAK.join(pieces(shortened(visible(text), report.language, longest)))

    def block(one: Any) -> dict[str, Any]:
        if isinstance(one, Paragraph):
            return {
                "block": "paragraph",
                "kind": one.kind,
                "text": words(one.text, LONGEST_PARAGRAPH),
            }
        if isinstance(one, Facts):
            rows = [[words(row.label), words(row.value), words(row.trace)] for row in one.rows]
            return {"block": "facts", "rows": rows}
        if isinstance(one, Table):
            return {
                "block": "table",
                "caption": words(one.caption),
                "heads": [words(column.label) for column in one.columns],
                "right": [column.kind == "number" for column in one.columns],
                "widths": _widths(one),
                "rows": [
                    [words(shown(*pair)) for pair in zip(row, one.columns, strict=True)]
                    for row in one.rows
                ],
                "note": words(one.note),
            }  # fmt: skip
        if isinstance(one, Figure):
            name = f"{one.id}.svg"
            (root / name).write_text(literal_colours(one.svg), encoding="utf-8")
            return {"block": "figure", "caption": words(one.caption), "alt": visible(one.alt),
                    "file": name}  # fmt: skip
        raise TypeError(f"no such block: {type(one).__name__}")

    return {
        "language": report.language,
        "title": words(report.title),
        "subtitle": words(report.subtitle),
        "status": words(report.status),
        "labels": {name: words(text) for name, text in report.labels.items()},
        "sections": [
            {"title": words(section.title), "blocks": [block(one) for one in section.blocks]}
            for section in report.sections
        ],
    }


def _widths(table: Table) -> list[float]:
    """Shares of the page's width by what the columns hold: no word cut, long texts wrapped."""
    shares = []
    for i, column in enumerate(table.columns):
        cells = [shown(row[i], column) for row in table.rows]
        mean = sum(min(len(cell), LONGEST) for cell in cells) / max(len(cells), 1)
        words = [part for cell in (*cells, column.label) for part in pieces(cell)]
        longest = max((len(word) for part in words for word in part.split()), default=0)
        most = 16.0 if column.kind == "number" else 40.0
        shares.append(min(max(mean, 1.15 * min(longest, 20) + 2.0, 6.0), most))
    return shares
