"""The row function `cast`. With ``strict`` (the default) a value that does not fit raises, else it becomes null.

Numbers and truth values become each other; floats lose their fraction on the way to integers. Integers and temporal
values become each other by the integer that stands for them, temporal values by the moment or length they mean (a
timestamp without a zone is taken for UTC where it gets one, and one with a zone gives that of UTC where it loses it):
timestamps and dates are rounded down, durations towards zero.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import REQUIRED, Signature, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import DATE, NULL, UINT64, DType
from gpuflow_kernels.rowmath import float64, floor_div, int64, mul_overflows, trunc, trunc_div, uint64

_SECONDS_A_DAY = 86_400
_CAST = Traits(converts=True, parses=True, shows_type=True)


def ticks_a_day(dtype: DType) -> int:
    """Ticks of a date (1) or timestamp in a day."""
    return 1 if dtype == DATE else _SECONDS_A_DAY * dtype.per_second


def _whole(d: DType) -> bool:
    return d.is_integer or d.is_temporal


def cast_rule(decide: Any, strict: bool | None = None) -> ScalarRule:
    """A rule from ``decide(source, target) -> constants or None``, for one kind of strictness or both."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        target, asked = (params or {})["to"], (params or {})["strict"]
        if not isinstance(target, DType) or target == NULL:
            raise ValueError(f"cast() takes a type to cast to, not {target!r}")
        if strict is not None and bool(asked) is not strict:
            return None
        constants = decide(args[0], target)
        return None if constants is None else Signature(args, target, constants)

    return rule


# -- what always fits -------------------------------------------------------------------------------------------------
def _fits(source: DType, target: DType) -> tuple[int, ...] | None:
    if source in (NULL, target):
        return ()
    if target.is_float and (source.is_numeric or source.is_temporal or source.kind == "bool"):
        return ()
    if source.kind == "bool" and target.is_integer:
        return ()
    if source.kind == target.kind == "timestamp" and source.unit == target.unit:
        return ()  # another zone: the same instant
    inside = target.bounds[0] <= source.bounds[0] and source.bounds[1] <= target.bounds[1]
    return () if _by_number(source, target) and inside else None


def _by_number(source: DType, target: DType) -> bool:
    """Whether whole values go over by their integer alone."""
    return _whole(source) and _whole(target) and not (source.is_temporal and target.is_temporal)


@scalar(
    name="cast", dtype=cast_rule(_fits), parameters={"to": REQUIRED, "strict": True}, method=False, interval="same", traits=_CAST
)
def _cast(x: Any) -> Any:
    """Return the value as another type; what does not fit raises, or with ``strict=False`` becomes null."""
    return x


def _truth(source: DType, target: DType) -> tuple[int, ...] | None:
    return () if source.is_numeric and target.kind == "bool" else None


@scalar(name="cast", dtype=cast_rule(_truth))
def _cast_truth(x: Any) -> Any:
    return x != 0


# -- whole to whole ---------------------------------------------------------------------------------------------------
def _narrowed(source: DType, target: DType) -> tuple[int, ...] | None:
    """Bounds of the target that an int64 can hold."""
    if not _by_number(source, target) or source == UINT64:
        return None
    return target.bounds[0], min(target.bounds[1], (1 << 63) - 1)


def _narrowed_unsigned(source: DType, target: DType) -> tuple[int, ...] | None:
    return (target.bounds[1],) if source == UINT64 and _by_number(source, target) else None


def _outside(x: Any, low: Any, high: Any) -> Any:
    return (x < low) | (x > high)


def _above(x: Any, high: Any) -> Any:
    return x > uint64(high)


@scalar(name="cast", dtype=cast_rule(_narrowed, True), overflow=_outside, interval="same")
def _cast_narrowed(x: Any, low: Any, high: Any) -> Any:
    return x


@scalar(name="cast", dtype=cast_rule(_narrowed, False), null="partial", interval="same")
def _cast_narrowed_or_null(x: Any, low: Any, high: Any) -> Any:
    return x, (x >= low) & (x <= high)


@scalar(name="cast", dtype=cast_rule(_narrowed_unsigned, True), overflow=_above, interval="same")
def _cast_unsigned(x: Any, high: Any) -> Any:
    return x


@scalar(name="cast", dtype=cast_rule(_narrowed_unsigned, False), null="partial", interval="same")
def _cast_unsigned_or_null(x: Any, high: Any) -> Any:
    return x, x <= uint64(high)


# -- float to whole ---------------------------------------------------------------------------------------------------
def _truncated(source: DType, target: DType) -> tuple[float, ...] | None:
    """The least value and the one after the greatest, both exact as floats."""
    return (float(target.bounds[0]), float(target.bounds[1] + 1)) if source.is_float and _whole(target) else None


def _not_inside(x: Any, low: Any, above: Any) -> Any:
    whole = trunc(float64(x))
    return not ((whole >= low) & (whole < above))


@scalar(name="cast", dtype=cast_rule(_truncated, True), overflow=_not_inside)
def _cast_truncated(x: Any, low: Any, above: Any) -> Any:
    whole = trunc(float64(x))
    return whole if (whole >= low) & (whole < above) else float64(0.0)


@scalar(name="cast", dtype=cast_rule(_truncated, False), null="partial")
def _cast_truncated_or_null(x: Any, low: Any, above: Any) -> Any:
    whole = trunc(float64(x))
    inside = (whole >= low) & (whole < above)
    return whole if inside else float64(0.0), inside


# -- temporal to temporal ---------------------------------------------------------------------------------------------
def _scale(source: DType, target: DType) -> tuple[int, int] | None:
    """Ticks of target and source in the same time, smallest whole numbers; None where the types do not mix."""
    if {source.kind, target.kind} <= {"date", "timestamp"}:
        ticks = ticks_a_day(target), ticks_a_day(source)
    elif source.kind == target.kind == "duration":
        ticks = target.per_second, source.per_second
    else:
        return None
    return (ticks[0] // ticks[1], 1) if ticks[0] >= ticks[1] else (1, ticks[1] // ticks[0])


def _finer(source: DType, target: DType) -> tuple[int, ...] | None:
    scale = _scale(source, target)
    return (scale[0],) if scale and scale[0] > 1 else None


def _coarser(source: DType, target: DType) -> tuple[int, ...] | None:
    scale = _scale(source, target)
    return (scale[1],) if scale and scale[1] > 1 and target.kind == "timestamp" else None


def _coarser_duration(source: DType, target: DType) -> tuple[int, ...] | None:
    scale = _scale(source, target)
    return (scale[1],) if scale and scale[1] > 1 and target.kind == "duration" else None


def unit_scale(source: DType, target: DType) -> tuple[str, tuple[int, ...]] | None:
    """How timestamps and durations come into another unit: the name of the body below, and its constants."""
    ways = {"finer": _finer, "coarser": _coarser, "coarser duration": _coarser_duration}
    return next(((way, constants) for way, decide in ways.items() if (constants := decide(source, target))), None)


def _dated(source: DType, target: DType) -> tuple[int, ...] | None:
    return (ticks_a_day(source), *DATE.bounds) if source.kind == "timestamp" and target == DATE else None


def _multiplied_overflows(x: Any, factor: Any) -> Any:
    return mul_overflows(x, factor)


@scalar(name="cast", dtype=cast_rule(_finer, True), overflow=_multiplied_overflows)
def _cast_finer(x: Any, factor: Any) -> Any:
    return x * factor


@scalar(name="cast", dtype=cast_rule(_finer, False), null="partial")
def _cast_finer_or_null(x: Any, factor: Any) -> Any:
    return x * factor, not mul_overflows(x, int64(factor))


@scalar(name="cast", dtype=cast_rule(_coarser))
def _cast_coarser(x: Any, divisor: Any) -> Any:
    return floor_div(x, divisor)


@scalar(name="cast", dtype=cast_rule(_coarser_duration))
def _cast_coarser_duration(x: Any, divisor: Any) -> Any:
    return trunc_div(x, divisor)


def _no_date(x: Any, divisor: Any, low: Any, high: Any) -> Any:
    days = floor_div(x, divisor)
    return (days < low) | (days > high)


@scalar(name="cast", dtype=cast_rule(_dated, True), overflow=_no_date)
def _cast_date(x: Any, divisor: Any, low: Any, high: Any) -> Any:
    return floor_div(x, divisor)


@scalar(name="cast", dtype=cast_rule(_dated, False), null="partial")
def _cast_date_or_null(x: Any, divisor: Any, low: Any, high: Any) -> Any:
    days = floor_div(x, divisor)
    return days, (days >= low) & (days <= high)
