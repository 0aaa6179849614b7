"""ForestPlots.net exports: diameters in mm, values with a leading =, decimal census dates."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pandas as pd

from rubbercarbon.formats.interface import RawTable

MARKS = ({"plot code", "species"}, {"tag no", "tree id", "treeid", "tagno"})
DIAMETERS = ("d4", "d3", "d2", "d1", "d0")
MM_OF_A_TAPE_HEIGHT = 20.0  # above it a point of measurement is in mm
_EQUALS = re.compile(r'^="?(.*?)"?$')


def convert(tables: list[RawTable]) -> list[RawTable] | None:
    """Tables of ForestPlots.net in our columns; None for others."""
    for table in tables:
        names = {str(name).strip().lower(): str(name) for name in table.frame.columns}
        has_size = set(DIAMETERS) & set(names)
        if MARKS[0] <= set(names) and MARKS[1] & set(names) and has_size:
            return [_convert(table, names)]
    return None


def _convert(table: RawTable, names: dict[str, str]) -> RawTable:
    text = table.frame.fillna("").astype(str).map(_bare)

    def column(*wanted: str) -> pd.Series:
        for name in wanted:
            if name in names:
                return text[names[name]]
        return pd.Series("", index=text.index)

    dbh = pd.Series("", index=text.index)
    for name in DIAMETERS:
        dbh = dbh.where(dbh != "", column(name))
    dead = column("f1", "flag1") == "0"
    frame = pd.DataFrame({
        "plot_id": column("plot code"),
        "tree_id": column("tag no", "tagno", "tree id", "treeid"),
        "stem_id": column("stem id", "stemid") if column("stem group id").any() else "",
        "species": column("species"),
        "dbh_mm": dbh,
        "pom_m": column("pom", "dpom").map(_metres),
        "height_m": column("height"),
        "status": dead.map({True: "dead", False: ""}),
        "date": column("census date", "date").map(_day),
        "x_m": column("x"),
        "y_m": column("y"),
    })  # fmt: skip
    frame = frame.loc[:, (frame != "").any()]
    return replace(table, frame=frame, dialect="forestplots", places=())


def _bare(cell: str) -> str:
    """A cell without the = and quotes that keep a spreadsheet from changing it."""
    match = _EQUALS.match(cell.strip())
    return match.group(1).strip() if match else cell.strip()


def _metres(cell: str) -> str:
    try:
        value = float(cell)
    except ValueError:
        return cell
    return f"{value / 1000.0:g}" if value > MM_OF_A_TAPE_HEIGHT else f"{value:g}"


def _day(cell: str) -> str:
    """A decimal year as a date."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    year = int(value)
    if not 1800 < year < 2700:
        return cell
    start = dt.date(year, 1, 1)
    days = (dt.date(year + 1, 1, 1) - start).days
    return (start + dt.timedelta(days=round((value - year) * days))).isoformat()
