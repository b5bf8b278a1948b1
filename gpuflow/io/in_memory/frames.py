"""Sources over what other libraries hold in memory: Arrow, pandas, Polars, NumPy, CuPy."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow import convert, decimals
from gpuflow.arrow.enums import enum_column, enum_of
from gpuflow.arrow.schema import arrow_type, dtype_of, why_unsupported
from gpuflow.errors import LeftOutWarning, PlanError, ReadError, TypeMismatchError, UnsupportedError
from gpuflow.expr.near_names import listed, warn
from gpuflow.installing import install_line
from gpuflow.io.datasets.partition_rows import refuse_duplicates, refuse_without_columns, supported
from gpuflow.schema import Schema

from .python_arrays import array_of
from .source import MemorySource, common_length, device_column, numpy_column, numpy_dtype, shape_of

Maker = Callable[[], Column]

_known: weakref.WeakValueDictionary[tuple[int, str], MemorySource] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def from_arrow(data: Any, name: str | None = None, wide_decimals: str = "exact") -> MemorySource:
    """Make a source over a pyarrow Table, RecordBatch, or anything with ``__arrow_c_stream__`` or ``__arrow_c_array__``.

    A single array that is no struct becomes one column, called `name` or by its own name. The same Table gives the same source
    again, so that its strings are encoded once.
    """
    wide = decimals.checked(wide_decimals)
    if isinstance(data, pa.Table):
        with _lock:
            source = _known.get((id(data), wide))  # the source keeps the table alive, so the number is not used again
            if source is None:
                source = _known[id(data), wide] = _from_table(data, "arrow table", wide)
                source.owner = data  # type: ignore[attr-defined]
        return source
    if isinstance(data, pa.RecordBatch):
        return _from_table(pa.Table.from_batches([data]), "arrow record batch", wide)
    if isinstance(data, pa.RecordBatchReader):
        try:
            return _from_table(data.read_all(), "arrow stream", wide)
        except pa.ArrowException as e:
            raise ReadError(f"cannot read arrow stream: {e}") from e
    kind = f"{type(data).__module__.split('.')[0]} {type(data).__name__}"
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _from_table(_table(data, kind, name), kind, wide)
    raise TypeMismatchError(
        f"from_arrow takes a pyarrow Table, RecordBatch or RecordBatchReader, or an object with __arrow_c_stream__; not {kind}"
    )


def _table(data: Any, kind: str, name: str | None) -> pa.Table:
    """Import an Arrow stream or array as a table."""
    try:
        if hasattr(data, "__arrow_c_stream__"):
            column = pa.chunked_array(data)
        else:
            column = pa.chunked_array([pa.array(data)])
        if pa.types.is_struct(column.type) and name is None:
            for chunk in column.chunks:
                chunk.validate()
            batches = [pa.RecordBatch.from_struct_array(chunk) for chunk in column.chunks]
            return pa.Table.from_batches(batches, pa.schema(list(column.type)))
        name = name or getattr(data, "name", None)
        if isinstance(name, str) and name:
            return pa.table({name: column})
    except (pa.ArrowException, ValueError) as e:
        raise ReadError(f"cannot read {kind}: {e}") from e
    raise TypeMismatchError(
        f"{kind} is one Arrow array of {column.type}, not a table; give it a name: from_arrow(array, name='x'), or {{'x': array}}"
    )


def _from_table(table: pa.Table, label: str, wide_decimals: str) -> MemorySource:
    refuse_duplicates(table.column_names, f"the {label}", "rename one: table.rename_columns([...])")
    schema, reasons = supported(decimals.as_asked(table.schema, wide_decimals))
    # categories in a field's metadata are complete; a dictionary may hold only those that occur in the file
    kinds = {n: dtype if dtype.kind == "enum" else enum_of(table.column(n)) or dtype for n, dtype in schema.items()}
    schema = Schema(kinds, schema.unsupported)
    make = {name: _arrow_maker(table.column(name), kinds[name]) for name in schema}
    return usable(MemorySource(schema, table.num_rows, make, f"{label} ({table.num_rows:,} rows)", reasons))


def _arrow_maker(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Maker:
    if dtype.kind == "enum":
        return partial(enum_column, data, dtype)
    if pa.types.is_decimal(data.type) and dtype_of(data.type) != dtype:
        return partial(_decimals, data, dtype)
    return partial(convert.from_arrow, data, trusted=False)


def _decimals(data: pa.ChunkedArray, dtype: DType) -> Column:
    data.validate(full=True)
    return convert.from_arrow(decimals.converted(data, arrow_type(dtype)))


def from_polars(data: Any, wide_decimals: str = "exact") -> MemorySource:
    """Make a source over a Polars DataFrame; numbers are shared."""
    if type(data).__name__ == "LazyFrame":
        raise TypeMismatchError("from_polars takes a DataFrame; call .collect() on the LazyFrame first")
    if not type(data).__module__.startswith("polars.") or not hasattr(data, "get_columns"):
        raise TypeMismatchError(f"from_polars takes a Polars DataFrame, not {type(data).__name__}")
    odd = {s.name: f"{s.dtype}: {why}" for s in data.get_columns() if (why := _NO_ARROW.get(str(s.dtype))) is not None}
    try:
        source = _from_table(pa.table(data.drop(list(odd))), "polars frame", decimals.checked(wide_decimals))
    except (pa.ArrowException, ValueError) as e:
        raise ReadError(f"cannot read the polars frame: {e}") from e
    source.unsupported.update(odd)
    return usable(source)


_WIDE = "whole numbers have at most 64 bits; cast it to Int64, UInt64 or Float64 before loading"
_NO_ARROW = {"Int128": _WIDE, "UInt128": _WIDE, "Object": "Python objects are not supported; convert it before loading"}
"""Polars types that Arrow lacks, by name, with the reason why such columns are left out."""


def from_numpy(data: Mapping[str, Any]) -> MemorySource:
    """Make a source over a mapping of names to one-dimensional arrays (or lists).

    Contiguous numbers are shared: writing to them later changes what queries see. ``datetime64[D]`` becomes date, finer
    ones timestamp; NaT and masked values are null, NaN is a value. Objects of one kind (text, whole numbers, dates, ...)
    become a column of that type. A column without a type is left out; a frame over the source warns of it (`LeftOutWarning`).

    Raises
    ------
    UnsupportedError
        When no column is usable.
    """
    if isinstance(data, np.ndarray):
        if data.dtype.names is None:
            raise TypeMismatchError("from_numpy takes a mapping of names to arrays; give the array a name: {'x': array}")
        data = {name: data[name] for name in data.dtype.names}
    if not isinstance(data, Mapping):
        raise TypeMismatchError(f"from_numpy takes a mapping of names to arrays, not {type(data).__name__}")
    return usable(assemble({name: _array(name, value) for name, value in data.items()}, "numpy arrays"))


def _array(name: Any, value: Any) -> Any:
    if hasattr(value, "__cuda_array_interface__"):
        raise TypeMismatchError(f"column {name!r} is a device array; use from_cupy, with device arrays only")
    if hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__"):
        return pa.chunked_array(value)
    if isinstance(value, np.ndarray) or hasattr(value, "__array_interface__") or hasattr(value, "__array__"):
        return np.asanyarray(value)
    try:
        return array_of(value)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        raise TypeMismatchError(f"column {name!r} cannot be made an array: {e}") from e


def assemble(arrays: Mapping[Any, Any], label: str) -> MemorySource:
    """Make a source over NumPy and Arrow arrays by name; a string in place of an array says why it cannot be used."""
    fields: dict[str, DType] = {}
    make: dict[str, Maker] = {}
    reasons: dict[str, str] = {}
    lengths: dict[str, int] = {}
    names = [_name(name, label) for name in arrays]
    refuse_duplicates(names, f"the {label}", "rename one")
    for name, value in zip(names, arrays.values(), strict=True):
        lengths[name] = shape_of(name, value)
        dtype = numpy_dtype(value.dtype) if isinstance(value, np.ndarray) else None
        if dtype is not None:
            fields[name], make[name] = dtype, partial(numpy_column, value)
            continue
        arrow: Any = value
        if isinstance(value, np.ndarray):
            arrow = as_arrow(value)
            if isinstance(arrow, str):
                reasons[name] = arrow
                continue
        dtype = enum_of(arrow) or dtype_of(arrow.type)
        if dtype is None:
            reasons[name] = why_unsupported(arrow.type)
        else:
            fields[name], make[name] = dtype, _arrow_maker(arrow, dtype)
    count = common_length(lengths)
    return MemorySource(Schema(fields), count, make, f"{label} ({count:,} rows)", reasons)


def usable(source: MemorySource) -> MemorySource:
    """Return the source; raise if every one of its columns had to be left out."""
    refuse_without_columns(source.schema, source.unsupported, source.label)
    return source


def _name(name: Any, label: str) -> str:
    if isinstance(name, str):
        return str(name)
    if isinstance(name, int):
        return str(name)
    raise PlanError(f"the {label} has a column named {name!r}; names are strings")


def as_arrow(values: Any) -> Any:
    """Convert objects and text to an Arrow array, None and NaN to null; return the reason, a string, where it cannot be done."""
    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
    if isinstance(values, np.ndarray) and values.dtype.kind == "T":  # NumPy's StringDType
        values = values.astype(object)
    try:
        if isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1:
            listed = values.tolist() if mask is None else [None if m else v for m, v in zip(mask, values, strict=True)]
            return array_of(listed, nan_is_null=True)
        return pa.array(values, mask=mask, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        return f"{getattr(values, 'dtype', 'object')}: its values have no common type ({e}); convert it before loading"


def from_pandas(data: Any) -> MemorySource:
    """Make a source over a pandas DataFrame, without its index.

    NaN in a plain float column stays NaN, a value; ``None``, ``pd.NA``, ``NaT`` and the missing strings are null.
    Plain numbers are shared.
    """
    import pandas as pd

    if not isinstance(data, pd.DataFrame):
        raise TypeMismatchError(f"from_pandas takes a DataFrame, not {type(data).__name__}")
    if named := [name for name in data.index.names if name is not None]:
        warn(f"the index of a pandas frame is left out: {listed(named)}; write reset_index() to keep it", LeftOutWarning)
    names = [_name(name, "pandas frame") for name in data.columns]
    refuse_duplicates(names, "the pandas frame", "rename one: frame.columns = [...]")
    arrays: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for position, name in enumerate(names):
        array = _pandas_array(data.iloc[:, position])
        if isinstance(array, str):
            reasons[name] = array
        else:
            arrays[name] = array
    source = assemble(arrays, "pandas frame")
    source.unsupported.update(reasons)
    if not arrays:
        source.length = len(data)
    return usable(source)


def _pandas_array(series: Any) -> Any:
    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()
        return values if values.dtype.kind != "O" else as_arrow(values)
    try:
        return pa.array(series.array, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as e:
        return f"{series.dtype}: {e}; convert it before loading"


def from_cupy(data: Mapping[str, Any]) -> MemorySource:
    """Make a source over a mapping of names to device arrays (CuPy, or anything with ``__cuda_array_interface__``).

    The arrays stay on the device and are shared.
    """
    if not isinstance(data, Mapping):
        raise TypeMismatchError(f"from_cupy takes a mapping of names to device arrays, not {type(data).__name__}")
    try:
        import cupy
    except ImportError as e:
        raise UnsupportedError(f"from_cupy needs CuPy: {install_line('cuda13')} (or {install_line('cuda12')})") from e
    cupy.cuda.get_current_stream().synchronize()  # tasks read on streams of their own
    columns: dict[str, Column] = {}
    for key, value in data.items():
        name = _name(key, "device arrays")
        if not hasattr(value, "__cuda_array_interface__"):
            raise TypeMismatchError(
                f"column {name!r} is a {type(value).__name__}, no device array; use from_numpy or cupy.asarray"
            )
        array = cupy.asarray(value)
        shape_of(name, array)
        try:
            columns[name] = device_column(array)
        except TypeError as e:
            raise UnsupportedError(f"column {name!r}: {e}") from e
    count = common_length({name: len(c) for name, c in columns.items()})
    make: dict[str, Maker] = {name: partial(_itself, column) for name, column in columns.items()}
    return MemorySource(Schema({n: c.dtype for n, c in columns.items()}), count, make, f"device arrays ({count:,} rows)")


def _itself(column: Column) -> Column:
    return column
