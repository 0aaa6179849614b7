"""What may be said of a ladder: conditions, reasons that cap its status, alarms."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Literal

from rubbercarbon.cases import UNKNOWN, Case
from rubbercarbon.claims import Claim
from rubbercarbon.columns import RAI_PER_HA
from rubbercarbon.ladder import Ladder
from rubbercarbon.parameters import default_parameters
from rubbercarbon.profiles import POOLS, RULES, Condition
from rubbercarbon.sites import Site
from rubbercarbon.thresholds import thresholds

State = Literal["met", "unmet", "unknown"]
STATUSES = (
    "NOT_CALCULABLE", "SCREENING_ESTIMATE", "PROJECT_ESTIMATE", "VERIFICATION_READY_ESTIMATE",
)  # fmt: skip
MEASURED = ("change", "stock_difference")
# checks of this library and the reason that each gives when it fails
CHECKS = {"land_matches": "land_differs", "period_matches": "period_differs"}
DAYS_PER_YEAR = 365.2425
ANSWERS: dict[str, State] = {"yes": "met", "no": "unmet", "unknown": "unknown"}
# reasons that hold a result down to a screening estimate; all others to a project estimate
SCREENING = frozenset({
    "condition_unmet", "land_not_accepted", "baseline_unknown", "one_hectare",
    "independent_stocks",
})  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A condition with its state, as a row of ``conditions.csv``."""

    kind: str
    code: str
    state: State
    detail: str = ""
    source: str = ""
    grade: str = ""


@dataclass(frozen=True)
class Reason:
    """Why a status is capped, or an alarm."""

    code: str
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """Status with everything that led to it.

    Attributes
    ----------
    status : str
    findings : list of Finding
    reasons, alarms : list of Reason
    """

    status: str
    findings: list[Finding]
    reasons: list[Reason]
    alarms: list[Reason]


def judge(case: Case, ladder: Ladder) -> Verdict:
    """Conditions, status and alarms of a case.

    Parameters
    ----------
    case : Case
    ladder : Ladder

    Returns
    -------
    Verdict
    """
    findings = [
        land(case),
        *(condition(case, ladder, one) for one in case.profile.conditions),
        *rules(case),
        *pools(case, ladder),
        *checks(case),
    ]
    reasons = list(_reasons(case, ladder, findings))
    if case.claim.kind == "stock":
        status = STATUSES[0]
        reasons.insert(0, Reason("stock_is_no_removal"))
    elif any(reason.code in SCREENING for reason in reasons):
        status = STATUSES[1]
    else:
        status = STATUSES[2] if reasons else STATUSES[3]
    return Verdict(status, findings, reasons, alarms(case, ladder))


def land(case: Case) -> Finding:
    """Whether the programme accepts the land's document."""
    if case.site is None:
        return Finding("land", "land_document", "unknown")
    answer = case.site.land.accepted(case.profile.id)
    return Finding(
        "land", "land_document", ANSWERS[answer], case.site.land.document,
        case.site.land.acceptance_source,
    )  # fmt: skip


def condition(case: Case, ladder: Ladder, one: Condition) -> Finding:
    """State of one condition: computed where it can be, else what the dossier answers."""
    state, detail = _computed(case, ladder, one.code)
    if state is None:
        state = ANSWERS[case.project.answers.get(one.code, "unknown")]
    return Finding("eligibility", one.code, state, detail, f"{one.citation}; {one.seen}", one.grade)


def _computed(case: Case, ladder: Ladder, code: str) -> tuple[State | None, str]:
    claim, profile = case.claim, case.profile
    if code == "methodology_text":
        return ("met" if profile.text == "verified" else "unknown"), profile.text
    if code == "small_project" and claim.years:
        yearly = ladder.undiscounted_t / claim.years
        return _within(yearly, profile.figure("largest_tco2e_yr")), f"{yearly:.4g} t CO2e/yr"
    if code == "precision_10" and ladder.u_programme is not None:
        found = ladder.u_programme
        return _within(found, profile.figure("precision_target")), f"{100 * found:.3g} %"
    if code == "monitored_5_years" and claim.years:
        return _within(claim.years, profile.figure("monitoring_years")), f"{claim.years:g} years"
    return None, ""


def _within(value: float, most: float) -> State:
    return "met" if value <= most else "unmet"


def rules(case: Case) -> list[Finding]:
    """Rules of the programme that are not known."""
    return [
        Finding("rule", name, "unknown", fact.note, f"{fact.citation}; {fact.seen}", fact.grade)
        for name, fact in case.profile.rules.items()
        if fact.value is None and name in RULES
    ]


def pools(case: Case, ladder: Ladder) -> list[Finding]:
    """Pools that the programme asks for, and whether they were counted."""
    counted = {"agb", "bgb"} | {
        line.code.removeprefix("pool_") for line in ladder.lines if line.code.startswith("pool_")
    }
    found = []
    for name in POOLS:
        fact = case.profile.pools[name]
        if fact.value is None:
            state: State = "unknown"
        else:
            state = "unmet" if fact.value == "in" and name not in counted else "met"
        detail = f"{fact.value or UNKNOWN}; {'counted' if name in counted else 'not counted'}"
        found.append(Finding("pool", name, state, detail, f"{fact.citation}; {fact.seen}",
                             fact.grade))  # fmt: skip
    return found


def checks(case: Case) -> list[Finding]:
    """Rules of this library: whether the dossier and the surveys speak of the same thing."""
    claim, site = case.claim, case.site
    land = None if site is None else site.land.area_ha
    apart = abs(claim.area_ha - land) / land if land and math.isfinite(claim.area_ha) else None
    areas = [UNKNOWN if one is None or math.isnan(one) else f"{one:.4g}"
             for one in (claim.area_ha, land)]  # fmt: skip
    found = [_check("land_matches", apart, f"{' / '.join(areas)} ha")]
    if claim.kind in MEASURED:
        surveyed, period = surveyed_years(claim), period_of(site)
        gap = abs(surveyed - period) if surveyed and period else None
        years = [UNKNOWN if one is None else f"{one:.2f}" for one in (period, surveyed)]
        found.append(_check("period_matches", gap, f"{' / '.join(years)} yr"))
    return found


def _check(code: str, value: float | None, detail: str) -> Finding:
    """Met where a difference is within the limit of the library's rule."""
    rule = thresholds()[code]
    state: State = "unknown" if value is None else _within(value, rule.value)
    limit = f"{rule.meaning}: {rule.value:g} {rule.unit}"
    return Finding("check", code, state, detail, f"{rule.citation}; {limit}")


def _unsourced(case: Case) -> bool:
    """Whether the dossier answers for this programme, without saying where from."""
    if case.site is None or case.site.land.acceptance_source:
        return False
    return case.site.land.acceptance.get(case.profile.id, "unknown") != "unknown"


def _reasons(case: Case, ladder: Ladder, findings: list[Finding]) -> list[Reason]:
    """Everything that keeps a result from being ready for verification."""
    claim, profile = case.claim, case.profile
    found = []
    if profile.text != "verified":
        found.append(Reason("profile_not_verified", profile.text))
    if any(fact.grade == "C" for _, fact in profile.facts()):
        found.append(Reason("profile_grade_C"))
    document = findings[0]
    if document.state != "met":
        code = "land_not_accepted" if document.state == "unmet" else "land_unknown"
        if document.state == "unknown" and _unsourced(case):
            code = "land_unsourced"
        found.append(Reason(code, document.detail))
    for state in ("unmet", "unknown"):
        codes = [f.code for f in findings if f.kind == "eligibility" and f.state == state]
        if codes:
            found.append(Reason(f"condition_{state}", ", ".join(codes)))
    missing = [line.code for line in ladder.lines if line.note == UNKNOWN]
    if "baseline" in missing:
        found.append(Reason("baseline_unknown"))
        missing.remove("baseline")
    if missing:
        found.append(Reason("line_unknown", ", ".join(missing)))
    unread = [f.code for f in findings if f.kind in {"rule", "pool"} and f.state == "unknown"]
    if unread:
        found.append(Reason("rule_unknown", ", ".join(unread)))
    if claim.kind == "comparison":
        found.append(Reason("scenario"))
    if claim.describes == "one hectare":
        found.append(Reason("one_hectare"))
    if claim.describes == "measured plots":
        found.append(Reason("measured_plots"))
    found += [
        Reason(CHECKS[f.code], f.detail)
        for f in findings
        if f.kind == "check" and f.state == "unmet"
    ]
    if ladder.drove == "full":
        found.append(Reason("full_uncertainty_used", claim.why_no_sampling))
    if claim.outside:
        found.append(Reason("outside_range", str(claim.outside)))
    if claim.doubtful:
        found.append(Reason("grade_C", str(claim.doubtful)))
    if claim.kind == "stock_difference":
        found.append(Reason("independent_stocks"))
    if claim.years is None and claim.kind != "stock":
        found.append(Reason("period_unknown"))
    if ladder.buffer_state == UNKNOWN:
        found.append(Reason("buffer_unknown"))
    return found


def alarms(case: Case, ladder: Ladder) -> list[Reason]:
    """What looks too good, or is not told from nothing."""
    claim = case.claim
    found = []
    gain = yearly_per_rai(ladder.stock_change_t, claim.area_ha, claim.years)
    limit = default_parameters()["alarm_gain"]
    if gain is not None and gain > limit.value and claim.kind != "stock":
        found.append(Reason("gain_too_high", f"{gain:.3g} > {limit.value:g} {limit.unit}"))
    if ladder.u_full is not None and ladder.u_full > 1.0 and claim.kind != "stock":
        found.append(Reason("not_told_from_zero", f"{100 * ladder.u_full:.3g} %"))
    if claim.felled_at_end:
        found.append(Reason("felled_at_end", f"{claim.years:g}"))
    if claim.kind != "stock" and ladder.undiscounted_t < 0.0:
        found.append(Reason("loss", f"{ladder.undiscounted_t:.4g} t CO2e"))
    elif ladder.net_t < 0.0:
        found.append(Reason("nothing_left", f"{ladder.net_t:.4g} t CO2e"))
    return found


def period_of(site: Site | None) -> float | None:
    """Length of a dossier's monitored period [years]."""
    if site is None or site.project.start is None or site.project.end is None:
        return None
    return (site.project.end - site.project.start).days / DAYS_PER_YEAR


def surveyed_years(claim: Claim) -> float | None:
    """Time between the two surveys, where their sheets hold dates [years]."""
    dates = claim.run.get("survey_dates")
    if not dates:
        return None
    first, second = (dt.date.fromisoformat(day) for day in dates)
    return (second - first).days / DAYS_PER_YEAR or None


def yearly_per_rai(amount_t: float, area_ha: float, years: float | None) -> float | None:
    """An amount per rai and year [t CO2e/rai/yr]; None where land or period are unknown."""
    if years is None or years <= 0.0 or math.isnan(area_ha) or area_ha <= 0.0:
        return None
    return amount_t / (area_ha * RAI_PER_HA) / years
