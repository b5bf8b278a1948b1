"""Tables of other libraries in and out: what comes, what is shared (by addresses of buffers), and what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import dask
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import LeftOutWarning, PlanError, ReadError, TypeMismatchError, UnsupportedError
from tests.support.running import running


class OnlyStream:
    """Another library's table: nothing but the protocol."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.data.__arrow_c_stream__(requested_schema)


class OnlyArray:
    """The same for one array."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self.data.__arrow_c_array__(requested_schema)


class Tensor:
    """A tensor of another library on the host."""

    def __init__(self, array: np.ndarray[Any, Any], kind: int = 1) -> None:
        self.array, self.kind = array, kind

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.kind, 0


BATCH = pa.record_batch({"x": [1, None], "s": ["a", None]})
STRUCT = pa.array([{"x": 1, "s": "a"}, {"x": None, "s": None}])
BOTH = {"x": [1, None], "s": ["a", None]}
DAY = datetime.date(2020, 2, 29)

IN: dict[str, tuple[Callable[[], Any], dict[str, list[Any]]]] = {
    "arrow table": (lambda: gf.from_arrow(pa.table(BATCH)), BOTH),
    "record batch": (lambda: gf.from_arrow(BATCH), BOTH),
    "batch reader": (lambda: gf.from_arrow(pa.RecordBatchReader.from_batches(BATCH.schema, [BATCH])), BOTH),
    "stream": (lambda: gf.from_arrow(OnlyStream(pa.table(BATCH))), BOTH),
    "empty stream": (lambda: gf.from_any(OnlyStream(pa.table(BATCH).slice(2))), {"x": [], "s": []}),
    "stream of structs": (
        lambda: gf.from_arrow(OnlyStream(pa.chunked_array([STRUCT, STRUCT[:1]]))),
        {"x": [1, None, 1], "s": ["a", None, "a"]},
    ),
    "stream of one array": (lambda: gf.from_arrow(OnlyStream(pa.chunked_array([[1], [2]])), name="x"), {"x": [1, 2]}),
    "struct array": (lambda: gf.from_any(OnlyArray(STRUCT)), BOTH),
    "structs under a null": (
        lambda: gf.from_arrow(OnlyArray(pa.StructArray.from_arrays([pa.array([1, 2])], ["x"], mask=pa.array([False, True])))),
        {"x": [1, None]},
    ),
    "batch as array": (lambda: gf.from_any(OnlyArray(BATCH)), BOTH),
    "one array": (lambda: gf.from_arrow(pa.array([1, None]), name="x"), {"x": [1, None]}),
    "one array of structs": (lambda: gf.from_arrow(STRUCT, name="n"), {"n": STRUCT.to_pylist()}),
    "relation of DuckDB": (
        lambda: gf.from_any(duckdb.sql("select 1 as x, 'a' as s, [1, 2] as l, {'k': 1.5} as st, '\\xFF'::blob as b")),
        {"x": [1], "s": ["a"], "l": [[1, 2]], "st": [{"k": 1.5}], "b": [b"\xff"]},
    ),
    "series of Polars": (lambda: gf.from_any(pl.Series("x", [1, None])), {"x": [1, None]}),
    "series of pandas": (lambda: gf.from_any(pd.Series([1.5, 2], name="x")), {"x": [1.5, 2.0]}),
    "nullable pandas": (
        lambda: gf.from_any(
            pd.DataFrame(
                {"i": pd.array([1, None], "Int8"), "b": pd.array([True, None], "boolean"), "s": pd.array(["a", None], "string")}
            )
        ),
        {"i": [1, None], "b": [True, None], "s": ["a", None]},
    ),
    "Arrow in pandas": (
        lambda: gf.from_any(
            pd.DataFrame(
                {
                    "i": pd.array([1, None], pd.ArrowDtype(pa.uint8())),
                    "l": pd.array([[1], None], pd.ArrowDtype(pa.list_(pa.int64()))),
                }
            )
        ),
        {"i": [1, None], "l": [[1], None]},
    ),
    "objects in pandas": (
        lambda: gf.from_any(
            pd.DataFrame({"s": ["a", None], "d": [Decimal("1.50"), None], "t": [DAY, None], "b": [b"\x00", None]}, dtype=object)
        ),
        {"s": ["a", None], "d": [Decimal("1.50"), None], "t": [DAY, None], "b": [b"\x00", None]},
    ),
    "zones in pandas": (
        lambda: gf.from_any(
            pd.DataFrame({"t": pd.to_datetime(["2020-02-29 12:00", None]).tz_localize("Asia/Kathmandu").as_unit("us")})
        ).select(col("t").dt.replace_time_zone(None)),
        {"t": [datetime.datetime(2020, 2, 29, 12), None]},
    ),
    "categories in pandas": (lambda: gf.from_any(pd.DataFrame({"c": pd.Categorical(["b", None])})), {"c": ["b", None]}),
    "dict of lists": (
        lambda: gf.from_dict({"x": [1, None], "d": [DAY, None], "n": [None, None]}),
        {"x": [1, None], "d": [DAY, None], "n": [None, None]},
    ),
    "dict with types": (
        lambda: gf.from_dict({"x": [1, None], "y": [1, 2]}, schema={"x": "float32"}),
        {"x": [1.0, None], "y": [1, 2]},
    ),
    "dicts": (lambda: gf.from_dicts([{"x": 1}, {"y": "a", "x": None}]), {"x": [1, None], "y": [None, "a"]}),
    "dicts with a schema": (
        lambda: gf.from_dicts([{"x": 1}, {"y": "a"}], schema={"y": gf.String, "z": "date"}),
        {"y": [None, "a"], "z": [None, None]},
    ),
    "no dicts": (lambda: gf.from_dicts([], schema={"x": gf.Int8}), {"x": []}),
    "list of dicts": (lambda: gf.from_any([{"x": 1}, {"x": 2}]), {"x": [1, 2]}),
    "tuples": (lambda: gf.from_records([(1, "a"), [None, None]], schema=["x", "s"]), BOTH),
    "tuples with types": (
        lambda: gf.from_records(iter([("1.5", b"a")]), schema={"d": gf.String, "b": gf.Binary}),
        {"d": ["1.5"], "b": [b"a"]},
    ),
    "no tuples": (lambda: gf.from_records([], schema={"x": "int8"}), {"x": []}),
    "tensors": (
        lambda: gf.from_dlpack({"x": Tensor(np.array([1, 2], np.int16)), "y": np.array([True, False])}),
        {"x": [1, 2], "y": [True, False]},
    ),
    "one tensor": (lambda: gf.from_dlpack(Tensor(np.arange(4.0)[::2]), name="x"), {"x": [0.0, 2.0]}),
    "half floats": (lambda: gf.from_arrow(pa.array([1.5, None], pa.float16()), name="x"), {"x": [1.5, None]}),
    "run ends": (
        lambda: gf.from_arrow(pa.RunEndEncodedArray.from_arrays([2, 3], ["a", None]), name="x"),
        {"x": ["a", "a", None]},
    ),
    "tables of this library": (lambda: gf.from_any(gf.from_dict(BOTH).collect()), BOTH),
}


@pytest.mark.parametrize("name", IN)
def test_in(name: str) -> None:
    make, expected = IN[name]
    with running():
        assert make().collect().to_dict() == expected


def _nested(levels: int) -> pa.Array:
    data = pa.array([1])
    for _ in range(levels):
        data = pa.ListArray.from_arrays([0, 1], data)
    return data


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "array without a name": (
        lambda: gf.from_arrow(pa.array([1])),
        TypeMismatchError,
        "one Arrow array of int64, not a table; give it a name",
    ),
    "no Arrow": (lambda: gf.from_arrow(3), TypeMismatchError, "not builtins int"),
    "mixed list": (lambda: gf.from_dict({"x": [1, "a"]}), TypeMismatchError, "column 'x'"),
    "mixed dicts": (
        lambda: gf.from_dicts([{"x": 1}, {"x": "a"}]),
        TypeMismatchError,
        "column 'x': its values have no common type",
    ),
    "other type": (lambda: gf.from_dict({"x": ["a"]}, schema={"x": gf.Int8}), TypeMismatchError, "column 'x' is to be int8"),
    "no room": (lambda: gf.from_dict({"x": [300]}, schema={"x": gf.Int8}), TypeMismatchError, "column 'x' is to be int8"),
    "no category": (
        lambda: gf.from_dict({"x": ["hihg"]}, schema={"x": gf.Enum(["low", "high"])}),
        TypeMismatchError,
        "did you mean 'high'",
    ),
    "unknown type": (lambda: gf.from_dict({"x": [1]}, schema={"x": "int7"}), TypeMismatchError, "column 'x': 'int7' is no type"),
    "missing name": (lambda: gf.from_dict({"x": [1]}, schema={"y": gf.Int8}), PlanError, "names 'y', which the data lacks"),
    "different lengths": (lambda: gf.from_dict({"x": [1], "y": [1, 2]}), PlanError, "different lengths"),
    "no mapping": (lambda: gf.from_dict([1]), TypeMismatchError, "not list"),
    "rows that are none": (lambda: gf.from_dicts([(1, 2)]), TypeMismatchError, "from_records"),
    "empty dicts": (lambda: gf.from_dicts([{}]), PlanError, "no row has a value"),
    "short tuple": (
        lambda: gf.from_records([(1, 2), (1,)], schema=["x", "y"]),
        PlanError,
        "row 1 has 1 values, and the schema 2 names",
    ),
    "text as a row": (lambda: gf.from_records(["ab"], schema=["x", "y"]), TypeMismatchError, "row 0 is 'ab'"),
    "one name": (lambda: gf.from_records([(1,)], schema="x"), TypeMismatchError, "a list of names"),
    "a name twice": (lambda: gf.from_records([(1, 2)], schema=["x", "x"]), PlanError, "twice"),
    "no tensor": (lambda: gf.from_dlpack({"x": [1]}), TypeMismatchError, "list, which has no __dlpack__"),
    "tensor without a name": (lambda: gf.from_dlpack(np.arange(2)), TypeMismatchError, "give the tensor a name"),
    "matrix": (lambda: gf.from_dlpack({"x": np.ones((2, 2))}), PlanError, "2 dimensions"),
    "complex": (lambda: gf.from_dlpack({"x": np.ones(2, complex)}), UnsupportedError, "column 'x' is complex128"),
    "other device": (lambda: gf.from_dlpack({"x": Tensor(np.ones(2), 10)}), UnsupportedError, "kind 10"),
    "a GPU that is not there": (
        lambda: gf.from_dlpack({"x": Tensor(np.ones(2), 2)}),
        UnsupportedError,
        "need CuPy|cannot be taken",
    ),
    "128 bits": (
        lambda: gf.from_polars(pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128), "y": [1]})),
        LeftOutWarning,
        "columns are left out: 'x' is Int128: whole numbers have at most 64 bits",
    ),
    "lists of 128 bits": (
        lambda: gf.from_polars(pl.DataFrame({"x": pl.Series([[1]], dtype=pl.List(pl.Int128))})),
        ReadError,
        "cannot read the polars frame",
    ),
    "Python objects in Polars": (
        lambda: gf.from_polars(pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)})),
        UnsupportedError,
        "no column .*column 'x' is Object.*: Python objects are not supported",
    ),
    "whole numbers of 70 bits": (lambda: gf.from_dict({"x": [2**70]}), TypeMismatchError, "column 'x'.*too large"),
    "rows of 70 bits": (lambda: gf.from_dicts([{"x": 2**70}]), TypeMismatchError, "column 'x'.*too large"),
    "hours beyond 64 bits of seconds": (
        lambda: gf.from_numpy({"x": np.array([0, 2**62], "M8[h]")}).collect(),
        ReadError,
        r"column 'x': row 1 is beyond what 64 bits of datetime64\[s\] hold",
    ),
    "days beyond 64 bits of seconds": (
        lambda: gf.from_numpy({"x": np.array(["NaT", 2**62], "m8[D]")}).collect(),
        ReadError,
        "column 'x': row 1 is beyond",
    ),
    "nothing that can be used": (
        lambda: gf.from_polars(pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)})),
        UnsupportedError,
        "no column of the polars frame .* can be used: column 'x' is Int128.*at most 64 bits",
    ),
    "types without end": (
        lambda: gf.from_arrow(pa.table({"x": _nested(300)})).select("x"),
        UnsupportedError,
        "column 'x' is .*64 levels deep at most",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_told(name: str) -> None:
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make()


# -- what is shared ---------------------------------------------------------------------------------------------------
def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _values(table: gf.Table, name: str) -> int:
    return _address(table.column(name).values)


COUNT = 1000
NUMBERS = {
    "i": pa.array(np.arange(COUNT)),
    "h": pa.array(np.arange(COUNT, dtype="i2")),
    "f": pa.array(np.arange(COUNT, dtype="f4")),
    "t": pa.array(np.arange(COUNT), pa.timestamp("ms", "UTC")),
    "d": pa.array(np.arange(COUNT, dtype="i4"), pa.date32()),
}


def test_numbers_are_shared_in_and_out() -> None:
    data = pa.table(NUMBERS)
    with running(rows=COUNT):
        table = gf.from_arrow(data).collect()
        for name in NUMBERS:
            start = data[name].chunk(0).buffers()[1].address
            assert _values(table, name) == start, name
            assert table.to_arrow()[name].chunk(0).buffers()[1].address == start, name
            assert pa.record_batch(table).column(name).buffers()[1].address == start, name
            assert pa.table(OnlyStream(table))[name].chunk(0).buffers()[1].address == start, name
        for name in ("i", "h", "f"):
            assert _address(np.from_dlpack(table.column(name))) == _address(table.to_numpy()[name]) == _values(table, name), name
            assert _address(table.to_pandas(arrow=True)[name].array._pa_array.chunk(0).to_numpy()) == _values(table, name), name
            assert _address(table.to_polars()[name].to_numpy()) == _values(table, name), name


@pytest.mark.parametrize(
    "make",
    [
        lambda a: gf.from_numpy({"x": a}),
        lambda a: gf.from_dict({"x": a}),
        lambda a: gf.from_dlpack({"x": Tensor(a)}),
        lambda a: gf.from_pandas(pd.DataFrame({"x": a}, copy=False)),
        lambda a: gf.from_polars(pl.DataFrame({"x": pl.from_arrow(pa.array(a))})),
        lambda a: gf.from_arrow(OnlyArray(pa.array(a)), name="x"),
        lambda a: gf.from_arrow(OnlyStream(pa.table({"x": a}))),
    ],
    ids=["numpy", "dict", "dlpack", "pandas", "polars", "array", "stream"],
)
def test_arrays_are_shared(make: Any) -> None:
    array = np.arange(COUNT)
    with running(rows=COUNT):
        table = make(array).select("x").collect()
    assert _values(table, "x") == _address(array) and table["x"].to_pylist() == array.tolist()


def test_plain_text_and_nested_values_are_shared() -> None:
    texts = pa.array([f"text number {k}" for k in range(COUNT)], pa.large_string())
    lists = pa.array([[k, k + 1] for k in range(COUNT)])
    with running(rows=COUNT), dask.config.set({"gpuflow.strings": "plain"}):
        table = gf.from_arrow(pa.table({"s": texts, "b": texts.cast(pa.large_binary()), "l": lists})).collect()
        out = table.to_arrow()
        assert out["s"].chunk(0).buffers()[2].address == texts.buffers()[2].address
        assert out["b"].chunk(0).buffers()[2].address == texts.buffers()[2].address
        for found, given in zip(out["l"].chunk(0).buffers()[1:], lists.buffers()[1:], strict=True):
            assert (found is None) == (given is None) and (found is None or found.address == given.address)
        part = table.slice(10, 5).to_arrow()
        assert (
            part["l"].chunk(0).buffers()[3].address == lists.buffers()[3].address
            and part["l"].to_pylist() == lists[10:15].to_pylist()
        )


def test_codes_are_shared() -> None:
    kinds = pa.DictionaryArray.from_arrays(pa.array(np.zeros(COUNT, "i4")), pa.array(["a", "b"], pa.large_string()), ordered=True)
    with running(rows=COUNT):
        table = gf.from_arrow(
            pa.table({"e": kinds, "s": pa.DictionaryArray.from_arrays(kinds.indices, kinds.dictionary)})
        ).collect()
    for name in "es":
        start = kinds.indices.buffers()[1].address
        assert _values(table, name) == start
        assert table.to_arrow(dictionary=True)[name].chunk(0).indices.buffers()[1].address == start


# -- out --------------------------------------------------------------------------------------------------------------
MIXED = pa.table(
    {
        "i": [1, None],
        "s": ["a", None],
        "b": [b"\xff", None],
        "l": [[1], None],
        "d": pa.array([Decimal("1.5"), None]),
        "t": [DAY, None],
        "n": pa.nulls(2),
    }
)


def test_out() -> None:
    with running():
        table = gf.from_arrow(MIXED).collect()
        pieces = gf.from_arrow(pa.concat_tables([MIXED, MIXED.slice(1)])).filter(col("s").is_null())
        with running(parts=3, rows=3):
            several = pieces.collect()
    assert table.rows() == [tuple(row.values()) for row in MIXED.to_pylist()]
    assert table.to_dicts() == table.to_pylist() == MIXED.to_pylist() and table.to_dict() == MIXED.to_pydict()
    for made in (
        pa.table(table),
        pa.table(OnlyStream(table)),
        pa.table(pa.record_batch(OnlyArray(table))),
        table.to_polars().to_arrow(),
    ):
        assert made.to_pylist() == MIXED.to_pylist()
    assert pl.DataFrame(table).rows() == table.to_polars().rows() == table.rows()
    assert (
        table.to_pandas(arrow=True)["l"].tolist()[0] == [1]
        and str(table.to_pandas(arrow=True)["b"].dtype) == "large_binary[pyarrow]"
    )
    assert [v.tolist() for v in table.to_numpy(["b", "l", "n"]).values()] == [[b"\xff", None], [[1], None], [None, None]]
    assert pa.record_batch(OnlyArray(several)).num_rows == len(several.rows()) == 2 and several["s"].to_pylist() == [None, None]
    assert pa.record_batch(table.slice(2, 1)).num_rows == 0
    with pytest.raises(BufferError, match="binary"):
        np.from_dlpack(table.column("b"))
    assert gf.Table(gf.Schema({}), ()).rows() == []


def test_duckdb_reads_a_table_by_its_name() -> None:
    with running():
        mine = gf.from_arrow(MIXED).collect()
    assert mine.shape == (2, 7)
    assert duckdb.sql("select i, s, b, l, d, t from mine where i is not null").fetchall() == [
        (1, "a", b"\xff", [1], Decimal("1.5"), DAY)
    ]


def test_a_stream_whose_batches_do_not_fit_is_told() -> None:
    batches = iter([BATCH, pa.record_batch({"other": ["x"]})])
    with pytest.raises(ReadError, match="cannot read arrow stream: Schema at index 1 was different"):
        gf.from_arrow(pa.RecordBatchReader.from_batches(BATCH.schema, batches))
