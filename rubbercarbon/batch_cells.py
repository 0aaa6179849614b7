"""Cells of the error layout that many batches share, and their units by locality and crew."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rubbercarbon.budget import ErrorBudget
from rubbercarbon.load_rows import Placed
from rubbercarbon.loads import Factor, Layout, key_of, load_cells

SLOTS = 64  # more than any term has normals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_UNIT = 0
MOST_IDS = 1 << 16
NOWHERE, NO_CAMPAIGN = "", "||"  # as the units of templates are named


@dataclass
class CellRegistry:
    """Every cell met so far, with its loads in a fixed order of factors."""

    budget: ErrorBudget
    names: dict[str, int] = field(default_factory=dict)
    loads: list[tuple[Floats, Floats, Ints]] = field(default_factory=list)
    carbon: list[float] = field(default_factory=list)
    herb: list[bool] = field(default_factory=list)
    factors: dict[int, Factor] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=lambda: {"": NO_UNIT})
    ids: dict[tuple[int, int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms = self.budget.terms()
        self.order = {term.name: place for place, term in enumerate(terms)}
        self.level = {term.name: term.level for term in terms}
        self.slots = SLOTS * len(terms)
        self.stacked: tuple[list[int], Floats, Floats, Ints] | None = None

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
                units = np.full(self.slots, NO_UNIT, dtype=np.int64)
                for f, slot in enumerate(slots):
                    if layout.code[c, f] >= 0:
                        a[slot], b[slot] = layout.intercept[c, f], layout.slope[c, f]
                        text = "+" + layout.unit_names[layout.code[c, f]]
                        units[slot] = self.texts.setdefault(text, len(self.texts))
                self.names[name] = len(self.loads)
                self.loads.append((a, b, units))
                self.carbon.append(float(layout.carbon[c]))
                self.herb.append(bool(layout.herb[c]))
        return np.array([self.names[name] for name in layout.cell_names], dtype=np.int64)

    def shared_variance(self, cell: Ints, x: Floats) -> Floats:
        """As `rubbercarbon.montecarlo.shared_variance`, of rows in registered cells (or -1)."""
        if not self.loads:  # no row has a cell so far
            return np.zeros(len(x))
        slots, a, b, _ = self._used()
        mass = [f for f, slot in enumerate(slots) if self.factors[slot].target == "mass"]
        total = np.zeros(len(x))
        for part in (a.T[mass][:, cell] + b.T[mass][:, cell] * x) ** 2:
            total += part
        return np.where(cell >= 0, total, 0.0)

    def _key(self, slot: int, unit: int, place: str) -> int:
        """Id of a unit at its locality or campaign."""
        if (slot, unit, place) not in self.ids:
            if len(self.ids) > MOST_IDS:
                self.ids.clear()
            text = list(self.texts)[unit]
            name = self._named(self.factors[slot], text[1:], place)
            self.ids[slot, unit, place] = key_of(name) if text else 0
        return self.ids[slot, unit, place]

    def _used(self) -> tuple[list[int], Floats, Floats, Ints]:
        """Slots in use, and the loads and units of all cells there."""
        size = (len(self.loads), len(self.factors))
        if self.stacked is None or self.stacked[1].shape != size:
            slots = sorted(self.factors)
            a, b, units = (
                np.array([cell[k][slots] for cell in self.loads]).reshape(size) for k in range(3)
            )
            self.stacked = (slots, a, b, units.astype(np.int64))
        return self.stacked

    def layout(
        self, base: Ints, locality: Ints, campaign: Ints, localities: list[str],
        campaigns: list[str],
    ) -> Layout:  # fmt: skip
        """Layout of cells at their localities and campaigns, without rows.

        Parameters
        ----------
        base, locality, campaign : ndarray of int64, shape (n_cells,)
            Registered cell of each, and its places in the lists.
        localities, campaigns : list of str
        """
        slots, intercept, slope, unit = self._used()
        at = {"locality": (locality, localities), "campaign": (campaign, campaigns)}
        no_place = (np.zeros_like(base), [""])
        places = [at.get(self.level[self.factors[slot].term], no_place) for slot in slots]
        # a unit of a factor at a place, as one number
        number, wide = unit[base], max(len(localities), len(campaigns), 1)
        where = np.array([one for one, _ in places]).reshape(len(slots), len(base)).T
        each = (np.arange(len(slots)) * len(self.texts) + number) * wide + where
        distinct, place = np.unique(each, return_inverse=True)
        code = np.where(number != NO_UNIT, place.reshape(each.shape), -1)
        units: list[int] = []
        streams: list[int] = []
        for one in distinct.tolist():
            f, text = divmod(one // wide, len(self.texts))
            units.append(self._key(slots[f], text, places[f][1][one % wide]))
            streams.append(self.factors[slots[f]].stream)
        nothing = np.zeros(0)
        return Layout(
            cell=np.zeros(0, dtype=np.int64),
            x=nothing,
            sigma=nothing,
            tree=np.zeros(0, dtype=np.uint64),
            own_share={},
            factors=tuple(self.factors[slot] for slot in slots),
            intercept=intercept[base],
            slope=slope[base],
            code=code,
            units=np.array(units or [0], dtype=np.uint64),
            unit_streams=np.array(streams or [0], dtype=np.uint64),
            unit_names=(),
            carbon=np.array(self.carbon)[base],
            herb=np.array(self.herb, dtype=np.bool_)[base],
        )

    def _named(self, factor: Factor, text: str, place: str) -> str:
        """A template's unit with its locality or campaign put in."""
        level = self.level[factor.term]
        if not text or level not in {"locality", "campaign"}:
            return text
        front = f"{factor.term}|{level}|"
        nothing = NOWHERE if level == "locality" else NO_CAMPAIGN
        return front + place + text[len(front) + len(nothing) :]
