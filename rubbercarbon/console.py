"""What the commands print: tables, problems, a summary that a person can read."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rubbercarbon import messages
from rubbercarbon.columns import RUBBER
from rubbercarbon.row_counts import count_rows

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.change import Change
    from rubbercarbon.inventory import Inventory
    from rubbercarbon.problems import Problems
    from rubbercarbon.stock_points import Points
    from rubbercarbon.stocks import Stocks

PROBLEMS_SHOWN = 12
PLOTS_SHOWN = 20
WIDTH_IN_FILES = 140


def line(text: str = "") -> None:
    """Print one line of plain text."""
    sys.stdout.write(text + "\n")


def json_records(frame: pd.DataFrame) -> None:
    """Print a table as a JSON list; plain ASCII, so that every console can take it."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    line(json.dumps(rows, indent=2))


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0
) -> None:
    """Print a table.

    Parameters
    ----------
    title : str
    columns : sequence of str
    rows : iterable of sequences of str
    numbers : int
        How many of the last columns are set to the right.
    """
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        right = i >= len(columns) - numbers
        shown.add_column(
            column, justify="right" if right else "left", overflow="fold", no_wrap=i == 0
        )
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    width = None if sys.stdout.isatty() else WIDTH_IN_FILES
    Console(file=sys.stdout, highlight=False, width=width).print(shown)


def number(value: float, digits: int = 1) -> str:
    """A number for reading; ``-`` where there is none."""
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"


def interval(row: Any, column: str, digits: int = 1, *, language: str = "en") -> str:
    """The interval of a figure for reading."""
    low, high = float(row[f"{column}_low"]), float(row[f"{column}_high"])
    ends = {"low": number(low, digits), "high": number(high, digits)}
    return "-" if math.isnan(low) else messages.text("report", "interval", language, **ends)


def _level(result: Stocks | Change) -> str:
    return f"{100 * float(result.run['settings']['level']):g}"


def problems(found: Problems, language: str, whole: str) -> None:
    """Print the first problems, errors first; ``whole`` names the file with all of them."""
    problem_table(found.frame(language), language, whole)


def problem_table(frame: pd.DataFrame, language: str, whole: str) -> None:
    """The same, from a table of problems."""
    count = frame["severity"].value_counts()
    rank = frame["severity"].map({"error": 0, "warning": 1, "note": 2})
    vague = (frame["suggested_value"] == "").astype(int)
    frame = frame.assign(rank=rank, vague=vague).query("rank < 2")
    frame = frame.sort_values(["rank", "vague"], kind="stable")
    if frame.empty:
        line(messages.text("cli", "no_problems", language))
        return
    title = messages.text(
        "cli",
        "problems_title",
        language,
        errors=int(count.get("error", 0)),
        warnings=int(count.get("warning", 0)),
    )
    heads = [messages.text("tables", key, language) for key in ("where", "problem", "advice")]
    places = [
        _place(file, str(sheet), row)
        for file, sheet, row in zip(frame["file"], frame["sheet"], frame["row"], strict=True)
    ]
    rows = list(zip(places, frame["message"], frame["suggestion"], strict=True))
    table(title, heads, rows[:PROBLEMS_SHOWN])
    if len(rows) > PROBLEMS_SHOWN:
        key = "more_problems" if whole else "more_problems_unwritten"
        line(messages.text("cli", key, language, count=len(rows) - PROBLEMS_SHOWN, file=whole))
    meant = int((frame["suggested_value"] != "").sum())
    if meant:
        line(messages.text("cli", "suggestions_open", language, count=meant))


def _place(file: str, sheet: str, row: Any) -> str:
    where = f"{file} [{sheet}]" if sheet else file
    return where if str(row) == "<NA>" else f"{where}:{row}"


def stocks(result: Stocks, language: str) -> None:
    """Print stocks per plot and what they say."""
    _plots(result, language)
    line(messages.text("cli", "summary_title", language) + ": " + _scope(result, language))
    line(_sentence(result, language))
    line(_doubt(result, language))
    line(messages.text("cli", "summary_not_credit", language))
    _rows(result.trees, len(result.plots), language)


def _plots(result: Stocks, language: str) -> None:
    """Per hectare where areas are known, else per plot."""
    plots = result.plots
    per_ha = bool(plots["area_ha"].notna().any())
    names = ("agb", "bgb", "carbon", "herb")
    columns = [f"{name}_t_ha" if per_ha else f"{name}_t" for name in names]
    heads = ["plot", "system", "trees", "stems_ha", "basal_area"]
    heads += [name if per_ha else f"{name}_plot" for name in names]
    columns = [
        "n_trees",
        "stems_per_ha",
        "basal_area_m2_ha",
        *columns,
        "co2e_t_rai" if per_ha else "co2e_t",
    ]
    heads.append("co2e_rai" if per_ha else "co2e_plot")
    heads.append("interval")
    digits = [0, 0, *[1] * 6]
    rows = [
        [
            str(row["plot_id"]),
            str(row["system"]),
            *(number(float(row[c]), d) for c, d in zip(columns, digits, strict=True)),
            interval(row, columns[-1], language=language),
        ]
        for _, row in plots.head(PLOTS_SHOWN).iterrows()
    ]
    table(
        messages.text("cli", "per_plot", language),
        [messages.text("tables", head, language, level=_level(result)) for head in heads],
        rows,
        numbers=len(columns) + 1,
    )
    if len(plots) > PLOTS_SHOWN:
        line(messages.text("cli", "more_plots", language, count=len(plots) - PLOTS_SHOWN))


def _scope(result: Stocks, language: str) -> str:
    total = result.total.iloc[-1]
    if total["describes"] == "land":
        scope = messages.text("cli", "total_land", language, area=number(total["area_ha"], 2))
    elif math.isnan(total["area_measured_ha"]):
        scope = messages.text("cli", "total_no_area", language)
    else:
        scope = messages.text(
            "cli", "total_plots", language, area=number(total["area_measured_ha"], 2)
        )
    return messages.text("cli", "total", language, scope=scope)


def _doubt(result: Stocks, language: str) -> str:
    """The interval of the total and what most of it comes from."""
    total, shares = result.total.iloc[-1], result.attribution
    mine = shares[(shares["site_id"] == "ALL") & (shares["quantity"] == "carbon")]
    largest = mine.sort_values("share", ascending=False).head(2)
    parts = [
        f"{messages.text('terms', str(row['term']), language)} ({number(100 * row['share'], 0)} %)"
        for _, row in largest.iterrows()
    ]
    return messages.text(
        "cli",
        "doubt",
        language,
        level=_level(result),
        low=number(total["carbon_t_low"]),
        high=number(total["carbon_t_high"]),
        causes=", ".join(parts) or "-",
    )


def change(result: Change, language: str) -> None:
    """Print growth, mortality, ingrowth and net change of carbon per plot and in all."""
    plots = result.plots
    unit = "t_ha" if "carbon_t_ha_net" in plots else "t"
    parts = ("growth", "mortality", "ingrowth", "net")
    rows = [
        [
            str(row["plot_id"]),
            *(number(float(row[f"carbon_{unit}_{part}"])) for part in parts),
            interval(row, f"carbon_{unit}_net", language=language),
        ]
        for _, row in plots.head(PLOTS_SHOWN).iterrows()
    ]
    heads = ["plot", *parts, "interval_change"]
    title = messages.text("cli", f"change_{unit}", language)
    level = _level(result)
    table(title, [messages.text("tables", h, language, level=level) for h in heads], rows, 5)
    total = result.total.iloc[-1]
    line(
        messages.text(
            "cli",
            "change_total",
            language,
            net=number(total["co2e_t_net"]),
            low=number(total["co2e_t_net_low"]),
            high=number(total["co2e_t_net_high"]),
            level=level,
            survivors=int(plots["n_survivors"].sum()),
            dead=int(plots["n_dead"].sum()),
            new=int(plots["n_ingrowth"].sum()),
        )
    )


def _sentence(result: Stocks, language: str) -> str:
    total, trees = result.total.iloc[-1], result.trees
    rubber = trees.loc[trees["species"] == RUBBER, "agb_kg"].sum()
    living = trees["agb_kg"].sum()
    per_area = ""
    if not math.isnan(total["co2e_t_rai"]):
        per_area = messages.text(
            "cli",
            "summary_area",
            language,
            co2e_rai=number(total["co2e_t_rai"]),
            carbon_ha=number(total["carbon_t_ha"]),
        )
    share = 100.0 * rubber / living if living > 0 else math.nan
    return messages.text(
        "cli",
        "summary",
        language,
        carbon=number(total["carbon_t"]),
        co2e=number(total["co2e_t"]),
        rubber=number(share, 0),
        per_area=per_area,
    )


def reading(inventory: Inventory, points: Points | None, language: str) -> None:
    """Print how headings were read and how rows reconcile."""
    pairs = [
        f"{' '.join(heading.split())} → {name}"
        for name, heading in inventory.headings.items()
        if heading != name
    ]
    if pairs:
        line(messages.text("cli", "headings_read", language) + " " + "; ".join(pairs))
    if points is None:
        trees = inventory.trees
        nothing = trees.assign(agb_kg=math.nan, herb_kg=math.nan, flags=trees["refused"])
        _rows(nothing, len(inventory.plots), language)
    else:
        _rows(points.trees, len(inventory.plots), language)


def _rows(trees: pd.DataFrame, plots: int, language: str) -> None:
    """How the rows of a table of trees reconcile."""
    count = count_rows(trees)
    line(
        messages.text(
            "cli", "rows_read", language, read=count.read, estimated=count.estimated,
            gone=count.gone, refused=count.refused, plots=plots,
        )
    )  # fmt: skip
    if count.without_mass:
        line(messages.text("cli", "rows_without_mass", language, count=count.without_mass))
