"""Enums, which sort and compare in the order of their categories, and categoricals, which are strings; against Polars."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gpuflow_kernels.dtypes import STRING, enum

import gpuflow as gf
from gpuflow import col
from gpuflow.arrow.enums import enum_of
from gpuflow.errors import ArithmeticOverflowError, ReadError, TypeMismatchError
from tests.support.running import assert_same, records, running

SIZES = ["small", "medium", "large", "vast"]
SIZE = gf.Enum(SIZES)
VALUES = ["small", "vast", None, "medium", "small", "large", None, "medium"]
ROWS = pl.DataFrame(
    {"e": VALUES, "o": VALUES[2:] + VALUES[:2], "s": ["small", "x", None, "large", "medium", "", "vast", None], "i": range(8)},
    schema_overrides={"e": pl.Enum(SIZES), "o": pl.Enum(SIZES)},
)
KEYED = pl.DataFrame({"e": ["vast", "small", None], "w": [1, 2, 3]}, schema_overrides={"e": pl.Enum(SIZES)})

Query = Callable[[Any, Any, Any], Any]


def _as_string(x: Any, name: str) -> Any:
    return x.col(name).cast(x.String)


def _as_size(x: Any, name: str, strict: bool = True) -> Any:
    return x.col(name).cast(SIZE if x is gf else pl.Enum(SIZES), strict=strict)


QUERIES: dict[str, Query] = {
    "compare": lambda x, f, _: f.select(
        a=x.col("e") > "small", b=x.col("e") == x.col("o"), c=x.col("e") <= x.col("o"), d=x.col("e") != "vast"
    ),
    "filter": lambda x, f, _: f.filter(x.col("e") >= "medium"),
    "is_in": lambda x, f, _: f.select(a=x.col("e").is_in(["vast", "small"])),
    "choose": lambda x, f, _: f.select(
        a=x.when(x.col("i") > 3).then(x.col("e")).otherwise(x.col("o")), b=x.coalesce("e", "o"), c=x.col("e").is_null()
    ),
    "to string": lambda x, f, _: f.select(
        a=_as_string(x, "e"),
        b=_as_string(x, "e") + "!",
        c=_as_string(x, "e").str.to_uppercase(),
        d=_as_string(x, "e") == x.col("s"),
    ),
    "strings sort": lambda x, f, _: f.select(a=_as_string(x, "e").max(), b=_as_string(x, "e").min()),
    "from string": lambda x, f, _: f.select(a=_as_size(x, "s", strict=False)),
    "from string and on": lambda x, f, _: f.filter(_as_size(x, "s", strict=False) < _as_size(x, "e")),
    "there and back": lambda x, f, _: f.select(a=_as_string(x, "e").cast(SIZE if x is gf else pl.Enum(SIZES))),
    "whole": lambda x, f, _: f.select(
        a=x.col("e").min(),
        b=x.col("e").max(),
        c=x.col("e").count(),
        d=x.col("e").n_unique(),
        f=x.col("e").first(),
        g=x.col("o").last(),
    ),
    "group": lambda x, f, _: f.group_by("e").agg(n=x.len(), s=x.col("i").sum(), m=x.col("o").max()),
    "group by string": lambda x, f, _: f.group_by(k=_as_string(x, "e")).agg(n=x.len()),
    "unique": lambda x, f, _: f.select("e").unique(),
    "join": lambda x, f, k: f.join(k, on="e"),
    "join left": lambda x, f, k: f.join(k, on="e", how="left"),
    "join by string": lambda x, f, k: f.join(k.select(s=_as_string(x, "e"), w="w"), on="s"),
}


@pytest.mark.parametrize(("parts", "axis"), [(1, "plain"), (7, "plain"), (3, "exchange"), (2, "tiny and constant")])
@pytest.mark.parametrize("name", QUERIES)
def test_against_polars(name: str, parts: int, axis: str) -> None:
    query = QUERIES[name]
    with running(axis=axis, parts=parts, rows=len(VALUES)):
        found = query(gf, gf.from_polars(ROWS), gf.from_polars(KEYED)).collect()
    expected = query(pl, ROWS, KEYED)
    assert_same(found, expected)
    kinds = {name for name, dtype in expected.schema.items() if dtype == pl.Enum(SIZES)}
    assert kinds == {name for name, dtype in found.schema.items() if dtype == SIZE}


@pytest.mark.parametrize("name", ["filter", "to string", "group", "from string"])
def test_compiled(name: str) -> None:
    query = QUERIES[name]
    with running("cpu", parts=2, rows=len(VALUES)):
        assert_same(query(gf, gf.from_polars(ROWS), None).collect(), query(pl, ROWS, None))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", ["plain", "exchange"])
def test_sorts_by_category(descending: bool, axis: str) -> None:
    with running(axis=axis, parts=3, rows=len(VALUES)):
        found = gf.from_polars(ROWS).sort("e", "i", descending=descending).collect()
    assert_same(found, ROWS.sort("e", "i", descending=descending), ordered=True)


def test_literals_take_the_type() -> None:
    """Where Polars makes a string of both, the choice between a category and an enum stays one."""
    with running():
        frame = gf.from_polars(ROWS)
        found = frame.select(
            a=gf.when(col("i") > 3).then(gf.lit("vast")).otherwise(col("e")),
            b=col("e").fill_null("large"),
            c=gf.coalesce("e", gf.lit("small", SIZE)),
            d=gf.lit("large", SIZE),
            n=col("e").cast(gf.Int8),
        ).collect()
    assert [found.schema[n] for n in "abcd"] == [SIZE] * 4
    assert found.to_dict() == {
        "a": [*VALUES[:4], *["vast"] * 4],
        "b": [v or "large" for v in VALUES],
        "c": [v or "small" for v in VALUES],
        "d": ["large"] * 8,
        "n": [None if v is None else SIZES.index(v) for v in VALUES],
    }


WRONG: dict[str, tuple[Callable[[gf.Frame], Any], str]] = {
    "unknown name": (
        lambda f: f.filter(col("e") == "hughe small"),
        "'hughe small' is none of its categories; did you mean 'small'",
    ),
    "unknown name in a list": (
        lambda f: f.filter(col("e").is_in(["lrage"])),
        "'lrage' is none of its categories; did you mean 'large'",
    ),
    "unknown literal": (lambda f: f.select(gf.lit("vats", SIZE)), "'vats' is none of its categories; did you mean 'vast'"),
    "number": (lambda f: f.filter(col("e") > 1), r"an enum is text after \.cast\(gf\.String\)"),
    "text": (lambda f: f.select(col("e").str.contains("a")), r"an enum is text after \.cast\(gf\.String\)"),
    "column of strings": (lambda f: f.filter(col("e") == col("s")), r"an enum is text after \.cast\(gf\.String\)"),
    "sum": (lambda f: f.select(col("e").sum()), r"sum\(\) does not accept enum"),
    "cast": (lambda f: f.select(col("e").cast(gf.Float64)), "it can to integers or string"),
    "join": (lambda f: f.join(gf.from_dict({"e": ["a"]}, schema={"e": gf.Enum(["a"])}), on="e"), "categories are the same"),
    "join with strings": (lambda f: f.join(f, left_on="e", right_on="s"), "categories are the same"),
    "concat": (
        lambda f: gf.concat([f.select("e"), gf.from_dict({"e": ["a"]}, schema={"e": gf.Enum(["a"])})]),
        "cast one of them",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_told(name: str) -> None:
    make, message = WRONG[name]
    with pytest.raises(TypeMismatchError, match=message):
        make(gf.from_polars(ROWS))


def test_strict_cast_raises() -> None:
    with running(), pytest.raises(ArithmeticOverflowError, match=r"cast does not fit enum\[small, medium, large, vast\]"):
        gf.from_polars(ROWS).select(_as_size(gf, "s")).collect()
    with running():  # not for rows that are filtered out
        found = gf.from_polars(ROWS).filter(col("i") == 0).select(_as_size(gf, "s")).collect()
    assert records(found) == [("small",)]


def test_the_type() -> None:
    assert enum(SIZES) == SIZE != gf.Enum(SIZES[::-1]) and hash(enum(SIZES)) == hash(SIZE)
    assert pickle.loads(pickle.dumps(SIZE)) == SIZE and str(SIZE) == "enum[small, medium, large, vast]"
    assert str(enum(list("abcdefgh"))) == "enum[a, b, c, d, e, f, and 2 more]" and str(enum([])) == "enum[]"
    for wrong, message in [("abc", "are strings, as in"), (["a", 1], "are strings"), (["a", "b", "a"], "'a' comes twice")]:
        with pytest.raises(ValueError, match=message):
            enum(wrong)  # type: ignore[arg-type]
    many = [f"category {k}" for k in range(20)]
    with running():  # plans over enums that look alike are different plans
        one, two = (gf.from_dict({"e": [None, c[12]]}, schema={"e": gf.Enum(c)}) for c in (many, many[:7] + many[7:][::-1]))
        assert [f.select(x=col("e").cast(gf.Int64)).collect().rows() for f in (one, two)] == [[(None,), (12,)]] * 2
        assert [f.filter(col("e") < "category 10").collect().rows() for f in (one, two)] == [[], [("category 14",)]]


# -- in and out -------------------------------------------------------------------------------------------------------
def _ordered(codes: Any, names: list[Any], ordered: bool = True) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes, pa.array(names), ordered=ordered)


IN: dict[str, Any] = {
    "arrow": pa.table({"e": _ordered(pa.array([1, None, 0], pa.int8()), ["lo", "hi"])}),
    "arrow in chunks": pa.table(
        {"e": pa.chunked_array([_ordered(pa.array([1, None]), ["lo", "hi"]), _ordered(pa.array([0]), ["lo", "hi"])])}
    ),
    "pandas": pd.DataFrame({"e": pd.Categorical(["hi", None, "lo"], ["lo", "hi"], ordered=True)}),
    "polars": pl.DataFrame({"e": pl.Series(["hi", None, "lo"], dtype=pl.Enum(["lo", "hi"]))}),
    "polars in chunks": pl.concat(
        [pl.DataFrame({"e": pl.Series(v, dtype=pl.Enum(["lo", "hi"]))}) for v in (["hi", None], ["lo"])], rechunk=False
    ),
}


@pytest.mark.parametrize("name", IN)
def test_in(name: str) -> None:
    with running():
        found = gf.from_any(IN[name]).filter(col("e").is_null() | (col("e") >= "lo")).collect()
    assert (found.schema["e"], found["e"].to_pylist()) == (gf.Enum(["lo", "hi"]), ["hi", None, "lo"])


STRINGS: dict[str, Any] = {
    "unordered": pa.table({"e": _ordered(pa.array([1, None, 0]), ["lo", "hi"], ordered=False)}),
    "other order in a later chunk": pa.table(
        {"e": pa.chunked_array([_ordered(pa.array([1, None]), ["lo", "hi"]), _ordered(pa.array([1]), ["hi", "lo"])])}
    ),
    "a null among categories": pa.table({"e": _ordered(pa.array([1, 2, 0]), ["lo", "hi", None])}),
    "twice": pa.table({"e": _ordered(pa.array([1, None, 2]), ["lo", "hi", "lo"])}),
    "pandas": pd.DataFrame({"e": pd.Categorical(["hi", None, "lo"], ["lo", "hi"])}),
    "polars": pl.DataFrame({"e": pl.Series(["hi", None, "lo"], dtype=pl.Categorical)}),
}


@pytest.mark.parametrize("name", STRINGS)
def test_categories_without_an_order_are_strings(name: str) -> None:
    assert gf.Categorical == gf.String == STRING
    with running():
        found = gf.from_any(STRINGS[name]).sort("e", nulls_last=True).collect()
    assert (found.schema["e"], found["e"].to_pylist()) == (STRING, ["hi", "lo", None])


def test_numbers_in_order_are_numbers() -> None:
    frame = pd.DataFrame({"e": pd.Categorical([30, 10], [30, 10], ordered=True)})
    with running():
        assert gf.from_any(frame).collect().rows() == [(30,), (10,)]


def test_out() -> None:
    with running():
        whole = gf.from_polars(ROWS).select("e").collect()
        nothing = gf.from_polars(ROWS).select("e").filter(col("e") > "vast").collect()
    for table in (whole, nothing):
        assert table.to_arrow().schema.field("e").type == pa.dictionary(pa.int32(), pa.large_string(), ordered=True)
        assert table.to_polars().schema["e"] == pl.Enum(SIZES)
        assert list(table.to_pandas()["e"].cat.categories) == SIZES and table.to_pandas()["e"].cat.ordered
        assert enum_of(table["e"].combine_chunks() if table["e"].num_chunks else table.to_arrow()["e"]) == SIZE
    assert whole["e"].to_pylist() == whole.to_numpy()["e"].tolist() == VALUES
    assert gf.from_any(whole.to_arrow()).schema == gf.from_any(whole).schema == whole.schema
    assert whole.equals(gf.from_pandas(whole.to_pandas()).collect()) and "vast" in repr(whole)


@pytest.mark.parametrize(("codes", "names"), [([0, 9], ["a"]), ([-1, 0], ["a"])])
def test_foreign_codes_are_validated(codes: list[int], names: list[str]) -> None:
    bad = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names), ordered=True, safe=False)
    with running(), pytest.raises(ReadError, match="column 'e'"):
        gf.from_arrow(pa.table({"e": bad})).collect()


def test_codes_under_nulls_may_be_anything() -> None:
    codes = pa.Array.from_buffers(pa.int32(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1, 99, 0], np.int32))])
    data = pa.table({"e": pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]), ordered=True, safe=False)})
    with running():
        frame = gf.from_arrow(data)
        assert frame.group_by("e").agg(gf.len()).sort("e").collect().rows() == [(None, 1), ("a", 1), ("b", 1)]
        assert frame.select(col("e").cast(gf.String)).collect().rows() == [("b",), (None,), ("a",)]
