"""Dates and timestamps made of their parts, each a number of a column."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.declare.choices import is_one_of
from gpuflow_kernels.declare.scalar import Signature, scalar
from gpuflow_kernels.declare.traits import Traits
from gpuflow_kernels.declare.type_rules import Parameters, Types, numeric
from gpuflow_kernels.declare.type_rules import accepts_all as accept
from gpuflow_kernels.dtypes import DATE, INT64, UNITS, timestamp
from gpuflow_kernels.rowmath import days_of_civil, int64

_FIRST_YEAR, _LAST_YEAR = -5_877_640, 5_881_579
"""Years of which every day fits the 32 bits of a date."""


def _of_parts(args: Types, params: Parameters | None = None) -> Signature | None:
    return Signature((INT64,) * len(args), DATE) if _are_whole(args) else None


def _are_whole(args: Types) -> bool:
    """Return whether all parts are numbers; raise for fractions, of which the calendar has none."""
    for dtype in args:
        if dtype.is_float:
            raise ValueError(f"a date is made of whole numbers, not of {dtype}; cast the part, as in .cast(gf.Int64)")
    return accept(args, numeric)


def _no_date(year: Any, month: Any, day: Any) -> Any:
    sound = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    y, m = (year, month) if sound else (int64(1970), int64(1))
    following = days_of_civil(y + 1, int64(1), int64(1)) if m == 12 else days_of_civil(y, m + 1, int64(1))
    return not sound or days_of_civil(y, m, day) >= following


@scalar(
    name="date",
    method=False,
    arity=3,
    dtype=_of_parts,
    overflow=_no_date,
    failure="is of a day that no calendar has",
    traits=Traits(parses=True),
)
def _date(year: Any, month: Any, day: Any) -> Any:
    """Return the date of a year, month and day. A day that the calendar does not have raises.

    >>> import gpuflow as gf
    >>> gf.from_dict({"y": [2024, None]}).select(gf.date("y", 2, 29)).collect().to_dict()
    {'date': [datetime.date(2024, 2, 29), None]}
    """
    return days_of_civil(year, month, day)


def _of_all_parts(args: Types, params: Parameters) -> Signature | None:
    unit = params["unit"]
    if not is_one_of(unit, UNITS):
        raise ValueError(f"time unit {unit!r} is not one of {', '.join(UNITS)}")
    per = UNITS[unit]
    constants = per, max(1, per // 1_000_000), max(1, 1_000_000 // per), (1 << 63) // (86_400 * per) - 1
    return Signature((INT64,) * 7, timestamp(unit), constants) if _are_whole(args) else None


def _no_moment(
    year: Any, month: Any, day: Any, hour: Any, minute: Any, second: Any, microsecond: Any,
    per: Any, up: Any, down: Any, most: Any,
) -> Any:  # fmt: skip
    clock = (hour >= 0) & (hour <= 23) & (minute >= 0) & (minute <= 59) & (second >= 0) & (second <= 59)
    sound = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    sound = sound & clock & (microsecond >= 0) & (microsecond <= 999_999)
    y, m = (year, month) if sound else (int64(1970), int64(1))
    following = days_of_civil(y + 1, int64(1), int64(1)) if m == 12 else days_of_civil(y, m + 1, int64(1))
    days = days_of_civil(y, m, day) if sound else int64(0)
    return (not sound) or days >= following or days > most or days < -most


@scalar(
    name="datetime",
    method=False,
    arity=7,
    dtype=_of_all_parts,
    parameters={"unit": "us"},
    overflow=_no_moment,
    failure="is of a day or time that no calendar has, or that its unit cannot count",
    traits=Traits(parses=True),
)
def _moment(
    year: Any, month: Any, day: Any, hour: Any, minute: Any, second: Any, microsecond: Any,
    per: Any, up: Any, down: Any, most: Any,
) -> Any:  # fmt: skip
    """Return the timestamp of a year, month, day, hour, minute, second and microsecond.

    >>> import gpuflow as gf
    >>> gf.from_dict({"h": [13, None]}).select(gf.datetime(2024, 2, 29, "h")).collect().to_dict()
    {'datetime': [datetime.datetime(2024, 2, 29, 13, 0), None]}
    """
    seconds = ((days_of_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return seconds * per + microsecond * up // down
