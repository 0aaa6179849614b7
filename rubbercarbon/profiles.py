"""Profiles of crediting programmes: rules, pools, conditions and figures, each with its source."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rubbercarbon import registry
from rubbercarbon.errors import SettingsError

FOLDER = Path(__file__).parent / "crediting" / "parameters"
Text = Literal["verified", "transcribed", "text_not_verified"]
TEXTS: tuple[Text, ...] = ("verified", "transcribed", "text_not_verified")  # best to worst
Value = float | str | bool | tuple[tuple[float, float], ...] | None
POOLS = ("agb", "bgb", "herb", "deadwood", "litter", "soil")
# every rule, with the words it may hold; a rule without words holds a figure
RULES: dict[str, tuple[str, ...]] = {
    "factors": ("programme", "own"),
    "carbon_fraction": (),
    "root_shoot": (),
    "palm_carbon_fraction": (),
    "palm_root_shoot": (),
    "dbh_threshold_cm": (),
    "baseline": ("start_stock", "given"),
    "period_years": (),
    "precision": ("steps", "excess", "none"),
    "precision_level": (),
    "precision_allowed": (),
    "precision_stop": (),
    "precision_steps": (),
    "ex_ante_deduction": (),
    "nitrogen": ("ipcc", "per_kg", "none"),
    "nitrogen_tco2e_per_kg": (),
    "burning": ("gases", "above_share", "own_lines", "none"),
    "burning_share": (),
    "fuel": ("counted", "none"),
    "leakage": ("zero", "given"),
    "buffer": ("rate", "at_least", "risk_report", "none"),
    "buffer_rate": (),
    "buffer_of": ("net", "stock_change"),
    "harvest": ("long_term_average", "not_before", "none"),
    "harvest_years": (),
    "largest_tco2e_yr": (),
}
OPTIONAL = frozenset({
    "palm_carbon_fraction", "palm_root_shoot", "precision_allowed", "precision_stop",
    "precision_steps", "ex_ante_deduction", "nitrogen_tco2e_per_kg", "burning_share", "buffer_rate",
    "buffer_of", "harvest_years", "largest_tco2e_yr", "carbon_fraction", "root_shoot",
    "period_years",
})  # fmt: skip


class Fact(BaseModel):
    """One rule of a programme, with where it was seen; a value of None is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Value = None
    unit: str = ""
    citation: str = Field(min_length=1)
    seen: str = Field(min_length=1)
    grade: Literal["A", "B", "C", ""]
    text: Text
    note: str = ""


class Condition(BaseModel):
    """A condition of eligibility; its words are in ``texts/`` under its code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    citation: str = Field(min_length=1)
    seen: str = Field(min_length=1)
    grade: Literal["A", "B", "C", ""]
    text: Text


class Title(BaseModel):
    """Name of a programme's methodology."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str
    th: str


class Profile(BaseModel):
    """A crediting programme's methodology as far as it is known.

    Attributes
    ----------
    id, version : str
    title : Title
    rules : dict of Fact
        By name of rule; what is not known has no value.
    pools : dict of Fact
        in, optional or out.
    conditions : tuple of Condition
    figures : dict of Fact
        Further figures that the programme's own lines use.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: str
    title: Title
    rules: dict[str, Fact]
    pools: dict[str, Fact]
    conditions: tuple[Condition, ...] = ()
    figures: dict[str, Fact] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Profile:
        missing = [name for name in RULES if name not in self.rules and name not in OPTIONAL]
        unknown = [name for name in self.rules if name not in RULES]
        pools = sorted(set(self.pools) ^ set(POOLS))
        if missing or unknown or pools:
            raise ValueError(
                f"rules missing: {missing}, unknown: {unknown}; pools missing or unknown: {pools}"
            )
        for name, fact in self.rules.items():
            words = RULES[name]
            if fact.value is not None and words and fact.value not in words:
                raise ValueError(f"{name} = {fact.value!r}: one of {', '.join(words)}")
        for name, fact in self.pools.items():
            if fact.value not in {"in", "optional", "out", None}:
                raise ValueError(f"pool {name} = {fact.value!r}: in, optional or out")
        return self

    def rule(self, name: str) -> str | None:
        """A rule's word; None where it is not known."""
        fact = self.rules.get(name)
        return None if fact is None or fact.value is None else str(fact.value)

    def number(self, name: str) -> float | None:
        """A rule's figure, or one of the programme's own; None where it is not known."""
        fact = self.rules.get(name) or self.figures.get(name)
        value = None if fact is None else fact.value
        return float(value) if isinstance(value, int | float) else None

    def figure(self, name: str) -> float:
        """A figure that the programme's file must hold."""
        found = self.number(name)
        if found is None:
            raise SettingsError(f"programme '{self.id}' holds no figure '{name}'.")
        return found

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """Table of deductions by half-width."""
        fact = self.rules.get("precision_steps")
        return fact.value if fact is not None and isinstance(fact.value, tuple) else ()

    @property
    def text(self) -> Text:
        """The worst state of the text of any field."""
        facts = [*self.rules.values(), *self.pools.values(), *self.figures.values()]
        states = {fact.text for fact in facts} | {one.text for one in self.conditions}
        return max(states, key=TEXTS.index)

    def facts(self) -> list[tuple[str, Fact]]:
        """Every figure, rule and pool with its name."""
        pools = [(f"pool_{name}", fact) for name, fact in self.pools.items()]
        return [*self.rules.items(), *pools, *self.figures.items()]


def programmes() -> tuple[str, ...]:
    """Ids of all programmes."""
    return tuple(name.replace("_", "-") for name in registry.names("crediting"))


@cache
def get_profile(programme: str) -> Profile:
    """A programme's profile.

    Raises
    ------
    SettingsError
        For an id that is not known; it lists those that are.
    """
    path = FOLDER / f"{programme}.toml"
    if programme not in programmes() or not path.is_file():
        import difflib  # noqa: PLC0415

        near = difflib.get_close_matches(programme, programmes(), 1, 0.4)
        guess = f" Did you mean '{near[0]}'?" if near else ""
        raise SettingsError(
            f"there is no programme '{programme}'.{guess} Programmes: {', '.join(programmes())}."
        )
    return make_profile(tomllib.loads(path.read_text(encoding="utf-8")), path.name)


def make_profile(table: dict[str, Any], where: str) -> Profile:
    """A profile from a file's table; ``[source]`` fills what a field does not say of itself.

    Raises
    ------
    SettingsError
    """
    values = dict(table)
    source = values.pop("source")
    for group in ("rules", "pools", "figures"):
        values[group] = {
            name: source | (field if isinstance(field, dict) else {"value": field})
            for name, field in values.get(group, {}).items()
        }
    values["conditions"] = [
        source | (entry if isinstance(entry, dict) else {"code": entry})
        for entry in values.get("conditions", ())
    ]
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise SettingsError(f"programme file '{where}': {faults}.") from error
