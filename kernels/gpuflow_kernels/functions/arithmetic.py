"""Row functions on numbers: the arithmetic operators, and the bitwise ones of integers.

Integers compute in int64, or in uint64 where all are unsigned and one is 64 bits wide; leaving that type raises.
Durations and timestamps share the bodies of int64 (`functions.temporal` has what needs bodies of its own).
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.type_rules import (
    Parameters,
    Types,
    always,
    exactly,
    first_of,
    floating,
    integer,
    kind,
    meeting_type,
    one_of,
    promote,
    real,
    unchanged,
)
from gpuflow_kernels.dtypes import FLOAT32, FLOAT64, INT64, UINT64, DType, duration, finer, timestamp
from gpuflow_kernels.rowmath import (
    add_overflows,
    copysign,
    float32_mod,
    float64,
    float_mod,
    float_pow,
    floor,
    floor_div,
    floor_mod,
    int_pow,
    mul_overflows,
    pow_overflows,
    sub_overflows,
    uadd_overflows,
    udiv,
    uint64,
    umod,
    upow,
    upow_overflows,
    usub_overflows,
)

_int64, _uint64, _float = promote(one_of(INT64)), promote(one_of(UINT64)), promote(floating)
_as_int64 = always(INT64, integer, argument=INT64)
_duration = kind("duration")


def _unit(*args: DType) -> str:
    """The finest unit among timestamps and durations; microseconds when there is none."""
    units = [a.unit for a in args if a.unit]
    finest = units[0] if units else "us"
    for unit in units[1:]:
        finest = finer(finest, unit)
    return finest


def _moved(args: Types, params: Parameters | None = None) -> Signature | None:
    """Duration and duration, timestamp and duration, in the finer unit."""
    kinds = tuple(a.kind for a in args)
    unit = _unit(*args)
    if kinds == ("duration", "duration"):
        return Signature((duration(unit), duration(unit)), duration(unit))
    if kinds == ("timestamp", "duration"):
        return Signature((timestamp(unit, args[0].zone), duration(unit)), timestamp(unit, args[0].zone))
    return None


def _moved_back(args: Types, params: Parameters | None = None) -> Signature | None:
    """Duration and timestamp."""
    if tuple(a.kind for a in args) != ("duration", "timestamp"):
        return None
    unit = _unit(*args)
    return Signature((duration(unit), timestamp(unit, args[1].zone)), timestamp(unit, args[1].zone))


def _apart(args: Types, params: Parameters | None = None) -> Signature | None:
    """Dates and timestamps, a duration apart."""
    if not all(a.kind in ("date", "timestamp") for a in args) or (args[0].zone is None) != (args[1].zone is None):
        return None
    unit = _unit(*args)
    return Signature((timestamp(unit, args[0].zone), timestamp(unit, args[1].zone)), duration(unit))


def _stretched(args: Types, params: Parameters | None = None) -> Signature | None:
    """Duration times integer, in either order."""
    if [a.kind for a in args].count("duration") != 1 or not all(_duration(a) or a.is_integer for a in args):
        return None
    types = tuple(a if _duration(a) else INT64 for a in args)
    return Signature(types, next(a for a in args if _duration(a)))


# -- plus -------------------------------------------------------------------------------------------------------------
def _add_overflows(x: Any, y: Any) -> Any:
    return add_overflows(x, y)


def _uadd_overflows(x: Any, y: Any) -> Any:
    return uadd_overflows(x, y)


@scalar(name="add", operator="+", dtype=first_of(_int64, _moved, _moved_back), overflow=_add_overflows, interval="sum")
def _add(x: Any, y: Any) -> Any:
    """Add both. Integers raise where the result leaves 64 bits.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, None], "y": [0.5, 2.0]}).select(gf.col("x") + gf.col("y")).collect().to_dict()
    {'x': [1.5, None]}
    """
    return x + y


@scalar(name="add", dtype=_uint64, overflow=_uadd_overflows, interval="sum")
def _add_unsigned(x: Any, y: Any) -> Any:
    return x + y


@scalar(name="add", dtype=_float)
def _add_floats(x: Any, y: Any) -> Any:
    return x + y


# -- minus ------------------------------------------------------------------------------------------------------------
def _sub_overflows(x: Any, y: Any) -> Any:
    return sub_overflows(x, y)


def _usub_overflows(x: Any, y: Any) -> Any:
    return usub_overflows(x, y)


@scalar(name="sub", operator="-", dtype=first_of(_int64, _moved, _apart), overflow=_sub_overflows, interval="difference")
def _sub(x: Any, y: Any) -> Any:
    """Subtract the second from the first.

    Integers raise where the result leaves 64 bits; two dates or timestamps give a duration.

    Examples
    --------
    >>> import datetime as dt, gpuflow as gf
    >>> days = gf.from_dict({"x": [dt.date(2024, 3, 1), None]})
    >>> days.select(since=gf.col("x") - gf.date(2024, 2, 1)).collect().to_dict()
    {'since': [datetime.timedelta(days=29), None]}
    """
    return x - y


@scalar(name="sub", dtype=_uint64, overflow=_usub_overflows, interval="difference")
def _sub_unsigned(x: Any, y: Any) -> Any:
    return x - y


@scalar(name="sub", dtype=_float)
def _sub_floats(x: Any, y: Any) -> Any:
    return x - y


# -- times ------------------------------------------------------------------------------------------------------------
def _mul_overflows(x: Any, y: Any) -> Any:
    return mul_overflows(x, y)


@scalar(name="mul", operator="*", dtype=first_of(_int64, _uint64, _stretched), overflow=_mul_overflows, interval="product")
def _mul(x: Any, y: Any) -> Any:
    """Multiply both. Integers raise where the result leaves 64 bits.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [2, None], "y": [3, 4]}).select(gf.col("x") * gf.col("y")).collect().to_dict()
    {'x': [6, None]}
    """
    return x * y


@scalar(name="mul", dtype=_float)
def _mul_floats(x: Any, y: Any) -> Any:
    return x * y


# -- divided by -------------------------------------------------------------------------------------------------------
@scalar(name="truediv", operator="/", dtype=real)
def _truediv(x: Any, y: Any) -> Any:
    """Divide in floating point; inf or nan by zero.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [7, 0, None]}).select(a=gf.col("x") / 2, b=1 / gf.col("x")).collect().to_dict()
    {'a': [3.5, 0.0, None], 'b': [0.14285714285714285, inf, None]}
    """
    return x / y


def _ratio(args: Types, params: Parameters | None = None) -> Signature | None:
    meeting = meeting_type(args) if all(_duration(a) for a in args) else None
    return Signature((meeting, meeting), FLOAT64) if meeting else None


@scalar(name="truediv", dtype=_ratio)
def _truediv_durations(x: Any, y: Any) -> Any:
    return float64(x) / float64(y)


def _shared(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((args[0], INT64), args[0]) if _duration(args[0]) and args[1].is_integer else None


@scalar(name="truediv", dtype=_shared, null="partial", structural=("y",))
def _truediv_duration(x: Any, y: Any) -> Any:
    return floor_div(x, y), y != 0


def _floordiv_overflows(x: Any, y: Any) -> Any:
    return (y == -1) & (x < -9223372036854775807)


@scalar(name="floordiv", operator="//", dtype=_int64, null="partial", structural=("y",), overflow=_floordiv_overflows)
def _floordiv(x: Any, y: Any) -> Any:
    """Divide and round down. Of integers, null by zero; of floats, inf or nan.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [7, -7, None]}).select(a=gf.col("x") // 2, by_zero=gf.col("x") // 0).collect().to_dict()
    {'a': [3, -4, None], 'by_zero': [None, None, None]}
    """
    return floor_div(x, y), y != 0


@scalar(name="floordiv", dtype=_uint64, null="partial", structural=("y",))
def _floordiv_unsigned(x: Any, y: Any) -> Any:
    return udiv(x, uint64(y)), y != 0


@scalar(name="floordiv", dtype=_float)
def _floordiv_floats(x: Any, y: Any) -> Any:
    return floor(x / y)


@scalar(name="mod", operator="%", dtype=_int64, null="partial", structural=("y",))
def _mod(x: Any, y: Any) -> Any:
    """Return the remainder of ``//``, with the sign of the divisor. Of integers, null by zero; of floats, nan.

    Of floats it is ``x - floor(x / y) * y`` with the quotient and the product rounded, as in Polars: ``1.0 % 0.1`` is 0.0.
    Where rounding would leave the range from zero to the divisor it is zero, or computed exactly (see `docs/semantics.md`).

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [7, -7, None]}).select(a=gf.col("x") % 4, by_zero=gf.col("x") % 0).collect().to_dict()
    {'a': [3, 1, None], 'by_zero': [None, None, None]}
    """
    return floor_mod(x, y), y != 0


@scalar(name="mod", dtype=_uint64, null="partial", structural=("y",))
def _mod_unsigned(x: Any, y: Any) -> Any:
    return umod(x, uint64(y)), y != 0


@scalar(name="mod", dtype=promote(one_of(FLOAT64)))
def _mod_floats(x: Any, y: Any) -> Any:
    return float_mod(x, y)


@scalar(name="mod", dtype=promote(one_of(FLOAT32)))
def _mod_float32(x: Any, y: Any) -> Any:
    return float32_mod(x, y)


# -- to the power -----------------------------------------------------------------------------------------------------
def _pow_overflows(x: Any, y: Any) -> Any:
    return pow_overflows(x, y)


def _upow_overflows(x: Any, y: Any) -> Any:
    return upow_overflows(x, uint64(y))


@scalar(name="pow", operator="**", dtype=_int64, structural=("y",), overflow=_pow_overflows)
def _pow(x: Any, y: Any) -> Any:
    """Raise to a power. An integer to a negative integer raises (cast one of them to a float).

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [4, None]}).select(a=gf.col("x") ** 2, b=gf.col("x") ** 0.5).collect().to_dict()
    {'a': [16, None], 'b': [2.0, None]}
    """
    return int_pow(x, y)


@scalar(name="pow", dtype=_uint64, structural=("y",), overflow=_upow_overflows)
def _pow_unsigned(x: Any, y: Any) -> Any:
    return upow(x, uint64(y))


@scalar(name="pow", dtype=_float, structural=("y",))
def _pow_floats(x: Any, y: Any) -> Any:
    return float_pow(x, y)


# -- one argument -----------------------------------------------------------------------------------------------------
def _least(x: Any) -> Any:
    return x < -9223372036854775807


@scalar(name="neg", operator="-", dtype=first_of(_as_int64, unchanged(_duration)), overflow=_least, interval="opposite")
def _neg(x: Any) -> Any:
    """Return the value with the other sign.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [2, -3, None]}).select(-gf.col("x")).collect().to_dict()
    {'x': [-2, 3, None]}
    """
    return -x


@scalar(name="neg", dtype=unchanged(floating))
def _neg_float(x: Any) -> Any:
    return -x


@scalar(name="abs", dtype=first_of(_int64, unchanged(_duration)), overflow=_least, interval="magnitude")
def _abs(x: Any) -> Any:
    """Return the value without its sign.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [2, -3, None]}).select(gf.col("x").abs()).collect().to_dict()
    {'x': [2, 3, None]}
    """
    return abs(x)


@scalar(name="abs", dtype=exactly(UINT64, result=UINT64), interval="same")
def _abs_unsigned(x: Any) -> Any:
    return x


@scalar(name="abs", dtype=unchanged(floating))
def _abs_float(x: Any) -> Any:
    return abs(x)


@scalar(name="sign", dtype=always(INT64, integer))
def _sign(x: Any) -> Any:
    """Return the sign: -1, 0 or 1; of floats as a float, NaN and -0.0 themselves.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [2.5, -3.0, 0.0, None]}).select(gf.col("x").sign()).collect().to_dict()
    {'x': [1.0, -1.0, 0.0, None]}
    """
    return 1 if x > 0 else (-1 if x < 0 else 0)


@scalar(name="sign", dtype=unchanged(floating))
def _sign_float(x: Any) -> Any:
    return copysign(float64(1.0), float64(x)) if abs(x) > 0.0 else float64(x)
