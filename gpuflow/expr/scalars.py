"""Scalars of Python, NumPy, pandas, Arrow and Polars as typed physical values, of which nothing is cut off.

A subclass may carry more than its base: pandas' Timestamp is a datetime with nanoseconds, NaT a datetime without a value, a
member of an enum a number with a name. So each is asked for what it has before it is taken for its base.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from gpuflow_kernels import time_zone_tables
from gpuflow_kernels.dtypes import (
    BINARY,
    BOOL,
    BY_NAME,
    DATE,
    FLOAT32,
    FLOAT64,
    INT64,
    NARROW_DIGITS,
    NULL,
    STRING,
    UINT64,
    UNITS,
    DType,
    decimal,
    duration,
    timestamp,
)

from gpuflow.errors import TypeMismatchError

Physical = tuple[Any, DType, bool]

_EPOCH = dt.date(1970, 1, 1)
_EPOCH_TIME = dt.datetime(1970, 1, 1)
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK = dt.timedelta(microseconds=1)
_SECONDS = {"W": 7 * 86_400, "D": 86_400, "h": 3600, "m": 60}
_FINEST = {"ps": 10**3, "fs": 10**6, "as": 10**9}
"""How many of NumPy's finest units are in a nanosecond."""
_WAYS_OUT = {
    "Period": "call .to_timestamp()",
    "Interval": "compare with .left and .right",
    "Series": "pass one value, as by .item()",
    "Index": "pass one value",
    "Expr": "write it with gpuflow's col() and lit()",
}
"""What to do with values of other libraries that are often tried, by the name of their type."""


def physical(value: Any) -> Physical:
    """A scalar as (physical value, type, whether the type is fixed).

    Python's numbers, strings, dates and times are not fixed, and neither are pandas' times: they take the type of the column
    they meet. Scalars of NumPy and Arrow are.

    Raises
    ------
    TypeMismatchError
        For a value that is no literal, and for one that no type holds without loss.

    Examples
    --------
    >>> import datetime
    >>> physical(datetime.date(1970, 1, 3)), physical(np.int8(5))
    ((2, date, False), (5, int8, True))
    """
    if is_missing(value):
        return None, NULL, False
    if isinstance(value, enum.Enum):
        return physical(value.value)
    if isinstance(value, np.generic):
        return _from_numpy(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return physical(value[()])
    if isinstance(value, bool):
        return value, BOOL, False
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise TypeMismatchError(f"{value} does not fit into 64 bits; write it as a float, or scale the column")
        return int.__int__(value), INT64 if value < 1 << 63 else UINT64, False
    if isinstance(value, float):
        return float.__float__(value), FLOAT64, False
    if isinstance(value, Decimal):
        return _from_decimal(value)
    if isinstance(value, str):
        if not value.isascii():
            _refuse_surrogates(value)
        return str.__str__(value), STRING, False
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b"".join((value,)), BINARY, False
    if isinstance(value, dt.datetime):
        return _from_datetime(value)
    if isinstance(value, dt.date):
        return value.toordinal() - _EPOCH.toordinal(), DATE, False
    if isinstance(value, dt.timedelta):
        return _from_timedelta(value)
    if type(value).__module__.partition(".")[0] == "pyarrow" and hasattr(value, "as_py"):
        return _from_arrow(value)
    raise TypeMismatchError(
        f"a {type(value).__name__} is no literal: {value!r:.60}; literals are None, bool, int, float, Decimal, str, bytes, date, "
        f"datetime, timedelta and scalars of NumPy, pandas and Arrow{_way_out(value)}"
    )


def is_missing(value: Any) -> bool:
    """Whether a scalar stands for null: None, NaT and NA of pandas, NumPy's masked, Arrow's scalars without a value.

    >>> is_missing(None), is_missing(np.ma.masked), is_missing(float("nan"))
    (True, True, False)
    """
    if value is None or value is np.ma.masked:
        return True
    kind = type(value)
    if kind.__name__ in ("NaTType", "NAType"):
        return kind.__module__.partition(".")[0] == "pandas"
    return kind.__module__ == "pyarrow.lib" and getattr(value, "is_valid", True) is False


def listed(values: Iterable[Any]) -> list[Physical]:
    """The elements of a list, or of an array or column of another library, as `physical` has each.

    >>> listed(np.array([5, 7], "datetime64[ns]"))[0]
    (5, timestamp[ns], True)
    """
    library = type(values).__module__.partition(".")[0]
    dtype: Any = getattr(values, "dtype", None)
    if library == "polars" and getattr(dtype, "time_unit", None) == "ns":  # whose elements are datetimes of microseconds
        kind = duration("ns") if not hasattr(dtype, "time_zone") else timestamp("ns", dtype.time_zone)
        return [(v, kind if v is not None else NULL, True) for v in values.to_physical().to_list()]  # type: ignore[attr-defined]
    if library in ("numpy", "pyarrow", "polars") or not hasattr(values, "tolist"):
        if isinstance(values, np.ndarray) and values.dtype.kind not in "mMO" and not isinstance(values, np.ma.MaskedArray):
            return [physical(v) for v in values.tolist()]
        return [physical(v) for v in values]
    return [physical(v) for v in values.tolist()]


def _from_datetime(value: dt.datetime) -> Physical:
    zone = None
    if value.tzinfo is not None and value.utcoffset() is not None:
        zone = time_zone_tables.zone_of(value.tzinfo)
    stored = getattr(value, "asm8", None)
    if isinstance(stored, np.datetime64):  # pandas' own, in its own unit
        ticks, own, _ = _from_numpy(stored)
        return _in_microseconds(ticks, timestamp(own.unit or "us", zone))
    ticks = (value - (_EPOCH_TIME if zone is None else _EPOCH_UTC)) // _TICK
    return _with_nanoseconds(ticks, getattr(value, "nanosecond", 0), timestamp("us", zone), value)


def _from_timedelta(value: dt.timedelta) -> Physical:
    stored = getattr(value, "asm8", None)
    if isinstance(stored, np.timedelta64):
        ticks, own, _ = _from_numpy(stored)
        return _in_microseconds(ticks, own)
    ticks, (low, high) = value // _TICK, INT64.bounds
    if low <= ticks <= high:
        return _with_nanoseconds(ticks, getattr(value, "nanoseconds", 0), duration("us"), value)
    # Python counts a thousand million days in microseconds, which is beyond 64 bits: Polars cuts such a value to milliseconds
    if ticks % 1000:
        raise TypeMismatchError(f"{value!r} is beyond what a duration[us] holds, and no whole number of milliseconds; round it")
    return ticks // 1000, duration("ms"), False


def _in_microseconds(ticks: int, dtype: DType) -> Physical:
    """Ticks of a coarser unit in Python's own, microseconds, where 64 bits hold them."""
    scaled = ticks * UNITS["us"] // dtype.per_second
    if dtype.per_second >= UNITS["us"] or not INT64.bounds[0] <= scaled <= INT64.bounds[1]:
        return ticks, dtype, False
    return scaled, timestamp("us", dtype.zone) if dtype.kind == "timestamp" else duration("us"), False


def _with_nanoseconds(ticks: int, nanoseconds: Any, dtype: DType, value: Any) -> Physical:
    """Microseconds with what a subclass has below them: all nanoseconds of the second, or those of the microsecond."""
    below = nanoseconds % 1000 if isinstance(nanoseconds, int) else 0
    if not below:
        return ticks, dtype, False
    finer = timestamp("ns", dtype.zone) if dtype.kind == "timestamp" else duration("ns")
    return _held(ticks * 1000 + below, finer, value), finer, False


def _from_decimal(value: Decimal) -> Physical:
    """The digits of a decimal as a whole number, and the type with just as many of them."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeMismatchError(f"{value!r} is no decimal literal: decimals have no infinities and no NaN; write it as a float")
    scale = max(0, -exponent)
    number = int(Fraction(value) * 10**scale)
    precision = max(scale, len(str(abs(number))))
    if precision > NARROW_DIGITS:
        raise TypeMismatchError(
            f"{value!r} has {precision} digits, and decimal literals have {NARROW_DIGITS} at most; round it, or write it as a "
            "float"
        )
    return number, decimal(precision, scale), False


def _from_numpy(value: np.generic) -> Physical:
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return _from_numpy_time(value)
    if isinstance(value, np.str_):
        return str(value), STRING, False
    if isinstance(value, np.bytes_):
        return bytes(value), BINARY, False
    if isinstance(value, np.floating) and value.dtype.itemsize not in (4, 8):
        if value.dtype.itemsize == 2:
            return float(value), FLOAT32, True
        if np.isnan(value) or np.longdouble(float(value)) == value:
            return float(value), FLOAT64, True
        raise TypeMismatchError(f"{value!r} has more digits than a float64; round it, as by float(...)")
    dtype = BY_NAME.get(value.dtype.name)
    if dtype is None:
        raise TypeMismatchError(f"a NumPy {value.dtype.name} is no literal: {value!r:.60}")
    return value.item(), dtype, True


def _from_numpy_time(value: np.datetime64 | np.timedelta64) -> Physical:
    """Counted in Python's whole numbers, for NumPy's own conversions wrap around."""
    unit, step = np.datetime_data(value.dtype)
    count = None if np.isnat(value) else int(value.astype(np.int64)) * step
    moment = isinstance(value, np.datetime64)
    if unit == "generic":
        if count is None:
            return None, NULL, False
        raise TypeMismatchError(f"{value!r} has no unit; write one, as in np.timedelta64(5, 's')")
    if unit in ("Y", "M") and not moment:
        raise TypeMismatchError(
            f"{value!r} has no fixed length, as months differ; shift dates by .dt.offset_by('5mo'), or write a length in days"
        )
    if moment and unit in ("Y", "M", "W", "D"):
        return _date(count, unit, value), DATE, True
    if unit in _FINEST:
        if count is not None and count % _FINEST[unit]:
            raise TypeMismatchError(f"{value!r} is no whole number of nanoseconds, the finest unit; round it")
        count, unit = None if count is None else count // _FINEST[unit], "ns"
    elif unit not in UNITS:
        count, unit = None if count is None else count * _SECONDS[unit], "s"
    dtype = timestamp(unit) if moment else duration(unit)
    return None if count is None else _held(count, dtype, value), dtype, True


def _date(count: int | None, unit: str, value: Any) -> int | None:
    if count is None:
        return None
    if unit in ("Y", "M"):
        year, month = divmod(count, 12) if unit == "M" else (count, 0)
        if abs(year) > 6_000_000:  # beyond every date; NumPy would wrap around
            _held(year * 365, DATE, value)
        return _held(int(np.datetime64(year * 12 + month, "M").astype("datetime64[D]").astype(np.int64)), DATE, value)
    return _held(count * (7 if unit == "W" else 1), DATE, value)


def _held(count: int, dtype: DType, value: Any) -> int:
    """`count`, if `dtype` holds it."""
    low, high = dtype.bounds
    if low <= count <= high:
        return count
    raise TypeMismatchError(f"{value!r} is beyond what a {dtype} holds; write it in a coarser unit")


def _from_arrow(value: Any) -> Physical:
    """A scalar of Arrow, which says its type."""
    kind = str(value.type)
    named = {"halffloat": FLOAT32, "float": FLOAT32, "double": FLOAT64}.get(kind) or BY_NAME.get(kind)
    if named is not None and (named.is_numeric or named == BOOL):
        return value.as_py(), named, True
    if kind.startswith("timestamp"):
        zone = value.type.tz
        if zone is not None and not time_zone_tables.is_known(zone):
            raise TypeMismatchError(f"{zone!r}, the zone of {value!r}, is no time zone; write one such as 'UTC' or '+02:00'")
        return value.value, timestamp(value.type.unit, zone), True
    if kind.startswith("duration"):
        return value.value, duration(value.type.unit), True
    if kind.startswith("date64"):
        return _held(value.value // 86_400_000, DATE, value), DATE, True
    inner = value.value if kind.startswith("dictionary") else value.as_py()
    try:
        return physical(inner)
    except TypeMismatchError as e:
        raise TypeMismatchError(f"an Arrow {kind} is no literal: {value!r:.60}") from e


def _way_out(value: Any) -> str:
    found = _WAYS_OUT.get(type(value).__name__)
    return f"; {found}" if found else ""


def _refuse_surrogates(text: str) -> None:
    """Raise for what is no Unicode text: half a pair of surrogates has no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise TypeMismatchError(f"{text!r:.60} is no text: {e.object[e.start]!r} at {e.start} is half a character") from None
