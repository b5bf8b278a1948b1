"""A worker is killed in the middle of a query, and the answer is right all the same."""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col, errors
from gpuflow.frame.frame import Table

from .sources import ROWS, FatalSource, SlowSource

PARTS = 12
TOTAL = PARTS * ROWS

pytestmark = pytest.mark.slow


class Fleet:
    """A scheduler in this process, and workers as processes of their own that nobody starts again."""

    def __init__(self, cluster: Any, client: Any, environment: dict[str, str], folder: Path) -> None:
        self.cluster, self.client, self._environment, self._folder = cluster, client, environment, folder
        self._workers: list[subprocess.Popen[bytes]] = []

    def complete(self) -> None:
        """Two workers, new ones in the place of dead ones, that have loaded what queries need."""
        for process in self._workers:
            if process.poll() is None and process.pid not in self.client.run(os.getpid).values():
                process.kill()
        self._workers = [p for p in self._workers if p.poll() is None]
        while len(self._workers) < 2:
            command = [sys.executable, "-m", "distributed.cli.dask_worker", self.cluster.scheduler_address]
            command += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "60"]
            command += ["--local-directory", str(self._folder)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._workers.append(subprocess.Popen(command, env=self._environment, cwd=self._folder, **quiet))
        deadline = time.monotonic() + 120
        while set(self.client.run(_warm).values()) != {p.pid for p in self._workers}:
            assert time.monotonic() < deadline, "the workers do not come"
            time.sleep(0.1)

    def kill_one(self) -> None:
        self._workers[0].kill()

    def end(self) -> None:
        for process in self._workers:
            process.kill()
        for process in self._workers:
            process.wait(120)


def _warm() -> int:
    import gpuflow.execute

    assert gpuflow.execute
    return os.getpid()


@pytest.fixture(scope="module")
def all_workers(python_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        fleet = Fleet(cluster, client, python_environment, tmp_path_factory.mktemp("workers"))
        try:
            yield fleet
        finally:
            fleet.end()


@pytest.fixture
def fleet(all_workers: Fleet) -> Iterator[Fleet]:
    """Two workers that may be killed, and their client active."""
    all_workers.complete()
    with all_workers.client.as_current():
        yield all_workers


class Running:
    """A query in another thread."""

    def __init__(self, frame: gf.Frame) -> None:
        self.result: Table | BaseException | None = None
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run, frame), daemon=True)
        self._thread.start()

    def _run(self, frame: gf.Frame) -> None:
        try:
            self.result = frame.collect()
        except BaseException as e:
            self.result = e

    def answer(self, seconds: float = 60) -> Table:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the query hangs"
        if isinstance(self.result, BaseException):
            raise self.result
        assert self.result is not None
        return self.result

    def kill_a_reader(self, folder: Path) -> None:
        """Kill a worker that has read three partitions and is reading the next."""
        deadline = time.monotonic() + 120
        while True:
            readers = [int(p.name.split("-")[0]) for p in folder.iterdir()]
            victim = next((pid for pid in readers if readers.count(pid) >= 4), None)
            if victim is not None:
                break
            assert self._thread.is_alive() and time.monotonic() < deadline, self.result
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        assert self._thread.is_alive(), "the query was over before the worker was killed"


def expected() -> dict[str, list[int]]:
    return {"x": [TOTAL * (TOTAL - 1) // 2], "n": [TOTAL]}


def test_partitions_are_read_again(fleet: Fleet, tmp_path: Path) -> None:
    slow = gf.Frame.scan(SlowSource(PARTS, tmp_path, 0.2))
    running = Running(slow.filter(col("x") >= 0).select(col("x").sum(), n=gf.len()))
    running.kill_a_reader(tmp_path)
    assert running.answer().to_arrow().to_pydict() == expected()
    assert len(list(tmp_path.iterdir())) > PARTS, "nothing had to be read again, so nothing was lost"


def test_an_exchange_is_done_again(fleet: Fleet, tmp_path: Path) -> None:
    slow = gf.Frame.scan(SlowSource(PARTS, tmp_path, 0.2))
    names = gf.from_numpy({"k": np.arange(100), "w": np.arange(100) * 2})
    with dask.config.set({"gpuflow.broadcast-rows": 90, "gpuflow.partition-rows": 20}):
        running = Running(slow.join(names, on="k").select(col("x").sum(), n=gf.len(), w=col("w").sum()))
        running.kill_a_reader(tmp_path)
        assert running.answer().to_arrow().to_pydict() == expected() | {"w": [TOTAL * 99]}


def test_rows_of_this_process_are_sent_again(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables in memory are spread over the workers; what the dead one held only the client can give again."""
    from gpuflow.execute.client import Cluster

    sent: list[int] = []
    brought = Cluster._brought
    monkeypatch.setattr(Cluster, "_brought", lambda self, keys: sent.append(len(keys)) or brought(self, keys))
    big = gf.from_numpy({"k": np.arange(200_000), "v": np.ones(200_000)})
    slow = gf.Frame.scan(SlowSource(PARTS, tmp_path, 0.2))
    with dask.config.set({"gpuflow.partition-rows": 50_000}):
        running = Running(slow.join(big, left_on="x", right_on="k").select(col("x").sum(), n=gf.len()))
        running.kill_a_reader(tmp_path)
        assert running.answer().to_arrow().to_pydict() == expected()
    assert [n for n in sent if n] == [4, 4]


def test_persisted_partitions_come_again_from_their_files(fleet: Fleet, tmp_path: Path) -> None:
    kept = gf.Frame.scan(SlowSource(PARTS, tmp_path, 0)).filter(col("x") >= 0).persist()
    fleet.kill_one()
    assert Running(kept.select(col("x").sum(), n=gf.len())).answer().to_arrow().to_pydict() == expected()


def test_persisted_partitions_that_cannot_come_again_are_told(fleet: Fleet) -> None:
    with dask.config.set({"gpuflow.partition-rows": 50_000}):
        kept = gf.from_numpy({"x": np.arange(400_000)}).select(y=col("x") * 2).persist()
    fleet.kill_one()
    with pytest.raises(errors.ExecutionError, match="persist"):
        Running(kept.select(col("y").sum())).answer()


def test_a_task_that_kills_its_workers_is_given_up(fleet: Fleet, tmp_path: Path) -> None:
    with pytest.raises(errors.ExecutionError, match="2 workers died while they ran task"):
        Running(gf.Frame.scan(FatalSource(tmp_path)).select(col("x").sum())).answer()
