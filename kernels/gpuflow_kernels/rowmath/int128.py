"""Integers of 128 bits in row bodies: a *wide* value is a pair ``(high, low)`` of int64 and uint64, two's complement.

Pairs compare like their numbers. Products and quotients use schoolbook arithmetic on digits of 32 bits (D. Knuth, "The Art of
Computer Programming", volume 2, section 4.3.1, algorithms M and D for one digit).
"""

from __future__ import annotations

from typing import Any

from .integers import int_pow
from .intrinsics import float64, float_from_bits, float_to_bits, floor, int64, uint64


def wide(high: Any, low: Any) -> Any:
    """Make a wide value of its two limbs."""
    return int64(high), uint64(low)


def wide_of(x: Any) -> Any:
    """An int64 as a wide value."""
    return int64(x) >> 63, uint64(x)


def wide_loaded(item: Any) -> Any:
    """The wide value of an item of an array (see `DType.storage`)."""
    return float_to_bits(item.imag), uint64(float_to_bits(item.real))


def wide_stored(x: Any) -> Any:
    """The item of an array for a wide value."""
    return complex(float_from_bits(int64(x[1])), float_from_bits(x[0]))


def wide_high(x: Any) -> Any:
    """The upper half, as an int64."""
    return x[0]


def wide_low(x: Any) -> Any:
    """The lower half, as a uint64."""
    return x[1]


def wide_add(x: Any, y: Any) -> Any:
    """The sum, wrapping around."""
    low = x[1] + y[1]
    return x[0] + y[0] + (int64(1) if low < y[1] else int64(0)), low


def wide_neg(x: Any) -> Any:
    """Negate, wrapping around."""
    low = ~x[1] + uint64(1)
    return ~x[0] + (int64(1) if low == uint64(0) else int64(0)), low


def wide_abs(x: Any) -> Any:
    """Return the absolute value."""
    return wide_neg(x) if x[0] < 0 else x


def wide_past(x: Any, high: Any, low: Any) -> Any:
    """Return whether the absolute value is at least that of two limbs."""
    size = wide_abs(x)
    return (size[0] < 0) | (size[0] > high) | ((size[0] == high) & (size[1] >= uint64(low)))


def wide_limbs(low: Any, high: Any) -> Any:
    """``high * 2**32 + low`` of two int64, `low` not negative."""
    return wide_add((int64(high) >> 32, uint64(high) << uint64(32)), (int64(0), uint64(low)))


def wide_times(size: Any, factor: Any) -> Any:
    """Multiply a value that is not negative by a uint64; also return whether the product overflows 127 bits."""
    mask, half = uint64(4294967295), uint64(32)
    a, b = factor & mask, factor >> half
    high = uint64(size[0])
    digit0, digit1, digit2, digit3 = size[1] & mask, size[1] >> half, high & mask, high >> half
    place0 = digit0 * a
    place1 = digit1 * a + (place0 >> half)
    carry1 = place1 >> half
    place1 = (place1 & mask) + digit0 * b
    place2 = digit2 * a + carry1
    carry2 = place2 >> half
    place2 = (place2 & mask) + (place1 >> half)
    carry2 = carry2 + (place2 >> half)
    place2 = (place2 & mask) + digit1 * b
    place3 = digit3 * a + carry2
    carry3 = place3 >> half
    place3 = (place3 & mask) + (place2 >> half)
    carry3 = carry3 + (place3 >> half)
    place3 = (place3 & mask) + digit2 * b
    above = carry3 + (place3 >> half) + digit3 * b
    low = (place0 & mask) | (place1 << half)
    upper = (place2 & mask) | (place3 << half)
    return (int64(upper), low), (above != uint64(0)) | (int64(upper) < 0)


def wide_scaled(x: Any, digits: Any) -> Any:
    """Compute ``x * 10**digits``; also return whether it overflows 127 bits."""
    size, past = wide_abs(x), x[0] != x[0]
    remaining = int64(digits)
    while remaining > 0:
        step = min(remaining, int64(18))
        size, leaves = wide_times(size, uint64(int_pow(10, step)))
        past = past | leaves
        remaining = remaining - step
    return (wide_neg(size) if x[0] < 0 else size), past


def wide_divided(size: Any, divisor: Any) -> Any:
    """Divide a value that is not negative by a uint64 below 2**32, rounded down."""
    mask, half = uint64(4294967295), uint64(32)
    high = uint64(size[0])
    upper = high // divisor
    digit = ((high - upper * divisor) << half) | (size[1] >> half)
    middle = digit // divisor
    last = ((digit - middle * divisor) << half) | (size[1] & mask)
    return int64(upper), (middle << half) + last // divisor


def wide_rounded(x: Any, digits: Any) -> Any:
    """Divide by ``10**digits``, at least one digit, rounded to a whole number, halves away from zero."""
    size = wide_abs(x)
    remaining = int64(digits) - 1
    while remaining > 0:
        step = min(remaining, int64(9))
        size = wide_divided(size, uint64(int_pow(10, step)))
        remaining = remaining - step
    size = wide_divided(wide_add(size, (int64(0), uint64(5))), uint64(10))
    return wide_neg(size) if x[0] < 0 else size


def wide_rescaled(x: Any, digits: Any) -> Any:
    """Compute ``x * 10**digits`` rounded to a whole number, halves away from zero; also return whether it overflows 127 bits."""
    scaled, leaves = wide_scaled(x, digits)
    return (wide_rounded(x, -digits) if digits < 0 else scaled), leaves


def wide_mul(x: Any, y: Any) -> Any:
    """Multiply a wide value by an int64, wrapping around."""
    size, _ = wide_times(wide_abs(x), uint64(abs(y)))
    return wide_neg(size) if (x[0] < 0) != (y < 0) else size


def wide_mul_past(x: Any, y: Any, high: Any, low: Any) -> Any:
    """Return whether the absolute product of a wide value and an int64 is at least the number of two limbs."""
    size, leaves = wide_times(wide_abs(x), uint64(abs(y)))
    return leaves | wide_past(size, high, low)


def wide_from_float(x: Any) -> Any:
    """The wide value of a whole float64 below 2**127."""
    size = abs(float64(x))
    high = floor(size / 18446744073709551616.0)
    value = int64(high), uint64(size - high * 18446744073709551616.0)
    return wide_neg(value) if x < 0.0 else value


def wide_to_float(x: Any) -> Any:
    """The nearest float64, or one beside it."""
    size = wide_abs(x)
    value = float64(size[0]) * 18446744073709551616.0 + float64(size[1])
    return -value if x[0] < 0 else value
