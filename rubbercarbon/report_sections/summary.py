"""What the figures say, in plain words, and what to know before using them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rubbercarbon.columns import RUBBER
from rubbercarbon.report_blocks import Fact, Facts, Paragraph, Section, Table, figure
from rubbercarbon.report_findings import Finding, capped, findings, masses, status
from rubbercarbon.report_sections.economics import price_facts
from rubbercarbon.report_sections.interface import (
    design_names,
    figure_of,
    last_row,
    make_table,
    plain,
    programme_title,
    section,
)
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words, number, whole

PLACE = 10
SAID_ONE_BY_ONE = 3


def build(source: ReportSource, words: Words) -> Section:
    """The answer first, then its doubts."""
    found = findings(source, words)
    code = status(source, found)
    leads = [
        Paragraph(text, "lead")
        for part in (_claims, _change, _stock, _scenarios, _money)
        for text in part(source, words)
    ]
    meaning = Paragraph(words.text("status_means", status=words.value("status", code),
                                   meaning=words.value("meaning", code)))  # fmt: skip
    return section(
        words, "summary", *(leads or [Paragraph(words.text("nothing"), "lead")]), meaning,
        Paragraph(words.text("know_first")),
        *(Paragraph(one.text, one.kind) for one in found), _facts(source, words),
        _glance(source, words, found),
    )  # fmt: skip


def _claims(source: ReportSource, words: Words) -> Iterator[str]:
    """One sentence per programme; for many, one sentence and the table below it."""
    rows = source.table("programmes").to_dict("records")
    if len(rows) > SAID_ONE_BY_ONE:
        nets = [net for row in rows if (net := number(row.get("net_t_co2e"))) is not None]
        if nets:
            yield words.text("say_claims", count=len(rows), low=figure(min(nets)),
                             high=figure(max(nets)))  # fmt: skip
        else:
            yield words.text("say_no_claims", count=len(rows))
        return
    for found in rows:
        row = {str(key): value for key, value in found.items()}
        net, name = number(row.get("net_t_co2e")), programme_title(row, words)
        if net is None:
            yield words.text("say_no_claim", programme=name)
            continue
        yield words.text(
            "say_claim", programme=name, net=figure(net), period=_period(row, words),
            rai=words.amount(row.get("net_t_co2e_rai_yr"), decimals=2),
            buffer=words.value("buffer", row.get("buffer_state", "")),
        )  # fmt: skip


def _period(row: dict[str, Any], words: Words) -> str:
    ends = plain(row.get("period_from")), plain(row.get("period_to"))
    if not any(ends):
        years = number(row.get("years"))
        return words.text("period_unknown") if years is None else words.text(
            "period_years", years=f"{years:.4g}")  # fmt: skip
    return words.text("period", start=words.date(ends[0]), end=words.date(ends[1]))


def _glance(source: ReportSource, words: Words, found: tuple[Finding, ...]) -> Table | None:
    """Programmes with their net figures and status, where there are too many for sentences."""
    programmes = source.table("programmes")
    if len(programmes) <= SAID_ONE_BY_ONE:
        return None
    return make_table(
        words, "glance", programmes,
        [
            (words.column("programme"), lambda row: programme_title(row, words)),
            (words.column("net_t", 1), figure_of("net_t_co2e")),
            (words.column("net_rai", 2), figure_of("net_t_co2e_rai_yr")),
            (words.column("buffer_state"), lambda row: words.value("buffer", row["buffer_state"])),
            (words.column("status"),
             lambda row: words.value("status", capped(row["status"], found))),
        ],
        "programmes.csv",
    )  # fmt: skip


def _change(source: ReportSource, words: Words) -> Iterator[str]:
    total, plots = last_row(source.table("change_total")), source.table("change_plots")
    if total:
        counts = {name: whole(plots[f"n_{name}"].sum()) if f"n_{name}" in plots else 0
                  for name in ("survivors", "dead", "ingrowth")}  # fmt: skip
        yield words.text(
            "say_change", net=words.amount(total.get("co2e_t_net")),
            interval=words.interval(total.get("co2e_t_net_low"), total.get("co2e_t_net_high")),
            level=f"{100 * source.level:g}", **counts,
        )  # fmt: skip


def _stock(source: ReportSource, words: Words) -> Iterator[str]:
    total = last_row(source.table("total"))
    if not total:
        return
    yield words.text(
        "say_stock", where=_where(total, words), carbon=words.amount(total.get("carbon_t")),
        co2e=words.amount(total.get("co2e_t")), level=f"{100 * source.level:g}",
        interval=words.interval(total.get("co2e_t_low"), total.get("co2e_t_high")),
    )  # fmt: skip
    per_rai = number(total.get("co2e_t_rai"))
    if per_rai is not None:
        yield words.text("say_per_rai", rai=figure(per_rai),
                         ha=words.amount(total.get("co2e_t_ha")))  # fmt: skip


def _where(total: dict[str, Any], words: Words) -> str:
    if total.get("describes") == "land":
        return words.text("where_land", area=words.area(total.get("area_ha")))
    if total.get("describes") == "mixed":
        return words.text("where_mixed", area=words.area(total.get("area_ha")))
    if number(total.get("area_measured_ha")) is not None:
        return words.text("where_plots", area=words.area(total.get("area_measured_ha")))
    return words.text("where_no_area")


def _scenarios(source: ReportSource, words: Words) -> Iterator[str]:
    """One sentence per scenario against the baseline."""
    summary = source.table("summary")
    if "biomass_average_difference_t_c_ha" not in summary:
        return
    baseline, names = str(source.run.get("baseline", "")), design_names(source, words)
    for _, row in summary.iterrows():
        name = "biomass_average_difference_t_c_ha"
        difference = number(row.get(name))
        if str(row["scenario"]) == baseline or difference is None:
            continue
        chance = number(row.get("p_greater"))
        key = "say_scenario" if str(row.get("p_greater_status", "")) != "withheld" else \
            "say_scenario_withheld"  # fmt: skip
        yield words.text(
            key, name=names(row["scenario"]), baseline=names(baseline),
            years=whole(row.get("averaged_years")),
            difference=figure(difference),
            interval=words.interval(row.get(f"{name}_low"), row.get(f"{name}_high")),
            level=f"{100 * source.level:g}",
            chance=words.text("unknown") if chance is None else figure(100 * chance, 0),
            low=words.amount(row.get("difference_lowest_switch_t_c_ha")),
            high=words.amount(row.get("difference_highest_switch_t_c_ha")),
        )  # fmt: skip


def _money(source: ReportSource, words: Words) -> Iterator[str]:
    """One sentence per scenario: what it is worth beside the baseline at the given prices."""
    baseline, names = str(source.run.get("baseline", "")), design_names(source, words)
    for _, row in source.table("accounts").iterrows():
        name = "npv_difference_thb_ha"
        if str(row["scenario"]) != baseline:
            yield words.text(
                "say_money", name=names(row["scenario"]), baseline=names(baseline),
                npv=words.amount(row.get("npv_thb_ha"), decimals=0),
                difference=words.amount(row.get(name), decimals=0),
                interval=words.interval(row.get(f"{name}_low"), row.get(f"{name}_high"), 0),
                level=f"{100 * source.level:g}", **price_facts(source, words),
            )  # fmt: skip


def _measured(source: ReportSource, words: Words) -> list[Fact]:
    """Areas of two censuses, which have no total of areas."""
    plots = source.table("change_plots")
    names = (("area_plots", "area_ha"), ("area_land", "represents_ha"))
    found = [(key, name) for key, name in names if name in plots and plots[name].notna().all()]
    return [
        Fact(words.text(key), words.area(plots[name].sum()), f"change_plots.csv: {name}")
        for key, name in found
        if len(plots)
    ]


def _facts(source: ReportSource, words: Words) -> Facts | None:
    rows: list[Fact] = []
    total, trees, place = last_row(source.table("total")), masses(source), source.group("site")
    if place:
        name = place.get("name") or place.get("id")
        rows.append(Fact(words.text("site"), words.or_unknown(name), words.text("from_site")))
    if total:
        rows.append(Fact(words.text("area_plots"), words.area(total.get("area_measured_ha")),
                         "total.csv: ALL, area_measured_ha"))  # fmt: skip
        land = number(total.get("area_ha"))
        if land is not None:
            rows.append(Fact(words.text("area_land"), words.area(land), "total.csv: ALL, area_ha"))
    else:
        rows += _measured(source, words)
    if "agb_kg" in trees and trees["mass"].sum() > 0:
        rubber = trees.loc[trees["species"] == RUBBER, "mass"].sum() / trees["mass"].sum()
        rows.append(Fact(words.text("stems"), figure(float(trees["count"].sum()), 0),
                         "trees.csv: count"))  # fmt: skip
        rows.append(Fact(words.text("rubber_share"), f"{figure(100 * float(rubber), 0)} %",
                         "trees.csv: species, agb_kg, herb_kg, represents"))  # fmt: skip
    return Facts(tuple(rows)) if rows else None
