"""Columns of a filter first: whichever rows it leaves, and whatever the other columns are, the answer is that of reading all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gpuflow_kernels import dtypes as t

import gpuflow as gf
from gpuflow.errors import ArithmeticOverflowError, ReadError
from gpuflow.execute import late_materialization
from gpuflow.io.datasets.files import File
from gpuflow.io.datasets.to_column import to_column
from gpuflow.io.parquet.source import ParquetSplit
from tests.io.test_datasets import ENDS, files
from tests.support.running import running

ROWS = 90


def rows(start: int) -> pa.Table:
    """Columns of every kind with nulls in different places; `k` ascends, `few` repeats."""
    n = np.arange(start, start + ROWS)

    def column(values: Any, kind: pa.DataType, every: int) -> pa.Array:
        return pa.array([None if i % every == 0 else v for i, v in zip(n, values, strict=True)], kind)

    return pa.table({
        "k": pa.array(n),
        "few": column(n % 3, pa.int8(), 11),
        "f": column(np.where(n % 7 == 0, np.nan, n / 2), pa.float64(), 13),
        "s": column([f"text {i} ä" for i in n], pa.string(), 5),
        "code": pa.array([None if i % 6 == 0 else "abc"[i % 3] for i in n]).dictionary_encode(),
        "d": column([Decimal(int(i)).scaleb(-2) for i in n], pa.decimal128(12, 2), 4),
        "day": column([dt.date(2020, 1, 1) + dt.timedelta(int(i)) for i in n], pa.date32(), 9),
        "raw": column([bytes([i % 251]) * (i % 4) for i in n], pa.binary(), 8),
        "list": column([[int(i)] * (i % 3) for i in n], pa.list_(pa.int64()), 10),
        "struct": column([{"a": int(i), "b": str(i)} for i in n], pa.struct({"a": pa.int64(), "b": pa.string()}), 12),
        "yes": column(n % 2 == 0, pa.bool_(), 14),
    })  # fmt: skip


PREDICATES: dict[str, gf.Expr] = {
    "one row": gf.col("k") == 57,
    "none": (gf.col("k") == 57) & (gf.col("few") == 2),
    "first and last of a block": gf.col("k").is_in([0, 9, 10, 89, 90, 179]),
    "by float": gf.col("f") == 6.5,
    "by plain string": gf.col("s") == "text 31 ä",
    "by text function": gf.col("s").str.ends_with("7 ä") & (gf.col("k") > 40),
    "by code": (gf.col("code") == "b") & gf.col("k").is_between(20, 23),
    "by decimal": gf.col("d") == Decimal("1.21"),
    "by null": gf.col("few").is_null() & (gf.col("k") < 40),
    "by key and number": (gf.col("part") == "y") & (gf.col("row") == 100),
    "most": gf.col("k") != 3,
}


SCANS: dict[str, Any] = {"parquet": gf.scan_parquet, "ipc": gf.scan_ipc, "orc": gf.scan_orc}


@pytest.fixture(params=SCANS)
def scanned(request: pytest.FixtureRequest, tmp_path: Path) -> gf.Frame:
    kind = request.param
    for k, part in enumerate("xy"):
        data = rows(k * ROWS)
        if kind == "orc":  # has no dictionaries of its own in Arrow
            data = data.set_column(data.column_names.index("code"), "code", data["code"].cast(pa.string()))
        files(kind, tmp_path / f"part={part}", data if k else data.append_column("late", pa.array(range(ROWS))))
    options = {"missing_columns": "insert", "extra_columns": "ignore", "row_index_name": "row", "hive_partitioning": True}
    return SCANS[kind](tmp_path / "**" / f"*.{ENDS[kind]}", **options)


@pytest.mark.parametrize("target", ["python", pytest.param("cpu", marks=pytest.mark.slow)])
def test_same_rows(scanned: gf.Frame, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    # a compiler takes its time for each of them
    names = PREDICATES if target == "python" else ["one row", "by plain string", "by text function"]
    for name, predicate in ((name, PREDICATES[name]) for name in names):
        for query in (
            scanned.filter(predicate),
            scanned.head(150).filter(predicate),
            scanned.filter(gf.col("k") >= 0).with_columns(z=gf.col("k") + 1).filter(predicate).drop("few", "s"),
            scanned.filter(predicate).group_by("code").agg(gf.col("s").max(), gf.col("list").count(), n=gf.len()).sort("code"),
        ):
            with running(target, rows=2 * ROWS, parts=2):
                monkeypatch.setattr(late_materialization, "VALUES", 10**12)
                expected = query.collect().to_arrow()
                monkeypatch.setattr(late_materialization, "VALUES", 0)
                found = query.collect().to_arrow()
            assert str(found.to_pylist()) == str(expected.to_pylist()), name  # as text NaN equals itself
            assert found.schema == expected.schema, name


@pytest.fixture
def spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[gf.Frame, list[tuple[tuple[int, ...], list[str]]]]:
    """Five row groups whose statistics tell nothing of `k`, and what is read of them."""
    order = np.random.default_rng(1).permutation(50_000)
    data = pa.table({"k": order, "v": order * 2, "text": pa.array([f"number {i}" for i in order])})
    pq.write_table(data, tmp_path / "spread.parquet", row_group_size=10_000)
    seen: list[tuple[tuple[int, ...], list[str]]] = []
    table = ParquetSplit._table

    def watched(self: ParquetSplit, file: Any, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        seen.append((blocks, names))
        return table(self, file, blocks, names)

    monkeypatch.setattr(ParquetSplit, "_table", watched)
    monkeypatch.setattr(late_materialization, "VALUES", 50_000)
    return gf.scan_parquet(tmp_path / "spread.parquet"), seen


def test_only_blocks_with_rows_that_are_left_are_read(spread: Any) -> None:
    frame, seen = spread
    with running("cpu", rows=50_000):
        found = frame.filter(gf.col("k") == 31_234).collect()
    assert found.to_dict() == {"k": [31_234], "v": [62_468], "text": ["number 31234"]}
    (all_blocks, first), (blocks, rest) = seen
    assert (all_blocks, first, len(blocks), rest) == ((0, 1, 2, 3, 4), ["k"], 1, ["v", "text"])


def test_nothing_more_is_read_where_no_row_is_left(spread: Any) -> None:
    frame, seen = spread
    with running("cpu", rows=50_000):
        assert len(frame.filter(gf.col("k") % 50_001 == 50_000).collect()) == 0
    assert [names for _, names in seen] == [["k"]]


def test_a_filter_that_most_rows_pass_is_tried_on_few(spread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, seen = spread
    tried: list[int] = []
    passing = late_materialization.FilterSelector._passing

    def counting(self: late_materialization.FilterSelector, chunk: Any) -> Any:
        tried.append(chunk.length)
        return passing(self, chunk)

    monkeypatch.setattr(late_materialization.FilterSelector, "_passing", counting)
    with running("cpu", rows=50_000):
        assert len(frame.filter(gf.col("k") != 7).collect()) == 49_999
    assert len(tried) == 1 and tried[0] < 10_000
    assert [names for _, names in seen] == [["k"], ["v", "text"]]


def test_small_splits_are_read_at_once(spread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, seen = spread
    monkeypatch.undo()
    calls: list[Any] = []
    monkeypatch.setattr(late_materialization.FilterSelector, "rows", lambda self, chunk: calls.append(chunk))
    with running("cpu", rows=50_000):
        assert len(frame.filter(gf.col("k") == 7).collect()) == 1
    assert not calls and not seen


def test_a_filter_is_asked_only_of_rows_that_the_one_before_it_left(spread: Any) -> None:
    frame, _ = spread
    square = gf.col("v") * gf.col("v") * 4_000_000_000
    with running("cpu", rows=50_000):
        assert len(frame.filter(gf.col("v") < 100).filter(square > 0).collect()) == 49
        with pytest.raises(ArithmeticOverflowError, match="does not fit"):
            frame.filter(square > 0).collect()


def test_a_column_that_is_too_short_is_told(tmp_path: Path) -> None:
    file = File(str(tmp_path / "x.parquet"), 1, "")
    with pytest.raises(ReadError, match="3 values were expected, it holds 2"):
        to_column(pa.chunked_array([[1, 2]]), 3, t.INT64, file, "x", selected=np.array([2]))
