"""Estimate the stock of one plot from a table in memory, and see what was assumed."""

from __future__ import annotations

import pandas as pd

import rubbercarbon as rc


def main() -> None:
    """Print stocks, sources and doubtful rows of five trees on one rai."""
    trees = pd.DataFrame(
        {
            "plot_id": ["P1"] * 5,
            "tree_id": ["1", "2", "3", "4", "5"],
            "species": ["ยางพารา", "ยางพารา", "ตะเคียนทอง", "Durio zibethinus", "ไผ่"],
            "girth_cm": [68.0, 71.5, 40.0, 55.0, 22.0],
            "height_m": [None, 17.5, 13.0, None, None],
            "count": [40, 1, 6, 3, 12],
        }
    )
    plots = pd.DataFrame({"plot_id": ["P1"], "area_rai": [1.0]})
    stocks = rc.estimate_stocks(rc.read_inventory(trees, plots))
    print(stocks.trees[["species", "equation_id", "agb_kg", "carbon_kg", "flags"]].to_string())
    row = stocks.plots.iloc[0]
    print(f"\n{row['carbon_t_ha']:.1f} t C/ha, {row['co2e_t_rai']:.1f} t CO2e per rai")
    print("\nSources:")
    for citation in stocks.equations["citation"].unique():
        print(f"- {citation}")
    print(f"\n{len(stocks.assumptions)} assumptions, {len(stocks.problems)} lines of problems")


if __name__ == "__main__":
    main()
