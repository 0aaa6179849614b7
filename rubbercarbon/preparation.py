"""From the inventory's table to the arrays of `rubbercarbon.pools`: names, equations, inputs.

Works on distinct species and rules, never tree by tree, and writes down every choice it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import add_catalogue, carbon_fractions, get_equation, ladder
from allometry.density import air_dry_densities, basic_from_air_dry, find_density
from allometry.errors import AllometryError
from allometry.heights import height_model, predict_height
from allometry.names import Match, match_one
from allometry.quantities import GROWTH_FORMS
from allometry.selection import Selection, Taxon, in_range, select
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.config import Settings
from rubbercarbon.inventory import Inventory
from rubbercarbon.pools import TreeArrays
from rubbercarbon.problems import Problems

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RUBBER = "Hevea brasiliensis"
UNSELECTED = ("jungle", "unselected", "jungle_rubber", "jungle rubber")
AIR_DRY = ("air_dry_12", "air_dry", "airdry")
BREAST_HEIGHT = 1.3
POM_TOLERANCE = 0.05
HERBS = ("bamboo", "banana")
NOT_IN_BASAL_AREA = (*HERBS, "coffee", "cacao", "tea", "shrub", "rattan", "acaulescent_palm")


@dataclass(frozen=True)
class Prepared:
    """Everything `estimate_stocks` needs, in the order plot, tree, stem.

    Attributes
    ----------
    position : ndarray of int64
        Row of the input table of each computed stem.
    arrays : TreeArrays
    plot_ids : list of str
        Plots in the order of the arrays' offsets.
    biomass_ids, root_ids : tuple of str
        What the equation numbers mean.
    stand_roots : str
        Stand-level root equation, or empty.
    columns : dict
        Output columns by name, one value per computed stem.
    counts : pandas.DataFrame
        By plot_id: n_trees, n_stems, n_culms, stems_per_ha, basal_area_m2_ha.
    citations : pandas.DataFrame
    unfit : dict
        Row position → reason for rows that are usable but have no equation.
    """

    position: Ints
    arrays: TreeArrays
    plot_ids: list[str]
    biomass_ids: tuple[str, ...]
    root_ids: tuple[str, ...]
    stand_roots: str
    stand_carbon_fraction: float
    columns: dict[str, Any]
    counts: pd.DataFrame
    citations: pd.DataFrame
    unfit: dict[int, str]

    def reasons(self, index: pd.Index[Any]) -> pd.Series[str]:
        """Why rows without an equation have none."""
        return pd.Series(self.unfit, dtype=object).reindex(index).fillna("")


class _Work:
    """Living, usable rows in computing order and what is found out about them."""

    def __init__(self, inventory: Inventory, settings: Settings, problems: Problems) -> None:
        self.inventory = inventory
        self.settings = settings
        self.problems = problems
        trees = inventory.trees
        usable = (trees["refused"] == "") & trees["state"].isin(["alive", "unknown"])
        self.frame = trees[usable].sort_values(["plot_id", "tree_id", "stem_id"], kind="stable")
        self.position = self.frame.index.to_numpy(dtype=np.int64)
        self.dbh = self.numbers("dbh_cm")
        self.height = self.numbers("height_m")
        self.crown = self.numbers("crown_diameter_m")
        self.age = self.numbers("age_years")
        self.unfit: dict[int, str] = {}

    def numbers(self, name: str) -> Floats:
        if name not in self.frame:
            return np.full(len(self.frame), np.nan)
        return self.frame[name].to_numpy(dtype=np.float64)

    def report(self, code: str, index: int, column: str, **values: object) -> None:
        """A problem of the stem at an index of the computing order."""
        row = self.frame.iloc[index]
        self.problems.add(code, file=self.inventory.file, row=int(row["row"]), column=column,
                          **values)  # type: ignore[arg-type]  # fmt: skip


def prepare(
    inventory: Inventory, settings: Settings, problems: Problems, assumptions: Assumptions
) -> Prepared:
    """Choose equation, height, density, roots and carbon fraction of every living row.

    Parameters
    ----------
    inventory : Inventory
    settings : Settings
    problems : Problems
        Takes the rows that cannot be estimated.
    assumptions : Assumptions
        Takes every default used.

    Returns
    -------
    Prepared

    Raises
    ------
    AllometryError
        For settings that name equations or folders that cannot be used.
    """
    for folder in settings.catalogues:
        add_catalogue(folder)
    work = _Work(inventory, settings, problems)
    matches, code = _match_species(work)
    taxa = [Taxon(m.species, m.genus, m.family, m.growth_form) for m in matches]
    selection = _select(work, taxa, code)
    equation_ids = [rule.equation for rule in selection.rules]
    per_tree = np.array(equation_ids, dtype=object)[selection.rule]
    _list_unfit(work, selection, matches, code)
    biomass_ids = tuple(sorted({e for e in per_tree if e}))
    number = _numbers_of(per_tree, biomass_ids)
    heights = _heights(work, matches, code, number, biomass_ids, assumptions)
    densities = _densities(work, matches, code, number, biomass_ids, assumptions)
    number = _drop_without_input(work, number, biomass_ids, heights, densities)
    root_ids, roots, stand_roots = _roots(work, selection, number, assumptions)
    size, share = _sizes(work, number, biomass_ids, heights, assumptions)
    offsets, plot_ids = _offsets(work)
    herb = np.array([rule.pool == "herb" for rule in selection.rules], dtype=np.bool_)[selection.rule]
    fractions = _carbon_fractions(work, matches, code, assumptions)
    arrays = TreeArrays(
        offsets=offsets,
        size=size,
        height=heights.value,
        wood_density=densities.value,
        stress=np.full(len(size), np.nan if settings.stress is None else settings.stress),
        equation=number,
        roots=roots,
        count=work.numbers("count"),
        share=share,
        expansion=_expansion(work, number),
        carbon_fraction=fractions,
        herb=herb & (number >= 0),
    )
    columns = _columns(work, matches, code, selection, number, biomass_ids, heights, densities)
    _assume_equations(selection, number, biomass_ids, root_ids, assumptions)
    return Prepared(
        position=work.position,
        arrays=arrays,
        plot_ids=plot_ids,
        biomass_ids=biomass_ids,
        root_ids=root_ids,
        stand_roots=stand_roots,
        stand_carbon_fraction=settings.carbon_fraction or carbon_fractions()["ipcc_default"].value,
        columns=columns,
        counts=_counts(work, matches, code, arrays),
        citations=_citations(number, biomass_ids, roots, root_ids, stand_roots, heights),
        unfit=work.unfit,
    )


# ---- species ---------------------------------------------------------------------------------


def _match_species(work: _Work) -> tuple[list[Match], Ints]:
    """Distinct (name, growth form) pairs matched once; doubtful and unknown ones listed."""
    pairs = list(zip(work.frame["species"], work.frame["growth_form"].str.lower(), strict=True))
    distinct = sorted(set(pairs))
    number = {pair: i for i, pair in enumerate(distinct)}
    code = np.array([number[pair] for pair in pairs], dtype=np.int64)
    matches = []
    for i, (name, form) in enumerate(distinct):
        found = match_one(name)
        rows = np.flatnonzero(code == i)
        if form and form not in GROWTH_FORMS:
            for index in rows:
                work.report("growth_form_unknown", int(index), "growth_form", value=form,
                            allowed=", ".join(GROWTH_FORMS))  # fmt: skip
        elif form:
            found = Match(found.name, found.species, found.kind, found.score, found.genus,
                          found.family, form, found.candidates)  # fmt: skip
        _report_match(work, found, rows)
        matches.append(found)
    return matches, code


def _report_match(work: _Work, found: Match, rows: Ints) -> None:
    codes = {
        "fuzzy": "species_fuzzy",
        "genus": "species_genus",
        "thai_unverified": "species_thai_unverified",
        "none": "species_unknown",
    }
    if found.kind not in codes:
        return
    known_form = found.kind == "none" and bool(found.growth_form)
    for index in rows:
        work.report(
            codes[found.kind], int(index), "species", value=found.name, found=found.species,
            candidates=", ".join(found.candidates) or "?",
            severity="warning" if found.kind != "none" or known_form else "error",
        )  # fmt: skip
        if found.kind == "none" and not known_form:
            work.unfit[int(work.position[index])] = "species_unknown"


# ---- equations -------------------------------------------------------------------------------


def _select(work: _Work, taxa: list[Taxon], code: Ints) -> Selection:
    """The ladder, with the conditions that only the inventory knows."""
    rubber = np.array([taxon.species == RUBBER for taxon in taxa], dtype=np.bool_)[code]
    systems = work.inventory.plots.set_index("plot_id")["system"].str.lower()
    system = work.frame["plot_id"].map(systems).fillna("")
    conditions = {
        "height_measured": ~np.isnan(work.height),
        "crown_measured": ~np.isnan(work.crown),
        "unselected": system.isin(UNSELECTED).to_numpy(),
        "short_stand": _short_stand(work, rubber),
    }
    sizes = {"dbh": work.dbh, "height": work.height, "crown_diameter": work.crown}
    return select(taxa, code, sizes, conditions, work.settings.equations)


def _short_stand(work: _Work, rubber: Bools) -> Bools:
    """Plots whose measured rubber heights average under the ladder's share of the model."""
    rule = ladder()["short_stand"]
    measured = rubber & ~np.isnan(work.height)
    if not measured.any():
        return measured
    ratio = np.full(len(work.dbh), np.nan)
    ratio[measured] = work.height[measured] / predict_height(rule["model"], dbh=work.dbh[measured])
    mean = pd.Series(ratio).groupby(work.frame["plot_id"].to_numpy()).transform("mean")
    return (mean < rule["ratio"]).to_numpy()


def _list_unfit(work: _Work, selection: Selection, matches: list[Match], code: Ints) -> None:
    """Rows whose rule has no equation, each with the reason."""
    for number in np.unique(selection.rule):
        rule = selection.rules[number]
        if rule.equation:
            continue
        for index in np.flatnonzero(selection.rule == number):
            position = int(work.position[index])
            if position in work.unfit:
                continue
            name = matches[code[index]].species or str(work.frame["species"].iloc[index])
            work.report("not_estimated", int(index), "species", value=name, why=rule.why)
            work.unfit[position] = f"not_estimated:{rule.id}"


def _numbers_of(ids: NDArray[Any], known: tuple[str, ...]) -> Ints:
    """Position of each id in a tuple of ids; -1 for the empty id."""
    place = {equation_id: i for i, equation_id in enumerate(known)}
    return np.array([place.get(equation_id, -1) for equation_id in ids], dtype=np.int64)


def _uses(name: str, ids: tuple[str, ...], number: Ints) -> Bools:
    """Whether each tree's equation takes an input."""
    takes = np.array([name in _inputs(equation_id) for equation_id in ids] or [False])
    return np.where(number >= 0, takes[np.maximum(number, 0)], False)


def _inputs(equation_id: str) -> tuple[str, ...]:
    return get_equation(equation_id).inputs


# ---- heights ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Values:
    """An input per tree with the word that says where it came from."""

    value: Floats
    origin: NDArray[Any]
    models: dict[str, int]


def _heights(
    work: _Work,
    matches: list[Match],
    code: Ints,
    number: Ints,
    ids: tuple[str, ...],
    assumptions: Assumptions,
) -> _Values:
    """Measured heights; predicted ones for trees whose equation needs one."""
    value = work.height.copy()
    measured = ~np.isnan(value)
    method = work.frame.get("height_method", pd.Series("", index=work.frame.index)).str.lower()
    estimated = method.isin(["estimated", "est", "ประมาณ"]).to_numpy()
    origin = np.where(measured, np.where(estimated, "estimated", "measured"), "").astype(object)
    trees = np.array([match.growth_form == "tree" for match in matches] or [False])[code]
    wanted = _uses("height", ids, number) & ~measured & trees
    model_of = [work.settings.height_model or height_model(match.species) for match in matches]
    model = np.array(model_of or [""], dtype=object)[code]
    models: dict[str, int] = {}
    for name in sorted(set(model[wanted])):
        mask = wanted & (model == name)
        value[mask] = predict_height(name, dbh=work.dbh[mask], stress=work.settings.stress)
        origin[mask] = name
        models[name] = int(mask.sum())
        record = get_equation(name)
        assumptions.add("height", f"heights predicted by {name}", applies_to=f"{mask.sum()} rows",
                        source=record.source.citation, grade=record.grade)  # fmt: skip
        assumptions.add_equation(name, int(mask.sum()))
    return _Values(value, origin, models)


# ---- wood density ----------------------------------------------------------------------------


def _densities(
    work: _Work,
    matches: list[Match],
    code: Ints,
    number: Ints,
    ids: tuple[str, ...],
    assumptions: Assumptions,
) -> _Values:
    """Density as given (air-dry converted), else from the table by species, genus, family."""
    given = work.numbers("wood_density_g_cm3")
    own = ~np.isnan(given)
    basis = work.frame.get("wood_density_basis", pd.Series("", index=work.frame.index))
    air_dry = own & basis.str.lower().isin(AIR_DRY).to_numpy()
    if air_dry.any():
        factor = basic_from_air_dry(1.0)
        assumptions.add("wood density", "air-dry figures turned into basic density", factor,
                        unit="factor", applies_to=f"{air_dry.sum()} rows",
                        source="Vieilledent et al. 2018, doi 10.1002/ajb2.1175", grade="A")  # fmt: skip
    found = [find_density(match.species, match.genus, match.family) for match in matches]
    table = np.array([density.value for density in found] or [np.nan])[code]
    level = np.array([density.level for density in found] or [""], dtype=object)[code]
    value = np.where(own, np.where(air_dry, given * basic_from_air_dry(1.0), given), table)
    origin = np.where(own, np.where(air_dry, "given_air_dry", "given"), level).astype(object)
    _report_air_dry(work, matches, code, given, own & ~air_dry)
    used = _uses("wood_density", ids, number)
    for match, density in zip(matches, found, strict=True):
        mask = used & ~own & (code == matches.index(match))
        if mask.any():
            assumptions.add("wood density", f"{match.species or match.name}: {density.level} value",
                            f"{density.value:.3f} (sd {density.sd:.3f})", unit="g/cm3",
                            applies_to=f"{mask.sum()} rows", source=density.source,
                            grade=density.grade)  # fmt: skip
    value = np.where(used | own, value, np.nan)
    origin[~(used | own)] = ""
    return _Values(value, origin, {})


def _report_air_dry(
    work: _Work, matches: list[Match], code: Ints, given: Floats, as_basic: Bools
) -> None:
    """Figures that equal a known air-dry value, and rubber above the alarm."""
    from allometry.catalogue.loader import constant  # noqa: PLC0415

    known = air_dry_densities()
    for index in np.flatnonzero(as_basic):
        species = matches[code[index]].species
        same = abs(given[index] - known.get(species, np.inf)) < 1e-9
        if same or (species == RUBBER and given[index] > constant("hevea_density_alarm")):
            work.report("density_air_dry", int(index), "wood_density_g_cm3",
                        value=f"{given[index]:g}")  # fmt: skip


# ---- sizes, roots, areas ---------------------------------------------------------------------


def _drop_without_input(
    work: _Work, number: Ints, ids: tuple[str, ...], heights: _Values, densities: _Values
) -> Ints:
    """Trees whose equation lacks an input are listed and not computed."""
    stress = np.full(len(number), np.nan if work.settings.stress is None else 0.0)
    have = {
        "dbh": work.dbh, "height": heights.value, "wood_density": densities.value,
        "stress": stress, "crown_diameter": work.crown, "age": work.age,
    }  # fmt: skip
    kept = number.copy()
    for name, values in have.items():
        for index in np.flatnonzero(_uses(name, ids, number) & np.isnan(values) & (kept >= 0)):
            why = f"equation {ids[number[index]]} needs {name}"
            work.report("not_estimated", int(index), name, why=why,
                        value=str(work.frame["species"].iloc[index]))  # fmt: skip
            work.unfit[int(work.position[index])] = "not_estimated:input_missing"
            kept[index] = -1
    return kept


def _roots(
    work: _Work, selection: Selection, number: Ints, assumptions: Assumptions
) -> tuple[tuple[str, ...], Ints, str]:
    """Root equation of each tree, and the stand-level one if the user asked for it."""
    used = set(selection.rule[number >= 0].tolist())
    per_rule = [rule.roots if i in used else "" for i, rule in enumerate(selection.rules)]
    asked = work.settings.roots
    if asked is not None:
        record = get_equation(asked)
        if record.predicts != "bgb":
            raise AllometryError(f"roots = '{asked}': it predicts {record.predicts}, not bgb; see "
                                 "`rubbercarbon equations list --predicts bgb`.")  # fmt: skip
        if record.level == "stand":
            assumptions.add("roots", f"{asked}: applied to each plot's above-ground biomass in t/ha",
                            source=record.source.citation, grade=record.grade)  # fmt: skip
            return (), np.full(len(number), -1, dtype=np.int64), asked
        per_rule = [asked if rule.pool == "tree" else "" for rule in selection.rules]
    per_tree = np.array(per_rule, dtype=object)[selection.rule]
    per_tree[number < 0] = ""
    ids = tuple(sorted({root for root in per_tree if root}))
    for name in ids:
        record, count = get_equation(name), int((per_tree == name).sum())
        assumptions.add("roots", f"below-ground biomass by {name}", applies_to=f"{count} rows",
                        source=record.source.citation, grade=record.grade)  # fmt: skip
        assumptions.add_equation(name, count)
    rootless = (per_tree == "") & (number >= 0)
    if rootless.any():
        assumptions.add("roots", "no root equation or ratio was seen for these plants: their roots "
                        "are not estimated", "unknown", applies_to=f"{rootless.sum()} rows",
                        source="none seen")  # fmt: skip
    return ids, _numbers_of(per_tree, ids), ""


def _sizes(
    work: _Work, number: Ints, ids: tuple[str, ...], heights: _Values, assumptions: Assumptions
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
        assumptions.add("several stems", "stems of a plant are added up, or (coffee, cacao, shrubs) "
                        "computed from the diameter of equal basal area", "field of the equation",
                        applies_to=f"{(stems > 1).sum()} rows", source="equation records")  # fmt: skip
    return size, share


def _merge_stems(work: _Work, mine: Bools, size: Floats, share: Floats) -> None:
    """Stems of one plant get its equivalent diameter and their share of basal area."""
    frame = work.frame[mine]
    square = frame["dbh_cm"] ** 2
    total = square.groupby([frame["plot_id"], frame["tree_id"]]).transform("sum")
    size[mine] = np.sqrt(total.to_numpy())
    share[mine] = (square / total).to_numpy()


def _offsets(work: _Work) -> tuple[Ints, list[str]]:
    """Plots with their runs of stems; plots without stems have empty runs."""
    plot_ids = sorted(set(work.inventory.plots["plot_id"]) | set(work.frame["plot_id"]))
    counts = work.frame.groupby("plot_id").size().reindex(plot_ids, fill_value=0)
    return np.concatenate([[0], np.cumsum(counts.to_numpy())]).astype(np.int64), plot_ids


def _expansion(work: _Work, number: Ints) -> Floats:
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
    return value


def _carbon_fractions(
    work: _Work, matches: list[Match], code: Ints, assumptions: Assumptions
) -> Floats:
    """Carbon over dry mass by growth form, or the user's one figure."""
    if work.settings.carbon_fraction is not None:
        assumptions.add("carbon fraction", "one value for all plants, chosen by the user",
                        work.settings.carbon_fraction, unit="1", source="user")  # fmt: skip
        return np.full(len(code), work.settings.carbon_fraction)
    chosen, records = ladder()["carbon_fractions"], carbon_fractions()
    names = [chosen.get(match.growth_form, chosen["default"]) for match in matches]
    for name in sorted(set(names)):
        record = records[name]
        assumptions.add("carbon fraction", name, record.value, unit="1", source=record.citation,
                        grade=record.grade)  # fmt: skip
    return np.array([records[name].value for name in names] or [np.nan])[code]


# ---- tables ----------------------------------------------------------------------------------


def _columns(
    work: _Work,
    matches: list[Match],
    code: Ints,
    selection: Selection,
    number: Ints,
    ids: tuple[str, ...],
    heights: _Values,
    densities: _Values,
) -> dict[str, Any]:
    """Output columns that say what each tree was taken for."""
    grades = [get_equation(equation_id).grade for equation_id in ids]
    why = np.array([rule.why for rule in selection.rules], dtype=object)
    return {
        "species": np.array([m.species for m in matches] or [""], dtype=object)[code],
        "species_match": np.array([m.kind for m in matches] or [""], dtype=object)[code],
        "height_m": heights.value,
        "height_source": heights.origin,
        "wood_density_g_cm3": densities.value,
        "wood_density_level": densities.origin,
        "equation_id": np.array([*ids, ""], dtype=object)[number],
        "equation_grade": np.array([*grades, ""], dtype=object)[number],
        "selection": why[selection.rule],
        "flags": _flags(work, matches, code, selection, number, ids, heights, densities),
    }


def _flags(
    work: _Work,
    matches: list[Match],
    code: Ints,
    selection: Selection,
    number: Ints,
    ids: tuple[str, ...],
    heights: _Values,
    densities: _Values,
) -> NDArray[Any]:
    """Semicolon-separated flags of each tree."""
    sizes = {"dbh": work.dbh, "height": work.height, "crown_diameter": work.crown, "age": work.age}
    pom = work.numbers("pom_m")
    flags: dict[str, Bools] = {
        "height_predicted": np.isin(heights.origin, list(heights.models)),
        "density_genus": densities.origin == "genus",
        "density_family": densities.origin == "family",
        "density_default": densities.origin == "default",
        "name_fuzzy": np.array([m.kind == "fuzzy" for m in matches] or [False])[code],
    }
    names = ("outside_range", "range_unknown", "outside_evaluated_span", "pom_mismatch", "grade_C",
             "clamped")  # fmt: skip
    flags |= {name: np.zeros(len(number), dtype=np.bool_) for name in names}
    for i, equation_id in enumerate(ids):
        record, mine = get_equation(equation_id), number == i
        outside = mine & ~in_range(record, sizes)
        unknown = record.range.kind == "unknown"
        flags["range_unknown"] |= mine & unknown
        flags["outside_evaluated_span" if unknown else "outside_range"] |= outside
        if record.pom_m is not None:
            flags["pom_mismatch"] |= mine & (np.abs(pom - record.pom_m) > POM_TOLERANCE)
            assumed = np.isnan(pom) & (abs(record.pom_m - BREAST_HEIGHT) > POM_TOLERANCE)
            flags["pom_mismatch"] |= mine & assumed
        flags["grade_C"] |= mine & (record.grade == "C")
        if record.clamp:
            low, high = record.clamp.get(record.size, (-np.inf, np.inf))
            flags["clamped"] |= mine & ((work.dbh < low) | (work.dbh > high))
    for name in sorted({rule.flag for rule in selection.rules if rule.flag}):
        has = np.array([rule.flag == name for rule in selection.rules])
        flags[name] = has[selection.rule]
    return _joined(flags, len(number))


def _joined(flags: dict[str, Bools], count: int) -> NDArray[Any]:
    """Names of the flags that are set, joined once per distinct combination."""
    names = list(flags)
    bits = np.zeros(count, dtype=np.int64)
    for i, name in enumerate(names):
        bits |= flags[name].astype(np.int64) << i
    distinct, place = np.unique(bits, return_inverse=True)
    texts = [";".join(n for i, n in enumerate(names) if value >> i & 1) for value in distinct]
    return np.array(texts or [""], dtype=object)[place]


def _counts(work: _Work, matches: list[Match], code: Ints, arrays: TreeArrays) -> pd.DataFrame:
    """Stems, trees, culms and basal area of each plot, over all living rows."""
    forms = [match.growth_form for match in matches]
    culm = np.array([form in HERBS for form in forms] or [False])[code]
    basal = np.array([form not in NOT_IN_BASAL_AREA for form in forms] or [False])[code]
    plot, count = work.frame["plot_id"].to_numpy(), arrays.count
    first = ~work.frame.duplicated(["plot_id", "tree_id"]).to_numpy()
    area = np.pi / 4.0 * (work.dbh / 100.0) ** 2
    frame = pd.DataFrame(
        {
            "n_trees": np.where(culm, 0.0, np.where(first, count, 0.0)),
            "n_stems": np.where(culm, 0.0, count),
            "n_culms": np.where(culm, count, 0.0),
            "stems_per_ha": np.where(culm, 0.0, count * arrays.expansion),
            "basal_area_m2_ha": np.where(basal, area * count * arrays.expansion, 0.0),
        }
    )
    sums = frame.groupby(plot).sum(min_count=1).reindex(sorted(set(work.inventory.plots["plot_id"]) | set(plot)))
    sums = sums.fillna({name: 0.0 for name in frame.columns})
    return sums.astype({"n_trees": int, "n_stems": int, "n_culms": int})


def _assume_equations(
    selection: Selection,
    number: Ints,
    ids: tuple[str, ...],
    root_ids: tuple[str, ...],
    assumptions: Assumptions,
) -> None:
    """Why each equation was used, and what its record leaves open."""
    for rule_number in np.unique(selection.rule[number >= 0]):
        rule = selection.rules[rule_number]
        count = int(((selection.rule == rule_number) & (number >= 0)).sum())
        record = get_equation(rule.equation)
        assumptions.add("equation", f"{rule.equation}: {rule.why}", rule.id,
                        applies_to=f"{count} rows", source=record.source.citation,
                        grade=record.grade)  # fmt: skip
    for i, equation_id in enumerate(ids):
        count = int((number == i).sum())
        if count:
            assumptions.add_equation(equation_id, count)
    if "hytonen_2018_stump_root" in root_ids:
        assumptions.add("stump", "rubber's stump is in the below-ground pool: its above-ground "
                        "equation starts above the stump", "bgb",
                        source=get_equation("hytonen_2018").source.citation, grade="B")  # fmt: skip
    assumptions.add("dead trees", "dead, cut and missing trees are counted in the problems list and "
                    "not in any living stock", "excluded", source="rule of this library")  # fmt: skip


def _citations(
    number: Ints,
    ids: tuple[str, ...],
    roots: Ints,
    root_ids: tuple[str, ...],
    stand_roots: str,
    heights: _Values,
) -> pd.DataFrame:
    """Every equation used, with its publication and where its numbers were seen."""
    used = [(name, int((number == i).sum())) for i, name in enumerate(ids)]
    used += [(name, int((roots == i).sum())) for i, name in enumerate(root_ids)]
    used += [(stand_roots, len(number))] if stand_roots else []
    used += list(heights.models.items())
    rows = []
    for name, count in used:
        record = get_equation(name)
        for member in [record, *(get_equation(m) for m in record.members)]:
            rows.append({
                "id": member.id, "predicts": member.predicts, "n_rows": count,
                "grade": member.grade, "citation": member.source.citation,
                "doi": member.source.doi, "where": member.where, "seen": member.source.seen,
            })  # fmt: skip
    columns = ["id", "predicts", "n_rows", "grade", "citation", "doi", "where", "seen"]
    return pd.DataFrame(rows, columns=columns)

