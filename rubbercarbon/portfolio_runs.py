"""The run folder of a portfolio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rubbercarbon.anonymity import anonymised, named, named_text
from rubbercarbon.provenance import write_folder

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.portfolio import PortfolioStocks


def portfolio_tables(result: PortfolioStocks, language: str = "en") -> dict[str, pd.DataFrame]:
    """Every table of a portfolio by name."""
    return {
        "sites": result.sites,
        "strata": result.strata,
        "coverage": result.coverage,
        "total": result.total,
        "attribution": result.attribution,
        "sampling": result.sampling,
        "assumptions": named(result.assumptions, result.names),
        "citations": result.equations,
        "problems": result.problem_table(language),
    }


def write_portfolio(
    result: PortfolioStocks,
    folder: str | Path,
    *,
    anonymise: bool = True,
    force: bool = False,
    language: str = "en",
) -> Path:
    """Write a portfolio as a run folder.

    Parameters
    ----------
    result : PortfolioStocks
        From `estimate_portfolio`.
    folder : str or Path
        New, empty, or a former run folder (which is replaced whole).
    anonymise : bool
        Leave out names and typed texts, round coordinates.
    force : bool
        Replace a folder that holds something else.
    language : str
        Of the list of problems.

    Returns
    -------
    Path

    Raises
    ------
    RunFolderError
    """
    shown = anonymised(result) if anonymise else result
    record = {**shown.run, "anonymised": anonymise}
    record["inputs"] = [
        {**one, "file": named_text(one["file"], shown.names)} for one in shown.run["inputs"]
    ]
    return write_folder(folder, portfolio_tables(shown, language), record, force=force)
