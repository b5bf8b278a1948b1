"""gpuflow: lazy queries over large tables, compiled to one kernel each, on CPU cores, GPUs and Dask clusters.

>>> import numpy as np
>>> import gpuflow as gf
>>> from gpuflow import col
>>> flights = gf.from_numpy({"carrier": np.array([1, 1, 2]), "delay": np.array([5.0, 7.0, 1.0])})
>>> flights.filter(col("delay") > 2).group_by("carrier").agg(flights=gf.len()).columns
['carrier', 'flights']
"""

from __future__ import annotations

from importlib.util import find_spec as _find_spec
from typing import Any

from gpuflow_kernels.declare import type_rules as rules
from gpuflow_kernels.declare.aggregate import INPUT, Slot, aggregation
from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.dtypes import (
    BINARY,
    BOOL,
    DATE,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    DType,
)
from gpuflow_kernels.dtypes import decimal as Decimal
from gpuflow_kernels.dtypes import duration as Duration
from gpuflow_kernels.dtypes import enum as Enum
from gpuflow_kernels.dtypes import timestamp as Datetime

from . import errors, io
from .cluster import cluster
from .display.completion import register as _complete_columns
from .expr import (
    Expr,
    all,
    coalesce,
    col,
    concat_str,
    date,
    datetime,
    duration,
    from_epoch,
    len,
    lit,
    max_horizontal,
    min_horizontal,
    when,
)
from .expr.elsewhere import unknown as _unknown
from .expr.ways import WAYS as _WAYS
from .frame.concat import concat
from .frame.frame import Frame, Table
from .frame.group_by import GroupBy
from .frame.ranges import date_range, datetime_range
from .frame.reading import framed as _framed
from .frame.reading import read_csv, read_ipc, read_json, read_ndjson, read_orc, read_parquet
from .plan.source import Source
from .schema import Schema
from .version import __version__

Boolean, String, Utf8, Date = BOOL, STRING, STRING, DATE
Binary, Categorical = BINARY, STRING
Int8, Int16, Int32, Int64 = INT8, INT16, INT32, INT64
UInt8, UInt16, UInt32, UInt64 = UINT8, UINT16, UINT32, UINT64
Float32, Float64 = FLOAT32, FLOAT64

scan_parquet = _framed(io.scan_parquet)
scan_csv = _framed(io.scan_csv)
scan_ipc = _framed(io.scan_ipc)
scan_json = _framed(io.scan_json)
scan_ndjson = _framed(io.scan_ndjson)
scan_orc = _framed(io.scan_orc)
from_any = _framed(io.from_any)
from_arrow = _framed(io.from_arrow)
from_cupy = _framed(io.from_cupy)
from_dict = _framed(io.from_dict)
from_dicts = _framed(io.from_dicts)
from_dlpack = _framed(io.from_dlpack)
from_numpy = _framed(io.from_numpy)
from_pandas = _framed(io.from_pandas)
from_polars = _framed(io.from_polars)
from_records = _framed(io.from_records)

_complete_columns()


def __getattr__(name: str) -> Any:
    if name.startswith("__") or _find_spec(f"{__name__}.{name}") is not None:  # a submodule that nothing has imported yet
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    way = {name: f'write it as a method of the expression: gf.col("x").{name}(...)'} if hasattr(Expr, name) else {}
    raise _unknown("gpuflow", name, way | _WAYS["module"], __all__)


def __dir__() -> list[str]:
    return sorted({*__all__, *(n for n in globals() if n.startswith("__"))})


__all__ = [
    "INPUT",
    "Binary",
    "Boolean",
    "Categorical",
    "DType",
    "Date",
    "Datetime",
    "Decimal",
    "Duration",
    "Enum",
    "Expr",
    "Float32",
    "Float64",
    "Frame",
    "GroupBy",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Schema",
    "Slot",
    "Source",
    "String",
    "Table",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Utf8",
    "__version__",
    "aggregation",
    "all",
    "cluster",
    "coalesce",
    "col",
    "concat",
    "concat_str",
    "date",
    "date_range",
    "datetime",
    "datetime_range",
    "duration",
    "errors",
    "from_any",
    "from_arrow",
    "from_cupy",
    "from_dict",
    "from_dicts",
    "from_dlpack",
    "from_epoch",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "from_records",
    "len",
    "lit",
    "max_horizontal",
    "min_horizontal",
    "read_csv",
    "read_ipc",
    "read_json",
    "read_ndjson",
    "read_orc",
    "read_parquet",
    "rules",
    "scalar",
    "scan_csv",
    "scan_ipc",
    "scan_json",
    "scan_ndjson",
    "scan_orc",
    "scan_parquet",
    "when",
]
