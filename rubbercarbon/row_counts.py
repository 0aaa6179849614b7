"""How the rows of an inventory reconcile: one definition for screen and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubbercarbon import distinct
from rubbercarbon.columns import GONE

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_MASS = ("species_unknown", "not_estimated", "no_result")


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows read are those estimated, those of trees that stand no more, and those not used.

    Attributes
    ----------
    read, estimated, gone, refused : int
        They add up: read = estimated + gone + refused.
    without_mass : int
        Of the refused: living trees that count in stems and basal area and have no biomass.
    """

    read: int
    estimated: int
    gone: int
    refused: int
    without_mass: int


def count_rows(trees: pd.DataFrame) -> RowCounts:
    """Rows of a table with ``agb_kg``, ``herb_kg`` and ``flags``, by what became of them."""
    done = (trees["agb_kg"].notna() | trees["herb_kg"].notna()).to_numpy()
    gone = distinct.flags(trees["flags"], lambda text: _first(text) in GONE) & ~done
    bare = distinct.flags(trees["flags"], lambda text: _first(text) in WITHOUT_MASS) & ~done
    read, estimated, left = len(trees), int(done.sum()), int(gone.sum())
    return RowCounts(read, estimated, left, read - estimated - left, int(bare.sum()))


def _first(flags: str) -> str:
    """Why a row has no figure: the first of its flags, without its cause."""
    return flags.partition(";")[0].partition(":")[0]
