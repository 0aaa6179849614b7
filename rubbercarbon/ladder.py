"""The ladder from a change of stocks to a net figure: named, signed lines that add up.

Nothing is rounded and nothing is cut at zero: a loss stays a loss, and the next period begins with
it. Amounts are t CO2e of the whole period; removals are positive, what is taken off is negative.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from rubbercarbon import gases, precision
from rubbercarbon.claims import Claim
from rubbercarbon.errors import SettingsError
from rubbercarbon.pools import co2e
from rubbercarbon.profiles import Profile
from rubbercarbon.sites import Project, Site

Drove = Literal["programme", "full", "none"]
GWP_FILE = Path(__file__).parent / "crediting" / "gwp.toml"
KG_PER_T = 1000.0
DEFAULT_LEVEL = 0.90  # of intervals shown where a programme's level is not known
UNKNOWN = "unknown"
BY_RULE = "by_rule"


@dataclass(frozen=True)
class Gwp:
    """Global warming potentials of one IPCC assessment [kg CO2e/kg]."""

    name: str
    ch4: float
    n2o: float
    citation: str


@cache
def gwp_set(name: str) -> Gwp:
    """A set of global warming potentials.

    Raises
    ------
    SettingsError
    """
    table = tomllib.loads(GWP_FILE.read_text(encoding="utf-8"))
    if name not in table:
        raise SettingsError(f"there is no set of GWP '{name}'; there are {', '.join(table)}.")
    row = table[name]
    return Gwp(name, float(row["ch4"]), float(row["n2o"]), str(row["citation"]))


@dataclass(frozen=True)
class Line:
    """One line of the ladder.

    Attributes
    ----------
    code : str
        Its words are in ``texts/`` under ``[ladder]``.
    value_t : float
        Signed [t CO2e].
    kind : {'item', 'sum'}
    note : str
        Code of a remark: ``unknown`` (nothing could be taken off), ``by_rule`` ...
    """

    code: str
    value_t: float
    kind: Literal["item", "sum"] = "item"
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A claim before a programme.

    Attributes
    ----------
    profile : Profile
    claim : Claim
    site : Site or None
    gwp : Gwp
    carried_t : float
        Loss of the former period, zero or negative [t CO2e].
    """

    profile: Profile
    claim: Claim
    site: Site | None
    gwp: Gwp
    carried_t: float = 0.0

    @property
    def project(self) -> Project:
        """What is known of the project; nothing without a dossier."""
        return Project() if self.site is None else self.site.project

    def factor(self, *, palm: bool = False) -> float:
        """CO2e of a tonne of above-ground biomass by the programme's factors [t CO2e/t]."""
        profile = self.profile
        root, fraction = profile.figure("root_shoot"), profile.figure("carbon_fraction")
        if palm and profile.number("palm_root_shoot") is not None:
            root, fraction = (
                profile.figure("palm_root_shoot"),
                profile.figure("palm_carbon_fraction"),
            )
        return co2e((1.0 + root) * fraction)

    @property
    def own_factors(self) -> bool:
        """Whether roots and carbon are the project's own."""
        return self.profile.rule("factors") != "programme"

    def value(self, amount: tuple[float, float]) -> float:
        """CO2e of an amount of AGB and its own CO2e."""
        return amount[1] if self.own_factors else amount[0] * self.factor()


@dataclass(frozen=True)
class Ladder:
    """Lines with the uncertainty that decided them.

    Attributes
    ----------
    lines : list of Line
    stock_change_t, baseline_t : float
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
    baseline_t: float
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
    deducted = _deductions(case, change, -baseline.value_t, widths)
    net = undiscounted + math.fsum(line.value_t for line in deducted.lines)
    buffered, state = _buffer(case, change + baseline.value_t, net)
    lines = [
        *stock, *others, gross, *taken, *cap, Line("net_undiscounted", undiscounted, "sum"),
        *deducted.lines, Line("net_before_buffer", net, "sum"), *buffered,
        Line("net", net + math.fsum(line.value_t for line in buffered), "sum",
             "before_buffer" if state == UNKNOWN else ""),
    ]  # fmt: skip
    shares = [
        None if w is None else precision.relative(w, change)
        for w in (widths.programme, widths.full)
    ]
    return Ladder(
        lines,
        change,
        -baseline.value_t,
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
    return Ladder(lines, change, 0.0, shares[0], shares[1], drove="none")


def stock_lines(case: Case) -> list[Line]:
    """The change of living trees by line, and what is below the programme's diameter."""
    claim = case.claim
    trees, own = claim.trees, case.own_factors
    lines = []
    if trees.empty or own:
        lines = [Line(code, case.value(amount)) for code, amount in claim.lines.items()]
    else:
        worth = trees["agb_t"] * trees["palm"].map(
            {False: case.factor(), True: case.factor(palm=True)}
        )
        sums = worth.groupby(trees["line"]).sum()
        lines = [Line(code, float(sums.get(code, 0.0))) for code in claim.lines]
    if any(math.isnan(line.value_t) for line in lines):
        raise SettingsError(
            f"programme '{case.profile.id}' has no root and carbon factors of its own: give the "
            "amounts as CO2e with roots too (co2e_t)."
        )
    threshold = case.profile.number("dbh_threshold_cm")
    if threshold and not trees.empty:
        small = trees["dbh_cm"] < threshold
        value = trees["co2e_t"] if own else worth
        lines.append(Line("below_threshold", -float(value[small].sum())))
    return lines


def pool_lines(case: Case) -> list[Line]:
    """Other pools of a comparison that the programme counts."""
    return [
        Line(f"pool_{name}", value)
        for name, value in case.claim.pools.items()
        if case.profile.pools[name].value in {"in", "optional"} and value != 0.0
    ]


def baseline_line(case: Case) -> Line:
    """What would have come about without the project, taken off."""
    if case.claim.baseline is not None:
        return Line("baseline", 0.0 - case.value(case.claim.baseline))
    if case.project.baseline_tco2e is not None:
        return Line("baseline", 0.0 - case.project.baseline_tco2e)
    rule = case.profile.rule("baseline")
    return Line("baseline", 0.0, note=BY_RULE if rule == "start_stock" else UNKNOWN)


def emission_lines(case: Case) -> list[Line]:
    """Fertiliser, fire and fuel, as far as the programme counts them."""
    project, profile, emitted = case.project, case.profile, case.claim.emitted_t
    lines = []
    if (rule := profile.rule("nitrogen")) != "none":
        if "fertiliser" in emitted:
            value: float | None = emitted["fertiliser"]
        else:
            value = fertiliser(case, rule)
        lines.append(_taken("emissions_fertiliser", value if rule else None))
    if (rule := profile.rule("burning")) not in {"none", "own_lines"}:
        value = emitted["burning"] if "burning" in emitted else fire(case)
        lines.append(_taken("emissions_burning", value if rule else None))
    if (rule := profile.rule("fuel")) != "none":
        value = emitted.get("fuel")
        if value is None and project.diesel_l is not None and rule:
            value = project.diesel_l * profile.figure("diesel_tco2e_l")
        lines.append(_taken("emissions_fuel", value if rule else None))
    return lines


def _taken(code: str, value: float | None) -> Line:
    return Line(code, 0.0, note=UNKNOWN) if value is None else Line(code, 0.0 - value)


def fertiliser(case: Case, rule: str | None) -> float | None:
    """Emissions of fertiliser nitrogen [t CO2e]; None where the amount is unknown."""
    project, profile = case.project, case.profile
    synthetic, organic = project.nitrogen_synthetic_kg, project.nitrogen_organic_kg
    if rule is None or (synthetic is None and organic is None):
        return None
    if rule == "per_kg":
        return ((synthetic or 0.0) + (organic or 0.0)) * profile.figure("nitrogen_tco2e_per_kg")
    kg = 0.0
    for amount, volatilised in (
        (synthetic or 0.0, "n_volatilised"), (organic or 0.0, "n_volatilised_organic"),
    ):  # fmt: skip
        kg += gases.nitrous_oxide(
            amount,
            direct=profile.figure("n2o_direct"),
            volatilised=profile.figure(volatilised),
            from_volatilised=profile.figure("n2o_volatilised"),
            leached=profile.figure("n_leached"),
            from_leached=profile.figure("n2o_leached"),
            gwp=case.gwp.n2o,
        )
    return kg / KG_PER_T


def fire(case: Case) -> float | None:
    """Methane and nitrous oxide of fires [t CO2e]; None where they are unknown."""
    project, profile = case.project, case.profile
    area, biomass = project.burned_area_ha, project.burned_biomass_t_ha
    rule = profile.rule("burning")
    if rule is None or area is None or (area > 0.0 and biomass is None):
        return None
    if rule == "above_share":
        land = case.claim.area_ha
        if area and math.isnan(land):
            return None
        if area == 0.0 or area / land <= profile.figure("burning_share"):
            return 0.0
    return gases.burning(
        area,
        biomass or 0.0,
        combusted=profile.figure("combusted"),
        ch4_g_kg=profile.figure("burning_ch4_g_kg"),
        n2o_g_kg=profile.figure("burning_n2o_g_kg"),
        gwp_ch4=case.gwp.ch4,
        gwp_n2o=case.gwp.n2o,
    )


def leakage_line(case: Case) -> Line:
    """Emissions of activities that moved elsewhere."""
    if case.profile.rule("leakage") == "zero":
        return Line("leakage", 0.0, note=BY_RULE)
    return _taken("leakage", case.project.displaced_tco2e)


def loss_lines(case: Case) -> list[Line]:
    """Reversals since issuance, and the loss that the former period left."""
    lines = []
    if case.project.reversed_tco2e:
        lines.append(Line("reversal", -case.project.reversed_tco2e))
    if case.carried_t:
        lines.append(Line("carried_forward", case.carried_t))
    return lines


def cap_line(case: Case, before_t: float) -> list[Line]:
    """What lies above the long-term average, where the programme caps there."""
    if case.profile.rule("harvest") != "long_term_average":
        return []
    limit = case.claim.long_term_t
    if limit is None:
        limit = case.project.long_term_average_tco2e
    if limit is None:
        return [Line("cap_long_term_average", 0.0, note=UNKNOWN)]
    room = limit - (case.project.issued_tco2e or 0.0)
    return [Line("cap_long_term_average", min(0.0, room - before_t))]


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


def _deductions(case: Case, change: float, baseline: float, widths: _Widths) -> _Deducted:
    """Lines of the precision rule."""
    rule = case.profile.rule("precision")
    if rule == "none":
        return _Deducted([])
    half, drove = widths.chosen
    if rule is None or half is None:
        return _Deducted([Line("deduction_uncertainty", 0.0, note=UNKNOWN)])
    paired = case.claim.baseline is not None
    other = 0.0 if paired else _baseline_half_width(case, baseline)
    if rule == "excess":
        return _excess(case, change - baseline, math.hypot(half, other), drove)
    estimate, steps = change - baseline if paired else change, case.profile.steps
    lines = [Line("deduction_uncertainty", 0.0 - precision.step_deduction(half, estimate, steps))]
    if other:
        lines.append(
            Line("deduction_baseline", 0.0 - precision.step_deduction(other, baseline, steps))
        )
    u = precision.relative(half, estimate)
    step = precision.next_step(u, steps)
    return _Deducted(lines, drove, step, _plots(case, u, step, drove))


def _excess(case: Case, estimate: float, half: float, drove: Drove) -> _Deducted:
    """What the half-width of the net change exceeds the allowance by."""
    allowed = case.profile.figure("precision_allowed")
    amount = min(precision.excess_deduction(half, estimate, allowed), abs(estimate))
    stop = case.profile.number("precision_stop")
    u = precision.relative(half, estimate)
    if stop is not None and u > stop:
        amount = abs(estimate)
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
