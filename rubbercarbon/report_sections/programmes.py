"""Programmes side by side on the same data: figures, conditions, parameters, alarms."""

from __future__ import annotations

from rubbercarbon.report_blocks import Paragraph, Section, Table
from rubbercarbon.report_findings import capped, findings
from rubbercarbon.report_sections.interface import (
    figure_of,
    make_table,
    missing,
    section,
    sentence,
    text,
    without_one,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 120
AMOUNTS = ("gross", "baseline", "emissions", "leakage", "other", "deduction", "buffer", "net")
MOST = 200
IN_FULL = 3  # programmes whose conditions and parameters are all shown


def build(source: ReportSource, words: Words) -> Section | None:
    """Nothing without a programme; the ladder's section says so."""
    if not source.has("programmes"):
        return None
    blocks: list[Table | Paragraph] = [_amounts(source, words), _precision(source, words)]
    for make in (_conditions, _parameters, _alarms):
        table = make(source, words)
        if table is not None:
            blocks.append(table)
    return section(words, "programmes", *blocks)


def _amounts(source: ReportSource, words: Words) -> Table:
    columns = [
        (words.column("programme", code=True), text("programme")),
        *((words.column(name, 1), figure_of(f"{name}_t_co2e")) for name in AMOUNTS),
        (words.column("net_rai", 2), figure_of("net_t_co2e_rai_yr")),
    ]
    return make_table(words, "amounts", source.table("programmes"), columns, "programmes.csv")


def _precision(source: ReportSource, words: Words) -> Table:
    found = findings(source, words)
    return make_table(
        words, "precision", source.table("programmes"),
        [
            (words.column("programme", code=True), text("programme")),
            (words.column("status"),
             lambda row: words.value("status", capped(row["status"], found))),
            (words.column("u_programme", 1), figure_of("u_programme_percent")),
            (words.column("u_everything", 1), figure_of("u_full_percent")),
            (words.column("drove"), lambda row: words.value("drove", row.get("drove"))),
            (words.column("next_step", 0), figure_of("next_step_percent")),
            (words.column("distance", 1), figure_of("distance_percent")),
            (words.column("plots_more", 0), figure_of("plots_to_next_step")),
            (words.column("buffer_state"), lambda row: words.value("buffer", row["buffer_state"])),
        ],
        "programmes.csv",
    )  # fmt: skip


def _conditions(source: ReportSource, words: Words) -> Table | None:
    conditions = source.table("conditions")
    if conditions.empty:
        return None
    key = "conditions"
    if len(source.table("programmes")) > IN_FULL:
        key = "conditions-open"
        answered = conditions["kind"].isin(["land", "eligibility", "check"])
        conditions = conditions[answered & (conditions["state"] != "met")]
    return make_table(
        words, key, conditions,
        [
            (words.column("programme", code=True), text("programme")),
            (words.column("kind"), lambda row: words.value("conditions", row["kind"])),
            (words.column("condition"), lambda row: words.value(
                "rule" if row["kind"] in {"rule", "pool"} else "condition", row["condition"])),
            (words.column("state"), lambda row: words.value("state", row.get("state"))),
            (words.column("detail"), lambda row: words.value("document", row["detail"])
             if row["kind"] == "land" else words.sentence(row["detail"])),
            (words.column("source"), sentence("source", words)),
            (words.column("grade"), text("grade")),
        ],
        "conditions.csv", most=MOST,
    )  # fmt: skip


def _parameters(source: ReportSource, words: Words) -> Table | Paragraph | None:
    if not source.has("programme_parameters"):
        return None
    if len(source.table("programmes")) > IN_FULL:
        return missing(words, "parameters_elsewhere")
    return make_table(
        words, "parameters", source.table("programme_parameters"),
        [
            (words.column("programme", code=True), text("programme")),
            (words.column("parameter"),
             lambda row: words.value("rule", str(row["name"]).removeprefix("pool_"))),
            (words.column("value"), lambda row: words.value("rulevalue", row.get("value"))),
            (words.column("unit"), lambda row: without_one(row.get("unit"))),
            (words.column("source"), lambda row: " · ".join(
                str(row.get(name)) for name in ("source", "seen") if row.get(name))),
            (words.column("grade"), text("grade")),
            (words.column("text_status"), lambda row: words.value("text", row.get("text_status"))),
        ],
        "programme_parameters.csv", most=MOST,
    )  # fmt: skip


def _alarms(source: ReportSource, words: Words) -> Table | None:
    if not source.has("alarms"):
        return None
    return make_table(
        words, "alarms", source.table("alarms"),
        [
            (words.column("programme", code=True), text("programme")),
            (words.column("alarm"), lambda row: words.value("alarm", row.get("code"))),
            (words.column("detail"), sentence("detail", words)),
        ],
        "alarms.csv",
    )  # fmt: skip
