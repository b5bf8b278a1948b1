"""Frames as they are written: schemas, and errors that are raised at once."""

from __future__ import annotations

import numpy as np
import pytest
from gpuflow_kernels.dtypes import BOOL, FLOAT32, FLOAT64, INT8, INT32, INT64, STRING, UINT64, timestamp

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ColumnNotFoundError, DuplicateNameError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.plan.nodes import Project, Union

from .tables import airlines, flights, frame


def test_select_and_with_columns():
    f = flights().select("carrier", col("small").alias("s"), twice=col("small") * 2)
    assert list(f.schema.items()) == [("carrier", STRING), ("s", INT8), ("twice", INT64)]
    g = f.with_columns(s=col("s").cast(gf.Float64), new="carrier")
    assert list(g.schema.items()) == [("carrier", STRING), ("s", FLOAT64), ("twice", INT64), ("new", STRING)]
    assert f.select(["carrier", "s"]).columns == ["carrier", "s"]
    assert f.select(gf.all()).columns == f.columns


def test_drop_and_rename():
    f = airlines().drop("founded").rename({"name": "airline"})
    assert f.columns == ["carrier", "airline"]
    assert airlines().rename({"name": "carrier", "carrier": "name"}).columns == ["name", "carrier", "founded"]


def test_filter_with_several_conditions_and_keywords():
    f = flights().filter(col("late"), col("small") > 1, carrier="AA")
    assert [line.strip() for line in f.explain("logical").splitlines()][:3] == [
        'FILTER carrier == "AA"',
        "FILTER small > 1",
        "FILTER late",
    ]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: f.filter("small"), TypeMismatchError, r'condition, and col\("small"\) is int8'),
        (lambda f: f.filter(), PlanError, "needs a condition"),
        (lambda f: f.select("carier"), ColumnNotFoundError, "did you mean 'carrier'"),
        (lambda f: f.select("carrier", col("carrier")), DuplicateNameError, "both be called 'carrier'"),
        (lambda f: f.select(x=gf.all()), PlanError, "'x' names one"),
        (lambda f: f.drop("nothing"), ColumnNotFoundError, "no column 'nothing'"),
        (lambda f: f.drop(col("small") + 1), PlanError, "column names"),
        (lambda f: f.rename({"small": "carrier"}), DuplicateNameError, "'carrier' and 'small' would both"),
        (lambda f: f.rename({"smal": "x"}), ColumnNotFoundError, "did you mean 'small'"),
        (lambda f: f.sort(), PlanError, "needs a column"),
        (lambda f: f.sort("small", "big", descending=[True]), PlanError, "1 entries for 2 columns"),
        (lambda f: f.head(-1), PlanError, "must not be negative"),
        (lambda f: f.filter([True, False]), TypeMismatchError, "not a list of True and False"),
        (lambda f: f.head(2.0), TypeMismatchError, "must be an int"),
        (lambda f: f.unique(keep="none"), PlanError, "'any', 'first', 'last'"),
        (lambda f: f.unique("nobody"), ColumnNotFoundError, "no column"),
        (lambda f: f.explain("asm"), PlanError, "'logical', 'optimized', 'physical', 'kernel'"),
        (lambda f: f["small"], TypeError, r"frame.select\('small'\)"),
        (lambda f: bool(f), TypeError, "no truth value"),
        (lambda f: f.select(col("small", "big") + col("late", "day", "time")), PlanError, "2 and 3 columns"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(flights())


# -- joins ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["inner", "left"])
def test_join_leaves_out_the_right_keys(how):
    f = flights().select("carrier", "small").join(airlines(), on="carrier", how=how)
    assert f.columns == ["carrier", "small", "name", "founded"]
    g = flights().select("small", founded="dep_delay").join(airlines(), left_on="founded", right_on="founded", how=how)
    assert g.columns == ["small", "founded", "carrier", "name"]


def test_join_suffix_and_expressions():
    left = frame("l", {"a": INT64, "x": INT64})
    right = frame("r", {"b": INT64, "x": INT64})
    assert left.join(right, left_on="a", right_on="b").columns == ["a", "x", "x_right"]
    assert left.join(right, left_on="a", right_on=col("b") + 1, suffix="2").columns == ["a", "x", "b", "x2"]


@pytest.mark.parametrize("how", ["semi", "anti"])
def test_semi_and_anti_add_no_columns(how):
    assert airlines().join(flights(), on="carrier", how=how).columns == airlines().columns


@pytest.mark.parametrize(
    ("a", "b", "meeting"),
    [(INT8, INT64, INT64), (FLOAT32, FLOAT64, FLOAT64), (timestamp("ms"), timestamp("ns"), timestamp("ns"))],
)
def test_join_keys_meet(a, b, meeting):
    plan = frame("l", {"k": a}).join(frame("r", {"k": b}), on="k").plan
    assert plan.left_on[0].dtype == plan.right_on[0].dtype == meeting


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (INT64, FLOAT64, "int64 with float64.*cast"),
        (INT64, STRING, "int64 with string; cast"),
        (INT64, UINT64, r"no integer type holds both.*gf\.Int64"),
        (BOOL, INT8, "bool with int8"),
    ],
)
def test_join_on_unequal_types(a, b, message):
    with pytest.raises(TypeMismatchError, match=message):
        frame("l", {"k": a}).join(frame("r", {"k": b}), on="k")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"on": "carrier", "how": "sideways"}, UnsupportedError, "'inner', 'left', 'right', 'semi', 'anti'"),
        ({"on": "carrier", "how": "outer"}, UnsupportedError, "how='anti'.*diagonal"),
        ({"on": "carrier", "how": "full"}, UnsupportedError, "how='anti'.*diagonal"),
        ({"on": "carrier", "how": "cross"}, UnsupportedError, "on a constant"),
        ({"on": "carrier", "how": "asof"}, UnsupportedError, "join_asof"),
        ({}, PlanError, "pass on="),
        ({"on": "carrier", "left_on": "carrier"}, PlanError, "not both"),
        ({"left_on": ["carrier", "small"], "right_on": "carrier"}, PlanError, r"2 key\(s\) on the left and 1"),
        ({"left_on": "carrier", "right_on": "carrrier"}, ColumnNotFoundError, "in the right table.*did you mean 'carrier'"),
        ({"on": "small"}, ColumnNotFoundError, "join: in the right table there is no column 'small'"),
    ],
)
def test_join_errors(options, error, message):
    with pytest.raises(error, match=message):
        flights().join(airlines(), **options)


def test_join_duplicate_output():
    left, right = frame("l", {"k": INT64, "x": INT64, "x_right": INT64}), frame("r", {"k": INT64, "x": INT64})
    with pytest.raises(DuplicateNameError, match=r"'x_right'.*suffix="):
        left.join(right, on="k")
    with pytest.raises(TypeMismatchError, match=r"gf\.from_any"):
        left.join(7, on="k")
    with pytest.raises(TypeMismatchError, match=r"gf\.scan_parquet\('k\.parquet'\)"):
        left.join("k.parquet", on="k")


# -- unions, distinct -------------------------------------------------------------------------------------------------
def test_concat_meets_types():
    f = gf.concat([frame("a", {"x": INT32}), frame("b", {"x": INT64})])
    assert isinstance(f.plan, Union)
    assert f.schema["x"] == INT64
    assert isinstance(f.plan.parts[0], Project)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"y": INT64, "x": INT64}, "same names in another order"),
        ({"x": INT64}, "it lacks 'y'"),
        ({"x": INT64, "y": INT64, "z": INT64}, "it has 'z' more"),
        ({"x": INT64, "y": STRING}, "column 'y' is int64 .* and string in table 2"),
    ],
)
def test_concat_errors(fields, message):
    with pytest.raises(PlanError, match=message):
        gf.concat([frame("a", {"x": INT64, "y": INT64}), frame("b", fields)])


def test_concat_takes_frames():
    with pytest.raises(PlanError, match="at least one"):
        gf.concat([])
    with pytest.raises(TypeMismatchError, match=r"takes a Frame, a Table, or what gf\.from_any takes"):
        gf.concat([1])
    with pytest.raises(TypeMismatchError, match=r"a list of tables.*concat\(\[a, b\]\)"):
        gf.concat(flights())
    with pytest.raises(UnsupportedError, match=r"how='horizontal'.*join\(\).*with_row_index"):
        gf.concat([flights(), airlines()], how="horizontal")
    with pytest.raises(UnsupportedError, match=r"how='align_left'.*join\(\)"):
        gf.concat([flights(), airlines()], how="align_left")
    with pytest.raises(PlanError, match=r"how='diagonl'.*did you mean 'diagonal'"):
        gf.concat([flights(), airlines()], how="diagonl")


def test_unique():
    assert flights().unique().explain("logical").startswith("DISTINCT")
    f = airlines().unique("name", keep="last")
    assert f.columns == airlines().columns
    assert "carrier=last(carrier)" in f.explain("logical")


def test_whole_numbers_of_numpy_count_rows_and_an_expression_is_a_subset() -> None:
    frame = gf.from_dict({"a": [1, 1], "b": [2, 3]})
    assert frame.head(np.int64(1)).explain("logical") == frame.head(1).explain("logical")
    assert frame.unique(gf.col("a")).explain("logical") == frame.unique("a").explain("logical")
