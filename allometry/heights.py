"""Heights of trees without a measured one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allometry.catalogue.loader import get_equation, ladder
from allometry.errors import AllometryError
from allometry.evaluation import evaluate


def height_model(species: str) -> str:
    """Id of the default height model of a species: its own, else the pooled agroforest model."""
    heights = ladder()["heights"]
    return str(heights["species"].get(species, heights["pooled"]))


def predict_height(
    model: str, *, dbh: ArrayLike, stress: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Total height by a height-diameter model of the catalogue.

    Parameters
    ----------
    model : str
        Id, for example ``harja_2012_pooled``.
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

    Examples
    --------
    >>> import allometry as al
    >>> al.predict_height("harja_2012_pooled", dbh=[12.0]).round(2)
    array([9.82])
    """
    record = get_equation(model)
    if record.predicts != "height":
        raise AllometryError(
            f"'{model}' predicts {record.predicts}, not height; "
            "`rubbercarbon equations list --predicts height` shows the height models."
        )
    return evaluate(model, dbh=dbh, stress=stress)
