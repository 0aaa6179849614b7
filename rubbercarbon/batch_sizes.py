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
from allometry.heights import predict_height
from allometry.names import match_one
from allometry.quantities import QUANTITIES
from allometry.selection import Taxon, default_rules, user_rules
from rubbercarbon.batch_codes import WRITTEN, Codes, Floats, NumberCodes, TextCodes
from rubbercarbon.checks import LARGEST_DBH_CM, YANG, check_diameters
from rubbercarbon.columns import DIAMETERS, LENGTHS
from rubbercarbon.config import Settings
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.inputs import numbers_of
from rubbercarbon.load_rows import Placed, Trees, place_rows
from rubbercarbon.pools import Account, TreeArrays, account
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
Kind = tuple[tuple[str, int], ...]
SELF_TOLD = ("measured", "estimated", "")


@dataclass(frozen=True)
class Kin:
    """What rows that differ in size alone have in common; see `rubbercarbon.load_rows.Trees`."""

    equation: str
    roots: str
    herb: bool
    fraction: float
    count: float
    density: float
    density_sd: float
    level: str
    species: str
    written: str
    clone: str
    height_source: str
    density_given: bool
    sd_given: bool
    pom_differs: bool
    form: str


@dataclass(frozen=True)
class Sized:
    """Rows of known kinds at new sizes, computed."""

    kin: list[Kin]
    of: Ints
    dbh: Floats
    height: Floats
    arrays: TreeArrays
    result: Account
    placed: Placed


@dataclass
class Kinship:
    """Kinds of rows, by the codes of all their columns but the size."""

    settings: Settings
    kinds: dict[Kind, Kin | None] = field(default_factory=dict)
    gone: dict[Kind, Problem] = field(default_factory=dict)
    states: dict[int, Problem] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    absurd: dict[tuple[str, float], Problem] = field(default_factory=dict)

    def split(self, codes: Mapping[str, Codes], flags: Ints) -> tuple[str, list[Kind], Ints] | None:
        """The column of sizes, kinds of rows, and the kind of each; None where sizes are mixed."""
        sizes = [slot for slot in codes if slot in FACTORS]
        written = any(slot.endswith(WRITTEN) for slot in codes)
        if len(sizes) != 1 or written or any(slot in OTHER_HEIGHTS for slot in codes):
            return None
        names = ["flags", HEIGHT]
        columns: list[Any] = [flags, codes[HEIGHT] > 0 if HEIGHT in codes else flags]
        for slot, code in codes.items():
            if slot not in {sizes[0], HEIGHT}:
                names.append(slot)
                columns.append(code)
        stacked = [np.asarray(c, dtype=np.int64) for c in columns]
        if HEIGHT not in codes:
            stacked[1] = np.zeros_like(stacked[1])
        place = np.zeros(len(flags), dtype=np.int64)
        for column in stacked:
            place = pd.factorize(place * (int(column.max(initial=0)) + 1) + column)[0]
        first = np.zeros(int(place.max(initial=-1)) + 1, dtype=np.int64)
        first[place[::-1]] = np.arange(len(place))[::-1]
        distinct = np.column_stack([column[first] for column in stacked])
        kinds = [tuple(zip(names, row, strict=True)) for row in distinct.tolist()]
        return sizes[0], kinds, place.astype(np.int64)

    def examples(self, codes: Mapping[str, Codes], flags: Ints) -> Ints:
        """Some rows of each kind that is not known, from the middle of its sizes."""
        found = self.split(codes, flags)
        if found is None:
            return np.zeros(0, dtype=np.int64)
        _, kinds, place = found
        new = np.array([kind not in self.kinds and self._gone(kind) is None for kind in kinds])
        rows = np.flatnonzero(new[place])
        rows = rows[np.argsort(place[rows], kind="stable")]
        count = np.bincount(place[rows], minlength=len(kinds))
        start = np.concatenate([[0], np.cumsum(count)[:-1]])[count > 0]
        count = count[count > 0]
        chosen: Ints = rows[np.unique(np.concatenate([start + count * q // 4 for q in (1, 2, 3)]))]
        return chosen

    def learn(
        self, codes: Mapping[str, Codes], flags: Ints, prepared: Prepared, layout: Trees,
        listed: Mapping[int, list[Problem]], written: NDArray[Any],
    ) -> None:  # fmt: skip
        """Remember the kinds of rows that were computed the long way without a word.

        Of rows that are dead, cut or missing nothing is left but their note.
        """
        found = self.split(codes, flags)
        if found is None:
            return
        _, kinds, place = found
        self.models |= prepared.height_fits
        clean = ~np.isin(np.arange(len(place)), list(listed)) & (written != YANG)
        for row, items in listed.items():
            if [item.code for item in items] == ["not_alive"]:
                kind = kinds[place[row]]
                self.gone[kind] = items[0]
                self.states[dict(kind)[STATUS]] = items[0]
        for number, row in enumerate(prepared.position.tolist()):
            kind = kinds[place[row]]
            if kind not in self.kinds and clean[row] and layout.equation[number] >= 0:
                self.kinds[kind] = self._kin(prepared, layout, number, str(written[row]))

    def _kin(self, prepared: Prepared, trees: Trees, i: int, written: str) -> Kin | None:
        equation = prepared.biomass_ids[prepared.arrays.equation[i]]
        record = get_equation(equation)
        form = str(prepared.growth_forms[i])
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
        return Kin(
            equation=equation,
            roots=roots,
            herb=bool(trees.herb[i]),
            fraction=float(trees.carbon_fraction[i]),
            count=float(trees.count[i]),
            density=float(trees.wood_density[i]),
            density_sd=float(trees.density_sd[i]),
            level=str(prepared.columns["wood_density_level"][i]),
            species=str(trees.species[i]),
            written=written,
            clone=str(trees.clone[i]),
            height_source=str(trees.height_source[i]),
            density_given=bool(trees.density_given[i]),
            sd_given=bool(trees.sd_given[i]),
            pom_differs=bool(trees.pom_differs[i]),
            form=form,
        )

    def _gone(self, kind: Kind) -> Problem | None:
        """The note on rows that are dead, cut or missing: the same for all that would be known."""
        if kind not in self.gone:
            item = self.states.get(dict(kind).get(STATUS, ALIVE))
            alive = tuple((name, ALIVE if name == STATUS else code) for name, code in kind)
            if item is None or self.kinds.get(alive) is None:
                return None
            self.gone[kind] = item
        return self.gone[kind]

    def compute(
        self,
        codes: Mapping[str, Codes],
        flags: Ints,
        columns: Mapping[str, TextCodes | NumberCodes],
    ) -> tuple[Ints, Sized | None, dict[int, Problem]]:
        """Rows of known kinds computed at their sizes, and rows of which only a note is left."""
        nothing: Ints = np.zeros(0, dtype=np.int64)
        found = self.split(codes, flags)
        if found is None:
            return nothing, None, {}
        slot, kinds, place = found
        known = [self.kinds.get(kind) for kind in kinds]
        dbh = np.asarray(columns[slot].values(codes[slot]), dtype=np.float64) * FACTORS[slot]
        height = np.full(len(dbh), np.nan)
        if HEIGHT in codes:
            height = np.asarray(columns[HEIGHT].values(codes[HEIGHT]), dtype=np.float64)
        limits = QUANTITIES["height"]
        with np.errstate(invalid="ignore"):
            sound_height = np.isnan(height) | ((height >= limits.low) & (height <= limits.high))
            absurd = (dbh <= 0) | (dbh > LARGEST_DBH_CM)
            usable = (dbh > 0) & (dbh <= LARGEST_DBH_CM) & sound_height
        lost = [self._gone(kind) for kind in kinds]
        dead = np.array([item is not None for item in lost])[place]
        alive = np.array([kin is not None for kin in known])[place]
        gone = {
            row: item
            for row in np.flatnonzero(dead & usable).tolist()
            if (item := lost[place[row]]) is not None
        }
        refused = np.flatnonzero(absurd & sound_height & (dead | alive))
        typed = np.asarray(columns[slot].values(codes[slot][refused]), dtype=np.float64)
        for row, size in zip(refused.tolist(), typed.tolist(), strict=True):
            if (slot, size) not in self.absurd:
                self.absurd[slot, size] = _refused(slot, size)
            gone[row] = self.absurd[slot, size]
        rows = np.flatnonzero(usable & alive)
        if not len(rows):
            return nothing, None, gone
        number = {k: n for n, k in enumerate(k for k in range(len(known)) if known[k] is not None)}
        kin = [one for one in known if one is not None]
        of = np.array([number.get(k, -1) for k in range(len(known))])[place[rows]]
        sized = self._sized(kin, of, dbh[rows], height[rows])
        with np.errstate(invalid="ignore"):
            sound = (sized.result.agb_kg > 0) | (sized.result.herb_kg > 0)
        if not sound.all():
            rows, of = rows[sound], of[sound]
            if not len(rows):
                return nothing, None, gone
            sized = self._sized(kin, of, dbh[rows], height[rows])
        return rows, sized, gone

    def _sized(self, kin: list[Kin], of: Ints, dbh: Floats, height: Floats) -> Sized:
        def each(name: str) -> NDArray[Any]:
            values = [getattr(one, name) for one in kin]
            kind = object if isinstance(values[0], str) else None
            return np.array(values, dtype=kind)[of]

        height = height.copy()
        source = each("height_source")
        for model in {one.height_source for one in kin} - set(SELF_TOLD):
            mine = source == model
            height[mine] = predict_height(
                self.models.get(model, model), dbh=dbh[mine], stress=self.settings.stress
            )
        ids = tuple(sorted({one.equation for one in kin}))
        root_ids = tuple(sorted({one.roots for one in kin} - {""}))
        equation, roots = numbers_of(each("equation"), ids), numbers_of(each("roots"), root_ids)
        by_height = np.array([get_equation(name).size == "height" for name in ids])[equation]
        one = np.ones(len(of))
        stress = np.nan if self.settings.stress is None else self.settings.stress
        arrays = TreeArrays(
            offsets=np.array([0, len(of)], dtype=np.int64),
            size=np.where(by_height, height, dbh), height=height, wood_density=each("density"),
            stress=np.full(len(of), stress), equation=equation, roots=roots, count=each("count"),
            share=one, expansion=one, represents=one, carbon_fraction=each("fraction"),
            herb=each("herb"),
        )  # fmt: skip
        biomass = compile_equations(ids)
        result = account(arrays, biomass, compile_equations(root_ids))
        mass = np.nan_to_num(result.agb_kg) + np.nan_to_num(result.herb_kg)
        nothing = np.full(len(of), "", dtype=object)
        trees = Trees(
            equation=np.where(mass > 0, equation, -1), roots=roots, dbh=dbh, height=height,
            wood_density=arrays.wood_density, density_sd=each("density_sd"),
            agb_kg=mass / (arrays.count * arrays.share), count=arrays.count,
            carbon_fraction=arrays.carbon_fraction, herb=arrays.herb, species=each("species"),
            locality=nothing, campaign=np.full(len(of), "||", dtype=object), plot=nothing,
            tree=nothing, clone=each("clone"), height_source=source,
            density_given=each("density_given"), sd_given=each("sd_given"),
            pom_differs=each("pom_differs"),
        )  # fmt: skip
        placed = place_rows(
            trees, biomass, root_ids, self.settings.errors, models=self.models,
            stress=self.settings.stress,
        )  # fmt: skip
        return Sized(kin, of, dbh, height, arrays, result, placed)


def _refused(slot: str, typed: float) -> Problem:
    """What is said of a diameter that no tree has."""
    trees = pd.DataFrame({"row": [0], "dbh_cm": [typed * FACTORS[slot]], "refused": ""})
    found = Problems()
    used, sizes = np.array([slot], dtype=object), np.array([typed])
    check_diameters(trees, used, sizes, RawTable(trees, "", "", 0), found, slot)
    return found.items[0]
