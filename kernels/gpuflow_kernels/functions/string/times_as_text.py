"""Row functions that read dates and timestamps from strings by a format, and write them.

Formats are those of the crate chrono, as in Polars: ``%Y %m %d %H %M %S`` and their like; see `rowmath_time_formats`.
"""

from __future__ import annotations

import re
from typing import Any

from gpuflow_kernels import time_zone_tables
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.declare.scalar import REQUIRED, Signature, Table, scalar
from gpuflow_kernels.declare.string_rules import NO_VALUE
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import DATE, NULL, STRING, UNITS, DType, timestamp
from gpuflow_kernels.functions.casts.numbers import ticks_a_day
from gpuflow_kernels.functions.temporal.time_zones import POLICIES, table_of
from gpuflow_kernels.rowmath import (
    after_word,
    floor_div,
    format_known,
    format_part,
    int64,
    local_parts,
    parse_iso,
    parse_time,
    put,
    put_iso_date,
    put_iso_time,
    put_offset,
    put_time,
    ticks_of_time,
    zone_offset,
)


# -- formats ----------------------------------------------------------------------------------------------------------
def _parts(letters: str) -> int:
    """Letters as `format_known` takes them."""
    return sum(1 << (ord(c) - ord("A")) for c in letters)


_DATE_PARTS = _parts("YCymbBdeaAwujUWGgVq")
_TIME_PARTS = _DATE_PARTS | _parts("HkIlMSpPfsc")
_ZONED_PARTS = _TIME_PARTS | _parts("zZN")  # N is %+
_READ_PARTS = _parts("bBaApPfzOYsjuwmdeHkIlMSyCcNZGVUWq")
_MANUAL = "https://docs.rs/chrono/latest/chrono/format/strftime"


def _require(format: Any, parts: int, who: str) -> None:
    """Refuse a literal format that has a part which is none of `parts`, those of `who`."""
    if not isinstance(format, str) or format.lower() in ("iso", "iso:strict"):
        return
    data, place = format.encode(), 0
    while place < len(data):
        begin, place = place, place + 1
        if data[begin] == ord("%"):
            place = min(len(data), int(format_part(data, place, len(data))[3]))
        if not format_known(data, begin, place, parts):
            part, before = data[begin:place].decode(errors="replace"), len(data[:begin].decode())
            supported = format_known(data, begin, place, _ZONED_PARTS)
            why = f"{who} has none such" if supported else "it is no part of dates and times"
            raise ValueError(
                f"format {format!r}: {part!r} at position {before} cannot be used, for {why}; a percent sign itself is '%%', and "
                f"the parts are those of {_MANUAL}"
            )


def _has_offset(format: Any) -> bool:
    """Whether a literal format reads an offset from UTC."""
    return isinstance(format, str) and not format_known(format.encode(), 0, len(format.encode()), ~_parts("zON"))


# -- reading ----------------------------------------------------------------------------------------------------------
def _asked(params: Parameters) -> DType:
    """The type that a call reads."""
    if "time_unit" in params:
        unit, zone = params["time_unit"], params["time_zone"]
        if unit is None:
            digits = re.search(r"%\.?([39])f", params["format"] or "")
            unit = {"3": "ms", "9": "ns"}[digits[1]] if digits else "us"
        if not is_one_of(unit, UNITS):
            raise ValueError(f"time_unit={unit!r} is not one of {', '.join(map(repr, UNITS))}")
        return timestamp(unit, None if zone is None else time_zone_tables.require(zone))
    asked = params.get("dtype", DATE)
    if not isinstance(asked, DType) or asked.kind not in ("date", "timestamp"):
        raise ValueError(f"strptime() reads dates and timestamps, not {asked!r}")
    return asked


def _read(kind: str, strict: bool) -> ScalarRule:
    """Reading of dates or timestamps, for one kind of strictness; the body of timestamps gets the ticks of a second.

    Text with an offset gives an instant, in UTC unless another zone is asked for; text without one a local time, which is one
    of the zone that is asked for.
    """

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        params = params or {}
        asked, format = _asked(params), params["format"]
        ambiguous = params.get("ambiguous", "raise")
        if kind == "timestamp" and not is_one_of(ambiguous, POLICIES):
            raise ValueError(f"ambiguous={ambiguous!r} is not one of {', '.join(map(repr, POLICIES))}")
        if asked.kind != kind or bool(params["strict"]) is not strict or not all(a in (STRING, NULL) for a in args):
            return None
        if strict:
            _require(format, _READ_PARTS, "text that is read")
        if kind == "date":
            return Signature((STRING, STRING), asked)
        unit, per = str(asked.unit), (asked.per_second,)
        if asked.zone is not None and format is None and args[1] == STRING:
            raise ValueError(
                "whether times are in UTC or in their zone is said by the format, which must be one literal; read them without "
                "a zone, and give them one with .dt.replace_time_zone()"
            )
        if _has_offset(format):
            return Signature((STRING, STRING), timestamp(unit, asked.zone or "UTC"), per)
        local = {"zone": asked.zone, "ambiguous": ambiguous, "non_existent": "raise"}
        after = ("dt.replace_time_zone", local) if asked.zone else None
        return Signature((STRING, STRING), timestamp(unit), per, after=after)

    return rule


def _no_date(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any) -> Any:
    if format0 == format1:
        _days, _second, _nanos, valid = parse_iso(s, s0, s1, False)
    else:
        _days, _second, _nanos, valid = parse_time(s, s0, s1, format, format0, format1)
    return not valid


def _date_or_null(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any) -> Any:
    if format0 == format1:
        days, _second, _nanos, valid = parse_iso(s, s0, s1, False)
    else:
        days, _second, _nanos, valid = parse_time(s, s0, s1, format, format0, format1)
    return days, valid


@scalar(
    name="to_date",
    namespace="str",
    dtype=_read("date", True),
    text="measure",
    overflow=_no_date,
    failure=NO_VALUE,
    parameters={"format": "", "strict": True},
    traits=Traits(parses=True),
)
def _to_date(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any) -> Any:
    """Read a string as a date, in a `format`, or without one as ``2013-01-31`` (or ``2013/1/31``).

    What means none raises, or is null with ``strict=False``. Parts that the format lacks are those of 0001-01-01.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> days = gf.from_any(pa.table({"s": ["31 Jan 2013", "1 Feb 2013", None]}))
    >>> days.select(gf.col("s").str.to_date("%d %b %Y").cast(gf.String)).collect().to_dict()
    {'s': ['2013-01-31', '2013-02-01', None]}
    """
    if format0 == format1:
        days, _second, _nanos, _valid = parse_iso(s, s0, s1, False)
    else:
        days, _second, _nanos, _valid = parse_time(s, s0, s1, format, format0, format1)
    return days


def _no_moment(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any, per: Any) -> Any:
    if format0 == format1:
        days, second, nanos, valid = parse_iso(s, s0, s1, True)
    else:
        days, second, nanos, valid = parse_time(s, s0, s1, format, format0, format1)
    _ticks, fits = ticks_of_time(days, second, nanos, per)
    return not (valid and fits)


def _moment_or_null(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any, per: Any) -> Any:
    if format0 == format1:
        days, second, nanos, valid = parse_iso(s, s0, s1, True)
    else:
        days, second, nanos, valid = parse_time(s, s0, s1, format, format0, format1)
    ticks, fits = ticks_of_time(days, second, nanos, per)
    return ticks, valid and fits


def _moment(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any, per: Any) -> Any:
    if format0 == format1:
        days, second, nanos, _valid = parse_iso(s, s0, s1, True)
    else:
        days, second, nanos, _valid = parse_time(s, s0, s1, format, format0, format1)
    ticks, _fits = ticks_of_time(days, second, nanos, per)
    return ticks


@scalar(
    name="to_datetime",
    namespace="str",
    dtype=_read("timestamp", True),
    text="measure",
    overflow=_no_moment,
    failure=NO_VALUE,
    arity=2,
    parameters={"format": "", "time_unit": None, "time_zone": None, "strict": True, "ambiguous": "raise"},
    traits=Traits(parses=True),
)
def _to_datetime(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any, per: Any) -> Any:
    """Read a string as a timestamp, in a `format`, or without one as ``2013-01-31 12:34:56.789``.

    Without a `format` the time, or its seconds, may be missing, and a T may stand between date and time.

    What means none raises, or is null with ``strict=False``. `time_unit` is microseconds by default, or what a format with
    ``%3f`` or ``%9f`` asks for; digits of a fraction that it cannot hold are cut off.

    With an offset in the format (``%z``) the result is in UTC, or in `time_zone`. Without one it has no zone, or with a
    `time_zone` is a local time there: `ambiguous` says what becomes of one that comes twice, as for
    ``dt.replace_time_zone()``. A format that differs from row to row gives timestamps without a zone, in UTC where it has
    an offset.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> times = gf.from_any(pa.table({"s": ["2013-01-31 05:15 PM", "2013-02-01 12:00 AM", None]}))
    >>> times.select(gf.col("s").str.to_datetime("%F %I:%M %p", time_unit="ms").cast(gf.String)).collect().to_dict()
    {'s': ['2013-01-31 17:15:00.000', '2013-02-01 00:00:00.000', None]}
    >>> summers = gf.from_any(pa.table({"s": ["2013-07-01 12:00 -0400"]}))
    >>> summers.select(gf.col("s").str.to_datetime("%F %H:%M %z").cast(gf.String)).collect().to_dict()
    {'s': ['2013-07-01 16:00:00.000000+00:00']}
    """
    if format0 == format1:
        days, second, nanos, _valid = parse_iso(s, s0, s1, True)
    else:
        days, second, nanos, _valid = parse_time(s, s0, s1, format, format0, format1)
    ticks, _fits = ticks_of_time(days, second, nanos, per)
    return ticks


@scalar(
    name="strptime",
    namespace="str",
    dtype=_read("date", True),
    text="measure",
    overflow=_no_date,
    failure=NO_VALUE,
    parameters={"format": "", "dtype": REQUIRED, "strict": True, "ambiguous": "raise"},
    traits=Traits(parses=True),
)
def _strptime(s: Any, s0: Any, s1: Any, format: Any, format0: Any, format1: Any) -> Any:
    """Read a string as a date or timestamp (`dtype`) in a `format`; see `to_date` and `to_datetime`.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> days = gf.from_any(pa.table({"s": ["31.1.2013", "?", None]}))
    >>> days.select(gf.col("s").str.strptime(gf.Date, "%d.%m.%Y", strict=False).cast(gf.String)).collect().to_dict()
    {'s': ['2013-01-31', None, None]}
    """
    if format0 == format1:
        days, _second, _nanos, _valid = parse_iso(s, s0, s1, False)
    else:
        days, _second, _nanos, _valid = parse_time(s, s0, s1, format, format0, format1)
    return days


for _name in ("to_date", "strptime"):
    scalar(name=_name, namespace="str", dtype=_read("date", False), text="measure", null="partial")(_date_or_null)
for _name in ("to_datetime", "strptime"):
    scalar(name=_name, namespace="str", dtype=_read("timestamp", False), text="measure", null="partial")(_moment_or_null)
scalar(name="strptime", namespace="str", dtype=_read("timestamp", True), text="measure", overflow=_no_moment, failure=NO_VALUE)(
    _moment
)


# -- writing ----------------------------------------------------------------------------------------------------------
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_ISO, _STRICT = int.from_bytes(b"iso", "little"), int.from_bytes(b":strict", "little")


def _written(args: Types, params: Parameters | None = None) -> Signature | None:
    """Ticks of a day and of a second, digits after the point (-1 for a date), and the parts that a format may have."""
    if args[0].kind not in ("date", "timestamp") or args[0].zone is not None or args[1] not in (STRING, NULL):
        return None
    format = (params or {}).get("format")
    if args[0] == DATE:
        _require(format, _DATE_PARTS, "a date")
        return Signature((DATE, STRING), STRING, (1, 1, -1, _DATE_PARTS))
    _require(format, _TIME_PARTS, "a timestamp without a zone")
    assert args[0].unit is not None
    constants = (ticks_a_day(args[0]), args[0].per_second, _DIGITS[args[0].unit], _TIME_PARTS)
    return Signature((args[0], STRING), STRING, constants)


def _written_in_its_zone(args: Types, params: Parameters | None = None) -> Signature | None:
    """Ticks of a second, digits after the point, parts of a format, and the zone's offsets and names."""
    if args[0].zone is None or args[1] not in (STRING, NULL):
        return None
    _require((params or {}).get("format"), _ZONED_PARTS, "a timestamp")
    numbers = (args[0].per_second, _DIGITS[str(args[0].unit)], _ZONED_PARTS)
    return Signature((args[0], STRING), STRING, (*numbers, table_of(args[0]), Table(time_zone_tables.names(args[0].zone))))


def _unknown_parts(x: Any, format: Any, format0: Any, format1: Any, day: Any, per: Any, digits: Any, parts: Any) -> Any:
    return not format_known(format, format0, format1, parts)


def _no_text(x: Any, format: Any, format0: Any, format1: Any, day: Any, per: Any, digits: Any, parts: Any) -> Any:
    iso = after_word(format, format0, format1, _ISO)
    named = iso == format1 or (iso > 0 and after_word(format, iso, format1, _STRICT) == format1)
    return not (named or format_known(format, format0, format1, parts))


_UNKNOWN = f"knows no such format; see {_MANUAL} (dates have no time of day, and what has no zone has no %z, %Z and %+)"


@scalar(
    name="strftime",
    namespace="dt",
    dtype=_written,
    text="write",
    arity=2,
    overflow=_unknown_parts,
    failure=_UNKNOWN,
)
def _strftime(
    out: Any, at: Any, x: Any, format: Any, format0: Any, format1: Any, day: Any, per: Any, digits: Any, parts: Any
) -> Any:
    """Write the date or timestamp as text in a `format` such as ``"%d %b %Y"``, with English names.

    It is written in local time where it has a zone, which ``%z`` (``+0200``), ``%:z`` (``+02:00``) and ``%Z`` (``CEST``) name.

    Examples
    --------
    >>> import datetime, gpuflow as gf, pyarrow as pa
    >>> days = gf.from_any(pa.table({"d": [datetime.date(2013, 1, 31), None]}))
    >>> days.select(gf.col("d").dt.strftime("%A, %-d %B %Y")).collect().to_dict()
    {'d': ['Thursday, 31 January 2013', None]}
    """
    days = floor_div(x, day)
    ticks = x - days * day
    second = ticks // per
    nanos = (ticks - second * per) * (1000000000 // per)
    return put_time(out, at, days, second, nanos, int64(0), int64(0), format, format0, format1)


def _unknown_zoned(x: Any, format: Any, format0: Any, format1: Any, per: Any, digits: Any, parts: Any, z: Any, names: Any) -> Any:
    return not format_known(format, format0, format1, parts)


@scalar(name="strftime", namespace="dt", dtype=_written_in_its_zone, text="write", overflow=_unknown_zoned, failure=_UNKNOWN)
def _strftime_zoned(
    out: Any, at: Any, x: Any, format: Any, format0: Any, format1: Any, per: Any, digits: Any, parts: Any, z: Any, names: Any
) -> Any:
    days, second, nanos, offset = local_parts(x, z, per)
    name = zone_offset(floor_div(x, per), names)
    return put_time(out, at, days, second, nanos, offset, name, format, format0, format1)


@scalar(
    name="to_string",
    namespace="dt",
    dtype=_written,
    text="write",
    arity=2,
    overflow=_no_text,
    failure=_UNKNOWN,
    parameters={"format": "iso"},
)
def _to_string(
    out: Any, at: Any, x: Any, format: Any, format0: Any, format1: Any, day: Any, per: Any, digits: Any, parts: Any
) -> Any:
    """Write the date or timestamp as text, in a `format` or as ISO 8601 has it.

    `format` is as in `strftime`, or ``"iso"`` with a blank before the time, or ``"iso:strict"`` with a T; both with the offset
    where there is a zone.

    Examples
    --------
    >>> import datetime, gpuflow as gf, pyarrow as pa
    >>> times = gf.from_any(pa.table({"t": pa.array([datetime.datetime(2013, 1, 31, 12, 34), None], pa.timestamp("ms"))}))
    >>> times.select(gf.col("t").dt.to_string("iso:strict")).collect().to_dict()
    {'t': ['2013-01-31T12:34:00.000', None]}
    """
    days = floor_div(x, day)
    ticks = x - days * day
    second = ticks // per
    nanos = (ticks - second * per) * (1000000000 // per)
    iso = after_word(format, format0, format1, _ISO)
    strict = iso > 0 and after_word(format, iso, format1, _STRICT) == format1
    if not strict and iso != format1:
        return put_time(out, at, days, second, nanos, int64(0), int64(0), format, format0, format1)
    at = put_iso_date(out, at, days)
    if digits < 0:
        return at
    return put_iso_time(out, put(out, at, 84 if strict else 32), second, nanos, digits)


def _no_zoned_text(x: Any, format: Any, format0: Any, format1: Any, per: Any, digits: Any, parts: Any, z: Any, names: Any) -> Any:
    iso = after_word(format, format0, format1, _ISO)
    named = iso == format1 or (iso > 0 and after_word(format, iso, format1, _STRICT) == format1)
    return not (named or format_known(format, format0, format1, parts))


@scalar(name="to_string", namespace="dt", dtype=_written_in_its_zone, text="write", overflow=_no_zoned_text, failure=_UNKNOWN)
def _to_string_zoned(
    out: Any, at: Any, x: Any, format: Any, format0: Any, format1: Any, per: Any, digits: Any, parts: Any, z: Any, names: Any
) -> Any:
    days, second, nanos, offset = local_parts(x, z, per)
    iso = after_word(format, format0, format1, _ISO)
    strict = iso > 0 and after_word(format, iso, format1, _STRICT) == format1
    if not strict and iso != format1:
        name = zone_offset(floor_div(x, per), names)
        return put_time(out, at, days, second, nanos, offset, name, format, format0, format1)
    at = put(out, put_iso_date(out, at, days), 84 if strict else 32)
    return put_offset(out, put_iso_time(out, at, second, nanos, digits), offset, int64(1))
