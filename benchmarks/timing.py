"""Time repeated calls."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any


def repeated(ask: Callable[[], Any], repeat: int, budget: float) -> dict[str, Any]:
    """Time a first call, then `repeat` more (at least two, even if they take longer than `budget` seconds)."""

    def once() -> tuple[float, Any]:
        gc.collect()
        start = time.perf_counter()
        result = ask()
        return time.perf_counter() - start, result

    first, result = once()
    times: list[float] = []
    while len(times) < repeat and (len(times) < 2 or sum(times) + times[-1] < budget):
        result = None  # free the last answer before the next is computed
        seconds, result = once()
        times.append(seconds)
    return {"first": first, "times": times, "median": statistics.median(times), "result": result}
