"""Parts of dates and timestamps: year, month, hour, and what else a calendar and a clock show.

Dates are days, timestamps ticks of their unit. Parts of a timestamp with a zone are those of its local time. They have the
types that Polars gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import BOOL, DATE, INT8, INT16, INT32, UNITS, DType
from gpuflow_kernels.functions.casts.numbers import ticks_a_day
from gpuflow_kernels.rowmath import (
    day_of_days,
    days_of_months,
    floor_div,
    iso_week_of_days,
    iso_year_of_days,
    month_of_days,
    months_of_days,
    ordinal_of_days,
    weekday_of_days,
    year_of_days,
)

from .time_zones import in_local_time

_DATE_LOW, _DATE_HIGH = DATE.bounds


# -- parts of the day number ------------------------------------------------------------------------------------------
def _of_day(result: DType) -> ScalarRule:
    """A part of a date or timestamp; the body gets the ticks of a day."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return in_local_time(args[0], result, ticks_a_day(args[0])) if args[0].kind in ("date", "timestamp") else None

    return rule


def _part(name: str, dtype: ScalarRule) -> Callable[[Callable[..., Any]], Any]:
    return scalar(name=name, namespace="dt", dtype=dtype, arity=1)


@_part("year", _of_day(INT32))
def _year(x: Any, day: Any) -> Any:
    """Return the year.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.year()).collect().to_dict()
    {'t': [2024, None]}
    """
    return year_of_days(floor_div(x, day))


@_part("quarter", _of_day(INT8))
def _quarter(x: Any, day: Any) -> Any:
    """Return the quarter, 1 to 4.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.quarter()).collect().to_dict()
    {'t': [1, None]}
    """
    return (month_of_days(floor_div(x, day)) + 2) // 3


@_part("month", _of_day(INT8))
def _month(x: Any, day: Any) -> Any:
    """Return the month, 1 to 12.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.month()).collect().to_dict()
    {'t': [2, None]}
    """
    return month_of_days(floor_div(x, day))


@_part("week", _of_day(INT8))
def _week(x: Any, day: Any) -> Any:
    """Return the ISO week, 1 to 53.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 12, 31), None]}).select(gf.col("t").dt.week()).collect().to_dict()
    {'t': [1, None]}
    """
    return iso_week_of_days(floor_div(x, day))


@_part("iso_year", _of_day(INT32))
def _iso_year(x: Any, day: Any) -> Any:
    """Return the year that the ISO week belongs to.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 12, 31), None]}).select(gf.col("t").dt.iso_year()).collect().to_dict()
    {'t': [2025, None]}
    """
    return iso_year_of_days(floor_div(x, day))


@_part("weekday", _of_day(INT8))
def _weekday(x: Any, day: Any) -> Any:
    """Return the day of the week, Monday 1 to Sunday 7.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.weekday()).collect().to_dict()
    {'t': [4, None]}
    """
    return weekday_of_days(floor_div(x, day))


@_part("day", _of_day(INT8))
def _day(x: Any, day: Any) -> Any:
    """Return the day of the month, 1 to 31.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.day()).collect().to_dict()
    {'t': [29, None]}
    """
    return day_of_days(floor_div(x, day))


@_part("century", _of_day(INT32))
def _century(x: Any, day: Any) -> Any:
    """Return the century: 20 for the year 2000, 21 for 2001.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.date(2000, 1, 1), dt.date(2001, 1, 1), None]})
    >>> frame.select(gf.col("t").dt.century()).collect().to_dict()
    {'t': [20, 21, None]}
    """
    return (year_of_days(floor_div(x, day)) + 99) // 100


@_part("millennium", _of_day(INT32))
def _millennium(x: Any, day: Any) -> Any:
    """Return the millennium: 2 for the year 2000, 3 for 2001.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.date(2000, 1, 1), dt.date(2001, 1, 1), None]})
    >>> frame.select(gf.col("t").dt.millennium()).collect().to_dict()
    {'t': [2, 3, None]}
    """
    return (year_of_days(floor_div(x, day)) + 999) // 1000


@_part("ordinal_day", _of_day(INT16))
def _ordinal_day(x: Any, day: Any) -> Any:
    """Return the day of the year, 1 to 366.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.ordinal_day()).collect().to_dict()
    {'t': [60, None]}
    """
    return ordinal_of_days(floor_div(x, day))


@_part("is_leap_year", _of_day(BOOL))
def _is_leap_year(x: Any, day: Any) -> Any:
    """Return whether the year has 366 days.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.is_leap_year()).collect().to_dict()
    {'t': [True, None]}
    """
    year = year_of_days(floor_div(x, day))
    return (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))


@_part("days_in_month", _of_day(INT8))
def _days_in_month(x: Any, day: Any) -> Any:
    """Return the number of days of the month.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> gf.from_dict({"t": [dt.date(2024, 2, 29), None]}).select(gf.col("t").dt.days_in_month()).collect().to_dict()
    {'t': [29, None]}
    """
    month = months_of_days(floor_div(x, day))
    return days_of_months(month + 1) - days_of_months(month)


def _no_date(x: Any, day: Any) -> Any:
    days = floor_div(x, day)
    return (days < _DATE_LOW) | (days > _DATE_HIGH)


@scalar(name="date", namespace="dt", dtype=_of_day(DATE), arity=1, overflow=_no_date, traits=Traits(parses=True))
def _date(x: Any, day: Any) -> Any:
    """Return the date of a timestamp, where one with a zone is: in local time.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> times = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 23, 30, tzinfo=dt.UTC), None]})
    >>> times.select(gf.col("t").dt.convert_time_zone("Europe/Berlin").dt.date()).collect().to_dict()
    {'t': [datetime.date(2024, 3, 1), None]}
    """
    return floor_div(x, day)


# -- parts of the time of day -----------------------------------------------------------------------------------------
def _of_time(result: DType, seconds: int, count: int) -> ScalarRule:
    """``x // (ticks of seconds) % count``; the body gets both numbers."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return in_local_time(args[0], result, seconds * args[0].per_second, count) if args[0].kind == "timestamp" else None

    return rule


def _of_second(unit: str) -> ScalarRule:
    """The fraction of a second in `unit`; the body gets ticks in a second and the two sides of the scale."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if args[0].kind != "timestamp":
            return None
        own, target = args[0].per_second, UNITS[unit]
        return in_local_time(args[0], INT32, own, max(target // own, 1), max(own // target, 1))

    return rule


@_part("hour", _of_time(INT8, 3600, 24))
def _hour(x: Any, ticks: Any, count: Any) -> Any:
    """Return the hour, 0 to 23.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5, 9), None]})
    >>> frame.select(gf.col("t").dt.hour()).collect().to_dict()
    {'t': [13, None]}
    """
    return floor_div(x, ticks) % count


@_part("minute", _of_time(INT8, 60, 60))
def _minute(x: Any, ticks: Any, count: Any) -> Any:
    """Return the minute, 0 to 59.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5, 9), None]})
    >>> frame.select(gf.col("t").dt.minute()).collect().to_dict()
    {'t': [5, None]}
    """
    return floor_div(x, ticks) % count


@_part("second", _of_time(INT8, 1, 60))
def _second(x: Any, ticks: Any, count: Any) -> Any:
    """Return the second, 0 to 59.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5, 9), None]})
    >>> frame.select(gf.col("t").dt.second()).collect().to_dict()
    {'t': [9, None]}
    """
    return floor_div(x, ticks) % count


@_part("millisecond", _of_second("ms"))
def _millisecond(x: Any, second: Any, factor: Any, divisor: Any) -> Any:
    """Return the fraction of the second in milliseconds.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5, 9, 123456), None]})
    >>> frame.select(gf.col("t").dt.millisecond()).collect().to_dict()
    {'t': [123, None]}
    """
    return x % second * factor // divisor


@_part("microsecond", _of_second("us"))
def _microsecond(x: Any, second: Any, factor: Any, divisor: Any) -> Any:
    """Return the fraction of the second in microseconds.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5, 9, 123456), None]})
    >>> frame.select(gf.col("t").dt.microsecond()).collect().to_dict()
    {'t': [123456, None]}
    """
    return x % second * factor // divisor


@_part("nanosecond", _of_second("ns"))
def _nanosecond(x: Any, second: Any, factor: Any, divisor: Any) -> Any:
    """Return the fraction of the second in nanoseconds.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5, 9, 123456), None]})
    >>> frame.select(gf.col("t").dt.nanosecond()).collect().to_dict()
    {'t': [123456000, None]}
    """
    return x % second * factor // divisor
