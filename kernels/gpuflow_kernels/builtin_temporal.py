"""Row functions of dates, timestamps and durations: their parts, truncation, and arithmetic that needs its own bodies.

Dates are days, timestamps and durations ticks of their unit. Parts have the types that Polars gives them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from .builtin_casts import ticks_a_day
from .dtypes import BOOL, DATE, FLOAT64, INT8, INT16, INT32, INT64, UNITS, DType
from .rowmath import (
    day_of_days,
    days_of_months,
    float64,
    floor_div,
    floor_to,
    int64,
    iso_week_of_days,
    iso_year_of_days,
    month_of_days,
    months_of_days,
    mul_overflows,
    ordinal_of_days,
    trunc,
    trunc_div,
    weekday_of_days,
    year_of_days,
)
from .rules import Parameters, ScalarRule, Types
from .scalar import REQUIRED, Signature, scalar

_DATE_LOW, _DATE_HIGH = DATE.bounds


# -- arithmetic -------------------------------------------------------------------------------------------------------
def _date_and_duration(args: Types, params: Parameters | None = None) -> Signature | None:
    kinds = tuple(a.kind for a in args)
    return Signature(args, DATE, (86_400 * args[1].per_second,)) if kinds == ("date", "duration") else None


def _duration_and_date(args: Types, params: Parameters | None = None) -> Signature | None:
    kinds = tuple(a.kind for a in args)
    return Signature(args, DATE, (86_400 * args[0].per_second,)) if kinds == ("duration", "date") else None


def _date_plus_leaves(x: Any, y: Any, day: Any) -> Any:
    moved = x + floor_div(y, day)
    return (moved < _DATE_LOW) | (moved > _DATE_HIGH)


@scalar(name="add", dtype=_date_and_duration, overflow=_date_plus_leaves)
def _date_plus(x: Any, y: Any, day: Any) -> Any:
    return x + floor_div(y, day)


def _plus_date_leaves(x: Any, y: Any, day: Any) -> Any:
    moved = y + floor_div(x, day)
    return (moved < _DATE_LOW) | (moved > _DATE_HIGH)


@scalar(name="add", dtype=_duration_and_date, overflow=_plus_date_leaves)
def _plus_date(x: Any, y: Any, day: Any) -> Any:
    return y + floor_div(x, day)


def _date_minus_leaves(x: Any, y: Any, day: Any) -> Any:
    days = floor_div(y, day)
    moved = x - (days if days * day == y else days + 1)
    return (moved < _DATE_LOW) | (moved > _DATE_HIGH)


@scalar(name="sub", dtype=_date_and_duration, overflow=_date_minus_leaves)
def _date_minus(x: Any, y: Any, day: Any) -> Any:
    days = floor_div(y, day)
    return x - (days if days * day == y else days + 1)


def _scaled(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((args[0], FLOAT64), args[0]) if args[0].kind == "duration" and args[1].is_float else None


def _scales(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((FLOAT64, args[1]), args[1]) if args[1].kind == "duration" and args[0].is_float else None


def _product_leaves(x: Any, y: Any) -> Any:
    return not (abs(float64(x) * float64(y)) < 9223372036854775808.0)


@scalar(name="mul", dtype=_scaled, overflow=_product_leaves)
def _duration_times(x: Any, y: Any) -> Any:
    product = float64(x) * y
    return trunc(product) if abs(product) < 9223372036854775808.0 else float64(0.0)


@scalar(name="mul", dtype=_scales, overflow=_product_leaves)
def _times_duration(x: Any, y: Any) -> Any:
    product = x * float64(y)
    return trunc(product) if abs(product) < 9223372036854775808.0 else float64(0.0)


# -- parts of the day number ------------------------------------------------------------------------------------------
def _of_day(result: DType) -> ScalarRule:
    """A part of a date or timestamp; the body gets the ticks of a day."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature(args, result, (ticks_a_day(args[0]),)) if args[0].kind in ("date", "timestamp") else None

    return rule


def _part(name: str, dtype: ScalarRule) -> Callable[[Callable[..., Any]], Any]:
    return scalar(name=name, namespace="dt", dtype=dtype, arity=1)


@_part("year", _of_day(INT32))
def _year(x: Any, day: Any) -> Any:
    """The year."""
    return year_of_days(floor_div(x, day))


@_part("quarter", _of_day(INT8))
def _quarter(x: Any, day: Any) -> Any:
    """The quarter, 1 to 4."""
    return (month_of_days(floor_div(x, day)) + 2) // 3


@_part("month", _of_day(INT8))
def _month(x: Any, day: Any) -> Any:
    """The month, 1 to 12."""
    return month_of_days(floor_div(x, day))


@_part("week", _of_day(INT8))
def _week(x: Any, day: Any) -> Any:
    """The ISO week, 1 to 53."""
    return iso_week_of_days(floor_div(x, day))


@_part("iso_year", _of_day(INT32))
def _iso_year(x: Any, day: Any) -> Any:
    """The year that the ISO week belongs to."""
    return iso_year_of_days(floor_div(x, day))


@_part("weekday", _of_day(INT8))
def _weekday(x: Any, day: Any) -> Any:
    """The day of the week, Monday 1 to Sunday 7."""
    return weekday_of_days(floor_div(x, day))


@_part("day", _of_day(INT8))
def _day(x: Any, day: Any) -> Any:
    """The day of the month, 1 to 31."""
    return day_of_days(floor_div(x, day))


@_part("ordinal_day", _of_day(INT16))
def _ordinal_day(x: Any, day: Any) -> Any:
    """The day of the year, 1 to 366."""
    return ordinal_of_days(floor_div(x, day))


@_part("is_leap_year", _of_day(BOOL))
def _is_leap_year(x: Any, day: Any) -> Any:
    """Whether the year has 366 days."""
    year = year_of_days(floor_div(x, day))
    return (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))


@_part("days_in_month", _of_day(INT8))
def _days_in_month(x: Any, day: Any) -> Any:
    """Number of days of the month."""
    month = months_of_days(floor_div(x, day))
    return days_of_months(month + 1) - days_of_months(month)


def _dated(args: Types, params: Parameters | None = None) -> Signature | None:
    return _of_day(DATE)(args)


def _no_date(x: Any, day: Any) -> Any:
    days = floor_div(x, day)
    return (days < _DATE_LOW) | (days > _DATE_HIGH)


@scalar(name="date", namespace="dt", dtype=_dated, arity=1, overflow=_no_date)
def _date(x: Any, day: Any) -> Any:
    """The date of a timestamp."""
    return floor_div(x, day)


# -- parts of the time of day -----------------------------------------------------------------------------------------
def _of_time(result: DType, seconds: int, count: int) -> ScalarRule:
    """``x // (ticks of seconds) % count``; the body gets both numbers."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature(args, result, (seconds * args[0].per_second, count)) if args[0].kind == "timestamp" else None

    return rule


def _of_second(unit: str) -> ScalarRule:
    """The fraction of a second in `unit`; the body gets ticks in a second and the two sides of the scale."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if args[0].kind != "timestamp":
            return None
        own, wanted = args[0].per_second, UNITS[unit]
        return Signature(args, INT32, (own, max(wanted // own, 1), max(own // wanted, 1)))

    return rule


@_part("hour", _of_time(INT8, 3600, 24))
def _hour(x: Any, ticks: Any, count: Any) -> Any:
    """The hour, 0 to 23."""
    return floor_div(x, ticks) % count


@_part("minute", _of_time(INT8, 60, 60))
def _minute(x: Any, ticks: Any, count: Any) -> Any:
    """The minute, 0 to 59."""
    return floor_div(x, ticks) % count


@_part("second", _of_time(INT8, 1, 60))
def _second(x: Any, ticks: Any, count: Any) -> Any:
    """The second, 0 to 59."""
    return floor_div(x, ticks) % count


@_part("millisecond", _of_second("ms"))
def _millisecond(x: Any, second: Any, factor: Any, divisor: Any) -> Any:
    """The fraction of the second in milliseconds."""
    return x % second * factor // divisor


@_part("microsecond", _of_second("us"))
def _microsecond(x: Any, second: Any, factor: Any, divisor: Any) -> Any:
    """The fraction of the second in microseconds."""
    return x % second * factor // divisor


@_part("nanosecond", _of_second("ns"))
def _nanosecond(x: Any, second: Any, factor: Any, divisor: Any) -> Any:
    """The fraction of the second in nanoseconds."""
    return x % second * factor // divisor


# -- truncation -------------------------------------------------------------------------------------------------------
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_MONTHS = {"y": 12, "q": 3, "mo": 1}
_INTERVAL = re.compile(r"(?:(\d+)(mo|ms|us|ns|y|q|w|d|h|m|s))+")


def interval(every: Any) -> tuple[int, int]:
    """A length of time as (months, nanoseconds), one of them 0.

    Parameters
    ----------
    every : str or timedelta
        Numbers with the units ``ns us ms s m h d w mo q y``, as in ``"15m"`` or ``"1h30m"``.

    Examples
    --------
    >>> interval("1q"), interval("1h30m")
    ((3, 0), (0, 5400000000000))
    """
    if isinstance(every, dt.timedelta):
        return 0, every // dt.timedelta(microseconds=1) * 1000
    if not isinstance(every, str) or not _INTERVAL.fullmatch(every):
        raise ValueError(f"{every!r} is no interval; write a number and one of ns us ms s m h d w mo q y, as in '15m' or '1mo'")
    months = nanoseconds = 0
    for count, unit in re.findall(r"(\d+)(mo|ms|us|ns|y|q|w|d|h|m|s)", every):
        if unit in _MONTHS:
            months += int(count) * _MONTHS[unit]
        else:
            nanoseconds += int(count) * (_SECONDS[unit] * 10**9 if unit in _SECONDS else 10**9 // UNITS[unit])
    if months and nanoseconds:
        raise ValueError(f"interval {every!r} mixes months with days or times, whose lengths do not compare")
    if not 0 < months + nanoseconds < 1 << 62:
        raise ValueError(f"interval {every!r} is not above zero, or longer than any timestamp")
    return months, nanoseconds


def _steps(args: Types, params: Parameters | None = None) -> Signature | None:
    """Ticks of a step, and where one begins: the epoch, or the Monday after it for whole weeks."""
    if args[0].kind not in ("date", "timestamp"):
        return None
    every = (params or {}).get("every")
    months, nanoseconds = interval(every)
    if months:
        return None
    day = ticks_a_day(args[0])
    ticks, rest = divmod(nanoseconds * day, 86_400 * 10**9)
    if rest and ticks:
        raise ValueError(f"interval {every!r} is no whole number of ticks of {args[0]}; cast to a finer unit first")
    if ticks == 0 and args[0] == DATE:
        raise ValueError(f"a date has no parts as short as {every!r}; cast to a timestamp first")
    weekly = isinstance(every, str) and "w" in every
    return Signature(args, args[0], (max(ticks, 1), 4 * day if weekly else 0))


def _month_steps(args: Types, params: Parameters | None = None) -> Signature | None:
    if args[0].kind not in ("date", "timestamp"):
        return None
    months, _nanoseconds = interval((params or {}).get("every"))
    return Signature(args, args[0], (months, ticks_a_day(args[0]))) if months else None


def _step_leaves(x: Any, step: Any, origin: Any) -> Any:
    return floor_to(x - origin, step) + origin > x


def _month_step_leaves(x: Any, step: Any, day: Any) -> Any:
    return days_of_months(floor_to(months_of_days(floor_div(x, day)), step)) * day > x


@scalar(name="truncate", namespace="dt", dtype=_steps, arity=1, parameters={"every": REQUIRED}, overflow=_step_leaves)
def _truncate(x: Any, step: Any, origin: Any) -> Any:
    """The start of the interval of length `every` that the moment lies in, as in ``dt.truncate(every="15m")``.

    Intervals count from 1970-01-01, weeks from a Monday.
    """
    return floor_to(x - origin, step) + origin


@scalar(name="truncate", namespace="dt", dtype=_month_steps, arity=1, overflow=_month_step_leaves)
def _truncate_months(x: Any, step: Any, day: Any) -> Any:
    return days_of_months(floor_to(months_of_days(floor_div(x, day)), step)) * day


def _same_kind(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature(args, args[0], (ticks_a_day(args[0]),)) if args[0].kind in ("date", "timestamp") else None


@_part("month_start", _same_kind)
def _month_start(x: Any, day: Any) -> Any:
    """The first day of the month, at the same time of day."""
    days = floor_div(x, day)
    return x - (day_of_days(days) - 1) * day


@_part("month_end", _same_kind)
def _month_end(x: Any, day: Any) -> Any:
    """The last day of the month, at the same time of day."""
    days = floor_div(x, day)
    return x + (days_of_months(months_of_days(days) + 1) - 1 - days) * day


# -- durations --------------------------------------------------------------------------------------------------------
def _total(ticks: int, seconds: int, *, finer: bool) -> ScalarRule:
    """Whole lengths of ``seconds / ticks``; the body gets the factor (`finer`) or the divisor."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if args[0].kind != "duration":
            return None
        own, wanted = args[0].per_second * seconds, ticks
        if (wanted > own) is not finer:
            return None
        return Signature(args, INT64, (wanted // own if finer else own // wanted,))

    return rule


def _factor_leaves(x: Any, factor: Any) -> Any:
    return mul_overflows(x, int64(factor))


@_part("total_days", _total(1, 86_400, finer=False))
def _total_days(x: Any, divisor: Any) -> Any:
    """Whole days of a duration, rounded towards zero."""
    return trunc_div(x, divisor)


@_part("total_hours", _total(1, 3_600, finer=False))
def _total_hours(x: Any, divisor: Any) -> Any:
    """Whole hours of a duration, rounded towards zero."""
    return trunc_div(x, divisor)


@_part("total_minutes", _total(1, 60, finer=False))
def _total_minutes(x: Any, divisor: Any) -> Any:
    """Whole minutes of a duration, rounded towards zero."""
    return trunc_div(x, divisor)


@_part("total_seconds", _total(1, 1, finer=False))
def _total_seconds(x: Any, divisor: Any) -> Any:
    """Whole seconds of a duration, rounded towards zero."""
    return trunc_div(x, divisor)


@_part("total_milliseconds", _total(1_000, 1, finer=False))
def _total_milliseconds(x: Any, divisor: Any) -> Any:
    """Whole milliseconds of a duration, rounded towards zero."""
    return trunc_div(x, divisor)


@_part("total_microseconds", _total(1_000_000, 1, finer=False))
def _total_microseconds(x: Any, divisor: Any) -> Any:
    """Whole microseconds of a duration, rounded towards zero."""
    return trunc_div(x, divisor)


@_part("total_nanoseconds", _total(1_000_000_000, 1, finer=False))
def _total_nanoseconds(x: Any, divisor: Any) -> Any:
    """Nanoseconds of a duration."""
    return trunc_div(x, divisor)


def _finer_total(name: str, ticks: int) -> Callable[[Callable[..., Any]], Any]:
    return scalar(name=name, namespace="dt", dtype=_total(ticks, 1, finer=True), arity=1, overflow=_factor_leaves)


@_finer_total("total_milliseconds", 1_000)
@_finer_total("total_microseconds", 1_000_000)
@_finer_total("total_nanoseconds", 1_000_000_000)
def _total_finer(x: Any, factor: Any) -> Any:
    return x * factor
