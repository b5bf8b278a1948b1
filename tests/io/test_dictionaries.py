"""Unifying dictionaries, and joining columns and chunks."""

from __future__ import annotations

import gc

import numpy as np
import pyarrow as pa
import pytest
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuflow.io import convert, dictionaries

words = st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=8, unique=True)


@settings(max_examples=150, deadline=None)
@given(st.lists(words, max_size=4), st.lists(st.text(st.characters(codec="utf-8"), max_size=3), max_size=3))
def test_unify(parts: list[list[str]], literals: list[str]) -> None:
    arrays = [pa.array(part, pa.large_string()) for part in parts]
    merged, tables, codes = dictionaries.unify(arrays, literals)
    expected = sorted({w for part in parts for w in part} | set(literals), key=str.encode)
    assert merged.to_pylist() == expected
    for part, table in zip(parts, tables, strict=True):
        assert table.dtype == np.int32
        assert [expected[code] for code in table] == part
    assert [expected[code] for code in codes] == literals


def test_unify_is_kept_by_identity_and_forgotten() -> None:
    a, b = pa.array(["b", "a"]), pa.array(["c"])
    first = dictionaries.unify([a, b], ["x"])
    assert dictionaries.unify([a, b], ["x"]) is first
    assert dictionaries.unify([a, b], ["y"]) is not first
    assert dictionaries.unify([b, a], ["x"])[0].to_pylist() == ["a", "b", "c", "x"]
    key = ((id(a), id(b)), ("x",))
    assert key in dictionaries._cache
    del a
    gc.collect()
    assert key not in dictionaries._cache


def test_same_and_equal_dictionaries_share_a_table() -> None:
    a, copy = pa.array(["b", "a"]), pa.array(["b", "a"])
    _, tables, _ = dictionaries.unify([a, copy, a])
    assert tables[0] is tables[2]
    assert all(table.tolist() == [1, 0] for table in tables)


def test_concat_strings_and_validity() -> None:
    one = convert.from_arrow(pa.array(["b", "a"]))
    two = convert.from_arrow(pa.array([None, "c", "b"]))
    none = convert.from_arrow(pa.array([None], pa.string()))
    joined = dictionaries.concat_columns([one, two, none])
    assert convert.to_arrow(joined).to_pylist() == ["b", "a", None, "c", "b", None]
    assert dictionaries.concat_columns([one]) is one
    same = dictionaries.concat_columns([one, one])
    assert same.dictionary is one.dictionary
    assert same.validity is None


def test_concat_chunks() -> None:
    chunk = Chunk((Column(t.INT64, np.arange(2)), convert.from_arrow(pa.array(["x", None]))), 2)
    joined = dictionaries.concat_chunks([chunk, chunk])
    assert joined.length == 4
    assert joined.columns[0].values.tolist() == [0, 1, 0, 1]
    assert convert.to_arrow(joined.columns[1]).to_pylist() == ["x", None] * 2
    assert dictionaries.concat_chunks([Chunk((), 3), Chunk((), 4)]).length == 7


def test_concat_refuses_other_types() -> None:
    with pytest.raises(ValueError, match=r"int32.*int64"):
        dictionaries.concat_columns([Column(t.INT32, np.zeros(1, np.int32)), Column(t.INT64, np.zeros(1, np.int64))])
