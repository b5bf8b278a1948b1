"""Tables of other libraries as sources: types, nulls, what is shared, and how partitions are cut."""

from __future__ import annotations

import datetime
import pickle
import sys
import threading
import types
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels import dtypes as t

from gpuflow import io
from gpuflow.arrow.dictionaries import concat_columns
from gpuflow.errors import DuplicateNameError, PlanError, ReadError, TypeMismatchError, UnsupportedError
from gpuflow.frame.frame import Table
from gpuflow.io.in_memory.source import ChunkSource
from gpuflow.plan.source import ColumnStatistics, Source


def table(source: Source, rows: int | None = None) -> Table:
    return Table(source.schema, [split.read(tuple(source.schema)) for split in source.splits(None, rows)])


def test_arrow_table_gives_one_source_whose_strings_are_encoded_once() -> None:
    data = pa.table({"x": [1, 2, None], "s": ["b", None, "a"]})
    source = io.from_arrow(data)
    assert io.from_arrow(data) is source
    assert source.column("s") is source.column("s")
    assert table(source, 2).to_arrow().to_pydict() == data.to_pydict()
    assert io.from_arrow(pa.table({"x": [1]})).token != io.from_arrow(pa.table({"x": [1]})).token


def test_arrow_relatives() -> None:
    batch = pa.record_batch({"x": [1, 2]})
    reader = pa.RecordBatchReader.from_batches(batch.schema, [batch, batch])

    class Stream:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pa.table({"x": [1, 2]}).__arrow_c_stream__(requested_schema)

    class Array:
        def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
            return batch.__arrow_c_array__(requested_schema)

    for data, expected in [(batch, [1, 2]), (reader, [1, 2, 1, 2]), (Stream(), [1, 2]), (Array(), [1, 2])]:
        assert table(io.from_any(data))["x"].to_pylist() == expected
    with pytest.raises(TypeMismatchError, match="one Arrow array of int64"):
        io.from_arrow(pa.array([1]))
    with pytest.raises(TypeMismatchError, match=r"builtins\.int is no table"):
        io.from_any(1)


def test_foreign_arrow_data_is_validated_when_read() -> None:
    bad = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(np.array([0, 99, 2], np.int32)), pa.py_buffer(b"ab")])
    source = io.from_arrow(pa.table({"ok": [1, 2], "s": bad}))
    assert source.splits(None)[0].read(("ok",)).length == 2
    with pytest.raises(ReadError, match="column 's'") as caught:
        source.splits(None)[0].read(("s",))
    assert caught.value.column == "s"


@pytest.mark.parametrize("make", [
    lambda: pa.table([[1], [2]], names=["x", "x"]),
    lambda: pd.DataFrame([[1, 2]], columns=["x", "x"]),
    lambda: pd.DataFrame([[1, 2]], columns=["1", 1]),
])  # fmt: skip
def test_duplicate_names(make: Any) -> None:
    with pytest.raises(DuplicateNameError, match="more than one column named"):
        io.from_any(make())


def test_partitions_are_views() -> None:
    values = np.arange(1_000_000)
    source = io.from_numpy({"x": values})
    splits = source.splits(None, 300_000)
    bounds = [i * 250_000 // 64 * 64 for i in range(4)]  # where rows can be loaded in pairs and more
    assert [s.rows for s in splits] == [b - a for a, b in zip(bounds, [*bounds[1:], len(values)], strict=True)]
    assert [s.read(("x",)).columns[0].values.ctypes.data - values.ctypes.data for s in splits] == [8 * b for b in bounds]
    assert sum(s.nbytes or 0 for s in splits) == values.nbytes
    import dask

    with dask.config.set({"gpuflow.threads": 3}):
        assert len(source.splits(None)) == 12
        assert len(io.from_numpy({"x": values[:100]}).splits(None)) == 1
    assert [s.rows for s in io.from_numpy({"x": values[:0]}).splits(None)] == [0]


def test_a_split_is_sent_with_its_own_rows_only() -> None:
    source = io.from_arrow(pa.table({"x": np.arange(100_000), "s": ["a", None] * 50_000}))
    split = source.splits(None, 1000)[7].narrow(("s",))
    sent = pickle.dumps(split)
    assert len(sent) < 20_000
    assert concat_columns([pickle.loads(sent).read(("s",)).columns[0]]).values.shape == (1000,)
    again = pickle.loads(pickle.dumps(source))
    assert again.token == source.token
    assert table(again).equals(table(source))


def test_conversion_happens_once_under_threads() -> None:
    count = []

    def make() -> Any:
        count.append(1)
        return io.from_numpy({"x": np.arange(3)}).column("x")

    from gpuflow.io.in_memory.source import MemorySource

    source = MemorySource(io.from_numpy({"x": np.arange(3)}).schema, 3, {"x": make}, "test")
    threads = [threading.Thread(target=source.column, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(count) == 1


def test_statistics() -> None:
    source = io.from_arrow(pa.table({
        "i": pa.array([5, None, -3], pa.int8()), "f": [1.0, 2.0, None], "s": ["a", "b", None], "b": [True, True, True],
        "d": pa.array([1, 2, 3], pa.date32()), "n": pa.array([None, None, None], pa.int64()),
    }))  # fmt: skip
    assert source.statistics("i") == ColumnStatistics(-3, 5, 1)
    assert source.statistics("f") == ColumnStatistics(None, None, 1)
    assert source.statistics("s") == ColumnStatistics(None, None, 1)
    assert source.statistics("b") == ColumnStatistics(True, True, 0)
    assert source.statistics("d") == ColumnStatistics(1, 3, 0)
    assert source.statistics("n") == ColumnStatistics(None, None, 3)
    assert type(source.statistics("i").low) is int


def test_numpy() -> None:
    shared = np.arange(4.0)
    source = io.from_numpy({
        "shared": shared, "strided": np.arange(8)[::2], "big": np.arange(4, dtype=">i4"), "half": np.ones(4, np.float16),
        "day": np.array(["2020-01-01", "NaT"] * 2, "M8[D]"), "hour": np.array(["2020-01-01T05", "NaT"] * 2, "M8[h]"),
        "span": np.array([1, 2, 3, "NaT"], "m8[ms]"), "masked": np.ma.MaskedArray(np.arange(4), mask=[1, 0, 0, 0]),
        "text": np.array(["a", "b", "a", ""]), "objects": np.array(["a", None, "b", "a"], object), "list": [1, None, 2, 3],
        "nan": np.array([1, np.nan, 2, 3]), "arrow": pa.array([1, None, 2, 3]), "mixed": np.array([1, "x", None, 2], object),
        "complex": np.ones(4, complex),
    })  # fmt: skip
    assert source.column("shared").values.ctypes.data == shared.ctypes.data
    assert set(source.unsupported) == {"mixed", "complex"}
    kinds = {name: str(dtype) for name, dtype in source.schema.items()}
    assert kinds == {
        "shared": "float64", "strided": "int64", "big": "int32", "half": "float32", "day": "date", "hour": "timestamp[s]",
        "span": "duration[ms]", "masked": "int64", "text": "string", "objects": "string", "list": "int64", "nan": "float64",
        "arrow": "int64",
    }  # fmt: skip
    for name in source.schema:
        values = source.column(name).values
        assert values.flags.c_contiguous
        assert values.flags.writeable
        assert values.dtype == np.dtype(source.schema[name].storage)
    columns = table(source).to_dict()
    assert columns["strided"] == [0, 2, 4, 6]
    assert columns["day"][:2] == [datetime.date(2020, 1, 1), None]
    assert columns["hour"][:2] == [datetime.datetime(2020, 1, 1, 5), None]
    assert columns["masked"] == [None, 1, 2, 3]
    assert columns["objects"] == ["a", None, "b", "a"]
    assert source.column("nan").validity is None, "NaN is a value"
    with pytest.raises(PlanError, match="different lengths"):
        io.from_numpy({"a": [1], "b": [1, 2]})
    with pytest.raises(PlanError, match="2 dimensions"):
        io.from_numpy({"a": np.ones((2, 2))})
    with pytest.raises(TypeMismatchError, match="give the array a name"):
        io.from_any(np.arange(3))
    assert table(io.from_any(np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]))).to_pylist() == [{"a": 1, "b": 2.0}]


def test_a_date_out_of_range_is_told() -> None:
    with pytest.raises(ReadError, match="column 'd': a date lies beyond"):
        table(io.from_numpy({"d": np.array([2**40], "M8[D]")}))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array(["a", 1], object), "'x' is object: its values have no common type"),
        (np.array([1j, 2j]), "'x' is complex128"),
    ],
)
def test_arrays_of_which_none_can_be_used_are_refused(values: np.ndarray, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"no column of the numpy arrays \(2 rows\) can be used: column {reason}"):
        io.from_numpy({"x": values})
    with pytest.raises(UnsupportedError, match=r"no column of the pandas frame .* can be used: column 'x' is"):
        io.from_pandas(pd.DataFrame({"x": list(values)}, dtype=object))
    some = io.from_numpy({"x": values, "y": np.arange(2)})
    assert list(some.schema) == ["y"] and list(some.unsupported) == ["x"]


def test_objects_of_one_kind_become_a_column_of_that_type() -> None:
    days = [datetime.date(2013, 1, 1), None]
    source = io.from_numpy({"s": np.array(["a", None], object), "n": np.array([1, 2], object), "d": np.array(days, object)})
    assert {n: str(d) for n, d in source.schema.items()} == {"s": "string", "n": "int64", "d": "date"}
    assert table(source).to_dict() == {"s": ["a", None], "n": [1, 2], "d": days}


def test_pandas() -> None:
    frame = pd.DataFrame({
        "i": [1, 2, 3], "nan": [1.0, np.nan, 2.0], "str": ["a", None, "b"], "obj": pd.Series(["a", None, np.nan], dtype=object),
        "Int": pd.Series([1, None, 3], dtype="Int64"), "Bool": pd.Series([True, None, False], dtype="boolean"),
        "cat": pd.Categorical(["x", "y", None]), "catint": pd.Categorical([5, 6, None]),
        "ts": pd.to_datetime(["2020-01-01", None, "2021-01-01"]), "td": pd.to_timedelta([1, 2, None], unit="s"),
        "dates": [datetime.date(2020, 1, 1)] * 3, "pa": pd.Series([1, None, 3], dtype=pd.ArrowDtype(pa.int16())),
        "tz": pd.to_datetime(["2020-01-01"] * 3).tz_localize("UTC"), "mix": [1, "x", None],
    }).set_index(pd.Index([7, 8, 9]))  # fmt: skip
    source = io.from_any(frame)
    assert set(source.unsupported) == {"mix"}
    assert {n: d.kind for n, d in source.schema.items()} == {
        "i": "int", "nan": "float", "str": "string", "obj": "string", "Int": "int", "Bool": "bool", "cat": "string",
        "catint": "int", "ts": "timestamp", "td": "duration", "dates": "date", "pa": "int", "tz": "timestamp",
    }  # fmt: skip
    assert source.column("i").values.flags.writeable, "pandas hands out read-only arrays"
    assert source.column("i").values.ctypes.data == frame["i"].to_numpy().ctypes.data
    rows = table(source).to_dict()
    assert source.column("nan").validity is None
    assert rows["str"] == ["a", None, "b"]
    assert rows["obj"] == ["a", None, None]
    assert rows["Int"] == rows["pa"] == [1, None, 3]
    assert rows["Bool"] == [True, None, False]
    assert rows["cat"] == ["x", "y", None]
    assert rows["catint"] == [5, 6, None]
    assert rows["ts"] == [datetime.datetime(2020, 1, 1), None, datetime.datetime(2021, 1, 1)]
    assert rows["td"] == [datetime.timedelta(seconds=1), datetime.timedelta(seconds=2), None]
    assert table(io.from_pandas(pd.DataFrame({0: [1]}))).to_pylist() == [{"0": 1}]


def test_polars() -> None:
    frame = pl.DataFrame({
        "i": [1, None, 3], "f": [1.0, float("nan"), None], "s": ["x", "y", None], "l": [[1]] * 3,
        "c": pl.Series(["q", None, "r"], dtype=pl.Categorical), "e": pl.Series(["q", "q", None], dtype=pl.Enum(["r", "q"])),
        "d": [datetime.date(2020, 1, 1)] * 3, "dec": pl.Series([1, 2, 3]).cast(pl.Decimal(10, 2)),
    })  # fmt: skip
    source = io.from_any(frame)
    assert not source.unsupported and str(source.schema["e"]) == "enum[r, q]"
    assert table(source).to_polars().equals(frame.with_columns(pl.col("c").cast(pl.String)))
    with pytest.raises(TypeMismatchError, match="collect"):
        io.from_polars(frame.lazy())


class Device:
    """Stands in for a CuPy array: NumPy inside, on no account to be mistaken for it."""

    __module__ = "cupy"

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)
        self.dtype, self.ndim, self.nbytes = self.array.dtype, self.array.ndim, self.array.nbytes
        self.__cuda_array_interface__ = {"version": 3}

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: Any) -> Device:
        return Device(self.array[index.array if isinstance(index, Device) else index])

    def astype(self, dtype: str) -> Device:
        return Device(self.array.astype(dtype))

    def get(self) -> Any:
        return self.array

    def __getattr__(self, name: str) -> Any:
        if name in ("min", "max", "sum", "all"):
            return getattr(self.array, name)
        raise AttributeError(name)


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("cupy")

    def asarray(a: Any) -> Device:
        return a if isinstance(a, Device) else Device(a)

    module.asarray = module.ascontiguousarray = asarray  # type: ignore[attr-defined]
    module.concatenate = lambda parts: Device(np.concatenate([p.array for p in parts]))  # type: ignore[attr-defined]
    module.ones = lambda n, d: Device(np.ones(n, d))  # type: ignore[attr-defined]
    waits: list[str] = []
    stream = types.SimpleNamespace(synchronize=lambda: waits.append("waited"))
    module.cuda = types.SimpleNamespace(get_current_stream=lambda: stream, waits=waits)  # type: ignore[attr-defined]
    module.where = lambda c, a, b: Device(np.where(c.array, a.array, b))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_device_arrays_stay_there(cupy: types.ModuleType) -> None:
    source = io.from_any({"x": Device(np.arange(6)), "h": Device(np.ones(6, np.float16))})
    assert dict(source.schema) == {"x": t.INT64, "h": t.FLOAT32}
    assert cupy.cuda.waits == ["waited"], "what their maker still works on is done before a task may read them"
    splits = source.splits(None, 2)
    parts = [s.read(("x",)).columns[0] for s in splits]
    assert all(isinstance(p.values, Device) for p in parts)
    assert isinstance(concat_columns(parts).values, Device)
    assert source.statistics("x") == ColumnStatistics(0, 5, 0)
    result = table(source, 2)
    assert result.to_dict()["x"] == list(range(6))
    assert isinstance(result.to_cupy()["x"], Device)
    with pytest.raises(TypeMismatchError, match="no device array; use from_numpy"):
        io.from_cupy({"x": np.arange(3)})
    with pytest.raises(TypeMismatchError, match="use from_cupy"):
        io.from_any({"x": Device(np.arange(2)), "y": np.arange(2)})
    nulls = table(io.from_arrow(pa.table({"f": [1.5, None], "i": [1, None], "s": ["a", "b"]})))
    assert np.isnan(Table(nulls.schema, nulls.chunks).to_numpy(["f"])["f"].filled(np.nan)[1])
    with pytest.raises(UnsupportedError, match=r"'i' \(int64\) has nulls"):
        nulls.to_cupy()


def test_without_cupy_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UnsupportedError, match="pip install"):
        io.from_cupy({})
    with pytest.raises(UnsupportedError, match="pip install"):
        table(io.from_numpy({"x": [1]})).to_cupy()


def test_chunks_are_cut_and_gathered() -> None:
    pieces = table(io.from_numpy({"x": np.arange(100)}), 7)
    source = pieces.source()
    assert isinstance(source, ChunkSource)
    assert io.from_any(pieces) is source
    for rows in (1, 7, 20, 1000):
        splits = source.splits(None, rows)
        assert max(s.rows or 0 for s in splits) <= max(rows, 7)
        assert table(source, rows)["x"].to_pylist() == list(range(100))
    empty = Table(pieces.schema, [])
    assert [s.rows for s in empty.source().splits(None)] == [0]
