"""Assign streams to tasks: every task has a `StreamPair`, one stream for kernels and one for uploads.

Not yet run on a device: `StreamPair`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .uploads import CupyLink, Uploader


class StreamPair:
    """A compute stream and an upload stream: what one task owns while it runs, in the thread that runs it.

    Both wait for the legacy default stream and are waited for by it, so what other libraries do there is in order with
    them. Other tasks' streams are not: `finish` is called before a task's results are passed on, and before its inputs
    may be freed.
    """

    def __init__(self) -> None:
        import cupy

        self.compute = cupy.cuda.Stream()
        self.uploads = Uploader(CupyLink(self.compute))

    def current(self) -> Any:
        """Return a context within which CuPy and kernels use the compute stream."""
        return self.compute

    def finish(self) -> None:
        """Wait for all launched work."""
        self.compute.synchronize()
        self.uploads.reclaim()


class StreamPool:
    """The stream pairs of a process: as many as tasks have run at once. They are reused, with their memory."""

    def __init__(self, make: Callable[[], Any] = StreamPair) -> None:
        self._make = make
        self._idle: list[Any] = []
        self._all: list[Any] = []
        self._local = threading.local()

    @property
    def mine(self) -> Any:
        """Return the pair of the task that this thread runs, or None."""
        return getattr(self._local, "pair", None)

    def reclaim(self) -> None:
        """Free the memory of all uploaded arrays that are no longer referenced."""
        for pair in list(self._all):
            pair.uploads.reclaim(wait=True)

    def run(self, function: Callable[[], Any]) -> Any:
        """Call `function` with a stream pair of its own, and wait for the work that it launched."""
        if self.mine is not None:  # a task within a task runs in the same thread, hence in the same order
            return function()
        try:
            pair = self._idle.pop()
        except IndexError:
            pair = self._make()
            self._all.append(pair)
        self._local.pair = pair
        try:
            with pair.current():
                try:
                    result = function()
                except BaseException:
                    _quietly(pair.finish)
                    raise
                pair.finish()
                return result
        finally:
            self._local.pair = None
            self._idle.append(pair)


def _quietly(finish: Callable[[], None]) -> None:
    """Wait after a failure, and ignore errors of waiting: they would hide the reason."""
    try:
        finish()
    except Exception:
        return
