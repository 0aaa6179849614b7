"""What a batch says of its inputs as `estimate` does: table of plots, sources, assumptions, values."""

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_inventories import make

import rubbercarbon as rc
from rubbercarbon import cli

PLOT_CODES = ("plot_empty", "plot_repeated", "area_not_valid", "not_a_number")


@pytest.fixture
def frame():
    return make(10, 12, seed=8).drop(columns=["plot_area_ha", "locality", "system", "site_id"])


def table_of(frame):
    """All plots but one, twice a row for one, two plots without trees, one of them without area."""
    names = sorted(frame["plot_id"].unique())
    table = pd.DataFrame({"plot_id": [*names, "empty 1", "empty 2"], "area_rai": "2",
                          "locality": "ตรัง", "site_id": "S"})  # fmt: skip
    table.loc[4, "area_rai"], table.loc[len(table) - 1, "area_rai"] = "-1", "about 3"
    again = table[table["plot_id"] == names[1]].assign(area_rai="9")
    return pd.concat([table[table["plot_id"] != names[7]], again], ignore_index=True)


def run(tmp_path, frame, table, settings=None, **options):
    """The same trees and plots both ways."""
    inputs = tmp_path / "in"
    inputs.mkdir(exist_ok=True)
    frame.to_parquet(inputs / "trees.parquet")
    plots = None
    if table is not None:
        plots = tmp_path / "plots.csv"
        table.to_csv(plots, index=False)
    settings = settings or rc.Settings()
    stocks = rc.estimate_stocks(rc.read_inventory(inputs / "trees.parquet", plots), settings)
    folder = tmp_path / "out"
    result = rc.run_batch(inputs, folder, settings, plots=plots, force=True, **options)
    found = pq.read_table(folder / "plots").sort_by("plot_id").to_pandas()
    problems = pq.read_table(folder / "problems").to_pandas()
    return stocks, result, found.set_index("plot_id"), problems


@pytest.mark.parametrize("draws", [None, pytest.param(24, marks=pytest.mark.jit)])
def test_a_table_of_plots_counts_and_lists_as_in_estimate(frame, draws, tmp_path):
    settings = rc.Settings(draws=draws) if draws else rc.Settings()
    stocks, result, found, problems = run(tmp_path, frame, table_of(frame), settings, part_rows=30)
    theirs = stocks.plots.set_index("plot_id")
    assert set(theirs.index) == set(found.index)
    assert {"empty 1", "empty 2"} <= set(found.index)
    for name in (
        "area_ha",
        "agb_t",
        "agb_t_ha",
        "carbon_t_ha",
        "n_trees",
        *["agb_t_sd"] * bool(draws),
    ):
        assert np.array_equal(
            found[name].to_numpy(float), theirs[name].reindex(found.index).to_numpy(float),
            equal_nan=True,
        ), name  # fmt: skip
    assert found.loc["empty 1", ["n_rows", "agb_t"]].tolist() == [0, 0.0]
    ours, total = result.total.iloc[-1], stocks.total.iloc[-1]
    assert ours["n_plots"] == total["n_plots"]
    assert ours["agb_t"] == pytest.approx(total["agb_t"], rel=1e-12)
    listed = stocks.problems[stocks.problems["code"].isin(PLOT_CODES)]
    listed = listed[(listed["file"] == "plots.csv") | (listed["file"] == "")]
    mine = problems[(problems["file"] == "plots.csv")]
    keys = ["code", "value", "message"]
    assert Counter(map(tuple, mine[mine["code"].isin(PLOT_CODES)][keys].to_numpy())) == Counter(
        map(tuple, listed[keys].to_numpy())
    )
    assert {"plot_empty", "plot_repeated", "area_not_valid", "not_a_number"} <= set(mine["code"])
    counts = result.problems.set_index("code")["n_rows"]
    assert counts["plot_empty"] == 2


def test_the_areas_of_all_plots_make_the_totals_per_hectare(frame, tmp_path):
    table = table_of(frame)
    table["area_rai"] = "3"
    trees = frame[frame["plot_id"].isin(table["plot_id"])]
    stocks, result, _, _ = run(tmp_path, trees, table.drop(columns="site_id"))
    for name in ("area_measured_ha", "agb_t_ha", "co2e_t_rai"):
        assert result.total[name].iloc[-1] == pytest.approx(stocks.total[name].iloc[-1], rel=1e-12)


def test_without_all_files_no_plot_is_called_empty(frame, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "z.parquet").write_bytes(b"PAR1")
    inputs, plots = tmp_path / "in", tmp_path / "plots.csv"
    frame.to_parquet(inputs / "trees.parquet")
    table_of(frame).to_csv(plots, index=False)
    result = rc.run_batch(inputs, tmp_path / "out", plots=plots)
    assert "plot_empty" not in set(result.problems["code"])
    assumed = pd.read_csv(tmp_path / "out" / "assumptions.csv")
    assert "neither listed nor counted" in " ".join(assumed["assumption"])


def test_plots_of_two_sites_are_renamed_and_told(frame, tmp_path):
    names = sorted(frame["plot_id"].unique())
    frame["site_id"] = "N"
    half = frame["plot_id"] == names[0]
    frame.loc[half & (frame.index % 2 == 0), "site_id"] = "S"
    table = table_of(frame).assign(site_id="N")
    more = table[table["plot_id"] == names[0]].assign(site_id="S")
    for plots in (None, pd.concat([table, more], ignore_index=True)):
        stocks, _, found, problems = run(tmp_path, frame, plots)
        assert {f"N:{names[0]}", f"S:{names[0]}"} <= set(found.index)
        assert set(found.index) == set(stocks.plots["plot_id"])
        told = problems[problems["code"] == "plot_names_repeated"]
        assert told["value"].tolist() == [names[0]]
        assert "plot_names_repeated" in set(stocks.problems["code"])


@pytest.mark.parametrize("draws", [None, pytest.param(8, marks=pytest.mark.jit)])
def test_sources_and_assumptions_are_those_of_estimate(draws, tmp_path):
    frame = make(seed=3).rename(columns={"height_m": "ความสูง (ม.)"})
    settings = rc.Settings(draws=draws) if draws else rc.Settings()
    stocks, _, _, _ = run(tmp_path, frame, None, settings, part_rows=100)
    cited = pd.read_csv(tmp_path / "out" / "citations.csv")
    columns = ["id", "predicts", "citation"]
    assert set(map(tuple, cited[columns].to_numpy())) == set(
        map(tuple, stocks.equations[columns].to_numpy())
    )
    assert {"wood density", "carbon fraction", "height", "bgb"} <= set(cited["predicts"])
    assumed = pd.read_csv(tmp_path / "out" / "assumptions.csv").fillna("")
    own = {"expansion", "intervals", "plot area", "sampling", "checks"}
    own |= set() if draws else {"error budget"}
    pairs = [
        {tuple(pair) for pair in table[["topic", "assumption"]].to_numpy() if pair[0] not in own}
        for table in (assumed, stocks.assumptions)
    ]
    assert pairs[0] == pairs[1]
    assert {"date", "heading"} <= {topic for topic, _ in pairs[0]}
    assert "sampling" in set(assumed["topic"])


def test_infinite_numbers_are_told_as_they_are(tmp_path):
    frame = make(4, 10)
    frame.loc[3, "dbh_cm"], frame.loc[15, "dbh_cm"] = np.inf, -np.inf
    frame.loc[7, "height_m"] = np.inf
    stocks, _, found, problems = run(tmp_path, frame, None)
    theirs = stocks.problems[stocks.problems["severity"] == "error"]
    ours = problems[problems["severity"] == "error"]
    keys = ["row", "column", "value", "message"]
    assert sorted(map(tuple, ours[keys].to_numpy())) == sorted(map(tuple, theirs[keys].to_numpy()))
    assert {"inf", "-inf"} <= set(ours["value"])
    assert found["agb_t"].tolist() == stocks.plots["agb_t"].tolist()
    assert ("height_m", "inf") in set(map(tuple, problems[["column", "value"]].to_numpy()))


def test_headings_that_say_how_cells_are_meant(tmp_path):
    frame = make(6, 12).drop(columns="status").rename(columns={"dbh_cm": "dbh at 1.70 m (cm)"})
    frame["dead"] = np.where(frame.index % 7 == 0, "yes", "no")
    stocks, _, found, _ = run(tmp_path, frame, None)
    assert found["agb_t"].tolist() == stocks.plots["agb_t"].tolist()
    assert found["n_trees"].tolist() == stocks.plots["n_trees"].tolist()
    assert (stocks.trees["flags"] == "dead").sum() > 5
    assumed = pd.read_csv(tmp_path / "out" / "assumptions.csv").fillna("")
    assert "1.7 m" in set(assumed["value"])


@pytest.mark.parametrize(
    ("options", "renamed"),
    [
        ({"units": {"girth": "mm"}}, {"dbh_cm": "girth_cm"}),
        ({"mapping": {"dbh_cm": "mine"}}, {"dbh_cm": "mine"}),
    ],
)
def test_chosen_columns_and_units_decide_as_in_estimate(options, renamed, tmp_path):
    frame = make(6, 12).rename(columns=renamed)
    if "mapping" in options:
        frame["girth_cm"] = 99.0
    (tmp_path / "in").mkdir()
    frame.to_parquet(tmp_path / "in" / "t.parquet")
    stocks = rc.estimate_stocks(rc.read_inventory(tmp_path / "in" / "t.parquet", **options))
    rc.run_batch(tmp_path / "in", tmp_path / "out", **options)
    found = pq.read_table(tmp_path / "out" / "plots").sort_by("plot_id")
    assert found["agb_t"].to_pylist() == stocks.plots["agb_t"].tolist()


def test_faults_of_settings_are_told_before_any_file_is_read(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    make(2, 5).to_parquet(tmp_path / "in" / "t.parquet")
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "plots.csv").write_text("name,area_rai\nA,1\n", "utf-8")
    words = ["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--draws", "0", "--lang", "th"]
    for more, said in (
        (["--equation", "Hevea brasiliensis=nosuch"], "ไม่มีสมการ 'nosuch' ดูทั้งหมด"),
        (["--unit", "girth=km"], "--unit girth=km: ใช้ได้เฉพาะ"),
        (["--plots", str(tmp_path / "none.csv")], "ไม่พบไฟล์"),
        (["--plots", str(tmp_path / "plots.csv")], "ไม่มีคอลัมน์ plot_id คอลัมน์ที่มีคือ name, area_rai"),
    ):
        assert cli.main([*words, *more]) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "out" / "manifest.json").exists()
    words[2] = str(tmp_path / "file")
    assert cli.main(words) == 2
    assert "เป็นไฟล์ ให้ระบุชื่อโฟลเดอร์" in capsys.readouterr().err
    settings = tmp_path / "settings.toml"
    settings.write_text('method = "analytic"\n', "utf-8")
    words[2] = str(tmp_path / "other")
    assert cli.main([*words, "--settings", str(settings)]) in {0, 1}


def test_plots_read_by_whole_inventories_leave_their_sources_and_assumptions(tmp_path):
    frame = make(6, 15, seed=4)
    settings = rc.Settings(roots="cairns_1997")  # of stands: every plot takes the long way
    stocks, _, _, _ = run(tmp_path, frame, None, settings)
    cited = pd.read_csv(tmp_path / "out" / "citations.csv")
    assert set(cited["id"]) == set(stocks.equations["id"])
    assert "cairns_1997" in set(cited["id"])
    assumed = pd.read_csv(tmp_path / "out" / "assumptions.csv").fillna("")
    own = {"expansion", "intervals", "plot area", "sampling", "checks", "error budget"}
    pairs = [
        {tuple(pair) for pair in table[["topic", "assumption"]].to_numpy() if pair[0] not in own}
        for table in (assumed, stocks.assumptions)
    ]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize("area", ["1e-300", "1e300", "-3"])
def test_areas_that_are_none_of_a_plot_are_told_and_leave_its_trees(area, tmp_path):
    """Per hectare, powers of such figures would overflow; the warning would be an error here."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    text = (
        f"plot_id,tree_id,species,girth_cm,plot_area_ha\nP,1,ยางพารา,60,{area}\nQ,1,ยางพารา,60,1\n"
    )
    (inputs / "a.csv").write_text(text, "utf-8")
    stocks = rc.estimate_stocks(rc.read_inventory(inputs / "a.csv"))
    found = stocks.problems.query("code == 'area_not_valid'")
    assert found[["row", "column"]].to_numpy().tolist() == [[2, "plot_area_ha"]]
    assert found["message"].iloc[0].endswith("is not one of 0.01 m² to 1,000,000 ha")
    rc.run_batch(inputs, tmp_path / "out")
    plots = pq.read_table(tmp_path / "out" / "plots").to_pandas().set_index("plot_id")
    assert plots["area_ha"].isna().tolist() == [True, False]
    assert plots["n_refused"].tolist() == [0, 0]
    assert plots["agb_t"].tolist() == stocks.plots["agb_t"].tolist()
    assert plots["agb_t"].gt(0).all()
    listed = pq.read_table(tmp_path / "out" / "problems").to_pandas()
    assert listed.query("code == 'area_not_valid'")["row"].tolist() == [2]
