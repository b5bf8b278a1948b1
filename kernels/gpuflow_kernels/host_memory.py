"""A pool of host memory for arrays of results.

The system maps fresh memory a page at a time, each at its first use: writing into fresh arrays took three to four times as long
as writing into warm ones (decision 26). So the memory of freed large arrays is kept for the next ones, within a bound.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

SMALL = 1 << 20
"""Smaller arrays are left to NumPy: the allocator reuses their memory."""


SHARE, SHARE_OF_LIMIT = 16, 32
"""Shares of the machine's memory, and of a process's own limit, that may be idle in the pool. Monitors count idle memory as
used."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@cache
def machine_memory() -> int:
    """Return the bytes of memory of this machine, or of the container that this process runs in."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # unknown on this system
        whole = 8 << 30
    try:
        return min(whole, int(_CGROUP.read_text()))
    except (OSError, ValueError):  # no control group, or one without a limit
        return whole


class Pool:
    """Freed memory by size, at most `bound` bytes of it (a sixteenth of the machine's by default)."""

    def __init__(self, bound: int | None = None) -> None:
        self.bound = machine_memory() // SHARE if bound is None else bound
        self.idle = 0
        self._free: dict[int, list[Any]] = {}
        # The garbage collector may end a lease anywhere, also within these lines: the lock is reentrant.
        self._lock = threading.RLock()

    def empty(self, count: int, dtype: Any) -> Any:
        """Make an uninitialised array of `count` items."""
        item = np.dtype(dtype)
        size = count * item.itemsize
        if size < SMALL:
            return np.empty(count, dtype=item)
        step = 1 << (size.bit_length() - 4)
        room = -(-size // step) * step  # at most an eighth is wasted
        with self._lock:
            idle = self._free.get(room)
            memory = idle.pop() if idle else None
            if idle is not None and not idle:
                del self._free[room]
            if memory is not None:
                self.idle -= room
        if memory is None:
            memory = np.empty(room, dtype=np.uint8)
        return np.asarray(_Lease(self, memory, count, item))

    def give_back(self, memory: Any) -> None:
        """Keep freed memory for another array, unless that would exceed the bound."""
        size = len(memory)
        with self._lock:
            if self.idle + size <= self.bound:
                self._free.setdefault(size, []).append(memory)
                self.idle += size

    def limit(self, bound: int) -> None:
        """Set the bound; free idle memory above it, the largest blocks first."""
        with self._lock:
            self.bound = bound
            while self.idle > bound:
                size = max(self._free)
                self._free[size].pop()
                self.idle -= size
                if not self._free[size]:
                    del self._free[size]

    def clear(self) -> None:
        """Free all idle memory."""
        with self._lock:
            self._free.clear()
            self.idle = 0


class _Lease:
    """Owns memory as long as any array over it, or view of one, lives."""

    __slots__ = ("__array_interface__", "_memory", "_pool")

    def __init__(self, pool: Pool, memory: Any, count: int, dtype: Any) -> None:
        self._pool, self._memory = pool, memory
        address = memory.__array_interface__["data"][0]
        self.__array_interface__ = {"data": (address, False), "shape": (count,), "typestr": dtype.str, "version": 3}

    def __del__(self) -> None:
        self._pool.give_back(self._memory)


pool = Pool()
"""The pool of this process."""
_limit: list[int] = []


def limit() -> int:
    """Return the bytes that this process may use: those of `limit_process`, else the memory of the machine or container."""
    return _limit[0] if _limit else machine_memory()


def limit_process(bound: int | None) -> None:
    """Limit this process to `bound` bytes, less than the machine has, and fit the pool to it; None removes the limit."""
    noted = [] if bound is None else [bound]
    if _limit == noted:
        return
    _limit[:] = noted
    pool.limit(machine_memory() // SHARE if bound is None else min(machine_memory() // SHARE, bound // SHARE_OF_LIMIT))


def empty(count: int, dtype: Any) -> Any:
    """Make an uninitialised array of `count` items in memory of the process's `pool`."""
    return pool.empty(count, dtype)


def take(values: Any, index: Any) -> Any:
    """Compute ``values[index]`` into memory of the `pool`. Row numbers must be within the array: they are not checked."""
    out = pool.empty(len(index), values.dtype)
    return np.take(values, index, out=out, mode="clip")  # mode "raise" would copy through a buffer
