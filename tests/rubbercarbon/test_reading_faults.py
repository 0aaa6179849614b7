"""Mistakes of everyday files and options: none is settled in silence."""

import json

import pandas as pd
import pytest

import allometry as al
import rubbercarbon as rc
from rubbercarbon import cli
from rubbercarbon.errors import RunFolderError

RUBBER = pd.DataFrame(
    {"plot_id": ["P1"], "tree_id": ["1"], "species": ["ยางพารา"], "dbh_cm": [15.0]}
)


def read(trees, plots=None, **options):
    frames = [None if t is None else pd.DataFrame(t) for t in (trees, plots)]
    return rc.read_inventory(*frames, **options)


def codes(problems):
    return set(problems["code"])


def test_nested_plots_give_the_same_figures_in_plot_and_total():
    plots = {"plot_id": ["P1", "P1"], "area_m2": [1000, 1000], "subplot_area_m2": [1000, 100],
             "min_dbh_cm": [10, 2]}  # fmt: skip
    trees = {"plot_id": ["P1"] * 3, "tree_id": list("123"), "species": ["ยางพารา"] * 3,
             "dbh_cm": [15.0, 5.0, 6.0]}  # fmt: skip
    stocks = rc.estimate_stocks(read(trees, plots))
    plot, total = stocks.plots.iloc[0], stocks.total.iloc[-1]
    for name in ("agb_t_ha", "bgb_t_ha", "carbon_t_ha", "agb_t_ha_sd", "carbon_t_ha_low"):
        assert total[name] == pytest.approx(plot[name], rel=1e-9)
    assert plot["agb_t"] == pytest.approx(0.1 * plot["agb_t_ha"])
    assert "stocking_odd" not in codes(stocks.problems)


def test_plots_of_one_name_on_two_sites_stay_apart():
    trees = {"site_id": ["A", "B"], "plot_id": ["P1", "P1"], "tree_id": ["1", "1"],
             "species": ["ยางพารา"] * 2, "dbh_cm": [15.0, 20.0], "plot_area_rai": [1, 2]}  # fmt: skip
    inventory = read(trees)
    stocks = rc.estimate_stocks(inventory)
    assert stocks.plots["plot_id"].tolist() == ["A:P1", "B:P1"]
    assert stocks.plots["area_ha"].tolist() == pytest.approx([0.16, 0.32])
    assert stocks.trees["site_id"].tolist() == ["A", "B"]
    assert "plot_names_repeated" in codes(stocks.problems)
    assert "id_repeated" not in codes(stocks.problems)


@pytest.mark.parametrize("name", ["ยางพารา", "hevea brasiliensis", "Karet", "HEVEA", "tree"])
def test_equations_are_chosen_by_any_spelling(name):
    stocks = rc.estimate_stocks(read(RUBBER), rc.Settings(equations={name: "hytonen_2018"}))
    assert stocks.trees["equation_id"].tolist() == ["hytonen_2018"]


def test_an_equation_for_a_name_that_is_none_is_refused():
    with pytest.raises(al.AllometryError, match="Hevea brasiliensis"):
        rc.estimate_stocks(
            read(RUBBER), rc.Settings(equations={"Hevea brasilensiss": "duran_2011"})
        )


def test_an_equation_for_a_plant_that_is_not_there_is_reported():
    stocks = rc.estimate_stocks(
        read(RUBBER), rc.Settings(equations={"Tectona grandis": "perez_2003_teak"})
    )
    row = stocks.problems[stocks.problems["code"] == "setting_unused"].iloc[0]
    assert row["value"] == "Tectona grandis"


def test_a_height_model_that_is_none_is_refused_even_when_unused():
    with pytest.raises(al.AllometryError, match="nosuch"):
        rc.estimate_stocks(read(RUBBER), rc.Settings(height_model="nosuch"))


def test_a_decimal_comma_without_quotes_refuses_its_row(tmp_path):
    file = tmp_path / "dc.csv"
    file.write_text(
        "plot_id,tree_id,species,dbh_cm,height_m\nP1,1,Hopea odorata,20,5,12\n"
        "P1,2,Hopea odorata,20.5,12\n"
    )
    stocks = rc.estimate_stocks(rc.read_inventory(file))
    assert stocks.trees["flags"].iloc[0] == "too_many_cells"
    assert stocks.trees["agb_kg"].notna().tolist() == [False, True]
    row = stocks.problems[stocks.problems["code"] == "too_many_cells"].iloc[0]
    assert row["row"] == 2
    assert "6 cells, the heading 5" in row["message"]


def test_a_decimal_comma_in_a_cell_is_named_so():
    problems = read(RUBBER.assign(height_m="20,5").astype({"dbh_cm": str})).problems
    assert "20.5" in problems[problems["code"] == "decimal_comma"]["suggestion"].iloc[0]


def test_a_run_folder_with_files_of_the_user_is_refused(tmp_path):
    stocks = rc.estimate_stocks(read(RUBBER))
    rc.write_run(stocks, tmp_path / "run")
    rc.write_run(stocks, tmp_path / "run")
    (tmp_path / "run" / "notes.docx").write_text("mine")
    with pytest.raises(RunFolderError, match=r"notes\.docx"):
        rc.write_run(stocks, tmp_path / "run")
    assert (tmp_path / "run" / "notes.docx").read_text() == "mine"


def test_an_input_inside_the_run_folder_is_refused(tmp_path, capsys):
    rc.write_run(rc.estimate_stocks(read(RUBBER)), tmp_path / "run")
    trees = tmp_path / "run" / "trees.csv"
    before = trees.read_bytes()
    assert cli.main(["estimate", str(trees), "--out", str(tmp_path / "run")]) == 2
    assert "lies in the run folder" in capsys.readouterr().err
    assert trees.read_bytes() == before


def test_millimetres_taken_as_centimetres_are_warned_of():
    trees = {"plot_id": ["P1"] * 2, "tree_id": list("12"), "species": ["ยางพารา"] * 2,
             "dbh_cm": [150.0, 20.0]}  # fmt: skip
    problems = rc.estimate_stocks(read(trees)).problems
    row = problems[problems["code"] == "outside_range"].iloc[0]
    assert row["value"] == "150"
    assert "1 rows are outside the range of hevea_ensemble (dbh_cm 3-27)" in row["message"]


def test_contradictions_are_warned_of():
    plots = {"plot_id": ["P1", "P2"], "area_rai": [1, 1], "area_ha": [5, 0.16],
             "stratum_area_ha": [5, 6]}  # fmt: skip
    trees = {"plot_id": ["P1", "P2"], "tree_id": ["1", "2"], "species": ["Hopea odorata"] * 2,
             "dbh_cm": [22, 22], "girth_cm": [200, 69.1], "wood_density_g_cm3": [0.6, 0.6],
             "wood_density_basis": ["foo", "basic"]}  # fmt: skip
    problems = rc.estimate_stocks(read(trees, plots)).problems
    found = problems[problems["severity"] == "warning"]["code"].value_counts()
    for code in ("area_conflict", "stratum_area_conflict", "diameter_conflict", "basis_unknown"):
        assert found[code] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["check", "TREES", "--out", "."],
        ["check", "TREES", "--out", "nodir/x.csv"],
        ["equations", "plot", "ยางพารา", "--out", "nodir/d.png"],
        ["equations", "plot", "ยางพารา", "--out", "d.xyz"],
        ["equations", "plot", "ยางพารา", "--density", "-3"],
        ["estimate", ".", "--out", "o"],
    ],
)
def test_mistaken_paths_are_no_fault_of_the_program(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    RUBBER.to_csv("trees.csv", index=False)
    assert cli.main([word.replace("TREES", "trees.csv") for word in words]) == 2
    said = capsys.readouterr().err
    assert "unexpected" not in said
    assert said.strip().endswith((".", "`."))


def test_the_record_tells_how_columns_and_units_were_read(tmp_path):
    trees = RUBBER.rename(columns={"dbh_cm": "width"})
    inventory = read(trees, mapping={"dbh_mm": "width"}, units={"dbh": "mm"})
    rc.write_run(rc.estimate_stocks(inventory), tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    reading = record["reading"]
    assert reading["mapping"] == {"dbh_mm": "width"}
    assert reading["units"] == {"dbh": "mm"}
    assert reading["headings"]["dbh_mm"] == "width"


def test_citations_hold_densities_and_carbon_fractions():
    stocks = rc.estimate_stocks(read(RUBBER.assign(species="Hopea odorata")))
    assert {"wood density", "carbon fraction"} <= set(stocks.equations["predicts"])


def test_one_name_is_one_row():
    assert len(al.wood_density("Hevea brasiliensis")) == 1
    assert al.match_names("Hevea")["kind"].tolist() == ["genus"]
    assert al.match_names([None])["kind"].tolist() == ["none"]
    assert al.wood_density([None])["level"].tolist() == ["default"]
