"""Types of expressions over a table: what literals become, where casts go, and what errors say."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from gpuflow_kernels.dtypes import FLOAT32, INT64, STRING
from gpuflow_kernels.ir.expressions import Call, Const, Member

import gpuflow as gf
from gpuflow import col, lit, when
from gpuflow.errors import ColumnNotFoundError, PlanError, TypeMismatchError
from gpuflow.expr.bind import bind
from gpuflow.plan.printing import text
from gpuflow.schema import Schema

from .tables import FLIGHTS

SCHEMA = Schema(FLIGHTS)


def bound(expr):
    return bind(expr._node, SCHEMA)


@pytest.mark.parametrize(
    ("expr", "dtype", "shown"),
    [
        (col("small") + 1, "int64", "small.cast(int64) + 1"),
        (col("small") > 5, "bool", "small > 5"),
        (col("small") > 500, "bool", "small.cast(int64) > 500"),
        (col("speed") * 2, "float32", "speed * 2.0"),
        (col("speed") * 0.1, "float32", "speed * 0.10000000149011612"),
        (col("speed") < 1e300, "bool", "speed.cast(float64) < 1e+300"),
        (col("speed") * np.float64(0.1), "float64", "speed.cast(float64) * 0.1"),
        (col("arr_delay") * 0.5, "float64", "arr_delay.cast(float64) * 0.5"),
        (col("arr_delay") / 2, "float64", "arr_delay.cast(float64) / 2.0"),
        (col("big") + 1, "uint64", "big + 1"),
        (col("big") > -1, "bool", "big > -1"),
        (col("arr_delay") + None, "int64", "arr_delay + None"),
        (col("carrier") == "AA", "bool", 'carrier == "AA"'),
        (col("day") > dt.date(2013, 1, 31), "bool", "day > date(2013-01-31)"),
        (col("time") >= dt.date(2013, 1, 31), "bool", "time >= datetime(2013-01-31 00:00:00.000000)"),
        (col("day") == dt.datetime(2013, 1, 31), "bool", "day == datetime(2013-01-31 00:00:00.000000)"),
        (col("time") - dt.timedelta(hours=1), "timestamp[us]", "time - duration(3600000000 us)"),
        (when(col("late")).then(1).otherwise("small"), "int8", "when(late).then(1).otherwise(small)"),
        (when(col("late")).then(lit("yes")).otherwise(None), "string", 'when(late).then("yes").otherwise(None)'),
        (gf.max_horizontal("small", 7, "dep_delay"), "int32", "small.cast(int32).max_horizontal(7).max_horizontal(dep_delay)"),
        (col("small").fill_null(0), "int8", "small.fill_null(0)"),
        (col("distance").cast(gf.Int32), "int32", "distance.cast(int32)"),
        (lit(2) + 3, "int64", "2 + 3"),
        (col("small").is_between(0, col("dep_delay")), "bool", "(small >= 0) & (small.cast(int32) <= dep_delay)"),
    ],
    ids=str,
)
def test_types(expr, dtype, shown):
    row = bound(expr)
    assert (str(row.dtype), text(row)) == (dtype, shown)


def test_arguments_have_the_types_the_signature_asks_for():
    row = bound(col("small") + col("dep_delay"))
    assert isinstance(row, Call)
    assert [a.dtype for a in row.args] == [INT64, INT64]
    null = bound(col("carrier") == lit(None))
    assert isinstance(null, Call)
    assert null.args[1] == Const(None, STRING)
    assert bound(col("speed") + 1).args[1] == Const(1.0, FLOAT32)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("small", [3, 1, None, 1, 300, 2.0, 2.5], (1, 2, 3)),
        ("speed", [0.1, -0.0, 0], (0.0, float(np.float32(0.1)))),
        ("carrier", ["b", "a", None], ("a", "b")),
        ("day", [dt.date(1970, 1, 2), dt.datetime(1970, 1, 3), dt.datetime(1970, 1, 3, 1)], (1, 2)),
        ("time", [dt.date(1970, 1, 2)], (86_400_000_000,)),
        ("arr_delay", np.array([5, 4]), (4, 5)),
        ("late", [True], (True,)),
        ("small", [], ()),
    ],
)
def test_members_are_sorted_physical_values(column, values, expected):
    row = bound(col(column).is_in(values))
    assert isinstance(row, Member)
    assert row.values == expected
    assert all(type(a) is type(b) for a, b in zip(row.values, expected, strict=True))


def test_nan_is_a_member():
    assert text(bound(col("distance").is_in([1, math.nan]))) == "distance.is_in([1.0]) | distance.is_nan()"


@pytest.mark.parametrize(
    ("expr", "error", "messages"),
    [
        (col("dep_dealy"), ColumnNotFoundError, ["there is no column 'dep_dealy'", "did you mean 'dep_delay'"]),
        (col("zzzz"), ColumnNotFoundError, ["there are 'carrier', 'dep_delay'"]),
        (col("carrier") + 1, TypeMismatchError, ['(col("carrier") + 1)', "string and int64", "accepts integers"]),
        (col("day") > "2013-01-31", TypeMismatchError, ["date and string", "gf.date(2013, 1, 31)"]),
        (col("time") == "2013-01-31", TypeMismatchError, ["datetime.datetime(2013, 1, 31, 12)"]),
        (col("small") & (col("small") > 1), TypeMismatchError, ["int8 and bool", "brackets around comparisons"]),
        (col("carrier").sqrt(), TypeMismatchError, ["sqrt() does not accept string", "it accepts integers, floats or decimals"]),
        (col("carrier").cast(gf.Duration("s")), TypeMismatchError, ["string cannot be cast to duration[s]"]),
        (col("carrier").dt.year(), TypeMismatchError, ["year() does not accept string", "timestamps or date"]),
        (col("small").is_in(["a"]), TypeMismatchError, ["the column is int8", '"a" in the list is string']),
        (when("small").then(1), TypeMismatchError, ["when()", "int8", "it accepts bool"]),
        (col("speed").round(-1), PlanError, ["digits of at least 0"]),
        (col("time").dt.truncate("fortnight"), PlanError, ["no interval"]),
        (col("small").sum() + 1, PlanError, ['col("small").sum() is an aggregation', "group_by(...).agg(...)", "select"]),
        (col("small", "big") + 1, PlanError, ["several columns"]),
    ],
    ids=str,
)
def test_errors_name_what_is_wrong_and_the_way_out(expr, error, messages):
    with pytest.raises(error) as caught:
        bound(expr)
    for message in messages:
        assert message in str(caught.value)


def test_names_of_quotes_newlines_and_code():
    names = ['a"b', "x\ny", "\\", "__import__('os').system('true')", "\0"]
    schema = Schema(dict.fromkeys(names, INT64))
    for name in names:
        row = bind((col(name) + 1)._node, schema)
        assert row.args[0].key == name
        assert "\n" not in text(row)
        assert name not in row.overload.body.text
