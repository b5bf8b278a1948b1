"""What stands in for `numba.cuda` while a kernel runs as Python, and the order in which its threads do."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np


class Cuda:
    """The names of `numba.cuda` that generated text may use. Anything else is an error, barriers above all: threads
    that run to their end one by one cannot wait for each other."""

    def __init__(self, switch: Callable[[], None]) -> None:
        self._place = threading.local()
        self.atomic = Atomic(switch)

    def place(self, thread: int, threads: int) -> None:
        """Make the calling Python thread device thread `thread`."""
        self._place.thread, self._place.threads = thread, threads

    def grid(self, dimensions: int) -> Any:
        assert dimensions == 1
        return np.int64(self._place.thread)

    def gridsize(self, dimensions: int) -> Any:
        assert dimensions == 1
        return np.int64(self._place.threads)


class Atomic:
    """Read, change and write as one step: another thread's turn can come before, never between."""

    def __init__(self, switch: Callable[[], None]) -> None:
        self._switch = switch

    def _change(self, array: Any, index: Any, change: Callable[[Any], Any]) -> Any:
        assert 0 <= index < len(array), f"atomic at {index} of {len(array)}"
        assert array.dtype.itemsize in (4, 8), f"no atomic of {array.dtype}"
        self._switch()
        old = array[index]
        array[index] = change(old)
        return old

    def add(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, lambda old: old + array.dtype.type(value))

    def min(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, lambda old: value if value < old else old)

    def max(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, lambda old: value if value > old else old)

    def and_(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, lambda old: old & value)

    def or_(self, array: Any, index: Any, value: Any) -> Any:
        return self._change(array, index, lambda old: old | value)

    def cas(self, array: Any, index: Any, expected: Any, value: Any) -> Any:
        return self._change(array, index, lambda old: value if old == expected else old)


class OneByOne:
    """Every thread from start to end, in a random order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def switch(self) -> None:
        pass

    def run(self, threads: int, body: Callable[[int], None]) -> None:
        order = list(range(threads))
        self._random.shuffle(order)
        for thread in order:
            body(thread)


class Switching:
    """`resident` threads at a time, of which a random one goes on before every atomic."""

    def __init__(self, seed: int, resident: int = 12) -> None:
        self._random, self._resident = random.Random(seed), resident
        self._turn: dict[int, threading.Semaphore] = {}
        self._here = threading.local()

    def switch(self) -> None:
        me = self._here.thread
        chosen = self._random.choice(list(self._turn))
        if chosen != me:
            self._turn[chosen].release()
            self._turn[me].acquire()

    def run(self, threads: int, body: Callable[[int], None]) -> None:
        order = list(range(threads))
        self._random.shuffle(order)
        for start in range(0, threads, self._resident):
            self._batch(order[start : start + self._resident], body)

    def _batch(self, batch: list[int], body: Callable[[int], None]) -> None:
        failures: list[BaseException] = []
        self._turn = {thread: threading.Semaphore(0) for thread in batch}

        def life(thread: int) -> None:
            self._here.thread = thread
            mine = self._turn[thread]
            mine.acquire()
            try:
                body(thread)
            except BaseException as e:
                failures.append(e)
            del self._turn[thread]
            if self._turn:
                self._random.choice(list(self._turn.values())).release()

        running = [threading.Thread(target=life, args=(thread,), daemon=True) for thread in batch]
        for thread in running:
            thread.start()
        self._random.choice(list(self._turn.values())).release()
        for thread in running:
            thread.join()
        if failures:
            raise failures[0]
