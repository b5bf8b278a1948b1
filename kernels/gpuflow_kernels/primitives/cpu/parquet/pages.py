"""Pages of a Parquet column chunk on a CPU: from their bytes to the values of a column, in one pass for each page.

The functions never read or write outside of the arrays they are given, whatever stands in these: what cannot be is answered
with -1. `SLACK` bytes must follow what is read. Formats as in the Apache Parquet specification (Data Pages; Encodings: PLAIN,
"RLE/bit-packing hybrid").
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.primitives.cpu.bytes_of import store_word, varint, word
from gpuflow_kernels.rowmath import int64, uint64

from .snappy import snappy


def run_at(data: Any, place: int, end: int, width: int) -> Any:
    """The run that begins at `place`: how many values it has, whether they are packed, and where its bytes begin and end;
    of no values where it is malformed."""
    told, place = varint(data, place, end)
    count = int64(told >> uint64(1))
    if place < 0 or told > uint64(0xFFFFFFFF):
        return int64(0), False, int64(0), int64(0)
    if told & uint64(1):
        packed, size, count = True, count * width, count * 8
    else:
        packed, size = False, int64((width + 7) // 8)
    if place + size > end:
        return int64(0), False, int64(0), int64(0)
    return count, packed, place, place + size


def fill(data: Any, place: int, end: int, entries: Any, known: int, out: Any, at: int, count: int) -> int:
    """Write ``out[at : at + count]``: those of the first `known` entries whose numbers stand between `place` and `end`, in runs
    behind a byte that says how many bits they have; 0, or -1 where there are too few, or one is no number of an entry."""
    if count == 0:
        return int64(0)
    if place >= end or data[place] > 32:
        return int64(-1)
    width = int64(data[place])
    mask, top = (uint64(1) << uint64(width)) - uint64(1), uint64(known)
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


def pick(data: Any, place: int, end: int, entries: Any, known: int, out: Any, at: int, stop: int, wanted: Any, row: int) -> int:
    """As `fill`, but of the values with the ascending numbers ``wanted[at:stop] - row`` alone."""
    if place >= end or data[place] > 32:
        return int64(-1)
    width = int64(data[place])
    mask, top = (uint64(1) << uint64(width)) - uint64(1), uint64(known)
    done, place = at, place + 1
    while done < stop:
        length, packed, place, after = run_at(data, place, end, width)
        if length <= 0:
            return int64(-1)
        while done < stop and wanted[done] < row + length:
            bit = uint64(place) << uint64(3)
            if packed:
                bit += uint64(wanted[done] - row) * uint64(width)
            code = (word(data, bit >> uint64(3)) >> (bit & uint64(7))) & mask
            if code >= top:
                return int64(-1)
            out[done] = entries[code]
            done += 1
        row, place = row + length, after
    return int64(0)


def number_at(data: Any, place: Any, item: int) -> int:
    """A number of 4 or 8 bytes, with its sign."""
    value = word(data, uint64(place))
    return int64(value) if item == 8 else int64(value << uint64(32)) >> int64(32)


def plain(data: Any, place: int, end: int, item: int, low: int, high: int, out: Any, at: int, count: int) -> int:
    """Write ``out[at : at + count]``: numbers of `item` bytes (4 or 8) from `low` to `high`; 0, or -1."""
    if item == 0 or place + count * item > end:
        return int64(-1)
    for i in range(count):
        value = number_at(data, place + i * item, item)
        if value < low or value > high:
            return int64(-1)
        out[at + i] = value
    return int64(0)


def picked(
    data: Any, place: int, end: int, item: int, low: int, high: int, out: Any, at: int, stop: int, wanted: Any, row: int
) -> int:
    """As `plain`, but of the values with the numbers ``wanted[at:stop] - row`` alone."""
    if item == 0:
        return int64(-1)
    for i in range(at, stop):
        here = place + (wanted[i] - row) * item
        if here + item > end:
            return int64(-1)
        value = number_at(data, here, item)
        if value < low or value > high:
            return int64(-1)
        out[i] = value
    return int64(0)


def levels(data: Any, place: int, end: int, valid: Any, at: int, count: int) -> int:
    """Write ``valid[at : at + count]``: whether a row has a value, from runs of one bit; how many have, or -1."""
    done, last, found = at, at + count, int64(0)
    while done < last:
        length, packed, place, after = run_at(data, place, end, 1)
        if length <= 0:
            return int64(-1)
        stop = min(done + length, last)
        if packed:
            for i in range(stop - done):
                bit = (uint64(data[place + (i >> 3)]) >> uint64(i & 7)) & uint64(1)
                valid[done + i] = bit != uint64(0)
                found += int64(bit)
        else:
            level = word(data, uint64(place)) & uint64(255)
            if level > uint64(1):
                return int64(-1)
            for i in range(done, stop):
                valid[i] = level != uint64(0)
            found += (stop - done) * int64(level)
        done, place = stop, after
    return found


def spread(values: Any, valid: Any, at: int, count: int, found: int) -> int:
    """Move ``values[at : at + found]`` to the places that are valid among `count`, in order, and zeros to the others; 0, or
    -1 where it is not `found` that are valid."""
    k, i = at + found, at + count
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
    """Write ``out[at : at + count]``: where plain strings begin, 32 bits further left than how many bytes they have; 0, or -1."""
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


def offsets(found: Any, out: Any) -> int:
    """Write the offsets of strings that `strings` found into ``out[1:]``; all their bytes."""
    for i in range(len(found)):
        out[i + 1] = out[i] + (found[i] & 0xFFFFFFFF)
    return out[len(found)]  # type: ignore[no-any-return]


def characters(data: Any, found: Any, starts: Any, out: Any) -> int:
    """Write the bytes of strings that `strings` found in `data` to their offsets `starts`."""
    size, room = uint64(len(data)), uint64(len(out))
    for i in range(len(found)):
        here, length, at = uint64(found[i]) >> uint64(32), uint64(found[i]) & uint64(0xFFFFFFFF), uint64(starts[i])
        k = uint64(0)
        if here + length + uint64(8) <= size and at + length + uint64(8) <= room:
            while k < length:  # what is too much is written over by the next string
                store_word(out, at + k, word(data, here + k))
                k += uint64(8)
        else:
            while k < length:
                out[at + k] = data[here + k]
                k += uint64(1)
    return int64(0)


def expand(data: Any, table: Any, firsts: Any, starts: Any, every: int, wanted: Any, out: Any) -> int:
    """Decompress pages of Snappy one behind the other, and say in `table` where they are; 0, or -1.

    Data pages without rows of the ascending numbers `wanted` are left out, unless `every` is (see `column`).
    """
    at, asked = int64(0), int64(0)
    for c in range(len(firsts) - 1):
        for k in range(firsts[c], firsts[c + 1]):
            place, length, size, version2 = table[k, 6], table[k, 3], table[k, 2], table[k, 5] == 8
            if not every and (version2 or table[k, 5] == 5):
                before = asked
                while asked < len(wanted) and wanted[asked] < starts[c] + table[k, 0] + table[k, 9]:
                    asked += 1
                if asked == before:
                    table[k, 5] = 0
                    continue
            apart = table[k, 13] if version2 else int64(0)
            if version2 and table[k, 15] == 0:  # not compressed
                apart = size if size == length else int64(-1)
            if apart < 0 or apart > min(length, size) or at + size > len(out):
                return int64(-1)
            for i in range(apart):
                out[at + i] = data[place + i]
            if apart < size and snappy(data, place + apart, place + length, out, at + apart, size - apart) < 0:
                return int64(-1)
            table[k, 6], table[k, 3] = at, size
            at += size
    return int64(0)


def column(
    data: Any,
    table: Any,
    firsts: Any,
    compressed: int,
    optional: Any,
    item: int,
    low: int,
    high: int,
    entries: Any,
    known: int,
    every: int,
    wanted: Any,
    starts: Any,
    out: Any,
    valid: Any,
    dictionary: Any,
    body: Any,
    spare: Any,
    spare_valid: Any,
) -> int:
    """The values of column chunks.

    Parameters
    ----------
    data, table, firsts : array
        Bytes of the chunks, and what `page_headers.headers` made of them.
    compressed : int
        Whether pages are blocks of Snappy; else they are not compressed, or no longer.
    optional : array of bool
        For each chunk whether there may be nulls; only then `valid` and `spare_valid` are used.
    item, low, high : int
        Bytes of a plain number (4 or 8) and its bounds; -1 for strings (see `strings`); 0 where nothing may be plain.
    entries, known : array, int
        The entries of the dictionary of all chunks, `known` of them; -1 for room to read those of each chunk into.
    every : int
        Whether all rows are asked for; else those with the ascending numbers `wanted`.
    starts : array
        The number of the first row of each chunk.
    out, valid : array
        To write to, a place for each row that is asked for.
    dictionary, body, spare, spare_valid : array
        Room for the largest dictionary, and for the largest data page: bytes, and if not `every` values and validity.

    Returns
    -------
    int
        How many nulls there are; -1 for what cannot be, or has another encoding.
    """
    at, nulls = int64(0), int64(0)
    for c in range(len(firsts) - 1):
        first, last, count = firsts[c], firsts[c + 1], int64(known)
        if known < 0:
            count = int64(0)
            if first < last and table[first, 5] == 7:
                count = own_entries(data, table, first, compressed, item, low, high, entries, dictionary)
                if count < 0:
                    return int64(-1)
        for k in range(first, last):
            rows, row, version2 = table[k, 9], starts[c] + table[k, 0], table[k, 5] == 8
            if table[k, 5] != 5 and not version2:
                continue
            stop = at + rows if every else at
            while not every and stop < len(wanted) and wanted[stop] < row + rows:
                stop += 1
            if stop == at:
                continue
            found = page(
                data,
                table,
                k,
                compressed,
                int64(optional[c]),
                item,
                low,
                high,
                entries,
                count,
                every,
                wanted,
                row,
                out,
                valid,
                at,
                stop,
                body,
                spare,
                spare_valid,
            )
            if found < 0:
                return int64(-1)
            nulls, at = nulls + found, stop
    return nulls


def own_entries(data: Any, table: Any, k: int, compressed: int, item: int, low: int, high: int, entries: Any, room: Any) -> int:
    """Read the numbers of dictionary page `k` into `entries`; how many, or -1."""
    count, place, length, size = table[k, 9], table[k, 6], table[k, 3], table[k, 2]
    if count < 0 or count > len(entries) or (table[k, 10] != 0 and table[k, 10] != 2):
        return int64(-1)
    where, start = data, place
    if compressed:
        if snappy(data, place, place + length, room, 0, size) < 0:
            return int64(-1)
        where, start = room, int64(0)
    elif length != size:
        return int64(-1)
    return count if plain(where, start, start + size, item, low, high, entries, 0, count) == 0 else int64(-1)


def page(
    data: Any,
    table: Any,
    k: int,
    compressed: int,
    optional: int,
    item: int,
    low: int,
    high: int,
    entries: Any,
    known: int,
    every: int,
    wanted: Any,
    row: int,
    out: Any,
    valid: Any,
    at: int,
    stop: int,
    body: Any,
    spare: Any,
    spare_valid: Any,
) -> int:
    """Write ``out[at:stop]`` from data page `k`, whose first row is number `row`; how many nulls there are, or -1."""
    count, start, end, encoding, apart = table[k, 9], table[k, 6], table[k, 6] + table[k, 3], table[k, 10], int64(0)
    version2 = table[k, 5] == 8
    if version2:
        encoding, apart = table[k, 12], table[k, 13]
        if apart < 0 or apart > table[k, 3] or table[k, 14] != 0:
            return int64(-1)
    found, values, present, first = count, out, valid, at
    if not every:
        values, present, first = spare, spare_valid, int64(0)
    if version2 and optional:
        found = levels(data, start, start + apart, present, first, count)
    start += apart
    where = data
    if compressed and (not version2 or table[k, 15] != 0):
        size = table[k, 2] - apart
        if size > 0 and snappy(data, start, end, body, 0, size) < 0:
            return int64(-1)
        where, start, end = body, int64(0), size
    elif table[k, 2] != table[k, 3]:
        return int64(-1)
    if optional and not version2:
        size = int64(word(where, uint64(start)) & uint64(0xFFFFFFFF))
        if table[k, 11] != 3 or start + 4 + size > end:
            return int64(-1)
        found = levels(where, start + 4, start + 4 + size, present, first, count)
        start += 4 + size
    coded, done = encoding == 2 or encoding == 8, int64(0)
    if found < 0 or (not coded and encoding != 0):
        return int64(-1)
    if every or found < count or (item < 0 and not coded):
        if coded:
            done = fill(where, start, end, entries, known, values, first, found)
        elif item < 0:
            done = strings(where, start, end, values, first, found)
        else:
            done = plain(where, start, end, item, low, high, values, first, found)
        if done < 0 or (found < count and spread(values, present, first, count, found) < 0):
            return int64(-1)
        if every:
            return count - found
        nulls = int64(0)
        for i in range(at, stop):
            out[i] = values[wanted[i] - row]
            if optional:
                valid[i] = present[wanted[i] - row]
                nulls += int64(not valid[i])
        return nulls
    if coded:
        done = pick(where, start, end, entries, known, out, at, stop, wanted, row)
    else:
        done = picked(where, start, end, item, low, high, out, at, stop, wanted, row)
    for i in range(at, stop if optional else at):
        valid[i] = True
    return done
