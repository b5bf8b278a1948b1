"""Stores that others see late: the relaxed part of the memory model.

A store to global memory waits in a buffer of its thread, and lands at a moment of its own, whatever was stored before it.
A thread sees its own stores. A fence makes all of them land, with what other threads of the block handed over at a
barrier; a barrier (or a fence for the block) hands them over to the block, which sees them from then on, others later.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .memory import Guarded
    from .scheduler import Block, Machine, Thread

Key = tuple[int, int]
Buffer = dict[Key, tuple[int, "Guarded", int, Any]]

WAITS = (4, 200, 20_000)
"""Bounds of how many steps a store waits, one of which is drawn: some land soon, some after everything else."""


class Delays:
    def __init__(self, machine: Machine, random: Callable[[], float]) -> None:
        self.machine, self.random = machine, random
        self.count = 0
        self.due: list[tuple[float, int, Buffer, Key, Thread]] = []

    def _add(self, buffer: Buffer, key: Key, array: Guarded, i: int, value: Any, thread: Thread) -> None:
        self.count += 1
        buffer[key] = (self.count, array, i, value)
        wait = self.random() * WAITS[int(self.random() * len(WAITS))]
        heapq.heappush(self.due, (self.machine.steps + wait, self.count, buffer, key, thread))

    def put(self, array: Guarded, i: int, value: Any) -> None:
        thread = self.machine.current
        self._add(thread.buffer, _key(array, i), array, i, value, thread)

    def find(self, array: Guarded, i: int) -> Any:
        """What the current thread sees in place of the memory's own item, or None."""
        thread, key = self.machine.current, _key(array, i)
        store = thread.buffer.get(key) or thread.block.buffer.get(key)
        return None if store is None else store[3]

    def settle(self) -> None:
        """Let land what is due."""
        while self.due and self.due[0][0] <= self.machine.steps:
            _, number, buffer, key, thread = heapq.heappop(self.due)
            store = buffer.get(key)
            if store is not None and store[0] == number:
                _land(buffer, key, thread.block)

    def land(self, array: Guarded, i: int) -> None:
        """What the current thread, or its block before a barrier, stored there lands now."""
        thread, key = self.machine.current, _key(array, i)
        for buffer in (thread.block.buffer, thread.buffer):
            if key in buffer:
                _land(buffer, key, thread.block)

    def fence(self, thread: Thread) -> None:
        for buffer in (thread.block.buffer, thread.buffer):
            for key in list(buffer):
                if key in buffer:
                    _land(buffer, key, thread.block)

    def hand_over(self, thread: Thread) -> None:
        """The block sees what `thread` stored."""
        for key, (_, array, i, value) in thread.buffer.items():
            self._add(thread.block.buffer, key, array, i, value, thread)
        thread.buffer.clear()

    def finish(self) -> None:
        """The end of a launch: everything lands, an older store before a later one."""
        for _, number, buffer, key, thread in sorted(self.due, key=lambda x: x[:2]):
            store = buffer.get(key)
            if store is not None and store[0] == number:
                _land(buffer, key, thread.block)


def _key(array: Guarded, i: int) -> Key:
    return id(array.cells), array.start + i * array.step


def _land(buffer: Buffer, key: Key, block: Block) -> None:
    _, array, i, value = buffer.pop(key)
    block.buffer.pop(key, None)  # a later store of the same thread, or of one that a barrier put before it
    array.land(i, value)
