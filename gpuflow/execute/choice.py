"""Which target runs a query. Decided before the run, shown by explain, never changed silently."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from gpuflow_kernels.errors import ExecutionError


@lru_cache(maxsize=1)
def cuda_problem() -> str | None:
    """Why CUDA cannot be used here, or None where it can."""
    try:
        import cupy
    except ImportError:
        return "cupy is not installed"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as e:  # a missing driver shows as any of several errors
        return f"no CUDA device: {e}"
    if count == 0:
        return "no CUDA device"
    try:
        from numba import cuda
    except ImportError:
        return "numba-cuda is not installed"
    return None if cuda.is_available() else "numba finds no CUDA driver"


def choose_target(asked: str, problem_of: Callable[[], str | None] = cuda_problem) -> tuple[str, str]:
    """(target, reason) for the setting ``gpuflow.target``; `problem_of` tells why CUDA cannot be used where tasks run.

    Raises
    ------
    ExecutionError
        When CUDA is asked for and cannot be used.
    """
    if asked == "auto":
        problem = problem_of()
        return ("cuda", "a CUDA device is present") if problem is None else ("cpu", problem)
    if asked == "cuda":
        problem = problem_of()
        if problem is not None:
            raise ExecutionError(f"gpuflow.target is cuda, but {problem}; `gpuflow doctor` tells what to install")
    return asked, f"gpuflow.target is {asked}"
