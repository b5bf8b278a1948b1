"""Integer arithmetic of row bodies: functions that never trap, and branch-free tests of overflow.

All take int64 unless their name starts with ``u`` (uint64). The two are never mixed: compilers would compute in float64.
"""

from __future__ import annotations

from typing import Any

from .intrinsics import float64, int64, uint64


def floor_div(x: Any, y: Any) -> Any:
    """Divide, rounded down. By zero: `x`. The least integer by -1 wraps around."""
    divisor = int64(1) if y == 0 or y == -1 else y
    return -x if y == -1 else x // divisor


def floor_mod(x: Any, y: Any) -> Any:
    """``x % y`` with the sign of `y`. By zero: 0."""
    divisor = int64(1) if y == 0 or y == -1 else y
    return x % divisor


def trunc_div(x: Any, y: Any) -> Any:
    """Divide, rounded towards zero. By zero: `x`."""
    quotient = floor_div(x, y)
    inexact = floor_mod(x, y) != 0
    return quotient + 1 if inexact and (x < 0) != (y < 0) else quotient


def trunc_mod(x: Any, y: Any) -> Any:
    """Return the remainder of `trunc_div`, with the sign of `x`. By zero: 0."""
    remainder = floor_mod(x, y)
    return remainder - y if remainder != 0 and (x < 0) != (y < 0) else remainder


def ceil_div(x: Any, y: Any) -> Any:
    """Divide, rounded up. By zero: `x`."""
    return -floor_div(-x, y)


def round_div(x: Any, y: Any) -> Any:
    """Divide by a positive `y`, rounded to a whole number, halves away from zero; both below 2**62."""
    size = floor_div(abs(x) + (y >> 1), y)
    return -size if x < 0 else size


def round_div_even(x: Any, y: Any) -> Any:
    """Divide by a positive `y`, rounded to a whole number, halves to the even one; both below 2**62."""
    whole = floor_div(x, y)
    twice = (x - whole * y) * 2
    return whole + 1 if (twice > y) | ((twice == y) & ((whole & 1) == 1)) else whole


def udiv(x: Any, y: Any) -> Any:
    """``x // y`` of uint64. By zero: `x`."""
    return x // (uint64(1) if y == uint64(0) else y)


def umod(x: Any, y: Any) -> Any:
    """``x % y`` of uint64. By zero: 0."""
    return x % (uint64(1) if y == uint64(0) else y)


def add_overflows(x: Any, y: Any) -> Any:
    """Return whether ``x + y`` overflows int64."""
    total = x + y
    return ((x ^ total) & (y ^ total)) < 0


def sub_overflows(x: Any, y: Any) -> Any:
    """Return whether ``x - y`` overflows int64."""
    return ((x ^ y) & (x ^ (x - y))) < 0


def mul_overflows(x: Any, y: Any) -> Any:
    """Return whether ``x * y`` overflows the type of the operands (both int64 or both uint64).

    The wrapped product differs from the exact one by a multiple of 2**64, the product of floats by at most one part in 2**51.
    """
    return abs(float64(x * y) - float64(x) * float64(y)) > 4611686018427387904.0


def uadd_overflows(x: Any, y: Any) -> Any:
    """Return whether ``x + y`` overflows uint64."""
    return x + y < x


def usub_overflows(x: Any, y: Any) -> Any:
    """Return whether ``x - y`` overflows uint64."""
    return y > x


def int_pow(x: Any, n: Any) -> Any:
    """Compute ``x ** n`` by squaring, wrapping around; 1 for a negative `n`."""
    result = int64(1)
    base = int64(x)
    exponent = int64(n)
    while exponent > 0:
        if exponent & 1:
            result = result * base
        base = base * base
        exponent = exponent >> 1
    return result


def pow_overflows(x: Any, n: Any) -> Any:
    """Return whether ``x ** n`` overflows int64, or `n` is negative."""
    result = int64(1)
    base = int64(x)
    exponent = int64(n)
    overflows = exponent < 0
    while exponent > 0:
        if exponent & 1:
            overflows = overflows or mul_overflows(result, base)
            result = result * base
        exponent = exponent >> 1
        if exponent > 0:
            overflows = overflows or mul_overflows(base, base)
            base = base * base
    return overflows


def upow(x: Any, n: Any) -> Any:
    """Compute ``x ** n`` of uint64 by squaring, wrapping around."""
    result = uint64(1)
    base = uint64(x)
    exponent = uint64(n)
    while exponent > uint64(0):
        if exponent & uint64(1) == uint64(1):
            result = result * base
        base = base * base
        exponent = exponent >> uint64(1)
    return result


def upow_overflows(x: Any, n: Any) -> Any:
    """Return whether ``x ** n`` overflows uint64."""
    result = uint64(1)
    base = uint64(x)
    exponent = uint64(n)
    overflows = exponent < uint64(0)
    while exponent > uint64(0):
        if exponent & uint64(1) == uint64(1):
            overflows = overflows or mul_overflows(result, base)
            result = result * base
        exponent = exponent >> uint64(1)
        if exponent > uint64(0):
            overflows = overflows or mul_overflows(base, base)
            base = base * base
    return overflows


def mix64(h: Any) -> Any:
    """Spread the bits of a 64-bit integer over the whole word, as uint64: the finaliser of SplitMix64 [1]_.

    References
    ----------
    .. [1] G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
       (constants: D. Stafford's variant 13).
    """
    z = uint64(h) + uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))
