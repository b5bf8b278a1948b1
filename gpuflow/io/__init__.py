"""Reading and writing tables. Every ``scan_`` and ``from_`` function returns a `gpuflow.plan.source.Source`.

The functions load what they need when they are called: importing this module imports no library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import scan
from .scan import *  # noqa: F403  (each format brings its function; see __all__ there)
from .text.scan import scan_csv, scan_json, scan_ndjson
from .write.api import write_csv, write_ipc, write_ndjson, write_parquet

if TYPE_CHECKING:
    from gpuflow_kernels.dtypes import DType

    from .in_memory.source import MemorySource

__all__ = [
    "from_any",
    "from_arrow",
    "from_cupy",
    "from_dict",
    "from_dicts",
    "from_dlpack",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "from_records",
    "scan_csv",
    "scan_json",
    "scan_ndjson",
    "write_csv",
    "write_ipc",
    "write_ndjson",
    "write_parquet",
]
__all__ += scan.__all__


def from_arrow(data: Any, name: str | None = None, *, wide_decimals: str = "exact") -> MemorySource:
    """Take over Arrow data; numbers are shared.

    Data is validated in full, column by column, when a query first uses it. Ordered dictionaries of strings become an enum,
    others strings; lists, structs and maps pass through queries as they are.

    Parameters
    ----------
    data : pyarrow object or other Arrow data
        A pyarrow Table, RecordBatch or RecordBatchReader, or any object with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (a
        relation of DuckDB, a frame of another library). A struct array is a table.
    name : str, optional
        Name of the one column that any other array becomes.
    wide_decimals : {"exact", "narrow", "float64", "string"}
        What decimals of more than 18 digits become, as for `scan_parquet`.

    Raises
    ------
    TypeMismatchError
        For what is no Arrow data, and for one array without a name.
    ReadError
        When it cannot be taken over.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from_arrow(pa.array([[1, 2], None]), name="x").schema
    Schema(x: list[int64])
    """
    from .in_memory import frames as adopt

    return adopt.from_arrow(data, name, wide_decimals)


def from_dict(data: Mapping[str, Any], schema: Mapping[str, DType | str] | None = None) -> MemorySource:
    """Take over a mapping of names to lists or arrays.

    Parameters
    ----------
    data : mapping of str to list or array
        None is null; contiguous arrays of numbers are shared where `schema` does not name them.
    schema : mapping of str to DType or type name, optional
        Types of columns that are not to be guessed.

    Raises
    ------
    TypeMismatchError
        Naming the column whose values have no common type, or not the one asked for.

    Examples
    --------
    >>> from gpuflow_kernels.dtypes import enum
    >>> from_dict({"x": [1, None], "size": ["s", "l"]}, schema={"size": enum(["s", "m", "l"])}).schema
    Schema(x: int64, size: enum[s, m, l])
    """
    from .in_memory import python_values

    return python_values.from_dict(data, schema)


def from_dicts(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, DType | str] | None = None) -> MemorySource:
    """Take over mappings, one for each row; what a row lacks is null.

    Parameters
    ----------
    rows : iterable of mappings
        The rows, in order.
    schema : mapping of str to DType or type name, optional
        Names and types of all columns; otherwise columns come in the order in which they first appear.

    Raises
    ------
    TypeMismatchError
        Naming the column whose values have no common type, or not the one asked for.

    Examples
    --------
    >>> from_dicts([{"x": 1}, {"x": 2, "y": "a"}]).schema
    Schema(x: int64, y: string)
    """
    from .in_memory import python_values

    return python_values.from_dicts(rows, schema)


def from_records(rows: Iterable[Sequence[Any]], schema: Sequence[str] | Mapping[str, DType | str] | None = None) -> MemorySource:
    """Take over tuples (or lists), one for each row.

    Parameters
    ----------
    rows : iterable of sequences
        All as long as `schema`.
    schema : list of str, or mapping of str to DType or type name
        Names of the columns, and their types where those are not to be guessed; without it ``column_0``, ``column_1``, ….

    Raises
    ------
    PlanError
        When a row has another length.
    TypeMismatchError
        Naming the column whose values have no common type, or not the one asked for.

    Examples
    --------
    >>> from_records([(1, "a"), (2, None)], schema=["x", "s"]).schema
    Schema(x: int64, s: string)
    """
    from .in_memory import python_values

    return python_values.from_records(rows, schema)


def from_dlpack(data: Any, name: str | None = None) -> MemorySource:
    """Take over tensors by DLPack, of the host or of a GPU.

    Contiguous tensors are shared where they lie, others are copied.

    Parameters
    ----------
    data : mapping of str to tensors, or a tensor
        One-dimensional ones, of PyTorch, JAX, CuPy, NumPy and whatever else has ``__dlpack__``.
    name : str, optional
        Name of the column, for one tensor.

    Raises
    ------
    TypeMismatchError
        For what is no tensor.
    UnsupportedError
        For a type or a device that there is no column for.

    Examples
    --------
    >>> import numpy as np
    >>> from_dlpack({"x": np.arange(3), "y": np.ones(3)}).schema
    Schema(x: int64, y: float64)
    """
    from .in_memory import dlpack

    return dlpack.from_dlpack(data, name)


def from_pandas(data: Any) -> MemorySource:
    """Take over a pandas DataFrame.

    NaN in a plain float column stays a value; NA, None and NaT are null. The index is left out; where it has a name, a
    `LeftOutWarning` says so.

    Parameters
    ----------
    data : pandas.DataFrame
        What to take over; numbers are shared.

    Raises
    ------
    TypeMismatchError
        For what is no DataFrame.
    ReadError
        When a column cannot be taken over.

    Examples
    --------
    >>> import pandas as pd
    >>> from_pandas(pd.DataFrame({"x": [1.5, float("nan")], "s": ["a", None]})).schema
    Schema(x: float64, s: string)
    """
    from .in_memory import frames as adopt

    return adopt.from_pandas(data)


def from_polars(data: Any, *, wide_decimals: str = "exact") -> MemorySource:
    """Take over a Polars DataFrame; numbers are shared.

    Parameters
    ----------
    data : polars.DataFrame
        What to take over.
    wide_decimals : {"exact", "narrow", "float64", "string"}
        What decimals of more than 18 digits become, as for `scan_parquet`.

    Raises
    ------
    TypeMismatchError
        For what is no DataFrame.

    Examples
    --------
    >>> import polars as pl
    >>> from_polars(pl.DataFrame({"x": [1, None], "s": ["a", "b"]})).schema
    Schema(x: int64, s: string)
    """
    from .in_memory import frames as adopt

    return adopt.from_polars(data, wide_decimals)


def from_numpy(data: Mapping[str, Any]) -> MemorySource:
    """Take over a mapping of names to one-dimensional arrays or lists.

    Parameters
    ----------
    data : mapping of str to array or list
        Contiguous numbers are shared. NaT and what a mask hides are null; NaN is a value.

    Raises
    ------
    TypeMismatchError
        For an array of more dimensions, or of values that there is no column for.

    Examples
    --------
    >>> import numpy as np
    >>> from_numpy({"x": np.arange(3), "day": np.array(["2024-02-29", "NaT", "2024-03-01"], "M8[D]")}).schema
    Schema(x: int64, day: date)
    """
    from .in_memory import frames as adopt

    return adopt.from_numpy(data)


def from_cupy(data: Mapping[str, Any]) -> MemorySource:
    """Take over a mapping of names to device arrays, which stay on the device.

    Parameters
    ----------
    data : mapping of str to device array
        One-dimensional arrays with ``__cuda_array_interface__``.

    Raises
    ------
    TypeMismatchError
        For what is no mapping of device arrays.
    UnsupportedError
        When CuPy is missing, or an array has a type that there is no column for.

    Examples
    --------
    >>> import cupy as cp  # doctest: +SKIP
    >>> from_cupy({"x": cp.arange(3)}).schema  # doctest: +SKIP
    Schema(x: int64)
    """
    from .in_memory import frames as adopt

    return adopt.from_cupy(data)


def from_any(data: Any) -> Any:
    """Take over any table in memory that is recognised.

    Parameters
    ----------
    data : object
        A Table, a DataFrame of pandas or Polars, Arrow data, a mapping of names to arrays, a list of mappings, or a Source.

    Raises
    ------
    TypeMismatchError
        When it is none of those.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from_any({"x": [1, None]}).schema, from_any(pa.table({"s": ["a"]})).schema
    (Schema(x: int64), Schema(s: string))
    """
    from .in_memory import from_any as recognise

    return recognise.from_any(data)
