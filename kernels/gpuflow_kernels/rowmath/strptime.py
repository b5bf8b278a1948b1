"""Dates and times read from text, for bodies of text functions; formats are those of `rowmath_time_formats`."""

from __future__ import annotations

from typing import Any

from .calendar import (
    civil_of_days,
    days_of_civil,
    iso_week_of_days,
    iso_year_of_days,
    ordinal_of_days,
    weekday_of_days,
    year_of_days,
)
from .intrinsics import int64
from .strings import digits_end, digits_value, is_blank, lower_byte, skip_blanks
from .time_formats import format_part, is_letter, month_name, weekday_name


def after_word(s: Any, k: Any, s1: Any, word: Any) -> Any:
    """Return the position after a packed word, in capital or small letters; -1 where the text has another one."""
    place, rest = int64(k), int64(word)
    while rest > 0:
        if place >= s1 or lower_byte(int64(s[place])) != lower_byte(rest & 255):
            return int64(-1)
        place += 1
        rest = rest >> 8
    return place


def after_byte(s: Any, k: Any, s1: Any, c: Any) -> Any:
    """Return the position after a byte, or after any white space if the byte is one; -1 where the text has another one."""
    if is_blank(c):
        return skip_blanks(s, k, s1)
    return k + 1 if k < s1 and int64(s[k]) == c else int64(-1)


def number_end(s: Any, k: Any, s1: Any, width: Any) -> Any:
    """Return the end of the digits from `k` on, at most `width` of them; -1 if there are none."""
    end = digits_end(s, k, min(int64(s1), k + width))
    return end if end > k else int64(-1)


def nanos_of_digits(s: Any, k: Any, end: Any) -> Any:
    """Return the nanoseconds of the digits after the point; digits after the ninth are ignored."""
    value = digits_value(s, k, min(int64(end), k + 9))
    for _ in range(9 - (end - k)):
        value = value * 10
    return value


def days_in_year(year: Any, month: Any, day: Any) -> Any:
    """Return ``(days, valid)`` of a date that may not exist; the range of years is chrono's."""
    within = year >= -262143 and year <= 262142 and month >= 1 and month <= 12 and day >= 1 and day <= 31
    if not within:
        return int64(0), False
    days = days_of_civil(year, month, day)
    _year, real, _day = civil_of_days(days)
    return days, real == month


def parse_iso(s: Any, s0: Any, s1: Any, timed: Any) -> Any:
    """Parse ``2013-01-31``, with `timed` also ``2013-01-31 12:34`` or ``...T12:34:56.789``: ``(days, second, nanos, valid)``.

    A year has four digits, or a sign and more. Slashes may replace dashes, and months and days may have one digit.
    """
    k = int64(s0)
    negative = k < s1 and int64(s[k]) == 45
    signed = negative or (k < s1 and int64(s[k]) == 43)
    k = k + 1 if signed else k
    end = digits_end(s, k, s1)
    valid = end - k == 4 or (signed and end - k > 4 and end - k < 8)
    if not valid:
        return int64(0), int64(0), int64(0), False
    year = -digits_value(s, k, end) if negative else digits_value(s, k, end)
    separator = int64(s[end]) if end < s1 else int64(0)
    month, day = int64(0), int64(0)
    if separator == 45 or separator == 47:
        k = end + 1
        end = number_end(s, k, s1, int64(2))
        month = digits_value(s, k, end)
        if end > 0 and end < s1 and int64(s[end]) == separator:
            k = end + 1
            end = number_end(s, k, s1, int64(2))
            day = digits_value(s, k, end)
    days, valid = days_in_year(year, month, day)
    if not valid or end == s1 or not timed:
        return days, int64(0), int64(0), valid and end == s1
    valid = int64(s[end]) == 32 or int64(s[end]) == 84
    second, nanos, scale = int64(0), int64(0), int64(3600)
    while valid and scale > 0:
        k = end + 1
        end = number_end(s, k, s1, int64(2))
        value = digits_value(s, k, end)
        valid = end > 0 and value < (24 if scale == 3600 else 60 if scale == 60 else 61)
        second += value * scale
        scale = scale // 60
        more = valid and end < s1 and int64(s[end]) == 58
        valid = valid and (more or scale == 0 or (scale == 1 and end == s1))
        scale = scale if more else int64(0)
    if valid and end < s1 and int64(s[end]) == 46:
        k = end + 1
        end = digits_end(s, k, s1)
        valid = end > k
        nanos = nanos_of_digits(s, k, end)
    return days, second, nanos, valid and end == s1


def parse_offset(s: Any, k: Any, s1: Any, short: Any) -> Any:
    """Parse an offset from UTC, as ``+0200`` or ``+02:00``: ``(seconds, end)``; the end is -1 if there is none.

    Colons and white space may precede the minutes, which may be missing if `short`."""
    place = int64(k)
    sign = int64(s[place]) if place < s1 else int64(0)
    if sign == 226 and place + 2 < s1 and int64(s[place + 1]) == 136 and int64(s[place + 2]) == 146:  # the minus sign
        sign = int64(45)
        place += 2
    hours = place + 1
    place = hours + 2
    if (sign != 43 and sign != 45) or place > s1 or digits_end(s, hours, place) != place:
        return int64(0), int64(-1)
    while place < s1 and (int64(s[place]) == 58 or is_blank(int64(s[place]))):
        place += 1
    seconds = digits_value(s, hours, hours + 2) * 3600
    if not short or place < s1:
        if digits_end(s, place, min(int64(s1), place + 2)) != place + 2:
            return int64(0), int64(-1)
        minute = digits_value(s, place, place + 2)
        seconds = seconds + minute * 60 if minute < 60 else int64(86400)
        place += 2
    if seconds >= 86400:
        return int64(0), int64(-1)
    return -seconds if sign == 45 else seconds, place


def parse_loose_offset(s: Any, k: Any, s1: Any, short: Any) -> Any:
    """Parse an offset as `parse_offset` does, or Z, which is zero."""
    if k < s1 and lower_byte(int64(s[k])) == 122:
        return int64(0), int64(k + 1)
    return parse_offset(s, k, s1, short)


def parse_time(s: Any, s0: Any, s1: Any, f: Any, f0: Any, f1: Any) -> Any:
    """Parse a string by a format: ``(days, second, nanos, valid)``.

    Missing parts are those of 0001-01-01 00:00. An offset (``%z``) is subtracted from the second, which then may be outside of
    the day, as a leap second is. White space in the format matches any white space; numbers may follow white space, and have at
    most their usual width.
    """
    year, century, short_year, month, day = int64(1), int64(-1), int64(-1), int64(-1), int64(-1)
    iso_year, iso_week, sundays, mondays, quarter = int64(-1000000), int64(-1), int64(-1), int64(-1), int64(-1)
    ordinal, weekday, hour, half, afternoon = int64(-1), int64(-1), int64(0), int64(-1), int64(0)
    minute, second, nanos, offset, stamp = int64(0), int64(0), int64(0), int64(0), int64(0)
    stamped, valid, k, g = False, True, int64(s0), int64(f0)
    while valid and g < f1:
        c = int64(f[g])
        g += 1
        word, digits = int64(0), int64(0)
        if c == 37:
            word, digits, _pad, g = format_part(f, g, f1)
            valid = word > 0
        else:
            k = after_byte(s, k, s1, c)
            valid = k >= 0
        while valid and word > 0:
            part = word & 255
            word = word >> 8
            if not is_letter(part):
                k = after_byte(s, k, s1, part)
                valid = k >= 0
            elif part == 98 or part == 66 or part == 97 or part == 65:  # b B a A
                end, number = int64(-1), int64(0)
                months = part == 98 or part == 66
                while end < 0 and number < (12 if months else 7):
                    number += 1
                    short, rest = month_name(number) if months else weekday_name(number)
                    end = after_word(s, k, s1, short)
                    if end >= 0 and part < 97:
                        end = max(end, after_word(s, end, s1, rest))
                valid = end >= 0
                k = end
                month = number if months else month
                weekday = weekday if months else number
            elif part == 112 or part == 80:  # p P
                valid = k + 2 <= s1 and lower_byte(int64(s[k + 1])) == 109
                letter = lower_byte(int64(s[k])) if valid else int64(0)
                valid = letter == 97 or letter == 112
                afternoon = int64(12) if letter == 112 else int64(0)
                k += 2
            elif part == 102 and digits != -1:  # a fraction
                count = digits - 16 if digits > 15 else digits if digits < 15 else int64(-1)
                dotted = k < s1 and int64(s[k]) == 46
                if digits >= 15 and dotted:
                    k += 1
                if dotted or digits < 15:
                    end = digits_end(s, k, s1 if digits >= 15 else min(int64(s1), k + count))
                    valid = end > k and (count < 0 or end - k == count)
                    nanos = nanos_of_digits(s, k, end)
                    k = end
            elif part == 122:  # z
                offset, k = parse_offset(s, skip_blanks(s, k, s1), s1, False)
                valid = k >= 0
            elif part == 79:  # %#z
                offset, k = parse_loose_offset(s, skip_blanks(s, k, s1), s1, True)
                valid = k >= 0
            elif part == 99:  # c is %a %b %e %H:%M:%S %Y, with J for the time and the year
                word = int64(0x4A206520622061)
            elif part == 74:
                word = int64(0x5920533A4D3A48)
            elif part == 78:  # N, for %+, is %Y-%m-%dT%H:%M:%S%.f and an offset, with K for the part after the T
                word = int64(0x4B642D6D2D59)
            elif part == 75:
                c = int64(s[k]) if k < s1 else int64(0)
                valid = c == 84 or c == 116 or c == 32  # T t
                k += 1
                word = int64(0x51533A4D3A48)
            elif part == 81:  # Q is %.f and an offset
                if k < s1 and int64(s[k]) == 46:
                    end = digits_end(s, k + 1, s1)
                    valid = end > k + 1
                    nanos = nanos_of_digits(s, k + 1, end)
                    k = end
                k = skip_blanks(s, k, s1)
                end = after_word(s, k, s1, int64(0x435455))  # UTC
                if end < 0:
                    offset, end = parse_loose_offset(s, k, s1, False)
                valid = valid and end >= 0
                k = end
            elif part == 90:  # Z: names of zones are skipped
                while k < s1 and not is_blank(int64(s[k])):
                    k += 1
            else:
                k = skip_blanks(s, k, s1)
                negative, width = False, int64(2)
                if part == 89 or part == 71 or part == 115:  # Y G s
                    width = int64(18) if part == 115 else int64(4)
                    if k < s1 and (int64(s[k]) == 43 or int64(s[k]) == 45):
                        negative = int64(s[k]) == 45
                        width = int64(18)
                        k += 1
                elif part == 106:  # j
                    width = int64(3)
                elif part == 117 or part == 119 or part == 113:  # u w q
                    width = int64(1)
                elif part == 102:  # f
                    width = int64(9)
                end = number_end(s, k, s1, width)
                valid = end >= 0
                value = -digits_value(s, k, end) if negative else digits_value(s, k, end)
                k = end
                if part == 89:
                    year = value
                    short_year = int64(-1)
                elif part == 115:
                    stamp, stamped = value, True
                elif part == 109:  # m
                    month = value
                elif part == 100 or part == 101:  # d e
                    day = value
                elif part == 72 or part == 107:  # H k
                    hour = value
                    valid = valid and value < 24
                elif part == 73 or part == 108:  # I l
                    half = value
                    valid = valid and value >= 1 and value <= 12
                elif part == 77:  # M
                    minute = value
                    valid = valid and value < 60
                elif part == 83:  # S
                    second = value
                    valid = valid and value <= 60
                elif part == 102:
                    nanos = value
                elif part == 121:  # y
                    short_year = value
                elif part == 67:  # C
                    century = value
                elif part == 106:
                    ordinal = value
                elif part == 71:
                    iso_year = value
                elif part == 86:  # V
                    iso_week = value
                    valid = valid and value >= 1 and value <= 53
                elif part == 85:  # U
                    sundays = value
                    valid = valid and value <= 53
                elif part == 87:  # W
                    mondays = value
                    valid = valid and value <= 53
                elif part == 113:
                    quarter = value
                    valid = valid and value >= 1 and value <= 4
                elif part == 117:
                    weekday = value
                    valid = valid and value >= 1 and value <= 7
                elif part == 119:
                    weekday = int64(7) if value == 0 else value
                    valid = valid and value <= 6
                else:
                    valid = False
    if not valid or k != s1:
        return int64(0), int64(0), int64(0), False
    if stamped:
        days = stamp // 86400
        return days, stamp - days * 86400, nanos, abs(stamp) < 8000000000000
    if short_year >= 0:
        year = century * 100 + short_year if century >= 0 else short_year + (1900 if short_year >= 70 else 2000)
    by_week = month < 0 and day < 0 and ordinal < 0 and weekday > 0
    if by_week and sundays < 0 and mondays < 0 and iso_week > 0 and abs(iso_year) <= 262142:
        days = days_of_civil(iso_year, int64(1), int64(4))
        days += iso_week * 7 + weekday - weekday_of_days(days) - 7
        year = year_of_days(days)
    elif by_week and (sundays >= 0 or mondays >= 0):
        days, valid = days_in_year(year, int64(1), int64(1))
        first = weekday_of_days(days) if sundays < 0 else weekday_of_days(days) % 7 + 1
        own = weekday if sundays < 0 else weekday % 7 + 1
        days += max(sundays, mondays) * 7 + own - 1 - (first - 1 if first > 1 else 7)
        valid = valid and year_of_days(days) == year
    elif ordinal >= 0:
        days, valid = days_in_year(year, int64(1), int64(1))
        days += ordinal - 1
        valid = valid and ordinal >= 1 and year_of_days(days) == year
    else:
        days, valid = days_in_year(year, month if month >= 0 else int64(1), day if day >= 0 else int64(1))
    if valid and weekday > 0:
        valid = weekday_of_days(days) == weekday
    if valid and (iso_week > 0 or iso_year > -1000000):
        valid = (iso_week < 0 or iso_week_of_days(days) == iso_week) and (
            iso_year < -999999 or iso_year_of_days(days) == iso_year
        )
    if valid and sundays >= 0:
        valid = (ordinal_of_days(days) + 6 - weekday_of_days(days) % 7) // 7 == sundays
    if valid and mondays >= 0:
        valid = (ordinal_of_days(days) + 7 - weekday_of_days(days)) // 7 == mondays
    if valid and quarter > 0:
        _year, number, _day = civil_of_days(days)
        valid = (number + 2) // 3 == quarter
    if half >= 0:
        hour = half % 12 + afternoon
    return days, hour * 3600 + minute * 60 + second - offset, nanos, valid


def ticks_of_time(days: Any, second: Any, nanos: Any, per: Any) -> Any:
    """Convert a time to ticks, `per` to a second, rounded down: ``(ticks, fits)``."""
    seconds = days * 86400 + second
    most = 9223372036854775807 // per
    ticks = seconds * per + nanos * per // 1000000000
    return ticks, seconds <= most and seconds >= -most - 1 and (ticks >= 0) == (seconds >= 0)
