"""Moments and durations of two units compared as instants, also where the coarser is beyond 64 bits of the finer."""

from __future__ import annotations

import datetime as dt
import operator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import col
from tests.support.running import running

V = 1_577_836_800_000_000_123
NEVER = 253_402_214_400_000_000  # 9999-12-31, in microseconds
OPERATORS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]

NANOSECONDS = [V, V - 123, V + 1, -V, -1, 0, 1, (1 << 63) - 1, -(1 << 63) + 1, None]
MICROSECONDS = [V // 1000, V // 1000 + 1, -V // 1000, NEVER, -62_135_596_800_000_000, 0, -1, 1, None]


def pairs() -> tuple[pa.Table, list[tuple[int, int] | None]]:
    crossed = [(n, u) for n in NANOSECONDS for u in MICROSECONDS]
    ns, us = pa.array([n for n, _ in crossed]), pa.array([u for _, u in crossed])
    table = pa.table({"ns": ns.cast(pa.timestamp("ns")), "us": us.cast(pa.timestamp("us"))})
    return table, [None if n is None or u is None else (n, u * 1000) for n, u in crossed]


@pytest.mark.parametrize("compare", OPERATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("target", ["cpu", "python"])
def test_columns(compare: Any, target: str) -> None:
    table, exact = pairs()
    frame = gf.from_arrow(table)
    with running(target=target):
        found = frame.select(a=compare(col("ns"), col("us")), b=compare(col("us"), col("ns"))).collect().to_dict()
    assert found["a"] == [None if v is None else compare(*v) for v in exact]
    assert found["b"] == [None if v is None else compare(v[1], v[0]) for v in exact]


@pytest.mark.parametrize("kind", ["timestamp", "duration"])
@pytest.mark.parametrize("compare", OPERATORS, ids=lambda f: f.__name__)
def test_literals(compare: Any, kind: str) -> None:
    """pandas' nanoseconds were cut off, and comparing with them raised where the column has the year 9999."""
    make = pa.timestamp if kind == "timestamp" else pa.duration
    frame = gf.from_arrow(pa.table({"us": pa.array(MICROSECONDS[:-1], make("us"))}))
    written = [pd.Timestamp(V), np.datetime64(V, "ns")] if kind == "timestamp" else [pd.Timedelta(V), np.timedelta64(V, "ns")]
    for value in [*written, pa.scalar(V, make("ns"))]:
        found = frame.select(a=compare(col("us"), value)).collect().to_dict()["a"]
        assert found == [compare(us * 1000, V) for us in MICROSECONDS[:-1]], value


def test_the_fault_as_it_was_found() -> None:
    frame = gf.from_arrow(pa.table({"a": pa.array([V, V + 1], pa.timestamp("ns"))}))
    stamp = pd.Timestamp(V)
    assert len(frame.filter(col("a") == stamp).collect()) == 1
    assert len(frame.filter(col("a") > stamp).collect()) == 1
    assert len(frame.filter(col("a").is_in([stamp])).collect()) == 1
    assert len(frame.filter(col("a") - pd.Timedelta(V) == stamp - pd.Timedelta(V)).collect()) == 1
    filled = frame.select(a=gf.when(col("a") > stamp).then(None).otherwise(col("a"))).fill_null(pd.Timestamp(V + 5)).collect()
    assert filled.to_arrow()["a"].cast(pa.int64()).to_pylist() == [V, V + 5]


def test_nulls_as_values_and_dates() -> None:
    table, _ = pairs()
    frame = gf.from_arrow(table)
    found = frame.select(a=col("ns").eq_missing(col("us")), b=col("us").ne_missing(col("ns"))).collect().to_dict()
    exact = [
        (n is None and u is None) or (n is not None and u is not None and n == u * 1000)
        for n in NANOSECONDS
        for u in MICROSECONDS
    ]
    assert found == {"a": exact, "b": [not v for v in exact]}
    days = gf.from_arrow(
        pa.table({"ns": pa.array([V, V - 123], pa.timestamp("ns")), "d": pa.array([18_262, 2_932_896], pa.date32())})
    )
    assert days.select(
        a=col("ns") > col("d"), b=col("d") <= col("ns"), c=col("ns") < dt.date(9999, 12, 31)
    ).collect().to_dict() == {
        "a": [True, False],
        "b": [True, False],
        "c": [True, True],
    }


@pytest.mark.parametrize("compare", OPERATORS, ids=lambda f: f.__name__)
def test_blocks_of_files_are_skipped_by_instants(compare: Any, tmp_path: Path) -> None:
    """Bounds are in the column's unit, literals in their own."""
    values = [V // 1000 + step for step in range(-4, 4)]
    pq.write_table(pa.table({"us": pa.array(values, pa.timestamp("us"))}), tmp_path / "a.parquet", row_group_size=2)
    frame = gf.scan_parquet(tmp_path / "a.parquet")
    for value, exact in (
        (pd.Timestamp(V), V),
        (np.datetime64(V // 1000, "us"), V - 123),
        (np.datetime64(V // 10**9, "s"), V - 123),
    ):
        found = frame.filter(compare(col("us"), value)).collect().to_arrow()["us"].cast(pa.int64()).to_pylist()
        assert found == [v for v in values if compare(v * 1000, exact)], value
