"""From the inventory's table to the arrays of `rubbercarbon.pools`: names and equations.

Works on distinct species and rules, never tree by tree, and writes down every choice it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import add_catalogue, carbon_fractions, ladder
from allometry.heights import HeightModel, check_height_model, predict_height
from allometry.names import Match, match_one, thai_name
from allometry.quantities import GROWTH_FORMS
from allometry.selection import Selection, Taxon, select
from rubbercarbon import distinct, inputs, labels
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import RUBBER
from rubbercarbon.config import Settings
from rubbercarbon.height_sample import fit_height_sample
from rubbercarbon.inventory import Inventory
from rubbercarbon.living import Bools, Floats, Ints, Living
from rubbercarbon.pools import TreeArrays, plot_sum
from rubbercarbon.problems import Problems

UNSELECTED = ("jungle", "unselected", "jungle_rubber", "jungle rubber")


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
    frame : pandas.DataFrame
        Living rows of the inventory in computing order.
    density_sd : ndarray
        Standard deviation of each row's wood density [g/cm3].
    height_fits : dict
        Height models fitted to the user's sample, by the name in ``height_source``.
    counts : pandas.DataFrame
        By plot_id: n_trees, n_stems, n_culms, stems_per_ha, basal_area_m2_ha.
    citations : pandas.DataFrame
    unfit : dict
        Row position → reason for rows that are usable but have no equation.
    growth_forms : ndarray of object
        Of each row.
    """

    position: Ints
    arrays: TreeArrays
    plot_ids: list[str]
    biomass_ids: tuple[str, ...]
    root_ids: tuple[str, ...]
    stand_roots: str
    stand_carbon_fraction: float
    columns: dict[str, Any]
    frame: pd.DataFrame
    density_sd: Floats
    height_fits: dict[str, HeightModel]
    counts: pd.DataFrame
    citations: pd.DataFrame
    unfit: dict[int, str]
    growth_forms: NDArray[Any]


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
    if settings.height_model is not None:
        check_height_model(settings.height_model)
    work = Living(inventory, settings, problems)
    matches, code = _match_species(work)
    taxa = [Taxon(m.species, m.genus, m.family, m.growth_form) for m in matches]
    selection = _select(work, taxa, code)
    equation_ids = [rule.equation for rule in selection.rules]
    per_tree = np.array(equation_ids, dtype=object)[selection.rule]
    _list_unfit(work, selection, matches, code)
    _list_unused(selection, problems)
    biomass_ids = tuple(sorted({e for e in per_tree if e}))
    number = inputs.numbers_of(per_tree, biomass_ids)
    fits = fit_height_sample(settings, inventory.plots, problems, assumptions)
    heights = inputs.heights(work, matches, code, number, biomass_ids, assumptions, fits)
    densities = inputs.densities(work, matches, code, number, biomass_ids, assumptions)
    number = inputs.drop_without_input(work, number, biomass_ids, heights, densities)
    root_ids, roots, stand_roots = inputs.roots(work, selection, number, assumptions)
    size, share = inputs.sizes(work, number, biomass_ids, heights, assumptions)
    offsets, plot_ids = _offsets(work)
    herb = np.array([rule.pool == "herb" for rule in selection.rules], dtype=np.bool_)[
        selection.rule
    ]
    fractions = inputs.fractions(work, matches, code, assumptions)
    expansion = inputs.expansion(work, number)
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
        expansion=expansion,
        represents=inputs.represents(work, expansion),
        carbon_fraction=fractions,
        herb=herb & (number >= 0),
    )
    columns = labels.columns(
        work, matches, code, selection, number, biomass_ids, heights, densities
    )
    labels.assume_equations(selection, number, biomass_ids, root_ids, assumptions)
    return Prepared(
        position=work.position,
        arrays=arrays,
        plot_ids=plot_ids,
        biomass_ids=biomass_ids,
        root_ids=root_ids,
        stand_roots=stand_roots,
        stand_carbon_fraction=settings.carbon_fraction or carbon_fractions()["ipcc_default"].value,
        columns=columns,
        frame=work.frame,
        density_sd=densities.sd,
        height_fits=fits,
        counts=labels.counts(work, matches, code, arrays, plot_ids),
        citations=labels.citations(number, biomass_ids, roots, root_ids, stand_roots, heights),
        unfit=work.unfit,
        growth_forms=np.array([m.growth_form for m in matches] or [""], dtype=object)[code],
    )


def _match_species(work: Living) -> tuple[list[Match], Ints]:
    """Distinct (name, growth form) pairs matched once; doubtful and unknown ones listed."""
    name_codes, names = distinct.coded(work.frame["species"])
    form_codes, forms = distinct.coded(work.frame["growth_form"].str.lower())
    both = name_codes * len(forms) + form_codes
    seen, place = np.unique(both, return_inverse=True)
    found_pairs = [(names[k // len(forms)], forms[k % len(forms)]) for k in seen]
    pairs = sorted(set(found_pairs))
    number = {pair: i for i, pair in enumerate(pairs)}
    code = np.array([number[pair] for pair in found_pairs], dtype=np.int64)[place]
    matches = []
    for i, (name, form) in enumerate(pairs):
        found = match_one(name)
        rows = np.flatnonzero(code == i)
        if form and form not in GROWTH_FORMS:
            for index in rows:
                work.report(
                    "growth_form_unknown",
                    int(index),
                    "growth_form",
                    value=form,
                    allowed=", ".join(GROWTH_FORMS),
                )
        elif form:
            found = Match(
                found.name,
                found.species,
                found.kind,
                found.score,
                found.genus,
                found.family,
                form,
                found.candidates,
            )
        _report_match(work, found, rows)
        matches.append(found)
    return matches, code


def _report_match(work: Living, found: Match, rows: Ints) -> None:
    codes = {
        "fuzzy": "species_fuzzy",
        "genus": "species_genus",
        "thai_unverified": "species_thai_unverified",
        "none": "species_unknown",
    }
    if found.kind not in codes:
        return
    if found.kind != "none" or found.growth_form:
        work.report(
            codes[found.kind],
            int(rows[0]),
            "species",
            value=found.name,
            found=found.species,
            count=len(rows),
            candidates=_candidates(found),
            severity="warning",
        )
        return
    for index in rows:
        work.report(
            "species_unknown",
            int(index),
            "species",
            value=found.name,
            count=1,
            candidates=_candidates(found),
        )
        work.unfit[int(work.position[index])] = "species_unknown"


def _candidates(found: Match) -> str:
    named = [(name, thai_name(name)) for name in found.candidates]
    return ", ".join(f"{name} ({thai})" if thai else name for name, thai in named) or "-"


def _select(work: Living, taxa: list[Taxon], code: Ints) -> Selection:
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


def _short_stand(work: Living, rubber: Bools) -> Bools:
    """Plots whose measured rubber heights average under the ladder's share of the model."""
    if "short_stand" in work.frame:  # found out over the whole plot by `rubbercarbon.batch_table`
        return np.asarray(rubber & work.frame["short_stand"].to_numpy(dtype=np.bool_))
    rule = ladder()["short_stand"]
    measured = rubber & ~np.isnan(work.height)
    if not measured.any():
        return measured
    ratio = np.full(len(work.dbh), np.nan)
    ratio[measured] = work.height[measured] / predict_height(rule["model"], dbh=work.dbh[measured])
    offsets, _ = _offsets(work)
    count = plot_sum((~np.isnan(ratio)).astype(np.float64), offsets)
    with np.errstate(invalid="ignore"):
        short = plot_sum(ratio, offsets) / count < rule["ratio"]
    return np.repeat(short, np.diff(offsets))


def _list_unfit(work: Living, selection: Selection, matches: list[Match], code: Ints) -> None:
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


def _list_unused(selection: Selection, problems: Problems) -> None:
    """Equations that the user named for plants that the inventory does not hold."""
    used = set(selection.rule.tolist())
    for number, rule in enumerate(selection.rules):
        if rule.id.startswith("user: ") and number not in used:
            problems.add(
                "setting_unused", column="equations", value=rule.id.removeprefix("user: "),
                equation=rule.equation,
            )  # fmt: skip


def _offsets(work: Living) -> tuple[Ints, list[str]]:
    """Plots with their runs of stems; plots without stems have empty runs."""
    plot_ids = sorted(set(work.inventory.plots["plot_id"]) | set(work.frame["plot_id"]))
    counts = work.frame.groupby("plot_id").size().reindex(plot_ids, fill_value=0)
    return np.concatenate([[0], np.cumsum(counts.to_numpy())]).astype(np.int64), plot_ids
