"""What each stem was taken for and why: output columns, flags, counts, citations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation
from allometry.names import Match
from allometry.selection import Selection, in_range
from rubbercarbon.assumptions import Assumptions
from rubbercarbon.height_sample import POOLED
from rubbercarbon.inputs import Values
from rubbercarbon.living import Bools, Ints, Living
from rubbercarbon.pools import TreeArrays, plot_sum
from rubbercarbon.thresholds import threshold

BREAST_HEIGHT_M = 1.3
POM_TOLERANCE_M = threshold("tape_mismatch")
HERBS = ("bamboo", "banana")
NOT_IN_BASAL_AREA = (*HERBS, "coffee", "cacao", "tea", "shrub", "rattan", "acaulescent_palm")


def columns(
    work: Living,
    matches: list[Match],
    code: Ints,
    selection: Selection,
    number: Ints,
    ids: tuple[str, ...],
    heights: Values,
    densities: Values,
) -> dict[str, Any]:
    """Output columns that say what each tree was taken for."""
    grades = [get_equation(equation_id).grade for equation_id in ids]
    why = np.array([rule.why for rule in selection.rules], dtype=object)
    return {
        "species": np.array([m.species for m in matches] or [""], dtype=object)[code],
        "growth_form": np.array([m.growth_form for m in matches] or [""], dtype=object)[code],
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
    work: Living,
    matches: list[Match],
    code: Ints,
    selection: Selection,
    number: Ints,
    ids: tuple[str, ...],
    heights: Values,
    densities: Values,
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
    names = (
        "outside_range",
        "range_unknown",
        "outside_evaluated_span",
        "pom_mismatch",
        "grade_C",
        "clamped",
    )
    flags |= {name: np.zeros(len(number), dtype=np.bool_) for name in names}
    for i, equation_id in enumerate(ids):
        record, mine = get_equation(equation_id), number == i
        outside = mine & ~in_range(record, sizes)
        unknown = record.range.kind == "unknown"
        flags["range_unknown"] |= mine & unknown
        flags["outside_evaluated_span" if unknown else "outside_range"] |= outside
        if record.pom_m is not None:
            flags["pom_mismatch"] |= mine & (np.abs(pom - record.pom_m) > POM_TOLERANCE_M)
            assumed = np.isnan(pom) & (abs(record.pom_m - BREAST_HEIGHT_M) > POM_TOLERANCE_M)
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


def counts(
    work: Living, matches: list[Match], code: Ints, arrays: TreeArrays, plot_ids: list[str]
) -> pd.DataFrame:
    """Stems, trees, culms and basal area of each plot, over all living rows, in their order."""
    forms = [match.growth_form for match in matches]
    culm = np.array([form in HERBS for form in forms] or [False])[code]
    basal = np.array([form not in NOT_IN_BASAL_AREA for form in forms] or [False])[code]
    count = arrays.count
    first = ~work.frame.duplicated(["plot_id", "tree_id"]).to_numpy()
    area = np.pi / 4.0 * (work.dbh / 100.0) ** 2
    columns = {
        "n_trees": np.where(culm, 0.0, np.where(first, count, 0.0)),
        "n_stems": np.where(culm, 0.0, count),
        "n_culms": np.where(culm, count, 0.0),
        "stems_per_ha": np.where(culm, 0.0, count * arrays.expansion),
        "basal_area_m2_ha": np.where(basal, area * count * arrays.expansion, 0.0),
    }
    sums = pd.DataFrame(
        {name: plot_sum(values, arrays.offsets) for name, values in columns.items()},
        index=plot_ids,
    )
    return sums.astype({"n_trees": int, "n_stems": int, "n_culms": int})


def assume_equations(
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
        assumptions.add(
            "equation",
            f"{rule.equation}: {rule.why}",
            rule.id,
            applies_to=f"{count} rows",
            source=record.source.citation,
            grade=record.grade,
        )
    for i, equation_id in enumerate(ids):
        count = int((number == i).sum())
        if count:
            assumptions.add_equation(equation_id, count)
    if "hytonen_2018_stump_root" in root_ids:
        assumptions.add(
            "stump",
            "rubber's stump is in the below-ground pool: its above-ground "
            "equation starts above the stump",
            "bgb",
            source=get_equation("hytonen_2018").source.citation,
            grade="B",
        )
    assumptions.add(
        "dead trees",
        "dead, cut and missing trees are counted in the problems list and not in any living stock",
        "excluded",
        source="rule of this library",
    )


def citations(
    number: Ints,
    ids: tuple[str, ...],
    roots: Ints,
    root_ids: tuple[str, ...],
    stand_roots: str,
    heights: Values,
) -> pd.DataFrame:
    """Every equation used, with its publication and where its numbers were seen."""
    used = [(name, int((number == i).sum())) for i, name in enumerate(ids)]
    used += [(name, int((roots == i).sum())) for i, name in enumerate(root_ids)]
    used += [(stand_roots, len(number))] if stand_roots else []
    used += [(name, n) for name, n in heights.models.items() if not name.startswith(POOLED)]
    rows = []
    for name, count in used:
        record = get_equation(name)
        rows += [
            {
                "id": member.id,
                "predicts": member.predicts,
                "n_rows": count,
                "grade": member.grade,
                "citation": member.source.citation,
                "doi": member.source.doi,
                "where": member.where,
                "seen": member.source.seen,
            }
            for member in (record, *map(get_equation, record.members))
        ]
    columns = ["id", "predicts", "n_rows", "grade", "citation", "doi", "where", "seen"]
    return pd.DataFrame(rows, columns=columns)
