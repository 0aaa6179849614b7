"""ForestGEO tables (ViewFullTable, stem tables): mm, many stems, statuses, NULL texts."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from rubbercarbon.formats.interface import RawTable

NOTHING = {"NULL", "NA", "\\N", ""}
STATUSES = {
    "alive": "alive", "a": "alive", "as": "alive", "ar": "alive", "d": "dead", "dead": "dead",
    "stem dead": "dead", "broken below": "missing", "missing": "missing", "m": "missing",
    "p": "not_yet", "g": "dead", "lost_stem": "missing",
}  # fmt: skip


def convert(tables: list[RawTable]) -> list[RawTable] | None:
    """Tables of ForestGEO in our columns; None for others."""
    for table in tables:
        names = {str(name).lower(): str(name) for name in table.frame.columns}
        if {"tag", "dbh", "status"} <= set(names) and (
            {"hom", "exactdate", "censusid", "stemtag"} & set(names)
        ):
            return [_convert(table, names)]
    return None


def _convert(table: RawTable, names: dict[str, str]) -> RawTable:
    text = table.frame.fillna("").astype(str).map(str.strip)
    text = text.mask(text.isin(NOTHING), "")

    def column(*wanted: str) -> pd.Series:
        for name in wanted:
            if name in names:
                return text[names[name]]
        return pd.Series("", index=text.index)

    latin = column("latin")
    joined = (column("genus") + " " + column("speciesname", "species")).str.strip()
    status = column("status").str.lower()
    frame = pd.DataFrame({
        "plot_id": column("plotname", "plot"),
        "tree_id": column("tag"),
        "stem_id": column("stemtag", "stemid"),
        "species": latin.where(latin != "", joined.where(joined != "", column("sp", "mnemonic"))),
        "dbh_mm": column("dbh"),
        "pom_m": column("hom"),
        "status": status.map(STATUSES).fillna(status),
        "date": column("exactdate", "date"),
        "x_m": column("px", "gx"),
        "y_m": column("py", "gy"),
        "census": column("plotcensusnumber", "censusid"),
    })  # fmt: skip
    frame = frame.loc[:, (frame != "").any()]
    return replace(table, frame=frame, dialect="forestgeo", places=())
