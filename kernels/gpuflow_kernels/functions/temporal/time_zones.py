"""Timestamps with a time zone: to and from local time, other zones and units, and as numbers since 1970.

The body of a conversion gets the zone's table (`zones`); all parts of a timestamp go through ``dt.local`` once.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels import time_zone_tables
from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.declare.scalar import REQUIRED, Constant, Signature, Table, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, ScalarRule, Types
from gpuflow_kernels.dtypes import DATE, INT32, INT64, UNITS, DType, duration, timestamp
from gpuflow_kernels.functions.casts.numbers import (
    _cast_coarser,
    _cast_coarser_duration,
    _cast_finer,
    _multiplied_overflows,
    ticks_a_day,
    unit_scale,
)
from gpuflow_kernels.rowmath import (
    floor_div,
    int64,
    local_overflows,
    local_ticks,
    mul_overflows,
    sub_overflows,
    zone_choices,
    zone_offset,
)

POLICIES = {"raise": 0, "earliest": 1, "latest": 2, "null": 3}
_DATE_LOW, _DATE_HIGH = DATE.bounds


def in_local_time(dtype: DType, result: DType, *constants: Constant) -> Signature:
    """The signature of a function of one date or timestamp, which arrives in local time where it has a zone."""
    if dtype.zone is None:
        return Signature((dtype,), result, constants)
    return Signature((timestamp(str(dtype.unit)),), result, constants, via="dt.local")


def table_of(dtype: DType) -> Table:
    """The transitions of a timestamp's zone."""
    return Table(time_zone_tables.table(str(dtype.zone)))


# -- to local time and back -------------------------------------------------------------------------------------------
def _zoned(args: Types, params: Parameters | None = None) -> Signature | None:
    if args[0].zone is None:
        return None
    return Signature(args, timestamp(str(args[0].unit)), (table_of(args[0]), args[0].per_second))


def _local_overflows(x: Any, z: Any, per: Any) -> Any:
    return local_overflows(x, z, per)


@scalar(name="local", namespace="dt", dtype=_zoned, arity=1, method=False, overflow=_local_overflows)
def _local(x: Any, z: Any, per: Any) -> Any:
    """Return what clocks of its zone show at a timestamp."""
    return local_ticks(x, z, per)


def _zone_asked(params: Parameters | None) -> str | None:
    zone = (params or {})["zone"]
    return None if zone is None else time_zone_tables.require(zone)


def _policies(params: Parameters | None) -> tuple[int, int]:
    ambiguous, non_existent = (params or {})["ambiguous"], (params or {})["non_existent"]
    if not is_one_of(ambiguous, POLICIES):
        raise ValueError(f"ambiguous={ambiguous!r} is not one of {', '.join(map(repr, POLICIES))}")
    if not is_one_of(non_existent, ("raise", "null")):
        raise ValueError(f"non_existent={non_existent!r} is not one of 'raise', 'null'")
    return POLICIES[ambiguous], POLICIES[non_existent]


def _replaced(*, nulls: bool) -> ScalarRule:
    """Local time in another zone; with `nulls` where a policy asks for them."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        zone, policies = _zone_asked(params), _policies(params)
        if args[0].kind != "timestamp" or zone is None or (3 in policies) is not nulls:
            return None
        result = timestamp(str(args[0].unit), zone)
        return in_local_time(args[0], result, table_of(result), result.per_second, *policies)

    return rule


def _dropped(args: Types, params: Parameters | None = None) -> Signature | None:
    _policies(params)  # refuses what is none, though no local time is in doubt here
    if args[0].kind != "timestamp" or _zone_asked(params) is not None:
        return None
    return in_local_time(args[0], timestamp(str(args[0].unit)))


_TYPED = Traits(shows_type=True)
_ZONE = {"zone": REQUIRED, "ambiguous": "raise", "non_existent": "raise"}


@scalar(name="replace_time_zone", namespace="dt", dtype=_dropped, arity=1, parameters=_ZONE, traits=_TYPED)
def _replace_none(x: Any) -> Any:
    """Return the same local time in another zone, or without one for ``zone=None``.

    Where clocks are put back a local time comes twice: `ambiguous` says what becomes of it (``"raise"``, ``"earliest"``,
    ``"latest"``, ``"null"``). Where they are put forward local times are left out: `non_existent` says what becomes of
    those (``"raise"``, ``"null"``). Null for null.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.replace_time_zone("Europe/Berlin", ambiguous="earliest")
    col("t").dt.replace_time_zone(zone='Europe/Berlin', ambiguous='earliest')
    """
    return x


_UNCLEAR = (
    "met a local time that the zone skips or has twice, or that leaves 64 bits; say what becomes of it with "
    "ambiguous='earliest', 'latest' or 'null', and non_existent='null'"
)


def _unclear(x: Any, z: Any, per: Any, ambiguous: Any, skipped: Any) -> Any:
    count, first, second = zone_choices(floor_div(x, per), z)
    offset = second if ambiguous == 2 else first
    return ((count == 0) & (skipped == 0)) | ((count > 1) & (ambiguous == 0)) | sub_overflows(x, offset * per)


@scalar(
    name="replace_time_zone", namespace="dt", dtype=_replaced(nulls=False), arity=1, overflow=_unclear, failure=_UNCLEAR
)  # fmt: skip
def _replace(x: Any, z: Any, per: Any, ambiguous: Any, skipped: Any) -> Any:
    _count, first, second = zone_choices(floor_div(x, per), z)
    return x - (second if ambiguous == 2 else first) * per


@scalar(
    name="replace_time_zone",
    namespace="dt",
    dtype=_replaced(nulls=True),
    arity=1,
    overflow=_unclear,
    failure=_UNCLEAR,
    null="partial",
)
def _replace_or_null(x: Any, z: Any, per: Any, ambiguous: Any, skipped: Any) -> Any:
    count, first, second = zone_choices(floor_div(x, per), z)
    valid = ((count > 0) | (skipped != 3)) & ((count < 2) | (ambiguous != 3))
    return x - (second if ambiguous == 2 else first) * per, valid


def _converted(args: Types, params: Parameters | None = None) -> Signature | None:
    zone = (params or {})["zone"]
    if args[0].kind != "timestamp":
        return None
    if zone is None:
        raise ValueError("convert_time_zone() takes a zone; replace_time_zone(None) drops one")
    return Signature(args, timestamp(str(args[0].unit), zone))


@scalar(name="convert_time_zone", namespace="dt", dtype=_converted, arity=1, parameters={"zone": REQUIRED}, traits=_TYPED)
def _convert(x: Any) -> Any:
    """Return the same instant in another zone; a timestamp without a zone is taken for UTC.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.convert_time_zone("America/New_York")
    col("t").dt.convert_time_zone(zone='America/New_York')
    """
    return x


# -- offsets ----------------------------------------------------------------------------------------------------------
def _base_of(args: Types, params: Parameters | None = None) -> Signature | None:
    if args[0].zone is None:
        return None
    return Signature(args, duration("ms"), (args[0].per_second, table_of(args[0]), Table(time_zone_tables.summers(args[0].zone))))


def _summer_of(args: Types, params: Parameters | None = None) -> Signature | None:
    if args[0].zone is None:
        return None
    return Signature(args, duration("ms"), (args[0].per_second, Table(time_zone_tables.summers(args[0].zone))))


@scalar(name="base_utc_offset", namespace="dt", dtype=_base_of, arity=1)
def _base_offset(x: Any, per: Any, z: Any, summers: Any) -> Any:
    """Return how far local time is ahead of UTC without summer time, as a duration in milliseconds.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.base_utc_offset()
    col("t").dt.base_utc_offset()
    """
    second = floor_div(x, per)
    return (zone_offset(second, z) - zone_offset(second, summers)) * 1000


@scalar(name="dst_offset", namespace="dt", dtype=_summer_of, arity=1)
def _summer_offset(x: Any, per: Any, summers: Any) -> Any:
    """Return what summer time adds to the offset from UTC, as a duration in milliseconds.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.dst_offset()
    col("t").dt.dst_offset()
    """
    return zone_offset(floor_div(x, per), summers) * 1000


# -- units ------------------------------------------------------------------------------------------------------------
def _unit_asked(params: Parameters | None, *more: str) -> str:
    unit = (params or {})["unit"]
    if not is_one_of(unit, (*UNITS, *more)):
        raise ValueError(f"unit={unit!r} is not one of {', '.join(map(repr, (*UNITS, *more)))}")
    return str(unit)


def _in_unit(dtype: DType, unit: str) -> DType | None:
    if dtype.kind == "timestamp":
        return timestamp(unit, dtype.zone)
    return duration(unit) if dtype.kind == "duration" else None


def _rescaled(way: str) -> ScalarRule:
    """Another unit, where the way from one to the other is that of `unit_scale`."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        target = _in_unit(args[0], _unit_asked(params))
        scale = unit_scale(args[0], target) if target else None
        return Signature(args, target, scale[1]) if target and scale and scale[0] == way else None

    return rule


def _relabelled(args: Types, params: Parameters | None = None) -> Signature | None:
    target = _in_unit(args[0], _unit_asked(params))
    return Signature(args, target) if target else None


def _same_unit(args: Types, params: Parameters | None = None) -> Signature | None:
    signature = _relabelled(args, params)
    return signature if signature and signature.result == args[0] else None


_UNIT = {"unit": REQUIRED}


@scalar(
    name="cast_time_unit",
    namespace="dt",
    dtype=_same_unit,
    arity=1,
    parameters=_UNIT,
    traits=Traits(converts=True, shows_type=True),
)
def _cast_same_unit(x: Any) -> Any:
    """Convert to another unit (``s``, ``ms``, ``us``, ``ns``), keeping the moment or length.

    Timestamps round down, durations towards zero, and what a finer unit cannot hold raises.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.cast_time_unit("ms")
    col("t").dt.cast_time_unit(unit='ms')
    """
    return x


scalar(name="cast_time_unit", namespace="dt", dtype=_rescaled("finer"), arity=1, overflow=_multiplied_overflows)(_cast_finer)
scalar(name="cast_time_unit", namespace="dt", dtype=_rescaled("coarser"), arity=1)(_cast_coarser)
scalar(name="cast_time_unit", namespace="dt", dtype=_rescaled("coarser duration"), arity=1)(_cast_coarser_duration)


@scalar(name="with_time_unit", namespace="dt", dtype=_relabelled, arity=1, parameters=_UNIT, traits=_TYPED)
def _with_unit(x: Any) -> Any:
    """Return the same number of ticks, of another unit (``s``, ``ms``, ``us``, ``ns``): another moment or length.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.with_time_unit("ns")
    col("t").dt.with_time_unit(unit='ns')
    """
    return x


# -- as numbers -------------------------------------------------------------------------------------------------------
def _since(*, finer: bool) -> ScalarRule:
    """Ticks of a unit since 1970; the body gets the factor (`finer`) or the divisor."""

    def rule(args: Types, params: Parameters | None = None) -> Signature | None:
        if args[0].kind not in ("date", "timestamp"):
            return None
        own, target = ticks_a_day(args[0]), 86_400 * UNITS[_unit_asked(params)]
        if (target >= own) is not finer:
            return None
        return Signature(args, INT64, (target // own if finer else own // target,))

    return rule


def _days_since(args: Types, params: Parameters | None = None) -> Signature | None:
    if args[0].kind not in ("date", "timestamp") or _unit_asked(params, "d") != "d":
        return None
    return Signature(args, INT32, (ticks_a_day(args[0]),))


def _factor_overflows(x: Any, factor: Any) -> Any:
    return mul_overflows(x, int64(factor))


def _no_int32(x: Any, day: Any) -> Any:
    days = floor_div(x, day)
    return (days < _DATE_LOW) | (days > _DATE_HIGH)


@scalar(name="epoch", namespace="dt", dtype=_days_since, arity=1, parameters={"unit": "us"}, overflow=_no_int32)
def _epoch_days(x: Any, day: Any) -> Any:
    """Return how long after 1970-01-01 in UTC, as a whole number of ``d``, ``s``, ``ms``, ``us`` or ``ns``, rounded down.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.epoch("s")
    col("t").dt.epoch(unit='s')
    """
    return floor_div(x, day)


@scalar(
    name="timestamp", namespace="dt", dtype=_since(finer=True), arity=1, parameters={"unit": "us"}, overflow=_factor_overflows
)
@scalar(name="epoch", namespace="dt", dtype=_since(finer=True), arity=1, overflow=_factor_overflows)
def _since_finer(x: Any, factor: Any) -> Any:
    """Return how long after 1970-01-01 in UTC, as a whole number of ``s``, ``ms``, ``us`` or ``ns``, rounded down.

    >>> import gpuflow as gf
    >>> gf.col("t").dt.timestamp("ms")
    col("t").dt.timestamp(unit='ms')
    """
    return x * factor


@scalar(name="timestamp", namespace="dt", dtype=_since(finer=False), arity=1)
@scalar(name="epoch", namespace="dt", dtype=_since(finer=False), arity=1)
def _since_coarser(x: Any, divisor: Any) -> Any:
    return floor_div(x, divisor)
