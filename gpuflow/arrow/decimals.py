"""Convert decimals between Arrow's layouts and ours: a scaled int64 for up to 18 digits, two limbs for 38.

Types of 19 to 38 digits are read as decimals of 38 digits. ``wide_decimals`` of a scan chooses another reading for them, and for
types of more digits (`READINGS`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.dtypes import NARROW_DIGITS, WIDE_DIGITS, DType, decimal

from gpuflow.errors import TypeMismatchError

from .row_value_error import RowValueError

Array = np.ndarray[Any, Any]

READINGS = ("exact", "narrow", "float64", "string")
"""How decimals of more than 18 digits are read: with 38 digits, with 18 (values of more are an error), as floats, as strings."""
_EDGE = 10**WIDE_DIGITS


def checked(wide_decimals: str) -> str:
    """Return the argument. Raises `TypeMismatchError` if it is none of `READINGS`."""
    if not is_one_of(wide_decimals, READINGS):
        raise TypeMismatchError(f"wide_decimals={wide_decimals!r} is not one of {', '.join(map(repr, READINGS))}")
    return wide_decimals


def of_arrow(arrow: pa.DataType) -> DType | None:
    """Return the decimal type that holds the values of an Arrow type; None where none can.

    >>> of_arrow(pa.decimal128(9, 2)), of_arrow(pa.decimal128(20, 4)), of_arrow(pa.decimal256(40, 4))
    (decimal(9, 2), decimal(38, 4), None)
    """
    if not 0 <= arrow.scale <= arrow.precision <= WIDE_DIGITS:
        return None
    return decimal(arrow.precision if arrow.precision <= NARROW_DIGITS else WIDE_DIGITS, arrow.scale)


def as_asked(schema: pa.Schema, wide_decimals: str) -> pa.Schema:
    """Replace decimals of more than 18 digits in a schema by the types that they are read as."""
    if wide_decimals == "exact":
        return schema
    return pa.schema([field.with_type(type_asked(field.type, wide_decimals)) for field in schema], schema.metadata)


def type_asked(arrow: pa.DataType, wide_decimals: str) -> pa.DataType:
    """Return the type that an Arrow type is read as.

    >>> type_asked(pa.decimal128(38, 4), "narrow"), type_asked(pa.decimal256(60, 4), "float64"), type_asked(pa.int8(), "string")
    (Decimal128Type(decimal128(18, 4)), DataType(double), DataType(int8))
    """
    if wide_decimals == "exact" or not pa.types.is_decimal(arrow) or arrow.precision <= NARROW_DIGITS:
        return arrow
    if wide_decimals == "narrow":
        return pa.decimal128(NARROW_DIGITS, arrow.scale) if 0 <= arrow.scale <= NARROW_DIGITS else arrow
    return pa.float64() if wide_decimals == "float64" else pa.large_string()


def converted(data: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Convert decimals to decimals, floats or strings of the Arrow type `kind`.

    Floats are the nearest ones: Arrow's own cast is off by a bit in one of ten values. Strings are written as by `Expr.cast`.

    Raises
    ------
    OddValue
        When a value has more digits than a decimal of 18.
    """
    if pa.types.is_floating(kind):
        return data.cast(pa.string()).cast(kind)
    if pa.types.is_large_string(kind):
        return pa.chunked_array([[None if v is None else f"{v:f}" for v in chunk.to_pylist()] for chunk in data.chunks], kind)
    if not pa.types.is_decimal(kind) or kind.precision >= data.type.precision or kind.scale != data.type.scale:
        return data.cast(kind)
    target = decimal(kind.precision, kind.scale)
    made, start = [], 0
    for chunk in data.chunks:
        try:
            values = read(chunk, target, _items, np.array(chunk.is_valid()))
        except RowValueError as e:
            raise RowValueError(start + e.row, e.why) from None
        bitmap = pa.py_buffer(np.packbits(np.array(chunk.is_valid()), bitorder="little"))
        made.append(pa.Array.from_buffers(kind, len(chunk), [bitmap, pa.py_buffer(arrow_words(np, target, values))]))
        start += len(chunk)
    return pa.chunked_array(made, kind)


def _items(array: pa.Array, storage: str) -> Array:
    dtype = np.dtype(storage)
    return np.frombuffer(array.buffers()[1] or b"", dtype, len(array), array.offset * dtype.itemsize)


def read(array: pa.Array, dtype: DType, values: Callable[[pa.Array, str], Array], valid: Array | None) -> Array:
    """Convert an Arrow array of decimals to the layout of a column of `dtype`; `values` views its buffer as a NumPy type.

    Raises
    ------
    OddValue
        When a value has more digits than its type says, or than `dtype` holds.
    """
    words = array.type.byte_width // 8
    low, high = dtype.bounds
    if words <= 1:
        result = values(array, f"int{8 * array.type.byte_width}").astype(np.int64, copy=False)
        if len(result) and low <= result.min() and result.max() <= high:
            return result
        strays = (result < low) | (result > high)
    else:
        items = values(array, f"V{array.type.byte_width}")
        limbs = items.view(np.int64).reshape(-1, words)
        if dtype.is_wide:
            strays = _beyond_38(limbs[:, 1], limbs[:, 0].view(np.uint64)) | (limbs[:, 2:] != (limbs[:, 1:2] >> 63)).any(axis=1)
            result = items.view(dtype.storage) if words == 2 else np.ascontiguousarray(limbs[:, :2]).view(dtype.storage)[:, 0]
        else:
            result = np.ascontiguousarray(limbs[:, 0])
            strays = (limbs[:, 1:] != (result >> 63)[:, None]).any(axis=1) | (result < low) | (result > high)
    if valid is not None:
        strays &= valid
    if strays.any():
        if array.type.precision > dtype.precision:
            why = f"of {array.type} has more than {dtype.precision} digits; pass wide_decimals='exact' or 'float64'"
        else:
            why = f"has more digits than {array.type} says"
        raise RowValueError(int(np.flatnonzero(strays)[0]), why)
    return result


def _beyond_38(upper: Array, lower: Array) -> Array:
    """Return a mask of the integers, in two limbs, that have more than 38 digits."""
    (most, above), (least, below) = (divmod(edge, 1 << 64) for edge in (_EDGE, -_EDGE))
    over = (upper > most) | ((upper == most) & (lower >= np.uint64(above)))
    return over | (upper < least) | ((upper == least) & (lower <= np.uint64(below)))


def arrow_words(xp: Any, dtype: DType, values: Any) -> Any:
    """Convert values to items of Arrow's decimal128; those of wide columns are the same."""
    return values if dtype.is_wide else xp.stack([values, values >> 63], axis=1)
