"""Compiled code against numpy: accuracy, guards, threads."""

from __future__ import annotations

import threading

import naive
import numpy as np
import pytest
import stand_ins

import allometry as al
from allometry.evaluation import compile_equations
from allometry.kernels import _jit
from allometry.kernels.forms import exp_, log_  # conftest may replace them in their module
from allometry.kernels.segments import segment_sums

SILENT = np.errstate(over="ignore", invalid="ignore")  # as inside a kernel


def _ulps(ours, exact):
    return np.max(np.abs(ours - exact) / np.spacing(np.abs(exact)))


def test_exponential_is_within_two_ulp(amount):
    x = np.random.default_rng(1).uniform(-30.0, 30.0, amount)
    ours = np.array([exp_(value) for value in x])
    assert _ulps(ours, np.exp(x)) <= 2.0


def test_logarithm_is_within_two_ulp(amount):
    x = np.exp(np.random.default_rng(2).uniform(-20.0, 20.0, amount))
    ours = np.array([log_(value) for value in x])
    assert _ulps(ours, np.log(x)) <= 2.0


def test_logarithm_near_one_is_within_two_ulp(amount):
    x = np.random.default_rng(3).uniform(0.7, 1.45, amount)
    ours = np.array([log_(value) for value in x])
    assert _ulps(ours, np.log(x)) <= 2.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 701.0, -701.0])
@SILENT
def test_exponential_gives_nan_where_it_is_not_defined(bad):
    assert np.isnan(exp_(bad))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -0.0, -3.0, 1e-310])
@SILENT
def test_logarithm_gives_nan_where_it_is_not_defined(bad):
    assert np.isnan(log_(bad))


def test_exact_values():
    assert exp_(0.0) == 1.0
    assert log_(1.0) == 0.0
    assert exp_(700.0) == pytest.approx(np.exp(700.0), rel=1e-15)


@SILENT
def test_twins_that_stand_in_are_the_same_functions(amount):
    rng = np.random.default_rng(5)
    edges = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1.0, 1e-300, 1e-301, 1e300, 1e301, 700.0, 701.0]
    for ours, twin, low, high in (
        (exp_, stand_ins.exponential, -700.0, 700.0), (log_, stand_ins.logarithm, 1e-300, 1e3),
    ):  # fmt: skip
        x = [*rng.uniform(low, high, amount), *edges]
        found = np.array([ours(np.float64(value)) for value in x])
        np.testing.assert_allclose(found, [twin(np.float64(v)) for v in x], rtol=1e-15)


def test_options_keep_nan_and_the_bit_tricks():
    """`fastmath=True` breaks both without a word; only these two are given away."""
    assert {"nsz", "contract"} == _jit.FASTMATH


@pytest.mark.parametrize("equation", ["chave_2014_eq4", "hytonen_2018", "hevea_ensemble",
                                      "ogawa_1965_rain_forest", "feldpausch_2012_heights_seasia",
                                      "duran_2011", "harja_2012_rubber"])  # fmt: skip
@pytest.mark.parametrize("bad", [np.nan, 0.0, -5.0, np.inf, -np.inf])
def test_bad_diameters_give_nan_and_leave_their_neighbours_alone(equation, bad):
    good = {"height": np.full(3, 12.0), "wood_density": np.full(3, 0.5)}
    record = al.equations().set_index("id").loc[equation]
    inputs = {n: good[n] for n in ("height", "wood_density") if n in record["inputs"].split(", ")}
    values = al.evaluate(equation, dbh=[10.0, bad, 20.0], **inputs)
    twin = naive.predict(equation, dbh=[10.0, 15.0, 20.0], **inputs)
    np.testing.assert_allclose(values[[0, 2]], twin[[0, 2]], rtol=1e-12)
    assert np.isnan(values[1])


def test_negative_results_become_nan():
    assert np.isnan(al.evaluate("duran_2011", dbh=1.0))
    assert np.isnan(al.evaluate("schroth_2002_citrus", dbh=3.0))


def test_a_missing_height_makes_the_result_missing():
    assert np.isnan(al.evaluate("chave_2014_eq4", dbh=20.0, height=np.nan, wood_density=0.5))


def test_mixed_table_equals_one_call_per_equation(amount):
    ids = ("chave_2014_eq4", "hevea_ensemble", "duran_2011", "ogawa_1965_mixed_deciduous",
           "feldpausch_2012_heights_pantropical", "harja_2012_rubber", "huy_2019_mixed")  # fmt: skip
    rng = np.random.default_rng(4)
    number = rng.integers(0, len(ids), amount)
    dbh, height = rng.uniform(5, 60, amount), rng.uniform(4, 30, amount)
    density, stress = rng.uniform(0.3, 0.8, amount), rng.uniform(-0.3, 0.5, amount)
    values = compile_equations(ids).evaluate(number, dbh, height, density, stress)
    for i, equation in enumerate(ids):
        mine = number == i
        record = al.equations().set_index("id").loc[equation]
        named = {"dbh": dbh, "height": height, "wood_density": density, "stress": stress}
        inputs = {name: named[name][mine] for name in record["inputs"].split(", ")}
        twin = naive.predict(equation, **inputs)
        np.testing.assert_allclose(values[mine], twin, rtol=1e-12)
        np.testing.assert_array_equal(values[mine], al.evaluate(equation, **inputs))


def test_segment_sums_equal_a_plain_loop():
    values = np.array([1.0, np.nan, 2.5, 4.0, -1.0])
    offsets = np.array([0, 0, 3, 5], dtype=np.int64)
    out = np.empty(3)
    segment_sums(values, offsets, out)
    assert out.tolist() == [0.0, 3.5, 3.0]


def test_read_only_and_strided_inputs_are_taken():
    dbh = np.arange(10.0, 30.0)
    dbh.flags.writeable = False
    assert al.evaluate("hytonen_2018", dbh=dbh[::2]).shape == (10,)


@pytest.mark.jit
def test_two_threads_may_call_at_once():
    """Two Python threads inside a parallel kernel would abort the process; a lock keeps one out."""
    dbh = np.linspace(5.0, 60.0, _jit.SHORT + 1)
    expected = al.evaluate("hevea_ensemble", dbh=dbh)
    results = [None] * 4

    def work(place):
        for _ in range(20):
            results[place] = al.evaluate("hevea_ensemble", dbh=dbh)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.jit
def test_one_and_two_threads_give_the_same_bits(two_threads):
    import numba

    dbh = np.linspace(3.0, 80.0, _jit.SHORT + 1)
    two = al.evaluate("hevea_ensemble", dbh=dbh)
    numba.set_num_threads(1)
    np.testing.assert_array_equal(two, al.evaluate("hevea_ensemble", dbh=dbh))


@pytest.mark.jit
def test_short_arrays_take_one_thread_and_leave_the_number_allowed_as_it_was(
    monkeypatch, two_threads
):
    import numba

    asked = []
    monkeypatch.setattr(_jit.numba, "set_num_threads", asked.append)
    allowed = numba.get_num_threads()
    short = np.linspace(3.0, 80.0, _jit.SHORT)
    result = al.evaluate("hytonen_2018", dbh=short)
    assert asked[:2] == [1, allowed]
    asked.clear()
    long = al.evaluate("hytonen_2018", dbh=np.append(short, 80.0))
    assert not asked
    np.testing.assert_array_equal(result, long[:-1])


class TestCacheFolder:
    """Where compiled code is kept, decided once."""

    def test_no_cache_without_the_compiler(self, monkeypatch):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
        assert _jit.decide_cache() is False

    def test_a_folder_named_by_the_user_comes_first(self, monkeypatch, tmp_path):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
        assert _jit.decide_cache() is True
        assert (tmp_path / "mine").is_dir()

    def test_beside_the_module_where_it_can_be_written(self, monkeypatch):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        monkeypatch.setattr(_jit, "_writable", lambda folder: folder.name == "__pycache__")
        assert _jit.decide_cache() is True

    def test_the_users_own_folder_where_the_install_is_read_only(self, monkeypatch, tmp_path):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
        real = _jit._writable
        monkeypatch.setattr(_jit, "_writable", lambda f: f.name != "__pycache__" and real(f))
        assert _jit.decide_cache() is True
        folder = tmp_path / "rubbercarbon" / "numba"
        assert folder.stat().st_mode & 0o077 == 0  # nobody else may write there

    def test_none_at_all_is_said_once(self, monkeypatch, capsys):
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
        monkeypatch.setattr(_jit, "_writable", lambda folder: False)
        assert _jit.decide_cache() is False
        assert "no folder to keep compiled code" in capsys.readouterr().err

    def test_without_a_home_there_is_no_user_folder(self, monkeypatch):
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(_jit.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
        assert _jit._user_cache_folder() is None

    def test_a_file_in_the_way_is_not_writable(self, tmp_path):
        (tmp_path / "file").write_text("x")
        assert _jit._writable(tmp_path / "file" / "below") is False
