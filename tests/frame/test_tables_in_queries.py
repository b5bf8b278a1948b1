"""A table in memory goes on in queries as a frame does, and gives its rows, columns and values to Python."""

from __future__ import annotations

import inspect
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.orc
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ColumnNotFoundError, DuplicateNameError, OutOfBoundsError, PlanError, ShapeError, TypeMismatchError

from gpuflow.errors import LeftOutWarning, UnsupportedError  # isort: skip
from gpuflow.frame.frame import Table

DATA = {"k": ["a", "b", "a", None], "x": [1, 2, None, 4], "y": [0.5, -0.0, float("nan"), None]}


def table(rows: int = 3) -> Table:
    """The rows in several chunks."""
    whole = gf.from_dict(DATA).collect()
    parts = [whole.slice(start, rows) for start in range(0, 4, rows)]
    return Table(whole.schema, [chunk for part in parts for chunk in part.chunks])


TABLE = table()
POLARS = pl.DataFrame(DATA)
NAMES = gf.from_dict({"k": ["a", "c"], "name": ["one", "three"]})

QUERIES: dict[str, Any] = {
    "filter": lambda t: t.filter(col("x") > 1, k="b"),
    "select": lambda t: t.select("k", twice=col("x") * 2),
    "with_columns": lambda t: t.with_columns(z=col("x") + 1),
    "drop": lambda t: t.drop("y"),
    "rename": lambda t: t.rename({"x": "k", "k": "x"}),
    "group_by": lambda t: t.group_by("k", maintain_order=True).agg(gf.len(), col("x").sum()),
    "join": lambda t: t.join(NAMES, on="k", how="left").sort("x"),
    "join table": lambda t: t.join(NAMES.collect(), on="k").sort("x"),
    "sort": lambda t: t.sort("x", descending=True, nulls_last=True),
    "unique": lambda t: t.unique("k", keep="first", maintain_order=True),
    "distinct": lambda t: t.distinct().sort("x"),
    "union": lambda t: t.union(t, gf.from_dict(DATA)),
    "pipe": lambda t: t.pipe(lambda rows, n: rows.select("x").head(n), 2),
    "drop_nulls": lambda t: t.drop_nulls("k"),
    "fill_null": lambda t: t.fill_null(0),
    "cast": lambda t: t.cast({"x": gf.Float32}),
    "sum": lambda t: t.sum(),
    "null_count": lambda t: t.null_count(),
    "lazy": lambda t: t.lazy(),
    "chain": lambda t: t.head(3).filter(col("x").is_not_null()).with_columns(z=col("x") * 2).select("z"),
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_table_has_the_verbs_of_a_frame(query: str) -> None:
    found = QUERIES[query](TABLE)
    assert isinstance(found, gf.Frame)
    want = QUERIES[query](gf.from_dict(DATA)).collect()
    assert found.collect().equals(want)
    assert len(want)


def test_every_verb_of_a_frame_is_one_of_a_table() -> None:
    runs = {"collect", "explain", "optimized", "persist", "plan", "preview", "scan"}
    public = {n for n in dir(gf.Frame) if not n.startswith("_")}
    assert public - set(dir(gf.Table)) == runs
    for name in public - runs:
        here, there = inspect.getattr_static(gf.Frame, name), inspect.getattr_static(gf.Table, name)
        if name not in ("head", "limit", "slice", "schema"):
            assert here is there, name
        if inspect.isfunction(here):
            assert list(inspect.signature(here).parameters) == list(inspect.signature(there).parameters), name


def test_a_query_over_a_table_copies_nothing() -> None:
    values = np.arange(5)
    made = gf.from_numpy({"x": values}).collect()
    assert made.lazy().collect().column("x").values.ctypes.data == values.ctypes.data


# -- other libraries' tables in joins and unions ------------------------------------------------------------------------
OTHERS = {
    "pandas": pd.DataFrame({"k": ["a", "c"], "n": [1, 3]}),
    "polars": pl.DataFrame({"k": ["a", "c"], "n": [1, 3]}),
    "arrow": pa.table({"k": ["a", "c"], "n": [1, 3]}),
    "dict": {"k": ["a", "c"], "n": [1, 3]},
    "table": gf.from_dict({"k": ["a", "c"], "n": [1, 3]}).collect(),
    "frame": gf.from_dict({"k": ["a", "c"], "n": [1, 3]}),
}


@pytest.mark.parametrize("library", OTHERS)
def test_joins_and_unions_take_tables_of_other_libraries(library: str) -> None:
    other = OTHERS[library]
    for start in (gf.from_dict(DATA), TABLE):
        assert start.join(other, on="k").select("k", "x", "n").sort("x").collect().rows() == [("a", None, 1), ("a", 1, 1)]
    start = gf.from_dict({"k": ["z"], "n": [0]})
    want = [("z", 0), ("a", 1), ("c", 3)]
    assert start.union(other).collect().rows() == gf.concat([start, other]).collect().rows() == want
    assert gf.concat([other, start]).collect().rows() == [*want[1:], want[0]]


def test_columns_of_another_library_that_are_left_out_are_named() -> None:
    odd = pl.DataFrame({"k": ["a"], "o": [object()]})
    with pytest.warns(LeftOutWarning, match="'o'") as caught:
        assert gf.from_dict(DATA).join(odd, on="k").columns == ["k", "x", "y"]
    assert caught[0].filename == __file__


@pytest.mark.parametrize("how", ["diagonal", "diagonal_relaxed"])
def test_diagonal_fills_with_null(how: str) -> None:
    parts: list[dict[str, Any]] = [
        {"a": [1, 2], "b": ["x", None]},
        {"c": [1.5], "a": [3]},
        {"b": ["y"], "d": [[1, None]]},
        {"a": [2.5]},
    ]
    found = gf.concat([gf.from_dict(part) for part in parts], how=how).collect()
    want = pl.concat([pl.DataFrame(part) for part in parts], how="diagonal_relaxed")
    assert found.columns == want.columns
    assert found.rows() == want.rows()


def test_relaxed_is_vertical() -> None:
    parts = [gf.from_dict({"x": [1]}), gf.from_dict({"x": [2.5]})]
    assert gf.concat(parts, how="vertical_relaxed").collect().equals(gf.concat(parts).collect())
    with pytest.raises(PlanError, match="how='diagonal'"):
        gf.concat([gf.from_dict({"x": [1]}), gf.from_dict({"y": [1]})])
    with pytest.raises(TypeMismatchError, match="column 'x' is int64 in the tables before and string in table 3"):
        gf.concat([gf.from_dict({"x": [1]}), gf.from_dict({"y": [1]}), gf.from_dict({"x": ["a"]})], how="diagonal")


# -- rows, columns and values -------------------------------------------------------------------------------------------
def same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_parts_are_those_of_polars(rows: int) -> None:
    made = table(rows)
    for n in (0, 1, 3, 4, 7, -1, -3, -4, -9):
        assert same(made.head(n).rows(), POLARS.head(n).rows()), n
        assert same(made.limit(n).rows(), POLARS.limit(n).rows()), n
        assert same(made.tail(n).rows(), POLARS.tail(n).rows()), n
    for offset in range(-6, 6):
        for length in (None, 0, 1, 3, 9):
            assert same(made.slice(offset, length).rows(), POLARS.slice(offset, length).rows()), (offset, length)
    for key in (slice(None), slice(1, 3), slice(-2, None), slice(3, 1), slice(0, 99), 2, -1, [0, 3], ["y", "k"]):
        assert same(made[key].rows(), POLARS[key].rows()), key
    assert same([made[row, name] for row in range(4) for name in DATA], [POLARS[row, name] for row in range(4) for name in DATA])
    assert same(made[1:3, ["x"]].rows(), POLARS[1:3, ["x"]].rows())
    assert made[1:3, "x"].to_pylist() == made["x"].to_pylist()[1:3]
    assert made[np.array([2, 0])].rows()[1] == made.row(0)


def test_shapes() -> None:
    assert (TABLE.height, TABLE.width, TABLE.shape, len(TABLE)) == (4, 3, (4, 3), 4)
    assert not TABLE.is_empty()
    assert TABLE.head(0).is_empty()
    assert ("x" in TABLE, "z" in TABLE, list(TABLE), TABLE.keys()) == (True, False, ["k", "x", "y"], ["k", "x", "y"])
    assert [c.to_pylist() for c in dict(TABLE).values()][:2] == [DATA["k"], DATA["x"]]
    assert TABLE.get_columns()[1].to_pylist() == TABLE.get_column("x").to_pylist() == DATA["x"]
    assert TABLE.dtypes == [gf.String, gf.Int64, gf.Float64]


def test_rows_one_by_one() -> None:
    assert same(TABLE.rows(), POLARS.rows())
    assert same(TABLE.rows(named=True), POLARS.rows(named=True))
    assert same(list(TABLE.iter_rows()), list(POLARS.iter_rows()))
    assert same(list(TABLE.iter_rows(named=True)), list(POLARS.iter_rows(named=True)))
    for k in range(-4, 4):
        assert same(TABLE.row(k), POLARS.row(k))
        assert same(TABLE.row(k, named=True), POLARS.row(k, named=True))
    long = gf.from_numpy({"x": np.arange(25_001)}).collect()
    assert [x for (x,) in long.iter_rows()] == list(range(25_001))
    assert list(gf.from_dict({"x": []}).collect().iter_rows()) == []


def test_values_one_by_one() -> None:
    one = TABLE.head(1).select("x").collect()
    assert one.item() == one.item(0, "x") == one.item(-1, 0) == 1
    assert TABLE.item(1, "k") == TABLE.item(1, 0) == "b"
    assert TABLE.select("x").collect().item(3) == 4


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda t: t.row(4), OutOfBoundsError, "no row 4: the table has 4 rows"),
        (lambda t: t.row(-5), OutOfBoundsError, "no row -5"),
        (lambda t: t[4], OutOfBoundsError, "no row 4"),
        (lambda t: t[[0, 9]], OutOfBoundsError, "no row 9"),
        (lambda t: t.item(0, 3), OutOfBoundsError, "no column 3: the table has 3 columns"),
        (lambda t: t.item(0, "z"), ColumnNotFoundError, "no column 'z'"),
        (lambda t: t["xx"], ColumnNotFoundError, "did you mean 'x'"),
        (lambda t: t[["x", "q"]], ColumnNotFoundError, "no column 'q'"),
        (lambda t: t[["x", "x"]], DuplicateNameError, "'x' is asked for twice"),
        (lambda t: t.item(), ShapeError, "one row and one column; there are 4 and 3"),
        (lambda t: t.item(0), ShapeError, "4 and 3"),
        (lambda t: t[::2], UnsupportedError, "steps of 2"),
        (lambda t: t[1.5], TypeMismatchError, "not indexed by 1.5"),
        (lambda t: t[True], TypeMismatchError, "not indexed by True"),
        (lambda t: t[None], TypeMismatchError, "not indexed by None"),
        (lambda t: t.row("x"), TypeMismatchError, "a row is an int, not 'x'"),
        (lambda t: t.head("x"), TypeMismatchError, "the number of rows must be an int, not 'x'"),
        (lambda t: t.slice(0, -1), PlanError, "must not be negative"),
        (lambda t: t.slice(1.5), TypeMismatchError, "must be an int, not 1.5"),
        (lambda t: t.estimated_size("kib"), TypeMismatchError, "'kib' is not one of 'b', 'kb'"),
    ],
)
def test_what_is_not_there(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(TABLE)


def test_sizes() -> None:
    numbers = gf.from_numpy({"x": np.arange(1024)}).collect()
    assert (numbers.estimated_size(), numbers.estimated_size("kb")) == (8192, 8.0)
    strings = gf.from_dict({"s": ["a" * 10_000] * 3}).collect()
    assert 10_000 <= strings.estimated_size() < 11_000
    halves = Table(strings.schema, [chunk for part in (strings[:1], strings[1:]) for chunk in part.chunks])
    assert halves.estimated_size() < 11_000, "one dictionary is counted once"


def test_pickles_as_its_rows() -> None:
    made = table()
    made.lazy()
    again = pickle.loads(pickle.dumps(made))
    assert again.equals(made)
    assert "_plan" not in vars(again)


# -- into other libraries -----------------------------------------------------------------------------------------------
def test_other_libraries_keep_the_names() -> None:
    assert pl.DataFrame(TABLE).columns == pa.table(TABLE).column_names == list(DATA)
    assert list(pd.DataFrame.from_arrow(TABLE).columns) == list(pd.DataFrame(dict(TABLE)).columns) == list(DATA)
    assert list(pd.DataFrame(TABLE, columns=["a", "b", "c"]).columns) == ["a", "b", "c"]
    assert list(TABLE.to_pandas().columns) == list(DATA)
    with pytest.raises(TypeMismatchError, match=r"lose the names.*table\.to_pandas\(\)"):
        pd.DataFrame(TABLE)
    assert list(TABLE.__dataframe__().column_names()) == list(DATA)


def test_matrices_are_those_of_pandas() -> None:
    day = np.array(["2024-02-29", "NaT"], "M8[us]")
    for data in ({"x": [1, 2], "y": [0.5, None]}, {"x": [1, None]}, {"b": [True, False]}, {"x": [1, 2], "z": [3, 4]}, {"t": day},
                 {"x": np.array([1, 2], "i4"), "y": np.array([1, 2], "f4")}):  # fmt: skip
        made = gf.from_dict(data).collect()
        want = made.to_pandas().to_numpy()
        assert np.asarray(made).dtype == want.dtype
        np.testing.assert_array_equal(np.asarray(made), want)
    assert np.asarray(gf.from_dict({"b": [True, None], "s": ["x", None]}).collect()).tolist() == [[True, "x"], [None, None]]
    assert np.asarray(TABLE).shape == (4, 3)
    with pytest.raises(ValueError, match="stored by column"):
        np.array(TABLE, copy=False)


# -- reading and writing ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("format", ["parquet", "csv", "ipc", "ndjson", "json", "orc"])
def test_read_is_scan_and_collect(tmp_path: Path, format: str) -> None:
    file = tmp_path / f"a.{format}"
    made = TABLE.select("k", "x").collect()
    if format == "orc":
        pa.orc.write_table(made.to_arrow(), file)
    elif format == "json":
        file.write_text(json.dumps(made.to_dicts()))
    else:
        getattr(made, f"sink_{format}")(file)
    read, scan = getattr(gf, f"read_{format}"), getattr(gf, f"scan_{format}")
    assert isinstance(read(file), gf.Table)
    assert read(file).equals(made)
    assert read(file, n_rows=2).equals(made.head(2))
    assert inspect.signature(read).parameters == inspect.signature(scan).parameters
    assert (read.__name__, read.__module__, read.__annotations__["return"]) == (f"read_{format}", "gpuflow", "Table")
    if "Raises" in scan.__doc__:
        assert "\nRaises\n------\n" in read.__doc__
