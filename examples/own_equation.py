"""An equation of one's own, as a catalogue file, on a plot beside the library's default."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

import allometry as al
import rubbercarbon as rc

SOURCE = """
[source]
key = "nan_2026"
citation = "Felled rubber of Nan, 2026 (made up for this example)"
seen = "own data"

[[equation]]
id = "nan_2026_rubber"
predicts = "agb"
unit = "kg"
form = "log_polynomial"
inputs = ["dbh"]
terms = [{ scale = 0.06, x = 2.7 }]
grade = "B"
where = "own fit"
taxa = ["Hevea brasiliensis"]
bias = "included"
roots = "hytonen_2018_stump_root"
range = { kind = "data", dbh = [5.0, 31.0] }
residual = { kind = "sd_ln", value = 0.18 }
covariance = { names = ["intercept", "x"], sd = [0.12, 0.04], correlation = -0.98 }
check = [{ kind = "recomputed", inputs = { dbh = 20.0 }, expected = 195.4, tolerance = 1e-3 }]
"""


def main() -> None:
    """Print a plot's stock by both equations, with and without the error of the place."""
    trees = pd.DataFrame({"species": "ยางพารา", "dbh_cm": [18.0, 20.5, 21.0, 22.5, 24.0] * 15})
    inventory = rc.read_inventory(trees.assign(plot_area_rai=1.0))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "nan_2026.toml").write_text(SOURCE, encoding="utf-8")
        print("loaded:", ", ".join(al.add_catalogue(folder)), "\n")
        mine = {"Hevea brasiliensis": "nan_2026_rubber"}
        here = rc.ErrorBudget({"rubber_locality": {"on": False}, "rubber_equation": {"on": False}})
        rows = {
            "default (mean of five)": rc.Settings(),
            "own, as for any place": rc.Settings(equations=mine),
            "own, fitted in this place": rc.Settings(equations=mine, errors=here),
        }
        found = {name: rc.estimate_stocks(inventory, s).total.iloc[-1] for name, s in rows.items()}
    columns = ["agb_t_ha", "agb_t_ha_low", "agb_t_ha_high", "carbon_t_ha"]
    print(pd.DataFrame(found).T[columns].astype(float).round(1).to_string())


if __name__ == "__main__":
    main()
