"""Two censuses of the same plots: growth, mortality, ingrowth and net change.

Trees are matched by plot_id and tree_id. Errors that both dates share (equation, locality,
density, root ratio, carbon fraction) are one normal for both, crews and dates have their own, and
a tree keeps its own deviation: the variance of a difference is summed tree by tree, never taken
from two plots' intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from rubbercarbon.censuses import (
    APART,
    DEAD,
    NEW,
    SURVIVOR,
    Rows,
    common_plots,
    match,
    places_of,
    require_ids,
    rows_of,
    survey_dates,
)
from rubbercarbon.config import Settings
from rubbercarbon.distributions import QUANTITIES, Spread
from rubbercarbon.inventory import Inventory
from rubbercarbon.living import Floats, Ints
from rubbercarbon.loads import Factor, Layout
from rubbercarbon.montecarlo import shared_variance
from rubbercarbon.pools import co2e
from rubbercarbon.problems import Problems
from rubbercarbon.provenance import run_record
from rubbercarbon.stocks import Computed, compute
from rubbercarbon.totals import land_of_plots
from rubbercarbon.uncertainty import Masses, analytic

FATES = {
    "growth": (SURVIVOR,), "mortality": (DEAD,), "ingrowth": (NEW,), "net": (SURVIVOR, DEAD, NEW),
}  # fmt: skip
STOCKS = ("agb", "bgb", "carbon", "co2e")


@dataclass
class Change:
    """Result of `compare_inventories`.

    Attributes
    ----------
    trees : pandas.DataFrame
        One row per tree of either census: fate, what it is, and its masses at both dates in t of
        the total (its own, times the stems of the total that it stands for).
    plots : pandas.DataFrame
        One row per plot in both censuses: stocks and components with sd, low, high; t/ha where the
        area is known, else t.
    total : pandas.DataFrame
        One row per site and stratum, last row ``ALL`` [t].
    assumptions : pandas.DataFrame
    equations : pandas.DataFrame
        Citations of everything used at either date.
    run : dict
    found_problems : Problems
    """

    trees: pd.DataFrame
    plots: pd.DataFrame
    total: pd.DataFrame
    assumptions: pd.DataFrame
    equations: pd.DataFrame
    run: dict[str, Any]
    found_problems: Problems = field(repr=False)

    @property
    def problems(self) -> pd.DataFrame:
        """Every problem of both censuses and of their matching."""
        return self.found_problems.frame()


def compare_inventories(
    first: Inventory, second: Inventory, settings: Settings | None = None
) -> Change:
    """Change of stocks between two censuses of the same plots.

    Parameters
    ----------
    first, second : Inventory
        Earlier and later census; trees keep their ``plot_id`` and ``tree_id``.
    settings : Settings, optional
        The same for both.

    Returns
    -------
    Change
        Components by plot and total: growth of survivors, mortality (negative), ingrowth, net.

    Raises
    ------
    InventoryError
        When the censuses have no plot in common, rows have no tree ids, or the first census is
        the later one.

    Examples
    --------
    >>> import pandas as pd, rubbercarbon as rc
    >>> def census(*dbh):
    ...     trees = {"plot_id": "P1", "tree_id": ["1", "2"], "species": "ยางพารา", "dbh_cm": dbh}
    ...     return rc.read_inventory(pd.DataFrame(trees))
    >>> change = rc.compare_inventories(census(20.0, 22.0), census(21.0, 23.1))
    >>> change.plots["agb_t_growth"].round(3).tolist()
    [0.06]
    """
    chosen = settings or Settings()
    require_ids(first, second)
    dates = survey_dates(first, second)
    computed = (compute(first, chosen, census="1"), compute(second, chosen, census="2"))
    problems = Problems()
    problems.items = [
        *computed[0].stocks.found_problems.items, *computed[1].stocks.found_problems.items
    ]  # fmt: skip
    problems.headings = first.found_problems.headings | second.found_problems.headings
    places = (places_of(first), places_of(second))
    plots = common_plots(computed, places, problems)
    rows = [rows_of(census, plots) for census in computed]
    trees = match(rows, (first, second), computed, places, problems)
    pair = _Pair(computed, rows, trees, plots, *_joined(computed, rows, plots), chosen)
    parts = {name: _component(pair, fates) for name, fates in FATES.items()}
    plot_table = _plot_table(pair, parts)
    assumptions = pd.concat(
        [census.stocks.assumptions for census in computed], ignore_index=True
    ).drop_duplicates(["topic", "assumption", "value"])
    digests = {f"{k}: {name}": digest for k, inventory in enumerate((first, second), 1)
               for name, digest in inventory.digests.items()}  # fmt: skip
    return Change(
        trees=_tree_table(pair, plot_table),
        plots=plot_table,
        total=_total_table(pair, parts),
        assumptions=assumptions.reset_index(drop=True),
        equations=_citations([census.stocks.equations for census in computed]),
        run=run_record(computed[0].stocks.run["settings"], digests, first.reading)
        | ({"survey_dates": list(dates)} if dates else {}),
        found_problems=problems,
    )


def _citations(both: list[pd.DataFrame]) -> pd.DataFrame:
    """Citations of two censuses, with the rows of both."""
    table = pd.concat(both, ignore_index=True)
    rows = table.groupby(["id", "predicts"])["n_rows"].sum(min_count=1)
    once = table.drop_duplicates(["id", "predicts"]).reset_index(drop=True)
    counted = rows.reindex(pd.MultiIndex.from_frame(once[["id", "predicts"]]))
    return once.assign(n_rows=counted.astype("Int64").to_numpy())


@dataclass(frozen=True)
class _Pair:
    """Two censuses laid side by side: rows plot by plot, with the errors that they share."""

    computed: tuple[Computed, Computed]
    rows: list[Rows]
    trees: pd.DataFrame
    plots: list[str]
    masses: Masses
    layout: Layout
    settings: Settings

    @property
    def per_ha(self) -> bool:
        """Whether figures are per hectare: every plot has an area in both censuses."""
        return all(
            census.stocks.plots.set_index("plot_id")["area_ha"].loc[self.plots].notna().all()
            for census in self.computed
        )

    @property
    def scales(self) -> list[Floats]:
        """What turns masses into t/ha, or into t where some plot has no area."""
        if self.per_ha:
            return [np.ones(len(mine.index)) for mine in self.rows]
        return [
            census.stocks.plots.set_index("plot_id")["area_ha"]
            .fillna(1.0)
            .loc[mine.tree.get_level_values(0)]
            .to_numpy(dtype=np.float64)
            for census, mine in zip(self.computed, self.rows, strict=True)
        ]

    @property
    def second(self) -> pd.DataFrame:
        """Plots of the later census, in order."""
        return self.computed[1].stocks.plots.set_index("plot_id").loc[self.plots].reset_index()


def _order(rows: list[Rows]) -> Ints:
    """Rows of both censuses plot by plot, the first census first."""
    census = np.repeat([0, 1], [len(mine.index) for mine in rows])
    return np.lexsort((census, np.concatenate([mine.plot for mine in rows])))


def _joined(
    computed: tuple[Computed, Computed], rows: list[Rows], plots: list[str]
) -> tuple[Masses, Layout]:
    """Both censuses as one set of rows (first, then second, plot by plot) with common errors."""
    order = _order(rows)
    layouts = [census.layout for census in computed]
    factors = list(dict.fromkeys(f for layout in layouts for f in layout.factors))
    units: dict[tuple[int, int], int] = {}
    blocks = [_renumbered(layout, factors, units) for layout in layouts]
    shift = len(layouts[0].carbon)

    def stacked(name: str) -> Any:
        return np.concatenate(
            [getattr(layout, name)[r.index] for layout, r in zip(layouts, rows, strict=True)]
        )[order]

    cells = np.concatenate(
        [np.where(layout.cell[r.index] >= 0, layout.cell[r.index] + k * shift, -1)
         for k, (layout, r) in enumerate(zip(layouts, rows, strict=True))]
    )[order]  # fmt: skip
    layout = Layout(
        cell=cells,
        x=stacked("x"),
        sigma=np.zeros(len(order)),
        own_share={},
        tree=stacked("tree"),
        factors=tuple(factors),
        intercept=np.concatenate([block[0] for block in blocks]),
        slope=np.concatenate([block[1] for block in blocks]),
        code=np.concatenate([block[2] for block in blocks]),
        units=np.array([key for _, key in units] or [0], dtype=np.uint64),
        unit_streams=np.array([stream for stream, _ in units] or [0], dtype=np.uint64),
        unit_names=tuple("" for _ in units),
        carbon=np.concatenate([layout.carbon for layout in layouts]),
        herb=np.concatenate([layout.herb for layout in layouts]),
    )
    plot = np.concatenate([r.plot for r in rows])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(plot, minlength=len(plots)))])
    place = {name: number for number, name in enumerate(computed[1].prepared.plot_ids)}
    which = np.array([place[name] for name in plots])
    nothing = np.zeros(len(order))
    masses = Masses(
        offsets=offsets.astype(np.int64), agb=nothing, bgb=nothing, carbon=nothing, herb=nothing,
        plot=computed[1].masses.plot[which], area_cv=computed[1].masses.area_cv[which],
    )  # fmt: skip
    return masses, layout


def _renumbered(
    layout: Layout, factors: list[Factor], units: dict[tuple[int, int], int]
) -> tuple[Floats, Floats, Ints]:
    """Loads and units of a layout in the columns and numbers of both."""
    number = np.array(
        [units.setdefault((int(stream), int(key)), len(units))
         for stream, key in zip(layout.unit_streams, layout.units, strict=True)]
    )  # fmt: skip
    count = len(layout.carbon)
    intercept, slope = np.zeros((count, len(factors))), np.zeros((count, len(factors)))
    code = np.full((count, len(factors)), -1, dtype=np.int64)
    for f, factor in enumerate(layout.factors):
        column = factors.index(factor)
        intercept[:, column], slope[:, column] = layout.intercept[:, f], layout.slope[:, f]
        used = layout.code[:, f] >= 0
        code[used, column] = number[layout.code[used, f]]
    return intercept, slope, code


def _component(pair: _Pair, fates: tuple[str, ...]) -> tuple[Masses, Floats]:
    """Signed masses of the trees of some fates, and the variance of their own errors by plot."""
    fate = pair.trees.set_index(["plot_id", "tree_id"])["fate"]
    order = _order(pair.rows)
    keep = [
        np.where(fate.reindex(mine.tree).isin(fates).to_numpy(), scale, 0.0)
        for mine, scale in zip(pair.rows, pair.scales, strict=True)
    ]
    signed: dict[str, Floats] = {}
    own = np.zeros((len(pair.plots), len(QUANTITIES)))
    for q, name in enumerate(QUANTITIES):
        before, after = (
            kept * getattr(census.masses, name)[mine.index]
            for census, mine, kept in zip(pair.computed, pair.rows, keep, strict=True)
        )
        signed[name] = np.concatenate([-before, after])[order]
        own[:, q] = _own_variance(pair, (before, after))
    masses = pair.masses
    component = Masses(
        offsets=masses.offsets, agb=signed["agb"], bgb=signed["bgb"], carbon=signed["carbon"],
        herb=signed["herb"], plot=masses.plot, area_cv=masses.area_cv,
    )  # fmt: skip
    return component, own


def _own_variance(pair: _Pair, masses: tuple[Floats, Floats]) -> Floats:
    """Var = sum of (y2 - y1)² of what persists and (y1² + y2²) of the readings, tree by tree.

    Each is a mean-one lognormal times the errors that trees share.
    """
    frames = []
    for number, (census, mine, y) in enumerate(
        zip(pair.computed, pair.rows, masses, strict=True), 1
    ):
        lasting, reading = _own_parts(census.layout, pair.settings)
        moved = y * np.exp(0.5 * shared_variance(census.layout)[mine.index])
        count = np.maximum(census.prepared.arrays.count[mine.index], 1.0)
        once = np.exp(lasting[mine.index]) * np.expm1(reading[mine.index])
        table = pd.DataFrame({
            f"p{number}": moved * np.sqrt(np.expm1(lasting[mine.index]) / count),
            f"r{number}": moved * np.sqrt(once / count),
            "plot": mine.plot,
        }, index=mine.tree)  # fmt: skip
        ways = {f"p{number}": "sum", f"r{number}": "sum", "plot": "first"}
        frames.append(table.groupby(level=[0, 1]).agg(ways))
    frames[1] = frames[1].rename(columns={"plot": "plot_2"})
    both = frames[0].join(frames[1], how="outer")
    plot = both["plot"].fillna(both["plot_2"]).to_numpy(dtype=np.int64)
    values = both.drop(columns=["plot", "plot_2"]).fillna(0.0)
    variance = (values["p2"] - values["p1"]) ** 2 + values["r1"] ** 2 + values["r2"] ** 2
    return np.bincount(plot, variance, minlength=len(pair.plots)).astype(np.float64)


def _own_parts(layout: Layout, settings: Settings) -> tuple[Floats, Floats]:
    """Variance of ln of each row that lasts with the tree, and that of the readings."""
    lasting, reading = np.zeros(len(layout.x)), np.zeros(len(layout.x))
    for name, part in layout.own_share.items():
        target = reading if settings.errors.term(name).level == "reading" else lasting
        target += part
    return lasting, reading


def _tree_table(pair: _Pair, plots: pd.DataFrame) -> pd.DataFrame:
    """Trees with their fate, what they are, and masses in t of the total at both dates."""
    trees = pair.trees.copy()
    land = plots.set_index("plot_id")["represents_ha" if pair.per_ha else "area_ha"].fillna(1.0)
    for number in (1, 2):
        for name in ("agb", "bgb", "carbon"):
            trees[f"{name}_t_{number}"] = trees.pop(f"{name}_{number}") * trees["plot_id"].map(land)
    keys = ["plot_id", "tree_id"]
    return trees.merge(_known(pair, keys), on=keys, how="left")


def _known(pair: _Pair, keys: list[str]) -> pd.DataFrame:
    """What a tree is: by the later census that computed it; flags of the later census too."""
    rows = pd.concat([census.stocks.trees for census in reversed(pair.computed)])
    rows = rows.assign(blank=rows["equation_id"].fillna("") == "")
    later = rows.drop_duplicates(keys).set_index(keys)
    used = rows.sort_values("blank", kind="stable").drop_duplicates(keys).set_index(keys)
    moved = used["blank"].ne(later["blank"].reindex(used.index))  # not the later census's row
    both = later["flags"].reindex(used.index).fillna("") + ";" + used["flags"].fillna("")
    flags = used["flags"].where(~moved, both.str.strip(";"))
    return used.assign(flags=flags)[
        ["species", "growth_form", "equation_id", "flags"]
    ].reset_index()


def _plot_table(pair: _Pair, parts: dict[str, tuple[Masses, Floats]]) -> pd.DataFrame:
    """Components of the change per plot, with sd and interval."""
    table = pair.second[
        ["plot_id", "site_id", "stratum", "area_ha", "stratum_area_ha", "plot_selection"]
    ].copy()
    table["represents_ha"] = land_of_plots(table)
    trees = pair.trees
    counts = pd.crosstab(trees["plot_id"], trees["fate"])
    for fate, name in ((SURVIVOR, "n_survivors"), (DEAD, "n_dead"), (NEW, "n_ingrowth"),
                       (APART, "n_not_comparable")):  # fmt: skip
        known = counts[fate] if fate in counts else pd.Series(0, index=counts.index)
        table[name] = table["plot_id"].map(known).fillna(0).astype(int)
    for component, (moved, own) in parts.items():
        spread = analytic(moved, pair.layout, own=own, signed=True, level=pair.settings.level,
                          with_area=pair.per_ha)  # fmt: skip
        _add(table, spread, component, "t_ha" if pair.per_ha else "t")
    return table


def _add(table: pd.DataFrame, spread: Spread, component: str, unit: str) -> None:
    for name in STOCKS:
        q = QUANTITIES.index("carbon" if name == "co2e" else name)
        scale = co2e(np.ones(1))[0] if name == "co2e" else 1.0
        column = f"{name}_{unit}_{component}"
        table[column] = scale * spread.mean[:, q]
        for end in ("sd", "low", "high"):
            table[f"{column}_{end}"] = scale * getattr(spread, end)[:, q]


def _total_table(pair: _Pair, parts: dict[str, tuple[Masses, Floats]]) -> pd.DataFrame:
    """Change of each site and stratum, then of all, in t."""
    second = pair.second
    site, stratum = second["site_id"].astype(str), second["stratum"].astype(str)
    keys = sorted(set(zip(site, stratum, strict=True)))
    per_ha = pair.per_ha
    land = bool(second["stratum_area_ha"].notna().all()) and per_ha
    weights = np.zeros((len(keys) + 1, len(pair.plots)))
    for s, (name, part) in enumerate(keys):
        mine = ((site == name) & (stratum == part)).to_numpy()
        measured = second["area_ha"].to_numpy(dtype=float)[mine] if per_ha else 1.0
        weights[s, mine] = second["stratum_area_ha"][mine].max() / mine.sum() if land else measured
    weights[-1] = weights[:-1].sum(axis=0)
    table = pd.DataFrame({"site_id": [*(k[0] for k in keys), "ALL"],
                          "stratum": [*(k[1] for k in keys), ""],
                          "describes": "land" if land else "measured plots"})  # fmt: skip
    for component, (moved, own) in parts.items():
        spread = analytic(moved, pair.layout, weights, own=own, signed=True,
                          level=pair.settings.level, with_area=land)  # fmt: skip
        _add(table, spread, component, "t")
    return table
