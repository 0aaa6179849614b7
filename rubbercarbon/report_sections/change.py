"""Change between two censuses: growth, mortality, ingrowth and net change."""

from __future__ import annotations

from rubbercarbon import report_figures
from rubbercarbon.censuses import APART
from rubbercarbon.pools import co2e
from rubbercarbon.report_blocks import Fact, Facts, Figure, Section, Table
from rubbercarbon.report_sections.interface import figure_of, make_table, missing, section, text
from rubbercarbon.report_source import ReportSource
from rubbercarbon.report_words import Words

PLACE = 100
PARTS = ("growth", "mortality", "ingrowth")
PLOTS_DRAWN = 40


def build(source: ReportSource, words: Words) -> Section | None:
    """By plot and in all; a single census has no change."""
    if not source.has("change_total"):
        return (
            section(words, "change", missing(words, "no_change")) if source.has("plots") else None
        )
    return section(
        words, "change", _stocks(source, words), _totals(source, words), *_plots(source, words)
    )


def _stocks(source: ReportSource, words: Words) -> Facts | None:
    """What the trees of the change held at both dates; the difference is the net change."""
    trees = source.table("change_trees")
    if not {"carbon_t_1", "carbon_t_2", "fate"} <= set(trees):
        return None
    mine = trees[trees["fate"] != APART]
    held = [co2e(float(mine[f"carbon_t_{date}"].sum())) for date in (1, 2)]
    pairs = (("held_first", 1, held[0]), ("held_second", 2, held[1]))
    rows = [
        Fact(words.text(key), words.amount(value, "unit_t_co2e"), f"change_trees.csv: carbon_t_{n}")
        for key, n, value in pairs
    ]
    return Facts(tuple(rows))


def _totals(source: ReportSource, words: Words) -> Table:
    level = f"{100 * source.level:g}"
    columns = [
        (words.column("site"), lambda row: words.value("scope", row.get("site_id"))),
        (words.column("stratum"), text("stratum")),
        *((words.column(part, 1), figure_of(f"co2e_t_{part}")) for part in (*PARTS, "net")),
        (words.column("sd", 1), figure_of("co2e_t_net_sd")),
        (words.column("low", 1, level=level), figure_of("co2e_t_net_low")),
        (words.column("high", 1, level=level), figure_of("co2e_t_net_high")),
    ]
    return make_table(words, "change-total", source.table("change_total"), columns,
                      "change_total.csv")  # fmt: skip


def _plots(source: ReportSource, words: Words) -> list[Table | Figure]:
    plots = source.table("change_plots")
    unit = "t_ha" if "co2e_t_ha_net" in plots else "t"
    if f"co2e_{unit}_net" not in plots:
        return []
    level = f"{100 * source.level:g}"
    net = f"co2e_{unit}_net"
    columns = [
        (words.column("plot"), text("plot_id")),
        (words.column("survivors", 0), figure_of("n_survivors")),
        (words.column("dead", 0), figure_of("n_dead")),
        (words.column("new", 0), figure_of("n_ingrowth")),
        *((words.column(part, 1), figure_of(f"co2e_{unit}_{part}")) for part in (*PARTS, "net")),
        (words.column("low", 1, level=level), figure_of(f"{net}_low")),
        (words.column("high", 1, level=level), figure_of(f"{net}_high")),
    ]
    key = f"change-plots-{unit}".replace("_", "-")
    table = make_table(words, key, plots, columns, "change_plots.csv")
    shown = plots[plots[net].notna()].head(PLOTS_DRAWN)
    if shown.empty:
        return [table]
    series = [
        report_figures.Bars(words.text(f"part_{part}"),
                            shown[f"co2e_{unit}_{part}"].fillna(0.0).tolist())
        for part in PARTS
    ]  # fmt: skip
    svg = report_figures.bars("figure-change", shown["plot_id"].tolist(), series,
                              words.text(f"axis_change_{unit}"), stacked=True)  # fmt: skip
    alt = words.text("alt_change", count=len(shown), low=words.amount(shown[net].min()),
                     high=words.amount(shown[net].max()))  # fmt: skip
    return [table, Figure("figure-change", words.text("figure_change"), alt, svg, key)]
