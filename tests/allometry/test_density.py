"""Wood density: level by level, with its spread."""

from __future__ import annotations

import pytest

import allometry as al
from allometry.catalogue.loader import read_csv
from allometry.density import air_dry_densities, basic_from_air_dry, find_density


def test_levels_from_species_to_default():
    table = al.wood_density(["Hevea brasiliensis", "Shorea sp.", "nothing like it"])
    assert table["level"].tolist() == ["species", "genus", "default"]
    assert table.loc[0, "wood_density_g_cm3"] == pytest.approx(0.501)
    assert (table["sd_g_cm3"] > 0).all()
    assert table["source"].str.len().min() > 10


def test_a_family_mean_carries_the_spread_between_and_within_species():
    family = find_density("Nobody nobody", "Nobody", "Dipterocarpaceae")
    members = [row for row in read_csv("wood_density.csv") if row["level"] == "species"]
    assert family.level == "family"
    assert family.sd > min(float(row["sd_g_cm3"]) for row in members)


def test_a_family_with_one_species_falls_to_the_default():
    lonely = find_density("", "", "Arecaceae")
    assert lonely.level == "default"


def test_air_dry_is_converted_with_the_published_factor():
    assert basic_from_air_dry(0.70) == pytest.approx(0.828 * 0.70)


def test_air_dry_figures_are_kept_apart_from_the_defaults():
    air_dry = air_dry_densities()
    basic = {row["taxon"]: float(row["wood_density_g_cm3"]) for row in read_csv("wood_density.csv")}
    assert air_dry["Hevea brasiliensis"] == pytest.approx(0.70)
    assert basic["Hevea brasiliensis"] == pytest.approx(0.501)


def test_every_density_is_basic_plausible_and_sourced():
    for row in read_csv("wood_density.csv"):
        assert row["basis"] == "basic", row["taxon"]
        assert 0.1 < float(row["wood_density_g_cm3"]) < 1.2
        assert row["source"]
        assert row["grade"] in {"A", "B"}
