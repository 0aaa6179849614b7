"""The land: document, area, boundary, zone, permission, cut-off date, acceptance."""

from __future__ import annotations

from typing import Any

from rubbercarbon.columns import M2_PER_HA, M2_PER_NGAN, M2_PER_RAI
from rubbercarbon.report_blocks import Paragraph, Section, Table
from rubbercarbon.report_findings import accepted, any_unsourced
from rubbercarbon.report_sections.interface import fact_rows, missing, section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import M2_PER_WA, Words, number

PLACE = 30
DOSSIER = "site.json: land"


def build(source: ReportSource, words: Words) -> Section | None:
    """What the dossier says of the land; what it does not say is unknown."""
    if not source.site:
        return None if source.has("summary") or source.many else section(
            words, "land", missing(words, "no_dossier"))  # fmt: skip
    land = source.group("land")
    facts = fact_rows(
        words, DOSSIER,
        ("land_document", words.value("document", land.get("document"))),
        ("land_area", words.area(_hectares(land))),
        ("land_zone", words.value("zone", land.get("zone"))),
        ("land_permission", words.value("answer", land.get("permission"))),
        ("land_permission_note", words.or_unknown(land.get("permission_note"))),
        ("land_polygon", words.or_unknown(land.get("polygon"))),
        ("land_deforested", words.value("answer", land.get("deforested_after_2020"))),
    )  # fmt: skip
    note = Paragraph(words.text("finding_acceptance_unsourced"), "warning")
    return section(
        words, "land", facts, _acceptance(source, words), note if any_unsourced(land) else None
    )


def _hectares(land: dict[str, Any]) -> float | None:
    parts = [(number(land.get(f"area_{unit}")), m2) for unit, m2 in
             (("rai", M2_PER_RAI), ("ngan", M2_PER_NGAN), ("wa", M2_PER_WA))]  # fmt: skip
    if all(part is None for part, _ in parts):
        return None
    return sum((part or 0.0) * m2 for part, m2 in parts) / M2_PER_HA


def _acceptance(source: ReportSource, words: Words) -> Table | None:
    """Whether each programme accepts the document."""
    land = source.group("land")
    names = [str(name) for name in source.table("programmes").get("programme", [])]
    names += [name for name in land.get("acceptance") or {} if name not in names]
    if not names:
        return None
    basis = words.or_unknown(land.get("acceptance_source"))
    rows = tuple((name, words.value("answer", accepted(land, name)), basis) for name in names)
    columns = (words.column("programme"), words.column("accepted"), words.column("source"))
    return Table("acceptance", words.text("caption_acceptance"), columns, rows,
                 words.text("from_table", file=DOSSIER))  # fmt: skip
