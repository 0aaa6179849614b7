"""Equations of the catalogue against weighed trees.

bias_ln and rmse_ln: mean and root mean square of ln(predicted / weighed) over single trees;
stock_ln: ln(sum of predicted / sum of weighed), where the large trees count most.

    python benchmarks/felled_trees.py [TABLE.csv]

The table needs the columns study, location, species, d_cm, h_m, agb_kg, wd_g_cm3.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import allometry as al
from allometry.catalogue.loader import get_equation
from allometry.names import match_one

DEFAULT = Path(__file__).parents[2] / "shared" / "data" / "harvest" / "seasia_felled_trees.csv"
GENERAL = (
    "chave_2014_eq4", "chave_2005_moist_h", "chave_2005_wet_h", "chave_2005_moist_d",
    "feldpausch_2012_h", "feldpausch_2012_d", "sea_harvest_fit_h", "sea_harvest_fit_d",
    "ketterings_2001", "sumatra_harvest_fit", "mahmood_2019", "nogueira_jr_2014_agb",
    "huy_2019_mixed", "ogawa_1965_rain_forest", "ogawa_1965_mixed_deciduous",
    "tsutsumi_1983_dry_evergreen",
)  # fmt: skip
SPECIES = ("kawahara_1981_falcataria_agb_d", "kawahara_1981_falcataria_agb_d2h",
           "kawahara_1981_gmelina_agb_d", "kawahara_1981_gmelina_agb_d2h")  # fmt: skip


def read(path: Path) -> pd.DataFrame:
    """The table with densities: as measured, else of the species."""
    trees = pd.read_csv(path)
    names = trees["species"].fillna("")
    table = al.wood_density(names)["wood_density_g_cm3"].to_numpy()
    trees["density"] = trees["wd_g_cm3"].fillna(pd.Series(table, index=trees.index))
    trees["accepted"] = [match_one(name).species for name in names]
    return trees


def scores(trees: pd.DataFrame, equation: str) -> dict[str, float]:
    """Errors of an equation over the trees that have its inputs."""
    record = get_equation(equation)
    columns = {"dbh": "d_cm", "height": "h_m", "wood_density": "density"}
    inputs = {name: trees[columns[name]].to_numpy() for name in record.inputs}
    weighed = trees["agb_kg"].to_numpy()
    predicted = al.evaluate(equation, **inputs)
    known = np.isfinite(predicted) & np.isfinite(weighed)
    ratio = np.log(predicted[known] / weighed[known])
    return {
        "n": int(known.sum()),
        "bias_ln": float(ratio.mean()),
        "rmse_ln": float(np.sqrt((ratio**2).mean())),
        "stock_ln": float(np.log(predicted[known].sum() / weighed[known].sum())),
    }


def compare(trees: pd.DataFrame) -> pd.DataFrame:
    """One row per equation; species equations on their own species."""
    rows = []
    for equation in (*GENERAL, *SPECIES):
        taxa = get_equation(equation).taxa
        mine = trees[trees["accepted"].isin(taxa)] if taxa else trees
        if len(mine):
            rows.append({"equation": equation} | scores(mine, equation))
    return pd.DataFrame(rows)


def by_stand(trees: pd.DataFrame, equation: str) -> pd.DataFrame:
    """Errors of one equation on each study's stand."""
    rows = [
        {"study": study, "location": location} | scores(stand, equation)
        for (study, location), stand in trees.groupby(["study", "location"])
    ]
    return pd.DataFrame(rows)


def given() -> pd.DataFrame | None:
    """The table named on the command line, else the usual one; None where there is none."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    if path.is_file():
        return read(path)
    print(f"no table of felled trees at {path.name}; give one as the first argument.")
    return None


def main() -> int:
    """Print the two tables."""
    trees = given()
    if trees is None:
        return 0
    with pd.option_context("display.float_format", "{:.3f}".format, "display.width", 120):
        print(f"{len(trees)} felled trees; ln(predicted / weighed)\n")
        print(compare(trees).to_string(index=False))
        print("\nchave_2014_eq4 by stand\n")
        print(by_stand(trees, "chave_2014_eq4").to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
