"""The tools of a part: a device, a deadline, and a place for its results."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.gpu.schedule import Deadline, rows_that_fit

PARTITIONINGS = (4, 16, 120)
"""Partitions of a table besides those that the device's profile chooses (one, where it fits); 120 are what a host would make of
a billion rows."""
REPEAT = 5
"""Timed runs after the first one, as long as there is time."""
QUICK_ROWS = 1_000_000
PEERS_SHARE = 0.4
"""Share of a part's time after which no peer is started: gpuflow comes first."""
PEERS = ("cupy", "torch", "cudf")

Work = Callable[[], Any]
Prepare = Callable[[Any], Work]


class CudaDevice:
    """The first CUDA device, through CuPy and Numba."""

    def __init__(self) -> None:
        import cupy

        self.xp = cupy

    @property
    def multiprocessors(self) -> int:
        return int(self.xp.cuda.Device().attributes["MultiProcessorCount"])

    def free(self) -> int:
        """Return bytes of free memory, after emptying the pools."""
        import sys

        self.xp.get_default_memory_pool().free_all_blocks()
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.cuda.empty_cache()
        return int(self.xp.cuda.runtime.memGetInfo()[0])

    def sync(self) -> None:
        self.xp.cuda.runtime.deviceSynchronize()

    def seconds(self, work: Work) -> float:
        """Seconds on the device between an event before `work` and one after it."""
        start, stop = self.xp.cuda.Event(), self.xp.cuda.Event()
        self.sync()
        start.record()
        work()
        stop.record()
        stop.synchronize()
        return float(self.xp.cuda.get_elapsed_time(start, stop)) / 1e3

    def handle(self, array: Any) -> Any:
        """Convert an array to what a kernel takes."""
        from numba import cuda

        return cuda.as_cuda_array(array, sync=False)

    def address(self, array: Any) -> int:
        return int(array.data.ptr)

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: tuple[Any, ...]) -> None:
        kernel[blocks, threads](*arguments)

    def frame(self, columns: Mapping[str, Any]) -> Any:
        """Return a frame over device arrays."""
        import gpuflow as gf

        return gf.from_cupy(columns)

    def arrays(self, table: Any) -> dict[str, Any]:
        """Return the columns of a collected table, on the device."""
        return table.to_cupy()

    def pinned(self, size: int) -> Any:
        """A NumPy array of `size` bytes in page-locked memory."""
        import numpy as np

        return np.frombuffer(self.xp.cuda.alloc_pinned_memory(size), np.uint8, size)


def importable(names: tuple[str, ...] = PEERS) -> tuple[dict[str, Any], dict[str, str]]:
    """Import modules; return (modules by name, reasons why the others are missing)."""
    import importlib

    modules, absent = {}, {}
    for name in names:
        try:
            modules[name] = importlib.import_module(name)
        except Exception as error:  # incompletely installed libraries fail in many ways
            absent[name] = f"not importable: {type(error).__name__}: {error}".splitlines()[0]
    return modules, absent


class Bench:
    """Measures, compares, and emits one record for each thing measured.

    Parameters
    ----------
    device : CudaDevice
        Or a stand-in with its methods.
    deadline : Deadline
        When the part must be done.
    emit : callable
        Takes a record, a dict, the moment it is known.
    peers : mapping of str to module
        The libraries to compare with.
    rows : int, optional
        Rows to use instead of what fits.
    """

    def __init__(
        self,
        device: Any,
        deadline: Deadline,
        emit: Callable[[dict[str, Any]], None],
        peers: Mapping[str, Any] | None = None,
        rows: int | None = None,
        quick: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.device, self.deadline, self.emit, self.peers = device, deadline, emit, peers or {}
        self.asked, self.quick, self.clock = rows, quick, clock
        self.xp = device.xp
        self.peers_left = PEERS_SHARE * deadline.left()
        self.copy = 0.0
        """Bytes per second of a copy on the device, read and written."""

    def measure_copy(self) -> None:
        items = min(1 << 28, max(self.device.free() // 64, 1 << 16))
        source = self.random().random(items)
        target = self.xp.empty_like(source)
        times = [self.device.seconds(lambda: self.xp.copyto(target, source)) for _ in range(REPEAT + 1)]
        self.copy = 2 * source.nbytes / statistics.median(times[1:])
        self.emit({"kind": "copy", "gb_per_s": self.copy / 1e9})

    def random(self) -> Any:
        return self.xp.random.default_rng(7)

    def below(self, random: Any, high: int, rows: int, dtype: str = "int64") -> Any:
        """Draw integers from 0 to high - 1."""
        return (random.random(rows) * high).astype(dtype)

    def rows(self, most: int, bytes_per_row: float) -> int:
        """How many rows to use, where `most` would be right and a row takes so many bytes."""
        if self.asked is not None:
            return self.asked
        return rows_that_fit(min(most, QUICK_ROWS) if self.quick else most, bytes_per_row, self.device.free())

    def once(self, work: Work) -> tuple[float, Any]:
        """(seconds, result), the device idle before and after; what the host does counts."""
        self.device.sync()
        start = self.clock()
        result = work()
        self.device.sync()
        return self.clock() - start, result

    def repeated(self, work: Work) -> list[float]:
        times: list[float] = []
        for _ in range(REPEAT):
            if times and self.deadline.left() < 2 * times[-1]:
                break
            times.append(self.once(work)[0])
        return times

    def measure(
        self,
        name: str,
        rows: int,
        work: Work,
        moved: int | Callable[[Any], int],
        right: Callable[[Any], bool],
        peers: Mapping[str, Prepare] | None = None,
        *,
        target: float | None = None,
        **more: Any,
    ) -> dict[str, Any] | None:
        """Time `work`, check its answer, time the peers, emit all of it; None where it did not come to a time.

        Parameters
        ----------
        moved : int or callable
            The fewest bytes that must be moved, or a function of the result that knows.
        right : callable
            Whether the result of the first run is right.
        peers : mapping of str to callable
            By library: a function of its module that makes ready and returns the work to time.
        target : float, optional
            The fraction of copy that is aimed at.
        """
        record: dict[str, Any] = {"kind": "work", "name": name, "rows": rows, "target": target, **more}
        if self.deadline.left() <= 1.0:
            self.emit({"kind": "note", "text": f"{name}: not run: out of time"})
            return None
        self.emit({"kind": "begin", "name": name, "peer": None})
        try:
            first, result = self.once(work)
            size = moved(result) if callable(moved) else moved
            try:
                record["right"] = bool(right(result))
            except Exception as error:
                record |= {"right": False, "why": f"{type(error).__name__}: {error}"}
            del result
            times = self.repeated(work)
        except Exception as error:
            self.emit(record | {"right": False, "error": f"{type(error).__name__}: {error}"})
            return None
        median = statistics.median(times)
        record |= {"first": first, "median": median, "times": times, "bytes": size, "of_copy": size / median / self.copy}
        self.emit(record)
        for peer, make in (peers or {}).items():
            if peer in self.peers:
                self.emit({"kind": "begin", "name": name, "peer": peer})
                self.emit({"kind": "peer", "name": name, "peer": peer} | self._peer(self.peers[peer], make, median))
        return record

    def measure_partitionings(self, name: str, rows: int, work: Work, moved: int, right: Callable[[Any], bool]) -> None:
        """Time `work` again with its tables cut into partitions: what the sizes of the device's profile are worth."""
        import dask

        for count in PARTITIONINGS:
            with dask.config.set({"gpuflow.partition-rows": max(1, -(-rows // count))}):
                self.measure(f"{name}, {count} partitions", rows, work, moved, right)

    def _peer(self, module: Any, prepare: Prepare, ours: float) -> dict[str, Any]:
        if self.peers_left <= 0 or self.deadline.left() <= 1.0:
            return {"error": "out of time"}
        self.device.free()
        start = self.clock()
        try:
            work = prepare(module)
            self.once(work)
            median = statistics.median(self.repeated(work))
        except Exception as error:  # out of memory, most likely
            return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        finally:
            self.peers_left -= self.clock() - start
            self.device.free()
        return {"median": median, "ratio": median / ours}


def close(a: float, b: float, tolerance: float = 1e-12) -> bool:
    return abs(a - b) <= tolerance * max(abs(a), abs(b), 1e-300)


def all_close(xp: Any, a: Any, b: Any, tolerance: float = 1e-12) -> bool:
    """Equal shapes, and values that differ by no more than this, relatively."""
    return a.shape == b.shape and bool((xp.abs(a - b) <= tolerance * xp.maximum(xp.abs(a), xp.abs(b))).all())
