"""Batch runs: engines and partitions give the same bits, and each file says what it should."""

import gc
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import FILES, files_of, plots_of, run, write_files

import rubbercarbon as rc
from rubbercarbon import batch_input, batch_plan, batch_scan, cli
from rubbercarbon.batch_input import blocks
from rubbercarbon.batch_scan import scan, spans
from rubbercarbon.batch_source import Source, Span
from rubbercarbon.batch_store import MANIFEST
from rubbercarbon.batch_sums import LOW, SCALE, Sums, fixed, halves, total_of
from rubbercarbon.columns import plain_id
from rubbercarbon.engines import local
from rubbercarbon.errors import InventoryError, RunFolderError, SettingsError

DRAWS = rc.Settings(draws=24, seed=5)


@pytest.mark.slow
def test_plots_are_those_of_estimate_stocks_and_nothing_is_lost(trees, farms, undisturbed):
    stocks = rc.estimate_stocks(rc.read_inventory(trees))
    found = plots_of(undisturbed).to_pandas()
    assert found["plot_id"].tolist() == stocks.plots["plot_id"].tolist()
    for name in ("agb_t", "bgb_t_ha", "co2e_t_rai", "n_stems", "basal_area_m2_ha"):
        assert found[name].tolist() == stocks.plots[name].tolist()
    assert found["n_rows"].sum() == len(trees)
    total = pd.read_csv(undisturbed / "total.csv", encoding="utf-8-sig").set_index("locality")
    ours, theirs = total.loc["ALL"], stocks.total.iloc[-1]
    for name in ("agb_t", "carbon_t", "co2e_t_ha", "herb_t"):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-12)
    assert total["n_plots"].iloc[:-1].sum() == ours["n_plots"] == len(found)
    record = json.loads((undisturbed / "run.json").read_text("utf-8"))
    assert len(record["inputs"]) == FILES
    assert record["command"] == "batch"
    problems = pq.read_table(undisturbed / "problems").to_pandas()
    errors = stocks.problems[stocks.problems["severity"] == "error"]
    ours = problems[problems["severity"] == "error"]
    assert sorted(ours["code"]) == sorted(errors["code"])
    row = ours[ours["code"] == "diameter_too_large"].iloc[0]
    table = pq.read_table(farms / row["file"]).to_pandas()
    assert table.iloc[int(row["row"]) - 1]["tree_id"] == row["tree_id"]
    assumed = pd.read_csv(undisturbed / "assumptions.csv", encoding="utf-8-sig")
    assert "without expansion to other land" in " ".join(assumed["assumption"])
    assert "error budget" not in set(assumed["topic"])
    cited = pd.read_csv(undisturbed / "citations.csv", encoding="utf-8-sig").set_index("id")
    theirs = stocks.equations.set_index("id")
    for name in ("hevea_ensemble", "chave_2014_eq4", "rsr_tropical_asia", "harja_2012_rubber"):
        if name in theirs.index:
            assert cited.loc[name, "n_rows"] == theirs.loc[name, "n_rows"]


@pytest.mark.jit
def test_every_engine_partition_and_order_gives_the_same_bits(trees, farms, tmp_path):
    first = tmp_path / "first"
    rc.run_batch(farms, first, DRAWS)
    shuffled, texts = tmp_path / "mixed rows", tmp_path / "texts"
    shuffled.mkdir(), texts.mkdir()
    mixed = trees.sample(frac=1, random_state=3)
    for number, part in enumerate(np.array_split(np.arange(len(mixed)), 3)):
        table = pa.Table.from_pandas(mixed.iloc[part], preserve_index=False)
        pq.write_table(table, shuffled / f"rows-{number}.parquet")
    write_files(trees, texts, csv=True)
    for name, where, options in (
        ("small parts", farms, {"part_rows": 40}),
        ("whole files", farms, {"part_rows": 10**9}),
        ("scattered rows", shuffled, {"part_rows": 150}),
        ("csv", texts, {}),
    ):
        folder = tmp_path / name
        result = rc.run_batch(where, folder, DRAWS, **options)
        assert result.rows >= 0
        assert plots_of(folder).equals(plots_of(first)), name
        for table in ("total.csv", "assumptions.csv"):
            assert (folder / table).read_bytes() == (first / table).read_bytes(), name
    assert (tmp_path / "scattered rows" / "scattered.npy").exists()


@pytest.mark.jit
def test_totals_carry_shared_errors_across_parts(trees, farms, tmp_path):
    """The sum of independent intervals would be far narrower; the total's is that of one run."""
    folder = tmp_path / "run"
    rc.run_batch(farms, folder, rc.Settings(draws=200, seed=5), part_rows=40, by="site_id")
    total = pd.read_csv(folder / "total.csv", encoding="utf-8-sig").set_index("site_id")
    stocks = rc.estimate_stocks(rc.read_inventory(trees), rc.Settings(draws=200, seed=5))
    theirs = stocks.total.set_index("site_id")
    for site in ("S0", "S1", "ALL"):
        for name in ("agb_t", "bgb_t", "carbon_t", "co2e_t"):
            for end in ("", "_sd", "_low", "_high"):
                assert total.loc[site, name + end] == pytest.approx(
                    theirs.loc[site, name + end], rel=1e-11
                )
    independent = np.sqrt((stocks.plots["agb_t_sd"] ** 2).sum())
    assert total.loc["ALL", "agb_t_sd"] > 1.5 * independent


@pytest.mark.jit
@pytest.mark.slow
def test_workers_give_the_same_files(worker_engine, farms, tmp_path):
    first, second = tmp_path / "local", tmp_path / worker_engine
    rc.run_batch(farms, first, DRAWS)
    news = []
    run(farms, second, engine=worker_engine)
    assert files_of(first) == files_of(second)
    rc.run_batch(farms, first, DRAWS, resume=True, report=news.append)
    assert [n.parts_done for n in news] == [FILES]
    assert news[0].kept == FILES


@pytest.mark.jit
@pytest.mark.slow
def test_one_thread_and_two_give_the_same_files(farms, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    run(farms, one, NUMBA_NUM_THREADS="1")
    run(farms, two, NUMBA_NUM_THREADS="2")
    assert files_of(one) == files_of(two)


def test_rows_without_a_plot_and_other_kinds_of_files_are_listed(tmp_path):
    folder = tmp_path / "farms"
    folder.mkdir()
    head = "plot_id,tree_id,species,girth_cm,plot_area_rai,plot_area_ria\n"
    (folder / "a.csv").write_text(
        head + "K,1,ยางพารา,60,1,\n,,,,,\n,2,ยางพารา,50,,\n๗,1,ยางพารา,61,1,\n"
        " 7,2,ยางพารา,62,1,\n7,3,ยางพารา,abc,1,\n7,2,ยางพารา,62,1,\n", "utf-8",
    )  # fmt: skip
    (folder / "b.csv").write_text(head + ",,,,,\n", "utf-8")
    (folder / "c.xlsx").write_bytes(b"PK")
    result = rc.run_batch(folder, tmp_path / "out")
    assert result.unread == {
        "c.xlsx": "a batch reads CSV and Parquet files only; save it as one of these"
    }
    plots = pq.read_table(tmp_path / "out" / "plots").to_pandas().set_index("plot_id")
    assert plots[["n_rows", "n_refused", "n_trees"]].to_dict("index") == {
        "K": {"n_rows": 1, "n_refused": 0, "n_trees": 1},
        "7": {"n_rows": 4, "n_refused": 2, "n_trees": 2},
    }
    listed = pq.read_table(tmp_path / "out" / "problems").to_pandas()
    assert {"plot_missing", "not_a_number", "row_repeated", "id_respelt"} <= set(listed["code"])
    repeated = listed.query("code == 'row_repeated'").iloc[0]
    assert (repeated["row"], "row 6" in repeated["message"]) == (8, True)
    assumed = pd.read_csv(tmp_path / "out" / "assumptions.csv")
    unused = assumed.query("topic == 'columns'")
    assert unused[["value", "applies_to"]].to_numpy().tolist() == [["plot_area_ria", "2 files"]]


def test_two_runs_do_not_write_to_one_folder(farms, tmp_path):
    folder = tmp_path / "out"
    seen = []

    def meanwhile(news):
        if not seen:
            seen.append(news)
            with pytest.raises(RunFolderError, match="another batch writes to"):
                rc.run_batch(farms, folder, resume=True)

    rc.run_batch(farms, folder, report=meanwhile)
    assert seen


def test_an_object_store_holds_the_same_files(farms, undisturbed, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in farms.iterdir():
        memory.pipe_file(f"/farms/{path.name}", path.read_bytes())
    rc.run_batch("memory://farms", "memory://results")
    assert rc.run_batch("memory://farms", "memory://results", resume=True).kept == FILES
    local_copy = tmp_path / "copy"
    for path in memory.find("/results"):
        target = local_copy / path.removeprefix("/results/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(memory.cat_file(path))
    assert files_of(local_copy) == files_of(undisturbed)
    memory.rm("/farms", recursive=True), memory.rm("/results", recursive=True)


def test_folders_that_are_not_ours_and_wrong_words_are_refused(farms, tmp_path, capsys):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.docx").write_text("mine", "utf-8")
    with pytest.raises(RunFolderError, match=r"thesis.docx"):
        rc.run_batch(farms, foreign)
    for options, words in (
        ({"by": "colour"}, "allowed: site_id"),
        ({"engine": "abacus"}, "allowed: dask, local, processes"),
        ({"part_rows": 0}, "at least one row"),
    ):
        with pytest.raises(SettingsError, match=words):
            rc.run_batch(farms, tmp_path / "new", **options)
    with pytest.raises(InventoryError, match="does not exist"):
        rc.run_batch(tmp_path / "nowhere", tmp_path / "new")
    with pytest.raises(InventoryError, match="holds no table"):
        rc.run_batch(foreign, tmp_path / "new2")
    assert cli.main(["batch", str(farms), str(farms / "out")]) == 2
    assert "lie in one another" in capsys.readouterr().err
    assert cli.main(["batch", str(tmp_path / "nowhere"), str(tmp_path / "x")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_command_prints_totals_in_both_languages(farms, tmp_path, capsys):
    for language, word in (("en", "Totals of the plots"), ("th", "ผลรวมของแปลง")):
        folder = str(tmp_path / language)
        words = ["batch", str(farms), folder, "--draws", "0", "--lang", language]
        assert cli.main(words) == 1
        assert word in capsys.readouterr().out
    assert cli.main([*words, "--resume", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[-1]["locality"] == "ALL"
    assert rc.load_run(folder).run["command"] == "batch"


def test_a_column_is_named_and_a_unit_given(trees, tmp_path):
    trees = trees.groupby("plot_id", sort=False).head(5)
    renamed = trees.rename(columns={"dbh_cm": "girth"})
    renamed["girth"] = (trees["dbh_cm"] * 31.4).round()
    inputs = tmp_path / "in"
    inputs.mkdir()
    write_files(renamed, inputs)
    rc.run_batch(inputs, tmp_path / "out", mapping={"girth_cm": "girth"}, units={"girth": "mm"})
    stocks = rc.estimate_stocks(
        rc.read_inventory(renamed, mapping={"girth_cm": "girth"}, units={"girth": "mm"})
    )
    assert plots_of(tmp_path / "out")["agb_t"].to_pylist() == stocks.plots["agb_t"].tolist()
    with pytest.raises(InventoryError, match="--map girth_cm=G: there is no such column"):
        rc.run_batch(inputs, tmp_path / "out2", mapping={"girth_cm": "G"})
    (inputs / "notes.csv").write_text("a,b\n1,2\n", "utf-8")
    found = rc.run_batch(inputs, tmp_path / "out3", mapping={"girth_cm": "girth"})
    assert list(found.unread) == ["notes.csv"]


FIRST = "farms-0.parquet"


def test_blocks_are_whole_plots_whatever_their_size(trees, farms, monkeypatch):
    for rows, piece in ((1, 7), (30, 20), (10**6, 1 << 17)):
        monkeypatch.setattr(batch_input, "READ_ROWS", piece)
        found = list(blocks(Source(str(farms)), Span(FIRST, 0, -1), rows=rows))
        names = [set(table.column("plot_id").to_pylist()) for table, _ in found]
        assert sum(map(len, names)) == len(set.union(*names))
        assert np.concatenate([n for _, n in found]).tolist() == list(
            range(1, sum(len(t) for t, _ in found) + 1)
        )


def test_parts_are_of_about_equal_size_and_hold_whole_plots():
    file = scan_of(rows=1200, plot=10)
    for part_rows, parts in ((1200, 1), (900, 1), (700, 2), (500, 2), (95, 12), (5, 120)):
        cut = spans("f", file, part_rows)
        assert len(cut) == parts
        assert [s.first for s in cut[1:]] == [s.last for s in cut[:-1]]
        assert (cut[0].first, cut[-1].last) == (0, 1200)
        sizes = [s.last - s.first for s in cut]
        assert max(sizes) - min(sizes) <= 10
        assert all(size % 10 == 0 for size in sizes)
    assert spans("f", file, 300, (600, 1200)) == [Span("f", 600, 900), Span("f", 900, 1200)]


def scan_of(rows, plot):
    """A file whose plots have so many rows each."""
    starts = np.arange(0, rows, plot)
    return batch_scan.Scan(rows, starts.astype(np.uint64), starts)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_plot_in_several_spellings_stays_in_one_block(ending, tmp_path, monkeypatch):
    ids = ["A"] * 9 + ["7"] * 5 + ["๗", " 7"] * 2 + ["B"] * 3 + [None] + ["X 1"] * 4 + ["X  1"] * 6
    table = pa.table({"plot_id": ids, "species": ["para"] * len(ids), "dbh_cm": [9.0] * len(ids)})
    if ending == "parquet":
        pq.write_table(table, tmp_path / "f.parquet", row_group_size=10)
    else:
        table.to_pandas().to_csv(tmp_path / "f.csv", index=False)
    for rows in (1, 3, 8, 100):
        monkeypatch.setattr(batch_input, "READ_ROWS", rows)
        span = Span(f"f.{ending}", 0, len(ids))
        found = [block for block, _ in blocks(Source(str(tmp_path)), span, rows=rows)]
        plots = [{plain_id(text or "") for text in b["plot_id"].to_pylist()} for b in found]
        assert sum(map(len, plots)) == len(set.union(*plots)) == 5
        assert sum(map(len, found)) == len(ids)
        assert ending == "csv" or rows == 100 or len(found) > 1


@pytest.mark.parametrize("statistics", [True, False])
def test_infinite_numbers_become_texts_whatever_a_file_says_of_its_columns(statistics, tmp_path):
    """In one group of rows alone; the other column is not taken for a text."""
    sizes = [9.0] * 30 + [np.inf] + [None, np.nan] + [8.0] * 7
    table = pa.table({"plot_id": ["A"] * 40, "species": ["para"] * 40, "dbh_cm": sizes,
                      "height_m": pa.array([5.0] * 40, pa.float32())})  # fmt: skip
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=10, write_statistics=statistics)
    for first, last, kind in ((0, 40, pa.string()), (0, 30, pa.float64())):
        [(block, _)] = blocks(Source(str(tmp_path)), Span("f.parquet", first, last))
        assert block.schema.field("dbh_cm").type == kind
        assert block.schema.field("height_m").type == pa.float32()
        told = block["dbh_cm"].to_pylist()[30:31]
        assert told == (["inf"] if last == 40 else [])


def test_what_is_known_of_a_file_goes_with_it(farms):
    """Else the memory of a run grows with its files, for Python waits with collecting cycles."""
    gc.collect()
    gc.disable()
    before = [one for one in gc.get_objects() if type(one).__name__ == "FileMetaData"]
    try:
        assert sum(len(block) for block, _ in blocks(Source(str(farms)), Span(FIRST, 0, -1)))
        assert scan(Source(str(farms)), FIRST).rows
        left = [one for one in gc.get_objects() if type(one).__name__ == "FileMetaData"]
    finally:
        gc.enable()
    assert all(any(one is other for other in before) for one in left)


def test_blocks_of_a_part_are_of_about_equal_size_and_hold_few_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_input, "READ_ROWS", 50)
    ids = [f"P{row // 10}" for row in range(1200)]
    table = pa.table({"plot_id": ids, "species": ["para"] * 1200, "dbh_cm": [9.0] * 1200})
    pq.write_table(table, tmp_path / "f.parquet")

    def sizes(rows):
        found = blocks(Source(str(tmp_path)), Span("f.parquet", 0, 1200), rows=rows)
        return [len(block) for block, _ in found]

    assert sizes(1200) == [1200]
    assert sizes(1100) == [590, 610]  # not 1,100 and 100
    assert sizes(500) == [390, 400, 410]
    assert sizes(595) == [590, 610]  # which a row less would not make three
    monkeypatch.setattr(batch_input, "BLOCK_CELLS", 3 * 1100)
    assert sizes(1200) == [590, 610]


@pytest.mark.parametrize("piece", [4, 50, 1000])
def test_blocks_end_where_their_share_ends_and_plots_larger_than_that_are_whole(
    piece, tmp_path, monkeypatch
):
    monkeypatch.setattr(batch_input, "READ_ROWS", piece)
    ids = ["A"] * 40 + ["B"] * 5 + ["C"] * 130 + ["D"] * 5 + ["E"] * 20
    table = pa.table({"plot_id": ids, "species": ["para"] * 200, "dbh_cm": [9.0] * 200})
    pq.write_table(table, tmp_path / "f.parquet")
    found = blocks(Source(str(tmp_path)), Span("f.parquet", 0, 200), rows=50)
    assert [sorted(set(b["plot_id"].to_pylist())) for b, _ in found] == [
        ["A", "B"],
        ["C"],
        ["D", "E"],
    ]


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_runs_of_plots_are_found_across_pieces_and_spellings(rows, tmp_path, monkeypatch):
    ids = ["A"] * 9 + ["7"] * 5 + ["๗", " 7"] * 2 + [None, "", None] + ["A"] * 3 + ["ข"] * 8
    table = pa.table({"plot_id": ids, "species": ["para"] * len(ids), "dbh_cm": [9.0] * len(ids)})
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=10)
    table.to_pandas().to_csv(tmp_path / "f.csv", index=False)
    monkeypatch.setattr(batch_scan, "SCAN_ROWS", rows)
    plain = [plain_id(text or "") for text in ids]
    starts = [k for k, name in enumerate(plain) if k == 0 or name != plain[k - 1]]
    for file in ("f.parquet", "f.csv"):
        found = scan(Source(str(tmp_path)), file)
        assert (found.rows, found.starts.tolist()) == (len(ids), starts)
        assert len(set(found.plots.tolist())) == len(set(plain)) == 4
        assert found.plots.tolist() == batch_scan.hashes(pa.chunked_array([plain]))[starts].tolist()
        assert found.plots[starts.index(18)] == batch_scan.NO_PLOT


def test_sums_in_whole_numbers_do_not_depend_on_their_order():
    rng = np.random.default_rng(3)
    values = rng.lognormal(2, 2, 1000)
    whole = int(fixed(values).sum())
    assert whole == sum(int(fixed(values[k : k + 1])[0]) for k in rng.permutation(1000))
    assert whole / SCALE == pytest.approx(values.sum(), rel=1e-13)
    assert fixed(np.array([np.nan]))[0] == 0
    with pytest.raises(RunFolderError, match="cannot be right"):
        fixed(np.array([1e9]))


@pytest.mark.parametrize("most", [1 << 50, 1 << 62])
def test_sums_of_draws_are_those_of_whole_numbers_of_any_length(most):
    rng = np.random.default_rng(4)
    parts = rng.integers(-most, most, (9, 4, 60))
    sums = Sums({"a": [1 << 70, 0, 0, 0, 0], "b": [0] * 5}, {"a": [1] * 8, "b": [0] * 8})
    for part in parts:
        sums.add(Sums(draws={"a": halves(part), "b": halves(-part)}))
    back = Sums.of_bytes(sums.as_bytes())
    assert (back.points, back.counts) == (sums.points, sums.counts)
    exact = parts.astype(object).sum(axis=0)
    for region, whole in (("a", exact), ("b", -exact)):
        high, low = back.draws[region].astype(object)
        assert ((high << LOW) + low == whole).all()
        assert back.draws[region][1].max() < 1 << LOW
    tons = np.array([[int(v) / int(SCALE) for v in line] for line in exact])
    total = total_of(back, "locality", 0.9).set_index("locality")
    assert total.loc["a", "agb_t_sd"] == tons[0].std(ddof=1)
    assert total.loc["ALL", ["agb_t_sd", "agb_t_low", "herb_t_high"]].tolist() == [0.0] * 3
    assert total["agb_t"].tolist() == [float(1 << 30), 0.0, float(1 << 30)]


@pytest.mark.slow
def test_the_plan_is_not_made_again_when_nothing_changed(farms, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    rc.run_batch(farms, folder)
    assert json.loads((folder / MANIFEST).read_text("utf-8"))["files"]

    def never(*_):
        raise AssertionError("read again")

    monkeypatch.setattr(batch_plan, "scan", never)
    monkeypatch.setattr(local, "compute_part", never)
    assert rc.run_batch(farms, folder, resume=True).kept == FILES
