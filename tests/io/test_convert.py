"""Arrow arrays to columns and back: all types, nulls, offsets, chunks, odd dictionaries, and what is shared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from gpuflow_kernels import dtypes as t
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuflow.arrow import convert
from gpuflow.arrow.schema import arrow_type, dtype_of, why_unsupported

PLAIN = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float32(), pa.float64(), pa.bool_(), pa.date32()),
    *(pa.timestamp(u) for u in t.UNITS),
    *(pa.duration(u) for u in t.UNITS),
]
STRINGS = [
    *(pa.string(), pa.large_string(), pa.string_view()),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.uint32(), pa.large_string()),
]


def make(arrow: pa.DataType, pattern: list[int | None]) -> pa.Array:
    """An array of `arrow` with nulls where the pattern has None."""
    if pa.types.is_boolean(arrow):
        return pa.array([None if p is None else p % 2 == 0 for p in pattern], arrow)
    if arrow in STRINGS:
        texts = pa.array([None if p is None else f"s{p % 3}" for p in pattern], pa.string())
        return texts.dictionary_encode().cast(arrow) if pa.types.is_dictionary(arrow) else texts.cast(arrow)
    numbers = pa.array([None if p is None else p % 100 for p in pattern], pa.int32())
    return numbers.cast(arrow) if arrow == pa.date32() else numbers.cast(pa.int64()).cast(arrow)


@pytest.mark.parametrize("arrow", [*PLAIN, *STRINGS], ids=str)
@pytest.mark.parametrize(
    "pattern",
    [[], [1, 2, 3] * 7, [None, 1, 2, None, 3, 4, 5, 6, 7, None, 8] * 3, [None] * 9],
    ids=["empty", "full", "some", "none"],
)
def test_round_trip_with_offsets(arrow: pa.DataType, pattern: list[int | None]) -> None:
    whole = make(arrow, pattern)
    for start in (0, 1, 3, 8):
        array = whole.slice(start, max(0, len(whole) - start - 1))
        column = convert.from_arrow(array, trusted=False)
        assert column.dtype == dtype_of(arrow)
        assert column.values.dtype == np.dtype(column.dtype.storage)
        assert column.values.flags.c_contiguous
        assert column.values.flags.aligned
        assert column.values.flags.writeable
        assert (column.validity is None) == (array.null_count == 0)
        back = convert.to_arrow(column)
        back.validate(full=True)
        assert back.type == arrow_type(column.dtype)
        assert back.to_pylist() == array.to_pylist()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_chunked_round_trip(data: st.DataObject) -> None:
    arrow = data.draw(st.sampled_from([*PLAIN, *STRINGS]))
    patterns = data.draw(st.lists(st.lists(st.none() | st.integers(0, 50), max_size=20), max_size=4))
    chunks = [make(arrow, p) for p in patterns]
    chunks = [c.slice(data.draw(st.integers(0, len(c)))) for c in chunks]
    array = pa.chunked_array(chunks, arrow)
    with convert.strings_as(data.draw(st.sampled_from(["auto", "plain", "dictionary"]))):
        column = convert.from_arrow(array, trusted=False)
    assert convert.to_arrow(column).to_pylist() == array.to_pylist()
    if column.dtype == t.STRING:
        entries = column.dictionary.to_pylist()
        assert None not in entries
        assert len(set(entries)) == len(entries) or not column.dictionary.distinct
        assert convert.to_arrow(column, dictionary=True).to_pylist() == array.to_pylist()


@pytest.mark.parametrize("arrow", [a for a in PLAIN if a != pa.bool_()], ids=str)
def test_values_are_shared_both_ways(arrow: pa.DataType) -> None:
    array = make(arrow, [1, None, 3, 4]).slice(1)
    column = convert.from_arrow(array)
    address = array.buffers()[1].address + array.offset * column.values.itemsize
    assert column.values.ctypes.data == address
    assert convert.to_arrow(column).buffers()[1].address == address
    one_chunk = convert.from_arrow(pa.chunked_array([array, array.slice(0, 0)]))
    assert one_chunk.values.ctypes.data == address


def test_a_view_keeps_the_memory_alive() -> None:
    column = convert.from_arrow(pa.array(np.arange(100_000)))
    assert int(column.values.sum()) == 100_000 * 99_999 // 2


def test_misaligned_memory_is_copied() -> None:
    raw = pa.py_buffer(b"\0" + np.arange(5).tobytes() + b"\0" * 7)
    array = pa.Array.from_buffers(pa.int64(), 5, [None, raw.slice(1, 40)])
    column = convert.from_arrow(array)
    assert column.values.flags.aligned
    assert column.values.tolist() == [0, 1, 2, 3, 4]


def test_read_only_array_becomes_a_writeable_view() -> None:
    array = np.arange(4)
    array.flags.writeable = False
    view = convert.writeable(array)
    assert view.flags.writeable
    assert view.ctypes.data == array.ctypes.data


@pytest.mark.parametrize("chunks", [1, 5])
def test_long_strings_are_encoded_by_several_threads(chunks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "ENCODE_ROWS", 7)
    monkeypatch.setattr(convert.config, "cores", lambda: 4)
    whole = pa.array([None if n % 5 == 0 else f"s{n * 7 % 13}" for n in range(100)])
    array = pa.chunked_array([whole.slice(i * 100 // chunks, 100 // chunks) for i in range(chunks)])
    column = convert.from_arrow(array if chunks > 1 else whole)
    assert convert.to_arrow(column).to_pylist() == whole.to_pylist()
    assert len(column.dictionary) == 13


def codes(indices: list[int | None], dictionary: list[str | None], kind: pa.DataType | None = None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(indices, kind or pa.int16()), pa.array(dictionary, pa.string()))


@pytest.mark.parametrize(
    "array",
    [
        codes([0, 1, 2, None, 1], ["x", None, "x"]),
        codes([2, 2, None], [None, None, "y"]),
        codes([0, 0], [None]),
        codes([None, None], []),
        codes([1, None, 0], ["b", "a"], pa.uint8()),
        codes([0, 1, 2], ["", "é", "日本"], pa.int64()),
    ],
)
def test_odd_dictionaries(array: pa.DictionaryArray) -> None:
    for part in (array, array.slice(1), pa.chunked_array([array, array.slice(1), codes([0], ["q"], array.type.index_type)])):
        column = convert.from_arrow(part, trusted=False)
        expected = part.cast(pa.string()).to_pylist()
        assert convert.to_arrow(column).to_pylist() == expected
        distinct = column.dictionary.to_pylist()
        assert None not in distinct
        assert len(set(distinct)) == len(distinct)
        if column.validity is not None:
            assert column.values[~column.validity].max() < max(1, len(distinct))


def test_code_under_null_may_point_anywhere() -> None:
    indices = pa.Array.from_buffers(pa.int32(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([0, 77], np.int32))])
    array = pa.DictionaryArray.from_arrays(indices, pa.array(["x", "x"]), safe=False)
    column = convert.from_arrow(array)
    assert column.values.tolist() == [0, 0]
    assert convert.to_arrow(column).to_pylist() == ["x", None]


def test_other_encodings() -> None:
    assert convert.from_arrow(pa.array([1.5, None], pa.float16())).values.dtype == np.float32
    days = convert.from_arrow(pa.array([-86_400_000, None, 86_400_000], pa.date64()))
    assert (days.dtype, days.values.tolist()) == (t.DATE, [-1, 0, 1])
    assert convert.from_arrow(pa.array([5, 5, None]).dictionary_encode()).values[:2].tolist() == [5, 5]
    assert convert.to_arrow(convert.from_arrow(pa.RunEndEncodedArray.from_arrays([2, 3], ["a", None]))).to_pylist() == [
        "a",
        "a",
        None,
    ]
    nulls = convert.from_arrow(pa.nulls(3))
    assert (nulls.dtype, nulls.validity.tolist()) == (t.NULL, [False] * 3)
    assert convert.to_arrow(nulls).type == pa.null()


def test_unsupported_types_say_so() -> None:
    kind = pa.int64()
    for _ in range(70):
        kind = pa.list_(kind)
    assert dtype_of(kind) is None
    assert "nested 64 levels deep at most" in why_unsupported(kind)


@pytest.mark.parametrize(
    "array",
    [
        pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(np.array([0, 50, 2], np.int32)), pa.py_buffer(b"ab")]),
        pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]),
        pa.DictionaryArray.from_arrays(pa.array([0, 9], pa.int32()), pa.array(["x"]), safe=False),
    ],
    ids=["offsets", "utf8", "codes"],
)
def test_foreign_data_is_validated(array: pa.Array) -> None:
    with pytest.raises(pa.ArrowInvalid):
        convert.from_arrow(array, trusted=False)


def test_days_beyond_a_date_are_told() -> None:
    """They wrapped around: 2^32 days and one were 1970-01-02."""
    ends = [t.DATE.bounds[0], t.DATE.bounds[1], 0, 2_932_896, -719_162]
    for days, row in ((ends, None), ([0, None, 2**32 + 1], 2), ([None, -(2**31) - 1], 1), ([None, None], None)):
        data = pa.array([None if d is None else d * 86_400_000 for d in days], pa.int64()).view(pa.date64())
        if row is None:
            assert convert.to_arrow(convert.from_arrow(data)).cast(pa.int32()).to_pylist() == days
        else:
            with pytest.raises(pa.ArrowInvalid, match=f"row {row} is .* days from 1970-01-01, and a date has 32 bits"):
                convert.from_arrow(data)
