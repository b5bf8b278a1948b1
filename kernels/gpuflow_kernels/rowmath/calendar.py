"""Calendar arithmetic of row bodies, on days since 1970-01-01 in the proleptic Gregorian calendar (int64).

The conversions between days and years, months and days are Howard Hinnant's [1]_.

References
----------
.. [1] H. Hinnant, "chrono-compatible low-level date algorithms",
   https://howardhinnant.github.io/date_algorithms.html
"""

from __future__ import annotations

from typing import Any

from .integers import floor_div
from .intrinsics import int64


def civil_of_days(days: Any) -> Any:
    """Return ``(year, month, day)`` of a day number."""
    shifted = days + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * march + 2) // 5 + 1
    month = march + 3 if march < 10 else march - 9
    year = year_of_era + era * 400
    return (year + 1 if month <= 2 else year), month, day


def days_of_civil(year: Any, month: Any, day: Any) -> Any:
    """Return the day number of a date; a `day` outside of the month continues in its neighbours."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


def year_of_days(days: Any) -> Any:
    """The year, 1970 for 0."""
    year, _month, _day = civil_of_days(days)
    return year


def month_of_days(days: Any) -> Any:
    """The month, 1 to 12."""
    _year, month, _day = civil_of_days(days)
    return month


def day_of_days(days: Any) -> Any:
    """The day of the month, 1 to 31."""
    _year, _month, day = civil_of_days(days)
    return day


def weekday_of_days(days: Any) -> Any:
    """The day of the week, Monday 1 to Sunday 7."""
    return (days + 3) % 7 + 1


def ordinal_of_days(days: Any) -> Any:
    """The day of the year, 1 to 366."""
    year, _month, _day = civil_of_days(days)
    return days - days_of_civil(year, int64(1), int64(1)) + 1


def iso_year_of_days(days: Any) -> Any:
    """The year that the ISO 8601 week of this day belongs to: that of its Thursday."""
    return year_of_days(days - (days + 3) % 7 + 3)


def iso_week_of_days(days: Any) -> Any:
    """The ISO 8601 week, 1 to 53."""
    thursday = days - (days + 3) % 7 + 3
    return (thursday - days_of_civil(year_of_days(thursday), int64(1), int64(1))) // 7 + 1


def months_of_days(days: Any) -> Any:
    """Whole months since January 1970."""
    year, month, _day = civil_of_days(days)
    return (year - 1970) * 12 + month - 1


def days_of_months(months: Any) -> Any:
    """The first day of a month counted from January 1970."""
    year = months // 12
    return days_of_civil(year + 1970, months - year * 12 + 1, int64(1))


def months_floor(x: Any, step: Any, day: Any) -> Any:
    """Return the begin of the interval of `step` months since January 1970 that contains `x`; a day has `day` ticks."""
    return days_of_months(floor_div(months_of_days(floor_div(x, day)), step) * step) * day


def month_first(x: Any, day: Any) -> Any:
    """`x` on the first day of its month; a day has `day` ticks."""
    return x - (day_of_days(floor_div(x, day)) - 1) * day


def month_last(x: Any, day: Any) -> Any:
    """`x` on the last day of its month; a day has `day` ticks."""
    days = floor_div(x, day)
    return x + (days_of_months(months_of_days(days) + 1) - 1 - days) * day


def date_moved(days: Any, months: Any, more: Any) -> Any:
    """Move a day by months, then by `more` days; a day that the target month lacks becomes its last day."""
    month = months_of_days(days) + months
    first = days_of_months(month)
    last = days_of_months(month + 1) - 1
    moved = first + day_of_days(days) - 1
    return (moved if moved < last else last) + more


def moved_by_calendar(x: Any, months: Any, days: Any, ticks: Any, day: Any) -> Any:
    """Move the time `x` by months, then days, then ticks; a day has `day` ticks."""
    today = floor_div(x, day)
    return date_moved(today, months, days) * day + (x - today * day) + ticks


def calendar_overflows(x: Any, months: Any, days: Any, ticks: Any, day: Any) -> Any:
    """Return whether `moved_by_calendar` overflows int64: the wrapped result is on another day than the exact one."""
    today = floor_div(x, day)
    rest = (x - today * day) + ticks
    moved = date_moved(today, months, days)
    return floor_div(moved * day + rest, day) != moved + floor_div(rest, day)


def floor_to(x: Any, step: Any) -> Any:
    """Return the greatest multiple of `step` (positive) that is at most `x`."""
    return floor_div(x, step) * step


def stepped(x: Any, months: Any, ticks: Any, origin: Any, day: Any) -> Any:
    """Return the begin of the interval that contains `x`: of some months, or if `months` is 0 of some ticks from `origin` on."""
    if months > 0:
        return months_floor(x, months, day)
    return floor_to(x - origin, ticks if ticks > 0 else 1) + origin
