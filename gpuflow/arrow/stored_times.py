"""Convert timestamps that are stored in more than 64 bits to timestamps of a unit, and check each value.

Formats store them so because 64 bits of nanoseconds only reach from 1677 to 2262.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType

from . import passthrough
from .row_value_error import RowValueError

INT96 = pa.binary(12)
"""Parquet's: nanoseconds of a day, and its Julian number."""
SECONDS = pa.binary(16)
"""ORC's: seconds since 1970 and nanoseconds, two 64-bit integers."""
OPTIONS = {INT96: "int96_unit", SECONDS: "time_unit"}
"""Option of a scan that chooses the unit, by type."""
Numbers = np.ndarray[Any, np.dtype[np.int64]]
_EPOCH = 2_440_588
"""The Julian day of 1970-01-01."""
_NS_PER_DAY = 86_400_000_000_000


def is_stored(data: pa.DataType, dtype: DType) -> bool:
    """Return whether data of this Arrow type is, or contains, stored timestamps for a column of `dtype`."""
    if dtype.kind == "timestamp":
        return data in OPTIONS
    return dtype.kind == "opaque" and data != dtype.detail.arrow and any(part in OPTIONS for part in passthrough.parts(data))


def times(data: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Convert values of `INT96` or `SECONDS` to timestamps of `kind`, also inside of lists and structs.

    Raises
    ------
    OddValue
        For a value that `kind` does not hold exactly.
    """
    made, start = [], 0
    for chunk in data.chunks:
        try:
            made.append(_times(chunk, kind) if data.type in OPTIONS else passthrough.rebuilt(chunk, kind, _inner))
        except RowValueError as e:
            raise RowValueError(start + e.row, e.why) from None
        start += len(chunk)
    return pa.chunked_array(made, kind)


def _inner(data: pa.Array, kind: pa.DataType) -> pa.Array:
    if data.type not in OPTIONS:
        return data.cast(kind)
    try:
        return _times(data, kind)
    except RowValueError as e:  # the row inside of a list is not the row of the column
        raise pa.ArrowInvalid(f"a value inside {e.why}") from None


def _times(data: pa.Array, kind: pa.DataType) -> pa.Array:
    days, parts = _day_times(data)
    step = 1_000_000_000 // t.UNITS[kind.unit]
    valid = np.array(data.is_valid())

    def refuse(wrong: np.ndarray[Any, Any], why: str) -> None:
        for row in np.flatnonzero(wrong & valid)[:1].tolist():
            day, within = int(days[row]), int(parts[row])
            raise RowValueError(row, f"is {_text(day, within)}, which {why} {kind}; {_way_out(day, within, OPTIONS[data.type])}")

    refuse(parts % step != 0, "has more digits than")
    first, within, per_day = days + parts // _NS_PER_DAY, parts % _NS_PER_DAY // step, _NS_PER_DAY // step
    # before 1970, time is counted back from the end of the day, so that no step overflows unless the result does
    first, within = np.where(first < 0, first + 1, first), np.where(first < 0, within - per_day, within)
    whole = first * per_day
    ticks = whole + within
    outside = (whole // per_day != first) | ((whole >= 0) == (within >= 0)) & ((ticks >= 0) != (whole >= 0))
    refuse(outside, "is beyond")
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(data), [bitmap, pa.py_buffer(ticks)])


def _day_times(data: pa.Array) -> tuple[Numbers, Numbers]:
    """Return the day since 1970 and the nanoseconds of each value."""
    width = data.type.byte_width
    raw = np.frombuffer(data.buffers()[1] or b"", np.uint8)[width * data.offset : width * (data.offset + len(data))]
    words = raw.reshape(len(data), width)
    first = np.ascontiguousarray(words[:, :8]).view("<i8")[:, 0]
    if data.type == INT96:
        return np.ascontiguousarray(words[:, 8:]).view("<i4")[:, 0].astype(np.int64) - _EPOCH, first
    nanoseconds = np.ascontiguousarray(words[:, 8:]).view("<i8")[:, 0]
    return first // 86_400, first % 86_400 * 1_000_000_000 + nanoseconds


def _way_out(days: int, nanoseconds: int, option: str) -> str:
    """Name the finest unit that holds a value exactly."""
    for unit in ("ns", "us", "ms", "s"):
        ticks, rest = divmod(days * _NS_PER_DAY + nanoseconds, 1_000_000_000 // t.UNITS[unit])
        if not rest and -(1 << 63) <= ticks < 1 << 63:
            return f"pass {option}={unit!r} to the scan"
    return f"no {option} holds it: read the other columns, or write the file again without it"


def _text(days: int, nanoseconds: int) -> str:
    days, nanoseconds = days + nanoseconds // _NS_PER_DAY, nanoseconds % _NS_PER_DAY
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:09d}"
    try:
        return f"{date.fromordinal(days + date(1970, 1, 1).toordinal())} {time}"
    except (ValueError, OverflowError):  # Python's dates end with year 9999
        return f"{days:,} days and {time} after 1970-01-01"


def as_seconds(data: pa.Array, kind: pa.DataType) -> pa.Array:
    """Convert timestamps in nanoseconds to `kind`, which has `SECONDS` in their place, also inside of lists and structs."""
    return passthrough.rebuilt(data, kind, _split)


def _split(data: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind != SECONDS:
        return data.cast(kind)
    pairs = np.stack(np.divmod(data.cast(pa.int64()).fill_null(0).to_numpy(), 1_000_000_000), axis=1)
    bitmap = pa.py_buffer(np.packbits(np.array(data.is_valid()), bitorder="little"))
    return pa.Array.from_buffers(SECONDS, len(data), [bitmap, pa.py_buffer(np.ascontiguousarray(pairs, "<i8"))])


def with_times(kind: pa.DataType, change: Any) -> pa.DataType:
    """Apply `change` to each timestamp type within a type, also inside of lists and structs."""
    if pa.types.is_timestamp(kind):
        return change(kind)
    if not pa.types.is_nested(kind):
        return kind
    return passthrough.with_fields(
        kind, [field.with_type(with_times(field.type, change)) for field in passthrough.fields_of(kind)]
    )
