"""Evaluate string functions by Arrow on the host: regular expressions, letters beyond ASCII, and the like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.algorithms.strings import Numbers, Scalar, StringColumn, StringResult
from gpuflow_kernels.declare.scalar import Constant, Overload
from gpuflow_kernels.dtypes import BOOL, STRING, DType

from .columns import strings_from
from .convert import from_arrow
from .schema import arrow_type
from .string_functions import HOST


def is_for_host(overload: Overload, arguments: tuple[StringColumn | Numbers | Scalar, ...]) -> bool:
    """Whether a function runs on the host: always if it has no body, else if a string has bytes beyond ASCII."""
    if overload.host is None or overload.text is None:
        return overload.host is not None
    return any(_beyond_ascii(a) for a in arguments)


def _beyond_ascii(argument: StringColumn | Numbers | Scalar) -> bool:
    if isinstance(argument, StringColumn):
        return bool((argument.data >= 0x80).any())
    return isinstance(argument, Scalar) and isinstance(argument.value, bytes) and not argument.value.isascii()


def evaluate_on_host(
    overload: Overload,
    dtype: DType,
    constants: tuple[Constant, ...],
    arguments: tuple[StringColumn | Numbers | Scalar, ...],
    rows: int,
) -> StringResult:
    """Run a host function for all rows.

    It takes an Arrow array for each argument that varies, a Python value for each that does not, and the constants; it returns
    an Arrow array with nulls where there is no result, or a pair of one and a mask of the rows for which it raises. If the
    result is an enum it takes the categories too, and returns their numbers.
    """
    assert overload.host is not None
    categories = (dtype.detail,) if dtype.kind == "enum" else ()
    given = [_arrow(a) for a in arguments]
    constant = all(isinstance(a, Scalar) for a in arguments)
    if constant and isinstance(arguments[0], Scalar):  # evaluated once, as a column of one row
        own = arguments[0].dtype
        given[0] = pa.array([given[0]], pa.large_string() if own == STRING else arrow_type(own))
    answer = HOST[overload.host](*given, *constants, *categories)
    if constant:
        repeat = pa.array(np.zeros(rows, np.int64))
        answer = tuple(_array(a).take(repeat) for a in answer) if isinstance(answer, tuple) else _array(answer).take(repeat)
    result, errors = answer if isinstance(answer, tuple) else (answer, None)
    error_mask = None if errors is None else from_arrow(_array(errors)).values
    result = _array(result)
    assert len(result) == rows, f"{overload.host} answered {len(result)} results for {rows} rows"
    valid = None if not result.null_count else np.array(result.is_valid())
    if dtype == STRING:
        return StringResult(None, _text(result.cast(pa.large_string()).fill_null("")), valid, error_mask)
    stored = pa.int32() if dtype.kind == "enum" else arrow_type(dtype)
    column = from_arrow(result if result.type == stored else result.cast(stored))
    return StringResult(column.values, None, valid, error_mask)


def _array(data: Any) -> pa.Array:
    if isinstance(data, pa.ChunkedArray):
        return pa.concat_arrays(data.chunks) if data.num_chunks else pa.array([], data.type)
    return data if isinstance(data, pa.Array) else pa.array(data)


def _text(strings: pa.Array) -> StringColumn:
    _, offsets, data = strings.buffers()
    if not len(strings):
        return StringColumn(np.zeros(1, np.int64), np.empty(0, np.uint8))
    starts = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    return StringColumn(starts, np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8))


def _arrow(argument: StringColumn | Numbers | Scalar) -> Any:
    if isinstance(argument, Scalar):
        return argument.value.decode() if isinstance(argument.value, bytes) else argument.value
    if isinstance(argument, Numbers):
        values = argument.values.get() if hasattr(argument.values, "get") else argument.values
        if argument.dtype == BOOL:
            return pa.array(values)
        return pa.Array.from_buffers(arrow_type(argument.dtype), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
    strings = strings_from(argument.offsets, argument.data)
    if argument.codes is None:
        return strings
    codes = argument.codes.get() if hasattr(argument.codes, "get") else argument.codes
    return strings.take(pa.array(codes))
