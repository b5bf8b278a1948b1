"""Expressions by themselves: text, identity, immutability, and where methods come from."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pytest

import gpuflow as gf
from gpuflow import col, lit, when
from gpuflow.errors import PlanError, TypeMismatchError

TEXTS = [
    (col("x") > 5, '(col("x") > 5)'),
    (5 - col("x"), '(5 - col("x"))'),
    (-col("x") // 2 % 3, '(((-col("x")) // 2) % 3)'),
    (~(col("a") & (col("b") == "q")), '(~(col("a") & (col("b") == "q")))'),
    (2 ** col("x"), '(2 ** col("x"))'),
    (col("a", "b").sum(), 'col("a", "b").sum()'),
    (gf.all().is_null(), "all().is_null()"),
    (gf.len(), "len()"),
    (col("x").mean().alias("m"), 'col("x").mean().alias("m")'),
    (col("t").dt.year(), 'col("t").dt.year()'),
    (col("t").dt.truncate("1h"), "col(\"t\").dt.truncate(every='1h')"),
    (col("x").cast(gf.Int8, strict=False), 'col("x").cast(int8, strict=False)'),
    (col("x").is_in([1, 2]), 'col("x").is_in([1, 2])'),
    (col("x").is_between(1, 2, closed="left"), '((col("x") >= 1) & (col("x") < 2))'),
    (col("x").fill_null(0), 'col("x").fill_null(0)'),
    (when("late").then(1).otherwise(None), 'when(col("late")).then(1).otherwise(None)'),
    (gf.coalesce("a", 0), 'coalesce(col("a"), 0)'),
    (lit(dt.date(2013, 1, 31)) > col("d"), '(date(2013-01-31) > col("d"))'),
    (lit(5, gf.Int8), "lit(5, int8)"),
    (lit("a").fill_null("b"), 'lit("a").fill_null("b")'),
    (col('say "hi"\n') + 1, '(col("say \\"hi\\"\\n") + 1)'),
    (np.float64(2) * col("x"), '(lit(2.0, float64) * col("x"))'),
    (col("t") + gf.duration(hours=1), '(col("t") + duration(3600000000 us))'),
]


@pytest.mark.parametrize(("expr", "text"), TEXTS, ids=[t for _, t in TEXTS])
def test_text_identity_and_pickle(expr, text):
    assert repr(expr) == text
    again = pickle.loads(pickle.dumps(expr))
    assert again.equals(expr)
    assert hash(again) == hash(expr)


def test_equality_is_an_expression_and_content_decides_identity():
    assert isinstance(col("x") == col("x"), gf.Expr)
    assert (col("x") + 1).equals(col("x") + 1)
    assert not (col("x") + 1).equals(col("x") + True)
    assert not (col("x") + 1).equals("x")
    assert hash(col("x") + 1) != hash(col("x") + 2)


def test_then_is_an_expression_and_pickles():
    chain = when(col("x") > 0).then("a").when(col("x") < 0).then("b")
    assert repr(chain) == 'when((col("x") > 0)).then(col("a")).when((col("x") < 0)).then(col("b")).otherwise(None)'
    assert pickle.loads(pickle.dumps(chain)).otherwise(0).equals(chain.otherwise(0))


def test_immutable():
    with pytest.raises(AttributeError, match="immutable"):
        col("x").name = "y"


@pytest.mark.parametrize("use", [bool, lambda e: e and e, lambda e: not e, lambda e: 1 < e < 3])
def test_no_truth_value(use):
    with pytest.raises(TypeError, match=r"no truth value.*&.*is_in\(\).*is_between\(\).*when\(\)"):
        use(col("x") > 1)


def test_not_a_container():
    with pytest.raises(TypeError, match="is_in"):
        5 in col("x")  # noqa: B015
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(col("x"))


def test_unknown_methods_name_near_ones():
    with pytest.raises(AttributeError, match=r"an expression has no 'is_nul'; did you mean 'is_null'"):
        col("x").is_nul()
    with pytest.raises(AttributeError, match=r"did you mean \.dt\.year\?"):
        col("x").year()
    with pytest.raises(AttributeError, match=r"\.dt has no 'yeer'; did you mean 'year'"):
        col("x").dt.yeer()


def test_registered_functions_are_listed():
    assert {"sum", "abs", "dt", "alias", "is_null"} <= set(dir(col("x")))
    assert {"year", "truncate"} <= set(dir(col("x").dt))
    assert col("x").abs.__doc__.splitlines()[0] == "Return the value without its sign."


def test_wrong_arguments_of_methods():
    with pytest.raises(TypeMismatchError, match=r"round\(digits=0\) does not take these 3 arguments"):
        col("x").round(1, 2)
    with pytest.raises(TypeMismatchError, match=r"round\(digits=0\) does not take places=1"):
        col("x").round(places=1)
    with pytest.raises(TypeMismatchError, match=r"dt\.truncate\(every=\.\.\.\) needs every="):
        col("x").dt.truncate()
    with pytest.raises(TypeMismatchError, match="digits is a plain value"):
        col("x").round(col("y"))
    with pytest.raises(TypeMismatchError, match=r"sum\(\) aggregates 1 column"):
        col("x").sum(3)


def test_parameters_by_name_or_place():
    assert col("x").round(digits=2).equals(col("x").round(2))
    assert col("x").fill_null(value=2).equals(col("x").fill_null(2))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lit([1]), TypeMismatchError, "a list is no literal"),
        (lambda: lit(2**70), TypeMismatchError, "does not fit into 64 bits"),
        (lambda: lit(dt.datetime(2013, 1, 1, 5), gf.Datetime("us", "UTC")), TypeMismatchError, "is no timestamp"),
        (lambda: lit("x", gf.Int8), TypeMismatchError, "'x' is no int8 value"),
        (lambda: lit(300, gf.Int8), TypeMismatchError, "300 is no int8 value"),
        (lambda: col("x").is_in("abc"), TypeMismatchError, "takes a list of values"),
        (lambda: col("x").is_in(col("y")), TypeMismatchError, "semi"),
        (lambda: col("x").is_in([col("y")]), TypeMismatchError, "literal values"),
        (lambda: col("x").cast("number"), TypeMismatchError, "types are written as gf.Int64"),
        (lambda: col("x").alias(3), TypeMismatchError, "takes a name"),
        (lambda: col("x").is_between(1, 2, closed="up"), PlanError, "'both', 'left', 'right', 'none'"),
        (lambda: col(3), TypeMismatchError, "column names"),
        (lambda: gf.coalesce(), PlanError, "at least one"),
        (lambda: gf.duration(microseconds=1, unit="s"), PlanError, "finer unit"),
        (lambda: when(), PlanError, "condition"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("value", "physical", "dtype"),
    [
        (True, True, "bool"),
        (7, 7, "int64"),
        (2**63, 2**63, "uint64"),
        (1.5, 1.5, "float64"),
        ("a", "a", "string"),
        (None, None, "null"),
        (dt.date(1970, 1, 3), 2, "date"),
        (dt.datetime(1970, 1, 1, 0, 0, 1), 1_000_000, "timestamp[us]"),
        (dt.timedelta(days=-1), -86_400_000_000, "duration[us]"),
        (np.int8(3), 3, "int8"),
        (np.float32(0.5), 0.5, "float32"),
        (np.bool_(True), True, "bool"),
        (np.datetime64("1970-01-02"), 1, "date"),
        (np.datetime64("1970-01-01T00:00:02", "ms"), 2000, "timestamp[ms]"),
        (np.datetime64("NaT", "ns"), None, "timestamp[ns]"),
        (np.timedelta64(3, "h"), 10_800, "duration[s]"),
    ],
)
def test_literals_are_physical(value, physical, dtype):
    node = lit(value)._node
    assert (node.value, str(node.dtype)) == (physical, dtype)
    assert type(node.value) is type(physical)


def test_declared_function_is_a_method_and_a_function():
    from gpuflow_kernels.declare.scalar import SCALARS

    try:

        @gf.scalar(dtype=gf.rules.real)
        def half_of(x):
            """Half of it."""
            return x / 2

        assert half_of(col("x")).equals(col("x").half_of())
        assert repr(half_of(3)) == "lit(3).half_of()"
        assert col("x").half_of.__doc__.splitlines()[0] == "Half of it."
        assert half_of.python(5) == 2.5
    finally:
        SCALARS.pop("half_of", None)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: gf.date(2013, 1.5, [1]), TypeMismatchError, "whole numbers, columns and expressions, not of"),
        (lambda: gf.date(2023, 2, 29), PlanError, r"date\(2023, 2, 29\): day"),
        (lambda: gf.datetime(2023, 13, 1), PlanError, "month must be in"),
        (lambda: gf.datetime(10**20, 1, 1), PlanError, "datetime"),
        (lambda: gf.duration(days=None), TypeMismatchError, "days=None is no finite number"),
        (lambda: gf.duration(hours=float("nan")), TypeMismatchError, "hours=nan"),
        (lambda: gf.duration(days=1, unit="h"), PlanError, "unit='h' is not one of"),
    ],
)
def test_literals_of_time_that_are_none(make, error, message):
    with pytest.raises(error, match=message):
        make()
