"""Upload host arrays to the device through two pinned staging buffers in rotation, on a stream of their own.

While one buffer is copied to the device, the next piece is written into the other. The device memory of an uploaded array belongs
to the upload stream: when the last view of the array is freed, kernels that read it may still be running, so the memory is reused
only after an event that follows them. Thus a copy only waits for earlier copies, and overlaps with the kernels of earlier data.

Not yet run on a device: `CupyLink`. The order of events is tested on a model of streams (``tests/kernels``).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np

STAGE = 4 << 20
"""Bytes of a staging buffer; a stream pair has two."""

Event = Any
Block = Any


class Link(Protocol):
    """The operations of a device that `Uploader` needs."""

    def pinned(self, nbytes: int) -> Any:
        """Allocate page-locked host memory, as a uint8 array."""

    def allocate(self, nbytes: int) -> Block:
        """Allocate device memory for use on the upload stream."""

    def copy(self, block: Block, offset: int, source: Any) -> None:
        """Begin to copy pinned bytes to `offset` of a block, on the upload stream."""

    def copied(self) -> Event:
        """Record an event after all copies begun so far."""

    def used(self) -> list[Event]:
        """Record events after all kernels launched so far that may read uploaded arrays."""

    def compute_waits(self, event: Event) -> None:
        """Make kernels launched from now on begin after `event`."""

    def done(self, event: Event) -> bool:
        """Return whether an event has happened."""

    def finish(self, event: Event) -> None:
        """Wait until an event has happened."""

    def array(self, block: Block, dtype: Any, shape: tuple[int, ...], release: Callable[[], None]) -> Any:
        """Make an array over a block; `release` is called, from any thread, when it and all its views are freed."""


class Uploader:
    """Copies host arrays over a `Link`. One thread uses it at a time."""

    def __init__(self, link: Link, stage: int = STAGE) -> None:
        self._link, self._stage = link, stage
        self._buffers: list[Any] = []
        self._copies: list[Event | None] = [None, None]
        self._turn = 0
        self._retired: deque[tuple[Block, list[Event]]] = deque()

    def upload(self, values: Any) -> Any:
        """Copy values to a device array, in native byte order. Kernels launched afterwards wait for it.

        Parameters
        ----------
        values : numpy.ndarray
            Of numbers or bools; of any shape and strides. It may be changed as soon as this returns.
        """
        self.reclaim()
        dtype = values.dtype.newbyteorder("=")
        block = self._link.allocate(values.nbytes)
        offset, event = 0, None
        for piece in _pieces(values, max(1, self._stage // dtype.itemsize)):
            turn = self._turn
            buffer = self._buffer(turn)[: len(piece) * dtype.itemsize]
            np.copyto(buffer.view(dtype), piece, casting="equiv")
            self._link.copy(block, offset, buffer)
            event = self._copies[turn] = self._link.copied()
            self._turn, offset = 1 - turn, offset + len(buffer)
        if event is not None:
            self._link.compute_waits(event)
        return self._link.array(block, dtype, values.shape, partial(self._release, block))

    def reclaim(self, wait: bool = False) -> None:
        """Free the memory of arrays that are no longer referenced nor read; with `wait` of all that are no longer referenced."""
        for _ in range(len(self._retired)):
            try:
                block, events = self._retired.popleft()
            except IndexError:
                return
            if wait:
                for event in events:
                    self._link.finish(event)
            elif not all(self._link.done(e) for e in events):
                self._retired.append((block, events))

    def _buffer(self, turn: int) -> Any:
        """Return a staging buffer that no copy reads any more."""
        if not self._buffers:
            self._buffers = [self._link.pinned(self._stage) for _ in range(2)]
        event = self._copies[turn]
        if event is not None:
            self._link.finish(event)
            self._copies[turn] = None
        return self._buffers[turn]

    def _release(self, block: Block) -> None:
        self._retired.append((block, self._link.used()))


def _pieces(values: Any, count: int) -> Iterator[Any]:
    """Yield one-dimensional pieces of up to `count` items, in memory order of a C array."""
    flat = values.reshape(-1)  # a view of what is one-dimensional, whatever its stride
    for start in range(0, len(flat), count):
        yield flat[start : start + count]


class _Lease:
    """Owns a block for an array, and releases it when nothing refers to the array's memory any more."""

    __slots__ = ("block", "release")

    def __init__(self, block: Block, release: Callable[[], None]) -> None:
        self.block, self.release = block, release

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.release()


class CupyLink:
    """Copies by CuPy, on a stream beside the one whose kernels read the arrays."""

    def __init__(self, compute: Any) -> None:
        import cupy

        self._cupy, self._compute, self._upload = cupy, compute, cupy.cuda.Stream()

    def pinned(self, nbytes: int) -> Any:
        return np.frombuffer(self._cupy.cuda.alloc_pinned_memory(nbytes), np.uint8, nbytes)

    def allocate(self, nbytes: int) -> Block:
        with self._upload:  # pools keep separate memory for each stream
            return self._cupy.cuda.alloc(nbytes)

    def copy(self, block: Block, offset: int, source: Any) -> None:
        (block + offset).copy_from_host_async(source.ctypes.data, source.nbytes, self._upload)

    def copied(self) -> Event:
        return self._event(self._upload)

    def used(self) -> list[Event]:
        """Record events after the kernels of the thread that frees an array, and after those of this link's owner."""
        here = self._cupy.cuda.get_current_stream()
        streams = [self._compute] if here.ptr == self._compute.ptr else [self._compute, here]
        return [self._event(s) for s in streams]

    def compute_waits(self, event: Event) -> None:
        self._compute.wait_event(event)

    def done(self, event: Event) -> bool:
        return bool(event.done)

    def finish(self, event: Event) -> None:
        event.synchronize()

    def array(self, block: Block, dtype: Any, shape: tuple[int, ...], release: Callable[[], None]) -> Any:
        cuda = self._cupy.cuda
        memory = cuda.UnownedMemory(block.ptr, block.mem.size, _Lease(block, release), block.device_id)
        return self._cupy.ndarray(shape, dtype, memptr=cuda.MemoryPointer(memory, 0))

    def _event(self, stream: Any) -> Event:
        event = self._cupy.cuda.Event(disable_timing=True)
        event.record(stream)
        return event
