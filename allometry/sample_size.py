"""How many trees to fell for an equation of a wanted precision."""

from __future__ import annotations

import math

from allometry.errors import AllometryError

LARGEST = 100_000
EVEN_SPREAD = math.sqrt(3.0)  # ends of an even spread, in standard deviations from its middle


def trees_to_fell(
    error: float,
    residual_sd: float,
    *,
    site_sd: float = 0.0,
    sites: int = 1,
    predictors: int = 1,
    reach: float = EVEN_SPREAD,
    level: float = 0.90,
) -> int:
    """Trees per place to weigh, so that the mean of an equation is known to a wanted error.

    Parameters
    ----------
    error : float
        Wanted half-width of the interval of the mean prediction, relative [1]; 0.1 is 10 %.
    residual_sd : float
        Standard deviation of ln mass of single trees within a place [1], from a pilot or a
        published equation.
    site_sd : float
        Standard deviation of ln mass between places [1].
    sites : int
        Places in which trees are felled.
    predictors : int
        Predictors of the equation.
    reach : float
        How far from the middle of the felled sizes the error must hold, in standard deviations
        of ln size [1]; sqrt(3) is the end of an even spread, 0 the middle.
    level : float
        Of the interval [1].

    Returns
    -------
    int
        Trees in each place.

    Raises
    ------
    AllometryError
        When the places alone leave a larger error, however many trees are felled.

    Notes
    -----
    Smallest k with t sqrt(s² (1 + reach²)/(mk) + s_site²/m) <= ln(1 + error), m places, t Student's
    with mk - 1 - predictors degrees of freedom (with a site term, no more than m - 1).

    Examples
    --------
    >>> trees_to_fell(0.10, 0.30)
    110
    >>> trees_to_fell(0.10, 0.30, reach=0.0)
    29
    """
    from scipy.stats import t as student  # noqa: PLC0415  (slow import)

    if not (error > 0 and residual_sd > 0 and site_sd >= 0 and sites >= 1 and 0 < level < 1):
        raise AllometryError(
            "error and residual sd are positive, the sd between places is not negative, places "
            "are at least one, and the level lies between 0 and 1."
        )
    wanted = math.log1p(error)

    def half_width(each: int) -> float:
        total = each * sites
        freedom = total - 1 - predictors
        if site_sd > 0:
            freedom = min(freedom, sites - 1)
        if freedom < 1:
            return math.inf
        variance = residual_sd**2 * (1.0 + reach**2) / total + site_sd**2 / sites
        return float(student.ppf(0.5 + level / 2.0, freedom)) * math.sqrt(variance)

    if half_width(LARGEST) > wanted:
        least = places_needed(error, site_sd, level=level)
        raise AllometryError(
            f"{sites} places leave more than {100 * error:g} % however many trees are felled; the "
            f"difference between places alone asks for at least {least} places."
        )
    low, high = 0, LARGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if half_width(middle) <= wanted else (middle, high)
    return high


def places_needed(error: float, site_sd: float, *, level: float = 0.90) -> int:
    """Fewest places for which the difference between places alone stays below an error.

    Parameters
    ----------
    error : float
        Relative [1].
    site_sd : float
        Standard deviation of ln mass between places [1].
    level : float

    Returns
    -------
    int
    """
    from scipy.stats import t as student  # noqa: PLC0415  (slow import)

    places = 2
    while float(student.ppf(0.5 + level / 2.0, places - 1)) * site_sd / math.sqrt(
        places
    ) > math.log1p(error):
        places += 1
    return places
