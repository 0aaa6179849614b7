"""Loads of each error term on the logarithm of biomass, for rows or for cells of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from allometry import error_model
from allometry.catalogue.loader import get_equation
from allometry.catalogue.schema import Equation
from allometry.error_model import Line
from allometry.gradients import uses_height
from allometry.heights import HeightModel, predict_height
from rubbercarbon.budget import TermInForce
from rubbercarbon.equation_traits import Traits, is_steady
from rubbercarbon.living import Bools, Floats, Ints

SPAN = (math.log(5.0), math.log(50.0))  # where curves that are nearly straight are made straight
BIN = 0.2  # width in ln D of a piece of a curved height model
LINES = 3  # most normals of one term
Loads = list[tuple[Floats, Floats]]


@dataclass
class View:
    """Inputs of the loads for rows, or for cells with their rounded values."""

    traits: Traits
    equation: Ints
    roots: Ints
    size_exponent: Floats
    height_exponent: Floats
    density_exponent: Floats
    dbh: Floats
    height: Floats
    wood_density: Floats
    density_sd: Floats
    agb_kg: Floats
    carbon_fraction: Floats
    rubber: Bools
    clone_known: Bools
    model: list[str]
    model_code: Ints
    pom_differs: Bools
    sd_given: Bools
    piece: Ints
    steady: Bools

    def per_equation(self, values: list[float]) -> Floats:
        """One figure per equation, spread over rows."""
        return np.array([*values, 0.0])[self.equation]


def steady_model(model: str, own: dict[str, HeightModel]) -> bool:
    """Whether ln H is straight in ln D."""
    if model in own:
        return own[model].form == "log1"
    return is_steady(get_equation(model))


def combined_size(record: Equation, ln_d: Floats, ln_h: Floats, ln_rho: Floats) -> Floats:
    """The size variable on which a joint coefficient error acts, on the log scale."""
    assert record.covariance is not None
    name = record.covariance.names[-1]
    if record.size == "height":
        return ln_h
    if name == "x2h_rho":
        return 2.0 * ln_d + ln_h + ln_rho
    if name == "x2h":
        return 2.0 * ln_d + ln_h
    if name == "x2_rho":
        return 2.0 * ln_d + ln_rho
    return ln_d


def loads(term: TermInForce, view: View, own: dict[str, HeightModel]) -> Loads:
    """Loads of a term's normals: intercepts and slopes over x."""
    if term.name in {"coefficients", "rubber_equation", "rubber_locality"}:
        loads = _equation_lines(term, view, own)
    elif term.name == "height_coefficients":
        loads = _height_lines(view, own)
    else:
        loads = [(_plain_load(term, view, own), np.zeros(len(view.equation)))]
    return [(a * term.scale, b * term.scale) for a, b in loads]


def _plain_load(term: TermInForce, view: View, own: dict[str, HeightModel]) -> Floats:
    """Load of a term that is the same for all sizes of a cell."""
    name, base = term.name, term.base
    traits, predicted = view.traits, view.model_code >= 0
    zero = np.zeros(len(view.equation))
    if name == "residual":
        return _size(term, view, _residual(view))
    if name == "species":
        many = (traits.many_species & ~traits.rubber)[view.equation]
        return np.where(many, _size(term, view, zero + _single(term)), 0.0)
    if name == "locality":
        sds = [error_model.site_sd(record) for record in traits.records]
        default = view.per_equation([_single(term) if sd is None else sd for sd in sds])
        spread = [error_model.takes_rubber_spread(record) for record in traits.records]
        return np.where(np.array([*spread, False])[view.equation], 0.0, _size(term, view, default))
    if name in {"density_mean", "density_tree"}:
        if name == "density_mean":
            rubber_sd = np.where(view.clone_known, base.size("rubber_clone"), base.size("rubber"))
        else:
            rubber_sd = zero + base.size("rubber")
        others = math.sqrt(base.size("share")) * view.density_sd
        own_sd = np.where(view.rubber & ~view.sd_given, rubber_sd, others)
        sd = own_sd if term.sd is None else zero + term.sd
        relative = sd if term.unit in {"1", "ln"} else sd / view.wood_density
        return np.nan_to_num(view.density_exponent * relative)
    if name in {"height_locality", "height_plot"}:
        keep, sd = predicted, zero + _single(term)
        if name == "height_locality":
            keep = predicted & ~np.array([*(m in own for m in view.model), False])[view.model_code]
            for code, record in _own_records(view, own):
                found = error_model.site_sd(record)
                sd[view.model_code == code] = _single(term) if found is None else found
        return np.where(keep, view.height_exponent * _size(term, view, sd), 0.0)
    if name == "height_tree":
        sd = zero + _single(term)
        for code, model in enumerate(view.model):
            mine = view.model_code == code
            if model in own and mine.any():
                sd[mine] = own[model].residual_sd_ln(view.dbh[mine])
        for code, record in _own_records(view, own):
            mine = view.model_code == code
            sd[mine] = _height_residual(record, view.dbh[mine])
        return np.where(predicted, view.height_exponent * _size(term, view, sd), 0.0)
    if name == "dbh_reading":
        absolute = base.size("slope") * view.dbh + base.size("intercept")
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = _size(term, view, absolute / view.dbh)
        return np.nan_to_num(view.size_exponent * relative)
    if name in {"height_reading", "height_campaign"}:
        relative = _size(term, view, zero + _single(term))
        return np.where(predicted, 0.0, np.nan_to_num(view.height_exponent * relative))
    if name in {"dbh_campaign", "pom_campaign"}:
        load = view.size_exponent * _size(term, view, zero + _single(term))
        return np.where(view.pom_differs, load, 0.0) if name == "pom_campaign" else load
    if name == "roots":
        return np.where(view.roots >= -1, _size(term, view, zero + _single(term)), 0.0)
    return _size(term, view, zero + _single(term)) / view.carbon_fraction


def _own_records(view: View, own: dict[str, HeightModel]) -> list[tuple[int, Equation]]:
    """Height models of the user's own catalogue, with their codes."""
    found = [
        (code, get_equation(name))
        for code, name in enumerate(view.model)
        if name not in own and name not in {"", "measured", "estimated"}
    ]
    return [(code, record) for code, record in found if record.sites is not None]


def _height_residual(record: Equation, dbh: Floats) -> Floats:
    """Residual of a height model of the user's own catalogue as a standard deviation of ln."""
    if record.residual.kind == "sd_ln":
        return np.full(len(dbh), record.residual.value)
    return np.sqrt(np.log1p((record.residual.value / predict_height(record.id, dbh=dbh)) ** 2))


def _single(term: TermInForce) -> float:
    return float(term.base.sd) if isinstance(term.base.sd, float | int) else 0.0


def _size(term: TermInForce, view: View, default: Floats) -> Floats:
    """The user's size where there is one, made relative; the default otherwise."""
    if term.sd is None:
        return default
    if term.unit == "m":
        return np.nan_to_num(term.sd / view.height)
    if term.unit == "cm":
        return np.nan_to_num(term.sd / view.dbh)
    return np.full(len(view.equation), term.sd)


def _residual(view: View) -> Floats:
    """Residual of each tree's equation as a standard deviation of ln."""
    traits, number = view.traits, view.equation
    log, absolute, powers = traits.sd_ln[number], traits.sd_abs[number], traits.power[number]
    if np.any(powers):
        absolute = np.where(powers > 0, absolute * view.dbh**powers, absolute)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.sqrt(np.log1p((absolute / view.agb_kg) ** 2))
    return np.where(absolute > 0, np.nan_to_num(relative), log)


def _equation_lines(term: TermInForce, view: View, own: dict[str, HeightModel]) -> Loads:
    """Joint errors of intercept and slope of equations."""
    most = 2
    if term.name == "coefficients":
        sizes = [len(r.covariance.names) for r in view.traits.records if r.covariance is not None]
        most = max([most, *sizes])
    loads = [(np.zeros(len(view.equation)), np.zeros(len(view.equation))) for _ in range(most)]
    for number, record in enumerate(view.traits.records):
        mine = view.equation == number
        if not mine.any():
            continue
        if term.name == "coefficients":
            _coefficient_loads(record, mine, view, own, loads)
        elif error_model.takes_rubber_spread(record):
            lines = error_model.rubber_lines(
                term.base, members=error_model.effective_members(record)
            )
            for (a, b), line in zip(loads, lines, strict=True):
                a[mine], b[mine] = line.intercept, line.slope
    return loads


def _coefficient_loads(
    record: Equation, mine: Bools, view: View, own: dict[str, HeightModel], loads: Loads
) -> None:
    """Loads of a record's coefficient covariance, per height model and density."""
    if record.covariance is None:
        return
    if not error_model.acts_on_own_size(record):
        _piece_loads(record, mine, view, own, loads)
        return
    models = np.unique(view.model_code[mine])
    for code in models:
        rows = np.flatnonzero(mine & (view.model_code == code))
        if code < 0:
            for (a, b), line in zip(
                loads, error_model.coefficient_lines(record, Line(0.0, 1.0)), strict=False
            ):
                a[rows], b[rows] = line.intercept, line.slope
            continue
        name = view.model[code]
        ends = np.log(predict_height(own.get(name, name), dbh=np.exp(SPAN)))
        density, place = np.unique(view.wood_density[rows], return_inverse=True)
        for k, rho in enumerate(density):
            at = combined_size(record, np.array(SPAN), ends, np.log(np.full(2, rho)))
            slope = float(at[1] - at[0]) / (SPAN[1] - SPAN[0])
            lines = error_model.coefficient_lines(
                record, Line(float(at[0]) - slope * SPAN[0], slope)
            )
            for (a, b), line in zip(loads, lines, strict=False):
                a[rows[place == k]], b[rows[place == k]] = line.intercept, line.slope


def _piece_loads(
    record: Equation, mine: Bools, view: View, own: dict[str, HeightModel], loads: Loads
) -> None:
    """Loads of a covariance of many coefficients: straight in ln D within a piece."""
    code = np.where(mine, view.model_code, -1)
    tall = np.where((code >= 0) | (not uses_height(record)), 1.0, view.height)
    key = np.column_stack([view.piece, code, tall, view.wood_density])[mine]
    distinct, place = np.unique(np.nan_to_num(key), axis=0, return_inverse=True)
    rows = np.flatnonzero(mine)
    for k, (piece, model, height, density) in enumerate(distinct):
        ends = (piece * BIN, (piece + 1) * BIN)
        ln_h = np.full(2, np.log(height) if height > 0 else 0.0)
        if model >= 0:
            name = view.model[int(model)]
            ln_h = np.log(predict_height(own.get(name, name), dbh=np.exp(ends)))
        ln_rho = np.full(2, np.log(density) if density > 0 else 0.0)
        lines = error_model.covariance_lines(record, ends, ln_h, ln_rho)
        for (a, b), line in zip(loads, lines, strict=False):
            a[rows[place.ravel() == k]] = line.intercept
            b[rows[place.ravel() == k]] = line.slope


def _height_lines(view: View, own: dict[str, HeightModel]) -> Loads:
    """Joint error of the coefficients of height models, over x = ln D."""
    count = len(view.equation)
    loads = [(np.zeros(count), np.zeros(count)) for _ in range(LINES)]
    for code, name in enumerate(view.model):
        for piece in np.unique(view.piece[view.model_code == code]):
            mine = (view.model_code == code) & (view.piece == piece)
            ends = SPAN if steady_model(name, own) else (piece * BIN, (piece + 1) * BIN)
            lines = error_model.height_lines(own.get(name, name), *ends)
            for (a, b), line in zip(loads, lines, strict=False):
                a[mine] = view.height_exponent[mine] * line.intercept
                b[mine] = view.height_exponent[mine] * line.slope
    return loads
