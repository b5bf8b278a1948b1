"""Read ORC timestamps, which are 64 bits of seconds and nanoseconds.

pyarrow converts them to nanoseconds, and refuses a stripe with one outside of 1677 to 2262; pyorc reads such a column. The two
libraries differ by a second in some values of 1969 and 1970 (`_as_pyarrow`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from gpuflow.arrow.passthrough import parts
from gpuflow.arrow.stored_times import SECONDS, as_seconds, with_times
from gpuflow.installing import install_line

from .datasets.failures import failure, reading
from .datasets.files import File

_REFUSED = "out of range for nanosecond"
"""Part of pyarrow's message for such a stripe."""
_PAIR = struct.Struct("<qq")
_KNOWN = (
    pa.types.is_timestamp, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_binary,
    pa.types.is_date, pa.types.is_decimal, pa.types.is_list, pa.types.is_struct,
)  # fmt: skip
"""Types that Arrow converts from pyorc's values without loss; a map is a dict in Python, which loses repeated keys."""


def in_unit(schema: pa.Schema, unit: str) -> pa.Schema:
    """Change the unit of timestamps in a schema, also of nested ones."""
    return pa.schema([f.with_type(with_times(f.type, lambda kind: pa.timestamp(unit, kind.tz))) for f in schema])


def read_stripe(file: File, opened: Any, stripe: int, names: list[str]) -> dict[str, pa.Array]:
    """Read columns of a stripe; timestamps as nanoseconds, or as `SECONDS` outside of their range.

    Raises
    ------
    ReadError
        When pyorc is needed and missing, or cannot read a column.
    """
    schema = opened.schema

    def read(columns: list[str]) -> dict[str, pa.Array]:
        # columns by position: in a name a dot would select a field of a struct
        batch = opened.read_stripe(stripe, columns=[schema.get_field_index(name) for name in columns])
        return {name: batch.column(name) for name in columns}

    try:
        return read(names)
    except pa.ArrowInvalid as e:
        if _REFUSED not in str(e):
            raise
    made: dict[str, pa.Array] = {}
    for name in names:
        try:
            made |= read([name])
        except pa.ArrowInvalid as e:
            if _REFUSED not in str(e):
                raise
            made[name] = _by_pyorc(file, schema, stripe, name, str(e))
    return made


def rows_of_stripe(file: File, opened: Any, stripe: int, name: str) -> int:
    """Count the rows of a stripe by one of its columns. Raises as `read_stripe` does."""
    return len(read_stripe(file, opened, stripe, [name])[name])


def concat_stripes(stripes: list[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    """Concatenate a column of several stripes: cast to `kind`, or as `SECONDS` if that fails, from which errors name the row."""
    arrow = stripes[0].type
    times = any(map(pa.types.is_timestamp, parts(kind)))
    if not times or all(data.type == kind for data in stripes):
        return pa.chunked_array(stripes, arrow)
    if not any(SECONDS in parts(data.type) for data in stripes):
        try:
            return pa.chunked_array([data.cast(kind) for data in stripes], kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # names neither the row nor the way out
            pass
    stored = with_times(kind, lambda _: SECONDS)
    return pa.chunked_array([as_seconds(data, stored) for data in stripes], stored)


def _by_pyorc(file: File, schema: pa.Schema, stripe: int, name: str, reason: str) -> pa.Array:
    def fail(why: str) -> Exception:
        return failure(file.path, f"{reason}; {why}", row_group=stripe, column=name, block="stripe")

    kind = schema.field(name).type
    if odd := [part for part in parts(kind) if not any(is_kind(part) for is_kind in _KNOWN)]:
        raise fail(f"inside of {odd[0]} it is not read; leave the column out")
    try:
        import pyorc
    except ImportError as e:
        raise fail(f"time_unit='us' reads it by pyorc, which is missing: {install_line('orc')}") from e
    zones = {part.tz is None for part in parts(kind) if pa.types.is_timestamp(part)}
    writer = ZoneInfo("UTC")

    def pair(seconds: int, nanoseconds: int, _: Any) -> bytes:
        return _PAIR.pack(_as_pyarrow(seconds, nanoseconds, writer), nanoseconds)

    kinds = pyorc.TypeKind
    converters = {kinds.TIMESTAMP: _converter(pair), kinds.DATE: _converter(lambda days: days)}
    handle = file.open()
    with reading(file.path), open(handle, "rb") if isinstance(handle, str) else handle as stream:
        reader = pyorc.Reader(stream, column_indices=[schema.get_field_index(name)], converters=converters)
        rows = reader.read_stripe(stripe)
        if True in zones:
            writer = ZoneInfo(str(rows.writer_timezone))
            if False in zones and writer.key != "UTC":  # pyorc has one converter for both
                raise fail("times with a zone beside others without are not read; leave the column out")
        values = [row[0] for row in rows]
        return pa.array(values, with_times(kind, lambda _: SECONDS))


def _converter(read: Callable[..., Any]) -> type:
    return type("Converter", (), {"from_orc": staticmethod(read), "to_orc": staticmethod(lambda *_: None)})


def _as_pyarrow(seconds: int, nanoseconds: int, zone: ZoneInfo) -> int:
    """Correct the seconds that pyorc reads to those of pyarrow, in local time of the zone in which the file was written.

    Writers add a second to times before 1970 with more than 999,999 nanoseconds, and readers subtract it. "Before 1970" is in UTC
    for pyorc, in the writer's zone for pyarrow.
    """
    if nanoseconds <= 999_999 or not -172_800 < seconds < 172_800 or zone.key == "UTC":
        return seconds
    offset = (datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=seconds)).utcoffset() or timedelta(0)
    local = seconds if seconds >= offset.total_seconds() else seconds + 1
    return local - 1 if local < 0 else local
