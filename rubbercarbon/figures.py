"""Figures: stocks by plot, and where doubt comes from. matplotlib is loaded in the functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rubbercarbon import messages
from rubbercarbon.columns import RUBBER
from rubbercarbon.distributions import INTERACTION
from rubbercarbon.errors import SettingsError
from rubbercarbon.report_blocks import visible
from rubbercarbon.typeface import typeface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rubbercarbon.stocks import Stocks

# Okabe and Ito 2008: eight colours that colour-blind readers can tell apart; rubber comes first
COLOURS = ("#009E73", "#E69F00", "#56B4E9", "#D55E00", "#CC79A7", "#0072B2", "#F0E442", "#999999")
SPECIES_SHOWN = 7
PLOTS_DRAWN = 20
WIDEST = 20.0  # inches
LONGEST_LABEL = 18
TOTAL = "ALL"
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")


def canvas(
    width: float, height: float, columns: int = 1, rows: int = 1, **settings: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure [inches] and its axes, row by row; ``settings`` are those of ``subplots``."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (slow import)

    figure = Figure(figsize=(min(width, WIDEST), height), layout="constrained", dpi=150)
    axes: Any = figure.subplots(rows, columns, squeeze=False, **settings)
    for one in axes.flat:
        one.set_axisbelow(True)
    return figure, list(axes.flat)


def plain(axes: Axes) -> None:
    """Axes with a light grid and two spines; plain numbers on logarithmic scales."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(lambda _value, _: "")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.5)


def save(figure: Figure, path: Path) -> None:
    """Write a figure; its suffix names the format (PNG, SVG, PDF).

    Raises
    ------
    SettingsError
        For another suffix.
    """
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise SettingsError(
            f"figures are not written as '{path.name}'; give a name that ends in "
            f"{', '.join(FIGURE_SUFFIXES)}."
        )
    with typeface():
        figure.savefig(path)


@typeface()
def stocks_by_plot(stocks: Stocks, language: str = "en") -> Figure:
    """Above-ground biomass of each plot, stacked by species.

    Parameters
    ----------
    stocks : Stocks
    language : str
        ``en`` or ``th``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    plots = stocks.plots
    trees = stocks.trees[stocks.trees["agb_kg"].notna()]
    per_ha = bool(plots["area_ha"].notna().all())
    sums = trees.pivot_table(index="plot_id", columns="species", values="agb_kg", aggfunc="sum")
    sums = sums.reindex(plots["plot_id"]).fillna(0.0)
    total = plots["agb_t_ha" if per_ha else "agb_t"].fillna(0.0).to_numpy()
    whole = sums.sum(axis=1).to_numpy()
    share = sums.to_numpy() / np.where(whole > 0, whole, 1.0)[:, None]
    order = sorted(
        range(sums.shape[1]), key=lambda i: (sums.columns[i] != RUBBER, -share[:, i] @ total)
    )
    layers = [(str(sums.columns[i]) or "?", share[:, i] * total) for i in order[:SPECIES_SHOWN]]
    if len(order) > SPECIES_SHOWN:
        rest = total - np.sum([height for _, height in layers], axis=0)
        layers.append((messages.text("cli", "other", language), rest))
    figure, (axes,) = canvas(3.4 + 0.9 * max(4, len(plots)), 4.4)
    labels = [_label(str(row.plot_id), str(row.system)) for row in plots.itertuples()]
    _stack(axes, labels, layers)
    axis = "figure_axis" if per_ha else "figure_axis_plot"
    axes.set_ylabel(messages.text("cli", axis, language))
    axes.set_title(messages.text("cli", "figure_title", language), loc="left")
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def _stack(axes: Axes, names: list[str], layers: list[tuple[str, NDArray[np.float64]]]) -> None:
    """Bars of several layers on top of one another."""
    bottom = np.zeros(len(names))
    for colour, (label, height) in zip(COLOURS, layers, strict=False):
        axes.bar(
            range(len(names)), height, bottom=bottom, color=colour, edgecolor="white",
            linewidth=0.6, label=label,
        )  # fmt: skip
        bottom = bottom + height
    axes.set_xticks(range(len(names)), names)
    axes.spines[["top", "right"]].set_visible(False)


@typeface()
def variance_shares(stocks: Stocks, quantity: str = "carbon", language: str = "en") -> Figure:
    """What the variance of each plot and of the total comes from, as stacked bars of 100 %.

    Parameters
    ----------
    stocks : Stocks
    quantity : str
        ``agb``, ``bgb``, ``carbon`` or ``herb``.
    language : str
        ``en`` or ``th``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = stocks.attribution
    table = table[table["quantity"] == quantity]
    names = [*stocks.plots["plot_id"].astype(str).head(PLOTS_DRAWN), TOTAL]
    key = table["plot_id"].where(table["plot_id"] != "", table["site_id"])
    shares = table.assign(key=key).pivot_table(index="key", columns="term", values="share")
    shares = shares.reindex(names).fillna(0.0)
    terms = shares.loc[[TOTAL]].iloc[0].sort_values(ascending=False).index
    shown = [str(term) for term in terms if term != INTERACTION][: len(COLOURS) - 1]
    layers = [
        (messages.text("terms", term, language), 100.0 * shares[term].to_numpy()) for term in shown
    ]
    rest = 100.0 * (1.0 - shares[shown].sum(axis=1).to_numpy())
    layers.append((messages.text("cli", "other", language), rest))
    figure, (axes,) = canvas(4.6 + 0.8 * len(names), 4.4)
    _stack(axes, [_label(name) for name in names], layers)
    axes.set_ylabel(messages.text("cli", "shares_axis", language))
    axes.set_title(messages.text("cli", "shares_title", language), loc="left")
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def _label(plot: str, system: str = "") -> str:
    """Plot and system, one word below the other."""
    words = [visible(plot), *system.replace("_", " ").split()]
    return "\n".join(word if len(word) <= LONGEST_LABEL else word[: LONGEST_LABEL - 1] + "…"
                     for word in words if word)  # fmt: skip
