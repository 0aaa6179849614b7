"""The typeface of figures: the package's own Thai and Latin font, and letters that stay letters."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent / "fonts"
FAMILY = "Sarabun"
FILES = ("Sarabun-Regular.ttf", "Sarabun-Bold.ttf")


@contextlib.contextmanager
def typeface(**settings: object) -> Iterator[None]:
    """Figures made inside use the font; no name in them is read as mathematics.

    Parameters
    ----------
    **settings
        More of matplotlib's settings, with ``_`` for the dots in their names.
    """
    import matplotlib as mpl  # noqa: PLC0415  (slow import)
    from matplotlib import font_manager  # noqa: PLC0415

    known = {font.fname for font in font_manager.fontManager.ttflist}
    for name in FILES:
        if str(FOLDER / name) not in known:
            font_manager.fontManager.addfont(FOLDER / name)
    names = {name.replace(".", "_"): name for name in mpl.rcParams}
    chosen = {names[key]: value for key, value in settings.items()}
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcParams.update({
            "font.family": [FAMILY, "DejaVu Sans"], "text.parse_math": False,
            "axes.formatter.use_mathtext": False, **chosen,
        })  # fmt: skip
        # a letter that no font has is drawn as a box, or by the reader's fonts in SVG
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
