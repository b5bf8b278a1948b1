"""Python values as typed literals, and back to text: which type a value has, and which it takes beside a column."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from gpuflow_kernels.dtypes import (
    BOOL,
    BY_NAME,
    DATE,
    FLOAT64,
    INT64,
    NULL,
    STRING,
    UINT64,
    UNITS,
    DType,
    common,
    duration,
    timestamp,
)

from gpuflow.errors import PlanError, TypeMismatchError, UnsupportedError

_EPOCH = dt.date(1970, 1, 1)
_EPOCH_TIME = dt.datetime(1970, 1, 1)
_TICK = dt.timedelta(microseconds=1)
SECONDS_A_DAY = 86_400


def physical(value: Any) -> tuple[Any, DType, bool]:
    """A Python or NumPy value as (physical value, type, whether the type is fixed).

    Python's numbers, strings, dates and times are not fixed: they take the type of the column they meet. NumPy scalars
    are.

    Raises
    ------
    TypeMismatchError
        For a value that is no literal.

    Examples
    --------
    >>> import datetime
    >>> physical(datetime.date(1970, 1, 3)), physical(np.int8(5))
    ((2, date, False), (5, int8, True))
    """
    if isinstance(value, np.generic):
        return _from_numpy(value)
    if value is None:
        return None, NULL, False
    if isinstance(value, bool):
        return value, BOOL, False
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise TypeMismatchError(f"{value} does not fit into 64 bits; write it as a float, or scale the column")
        return value, INT64 if value < 1 << 63 else UINT64, False
    if isinstance(value, float):
        return value, FLOAT64, False
    if isinstance(value, str):
        return value, STRING, False
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise UnsupportedError(
                f"{value!r} has a time zone, and columns have none yet; write it in UTC without one: "
                f"{value.astimezone(dt.UTC).replace(tzinfo=None)!r}"
            )
        return (value - _EPOCH_TIME) // _TICK, timestamp("us"), False
    if isinstance(value, dt.date):
        return (value - _EPOCH).days, DATE, False
    if isinstance(value, dt.timedelta):
        return value // _TICK, duration("us"), False
    raise TypeMismatchError(
        f"a {type(value).__name__} is no literal: {value!r:.60}; literals are None, bool, int, float, str, date, datetime, "
        "timedelta and NumPy scalars"
    )


def _from_numpy(value: np.generic) -> tuple[Any, DType, bool]:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        unit = np.datetime_data(value.dtype)[0]
        if isinstance(value, np.datetime64) and unit in ("Y", "M", "W", "D"):
            days = value.astype("datetime64[D]")
            return (None if np.isnat(days) else int(days.astype(np.int64))), DATE, True
        unit = unit if unit in UNITS else "s" if unit in ("W", "D", "h", "m") else "ns" if unit in ("ps", "fs") else "us"
        kind, make = ("datetime64", timestamp) if isinstance(value, np.datetime64) else ("timedelta64", duration)
        ticks = value.astype(f"{kind}[{unit}]")
        return (None if np.isnat(ticks) else int(ticks.astype(np.int64))), make(unit), True
    if isinstance(value, np.str_):
        return str(value), STRING, False
    dtype = BY_NAME.get(value.dtype.name)
    if dtype is None:
        raise TypeMismatchError(f"a NumPy {value.dtype.name} is no literal: {value!r:.60}")
    return value.item(), dtype, True


def convert(value: Any, dtype: DType, to: DType) -> Any:
    """`value` of `dtype` as a value of `to`, or None when `to` cannot hold it (exactly, but for a float's last bits).

    >>> convert(3, INT64, DType("float", 32)), convert(300, INT64, DType("int", 8)), convert(1, DATE, timestamp("s"))
    (3.0, None, 86400)
    """
    if dtype == to:
        return value
    if to.is_float and dtype.is_numeric:
        return _as_float(value, to)
    if to.is_integer and dtype.is_numeric:
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        low, high = to.bounds
        return int(value) if whole and low <= value <= high else None
    if to.kind == "timestamp" and dtype == DATE:
        return _within(value * SECONDS_A_DAY * to.per_second, to)
    if to == DATE and dtype.kind == "timestamp":
        return _exact(value, 1, SECONDS_A_DAY * dtype.per_second, to)
    if to.kind == dtype.kind and to.unit and dtype.unit:
        return _exact(value, to.per_second, dtype.per_second, to)
    return None


def _as_float(value: float, to: DType) -> float | None:
    if to == FLOAT64:
        return float(value)
    with np.errstate(all="ignore"):
        narrow = float(np.float32(value))
    return None if math.isinf(narrow) and not math.isinf(value) else narrow


def _exact(value: int, multiply: int, divide: int, to: DType) -> int | None:
    scaled, rest = divmod(value * multiply, divide)
    return None if rest else _within(scaled, to)


def _within(value: int, to: DType) -> int | None:
    return value if to.bounds[0] <= value <= to.bounds[1] else None


def adapt(value: Any, dtype: DType, others: Iterable[DType]) -> DType:
    """The type that a literal takes beside arguments of the types `others`; its own when none suits.

    >>> adapt(5, INT64, [DType("int", 8)]), adapt(500, INT64, [DType("int", 8)]), adapt(0.5, FLOAT64, [DType("float", 32)])
    (int8, int64, float32)
    """
    beside = [o for o in others if o.is_numeric == dtype.is_numeric and o.is_temporal == dtype.is_temporal]
    if dtype.is_numeric and beside:
        meeting: DType | None = beside[0]
        for other in beside[1:]:
            meeting = meeting and common(meeting, other)
        if meeting is None or (dtype.is_float and meeting.is_integer):
            return dtype
        return meeting if convert(value, dtype, meeting) is not None else dtype
    if dtype.is_temporal:
        wanted = ("timestamp",) if dtype.kind in ("date", "timestamp") else ("duration", "timestamp")
        for other in beside:
            target = duration(other.unit) if dtype.kind == "duration" and other.unit else other
            if other.kind in wanted and convert(value, dtype, target) is not None:
                return target
    return dtype


def as_type(value: Any, dtype: DType) -> Any:
    """A Python value as a physical value of `dtype`.

    Raises
    ------
    TypeMismatchError
        When it is no value of that type.
    """
    own, own_type, _ = physical(value)
    if own is None:
        return None
    result = convert(own, own_type, dtype)
    if result is None:
        raise TypeMismatchError(f"{value!r} is no {dtype} value")
    return result


def show(value: Any, dtype: DType) -> str:
    """A physical value as text for people.

    >>> show(2, DATE), show("a", STRING), show(None, INT64), show(1_500, timestamp("ms"))
    ('date(1970-01-03)', '"a"', 'None', 'datetime(1970-01-01 00:00:01.500)')
    """
    if value is None:
        return "None"
    if dtype == STRING:
        return json.dumps(value, ensure_ascii=False)
    if dtype == DATE:
        return f"date({np.datetime64(int(value), 'D')})"
    if dtype.kind == "timestamp":
        return "datetime(" + str(np.array(value, f"datetime64[{dtype.unit}]")).replace("T", " ") + ")"
    if dtype.kind == "duration":
        return f"duration({value} {dtype.unit})"
    return repr(value)


def duration_literal(unit: str, **parts: float) -> tuple[int, DType]:
    """Ticks of a duration made of weeks, days, hours, minutes, seconds, milliseconds, microseconds, nanoseconds."""
    dtype = duration(unit)
    nanoseconds = sum(round(value * _NANOSECONDS[name]) for name, value in parts.items())
    ticks, rest = divmod(nanoseconds * dtype.per_second, UNITS["ns"])
    if rest:
        raise PlanError(f"a duration of {nanoseconds} ns is no whole number of {unit}; pass a finer unit=")
    if _within(ticks, dtype) is None:
        raise PlanError(f"a duration of {nanoseconds} ns does not fit into 64 bits of {unit}; pass a coarser unit=")
    return ticks, dtype


_NANOSECONDS = {
    "weeks": 7 * SECONDS_A_DAY * 10**9,
    "days": SECONDS_A_DAY * 10**9,
    "hours": 3600 * 10**9,
    "minutes": 60 * 10**9,
    "seconds": 10**9,
    "milliseconds": 10**6,
    "microseconds": 10**3,
    "nanoseconds": 1,
}
