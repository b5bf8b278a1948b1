"""Decimals between Arrow's layouts and ours: a scaled int64 for up to 18 digits, two limbs for 38."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.dtypes import NARROW_DIGITS, DType

Array = np.ndarray[Any, Any]

WHY_NOT = (
    f"decimals have at most {NARROW_DIGITS} digits, none of them negative after the point; cast it to a decimal of "
    f"{NARROW_DIGITS} digits or to float64 before loading"
)


def fits(arrow: pa.DataType) -> bool:
    """Whether the values of an Arrow decimal type are held by one 64-bit integer."""
    return 1 <= arrow.precision <= NARROW_DIGITS and 0 <= arrow.scale <= arrow.precision


def read(array: pa.Array, dtype: DType, values: Callable[[pa.Array, str], Array], valid: Array | None) -> Array:
    """The scaled int64 of an Arrow array of decimals; `values` gives the items of its buffer as a NumPy type.

    Raises
    ------
    pyarrow.ArrowInvalid
        When a value has more digits than its type says.
    """
    words = array.type.byte_width // 8
    if words == 0:
        return values(array, "int32").astype(np.int64)
    if words == 1:
        found = values(array, "int64")
        strays = np.zeros(len(found), np.bool_)
    else:
        limbs = values(array, f"V{array.type.byte_width}").view(np.int64).reshape(-1, words)
        found = np.ascontiguousarray(limbs[:, 0])
        strays = (limbs[:, 1:] != (found >> 63)[:, None]).any(axis=1)
    low, high = dtype.bounds
    if words == 1 and len(found) and low <= found.min() and found.max() <= high:
        return found
    strays |= (found < low) | (found > high)
    if valid is not None:
        strays &= valid
    if strays.any():
        raise pa.ArrowInvalid(f"row {int(np.flatnonzero(strays)[0])} has more digits than {array.type} says")
    return found


def arrow_words(xp: Any, dtype: DType, values: Any) -> Any:
    """The items of Arrow's decimal128, which are those of wide columns already."""
    return values if dtype.is_wide else xp.stack([values, values >> 63], axis=1)
