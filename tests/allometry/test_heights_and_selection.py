"""Height models and the choice of an equation."""

from __future__ import annotations

import numpy as np
import pytest

import allometry as al
from allometry.heights import height_model
from allometry.selection import Taxon, default_rules, in_range, select

RUBBER = Taxon("Hevea brasiliensis", "Hevea", "Euphorbiaceae", "tree")
SENGON = Taxon("Falcataria moluccana", "Falcataria", "Fabaceae", "tree")
ARECA = Taxon("Areca catechu", "Areca", "Arecaceae", "areca")
UNKNOWN = Taxon("", "", "", "")


def _one(taxon, dbh=20.0, choices=None, **conditions):
    flags = {name: np.array([value]) for name, value in conditions.items()}
    chosen = select([taxon], np.array([0]), {"dbh": np.array([dbh])}, flags, choices)
    return chosen.rules[chosen.rule[0]]


def test_published_heights():
    assert float(al.predict_height("harja_2012_pooled", dbh=20.0)) == pytest.approx(
        np.exp(0.9564 + 0.5193 * np.log(20) + 0.2761**2 / 2), rel=1e-12
    )
    assert float(al.predict_height("harja_2012_rubber", dbh=20.0)) == pytest.approx(
        16.09, abs=0.005
    )


def test_a_model_held_at_the_ends_of_its_range():
    inside, beyond = al.predict_height("harja_2012_acacia_mangium_log2", dbh=[47.0, 90.0])
    assert beyond >= inside
    assert beyond == al.predict_height("harja_2012_acacia_mangium_log2", dbh=47.4)


def test_only_height_models_predict_heights():
    with pytest.raises(al.AllometryError, match="predicts agb, not height"):
        al.predict_height("hytonen_2018", dbh=10.0)


def test_the_model_of_a_species_else_the_pooled_one():
    assert height_model("Hevea brasiliensis") == "harja_2012_rubber"
    assert height_model("Swietenia macrophylla") == "harja_2012_pooled"


def test_rubber_gets_the_ensemble_unless_it_is_not_plantation_rubber():
    assert _one(RUBBER).equation == "hevea_ensemble"
    assert _one(RUBBER).roots == "hytonen_2018_stump_root"
    assert _one(RUBBER, unselected=True).equation == "chave_2014_eq4"
    assert _one(RUBBER, short_stand=True).roots == "rsr_tropical_asia"


def test_a_species_equation_only_inside_its_range():
    assert _one(SENGON).equation == "kawahara_1981_falcataria_agb_d"
    assert _one(SENGON, height_measured=True).equation == "kawahara_1981_falcataria_agb_d2h"
    beyond = _one(SENGON, dbh=60.0)
    assert (beyond.equation, beyond.flag) == ("chave_2014_eq4", "high_for_young_plantation")


def test_no_plant_gets_a_tree_equation_by_accident():
    for form in ("sugar_palm", "acaulescent_palm", "rattan", "tea", "coconut"):
        rule = _one(Taxon("X x", "X", "Xaceae", form))
        assert rule.equation == ""
        assert rule.why
    assert _one(ARECA).equation == ""
    assert _one(ARECA, height_measured=True).equation == "prayogo_areca_dh"
    assert _one(UNKNOWN).id == "unknown_growth_form"


@pytest.mark.parametrize("key", ["Hevea brasiliensis", "Hevea", "Euphorbiaceae", "tree", "all"])
def test_the_users_choice_comes_first_at_every_level(key):
    rule = _one(RUBBER, choices={key: "hytonen_2018"})
    assert (rule.equation, rule.why) == ("hytonen_2018", "chosen by the user")


def test_the_closest_choice_wins():
    choices = {"all": "chave_2005_moist_d", "tree": "chave_2005_wet_d", "Hevea": "hytonen_2018"}
    assert _one(RUBBER, choices=choices).equation == "hytonen_2018"
    assert _one(SENGON, choices=choices).equation == "chave_2005_wet_d"
    assert _one(ARECA, choices=choices).equation == "chave_2005_moist_d"


@pytest.mark.parametrize(
    "wrong", ["harja_2012_pooled", "mokany_2006", "nthai_2023_mixed_deciduous"]
)
def test_a_choice_must_predict_the_biomass_of_a_tree(wrong):
    with pytest.raises(al.AllometryError, match="not the above-ground biomass"):
        _one(RUBBER, choices={"all": wrong})


def test_every_rule_has_a_reason():
    ids = [rule.id for rule in default_rules()]
    assert len(set(ids)) == len(ids)
    assert all(rule.why for rule in default_rules())


def test_in_range_looks_at_every_limit_it_can():
    from allometry.catalogue.loader import get_equation

    record = get_equation("conti_2019_shrub")
    assert in_range(record, {"crown_diameter": np.array([1.0, 9.0])}).tolist() == [True, False]
