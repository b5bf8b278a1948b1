"""Parse delimited text on a CPU: find where records end, and rewrite records in a dialect that pyarrow parses.

A field is quoted if it begins with a quote; two quotes in it are one. Text after the closing quote is part of the value, and a
quote elsewhere is an ordinary character, as for pyarrow. Comments begin a record.
"""

from __future__ import annotations

from typing import Any

from ...rowmath import int64, uint8

NEWLINE, RETURN = 10, 13
"""Kinds of line ends: a newline, optionally after a return (a return alone is an ordinary character); or either of both."""
START, STOP, FIELDS = 0, 1, 2
"""Columns of a table of records: where each begins, where its line end begins, how many fields it has."""
BLANK, COMMENT = 0, -1
"""Values of `FIELDS` for an empty line, and for a comment."""
OPEN, RETURNS, COMMENTS = 1, 2, 4
"""Flags of a text: the last record has an unclosed quote; there are returns outside of quotes, not in line ends; there are
comments."""


def line_end(data: Any, place: int, end: int, ends: int) -> int:
    """Return the length of the line end at `place`; 0 if there is none."""
    c = int64(data[place])
    if c == ends and c != 13:
        return int64(1)
    if c == 13 and (ends == 13 or ends == 10):
        if place + 1 < end and data[place + 1] == 10:
            return int64(2)
        return int64(ends == 13)
    return int64(c == 10 and ends == 13)


def begins(data: Any, place: int, end: int, text: Any) -> int:
    """Return whether the data at `place` begins with a text; False for an empty one."""
    size = len(text)
    if size == 0 or place + size > end:
        return int64(0)
    for k in range(size):
        if data[place + k] != text[k]:
            return int64(0)
    return int64(1)


def field_end(data: Any, place: int, end: int, separator: Any, quote: int, ends: int) -> Any:
    """Find the end of the field that begins at `place`, the position of its closing quote, and the number of returns in it.

    The second is -1 for an unquoted field, -2 for an unclosed quote; only returns outside of quotes count.
    A field ends with a separator, a line, or the text.
    """
    close, k, returns = int64(-1), int64(place), int64(0)
    if k < end and data[k] == quote:
        close = int64(-2)
        k += 1
        while k < end and close == -2:
            if data[k] != quote:
                k += 1
            elif k + 1 < end and data[k + 1] == quote:
                k += 2
            else:
                close = int64(k)
                k += 1
    first = int64(separator[0])
    while k < end:
        c = int64(data[k])
        if c == first:
            if len(separator) == 1 or begins(data, k, end, separator) != 0:
                break
        elif c == ends or c == 13 or c == 10:
            if line_end(data, k, end, ends) != 0:
                break
            returns += int64(c == 13)
        k += 1
    return k, close, returns


def records(
    data: Any,
    place: int,
    last: int,
    separator: Any,
    quote: int,
    comment: Any,
    ends: int,
    most: int,
    blanks: int,
    table: Any,
    summary: Any,
) -> int:
    """Find the records from `place` on, at most `most`; return how many rows of `table` are written.

    Empty lines count as records if `blanks` is 1; comments never do. Unless the text is the `last`, a record counts only with its
    line end, and a return at the end of the text may be half of one. ``summary[0]`` becomes the position after the last record,
    ``summary[1]`` flags out of `OPEN`, `RETURNS` and `COMMENTS`.
    """
    end = int64(len(data))
    count, rows, flags = int64(0), int64(0), int64(0)
    while place < end and rows < most and count < len(table):
        start, fields, returns, unclosed = int64(place), int64(0), int64(0), int64(0)
        stop = start
        if begins(data, start, end, comment) != 0:
            fields = int64(-1)
            while stop < end and line_end(data, stop, end, ends) == 0:
                stop += 1
        elif line_end(data, start, end, ends) == 0:
            more = int64(1)
            while more != 0:
                stop, close, extra = field_end(data, stop, end, separator, quote, ends)
                fields += 1
                returns += extra
                unclosed = int64(close == -2)
                more = int64(stop < end and begins(data, stop, end, separator))
                if more != 0:
                    stop += len(separator)
        size = int64(0)
        if stop < end:
            size = line_end(data, stop, end, ends)
        if last == 0 and stop + size >= end and (size == 0 or data[end - 1] == 13):
            break
        if stop == end and fields > 0 and unclosed == 0 and ends == 10 and data[end - 1] == 13 and returns > 0:
            stop -= 1  # may be the first half of a line end
            returns -= 1
            size = int64(1)
            fields = fields if stop > start else int64(0)
        flags |= unclosed | int64(returns > 0) << 1 | int64(fields < 0) << 2
        table[count, 0], table[count, 1], table[count, 2] = start, stop, fields
        count += 1
        rows += int64(fields > 0 or (fields == 0 and blanks != 0))
        place = stop + size
    summary[0], summary[1] = place, flags
    return count


def rewritten(data: Any, table: Any, separator: Any, quote: int, ends: int, width: int, mark: int, apart: int, out: Any) -> int:
    """Write records with `width` fields each, one on a line that a newline ends; give the number of bytes written.

    Missing fields become empty; fields beyond `width` and comments are dropped; empty lines are kept if `width` is 1. The byte
    `apart` separates fields. Fields that were quoted, or need to be, are quoted by `mark`, which is `quote` if there is one.
    """
    size = int64(0)
    for row in range(len(table)):
        place, stop, fields = table[row, 0], table[row, 1], table[row, 2]
        if fields < 0 or (fields == 0 and width != 1):
            continue
        written = int64(0)
        while written < min(fields, width):
            begin = place
            place, close, returns = field_end(data, begin, stop, separator, quote, ends)
            if written > 0:
                out[size] = uint8(apart)
                size += 1
            needed = int64(close != -1 or returns > 0)
            k = begin
            while needed == 0 and k < place:
                c = int64(data[k])
                needed = int64(c == 10 or c == 13 or c == apart or (c == mark and k == begin))
                k += 1
            if needed != 0:
                out[size] = uint8(mark)
                size += 1
            k = begin + int64(close != -1)
            while k < place:
                if k != close:
                    c = int64(data[k])
                    out[size] = uint8(c)
                    size += 1
                    if c == mark and needed != 0 and (close == -1 or (close >= 0 and k > close)):
                        out[size] = uint8(c)
                        size += 1
                k += 1
            if needed != 0:
                out[size] = uint8(mark)
                size += 1
            written += 1
            place += len(separator)
        while written < width:
            if written > 0:
                out[size] = uint8(apart)
                size += 1
            written += 1
        out[size] = uint8(10)
        size += 1
    return size
