"""The R package BIOMASS as a peer: trees to R as CSV, its time and totals back as CSV.

    python benchmarks/biomass_r.py FOLDER [--trees 20000] [--draws 512]

FOLDER holds an inventory of `national_inventory.py`. R draws the errors of each tree by itself and
holds every tree and draw at once (60 to 80 bytes each), hence the few trees.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import allometry as al
import rubbercarbon as rc

SCRIPT = Path(__file__).with_suffix(".R")
WITHOUT_PACKAGE = 3  # what the script ends with where BIOMASS is not installed
COLUMNS = ("D", "H", "H_sd", "wd", "wd_sd")
EQUATION = "chave_2014_eq4"  # what BIOMASS takes where heights are given
HEIGHTS = "harja_2012_pooled"
HEIGHT_CV = 0.2  # a made-up error of made-up heights: both sides get the same
LONGEST_S = 1800


class Skipped(Exception):
    """Why R was not run, as a sentence."""


class Answer(NamedTuple):
    """What R says: its package, how long it drew, biomass of all trees [t]."""

    version: str
    trees: int
    draws: int
    seconds: float
    cpu_seconds: float
    agb_t: float
    agb_t_mean: float
    agb_t_sd: float


def trees_of(source: Path, count: int) -> pd.DataFrame:
    """Living trees of an inventory with all that R wants, and their plots."""
    first = min(source.glob("*.parquet"))
    frame = pq.read_table(first, columns=["plot_id", "tree_id", "species", "girth_cm", "status"])
    table = frame.slice(0, 2 * count).to_pandas()
    sound = (table["status"] == "alive") & (table["girth_cm"] > 0) & (table["girth_cm"] < 628)
    table = table[sound].head(count).reset_index(drop=True)
    species = table["species"].astype(str)
    names = species.unique().tolist()
    density = al.wood_density(names)[["wood_density_g_cm3", "sd_g_cm3"]].to_numpy(dtype=float)
    known = dict(zip(names, density, strict=True))
    pairs = np.array([known[name] for name in species])
    dbh = table["girth_cm"].to_numpy() / np.pi
    height = al.predict_height(HEIGHTS, dbh=dbh)
    found: pd.DataFrame = table.assign(
        species=species, D=dbh, H=height, H_sd=HEIGHT_CV * height, wd=pairs[:, 0], wd_sd=pairs[:, 1]
    )
    return found


def run_r(trees: pd.DataFrame, draws: int) -> Answer:
    """Let R compute the trees.

    Raises
    ------
    Skipped
        Without R or its package, or when R does not end well.
    """
    command = shutil.which("Rscript")
    if command is None:
        raise Skipped("R is not installed (no Rscript on the path)")
    with tempfile.TemporaryDirectory(prefix="biomass-") as folder:
        given, answer = Path(folder) / "trees.csv", Path(folder) / "answer.csv"
        trees[list(COLUMNS)].to_csv(given, index=False)
        try:
            done = subprocess.run(
                [command, "--vanilla", str(SCRIPT), str(given), str(answer), str(draws)],
                check=False, capture_output=True, text=True, timeout=LONGEST_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Skipped(f"R took longer than {LONGEST_S} s") from error
        if done.returncode == WITHOUT_PACKAGE:
            raise Skipped("R has no package BIOMASS (install.packages('BIOMASS'))")
        if done.returncode or not answer.exists():
            last = (done.stderr.strip().splitlines() or ["it wrote no answer"])[-1]
            raise Skipped(f"R ended with code {done.returncode}: {last}")
        found = pd.read_csv(answer, dtype={"version": str})
    missing = [name for name in Answer._fields if name not in found]
    if missing or len(found) != 1:
        raise Skipped(f"R's answer lacks {', '.join(missing) or 'its one row'}")
    row = found.iloc[0]
    return Answer(
        row["version"], int(row["trees"]), int(row["draws"]),
        *(float(row[name]) for name in Answer._fields[3:]),
    )  # fmt: skip


def run_ours(trees: pd.DataFrame, draws: int) -> tuple[float, float, float]:
    """Seconds of wall and processor of the same by `estimate_table`, and its biomass [t]."""
    table = pa.table({
        "plot_id": trees["plot_id"].astype(str), "tree_id": trees["tree_id"].astype(str),
        "species": trees["species"], "growth_form": ["tree"] * len(trees), "dbh_cm": trees["D"],
        "height_m": trees["H"], "wood_density_g_cm3": trees["wd"],
        "wood_density_sd_g_cm3": trees["wd_sd"],
    })  # fmt: skip
    settings = rc.Settings(draws=draws, equations={"all": EQUATION})
    rc.estimate_table(table.slice(0, 200), settings)  # loads kernels
    wall, cpu = time.perf_counter(), time.process_time()
    found = rc.estimate_table(table, settings)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall, cpu, float(pd.Series(found["agb_t"].to_numpy()).sum())


def compare(source: Path, count: int = 20_000, draws: int = 512) -> None:
    """Print R's time and totals beside ours, or why there is nothing to compare."""
    trees = trees_of(source, count)
    try:
        theirs = run_r(trees, draws)
    except Skipped as why:
        print(f"{'R package BIOMASS':<34} {why}: skipped")
        return
    wall, cpu, agb_t = run_ours(trees, draws)
    scale = 1e9 / (len(trees) * draws)
    print(f"R package BIOMASS {theirs.version}, {len(trees):,} trees, {draws} draws: "
          f"{theirs.seconds:.1f} s ({theirs.seconds * scale:.0f} ns per tree and draw); ours "
          f"{wall:.2f} s ({wall * scale:.1f} ns; {cpu:.2f} s of processor): "
          f"{theirs.seconds / wall:.0f} times")  # fmt: skip
    differ = 100.0 * (agb_t / theirs.agb_t - 1.0)
    print(f"  above-ground biomass: R {theirs.agb_t:,.1f} t (draws {theirs.agb_t_mean:,.1f}, sd "
          f"{theirs.agb_t_sd:,.1f}), ours {agb_t:,.1f} t, {differ:+.2f} %")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trees", type=int, default=20_000)
    parser.add_argument("--draws", type=int, default=512)
    chosen = parser.parse_args()
    compare(chosen.folder, chosen.trees, chosen.draws)
