"""Row functions on decimals: arithmetic, rounding, and the halves of wide values. Types follow DuckDB's rules.

A decimal of up to 18 digits is a whole number scaled by a power of ten, and computes like one in int64; a result that 18
digits do not hold raises. Decimals of 38 digits (*wide*) are what sums are: they can be added, subtracted, multiplied by a
decimal of up to 18 digits, divided, compared and cast. A float makes floats of all it meets.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import REQUIRED, Signature, scalar
from gpuflow_kernels.declare.type_rules import WIDE_BOUND, Parameters, ScalarRule, Types, narrow_decimal, unchanged, wide_decimal
from gpuflow_kernels.dtypes import FLOAT64, INT64, NARROW_DIGITS, NULL, UINT64, WIDE_DIGITS, DType, common, decimal, digits_of
from gpuflow_kernels.rowmath import (
    add_overflows,
    ceil_div,
    float_pow,
    floor_div,
    floor_mod,
    mul_overflows,
    round_div_even,
    sub_overflows,
    trunc_div,
    wide,
    wide_abs,
    wide_add,
    wide_high,
    wide_low,
    wide_mul,
    wide_mul_past,
    wide_neg,
    wide_of,
    wide_past,
)

from . import arithmetic, math  # noqa: F401  (what is declared there comes first)


def _kinds(args: Types) -> tuple[DType, ...] | None:
    """The types of decimals and integers that meet, one decimal at least; an untyped null takes the type of the others."""
    typed = next((a for a in args if a.is_decimal), None)
    kinds = tuple(typed if a == NULL and typed else a for a in args)
    return kinds if typed and all(a.is_decimal or a.is_integer for a in kinds) else None


def scaled(dtype: DType, scale: int) -> DType:
    """The decimal for values of a type with `scale` digits after the point, of at most 18 digits in all."""
    digits, own = digits_of(dtype) or (0, 0)
    return decimal(min(NARROW_DIGITS, digits - own + scale), scale)


# -- plus, minus ------------------------------------------------------------------------------------------------------
def _summed(args: Types, params: Parameters | None = None) -> Signature | None:
    """One digit more than the wider one has before the point, as many behind it as either; at most 18."""
    kinds = _kinds(args)
    if kinds is None or any(a.is_wide for a in kinds):
        return None
    digits = [digits_of(a) or (0, 0) for a in kinds]
    scale = max(s for _, s in digits)
    whole = max(p - s for p, s in digits)
    result = decimal(min(NARROW_DIGITS, whole + scale + 1), scale)
    return Signature(tuple(scaled(a, scale) for a in kinds), result, (result.bounds[1],))


def _summed_wide(args: Types, params: Parameters | None = None) -> Signature | None:
    kinds = _kinds(args)
    if kinds is None or not any(a.is_wide for a in kinds):
        return None
    result = decimal(WIDE_DIGITS, max((digits_of(a) or (0, 0))[1] for a in kinds))
    return Signature((result, result), result, WIDE_BOUND)


def _sum_overflows(x: Any, y: Any, bound: Any) -> Any:
    return add_overflows(x, y) | (x + y > bound) | (x + y < -bound)


def _difference_overflows(x: Any, y: Any, bound: Any) -> Any:
    return sub_overflows(x, y) | (x - y > bound) | (x - y < -bound)


def _wide_sum_overflows(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_past(wide_add(x, y), high, low)


def _wide_difference_overflows(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_past(wide_add(x, wide_neg(y)), high, low)


@scalar(name="add", dtype=_summed, overflow=_sum_overflows, interval="sum")
def _add(x: Any, y: Any, bound: Any) -> Any:
    return x + y


@scalar(name="sub", dtype=_summed, overflow=_difference_overflows, interval="difference")
def _sub(x: Any, y: Any, bound: Any) -> Any:
    return x - y


@scalar(name="add", dtype=_summed_wide, overflow=_wide_sum_overflows)
def _add_wide(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_add(x, y)


@scalar(name="sub", dtype=_summed_wide, overflow=_wide_difference_overflows)
def _sub_wide(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_add(x, wide_neg(y))


# -- times ------------------------------------------------------------------------------------------------------------
def _product_scale(kinds: Types, most: int) -> int:
    scale = sum((digits_of(a) or (0, 0))[1] for a in kinds)
    if scale > most:
        raise ValueError(
            f"the product has {scale} digits after the point, and {most} are the most; cast one of them to a decimal with "
            f"fewer, as in .cast(gf.Decimal({NARROW_DIGITS}, 4)), or to gf.Float64"
        )
    return scale


def _factors(kinds: Types) -> Types:
    """Integers stay what they are, for they have no digits after the point."""
    return tuple(a if a.is_decimal else INT64 for a in kinds)


def _multiplied(args: Types, params: Parameters | None = None) -> Signature | None:
    """Digits of both together, before and behind the point; at most 18."""
    kinds = _kinds(args)
    if kinds is None or any(a.is_wide for a in kinds):
        return None
    scale = _product_scale(kinds, NARROW_DIGITS)
    result = decimal(min(NARROW_DIGITS, sum((digits_of(a) or (0, 0))[0] for a in kinds)), scale)
    return Signature(_factors(kinds), result, (result.bounds[1],))


def _multiplied_wide(wide_first: bool) -> ScalarRule:
    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        kinds = _kinds(args)
        if kinds is None or [a.is_wide for a in kinds] != [wide_first, not wide_first]:
            return None
        return Signature(_factors(kinds), decimal(WIDE_DIGITS, _product_scale(kinds, WIDE_DIGITS)), WIDE_BOUND)

    return rule


def _product_overflows(x: Any, y: Any, bound: Any) -> Any:
    return mul_overflows(x, y) | (x * y > bound) | (x * y < -bound)


def _wide_first_overflows(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_mul_past(x, y, high, low)


def _wide_second_overflows(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_mul_past(y, x, high, low)


@scalar(name="mul", dtype=_multiplied, overflow=_product_overflows, interval="product")
def _mul(x: Any, y: Any, bound: Any) -> Any:
    return x * y


@scalar(name="mul", dtype=_multiplied_wide(True), overflow=_wide_first_overflows)
def _mul_wide_first(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_mul(x, y)


@scalar(name="mul", dtype=_multiplied_wide(False), overflow=_wide_second_overflows)
def _mul_wide_second(x: Any, y: Any, high: Any, low: Any) -> Any:
    return wide_mul(y, x)


# -- divided by -------------------------------------------------------------------------------------------------------
def _met(args: Types) -> DType | None:
    """The decimal of up to 18 digits in which decimals and integers meet."""
    kinds = _kinds(args)
    meeting = common(*kinds) if kinds else None
    return meeting if meeting is not None and narrow_decimal(meeting) else None


def _divided(args: Types, params: Parameters | None = None) -> Signature | None:
    meeting = _met(args)
    return Signature((meeting, meeting), decimal(meeting.precision, 0)) if meeting else None


def _remaining(args: Types, params: Parameters | None = None) -> Signature | None:
    meeting = _met(args)
    return Signature((meeting, meeting), meeting) if meeting else None


@scalar(name="floordiv", dtype=_divided, null="partial", structural=("y",))
def _floordiv(x: Any, y: Any) -> Any:
    return floor_div(x, y), y != 0


@scalar(name="mod", dtype=_remaining, null="partial", structural=("y",))
def _mod(x: Any, y: Any) -> Any:
    return floor_mod(x, y), y != 0


def _real_power(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((FLOAT64, FLOAT64), FLOAT64) if _kinds(args) else None


@scalar(name="pow", dtype=_real_power)
def _pow(x: Any, y: Any) -> Any:
    return float_pow(x, y)


# -- one argument -----------------------------------------------------------------------------------------------------
def _signed(accepts: Any) -> ScalarRule:
    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature(args, INT64) if accepts(args[0]) else None

    return rule


@scalar(name="neg", dtype=unchanged(narrow_decimal))
def _neg(x: Any) -> Any:
    return -x


@scalar(name="neg", dtype=unchanged(wide_decimal))
def _neg_wide(x: Any) -> Any:
    return wide_neg(x)


@scalar(name="abs", dtype=unchanged(narrow_decimal))
def _abs(x: Any) -> Any:
    return abs(x)


@scalar(name="abs", dtype=unchanged(wide_decimal))
def _abs_wide(x: Any) -> Any:
    return wide_abs(x)


@scalar(name="sign", dtype=_signed(narrow_decimal))
def _sign(x: Any) -> Any:
    return 1 if x > 0 else (-1 if x < 0 else 0)


@scalar(name="sign", dtype=_signed(wide_decimal))
def _sign_wide(x: Any) -> Any:
    return 1 if x > wide_of(0) else (-1 if x < wide_of(0) else 0)


# -- rounding ---------------------------------------------------------------------------------------------------------
def _fewer_digits(args: Types, params: Parameters | None = None) -> Signature | None:
    """`digits` after the point, where the value has more."""
    dtype, digits = args[0], (params or {}).get("digits", 0)
    if not narrow_decimal(dtype):
        return None
    scale = min(dtype.scale, digits)
    return Signature(args, decimal(dtype.precision, scale), (10 ** (dtype.scale - scale),))


def _whole(args: Types, params: Parameters | None = None) -> Signature | None:
    return _fewer_digits(args, {"digits": 0})


@scalar(name="round", dtype=_fewer_digits)
def _round(x: Any, unit: Any) -> Any:
    return round_div_even(x, unit)


@scalar(name="floor", dtype=_whole)
def _floor(x: Any, unit: Any) -> Any:
    return floor_div(x, unit)


@scalar(name="ceil", dtype=_whole)
def _ceil(x: Any, unit: Any) -> Any:
    return ceil_div(x, unit)


@scalar(name="truncate", dtype=_whole)
def _truncate(x: Any, unit: Any) -> Any:
    return trunc_div(x, unit)


# -- halves of wide values --------------------------------------------------------------------------------------------
def _half(result: DType) -> ScalarRule:
    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature(args, result) if wide_decimal(args[0]) else None

    return rule


def _joined(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature(args, decimal(WIDE_DIGITS, (params or {})["scale"])) if args == (INT64, UINT64) else None


@scalar(name="upper_half", dtype=_half(INT64), method=False)
def _upper_half(x: Any) -> Any:
    """Return the upper 64 bits of a decimal of 38 digits: with the lower ones a key of groups and joins."""
    return wide_high(x)


@scalar(name="lower_half", dtype=_half(UINT64), method=False)
def _lower_half(x: Any) -> Any:
    """Return the lower 64 bits of a decimal of 38 digits."""
    return wide_low(x)


@scalar(name="of_halves", dtype=_joined, parameters={"scale": REQUIRED}, method=False)
def _of_halves(high: Any, low: Any) -> Any:
    """Return the decimal of 38 digits with these halves."""
    return wide(high, low)
