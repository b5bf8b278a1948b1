"""Decimals from and to files and other libraries, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpuflow as gf
from gpuflow import col, errors, lit
from tests.support.decimals import decimals, duck, table
from tests.support.running import running


# -- what is refused --------------------------------------------------------------------------------------------------
def test_messages() -> None:
    frame = gf.from_arrow(table())
    wide = col("a").cast(gf.Decimal(38, 2))
    cases: list[tuple[Any, type[Exception], str]] = [
        (wide * wide, errors.TypeMismatchError, r"as in \.cast\(gf\.Decimal\(18, 2\)\)"),
        (wide % 2, errors.TypeMismatchError, r"cast\(\) it, as in"),
        (wide.is_in([1]), errors.UnsupportedError, r"is_in\(\) does not take decimal\(38, 2\); cast\(\) it"),
        (col("a") + "x", errors.TypeMismatchError, r"decimals beside decimal\(15, 2\)"),
        (
            col("b").cast(gf.Decimal(18, 10)) * col("b").cast(gf.Decimal(18, 10)),
            errors.PlanError,
            "20 digits after the point, and 18",
        ),
    ]
    for expression, error, says in cases:
        with pytest.raises(error, match=says):
            frame.select(x=expression)
    for value, says in ((Decimal("NaN"), "no infinities"), (Decimal("1e20"), "21 digits"), (Decimal("-Infinity"), "no NaN")):
        with pytest.raises(errors.TypeMismatchError, match=says):
            lit(value)


def test_sums_that_were_handed_out_come_in_again() -> None:
    with running("python"):
        sums = gf.from_dict({"x": [Decimal("1.25"), Decimal("2.50")]}).select(gf.col("x").sum()).collect()
        assert sums.schema["x"] == gf.Decimal(38, 2)
        assert gf.from_arrow(sums.to_arrow()).collect().to_dict() == {"x": [Decimal("3.75")]}


def test_values_with_more_digits_than_their_type_says(tmp_path: Path) -> None:
    words = np.array([[5, 0], [12345, 0]], dtype="int64")
    lying = pa.Array.from_buffers(pa.decimal128(4, 2), 2, [None, pa.py_buffer(words)])
    with running("python"):
        with pytest.raises((errors.ReadError, pa.ArrowInvalid), match=r"precision|digits"):
            gf.from_arrow(pa.table({"x": lying})).select("x").collect()
        file = tmp_path / "lying.parquet"
        pq.write_table(pa.table({"x": lying}), file)
        with pytest.raises(errors.ReadError, match=r"(?s)lying\.parquet.*digits"):
            gf.scan_parquet(file).select("x").collect()


# -- in and out -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256])
def test_arrow_layouts(make: Any) -> None:
    values = [Decimal("1.25"), None, Decimal("-99999.99"), Decimal("0.00")]
    whole = pa.array([*values, Decimal("7.00")], pa.decimal128(7, 2)).cast(make(7, 2))
    for array in (whole, whole.slice(1, 3), pa.chunked_array([whole, whole.slice(2)]), whole.slice(0, 0)):
        frame = gf.from_arrow(pa.table({"x": array}))
        with running("python"):
            found = frame.collect()
        assert frame.schema["x"] == gf.Decimal(7, 2)
        assert found.to_arrow().schema.field("x").type == pa.decimal128(7, 2)
        assert found["x"].to_pylist() == array.to_pylist()
        found.to_arrow().validate(full=True)


def test_other_libraries() -> None:
    t = table(rows=30)
    with running("python"):
        result = gf.from_arrow(t).select("a", s=col("a").cast(gf.Decimal(38, 3))).collect()
        again = gf.from_polars(pl.DataFrame({"a": pl.Series(t["a"].to_pylist(), dtype=pl.Decimal(15, 2))})).collect()
    values = t["a"].to_pylist()
    assert result.to_polars()["a"].to_list() == values == again["a"].to_pylist()
    assert result.to_polars().schema == {"a": pl.Decimal(15, 2), "s": pl.Decimal(38, 3)}
    assert result.to_pandas()["s"].tolist() == values
    assert result.to_numpy()["s"].tolist() == values
    assert pa.table(result)["s"].type == pa.decimal128(38, 3)
    assert result.equals(result)
    with running("python"):
        scanned = gf.from_any(result).filter(col("s") > 0).select(d=col("s") * 2).collect()["d"].to_pylist()
    assert scanned == [2 * v for v in values if v is not None and v > 0]
    assert not result.equals(gf.from_arrow(t.slice(0, 29)).select("a", s=col("a").cast(gf.Decimal(38, 3))).collect())
    assert "decimal(38, 3)" in repr(result)
    assert "Decimal(" in gf.from_arrow(t).filter(col("a") > Decimal("1.5")).explain()


def test_display_has_no_exponents() -> None:
    with running("python"):
        found = decimals(["0", "-0.000000001"], 12, 9).collect()
    assert "0.000000000" in repr(found) and "E-" not in repr(found)


@pytest.mark.parametrize("integers", [False, True])
def test_parquet_and_its_statistics(tmp_path: Path, integers: bool) -> None:
    """Row groups that cannot match are skipped, whether decimals are stored as bytes or as integers."""
    values = [Decimal(v).scaleb(-2) for v in range(-500, 500)]
    file = tmp_path / "x.parquet"
    arrow = pa.table({"x": pa.array(values, pa.decimal128(9, 2)), "n": pa.array(range(1000))})
    pq.write_table(arrow, file, row_group_size=100, store_decimal_as_integer=integers)
    cases = {
        "x < -4.5": (col("x") < Decimal("-4.5"), 1),
        "x = 1": (col("x") == 1, 1),
        "x > 3.999": (col("x") > Decimal("3.999"), 1),
        "x in (0, 4.2)": (col("x").is_in([0, Decimal("4.2")]), 2),
        "x + 1 > 5.5": (col("x") + 1 > Decimal("5.5"), 10),
    }
    for sql, (condition, groups) in cases.items():
        _, expected = duck(f"select n from t where {sql}", arrow)
        with running("python", rows=1000, parts=10):
            query = gf.scan_parquet(file).filter(condition)
            assert [(v,) for v in query.collect()["n"].to_pylist()] == expected, sql
            said = query.explain("physical")
        assert (f"{groups} of 10 partitions" in said) == (groups < 10), said


def test_files(tmp_path: Path) -> None:
    with running("python"):
        result = gf.from_arrow(table(rows=20)).select("a", "b", s=col("a").cast(gf.Decimal(38, 2))).collect()
        result.write_parquet(tmp_path / "x.parquet")
        result.write_ipc(tmp_path / "x.arrow")
        result.write_csv(tmp_path / "x.csv")
        for frame in (gf.scan_parquet(tmp_path / "x.parquet"), gf.scan_ipc(tmp_path / "x.arrow")):
            found = frame.select("a", "b").collect()
            assert found.schema["b"] == gf.Decimal(9, 4)
            assert found.to_pylist() == [{"a": r["a"], "b": r["b"]} for r in result.to_pylist()]
            assert frame.schema["s"] == gf.Decimal(38, 2)
            assert frame.select("s").collect().to_pylist() == [{"s": r["s"]} for r in result.to_pylist()]
        text = gf.scan_csv(tmp_path / "x.csv").select(a=col("a").cast(gf.Decimal(15, 2))).collect()
    assert text["a"].to_pylist() == result["a"].to_pylist()
