"""The error budget laid on a prepared inventory: localities, crews, areas, masses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry import error_model
from allometry.catalogue.loader import get_equation
from allometry.catalogue.schema import Equation
from allometry.evaluation import compile_equations
from rubbercarbon import distinct
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import M2_PER_HA
from rubbercarbon.config import Settings
from rubbercarbon.distinct import Coded
from rubbercarbon.labels import BREAST_HEIGHT_M, POM_TOLERANCE_M
from rubbercarbon.load_rows import Trees
from rubbercarbon.loads import Layout, key_of, lay_out
from rubbercarbon.pools import KG_PER_T, Account
from rubbercarbon.preparation import Prepared
from rubbercarbon.uncertainty import Masses

MID_ROW = ("mid_row", "mid-row", "midrow", "กลางแถว", "กึ่งกลางแถว", "stems_x_spacing")

NO_LOCALITY = "no locality named: taken as one locality, whose errors all its plots share"
NO_CAMPAIGN = "no surveyor or date: the inventory is one campaign, whose errors all trees share"


def area_cv(area_ha: float, spacing: str, boundary: str) -> float:
    """Relative error of a plot's area from the rows that its boundary happens to catch.

    A side of length s laid at random across rows a metres apart holds s/a rows on average, with a
    variance of f (1 - f), f the fraction left over.

    Examples
    --------
    >>> from rubbercarbon.error_layout import area_cv
    >>> round(area_cv(0.16, "3x7", ""), 3)
    0.086
    >>> area_cv(0.16, "3x7", "mid_row")
    0.0
    """
    distances = spacing.lower().replace("×", "x").replace("m", "").split("x")
    try:
        rows = [float(part) for part in distances]
    except ValueError:
        return 0.0
    if boundary.strip().lower() in MID_ROW or len(rows) != 2 or not area_ha > 0:
        return 0.0
    side = math.sqrt(area_ha * M2_PER_HA)
    variance = 0.0
    for distance in rows:
        if not 0 < distance < side:
            return 0.0
        fraction = math.modf(side / distance)[0]
        variance += fraction * (1.0 - fraction) / (side / distance) ** 2
    return math.sqrt(math.log1p(variance))


def masses_of(
    prepared: Prepared, result: Account, plots: pd.DataFrame, area: dict[str, float]
) -> Masses:
    """Mass of each row per hectare (per plot without area), roots of stands shared out."""
    arrays = prepared.arrays
    known = ~np.isnan(result.plot["agb_t_ha"]) & plots["area_ha"].notna().to_numpy()
    plot = np.repeat(np.arange(len(known)), np.diff(arrays.offsets))
    factor = np.where(known[plot], arrays.expansion, 1.0)
    agb, bgb, carbon, herb = (
        np.nan_to_num(values / KG_PER_T * factor)
        for values in (result.agb_kg, result.bgb_kg, result.carbon_kg, result.herb_kg)
    )
    stand = np.nan_to_num(
        np.where(known, result.plot["bgb_stand_t_ha"], result.plot["bgb_stand_t"])
    )
    if np.any(stand > 0):
        total = np.bincount(plot, agb, minlength=len(known))
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.nan_to_num(agb / total[plot]) * stand[plot]
        bgb = bgb + part
        carbon = carbon + part * prepared.stand_carbon_fraction
    return Masses(
        offsets=arrays.offsets,
        agb=agb,
        bgb=bgb,
        carbon=carbon,
        herb=herb,
        plot=np.array([key_of(str(name)) for name in prepared.plot_ids] or [0], dtype=np.uint64),
        area_cv=np.array([area.get(name, 0.0) for name in plots["plot_id"]]),
    )


def lay_out_prepared(
    prepared: Prepared,
    result: Account,
    plot_table: pd.DataFrame,
    settings: Settings,
    assumptions: Assumptions,
    *,
    census: str = "",
) -> Layout:
    """The error budget laid on a prepared inventory, with a row for each thing assumed."""
    trees = trees_of(prepared, result, plot_table, assumptions, census=census)
    _report_scatter(prepared, assumptions)
    for term in settings.errors.terms():
        assumptions.add(
            "error budget",
            f"{term.name}: {term.base.meaning}",
            term.describe(),
            unit=term.unit if term.sd is not None else term.base.unit,
            applies_to=f"level {term.level}",
            source="user" if term.changed else term.base.citation,
            grade="" if term.changed else term.base.grade,
        )
    return lay_out(
        trees,
        compile_equations(prepared.biomass_ids),
        prepared.root_ids,
        settings.errors,
        models=prepared.height_fits,
        stress=settings.stress,
    )


def trees_of(
    prepared: Prepared,
    result: Account,
    plot_table: pd.DataFrame,
    assumptions: Assumptions,
    *,
    census: str = "",
) -> Trees:
    """What the loads of errors depend on, for each prepared row."""
    frame, arrays, columns = prepared.frame, prepared.arrays, prepared.columns
    count = len(frame)
    tree = np.nan_to_num(result.agb_kg) + np.nan_to_num(result.herb_kg)
    with np.errstate(invalid="ignore", divide="ignore"):
        single = tree / (arrays.count * arrays.share)
    locality = _text(plot_table.set_index("plot_id"), "locality", frame["plot_id"], assumptions)
    campaign = _campaign(frame, census, assumptions)
    pom = frame["pom_m"].to_numpy(dtype=float) if "pom_m" in frame else np.full(count, np.nan)
    wanted = np.array(
        [*((get_equation(name).pom_m or BREAST_HEIGHT_M) for name in prepared.biomass_ids), 0.0]
    )[arrays.equation]
    taken = np.where(np.isnan(pom), BREAST_HEIGHT_M, pom)
    given_sd = (
        frame["wood_density_sd_g_cm3"].notna().to_numpy()
        if "wood_density_sd_g_cm3" in frame
        else np.zeros(count, dtype=np.bool_)
    )
    level = columns["wood_density_level"]
    given = np.isin(level, ("given", "given_air_dry"))
    if given.any() and not given_sd[given].all():
        assumptions.add(
            "error budget",
            "wood density given without its sd: the error of the species' table value is kept",
            applies_to=f"{int((given & ~given_sd).sum())} rows",
            source="rule of this library",
        )
    return Trees(
        equation=np.where(tree > 0, arrays.equation, -1),
        roots=arrays.roots,
        dbh=frame["dbh_cm"].to_numpy(dtype=float),
        height=columns["height_m"],
        wood_density=columns["wood_density_g_cm3"],
        density_sd=prepared.density_sd,
        agb_kg=single,
        count=arrays.count,
        carbon_fraction=arrays.carbon_fraction,
        herb=arrays.herb,
        species=Coded.of(
            np.where(columns["species"] == "", distinct.texts(frame["species"]), columns["species"])
        ),
        locality=Coded.of(locality),
        campaign=Coded.of(campaign),
        plot=distinct.texts(frame["plot_id"]),
        tree=distinct.texts(frame["tree_id"]),
        clone_known=_column(frame, "clone") != "",
        height_source=Coded.of(columns["height_source"]),
        density_given=given,
        sd_given=given_sd,
        pom_differs=np.abs(taken - wanted) > POM_TOLERANCE_M,
    )


def _column(frame: pd.DataFrame, name: str) -> NDArray[Any]:
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    return distinct.texts(frame[name])


def _words(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column of texts; empty where there is none, or nothing in it."""
    if name not in table:
        return pd.Series("", index=table.index)
    return table[name].astype(object).fillna("")


def _text(
    plots: pd.DataFrame, name: str, plot_ids: pd.Series[Any], assumptions: Assumptions
) -> NDArray[Any]:
    """Locality of each row; everything is one locality where none is named."""
    values = _words(plots, name)
    if (values == "").any():
        whom = "all plots" if (values == "").all() else "plots without a locality"
        assumptions.add(
            "error budget",
            NO_LOCALITY,
            "one locality",
            applies_to=whom,
            source="rule of this library",
        )
    known = {str(plot): str(value) for plot, value in values.items()}
    return distinct.mapped(plot_ids, lambda plot: known.get(plot, ""))


def _campaign(frame: pd.DataFrame, census: str, assumptions: Assumptions) -> NDArray[Any]:
    """Census, crew and date of each row."""
    crew, date = _column(frame, "surveyor"), _column(frame, "date")
    if not np.any((crew != "") | (date != "")):
        assumptions.add(
            "error budget",
            NO_CAMPAIGN,
            "one campaign",
            source="rule of this library",
        )
    seen: dict[tuple[str, str], str] = {}
    out = np.empty(len(frame), dtype=object)
    out[:] = [seen.setdefault((a, b), f"{census}|{a}|{b}") for a, b in zip(crew, date, strict=True)]
    return out


def _report_scatter(prepared: Prepared, assumptions: Assumptions) -> None:
    """Residuals that no source gives, and what an equation of the user's own brings with it."""
    for number, name in enumerate(prepared.biomass_ids):
        count = int((prepared.arrays.equation == number).sum())
        found = error_model.scatter(get_equation(name))
        if count and found.origin == "own":
            _report_own(get_equation(name), count, assumptions)
        elif count and found.origin != "published":
            what = {
                "assumption": "scatter of single trees is an assumption",
                "stand_in": "no residual published: that of the pantropical equation stands in",
            }[found.origin]
            assumptions.add(
                "error budget",
                f"{name}: {what}",
                f"{found.sd_ln:g}",
                unit="sd of ln",
                applies_to=f"{count} rows",
                source="error_budget.toml",
                grade="assumption",
            )


def _report_own(record: Equation, count: int, assumptions: Assumptions) -> None:
    """Scatter and places of an equation fitted to trees of the user's own."""
    assert record.sites is not None
    residual, sites = record.residual, record.sites
    unit = "sd of ln" if residual.kind == "sd_ln" else f"sd, {record.unit} D^{residual.power:g}"
    place = (
        "one place against another as the default budget has it (the fit cannot tell)"
        if sites.sd_ln is None
        else f"one place against another sd of ln {sites.sd_ln:.3g}, from {sites.number} places, "
        f"times {error_model.few_places(sites.number):.2f} because these are few"
    )
    assumptions.add(
        "error budget",
        f"{record.id}: scatter of single trees and coefficients from the fit; {place}",
        f"{residual.value:.4g}",
        unit=unit,
        applies_to=f"{count} rows",
        source=record.source.citation,
        grade=record.grade,
    )


def plot_area_cv(
    plot_table: pd.DataFrame, settings: Settings, assumptions: Assumptions
) -> dict[str, float]:
    """Relative error of each plot's area, by plot_id."""
    term = settings.errors.term("area")
    table = plot_table.set_index("plot_id")
    spacing, boundary = _words(table, "spacing"), _words(table, "boundary")
    unknown = table.index[(spacing == "") & (boundary == "") & table["area_ha"].notna()]
    if len(unknown) and term.on:
        assumptions.add(
            "error budget",
            "area: no spacing and no boundary rule given, so that the error of the plot's area is "
            "unknown and left out",
            "unknown",
            applies_to=f"{len(unknown)} plots",
            source="input",
        )
    return {
        name: term.scale * area_cv(area, space, edge) if term.on else 0.0
        for name, area, space, edge in zip(
            table.index, table["area_ha"], spacing, boundary, strict=True
        )
    }
