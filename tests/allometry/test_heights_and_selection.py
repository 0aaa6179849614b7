"""Height models and the choice of an equation."""

from __future__ import annotations

import numpy as np
import pytest

import allometry as al
from allometry import error_model
from allometry.catalogue.loader import get_equation
from allometry.error_model import exponents, height_exponents
from allometry.errors import AllometryError, MissingInput
from allometry.evaluation import compile_equations
from allometry.heights import height_model, predict_heights
from allometry.selection import Taxon, default_rules, in_range, in_ranges, select

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


def test_many_height_models_at_once_are_each_by_itself():
    d = np.linspace(2.0, 60.0, 24)
    own = al.fit_height_model(d, 3.0 * d**0.5 + np.sin(d), form="michaelis")
    models = ("harja_2012_pooled", own, "chave_2014_heights_eq6a", "harja_2012_acacia_mangium_log2")
    number = np.arange(len(d)) % 5 - 1
    found = predict_heights(models, number, d, 0.1)
    slopes = height_exponents(models, number, d, 0.1)
    assert np.isnan(found[number < 0]).all()
    assert not slopes[number < 0].any()
    for k, model in enumerate(models):
        mine = number == k
        alone = al.predict_height(model, dbh=d[mine], stress=0.1)
        assert found[mine].tolist() == alone.tolist()
        up, down = (al.predict_height(model, dbh=d[mine] * f, stress=0.1) for f in (1.001, 0.999))
        slope = np.log(up / down) / np.log(1.001 / 0.999)
        np.testing.assert_allclose(slopes[mine], slope, rtol=1e-5, atol=1e-9)
    with pytest.raises(MissingInput, match="stress"):
        predict_heights(models, number, d)
    with pytest.raises(AllometryError, match="not height"):
        predict_heights(("hytonen_2018",), np.zeros(len(d), dtype=np.int64), d)


def test_limits_of_many_equations_at_once_are_those_of_each():
    names = ("hytonen_2018", "chave_2014_eq4", "harja_2012_pooled")
    records = [get_equation(name) for name in names]
    rng = np.random.default_rng(4)
    sizes = {"dbh": rng.uniform(0.1, 300, 300), "height": rng.uniform(1, 90, 300)}
    sizes["dbh"][::7] = np.nan
    number = rng.integers(0, 3, 300)
    found = in_ranges(records, number, sizes)
    for k, record in enumerate(records):
        alone = in_range(record, {name: values[number == k] for name, values in sizes.items()})
        assert found[number == k].tolist() == alone.tolist()
        assert 0 < alone.sum() < len(alone)


def test_exponents_do_not_hang_on_blocks(monkeypatch):
    table = compile_equations(("hytonen_2018", "chave_2014_eq4"))
    d, h = np.linspace(5.0, 50.0, 20), np.linspace(4.0, 25.0, 20)
    number = np.arange(20) % 3 - 1
    given = (table, number, d, h, np.full(20, 0.6), np.full(20, np.nan))
    whole = exponents(*given)
    monkeypatch.setattr(error_model, "ROWS_AT_ONCE", 7)
    pieces = exponents(*given)
    for name in ("size", "height", "density"):
        values = getattr(whole, name)
        assert getattr(pieces, name).tolist() == values.tolist()
        assert not values[number < 0].any()
    chave = number == 1
    np.testing.assert_allclose(whole.density[chave], 0.976, rtol=1e-6)
    np.testing.assert_allclose(whole.size[chave], 2 * 0.976, rtol=1e-6)
    assert not whole.density[number == 0].any()
