"""A query that its cluster cannot answer ends with an error that says why, and does not wait for ever."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col, errors
from gpuflow.execute import wait_for_cluster

from .fleet import Fleet, Running
from .sources import ROWS, SlowSource


def worker(status: str = "running", **counts: int) -> dict[str, Any]:
    """As a scheduler describes a worker."""
    return {"status": status, "memory_limit": 1000, "metrics": {"memory": 900, "task_counts": counts}}


@pytest.mark.parametrize(
    ("workers", "coming", "want"),
    [
        ({}, 0, "it has no worker"),
        ({}, 1, None),
        ({"a": worker()}, 0, None),
        ({"a": worker(), "b": worker(executing=1)}, 0, None),
        (
            {"a": worker("paused")},
            0,
            "its one worker is paused, most likely for want of memory \\(a holds 900 B of ",
        ),
        ({"a": worker("paused"), "b": worker("closing_gracefully")}, 0, "all of its 2 workers are closing_gracefully or paused"),
        ({"a": worker("paused"), "b": worker(executing=1)}, 0, None),
        ({"a": worker("paused"), "b": worker(flight=1)}, 0, None),
        ({"a": worker("paused"), "b": worker(memory=3)}, 0, "1 of its 2 workers are paused.*the others have nothing to do"),
    ],
)
def test_what_keeps_workers_from_working(workers: dict[str, Any], coming: int, want: str | None) -> None:
    import re

    found = wait_for_cluster.trouble_of(workers, coming)
    assert found is None if want is None else re.search(want, found or "")


class Loop:
    """An event loop in a thread, as a client has one, and a scheduler that answers or does not."""

    def __init__(self, identity: Callable[[], Any]) -> None:
        loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=loop.run_forever, daemon=True)
        self.thread.start()
        self.loop = SimpleNamespace(asyncio_loop=loop)
        self.status, self.cluster = "running", None
        self.scheduler = SimpleNamespace(address="tcp://here:1", identity=lambda n_workers: identity())

    def run(self, function: Any, **options: Any) -> Any:
        async def nobody() -> dict[str, Any]:
            return {}

        return nobody()

    def end(self) -> None:
        async def others() -> None:
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

        asyncio.run_coroutine_threadsafe(others(), self.loop.asyncio_loop).result(120)
        self.loop.asyncio_loop.call_soon_threadsafe(self.loop.asyncio_loop.stop)
        self.thread.join()
        self.loop.asyncio_loop.close()


def test_a_scheduler_that_is_silent_is_told() -> None:
    over = threading.Event()

    async def silent() -> Any:
        while not over.is_set():
            await asyncio.sleep(0.01)

    client, now = Loop(silent), [0.0]
    watch = wait_for_cluster.Watch(client, 25, clock=lambda: now[0])
    watch.look()
    now[0] = 24
    watch.look()
    now[0] = 26
    with pytest.raises(
        errors.ExecutionError, match=r"26 seconds: the scheduler at tcp://here:1 does not answer.*workers-timeout"
    ):
        watch.look()
    over.set()
    watch._asked.result(120)
    client.end()


def test_trouble_that_passes_is_forgotten() -> None:
    described: dict[str, Any] = {}

    async def answer() -> Any:
        return {"workers": dict(described)}

    client, now = Loop(answer), [0.0]
    watch = wait_for_cluster.Watch(client, 25, clock=lambda: now[0])
    for second in range(0, 100, 20):
        now[0] = second
        described.clear()
        if second % 40 == 0:
            described["a"] = worker()
        watch.look()
        watch._asked.result(120)
    described.clear()
    now[0] = 120
    watch.look()
    watch._asked.result(120)
    now[0] = 150
    with pytest.raises(errors.ExecutionError, match="it has no worker"):
        watch.look()
    client.status = "closed"
    now[0] = 200
    with pytest.raises(errors.ExecutionError, match="connection to the scheduler at tcp://here:1 is lost"):
        watch.look()
    client.end()


def _pause(dask_worker: Any, share: float) -> None:
    dask_worker.memory_manager.memory_pause_fraction = share


def _fill_the_disk(dask_worker: Any, full: bool) -> None:
    """What the disk of spilled data says of itself in this process, and what a write to it says."""
    import errno
    import shutil

    from gpuflow.execute import wait_for_cluster

    def refuse(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    wait_for_cluster.shutil = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=0, total=1 << 30)) if full else shutil
    if full:
        dask_worker.data.slow.data.d.__setitem__ = refuse


@pytest.fixture
def paused(active: Any) -> Iterator[Any]:
    """Both workers hold more than they may, and pause."""
    active.run(_pause, share=1e-6)
    deadline = time.monotonic() + 120
    while any(w["status"] != "paused" for w in active.scheduler_info(n_workers=-1)["workers"].values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield active
    active.run(_pause, share=0.8)
    active.run(_fill_the_disk, full=False)
    deadline = time.monotonic() + 120
    while any(w["status"] != "running" for w in active.scheduler_info(n_workers=-1)["workers"].values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("full", [False, True])
def test_paused_workers_are_told(paused: Any, full: bool) -> None:
    frame = gf.from_numpy({"x": np.arange(100 + full)}).select(col("x").sum())
    if full:
        paused.run(_room_is_gone)
    reason = "all of its 2 workers are paused, most likely for want of memory" + (
        ".*the disk of their spilled data is full" if full else ""
    )
    started = time.monotonic()
    with dask.config.set({"gpuflow.workers-timeout": "2s"}), pytest.raises(errors.ExecutionError, match=reason):
        frame.collect()
    assert time.monotonic() - started < 120


def _room_is_gone(dask_worker: Any) -> None:
    _fill_the_disk(dask_worker, True)


def test_the_next_query_works_when_the_workers_do(active: Any) -> None:
    assert gf.from_numpy({"x": np.arange(100)}).select(col("x").sum()).collect().item() == 4950


@pytest.mark.slow
def test_no_worker_left_and_one_that_comes_late(all_workers: Fleet, tmp_path: Path) -> None:
    all_workers.complete()
    frame = gf.Frame.scan(SlowSource(6, tmp_path, 0.1)).select(col("x").sum())
    with all_workers.client.as_current():
        for process in all_workers._workers:
            process.kill()
        deadline = time.monotonic() + 120
        while all_workers.client.nthreads():  # a task sent to a worker before its death is noticed counts as its victim
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with dask.config.set({"gpuflow.workers-timeout": "2s"}), pytest.raises(errors.ExecutionError, match="it has no worker"):
            frame.collect()
        running = Running(frame)
        time.sleep(2)
        assert running.result is None
        all_workers.complete()
        assert running.answer().item() == sum(range(6 * ROWS))


@pytest.mark.slow
def test_a_scheduler_that_ends_is_told(python_environment: dict[str, str], tmp_path: Path) -> None:
    from distributed import Client

    place = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    command += ["--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(place)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=python_environment, cwd=tmp_path, **quiet)
    try:
        with dask.config.set({"distributed.comm.timeouts.connect": "30s"}):
            client = Client(scheduler_file=str(place), set_as_default=False, timeout=300)
        with client.as_current(), dask.config.set({"gpuflow.target": "cpu"}):
            running = Running(gf.from_numpy({"x": np.arange(10)}).select(col("x").sum()))
            time.sleep(1)
            assert running.result is None
            client._timeout = 1
            process.kill()
            with pytest.raises(errors.ExecutionError, match=r"connection to the scheduler|lost|cannot be reached"):
                running.answer(120)
        client.close()
    finally:
        process.kill()
        process.wait(120)


@pytest.mark.parametrize("deaths", [0, 2, 3])
def test_a_question_outlives_the_workers_that_it_is_put_to(deaths: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import KilledWorker

    from gpuflow.execute import client as clients

    asked: list[str] = []

    def answer(client: Any, work: Any, patience: float) -> str:
        asked.append(work)
        if len(asked) <= deaths:
            raise KilledWorker("question", SimpleNamespace(address="a"), 1)
        return "an answer"

    monkeypatch.setattr(clients, "wait_for", answer)
    cluster = SimpleNamespace(submit=lambda question, **options: question, gather=lambda future, asynchronous: future)
    if deaths == clients.QUESTIONS:
        with pytest.raises(errors.ExecutionError, match="2 workers died while they ran task question"):
            clients._asked(cluster, clients.cuda_problem, 1.0)
    else:
        assert clients._asked(cluster, clients.cuda_problem, 1.0) == "an answer"
    assert len(asked) == min(deaths + 1, clients.QUESTIONS)
