"""A batch run over many farms in several files: stopped, taken up again, totals by province."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import rubbercarbon as rc

PROVINCES = {"สงขลา": 60, "ตรัง": 40, "เชียงราย": 20}  # farms of a made-up survey


def survey(folder: Path) -> None:
    """One Parquet file for each province, a rai of measured rubber on each farm."""
    rng = np.random.default_rng(7)
    for number, (province, farms) in enumerate(PROVINCES.items()):
        age = rng.uniform(5, 28, farms)
        girth = 72.0 * (1.0 - np.exp(-0.075 * age**1.1))
        trees = pd.DataFrame(
            {
                "plot_id": np.repeat([f"F{number}-{k:03d}" for k in range(farms)], 76),
                "tree_id": np.tile(np.arange(1, 77), farms).astype(str),
                "species": "ยางพารา",
                "girth_cm": (np.repeat(girth, 76) * rng.lognormal(0, 0.15, farms * 76)).round(1),
                "plot_area_rai": 1.0,
                "locality": province,
            }
        )
        trees.to_parquet(folder / f"province-{number}.parquet", index=False)


def main() -> None:
    """Print the total of each province, and what a second run takes over from the first."""
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "survey", Path(name) / "results"
        source.mkdir()
        survey(source)
        settings = rc.Settings(draws=64, seed=1)
        result = rc.run_batch(source, out, settings, part_rows=2000)
        again = rc.run_batch(source, out, settings, part_rows=2000, resume=True)
    columns = ["locality", "n_plots", "n_trees", "carbon_t", "carbon_t_low", "carbon_t_high"]
    print(result.total[columns].round(0).to_string(index=False))
    print(f"\n{result.rows} trees in {result.parts} parts; the second run took over {again.kept}")


if __name__ == "__main__":
    main()
