"""Which target runs a query. Decided before the run, shown by explain, never changed silently."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from gpuflow_kernels.errors import ExecutionError

from .diagnosis import Diagnosis, diagnose, gather


@lru_cache(maxsize=1)
def cuda_diagnosis() -> Diagnosis | None:
    """The first thing that stops CUDA from being used in this process, or None."""
    return next((d for d in diagnose(gather()) if d.blocks), None)


def cuda_problem() -> str | None:
    """Why CUDA cannot be used here, or None where it can."""
    found = cuda_diagnosis()
    return None if found is None else found.problem


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
            here = cuda_diagnosis() if problem_of is cuda_problem else None
            way = "`gpuflow doctor`, run where the workers are, tells what to do" if here is None else here.fix
            raise ExecutionError(f"gpuflow.target is cuda, but {problem}; {way}")
    return asked, f"gpuflow.target is {asked}"
