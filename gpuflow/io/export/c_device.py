"""Export tables over the Arrow C device data interface, on the host or on the device where they are.

pyarrow exports host chunks. Chunks on a device become structures of the interface here: buffers are shared, except bitmaps (Arrow
has bits where kernels have bytes) and dictionaries of strings, which are copied to the device. The
structures and their rules of ownership are those of https://arrow.apache.org/docs/format/CDeviceDataInterface.html.

pyarrow has read back what is built here from host memory; `cuda_place` has not yet run on a device.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column

from gpuflow.arrow import convert, decimals
from gpuflow.arrow.columns import string_bytes
from gpuflow.arrow.dictionaries import concat_chunks, dictionary_of, distinct_column
from gpuflow.arrow.schema import arrow_schema
from gpuflow.errors import UnsupportedError
from gpuflow.io.datasets.partition_rows import empty_chunk
from gpuflow.schema import Schema

CPU, CUDA = 1, 2
"""Kinds of device, numbered as in DLPack."""


class ArrowArray(ctypes.Structure):
    """One array of the C data interface."""


ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(ArrowArray))),
    ("dictionary", POINTER(ArrowArray)),
    ("release", c_void_p),
    ("private_data", c_void_p),
]


class ArrowDeviceArray(ctypes.Structure):
    """An array, and the device of its buffers."""

    _fields_ = (
        ("array", ArrowArray),
        ("device_id", c_int64),
        ("device_type", c_int32),
        ("sync_event", c_void_p),
        ("reserved", c_int64 * 3),
    )


class ArrowSchema(ctypes.Structure):
    """A type of the C data interface; only the fields needed to move it are named."""

    _fields_ = (("described", c_void_p * 7), ("release", c_void_p), ("private_data", c_void_p))


class ArrowDeviceArrayStream(ctypes.Structure):
    """Arrays of one schema on one kind of device."""

    _fields_ = (
        ("device_type", c_int32),
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


@dataclass(frozen=True)
class Place:
    """The device that holds buffers.

    Attributes
    ----------
    kind, number : int
        Device type, and which of them.
    xp : module
        The array module there.
    address : callable
        Where an array begins.
    event : callable
        ``(address of an event after all work so far, or 0 if nothing is under way; what keeps it alive)``.
    """

    kind: int
    number: int
    xp: Any
    address: Callable[[Any], int]
    event: Callable[[], tuple[int, Any]]


def cuda_place(array: Any) -> Place:
    """The device of a CuPy array."""
    import cupy

    def event() -> tuple[int, Any]:
        recorded = cupy.cuda.Event(disable_timing=True)
        recorded.record(cupy.cuda.get_current_stream())
        handle = c_void_p(recorded.ptr)
        return ctypes.addressof(handle), (recorded, handle)

    return Place(CUDA, int(array.device.id), cupy, lambda a: int(a.data.ptr), event)


def place_of(chunks: Iterable[Chunk]) -> Place | None:
    """Return the device that any of these chunks is on, or None for the host."""
    for chunk in chunks:
        for column in chunk.columns:
            if not isinstance(column.values, np.ndarray):
                return cuda_place(column.values)
    return None


# -- structures --------------------------------------------------------------------------------------------------------

_kept: dict[int, Any] = {}
"""Objects that exported structures refer to, by ``private_data``, until they are released."""
_numbers = itertools.count(1)


@ctypes.CFUNCTYPE(None, POINTER(ArrowArray))
def _release_array(pointer: Any) -> None:
    node = pointer.contents
    below = [node.children[k] for k in range(node.n_children)] + ([node.dictionary] if node.dictionary else [])
    for inner in below:
        if inner.contents.release:  # not moved elsewhere by the consumer
            _release_array(inner)
    _kept.pop(node.private_data, None)
    node.release = None


def _address_of(function: Any) -> int:
    return int(ctypes.cast(function, c_void_p).value or 0)


def _fill(
    node: ArrowArray,
    place: Place,
    length: int,
    buffers: Sequence[Any],
    *,
    nulls: int = 0,
    children: Sequence[ArrowArray] = (),
    dictionary: ArrowArray | None = None,
    keep_alive: Any = None,
) -> None:
    """Describe one array. A buffer is an array of `place`, or None where there is none."""
    addresses = (c_void_p * max(1, len(buffers)))(*(place.address(b) if b is not None else None for b in buffers))
    below = (POINTER(ArrowArray) * max(1, len(children)))(*(ctypes.pointer(c) for c in children))
    node.length, node.null_count, node.offset = length, nulls, 0
    node.n_buffers, node.n_children = len(buffers), len(children)
    node.buffers, node.children = ctypes.cast(addresses, POINTER(c_void_p)), ctypes.cast(below, POINTER(POINTER(ArrowArray)))
    if dictionary is not None:
        node.dictionary = ctypes.pointer(dictionary)
    node.release, node.private_data = _address_of(_release_array), next(_numbers)
    _kept[node.private_data] = (list(buffers), addresses, below, list(children), dictionary, keep_alive)


def _bits(place: Place, values: Any) -> Any:
    return place.xp.packbits(place.xp.asarray(values), bitorder="little")


def _column(place: Place, column: Column) -> ArrowArray:
    node, count, xp = ArrowArray(), len(column), place.xp
    if column.dtype == t.NULL:
        _fill(node, place, count, [], nulls=count)
        return node
    valid = None if column.validity is None else _bits(place, column.validity)
    nulls = 0 if valid is None else -1  # counting them would wait for the device
    values = _bits(place, column.values) if column.dtype == t.BOOL else xp.ascontiguousarray(xp.asarray(column.values))
    if column.dtype.is_decimal:
        values = decimals.arrow_words(xp, column.dtype, values)
    dictionary = None
    if column.dtype.kind == "opaque":
        raise UnsupportedError(f"a column of {column.dtype} is not handed out on a device; leave it out, or use to_arrow()")
    if column.dtype.is_text or column.dtype.kind == "enum":
        column = distinct_column(column)
        values = xp.ascontiguousarray(xp.asarray(column.values))
        dictionary = ArrowArray()
        entries = dictionary_of(column.dtype.detail) if column.dtype.kind == "enum" else column.dictionary
        offsets, text = (xp.asarray(a) for a in string_bytes(entries))
        _fill(dictionary, place, len(entries), [None, offsets, text])
    _fill(node, place, count, [valid, values], nulls=nulls, dictionary=dictionary)
    return node


def export(chunk: Chunk, place: Place, into: ArrowDeviceArray) -> None:
    """Describe a chunk, as a struct array, in `into`. Strings are dictionaries with int32 codes."""
    children: list[ArrowArray] = []
    try:
        for column in chunk.columns:
            children.append(_column(place, column))
        address, keep_alive = place.event()
    except BaseException:  # there may be no room for a bitmap
        for child in children:
            _release_array(ctypes.pointer(child))
        raise
    _fill(into.array, place, chunk.length, [None], children=children, keep_alive=keep_alive)
    into.device_id, into.device_type, into.sync_event = place.number, place.kind, address or None
    into.reserved[:] = [0, 0, 0]


# -- capsules ----------------------------------------------------------------------------------------------------------

_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_char_p, c_void_p)(("PyCapsule_New", ctypes.pythonapi))
_in_capsule = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
_in_dying_capsule = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))

ARRAY, STREAM, SCHEMA = b"arrow_device_array", b"arrow_device_array_stream", b"arrow_schema"

_capsules: dict[int, ctypes.Structure] = {}
"""The structures in capsules, by their addresses."""


@ctypes.PYFUNCTYPE(None, c_void_p)
def _drop_array(capsule: int) -> None:
    held = _capsules.pop(_in_dying_capsule(capsule, ARRAY))
    assert isinstance(held, ArrowDeviceArray)
    if held.array.release:
        _release_array(ctypes.pointer(held.array))


@ctypes.PYFUNCTYPE(None, c_void_p)
def _drop_stream(capsule: int) -> None:
    held = _capsules.pop(_in_dying_capsule(capsule, STREAM))
    assert isinstance(held, ArrowDeviceArrayStream)
    if held.release:
        _release_stream(ctypes.pointer(held))


def _capsule(held: ctypes.Structure, name: bytes, drop: Any) -> Any:
    address = ctypes.addressof(held)
    _capsules[address] = held
    return _new_capsule(address, name, _address_of(drop))


def _move(kind: Any, capsule: Any, name: bytes, to: int) -> None:
    """Move the structure in a capsule to an address, so that the capsule releases nothing."""
    held = kind.from_address(_in_capsule(capsule, name))
    ctypes.memmove(to, ctypes.addressof(held), ctypes.sizeof(kind))
    if kind is ArrowDeviceArray:
        held.array.release = None
    else:
        held.release = None


def refuse_unknown(options: dict[str, Any]) -> None:
    """Raise for options of later versions of the protocol that are not None."""
    unknown = [name for name, value in options.items() if value is not None]
    if unknown:
        raise NotImplementedError(f"unknown options: {', '.join(unknown)}")


def array_capsules(schema: Schema, chunks: Sequence[Chunk], requested: Any = None, place: Place | None = None) -> tuple[Any, Any]:
    """Export the rows as one array on `place`, or where they are: (schema, array) capsules."""
    chunk = concat_chunks(chunks) if chunks else empty_chunk(schema, schema)
    place = place or place_of([chunk])
    if place is None:
        return _batch(schema, chunk).__arrow_c_device_array__(requested)  # type: ignore[no-any-return]
    held = ArrowDeviceArray()
    export(chunk, place, held)
    return arrow_schema(schema, dictionary=True).__arrow_c_schema__(), _capsule(held, ARRAY, _drop_array)


def host_capsules(schema: Schema, chunks: Sequence[Chunk], requested: Any = None) -> tuple[Any, Any]:
    """Export the rows as one array on the host: (schema, array) capsules."""
    chunk = concat_chunks(chunks) if chunks else empty_chunk(schema, schema)
    return _batch(schema, chunk).__arrow_c_array__(requested)  # type: ignore[no-any-return]


def _batch(schema: Schema, chunk: Chunk) -> pa.RecordBatch:
    if not schema:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * chunk.length, pa.struct([])))
    arrays = [convert.to_arrow(column) for column in chunk.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(schema))


class _Stream:
    """State of an exported stream: the chunks not yet read from it."""

    def __init__(self, schema: Schema, chunks: Sequence[Chunk], place: Place | None) -> None:
        self.schema, self.place = schema, place
        self.chunks: Iterator[Chunk] = iter(chunks)
        self.error: bytes | None = None

    def describe(self, to: int) -> None:
        capsule = arrow_schema(self.schema, dictionary=self.place is not None).__arrow_c_schema__()
        _move(ArrowSchema, capsule, SCHEMA, to)

    def give(self, to: int) -> None:
        chunk = next(self.chunks, None)
        if chunk is None:
            ctypes.memset(to, 0, ctypes.sizeof(ArrowDeviceArray))
        elif self.place is None:
            _move(ArrowDeviceArray, _batch(self.schema, chunk).__arrow_c_device_array__()[1], ARRAY, to)
        else:
            export(chunk, self.place, ArrowDeviceArray.from_address(to))


def _callback(do: Callable[[_Stream, int], None]) -> Any:
    """Wrap a method as a callback of the stream: it returns 0, or an error number and keeps the text for `get_last_error`."""

    @ctypes.CFUNCTYPE(c_int, POINTER(ArrowDeviceArrayStream), c_void_p)
    def call(stream: Any, to: int) -> int:
        state = _kept[stream.contents.private_data]
        try:
            do(state, to)
        except MemoryError as e:
            state.error = str(e).encode()
            return errno.ENOMEM
        except Exception as e:
            state.error = f"{type(e).__name__}: {e}".encode()
            return errno.EIO
        return 0

    return call


_get_schema, _get_next = _callback(_Stream.describe), _callback(_Stream.give)


@ctypes.CFUNCTYPE(c_void_p, POINTER(ArrowDeviceArrayStream))
def _get_last_error(stream: Any) -> int | None:
    state = _kept[stream.contents.private_data]
    state.message = c_char_p(state.error)
    return ctypes.cast(state.message, c_void_p).value


@ctypes.CFUNCTYPE(None, POINTER(ArrowDeviceArrayStream))
def _release_stream(stream: Any) -> None:
    _kept.pop(stream.contents.private_data, None)
    stream.contents.release = None


def stream_capsule(schema: Schema, chunks: Sequence[Chunk], place: Place | None = None) -> Any:
    """Export the rows as a stream of one array a chunk, each made when it is read; on a device if any chunk is on it."""
    place = place or place_of(chunks)
    held = ArrowDeviceArrayStream()
    held.device_type = CPU if place is None else place.kind
    held.get_schema, held.get_next = _address_of(_get_schema), _address_of(_get_next)
    held.get_last_error, held.release = _address_of(_get_last_error), _address_of(_release_stream)
    held.private_data = next(_numbers)
    _kept[held.private_data] = _Stream(schema, chunks, place)
    return _capsule(held, STREAM, _drop_stream)
