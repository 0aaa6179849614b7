"""Start-up times of whole processes, as ratios within one run (best of five each).

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPEATS = 5


def best(commands: dict[str, list[str]], folder: Path) -> dict[str, float]:
    """Shortest time of each command [s]; they take turns, so that a busy machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(REPEATS + 1):
        for name, words in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)
            if turn:  # the first turn warms caches
                times[name].append(time.perf_counter() - start)
    return {name: min(each) for name, each in times.items()}


def write_trees(path: Path, count: int = 1000) -> None:
    """A mixed inventory of ten plots."""
    rng = np.random.default_rng(1)
    species = ["ยางพารา", "Hopea odorata", "Durio zibethinus", "Tectona grandis"]
    lines = ["plot_id,tree_id,species,girth_cm,plot_area_rai"]
    for i in range(count):
        name = species[rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])]
        lines.append(f"P{i % 10},{i},{name},{rng.uniform(30, 90):.1f},1")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Print times and ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_trees(folder / "trees.csv")
        times = best(
            {
                "bare python": ["-c", "pass"],
                "import rubbercarbon": ["-c", "import rubbercarbon"],
                "--help": ["-m", "rubbercarbon", "--help"],
                "import pandas, numba, pydantic": ["-c", "import pandas, numba, pydantic"],
                "estimate, 1,000 trees": [
                    "-m",
                    "rubbercarbon",
                    "estimate",
                    "trees.csv",
                    "--out",
                    "out",
                ],
            },
            folder,
        )
    for what, seconds in times.items():
        print(f"{what:<32}{seconds * 1000:7.0f} ms")
    print(f"--help / bare python: {times['--help'] / times['bare python']:.2f}")
    ratio = times["estimate, 1,000 trees"] / times["import pandas, numba, pydantic"]
    print(f"estimate / import pandas, numba, pydantic: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
