"""CSV of many rows read, checked and estimated: time, the share of checks, memory.

python benchmarks/intake.py [ROWS ...]     each number in processes of its own, as a table
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import rubbercarbon as rc
from rubbercarbon import checks, inventory
from rubbercarbon.commands import check, estimate

ROWS = (100_000, 1_000_000, 3_000_000)
TREES_PER_PLOT = 75
RULES = (
    (inventory, "check_field_values"), (inventory, "check_places"), (checks, "check_trees"),
    (checks, "check_plots"),
)  # fmt: skip


def sheet(rows: int, start: int = 0) -> pd.DataFrame:
    """Rubber with some timber on plots of one rai."""
    rng = np.random.default_rng(1 + start)
    number = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "แปลง": np.char.add("P", (number // TREES_PER_PLOT).astype(str)),
            "ต้นที่": number % TREES_PER_PLOT + 1,
            "ชนิดไม้": np.where(rng.random(rows) < 0.9, "ยางพารา", "ตะเคียนทอง"),
            "เส้นรอบวง (ซม.)": rng.normal(63.0, 6.0, rows).round(1),
            "ความสูง (ม.)": rng.normal(16.0, 1.0, rows).round(1),
            "พื้นที่ (ไร่)": 1,
        }
    )


def write(rows: int, path: Path) -> None:
    """The sheet as CSV, in blocks, so that this process stays small."""
    step = TREES_PER_PLOT * 1000
    for start in range(0, rows, step):
        block = sheet(min(step, rows - start), start)
        block.to_csv(path, index=False, mode="a", header=start == 0)


def peak_mb() -> float:
    """Most memory that this process has held [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def measure(command: str, path: Path, out: Path) -> tuple[float, float, float]:
    """Seconds, share of checks and MB above the start of one command, in this process."""
    spent = [0.0]
    for module, name in RULES:
        original = getattr(module, name)

        def timed(*args: object, original: object = original, **kwargs: object) -> object:
            begin = time.perf_counter()
            result = original(*args, **kwargs)  # type: ignore[operator]
            spent[0] += time.perf_counter() - begin
            return result

        setattr(module, name, timed)
    rc.estimate_stocks(rc.read_inventory(sheet(150)))  # libraries and kernels are loaded
    spent[0], base = 0.0, peak_mb()
    begin = time.perf_counter()
    if command == "check":
        check.run(path, out=out)
    else:
        estimate.run(path, out)
    whole = time.perf_counter() - begin
    return whole, spent[0] / whole, peak_mb() - base


def main() -> None:
    """Print a row for each number of rows and command."""
    words = sys.argv[1:]
    if words and words[0] in {"check", "estimate"}:
        seconds, share, memory = measure(words[0], Path(words[1]), Path(words[2]))
        sys.stderr.write(f"{seconds} {share} {memory}\n")
        return
    print("| rows | command | s | share of checks | MB above the start | bytes a row |")
    print("|---|---|---|---|---|---|")
    for rows in [int(word) for word in words] or ROWS:
        for command in ("check", "estimate"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "trees.csv"
                write(rows, path)
                done = subprocess.run(
                    [sys.executable, __file__, command, str(path), str(Path(folder) / "out")],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
            seconds, share, memory = map(float, done.stderr.split()[-3:])
            print(
                f"| {rows:,} | {command} | {seconds:.0f} | {100 * share:.0f} % | {memory:,.0f} | "
                f"{memory * 2**20 / rows:,.0f} |"
            )


if __name__ == "__main__":
    main()
