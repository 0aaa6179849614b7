"""A million rows of CSV read, checked and estimated: time, the share of checks, memory.

python benchmarks/intake.py [ROWS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import rubbercarbon as rc
from rubbercarbon import checks, inventory

ROWS = 1_000_000
TREES_PER_PLOT = 75


def sheet(rows: int) -> pd.DataFrame:
    """Rubber with some timber on plots of one rai."""
    rng = np.random.default_rng(1)
    plot = np.arange(rows) // TREES_PER_PLOT
    return pd.DataFrame(
        {
            "แปลง": np.char.add("P", plot.astype(str)),
            "ต้นที่": np.arange(rows) % TREES_PER_PLOT + 1,
            "ชนิดไม้": np.where(rng.random(rows) < 0.9, "ยางพารา", "ตะเคียนทอง"),
            "เส้นรอบวง (ซม.)": rng.normal(63.0, 6.0, rows).round(1),
            "ความสูง (ม.)": rng.normal(16.0, 1.0, rows).round(1),
            "พื้นที่ (ไร่)": 1,
        }
    )


def main() -> None:
    """Print times, shares and memory."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    spent = {"checks": 0.0}
    for module, name in (
        (inventory, "check_field_values"), (inventory, "check_places"), (checks, "check_trees"),
        (checks, "check_plots"),
    ):  # fmt: skip
        original = getattr(module, name)

        def timed(*args: object, original: object = original, **kwargs: object) -> object:
            begin = time.perf_counter()
            result = original(*args, **kwargs)  # type: ignore[operator]
            spent["checks"] += time.perf_counter() - begin
            return result

        setattr(module, name, timed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.csv"
        sheet(rows).to_csv(path, index=False)
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
        begin = time.perf_counter()
        read = rc.read_inventory(path)
        after_reading = time.perf_counter()
        rc.estimate_stocks(read)
        done = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0 - base
    whole = done - begin
    sys.stdout.write(
        f"{rows:,} rows: read and checked {after_reading - begin:.1f} s, estimated "
        f"{done - after_reading:.1f} s; checks are {100 * spent['checks'] / whole:.0f} % of it; "
        f"{memory:,.0f} MB above the start\n"
    )


if __name__ == "__main__":
    main()
