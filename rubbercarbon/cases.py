"""A claim before a programme, and the lines that come of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from rubbercarbon.claims import Claim
from rubbercarbon.errors import SettingsError
from rubbercarbon.pools import co2e
from rubbercarbon.profiles import Profile
from rubbercarbon.sites import Project, Site

GWP_FILE = Path(__file__).parent / "crediting" / "gwp.toml"
UNKNOWN = "unknown"
RULE_UNKNOWN = "rule_unknown"
BY_RULE = "by_rule"


@dataclass(frozen=True)
class Gwp:
    """Global warming potentials of one IPCC assessment [kg CO2e/kg]."""

    name: str
    ch4: float
    n2o: float
    citation: str


@cache
def gwp_set(name: str) -> Gwp:
    """A set of global warming potentials.

    Raises
    ------
    SettingsError
    """
    table = tomllib.loads(GWP_FILE.read_text(encoding="utf-8"))
    if name not in table:
        raise SettingsError(f"there is no set of GWP '{name}'; there are {', '.join(table)}.")
    row = table[name]
    return Gwp(name, float(row["ch4"]), float(row["n2o"]), str(row["citation"]))


@dataclass(frozen=True)
class Line:
    """One line of the ladder.

    Attributes
    ----------
    code : str
        Its words are in ``texts/`` under ``[ladder]``.
    value_t : float
        Signed [t CO2e].
    kind : {'item', 'sum'}
    note : str
        Code of a remark: ``unknown`` (nothing could be taken off), ``by_rule`` ...
    """

    code: str
    value_t: float
    kind: Literal["item", "sum"] = "item"
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A claim before a programme.

    Attributes
    ----------
    profile : Profile
    claim : Claim
    site : Site or None
    gwp : Gwp
    carried_t : float
        Loss of the former period, zero or negative [t CO2e].
    """

    profile: Profile
    claim: Claim
    site: Site | None
    gwp: Gwp
    carried_t: float = 0.0

    @property
    def project(self) -> Project:
        """What is known of the project; nothing without a dossier."""
        return Project() if self.site is None else self.site.project

    def factor(self, *, palm: bool = False) -> float:
        """CO2e of a tonne of above-ground biomass by the programme's factors [t CO2e/t]."""
        profile = self.profile
        root, fraction = profile.figure("root_shoot"), profile.figure("carbon_fraction")
        if palm and profile.number("palm_root_shoot") is not None:
            root, fraction = (
                profile.figure("palm_root_shoot"),
                profile.figure("palm_carbon_fraction"),
            )
        return co2e((1.0 + root) * fraction)

    @property
    def own_factors(self) -> bool:
        """Whether roots and carbon are the project's own."""
        return self.profile.rule("factors") != "programme"

    def value(self, amount: tuple[float, float]) -> float:
        """CO2e of an amount of AGB and its own CO2e."""
        return amount[1] if self.own_factors else amount[0] * self.factor()
