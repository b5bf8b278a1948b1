"""Floating-point helpers of row bodies: bit patterns for hashing and order, powers, remainders, rounding."""

from __future__ import annotations

from typing import Any

from .intrinsics import (
    copysign,
    float32,
    float64,
    float_from_bits,
    float_to_bits,
    floor,
    fmod,
    int64,
    isfinite,
    isnan,
    pow,
    rint,
    sqrt,
    trunc,
)


def float_bits(x: Any) -> Any:
    """Convert a float64 to int64 for hashing and equality: 0.0 and -0.0 become equal, and so do all NaN."""
    return int64(0x7FF8000000000000) if isnan(x) else float_to_bits(float64(x) + 0.0)


def ordered_bits(x: Any) -> Any:
    """Convert a float64 to an int64 that sorts the same, NaN greatest; equal exactly where `float_bits` is."""
    bits = float_bits(x)
    return bits ^ ((bits >> 63) & int64(0x7FFFFFFFFFFFFFFF))


def ordered_to_float(k: Any) -> Any:
    """Invert `ordered_bits`."""
    return float_from_bits(k ^ ((k >> 63) & int64(0x7FFFFFFFFFFFFFFF)))


def float_pow(x: Any, y: Any) -> Any:
    """Compute ``x ** y``; squares, cubes and square roots without `pow`, because exponents are usually literals."""
    return x * x if y == 2.0 else (x * x * x if y == 3.0 else (sqrt(x) if (y == 0.5) & (x > 0.0) else pow(x, y)))


def float_mod(x: Any, y: Any) -> Any:
    """Compute ``x - floor(x / y) * y`` for float64, with the sign of `y`; NaN by zero and by infinity. See `mod_in_range`."""
    return mod_in_range(x - floor(x / y) * y, x, y, float64(9007199254740992.0))


def float32_mod(x: Any, y: Any) -> Any:
    """`float_mod` for float32, in float32 throughout: `floor` is of float64 on GPUs."""
    return float32(mod_in_range(x - float32(floor(x / y)) * y, x, y, float64(16777216.0)))


def mod_in_range(rest: Any, x: Any, y: Any, exact_below: Any) -> Any:
    """Correct the remainder `rest` where rounding moved it out of the range from zero to `y`.

    If the quotient was rounded up to a whole number, the remainder is zero. Quotients from `exact_below` on are not exact, and
    the remainder is computed exactly.
    """
    inside = (rest == 0.0) | (isnan(rest)) | (((rest < 0.0) == (y < 0.0)) & (abs(rest) < abs(y)))
    if inside:
        return float64(rest)
    if (abs(rest) < abs(y)) & (abs(float64(x) / float64(y)) < exact_below):
        return copysign(float64(0.0), float64(y))
    exact = fmod(float64(x), float64(y))
    if (exact != 0.0) & ((exact < 0.0) != (y < 0.0)):
        return exact + float64(y)
    return copysign(exact, float64(y)) if exact == 0.0 else exact


def round_half_even(x: Any, scale: Any) -> Any:
    """Round `x` to multiples of ``1 / scale``, halves to the even one; return `x` itself where scaling overflows."""
    rounded = rint(float64(x) * scale) / scale
    return rounded if isfinite(rounded) else float64(x)


def round_away(x: Any) -> Any:
    """Round a float64 to a whole number, halves away from zero."""
    real = float64(x)
    whole = trunc(real)
    return whole + copysign(float64(1.0), real) if abs(real - whole) >= 0.5 else whole
