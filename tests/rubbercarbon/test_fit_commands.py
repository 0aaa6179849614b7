"""``fit``, ``compare-equations`` and ``equations ensemble`` as a user meets them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from made_harvests import harvest

import rubbercarbon as rc
from allometry.catalogue import loader
from rubbercarbon import cli
from rubbercarbon.equation_choice import compare_equations
from rubbercarbon.errors import InventoryError
from rubbercarbon.felled import read_felled

PLOT = "plot_id,tree_id,species,girth_cm,height_m,plot_area_m2\na,1,ยางพารา,60,15,400\na,2,ยางพารา,80,17,400\nb,1,ยางพารา,70,16,400\nb,2,Hopea odorata,70,14,400\n"


def run(*words):
    return cli.main([str(word) for word in words])


@pytest.fixture(autouse=True)
def _catalogue_as_it_was():
    folders = list(loader._folders)
    yield
    loader._folders[:] = folders
    loader.get_equation.cache_clear()
    loader._revision[0] += 1
    loader._seen.clear()


@pytest.fixture
def felled(tmp_path):
    """Three places, Thai headings, girth, and two rows that cannot be used."""
    made = harvest(3, sites=3, each=6, tau=0.8)
    table = pd.DataFrame(
        {
            "สวน": [f"สวน {s}" for s in made["site"]],
            "ชนิดไม้": "ยางพารา",
            "เส้นรอบวง (ซม.)": (made["dbh"] * np.pi).round(2),
            "ความสูง (ม.)": made["height"].round(2),
            "น้ำหนักแห้งเหนือดิน (กก.)": made["mass"].round(3),
            "น้ำหนักแห้งลำต้น (กก.)": (0.8 * made["mass"]).round(3),
            "น้ำหนักแห้งใบ (กก.)": (0.2 * made["mass"] ** 0.9).round(3),
        }
    )
    table.loc[18] = ["สวน 0", "ยางพารา", 60.0, 14.0, 0.0, 1.0, 1.0]
    table.loc[19] = ["สวน 0", "ยางพารา", 60.0, np.nan, 80.0, 60.0, 5.0]
    path = tmp_path / "felled.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def plots(tmp_path):
    path = tmp_path / "trees.csv"
    path.write_text(PLOT, encoding="utf-8")
    return path


class TestFitEquation:
    def test_from_a_thai_sheet_to_an_estimate(self, felled, plots, tmp_path, capsys):
        """Fit, look, use: the file loads at once and its coefficients are in the attribution."""
        own, report = tmp_path / "own" / "nan_rubber.toml", tmp_path / "fit"
        code = run("fit", "equation", felled, "--out", own, "--report", report, "--predictors", "D2H")  # fmt: skip
        assert code == 1  # two rows were left out
        out = capsys.readouterr().out
        for words in ("18 trees, 3 place(s)", "sd of ln", "place left out", "hevea_ensemble",
                      "chave_2014_eq4", "Below ground: hytonen_2018_stump_root",
                      '"Hevea brasiliensis=nan_rubber"'):  # fmt: skip
            assert words in out
        listed = pd.read_csv(report / "problems.csv")
        refused = listed[listed["severity"] == "error"].set_index("code")["row"].to_dict()
        assert refused == {"felled_not_positive": 20, "felled_missing": 21}
        assert (report / "residuals.png").read_bytes()[:4] == b"\x89PNG"
        classes = pd.read_csv(report / "equations.csv")
        assert {"own fit", "hytonen_2018"} <= set(classes["equation"])
        assert classes["dbh_class"].nunique() > 3
        forms = pd.read_csv(report / "forms.csv")
        assert forms["aic"].is_monotonic_increasing
        trees = pd.read_csv(report / "felled_trees.csv")
        assert len(trees) == 18
        assert json.loads((report / "run.json").read_text("utf-8"))["kind"] == "fit"
        code = run("estimate", plots, "--out", tmp_path / "o", "--catalogue", own, "--equation", "ยางพารา=nan_rubber")  # fmt: skip
        assert code == 0
        used = pd.read_csv(tmp_path / "o" / "trees.csv")
        assert used["equation_id"].tolist() == ["nan_rubber"] * 3 + ["chave_2014_eq4"]
        assert used["bgb_kg"].notna().all()
        terms = pd.read_csv(tmp_path / "o" / "attribution.csv")
        assert {"coefficients", "locality"} <= set(terms["term"])
        assert "rubber_equation" not in set(terms["term"])
        cited = pd.read_csv(tmp_path / "o" / "citations.csv")
        assert cited["citation"].str.contains("own fit to 18 trees of felled.csv").any()

    def test_thai_and_json(self, felled, tmp_path, capsys):
        words = ("fit", "equation", felled, "--predictors", "D", "--min-dbh", "6")
        assert run(*words, "--out", tmp_path / "a.toml", "--lang", "th", "--force") == 1
        out = capsys.readouterr().out
        assert "ความแตกต่างระหว่างพื้นที่" in out
        assert "One place" not in out
        assert run(*words, "--out", tmp_path / "b.toml", "--json", "--taxon", "tree") == 1
        rows = json.loads(capsys.readouterr().out)
        assert [row["coefficient"] for row in rows] == ["intercept", "D"]
        assert 'growth_forms = ["tree"]' in (tmp_path / "b.toml").read_text("utf-8")

    def test_components(self, felled, tmp_path, capsys):
        out = tmp_path / "parts.toml"
        assert run("fit", "equation", felled, "--out", out, "--components", "stem,leaf") == 0
        said = capsys.readouterr().out
        assert "their sum is the total" in said
        assert 'id = "parts_leaf"' in out.read_text("utf-8")
        assert loader.add_catalogue(out) == ["parts", "parts_stem", "parts_leaf"]

    def test_nonlinear(self, felled, tmp_path, capsys):
        out = tmp_path / "curve.toml"
        code = run("fit", "equation", felled, "--out", out, "--form", "nonlinear", "--predictors", "D", "--weight-power", "2")  # fmt: skip
        assert code == 1
        assert "kg x D^" in capsys.readouterr().out
        assert 'kind = "sd_abs"' in out.read_text("utf-8")

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--predictors", "D,girth"], "give each once, of D, H, rho"),
            (["--predictors", "D,H,D2H"], "collinear"),
            (["--min-dbh", "45"], "at least 10 weighed trees"),
            (["--predicts", "bark"], "has no mass of bark"),
            (["--components", "stem,root"], "has no mass of root"),
            (["--roots", "chave_2014_eq4"], "not roots"),
            (["--taxon", "Quercus xyz"], "no plant or growth form"),
            (["--map", "agb_kg=nothing"], "has no column 'nothing'"),
        ],
    )
    def test_what_cannot_be_fitted_is_a_sentence_and_no_file(self, felled, tmp_path, words, says, capsys):  # fmt: skip
        out = tmp_path / "own.toml"
        assert run("fit", "equation", felled, "--out", out, *words) == 2
        error = capsys.readouterr().err
        assert says in error
        assert "Traceback" not in error
        assert not out.exists()

    @pytest.mark.parametrize(
        ("name", "says"),
        [("Own.toml", "small Latin letters"), ("own.txt", "ends in .toml"), ("felled.toml", "exists")],
    )  # fmt: skip
    def test_names_of_files(self, felled, tmp_path, name, says, capsys):
        (tmp_path / "felled.toml").write_text("mine", encoding="utf-8")
        assert run("fit", "equation", felled, "--out", tmp_path / name) == 2
        assert says in capsys.readouterr().err
        assert (tmp_path / "felled.toml").read_text("utf-8") == "mine"

    def test_a_table_without_masses(self, plots, tmp_path, capsys):
        assert run("fit", "equation", plots, "--out", tmp_path / "own.toml") == 2
        assert "no column of dry mass" in capsys.readouterr().err

    def test_warnings(self, felled, tmp_path, capsys):
        table = pd.read_csv(felled)
        table["สวน"] = "สวน 0"
        table.loc[5, "น้ำหนักแห้งเหนือดิน (กก.)"] *= 15
        table.to_csv(felled, index=False)
        assert run("fit", "equation", felled, "--out", tmp_path / "own.toml", "--predictors", "D,H") == 1  # fmt: skip
        out = capsys.readouterr().out
        assert "felled.csv:7" in out
        assert "moves the fit" in out


def test_units_of_mass_and_density_of_species(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("species,dbh_cm,agb_t,leaf (kg),wood_density_g_cm3\nยางพารา,20,0.2,4,\nยางพารา,20,0.2,4,0.6\n", "utf-8")  # fmt: skip
    found = read_felled(path)
    assert found.trees["agb_kg"].tolist() == [200.0, 200.0]
    assert found.trees["leaf_kg"].tolist() == [4.0, 4.0]
    assert found.trees["wood_density_g_cm3"].tolist() == pytest.approx([0.501, 0.6])
    assert [p.code for p in found.found_problems.items].count("felled_density") == 1
    kept = read_felled(path, species_density=False).trees["wood_density_g_cm3"]
    assert kept.isna().tolist() == [True, False]


class TestFitHeight:
    def test_best_form_is_written_and_used(self, plots, tmp_path, capsys):
        rng = np.random.default_rng(4)
        d = rng.uniform(4.0, 40.0, 60)
        h = 27.0 * d / (17.0 + d) * np.exp(rng.normal(0.0, 0.08, 60))
        table = tmp_path / "heights.csv"
        pd.DataFrame({"dbh_cm": d, "height_m": h}).to_csv(table, index=False)
        out = tmp_path / "own_height.toml"
        assert run("fit", "height", table, "--out", out) == 0
        said = capsys.readouterr().out
        assert "60 trees" in said
        assert "own_height" in said
        settings = tmp_path / "s.toml"
        settings.write_text(f'height_model = "own_height"\ncatalogues = ["{out.as_posix()}"]\n[equations]\nall = "chave_2014_eq4"\n')  # fmt: skip
        plots.write_text(PLOT.replace(",15,", ",,"), encoding="utf-8")
        assert run("estimate", plots, "--out", tmp_path / "o", "--settings", settings) == 0
        trees = pd.read_csv(tmp_path / "o" / "trees.csv")
        assert trees["height_source"].iloc[0] == "own_height"
        assert trees["height_m"].iloc[0] == pytest.approx(27 * 19.1 / (17 + 19.1), rel=0.05)
        capsys.readouterr()
        assert run("fit", "height", table, "--out", tmp_path / "w.toml", "--form", "log2", "--json") == 0  # fmt: skip
        assert {row["form"] for row in json.loads(capsys.readouterr().out)} == {"log1", "log2", "michaelis", "weibull"}  # fmt: skip

    def test_a_table_without_heights(self, tmp_path, capsys):
        (tmp_path / "t.csv").write_text("dbh_cm\n10\n", encoding="utf-8")
        assert run("fit", "height", tmp_path / "t.csv", "--out", tmp_path / "own.toml") == 2
        assert "has no heights" in capsys.readouterr().err


class TestTreesNeeded:
    def test_from_figures_and_from_a_pilot(self, felled, tmp_path, capsys):
        assert run("fit", "trees-needed", "--error", "10", "--residual", "0.3") == 0
        out = capsys.readouterr().out
        assert "110 trees in each of 1 place(s)" in out
        assert "Assumed: no difference between places" in out
        known = ("--residual", "0.3", "--site-sd", "0.1", "--sites", "20")
        assert run("fit", "trees-needed", *known) == 0
        assert "Assumed" not in capsys.readouterr().out
        pilot = tmp_path / "pilot.toml"
        run("fit", "equation", felled, "--out", pilot)
        capsys.readouterr()
        assert run("fit", "trees-needed", "--pilot", pilot, "--sites", "40", "--error", "20") == 0
        assert "in each of 40 place(s)" in capsys.readouterr().out
        assert run("fit", "trees-needed", "--pilot", pilot, "--error", "1", "--site-sd", "0.2") == 2
        assert "places" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "says"), [([], "give the scatter"), (["--pilot", "nowhere.toml"], "cannot be read")]
    )  # fmt: skip
    def test_refusals(self, words, says, capsys):
        assert run("fit", "trees-needed", *words) == 2
        assert says in capsys.readouterr().err


class TestCompareEquations:
    def test_every_candidate_on_the_plots(self, plots, tmp_path, capsys):
        assert run("compare-equations", plots, "--out", tmp_path / "c") == 0
        out = capsys.readouterr().out
        assert "default (hevea_ensemble)" in out
        assert (tmp_path / "c" / "equations_by_plot.png").read_bytes()[:4] == b"\x89PNG"
        total = pd.read_csv(tmp_path / "c" / "comparison_total.csv").set_index("equation_id")
        by_plot = pd.read_csv(tmp_path / "c" / "comparison_plots.csv")
        for name in ("hytonen_2018", "luo_2018_yunnan", "chave_2014_eq4", "default"):
            single = rc.estimate_stocks(
                rc.read_inventory(plots),
                rc.Settings(equations={} if name == "default" else {"Hevea brasiliensis": name}),
            )
            mine = single.trees.query("species == 'Hevea brasiliensis'")["agb_kg"].sum() / 1000
            assert total.loc[name, "taxon_agb_t"] == pytest.approx(mine, rel=1e-9)
            rows = by_plot.query("equation_id == @name")
            assert rows["agb"].tolist() == pytest.approx(single.plots["agb_t_ha"].tolist())
            assert rows["agb_low"].tolist() == pytest.approx(single.plots["agb_t_ha_low"].tolist())
        # the default is the equal mean of its members
        assert total.loc["mean, equal", "taxon_agb_t"] == pytest.approx(
            total.loc["default", "taxon_agb_t"], rel=1e-9
        )
        equal = by_plot.query("equation_id == 'mean, equal'")["agb"].tolist()
        assert equal == pytest.approx(by_plot.query("equation_id == 'default'")["agb"].tolist())
        assert total.loc["duran_2011", "n_outside"] == 3

    def test_weighed_trees_weigh_the_equations(self, plots, felled, tmp_path, capsys):
        code = run("compare-equations", plots, "--felled", felled, "--json", "--taxon", "ยางพารา")
        assert code == 0
        names = [row["equation_id"] for row in json.loads(capsys.readouterr().out)]
        assert "mean, likelihood" in names

    def test_thai_text_and_another_plant(self, plots, capsys):
        assert run("compare-equations", plots, "--taxon", "ตะเคียนทอง", "--lang", "th") == 0
        out = capsys.readouterr().out
        assert "ค่าปริยาย (chave_2014_eq4)" in out
        assert "kawahara_1981" in out

    def test_a_plant_that_is_not_there(self, plots):
        with pytest.raises(InventoryError, match="no estimated tree of 'ทุเรียน'"):
            compare_equations(rc.read_inventory(plots), taxon="ทุเรียน")

    @pytest.mark.slow
    def test_what_cannot_be_computed_is_listed_with_the_reason(self, plots):
        inventory = rc.read_inventory(plots)
        own = rc.Settings(equations={"Hevea brasiliensis": "hytonen_2018"})
        found = compare_equations(inventory, own, taxon="Hopea odorata")
        assert found.total.iloc[0]["used"] == "chave_2014_eq4"
        assert set(found.equations.columns) >= {"used", "why_not", "dbh_range_cm", "range_kind"}


class TestEnsembles:
    def test_by_grade(self, plots, tmp_path, capsys):
        out = tmp_path / "own_mean.toml"
        words = ("equations", "ensemble", "hytonen_2018", "andrade_2022", "--out", out)
        assert run(*words, "--weights", "grade") == 0
        assert "0.6000" in capsys.readouterr().out
        assert run(*words) == 2  # it exists
        capsys.readouterr()
        code = run("estimate", plots, "--out", tmp_path / "o", "--catalogue", out, "--equation", "ยางพารา=own_mean")  # fmt: skip
        assert code == 0
        trees = pd.read_csv(tmp_path / "o" / "trees.csv")
        assert trees["equation_id"].iloc[0] == "own_mean"
        assert trees["bgb_kg"].notna().all()

    def test_by_likelihood(self, felled, tmp_path, capsys):
        out = tmp_path / "own_mean.toml"
        words = ("equations", "ensemble", "hytonen_2018", "andrade_2022", "chave_2014_eq4")
        code = run(*words, "--weights", "likelihood", "--felled", felled, "--out", out)
        assert code == 0
        assert "likelihood" in capsys.readouterr().out
        assert run(*words, "--weights", "likelihood", "--out", tmp_path / "b.toml") == 2
        assert "need weighed trees" in capsys.readouterr().err


class TestPlot:
    def test_all_candidates_are_drawn_with_their_ranges(self):
        from allometry.listing import find_equations
        from rubbercarbon.equation_figures import equation_curves, equations

        curves = equation_curves("Hevea brasiliensis")
        records = {r.id: r for r in find_equations("Hevea brasiliensis", predicts="agb")}
        assert {line.id for line in curves.lines} | set(curves.skipped) == set(records)
        step = curves.dbh[1] - curves.dbh[0]
        for line in curves.lines:
            low, high = records[line.id].range.limits["dbh"]
            inside = curves.dbh[line.inside]
            assert inside[0] == pytest.approx(max(low, curves.dbh[0]), abs=step)
            assert inside[-1] == pytest.approx(min(high, curves.dbh[-1]), abs=step)
            assert line.range_known == (records[line.id].range.kind != "unknown")
        curve_axes, range_axes = equations(curves).axes
        assert len(curve_axes.lines) == 2 * len(curves.lines)
        curve_axes.figure.canvas.draw()
        assert "100" in [label.get_text() for label in curve_axes.get_yticklabels()]
        names = [label.get_text() for label in range_axes.get_yticklabels()]
        assert names == [line.id for line in curves.lines]
        assert len(range_axes.lines) == len(curves.lines)

    def test_own_equations_are_drawn_too(self, felled, tmp_path, capsys):
        own = tmp_path / "nan_rubber.toml"
        run("fit", "equation", felled, "--out", own, "--predictors", "D")
        capsys.readouterr()
        code = run("equations", "plot", "ยางพารา", "--catalogue", own, "--out", tmp_path / "e.png")
        assert code == 0
        assert "12 equations of Hevea brasiliensis" in capsys.readouterr().out
