"""Results that several files of tests look at; none may change them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from batch_runs import write_files
from made_inventories import national
from made_reports import credit_folder

import rubbercarbon as rc
from rubbercarbon.report import make_report
from rubbercarbon.report_source import report_source
from rubbercarbon.runs import write_change

SAMPLE = Path(rc.__file__).parent / "sample"


@pytest.fixture(scope="session")
def sample_stocks():
    return rc.estimate_stocks(rc.read_inventory(SAMPLE / "trees.csv", SAMPLE / "plots.csv"))


@pytest.fixture(scope="session")
def sample_change():
    trees = pd.read_csv(SAMPLE / "trees.csv", dtype=str).head(160)
    later = trees.assign(girth_cm=pd.to_numeric(trees["girth_cm"], errors="coerce") * 1.06)
    plots = pd.read_csv(SAMPLE / "plots.csv")
    return rc.compare_inventories(
        rc.read_inventory(trees, plots), rc.read_inventory(later.drop(index=[10, 11]), plots)
    )


@pytest.fixture(scope="session")
def sample_claim(sample_change, tmp_path_factory):
    """Folder of a claim."""
    folder = tmp_path_factory.mktemp("claim") / "run"
    write_change(sample_change, folder)
    return credit_folder(folder)


@pytest.fixture(scope="session")
def sample_claims(sample_claim):
    """The claim's report in both languages."""
    return {
        language: make_report(report_source(sample_claim), language) for language in ("en", "th")
    }


@pytest.fixture(scope="session")
def trees():
    """A small national inventory."""
    return national(20, 20)


@pytest.fixture(scope="session")
def farms(trees, tmp_path_factory):
    """The inventory in four Parquet files of whole plots."""
    folder = tmp_path_factory.mktemp("farms")
    write_files(trees, folder)
    return folder


@pytest.fixture(scope="session")
def undisturbed(farms, tmp_path_factory):
    """Folder of a batch of the farms, points alone."""
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    rc.run_batch(farms, folder)
    return folder
