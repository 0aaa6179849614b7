"""Names as people write them."""

from __future__ import annotations

import random

import pytest

import allometry as al
from allometry import names
from allometry.catalogue.loader import read_csv
from allometry.names import match_one, normalise, species_table
from allometry.quantities import GROWTH_FORMS


@pytest.mark.parametrize(
    ("name", "species", "kind"),
    [
        ("Hevea brasiliensis", "Hevea brasiliensis", "exact"),
        ("  hevea   BRASILIENSIS ", "Hevea brasiliensis", "exact"),
        ("Hevea brasiliensis Müll.Arg.", "Hevea brasiliensis", "exact"),
        ("Hevea brasilensis", "Hevea brasiliensis", "fuzzy"),
        ("ยางพารา", "Hevea brasiliensis", "thai"),
        ("ยาง\u200bพารา", "Hevea brasiliensis", "thai"),
        ("ตะเคียนทอง", "Hopea odorata", "thai"),
        ("เเตง", "", "none"),
        ("Karet", "Hevea brasiliensis", "local"),
        ("durian", "Durio zibethinus", "local"),
        ("Sengon", "Falcataria moluccana", "local"),
        ("Citrus grandis", "Citrus maxima", "synonym"),
        ("Shorea", "Shorea sp.", "genus"),
        ("Shorea sp.", "Shorea sp.", "genus"),
        ("Shorea unheardofia", "Shorea sp.", "genus"),
        ("Quercus robur", "", "none"),
        ("", "", "none"),
        ("   ", "", "none"),
        ("123", "", "none"),
    ],
)
def test_match(name, species, kind):
    match = match_one(name)
    assert (match.species, match.kind) == (species, kind)


@pytest.mark.parametrize(
    ("local", "species"),
    [
        ("Karet", "Hevea brasiliensis"), ("Durian", "Durio zibethinus"),
        ("Duku", "Lansium domesticum"), ("Jengkol", "Archidendron jiringa"),
        ("Pulai", "Alstonia scholaris"), ("Sengon", "Falcataria moluccana"),
        ("Akasia", "Acacia mangium"), ("Tembesu", "Fagraea fragrans"),
        ("Seru", "Schima wallichii"), ("Tengkawang", "Shorea stenoptera"),
    ],
)  # fmt: skip
def test_indonesian_names(local, species):
    assert match_one(local).species == species


def test_sara_e_twice_reads_as_sara_ae():
    assert normalise("เเค") == normalise("แค")


def test_decomposed_sara_am_reads_as_one():
    assert normalise("ค\u0e4dา") == normalise("คำ")


def test_a_misspelt_genus_gets_candidates_but_no_guess():
    match = match_one("heva")
    assert match.kind == "none"
    assert "Hevea brasiliensis" in match.candidates


def test_an_unclear_misspelling_is_not_decided():
    match = match_one("Bambusa sppx")
    assert match.kind in {"fuzzy", "genus"}
    assert match.genus == "Bambusa"


def test_match_names_keeps_order_and_reports_growth_form():
    table = al.match_names(["ไผ่", "Elaeis guineensis", "x"])
    assert table["growth_form"].tolist() == ["bamboo", "oil_palm", ""]


def test_the_species_table_is_consistent():
    rows = read_csv("species.csv")
    assert len({row["species"] for row in rows}) == len(rows) == len(species_table())
    for row in rows:
        assert row["growth_form"] in GROWTH_FORMS, row["species"]
        thai, states = row["thai_names"], row["thai_names_status"]
        assert len(thai.split(";")) == len(states.split(";")) or not thai
        assert all((row["family"], row["source"])), row["species"]


@pytest.mark.parametrize(
    ("name", "species"),
    [("ต้นสัก", "Tectona grandis"), ("ไม้สัก", "Tectona grandis"), ("ยางพารา RRIM600", "Hevea brasiliensis"),
     ("ยางพารา (พันธุ์ RRIM 600)", "Hevea brasiliensis"), ("ยางพารา 251", "Hevea brasiliensis"),
     ("ต้นยางพารา", "Hevea brasiliensis")],
)  # fmt: skip
def test_thai_names_with_what_people_add(name, species):
    assert names.match_one(name).species == species


def test_a_misspelt_name_is_taken_at_90_with_a_margin_of_5_and_asked_about_otherwise():
    from rapidfuzz import fuzz

    rng = random.Random(4)
    index = names._index()
    latin = sorted(name for name in index.species if "sp" not in name.split()[-1])
    seen = set()
    for name in rng.sample(latin, 60):
        letters = list(name.casefold())
        for _ in range(rng.choice((1, 1, 2, 3))):
            place = rng.randrange(1, len(letters))
            letters[place] = rng.choice("abcdefghiklmnoprstu")
        text = "".join(letters)
        if text in index.names or len(text.split()) != 2 or text.split()[0] in index.genera:
            continue
        best = {}
        for spelling, (accepted, _) in index.names.items():
            best[accepted] = max(best.get(accepted, 0.0), fuzz.ratio(text, spelling))
        first, second = sorted(best.values(), reverse=True)[:2]
        match = names.match_one(text)
        taken = first >= 90 and first - second >= 5
        assert (match.kind == "fuzzy") == taken, (text, first, second)
        assert taken or match.species == ""
        seen.add(taken)
    assert seen == {True, False}
