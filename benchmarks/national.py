"""National batches: growth of time and memory with the number of trees, engines, draws, peers.

    python benchmarks/national.py [--millions 1 3 10] [--per-farm 940] [--keep FOLDER]
        [--lean] [--required] [--no-engines]

Every run is a process of its own. Rates are per second of wall clock and per second of processor
(all threads): on a machine that others use, the second is the one to compare.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import biomass_r
import numpy as np
import pyarrow.parquet as pq
from national_inventory import write

from allometry.evaluation import compile_equations

RUN = """
import json, resource, sys, time
import rubbercarbon as rc
source, folder, draws, engine, workers, scheduler = sys.argv[1:7]
settings = rc.Settings(draws=int(draws) or None) if int(draws) else rc.Settings()
wall, cpu = time.perf_counter(), time.process_time()
result = rc.run_batch(source, folder, settings, engine=engine, workers=int(workers), force=True,
                      scheduler=scheduler or None)
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "rows": result.rows, "wall": time.perf_counter() - wall,
    "cpu": sum(u.ru_utime + u.ru_stime for u in used),
    "mb": used[0].ru_maxrss / 1024, "mb_worker": used[1].ru_maxrss / 1024,
    "agb_t": float(result.total["agb_t"].iloc[-1]),
}))
"""
# as `rubbercarbon batch` sets it
AS_COMMAND = {"OMP_WAIT_POLICY": "passive", "ALLOMETRY_LEAN_START": "1", **os.environ}
DRAWS = 512
COLUMNS = ["plot_id", "species", "girth_cm", "status", "plot_area_rai"]


def batch(
    source: Path, draws: int, engine: str = "local", workers: int = 2, scheduler: str = ""
) -> dict[str, float]:
    """One run in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="batch-"))
    try:
        done = subprocess.run(
            [sys.executable, "-c", RUN, source, folder, str(draws), engine, str(workers),
             scheduler],
            check=True, capture_output=True, text=True, env=AS_COMMAND,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(name: str, found: dict[str, float]) -> None:
    """One run as a row of the table."""
    rows = found["rows"] / 1e6
    print(
        f"{name:<34} {rows:8.1f} {found['wall']:8.1f} {rows / found['wall']:8.2f} "
        f"{rows / found['cpu']:8.2f} {found['mb']:7.0f}"
    )


def growth(sources: dict[int, Path]) -> None:
    """Time and memory by size; the exponent of growth with the start taken off."""
    print(f"{'run':<34} {'M rows':>8} {'wall s':>8} {'M/s':>8} {'M/cpu s':>8} {'MB':>7}")
    for draws in (0, DRAWS):
        found = {n: batch(source, draws) for n, source in sources.items()}
        for one in found.values():
            line(f"local, {draws} draws", one)
        small, large = found[min(found)], found[max(found)]
        if small is not large:
            more = large["rows"] - small["rows"]
            rate = more / (large["wall"] - small["wall"]) / 1e6
            per_cpu = more / (large["cpu"] - small["cpu"]) / 1e6
            hours = 1500.0 / rate / 3600.0
            print(
                f"  without the start: {rate:.2f} M/s, {per_cpu:.2f} M per processor second; 1.5 "
                f"billion trees: {small['wall']:.0f} s + 1,500 M / {rate:.2f} M/s = {hours:.2f} h"
            )


def engines(source: Path) -> None:
    """One worker against two, by engine."""
    names = ["processes"] + (["dask"] if importlib.util.find_spec("distributed") else [])
    for engine in names:
        one, two = (batch(source, DRAWS, engine, workers) for workers in (1, 2))
        line(f"{engine}, 1 worker", one)
        line(f"{engine}, 2 workers", two)
        print(f"  two workers: {one['wall'] / two['wall']:.2f} times one (start included)")


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """A Dask scheduler and workers of one thread over TCP, each a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dask-"))
    own = ["--scheduler-file", str(folder / "scheduler.json"), "--no-dashboard"]
    start = [sys.executable, "-m"]
    commands = [[*start, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]]
    commands += [[*start, "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1"]] * workers
    one_thread = {**AS_COMMAND, "NUMBA_NUM_THREADS": "1"}
    running = []
    try:
        for command in commands:
            running.append(
                subprocess.Popen(
                    [*command, *own], env=one_thread, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
            while not (folder / "scheduler.json").exists():
                time.sleep(0.05)
        yield json.loads((folder / "scheduler.json").read_text("utf-8"))["address"]
    finally:
        for process in running[::-1]:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def dask_by_address(source: Path) -> None:
    """One worker of a cluster over TCP against two."""
    seconds = []
    for workers in (1, 2):
        with cluster(workers) as address:
            found = batch(source, DRAWS, "dask", workers, address)
            seconds.append(found["wall"])
            rows = found["rows"] / 1e6
            print(f"dask over TCP, {workers} worker(s): {rows:.1f} M rows, {found['wall']:.1f} s, "
                  f"{rows / found['wall']:.2f} M/s")  # fmt: skip
    print(f"  two workers: {seconds[0] / seconds[1]:.2f} times one (start of workers included)")


def points(source: Path) -> None:
    """The same sums of above-ground biomass by peers: rubber alone, one equation, no checks.

    They read the columns, take the living rubber, apply the five-equation mean and add up by plot;
    what a batch does beside (checks, companions, roots, carbon, areas, errors) they leave out.
    """
    from allometry.catalogue.loader import get_equation

    table = compile_equations(("hevea_ensemble",))
    ids = get_equation("hevea_ensemble").members
    rows = [(compile_equations((one,)).rows) for one in ids]
    assert len(table.rows) == sum(map(len, rows))
    print("\npeers: girth to above-ground biomass of rubber by plot, from the same files")
    peers: dict[str, Callable[[Path], tuple[int, float]]] = {"numpy": with_numpy}
    others: tuple[tuple[str, Callable[[Path], tuple[int, float]]], ...] = (
        ("pandas", with_pandas),
        ("polars", with_polars),
        ("duckdb", with_duckdb),
    )
    for name, function in others:
        if importlib.util.find_spec(name):
            peers[name] = function
        else:
            print(f"{name:<34} not installed: skipped")
    for name, function in peers.items():
        wall, cpu = time.perf_counter(), time.process_time()
        count, total = function(source)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name:<34} {count / 1e6:8.1f} {wall:8.1f} {count / wall / 1e6:8.2f} "
              f"{count / cpu / 1e6:8.2f}  {total:,.0f} t")  # fmt: skip
    biomass_r.compare(source)


RUBBER = ("ยางพารา", "Hevea brasiliensis", "Para rubber")


def polynomials() -> list[list[tuple[float, float, float, float]]]:
    """Ln Y of each member of the ensemble as cubic polynomials of ln D, one list per member."""
    from allometry.catalogue.loader import get_equation

    found = []
    for one in get_equation("hevea_ensemble").members:
        rows = compile_equations((one,)).rows
        found.append([(float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in rows])
    return found


def agb_numpy(dbh: np.ndarray) -> np.ndarray:
    """Geometric mean of the five equations [kg]."""
    x = np.log(dbh)
    total = np.zeros_like(x)
    members = polynomials()
    for member in members:
        parts = [b0 + x * (b1 + x * (b2 + x * b3)) for b0, b1, b2, b3 in member]
        total += parts[0] if len(parts) == 1 else np.log(sum(np.exp(part) for part in parts))
    result: np.ndarray = np.exp(total / len(members))
    return result


def with_numpy(source: Path) -> tuple[int, float]:
    """Dictionary codes, one mask, bincount by plot."""
    count, total = 0, 0.0
    for path in sorted(source.glob("*.parquet")):
        table = pq.read_table(
            path, columns=COLUMNS, read_dictionary=["plot_id", "species", "status"]
        )
        table = table.unify_dictionaries().combine_chunks()
        girth = table["girth_cm"].to_numpy()
        species = table["species"].combine_chunks()
        status = table["status"].combine_chunks()
        rubber = np.isin(species.dictionary.to_pylist(), RUBBER)[species.indices.to_numpy()]
        alive = np.isin(status.dictionary.to_pylist(), ["alive"])[status.indices.to_numpy()]
        use = rubber & alive & (girth > 0) & (girth < 628)
        plot = table["plot_id"].combine_chunks().indices.to_numpy()[use]
        sums = np.bincount(plot, agb_numpy(girth[use] / np.pi))
        count, total = count + len(girth), total + float(sums.sum()) / 1000.0
    return count, total


def with_pandas(source: Path) -> tuple[int, float]:
    """The same with groupby."""
    import pandas as pd

    count, total = 0, 0.0
    for path in sorted(source.glob("*.parquet")):
        frame = pd.read_parquet(path, columns=COLUMNS)
        use = frame["species"].isin(RUBBER) & (frame["status"] == "alive")
        use &= (frame["girth_cm"] > 0) & (frame["girth_cm"] < 628)
        some = frame.loc[use, ["plot_id", "girth_cm"]]
        agb = some.assign(agb=agb_numpy(some["girth_cm"].to_numpy() / np.pi))
        sums = agb.groupby("plot_id", observed=True)["agb"].sum()
        count, total = count + len(frame), total + float(sums.sum()) / 1000.0
    return count, total


def with_polars(source: Path) -> tuple[int, float]:
    """The same as lazy expressions."""
    import polars as pl

    x = (pl.col("girth_cm") / np.pi).log()
    mean = pl.lit(0.0)
    members = polynomials()
    for member in members:
        parts = [b0 + x * (b1 + x * (b2 + x * b3)) for b0, b1, b2, b3 in member]
        whole = (
            parts[0] if len(parts) == 1 else sum((p.exp() for p in parts[1:]), parts[0].exp()).log()
        )
        mean = mean + whole / len(members)
    lazy = pl.scan_parquet(str(source / "*.parquet"))
    count = lazy.select(pl.len()).collect().item()
    sums = (
        lazy.filter(
            pl.col("species").cast(pl.String).is_in(RUBBER)
            & (pl.col("status").cast(pl.String) == "alive")
            & pl.col("girth_cm").is_between(0, 628, closed="none")
        )
        .group_by("plot_id")
        .agg(mean.exp().sum())
        .collect()
    )
    return int(count), float(sums[:, 1].sum()) / 1000.0


def with_duckdb(source: Path) -> tuple[int, float]:
    """The same in SQL."""
    import duckdb

    x = "ln(girth_cm / pi())"
    members = polynomials()
    logs = []
    for member in members:
        parts = [f"({b0} + {x} * ({b1} + {x} * ({b2} + {x} * {b3})))" for b0, b1, b2, b3 in member]
        logs.append(
            parts[0] if len(parts) == 1 else "ln(" + " + ".join(f"exp({p})" for p in parts) + ")"
        )
    names = ", ".join(f"'{name}'" for name in RUBBER)
    query = (
        "select sum(agb) / 1000 from "
        f"(select sum(exp(({' + '.join(logs)}) / {len(members)})) as agb "
        f"from '{source}/*.parquet' where species in ({names}) and status = 'alive' "
        "and girth_cm > 0 and girth_cm < 628 group by plot_id)"
    )
    connection: Any = duckdb.connect()
    total = connection.execute(query).fetchone()
    count = connection.execute(f"select count(*) from '{source}/*.parquet'").fetchone()
    return int(count[0]), float(total[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--per-farm", type=float, default=940.0)
    parser.add_argument("--keep", type=Path, help="folder for the inventories, kept")
    parser.add_argument("--no-engines", action="store_true")
    for name in ("lean", "required"):
        parser.add_argument(f"--{name}", action="store_true", help="as `national_inventory.py`")
    chosen = parser.parse_args()
    form = {name: getattr(chosen, name) for name in ("lean", "required")}
    base = chosen.keep or Path(tempfile.mkdtemp(prefix="national-"))
    try:
        made = {}
        for millions in chosen.millions:
            name = "-".join(
                [f"trees-{millions}m-{chosen.per_farm:g}", *(n for n in form if form[n])]
            )
            made[millions] = base / name
            if not made[millions].exists():
                write(made[millions], millions * 1_000_000, per_farm=chosen.per_farm, **form)
        growth(made)
        if not chosen.no_engines:
            engines(made[sorted(made)[len(made) // 2]])
            if importlib.util.find_spec("distributed"):
                dask_by_address(made[max(made)])
        if not chosen.lean:  # peers ask who is alive
            points(made[max(made)])
    finally:
        if chosen.keep is None:
            shutil.rmtree(base, ignore_errors=True)
