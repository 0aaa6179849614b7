"""Made-up national inventories of any size, as Parquet or CSV files of whole farms.

    python benchmarks/national_inventory.py FOLDER --trees 1000000 [--per-farm 940]
        [--lean] [--required] [--csv]

The same seed gives the same files, and a longer inventory begins with the shorter one. What is
realistic: farms of very different size in rubber provinces with their shares of planted land, ages
from 3 to 30 years with one mean girth per farm, girths read to the millimetre, every twentieth
height measured to half a metre with a scatter of 8 %, mixed gardens with companions, clones that
some farmers know, crews and dates, dead and missing trees, and a few faults of typing.

There is a file for each district, of one province. Parquet files are as programs write them: every
column may have gaps, zstd. With ``--required`` the columns without gaps say so, and LZ4 packs them:
a little larger, and read in half the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

PROVINCES = (
    "สุราษฎร์ธานี", "สงขลา", "นครศรีธรรมราช", "ตรัง", "ยะลา", "นราธิวาส", "พัทลุง", "กระบี่", "พังงา",
    "ระยอง", "จันทบุรี", "ตราด", "บึงกาฬ", "เลย", "อุดรธานี", "หนองคาย", "บุรีรัมย์", "เชียงราย",
)  # fmt: skip
SHARES = (16, 13, 12, 9, 8, 7, 6, 5, 4, 5, 3, 2, 4, 2, 2, 1, 1, 1)
RUBBER = ("ยางพารา", "Hevea brasiliensis", "Para rubber")
COMPANIONS = (
    "Durio zibethinus", "Hopea odorata", "Parkia speciosa", "Lansium domesticum", "Tectona grandis",
    "Garcinia mangostana", "Azadirachta excelsa", "Swietenia macrophylla", "Archidendron jiringa",
    "Artocarpus heterophyllus", "Gnetum gnemon", "Dipterocarpus alatus", "Musa",
)  # fmt: skip
CLONES = ("", "RRIM 600", "RRIT 251", "BPM 24")
SYSTEMS = ("monoculture", "agroforestry", "jungle rubber")
STATUSES = ("alive", "dead", "missing")
FARMS_PER_FILE = 1724  # a file for each of the 928 districts gives 1.6 million farms
FARMS_PER_CREW = 128
LEAN = ["plot_id", "tree_id", "species", "girth_cm", "plot_area_rai"]
GAPS = {"height_m"}
TREES_PER_RAI = 76.0


def farms(number: int, per_farm: float, seed: int) -> pa.Table:
    """The farms of one file, by its number."""
    rng = np.random.default_rng([seed, number])
    n = FARMS_PER_FILE
    size = np.maximum(rng.lognormal(-0.245, 0.7, n) * per_farm, 8.0).astype(np.int64)
    total = int(size.sum())
    farm = np.repeat(np.arange(n), size)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    age = rng.uniform(3, 30, n)
    mean = 72.0 * (1.0 - np.exp(-0.075 * age**1.1)) * rng.normal(1.0, 0.08, n)
    system = rng.choice(3, n, p=[0.86, 0.12, 0.02]).astype(np.int32)
    rubber = (system[farm] == 0) | (rng.random(total, dtype=np.float32) < 0.7)
    girth = mean[farm] * np.exp(rng.standard_normal(total, dtype=np.float32) * 0.16)
    girth = np.where(rubber, girth, girth * rng.uniform(0.4, 1.6, total))
    girth = np.round(np.clip(girth, 4.0, 240.0), 1)
    height = (1.3 + 27.0 * girth / (54.0 + girth)) * 0.95
    height *= np.exp(rng.standard_normal(total, dtype=np.float32) * 0.08)
    height = np.round(2.0 * height) / 2.0
    measured = rng.random(total, dtype=np.float32) < 0.05
    spelling = rng.integers(0, len(RUBBER), n)[farm]
    species = np.where(rubber, spelling, len(RUBBER) + rng.integers(0, len(COMPANIONS), total))
    status = np.where(rng.random(total, dtype=np.float32) < 0.015, 1 + (farm % 2), 0)
    fault = np.flatnonzero(rng.random(total, dtype=np.float32) < 1e-4)
    girth[fault] = rng.choice([0.0, 1200.0, -5.0], len(fault))
    clone = rng.integers(0, len(CLONES), n)[farm]
    crew = np.arange(n) // FARMS_PER_CREW
    crews = int(crew[-1]) + 1
    names = [f"F{number:06d}-{k:04d}" for k in range(n)]
    called = [f"crew {number * crews + c:05d}" for c in range(crews)]
    month = [f"2567-{m:02d}-15" for m in range(1, 13)]
    trees = [f"{k:05d}" for k in range(1, int(size.max()) + 1)]
    province = rng.choice(len(PROVINCES), 1, p=np.array(SHARES) / sum(SHARES))
    area = np.round(size / TREES_PER_RAI / rng.uniform(0.85, 1.05, n), 2)
    columns = {
        "plot_id": _text(farm, names),
        "tree_id": _text(np.arange(total) - start[farm], trees),
        "species": _text(species, [*RUBBER, *COMPANIONS]),
        "girth_cm": pa.array(girth),
        "height_m": pa.array(height, mask=~measured),
        "status": _text(status, list(STATUSES)),
        "clone": _text(np.where(rubber, clone, 0), list(CLONES)),
        "plot_area_rai": pa.array(area[farm]),
        "system": _text(system[farm], list(SYSTEMS)),
        "locality": _text(np.repeat(province, total), list(PROVINCES)),
        "surveyor": _text(crew[farm], called),
        "date": _text(rng.integers(0, 12, crews)[crew][farm], month),
    }
    return pa.table(columns)


def _text(codes: np.ndarray, words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), words)


def files(trees: int, per_farm: float, seed: int) -> Iterator[tuple[int, pa.Table]]:
    """Files of an inventory of about so many trees; the last is cut at a farm."""
    left, number = trees, 0
    while left > 0:
        table = farms(number, per_farm, seed)
        if len(table) > left:
            farm = table.column("plot_id").combine_chunks().indices.to_numpy()
            table = table.slice(0, max(int(np.searchsorted(farm, farm[left - 1], "right")), 1))
        yield number, table
        left -= len(table)
        number += 1


def write(
    folder: Path, trees: int, *, per_farm: float = 940.0, seed: int = 1, csv: bool = False,
    lean: bool = False, required: bool = False,
) -> int:  # fmt: skip
    """Write an inventory, or of each tree the columns `LEAN`; returns the number of its trees."""
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for number, whole in files(trees, per_farm, seed):
        table = whole.select(LEAN) if lean else whole
        table = pa.table({name: _plain(table.column(name)) for name in table.column_names})
        if csv:
            pyarrow.csv.write_csv(table, folder / f"farms-{number:06d}.csv")
        else:
            write_parquet(table, folder / f"farms-{number:06d}.parquet", required=required)
        done += len(table)
    return done


def write_parquet(table: pa.Table, path: Path, *, required: bool = False) -> None:
    """Write a file as programs do, or with columns without gaps marked as such."""
    packed: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
    if required:
        fields = [pa.field(f.name, f.type, f.name in GAPS) for f in table.schema]
        table, packed = table.cast(pa.schema(fields)), {"compression": "lz4"}
    pq.write_table(table, path, row_group_size=1 << 17, **packed)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trees", type=int, default=1_000_000)
    parser.add_argument("--per-farm", type=float, default=940.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--lean", action="store_true", help="few columns: " + ", ".join(LEAN))
    parser.add_argument("--required", action="store_true", help="Parquet: gaps are told, LZ4")
    chosen = parser.parse_args()
    count = write(
        chosen.folder, chosen.trees, per_farm=chosen.per_farm, seed=chosen.seed, csv=chosen.csv,
        lean=chosen.lean, required=chosen.required,
    )  # fmt: skip
    print(f"{count:,} trees in {chosen.folder}")
