"""Figures known from outside: one rai of rubber, 500 plots in five localities, a rai without heights."""

import numpy as np
import pandas as pd
import pytest

import rubbercarbon as rc

RUBBER = "Hevea brasiliensis"
ONCE = {"rubber_equation": {"scale": 1 / 1.3}, "rubber_locality": {"scale": 1 / 1.3}}


def relative(row, name="agb_t"):
    return float(row[f"{name}_low"] / row[name] - 1), float(row[f"{name}_high"] / row[name] - 1)


def rai(n=76, mean=21.4, seed=3, plot="P1"):
    d = np.random.default_rng(seed).normal(mean, 3.0, n).clip(10, 30)
    return pd.DataFrame({"plot_id": plot, "tree_id": [f"{i:03d}" for i in range(n)],
                         "species": RUBBER, "dbh_cm": d})  # fmt: skip


@pytest.mark.slow
def test_one_rai_of_rubber_before_the_factor_for_few_studies():
    """Outside estimate: about -23/+30 % of AGB."""
    stocks = rc.estimate_stocks(rc.read_inventory(rai()), rc.Settings(errors=ONCE))
    low, high = relative(stocks.plots.iloc[0])
    print(f"\none rai: {100 * low:.0f}/+{100 * high:.0f} %", end="; ")
    full = rc.estimate_stocks(rc.read_inventory(rai()))
    print(
        "with the factor 1.3: {:.0f}/+{:.0f} %".format(
            *(100 * v for v in relative(full.plots.iloc[0]))
        )
    )
    assert low == pytest.approx(-0.23, abs=0.02)
    assert high == pytest.approx(0.30, abs=0.02)


@pytest.mark.jit
def test_500_plots_over_five_localities():
    """Outside estimate: about 15 %, of which sampling 4.4 %."""
    rng = np.random.default_rng(1)
    frames, plots = [], []
    for k in range(500):
        mean = rng.normal(20.0, 5.6)  # plots whose stocks have a CV of about 60 %
        frames.append(rai(30, mean, seed=k, plot=f"{k:03d}"))
        plots.append({"plot_id": f"{k:03d}", "area_rai": 0.4, "boundary": "mid_row",
                      "locality": f"L{k % 5}", "stratum": f"L{k % 5}", "stratum_area_ha": 1e5,
                      "plot_selection": "random"})  # fmt: skip
    stocks = rc.estimate_stocks(
        rc.read_inventory(pd.concat(frames), pd.DataFrame(plots)), rc.Settings(errors=ONCE)
    )
    row = stocks.sampling.query("site_id == 'ALL' and quantity == 'agb'").iloc[0]
    print(
        f"\n500 plots: sampling {row['u_sampling_percent']:.1f} %, full {row['u_full_percent']:.1f} %"
    )
    assert row["u_sampling_percent"] == pytest.approx(4.4, abs=1.0)
    assert row["u_full_percent"] == pytest.approx(15.0, abs=2.0)


@pytest.mark.slow
def test_a_mixed_rai_without_heights_is_wider_than_with_them():
    trees = rai(40)
    trees.loc[20:, "species"] = "Hopea odorata"
    without = rc.estimate_stocks(rc.read_inventory(trees)).plots.iloc[0]
    heights = trees.assign(height_m=(1.3 + 25 * trees["dbh_cm"] / (20 + trees["dbh_cm"])).round(1))
    heights.loc[:19, "height_m"] = np.nan
    measured = rc.estimate_stocks(rc.read_inventory(heights)).plots.iloc[0]
    wide, narrow = relative(without), relative(measured)
    print("\nmixed rai without heights {:.0f}/+{:.0f} %".format(*(100 * v for v in wide)), end="; ")
    print("with heights {:.0f}/+{:.0f} %".format(*(100 * v for v in narrow)))
    assert wide[0] < narrow[0] < 0 < narrow[1] < wide[1]
