"""A run's folder: written whole, read back whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rubbercarbon.errors import RunFolderError
from rubbercarbon.formats import csv
from rubbercarbon.problems import COLUMNS, Problem, Problems
from rubbercarbon.provenance import RECORD, SCHEMA_VERSION, write_folder
from rubbercarbon.stocks import Stocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from rubbercarbon.change import Change

TABLES = (
    "trees", "plots", "total", "assumptions", "citations", "problems", "attribution", "uncertainty",
    "sampling",
)  # fmt: skip
DRAWS = "draws.parquet"
TEXTS = frozenset(
    {
        "plot_id",
        "tree_id",
        "stem_id",
        "species_input",
        "species",
        "species_match",
        "growth_form",
        "plot_selection",
        "status",
        "height_source",
        "wood_density_level",
        "equation_id",
        "equation_grade",
        "selection",
        "flags",
        "site_id",
        "stratum",
        "system",
        "describes",
        "id",
        "predicts",
        "grade",
        "citation",
        "doi",
        "where",
        "seen",
        "topic",
        "assumption",
        "value",
        "unit",
        "applies_to",
        "source",
        "file",
        "sheet",
        "column",
        "code",
        "severity",
        "message",
        "suggestion",
        "suggested_value",
        "quantity",
        "method",
        "term",
    }
)


def write_run(
    stocks: Stocks,
    folder: str | Path,
    *,
    force: bool = False,
    language: str = "en",
    parquet: bool = False,
    extras: Callable[[Path], None] | None = None,
) -> Path:
    """Write a run folder; a crash leaves the former one as it was.

    Parameters
    ----------
    stocks : Stocks
        From `estimate_stocks`.
    folder : str or Path
        New, empty, or a former run folder (which is replaced whole).
    force : bool
        Replace a folder that holds something else.
    language : str
        Of the problems list: ``en`` or ``th``.
    parquet : bool
        Write the trees as Parquet too.
    extras : callable, optional
        Writes more files into the folder before it is put in place.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RunFolderError
        When the folder cannot be written or must not be replaced.
    """

    def more(fresh: Path) -> None:
        if parquet:
            stocks.trees.to_parquet(fresh / "trees.parquet", index=False)
        if stocks.draws is not None:
            import pyarrow.parquet as pq  # noqa: PLC0415  (slow import)

            pq.write_table(stocks.draws, fresh / DRAWS)
        if extras is not None:
            extras(fresh)

    return write_folder(
        folder, stock_tables(stocks, language), stocks.run, force=force, extras=more
    )


def write_change(
    change: Change, folder: str | Path, *, force: bool = False, language: str = "en"
) -> Path:
    """Write the change between two censuses as a run folder.

    Parameters
    ----------
    change : Change
    folder : str or Path
    force : bool
    language : str

    Returns
    -------
    Path

    Raises
    ------
    RunFolderError
    """
    return write_folder(folder, change_tables(change, language), change.run, force=force)


def change_tables(change: Change, language: str = "en") -> dict[str, pd.DataFrame]:
    """Tables of a change, by the names of their files."""
    return {
        "change_trees": change.trees,
        "change_plots": change.plots,
        "change_total": change.total,
        "assumptions": change.assumptions,
        "citations": change.equations,
        "problems": change.found_problems.frame(language),
    }


def stock_tables(stocks: Stocks, language: str = "en") -> dict[str, pd.DataFrame]:
    """Tables of stocks, by the names of their files."""
    return {
        "trees": stocks.trees,
        "plots": stocks.plots,
        "total": stocks.total,
        "assumptions": stocks.assumptions,
        "citations": stocks.equations,
        "problems": stocks.found_problems.frame(language),
        "attribution": stocks.attribution,
        "uncertainty": stocks.uncertainty,
        "sampling": stocks.sampling,
    }


@dataclass(frozen=True)
class RunTables:
    """A run folder of another command than ``estimate``, read back.

    Attributes
    ----------
    run : dict
        Its record.
    tables : dict of pandas.DataFrame
        By name of file.
    draws : pyarrow.Table or None
    """

    run: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    draws: Any = None


def read_record(path: Path) -> dict[str, Any]:
    """The record of a run folder.

    Raises
    ------
    RunFolderError
        When the folder is no run folder or was written by a newer version.
    """
    if not (path / RECORD).is_file():
        raise RunFolderError(f"'{path}' is not a run folder: it has no {RECORD}.")
    try:
        record: dict[str, Any] = json.loads((path / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"'{path / RECORD}' cannot be read: {error}.") from error
    if record.get("schema_version", 0) > SCHEMA_VERSION:
        raise RunFolderError(
            f"'{path}' was written by a newer version (schema {record['schema_version']}, known "
            f"{SCHEMA_VERSION}); update rubbercarbon."
        )
    return record


def load_run(folder: str | Path) -> Stocks | RunTables:
    """Read a run folder back.

    Parameters
    ----------
    folder : str or Path
        Written by a command or one of the ``write_`` functions.

    Returns
    -------
    Stocks or RunTables
        `Stocks` of ``estimate``, the tables of any other command.

    Raises
    ------
    RunFolderError
        When the folder is no run folder or was written by a newer version.
    """
    path = Path(folder)
    record = read_record(path)
    files = record.pop("files", [])
    if "trees.csv" not in files:
        names = [Path(name).stem for name in files if name.endswith(".csv")]
        tables = {name: csv.read_plain(path / f"{name}.csv").map(_plain) for name in names}
        typed = {name: table.apply(_numbers) for name, table in tables.items()}
        return RunTables(record, typed, _read_draws(path))
    tables = {name: _read(path / f"{name}.csv") for name in TABLES}
    return Stocks(
        trees=tables["trees"],
        plots=tables["plots"],
        total=tables["total"],
        assumptions=tables["assumptions"],
        equations=tables["citations"],
        run=record,
        found_problems=_problems(tables["problems"]),
        attribution=tables["attribution"],
        uncertainty=tables["uncertainty"],
        sampling=tables["sampling"],
        draws=_read_draws(path),
    )


def _read_draws(path: Path) -> Any:
    if not (path / DRAWS).is_file():
        return None
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow import)

    return pq.read_table(path / DRAWS)


def _plain(cell: object) -> object:
    return None if cell == "" else cell


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column as numbers, where all its cells are."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().eq(column.notna()).all() else column.fillna("")


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise RunFolderError(f"'{path.parent}' is incomplete: it has no {path.name}.")
    frame = csv.read_plain(path)
    for name in frame.columns:
        if name not in TEXTS:
            frame[name] = pd.to_numeric(frame[name].replace("", None))
    return frame


def _problems(frame: pd.DataFrame) -> Problems:
    problems = Problems()
    for record in frame[list(COLUMNS)].to_dict("records"):
        row = record["row"]
        problems.items.append(
            Problem(
                record["file"],
                record["sheet"],
                None if pd.isna(row) else int(row),
                record["column"],
                record["value"],
                record["code"],
                record["severity"],
                texts=(record["message"], record["suggestion"]),
                fix=str(record["suggested_value"] or ""),
            )
        )
    return problems
