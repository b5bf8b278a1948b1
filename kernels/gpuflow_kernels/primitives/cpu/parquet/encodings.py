"""Decode values of a Parquet page by their encoding: PLAIN numbers and strings, and the RLE/bit-packing hybrid.

The functions never read or write outside of their arrays, whatever these contain: invalid data returns -1. `SLACK` bytes must
follow all data. Encodings as in the Apache Parquet specification.
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.primitives.cpu.bytes_of import store_word, varint, word
from gpuflow_kernels.rowmath import int64, uint64


def run_at(data: Any, place: int, end: int, width: int) -> Any:
    """Parse the run that begins at `place`: its number of values (0 if malformed), whether they are packed, and where its bytes
    begin and end."""
    header, place = varint(data, place, end)
    count = int64(header >> uint64(1))
    if place < 0 or header > uint64(0xFFFFFFFF):
        return int64(0), False, int64(0), int64(0)
    if header & uint64(1):
        packed, size, count = True, count * width, count * 8
    else:
        packed, size = False, int64((width + 7) // 8)
    if place + size > end:
        return int64(0), False, int64(0), int64(0)
    return count, packed, place, place + size


def fill(data: Any, place: int, end: int, entries: Any, entry_count: int, out: Any, at: int, count: int) -> int:
    """Decode dictionary codes to ``out[at : at + count]``, each replaced by its entry.

    Between `place` and `end` are a byte with the width of codes, and runs. Returns 0, or -1 if there are too few codes, or one is
    not below `entry_count`."""
    if count == 0:
        return int64(0)
    if place >= end or data[place] > 32:
        return int64(-1)
    width = int64(data[place])
    mask, top = (uint64(1) << uint64(width)) - uint64(1), uint64(entry_count)
    done, last, place = at, at + count, place + 1
    while done < last:
        length, packed, place, after = run_at(data, place, end, width)
        if length <= 0:
            return int64(-1)
        stop = min(done + length, last)
        if packed:
            bit = uint64(place) << uint64(3)
            for i in range(uint64(done), uint64(stop)):
                code = (word(data, bit >> uint64(3)) >> (bit & uint64(7))) & mask
                bit += uint64(width)
                if code >= top:
                    return int64(-1)
                out[i] = entries[code]
        else:
            code = word(data, uint64(place)) & mask
            if code >= top:
                return int64(-1)
            entry = entries[code]
            for i in range(uint64(done), uint64(stop)):
                out[i] = entry
        done, place = stop, after
    return int64(0)


def pick(
    data: Any, place: int, end: int, entries: Any, entry_count: int, out: Any, at: int, stop: int, selected: Any, row: int
) -> int:
    """Decode as `fill`, but only the values with the ascending numbers ``selected[at:stop] - row``."""
    if place >= end or data[place] > 32:
        return int64(-1)
    width = int64(data[place])
    mask, top = (uint64(1) << uint64(width)) - uint64(1), uint64(entry_count)
    done, place = at, place + 1
    while done < stop:
        length, packed, place, after = run_at(data, place, end, width)
        if length <= 0:
            return int64(-1)
        while done < stop and selected[done] < row + length:
            bit = uint64(place) << uint64(3)
            if packed:
                bit += uint64(selected[done] - row) * uint64(width)
            code = (word(data, bit >> uint64(3)) >> (bit & uint64(7))) & mask
            if code >= top:
                return int64(-1)
            out[done] = entries[code]
            done += 1
        row, place = row + length, after
    return int64(0)


def number_at(data: Any, place: Any, item: int) -> int:
    """Load a signed number of 4 or 8 bytes."""
    value = word(data, uint64(place))
    return int64(value) if item == 8 else int64(value << uint64(32)) >> int64(32)


def plain(data: Any, place: int, end: int, item: int, low: int, high: int, out: Any, at: int, count: int) -> int:
    """Decode plain numbers of `item` bytes (4 or 8) to ``out[at : at + count]``; return 0, or -1 if one is not within `low` to
    `high`."""
    if item == 0 or place + count * item > end:
        return int64(-1)
    for i in range(count):
        value = number_at(data, place + i * item, item)
        if value < low or value > high:
            return int64(-1)
        out[at + i] = value
    return int64(0)


def picked(
    data: Any, place: int, end: int, item: int, low: int, high: int, out: Any, at: int, stop: int, selected: Any, row: int
) -> int:
    """Decode as `plain`, but only the values with the numbers ``selected[at:stop] - row``."""
    if item == 0:
        return int64(-1)
    for i in range(at, stop):
        here = place + (selected[i] - row) * item
        if here + item > end:
            return int64(-1)
        value = number_at(data, here, item)
        if value < low or value > high:
            return int64(-1)
        out[i] = value
    return int64(0)


def levels(data: Any, place: int, end: int, valid: Any, at: int, count: int) -> int:
    """Decode definition levels, runs of one bit, to ``valid[at : at + count]``; return how many rows are valid, or -1."""
    done, last, valid_count = at, at + count, int64(0)
    while done < last:
        length, packed, place, after = run_at(data, place, end, 1)
        if length <= 0:
            return int64(-1)
        stop = min(done + length, last)
        if packed:
            for i in range(stop - done):
                bit = (uint64(data[place + (i >> 3)]) >> uint64(i & 7)) & uint64(1)
                valid[done + i] = bit != uint64(0)
                valid_count += int64(bit)
        else:
            level = word(data, uint64(place)) & uint64(255)
            if level > uint64(1):
                return int64(-1)
            for i in range(done, stop):
                valid[i] = level != uint64(0)
            valid_count += (stop - done) * int64(level)
        done, place = stop, after
    return valid_count


def spread(values: Any, valid: Any, at: int, count: int, valid_count: int) -> int:
    """Move ``values[at : at + valid_count]`` to the valid ones among `count` positions, in order, and write zeros to the others.

    Returns 0, or -1 if the number of valid positions is not `valid_count`."""
    k, i = at + valid_count, at + count
    while i > at:
        i -= 1
        if valid[i]:
            k -= 1
            if k < at:
                return int64(-1)
            values[i] = values[k]
        else:
            values[i] = 0
    return int64(0) if k == at else int64(-1)


def strings(data: Any, place: int, end: int, out: Any, at: int, count: int) -> int:
    """Locate plain strings: write ``begin << 32 | length`` of each to ``out[at : at + count]``; return 0, or -1."""
    here, stop = uint64(place), uint64(end)
    if end < place or end > 0x7FFFFFFF:
        return int64(-1)
    for i in range(at, at + count):
        length = word(data, here) & uint64(0xFFFFFFFF)
        here += uint64(4)
        if here + length > stop:
            return int64(-1)
        out[i] = int64(here << uint64(32) | length)
        here += length
    return int64(0)


def offsets(places: Any, out: Any) -> int:
    """Write the offsets of strings located by `strings` to ``out[1:]``; return the bytes of all."""
    for i in range(len(places)):
        out[i + 1] = out[i] + (places[i] & 0xFFFFFFFF)
    return out[len(places)]  # type: ignore[no-any-return]


def characters(data: Any, places: Any, starts: Any, out: Any) -> int:
    """Copy the bytes of strings located by `strings` in `data` to their offsets `starts`."""
    size, room = uint64(len(data)), uint64(len(out))
    for i in range(len(places)):
        here, length, at = uint64(places[i]) >> uint64(32), uint64(places[i]) & uint64(0xFFFFFFFF), uint64(starts[i])
        k = uint64(0)
        if here + length + uint64(8) <= size and at + length + uint64(8) <= room:
            while k < length:  # the next string overwrites the surplus bytes
                store_word(out, at + k, word(data, here + k))
                k += uint64(8)
        else:
            while k < length:
                out[at + k] = data[here + k]
                k += uint64(1)
    return int64(0)
