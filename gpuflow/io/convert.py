"""Arrow arrays to columns and back.

Values are shared, not copied, wherever Arrow's layout is ours: everything but bools (bits there, bytes here), strings
(encoded to codes and a dictionary), date64, float16, and arrays in several chunks.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType

from gpuflow import config

from . import dictionaries

_FROM_ARROW: dict[pa.DataType, DType] = {
    pa.bool_(): t.BOOL,
    pa.int8(): t.INT8,
    pa.int16(): t.INT16,
    pa.int32(): t.INT32,
    pa.int64(): t.INT64,
    pa.uint8(): t.UINT8,
    pa.uint16(): t.UINT16,
    pa.uint32(): t.UINT32,
    pa.uint64(): t.UINT64,
    pa.float16(): t.FLOAT32,
    pa.float32(): t.FLOAT32,
    pa.float64(): t.FLOAT64,
    pa.date32(): t.DATE,
    pa.date64(): t.DATE,
    pa.string(): t.STRING,
    pa.large_string(): t.STRING,
    pa.string_view(): t.STRING,
    pa.null(): t.NULL,
    **{pa.timestamp(u): t.timestamp(u) for u in t.UNITS},
    **{pa.duration(u): t.duration(u) for u in t.UNITS},
}

_TO_ARROW: dict[DType, pa.DataType] = {
    **{d: a for a, d in _FROM_ARROW.items() if a not in (pa.float16(), pa.date64(), pa.string(), pa.string_view())},
    t.STRING: pa.large_string(),
}

_MS_PER_DAY = 86_400_000

ENCODE_ROWS = 500_000
"""Plain strings that are worth a thread of their own when they are encoded."""


def dtype_of(arrow: pa.DataType) -> DType | None:
    """The column type that an Arrow type becomes; None when there is none (see `why_unsupported`)."""
    if pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow):
        return dtype_of(arrow.value_type)
    if isinstance(arrow, pa.BaseExtensionType):
        return None
    return _FROM_ARROW.get(arrow)


def why_unsupported(arrow: pa.DataType) -> str:
    """What to tell a user whose column has a type without a column type, with the way out."""
    if pa.types.is_timestamp(arrow):
        return f"{arrow}: timestamps with a time zone are not supported yet; convert to UTC and drop the zone before loading"
    if pa.types.is_decimal(arrow):
        return f"{arrow}: decimals are not supported yet; cast to float64 or to scaled integers before loading"
    if pa.types.is_nested(arrow):
        return f"{arrow}: nested columns are not supported; flatten or unnest before loading"
    return f"{arrow}: columns of this type are not supported; cast it before loading"


def arrow_type(dtype: DType, dictionary: bool = False) -> pa.DataType:
    """The Arrow type that a column of this type becomes."""
    if dictionary and dtype == t.STRING:
        return pa.dictionary(pa.int32(), pa.large_string())
    return _TO_ARROW[dtype]


def arrow_schema(fields: Any, dictionary: bool = False) -> pa.Schema:
    """The Arrow schema for a mapping of names to column types."""
    return pa.schema([pa.field(name, arrow_type(dtype, dictionary)) for name, dtype in fields.items()])


class _Memory:
    """A stretch of foreign memory, for NumPy. Flagged writeable although nobody writes: compilers type read-only
    arrays differently, and would compile everything twice."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, address: int, count: int, dtype: np.dtype[Any], owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "shape": (count,), "typestr": dtype.str, "data": (address, False)}


def view(address: int, count: int, dtype: np.dtype[Any], owner: Any) -> np.ndarray[Any, Any]:
    """A NumPy array over `count` values at `address`, which `owner` keeps alive; copied only if misaligned."""
    if count == 0 or address == 0:
        return np.zeros(count, dtype)
    array = np.asarray(_Memory(address, count, dtype, owner))
    return array if array.flags.aligned else array.copy()


def writeable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array as kernels want it: one dimension, native byte order, contiguous, aligned, not flagged read-only."""
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if not array.flags.aligned:
        array = array.copy()
    if array.flags.writeable:
        return array
    return view(array.__array_interface__["data"][0], len(array), array.dtype, array)


def _bits(buffer: pa.Buffer, offset: int, count: int) -> np.ndarray[Any, Any]:
    """`count` bits from `offset` on, one bool each."""
    first, skip = divmod(offset, 8)
    packed = np.frombuffer(buffer, np.uint8)[first : first + (skip + count + 7) // 8]
    return np.unpackbits(packed, bitorder="little", count=skip + count)[skip:].view(np.bool_)


def _validity(array: pa.Array) -> np.ndarray[Any, Any] | None:
    if array.null_count == 0:
        return None
    buffer = array.buffers()[0]
    if buffer is None:  # the null type has no bitmap
        return np.zeros(len(array), np.bool_)
    return _bits(buffer, array.offset, len(array))


def _values(array: pa.Array, storage: str) -> np.ndarray[Any, Any]:
    buffer = array.buffers()[1]
    dtype = np.dtype(storage)
    if buffer is None:
        return np.zeros(len(array), dtype)
    if not buffer.is_cpu:
        raise TypeError("Arrow data on a device is not read through Arrow; hand over CuPy arrays instead")
    return view(buffer.address + array.offset * dtype.itemsize, len(array), dtype, buffer)


def from_arrow(data: pa.Array | pa.ChunkedArray, *, trusted: bool = True) -> Column:
    """An Arrow array as a host column.

    Parameters
    ----------
    data : pyarrow.Array or pyarrow.ChunkedArray
        Of a type for which `dtype_of` gives an answer.
    trusted : bool
        False for data of foreign origin: it is then validated in full first, because kernels check no bounds.

    Raises
    ------
    pyarrow.ArrowInvalid
        When untrusted data is not valid Arrow.
    """
    if not trusted:
        data.validate(full=True)
    if data.type in (pa.string(), pa.large_string()):
        return _encode(data)
    if isinstance(data, pa.ChunkedArray):
        pieces = [c for c in data.chunks if len(c)]
        if len(pieces) == 1:
            return _one(pieces[0])
        if not pieces:
            return _one(pa.array([], data.type) if not pa.types.is_dictionary(data.type) else _empty(data.type))
        return dictionaries.concat_columns([_one(piece) for piece in pieces])
    return _one(data)


def _encode(data: pa.Array | pa.ChunkedArray) -> Column:
    """A string column from plain strings, long ones by several threads: hashing every value is what costs."""
    parts = min(config.cores(), len(data) // ENCODE_ROWS)
    if parts <= 1:
        return _encode_part(data)
    ends = [i * len(data) // parts for i in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        columns = pool.map(lambda i: _encode_part(data.slice(ends[i], ends[i + 1] - ends[i])), range(parts))
        return dictionaries.concat_columns(list(columns))


def _encode_part(data: pa.Array | pa.ChunkedArray) -> Column:
    encoded = data.dictionary_encode()  # of several chunks with one hash table
    if isinstance(encoded, pa.ChunkedArray):
        if not encoded.num_chunks:
            return _one(_empty(encoded.type))
        indices = pa.chunked_array([chunk.indices for chunk in encoded.chunks]).combine_chunks()
        if isinstance(indices, pa.ChunkedArray):
            indices = pa.concat_arrays(indices.chunks)
        return _coded(indices, encoded.chunk(encoded.num_chunks - 1).dictionary, distinct=True)
    return _coded(encoded.indices, encoded.dictionary, distinct=True)


def _empty(arrow: pa.DataType) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([], arrow.index_type), pa.array([], arrow.value_type))


def _one(array: pa.Array) -> Column:
    if isinstance(array, pa.ChunkedArray):  # combine_chunks answers with either
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    arrow = array.type
    if pa.types.is_run_end_encoded(arrow):
        return _one(pc.run_end_decode(array))
    if pa.types.is_dictionary(arrow):
        if dtype_of(arrow) != t.STRING:
            return _one(array.dictionary_decode())
        return _coded(array.indices, array.dictionary)
    dtype = dtype_of(arrow)
    assert dtype is not None, f"{arrow} has no column type"
    validity = _validity(array)
    if dtype == t.STRING:
        return _encode(array.cast(pa.large_string()) if arrow == pa.string_view() else array)
    if dtype == t.NULL:
        return Column(dtype, np.zeros(len(array), np.bool_), np.zeros(len(array), np.bool_))
    if dtype == t.BOOL:
        buffer = array.buffers()[1]
        values = np.zeros(len(array), np.bool_) if buffer is None else _bits(buffer, array.offset, len(array))
    elif arrow == pa.date64():
        values = (_values(array, "int64") // _MS_PER_DAY).astype(np.int32)
    elif arrow == pa.float16():
        values = _values(array, "float16").astype(np.float32)
    else:
        values = _values(array, dtype.storage)
    return Column(dtype, values, validity)


def _coded(indices: pa.Array, dictionary: pa.Array, distinct: bool = False) -> Column:
    """A string column from codes and any dictionary, which may hold duplicates and nulls unless `distinct`."""
    validity = _validity(indices)
    storage = str(indices.type)
    codes = _values(indices, storage)
    if dictionary.type != pa.large_string():
        dictionary = dictionary.cast(pa.large_string())
    if not distinct:
        encoded = dictionary.dictionary_encode()
        if len(encoded.dictionary) != len(dictionary):  # duplicates or nulls
            dictionary = encoded.dictionary
            lookup = encoded.indices
            if validity is not None:
                codes = np.where(validity, codes, 0)
            codes = _values(lookup.fill_null(0), "int32")[codes]
            if lookup.null_count:
                present = _validity(lookup.take(indices))
                validity = present if present is not None else validity
    if codes.dtype != np.int32:
        codes = codes.astype(np.int32)
    if validity is not None and not validity.all():
        codes = np.where(validity, codes, np.int32(0))  # what lies under a null of foreign data may point anywhere
    return Column(t.STRING, codes, validity, dictionary)


def to_arrow(column: Column, *, dictionary: bool = False) -> pa.Array:
    """A column as an Arrow array: values shared, validity packed to bits, a column on a device brought to the host.

    Strings become large_string, or with `dictionary` int32 codes with a large_string dictionary.
    """
    column = to_host(column)
    count = len(column)
    if column.dtype == t.NULL:
        return pa.nulls(count)
    bitmap = None
    if column.validity is not None:
        bitmap = pa.py_buffer(np.packbits(column.validity, bitorder="little"))
    if column.dtype == t.STRING:
        codes = pa.Array.from_buffers(pa.int32(), count, [bitmap, pa.py_buffer(np.ascontiguousarray(column.values))])
        if not dictionary:
            return column.dictionary.cast(pa.large_string()).take(codes)
        return pa.DictionaryArray.from_arrays(codes, column.dictionary.cast(pa.large_string()))
    values = np.packbits(column.values, bitorder="little") if column.dtype == t.BOOL else np.ascontiguousarray(column.values)
    return pa.Array.from_buffers(arrow_type(column.dtype), count, [bitmap, pa.py_buffer(values)])


def to_host(column: Column) -> Column:
    """The same column with its arrays in host memory."""
    if isinstance(column.values, np.ndarray):
        return column
    validity = column.validity
    if validity is not None and not isinstance(validity, np.ndarray):
        validity = validity.get()
    return Column(column.dtype, column.values.get(), validity, column.dictionary)
