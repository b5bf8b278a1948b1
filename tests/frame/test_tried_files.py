"""Public reports of rows and values that other engines lose in reading, asked of gpuflow: see `docs/tried.md`."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ReadError
from tests.support.running import running

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Report:
    """What is read in a folder, and its rows in order, or the error that it is, by a part of its message."""

    read: Callable[[Path], gf.Frame]
    right: Rows | str


REPORTS: dict[str, Report] = {}


def report(*names: str, right: Rows | str) -> Callable[[Any], Any]:
    """Enter a function that reads under the names of its reports."""

    def enter(read: Callable[[Path], gf.Frame]) -> Callable[[Path], gf.Frame]:
        REPORTS.update(dict.fromkeys(names, Report(read, right)))
        return read

    return enter


def parquet(folder: Path, columns: dict[str, Any], **options: Any) -> gf.Frame:
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return gf.scan_parquet(path)


# Parquet


@report("polars#23005", right=[(1, 7), (2, 7)])
def _(folder: Path) -> gf.Frame:
    for key in ("__HIVE_DEFAULT_PARTITION__", "7"):
        (folder / f"k={key}").mkdir()
        pq.write_table(pa.table({"v": [1, 2]}), folder / f"k={key}" / "a.parquet")
    return gf.scan_parquet(folder).filter(col("k").is_not_null())


@report("polars#29321", right=[("x",)] * 3)
def _(folder: Path) -> gf.Frame:
    pl.DataFrame({"h": [None, "x"] * 3}).write_parquet(folder / "a.parquet", data_page_size=1)
    return gf.scan_parquet(folder / "a.parquet").filter(col("h").is_not_null())


@report("parquet-java#3639", "iceberg#17558", right=[(None,), (6,)])
def _(folder: Path) -> gf.Frame:
    known = {"min": True, "max": True, "null_count": False, "distinct_count": False}
    pl.DataFrame({"a": [None, 5, 6]}).write_parquet(folder / "a.parquet", statistics=known)  # type: ignore[arg-type]
    return gf.scan_parquet(folder / "a.parquet").filter(col("a").is_null() | col("a").is_in([6, 100]))


@report("spark#23622", right=[(None,)])
def _(folder: Path) -> gf.Frame:
    return parquet(folder, {"s": pa.array(["A", "A", None])}).filter(~col("s").eq_missing("A"))


@report("iceberg#17655", "parquet-java#2742", right=[(None,)])
def _(folder: Path) -> gf.Frame:
    texts = parquet(folder, {"s": ["some", "some", None]})
    return texts.filter(~col("s").str.starts_with("so").fill_null(False) & col("s").is_in(["some", "thing"]).is_null())


@report("iceberg#9130", "iceberg#6516", right=[(float("inf"),), (float("inf"),)])
def _(folder: Path) -> gf.Frame:
    numbers = parquet(folder, {"x": [1.0, float("nan"), float("nan"), None]}, row_group_size=2)
    return numbers.filter(col("x") > 5).select(x=col("x").fill_nan(float("inf")))


@report("datafusion#22994", "auron#1032", right=[(Decimal(5),)])
def _(folder: Path) -> gf.Frame:
    numbers = pa.array([Decimal(n) for n in (1, 2, 3, 4, 5, 6)], pa.decimal128(19, 2))
    return parquet(folder, {"d": numbers}, row_group_size=2).filter(col("d") == 5)


@report("datafusion-comet#5177", right="does not fit")
def _(folder: Path) -> gf.Frame:
    times = parquet(folder, {"t": pa.array([2**62, 0], pa.timestamp("ms"))})
    return times.select(col("t").cast(gf.Datetime("us")))


@report("clickhouse#86100", right=[(1310,), (1740,), (1750,), (1760,)])
def _(folder: Path) -> gf.Frame:
    columns = {"n": list(range(200)), "m": [10 * n for n in range(200)]}
    numbers = parquet(folder, columns, row_group_size=100, data_page_size=100, write_batch_size=10)
    return numbers.filter(col("n").is_in([131, 174, 175, 176])).select("m")


@report("clickhouse#98360", right=[(1, None)])
def _(folder: Path) -> gf.Frame:
    for name, columns in (("a", {"x": [1]}), ("b", {"x": [2], "y": [5]})):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    schema = {"x": gf.Int64, "y": gf.Int64}
    return gf.scan_parquet(folder, schema=schema, missing_columns="insert").filter(col("y").is_null())


# text


@report("duckdb#25827", right=[("v0",), ("a;b",)])
def _(folder: Path) -> gf.Frame:
    return gf.scan_csv(b"c0\nv0\na;b\n")


@report("duckdb#25824", right=r"line 4: .* invalid value '3\.7'")
def _(folder: Path) -> gf.Frame:
    return gf.scan_csv(b"a\n1\n2\n3.7\n", infer_schema_length=2)


@report("duckdb#11065", right=[(1, dt.date(2024, 3, 8)), (3, None), (4, dt.date(2024, 3, 11))])
def _(folder: Path) -> gf.Frame:
    text = b"A,B\n1,2024-03-08\n3,03/10/2024\n4,2024-03-11\n"
    return gf.scan_csv(text, schema={"A": gf.Int64, "B": gf.Date}, ignore_errors=True)


@report("duckdb#14177", "duckdb#13197", right=[(1, 2), (6, 7), (9, 10)])
def _(folder: Path) -> gf.Frame:
    return gf.scan_csv(b"a,b\n1,2\n3,4,5\n6,7\n,,\n9,10\n", ignore_errors=True)


@report("turicreate#1692", right="the quote that opens a field on line 3 is never closed")
def _(folder: Path) -> gf.Frame:
    return gf.scan_csv(b'a,b\n"a","b"\n"c","d\n')


@report("arrow#2883", right=[(1, 2)])
def _(folder: Path) -> gf.Frame:
    return gf.scan_csv(b"a,b\n\n1,2\n")


@report("duckdb#25786", right="line 3: True is no int64")
def _(folder: Path) -> gf.Frame:
    return gf.scan_ndjson(b'{"c":7}\n{"c":8}\n{"c":true}\n', infer_schema_length=2)


@report("duckdb#25826", right="line 3: a key 'a.y', with 2")
def _(folder: Path) -> gf.Frame:
    return gf.scan_ndjson(b'{"a":{"x":1}}\n{"a":{"x":1}}\n{"a":{"x":1,"y":2}}\n', infer_schema_length=2)


@report("duckdb#25828", right=[({"k0": 1.5, "k1": 2**53 + 1},)])
def _(folder: Path) -> gf.Frame:
    return gf.scan_ndjson(b'{"o":{"k0":1.5,"k1":9007199254740993}}\n')


@report("duckdb#17135", right=[(2**63,)])
def _(folder: Path) -> gf.Frame:
    return gf.scan_ndjson(b'{"id":9223372036854775808}\n')


@report("duckdb#10866", right="neither int64 nor uint64")
def _(folder: Path) -> gf.Frame:
    return gf.scan_ndjson(b'{"col": 277447099861456945273576150847928801582 }\n')


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("name", REPORTS)
def test_what_is_read_is_right(tmp_path: Path, name: str, parts: int) -> None:
    asked = REPORTS[name]
    with running(parts=parts, rows=7):
        if isinstance(asked.right, str):
            with pytest.raises(Exception, match=asked.right) as caught:
                asked.read(tmp_path).collect()
            assert isinstance(caught.value, ReadError if asked.right != "does not fit" else gf.errors.ArithmeticOverflowError)
        else:
            assert asked.read(tmp_path).collect().to_polars().rows() == asked.right


def test_a_process_that_read_an_open_file_ends(tmp_path: Path) -> None:
    """arrow#50482: after reading by way of a Python file, the interpreter waits for a thread of a pool for ever."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), path)
    text = f"import gpuflow as gf\nwith open({str(path)!r}, 'rb') as f: print(gf.scan_parquet(f).collect().rows())"
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=300, check=True, text=True)
    assert ended.stdout == "[(1,), (2,)]\n"
