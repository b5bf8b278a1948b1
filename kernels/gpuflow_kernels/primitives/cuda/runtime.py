"""The one interface to the device: array module and kernel launches, which all CUDA code uses."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import KernelCompileError
from .streams import StreamPool

CONFIGURED = 1024
"""Most configured kernels in the cache, and as many compiled ones; the least recently used is dropped."""
SMALL = 64 << 10
"""Smaller host arrays are left to CuPy: staging them costs more than it saves."""


class CudaRuntime:
    """CuPy arrays and `numba.cuda` launches, on CuPy's current stream."""

    block = 256
    """Threads in a block."""

    def __init__(self) -> None:
        self.streams = StreamPool()
        self._configured: OrderedDict[tuple[Any, int, int, int], Any] = OrderedDict()
        self._streams: dict[int, Any] = {}
        self._compiled: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._cuda_core = CudaCore()
        self._lock = threading.Lock()

    @property
    def xp(self) -> Any:
        import cupy

        return cupy

    @cached_property
    def multiprocessors(self) -> int:
        """Streaming multiprocessors of the device, which size persistent grids."""
        import cupy

        return int(cupy.cuda.Device().attributes["MultiProcessorCount"])

    @cached_property
    def memory(self) -> int:
        """Bytes of device memory that this process may fill; read once, so that the same query always gets the same plan."""
        import cupy

        free, _ = cupy.cuda.runtime.memGetInfo()
        return int(free) + int(cupy.get_default_memory_pool().free_bytes())

    def launch(self, kernel: Any, blocks: int, arguments: Sequence[Any], threads: int = 256) -> None:
        """Run `kernel` in `blocks` blocks of `threads` threads.

        Parameters
        ----------
        kernel : a ``numba.cuda.jit`` kernel
        blocks : int
        arguments : sequence
            Device arrays, which become their addresses, and typed NumPy scalars.
        threads : int

        Raises
        ------
        KernelCompileError
            When the kernel does not compile; the message names its file.
        """
        values, stream = launch_values(arguments), self.current_stream()
        signature = (kernel, *map(type, values))
        compiled = self._compiled.get(signature)  # None before the first launch, False if it is not available
        if compiled:
            try:
                self._cuda_core.start(compiled, int(blocks), int(threads), stream, values)
                return
            except (TypeError, ValueError, AttributeError):  # another version of cuda.core has another interface
                with self._lock:
                    self._compiled[signature] = compiled = False
        try:
            self._configure(kernel, int(blocks), int(threads), stream)(*values)
        except Exception as e:
            if type(e).__module__.startswith("numba") and type(e).__module__.endswith("core.errors"):
                file = kernel.py_func.__code__.co_filename
                raise KernelCompileError(f"generated kernel {file} did not compile: {e}") from e
            raise
        if compiled is None:
            with self._lock:
                self._compiled[signature] = compiled_kernel(kernel, values) or False
                while len(self._compiled) > CONFIGURED:
                    self._compiled.popitem(last=False)

    @staticmethod
    def current_stream() -> int:
        """Return the handle of CuPy's current stream."""
        import cupy

        return int(cupy.cuda.get_current_stream().ptr)

    def asarray(self, values: Any) -> Any:
        """Copy `values` to the device: larger host arrays by the running task's uploader, others by CuPy."""
        if type(values) is np.ndarray and values.nbytes >= SMALL and values.dtype.kind in "biufc":
            pair = self.streams.mine
            if pair is not None:
                return pair.uploads.upload(values)
        return self.xp.asarray(values)

    def free(self) -> None:
        """Free the memory held only by pools and finished work. Waits for the running task's work."""
        import cupy

        if self.streams.mine is not None:
            self.streams.mine.finish()
        self.streams.reclaim()
        cupy.get_default_memory_pool().free_all_blocks()

    def _configure(self, kernel: Any, blocks: int, threads: int, stream: int) -> Any:
        """Return ``kernel[blocks, threads, stream]``, cached: making one costs more than launching it."""
        key = (kernel, blocks, threads, stream)
        try:  # without the lock, except for misses: single operations of a dictionary are atomic
            configured = self._configured[key]
            self._configured.move_to_end(key)
            return configured
        except KeyError:
            pass
        with self._lock:
            configured = self._configured[key] = _configured(kernel, blocks, threads, self._stream(stream))
            while len(self._configured) > CONFIGURED:
                self._configured.popitem(last=False)
        return configured

    def _stream(self, handle: int) -> Any:
        """Return Numba's object for a stream."""
        if handle not in self._streams:
            from numba import cuda

            self._streams[handle] = cuda.external_stream(handle) if handle else cuda.default_stream()
        return self._streams[handle]


def _configured(kernel: Any, blocks: int, threads: int, stream: Any) -> Any:
    from numba.core import config

    # Numba warns of every grid of fewer than 128 blocks, which small inputs need. The flag is its only switch.
    saved, config.CUDA_LOW_OCCUPANCY_WARNINGS = getattr(config, "CUDA_LOW_OCCUPANCY_WARNINGS", 0), 0
    try:
        return kernel[blocks, threads, stream]
    finally:
        config.CUDA_LOW_OCCUPANCY_WARNINGS = saved


class CudaCore:
    """Launches kernels compiled by Numba through ``cuda.core``, as Numba does, but without its preparation of arguments.

    Numba wraps each number into a ctypes object, which ``cuda.core`` unwraps slowly: with 16 arguments that is most of the time
    of a launch. Plain numbers are passed directly.
    """

    def __init__(self) -> None:
        self._streams: dict[int, Any] = {}
        self._here = threading.local()

    @cached_property
    def _core(self) -> Any:
        import cuda.core

        return cuda.core

    def start(self, compiled: Any, blocks: int, threads: int, stream: int, values: Sequence[Any]) -> None:
        core = self._core
        if not getattr(self._here, "bound", False):  # Numba binds its context to the thread at every launch; this way does not
            bind_context()
            self._here.bound = True
        if stream not in self._streams:
            self._streams[stream] = core.Stream.from_handle(stream)
        core.launch(self._streams[stream], core.LaunchConfig(grid=(blocks, 1, 1), block=(threads, 1, 1)), compiled, *values)


def bind_context() -> None:
    """Make the device's context current in this thread."""
    from numba import cuda

    cuda.current_context()


def compiled_kernel(kernel: Any, values: Sequence[Any]) -> Any:
    """Return the ``cuda.core`` kernel that Numba has compiled for arguments of these types, or None.

    It is a private attribute: if another version of Numba keeps it elsewhere, Numba launches the kernel.
    """
    try:
        overload = kernel.overloads[tuple(kernel.typeof_pyval(v) for v in values)]
        if overload.debug or overload.extensions or overload.cooperative:
            return None
        from cuda.core import Kernel

        compiled = overload._codelibrary.get_cufunc().kernel
    except (AttributeError, KeyError, ImportError):
        return None
    return compiled if isinstance(compiled, Kernel) else None


_SCALARS = frozenset(np.dtype(f"{kind}{size}").type for kind in "iu" for size in (1, 2, 4, 8)) | {np.float32, np.float64}


def launch_values(arguments: Sequence[Any]) -> list[Any]:
    """Convert arguments to what Numba launches fastest: arrays to addresses, bools to Python's; other scalars stay.

    An address is a plain int, which Numba types as int64: making a NumPy scalar of it costs as much as a launch.

    Raises
    ------
    TypeError
        For an array that is not contiguous (kernels walk memory from its address on), or not on the device.
    """
    values: list[Any] = []
    for a in arguments:
        kind = type(a)
        if kind in _SCALARS:
            values.append(a)
        elif kind is np.bool_:
            values.append(bool(a))
        elif isinstance(a, np.integer):  # C has two names for one of these types
            values.append(np.dtype(f"{a.dtype.kind}{a.itemsize}").type(a))
        else:
            try:
                contiguous, address = a.flags.c_contiguous, a.data.ptr
            except AttributeError:
                raise TypeError(f"a kernel takes device arrays and NumPy scalars, not {kind.__name__}") from None
            if not contiguous:
                raise TypeError(f"a kernel's array of {a.shape} with strides {a.strides} is not contiguous")
            values.append(address)
    return values


device: Any = CudaRuntime()
"""The runtime of the CUDA target. Tests replace it by a model that needs no device."""


def launch_over(kernel: Any, things: int, arguments: Sequence[Any]) -> None:
    """Run `kernel` with a thread for each of `things`."""
    device.launch(kernel, -(-things // device.block), arguments, device.block)


def asarray(values: Any) -> Any:
    """Copy `values` to the device, or to the memory of the model that replaces it in tests."""
    return device.asarray(values) if isinstance(device, CudaRuntime) else device.xp.asarray(values)


def run(function: Callable[[], Any]) -> Any:
    """Call `function`, which launches kernels, on streams of its own, and wait for these kernels."""
    return device.streams.run(function) if isinstance(device, CudaRuntime) else function()
