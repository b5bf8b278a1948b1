"""The functions that expressions start from: `col`, `lit`, `len`, `when`, `coalesce` and their like."""

from __future__ import annotations

import builtins
import datetime as _datetime
import decimal as decimals
from collections.abc import Hashable
from functools import reduce
from typing import Any

from gpuflow_kernels.declare.choices import checked_flag
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.dtypes import STRING, decimal, enum, timestamp
from gpuflow_kernels.dtypes import duration as duration_type

from gpuflow.errors import PlanError, TypeMismatchError

from .expr import Expr, all_of
from .keyword_hints import keyword_hints
from .literals import as_type
from .methods import aggregated_node, as_node, column_node, pattern
from .nodes import Columns, Function, Kind, Literal
from .scalars import physical
from .types import column_type
from .when_then import When


def col(name: Any, *names: Any) -> Expr:
    """Stand for a column by name, or for several at once: the expression around stands once for each.

    Parameters
    ----------
    name, *names : str, type, or a list of them
        A name; a regular expression from ``^`` to ``$``, which takes every column whose name it is found in; ``"*"`` for all; or
        a type, which takes every column of it. `int` and `float` take those of any width, ``gf.Datetime``, ``gf.Duration``
        and ``gf.Decimal`` those of any unit, zone and digits.

    Returns
    -------
    Expr

    Raises
    ------
    PlanError
        For a name between ``^`` and ``$`` that is no regular expression.
    TypeMismatchError
        For what is neither a name nor a type.

    Notes
    -----
    Nothing is looked up yet: a name that a table lacks raises `ColumnNotFoundError` when the expression meets the table.

    Examples
    --------
    >>> col("x") + 1
    (col("x") + 1)
    >>> col("x", "y").sum()
    col("x", "y").sum()
    >>> import gpuflow as gf
    >>> trips = gf.from_dict({"dep_delay": [1, 2], "arr_delay": [3.5, 4.5], "id": [7, 8]})
    >>> trips.select(col("^.*_delay$").sum()).collect().to_dict()
    {'dep_delay': [3], 'arr_delay': [8.0]}
    >>> trips.select(col(int) * 10).columns
    ['dep_delay', 'id']
    """
    given: list[Any] = []
    for item in (name, *names):
        given += list(item) if isinstance(item, (list, tuple, set, frozenset)) else [item]
    if builtins.len(given) == 1 and isinstance(given[0], str):
        return Expr(column_node(given[0]))
    return Expr(Columns(tuple(map(_column_item, given))))


_KINDS = {
    int: Kind(("int", "uint"), "int"),
    float: Kind(("float",), "float"),
    timestamp: Kind(("timestamp",), "Datetime"),
    _datetime.datetime: Kind(("timestamp",), "Datetime"),
    duration_type: Kind(("duration",), "Duration"),
    _datetime.timedelta: Kind(("duration",), "Duration"),
    decimal: Kind(("decimal",), "Decimal"),
    decimals.Decimal: Kind(("decimal",), "Decimal"),
    enum: Kind(("enum",), "Enum"),
}
_POLARS = {"Datetime": timestamp, "Duration": duration_type, "Decimal": decimal, "Enum": enum}


def _column_item(item: Any) -> Any:
    """One of several columns to choose: a name or pattern, a type, or a kind of types."""
    if isinstance(item, str):
        return pattern(item) if item.startswith("^") and item.endswith("$") else item
    if isinstance(item, type) and item.__module__.startswith("polars."):
        item = _POLARS.get(item.__name__, item)
    if isinstance(item, Hashable) and item in _KINDS:
        return _KINDS[item]
    if item is None or isinstance(item, (int, float, Expr)):
        raise TypeMismatchError(f"col() takes column names and types, not {item!r}")
    return column_type(item, "col() takes column names and types")


def all() -> Expr:
    """Stand for every column, in ``group_by().agg()`` for every one that is no key.

    Returns
    -------
    Expr

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, None], "y": [2, 3]}).select(gf.all().sum()).collect().to_dict()
    {'x': [1], 'y': [5]}
    """
    return Expr(Columns(None))


def lit(value: Any, dtype: Any = None) -> Expr:
    """Make a literal.

    Parameters
    ----------
    value : None, bool, int, float, str, bytes, date, datetime, timedelta or NumPy scalar
        The value; an expression is returned as it is.
    dtype : DType, or what `Expr.cast` takes, optional
        Fixes its type; otherwise a Python value takes the type of the column it meets.

    Returns
    -------
    Expr

    Raises
    ------
    TypeMismatchError
        For a value of another class, or one that `dtype` does not hold.

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


def len(*, filter: Any = None) -> Expr:
    """Count the rows, inside ``agg`` or ``select``.

    Parameters
    ----------
    filter : expression, optional
        Count only rows for which this condition is true; null counts as false.

    Returns
    -------
    Expr

    Examples
    --------
    >>> import gpuflow as gf
    >>> trips = gf.from_dict({"k": ["a", "b", "a"], "x": [1, 2, None]})
    >>> trips.group_by("k", maintain_order=True).agg(rows=gf.len()).collect().to_dict()
    {'k': ['a', 'b'], 'rows': [2, 1]}
    >>> trips.select(rows=gf.len(filter=gf.col("x") > 1)).collect().to_dict()
    {'rows': [1]}
    """
    return Expr(aggregated_node("len", (), {"filter": filter}))


def when(*conditions: Any) -> When:
    """Choose between values: ``when(condition).then(value).otherwise(other)``; several conditions must all hold.

    Parameters
    ----------
    *conditions : expressions of bools, or names of such columns
        All must hold. Null counts as false.

    Returns
    -------
    When

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
    """Return the first value of each row that is not null; a str is a column's name.

    Parameters
    ----------
    *values : expressions, column names or literals
        Tried in order. Their types must have one that holds all.

    Returns
    -------
    Expr

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None, None], "y": [5, 6, None]})
    >>> frame.select(a=gf.coalesce("x", "y"), b=gf.coalesce("x", "y", 0)).collect().to_dict()
    {'a': [1, 6, None], 'b': [1, 6, 0]}
    """
    return _folded("coalesce", values)


@keyword_hints({"sep": "write separator=", "delimiter": "write separator=", "na_rep": "write .fill_null(...) on the columns"})
def concat_str(values: Any, *more: Any, separator: str = "", ignore_nulls: bool = False) -> Expr:
    """Join several values of each row as one string; a str is a column's name.

    Parameters
    ----------
    values, *more : expression, column name, literal, or a list of them
        What is no string is cast to one.
    separator : str
        Between each two values.
    ignore_nulls : bool
        Leave nulls out, with their separators. Otherwise the result is null where a value is.

    Returns
    -------
    Expr

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
    if checked_flag(ignore_nulls, "concat_str: ignore_nulls=", TypeMismatchError):
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
    """Return the least of several columns in each row, nulls left out; a str is a column's name.

    Parameters
    ----------
    *values : expressions, column names or literals
        Of types that have an order. A row of nulls alone gives null.

    Returns
    -------
    Expr

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None, None], "y": [5, 6, None]})
    >>> frame.select(a=gf.min_horizontal("x", "y")).collect().to_dict()
    {'a': [1, 6, None]}
    """
    return _folded("min_horizontal", values)


def max_horizontal(*values: Any) -> Expr:
    """Return the greatest of several columns in each row, nulls left out; a str is a column's name.

    Parameters
    ----------
    *values : expressions, column names or literals
        Of types that have an order. A row of nulls alone gives null.

    Returns
    -------
    Expr

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, None, None], "y": [5, 6, None]})
    >>> frame.select(a=gf.max_horizontal("x", "y")).collect().to_dict()
    {'a': [5, 6, None]}
    """
    return _folded("max_horizontal", values)
