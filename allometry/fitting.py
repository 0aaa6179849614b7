"""Equations fitted to felled and weighed trees of one's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import constant
from allometry.errors import AllometryError, InputShapeError
from allometry.harvest import Harvest, check_enough, design, gather, needs
from allometry.regression import Estimate, least_squares, power_curve, random_intercept

Floats = NDArray[np.float64]
FORMS = ("loglinear", "nonlinear")
CORRECTIONS = ("baskerville", "snowdon", "smearing", "none")


@dataclass(frozen=True)
class Recipe:
    """How an equation is fitted.

    Attributes
    ----------
    form : {'loglinear', 'nonlinear'}
    predictors : tuple of str
        Of D, H, rho, D2H, rhoD2H, rhoD2 and lnD2 (squared logarithm of D).
    correction : {'baskerville', 'snowdon', 'smearing', 'none'}
        Back-transformation of the log-linear form.
    weight_power : float or None
        The sd of a tree is proportional to D to this power (non-linear form); None: estimated.
    site_term : bool
        A random intercept of places, by REML (log-linear form).
    """

    form: str
    predictors: tuple[str, ...]
    correction: str = "baskerville"
    weight_power: float | None = None
    site_term: bool = False

    def estimate(
        self, harvest: Harvest, ratio: float | None = None, last: Estimate | None = None
    ) -> Estimate:
        """Coefficients for some trees.

        ``ratio`` holds the variance ratio of places; ``last`` is the fit to all trees, whose power
        is kept and whose coefficients begin the search of a curve.
        """
        table = design(harvest.inputs, self.predictors)
        if self.form == "nonlinear":
            power, start = self.weight_power, None
            if last is not None:
                power, start = last.power, last.coefficients
            return power_curve(table, harvest.mass, harvest.inputs["dbh"], power, start)
        if self.site_term and len(harvest.site_names) > 1:
            return random_intercept(
                table, np.log(harvest.mass), harvest.site, ratio=ratio, likelihood=last is None
            )
        return least_squares(table, np.log(harvest.mass))

    def factor(self, harvest: Harvest, found: Estimate) -> float:
        """What turns exp(fitted) into the mean mass."""
        return 1.0 if self.form == "nonlinear" else corrections(harvest, found)[self.correction]

    def predict(self, found: Estimate, factor: float, inputs: dict[str, Floats]) -> Floats:
        """Mean mass [kg]."""
        result: Floats = factor * np.exp(design(inputs, self.predictors) @ found.coefficients)
        return result


def corrections(harvest: Harvest, found: Estimate) -> dict[str, float]:
    """Factors of the back-transformation by their names.

    ``baskerville`` exp(s²/2), with the variance between places where it was estimated;
    ``snowdon`` the ratio of the weighed to the back-transformed mass; ``smearing`` the mean of
    the back-transformed residuals.
    """
    median = np.exp(found.fitted)
    return {
        "baskerville": math.exp(0.5 * (found.sigma**2 + found.group_sd**2)),
        "snowdon": float(harvest.mass.sum() / median.sum()),
        "smearing": float(np.mean(np.exp(found.residual))),
        "none": 1.0,
    }


@dataclass(frozen=True, eq=False)
class FittedEquation:
    """An equation fitted to weighed trees.

    Attributes
    ----------
    recipe : Recipe
        Form, predictors and correction.
    harvest : Harvest
        The trees used, and which were left out.
    estimate : Estimate
        Numbers of the regression.
    predicts : str
        ``agb``, ``stem``, ``bgb`` ...

    Notes
    -----
    Log-linear: ln M = b0 + b1 ln X1 + ... (+ u of the place) + e, M in kg, D in cm, H in m, wood
    density in g/cm3. Non-linear: M = exp(b0 + b1 ln X1 + ...) + e, the sd of e proportional to
    D^weight_power. The intercept is that of the logarithm in both.
    """

    recipe: Recipe
    harvest: Harvest
    estimate: Estimate
    predicts: str = "agb"

    @property
    def coefficients(self) -> dict[str, float]:
        """By predictor, ``intercept`` first."""
        names = ("intercept", *self.recipe.predictors)
        return dict(zip(names, map(float, self.estimate.coefficients), strict=True))

    @property
    def covariance(self) -> Floats:
        """Of the coefficients, shape (p, p)."""
        return self.estimate.covariance

    @property
    def residual_sd(self) -> float:
        """Of ln mass within places [1]; of mass at D 1 cm [kg] in the non-linear form."""
        return self.estimate.sigma

    @property
    def site_sd(self) -> float | None:
        """Standard deviation of ln mass between places [1]; None where it was not estimated."""
        return self.estimate.group_sd if self.recipe.site_term else None

    @property
    def n_trees(self) -> int:
        """Trees used."""
        return len(self.harvest.mass)

    @property
    def n_sites(self) -> int:
        """Places of the trees used."""
        return len(self.harvest.site_names)

    @property
    def corrections(self) -> dict[str, float]:
        """Every back-transformation factor, whichever was chosen [1]; a curve needs none."""
        if self.recipe.form == "nonlinear":
            return {"none": 1.0}
        return corrections(self.harvest, self.estimate)

    @property
    def correction_factor(self) -> float:
        """The factor that `predict` uses [1]."""
        return self.recipe.factor(self.harvest, self.estimate)

    @property
    def log_likelihood(self) -> float:
        """Of the masses in kg, so that forms of either kind can be compared."""
        jacobian = (
            0.0 if self.recipe.form == "nonlinear" else float(np.log(self.harvest.mass).sum())
        )
        return self.estimate.log_likelihood - jacobian

    @property
    def aic(self) -> float:
        """Akaike's criterion on the scale of kg."""
        return 2.0 * self.estimate.parameters - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayesian (Schwarz) criterion on the scale of kg."""
        return math.log(self.n_trees) * self.estimate.parameters - 2.0 * self.log_likelihood

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest value of each input used."""
        return {
            name: (float(values.min()), float(values.max()))
            for name, values in self.harvest.inputs.items()
            if name in needs(self.recipe.predictors)
        }

    @property
    def left_out(self) -> tuple[tuple[int, str, str], ...]:
        """Position, reason and quantity of each tree that could not be used."""
        return self.harvest.left_out

    def predict(
        self, *, dbh: ArrayLike | None = None, height: ArrayLike | None = None,
        wood_density: ArrayLike | None = None,
    ) -> Floats:  # fmt: skip
        """Mean dry mass [kg], with the correction; NaN where an input is not positive.

        Parameters
        ----------
        dbh : array_like, optional
            [cm]
        height : array_like, optional
            [m]
        wood_density : array_like, optional
            [g/cm3]

        Returns
        -------
        ndarray
        """
        given = {"dbh": dbh, "height": height, "wood_density": wood_density}
        used = {}
        for name in needs(self.recipe.predictors):
            value = given[name]
            if value is None:
                raise AllometryError(f"this equation needs {name}; give it.")
            used[name] = np.atleast_1d(np.asarray(value, dtype=np.float64))
        try:
            arrays = np.broadcast_arrays(*used.values())
        except ValueError as error:
            shapes = [array.shape for array in used.values()]
            raise InputShapeError(list(used)[-1], shapes[-1], shapes[0]) from error
        good = np.all([array > 0 for array in arrays], axis=0)
        safe = {n: np.where(good, a, 1.0).ravel() for n, a in zip(used, arrays, strict=True)}
        values = self.recipe.predict(self.estimate, self.correction_factor, safe)
        result: Floats = np.where(good, values.reshape(good.shape), np.nan)
        return result

    @property
    def predicted(self) -> Floats:
        """Mean mass of the trees used [kg]."""
        return self.recipe.predict(self.estimate, self.correction_factor, self.harvest.inputs)


def fit_equation(
    *,
    mass: ArrayLike,
    dbh: ArrayLike | None = None,
    height: ArrayLike | None = None,
    wood_density: ArrayLike | None = None,
    site: Sequence[object] | None = None,
    form: str = "loglinear",
    predictors: Sequence[str] | None = None,
    correction: str = "baskerville",
    weight_power: float | None = None,
    site_term: bool | None = None,
    predicts: str = "agb",
    minimum: int | None = None,
) -> FittedEquation:
    """Fit an equation to felled and weighed trees.

    Parameters
    ----------
    mass : array_like
        Dry mass of each tree [kg].
    dbh : array_like, optional
        Diameter [cm].
    height : array_like, optional
        Total height [m].
    wood_density : array_like, optional
        Basic wood density [g/cm3].
    site : sequence, optional
        Place of each tree.
    form : {'loglinear', 'nonlinear'}
    predictors : sequence of str, optional
        Of ``D``, ``H``, ``rho``, ``D2H``, ``rhoD2H``, ``rhoD2``, ``lnD2``; by default the one
        product of all that was given.
    correction : {'baskerville', 'snowdon', 'smearing', 'none'}
        Back-transformation of the log-linear form.
    weight_power : float, optional
        Non-linear form: the sd of a tree grows as D to this power; estimated by default.
    site_term : bool, optional
        A random intercept of places (REML); by default where there are three places or more.
    predicts : str
        What the mass is: ``agb``, ``bgb``, ``stem``, ``branch``, ``leaf`` ...
    minimum : int, optional
        Fewest trees; the catalogue's constant ``felled_trees_minimum`` by default.

    Returns
    -------
    FittedEquation
        Coefficients, covariance, residual, corrections, AIC, BIC. Trees with a missing or not
        positive figure are in ``left_out``.

    Raises
    ------
    AllometryError
        For unknown options, too few trees or collinear predictors.
    InputShapeError

    References
    ----------
    Baskerville 1972 (exp(s²/2)), Snowdon 1991 (ratio), Duan 1983 (smearing).

    Examples
    --------
    >>> import allometry as al
    >>> d = [6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 28, 30]
    >>> m = [9.1, 18.5, 33.0, 49.8, 77.0, 99.6, 139.0, 170.0, 222.0, 301.0, 390.0, 470.0]
    >>> fit = al.fit_equation(mass=m, dbh=d)
    >>> {name: round(value, 2) for name, value in fit.coefficients.items()}
    {'intercept': -2.14, 'D': 2.44}
    """
    given: dict[str, ArrayLike | None] = {
        "dbh": dbh, "height": height, "wood_density": wood_density,
    }  # fmt: skip
    chosen = tuple(predictors) if predictors is not None else _widest(given)
    if form not in FORMS:
        raise AllometryError(f"form '{form}' is not one of {', '.join(FORMS)}.")
    if correction not in CORRECTIONS:
        raise AllometryError(f"correction '{correction}' is not one of {', '.join(CORRECTIONS)}.")
    if form == "nonlinear" and "dbh" not in needs(chosen):
        raise AllometryError("the non-linear form weighs trees by D; its predictors need D.")
    harvest = gather(mass, given, site, needs(chosen))
    return fit_harvest(
        harvest,
        Recipe(form, chosen, correction, weight_power, _with_sites(harvest, form, site_term)),
        predicts=predicts,
        minimum=minimum,
    )


def fit_harvest(
    harvest: Harvest, recipe: Recipe, *, predicts: str = "agb", minimum: int | None = None
) -> FittedEquation:
    """Fit one recipe to trees that were gathered before.

    Raises
    ------
    AllometryError
    """
    check_enough(harvest, recipe.predictors, minimum)
    return FittedEquation(recipe, harvest, recipe.estimate(harvest), predicts)


def _widest(given: dict[str, ArrayLike | None]) -> tuple[str, ...]:
    has = {name for name, value in given.items() if value is not None}
    for name, inputs in (
        ("rhoD2H", {"dbh", "height", "wood_density"}), ("D2H", {"dbh", "height"}),
        ("rhoD2", {"dbh", "wood_density"}), ("D", {"dbh"}), ("H", {"height"}),
    ):  # fmt: skip
        if inputs <= has:
            return (name,)
    raise AllometryError("an equation needs a diameter or a height of each tree; none was given.")


def _with_sites(harvest: Harvest, form: str, asked: bool | None) -> bool:
    """Whether a random term of places is fitted.

    Raises
    ------
    AllometryError
        When it is asked for and cannot be.
    """
    fewest = int(constant("sites_minimum"))
    enough = len(harvest.site_names) >= fewest
    if asked and form == "nonlinear":
        raise AllometryError(
            "a random term of places goes with the log-linear form only; fit that, or leave the "
            "term out."
        )
    if asked and not enough:
        raise AllometryError(
            f"a random term of places needs trees of at least {fewest} places; found "
            f"{len(harvest.site_names)}. Leave the term out, or fell trees in more places."
        )
    return form == "loglinear" and (enough if asked is None else asked)
