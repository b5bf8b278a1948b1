"""Convert what a file's reader returns to a column of the source's type: validated, cut to length, widened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow import convert, decimals, enums, stored_times
from gpuflow.arrow.columns import null_column
from gpuflow.arrow.schema import arrow_type, dtype_of

from .failures import failure
from .files import File

RowNumbers = np.ndarray[Any, np.dtype[np.integer[Any]]]
"""Ascending numbers of rows."""


def to_column(
    data: pa.ChunkedArray,
    count: int,
    dtype: DType,
    file: File,
    name: str,
    *,
    raw: bool = False,
    forgiving: bool = False,
    selected: RowNumbers | None = None,
) -> Column:
    """Convert the first `count` values, or those with the numbers `selected`, to a column of `dtype`.

    Data is validated, and widened where this file has a narrower type. If `forgiving`, a text that is no category of an enum
    becomes null.
    """
    if len(data) < count:
        raise failure(file.path, f"{count} values were expected, it holds {len(data)}", column=name)
    if len(data) > count:
        data = data.slice(0, count)
    try:
        if selected is not None:
            data = _taken(data, selected, raw)
        _validate(data, raw)
        if dtype.kind == "enum" and dtype_of(data.type) in (t.STRING, t.NULL):
            return enums.enum_of_texts(data, dtype, strict=not forgiving)
        if data.type == pa.null():
            return null_column(dtype, len(data))
        if stored_times.is_stored(data.type, dtype):
            data = stored_times.times(data, arrow_type(dtype))
        elif pa.types.is_decimal(data.type) and dtype_of(data.type) != dtype:
            data = decimals.converted(data, arrow_type(dtype))
        elif dtype_of(data.type) != dtype:
            data = data.cast(arrow_type(dtype))
        column = convert.from_arrow(data)
    except (pa.ArrowException, ValueError) as e:
        raise failure(file.path, e, column=name) from e
    if column.dtype != dtype:
        raise failure(file.path, f"it holds {column.dtype}, {dtype} was expected", column=name)
    return column


def _taken(data: pa.ChunkedArray, selected: RowNumbers, raw: bool) -> pa.ChunkedArray:
    """Gather the values with these ascending numbers.

    Gathering trusts offsets, so they are validated first where they are bytes of the file (`raw`), or nested."""
    if raw or pa.types.is_nested(data.type) or isinstance(data.type, pa.BaseExtensionType):
        data.validate(full=True)
    if data.type in (pa.string_view(), pa.binary_view()):  # cannot be taken from
        data = data.cast(pa.large_string() if data.type == pa.string_view() else pa.large_binary())
    taken, start = [], 0
    for chunk in data.chunks:
        low, high = np.searchsorted(selected, (start, start + len(chunk)))
        taken.append(chunk.take(pa.array(selected[low:high] - start)))
        start += len(chunk)
    return pa.chunked_array(taken, data.type)


def _validate(data: pa.ChunkedArray, raw: bool) -> None:
    """Validate codes and characters, because kernels check neither."""
    if not raw and data.type in (pa.string(), pa.large_string()):
        data.validate()
        for chunk in data.chunks:
            if not _is_ascii(chunk):  # decoders make offsets in order; only characters may be wrong
                chunk.validate(full=True)
        return
    if raw or not (pa.types.is_dictionary(data.type) or pa.types.is_primitive(data.type) or pa.types.is_decimal(data.type)):
        data.validate(full=True)
        return
    data.validate()
    if pa.types.is_dictionary(data.type):
        for dictionary in {id(d): d for d in (chunk.dictionary for chunk in data.chunks)}.values():
            dictionary.validate(full=True)
        for chunk in data.chunks:
            if chunk.null_count < len(chunk):
                codes = pc.min_max(chunk.indices).as_py()
                if not 0 <= codes["min"] <= codes["max"] < len(chunk.dictionary):
                    raise ValueError(f"code {codes['max']} is outside of a dictionary of {len(chunk.dictionary)} entries")


def _is_ascii(strings: pa.Array) -> bool:
    """Return whether all bytes of the strings are ASCII, and so valid UTF-8; runs at the speed of memory."""
    data = strings.buffers()[2]
    return data is None or not data.size or int(np.frombuffer(data, np.uint8).max()) < 128
