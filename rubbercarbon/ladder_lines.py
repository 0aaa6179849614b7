"""Lines of the ladder before any discount: stocks, pools, baseline, emissions, losses, cap."""

from __future__ import annotations

import math

from rubbercarbon import gases
from rubbercarbon.cases import BY_RULE, RULE_UNKNOWN, UNKNOWN, Case, Line
from rubbercarbon.errors import SettingsError
from rubbercarbon.pools import KG_PER_T


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
        lines.append(_taken("emissions_fertiliser", value, rule))
    if (rule := profile.rule("burning")) not in {"none", "own_lines"}:
        value = emitted["burning"] if "burning" in emitted else fire(case)
        lines.append(_taken("emissions_burning", value, rule))
    if (rule := profile.rule("fuel")) != "none":
        value = emitted.get("fuel")
        if value is None and project.diesel_l is not None and rule:
            value = project.diesel_l * profile.figure("diesel_tco2e_l")
        lines.append(_taken("emissions_fuel", value, rule))
    return lines


def _taken(code: str, value: float | None, rule: str | None) -> Line:
    """An amount taken off; nothing where the rule, or the amount, is not known."""
    if rule is None and value != 0.0:
        return Line(code, 0.0, note=RULE_UNKNOWN)
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
    if area == 0.0:
        return 0.0
    if rule is None or area is None or (area > 0.0 and biomass is None):
        return None
    if rule == "above_share":
        land = case.claim.area_ha
        if area and math.isnan(land):
            return None
        if area / land <= profile.figure("burning_share"):
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
    return _taken("leakage", case.project.displaced_tco2e, case.profile.rule("leakage"))


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
