"""Heights of trees without a measured one: models of the catalogue, and fits to a height sample."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import constant, get_equation, ladder, revision
from allometry.errors import AllometryError, InputShapeError, MissingInput
from allometry.evaluation import EquationTable, compile_equations, evaluate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LOG_FORMS = {"log1": 2, "log2": 3}
FORMS = (*LOG_FORMS, "weibull", "michaelis")
FLAT = 1e-8  # smallest relative singular value of a fit that still has one solution
_NAMES = {"log1": ("a", "b"), "log2": ("a", "b", "c"),
          "weibull": ("a", "b", "c"), "michaelis": ("a", "b")}  # fmt: skip


def height_model(species: str) -> str:
    """Id of the default height model of a species: its own, else the pooled agroforest model."""
    heights = ladder()["heights"]
    return str(heights["species"].get(species, heights["pooled"]))


def check_height_model(model: str) -> None:
    """Raise unless an id is that of a height model.

    Raises
    ------
    UnknownEquation
    AllometryError
        When it predicts something else.
    """
    record = get_equation(model)
    if record.predicts != "height":
        raise AllometryError(
            f"'{model}' predicts {record.predicts}, not height; "
            "`rubbercarbon equations list --predicts height` shows the height models."
        )


def predict_height(
    model: str | HeightModel, *, dbh: ArrayLike, stress: ArrayLike | None = None
) -> Floats:
    """Total height by a height-diameter model.

    Parameters
    ----------
    model : str or HeightModel
        Id of the catalogue, for example ``harja_2012_pooled``, or a fit of one's own.
    dbh : array_like
        Diameter at breast height [cm].
    stress : array_like, optional
        Environmental stress E, for models that use it [1].

    Returns
    -------
    ndarray
        Mean height [m] (corrected from the log scale where the record says so); NaN where the
        diameter is missing or not positive.

    Raises
    ------
    UnknownEquation
    AllometryError
        When the id is not a height model.
    MissingInput
        When the model needs ``stress`` and it was not given.

    References
    ----------
    ``rubbercarbon equations show ID`` prints the source of each model.

    Examples
    --------
    >>> import allometry as al
    >>> al.predict_height("harja_2012_pooled", dbh=[12.0]).round(2)
    array([9.82])
    """
    if isinstance(model, HeightModel):
        return model.predict(dbh)
    check_height_model(model)
    return evaluate(model, dbh=dbh, stress=stress)


def predict_heights(
    models: Sequence[str | HeightModel], number: Ints, dbh: Floats, stress: float | None = None
) -> Floats:
    """As `predict_height`, of trees that have different models.

    Parameters
    ----------
    models : sequence of str or HeightModel
    number : ndarray of int64, shape (n,)
        Position of each tree's model in ``models``; -1 for none.
    dbh : ndarray, shape (n,)
        Diameter at breast height [cm].
    stress : float, optional
        Environmental stress E, for models that use it [1].

    Returns
    -------
    ndarray, shape (n,)
        Mean height [m]; NaN for trees without a model.

    Raises
    ------
    UnknownEquation, AllometryError, MissingInput
        As `predict_height`.
    """
    names = tuple(model for model in models if isinstance(model, str))
    place = np.maximum(number, 0)
    if len(names) < len(models):
        place = np.maximum(np.cumsum([isinstance(model, str) for model in models]) - 1, 0)[place]
    nothing = np.full(len(dbh), np.nan)
    stressed = nothing if stress is None else np.full(len(dbh), stress)
    table = _height_table(names, stress is not None, revision())
    heights = table.evaluate(place, dbh, nothing, nothing, stressed)
    heights[number < 0] = np.nan
    for k, model in enumerate(models):
        if isinstance(model, HeightModel) and (mine := number == k).any():
            heights[mine] = model.predict(dbh[mine])
    return heights


@functools.lru_cache(maxsize=64)
def _height_table(names: tuple[str, ...], stressed: bool, version: int) -> EquationTable:  # noqa: ARG001
    for name in names:
        check_height_model(name)
        given = ["dbh", "stress"] if stressed else ["dbh"]
        missing = [one for one in get_equation(name).inputs if one not in given]
        if missing:
            raise MissingInput(name, missing, given)
    return compile_equations(names)


@dataclass(frozen=True, eq=False)
class HeightModel:
    """A height-diameter model fitted to a sample.

    Attributes
    ----------
    form : str
        ``log1`` ln H = a + b ln D; ``log2`` with c ln² D; ``weibull`` H = a (1 - exp(-(D/b)^c));
        ``michaelis`` H = a D / (b + D).
    coefficients : dict
        By name, in the units that D [cm] and H [m] give them.
    covariance : ndarray, shape (n_coefficients, n_coefficients)
        Of the coefficients; NaN when they are not identified.
    residual_sd : float
        Standard deviation of single trees on the model's own scale: of ln H for the log forms
        [1], of H otherwise [m]. Not weighted.
    n_trees : int
        Pairs used.
    weighted : bool
        Whether pairs counted in proportion to D² H.
    dbh_range : tuple of float
        Smallest and largest diameter of the sample [cm].
    identified : bool
        False when the sample does not fix the coefficients.
    note : str
        A sentence that says so; empty otherwise.
    """

    form: str
    coefficients: dict[str, float]
    covariance: Floats
    residual_sd: float
    n_trees: int
    weighted: bool
    dbh_range: tuple[float, float]
    identified: bool = True
    note: str = ""

    def predict(self, dbh: ArrayLike) -> Floats:
        """Mean height; the log forms carry exp(s²/2).

        Parameters
        ----------
        dbh : array_like
            Diameter at breast height [cm].

        Returns
        -------
        ndarray
            Of the same shape [m]; NaN where the diameter is missing or not positive.
        """
        d = np.asarray(dbh, dtype=np.float64)
        usable = d > 0
        theta = np.array(list(self.coefficients.values()))
        with np.errstate(invalid="ignore", divide="ignore"):
            value, _ = _curve(self.form, theta, np.where(usable, d, 1.0))
        if self.form in LOG_FORMS:
            value = np.exp(value + 0.5 * self.residual_sd**2)
        result: Floats = np.where(usable, value, np.nan)
        return result

    def gradient_ln(self, dbh: ArrayLike) -> Floats:
        """Derivative of ln H by each coefficient, shape (n, n_coefficients)."""
        d = np.atleast_1d(np.asarray(dbh, dtype=np.float64))
        theta = np.array(list(self.coefficients.values()))
        value, gradient = _curve(self.form, theta, d)
        return gradient if self.form in LOG_FORMS else gradient / value[:, None]

    def residual_sd_ln(self, dbh: ArrayLike) -> Floats:
        """Standard deviation of ln H of single trees at a diameter [1]."""
        height = self.predict(dbh)
        if self.form in LOG_FORMS:
            return np.full_like(height, self.residual_sd)
        return np.sqrt(np.log1p((self.residual_sd / height) ** 2))


def _curve(form: str, theta: Floats, d: Floats) -> tuple[Floats, Floats]:
    """Value and gradient; of ln H for the log forms, of H otherwise."""
    ln_d = np.log(d)
    if form in LOG_FORMS:
        gradient = np.column_stack([ln_d.ravel() ** k for k in range(LOG_FORMS[form])])
        return (gradient @ theta).reshape(d.shape), gradient
    if form == "michaelis":
        a, b = theta
        value = a * d / (b + d)
        return value, np.column_stack([value / a, -value / (b + d)])
    a, b, c = theta
    power = (d / b) ** c
    rest = np.exp(-power)
    slope = a * rest * power
    return a * (1.0 - rest), np.column_stack([1.0 - rest, -slope * c / b, slope * np.log(d / b)])


def fit_height_model(
    dbh: ArrayLike,
    height: ArrayLike,
    *,
    form: str = "log1",
    weighted: bool = False,
    minimum: int | None = None,
) -> HeightModel:
    """Fit a height-diameter model to measured pairs.

    Parameters
    ----------
    dbh : array_like
        Diameters [cm].
    height : array_like
        Measured heights [m]; pairs with a missing or not positive value are left out.
    form : {'log1', 'log2', 'weibull', 'michaelis'}
    weighted : bool
        Weigh each pair by D² H, so that large trees count more.
    minimum : int, optional
        Fewest pairs accepted; the catalogue's constant ``height_sample_minimum`` by default.

    Returns
    -------
    HeightModel
        With covariance of the coefficients and the residual on the model's own scale. A sample
        that does not fix the coefficients gives ``identified = False`` and a note.

    Raises
    ------
    AllometryError
        For an unknown form or too few pairs.
    InputShapeError
        For arrays of different length.

    Notes
    -----
    Least squares of ln H for the log forms, of H for the others (Levenberg-Marquardt).

    Examples
    --------
    >>> import allometry as al
    >>> d = [5, 8, 10, 12, 15, 18, 20, 22, 25, 30]
    >>> h = [4.4, 6.4, 7.6, 8.3, 9.4, 10.5, 11.0, 11.9, 12.4, 13.2]
    >>> model = al.fit_height_model(d, h, form="michaelis", minimum=10)
    >>> model.predict([20.0]).round(1)
    array([11.1])
    """
    if form not in FORMS:
        raise AllometryError(f"form '{form}' is not one of {', '.join(FORMS)}.")
    d, h = np.asarray(dbh, dtype=np.float64), np.asarray(height, dtype=np.float64)
    if d.shape != h.shape or d.ndim != 1:
        raise InputShapeError("height", h.shape, d.shape)
    usable = (d > 0) & (h > 0) & np.isfinite(d) & np.isfinite(h)
    d, h = d[usable], h[usable]
    fewest = max(int(constant("height_sample_minimum")) if minimum is None else minimum, 4)
    if len(d) < fewest or len(np.unique(d)) < 4:
        raise AllometryError(
            f"a height model needs at least {fewest} pairs of diameter and height with four "
            f"different diameters; found {len(d)} usable pairs. Measure more heights, or use a "
            "model of the catalogue."
        )
    weight = d**2 * h if weighted else np.ones_like(d)
    weight = weight / weight.sum() if weighted else weight
    target = np.log(h) if form in LOG_FORMS else h
    free = form in LOG_FORMS
    start = np.zeros(LOG_FORMS[form]) if free else _start(form, d, h, np.sqrt(weight))
    theta = _polish(form, start, d, target, weight)
    return _report(form, theta, d, target, weight, weighted=weighted)


def _start(form: str, d: Floats, h: Floats, root: Floats) -> Floats:
    """Best of several descents from plain starting values."""
    from scipy.optimize import least_squares  # noqa: PLC0415  (slow import)

    top, middle = float(h.max()), float(np.median(d))
    starts = [[1.3 * top, middle]] if form == "michaelis" else [
        [a * top, b * middle, c] for a in (1.0, 1.5) for b in (1.0, 3.0) for c in (0.6, 1.0)
    ]  # fmt: skip

    def misfit(log_theta: Floats) -> Floats:
        return root * (_curve(form, np.exp(log_theta), d)[0] - h)

    descend: Callable[..., object] = least_squares
    best, least = np.array(starts[0]), math.inf
    for start in starts:
        with np.errstate(over="ignore", invalid="ignore"):
            found: object = descend(misfit, np.log(start), method="trf", max_nfev=500)
        cost = float(getattr(found, "cost", math.inf))
        if cost < least:
            best, least = np.exp(getattr(found, "x", np.log(start))), cost
    return best


def _polish(form: str, theta: Floats, d: Floats, target: Floats, weight: Floats) -> Floats:
    """Damped Gauss-Newton steps down to the last digits (one step solves the log forms)."""
    root = np.sqrt(weight)

    def misfit(at: Floats) -> tuple[float, Floats, Floats]:
        value, gradient = _curve(form, at, d)
        residual = root * (target - value)
        return float(residual @ residual), residual, gradient * root[:, None]

    cost, residual, jacobian = misfit(theta)
    for _ in range(60):
        step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
        scale = 1.0
        while scale > 1e-6:
            trial = theta + scale * step
            if form in LOG_FORMS or np.all(trial > 0):
                trial_cost, trial_residual, trial_jacobian = misfit(trial)
                if trial_cost <= cost:
                    break
            scale *= 0.5
        else:
            return theta
        gained = cost - trial_cost
        theta, cost, residual, jacobian = trial, trial_cost, trial_residual, trial_jacobian
        if gained <= 1e-15 * cost and np.all(np.abs(scale * step) <= 1e-10 * np.abs(theta)):
            break
    return theta


def _report(
    form: str, theta: Floats, d: Floats, target: Floats, weight: Floats, *, weighted: bool
) -> HeightModel:
    """Covariance, residual and whether the sample fixes the coefficients."""
    value, gradient = _curve(form, theta, d)
    residual, freedom = target - value, len(d) - len(theta)
    weighted_gradient = gradient * np.sqrt(weight)[:, None]
    scaled = weighted_gradient * np.abs(theta)
    singular = np.linalg.svd(scaled / np.linalg.norm(scaled, axis=0), compute_uv=False)
    variance = float(weight @ residual**2) / freedom
    covariance = np.full((len(theta), len(theta)), np.nan)
    identified, note = singular[-1] > FLAT, ""
    if identified:
        triangle = np.linalg.inv(np.linalg.qr(weighted_gradient, mode="r"))
        covariance = variance * triangle @ triangle.T
        if form not in LOG_FORMS:
            identified = bool(np.all(np.sqrt(np.diag(covariance)) < np.abs(theta)))
    if not identified:
        note = (
            f"the sample of {len(d)} trees does not fix the coefficients of the form '{form}': a "
            "standard error is as large as its coefficient (no sign of a largest height). Use "
            "'log1', 'log2' or 'michaelis', or measure taller trees."
        )
        covariance = np.full_like(covariance, np.nan)
    return HeightModel(
        form=form,
        coefficients=dict(zip(_NAMES[form], map(float, theta), strict=True)),
        covariance=covariance,
        residual_sd=float(np.sqrt(residual @ residual / freedom)),
        n_trees=len(d),
        weighted=weighted,
        dbh_range=(float(d.min()), float(d.max())),
        identified=bool(identified),
        note=note,
    )
