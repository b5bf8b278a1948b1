"""Types of other libraries, Python's classes and names, wherever a type is taken."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels.dtype_like import as_dtype

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import DTypeError, ExtensionError, GpuflowError, TypeMismatchError

WRITTEN = [
    *((n, getattr(gf, n)) for n in ("Int8", "Int64", "UInt16", "Float32", "Float64", "Boolean", "String", "Date", "Binary")),
    *((str(getattr(gf, n)), getattr(gf, n)) for n in ("Int8", "UInt64", "Float32", "Boolean", "String", "Date")),
    (bool, gf.Boolean),
    (int, gf.Int64),
    (float, gf.Float64),
    (str, gf.String),
    (bytes, gf.Binary),
    (dt.date, gf.Date),
    (dt.datetime, gf.Datetime()),
    (dt.timedelta, gf.Duration()),
    ("int", gf.Int64),
    ("float", gf.Float64),
    ("str", gf.String),
    ("category", gf.String),
    ("datetime64[ms]", gf.Datetime("ms")),
    ("timestamp[us, tz=Europe/Berlin]", gf.Datetime("us", "Europe/Berlin")),
    ("datetime64[ns, UTC]", gf.Datetime("ns", "UTC")),
    ("duration[s]", gf.Duration("s")),
    ("timedelta64[ns]", gf.Duration("ns")),
    ("decimal(10, 2)", gf.Decimal(10, 2)),
    (gf.Datetime, gf.Datetime()),
    (gf.Duration, gf.Duration()),
    (np.int8, gf.Int8),
    (np.float32, gf.Float32),
    (np.bool_, gf.Boolean),
    (np.str_, gf.String),
    (np.dtype("uint16"), gf.UInt16),
    (np.dtype("datetime64[D]"), gf.Date),
    (np.dtype("datetime64[ms]"), gf.Datetime("ms")),
    (np.dtype("timedelta64[us]"), gf.Duration("us")),
    (np.dtypes.StringDType(), gf.String),
    (pd.Int32Dtype(), gf.Int32),
    (pd.Int32Dtype, gf.Int32),
    (pd.BooleanDtype(), gf.Boolean),
    (pd.StringDtype(), gf.String),
    (pd.DatetimeTZDtype("ns", "UTC"), gf.Datetime("ns", "UTC")),
    (pd.CategoricalDtype(["a"]), gf.String),
    (pd.ArrowDtype(pa.int16()), gf.Int16),
    (pl.Int8, gf.Int8),
    (pl.UInt64(), gf.UInt64),
    (pl.String, gf.String),
    (pl.Utf8, gf.String),
    (pl.Categorical, gf.String),
    (pl.Boolean, gf.Boolean),
    (pl.Date, gf.Date),
    (pl.Datetime, gf.Datetime("us")),
    (pl.Datetime("ms"), gf.Datetime("ms")),
    (pl.Datetime("ns", "Europe/Berlin"), gf.Datetime("ns", "Europe/Berlin")),
    (pl.Duration("ms"), gf.Duration("ms")),
    (pl.Decimal(12, 3), gf.Decimal(12, 3)),
    (pl.Enum(["b", "a"]), gf.Enum(["b", "a"])),
    (pa.int32(), gf.Int32),
    (pa.float64(), gf.Float64),
    (pa.large_string(), gf.String),
    (pa.dictionary(pa.int32(), pa.string()), gf.String),
    (pa.timestamp("ms", "UTC"), gf.Datetime("ms", "UTC")),
    (pa.date32(), gf.Date),
    (pa.decimal128(9, 2), gf.Decimal(9, 2)),
]


@pytest.mark.parametrize(("written", "dtype"), WRITTEN, ids=lambda v: getattr(v, "__name__", None) or repr(v)[:40])
def test_is_meant(written, dtype):
    assert as_dtype(written) == dtype
    assert col("x").cast(written).equals(col("x").cast(dtype))


NO_TYPES = [
    ("in64", "did you mean 'int64'"),
    ("Int650", "types are written as"),
    (object, "name the type of the values"),
    (complex, "types are written as"),
    (5, "5 is no type"),
    (None, "None is no type"),
    ([int], "is no type"),
    (decimal.Decimal, r"gf\.Decimal\(10, 2\)"),
    (pl.Decimal, r"gf\.Decimal\(10, 2\)"),
    (gf.Enum, r"gf\.Enum\("),
    (pl.Enum, r"gf\.Enum\("),
    (dt.time, "times of day"),
    (pl.Time, "times of day"),
    (pl.List(pl.Int8), "is no type"),
    (pl.Int128, "64 bits"),
    (pa.list_(pa.int8()), "is no type"),
    (np.dtype(object), "name the type"),
    (np.number, "is no type"),
    (np.complex128, "is no type"),
    ("timestamp[us, tz=Mars/Olympus]", "is no time zone"),
    ("decimal(99, 2)", "digits"),
]


@pytest.mark.parametrize(("written", "said"), NO_TYPES, ids=lambda v: getattr(v, "__name__", None) or repr(v)[:40])
def test_what_is_no_type(written, said):
    with pytest.raises(TypeMismatchError, match=said):
        col("x").cast(written)


def test_wherever_a_type_is_taken(tmp_path):
    assert gf.lit(5, "int8").equals(gf.lit(5, gf.Int8))
    assert gf.lit(5, pl.Int8).equals(gf.lit(5, gf.Int8))
    frame = gf.from_dict({"x": [1], "y": ["2"]}, schema={"x": float, "y": str})
    assert frame.schema == gf.Schema({"x": gf.Float64, "y": gf.String}) == gf.Schema({"x": float, "y": "string"})
    assert frame.cast({"x": pl.Float32}).schema["x"] == gf.Float32
    assert frame.cast({float: np.int16}).schema["x"] == gf.Int16
    assert frame.select("x").cast(int).schema["x"] == gf.Int64
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1,2013-01-31\n")
    scanned = gf.scan_csv(file, schema_overrides={"a": float, "b": pl.String})
    assert scanned.schema == gf.Schema({"a": gf.Float64, "b": gf.String})
    with pytest.raises(TypeMismatchError, match=r"schema_overrides, column 'a': 'flot' is no type.*did you mean 'float'"):
        gf.scan_csv(file, schema_overrides={"a": "flot"})
    assert col("s").str.strptime(dt.date, "%Y").equals(col("s").str.strptime(gf.Date, "%Y"))
    assert col("s").str.to_integer(dtype="int8").equals(col("s").str.to_integer(dtype=gf.Int8))
    with pytest.raises(TypeMismatchError, match=r"str\.to_integer\(.*: 'x' is no type"):
        col("s").str.to_integer(dtype="x")


def test_in_declarations():
    from gpuflow_kernels.dtypes import INT8

    assert gf.rules.always(float)((INT8,)).result == gf.Float64
    assert gf.rules.exactly(int, result="bool")((gf.Int64,)).result == gf.Boolean
    assert gf.rules.one_of("int8", pl.Int16)(gf.Int16)
    assert gf.Slot(float, 0.0, "add").dtype == gf.Float64
    assert gf.Slot(gf.INPUT, "lowest", "max").dtype == gf.INPUT
    with pytest.raises(DTypeError, match="'flt' is no type"):
        gf.rules.always("flt")
    assert issubclass(ExtensionError, GpuflowError)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gf.Datetime("h"), "time unit 'h'"),
        (lambda: gf.Datetime("us", "Nowhere"), "no time zone"),
        (lambda: gf.Decimal("10", 2), "whole numbers"),
        (lambda: gf.Decimal(10, 11), "after the point"),
        (lambda: gf.Enum(5), "categories of an enum"),
        (lambda: gf.Enum("abc"), "categories of an enum"),
        (lambda: gf.Enum(["a", "a"]), "comes twice"),
        (lambda: gf.Schema({"x": "no"}), "is no type"),
    ],
)
def test_types_that_there_are_not(make, said):
    with pytest.raises(DTypeError, match=said) as caught:
        make()
    assert isinstance(caught.value, ValueError)
