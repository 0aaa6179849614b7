"""Portfolios: totals against a hand-joined inventory, faults, strata, anonymity, run folders."""

from __future__ import annotations

import json
import math
import time

import made_sites
import numpy as np
import pandas as pd
import pytest

import rubbercarbon as rc
from rubbercarbon.anonymity import WITHHELD, anonymised
from rubbercarbon.cli import main
from rubbercarbon.errors import InventoryError, SettingsError
from rubbercarbon.portfolio_sums import lognormal_interval
from rubbercarbon.portfolio_table import read_zones

STOCKS = [f"{name}_t{end}" for name in ("agb", "bgb", "carbon", "co2e", "herb")
          for end in ("", "_sd", "_low", "_high")]  # fmt: skip


def by_hand(table, folder, **columns):
    """The same trees in one inventory, as a user would join them."""
    trees, plots = [], []
    for row in table.to_dict("records"):
        for name, frames in (("inventory", trees), ("plots", plots)):
            frame = pd.read_csv(folder / row[name])
            frame["plot_id"] = row["site_id"] + "/" + frame["plot_id"]
            frames.append(frame.assign(site_id=row["site_id"], locality=row["province"], **columns))
    inventory = rc.read_inventory(
        pd.concat(trees).drop(columns="locality"), pd.concat(plots, ignore_index=True)
    )
    return rc.estimate_stocks(inventory)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portfolio")
    made_sites.write(folder)
    return folder


@pytest.fixture(scope="module")
def result(folder):
    return rc.estimate_portfolio(rc.read_portfolio(folder / "sites.csv"))


class TestTotals:
    def test_all_equals_the_hand_joined_inventory(self, folder, result):
        joined = by_hand(pd.read_csv(folder / "sites.csv"), folder)
        ours, theirs = result.total.iloc[-1], joined.total.iloc[-1]
        assert ours["site_id"] == "ALL"
        np.testing.assert_allclose(
            ours[STOCKS].astype(float), theirs[STOCKS].astype(float), rtol=1e-9
        )
        assert ours["area_ha"] == pytest.approx(6.0)
        for name in ("carbon_t_ha", "carbon_t_ha_sd", "co2e_t_rai", "co2e_t_rai_high"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-9)

    @pytest.mark.slow
    def test_each_site_equals_that_site_alone(self, folder, result):
        table = pd.read_csv(folder / "sites.csv")
        for row in table.to_dict("records"):
            alone = by_hand(pd.DataFrame([row]), folder).total.iloc[-1]
            ours = result.total[result.total["site_id"] == row["site_id"]].iloc[0]
            np.testing.assert_allclose(
                ours[STOCKS].astype(float), alone[STOCKS].astype(float), rtol=1e-9
            )

    @pytest.mark.slow
    def test_shared_errors_do_not_average_out(self, tmp_path):
        table = made_sites.write(tmp_path, 6)
        table["province"] = "Trang"
        table.to_csv(tmp_path / "sites.csv", index=False)
        total = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv")).total
        cv = (total["carbon_t_sd"] / total["carbon_t"]).to_numpy()
        independent = (
            np.sqrt((total["carbon_t_sd"].iloc[:-1] ** 2).sum()) / total["carbon_t"].iloc[-1]
        )
        assert cv[-1] > 2.0 * independent
        assert cv[-1] < cv[:-1].mean()

    @pytest.mark.slow
    def test_sites_in_many_provinces_are_known_better_together(self, folder, result, tmp_path):
        table = pd.read_csv(folder / "sites.csv").assign(province="Trang")
        for name in ("inventory", "plots"):
            table[name] = [str(folder / file) for file in table[name]]
        one = rc.estimate_portfolio(rc.read_portfolio(table)).total.iloc[-1]
        assert one["carbon_t"] == pytest.approx(result.total["carbon_t"].iloc[-1], rel=1e-12)
        assert one["carbon_t_sd"] > 1.2 * result.total["carbon_t_sd"].iloc[-1]

    @pytest.mark.slow
    def test_measured_plots_and_land_are_not_mixed_up(self, tmp_path):
        made_sites.write(tmp_path, 2)
        made_sites.plots().drop(columns="stratum_area_ha").to_csv(tmp_path / "p1.csv", index=False)
        total = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv")).total
        assert total["describes"].tolist() == ["land", "measured plots", "mixed"]
        assert total["area_ha"].tolist() == pytest.approx([1.5, 0.04, 1.54])
        assert total["carbon_t"].iloc[-1] == pytest.approx(total["carbon_t"].iloc[:-1].sum())

    @pytest.mark.slow
    def test_without_areas_nothing_is_said_per_hectare(self, tmp_path):
        table = made_sites.write(tmp_path, 2)
        table.loc[1, "plots"] = np.nan
        table.to_csv(tmp_path / "sites.csv", index=False)
        total = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv")).total
        assert math.isnan(total["co2e_t_rai"].iloc[-1])
        assert total["co2e_t"].iloc[-1] == pytest.approx(total["co2e_t"].iloc[:-1].sum())
        assert total["co2e_t_sd"].notna().all()

    @pytest.mark.jit
    def test_draws_agree_with_the_analytic_interval(self, folder, result):
        portfolio = rc.read_portfolio(folder / "sites.csv")
        drawn = rc.estimate_portfolio(portfolio, rc.Settings(draws=1000, seed=3)).total
        assert drawn["carbon_t"].tolist() == pytest.approx(result.total["carbon_t"].tolist())
        np.testing.assert_allclose(drawn["carbon_t_sd"], result.total["carbon_t_sd"], rtol=0.15)

    def test_sampling_errors_only_of_random_plots_on_known_land(self, tmp_path):
        made_sites.write(tmp_path, 3, plot_selection="random")
        portfolio = rc.read_portfolio(tmp_path / "sites.csv")
        whole = rc.estimate_portfolio(portfolio).sampling
        assert whole["site_id"].unique().tolist() == ["A-1", "A-2", "A-3", "ALL"]
        alone = by_hand(pd.read_csv(tmp_path / "sites.csv").iloc[[0]], tmp_path).sampling
        mine = whole[whole["site_id"] == "A-1"].set_index("quantity")
        theirs = alone[alone["stratum"] == ""].set_index("quantity").iloc[-3:]
        for name in ("u_sampling_percent", "u_full_percent"):
            assert mine.loc["carbon", name] == pytest.approx(theirs.loc["carbon", name], rel=1e-9)
        made_sites.plots(plot_selection="purposive").to_csv(tmp_path / "p1.csv", index=False)
        part = rc.estimate_portfolio(portfolio)
        assert part.sampling["site_id"].unique().tolist() == ["A-1", "A-3"]
        assert part.assumptions["assumption"].str.contains("2 of 3 sites have plots drawn").any()

    def test_the_lognormal_of_run_folders_has_their_moments(self):
        low, high = lognormal_interval(50.0, 10.0, 0.90)
        draws = np.exp(np.random.default_rng(1).normal(
            math.log(50) - math.log1p(0.04) / 2, math.sqrt(math.log1p(0.04)), 400_000))  # fmt: skip
        assert (draws.mean(), draws.std()) == pytest.approx((50.0, 10.0), rel=0.01)
        assert (low, high) == pytest.approx(np.quantile(draws, [0.05, 0.95]), rel=0.01)
        assert lognormal_interval(0.0, 0.0, 0.9) == (0.0, 0.0)


class TestRuns:
    @pytest.fixture
    def mixed(self, tmp_path):
        table = made_sites.write(tmp_path, 3)
        stocks = rc.estimate_stocks(rc.read_inventory(tmp_path / "t2.csv", tmp_path / "p2.csv"))
        rc.write_run(stocks, tmp_path / "run2")
        table = table.assign(run="")
        table.loc[2, ["run", "inventory", "plots"]] = ["run2", "", ""]
        table.to_csv(tmp_path / "sites.csv", index=False)
        return tmp_path, stocks.total.iloc[-1]

    @pytest.mark.slow
    def test_a_run_keeps_its_figures_and_its_errors_are_added_up(self, mixed):
        folder, run = mixed
        result = rc.estimate_portfolio(rc.read_portfolio(folder / "sites.csv"))
        assert result.sites["status"].tolist() == ["estimated", "estimated", "run"]
        third = result.total.iloc[2]
        assert third["carbon_t"] == pytest.approx(run["carbon_t"], rel=1e-12)
        assert third["carbon_t_sd"] == pytest.approx(run["carbon_t_sd"], rel=1e-9)
        rest = pd.read_csv(folder / "sites.csv").iloc[:2]
        for name in ("inventory", "plots"):
            rest[name] = [str(folder / file) for file in rest[name]]
        two = rc.estimate_portfolio(rc.read_portfolio(rest)).total.iloc[-1]
        everything = result.total.iloc[-1]
        assert everything["carbon_t_sd"] == pytest.approx(two["carbon_t_sd"] + run["carbon_t_sd"])
        assert result.assumptions["assumption"].str.contains("added up").any()

    def test_runs_alone_make_a_portfolio(self, mixed):
        folder, run = mixed
        table = pd.DataFrame({"site_id": ["X", "Y"], "run": [str(folder / "run2")] * 2})
        total = rc.estimate_portfolio(rc.read_portfolio(table)).total
        assert total["agb_t"].iloc[-1] == pytest.approx(2 * run["agb_t"])
        assert total["agb_t_sd"].iloc[-1] == pytest.approx(2 * run["agb_t_sd"])

    def test_credit_runs_bring_their_status(self, mixed):
        folder, _ = mixed
        stocks = rc.load_run(folder / "run2")
        from rubbercarbon.credits import credit, write_credit

        write_credit(credit(stocks, ["t-ver-s-meth-13-06"]), folder / "credit2")
        table = pd.read_csv(folder / "sites.csv", keep_default_na=False)
        table["credit"] = ["", "nowhere", "credit2"]
        table.to_csv(folder / "sites.csv", index=False)
        result = rc.estimate_portfolio(rc.read_portfolio(folder / "sites.csv"))
        last = result.sites.iloc[2]
        assert (last["programme"], last["credit_status"]) == (
            "t-ver-s-meth-13-06",
            "NOT_CALCULABLE",
        )
        assert "site_credit_unread" in result.problems["code"].tolist()


class TestFaults:
    def test_a_bad_site_loses_nothing_of_the_others(self, folder, result, tmp_path):
        table = pd.read_csv(folder / "sites.csv")
        for name in ("inventory", "plots"):
            table[name] = [str(folder / file) for file in table[name]]
        (tmp_path / "empty.csv").write_text("")
        (tmp_path / "heads.csv").write_text("plot_id,tree_id\nP1,1\n", "utf-8")
        (tmp_path / "unknown.csv").write_text("species,girth_cm\nXyz,50\nXyz,60\n", "utf-8")
        (tmp_path / "folder").mkdir()
        bad = {"B1": "nothing.csv", "B2": "empty.csv", "B3": "heads.csv", "B4": "unknown.csv",
               "B5": "folder", "B6": ""}  # fmt: skip
        rows = [{"site_id": k, "inventory": str(tmp_path / v) if v else ""} for k, v in bad.items()]
        rows.append({"site_id": "B7", "run": str(tmp_path / "folder")})
        rows.append({"site_id": "B8", "run": "x", "inventory": "y"})
        whole = rc.estimate_portfolio(rc.read_portfolio(pd.concat([table, pd.DataFrame(rows)])))
        np.testing.assert_allclose(
            whole.total.iloc[-1][STOCKS].astype(float), result.total.iloc[-1][STOCKS].astype(float)
        )
        failed = whole.sites[whole.sites["status"] == "failed"]
        assert failed["site_id"].tolist() == [f"B{k}" for k in range(1, 9)]
        assert failed["carbon_t"].isna().all()
        reasons = dict(zip(failed["site_id"], failed["reason"], strict=True))
        for site, word in {"B1": "does not exist", "B2": "is empty", "B3": "lacks", "B4": "none of",
                           "B5": "does not exist", "B6": "neither", "B7": "no run folder"}.items():  # fmt: skip
            assert word in reasons[site], reasons[site]
        assert not any(str(tmp_path) in text for text in reasons.values())
        listed = whole.problems[whole.problems["code"] == "site_failed"]
        assert len(listed) == 8
        assert (listed["severity"] == "error").all()

    def test_no_site_at_all_is_a_sentence(self, tmp_path):
        table = pd.DataFrame({"site_id": ["A"], "inventory": ["nothing.csv"]})
        with pytest.raises(InventoryError, match=r"none of the 1 sites .* does not exist"):
            rc.estimate_portfolio(rc.read_portfolio(table))
        with pytest.raises(InventoryError, match="lacks the column site_id"):
            rc.read_portfolio(pd.DataFrame({"nothing": ["A"], "other": [1]}))
        with pytest.raises(InventoryError, match="names no site"):
            rc.read_portfolio(pd.DataFrame({"site_id": ["รวม"], "run": ["a"]}))
        with pytest.raises(SettingsError, match="height_by"):
            rc.estimate_portfolio(rc.read_portfolio(table), rc.Settings(height_by="plot_id"))

    def test_rows_of_the_list_are_checked(self, tmp_path):
        (tmp_path / "site.toml").write_text(
            '[site]\nid = "A"\nprovince = "Trang"\nlatitude = 7.5\n[land]\ndocument = "คทช."\n'
            'area_rai = 10\n[operator]\nname = "นางตัวอย่าง"\n', "utf-8",
        )  # fmt: skip
        (tmp_path / "broken.toml").write_text("[site\n", "utf-8")
        table = pd.DataFrame({
            "รหัสแปลงสาธิต": ["A", "B", "A", "รวม", "", "C"],
            "เอกสารสิทธิ์": ["โฉนด", "ใบเสร็จ", "", "", "", "โฉนดเพื่อการเกษตร"],
            "ไร่": ["10", "๒๐", "", "30", "", ""],
            "ประเภทผู้ดำเนินการ": ["เกษตรกรรุ่นใหม่", "สหกรณ์", "", "", "", ""],
            "latitude": ["", "100.2", "", "", "", "60"],
            "longitude": ["", "7.1", "", "", "100", "60"],
            "ไฟล์ข้อมูลแปลง": ["site.toml", "broken.toml", "", "", "", ""],
        })  # fmt: skip
        table.to_csv(tmp_path / "sites.csv", index=False)
        portfolio = rc.read_portfolio(tmp_path / "sites.csv")
        sites = portfolio.sites.set_index("site_id")
        assert list(sites.index) == ["A", "B", "C"]
        assert sites["land_document"].tolist() == ["chanote", "other", "spk401"]
        assert sites.loc["A", ["operator_type", "new_generation_farmer"]].tolist() == [
            "smallholder",
            "yes",
        ]
        assert sites.loc["A", ["province", "operator", "latitude"]].tolist() == [
            "Trang",
            "นางตัวอย่าง",
            7.5,
        ]
        assert sites.loc["B", ["latitude", "longitude"]].tolist() == [7.1, 100.2]
        assert sites.loc["B", "area_declared_ha"] == pytest.approx(3.2)
        codes = portfolio.problems.set_index("code")["row"].to_dict()
        assert codes == {"site_repeated": 4, "totals_row": 5, "site_without_id": 6, "site_conflict": 2,
                         "site_word_unknown": 3, "site_dossier_unread": 3, "site_swapped": 3, "site_outside": 7}  # fmt: skip

    def test_one_file_for_many_sites(self, tmp_path):
        trees, plots = made_sites.national(3)
        trees.to_csv(tmp_path / "t.csv", index=False)
        plots.to_csv(tmp_path / "p.csv", index=False)
        table = pd.DataFrame(
            {"site_id": ["N0", "N2", "N9"], "inventory": "t.csv", "plots": "p.csv"}
        )
        table.to_csv(tmp_path / "sites.csv", index=False)
        result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
        assert result.sites["status"].tolist() == ["estimated", "estimated", "failed"]
        assert "holds the sites N0, N1, N2, not 'N9'" in result.sites["reason"].iloc[2]
        whole = rc.estimate_stocks(rc.read_inventory(trees, plots)).total.set_index("site_id")
        ours = result.total.set_index("site_id")
        for site in ("N0", "N2"):
            assert ours.loc[site, "agb_t"] == pytest.approx(whole.loc[site, "agb_t"], rel=1e-12)

    def test_sites_within_a_file_and_sites_not_listed_are_said(self, tmp_path):
        trees, plots = made_sites.national(3)
        whole = rc.estimate_stocks(rc.read_inventory(trees, plots)).total
        trees.to_csv(tmp_path / "t.csv", index=False)
        plots.to_csv(tmp_path / "p.csv", index=False)
        for site, code, stocks in (
            ("Demo", "site_names_within", whole["agb_t"].iloc[-1]),
            ("N1", "site_not_listed", whole.set_index("site_id").loc["N1", "agb_t"]),
        ):
            table = pd.DataFrame({"site_id": [site], "inventory": ["t.csv"], "plots": ["p.csv"]})
            table.to_csv(tmp_path / "sites.csv", index=False)
            result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
            assert code in result.problems["code"].tolist()
            assert result.total["agb_t"].iloc[-1] == pytest.approx(stocks, rel=1e-12)

    @pytest.mark.slow
    def test_a_workbook_with_a_title_and_thai_headings(self, tmp_path):
        made_sites.write(tmp_path, 2)
        rows = pd.DataFrame([["บัญชีแปลงสาธิต ปี 2567", None, None], ["รหัสแปลงสาธิต", "ไฟล์ต้นไม้", "ไฟล์แปลงตัวอย่าง"],
                             ["A", "t0.csv", "p0.csv"], ["B", "t1.csv", "p1.csv"]])  # fmt: skip
        rows.to_excel(tmp_path / "sites.xlsx", header=False, index=False, engine="xlsxwriter")
        result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.xlsx"))
        assert result.sites["row"].tolist() == [3, 4]
        assert (result.sites["status"] == "estimated").all()

    def test_one_file_counted_twice_is_said(self, tmp_path):
        table = made_sites.write(tmp_path, 2)
        table["inventory"], table["plots"] = "t0.csv", "p0.csv"
        table.to_csv(tmp_path / "sites.csv", index=False)
        result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
        found = result.problems[result.problems["code"] == "site_same_file"]
        assert len(found) == 1
        assert "A-1" in found["message"].iloc[0]

    @pytest.mark.slow
    def test_problems_stand_at_their_row_of_their_file(self, tmp_path):
        made_sites.write(tmp_path, 2)
        trees = made_sites.trees(1)
        trees.loc[3, "species"] = "Nonsense tree"
        trees.loc[5, "girth_cm"] = np.nan
        trees.to_csv(tmp_path / "t1.csv", index=False)
        result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
        found = result.problems.set_index("code")[["file", "row"]]
        assert found.loc["species_unknown"].tolist() == ["A-2 t1.csv", 5]
        assert found.loc["diameter_missing"].tolist() == ["A-2 t1.csv", 7]

    def test_more_land_than_the_document_is_said(self, tmp_path):
        table = made_sites.write(tmp_path, 1).assign(area_rai=2)
        table.to_csv(tmp_path / "sites.csv", index=False)
        result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
        assert "site_area_exceeded" in result.problems["code"].tolist()


class TestStrata:
    def test_strata_add_up_to_all(self, result):
        strata = result.strata
        cross = strata[(strata.iloc[:, :4] != "ALL").all(axis=1)]
        last = strata.iloc[-1]
        assert (last.iloc[:4] == "ALL").all()
        for name in ("carbon_t", "co2e_t", "area_ha", "n_sites"):
            assert cross[name].sum() == pytest.approx(last[name])
            for dimension in strata.columns[:4]:
                alone = strata[
                    (strata[dimension] != "ALL") & (strata.iloc[:, :4] == "ALL").sum(axis=1).eq(3)
                ]
                assert alone[name].sum() == pytest.approx(last[name])
        assert last["carbon_t_sd"] == pytest.approx(result.total["carbon_t_sd"].iloc[-1], rel=1e-12)
        assert (cross["new_generation_farmer"] == "yes").any()

    def test_means_per_rai_are_those_of_the_sites(self, result):
        mine = result.sites["co2e_t_rai"]
        last = result.strata.iloc[-1]
        assert last["site_mean_co2e_t_rai"] == pytest.approx(mine.mean())
        assert last["site_sd_co2e_t_rai"] == pytest.approx(np.std(mine, ddof=1))
        assert last["co2e_t_rai"] == pytest.approx(last["co2e_t"] / last["area_rai"])

    @pytest.mark.slow
    def test_coverage_names_what_is_missing(self, folder, result):
        cover = result.coverage.set_index(["dimension", "value"])["state"]
        assert cover["land_document", "chanote"] == "covered"
        assert cover["land_document", "stk"] == "no_site"
        assert cover["agro_ecological_zone", "unknown"] == "unknown"
        assert ("agro_ecological_zone", "Z9") not in cover
        portfolio = rc.read_portfolio(folder / "sites.csv")
        cover = rc.estimate_portfolio(portfolio, zones=["Z0", "Z9"]).coverage
        state = cover[cover["dimension"] == "agro_ecological_zone"].set_index("value")["state"]
        assert state.to_dict() == {
            "Z0": "covered",
            "Z9": "no_site",
            "Z1": "not_listed",
            "unknown": "none",
        }

    def test_zones_from_text_and_table(self, tmp_path):
        (tmp_path / "zones.txt").write_text("\ufeffZ1\n\nZ2 \nZ1\n", "utf-8")
        (tmp_path / "zones.csv").write_text("zone,area\nZ1,5\nZ3,6\n", "utf-8")
        assert read_zones(tmp_path / "zones.txt") == ["Z1", "Z2"]
        assert read_zones(tmp_path / "zones.csv") == ["Z1", "Z3"]
        (tmp_path / "none.txt").write_text("\n", "utf-8")
        with pytest.raises(InventoryError, match="names no zone"):
            read_zones(tmp_path / "none.txt")


SECRET = "สมชายใจดี"
HOSTILE = (
    "=cmd|'/c calc'!A0",
    "{value}{7*7}",
    "</svg><script>",
    "§S001:1",
    "\u202egnip",
    "x" * 10_000,
)


class TestAnonymity:
    @pytest.fixture
    def personal(self, tmp_path):
        table = made_sites.write(tmp_path, 3)
        trees = made_sites.trees(0).assign(surveyor=SECRET, note=SECRET, date="01/02/2567")
        trees.loc[2, "girth_cm"] = np.nan
        trees["status"] = ["alive"] * 20 + [SECRET] * 4
        trees["girth_cm"] = trees["girth_cm"].astype(object)
        trees.loc[3, "girth_cm"] = SECRET
        trees = trees.rename(columns={"girth_cm": f"เส้นรอบวง (ซม.) [{SECRET}]"})
        trees[SECRET] = 1
        plots = made_sites.plots(operator=SECRET, note=SECRET, site_id=SECRET, land_document=SECRET)
        for frame in (trees, plots):
            frame["plot_id"] = SECRET + frame["plot_id"]
        plots["spacing"] = SECRET
        trees.to_csv(tmp_path / f"{SECRET}.csv", index=False)
        plots.to_csv(tmp_path / f"p{SECRET}.csv", index=False)
        (tmp_path / f"{SECRET}.toml").write_text(
            f'[site]\nid = "{SECRET}"\nname = "{SECRET}!"\n', "utf-8"
        )
        table["site_id"] = [SECRET, f"{SECRET}2", f"{SECRET}3"]
        table["operator"] = [SECRET, f" {SECRET} ", "Other"]
        table.loc[0, ["inventory", "plots"]] = [f"{SECRET}.csv", f"p{SECRET}.csv"]
        table.loc[2, "inventory"] = f"missing{SECRET}.csv"
        table["name"] = SECRET
        table["note"] = SECRET
        table["site"] = [f"{SECRET}.toml", "", f"no{SECRET}.toml"]
        table["operator_type"] = [SECRET, "farmer", ""]
        table[SECRET] = SECRET
        table.to_csv(tmp_path / f"{SECRET}sites.csv", index=False)
        return tmp_path, rc.estimate_portfolio(rc.read_portfolio(tmp_path / f"{SECRET}sites.csv"))

    def test_nothing_personal_is_left_in_any_file(self, personal):
        folder, result = personal
        rc.write_portfolio(result, folder / "out")
        files = list((folder / "out").iterdir())
        assert len(files) == 10
        for file in files:
            text = file.read_text("utf-8-sig")
            assert SECRET not in text, (file.name, text[text.index(SECRET) - 200 :][:300])
            assert "123456" not in text, file.name
            assert str(folder) not in text
        sites = pd.read_csv(folder / "out" / "sites.csv")
        assert sites["operator"].tolist() == ["S001", "S001", "S003"]
        assert sites["site_id"].tolist() == ["S001", "S002", "S003"]
        assert "name" not in sites
        assert sites["latitude"].iloc[0] == 7.12
        record = json.loads((folder / "out" / "run.json").read_text("utf-8"))
        assert record["anonymised"] is True
        assert {one["file"] for one in record["inputs"]} == {"sites", "S001", "S002"}
        problems = pd.read_csv(folder / "out" / "problems.csv")
        assert WITHHELD in problems["message"].str.cat()
        assert problems["file"].isin(["sites", "S001", "S002", "S003"]).all()
        known = problems[problems["code"] == "diameter_missing"].iloc[0]
        assert (known["file"], known["row"]) == ("S001", 4)
        said = pd.read_csv(folder / "out" / "assumptions.csv")
        assert said["assumption"].str.contains("2 decimals").any()

    def test_names_stay_when_asked_for_and_figures_are_the_same(self, personal):
        folder, result = personal
        rc.write_portfolio(result, folder / "out", anonymise=False)
        assert SECRET in (folder / "out" / "sites.csv").read_text("utf-8-sig")
        assert SECRET in (folder / "out" / "problems.csv").read_text("utf-8-sig")
        for file in (folder / "out").iterdir():
            assert "§" not in file.read_text("utf-8-sig"), file.name
        hidden = anonymised(result)
        pd.testing.assert_frame_equal(hidden.strata, result.strata)
        pd.testing.assert_frame_equal(
            hidden.total.drop(columns="site_id"), result.total.drop(columns="site_id")
        )
        assert not result.problems.equals(hidden.problems)

    @pytest.mark.slow
    def test_hostile_names_are_text(self, tmp_path):
        table = made_sites.write(tmp_path, len(HOSTILE))
        table["site_id"] = HOSTILE
        table["operator"] = HOSTILE[::-1]
        table.loc[0, "inventory"] = "nothing.csv"
        table.to_csv(tmp_path / "sites.csv", index=False)
        result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
        rc.write_portfolio(result, tmp_path / "out", anonymise=False)
        text = (tmp_path / "out" / "sites.csv").read_text("utf-8-sig")
        assert "'=cmd" in text
        assert "\n=cmd" not in text
        assert ",=cmd" not in text
        back = rc.load_run(tmp_path / "out")
        assert back.tables["sites"]["site_id"].tolist() == list(HOSTILE)
        assert back.tables["sites"]["operator"].tolist() == list(HOSTILE[::-1])
        assert "=cmd" in result.problems.set_index("code").loc["site_failed", "message"]


class TestCommand:
    def test_it_writes_a_run_folder_in_thai(self, folder, tmp_path, capsys):
        (tmp_path / "zones.txt").write_text("Z0\nZ7\n", "utf-8")
        out = tmp_path / "out"
        code = main(["portfolio", str(folder / "sites.csv"), "--out", str(out), "--lang", "th",
                     "--zones", str(tmp_path / "zones.txt")])  # fmt: skip
        said = capsys.readouterr().out
        assert code == 0
        assert "เขตที่ยังไม่มีแปลงสาธิต: Z7" in said
        assert "4 จาก 4 แปลง" in said
        tables = rc.load_run(out).tables
        assert set(tables) == {"sites", "strata", "coverage", "total", "attribution", "sampling",
                               "assumptions", "citations", "problems"}  # fmt: skip
        assert tables["total"]["site_id"].iloc[-1] == "ALL"
        shares = tables["attribution"]
        assert shares[shares["quantity"] == "carbon"]["share"].sum() == pytest.approx(1.0)
        assert main(["portfolio", str(folder / "sites.csv"), "--out", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["site_id"] == "S001"
        assert main(["report", str(out), "--out", str(tmp_path / "report.html")]) == 0
        assert "S001" in (tmp_path / "report.html").read_text("utf-8")

    def test_exit_codes_and_sentences(self, folder, tmp_path, capsys):
        table = pd.read_csv(folder / "sites.csv")
        for name in ("inventory", "plots"):
            table[name] = [str(folder / file) for file in table[name]]
        table.loc[1, "inventory"] = "nothing.csv"
        table.to_csv(tmp_path / "sites.csv", index=False)
        assert main(["portfolio", str(tmp_path / "sites.csv"), "--out", str(tmp_path / "o")]) == 1
        assert "A-2 is not computed" in capsys.readouterr().out
        assert main(["portfolio", str(tmp_path / "sites.csv"), "--out", str(folder)]) == 2
        assert "lies in the run folder" in capsys.readouterr().err
        table["inventory"] = "nothing.csv"
        table.to_csv(tmp_path / "sites.csv", index=False)
        assert main(["portfolio", str(tmp_path / "sites.csv"), "--out", str(tmp_path / "o2")]) == 2
        assert "none of the 4 sites" in capsys.readouterr().err
        assert not (tmp_path / "o2").exists()


def _report(kind, count, begun):
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{count} sites from {kind}: {time.perf_counter() - begun:.0f} s, peak {peak:.0f} MB")


@pytest.mark.slow
@pytest.mark.jit
def test_five_hundred_sites_of_one_file(tmp_path):
    trees, plots = made_sites.national(500)
    trees.to_parquet(tmp_path / "t.parquet")
    plots.to_csv(tmp_path / "p.csv", index=False)
    table = pd.DataFrame({
        "site_id": [f"N{k}" for k in range(500)], "inventory": "t.parquet", "plots": "p.csv",
        "province": [made_sites.PROVINCES[k % 4] for k in range(500)],
        "land_document": [made_sites.DOCUMENTS[k % 3] for k in range(500)],
    })  # fmt: skip
    table.to_csv(tmp_path / "sites.csv", index=False)
    begun = time.perf_counter()
    result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
    rc.write_portfolio(result, tmp_path / "out")
    _report("one file", 500, begun)
    assert len(result.total) == 501
    assert result.total["carbon_t"].iloc[-1] == pytest.approx(
        result.total["carbon_t"].iloc[:-1].sum()
    )


@pytest.mark.drill
def test_five_hundred_sites_of_five_hundred_files(tmp_path):
    made_sites.write(tmp_path, 500)
    begun = time.perf_counter()
    result = rc.estimate_portfolio(rc.read_portfolio(tmp_path / "sites.csv"))
    _report("500 files", 500, begun)
    assert (result.sites["status"] == "estimated").all()
