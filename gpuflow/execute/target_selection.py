"""Choose the target that runs a query: before the run, shown by explain, never changed silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from gpuflow_kernels.errors import ExecutionError

from .diagnosis import Diagnosis, diagnose, gather


@lru_cache(maxsize=1)
def cuda_diagnosis() -> Diagnosis | None:
    """Return the first problem that prevents the use of CUDA in this process, or None."""
    return next((d for d in diagnose(gather()) if d.blocks), None)


def cuda_problem() -> str | None:
    """Return why CUDA cannot be used here, or None if it can."""
    diagnosis = cuda_diagnosis()
    return None if diagnosis is None else diagnosis.problem


def device_identity() -> tuple[str, str]:
    """Return (machine, device) that this process computes on."""
    import socket

    from .serialize import device_module

    return socket.gethostname(), device_module().cuda.runtime.getDeviceProperties(0)["uuid"].hex()


def refuse_shared_devices(devices: Mapping[str, tuple[str, str]]) -> None:
    """Raise if two workers (by address) compute on one device: each would use its whole memory.

    Raises
    ------
    ExecutionError
        With the machine and the workers.
    """
    workers: dict[tuple[str, str], list[str]] = {}
    for address, device in devices.items():
        workers.setdefault(device, []).append(address)
    for (machine, uuid), addresses in workers.items():
        if len(addresses) > 1:
            raise ExecutionError(
                f"{len(addresses)} workers on {machine} share one CUDA device ({uuid}): {', '.join(sorted(addresses)[:4])}; "
                "start one worker for each device, as gf.cluster() does with dask-cuda, or `dask cuda worker`; or give each "
                "worker a device of its own by CUDA_VISIBLE_DEVICES"
            )


def choose_target(asked: str, problem_of: Callable[[], str | None] = cuda_problem) -> tuple[str, str]:
    """Return (target, reason) for the setting ``gpuflow.target``; `problem_of` returns why CUDA cannot be used where tasks run.

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


def device_memory() -> int | None:
    """Return the device's bytes for tables in this process, measured once; None without a device."""
    from gpuflow_kernels.primitives.cuda import runtime

    try:
        return getattr(runtime.device, "memory", None)
    except (ImportError, RuntimeError):  # CuPy raises a RuntimeError without a driver
        return None
