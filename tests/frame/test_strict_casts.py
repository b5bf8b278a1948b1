"""What an exact expression fails on: the error names the expression, the value and the row."""

from __future__ import annotations

import pickle

import dask
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ArithmeticOverflowError, CastError

N = 200
GOOD = {
    "s": [str(k) for k in range(N)],
    "f": [k / 2 for k in range(N)],
    "i": list(range(N)),
    "d": ["2024-01-31"] * N,
    "m": [1] * N,
}


def frame(row: int, **bad: object) -> gf.Frame:
    return gf.from_dict({n: [*v[:row], bad[n], *v[row + 1 :]] if n in bad else v for n, v in GOOD.items()})


CASES = {
    "text to integer": (lambda f: f.select(col("s").cast(gf.Int64)), {"s": "7x"}, r'col\("s"\)\.cast\(int64\)', "7x"),
    "text to float": (lambda f: f.select(col("s").cast(gf.Float64)), {"s": "one"}, r'col\("s"\)\.cast\(float64\)', "one"),
    "text to date": (lambda f: f.select(col("d").cast(gf.Date)), {"d": "2024-02-30"}, r'col\("d"\)\.cast\(date\)', "2024-02-30"),
    "text by a format": (lambda f: f.select(col("d").str.to_date("%Y-%m-%d")), {"d": "soon"}, r"str\.to_date\(", "soon"),
    "text to decimal": (lambda f: f.select(col("s").cast(gf.Decimal(9, 2))), {"s": "1.2.3"}, r"cast\(decimal\(9, 2\)\)", "1.2.3"),
    "float to integer": (lambda f: f.select(col("f").cast(gf.Int32)), {"f": 1e20}, r"cast\(int32\)", 1e20),
    "nan to integer": (lambda f: f.select(col("f").cast(gf.Int64)), {"f": float("inf")}, r"cast\(int64\)", float("inf")),
    "narrow integer": (lambda f: f.select(col("i").cast(gf.Int16)), {"i": 40_000}, r'col\("i"\)\.cast\(int16\)', 40_000),
    "in a sum": (lambda f: f.select(1 + (col("i") * 2).cast("int16")), {"i": 20_000}, r'\("i"\) \* 2\)\.cast', 40_000),
    "in a filter": (lambda f: f.filter(col("s").cast(gf.Int64) > 3).select("i"), {"s": ""}, r'col\("s"\)\.cast\(int64\)', ""),
    "behind a filter": (lambda f: f.filter(col("i") > 40).select(col("s").cast(gf.Int64)), {"s": "x"}, r'col\("s"\)\.cast', "x"),
    "in an aggregation": (lambda f: f.group_by("m").agg(col("s").cast(gf.Int64).sum()), {"s": "x"}, r'col\("s"\)\.cast', "x"),
    "date of parts": (lambda f: f.select(gf.date(2024, "m", 1)), {"m": 13}, r'date\(2024, col\("m"\), 1\)', 13),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("row", [0, 77, N - 1])
def test_casts(name, row):
    query, bad, text, value = CASES[name]
    if name == "behind a filter" and row == 0:
        assert query(frame(row, **bad)).collect().shape == (159, 1)
        return
    with dask.config.set({"gpuflow.target": "python"}), pytest.raises(CastError, match=text) as caught:
        query(frame(row, **bad)).collect()
    error = caught.value
    assert (error.value, error.row) == (value, row)
    assert f"row {row}" in str(error)
    assert repr(value) in str(error)
    assert isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.value, again.row) == (str(error), value, row)


def test_compiled():
    with pytest.raises(CastError, match=r'cast does not fit int16.*col\("i"\)\.cast\(int16\), row 77, where col\("i"\) = 40000'):
        frame(77, i=40_000).select(col("i").cast(gf.Int16)).collect()


def test_arithmetic():
    with pytest.raises(
        ArithmeticOverflowError, match=r'\(col\("i"\) \* 4000000000\), row 5, where col\("i"\) = 9000000000'
    ) as caught:
        frame(5, i=9_000_000_000).select(col("i") * 4_000_000_000).collect()
    assert not isinstance(caught.value, CastError)


def test_not_strict_is_null():
    found = frame(3, s="x").select(col("s").cast(gf.Int64, strict=False)).collect().to_dict()["s"]
    assert found[2:5] == [2, None, 4]
