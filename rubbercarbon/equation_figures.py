"""Figures of equations beside one another: as curves of a taxon, and on the user's own plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.schema import Equation
from allometry.density import find_density
from allometry.errors import AllometryError
from allometry.evaluation import evaluate
from allometry.heights import height_model, predict_height
from allometry.listing import find_equations
from allometry.names import match_one
from rubbercarbon import messages
from rubbercarbon.figures import COLOURS, canvas, plain
from rubbercarbon.typeface import typeface

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PLOTS_DRAWN = 30
MARKS = ("", "o", "s", "^", "v", "D", "P", "X")
LOWEST, WIDEST = 0.5, 150.0  # cm


@dataclass(frozen=True)
class Curve:
    """One equation over diameter: biomass [kg], where its range holds, and what kind that is."""

    id: str
    agb_kg: NDArray[np.float64]
    inside: NDArray[np.bool_]
    range_known: bool


@dataclass(frozen=True)
class Curves:
    """Equations of a taxon over diameter [cm]; ``skipped`` are no functions of what is at hand."""

    taxon: str
    height: str
    wood_density: float
    dbh: NDArray[np.float64]
    lines: tuple[Curve, ...]
    skipped: tuple[str, ...]

    def inputs(self, language: str) -> str:
        """Height and density that stand for what was not measured."""
        density = f"{self.wood_density:.3f}"
        return messages.text("fit", "plot_inputs", language, height=self.height, density=density)


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
    records = find_equations(taxon, predicts="agb")
    drawn = [
        record for record in records
        if record.size == "dbh" and set(record.inputs) <= {"dbh", "height", "wood_density"}
    ]  # fmt: skip
    if not drawn:
        raise AllometryError(
            f"no equation with a diameter for '{taxon}'; see "
            "`rubbercarbon equations list` and `rubbercarbon species match`."
        )
    dbh = _span(drawn)
    known = {
        "dbh": dbh,
        "height": predict_height(model, dbh=dbh),
        "wood_density": np.full(dbh.shape, rho),
    }
    lines = []
    for record in drawn:
        low, high = record.range.limits["dbh"]
        lines.append(
            Curve(
                record.id,
                evaluate(record.id, **{name: known[name] for name in record.inputs}),
                (dbh >= low) & (dbh <= high),
                record.range.kind != "unknown",
            )
        )
    skipped = tuple(record.id for record in records if record not in drawn)
    return Curves(match.species or taxon, model, rho, dbh, tuple(lines), skipped)


def _span(records: list[Equation]) -> NDArray[np.float64]:
    """Diameters that show the ranges of the equations of the taxon itself, and a bit beyond."""
    named = [record for record in records if record.taxa] or records
    limits = np.array([record.range.limits["dbh"] for record in named])
    low = max(LOWEST, min(2.0, 0.7 * float(limits[:, 0].min())))
    high = min(WIDEST, max(30.0, 1.4 * float(limits[:, 1].max())))
    return np.linspace(low, high, 241)


@typeface()
def equations(curves: Curves, language: str = "en") -> Figure:
    """Draw `Curves`: thick inside an equation's range (dashed where the source states none).

    Parameters
    ----------
    curves : Curves
    language : str
        ``en`` or ``th``.

    Returns
    -------
    matplotlib.figure.Figure
    """

    def text(key: str, **values: object) -> str:
        return messages.text("fit", key, language, **values)

    count = len(curves.lines)
    figure, (axes, bars) = canvas(
        8.6, 4.6 + 0.22 * count, rows=2, sharex=True, height_ratios=(4.2, 0.4 + 0.22 * count)
    )
    for i, line in enumerate(curves.lines):
        colour, mark = COLOURS[i % len(COLOURS)], MARKS[i // len(COLOURS) % len(MARKS)]
        axes.plot(curves.dbh, line.agb_kg, color=colour, linestyle=":", linewidth=1.0)
        axes.plot(
            curves.dbh, np.where(line.inside, line.agb_kg, np.nan), color=colour, linewidth=2.2,
            linestyle="-" if line.range_known else "--", marker=mark,
            markevery=(4 * (i % 5), 20), markersize=5,
        )  # fmt: skip
        within = curves.dbh[line.inside]
        if len(within):
            ends = (float(within[0]), float(within[-1]))
            bars.plot(ends, (i, i), color=colour, linewidth=3.0, marker=mark or "|",
                      linestyle="-" if line.range_known else (0, (2, 1)))  # fmt: skip
    shown = np.concatenate([line.agb_kg[line.inside] for line in curves.lines])
    shown = shown[np.isfinite(shown)]
    if len(shown):
        axes.set_ylim(0.5 * shown.min(), 2.0 * shown.max())
    axes.set(xlim=(0.0, curves.dbh[-1]), yscale="log", ylabel=text("axis_agb"))
    bars.set_yticks(range(count), [line.id for line in curves.lines], fontsize="small")
    bars.invert_yaxis()
    bars.set_xlabel(text("axis_dbh"))
    title = f"{curves.taxon}; {text('plot_note')}\n{curves.inputs(language)}"
    axes.set_title(title, loc="left", fontsize=9)
    plain(axes)
    plain(bars)
    return figure


@typeface()
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
    shown = list(dict.fromkeys(table["plot_id"]))[:PLOTS_DRAWN]
    place = {plot: k for k, plot in enumerate(shown)}
    table = table[table["plot_id"].isin(shown)]
    figure, (axes,) = canvas(6.4 + 0.5 * len(shown), 5.0)
    default = table[table["is_default"]]
    axes.bar(
        [place[p] for p in default["plot_id"]],
        default["agb_high"] - default["agb_low"], bottom=default["agb_low"],
        color="#dddddd", width=0.8, zorder=0,
    )  # fmt: skip
    marks = "osD^v<>PX*"
    groups = list(table.groupby("equation_id", sort=False))
    for k, (name, rows) in enumerate(groups):
        aside = 0.7 * ((k + 0.5) / len(groups) - 0.5)
        axes.plot(
            [place[p] + aside for p in rows["plot_id"]], rows["agb"], linestyle="none",
            marker=marks[k // len(COLOURS) % len(marks)], markersize=5,
            color=COLOURS[k % len(COLOURS)], label=str(name),
        )  # fmt: skip
    axes.set_xticks(range(len(shown)), shown, rotation=0 if len(shown) < 12 else 90)
    axes.set_ylabel(messages.text("fit", "choice_axis", language, unit=unit))
    axes.set_title(messages.text("fit", "choice_title", language, taxon=taxon), loc="left")
    axes.set_ylim(bottom=0.0)
    plain(axes)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure
