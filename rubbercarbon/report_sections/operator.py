"""Who works the land, and where it lies."""

from __future__ import annotations

from typing import Any

from rubbercarbon.report_blocks import NOTHING, Section
from rubbercarbon.report_sections.interface import fact_rows, missing, section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number

PLACE = 50


def build(source: ReportSource, words: Words) -> Section | None:
    """Operator, place and agro-ecological zone."""
    if not source.site:
        return None if source.has("summary") or source.many else section(
            words, "operator", missing(words, "no_dossier"))  # fmt: skip
    place, operator = source.group("site"), source.group("operator")
    who = fact_rows(
        words, "site.json: operator",
        ("operator_name", words.or_unknown(operator.get("name"))),
        ("operator_type", words.value("operator", operator.get("type"))),
        ("operator_new", words.value("answer", operator.get("new_generation_farmer"))),
    )  # fmt: skip
    where = fact_rows(
        words, "site.json: site",
        ("site_id", words.or_unknown(place.get("id"))),
        ("site", words.or_unknown(place.get("name"))),
        ("place", _place(place, words)),
        ("zone", words.or_unknown(place.get("agro_ecological_zone"))),
        ("coordinates", _coordinates(place, words)),
        ("elevation", words.amount(place.get("elevation_m"), "unit_m", 0)),
        ("rainfall", words.amount(place.get("rainfall_mm_yr"), "unit_mm", 0)),
    )  # fmt: skip
    return section(words, "operator", who, where)


def _place(place: dict[str, Any], words: Words) -> str:
    parts = [str(place.get(name) or "") for name in ("subdistrict", "district", "province")]
    return words.or_unknown(" · ".join(part for part in parts if part))


def _coordinates(place: dict[str, Any], words: Words) -> str:
    ends = number(place.get("latitude")), number(place.get("longitude"))
    if None in ends:
        return words.text("unknown")
    return ", ".join(f"{end:.6f}".rstrip("0").rstrip(".") if end is not None else NOTHING
                     for end in ends)  # fmt: skip
