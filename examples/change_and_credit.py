"""Two censuses of the sample site, and what seven programmes would make of their difference."""

from __future__ import annotations

from importlib.resources import files

import rubbercarbon as rc

SAMPLE = files("rubbercarbon") / "sample"
PROGRAMMES = [
    "t-ver-s-meth-13-06", "t-ver-s-meth-13-01", "t-ver-p-meth-13-01", "cdm-ar-ams0007",
    "vm0047-area", "gs-403", "iso-14064-2",
]  # fmt: skip


def main() -> None:
    """Print the change, the programmes side by side, and what to do about the first."""
    first, second = (
        rc.read_inventory(str(SAMPLE / name), str(SAMPLE / "plots.csv"))
        for name in ("trees_2567.csv", "trees.csv")
    )
    change = rc.compare_inventories(first, second)
    row = change.total.iloc[-1]
    print(
        f"Net change {row['co2e_t_net']:.1f} t CO2e, 90 % between {row['co2e_t_net_low']:.1f} "
        f"and {row['co2e_t_net_high']:.1f}\n"
    )
    result = rc.credit(change, PROGRAMMES, site=rc.read_site(str(SAMPLE / "site.toml")))
    columns = ["programme", "status", "gross_t_co2e", "net_t_co2e"]
    print(result.programmes[columns].round(1).to_string(index=False))
    print(f"\nWhy {PROGRAMMES[0]} is no better than {result.programmes['status'].iloc[0]}:")
    reasons = result.status_reasons.query("programme == @PROGRAMMES[0]")
    print(reasons[["code", "detail"]].to_string(index=False, max_colwidth=60))


if __name__ == "__main__":
    main()
