"""Rules over tables; each finding is a row of the problems list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from allometry.heights import height_model, predict_height
from allometry.names import match_one
from allometry.quantities import QUANTITIES
from rubbercarbon.check_sheet import EXPECTED_RATIO
from rubbercarbon.thresholds import ends

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems

LARGEST_DBH_CM = QUANTITIES["dbh"].high
ODD_STOCKING = ends("stocking")


def check_diameters(
    trees: pd.DataFrame,
    used: np.ndarray[Any, Any],
    typed: np.ndarray[Any, np.dtype[np.float64]],
    raw: RawTable,
    problems: Problems,
    column: str = "dbh_cm",
) -> None:
    """Diameters that are missing, not positive or absurd refuse their row."""
    dbh = trees["dbh_cm"].to_numpy()
    open_rows = (trees["refused"] == "").to_numpy()
    gone = np.zeros(len(trees), dtype=np.bool_)
    if "state" in trees:
        gone = ~trees["state"].isin(["alive", "unknown"]).to_numpy()
    rules = (
        ("diameter_missing", np.isnan(dbh) & ~gone),
        ("diameter_not_positive", dbh <= 0),
        ("diameter_too_large", dbh > LARGEST_DBH_CM),
    )
    for code, found in rules:
        places = np.flatnonzero(found & open_rows)
        for position in places:
            value = "" if code == "diameter_missing" else f"{typed[position]:g}"
            problems.add(
                code,
                file=raw.file,
                sheet=raw.sheet,
                row=int(trees["row"].iloc[position]),
                column=str(used[position]) or column,
                value=value,
                dbh=f"{dbh[position]:.1f}",
                limit=f"{LARGEST_DBH_CM:g}",
            )
        if len(places):
            trees.loc[places, "refused"] = code


def check_trees(
    trees: pd.DataFrame, raw: RawTable, plots: set[str], plots_given: bool, problems: Problems
) -> None:
    """All other rules over single rows of the tree table; marks refused rows."""
    finder = _Finder(trees, raw, problems)
    plot_id = trees["plot_id"]
    finder.refuse("plot_missing", plot_id == "", "plot_id")
    if plots_given:
        _check_plot_names(finder, plots)
    finder.refuse("species_missing", trees["species"] == "", "species")
    count = trees["count"]
    finder.refuse("count_not_valid", ~((count > 0) & (count % 1 == 0)), "count")
    finder.warn("status_unknown", trees["state"] == "unknown", "status")
    finder.warn("not_alive", ~trees["state"].isin(["alive", "unknown"]), "status")
    trees["height_typed"] = trees.get("height_m", np.nan)
    trees["wood_density_typed"] = trees.get("wood_density_g_cm3", np.nan)
    for name in ("height_m", "wood_density_g_cm3", "crown_diameter_m"):
        if name in trees:
            finder.set_aside(name)
    _check_identity(trees, finder)


def _plot_key(name: str) -> str:
    """What is left of a plot's name without case, blanks, signs, the word plot, zeros in front."""
    digits = "".join(str(int(c)) if c.isdecimal() else c for c in name.casefold())
    plain = re.sub(r"แปลงตัวอย่าง|แปลงที่|แปลง|plot|[\s_\-./]+", "", digits)
    return plain.lstrip("0") or plain


def _check_plot_names(finder: _Finder, plots: set[str]) -> None:
    """Trees of plots that the plots table does not hold, with the plot that was probably meant."""
    trees = finder.trees
    known: dict[str, list[str]] = {}
    for name in plots:
        known.setdefault(_plot_key(name), []).append(name)
    found = ~trees["plot_id"].isin(plots) & (trees["plot_id"] != "") & (trees["refused"] == "")
    for position in np.flatnonzero(found.to_numpy()):
        meant = known.get(_plot_key(str(trees["plot_id"].iloc[position])), [])
        finder.add(
            "plot_unknown", int(position), "plot_id", fix=meant[0] if len(meant) == 1 else ""
        )
    trees.loc[found, "refused"] = "plot_unknown"


class _Finder:
    """Adds problems of one table and marks its rows."""

    def __init__(self, trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
        self.trees = trees
        self.raw = raw
        self.problems = problems
        self.rows = trees["row"].to_numpy()

    def add(self, code: str, position: int, column: str, **values: Any) -> None:
        if "value" not in values:
            values["value"] = self.trees[column].iloc[position]
        self.problems.add(
            code,
            file=self.raw.file,
            sheet=self.raw.sheet,
            row=int(self.rows[position]),
            column=column,
            **values,
        )

    def warn(self, code: str, found: pd.Series[bool], column: str) -> None:
        places = np.flatnonzero(found.to_numpy() & (self.trees["refused"] == "").to_numpy())
        cells = self.trees[column].iloc[places].to_numpy(dtype=object)
        for position, value in zip(places.tolist(), cells, strict=True):
            self.add(code, position, column, value=value)

    def refuse(self, code: str, found: pd.Series[bool], column: str) -> None:
        self.warn(code, found, column)
        self.trees.loc[found & (self.trees["refused"] == ""), "refused"] = code

    def set_aside(self, name: str) -> None:
        """A value outside its plausible range is warned of and not used."""
        quantity = next(q for q in QUANTITIES.values() if q.column == name)
        values = self.trees[name]
        odd = values.notna() & ~values.between(quantity.low, quantity.high)
        if name == "height_m":
            odd &= ~self._tall(values, quantity.high)
        code = {"wood_density_g_cm3": "density_out_of_range"}.get(name, "height_out_of_range")
        for position in np.flatnonzero(odd):
            self.add(
                code,
                int(position),
                name,
                low=quantity.low,
                high=quantity.high,
                value=f"{values.iloc[position]:g}",
            )
        self.trees.loc[odd, name] = np.nan

    def _tall(self, heights: pd.Series[float], limit: float) -> NDArray[np.bool_]:
        """Heights above the limit that the diameter bears out: said, and used."""
        tall = np.zeros(len(heights), dtype=np.bool_)
        for position in np.flatnonzero((heights > limit).to_numpy()):
            dbh = float(self.trees["dbh_cm"].iloc[position])
            species = match_one(str(self.trees["species"].iloc[position])).species
            expected = predict_height(height_model(species), dbh=np.array([dbh]))[0]
            if dbh > 0 and heights.iloc[position] < EXPECTED_RATIO[1] * expected:
                tall[position] = True
                self.add("height_tall", int(position), "height_m", dbh=f"{dbh:.1f}",
                         value=f"{heights.iloc[position]:g}", high=f"{limit:g}")  # fmt: skip
        return tall


def _check_identity(trees: pd.DataFrame, finder: _Finder) -> None:
    """The same stem twice: identical rows are refused, differing ones computed and listed."""
    keys = ["plot_id", "tree_id", "stem_id"]
    compared = [name for name in trees.columns if name not in {"row", "refused"}]
    open_rows = np.flatnonzero((trees["refused"] == "").to_numpy())
    several = trees[keys].iloc[open_rows].duplicated(keep=False).to_numpy()
    usable = trees.iloc[open_rows[several]]
    identical = usable.duplicated(compared, keep="first")
    differing = usable[~identical].duplicated(keys, keep=False)
    first_row = usable.groupby(keys)["row"].transform("first")
    for position in identical.index[identical]:
        finder.add("row_repeated", position, "tree_id", other=int(first_row[position]))
    for position in differing.index[differing]:
        finder.add("id_repeated", position, "tree_id", plot=trees["plot_id"].iloc[position])
    trees.loc[identical.index[identical], "refused"] = "row_repeated"


def check_plots(
    plots: pd.DataFrame, trees: pd.DataFrame, problems: Problems, nested: set[str]
) -> None:
    """Plots without trees or area, and stocking that hints at a wrong area.

    Nested plots are left out of the latter: their stems stand for different areas.
    """
    alive = (trees["refused"] == "") & trees["state"].isin(["alive", "unknown"])
    usable = trees.loc[alive, ["plot_id", "count"]]
    stems = usable.groupby("plot_id")["count"].sum().to_dict()
    with_trees = set(trees["plot_id"])
    for plot in plots.itertuples():
        name, area = str(plot.plot_id), float(plot.area_ha)  # type: ignore[arg-type]
        if name not in with_trees:
            problems.add("plot_empty", column="plot_id", value=name)
        if np.isnan(area):
            problems.add("area_missing", column="area_ha", value=name)
        elif stems.get(name, 0) > 0 and name not in nested:
            stocking = stems[name] / area
            if not ODD_STOCKING[0] <= stocking <= ODD_STOCKING[1]:
                problems.add(
                    "stocking_odd",
                    column="area_ha",
                    value=name,
                    stocking=f"{stocking:.0f}",
                    low=ODD_STOCKING[0],
                    high=ODD_STOCKING[1],
                )


def check_census(trees: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """Of a table with several censuses, the latest is an inventory; the others are refused."""
    if "census" not in trees:
        return
    census = trees["census"].fillna("").astype(str)
    numbers = sorted({text for text in census if text.isdecimal()}, key=int)
    if len(numbers) < 2:
        return
    finder = _Finder(trees, raw, problems)
    earlier = census.isin(numbers[:-1]) & (trees["refused"] == "")
    for position in np.flatnonzero(earlier.to_numpy()):
        finder.add("earlier_census", int(position), "census", latest=numbers[-1])
    trees.loc[earlier, "refused"] = "earlier_census"


YANG = "ยาง"
PARA = "ยางพารา"


def name_yang(trees: pd.DataFrame, plots: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """``ยาง`` alone is rubber or a dipterocarp: its plot decides, or it stays as it is.

    It is rubber where the row names a clone, the plot is called a rubber plot or holds rubber by
    another name, or ``ยาง`` is most of what stands there.
    """
    bare = trees["species"].str.strip() == YANG
    if not bare.any():
        return
    rubber_names = {PARA, "Hevea brasiliensis", "rubber", "karet", "para rubber"}
    is_rubber = trees["species"].str.strip().isin(rubber_names)
    systems = plots.set_index("plot_id")["system"].fillna("").astype(str).str.casefold()
    for plot in trees.loc[bare, "plot_id"].unique():
        mine = bare & (trees["plot_id"] == plot)
        within = trees["plot_id"] == plot
        system = systems.get(plot, "")
        why = ""
        if "clone" in trees and (trees.loc[mine, "clone"] != "").any():
            why = ", ".join(sorted({str(c) for c in trees.loc[mine, "clone"]} - {""}))
        elif any(word in system for word in ("ยาง", "rubber", "karet", "monoculture")):
            why = f"'{system}'"
        elif is_rubber[within].any():
            why = PARA
        elif mine.sum() >= 0.5 * within.sum():
            why = f"{100 * mine.sum() / within.sum():.0f} %"
        if not why:
            continue
        problems.add(
            "species_yang", file=raw.file, sheet=raw.sheet,
            row=int(trees.loc[mine, "row"].iloc[0]), column="species", value=YANG, why=why,
            count=int(mine.sum()), fix=PARA,
        )  # fmt: skip
        trees.loc[mine, "species"] = PARA
