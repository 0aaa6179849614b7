"""What `compare` prints: the scenarios, and in two sentences what may be concluded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rubbercarbon import messages
from rubbercarbon.console import interval, line, number, table
from rubbercarbon.economics import GIVEN
from rubbercarbon.scenario_figures import title_of
from rubbercarbon.thresholds import threshold

if TYPE_CHECKING:
    from rubbercarbon.comparison import Comparison

HEADLINE = "biomass_average_t_c_ha"
AGAINST = "biomass_average_difference_t_c_ha"
LIKELY = threshold("likely")


def _text(key: str, language: str, **values: object) -> str:
    return messages.text("scenarios", key, language, **values)


def comparison(result: Comparison, language: str) -> None:
    """Print the table of scenarios, the sentences, and the money where there are prices."""
    projection = result.projection
    level = f"{100 * projection.level:g}"
    rows = []
    for row in result.summary.to_dict("records"):
        name = title_of(projection.runs[str(row["scenario"])], language)
        drawn = projection.draws > 0
        against = not math.isnan(row.get(AGAINST, math.nan))
        rows.append(
            [
                name,
                number(row[HEADLINE]),
                interval(row, HEADLINE, language=language) if drawn else "-",
                f"{row[AGAINST]:+.1f}" if against else "-",
                interval(row, AGAINST, language=language) if drawn and against else "-",
                _chance(row, language) if drawn and against else "-",
                number(row["net_removals_t_co2e_ha"], 0),
            ]
        )
    head = ["scenario", "average", "interval", "difference", "interval", "p_greater", "removals"]
    table(
        _text("table_title", language),
        [_text(key, language, level=level, years=projection.years) for key in head],
        rows, numbers=6,
    )  # fmt: skip
    line(_text("summary_title", language))
    for name in result.pairs:
        for sentence in sentences(result, name, language):
            line(f"  {sentence}")
    line(f"  {_text('status', language, status=projection.status)}")
    if result.accounts is not None:
        _money(result, language)


def _chance(row: Any, language: str) -> str:
    if row["p_greater_status"] == "no difference":
        return "-"
    if row["p_greater_status"] == "given":
        return f"{100 * row['p_greater']:.0f} %"
    return _text(
        "withheld", language, low=f"{100 * row['p_greater_lowest_switch']:.0f}",
        high=f"{100 * row['p_greater_highest_switch']:.0f}",
    )  # fmt: skip


def sentences(result: Comparison, scenario: str, language: str) -> tuple[str, str]:
    """What a site officer may conclude of a scenario, and what not.

    Parameters
    ----------
    result : Comparison
    scenario : str
    language : str

    Returns
    -------
    tuple of str
    """
    projection = result.projection
    rows: dict[str, Any] = {row["scenario"]: row for row in result.summary.to_dict("records")}
    row, base = rows[scenario], rows[result.baseline]
    drawn = projection.draws > 0
    may = _text(
        "may" if drawn else "may_no_draws", language, years=int(row["averaged_years"]),
        name=title_of(projection.runs[scenario], language), value=number(row[HEADLINE]),
        base=number(base[HEADLINE]), baseline=title_of(projection.runs[result.baseline], language),
        difference=f"{row[AGAINST]:+.1f}", level=f"{100 * projection.level:g}",
        low=f"{row[AGAINST + '_low']:+.1f}" if drawn else "",
        high=f"{row[AGAINST + '_high']:+.1f}" if drawn else "",
        total=f"{row['total_average_difference_t_c_ha']:+.1f}",
    )  # fmt: skip
    if not drawn:
        return may, _text("may_not_point", language)
    if row["p_greater_status"] == "no difference":
        run = projection.runs[scenario]
        pairs = zip(run.parts, run.masses.choices, strict=True)
        unknown = [part.match.species for part, choice in pairs if choice.why_not]
        key = "may_not_unknown" if unknown else "may_not_same"
        return may, _text(key, language, unknown=", ".join(unknown))
    if row["p_greater_status"] != "given":
        return may, _text(
            "may_not_withheld", language,
            low=f"{row['difference_lowest_switch_t_c_ha']:+.1f}",
            high=f"{row['difference_highest_switch_t_c_ha']:+.1f}",
        )  # fmt: skip
    chance = float(row["p_greater"])
    key = "may_not_within"
    if chance >= LIKELY:
        key = "may_not_more"
    elif chance <= 1.0 - LIKELY:
        key = "may_not_less"
    return may, _text(key, language, chance=f"{100 * chance:.0f}")


def _money(result: Comparison, language: str) -> None:
    assert result.accounts is not None
    assert result.prices is not None
    drawn = result.projection.draws > 0
    level = f"{100 * result.projection.level:g}"
    rows = [
        [
            title_of(result.projection.runs[str(row["scenario"])], language),
            number(row["npv_thb_ha"], 0),
            interval(row, "npv_thb_ha", 0, language=language) if drawn else "-",
            number(row["npv_difference_thb_ha"], 0),
            interval(row, "npv_difference_thb_ha", 0, language=language) if drawn else "-",
            _break_even(row, language),
        ]
        for row in result.accounts.summary.to_dict("records")
    ]
    head = ["scenario", "npv", "interval", "npv_difference", "interval", "break_even_carbon"]
    table(
        _text(
            "npv_title", language, date=result.prices.date,
            rate=f"{100 * result.prices.discount_rate:g}", years=result.projection.years,
        ),
        [_text(key, language, level=level) for key in head], rows, numbers=5,
    )  # fmt: skip


def _break_even(row: Any, language: str) -> str:
    """The carbon price at which a scenario meets the baseline, or why there is none."""
    state = row.get("break_even_carbon_state")
    if not isinstance(state, str):
        return "-"
    if state == GIVEN:
        return number(row["break_even_carbon_thb_t"], 0)
    return _text(state, language)
