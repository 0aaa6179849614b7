"""Evaluate the equations of the catalogue."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import get_equation, revision
from allometry.catalogue.schema import COEFFICIENT_KEYS, UNITS, Equation
from allometry.errors import InputShapeError, MissingInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# numbers of the kinds in allometry.kernels.forms, repeated here so that listing equations does not
# load numba; a test compares the two
_KINDS = {"polynomial": 2, "ogawa": 3, "tiepolo": 4, "michaelis_menten": 5, "weibull": 6}
_SINGLE, _MIXTURE = 0, 1


@dataclass(frozen=True, slots=True)
class EquationTable:
    """Coefficients of several equations, ready for the kernels.

    Attributes
    ----------
    ids : tuple of str
        Position in this tuple is the equation's number.
    sizes : tuple of str
        Size variable of each equation.
    kind, first, last : ndarray of int64, shape (n_equations,)
        Kind of each equation and its run of rows.
    rows : ndarray, shape (n_rows, 9)
        Log-polynomial rows (columns as in `allometry.kernels.forms`).
    single : ndarray, shape (n_equations, 9)
        First row of each equation.
    parameters : ndarray, shape (n_equations, 8)
        Coefficients of the other forms.
    clamps : ndarray, shape (n_equations, 4)
        Lowest and highest size, lowest and highest height.
    others : bool
        Some are no log-polynomials of one row.
    """

    ids: tuple[str, ...]
    sizes: tuple[str, ...]
    kind: Ints
    first: Ints
    last: Ints
    rows: Floats
    single: Floats
    parameters: Floats
    clamps: Floats
    others: bool

    def evaluate(
        self, equation: Ints, size: Floats, height: Floats, density: Floats, stress: Floats
    ) -> Floats:
        """Predicted value of each tree by its own equation; NaN where inputs do not allow one.

        Parameters
        ----------
        equation : ndarray of int64, shape (n,)
            Position in `ids`.
        size, height, density, stress : ndarray of float64, shape (n,)
            The equation's size variable, total height [m], basic wood density [g/cm3],
            environmental stress [1].

        Returns
        -------
        ndarray, shape (n,)
            In the unit of the equation; Mg already turned into kg.
        """
        from allometry.kernels import forms  # noqa: PLC0415  (loads numba)

        out = np.full(equation.shape[0], np.nan)
        if not self.ids:
            return out
        size, height, density, stress = map(_plain, (size, height, density, stress))
        number = np.require(equation, np.int64, ["C", "W"])
        forms.evaluate_single(self.single, number, size, height, density, out)
        if self.others:
            forms.evaluate_other(
                self.kind,
                self.rows,
                self.first,
                self.last,
                self.parameters,
                self.clamps,
                number,
                size,
                height,
                density,
                stress,
                out,
            )
        return out


def _plain(values: Floats) -> Floats:
    """One kind of array for the kernels: they are compiled anew for every other kind."""
    flags = values.flags
    if values.dtype == np.float64 and flags.c_contiguous and flags.writeable:
        return values
    return np.require(values, np.float64, ["C", "W"])


def _row(equation: Equation, term: dict[str, float], weight: float, member: int) -> list[float]:
    """One term of an equation as a row of the kernels' table."""
    scale = math.log(term["scale"]) if "scale" in term else term["intercept"]
    log_base = math.log(equation.log_base) if "intercept" in term else 1.0
    pair, triple, dry = term.get("x2h", 0.0), term.get("x2h_rho", 0.0), term.get("x2_rho", 0.0)
    return [
        scale * log_base + equation.correction + math.log(UNITS[equation.unit]),
        term.get("x", 0.0) + 2.0 * (pair + triple + dry),
        term.get("x2", 0.0),
        term.get("x3", 0.0),
        term.get("h", 0.0) + pair + triple,
        term.get("rho", 0.0) + triple + dry,
        term.get("e", 0.0),
        weight,
        float(member),
    ]


def _rows(equation: Equation) -> list[list[float]]:
    """All rows of a log-polynomial or of a geometric mean of such."""
    members = [get_equation(member) for member in equation.members] or [equation]
    weights = equation.weights or (1.0,)
    return [
        _row(member, term, weights[number], number)
        for number, member in enumerate(members)
        for term in member.terms
    ]


def _parameters(equation: Equation) -> list[float]:
    keys = COEFFICIENT_KEYS.get(equation.form, ())
    values = [equation.coefficients.get(key, 0.0) for key in keys]
    if equation.form == "polynomial":
        values = [value * UNITS[equation.unit] for value in values]
    return values + [0.0] * (8 - len(values))


def _two_logarithms(row: list[float]) -> bool:
    """Whether a row fits the fast kernel: one common power of height and density, no stress."""
    height, density, stress = row[4:7]
    return stress == 0.0 and (height == 0.0 or density in {0.0, height})


def compile_equations(ids: tuple[str, ...]) -> EquationTable:
    """Gather equations into one table of coefficients.

    Parameters
    ----------
    ids : tuple of str

    Returns
    -------
    EquationTable

    Raises
    ------
    UnknownEquation
    """
    return _compile(ids, revision())


@functools.lru_cache(maxsize=256)
def _compile(ids: tuple[str, ...], version: int) -> EquationTable:  # noqa: ARG001
    rows: list[list[float]] = []
    first, last, kinds = [], [], []
    records = [get_equation(equation_id) for equation_id in ids]
    for record in records:
        own = _rows(record) if record.form not in COEFFICIENT_KEYS else []
        single = len(own) == 1 and not record.clamp and _two_logarithms(own[0])
        kinds.append(_KINDS.get(record.form, _SINGLE if single else _MIXTURE))
        first.append(len(rows))
        rows += own or [[0.0] * 9]
        last.append(len(rows))
    clamps = [
        [
            *record.clamp.get(record.size, (-math.inf, math.inf)),
            *record.clamp.get("height", (-math.inf, math.inf)),
        ]
        for record in records
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 9)
    starts = np.array(first, dtype=np.int64)
    return EquationTable(
        ids=ids,
        sizes=tuple(record.size for record in records),
        kind=np.array(kinds, dtype=np.int64),
        first=starts,
        last=np.array(last, dtype=np.int64),
        rows=table,
        single=table[starts],
        parameters=np.array([_parameters(record) for record in records]).reshape(-1, 8),
        clamps=np.array(clamps, dtype=np.float64).reshape(-1, 4),
        others=any(kind != _SINGLE for kind in kinds),
    )


def evaluate(
    equation: str,
    *,
    dbh: ArrayLike | None = None,
    height: ArrayLike | None = None,
    wood_density: ArrayLike | None = None,
    stress: ArrayLike | None = None,
    crown_diameter: ArrayLike | None = None,
    age: ArrayLike | None = None,
    agb_tree: ArrayLike | None = None,
    agb_stand: ArrayLike | None = None,
) -> Floats:
    """Predict by one equation of the catalogue.

    Parameters
    ----------
    equation : str
        Id, see `equations`.
    dbh : array_like, optional
        Diameter over bark at the equation's point of measurement [cm].
    height : array_like, optional
        Total height [m].
    wood_density : array_like, optional
        Basic density [g/cm3].
    stress : array_like, optional
        Environmental stress E of Chave et al. 2014 [1].
    crown_diameter : array_like, optional
        [m]
    age : array_like, optional
        [year]
    agb_tree : array_like, optional
        Above-ground biomass of a tree, for root equations [kg].
    agb_stand : array_like, optional
        Above-ground biomass of a stand, for stand root equations [t/ha].

    Returns
    -------
    ndarray
        Shape of the inputs broadcast together; [kg] for biomass (kg C, m3, m or t/ha where
        the record says so). NaN where an input is missing, not positive or the result would not be.

    Raises
    ------
    UnknownEquation
        With the nearest ids.
    MissingInput
        When the equation needs an input that was not given.
    InputShapeError
        When the inputs cannot be broadcast together.

    References
    ----------
    ``rubbercarbon equations show ID`` prints the source of each equation.

    Examples
    --------
    >>> import allometry as al
    >>> al.evaluate("chave_2014_eq4", dbh=[12.0], height=[10.1], wood_density=[0.5]).round(3)
    array([41.782])
    """
    record = get_equation(equation)
    given: dict[str, ArrayLike | None] = {
        "dbh": dbh, "height": height, "wood_density": wood_density, "stress": stress,
        "crown_diameter": crown_diameter, "age": age, "agb_tree": agb_tree,
        "agb_stand": agb_stand,
    }  # fmt: skip
    arrays = {name: np.asarray(v, dtype=np.float64) for name, v in given.items() if v is not None}
    missing = [name for name in record.inputs if name not in arrays]
    if missing:
        raise MissingInput(equation, missing, sorted(arrays))
    used = {name: arrays[name] for name in record.inputs}
    shape = _common_shape(used)
    flat = {name: np.broadcast_to(array, shape).ravel() for name, array in used.items()}
    count = math.prod(shape)
    nothing = np.full(count, np.nan)
    out = compile_equations((equation,)).evaluate(
        np.zeros(count, dtype=np.int64),
        flat[record.size],
        flat.get("height", nothing),
        flat.get("wood_density", nothing),
        flat.get("stress", nothing),
    )
    return out.reshape(shape)


def _common_shape(arrays: dict[str, Floats]) -> tuple[int, ...]:
    shape: tuple[int, ...] = ()
    for name, array in arrays.items():
        try:
            shape = np.broadcast_shapes(shape, array.shape)
        except ValueError as error:
            raise InputShapeError(name, array.shape, shape) from error
    return shape
