"""Decimals of more than 18 digits on the way in: whole, or as what was asked for."""

from __future__ import annotations

import random
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import col, errors
from gpuflow.arrow import decimals
from gpuflow.execute import late_materialization
from tests.support.running import running

MOST = Decimal(10**38 - 1)


def numbers(count: int, digits: int, scale: int, seed: int = 0) -> list[Decimal | None]:
    """Decimals of few and of many digits, the greatest and least among them, and nulls."""
    r = random.Random(seed)
    edges = [10**digits - 1, 10**18, 2**63 - 1, 2**63, 2**64, 0, 1, 2**63 + 1]
    found = [v for edge in edges for v in (edge, -edge) if abs(v) < 10**digits]
    found += [r.choice((1, -1)) * r.randrange(10 ** r.randrange(1, digits + 1)) for _ in range(count)]
    with localcontext(prec=80):
        return [None if k % 7 == 5 else Decimal(v).scaleb(-scale) for k, v in enumerate(found[:count])]


def write_ipc(data: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, data.schema) as writer:
        writer.write_table(data, max_chunksize=30)


READERS: dict[str, Any] = {
    "parquet": lambda data, path: (pq.write_table(data, path, row_group_size=30), gf.scan_parquet(path))[1],
    "parquet, plain": lambda data, path: (pq.write_table(data, path, use_dictionary=False), gf.scan_parquet(path))[1],
    "ipc": lambda data, path: (write_ipc(data, path), gf.scan_ipc(path))[1],
    "orc": lambda data, path: (orc.write_table(data, path), gf.scan_orc(path))[1],
    "arrow": lambda data, path: gf.from_arrow(data),
    "arrow, in pieces": lambda data, path: gf.from_arrow(pa.concat_tables([data.slice(0, 11), data.slice(11)])),
    "polars": lambda data, path: gf.from_polars(pl.DataFrame(data)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("precision", "scale"), [(19, 0), (20, 4), (38, 18), (38, 38)])
def test_nothing_is_lost(tmp_path: Path, name: str, precision: int, scale: int) -> None:
    values = numbers(90, precision, scale)
    data = pa.table({"x": pa.array(values, pa.decimal128(precision, scale)), "n": range(90)})
    frame = READERS[name](data, tmp_path / "a")
    assert frame.schema["x"] == gf.Decimal(38, scale)
    with running("python", rows=40):
        found = frame.collect()
        some = frame.filter(col("n") % 3 == 1).collect()
    assert found["x"].to_pylist() == values and found.to_arrow().schema.field("x").type == pa.decimal128(38, scale)
    assert some["x"].to_pylist() == values[1::3]


@pytest.mark.parametrize("precision", [19, 38])
def test_decimals_of_32_bytes(tmp_path: Path, precision: int) -> None:
    values = numbers(40, precision, 5)
    data = pa.table({"x": pa.array(values, pa.decimal256(precision, 5)).slice(3)})
    with running("python"):
        for frame in (gf.from_arrow(data), READERS["parquet"](data, tmp_path / "a"), READERS["ipc"](data, tmp_path / "b")):
            assert frame.collect().to_dict() == {"x": values[3:]}


QUERIES = {
    "select x, k from t where x > 1": lambda f: f.filter(col("x") > 1).select("x", "k"),
    "select x, count(*) from t group by x": lambda f: f.group_by("x").agg(n=gf.len()),
    "select k, min(x), max(x), count(x) from t group by k": lambda f: f.group_by("k").agg(
        a=col("x").min(), b=col("x").max(), c=col("x").count()
    ),
    "select k, sum(x) from t where abs(x) < 1000000000 group by k": lambda f: (
        f.filter(col("x").abs() < 1_000_000_000).group_by("k").agg(s=col("x").sum())
    ),
    "select t.x, u.k from t join t u on t.x = u.x": lambda f: f.join(f, on="x", suffix="_u").select("x", "k_u"),
    "select distinct x from t": lambda f: f.select("x").unique(),
}


@pytest.mark.parametrize("query", QUERIES)
def test_computing_as_duckdb_does(tmp_path: Path, query: str) -> None:
    values = numbers(70, 38, 6, seed=3)
    data = pa.table({"x": pa.array([*values, *values[:20]], pa.decimal128(38, 6)), "k": [k % 4 for k in range(90)]})
    frame = READERS["parquet"](data, tmp_path / "a")
    with duckdb.connect() as connection:
        connection.register("t", data)
        expected = connection.execute(query).fetchall()
    with running("python", rows=90):
        found = QUERIES[query](frame).collect().rows()
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_order(tmp_path: Path) -> None:
    values = numbers(60, 38, 0, seed=5)
    frame = READERS["parquet"](pa.table({"x": pa.array(values, pa.decimal128(38, 0))}), tmp_path / "a")
    with running("python", rows=60):
        found = frame.sort("x").collect()["x"].to_pylist()
    nulls = [v for v in values if v is None]
    assert found == [*nulls, *sorted(v for v in values if v is not None)]


def test_row_groups_that_cannot_match_are_skipped(tmp_path: Path) -> None:
    values = [Decimal(10) ** 17 + k for k in range(100)]
    data = pa.table({"x": pa.array(values, pa.decimal128(38, 0)), "n": range(100)})
    pq.write_table(data, tmp_path / "a.parquet", row_group_size=10)
    with running("python", rows=100, parts=10):
        query = gf.scan_parquet(tmp_path / "a.parquet").filter(col("x") > values[-1] - 10)
        assert query.collect().to_dict()["n"] == list(range(90, 100)) and "1 of 10" in query.explain("physical")


# -- as what was asked for --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("precision", "scale"), [(38, 0), (38, 18), (38, 37), (70, 30)])
def test_floats_are_the_nearest_ones_and_strings_are_whole(tmp_path: Path, precision: int, scale: int) -> None:
    """Against Python's `float`, which rounds right; Arrow's own cast does not."""
    values = numbers(600, precision, scale, seed=precision + scale)
    make = pa.decimal128 if precision <= 38 else pa.decimal256
    data = pa.table({"x": pa.array(values, make(precision, scale))})
    pq.write_table(data, tmp_path / "a.parquet", row_group_size=250)
    with running("python"):
        for read in (gf.from_arrow, lambda _, **options: gf.scan_parquet(tmp_path / "a.parquet", **options)):
            floats, texts = (read(data, wide_decimals=reading) for reading in ("float64", "string"))
            assert (floats.schema["x"], texts.schema["x"]) == (gf.Float64, gf.String)
            assert floats.collect()["x"].to_pylist() == [None if v is None else float(v) for v in values]
            assert texts.collect()["x"].to_pylist() == [None if v is None else f"{v:f}" for v in values]


@pytest.mark.parametrize("make", [pa.decimal128, pa.decimal256])
def test_18_digits_where_values_fit(make: Any, tmp_path: Path) -> None:
    values = [Decimal("-9999999999999999.99"), None, Decimal("1.50")]
    data = pa.table({"x": pa.array(values, make(38, 2)), "n": [1, 2, 3]})
    pq.write_table(data, tmp_path / "wide.parquet")
    with running("python"):
        for frame in (
            gf.from_arrow(data, wide_decimals="narrow"),
            gf.scan_parquet(tmp_path / "wide.parquet", wide_decimals="narrow"),
            gf.scan_parquet(tmp_path / "wide.parquet", schema={"x": gf.Decimal(18, 2), "n": gf.Int64}),
        ):
            assert frame.schema == gf.Schema({"x": gf.Decimal(18, 2), "n": gf.Int64})
            assert frame.collect().to_dict() == {"x": values, "n": [1, 2, 3]}
            found = frame.filter(gf.col("x") > 1).select(gf.col("x") * gf.col("x")).collect()
            assert found.to_dict() == {"x": [Decimal("2.2500")]}


def test_other_readings_are_refused() -> None:
    for read in (gf.from_arrow, gf.scan_parquet, gf.from_polars):
        data: Any = pl.DataFrame({"x": [1]}) if read is gf.from_polars else pa.table({"x": [1]}) if read is gf.from_arrow else "a"
        with pytest.raises(errors.TypeMismatchError, match="wide_decimals='float' is not one of 'exact', 'narrow'"):
            read(data, wide_decimals="float")


def test_one_table_read_in_two_ways() -> None:
    data = pa.table({"x": pa.array([Decimal(1)], pa.decimal128(30, 2))})
    kinds = [gf.from_arrow(data, wide_decimals=reading).schema["x"] for reading in (*decimals.READINGS, "exact")]
    assert kinds == [gf.Decimal(38, 2), gf.Decimal(18, 2), gf.Float64, gf.String, gf.Decimal(38, 2)]


def test_files_of_several_widths(tmp_path: Path) -> None:
    for number, precision in enumerate((9, 18, 25, 38)):
        data = pa.table({"x": pa.array([Decimal(number)], pa.decimal128(precision, 2))})
        pq.write_table(data, tmp_path / f"{number}.parquet", store_decimal_as_integer=number == 1)
    frame = gf.scan_parquet(tmp_path)
    assert frame.schema["x"] == gf.Decimal(38, 2)
    with running("python"):
        assert frame.collect().to_dict()["x"] == [Decimal(k) for k in range(4)]


def test_digits_beyond_the_type_are_told(tmp_path: Path) -> None:
    """Foreign data may hold any 128 bits."""
    for value in (10**38, -(10**38), 2**127 - 1, -(2**127)):
        words = np.frombuffer((1).to_bytes(16, "little") + value.to_bytes(16, "little", signed=True), np.int64)
        lying = pa.Array.from_buffers(pa.decimal128(38, 0), 2, [None, pa.py_buffer(words)])
        with pytest.raises(pa.ArrowInvalid, match="row 1 has more digits"):
            decimals.read(lying, gf.Decimal(38, 0), decimals._items, None)
        with running("python"), pytest.raises(errors.ReadError, match=r"precision|digits"):
            gf.from_arrow(pa.table({"x": lying})).collect()
        pq.write_table(pa.table({"x": lying}), tmp_path / "a.parquet")
        with running("python"), pytest.raises(errors.ReadError, match=r"row group 0, column 'x'.*digits"):
            gf.scan_parquet(tmp_path / "a.parquet").collect()
    assert decimals.read(pa.array([MOST, MOST.copy_negate()]), gf.Decimal(38, 0), decimals._items, None).nbytes == 32


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", ["parquet", "ipc"])
def test_wider_values_are_refused_by_column_and_row_group(
    kind: str, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [Decimal(n) for n in range(40)]
    values[27] = Decimal(10) ** 18
    data = pa.table({"k": range(40), "x": pa.array(values, pa.decimal128(38, 0))})
    path = tmp_path / f"wide.{kind}"
    if kind == "parquet":
        pq.write_table(data, path, row_group_size=10)
    else:
        with pa.ipc.new_file(path, data.schema) as writer:
            writer.write_table(data, max_chunksize=10)
    monkeypatch.setattr(late_materialization, "VALUES", 0 if late else 10**12)
    frame = {"parquet": gf.scan_parquet, "ipc": gf.scan_ipc}[kind](path, wide_decimals="narrow")
    wanted = gf.col("k").is_in([3, 11, 26, 27, 38])
    with (
        running("python", rows=40),
        pytest.raises(errors.ReadError, match=r"(?s)row group 2, column 'x': row 7 of .*18 digits") as e,
    ):
        frame.filter(wanted).collect()
    assert (e.value.column, e.value.row_group) == ("x", 2)
    if late and kind == "parquet":  # what is not asked for is not looked at
        with running("python", rows=40):
            assert frame.filter(gf.col("k") == 26).select("x").collect().to_dict() == {"x": [26]}


def test_wider_values_in_memory_are_refused_by_column_and_row() -> None:
    parts = [pa.array([Decimal(1)] * 3, pa.decimal128(38, 0)), pa.array([None, Decimal(-(10**30))], pa.decimal128(38, 0))]
    frame = gf.from_arrow(pa.table({"x": pa.chunked_array(parts)}), wide_decimals="narrow")
    with running("python"), pytest.raises(errors.ReadError, match=r"column 'x': row 4 of decimal128\(38, 0\) has more than 18"):
        frame.collect()
