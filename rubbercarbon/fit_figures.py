"""Figures of own fits; matplotlib is loaded inside the functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from allometry.diagnostics import influence
from rubbercarbon import messages
from rubbercarbon.figures import COLOURS, canvas, plain
from rubbercarbon.typeface import typeface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from allometry.fitting import FittedEquation


@typeface()
def residuals(fit: FittedEquation, key: str, language: str = "en") -> Figure:
    """Four looks at the residuals of a fit: predicted, size, normality, influence.

    Parameters
    ----------
    fit : FittedEquation
    key : str
        Name in the title.
    language : str
        ``en`` or ``th``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from scipy.stats import norm  # noqa: PLC0415  (slow import)

    def text(name: str, **values: object) -> str:
        return messages.text("fit", name, language, **values)

    figure, (first, second, third, fourth) = canvas(9.0, 7.2, 2, 2)
    predicted, weighed = fit.predicted, fit.harvest.mass
    ratio, table = np.log(weighed / predicted), influence(fit)
    groups = [(name, fit.harvest.site == k) for k, name in enumerate(fit.harvest.site_names)]
    for k, (name, mine) in enumerate(groups):
        style: dict[str, Any] = {
            "s": 14,
            "color": COLOURS[k % len(COLOURS)],
            "alpha": 0.8,
            "linewidths": 0,
        }
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
        plain(axes)
    if len(groups) > 1:
        figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    figure.suptitle(text("residuals_title", key=key), x=0.01, ha="left")
    return figure
