"""What a reader must know before using a report's figures, and the status that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from rubbercarbon.censuses import APART
from rubbercarbon.report_blocks import figure
from rubbercarbon.report_source import BATCH, ReportSource
from rubbercarbon.report_words import Words

STATUSES = (
    "NOT_CALCULABLE", "SCREENING_ESTIMATE", "PROJECT_ESTIMATE", "VERIFICATION_READY_ESTIMATE",
)  # fmt: skip
CAP = "PROJECT_ESTIMATE"
# reasons of a status that the findings say in words of their own
SAID = frozenset({
    "profile_not_verified", "land_unknown", "land_unsourced", "land_not_accepted",
    "outside_range", "grade_C",
    "stock_is_no_removal",
})  # fmt: skip
# what the details of a reason are codes of; other details are shown as they are
DETAILS = {
    "condition_unmet": "condition", "condition_unknown": "condition", "line_unknown": "line",
    "rule_unknown": "rule", "profile_not_verified": "text", "profile_grade_C": "rule",
    "land_unknown": "document", "land_unsourced": "document", "land_not_accepted": "document",
}  # fmt: skip
UNSAID = frozenset({"full_uncertainty_used"})
OUTSIDE = r"outside_range|outside_evaluated_span"
SAMPLED = ("random", "systematic", "stratified random", "สุ่ม", "เป็นระบบ")


@dataclass(frozen=True)
class Finding:
    """One thing to know; ``caps``: the result is at most a project estimate for it."""

    code: str
    text: str
    caps: bool = False
    kind: Literal["warning", "note"] = "warning"


def findings(source: ReportSource, words: Words) -> tuple[Finding, ...]:
    """Everything that limits the figures, gravest first."""
    found: list[Finding] = []
    for part in (
        _programme, _failed, _documents, _models, _alarms, _rows, _apart, _prices, _reasons,
        _sampling,
    ):  # fmt: skip
        found += part(source, words)
    return tuple(found)


def status(source: ReportSource, found: tuple[Finding, ...]) -> str:
    """The lowest status of the programmes, capped by what was found; no programme, no claim."""
    programmes = source.table("programmes")
    stated = [str(one) for one in programmes["status"]] if "status" in programmes else []
    if not stated and source.has("summary") and "status" in source.table("summary"):
        stated = [str(one) for one in source.table("summary")["status"]]
    ranks = [STATUSES.index(one) if one in STATUSES else 0 for one in stated]
    return capped(STATUSES[min(ranks, default=0)], found)


def capped(code: str, found: tuple[Finding, ...]) -> str:
    """A status, lowered to a project estimate where a finding asks for it."""
    if code == STATUSES[-1] and any(one.caps for one in found):
        return CAP
    return code


def has_credits(source: ReportSource) -> bool:
    """Whether a portfolio names runs of `credit` of its sites."""
    sites = source.table("sites")
    return "credit_status" in sites and bool(sites["credit_status"].ne("").any())


def masses(source: ReportSource) -> pd.DataFrame:
    """Rows of trees that were estimated, with ``mass`` (above ground, or of bamboo and banana).

    It is that of the total: a row's own, times the stems of the total that it stands for.
    Of a change: trees that are part of it, with their mass at the later date, of the dead with
    that at the earlier one.
    """
    trees = source.table("trees") if source.has("trees") else source.table("change_trees")
    if "fate" in trees:
        trees = trees[trees["fate"] != APART]
    names = ("agb_kg", "herb_kg") if source.has("trees") else ("agb_t_2", "agb_t_1")
    mass = pd.Series(float("nan"), trees.index)
    for name in names:
        if name in trees:
            mass = mass.fillna(pd.to_numeric(trees[name], errors="coerce"))
    if "represents" in trees:
        mass *= pd.to_numeric(trees["represents"], errors="coerce").fillna(1.0)
    return trees.assign(mass=mass)[mass.notna()]


def _programme(source: ReportSource, words: Words) -> Iterator[Finding]:
    programmes = source.table("programmes")
    if not source.has("programmes"):
        if source.has("total") or source.has("change_total"):
            key = "finding_stock" if source.has("total") else "finding_change"
            key = "finding_site_claims" if has_credits(source) else key
            yield Finding("no_programme", words.text(key))
        return
    for code in ("text_not_verified", "transcribed"):
        names = programmes.loc[programmes["text_status"] == code, "programme"]
        if len(names):
            yield Finding(
                code,
                words.text(f"finding_{code}", programmes=words.listed(names.astype(str))),
                True,
            )


def _documents(source: ReportSource, words: Words) -> Iterator[Finding]:
    if not source.site:
        if not source.has("summary") and not source.many:
            yield Finding("no_dossier", words.text("finding_no_dossier"), True)
        return
    land = source.group("land")
    document = str(land.get("document") or "unknown")
    if document == "unknown":
        yield Finding("document_unknown", words.text("finding_document_unknown"), True)
    if any_unsourced(land):
        yield Finding("acceptance_unsourced", words.text("finding_acceptance_unsourced"), True)
    programmes = source.table("programmes")
    for answer in ("unknown", "no"):
        names = [
            str(name) for name in programmes.get("programme", [])
            if accepted(land, str(name)) == answer
        ]  # fmt: skip
        if names:
            text = words.text(f"finding_acceptance_{answer}", programmes=words.listed(names),
                              document=words.value("document", document))  # fmt: skip
            yield Finding(f"acceptance_{answer}", text, True)


def accepted(land: dict[str, Any], programme: str) -> str:
    """What the dossier answers for a programme; unknown without a source of the answer."""
    answers = land.get("acceptance") or {}
    return str(answers.get(programme) or "unknown") if land.get("acceptance_source") else "unknown"


def any_unsourced(land: dict[str, Any]) -> bool:
    """Whether the dossier answers for some programme without saying where from."""
    answers = land.get("acceptance") or {}
    known = any(str(one) in {"yes", "no"} for one in answers.values())
    return known and not land.get("acceptance_source")


def _models(source: ReportSource, words: Words) -> Iterator[Finding]:
    trees = masses(source)
    total = float(trees["mass"].sum()) or float("nan")
    if len(trees) and "flags" in trees:
        outside = trees[trees["flags"].astype(str).str.contains(OUTSIDE, regex=True)]
        if len(outside):
            text = words.text(
                "finding_out_of_domain", rows=len(outside),
                share=figure(100.0 * float(outside["mass"].sum()) / total, 0),
                equations=words.listed(outside["equation_id"].astype(str).sort_values()),
            )  # fmt: skip
            yield Finding("out_of_domain", text, caps=True)
    if source.batch:
        counts = source.table(BATCH)
        rows = int(counts.loc[counts["code"] == "outside_range", "n_rows"].sum())
        if rows:
            text = words.text("finding_out_of_domain_batch", rows=f"{rows:,}")
            yield Finding("out_of_domain", text, caps=True)
    citations = source.table("citations")
    if "grade" in citations:
        doubtful = citations[citations["grade"] == "C"]
        if len(doubtful):
            names, share = _doubtful(doubtful, words), ""
            if "equation_grade" in trees:
                mass = float(trees.loc[trees["equation_grade"] == "C", "mass"].sum())
                share = words.text("share_of_mass", share=figure(100.0 * mass / total, 0))
            text = words.text("finding_grade_c", names=names, share=share)
            yield Finding("grade_c", text, caps=True)
    if "bgb_kg" in trees:
        yield from _roots(source, trees, words)


def _doubtful(citations: pd.DataFrame, words: Words) -> str:
    """Models of grade C by id; of designs by what their sources were used for."""
    if "id" in citations:
        return words.listed(citations["id"].astype(str).sort_values(), 4)
    used = sorted({topic for text in citations["used_for"] for topic in str(text).split(", ")})
    return words.listed(words.value("topic", topic) for topic in used)


def _roots(source: ReportSource, trees: pd.DataFrame, words: Words) -> Iterator[Finding]:
    """Trees without roots of their own, where no ratio of the stand stands in."""
    rootless = trees[trees["agb_kg"].notna() & trees["bgb_kg"].isna()]
    stand = source.table("plots").get("bgb_stand_t", pd.Series(dtype=float))
    if len(rootless) and not pd.to_numeric(stand, errors="coerce").notna().any():
        text = words.text("finding_no_roots", rows=len(rootless))
        yield Finding("no_roots", text, kind="note")


def reason_detail(code: str, detail: object, words: Words) -> str:
    """What a reason for a status is about, with codes in words."""
    text = "" if detail is None else str(detail)
    if not text or code in UNSAID:
        return ""
    if code not in DETAILS:
        return words.sentence(text)
    return ", ".join(words.value(DETAILS[code], part) for part in text.split(", "))


def _reasons(source: ReportSource, words: Words) -> Iterator[Finding]:
    """Why a status is not higher, each reason once, beyond what was said already."""
    reasons = source.table("status_reasons")
    if reasons.empty:
        return
    parts = []
    for code, rows in reasons[~reasons["code"].isin(SAID)].groupby("code", sort=False):
        names = [str(name) for name in rows["programme"]]
        everywhere = len(names) == len(source.table("programmes"))
        key = "reason_of_all" if everywhere else "reason_of"
        reason = words.value("reason", code)
        parts.append(words.text(key, reason=reason, programmes=words.listed(names, 3)))
    if parts:
        yield Finding("reasons", words.text("finding_reasons", reasons="; ".join(parts)), caps=True)


def _alarms(source: ReportSource, words: Words) -> Iterator[Finding]:
    for _, row in source.table("alarms").iterrows():
        text = words.text(
            "finding_alarm", programme=row["programme"], what=words.value("alarm", row["code"]),
            detail=words.sentence(row["detail"]),
        )  # fmt: skip
        yield Finding(f"alarm_{row.get('code', '')}", text)


def _sampling(source: ReportSource, words: Words) -> Iterator[Finding]:
    plots = source.table("plots") if source.has("plots") else source.table("change_plots")
    if plots.empty and not source.has("sites"):
        return
    if "plot_selection" in plots:
        how = set(plots["plot_selection"].astype(str).str.casefold())
        drawn = bool(how) and how <= set(SAMPLED)
    else:
        drawn = source.has("sampling")
    if not drawn:
        yield Finding("no_sampling", words.text("finding_no_sampling"), kind="note")


def _rows(source: ReportSource, words: Words) -> Iterator[Finding]:
    said = source.run.get("unread_said") or {}
    for file, known in dict(source.run.get("unread") or {}).items():
        why = said.get(file, {}).get(words.language, known)
        yield Finding("unread", words.text("finding_unread", file=file, why=why))
    refused, doubtful = (_count(source, severity) for severity in ("error", "warning"))
    key = "finding_problems" if refused or doubtful else "finding_no_problems"
    yield Finding("problems", words.text(key, refused=refused, doubtful=doubtful,
                                         assumptions=len(source.table("assumptions"))),
                  kind="warning" if refused else "note")  # fmt: skip
    if source.has("start_total"):
        first = source.table("start_problems").get("severity", pd.Series(dtype=str))
        refused, doubtful = (int((first == one).sum()) for one in ("error", "warning"))
        text = words.text("finding_start_problems", refused=refused, doubtful=doubtful)
        yield Finding("start_problems", text, kind="warning" if refused else "note")


def _apart(source: ReportSource, words: Words) -> Iterator[Finding]:
    """Trees of a change that could be computed at one date only."""
    trees = source.table("change_trees")
    count = int((trees["fate"] == APART).sum()) if "fate" in trees else 0
    if count:
        yield Finding("not_comparable", words.text("finding_not_comparable", count=count))


def _failed(source: ReportSource, words: Words) -> Iterator[Finding]:
    """Sites of a portfolio that are in no sum, and those known from run folders alone."""
    sites = source.table("sites")
    if sites.empty:
        return
    for state, kind in (("failed", "warning"), ("run", "note")):
        names = sites.loc[sites["status"] == state, "site_id"].astype(str)
        if len(names):
            text = words.text(f"finding_sites_{state}", count=len(names), sites=len(sites),
                              names=words.listed(names))  # fmt: skip
            yield Finding(f"sites_{state}", text, kind="warning" if kind == "warning" else "note")


def _prices(source: ReportSource, words: Words) -> Iterator[Finding]:
    """What the money of designs leaves out."""
    problems = source.table("problems")
    if not source.has("accounts") or problems.empty:
        return
    items = problems.loc[problems["code"] == "price_missing", "value"]
    if len(items):
        names = words.listed(words.sentence(item) for item in items)
        yield Finding("unpriced", words.text("finding_unpriced", items=names))


def _count(source: ReportSource, severity: str) -> int:
    """Problems of one severity; of a batch they are counted by kind."""
    if source.batch:
        counts = source.table(BATCH)
        return int(counts.loc[counts["severity"] == severity, "n_rows"].sum())
    if not source.has("problems"):
        return 0
    return int((source.table("problems")["severity"] == severity).sum())
