"""Cells of the error layout that many batches share, and their units by locality and crew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.budget import ErrorBudget
from rubbercarbon.loads import Factor, Layout, Placed, key_of, load_cells

SLOTS = 64  # more than any term has normals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOWHERE, NO_CAMPAIGN = "", "||"  # as the units of templates are named


@dataclass
class CellRegistry:
    """Every cell met so far, with its loads in a fixed order of factors."""

    budget: ErrorBudget
    names: dict[str, int] = field(default_factory=dict)
    loads: list[tuple[Floats, Floats, list[str]]] = field(default_factory=list)
    carbon: list[float] = field(default_factory=list)
    herb: list[bool] = field(default_factory=list)
    factors: dict[int, Factor] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms = self.budget.terms()
        self.order = {term.name: place for place, term in enumerate(terms)}
        self.level = {term.name: term.level for term in terms}
        self.slots = SLOTS * len(terms)

    def numbers(self, placed: Placed) -> Ints:
        """Number of the cells of some rows; those that are new get their loads."""
        if any(name not in self.names for name in placed.cell_names):
            return self.register(load_cells(placed))
        return np.array([self.names[name] for name in placed.cell_names], dtype=np.int64)

    def register(self, layout: Layout) -> Ints:
        """Number of each cell of a layout made of templates."""
        slots = [SLOTS * self.order[f.term] + f.number for f in layout.factors]
        for slot, factor in zip(slots, layout.factors, strict=True):
            self.factors.setdefault(slot, factor)
        for c, name in enumerate(layout.cell_names):
            if name not in self.names:
                a, b = np.zeros(self.slots), np.zeros(self.slots)
                units = [""] * self.slots
                for f, slot in enumerate(slots):
                    if layout.code[c, f] >= 0:
                        a[slot], b[slot] = layout.intercept[c, f], layout.slope[c, f]
                        units[slot] = "+" + layout.unit_names[layout.code[c, f]]
                self.names[name] = len(self.loads)
                self.loads.append((a, b, units))
                self.carbon.append(float(layout.carbon[c]))
                self.herb.append(bool(layout.herb[c]))
        return np.array([self.names[name] for name in layout.cell_names], dtype=np.int64)

    def shared_variance(self, cell: Ints, x: Floats) -> Floats:
        """As `rubbercarbon.montecarlo.shared_variance`, of rows in registered cells (or -1)."""
        distinct, place = np.unique(cell, return_inverse=True)
        total = np.zeros(len(x))
        for slot, factor in sorted(self.factors.items()):
            if factor.target == "mass":
                a, b = (np.array([self.loads[c][k][slot] for c in distinct]) for k in range(2))
                total += (a[place] + b[place] * x) ** 2
        return np.where(cell >= 0, total, 0.0)

    def _key(self, text: str) -> int:
        if text not in self.ids:
            self.ids[text] = key_of(text)
        return self.ids[text]

    def layout(
        self, base: Ints, locality: Ints, campaign: Ints, localities: list[str],
        campaigns: list[str], rows: dict[str, Any],
    ) -> Layout:  # fmt: skip
        """Layout of cells at their localities and campaigns.

        Parameters
        ----------
        base, locality, campaign : ndarray of int64, shape (n_cells,)
            Registered cell of each, and its places in the lists.
        localities, campaigns : list of str
        rows : dict
            ``cell``, ``x``, ``sigma`` and ``tree`` of each row.
        """
        slots = sorted(self.factors)
        intercept, slope = (
            np.array([self.loads[cell][k][slots] for cell in base]).reshape(-1, len(slots))
            for k in range(2)
        )
        code = np.full((len(base), len(slots)), -1, dtype=np.int64)
        units: list[int] = []
        streams: list[int] = []
        for f, slot in enumerate(slots):
            factor = self.factors[slot]
            level = self.level[factor.term]
            texts = [self.loads[cell][2][slot] for cell in base.tolist()]
            known = {text: place for place, text in enumerate(dict.fromkeys(texts))}
            number = np.array([known[text] for text in texts], dtype=np.int64)
            where = {"locality": locality, "campaign": campaign}.get(level)
            count = 1 if where is None else int(where.max(initial=0)) + 1
            pair = number * count + (0 if where is None else where)
            distinct, place = np.unique(pair, return_inverse=True)
            words = list(known)
            start = len(units)
            for one in distinct.tolist():
                text = words[one // count]
                places = {"locality": localities, "campaign": campaigns}.get(level)
                name = (
                    text[1:]
                    if places is None
                    else self._named(factor, level, text[1:], places[one % count])
                )
                units.append(self._key(name) if text else 0)
                streams.append(factor.stream)
            code[:, f] = np.where(np.array([bool(t) for t in texts]), start + place, -1)
        return Layout(
            **rows,
            own_share={},
            factors=tuple(self.factors[slot] for slot in slots),
            intercept=intercept,
            slope=slope,
            code=code,
            units=np.array(units or [0], dtype=np.uint64),
            unit_streams=np.array(streams or [0], dtype=np.uint64),
            unit_names=(),
            carbon=np.array(self.carbon)[base],
            herb=np.array(self.herb, dtype=np.bool_)[base],
        )

    @staticmethod
    def _named(factor: Factor, level: str, text: str, place: str) -> str:
        """A template's unit with its locality or campaign put in."""
        if not text:
            return text
        front = f"{factor.term}|{level}|"
        nothing = NOWHERE if level == "locality" else NO_CAMPAIGN
        return front + place + text[len(front) + len(nothing) :]
