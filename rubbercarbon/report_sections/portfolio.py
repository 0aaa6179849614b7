"""Many sites: each with its stock, the strata, and what has no demonstration site yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rubbercarbon.anonymity import WITHHELD
from rubbercarbon.report_blocks import Paragraph, Section, Table
from rubbercarbon.report_findings import has_credits
from rubbercarbon.report_sections.interface import (
    figure_of,
    make_table,
    plain,
    programme_title,
    section,
    text,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, rai

PLACE = 75
MOST = 600


def build(source: ReportSource, words: Words) -> Section | None:
    """Only where the run holds many sites."""
    if not source.has("sites"):
        return None
    return section(
        words, "portfolio", Paragraph(words.text("portfolio_note")), _strata(source, words),
        _coverage(source, words), _sites(source, words), _credits(source, words),
    )  # fmt: skip


def _sites(source: ReportSource, words: Words) -> Table:
    level = f"{100 * source.level:g}"
    return make_table(
        words, "sites", source.table("sites"),
        [
            (words.column("site"), _name),
            (words.column("zone"), lambda row: words.or_unknown(row["agro_ecological_zone"])),
            (words.column("document"), lambda row: words.value("document", row["land_document"])),
            (words.column("state"), lambda row: _state(row, words)),
            (words.column("land_rai", 1), lambda row: rai(row.get("area_ha"))),
            (words.column("co2e_t", 1), figure_of("co2e_t")),
            (words.column("low", 1, level=level), figure_of("co2e_t_low")),
            (words.column("high", 1, level=level), figure_of("co2e_t_high")),
            (words.column("co2e_t_rai", 1), figure_of("co2e_t_rai")),
        ],
        "sites.csv", most=MOST,
    )  # fmt: skip


def _state(row: dict[str, Any], words: Words) -> str:
    """How a site fared; of a failed one why: the sentence, or its kind without names."""
    state = words.value("site", row["status"])
    if row["status"] != "failed":
        return state
    reason, cause = plain(row.get("reason")), plain(row.get("cause"))
    if reason in {"", WITHHELD}:
        reason = words.value("cause", cause) if cause else words.text("reason_withheld")
    return f"{state}: {reason}"


def _credits(source: ReportSource, words: Words) -> Table | None:
    """Sites with a run of credits; every programme by its own rules, so that they are not added."""
    sites = source.table("sites")
    if not has_credits(source):
        return None
    return make_table(
        words, "site-credits", sites[sites["credit_status"] != ""],
        [
            (words.column("site"), _name),
            (words.column("programme"), lambda row: programme_title(row, words)),
            (words.column("status"), lambda row: words.value("status", row["credit_status"])),
            (words.column("net_t", 1), figure_of("net_t_co2e")),
            (words.column("net_rai", 2), figure_of("net_t_co2e_rai_yr")),
        ],
        "sites.csv", most=MOST,
    )  # fmt: skip


def _name(row: dict[str, Any]) -> str:
    return " · ".join(dict.fromkeys(
        part for part in (plain(row.get(n)) for n in ("number", "site_id", "name")) if part
    ))  # fmt: skip


def _strata(source: ReportSource, words: Words) -> Table | None:
    if not source.has("strata"):
        return None
    return make_table(
        words, "site-strata", source.table("strata"),
        [
            (words.column("zone"), _part(words, "", "agro_ecological_zone")),
            (words.column("document"), _part(words, "document", "land_document")),
            (words.column("operator"), _part(words, "operator", "operator_type")),
            (words.column("new_generation"), _part(words, "answer", "new_generation_farmer")),
            (words.column("sites", 0), figure_of("n_sites")),
            (words.column("area_rai", 1), figure_of("area_rai")),
            (words.column("co2e_t", 1), figure_of("co2e_t")),
            (words.column("co2e_t_rai", 1), figure_of("co2e_t_rai")),
            (words.column("sd_sites", 1), figure_of("site_sd_co2e_t_rai")),
        ],
        "strata.csv", most=MOST,
    )  # fmt: skip


def _part(words: Words, kind: str, name: str) -> Callable[[dict[str, Any]], str]:
    """What a stratum is of; the word for all where it is not told apart."""

    def cell(row: dict[str, Any]) -> str:
        if row[name] == "ALL":
            return words.value("scope", "ALL")
        return words.value(kind, row[name]) if kind else words.or_unknown(row[name])

    return cell


def _coverage(source: ReportSource, words: Words) -> Table | None:
    if not source.has("coverage"):
        return None
    label = "label_th" if words.language == "th" else "label_en"
    return make_table(
        words, "coverage", source.table("coverage"),
        [
            (words.column("kind"), lambda row: words.value("dimension", row["dimension"])),
            (words.column("value"), text(label)),
            (words.column("sites", 0), figure_of("n_sites")),
            (words.column("state"), lambda row: words.value("coverage", row["state"])),
        ],
        "coverage.csv", most=MOST,
    )  # fmt: skip
