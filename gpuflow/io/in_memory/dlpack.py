"""Sources over DLPack tensors, shared on the host or on the GPU where they are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from gpuflow_kernels.column import Column

from gpuflow.errors import TypeMismatchError, UnsupportedError
from gpuflow.installing import install_line
from gpuflow.io.datasets.partition_rows import refuse_duplicates
from gpuflow.schema import Schema

from .source import MemorySource, common_length, device_column, numpy_column, numpy_dtype, shape_of

HOST, GPU = frozenset({1, 3}), frozenset({2, 13})
"""DLPack's numbers of device types: the host and its pinned memory; CUDA and its managed memory."""


def from_dlpack(data: Any, name: str | None = None) -> MemorySource:
    """Make a source over a mapping of names to one-dimensional tensors, or over one tensor under a `name`.

    Contiguous tensors are shared, on the host and on a GPU; others are copied.

    Raises
    ------
    TypeMismatchError
        For what is no tensor.
    UnsupportedError
        For a type or a device that there is no column for.
    """
    if not isinstance(data, Mapping):
        if name is None:
            raise TypeMismatchError(
                "from_dlpack takes a mapping of names to tensors; give the tensor a name: from_dlpack(x, name='x')"
            )
        if not isinstance(name, str):
            raise TypeMismatchError(f"from_dlpack: name={name!r:.60} is no str")
        data = {name: data}
    columns = {str(key): _column(str(key), value) for key, value in data.items()}
    refuse_duplicates(map(str, data), "the set of tensors", "rename one")
    count = common_length({key: len(column) for key, column in columns.items()})
    make = {key: partial(_itself, column) for key, column in columns.items()}
    return MemorySource(Schema({key: c.dtype for key, c in columns.items()}), count, make, f"tensors ({count:,} rows)")


def _itself(column: Column) -> Column:
    return column


def _column(name: str, tensor: Any) -> Column:
    if not hasattr(tensor, "__dlpack__") or not hasattr(tensor, "__dlpack_device__"):
        raise TypeMismatchError(f"column {name!r} is a {type(tensor).__name__}, which has no __dlpack__")
    kind = int(tensor.__dlpack_device__()[0])
    if kind not in HOST | GPU:
        raise UnsupportedError(f"column {name!r} is on a device of DLPack's kind {kind}; move it to the host first")
    try:
        array = _gpu_array(tensor) if kind in GPU else np.from_dlpack(tensor)
        shape_of(name, array)
        if kind in GPU:
            return device_column(array)
    except UnsupportedError:
        raise
    except (BufferError, RuntimeError, TypeError, ValueError) as e:
        raise UnsupportedError(f"column {name!r} cannot be taken by DLPack: {e}") from e
    if numpy_dtype(array.dtype) is None:
        raise UnsupportedError(f"column {name!r} is {array.dtype}, which there is no column for; convert it first")
    return numpy_column(array)


def _gpu_array(tensor: Any) -> Any:
    try:
        import cupy
    except ImportError as e:
        raise UnsupportedError(f"tensors on a GPU need CuPy: {install_line('cuda13')} (or {install_line('cuda12')})") from e
    array = cupy.from_dlpack(tensor)
    cupy.cuda.get_current_stream().synchronize()  # tasks read on streams of their own
    return array
