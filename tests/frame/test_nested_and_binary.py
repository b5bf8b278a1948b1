"""Binary columns against Polars; lists, structs and maps, which pass through; columns that are null and nothing else."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels.dtypes import BINARY, NULL

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import TypeMismatchError, UnsupportedError
from gpuflow.execute.serialize import size_of
from gpuflow.schema import Schema
from tests.support.passing import PASSING, REFUSED
from tests.support.running import assert_same, running

# -- binary -----------------------------------------------------------------------------------------------------------
VALUES = [b"b", b"\x00\xff", None, b"", b"a\x00c", b"\xff\xfe", b"b", None, b"a", b"\x00\xff", b"a\x00b", b"b"]
ROWS = pl.DataFrame(
    {"b": VALUES, "c": VALUES[3:] + VALUES[:3], "i": range(len(VALUES))}, schema_overrides={"b": pl.Binary, "c": pl.Binary}
)
KEYED = pl.DataFrame({"b": [b"b", b"", None, b"new", b"a\x00c"], "w": range(5)})

Query = Callable[[Any, Any, Any], Any]
BINARY_QUERIES: dict[str, Query] = {
    "equal": lambda x, f, _: f.select(x.col("b") == b"b", n=x.col("b") != b"\x00\xff", m=x.col("b") == x.col("c")),
    "order": lambda x, f, _: f.select(a=x.col("b") < b"a\x00c", b=x.col("b") >= x.col("c"), c=x.lit(b"a") <= x.col("c")),
    "filter": lambda x, f, _: f.filter((x.col("b") > b"a") & x.col("c").is_not_null()),
    "is_in": lambda x, f, _: f.select(a=x.col("b").is_in([b"", b"\xff\xfe", b"no"]), n=x.col("b").is_null()),
    "choose": lambda x, f, _: f.select(
        a=x.coalesce("b", "c", x.lit(b"\x00")),
        b=x.when(x.col("i") > 5).then(x.col("b")).otherwise(x.lit(b"\xff")),
        c=x.col("c").fill_null(b""),
    ),
    "group": lambda x, f, _: f.group_by("b").agg(n=x.len(), s=x.col("i").sum(), least=x.col("c").min(), most=x.col("c").max()),
    "whole": lambda x, f, _: f.select(
        a=x.col("b").min(),
        b=x.col("b").max(),
        n=x.col("b").count(),
        u=x.col("b").n_unique(),
        f=x.col("b").first(),
        l=x.col("c").last(),
    ),
    "unique": lambda x, f, _: f.select("b").unique(),
    "join": lambda x, f, k: f.join(k, on="b"),
    "join left": lambda x, f, k: f.join(k, on="b", how="left"),
    "semi": lambda x, f, k: f.join(k, on="b", how="semi"),
}


@pytest.mark.parametrize("layout", ["plain", "dictionary"])
@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("name", BINARY_QUERIES)
def test_binary(name: str, parts: int, layout: str) -> None:
    query = BINARY_QUERIES[name]
    with running(parts=parts, rows=len(VALUES)), dask.config.set({"gpuflow.strings": layout}):
        found = query(gf, gf.from_polars(ROWS), gf.from_polars(KEYED)).collect()
        empty = query(gf, gf.from_polars(ROWS.clear()), gf.from_polars(KEYED)).collect()
    assert_same(found, query(pl, ROWS, KEYED))
    assert_same(empty, query(pl, ROWS.clear(), KEYED))


@pytest.mark.parametrize("axis", ["exchange", "tiny and constant"])
@pytest.mark.parametrize("name", ["group", "join left", "unique"])
def test_binary_is_exchanged(name: str, axis: str) -> None:
    query = BINARY_QUERIES[name]
    with running(axis=axis, parts=4, rows=len(VALUES)):
        assert_same(query(gf, gf.from_polars(ROWS), gf.from_polars(KEYED)).collect(), query(pl, ROWS, KEYED))


def test_binary_compiled() -> None:
    query = BINARY_QUERIES["filter"]
    with running("cpu", parts=2, rows=len(VALUES)):
        assert_same(query(gf, gf.from_polars(ROWS), None).collect(), query(pl, ROWS, None))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", ["plain", "exchange"])
def test_binary_sorts(descending: bool, axis: str) -> None:
    with running(axis=axis, parts=3, rows=len(VALUES)):
        found = gf.from_polars(ROWS).sort("b", "i", descending=descending, nulls_last=True).collect()
    assert_same(found, ROWS.sort("b", "i", descending=descending, nulls_last=True), ordered=True)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)], ids=str)
def test_kinds_of_binary(kind: pa.DataType) -> None:
    data = pa.table({"b": pa.chunked_array([pa.array([b"ab", None], kind), pa.array([b"\xff\x00"], kind)])})
    with running():
        found = gf.from_arrow(data).filter(col("b").is_null() | (col("b") > b"b")).collect()
    assert (found.schema["b"], found["b"].type, found["b"].to_pylist()) == (BINARY, pa.large_binary(), [None, b"\xff\x00"])
    assert found.to_numpy()["b"].tolist() == [None, b"\xff\x00"]


def test_one_row_without_a_partner_in_nothing() -> None:
    """Its code is 0, as if it were the first entry of a dictionary that has none."""
    left = pl.DataFrame({"k": [1]})
    right = pl.DataFrame({"k": [2], "b": [b"a"], "s": ["a"], "l": [[1]]}).clear()
    with running(), dask.config.set({"gpuflow.strings": "plain"}):
        found = gf.from_polars(left).join(gf.from_polars(right), on="k", how="left").collect()
    assert found.rows() == [(1, None, None, None)]


def test_binary_is_not_text() -> None:
    frame = gf.from_arrow(pa.table({"b": [b"a"], "s": ["a"]}))
    for make in (
        lambda: col("b") == "a",
        lambda: col("b") == col("s"),
        lambda: col("b").is_in(["a"]),
        lambda: col("b").str.contains("a"),
    ):
        with pytest.raises(TypeMismatchError, match="binary"):
            frame.select(x=make())
    with pytest.raises(TypeMismatchError, match=r"join: .* would compare binary with string"):
        frame.join(frame, left_on="b", right_on="s")


# -- nested -----------------------------------------------------------------------------------------------------------
DAY = datetime.date(2020, 2, 29)
NESTED: dict[str, pa.Array] = {
    "list": pa.array([[1], None, [], [2, None], [3], [4, 5]]),
    "large list": pa.array([["a"], [], None, ["b", "cd"], [None], []], pa.large_list(pa.string())),
    "array": pa.array([[1, 2], None, [3, 4], [5, None], None, [7, 8]], pa.list_(pa.int16(), 2)),
    "struct": pa.array([{"a": 1, "d": DAY}, None, {"a": None, "d": DAY}, {"a": 4, "d": None}, {"a": 5, "d": DAY}, None]),
    "map": pa.array([[("k", 1)], None, [], [("l", None)], [("m", 2)], []], pa.map_(pa.string(), pa.int64())),
    "list of structs": pa.array([[{"x": [b"\xff"]}], [], None, [{"x": []}, {"x": None}], [None], []]),
    "views": pa.array([["a"], None, ["b"], [], [None], ["a long string that is not inlined"]], pa.list_view(pa.string())),
    "views inside": pa.array([["a"], None, ["b"], [], [None], ["a long string that is not inlined"]], pa.list_(pa.string())).cast(
        pa.list_(pa.string_view())
    ),
    "times": pa.array([[datetime.time(1)], None, [], [], [None], []]),
}
TEXTS = {
    "list": "list[int64]",
    "large list": "large_list[string]",
    "array": "array[int16, 2]",
    "struct": "struct[a: int64, d: date]",
    "map": "map[string, int64]",
    "list of structs": "list[struct[x: list[binary]]]",
    "views": "list_view[string]",
    "views inside": "list[string]",
    "times": "list[time64[us]]",
}


def _table(name: str) -> pa.Table:
    return pa.table({"i": range(6), "k": [2, 0, 1, 2, 0, 1], "n": NESTED[name]})


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("name", NESTED)
def test_nested_columns_pass(name: str, parts: int) -> None:
    data = _table(name)
    with running(parts=parts, rows=6):
        frame = gf.from_arrow(data)
        assert str(frame.schema["n"]) == TEXTS[name]
        for query, (run, expected) in PASSING.items():
            found = run(frame).collect()
            assert found.to_dicts() == expected(data.to_pylist()), query
            assert found.schema["n"] == frame.schema["n"], query


@pytest.mark.parametrize("axis", ["exchange", "exchange, tiny", "optimiser off"])
def test_nested_columns_are_exchanged(axis: str) -> None:
    data = _table("struct")
    with running(axis=axis, parts=3, rows=6):
        for query in ("sort", "join", "group", "union"):
            run, expected = PASSING[query]
            assert run(gf.from_arrow(data)).collect().to_dicts() == expected(data.to_pylist()), query


def test_nested_columns_compiled() -> None:
    data = _table("list")
    with running("cpu", parts=2, rows=6):
        for query in ("filter", "join"):
            run, expected = PASSING[query]
            assert run(gf.from_arrow(data)).collect().to_dicts() == expected(data.to_pylist())


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", ["list", "struct"])
def test_nested_columns_are_not_computed_on(name: str, kind: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        REFUSED[name](gf.from_arrow(_table(kind)))
    assert f"column 'n' is {TEXTS[kind]}" in str(caught.value)


def test_types_are_values() -> None:
    """Equal lists may name their items differently, as Parquet and Arrow do."""
    one = gf.from_arrow(pa.table({"x": pa.array([[1]])})).schema
    two = gf.from_arrow(pa.table({"x": pa.array([[1]], pa.list_(pa.field("element", pa.int64())))})).schema
    assert one == two and hash(one) == hash(two) and one != Schema({"x": NULL})
    assert one != gf.from_arrow(pa.table({"x": pa.array([[1]], pa.large_list(pa.int64()))})).schema
    again = pickle.loads(pickle.dumps(one))
    assert again == one and hash(again) == hash(one) and repr(again) == "Schema(x: list[int64])"


def test_a_partition_travels_without_the_others() -> None:
    data = pa.table({"n": pa.array([[k] * 100 for k in range(1000)])})
    with running(parts=10, rows=1000):
        split = gf.from_arrow(data).plan.source.splits(None)[3]  # type: ignore[attr-defined]
        sent = pickle.dumps(split, protocol=5)
        chunk = pickle.loads(sent).read(("n",))
    assert len(sent) < data.nbytes / 5 and size_of(chunk) < data.nbytes / 5
    assert gf.Table(gf.from_arrow(data).schema, [chunk])["n"].to_pylist() == data["n"].slice(300, 100).to_pylist()


@pytest.mark.parametrize("layout", ["parquet", "ipc"])
def test_files(tmp_path: Path, layout: str) -> None:
    columns = {
        name.replace(" ", "_"): values for name, values in NESTED.items() if not name.startswith("views") and name != "times"
    }
    data = pa.table({"i": range(6), **columns, "b": VALUES[:6], "none": pa.nulls(6)})
    path = tmp_path / f"a.{layout}"
    with running(parts=2, rows=6):
        getattr(gf.from_arrow(data).collect(), f"write_{layout}")(path)
        found = getattr(gf, f"scan_{layout}")(path).filter(col("i") > 0)
        assert found.schema == gf.from_arrow(data).schema
        assert found.collect().to_dicts() == data.slice(1).to_pylist()


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(
        '{"i": 1, "l": [1, 2], "s": {"x": "q"}}\n{"i": 2, "l": null, "s": null}\n{"i": 3, "l": [], "s": {"x": null}}\n'
    )
    with running():
        found = gf.scan_ndjson(path).filter(col("i") > 1).collect()
    assert found.rows() == [(2, None, None), (3, [], {"x": None})]


def test_tables_show_and_compare() -> None:
    data = pa.table({"n": pa.array([[{"t": 1}], None], pa.list_(pa.struct({"t": pa.timestamp("ns")}))), "b": [b"\x00", None]})
    with running():
        table = gf.from_arrow(data).collect()
        assert "b'\\x00'" in repr(table) and "1970-01-01 00:00:00.000000001" in repr(table)
        assert "b&#x27;\\x00&#x27;" in table._repr_html_()
        assert table.equals(data) and not table.equals(data.slice(1).append_column("z", pa.nulls(1)))
        turned = gf.from_arrow(data.take([1, 0])).collect()
        assert table.equals(turned, ordered=False) and not table.equals(turned)


# -- null -------------------------------------------------------------------------------------------------------------
NOTHING = pl.DataFrame({"n": [None] * 5, "k": [1, 2, 3, 1, 2]})
NULL_QUERIES: dict[str, Query] = {
    "select": lambda x, f, _: f.select("n", m=x.col("n").is_null(), c=x.col("n").fill_null(3)),
    "compute": lambda x, f, _: f.select(a=x.col("k") + x.col("n"), b=x.col("n") == 1),
    "filter": lambda x, f, _: f.filter(x.col("n").is_null() & (x.col("k") > 1)),
    "group": lambda x, f, _: f.group_by("n").agg(r=x.len(), s=x.col("k").sum()),
    "group by another": lambda x, f, _: f.group_by("k").agg(c=x.col("n").count(), f=x.col("n").first(), u=x.col("n").n_unique()),
    "sort": lambda x, f, _: f.sort("n", "k"),
    "join": lambda x, f, _: f.join(f.select("n", j="k"), on="n"),
    "join left": lambda x, f, _: f.join(f.select("n", j="k"), on="n", how="left"),
    "join nulls": lambda x, f, _: f.join(f.select("n", j="k"), on="n", nulls_equal=True),
    "unique": lambda x, f, _: f.select("n").unique(),
}


@pytest.mark.parametrize("axis", ["plain", "exchange"])
@pytest.mark.parametrize("name", NULL_QUERIES)
def test_null_columns(name: str, axis: str) -> None:
    query = NULL_QUERIES[name]
    with running(axis=axis, parts=2, rows=5):
        assert_same(query(gf, gf.from_polars(NOTHING), None).collect(), query(pl, NOTHING, None))


@pytest.mark.parametrize(
    "kind", [gf.Int8, gf.Float32, gf.String, gf.Binary, gf.Date, gf.Boolean, gf.Datetime("ms"), gf.Enum(["a"])], ids=str
)
def test_null_columns_meet_typed_ones(kind: Any) -> None:
    with running():
        found = gf.concat([gf.from_dict({"x": [None]}), gf.from_dict({"x": [None, None]}, schema={"x": kind})]).collect()
    assert (found.schema["x"], found.rows()) == (kind, [(None,)] * 3)
