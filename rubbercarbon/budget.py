"""The error budget in force: the catalogue's terms with what the user changed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from allometry.error_model import ErrorTerm, error_terms

Level = Literal["tree", "reading", "plot", "campaign", "species", "locality", "group", "run"]
OWN_LEVELS = ("tree", "reading")
SHARED_ONLY = ("roots", "carbon_run", "carbon_species")
PLOT_ONLY = ("area",)


class TermChoice(BaseModel):
    """What a user may change of one error term.

    Attributes
    ----------
    on : bool
        False leaves the error out.
    level : str or None
        Level at which trees share it; the catalogue's otherwise.
    scale : float
        Multiplies the size.
    sd : float or None
        Replaces the size, in the unit given by ``unit``.
    unit : str or None
        Of ``sd``: ``ln``, ``1`` (relative), ``cm``, ``m``, ``g/cm3``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: bool = True
    level: Level | None = None
    scale: float = Field(default=1.0, ge=0.0)
    sd: float | None = Field(default=None, ge=0.0)
    unit: Literal["ln", "1", "cm", "m", "g/cm3"] | None = None


class ErrorBudget(RootModel[dict[str, TermChoice]]):
    """Changes to the catalogue's error budget, by term.

    Parameters
    ----------
    root : mapping, optional
        Name of a term → its changes (``on``, ``level``, ``scale``, ``sd``, ``unit``); terms that
        are not named stay as the catalogue has them.

    Raises
    ------
    ValidationError
        Of pydantic, a ``ValueError``: for a term or level that does not exist.

    References
    ----------
    ``allometry/catalogue/error_budget.toml``: every term with size, unit and source.

    Examples
    --------
    >>> import rubbercarbon as rc
    >>> budget = rc.ErrorBudget({"density_mean": {"level": "tree"}, "species": {"on": False}})
    >>> budget.term("density_mean").level
    'tree'
    """

    model_config = ConfigDict(frozen=True)
    root: dict[str, TermChoice] = Field(default_factory=dict)

    def __init__(self, root: Any = None, /, **data: Any) -> None:
        super().__init__(root if root is not None else data)

    @field_validator("root")
    @classmethod
    def _known(cls, root: dict[str, TermChoice]) -> dict[str, TermChoice]:
        terms = error_terms()
        for name, choice in root.items():
            if name not in terms:
                raise ValueError(f"no error term '{name}'; allowed: {', '.join(terms)}")
            if name in SHARED_ONLY and choice.level in {*OWN_LEVELS, "plot"}:
                raise ValueError(
                    f"'{name}' is common to many plots: its level is campaign, species, locality, "
                    f"group or run, not {choice.level}"
                )
            if name in PLOT_ONLY and choice.level not in {None, "plot"}:
                raise ValueError(f"'{name}' belongs to a plot: its level is plot")
        return root

    @classmethod
    def none(cls) -> ErrorBudget:
        """No error at all."""
        return cls({name: {"on": False} for name in error_terms()})

    @classmethod
    def only(cls, **terms: Any) -> ErrorBudget:
        """The named terms (``True`` or changes), every other one off."""
        changes: dict[str, Any] = {name: {"on": False} for name in error_terms()}
        for name, change in terms.items():
            changes[name] = {} if change is True else change
        return cls(changes)

    def term(self, name: str) -> TermInForce:
        """One term as it is used."""
        base = error_terms()[name]
        choice = self.root.get(name, TermChoice())
        return TermInForce(
            base=base,
            on=choice.on and choice.scale > 0 and choice.sd != 0,
            level=choice.level or base.level,
            scale=choice.scale,
            sd=choice.sd,
            unit=choice.unit or ("ln" if base.unit == "record" else base.unit),
            changed=name in self.root,
        )

    def terms(self) -> list[TermInForce]:
        """Every term, in the catalogue's order."""
        return [self.term(name) for name in error_terms()]

    @functools.cached_property
    def of_trees(self) -> tuple[TermInForce, ...]:
        """Errors of trees that are on; those of areas belong to plots."""
        return tuple(term for term in self.terms() if term.on and term.name != "area")

    @functools.cached_property
    def acts_on_sizes(self) -> bool:
        """Whether trees share errors that differ between sizes."""
        return not all(
            self.term(name).own for name in ("dbh_reading", "height_reading", "residual")
        )


@dataclass(frozen=True, slots=True)
class TermInForce:
    """A term with its level and size after the user's changes."""

    base: ErrorTerm
    on: bool
    level: str
    scale: float
    sd: float | None
    unit: str
    changed: bool

    @property
    def name(self) -> str:
        """Name of the term."""
        return self.base.name

    @property
    def own(self) -> bool:
        """Whether each tree draws it for itself."""
        return self.level in OWN_LEVELS

    def describe(self) -> str:
        """Size in words."""
        if not self.on:
            return "off"
        if self.sd is not None:
            text = f"{self.sd:g}"
        elif isinstance(self.base.sd, dict):
            text = ", ".join(f"{key} {value:g}" for key, value in self.base.sd.items())
        else:
            text = "of the record" if self.base.sd is None else f"{self.base.sd:g}"
        return text if self.scale == 1.0 else f"{text}, times {self.scale:g}"
