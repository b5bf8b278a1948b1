"""Decimals between Arrow's layouts and ours: a scaled int64 for up to 18 digits, two limbs for 38.

A type of more digits is taken for one of 18, which hold most of what is stored in it (engines write their widest type when they
know no better); a value that does not fit is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.dtypes import NARROW_DIGITS, DType, decimal

from .odd_values import OddValue

Array = np.ndarray[Any, Any]


def narrowed(arrow: pa.DataType) -> DType | None:
    """The decimal that holds the values of an Arrow type if they have no more than 18 digits; None where none can.

    >>> narrowed(pa.decimal128(9, 2)), narrowed(pa.decimal128(38, 4)), narrowed(pa.decimal128(38, 20))
    (decimal(9, 2), decimal(18, 4), None)
    """
    if not 0 <= arrow.scale <= min(arrow.precision, NARROW_DIGITS):
        return None
    return decimal(min(arrow.precision, NARROW_DIGITS), arrow.scale)


def read(array: pa.Array, dtype: DType, values: Callable[[pa.Array, str], Array], valid: Array | None) -> Array:
    """The scaled int64 of an Arrow array of decimals; `values` gives the items of its buffer as a NumPy type.

    Raises
    ------
    OddValue
        When a value has more digits than its type says, or than 18.
    """
    words = array.type.byte_width // 8
    low, high = dtype.bounds
    if words <= 1:
        found = values(array, f"int{8 * array.type.byte_width}").astype(np.int64, copy=False)
        if len(found) and low <= found.min() and found.max() <= high:
            return found
        strays = (found < low) | (found > high)
    else:
        limbs = values(array, f"V{array.type.byte_width}").view(np.int64).reshape(-1, words)
        found = np.ascontiguousarray(limbs[:, 0])
        strays = (limbs[:, 1:] != (found >> 63)[:, None]).any(axis=1) | (found < low) | (found > high)
    if valid is not None:
        strays &= valid
    if strays.any():
        if array.type.precision > NARROW_DIGITS:
            why = f"of {array.type} has more than {NARROW_DIGITS} digits; cast the column to float64 before loading"
        else:
            why = f"has more digits than {array.type} says"
        raise OddValue(int(np.flatnonzero(strays)[0]), why)
    return found


def arrow_words(xp: Any, dtype: DType, values: Any) -> Any:
    """The items of Arrow's decimal128, which are those of wide columns already."""
    return values if dtype.is_wide else xp.stack([values, values >> 63], axis=1)
