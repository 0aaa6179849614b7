"""Where a report's figures come from: the tables of a result or of its run folder, alike."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rubbercarbon.errors import ReportError, RunFolderError
from rubbercarbon.formats import csv
from rubbercarbon.runs import TEXTS, change_tables, read_record, stock_tables
from rubbercarbon.scenario_runs import comparison_tables

if TYPE_CHECKING:
    from rubbercarbon.sites import Site

DOSSIER = "site.json"
# columns of credit tables that hold texts, even where all of them look like numbers
CREDIT_TEXTS = frozenset({
    "programme", "title", "version", "text_status", "period_from", "period_to", "drove",
    "buffer_state", "line", "note", "kind", "condition", "state", "detail", "name", "scenario",
    "number", "dimension", "label_en", "label_th", "agro_ecological_zone", "land_document",
    "operator_type", "new_generation_farmer", "reason", "baseline", "component", "fate", "pool",
    "driver", "cause", "item", "locality", "zone", "system", "operator",
})  # fmt: skip
# a run without any of these holds nothing that a report is of
REPORTED = frozenset({"total", "change_total", "summary", "programmes", "sites"})
NOTHING_TO_REPORT = {
    "check": "'{folder}' is a folder of `rubbercarbon check`: it holds the problems of a sheet and "
    "no stock, so there is nothing to report. Its list is problems.xlsx; correct the sheet, run "
    "`rubbercarbon estimate`, and report that folder.",
    "other": "'{folder}' holds no stock, change, comparison, claim or portfolio to report; give a "
    "folder of estimate, change, compare, credit, portfolio or batch.",
}
BATCH = "problem_counts"  # a table that only `batch` writes


@dataclass(frozen=True)
class ReportSource:
    """Everything a report is made from.

    Attributes
    ----------
    tables : dict of pandas.DataFrame
        By name of file, without suffix; texts are str, figures are float or int.
    run : dict
        The content of ``run.json``, without the list of files.
    site : dict
        The dossier's groups; empty where there is none.
    """

    tables: dict[str, pd.DataFrame]
    run: dict[str, Any]
    site: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """A table, empty where the run has none."""
        return self.tables.get(name, pd.DataFrame())

    def has(self, name: str) -> bool:
        """Whether the run has rows of that name."""
        return not self.table(name).empty

    def group(self, name: str) -> dict[str, Any]:
        """A group of the site's dossier; empty where there is none."""
        found = self.site.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def batch(self) -> bool:
        """Whether the run is one of ``batch``: sums by region, without single trees."""
        return self.has(BATCH)

    @property
    def many(self) -> bool:
        """Whether the run is of many sites, so that it has no dossier of its own."""
        return self.has("sites") or self.batch

    @property
    def level(self) -> float:
        """Of the intervals."""
        return float(self.run.get("settings", {}).get("level") or 0.90)


def report_source(
    source: object, *, site: Site | dict[str, Any] | str | Path | None = None, language: str = "en"
) -> ReportSource:
    """Tables, record and dossier of a result or a run folder.

    Parameters
    ----------
    source : Stocks, Change, Comparison, CreditResult, RunTables, str or Path
        A result, or the folder it was written to.
    site : Site, dict, str or Path, optional
        The dossier, or its TOML file; without it the run's own, if it has one.
    language : str
        Of the list of problems of a result.

    Returns
    -------
    ReportSource

    Raises
    ------
    ReportError
        For an object that has no tables.
    RunFolderError, SiteError
        For a folder or file that cannot be read.
    """
    own: dict[str, Any] = {}
    if isinstance(source, str | Path):
        tables, run, own = _folder(Path(source))
    else:
        tables, run = _result(source, language)
        dossier = getattr(source, "site", None)
        own = _plain_site(dossier) if dossier is not None else {}
    given = _site(site) if site is not None else own
    ids = [str(one.get("site", {}).get("id", "")) for one in (own, given)]
    if site is not None and all(ids) and ids[0] != ids[1]:
        raise ReportError(
            f"the run is of site '{ids[0]}', the dossier given of '{ids[1]}'; leave --site out, or "
            "give that site's dossier."
        )
    run = json.loads(json.dumps(run, default=str))
    run.pop("files", None)
    return ReportSource({name: _typed(table) for name, table in tables.items()}, run, given)


def _result(source: object, language: str) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    from rubbercarbon.change import Change  # noqa: PLC0415  (loads what a folder does not need)
    from rubbercarbon.comparison import Comparison  # noqa: PLC0415
    from rubbercarbon.stocks import Stocks  # noqa: PLC0415

    if isinstance(source, Stocks):
        return stock_tables(source, language), source.run
    if isinstance(source, Change):
        return change_tables(source, language), source.run
    if isinstance(source, Comparison):
        return comparison_tables(source, language), source.run
    tables, run = getattr(source, "tables", None), getattr(source, "run", None)
    if isinstance(tables, dict) and isinstance(run, dict):
        return tables, run
    raise ReportError(
        f"a report cannot be made of {type(source).__name__}; give the result of estimate_stocks, "
        "compare_inventories, compare_scenarios or credit, or a run folder."
    )


def _folder(path: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any], dict[str, Any]]:
    """Every table that the run's record names."""
    record = read_record(path)
    files = [path / Path(name).name for name in record.get("files", []) if name.endswith(".csv")]
    for file in files:
        if not file.is_file():
            raise RunFolderError(f"'{path}' is incomplete: it has no {file.name}.")
    names = {file.stem for file in files}
    if not names & REPORTED:
        kind = "check" if record.get("kind") == "check" else "other"
        raise ReportError(NOTHING_TO_REPORT[kind].format(folder=path))
    tables = {file.stem: csv.read_plain(file) for file in files}
    site: dict[str, Any] = {}
    if (path / DOSSIER).is_file():
        try:
            site = json.loads((path / DOSSIER).read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunFolderError(f"'{path / DOSSIER}' cannot be read: {error}.") from error
    return tables, record, site if isinstance(site, dict) else {}


def _site(site: Site | dict[str, Any] | str | Path) -> dict[str, Any]:
    if isinstance(site, str | Path):
        from rubbercarbon.sites import read_site  # noqa: PLC0415

        return _plain_site(read_site(site))
    return _plain_site(site)


def _plain_site(site: Any) -> dict[str, Any]:
    """A dossier as plain JSON values."""
    if hasattr(site, "model_dump"):
        site = site.model_dump(mode="json")
    plain = json.loads(json.dumps(site, default=str))
    return plain if isinstance(plain, dict) else {}


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Texts as str, figures as numbers: the same from memory as from a file."""
    columns: dict[str, Any] = {}
    for name in table.columns:
        column = table[name]
        if column.dtype.kind != "b" and str(name) not in TEXTS | CREDIT_TEXTS:
            numbers = pd.to_numeric(column.replace("", None), errors="coerce")
            empty = column.isna() | column.astype(str).isin(["", "None", "<NA>", "nan"])
            if bool((numbers.notna() | empty).all()):
                columns[str(name)] = numbers.astype(float).to_numpy()
                continue
        columns[str(name)] = [_text(value) for value in column.astype(object)]
    return pd.DataFrame(columns, columns=[str(name) for name in table.columns])


def _text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
