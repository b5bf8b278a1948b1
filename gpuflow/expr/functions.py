"""The functions that expressions start from: `col`, `lit`, `len`, `when`, `coalesce` and their like."""

from __future__ import annotations

import datetime as _datetime
from functools import reduce
from typing import Any

from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.scalar import SCALARS

from gpuflow.errors import PlanError, TypeMismatchError

from .expr import Expr, When, all_of
from .literals import as_type, duration_literal, physical
from .methods import aggregated_node, as_node
from .nodes import Column, Columns, Function, Literal


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
    """Every column; the expression around stands once for each."""
    return Expr(Columns(None))


def lit(value: Any, dtype: DType | None = None) -> Expr:
    """A literal.

    Parameters
    ----------
    value : None, bool, int, float, str, date, datetime, timedelta or NumPy scalar
    dtype : DType, optional
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
    return Expr(Literal(as_type(value, dtype), dtype, fixed=True))


def len() -> Expr:
    """The number of rows, inside ``agg`` or ``select``."""
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
    """The first that is not null; a str is a column's name."""
    return _folded("coalesce", values)


def min_horizontal(*values: Any) -> Expr:
    """The least of several columns in each row, nulls left out; a str is a column's name."""
    return _folded("min_horizontal", values)


def max_horizontal(*values: Any) -> Expr:
    """The greatest of several columns in each row, nulls left out; a str is a column's name."""
    return _folded("max_horizontal", values)


def date(year: int, month: int, day: int) -> Expr:
    """A date literal."""
    return lit(_datetime.date(year, month, day))


def datetime(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> Expr:
    """A timestamp literal."""
    return lit(_datetime.datetime(year, month, day, hour, minute, second, microsecond))


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
