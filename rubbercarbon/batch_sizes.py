"""New sizes of plants that are known: most distinct rows differ from another in size alone.

What the rules choose for a row (equation, roots, height model, density) is remembered with its
kind, and a new size goes straight to the arrays under `estimate_stocks`. Rows near a limit, of an
equation whose choice depends on size, or with anything to report take the long way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation
from allometry.evaluation import compile_equations
from allometry.heights import predict_heights
from allometry.names import match_one
from allometry.quantities import QUANTITIES
from allometry.selection import Taxon, default_rules, user_rules
from rubbercarbon.batch_codes import WRITTEN, Codes, Floats, TextCodes
from rubbercarbon.checks import LARGEST_DBH_CM, YANG, check_diameters
from rubbercarbon.columns import DIAMETERS, LENGTHS, RUBBER
from rubbercarbon.config import Settings
from rubbercarbon.distinct import Coded
from rubbercarbon.equation_traits import traits_of
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.labels import HERBS, NOT_IN_BASAL_AREA
from rubbercarbon.load_rows import NOT_PREDICTED, Placed, Trees, place_rows
from rubbercarbon.pools import Account, TreeArrays, account_stems
from rubbercarbon.problems import Problem, Problems

if TYPE_CHECKING:
    from rubbercarbon.preparation import Prepared

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
FACTORS = {column.name: column.factor for column in DIAMETERS}
OTHER_HEIGHTS = tuple(c.name for c in LENGTHS if c.target == "height_m" and c.name != "height_m")
HEIGHT = "height_m"
SIZES = frozenset({*FACTORS, HEIGHT})  # columns whose values do not make a kind
STATUS, ALIVE = "status", 0  # all that is alive has the number of the empty text
Kind = tuple[tuple[str, ...], tuple[int, ...]]  # names of columns, and the number in each
NEVER = -1
WORDS = ("species_input", "equation_id", "roots_id", "height_source", "flags")
KIN = np.dtype([
    ("words", np.int32, 4), ("species", np.int64), ("herb", np.bool_),
    ("fraction", np.float64), ("count", np.float64), ("density", np.float64),
    ("density_sd", np.float64), ("clone_known", np.bool_), ("density_given", np.bool_),
    ("sd_given", np.bool_), ("pom_differs", np.bool_), ("culm", np.bool_),
    ("in_basal_area", np.bool_), ("measured_rubber", np.bool_),
])  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Rows as numbers of each column, put together by kind: what they are but for their size.

    Attributes
    ----------
    codes : dict
    flags : ndarray of int64
    slot : str
        The column of sizes; empty where these are mixed, and there are no kinds.
    kinds : list of tuple
    of : ndarray of int64
        Kind of each row.
    """

    codes: Mapping[str, Codes]
    flags: Ints
    slot: str
    kinds: list[Kind]
    of: Ints

    def some(self, rows: Ints) -> Split:
        """The same of some rows."""
        codes = {name: code[rows] for name, code in self.codes.items()}
        return Split(codes, self.flags[rows], self.slot, self.kinds, self.of[rows])


@dataclass(frozen=True)
class Sized:
    """Rows of known kinds at new sizes, computed; ``kin`` is what each has by its kind.

    ``ids`` are those of equations, ``placed`` are the errors, which nobody asks for without draws.
    """

    kin: NDArray[Any]
    dbh: Floats
    height: Floats
    arrays: TreeArrays
    result: Account
    ids: tuple[str, ...]
    placed: Placed | None


@dataclass(frozen=True)
class Gone:
    """Rows of which only what is said of them is left: ``items[which]``."""

    rows: Ints
    which: Ints
    items: list[Problem]


@dataclass
class Kinship:
    """Kinds of rows, by the codes of all their columns but the size.

    Attributes
    ----------
    settings : Settings
    words : dict
        Written names, equations, roots and height sources as numbers; see `WORDS`.
    kinds : dict
        Kind → its place in ``kin``; `NEVER` where not the size alone decides.
    kin : ndarray
        What rows of a kind have in common, see `KIN`.
    """

    settings: Settings
    words: Mapping[str, TextCodes]
    kinds: dict[Kind, int] = field(default_factory=dict)
    kin: NDArray[Any] = field(default_factory=lambda: np.zeros(0, dtype=KIN))
    species: dict[str, int] = field(default_factory=dict)
    gone: dict[Kind, Problem] = field(default_factory=dict)
    states: dict[int, Problem] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    absurd: dict[tuple[str, float], Problem] = field(default_factory=dict)
    cells: dict[bytes, int] = field(default_factory=dict)

    def split(self, codes: Mapping[str, Codes], flags: Ints) -> Split:
        """Rows by kind."""
        sizes = [slot for slot in codes if slot in FACTORS]
        written = any(slot.endswith(WRITTEN) for slot in codes)
        if len(sizes) != 1 or written or any(slot in OTHER_HEIGHTS for slot in codes):
            return Split(codes, flags, "", [], np.zeros(len(flags), dtype=np.int64))
        columns: dict[str, Any] = {"flags": flags}
        if HEIGHT in codes:
            columns[HEIGHT] = codes[HEIGHT] > 0
        columns |= {slot: code for slot, code in codes.items() if slot not in {sizes[0], HEIGHT}}
        place = np.zeros(len(flags), dtype=np.int64)
        for column in columns.values():  # no more than the bits of a key
            place = place * (int(column.max(initial=0)) + 1) + column
        _, first, of = np.unique(place, return_index=True, return_inverse=True)
        names = tuple(columns)
        rows = zip(*(column[first].tolist() for column in columns.values()), strict=True)
        return Split(codes, flags, sizes[0], [(names, row) for row in rows], of)

    def examples(self, split: Split) -> Ints:
        """Some rows of each kind that is not known, from the middle of its sizes."""
        new = np.array([k not in self.kinds and self._gone(k) is None for k in split.kinds])
        if not new.any():
            return np.zeros(0, dtype=np.int64)
        rows = np.flatnonzero(new[split.of])
        place = split.of[rows]
        rows = rows[np.argsort(place, kind="stable")]
        count = np.bincount(place, minlength=len(new))
        start = np.concatenate([[0], np.cumsum(count)[:-1]])[count > 0]
        count = count[count > 0]
        chosen: Ints = rows[np.unique(np.concatenate([start + count * q // 4 for q in (1, 2, 3)]))]
        return chosen

    def learn(
        self, split: Split, prepared: Prepared, layout: Trees,
        listed: Mapping[int, list[Problem]], written: NDArray[Any],
    ) -> None:  # fmt: skip
        """Remember the kinds of rows that were computed the long way without a word.

        Of rows that are dead, cut or missing nothing is left but their note.
        """
        self.models |= prepared.height_fits
        clean = ~np.isin(np.arange(len(split.of)), list(listed)) & (written != YANG)
        for row, items in listed.items():
            if [item.code for item in items] == ["not_alive"]:
                kind = split.kinds[split.of[row]]
                self.gone[kind] = items[0]
                self.states[_status(kind)] = items[0]
        learnt: list[tuple[Any, ...]] = []
        for number, row in enumerate(prepared.position.tolist()):
            kind = split.kinds[split.of[row]]
            if kind not in self.kinds and clean[row] and layout.equation[number] >= 0:
                one = self._kin(prepared, layout, number, str(written[row]))
                self.kinds[kind] = NEVER if one is None else len(self.kin) + len(learnt)
                learnt += [] if one is None else [one]
        self.kin = np.concatenate([self.kin, np.array(learnt, dtype=KIN)])

    def _kin(
        self, prepared: Prepared, trees: Trees, i: int, written: str
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """What a row's kind has in common, in the order of `KIN`; None where sizes decide more."""
        equation = prepared.biomass_ids[prepared.arrays.equation[i]]
        record, form = get_equation(equation), str(prepared.growth_forms[i])
        if record.size not in {"dbh", "height"} or record.stems == "equivalent_d":
            return None
        match = match_one(written)
        taxon = Taxon(match.species, match.genus, match.family, form)
        rules = user_rules(self.settings.equations) + default_rules()
        if any("in_range" in rule.when and rule.fits(taxon) for rule in rules):
            return None
        if record.range.kind != "unknown" and set(record.range.limits) - {"dbh", "height"}:
            return None
        roots = (*prepared.root_ids, "")[prepared.arrays.roots[i]]
        source, species = str(trees.height_source[i]), str(trees.species[i])
        texts = (written, equation, roots, source)
        return (
            tuple(number_of(t, self.words[name]) for name, t in zip(WORDS, texts, strict=False)),
            self.species.setdefault(species, len(self.species)), trees.herb[i],
            trees.carbon_fraction[i], trees.count[i], trees.wood_density[i], trees.density_sd[i],
            trees.clone_known[i], trees.density_given[i], trees.sd_given[i], trees.pom_differs[i],
            form in HERBS, form not in NOT_IN_BASAL_AREA,
            species == RUBBER and source in {"measured", "estimated"},
        )  # fmt: skip

    def _gone(self, kind: Kind) -> Problem | None:
        """The note on rows that are dead, cut or missing: the same for all that would be known."""
        if kind in self.gone:
            return self.gone[kind]
        item = self.states.get(_status(kind))
        names, codes = kind
        alive = tuple(ALIVE if n == STATUS else c for n, c in zip(names, codes, strict=True))
        if item is None or self.kinds.get((names, alive), NEVER) == NEVER:
            return None
        self.gone[kind] = item
        return item

    def compute(self, split: Split, columns: Mapping[str, Any]) -> tuple[Ints, Sized | None, Gone]:
        """Rows of known kinds computed at their sizes, and rows of which only a note is left."""
        slot, of, codes = split.slot, split.of, split.codes
        typed = np.asarray(columns[slot].values(codes[slot]), dtype=np.float64)
        dbh, height = typed * FACTORS[slot], np.full(len(of), np.nan)
        if HEIGHT in codes:
            height = np.asarray(columns[HEIGHT].values(codes[HEIGHT]), dtype=np.float64)
        limits = QUANTITIES["height"]
        with np.errstate(invalid="ignore"):
            sound_height = np.isnan(height) | ((height >= limits.low) & (height <= limits.high))
            absurd = ((dbh <= 0) | (dbh > LARGEST_DBH_CM)) & sound_height
            usable = (dbh > 0) & (dbh <= LARGEST_DBH_CM) & sound_height
        known = [self.kinds.get(kind, NEVER) for kind in split.kinds]
        kin = np.array(known, dtype=np.int64)[of]
        notes = [
            None if k != NEVER else self._gone(kind)
            for k, kind in zip(known, split.kinds, strict=True)
        ]
        dead = np.array([note is not None for note in notes], dtype=np.bool_)[of]
        items = [note for note in notes if note is not None]
        which = (np.cumsum([note is not None for note in notes]) - 1)[of]
        refused = np.flatnonzero(absurd & (dead | (kin >= 0)))
        for row in refused.tolist():
            key = (slot, float(typed[row]))
            if key not in self.absurd:
                self.absurd[key] = _refused(*key)
            which[row] = len(items)
            items.append(self.absurd[key])
        lost = np.concatenate([np.flatnonzero(dead & usable), refused])
        gone = Gone(lost, which[lost], items)
        rows = np.flatnonzero(usable & (kin >= 0))
        sized = None
        while len(rows):
            sized = self._sized(self.kin[kin[rows]], dbh[rows], height[rows])
            with np.errstate(invalid="ignore"):
                sound = (sized.result.agb_kg > 0) | (sized.result.herb_kg > 0)
            if sound.all():
                return rows, sized, gone
            rows = rows[sound]
        return rows, None, gone

    def _sized(self, kin: NDArray[Any], dbh: Floats, height: Floats) -> Sized:
        """Rows at their sizes; numbers of words begin with the empty one."""
        ids, root_ids = (tuple(self.words[name].known)[1:] for name in WORDS[1:3])
        equation, roots = (kin["words"][:, k].astype(np.int64) - 1 for k in (1, 2))
        sources = np.array(list(self.words[WORDS[3]].known), dtype=object)
        source = kin["words"][:, 3]
        predicts = np.array([name not in NOT_PREDICTED for name in sources], dtype=np.bool_)
        if predicts[source].any():
            models = [self.models.get(name, name) for name in sources[predicts]]
            place = np.where(predicts, np.cumsum(predicts) - 1, -1)[source]
            found = predict_heights(models, place, dbh, self.settings.stress)
            height = np.where(place >= 0, found, height)
        one = np.ones(len(kin))
        stress = np.nan if self.settings.stress is None else self.settings.stress
        arrays = TreeArrays(
            offsets=np.array([0, len(kin)], dtype=np.int64),
            size=np.where(traits_of(ids).by_height[equation], height, dbh), height=height,
            wood_density=kin["density"].copy(), stress=np.full(len(kin), stress),
            equation=equation, roots=roots, count=kin["count"].copy(), share=one, expansion=one,
            represents=one, carbon_fraction=kin["fraction"].copy(), herb=kin["herb"].copy(),
        )  # fmt: skip
        biomass = compile_equations(ids)
        result = account_stems(arrays, biomass, compile_equations(root_ids))
        if not self.settings.number_of_draws:
            return Sized(kin, dbh, height, arrays, result, ids, None)
        mass = np.nan_to_num(result.agb_kg) + np.nan_to_num(result.herb_kg)
        nothing = np.full(len(kin), "", dtype=object)
        trees = Trees(
            equation=np.where(mass > 0, equation, -1), roots=roots, dbh=dbh, height=height,
            wood_density=arrays.wood_density, density_sd=kin["density_sd"],
            agb_kg=mass / (arrays.count * arrays.share), count=arrays.count,
            carbon_fraction=arrays.carbon_fraction, herb=arrays.herb,
            species=Coded(kin["species"], np.array(list(self.species), dtype=object)),
            locality=Coded.same("", len(kin)), campaign=Coded.same("||", len(kin)), plot=nothing,
            tree=nothing, clone_known=kin["clone_known"], height_source=Coded(source, sources),
            density_given=kin["density_given"], sd_given=kin["sd_given"],
            pom_differs=kin["pom_differs"],
        )  # fmt: skip
        placed = place_rows(
            trees, biomass, root_ids, self.settings.errors, models=self.models,
            stress=self.settings.stress,
        )  # fmt: skip
        return Sized(kin, dbh, height, arrays, result, ids, placed)


def number_of(text: str, words: TextCodes) -> int:
    """Number of a text, which is a new one if need be."""
    return words.known.setdefault(text, len(words.known))


def _status(kind: Kind) -> int:
    """Number of a kind's status."""
    names, codes = kind
    return codes[names.index(STATUS)] if STATUS in names else ALIVE


def _refused(slot: str, typed: float) -> Problem:
    """What is said of a diameter that no tree has."""
    trees = pd.DataFrame({"row": [0], "dbh_cm": [typed * FACTORS[slot]], "refused": ""})
    found = Problems()
    used, sizes = np.array([slot], dtype=object), np.array([typed])
    check_diameters(trees, used, sizes, RawTable(trees, "", "", 0), found, slot)
    return found.items[0]
