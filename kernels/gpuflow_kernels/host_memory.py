"""Arrays for results on a CPU, from memory that is used again.

The system hands out fresh memory a page at a time, each at its first use: writing into fresh arrays took three to four
times as long as writing into warm ones (decision 26). So the memory of large arrays that are gone is kept for the next
ones, within a bound.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

SMALL = 1 << 20
"""Arrays of fewer bytes are NumPy's own: the allocator keeps theirs."""


SHARE, SHARE_OF_LIMIT = 16, 32
"""The parts of the machine's memory, and of a process's own limit, that may lie idle in the pool. Whoever watches a process
counts idle memory as used."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@cache
def machine_memory() -> int:
    """Bytes of memory of this machine, or of the container that this process runs in."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # the system has no such number
        whole = 8 << 30
    try:
        return min(whole, int(_CGROUP.read_text()))
    except (OSError, ValueError):  # no control group, or one without a limit
        return whole


class Pool:
    """Memory that was given back, by size, at most `bound` bytes of it (a sixteenth of the machine's by default)."""

    def __init__(self, bound: int | None = None) -> None:
        self.bound = machine_memory() // SHARE if bound is None else bound
        self.idle = 0
        self._free: dict[int, list[Any]] = {}
        # A lease may end wherever the collector runs, also within these few lines: the lock lets its own thread in.
        self._lock = threading.RLock()

    def empty(self, count: int, dtype: Any) -> Any:
        """An array of `count` items that hold anything."""
        item = np.dtype(dtype)
        size = count * item.itemsize
        if size < SMALL:
            return np.empty(count, dtype=item)
        step = 1 << (size.bit_length() - 4)
        room = -(-size // step) * step  # an eighth is wasted at most
        with self._lock:
            kept = self._free.get(room)
            memory = kept.pop() if kept else None
            if kept is not None and not kept:
                del self._free[room]
            if memory is not None:
                self.idle -= room
        if memory is None:
            memory = np.empty(room, dtype=np.uint8)
        return np.asarray(_Lease(self, memory, count, item))

    def give_back(self, memory: Any) -> None:
        """Keep the memory for another array, unless there is enough."""
        size = len(memory)
        with self._lock:
            if self.idle + size <= self.bound:
                self._free.setdefault(size, []).append(memory)
                self.idle += size

    def limit(self, bound: int) -> None:
        """Keep at most `bound` bytes from now on; the largest idle memory goes first."""
        with self._lock:
            self.bound = bound
            while self.idle > bound:
                size = max(self._free)
                self._free[size].pop()
                self.idle -= size
                if not self._free[size]:
                    del self._free[size]

    def clear(self) -> None:
        """Let go of all that is kept."""
        with self._lock:
            self._free.clear()
            self.idle = 0


class _Lease:
    """Owns memory as long as any array or view of it lives."""

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
    """Bytes that this process may hold: those set by `limit_process`, else the memory of the machine or container."""
    return _limit[0] if _limit else machine_memory()


def limit_process(bound: int | None) -> None:
    """Note that this process may hold `bound` bytes, less than the machine has, and fit the pool to it; None: no such bound."""
    noted = [] if bound is None else [bound]
    if _limit == noted:
        return
    _limit[:] = noted
    pool.limit(machine_memory() // SHARE if bound is None else min(machine_memory() // SHARE, bound // SHARE_OF_LIMIT))


def empty(count: int, dtype: Any) -> Any:
    """An array of `count` items that hold anything, from the process's `pool`."""
    return pool.empty(count, dtype)


def take(values: Any, index: Any) -> Any:
    """``values[index]`` for row numbers, into memory of the `pool`. Numbers must lie within the array: none is checked."""
    out = pool.empty(len(index), values.dtype)
    return np.take(values, index, out=out, mode="clip")  # "raise" would go through a buffer
