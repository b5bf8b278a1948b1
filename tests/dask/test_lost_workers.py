"""A worker is killed in the middle of a query, and the answer is right all the same."""

from __future__ import annotations

from pathlib import Path

import dask
import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col, errors

from .fleet import Fleet, Running
from .sources import ROWS, FatalSource, SlowSource

PARTS = 12
TOTAL = PARTS * ROWS

pytestmark = pytest.mark.slow


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
