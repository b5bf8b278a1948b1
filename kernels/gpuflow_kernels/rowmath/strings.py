"""Bytes and UTF-8 for bodies of text functions: functions that never trap, over an array of bytes between two positions.

A string is an array of bytes ``s`` with its begin ``s0`` and its end ``s1``. Its bytes are valid UTF-8 (data from outside is
validated when it is loaded). All positions are int64.
"""

from __future__ import annotations

from typing import Any

from .integers import udiv, umod
from .intrinsics import int64, uint8, uint64


def put(out: Any, at: Any, byte: Any) -> Any:
    """Write one byte, unless `out` is full (a first pass has an empty `out`, and only counts); return the next position."""
    if at < len(out):
        out[at] = uint8(byte)
    return at + 1


def put_bytes(out: Any, at: Any, s: Any, s0: Any, s1: Any) -> Any:
    """Write the bytes of a string, as far as they fit into `out`; return the next position."""
    if at < len(out):
        for k in range(s1 - s0):
            out[at + k] = s[s0 + k]
    return at + (s1 - s0)


def compare_bytes(s: Any, s0: Any, s1: Any, t: Any, t0: Any, t1: Any) -> Any:
    """Compare by bytes: negative, 0 or positive as the first string sorts before, equal to or after the second."""
    count = min(s1 - s0, t1 - t0)
    for k in range(count):
        difference = int64(s[s0 + k]) - int64(t[t0 + k])
        if difference != 0:
            return difference
    return (s1 - s0) - (t1 - t0)


def same_bytes(s: Any, s0: Any, t: Any, t0: Any, count: Any) -> Any:
    """Return whether `count` bytes at two positions are the same; both ranges must exist."""
    for k in range(count):
        if s[s0 + k] != t[t0 + k]:
            return False
    return True


# -- characters -------------------------------------------------------------------------------------------------------
def char_after(s: Any, k: Any) -> Any:
    """Return the position after the character that begins at `k`."""
    lead = int64(s[k])
    return k + (1 if lead < 192 else 2 if lead < 224 else 3 if lead < 240 else 4)


def char_before(s: Any, s0: Any, k: Any) -> Any:
    """Return the begin of the character that ends at `k`; `s0` if there is none."""
    place = k - 1
    while place > s0 and (int64(s[place]) & 192) == 128:
        place -= 1
    return max(place, s0)


def count_chars(s: Any, s0: Any, s1: Any) -> Any:
    """Count characters: bytes that begin one."""
    count = int64(0)
    for k in range(s0, s1):
        if (int64(s[k]) & 192) != 128:
            count += 1
    return count


def forward(s: Any, s0: Any, s1: Any, n: Any) -> Any:
    """Return the position after the first `n` characters, or the end."""
    place, remaining = int64(s0), int64(n)
    while remaining > 0 and place < s1:
        place = char_after(s, place)
        remaining -= 1
    return place


def backward(s: Any, s0: Any, s1: Any, n: Any) -> Any:
    """Return the position before the last `n` characters, or the begin."""
    place, remaining = int64(s1), int64(n)
    while remaining > 0 and place > s0:
        place = char_before(s, s0, place)
        remaining -= 1
    return place


def put_char(out: Any, at: Any, code: Any) -> Any:
    """Write the UTF-8 bytes of a code point; return the next position."""
    if code < 128:
        return put(out, at, code)
    if code < 2048:
        return put(out, put(out, at, 192 | (code >> 6)), 128 | (code & 63))
    if code < 65536:
        at = put(out, at, 224 | (code >> 12))
    else:
        at = put(out, put(out, at, 240 | (code >> 18)), 128 | ((code >> 12) & 63))
    return put(out, put(out, at, 128 | ((code >> 6) & 63)), 128 | (code & 63))


def lower_byte(c: Any) -> Any:
    """Return a byte, an ASCII capital as the small letter."""
    return c + 32 if c >= 65 and c <= 90 else c


# -- searching --------------------------------------------------------------------------------------------------------
def find_bytes(s: Any, s0: Any, s1: Any, t: Any, t0: Any, t1: Any) -> Any:
    """Return the first position of the second string in the first one, or -1; that of the empty string is the begin.

    Matches are whole characters: in UTF-8 no character's bytes lie within another's.
    """
    count = int64(t1 - t0)
    if count == 0:
        return int64(s0)
    place, last, first = int64(s0), int64(s1 - count), t[t0]
    while place <= last:
        if s[place] == first and same_bytes(s, place, t, t0, count):
            return place
        place += 1
    return int64(-1)


def find_bytes_back(s: Any, s0: Any, s1: Any, t: Any, t0: Any, t1: Any) -> Any:
    """Return the last position of the second string, which is not empty, in the first one, or -1."""
    count = int64(t1 - t0)
    place = int64(s1 - count)
    while place >= s0:
        if same_bytes(s, place, t, t0, count):
            return place
        place -= 1
    return int64(-1)


def after_match(s: Any, s1: Any, place: Any, count: Any) -> Any:
    """Return where to search after a match of `count` bytes; after an empty match this is one character further."""
    if count > 0:
        return place + count
    return char_after(s, place) if place < s1 else s1 + 1


def like_bytes(s: Any, s0: Any, s1: Any, p: Any, p0: Any, p1: Any, fold: Any) -> Any:
    """Return whether a string matches a pattern in which ``%`` is any characters and ``_`` is one.

    With `fold` ASCII letters match both cases. After a mismatch only the last ``%`` is extended, by one character; earlier ones
    never need to be.
    """
    k, q = int64(s0), int64(p0)
    star, taken = int64(-1), int64(0)
    while k < s1:
        expected = int64(p[q]) if q < p1 else int64(-1)
        given = int64(s[k])
        if fold:
            expected, given = lower_byte(expected), lower_byte(given)
        if expected == 37:
            star, taken = q + 1, k
            q += 1
        elif expected == 95:
            k = char_after(s, k)
            q += 1
        elif expected == given:
            k += 1
            q += 1
        elif star >= 0:
            taken = char_after(s, taken)
            k, q = taken, star
        else:
            return False
    while q < p1 and int64(p[q]) == 37:
        q += 1
    return q == p1


# -- numbers ----------------------------------------------------------------------------------------------------------
def is_blank(c: Any) -> Any:
    """Return whether a byte is ASCII white space."""
    return c == 32 or (c >= 9 and c <= 13)


def skip_blanks(s: Any, k: Any, s1: Any) -> Any:
    """Return the next position that is no ASCII white space."""
    place = int64(k)
    while place < s1 and is_blank(int64(s[place])):
        place += 1
    return place


def digits_end(s: Any, k: Any, s1: Any) -> Any:
    """Return the end of the decimal digits that begin at `k`."""
    place = int64(k)
    while place < s1 and int64(s[place]) >= 48 and int64(s[place]) <= 57:
        place += 1
    return place


def digits_value(s: Any, k: Any, end: Any) -> Any:
    """Return the value of decimal digits; more than 18 of them wrap around."""
    value = int64(0)
    for place in range(k, end):
        value = value * 10 + (int64(s[place]) - 48)
    return value


def digit_of(c: Any) -> Any:
    """Return the value of a byte as a digit of a base up to 36; 99 for others."""
    if c >= 48 and c <= 57:
        return c - 48
    small = lower_byte(c)
    return small - 87 if small >= 97 and small <= 122 else int64(99)


def parse_integer(s: Any, s0: Any, s1: Any, base: Any, most: Any, least: Any, signed: Any) -> Any:
    """Parse an optional sign and digits: ``(magnitude, negative, valid)``; valid from ``-least`` up to `most` (all uint64)."""
    k = int64(s0)
    negative = False
    if k < s1 and (int64(s[k]) == 43 or int64(s[k]) == 45):
        negative = int64(s[k]) == 45
        k += 1
    limit = least if negative else most
    magnitude = uint64(0)
    valid = k < s1 and (signed or not negative)
    while valid and k < s1:
        digit = digit_of(int64(s[k]))
        valid = digit < base and uint64(digit) <= limit and magnitude <= udiv(limit - uint64(digit), uint64(base))
        if valid:
            magnitude = magnitude * uint64(base) + uint64(digit)
        k += 1
    return magnitude, negative, valid


def put_digits(out: Any, at: Any, magnitude: Any) -> Any:
    """Write the decimal digits of a uint64; return the next position."""
    scale = uint64(1)
    while udiv(magnitude, scale) >= uint64(10):
        scale = scale * uint64(10)
    while scale > uint64(0):
        at = put(out, at, 48 + int64(umod(udiv(magnitude, scale), uint64(10))))
        scale = udiv(scale, uint64(10))
    return at


def put_padded(out: Any, at: Any, value: Any, width: Any, fill: Any) -> Any:
    """Write a number that is not negative, padded with the byte `fill` to `width` digits (not padded if `fill` is 0)."""
    digits, rest = int64(1), int64(value) // 10
    while rest > 0:
        digits += 1
        rest = rest // 10
    if fill > 0:
        for _ in range(width - digits):
            at = put(out, at, fill)
    return put_digits(out, at, uint64(value))


def put_word(out: Any, at: Any, word: Any) -> Any:
    """Write up to eight bytes that are packed into one number, the first in its lowest bits."""
    rest = int64(word)
    while rest > 0:
        at = put(out, at, rest & 255)
        rest = rest >> 8
    return at


def put_decimal(out: Any, at: Any, x: Any, power: Any, scale: Any) -> Any:
    """Write a whole number with its last `scale` digits after a point; `power` is ``10**scale``."""
    magnitude = uint64(0) - uint64(x) if x < 0 else uint64(x)
    if x < 0:
        at = put(out, at, 45)
    at = put_digits(out, at, udiv(magnitude, uint64(power)))
    if scale > 0:
        at = put_padded(out, put(out, at, 46), int64(umod(magnitude, uint64(power))), scale, int64(48))
    return at


def parse_decimal(s: Any, s0: Any, s1: Any, scale: Any, most: Any) -> Any:
    """Parse digits with an optional sign, point and exponent: ``(number * 10**scale, valid)``.

    Valid up to `most`, which is below ``10**18``. Halves are rounded away from zero."""
    k = int64(s0)
    negative = k < s1 and int64(s[k]) == 45
    if k < s1 and (negative or int64(s[k]) == 43):
        k += 1
    begin = k
    point = digits_end(s, k, s1)
    end = digits_end(s, point + 1, s1) if point < s1 and int64(s[point]) == 46 else point
    count = end - begin - (1 if end > point else 0)
    k, exponent, valid = end, int64(0), count > 0
    if k < s1 and lower_byte(int64(s[k])) == 101:  # e
        signed = k + 1 < s1 and (int64(s[k + 1]) == 43 or int64(s[k + 1]) == 45)
        start = k + 2 if signed else k + 1
        k = digits_end(s, start, s1)
        valid = valid and k > start and k - start <= 9
        exponent = digits_value(s, start, min(k, start + 9))
        exponent = -exponent if signed and int64(s[start - 1]) == 45 else exponent
    valid = valid and k == s1
    # the digits before the point, after it has moved by `scale` and the exponent
    significant = point - begin + exponent + scale
    value, seen, place = int64(0), int64(0), begin
    while valid and place < end and seen <= significant:
        if place != point:
            digit = int64(s[place]) - 48
            if seen < significant:
                valid = value <= (most - digit) // 10
                value = value * 10 + digit
            elif digit >= 5:
                value += 1
            seen += 1
        place += 1
    while valid and value > 0 and seen < significant:
        valid = value <= most // 10
        value = value * 10
        seen += 1
    return -value if negative else value, valid and value <= most
