"""Digests of the inputs, versions and settings: what is needed to make the figures again."""

from __future__ import annotations

from typing import Any

from rubbercarbon.report_blocks import Fact, Facts, Paragraph, Section, Table
from rubbercarbon.report_sections.interface import missing, section
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 180


def build(source: ReportSource, words: Words) -> Section:
    """All from run.json."""
    return section(
        words, "evidence", Paragraph(words.text("evidence_note")), _digests(source, words),
        _facts(source.run.get("versions"), "run.json: versions"),
        _facts(_chosen(source.run.get("settings")), "run.json: settings"),
    )  # fmt: skip


def _digests(source: ReportSource, words: Words) -> Any:
    inputs = [one for one in source.run.get("inputs") or [] if isinstance(one, dict)]
    if not inputs:
        return missing(words, "no_inputs")
    rows = tuple((str(one.get("file", "")), str(one.get("sha256", ""))) for one in inputs)
    return Table("digests", words.text("caption_digests"),
                 (words.column("file"), words.column("sha256", code=True)), rows,
                 words.text("from_table", file="run.json: inputs"))  # fmt: skip


def _chosen(settings: Any) -> dict[str, Any]:
    """Settings that were given; what is empty is the default."""
    if not isinstance(settings, dict):
        return {}
    return {key: value for key, value in settings.items() if value not in (None, [], {}, "")}


def _facts(values: Any, trace: str) -> Facts | None:
    if not isinstance(values, dict) or not values:
        return None
    return Facts(tuple(Fact(str(key), str(value), trace) for key, value in sorted(values.items())))
