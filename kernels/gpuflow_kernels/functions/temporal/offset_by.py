"""Moving dates and timestamps over the calendar: to the begin of an interval, by months and days, to the ends of a month.

Timestamps with a zone move in local time. Where they end at a local time that clocks show twice they keep their offset
from UTC, where at one that clocks leave out they are moved by the length of the gap (`rowmath_zones.zone_settled`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpuflow_kernels.declare.scalar import REQUIRED, Constant, Signature, scalar
from gpuflow_kernels.declare.time_lengths import span, step, ticks_of
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import DATE, DType
from gpuflow_kernels.functions.casts.numbers import ticks_a_day
from gpuflow_kernels.rowmath import (
    add_overflows,
    calendar_overflows,
    floor_div,
    floor_to,
    local_ticks,
    month_first,
    month_last,
    months_floor,
    moved_by_calendar,
    zone_offset,
    zoned_overflows,
    zoned_ticks,
)

from .time_zones import table_of

Decide = Callable[[DType, Any], "tuple[Constant, ...] | None"]


def _rule(decide: Decide, parameter: str | None, *, zoned: bool) -> ScalarRule:
    """A rule from ``decide(type, value of the parameter) -> constants or None``, for types with or without a zone; with
    one the body gets the zone's table and the ticks of a second first."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        dtype = args[0]
        if len(args) > 1 or dtype.kind not in ("date", "timestamp") or (dtype.zone is not None) is not zoned:
            return None
        constants = decide(dtype, (params or {}).get(parameter) if parameter else None)
        if constants is None:
            return None
        return Signature(args, dtype, (table_of(dtype), dtype.per_second, *constants) if zoned else constants)

    return rule


# -- to the begin of an interval --------------------------------------------------------------------------------------
def _equal_steps(dtype: DType, every: Any) -> tuple[Constant, ...] | None:
    """Ticks of a step, and where one begins: the epoch, or the Monday after it for whole weeks."""
    months, nanoseconds, weekly = step(every)
    if months:
        return None
    day = ticks_a_day(dtype)
    if dtype == DATE and nanoseconds < 86_400 * 10**9:
        raise ValueError(f"a date has no parts as short as {every!r}; cast to a timestamp first")
    return ticks_of(nanoseconds, day, every, dtype), 4 * day if weekly else 0


def _month_steps(dtype: DType, every: Any) -> tuple[Constant, ...] | None:
    months = step(every)[0]
    return (months, ticks_a_day(dtype)) if months else None


def _step_overflows(x: Any, step: Any, origin: Any) -> Any:
    return floor_to(x - origin, step) + origin > x


def _month_step_overflows(x: Any, step: Any, day: Any) -> Any:
    return months_floor(x, step, day) > x


@scalar(
    name="truncate",
    namespace="dt",
    dtype=_rule(_equal_steps, "every", zoned=False),
    arity=1,
    parameters={"every": REQUIRED},
    or_column="every",
    overflow=_step_overflows,
)
def _truncate(x: Any, step: Any, origin: Any) -> Any:
    """Return the start of the interval of length `every` that the moment lies in, as in ``dt.truncate("15m")``.

    Intervals count from 1970-01-01, weeks from a Monday; of timestamps with a zone in local time. `every` may be a column of
    strings. Null for null.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.truncate("15m")
    col("t").dt.truncate(every='15m')
    >>> stays = gf.from_dict({"d": [20000, 20000], "e": ["1mo", "1y"]}).with_columns(gf.col("d").cast(gf.Date))
    >>> stays.select(gf.col("d").dt.truncate(gf.col("e")).cast(gf.String)).collect().to_dict()
    {'d': ['2024-10-01', '2024-01-01']}
    """
    return floor_to(x - origin, step) + origin


@scalar(name="truncate", namespace="dt", dtype=_rule(_month_steps, "every", zoned=False), arity=1, overflow=_month_step_overflows)
def _truncate_months(x: Any, step: Any, day: Any) -> Any:
    return months_floor(x, step, day)


def _zoned_step_overflows(x: Any, z: Any, per: Any, step: Any, origin: Any) -> Any:
    local = local_ticks(x, z, per)
    start = floor_to(local - origin, step) + origin
    return (start > local) | zoned_overflows(x, start, z, per)


@scalar(
    name="truncate", namespace="dt", dtype=_rule(_equal_steps, "every", zoned=True), arity=1, overflow=_zoned_step_overflows
)  # fmt: skip
def _truncate_zoned(x: Any, z: Any, per: Any, step: Any, origin: Any) -> Any:
    start = floor_to(local_ticks(x, z, per) - origin, step) + origin
    return zoned_ticks(start, z, per, zone_offset(floor_div(x, per), z))


def _zoned_month_step_overflows(x: Any, z: Any, per: Any, step: Any, day: Any) -> Any:
    local = local_ticks(x, z, per)
    start = months_floor(local, step, day)
    return (start > local) | zoned_overflows(x, start, z, per)


@scalar(
    name="truncate", namespace="dt", dtype=_rule(_month_steps, "every", zoned=True), arity=1, overflow=_zoned_month_step_overflows
)  # fmt: skip
def _truncate_months_zoned(x: Any, z: Any, per: Any, step: Any, day: Any) -> Any:
    return zoned_ticks(months_floor(local_ticks(x, z, per), step, day), z, per, zone_offset(floor_div(x, per), z))


# -- to the nearest begin of an interval ------------------------------------------------------------------------------
def _half_of(decide: Decide) -> Decide:
    """The constants of truncation with half a step before them."""

    def halved(dtype: DType, every: Any) -> tuple[Constant, ...] | None:
        constants = decide(dtype, every)
        if constants is None:
            return None
        length = constants[0]
        assert isinstance(length, int)
        return (length // 2 if decide is _equal_steps else 14 * length * ticks_a_day(dtype), *constants)

    return halved


_half_steps, _half_months = _half_of(_equal_steps), _half_of(_month_steps)


def _round_overflows(x: Any, half: Any, step: Any, origin: Any) -> Any:
    return add_overflows(x, half) | (floor_to(x + half - origin, step) + origin > x + half)


@scalar(
    name="round",
    namespace="dt",
    dtype=_rule(_half_steps, "every", zoned=False),
    arity=1,
    parameters={"every": REQUIRED},
    or_column="every",
    overflow=_round_overflows,
)
def _round(x: Any, half: Any, step: Any, origin: Any) -> Any:
    """Return the nearest start of an interval of length `every`, the later one from the middle on.

    It is the truncated moment half an interval later. Half of a month counts as 14 days, as in Polars. `every` may be a column
    of strings. Null for null.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.round("1h")
    col("t").dt.round(every='1h')
    """
    return floor_to(x + half - origin, step) + origin


def _round_months_overflows(x: Any, half: Any, step: Any, day: Any) -> Any:
    return add_overflows(x, half) | (months_floor(x + half, step, day) > x + half)


@scalar(
    name="round", namespace="dt", dtype=_rule(_half_months, "every", zoned=False), arity=1, overflow=_round_months_overflows
)  # fmt: skip
def _round_months(x: Any, half: Any, step: Any, day: Any) -> Any:
    return months_floor(x + half, step, day)


def _zoned_round_overflows(x: Any, z: Any, per: Any, half: Any, step: Any, origin: Any) -> Any:
    local = local_ticks(x + half, z, per)
    start = floor_to(local - origin, step) + origin
    return add_overflows(x, half) | (start > local) | zoned_overflows(x + half, start, z, per)


@scalar(name="round", namespace="dt", dtype=_rule(_half_steps, "every", zoned=True), arity=1, overflow=_zoned_round_overflows)
def _round_zoned(x: Any, z: Any, per: Any, half: Any, step: Any, origin: Any) -> Any:
    start = floor_to(local_ticks(x + half, z, per) - origin, step) + origin
    return zoned_ticks(start, z, per, zone_offset(floor_div(x + half, per), z))


def _zoned_round_months_overflows(x: Any, z: Any, per: Any, half: Any, step: Any, day: Any) -> Any:
    local = local_ticks(x + half, z, per)
    start = months_floor(local, step, day)
    return add_overflows(x, half) | (start > local) | zoned_overflows(x + half, start, z, per)


@scalar(
    name="round", namespace="dt", dtype=_rule(_half_months, "every", zoned=True), arity=1, overflow=_zoned_round_months_overflows
)  # fmt: skip
def _round_months_zoned(x: Any, z: Any, per: Any, half: Any, step: Any, day: Any) -> Any:
    start = months_floor(local_ticks(x + half, z, per), step, day)
    return zoned_ticks(start, z, per, zone_offset(floor_div(x + half, per), z))


# -- by a length of time ----------------------------------------------------------------------------------------------
def _fixed_length(dtype: DType, by: Any) -> int | None:
    """Ticks of a length without months and days, of a timestamp; None of any other."""
    length = span(by)
    if dtype.kind != "timestamp" or length.months or length.days:
        return None
    return ticks_of(length.nanoseconds, ticks_a_day(dtype), by, dtype)


def _by_ticks(args: Types, params: Parameters | None = None) -> Signature | None:
    if len(args) > 1:
        return None
    ticks = _fixed_length(args[0], (params or {})["by"])
    return None if ticks is None else Signature(args, args[0], (ticks,))


def _by_calendar(dtype: DType, by: Any) -> tuple[Constant, ...] | None:
    """Months, days, further ticks, the ticks of a day, and the bounds of the type. A date takes whole days only."""
    length, day = span(by), ticks_a_day(dtype)
    if _fixed_length(dtype, by) is not None:
        return None
    if dtype == DATE:
        return length.months, length.days + length.nanoseconds // (86_400 * 10**9), 0, day, *dtype.bounds
    return length.months, length.days, ticks_of(length.nanoseconds, day, by, dtype), day, *dtype.bounds


def _ticks_overflow(x: Any, ticks: Any) -> Any:
    return add_overflows(x, ticks)


@scalar(
    name="offset_by",
    namespace="dt",
    dtype=_by_ticks,
    arity=1,
    parameters={"by": REQUIRED},
    overflow=_ticks_overflow,
    or_column="by",
)
def _offset_by_ticks(x: Any, ticks: Any) -> Any:
    """Return the moment a length of time later, as in ``dt.offset_by("1mo2d3h")``, or earlier with a minus sign in front.

    Months go first, and end at the last day of a shorter month; then days, weeks among them; then the rest. Months and
    days count in local time where the timestamp has a zone. A date ignores lengths below a day. `by` may be a column of
    strings. Null for null.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.offset_by("-1mo")
    col("t").dt.offset_by(by='-1mo')
    >>> stays = gf.from_dict({"d": [20000, 20000], "n": ["3d", "-1mo"]}).with_columns(gf.col("d").cast(gf.Date))
    >>> stays.select(gf.col("d").dt.offset_by(gf.col("n")).cast(gf.String)).collect().to_dict()
    {'d': ['2024-10-07', '2024-09-04']}
    """
    return x + ticks


def _offset_overflows(x: Any, months: Any, days: Any, ticks: Any, day: Any, low: Any, high: Any) -> Any:
    moved = moved_by_calendar(x, months, days, ticks, day)
    return calendar_overflows(x, months, days, ticks, day) | (moved < low) | (moved > high)


@scalar(name="offset_by", namespace="dt", dtype=_rule(_by_calendar, "by", zoned=False), arity=1, overflow=_offset_overflows)
def _offset_by(x: Any, months: Any, days: Any, ticks: Any, day: Any, low: Any, high: Any) -> Any:
    return moved_by_calendar(x, months, days, ticks, day)


def _offset_zoned_overflows(
    x: Any, z: Any, per: Any, months: Any, days: Any, ticks: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    local = local_ticks(x, z, per)
    moved = moved_by_calendar(local, months, days, 0, day)
    instant = zoned_ticks(moved, z, per, zone_offset(floor_div(x, per), z))
    leaves = calendar_overflows(local, months, days, 0, day) | zoned_overflows(x, moved, z, per)
    return leaves | add_overflows(instant, ticks)


@scalar(name="offset_by", namespace="dt", dtype=_rule(_by_calendar, "by", zoned=True), arity=1, overflow=_offset_zoned_overflows)
def _offset_by_zoned(
    x: Any, z: Any, per: Any, months: Any, days: Any, ticks: Any, day: Any, low: Any, high: Any
) -> Any:  # fmt: skip
    moved = moved_by_calendar(local_ticks(x, z, per), months, days, 0, day)
    return zoned_ticks(moved, z, per, zone_offset(floor_div(x, per), z)) + ticks


# -- ends of the month ------------------------------------------------------------------------------------------------
def _day(dtype: DType, _: Any) -> tuple[Constant, ...]:
    return (ticks_a_day(dtype),)


_plain, _in_zone = _rule(_day, None, zoned=False), _rule(_day, None, zoned=True)


@scalar(name="month_start", namespace="dt", dtype=_plain, arity=1)
def _month_start(x: Any, day: Any) -> Any:
    """Return the first day of the month, at the same time of day.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.month_start()
    col("t").dt.month_start()
    """
    return month_first(x, day)


def _zoned_start_overflows(x: Any, z: Any, per: Any, day: Any) -> Any:
    local = local_ticks(x, z, per)
    moved = month_first(local, day)
    return (moved > local) | zoned_overflows(x, moved, z, per)


@scalar(name="month_start", namespace="dt", dtype=_in_zone, arity=1, overflow=_zoned_start_overflows)
def _month_start_zoned(x: Any, z: Any, per: Any, day: Any) -> Any:
    moved = month_first(local_ticks(x, z, per), day)
    return zoned_ticks(moved, z, per, zone_offset(floor_div(x, per), z))


@scalar(name="month_end", namespace="dt", dtype=_plain, arity=1)
def _month_end(x: Any, day: Any) -> Any:
    """Return the last day of the month, at the same time of day.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.month_end()
    col("t").dt.month_end()
    """
    return month_last(x, day)


def _zoned_end_overflows(x: Any, z: Any, per: Any, day: Any) -> Any:
    local = local_ticks(x, z, per)
    moved = month_last(local, day)
    return (moved < local) | zoned_overflows(x, moved, z, per)


@scalar(name="month_end", namespace="dt", dtype=_in_zone, arity=1, overflow=_zoned_end_overflows)
def _month_end_zoned(x: Any, z: Any, per: Any, day: Any) -> Any:
    moved = month_last(local_ticks(x, z, per), day)
    return zoned_ticks(moved, z, per, zone_offset(floor_div(x, per), z))
