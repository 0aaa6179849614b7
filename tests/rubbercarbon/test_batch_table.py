"""The batch's pure function against `estimate_stocks`: the same bits, for every kind of input."""

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from made_inventories import make, national

import rubbercarbon as rc
from rubbercarbon import batch_block, batch_table, draw_blocks
from rubbercarbon.batch_block import Estimator, rows_of
from rubbercarbon.batch_codes import GRIDS, NumberCodes, TextCodes
from rubbercarbon.batch_problems import COLUMNS
from rubbercarbon.batch_table import by_plot_id, canonical_plots, estimate_block
from rubbercarbon.columns import common_era, plain_id
from rubbercarbon.errors import InventoryError, SettingsError
from rubbercarbon.tables import open_table

OWN = {"locality", "n_rows", "n_refused"}  # columns that plots.csv has not


def arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def same(frame, settings=None, plots=None, fewest=1):
    """Estimate both ways; every column that both have must agree bit by bit."""
    settings = settings or rc.Settings()
    stocks = rc.estimate_stocks(rc.read_inventory(frame, plots), settings)
    found = rc.estimate_table(
        arrow(frame), settings, plots=None if plots is None else arrow(plots)
    ).to_pandas()
    assert len(found) >= fewest
    assert found["plot_id"].is_monotonic_increasing
    expected = stocks.plots.set_index("plot_id").reindex(found["plot_id"]).reset_index()
    wanted = stocks.plots[stocks.plots["n_stems"] + stocks.plots["n_culms"] > 0]["plot_id"]
    assert set(wanted) <= set(found["plot_id"])
    columns = [name for name in found if name not in OWN]
    assert {"agb_t", "carbon_t_ha", "co2e_t_rai"} <= set(columns)
    for name in columns:
        a, b = found[name], expected[name]
        if a.dtype.kind in "fi":
            differ = ~((a == b) | (a.isna() & b.isna()))
            assert not differ.any(), (name, found["plot_id"][differ].tolist()[:3],
                                      (a / b - 1).abs().max())  # fmt: skip
        else:
            assert a.fillna("").tolist() == b.fillna("").tolist(), name
    return found


@pytest.mark.slow
def test_points_are_those_of_estimate_stocks_bit_by_bit():
    same(make(), fewest=24)


@pytest.mark.jit
def test_intervals_are_those_of_estimate_stocks_bit_by_bit():
    found = same(make(), rc.Settings(draws=64, seed=3), fewest=24)
    assert (found["agb_t_low"] < found["agb_t"]).mean() > 0.9


@pytest.mark.jit
def test_room_and_tables_of_draws_change_nothing(monkeypatch):
    trees, settings = arrow(make()), rc.Settings(draws=64, seed=3)
    expected = rc.estimate_table(trees, settings)
    monkeypatch.setattr(draw_blocks, "TABLES", 0)  # errors of the cells that occur alone
    monkeypatch.setattr(draw_blocks, "GROUPS_OF_A_PLOT", 1)
    monkeypatch.setattr(batch_table, "PLOTS_AT_ONCE", 3)
    assert rc.estimate_table(trees, settings).equals(expected)


def with_noise(frame):
    return frame.assign(dbh_cm=frame["dbh_cm"] * 1.000001234567)


def as_text(frame):
    """As a CSV file gives it, with Thai digits, decimal commas and words for nothing."""
    frame = frame.assign(
        dbh_cm=frame["dbh_cm"].map(lambda v: "" if np.isnan(v) else f"{v:.1f}"),
        plot_area_ha=frame["plot_area_ha"].map(lambda v: "" if np.isnan(v) else f"{v:g}"),
        height_m=frame["height_m"].map(lambda v: "-" if np.isnan(v) else f"{v:.1f}"),
    )
    frame.loc[3, "dbh_cm"], frame.loc[40, "dbh_cm"] = "๑๒.๕", "12,5"
    return frame


def girths(frame):
    frame = frame.assign(girth_mm=(frame["dbh_cm"] * 31.4).round())
    frame.loc[frame.index % 3 == 0, "girth_mm"] = np.nan
    return frame.assign(dbh_cm=frame["dbh_cm"].where(frame.index % 3 == 0))


def densities(frame):
    rng = np.random.default_rng(2)
    n = len(frame)
    return frame.assign(
        wood_density_g_cm3=np.where(rng.random(n) < 0.3, rng.uniform(0.4, 0.8, n).round(2), np.nan),
        wood_density_basis=np.where(rng.random(n) < 0.3, "air_dry_12", ""),
        wood_density_sd_g_cm3=np.where(rng.random(n) < 0.1, 0.05, np.nan),
        pom_m=np.where(rng.random(n) < 0.4, 1.7, np.nan),
        count=np.where(rng.random(n) < 0.1, 3.0, 1.0),
        growth_form=np.where(rng.random(n) < 0.05, "tree", ""),
    )


def stems(frame):
    """Repeated ids, several stems of a tree, blank ids, the word for a total, bare ยาง."""
    frame = frame.assign(stem_id="")
    frame.loc[31, ["tree_id", "stem_id"]] = frame.loc[30, "tree_id"], "2"
    coffee = frame.index[frame["species"] == "coffee"][:2]
    plot = frame.loc[coffee[0], "plot_id"]
    frame.loc[coffee[1], ["plot_id", "tree_id", "stem_id"]] = [
        plot,
        frame.loc[coffee[0], "tree_id"],
        "b",
    ]
    for name in ("plot_area_ha", "locality", "system", "surveyor", "date", "site_id"):
        frame.loc[coffee[1], name] = frame.loc[coffee[0], name]
    frame.loc[200, "tree_id"] = frame.loc[201, "tree_id"]
    frame.loc[300, "tree_id"] = "รวม"
    frame.loc[390:395, "species"] = "ยาง"
    frame.loc[500, "plot_area_ha"] = 0.9
    return frame


def areas_in_words(frame):
    words = frame["plot_area_ha"].map({0.16: "1-0-0", 0.08: "2 งาน", 0.32: "สอง"}).fillna("")
    return frame.assign(plot_area=words).drop(columns="plot_area_ha")


def without_ids(frame):
    return frame.drop(columns=["tree_id", "locality", "surveyor", "date", "site_id", "clone"])


VARIANTS = (with_noise, as_text, girths, densities, stems, areas_in_words, without_ids)
WITHOUT_COMPILER = (as_text,)  # the others take long where all is interpreted


@pytest.mark.parametrize(
    "change",
    [pytest.param(f, marks=[pytest.mark.jit] * (f not in WITHOUT_COMPILER)) for f in VARIANTS],
    ids=lambda f: f.__name__,
)
def test_points_of_every_kind_of_table(change):
    same(change(make(seed=4)), fewest=20)


@pytest.mark.jit
@pytest.mark.parametrize("change", VARIANTS, ids=lambda f: f.__name__)
def test_intervals_of_every_kind_of_table(change):
    same(change(make(seed=4)), rc.Settings(draws=40, seed=9), fewest=20)


@pytest.mark.jit
@pytest.mark.parametrize("settings", [
    {"equations": {"ยางพารา": "luo_2018_guangdong", "tree": "chave_2014_eq7"}, "stress": 0.1},
    {"roots": "cairns_1997"},
    {"height_model": "feldpausch_2012_heights_seasia", "carbon_fraction": 0.5, "level": 0.8},
    {"errors": {"residual": {"level": "species"}, "dbh_campaign": {"level": "tree"},
                "species": {"level": "locality"}, "density_mean": {"level": "campaign"},
                "height_locality": {"level": "plot"}, "roots": {"level": "campaign"}}},
], ids=["equations", "stand_roots", "height_model", "levels"])  # fmt: skip
def test_intervals_by_other_settings(settings):
    same(make(14, 25, seed=6), rc.Settings(draws=30, **settings), fewest=14)


def plot_table(frame):
    names = sorted(frame["plot_id"].unique())
    n = np.arange(len(names))
    table = pd.DataFrame({
        "plot_id": names, "area_rai": 1.0 + (n % 3), "slope_percent": np.where(n % 4 == 0, 30.0, np.nan),
        "site_id": "S", "stratum": np.where(n % 2, "old", "young"), "locality": "ตรัง",
        "system": np.where(n % 6 == 0, "jungle", ""), "subplot_area_m2": np.nan, "min_dbh_cm": np.nan,
    })  # fmt: skip
    nested = table.iloc[[2, 2]].assign(subplot_area_m2=[100.0, 800.0], min_dbh_cm=[4.0, 10.0])
    return pd.concat([table.drop(index=[2, 5]), nested], ignore_index=True)


@pytest.mark.jit
def test_a_plot_table_with_slopes_nested_subplots_and_unknown_plots():
    frame = make(12, 30, seed=8).drop(columns=["plot_area_ha", "locality", "system", "site_id"])
    found = same(frame, rc.Settings(draws=30), plot_table(frame), fewest=11)
    assert found["area_ha"].nunique() > 3


@pytest.mark.slow
def test_lean_and_whole_ways_agree_on_figures_refusals_and_equations():
    frame = make(10, 30, seed=11)
    results = []
    for whole in (False, True):
        estimator = Estimator(rc.Settings())
        estimator.whole = whole
        block = estimate_block(
            estimator, rows_of(arrow(frame), np.arange(len(frame)) + 1, "f"), "site_id"
        )
        results.append((block, estimator.tally.close()))
    (lean, lean_listed), (whole, whole_listed) = results
    assert by_plot_id([lean.plots]).equals(by_plot_id([whole.plots]))
    assert lean.sums == whole.sums
    assert lean_listed.used == whole_listed.used
    for severity in ("error", "note"):
        lines = [
            sorted((r[1], r[2], r[3], r[6]) if severity == "error" else (r[6], r[8])
                   for r in listed.rows if r[7] == severity)
            for _, listed in results
        ]  # fmt: skip
        assert lines[0] == lines[1]
        assert lines[0]


def test_refused_rows_are_those_of_estimate_stocks():
    frame = stems(make(seed=4))
    stocks = rc.estimate_stocks(rc.read_inventory(frame))
    estimator = Estimator(rc.Settings())
    block = estimate_block(
        estimator, rows_of(arrow(frame), np.arange(len(frame)) + 1, "f"), "site_id"
    )
    found = pd.DataFrame(estimator.tally.close().rows, columns=list(COLUMNS))
    errors = stocks.problems[stocks.problems["severity"] == "error"]
    ours = found[found["severity"] == "error"]
    assert sorted(zip(ours["row"], ours["code"], strict=True)) == sorted(
        zip(errors["row"], errors["code"], strict=True)
    )
    assert set(ours["message"]) == set(errors["message"])
    alive = stocks.problems.query("code == 'not_alive'")
    assert found.query("code == 'not_alive'")["n_rows"].sum() == len(alive)
    assert block.plots["n_rows"].to_pandas().sum() == len(frame) - (frame["plot_id"] == "").sum()


@pytest.mark.jit
def test_order_of_rows_and_memory_of_former_blocks_change_nothing():
    frame = make(20, 25, seed=12)
    settings = rc.Settings(draws=30)
    once = rc.estimate_table(arrow(frame), settings)
    shuffled = rc.estimate_table(arrow(frame.sample(frac=1, random_state=1)), settings)
    assert once.equals(shuffled)
    estimator = Estimator(settings)
    plots = np.array_split(frame["plot_id"].unique(), 7)
    pieces = []
    for some in plots[::-1]:
        part = frame[frame["plot_id"].isin(some)]
        table = arrow(part.assign(dbh_cm=part["dbh_cm"]))
        block = estimate_block(estimator, rows_of(table, part.index.to_numpy() + 1, "f"), "site_id")
        pieces.append(block.plots)
    joined = pa.concat_tables(pieces).sort_by("plot_id")
    assert joined.equals(once)
    assert estimator.templates.short_ways > 50


@pytest.mark.slow
def test_what_is_said_of_a_row_does_not_hang_on_former_blocks():
    frame = make(8, 25, seed=13)
    frame.loc[::9, "dbh_cm"] = np.resize([0.0, -5.0, 1200.0, 999.9], len(frame.loc[::9]))
    whole, known = Estimator(rc.Settings()), Estimator(rc.Settings())

    def lines(estimator, some):
        part = frame[frame["plot_id"].isin(some)]
        estimate_block(estimator, rows_of(arrow(part), part.index.to_numpy() + 1, "f"), "site_id")
        found = estimator.tally.close()
        errors = sorted(line for line in found.rows if line[7] == "error")
        notes = {line[6]: 0 for line in found.rows if line[7] != "error"}
        for line in found.rows:
            notes[line[6]] = notes.get(line[6], 0) + line[8] * (line[7] != "error")
        return errors, notes, found.used

    names = frame["plot_id"].unique()
    once = lines(whole, names)
    pieces = [lines(known, some) for some in np.array_split(names, 4)]
    assert once[0] == sorted(line for piece in pieces for line in piece[0])
    assert {line[6] for line in once[0]} >= {"diameter_not_positive", "diameter_too_large"}
    for place in (1, 2):
        total = Counter()
        for piece in pieces:
            total.update(piece[place])
        assert +Counter(once[place]) == +total
    assert known.templates.short_ways > 20


def test_ids_in_thai_digits_are_those_in_arabic_ones_and_are_told():
    frame = make(4, 20, seed=14)
    thai = frame.assign(
        plot_id=frame["plot_id"].where(frame.index % 3 > 0, frame["plot_id"].map(in_thai_digits)),
        tree_id=frame["tree_id"].astype(str).where(
            frame.index % 5 > 0, frame["tree_id"].astype(str).map(in_thai_digits)
        ),
    )  # fmt: skip
    assert rc.estimate_table(arrow(thai)).equals(rc.estimate_table(arrow(frame)))
    estimator = Estimator(rc.Settings())
    estimate_block(estimator, rows_of(arrow(thai), np.arange(len(thai)) + 1, "f"), "site_id")
    told = {line[4]: line for line in estimator.tally.close().rows if line[6] == "id_respelt"}
    assert told["plot_id"][8] == (thai["plot_id"] != frame["plot_id"]).sum()
    assert told["tree_id"][8] == (thai["tree_id"] != frame["tree_id"].astype(str)).sum()
    assert told["plot_id"][1] == 1
    known = canonical_plots(pd.DataFrame({"plot_id": ["แปลง ๑๒"], "area_ha": [1.0]}))
    assert list(known.index) == ["แปลง 12"]


def in_thai_digits(text):
    return "".join(chr(ord("๐") + int(c)) if c.isdigit() else c for c in text)


def test_codes_stay_when_a_finer_grid_or_a_dictionary_takes_over():
    codes = NumberCodes()
    for values in ([20.0, 3.0, -5.0], [20.1, np.nan, -0.1], [20.125], [1 / 3, 20.0, np.nan]):
        found = codes.values(codes.encode(pa.chunked_array([pa.array(values, from_pandas=True)])))
        assert np.array_equal(found, values, equal_nan=True)
    assert codes.version == 4
    words = TextCodes(same=str.lower)
    given = pa.chunked_array([pa.array(["A", " a", None, "b"])])
    assert words.values(words.encode(given)).tolist() == ["a", "a", "", "b"]


def test_missing_numbers_have_no_place_on_a_grid_whatever_lies_behind_them():
    behind = np.array([20.1, np.inf, 0.333, 20.2, -0.1])
    for start in (0, 1):  # the bits of an array that is a part of another begin anywhere
        mask = np.array([False, True, True, False, False])
        bits = np.packbits(~mask, bitorder="little")
        column = pa.Array.from_buffers(
            pa.float64(), 5, [pa.py_buffer(bits), pa.py_buffer(behind)], null_count=2
        )[start:]
        codes = NumberCodes()
        found = codes.encode(column)
        assert GRIDS[codes.grid] == 10.0
        assert found.tolist() == [403, 0, 0, 405, 2][start:]
        assert np.array_equal(codes.values(found), np.array([20.1, np.nan, np.nan, 20.2, -0.1])[start:],
                              equal_nan=True)  # fmt: skip


def test_rows_with_dates_of_another_calendar_are_counted():
    chunks = [
        pa.array(["2567-01-02", " 2567-01-02", "2024-01-02", None, ""]),
        pa.array(["1/3/2567"] * 4).dictionary_encode(),
        pa.array(["2567-01-02", None]).dictionary_encode(),
        pa.array(["2024-05-06"] * 3),
    ]
    tally = Estimator(rc.Settings()).tally
    for _ in range(2):
        tally.count_dates(
            pa.table({"date": pa.chunked_array([c.cast(pa.string()) for c in chunks])})
        )
    for chunk in chunks:
        tally.count_dates(pa.table({"date": chunk}))
    words = [text for chunk in chunks for text in chunk.to_pylist() if text]
    changed = [common_era(text.strip()) != text.strip() for text in words]
    assert sum(changed) == 7
    assert tally.close().dates == 3 * 7
    tally.count_dates(pa.table({"plot_id": ["A"]}))
    assert tally.close().dates == 0


def test_what_a_batch_cannot_do_is_a_sentence():
    frame = national(2, 5)
    with pytest.raises(SettingsError, match="analytic"):
        rc.estimate_table(arrow(frame), rc.Settings(method="analytic"))
    with pytest.raises(InventoryError, match="plot_id"):
        rc.estimate_table(arrow(frame.drop(columns="plot_id")))
    with pytest.raises(InventoryError, match="lacks dbh_cm / girth_cm"):
        rc.estimate_table(arrow(frame.drop(columns="dbh_cm")))
    with pytest.raises(InventoryError, match="lacks the column plot_id"):
        canonical_plots(pd.DataFrame({"area_ha": [1.0]}))
    assert open_table(frame, "trees").frame is not None


@pytest.mark.parametrize("ids", [
    ["a1", "a2", None, "a1"], ["b", "a", "b"], ["", "a", None], ["10", "9", "๙", " 9 "], [None],
    ["รวม", "a", "Total", "a1"], ["รวม 10 ต้น", "Total: 7", "T 7", "ตัวอย่าง 1", "EXAMPLE-2", "7"],
])  # fmt: skip
def test_ids_are_numbered_ranked_and_doubted_as_they_read(ids):
    plain = [plain_id((text or "").strip()) for text in ids]
    for column in (pa.array(ids, pa.string()), pa.array(ids, pa.string()).dictionary_encode()):
        codes, distinct, rank, _ = batch_block._ranked(pa.chunked_array([column]))
        names = distinct.to_pylist()
        assert [names[code] for code in codes] == plain
        assert len(set(names)) == len(names)
        assert [names[k] for k in np.argsort(rank)] == sorted(names)
        doubted = batch_block._suspicious(distinct)[codes].tolist()
        words = ("รวม", "total", "ตัวอย่าง", "example")
        assert doubted == [not text or text.lower().startswith(words) for text in plain]


def test_rows_of_totals_and_examples_are_no_trees():
    ids = ["1", "รวม 10 ต้น", "ตัวอย่าง 1", "Total: 12"]
    frame = pd.DataFrame({"plot_id": "A", "tree_id": ids, "species": "ยางพารา", "girth_cm": 60.0})
    stocks = rc.estimate_stocks(rc.read_inventory(frame))
    found = rc.estimate_table(arrow(frame)).to_pandas()
    assert found["agb_t"].tolist() == stocks.plots["agb_t"].tolist()
    assert found["n_stems"].tolist() == [1]


def test_tables_without_trees_or_without_any_known_species():
    columns = {"plot_id": ["A"], "species": ["zzz"], "girth_cm": [60.0], "plot_area_rai": [1.0]}
    found = rc.estimate_table(pa.table(columns), rc.Settings(draws=8)).to_pandas()
    for name in ("agb_t", "agb_t_sd", "carbon_t_high"):
        assert found[name].tolist() == [0.0]
    assert found["n_refused"].tolist() == [1]
    with pytest.raises(InventoryError, match="has no rows"):
        rc.estimate_table(pa.table(columns).slice(0, 0))
