"""A model of streams: work is done late, in an order that only events constrain, on memory that is reused soon."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np


class Event:
    """An event, which happens when its stream reaches it."""

    def __init__(self) -> None:
        self.happened = False


class Stream:
    """Work in order; the stream waits for events in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.work: deque[Callable[[], None] | Event] = deque()

    @property
    def ready(self) -> bool:
        head = self.work[0] if self.work else None
        return head is not None and not (isinstance(head, Event) and not head.happened)

    def step(self) -> None:
        head = self.work.popleft()
        if not isinstance(head, Event):
            head()


class Block:
    """Memory from the pool, returned to it when nothing refers to this."""

    def __init__(self, memory: Any, pool: list[Any]) -> None:
        self.memory, self._pool = memory, pool

    def __del__(self) -> None:
        self._pool.append(self.memory)


class Array:
    """An array over a block; gone when nothing refers to it."""

    def __init__(self, block: Block, dtype: Any, shape: tuple[int, ...], release: Callable[[], None]) -> None:
        self._block, self._release = block, release
        self.values = block.memory[: int(np.prod(shape)) * dtype.itemsize].view(dtype).reshape(shape)

    def __del__(self) -> None:
        self._release()


class Device:
    """A `gpuflow_kernels.primitives.cuda.uploads.Link`. What runs next is drawn; `eager` streams are preferred.

    Freed blocks are handed out again at once, the last one first, as a pool does.
    """

    def __init__(self, seed: int, eager: str = "") -> None:
        self.random = random.Random(seed)
        self.eager = eager
        self.uploads, self.compute = Stream("uploads"), Stream("compute")
        self.free: list[Any] = []
        self.log: list[str] = []
        self.pinned_bytes = 0
        self.blocks = 0

    def step(self) -> bool:
        """Do one piece of work; False when there is none."""
        ready = [s for s in (self.uploads, self.compute) if s.ready]
        if not ready:
            return False
        chosen = next((s for s in ready if s.name == self.eager), None) or self.random.choice(ready)
        chosen.step()
        return True

    def drain(self) -> None:
        while self.step():
            pass

    def event(self, stream: Stream) -> Event:
        event = Event()
        stream.work.append(lambda: setattr(event, "happened", True))
        return event

    def read(self, array: Array, results: list[Any]) -> None:
        """Launch a kernel that records the content of an array when it runs."""
        values = array.values

        def work() -> None:
            self.log.append("kernel")
            results.append(values.copy())

        self.compute.work.append(work)

    def pinned(self, nbytes: int) -> Any:
        self.pinned_bytes += nbytes
        return np.zeros(nbytes, np.uint8)

    def allocate(self, nbytes: int) -> Block:
        for k in range(len(self.free) - 1, -1, -1):
            if len(self.free[k]) >= nbytes:
                return Block(self.free.pop(k), self.free)
        self.blocks += 1
        return Block(np.zeros(nbytes, np.uint8), self.free)

    def copy(self, block: Block, offset: int, source: Any) -> None:
        memory = block.memory

        def work() -> None:
            self.log.append("copy")
            memory[offset : offset + len(source)] = source  # what the buffer holds by now

        self.uploads.work.append(work)

    def copied(self) -> Event:
        return self.event(self.uploads)

    def used(self) -> list[Event]:
        return [self.event(self.compute)]

    def compute_waits(self, event: Event) -> None:
        self.compute.work.append(event)

    def done(self, event: Event) -> bool:
        for _ in range(self.random.randrange(3)):
            self.step()
        return event.happened

    def finish(self, event: Event) -> None:
        while not event.happened:
            assert self.step(), "waiting for an event that nothing leads to"

    def array(self, block: Any, dtype: Any, shape: tuple[int, ...], release: Callable[[], None]) -> Array:
        return Array(block, dtype, shape, release)
