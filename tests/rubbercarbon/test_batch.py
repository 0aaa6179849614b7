"""Batch runs: engines and partitions give the same bits, faults lose nothing and count nothing twice."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_inventories import national

import rubbercarbon as rc
from rubbercarbon import batch_plan, cli
from rubbercarbon.batch_input import Source, Span, blocks
from rubbercarbon.batch_scan import scan, spans
from rubbercarbon.batch_store import MANIFEST, Store
from rubbercarbon.batch_sums import SCALE, Sums, fixed, total_of
from rubbercarbon.engines import local
from rubbercarbon.errors import InventoryError, RunFolderError, SettingsError

DRAWS = rc.Settings(draws=24, seed=5)
FILES = 4


@pytest.fixture(scope="module")
def frame():
    return national(20, 20)


@pytest.fixture(scope="module")
def source(frame, tmp_path_factory):
    """The inventory in four Parquet files of whole plots."""
    folder = tmp_path_factory.mktemp("inventory")
    write_files(frame, folder)
    return folder


def write_files(frame, folder, *, csv=False):
    names = frame["plot_id"].unique()
    for number, some in enumerate(np.array_split(names, FILES)):
        part = frame[frame["plot_id"].isin(some)].reset_index(drop=True)
        if csv:
            part.to_csv(folder / f"farms-{number}.csv", index=False)
        else:
            table = pa.Table.from_pandas(part, preserve_index=False)
            pq.write_table(table, folder / f"farms-{number}.parquet", row_group_size=64)


def plots_of(folder):
    return pq.read_table(folder / "plots").sort_by("plot_id")


def files_of(folder):
    """Everything that a run writes, but for what may tell one run from another."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".lock" and not p.match("parts/*")
    }


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    rc.run_batch(source, folder)
    return folder


@pytest.mark.slow
def test_plots_are_those_of_estimate_stocks_and_nothing_is_lost(frame, source, undisturbed):
    stocks = rc.estimate_stocks(rc.read_inventory(frame))
    found = plots_of(undisturbed).to_pandas()
    assert found["plot_id"].tolist() == stocks.plots["plot_id"].tolist()
    for name in ("agb_t", "bgb_t_ha", "co2e_t_rai", "n_stems", "basal_area_m2_ha"):
        assert found[name].tolist() == stocks.plots[name].tolist()
    assert found["n_rows"].sum() == len(frame)
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
    table = pq.read_table(source / row["file"]).to_pandas()
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
def test_every_engine_partition_and_order_gives_the_same_bits(frame, source, tmp_path):
    first = tmp_path / "first"
    rc.run_batch(source, first, DRAWS)
    shuffled, texts = tmp_path / "mixed rows", tmp_path / "texts"
    shuffled.mkdir(), texts.mkdir()
    mixed = frame.sample(frac=1, random_state=3)
    for number, part in enumerate(np.array_split(np.arange(len(mixed)), 3)):
        table = pa.Table.from_pandas(mixed.iloc[part], preserve_index=False)
        pq.write_table(table, shuffled / f"rows-{number}.parquet")
    write_files(frame, texts, csv=True)
    for name, where, options in (
        ("small parts", source, {"part_rows": 40}),
        ("whole files", source, {"part_rows": 10**9}),
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
def test_totals_carry_shared_errors_across_parts(frame, source, tmp_path):
    """The sum of independent intervals would be far narrower; the total's is that of one run."""
    folder = tmp_path / "run"
    rc.run_batch(source, folder, rc.Settings(draws=200, seed=5), part_rows=40, by="site_id")
    total = pd.read_csv(folder / "total.csv", encoding="utf-8-sig").set_index("site_id")
    stocks = rc.estimate_stocks(rc.read_inventory(frame), rc.Settings(draws=200, seed=5))
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
def test_workers_give_the_same_files(worker_engine, source, tmp_path):
    first, second = tmp_path / "local", tmp_path / worker_engine
    rc.run_batch(source, first, DRAWS)
    news = []
    run(source, second, engine=worker_engine)
    assert files_of(first) == files_of(second)
    rc.run_batch(source, first, DRAWS, resume=True, report=news.append)
    assert [n.parts_done for n in news] == [FILES]
    assert news[0].kept == FILES


def run(source, folder, *more, engine="local", check=True, **environment):
    """A batch in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "rubbercarbon", "batch", source, folder,
               "--draws", "24", "--seed", "5", "--engine", engine, "--workers", "2", *more]  # fmt: skip
    env = {**os.environ, **environment}
    done = subprocess.run(
        [str(c) for c in command], check=False, capture_output=True, text=True, env=env
    )
    assert "Traceback" not in done.stderr, done.stderr
    if check:
        assert done.returncode in {0, 1}, done.stderr
    return done


def test_a_killed_runner_is_taken_up_where_it_was(source, undisturbed, tmp_path):
    folder = tmp_path / "killed"

    def stop(news):
        if news.parts_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rc.run_batch(source, folder, report=stop)
    parts = sorted(p.name for p in (folder / "parts").iterdir())
    assert len(parts) == 2
    assert not (folder / "run.json").exists()
    with pytest.raises(RunFolderError, match="--resume takes it up, --force begins anew"):
        rc.run_batch(source, folder)
    (folder / "plots" / ".half.part").write_bytes(b"half")
    times = {p: p.stat().st_mtime_ns for p in (folder / "plots").glob("*.parquet")}
    result = rc.run_batch(source, folder, resume=True)
    assert (result.kept, result.parts) == (2, FILES)
    assert all(path.stat().st_mtime_ns == when for path, when in times.items())
    assert files_of(folder) == files_of(undisturbed)


def test_broken_parts_are_computed_again_and_stale_ones_are_refused(source, undisturbed, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    victims = [
        "plots/farms-1-000000000.parquet",
        "sums/farms-2-000000000.parquet",
        "parts/farms-0-000000000.json",
    ]
    (folder / victims[0]).write_bytes((folder / victims[0]).read_bytes()[:-20] + b"x" * 20)
    (folder / victims[1]).unlink()
    (folder / victims[2]).write_text("{", "utf-8")
    (folder / "plots" / "farms-9-000000000.parquet").write_bytes(b"of no plan")
    result = rc.run_batch(source, folder, resume=True)
    assert result.kept == 1
    assert files_of(folder) == files_of(undisturbed)
    for settings, words in (
        (rc.Settings(carbon_fraction=0.5), "settings.carbon_fraction: None before, 0.5 now"),
        (rc.Settings(errors={"residual": {"scale": 2.0}}), "residual"),
    ):
        with pytest.raises(RunFolderError, match=words):
            rc.run_batch(source, folder, settings, resume=True)
    assert files_of(folder) == files_of(undisturbed)
    rc.run_batch(source, folder, rc.Settings(carbon_fraction=0.5), force=True)
    assert files_of(folder)["total.csv"] != files_of(undisturbed)["total.csv"]
    other = tmp_path / "parts"
    shutil.copytree(undisturbed, other)
    for name in ("farms-1", "farms-3"):
        (other / "parts" / f"{name}-000000000.json").unlink()
    result = rc.run_batch(source, other, resume=True, part_rows=40)
    assert result.kept == 2
    assert result.parts > FILES
    assert plots_of(other).equals(plots_of(undisturbed))
    assert (other / "total.csv").read_bytes() == (undisturbed / "total.csv").read_bytes()
    assert len(list((other / "plots").glob("farms-0-*"))) == 1
    assert len(list((other / "plots").glob("farms-1-*"))) > 1
    assert rc.run_batch(source, other, resume=True).kept == result.parts


def test_a_truncated_input_is_listed_and_taken_in_when_it_is_whole(
    frame, source, undisturbed, tmp_path, capsys
):
    inputs, folder = tmp_path / "in", tmp_path / "out"
    shutil.copytree(source, inputs)
    victim = inputs / "farms-2.parquet"
    whole = victim.read_bytes()
    victim.write_bytes(whole[: len(whole) // 2])
    assert cli.main(["batch", str(inputs), str(folder), "--draws", "0"]) == 1
    printed = capsys.readouterr()
    assert "NOT READ, in no total: farms-2.parquet" in printed.out
    assert "Traceback" not in printed.err
    listed = pd.read_csv(folder / "problems.csv", encoding="utf-8-sig")
    assert listed.query("code == 'file_left_out'")["file"].tolist() == ["farms-2.parquet"]
    assumed = pd.read_csv(folder / "assumptions.csv", encoding="utf-8-sig")
    assert "'farms-2.parquet' could not be read" in " ".join(assumed["assumption"])
    assert plots_of(folder).num_rows < frame["plot_id"].nunique()
    victim.write_bytes(whole)
    assert cli.main(["batch", str(inputs), str(folder), "--draws", "0", "--resume"]) == 1
    assert "(3 of a former run)" in capsys.readouterr().out
    assert files_of(folder) == files_of(undisturbed)


def test_a_page_that_is_damaged_inside_is_found_while_it_is_read(source, tmp_path):
    inputs = tmp_path / "in"
    shutil.copytree(source, inputs)
    victim = inputs / "farms-1.parquet"
    raw = bytearray(victim.read_bytes())
    file = pq.ParquetFile(victim)
    place = file.schema_arrow.names.index("dbh_cm")
    chunk = file.metadata.row_group(1).column(place)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    raw[start : start + 12] = b"\xff" * 12
    victim.write_bytes(raw)
    result = rc.run_batch(inputs, tmp_path / "out")
    assert list(result.unread) == ["farms-1.parquet"]
    assert result.parts == FILES - 1


@pytest.mark.slow
def test_a_changed_input_is_computed_again_and_a_removed_one_counts_no_more(
    frame, source, tmp_path
):
    inputs, folder, fresh = (tmp_path / name for name in ("in", "out", "fresh"))
    shutil.copytree(source, inputs)
    rc.run_batch(inputs, folder)
    table = pq.read_table(inputs / "farms-0.parquet").slice(0, 60)
    pq.write_table(table, inputs / "farms-0.parquet")
    (inputs / "farms-3.parquet").unlink()
    result = rc.run_batch(inputs, folder, resume=True)
    assert (result.kept, result.parts) == (2, 3)
    rc.run_batch(inputs, fresh)
    resumed, new = files_of(folder), files_of(fresh)
    # parts that were kept may name assumptions that only the former input needed
    old_lines, new_lines = (
        set(files.pop("assumptions.csv").splitlines()) for files in (resumed, new)
    )
    assert new_lines <= old_lines
    assert resumed == new


def test_a_full_disk_ends_the_run_with_a_sentence_and_spares_what_is_done(
    source, undisturbed, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "out"
    written = Store.write
    count = 0

    def full(self, name, content):
        nonlocal count
        count += name.startswith("plots/")
        if count == 3:
            raise OSError(28, "No space left on device", name)
        written(self, name, content)

    monkeypatch.setattr(Store, "write", full)
    assert cli.main(["batch", str(source), str(folder), "--draws", "0"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.undo()
    assert rc.run_batch(source, folder, resume=True).kept == 2
    assert files_of(folder) == files_of(undisturbed)


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="limits of file size are POSIX's")
def test_a_file_size_limit_in_the_middle_of_a_file_leaves_no_half_file(source, tmp_path):
    folder = tmp_path / "out"
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
        "from rubbercarbon import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "batch", source, folder, "--draws", "24", "--seed", "5"],
        check=False, capture_output=True, text=True, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        if "NUMBA_CACHE_DIR" not in os.environ else os.environ,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert "File too large" in done.stderr
    assert not list(folder.rglob("*.part"))
    assert not list((folder / "parts").glob("*")) if (folder / "parts").exists() else True
    run(source, folder, "--resume")
    fresh = tmp_path / "fresh"
    run(source, fresh)
    assert files_of(folder) == files_of(fresh)


@pytest.mark.drill
def test_a_full_tmpfs_ends_the_run_and_more_room_lets_it_go_on(source, tmp_path):
    """A real file system without room; mounting one needs the rights of an administrator."""
    disk, fresh = tmp_path / "disk", tmp_path / "fresh"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.name == "nt" or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    folder = disk / "out"
    parts = ["--part-rows", "20"]
    command = [sys.executable, "-m", "rubbercarbon", "batch", source, folder, "--draws", "24",
               "--seed", "5", *parts]  # fmt: skip
    try:
        full = subprocess.run(
            [str(word) for word in command], check=False, capture_output=True, text=True
        )
        assert full.returncode == 2, full.stdout
        assert "No space left on device" in full.stderr
        assert "Traceback" not in full.stderr
        done = parts_in(folder)
        assert done >= 1
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        again = run(source, folder, "--resume", *parts)
        assert f"({done} of a former run)" in again.stdout
        run(source, fresh, *parts)
        assert files_of(folder) == files_of(fresh)
    finally:
        subprocess.run(["umount", str(disk)], check=False)


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_killed_processes_lose_nothing(source, tmp_path):
    """The runner by SIGKILL, then a worker of the processes engine."""
    fresh, folder = tmp_path / "fresh", tmp_path / "out"
    run(source, fresh, "--part-rows", "40")
    command = [sys.executable, "-m", "rubbercarbon", "batch", str(source), str(folder), "--draws",
               "24", "--seed", "5", "--part-rows", "40", "--workers", "2"]  # fmt: skip
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: parts_in(folder) >= 2, first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = parts_in(folder)
    second = subprocess.Popen(
        [*command, "--engine", "processes", "--resume"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: workers_of(second.pid) and parts_in(folder) > done, second)
    for worker in workers_of(second.pid)[:1]:
        os.kill(worker, signal.SIGKILL)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 1, errors
    assert files_of(folder) == files_of(fresh)


@pytest.mark.jit
@pytest.mark.slow
def test_one_thread_and_two_give_the_same_files(source, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    run(source, one, NUMBA_NUM_THREADS="1")
    run(source, two, NUMBA_NUM_THREADS="2")
    assert files_of(one) == files_of(two)


@contextlib.contextmanager
def cluster(folder):
    """A scheduler and a worker of Dask over TCP, each a process of its own."""
    about = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start = [sys.executable, "-m"]
    own = ["--scheduler-file", str(about), "--no-dashboard"]
    scheduler = subprocess.Popen(
        [*start, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *own],
        **quiet,
    )  # fmt: skip
    worker = None
    try:
        wait_for(about.exists, scheduler)
        worker = subprocess.Popen(
            [*start, "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", *own], **quiet
        )
        yield json.loads(about.read_text("utf-8"))["address"], scheduler, worker
    finally:
        for process in (worker, scheduler):
            if process is not None:
                process.kill()
                process.wait()
        about.unlink(missing_ok=True)


@pytest.mark.drill
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_workers_end_with_the_process_that_started_them(source, tmp_path):
    command = [sys.executable, "-m", "rubbercarbon", "batch", source, tmp_path / "out", "--draws",
               "24", "--engine", "processes", "--workers", "2", "--part-rows", "20"]  # fmt: skip
    job = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    wait_for(lambda: len(workers_of(job.pid)) == 2 and parts_in(tmp_path / "out") >= 1, job)
    workers = workers_of(job.pid)
    assert len(workers) == 2
    job.send_signal(signal.SIGKILL)
    job.wait()
    until = time.monotonic() + 20
    while any(Path(f"/proc/{one}").exists() for one in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [one for one in workers if Path(f"/proc/{one}").exists()]


@pytest.mark.drill
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_a_killed_scheduler_ends_the_run_with_a_sentence_and_another_takes_it_up(source, tmp_path):
    pytest.importorskip("distributed")
    fresh, folder = tmp_path / "fresh", tmp_path / "out"
    parts = ["--part-rows", "20"]
    run(source, fresh, *parts)
    command = [sys.executable, "-m", "rubbercarbon", "batch", source, folder, "--draws", "24",
               "--seed", "5", "--engine", "dask", *parts]  # fmt: skip
    with cluster(tmp_path) as (address, scheduler, worker):
        job = subprocess.Popen(
            [str(word) for word in [*command, "--scheduler", address]], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_for(lambda: parts_in(folder) >= 1, job)
        worker.send_signal(signal.SIGSTOP)  # so that parts are open for certain
        scheduler.kill()
        killed = time.monotonic()
        _, errors = job.communicate(timeout=120)
        waited = time.monotonic() - killed
    assert job.returncode == 2, errors
    assert "the Dask scheduler" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert waited < 90
    done = parts_in(folder)
    assert 1 <= done < parts_in(fresh)
    with cluster(tmp_path) as (address, _, _):
        again = run(source, folder, "--resume", "--scheduler", address, *parts, engine="dask")
    assert f"({done} of a former run)" in again.stdout
    assert files_of(folder) == files_of(fresh)


def parts_in(folder):
    return len(list(folder.glob("parts/*.json")))


def wait_for(condition, process, seconds=90):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition() or process.poll() is not None:
            return
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def workers_of(pid):
    """Spawned workers of a process, the helper of multiprocessing left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (path / "cmdline").read_text()
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid and "spawn_main" in words:
            found.append(int(path.name))
    return found


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


def test_two_runs_do_not_write_to_one_folder(source, tmp_path):
    folder = tmp_path / "out"
    seen = []

    def meanwhile(news):
        if not seen:
            seen.append(news)
            with pytest.raises(RunFolderError, match="another batch writes to"):
                rc.run_batch(source, folder, resume=True)

    rc.run_batch(source, folder, report=meanwhile)
    assert seen


def test_an_object_store_holds_the_same_files(source, undisturbed, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in source.iterdir():
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


def test_folders_that_are_not_ours_and_wrong_words_are_refused(source, tmp_path, capsys):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.docx").write_text("mine", "utf-8")
    with pytest.raises(RunFolderError, match=r"thesis.docx"):
        rc.run_batch(source, foreign)
    for options, words in (
        ({"by": "colour"}, "allowed: site_id"),
        ({"engine": "abacus"}, "allowed: dask, local, processes"),
        ({"part_rows": 0}, "at least one row"),
    ):
        with pytest.raises(SettingsError, match=words):
            rc.run_batch(source, tmp_path / "new", **options)
    with pytest.raises(InventoryError, match="does not exist"):
        rc.run_batch(tmp_path / "nowhere", tmp_path / "new")
    with pytest.raises(InventoryError, match="holds no table"):
        rc.run_batch(foreign, tmp_path / "new2")
    assert cli.main(["batch", str(source), str(source / "out")]) == 2
    assert "lie in one another" in capsys.readouterr().err
    assert cli.main(["batch", str(tmp_path / "nowhere"), str(tmp_path / "x")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_command_prints_totals_in_both_languages(source, tmp_path, capsys):
    for language, word in (("en", "Totals of the plots"), ("th", "ผลรวมของแปลง")):
        folder = str(tmp_path / language)
        words = ["batch", str(source), folder, "--draws", "0", "--lang", language]
        assert cli.main(words) == 1
        assert word in capsys.readouterr().out
    assert cli.main([*words, "--resume", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[-1]["locality"] == "ALL"
    assert rc.load_run(folder).run["command"] == "batch"


def test_a_column_is_named_and_a_unit_given(frame, tmp_path):
    frame = frame.groupby("plot_id", sort=False).head(5)
    renamed = frame.rename(columns={"dbh_cm": "girth"})
    renamed["girth"] = (frame["dbh_cm"] * 31.4).round()
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


def test_blocks_are_whole_plots_whatever_their_size(frame, source):
    for rows in (1, 30, 10**6):
        found = list(blocks(Source(str(source)), Span("farms-0.parquet", 0, -1), rows=rows))
        names = [set(table.column("plot_id").to_pylist()) for table, _ in found]
        assert sum(map(len, names)) == len(set.union(*names))
        assert np.concatenate([n for _, n in found]).tolist() == list(
            range(1, sum(len(t) for t, _ in found) + 1)
        )
    cut = spans("f", scan(Source(str(source)), "farms-0.parquet"), 40)
    assert [s.first for s in cut[1:]] == [s.last for s in cut[:-1]]
    assert all(s.last - s.first >= 40 for s in cut[:-1])


def test_sums_in_whole_numbers_do_not_depend_on_their_order():
    rng = np.random.default_rng(3)
    values = rng.lognormal(2, 2, 1000)
    whole = int(fixed(values).sum())
    assert whole == sum(int(fixed(values[k : k + 1])[0]) for k in rng.permutation(1000))
    assert whole / SCALE == pytest.approx(values.sum(), rel=1e-13)
    assert fixed(np.array([np.nan]))[0] == 0
    with pytest.raises(RunFolderError, match="cannot be right"):
        fixed(np.array([1e9]))
    sums = Sums(
        {"a": [1 << 70, 0, 0, 0, 0]}, {"a": [1] * 8},
        {"a": np.array([[-5, 1 << 65]] * 4, dtype=object)},
    )  # fmt: skip
    back = Sums.of_table(sums.as_table())
    assert back.points == sums.points
    assert (back.draws["a"] == sums.draws["a"]).all()
    assert total_of(sums, "locality", 0.9)["agb_t"].tolist() == [float(1 << 30)] * 2


@pytest.mark.slow
def test_the_plan_is_not_made_again_when_nothing_changed(source, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    rc.run_batch(source, folder)
    assert json.loads((folder / MANIFEST).read_text("utf-8"))["files"]

    def never(*_):
        raise AssertionError("read again")

    monkeypatch.setattr(batch_plan, "scan", never)
    monkeypatch.setattr(local, "run_part", never)
    assert rc.run_batch(source, folder, resume=True).kept == FILES
