"""Floating-point helpers of row bodies: bit patterns for hashing and order, powers, remainders, rounding."""

from __future__ import annotations

from typing import Any

from .rowmath_intrinsics import (
    copysign,
    float64,
    float_from_bits,
    float_to_bits,
    floor,
    int64,
    isfinite,
    isnan,
    pow,
    rint,
    sqrt,
    trunc,
)


def float_bits(x: Any) -> Any:
    """A float64 as int64 for hashing and equality: 0.0 and -0.0 are one value, every NaN is one value."""
    return int64(0x7FF8000000000000) if isnan(x) else float_to_bits(float64(x) + 0.0)


def ordered_bits(x: Any) -> Any:
    """A float64 as an int64 of the same order, NaN greatest; equal exactly where `float_bits` is."""
    bits = float_bits(x)
    return bits ^ ((bits >> 63) & int64(0x7FFFFFFFFFFFFFFF))


def ordered_to_float(k: Any) -> Any:
    """The float64 of an `ordered_bits`."""
    return float_from_bits(k ^ ((k >> 63) & int64(0x7FFFFFFFFFFFFFFF)))


def float_pow(x: Any, y: Any) -> Any:
    """``x ** y``; squares, cubes and square roots without a call of `pow`, whose exponent is usually a literal."""
    return x * x if y == 2.0 else (x * x * x if y == 3.0 else (sqrt(x) if (y == 0.5) & (x > 0.0) else pow(x, y)))


def float_mod(x: Any, y: Any) -> Any:
    """``x - floor(x / y) * y``, with the sign of `y`; NaN by zero."""
    return x - floor(x / y) * y


def round_half_even(x: Any, scale: Any) -> Any:
    """`x` rounded to multiples of ``1 / scale``, halves to the even one; `x` itself where scaling overflows."""
    rounded = rint(float64(x) * scale) / scale
    return rounded if isfinite(rounded) else float64(x)


def round_away(x: Any) -> Any:
    """A float64 rounded to a whole number, halves away from zero."""
    real = float64(x)
    whole = trunc(real)
    return whole + copysign(float64(1.0), real) if abs(real - whole) >= 0.5 else whole
