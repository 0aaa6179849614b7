"""Batches that are killed, full disks, broken files: nothing is lost, and nothing counts twice."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from batch_runs import FILES, files_of, parts_in, plots_of, run, wait_for, workers_of

import rubbercarbon as rc
from rubbercarbon import cli
from rubbercarbon.batch_store import Store
from rubbercarbon.errors import RunFolderError


def test_a_killed_runner_is_taken_up_where_it_was(farms, undisturbed, tmp_path):
    folder = tmp_path / "killed"

    def stop(news):
        if news.parts_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rc.run_batch(farms, folder, report=stop)
    parts = sorted(p.name for p in (folder / "parts").iterdir())
    assert len(parts) == 3  # the third was on its way to the disk
    assert not (folder / "run.json").exists()
    with pytest.raises(RunFolderError, match="--resume takes it up, --force begins anew"):
        rc.run_batch(farms, folder)
    (folder / "plots" / ".half.part").write_bytes(b"half")
    times = {p: p.stat().st_mtime_ns for p in (folder / "plots").glob("*.parquet")}
    result = rc.run_batch(farms, folder, resume=True)
    assert (result.kept, result.parts) == (3, FILES)
    assert all(path.stat().st_mtime_ns == when for path, when in times.items())
    assert files_of(folder) == files_of(undisturbed)


def test_broken_parts_are_computed_again_and_stale_ones_are_refused(farms, undisturbed, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    victims = [
        "plots/farms-1-000000000.parquet",
        "sums/farms-2-000000000.arrow",
        "parts/farms-0-000000000.json",
    ]
    (folder / victims[0]).write_bytes((folder / victims[0]).read_bytes()[:-20] + b"x" * 20)
    (folder / victims[1]).unlink()
    (folder / victims[2]).write_text("{", "utf-8")
    (folder / "plots" / "farms-9-000000000.parquet").write_bytes(b"of no plan")
    result = rc.run_batch(farms, folder, resume=True)
    assert result.kept == 1
    assert files_of(folder) == files_of(undisturbed)
    for settings, words in (
        (rc.Settings(carbon_fraction=0.5), "settings.carbon_fraction: None before, 0.5 now"),
        (rc.Settings(errors={"residual": {"scale": 2.0}}), "residual"),
    ):
        with pytest.raises(RunFolderError, match=words):
            rc.run_batch(farms, folder, settings, resume=True)
    assert files_of(folder) == files_of(undisturbed)
    rc.run_batch(farms, folder, rc.Settings(carbon_fraction=0.5), force=True)
    assert files_of(folder)["total.csv"] != files_of(undisturbed)["total.csv"]
    other = tmp_path / "parts"
    shutil.copytree(undisturbed, other)
    for name in ("farms-1", "farms-3"):
        (other / "parts" / f"{name}-000000000.json").unlink()
    result = rc.run_batch(farms, other, resume=True, part_rows=40)
    assert result.kept == 2
    assert result.parts > FILES
    assert plots_of(other).equals(plots_of(undisturbed))
    assert (other / "total.csv").read_bytes() == (undisturbed / "total.csv").read_bytes()
    assert len(list((other / "plots").glob("farms-0-*"))) == 1
    assert len(list((other / "plots").glob("farms-1-*"))) > 1
    assert rc.run_batch(farms, other, resume=True).kept == result.parts


def test_a_truncated_input_is_listed_and_taken_in_when_it_is_whole(
    trees, farms, undisturbed, tmp_path, capsys
):
    inputs, folder = tmp_path / "in", tmp_path / "out"
    shutil.copytree(farms, inputs)
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
    assert plots_of(folder).num_rows < trees["plot_id"].nunique()
    victim.write_bytes(whole)
    assert cli.main(["batch", str(inputs), str(folder), "--draws", "0", "--resume"]) == 1
    assert "(3 of a former run)" in capsys.readouterr().out
    assert files_of(folder) == files_of(undisturbed)


def test_a_page_that_is_damaged_inside_is_found_while_it_is_read(farms, tmp_path):
    inputs = tmp_path / "in"
    shutil.copytree(farms, inputs)
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
def test_a_changed_input_is_computed_again_and_a_removed_one_counts_no_more(trees, farms, tmp_path):
    inputs, folder, fresh = (tmp_path / name for name in ("in", "out", "fresh"))
    shutil.copytree(farms, inputs)
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
    farms, undisturbed, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "out"
    written = Store.write
    count = 0

    def full(self, name, content, settled=True):
        nonlocal count
        count += name.startswith("plots/")
        if count == 3:
            raise OSError(28, "No space left on device", name)
        written(self, name, content, settled=settled)

    monkeypatch.setattr(Store, "write", full)
    assert cli.main(["batch", str(farms), str(folder), "--draws", "0"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.undo()
    assert rc.run_batch(farms, folder, resume=True).kept == 2
    assert files_of(folder) == files_of(undisturbed)


def test_a_part_that_cannot_be_written_is_told_though_the_last_one_is_written_behind(
    farms, undisturbed, tmp_path, monkeypatch
):
    """The first, one between and the last: only what could not be written is computed anew."""
    written, threads = Store._write, set()

    def full(self, name, content, settled=True):
        threads.add(threading.current_thread())
        if name == f"parts/farms-{victim}-000000000.json":
            raise OSError(28, "No space left on device", name)
        written(self, name, content, settled=settled)

    for victim, done in ((0, 0), (2, 2), (FILES - 1, FILES - 1)):
        folder = tmp_path / str(victim)
        monkeypatch.setattr(Store, "_write", full)
        with pytest.raises(RunFolderError, match="No space left on device"):
            rc.run_batch(farms, folder)
        assert not (folder / "total.csv").exists()
        monkeypatch.undo()
        assert rc.run_batch(farms, folder, resume=True).kept == done
        assert files_of(folder) == files_of(undisturbed)
    assert len(threads) > 1
    assert not [one for one in threads - {threading.current_thread()} if one.is_alive()]


def test_a_disk_that_fails_behind_the_run_is_told_before_any_total(
    farms, undisturbed, tmp_path, monkeypatch
):
    """A part that the disk did not keep looks sound in memory, and is computed anew all the same."""
    sync, runner, seen = os.fsync, threading.current_thread(), []

    def fails(number):
        if threading.current_thread() is not runner:
            seen.append(number)
            if len(seen) == 6:  # a file of the second part
                raise OSError(5, "Input/output error")
        sync(number)

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(RunFolderError, match="Input/output error"):
        rc.run_batch(farms, tmp_path / "out")
    assert not (tmp_path / "out" / "total.csv").exists()
    monkeypatch.undo()
    parts = [path.stem for path in (tmp_path / "out" / "parts").iterdir()]
    assert "farms-0-000000000" in parts
    assert "farms-1-000000000" not in parts
    assert rc.run_batch(farms, tmp_path / "out", resume=True).kept == len(parts)
    assert files_of(tmp_path / "out") == files_of(undisturbed)


@pytest.mark.jit
@pytest.mark.slow
def test_a_runner_that_dies_while_it_writes_leaves_no_part_of_it(farms, tmp_path):
    """Its last word is half a file."""
    folder, fresh = tmp_path / "out", tmp_path / "fresh"
    code = (
        "import os, pathlib, sys\n"
        "put = pathlib.Path.replace\n"
        "def dies(self, target):\n"
        "    if pathlib.Path(target).match('plots/farms-2-*'):\n"
        "        os._exit(9)\n"
        "    return put(self, target)\n"
        "pathlib.Path.replace = dies\n"
        "from rubbercarbon import cli\n"
        "cli.main(sys.argv[1:])\n"
    )
    words = ["batch", farms, folder, "--draws", "24", "--seed", "5"]
    died = subprocess.run([sys.executable, "-c", code, *map(str, words)], check=False)
    assert died.returncode == 9
    assert list((folder / "plots").glob(".*.part"))
    assert parts_in(folder) == 2
    again = run(farms, folder, "--resume")
    assert "(2 of a former run)" in again.stdout
    run(farms, fresh)
    assert files_of(folder) == files_of(fresh)


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="limits of file size are POSIX's")
def test_a_file_size_limit_in_the_middle_of_a_file_leaves_no_half_file(farms, tmp_path):
    folder = tmp_path / "out"
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
        "from rubbercarbon import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "batch", farms, folder, "--draws", "24", "--seed", "5"],
        check=False, capture_output=True, text=True, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        if "NUMBA_CACHE_DIR" not in os.environ else os.environ,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert "File too large" in done.stderr
    assert not list(folder.rglob("*.part"))
    assert not list((folder / "parts").glob("*")) if (folder / "parts").exists() else True
    run(farms, folder, "--resume")
    fresh = tmp_path / "fresh"
    run(farms, fresh)
    assert files_of(folder) == files_of(fresh)


@pytest.mark.drill
def test_a_full_tmpfs_ends_the_run_and_more_room_lets_it_go_on(farms, tmp_path):
    """A real file system without room; mounting one needs the rights of an administrator."""
    disk, fresh = tmp_path / "disk", tmp_path / "fresh"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.name == "nt" or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    folder = disk / "out"
    parts = ["--part-rows", "20"]
    command = [sys.executable, "-m", "rubbercarbon", "batch", farms, folder, "--draws", "24",
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
        again = run(farms, folder, "--resume", *parts)
        assert f"({done} of a former run)" in again.stdout
        run(farms, fresh, *parts)
        assert files_of(folder) == files_of(fresh)
    finally:
        subprocess.run(["umount", str(disk)], check=False)


@pytest.mark.jit
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_killed_processes_lose_nothing(farms, tmp_path):
    """The runner by SIGKILL, then a worker of the processes engine."""
    fresh, folder = tmp_path / "fresh", tmp_path / "out"
    run(farms, fresh, "--part-rows", "40")
    command = [sys.executable, "-m", "rubbercarbon", "batch", str(farms), str(folder), "--draws",
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
def test_workers_end_with_the_process_that_started_them(farms, tmp_path):
    command = [sys.executable, "-m", "rubbercarbon", "batch", farms, tmp_path / "out", "--draws",
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
def test_a_killed_scheduler_ends_the_run_with_a_sentence_and_another_takes_it_up(farms, tmp_path):
    pytest.importorskip("distributed")
    fresh, folder = tmp_path / "fresh", tmp_path / "out"
    parts = ["--part-rows", "20"]
    run(farms, fresh, *parts)
    command = [sys.executable, "-m", "rubbercarbon", "batch", farms, folder, "--draws", "24",
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
        again = run(farms, folder, "--resume", "--scheduler", address, *parts, engine="dask")
    assert f"({done} of a former run)" in again.stdout
    assert files_of(folder) == files_of(fresh)
