"""Parse lengths of time as ``1mo2d3h``; months and days are kept apart, because they differ in length."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from gpuflow_kernels.dtypes import UNITS

_DAY = 86_400 * 10**9
_MONTHS = {"y": 12, "q": 3, "mo": 1}
_DAYS = {"w": 7, "d": 1}
_NANOSECONDS = {"h": 3_600 * 10**9, "m": 60 * 10**9, **{unit: 10**9 // ticks for unit, ticks in UNITS.items()}}
_PART = r"(\d+)(mo|ms|us|ns|y|q|w|d|h|m|s)"
_TEXT = re.compile(rf"-?(?:{_PART})+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Months, days and nanoseconds, all of one sign. `weekly` if the text had weeks."""

    months: int = 0
    days: int = 0
    nanoseconds: int = 0
    weekly: bool = False


def span(length: Any) -> Span:
    """Parse a length of time.

    Parameters
    ----------
    length : str or timedelta
        Numbers with the units ``ns us ms s m h d w mo q y``, with one minus sign in front if any, as in ``"15m"``,
        ``"-1mo"`` or ``"1d12h"``. Days of a timedelta are days of the calendar.

    Raises
    ------
    ValueError
        For any other text, and for lengths beyond all timestamps.

    Examples
    --------
    >>> span("1q2d3h")
    Span(months=3, days=2, nanoseconds=10800000000000, weekly=False)
    >>> span("-1w").days
    -7
    """
    if isinstance(length, dt.timedelta):
        sign, length = (-1, -length) if length < dt.timedelta(0) else (1, length)
        rest = length - dt.timedelta(days=length.days)
        below = getattr(length, "nanoseconds", 0) % 1000  # pandas' own
        return Span(0, sign * length.days, sign * ((rest // dt.timedelta(microseconds=1)) * 1000 + below))
    if not isinstance(length, str) or not _TEXT.fullmatch(length):
        raise ValueError(
            f"{length!r} is no interval; write numbers with the units ns us ms s m h d w mo q y, as in '15m' or '1mo2d', "
            "with a minus sign in front of all for one backwards"
        )
    months = days = nanoseconds = 0
    for count, unit in re.findall(_PART, length):
        months += int(count) * _MONTHS.get(unit, 0)
        days += int(count) * _DAYS.get(unit, 0)
        nanoseconds += int(count) * _NANOSECONDS.get(unit, 0)
    if months >= 1 << 40 or days >= 1 << 40 or nanoseconds >= 1 << 62:
        raise ValueError(f"{length!r} is longer than any timestamp")
    sign = -1 if length.startswith("-") else 1
    return Span(sign * months, sign * days, sign * nanoseconds, "w" in length)


def step(every: Any) -> tuple[int, int, bool]:
    """Parse the length of equal steps: (months, nanoseconds, whether the text had weeks); one of the numbers is 0.

    Raises
    ------
    ValueError
        For a length that is not above zero, or mixes months with what has a fixed length.

    Examples
    --------
    >>> step("1q"), step("1h30m")
    ((3, 0, False), (0, 5400000000000, False))
    """
    length = span(every)
    nanoseconds = length.days * _DAY + length.nanoseconds
    if length.months and nanoseconds:
        raise ValueError(f"interval {every!r} mixes months with days or times, whose lengths do not compare")
    if length.months + nanoseconds <= 0:
        raise ValueError(f"interval {every!r} is not above zero")
    if nanoseconds >= 1 << 62:
        raise ValueError(f"interval {every!r} is longer than any timestamp")
    return length.months, nanoseconds, length.weekly


def ticks_of(nanoseconds: int, per_day: int, what: object, dtype: object) -> int:
    """Convert nanoseconds to ticks of a type, `per_day` to a day. Raises `ValueError` if there is no whole number of them."""
    ticks, rest = divmod(nanoseconds * per_day, _DAY)
    if rest:
        raise ValueError(f"interval {what!r} is no whole number of ticks of {dtype}; cast to a finer unit first")
    return ticks
