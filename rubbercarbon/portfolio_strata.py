"""Strata and coverage of a portfolio: zone, land document, type of operator."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd

from rubbercarbon.columns import RAI_PER_HA
from rubbercarbon.site_words import CODES, LISTED_DOCUMENTS, label

DIMENSIONS = ("agro_ecological_zone", "land_document", "operator_type", "new_generation_farmer")
KINDS = {
    "land_document": "land_document",
    "operator_type": "operator_type",
    "new_generation_farmer": "answer",
}
ALL = "ALL"
COUNTS = ("n_plots", "n_trees")


def groups(sites: pd.DataFrame) -> list[tuple[dict[str, str], list[str]]]:
    """Strata with the numbers of their sites.

    All four dimensions together, then each alone (the others ``ALL``), then all sites.
    """
    cuts = [DIMENSIONS, *((name,) for name in DIMENSIONS), ()]
    found: list[tuple[dict[str, str], list[str]]] = []
    for cut in cuts:
        if not cut:
            found.append((dict.fromkeys(DIMENSIONS, ALL), sites["number"].tolist()))
            continue
        for values, mine in sites.groupby(list(cut), sort=True):
            names = [str(value) for value in values]
            keys = dict.fromkeys(DIMENSIONS, ALL) | dict(zip(cut, names, strict=True))
            found.append((keys, mine["number"].tolist()))
    return found


def strata(
    sites: pd.DataFrame, cuts: list[tuple[dict[str, str], list[str]]], sums: pd.DataFrame
) -> pd.DataFrame:
    """One row per stratum: number of sites, area, stocks, and the sites' spread per rai.

    Parameters
    ----------
    sites : pandas.DataFrame
        With ``number``, ``status`` and ``co2e_t_rai``.
    cuts : list
        Of `groups`.
    sums : pandas.DataFrame
        Stocks of each of them, in their order.
    """
    per_rai = sites.set_index("number")["co2e_t_rai"]
    status = sites.set_index("number")["status"]
    rows = []
    for (keys, numbers), total in zip(cuts, sums.to_dict("records"), strict=True):
        mine = per_rai[numbers].dropna()
        rows.append(
            {
                **keys,
                "n_sites": len(numbers),
                "n_with_stocks": int((status[numbers] != "failed").sum()),
                "area_rai": total["area_ha"] * RAI_PER_HA,
                **{str(name): value for name, value in total.items() if name not in COUNTS},
                "site_mean_co2e_t_rai": mine.mean(),
                "site_sd_co2e_t_rai": mine.std(ddof=1),
                "site_min_co2e_t_rai": mine.min(),
                "site_max_co2e_t_rai": mine.max(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def coverage(sites: pd.DataFrame, zones: list[str] | None) -> pd.DataFrame:
    """Which zones, land documents and operators have a demonstration site, and which none.

    Parameters
    ----------
    sites : pandas.DataFrame
    zones : list of str or None
        Zones that should be covered; no list of them is built in, so that without it those
        without a site are unknown.

    Returns
    -------
    pandas.DataFrame
        dimension, value, label_en, label_th, n_sites, n_with_stocks, state: covered,
        no_stocks (sites, none of them computed), no_site, unknown, not_listed (a zone that the
        given list does not hold).
    """
    named = sorted(set(sites["agro_ecological_zone"]) - {"unknown"})
    listed = list(dict.fromkeys(zones)) if zones else named
    rows = [
        _row(sites, "agro_ecological_zone", zone, {"en": zone, "th": zone})
        for zone in [*listed, *(zone for zone in named if zone not in listed)]
    ]
    for row in rows:
        if row["value"] not in listed:
            row["state"] = "not_listed"
    rest = _row(sites, "agro_ecological_zone", "unknown", _labels("answer", "unknown"))
    rows.append({**rest, "state": "unknown" if rest["n_sites"] or not zones else "none"})
    for name, kind in KINDS.items():
        codes = LISTED_DOCUMENTS if name == "land_document" else CODES[kind]
        extra = [c for c in CODES[kind] if c not in codes and (sites[name] == c).any()]
        for code in itertools.chain(codes, extra):
            row = _row(sites, name, code, _labels(kind, code))
            if code == "unknown":
                row["state"] = "unknown" if row["n_sites"] else "none"
            rows.append(row)
    return pd.DataFrame(rows)


def _labels(kind: str, code: str) -> dict[str, str]:
    return {language: label(kind, code, language) for language in ("en", "th")}


def _row(sites: pd.DataFrame, name: str, value: str, labels: dict[str, str]) -> dict[str, Any]:
    mine = sites[sites[name] == value]
    done = int((mine["status"] != "failed").sum())
    return {
        "dimension": name,
        "value": value,
        "label_en": labels["en"],
        "label_th": labels["th"],
        "n_sites": len(mine),
        "n_with_stocks": done,
        "state": "covered" if done else "no_stocks" if len(mine) else "no_site",
    }
