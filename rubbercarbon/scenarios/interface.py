"""What a scenario is: components, events, soil, emissions; and how one is read and checked.

A scenario file is TOML. Every fault of a file is found before anything is said, each with the line
it stands on; nothing is computed from a file with faults.
"""

from __future__ import annotations

import copy
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rubbercarbon.columns import M2_PER_HA, RAI_PER_HA
from rubbercarbon.errors import ScenarioError
from rubbercarbon.parameters import Parameter

LIBRARY = Path(__file__).parent / "library"
RUBBER = "Hevea brasiliensis"
Kind = Literal["observed", "recommended", "trial", "synthetic"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Title(_Record):
    """Name of a scenario in two languages."""

    en: str
    th: str = ""


class Measured(_Record):
    """Stems of one diameter class of a stand that is there already."""

    dbh_cm: float = Field(gt=0.0, le=200.0)
    stems_per_ha: float = Field(gt=0.0, le=20_000.0)


class Component(_Record):
    """One kind of plant in the design; see ``docs/scenarios.md`` for each key."""

    name: str = Field(min_length=1)
    species: str = Field(min_length=1)
    role: Literal["rubber", "timber", "fruit", "other"] = "other"
    clone: str = ""
    stems_per_ha: float | None = Field(default=None, ge=0.0, le=20_000.0)
    stems_per_rai: float | None = Field(default=None, ge=0.0, le=3_200.0)
    spacing_m: tuple[float, float] | None = None
    land_share: float | None = Field(default=None, gt=0.0, le=1.0)
    planting_year: int = Field(default=0, ge=0)
    rotation_years: int | None = Field(default=None, ge=1)
    replant: bool = True
    growth: str | dict[str, Any] | None = None
    extrapolate: bool = False
    mortality: str = ""
    mortality_percent: float | None = Field(default=None, ge=0.0, le=50.0)
    light: Literal["under_rubber", "open"] = "under_rubber"
    tapped: bool = True
    wood: Literal["sawn", "fuel", "left"] = "fuel"
    equation: str = ""
    start_age: int | None = Field(default=None, ge=1, le=200)
    measured: tuple[Measured, ...] = ()
    trees_measured: int | None = Field(default=None, ge=1)
    source: str = Field(min_length=1)
    note: str = ""

    @property
    def stocking(self) -> float:
        """Stems planted per hectare; the share of the land for a curve of whole stands."""
        if self.land_share is not None:
            return self.land_share
        if self.stems_per_ha is not None:
            return self.stems_per_ha
        if self.stems_per_rai is not None:
            return self.stems_per_rai * RAI_PER_HA
        assert self.spacing_m is not None
        return M2_PER_HA / (self.spacing_m[0] * self.spacing_m[1])


class Event(_Record):
    """Something done in one year."""

    year: int = Field(ge=0, le=300)
    kind: Literal["thinning", "felling", "replanting"]
    component: str
    percent: float | None = Field(default=None, gt=0.0, le=100.0)
    stems_per_ha: float | None = Field(default=None, gt=0.0)
    burn: bool = False
    source: str = "assumption"


class Effect(_Record):
    """A multiplier that the scenario declares: percent more or less of diameter or latex."""

    component: str
    on: Literal["dbh", "latex"]
    percent: float = Field(ge=-90.0, le=200.0)
    low: float = Field(ge=-90.0, le=200.0)
    high: float = Field(ge=-90.0, le=200.0)
    source: str = Field(min_length=1)
    grade: Literal["A", "B", "C", "assumption"] = "assumption"


class Harvest(_Record):
    """A yearly product beside latex and timber, for the accounts."""

    component: str
    product: str
    kg_per_ha: float = Field(ge=0.0)
    from_age: int = Field(ge=0)
    source: str = Field(min_length=1)


class Soil(_Record):
    """Soil carbon: the stock at the start and its change."""

    reference_t_c_ha: float | None = Field(default=None, ge=0.0, le=500.0)
    change_percent: float | None = Field(default=None, ge=-90.0, le=200.0)


class Emissions(_Record):
    """Fertiliser, fuel and fire."""

    nitrogen_kg_per_ha: float | None = Field(default=None, ge=0.0, le=1_000.0)
    fuel_l_per_ha: float | None = Field(default=None, ge=0.0, le=5_000.0)
    burn_residue: bool = False


class Scenario(_Record):
    """A land use through time, ready to be projected; made by `read_scenario`.

    Attributes
    ----------
    id : str
        Lower case, digits and underscores.
    title : Title
        ``en`` and ``th``.
    kind : {'observed', 'recommended', 'trial', 'synthetic'}
    rationale : str
        Why anybody would plant it so.
    sources : tuple of str
        Of the design as a whole.
    system : str
        ``jungle`` or ``unselected`` for rubber that is not of a clone.
    component : tuple of Component
        What stands in it: species, stocking [1/ha], planting year, rotation [year], growth.
    event : tuple of Event
        Thinnings, fellings and replantings of single years.
    effect : tuple of Effect
        Multipliers of diameter or latex [%].
    harvest : tuple of Harvest
        Products that are counted apart [kg/ha].
    soil : Soil
        Reference stock [t C/ha] and its change [%].
    emissions : Emissions
        Fertiliser [kg N/ha/yr], fuel [l/ha/yr], burning.
    parameters : dict of Parameter
        Figures of the place, instead of the library's.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Title
    kind: Kind
    rationale: str = Field(min_length=1)
    sources: tuple[str, ...] = Field(min_length=1)
    system: str = ""
    component: tuple[Component, ...] = Field(min_length=1)
    event: tuple[Event, ...] = ()
    effect: tuple[Effect, ...] = ()
    harvest: tuple[Harvest, ...] = ()
    soil: Soil = Soil()
    emissions: Emissions = Emissions()
    parameters: dict[str, Parameter] = Field(default_factory=dict)

    @property
    def agroforestry(self) -> bool:
        """Whether anything but rubber stands in it."""
        return any(part.role != "rubber" and part.stocking > 0 for part in self.component)


@cache
def library() -> tuple[str, ...]:
    """Ids of the scenarios of the library, in alphabetical order."""
    return tuple(sorted(path.stem for path in LIBRARY.glob("*.toml")))


def read_scenario(source: str | Path, *, years: int | None = None) -> Scenario:
    """A scenario of the library by id, or a file of one's own.

    Parameters
    ----------
    source : str or Path
        Id, or path of a TOML file.
    years : int, optional
        Years that are to be projected, for checks of growth curves.

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        With every fault of the file and the line it stands on.

    Examples
    --------
    >>> import rubbercarbon as rc
    >>> rc.read_scenario("monoculture").component[0].stocking
    475.0
    """
    if str(source) in library():
        path = LIBRARY / f"{source}.toml"
    else:
        path = Path(source)
        if not path.is_file():
            raise ScenarioError(
                str(source),
                [f"no such scenario and no such file; the library has {', '.join(library())}, and "
                 "`rubbercarbon template scenario.toml` writes a file to begin with"],
            )  # fmt: skip
    return parse_scenario(_text(path), path.name, years=years)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ScenarioError(path.name, [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(path.name, ["is not UTF-8; save it as UTF-8"]) from error


def parse_scenario(text: str, name: str, *, years: int | None = None) -> Scenario:
    """A scenario from the text of its file.

    Parameters
    ----------
    text : str
    name : str
        File name, for messages.
    years : int, optional

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
    """
    from rubbercarbon.scenarios.checks import faults_of  # noqa: PLC0415  (a sibling)

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(name, [f"not valid TOML: {error}"]) from error
    lines = Lines(text)
    try:
        scenario = Scenario.model_validate(table)
    except ValidationError as error:
        faults = [_sentence(fault, lines, table) for fault in error.errors()]
        faults += [lines.at(path) + words for path, words in _rest(table, error, years)]
        raise ScenarioError(name, faults) from error
    faults = [lines.at(path) + sentence for path, sentence in faults_of(scenario, years)]
    if faults:
        raise ScenarioError(name, faults)
    return scenario


def _rest(
    table: dict[str, Any], error: ValidationError, years: int | None
) -> list[tuple[tuple[str | int, ...], str]]:
    """Faults of the parts of a file that are well-formed beside parts that are not."""
    from rubbercarbon.scenarios.checks import faults_of  # noqa: PLC0415  (a sibling)

    sound = copy.deepcopy(table)
    broken = {tuple(fault["loc"])[:2] for fault in error.errors()}
    for fault in error.errors():
        owner: Any = sound
        steps: list[Any] = list(fault["loc"])
        for step in steps[:-1]:
            owner = owner[step]
        if isinstance(owner, dict):
            owner.pop(steps[-1], None)
    try:
        scenario = Scenario.model_validate(sound)
    except ValidationError:
        return []
    return [fault for fault in faults_of(scenario, years) if fault[0][:2] not in broken]


def _sentence(fault: Any, lines: Lines, table: dict[str, Any]) -> str:
    """One of pydantic's faults in our words, with its line."""
    path = tuple(fault["loc"])
    allowed = ""
    if fault["type"] == "extra_forbidden":
        owner = Scenario if len(path) == 1 else _OWNERS.get(str(path[0]), Scenario)
        what = f"'{path[-1]}' is not a key here"
        allowed = f"; allowed: {', '.join(owner.model_fields)}"
    elif fault["type"] == "missing":
        what = f"'{path[-1]}' is missing"
        path = path[:-1]
    else:
        what = f"'{path[-1]}' = {fault['input']!r}: {fault['msg']}"
    return f"{lines.at(path, table)}{what}{allowed}"


_OWNERS: dict[str, type[BaseModel]] = {
    "component": Component, "event": Event, "effect": Effect, "harvest": Harvest, "soil": Soil,
    "emissions": Emissions, "title": Title, "parameters": Parameter,
}  # fmt: skip


class Lines:
    """Lines of a TOML text on which its keys stand."""

    def __init__(self, text: str) -> None:
        self.places: dict[tuple[str | int, ...], int] = {}
        counts: dict[str, int] = {}
        table: tuple[str | int, ...] = ()
        for number, line in enumerate(text.splitlines(), start=1):
            many = re.match(r"\s*\[\[\s*([\w.]+)\s*\]\]", line)
            one = re.match(r"\s*\[\s*([\w.]+)\s*\]", line)
            key = re.match(r"\s*([\w.\-]+)\s*=", line)
            if many:
                name = many.group(1)
                counts[name] = counts.get(name, -1) + 1
                table = (name, counts[name])
                self.places[table] = number
            elif one:
                table = tuple(one.group(1).split("."))
                self.places.setdefault(table, number)
            elif key:
                self.places.setdefault((*table, *key.group(1).split(".")), number)

    def at(self, path: tuple[str | int, ...], table: dict[str, Any] | None = None) -> str:
        """Words that say where a key stands: its line, or that of what holds it."""
        for length in range(len(path), 0, -1):
            line = self.places.get(path[:length])
            if line is not None:
                return f"line {line}{_holder(path, table)}: "
        return ""


def _holder(path: tuple[str | int, ...], table: dict[str, Any] | None) -> str:
    """Name of the component that a path leads into."""
    if table is None or path[0] != "component" or len(path) < 2 or not isinstance(path[1], int):
        return ""
    name = table["component"][path[1]].get("name", "")
    return f", component '{name}'" if name else ""
