"""Distinct rows of batches: new sizes of known kinds, and what is forgotten."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from made_inventories import make

import rubbercarbon as rc
from allometry.kernels.distinct import number_rows
from rubbercarbon import batch_block, batch_templates
from rubbercarbon.batch_block import Estimator, rows_of
from rubbercarbon.batch_sizes import WORDS, Kinship
from rubbercarbon.batch_table import estimate_block
from rubbercarbon.batch_templates import Templates

ARRAYS = (
    "figures", "terms", "ratio", "usable", "merges", "failed", "unnamed", "noted", "size",
)  # fmt: skip


DRAWS = 64


def blocks(estimator, frame, names, count):
    """Estimate a frame in blocks of plots; tables, and what was said."""
    tables = []
    for some in np.array_split(names, count):
        part = frame[frame["plot_id"].isin(some)]
        table = pa.Table.from_pandas(part, preserve_index=False)
        rows = rows_of(table, part.index.to_numpy() + 1, "f")
        tables.append(estimate_block(estimator, rows, "site_id").plots)
    return pa.concat_tables(tables).sort_by("plot_id"), estimator.tally.close()


def learnt(frame, settings, monkeypatch, *, short):
    """What is kept of distinct rows: by kind and size, or all of them the long way."""
    if not short:
        monkeypatch.setattr(Kinship, "examples", lambda _, split: np.arange(len(split.flags)))
    estimator = Estimator(settings)
    blocks(estimator, frame, frame["plot_id"].unique(), 3)
    store = estimator.templates
    assert (store.short_ways > 100) == short
    order = np.argsort(store.key)
    lived = order[store.usable[order]]
    words = [
        np.array(list(store.words[name].known))[store.word_codes[lived, k]]
        for k, name in enumerate(WORDS[:-1])
    ]
    cells = np.array([*store.cells.names, "none"])[store.cell[order]]
    return {name: getattr(store, name)[order] for name in ARRAYS} | {
        "key": store.key[order], "words": np.array(words), "cells": cells,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sample", [False, True])
def test_new_sizes_of_known_kinds_are_as_the_long_way_has_them(monkeypatch, tmp_path, sample):
    frame = make(24, 25, seed=5).assign(tree_id=lambda f: [f"t{i}" for i in f.index])
    frame["wood_density_g_cm3"] = np.where(frame.index % 4 == 0, 0.55, np.nan)
    settings = rc.Settings(draws=DRAWS)
    if sample:
        pairs = pd.DataFrame({"species": "Hopea odorata", "dbh_cm": np.linspace(5, 45, 30)})
        pairs["height_m"] = (3.1 * pairs["dbh_cm"] ** 0.5 + np.sin(pairs["dbh_cm"])).round(2)
        pairs.to_csv(tmp_path / "heights.csv", index=False)
        settings = rc.Settings(draws=DRAWS, height_sample=str(tmp_path / "heights.csv"))
    with monkeypatch.context() as patch:
        long = learnt(frame, settings, patch, short=False)
    short = learnt(frame, settings, monkeypatch, short=True)
    assert np.isfinite(short["figures"][:, 0]).sum() > 100
    assert (short["terms"][:, 5] > 0).sum() > 100  # errors of trees' own
    for name, values in long.items():
        if values.dtype.kind == "f":
            assert np.array_equal(short[name], values, equal_nan=True), name
        else:
            assert short[name].tolist() == values.tolist(), name


@pytest.mark.slow
@pytest.mark.parametrize("wide", [True, False])
def test_rare_rows_are_forgotten_and_common_ones_stay(monkeypatch, wide):
    """Keys of many columns are looked for by hash, those of few are places themselves."""
    frame = make(20, 25, seed=12)
    frame.loc[frame.index % 3 > 0, ["dbh_cm", "height_m"]] = [14.2, np.nan]  # many are alike
    frame.loc[frame.index % 60 == 0, "dbh_cm"] = -5.0  # refused in each block
    frame = frame if wide else frame[["plot_id", "tree_id", "species", "dbh_cm"]]
    names = frame["plot_id"].unique()
    once, said = blocks(Estimator(rc.Settings()), frame, names, 1)
    asked, added, sizes = [], [], []
    find, add, forget = Templates.find, Templates._add, Templates.forget_rare

    def asking(store, keys, codes):
        asked.append(np.unique(keys))
        return find(store, keys, codes)

    def noting(store, keys, codes):
        added.append(keys)
        add(store, keys, codes)

    def weighing(store):
        before = len(store)
        forget(store)
        sizes.append((before, len(store)))

    monkeypatch.setattr(Templates, "find", asking)
    monkeypatch.setattr(Templates, "_add", noting)
    monkeypatch.setattr(Templates, "forget_rare", weighing)
    monkeypatch.setattr(batch_block, "MOST_TEMPLATES", 60 if wide else 40)
    estimator = Estimator(rc.Settings())
    pieces, told = blocks(estimator, frame, names, 10)
    assert (len(estimator.templates.known) > 0) == wide
    assert pieces.equals(once)
    lines = [[line for line in found.rows if line[7] == "error"] for found in (said, told)]
    assert lines[0] == lines[1]
    assert {line[6] for line in lines[0]} >= {"diameter_not_positive"}
    assert said.used == told.used
    counted = [
        {(line[5], line[6]): line[8] for line in found.rows if line[7] != "error"}
        for found in (said, told)
    ]
    assert counted[0] == counted[1]
    assert len(sizes) > 2
    assert all(0 < after < before for before, after in sizes)
    computed = np.concatenate(added)
    assert len(computed) > len(np.unique(computed))  # rare ones are computed again
    keys, blocks_with = np.unique(np.concatenate(asked), return_counts=True)
    common = keys[blocks_with == blocks_with.max()]
    assert blocks_with.max() > 4
    assert np.isin(computed, common).sum() == len(common)  # these are not


def test_rows_have_no_errors_where_no_draw_asks_for_them():
    """The figures are those of a run with draws."""
    frame = make(4, 25, seed=3)
    found = [Estimator(rc.Settings(**some)) for some in ({}, {"draws": DRAWS})]
    tables = [blocks(one, frame, frame["plot_id"].unique(), 2)[0] for one in found]
    points, drawn = (one.templates for one in found)
    assert np.array_equal(points.figures, drawn.figures)
    assert tables[0].equals(tables[1].select(tables[0].column_names))
    assert not points.terms.any()
    assert drawn.terms[:, 5].any()
    assert len(points.cells.names) == 0 < len(drawn.cells.names)


def test_all_is_forgotten_where_texts_are_many(monkeypatch):
    frame = make(4, 25, seed=3)
    estimator = Estimator(rc.Settings())
    blocks(estimator, frame, frame["plot_id"].unique(), 2)
    store = estimator.templates
    monkeypatch.setattr(batch_templates, "MOST_TEMPLATES", 10)
    store.forget_rare()
    assert len(store) == 0
    assert store.keys.columns == {}
    assert store.kinship.kinds == {}


def test_no_more_than_the_most_common_rows_stay(monkeypatch):
    frame = make(6, 25, seed=3)
    estimator = Estimator(rc.Settings())
    blocks(estimator, frame, frame["plot_id"].unique(), 1)
    store = estimator.templates
    store.met[:] = np.arange(len(store)) % 7
    kept = store.key[store.met >= 5]
    monkeypatch.setattr(batch_templates, "MOST_COMMON", len(kept))
    store.forget_rare()
    assert store.key.tolist() == kept.tolist()
    assert not store.met.any()


def test_equal_rows_get_one_number():
    rng = np.random.default_rng(8)
    columns = rng.integers(-2, 2, (5, 400)).astype(np.int32) * 1_000_000
    used = rng.random(400) < 0.8
    number, first = (np.empty(400, dtype=np.int64) for _ in range(2))
    known = number_rows(columns, used, np.full(1024, -1, dtype=np.int32), number, first)
    names = [tuple(column) for column in columns.T.tolist()]
    place = {}
    expected = [
        place.setdefault(name, len(place)) if there else -1
        for name, there in zip(names, used, strict=True)
    ]
    assert number.tolist() == expected
    assert known == len(place) > 100
    assert [names[row] for row in first[:known]] == list(place)
