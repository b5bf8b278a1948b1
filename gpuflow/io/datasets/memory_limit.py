"""Refuse reads that would exceed host memory: the number of rows in a file's metadata may be wrong or malicious."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from gpuflow_kernels import host_memory
from gpuflow_kernels.dtypes import DType

from .failures import failure
from .files import File


def check(file: File, rows: int, dtypes: Iterable[DType]) -> None:
    """Raise `ReadError` if `rows` rows of these types exceed host memory.

    Characters of strings are not counted: their number is unknown before reading.
    """
    width = sum(np.dtype(dtype.storage).itemsize + 1 for dtype in dtypes)
    room = host_memory.limit()
    if rows * max(1, width) > room:
        raise failure(
            file.path,
            f"it says that {rows:,} rows are to be read at once, which is {rows * width / 2**30:,.1f} GiB, and there is room for "
            f"{room / 2**30:,.1f}; ask for fewer columns, or write it with smaller row groups",
        )
