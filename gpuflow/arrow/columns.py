"""Make empty columns and columns of nulls, and access the bytes of dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType

from .convert import from_arrow, writeable
from .dictionaries import EMPTY, Dictionary
from .schema import arrow_type, entries_type


def strings_from(offsets: Any, data: Any) -> pa.Array:
    """Make Arrow strings over offsets and bytes, shared; those on a device are copied to the host."""
    offsets, data = (a.get() if hasattr(a, "get") and not isinstance(a, np.ndarray) else a for a in (offsets, data))
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def empty_column(dtype: DType) -> Column:
    """Make a host column without rows."""
    dictionary = None
    if dtype.is_coded:
        kind = entries_type(dtype)
        dictionary = EMPTY if kind == EMPTY.values.type else Dictionary(pa.nulls(0, kind))
    return Column(dtype, np.empty(0, dtype=dtype.storage), None, dictionary)


def null_column(dtype: DType, count: int) -> Column:
    """Make a host column of nulls."""
    if dtype.kind == "enum":  # Arrow's dictionaries become strings
        return Column(dtype, np.zeros(count, dtype.storage), np.zeros(count, np.bool_))
    return from_arrow(pa.nulls(count, arrow_type(dtype)))


def string_bytes(dictionary: Dictionary) -> tuple[Any, Any]:
    """Return (offsets, bytes) of a dictionary of strings: n + 1 int64 offsets into a uint8 array, the first 0."""
    array = dictionary.values
    _, offsets, data = array.buffers()
    if len(array) == 0:
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    starts = writeable(np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1])
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    return starts - starts[0] if starts[0] else starts, writeable(bytes_[starts[0] : starts[-1]])
