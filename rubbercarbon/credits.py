"""From a change of stocks to a statement under crediting programmes, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rubbercarbon.cases import Case, gwp_set
from rubbercarbon.change import Change
from rubbercarbon.claim_sources import claim_of
from rubbercarbon.claims import Claim
from rubbercarbon.comparison import Comparison
from rubbercarbon.crediting.interface import own_lines
from rubbercarbon.ladder import Ladder, climb
from rubbercarbon.profiles import get_profile
from rubbercarbon.provenance import run_record, write_folder
from rubbercarbon.runs import RunTables
from rubbercarbon.sites import Site, StartStock
from rubbercarbon.stocks import Stocks
from rubbercarbon.verdict import (
    STATUSES,
    Verdict,
    judge,
    period_of,
    surveyed_years,
    yearly_per_rai,
)

SITE_FILE = "site.json"
Source = Claim | Change | Stocks | Comparison | RunTables
Previous = Mapping[str, float]


@dataclass(frozen=True)
class Award:
    """One programme's answer: its case, ladder and verdict."""

    case: Case
    ladder: Ladder
    verdict: Verdict


@dataclass(frozen=True)
class CreditResult:
    """What `credit` returns; tables are those of a credit run folder.

    Attributes
    ----------
    claim : Claim
    site : Site or None
    awards : dict of Award
        By programme.
    """

    claim: Claim
    site: Site | None
    awards: dict[str, Award] = field(repr=False)

    @property
    def status(self) -> str:
        """The lowest status of all programmes."""
        return min((a.verdict.status for a in self.awards.values()), key=STATUSES.index)

    @property
    def carried_t_co2e(self) -> dict[str, float]:
        """Loss that the next period starts with, by programme; zero after a gain [t CO2e]."""
        return {name: min(0.0, a.ladder.undiscounted_t) for name, a in self.awards.items()}

    @cached_property
    def programmes(self) -> pd.DataFrame:
        """One row per programme, on the same data."""
        return pd.DataFrame([self._row(name, award) for name, award in self.awards.items()])

    def _row(self, name: str, award: Award) -> dict[str, Any]:
        ladder, profile, claim = award.ladder, award.case.profile, self.claim
        project = award.case.project
        emissions = [line.code for line in ladder.lines if line.code.startswith("emissions")]
        deducted = [line.code for line in ladder.lines if line.code.startswith("deduction")]
        other = ("reversal", "carried_forward", "cap_long_term_average")
        counts = award.verdict.status != STATUSES[0]
        step = ladder.next_step
        # a projection's years are not the dossier's
        days = () if claim.kind == "comparison" else (project.start, project.end)
        dates = [day.isoformat() if day else "" for day in days] or ["", ""]
        amounts = {
            "gross_t_co2e": ladder.amount("gross"),
            "baseline_t_co2e": ladder.amount("baseline"),
            "emissions_t_co2e": ladder.amount(*emissions),
            "leakage_t_co2e": ladder.amount("leakage"),
            "other_t_co2e": ladder.amount(*other),
            "undiscounted_t_co2e": ladder.undiscounted_t,
            "deduction_t_co2e": ladder.amount(*deducted),
            "buffer_t_co2e": ladder.amount("buffer"),
            "net_t_co2e": ladder.net_t,
        }
        return {
            "programme": name,
            "title": profile.title.en,
            "version": profile.version,
            "text_status": profile.text,
            "status": award.verdict.status,
            "period_from": dates[0],
            "period_to": dates[1],
            "years": claim.years,
            "stock_t_co2e": None if counts else ladder.amount("stock_statement"),
            **{name: value if counts else None for name, value in amounts.items()},
            "net_t_co2e_rai_yr": yearly_per_rai(ladder.net_t, claim.area_ha, claim.years)
            if counts
            else None,
            "u_programme_percent": _percent(ladder.u_programme),
            "u_full_percent": _percent(ladder.u_full),
            "drove": ladder.drove,
            "next_step_percent": None if step is None else 100.0 * step.upper,
            "distance_percent": None if step is None else 100.0 * step.distance,
            "plots_to_next_step": ladder.plots_to_next_step,
            "buffer_state": ladder.buffer_state,
        }

    @cached_property
    def ladder(self) -> pd.DataFrame:
        """Every line of every programme; items add up to the sums below them."""
        rows = []
        for name, award in self.awards.items():
            for order, line in enumerate(award.ladder.lines, 1):
                cut = line.code.startswith(("deduction", "buffer"))
                late = line.code in {"net_before_buffer", "net"}
                plain = award.ladder.undiscounted_t if late else 0.0 if cut else line.value_t
                rows.append((name, order, line.code, line.kind, line.value_t, plain, line.note))
        columns = ["programme", "order", "line", "kind", "value_t_co2e", "undiscounted_t_co2e",
                   "note"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """Conditions met, unmet and unknown."""
        rows = [
            (name, f.kind, f.code, f.state, f.detail, f.source, f.grade)
            for name, award in self.awards.items()
            for f in award.verdict.findings
        ]
        columns = ["programme", "kind", "condition", "state", "detail", "source", "grade"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def status_reasons(self) -> pd.DataFrame:
        """Why each status is not higher."""
        return self._reasons("reasons")

    @cached_property
    def alarms(self) -> pd.DataFrame:
        """What looks too good, or cannot be told from nothing."""
        return self._reasons("alarms")

    def _reasons(self, which: str) -> pd.DataFrame:
        rows = [
            (name, reason.code, reason.detail)
            for name, award in self.awards.items()
            for reason in getattr(award.verdict, which)
        ]
        return pd.DataFrame(rows, columns=["programme", "code", "detail"])

    @cached_property
    def programme_parameters(self) -> pd.DataFrame:
        """Every rule and figure of each programme with its source and grade."""
        rows = []
        for name, award in self.awards.items():
            for rule, fact in award.case.profile.facts():
                value = "unknown" if fact.value is None else fact.value
                rows.append((name, rule, str(value), fact.unit, fact.citation, fact.seen,
                             fact.grade, fact.text, fact.note))  # fmt: skip
            gwp = award.case.gwp
            rows.append((name, "gwp", f"{gwp.name}: CH4 {gwp.ch4:g}, N2O {gwp.n2o:g}",
                         "kg CO2e/kg", gwp.citation, "public package", "B", "transcribed",
                         ""))  # fmt: skip
        columns = ["programme", "name", "value", "unit", "source", "seen", "grade", "text_status",
                   "note"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables, by the names of their files; those of the source, then the programmes'."""
        own = ("programmes", "ladder", "conditions", "status_reasons", "programme_parameters",
               "alarms")  # fmt: skip
        return {**self.claim.tables, **{name: getattr(self, name) for name in own}}

    @property
    def run(self) -> dict[str, Any]:
        """The source's record with the programmes."""
        record = dict(self.claim.run) if self.claim.run else run_record({}, {})
        return {**record, "programmes": list(self.awards)}


def credit(
    source: Source,
    programme: str | Sequence[str],
    *,
    site: Site | None = None,
    start: Stocks | StartStock | None = None,
    previous: CreditResult | Previous | None = None,
    scenario: str = "",
    years: float | None = None,
    gwp: str = "AR5",
    language: str = "en",
) -> CreditResult:
    """Apply crediting programmes to a change of stocks.

    Parameters
    ----------
    source : Change, Comparison, Stocks, RunTables or Claim
        Two censuses, a comparison of scenarios, a stock (with ``start``), a run folder read back,
        or amounts given by hand (`claims.amounts`).
    programme : str or sequence of str
        Ids of programmes, side by side on the same data.
    site : Site, optional
        The dossier: land, answers to conditions, fertiliser, fires, baseline, period.
    start : Stocks or StartStock, optional
        Stock at the start, for stocks; the dossier's by default.
    previous : CreditResult or mapping, optional
        The former period, whose loss is carried forward [t CO2e by programme].
    scenario : str
        Of a comparison; the first beside the baseline by default.
    years : float, optional
        Length of the period; the dossier's by default, else that between the surveys. Of a
        comparison: the year at which its change is taken, its last by default.
    gwp : {'AR4', 'AR5', 'AR6'}
        Set of global warming potentials.
    language : {'en', 'th'}
        Of the list of problems.

    Returns
    -------
    CreditResult
        A stock without its start is a statement: NOT_CALCULABLE.

    Raises
    ------
    SettingsError
        For unknown programmes, or a result that cannot be credited.

    References
    ----------
    Each programme's file in ``rubbercarbon/crediting/parameters``; no programme's text is complete.

    Examples
    --------
    >>> import rubbercarbon as rc
    >>> from rubbercarbon.claims import amounts
    >>> result = rc.credit(amounts(100.0, years=5), "t-ver-s-meth-13-01")
    >>> round(float(result.programmes["net_t_co2e"].iloc[0]), 4), result.status
    (218.8633, 'PROJECT_ESTIMATE')
    """
    period = years if years is not None else period_of(site)
    begin = start if start is not None else None if site is None else site.start_stock
    claim = claim_of(
        source,
        start=begin,
        scenario=scenario,
        years=period,
        area_ha=None if site is None else site.land.area_ha,
        horizon=years,
        language=language,
    )
    if claim.years is None:
        claim = replace(claim, years=surveyed_years(claim))  # fmt: skip
    carried = previous.carried_t_co2e if isinstance(previous, CreditResult) else previous or {}
    names = [programme] if isinstance(programme, str) else list(dict.fromkeys(programme))
    awards = {}
    for name in names:
        profile = get_profile(name)
        case = Case(profile, claim, site, gwp_set(gwp), min(0.0, carried.get(name, 0.0)))
        ladder = climb(case, own_lines(case))
        awards[name] = Award(case, ladder, judge(case, ladder))
    return CreditResult(claim, site, awards)


def write_credit(result: CreditResult, folder: str | Path, *, force: bool = False) -> Path:
    """Write a result with the tables of its source as a run folder.

    Parameters
    ----------
    result : CreditResult
        From `credit`.
    folder : str or Path
        New, empty, or a former run folder (which is replaced whole).
    force : bool
        Replace a folder that holds something else.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RunFolderError
        When the folder cannot be written or must not be replaced.
    """

    def dossier(fresh: Path) -> None:
        if result.site is not None:
            text = json.dumps(result.site.model_dump(mode="json"), ensure_ascii=False, indent=2)
            (fresh / SITE_FILE).write_text(text + "\n", encoding="utf-8")

    return write_folder(folder, result.tables, result.run, force=force, extras=dossier)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share
