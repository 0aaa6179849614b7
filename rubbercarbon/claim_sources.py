"""Claims from two censuses, from stocks and from comparisons, in memory or read back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from allometry.catalogue.loader import carbon_fractions
from rubbercarbon.change import Change
from rubbercarbon.claims import Claim, Sampled
from rubbercarbon.comparison import Comparison
from rubbercarbon.errors import SettingsError
from rubbercarbon.pools import co2e
from rubbercarbon.precision import MANY, half_width_of
from rubbercarbon.runs import RunTables, change_tables, stock_tables
from rubbercarbon.sampling import RANDOM, SampledTotal, stratified_total
from rubbercarbon.scenario_runs import comparison_tables
from rubbercarbon.sites import StartStock
from rubbercarbon.stocks import Stocks

CENSUS = ("census", "สำรวจทุกต้น")
PALMS = ("palm", "oil_palm", "coconut", "areca", "sugar_palm")
FATES = {"survivor": "growth", "ingrowth": "ingrowth", "dead": "mortality"}
OUTSIDE = ("outside_range", "outside_evaluated_span")


def claim_of(
    source: Claim | Change | Stocks | Comparison | RunTables,
    *,
    start: Stocks | StartStock | None = None,
    scenario: str = "",
    years: float | None = None,
    area_ha: float | None = None,
    horizon: float | None = None,
    language: str = "en",
) -> Claim:
    """The claim behind any result.

    Parameters
    ----------
    source : Claim, Change, Stocks, Comparison or RunTables
        Run folders as `load_run` reads them.
    start : Stocks or StartStock, optional
        For stocks: the stock at the start of the same land.
    scenario : str
        Of a comparison; the first beside the baseline by default.
    years : float, optional
        Length of the period.
    area_ha : float, optional
        Land of a comparison, whose figures are per hectare.
    horizon : float, optional
        Year of a comparison at which its change is taken; its last by default.
    language : str
        Of the list of problems.

    Returns
    -------
    Claim

    Raises
    ------
    SettingsError
        For a result that is none of these.
    """
    if isinstance(source, Claim):
        return source if years is None else replace(source, years=years)
    if isinstance(source, Stocks):
        return _of_stocks(source, start, years, language)
    if isinstance(source, Change):
        return _of_change(change_tables(source, language), source.run, years)
    if isinstance(source, Comparison):
        return _of_comparison(
            comparison_tables(source, language), source.run, scenario, area_ha, horizon
        )
    if "change_total" in source.tables:
        return _of_change(source.tables, source.run, years)
    if "difference" in source.tables:
        return _of_comparison(source.tables, source.run, scenario, area_ha, horizon)
    raise SettingsError(
        "this run holds neither stocks, nor a change, nor a comparison of scenarios; it has "
        f"{', '.join(sorted(source.tables)) or 'no table'}."
    )


def _of_change(tables: dict[str, pd.DataFrame], run: dict[str, Any], years: float | None) -> Claim:
    total, plots, trees = (tables[f"change_{name}"] for name in ("total", "plots", "trees"))
    last = total.iloc[-1]
    names = ("growth", "ingrowth", "mortality")
    level = float(run["settings"]["level"])
    parts = []
    for number, sign in ((1, -1.0), (2, 1.0)):
        part = pd.DataFrame({
            "line": trees["fate"].map(FATES), "dbh_cm": pd.to_numeric(trees[f"dbh_cm_{number}"]),
            "agb_t": sign * pd.to_numeric(trees[f"agb_t_{number}"]),
            "co2e_t": sign * co2e(pd.to_numeric(trees[f"carbon_t_{number}"]).to_numpy(dtype=float)),
            "palm": trees["growth_form"].isin(PALMS),
        })  # fmt: skip
        parts.append(part[part["agb_t"].notna() & (trees["fate"] != "not comparable")])
    per_ha = "agb_t_ha_net" in plots
    sampled, why = _sampled(plots, "agb_t_ha_net" if per_ha else "", str(last["describes"]))
    area = plots["represents_ha"].sum() if per_ha else math.nan
    flags = trees["flags"].astype(object).fillna("").astype(str)
    return Claim(
        "change",
        {n: (float(last[f"agb_t_{n}"]), float(last[f"co2e_t_{n}"])) for n in names},
        trees=pd.concat(parts, ignore_index=True),
        full_se_t=float(last["co2e_t_net_sd"]),
        full_interval_t=(level, 0.5 * float(last["co2e_t_net_high"] - last["co2e_t_net_low"])),
        sampled=sampled,
        why_no_sampling=why,
        area_ha=float(area),
        describes=str(last["describes"]),
        years=years,
        outside=_count(flags, OUTSIDE),
        doubtful=_count(flags, ("grade_C",)),
        tables=tables,
        run=run,
    )


def _of_stocks(
    stocks: Stocks, start: Stocks | StartStock | None, years: float | None, language: str
) -> Claim:
    tables = stock_tables(stocks, language)
    now = _stock_line(stocks)
    claim = Claim(
        "stock",
        {"stock_now": (now["agb"], now["co2e"])},
        trees=_stock_trees(stocks, "stock_now", 1.0),
        full_se_t=now["se"],
        full_interval_t=(now["level"], now["half"]),
        area_ha=now["area"],
        describes=now["describes"],
        years=years,
        outside=_count(stocks.trees["flags"].astype(object).fillna("").astype(str), OUTSIDE),
        doubtful=_count(stocks.trees["flags"].astype(object).fillna("").astype(str), ("grade_C",)),
        tables=tables,
        run=stocks.run,
    )
    sampled, why = _sampled(stocks.plots, "agb_t_ha", now["describes"])
    if start is None:
        return replace(claim, sampled=sampled, why_no_sampling=why)
    if isinstance(start, StartStock):
        agb = start.agb_t
        value = now["co2e"] * agb / now["agb"] if now["agb"] else math.nan
        share = start.half_width_percent / 100.0
        se, agb_se = (abs(x) * share / half_width_of(1.0, 0.90) for x in (value, agb))
        before: Sampled | None = Sampled(agb_se, MANY, 0, 0)
        trees = _given_tree(agb, value)
    else:
        then = _stock_line(start)
        agb, value, se = then["agb"], then["co2e"], then["se"]
        found, why_before = _sampled(start.plots, "agb_t_ha", then["describes"])
        before, why = found, why or why_before
        trees = _stock_trees(start, "stock_then", -1.0)
        claim = _with_start(claim, start, language)
    both = None
    if sampled is not None and before is not None:
        parts = (sampled, before)
        both = Sampled(
            math.hypot(sampled.se_t, before.se_t), min(p.degrees for p in parts),
            sampled.n_plots, sampled.n_strata,
        )  # fmt: skip
    return replace(
        claim,
        kind="stock_difference",
        lines={**claim.lines, "stock_then": (-agb, -value)},
        trees=pd.concat([claim.trees, trees], ignore_index=True),
        full_se_t=math.hypot(now["se"], se),
        full_interval_t=(0.0, math.nan),
        sampled=both,
        why_no_sampling=why,
    )


def _with_start(claim: Claim, start: Stocks, language: str) -> Claim:
    """The claim with the totals, problems and input files of the run that it starts from."""
    tables = {
        "start_total": start.total,
        "start_problems": start.found_problems.frame(language),
    }
    first = [{**one, "file": f"start: {one['file']}"} for one in start.run.get("inputs", [])]
    inputs = [*first, *claim.run.get("inputs", [])]
    return replace(claim, tables=claim.tables | tables, run={**claim.run, "inputs": inputs})


def _stock_line(stocks: Stocks) -> dict[str, Any]:
    last = stocks.total.iloc[-1]
    area = last["area_ha"] if last["describes"] == "land" else last["area_measured_ha"]
    return {
        "agb": float(last["agb_t"]),
        "co2e": float(last["co2e_t"]),
        "se": float(last["co2e_t_sd"]),
        "half": 0.5 * float(last["co2e_t_high"] - last["co2e_t_low"]),
        "level": float(stocks.run["settings"]["level"]),
        "area": float(area),
        "describes": str(last["describes"]),
    }


def _stock_trees(stocks: Stocks, line: str, sign: float) -> pd.DataFrame:
    trees = stocks.trees[stocks.trees["agb_kg"].notna()]
    weight = sign * trees["represents"] / 1000.0
    return pd.DataFrame({
        "line": line, "dbh_cm": trees["dbh_cm"], "agb_t": weight * trees["agb_kg"],
        "co2e_t": weight * trees["co2e_kg"], "palm": trees["growth_form"].isin(PALMS),
    })  # fmt: skip


def _given_tree(agb: float, value: float) -> pd.DataFrame:
    """A stock given as one figure: above every diameter threshold."""
    return pd.DataFrame({
        "line": ["stock_then"], "dbh_cm": [math.inf], "agb_t": [-agb], "co2e_t": [-value],
        "palm": [False],
    })  # fmt: skip


def _of_comparison(
    tables: dict[str, pd.DataFrame],
    run: dict[str, Any],
    scenario: str,
    area_ha: float | None,
    horizon: float | None = None,
) -> Claim:
    difference, pools, summary = tables["difference"], tables["pools"], tables["summary"]
    names = list(dict.fromkeys(difference["scenario"].astype(str)))
    chosen = scenario or names[0]
    if chosen not in names:
        raise SettingsError(
            f"the comparison holds no scenario '{chosen}'; it has {', '.join(names)}."
        )
    baseline = str(difference["baseline"].iloc[0])
    area = 1.0 if area_ha is None else area_ha
    end = _end(pools, horizon)
    pools, difference, fluxes = (
        table[table["year"] <= end] for table in (pools, difference, tables["fluxes"])
    )

    def moved(which: str, pool: str) -> float:
        mine = pools[(pools["scenario"] == which) & (pools["pool"] == pool)].sort_values("year")
        return area * float(mine["t_c_ha"].iloc[-1] - mine["t_c_ha"].iloc[0])

    def line(which: str) -> tuple[float, float]:
        fraction = carbon_fractions()["ipcc_default"].value
        return moved(which, "agb") / fraction, co2e(moved(which, "biomass"))

    def average(which: str) -> float:
        row = summary[summary["scenario"] == which].iloc[0]
        start = pools[(pools["scenario"] == which) & (pools["pool"] == "biomass")]
        first = float(start.sort_values("year")["t_c_ha"].iloc[0])
        return co2e(area * (float(row["biomass_average_t_c_ha"]) - first))

    last = difference[(difference["scenario"] == chosen) & (difference["pool"] == "biomass")]
    last = last.sort_values("year")
    known = "difference_t_c_ha_sd" in last
    return Claim(
        "comparison",
        {"project_scenario": line(chosen)},
        full_se_t=co2e(area * float(last["difference_t_c_ha_sd"].iloc[-1])) if known else math.nan,
        area_ha=area,
        describes="land" if area_ha is not None else "one hectare",
        baseline=line(baseline),
        pools={
            pool: co2e(moved(chosen, pool) - moved(baseline, pool))
            for pool in ("herb", "deadwood", "litter", "soil")
        },
        long_term_t=average(chosen) - average(baseline),
        years=float(end),
        felled_at_end=_felled(pools, chosen),
        emitted_t=_emitted(fluxes, chosen, baseline, area),
        why_no_sampling="scenario",
        tables=tables,
        run=run,
    )


def _end(pools: pd.DataFrame, horizon: float | None) -> int:
    """Year at which the change of a comparison is taken."""
    last = int(pools["year"].max())
    if horizon is None:
        return last
    end = round(horizon)
    if not 1 <= end <= last:
        raise SettingsError(
            f"the comparison covers {last} years; --years {horizon:g} is not within 1 and {last}."
        )
    return end


def _felled(pools: pd.DataFrame, scenario: str) -> bool:
    """Whether the stand is felled in the very year at which its change is taken."""
    mine = pools[(pools["scenario"] == scenario) & (pools["pool"] == "biomass")]
    stock = mine.sort_values("year")["t_c_ha"].to_numpy()
    return bool(len(stock) > 1 and stock[-1] < 0.5 * stock[-2])


def _emitted(fluxes: pd.DataFrame, chosen: str, baseline: str, area: float) -> dict[str, float]:
    """Emissions of a scenario over the baseline's [t CO2e]."""
    found = {}
    for source in ("fertiliser", "fuel", "burning"):
        sums = []
        for which in (chosen, baseline):
            mine = fluxes[(fluxes["scenario"] == which) & (fluxes["flux"] == source)]
            sums.append(float(mine["value"].sum()))
        found[source] = area * (sums[0] - sums[1])
    return found


def _count(flags: pd.Series[str], names: tuple[str, ...]) -> int:
    return int(flags.str.contains("|".join(names), regex=True).sum())


def _sampled(plots: pd.DataFrame, column: str, describes: str) -> tuple[Sampled | None, str]:
    """Sampling error of the total above-ground biomass, or why there is none."""
    how = plots["plot_selection"].astype(object).fillna("").astype(str).str.strip().str.lower()
    if how.isin(CENSUS).all():
        return Sampled(0.0, MANY, len(plots), 1), ""
    if not column or not how.isin(RANDOM).all():
        return None, "plots_not_random"
    if describes != "land":
        return None, "land_unknown"
    keys = plots["site_id"].astype(str) + "\n" + plots["stratum"].astype(str)
    codes, _ = pd.factorize(keys, sort=True)
    land = plots.groupby(codes)["represents_ha"].sum()
    found: SampledTotal = stratified_total(plots[column], codes, land, plots["area_ha"])
    if found.degrees == 0:
        return None, "one_plot"
    return Sampled(math.sqrt(found.variance), found.degrees, found.n_plots, found.n_strata), ""
