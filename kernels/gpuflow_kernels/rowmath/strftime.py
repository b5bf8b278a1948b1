"""Dates and times written as text, for bodies of text functions; formats are those of `rowmath_time_formats`."""

from __future__ import annotations

from typing import Any

from .calendar import civil_of_days, iso_week_of_days, iso_year_of_days, ordinal_of_days, weekday_of_days
from .intrinsics import int64
from .strings import put, put_padded, put_word
from .time_formats import format_part, month_name, weekday_name


def put_year(out: Any, at: Any, year: Any, pad: Any) -> Any:
    """Write a year with at least four digits, and a sign outside of 0 to 9999."""
    if year < 0 or year > 9999:
        if pad == 32:  # blanks precede the sign; five places including it
            power = int64(1000)
            while power > abs(year) and power > 1:
                at = put(out, at, 32)
                power = power // 10
        at = put(out, at, 45 if year < 0 else 43)
        return put_padded(out, at, abs(year), int64(1) if pad == 32 else int64(4), pad)
    return put_padded(out, at, abs(year), int64(4), pad)


def put_fraction(out: Any, at: Any, nanos: Any, digits: Any) -> Any:
    """Write the fraction of a second: `digits` of them, nine for -1; from 16 on with a dot, for 15 only as many as needed."""
    count, value = int64(9), int64(nanos)
    if digits == 15:
        if nanos == 0:
            return at
        count = int64(9) if nanos % 1000 != 0 else int64(6) if nanos % 1000000 != 0 else int64(3)
    elif digits > 15:
        count = digits - 16
    elif digits > 0:
        count = int64(digits)
    for _ in range(9 - count):
        value = value // 10
    if digits >= 15:
        at = put(out, at, 46)
    return put_padded(out, at, value, count, int64(48))


def put_offset(out: Any, at: Any, offset: Any, colons: Any) -> Any:
    """Write an offset in seconds as ``+0200``, or by the number of colons as ``+02:00``, ``+02:00:00``, or (three) ``+02``."""
    size = int64(abs(offset))
    if colons < 2:
        size = (size + 30) // 60 * 60  # to the nearest minute
    at = put_padded(out, put(out, at, 45 if offset < 0 else 43), size // 3600, int64(2), int64(48))
    if colons == 3:
        return at
    at = put(out, at, 58) if colons > 0 else at
    at = put_padded(out, at, size // 60 % 60, int64(2), int64(48))
    return put_padded(out, put(out, at, 58), size % 60, int64(2), int64(48)) if colons == 2 else at


def put_whole_time(out: Any, at: Any, days: Any, second: Any, nanos: Any, offset: Any, zoned: Any) -> Any:
    """Write a time as ``Thu Jan 31 12:34:56 2013``, or if `zoned` as ``2013-01-31T12:34:56.789+02:00``."""
    if zoned:
        at = put_iso_time(out, put(out, put_iso_date(out, at, days), 84), second, int64(0), int64(0))
        return put_offset(out, put_fraction(out, at, nanos, int64(15)), offset, int64(1))
    year, month, day = civil_of_days(days)
    weekday, _rest = weekday_name(weekday_of_days(days))
    name, _rest = month_name(month)
    at = put_word(out, put(out, put_word(out, at, weekday), 32), name)
    at = put_padded(out, put(out, at, 32), day, int64(2), int64(32))
    at = put_iso_time(out, put(out, at, 32), second, int64(0), int64(0))
    return put_year(out, put(out, at, 32), year, int64(48))


def put_time_part(
    out: Any, at: Any, days: Any, second: Any, nanos: Any, offset: Any, name: Any, part: Any, digits: Any, pad: Any
) -> Any:
    """Write one part of a format, by its letter."""
    year, month, day = civil_of_days(days)
    weekday = weekday_of_days(days)
    hour = second // 3600
    zero = int64(48) if pad < 0 else pad
    blank = int64(32) if pad < 0 else pad
    value, width, fill = int64(-1), int64(2), zero
    if part == 89:  # Y
        return put_year(out, at, year, zero)
    if part == 71:  # G
        return put_year(out, at, iso_year_of_days(days), zero)
    if part == 98 or part == 66:  # b B
        short, rest = month_name(month)
        at = put_word(out, at, short)
        return put_word(out, at, rest) if part == 66 else at
    if part == 97 or part == 65:  # a A
        short, rest = weekday_name(weekday)
        at = put_word(out, at, short)
        return put_word(out, at, rest) if part == 65 else at
    if part == 112 or part == 80:  # p P
        at = put(out, at, (65 if hour < 12 else 80) + (32 if part == 80 else 0))
        return put(out, at, 77 if part == 112 else 109)
    if part == 102:  # f
        return put_fraction(out, at, nanos, digits)
    if part == 122:  # z
        return put_offset(out, at, offset, digits)
    if part == 90:  # Z
        return put_word(out, at, name)
    if part == 99 or part == 78:  # c and what stands for +
        return put_whole_time(out, at, days, second, nanos, offset, part == 78)
    if part == 115:  # s
        value, width = days * 86400 + (second - offset), int64(1)
        if value < 0:
            at = put(out, at, 45)
            value = -value
    elif part == 109:  # m
        value = month
    elif part == 100:  # d
        value = day
    elif part == 101:  # e
        value, fill = day, blank
    elif part == 72:  # H
        value = hour
    elif part == 107:  # k
        value, fill = hour, blank
    elif part == 73:  # I
        value = (hour + 11) % 12 + 1
    elif part == 108:  # l
        value, fill = (hour + 11) % 12 + 1, blank
    elif part == 77:  # M
        value = second // 60 % 60
    elif part == 83:  # S
        value = second % 60
    elif part == 121:  # y
        value = year % 100
    elif part == 103:  # g
        value = iso_year_of_days(days) % 100
    elif part == 67:  # C
        value = abs(year // 100)
        if year < 0:
            at = put(out, at, 45)
    elif part == 106:  # j
        value, width = ordinal_of_days(days), int64(3)
    elif part == 117:  # u
        value, width = weekday, int64(1)
    elif part == 119:  # w
        value, width = weekday % 7, int64(1)
    elif part == 85:  # U, weeks from the first Sunday on
        value = (ordinal_of_days(days) + 6 - weekday % 7) // 7
    elif part == 87:  # W, weeks from the first Monday on
        value = (ordinal_of_days(days) + 7 - weekday) // 7
    elif part == 86:  # V
        value = iso_week_of_days(days)
    elif part == 113:  # q
        value, width = (month + 2) // 3, int64(1)
    else:
        return put(out, at, part)
    return put_padded(out, at, value, width, fill)


def put_time(out: Any, at: Any, days: Any, second: Any, nanos: Any, offset: Any, name: Any, f: Any, f0: Any, f1: Any) -> Any:
    """Write a day number, second of the day and nanosecond by a format; unknown parts are left out.

    `offset` and `name` (packed as for `put_word`) are those of local time, 0 where there is no zone.
    """
    g = int64(f0)
    while g < f1:
        c = int64(f[g])
        g += 1
        if c == 37:
            word, digits, pad, g = format_part(f, g, f1)
            while word > 0:
                at = put_time_part(out, at, days, second, nanos, offset, name, word & 255, digits, pad)
                word = word >> 8
        else:
            at = put(out, at, c)
    return at


def put_iso_date(out: Any, at: Any, days: Any) -> Any:
    """Write a day as ``2013-01-31``."""
    year, month, day = civil_of_days(days)
    at = put(out, put_year(out, at, year, int64(48)), 45)
    at = put(out, put_padded(out, at, month, int64(2), int64(48)), 45)
    return put_padded(out, at, day, int64(2), int64(48))


def put_iso_time(out: Any, at: Any, second: Any, nanos: Any, digits: Any) -> Any:
    """Write a time as ``12:34:56.789``, with `digits` after the point."""
    at = put(out, put_padded(out, at, second // 3600, int64(2), int64(48)), 58)
    at = put(out, put_padded(out, at, second // 60 % 60, int64(2), int64(48)), 58)
    at = put_padded(out, at, second % 60, int64(2), int64(48))
    return put_fraction(out, at, nanos, digits + 16) if digits > 0 else at
