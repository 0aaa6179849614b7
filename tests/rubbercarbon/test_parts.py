"""Smaller parts: texts, figures, console, the pure account, the sample site."""

from __future__ import annotations

import string
import tomllib
from pathlib import Path

import naive
import numpy as np
import pandas as pd
import pytest

import rubbercarbon as rc
from allometry.evaluation import compile_equations
from rubbercarbon import console, figures, messages, problems
from rubbercarbon.pools import TreeArrays, account

PACKAGE = Path(rc.__file__).parent
SAMPLE = PACKAGE / "sample"


def _fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


SECTIONS = {language: tomllib.loads((PACKAGE / "texts" / f"{language}.toml").read_text("utf-8"))
            for language in messages.LANGUAGES}  # fmt: skip


def test_both_languages_have_the_same_sections():
    assert SECTIONS["en"].keys() == SECTIONS["th"].keys()


@pytest.mark.parametrize("section", list(SECTIONS["en"]))
def test_both_languages_have_the_same_texts_with_the_same_fields(section):
    texts = {language: sections[section] for language, sections in SECTIONS.items()}
    assert texts["en"].keys() == texts["th"].keys()
    for key, text in texts["en"].items():
        thai = _fields(texts["th"][key])
        assert _fields(text) == (thai - {"be"} if "ce" in thai else thai), key


def test_every_problem_has_a_text_and_advice():
    assert set(messages.keys("problems")) == set(messages.keys("advice"))
    assert set(messages.keys("problems")) >= problems.ERRORS | problems.NOTES


@pytest.fixture(scope="module")
def sample(sample_stocks):
    return sample_stocks


class TestSample:
    def test_its_faults_are_all_found(self, sample):
        found = sample.problems["code"].value_counts()
        for code in ("diameter_too_large", "diameter_missing", "diameter_not_positive", "not_a_number",
                     "species_unknown", "row_repeated", "species_fuzzy", "height_out_of_range", "not_alive"):  # fmt: skip
            assert code in found, code

    def test_it_is_marked_synthetic_in_every_row(self):
        for name in ("trees.csv", "plots.csv"):
            table = pd.read_csv(SAMPLE / name)
            assert set(table["note"]) == {"synthetic"}
        assert "synthetic" in (SAMPLE / "README.md").read_text("utf-8").lower()

    def test_it_has_what_it_promises(self):
        plots = pd.read_csv(SAMPLE / "plots.csv")
        assert len(plots) == 6
        assert set(plots["area_rai"]) == {1}
        assert plots["land_document"].nunique() >= 3

    def test_every_row_is_estimated_or_says_why(self, sample):
        trees = sample.trees
        done = trees["agb_kg"].notna() | trees["herb_kg"].notna()
        assert done.sum() > 500
        assert (trees.loc[~done, "flags"] != "").all()

    def test_plots_equal_a_plain_loop_over_the_trees(self, sample):
        trees = sample.trees[sample.trees["agb_kg"].notna()]
        roots = {"chave_2014_eq4": "rsr_tropical_asia", "hevea_ensemble": "hytonen_2018_stump_root",
                 "saha_2021_artocarpus_heterophyllus": "rsr_tropical_asia",
                 "saha_2021_mangifera_indica": "rsr_tropical_asia"}  # fmt: skip
        rows = [
            {"plot_id": row.plot_id, "count": row.count_, "equation_id": row.equation_id,
             "roots_id": roots[row.equation_id], "dbh": row.dbh_cm, "height": row.height_m,
             "wood_density": row.wood_density_g_cm3}
            for row in trees.rename(columns={"count": "count_"}).itertuples()
            if row.equation_id in roots
        ]  # fmt: skip
        twin = naive.plot_totals(rows, area_ha=0.16)
        ours = sample.plots.set_index("plot_id")
        for plot in ("P1", "P2", "P3", "P4", "P6"):
            assert ours.loc[plot, "agb_t_ha"] == pytest.approx(twin[plot]["agb"], rel=1e-12)
            assert ours.loc[plot, "bgb_t_ha"] == pytest.approx(twin[plot]["bgb"], rel=1e-12)
            assert ours.loc[plot, "carbon_t_ha"] == pytest.approx(twin[plot]["carbon"], rel=1e-12)

    def test_the_generator_makes_these_very_files(self, monkeypatch, tmp_path):
        import importlib.util

        path = Path(__file__).parents[2] / "benchmarks" / "make_sample.py"
        spec = importlib.util.spec_from_file_location("make_sample", path)
        maker = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(maker)
        monkeypatch.setattr(maker, "FOLDER", tmp_path)
        maker._write("trees.csv", maker.trees())
        maker._write("trees_2567.csv", maker.earlier(maker.sound_trees()))
        maker._write("plots.csv", maker.plots())
        for name in ("trees.csv", "trees_2567.csv", "plots.csv"):
            assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()


class TestFigures:
    @pytest.mark.slow
    def test_bars_stand_for_the_stocks(self, sample):
        figure = figures.stocks_by_plot(sample)
        axes = figure.axes[0]
        tops = {}
        for bar in axes.patches:
            place = round(bar.get_x() + bar.get_width() / 2)
            tops[place] = max(tops.get(place, 0.0), bar.get_y() + bar.get_height())
        np.testing.assert_allclose([tops[i] for i in range(6)], sample.plots["agb_t_ha"], rtol=1e-9)

    def test_names_are_drawn_as_they_are(self, sample, tmp_path):
        """Thai, mathematics that is none, and letters that no font has."""
        names = {"P1": "แปลงที่ ๑", "P2": "$x_{$", "P3": "\U0001f333", "P4": "a" * 300}
        stocks = rc.Stocks(
            sample.trees.replace({"plot_id": names}), sample.plots.replace({"plot_id": names}),
            sample.total, sample.assumptions, sample.equations, sample.run, sample.found_problems,
        )  # fmt: skip
        figure = figures.stocks_by_plot(stocks, "th")
        labels = [text.get_text().split("\n")[0] for text in figure.axes[0].get_xticklabels()]
        assert labels[:2] == ["แปลงที่ ๑", "$x_{$"]
        assert len(labels[3]) == 18
        assert "มวลชีวภาพ" in figure.axes[0].get_title(loc="left")
        assert "Sarabun" in figure.axes[0].get_xticklabels()[0].get_fontfamily()
        figures.save(figure, tmp_path / "f.svg")
        assert (tmp_path / "f.svg").read_text("utf-8").startswith("<?xml")

    def test_shares_of_variance_stand_at_100(self, sample):
        axes = figures.variance_shares(sample).axes[0]
        tops = {}
        for bar in axes.patches:
            tops[round(bar.get_x())] = bar.get_y() + bar.get_height()
        assert len(tops) == len(sample.plots) + 1
        assert all(abs(top - 100.0) < 1e-6 for top in tops.values())

    def test_per_plot_without_areas(self):
        frame = pd.DataFrame({"species": ["ยางพารา"], "dbh_cm": [20.0]})
        figure = figures.stocks_by_plot(rc.estimate_stocks(rc.read_inventory(frame)))
        assert figure.axes[0].get_ylabel().endswith("t per plot")


def test_console_shows_plots_without_area_and_cuts_long_lists(capsys):
    frame = pd.DataFrame(
        {"plot_id": [f"p{i:02d}" for i in range(25)], "species": "ยางพารา", "dbh_cm": 20.0}
    )
    stocks = rc.estimate_stocks(rc.read_inventory(frame))
    console.stocks(stocks, "en")
    out = capsys.readouterr().out
    assert "no area known" in out
    assert "and 5 more plots" in out


def test_numbers_for_reading():
    assert console.number(1234.56) == "1,234.6"
    assert console.number(float("nan")) == "-"


class TestAccount:
    def _trees(self, size, offsets, **changes):
        n = len(size)
        base = {
            "offsets": np.array(offsets), "size": np.array(size, dtype=float),
            "height": np.full(n, np.nan), "wood_density": np.full(n, np.nan),
            "stress": np.full(n, np.nan), "equation": np.zeros(n, dtype=np.int64),
            "roots": np.zeros(n, dtype=np.int64), "count": np.ones(n), "share": np.ones(n),
            "expansion": np.full(n, 10.0), "represents": np.ones(n), "carbon_fraction": np.full(n, 0.47),
            "herb": np.zeros(n, dtype=bool),
        }  # fmt: skip
        return TreeArrays(**(base | changes))

    def _tables(self):
        return compile_equations(("hytonen_2018",)), compile_equations(("hytonen_2018_stump_root",))

    def test_no_trees_at_all(self):
        result = account(self._trees([], [0]), *self._tables())
        assert result.agb_kg.shape == (0,)
        assert result.plot["agb_t"].shape == (0,)

    def test_a_tree_without_an_equation_counts_as_nothing(self):
        trees = self._trees(
            [20.0, 20.0], [0, 2], equation=np.array([0, -1]), roots=np.array([0, -1])
        )
        result = account(trees, *self._tables())
        assert np.isnan(result.agb_kg[1])
        assert result.plot["agb_t"][0] == pytest.approx(result.agb_kg[0] / 1000)

    def test_a_batch_split_changes_no_bit(self):
        size = np.random.default_rng(5).uniform(3, 60, 40)
        whole = account(self._trees(size, [0, 10, 25, 40]), *self._tables())
        first = account(self._trees(size[:10], [0, 10]), *self._tables())
        rest = account(self._trees(size[10:], [0, 15, 30]), *self._tables())
        for name, values in whole.plot.items():
            np.testing.assert_array_equal(
                values, np.concatenate([first.plot[name], rest.plot[name]])
            )
        np.testing.assert_array_equal(whole.agb_kg, np.concatenate([first.agb_kg, rest.agb_kg]))

    def test_without_any_equation_there_is_no_figure(self):
        empty = compile_equations(())
        result = account(self._trees([20.0], [0, 1], equation=np.array([-1])), empty, empty)
        assert np.isnan(result.agb_kg[0])
