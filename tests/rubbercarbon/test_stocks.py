"""Trees to plots to sites."""

from __future__ import annotations

import naive
import numpy as np
import pandas as pd
import pytest

import allometry as al
import rubbercarbon as rc
from rubbercarbon.errors import InventoryError


def one(**columns):
    """Stocks of a table with one row or several, in one plot of one rai."""
    length = max((len(v) for v in columns.values() if isinstance(v, list)), default=1)
    frame = pd.DataFrame({"plot_id": "a", "tree_id": [str(i) for i in range(length)],
                          "species": "Hevea brasiliensis", "plot_area_rai": 1.0, **columns},
                         index=range(length))  # fmt: skip
    return rc.estimate_stocks(rc.read_inventory(frame))


def flags(stocks, row=0):
    return set(stocks.trees["flags"].iloc[row].split(";")) - {""}


def test_one_rubber_tree_by_hand():
    stocks = one(dbh_cm=20.0)
    tree = stocks.trees.iloc[0]
    agb = float(naive.predict("hevea_ensemble", dbh=20.0))
    bgb = float(naive.predict("hytonen_2018_stump_root", dbh=20.0))
    assert tree["agb_kg"] == pytest.approx(agb, rel=1e-12)
    assert tree["bgb_kg"] == pytest.approx(bgb, rel=1e-12)
    assert tree["carbon_kg"] == pytest.approx(0.47 * (agb + bgb), rel=1e-12)
    assert tree["co2e_kg"] == pytest.approx(0.47 * (agb + bgb) * 44 / 12, rel=1e-12)
    plot = stocks.plots.iloc[0]
    assert plot["agb_t_ha"] == pytest.approx(agb / 1000 / 0.16, rel=1e-12)
    assert plot["stems_per_ha"] == pytest.approx(6.25)
    assert plot["basal_area_m2_ha"] == pytest.approx(np.pi / 4 * 0.04 / 0.16)
    assert plot["co2e_t_rai"] == pytest.approx(plot["co2e_t_ha"] * 0.16)
    assert stocks.total.iloc[-1]["site_id"] == "ALL"


def test_one_companion_by_hand():
    stocks = one(species="ตะเคียนทอง", dbh_cm=25.0)
    tree = stocks.trees.iloc[0]
    height = float(naive.predict("harja_2012_pooled", dbh=25.0))
    assert tree["height_m"] == pytest.approx(height)
    assert tree["height_source"] == "harja_2012_pooled"
    density = al.wood_density(["Hopea odorata"])["wood_density_g_cm3"].iloc[0]
    agb = 0.0673 * (density * 625 * height) ** 0.976
    assert tree["agb_kg"] == pytest.approx(agb, rel=1e-12)
    assert tree["bgb_kg"] == pytest.approx(0.226 * agb, rel=1e-12)
    assert "height_predicted" in flags(stocks)


def test_measured_height_and_given_density_come_first():
    stocks = one(species="Hopea odorata", dbh_cm=25.0, height_m=14.0, wood_density_g_cm3=0.6)
    assert stocks.trees["agb_kg"].iloc[0] == pytest.approx(0.0673 * (0.6 * 625 * 14) ** 0.976)
    assert stocks.trees["height_source"].iloc[0] == "measured"
    assert stocks.trees["wood_density_level"].iloc[0] == "given"


def test_an_estimated_height_is_named_so():
    stocks = one(species="Hopea odorata", dbh_cm=25.0, height_m=14.0, height_method="estimated")
    assert stocks.trees["height_source"].iloc[0] == "estimated"


def test_air_dry_density_is_converted_only_when_said_so():
    said = one(
        species="Hopea odorata",
        dbh_cm=25.0,
        wood_density_g_cm3=0.8,
        wood_density_basis="air_dry_12",
    )
    assert said.trees["wood_density_g_cm3"].iloc[0] == pytest.approx(0.828 * 0.8)
    assert "0.828" in said.assumptions["value"].tolist()
    unsaid = one(dbh_cm=25.0, wood_density_g_cm3=0.70)
    assert "density_air_dry" in unsaid.problems["code"].tolist()
    assert unsaid.trees["wood_density_g_cm3"].iloc[0] == pytest.approx(0.70)


def test_tally_rows_count_as_many():
    three = one(dbh_cm=20.0, count=3)
    assert three.trees["agb_kg"].iloc[0] == pytest.approx(
        3 * one(dbh_cm=20.0).trees["agb_kg"].iloc[0]
    )
    assert three.plots["n_trees"].iloc[0] == 3


def test_bamboo_and_banana_are_kept_out_of_tree_biomass():
    stocks = one(species=["ไผ่", "กล้วย", "ยางพารา"], dbh_cm=[6.0, 14.0, 20.0], count=[10, 2, 1])
    assert stocks.trees["agb_kg"].isna().tolist() == [True, True, False]
    assert stocks.trees["herb_kg"].iloc[0] == pytest.approx(10 * 0.131 * 6**2.278)
    plot = stocks.plots.iloc[0]
    assert plot["agb_t"] == pytest.approx(stocks.trees["agb_kg"].iloc[2] / 1000)
    assert plot["herb_t"] == pytest.approx(stocks.trees["herb_kg"].sum() / 1000)
    assert (plot["n_trees"], plot["n_culms"]) == (1, 12)
    assert "grade_C" in flags(stocks, 1)
    assert "grade C" in stocks.assumptions["topic"].tolist()


def test_a_plant_without_an_equation_is_listed_not_guessed():
    stocks = one(
        species=["Cocos nucifera", "Areca catechu", "ชา", "ยางพารา"], dbh_cm=[25.0, 12.0, 3.0, 20.0]
    )
    assert stocks.trees["agb_kg"].isna().tolist() == [True, True, True, False]
    listed = stocks.problems.query("code == 'not_estimated' or code == 'species_unknown'")
    assert len(listed) == 3
    assert all(stocks.trees["flags"].iloc[:3].str.len() > 0)


def test_an_unknown_species_with_a_growth_form_is_computed():
    with_form = one(species="ไม้ไม่ทราบชื่อ", dbh_cm=20.0, growth_form="tree")
    tree = with_form.trees.iloc[0]
    assert tree["equation_id"] == "chave_2014_eq4"
    assert tree["wood_density_level"] == "default"
    assert "density_default" in flags(with_form)
    assert with_form.problems.query("code == 'species_unknown'")["severity"].tolist() == ["warning"]


def test_a_growth_form_that_does_not_exist_is_reported():
    stocks = one(dbh_cm=20.0, growth_form="vine")
    assert "growth_form_unknown" in stocks.problems["code"].tolist()


def test_two_equal_coffee_stems_are_one_plant_of_equal_basal_area():
    stocks = one(species="Coffea arabica", tree_id="1", stem_id=["1", "2"], dbh_cm=[3.0, 3.0])
    plant = float(naive.predict("tolima_2018_coffee", dbh=np.sqrt(18.0)))
    assert stocks.trees["agb_kg"].sum() == pytest.approx(plant, rel=1e-12)
    assert "several stems" in stocks.assumptions["topic"].tolist()
    assert "pom_mismatch" in flags(stocks)  # measured at breast height, meant at 15 cm


def test_two_rubber_stems_are_added_up():
    stocks = one(tree_id="1", stem_id=["1", "2"], dbh_cm=[15.0, 15.0])
    assert stocks.trees["agb_kg"].sum() == pytest.approx(
        2 * float(naive.predict("hevea_ensemble", dbh=15.0))
    )
    assert (stocks.plots["n_trees"].iloc[0], stocks.plots["n_stems"].iloc[0]) == (1, 2)


def test_dead_trees_are_listed_and_not_counted():
    stocks = one(dbh_cm=[20.0, 20.0], status=["dead", "alive"])
    assert stocks.trees["agb_kg"].isna().tolist() == [True, False]
    assert stocks.trees["flags"].iloc[0] == "dead"
    assert stocks.plots["n_trees"].iloc[0] == 1


def test_flags_for_range_and_point_of_measurement():
    stocks = one(
        species=["Hevea brasiliensis", "Mangifera indica"], dbh_cm=[45.0, 55.0], pom_m=[1.7, 1.3]
    )
    assert {"outside_range", "pom_mismatch"} <= flags(stocks, 0)
    assert {"range_unknown", "outside_evaluated_span"} <= flags(stocks, 1)
    assert "pom_mismatch" not in flags(stocks, 1)


def test_jungle_rubber_by_system_and_by_its_heights():
    frame = pd.DataFrame({"plot_id": ["j", "j", "s", "s", "p"], "tree_id": list("12345"),
                          "species": "ยางพารา", "dbh_cm": 30.0, "height_m": [np.nan, np.nan, 11.0, np.nan, 20.0]})  # fmt: skip
    plots = pd.DataFrame(
        {"plot_id": ["j", "s", "p"], "area_ha": 0.16, "system": ["jungle", "", ""]}
    )
    stocks = rc.estimate_stocks(rc.read_inventory(frame, plots))
    used = stocks.trees["equation_id"].tolist()
    assert used == ["chave_2014_eq4"] * 4 + ["hevea_ensemble"]
    assert stocks.trees["selection"].iloc[2].startswith("measured rubber heights")


def test_nested_subplots_expand_each_tree_by_its_own_area():
    frame = pd.DataFrame(
        {"plot_id": "a", "tree_id": list("123"), "species": "ยางพารา", "dbh_cm": [2.0, 8.0, 30.0]}
    )
    plots = pd.DataFrame(
        {"plot_id": ["a", "a"], "subplot_area_m2": [100.0, 1600.0], "min_dbh_cm": [4.5, 10.0]}
    )
    stocks = rc.estimate_stocks(rc.read_inventory(frame, plots))
    small, large = (float(naive.predict("hevea_ensemble", dbh=d)) for d in (8.0, 30.0))
    expected = small / 1000 / 0.01 + large / 1000 / 0.16
    assert stocks.plots["agb_t_ha"].iloc[0] == pytest.approx(expected, rel=1e-12)
    assert "below_subplot" in stocks.problems["code"].tolist()
    assert stocks.trees["agb_kg"].isna().tolist() == [True, False, False]


def test_an_empty_plot_counts_with_a_stock_of_zero():
    frame = pd.DataFrame(
        {"plot_id": ["a"], "tree_id": ["1"], "species": ["ยางพารา"], "dbh_cm": [20.0]}
    )
    plots = pd.DataFrame({"plot_id": ["a", "b"], "area_ha": [0.16, 0.16]})
    table = rc.estimate_stocks(rc.read_inventory(frame, plots)).plots.set_index("plot_id")
    assert table.loc["b", ["n_trees", "agb_t", "agb_t_ha", "carbon_t_ha"]].tolist() == [0, 0, 0, 0]


def test_without_area_nothing_per_hectare_and_a_row_that_says_so():
    frame = pd.DataFrame(
        {"plot_id": ["a"], "tree_id": ["1"], "species": ["ยางพารา"], "dbh_cm": [20.0]}
    )
    stocks = rc.estimate_stocks(rc.read_inventory(frame))
    assert np.isnan(stocks.plots["agb_t_ha"].iloc[0])
    assert np.isnan(stocks.total["area_measured_ha"].iloc[-1])
    assert stocks.plots["agb_t"].iloc[0] > 0.1
    assert any("no plot area" in text for text in stocks.assumptions["assumption"])


class TestTotals:
    FRAME = pd.DataFrame({"plot_id": ["a", "b", "c"], "tree_id": list("123"), "species": "ยางพารา",
                          "dbh_cm": [20.0, 25.0, 30.0]})  # fmt: skip
    PLOTS = pd.DataFrame({"plot_id": ["a", "b", "c"], "site_id": "s", "stratum": ["x", "x", "y"],
                          "area_ha": [0.1, 0.2, 0.1]})  # fmt: skip

    def test_without_land_the_total_describes_the_measured_plots(self):
        stocks = rc.estimate_stocks(rc.read_inventory(self.FRAME, self.PLOTS))
        total = stocks.total.iloc[-1]
        assert total["agb_t"] == pytest.approx(stocks.plots["agb_t"].sum())
        assert total["agb_t_ha"] == pytest.approx(stocks.plots["agb_t"].sum() / 0.4)
        assert total["describes"] == "measured plots"

    def test_with_land_each_stratum_is_expanded_by_the_mean_of_its_plots(self):
        plots = self.PLOTS.assign(stratum_area_ha=[5.0, 5.0, 2.0])
        stocks = rc.estimate_stocks(rc.read_inventory(self.FRAME, plots))
        per_ha = stocks.plots.set_index("plot_id")["agb_t_ha"]
        expected = 5.0 * (per_ha["a"] + per_ha["b"]) / 2 + 2.0 * per_ha["c"]
        total = stocks.total.set_index("stratum")
        assert total.loc["", "agb_t"] == pytest.approx(expected)
        assert total.loc["", "area_ha"] == 7.0
        assert total.loc["", "describes"] == "land"

    def test_land_known_for_one_stratum_only_expands_none(self):
        plots = self.PLOTS.assign(stratum_area_ha=[5.0, 5.0, np.nan])
        stocks = rc.estimate_stocks(rc.read_inventory(self.FRAME, plots))
        assert set(stocks.total["describes"]) == {"measured plots"}
        assert stocks.total["agb_t"].iloc[:-1].sum() == pytest.approx(
            stocks.total["agb_t"].iloc[-1]
        )


class TestSettings:
    def test_equations_by_name(self):
        frame = pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0]})
        inventory = rc.read_inventory(frame)
        chosen = rc.Settings(equations={"Hevea brasiliensis": "hytonen_2018"})
        stocks = rc.estimate_stocks(inventory, chosen)
        assert stocks.trees["agb_kg"].iloc[0] == pytest.approx(218.759018719)
        assert stocks.run["settings"]["equations"] == {"Hevea brasiliensis": "hytonen_2018"}

    def test_height_model_roots_and_carbon_fraction(self):
        inventory = rc.read_inventory(
            pd.DataFrame({"species": ["Hopea odorata"], "dbh_cm": [20.0]})
        )
        chosen = rc.Settings(
            height_model="harja_2012_open", roots="tver_tool_roots", carbon_fraction=0.5
        )
        tree = rc.estimate_stocks(inventory, chosen).trees.iloc[0]
        assert tree["height_source"] == "harja_2012_open"
        assert tree["bgb_kg"] == pytest.approx(0.27 * tree["agb_kg"])
        assert tree["carbon_kg"] == pytest.approx(0.5 * 1.27 * tree["agb_kg"])

    def test_eq_7_takes_the_stress_of_the_site(self):
        inventory = rc.read_inventory(
            pd.DataFrame({"species": ["Hopea odorata"], "dbh_cm": [20.0]})
        )
        with_stress = rc.Settings(equations={"all": "chave_2014_eq7"}, stress=-0.1)
        tree = rc.estimate_stocks(inventory, with_stress).trees.iloc[0]
        expected = naive.predict(
            "chave_2014_eq7", dbh=20.0, wood_density=tree["wood_density_g_cm3"], stress=-0.1
        )
        assert tree["agb_kg"] == pytest.approx(float(expected), rel=1e-12)
        with pytest.raises(InventoryError, match="needs stress"):
            rc.estimate_stocks(inventory, rc.Settings(equations={"all": "chave_2014_eq7"}))

    def test_stand_roots_go_through_the_plot(self):
        frame = pd.DataFrame({"species": ["ยางพารา"] * 60, "tree_id": [str(i) for i in range(60)],
                              "dbh_cm": 22.0, "plot_area_rai": 1.0})  # fmt: skip
        stocks = rc.estimate_stocks(rc.read_inventory(frame), rc.Settings(roots="mokany_2006"))
        plot = stocks.plots.iloc[0]
        assert stocks.trees["bgb_kg"].isna().all()
        assert plot["bgb_stand_t_ha"] == pytest.approx(0.489 * plot["agb_t_ha"] ** 0.89, rel=1e-12)
        assert plot["bgb_t_ha"] == pytest.approx(plot["bgb_stand_t_ha"])
        assert plot["carbon_t_ha"] == pytest.approx(
            0.47 * (plot["agb_t_ha"] + plot["bgb_stand_t_ha"])
        )
        assert plot["bgb_stand_t"] == pytest.approx(plot["bgb_stand_t_ha"] * 0.16)

    def test_stand_roots_without_an_area_are_not_estimated_and_listed(self):
        inventory = rc.read_inventory(pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0]}))
        stocks = rc.estimate_stocks(inventory, rc.Settings(roots="mokany_2006"))
        assert np.isnan(stocks.plots["bgb_stand_t"].iloc[0])
        assert any("needs a plot area" in text for text in stocks.assumptions["assumption"])
        assert stocks.plots["carbon_t"].iloc[0] == pytest.approx(
            0.47 * stocks.plots["agb_t"].iloc[0]
        )

    def test_roots_must_be_roots(self):
        inventory = rc.read_inventory(pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0]}))
        with pytest.raises(al.AllometryError, match="not bgb"):
            rc.estimate_stocks(inventory, rc.Settings(roots="hytonen_2018"))


def test_nothing_computable_raises_with_the_reasons():
    inventory = rc.read_inventory(pd.DataFrame({"species": ["xyz"], "dbh_cm": [20.0]}))
    with pytest.raises(InventoryError, match="none of the 1 rows") as caught:
        rc.estimate_stocks(inventory)
    assert "species_unknown" in caught.value.found_problems.frame()["code"].tolist()


def test_all_dead_is_nothing_computable():
    inventory = rc.read_inventory(
        pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0], "status": ["dead"]})
    )
    with pytest.raises(InventoryError, match="no living tree"):
        rc.estimate_stocks(inventory)


def test_every_row_comes_back_in_input_order_with_a_figure_or_a_reason():
    frame = pd.DataFrame({"plot_id": list("baab"), "tree_id": list("4321"), "species": ["ยางพารา", "xyz", "ยางพารา", "ยางพารา"],
                          "dbh_cm": ["20", "21", "x", "22"]})  # fmt: skip
    trees = rc.estimate_stocks(rc.read_inventory(frame)).trees
    assert trees["tree_id"].tolist() == list("4321")
    assert trees["row"].tolist() == [1, 2, 3, 4]
    assert (trees["agb_kg"].notna() | (trees["flags"] != "")).all()
    assert trees["flags"].tolist()[1:3] == ["species_unknown", "not_a_number"]
    assert trees["species_input"].tolist()[1] == "xyz"


def test_assumptions_and_citations_name_all_that_was_used():
    stocks = one(species=["ยางพารา", "ทุเรียน"], dbh_cm=[20.0, 20.0])
    cited = set(stocks.equations["id"])
    assert {"hevea_ensemble", "hytonen_2018", "chave_2014_eq4", "harja_2012_durio_zibethinus",
            "rsr_tropical_asia", "hytonen_2018_stump_root"} <= cited  # fmt: skip
    topics = set(stocks.assumptions["topic"])
    assert {"equation", "height", "wood density", "roots", "carbon fraction", "back-transformation",
            "stump", "dead trees"} <= topics  # fmt: skip
    sourced = stocks.assumptions.query("topic in ['equation', 'height', 'roots', 'wood density']")
    assert (sourced["source"].str.len() > 5).all()
    assert set(sourced["grade"]) <= {"A", "B"}


def test_the_run_record_has_no_paths_users_or_hosts(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("species,girth_cm\nยางพารา,60\n", encoding="utf-8")
    record = rc.estimate_stocks(rc.read_inventory(path)).run
    assert str(tmp_path) not in str(record)
    assert record["inputs"][0]["file"] == "t.csv"
    assert {"schema_version", "versions", "settings", "inputs"} <= set(record)


def test_rows_times_what_they_represent_add_up_to_the_total():
    trees = pd.DataFrame({
        "plot_id": ["A", "A", "B", "B"], "tree_id": ["1", "2", "1", "2"], "species": "ยางพารา",
        "dbh_cm": [8.0, 22.0, 9.0, 25.0],
    })  # fmt: skip
    plots = pd.DataFrame({
        "plot_id": ["A", "A", "B"], "area_ha": [0.1, 0.1, 0.16], "stratum_area_ha": 3.0,
        "subplot_area_m2": [100.0, 1000.0, None], "min_dbh_cm": [5.0, 15.0, None],
    })  # fmt: skip
    stocks = rc.estimate_stocks(rc.read_inventory(trees, plots=plots))
    kg = (stocks.trees["agb_kg"] * stocks.trees["represents"]).sum()
    assert kg / 1000.0 == pytest.approx(stocks.total["agb_t"].iloc[-1], rel=1e-12)
    assert stocks.plots["represents_ha"].tolist() == [1.5, 1.5]
