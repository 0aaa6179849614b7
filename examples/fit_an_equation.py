"""From felled and weighed trees to an equation in use: how many, how good, how to keep it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import allometry as al
import rubbercarbon as rc


def harvest() -> dict[str, np.ndarray]:
    """Made-up trees, ten in each of eight places: ln M = -2.6 + 2.65 ln D; places differ by 0.1."""
    rng = np.random.default_rng(11)
    place = np.repeat(np.arange(8), 10)
    dbh = np.exp(rng.uniform(np.log(6.0), np.log(32.0), 80))
    scatter = rng.normal(0.0, 0.10, 8)[place] + rng.normal(0.0, 0.18, 80)
    return {"dbh": dbh, "mass": np.exp(-2.6 + 2.65 * np.log(dbh) + scatter), "site": place}


def main() -> None:
    """Print the fit, its prediction beside the default, and a plot's stock with both."""
    each = al.trees_to_fell(0.15, 0.18, site_sd=0.10, sites=8)
    print(f"{each} trees in each of 8 places tell the mean to 15 %\n")
    trees = harvest()
    fit = al.fit_equation(mass=trees["mass"], dbh=trees["dbh"], site=list(trees["site"]))
    sd = np.sqrt(np.diag(fit.covariance))
    print(pd.DataFrame({"value": fit.coefficients}).assign(sd=sd).round(3))
    print(f"scatter within places {fit.residual_sd:.3f}, between them {fit.site_sd:.3f}\n")
    plot = pd.DataFrame({"species": "ยางพารา", "dbh_cm": [18.0, 21.0, 24.0] * 25})
    inventory = rc.read_inventory(plot.assign(plot_area_rai=1.0))
    with tempfile.TemporaryDirectory() as folder:
        file = al.write_source(
            fit, Path(folder) / "made_up_2026.toml", citation="made up for this example",
            taxa=("Hevea brasiliensis",), roots="hytonen_2018_stump_root",
        )  # fmt: skip
        own = rc.Settings(catalogues=[str(file)], equations={"Hevea brasiliensis": "made_up_2026"})
        found = {
            name: rc.estimate_stocks(inventory, settings).total.iloc[-1]
            for name, settings in {"default": rc.Settings(), "own": own}.items()
        }
    columns = ["agb_t_ha", "agb_t_ha_low", "agb_t_ha_high"]
    print(pd.DataFrame(found).T[columns].astype(float).round(1).to_string())


if __name__ == "__main__":
    main()
