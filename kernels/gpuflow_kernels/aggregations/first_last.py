"""The built-in aggregations that go by the order of rows: each carries its value with the row's position."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.aggregate import INPUT, Slot, aggregation
from gpuflow_kernels.declare.type_rules import one_register, unchanged
from gpuflow_kernels.dtypes import BOOL, INT64


class _Placed:
    """A value, null or not, and where it stood."""

    @staticmethod
    def lift(x: Any, x_valid: Any, position: Any) -> Any:
        return x, x_valid, position

    @staticmethod
    def finalize(x: Any, x_valid: Any, place: Any) -> Any:
        return x, x_valid


class _PlacedValid:
    """A value that is not null, and where it stood."""

    @staticmethod
    def lift(x: Any, position: Any) -> Any:
        return x, position

    @staticmethod
    def finalize(x: Any, place: Any) -> Any:
        return x


@aggregation(
    name="first",
    dtype=unchanged(one_register),
    slots=(Slot(INPUT, 0), Slot(BOOL, False), Slot(INT64, 9223372036854775807)),
    nulls="lift",
    value_blind=True,
    variants={"ignore_nulls": "first_valid"},
)
class _First(_Placed):
    """Return the value of the first row, null where that is null unless `ignore_nulls`; null for no values.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [None, 5, 7]})
    >>> frame.select(a=gf.col("x").first(), b=gf.col("x").first(ignore_nulls=True)).collect().to_dict()
    {'a': [None], 'b': [5]}
    """

    @staticmethod
    def combine(x: Any, x_valid: Any, place: Any, y: Any, y_valid: Any, other_place: Any) -> Any:
        earlier = place <= other_place
        return x if earlier else y, x_valid if earlier else y_valid, place if earlier else other_place


@aggregation(
    name="last",
    dtype=unchanged(one_register),
    slots=(Slot(INPUT, 0), Slot(BOOL, False), Slot(INT64, -1)),
    nulls="lift",
    value_blind=True,
    variants={"ignore_nulls": "last_valid"},
)
class _Last(_Placed):
    """Return the value of the last row, null where that is null unless `ignore_nulls`; null for no values.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [5, 7, None]})
    >>> frame.select(a=gf.col("x").last(), b=gf.col("x").last(ignore_nulls=True)).collect().to_dict()
    {'a': [None], 'b': [7]}
    """

    @staticmethod
    def combine(x: Any, x_valid: Any, place: Any, y: Any, y_valid: Any, other_place: Any) -> Any:
        later = place >= other_place
        return x if later else y, x_valid if later else y_valid, place if later else other_place


@aggregation(
    name="first_valid",
    dtype=unchanged(one_register),
    slots=(Slot(INPUT, 0), Slot(INT64, 9223372036854775807)),
    value_blind=True,
)
class _FirstValid(_PlacedValid):
    """Return the first value that is not null; null for no values.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [None, 5, 7]}).select(gf.col("x").first_valid()).collect().to_dict()
    {'x': [5]}
    """

    @staticmethod
    def combine(x: Any, place: Any, y: Any, other_place: Any) -> Any:
        earlier = place <= other_place
        return x if earlier else y, place if earlier else other_place


@aggregation(name="last_valid", dtype=unchanged(one_register), slots=(Slot(INPUT, 0), Slot(INT64, -1)), value_blind=True)
class _LastValid(_PlacedValid):
    """Return the last value that is not null; null for no values.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5, 7, None]}).select(gf.col("x").last_valid()).collect().to_dict()
    {'x': [7]}
    """

    @staticmethod
    def combine(x: Any, place: Any, y: Any, other_place: Any) -> Any:
        later = place >= other_place
        return x if later else y, place if later else other_place
