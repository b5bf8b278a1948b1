"""Moving dates and timestamps by lengths of time that differ from row to row: `dt.offset_by`, `dt.truncate` and `dt.round`
of a column of strings. Each different text is read once, on the host; what it means are numbers that enter the kernel.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import INT64, NULL, STRING
from gpuflow_kernels.functions.casts.numbers import ticks_a_day
from gpuflow_kernels.rowmath import (
    add_overflows,
    calendar_overflows,
    floor_div,
    local_ticks,
    moved_by_calendar,
    mul_overflows,
    stepped,
    zone_offset,
    zoned_overflows,
    zoned_ticks,
)

from .time_zones import table_of

_DAY = 86_400 * 10**9
_SPAN = {"span_months": 0, "span_days": 1, "span_nanoseconds": 2}
_STEP = {"step_months": 3, "step_nanoseconds": 4, "step_weekly": 5}


# -- what a text means ------------------------------------------------------------------------------------------------
def _part(number: int) -> ScalarRule:
    """One of the numbers that a length of time is."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        return Signature((STRING,), INT64, (number,)) if args[0] in (STRING, NULL) else None

    return rule


def _number(s: Any, part: Any) -> Any: ...


for _names, _what in (
    (_SPAN, "length of time, such as '15m' or '-1mo2d'"),
    (_STEP, "interval above zero, such as '15m' or '1mo'"),
):
    for _name, _place in _names.items():
        scalar(
            name=_name,
            dtype=_part(_place),
            arity=1,
            host="length_of_time",
            method=False,
            failure=f"meets a string that is no {_what}",
        )(_number)


def _rule(names: dict[str, int], *, zoned: bool) -> ScalarRule:
    """Of a moment and a column of strings. The body gets nanoseconds of a tick, 1 for a date whose lengths may be rounded down to
    days, ticks of a day, and the bounds of the type; with a zone its table and the ticks of a second first."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if len(args) != 2 or args[1] not in (STRING, NULL) or args[0].kind not in ("date", "timestamp"):
            return None
        dtype = args[0]
        if (dtype.zone is not None) is not zoned:
            return None
        day = ticks_a_day(dtype)
        loose = dtype.kind == "date" and names is _SPAN
        constants = (_DAY // day, int(loose), day, *dtype.bounds)
        own = (table_of(dtype), dtype.per_second) if zoned else ()
        sources = ((0, None), *((1, name) for name in names))
        return Signature((dtype, INT64, INT64, INT64), dtype, (*own, *constants), sources=sources)

    return rule


_BY = "leaves the type, or meets a length of time that is no whole number of its ticks; cast to a finer unit first"


# -- by a length of time ----------------------------------------------------------------------------------------------
def _offset_overflows(
    x: Any, months: Any, days: Any, nanos: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    ticks = floor_div(nanos, tick)
    moved = moved_by_calendar(x, months, days, ticks, day)
    uneven = (loose == 0) & (ticks * tick != nanos)
    return uneven | calendar_overflows(x, months, days, ticks, day) | (moved < low) | (moved > high)


@scalar(name="offset_by", namespace="dt", dtype=_rule(_SPAN, zoned=False), overflow=_offset_overflows, failure=_BY)
def _offset_by(
    x: Any, months: Any, days: Any, nanos: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    return moved_by_calendar(x, months, days, floor_div(nanos, tick), day)


def _offset_zoned_overflows(
    x: Any, months: Any, days: Any, nanos: Any, z: Any, per: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:
    ticks = floor_div(nanos, tick)
    local = local_ticks(x, z, per)
    moved = moved_by_calendar(local, months, days, 0, day)
    instant = zoned_ticks(moved, z, per, zone_offset(floor_div(x, per), z))
    leaves = calendar_overflows(local, months, days, 0, day) | zoned_overflows(x, moved, z, per)
    return leaves | add_overflows(instant, ticks) | (ticks * tick != nanos)


@scalar(name="offset_by", namespace="dt", dtype=_rule(_SPAN, zoned=True), overflow=_offset_zoned_overflows, failure=_BY)
def _offset_by_zoned(
    x: Any, months: Any, days: Any, nanos: Any, z: Any, per: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:
    moved = moved_by_calendar(local_ticks(x, z, per), months, days, 0, day)
    return zoned_ticks(moved, z, per, zone_offset(floor_div(x, per), z)) + floor_div(nanos, tick)


# -- to the begin of an interval --------------------------------------------------------------------------------------
def _start_overflows(
    x: Any, months: Any, nanos: Any, weekly: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    uneven = floor_div(nanos, tick) * tick != nanos
    return uneven | (stepped(x, months, floor_div(nanos, tick), weekly * 4 * day, day) > x)


@scalar(name="truncate", namespace="dt", dtype=_rule(_STEP, zoned=False), overflow=_start_overflows, failure=_BY)
def _truncate(
    x: Any, months: Any, nanos: Any, weekly: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    return stepped(x, months, floor_div(nanos, tick), weekly * 4 * day, day)


def _start_zoned_overflows(
    x: Any, months: Any, nanos: Any, weekly: Any, z: Any, per: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:
    ticks = floor_div(nanos, tick)
    local = local_ticks(x, z, per)
    start = stepped(local, months, ticks, weekly * 4 * day, day)
    return (ticks * tick != nanos) | (start > local) | zoned_overflows(x, start, z, per)


@scalar(name="truncate", namespace="dt", dtype=_rule(_STEP, zoned=True), overflow=_start_zoned_overflows, failure=_BY)
def _truncate_zoned(
    x: Any, months: Any, nanos: Any, weekly: Any, z: Any, per: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:
    start = stepped(local_ticks(x, z, per), months, floor_div(nanos, tick), weekly * 4 * day, day)
    return zoned_ticks(start, z, per, zone_offset(floor_div(x, per), z))


# -- to the nearest begin of an interval ------------------------------------------------------------------------------
def _nearest_overflows(
    x: Any, months: Any, nanos: Any, weekly: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    ticks = floor_div(nanos, tick)
    half = ticks // 2 + 14 * months * day
    start = stepped(x + half, months, ticks, weekly * 4 * day, day)
    return (ticks * tick != nanos) | mul_overflows(14 * months, day) | add_overflows(x, half) | (start > x + half)


@scalar(name="round", namespace="dt", dtype=_rule(_STEP, zoned=False), overflow=_nearest_overflows, failure=_BY)
def _round(
    x: Any, months: Any, nanos: Any, weekly: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    ticks = floor_div(nanos, tick)
    return stepped(x + ticks // 2 + 14 * months * day, months, ticks, weekly * 4 * day, day)


def _nearest_zoned_overflows(
    x: Any, months: Any, nanos: Any, weekly: Any, z: Any, per: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:
    ticks = floor_div(nanos, tick)
    half = ticks // 2 + 14 * months * day
    local = local_ticks(x + half, z, per)
    start = stepped(local, months, ticks, weekly * 4 * day, day)
    return (
        (ticks * tick != nanos)
        | mul_overflows(14 * months, day)
        | add_overflows(x, half)
        | (start > local)
        | zoned_overflows(x + half, start, z, per)
    )


@scalar(name="round", namespace="dt", dtype=_rule(_STEP, zoned=True), overflow=_nearest_zoned_overflows, failure=_BY)
def _round_zoned(
    x: Any, months: Any, nanos: Any, weekly: Any, z: Any, per: Any, tick: Any, loose: Any, day: Any, low: Any, high: Any
) -> Any:
    ticks = floor_div(nanos, tick)
    later = x + ticks // 2 + 14 * months * day
    start = stepped(local_ticks(later, z, per), months, ticks, weekly * 4 * day, day)
    return zoned_ticks(start, z, per, zone_offset(floor_div(later, per), z))
