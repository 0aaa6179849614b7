"""Settings of a run: what the user may decide, with the defaults of the ladder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rubbercarbon.budget import ErrorBudget
from rubbercarbon.errors import SettingsError

DEFAULT_DRAWS = 1000


class Settings(BaseModel):
    """Choices of a run; every field has a default, and every default used is reported.

    Attributes
    ----------
    equations : dict
        Species, genus, family, growth form or ``all`` → equation id.
    height_model : str or None
        One height model for all trees without a measured height.
    roots : str or None
        One root equation for all trees; a stand-level one is applied to each plot's total.
    carbon_fraction : float or None
        Carbon over dry mass for all trees [1].
    stress : float or None
        Environmental stress E of the site, needed by equations that use it [1].
    catalogues : list of str
        Folders with equations of the user's own.
    errors : ErrorBudget
        Changes to the catalogue's error budget.
    level : float
        Of the central intervals [1].
    draws : int or None
        Monte Carlo draws; intervals are analytic without.
    seed : int
        Of the draws.
    method : {'analytic', 'montecarlo'} or None
        Where the intervals come from; ``montecarlo`` when draws are asked for.
    height_sample : str or None
        File of measured diameters and heights to fit a height model to.
    height_form : {'log1', 'log2', 'weibull', 'michaelis'}
        Form of that model.
    height_by : {'all', 'species', 'plot_id', 'stratum'}
        Groups of the sample that get a model of their own.
    height_weighted : bool
        Weigh each pair by D² H.
    height_minimum : int or None
        Fewest pairs of a group; the catalogue's constant otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    equations: dict[str, str] = Field(default_factory=dict)
    height_model: str | None = None
    roots: str | None = None
    carbon_fraction: float | None = Field(default=None, gt=0.2, lt=0.7)
    stress: float | None = Field(default=None, ge=-1.0, le=2.0)
    catalogues: list[str] = Field(default_factory=list)
    errors: ErrorBudget = Field(default_factory=ErrorBudget)
    level: float = Field(default=0.90, gt=0.0, lt=1.0)
    draws: int | None = Field(default=None, ge=2, le=1_000_000)
    seed: int = Field(default=1, ge=0, lt=2**63)
    method: Literal["analytic", "montecarlo"] | None = None
    height_sample: str | None = None
    height_form: Literal["log1", "log2", "weibull", "michaelis"] = "log1"
    height_by: Literal["all", "species", "plot_id", "stratum"] = "species"
    height_weighted: bool = False
    height_minimum: int | None = Field(default=None, ge=4)

    @property
    def number_of_draws(self) -> int:
        """Draws to make; 0 for the analytic method."""
        if self.method == "analytic":
            return 0
        return self.draws or (DEFAULT_DRAWS if self.method == "montecarlo" else 0)


def make_settings(values: dict[str, object], where: str = "settings") -> Settings:
    """Settings from plain values.

    Raises
    ------
    SettingsError
        One sentence with every fault.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"'{'.'.join(str(part) for part in fault['loc'])}': {fault['msg']}"
            f" (found {fault['input']!r})"
            for fault in error.errors()
        )
        raise SettingsError(
            f"{where}: {faults}. Allowed keys: {', '.join(Settings.model_fields)}."
        ) from error


def read_settings(path: str | Path) -> Settings:
    """Settings from a TOML file.

    Raises
    ------
    SettingsError
        For a file that is missing, not TOML or holds unknown keys.
    """
    file = Path(path)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"settings file '{file.name}' cannot be read: {error.strerror}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file '{file.name}' is not valid TOML: {error}.") from error
    return make_settings(values, file.name)
