"""Cash flows of scenarios at dated prices, discounted: what agroforestry earns or costs.

Prices are a user's file with a date, never a default.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from allometry.names import match_one
from rubbercarbon.errors import ScenarioError
from rubbercarbon.outcome import Outcome, removals
from rubbercarbon.parameters import Parameter, check_range
from rubbercarbon.projection import Projection, Run
from rubbercarbon.projection_report import spread

Floats = NDArray[np.float64]
GIVEN, NO_MORE_CARBON, PAYS_ALREADY = "given", "no_more_carbon", "pays_already"


class Price(BaseModel):
    """A price with its 90 % range, if any, and where it is from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=0.0)
    low: float | None = Field(default=None, ge=0.0)
    high: float | None = Field(default=None, ge=0.0)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Price:
        check_range(self.low, self.value, self.high)
        return self

    @property
    def figure(self) -> Parameter:
        """The price as a figure with a range."""
        return Parameter(value=self.value, low=self.low, high=self.high, citation=self.source)


class Cost(BaseModel):
    """What is paid: at planting, in each year, or in each tapping year."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    when: Literal["planting", "yearly", "tapping"]
    thb_per_ha: float = Field(ge=0.0)
    component: str = ""
    scenario: str = ""
    source: str = Field(min_length=1)


class Prices(BaseModel):
    """A dated price file; made by `read_prices`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: str = Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    currency: Literal["THB"] = "THB"
    discount_rate: float = Field(default=0.07, ge=0.0, le=0.5)
    latex_per_kg: Price | None = None
    carbon_per_t_co2e: Price | None = None
    timber_per_m3: dict[str, Price] = Field(default_factory=dict)
    products_per_kg: dict[str, Price] = Field(default_factory=dict)
    cost: tuple[Cost, ...] = ()

    @field_validator("timber_per_m3")
    @classmethod
    def _accepted(cls, prices: dict[str, Price]) -> dict[str, Price]:
        """Species by their accepted names."""
        found = {}
        for name, price in prices.items():
            match = match_one(name)
            if match.kind in {"none", "fuzzy"}:
                near = match.species or ", ".join(match.candidates)
                raise ValueError(f"species '{name}' is not known. Did you mean {near}?")
            found[match.species] = price
        return found


def read_prices(path: str | Path) -> Prices:
    """Prices from a TOML file; ``rubbercarbon template prices.toml`` writes one to begin with.

    Parameters
    ----------
    path : str or Path
        UTF-8 TOML; each price with unit, date and source.

    Returns
    -------
    Prices

    Raises
    ------
    ScenarioError
        With every fault of the file.
    """
    from rubbercarbon.scenarios.interface import Lines  # noqa: PLC0415

    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
        table = tomllib.loads(text)
    except OSError as error:
        raise ScenarioError(file.name, [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(file.name, [f"not valid TOML: {error}"]) from error
    lines = Lines(text)
    try:
        return Prices.model_validate(table)
    except ValidationError as error:
        raise ScenarioError(
            file.name,
            [
                f"{lines.at(tuple(fault['loc']))}'{fault['loc'][-1]}': {fault['msg']} "
                f"(found {fault['input']!r})"
                for fault in error.errors()
            ],
        ) from error


@dataclass(frozen=True)
class Accounts:
    """Money of the scenarios, per hectare.

    Attributes
    ----------
    cash_flow : pandas.DataFrame
        scenario, year, item, thb_ha of the point.
    summary : pandas.DataFrame
        scenario, npv_thb_ha with interval, difference from the baseline, break-even carbon price.
    missing : list of str
        Products and species without a price: they count as nothing.
    unused : list of str
        Prices and costs that nothing in the scenarios takes.
    """

    cash_flow: pd.DataFrame
    summary: pd.DataFrame
    missing: list[str]
    unused: list[str]


class _Account:
    """Cash flow of one scenario: items by year and draw [THB/ha]."""

    def __init__(
        self, run: Run, outcome: Outcome, prices: Prices, years: int, deviates: object
    ) -> None:
        self.run, self.outcome, self.prices, self.years = run, outcome, prices, years
        self.deviates = deviates
        self.items: dict[str, Floats] = {}
        self.missing: list[str] = []
        keep = slice(0, years + 1)
        self._sell("latex", outcome.latex[keep], prices.latex_per_kg)
        for p, part in enumerate(run.parts):
            if part.component.wood == "sawn" and run.masses.choices[p].equation:
                price = prices.timber_per_m3.get(part.match.species)
                self._sell(f"timber {part.match.species}", self._logs(p), price)
        for harvest in run.scenario.harvest:
            price = prices.products_per_kg.get(harvest.product)
            parts = [p for p, x in enumerate(run.parts) if x.component.name == harvest.component]
            bears = run.calendar.age[parts[0], keep] >= harvest.from_age
            amount = np.where(bears, harvest.kg_per_ha, 0.0)[:, None]
            self._sell(harvest.product, amount * np.ones((1, outcome.latex.shape[1])), price)
        for cost in prices.cost:
            if cost.scenario in {"", run.scenario.id}:
                self._pay(cost)
        carbon = np.diff(removals(outcome)[keep], axis=0, prepend=0.0)
        self.carbon = carbon
        if prices.carbon_per_t_co2e is not None:
            self._sell("carbon", carbon, prices.carbon_per_t_co2e)

    def _sell(self, item: str, amount: Floats, price: Price | None) -> None:
        if price is None:
            if np.any(amount > 0):
                self.missing.append(f"{self.run.scenario.id}: {item}")
            return
        figure = price.figure
        level = np.array([figure.value])
        if figure.varies:
            level = figure.at(self.deviates.get("price", item, f"price of {item}"))  # type: ignore[attr-defined]
        self.items[item] = self.items.get(item, 0.0) + amount * level

    def _logs(self, p: int) -> Floats:
        """Volume of logs that leave the site [m3/ha]: what is felled less residue, over density."""
        keep = slice(0, self.years + 1)
        out, choice = self.outcome, self.run.masses.choices[p]
        felled = out.grown.before[p, keep] * self.run.calendar.cut[p, keep][:, None]
        dry = felled * out.agb[p, keep] / choice.carbon_fraction
        residue = self.run.figures.value("residue_share")
        return np.asarray(dry * (1.0 - residue) / choice.density.value)

    def _pay(self, cost: Cost) -> None:
        keep = slice(0, self.years + 1)
        calendar = self.run.calendar
        mine = [
            p for p, part in enumerate(self.run.parts)
            if cost.component in {part.component.name, part.component.role}
            or (not cost.component and part.component.role == "rubber")
        ]  # fmt: skip
        if not mine:
            return
        if cost.when == "planting":
            due = (calendar.planted[mine, keep] > 0).any(axis=0)
        elif cost.when == "yearly":
            due = (calendar.age[mine, keep] >= 1).any(axis=0)
        else:
            due = self.outcome.latex[keep, 0] > 0
        share = 1.0
        if cost.when == "tapping":  # work goes with the number of rubber stems
            planted = sum(self.run.parts[p].component.stocking for p in mine)
            share = planted / self.run.figures.value("reference_stocking")
        amount = np.where(due, -cost.thb_per_ha * share, 0.0)[:, None]
        self.items[cost.name] = self.items.get(cost.name, 0.0) + amount * np.ones(
            (1, self.outcome.latex.shape[1])
        )

    def value(self, rate: Floats, *, without: str = "") -> Floats:
        """Net present value [THB/ha], shape (n_draws,)."""
        flow = sum(
            (flow for item, flow in self.items.items() if item != without),
            start=np.zeros((self.years + 1, 1)),
        )
        return self.present(np.asarray(flow), rate)

    def present(self, flow: Floats, rate: Floats) -> Floats:
        """Present value of a flow by year, shape (n_draws,)."""
        factor = (1.0 + rate) ** -np.arange(self.years + 1)[:, None]
        return np.asarray((flow * factor).sum(axis=0))


def account_for(projection: Projection, baseline: str, prices: Prices) -> Accounts:
    """Cash flows and net present values of every scenario of a projection.

    Parameters
    ----------
    projection : Projection
    baseline : str
    prices : Prices

    Returns
    -------
    Accounts

    Notes
    -----
    Carbon is paid as it is taken up and paid back as it is lost, without deductions of a
    programme. The break-even carbon price is that at which the scenario's present value meets the
    baseline's. It is empty where there is none, and ``break_even_carbon_state`` says why:
    ``no_more_carbon`` (its discounted removals are not above the baseline's) or ``pays_already``
    (it is worth no less without carbon).
    """
    from rubbercarbon.deviates import Deviates  # noqa: PLC0415

    rate = np.array([prices.discount_rate])
    points = {
        name: _Account(run, run.point, prices, projection.years, Deviates())
        for name, run in projection.runs.items()
    }
    drawn = {
        name: _Account(run, run.draws, prices, projection.years, projection.deviates)
        for name, run in projection.runs.items()
        if run.draws is not None
    }
    rows, flows = [], []
    for name, account in points.items():
        row: dict[str, object] = {"scenario": name, "npv_thb_ha": float(account.value(rate)[0])}
        row["npv_difference_thb_ha"] = float(
            (account.value(rate) - points[baseline].value(rate))[0]
        )
        if name != baseline:
            price, state = _break_even(account, points[baseline], rate)
            row |= {"break_even_carbon_thb_t": price, "break_even_carbon_state": state}
        if drawn:
            value, base = drawn[name].value(rate), drawn[baseline].value(rate)
            for key, values in (("npv", value), ("npv_difference", value - base)):
                row |= {
                    f"{key}_thb_ha_{k}": float(v)
                    for k, v in spread(
                        values + np.zeros(projection.draws), projection.level
                    ).items()
                }
            row["p_greater"] = float((value > base).mean()) if name != baseline else np.nan
        rows.append(row)
        for item, flow in account.items.items():
            flows.append(
                pd.DataFrame(
                    {"scenario": name, "year": np.arange(projection.years + 1), "item": item,
                     "thb_ha": flow[:, 0]}
                )
            )  # fmt: skip
    table = pd.concat(flows, ignore_index=True) if flows else pd.DataFrame(
        columns=["scenario", "year", "item", "thb_ha"]
    )  # fmt: skip
    unused = unused_prices(projection, prices)
    missing = [text for account in points.values() for text in account.missing]
    return Accounts(table, pd.DataFrame(rows), list(dict.fromkeys(missing)), unused)


def unused_prices(projection: Projection, prices: Prices) -> list[str]:
    """Entries of a price file that no scenario takes: other designs, or slips of the pen."""
    scenarios = [run.scenario for run in projection.runs.values()]
    parts = [part for run in projection.runs.values() for part in run.parts]
    species = {part.match.species for part in parts if part.component.wood == "sawn"}
    products = {harvest.product for one in scenarios for harvest in one.harvest}
    owners = {part.component.name for part in parts} | {part.component.role for part in parts}
    known = {one.id for one in scenarios}
    return [
        *(f"timber {name}" for name in prices.timber_per_m3 if name not in species),
        *(f"product {name}" for name in prices.products_per_kg if name not in products),
        *(
            f"cost {cost.name}"
            for cost in prices.cost
            if (cost.scenario and cost.scenario not in known)
            or (cost.component and cost.component not in owners)
        ),
    ]


def _break_even(account: _Account, base: _Account, rate: Floats) -> tuple[float, str]:
    """Carbon price that makes up for less money, else NaN with the reason why there is none."""
    money = float((account.value(rate, without="carbon") - base.value(rate, without="carbon"))[0])
    carbon = float((account.present(account.carbon, rate) - base.present(base.carbon, rate))[0])
    if carbon <= 0.0:
        return float("nan"), NO_MORE_CARBON
    if money >= 0.0:
        return float("nan"), PAYS_ALREADY
    return -money / carbon, GIVEN
