"""Reports as one HTML file that loads nothing: styles, fonts and figures are inside."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rubbercarbon.report_blocks import (
    FIGURE_COLOURS,
    LONGEST,
    LONGEST_PARAGRAPH,
    Report,
    pieces,
    shortened,
    shown,
    visible,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

SUFFIX = ".html"
FOLDER = Path(__file__).parent
FONTS = FOLDER.parent / "fonts"


def write(report: Report, path: Path) -> None:
    """Write the report as HTML."""
    page = _environment(report.language).get_template("report.html.jinja")
    html = page.render(report=report, style=_style(), labels=report.labels)
    path.write_text(html, encoding="utf-8", newline="\n")


def _environment(language: str) -> Environment:
    """Templates in which every value is text unless the template itself says otherwise."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup, escape  # noqa: PLC0415

    def words(text: object, longest: int = LONGEST) -> Markup:
        parts = pieces(shortened(visible(str(text)), language, longest))
        return Markup("<wbr>").join(escape(part) for part in parts)

    def drawing(svg: str) -> Markup:
        return Markup(svg)  # noqa: S704  (drawn by report_figures, which escapes its texts)

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(words=words, drawing=drawing)
    environment.globals.update(
        shown=shown, prose=LONGEST_PARAGRAPH, kind=lambda block: type(block).__name__
    )
    return environment


def _style() -> Markup:
    """The style sheet with colours for light and dark, and the two fonts."""
    from markupsafe import Markup  # noqa: PLC0415

    light, dark = (
        "".join(f"--{name}:{pair[side]};" for name, pair in FIGURE_COLOURS.items())
        for side in (0, 1)
    )
    faces = "".join(
        f"@font-face{{font-family:Sarabun;font-weight:{weight};src:url(data:font/woff2;base64,"
        f"{base64.b64encode((FONTS / name).read_bytes()).decode()}) format('woff2')}}\n"
        for weight, name in ((400, "Sarabun-Regular.woff2"), (700, "Sarabun-Bold.woff2"))
    )
    sheet = (FOLDER / "report.css").read_text(encoding="utf-8")
    sheet = re.sub(r"/\* light \*/", light, sheet)
    sheet = re.sub(r"/\* dark \*/", dark, sheet)
    return Markup(faces + sheet)  # noqa: S704  (files of the package only)
