"""Arithmetic of dates and durations that needs bodies of its own, and durations as numbers.

Dates are days, timestamps and durations ticks of their unit (`functions.arithmetic` has what shares the bodies of int64).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import DATE, FLOAT64, INT64
from gpuflow_kernels.rowmath import float64, floor_div, int64, mul_overflows, trunc, trunc_div

_DATE_LOW, _DATE_HIGH = DATE.bounds


# -- arithmetic -------------------------------------------------------------------------------------------------------
def _date_and_duration(args: Types, params: Parameters | None = None) -> Signature | None:
    kinds = tuple(a.kind for a in args)
    return Signature(args, DATE, (86_400 * args[1].per_second,)) if kinds == ("date", "duration") else None


def _duration_and_date(args: Types, params: Parameters | None = None) -> Signature | None:
    kinds = tuple(a.kind for a in args)
    return Signature(args, DATE, (86_400 * args[0].per_second,)) if kinds == ("duration", "date") else None


def _date_plus_overflows(x: Any, y: Any, day: Any) -> Any:
    moved = x + floor_div(y, day)
    return (moved < _DATE_LOW) | (moved > _DATE_HIGH)


@scalar(name="add", dtype=_date_and_duration, overflow=_date_plus_overflows)
def _date_plus(x: Any, y: Any, day: Any) -> Any:
    return x + floor_div(y, day)


def _plus_date_overflows(x: Any, y: Any, day: Any) -> Any:
    moved = y + floor_div(x, day)
    return (moved < _DATE_LOW) | (moved > _DATE_HIGH)


@scalar(name="add", dtype=_duration_and_date, overflow=_plus_date_overflows)
def _plus_date(x: Any, y: Any, day: Any) -> Any:
    return y + floor_div(x, day)


def _date_minus_overflows(x: Any, y: Any, day: Any) -> Any:
    days = floor_div(y, day)
    moved = x - (days if days * day == y else days + 1)
    return (moved < _DATE_LOW) | (moved > _DATE_HIGH)


@scalar(name="sub", dtype=_date_and_duration, overflow=_date_minus_overflows)
def _date_minus(x: Any, y: Any, day: Any) -> Any:
    days = floor_div(y, day)
    return x - (days if days * day == y else days + 1)


def _scaled(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((args[0], FLOAT64), args[0]) if args[0].kind == "duration" and args[1].is_float else None


def _scales(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((FLOAT64, args[1]), args[1]) if args[1].kind == "duration" and args[0].is_float else None


def _product_overflows(x: Any, y: Any) -> Any:
    return not (abs(float64(x) * float64(y)) < 9223372036854775808.0)


@scalar(name="mul", dtype=_scaled, overflow=_product_overflows)
def _duration_times(x: Any, y: Any) -> Any:
    product = float64(x) * y
    return trunc(product) if abs(product) < 9223372036854775808.0 else float64(0.0)


@scalar(name="mul", dtype=_scales, overflow=_product_overflows)
def _times_duration(x: Any, y: Any) -> Any:
    product = x * float64(y)
    return trunc(product) if abs(product) < 9223372036854775808.0 else float64(0.0)


# -- durations --------------------------------------------------------------------------------------------------------
def _total(ticks: int, seconds: int, *, finer: bool) -> ScalarRule:
    """Whole lengths of ``seconds / ticks``; the body gets the factor (`finer`) or the divisor."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if args[0].kind != "duration":
            return None
        own, per_length = args[0].per_second * seconds, ticks
        if (per_length > own) is not finer:
            return None
        return Signature(args, INT64, (per_length // own if finer else own // per_length,))

    return rule


def _part(name: str, dtype: ScalarRule) -> Callable[[Callable[..., Any]], Any]:
    return scalar(name=name, namespace="dt", dtype=dtype, arity=1)


def _factor_overflows(x: Any, factor: Any) -> Any:
    return mul_overflows(x, int64(factor))


@_part("total_days", _total(1, 86_400, finer=False))
def _total_days(x: Any, divisor: Any) -> Any:
    """Return the whole days of a duration, rounded towards zero.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(days=1, hours=12), dt.timedelta(hours=-36), None]})
    >>> frame.select(gf.col("t").dt.total_days()).collect().to_dict()
    {'t': [1, -1, None]}
    """
    return trunc_div(x, divisor)


@_part("total_hours", _total(1, 3_600, finer=False))
def _total_hours(x: Any, divisor: Any) -> Any:
    """Return the whole hours of a duration, rounded towards zero.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(days=1, hours=12), dt.timedelta(hours=-36), None]})
    >>> frame.select(gf.col("t").dt.total_hours()).collect().to_dict()
    {'t': [36, -36, None]}
    """
    return trunc_div(x, divisor)


@_part("total_minutes", _total(1, 60, finer=False))
def _total_minutes(x: Any, divisor: Any) -> Any:
    """Return the whole minutes of a duration, rounded towards zero.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(days=1, hours=12), dt.timedelta(hours=-36), None]})
    >>> frame.select(gf.col("t").dt.total_minutes()).collect().to_dict()
    {'t': [2160, -2160, None]}
    """
    return trunc_div(x, divisor)


@_part("total_seconds", _total(1, 1, finer=False))
def _total_seconds(x: Any, divisor: Any) -> Any:
    """Return the whole seconds of a duration, rounded towards zero.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(days=1, hours=12), dt.timedelta(hours=-36), None]})
    >>> frame.select(gf.col("t").dt.total_seconds()).collect().to_dict()
    {'t': [129600, -129600, None]}
    """
    return trunc_div(x, divisor)


@_part("total_milliseconds", _total(1_000, 1, finer=False))
def _total_milliseconds(x: Any, divisor: Any) -> Any:
    """Return the whole milliseconds of a duration, rounded towards zero.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(seconds=1, microseconds=5), None]})
    >>> frame.select(gf.col("t").dt.total_milliseconds()).collect().to_dict()
    {'t': [1000, None]}
    """
    return trunc_div(x, divisor)


@_part("total_microseconds", _total(1_000_000, 1, finer=False))
def _total_microseconds(x: Any, divisor: Any) -> Any:
    """Return the whole microseconds of a duration, rounded towards zero.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(seconds=1, microseconds=5), None]})
    >>> frame.select(gf.col("t").dt.total_microseconds()).collect().to_dict()
    {'t': [1000005, None]}
    """
    return trunc_div(x, divisor)


@_part("total_nanoseconds", _total(1_000_000_000, 1, finer=False))
def _total_nanoseconds(x: Any, divisor: Any) -> Any:
    """Return the nanoseconds of a duration.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> frame = gf.from_dict({"t": [dt.timedelta(seconds=1, microseconds=5), None]})
    >>> frame.select(gf.col("t").dt.total_nanoseconds()).collect().to_dict()
    {'t': [1000005000, None]}
    """
    return trunc_div(x, divisor)


def _finer_total(name: str, ticks: int) -> Callable[[Callable[..., Any]], Any]:
    return scalar(name=name, namespace="dt", dtype=_total(ticks, 1, finer=True), arity=1, overflow=_factor_overflows)


@_finer_total("total_milliseconds", 1_000)
@_finer_total("total_microseconds", 1_000_000)
@_finer_total("total_nanoseconds", 1_000_000_000)
def _total_finer(x: Any, factor: Any) -> Any:
    return x * factor
