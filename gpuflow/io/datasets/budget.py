"""A bound on what one read may hold: what a file says of itself is not to be trusted with the machine's memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from gpuflow_kernels import host_memory
from gpuflow_kernels.dtypes import DType

from .failures import failure
from .files import File


def check(file: File, rows: int, dtypes: Iterable[DType]) -> None:
    """Raise `ReadError` where `rows` rows of such columns, as a file claims to hold, cannot be held.

    Characters of strings are not counted: only reading tells how many there are.
    """
    width = sum(np.dtype(dtype.storage).itemsize + 1 for dtype in dtypes)
    room = host_memory.limit()
    if rows * max(1, width) > room:
        raise failure(
            file.path,
            f"it says that {rows:,} rows are to be read at once, which is {rows * width / 2**30:,.1f} GiB, and there is room for "
            f"{room / 2**30:,.1f}; ask for fewer columns, or write it with smaller row groups",
        )
