"""Arrow types that pyarrow reads and has no arrays of in Python."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pyarrow as pa
import pytest

import gpuflow as gf
from gpuflow.arrow.schema import dtype_of, why_unsupported
from gpuflow.errors import LeftOutWarning
from tests.support.running import running


def _intervals() -> pa.RecordBatch:
    """Columns of the two intervals of which pyarrow makes no arrays in Python: integers under other types."""
    names = [b"tiM", b"tiD"]
    made = pa.record_batch({"x": pa.array([1, 2], pa.int32()), "m": pa.array([3, None], pa.int32()), "d": pa.array([5, 6])})
    schema, array = (ctypes.create_string_buffer(size) for size in (72, 80))
    made._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
    children = ctypes.cast(ctypes.c_void_p.from_buffer(schema, 40).value, ctypes.POINTER(ctypes.POINTER(ctypes.c_char_p)))
    for number, name in enumerate(names, 1):
        children[number][0] = name  # the format stands first
    found = pa.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))
    assert list(map(str, found.schema.types)) == ["int32", "month_interval", "day_time_interval"]
    return found


def test_types_that_pyarrow_makes_no_arrays_of_are_left_out(tmp_path: Path) -> None:
    batch = _intervals()
    with pa.ipc.new_file(tmp_path / "a.arrow", batch.schema) as writer:
        writer.write_batch(batch)
    message = "columns are left out: 'm' is month_interval: pyarrow has no arrays of it .*'d' is day_time_interval"
    for load in (lambda: gf.from_arrow(batch), lambda: gf.scan_ipc(tmp_path / "a.arrow")):
        with pytest.warns(LeftOutWarning, match=message):
            frame = load()
        with running():
            assert frame.collect().to_dict() == {"x": [1, 2]}
    struct = pa.struct([pa.field("inner", batch.schema.field("m").type)])
    assert dtype_of(struct) is None and "pyarrow has no arrays" in why_unsupported(struct)
