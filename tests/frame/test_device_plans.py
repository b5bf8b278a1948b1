"""Plans for devices: sizes by the device's memory, traced without a device, and run in the interpreter of CUDA texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from unittest import mock

import dask
import numpy as np
import polars as pl
import pytest
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.dtypes import FLOAT64, INT64, STRING, DType

import gpuflow as gf
from gpuflow import col
from gpuflow.execute import client as clients
from gpuflow.execute import dask as execute
from gpuflow.frame.frame import Frame
from gpuflow.io.datasets.partition_rows import ranges
from gpuflow.physical import profile
from gpuflow.physical.profile import GIB, MOST_ROWS, WORK_SPACE
from gpuflow.physical.sizes import row_bytes
from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema
from tests.cuda_model.runtime import cuda_model
from tests.support.running import assert_same


class Rows(Split):
    """Rows that nobody reads."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.rows, self.nbytes = start, stop - start, 0

    def read(self, columns: tuple[str, ...]) -> Chunk:
        raise AssertionError("planning reads nothing")


class Large(Source):
    """A table on a device, of as many rows as a test says."""

    def __init__(self, rows: int, decoded: bool = True, **types: DType) -> None:
        self.schema, self.count, self.decoded = Schema(types), rows, decoded
        self.token, self.label = f"large {rows} {sorted(types)}", f"{rows:,} rows"

    def rows(self) -> int:
        return self.count

    def splits(self, predicate: Any, partition_rows: int | None = None) -> list[Split]:
        return [Rows(start, stop) for start, stop in ranges(self.count, partition_rows)]


@contextmanager
def device_of(gibibytes: int | None) -> Iterator[Any]:
    """The CUDA model with a device of so much memory."""
    with cuda_model() as model, mock.patch("gpuflow.execute.dask.cuda_problem", return_value=None):
        if gibibytes is not None:
            model.memory = gibibytes * GIB
        with dask.config.set({"gpuflow.target": "cuda", "gpuflow.threads": 16}):
            yield model


def tasks_of(frame: Frame) -> int:
    """How many tasks a plan has."""
    return len(execute._static(frame.plan)[0].tasks)


def splits_of(frame: Frame) -> list[Rows]:
    runner, _ = execute._static(frame.plan)
    return [s for s in runner.held if isinstance(s, Rows)]


def g1(rows: int = 10**9) -> Frame:
    """A filter, an expression and a sum."""
    table = Frame.scan(Large(rows, x=FLOAT64, y=FLOAT64, k=INT64))
    return table.filter(col("x") > 0.25).select((col("x") * (1 - col("y"))).sum())


def g5(rows: int = 10**9, build: int = 10**8) -> Frame:
    """A join, and an aggregation of what it gives."""
    large, small = Frame.scan(Large(rows, k=INT64, x=FLOAT64)), Frame.scan(Large(build, k=INT64, y=FLOAT64))
    return large.join(small, on="k").select((col("x") * col("y")).sum(), n=gf.len())


def test_a_billion_rows_are_a_handful_of_tasks() -> None:
    """Under a host's sizes they were 120 partitions, and 1,172 tasks of the join."""
    with device_of(139):
        assert tasks_of(g1()) <= 5
        assert tasks_of(g5()) <= 5
        grouped = Frame.scan(Large(10**9, k=INT64, x=FLOAT64)).group_by("k").agg(col("x").sum())
        assert tasks_of(grouped) <= 5
        assert tasks_of(Frame.scan(Large(10**8, k=INT64, x=FLOAT64)).sort("k")) <= 5


@pytest.mark.parametrize("gibibytes", [2, 8, 16, 80, None])
@pytest.mark.parametrize("decoded", [True, False])
def test_no_partition_is_larger_than_its_device(gibibytes: int | None, decoded: bool) -> None:
    memory = profile.UNKNOWN_MEMORY if gibibytes is None else gibibytes * GIB
    with device_of(gibibytes):
        for rows in (1000, 10**8, 10**10):
            table = Frame.scan(Large(rows, decoded, k=INT64, x=FLOAT64, s=STRING))
            splits = splits_of(table.filter(col("x") > 0))
            at_once = 1 if len(splits) == 1 else profile.LANES if decoded else 16
            width = row_bytes([INT64, FLOAT64, STRING])
            assert all(s.rows * width * at_once * WORK_SPACE <= memory + 64 * width * 64 for s in splits)
            assert all(s.rows <= MOST_ROWS and s.start % 64 == 0 for s in splits)
            assert sum(s.rows for s in splits) == rows
        few = len(splits_of(Frame.scan(Large(10**7, k=INT64)).filter(col("k") > 0)))
        assert few == 1


def test_settings_override_the_profile() -> None:
    with device_of(139):
        with dask.config.set({"gpuflow.partition-rows": 10**7}):
            assert len(splits_of(g1())) == 100
        with dask.config.set({"gpuflow.broadcast-rows": 1000}):
            assert "exchanged into" in g5().explain("physical")
        with dask.config.set({"gpuflow.memory-limit": "8 GiB"}):
            assert "for a device of 8.0 GiB" in g1().explain("physical")
            assert len(splits_of(g1())) > 4
    found = profile.device(GIB).with_settings(merge_rows=7, sort_rows=None)
    assert (found.merge_rows, found.sort_rows) == (7, profile.device(GIB).sort_rows)


def test_explain_shows_what_the_device_decided() -> None:
    with device_of(139):
        text = g5().explain("physical")
    assert "sizes: for a device of 139.0 GiB: one partition of up to 34.8 GiB" in text
    assert "join on 1 key: one table for all partitions (100,000,000 rows to build)" in text
    with device_of(None):
        assert "for a device of 16.0 GiB" in g1().explain("physical")
        assert "not known" in g1().explain("physical")
    with dask.config.set({"gpuflow.target": "cpu"}):
        assert "sizes:" not in g1().explain("physical")


def test_a_client_plans_for_the_devices_of_its_workers() -> None:
    """A laptop without a device asks a worker; before there are workers the size is a guess."""
    asked: list[Any] = []

    class Client:
        asynchronous = False

        def submit(self, function: Any, **options: Any) -> Any:
            asked.append(function)
            return 80 * GIB

        def gather(self, future: Any, asynchronous: bool) -> Any:
            return future

        def nthreads(self) -> dict[str, int]:
            return {}

    client = Client()
    assert clients.device_memory_of(client, 1.0, wait=False) is None
    with mock.patch("gpuflow.execute.client.wait_for", lambda client, work, patience: work):
        assert [clients.device_memory_of(client, 1.0) for _ in range(2)] == [80 * GIB] * 2
    assert asked == [clients.device_memory]
    spread = profile.device(80 * GIB, local=False)
    assert spread.broadcast_bytes == 80 * GIB // 64
    assert spread.partition_rows(10**9, 18, devices=4) == 250_000_000
    assert spread.partition_rows(10**6, 18, devices=4) >= 10**6


def test_bounds_of_large_partitions_are_multiples_of_64() -> None:
    for rows, each in ((10**6, 70_000), (8192, 8000), (4096 * 3, 4096), (100, 30), (0, 1), (63, 1)):
        found = list(ranges(rows, each))
        assert found[0][0] == 0 and found[-1][1] == rows
        assert all(a[1] == b[0] for a, b in pairwise(found))
        if each >= 64 * 64:
            assert all(start % 64 == 0 for start, _ in found)
        assert max(stop - start for start, stop in found) <= max(each + 64, 1)


@pytest.mark.parametrize("gibibytes", [139, 1])
def test_answers_are_the_same_by_a_devices_sizes(gibibytes: int) -> None:
    rng = np.random.default_rng(1)
    large = pl.DataFrame({"k": rng.integers(0, 40, 600), "x": rng.normal(size=600)})
    small = pl.DataFrame({"k": np.arange(30), "y": rng.normal(size=30)})

    def query(m: Any, a: Any, b: Any) -> Any:
        joined = a.join(b, on="k").filter(m.col("x") > 0)
        return joined.group_by("k").agg(n=m.len(), s=(m.col("x") * m.col("y")).sum()).sort("k")

    with device_of(gibibytes):
        found = query(gf, gf.from_polars(large), gf.from_polars(small)).collect()
    assert_same(found, query(pl, large, small), ordered=True)
