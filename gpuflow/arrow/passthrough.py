"""Opaque columns: values that kernels do not compute with, as lists, structs, maps and times of day.

They pass through queries unchanged, as codes into a dictionary with one entry for each row, like plain strings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType, opaque

from .dictionaries import Dictionary

_is = pa.types
DEEPEST = 64
"""Most levels of nesting: functions on types are recursive."""


@dataclass(frozen=True, eq=False, repr=False)
class OpaqueType:
    """An Arrow type as `DType.detail`: equal if the Arrow types are, shown with gpuflow's type names."""

    arrow: pa.DataType
    text: str
    way_out: str = field(default="")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpaqueType) and bool(self.arrow == other.arrow)

    def __hash__(self) -> int:
        # equal lists may name their items differently, and then have other hashes in pyarrow
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def opaque_of(arrow: pa.DataType, kernel_dtype: Callable[[pa.DataType], DType | None]) -> DType | None:
    """Return the opaque column type of an Arrow type; None where it nests too deep, or pyarrow has no arrays of it.

    `kernel_dtype` maps Arrow types to those that kernels have, for the text of nested types.
    """
    if is_deep(arrow) or has_no_arrays(arrow):
        return None
    kind = settled(arrow)
    return opaque(OpaqueType(kind, _text(kind, kernel_dtype), _way_out(kind)))


def _way_out(arrow: pa.DataType) -> str:
    """Suggest what to do before loading in order to compute with a column of this type."""
    if isinstance(arrow, pa.BaseExtensionType):
        return f"load what it is stored as: its .storage is {arrow.storage_type}"
    if _is.is_time(arrow):
        return f"cast it to int{arrow.bit_width}, ticks since midnight, before loading"
    if _is.is_interval(arrow):
        return "make numbers of its months, days and nanoseconds, or a duration, before loading"
    if _is.is_decimal(arrow):
        return "read it with wide_decimals='float64' or 'string'"
    if _is.is_timestamp(arrow):
        return "this system knows no such time zone: pip install tzdata, or cast it to another zone before loading"
    if _is.is_union(arrow):
        return "make a struct, or columns, of its fields before loading"
    return "flatten or unnest it before loading" if _is.is_nested(arrow) else "cast it before loading"


def is_deep(arrow: pa.DataType) -> bool:
    """Return whether a type nests more than `DEEPEST` levels."""
    level = [arrow]
    for _ in range(DEEPEST):
        level = [field.type for kind in level for field in fields_of(kind)]
        if not level:
            return False
    return True


def has_no_arrays(arrow: pa.DataType) -> bool:
    """Return whether pyarrow has no arrays of a type, or of a type nested in it, in Python: two of the three interval types."""
    return any(part.id in _WITHOUT_ARRAYS for part in parts(arrow))


_WITHOUT_ARRAYS = (pa.lib.Type_INTERVAL_MONTHS, pa.lib.Type_INTERVAL_DAY_TIME)


def parts(arrow: pa.DataType) -> Iterator[pa.DataType]:
    """Yield a type and, recursively, all types nested in it."""
    yield arrow
    for inner in fields_of(arrow):
        yield from parts(inner.type)


def fields_of(arrow: pa.DataType) -> list[pa.Field]:
    """Return the fields nested in a type; none for a type that is not nested."""
    if _is.is_map(arrow):
        return [arrow.key_field, arrow.item_field]
    if _is.is_struct(arrow) or _is.is_union(arrow):
        return [arrow.field(k) for k in range(arrow.num_fields)]
    if _is.is_dictionary(arrow) or _is.is_run_end_encoded(arrow):
        return [pa.field("values", arrow.value_type)]
    if isinstance(arrow, pa.BaseExtensionType):
        return [pa.field("storage", arrow.storage_type)]
    return [arrow.value_field] if _is.is_nested(arrow) else []


def settled(arrow: pa.DataType) -> pa.DataType:
    """Replace string views, encodings and extensions of those within a type: Arrow cannot gather or concatenate them.

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
    if isinstance(arrow, pa.BaseExtensionType):
        stored = arrow.storage_type
        # nulls of an extension of a union crash pyarrow
        odd = settled(stored) != stored or any(_is.is_union(p) or _is.is_null(p) for p in parts(stored))
        return settled(stored) if odd else arrow
    return with_fields(arrow, [inner(f) for f in fields_of(arrow)]) if _is.is_nested(arrow) else arrow


def with_fields(arrow: pa.DataType, fields: list[pa.Field]) -> pa.DataType:
    """Return a nested type of the same kind with other fields, in the order of `fields_of`.

    >>> with_fields(pa.list_(pa.int8()), [pa.field("item", pa.int64())])
    ListType(list<item: int64>)
    """
    if _is.is_union(arrow):
        make = pa.sparse_union if arrow.mode == "sparse" else pa.dense_union
        return make(fields, arrow.type_codes)
    if _is.is_struct(arrow):
        return pa.struct(fields)
    if _is.is_map(arrow):
        return pa.map_(*fields, arrow.keys_sorted)
    if _is.is_fixed_size_list(arrow):
        return pa.list_(fields[0], arrow.list_size)
    return next(make(fields[0]) for is_list, make in _LISTS if is_list(arrow))


_LISTS: tuple[tuple[Callable[[Any], bool], Callable[[Any], pa.DataType]], ...] = (
    (_is.is_list, pa.list_),
    (_is.is_large_list, pa.large_list),
    (_is.is_list_view, pa.list_view),
    (_is.is_large_list_view, pa.large_list_view),
)


def _text(arrow: pa.DataType, kernel_dtype: Callable[[pa.DataType], DType | None]) -> str:
    def inner(kind: pa.DataType) -> str:
        return _text(kind, kernel_dtype)

    if _is.is_struct(arrow):
        return f"struct[{', '.join(f'{f.name}: {inner(f.type)}' for f in fields_of(arrow))}]"
    if _is.is_map(arrow):
        return f"map[{inner(arrow.key_type)}, {inner(arrow.item_type)}]"
    if _is.is_fixed_size_list(arrow):
        return f"array[{inner(arrow.value_type)}, {arrow.list_size}]"
    for is_list, make in _LISTS:
        if is_list(arrow):
            return f"{make.__name__.removesuffix('_')}[{inner(arrow.value_type)}]"
    if _is.is_union(arrow):
        return f"{arrow.mode}_union[{', '.join(f'{f.name}: {inner(f.type)}' for f in fields_of(arrow))}]"
    dtype = kernel_dtype(arrow)
    # types that are converted as columns are kept as they are inside of other types
    changed = dtype is None or _is.is_float16(arrow) or (dtype.is_decimal and dtype.precision != arrow.precision)
    return str(arrow if changed else dtype)


def opaque_column(data: pa.Array | pa.ChunkedArray, dtype: DType) -> Column:
    """Make a column of row numbers; Arrow data is shared unless it has several chunks or types that must be replaced."""
    if isinstance(data, pa.ChunkedArray):
        # concat_arrays copies even a single chunk
        data = (
            data.chunk(0)
            if data.num_chunks == 1
            else pa.concat_arrays(data.chunks)
            if data.num_chunks
            else pa.nulls(0, data.type)
        )
    kind = dtype.detail.arrow
    if settled(data.type) != data.type or data.type != kind:
        data = decoded(data, kind)
    validity = _valid(data) if data.null_count or _is.is_union(kind) else None  # nulls of a union are in its fields
    return Column(dtype, np.arange(len(data), dtype=np.int32), validity, Dictionary(data, distinct=False))


def decoded(data: pa.Array, kind: pa.DataType) -> pa.Array:
    """Convert data to `kind`, the settled type of its own."""
    try:
        return data.cast(kind)
    except pa.ArrowNotImplementedError:  # dictionaries of views, runs inside of lists: Arrow decodes none
        return rebuilt(data, kind, lambda values, inner: values.cast(inner))


def rebuilt(data: pa.Array, kind: pa.DataType, leaf: Callable[[pa.Array, pa.DataType], pa.Array]) -> pa.Array:
    """Convert nested data to `kind`, which nests alike: encodings are decoded, and `leaf` converts the innermost arrays.

    Conversion through Python values would lose nanoseconds of times of day.
    """
    arrow = data.type
    if arrow == kind:
        return data
    if isinstance(arrow, pa.BaseExtensionType):
        return rebuilt(data.storage, kind, leaf)
    if _is.is_run_end_encoded(arrow):
        return rebuilt(of_runs(data), kind, leaf)
    if _is.is_dictionary(arrow):
        return rebuilt(data.dictionary, kind, leaf).take(data.indices)
    if not _is.is_nested(arrow):
        return leaf(data, kind)
    fields = fields_of(kind)
    if _is.is_struct(arrow) or _is.is_union(arrow):
        inner = [rebuilt(data.field(k), field.type, leaf) for k, field in enumerate(fields)]
        if _is.is_struct(arrow):
            return pa.StructArray.from_arrays(inner, fields=fields, mask=data.is_null())
        names = [field.name for field in fields]
        _, codes, *offsets = data.buffers()[: 2 if arrow.mode == "sparse" else 3]
        rows = slice(data.offset, data.offset + len(data))  # pyarrow's own codes and offsets forget where a slice begins
        own = [pa.array(np.frombuffer(b, k)[rows]) for b, k in zip((codes, *offsets), ("int8", "int32"), strict=False)]
        make = pa.UnionArray.from_dense if offsets else pa.UnionArray.from_sparse
        return make(*own, inner, names, arrow.type_codes)
    if _is.is_map(arrow):
        pairs = (rebuilt(part, field.type, leaf) for part, field in zip((data.keys, data.items), fields, strict=True))
        values = pa.StructArray.from_arrays(list(pairs), fields=fields)
    else:
        values = rebuilt(data.values, fields[0].type, leaf)
    count = 1 if _is.is_fixed_size_list(arrow) else 3 if _is.is_list_view(arrow) or _is.is_large_list_view(arrow) else 2
    return pa.Array.from_buffers(kind, len(data), data.buffers()[:count], -1, data.offset, children=[values])


def of_runs(data: pa.RunEndEncodedArray) -> pa.Array:
    """Decode run-end encoded values to one for each row."""
    rows = np.arange(data.offset, data.offset + len(data))
    return data.values.take(pa.array(np.searchsorted(data.run_ends.to_numpy(), rows, side="right")))


def opaque_out(column: Column, bitmap: Any) -> pa.Array:
    """Convert a host column to an Arrow array: a slice of the loaded data if its rows are consecutive, else gathered."""
    codes, entries = np.ascontiguousarray(column.values), column.dictionary.values
    if _as_loaded(column, codes, entries):
        return entries.slice(int(codes[0]), len(codes))
    return entries.take(pa.Array.from_buffers(pa.int32(), len(codes), [bitmap, pa.py_buffer(codes)]))


def shown(data: pa.ChunkedArray) -> list[Any]:
    """Convert values to Python's, or to Arrow's text where Python's types cannot hold them."""
    return _times(data) if _is.is_time(data.type) else [_python(scalar) for scalar in data]


def exactly(data: pa.Array) -> list[str]:
    """Convert values to texts that are equal exactly where the values are."""
    if isinstance(data.type, pa.BaseExtensionType):
        return exactly(data.storage)
    return list(map(repr, shown(pa.chunked_array([data]))))


def _times(data: pa.ChunkedArray) -> list[Any]:
    # Python's times of day end at microseconds; nanoseconds would be lost silently
    return data.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]


def _python(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        pass
    try:
        return str(scalar)
    except ValueError:  # of a time zone that there is not
        return str(scalar.value)


def _as_loaded(column: Column, codes: np.ndarray[Any, Any], entries: pa.Array) -> bool:
    if not len(codes) or int(codes[-1]) - int(codes[0]) != len(codes) - 1 or not bool((np.diff(codes) == 1).all()):
        return False
    if column.validity is None:
        return True
    return bool(np.array_equal(column.validity, _valid(entries.slice(int(codes[0]), len(codes)))))


def _valid(data: pa.Array) -> np.ndarray[Any, Any]:
    return np.array(data.is_valid())
