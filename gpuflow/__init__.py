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

from . import errors
from . import io as io
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
from .expr.keyword_hints import unknown as _unknown
from .expr.other_names import WAYS as _WAYS
from .frame import reading as _reading
from .frame.concat import concat
from .frame.frame import Frame, Table
from .frame.group_by import GroupBy
from .frame.ranges import date_range, datetime_range
from .frame.reading import *  # noqa: F403  (each format brings its names; see __all__ there)
from .plan.source import Source
from .schema import Schema
from .version import __version__

Boolean, String, Utf8, Date = BOOL, STRING, STRING, DATE
Binary, Categorical = BINARY, STRING
Int8, Int16, Int32, Int64 = INT8, INT16, INT32, INT64
UInt8, UInt16, UInt32, UInt64 = UINT8, UINT16, UINT32, UINT64
Float32, Float64 = FLOAT32, FLOAT64

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
    "from_epoch",
    "len",
    "lit",
    "max_horizontal",
    "min_horizontal",
    "rules",
    "scalar",
    "when",
]
__all__ += _reading.__all__
