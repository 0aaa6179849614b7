"""What is known of the plots of a block: area, system, locality; by distinct combination."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rubbercarbon import tables
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_codes import (
    PLOT_TEXTS,
    Floats,
    TextCodes,
    first_numbers,
    is_text,
)
from rubbercarbon.columns import AREAS, rai_text_to_ha
from rubbercarbon.config import Settings
from rubbercarbon.error_layout import area_cv, plot_area_cv
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.plots import THAI_AREAS, is_area, read_plots
from rubbercarbon.preparation import UNSELECTED
from rubbercarbon.problems import Problems

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
KNOWN = ("site_id", "stratum", "system", "locality", "zone", "operator")


@dataclass(frozen=True)
class PlotFacts:
    """One value per plot of a block.

    Attributes
    ----------
    area_ha, stratum_area_ha, area_cv : ndarray
    wild : ndarray of bool
        Unselected rubber.
    odd : ndarray of bool
        To be read by the whole inventory's rules: nested, unknown, or contradicting itself.
    texts : dict
        Text columns by name.
    """

    area_ha: Floats
    stratum_area_ha: Floats
    area_cv: Floats
    wild: Bools
    odd: Bools
    texts: dict[str, NDArray[Any]]


@dataclass
class PlotReader:
    """Reads facts of plots written beside their trees; remembers combinations of words.

    Attributes
    ----------
    settings : Settings
    assumptions : Assumptions
    """

    settings: Settings
    assumptions: Assumptions
    words: dict[str, TextCodes] = field(
        default_factory=lambda: {name: TextCodes() for name in PLOT_TEXTS}
    )
    noted: set[str] = field(default_factory=set)

    def read(self, table: Any, starts: Ints) -> PlotFacts:
        """Facts of plots.

        Parameters
        ----------
        table : pyarrow.Table
            Rows of whole plots, in canonical columns.
        starts : ndarray of int64
            First row of each plot.
        """
        odd = np.zeros(len(starts), dtype=np.bool_)
        codes = {name: np.zeros(len(starts), dtype=np.int32) for name in PLOT_TEXTS}
        for name in PLOT_TEXTS:
            if name in table.column_names:
                codes[name] = self.words[name].first(table.column(name), starts, odd)
        texts = {name: self.words[name].values(codes[name]) for name in PLOT_TEXTS}
        area = self._areas(table, starts, odd)
        term = self.settings.errors.term("area")
        cv = np.zeros(len(starts))
        for plot in np.flatnonzero(texts["spacing"] != "") if term.on else ():
            pair = texts["spacing"][plot], texts["boundary"][plot]
            cv[plot] = term.scale * _cv(float(area[plot]), *pair)
        there = [c.name for c in AREAS if f"plot_{c.name}" in table.column_names]
        self._note(area, texts, there)
        wild = np.array([text.lower() in UNSELECTED for text in self.words["system"].known])
        return PlotFacts(
            area_ha=area,
            stratum_area_ha=np.full(len(starts), np.nan),
            area_cv=cv,
            wild=wild[codes["system"]],
            odd=odd,
            texts={name: texts[name] for name in KNOWN},
        )

    def _areas(self, table: Any, starts: Ints, odd: Bools) -> Floats:
        """Area [ha], by the rules of `rubbercarbon.plots` for areas in tree tables."""
        there = {
            column.name: column.factor
            for column in AREAS
            if f"plot_{column.name}" in table.column_names
        }
        groups = [[name] for name in there if name not in THAI_AREAS]
        groups += [[name for name in there if name in THAI_AREAS]]
        area = np.full(len(starts), np.nan)
        if "plot_area" in table.column_names:  # 6-2-75, or in words
            known = TextCodes()
            codes = known.first(table.column("plot_area"), starts, odd)
            hectares = np.array([rai_text_to_ha(text) for text in known.known])[codes]
            odd |= (codes > 0) & ~is_area(hectares)
            area = np.where(is_area(hectares), hectares, np.nan)
        for group in groups:
            total = np.zeros(len(starts))
            for name in group:
                column = table.column(f"plot_{name}")
                if is_text(column.type):
                    known = TextCodes()
                    written = known.values(known.first(column, starts, odd))
                    values, bad = tables.numbers(pd.Series(written))
                    odd |= bad
                else:
                    values = first_numbers(column, starts, odd)
                total = total + np.nan_to_num(values) * there[name]
            odd |= (total != 0) & ~is_area(total)
            area = np.where(np.isnan(area) & is_area(total), total, area)
        return area

    def _note(self, area: Floats, texts: dict[str, NDArray[Any]], there: list[str]) -> None:
        """What `rubbercarbon.plots` and the error layout assume, once for the run."""
        known, spaced = ~np.isnan(area), (texts["spacing"] != "") | (texts["boundary"] != "")
        for name, rows in (
            ("area", np.flatnonzero(known)[:1]),
            ("no area", np.flatnonzero(~known)[:1]),
            ("no spacing", np.flatnonzero(known & ~spaced)[:1]),
        ):
            if len(rows) == 0 or name in self.noted:
                continue
            self.noted.add(name)
            one = int(rows[0])
            plot = pd.DataFrame(
                {
                    "plot_id": ["1"],
                    "refused": [""],
                    **{f"plot_{unit}": [area[one]] for unit in there},
                }
                | {word: [found[one]] for word, found in texts.items() if found[one]}
            )
            raw, notes = RawTable(plot, "", "", 0), list[dict[str, str]]()
            found, _ = read_plots(None, plot, raw, Problems(), notes)
            for note in notes:
                self.assumptions.add(
                    note["topic"], note["assumption"], note["value"], source=note["source"]
                )
            plot_area_cv(found, self.settings, self.assumptions)


@functools.lru_cache(maxsize=100_000)
def _cv(area_ha: float, spacing: str, boundary: str) -> float:
    return area_cv(area_ha, spacing, boundary)


def plots_of_table(
    plots: pd.DataFrame, ids: list[str], settings: Settings, assumptions: Assumptions
) -> PlotFacts:
    """Facts of plots from rows of a plot table.

    Parameters
    ----------
    plots : pandas.DataFrame
        Rows as read, in canonical columns, indexed by plot_id.
    ids : list of str
        Plots of the block.
    settings : Settings
    assumptions : Assumptions
    """
    chosen = plots[plots.index.isin(ids)].reset_index(drop=True)
    known = set(chosen["plot_id"])
    trees = pd.DataFrame({"plot_id": [name for name in ids if name in known]}).assign(refused="")
    found, notes = Problems(), list[dict[str, str]]()  # told once, by `batch_land`
    if chosen.empty:
        chosen = pd.DataFrame({"plot_id": ["\uffff"], "area_ha": [1.0]})
    raw = RawTable(chosen, "", "", 0)
    table, nested = read_plots(raw, trees, raw, found, notes)
    place = pd.Index(table["plot_id"]).get_indexer(ids)
    odd = (place < 0) | np.isin(ids, list(set(nested["plot_id"])))
    unsound = {item.value for item in found.items if item.row is None}
    unsound |= {
        str(chosen["plot_id"].iloc[item.row]) for item in found.items if item.row is not None
    }
    odd |= np.isin(ids, list(unsound))
    return facts_of(table, np.maximum(place, 0), odd, settings, assumptions)


def facts_of(
    plots: pd.DataFrame, group: Ints, odd: Bools, settings: Settings, assumptions: Assumptions
) -> PlotFacts:
    """Facts of plots from a table of them as `rubbercarbon.plots` gives it."""
    cv = plot_area_cv(plots, settings, assumptions)
    texts = {
        name: (
            plots[name].fillna("").to_numpy(dtype=object)
            if name in plots
            else np.full(len(plots), "", dtype=object)
        )[group]
        for name in KNOWN
    }
    wild = plots["system"].str.lower().isin(UNSELECTED).to_numpy()
    return PlotFacts(
        area_ha=plots["area_ha"].to_numpy(dtype=np.float64)[group],
        stratum_area_ha=plots["stratum_area_ha"].to_numpy(dtype=np.float64)[group],
        area_cv=np.array([cv[name] for name in plots["plot_id"]])[group],
        wild=wild[group],
        odd=odd,
        texts=texts,
    )
