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
    require_ids,
    rows_of,
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
from rubbercarbon.uncertainty import Masses, analytic

COMPONENTS = ("growth", "mortality", "ingrowth", "net")
STOCKS = ("agb", "bgb", "carbon", "co2e")


@dataclass
class Change:
    """Result of `compare_inventories`.

    Attributes
    ----------
    trees : pandas.DataFrame
        One row per tree of either census: fate and masses at both dates.
    plots : pandas.DataFrame
        One row per plot in both censuses: stocks and components with sd, low, high; t/ha where the
        area is known, else t.
    total : pandas.DataFrame
        One row per site and stratum, last row ``ALL`` [t].
    assumptions : pandas.DataFrame
    run : dict
    found_problems : Problems
    """

    trees: pd.DataFrame
    plots: pd.DataFrame
    total: pd.DataFrame
    assumptions: pd.DataFrame
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
        When the censuses have no plot in common, or rows have no tree ids.

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
    computed = (compute(first, chosen, census="1"), compute(second, chosen, census="2"))
    problems = Problems()
    problems.items = [
        *computed[0].stocks.found_problems.items, *computed[1].stocks.found_problems.items
    ]  # fmt: skip
    plots = common_plots(computed, problems)
    rows = [rows_of(census, plots) for census in computed]
    trees = match(rows, (first, second), computed, problems)
    masses, layout = _joined(computed, rows, plots)
    table = _plot_table(computed, rows, trees, plots, masses, layout, chosen)
    total = _total_table(computed, rows, trees, plots, masses, layout, chosen)
    assumptions = pd.concat(
        [census.stocks.assumptions for census in computed], ignore_index=True
    ).drop_duplicates(["topic", "assumption", "value"])
    digests = {f"{k}: {name}": digest for k, inventory in enumerate((first, second), 1)
               for name, digest in inventory.digests.items()}  # fmt: skip
    return Change(
        trees=trees,
        plots=table,
        total=total,
        assumptions=assumptions.reset_index(drop=True),
        run=run_record(computed[0].stocks.run["settings"], digests, first.reading),
        found_problems=problems,
    )


def _joined(
    computed: tuple[Computed, Computed], rows: list[Rows], plots: list[str]
) -> tuple[Masses, Layout]:
    """Both censuses as one set of rows (first, then second, plot by plot) with common errors."""
    order = np.lexsort(
        (np.repeat([0, 1], [len(r.index) for r in rows]), np.concatenate([r.plot for r in rows]))
    )
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


def _component(
    computed: tuple[Computed, Computed],
    rows: list[Rows],
    trees: pd.DataFrame,
    masses: Masses,
    fates: tuple[str, ...],
    settings: Settings,
) -> tuple[Masses, Floats]:
    """Signed masses of the trees of some fates, and the variance of their own errors by plot."""
    fate = trees.set_index(["plot_id", "tree_id"])["fate"]
    order = np.lexsort(
        (np.repeat([0, 1], [len(r.index) for r in rows]), np.concatenate([r.plot for r in rows]))
    )
    signed: dict[str, Floats] = {}
    scale = _scale(computed, rows)
    keep = [fate.reindex(r.tree).isin(fates).to_numpy() for r in rows]
    for name in QUANTITIES:
        both = [
            sign * np.where(k, getattr(census.masses, name)[r.index] * per, 0.0)
            for sign, census, r, k, per in zip(
                (-1.0, 1.0), computed, rows, keep, scale, strict=True
            )
        ]
        signed[name] = np.concatenate(both)[order]
    component = Masses(
        offsets=masses.offsets, agb=signed["agb"], bgb=signed["bgb"], carbon=signed["carbon"],
        herb=signed["herb"], plot=masses.plot, area_cv=masses.area_cv,
    )  # fmt: skip
    own = np.zeros((len(masses.plot), len(QUANTITIES)))
    for q, name in enumerate(QUANTITIES):
        own[:, q] = _own_variance(computed, rows, keep, name, len(masses.plot), settings)
    return component, own


def _areas_known(computed: tuple[Computed, Computed], plots: list[str]) -> bool:
    """Whether figures are per hectare: every plot has an area in both censuses."""
    return all(
        census.stocks.plots.set_index("plot_id")["area_ha"].loc[plots].notna().all()
        for census in computed
    )


def _scale(computed: tuple[Computed, Computed], rows: list[Rows]) -> list[Floats]:
    """What turns masses into t/ha, or into t where some plot has no area."""
    names = sorted(set(rows[0].tree.get_level_values(0)) | set(rows[1].tree.get_level_values(0)))
    if _areas_known(computed, names):
        return [np.ones(len(mine.index)) for mine in rows]
    return [
        census.stocks.plots.set_index("plot_id")["area_ha"]
        .fillna(1.0)
        .loc[mine.tree.get_level_values(0)]
        .to_numpy(dtype=np.float64)
        for census, mine in zip(computed, rows, strict=True)
    ]


def _own_variance(
    computed: tuple[Computed, Computed],
    rows: list[Rows],
    keep: list[Any],
    name: str,
    n_plots: int,
    settings: Settings,
) -> Floats:
    """Var = sum of (y2 - y1)² of what persists and (y1² + y2²) of the readings, tree by tree.

    Each is a mean-one lognormal times the errors that trees share.
    """
    frames = []
    scales = _scale(computed, rows)
    for number, (census, mine, kept, per) in enumerate(
        zip(computed, rows, keep, scales, strict=True), 1
    ):
        lasting, reading = _own_parts(census.layout, settings)
        y = np.where(kept, getattr(census.masses, name)[mine.index] * per, 0.0)
        shared = np.exp(0.5 * shared_variance(census.layout)[mine.index])
        count = np.maximum(census.prepared.arrays.count[mine.index], 1.0)
        moved = y * shared
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
    return np.bincount(plot, variance, minlength=n_plots).astype(np.float64)


def _own_parts(layout: Layout, settings: Settings) -> tuple[Floats, Floats]:
    """Variance of ln of each row that lasts with the tree, and that of the readings."""
    lasting, reading = np.zeros(len(layout.x)), np.zeros(len(layout.x))
    for name, part in layout.own_share.items():
        target = reading if settings.errors.term(name).level == "reading" else lasting
        target += part
    return lasting, reading


FATES = {
    "growth": (SURVIVOR,), "mortality": (DEAD,), "ingrowth": (NEW,), "net": (SURVIVOR, DEAD, NEW),
}  # fmt: skip


def _plot_table(
    computed: tuple[Computed, Computed],
    rows: list[Rows],
    trees: pd.DataFrame,
    plots: list[str],
    masses: Masses,
    layout: Layout,
    settings: Settings,
) -> pd.DataFrame:
    """Stocks of both dates and components of the change, per plot."""
    second = computed[1].stocks.plots.set_index("plot_id").loc[plots]
    table = pd.DataFrame({"plot_id": plots, "site_id": second["site_id"].to_numpy(),
                          "stratum": second["stratum"].to_numpy(),
                          "area_ha": second["area_ha"].to_numpy()})  # fmt: skip
    counts = pd.crosstab(trees["plot_id"], trees["fate"])
    for fate, name in ((SURVIVOR, "n_survivors"), (DEAD, "n_dead"), (NEW, "n_ingrowth"),
                       (APART, "n_not_comparable")):  # fmt: skip
        known = counts[fate] if fate in counts else pd.Series(0, index=counts.index)
        table[name] = table["plot_id"].map(known).fillna(0).astype(int)
    unit = "t_ha" if _areas_known(computed, plots) else "t"
    for component in COMPONENTS:
        moved, own = _component(computed, rows, trees, masses, FATES[component], settings)
        spread = analytic(moved, layout, own=own, signed=True, level=settings.level,
                          with_area=unit == "t_ha")  # fmt: skip
        _add(table, spread, component, unit)
    return table


def _add(table: pd.DataFrame, spread: Spread, component: str, unit: str) -> None:
    for name in STOCKS:
        q = QUANTITIES.index("carbon" if name == "co2e" else name)
        scale = co2e(np.ones(1))[0] if name == "co2e" else 1.0
        column = f"{name}_{unit}_{component}"
        table[column] = scale * spread.mean[:, q]
        for end in ("sd", "low", "high"):
            table[f"{column}_{end}"] = scale * getattr(spread, end)[:, q]


def _total_table(
    computed: tuple[Computed, Computed],
    rows: list[Rows],
    trees: pd.DataFrame,
    plots: list[str],
    masses: Masses,
    layout: Layout,
    settings: Settings,
) -> pd.DataFrame:
    """Change of each site and stratum, then of all, in t."""
    second = computed[1].stocks.plots.set_index("plot_id").loc[plots].reset_index()
    site, stratum = second["site_id"].astype(str), second["stratum"].astype(str)
    keys = sorted(set(zip(site, stratum, strict=True)))
    per_ha = _areas_known(computed, plots)
    land = bool(second["stratum_area_ha"].notna().all()) and per_ha
    weights = np.zeros((len(keys) + 1, len(plots)))
    for s, (name, part) in enumerate(keys):
        mine = ((site == name) & (stratum == part)).to_numpy()
        measured = second["area_ha"].to_numpy(dtype=float)[mine] if per_ha else 1.0
        weights[s, mine] = second["stratum_area_ha"][mine].max() / mine.sum() if land else measured
    weights[-1] = weights[:-1].sum(axis=0)
    table = pd.DataFrame({"site_id": [*(k[0] for k in keys), "ALL"],
                          "stratum": [*(k[1] for k in keys), ""],
                          "describes": "land" if land else "measured plots"})  # fmt: skip
    for component in COMPONENTS:
        moved, own = _component(computed, rows, trees, masses, FATES[component], settings)
        spread = analytic(moved, layout, weights, own=own, signed=True, level=settings.level,
                          with_area=land)  # fmt: skip
        _add(table, spread, component, "t")
    return table
