"""The ladder from a change of stocks to a net figure: named, signed lines that add up.

Nothing is rounded and nothing is cut at zero: a loss stays a loss, and the next period begins with
it. Amounts are t CO2e of the whole period; removals are positive, what is taken off is negative.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rubbercarbon import precision
from rubbercarbon.cases import RULE_UNKNOWN, UNKNOWN, Case, Line
from rubbercarbon.ladder_lines import (
    baseline_line,
    cap_line,
    emission_lines,
    leakage_line,
    loss_lines,
    pool_lines,
    stock_lines,
)

Drove = Literal["programme", "full", "none"]
DEFAULT_LEVEL = 0.90  # of intervals shown where a programme's level is not known


@dataclass(frozen=True)
class Ladder:
    """Lines with the uncertainty that decided them.

    Attributes
    ----------
    lines : list of Line
    stock_change_t : float
        Undiscounted and signed [t CO2e].
    u_programme, u_full : float or None
        Relative half-widths [1]; None: unknown.
    drove : {'programme', 'full', 'none'}
        Which of them made the deduction.
    next_step : precision.NextStep or None
    plots_to_next_step : int or None
    buffer_state : {'none', 'rate', 'unknown', 'risk_report'}
    """

    lines: list[Line]
    stock_change_t: float
    u_programme: float | None
    u_full: float | None
    drove: Drove
    next_step: precision.NextStep | None = None
    plots_to_next_step: int | None = None
    buffer_state: str = "none"

    def amount(self, *codes: str) -> float:
        """Sum of some lines [t CO2e]."""
        return math.fsum(line.value_t for line in self.lines if line.code in codes)

    @property
    def undiscounted_t(self) -> float:
        """Net before uncertainty and buffer, signed: what the next period starts from."""
        return self.amount("net_undiscounted")

    @property
    def net_t(self) -> float:
        """The last line."""
        return self.amount("net")


@dataclass(frozen=True)
class _Deducted:
    """Lines of the precision rule and what drove them."""

    lines: list[Line]
    drove: Drove = "none"
    next_step: precision.NextStep | None = None
    plots: int | None = None


@dataclass(frozen=True)
class _Widths:
    """Half-widths of the project's change [t CO2e], and which rule they come from."""

    programme: float | None
    full: float | None

    @property
    def chosen(self) -> tuple[float | None, Drove]:
        if self.programme is not None:
            return self.programme, "programme"
        return (self.full, "full") if self.full is not None else (None, "none")


def climb(case: Case, own: Iterable[Line]) -> Ladder:
    """All lines of a case.

    Parameters
    ----------
    case : Case
    own : iterable of Line
        The programme's own: other pools, leakage formulas.

    Returns
    -------
    Ladder
    """
    stock = stock_lines(case)
    change = math.fsum(line.value_t for line in stock)
    scale = math.fsum(abs(line.value_t) for line in stock)
    if case.claim.kind == "stock":
        return _statement(stock, change, scale, case)
    added = list(own)
    others = [*pool_lines(case), *(line for line in added if line.code.startswith("pool_"))]
    emitted = [line for line in added if not line.code.startswith("pool_")]
    gross = Line("gross", change + math.fsum(line.value_t for line in others), "sum")
    baseline = baseline_line(case)
    taken = [
        baseline, *emission_lines(case), *emitted, leakage_line(case), *loss_lines(case),
    ]  # fmt: skip
    before = gross.value_t + math.fsum(line.value_t for line in taken)
    cap = cap_line(case, before)
    undiscounted = before + math.fsum(line.value_t for line in cap)
    widths = _half_widths(case, scale)
    deducted = _deductions(case, change, -baseline.value_t, widths, undiscounted)
    net = undiscounted + math.fsum(line.value_t for line in deducted.lines)
    buffered, state = _buffer(case, change + baseline.value_t, net)
    lines = [
        *stock, *others, gross, *taken, *cap, Line("net_undiscounted", undiscounted, "sum"),
        *deducted.lines, Line("net_before_buffer", net, "sum"), *buffered,
        Line("net", net + math.fsum(line.value_t for line in buffered), "sum",
             "before_buffer" if state == UNKNOWN else ""),
    ]  # fmt: skip
    told = change if case.claim.baseline is None else change + baseline.value_t
    shares = [
        None if w is None else precision.relative(w, told) for w in (widths.programme, widths.full)
    ]
    return Ladder(
        lines,
        change,
        shares[0],
        shares[1],
        drove=deducted.drove,
        next_step=deducted.next_step,
        plots_to_next_step=deducted.plots,
        buffer_state=state,
    )


def _statement(stock: list[Line], change: float, scale: float, case: Case) -> Ladder:
    """A stock alone: nothing can be credited from it."""
    widths = _half_widths(case, scale)
    shares = [
        None if w is None else precision.relative(w, change)
        for w in (widths.programme, widths.full)
    ]
    lines = [*stock, Line("stock_statement", change, "sum")]
    return Ladder(lines, change, shares[0], shares[1], drove="none")


def _half_widths(case: Case, scale: float) -> _Widths:
    """Half-widths of the change: of sampling alone, and of everything [t CO2e]."""
    level = case.profile.number("precision_level") or DEFAULT_LEVEL
    claim = case.claim
    agb = math.fsum(abs(a) for a, _ in claim.lines.values())
    per_agb = scale / agb if agb else 0.0
    sampled = None if claim.sampled is None else claim.sampled.half_width(level) * per_agb
    full = claim.full_half_width(level)
    if math.isnan(full):
        return _Widths(sampled, None)
    if not math.isnan(claim.full_percent):
        return _Widths(sampled, full * per_agb)
    own = math.fsum(abs(value) for _, value in claim.lines.values())
    return _Widths(sampled, full * (scale / own if own else 0.0))


def _deductions(
    case: Case, change: float, baseline: float, widths: _Widths, undiscounted: float
) -> _Deducted:
    """Lines of the precision rule."""
    rule = case.profile.rule("precision")
    if rule == "none":
        return _Deducted([])
    half, drove = widths.chosen
    if rule is None:
        return _Deducted([Line("deduction_uncertainty", 0.0, note=RULE_UNKNOWN)])
    if half is None:
        return _Deducted([Line("deduction_uncertainty", 0.0, note=UNKNOWN)])
    paired = case.claim.baseline is not None
    other = 0.0 if paired else _baseline_half_width(case, baseline)
    if rule == "excess":
        return _excess(case, change - baseline, math.hypot(half, other), drove, undiscounted)
    estimate, steps = change - baseline if paired else change, case.profile.steps
    lines = [Line("deduction_uncertainty", 0.0 - precision.step_deduction(half, estimate, steps))]
    if other:
        lines.append(
            Line("deduction_baseline", 0.0 - precision.step_deduction(other, baseline, steps))
        )
    u = precision.relative(half, estimate)
    step = precision.next_step(u, steps)
    return _Deducted(lines, drove, step, _plots(case, u, step, drove))


def _excess(
    case: Case, estimate: float, half: float, drove: Drove, undiscounted: float
) -> _Deducted:
    """What the half-width of the net change exceeds the allowance by."""
    allowed = case.profile.figure("precision_allowed")
    amount = min(precision.excess_deduction(half, estimate, allowed), abs(estimate))
    stop = case.profile.number("precision_stop")
    u = precision.relative(half, estimate)
    if stop is not None and u > stop:
        amount = max(abs(estimate), undiscounted)  # nothing is left
    if case.claim.kind == "comparison":
        amount = max(amount, (case.profile.number("ex_ante_deduction") or 0.0) * abs(estimate))
    step = precision.next_step(u, [(allowed, 0.0), (math.inf, 1.0)])
    return _Deducted(
        [Line("deduction_uncertainty", 0.0 - amount)], drove, step, _plots(case, u, step, drove)
    )


def _plots(case: Case, u: float, step: precision.NextStep | None, drove: Drove) -> int | None:
    """Plots that would bring the sampling error down to the next step."""
    sampled = case.claim.sampled
    if step is None or drove != "programme" or sampled is None or not sampled.n_plots:
        return None
    level = case.profile.number("precision_level") or DEFAULT_LEVEL
    return precision.plots_for(u, step.upper, sampled.n_plots, int(sampled.degrees), level)


def _baseline_half_width(case: Case, baseline: float) -> float:
    percent = case.project.baseline_half_width_percent
    return 0.0 if percent is None else percent / 100.0 * abs(baseline)


def _buffer(case: Case, change: float, net: float) -> tuple[list[Line], str]:
    """What goes to the buffer, and how it is known."""
    rule, given = case.profile.rule("buffer"), case.project.buffer_percent
    if rule == "none":
        return [], "none"
    rate = case.profile.number("buffer_rate")
    if rule == "at_least" and given is not None:
        rate = max(rate or 0.0, given / 100.0)
    elif rule in {"risk_report", None}:
        rate = None if given is None else given / 100.0
    if rate is None:
        return [], UNKNOWN
    base = change if case.profile.rule("buffer_of") == "stock_change" else net
    state = "rate" if rule in {"rate", "at_least"} else "risk_report"
    return [Line("buffer", 0.0 - rate * max(0.0, base))], state
