"""Synthetic sites: files of trees and plots, and the list that names them."""

from __future__ import annotations

import numpy as np
import pandas as pd

DOCUMENTS = ("โฉนด", "ส.ป.ก. 4-01", "คทช.")
OPERATORS = ("เกษตรกรรุ่นใหม่", "สหกรณ์", "farmer")
PROVINCES = ("Songkhla", "Phatthalung", "Trang", "Rayong")


def trees(site, plots=2, stems=12, seed=0):
    """Trees of one site: rubber with a timber tree in every tenth place."""
    rng = np.random.default_rng([seed, site])
    count = plots * stems
    return pd.DataFrame({
        "plot_id": np.repeat([f"P{k + 1}" for k in range(plots)], stems),
        "tree_id": [str(k) for k in range(stems)] * plots,
        "species": ["Hopea odorata" if k % 10 == 9 else "Hevea brasiliensis" for k in range(count)],
        "girth_cm": rng.normal(65.0, 8.0, count).round(1),
    })  # fmt: skip


def plots(count=2, **columns):
    """Plots of a tenth of a rai, two to a stratum of land that is known."""
    return pd.DataFrame({
        "plot_id": [f"P{k + 1}" for k in range(count)], "area_ha": 0.02, "stratum_area_ha": 1.5,
        "spacing": "3x7", **columns,
    })  # fmt: skip


def write(folder, count=4, **columns):
    """Files of some sites and the list of them."""
    rows = []
    for k in range(count):
        trees(k).to_csv(folder / f"t{k}.csv", index=False)
        plots(**columns).to_csv(folder / f"p{k}.csv", index=False)
        rows.append({
            "site_id": f"A-{k + 1}", "name": f"สวน {k + 1}", "operator": f"นายสมมติ {k % 3}",
            "operator_type": OPERATORS[k % 3], "land_document": DOCUMENTS[k % 3],
            "agro_ecological_zone": f"Z{k % 2}", "province": PROVINCES[k % 4],
            "latitude": 7.123456 + 0.01 * k, "longitude": 100.123456, "inventory": f"t{k}.csv",
            "plots": f"p{k}.csv",
        })  # fmt: skip
    table = pd.DataFrame(rows)
    table.to_csv(folder / "sites.csv", index=False)
    return table


def national(count, stems=20):
    """One table of trees and one of plots for many sites, told apart by site_id."""
    ids = [f"N{k}" for k in range(count)]
    all_trees = pd.concat([trees(k, 2, stems).assign(site_id=site) for k, site in enumerate(ids)])
    all_plots = pd.concat([plots(site_id=site) for site in ids])
    for table in (all_trees, all_plots):
        table["plot_id"] = table["site_id"] + "-" + table["plot_id"]
    return all_trees, all_plots
