"""Plots that only the rules of a whole inventory can read: through the tables of `stocks`.

Repeated ids, several stems joined to one plant, nested subplots, plots whose rows contradict each
other: few, so that their speed does not matter.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_codes import CAMPAIGN, Floats
from rubbercarbon.config import Settings
from rubbercarbon.error_layout import NO_CAMPAIGN, NO_LOCALITY
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.inventory import Inventory, read_raw
from rubbercarbon.montecarlo import draw_plots
from rubbercarbon.problems import Problems
from rubbercarbon.stocks import Computed, compute

BESIDE = "\uffff"  # a plot of one sound tree, so that a block of bad rows is not refused whole
PLOTS = "plots"  # what problems call the table of plots
SOUND = {"species": "Hevea brasiliensis", "dbh_cm": 20.0, "tree_id": "1", "plot_area_ha": 1.0}
OF_RUNS = ("intervals", "expansion", "sampling", "plot area", "date", "tree id", "heading")


def read_whole(
    frame: pd.DataFrame, file: str, plots: pd.DataFrame | None, found: Problems
) -> Inventory:
    """Rows of some plots as an inventory, with one sound plot more.

    Parameters
    ----------
    frame : pandas.DataFrame
        In canonical columns.
    file : str
    plots : pandas.DataFrame or None
        Their rows of the plot table.
    found : Problems
        Takes what is wrong, by place in the frame.

    Returns
    -------
    Inventory
    """
    sound = pd.DataFrame([{**SOUND, "plot_id": BESIDE}])
    body = pd.concat([frame, sound], ignore_index=True)
    plot_raw = None
    if plots is not None:
        land = pd.DataFrame([{"plot_id": BESIDE, "area_ha": 1.0}])
        plot_raw = RawTable(pd.concat([plots, land], ignore_index=True), PLOTS, "", 0)
    return read_raw(RawTable(body, file, "", 0), plot_raw, found)


def compute_whole(inventory: Inventory, settings: Settings) -> tuple[Computed, Floats | None]:
    """Stocks of these plots with the arrays behind, and their draws.

    Raises
    ------
    AllometryError
    """
    computed = compute(inventory, settings)
    if not settings.number_of_draws:
        return computed, None
    blocks = draw_plots(computed.masses, computed.layout, settings.number_of_draws, settings.seed)
    return computed, np.concatenate([block for _, _, block in blocks])


@functools.cache
def _said_of_sound(settings: str) -> frozenset[tuple[str, str]]:
    """What is assumed of the sound plot that stands beside others."""
    frame = pd.DataFrame([{**SOUND, "plot_id": "1"}])
    inventory = read_whole(frame, "", None, Problems())
    table = compute_whole(inventory, Settings.model_validate_json(settings))[0].stocks.assumptions
    return frozenset(zip(table["topic"], table["assumption"], strict=True))


def assume_whole(
    computed: Computed, frame: pd.DataFrame, localities: Any, settings: Settings,
    assumptions: Assumptions, equations: dict[str, dict[str, Any]],
) -> None:  # fmt: skip
    """What was assumed of plots that were read by the rules of a whole inventory."""
    known = _said_of_sound(settings.model_dump_json())
    for row in computed.stocks.assumptions.itertuples(index=False):
        pair = (row.topic, row.assumption)
        if pair not in known and row.topic not in OF_RUNS and row not in assumptions.rows:
            assumptions.rows.append(tuple(row))
    crews = [frame[name].fillna("") != "" for name in CAMPAIGN if name in frame]
    for missing, text, value in (
        (np.any(localities == ""), NO_LOCALITY, "one locality"),
        (not any(crew.any() for crew in crews), NO_CAMPAIGN, "one campaign"),
    ):
        if missing:
            assumptions.add("error budget", text, value, source="rule of this library")
    for record in computed.prepared.citations.to_dict("records"):
        values = {str(name): value for name, value in record.items()}
        equations.setdefault(str(record["id"]), {**values, "n_rows": 0})
