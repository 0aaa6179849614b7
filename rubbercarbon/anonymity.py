"""A portfolio without names: of people, sites, farms, plots and files.

Sites keep the number that they have in the list, so that its keeper can look them up. Texts that
were typed are withheld wherever they were quoted; numbers and words of this library stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from rubbercarbon.assumptions import Assumptions
from rubbercarbon.columns import PLOT_COLUMNS, SITE_COLUMNS, TREE_COLUMNS
from rubbercarbon.portfolio_inventories import MARK
from rubbercarbon.problems import Problem, Problems

if TYPE_CHECKING:
    from rubbercarbon.portfolio import PortfolioStocks

COLUMNS = frozenset({*TREE_COLUMNS, *PLOT_COLUMNS, *SITE_COLUMNS})
DECIMALS = 2  # of coordinates: about a kilometre
WITHHELD = "•••"
OUR_WORDS = frozenset({
    "allowed", "candidates", "found", "equation", "unit", "low", "high", "limit",
})  # fmt: skip
QUOTING = ("heading", "unit")  # topics of assumptions that quote a heading
_MARKED = re.compile(rf"{MARK}(S\d+(?::\d+)?)")
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:e[-+]?\d+)?(?:\s*%)?")


def named(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """A table with the numbers of sites and plots in its texts replaced by their names."""
    if frame.empty:
        return frame
    texts = [c for c in frame.columns if frame[c].dtype.kind not in "biufcM" and c != "row"]
    shown = frame.copy()
    for name in texts:
        shown[name] = [named_text(cell, names) for cell in frame[name]]
    return shown


def named_text(text: Any, names: Mapping[str, str]) -> Any:
    """A text with numbers replaced by names; anything else as it is."""
    if not isinstance(text, str) or MARK not in text:
        return text
    return _MARKED.sub(lambda found: names.get(found.group(1), found.group(1)), text)


def anonymised(result: PortfolioStocks) -> PortfolioStocks:
    """The same stocks without personal data; figures are untouched, coordinates rounded.

    Parameters
    ----------
    result : PortfolioStocks

    Returns
    -------
    PortfolioStocks
    """
    numbers = dict(zip(result.sites["site_id"], result.sites["number"], strict=True))
    sites = result.sites.drop(columns="name").copy()
    sites["operator"] = _pseudonyms(sites)
    sites["site_id"] = sites["number"]
    sites["reason"] = sites["reason"].map(lambda text: WITHHELD if text else "")
    for name in ("latitude", "longitude"):
        sites[name] = sites[name].round(DECIMALS)
    problems = Problems()
    problems.items = [_without_names(item) for item in result.found_problems.items]
    files = {name: _file(name, result.file) for name in (i["file"] for i in result.run["inputs"])}
    inputs = [{"file": files[i["file"]], "sha256": i["sha256"]} for i in result.run["inputs"]]
    assumptions = Assumptions(
        [_quoteless(row) for row in result.assumptions.itertuples(index=False)]
    )
    assumptions.add(
        "personal data",
        "names of operators, sites, farms, plots and files are left out: an operator is called by "
        "the number of the first of his sites in the list; typed texts are withheld; coordinates "
        f"are rounded to {DECIMALS} decimals of a degree (about 1 km)",
        "anonymised",
        source="rule of this library",
    )
    return replace(
        result,
        sites=sites,
        total=result.total.assign(site_id=result.total["number"]),
        sampling=result.sampling.assign(
            site_id=[numbers.get(name, name) for name in result.sampling["site_id"]]
        ),
        assumptions=assumptions.frame(),
        run={**result.run, "inputs": sorted(inputs, key=lambda i: (i["file"], i["sha256"]))},
        found_problems=problems,
        names={},
        file="",
    )


def _pseudonyms(sites: pd.DataFrame) -> list[str]:
    """Number of the first site of each operator."""
    first: dict[str, str] = {}
    names = []
    for number, operator in zip(sites["number"], sites["operator"], strict=True):
        key = " ".join(str(operator).casefold().split())
        names.append(first.setdefault(key, number) if key else "")
    return names


def _file(name: str, listed: str) -> str:
    """``S001`` for a file of a site, ``sites`` for the list."""
    found = re.match(rf"{MARK}(S\d+(?:-{MARK}S\d+)?)", name)
    return "sites" if name == listed else found.group(1).replace(MARK, "") if found else ""


def _quoteless(row: Any) -> tuple[str, ...]:
    texts = tuple(_MARKED.sub(r"\1", str(cell)) for cell in row)
    if texts[0] in QUOTING:
        return texts[0], re.sub(r"'.*'", f"'{WITHHELD}'", texts[1]), *texts[2:]
    return texts


def _without_names(item: Problem) -> Problem:
    values = {name: _safe(name, value) for name, value in dict(item.values).items()}
    values["column"] = item.column  # the texts name a column by its heading
    file = _file(item.file, "") if item.file.startswith(MARK) else "sites" if item.file else ""
    return replace(
        item, file=file, sheet="", value=str(_safe("value", item.value)), values=values,
        fix=str(_safe("fix", item.fix)), texts=None,
    )  # fmt: skip


def _safe(name: str, value: object) -> object:
    """A value as it is where it is ours or a number; a plot by its number; else withheld."""
    text = str(value)
    if name in OUR_WORDS or isinstance(value, int | float) or not text:
        return value
    if _NUMBER.fullmatch(text) or text in COLUMNS:
        return text
    found = _MARKED.fullmatch(text)
    return found.group(1) if found else WITHHELD
