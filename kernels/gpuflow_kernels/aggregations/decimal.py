"""Aggregations of decimals. Sums have 38 digits, and are exact or raise; means are floats of exact sums."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.aggregate import Slot, aggregation
from gpuflow_kernels.declare.scalar import Signature
from gpuflow_kernels.declare.type_rules import WIDE_BOUND, Types, narrow_decimal, unchanged, wide_decimal
from gpuflow_kernels.dtypes import BOOL, FLOAT64, INT64, UINT64, WIDE_DIGITS, decimal
from gpuflow_kernels.rowmath import (
    float64,
    int64,
    uint64,
    wide,
    wide_add,
    wide_high,
    wide_limbs,
    wide_low,
    wide_past,
    wide_to_float,
)

_COUNT = Slot(INT64, 0, "add", counts=True)
_DIGIT = Slot(INT64, 0, "add")


def _sum(args: Types, params: Any = None) -> Signature | None:
    return Signature(args, decimal(WIDE_DIGITS, args[0].scale)) if narrow_decimal(args[0]) else None


def _wide_sum(args: Types, params: Any = None) -> Signature | None:
    return Signature(args, args[0], WIDE_BOUND) if wide_decimal(args[0]) else None


def _mean(args: Types, params: Any = None) -> Signature | None:
    return Signature(args, FLOAT64, (10.0 ** args[0].scale,)) if narrow_decimal(args[0]) else None


def _wide_mean(args: Types, params: Any = None) -> Signature | None:
    return Signature((FLOAT64,), FLOAT64) if wide_decimal(args[0]) else None


# 2**31 rows of 18 digits stay far below 38 digits: there is nothing to check.
@aggregation(name="sum", dtype=_sum, slots=(_DIGIT, _DIGIT), empty=0)
class _Sum:
    @staticmethod
    def lift(x: Any) -> Any:
        return x & 4294967295, x >> 32

    @staticmethod
    def finalize(low: Any, high: Any) -> Any:
        return wide_limbs(low, high)


@aggregation(name="sum", dtype=_wide_sum, slots=(_DIGIT,) * 4, empty=0)
class _SumWide:
    @staticmethod
    def lift(x: Any) -> Any:
        low, high = wide_low(x), wide_high(x)
        return int64(low & uint64(4294967295)), int64(low >> uint64(32)), high & 4294967295, high >> 32

    @staticmethod
    def finalize(first: Any, second: Any, third: Any, fourth: Any, high: Any, low: Any) -> Any:
        return wide_add(wide_limbs(first, second), wide((fourth << 32) + third, 0))

    @staticmethod
    def overflow(first: Any, second: Any, third: Any, fourth: Any, high: Any, low: Any) -> Any:
        carried = second + int64(uint64(first) >> uint64(32))
        top = fourth + ((third + (carried >> 32)) >> 32)
        total = wide_add(wide_limbs(first, second), wide((fourth << 32) + third, 0))
        return (top < -2147483648) | (top > 2147483647) | wide_past(total, high, low)


@aggregation(name="mean", dtype=_mean, slots=(_DIGIT, _DIGIT, _COUNT))
class _Mean:
    @staticmethod
    def lift(x: Any) -> Any:
        return x & 4294967295, x >> 32, 1

    @staticmethod
    def finalize(low: Any, high: Any, count: Any, unit: Any) -> Any:
        return wide_to_float(wide_limbs(low, high)) / unit / float64(count)


@aggregation(name="mean", dtype=_wide_mean, slots=(Slot(FLOAT64, 0.0, "add"), _COUNT))
class _MeanWide:
    @staticmethod
    def lift(x: Any) -> Any:
        return x, 1

    @staticmethod
    def finalize(total: Any, count: Any) -> Any:
        return total / float64(count)


# -- least, greatest, first, last of wide decimals --------------------------------------------------------------------
class _Halves:
    """A wide value by its halves."""

    @staticmethod
    def lift(x: Any) -> Any:
        return wide_high(x), wide_low(x)

    @staticmethod
    def finalize(high: Any, low: Any) -> Any:
        return wide(high, low)


@aggregation(name="min", dtype=unchanged(wide_decimal), slots=(Slot(INT64, "highest"), Slot(UINT64, "highest")), idempotent=True)
class _Min(_Halves):
    @staticmethod
    def combine(high: Any, low: Any, other_high: Any, other_low: Any) -> Any:
        less = (high < other_high) | ((high == other_high) & (low <= other_low))
        return high if less else other_high, low if less else other_low


@aggregation(name="max", dtype=unchanged(wide_decimal), slots=(Slot(INT64, "lowest"), Slot(UINT64, "lowest")), idempotent=True)
class _Max(_Halves):
    @staticmethod
    def combine(high: Any, low: Any, other_high: Any, other_low: Any) -> Any:
        more = (high > other_high) | ((high == other_high) & (low >= other_low))
        return high if more else other_high, low if more else other_low


class _Placed:
    @staticmethod
    def lift(x: Any, x_valid: Any, position: Any) -> Any:
        return wide_high(x), wide_low(x), x_valid, position

    @staticmethod
    def finalize(high: Any, low: Any, x_valid: Any, place: Any) -> Any:
        return wide(high, low), x_valid


class _PlacedValid:
    @staticmethod
    def lift(x: Any, position: Any) -> Any:
        return wide_high(x), wide_low(x), position

    @staticmethod
    def finalize(high: Any, low: Any, place: Any) -> Any:
        return wide(high, low)


_PAIR = (Slot(INT64, 0), Slot(UINT64, 0))
_EARLIEST, _LATEST = Slot(INT64, 9223372036854775807), Slot(INT64, -1)
_is_wide = unchanged(wide_decimal)


@aggregation(name="first", dtype=_is_wide, slots=(*_PAIR, Slot(BOOL, False), _EARLIEST), nulls="lift", value_blind=True)
class _First(_Placed):
    @staticmethod
    def combine(a: Any, b: Any, valid: Any, place: Any, c: Any, d: Any, other_valid: Any, other_place: Any) -> Any:
        own = place <= other_place
        return a if own else c, b if own else d, valid if own else other_valid, place if own else other_place


@aggregation(name="last", dtype=_is_wide, slots=(*_PAIR, Slot(BOOL, False), _LATEST), nulls="lift", value_blind=True)
class _Last(_Placed):
    @staticmethod
    def combine(a: Any, b: Any, valid: Any, place: Any, c: Any, d: Any, other_valid: Any, other_place: Any) -> Any:
        own = place >= other_place
        return a if own else c, b if own else d, valid if own else other_valid, place if own else other_place


@aggregation(name="first_valid", dtype=_is_wide, slots=(*_PAIR, _EARLIEST), value_blind=True)
class _FirstValid(_PlacedValid):
    @staticmethod
    def combine(a: Any, b: Any, place: Any, c: Any, d: Any, other_place: Any) -> Any:
        own = place <= other_place
        return a if own else c, b if own else d, place if own else other_place


@aggregation(name="last_valid", dtype=_is_wide, slots=(*_PAIR, _LATEST), value_blind=True)
class _LastValid(_PlacedValid):
    @staticmethod
    def combine(a: Any, b: Any, place: Any, c: Any, d: Any, other_place: Any) -> Any:
        own = place >= other_place
        return a if own else c, b if own else d, place if own else other_place
