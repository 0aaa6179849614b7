"""Canonical column names of the tables that come in, with the units they may carry."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from dataclasses import dataclass

RUBBER = "Hevea brasiliensis"
M2_PER_RAI = 1600.0
M2_PER_NGAN = 400.0
M2_PER_WA = 4.0
M2_PER_HA = 10_000.0
RAI_PER_HA = M2_PER_HA / M2_PER_RAI
BUDDHIST_ERA = 543
THAILAND = ((5.5, 20.6), (97.3, 105.7))  # latitudes and longitudes
OLDEST_BUDDHIST_YEAR = 2400


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``number`` or text, and what it is multiplied by to become its target."""

    name: str
    number: bool
    target: str
    factor: float = 1.0


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, False, name) for name in names)


def _numbers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, True, name) for name in names)


DIAMETERS = (
    Column("dbh_cm", True, "dbh_cm"),
    Column("dbh_mm", True, "dbh_cm", 0.1),
    Column("dbh_m", True, "dbh_cm", 100.0),
    Column("girth_cm", True, "dbh_cm", 1.0 / math.pi),
    Column("girth_mm", True, "dbh_cm", 0.1 / math.pi),
    Column("girth_m", True, "dbh_cm", 100.0 / math.pi),
    Column("dbh_in", True, "dbh_cm", 2.54),
    Column("girth_in", True, "dbh_cm", 2.54 / math.pi),
)
LENGTHS = (
    Column("height_m", True, "height_m"),
    Column("height_cm", True, "height_m", 0.01),
    Column("height_ft", True, "height_m", 0.3048),
    Column("pom_m", True, "pom_m"),
    Column("pom_cm", True, "pom_m", 0.01),
    Column("wood_density_g_cm3", True, "wood_density_g_cm3"),
    Column("wood_density_kg_m3", True, "wood_density_g_cm3", 0.001),
)
AREAS = (
    Column("area_ha", True, "area_ha"),
    Column("area_m2", True, "area_ha", 1.0 / M2_PER_HA),
    Column("area_rai", True, "area_ha", M2_PER_RAI / M2_PER_HA),
    Column("area_ngan", True, "area_ha", M2_PER_NGAN / M2_PER_HA),
    Column("area_wa", True, "area_ha", M2_PER_WA / M2_PER_HA),
)
CARRIED = ("system", "stratum", "spacing", "land_document", "locality", "zone", "plot_selection",
           "boundary", "operator")  # fmt: skip
TREE_COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        *_texts("plot_id", "plot_area", "tree_id", "stem_id", "species", "clone", "height_method",
                "wood_density_basis", "growth_form", "status", "date", "surveyor", "note",
                "site_id", "genus", "family", "census", *CARRIED),
        *DIAMETERS,
        *LENGTHS,
        *_numbers("wood_density_sd_g_cm3", "crown_diameter_m", "count", "volume_m3",
                  "planting_year", "age_years", "x_m", "y_m", "plot_area_ha", "plot_area_m2",
                  "plot_area_rai", "plot_area_ngan", "plot_area_wa", "latitude", "longitude"),
    )
}  # fmt: skip
PLOT_COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        *_texts("plot_id", "site_id", "stratum", "area", "system", "spacing", "plot_selection",
                "locality", "boundary", "land_document", "operator",
                "operator_type", "zone", "note", "date", "clone"),
        *AREAS,
        *_numbers("stratum_area_ha", "subplot_area_m2", "min_dbh_cm", "slope_percent", "latitude",
                  "longitude", "planting_year"),
    )
}  # fmt: skip
SITE_COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        *_texts("site_id", "name", "operator", "operator_type", "new_generation_farmer",
                "land_document", "agro_ecological_zone", "province", "area", "site", "inventory",
                "plots", "run", "programme", "credit", "note"),
        *AREAS,
        *_numbers("latitude", "longitude"),
    )
}  # fmt: skip
UNITS = {"dbh": ("cm", "mm", "m"), "girth": ("cm", "mm", "m")}

STATUSES = {
    "": "alive", "alive": "alive", "live": "alive", "a": "alive", "มีชีวิต": "alive",
    "ยืนต้น": "alive", "dead": "dead", "d": "dead", "ตาย": "dead", "ต้นตาย": "dead",
    "cut": "cut", "felled": "cut", "ตัด": "cut", "ถูกตัด": "cut", "missing": "missing",
    "lost": "missing", "หาย": "missing", "not_yet": "not_yet", "too_small": "not_yet",
    "มีชีวิตอยู่": "alive", "ปกติ": "alive", "เป็น": "alive", "hidup": "alive", "mati": "dead",
    "ยืนต้นตาย": "dead", "ยืนตาย": "dead", "ตัดแล้ว": "cut", "โค่น": "cut", "ล้ม": "dead",
    "ditebang": "cut", "hilang": "missing", "สูญหาย": "missing", "ไม่พบ": "missing",
    "ยังไม่ถึงเกณฑ์": "not_yet",
}  # fmt: skip
GONE = frozenset(STATUSES.values()) - {"alive"}


CLONES = (
    "RRIM 600", "RRIT 251", "RRIT 226", "RRIT 408", "RRIT 3904", "BPM 24", "BPM 1", "PB 235",
    "PB 255", "PB 260", "PR 255", "PR 261", "RRIC 110", "GT 1", "AVROS 2037", "RRII 105",
    "RRII 118", "RRII 203", "JVP 80", "PB 217", "PB 311", "SEEDLING",
)  # fmt: skip
_CLONE_WORDS = {
    "อาร์อาร์ไอเอ็ม": "RRIM", "อาร์อาร์ไอที": "RRIT", "สถาบันวิจัยยาง": "RRIT", "บีพีเอ็ม": "BPM",
    "พีบี": "PB", "พีอาร์": "PR", "จีที": "GT", "เจวีพี": "JVP",
}  # fmt: skip
_SEEDLING = ("พันธุ์พื้นเมือง", "พื้นเมือง", "เพาะเมล็ด", "seedling", "seedlings")


def clone_name(text: str) -> str:
    """A clone in its usual spelling, as far as letters and number can be told apart.

    Examples
    --------
    >>> clone_name("rrim600"), clone_name("สถาบันวิจัยยาง 251"), clone_name("PB-235")
    ('RRIM 600', 'RRIT 251', 'PB 235')
    >>> clone_name("600"), clone_name("255")  # two clones end in 255
    ('RRIM 600', '255')
    """
    plain = " ".join(text.replace("-", " ").replace(".", " ").replace("_", " ").split())
    if plain.casefold() in _SEEDLING:
        return "SEEDLING"
    for thai, latin in _CLONE_WORDS.items():
        plain = plain.replace(thai, f"{latin} ")
    plain = plain.strip()
    match = re.fullmatch(r"([A-Za-z]+)\s*(\d+)", plain)
    if match:
        return f"{match.group(1).upper()} {int(match.group(2))}"
    if plain.isdecimal() and len(plain) == 3:  # the number alone, where one clone bears it
        bearers = [name for name in CLONES if name.split()[-1] == str(int(plain))]
        return bearers[0] if len(bearers) == 1 else plain
    return plain.upper()


_DAY_FIRST = re.compile(r"(\d{1,2})[/.\- ](\d{1,2}|[^\d\s/.\-]+)[/.\- ](\d{2,4})(?:[ T].*)?")
_YEAR_FIRST = re.compile(r"(\d{4})[/.\-]?(\d{2})[/.\-]?(\d{2})(?:[ T].*)?")
_MONTHS = {
    month: number
    for number, names in enumerate(
        ("มค มกราคม jan", "กพ กุมภาพันธ์ feb", "มีค มีนาคม mar", "เมย เมษายน apr", "พค พฤษภาคม may",
         "มิย มิถุนายน jun", "กค กรกฎาคม jul", "สค สิงหาคม aug", "กย กันยายน sep", "ตค ตุลาคม oct",
         "พย พฤศจิกายน nov", "ธค ธันวาคม dec"), start=1,
    )
    for month in names.split()
}  # fmt: skip


def common_era(text: str) -> str:
    """A date as year-month-day of the Common Era; the text as it is where it is none.

    Examples
    --------
    >>> common_era("15/3/2567"), common_era("2567-03-15"), common_era("15 มี.ค. 67")
    ('2024-03-15', '2024-03-15', '2024-03-15')
    """
    plain = text.strip()
    match = _YEAR_FIRST.fullmatch(plain)
    if match:
        year, month, day = (int(part) for part in match.groups())
    else:
        plain = re.sub(r"([ก-๙A-Za-z])\.", r"\1", plain)
        match = _DAY_FIRST.fullmatch(plain)
        if not match:
            return text
        day, year = int(match.group(1)), int(match.group(3))
        word = match.group(2)
        month = int(word) if word.isdecimal() else _MONTHS.get(word.casefold()[:12], 0)
        if not word.isdecimal() and not month:
            month = _MONTHS.get(word.casefold()[:3], 0)
        if year < 100:
            year += 2500
    if year > OLDEST_BUDDHIST_YEAR:
        year -= BUDDHIST_ERA
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return text


def both_eras(year: float) -> dict[str, str]:
    """A year of the Common Era for a message, and the same in the Buddhist Era."""
    return {"value": f"{year:g}", "buddhist": f"{year + BUDDHIST_ERA:g}"}


def in_thailand(latitude: float, longitude: float) -> bool:
    """Whether a point lies in the box around Thailand [degrees]."""
    (south, north), (west, east) = THAILAND
    return south <= latitude <= north and west <= longitude <= east


def rai_text(area_ha: float) -> str:
    """An area as rai-ngan-wa, to a tenth of a square wa.

    Examples
    --------
    >>> rai_text(1.07), rai_text(0.16)
    ('6-2-75', '1-0-0')
    """
    wa = round(area_ha * M2_PER_HA / M2_PER_WA, 1)
    rai, rest = divmod(wa, M2_PER_RAI / M2_PER_WA)
    ngan, rest = divmod(rest, M2_PER_NGAN / M2_PER_WA)
    return f"{rai:.0f}-{ngan:.0f}-{round(rest, 1):g}"


_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")


SARA_AM = ("\u0e4d\u0e32", "\u0e33")  # as two letters, as one


def plain_id(text: str) -> str:
    """Name of a plot or a tree with Arabic digits, single blanks and nothing invisible.

    Letters that can be written in several ways (é, ำ) are written in one.

    Examples
    --------
    >>> plain_id("แปลง ๑"), plain_id("A  7 ")
    ('แปลง 1', 'A 7')
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    one_spelling = unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).replace(*SARA_AM)
    digits = "".join(str(int(c)) if c.isdecimal() else c for c in one_spelling)
    return " ".join(digits.split())


def tidy(heading: object) -> str:
    """A heading in canonical spelling: lower case, blanks and hyphens as underscores."""
    return "_".join(str(heading).strip().lower().replace("-", " ").split())


_NUMBER = r"(\d+(?:\.\d+)?)"
_RAI_WORDS = re.compile(
    rf"(?:{_NUMBER}\s*ไร่)?\s*(?:{_NUMBER}\s*งาน)?"
    rf"\s*(?:{_NUMBER}\s*(?:ตารางวา|ตร\.?\s*ว\.?(?:า)?|วา))?"
)
_DAY = re.compile(r"(?:19|2[0-5])\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


STATUS_BEGINS = (
    ("ตัดแต่ง", "alive"), ("ตาย", "dead"), ("ยืนต้นตาย", "dead"), ("ตัด", "cut"),
    ("ถูกตัด", "cut"), ("โดนตัด", "cut"), ("โค่น", "cut"), ("หาย", "missing"), ("สูญ", "missing"),
)  # fmt: skip


def state_of(status: str) -> str:
    """State that a status stands for; ``unknown`` where it is none of ours."""
    text = status.strip().lower()
    if text in STATUSES:
        return STATUSES[text]
    return next((state for word, state in STATUS_BEGINS if text.startswith(word)), "unknown")


def rai_text_to_ha(text: str) -> float:
    """Area written as rai-ngan-wa, or in words [ha]; NaN when it is not of that form.

    Examples
    --------
    >>> round(rai_text_to_ha("6-2-75"), 4)
    1.07
    """
    if _DAY.fullmatch(text.strip()):  # what a spreadsheet makes of 1-2-50
        return math.nan
    words = _RAI_WORDS.fullmatch(text.strip())
    if words and any(words.groups()):
        rai, ngan, wa = (float(part or 0) for part in words.groups())
    else:
        try:
            rai, ngan, wa = (float(part) for part in text.strip().split("-"))
        except ValueError:
            return math.nan
    if rai < 0 or not 0 <= ngan < 4 or not 0 <= wa < 100:
        return math.nan
    return (rai * M2_PER_RAI + ngan * M2_PER_NGAN + wa * M2_PER_WA) / M2_PER_HA
