"""Types that Arrow has and kernels do not: their columns pass through queries and files as they came, and nothing is lost."""

from __future__ import annotations

import datetime
import pickle
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from distributed.protocol.serialize import deserialize, serialize

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import LeftOutWarning, ReadError, UnsupportedError
from tests.support.passing import PASSING, REFUSED, Records
from tests.support.running import running

ROWS = 6


class Money(pa.ExtensionType):
    """An extension that is defined in Python, and cannot be hashed."""

    def __init__(self) -> None:
        super().__init__(pa.int64(), "tests.money")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Money:
        return cls()


class Wrapped(Money):
    """An extension of any type."""

    def __init__(self, storage: pa.DataType) -> None:
        pa.ExtensionType.__init__(self, storage, "tests.wrapped")


@pytest.fixture(autouse=True)
def registered() -> Any:
    pa.register_extension_type(Money())
    yield
    pa.unregister_extension_type("tests.money")


def _stored(kind: Any, values: list[Any]) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))


UUIDS = [uuid.UUID(int=k).bytes if k % 3 else None for k in range(ROWS)]
TICKS = [86_399, None, 0, 1, None, 2]
CODES, FIELDS = pa.array([0, 1, 0, 1, 0, 1], pa.int8()), [pa.array(TICKS), pa.array(list("abc") + [None] * 3)]
TENSORS = [[1, 2], None, [3, 4], [5, None], None, [7, 8]]
RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 4, 6], pa.int32()), pa.array([5, None, 7, 8], pa.time64("us")))
SPARSE, DENSE = "sparse_union[0: int64, 1: string]", "dense_union[0: int64, 1: string]"
OPAQUE: dict[str, pa.Array] = {
    **{f"time32[{unit}]": pa.array(TICKS, pa.time32(unit)) for unit in ("s", "ms")},
    **{f"time64[{unit}]": pa.array(TICKS, pa.time64(unit)) for unit in ("us", "ns")},
    "month_day_nano_interval": pa.array([(1, 2, 3), None, (0, 0, 0), (-1, 5, -7), None, (4, 4, 4)], pa.month_day_nano_interval()),
    "decimal256(70, 60)": pa.array(
        [Decimal("1.5"), None, Decimal(0), Decimal("-1e-60"), None, Decimal(7)], pa.decimal256(70, 60)
    ),
    "decimal128(10, -2)": pa.array([Decimal(100), None, Decimal(0), Decimal(-300), None, Decimal(700)], pa.decimal128(10, -2)),
    "timestamp[us, tz=Mars/Olympus]": pa.array(TICKS, pa.timestamp("us", "Mars/Olympus")),
    "extension<arrow.uuid>": _stored(pa.uuid(), UUIDS),
    "extension<arrow.json>": _stored(pa.json_(), ["{}", None, "[1]", "2", None, "null"]),
    "extension<arrow.bool8>": _stored(pa.bool8(), [1, None, 0, 2, None, 1]),
    "extension<arrow.opaque[storage_type=int32, type_name=t, vendor_name=v]>": _stored(pa.opaque(pa.int32(), "t", "v"), TICKS),
    "extension<arrow.fixed_shape_tensor[value_type=int32, shape=[2]]>": _stored(pa.fixed_shape_tensor(pa.int32(), [2]), TENSORS),
    "extension<tests.money<Money>>": _stored(Money(), TICKS),
    "list[halffloat]": pa.array([[1.5], None, [], [None, 2.0], None, [65504.0]], pa.list_(pa.float16())),
    "list[decimal(38, 4)]": pa.array([[Decimal("1e30")], None, [], [None], None, []], pa.list_(pa.decimal128(38, 4))),
    "list[extension<arrow.uuid>]": pa.ListArray.from_arrays(
        pa.array([0, None, 1, 1, 4, 4, 6], pa.int32()), _stored(pa.uuid(), UUIDS)
    ),
    "struct[u: extension<arrow.uuid>, t: time64[ns]]": pa.StructArray.from_arrays(
        [_stored(pa.uuid(), UUIDS), pa.array(TICKS, pa.time64("ns"))], ["u", "t"], mask=pa.array([False, True] * 3)
    ),
    SPARSE: pa.UnionArray.from_sparse(CODES, FIELDS),
    DENSE: pa.UnionArray.from_dense(CODES, pa.array([0, 0, 1, 1, 2, 3], pa.int32()), FIELDS),
}
"""By the text of the type."""
NOT_IN_PARQUET = (
    "month_day_nano_interval",
    "decimal128(10, -2)",
    SPARSE,
    DENSE,
)


def _table(values: pa.Array) -> pa.Table:
    return pa.table({"i": range(len(values)), "k": [2, 0, 1, 2, 0, 1][: len(values)], "n": values})


def _assert_values(found: pa.ChunkedArray, expected: pa.Array) -> None:
    assert found.type == expected.type
    whole = pa.concat_arrays(found.chunks) if found.num_chunks else pa.nulls(0, found.type)
    whole.validate(full=True)
    if pa.types.is_union(found.type):  # of a null any field may be the one
        assert whole.to_pylist() == expected.to_pylist()
    else:
        assert whole.equals(expected)


def _passes(values: pa.Array, query: str, expected: pa.Array | None = None) -> None:
    """A query gives the rows of `values` that Python's rules give, which are over numbers in place of values."""
    expected = values if expected is None else expected
    run, rule = PASSING[query]
    data = _table(values)
    valid = expected.is_valid().to_pylist()
    rows: Records = [{"i": i, "k": k, "n": i if valid[i] else None} for i, k in enumerate(data["k"].to_pylist())]
    wanted = rule(rows)
    found = run(gf.from_arrow(data)).collect().to_arrow()
    others = [name for name in found.column_names if name != "n"]
    assert found.select(others).to_pylist() == [{name: row[name] for name in others} for row in wanted] or not others, query
    _assert_values(found["n"], expected.take(pa.array([row["n"] for row in wanted], pa.int32())))


@pytest.mark.parametrize("parts", [1, 3, 7])
@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_columns_pass(name: str, parts: int) -> None:
    values = OPAQUE[name]
    with running(parts=parts, rows=ROWS):
        assert str(gf.from_arrow(_table(values)).schema["n"]) == name
        for query in PASSING:
            for given in (values, values.slice(0, 0), pa.nulls(ROWS, values.type)):
                _passes(given, query)


@pytest.mark.parametrize("axis", ["exchange", "exchange, tiny", "optimiser off"])
@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_columns_are_exchanged(name: str, axis: str) -> None:
    with running(axis=axis, parts=3, rows=ROWS):
        for query in ("sort", "join", "group", "union"):
            _passes(OPAQUE[name], query)


@pytest.mark.parametrize("name", ["time64[ns]", "extension<arrow.uuid>"])
def test_opaque_columns_compiled(name: str) -> None:
    with running("cpu", parts=2, rows=ROWS):
        for query in ("filter", "join"):
            _passes(OPAQUE[name], query)


def _wrapped(data: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(Wrapped(data.type), data)


NESTED = ("list", "large list", "array", "list view", "struct", "map", "sparse union", "dense union", "list of structs")


def _nested(name: str, items: pa.Array) -> pa.Array:
    """Six rows of four items."""
    ends, codes, one = pa.array([0, 1, None, 3, 3, 4, 4], pa.int32()), pa.array([0, 1, 0, 1, 0, 0], pa.int8()), pa.array([1] * 6)
    six = pa.concat_arrays([items, items]).slice(1, 6)
    match name:
        case "list":
            return pa.ListArray.from_arrays(ends, items)
        case "large list":
            return pa.LargeListArray.from_arrays(ends.cast(pa.int64()), items)
        case "array":
            return pa.FixedSizeListArray.from_arrays(pa.concat_arrays([six, six]), 2)
        case "list view":
            starts, sizes = pa.array([2, 0, 0, 3, 0, 1], pa.int32()), pa.array([1, 2, 0, 1, 4, 0], pa.int32())
            return pa.ListViewArray.from_arrays(starts, sizes, items)
        case "struct":
            return pa.StructArray.from_arrays([six, one], ["t", "i"], mask=pa.array([False, True] * 3))
        case "map":
            return pa.MapArray.from_arrays(ends, pa.array(list("abcd")), items)
        case "sparse union":
            return pa.UnionArray.from_sparse(codes, [six, one])
        case "dense union":
            return pa.UnionArray.from_dense(codes, pa.array([0, 0, 1, 2, 2, 3], pa.int32()), [items, one])
        case _:
            return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays([items], ["t"]))


ENCODED: dict[str, tuple[pa.Array, pa.Array]] = {
    "runs": (RUNS, pa.array([5, None, 7, 7, 8, 8], pa.time64("us"))),
    "part of runs": (pa.concat_arrays([RUNS, RUNS]).slice(3, 6), pa.array([7, 8, 8, 5, None, 7], pa.time64("us"))),
    "dictionary": (OPAQUE["time64[ns]"].dictionary_encode(), OPAQUE["time64[ns]"]),
    "dictionary of extensions": (
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 0, None, 1], pa.int8()), _stored(Money(), [7, 8])),
        _stored(Money(), [7, None, 8, 7, None, 8]),
    ),
    **{name: (_nested(name, RUNS.slice(1, 4)), _nested(name, pa.array([None, 7, 7, 8], pa.time64("us")))) for name in NESTED},
    "extension of views": (_wrapped(pa.array(["a", None] * 3, pa.string_view())), pa.array(["a", None] * 3, pa.large_string())),
    "extension of lists of views": (
        _wrapped(pa.array([["a"], None] * 3, pa.list_(pa.string_view()))),
        pa.array([["a"], None] * 3, pa.list_(pa.large_string())),
    ),
    "extension of a dictionary": (
        _wrapped(pa.array(["a", None] * 3).dictionary_encode()),
        pa.array(["a", None] * 3, pa.large_string()),
    ),
    "extension of a union": (_wrapped(OPAQUE[SPARSE]), OPAQUE[SPARSE]),
}
"""What comes, and what goes: encodings, and extensions of what Arrow cannot take rows of, are taken off."""


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("name", ENCODED)
def test_encodings_are_taken_off(name: str, parts: int) -> None:
    values, expected = ENCODED[name]
    with running(parts=parts, rows=ROWS):
        for query in ("as it is", "filter", "filter of null", "sort", "join without partner", "union"):
            _passes(values, query, expected)
            _passes(values.slice(1, 4), query, expected.slice(1, 4))


@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_columns_count_and_know_null(name: str) -> None:
    values = OPAQUE[name]
    valid = values.is_valid().to_pylist()
    with running(parts=3, rows=ROWS):
        frame = gf.from_arrow(_table(values))
        found = frame.select("i", a=col("n").is_null(), b=col("n").is_not_null()).collect()
        assert found.to_dict() == {"i": list(range(ROWS)), "a": [not v for v in valid], "b": valid}
        assert frame.select(c=col("n").count(), n=gf.len(), z=col("n").null_count()).collect().rows() == [
            (sum(valid), ROWS, ROWS - sum(valid))
        ]
        assert frame.drop_nulls().select("i").collect().to_dict()["i"] == [i for i, v in enumerate(valid) if v]
        assert frame.select(a=col("n").first(), b=col("n").last()).collect().schema["b"] == frame.schema["n"]
        persisted = frame.filter(col("i") > 1).persist()
        _assert_values(persisted.head(3).collect()["n"], values.slice(2, 3))


WAYS_OUT = {
    "time32[s]": "cast it to int32, ticks since midnight",
    "time64[us]": "cast it to int64, ticks since midnight",
    "month_day_nano_interval": "make numbers of its months, days and nanoseconds",
    "decimal256(70, 60)": "read it with wide_decimals='float64' or 'string'",
    "timestamp[us, tz=Mars/Olympus]": "no such time zone: pip install tzdata",
    "extension<tests.money<Money>>": r"its \.storage is int64",
    "list[halffloat]": "flatten or unnest it",
    DENSE: "make a struct, or columns, of its fields",
}


@pytest.mark.parametrize("query", REFUSED)
@pytest.mark.parametrize("name", WAYS_OUT)
def test_opaque_columns_are_not_computed_on(name: str, query: str) -> None:
    with pytest.raises(UnsupportedError, match=WAYS_OUT[name]) as caught:
        REFUSED[query](gf.from_arrow(_table(OPAQUE[name])))
    assert f"column 'n' is {name}" in str(caught.value)


def test_types_meet_only_themselves() -> None:
    one, other = (gf.from_arrow(pa.table({"x": pa.array([1], kind)})) for kind in (pa.time64("us"), pa.time64("ns")))
    assert one.schema != other.schema and pickle.loads(pickle.dumps(one.schema)) == one.schema
    with pytest.raises(Exception, match=r"time64\[us\].*time64\[ns\]"):
        gf.concat([one, other])


@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_columns_travel(name: str) -> None:
    values = pa.concat_arrays([OPAQUE[name]] * 1000)
    with running(parts=10, rows=len(values)):
        frame = gf.from_arrow(pa.table({"n": values}))
        split = frame.plan.source.splits(None)[3]  # type: ignore[attr-defined]
        sent = pickle.dumps(split, protocol=5)
        chunk = pickle.loads(sent).read(("n",))
    assert len(sent) < max(values.nbytes, 60_000) / 5
    header, frames = serialize(chunk)
    came = deserialize(header, [f if isinstance(f, bytes) else memoryview(bytearray(f)) for f in frames])
    _assert_values(gf.Table(frame.schema, [came])["n"], values.slice(1800, 600))


# -- files ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("layout", ["parquet", "ipc"])
@pytest.mark.parametrize("name", OPAQUE)
def test_files(tmp_path: Path, name: str, layout: str) -> None:
    values, path = OPAQUE[name], tmp_path / f"a.{layout}"
    with running(parts=2, rows=ROWS):
        frame = gf.from_arrow(_table(values))
        if layout == "parquet" and name in NOT_IN_PARQUET:
            with pytest.raises(UnsupportedError, match=r"column 'n' is .*Parquet does not store.*write_ipc"):
                frame.sink_parquet(path)
            return
        getattr(frame, f"sink_{layout}")(path)
        found = getattr(gf, f"scan_{layout}")(path).filter(col("i") > 0)
        if layout == "parquet" and name == "time32[s]":  # Parquet counts no seconds
            values = values.cast(pa.time32("ms"))
        _assert_values(found.collect()["n"], values.slice(1))
        _assert_values(found.select("n").head(2).collect()["n"], values.slice(1, 2))


@pytest.mark.parametrize("layout", ["parquet", "ipc"])
def test_files_that_differ(tmp_path: Path, layout: str) -> None:
    write = getattr(gf.Table, f"write_{layout}")
    scan = getattr(gf, f"scan_{layout}")
    with running():
        for name in ("time64[us]", "extension<arrow.uuid>", SPARSE):
            if layout == "parquet" and name in NOT_IN_PARQUET:
                continue
            for k, column in enumerate([OPAQUE[name], pa.nulls(2)]):
                write(gf.from_arrow(pa.table({"n": column})).collect(), tmp_path / f"{k}.{layout}")
            found = scan([tmp_path / f"{k}.{layout}" for k in (0, 1)]).collect()
            _assert_values(found["n"], pa.concat_arrays([OPAQUE[name], pa.nulls(2, OPAQUE[name].type)]))
        write(gf.from_arrow(pa.table({"n": OPAQUE["time64[us]"]})).collect(), tmp_path / f"0.{layout}")
        write(gf.from_arrow(pa.table({"n": OPAQUE["time64[ns]"]})).collect(), tmp_path / f"2.{layout}")
        with pytest.raises(ReadError, match=r"time64\[ns\].*time64\[us\]"):
            scan([tmp_path / f"{k}.{layout}" for k in (0, 2)])


TEXTS: dict[str, list[str]] = {
    "time32[s]": ["23:59:59", "", "00:00:00"],
    "time64[ns]": ["00:00:00.000086399", "", "00:00:00.000000000"],
    "decimal256(70, 60)": ["1.5" + "0" * 59, "", "0." + "0" * 60],
    "decimal128(10, -2)": ["100", "", "0"],
    "timestamp[us, tz=Mars/Olympus]": ["1970-01-01 00:00:00.086399Z", "", "1970-01-01 00:00:00.000000Z"],
    "extension<arrow.json>": ["{}", "", "[1]"],
    "extension<tests.money<Money>>": ["86399", "", "0"],
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(tmp_path: Path, name: str) -> None:
    data = pa.table({"n": OPAQUE[name].slice(0, 3), "z": [1, 2, 3]})
    with running():
        table = gf.from_arrow(data).collect()
        table.write_csv(tmp_path / "a.csv")
        table.write_ndjson(tmp_path / "a.ndjson")
        texts = [line.rsplit(",", 1)[0] for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
        assert texts == TEXTS[name]
        again = pl.read_ndjson(tmp_path / "a.ndjson")["n"].to_list()
        assert [str(v) for v in again if v is not None] == [t for t in TEXTS[name] if t] or "decimal" in name


@pytest.mark.parametrize("name", ["month_day_nano_interval", "extension<arrow.uuid>", SPARSE])
def test_types_without_text(tmp_path: Path, name: str) -> None:
    with running():
        table = gf.from_arrow(_table(OPAQUE[name])).collect()
        for write in (table.write_csv, table.write_ndjson):
            with pytest.raises(UnsupportedError, match=r"column 'n' is .*has no text for"):
                write(tmp_path / "a")


# -- other libraries --------------------------------------------------------------------------------------------------
NOON = datetime.time(12, 0, 0, 5)


def test_other_libraries() -> None:
    periods = pd.DataFrame({"p": pd.period_range("2020-01", periods=2, freq="M"), "t": [NOON, None]})
    times = pl.DataFrame({"t": [NOON, None], "d": pl.Series([1, None], dtype=pl.Decimal(38, 20))})
    query = "SELECT TIME '12:00:00.000005' t, INTERVAL 2 MONTH i, union_value(num := 2) u, 1.5::DECIMAL(38, 20) d"
    with running():
        assert gf.from_pandas(periods).collect().to_pandas()["p"].tolist() == periods["p"].tolist()
        assert gf.from_pandas(periods).collect().to_pandas()["t"].tolist() == [NOON, None]
        assert gf.from_polars(times).collect().to_polars().equals(times)
        assert gf.from_dict({"t": [NOON, None]}).collect().rows() == [(NOON,), (None,)]
        assert gf.from_numpy({"t": np.array([NOON, None])}).collect().to_numpy()["t"].tolist() == [NOON, None]
        given = pa.table(duckdb.sql(query))
        found = gf.from_arrow(duckdb.sql(query)).collect().to_arrow()
        assert found.schema == given.schema and found.to_pylist() == given.to_pylist()
        assert duckdb.sql("SELECT t, i, d FROM found").fetchall() == duckdb.sql(f"SELECT t, i, d FROM ({query})").fetchall()


LACKING = {
    "to_polars": ("month_day_nano_interval", "decimal256(70, 60)", "decimal128(10, -2)", SPARSE),
    "to_pandas": (
        "time64[ns]",
        "timestamp[us, tz=Mars/Olympus]",
        "list[extension<arrow.uuid>]",
        DENSE,
    ),
    "rows": ("timestamp[us, tz=Mars/Olympus]",),
    "to_numpy": ("timestamp[us, tz=Mars/Olympus]",),
}


@pytest.mark.parametrize(("method", "name"), [(method, name) for method, names in LACKING.items() for name in names])
def test_what_other_libraries_lack_is_told(method: str, name: str) -> None:
    with running():
        table = gf.from_arrow(_table(OPAQUE[name])).collect()
        with pytest.raises(UnsupportedError) as caught:
            getattr(table, method)()
    instead = "to_pandas(arrow=True)" if method == "to_pandas" else "to_arrow()"
    assert f"column 'n' is {name}" in str(caught.value) and f"use {instead}" in str(caught.value)


@pytest.mark.parametrize("name", OPAQUE)
def test_tables_show_and_compare(name: str) -> None:
    values = OPAQUE[name]
    with running(parts=3, rows=ROWS):
        table = gf.from_arrow(_table(values)).collect()
        other = gf.from_arrow(_table(values.take(pa.array([2, 1, 2, 3, 4, 5])))).collect()
        assert "6 rows" in repr(table) and ("null" in repr(table) or len(name) > 60) and "<td" in table._repr_html_()
        assert table.equals(table) and table.equals(_table(values), ordered=False) and not table.equals(other)


def test_nanoseconds_are_shown() -> None:
    data = pa.table({"t": pa.array([43_200 * 10**9 + 1], pa.time64("ns"))})
    with running():
        assert "12:00:00.000000001" in repr(gf.from_arrow(data).collect())


# -- what is left out -------------------------------------------------------------------------------------------------
def test_what_is_left_out_is_told() -> None:
    mixed = pd.DataFrame({"x": [1, 2], "mixed": [1, "a"]})
    message = r"pandas frame \(2 rows\): columns are left out: 'mixed' is object: .*convert it"
    with pytest.warns(LeftOutWarning, match=message) as told:
        frame = gf.from_pandas(mixed)
    assert told[0].filename == __file__
    assert repr(frame.schema) == "Schema(x: int64; left out: mixed)" and "[x] LEFT OUT mixed" in frame.explain()
    with running():
        assert frame.collect().columns == ["x"]
    with pytest.raises(UnsupportedError, match="column 'mixed' is object"):
        frame.select("mixed")
