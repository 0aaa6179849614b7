"""How far apart published rubber equations are, and where Chave's general equation lies."""

from __future__ import annotations

import numpy as np
import pandas as pd

import allometry as al

DBH_CM = np.array([5.0, 10.0, 15.0, 20.0, 25.0, 30.0])
RUBBER = ["hevea_ensemble", "hytonen_2018", "chiarawipa", "luo_2018_guangdong", "luo_2018_yunnan",
          "andrade_2022"]  # fmt: skip


def table() -> pd.DataFrame:
    """Above-ground biomass [kg] by diameter, one column per equation."""
    columns = {name: al.evaluate(name, dbh=DBH_CM) for name in RUBBER}
    density = al.wood_density(["Hevea brasiliensis"])["wood_density_g_cm3"].iloc[0]
    height = al.predict_height("harja_2012_rubber", dbh=DBH_CM)
    columns["chave_2014_eq4"] = al.evaluate(
        "chave_2014_eq4", dbh=DBH_CM, height=height, wood_density=density
    )
    return pd.DataFrame(columns, index=pd.Index(DBH_CM, name="dbh_cm"))


def main() -> None:
    """Print the table and the spread of the five equations."""
    found = table()
    print("Above-ground biomass, kg\n")
    print(found.round(1).to_string())
    spread = np.log(found[RUBBER[1:]]).std(axis=1)
    print("\nStandard deviation of ln between the five rubber equations\n")
    print(spread.round(2).to_string())


if __name__ == "__main__":
    main()
