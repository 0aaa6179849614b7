"""Figures of scenarios; matplotlib is loaded inside the functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import carbon_fractions
from rubbercarbon import messages
from rubbercarbon.figures import COLOURS, canvas, plain, save
from rubbercarbon.outcome import POOLS
from rubbercarbon.projection import Projection, Run
from rubbercarbon.projection_report import spread
from rubbercarbon.scenarios.interface import LIBRARY
from rubbercarbon.typeface import typeface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rubbercarbon.comparison import Comparison

Floats = NDArray[np.float64]
PUBLISHED = LIBRARY.parent / "published_stands.csv"
ROWS_OF_TORNADO = 12
PANELS_ACROSS = 4
OLDEST = 35
LINE_STYLES = ("-", "--", "-.", ":")
POOL_COLOURS = dict(zip(POOLS, ("#009E73", "#56B4E9", "#F0E442", "#D55E00", "#CC79A7", "#999999",
                                "#E69F00", "#8C6D46"), strict=True))  # fmt: skip


def title_of(run: Run, language: str) -> str:
    """Title of a scenario in a language; English where it has none."""
    title = run.scenario.title
    return title.th if language == "th" and title.th else title.en


def _text(key: str, language: str, **values: object) -> str:
    return messages.text("scenarios", key, language, **values)


def _blank(
    width: float, height: float, columns: int = 1, rows: int = 1
) -> tuple[Figure, list[Axes]]:
    figure, axes = canvas(width, height, columns, rows, sharey=columns > 1)
    for one in axes:
        plain(one)
    return figure, axes


def _saw(after: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Years and values with both sides of each felling."""
    years = np.repeat(np.arange(float(len(after))), 2)
    return years, np.stack([before, after], axis=1).reshape(2 * len(after), *after.shape[1:])


def stocks_over_time(projection: Projection, language: str = "en") -> Figure:
    """Carbon of living trees by year, each scenario with the band of its draws."""
    figure, (axes,) = _blank(9.0, 4.8)
    keep = slice(0, projection.years + 1)
    for i, run in enumerate(projection.runs.values()):
        colour = COLOURS[i % len(COLOURS)]
        label = title_of(run, language)
        if run.draws is not None:
            years, drawn = _saw(
                run.draws.stock("biomass")[keep], run.draws.stock("biomass", before=True)[keep]
            )
            band = spread(drawn, projection.level)
            axes.fill_between(
                years, band["low"], band["high"], color=colour, alpha=0.15, linewidth=0
            )
        years, point = _saw(
            run.point.stock("biomass")[keep, 0], run.point.stock("biomass", before=True)[keep, 0]
        )
        axes.plot(
            years, point, color=colour, linewidth=2.0, label=label,
            linestyle=LINE_STYLES[i % len(LINE_STYLES)],
        )  # fmt: skip
    axes.set_xlim(0, projection.years)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(_text("year", language))
    axes.set_ylabel(_text("axis_biomass", language))
    axes.set_title(
        _text("title_stocks", language, level=f"{100 * projection.level:g}"),
        loc="left",
        fontsize=11,
    )
    figure.legend(loc="outside lower center", frameon=False, ncols=2, fontsize="small")
    return figure


def difference_over_time(comparison: Comparison, language: str = "en") -> Figure:
    """Difference of living biomass from the baseline by year, with the band of paired draws."""
    projection = comparison.projection
    figure, (axes,) = _blank(9.0, 4.4)
    for i, (name, pair) in enumerate(comparison.pairs.items()):
        colour = COLOURS[(i + 1) % len(COLOURS)]
        keep = slice(0, pair.years + 1)

        def saw(run: Any, base: Any, keep: slice = keep) -> tuple[Floats, Floats]:
            after = run.stock("biomass")[keep] - base.stock("biomass")[keep]
            before = run.stock("biomass", before=True)[keep]
            return _saw(after, before - base.stock("biomass", before=True)[keep])

        drawn = pair.draws_by_switch.get((True, True))
        if drawn is not None:
            years, values = saw(*drawn)
            band = spread(values, projection.level)
            axes.fill_between(
                years, band["low"], band["high"], color=colour, alpha=0.15, linewidth=0
            )
        years, values = saw(*pair.point)
        axes.plot(
            years, values[:, 0], color=colour, linewidth=2.0,
            label=title_of(projection.runs[name], language),
        )  # fmt: skip
        low = np.min([saw(*p)[1][:, 0] for p in pair.points_by_switch.values()], axis=0)
        high = np.max([saw(*p)[1][:, 0] for p in pair.points_by_switch.values()], axis=0)
        for edge in (low, high):
            axes.plot(years, edge, color=colour, linewidth=0.8, linestyle=":")
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_xlim(0, projection.years)
    axes.set_xlabel(_text("year", language))
    axes.set_ylabel(_text("axis_difference", language))
    base = title_of(projection.runs[comparison.baseline], language)
    axes.set_title(
        _text("title_difference", language, base=base, level=f"{100 * projection.level:g}"),
        loc="left", fontsize=11,
    )  # fmt: skip
    figure.legend(loc="outside lower center", frameon=False, ncols=2, fontsize="small")
    return figure


def stacked_pools(projection: Projection, language: str = "en") -> Figure:
    """Every pool of every scenario by year, without errors."""
    runs = list(projection.runs.values())
    columns = min(len(runs), PANELS_ACROSS)
    rows = -(-len(runs) // columns)
    figure, panels = _blank(max(4.2 * columns, 6.0), 1.2 + 3.4 * rows, columns, rows)
    for spare in panels[len(runs) :]:
        spare.set_visible(False)
    keep = slice(0, projection.years + 1)
    for axes, run in zip(panels, runs, strict=False):
        years, values = _saw(run.point.pools[:, keep, 0].T, run.point.standing[:, keep, 0].T)
        order = ("soil", "bgb", "agb", "herb", "dead_roots", "deadwood", "litter", "products")
        stack = [values[:, POOLS.index(pool)] for pool in order]
        axes.stackplot(
            years, *stack, colors=[POOL_COLOURS[pool] for pool in order],
            labels=[_text(f"pool_{pool}", language) for pool in order], linewidth=0,
        )  # fmt: skip
        axes.set_title(title_of(run, language), loc="left", fontsize=10)
        axes.set_xlabel(_text("year", language))
        axes.set_xlim(0, projection.years)
    panels[0].set_ylabel(_text("axis_pools", language))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", frameon=False, ncols=4,
                  fontsize="small")  # fmt: skip
    return figure


def tornado(comparison: Comparison, scenario: str, language: str = "en") -> Figure:
    """What moves the time-averaged difference most, each error alone at its 90 % ends."""
    table = comparison.sensitivity
    table = table[table["scenario"] == scenario].head(ROWS_OF_TORNADO).iloc[::-1]
    figure, (axes,) = _blank(9.0, 0.9 + 0.36 * max(len(table), 4))
    centre = table["centre_t_c_ha"].to_numpy()
    for column, colour, key in (
        ("at_low_t_c_ha", "#56B4E9", "low_end"),
        ("at_high_t_c_ha", "#D55E00", "high_end"),
    ):
        axes.barh(
            range(len(table)), table[column].to_numpy() - centre, left=centre, color=colour,
            height=0.6, label=_text(key, language),
        )  # fmt: skip
    words = [_words(str(label), language) for label in table["assumption"]]
    axes.set_yticks(range(len(table)), words, fontsize=8)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_xlabel(_text("axis_average_difference", language))
    run = comparison.projection.runs[scenario]
    title = _text("title_tornado", language, name=title_of(run, language))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(loc="outside lower center", frameon=False, ncols=2, fontsize="small")
    return figure


def _words(label: str, language: str) -> str:
    """A label of the sensitivity table with the error's name in words."""
    name = label.split(",", maxsplit=1)[0].removesuffix(" (slope)")
    known = messages.keys("terms", language)
    return (
        label.replace(name, messages.text("terms", name, language), 1) if name in known else label
    )


def published_stands(projection: Projection, scenario: str, language: str = "en") -> Figure:
    """A scenario's stand, left unfelled, beside published ones of rubber."""
    run = _unfelled(projection, scenario)
    figure, (axes,) = _blank(9.0, 5.0)
    last = OLDEST
    fraction = projection.settings.carbon_fraction or carbon_fractions()["ipcc_default"].value
    years = np.arange(last + 1)
    for pool, colour, style in (("biomass", COLOURS[0], "-"), ("agb", COLOURS[5], "--")):
        label = _text(f"line_{pool}", language)
        if run.draws is not None:
            band = spread(
                run.draws.stock(pool, before=True)[: last + 1] / fraction, projection.level
            )
            axes.fill_between(years, band["low"], band["high"], color=colour, alpha=0.12,
                              linewidth=0)  # fmt: skip
        point = run.point.stock(pool, before=True)[: last + 1, 0] / fraction
        axes.plot(years, point, color=colour, linestyle=style, linewidth=2.0, label=label)
    stands = pd.read_csv(PUBLISHED)
    for row in stands.to_dict("records"):
        marker = "^" if row["system"] == "agroforest" else "o"
        colour = COLOURS[5] if row["pool"] == "agb" else COLOURS[0]
        if marker == "^":
            colour = COLOURS[3]
        ages = np.array([row["age_from"], row["age_to"]])
        stock = np.array([row["low_t_ha"], row["high_t_ha"]])
        x, y = float(ages.mean()), float(stock.mean())
        axes.errorbar(
            x, y, xerr=float(np.ptp(ages)) / 2.0, yerr=float(np.ptp(stock)) / 2.0, fmt=marker,
            color=colour, markersize=5, linewidth=1.0, markeredgecolor="white",
        )  # fmt: skip
        axes.annotate(str(row["id"]), (x, y), xytext=(4, 4), textcoords="offset points",
                      fontsize=6.5, color="#444444")  # fmt: skip
    axes.set_xlim(0, OLDEST + 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(_text("age", language))
    axes.set_ylabel(_text("axis_stand", language))
    axes.set_title(_text("title_published", language, name=title_of(run, language)), loc="left",
                   fontsize=11)  # fmt: skip
    axes.legend(frameon=False, fontsize="small", loc="upper left")
    return figure


def _unfelled(projection: Projection, scenario: str) -> Run:
    """The first rotation of a scenario, continued to the age of the oldest published stand."""
    known = projection.runs[scenario].scenario
    parts = tuple(part.model_copy(update={"rotation_years": None}) for part in known.component)
    run = Run(known.model_copy(update={"component": parts, "event": ()}), OLDEST,
              projection.settings)  # fmt: skip
    if projection.draws:
        run.draws = run.outcome(projection.deviates, centred=True)
    return run


def write_figures(comparison: Comparison, folder: Path, language: str = "en") -> list[str]:
    """Every figure of a comparison, as PNG.

    Parameters
    ----------
    comparison : Comparison
    folder : Path
    language : str

    Returns
    -------
    list of str
        Names of the files.
    """
    projection = comparison.projection
    makers: dict[str, Callable[[], Figure]] = {
        "stocks.png": lambda: stocks_over_time(projection, language),
        "difference.png": lambda: difference_over_time(comparison, language),
        "pools.png": lambda: stacked_pools(projection, language),
    }
    for name in comparison.pairs:
        makers[f"tornado_{name}.png"] = lambda name=name: tornado(  # type: ignore[misc]
            comparison, name, language
        )
    for name, run in projection.runs.items():
        if not run.scenario.agroforestry:
            makers[f"published_{name}.png"] = lambda name=name: published_stands(  # type: ignore[misc]
                projection, name, language
            )
    with typeface():
        for file, make in makers.items():
            save(make(), folder / file)
    return list(makers)
