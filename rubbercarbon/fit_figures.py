"""Figures of own fits and of equations beside one another; matplotlib is loaded inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allometry.diagnostics import influence
from rubbercarbon import messages
from rubbercarbon.figures import COLOURS, in_language

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from allometry.fitting import FittedEquation

PLOTS_DRAWN = 30


def residuals(fit: FittedEquation, key: str, language: str = "en") -> Figure:
    """Four looks at the residuals of a fit: predicted, size, normality, influence.

    Parameters
    ----------
    fit : FittedEquation
    key : str
        Name in the title.
    language : str
        ``en`` or ``th``; English where no font with Thai letters is installed.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with in_language(language) as spoken:
        return _draw_residuals(fit, key, spoken)


def _draw_residuals(fit: FittedEquation, key: str, language: str) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415
    from scipy.stats import norm  # noqa: PLC0415  (slow import)

    def text(name: str, **values: object) -> str:
        return messages.text("fit", name, language, **values)

    figure = Figure(figsize=(9.0, 7.2), layout="constrained", dpi=150)
    first, second, third, fourth = figure.subplots(2, 2).ravel()
    predicted, weighed = fit.predicted, fit.harvest.mass
    ratio, table = np.log(weighed / predicted), influence(fit)
    groups = [(name, fit.harvest.site == k) for k, name in enumerate(fit.harvest.site_names)]
    for k, (name, mine) in enumerate(groups):
        style = {"s": 14, "color": COLOURS[k % len(COLOURS)], "alpha": 0.8, "linewidths": 0}
        first.scatter(predicted[mine], weighed[mine], label=name or None, **style)
        second.scatter(predicted[mine], ratio[mine], **style)
        fourth.scatter(table["leverage"][mine], table["studentised_residual"][mine], **style)
    span = [min(predicted.min(), weighed.min()), max(predicted.max(), weighed.max())]
    first.plot(span, span, color="black", linewidth=0.8)
    first.set(xscale="log", yscale="log", xlabel=text("predicted"), ylabel=text("weighed"))
    second.axhline(0.0, color="black", linewidth=0.8)
    second.set(xscale="log", xlabel=text("predicted"), ylabel=text("residual_axis"))
    ordered = np.sort(table["studentised_residual"].to_numpy())
    normal = norm.ppf((np.arange(len(ordered)) + 0.5) / len(ordered))
    third.scatter(normal, ordered, s=12, color=COLOURS[5], linewidths=0)
    third.plot(normal, normal, color="black", linewidth=0.8)
    third.set(xlabel=text("normal"), ylabel=text("studentised"))
    fourth.axhline(0.0, color="black", linewidth=0.8)
    fourth.set(xlabel=text("leverage"), ylabel=text("studentised"))
    for axes in (first, second, third, fourth):
        _plain(axes)
    if len(groups) > 1:
        figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    figure.suptitle(text("residuals_title", key=key), x=0.01, ha="left")
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.5)


def equation_choice(table: pd.DataFrame, taxon: str, unit: str, language: str = "en") -> Figure:
    """What each candidate equation gives on each plot, with the interval of the default.

    Parameters
    ----------
    table : pandas.DataFrame
        ``plots`` of an `EquationComparison`.
    taxon, unit : str
    language : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with in_language(language) as spoken:
        return _draw_choice(table, taxon, unit, spoken)


def _draw_choice(table: pd.DataFrame, taxon: str, unit: str, language: str) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415

    shown = list(dict.fromkeys(table["plot_id"]))[:PLOTS_DRAWN]
    place = {plot: k for k, plot in enumerate(shown)}
    table = table[table["plot_id"].isin(shown)]
    figure = Figure(figsize=(min(6.4 + 0.5 * len(shown), 20.0), 5.0), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    default = table[table["is_default"]]
    axes.bar(
        [place[p] for p in default["plot_id"]],
        default["agb_high"] - default["agb_low"], bottom=default["agb_low"],
        color="#dddddd", width=0.8, zorder=0,
    )  # fmt: skip
    marks = "osD^v<>PX*"
    for k, (name, rows) in enumerate(table.groupby("equation_id", sort=False)):
        axes.plot(
            [place[p] for p in rows["plot_id"]], rows["agb"], linestyle="none",
            marker=marks[k // len(COLOURS) % len(marks)], markersize=5,
            color=COLOURS[k % len(COLOURS)], label=str(name),
        )  # fmt: skip
    axes.set_xticks(range(len(shown)), shown, rotation=0 if len(shown) < 12 else 90)
    axes.set_ylabel(messages.text("fit", "choice_axis", language, unit=unit))
    axes.set_title(messages.text("fit", "choice_title", language, taxon=taxon), loc="left")
    axes.set_ylim(bottom=0.0)
    _plain(axes)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure
