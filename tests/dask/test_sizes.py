"""How many tasks there are on a cluster follows from the bytes, not from the workers that happen to be there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.execute.client import EMPTY, SAFE, _room
from gpuflow.execute.graph import Graph
from gpuflow.physical import sizes
from gpuflow.physical.tasks import GroupTask, SplitTask

from .sources import ROWS, SlowSource

MIB = 1 << 20


def tasks_of(frame: gf.Frame, threads: int, room: int | None = None) -> dict[type, int]:
    """Tasks by kind of a query lowered for so many threads of workers with so much room."""
    from gpuflow import config
    from gpuflow.execute.dask import planned, planner_of
    from gpuflow.optimize import optimize

    runner = Graph(threads, local=False, room=room)
    with dask.config.set({"gpuflow.target": "cpu"}):
        planner = planner_of(runner, config.resolve(), None)
    planned(planner, optimize(frame.plan))
    found: dict[type, int] = {}
    for task, _, _ in runner.order:
        found[type(task)] = found.get(type(task), 0) + 1
    return found


class Huge(SlowSource):
    """Partitions that say of themselves that they have ten million rows."""

    def __init__(self, parts: int) -> None:
        super().__init__(parts, Path("nowhere"), 0)
        for split in self._splits:
            split.rows = 10_000_000

    def rows(self) -> int:
        return 10_000_000 * len(self._splits)


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_a_group_by_has_as_many_tasks_however_few_workers_are_there(threads: int) -> None:
    frame = gf.Frame.scan(Huge(100)).group_by("k").agg(col("x").sum())
    assert tasks_of(frame, threads)[GroupTask] == 100  # 160 MB each


def test_small_partitions_are_grouped_together() -> None:
    frame = gf.Frame.scan(SlowSource(1000, Path("nowhere"), 0)).group_by("k").agg(col("x").sum())
    assert tasks_of(frame, 2)[GroupTask] == 4
    assert tasks_of(frame, 16)[GroupTask] == pytest.approx(32, abs=2)


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ([40, 40, 40, 40, 200, 10, None, None, 10, 10], [3, 1, 1, 1, 1, 1, 2]),
        ([None, None], [1, 1]),
        ([], []),
        ([500], [1]),
        ([0, 0, 0], [3]),
    ],
)
def test_batches(given: list[int | None], want: list[int]) -> None:
    """In units of MiB; a batch has 128 at most, and what is unknown stands alone."""
    runner = Graph(1, local=False)
    sizes_ = [None if n is None else n * MIB for n in given]
    runs = sizes.batches(runner, given, sizes_)
    assert [run.stop - run.start for run in runs] == want
    assert [k for run in runs for k in range(run.start, run.stop)] == list(range(len(given)))


def test_workers_with_little_memory_get_smaller_partitions() -> None:
    rows = 8_000_000
    left = gf.from_numpy({"k": np.zeros(rows, np.int64), "v": np.zeros(rows)})
    query = left.join(gf.from_numpy({"k": np.zeros(rows, np.int64), "w": np.zeros(rows)}), on="k").select(col("v").sum())
    wide, narrow = tasks_of(query, 2), tasks_of(query, 2, room=40 * MIB)
    assert narrow[SplitTask] > 2 * wide[SplitTask]


def test_room_of_workers() -> None:
    assert _room([{"memory_limit": 0, "nthreads": 1}]) is None
    assert _room([]) is None
    one, two = {"memory_limit": EMPTY + 1000 * MIB, "nthreads": 1}, {"memory_limit": EMPTY + 1000 * MIB, "nthreads": 4}
    assert _room([one]) == int(1000 * MIB * SAFE)
    assert _room([one, two]) == int(250 * MIB * SAFE)
    assert _room([{"memory_limit": 1000, "nthreads": 1}]) == 16 * MIB


@pytest.mark.slow
def test_workers_that_join_later_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adaptive cluster that starts from nothing: the query is planned for no worker, and read by three."""
    from distributed import Client, LocalCluster

    from .fleet import Running

    monkeypatch.setattr(sizes, "BATCH", 16 * ROWS)
    options: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "threads_per_worker": 1}
    with LocalCluster(n_workers=0, **options) as cluster, Client(cluster, set_as_default=False) as client:
        cluster.adapt(minimum=0, maximum=3, interval="200ms", target_duration="1s")
        with client.as_current():
            frame = gf.Frame.scan(SlowSource(24, tmp_path, 0.4)).group_by("k").agg(col("x").sum())
            running = Running(frame.select(col("x").sum()))
            table = running.answer()
        assert table.item() == sum(range(24 * ROWS))
        cluster.adapt(minimum=0, maximum=0)
    assert len({p.name.split("-")[0] for p in tmp_path.iterdir()}) == 3
