"""The one seam to the device: array module, kernel launches. Whatever else the CUDA target does goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import KernelCompileError

BLOCK = 256


class CudaRuntime:
    """CuPy arrays and `numba.cuda` launches, on CuPy's current stream."""

    lanes = 1 << 16
    """Threads of a kernel that keeps one partial result per thread."""
    chunk = 256
    """Partial results that one thread folds."""

    @property
    def xp(self) -> Any:
        import cupy

        return cupy

    def launch(self, kernel: Any, threads: int, arguments: Sequence[Any]) -> None:
        """Run `kernel` with at least `threads` threads (it guards its index itself)."""
        import cupy
        from numba import cuda

        pointer = cupy.cuda.get_current_stream().ptr
        stream = cuda.external_stream(pointer) if pointer else cuda.default_stream()
        # Arrays are handed over on the stream they belong to, so numba need not wait for it (sync=False).
        values = [
            cuda.as_cuda_array(a, sync=False) if isinstance(a, cupy.ndarray) else bool(a) if isinstance(a, np.bool_) else a
            for a in arguments
        ]
        try:
            kernel[-(-threads // BLOCK), BLOCK, stream](*values)
        except Exception as e:
            if type(e).__module__.startswith("numba") and type(e).__module__.endswith("core.errors"):
                file = kernel.py_func.__code__.co_filename
                raise KernelCompileError(f"generated kernel {file} did not compile: {e}") from e
            raise


device: Any = CudaRuntime()
"""What the CUDA target runs on. Tests put a stand-in here that needs no device."""
