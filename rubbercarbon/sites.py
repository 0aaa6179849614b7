"""A demonstration site's dossier: land, operator, stand, design and project, from a TOML file.

What is not given is unknown, and stays ``unknown`` in every output.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rubbercarbon.columns import BUDDHIST_ERA, M2_PER_HA, M2_PER_NGAN, M2_PER_RAI, M2_PER_WA
from rubbercarbon.errors import SiteError

Answer = Literal["yes", "no", "unknown"]
Selection = Literal["random", "systematic", "purposive", "census", "unknown"]
LandDocument = Literal[
    "chanote", "ns4", "ns3k", "ns3", "spk401", "nk3", "sk1", "pbt5", "kts", "stk", "ksn5", "lease",
    "none", "other", "unknown",
]  # fmt: skip
LandZone = Literal["private", "agricultural_reform", "forest_land", "state", "unknown"]
OperatorType = Literal[
    "smallholder", "community", "cooperative", "state", "company", "school", "research", "other",
    "unknown",
]  # fmt: skip
# spellings met on sheets, without blanks, dots and brackets
DOCUMENT_WORDS: dict[str, LandDocument] = {
    "โฉนด": "chanote", "โฉนดที่ดิน": "chanote", "นส4": "ns4", "นส4จ": "chanote",
    "titledeed": "chanote",
    "norsor4": "ns4", "นส3ก": "ns3k", "norsor3gor": "ns3k", "นส3": "ns3", "นส3ข": "ns3",
    "norsor3": "ns3", "สปก": "spk401", "สปก4-01": "spk401", "สปก401": "spk401",
    "sorporkor": "spk401", "sorporkor4-01": "spk401", "นค3": "nk3", "สค1": "sk1",
    "ภบท5": "pbt5", "คทช": "kts", "สทก": "stk", "กสน5": "ksn5", "เช่า": "lease",
    "ไม่มี": "none", "ไม่มีเอกสารสิทธิ์": "none", "nodocument": "none", "": "unknown",
    "ไม่ทราบ": "unknown",
}  # fmt: skip


def land_document(text: object) -> LandDocument:
    """The kind of land document behind a spelling; ``other`` for one that is not known.

    Examples
    --------
    >>> land_document("ส.ป.ก. 4-01"), land_document("โฉนด"), land_document("")
    ('spk401', 'chanote', 'unknown')
    """
    plain = re.sub(r"[\s.()]+", "", str(text or "")).casefold()
    if plain in LandDocument.__args__:  # type: ignore[attr-defined]
        return plain  # type: ignore[return-value]
    return DOCUMENT_WORDS.get(plain, "other")


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


class Land(_Group):
    """Land and its document; `acceptance` is by programme id, with its source."""

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
    def _spelt(cls, value: object) -> object:
        return land_document(value)

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
        return value - BUDDHIST_ERA if isinstance(value, int) and value > 2400 else value


class Design(_Group):
    """How plots were laid and trees measured."""

    plot_selection: Selection = "unknown"
    dbh_threshold_cm: float | None = Field(default=None, ge=0.0, le=50.0)
    remeasured_percent: float | None = Field(default=None, ge=0.0, le=100.0)
    remeasured_result: str = ""
    note: str = ""


class StartStock(_Group):
    """The stock at the start, or at the last credited event, of the same land and pools."""

    date: dt.date
    agb_t: float = Field(ge=0.0)
    half_width_percent: float = Field(ge=0.0)
    source: str = Field(min_length=1)


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


class Site(_Group):
    """The whole dossier; see ``rubbercarbon template site.toml`` for each key."""

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
        faults = "; ".join(
            f"'{'.'.join(str(part) for part in fault['loc'])}': {fault['msg']}"
            + ("" if fault["type"] == "missing" else f" (found {fault['input']!r})")
            for fault in error.errors()
        )
        raise SiteError(
            f"{where}: {faults}. See `rubbercarbon template site.toml` for the keys."
        ) from error


def read_site(path: str | Path) -> Site:
    """A dossier from a TOML file.

    Parameters
    ----------
    path : str or Path

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
        raise SiteError(f"site file '{file.name}' is not valid TOML: {error}.") from error
    return make_site(values, file.name)
