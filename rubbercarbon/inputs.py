"""Inputs of the equations for each living stem: height, density, size, roots, area, carbon share.

Works on distinct species and equations, never tree by tree, and writes down every default.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import carbon_fractions, constant, get_equation, ladder
from allometry.density import Density, air_dry_densities, basic_from_air_dry, find_density
from allometry.errors import AllometryError
from allometry.heights import HeightModel, height_model, predict_height
from allometry.names import Match
from allometry.selection import Selection
from rubbercarbon import distinct
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import RUBBER
from rubbercarbon.height_sample import models_of_rows
from rubbercarbon.living import Bools, Floats, Ints, Living

AIR_DRY = ("air_dry_12", "air_dry", "airdry")
BASIC = ("basic", "basic_density")
ESTIMATED = ("estimated", "est", "ประมาณ")

SEVERAL_STEMS = (
    "several stems",
    "stems of a plant are added up, or (coffee, cacao, shrubs) computed from the diameter of equal "
    "basal area",
    "field of the equation",
)


@dataclass(frozen=True)
class Values:
    """An input per tree with the word that says where it came from."""

    value: Floats
    origin: NDArray[Any]
    models: dict[str, int]
    sd: Floats = field(default_factory=lambda: np.zeros(0))


def _inputs(equation_id: str) -> tuple[str, ...]:
    return get_equation(equation_id).inputs


def uses(name: str, ids: tuple[str, ...], number: Ints) -> Bools:
    """Whether each tree's equation takes an input."""
    takes = np.array([name in _inputs(equation_id) for equation_id in ids] or [False])
    return np.where(number >= 0, takes[np.maximum(number, 0)], False)


def numbers_of(ids: NDArray[Any], known: tuple[str, ...]) -> Ints:
    """Position of each id in a tuple of ids; -1 for the empty id."""
    place = {equation_id: i for i, equation_id in enumerate(known)}
    codes, seen = pd.factorize(ids)
    return np.array([*(place.get(name, -1) for name in seen), -1], dtype=np.int64)[codes]


def heights(
    work: Living,
    matches: list[Match],
    code: Ints,
    number: Ints,
    ids: tuple[str, ...],
    assumptions: Assumptions,
    fits: dict[str, HeightModel] | None = None,
) -> Values:
    """Measured heights; predicted ones for trees whose equation needs one."""
    value = work.height.copy()
    measured = ~np.isnan(value)
    method = work.frame.get("height_method", pd.Series("", index=work.frame.index)).str.lower()
    estimated = method.isin(ESTIMATED).to_numpy()
    origin = np.where(measured, np.where(estimated, "estimated", "measured"), "").astype(object)
    trees = np.array([match.growth_form == "tree" for match in matches] or [False])[code]
    wanted = uses("height", ids, number) & ~measured & trees
    model_of = [work.settings.height_model or height_model(match.species) for match in matches]
    model = np.array(model_of or [""], dtype=object)[code]
    fitted = fits or {}
    by = work.settings.height_by
    model = models_of_rows(fitted, by, _height_groups(work, matches, code, by), model)
    models: dict[str, int] = {}
    for name in sorted(set(model[wanted])):
        mask = wanted & (model == name)
        value[mask] = predict_height(
            fitted.get(name, name), dbh=work.dbh[mask], stress=work.settings.stress
        )
        origin[mask] = name
        models[name] = int(mask.sum())
        if name in fitted:
            assumptions.add(
                "height",
                f"heights predicted by {name}, fitted to the user's sample",
                applies_to=f"{mask.sum()} rows",
                source="user's height sample",
            )
            continue
        record = get_equation(name)
        assumptions.add(
            "height",
            f"heights predicted by {name}",
            applies_to=f"{mask.sum()} rows",
            source=record.source.citation,
            grade=record.grade,
        )
        assumptions.add_equation(name, int(mask.sum()))
    return Values(value, origin, models)


def _height_groups(work: Living, matches: list[Match], code: Ints, by: str) -> NDArray[Any]:
    """What decides which fit of a height sample a row gets."""
    if by == "species":
        names = [match.species or match.name for match in matches]
        return np.array(names or [""], dtype=object)[code]
    if by == "stratum":
        strata = work.inventory.plots.set_index("plot_id")["stratum"]
        known = {str(plot): str(stratum) for plot, stratum in strata.fillna("").items()}
        return distinct.mapped(work.frame["plot_id"], lambda plot: known.get(plot, ""))
    return distinct.texts(work.frame["plot_id"])


def densities(
    work: Living,
    matches: list[Match],
    code: Ints,
    number: Ints,
    ids: tuple[str, ...],
    assumptions: Assumptions,
) -> Values:
    """Density as given (air-dry converted), else from the table by species, genus, family."""
    given = work.numbers("wood_density_g_cm3")
    own = ~np.isnan(given)
    basis = work.frame.get("wood_density_basis", pd.Series("", index=work.frame.index))
    air_dry = own & basis.str.lower().isin(AIR_DRY).to_numpy()
    unknown = own & ~basis.str.strip().str.lower().isin((*AIR_DRY, *BASIC, "")).to_numpy()
    for index in np.flatnonzero(unknown):
        work.report(
            "basis_unknown", int(index), "wood_density_basis", value=basis.iloc[index],
            allowed=", ".join(("basic", *AIR_DRY)),
        )  # fmt: skip
    if air_dry.any():
        factor = basic_from_air_dry(1.0)
        assumptions.add(
            "wood density",
            "air-dry figures turned into basic density",
            factor,
            unit="factor",
            applies_to=f"{air_dry.sum()} rows",
            source="Vieilledent et al. 2018, doi 10.1002/ajb2.1175",
            grade="A",
        )
    found = [find_density(match.species, match.genus, match.family) for match in matches]
    table = np.array([density.value for density in found] or [np.nan])[code]
    level = np.array([density.level for density in found] or [""], dtype=object)[code]
    value = np.where(own, np.where(air_dry, given * basic_from_air_dry(1.0), given), table)
    origin = np.where(own, np.where(air_dry, "given_air_dry", "given"), level).astype(object)
    _report_air_dry(work, matches, code, given, own & ~air_dry)
    used = uses("wood_density", ids, number)
    rows = np.bincount(code[used & ~own], minlength=len(matches))
    counts: Counter[tuple[str, Density]] = Counter()
    for match, density, count in zip(matches, found, rows, strict=True):
        counts[match.species or match.name, density] += int(count)
    for (name, density), count in counts.items():
        if count:
            assumptions.add(
                "wood density",
                f"{name}: {density.level} value",
                f"{density.value:.3f} (sd {density.sd:.3f})",
                unit="g/cm3",
                applies_to=f"{count} rows",
                source=density.source,
                grade=density.grade,
            )
    value = np.where(used | own, value, np.nan)
    origin[~(used | own)] = ""
    return Values(value, origin, {}, _density_sd(work, found, code, used, assumptions))


def _density_sd(
    work: Living, found: list[Density], code: Ints, used: Bools, assumptions: Assumptions
) -> Floats:
    """Standard deviation of each density: the user's, the table's, or that of any species."""
    given = work.numbers("wood_density_sd_g_cm3")
    table = np.array([density.sd for density in found] or [np.nan])[code]
    sd = np.where(np.isnan(given), table, given)
    unknown = np.isnan(sd) & used
    if unknown.any():
        anything = find_density("", "", "")
        assumptions.add(
            "wood density",
            "sd unknown: that of the default for any species stands in",
            f"{anything.sd:.3f}",
            unit="g/cm3",
            applies_to=f"{unknown.sum()} rows",
            source=anything.source,
            grade=anything.grade,
        )
        sd = np.where(np.isnan(sd), anything.sd, sd)
    return sd


def _report_air_dry(
    work: Living, matches: list[Match], code: Ints, given: Floats, as_basic: Bools
) -> None:
    """Figures that equal a known air-dry value, and rubber above the alarm."""
    known = air_dry_densities()
    for index in np.flatnonzero(as_basic):
        species = matches[code[index]].species
        same = abs(given[index] - known.get(species, np.inf)) < 1e-9
        if same or (species == RUBBER and given[index] > constant("hevea_density_alarm")):
            work.report(
                "density_air_dry", int(index), "wood_density_g_cm3", value=f"{given[index]:g}"
            )


def drop_without_input(
    work: Living, number: Ints, ids: tuple[str, ...], heights: Values, densities: Values
) -> Ints:
    """Trees whose equation lacks an input are listed and not computed."""
    stress = np.full(len(number), np.nan if work.settings.stress is None else 0.0)
    have = {
        "dbh": work.dbh,
        "height": heights.value,
        "wood_density": densities.value,
        "stress": stress,
        "crown_diameter": work.crown,
        "age": work.age,
    }
    kept = number.copy()
    for name, values in have.items():
        for index in np.flatnonzero(uses(name, ids, number) & np.isnan(values) & (kept >= 0)):
            why = f"equation {ids[number[index]]} needs {name}"
            work.report(
                "not_estimated",
                int(index),
                name,
                why=why,
                value=str(work.frame["species"].iloc[index]),
            )
            work.unfit[int(work.position[index])] = "not_estimated:input_missing"
            kept[index] = -1
    return kept


def roots(
    work: Living, selection: Selection, number: Ints, assumptions: Assumptions
) -> tuple[tuple[str, ...], Ints, str]:
    """Root equation of each tree, and the stand-level one if the user asked for it."""
    used = set(selection.rule[number >= 0].tolist())
    per_rule = [rule.roots if i in used else "" for i, rule in enumerate(selection.rules)]
    asked = work.settings.roots
    if asked is not None:
        record = get_equation(asked)
        if record.predicts != "bgb":
            raise AllometryError(
                f"roots = '{asked}': it predicts {record.predicts}, not bgb; see "
                "`rubbercarbon equations list --predicts bgb`."
            )
        if record.level == "stand":
            assumptions.add(
                "roots",
                f"{asked}: applied to each plot's above-ground biomass in t/ha",
                source=record.source.citation,
                grade=record.grade,
            )
            return (), np.full(len(number), -1, dtype=np.int64), asked
        per_rule = [asked if rule.pool == "tree" else "" for rule in selection.rules]
    per_tree = np.array(per_rule, dtype=object)[selection.rule]
    per_tree[number < 0] = ""
    ids = tuple(sorted({root for root in per_tree if root}))
    for name in ids:
        record, count = get_equation(name), int((per_tree == name).sum())
        assumptions.add(
            "roots",
            f"below-ground biomass by {name}",
            applies_to=f"{count} rows",
            source=record.source.citation,
            grade=record.grade,
        )
        assumptions.add_equation(name, count)
    rootless = (per_tree == "") & (number >= 0)
    if rootless.any():
        assumptions.add(
            "roots",
            "no root equation or ratio was seen for these plants: their roots are not estimated",
            "unknown",
            applies_to=f"{rootless.sum()} rows",
            source="none seen",
        )
    return ids, numbers_of(per_tree, ids), ""


def sizes(
    work: Living, number: Ints, ids: tuple[str, ...], heights: Values, assumptions: Assumptions
) -> tuple[Floats, Floats]:
    """Size variable of each tree's equation, and its share of a multi-stem plant."""
    size, share = work.dbh.copy(), np.ones(len(number))
    by_name = {"height": heights.value, "crown_diameter": work.crown, "age": work.age}
    for i, equation_id in enumerate(ids):
        record, mine = get_equation(equation_id), number == i
        if record.size in by_name:
            size[mine] = by_name[record.size][mine]
        elif record.stems == "equivalent_d":
            _merge_stems(work, mine, size, share)
    stems = work.frame.groupby(["plot_id", "tree_id"])["dbh_cm"].transform("size").to_numpy()
    if (stems > 1).any():
        assumptions.add(
            *SEVERAL_STEMS,
            applies_to=f"{(stems > 1).sum()} rows",
            source="equation records",
        )
    return size, share


def _merge_stems(work: Living, mine: Bools, size: Floats, share: Floats) -> None:
    """Stems of one plant get its equivalent diameter and their share of basal area."""
    frame = work.frame[mine]
    square = frame["dbh_cm"] ** 2
    total = square.groupby([frame["plot_id"], frame["tree_id"]]).transform("sum")
    size[mine] = np.sqrt(total.to_numpy())
    share[mine] = (square / total).to_numpy()


def expansion(work: Living, number: Ints) -> Floats:
    """1 / area of the plot, or of the subplot that measures trees of this size."""
    area = work.inventory.plots.set_index("plot_id")["area_ha"]
    value = 1.0 / work.frame["plot_id"].map(area).to_numpy(dtype=np.float64)
    nested = work.inventory.subplots
    for plot_id, group in nested.groupby("plot_id"):
        mine = (work.frame["plot_id"] == plot_id).to_numpy()
        limits, areas = group["min_dbh_cm"].to_numpy(), group["area_ha"].to_numpy()
        place = np.searchsorted(limits, work.dbh[mine], side="right") - 1
        value[mine] = np.where(place >= 0, 1.0 / areas[np.maximum(place, 0)], 0.0)
        for index in np.flatnonzero(mine)[place < 0]:
            work.report("below_subplot", int(index), "dbh_cm", dbh=f"{work.dbh[index]:.1f}")
            work.unfit[int(work.position[index])] = "below_subplot"
            number[index] = -1
    return np.asarray(value)


def represents(work: Living, expansion: Floats) -> Floats:
    """Stems of the whole plot for each measured one: more than 1 in subplots only."""
    area = work.inventory.plots.set_index("plot_id")["area_ha"]
    plot_id = work.frame["plot_id"]
    nested = plot_id.isin(work.inventory.subplots["plot_id"]).to_numpy()
    whole: Floats = plot_id.map(area).to_numpy(dtype=np.float64)
    return np.asarray(np.where(nested, expansion * whole, 1.0))


def fractions(work: Living, matches: list[Match], code: Ints, assumptions: Assumptions) -> Floats:
    """Carbon over dry mass by growth form, or the user's one figure."""
    if work.settings.carbon_fraction is not None:
        assumptions.add(
            "carbon fraction",
            "one value for all plants, chosen by the user",
            work.settings.carbon_fraction,
            unit="1",
            source="user",
        )
        return np.full(len(code), work.settings.carbon_fraction)
    chosen, records = ladder()["carbon_fractions"], carbon_fractions()
    names = [chosen.get(match.growth_form, chosen["default"]) for match in matches]
    rows = np.bincount(code, minlength=len(names))
    for name in sorted(set(names)):
        record = records[name]
        mine = [n == name and bool(m.growth_form) for n, m in zip(names, matches, strict=True)]
        count = int(rows[mine].sum())
        assumptions.add(
            "carbon fraction",
            f"{name}: carbon over dry biomass",
            record.value,
            unit="1",
            applies_to=f"{count} rows",
            source=record.citation,
            grade=record.grade,
        )
    return np.array([records[name].value for name in names] or [np.nan])[code]
