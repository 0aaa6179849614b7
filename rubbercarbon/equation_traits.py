"""What the errors of trees ask of their equations, as one array for each question."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from allometry import error_model
from allometry.catalogue.loader import get_equation, revision
from allometry.catalogue.schema import UNITS, Equation
from allometry.gradients import uses_height
from rubbercarbon.living import Bools, Floats


@dataclass(frozen=True)
class Traits:
    """Answers by number of equation; the last is that of rows without one (-1).

    Attributes
    ----------
    records : tuple of Equation
    by_dbh, by_height : ndarray of bool
        What its size is.
    steady : ndarray of bool
        The exponents are the same at every size.
    own_size, pieced, pieced_by_height : ndarray of bool
        The coefficients' error acts on the own size; or is straight within pieces of ln D, and
        there depends on height.
    rubber, many_species : ndarray of bool
        Rubber's own; fitted to trees of many species.
    sd_ln, sd_abs, power : ndarray
        Residual of single trees: sd of ln, or absolute [kg] times D^power.
    """

    records: tuple[Equation, ...]
    by_dbh: Bools
    by_height: Bools
    steady: Bools
    own_size: Bools
    pieced: Bools
    pieced_by_height: Bools
    rubber: Bools
    many_species: Bools
    sd_ln: Floats
    sd_abs: Floats
    power: Floats


def is_steady(record: Equation) -> bool:
    """Whether the exponents of an equation are the same at every size."""
    terms = record.terms
    return len(terms) == 1 and not terms[0].get("x2") and not terms[0].get("x3")


def traits_of(ids: tuple[str, ...]) -> Traits:
    """Traits of some equations of the catalogue."""
    return _traits(ids, revision())


@functools.lru_cache(maxsize=64)
def _traits(ids: tuple[str, ...], version: int) -> Traits:  # noqa: ARG001
    records = tuple(get_equation(name) for name in ids)
    own = [error_model.acts_on_own_size(record) for record in records]
    pieced = [r.covariance is not None and not o for r, o in zip(records, own, strict=True)]
    tall = [p and uses_height(r) for r, p in zip(records, pieced, strict=True)]
    scatters = [error_model.scatter(record) for record in records]
    absolute = [s.sd_abs * UNITS[r.unit] for s, r in zip(scatters, records, strict=True)]
    return Traits(
        records=records,
        by_dbh=np.array([*(record.size == "dbh" for record in records), False]),
        by_height=np.array([*(record.size == "height" for record in records), False]),
        steady=np.array([*map(is_steady, records), True]),
        own_size=np.array([*own, False]),
        pieced=np.array([*pieced, False]),
        pieced_by_height=np.array([*tall, False]),
        rubber=np.array([*map(error_model.is_rubber, records), False]),
        many_species=np.array([*map(error_model.of_many_species, records), False]),
        sd_ln=np.array([*(scatter.sd_ln for scatter in scatters), 0.0]),
        sd_abs=np.array([*absolute, 0.0]),
        power=np.array([*(scatter.power for scatter in scatters), 0.0]),
    )
