"""Every gathered row is in the catalogue or has a reason why not; none is forgotten."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from shared_data import data

from allometry.catalogue.loader import all_equations, carbon_fractions

MAP = Path(__file__).parent / "evidence_rows.csv"


def _map():
    with MAP.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    "file", ["equations_rubber.csv", "equations_companions.csv", "height_diameter.csv"]
)
def test_every_row_is_accounted_for(file):
    with data("evidence", file).open(encoding="utf-8", newline="") as stream:
        rows = {row["id"] for row in csv.DictReader(stream)}
    assert rows == {entry["row_id"] for entry in _map() if entry["file"] == file}


def test_rows_in_use_exist_and_the_others_say_why():
    known = {record.id for record in all_equations()}
    known |= {f"carbon_fractions:{name}" for name in carbon_fractions()}
    for entry in _map():
        if entry["catalogue_id"]:
            assert entry["catalogue_id"] in known, entry["row_id"]
        else:
            assert len(entry["reason"]) > 10, entry["row_id"]


def test_grades_are_those_of_the_evidence():
    grades = {record.id: record.grade for record in all_equations()}
    doubtful = {"prayogo_areca_dh", "prayogo_areca_h", "prayogo_areca_d", "chave_2014_eq4"}
    for file in ("equations_rubber.csv", "equations_companions.csv", "height_diameter.csv"):
        with data("evidence", file).open(encoding="utf-8", newline="") as stream:
            seen = {row["id"]: row["confidence"] for row in csv.DictReader(stream)}
        for entry in _map():
            name = entry["catalogue_id"]
            if entry["file"] == file and name in grades and name not in doubtful:
                assert grades[name] == seen[entry["row_id"]], name
