"""The list of sites of a portfolio: one row per site, with the files that belong to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rubbercarbon import tables
from rubbercarbon.columns import SITE_COLUMNS, in_thailand
from rubbercarbon.errors import InventoryError, SiteError
from rubbercarbon.formats.interface import RawTable, read_tables
from rubbercarbon.headings import key
from rubbercarbon.plots import declared_area
from rubbercarbon.problems import Problems
from rubbercarbon.rows import TOTALS
from rubbercarbon.site_words import CODES, code_of, is_new_generation
from rubbercarbon.sites import Site, read_site
from rubbercarbon.tables import Source
from rubbercarbon.thresholds import threshold

FILES = ("site", "inventory", "plots", "run", "credit")
CODED = {
    "operator_type": "operator_type",
    "new_generation_farmer": "answer",
    "land_document": "land_document",
}
TEXTS = ("name", "operator", "agro_ecological_zone", "province", "programme")


@dataclass
class Portfolio:
    """Sites with what is known of them, and where their files are.

    Attributes
    ----------
    sites : pandas.DataFrame
        One row per site: ``number`` (S001 ... in the order of the list), ``row``, ``site_id``,
        ``name``, ``operator``, ``operator_type``, ``new_generation_farmer``, ``land_document``,
        ``agro_ecological_zone``, ``province``, ``latitude``, ``longitude`` [degrees],
        ``area_declared_ha``, ``programme`` and the files ``inventory``, ``plots``, ``run``,
        ``credit``.
    file : str
        Name of the list.
    digests : dict
        sha256 of each input by name.
    found_problems : Problems
        The list behind ``problems``.
    """

    sites: pd.DataFrame
    file: str
    digests: dict[str, str]
    found_problems: Problems = field(repr=False)

    @property
    def problems(self) -> pd.DataFrame:
        """What was wrong in the list itself, in English."""
        return self.found_problems.frame()


def read_portfolio(source: Source, *, folder: str | Path | None = None) -> Portfolio:
    """Read a list of sites.

    Parameters
    ----------
    source : str, Path, pandas.DataFrame or pyarrow.Table
        One row per site; columns as in ``docs/sites.md``, headings in Thai or English. Needed are
        ``site_id`` and either ``inventory`` (with ``plots``) or ``run``.
    folder : str or Path, optional
        Where relative paths begin; the list's own folder otherwise.

    Returns
    -------
    Portfolio

    Raises
    ------
    InventoryError
        When the list cannot be read or names no sites.

    Examples
    --------
    >>> import pandas as pd, rubbercarbon as rc
    >>> sites = pd.DataFrame({"site_id": ["A"], "เอกสารสิทธิ์": ["ส.ป.ก. 4-01"], "run": ["a"]})
    >>> rc.read_portfolio(sites).sites["land_document"].tolist()
    ['spk401']
    """
    problems = Problems()
    raw = tables.open_table(source, "sites", "sites")
    frame = tables.canonical(raw, SITE_COLUMNS, {}, {}, problems, kind="sites")
    if "site_id" not in frame:
        raise InventoryError(
            f"'{raw.file}' lacks the column site_id; its columns are: "
            f"{', '.join(map(str, raw.frame.columns))}."
        )
    if frame.empty:
        raise InventoryError(f"'{raw.file}' has a heading but no rows.")
    frame = tables.typed(frame, SITE_COLUMNS, raw, problems)
    for name in SITE_COLUMNS:
        if name not in frame:
            frame[name] = math.nan if SITE_COLUMNS[name].number else ""
    frame["area_declared_ha"] = declared_area(frame, raw, problems)
    frame = _named(frame, raw, problems)
    base = Path(folder) if folder is not None else _folder_of(source)
    for name in FILES:
        frame[name] = [_path(base, text) for text in frame[name]]
    _code(frame, raw, problems)
    for place in frame.index[frame["site"] != ""]:
        _fill(frame, place, raw, problems)
    _place(frame, raw, problems)
    frame["agro_ecological_zone"] = frame["agro_ecological_zone"].replace("", "unknown")
    frame = frame.reset_index(drop=True)
    width = max(3, len(str(len(frame))))
    frame.insert(0, "number", [f"S{k:0{width}d}" for k in range(1, len(frame) + 1)])
    kept = ["number", "row", "site_id", *TEXTS, *CODED, "latitude", "longitude",
            "area_declared_ha", *FILES]  # fmt: skip
    return Portfolio(frame[kept], raw.file, {raw.file: tables.digest(source)}, problems)


def read_zones(path: str | Path) -> list[str]:
    """Names of zones: lines of a text file, or the first column of a table with a heading.

    Raises
    ------
    InventoryError
        For a file without names.
    """
    file = Path(path)
    if file.suffix.lower() == ".txt":
        try:
            names = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InventoryError(f"'{file.name}' cannot be read as UTF-8 text: {error}.") from error
    else:
        names = [str(cell) for cell in read_tables(file)[0].frame.iloc[:, 0]]
    found = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not found:
        raise InventoryError(f"'{file.name}' names no zone; write one per line.")
    return found


def _folder_of(source: Source) -> Path:
    return Path(source).parent if isinstance(source, str | Path) else Path()


def _path(base: Path, text: str) -> str:
    """A path as written, from the list's folder; back-slashes of Windows are understood."""
    if not text:
        return ""
    path = base / text
    return str(path if path.exists() else base / text.replace("\\", "/"))


def _named(frame: pd.DataFrame, raw: RawTable, problems: Problems) -> pd.DataFrame:
    """Rows with an id of their own; totals, rows without id and repeated ids are listed."""
    seen: dict[str, int] = {}
    keep = []
    for place, (row, site) in enumerate(zip(frame["row"], frame["site_id"], strict=True)):
        where: dict[str, Any] = {"file": raw.file, "sheet": raw.sheet, "row": int(row)}
        if key(site) in TOTALS:
            problems.add("totals_row", column="site_id", value=site, **where)
        elif not site:
            problems.add("site_without_id", column="site_id", **where)
        elif site in seen:
            problems.add("site_repeated", column="site_id", value=site, other=seen[site], **where)
        else:
            seen[site] = int(row)
            keep.append(place)
    if not keep:
        raise InventoryError(f"'{raw.file}' names no site; see its column site_id.", problems)
    return frame.iloc[keep].reset_index(drop=True)


def _code(frame: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """Codes of the closed lists; a word that is not known is listed."""
    said = frame["operator_type"].map(is_new_generation) & (frame["new_generation_farmer"] == "")
    frame.loc[said, "new_generation_farmer"] = "yes"
    for name, kind in CODED.items():
        codes = []
        for row, text in zip(frame["row"], frame[name], strict=True):
            code = code_of(kind, text)
            if code is None:
                problems.add("site_word_unknown", file=raw.file, sheet=raw.sheet, row=int(row),
                             column=name, value=text, allowed=", ".join(CODES[kind]))  # fmt: skip
                code = "other" if "other" in CODES[kind] else "unknown"
            codes.append(code)
        frame[name] = codes


def _dossier(site: Site) -> dict[str, Any]:
    """What a dossier says of the columns of the list."""
    return {
        "name": site.site.name,
        "operator": site.operator.name,
        "agro_ecological_zone": site.site.agro_ecological_zone,
        "province": site.site.province,
        "operator_type": site.operator.type,
        "new_generation_farmer": site.operator.new_generation_farmer,
        "land_document": site.land.document,
        "latitude": site.site.latitude,
        "longitude": site.site.longitude,
        "area_declared_ha": site.land.area_ha,
    }


def _fill(frame: pd.DataFrame, place: Any, raw: RawTable, problems: Problems) -> None:
    """Empty cells of a row from its dossier; where both speak and differ, the list is used."""
    where: dict[str, Any] = {
        "file": raw.file, "sheet": raw.sheet, "row": int(frame.loc[place, "row"]),
    }  # fmt: skip
    try:
        site = read_site(frame.loc[place, "site"])
    except SiteError as error:
        name = Path(frame.loc[place, "site"]).name
        problems.add("site_dossier_unread", column="site", value=name, why=str(error), **where)
        return
    for name, value in _dossier(site).items():
        own = frame.loc[place, name]
        if value is None or value in {"", "unknown"}:
            continue
        if own in {"", "unknown"} or pd.isna(own):
            frame.loc[place, name] = value
        elif not _same(own, value):
            problems.add("site_conflict", column=name, value=own, other=value, **where)


def _same(own: object, other: object) -> bool:
    if isinstance(own, float) and isinstance(other, float):
        return math.isclose(own, other, rel_tol=threshold("area_conflict"))
    return str(own).strip() == str(other).strip()


def _place(frame: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """Coordinates in Thailand; swapped ones are put right, and listed."""
    for place in frame.index:
        latitude, longitude = (float(frame.loc[place, n]) for n in ("latitude", "longitude"))
        if math.isnan(latitude) and math.isnan(longitude):
            continue
        where: dict[str, Any] = {
            "file": raw.file, "sheet": raw.sheet, "row": int(frame.loc[place, "row"]),
            "column": "latitude", "value": f"{latitude:g}, {longitude:g}",
            "site": frame.loc[place, "site_id"],
        }  # fmt: skip
        if in_thailand(longitude, latitude) and not in_thailand(latitude, longitude):
            frame.loc[place, ["latitude", "longitude"]] = [longitude, latitude]
            problems.add("site_swapped", **where)
        elif not in_thailand(latitude, longitude):
            problems.add("site_outside", **where)
