"""Every record: its check values, its shape inside its range, and what must stay out."""

from __future__ import annotations

import math
import tomllib

import naive
import numpy as np
import pytest

import allometry as al
from allometry.catalogue import loader
from allometry.catalogue.schema import COEFFICIENT_KEYS
from allometry.catalogue.source_reader import read_source
from allometry.errors import CatalogueError, UnknownEquation
from allometry.evaluation import _KINDS
from allometry.kernels import forms

RECORDS = {record.id: record for record in loader.all_equations()}
CHECKS = [(record.id, i) for record in RECORDS.values() for i in range(len(record.checks))]
# circulate with a false or missing source; must never come back as records
REJECTED_COEFFICIENTS = {
    "0.1254 D^2.3987, labelled Hytonen 2018": (0.1254, 2.3987),
    "0.0823 (D2H)^0.9156, labelled Chiarawipa 2024": (0.0823, 0.9156),
    "0.118 D^2.53, called a rubber equation": (0.118, 2.53),
    "3.425 D^1.153, Muhdi 2016": (3.425, 1.153),
    "0.540 H^1.882, Muhdi 2016": (0.540, 1.882),
    "0.4103 D^2.3315, fresh mass": (0.4103, 2.3315),
    "3.30018 D^1.862, a model default for mahogany": (3.30018, 1.862),
    "0.49744 D^2.2842, a model default for mango": (0.49744, 2.2842),
    "0.00009978 D^1.69938 H^1.03596, acacia volume with teak's constant": (0.00009978, 1.69938),
}


@pytest.mark.parametrize(("equation", "number"), CHECKS)
def test_check_values_hold(equation, number):
    check = RECORDS[equation].checks[number]
    value = float(al.evaluate(equation, **check.inputs))
    assert value == pytest.approx(check.expected, rel=check.tolerance)


def _grid(record, points=7):
    inputs = {}
    for name in record.inputs:
        low, high = record.range.limits.get(
            name,
            {"height": (2.0, 30.0), "wood_density": (0.3, 0.9), "stress": (-0.2, 0.6)}.get(name),
        )
        inputs[name] = np.linspace(low, high, points)
    return inputs


@pytest.mark.parametrize("equation", RECORDS)
def test_agrees_with_the_plain_numpy_twin(equation):
    inputs = _grid(RECORDS[equation])
    ours = al.evaluate(equation, **inputs)
    twin = np.broadcast_to(naive.predict(equation, **inputs), ours.shape)
    np.testing.assert_allclose(ours, twin, rtol=1e-12)


@pytest.mark.parametrize("equation", RECORDS)
def test_positive_and_rising_with_its_own_size_inside_the_range(equation):
    record = RECORDS[equation]
    low, high = record.range.limits[record.size]
    middle = {"height": 10.0, "wood_density": 0.55, "stress": 0.0}
    inputs = {name: np.full(40, middle.get(name, 1.0)) for name in record.inputs}
    inputs[record.size] = np.linspace(low, high, 40)
    values = al.evaluate(equation, **inputs)
    assert (values > 0).all()
    if record.constant or record.clamp:
        assert (np.diff(values) >= 0).all()
    else:
        assert (np.diff(values) > 0).all()


def test_constants_are_few_and_named():
    assert sorted(r.id for r in RECORDS.values() if r.constant) == [
        "sunaryathy_2015_oil_palm_11_20",
        "sunaryathy_2015_oil_palm_1_3",
        "sunaryathy_2015_oil_palm_4_10",
    ]


def test_every_record_says_where_it_was_seen_and_how_good_it_is():
    for record in RECORDS.values():
        assert all((record.source.citation, record.source.seen, record.where)), record.id
        assert record.grade in {"A", "B", "C"}
        if record.range.kind == "unknown":
            assert record.range.note, f"{record.id}: a span of our choice must say so"
        if record.residual.kind == "none":
            assert record.residual.note, record.id


@pytest.mark.parametrize("name", REJECTED_COEFFICIENTS)
def test_rejected_equations_stay_out(name):
    scale, power = REJECTED_COEFFICIENTS[name]
    for record in RECORDS.values():
        for term in record.terms:
            numbers = {math.exp(term["intercept"])} if "intercept" in term else {term["scale"]}
            powers = {v for k, v in term.items() if k not in {"scale", "intercept"}}
            assert not (scale in numbers and power in powers), record.id


def test_grade_c_is_never_chosen_where_something_better_exists():
    allowed = {"areca", "banana", "shrub"}
    for rule in loader.ladder()["rule"]:
        if rule["equation"] and loader.get_equation(rule["equation"]).grade == "C":
            assert rule["id"] in allowed
            assert "grade C" in rule["why"]


def test_every_id_of_the_ladder_exists():
    for rule in loader.ladder()["rule"]:
        if rule["equation"]:
            record = loader.get_equation(rule["equation"])
            assert (record.predicts, record.level) == ("agb", "tree")
        if rule.get("roots"):
            assert loader.get_equation(rule["roots"]).predicts == "bgb"
    heights = loader.ladder()["heights"]
    for model in (heights["pooled"], *heights["species"].values()):
        assert loader.get_equation(model).predicts == "height"
    for name in loader.ladder()["carbon_fractions"].values():
        assert 0.35 < loader.carbon_fractions()[name].value < 0.55


def test_root_equations_named_by_records_exist_and_are_not_for_stands():
    for record in RECORDS.values():
        if record.roots:
            roots = loader.get_equation(record.roots)
            assert (roots.predicts, roots.level) == ("bgb", "tree"), record.id


def test_the_ensemble_is_the_geometric_mean_of_its_five_members():
    dbh = np.array([5.0, 12.0, 27.0])
    members = RECORDS["hevea_ensemble"].members
    assert len(members) == 5
    product = np.prod([al.evaluate(member, dbh=dbh) for member in members], axis=0)
    np.testing.assert_allclose(al.evaluate("hevea_ensemble", dbh=dbh), product**0.2, rtol=1e-13)


def test_chave_coefficient_errors_are_kept_with_their_correlation():
    covariance = RECORDS["chave_2014_eq4"].covariance
    (a, ab), (_, b) = covariance.matrix
    assert math.sqrt(a) == pytest.approx(0.0215)
    assert math.sqrt(b) == pytest.approx(0.00275)
    assert ab / math.sqrt(a * b) == pytest.approx(-0.9645)


def test_kind_numbers_are_those_of_the_kernels():
    assert {
        "polynomial": forms.POLYNOMIAL,
        "ogawa": forms.OGAWA,
        "tiepolo": forms.TIEPOLO,
        "michaelis_menten": forms.MICHAELIS,
        "weibull": forms.WEIBULL,
    } == _KINDS
    assert set(_KINDS) == set(COEFFICIENT_KEYS)


GOOD = """
[source]
key = "own_2026"
citation = "Own trees"
seen = "field book"

[[equation]]
id = "own_2026"
predicts = "agb"
unit = "kg"
form = "log_polynomial"
inputs = ["dbh"]
terms = [{ scale = 0.1, x = 2.5 }]
grade = "B"
where = "table 1"
bias = "not_needed"

[equation.range]
kind = "data"
dbh = [5.0, 40.0]

[equation.residual]
kind = "none"
note = "not computed"

[[equation.check]]
kind = "recomputed"
inputs = { dbh = 10.0 }
expected = 31.622776601683793
tolerance = 1e-9
"""


def _faults(text):
    with pytest.raises(CatalogueError) as caught:
        read_source("own_2026.toml", tomllib.loads(text))
    return "; ".join(caught.value.faults)


def test_a_good_file_reads():
    source, equations = read_source("own_2026.toml", tomllib.loads(GOOD))
    assert source.key == "own_2026"
    assert [e.id for e in equations] == ["own_2026"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('key = "own_2026"', 'key = "other"', "not the file's name"),
        ('id = "own_2026"', 'id = "else"', "starts with its source's key"),
        ('form = "log_polynomial"', 'form = "magic"', "allowed: log_polynomial"),
        ("scale = 0.1", "scale = -0.1", "scale must be positive"),
        ("scale = 0.1", "scale = 0.1, intercept = 1.0", "either 'scale' or 'intercept'"),
        ("x = 2.5", "y = 2.5", "term keys ['y']"),
        ("terms = [{ scale = 0.1, x = 2.5 }]", "", "'terms' belongs to the form"),
        ('inputs = ["dbh"]', 'inputs = ["girth"]', "'inputs' must name some of"),
        ('inputs = ["dbh"]', 'inputs = ["height"]', "size variable 'dbh' is not among"),
        ("dbh = [5.0, 40.0]", "dbh = [40.0, 5.0]", "[low, high]"),
        ("dbh = [5.0, 40.0]", "", "'range' needs limits"),
        ("dbh = [5.0, 40.0]", "height = [5.0, 40.0]", "lacks the size variable"),
        ('kind = "data"', 'kind = "guess"', "published, data or unknown"),
        ('kind = "none"\nnote = "not computed"', 'kind = "none"', "says why"),
        ('kind = "none"', 'kind = "sd_ln"', "'residual.value' is positive"),
        ('kind = "none"', 'kind = "wide"', "sd_ln, sd_abs or none"),
        ('bias = "not_needed"', 'bias = "apply"', "needs a residual"),
        ("tolerance = 1e-9", "tolerance = 0.5", "at most 0.02"),
        ("expected = 31.622776601683793", 'expected = "x"', "'expected' is not a number"),
        ('grade = "B"', 'grade = "B"\nsurprise = 1', "'surprise' is not a key"),
        ('grade = "B"', 'grade = "B"\ntaxa = "Hevea"', "not a list of texts"),
        ('grade = "B"', 'grade = "B"\ngrowth_forms = ["weed"]', "'growth_forms' must be"),
        ('grade = "B"', 'grade = "B"\nmembers = ["a"]', "'members' belongs to"),
        ('grade = "B"', 'grade = "B"\nrange_note = 1', "not a key of this record"),
        ('where = "table 1"', "", "'where' is missing"),
    ],
)  # fmt: skip
def test_a_broken_file_says_what_is_wrong(old, new, says):
    assert old in GOOD
    assert says in _faults(GOOD.replace(old, new, 1))


def test_all_faults_come_at_once():
    broken = GOOD.replace('grade = "B"', 'grade = "Z"').replace('unit = "kg"', 'unit = "lb"')
    assert "'grade' is 'Z'" in _faults(broken)
    assert "'unit' is 'lb'" in _faults(broken)


def test_missing_checks_and_bad_covariance_are_faults():
    without = GOOD[: GOOD.index("[[equation.check]]")]
    assert "at least one check" in _faults(without)
    extra = "\n[equation.covariance]\nnames = ['a', 'b']\nsd = [1.0]\n"
    assert "'covariance' needs names" in _faults(
        GOOD.replace("[[equation.check]]", extra + "[[equation.check]]")
    )


def test_other_faults_of_a_file():
    assert "'stuff' is not a table of this file" in _faults("stuff = 1\n" + GOOD)
    second = GOOD[GOOD.index("[[equation]]") :]
    assert "two equations have the same id" in _faults(GOOD + second)
    assert "'range' is not a table" in _faults(
        GOOD.replace('[equation.range]\nkind = "data"\ndbh = [5.0, 40.0]', "").replace(
            'where = "table 1"', 'where = "table 1"\nrange = 3'
        )
    )
    assert "needs 'coefficients'" in _faults(
        GOOD.replace('"log_polynomial"', '"weibull"').replace(
            "terms = [{ scale = 0.1, x = 2.5 }]", ""
        )
    )


@pytest.fixture
def user_folder(tmp_path):
    (tmp_path / "own_2026.toml").write_text(GOOD, encoding="utf-8")
    yield tmp_path
    if tmp_path in loader._folders:
        loader._folders.remove(tmp_path)
    loader._load_version.cache_clear()


def test_a_users_folder_can_be_added_and_used(user_folder):
    assert al.add_catalogue(user_folder) == ["own_2026"]
    assert float(al.evaluate("own_2026", dbh=10.0)) == pytest.approx(31.6227766)
    assert al.add_catalogue(user_folder) == ["own_2026"]  # twice does no harm


def test_a_users_folder_is_refused_when_it_is_missing_broken_or_taken(user_folder, tmp_path):
    with pytest.raises(CatalogueError, match="no such folder"):
        al.add_catalogue(tmp_path / "nowhere")
    (user_folder / "chave_2014.toml").write_text(
        GOOD.replace("own_2026", "chave_2014").replace(
            'id = "chave_2014"', 'id = "chave_2014_eq4"'
        ),
        encoding="utf-8",
    )
    with pytest.raises(CatalogueError, match="exist already"):
        al.add_catalogue(user_folder)
    (user_folder / "chave_2014.toml").write_text("not = = toml", encoding="utf-8")
    loader._load_version.cache_clear()
    with pytest.raises(CatalogueError, match="not valid TOML"):
        al.add_catalogue(user_folder)


def test_an_unknown_id_names_its_neighbours():
    with pytest.raises(UnknownEquation, match="chave_2014_eq4") as caught:
        al.evaluate("chave_2014_eq44", dbh=1.0)
    assert "chave_2014_eq4" in caught.value.candidates
