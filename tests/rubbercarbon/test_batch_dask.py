"""Dask: clusters beside each other, connections that break, clusters that do not start or close."""

import contextlib
import socket

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_inventories import national

import rubbercarbon as rc
from rubbercarbon import cli
from rubbercarbon.batch_part import Outcome
from rubbercarbon.engines import dask, local
from rubbercarbon.errors import EngineError

distributed = pytest.importorskip("distributed")
PARTS = 3


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inventory")
    frame = national(6, 10)
    for number, some in enumerate(np.array_split(frame["plot_id"].unique(), PARTS)):
        frame[frame["plot_id"].isin(some)].to_csv(folder / f"f-{number}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "local"
    rc.run_batch(source, folder)
    return folder


@pytest.fixture
def scheduler():
    """Address of a scheduler over TCP whose worker is a thread of this process."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", silence_logs=50,
        dashboard_address=None, scheduler_kwargs=dask.NO_PORT_OF_ITS_OWN,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def same(folder, other):
    assert (folder / "total.csv").read_bytes() == (other / "total.csv").read_bytes()
    ours, theirs = (pq.read_table(f / "plots").sort_by("plot_id") for f in (folder, other))
    return ours.equals(theirs)


@contextlib.contextmanager
def taken(port):
    """Somebody listens at a port of this machine, as a second cluster would."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else does already
            one.bind(("127.0.0.1", port))
            one.listen()
        yield


@pytest.mark.slow
def test_a_cluster_starts_where_another_has_the_port_of_the_dashboard(
    source, undisturbed, tmp_path, recwarn
):
    with taken(8787):
        rc.run_batch(source, tmp_path / "out", engine="dask", workers=1)
    assert same(tmp_path / "out", undisturbed)
    assert not [str(w.message) for w in recwarn]


def test_a_connection_that_breaks_for_a_moment_loses_nothing(
    source, undisturbed, tmp_path, scheduler
):
    done = []

    def cut(news):
        done.append(news.parts_done)
        if news.parts_done == 1:
            client = distributed.default_client()
            client.loop.add_callback(client.scheduler_comm.comm.abort)

    rc.run_batch(source, tmp_path / "out", engine="dask", scheduler=scheduler, report=cut)
    assert done == [0, 1, 2, 3]
    assert same(tmp_path / "out", undisturbed)


@pytest.mark.parametrize(("language", "word"), [("en", "could be started"), ("th", "เปิด worker")])
def test_a_cluster_that_does_not_start_is_told(
    language, word, source, tmp_path, monkeypatch, capsys
):
    def fails(**_):
        raise RuntimeError("Cluster failed to start: too busy")

    monkeypatch.setattr(distributed, "LocalCluster", fails)
    words = ["batch", str(source), str(tmp_path / "out"), "--draws", "0", "--lang", language]
    assert cli.main([*words, "--engine", "dask"]) == 2
    said = capsys.readouterr().err
    assert word in said
    assert "too busy" in said
    assert "--resume" in said
    assert "unexpected" not in said
    assert cli.main([*words, "--resume"]) in {0, 1}


def test_a_client_that_closes_too_slowly_does_not_undo_the_run(
    source, undisturbed, tmp_path, scheduler, monkeypatch
):
    close, raised = distributed.Client.close, []

    def late(self, *more, **named):
        was = self.status
        close(self, *more, **named)
        if was == "running":  # Dask closes again what is collected, of former runs as well
            raised.append(self.status)
            raise TimeoutError

    monkeypatch.setattr(distributed.Client, "close", late)
    rc.run_batch(source, tmp_path / "out", engine="dask", scheduler=scheduler)
    assert raised == ["closed"]
    assert same(tmp_path / "out", undisturbed)


def test_parts_that_were_written_elsewhere_are_missed(source, undisturbed, tmp_path, monkeypatch):
    """As by workers of a machine that has a folder of the same name."""
    folder, whole = tmp_path / "out", local.compute_part

    def elsewhere(task, coming):
        if task.name.startswith("f-1"):
            return lambda: Outcome(task.name, 10, 0.1)
        return whole(task, coming)

    monkeypatch.setattr(local, "read_parts", lambda tasks: local_parts(tasks, "f-1"))
    monkeypatch.setattr(local, "compute_part", elsewhere)
    with pytest.raises(EngineError, match=r"1 parts were computed \(f-1-000000000 for example\)"):
        rc.run_batch(source, folder)
    assert not (folder / "total.csv").exists()
    monkeypatch.undo()
    assert rc.run_batch(source, folder, resume=True).kept == PARTS - 1
    assert same(folder, undisturbed)


def local_parts(tasks, without):
    from rubbercarbon.batch_part import read_parts

    return read_parts([task for task in tasks if not task.name.startswith(without)])


def test_an_interrupted_run_leaves_no_engine_behind(source, tmp_path, monkeypatch):
    """Though the exception is kept, as a notebook does, and with it all that it holds."""
    ended = []

    def compute(tasks):
        try:
            yield from (Outcome(task.name, 0, 0.0) for task in tasks)
        finally:
            ended.append(len(tasks))

    def stop(news):
        if news.parts_done == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(local, "_compute", compute)
    with pytest.raises(KeyboardInterrupt) as kept:
        rc.run_batch(source, tmp_path / "out", report=stop)
    assert kept.traceback
    assert ended == [PARTS]
