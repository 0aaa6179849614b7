"""Make the fonts of the package from Sarabun's own files; see rubbercarbon/fonts/README.md.

    python benchmarks/make_fonts.py FOLDER

FOLDER holds ``Sarabun-Regular.ttf`` and ``Sarabun-Bold.ttf`` as Google Fonts gives them. PDF
writers set a letter apart whose mark is shifted up or down, and readers of the PDF then see the
syllable twice: tone marks over vowels therefore keep their drawn height (they were shifted by 3 to
46 thousandths of an em). woff2 needs the package brotli.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont

FONTS = Path(__file__).parents[1] / "rubbercarbon" / "fonts"
NAMES = ("Sarabun-Regular", "Sarabun-Bold")
VOWELS = ("uni0E31", "uni0E34", "uni0E35", "uni0E36", "uni0E37")  # mai han akat, sara i ... uee
TONES = ("uni0E48", "uni0E49", "uni0E4A", "uni0E4B", "uni0E4C")


def main() -> None:
    """Write TTF and woff2 of both weights."""
    source = Path(sys.argv[1])
    for name in NAMES:
        font = TTFont(source / f"{name}.ttf", recalcTimestamp=False)
        level_tones(font)
        font.save(FONTS / f"{name}.ttf")
        font.flavor = "woff2"
        font.save(FONTS / f"{name}.woff2")


def level_tones(font: Any) -> None:
    """Anchors of the vowels at the height of the tones' own: no shift remains."""
    for lookup in font["GPOS"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            inner = getattr(table, "ExtSubTable", table)
            if inner.LookupType == 6:
                _level(inner)


def _level(table: Any) -> None:
    tones = [
        (glyph, record.MarkAnchor)
        for glyph, record in zip(
            table.Mark1Coverage.glyphs, table.Mark1Array.MarkRecord, strict=True
        )
        if glyph.split(".")[0] in TONES and glyph.endswith(".small")
    ]
    if not tones:
        return
    height = tones[0][1].YCoordinate
    for _, anchor in tones:
        anchor.YCoordinate = height
    for glyph, record in zip(table.Mark2Coverage.glyphs, table.Mark2Array.Mark2Record, strict=True):
        for anchor in record.Mark2Anchor:
            if glyph.split(".")[0] in VOWELS and anchor is not None:
                anchor.YCoordinate = height


if __name__ == "__main__":
    main()
