"""Map Arrow types and schemas to column types and back."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels import time_zone_tables
from gpuflow_kernels.dtype_like import CONVERTERS
from gpuflow_kernels.dtypes import DType

from . import categories, decimals, passthrough

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
    pa.binary(): t.BINARY,
    pa.large_binary(): t.BINARY,
    pa.binary_view(): t.BINARY,
    pa.null(): t.NULL,
    **{pa.timestamp(u): t.timestamp(u) for u in t.UNITS},
    **{pa.duration(u): t.duration(u) for u in t.UNITS},
}

_TO_ARROW: dict[DType, pa.DataType] = {
    **{d: a for a, d in _FROM_ARROW.items() if a not in (pa.float16(), pa.date64())},
    t.STRING: pa.large_string(),
    t.BINARY: pa.large_binary(),
}


def dtype_of(arrow: pa.DataType) -> DType | None:
    """Return the column type that an Arrow type becomes; None when there is none (see `why_unsupported`)."""
    if is_encoded(arrow):
        return dtype_of(arrow.value_type)
    if is_wrapped(arrow):
        return dtype_of(arrow.storage_type)
    return _kernel_dtype(arrow) or passthrough.opaque_of(arrow, _kernel_dtype)


def _kernel_dtype(arrow: pa.DataType) -> DType | None:
    """Return the column type that kernels compute with; None where values only pass through."""
    if isinstance(arrow, pa.BaseExtensionType):  # may not be hashable
        return None
    if pa.types.is_decimal(arrow):
        return decimals.of_arrow(arrow)
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        return t.timestamp(arrow.unit, arrow.tz) if time_zone_tables.is_known(arrow.tz) else None
    if pa.types.is_fixed_size_binary(arrow):
        return t.BINARY
    return _FROM_ARROW.get(arrow)


def _from_user(value: Any) -> DType | None:
    """Return the column type of an Arrow type written by a user; None for anything else, and for types that only pass through."""
    if type(value).__name__ == "ArrowDtype":  # pandas' columns of Arrow arrays
        value = value.pyarrow_dtype
    if not isinstance(value, pa.DataType):
        return None
    dtype = dtype_of(value)
    return None if dtype is None or dtype.kind == "opaque" else dtype


CONVERTERS.append(_from_user)


def dtype_of_field(field: pa.Field) -> DType | None:
    """Return the column type that an Arrow field becomes: the enum in its metadata, else that of `dtype_of`."""
    return categories.declared(field) or dtype_of(field.type)


def why_unsupported(arrow: pa.DataType) -> str:
    """Explain why a column of this Arrow type is left out, with the way out."""
    if passthrough.is_deep(arrow):
        return f"{str(arrow)[:60]}…: types are nested {passthrough.DEEPEST} levels deep at most"
    if passthrough.has_no_arrays(arrow):
        return f"{arrow}: pyarrow has no arrays of it in Python; write integers, a duration, or month_day_nano_interval instead"
    return f"{arrow}: columns of this type are not supported; cast it before loading"


def arrow_type(dtype: DType, dictionary: bool = False) -> pa.DataType:
    """Return the Arrow type that a column of this type becomes."""
    if dtype.is_coded:
        return pa.dictionary(pa.int32(), entries_type(dtype)) if dictionary and dtype.is_text else entries_type(dtype)
    if dtype.kind == "enum":
        return pa.dictionary(pa.int32(), pa.large_string(), ordered=True)
    if dtype.zone is not None:
        return pa.timestamp(dtype.unit, dtype.zone)
    if dtype.is_decimal:
        return pa.decimal128(dtype.precision, dtype.scale)
    return _TO_ARROW[dtype]


def entries_type(dtype: DType) -> pa.DataType:
    """Return the Arrow type of the dictionary of a column of codes."""
    return dtype.detail.arrow if dtype.kind == "opaque" else _TO_ARROW[dtype]


def arrow_schema(fields: Any, dictionary: bool = False) -> pa.Schema:
    """Return the Arrow schema for a mapping of names to column types."""
    return pa.schema([
        pa.field(name, arrow_type(dtype, dictionary), metadata=categories.encoded(dtype) if dtype.kind == "enum" else None)
        for name, dtype in fields.items()
    ])  # fmt: skip


def is_encoded(arrow: pa.DataType) -> bool:
    """Return whether values are encoded: by a dictionary, or as runs."""
    return pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow)


def is_wrapped(arrow: pa.DataType) -> bool:
    """Return whether an extension type's storage is converted on loading: the result then has the storage type."""
    return isinstance(arrow, pa.BaseExtensionType) and not passthrough.is_deep(arrow) and passthrough.settled(arrow) != arrow
