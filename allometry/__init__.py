"""Allometry: biomass, height and wood density of trees, with the source of every figure.

Names load on first use, so that ``import allometry`` costs next to nothing.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # of `typing`, whose import would double the time of this one
if TYPE_CHECKING:
    from allometry.catalogue.loader import add_catalogue as add_catalogue
    from allometry.components import fit_components as fit_components
    from allometry.density import wood_density as wood_density
    from allometry.ensembles import ensemble_weights as ensemble_weights
    from allometry.errors import AllometryError as AllometryError
    from allometry.errors import MissingInput as MissingInput
    from allometry.errors import UnknownEquation as UnknownEquation
    from allometry.evaluation import evaluate as evaluate
    from allometry.fitting import FittedEquation as FittedEquation
    from allometry.fitting import fit_equation as fit_equation
    from allometry.growth import predict_growth as predict_growth
    from allometry.heights import HeightModel as HeightModel
    from allometry.heights import fit_height_model as fit_height_model
    from allometry.heights import predict_height as predict_height
    from allometry.listing import equations as equations
    from allometry.names import match_names as match_names
    from allometry.sample_size import trees_to_fell as trees_to_fell
    from allometry.selection import select as select
    from allometry.source_files import write_source as write_source

_HOMES = {
    "add_catalogue": "allometry.catalogue.loader",
    "AllometryError": "allometry.errors",
    "MissingInput": "allometry.errors",
    "UnknownEquation": "allometry.errors",
    "ensemble_weights": "allometry.ensembles",
    "equations": "allometry.listing",
    "evaluate": "allometry.evaluation",
    "fit_components": "allometry.components",
    "fit_equation": "allometry.fitting",
    "fit_height_model": "allometry.heights",
    "FittedEquation": "allometry.fitting",
    "HeightModel": "allometry.heights",
    "match_names": "allometry.names",
    "predict_growth": "allometry.growth",
    "predict_height": "allometry.heights",
    "select": "allometry.selection",
    "trees_to_fell": "allometry.sample_size",
    "wood_density": "allometry.density",
    "write_source": "allometry.source_files",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605  (built from the one list above)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'allometry' has no attribute '{name}'")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
