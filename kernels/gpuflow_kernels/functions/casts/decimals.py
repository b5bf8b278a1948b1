"""Casts from and to decimals. Digits that the target has no room for behind the point are rounded, halves away from zero
(as DuckDB does); before it they raise, or become null with ``strict=False``.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import scalar
from gpuflow_kernels.declare.type_rules import WIDE_BOUND, narrow_decimal, wide_decimal
from gpuflow_kernels.dtypes import UINT64, DType, digits_of
from gpuflow_kernels.rowmath import (
    float64,
    int64,
    mul_overflows,
    round_away,
    round_div,
    uint64,
    wide,
    wide_from_float,
    wide_low,
    wide_of,
    wide_past,
    wide_rescaled,
    wide_to_float,
)

from .numbers import cast_rule

Constants = tuple[int | float, ...] | None


def _digits(source: DType) -> tuple[int, int] | None:
    """Digits of what is one int64: decimals of up to 18 digits, truth values, integers but uint64."""
    if source.kind == "bool":
        return 1, 0
    return None if source.is_wide or source == UINT64 else digits_of(source)


# -- to decimals of up to 18 digits -----------------------------------------------------------------------------------
def _fits(source: DType, target: DType) -> Constants:
    """More digits after the point, and as many before it: nothing to check."""
    digits = _digits(source)
    if digits is None or not narrow_decimal(target):
        return None
    (precision, scale), more = digits, target.scale - digits[1]
    return (10**more,) if more >= 0 and precision - scale <= target.precision - target.scale else None


def _grown(source: DType, target: DType) -> Constants:
    digits = _digits(source)
    if digits is None or not narrow_decimal(target) or target.scale < digits[1]:
        return None
    return 10 ** (target.scale - digits[1]), target.bounds[1]


def _shrunk(source: DType, target: DType) -> Constants:
    digits = _digits(source)
    if digits is None or not narrow_decimal(target) or target.scale >= digits[1]:
        return None
    return 10 ** (digits[1] - target.scale), target.bounds[1]


def _unsigned(source: DType, target: DType) -> Constants:
    if source != UINT64 or not narrow_decimal(target):
        return None
    return 10**target.scale, target.bounds[1] // 10**target.scale


def _of_float(source: DType, target: DType) -> Constants:
    return (10.0**target.scale, 10.0**target.precision) if source.is_float and narrow_decimal(target) else None


@scalar(name="cast", dtype=cast_rule(_fits))
def _cast_fits(x: Any, factor: Any) -> Any:
    return int64(x) * factor


def _grown_overflows(x: Any, factor: Any, bound: Any) -> Any:
    value = int64(x) * factor
    return mul_overflows(int64(x), int64(factor)) | (value > bound) | (value < -bound)


@scalar(name="cast", dtype=cast_rule(_grown, True), overflow=_grown_overflows)
def _cast_grown(x: Any, factor: Any, bound: Any) -> Any:
    return int64(x) * factor


@scalar(name="cast", dtype=cast_rule(_grown, False), null="partial")
def _cast_grown_or_null(x: Any, factor: Any, bound: Any) -> Any:
    value = int64(x) * factor
    return value, (not mul_overflows(int64(x), int64(factor))) & (value <= bound) & (value >= -bound)


def _shrunk_overflows(x: Any, unit: Any, bound: Any) -> Any:
    value = round_div(x, int64(unit))
    return (value > bound) | (value < -bound)


@scalar(name="cast", dtype=cast_rule(_shrunk, True), overflow=_shrunk_overflows)
def _cast_shrunk(x: Any, unit: Any, bound: Any) -> Any:
    return round_div(x, int64(unit))


@scalar(name="cast", dtype=cast_rule(_shrunk, False), null="partial")
def _cast_shrunk_or_null(x: Any, unit: Any, bound: Any) -> Any:
    value = round_div(x, int64(unit))
    return value, (value <= bound) & (value >= -bound)


def _unsigned_overflows(x: Any, factor: Any, most: Any) -> Any:
    return x > uint64(most)


@scalar(name="cast", dtype=cast_rule(_unsigned, True), overflow=_unsigned_overflows)
def _cast_unsigned(x: Any, factor: Any, most: Any) -> Any:
    return int64(x) * factor


@scalar(name="cast", dtype=cast_rule(_unsigned, False), null="partial")
def _cast_unsigned_or_null(x: Any, factor: Any, most: Any) -> Any:
    return int64(x) * factor, x <= uint64(most)


def _float_overflows(x: Any, factor: Any, above: Any) -> Any:
    return not (abs(round_away(float64(x) * factor)) < above)


@scalar(name="cast", dtype=cast_rule(_of_float, True), overflow=_float_overflows)
def _cast_float(x: Any, factor: Any, above: Any) -> Any:
    value = round_away(float64(x) * factor)
    return int64(value if abs(value) < above else float64(0.0))


@scalar(name="cast", dtype=cast_rule(_of_float, False), null="partial")
def _cast_float_or_null(x: Any, factor: Any, above: Any) -> Any:
    value = round_away(float64(x) * factor)
    return int64(value if abs(value) < above else float64(0.0)), abs(value) < above


# -- from decimals of up to 18 digits ---------------------------------------------------------------------------------
def _integral(source: DType, target: DType) -> Constants:
    if not narrow_decimal(source) or not target.is_integer:
        return None
    return 10**source.scale, target.bounds[0], min(target.bounds[1], (1 << 63) - 1)


def _real(source: DType, target: DType) -> Constants:
    return (10.0**source.scale,) if narrow_decimal(source) and target.is_float else None


def _true(source: DType, target: DType) -> Constants:
    return () if narrow_decimal(source) and target.kind == "bool" else None


def _not_integral(x: Any, unit: Any, low: Any, high: Any) -> Any:
    value = round_div(x, int64(unit))
    return (value < low) | (value > high)


@scalar(name="cast", dtype=cast_rule(_integral, True), overflow=_not_integral)
def _cast_integral(x: Any, unit: Any, low: Any, high: Any) -> Any:
    return round_div(x, int64(unit))


@scalar(name="cast", dtype=cast_rule(_integral, False), null="partial")
def _cast_integral_or_null(x: Any, unit: Any, low: Any, high: Any) -> Any:
    value = round_div(x, int64(unit))
    return value, (value >= low) & (value <= high)


@scalar(name="cast", dtype=cast_rule(_real))
def _cast_real(x: Any, unit: Any) -> Any:
    return float64(x) / unit


@scalar(name="cast", dtype=cast_rule(_true))
def _cast_true(x: Any) -> Any:
    return x != 0


# -- to decimals of 38 digits -----------------------------------------------------------------------------------------
def _widened_alike(source: DType, target: DType) -> Constants:
    """As many digits after the point: nothing to multiply."""
    digits = _digits(source)
    return () if digits and wide_decimal(target) and target.scale == digits[1] else None


def _widened(source: DType, target: DType) -> Constants:
    digits = _digits(source)
    return (target.scale - digits[1], *WIDE_BOUND) if digits and wide_decimal(target) else None


def _widened_unsigned(source: DType, target: DType) -> Constants:
    return (target.scale, *WIDE_BOUND) if source == UINT64 and wide_decimal(target) else None


def _between(source: DType, target: DType) -> Constants:
    return (target.scale - source.scale, *WIDE_BOUND) if wide_decimal(source) and wide_decimal(target) else None


def _widened_float(source: DType, target: DType) -> Constants:
    return (10.0**target.scale, 1e38) if source.is_float and wide_decimal(target) else None


@scalar(name="cast", dtype=cast_rule(_widened_alike))
def _cast_widened_alike(x: Any) -> Any:
    return wide_of(x)


def _widened_overflows(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, leaves = wide_rescaled(wide_of(x), more)
    return leaves | wide_past(value, high, low)


@scalar(name="cast", dtype=cast_rule(_widened, True), overflow=_widened_overflows)
def _cast_widened(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, _ = wide_rescaled(wide_of(x), more)
    return value


@scalar(name="cast", dtype=cast_rule(_widened, False), null="partial")
def _cast_widened_or_null(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, leaves = wide_rescaled(wide_of(x), more)
    return value, not (leaves | wide_past(value, high, low))


def _widened_unsigned_overflows(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, leaves = wide_rescaled(wide(0, x), more)
    return leaves | wide_past(value, high, low)


@scalar(name="cast", dtype=cast_rule(_widened_unsigned, True), overflow=_widened_unsigned_overflows)
def _cast_widened_unsigned(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, _ = wide_rescaled(wide(0, x), more)
    return value


@scalar(name="cast", dtype=cast_rule(_widened_unsigned, False), null="partial")
def _cast_widened_unsigned_or_null(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, leaves = wide_rescaled(wide(0, x), more)
    return value, not (leaves | wide_past(value, high, low))


def _between_overflows(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, leaves = wide_rescaled(x, more)
    return leaves | wide_past(value, high, low)


@scalar(name="cast", dtype=cast_rule(_between, True), overflow=_between_overflows)
def _cast_between(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, _ = wide_rescaled(x, more)
    return value


@scalar(name="cast", dtype=cast_rule(_between, False), null="partial")
def _cast_between_or_null(x: Any, more: Any, high: Any, low: Any) -> Any:
    value, leaves = wide_rescaled(x, more)
    return value, not (leaves | wide_past(value, high, low))


def _widened_float_overflows(x: Any, factor: Any, above: Any) -> Any:
    return not (abs(round_away(float64(x) * factor)) < above)


@scalar(name="cast", dtype=cast_rule(_widened_float, True), overflow=_widened_float_overflows)
def _cast_widened_float(x: Any, factor: Any, above: Any) -> Any:
    value = round_away(float64(x) * factor)
    return wide_from_float(value if abs(value) < above else float64(0.0))


@scalar(name="cast", dtype=cast_rule(_widened_float, False), null="partial")
def _cast_widened_float_or_null(x: Any, factor: Any, above: Any) -> Any:
    value = round_away(float64(x) * factor)
    return wide_from_float(value if abs(value) < above else float64(0.0)), abs(value) < above


# -- from decimals of 38 digits ---------------------------------------------------------------------------------------
def _narrowed(source: DType, target: DType) -> Constants:
    """To one 64-bit number between bounds, both given in halves."""
    if not wide_decimal(source) or not (narrow_decimal(target) or target.is_integer):
        return None
    low, high = target.bounds
    return target.scale - source.scale, low, 0, high


def _real_wide(source: DType, target: DType) -> Constants:
    return (10.0**source.scale,) if wide_decimal(source) and target.is_float else None


def _true_wide(source: DType, target: DType) -> Constants:
    return () if wide_decimal(source) and target.kind == "bool" else None


def _narrowed_overflows(x: Any, more: Any, least: Any, upper: Any, most: Any) -> Any:
    value, leaves = wide_rescaled(x, more)
    return leaves | (value < wide_of(least)) | (value > wide(upper, most))


@scalar(name="cast", dtype=cast_rule(_narrowed, True), overflow=_narrowed_overflows)
def _cast_wide(x: Any, more: Any, least: Any, upper: Any, most: Any) -> Any:
    value, _ = wide_rescaled(x, more)
    return wide_low(value)


@scalar(name="cast", dtype=cast_rule(_narrowed, False), null="partial")
def _cast_wide_or_null(x: Any, more: Any, least: Any, upper: Any, most: Any) -> Any:
    value, leaves = wide_rescaled(x, more)
    return wide_low(value), not (leaves | (value < wide_of(least)) | (value > wide(upper, most)))


@scalar(name="cast", dtype=cast_rule(_real_wide))
def _cast_wide_real(x: Any, unit: Any) -> Any:
    return wide_to_float(x) / unit


@scalar(name="cast", dtype=cast_rule(_true_wide))
def _cast_wide_true(x: Any) -> Any:
    return x != wide_of(0)
