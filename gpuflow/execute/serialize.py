"""How columns, chunks and join tables move between processes, and how large Dask takes them to be.

Host data needs no serialiser: pickle protocol 5 hands arrays and dictionaries over as they stand, nothing is copied on
either side, arrays arrive writeable (compilers type read-only arrays differently, and would compile every kernel
twice), and a process that never imported this module can still receive them, as one does that takes over the data of a
worker being retired. Only arrays on a device need more: family ``cuda`` passes device buffers on (UCX), family ``dask``
takes them through host memory (TCP). Both decline host data, which then falls to pickle.
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
"""Bytes of Python objects around an array, roughly."""
TYPES = (Column, Chunk, JoinTable, Partitions)


def columns_of(value: Any) -> Iterator[Column]:
    """All columns inside one of `TYPES`."""
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
    """All arrays inside one of `TYPES`; the same one may come twice."""
    for column in columns_of(value):
        yield column.values
        if column.validity is not None:
            yield column.validity
    if isinstance(value, JoinTable):
        yield from (a for a in value.arrays.values() if hasattr(a, "nbytes") and not isinstance(a, np.generic))


def size_of(value: Any) -> int:
    """Bytes in memory; arrays and dictionaries that columns share count once."""
    held = {id(a): int(a.nbytes) + OVERHEAD for a in arrays_of(value)}
    held |= {id(c.dictionary): int(c.dictionary.nbytes) for c in columns_of(value) if c.dictionary is not None}
    return OVERHEAD + sum(held.values())


def on_device(array: Any) -> bool:
    """Whether something is an array in a GPU's memory. A column is not, though it can show itself as one."""
    return hasattr(type(array), "__cuda_array_interface__") and not isinstance(array, Column)


def device_module() -> Any:
    """The array module of device arrays."""
    import cupy

    return cupy


class _Packer(pickle.Pickler):
    """Pickles everything but the device arrays, which are put aside, each once."""

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
    """(header, host buffers, device buffers) of a value that has device arrays.

    Raises
    ------
    NotImplementedError
        When it has none: another serialiser's turn.
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
    """Where arrays from a device land in this process: the module of device arrays, NumPy where it has no device."""
    try:
        module = device_module()
    except ImportError:
        return np
    return module if getattr(module, "is_available", lambda: True)() else np


def unpack(header: dict[str, Any], frames: list[Any]) -> Any:
    """The value again; frames past the host buffers may be on a device or, then moved there if there is one, on the host."""
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
    """A frame as something that becomes an array of bytes."""
    return frame if hasattr(frame, "__cuda_array_interface__") else np.frombuffer(frame, dtype="u1")


def cuda_dumps(value: Any) -> tuple[dict[str, Any], list[Any]]:
    """Header and frames; device buffers as they are."""
    header, host, device = pack(value)
    return header, [*host, *device]


def dask_dumps(value: Any) -> tuple[dict[str, Any], list[Any]]:
    """Header and frames, all of them on the host."""
    header, host, device = pack(value)
    module = device_module()
    return header, [*host, *(memoryview(module.asnumpy(a)) for a in device)]


for _type in TYPES:
    sizeof.register(_type, size_of)
sizeof.register(Dictionary, lambda dictionary: OVERHEAD + dictionary.nbytes)

_registered: list[bool] = []


def register() -> None:
    """Tell distributed of the serialisers, if this process uses it. Called again, it does nothing."""
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
    """Say which values lie on a device, so that a worker of dask-cuda can move them to the host when memory runs short."""
    if "dask_cuda" not in sys.modules:
        return
    from dask_cuda.is_device_object import is_device_object

    for kind in TYPES:
        is_device_object.register(kind, _lies_on_device)


def _lies_on_device(value: Any) -> bool:
    return any(on_device(array) for array in arrays_of(value))


register()  # a worker has distributed loaded before its first task brings this module
