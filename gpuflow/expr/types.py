"""Column types as users write them."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.dtype_like import as_dtype, names
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import DTypeError, TypeMismatchError

from .near_names import close, listed


def column_type(value: Any, what: str) -> DType:
    """The column type that is meant by a type of gpuflow, Python, NumPy, pandas, Polars or Arrow, or by its name.

    Parameters
    ----------
    value : DType, str, Python class, or type of another library
    what : str
        How an error begins, as in ``cast()``.

    Raises
    ------
    TypeMismatchError
        For what means no type.

    Examples
    --------
    >>> column_type("Int64", "cast()"), column_type(float, "cast()")
    (int64, float64)
    """
    try:
        return as_dtype(value)
    except DTypeError as e:
        found = close(value, names()) if isinstance(value, str) else []
        raise TypeMismatchError(f"{what}: {e}{f'; did you mean {listed(found)}?' if found else ''}") from None
