"""Results handed out where they lie: DLPack, the CUDA array interface, Arrow's device interface.

Everything is built as for a device and read back from host memory by NumPy and pyarrow. What only a device can show is
compared field by field.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import types
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import FLOAT64, INT64

from gpuflow import io
from gpuflow.execute.serialize import on_device
from gpuflow.frame.frame import Table
from gpuflow.io.export import c_device as export
from gpuflow.schema import Schema

HOST = export.Place(export.CPU, -1, np, lambda a: a.ctypes.data, lambda: (0, None))
"""Host memory in the part of a device."""

NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]

SAMPLE = pa.table(
    {
        "i": pa.array([1, None, 3, -4, 5, 6, 7, None, 9, 10, 11]),
        "u": pa.array(range(11), pa.uint16()),
        "f": pa.array([0.5, None, float("inf")] * 3 + [-0.0, 1.0]),
        "b": pa.array([True, False, None] * 3 + [True, True]),
        "c": pa.array([True, False] * 5 + [True]),
        "s": pa.array(["a", None, "", "éé", "a"] * 2 + ["last"], pa.large_string()),
        "d": pa.array([None, *range(10)], pa.date32()),
        "t": pa.array(range(11), pa.timestamp("us")),
        "e": pa.array(range(11), pa.duration("ms")),
        "n": pa.nulls(11),
    }
)


def table(data: Any = SAMPLE, chunks: int = 1) -> Table:
    source = io.from_arrow(data)
    size = -(-source.length // chunks) if source.length else 1
    return Table(source.schema, [s.read(tuple(source.schema)) for s in source.splits(None, size)])


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever a test hands out is let go by its end."""
    gc.freeze()  # what was there before is not looked through
    yield
    gc.collect()
    gc.unfreeze()
    assert export._kept == {} and export._capsules == {}


class Exported:
    """The rows as an object that shows the interface alone, as if from a device."""

    def __init__(self, rows: Table, place: export.Place | None = HOST) -> None:
        self.rows, self.place = rows, place

    def __arrow_c_device_array__(self, requested_schema: Any = None, **options: Any) -> Any:
        return export.array_capsules(self.rows.schema, self.rows.chunks, requested_schema, self.place)


def streamed(capsule: Any) -> tuple[pa.Schema, list[pa.RecordBatch], int]:
    """Read a device stream as a C program does: (schema, batches, device type)."""
    stream = export.ArrowDeviceArrayStream.from_address(export._in_capsule(capsule, export.STREAM))
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    described = export.ArrowSchema()
    assert call(stream.get_schema)(ctypes.addressof(stream), ctypes.addressof(described)) == 0
    schema = pa.Schema._import_from_c(ctypes.addressof(described))
    batches: list[pa.RecordBatch] = []
    while True:
        array = export.ArrowDeviceArray()
        assert call(stream.get_next)(ctypes.addressof(stream), ctypes.addressof(array)) == 0
        if not array.array.release:
            return schema, batches, stream.device_type
        batches.append(pa.RecordBatch._import_from_c_device(ctypes.addressof(array), schema))


def test_structures_have_the_sizes_of_the_interface() -> None:
    sizes = [
        ctypes.sizeof(s) for s in (export.ArrowArray, export.ArrowDeviceArray, export.ArrowSchema, export.ArrowDeviceArrayStream)
    ]
    assert sizes == [80, 128, 72, 48]


# -- columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_shared_by_dlpack(kind: str) -> None:
    values = np.arange(6).astype(kind)
    column = Table(*_one(values)).column("x")
    found = np.from_dlpack(column)  # type: ignore[arg-type]
    assert found.dtype == values.dtype and np.array_equal(found, values)
    assert np.shares_memory(found, column.values)
    assert column.__dlpack_device__() == (1, 0)


def _one(values: Any) -> tuple[Schema, list[Chunk]]:
    source = io.from_numpy({"x": values})
    return source.schema, [source.splits(None)[0].read(("x",))]


def test_what_is_no_plain_array_says_so() -> None:
    rows = table()
    for name in ("s", "d", "t", "e", "n"):
        with pytest.raises(BufferError, match=r"is no plain array of numbers"):
            np.from_dlpack(rows.column(name))  # type: ignore[arg-type]
    for name in ("i", "f", "b"):
        with pytest.raises(BufferError, match=r"with nulls is no plain array; use fill_null"):
            rows.column(name).__dlpack_device__()
    valid = Column(INT64, np.arange(3), np.ones(3, bool))
    assert np.from_dlpack(valid).tolist() == [0, 1, 2], "a validity without nulls is none"  # type: ignore[arg-type]


class DeviceArray:
    """As much of a CuPy array as an export looks at, over host memory."""

    __module__ = "cupy"

    def __init__(self, host: Any) -> None:
        self.host = np.asarray(host)
        self.data = SimpleNamespace(ptr=self.host.ctypes.data)
        self.device = SimpleNamespace(id=3)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"version": 3, "shape": self.host.shape, "typestr": self.host.dtype.str, "data": (self.data.ptr, False)}

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 3

    def __len__(self) -> int:
        return len(self.host)

    def all(self) -> Any:
        return self.host.all()


def test_columns_on_a_device_show_the_array_interface() -> None:
    plain = Column(INT64, DeviceArray(np.arange(4)))
    assert plain.__cuda_array_interface__["shape"] == (4,)
    assert plain.__cuda_array_interface__["data"][0] == plain.values.data.ptr
    assert plain.__dlpack_device__() == (2, 3)
    assert hasattr(Column(INT64, DeviceArray([1]), DeviceArray([True])), "__cuda_array_interface__")
    assert not hasattr(Column(INT64, DeviceArray([1]), DeviceArray([False])), "__cuda_array_interface__")
    assert not hasattr(Column(INT64, np.arange(4)), "__cuda_array_interface__"), "host memory is not on a device"
    assert on_device(plain.values) and not on_device(plain), "a column that is sent is not taken for one array"


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [1, 3])
def test_host_rows_go_through_the_device_array_interface(chunks: int) -> None:
    rows = table(chunks=chunks)
    found = pa.record_batch(rows)
    assert pa.Table.from_batches([found]).equals(rows.to_arrow().combine_chunks())
    assert found.column("u").buffers()[1].address == rows.column("u").values.ctypes.data or chunks > 1, "numbers are shared"


def test_unknown_options_are_refused_unless_they_are_none() -> None:
    rows = table()
    for method in (rows.__arrow_c_device_array__, rows.__arrow_c_device_stream__):
        method(None, later=None)
        with pytest.raises(NotImplementedError, match="unknown options: later"):
            method(None, later=1)


@pytest.mark.parametrize("chunks", [1, 2, 4])
@pytest.mark.parametrize("place", [None, HOST], ids=["host", "as a device"])
def test_streams_give_a_batch_for_each_chunk(chunks: int, place: export.Place | None) -> None:
    rows = table(chunks=chunks)
    schema, batches, kind = streamed(export.stream_capsule(rows.schema, rows.chunks, place))
    expected = rows.to_arrow(dictionary=place is not None)
    assert kind == export.CPU
    assert schema == expected.schema
    assert [b.num_rows for b in batches] == [c.length for c in rows.chunks]
    for batch in batches:
        batch.validate(full=True)
    assert pa.Table.from_batches(batches, schema).equals(expected)
    assert streamed(rows.__arrow_c_device_stream__())[1] != []


@pytest.mark.parametrize("chunks", [1, 3])
def test_what_is_built_for_a_device_is_read_back(chunks: int) -> None:
    rows = table(chunks=chunks)
    found = pa.record_batch(Exported(rows))
    found.validate(full=True)
    assert found.schema == rows.to_arrow(dictionary=True).schema
    assert pa.Table.from_batches([found]).equals(rows.to_arrow(dictionary=True).combine_chunks().unify_dictionaries())
    if chunks == 1:
        assert found.column("u").buffers()[1].address == rows.column("u").values.ctypes.data, "numbers are shared"


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_any_number_of_rows(count: int) -> None:
    rows = table(SAMPLE.slice(2, count))
    found = pa.record_batch(Exported(rows))
    found.validate(full=True)
    assert found.to_pylist() == SAMPLE.slice(2, count).to_pylist()


@pytest.mark.parametrize("place", [None, HOST], ids=["host", "as a device"])
def test_tables_without_rows_or_columns(place: export.Place | None) -> None:
    rows = Table(table().schema, [])
    assert pa.record_batch(Exported(rows, place)).num_rows == 0
    assert streamed(export.stream_capsule(rows.schema, [], place))[1] == []
    bare = Table(Schema({}), [Chunk((), 3)])
    assert pa.record_batch(Exported(bare, place)).num_rows == 3
    assert [b.num_rows for b in streamed(export.stream_capsule(bare.schema, bare.chunks, place))[1]] == [3]


def test_rows_live_as_long_as_what_was_taken_from_them() -> None:
    rows = Table(*_one(np.arange(1000)))
    column = pa.record_batch(Exported(rows)).column(0)  # taken out of its batch, which is gone
    del rows
    gc.collect()
    assert len(export._kept) >= 1
    junk = [np.full(1000, -1) for _ in range(50)]
    assert column.to_pylist() == list(range(1000)) and len(junk) == 50


def test_what_nobody_takes_is_released() -> None:
    rows = table(chunks=2)
    capsules = [
        export.array_capsules(rows.schema, rows.chunks, None, HOST),
        export.stream_capsule(rows.schema, rows.chunks, HOST),
    ]
    assert export._kept and len(export._capsules) == 2
    capsules.clear()
    assert export._kept == {} and export._capsules == {}


def test_errors_in_a_stream_are_told_by_number_and_text() -> None:
    def no_room() -> tuple[int, Any]:
        raise failing.pop()

    failing = [MemoryError("no room"), ValueError("no good")]
    rows = table(chunks=3)
    capsule = export.stream_capsule(rows.schema, rows.chunks, export.Place(1, -1, np, lambda a: a.ctypes.data, no_room))
    stream = export.ArrowDeviceArrayStream.from_address(export._in_capsule(capsule, export.STREAM))
    get_next = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(stream.get_next)
    told = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(stream.get_last_error)
    array, at = export.ArrowDeviceArray(), ctypes.addressof(stream)
    for number, text in ((5, b"ValueError: no good"), (12, b"no room")):
        assert get_next(at, ctypes.addressof(array)) == number
        assert told(at) == text
        assert not array.array.release


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """CuPy as an export uses it; what was recorded on which stream."""
    found = SimpleNamespace(recorded=[])
    module = types.ModuleType("cupy")

    class Event:
        def __init__(self, disable_timing: bool) -> None:
            self.ptr = 0xE0 + len(found.recorded)

        def record(self, stream: Any) -> None:
            found.recorded.append(stream)

    def device(function: Any) -> Any:
        return lambda a, **options: DeviceArray(function(a.host if isinstance(a, DeviceArray) else a, **options))

    module.asarray, module.ascontiguousarray = device(np.asarray), device(np.ascontiguousarray)  # type: ignore[attr-defined]
    module.packbits = device(np.packbits)  # type: ignore[attr-defined]
    module.cuda = SimpleNamespace(Event=Event, get_current_stream=lambda: "the current stream")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", module)
    return found


def test_rows_on_a_device_are_marked_with_it(cupy: SimpleNamespace) -> None:
    values, validity = DeviceArray(np.arange(9) / 2), DeviceArray(np.arange(9) % 3 > 0)
    rows = Table(Schema({"x": FLOAT64}), [Chunk((Column(FLOAT64, values, validity),), 9)])
    _, capsule = rows.__arrow_c_device_array__()
    held = export.ArrowDeviceArray.from_address(export._in_capsule(capsule, export.ARRAY))
    assert (held.device_type, held.device_id, list(held.reserved)) == (2, 3, [0, 0, 0])
    assert ctypes.c_void_p.from_address(held.sync_event).value == 0xE0, "a pointer to the event's handle"
    assert cupy.recorded == ["the current stream"]
    assert (held.array.length, held.array.n_children, held.array.n_buffers) == (9, 1, 1)
    child = held.array.children[0].contents
    assert (child.length, child.null_count, child.n_buffers) == (9, -1, 2), "nulls are not counted: that would wait"
    assert child.buffers[1] == values.data.ptr, "shared"
    bits = np.ctypeslib.as_array(ctypes.cast(child.buffers[0], ctypes.POINTER(ctypes.c_uint8)), (2,))
    assert np.unpackbits(bits, count=9, bitorder="little").astype(bool).tolist() == validity.host.tolist()
    stream = rows.__arrow_c_device_stream__()
    assert export.ArrowDeviceArrayStream.from_address(export._in_capsule(stream, export.STREAM)).device_type == 2
