"""The records of the catalogue and the words that they may hold."""

from __future__ import annotations

from dataclasses import dataclass

FORMS = ("log_polynomial", "geometric_mean", "polynomial", "ogawa", "tiepolo",
         "michaelis_menten", "weibull")  # fmt: skip
GRADES = ("A", "B", "C")
UNITS = {"kg": 1.0, "Mg": 1000.0, "m3": 1.0, "m": 1.0, "t/ha": 1.0, "kg C": 1.0}
BIAS = ("included", "apply", "unknown", "not_needed")
TERM_KEYS = ("scale", "intercept", "x", "x2", "x3", "h", "rho", "e", "x2h", "x2h_rho", "x2_rho")
COEFFICIENT_KEYS: dict[str, tuple[str, ...]] = {
    "polynomial": ("const", "x", "x2", "h", "x2h", "ba", "ba2", "ba3"),
    "ogawa": ("stem_scale", "stem_power", "branch_scale", "branch_power", "leaf_a", "leaf_b"),
    "tiepolo": ("numerator", "factor", "rate"),
    "michaelis_menten": ("offset", "a", "b"),
    "weibull": ("a", "b", "c"),
}
SIZES = ("dbh", "height", "crown_diameter", "age", "agb_tree", "agb_stand")


@dataclass(frozen=True, slots=True)
class Source:
    """A publication or data set, and where its numbers were seen."""

    key: str
    citation: str
    doi: str
    seen: str
    note: str


@dataclass(frozen=True, slots=True)
class Range:
    """Where an equation was fitted.

    ``kind`` is ``published`` (printed by the source), ``data`` (span of the data it was fitted to)
    or ``unknown``; then ``limits`` is a span of our choice for tests only.
    """

    kind: str
    limits: dict[str, tuple[float, float]]
    note: str


@dataclass(frozen=True, slots=True)
class Residual:
    """Scatter of single trees: ``sd_ln``, ``sd_abs`` (in the unit of the result) or ``none``.

    With a ``power``, the ``sd_abs`` of a tree is the value times D^power (D in cm).
    """

    kind: str
    value: float
    note: str
    power: float = 0.0


@dataclass(frozen=True, slots=True)
class Sites:
    """Places behind an equation fitted to trees of one's own.

    ``sd_ln`` is the standard deviation between places of ln biomass at equal size; None where it
    is unknown (a single place, or too few). The residual is then that within places.
    """

    number: int
    sd_ln: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Covariance:
    """Joint error of the coefficients, as deviations around the printed values."""

    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    note: str


@dataclass(frozen=True, slots=True)
class Check:
    """A value that the equation must return: ``published`` by a source or ``recomputed``."""

    kind: str
    inputs: dict[str, float]
    expected: float
    tolerance: float
    source: str


@dataclass(frozen=True, slots=True)
class Equation:
    """One published equation with all that is known of it."""

    id: str
    source: Source
    predicts: str
    unit: str
    form: str
    size: str
    inputs: tuple[str, ...]
    grade: str
    where: str
    log_base: float
    terms: tuple[dict[str, float], ...]
    coefficients: dict[str, float]
    members: tuple[str, ...]
    weights: tuple[float, ...]
    clamp: dict[str, tuple[float, float]]
    constant: bool
    level: str
    taxa: tuple[str, ...]
    growth_forms: tuple[str, ...]
    region: str
    n_trees: int | None
    pom_m: float | None
    stems: str
    bias: str
    range: Range
    residual: Residual
    covariance: Covariance | None
    sites: Sites | None
    checks: tuple[Check, ...]
    roots: str
    note: str

    @property
    def correction(self) -> float:
        """What is added to the logarithm so that the mean, not the median, is predicted."""
        return 0.5 * self.residual.value**2 if self.bias == "apply" else 0.0
