"""Typed literals: which type a value takes beside a column, values as other types, and values as text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from gpuflow_kernels import time_zone_tables
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.dtypes import (
    DATE,
    FLOAT64,
    NARROW_DIGITS,
    STRING,
    UNITS,
    DType,
    common,
    decimal,
    duration,
)

from gpuflow.errors import PlanError, TypeMismatchError

from .near_names import near
from .scalars import physical

SECONDS_A_DAY = 86_400


def convert(value: Any, dtype: DType, to: DType) -> Any:
    """`value` of `dtype` as a value of `to`, or None when `to` cannot hold it (exactly, but for a float's last bits).

    >>> from gpuflow_kernels.dtypes import INT64, timestamp
    >>> convert(3, INT64, DType("float", 32)), convert(300, INT64, DType("int", 8)), convert(1, DATE, timestamp("s"))
    (3.0, None, 86400)
    """
    if dtype == to:
        return value
    if to.kind == "enum" and dtype == STRING:
        return to.detail.index(value) if value in to.detail else None
    if to.is_decimal or dtype.is_decimal:
        return _decimal(value, dtype, to)
    if to.is_float and dtype.is_numeric:
        return _as_float(value, to)
    if to.is_integer and dtype.is_numeric:
        whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
        low, high = to.bounds
        return int(value) if whole and low <= value <= high else None
    if {to.kind, dtype.kind} <= {"date", "timestamp"} and (to.zone is None) != (dtype.zone is None):
        return None
    if to.kind == "timestamp" and dtype == DATE:
        return _within(value * SECONDS_A_DAY * to.per_second, to)
    if to == DATE and dtype.kind == "timestamp":
        return _exact(value, 1, SECONDS_A_DAY * dtype.per_second, to)
    if to.kind == dtype.kind and to.unit and dtype.unit:
        return _exact(value, to.per_second, dtype.per_second, to)
    return None


def _decimal(value: Any, dtype: DType, to: DType) -> Any:
    """`convert` from and to decimals. A float is a decimal if that is it as a float, as when the two are compared."""
    if to.is_wide:
        return None  # two registers are no literal: the cast is made in the kernel
    if to.is_float:
        return _as_float(value / 10**dtype.scale, to)
    if dtype.is_float:
        if not to.is_decimal or not math.isfinite(value):
            return None
        number = round(Fraction(value) * 10**to.scale)
        return _within(number, to) if number / 10**to.scale == value else None
    if not all(d.is_decimal or d.is_integer for d in (dtype, to)):
        return None
    return _exact(value, 10**to.scale, 10**dtype.scale, to)


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

    >>> from gpuflow_kernels.dtypes import INT64
    >>> adapt(5, INT64, [DType("int", 8)]), adapt(500, INT64, [DType("int", 8)]), adapt(0.5, FLOAT64, [DType("float", 32)])
    (int8, int64, float32)
    """
    others = tuple(others)
    if dtype == STRING:
        return next((o for o in others if o.kind == "enum" and value in o.detail), dtype)
    if dtype.is_integer and any(o.is_decimal for o in others):  # the digits that it has decide what comes of it
        digits = len(str(abs(value)))
        return decimal(digits) if digits <= NARROW_DIGITS and not any(o.is_float for o in others) else dtype
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
        raise TypeMismatchError(f"{value!r} is no {dtype} value{no_category(own, dtype)}")
    return result


def no_category(value: Any, dtype: DType) -> str:
    """The end of a message about text that is no category of an enum: categories that are near."""
    if dtype.kind != "enum" or not isinstance(value, str) or value in dtype.detail:
        return ""
    return f"; {value!r} is none of its categories{near(value, dtype.detail)}"


def show(value: Any, dtype: DType) -> str:
    """A physical value as text for people.

    >>> from gpuflow_kernels.dtypes import INT64, timestamp
    >>> show(110, decimal(3, 2))
    'Decimal("1.10")'
    >>> show(2, DATE), show("a", STRING), show(None, INT64), show(1_500, timestamp("ms"))
    ('date(1970-01-03)', '"a"', 'None', 'datetime(1970-01-01 00:00:01.500)')
    """
    if value is None:
        return "None"
    if dtype == STRING or dtype.kind == "enum":
        return json.dumps(dtype.detail[value] if dtype.detail else value, ensure_ascii=False)
    if dtype.is_decimal:
        return f'Decimal("{Decimal(value).scaleb(-dtype.scale):f}")'
    if dtype == DATE:
        return f"date({np.datetime64(int(value), 'D')})"
    if dtype.kind == "timestamp":
        return f"datetime({moment(int(value), dtype)}{f' {dtype.zone}' if dtype.zone else ''})"
    if dtype.kind == "duration":
        return f"duration({value} {dtype.unit})"
    return repr(value)


def moment(value: int, dtype: DType) -> str:
    """A timestamp as text, one with a zone in local time with its offset from UTC.

    >>> from gpuflow_kernels.dtypes import timestamp
    >>> moment(1_500, timestamp("ms")), moment(0, timestamp("s", "Asia/Kathmandu"))
    ('1970-01-01 00:00:01.500', '1970-01-01 05:30:00+05:30')
    """
    tail = ""
    if dtype.zone is not None:
        offset = time_zone_tables.offset_at(dtype.zone, value // dtype.per_second)
        offset = offset if _within(value + offset * dtype.per_second, dtype) is not None else 0
        value, tail = value + offset * dtype.per_second, time_zone_tables.offset_text(offset)
    return str(np.array(value, f"datetime64[{dtype.unit}]")).replace("T", " ") + tail


def duration_literal(unit: str, **parts: float) -> tuple[int, DType]:
    """Ticks of a duration made of weeks, days, hours, minutes, seconds, milliseconds, microseconds, nanoseconds."""
    if not is_one_of(unit, UNITS):
        raise PlanError(f"duration: unit={unit!r} is not one of {', '.join(map(repr, UNITS))}")
    dtype = duration(unit)
    for name, value in parts.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
            raise TypeMismatchError(f"duration: {name}={value!r} is no finite number")
    nanoseconds = sum(round(value * NANOSECONDS[name]) for name, value in parts.items())
    ticks, rest = divmod(nanoseconds * dtype.per_second, UNITS["ns"])
    if rest:
        raise PlanError(f"a duration of {nanoseconds} ns is no whole number of {unit}; pass a finer unit=")
    if _within(ticks, dtype) is None:
        raise PlanError(f"a duration of {nanoseconds} ns does not fit into 64 bits of {unit}; pass a coarser unit=")
    return ticks, dtype


NANOSECONDS = {
    "weeks": 7 * SECONDS_A_DAY * 10**9,
    "days": SECONDS_A_DAY * 10**9,
    "hours": 3600 * 10**9,
    "minutes": 60 * 10**9,
    "seconds": 10**9,
    "milliseconds": 10**6,
    "microseconds": 10**3,
    "nanoseconds": 1,
}
