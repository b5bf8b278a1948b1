"""Functions that make dates, timestamps and durations of numbers, whole columns or single values."""

from __future__ import annotations

import datetime as _datetime
from functools import reduce
from typing import Any

from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import DATE, INT64, UNITS, timestamp
from gpuflow_kernels.dtypes import duration as duration_type

from gpuflow.errors import PlanError, TypeMismatchError

from .expr import Expr
from .functions import lit
from .literals import NANOSECONDS, duration_literal
from .methods import as_node
from .nodes import Function, Literal


def date(year: Any, month: Any, day: Any) -> Expr:
    """Make a date of its parts: a literal of whole numbers, or for every row its own.

    Parameters
    ----------
    year, month, day : int, expression, or name of a column
        Null where one is null.

    Returns
    -------
    Expr

    Raises
    ------
    PlanError
        For a literal of a day that there is not. In rows that raises `CastError` when the query runs, as in Polars.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> days = gf.from_dict({"t": [dt.date(2024, 2, 29), None], "m": [1, 2]})
    >>> days.select(gf.col("t") < gf.date(2024, 3, 1), first=gf.date(2024, "m", 1)).collect().to_dict()
    {'t': [True, None], 'first': [datetime.date(2024, 1, 1), datetime.date(2024, 2, 1)]}
    """
    return _dated("date", _datetime.date, (year, month, day))


def datetime(
    year: Any,
    month: Any,
    day: Any,
    hour: Any = 0,
    minute: Any = 0,
    second: Any = 0,
    microsecond: Any = 0,
    *,
    time_unit: str = "us",
    time_zone: str | None = None,
    ambiguous: str = "raise",
) -> Expr:
    """Make a timestamp of its parts: a literal of whole numbers, or for every row its own.

    Parameters
    ----------
    year, month, day, hour, minute, second, microsecond : int, expression, or name of a column
        Null where one is null.
    time_unit : {"us", "s", "ms", "ns"}
        Unit of the result.
    time_zone : str, optional
        The zone of which the parts are local time.
    ambiguous : {"raise", "earliest", "latest", "null"}
        Which instant is meant in the hour that a zone's clock shows twice.

    Returns
    -------
    Expr

    Raises
    ------
    PlanError
        For a literal of a moment that there is not, or a unit of another name. In rows the former raises `CastError` when the
        query runs.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> times = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5), None], "h": [7, 8]})
    >>> times.select(gf.col("t") < gf.datetime(2024, 2, 29, 13), at=gf.datetime(2024, 2, 29, "h")).collect().to_dict()
    {'t': [False, None], 'at': [datetime.datetime(2024, 2, 29, 7, 0), datetime.datetime(2024, 2, 29, 8, 0)]}
    """
    if not is_one_of(time_unit, UNITS):
        raise PlanError(f"datetime: time_unit={time_unit!r} is not one of {', '.join(map(repr, UNITS))}")
    parts = (year, month, day, hour, minute, second, microsecond)
    moment = _dated("datetime", _datetime.datetime, parts, {"unit": time_unit})
    return moment if time_zone is None else moment.dt.replace_time_zone(time_zone, ambiguous=ambiguous).alias("datetime")


def _dated(name: str, make: Any, parts: tuple[Any, ...], params: dict[str, Any] | None = None) -> Expr:
    if any(isinstance(p, (Expr, str)) for p in parts) or (params or {}).get("unit", "us") != "us":
        chosen = tuple((k, v) for k, v in (params or {}).items() if v != SCALARS[name].parameters[k])
        return Expr(Function(name, tuple(as_node(p, names=True) for p in parts), chosen)).alias(name)
    try:
        return lit(make(*parts))
    except TypeError:
        raise TypeMismatchError(f"{name}() is made of whole numbers, columns and expressions, not of {parts}") from None
    except (ValueError, OverflowError) as e:
        raise PlanError(f"{name}{parts}: {e}") from None


def from_epoch(value: Any, unit: str = "s") -> Expr:
    """Read whole numbers as dates or timestamps: days, seconds, ... since 1970-01-01.

    Parameters
    ----------
    value : expression, or name of a column
        What is counted.
    unit : {"s", "d", "ms", "us", "ns"}
        What is counted. Days give dates, nanoseconds timestamps in nanoseconds, all others in microseconds; a number that
        these cannot hold raises. Null for null.

    Returns
    -------
    Expr

    Examples
    --------
    >>> from_epoch("t", "d")
    col("t").cast(date)
    >>> from gpuflow import col
    >>> from_epoch(col("t"), "ms")
    (col("t") * 1000).cast(timestamp[us])
    """
    expr = Expr(as_node(value, names=True))
    if is_one_of(unit, ("d",)):
        return expr.cast(DATE)
    if not is_one_of(unit, UNITS):
        raise PlanError(f"from_epoch: unit={unit!r} is not one of 'd', 's', 'ms', 'us', 'ns'")
    if unit == "ns":
        return expr.cast(timestamp("ns"))
    factor = UNITS["us"] // UNITS[unit]
    return (expr * factor if factor > 1 else expr).cast(timestamp("us"))


def duration(
    *,
    weeks: Any = 0,
    days: Any = 0,
    hours: Any = 0,
    minutes: Any = 0,
    seconds: Any = 0,
    milliseconds: Any = 0,
    microseconds: Any = 0,
    nanoseconds: Any = 0,
    unit: str | None = None,
    time_unit: str | None = None,
) -> Expr:
    """Make a duration of its parts: a literal of numbers, or for every row its own.

    Parameters
    ----------
    weeks, days, hours, minutes, seconds, milliseconds, microseconds, nanoseconds : number, expression, or name of a column
        Summed up. Null where one is null. What is no whole number of ticks raises in literals; in columns each part is
        rounded towards zero, as in Polars.
    unit, time_unit : {"us", "ms", "s", "ns"}, optional
        Microseconds by default, nanoseconds where there are nanoseconds. Both names mean the same.

    Returns
    -------
    Expr

    Examples
    --------
    >>> from gpuflow import col
    >>> col("t") + duration(hours=1)
    (col("t") + duration(3600000000 us))
    >>> import gpuflow as gf
    >>> gf.from_dict({"h": [1, 2]}).select(gf.duration(hours="h", minutes=30)).collect().to_dict()
    {'duration': [datetime.timedelta(seconds=5400), datetime.timedelta(seconds=9000)]}
    """
    unit = time_unit if unit is None else unit
    if unit is not None and not is_one_of(unit, UNITS):
        raise PlanError(f"duration: unit={unit!r:.60} is not one of {', '.join(map(repr, UNITS))}")
    parts = {"weeks": weeks, "days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
    parts |= {"milliseconds": milliseconds, "microseconds": microseconds, "nanoseconds": nanoseconds}
    kind = unit or ("us" if isinstance(nanoseconds, (int, float)) and not nanoseconds else "ns")
    columns = {n: Expr(as_node(p, names=True)) for n, p in parts.items() if isinstance(p, (Expr, str))}
    value, dtype = duration_literal(kind, **{n: p for n, p in parts.items() if n not in columns})
    literal = Expr(Literal(value, dtype, fixed=unit is not None or bool(columns)))
    if not columns:
        return literal
    ticks = (_ticks(column, name, kind) for name, column in columns.items())
    total = reduce(lambda a, b: a + b, ticks).cast(dtype)
    return (total if value == 0 else total + literal).alias("duration")


_FINE = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


def _ticks(column: Expr, name: str, unit: str) -> Expr:
    """A part of a duration as ticks of `unit`, from a column."""
    up, down = NANOSECONDS[name] * UNITS[unit], UNITS["ns"]
    if up % down:  # finer than the unit: a cast between durations drops what is no whole tick, and is exact beyond 2^53
        return column.cast(INT64).cast(duration_type(_FINE[name])).cast(duration_type(unit)).cast(INT64)
    return column * (up // down) if up != down else column
