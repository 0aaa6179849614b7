"""Felled and weighed trees as arrays, and the predictors that equations are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import constant
from allometry.errors import AllometryError, InputShapeError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# predictor as users write it → key of a catalogue term; each enters as its logarithm
PREDICTORS = {
    "D": "x", "H": "h", "rho": "rho", "D2H": "x2h", "rhoD2H": "x2h_rho", "rhoD2": "x2_rho",
    "lnD2": "x2",
}  # fmt: skip
NEEDS = {
    "D": ("dbh",), "H": ("height",), "rho": ("wood_density",), "D2H": ("dbh", "height"),
    "rhoD2H": ("dbh", "height", "wood_density"), "rhoD2": ("dbh", "wood_density"),
    "lnD2": ("dbh",),
}  # fmt: skip
# the forms that are compared with one another
CANDIDATES = (
    ("D",), ("D", "lnD2"), ("D2H",), ("D", "H"), ("rhoD2",), ("D", "rho"), ("rhoD2H",),
    ("D", "H", "rho"),
)  # fmt: skip
FLAT = 1e-8  # smallest relative singular value of predictors that can be told apart


@dataclass(frozen=True, eq=False)
class Harvest:
    """Weighed trees that can be used, and which could not.

    Attributes
    ----------
    mass : ndarray, shape (n,)
        Dry mass of each tree [kg].
    inputs : dict of ndarray
        ``dbh`` [cm], ``height`` [m], ``wood_density`` [g/cm3], as far as given.
    site : ndarray of int64, shape (n,)
        Place of each tree in ``site_names``.
    site_names : tuple of str
    kept : ndarray of int64, shape (n,)
        Positions of the trees in what was given.
    left_out : tuple
        Position and reason (``missing``, ``not_positive``) with the quantity, of each other tree.
    """

    mass: Floats
    inputs: dict[str, Floats]
    site: Ints
    site_names: tuple[str, ...]
    kept: Ints
    left_out: tuple[tuple[int, str, str], ...]

    def subset(self, rows: NDArray[np.bool_] | Ints) -> Harvest:
        """Some of the trees."""
        codes, site = np.unique(self.site[rows], return_inverse=True)
        return Harvest(
            mass=self.mass[rows],
            inputs={name: values[rows] for name, values in self.inputs.items()},
            site=site.astype(np.int64),
            site_names=tuple(self.site_names[code] for code in codes),
            kept=self.kept[rows],
            left_out=self.left_out,
        )


def gather(
    mass: ArrayLike,
    inputs: dict[str, ArrayLike | None],
    site: Sequence[object] | None = None,
    needed: Sequence[str] = ("dbh",),
) -> Harvest:
    """Arrays of felled trees; those that lack a needed figure are left out and named.

    Parameters
    ----------
    mass : array_like
        [kg]
    inputs : dict
        By name; None where not measured.
    site : sequence, optional
        Place of each tree; one place for all by default.
    needed : sequence of str
        Inputs without which a tree cannot be used.

    Returns
    -------
    Harvest

    Raises
    ------
    AllometryError
        When an input is needed and not given.
    InputShapeError
    """
    weighed = np.asarray(mass, dtype=np.float64)
    given = {n: np.asarray(v, dtype=np.float64) for n, v in inputs.items() if v is not None}
    lacking = [name for name in needed if name not in given]
    if lacking:
        raise AllometryError(
            f"the predictors need {' and '.join(lacking)}, which was not given; add it, or choose "
            "predictors without it."
        )
    for name, values in given.items():
        if values.shape != weighed.shape or weighed.ndim != 1:
            raise InputShapeError(name, values.shape, weighed.shape)
    names = np.array([str(s) for s in site] if site is not None else [""] * len(weighed))
    if names.shape != weighed.shape:
        raise InputShapeError("site", names.shape, weighed.shape)
    usable, left_out = np.ones(len(weighed), dtype=np.bool_), []
    for name, values in {"mass": weighed, **{name: given[name] for name in needed}}.items():
        for why, bad in (("missing", ~np.isfinite(values)), ("not_positive", values <= 0)):
            left_out += [(int(i), why, name) for i in np.flatnonzero(bad & usable)]
            usable &= ~bad
    distinct, code = np.unique(names[usable], return_inverse=True)
    return Harvest(
        mass=weighed[usable],
        inputs={name: values[usable] for name, values in given.items()},
        site=code.astype(np.int64),
        site_names=tuple(map(str, distinct)),
        kept=np.flatnonzero(usable),
        left_out=tuple(sorted(left_out)),
    )


def needs(predictors: Sequence[str]) -> tuple[str, ...]:
    """Inputs that predictors are computed from.

    Raises
    ------
    AllometryError
        For an unknown, repeated or unusable set of predictors.
    """
    unknown = [name for name in predictors if name not in PREDICTORS]
    if unknown or not predictors or len(set(predictors)) != len(predictors):
        raise AllometryError(
            f"predictors '{', '.join(predictors)}': give each once, of {', '.join(PREDICTORS)}."
        )
    found = {name: None for predictor in predictors for name in NEEDS[predictor]}
    if "dbh" not in found and tuple(predictors) != ("H",):
        raise AllometryError(
            f"predictors '{', '.join(predictors)}' lack the diameter; H may stand alone, anything "
            "else goes with D."
        )
    return tuple(name for name in ("dbh", "height", "wood_density") if name in found)


def design(inputs: dict[str, Floats], predictors: Sequence[str]) -> Floats:
    """Intercept and logarithms of the predictors, shape (n, 1 + number of predictors)."""
    columns: dict[str, Callable[[], Floats]] = {
        "D": lambda: np.log(inputs["dbh"]),
        "H": lambda: np.log(inputs["height"]),
        "rho": lambda: np.log(inputs["wood_density"]),
        "D2H": lambda: np.log(inputs["dbh"] ** 2 * inputs["height"]),
        "rhoD2H": lambda: np.log(inputs["wood_density"] * inputs["dbh"] ** 2 * inputs["height"]),
        "rhoD2": lambda: np.log(inputs["wood_density"] * inputs["dbh"] ** 2),
        "lnD2": lambda: np.log(inputs["dbh"]) ** 2,
    }
    found = [columns[name]() for name in predictors]
    return np.column_stack([np.ones(len(found[0])), *found])


def check_enough(harvest: Harvest, predictors: Sequence[str], minimum: int | None = None) -> None:
    """Raise unless the trees can carry the coefficients.

    Raises
    ------
    AllometryError
        For too few trees, or predictors that these trees cannot tell apart.
    """
    n, p = len(harvest.mass), len(predictors) + 1
    fewest = max(int(constant("felled_trees_minimum")) if minimum is None else minimum, p + 2)
    what = ", ".join(predictors)
    if n < fewest:
        raise AllometryError(
            f"an equation in {what} needs at least {fewest} weighed trees with every figure it "
            f"uses; found {n}. Fell more trees, or use an equation of the catalogue."
        )
    table = design(harvest.inputs, predictors)[:, 1:]
    centred = table - table.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    flat = [name for name, size in zip(predictors, length, strict=True) if size < FLAT * n]
    if flat:
        raise AllometryError(
            f"{', '.join(flat)} is the same for all {n} trees: its coefficient cannot be found. "
            "Leave it out, or weigh trees of other sizes."
        )
    singular = np.linalg.svd(centred / length, compute_uv=False)
    if singular[-1] < FLAT * singular[0]:
        raise AllometryError(
            f"the predictors {what} are collinear: one follows exactly from the others in these "
            f"{n} trees, so their coefficients cannot be told apart. Leave one out."
        )
