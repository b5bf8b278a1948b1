"""Formats of dates and times for bodies of text functions, as in the crate chrono [1]_, with English names.

A format is a string in which ``%`` and a letter stand for a part: ``%Y %m %d %H %M %S`` and their like. Letters that stand
for several parts (``%F``, ``%T``) are written out as a word of packed bytes, in which letters are parts and all else is itself.

References
----------
.. [1] https://docs.rs/chrono/latest/chrono/format/strftime/
"""

from __future__ import annotations

from typing import Any

from .intrinsics import int64


# -- names, packed as for `put_word` ----------------------------------------------------------------------------------
def month_name(month: Any) -> Any:
    """Return the first three letters of a month's name, and the rest, as packed words."""
    if month == 1:
        return int64(0x6E614A), int64(0x79726175)  # Jan uary
    if month == 2:
        return int64(0x626546), int64(0x7972617572)  # Feb ruary
    if month == 3:
        return int64(0x72614D), int64(0x6863)  # Mar ch
    if month == 4:
        return int64(0x727041), int64(0x6C69)  # Apr il
    if month == 5:
        return int64(0x79614D), int64(0)  # May
    if month == 6:
        return int64(0x6E754A), int64(0x65)  # Jun e
    if month == 7:
        return int64(0x6C754A), int64(0x79)  # Jul y
    if month == 8:
        return int64(0x677541), int64(0x747375)  # Aug ust
    if month == 9:
        return int64(0x706553), int64(0x7265626D6574)  # Sep tember
    if month == 10:
        return int64(0x74634F), int64(0x7265626F)  # Oct ober
    if month == 11:
        return int64(0x766F4E), int64(0x7265626D65)  # Nov ember
    return int64(0x636544), int64(0x7265626D65)  # Dec ember


def weekday_name(weekday: Any) -> Any:
    """Return the first three letters of a day's name (Monday is 1), and the rest, as packed words."""
    if weekday == 1:
        return int64(0x6E6F4D), int64(0x796164)  # Mon day
    if weekday == 2:
        return int64(0x657554), int64(0x79616473)  # Tue sday
    if weekday == 3:
        return int64(0x646557), int64(0x79616473656E)  # Wed nesday
    if weekday == 4:
        return int64(0x756854), int64(0x7961647372)  # Thu rsday
    if weekday == 5:
        return int64(0x697246), int64(0x796164)  # Fri day
    if weekday == 6:
        return int64(0x746153), int64(0x7961647275)  # Sat urday
    return int64(0x6E7553), int64(0x796164)  # Sun day


# -- formats ----------------------------------------------------------------------------------------------------------
def format_part(f: Any, g: Any, f1: Any) -> Any:
    """Parse the part of a format whose ``%`` is before `g`: ``(word, digits, pad, after)``.

    `word` is packed, 0 for an unknown part. `digits` are those of a fraction (plus 16 if the dot belongs to it, -1 for as many as
    there are) or the colons of an offset. `pad` is the padding asked for (-1: the part's own).

    ``%+`` and ``%#z`` get the letters N and O, which stand for nothing else; J, K and Q are those of `parse_time`.
    """
    place, pad, digits = int64(g), int64(-1), int64(-1)
    dotted = False
    c = int64(f[place]) if place < f1 else int64(0)
    if c == 45 or c == 48 or c == 95:  # - 0 _
        pad = int64(0) if c == 45 else int64(48) if c == 48 else int64(32)
        place += 1
    c = int64(f[place]) if place < f1 else int64(0)
    if c == 46:  # .
        dotted = True
        place += 1
    c = int64(f[place]) if place < f1 else int64(0)
    if c == 51 or c == 54 or c == 57:  # 3 6 9
        digits = c - 48
        place += 1
    colons = int64(0)
    while colons < 3 and place < f1 and int64(f[place]) == 58:  # :
        colons += 1
        place += 1
    loose = colons == 0 and place < f1 and int64(f[place]) == 35  # #
    place = place + 1 if loose else place
    c = int64(f[place]) if place < f1 else int64(0)
    place += 1
    offset = c == 122
    if (colons > 0 or loose) and not offset:
        return int64(0), digits, pad, place
    if c == 102:
        return c, digits + 16 if dotted else digits, pad, place
    if dotted or digits >= 0:
        return int64(0), digits, pad, place
    if (offset or c == 90 or c == 99 or c == 43) and pad >= 0:  # z Z c + have no pad
        return int64(0), digits, pad, place
    if offset:
        return int64(79) if loose else c, colons, pad, place
    if c == 70:  # %F is %Y-%m-%d
        c = int64(0x642D6D2D59)
    elif c == 84 or c == 88:  # %T and %X are %H:%M:%S
        c = int64(0x533A4D3A48)
    elif c == 68 or c == 120:  # %D and %x are %m/%d/%y
        c = int64(0x792F642F6D)
    elif c == 82:  # %R is %H:%M
        c = int64(0x4D3A48)
    elif c == 114:  # %r is %I:%M:%S %p
        c = int64(0x7020533A4D3A49)
    elif c == 118:  # %v is %e-%b-%Y
        c = int64(0x592D622D65)
    elif c == 104:  # %h is %b
        c = int64(98)
    elif c == 110 or c == 116:  # %n %t
        c = int64(10) if c == 110 else int64(9)
    elif c == 43:
        c = int64(78)
    elif c == 74 or c == 75 or (c >= 78 and c <= 81 and c != 80) or (c != 37 and not is_letter(c)):  # J K N O Q
        c = int64(0)
    return c, digits, pad, place


def is_letter(c: Any) -> Any:
    """Return whether a byte is an ASCII letter."""
    return (c >= 65 and c <= 90) or (c >= 97 and c <= 122)


def format_known(f: Any, f0: Any, f1: Any, parts: Any) -> Any:
    """Return whether a format has only parts in `parts`, where bit k is the letter k places after A."""
    g, supported = int64(f0), True
    while supported and g < f1:
        c = int64(f[g])
        g += 1
        if c == 37:
            word, _digits, _pad, g = format_part(f, g, f1)
            supported = word > 0
            while word > 0:
                part = word & 255
                supported = supported and (not is_letter(part) or ((parts >> (part - 65)) & 1) == 1)
                word = word >> 8
    return supported
