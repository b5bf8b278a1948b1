"""``col`` with several names, regular expressions and types, as Polars chooses columns."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ColumnNotFoundError, PlanError, TypeMismatchError

DATA = {
    "xa": [1, 2],
    "b": pl.Series([1, 2], dtype=pl.Int8),
    "xc": [0.5, None],
    "d": ["p", "q"],
    "e": [dt.date(2024, 1, 1), None],
    "f": pl.Series([dt.datetime(2024, 1, 1), None], dtype=pl.Datetime("ms")),
    "g": pl.Series([dt.timedelta(1), None], dtype=pl.Duration("us")),
    "h": [True, None],
}
FRAME = pl.DataFrame(DATA)


@pytest.mark.parametrize(
    "chosen",
    [
        ("^x.*$",),
        ("^x|d$",),
        ("^.*$",),
        ("*",),
        ("b", "^x.*$"),
        ("^x.*$", "xa"),
        (["d", "b"],),
        (pl.Int8,),
        (pl.Int64, pl.Float64),
        ([pl.String, pl.Boolean],),
        (pl.Datetime,),
        (pl.Datetime("ms"),),
        (pl.Datetime("us"),),
        (pl.Duration,),
        (int,),
        (float,),
        (str,),
        (bool,),
        (dt.date,),
        (dt.datetime,),
        (dt.timedelta,),
    ],
    ids=str,
)
def test_as_polars_chooses(chosen):
    assert gf.from_polars(FRAME).select(col(*chosen)).columns == FRAME.select(pl.col(*chosen)).columns


def test_types_of_gpuflow_and_kinds():
    frame = gf.from_polars(FRAME)
    assert frame.select(col(gf.Int64)).columns == ["xa"]
    assert sorted(frame.select(col([gf.Date, gf.Int8])).columns) == ["b", "e"]
    assert frame.select(col(gf.Datetime)).columns == ["f"]
    assert frame.select(col({"b"})).columns == ["b"]


def test_everywhere_that_names_are_taken():
    frame = gf.from_polars(FRAME)
    assert frame.select("^x.*$").columns == frame.select("^(xa|xc)$").columns == ["xa", "xc"]
    assert frame.with_columns(col("^x.*$") * 2).collect().to_dict()["xa"] == [2, 4]
    assert frame.group_by("d", maintain_order=True).agg(col("^x.*$").sum()).columns == ["d", "xa", "xc"]
    assert frame.select(col(gf.Int64, gf.Float64).sum()).collect().to_dict() == {"xa": [3], "xc": [0.5]}


def test_text_of_what_is_chosen():
    assert repr(col("^x$")) == 'col("^x$")'
    assert repr(col(gf.Int64, float)) == "col(int64, float)"
    assert repr(col(["a", "b"]).sum()) == 'col("a", "b").sum()'


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda f: col("^x($"), PlanError, r"taken for a regular expression, and is none"),
        (lambda f: f.select("^x($"), PlanError, r"taken for a regular expression, and is none"),
        (lambda f: col(3), TypeMismatchError, "column names and types, not 3"),
        (lambda f: col(None), TypeMismatchError, "column names and types, not None"),
        (lambda f: col([col("x")]), TypeMismatchError, "column names and types"),
        (lambda f: col(object), TypeMismatchError, "is no type"),
        (lambda f: f.select(col("a", "zz")), ColumnNotFoundError, "no column 'a'"),
        (lambda f: f.select(y=col("^x.*$")), PlanError, "makes 2 columns"),
    ],
)
def test_what_chooses_nothing(make, error, said):
    with pytest.raises(error, match=said):
        make(gf.from_polars(FRAME))
