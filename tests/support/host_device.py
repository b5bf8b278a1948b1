"""Models of a device and a clock, for testing benchmarks that need a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import gpuflow as gf


class Clock:
    """A clock that is advanced by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class HostDevice:
    """A device made of NumPy. Kernels are not run, but recorded with the types of their arguments."""

    xp = np
    multiprocessors = 2

    def __init__(self, free: int = 200 << 20) -> None:
        self.bytes_free = free
        self.launched: dict[tuple[Any, tuple[Any, ...]], None] = {}

    def free(self) -> int:
        return self.bytes_free

    def sync(self) -> None:
        pass

    def seconds(self, work: Callable[[], Any]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start + 1e-9

    def handle(self, array: Any) -> Any:
        return array

    def address(self, array: Any) -> int:
        return array.ctypes.data

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: tuple[Any, ...]) -> None:
        assert blocks > 0
        assert threads % 32 == 0
        self.launched[kernel, tuple((a.dtype.name, getattr(a, "ndim", 0)) for a in arguments)] = None

    def frame(self, columns: dict[str, Any]) -> gf.Frame:
        return gf.from_numpy(columns)

    def arrays(self, table: gf.Table) -> dict[str, Any]:
        return table.to_numpy()

    def pinned(self, size: int) -> Any:
        return np.empty(size, np.uint8)
