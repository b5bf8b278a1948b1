"""Damaged and odd memory from other libraries: a typed error before any kernel sees it, never a crash."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow import col
from gpuflow.errors import ReadError
from gpuflow.io.export.c_device import ArrowArray, _in_capsule
from tests.support.running import running


def _text(kind: pa.DataType, offsets: list[int], data: bytes) -> pa.Array:
    """Strings whose offsets go bad after pyarrow has looked at them, as those of a foreign library may be from the start."""
    starts = np.zeros(len(offsets), "i4" if kind in (pa.string(), pa.binary()) else "i8")
    array = pa.Array.from_buffers(kind, len(offsets) - 1, [None, pa.py_buffer(starts), pa.py_buffer(data)])
    starts[:] = offsets
    return array


def _coded(codes: list[int], names: Any = ("a",)) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names), safe=False)


def _listed(offsets: list[int], values: pa.Array) -> pa.Array:
    starts = np.zeros(len(offsets), "i4")
    array = pa.Array.from_buffers(pa.list_(values.type), len(offsets) - 1, [None, pa.py_buffer(starts)], children=[values])
    starts[:] = offsets
    return array


class Longer:
    """A struct array that says it is longer than its fields are."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        schema, array = pa.array([{"x": 1}]).__arrow_c_array__()
        ArrowArray.from_address(_in_capsule(array, b"arrow_array")).length = 9
        return schema, array


BAD: dict[str, pa.Array] = {
    "offsets beyond the text": _text(pa.string(), [0, 50, 2], b"ab"),
    "last offset beyond the text": _text(pa.string(), [0, 1, 5000], b"ab"),
    "falling offsets": _text(pa.string(), [0, 2, 1, 2], b"ab"),
    "negative offset": _text(pa.large_binary(), [-1, 2], b"ab"),
    "no UTF-8": _text(pa.string(), [0, 2], b"\xff\xfe"),
    "half a character": _text(pa.large_string(), [0, 1, 2], "é".encode()),
    "code beyond the dictionary": _coded([0, 9]),
    "negative code": _coded([-1]),
    "no UTF-8 in a dictionary": _coded([0], _text(pa.string(), [0, 2], b"\xff\xfe")),
    "dictionary beyond its text": _coded([0], _text(pa.string(), [0, 50, 2], b"ab")),
    "list beyond its items": _listed([0, 9], pa.array([1])),
    "falling lists": _listed([0, 1, 0], pa.array([1])),
    "no UTF-8 in a list": _listed([0, 1], _text(pa.string(), [0, 2], b"\xff\xfe")),
    "list of text beyond the text": _listed([0, 1], _text(pa.string(), [0, 50, 2], b"ab")),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_arrow_data_is_refused(name: str) -> None:
    with running():
        frame = gf.from_any({"ok": pa.nulls(len(BAD[name])), "x": BAD[name]})
        assert len(frame.select("ok").collect()) == len(BAD[name])  # what is not used is not looked at
        with pytest.raises(ReadError, match="column 'x'") as caught:
            frame.collect()
    assert caught.value.column == "x"


def test_a_damaged_struct_is_no_table() -> None:
    with pytest.raises(ReadError, match=r"cannot read .* Longer"):
        gf.from_arrow(Longer())
    with pytest.raises(ReadError, match=r"cannot read .* Longer"):
        gf.from_arrow(Longer(), name="x")


def test_misaligned_and_read_only_memory() -> None:
    memory = bytes(1) + np.arange(5, dtype="i8").tobytes() + np.array([0, 1, 2], "i4").tobytes()
    numbers = pa.Array.from_buffers(pa.int64(), 5, [None, pa.py_buffer(memory)[1:41]])
    texts = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(memory)[41:], pa.py_buffer(b"ab")])
    with running("cpu"):
        assert gf.from_arrow(numbers, name="x").filter(col("x") > 2).collect().rows() == [(3,), (4,)]
        assert gf.from_arrow(texts, name="x").filter(col("x") > "a").collect().rows() == [("b",)]
        frozen = np.arange(5)
        frozen.flags.writeable = False
        swapped = np.arange(5, dtype=">i4")
        mixed = gf.from_numpy({"x": frozen, "y": swapped, "z": np.frombuffer(memory, "i8", 5, 1)})
        assert mixed.filter(col("x") + col("y") + col("z") > 9).collect().rows() == [(4, 4, 4)]
        assert not frozen.flags.writeable


def test_a_damaged_column_does_not_end_the_process() -> None:
    """In a process of its own, where a crash would be seen."""
    code = (
        "import numpy as np, pyarrow as pa, gpuflow as gf\n"
        "starts = np.zeros(3, 'i4')\n"
        "bad = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(starts), pa.py_buffer(b'ab')])\n"
        "starts[:] = 0, 2**30, 2\n"
        "for data in (bad, pa.DictionaryArray.from_arrays(pa.array([0, 2**30]), bad, safe=False)):\n"
        "    try:\n"
        "        gf.from_arrow(data, name='x').group_by('x').agg(gf.len()).collect()\n"
        "    except gf.errors.ReadError as e:\n"
        "        print(e.column)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split()) == (0, ["x", "x"]), run.stderr
