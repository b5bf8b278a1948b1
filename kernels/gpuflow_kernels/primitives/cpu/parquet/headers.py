"""Headers of the pages of a Parquet column chunk (`parquet.thrift`, PageHeader, in the Thrift compact protocol)."""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.primitives.cpu.bytes_of import varint, zigzag
from gpuflow_kernels.rowmath import int64, uint64

FIELDS = 16
"""Columns of a table of headers: fields of a header by number, fields of the nested struct by number + 8."""
ROW, TYPE, SIZE, LENGTH, CHECKSUM, WHICH, BODY, VALUES = 0, 1, 2, 3, 4, 5, 6, 9
"""Number of the page's first row; its type; its size, uncompressed and stored; its CRC; which struct is nested in the header;
where the page begins; its number of values."""
DATA, DICTIONARY, DATA_V2 = 5, 7, 8
"""Values of `WHICH`: field numbers of the nested structs."""
ABSENT = -(1 << 40)
SUMS = 5
ROWS, ROOM, MOST, LARGEST, CHECKSUMS = range(SUMS)
"""Columns of `sums` of `headers`: rows; bytes of all pages; values and bytes of the largest data page; pages with a checksum."""


def skipped(data: Any, place: int, end: int, kind: int) -> int:
    """Return the position after a Thrift value; -1 if it does not end, or is a list (no header has one)."""
    depth = int64(0)
    while True:
        length = int64(0)
        if kind == 3:
            length = int64(1)
        elif kind == 4 or kind == 5 or kind == 6:
            _, place = varint(data, place, end)
        elif kind == 7:
            length = int64(8)
        elif kind == 8:
            size, place = varint(data, place, end)
            if size > uint64(end):
                return int64(-1)
            length = int64(size)
        elif kind == 12:
            depth += 1
        elif kind > 2:  # the bools are their own types
            return int64(-1)
        if place < 0 or place + length > end:
            return int64(-1)
        place += length
        kind = int64(0)
        while depth > 0 and kind == 0:  # ends of structs, then a field
            if place >= end:
                return int64(-1)
            head = int64(data[place])
            place += 1
            kind = head & 15
            if kind == 0:
                depth -= 1
            elif head >> 4 == 0:
                _, place = varint(data, place, end)
                if place < 0:
                    return int64(-1)
        if depth == 0:
            return place


def headers(data: Any, bounds: Any, table: Any, firsts: Any, sums: Any) -> int:
    """Read the headers of all pages of column chunks, each into one row of `table`, which must be filled with `ABSENT`.

    Chunk c is ``data[bounds[c] : bounds[c + 1]]``, and `SLACK` bytes follow the last one. ``firsts[c]`` becomes the number of its
    first page (the last entry is the number of all pages), and ``sums[c]``, initially zeros, the sums over its pages.

    Returns
    -------
    int
        Number of pages; -1 if they are malformed, -2 if `table` has too few rows.
    """
    k = int64(0)
    for c in range(len(bounds) - 1):
        firsts[c] = k
        place, end = bounds[c], bounds[c + 1]
        while place < end:
            if k == len(table):
                return int64(-2)
            place = header(data, place, end, table, k)
            if place < 0 or table[k, 3] < 0 or table[k, 2] < 0 or place + table[k, 3] > end:
                return int64(-1)
            if table[k, 5] >= 0 and table[k, 1] != table[k, 5] - 5:  # the type contradicts the nested struct
                return int64(-1)
            table[k, 6] = place
            place += table[k, 3]
            sums[c, 1] += table[k, 2]
            sums[c, 4] += int64(table[k, 4] != -(1 << 40))
            if table[k, 5] == 5 or table[k, 5] == 8:
                if table[k, 9] < 0:
                    return int64(-1)
                table[k, 0] = sums[c, 0]
                sums[c, 0] += table[k, 9]
                sums[c, 2] = max(sums[c, 2], table[k, 9])
                sums[c, 3] = max(sums[c, 3], table[k, 2])
            elif table[k, 5] == 7 and k > firsts[c]:  # a dictionary comes first
                return int64(-1)
            k += 1
    firsts[len(bounds) - 1] = k
    return k


def header(data: Any, place: int, end: int, table: Any, k: int) -> int:
    """Read one header into row `k`; return the position after it, or -1."""
    base, number, outer = int64(0), int64(0), int64(0)
    while place < end:
        head = int64(data[place])
        place += 1
        kind = head & 15
        if kind == 0:
            if base == 0:
                return place
            base, number = int64(0), outer
            continue
        if head >> 4:
            number += head >> 4
        else:
            value, place = varint(data, place, end)
            if place < 0:
                return int64(-1)
            number = zigzag(value)
        in_range = 0 < number < 8 if base else 0 < number < 5
        if kind == 12 and base == 0 and (number == 5 or number == 7 or number == 8):
            table[k, 5] = number
            base, outer, number = int64(8), number, int64(0)
        elif in_range and kind <= 2:
            table[k, base + number] = int64(kind == 1)
        elif in_range and kind == 5:
            value, place = varint(data, place, end)
            if place < 0 or value > uint64(0xFFFFFFFF):
                return int64(-1)
            table[k, base + number] = zigzag(value)
        else:
            place = skipped(data, place, end, kind)
            if place < 0:
                return int64(-1)
    return int64(-1)
