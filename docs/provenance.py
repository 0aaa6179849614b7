"""Pages that say where every figure of the catalogue comes from, made from its files."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from pages import cell, save, table

import allometry
import rubbercarbon
from allometry.catalogue.loader import all_equations
from allometry.catalogue.loader import read_csv as catalogue_rows
from allometry.catalogue.schema import Check, Equation
from allometry.listing import describe
from rubbercarbon import messages
from rubbercarbon.profiles import Fact, Profile, get_profile, programmes

CATALOGUE = Path(allometry.__file__).parent / "catalogue"
PACKAGE = Path(rubbercarbon.__file__).parent
PARAMETERS = PACKAGE / "scenarios" / "parameters.toml"
GRADES = """Grades: **A**, the original's own text or data was seen; **B**, a secondary source, or a
re-fit of public data; **C**, doubtful, used only where nothing better was found, and flagged.
*assumption*: no source gives the figure. *Seen* says where we read a figure, not where it was first
printed. This page is made from the catalogue's files when the site is built."""
DETAILS = ("formula", "inputs", "taxa", "region", "n_trees", "range", "pom_m", "residual", "bias",
           "coefficient_sd", "stems", "roots", "where", "note")  # fmt: skip


def write(folder: Path) -> None:
    """Write all pages of provenance."""
    records = sorted(all_equations(), key=lambda record: record.source.key)
    by_source = {
        key: list(group) for key, group in groupby(records, key=lambda record: record.source.key)
    }
    for key, group in by_source.items():
        save(folder / "sources" / f"{key}.md", *_source(group))
    save(folder / "equations.md", *_equations(by_source))
    save(folder / "densities.md", *_densities())
    save(folder / "names.md", *_names())
    save(folder / "growth_curves.md", *_growth_curves())
    save(folder / "error_budget.md", *_error_budget())
    save(folder / "defaults.md", *_defaults())
    save(folder / "scenario_parameters.md", *_scenario_parameters())
    save(folder / "programmes.md", *_programmes())


def _toml(path: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _source(group: list[Equation]) -> Iterable[str]:
    source = group[0].source
    yield f"# {source.key}"
    yield cell(source.citation)
    yield table(
        ["", ""],
        [("DOI", source.doi), ("seen", source.seen), ("note", source.note or "none")],
    )
    for record in group:
        words = describe(record.id) | {"note": record.note or "none"}
        yield f"## {record.id}"
        yield f"Predicts **{record.predicts}** [{record.unit}], grade **{record.grade}**."
        yield table(["", ""], [(name, f"`{words[name]}`" if name == "formula" else words[name])
                               for name in DETAILS])  # fmt: skip
        yield table(
            ["check", "inputs", "expected", "relative tolerance", "from"],
            [_check(check) for check in record.checks],
        )


def _check(check: Check) -> tuple[object, ...]:
    inputs = ", ".join(f"{name} {value:g}" for name, value in check.inputs.items())
    return check.kind, inputs, f"{check.expected:.7g}", f"{check.tolerance:g}", check.source


def _equations(by_source: dict[str, list[Equation]]) -> Iterable[str]:
    records = [record for group in by_source.values() for record in group]
    grades = Counter(record.grade for record in records)
    kinds = Counter(check.kind for record in records for check in record.checks)
    yield "# Equations"
    yield GRADES
    yield (
        f"{len(records)} equations of {len(by_source)} sources: "
        f"{', '.join(f'{count} of grade {grade}' for grade, count in sorted(grades.items()))}. "
        f"{kinds['published']} check values are printed by the source, {kinds['recomputed']} were "
        "recomputed apart from this library; all are tests."
    )
    yield table(
        ["source", "equations", "grade", "for", "citation"],
        [
            (
                f"[{key}](sources/{key}.md)",
                len(group),
                ", ".join(sorted({record.grade for record in group})),
                _plants(group),
                group[0].source.citation,
            )
            for key, group in by_source.items()
        ],
    )
    pages = "\n".join(f"sources/{key}" for key in by_source)
    yield f":::{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{pages}\n:::"


def _plants(group: list[Equation]) -> str:
    plants = list(dict.fromkeys(
        plant for record in group for plant in (record.taxa or record.growth_forms or ("any",))
    ))  # fmt: skip
    more = f" and {len(plants) - 3} more" if len(plants) > 3 else ""
    return ", ".join(plants[:3]) + more


def _rows(name: str, columns: list[str]) -> str:
    return table(columns, [[row[column] for column in columns] for row in catalogue_rows(name)])


def _densities() -> Iterable[str]:
    yield "# Wood densities, carbon fractions and constants"
    yield GRADES
    yield "## Basic wood density"
    yield "Oven-dry mass over green volume. The sd is the spread within the species or genus."
    columns = ["taxon", "level", "wood_density_g_cm3", "sd_g_cm3", "n", "source", "seen", "grade"]
    yield _rows("wood_density.csv", columns)
    yield "## Air-dry figures that circulate in Thailand"
    yield "Kept to recognise them; never a default."
    yield _rows("wood_density_air_dry.csv", ["species", "air_dry_g_cm3", "source", "grade"])
    yield "## Carbon fractions"
    yield _rows(
        "carbon_fractions.csv",
        ["id", "carbon_fraction", "applies_to", "citation", "seen", "grade"],
    )
    yield "## Constants"
    yield _facts(_toml(CATALOGUE / "constants.toml"), ["value", "unit", "meaning"])
    yield "## Where the checks begin to speak"
    yield _facts(_toml(PACKAGE / "thresholds.toml"), ["value", "low", "high", "unit", "meaning"])


def _facts(records: dict[str, dict[str, object]], columns: list[str]) -> str:
    ends = ["citation", "seen", "grade"]
    return table(
        ["name", *columns, *ends],
        [
            [f"`{name}`", *(_value(record.get(column)) for column in [*columns, *ends])]
            for name, record in records.items()
        ],
    )


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(f"({_value(part)})" if isinstance(part, list | tuple) else _value(part)
                         for part in value)  # fmt: skip
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def _names() -> Iterable[str]:
    yield "# Names of plants"
    yield (
        "Accepted names with synonyms, Thai and local names. *seen*: the Thai name was read in the "
        "source named; *unverified*: it is in use, but no source was seen."
    )
    columns = ["species", "synonyms", "family", "growth_form", "thai_names", "thai_names_status",
               "local_names", "source"]  # fmt: skip
    rows = [
        [row[column] or ("" if column == "source" else "–") for column in columns]
        for row in catalogue_rows("species.csv")
    ]
    yield table(columns, rows)


def _growth_curves() -> Iterable[str]:
    curves = _toml(CATALOGUE / "growth_curves.toml")
    yield "# Growth curves"
    yield GRADES
    yield (
        "Diameter at breast height [cm] by age [years], unless the response says otherwise. Forms: "
        "module `allometry.growth`. `error`: sd of ln D between stands."
    )
    yield _facts(
        curves,
        ["species", "clones", "response", "form", "coefficients", "age", "error", "region", "note"],
    )
    yield "## Check values"
    yield table(
        ["curve", "age, value"],
        [(f"`{name}`", _value(curve.get("check", "none"))) for name, curve in curves.items()],
    )


def _error_budget() -> Iterable[str]:
    yield "# Error budget"
    yield GRADES
    yield (
        "Each error, the level at which trees share it, and its size (standard deviation, of ln "
        "unless `unit` says otherwise). How they act: [uncertainty](../../uncertainty.md)."
    )
    yield _facts(_toml(CATALOGUE / "error_budget.toml"), ["level", "sd", "unit", "meaning"])


def _defaults() -> Iterable[str]:
    yield "# Defaults"
    yield (
        "Which equation stands for which plant when the user names none. Rules are tried in order; "
        "the first that fits a tree is used. Decisions of this library."
    )
    ladder = tomllib.loads((CATALOGUE / "ladder.toml").read_text(encoding="utf-8"))
    rows = [
        (
            f"`{rule['id']}`",
            _value(rule.get("taxa") or rule.get("growth_forms") or "any"),
            _value(rule.get("when")) or "always",
            rule.get("equation") or "not estimated",
            rule.get("roots") or "–",
            rule["why"],
        )
        for rule in ladder["rule"]
    ]
    yield table(["rule", "plants", "when", "equation", "roots", "why"], rows)


def _scenario_parameters() -> Iterable[str]:
    yield "# Parameters of scenarios"
    yield GRADES
    yield "`low` and `high` are the ends of a 90 % range; without them a figure is fixed."
    yield _facts(_toml(PARAMETERS), ["value", "low", "high", "unit", "meaning"])


def _programmes() -> Iterable[str]:
    yield "# Parameters of crediting programmes"
    yield GRADES
    yield (
        "*Text*: `verified` (the programme's text was read whole), `transcribed` (a copy or an "
        "extract was read), `text_not_verified` (the text was not seen). What is unknown here "
        "stays unknown in every result. How it is used: [crediting](../../crediting.md)."
    )
    for name in programmes():
        profile = get_profile(name)
        yield f"## {profile.id}"
        yield f"{cell(profile.title.en)}. Version: {cell(profile.version)}."
        yield f"Worst text of its rules: `{profile.text}`."
        heads = ["rule", "value", "unit", "citation", "seen", "grade", "text", "note"]
        yield table(heads, [_fact(key, fact) for key, fact in profile.facts()])
        if profile.conditions:
            yield _conditions(profile)


def _fact(name: str, fact: Fact) -> tuple[object, ...]:
    return (f"`{name}`", _value(fact.value), fact.unit or "–", fact.citation, fact.seen, fact.grade,
            f"`{fact.text}`", fact.note or "–")  # fmt: skip


def _conditions(profile: Profile) -> str:
    return table(
        ["condition", "words", "citation", "text"],
        [
            (
                f"`{one.code}`",
                messages.text("crediting", f"condition_{one.code}"),
                one.citation,
                f"`{one.text}`",
            )
            for one in profile.conditions
        ],
    )
