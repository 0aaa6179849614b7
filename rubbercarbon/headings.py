"""Headings of field sheets → canonical columns with their units."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rubbercarbon.columns import AREAS, DIAMETERS, LENGTHS

FILE = Path(__file__).parent / "headings.toml"
_BREAKS = re.compile(r"<[^>]*>|\\n|\n|\r")
_BRACKETS = re.compile(r"[(\[{（]([^()\[\]{}（）]*)[)\]}）]")
_HEIGHT_OF_TAPE = re.compile(
    r"(?:ที่ระดับความสูง|ที่ความสูง|ที่ระดับ|ที่|ระดับความสูง|ระดับ|at|@)\s*(\d+(?:\.\d+)?)\s*"
    r"(เมตร|เซนติเมตร|ม\.?|m|cm|ซม\.?)?(?:\s|$)"
)
_THAI = re.compile("[\u0e00-\u0e7f]")
_NOISE = re.compile(r"[\s._\-*:/\\'\"#?]+")
# what each base column is called by unit; the first unit is taken where a heading has none
UNITS: dict[str, tuple[tuple[str, str], ...]] = {
    "girth": (("cm", "girth_cm"), ("mm", "girth_mm"), ("m", "girth_m"), ("in", "girth_in")),
    "dbh": (("cm", "dbh_cm"), ("mm", "dbh_mm"), ("m", "dbh_m"), ("in", "dbh_in")),
    "height": (("m", "height_m"), ("cm", "height_cm"), ("ft", "height_ft")),
    "pom": (("m", "pom_m"), ("cm", "pom_cm")),
    "wood_density": (("g_cm3", "wood_density_g_cm3"), ("kg_m3", "wood_density_kg_m3")),
    "wood_density_sd": (("g_cm3", "wood_density_sd_g_cm3"),),
    "crown_diameter": (("m", "crown_diameter_m"),),
    "age": (("year", "age_years"),),
    "x": (("m", "x_m"),),
    "y": (("m", "y_m"),),
    "volume": (("m3", "volume_m3"),),
    "plot_area": (("rai_ngan_wa", "plot_area"), ("rai", "plot_area_rai"), ("ha", "plot_area_ha"),
                  ("m2", "plot_area_m2"), ("ngan", "plot_area_ngan"), ("wa", "plot_area_wa")),
    "area": (("", "area"), ("rai_ngan_wa", "area"), ("rai", "area_rai"), ("ha", "area_ha"),
             ("m2", "area_m2"), ("ngan", "area_ngan"), ("wa", "area_wa")),
    "stratum_area": (("ha", "stratum_area_ha"),),
    "subplot_area": (("m2", "subplot_area_m2"),),
    "min_dbh": (("cm", "min_dbh_cm"),),
    "slope": (("percent", "slope_percent"),),
    **{name: tuple((unit, f"{name}_{unit}") for unit in ("kg", "g", "t"))
       for name in ("agb", "stem", "branch", "leaf", "bark", "bgb")},
}  # fmt: skip
PLAIN_UNITS = {"count": "stems", "age_years": "year", "planting_year": "year"}
INCH_SIGNS = ('"', "″", "”", "''")
FACTORS = {column.name: column.factor for column in (*DIAMETERS, *LENGTHS, *AREAS)}
UNIT_MATTERS = ("girth", "dbh")
# taken only with their unit: a bare area in a tree sheet, and parts of felled trees
CLEAR = ("plot_area", "stem", "branch", "leaf", "bark", "bgb")


@dataclass(frozen=True, slots=True)
class Found:
    """What a heading was taken for.

    Attributes
    ----------
    column : str
        Canonical column.
    base : str
        The same without its unit.
    unit : str
        As written, or empty.
    pom_m : float or None
        Height of the tape, where the heading says it.
    rank : int
        Place of the heading among those of its column; 0 for the canonical name.
    """

    column: str
    base: str
    unit: str
    pom_m: float | None = None
    rank: int = 0


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@functools.cache
def _units() -> dict[str, str]:
    return {key(text): unit for unit, texts in _table()["units"].items() for text in texts}


@functools.cache
def _aliases(kind: str) -> dict[str, tuple[str, int]]:
    """Key of a heading → base column and rank; the first claim holds."""
    found: dict[str, tuple[str, int]] = {}
    for base, texts in _table()[kind].items():
        found.setdefault(key(base), (base, 0))
        for rank, text in enumerate(texts, start=1):
            found.setdefault(key(text), (base, rank))
    return found


def clean(heading: object) -> str:
    """A heading as plain text: no breaks, no invisible characters, Thai in one spelling."""
    from allometry.names import normalise  # noqa: PLC0415

    return normalise(_BREAKS.sub(" ", str(heading)).replace("_", " "))


def key(text: object) -> str:
    """What is compared: no case, blanks or signs; Thai without any blanks."""
    plain = unicodedata.normalize("NFC", str(text)).casefold()
    words = _NOISE.sub(" ", plain).strip()
    return words.replace(" ", "") if _THAI.search(words) else words


def recognise(heading: object, kind: str, known: Iterable[str] = ()) -> Found | None:
    """The canonical column of a heading, or None.

    Parameters
    ----------
    heading : object
        As written.
    kind : {'trees', 'plots'}
    known : iterable of str
        Canonical columns, which stand for themselves.

    Returns
    -------
    Found or None

    Examples
    --------
    >>> recognise("เส้นรอบวงลำต้นที่ 1.30 ม. (ซม.) *", "trees")
    Found(column='girth_cm', base='girth', unit='cm', pom_m=1.3, rank=9)
    >>> recognise("ความสูง<br/>(เมตร)", "trees").column
    'height_m'
    """
    text = clean(heading)
    canonical = text.replace(" ", "_").replace("-", "_")
    if canonical in set(known):
        return Found(canonical, canonical, "", None, 0)
    pom, text = _tape(text)
    unit, text = _unit_of(text)
    aliases = _aliases(kind)
    for candidate in _candidates(text):
        if candidate in aliases:
            base, rank = aliases[candidate]
            return _column(base, unit, pom, rank)
    return None


def _candidates(text: str) -> list[str]:
    """Spellings to look up: the whole, and what follows the groups of a form."""
    options = [text, *(text.rsplit(sign, 1)[-1] for sign in ("/", "-", ":") if sign in text)]
    return [found for found in map(key, options) if found]


def _tape(text: str) -> tuple[float | None, str]:
    """Height of the tape in a heading, and the heading without it."""
    match = _HEIGHT_OF_TAPE.search(text)
    if not match:
        return None, text
    value = float(match.group(1))
    if (match.group(2) or "").startswith(("c", "ซ", "เซ")) or value > 10:
        value /= 100.0
    return value, (text[: match.start()] + " " + text[match.end() :]).strip()


def _unit_of(text: str) -> tuple[str, str]:
    """Unit in brackets or at the end of a heading, and the heading without it."""
    units = _units()
    unit = ""
    for content in _BRACKETS.findall(text):
        unit = unit or units.get(key(content), "")
    bare = _BRACKETS.sub(" ", text)
    bare = bare.replace("*", " ").strip()
    words = bare.split()
    if not unit and len(words) > 1 and key(words[-1]) in units:
        unit, bare = units[key(words[-1])], " ".join(words[:-1])
    if not bare:  # a heading all in brackets
        bare = text.strip("()[]{} ")
    return unit, bare


def _column(base: str, unit: str, pom: float | None, rank: int) -> Found | None:
    options = UNITS.get(base)
    if options is None:
        return Found(base, base, unit, None, rank)
    by_unit = dict(options)
    if unit and unit not in by_unit:
        return None
    if not unit and base in CLEAR:
        return None
    return Found(by_unit.get(unit, options[0][1]), base, unit, pom, rank)


def number_with_unit(text: str, column: str) -> str:
    """The number of a cell that names a unit, in the unit of its column; else empty.

    Examples
    --------
    >>> number_with_unit("65 ซม.", "girth_cm"), number_with_unit('24"', "girth_cm")
    ('65', '60.96')
    """
    match = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?)\s*([^\d\s].*)", text)
    if not match:
        return ""
    written = match.group(2).strip()
    unit = "in" if written in INCH_SIGNS else _units().get(key(written), "")
    if unit and (column.endswith(f"_{unit}") or unit == PLAIN_UNITS.get(column)):
        return f"{float(match.group(1)):g}"
    other = next((dict(o).get(unit) for o in UNITS.values() if column in dict(o).values()), None)
    if other not in FACTORS or column not in FACTORS:
        return ""
    return f"{float(match.group(1)) * FACTORS[other] / FACTORS[column]:g}"


def is_unit(text: str) -> bool:
    """Whether a text is the name of a unit and nothing else."""
    return key(text) in _units()


def score(headings: Sequence[object], kind: str, known: Iterable[str]) -> int:
    """How many columns a row of cells names, one for each distinct column."""
    columns = set(known)
    found = {
        hit.base for cell in headings if str(cell or "").strip()
        and (hit := recognise(cell, kind, columns)) is not None
    }  # fmt: skip
    return len(found)


def map_headings(
    headings: Sequence[str], kind: str, known: Iterable[str], taken: Mapping[str, str]
) -> dict[str, tuple[str, Found]]:
    """Canonical column → heading, for headings that are not spoken for.

    Where several headings stand for one column, the canonical name wins, then the alias that
    comes first in the table, then the first heading.
    """
    columns = list(known)
    best: dict[str, tuple[str, Found]] = {}
    for heading in headings:
        found = recognise(heading, kind, columns)
        if found is None or heading in taken.values() or found.column in taken:
            continue
        if found.column not in best or found.rank < best[found.column][1].rank:
            best[found.column] = (heading, found)
    return best
