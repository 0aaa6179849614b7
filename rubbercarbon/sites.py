"""A demonstration site's dossier: land, operator, stand, design and project, from a TOML file.

What is not given is unknown, and stays ``unknown`` in every output.
"""

from __future__ import annotations

import datetime as dt
import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from rubbercarbon.columns import (
    BUDDHIST_ERA,
    M2_PER_HA,
    M2_PER_NGAN,
    M2_PER_RAI,
    M2_PER_WA,
    OLDEST_BUDDHIST_YEAR,
    common_era,
)
from rubbercarbon.errors import SiteError
from rubbercarbon.site_words import (
    CODES,
    Answer,
    LandDocument,
    LandZone,
    OperatorType,
    Selection,
    code_of,
)


def _coded(kind: str, value: object) -> object:
    """The code of a spelling; an unknown one is refused with what is allowed."""
    found = code_of(kind, value)
    if found is None:
        raise PydanticCustomError(
            "word", "not known; allowed: {allowed}", {"allowed": ", ".join(CODES[kind])}
        )
    return found


def _day(value: object) -> object:
    """A day of the Common Era, from either era and from a text."""
    if isinstance(value, str):
        value = common_era(value)
    if isinstance(value, dt.date) and value.year > OLDEST_BUDDHIST_YEAR:
        return value.replace(year=value.year - BUDDHIST_ERA)
    return value


def _year(value: object) -> object:
    buddhist = isinstance(value, int) and value > OLDEST_BUDDHIST_YEAR
    return value - BUDDHIST_ERA if isinstance(value, int) and buddhist else value


def _answers(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: _coded("answer", answer) for key, answer in value.items()}


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Group):
    """Where the site is; coordinates in degrees (WGS 84)."""

    id: str = Field(min_length=1)
    name: str = ""
    province: str = ""
    district: str = ""
    subdistrict: str = ""
    agro_ecological_zone: str = "unknown"
    latitude: float | None = Field(default=None, ge=-90.0, le=90.0)
    longitude: float | None = Field(default=None, ge=-180.0, le=180.0)
    elevation_m: float | None = Field(default=None, ge=-100.0, le=9000.0)
    rainfall_mm_yr: float | None = Field(default=None, ge=0.0, le=12_000.0)


class Operator(_Group):
    """Who works the land; the name is personal data."""

    name: str = ""
    type: OperatorType = "unknown"
    new_generation_farmer: Answer = "unknown"

    @field_validator("type", mode="before")
    @classmethod
    def _type(cls, value: object) -> object:
        return _coded("operator_type", value)

    @field_validator("new_generation_farmer", mode="before")
    @classmethod
    def _answer(cls, value: object) -> object:
        return _coded("answer", value)


class Land(_Group):
    """Land and its document; `acceptance` is by programme id and counts with its source only."""

    document: LandDocument = "unknown"
    area_rai: float | None = Field(default=None, ge=0.0)
    area_ngan: float | None = Field(default=None, ge=0.0)
    area_wa: float | None = Field(default=None, ge=0.0)
    polygon: str = ""
    zone: LandZone = "unknown"
    permission: Answer = "unknown"
    permission_note: str = ""
    deforested_after_2020: Answer = "unknown"
    acceptance: dict[str, Answer] = Field(default_factory=dict)
    acceptance_source: str = ""

    @field_validator("document", mode="before")
    @classmethod
    def _document(cls, value: object) -> object:
        return _coded("land_document", value)

    @field_validator("zone", mode="before")
    @classmethod
    def _zone(cls, value: object) -> object:
        return _coded("land_zone", value)

    @field_validator("permission", "deforested_after_2020", mode="before")
    @classmethod
    def _answer(cls, value: object) -> object:
        return _coded("answer", value)

    @field_validator("acceptance", mode="before")
    @classmethod
    def _answers(cls, value: object) -> object:
        return _answers(value)

    def accepted(self, programme: str) -> Answer:
        """Whether a programme accepts the document; unknown where no source is given.

        Examples
        --------
        >>> land = Land(acceptance={"gs-403": "yes"})
        >>> land.accepted("gs-403")
        'unknown'
        >>> land.model_copy(update={"acceptance_source": "letter of 3 May 2024"}).accepted("gs-403")
        'yes'
        """
        return self.acceptance.get(programme, "unknown") if self.acceptance_source else "unknown"

    @property
    def area_ha(self) -> float | None:
        """Declared area of the document [ha]."""
        parts = ((self.area_rai, M2_PER_RAI), (self.area_ngan, M2_PER_NGAN),
                 (self.area_wa, M2_PER_WA))  # fmt: skip
        if all(part is None for part, _ in parts):
            return None
        return sum((part or 0.0) * factor for part, factor in parts) / M2_PER_HA


class Stand(_Group):
    """What is planted."""

    clone: str = "unknown"
    planted_month: int | None = Field(default=None, ge=1, le=12)
    planted_year: int | None = Field(default=None, ge=1900, le=2200)
    spacing: str = "unknown"
    companions: tuple[str, ...] = ()

    @field_validator("planted_year", mode="before")
    @classmethod
    def _common_era(cls, value: object) -> object:
        return _year(value)


class Design(_Group):
    """How plots were laid and trees measured."""

    plot_selection: Selection = "unknown"
    dbh_threshold_cm: float | None = Field(default=None, ge=0.0, le=50.0)
    remeasured_percent: float | None = Field(default=None, ge=0.0, le=100.0)
    remeasured_result: str = ""
    note: str = ""

    @field_validator("plot_selection", mode="before")
    @classmethod
    def _selection(cls, value: object) -> object:
        return _coded("plot_selection", value)


class StartStock(_Group):
    """The stock at the start, or at the last credited event, of the same land and pools."""

    date: dt.date
    agb_t: float = Field(ge=0.0)
    half_width_percent: float = Field(ge=0.0)
    source: str = Field(min_length=1)

    @field_validator("date", mode="before")
    @classmethod
    def _common_era(cls, value: object) -> object:
        return _day(value)


class Project(_Group):
    """What a programme asks of the project; amounts are those of the whole period.

    Attributes
    ----------
    start, end : datetime.date or None
        Of the monitored period.
    nitrogen_synthetic_kg, nitrogen_organic_kg : float or None
        Fertiliser nitrogen [kg N].
    diesel_l : float or None
    burned_area_ha, burned_biomass_t_ha : float or None
        Fires and burning of residues [ha], [t dry matter/ha].
    cleared_biomass_t : float or None
        Living biomass cleared for planting [t dry matter].
    displaced_tco2e : float or None
        Emissions of activities that moved elsewhere.
    baseline_tco2e : float or None
        Change of stocks that would have come about without the project [t CO2e], signed.
    baseline_half_width_percent : float or None
    reversed_tco2e : float or None
        Lost since issuance, by felling or fire [t CO2e].
    buffer_percent : float or None
        Of the verified risk report.
    long_term_average_tco2e, issued_tco2e : float or None
        Average stock over whole rotations above the stock at the start, and what was credited of
        it in former periods [t CO2e].
    answers : dict
        Condition code → yes, no or unknown.
    """

    start: dt.date | None = None
    end: dt.date | None = None
    nitrogen_synthetic_kg: float | None = Field(default=None, ge=0.0)
    nitrogen_organic_kg: float | None = Field(default=None, ge=0.0)
    diesel_l: float | None = Field(default=None, ge=0.0)
    burned_area_ha: float | None = Field(default=None, ge=0.0)
    burned_biomass_t_ha: float | None = Field(default=None, ge=0.0)
    cleared_biomass_t: float | None = Field(default=None, ge=0.0)
    displaced_tco2e: float | None = Field(default=None, ge=0.0)
    baseline_tco2e: float | None = None
    baseline_half_width_percent: float | None = Field(default=None, ge=0.0)
    reversed_tco2e: float | None = Field(default=None, ge=0.0)
    buffer_percent: float | None = Field(default=None, ge=0.0, le=100.0)
    long_term_average_tco2e: float | None = None
    issued_tco2e: float | None = Field(default=None, ge=0.0)
    answers: dict[str, Answer] = Field(default_factory=dict)

    @field_validator("start", "end", mode="before")
    @classmethod
    def _common_era(cls, value: object) -> object:
        return _day(value)

    @field_validator("answers", mode="before")
    @classmethod
    def _answers(cls, value: object) -> object:
        return _answers(value)

    @model_validator(mode="after")
    def _in_order(self) -> Project:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise PydanticCustomError("order", "the end is not after the start")
        return self


class Site(_Group):
    """The whole dossier; see ``rubbercarbon template site.toml`` for each key.

    Attributes
    ----------
    site : Place
        Id, name, province, agro-ecological zone, coordinates [degrees, WGS 84], elevation [m],
        rain [mm/yr].
    operator : Operator
    land : Land
        Document, area [rai, ngan, square wa], zone, permission, acceptance by programme.
    stand : Stand
        Clone, planting, spacing, companions.
    design : Design
        Selection of plots, smallest diameter [cm], trees measured twice [%].
    project : Project
        Period, activities and answers that programmes ask for.
    start_stock : StartStock or None
        Stock at the start [t AGB] with its half-width [%].
    """

    site: Place
    operator: Operator = Field(default_factory=Operator)
    land: Land = Field(default_factory=Land)
    stand: Stand = Field(default_factory=Stand)
    design: Design = Field(default_factory=Design)
    project: Project = Field(default_factory=Project)
    start_stock: StartStock | None = None


def make_site(values: dict[str, Any], where: str = "site") -> Site:
    """A dossier from plain values.

    Raises
    ------
    SiteError
        One sentence with every fault.
    """
    try:
        return Site.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_fault(fault) for fault in error.errors())
        raise SiteError(
            f"{where}: {faults}. See `rubbercarbon template site.toml` for the keys."
        ) from error


def _fault(fault: Any) -> str:
    """One fault as words: which key, what is wrong, what was found."""
    *path, last = (str(part) for part in fault["loc"] or ("file",))
    key = f"'{'.'.join([*path, last])}'"
    if fault["type"] == "missing":
        return f"{key} is missing"
    if fault["type"] == "extra_forbidden":
        group: Any = Site
        for part in path:
            group = group.model_fields[part].annotation
        near = difflib.get_close_matches(last, group.model_fields, 1)
        return f"{key} is no key" + (f" (did you mean '{near[0]}'?)" if near else "")
    return f"{key}: {fault['msg']} (found {_short(fault['input'])})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read_site(path: str | Path) -> Site:
    """A dossier from a TOML file.

    Parameters
    ----------
    path : str or Path
        UTF-8; ``rubbercarbon template site.toml`` writes one to begin with.

    Returns
    -------
    Site

    Raises
    ------
    SiteError
        For a file that is missing, not TOML, or holds unknown keys or values.
    """
    file = Path(path)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SiteError(f"site file '{file.name}' cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        hint = (
            "; save it as UTF-8 (in Notepad: Save as, Encoding UTF-8)"
            if isinstance(error, UnicodeDecodeError)
            else "; texts stand in quotes, dates are written 2024-05-14"
        )
        raise SiteError(f"site file '{file.name}' is not valid TOML: {error}{hint}.") from error
    return make_site(values, file.name)
