"""Properties that hold whatever the trees are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import allometry as al
import rubbercarbon as rc

SPECIES = ("ยางพารา", "Durio zibethinus", "Falcataria moluccana", "ไผ่", "Coffea arabica", "xyz",
           "Tectona grandis", "Mangifera indica")  # fmt: skip
TREE = st.fixed_dictionaries({
    "plot_id": st.sampled_from(["a", "b", "c"]),
    "species": st.sampled_from(SPECIES),
    "dbh_cm": st.floats(2.0, 90.0),
    "height_m": st.one_of(st.none(), st.floats(2.0, 40.0)),
    "count": st.integers(1, 4),
})  # fmt: skip
FEW = settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
FIGURES = ["agb_kg", "bgb_kg", "carbon_kg", "herb_kg"]


def _table(trees):
    frame = pd.DataFrame(trees)
    frame["height_m"] = frame["height_m"].astype(float)
    frame["tree_id"] = [f"t{i:03d}" for i in range(len(frame))]
    return frame


def _stocks(frame):
    rubber = pd.DataFrame({"plot_id": ["a"], "tree_id": ["zz"], "species": ["ยางพารา"], "dbh_cm": [20.0],
                           "height_m": [np.nan], "count": [1]})  # fmt: skip
    plots = pd.DataFrame({"plot_id": ["a", "b", "c"], "area_ha": [0.16, 0.2, 0.1]})
    return rc.estimate_stocks(
        rc.read_inventory(pd.concat([frame, rubber], ignore_index=True), plots)
    )


@pytest.mark.jit
@FEW
@given(st.lists(TREE, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_trees_changes_no_bit(trees, random):
    frame = _table(trees)
    order = list(range(len(frame)))
    random.shuffle(order)
    first, second = _stocks(frame), _stocks(frame.iloc[order])
    one = first.trees.set_index("tree_id")[FIGURES]
    two = second.trees.set_index("tree_id")[FIGURES].reindex(one.index)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    pd.testing.assert_frame_equal(first.plots, second.plots, check_exact=True)


@pytest.mark.jit
@FEW
@given(st.lists(TREE, min_size=1, max_size=25))
def test_a_tree_does_not_know_its_neighbours(trees):
    """A batch of single plots gives the same bits as all plots at once (species rules aside)."""
    frame = _table(trees)
    frame = frame[frame["species"] != "ยางพารา"]  # rubber looks at the heights of its plot
    whole = _stocks(frame).trees.set_index("tree_id")[FIGURES]
    for plot in ("a", "b", "c"):
        part = _stocks(frame[frame["plot_id"] == plot]).trees.set_index("tree_id")[FIGURES]
        pd.testing.assert_frame_equal(part, whole.reindex(part.index), check_exact=True)


@pytest.mark.slow
@FEW
@given(st.lists(TREE, min_size=1, max_size=25))
def test_every_figure_is_positive_or_absent_and_plots_are_the_sums_of_their_trees(trees):
    stocks = _stocks(_table(trees))
    for name in FIGURES:
        values = stocks.trees[name].dropna()
        assert (values > 0).all()
    none = stocks.trees[FIGURES].isna().all(axis=1)
    assert (stocks.trees.loc[none, "flags"] != "").all()
    for plot, rows in stocks.trees.groupby("plot_id"):
        row = stocks.plots.set_index("plot_id").loc[plot]
        for tree_name, plot_name in (("agb_kg", "agb_t"), ("bgb_kg", "bgb_t"), ("carbon_kg", "carbon_t"),
                                     ("herb_kg", "herb_t")):  # fmt: skip
            assert row[plot_name] == pytest.approx(
                rows[tree_name].sum() / 1000, rel=1e-12, abs=1e-15
            )
            assert row[f"{plot_name}_ha"] == pytest.approx(
                row[plot_name] / row["area_ha"], rel=1e-12, abs=1e-12
            )


EQUATIONS = al.equations().query("level == 'tree' and predicts == 'agb' and grade != 'C'")


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from(EQUATIONS["id"].tolist()), st.floats(0.0, 1.0), st.floats(0.0, 1.0),
       st.floats(2.0, 40.0), st.floats(0.2, 1.0))  # fmt: skip
def test_mass_rises_with_the_size_variable_inside_its_range(equation, one, other, height, density):
    from allometry.catalogue.loader import get_equation

    record = get_equation(equation)
    low, high = record.range.limits[record.size]
    small, large = sorted(low + (high - low) * share for share in (one, other))
    rest = {"height": height, "wood_density": density, "stress": 0.1}
    inputs = {name: rest[name] for name in record.inputs if name != record.size}
    first, second = (
        float(al.evaluate(equation, **inputs, **{record.size: x})) for x in (small, large)
    )
    assert first > 0
    assert first <= second * (1 + 1e-12)
    if large > small * 1.001 and not record.constant and not record.clamp:
        assert first < second


@settings(max_examples=examples(60), deadline=None)
@given(
    st.sampled_from(EQUATIONS["id"].tolist()),
    st.lists(st.floats(3.0, 50.0), min_size=1, max_size=9),
)
def test_scalar_equals_array(equation, sizes):
    from allometry.catalogue.loader import get_equation

    record = get_equation(equation)
    rest = {"height": 12.0, "wood_density": 0.5, "stress": 0.1}
    inputs = {name: rest[name] for name in record.inputs if name != record.size}
    together = al.evaluate(equation, **inputs, **{record.size: sizes})
    alone = [float(al.evaluate(equation, **inputs, **{record.size: size})) for size in sizes]
    np.testing.assert_array_equal(together, alone)
