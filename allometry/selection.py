"""Which equation for which tree, and why: the user's choice first, then the default ladder."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allometry.catalogue.loader import get_equation, ladder
from allometry.catalogue.schema import Equation
from allometry.errors import AllometryError
from allometry.names import match_one, species_table
from allometry.quantities import GROWTH_FORMS

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Taxon(NamedTuple):
    """What the ladder needs to know of a plant; empty text where unknown."""

    species: str
    genus: str
    family: str
    growth_form: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One step of the ladder.

    Attributes
    ----------
    id : str
    equation : str
        Empty: the plant is not estimated and listed with ``why``.
    named_roots : str
        Root equation, where the rule names another than the equation's own record; see `roots`.
    pool : str
        ``tree``, or ``herb`` for bamboo and banana.
    why : str
    taxa, growth_forms, when : tuple of str
        As in ``catalogue/ladder.toml``.
    flag : str
        Flag that the rule puts on its trees, if any.
    """

    id: str
    equation: str
    named_roots: str
    pool: str
    why: str
    taxa: tuple[str, ...]
    growth_forms: tuple[str, ...]
    when: tuple[str, ...]
    flag: str

    @property
    def roots(self) -> str:
        """Root equation that goes with the rule; empty for none."""
        if self.named_roots or not self.equation:
            return self.named_roots
        return get_equation(self.equation).roots

    def fits(self, taxon: Taxon) -> bool:
        """Whether the rule is for this plant (its conditions aside)."""
        names = {taxon.species, taxon.genus, taxon.family} - {""}
        by_name = not self.taxa or bool(names & set(self.taxa))
        return by_name and (not self.growth_forms or taxon.growth_form in self.growth_forms)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rule of each tree: ``rules[rule[i]]``."""

    rules: tuple[Rule, ...]
    rule: Ints


@functools.cache
def default_rules() -> tuple[Rule, ...]:
    """The ladder as records."""
    return tuple(
        Rule(
            id=entry["id"],
            equation=entry["equation"],
            named_roots=entry.get("roots", ""),
            pool=entry.get("pool", "tree"),
            why=entry["why"],
            taxa=tuple(entry.get("taxa", ())),
            growth_forms=tuple(entry.get("growth_forms", ())),
            when=tuple(entry.get("when", ())),
            flag=entry.get("flag", ""),
        )
        for entry in ladder()["rule"]
    )


def user_rules(choices: Mapping[str, str]) -> tuple[Rule, ...]:
    """Rules for the user's own choices, closest taxon first.

    Parameters
    ----------
    choices : mapping
        Species (any spelling), genus, family, growth form or ``all`` → equation id.

    Raises
    ------
    UnknownEquation
    AllometryError
        For a taxon that is not known, and
        For an equation that does not predict above-ground biomass of a tree in kg.
    """
    rules = []
    for taxon, equation_id in choices.items():
        record = get_equation(equation_id)
        if record.predicts != "agb" or record.level != "tree":
            raise AllometryError(
                f"equation '{equation_id}' predicts {record.predicts} ({record.level} level), not "
                "the above-ground biomass of a tree; choose one of "
                "`rubbercarbon equations list --predicts agb`."
            )
        found = _taxon(taxon)
        by_form = found in GROWTH_FORMS
        rules.append(
            Rule(
                id=f"user: {taxon}",
                equation=equation_id,
                named_roots=record.roots,
                pool="herb" if found in {"bamboo", "banana"} else "tree",
                why="chosen by the user",
                taxa=() if by_form or found == "all" else (found,),
                growth_forms=(found,) if by_form else (),
                when=(),
                flag="",
            )
        )
    closeness = {True: 0, False: 1}
    return tuple(sorted(rules, key=lambda r: (not r.taxa, closeness[bool(r.growth_forms)])))


def _taxon(name: str) -> str:
    """A user's taxon in the spelling of the species table."""
    key = name.strip().casefold()
    if key == "all" or key in GROWTH_FORMS:
        return key
    table = species_table().values()
    groups = {group.casefold(): group for row in table for group in (row.genus, row.family)}
    if key in groups:
        return groups[key]
    match = match_one(name)
    if match.kind in {"exact", "synonym", "thai", "thai_unverified", "local"}:
        return match.species
    near = [match.species] if match.kind == "fuzzy" else list(match.candidates)
    guess = f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""
    raise AllometryError(
        f"'{name}' is no species, genus, family or growth form of the species table.{guess} "
        "`rubbercarbon species list` shows all; 'all' stands for every plant."
    )


def select(
    taxa: Sequence[Taxon],
    taxon: Ints,
    sizes: Mapping[str, NDArray[np.float64]],
    conditions: Mapping[str, Bools],
    choices: Mapping[str, str] | None = None,
) -> Selection:
    """The equation of each tree with the reason for it.

    Parameters
    ----------
    taxa : sequence of Taxon
        The distinct plants of the inventory.
    taxon : ndarray of int64, shape (n,)
        Position of each tree's plant in ``taxa``.
    sizes : mapping
        Size variables by name (``dbh`` [cm], ``height`` [m] …), for the condition ``in_range``.
    conditions : mapping
        Other conditions of the ladder by name, one boolean per tree.
    choices : mapping, optional
        The user's equations by taxon, see `user_rules`.

    Returns
    -------
    Selection

    Examples
    --------
    >>> import numpy as np
    >>> rubber = Taxon("Hevea brasiliensis", "Hevea", "Euphorbiaceae", "tree")
    >>> chosen = select([rubber], np.array([0]), {"dbh": np.array([20.0])}, {})
    >>> chosen.rules[chosen.rule[0]].equation
    'hevea_ensemble'
    """
    rules = user_rules(choices or {}) + default_rules()
    rule = np.full(taxon.shape[0], len(rules) - 1, dtype=np.int64)
    open_trees = np.ones(taxon.shape[0], dtype=np.bool_)
    for number, candidate in enumerate(rules):
        fits = np.array([candidate.fits(plant) for plant in taxa], dtype=np.bool_)
        if not fits.any():
            continue
        mask = open_trees & fits[taxon]
        for name in candidate.when:
            mask &= _condition(name, candidate, sizes, conditions, mask)
        rule[mask] = number
        open_trees &= ~mask
        if not open_trees.any():
            break
    return Selection(rules, rule)


def _condition(
    name: str,
    rule: Rule,
    sizes: Mapping[str, NDArray[np.float64]],
    conditions: Mapping[str, Bools],
    like: Bools,
) -> Bools:
    if name == "in_range":
        return in_range(get_equation(rule.equation), sizes)
    return conditions.get(name, np.zeros_like(like))


def in_range(record: Equation, sizes: Mapping[str, NDArray[np.float64]]) -> Bools:
    """Whether each tree lies inside every limit that the equation states."""
    inside = np.ones(next(iter(sizes.values())).shape, dtype=np.bool_)
    for name, (low, high) in record.range.limits.items():
        if name in sizes:
            inside &= _between(sizes[name], low, high)
    return inside


def in_ranges(
    records: Sequence[Equation], number: Ints, sizes: Mapping[str, NDArray[np.float64]]
) -> Bools:
    """As `in_range`, of trees that have different equations: ``records[number]``."""
    inside = np.ones(number.shape, dtype=np.bool_)
    for name, values in sizes.items():
        limits = [record.range.limits.get(name, (-np.inf, np.inf)) for record in records]
        low, high = np.array(limits).T
        inside &= _between(values, low[number], high[number])
    return inside


def _between(values: Floats, low: float | Floats, high: float | Floats) -> Bools:
    """Whether values are not beyond limits; what is unknown is not."""
    inside: Bools = ~((values < low) | (values > high))
    return inside
