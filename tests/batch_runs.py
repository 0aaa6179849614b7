"""Batches in processes of their own, and what they leave behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FILES = 4  # of the inventory that `write_files` makes


def write_files(trees, folder, *, csv=False):
    names = trees["plot_id"].unique()
    for number, some in enumerate(np.array_split(names, FILES)):
        part = trees[trees["plot_id"].isin(some)].reset_index(drop=True)
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


def run(farms, folder, *more, engine="local", check=True, **environment):
    """A batch in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "rubbercarbon", "batch", farms, folder,
               "--draws", "24", "--seed", "5", "--engine", engine, "--workers", "2", *more]  # fmt: skip
    env = {**os.environ, **environment}
    done = subprocess.run(
        [str(c) for c in command], check=False, capture_output=True, text=True, env=env
    )
    assert "Traceback" not in done.stderr, done.stderr
    if check:
        assert done.returncode in {0, 1}, done.stderr
    return done


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
