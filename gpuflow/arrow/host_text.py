"""Text functions that are evaluated by Arrow on the host: regular expressions, letters beyond ASCII, and their like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.algorithms.strings import Answer, Numbers, One, Text
from gpuflow_kernels.declare.scalar import Constant, Overload
from gpuflow_kernels.dtypes import BOOL, STRING, DType

from .columns import strings_from
from .convert import arrow_type, from_arrow
from .text_functions import HOST


def is_for_host(overload: Overload, arguments: tuple[Text | Numbers | One, ...]) -> bool:
    """Whether a host function answers: always where there is no body, else where a string has bytes beyond ASCII."""
    if overload.host is None or overload.text is None:
        return overload.host is not None
    return any(_beyond_ascii(a) for a in arguments)


def _beyond_ascii(argument: Text | Numbers | One) -> bool:
    if isinstance(argument, Text):
        return bool((argument.data >= 0x80).any())
    return isinstance(argument, One) and isinstance(argument.value, bytes) and not argument.value.isascii()


def evaluate_on_host(
    overload: Overload,
    dtype: DType,
    constants: tuple[Constant, ...],
    arguments: tuple[Text | Numbers | One, ...],
    rows: int,
) -> Answer:
    """What a host function answers for all rows.

    It is given an Arrow array for each argument that varies, a Python value for each that does not, and the constants; it
    answers an Arrow array with nulls where there is no result, or a pair of one and of which results do not fit. One whose
    result is an enum is given the categories too, and answers their numbers.
    """
    assert overload.host is not None
    categories = (dtype.detail,) if dtype.kind == "enum" else ()
    given = [_arrow(a) for a in arguments]
    alike = all(isinstance(a, One) for a in arguments)
    if alike and isinstance(arguments[0], One):  # evaluated once, as a column of one row
        own = arguments[0].dtype
        given[0] = pa.array([given[0]], pa.large_string() if own == STRING else arrow_type(own))
    answer = HOST[overload.host](*given, *constants, *categories)
    if alike:
        repeat = pa.array(np.zeros(rows, np.int64))
        answer = tuple(_array(a).take(repeat) for a in answer) if isinstance(answer, tuple) else _array(answer).take(repeat)
    result, bad = answer if isinstance(answer, tuple) else (answer, None)
    flaws = None if bad is None else from_arrow(_array(bad)).values
    result = _array(result)
    assert len(result) == rows, f"{overload.host} answered {len(result)} results for {rows} rows"
    valid = None if not result.null_count else np.array(result.is_valid())
    if dtype == STRING:
        return Answer(None, _text(result.cast(pa.large_string()).fill_null("")), valid, flaws)
    fitting = pa.int32() if dtype.kind == "enum" else arrow_type(dtype)
    column = from_arrow(result if result.type == fitting else result.cast(fitting))
    return Answer(column.values, None, valid, flaws)


def _array(data: Any) -> pa.Array:
    if isinstance(data, pa.ChunkedArray):
        return pa.concat_arrays(data.chunks) if data.num_chunks else pa.array([], data.type)
    return data if isinstance(data, pa.Array) else pa.array(data)


def _text(strings: pa.Array) -> Text:
    _, offsets, data = strings.buffers()
    if not len(strings):
        return Text(np.zeros(1, np.int64), np.empty(0, np.uint8))
    starts = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    return Text(starts, np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8))


def _arrow(argument: Text | Numbers | One) -> Any:
    if isinstance(argument, One):
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
