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

from gpuflow.arrow import convert, dictionaries
from gpuflow.arrow.dictionaries import Dictionary, dictionary_of

words = st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=8, unique=True)


@settings(max_examples=150, deadline=None)
@given(st.lists(words, max_size=4), st.lists(st.text(st.characters(codec="utf-8"), max_size=3), max_size=3))
def test_unify(parts: list[list[str]], literals: list[str]) -> None:
    merged, tables, codes = dictionaries.unify([dictionary_of(part) for part in parts], literals)
    expected = sorted({w for part in parts for w in part} | set(literals), key=str.encode)
    assert merged.to_pylist() == expected
    for part, table in zip(parts, tables, strict=True):
        assert table.dtype == np.int32
        assert [expected[code] for code in table] == part
    assert [expected[code] for code in codes] == literals


def test_unify_is_kept_by_identity_and_forgotten() -> None:
    a, b = dictionary_of(["b", "a"]), dictionary_of(["c"])
    first = dictionaries.unify([a, b], ["x"])
    assert dictionaries.unify([a, b], ["x"]) is first
    assert dictionaries.unify([a, b], ["y"]) is not first
    assert dictionaries.unify([b, a], ["x"])[0].to_pylist() == ["a", "b", "c", "x"]
    key = ("unify", ("x",)), (id(a), id(b))
    assert key in dictionaries._cache
    del a
    gc.collect()
    assert key not in dictionaries._cache


def test_same_and_equal_dictionaries_share_a_table() -> None:
    a, copy = dictionary_of(["b", "a"]), dictionary_of(["b", "a"])
    _, tables, _ = dictionaries.unify([a, copy, a])
    assert tables[0] is tables[2]
    assert all(table.tolist() == [1, 0] for table in tables)


def test_unify_entries_that_repeat() -> None:
    merged, tables, codes = dictionaries.unify([dictionary_of(["b", "a", "b"], distinct=False), dictionary_of(["c"])], ["a"])
    assert merged.to_pylist() == ["a", "b", "c"]
    assert merged.distinct
    assert [table.tolist() for table in tables] == [[1, 0, 1], [2]]
    assert codes == [0]


def test_codes_that_tell_values_apart() -> None:
    plain = Column(t.STRING, np.array([2, 0, 1, 3], np.int32), None, dictionary_of(["b", "a", "b", ""], distinct=False))
    column = dictionaries.distinct_column(plain)
    assert column.dictionary.distinct
    assert convert.to_arrow(column).to_pylist() == convert.to_arrow(plain).to_pylist() == ["b", "b", "a", ""]
    assert column.values[0] == column.values[1]
    assert dictionaries.distinct_column(column) is column
    assert dictionaries.distinct_column(plain).dictionary is column.dictionary, "entries are compared once"


def test_plain_columns_stand_one_behind_the_other() -> None:
    with convert.strings_as("plain"):
        one, two = (convert.from_arrow(pa.array(v)) for v in (["b", "b", None], ["a", "b"]))
    joined = dictionaries.concat_columns([one, two, one])
    assert not joined.dictionary.distinct
    assert len(joined.dictionary) == 5, "the same entries stand there once"
    assert convert.to_arrow(joined).to_pylist() == ["b", "b", None, "a", "b", "b", "b", None]
    few = one.take(slice(1, 2))
    assert dictionaries.concat_columns(
        [few, Column(t.STRING, np.zeros(1, np.int32), None, Dictionary(pa.array(["x"], pa.large_string())))]
    ).dictionary.to_pylist() == ["b", "x"]


def test_numbers_of_entries_in_another_dictionary() -> None:
    a, b = dictionary_of(["x", "y", "x"], distinct=False), dictionary_of(["y", "z"])
    assert dictionaries.index_in(a, b).tolist() == [-1, 0, -1]
    assert dictionaries.index_in(b, b).tolist() == [0, 1]
    assert dictionaries.index_in(dictionary_of([]), b).tolist() == []


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
