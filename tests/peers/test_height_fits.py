"""Height fits against the R package BIOMASS on the Nouragues heights."""

import numpy as np
import pandas as pd
import pytest
from shared_data import data

import allometry as al

FOLDER = "nouragues/biomass_r"
CASES = [
    (name, form, weighted)
    for name in ("all", "Plot1", "Plot2")
    for form in ("log1", "log2", "weibull", "michaelis")
    for weighted in (False, True)
    if (name, form, weighted) != ("Plot2", "weibull", True)
]


@pytest.fixture(scope="module")
def reference():
    folder = data("data", *FOLDER.split("/"))
    keys = ["set", "method", "weighted"]
    return {
        name: pd.read_csv(folder / f"a_modelHD_{name}.csv").set_index(keys).sort_index()
        for name in ("coefs", "vcov", "predictions")
    }


def pairs(name):
    table = pd.read_csv(data("data", "nouragues", "NouraguesHD.csv")).dropna(subset=["D", "H"])
    return table if name == "all" else table[table["plotId"] == name]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1]}-{'w' if c[2] else 'u'}")
def test_fit_equals_r(case, reference):
    name, form, weighted = case
    table = pairs(name)
    model = al.fit_height_model(table["D"], table["H"], form=form, weighted=weighted)
    theirs = reference["coefs"].loc[case]
    values = theirs["value"].to_numpy()
    log = form in {"log1", "log2"}
    assert model.identified
    assert model.n_trees == theirs["n"].iloc[0]
    if log:
        np.testing.assert_allclose(list(model.coefficients.values()), values, rtol=1e-9)
        assert model.residual_sd == pytest.approx(theirs["RSElog"].iloc[0], rel=1e-9)
    weight = table["D"] ** 2 * table["H"] if weighted else np.ones(len(table))
    if not log:
        their = al.HeightModel(form, dict(zip("abc", values, strict=False)), np.eye(len(values)),
                               1.0, 1, weighted, (0.0, 1.0))  # fmt: skip
        ours = float((weight * (table["H"] - model.predict(table["D"])) ** 2).sum())
        assert ours <= float((weight * (table["H"] - their.predict(table["D"])) ** 2).sum()) * (
            1 + 1e-9
        )
    predictions = reference["predictions"].loc[case]
    predictions = predictions[predictions["D"].between(10, 60)]
    np.testing.assert_allclose(
        model.predict(predictions["D"]), predictions["H"], rtol=1e-9 if log else 1e-4
    )
    covariance = reference["vcov"].loc[case]["cov"].to_numpy().reshape(model.covariance.shape)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs((model.covariance - covariance) / scale).max() < (1e-9 if log else 1e-3)


def test_a_sample_without_a_top_is_not_identified():
    table = pairs("Plot2")
    model = al.fit_height_model(table["D"], table["H"], form="weibull", weighted=True)
    assert not model.identified
    assert "does not fix the coefficients" in model.note
    assert np.isnan(model.covariance).all()
