"""Row functions of real numbers. float32 stays float32, every other number becomes float64; nothing raises: outside of
their domain they give NaN, at its edge an infinity. Rounding leaves integers as they are.
"""

from __future__ import annotations

import math
from typing import Any

from .rowmath import (
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
from .rules import Parameters, Types, floating, integer, real, unchanged
from .scalar import Signature, scalar

_float, _whole = unchanged(floating), unchanged(integer)


# -- rounding ---------------------------------------------------------------------------------------------------------
def _rounded(args: Types, params: Parameters | None = None) -> Signature | None:
    digits = (params or {}).get("digits", 0)
    if not isinstance(digits, int) or not 0 <= digits:
        raise ValueError(f"round() takes a number of digits of at least 0, not {digits!r}")
    return Signature(args, args[0], (10.0 ** min(digits, 308),)) if args[0].is_float else None


@scalar(name="round", dtype=_rounded, arity=1, parameters={"digits": 0})
def _round(x: Any, scale: Any) -> Any:
    """The value rounded to a number of digits after the point, halves to the even digit."""
    return round_half_even(x, scale)


@scalar(name="round", dtype=_whole)
def _round_integer(x: Any) -> Any:
    return x


@scalar(name="floor", dtype=_float)
def _floor(x: Any) -> Any:
    """The greatest whole number that is not above the value, in the value's type."""
    return floor(x)


@scalar(name="floor", dtype=_whole)
def _floor_integer(x: Any) -> Any:
    return x


@scalar(name="ceil", dtype=_float)
def _ceil(x: Any) -> Any:
    """The least whole number that is not below the value, in the value's type."""
    return ceil(x)


@scalar(name="ceil", dtype=_whole)
def _ceil_integer(x: Any) -> Any:
    return x


@scalar(name="truncate", dtype=_float)
def _truncate(x: Any) -> Any:
    """The value without its digits after the point."""
    return trunc(x)


@scalar(name="truncate", dtype=_whole)
def _truncate_integer(x: Any) -> Any:
    return x


# -- powers and logarithms --------------------------------------------------------------------------------------------
@scalar(name="sqrt", dtype=real)
def _sqrt(x: Any) -> Any:
    """Square root."""
    return sqrt(x)


@scalar(name="cbrt", dtype=real)
def _cbrt(x: Any) -> Any:
    """Cube root."""
    return cbrt(x)


@scalar(name="exp", dtype=real)
def _exp(x: Any) -> Any:
    """e to the power of the value."""
    return exp(x)


@scalar(name="expm1", dtype=real)
def _expm1(x: Any) -> Any:
    """``exp(x) - 1``, exact for small values."""
    return expm1(x)


def _natural(args: Types, params: Parameters | None = None) -> Signature | None:
    return real(args) if (params or {}).get("base") in (None, math.e) else None


def _of_base(args: Types, params: Parameters | None = None) -> Signature | None:
    base = (params or {}).get("base")
    if isinstance(base, bool) or not isinstance(base, (int, float)) or not base > 0 or base == 1:
        raise ValueError(f"log() takes a base above 0 other than 1, not {base!r}")
    found = real(args)
    return Signature(found.args, found.result, (math.log(base),)) if found else None


@scalar(name="log", dtype=_natural, parameters={"base": None})
def _log(x: Any) -> Any:
    """Natural logarithm, or that to a `base`."""
    return log(x)


@scalar(name="log", dtype=_of_base)
def _log_of_base(x: Any, divisor: Any) -> Any:
    return log(float64(x)) / divisor


@scalar(name="log2", dtype=real)
def _log2(x: Any) -> Any:
    """Logarithm to base 2."""
    return log2(x)


@scalar(name="log10", dtype=real)
def _log10(x: Any) -> Any:
    """Logarithm to base 10."""
    return log10(x)


@scalar(name="log1p", dtype=real)
def _log1p(x: Any) -> Any:
    """``log(1 + x)``, exact for small values."""
    return log1p(x)


# -- angles -----------------------------------------------------------------------------------------------------------
@scalar(name="sin", dtype=real)
def _sin(x: Any) -> Any:
    """Sine of an angle in radians."""
    return sin(x)


@scalar(name="cos", dtype=real)
def _cos(x: Any) -> Any:
    """Cosine of an angle in radians."""
    return cos(x)


@scalar(name="tan", dtype=real)
def _tan(x: Any) -> Any:
    """Tangent of an angle in radians."""
    return tan(x)


@scalar(name="arcsin", dtype=real)
def _arcsin(x: Any) -> Any:
    """The angle with this sine, in radians."""
    return asin(x)


@scalar(name="arccos", dtype=real)
def _arccos(x: Any) -> Any:
    """The angle with this cosine, in radians."""
    return acos(x)


@scalar(name="arctan", dtype=real)
def _arctan(x: Any) -> Any:
    """The angle with this tangent, in radians."""
    return atan(x)


@scalar(name="arctan2", dtype=real)
def _arctan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y), in radians between -pi and pi."""
    return atan2(y, x)


@scalar(name="hypot", dtype=real)
def _hypot(x: Any, y: Any) -> Any:
    """``sqrt(x * x + y * y)`` without overflow on the way."""
    return hypot(x, y)


@scalar(name="sinh", dtype=real)
def _sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return sinh(x)


@scalar(name="cosh", dtype=real)
def _cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return cosh(x)


@scalar(name="tanh", dtype=real)
def _tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return tanh(x)


_DEGREES, _RADIANS = 180.0 / math.pi, math.pi / 180.0


@scalar(name="degrees", dtype=real)
def _degrees(x: Any) -> Any:
    """An angle in radians, in degrees."""
    return float64(x) * _DEGREES


@scalar(name="radians", dtype=real)
def _radians(x: Any) -> Any:
    """An angle in degrees, in radians."""
    return float64(x) * _RADIANS
