"""Do intervals hold the weighed biomass of stands that the equation has not seen? Reported only.

Chave eq. 4 with the default error budget on each stand of felled trees, then leave-one-study-out:
ln AGB = a + b ln(rho D² H) with a random term of studies fitted to the other studies, on the study
left out.

    python benchmarks/felled_intervals.py [TABLE.csv]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from felled_trees import given

import allometry as al
import rubbercarbon as rc


def estimate(trees: pd.DataFrame, equation: str, **settings: object) -> pd.DataFrame:
    """Predicted biomass of each plot with its 90 % interval [t]."""
    table = pd.DataFrame(
        {
            "plot_id": trees["plot"], "tree_id": np.arange(len(trees)).astype(str),
            "species": trees["species"].fillna("tree"), "growth_form": "tree",
            "dbh_cm": trees["d_cm"], "height_m": trees["h_m"],
            "wood_density_g_cm3": trees["density"],
        }
    )  # fmt: skip
    chosen = rc.Settings.model_validate({"equations": {"all": equation}, **settings})
    plots = rc.estimate_stocks(rc.read_inventory(table), chosen).plots
    plots["weighed_t"] = plots["plot_id"].map(trees.groupby("plot")["agb_kg"].sum() / 1000.0)
    plots["inside"] = plots["weighed_t"].between(plots["agb_t_low"], plots["agb_t_high"])
    return plots


def fitted(trees: pd.DataFrame, key: str, folder: Path) -> float:
    """Write the fit to some studies as a catalogue file; returns the spread between studies."""
    fit = al.fit_equation(
        mass=trees["agb_kg"], dbh=trees["d_cm"], height=trees["h_m"],
        wood_density=trees["density"], site=list(trees["study"]), site_term=True,
    )  # fmt: skip
    al.write_source(fit, folder / f"{key}.toml", citation="fit to the other studies")
    return fit.site_sd or 0.0


def main() -> int:
    """Print both tables."""
    trees = given()
    if trees is None:
        return 0
    trees = trees[trees["h_m"].notna() & trees["agb_kg"].notna() & (trees["d_cm"] >= 5.0)]
    columns = ["plot_id", "n_trees", "weighed_t", "agb_t", "agb_t_low", "agb_t_high", "inside"]
    stands = trees.assign(plot=trees["study"] + " " + trees["location"])
    print("chave_2014_eq4, default error budget, 90 % intervals of stands\n")
    table = estimate(stands, "chave_2014_eq4")
    print(table[columns].round(3).to_string(index=False))
    print(f"\n{table['inside'].sum()} of {len(table)} stands inside\n\nleave one study out\n")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        studies = sorted(trees["study"].unique())
        spread = {}
        for number, study in enumerate(studies):
            others = trees[trees["study"] != study]
            spread[study] = fitted(others, f"leave_{number}", folder)
        for number, study in enumerate(studies):
            errors = {
                "residual": {}, "species": {"on": False}, "density_mean": {"on": False},
                "density_tree": {"on": False},
            }  # fmt: skip
            left = trees[trees["study"] == study].assign(plot=study)
            row = estimate(left, f"leave_{number}", catalogues=[name], errors=errors)
            rows.append(row.assign(spread_between_studies=spread[study]))
    table = pd.concat(rows)
    print(table[[*columns, "spread_between_studies"]].round(3).to_string(index=False))
    print(f"\n{table['inside'].sum()} of {len(table)} studies inside")
    return 0


if __name__ == "__main__":
    sys.exit(main())
