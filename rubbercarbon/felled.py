"""A table of felled and weighed trees, as it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import allometry
from allometry.names import match_one
from allometry.quantities import QUANTITIES
from rubbercarbon import headings, tables
from rubbercarbon.columns import TREE_COLUMNS, Column
from rubbercarbon.errors import InventoryError
from rubbercarbon.inventory import add_diameter
from rubbercarbon.problems import Problems

Floats = NDArray[np.float64]
COMPONENTS = ("stem", "branch", "leaf", "bark", "bgb")
KG = {"kg": 1.0, "g": 0.001, "t": 1000.0}
MASS_COLUMNS = {
    f"{name}_{unit}": Column(f"{name}_{unit}", True, f"{name}_kg", factor)
    for name in ("agb", *COMPONENTS)
    for unit, factor in KG.items()
}
PLACES = ("site_id", "locality", "plot_id")


@dataclass
class Felled:
    """Felled trees in canonical columns.

    Attributes
    ----------
    trees : pandas.DataFrame
        ``row`` (as the file counts), ``dbh_cm``, ``height_m``, ``wood_density_g_cm3``, ``species``,
        ``site``, and the masses found (``agb_kg``, ``stem_kg`` ...).
    file, sheet : str
    digests : dict
    found_problems : Problems
    notes : list of dict
        How headings were read, and what was filled in.
    headings : dict
        Canonical column → heading.
    """

    trees: pd.DataFrame
    file: str
    sheet: str
    digests: dict[str, str]
    found_problems: Problems
    notes: list[dict[str, str]] = field(default_factory=list)
    headings: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> Floats | None:
        """A column of numbers; None where the table has none."""
        if name not in self.trees:
            return None
        return self.trees[name].to_numpy(dtype=np.float64)

    @property
    def inputs(self) -> dict[str, Floats | None]:
        """Inputs of equations by name."""
        return {n: self.column(QUANTITIES[n].column) for n in ("dbh", "height", "wood_density")}

    @property
    def masses(self) -> list[str]:
        """Quantities that were weighed: ``agb``, ``stem`` ..."""
        return [n for n in ("agb", *COMPONENTS) if f"{n}_kg" in self.trees]

    @property
    def sites(self) -> list[str]:
        """Place of each tree."""
        return [str(site) for site in self.trees["site"]]

    def leave_out(self, left_out: tuple[tuple[int, str, str], ...], response: str) -> None:
        """Rows that a fit could not use become problems; ``response`` is what was fitted."""
        for position, why, name in left_out:
            column = QUANTITIES[response if name == "mass" else name].column
            found = self.trees[column].iloc[position]
            self.found_problems.add(
                f"felled_{why}", file=self.file, sheet=self.sheet,
                row=int(self.trees["row"].iloc[position]), column=column,
                value="" if pd.isna(found) else f"{found:g}",
            )  # fmt: skip


def read_felled(
    table: Path,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    *,
    species_density: bool = True,
    smallest_dbh: float = 0.0,
    weighed: bool = True,
) -> Felled:
    """Read a table of felled trees; headings in Thai, English or Indonesian.

    Parameters
    ----------
    table : Path
        Excel, CSV, Parquet ...; columns of an inventory and ``agb_kg``, ``stem_kg``,
        ``branch_kg``, ``leaf_kg``, ``bark_kg``, ``bgb_kg`` (g and t too).
    mapping : mapping, optional
        Canonical column → the file's heading.
    units : mapping, optional
        Unit of dbh or girth.
    species_density : bool
        Fill a missing wood density from the species table; noted.
    smallest_dbh : float
        Trees below are left out, as a problem of each [cm].
    weighed : bool
        Whether a mass is needed.

    Returns
    -------
    Felled

    Raises
    ------
    InventoryError
        For a file that cannot be read or holds no mass.
    """
    problems = Problems()
    raw = tables.with_unit_row(tables.open_table(table, "felled trees"))
    known = {**TREE_COLUMNS, **MASS_COLUMNS}
    chosen = dict(mapping or {})
    for name, (heading, _) in headings.map_headings(
        [str(h) for h in raw.frame.columns if h not in chosen.values()], "felled", MASS_COLUMNS,
        chosen,
    ).items():  # fmt: skip
        chosen[name] = heading
    notes: list[dict[str, str]] = []
    frame = tables.canonical(raw, known, chosen, dict(units or {}), problems, notes=notes)
    frame = tables.typed(frame, known, raw, problems)
    _to_kg(frame)
    add_diameter(frame, raw, problems)
    felled = Felled(
        frame, raw.file, raw.sheet, {raw.file: tables.digest(table)}, problems, notes,
        {**tables.reading(raw, known, chosen, dict(units or {}))},
    )  # fmt: skip
    if weighed and not felled.masses:
        raise InventoryError(
            f"'{raw.file}' has no column of dry mass; name one agb_kg (or stem_kg, branch_kg, "
            f"leaf_kg, bark_kg, bgb_kg), or use --map agb_kg=COLUMN. Its columns are: "
            f"{', '.join(map(str, raw.frame.columns))}.",
            problems,
        )
    _refuse(felled, smallest_dbh)
    _places(felled)
    _species(felled, fill=species_density)
    return felled


def _to_kg(frame: pd.DataFrame) -> None:
    for name, column in MASS_COLUMNS.items():
        if name in frame and column.target not in frame:
            frame[column.target] = frame[name] * column.factor


def _refuse(felled: Felled, smallest: float) -> None:
    """Leave out rows that the reading refused, and trees below a diameter."""
    frame = felled.trees
    small = (frame["dbh_cm"] < smallest).to_numpy() & (frame["refused"] == "").to_numpy()
    for position in np.flatnonzero(small):
        felled.found_problems.add(
            "felled_too_small", file=felled.file, sheet=felled.sheet, column="dbh_cm",
            row=int(frame["row"].iloc[position]), value=f"{frame['dbh_cm'].iloc[position]:g}",
            smallest=f"{smallest:g}",
        )  # fmt: skip
    without_d = frame["refused"].isin(["diameter_missing"]) & ~frame["dbh_cm"].gt(0)
    keep = ((frame["refused"] == "") | (without_d & ("height_m" in frame))).to_numpy() & ~small
    felled.trees = frame[keep].reset_index(drop=True)


def _places(felled: Felled) -> None:
    """The place of each tree: the first of our columns that names any."""
    for name in PLACES:
        if name in felled.trees and (felled.trees[name] != "").any():
            felled.trees["site"] = felled.trees[name]
            felled.notes.append(tables.note("place", f"places of the trees from {name}", name))
            return
    felled.trees["site"] = ""
    felled.notes.append(tables.note("place", "no column of places: all trees of one", "one place"))


def _species(felled: Felled, *, fill: bool) -> None:
    """Accepted names, and the species' wood density where a tree's own is missing."""
    frame = felled.trees
    if "species" not in frame:
        return
    accepted = {name: match_one(name).species or name for name in frame["species"].unique()}
    if "wood_density_g_cm3" not in frame:
        frame["wood_density_g_cm3"] = np.nan
    missing = ~(frame["wood_density_g_cm3"] > 0) & (frame["species"] != "")
    if fill and missing.any():
        found = allometry.wood_density(frame.loc[missing, "species"].tolist())
        frame.loc[missing, "wood_density_g_cm3"] = found["wood_density_g_cm3"].to_numpy()
        felled.found_problems.add(
            "felled_density", file=felled.file, sheet=felled.sheet, column="wood_density_g_cm3",
            value=int(missing.sum()), severity="note",
        )  # fmt: skip
    frame["species"] = frame["species"].map(accepted)
