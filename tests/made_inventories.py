"""Inventories of many kinds of trees and plots, for tests of batches."""

import numpy as np
import pandas as pd

SPECIES = (
    "ยางพารา", "Hopea odorata", "Durio zibethinus", "Tectona grandis", "bamboo", "banana",
    "coffee", "Gmelina arborea", "Falcataria moluccana", "coconut", "Hevea brasilensis",
    "nonsense x", "Parkia speciosa", "oil palm", "Diospyros sp.", "para rubber",
)  # fmt: skip


def make(plots=24, n=30, seed=1):
    """Plots of all sorts, some rows of which are wrong."""
    rng = np.random.default_rng(seed)
    total = plots * n
    number = np.repeat(np.arange(plots), n)
    dbh = rng.uniform(4, 38, total).round(1)
    height = np.where(rng.random(total) < 0.3, (1.3 + 25 * dbh / (20 + dbh)).round(1), np.nan)
    height = np.where(number % 11 == 3, (height * 0.5).round(1), height)
    words = np.array(SPECIES, dtype=object)
    frame = pd.DataFrame({
        "plot_id": np.array([f"F{p:05d}" for p in rng.permutation(plots)], dtype=object)[number],
        "tree_id": np.tile([str(i) for i in range(1, n + 1)], plots),
        "species": np.where(rng.random(total) < 0.6, "Hevea brasiliensis",
                            words[rng.integers(0, len(words), total)]),
        "dbh_cm": dbh,
        "height_m": height,
        "plot_area_ha": np.array([0.16, 0.08, np.nan, 0.32])[number % 4],
        "locality": np.array(["สงขลา", "ตรัง", "ระยอง", ""], dtype=object)[number % 4],
        "system": np.array(["monoculture", "agroforest", "Jungle"], dtype=object)[
            (number % 7 == 0) * 2 + (number % 7 == 1)],
        "spacing": "3x7",
        "surveyor": np.array(["ก", "b"], dtype=object)[number % 2],
        "date": np.array(["2567-01-02", "1/3/2567"], dtype=object)[(number % 5) // 3],
        "status": np.where(rng.random(total) < 0.05, "dead", ""),
        "clone": np.where(rng.random(total) < 0.5, "rrim600", ""),
        "site_id": np.array([f"S{p // 10}" for p in number], dtype=object),
    })  # fmt: skip
    bad = rng.choice(total, 8, replace=False)
    frame.loc[bad, "dbh_cm"] = [0, -3, 300, np.nan, 0.5, 250, np.nan, 999]
    frame.loc[rng.choice(total, 2, replace=False), "height_m"] = 300.0
    return frame


def national(plots=40, n=25, seed=5):
    """Rubber with some companions, every plot with an area; nothing that needs a whole inventory."""
    rng = np.random.default_rng(seed)
    frame = make(plots, n, seed)
    frame["plot_area_ha"] = rng.uniform(0.1, 0.5, plots).round(2).repeat(n)
    return frame
