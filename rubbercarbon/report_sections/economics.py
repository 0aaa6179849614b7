"""Money of the designs at the user's dated prices: present values and break-even prices."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rubbercarbon.report_blocks import Paragraph, Section, Table
from rubbercarbon.report_sections.interface import (
    design_names,
    figure_of,
    make_table,
    missing,
    section,
    text,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number

PLACE = 135


def build(source: ReportSource, words: Words) -> Section | None:
    """Only for designs; without prices it says that nothing is known of money."""
    if not source.has("summary"):
        return None
    if not source.has("accounts"):
        return section(words, "economics", missing(words, "no_prices"))
    return section(
        words, "economics", Paragraph(words.text("economics_note", **price_facts(source, words))),
        _values(source, words), _prices(source, words),
    )  # fmt: skip


def price_facts(source: ReportSource, words: Words) -> dict[str, str]:
    """Date and discount rate of the prices, and the years that they were applied to."""
    prices = source.run.get("prices") or {}
    years = source.table("pools").get("year", pd.Series(dtype=float)).max()
    return {
        "date": words.day_or_year(prices.get("date")),
        "rate": f"{100 * float(prices.get('discount_rate') or 0.0):g}",
        "years": f"{number(years) or 0.0:g}",
    }


def _values(source: ReportSource, words: Words) -> Table:
    level = f"{100 * source.level:g}"
    names = design_names(source, words)
    return make_table(
        words, "accounts", source.table("accounts"),
        [
            (words.column("scenario"), lambda row: names(row["scenario"])),
            (words.column("npv", 0), figure_of("npv_thb_ha")),
            (words.column("low", 0, level=level), figure_of("npv_thb_ha_low")),
            (words.column("high", 0, level=level), figure_of("npv_thb_ha_high")),
            (words.column("npv_difference", 0), figure_of("npv_difference_thb_ha")),
            (words.column("low", 0, level=level), figure_of("npv_difference_thb_ha_low")),
            (words.column("high", 0, level=level), figure_of("npv_difference_thb_ha_high")),
            (words.column("p_money", 0), figure_of("p_greater", 100.0)),
            (words.column("break_even_carbon", 0), lambda row: _break_even(row, words)),
        ],
        "accounts.csv",
    )  # fmt: skip


def _break_even(row: dict[str, Any], words: Words) -> float | str | None:
    """A price, or in words why there is none; nothing for the baseline."""
    price, state = number(row.get("break_even_carbon_thb_t")), row.get("break_even_carbon_state")
    return price if price is not None else words.value("break_even", state) if state else None


def _prices(source: ReportSource, words: Words) -> Table:
    """The user's prices and costs, with their sources."""
    prices = source.run.get("prices") or {}
    found = [
        {"item": words.text(key), "unit": unit, **one}
        for key, unit in (("latex_per_kg", "THB/kg"), ("carbon_per_t_co2e", "THB/t CO2e"))
        if isinstance(one := prices.get(key), dict)
    ]
    for group, unit in (("timber_per_m3", "THB/m3"), ("products_per_kg", "THB/kg")):
        found += [{"item": name, "unit": unit, **one} for name, one in
                  (prices.get(group) or {}).items()]  # fmt: skip
    found += [
        {"item": words.text("cost_of", name=cost.get("name", ""),
                            when=words.value("when", cost.get("when"))),
         "unit": "THB/ha", "value": cost.get("thb_per_ha"), "source": cost.get("source")}
        for cost in prices.get("cost") or ()
    ]  # fmt: skip
    return make_table(
        words, "prices", pd.DataFrame(found),
        [
            (words.column("item"), text("item")),
            (words.column("value", 2), figure_of("value")),
            (words.column("low_end", 2), figure_of("low")),
            (words.column("high_end", 2), figure_of("high")),
            (words.column("unit"), text("unit")),
            (words.column("source"), text("source")),
        ],
        "run.json: prices",
    )  # fmt: skip
