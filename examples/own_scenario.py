"""A design of one's own against monoculture: what may be concluded, and what decides it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import rubbercarbon as rc

DESIGN = """
id = "teak_avenue"
kind = "synthetic"
rationale = "teak in a wide avenue between double rows of rubber"
sources = ["assumption"]
title = { en = "Teak avenue", th = "ยางพาราร่วมไม้สัก" }

[[component]]
name = "rubber"
species = "ยางพารา"
role = "rubber"
clone = "RRIM 600"
stems_per_rai = 60
rotation_years = 25
replant = true
source = "assumption"

[[component]]
name = "teak"
species = "สัก"
role = "timber"
stems_per_rai = 12
rotation_years = 25
replant = true
light = "open"
source = "assumption"
"""


def main() -> None:
    """Print averages over whole rotations, the range over shade and crowding, and what moves it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "teak_avenue.toml"
        path.write_text(DESIGN, encoding="utf-8")
        runs = rc.project(["monoculture", path], years=50, draws=400)
    result = rc.compare_scenarios(runs, baseline="monoculture")
    columns = ["scenario", "biomass_average_t_c_ha", "biomass_average_difference_t_c_ha"]
    print(result.summary[columns].round(1).to_string(index=False))
    row = result.summary.iloc[1]
    print(
        f"\nChance that it holds more: {row['p_greater_status']}; over shade and competition the "
        f"difference runs from {row['difference_lowest_switch_t_c_ha']:+.1f} to "
        f"{row['difference_highest_switch_t_c_ha']:+.1f} t C/ha"
    )
    moves = result.sensitivity.head(3)[["assumption", "swing_t_c_ha"]]
    print("\nWhat moves it most:\n", moves.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
