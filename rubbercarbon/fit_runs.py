"""A fit's own words, and its folder of tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from allometry.fitting import FittedEquation
from allometry.names import match_one
from allometry.quantities import GROWTH_FORMS
from rubbercarbon import calibration, figures, fit_figures
from rubbercarbon.calibration import Calibration
from rubbercarbon.errors import SettingsError
from rubbercarbon.felled import Felled
from rubbercarbon.provenance import run_record, write_folder

FIGURE = "residuals.png"


def words_of(
    felled: Felled,
    fit: FittedEquation | None,
    taxa: list[str] | None,
    citation: str | None,
    roots: str | None,
    trees: int = 0,
) -> dict[str, Any]:
    """What a catalogue file says beside its figures.

    Raises
    ------
    SettingsError
        For a plant that the species table does not have.
    """
    plants, forms = check_words(taxa, roots)
    if not taxa and "species" in felled.trees:
        found = {str(name) for name in felled.trees["species"].unique()}
        known = {match_one(name).species for name in found}
        plants = tuple(known) if len(known) == 1 and "" not in known else ()
    if not plants and not forms:
        forms = ("tree",)
    below = roots
    if below is None:
        below = calibration.default_roots(plants[0] if plants else "") if fit is not None else ""
    count = fit.n_trees if fit is not None else trees
    return {
        "citation": citation or f"own fit to {count} trees of {felled.file}",
        "taxa": plants,
        "growth_forms": forms,
        "roots": below,
        "pom_m": _tape(felled),
        "region": _region(felled),
    }


def check_words(
    taxa: list[str] | None, roots: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Plants and growth forms that were named; raises before anything is fitted.

    Raises
    ------
    SettingsError
        For a plant that the species table does not have.
    InventoryError
        For a root equation that is none.
    """
    if roots:
        calibration.check_roots(roots)
    forms = tuple(t for t in taxa or () if t in GROWTH_FORMS)
    return tuple(_plant(name) for name in taxa or () if name not in forms), forms


def _plant(name: str) -> str:
    match = match_one(name)
    if match.kind == "none" or not (match.species or match.genus):
        raise SettingsError(
            f"--taxon '{name}' is no plant or growth form of the species table; see "
            "`rubbercarbon species match`."
        )
    return match.species or match.genus


def _tape(felled: Felled) -> float | None:
    """Height of the tape, where all trees have the same."""
    if "pom_m" not in felled.trees:
        return None
    found = felled.trees["pom_m"].dropna().unique()
    return float(found[0]) if len(found) == 1 else None


def _region(felled: Felled) -> str:
    names = [name for name in dict.fromkeys(felled.trees["site"]) if name]
    return ", ".join(map(str, names[:8])) + (" ..." if len(names) > 8 else "") or "unknown"


def write_calibration(
    result: Calibration,
    felled: Felled,
    folder: Path,
    source: Path,
    *,
    force: bool = False,
    language: str = "en",
) -> Path:
    """Write all tables of a calibration and its figure as a run folder.

    Returns
    -------
    Path

    Raises
    ------
    RunFolderError
    """
    tables: dict[str, pd.DataFrame] = {
        "coefficients": result.coefficients,
        "forms": result.forms,
        "equations": result.catalogue,
        "felled_trees": result.trees,
        "assumptions": pd.DataFrame(
            felled.notes, columns=["topic", "assumption", "value", "source"]
        ),
        "problems": felled.found_problems.frame(language),
    }
    record = run_record(
        {"predictors": list(result.fit.recipe.predictors), "form": result.fit.recipe.form},
        felled.digests,
    )

    def more(fresh: Path) -> None:
        figures.save(fit_figures.residuals(result.fit, source.stem, language), fresh / FIGURE)
        (fresh / source.name).write_bytes(source.read_bytes())

    filled = {name: table for name, table in tables.items() if len(table.columns)}
    return write_folder(folder, filled, {**record, "kind": "fit"}, force=force, extras=more)
