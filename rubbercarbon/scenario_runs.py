"""The run folder of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rubbercarbon.outcome import POOLS, SUMS
from rubbercarbon.projection import Projection
from rubbercarbon.provenance import write_folder
from rubbercarbon.scenario_figures import write_figures

if TYPE_CHECKING:
    from rubbercarbon.comparison import Comparison


def comparison_tables(comparison: Comparison, language: str = "en") -> dict[str, pd.DataFrame]:
    """Every table of a comparison by name, long and tidy."""
    projection = comparison.projection
    tables = {
        "summary": comparison.summary,
        "difference": comparison.difference,
        "pools": projection.pools,
        "fluxes": projection.fluxes,
        "stands": projection.stands,
        "switches": comparison.switches,
        "drivers": comparison.drivers,
        "sensitivity": comparison.sensitivity,
        "assumptions": projection.assumptions,
        "citations": citations(projection),
        "problems": comparison.problems.frame(language),
    }
    if comparison.accounts is not None:
        tables |= {"accounts": comparison.accounts.summary,
                   "cash_flow": comparison.accounts.cash_flow}  # fmt: skip
    return tables


def citations(projection: Projection) -> pd.DataFrame:
    """Sources with what they were used for."""
    rows = projection.assumptions
    rows = rows[(rows["source"] != "") & (rows["source"] != "rule of this library")]
    grouped = rows.groupby(["source", "grade"], sort=True)["topic"]
    return grouped.agg(lambda topics: ", ".join(dict.fromkeys(topics))).reset_index(name="used_for")


def draws_table(projection: Projection) -> Any:
    """Draws as an Arrow table: scenario, year, pool, draw, t_c_ha."""
    import pyarrow as pa  # noqa: PLC0415  (slow import)

    tables = []
    years, count = projection.years + 1, projection.draws
    for name, run in projection.runs.items():
        if run.draws is None:
            continue
        for pool in (*POOLS, *SUMS):
            values = run.draws.stock(pool)[:years]
            tables.append(
                pa.table(
                    {
                        "scenario": pa.array([name] * values.size).dictionary_encode(),
                        "pool": pa.array([pool] * values.size).dictionary_encode(),
                        "year": pa.array(np.repeat(np.arange(years, dtype=np.int32), count)),
                        "draw": pa.array(np.tile(np.arange(count, dtype=np.int32), years)),
                        "t_c_ha": pa.array(values.ravel()),
                    }
                )
            )
    return pa.concat_tables(tables).unify_dictionaries()


def write_comparison(
    comparison: Comparison,
    folder: str | Path,
    *,
    force: bool = False,
    language: str = "en",
    draws: bool = False,
    figures: bool = True,
) -> Path:
    """Write a comparison as a run folder: tables and figures.

    Parameters
    ----------
    comparison : Comparison
        From `compare_scenarios`.
    folder : str or Path
        New, empty, or a former run folder (which is replaced whole).
    force : bool
        Replace a folder that holds something else.
    language : str
        Of problems and figures: ``en`` or ``th``.
    draws : bool
        Write draws.parquet too.
    figures : bool
        Draw the figures as well.

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
        if draws and comparison.projection.draws:
            import pyarrow.parquet as pq  # noqa: PLC0415  (slow import)

            pq.write_table(draws_table(comparison.projection), fresh / "draws.parquet")
        if figures:
            write_figures(comparison, fresh, language)

    return write_folder(
        folder, comparison_tables(comparison, language), comparison.run, force=force, extras=more
    )
