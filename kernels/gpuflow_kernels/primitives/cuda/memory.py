"""The device's memory: the pool that it comes from, how its errors look, and copies of columns to the host.

Not yet run on a device: `configure`, and what CuPy and RMM raise when they are out of memory.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ...column import Column
from ...errors import DeviceMemoryError, ExecutionError
from . import runtime

_configured: list[tuple[str, int | None]] = []
_lock = threading.Lock()


def configure(pool: str, limit: int | None) -> None:
    """Choose where device memory comes from, for this process. Called again with the same, it does nothing.

    Parameters
    ----------
    pool : str
        ``cupy`` for CuPy's pool, ``rmm`` for the memory resource that RMM has for the device.
    limit : int, optional
        Most bytes that may be taken.

    Raises
    ------
    ExecutionError
        When RMM is asked for and missing.
    """
    with _lock:
        if _configured and _configured[0] == (pool, limit):
            return
        if pool == "rmm":
            _use_rmm(limit)
        else:
            _use_cupy(limit)
        _configured[:] = [(pool, limit)]


def _use_cupy(limit: int | None) -> None:
    import cupy

    pool = cupy.get_default_memory_pool()
    pool.set_limit(size=0 if limit is None else limit)
    if _configured and _configured[0][0] == "rmm":
        cupy.cuda.set_allocator(pool.malloc)


def _use_rmm(limit: int | None) -> None:
    try:
        import rmm
        from rmm.allocators.cupy import rmm_cupy_allocator
    except ImportError as e:
        raise ExecutionError("gpuflow.cuda.pool is rmm, but RMM is not installed: pip install rmm-cu13 (or rmm-cu12)") from e
    import cupy

    resource = rmm.mr.get_current_device_resource()
    if isinstance(resource, rmm.mr.CudaMemoryResource):  # nobody has set up a pool: every allocation would wait for the device
        resource = rmm.mr.CudaAsyncMemoryResource()
    if limit is not None:
        resource = rmm.mr.LimitingResourceAdaptor(resource, limit)
    rmm.mr.set_current_device_resource(resource)
    cupy.cuda.set_allocator(rmm_cupy_allocator)


class DeviceMemory:
    """Memory of the device, as the engine asks about it (`gpuflow.execute.memory.Memory`)."""

    @property
    def limit(self) -> int | None:
        """Most bytes that this process may take, where that is set."""
        return _configured[0][1] if _configured else None

    def exhausted(self, error: BaseException) -> bool:
        """True if an error says that the device, and not the host, has no memory left."""
        if isinstance(error, DeviceMemoryError):
            return False  # everything has been tried already
        library = type(error).__module__.split(".")[0]
        if isinstance(error, MemoryError):
            return library == "cupy" or (library == "builtins" and "bad_alloc" in str(error))  # the second is RMM's
        return library in ("cupy", "cupy_backends") and getattr(error, "status", None) == 2  # cudaErrorMemoryAllocation

    def free(self) -> None:
        """Give back memory that only pools and finished work still hold."""
        give_back = getattr(runtime.device, "free", None)
        if give_back is not None:
            give_back()

    def spill(self, column: Column) -> tuple[Any, Any] | None:
        """Copy a column's arrays to the host; None if they are there. Waits for the current stream."""
        arrays = column.values, column.validity
        if not any(map(_on_device, arrays)):
            return None
        values, validity = (a.get() if _on_device(a) else a for a in arrays)
        return values, validity


DEVICE = DeviceMemory()


def _on_device(array: Any) -> bool:
    return array is not None and not isinstance(array, np.ndarray)
