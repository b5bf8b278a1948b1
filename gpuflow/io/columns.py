"""Small things about columns that need Arrow: empty ones, and the bytes of a dictionary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import STRING, DType


def empty_column(dtype: DType) -> Column:
    """A host column without rows."""
    dictionary = pa.array([], pa.large_string()) if dtype == STRING else None
    return Column(dtype, np.empty(0, dtype=dtype.storage), None, dictionary)


def string_bytes(dictionary: Any) -> tuple[Any, Any]:
    """(offsets, bytes) of a dictionary: int64 offsets of length n + 1 into a uint8 array."""
    array = dictionary if dictionary.type == pa.large_string() else dictionary.cast(pa.large_string())
    _, offsets, data = array.buffers()
    if len(array) == 0:
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return starts - starts[0], bytes_[starts[0] : starts[-1]]
