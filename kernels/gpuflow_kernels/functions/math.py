"""Row functions of real numbers. float32 stays float32, every other number becomes float64; nothing raises: outside of
their domain they give NaN, at its edge an infinity. Rounding leaves integers as they are.
"""

from __future__ import annotations

import math
from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.type_rules import Parameters, Types, floating, integer, real, unchanged
from gpuflow_kernels.rowmath import (
    acos,
    asin,
    atan,
    atan2,
    cbrt,
    ceil,
    cos,
    cosh,
    exp,
    expm1,
    float64,
    floor,
    hypot,
    log,
    log1p,
    log2,
    log10,
    round_half_even,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    trunc,
)

_float, _whole = unchanged(floating), unchanged(integer)


# -- rounding ---------------------------------------------------------------------------------------------------------
def _rounded(args: Types, params: Parameters | None = None) -> Signature | None:
    digits = (params or {}).get("digits", 0)
    if not isinstance(digits, int) or not 0 <= digits:
        raise ValueError(f"round() takes a number of digits of at least 0, not {digits!r}")
    return Signature(args, args[0], (10.0 ** min(digits, 308),)) if args[0].is_float else None


@scalar(name="round", dtype=_rounded, arity=1, parameters={"digits": 0})
def _round(x: Any, scale: Any) -> Any:
    """Return the value rounded to a number of digits after the point, halves to the even digit.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [2.5, 3.5, 2.346, None]})
    >>> frame.select(a=gf.col("x").round(), b=gf.col("x").round(2)).collect().to_dict()
    {'a': [2.0, 4.0, 2.0, None], 'b': [2.5, 3.5, 2.35, None]}
    """
    return round_half_even(x, scale)


@scalar(name="round", dtype=_whole)
def _round_integer(x: Any) -> Any:
    return x


@scalar(name="floor", dtype=_float)
def _floor(x: Any) -> Any:
    """Return the greatest whole number that is not above the value, in the value's type.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.5, -1.5, None]}).select(gf.col("x").floor()).collect().to_dict()
    {'x': [1.0, -2.0, None]}
    """
    return floor(x)


@scalar(name="floor", dtype=_whole)
def _floor_integer(x: Any) -> Any:
    return x


@scalar(name="ceil", dtype=_float)
def _ceil(x: Any) -> Any:
    """Return the least whole number that is not below the value, in the value's type.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.5, -1.5, None]}).select(gf.col("x").ceil()).collect().to_dict()
    {'x': [2.0, -1.0, None]}
    """
    return ceil(x)


@scalar(name="ceil", dtype=_whole)
def _ceil_integer(x: Any) -> Any:
    return x


@scalar(name="truncate", dtype=_float)
def _truncate(x: Any) -> Any:
    """Return the value without its digits after the point.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1.5, -1.5, None]}).select(gf.col("x").truncate()).collect().to_dict()
    {'x': [1.0, -1.0, None]}
    """
    return trunc(x)


@scalar(name="truncate", dtype=_whole)
def _truncate_integer(x: Any) -> Any:
    return x


# -- powers and logarithms --------------------------------------------------------------------------------------------
@scalar(name="sqrt", dtype=real)
def _sqrt(x: Any) -> Any:
    """Return the square root.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [9, -1, None]}).select(gf.col("x").sqrt()).collect().to_dict()
    {'x': [3.0, nan, None]}
    """
    return sqrt(x)


@scalar(name="cbrt", dtype=real)
def _cbrt(x: Any) -> Any:
    """Return the cube root.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [27, -8, None]}).select(gf.col("x").cbrt()).collect().to_dict()
    {'x': [3.0, -2.0, None]}
    """
    return cbrt(x)


@scalar(name="exp", dtype=real)
def _exp(x: Any) -> Any:
    """Raise e to the power of the value.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 1, None]}).select(gf.col("x").exp()).collect().to_dict()
    {'x': [1.0, 2.718281828459045, None]}
    """
    return exp(x)


@scalar(name="expm1", dtype=real)
def _expm1(x: Any) -> Any:
    """Compute ``exp(x) - 1``, exact for small values.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0.0, 1e-12, None]}).select(gf.col("x").expm1()).collect().to_dict()
    {'x': [0.0, 1.0000000000005e-12, None]}
    """
    return expm1(x)


def _is_natural(base: Any) -> bool:
    return base is None or (isinstance(base, float) and base == math.e)


def _natural(args: Types, params: Parameters | None = None) -> Signature | None:
    return real(args) if _is_natural((params or {}).get("base")) else None


def _of_base(args: Types, params: Parameters | None = None) -> Signature | None:
    base = (params or {}).get("base")
    if isinstance(base, bool) or not isinstance(base, (int, float)) or not base > 0 or base == 1:
        raise ValueError(f"log() takes a base above 0 other than 1, not {base!r}")
    signature = real(args)
    return Signature(signature.args, signature.result, (math.log(base),)) if signature else None


@scalar(name="log", dtype=_natural, parameters={"base": None})
def _log(x: Any) -> Any:
    """Return the natural logarithm, or that to a `base`.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1, 0, -1, None]}).select(a=gf.col("x").log(), b=gf.col("x").log(2)).collect().to_dict()
    {'a': [0.0, -inf, nan, None], 'b': [0.0, -inf, nan, None]}
    """
    return log(x)


@scalar(name="log", dtype=_of_base)
def _log_of_base(x: Any, divisor: Any) -> Any:
    return log(float64(x)) / divisor


@scalar(name="log2", dtype=real)
def _log2(x: Any) -> Any:
    """Return the logarithm to base 2.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [8, 0, None]}).select(gf.col("x").log2()).collect().to_dict()
    {'x': [3.0, -inf, None]}
    """
    return log2(x)


@scalar(name="log10", dtype=real)
def _log10(x: Any) -> Any:
    """Return the logarithm to base 10.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [1000, 0, None]}).select(gf.col("x").log10()).collect().to_dict()
    {'x': [3.0, -inf, None]}
    """
    return log10(x)


@scalar(name="log1p", dtype=real)
def _log1p(x: Any) -> Any:
    """Compute ``log(1 + x)``, exact for small values.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0.0, -1.0, None]}).select(gf.col("x").log1p()).collect().to_dict()
    {'x': [0.0, -inf, None]}
    """
    return log1p(x)


# -- angles -----------------------------------------------------------------------------------------------------------
@scalar(name="sin", dtype=real)
def _sin(x: Any) -> Any:
    """Return the sine of an angle in radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 30, 90, None]}).select(gf.col("x").radians().sin().round(9)).collect().to_dict()
    {'x': [0.0, 0.5, 1.0, None]}
    """
    return sin(x)


@scalar(name="cos", dtype=real)
def _cos(x: Any) -> Any:
    """Return the cosine of an angle in radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 60, 90, None]}).select(gf.col("x").radians().cos().round(9)).collect().to_dict()
    {'x': [1.0, 0.5, 0.0, None]}
    """
    return cos(x)


@scalar(name="tan", dtype=real)
def _tan(x: Any) -> Any:
    """Return the tangent of an angle in radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 45, None]}).select(gf.col("x").radians().tan().round(9)).collect().to_dict()
    {'x': [0.0, 1.0, None]}
    """
    return tan(x)


@scalar(name="arcsin", dtype=real)
def _arcsin(x: Any) -> Any:
    """Return the angle with this sine, in radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 1, 2, None]}).select(gf.col("x").arcsin().degrees()).collect().to_dict()
    {'x': [0.0, 90.0, nan, None]}
    """
    return asin(x)


@scalar(name="arccos", dtype=real)
def _arccos(x: Any) -> Any:
    """Return the angle with this cosine, in radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 1, 2, None]}).select(gf.col("x").arccos().degrees()).collect().to_dict()
    {'x': [90.0, 0.0, nan, None]}
    """
    return acos(x)


@scalar(name="arctan", dtype=real)
def _arctan(x: Any) -> Any:
    """Return the angle with this tangent, in radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, 1, None]}).select(gf.col("x").arctan().degrees()).collect().to_dict()
    {'x': [0.0, 45.0, None]}
    """
    return atan(x)


@scalar(name="arctan2", dtype=real)
def _arctan2(y: Any, x: Any) -> Any:
    """Return the angle of the point (x, y), in radians between -pi and pi.

    Examples
    --------
    >>> import gpuflow as gf
    >>> frame = gf.from_dict({"x": [1, -1, 0], "y": [1, 0, None]})
    >>> frame.select(gf.col("y").arctan2(gf.col("x")).degrees()).collect().to_dict()
    {'y': [45.0, 180.0, None]}
    """
    return atan2(y, x)


@scalar(name="hypot", dtype=real)
def _hypot(x: Any, y: Any) -> Any:
    """Compute ``sqrt(x * x + y * y)`` without overflow on the way.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [3, None], "y": [4, 1]}).select(gf.col("x").hypot(gf.col("y"))).collect().to_dict()
    {'x': [5.0, None]}
    """
    return hypot(x, y)


@scalar(name="sinh", dtype=real)
def _sinh(x: Any) -> Any:
    """Return the hyperbolic sine.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, None]}).select(gf.col("x").sinh()).collect().to_dict()
    {'x': [0.0, None]}
    """
    return sinh(x)


@scalar(name="cosh", dtype=real)
def _cosh(x: Any) -> Any:
    """Return the hyperbolic cosine.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, None]}).select(gf.col("x").cosh()).collect().to_dict()
    {'x': [1.0, None]}
    """
    return cosh(x)


@scalar(name="tanh", dtype=real)
def _tanh(x: Any) -> Any:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [0, float("inf"), None]}).select(gf.col("x").tanh()).collect().to_dict()
    {'x': [0.0, 1.0, None]}
    """
    return tanh(x)


_DEGREES, _RADIANS = 180.0 / math.pi, math.pi / 180.0


@scalar(name="degrees", dtype=real)
def _degrees(x: Any) -> Any:
    """Convert an angle in radians to degrees.

    Examples
    --------
    >>> import math, gpuflow as gf
    >>> gf.from_dict({"x": [math.pi, 0.0, None]}).select(gf.col("x").degrees()).collect().to_dict()
    {'x': [180.0, 0.0, None]}
    """
    return float64(x) * _DEGREES


@scalar(name="radians", dtype=real)
def _radians(x: Any) -> Any:
    """Convert an angle in degrees to radians.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [180, 0, None]}).select(gf.col("x").radians()).collect().to_dict()
    {'x': [3.141592653589793, 0.0, None]}
    """
    return float64(x) * _RADIANS
