"""Parquet's INT96 timestamps: nanoseconds of a day, and the number of that day, in twelve bytes.

Spark, Hive and Impala write them. They reach far beyond what 64 bits of nanoseconds hold (1677 to 2262), which pyarrow makes of
them and wraps around. So they are read as twelve plain bytes (`as_stored.as_plain`) and become timestamps here: checked, by row.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType

from . import opaque
from .odd_values import OddValue

STORED = pa.binary(12)
_EPOCH = 2_440_588
"""The Julian day of 1970-01-01."""
_NS_PER_DAY = 86_400_000_000_000


def typed(schema: pa.Schema, stored: pa.Schema, origin: pa.Schema | None, unit: str | None) -> pa.Schema:
    """The schema with the types that INT96 timestamps become.

    Parameters
    ----------
    schema, stored : pyarrow.Schema
        As pyarrow reads the file, and with twelve bytes in the place of each such timestamp.
    origin : pyarrow.Schema, optional
        That of the table which was written: it says the unit and the zone.
    unit : str, optional
        Otherwise microseconds, which is what Spark writes: they reach from year 1 to year 9999 and far beyond.
    """
    fields = []
    for field, plain in zip(schema, stored, strict=True):
        written = None if origin is None or field.name not in origin.names else origin.field(field.name).type
        fields.append(field.with_type(_typed(field.type, plain.type, written, unit)))
    return pa.schema(fields, schema.metadata)


def _typed(kind: pa.DataType, stored: pa.DataType, origin: pa.DataType | None, unit: str | None) -> pa.DataType:
    if stored == STORED and pa.types.is_timestamp(kind):
        if origin is None or not pa.types.is_timestamp(origin):
            return pa.timestamp(unit or "us")
        return pa.timestamp(unit or origin.unit, origin.tz)
    if not pa.types.is_nested(kind):
        return kind
    fields, plain = opaque.fields_of(kind), opaque.fields_of(stored)
    written = [] if origin is None else [field.type for field in opaque.fields_of(origin)]
    origins = written if len(written) == len(fields) else [None] * len(fields)
    kinds = [_typed(f.type, p.type, o, unit) for f, p, o in zip(fields, plain, origins, strict=True)]
    return (
        kind
        if kinds == [f.type for f in fields]
        else opaque.with_fields(kind, [f.with_type(k) for f, k in zip(fields, kinds, strict=True)])
    )


def is_stored(data: pa.DataType, dtype: DType) -> bool:
    """Whether what was read is, or holds, the twelve bytes of timestamps that a column of `dtype` has."""
    if dtype.kind == "timestamp":
        return bool(data == STORED)
    return dtype.kind == "opaque" and data != dtype.detail.arrow and STORED in opaque.parts(data)


def times(data: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Twelve bytes a value as timestamps of `kind`, also inside of lists and structs.

    Raises
    ------
    OddValue
        For a value that `kind` does not hold exactly.
    """
    made, start = [], 0
    for chunk in data.chunks:
        try:
            made.append(_times(chunk, kind) if data.type == STORED else opaque.rebuilt(chunk, kind, _inner))
        except OddValue as e:
            raise OddValue(start + e.row, e.why) from None
        start += len(chunk)
    return pa.chunked_array(made, kind)


def _inner(data: pa.Array, kind: pa.DataType) -> pa.Array:
    if data.type != STORED:
        return data.cast(kind)
    try:
        return _times(data, kind)
    except OddValue as e:  # rows of the column are not those of what is inside
        raise pa.ArrowInvalid(f"a value inside {e.why}") from None


def _times(data: pa.Array, kind: pa.DataType) -> pa.Array:
    raw = np.frombuffer(data.buffers()[1] or b"", np.uint8)[12 * data.offset : 12 * (data.offset + len(data))]
    words = raw.reshape(len(data), 12)
    parts = np.ascontiguousarray(words[:, :8]).view("<i8")[:, 0]
    days = np.ascontiguousarray(words[:, 8:]).view("<i4")[:, 0].astype(np.int64) - _EPOCH
    step = 1_000_000_000 // t.UNITS[kind.unit]
    valid = np.array(data.is_valid())

    def refuse(wrong: np.ndarray[Any, Any], why: str, unit: str) -> None:
        for row in np.flatnonzero(wrong & valid)[:1].tolist():
            raise OddValue(
                row, f"is {_text(int(days[row]), int(parts[row]))}, which {why} {kind}; pass int96_unit={unit!r} to the scan"
            )

    refuse(parts % step != 0, "has more digits than", "ns")
    first, within, per_day = days + parts // _NS_PER_DAY, parts % _NS_PER_DAY // step, _NS_PER_DAY // step
    # counted from the end of a day before 1970, so that no step leaves 64 bits before the result does
    first, within = np.where(first < 0, first + 1, first), np.where(first < 0, within - per_day, within)
    whole = first * per_day
    ticks = whole + within
    outside = (whole // per_day != first) | ((whole >= 0) == (within >= 0)) & ((ticks >= 0) != (whole >= 0))
    refuse(outside, "is beyond", "us")
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(data), [bitmap, pa.py_buffer(ticks)])


def _text(days: int, nanoseconds: int) -> str:
    days, nanoseconds = days + nanoseconds // _NS_PER_DAY, nanoseconds % _NS_PER_DAY
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:09d}"
    try:
        return f"{date.fromordinal(days + date(1970, 1, 1).toordinal())} {time}"
    except (ValueError, OverflowError):  # Python's dates end with year 9999
        return f"{days:,} days and {time} after 1970-01-01"
