"""What the commands portfolio and geojson print."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rubbercarbon import messages
from rubbercarbon.columns import RAI_PER_HA, rai_text
from rubbercarbon.console import interval, line, number, table
from rubbercarbon.site_words import label

if TYPE_CHECKING:
    from rubbercarbon.polygons import Polygons
    from rubbercarbon.portfolio import PortfolioStocks

SHOWN = 20


def portfolio(result: PortfolioStocks, language: str) -> None:
    """Print strata, what is not covered, and what the total says."""

    def say(key: str, **values: object) -> str:
        return messages.text("portfolio", key, language, **values)

    level = f"{100 * float(result.run['settings']['level']):g}"
    rows = result.strata[result.strata["new_generation_farmer"] != "ALL"]
    heads = [say(key, level=level) for key in (
        "zone", "document", "operator", "new_generation", "sites", "area_rai", "co2e", "interval",
        "co2e_rai",
    )]  # fmt: skip
    cross = rows[rows["agro_ecological_zone"] != "ALL"].to_dict("records")
    table(say("strata_title"), heads, [_stratum(row, language) for row in cross[:SHOWN]], 5)
    if len(cross) > SHOWN:
        line(say("more_strata", count=len(cross) - SHOWN))
    missing = result.coverage[result.coverage["state"] == "no_site"]
    for key, dimension in (("no_zone", "agro_ecological_zone"), ("no_document", "land_document")):
        names = missing.loc[missing["dimension"] == dimension, f"label_{language}"]
        if len(names):
            line(say(key, names=", ".join(names)))
    count = result.sites["status"].value_counts()
    total = result.total.iloc[-1]
    line(
        say(
            "summary", sites=len(result.sites), computed=len(result.total) - 1,
            failed=int(count.get("failed", 0)), carbon=number(total["carbon_t"]),
            co2e=number(total["co2e_t"]), area=number(total["area_ha"] * RAI_PER_HA),
            low=number(total["co2e_t_low"]), high=number(total["co2e_t_high"]), level=level,
        )
    )  # fmt: skip
    line(say("no_claim"))


@contextlib.contextmanager
def progress(count: int, language: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while sites are read; nothing where that is no terminal."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(messages.text("portfolio", "sites", language), total=count)
        yield lambda done: bar.update(task, completed=done)


def _stratum(row: dict[Any, Any], language: str) -> list[str]:
    zone = str(row["agro_ecological_zone"])
    return [
        label("answer", zone, language) if zone == "unknown" else zone,
        label("land_document", row["land_document"], language),
        label("operator_type", row["operator_type"], language),
        label("answer", row["new_generation_farmer"], language),
        str(row["n_sites"]),
        number(row["area_rai"]),
        number(row["co2e_t"]),
        interval(row, "co2e_t", language=language),
        number(row["co2e_t_rai"]),
    ]


def polygons(found: Polygons, language: str) -> None:
    """Print measured and declared areas."""

    def say(key: str) -> str:
        return messages.text("portfolio", key, language)

    records = found.table.to_dict("records")
    rows = [
        [
            str(row["plot_id"] or row["site_id"]),
            str(row["kind"]),
            number(row["area_ha"], 3),
            "-" if math.isnan(row["area_ha"]) else rai_text(row["area_ha"]),
            number(row["area_declared_ha"], 3),
            number(row["difference_percent"]),
        ]
        for row in records[:SHOWN]
    ]
    heads = [say(k) for k in ("polygon", "kind", "area_ha", "area_text", "declared", "difference")]
    table(say("polygons_title"), heads, rows, 4)
    if len(records) > SHOWN:
        line(messages.text("portfolio", "more_polygons", language, count=len(records) - SHOWN))
