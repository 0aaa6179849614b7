"""What is kept of distinct rows, by the functions of `estimate_stocks`: figures, errors, words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation, ladder
from allometry.evaluation import compile_equations
from allometry.heights import predict_heights
from allometry.selection import in_ranges
from rubbercarbon import checks, tables
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.batch_codes import Codes, Floats, TextCodes
from rubbercarbon.batch_sizes import WORDS, Gone, Sized, Split, number_of
from rubbercarbon.columns import RUBBER, TREE_COLUMNS
from rubbercarbon.equation_traits import traits_of
from rubbercarbon.error_layout import NO_CAMPAIGN, NO_LOCALITY, lay_out_prepared, trees_of
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.inventory import Inventory, add_diameter, add_keys
from rubbercarbon.labels import HERBS, NOT_IN_BASAL_AREA
from rubbercarbon.load_rows import Placed
from rubbercarbon.loads import Layout
from rubbercarbon.pools import KG_PER_T, Account, TreeArrays, account
from rubbercarbon.preparation import UNSELECTED, Prepared, prepare
from rubbercarbon.problems import Problem, Problems

if TYPE_CHECKING:
    from rubbercarbon.batch_templates import Templates

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

SHORT, WILD = 1, 2  # flags below a key: short stand, unselected rubber
FIGURES, TERMS = 8, 8  # columns that `plot_sums` and `gather_groups` read
NO_CELLS: Ints = np.zeros(0, dtype=np.int64)
BY_SPECIES = frozenset({"species_fuzzy", "species_genus", "species_thai_unverified"})


@dataclass(frozen=True)
class Made:
    """Arrays of templates by name, and what is wrong with some of them."""

    arrays: dict[str, Any]
    problems: dict[int, list[Problem]]


def make_templates(frame: pd.DataFrame, split: Split, store: Templates) -> Made:
    """Figures of distinct rows given in canonical columns.

    Parameters
    ----------
    frame : pandas.DataFrame
        Cells as read.
    split : Split
        The same as numbers, with their kinds and flags.
    store : Templates
        Takes assumptions, equations and cells.
    """
    found, assumed = Problems(), Assumptions()
    inventory = _inventory(frame, split.flags, found)
    prepared = prepare(inventory, store.settings, found, assumed)
    result = account(
        prepared.arrays,
        compile_equations(prepared.biomass_ids),
        compile_equations(prepared.root_ids),
    )
    layout = None
    if store.settings.number_of_draws:
        layout = lay_out_prepared(prepared, result, inventory.plots, store.settings, assumed)
    for row in assumed.rows:
        if row[1] not in {NO_LOCALITY, NO_CAMPAIGN} and row not in store.assumptions.rows:
            store.assumptions.rows.append(row)
    at, count = prepared.position, len(frame)
    _no_result(inventory, prepared, result, found)
    dbh = prepared.frame["dbh_cm"].to_numpy(dtype=np.float64)
    heights = np.full(len(at), np.nan)
    if "height_m" in prepared.frame:
        heights = prepared.frame["height_m"].to_numpy(dtype=np.float64)
    cells = NO_CELLS if layout is None else store.cells.register(layout)
    forms = (
        np.isin(prepared.growth_forms, HERBS),
        ~np.isin(prepared.growth_forms, NOT_IN_BASAL_AREA),
    )
    made = _row_arrays(result, layout, cells, prepared.arrays, dbh, forms, store)
    nothing = {"ratio": np.nan, "size": np.nan, "cell": -1}
    joins = [get_equation(name).stems == "equivalent_d" for name in prepared.biomass_ids]
    made |= {
        "ratio": _ratio(dbh, heights, (prepared.columns["species"] == RUBBER) & ~np.isnan(heights)),
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
    if split.slot:
        store.kinship.learn(split, prepared, trees, listed, written)
    return Made(arrays, listed)


def _row_arrays(
    result: Account, rows: Layout | Placed | None, cells: Ints, arrays: TreeArrays, dbh: Floats,
    forms: tuple[Bools, Bools], store: Templates,
) -> dict[str, Any]:  # fmt: skip
    """What plots gather of each computed row; ``forms``: culms, and what is in the basal area.

    Without ``rows`` they have no errors, which no draw asks for.
    """
    masses = np.column_stack(
        [result.agb_kg, result.bgb_kg, result.carbon_kg, result.herb_kg]
    ) / KG_PER_T  # fmt: skip
    known = ~np.isnan(masses)
    masses[~known] = 0.0
    culm, counted = forms
    cross_section_m2 = np.pi / 4.0 * (dbh / 100.0) ** 2
    found = {
        "figures": np.column_stack(
            [
                masses, np.where(culm, 0.0, arrays.count), np.where(culm, arrays.count, 0.0),
                np.where(counted, cross_section_m2 * arrays.count, 0.0), known[:, 0] | known[:, 3],
            ]
        ),
        "usable": np.ones(len(dbh), dtype=np.bool_),
        "size": arrays.size,
    }  # fmt: skip
    if rows is None:
        return found | _no_errors(len(dbh))
    cell = np.append(cells, -1)[rows.cell]
    shared = store.cells.shared_variance(cell, rows.x)
    own = [rows.x, rows.sigma, np.expm1(rows.sigma**2), np.exp(-0.5 * shared)]
    return found | {"terms": np.column_stack([masses, *own]), "cell": cell}


def _no_errors(count: int) -> dict[str, Any]:
    return {"terms": np.zeros((count, TERMS)), "cell": np.full(count, -1)}


def sized_arrays(sized: Sized, store: Templates) -> dict[str, Any]:
    """The same of rows of known kinds at new sizes."""
    kin = sized.kin
    cells = NO_CELLS if sized.placed is None else _known_cells(sized.placed, store)
    forms = kin["culm"], kin["in_basal_area"]
    arrays = _row_arrays(sized.result, sized.placed, cells, sized.arrays, sized.dbh, forms, store)
    codes = np.zeros((len(kin), len(WORDS)), dtype=np.int32)
    codes[:, :-1] = kin["words"]
    codes[:, -1] = _outside(sized, store.words["flags"])
    no = np.zeros(len(kin), dtype=np.bool_)
    return {
        **arrays,
        "ratio": _ratio(sized.dbh, sized.height, kin["measured_rubber"]),
        "merges": no,
        "failed": no,
        "unnamed": no,
        "word_codes": codes,
    }


def gone_arrays(gone: Gone) -> dict[str, Any]:
    """Rows of which nothing is computed."""
    count = len(gone.rows)
    nothing, no = np.full(count, np.nan), np.zeros(count, dtype=np.bool_)
    return {
        "figures": np.zeros((count, FIGURES)),
        "usable": no, "size": nothing, "ratio": nothing, "merges": no, "unnamed": no,
        "failed": np.array([item.severity == "error" for item in gone.items])[gone.which],
        "word_codes": np.zeros((count, len(WORDS)), dtype=np.int32),
    } | _no_errors(count)  # fmt: skip


def _outside(sized: Sized, words: TextCodes) -> Codes:
    """The flag of rows outside what is known of their equation, as numbers of words."""
    records, number = traits_of(sized.ids).records, sized.arrays.equation
    codes = np.zeros(len(number), dtype=np.int32)
    far = ~in_ranges(records, number, {"dbh": sized.dbh, "height": sized.height})
    if far.any():
        flags = [
            "outside_evaluated_span" if record.range.kind == "unknown" else "outside_range"
            for record in records
        ]
        found = np.array([number_of(flag, words) for flag in flags], dtype=np.int32)
        codes[far] = found[number[far]]
    return codes


def _inventory(frame: pd.DataFrame, flags: Ints, found: Problems) -> Inventory:
    """Distinct rows as trees of plots that differ in nothing but their flags."""
    raw = RawTable(frame, "", "", 0)
    trees = frame.assign(plot_id=[f"{flag}" for flag in flags])
    trees["tree_id"] = [f"{row:09d}" for row in range(len(frame))]
    trees.insert(0, "row", np.arange(len(frame)))
    if "species" not in trees:  # a column that is empty throughout
        trees["species"] = ""
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


def _ratio(dbh: Floats, height: Floats, measured: Bools) -> Floats:
    """Measured height over the ladder's model, where rubber has one."""
    ratio = np.full(len(dbh), np.nan)
    if measured.any():
        d = dbh[measured]
        model = predict_heights((ladder()["short_stand"]["model"],), np.zeros(len(d), np.int64), d)
        ratio[measured] = height[measured] / model
    return ratio


def _known_cells(placed: Placed, store: Templates) -> Ints:
    """Registered number of each cell of rows whose words keep their numbers."""
    known, keys = store.kinship.cells, [key.tobytes() for key in placed.keys.T]
    if any(key not in known for key in keys):
        known |= zip(keys, store.cells.numbers(placed).tolist(), strict=True)
    return np.array([known[key] for key in keys], dtype=np.int64)


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
