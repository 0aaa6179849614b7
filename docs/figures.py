"""Figures of the concept pages, drawn from the library's own data when the site is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

import allometry as al
import rubbercarbon as rc
from allometry.catalogue.loader import get_equation
from allometry.error_model import error_terms
from rubbercarbon.precision import half_width_of
from rubbercarbon.profiles import get_profile

INK, ACCENT, PALE = "#333333", "#00695c", "#b2dfdb"
TREES = (1, 3, 10, 30, 76, 200, 760, 2280)
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rubbercarbon",
    "svg.fonttype": "none",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write(folder: Path) -> None:
    """Draw all figures as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (sharing_levels, rubber_equations, deductions):
        with mpl.rc_context(STYLE):
            figure = draw()
            figure.savefig(folder / f"{draw.__name__}.svg", metadata={"Date": None})
            plt.close(figure)


def _axes(columns: int, size: tuple[float, float], **more: Any) -> tuple[Figure, list[Axes]]:
    figure, axes = plt.subplots(1, columns, figsize=size, layout="constrained", **more)
    return figure, list(np.atleast_1d(axes))


def sharing_levels() -> Figure:
    """Who shares which error, and what that does to a total."""
    figure, (left, right) = _axes(2, (9.0, 4.2))
    _boxes(left)
    for label, levels, colour in (
        ("as the trees share them", {}, ACCENT),
        ("drawn anew for every tree (wrong)", _all_of_trees(), "#c62828"),
    ):
        right.plot(TREES, _spreads(levels), "o-", color=colour, label=label, ms=3.5)
    right.set(xscale="log", yscale="log", xlabel="rubber trees on one holding",
              ylabel="standard deviation of the total, %")  # fmt: skip
    right.set_ylim(0.5, 60)
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter("{x:g}")
    right.legend(frameon=False, title="errors", alignment="left")
    right.axvline(76, color=INK, lw=0.6, ls=":")
    right.text(70, 50, "one rai", color=INK, ha="right")
    return figure


def _boxes(axes: Axes) -> None:
    """Levels as boxes in one another; those that cut across stand beside them."""
    nested = [
        (0.0, 0.0, 10.0, 10.0, "run: carbon fraction"),
        (0.4, 0.4, 6.6, 8.4, "locality: one place against another"),
        (0.8, 0.8, 5.8, 6.6, "plot: area, openness"),
        (1.2, 1.2, 5.0, 4.6, "tree: its own deviation"),
        (1.6, 1.6, 4.2, 2.2, "reading: tape on one day"),
        (7.3, 6.3, 2.4, 2.5, "group:\nchoice of\nequation"),
        (7.3, 3.4, 2.4, 2.5, "species:\nwood\ndensity"),
        (7.3, 0.4, 2.4, 2.5, "campaign:\nthe crew's\nhabits"),
    ]
    for number, (x, y, width, height, label) in enumerate(nested):
        crossing = number >= 5
        box = FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.25", lw=0.8,
            edgecolor=ACCENT, facecolor=PALE, alpha=0.35, linestyle="--" if crossing else "-",
        )  # fmt: skip
        axes.add_patch(box)
        axes.text(x + 0.2, y + height - 0.25, label, va="top", color=INK, fontsize=8.5)
    axes.set(xlim=(-0.1, 10.1), ylim=(-0.1, 10.1))
    axes.set_axis_off()


def _all_of_trees() -> dict[str, Any]:
    """Every error that may be at tree level, put there; the rest as it is."""
    fixed = ("roots", "carbon_run", "carbon_species", "area")
    return {name: {"level": "tree"} for name in error_terms() if name not in fixed}


def _spreads(errors: dict[str, Any]) -> list[float]:
    """Coefficient of variation of plots of equal trees, of above-ground biomass [%]."""
    plots = [str(number).zfill(5) for number in TREES]
    trees = pd.DataFrame({"plot_id": np.repeat(plots, TREES), "species": "Hevea brasiliensis"})
    trees["dbh_cm"] = 21.4
    stocks = rc.estimate_stocks(
        rc.read_inventory(trees), rc.Settings(errors=rc.ErrorBudget(errors))
    )
    found = stocks.plots.set_index("plot_id").loc[plots]
    return list(100.0 * found["agb_t_sd"] / found["agb_t"])


def rubber_equations() -> Figure:
    """The five rubber equations, their mean with its 90 % band, and Chave's equation."""
    figure, (left, right) = _axes(2, (9.0, 4.0))
    dbh = np.linspace(3.0, 35.0, 129)
    mean = al.evaluate("hevea_ensemble", dbh=dbh)
    half = half_width_of(1.0) * _sd_of_ensemble(dbh)
    span = get_equation("hevea_ensemble").range.limits["dbh"]
    for axes, scale in ((left, np.ones_like(dbh)), (right, mean)):
        axes.fill_between(
            dbh, mean * np.exp(-half) / scale, mean * np.exp(half) / scale, color=PALE, lw=0,
            label="mean of the five, 90 %",
        )  # fmt: skip
        axes.plot(dbh, mean / scale, color=ACCENT, lw=2.2)
        for name in get_equation("hevea_ensemble").members:
            axes.plot(dbh, al.evaluate(name, dbh=dbh) / scale, lw=1.0, label=name)
        axes.plot(dbh, _chave(dbh) / scale, color=INK, lw=1.0, ls="--", label="chave_2014_eq4")
        axes.axvspan(span[1], dbh[-1], color="#eeeeee", zorder=0, lw=0)
        axes.set(xlabel="diameter, cm", xlim=(3, 35))
    left.set(ylabel="above-ground biomass of a tree, kg", ylim=(0, None))
    right.set(ylabel="over the mean of the five", ylim=(0, 2.2))
    right.text(span[1] + 0.3, 0.06, "flagged", color=INK)
    left.legend(frameon=False, fontsize=8)
    return figure


def _sd_of_ensemble(dbh: Any) -> Any:
    """Sd of ln biomass from the choice of equation and the place, as the error budget has it."""
    total = np.zeros_like(dbh)
    for name in ("rubber_equation", "rubber_locality"):
        size = error_terms()[name].sd
        if not isinstance(size, dict):
            raise TypeError(f"the error '{name}' has one size only")
        a, b, slope = size["intercept"], size["slope"], np.log(dbh / 20.0)
        variance = a**2 + (b * slope) ** 2 + 2.0 * size["correlation"] * a * b * slope
        total += size["factor"] ** 2 * variance / size["members"]
    return np.sqrt(total)


def _chave(dbh: Any) -> Any:
    density = al.wood_density("Hevea brasiliensis")["wood_density_g_cm3"].iloc[0]
    height = al.predict_height("harja_2012_rubber", dbh=dbh)
    return al.evaluate("chave_2014_eq4", dbh=dbh, height=height, wood_density=density)


def deductions() -> Figure:
    """What the programmes take off for uncertainty, by half-width."""
    figure, (axes,) = _axes(1, (6.0, 3.6))
    width = np.linspace(0.0, 0.4, 401)
    steps = get_profile("cdm-ar-ams0007").steps
    taken = [next(share for limit, share in steps if u <= limit + 1e-12) * u for u in width]
    axes.plot(100 * width, 100 * np.array(taken), color=ACCENT, lw=1.6,
              label="steps (CDM AR-TOOL14, Premium T-VER)")  # fmt: skip
    for name, colour, style in (("vm0047-area", INK, "--"), ("gs-403", "#c62828", ":")):
        free = get_profile(name).figure("precision_allowed")
        axes.plot(100 * width, 100 * np.maximum(0.0, width - free), color=colour, ls=style,
                  label=f"{name}: what exceeds {100 * free:g} %")  # fmt: skip
    axes.set(xlabel="half-width of the 90 % interval, % of the change", ylabel="deduction, %")
    axes.set(xlim=(0, 40), ylim=(0, None))
    axes.legend(frameon=False)
    return figure
