"""The built-in aggregations. Importing this module fills `gpuflow_kernels.declare.aggregate.AGGREGATIONS`.

Nulls are skipped but for `len`, `first`, `last` and `n_unique`. Integer sums are exact or raise: 64-bit integers are
added as two halves, which are put together, and checked, once in the end, so that no answer depends on an order. The
halves are exact for 2**32 rows in a group.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.aggregate import INPUT, Slot, aggregation
from gpuflow_kernels.declare.scalar import Signature
from gpuflow_kernels.declare.type_rules import (
    ScalarRule,
    Types,
    always,
    anything,
    boolean,
    exactly,
    floating,
    integer,
    kind,
    narrow_decimal,
    unchanged,
)
from gpuflow_kernels.dtypes import BOOL, FLOAT64, INT64, UINT64, DType
from gpuflow_kernels.rowmath import float64, inf, int64, isnan, mul_overflows, nan, uint64

from . import first_last, quantile, variance  # noqa: F401  (declare their share)

_COUNT = Slot(INT64, 0, "add", counts=True)
_moment = kind("timestamp", "duration")


def _narrow(d: DType) -> bool:
    """Integers whose sums fit int64 for 2**31 rows."""
    return d.is_integer and d.bits <= 32


def _untouched(result: DType, *accepted: Any) -> ScalarRule:
    """Arguments as they are, a fixed result."""

    def rule(args: Types, params: Any = None) -> Signature | None:
        return Signature(args, result) if all(any(a(d) for a in accepted) for d in args) else None

    return rule


class _Carried:
    """One slot that holds the result."""

    @staticmethod
    def lift(x: Any) -> Any:
        return x

    @staticmethod
    def finalize(x: Any) -> Any:
        return x


# -- counting ---------------------------------------------------------------------------------------------------------
@aggregation(name="len", dtype=always(INT64, anything), slots=(_COUNT,), empty=0, arity=0, value_blind=True)
class _Len:
    """Return the number of rows, nulls included.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5, None, 5]}).select(rows=gf.len(), values=gf.col("x").count()).collect().to_dict()
    {'rows': [3], 'values': [2]}
    """

    @staticmethod
    def lift() -> Any:
        return 1

    @staticmethod
    def finalize(count: Any) -> Any:
        return count


@aggregation(name="count", dtype=_untouched(INT64, anything), slots=(_COUNT,), empty=0, value_blind=True)
class _Count:
    """Return the number of values that are not null.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5, None, 5]}).select(gf.col("x").count()).collect().to_dict()
    {'x': [2]}
    """

    @staticmethod
    def lift(x: Any) -> Any:
        return 1

    @staticmethod
    def finalize(count: Any) -> Any:
        return count


@aggregation(name="n_unique", dtype=_untouched(INT64, anything), empty=0, nulls="lift", idempotent=True, over_distinct="len")
class _NUnique:
    """Return the number of different values, null being one.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5, None, 5]}).select(gf.col("x").n_unique()).collect().to_dict()
    {'x': [2]}
    """


# -- sum --------------------------------------------------------------------------------------------------------------
@aggregation(name="sum", dtype=_untouched(INT64, _narrow), slots=(Slot(INT64, 0, "add"),), empty=0)
class _SumNarrow(_Carried):
    """Add up all values; 0 for no values.

    Integers add up to int64 (uint64 to uint64) and raise where the sum does not fit; floats add up in float64; truth values
    count as 1 and 0.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5, None, 7], "y": [True, True, False]}).select(gf.col("x", "y").sum()).collect().to_dict()
    {'x': [12], 'y': [2]}
    """


@aggregation(
    name="sum", dtype=unchanged(lambda d: d == INT64 or d.kind == "duration"), slots=(Slot(INT64, 0, "add"),) * 2, empty=0
)
class _SumWide:
    @staticmethod
    def lift(x: Any) -> Any:
        return x & 4294967295, x >> 32

    @staticmethod
    def finalize(low: Any, high: Any) -> Any:
        return (high << 32) + low

    @staticmethod
    def overflow(low: Any, high: Any) -> Any:
        upper = high + int64(uint64(low) >> uint64(32))
        return (upper < -2147483648) | (upper > 2147483647)


@aggregation(name="sum", dtype=exactly(UINT64, result=UINT64), slots=(Slot(UINT64, 0, "add"),) * 2, empty=0)
class _SumUnsigned:
    @staticmethod
    def lift(x: Any) -> Any:
        return x & uint64(4294967295), x >> uint64(32)

    @staticmethod
    def finalize(low: Any, high: Any) -> Any:
        return (high << uint64(32)) + low

    @staticmethod
    def overflow(low: Any, high: Any) -> Any:
        return high + (low >> uint64(32)) > uint64(4294967295)


@aggregation(name="sum", dtype=unchanged(floating), slots=(Slot(FLOAT64, 0.0, "add"),), empty=0)
class _SumFloats(_Carried):
    pass


@aggregation(name="sum", dtype=_untouched(INT64, boolean), slots=(Slot(INT64, 0, "add"),), empty=0)
class _SumTruths:
    @staticmethod
    def lift(x: Any) -> Any:
        return 1 if x else 0

    @staticmethod
    def finalize(total: Any) -> Any:
        return total


# -- mean -------------------------------------------------------------------------------------------------------------
@aggregation(name="mean", dtype=_untouched(FLOAT64, _narrow), slots=(Slot(INT64, 0, "add"), _COUNT))
class _MeanNarrow:
    """Return the arithmetic mean; null for no values. float32 has a float32 mean, every other number a float64 one.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5, None, 8]}).select(gf.col("x").mean()).collect().to_dict()
    {'x': [6.5]}
    """

    @staticmethod
    def lift(x: Any) -> Any:
        return x, 1

    @staticmethod
    def finalize(total: Any, count: Any) -> Any:
        return float64(total) / float64(count)


@aggregation(name="mean", dtype=_untouched(FLOAT64, integer, boolean), slots=(Slot(FLOAT64, 0.0, "add"), _COUNT))
class _Mean:
    @staticmethod
    def lift(x: Any) -> Any:
        return float64(x), 1

    @staticmethod
    def finalize(total: Any, count: Any) -> Any:
        return total / float64(count)


@aggregation(name="mean", dtype=unchanged(floating), slots=(Slot(FLOAT64, 0.0, "add"), _COUNT))
class _MeanFloats:
    @staticmethod
    def lift(x: Any) -> Any:
        return float64(x), 1

    @staticmethod
    def finalize(total: Any, count: Any) -> Any:
        return total / float64(count)


@aggregation(name="mean", dtype=unchanged(_moment), slots=(Slot(INT64, 0, "add"), Slot(INT64, 0, "add"), _COUNT))
class _MeanMoments:
    """Rounded towards zero to a whole tick."""

    @staticmethod
    def lift(x: Any) -> Any:
        return x & 4294967295, x >> 32, 1

    @staticmethod
    def finalize(low: Any, high: Any, count: Any) -> Any:
        divisor = count if count > 0 else 1
        unsigned = uint64(divisor)
        whole = high // divisor  # the mean, digit by digit in base 2**32: exact where floats would round
        below = uint64(low) // unsigned
        rest = (uint64(high - whole * divisor) << uint64(32)) + (uint64(low) - below * unsigned)
        last = rest // unsigned
        mean = (whole << 32) + int64(below + last)
        return mean + 1 if (mean < 0) & (last * unsigned != rest) else mean


# -- least and greatest -----------------------------------------------------------------------------------------------
_ordered = unchanged(lambda d: d.is_integer or d.is_temporal or d.is_text or d.kind == "enum" or narrow_decimal(d))


@aggregation(name="min", dtype=_ordered, slots=(Slot(INPUT, "highest", "min"),), idempotent=True)
class _Min(_Carried):
    """Return the least value; null for no values. NaN is skipped unless there is nothing else.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5.0, None, float("nan")]}).select(gf.col("x").min()).collect().to_dict()
    {'x': [5.0]}
    """


@aggregation(
    name="min", dtype=unchanged(floating), slots=(Slot(INPUT, "highest", "min"), Slot(BOOL, False, "or")), idempotent=True
)
class _MinFloats:
    @staticmethod
    def lift(x: Any) -> Any:
        return inf if isnan(x) else x, not isnan(x)

    @staticmethod
    def finalize(least: Any, number: Any) -> Any:
        return least + 0.0 if number else nan  # of zeros of both signs which one was seen first, or last, is not defined


@aggregation(name="min", dtype=unchanged(boolean), slots=(Slot(BOOL, True, "and"),), idempotent=True)
class _MinTruths(_Carried):
    pass


@aggregation(name="max", dtype=_ordered, slots=(Slot(INPUT, "lowest", "max"),), idempotent=True)
class _Max(_Carried):
    """Return the greatest value; null for no values. NaN is skipped unless there is nothing else.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [5.0, None, float("nan")]}).select(gf.col("x").max()).collect().to_dict()
    {'x': [5.0]}
    """


@aggregation(
    name="max", dtype=unchanged(floating), slots=(Slot(INPUT, "lowest", "max"), Slot(BOOL, False, "or")), idempotent=True
)
class _MaxFloats:
    @staticmethod
    def lift(x: Any) -> Any:
        return -inf if isnan(x) else x, not isnan(x)

    @staticmethod
    def finalize(greatest: Any, number: Any) -> Any:
        return greatest + 0.0 if number else nan


@aggregation(name="max", dtype=unchanged(boolean), slots=(Slot(BOOL, False, "or"),), idempotent=True)
class _MaxTruths(_Carried):
    pass


# -- truth ------------------------------------------------------------------------------------------------------------
@aggregation(name="any", dtype=unchanged(boolean), slots=(Slot(BOOL, False, "or"),), empty=False, idempotent=True)
class _Any(_Carried):
    """Return whether one value is true; nulls are skipped, and nothing gives false.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [True, False, None]}).select(gf.col("x").any()).collect().to_dict()
    {'x': [True]}
    """


@aggregation(name="all", dtype=unchanged(boolean), slots=(Slot(BOOL, True, "and"),), empty=True, idempotent=True)
class _All(_Carried):
    """Return whether no value is false; nulls are skipped, and nothing gives true.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [True, None]}).select(gf.col("x").all()).collect().to_dict()
    {'x': [True]}
    """


# -- product ----------------------------------------------------------------------------------------------------------
@aggregation(
    name="product",
    dtype=always(INT64, lambda d: d.is_integer and d != UINT64),
    slots=(Slot(UINT64, 1), Slot(BOOL, False), Slot(BOOL, False), Slot(BOOL, False)),
    empty=1,
)
class _Product:
    """Multiply all values; 1 for no values. Integers raise where it does not fit; a zero among them makes it 0 in any case.

    Examples
    --------
    >>> import gpuflow as gf
    >>> gf.from_dict({"x": [2, 3, None]}).select(gf.col("x").product()).collect().to_dict()
    {'x': [6]}
    """

    # Magnitude and sign apart, zeros left out: magnitudes only grow, so whether one leaves uint64 depends on no order.
    @staticmethod
    def lift(x: Any) -> Any:
        return uint64(1) if x == 0 else uint64(-x if x < 0 else x), x < 0, False, x == 0

    @staticmethod
    def combine(x: Any, minus: Any, left: Any, zero: Any, y: Any, other_minus: Any, other_left: Any, other_zero: Any) -> Any:
        return x * y, minus != other_minus, left | other_left | mul_overflows(x, y), zero | other_zero

    @staticmethod
    def finalize(x: Any, minus: Any, left: Any, zero: Any) -> Any:
        return 0 if zero else (-int64(x) if minus else int64(x))

    @staticmethod
    def overflow(x: Any, minus: Any, left: Any, zero: Any) -> Any:
        return (left | (x > uint64(9223372036854775808)) | ((x == uint64(9223372036854775808)) & (not minus))) & (not zero)


@aggregation(
    name="product", dtype=exactly(UINT64, result=UINT64), slots=(Slot(UINT64, 1), Slot(BOOL, False), Slot(BOOL, False)), empty=1
)
class _ProductUnsigned:
    @staticmethod
    def lift(x: Any) -> Any:
        return uint64(1) if x == uint64(0) else x, False, x == uint64(0)

    @staticmethod
    def combine(x: Any, left: Any, zero: Any, y: Any, other_left: Any, other_zero: Any) -> Any:
        return x * y, left | other_left | mul_overflows(x, y), zero | other_zero

    @staticmethod
    def finalize(x: Any, left: Any, zero: Any) -> Any:
        return uint64(0) if zero else x

    @staticmethod
    def overflow(x: Any, left: Any, zero: Any) -> Any:
        return left & (not zero)


@aggregation(name="product", dtype=unchanged(floating), slots=(Slot(FLOAT64, 1.0),), empty=1)
class _ProductFloats:
    @staticmethod
    def lift(x: Any) -> Any:
        return float64(x)

    @staticmethod
    def combine(x: Any, y: Any) -> Any:
        return x * y

    @staticmethod
    def finalize(x: Any) -> Any:
        return x


from . import decimal  # noqa: E402, F401  (adds to what is declared above)
