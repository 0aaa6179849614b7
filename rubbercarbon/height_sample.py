"""A user's own height sample: read, checked, and fitted by group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allometry.catalogue.loader import constant
from allometry.errors import AllometryError
from allometry.heights import HeightModel, fit_height_model
from allometry.names import match_one
from rubbercarbon import tables
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import TREE_COLUMNS
from rubbercarbon.config import Settings
from rubbercarbon.errors import SettingsError
from rubbercarbon.inventory import add_diameter
from rubbercarbon.problems import Problems

POOLED = "height_sample"


def fit_height_sample(
    settings: Settings, plots: pd.DataFrame, problems: Problems, assumptions: Assumptions
) -> dict[str, HeightModel]:
    """Height models of the groups of the user's sample, and of all its pairs together.

    Returns
    -------
    dict
        ``height_sample`` (all pairs) and ``height_sample:GROUP``; empty without a sample.

    Raises
    ------
    SettingsError
        When the sample has too few usable pairs or lacks the grouping column.
    """
    if settings.height_sample is None:
        return {}
    file = Path(settings.height_sample)
    raw = tables.open_table(file, "heights")
    frame = tables.canonical(raw, TREE_COLUMNS, {}, {}, problems)
    frame = tables.typed(frame, TREE_COLUMNS, raw, problems)
    if "height_m" not in frame:
        raise SettingsError(
            f"height sample '{raw.file}' lacks the column height_m; its columns are: "
            f"{', '.join(map(str, raw.frame.columns))}."
        )
    add_diameter(frame, raw, problems)
    usable = (frame["refused"] == "") & (frame["height_m"] > 0) & (frame["dbh_cm"] > 0)
    frame = frame[usable]
    models: dict[str, HeightModel] = {}
    if not _fit(POOLED, frame, settings, assumptions, models):
        raise SettingsError(
            f"height sample '{raw.file}' has {len(frame)} usable pairs of diameter and height; at "
            f"least {settings.height_minimum or int(constant('height_sample_minimum'))} with four "
            "different diameters are needed. Measure more heights or leave the sample out."
        )
    if settings.height_by != "all":
        for name, group in frame.groupby(_groups(frame, settings.height_by, plots, raw.file)):
            _fit(f"{POOLED}:{name}", group, settings, assumptions, models)
    return models


def _groups(frame: pd.DataFrame, by: str, plots: pd.DataFrame, file: str) -> pd.Series[Any]:
    """Group of each pair."""
    column = "plot_id" if by == "stratum" else by
    if column not in frame:
        if by == "species":
            return pd.Series("", index=frame.index)
        raise SettingsError(
            f"height sample '{file}' lacks the column {column} (height_by = '{by}')."
        )
    if by == "species":
        return frame["species"].map({name: match_one(name).species or name
                                     for name in frame["species"].unique()})  # fmt: skip
    if by == "stratum":
        return frame["plot_id"].map(plots.set_index("plot_id")["stratum"]).fillna("")
    return frame["plot_id"]


def _fit(
    name: str,
    pairs: pd.DataFrame,
    settings: Settings,
    assumptions: Assumptions,
    models: dict[str, HeightModel],
) -> bool:
    """Fit one group; say why not where it cannot be done. False for too few pairs."""
    if name == f"{POOLED}:":
        return False
    try:
        model = fit_height_model(
            pairs["dbh_cm"], pairs["height_m"], form=settings.height_form,
            minimum=settings.height_minimum, weighted=settings.height_weighted,
        )  # fmt: skip
    except AllometryError as error:
        assumptions.add(
            "height sample", f"{name}: not fitted", applies_to=f"{len(pairs)} pairs",
            source=str(error),
        )  # fmt: skip
        return False
    unit = "of ln H" if model.form in {"log1", "log2"} else "m"
    assumptions.add(
        "height sample",
        f"{name}: {model.form}, "
        + ", ".join(f"{key} = {value:.4g}" for key, value in model.coefficients.items())
        + (f"; {model.note} It was not used." if not model.identified else ""),
        f"residual {model.residual_sd:.3g}",
        unit=unit,
        applies_to=f"{model.n_trees} pairs, D {model.dbh_range[0]:g}-{model.dbh_range[1]:g} cm",
        source="user's height sample",
    )
    if model.identified:
        models[name] = model
    return True


def models_of_rows(
    models: dict[str, HeightModel],
    by: str,
    groups: np.ndarray[Any, Any],
    otherwise: np.ndarray[Any, Any],
) -> np.ndarray[Any, Any]:
    """Name of the height model of each row: its group's, the sample's, or the catalogue's."""
    if not models:
        return otherwise
    fallback = POOLED if POOLED in models else None
    names = [
        f"{POOLED}:{group}" if by != "all" and f"{POOLED}:{group}" in models
        else (fallback or default)
        for group, default in zip(groups, otherwise, strict=True)
    ]  # fmt: skip
    return np.array(names or [""], dtype=object)[: len(names)]
