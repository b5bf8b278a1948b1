"""Lists, structs and maps: columns that pass through queries as they are, numbered like plain strings and never looked into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType, nested

from .dictionaries import Dictionary

_is = pa.types
DEEPEST = 64
"""Levels of nesting that are passed on: what handles types calls itself for each."""


@dataclass(frozen=True, eq=False, repr=False)
class NestedType:
    """An Arrow type as `DType.detail`: equal where the Arrow types are, shown in this library's words."""

    arrow: pa.DataType
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NestedType) and bool(self.arrow == other.arrow)

    def __hash__(self) -> int:
        # equal lists may name their items differently, and then have other hashes in pyarrow
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def dtype_of_nested(arrow: pa.DataType, dtype_of: Callable[[pa.DataType], DType | None]) -> DType | None:
    """The column type of a nested Arrow type; None for one that is not, or that cannot be moved around.

    `dtype_of` tells the types of what is inside.
    """
    if not _is.is_nested(arrow) or is_deep(arrow) or has_union(arrow):
        return None
    kind = settled(arrow)
    return nested(NestedType(kind, _text(kind, dtype_of)))


def is_deep(arrow: pa.DataType) -> bool:
    """Whether a type nests more than `DEEPEST` levels."""
    level = [arrow]
    for _ in range(DEEPEST):
        level = [field.type for kind in level for field in _fields(kind)]
        if not level:
            return False
    return True


def has_union(arrow: pa.DataType) -> bool:
    """Whether a type is or contains a union, of which Arrow cannot take rows."""
    return _is.is_union(arrow) or any(has_union(f.type) for f in _fields(arrow))


def _fields(arrow: pa.DataType) -> list[pa.Field]:
    if _is.is_map(arrow):
        return [arrow.key_field, arrow.item_field]
    if _is.is_struct(arrow):
        return [arrow.field(k) for k in range(arrow.num_fields)]
    if _is.is_dictionary(arrow) or _is.is_run_end_encoded(arrow):
        return [pa.field("values", arrow.value_type)]
    return [arrow.value_field] if _is.is_nested(arrow) and not _is.is_union(arrow) else []


def settled(arrow: pa.DataType) -> pa.DataType:
    """The type without views of strings and without encodings inside, which Arrow cannot take rows of or put together.

    >>> settled(pa.large_list(pa.string_view())), settled(pa.list_(pa.dictionary(pa.int8(), pa.string())))
    (LargeListType(large_list<item: large_string>), ListType(list<item: string>))
    """

    def inner(field: pa.Field) -> pa.Field:
        return field.with_type(settled(field.type))

    if _is.is_string_view(arrow):
        return pa.large_string()
    if _is.is_binary_view(arrow):
        return pa.large_binary()
    if _is.is_dictionary(arrow) or _is.is_run_end_encoded(arrow):
        return settled(arrow.value_type)
    if _is.is_struct(arrow):
        return pa.struct([inner(f) for f in _fields(arrow)])
    if _is.is_map(arrow):
        return pa.map_(inner(arrow.key_field), inner(arrow.item_field), arrow.keys_sorted)
    if _is.is_fixed_size_list(arrow):
        return pa.list_(inner(arrow.value_field), arrow.list_size)
    for known, make in _LISTS:
        if known(arrow):
            return make(inner(arrow.value_field))
    return arrow


_LISTS: tuple[tuple[Callable[[Any], bool], Callable[[Any], pa.DataType]], ...] = (
    (_is.is_list, pa.list_),
    (_is.is_large_list, pa.large_list),
    (_is.is_list_view, pa.list_view),
    (_is.is_large_list_view, pa.large_list_view),
)


def _text(arrow: pa.DataType, dtype_of: Callable[[pa.DataType], DType | None]) -> str:
    def inner(kind: pa.DataType) -> str:
        return _text(kind, dtype_of)

    if _is.is_struct(arrow):
        return f"struct[{', '.join(f'{f.name}: {inner(f.type)}' for f in _fields(arrow))}]"
    if _is.is_map(arrow):
        return f"map[{inner(arrow.key_type)}, {inner(arrow.item_type)}]"
    if _is.is_fixed_size_list(arrow):
        return f"array[{inner(arrow.value_type)}, {arrow.list_size}]"
    for known, make in _LISTS:
        if known(arrow):
            return f"{make.__name__.removesuffix('_')}[{inner(arrow.value_type)}]"
    dtype = dtype_of(arrow)
    return str(arrow) if dtype is None else str(dtype)


def nested_column(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    """A column of numbers of rows, which shares its Arrow data unless that comes in several chunks or has other types inside."""
    if isinstance(data, pa.ChunkedArray):
        # to put one chunk together would copy it
        data = (
            data.chunk(0)
            if data.num_chunks == 1
            else pa.concat_arrays(data.chunks)
            if data.num_chunks
            else pa.array([], data.type)
        )
    kind = dtype.detail.arrow
    if settled(data.type) != data.type or data.type != kind:
        data = decoded(data, kind)
    validity = None if not data.null_count else np.array(data.is_valid())
    return Column(dtype, np.arange(len(data), dtype=np.int32), validity, Dictionary(data, distinct=False))


def decoded(data: pa.Array, kind: pa.DataType) -> pa.Array:
    """`data` as `kind`, which is its own settled type."""
    try:
        return data.cast(kind)
    except pa.ArrowNotImplementedError:  # dictionaries of views: Arrow decodes none
        return pa.array(data.to_pylist(), kind)


def nested_out(column: Column, bitmap: Any) -> pa.Array:
    """A host column as an Arrow array: a slice of what was loaded where its rows still follow each other."""
    codes, entries = np.ascontiguousarray(column.values), column.dictionary.values
    if _as_loaded(column, codes, entries):
        return entries.slice(int(codes[0]), len(codes))
    return entries.take(pa.Array.from_buffers(pa.int32(), len(codes), [bitmap, pa.py_buffer(codes)]))


def _as_loaded(column: Column, codes: np.ndarray[Any, Any], entries: pa.Array) -> bool:
    if not len(codes) or int(codes[-1]) - int(codes[0]) != len(codes) - 1 or not bool((np.diff(codes) == 1).all()):
        return False
    if column.validity is None:
        return True
    return bool(np.array_equal(column.validity, np.array(entries.slice(int(codes[0]), len(codes)).is_valid())))
