"""Growth curves of the catalogue: size of a stand's mean stem at an age.

Forms (t: age in years):

* monomolecular          D = d0 + a (1 - e^(-k t))
* chapman_richards       D = d0 + a (1 - e^(-k t))^p
* chapman_richards_from  D = a (1 - (1 - (d0/a)^(1/p)) e^(-k t))^p
* weibull                D = d0 + a (1 - e^(-k t^p))
* gompertz               D = d0 + a (G - G0) / (1 - G0), G = exp(-p e^(-k t)), G0 = e^(-p)
* schumacher             D = d0 + a e^(-k/t)
* capped                 D = min(k t, a)
"""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import FOLDER, read_toml
from allometry.errors import AllometryError, CatalogueError

Floats = NDArray[np.float64]
FORMS = (
    "monomolecular", "chapman_richards", "chapman_richards_from", "weibull", "gompertz",
    "schumacher", "capped",
)  # fmt: skip
PARAMETERS = ("d0", "a", "k", "p")
RESPONSES = ("dbh", "stand_agb", "none")
# of the variance of a curve whose spread is known as a whole: as rubber's 0.05, 0.06, 0.06
SPLIT = {"curve": 25.0 / 97.0, "locality": 36.0 / 97.0, "plot": 36.0 / 97.0}


@dataclass(frozen=True, slots=True)
class GrowthCurve:
    """One curve of ``catalogue/growth_curves.toml``, or a user's own.

    Attributes
    ----------
    id : str
    taxa : tuple of str
        Species, families or growth forms that it is the default of.
    clones : tuple of str
    response : {'dbh', 'stand_agb', 'none'}
        [cm], [t/ha], or nothing known.
    form : str
    parameters : tuple of float
        d0, a, k, p.
    covariance : tuple of tuple of float, or None
        Of ln a and ln k.
    age : tuple of float
        Years that the source covers.
    sd_curve, sd_locality, sd_plot : float
        Between stands, of ln D.
    tapped : bool
        Tapping is already in the curve.
    citation, seen, grade, note, region : str
    checks : tuple of (float, float)
        Age and value.
    """

    id: str
    taxa: tuple[str, ...]
    clones: tuple[str, ...]
    response: str
    form: str
    parameters: tuple[float, float, float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]] | None
    age: tuple[float, float]
    sd_curve: float
    sd_locality: float
    sd_plot: float
    tapped: bool
    citation: str
    seen: str
    grade: str
    note: str
    region: str
    checks: tuple[tuple[float, float], ...]

    @property
    def code(self) -> int:
        """Number of the form, as the kernels know it."""
        return FORMS.index(self.form)


def read_curve(name: str, table: dict[str, Any]) -> GrowthCurve:
    """A curve from its parsed TOML.

    Parameters
    ----------
    name : str
        Id of the curve.
    table : dict

    Returns
    -------
    GrowthCurve

    Raises
    ------
    CatalogueError
        With every fault of the record.
    """
    faults: list[str] = []
    form, response = str(table.get("form", "")), str(table.get("response", "dbh"))
    if form not in FORMS:
        faults.append(f"form '{form}' is not one of {', '.join(FORMS)}")
    if response not in RESPONSES:
        faults.append(f"response '{response}' is not one of {', '.join(RESPONSES)}")
    given = table.get("coefficients", {})
    unknown = sorted(set(given) - set(PARAMETERS))
    if unknown:
        faults.append(f"coefficients {', '.join(unknown)} are not among {', '.join(PARAMETERS)}")
    if not {"a", "k"} <= set(given):
        faults.append("coefficients a and k are needed")
    faults += [
        f"'{key}' is missing" for key in ("citation", "grade", "age", "error") if key not in table
    ]
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            faults.append(f"coefficient {key} = {value!r} is not a number")
        elif value < 0 or (key in {"a", "p"} and value == 0):
            faults.append(f"coefficient {key} = {value:g} must be positive: stems do not shrink")
    spread = table.get("error", {})
    for key, value in spread.items() if isinstance(spread, dict) else [("error", spread)]:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            faults.append(f"error {key} = {value!r} is not a standard deviation")
    ages = table.get("age", [0, 1])
    if (
        not isinstance(ages, list)
        or len(ages) != 2
        or not all(isinstance(one, int | float) for one in ages)
    ):
        faults.append(f"age = {ages!r} is not [from, to]")
    if faults:
        raise CatalogueError(name, faults)
    values = (float(given.get("d0", 0.0)), float(given["a"]), float(given["k"]),
              float(given.get("p", 1.0)))  # fmt: skip
    error = table["error"]
    parts = {level: float(error.get(level, 0.0)) for level in SPLIT}
    if "sd" in error:
        parts = {level: float(error["sd"]) * share**0.5 for level, share in SPLIT.items()}
    return GrowthCurve(
        id=name,
        taxa=tuple(t for t in (table.get("species", ""), *table.get("taxa", ())) if t),
        clones=tuple(table.get("clones", ())),
        response=response,
        form=form,
        parameters=values,
        covariance=_log_covariance(table.get("covariance"), values),
        age=(float(table["age"][0]), float(table["age"][1])),
        sd_curve=parts["curve"],
        sd_locality=parts["locality"],
        sd_plot=parts["plot"],
        tapped=bool(table.get("tapped", False)),
        citation=str(table["citation"]),
        seen=str(table.get("seen", "")),
        grade=str(table["grade"]),
        note=str(table.get("note", "")),
        region=str(table.get("region", "")),
        checks=tuple((float(t), float(v)) for t, v in table.get("check", ())),
    )


def _log_covariance(
    table: dict[str, Any] | None, values: tuple[float, float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Covariance of ln a and ln k from standard errors: parameters stay positive when drawn."""
    if table is None:
        return None
    a, k = (float(sd) / value for sd, value in zip(table["sd"], values[1:3], strict=True))
    r = float(table["correlation"])
    return ((a * a, r * a * k), (r * a * k, k * k))


@functools.cache
def growth_curves() -> dict[str, GrowthCurve]:
    """Every curve of the catalogue by id."""
    return {
        name: read_curve(name, table)
        for name, table in read_toml(FOLDER / "growth_curves.toml").items()
    }


def growth_curve(name: str) -> GrowthCurve:
    """One curve by id.

    Raises
    ------
    AllometryError
        With the nearest ids.
    """
    curves = growth_curves()
    if name not in curves:
        near = difflib.get_close_matches(name, list(curves), 3, 0.5)
        guess = f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""
        raise AllometryError(f"no growth curve '{name}'.{guess} Known: {', '.join(curves)}.")
    return curves[name]


def default_curve(species: str, family: str, growth_form: str, clone: str = "") -> GrowthCurve:
    """The catalogue's curve of a plant: by clone, species, family, growth form, else ``none``."""
    curves = growth_curves()
    mine = [curve for curve in curves.values() if species in curve.taxa]
    if species == "Hevea brasiliensis":
        mine = [c for c in mine if clone and clone in c.clones] or [curves["hevea_unknown"]]
    for name in (family, growth_form):
        mine = mine or [curve for curve in curves.values() if name and name in curve.taxa]
    return mine[0] if mine else curves["none"]


def predict_growth(curve: str | GrowthCurve, *, age: ArrayLike) -> Floats:
    """Size at an age by a growth curve.

    Parameters
    ----------
    curve : str or GrowthCurve
        Id, for example ``rayong_rrim600_weibull``.
    age : array_like
        [year]

    Returns
    -------
    ndarray
        Diameter at breast height [cm], or above-ground biomass of a stand [t/ha] where the curve's
        response is ``stand_agb``. NaN for negative ages.

    Raises
    ------
    AllometryError
        For an unknown id.

    References
    ----------
    The curve's ``citation``.

    Examples
    --------
    >>> import allometry as al
    >>> al.predict_growth("rayong_rrim600_weibull", age=[7.0, 20.0]).round(2)
    array([13.62, 22.37])
    """
    record = growth_curve(curve) if isinstance(curve, str) else curve
    t = np.asarray(age, dtype=np.float64)
    t = np.where(t >= 0, t, np.nan)
    d0, a, k, p = record.parameters
    with np.errstate(divide="ignore", invalid="ignore"):
        fade = np.exp(-k * t)
        if record.form == "monomolecular":
            value = d0 - a * np.expm1(-k * t)
        elif record.form == "chapman_richards":
            value = d0 + a * (1.0 - fade) ** p
        elif record.form == "chapman_richards_from":
            value = a * (1.0 - (1.0 - (d0 / a) ** (1.0 / p)) * fade) ** p
        elif record.form == "weibull":
            value = d0 - a * np.expm1(-k * t**p)
        elif record.form == "gompertz":
            value = d0 + a * (np.exp(-p * fade) - np.exp(-p)) / (1.0 - np.exp(-p))
        elif record.form == "schumacher":
            value = d0 + a * np.exp(-k / t)
        else:
            value = np.minimum(k * t, a)
    return np.asarray(value, dtype=np.float64)
