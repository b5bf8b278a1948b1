"""A bound on what one read may hold: what a file says of itself is not to be trusted with the machine's memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from gpuflow_kernels.dtypes import DType

from gpuflow import config

from .failures import failure
from .files import File

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def limit() -> int:
    """Bytes that one read may come to: ``gpuflow.memory-limit``, or what this machine or container has."""
    return int(config.get("memory-limit") or machine_memory())


@cache
def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container that this process runs in."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such thing on this system
        whole = 1 << 40
    try:
        return min(whole, int(_CGROUP.read_text()))
    except (OSError, ValueError):  # no control group, or one without a limit
        return whole


def check(file: File, rows: int, dtypes: Iterable[DType]) -> None:
    """Raise `ReadError` where `rows` rows of such columns, as a file claims to hold, cannot be held.

    Characters of strings are not counted: only reading tells how many there are.
    """
    width = sum(np.dtype(dtype.storage).itemsize + 1 for dtype in dtypes)
    room = limit()
    if rows * max(1, width) > room:
        raise failure(
            file.path,
            f"it says that {rows:,} rows are to be read at once, which is {rows * width / 2**30:,.1f} GiB, and there is room for "
            f"{room / 2**30:,.1f}; ask for fewer columns, write it with smaller row groups, or raise gpuflow.memory-limit",
        )
