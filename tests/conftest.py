"""Fixtures for all tests."""

from __future__ import annotations

import os

import pytest
from effort import INTERPRETED

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line: waiting threads sleep
os.environ.setdefault("NUMBA_NUM_THREADS", "2")  # tests of threads have two on any machine
TRACED = os.environ.get("COVERAGE_PROCESS_CONFIG")
if "PYTEST_XDIST_WORKER" in os.environ:  # coverage follows into workers, not into what they start
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Workers share the machine: kernels take one thread unless a test asks for `two_threads`."""
    import numba

    numba.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _plain_twins():
    """Interpreted, loops over triples of groups and bits of logarithms take most of the time."""
    if INTERPRETED:
        import stand_ins

        from allometry.kernels import draws, forms

        draws.group_covariance = stand_ins.group_covariance
        forms.exp_, forms.log_ = stand_ins.exponential, stand_ins.logarithm


@pytest.fixture(params=["processes", "dask"])
def worker_engine(request):
    """An engine whose workers are processes of their own."""
    if request.param == "dask":
        pytest.importorskip("distributed")
    return request.param


@pytest.fixture
def two_threads():
    """Kernels use two threads."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(2)
    yield
    numba.set_num_threads(before)


@pytest.fixture
def traced_children(monkeypatch):
    """Coverage follows into the processes that this test starts."""
    if TRACED:
        monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", TRACED)


@pytest.fixture
def amount():
    """How many random cases: few where every one is interpreted."""
    return 200 if INTERPRETED else 20_000
