"""Convert Arrow arrays to columns and back.

Values are shared wherever both layouts agree. Copied are bools (bits in Arrow, bytes here), strings (encoded to codes and a
dictionary), date64, float16, and arrays in several chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType

from gpuflow import config

from . import decimals, dictionaries, passthrough
from .row_value_error import RowValueError
from .schema import arrow_type, dtype_of, entries_type, is_encoded, is_wrapped

_MS_PER_DAY = 86_400_000
_layout: ContextVar[str | None] = ContextVar("layout", default=None)

ENCODE_ROWS = 500_000
"""Least number of plain strings that one thread encodes."""
SAMPLE = 4_096
"""Strings that are sampled to choose a layout."""


@contextmanager
def strings_as(layout: str) -> Iterator[None]:
    """Load strings within this block in the layout ``dictionary`` or ``plain``, or choose by a sample of them (``auto``)."""
    token = _layout.set(layout)
    try:
        yield
    finally:
        _layout.reset(token)


class _Memory:
    """Memory of another library, for NumPy.

    It is flagged writeable although it is never written: Numba types read-only arrays differently, and would compile every kernel
    twice."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, address: int, count: int, dtype: np.dtype[Any], owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "shape": (count,), "typestr": dtype.str, "data": (address, False)}


def view(address: int, count: int, dtype: np.dtype[Any], owner: Any) -> np.ndarray[Any, Any]:
    """Make a NumPy array over `count` values at `address`, which `owner` keeps alive; copied only if misaligned."""
    if count == 0 or address == 0:
        return np.zeros(count, dtype)
    array = np.asarray(_Memory(address, count, dtype, owner))
    return array if array.flags.aligned else array.copy()


def writeable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array as kernels need it: one dimension, native byte order, contiguous, aligned, flagged writeable."""
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if not array.flags.aligned:
        array = array.copy()
    if array.flags.writeable:
        return array
    return view(array.__array_interface__["data"][0], len(array), array.dtype, array)


def _bits(buffer: pa.Buffer, offset: int, count: int) -> np.ndarray[Any, Any]:
    """Unpack `count` bits from `offset` on, one bool each."""
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
    """Convert an Arrow array to a host column.

    Parameters
    ----------
    data : pyarrow.Array or pyarrow.ChunkedArray
        Of a type for which `dtype_of` gives an answer.
    trusted : bool
        False for data from outside: it is validated in full first, because kernels check no bounds.

    Raises
    ------
    pyarrow.ArrowInvalid
        When untrusted data is not valid Arrow.
    """
    if not trusted:
        data.validate(full=True)
    if is_wrapped(data.type):
        data = _storage(data)
    dtype = dtype_of(data.type)
    if dtype is not None and dtype.is_coded and not is_encoded(data.type):
        return _strings(data, dtype) if dtype.is_text else passthrough.opaque_column(data, dtype)
    if isinstance(data, pa.ChunkedArray):
        pieces = [c for c in data.chunks if len(c)]
        if len(pieces) == 1:
            return _one(pieces[0])
        if not pieces:
            return _one(pa.array([], data.type) if not pa.types.is_dictionary(data.type) else _empty(data.type))
        made: list[Column] = []
        for piece in pieces:
            try:
                made.append(_one(piece))
            except RowValueError as e:
                raise RowValueError(sum(map(len, made)) + e.row, e.why) from None
        return dictionaries.concat_columns(made)
    return _one(data)


def _storage(data: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if isinstance(data, pa.ChunkedArray):
        return pa.chunked_array([chunk.storage for chunk in data.chunks], data.type.storage_type)
    return data.storage


def _strings(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    """Make a column from plain strings (or binary): encoded if values repeat in a sample, else shared as they are."""
    large = entries_type(dtype)
    if data.type in (pa.string_view(), pa.binary_view()) or pa.types.is_fixed_size_binary(data.type):
        data = data.cast(large)
    layout = _layout.get() or config.get("strings")
    if layout == "dictionary" or (layout == "auto" and _repeats(data)):
        return _encode(data, dtype)
    array = data
    if isinstance(data, pa.ChunkedArray):  # combine_chunks copies even a single chunk
        array = data.chunk(0) if data.num_chunks == 1 else data.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # more than 2 GiB of characters: combine them with 64-bit offsets
        array = pa.concat_arrays([pa.array([], large), *(c.cast(large) for c in array.chunks)])
    validity = _validity(array)
    if validity is not None:
        array = pc.fill_null(array, "" if dtype == t.STRING else b"")
    if array.type != large:
        array = array.cast(large)
    codes = np.arange(len(array), dtype=np.int32)
    return Column(dtype, codes, validity, dictionaries.Dictionary(array, distinct=False))


def _repeats(data: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether at least half of a sample of evenly spaced values are repetitions."""
    step = max(1, len(data) // SAMPLE)
    sample = data.take(pa.array(np.arange(0, len(data), step))) if step > 1 else data
    return 2 * pc.count_distinct(sample, mode="all").as_py() <= len(sample)


def _encode(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    """Encode plain strings to codes, many of them by several threads: hashing every value dominates."""
    parts = min(config.cores(), len(data) // ENCODE_ROWS)
    if parts <= 1:
        return _encode_part(data, dtype)
    ends = [i * len(data) // parts for i in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        columns = pool.map(lambda i: _encode_part(data.slice(ends[i], ends[i + 1] - ends[i]), dtype), range(parts))
        return dictionaries.concat_columns(list(columns))


def _encode_part(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    encoded = data.dictionary_encode()  # of several chunks with one hash table
    if isinstance(encoded, pa.ChunkedArray):
        if not encoded.num_chunks:
            return _one(_empty(encoded.type))
        indices = pa.chunked_array([chunk.indices for chunk in encoded.chunks]).combine_chunks()
        if isinstance(indices, pa.ChunkedArray):
            indices = pa.concat_arrays(indices.chunks)
        return _coded(indices, encoded.chunk(encoded.num_chunks - 1).dictionary, dtype, distinct=True)
    return _coded(encoded.indices, encoded.dictionary, dtype, distinct=True)


def _empty(arrow: pa.DataType) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([], arrow.index_type), pa.array([], arrow.value_type))


def _one(array: pa.Array) -> Column:
    if isinstance(array, pa.ChunkedArray):  # combine_chunks answers with either
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    arrow = array.type
    if pa.types.is_run_end_encoded(arrow):
        return from_arrow(passthrough.of_runs(array))
    if pa.types.is_dictionary(arrow):
        dtype = dtype_of(arrow)
        if dtype is None or not dtype.is_text:
            return from_arrow(array.dictionary_decode())
        return _coded(array.indices, array.dictionary, dtype)
    dtype = dtype_of(arrow)
    assert dtype is not None, f"{arrow} has no column type"
    validity = _validity(array)
    if dtype.is_coded:
        return from_arrow(array)
    if dtype == t.NULL:
        return Column(dtype, np.zeros(len(array), np.bool_), np.zeros(len(array), np.bool_))
    if dtype.is_decimal:
        return Column(dtype, decimals.read(array, dtype, _values, validity), validity)
    if dtype == t.BOOL:
        buffer = array.buffers()[1]
        values = np.zeros(len(array), np.bool_) if buffer is None else _bits(buffer, array.offset, len(array))
    elif arrow == pa.date64():
        values = _days(_values(array, "int64") // _MS_PER_DAY, validity)
    elif arrow == pa.float16():
        with np.errstate(invalid="ignore"):  # a signalling NaN
            values = _values(array, "float16").astype(np.float32)
    else:
        values = _values(array, dtype.storage)
    return Column(dtype, values, validity)


def _days(days: np.ndarray[Any, Any], validity: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any]:
    """Convert days to the 32 bits of a date column. Raises `RowValueError` for one that they do not hold."""
    outside = (days < t.DATE.bounds[0]) | (days > t.DATE.bounds[1])
    for row in np.flatnonzero(outside if validity is None else outside & validity)[:1].tolist():
        raise RowValueError(row, f"is {int(days[row]):,} days from 1970-01-01, and a date has 32 bits of them; read it as int64")
    return days.astype(np.int32)


def _coded(indices: pa.Array, dictionary: pa.Array, dtype: DType, distinct: bool = False) -> Column:
    """Make a column of strings or binary from codes and a dictionary, which may hold duplicates and nulls unless `distinct`."""
    validity = _validity(indices)
    storage = str(indices.type)
    codes = _values(indices, storage)
    if dictionary.type != entries_type(dtype):
        dictionary = dictionary.cast(entries_type(dtype))
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
        codes = np.where(validity, codes, np.int32(0))  # under a null, codes from outside may be any number
    return Column(dtype, codes, validity, dictionaries.Dictionary(dictionary))


def to_arrow(column: Column, *, dictionary: bool = False) -> pa.Array:
    """Convert a column to an Arrow array: values are shared, validity is packed to bits, device columns are copied to the host.

    Strings become large_string, or with `dictionary` int32 codes with a large_string dictionary.
    """
    column = to_host(column)
    count = len(column)
    if column.dtype == t.NULL:
        return pa.nulls(count)
    bitmap = None
    if column.validity is not None:
        bitmap = pa.py_buffer(np.packbits(column.validity, bitorder="little"))
    if column.dtype.is_text:
        return _strings_out(column, bitmap, dictionary)
    if column.dtype.kind == "opaque":
        return passthrough.opaque_out(column, bitmap)
    if column.dtype.kind == "enum":
        codes = pa.Array.from_buffers(pa.int32(), count, [bitmap, pa.py_buffer(np.ascontiguousarray(column.values))])
        names = pa.array(column.dtype.detail, pa.large_string())
        return pa.DictionaryArray.from_arrays(codes, names, ordered=True, safe=False)
    values = np.packbits(column.values, bitorder="little") if column.dtype == t.BOOL else np.ascontiguousarray(column.values)
    if column.dtype.is_decimal:
        values = decimals.arrow_words(np, column.dtype, values)
    return pa.Array.from_buffers(arrow_type(column.dtype), count, [bitmap, pa.py_buffer(values)])


def _strings_out(column: Column, bitmap: Any, coded: bool) -> pa.Array:
    """Convert strings to an Arrow array: coded if asked for, shared if the codes are consecutive, else gathered."""
    if coded:
        column = dictionaries.distinct_column(column)
    count, codes, entries = len(column), np.ascontiguousarray(column.values), column.dictionary.values
    if not coded and not column.dictionary.distinct and count and int(codes[-1]) < len(entries) and _consecutive(codes):
        first = int(codes[0])
        _, offsets, data = entries.buffers()
        starts = np.frombuffer(offsets, np.int64)[entries.offset + first : entries.offset + first + count + 1]
        return pa.Array.from_buffers(entries.type, count, [bitmap, pa.py_buffer(starts), data])
    indices = pa.Array.from_buffers(pa.int32(), count, [bitmap, pa.py_buffer(codes)])
    return pa.DictionaryArray.from_arrays(indices, entries) if coded else entries.take(indices)


def _consecutive(codes: Any) -> bool:
    return int(codes[-1]) - int(codes[0]) == len(codes) - 1 and bool((np.diff(codes) == 1).all())


def to_host(column: Column) -> Column:
    """Copy the arrays of a column to host memory, if they are on a device."""
    if isinstance(column.values, np.ndarray):
        return column
    validity = column.validity
    if validity is not None and not isinstance(validity, np.ndarray):
        validity = validity.get()
    return Column(column.dtype, column.values.get(), validity, column.dictionary)
