"""What the device itself can do: the limits that kernels are planned against."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.gpu.bench import REPEAT, Bench, close

THREADS = 256
BLOCKS = 8
"""Blocks on every multiprocessor."""
TABLES = tuple(1 << k for k in (20, 22, 24, 25, 26, 27, 29, 31, 33))
"""Bytes of the tables that are looked up in, 1 MiB to 8 GiB."""
ADDRESSES = (1, 32, 1_000, 10_000, 1_000_000, 100_000_000)
SHARED_ADDRESSES = (1, 32, 1024)
ARGUMENTS = (1, 4, 16)


class Micro:
    """One run of the micro-benchmarks."""

    def __init__(self, bench: Bench) -> None:
        from benchmarks.gpu import kernels

        self.bench, self.kernels, self.device, self.xp = bench, kernels, bench.device, bench.xp
        self.blocks = self.device.multiprocessors * BLOCKS
        self.threads = self.blocks * THREADS
        self.sums = self.xp.zeros(self.threads, "float64")

    def time(self, name: str, *arguments: Any) -> float:
        """Median seconds of a kernel, the first launch left out."""
        kernel = getattr(self.kernels, name)
        values = tuple(a if isinstance(a, np.generic) else self.device.handle(a) for a in arguments)

        def work() -> None:
            self.device.launch(kernel, self.blocks, THREADS, values)

        return statistics.median([self.device.seconds(work) for _ in range(REPEAT + 1)][1:])

    def say(self, name: str, case: str, value: float, unit: str, right: bool = True, of_copy: float | None = None) -> None:
        self.bench.emit(
            {"kind": "micro", "name": name, "case": case, "value": value, "unit": unit, "right": right, "of_copy": of_copy}
        )

    def copy(self) -> None:
        self.say("copy", "cupy.copyto, read + written", self.bench.copy / 1e9, "GB/s")

    def loads(self) -> None:
        items = min(1 << 28, self.device.free() // 32)
        items = max(items // (8 * self.threads), 1) * 8 * self.threads
        source = self.bench.random().random(items)
        total = float(source.sum())
        for name, case in (
            *((f"load_{k}", f"{k} of 8 bytes") for k in (1, 2, 4, 8)),
            *((f"pairs_{k}", f"{k} of 16 bytes") for k in (1, 2, 4)),
        ):
            self.sums[:] = 0.0
            rate = source.nbytes / self.time(name, source, self.sums)
            self.say(
                "loads in flight", case, rate / 1e9, "GB/s", close(float(self.sums.sum()), total, 1e-9), rate / self.bench.copy
            )

    def gathers(self) -> None:
        rounds = np.int64(16)
        count = self.threads * int(rounds) * 4
        sums = self.xp.zeros(self.threads, "int64")
        for size in TABLES:
            if size > self.device.free() * 0.6:
                self.bench.emit({"kind": "note", "text": f"gather from {_size(size)}: not run: not enough free memory"})
                continue
            table = self.xp.ones(size // 8, "int64")  # so that the sum is the number of look-ups
            sums[:] = 0
            seconds = self.time("gather", table, np.uint64(size // 8 - 1), rounds, sums)
            self.say("random gather", _size(size), count / seconds / 1e9, "G/s", int(sums.sum()) == count)
            del table

    def atomics(self) -> None:
        for name, dtype in (("add_int64", "int64"), ("add_float64", "float64"), ("cas_int64", "int64")):
            for addresses in ADDRESSES:
                if addresses * 8 > self.device.free() * 0.6:
                    self.bench.emit({"kind": "note", "text": f"{name} on {addresses:,}: not run: not enough free memory"})
                    continue
                counters = self.xp.zeros(addresses, dtype)
                rounds = np.int64(1 if addresses == 1 else 16)
                count = self.threads * int(rounds)
                seconds = self.time(name, counters, np.uint64(addresses), rounds)
                if name == "cas_int64":
                    right = int(counters.max()) == 1 and int(counters.sum()) <= count
                else:
                    right = int(counters.sum()) == count * (REPEAT + 1)
                self.say(f"atomics, {name}", f"{addresses:,} addresses", count / seconds / 1e9, "G/s", right)

    def shared(self) -> None:
        rounds = np.int64(64)
        count = self.threads * int(rounds)
        for name in ("shared_32", "shared_64"):
            for addresses in SHARED_ADDRESSES:
                total = self.xp.zeros(1, "int64")
                seconds = self.time(name, total, np.uint64(addresses), rounds)
                right = int(total[0]) == count * (REPEAT + 1)
                self.say(f"atomics, {name}", f"{addresses:,} addresses", count / seconds / 1e9, "G/s", right)

    def launches(self, times: int = 2_000) -> None:
        array = self.xp.zeros(1, "float64")
        kinds = (("arrays", self.device.handle(array)), ("addresses", np.uint64(self.device.address(array))))
        for count in ARGUMENTS:
            for kind, value in kinds:
                kernel, values = getattr(self.kernels, f"{kind}_{count}"), (value,) * count

                def work(kernel: Any = kernel, values: tuple[Any, ...] = values, times: int = times) -> None:
                    for _ in range(times):
                        self.device.launch(kernel, 1, 32, values)

                self.bench.once(lambda work=work: work(times=1))
                seconds, _ = self.bench.once(work)
                self.say("launch, back to back", f"{count} {kind}", seconds / times * 1e6, "us")

    def run(self) -> None:
        """All of them, each only while there is time; one that raises does not stop the next."""
        steps: tuple[Callable[[], None], ...] = (self.copy, self.loads, self.gathers, self.atomics, self.shared, self.launches)
        for step in steps:
            name = step.__name__
            if self.bench.deadline.left() <= 1.0:
                self.bench.emit({"kind": "note", "text": f"{name}: not run: out of time"})
                continue
            try:
                step()
            except Exception as error:
                self.bench.emit({"kind": "micro", "name": name, "right": False, "error": f"{type(error).__name__}: {error}"})


def run(bench: Bench) -> None:
    Micro(bench).run()


def _size(size: int) -> str:
    return f"{size >> 30} GiB" if size >= 1 << 30 else f"{size >> 20} MiB"
