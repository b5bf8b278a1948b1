"""The functions that expressions start from: `col`, `lit`, `len`, `when`, `coalesce` and their like."""

from __future__ import annotations

import builtins
import datetime as _datetime
from functools import reduce
from typing import Any

from gpuflow_kernels.dtypes import DATE, STRING, UNITS, timestamp
from gpuflow_kernels.scalar import SCALARS

from gpuflow.errors import PlanError, TypeMismatchError

from .expr import Expr, When, all_of
from .literals import as_type, duration_literal
from .methods import aggregated_node, as_node
from .nodes import Column, Columns, Function, Literal
from .scalars import physical
from .types import column_type


def col(name: str, *names: str) -> Expr:
    """A column by name, or several at once: the expression around stands once for each.

    Examples
    --------
    >>> col("x") + 1
    (col("x") + 1)
    >>> col("x", "y").sum()
    col("x", "y").sum()
    """
    found = (name, *names)
    for n in found:
        if not isinstance(n, str):
            raise TypeMismatchError(f"col() takes column names, not {n!r}")
    return Expr(Column(name) if not names else Columns(found))


def all() -> Expr:
    """Every column, in ``group_by().agg()`` every one that is no key; the expression around stands once for each.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, None], "y": [2, 3]}).select(gf.all().sum()).collect().to_dict()
    {'x': [1], 'y': [5]}
    """
    return Expr(Columns(None))


def lit(value: Any, dtype: Any = None) -> Expr:
    """A literal.

    Parameters
    ----------
    value : None, bool, int, float, str, bytes, date, datetime, timedelta or NumPy scalar
    dtype : DType, or what `Expr.cast` takes, optional
        Fixes its type; otherwise a Python value takes the type of the column it meets.

    Examples
    --------
    >>> lit(5) + 1
    (5 + 1)
    """
    if isinstance(value, Expr):
        return value if dtype is None else value.cast(dtype)
    if dtype is None:
        return Expr(Literal(*physical(value)))
    to = column_type(dtype, "lit()")
    return Expr(Literal(as_type(value, to), to, fixed=True))


def len() -> Expr:
    """The number of rows, inside ``agg`` or ``select``.

    Examples
    --------
    >>> import gpuflow as gf
    >>> trips = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
    >>> trips.group_by("k", maintain_order=True).agg(rows=gf.len()).collect().to_dict()
    {'k': ['a', 'b'], 'rows': [2, 1]}
    """
    return Expr(aggregated_node("len", ()))


def when(*conditions: Any) -> When:
    """Choose between values: ``when(condition).then(value).otherwise(other)``; several conditions must all hold.

    Examples
    --------
    >>> when(col("x") > 0).then(1).when(col("x") < 0).then(-1).otherwise(0)
    when((col("x") > 0)).then(1).when((col("x") < 0)).then(-1).otherwise(0)
    """
    return When((), all_of(conditions))


def _folded(name: str, values: tuple[Any, ...]) -> Expr:
    if not values:
        raise PlanError(f"{name}() needs at least one column")
    nodes = [as_node(v, names=True) for v in values]
    if SCALARS[name].variadic:
        return Expr(Function(name, tuple(nodes)))
    return Expr(reduce(lambda a, b: Function(name, (a, b)), nodes))


def coalesce(*values: Any) -> Expr:
    """The first that is not null; a str is a column's name.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None, None], "y": [5, 6, None]})
    >>> frame.select(a=gf.coalesce("x", "y"), b=gf.coalesce("x", "y", 0)).collect().to_dict()
    {'a': [1, 6, None], 'b': [1, 6, 0]}
    """
    return _folded("coalesce", values)


def concat_str(values: Any, *more: Any, separator: str = "", ignore_nulls: bool = False) -> Expr:
    """Several values of each row as one string; a str is a column's name.

    Parameters
    ----------
    values, *more : expression, column name, literal, or a list of them
        What is no string is cast to one.
    separator : str
        Between each two values.
    ignore_nulls : bool
        Leave nulls out, with their separators. Otherwise the result is null where a value is.

    Examples
    --------
    >>> import gpuflow as gf, pyarrow as pa
    >>> flights = gf.from_any(pa.table({"carrier": ["UA", None], "flight": [1545, 7]}))
    >>> flights.select(a=concat_str("carrier", "flight", separator="-")).collect().to_dict()
    {'a': ['UA-1545', None]}
    >>> flights.select(a=concat_str("carrier", "flight", separator="-", ignore_nulls=True)).collect().to_dict()
    {'a': ['UA-1545', '7']}
    """
    nodes = [as_node(v, names=True) for v in (*(values if isinstance(values, (list, tuple)) else (values,)), *more)]
    if not nodes:
        raise PlanError("concat_str() needs at least one column")
    if not isinstance(separator, str):
        raise TypeMismatchError(f"concat_str() takes a string as separator, not {separator!r}")
    between = as_node(separator)
    if ignore_nulls:
        result, any_before = Expr(nodes[0]).cast(STRING).fill_null(""), Expr(nodes[0]).is_not_null()
        for node in nodes[1:]:
            here = Expr(node).is_not_null()
            result = (
                result + when(any_before & here).then(Expr(between)).otherwise(lit("")) + Expr(node).cast(STRING).fill_null("")
            )
            any_before = any_before | here
        return result
    if builtins.len(nodes) == 1:
        return Expr(nodes[0]).cast(STRING)
    return Expr(reduce(lambda a, b: Function("concat_str", (a, between, b)), nodes))


def min_horizontal(*values: Any) -> Expr:
    """The least of several columns in each row, nulls left out; a str is a column's name.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None, None], "y": [5, 6, None]})
    >>> frame.select(a=gf.min_horizontal("x", "y")).collect().to_dict()
    {'a': [1, 6, None]}
    """
    return _folded("min_horizontal", values)


def max_horizontal(*values: Any) -> Expr:
    """The greatest of several columns in each row, nulls left out; a str is a column's name.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None, None], "y": [5, 6, None]})
    >>> frame.select(a=gf.max_horizontal("x", "y")).collect().to_dict()
    {'a': [5, 6, None]}
    """
    return _folded("max_horizontal", values)


def date(year: int, month: int, day: int) -> Expr:
    """A date literal.

    Raises
    ------
    TypeMismatchError
        For parts that are no whole numbers, such as expressions.
    PlanError
        For a date that there is not.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> days = gf.from_dict({"t": [dt.date(2024, 2, 29), None]})
    >>> days.select(gf.col("t") < gf.date(2024, 3, 1)).collect().to_dict()
    {'t': [True, None]}
    """
    return _dated("date", _datetime.date, year, month, day)


def datetime(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> Expr:
    """A timestamp literal; raises as `date` does.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> times = gf.from_dict({"t": [dt.datetime(2024, 2, 29, 13, 5), None]})
    >>> times.select(gf.col("t") < gf.datetime(2024, 2, 29, 13)).collect().to_dict()
    {'t': [False, None]}
    """
    return _dated("datetime", _datetime.datetime, year, month, day, hour, minute, second, microsecond)


def _dated(name: str, make: Any, *parts: Any) -> Expr:
    try:
        return lit(make(*parts))
    except TypeError:
        raise TypeMismatchError(f"{name}() makes a literal of whole numbers, not of {parts}") from None
    except (ValueError, OverflowError) as e:
        raise PlanError(f"{name}{parts}: {e}") from None


def from_epoch(value: Any, unit: str = "s") -> Expr:
    """Whole numbers as dates or timestamps: days, seconds, ... since 1970-01-01.

    Parameters
    ----------
    value : expression, or name of a column
    unit : {"s", "d", "ms", "us", "ns"}
        What is counted. Days give dates, nanoseconds timestamps in nanoseconds, all others in microseconds; a number that
        these cannot hold raises. Null for null.

    Examples
    --------
    >>> from_epoch("t", "d")
    col("t").cast(date)
    >>> from_epoch(col("t"), "ms")
    (col("t") * 1000).cast(timestamp[us])
    """
    expr = Expr(as_node(value, names=True))
    if unit == "d":
        return expr.cast(DATE)
    if unit not in UNITS:
        raise PlanError(f"from_epoch: unit={unit!r} is not one of 'd', 's', 'ms', 'us', 'ns'")
    if unit == "ns":
        return expr.cast(timestamp("ns"))
    factor = UNITS["us"] // UNITS[unit]
    return (expr * factor if factor > 1 else expr).cast(timestamp("us"))


def duration(
    *,
    weeks: float = 0,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
    milliseconds: float = 0,
    microseconds: float = 0,
    nanoseconds: float = 0,
    unit: str | None = None,
) -> Expr:
    """A duration literal; in microseconds unless `unit` is given.

    Examples
    --------
    >>> col("t") + duration(hours=1)
    (col("t") + duration(3600000000 us))
    """
    value, dtype = duration_literal(
        unit or ("ns" if nanoseconds else "us"),
        weeks=weeks,
        days=days,
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        milliseconds=milliseconds,
        microseconds=microseconds,
        nanoseconds=nanoseconds,
    )
    return Expr(Literal(value, dtype, fixed=unit is not None))
