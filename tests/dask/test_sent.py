"""Tables of this process are sent to the workers once, past the scheduler, and let go with the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.execute import wait_for_cluster

from .test_collection import wait_until

N = 300_000


class Scattered(list[tuple[int, bool]]):
    """For each call of the client's `scatter` the bytes of the rows, and whether they went to the workers directly."""


@pytest.fixture
def scattered(active: Any) -> Iterator[Scattered]:
    calls = Scattered()
    scatter = active.scatter

    def noted(data: Any, **options: Any) -> Any:
        calls.append((sum(chunk.nbytes for chunk in data.values()), options["direct"]))
        return scatter(data, **options)

    active.scatter = noted
    yield calls
    del active.scatter


@pytest.fixture
def table() -> gf.Frame:
    return gf.from_numpy({"k": np.arange(N) % 7, "x": np.arange(N), "y": np.arange(N) * 2})


def held(client: Any) -> set[str]:
    """Keys of rows of tables that workers hold."""
    return {key for key, where in client.who_has().items() if key.startswith("memory-") and where}


def test_a_table_is_sent_once(scattered: Scattered, table: gf.Frame) -> None:
    for _ in range(3):
        assert table.select(col("x").sum()).collect().item() == N * (N - 1) // 2
    assert scattered == [(8 * N, True)]
    assert table.filter(col("x") < 10).select(col("x").max()).collect().item() == 9
    assert scattered == [(8 * N, True)]


def test_only_columns_that_are_not_there_yet_are_sent(scattered: Scattered, table: gf.Frame) -> None:
    table.select(col("x").sum()).collect()
    both = table.filter(col("x") >= N - 3).select(col("y"), "x").collect().to_dict()
    assert both == {"y": [2 * N - 6, 2 * N - 4, 2 * N - 2], "x": [N - 3, N - 2, N - 1]}
    assert [size for size, _ in scattered] == [8 * N, 8 * N]
    all_three = table.group_by("k").agg(x=col("x").sum(), y=col("y").sum()).sort("k").collect().to_dict()
    assert all_three["y"] == [2 * x for x in all_three["x"]]
    assert [size for size, _ in scattered] == [8 * N] * 3
    table.select(col("y").sum()).collect()
    assert len(scattered) == 3


def test_rows_are_let_go_with_the_table(active: Any, table: gf.Frame) -> None:
    """At once, not at the next garbage collection."""
    import gc

    before = held(active)
    gc.disable()
    try:
        other = gf.from_numpy({"x": np.arange(N)})
        other.select(col("x").sum()).collect()
        mine = held(active) - before
        assert mine
        del other
        wait_until(lambda: not mine & held(active))
    finally:
        gc.enable()


def test_two_clients_have_rows_of_their_own(workers: Any, scattered: Scattered, table: gf.Frame, active: Any) -> None:
    from distributed import Client

    table.select(col("x").sum()).collect()
    before = held(active)
    with Client(workers, set_as_default=False) as other, other.as_current():
        assert table.select(col("x").sum()).collect().item() == N * (N - 1) // 2
        assert held(other) > before
    wait_until(lambda: held(active) <= before)
    assert table.select(col("x").sum()).collect().item() == N * (N - 1) // 2
    assert len(scattered) == 1


def test_results_come_past_the_scheduler(active: Any, table: gf.Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool | None] = []
    gather = active.gather
    monkeypatch.setattr(active, "gather", lambda futures, **o: asked.append(o.get("direct")) or gather(futures, **o))
    assert len(table.filter(col("x") % 2 == 0).collect()) == N // 2
    assert asked and all(asked)


def test_workers_that_cannot_be_reached_are_spoken_to_through_the_scheduler(
    scattered: Scattered, active: Any, table: gf.Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = active.rpc.connect

    async def refuse(address: str, timeout: float | None = None) -> Any:
        if address != active.scheduler.address:
            raise OSError("behind a gateway")
        return await connect(address, timeout)

    monkeypatch.setattr(active.rpc, "connect", refuse)
    monkeypatch.delitem(wait_for_cluster._direct, active, raising=False)
    try:
        assert not wait_for_cluster.reachable(active)
        assert table.select(col("x").sum()).collect().item() == N * (N - 1) // 2
        assert scattered == [(8 * N, False)]
    finally:
        wait_for_cluster._direct.pop(active, None)
    monkeypatch.undo()
    assert wait_for_cluster.reachable(active)
