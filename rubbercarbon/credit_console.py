"""What `credit` prints: programmes side by side, the ladder of each, why a status is not higher."""

from __future__ import annotations

import functools

from rubbercarbon import messages
from rubbercarbon.console import line, number, table
from rubbercarbon.credits import Award, CreditResult

STATEMENT = "NOT_CALCULABLE"
SHOWN_DETAILS = ("outside_range", "grade_C", "land_differs", "period_differs")
LARGE, MIDDLE = 100.0, 10.0  # t CO2e
FAR = 1.0  # a step that is more than 100 points away is no aim


def credit(result: CreditResult, language: str) -> None:
    """Print a result for reading."""
    say = functools.partial(_say, language)
    if all(award.verdict.status == STATEMENT for award in result.awards.values()):
        award = next(iter(result.awards.values()))
        line(say("stock_only", amount=number(award.ladder.amount("stock_statement"))))
    else:
        side_by_side(result, language)
    for name, award in result.awards.items():
        _ladder(name, award, language)
        line(say("why_status", programme=name))
        for reason in award.verdict.reasons:
            line(
                f"  - {say(f'reason_{reason.code}')}{_detail(reason.code, reason.detail, language)}"
            )
        for alarm in award.verdict.alarms:
            line(f"  ! {say(f'alarm_{alarm.code}')} ({alarm.detail})")
        _next_step(name, award, language)
        line()


def _say(language: str, key: str, **values: object) -> str:
    return messages.text("crediting", key, language, **values)


def side_by_side(result: CreditResult, language: str) -> None:
    """Print all programmes in one table."""
    say = functools.partial(_say, language)
    rows = [
        [
            str(row["programme"]),
            say(f"status_{row['status']}"),
            *(_shown(row[c]) for c in ("gross_t_co2e", "net_t_co2e")),
            _shown(row["net_t_co2e_rai_yr"], 2),
            _shown(row["u_full_percent"], 0),
        ]
        for row in result.programmes.to_dict("records")
    ]
    heads = ("programme", "status", "gross", "net", "rai_year", "u")
    table("", [say(f"header_{head}") for head in heads], rows, numbers=4)


def _shown(value: object, digits: int = 1) -> str:
    return "-" if not isinstance(value, int | float) else number(float(value), digits)


def _ladder(name: str, award: Award, language: str) -> None:
    say = functools.partial(_say, language)
    rows, digits = [], _digits(award)
    for one in award.ladder.lines:
        note = say(f"note_{one.note}") if one.note else ""
        text = say(f"line_{one.code}")
        amount = number(round(one.value_t, digits) + 0.0, digits)  # no minus before a zero
        rows.append([f"= {text}" if one.kind == "sum" else text, note, amount])
    heads = [say(f"header_{head}") for head in ("line", "note", "amount")]
    title = say("table_title", programme=name, status=say(f"status_{award.verdict.status}"))
    table(title, heads, rows, numbers=1)


def _digits(award: Award) -> int:
    """Decimals that show a small site's lines."""
    largest = max((abs(one.value_t) for one in award.ladder.lines), default=0.0)
    return 1 if largest >= LARGE else 2 if largest >= MIDDLE else 3


def _detail(code: str, detail: str, language: str) -> str:
    """What a reason is about; codes in words."""
    if not detail:
        return ""
    kinds = {"condition_unmet": "condition", "condition_unknown": "condition",
             "line_unknown": "line", "rule_unknown": "rule"}  # fmt: skip
    if code not in kinds:
        return f" ({detail})" if code in SHOWN_DETAILS else ""
    words = [_say(language, f"{kinds[code]}_{part}") for part in detail.split(", ")]
    return f": {', '.join(words)}"


def _next_step(name: str, award: Award, language: str) -> None:
    step = award.ladder.next_step
    if step is None or not step.distance < FAR:
        return
    plots = award.ladder.plots_to_next_step
    more = "" if plots is None else _say(language, "next_plots", plots=plots)
    line(
        _say(
            language, "next_step", programme=name, upper=f"{100 * step.upper:g}",
            distance=f"{100 * step.distance:.1f}", plots=more,
        )
    )  # fmt: skip
