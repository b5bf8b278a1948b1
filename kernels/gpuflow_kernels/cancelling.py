"""Ending work early: whoever runs a task may ask, between morsels, that it stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_here = threading.local()


class Cancelled(BaseException):
    """Nobody waits for this work any more. Not an `Exception`: no handler of failures should take it for one."""


@contextmanager
def asking(stop: Callable[[], None] | None) -> Iterator[None]:
    """Have `check` call `stop`, which raises when the work of this thread is to end; None leaves all as it is."""
    before = getattr(_here, "stop", None)
    _here.stop = stop or before
    try:
        yield
    finally:
        _here.stop = before


def begin(stop: Callable[[], None]) -> None:
    """Have `check` call `stop` in this thread from now on."""
    _here.stop = stop


def check() -> None:
    """Raise if the work of this thread is to end. Takes a tenth of a microsecond."""
    stop = getattr(_here, "stop", None)
    if stop is not None:
        stop()
