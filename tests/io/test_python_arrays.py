"""Lists of values of several kinds as columns: all of each value, or an error that names the row."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow.errors import TypeMismatchError

V = 1_577_836_800_000_000_123
NOON = dt.datetime(2020, 1, 1, 12)


class Color(enum.Enum):
    RED = "red"


def column(values: Any, dtype: Any = None) -> pa.Array:
    data = gf.from_dict({"a": values}, schema=None if dtype is None else {"a": dtype})
    return data.collect().to_arrow()["a"].combine_chunks()


MOMENTS = {
    "pandas": [pd.Timestamp(V), pd.NaT, None],
    "pandas, then Python": [pd.Timestamp(V), NOON],
    "Python, then pandas": [NOON, pd.Timestamp(V)],
    "NumPy's units": [np.datetime64(V, "ns"), np.datetime64("2020-01-01T12", "h")],
    "NumPy and Python": [np.datetime64(V, "ns"), NOON],
    "Arrow and Python": [pa.scalar(V, pa.timestamp("ns")), NOON],
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_meet_in_the_finest_unit(name: str) -> None:
    values = MOMENTS[name]
    expected = [None if v is None or v is pd.NaT else V if "123" in repr(v) else 1_577_880_000 * 10**9 for v in values]
    found = column(values)
    assert found.type == pa.timestamp("ns")
    assert found.cast(pa.int64()).to_pylist() == expected
    assert column(values, gf.Datetime("ns")).equals(found)
    records = gf.from_records([(v,) for v in values], ["a"]).collect().to_arrow()["a"]
    dicts = gf.from_dicts([{"a": v} for v in values]).collect().to_arrow()["a"]
    objects = gf.from_pandas(pd.DataFrame({"a": pd.Series(values, dtype=object)})).collect().to_arrow()["a"]
    for other in (records, dicts, objects):
        assert other.combine_chunks().equals(found)


def test_durations_meet_in_the_finest_unit() -> None:
    found = column([pd.Timedelta(V), dt.timedelta(microseconds=1), np.timedelta64(3, "25s"), np.timedelta64(1, "W")])
    assert found.type == pa.duration("ns")
    assert found.cast(pa.int64()).to_pylist() == [V, 1_000, 75 * 10**9, 7 * 86_400 * 10**9]


def test_what_stands_for_null_and_members_of_enums() -> None:
    assert column([1, pd.NA, np.ma.masked, pd.NaT]).to_pylist() == [1, None, None, None]
    assert column([Color.RED, None]).to_pylist() == ["red", None]
    assert column([Color.RED], gf.Enum(["blue", "red"])).to_pylist() == ["red"]
    assert column([pd.NaT, pd.NA]).to_pylist() == [None, None]
    assert column([np.array(3, "int8"), None]).to_pylist() == [3, None]
    assert column([np.datetime64("2020-01", "M"), np.datetime64("2020-02-03")]).to_pylist() == [
        dt.date(2020, 1, 1),
        dt.date(2020, 2, 3),
    ]


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        ([dt.date(2020, 1, 1), NOON], None, "row 1 is .*, a timestamp.*, and row 0 .*, a date"),
        ([None, NOON, NOON.replace(tzinfo=dt.UTC)], None, "row 2 is .* and row 1"),
        ([NOON.replace(tzinfo=dt.UTC), NOON], None, "row 1 is"),
        ([1, pd.Timestamp(V)], None, "row 1 is .*, a timestamp"),
        ([pd.Timestamp(V), dt.datetime(9999, 1, 1)], None, "row 1: .* is no timestamp"),
        ([None, NOON], gf.Date, "'a' .*row 1: .* is no date value"),
        ([NOON.replace(microsecond=5)], gf.Datetime("s"), "row 0: .* is no timestamp"),
        ([pd.Timestamp(V)], gf.Datetime("us"), "row 0: .* is no timestamp"),
        ([NOON], gf.Datetime("us", "UTC"), "row 0: .* is no timestamp"),
        ([NOON.replace(tzinfo=dt.UTC)], gf.Datetime("us"), "row 0: .* is no timestamp"),
        ([dt.timedelta(microseconds=5)], gf.Duration("s"), "row 0: .* is no duration"),
        ([dt.timedelta(microseconds=5)], gf.Int64, "row 0: .* is no int64"),
        ([np.timedelta64(1, "M")], None, "row 0: .*no fixed length"),
        ([[pd.Timestamp(V)]], None, "has nanoseconds"),
        ([{"x": [pd.Timedelta(V)]}], None, "has nanoseconds"),
    ],
)
def test_nothing_is_cut_off(values: list[Any], dtype: Any, message: str) -> None:
    with pytest.raises(TypeMismatchError, match=message):
        column(values, dtype)


def test_exact_values_take_the_type_asked_for() -> None:
    assert column([NOON], gf.Datetime("s")).cast(pa.int64()).to_pylist() == [1_577_880_000]
    assert column([NOON.replace(hour=0)], gf.Date).to_pylist() == [dt.date(2020, 1, 1)]
    assert column([dt.date(2020, 1, 1)], gf.Datetime("ms")).to_pylist() == [NOON.replace(hour=0)]
    assert column([dt.timedelta(seconds=5)], gf.Duration("s")).cast(pa.int64()).to_pylist() == [5]
