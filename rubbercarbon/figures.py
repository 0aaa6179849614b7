"""Figures: stocks by plot and equations of a taxon. matplotlib is loaded inside the functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allometry.density import find_density
from allometry.errors import AllometryError
from allometry.evaluation import evaluate
from allometry.heights import height_model, predict_height
from allometry.listing import find_equations
from allometry.names import match_one
from rubbercarbon import messages
from rubbercarbon.columns import RUBBER
from rubbercarbon.distributions import INTERACTION
from rubbercarbon.errors import SettingsError
from rubbercarbon.report_blocks import visible
from rubbercarbon.typeface import typeface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rubbercarbon.stocks import Stocks

# Okabe and Ito 2008: eight colours that colour-blind readers can tell apart; rubber comes first
COLOURS = ("#009E73", "#E69F00", "#56B4E9", "#D55E00", "#CC79A7", "#0072B2", "#F0E442", "#999999")
SPECIES_SHOWN = 7
PLOTS_DRAWN = 20
LONGEST_LABEL = 18
TOTAL = "ALL"
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")


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
    with typeface():
        return _draw_stocks(stocks, language)


def _draw_stocks(stocks: Stocks, language: str) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415

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
    width = min(3.4 + 0.9 * max(4, len(plots)), 20.0)
    figure = Figure(figsize=(width, 4.4), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    bottom = np.zeros(len(plots))
    for rank, column in enumerate(order[:SPECIES_SHOWN]):
        height = share[:, column] * total
        axes.bar(
            range(len(plots)),
            height,
            bottom=bottom,
            color=COLOURS[rank],
            edgecolor="white",
            linewidth=0.6,
            label=str(sums.columns[column]) or "?",
        )
        bottom += height
    if len(order) > SPECIES_SHOWN:
        axes.bar(
            range(len(plots)),
            total - bottom,
            bottom=bottom,
            color=COLOURS[7],
            edgecolor="white",
            linewidth=0.6,
            label=messages.text("cli", "other", language),
        )
    labels = [_label(str(row.plot_id), str(row.system)) for row in plots.itertuples()]
    axes.set_xticks(range(len(plots)), labels)
    axis = "figure_axis" if per_ha else "figure_axis_plot"
    axes.set_ylabel(messages.text("cli", axis, language))
    axes.set_title(messages.text("cli", "figure_title", language), loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


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
    with typeface():
        return _draw_shares(stocks, quantity, language)


def _draw_shares(stocks: Stocks, quantity: str, language: str) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415

    table = stocks.attribution
    table = table[table["quantity"] == quantity]
    names = [*stocks.plots["plot_id"].astype(str).head(PLOTS_DRAWN), TOTAL]
    key = table["plot_id"].where(table["plot_id"] != "", table["site_id"])
    shares = table.assign(key=key).pivot_table(index="key", columns="term", values="share")
    shares = shares.reindex(names).fillna(0.0)
    terms = shares.loc[[TOTAL]].iloc[0].sort_values(ascending=False).index
    shown = [str(term) for term in terms if term != INTERACTION][: len(COLOURS) - 1]
    figure = Figure(figsize=(min(4.6 + 0.8 * len(names), 20.0), 4.4), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    bottom = np.zeros(len(names))
    rest = 100.0 * (1.0 - shares[shown].sum(axis=1).to_numpy())
    heights = [100.0 * shares[term].to_numpy() for term in shown]
    labels = [messages.text("terms", term, language) for term in shown]
    for rank, (height, label) in enumerate(
        zip([*heights, rest], [*labels, messages.text("cli", "other", language)], strict=True)
    ):
        axes.bar(
            range(len(names)), height, bottom=bottom, color=COLOURS[min(rank, 7)],
            edgecolor="white", linewidth=0.6, label=label,
        )  # fmt: skip
        bottom += height
    axes.set_xticks(range(len(names)), [_label(name) for name in names])
    axes.set_ylabel(messages.text("cli", "shares_axis", language))
    axes.set_title(messages.text("cli", "shares_title", language), loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def _label(plot: str, system: str = "") -> str:
    """Plot and system, one word below the other."""
    words = [visible(plot), *system.replace("_", " ").split()]
    return "\n".join(word if len(word) <= LONGEST_LABEL else word[: LONGEST_LABEL - 1] + "…"
                     for word in words if word)  # fmt: skip


@dataclass(frozen=True)
class Curves:
    """Equations of a taxon over diameter: id, biomass [kg], and where the range holds."""

    taxon: str
    inputs: str
    dbh: NDArray[np.float64]
    lines: tuple[tuple[str, NDArray[np.float64], NDArray[np.bool_]], ...]


def equation_curves(taxon: str, height: str = "", density: float | None = None) -> Curves:
    """Above-ground biomass by diameter of every equation that applies to a taxon.

    Parameters
    ----------
    taxon : str
        Species in any spelling, genus or growth form.
    height : str
        Height model; default: the ladder's for the species.
    density : float, optional
        Wood density [g/cm3]; default: the species'.

    Returns
    -------
    Curves

    Raises
    ------
    AllometryError
        When no equation with a diameter applies.
    """
    match = match_one(taxon)
    rho = density or find_density(match.species, match.genus, match.family).value
    model = height or height_model(match.species)
    dbh = np.linspace(2.0, 60.0, 117)
    known = {
        "dbh": dbh,
        "height": predict_height(model, dbh=dbh),
        "wood_density": np.full(dbh.shape, rho),
    }
    lines = []
    for record in find_equations(taxon, predicts="agb"):
        if record.size == "dbh" and set(record.inputs) <= set(known):
            low, high = record.range.limits["dbh"]
            values = evaluate(record.id, **{name: known[name] for name in record.inputs})
            lines.append((record.id, values, (dbh >= low) & (dbh <= high)))
    if not lines:
        raise AllometryError(
            f"no equation with a diameter for '{taxon}'; see "
            "`rubbercarbon equations list` and `rubbercarbon species match`."
        )
    inputs = f"height by {model}, wood density {rho:.3f} g/cm3"
    return Curves(match.species or taxon, inputs, dbh, tuple(lines))


def equations(curves: Curves) -> Figure:
    """Draw `Curves`: solid inside an equation's range or evaluated span, dotted outside.

    Parameters
    ----------
    curves : Curves

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9.0, 5.0), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    for i, (name, values, inside) in enumerate(curves.lines):
        colour = COLOURS[i % len(COLOURS)]
        dash = "-" if i < len(COLOURS) else "--"
        axes.plot(curves.dbh, values, color=colour, linestyle=":", linewidth=1.0)
        axes.plot(
            curves.dbh,
            np.where(inside, values, np.nan),
            color=colour,
            linestyle=dash,
            linewidth=2.0,
            label=name,
        )
    axes.set_yscale("log")
    axes.set_ylim(0.5, 1e4)
    axes.set_xlabel("dbh, cm")
    axes.set_ylabel("above-ground biomass, kg")
    axes.set_title(
        f"{curves.taxon}; dotted: outside the range\n{curves.inputs}", loc="left", fontsize=10
    )
    axes.grid(visible=True, color="#dddddd", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure
