"""How columns, chunks and join tables travel: without copies, writeable, and measured right."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from dask.sizeof import sizeof
from distributed.protocol.serialize import deserialize, serialize
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.algorithms import joining
from gpuflow_kernels.binding import Bindings
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.target import CPU, PYTHON

import gpuflow as gf
from gpuflow import col
from gpuflow.arrow.dictionaries import trimmed
from gpuflow.execute import serialize as ours
from gpuflow.execute.partitions import Partitions

N = 50_000


def chunk() -> Chunk:
    rng = np.random.default_rng(0)
    words = pa.array([f"w{k:04d}" for k in range(1000)], pa.large_string())
    return Chunk(
        (
            Column(t.INT64, np.arange(N)),
            Column(t.FLOAT64, rng.random(N), rng.random(N) < 0.9),
            Column(t.STRING, rng.integers(0, 1000, N).astype(np.int32), None, words),
            Column(t.STRING, rng.integers(0, 1000, N).astype(np.int32), None, words),
        ),
        N,
    )


def table() -> joining.JoinTable:
    keys = (Column(t.INT64, np.arange(1000) * 7919),)
    return joining.build(PYTHON, keys, chunk().take(slice(0, 1000), 1000).columns, Bindings())


def received(frames: list[Any]) -> list[Any]:
    """Frames as they come from a socket: other memory, writeable."""
    return [f if isinstance(f, bytes) else memoryview(bytearray(f)) for f in frames]


@pytest.mark.parametrize("make", [chunk, table, lambda: chunk().columns[1], lambda: Partitions([chunk(), chunk()])])
def test_nothing_is_copied_on_either_side(make: Any) -> None:
    value = make()
    header, frames = serialize(value)
    arrays = list(ours.arrays_of(value))
    large = [np.frombuffer(f, "u1") for f in frames[1:]]
    assert all(any(np.shares_memory(a, f) for f in large) for a in arrays), "an array was copied to be sent"
    assert len(frames[0]) < 20_000, "rows are in the pickle"
    came = received(frames)
    there = deserialize(header, came)
    large = [np.frombuffer(f, "u1") for f in came[1:]]
    for ours_, theirs in zip(arrays, ours.arrays_of(there), strict=True):
        np.testing.assert_array_equal(ours_, theirs)
        assert theirs.flags.writeable and theirs.flags.c_contiguous
        assert any(np.shares_memory(theirs, f) for f in large), "an array was copied when it came"


def test_a_shared_dictionary_travels_once_and_stays_shared() -> None:
    header, frames = serialize(Partitions([chunk(), chunk().take(slice(0, 10), 10)]))
    one = sum(memoryview(f).nbytes for f in serialize(chunk().columns[2])[1]) - 4 * N
    first, _ = deserialize(header, received(frames))
    assert first.columns[2].dictionary is first.columns[3].dictionary
    assert first.columns[2].dictionary.to_pylist()[:2] == ["w0000", "w0001"]
    pieces = Partitions([chunk(), chunk()])
    assert sizeof(pieces) < 2 * sizeof(pieces[0]) + one


def test_sizeof_counts_rows_and_each_dictionary_once() -> None:
    value = chunk()
    rows = N * (8 + 8 + 1 + 4 + 4)
    words = value.columns[2].dictionary.nbytes
    assert rows + words < sizeof(value) < rows + words + 10_000
    built = table()
    assert built.nbytes < sizeof(built) < 2 * built.nbytes + words + 10_000


def test_arrays_from_memory_are_writeable_however_they_came() -> None:
    """Kernels type a read-only array differently, and would be compiled once more for it."""
    frozen = np.arange(10)
    frozen.flags.writeable = False
    for frame in (gf.from_numpy({"x": frozen}), gf.from_arrow(pa.table({"x": np.arange(10)}))):
        column = frame.plan.source.column("x")
        there = deserialize(*serialize(column))
        assert column.values.flags.writeable and there.values.flags.writeable


def signatures() -> list[int]:
    """Of each generated kernel that this process has run: for how many types of arguments it was compiled."""
    from gpuflow_kernels.codegen import modules

    runs = [m.run for m in list(modules._modules.values())]
    return [len(run.signatures) for run in runs if getattr(run, "signatures", None)]


def test_nothing_compiles_again_for_rows_from_elsewhere(active: Any, tmp_path: Any) -> None:
    """The same kernels meet rows that a worker read itself, rows sent ahead, rows in the graph and rows of the other worker."""
    rng = np.random.default_rng(1)
    x = pa.array(rng.random(200_000), mask=rng.random(200_000) < 0.1)
    data = pa.table({"x": x, "k": np.arange(200_000) % 31, "s": [f"s{k % 50}" for k in range(200_000)]})
    small = pa.table({"k": np.arange(31), "v": np.arange(31) * 0.5})
    gf.from_arrow(data).collect().write_parquet(tmp_path / "data.parquet")
    gf.from_arrow(small).collect().write_parquet(tmp_path / "small.parquet")
    read, sent = gf.scan_parquet(tmp_path / "data.parquet"), gf.from_arrow(data)
    kept = sent.persist()
    active.replicate([s.future for s in kept.plan.source.splits(None)])
    answers = []
    for frame in (read, sent, kept, sent.head(1000)):
        for other in (gf.scan_parquet(tmp_path / "small.parquet"), gf.from_arrow(small)):
            joined = frame.filter(col("x") > 0.25, col("s") != "s3").join(other, on="k")
            answers.append(joined.group_by("s").agg(col("v").sum(), n=gf.len()).sort("s").collect().to_arrow())
    assert all(a == answers[0] for a in answers[:6])
    for counts in active.run(signatures).values():
        assert counts and set(counts) == {1}


class Device(np.ndarray):
    """NumPy standing in for a device's arrays."""

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.__array_interface__


class Module:
    """NumPy standing in for CuPy."""

    moved = 0

    @staticmethod
    def ascontiguousarray(array: Any) -> Any:
        return np.ascontiguousarray(array).view(Device)

    @classmethod
    def asarray(cls, array: Any) -> Any:
        cls.moved += not isinstance(array, Device)
        return np.asarray(array).view(Device)

    @staticmethod
    def asnumpy(array: Any) -> Any:
        return np.array(array, copy=True).view(np.ndarray)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> type[Module]:
    monkeypatch.setattr(ours, "device_module", lambda: Module)
    monkeypatch.setattr(Module, "moved", 0)
    return Module


def on_device(value: Chunk) -> Chunk:
    def moved(a: Any) -> Any:
        return None if a is None else a.view(Device)

    return Chunk(tuple(Column(c.dtype, moved(c.values), moved(c.validity), c.dictionary) for c in value.columns), value.length)


@pytest.mark.parametrize("family", ["cuda", "dask"])
def test_device_buffers_have_frames_of_their_own(family: str, device: type[Module]) -> None:
    ours.register()
    value = on_device(chunk())
    header, frames = serialize(value, serializers=(family, "pickle"))
    assert header["serializer"] == family
    buffers = list(ours.arrays_of(value))
    sent = frames[-len(buffers) :]
    if family == "cuda":  # the buffers themselves
        assert all(isinstance(f, Device) and np.shares_memory(f, b) for f, b in zip(sent, buffers, strict=True))
    else:
        assert not any(isinstance(f, Device) for f in frames)
    there = deserialize(header, [f if isinstance(f, Device) else memoryview(bytearray(f)) for f in frames])
    assert device.moved == (0 if family == "cuda" else len(buffers))
    assert isinstance(there, Chunk) and there.length == N
    for mine, theirs in zip(value.columns, there.columns, strict=True):
        assert theirs.dtype == mine.dtype and isinstance(theirs.values, Device)
        np.testing.assert_array_equal(theirs.values, mine.values)
        assert (mine.validity is None) == (theirs.validity is None)
    assert there.columns[2].dictionary is there.columns[3].dictionary


@pytest.mark.parametrize("without", ["CuPy", "a device"])
def test_rows_from_a_device_arrive_on_the_host_where_there_is_none(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a client on a laptop that asks a cluster with GPUs."""
    ours.register()
    monkeypatch.setattr(ours, "device_module", lambda: Module)
    value = on_device(chunk())
    header, frames = serialize(value, serializers=("dask", "pickle"))

    def missing() -> Any:
        raise ImportError("no module named cupy")

    monkeypatch.setattr(ours, "device_module", missing if without == "CuPy" else lambda: NoDevice)
    there = deserialize(header, [bytes(f) for f in frames])
    for mine, theirs in zip(ours.arrays_of(value), ours.arrays_of(there), strict=True):
        assert type(theirs) is np.ndarray and theirs.flags.writeable
        np.testing.assert_array_equal(theirs, mine)


class NoDevice(Module):
    """CuPy on a machine without a device."""

    @staticmethod
    def is_available() -> bool:
        return False


def test_a_worker_of_dask_cuda_knows_what_lies_on_the_device(device: type[Module], monkeypatch: pytest.MonkeyPatch) -> None:
    """As its spilling asks, by a `Dispatch` that calls whatever shows a `__cuda_array_interface__` a device object."""
    import types

    from dask.utils import Dispatch

    stand_in: Any = types.ModuleType("dask_cuda.is_device_object")
    stand_in.is_device_object = Dispatch("is_device_object")
    stand_in.is_device_object.register(object, lambda o: hasattr(o, "__cuda_array_interface__"))
    monkeypatch.setitem(sys.modules, "dask_cuda", types.ModuleType("dask_cuda"))
    monkeypatch.setitem(sys.modules, "dask_cuda.is_device_object", stand_in)
    monkeypatch.setattr(ours, "_registered", [])
    assert not stand_in.is_device_object(on_device(chunk()))
    ours.register()
    for value in (on_device(chunk()), on_device(chunk()).columns[0], Partitions([on_device(chunk())])):
        assert stand_in.is_device_object(value)
    for value in (chunk(), chunk().columns[0], Partitions([chunk()]), table()):
        assert not stand_in.is_device_object(value)


def test_host_data_is_left_to_pickle_in_both_families() -> None:
    ours.register()
    for family in ("cuda", "dask"):
        assert serialize(chunk(), serializers=(family, "pickle"))[0]["serializer"] == "pickle"


def test_a_process_that_never_heard_of_us_can_receive_rows() -> None:
    """As the worker does that takes over the data of one being retired."""
    script = "import sys, pickle; from distributed.protocol.serialize import deserialize; h, f = pickle.load(sys.stdin.buffer); "
    script += "c = deserialize(h, f); print(c.length, 'gpuflow.execute' in sys.modules)"
    header, frames = serialize(chunk())
    import pickle

    sent = pickle.dumps((header, [bytes(f) for f in frames]))
    run = subprocess.run([sys.executable, "-c", script], input=sent, capture_output=True, check=True)
    assert run.stdout.split() == [str(N).encode(), b"False"]


def test_registering_loads_neither_distributed_nor_cupy() -> None:
    script = "import sys, gpuflow.execute.serialize as s; s.register(); "
    script += "print([m for m in ('distributed', 'cupy', 'numba') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_pieces_leave_strings_of_others_behind() -> None:
    piece = chunk().take(slice(0, 20), 20)
    small = trimmed(piece.columns[2])
    assert len(small.dictionary) <= 20
    assert (
        small.dictionary.take(pa.array(small.values)).to_pylist()
        == piece.columns[2].dictionary.take(pa.array(piece.columns[2].values)).to_pylist()
    )
    assert trimmed(chunk().columns[2]).dictionary is not None
    whole = chunk().columns[2]
    assert trimmed(whole) is whole


def test_targets_of_a_received_table(active: Any) -> None:
    """A join table built by one worker is probed on another."""
    assert CPU.name == "cpu"
    left = gf.from_numpy({"k": np.arange(300_000) % 977})
    right = gf.from_numpy({"k": np.arange(977), "v": np.arange(977) * 2})
    answer = left.join(right, on="k").select(col("v").sum()).collect()
    assert answer.to_arrow().to_pydict() == {"v": [int((np.arange(300_000) % 977 * 2).sum())]}
