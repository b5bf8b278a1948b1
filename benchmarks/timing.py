"""Calling something several times."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any


def repeated(ask: Callable[[], Any], repeat: int, budget: float) -> dict[str, Any]:
    """First call, then `repeat` more (fewer, but two, when they would take longer than `budget` seconds)."""

    def once() -> tuple[float, Any]:
        gc.collect()
        start = time.perf_counter()
        result = ask()
        return time.perf_counter() - start, result

    first, result = once()
    times: list[float] = []
    while len(times) < repeat and (len(times) < 2 or sum(times) + times[-1] < budget):
        result = None  # let go of the last answer before the next is made
        seconds, result = once()
        times.append(seconds)
    return {"first": first, "times": times, "median": statistics.median(times), "result": result}
