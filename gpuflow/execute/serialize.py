"""Serialise columns, chunks and join tables, and tell Dask their size.

Host data needs no serialiser: pickle protocol 5 transfers arrays and dictionaries without copying, arrays arrive writeable (Numba
types read-only arrays differently, and would compile every kernel twice), and a process that never imported this module can
receive them, for example one that takes over the data of a retired worker. Arrays on a device need more: family ``cuda``
transfers device buffers (UCX), family ``dask`` copies them through host memory (TCP). Both decline host data, which is then
pickled.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from dask.sizeof import sizeof
from gpuflow_kernels.algorithms.join_table import JoinTable
from gpuflow_kernels.column import Chunk, Column

from gpuflow.arrow.dictionaries import Dictionary

from .partitions import Partitions

OVERHEAD = 512
"""Approximate bytes of the Python objects of an array."""
TYPES = (Column, Chunk, JoinTable, Partitions)


def columns_of(value: Any) -> Iterator[Column]:
    """Yield all columns inside one of `TYPES`."""
    if isinstance(value, Column):
        yield value
    elif isinstance(value, Chunk):
        yield from value.columns
    elif isinstance(value, JoinTable):
        yield from (*value.keys, *value.payload)
    else:
        for chunk in value:
            yield from chunk.columns


def arrays_of(value: Any) -> Iterator[Any]:
    """Yield all arrays inside one of `TYPES`, shared ones repeatedly."""
    for column in columns_of(value):
        yield column.values
        if column.validity is not None:
            yield column.validity
    if isinstance(value, JoinTable):
        yield from (a for a in value.arrays.values() if hasattr(a, "nbytes") and not isinstance(a, np.generic))


def size_of(value: Any) -> int:
    """Return bytes in memory; shared arrays and dictionaries count once."""
    held = {id(a): int(a.nbytes) + OVERHEAD for a in arrays_of(value)}
    held |= {id(c.dictionary): int(c.dictionary.nbytes) for c in columns_of(value) if c.dictionary is not None}
    return OVERHEAD + sum(held.values())


def on_device(array: Any) -> bool:
    """Return whether something is an array in a GPU's memory. A column is not, although it has the array interface."""
    return hasattr(type(array), "__cuda_array_interface__") and not isinstance(array, Column)


def device_module() -> Any:
    """Return the array module of device arrays."""
    import cupy

    return cupy


class _Packer(pickle.Pickler):
    """A pickler that collects device arrays, each once, instead of pickling them."""

    def __init__(self, file: Any, buffers: list[Any]) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffers.append)
        self.arrays: list[Any] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, value: Any) -> int | None:
        if not on_device(value):
            return None
        if id(value) not in self._places:
            self._places[id(value)] = len(self.arrays)
            self.arrays.append(value)
        return self._places[id(value)]


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: Any, buffers: list[Any], arrays: list[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._arrays = arrays

    def persistent_load(self, place: Any) -> Any:
        return self._arrays[place]


def pack(value: Any) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Pickle a value that has device arrays; return (header, host buffers, device buffers).

    Raises
    ------
    NotImplementedError
        When it has none; distributed then tries the next serialiser.
    """
    if not any(on_device(a) for a in arrays_of(value)):
        raise NotImplementedError("no device arrays")
    module = device_module()
    file, buffers = io.BytesIO(), []  # type: ignore[var-annotated]
    packer = _Packer(file, buffers)
    packer.dump(value)
    arrays = [module.ascontiguousarray(a) for a in packer.arrays]
    header = {
        "pickle": file.getvalue(),
        "host": len(buffers),
        "arrays": [(np.dtype(a.dtype).str, tuple(int(n) for n in a.shape)) for a in arrays],
    }
    return header, [memoryview(b) for b in buffers], [a.reshape(-1).view("u1") for a in arrays]


def landing_module() -> Any:
    """Return the module that received device arrays are made by: that of device arrays, or NumPy without a device."""
    try:
        module = device_module()
    except ImportError:
        return np
    return module if getattr(module, "is_available", lambda: True)() else np


def unpack(header: dict[str, Any], frames: list[Any]) -> Any:
    """Unpickle a value. Frames after the host buffers may be on the device, or on the host; then they are copied to a device if
    there is one."""
    module = landing_module()
    host = [_writeable(f) for f in frames[: header["host"]]]
    arrays = [
        module.asarray(_flat(_writeable(frame) if module is np else frame)).view(np.dtype(kind)).reshape(shape)
        for frame, (kind, shape) in zip(frames[header["host"] :], header["arrays"], strict=True)
    ]
    return _Unpacker(io.BytesIO(header["pickle"]), host, arrays).load()


def _writeable(frame: Any) -> memoryview:
    view = memoryview(frame)
    return memoryview(bytearray(view)) if view.readonly else view


def _flat(frame: Any) -> Any:
    """Convert a frame to an object that can be viewed as an array of bytes."""
    return frame if hasattr(frame, "__cuda_array_interface__") else np.frombuffer(frame, dtype="u1")


def cuda_dumps(value: Any) -> tuple[dict[str, Any], list[Any]]:
    """Serialise to header and frames; device buffers stay on the device."""
    header, host, device = pack(value)
    return header, [*host, *device]


def dask_dumps(value: Any) -> tuple[dict[str, Any], list[Any]]:
    """Serialise to header and frames, all on the host."""
    header, host, device = pack(value)
    module = device_module()
    return header, [*host, *(memoryview(module.asnumpy(a)) for a in device)]


for _type in TYPES:
    sizeof.register(_type, size_of)
sizeof.register(Dictionary, lambda dictionary: OVERHEAD + dictionary.nbytes)

_registered: list[bool] = []


def register() -> None:
    """Register the serialisers with distributed, if this process uses it. Further calls do nothing."""
    if _registered or "distributed" not in sys.modules:
        return
    from distributed.protocol.cuda import cuda_deserialize, cuda_serialize
    from distributed.protocol.serialize import dask_deserialize, dask_serialize

    for kind in TYPES:
        cuda_serialize.register(kind, cuda_dumps)
        cuda_deserialize.register(kind, unpack)
        dask_serialize.register(kind, dask_dumps)
        dask_deserialize.register(kind, unpack)
    _register_with_dask_cuda()
    _registered.append(True)


def _register_with_dask_cuda() -> None:
    """Register which values are on a device, so that a worker of dask-cuda can move them to the host when memory is scarce."""
    if "dask_cuda" not in sys.modules:
        return
    from dask_cuda.is_device_object import is_device_object

    for kind in TYPES:
        is_device_object.register(kind, _lies_on_device)


def _lies_on_device(value: Any) -> bool:
    return any(on_device(array) for array in arrays_of(value))


register()  # workers load distributed before their first task loads this module
