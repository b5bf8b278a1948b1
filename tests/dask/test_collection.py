"""A Frame is a Dask collection: Dask's own functions take it, on threads and on workers."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import time
from typing import Any

import dask
import numpy as np
import pytest
from dask.base import is_dask_collection, tokenize

import gpuflow as gf
from gpuflow import col
from gpuflow.execute.persisted import ClusterSource
from gpuflow.frame.frame import Table
from gpuflow.io.in_memory.source import ChunkSource, MemorySplit

from .compare import assert_same


@pytest.fixture
def query(tables: dict[str, gf.Frame]) -> gf.Frame:
    return tables["facts"].join(tables["names"], on="k").group_by("name").agg(col("w").sum(), n=gf.len())


def test_graph_is_made_without_reading_and_kept(query: gf.Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("read while the graph was made")

    monkeypatch.setattr(MemorySplit, "read", refuse)
    assert is_dask_collection(query)
    first = query.__dask_graph__()
    assert query.__dask_graph__() is first
    assert set(query.__dask_keys__()) <= set(first)
    with dask.config.set({"gpuflow.morsel-rows": 77}):  # settings are part of the tasks, so this is another graph
        assert query.__dask_graph__() is not first
    assert query.__dask_graph__() is first


def test_compute_on_threads(query: gf.Frame) -> None:
    (table,) = dask.compute(query)
    assert isinstance(table, Table)
    assert_same(table, query.collect())


def test_compute_of_several_shares_and_keeps_apart(query: gf.Frame) -> None:
    top = query.sort("w", "name").head(3)
    both = dask.compute(query, top, {"inside": top})
    assert_same(both[0], query.collect())
    assert_same(both[1], top.collect(), ordered=True)
    assert_same(both[2]["inside"], both[1], ordered=True)


def test_persist_on_threads_keeps_order_and_repeats(tables: dict[str, gf.Frame]) -> None:
    names = tables["names"].select("k")
    with dask.config.set({"gpuflow.partition-rows": 100}):
        twice = gf.concat([names, names])  # the same partitions two times, under the same keys
        (kept,) = dask.persist(twice)
        assert isinstance(kept.plan.source, ChunkSource)
        assert_same(kept.collect(), twice.collect(), ordered=True)


def test_compute_on_workers(query: gf.Frame, client: Any) -> None:
    want = query.collect()
    with client.as_current():
        (table,) = dask.compute(query)
        assert_same(table, want)
        assert_same(client.compute(query).result(), want)


def test_delayed_takes_a_frame(query: gf.Frame) -> None:
    assert dask.delayed(len)(query).compute() == len(query.collect())


def test_persist_on_workers(query: gf.Frame, client: Any) -> None:
    want = query.filter(col("n") > 80).collect()
    with client.as_current():
        kept = [query.persist(), dask.persist(query)[0], client.persist(query)]
        for frame in kept:
            assert isinstance(frame.plan.source, ClusterSource)
            assert_same(frame.filter(col("n") > 80).collect(), want)
            assert_same(dask.compute(frame.filter(col("n") > 80))[0], want)
        assert kept[0].plan.source.rows() == len(query.collect())


def test_persisted_twice_in_a_union_on_workers(tables: dict[str, gf.Frame], active: Any) -> None:
    names = tables["names"].select("k")
    with dask.config.set({"gpuflow.partition-rows": 100}):
        twice = gf.concat([names, names])
        assert twice.persist().select(col("k").sum(), n=gf.len()).collect().to_arrow().to_pydict() == {
            "k": [2 * sum(range(100, 450))],
            "n": [700],
        }
        (kept,) = dask.persist(twice)
        wait_until(lambda: len(client_keys(active, kept)) == 4)


def client_keys(client: Any, frame: gf.Frame) -> set[str]:
    """Keys of a persisted frame's partitions that the scheduler holds in memory."""
    held = client.who_has()
    return {s.key for s in frame.plan.source.splits(None) if held.get(s.key)}


def test_persisted_partitions_are_let_go(tables: dict[str, gf.Frame], active: Any) -> None:
    with dask.config.set({"gpuflow.partition-rows": 2_000}):
        kept = tables["facts"].filter(col("y") > 0).persist()
    keys = client_keys(active, kept)
    assert len(keys) == 4
    derived = kept.select("id")
    del kept
    gc.collect()
    assert client_keys(active, source_below(derived)) == keys
    del derived
    gc.collect()
    wait_until(lambda: not keys & {k for k, w in active.who_has().items() if w})


def source_below(frame: gf.Frame) -> gf.Frame:
    """A frame over the source at the bottom of a plan of one input each."""
    plan = frame.plan
    while plan.inputs:
        (plan,) = plan.inputs
    return gf.Frame(plan)


def wait_until(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_is_left_on_the_workers(query: gf.Frame, active: Any) -> None:
    query.collect()
    wait_until(lambda: not any(k.startswith(("memory-", "write-", "group-", "build-")) for k in active.who_has()))


def test_a_persisted_frame_without_its_cluster_says_so(query: gf.Frame, client: Any) -> None:
    with client.as_current():
        kept = query.persist()
    with pytest.raises(gf.errors.ExecutionError, match="persisted on a cluster"):
        kept.collect()


def test_tokens_are_deterministic(tables: dict[str, gf.Frame], query: gf.Frame, tmp_path: Any) -> None:
    assert tokenize(query) == tokenize(pickle.loads(pickle.dumps(query)))
    assert tokenize(query) != tokenize(query.head(3))
    tables["names"].collect().write_parquet(tmp_path / "names.parquet")
    scan = f"gf.scan_parquet({str(tmp_path / 'names.parquet')!r}).filter(gf.col('w') > 1.5).group_by('name').agg(gf.len())"
    script = f"import gpuflow as gf; from dask.base import tokenize; f = {scan}; print(tokenize(f), *f.__dask_keys__())"
    here = [tokenize(frame := eval(scan)), *frame.__dask_keys__()]
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert there == here


def test_no_token_costs_a_pass_over_data(active: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are pickled for the trip alone, never to name a task."""
    frame = gf.from_numpy({"x": np.arange(1000)}).select(col("x").sum())
    pickled = []
    reduce = MemorySplit.__reduce__
    monkeypatch.setattr(MemorySplit, "__reduce__", lambda self: pickled.append(self) or reduce(self))
    frame.__dask_graph__()
    tokenize(frame)
    assert pickled == []
    assert dask.compute(frame)[0].to_arrow().to_pydict() == {"x": [499_500]}
    assert len(pickled) == 1


def test_large_tables_are_not_put_into_the_graph(active: Any) -> None:
    """Dask warns of graphs beyond 10 MB, and warnings are errors here; only the columns asked for travel."""
    from gpuflow.execute.client import Cluster

    n = 3_000_000
    frame = gf.from_numpy({"x": np.arange(n), "unused": np.zeros(n)}).select(col("x").sum())
    sent = []
    scatter = active.scatter

    def measured(data: Any, **options: Any) -> Any:
        sent.append(sum(chunk.nbytes for chunk in data.values()))
        return scatter(data, **options)

    active.scatter = measured
    try:
        assert frame.collect().to_arrow().to_pydict() == {"x": [n * (n - 1) // 2]}
    finally:
        del active.scatter
    assert sent == [8 * n]
    assert Cluster(active, 25).threads == 2


def test_collect_inside_a_task_does_not_hang(active: Any, tmp_path: Any) -> None:
    gf.from_numpy({"x": np.arange(10)}).collect().write_parquet(tmp_path / "x.parquet")

    def nested(path: str) -> Any:
        import gpuflow as gf

        return gf.scan_parquet(path).select(gf.col("x").sum()).collect().to_arrow().to_pydict()

    futures = [active.submit(nested, str(tmp_path / "x.parquet"), pure=False) for _ in range(4)]
    assert active.gather(futures) == [{"x": [45]}] * 4


def test_an_asynchronous_client_is_refused(workers: Any) -> None:
    import asyncio

    from distributed import Client

    frame = gf.from_numpy({"x": np.arange(10)}).select(col("x").sum())

    async def ask() -> Any:
        async with Client(workers.scheduler_address, asynchronous=True, set_as_default=False) as client:
            with client.as_current():
                with pytest.raises(gf.errors.ExecutionError, match="await client"):
                    frame.collect()
                return await client.compute(frame)

    assert asyncio.run(ask()).to_arrow().to_pydict() == {"x": [45]}
