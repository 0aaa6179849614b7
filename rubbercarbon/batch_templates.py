"""Each distinct row of an inventory, computed once by the functions of `estimate_stocks`.

Trees of equal species, size and status have equal biomass and equal errors. A template is one such
row; plots gather the figures of theirs. Locality, crew and date are left out: they name the units
that share an error, not its size, and `rubbercarbon.batch_cells` puts them in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation, ladder
from allometry.evaluation import compile_equations
from allometry.heights import predict_height
from allometry.names import match_one
from allometry.selection import in_range
from rubbercarbon import checks, tables
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_cells import CellRegistry
from rubbercarbon.batch_codes import WRITTEN, Codes, Floats, Keys, RowKeys, TextCodes
from rubbercarbon.batch_sizes import SIZES, Kinship, Sized
from rubbercarbon.columns import RUBBER, TREE_COLUMNS, clone_name, state_of
from rubbercarbon.config import Settings
from rubbercarbon.error_layout import NO_CAMPAIGN, NO_LOCALITY, lay_out_prepared, trees_of
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.inventory import Inventory, add_diameter, add_keys
from rubbercarbon.labels import HERBS, NOT_IN_BASAL_AREA
from rubbercarbon.loads import Layout
from rubbercarbon.montecarlo import shared_variance
from rubbercarbon.pools import KG_PER_T, Account, TreeArrays, account
from rubbercarbon.preparation import UNSELECTED, Prepared, prepare
from rubbercarbon.problems import Problem, Problems

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

SHORT, WILD = 1, 2  # flags below a key: short stand, unselected rubber
SPARE = 2
FIGURES, TERMS = 8, 4  # columns that `allometry.kernels.inventories` reads
# beside errors: what changes a figure or says how a row was understood. Rules that only question
# values compare a whole sheet, and belong to `rubbercarbon check`
KEPT = frozenset({
    "id_repeated", "species_yang", "not_alive", "status_unknown", "height_out_of_range",
    "density_out_of_range", "basis_unknown", "density_air_dry", "growth_form_unknown",
    "plot_area_conflict", "diameter_small", "diameter_conflict", "not_a_number", "decimal_comma",
    "cell_error",
})  # fmt: skip
BY_SPECIES = frozenset({"species_fuzzy", "species_genus", "species_thai_unverified"})
WORDS = ("species_input", "equation_id", "roots_id", "height_source", "flags")
UNDOUBTED = ("exact", "synonym", "thai", "local")
FIRST_SIZE = 1 << 12
MOST_TEMPLATES = 200_000  # some 40 MB
MOST_AT_ONCE = 1 << 16


@dataclass
class Templates:
    """Figures of distinct rows, one array each; grows as new ones turn up.

    Attributes
    ----------
    figures : ndarray, shape (n, 8)
        As `plot_sums` reads them.
    terms : ndarray, shape (n, 4)
        x, sigma, own variance, centring.
    usable, merges, failed, unnamed, noted : ndarray of bool, shape (n,)
        Living and sound; stems are joined to one plant; some problem refuses it; its species is
        only known by the plot; there is a warning or a note to count.
    cell : ndarray of int64, shape (n,)
        In the registry of cells; -1 for none.
    ratio : ndarray, shape (n,)
        Measured height of rubber over the model's; NaN for others.
    size : ndarray
        Size variable of its equation.
    word_codes : ndarray of int32, shape (n, 5)
        What it was taken for, as numbers of ``words``, in the order of `WORDS`.
    problems : dict
        Template → what is wrong with it.
    species_notes : dict
        Species as written → how it was understood, where that is worth a word.
    """

    settings: Settings
    cells: CellRegistry
    assumptions: Assumptions = field(default_factory=Assumptions)
    equations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget all distinct rows and the numbers of their cells."""
        plants: dict[tuple[str, ...], str] = {}

        def species(text: str) -> str:
            found = match_one(text)
            if found.kind not in UNDOUBTED or text == checks.YANG or not found.species:
                return text
            return plants.setdefault((found.species, found.growth_form), text)

        self.keys = RowKeys({"species": species, "clone": _clone, "status": _status})
        self.words = {name: TextCodes() for name in WORDS}
        self.species_notes: dict[str, Problem] = {}
        self.kinship = Kinship(self.settings)
        self.short_ways = 0
        self.clear()

    def clear(self) -> None:
        """Forget all distinct rows, and their kinds if these have new numbers."""
        if self.keys.changed - SIZES:
            self.kinship = Kinship(self.settings)
        self.room: dict[str, Any] = {}
        self.known: Keys = np.zeros(FIRST_SIZE, dtype=np.uint64)
        self.value: Codes = np.full(FIRST_SIZE, -1, dtype=np.int32)
        self.key: Keys = np.zeros(0, dtype=np.uint64)
        self.figures: Floats = np.zeros((0, FIGURES))
        self.terms: Floats = np.zeros((0, TERMS))
        self.ratio: Floats = np.zeros(0)
        self.cell: Ints = np.zeros(0, dtype=np.int64)
        self.usable, self.merges, self.failed, self.unnamed, self.noted = (
            np.zeros(0, dtype=np.bool_) for _ in range(5)
        )
        self.size: Floats = np.zeros(0)
        self.word_codes: Codes = np.zeros((0, len(WORDS)), dtype=np.int32)
        self.problems: dict[int, list[Problem]] = {}
        self.notes: dict[tuple[str, ...], int] = {}
        self.note_items: list[Problem] = []
        self.note_rows: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.key)

    def find(self, keys: Keys, codes: dict[str, Codes]) -> Codes:
        """Template of each row; those that are new are computed."""
        from allometry.kernels.inventories import look_up  # noqa: PLC0415  (loads numba)

        out = np.empty(len(keys), dtype=np.int32)
        look_up(keys, self.known, self.value, out)
        missing = np.flatnonzero(out < 0)
        if len(missing):
            distinct, first = np.unique(keys[missing], return_index=True)
            rows = missing[first]
            self._add(distinct, {name: code[rows] for name, code in codes.items()})
            look_up(keys[missing], self.known, self.value, found := np.empty_like(out[missing]))
            out[missing] = found
        return out

    def _add(self, keys: Keys, codes: dict[str, Codes]) -> None:
        """Distinct rows: some of each new kind the long way, the others by their sizes."""
        flags = (keys & np.uint64(SHORT | WILD)).astype(np.int64)

        def part(rows: Ints) -> tuple[Keys, dict[str, Codes], Ints]:
            return keys[rows], {name: code[rows] for name, code in codes.items()}, flags[rows]

        some = self.kinship.examples(codes, flags)
        for way, rows in (
            (self._add_long, some), (self._add_known, np.setdiff1d(np.arange(len(keys)), some))
        ):  # fmt: skip
            for first in range(0, len(rows), MOST_AT_ONCE):
                way(*part(rows[first : first + MOST_AT_ONCE]))

    def _add_known(self, keys: Keys, codes: dict[str, Codes], flags: Ints) -> None:
        rows, sized, gone = self.kinship.compute(codes, flags, self.keys.columns)
        long = np.ones(len(keys), dtype=np.bool_)
        self.short_ways += len(rows) + len(gone)
        if sized is not None:
            long[rows] = False
            self._take(keys[rows], _sized_arrays(sized, self))
        if gone:
            rows = np.array(list(gone), dtype=np.int64)
            long[rows] = False
            problems = dict(enumerate([item] for item in gone.values()))
            self._take(keys[rows], _gone_arrays(list(gone.values())), problems)
        if long.any():
            self._add_long(keys[long], {n: code[long] for n, code in codes.items()}, flags[long])

    def _add_long(self, keys: Keys, codes: dict[str, Codes], flags: Ints) -> None:
        frame = pd.DataFrame(index=range(len(keys)))
        for slot, code in codes.items():
            name, values = slot.removesuffix(WRITTEN), self.keys.columns[slot].values(code)
            frame[name] = values if name not in frame else frame[name].fillna(pd.Series(values))
        made = make_templates(frame, codes, flags, self)
        self._take(keys, made.arrays, made.problems)

    def species_told(self) -> Codes:
        """Numbers of the species of which something is to be said."""
        known = self.words["species_input"].known
        codes = [known[name] for name in self.species_notes if name in known]
        return np.array(sorted(codes), dtype=np.int32)

    def _list(self, start: int, problems: dict[int, list[Problem]]) -> None:
        """Keep problems; those that are only counted by what they say."""
        for row, items in problems.items():
            self.problems[start + row] = items
            for item in items:
                if item.severity != "error" and item.code in KEPT:
                    number = self.notes.setdefault(told_apart(item), len(self.notes))
                    if number == len(self.note_items):
                        self.note_items.append(item)
                    self.note_rows.append((start + row, number))
                    self.noted[start + row] = True

    def _take(
        self, keys: Keys, arrays: dict[str, Any], problems: dict[int, list[Problem]] | None = None
    ) -> None:
        start = len(self)
        arrays["noted"] = np.zeros(len(keys), dtype=np.bool_)
        for name, values in (arrays | {"key": keys}).items():
            setattr(self, name, self._put(name, start, values))
        self._list(start, problems or {})
        self._rehash(start)

    def _put(self, name: str, start: int, values: Any) -> Any:
        """Values behind the first ``start`` of an array, which has room for more."""
        end = start + len(values)
        room = self.room.get(name)
        if room is None or len(room) < end:
            room = np.empty((max(2 * end, FIRST_SIZE), *values.shape[1:]), dtype=values.dtype)
            room[:start] = getattr(self, name)
            self.room[name] = room
        room[start:end] = values
        return room[:end]

    def _rehash(self, start: int) -> None:
        from allometry.kernels.inventories import insert  # noqa: PLC0415  (loads numba)

        if 2 * len(self) > len(self.known):
            size = 1 << (4 * len(self)).bit_length()
            self.known = np.zeros(size, dtype=np.uint64)
            self.value = np.full(size, -1, dtype=np.int32)
            start = 0
        numbers = np.arange(start, len(self), dtype=np.int32)
        insert(self.key[start:], numbers, self.known, self.value)


def told_apart(item: Problem) -> tuple[str, ...]:
    """What makes a warning or note another one: its numbers too, but for a count of rows."""
    text = "" if "count" in item.values else item.message("en")  # noqa: PD011
    return (item.code, item.column, item.value, text)


def _clone(text: str) -> str:
    """Any known clone is as good as another."""
    return "RRIM 600" if text and clone_name(text) else ""


def _status(text: str) -> str:
    """All that is alive is alike."""
    return "" if state_of(text) == "alive" else text


@dataclass(frozen=True)
class _Made:
    arrays: dict[str, Any]
    problems: dict[int, list[Problem]]


def make_templates(
    frame: pd.DataFrame, codes: dict[str, Codes], flags: Ints, store: Templates
) -> _Made:
    """Figures of distinct rows given in canonical columns.

    Parameters
    ----------
    frame : pandas.DataFrame
        Cells as read.
    codes : dict
        The same as numbers, by column.
    flags : ndarray of int64
        `SHORT` and `WILD` of each row.
    store : Templates
        Takes assumptions, equations and cells.
    """
    found, assumed = Problems(), Assumptions()
    inventory = _inventory(frame, flags, found)
    prepared = prepare(inventory, store.settings, found, assumed)
    result = account(
        prepared.arrays,
        compile_equations(prepared.biomass_ids),
        compile_equations(prepared.root_ids),
    )
    layout = lay_out_prepared(prepared, result, inventory.plots, store.settings, assumed)
    for row in assumed.rows:
        if row[1] not in {NO_LOCALITY, NO_CAMPAIGN} and row not in store.assumptions.rows:
            store.assumptions.rows.append(row)
    at, count = prepared.position, len(frame)
    _no_result(inventory, prepared, result, found)
    dbh = prepared.frame["dbh_cm"].to_numpy(dtype=np.float64)
    made = _row_arrays(result, layout, prepared.arrays, dbh, prepared.growth_forms, store)
    nothing = {"figures": np.nan, "ratio": np.nan, "size": np.nan, "cell": -1}
    joins = [get_equation(name).stems == "equivalent_d" for name in prepared.biomass_ids]
    made |= {
        "ratio": _ratio(prepared),
        "merges": np.array([*joins, False], dtype=np.bool_)[prepared.arrays.equation],
    }
    arrays = {n: _spread(v, at, count, nothing.get(n, 0)) for n, v in made.items()}
    arrays |= {
        "failed": np.zeros(count, dtype=np.bool_),
        "unnamed": (inventory.trees["species"].str.strip() == checks.YANG).to_numpy(),
        "word_codes": _words(prepared, inventory, store.words, count),
    }
    listed: dict[int, list[Problem]] = {}
    for item in found.items:
        if item.row is None:
            continue
        if item.code in BY_SPECIES:
            store.species_notes[str(inventory.trees["species"].iloc[item.row])] = item
        else:
            listed.setdefault(item.row, []).append(item)
            arrays["failed"][item.row] |= item.severity == "error"
    _keep_equations(prepared, store)
    trees = trees_of(prepared, result, inventory.plots, Assumptions())
    written = inventory.trees["species"].to_numpy(dtype=object)
    store.kinship.learn(codes, flags, prepared, trees, listed, written)
    return _Made(arrays, listed)


def _row_arrays(
    result: Account, layout: Layout, arrays: TreeArrays, dbh: Floats, forms: Any, store: Templates
) -> dict[str, Any]:
    """What plots gather of each computed row."""
    masses = (result.agb_kg, result.bgb_kg, result.carbon_kg, result.herb_kg)
    columns = (
        *(mass / KG_PER_T for mass in masses), arrays.count, np.pi / 4.0 * (dbh / 100.0) ** 2,
        np.isin(forms, HERBS), ~np.isin(forms, NOT_IN_BASAL_AREA),
    )  # fmt: skip
    names = store.cells.register(layout)
    own = np.expm1(layout.sigma**2)
    return {
        "figures": np.column_stack(columns),
        "terms": np.column_stack(
            [layout.x, layout.sigma, own, np.exp(-0.5 * shared_variance(layout))]
        ),
        "cell": np.append(names, -1)[layout.cell],
        "usable": np.ones(len(dbh), dtype=np.bool_),
        "size": arrays.size,
    }


def _sized_arrays(sized: Sized, store: Templates) -> dict[str, Any]:
    """The same of rows of known kinds at new sizes."""
    forms = np.array([kin.form for kin in sized.kin], dtype=object)[sized.of]
    arrays = _row_arrays(sized.result, sized.layout, sized.arrays, sized.dbh, forms, store)
    ratio = np.full(len(sized.of), np.nan)
    rubber = np.array([kin.species == RUBBER for kin in sized.kin])[sized.of]
    told = np.array([kin.height_source in {"measured", "estimated"} for kin in sized.kin])[sized.of]
    measured = rubber & told
    if measured.any():
        model = predict_height(ladder()["short_stand"]["model"], dbh=sized.dbh[measured])
        ratio[measured] = sized.height[measured] / model
    codes = np.zeros((len(sized.of), len(WORDS)), dtype=np.int32)
    for k, name in enumerate(("written", "equation", "roots", "height_source")):
        known = store.words[WORDS[k]].known
        numbers = [known.setdefault(getattr(kin, name), len(known)) for kin in sized.kin]
        codes[:, k] = np.array(numbers, dtype=np.int32)[sized.of]
    codes[:, -1] = _outside(
        [kin.equation for kin in sized.kin], sized.of, sized.dbh, sized.height, store.words["flags"]
    )
    no = np.zeros(len(sized.of), dtype=np.bool_)
    return {
        **arrays,
        "ratio": ratio,
        "merges": no,
        "failed": no,
        "unnamed": no,
        "word_codes": codes,
    }


def _gone_arrays(found: list[Problem]) -> dict[str, Any]:
    """Rows of which nothing is computed."""
    count = len(found)
    nothing, no = np.full(count, np.nan), np.zeros(count, dtype=np.bool_)
    return {
        "figures": np.full((count, FIGURES), np.nan),
        "terms": np.zeros((count, TERMS)), "cell": np.full(count, -1), "usable": no,
        "size": nothing, "ratio": nothing, "merges": no, "unnamed": no,
        "failed": np.array([item.severity == "error" for item in found]),
        "word_codes": np.zeros((count, len(WORDS)), dtype=np.int32),
    }  # fmt: skip


def _outside(
    equations: list[str], of: Ints, dbh: Floats, height: Floats, words: TextCodes
) -> Codes:
    """The flag of rows outside what is known of their equation, as numbers of words."""
    codes = np.zeros(len(of), dtype=np.int32)
    for number, name in enumerate(equations):
        mine = np.flatnonzero(of == number)
        record = get_equation(name)
        far = mine[~in_range(record, {"dbh": dbh[mine], "height": height[mine]})]
        flag = "outside_evaluated_span" if record.range.kind == "unknown" else "outside_range"
        codes[far] = words.known.setdefault(flag, len(words.known))
    return codes


def _inventory(frame: pd.DataFrame, flags: Ints, found: Problems) -> Inventory:
    """Distinct rows as trees of plots that differ in nothing but their flags."""
    raw = RawTable(frame, "", "", 0)
    trees = frame.assign(plot_id=[f"{flag}" for flag in flags])
    trees["tree_id"] = [f"{row:09d}" for row in range(len(frame))]
    trees.insert(0, "row", np.arange(len(frame)))
    trees = tables.typed(trees, TREE_COLUMNS, raw, found)
    add_keys(trees, [], raw, found)
    add_diameter(trees, raw, found)
    checks.check_trees(trees, raw, set(), False, found)
    trees["short_stand"] = (flags & SHORT) > 0
    names = sorted(set(trees["plot_id"]))
    plots = pd.DataFrame(
        {
            "plot_id": names,
            "site_id": "",
            "stratum": "",
            "system": [UNSELECTED[0] if int(name) & WILD else "" for name in names],
            "area_ha": 1.0,
            "stratum_area_ha": np.nan,
        }
    )
    nested = pd.DataFrame({"plot_id": [], "min_dbh_cm": [], "area_ha": []})
    return Inventory(trees, plots, nested, "", {}, found)


def _spread(values: Any, at: Ints, count: int, nothing: Any = 0.0) -> Any:
    """Values of the computed rows at their places among all."""
    out = np.full((count, *values.shape[1:]), nothing, dtype=values.dtype)
    out[at] = values
    return out


def _ratio(prepared: Prepared) -> Floats:
    """Measured height over the ladder's model, where rubber has one."""
    height = prepared.frame.get("height_m")
    ratio = np.full(len(prepared.position), np.nan)
    if height is None:
        return ratio
    measured = (prepared.columns["species"] == RUBBER) & height.notna().to_numpy()
    if measured.any():
        dbh = prepared.frame["dbh_cm"].to_numpy(dtype=np.float64)[measured]
        model = predict_height(ladder()["short_stand"]["model"], dbh=dbh)
        ratio[measured] = height.to_numpy(dtype=np.float64)[measured] / model
    return ratio


def _no_result(
    inventory: Inventory, prepared: Prepared, result: Account, found: Problems
) -> None:  # fmt: skip
    """Rows whose equation gives nothing, as `estimate_stocks` lists them."""
    empty = np.isnan(result.agb_kg) & np.isnan(result.herb_kg) & (prepared.arrays.equation >= 0)
    for place in np.flatnonzero(empty):
        found.add(
            "no_result", file=inventory.file, row=int(prepared.position[place]),
            column="equation_id", value=prepared.columns["equation_id"][place],
        )  # fmt: skip


def _words(
    prepared: Prepared, inventory: Inventory, words: dict[str, TextCodes], count: int
) -> Codes:
    """What each distinct row was taken for, as numbers."""
    roots = np.array([*prepared.root_ids, ""], dtype=object)[prepared.arrays.roots]
    columns = {**prepared.columns, "roots_id": roots}
    codes = np.zeros((count, len(WORDS)), dtype=np.int32)
    for k, name in enumerate(WORDS):
        known = words[name].known
        if name == "species_input":
            codes[:, k] = [known.setdefault(t, len(known)) for t in inventory.trees["species"]]
        else:
            found = [known.setdefault(str(t), len(known)) for t in columns[name]]
            codes[prepared.position, k] = found
    return codes


def _keep_equations(prepared: Prepared, store: Templates) -> None:
    for row in prepared.citations.to_dict("records"):
        known = {str(name): value for name, value in row.items()}
        store.equations.setdefault(str(row["id"]), {**known, "n_rows": 0})
