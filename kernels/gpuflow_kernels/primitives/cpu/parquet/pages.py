"""Decode pages of a Parquet column chunk on a CPU to the values of a column, in one pass over each page.

The functions never read or write outside of their arrays, whatever these contain: invalid data returns -1. `SLACK` bytes must
follow all data. Formats as in the Apache Parquet specification (Data Pages; Encodings: PLAIN,
"RLE/bit-packing hybrid").
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.primitives.cpu.bytes_of import store_word, varint, word
from gpuflow_kernels.rowmath import int64, uint64

from .snappy import snappy


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


def expand(data: Any, table: Any, firsts: Any, starts: Any, every: int, selected: Any, out: Any) -> int:
    """Decompress Snappy pages one behind the other, and write their positions to `table`; return 0, or -1.

    Without `every`, data pages without any of the `selected` rows are skipped (see `column`).
    """
    at, asked = int64(0), int64(0)
    for c in range(len(firsts) - 1):
        for k in range(firsts[c], firsts[c + 1]):
            place, length, size, version2 = table[k, 6], table[k, 3], table[k, 2], table[k, 5] == 8
            if not every and (version2 or table[k, 5] == 5):
                before = asked
                while asked < len(selected) and selected[asked] < starts[c] + table[k, 0] + table[k, 9]:
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
    entry_count: int,
    every: int,
    selected: Any,
    starts: Any,
    out: Any,
    valid: Any,
    dictionary: Any,
    body: Any,
    spare: Any,
    spare_valid: Any,
) -> int:
    """Decode the values of column chunks.

    Parameters
    ----------
    data, table, firsts : array
        Bytes of the chunks, and the tables written by `page_headers.headers`.
    compressed : int
        Whether pages are Snappy blocks; otherwise they are not compressed, or decompressed already.
    optional : array of bool
        For each chunk whether there may be nulls; only then `valid` and `spare_valid` are used.
    item, low, high : int
        Bytes of a plain number (4 or 8) and its bounds; -1 for strings (see `strings`); 0 where plain values are an error.
    entries, entry_count : array, int
        The entries of the dictionary of all chunks; with `entry_count` -1 a buffer into which those of each chunk are read.
    every : int
        Whether to decode all rows; otherwise those with the ascending numbers `selected`.
    starts : array
        The number of the first row of each chunk.
    out, valid : array
        Results, one item for each decoded row.
    dictionary, body, spare, spare_valid : array
        Buffers for the largest dictionary, and for the largest data page: bytes, and without `every` values and validity.

    Returns
    -------
    int
        Number of nulls; -1 for damaged data or another encoding.
    """
    at, nulls = int64(0), int64(0)
    for c in range(len(firsts) - 1):
        first, last, count = firsts[c], firsts[c + 1], int64(entry_count)
        if entry_count < 0:
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
            while not every and stop < len(selected) and selected[stop] < row + rows:
                stop += 1
            if stop == at:
                continue
            page_nulls = page(
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
                selected,
                row,
                out,
                valid,
                at,
                stop,
                body,
                spare,
                spare_valid,
            )
            if page_nulls < 0:
                return int64(-1)
            nulls, at = nulls + page_nulls, stop
    return nulls


def own_entries(data: Any, table: Any, k: int, compressed: int, item: int, low: int, high: int, entries: Any, room: Any) -> int:
    """Read the numbers of dictionary page `k` into `entries`; return how many, or -1."""
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
    entry_count: int,
    every: int,
    selected: Any,
    row: int,
    out: Any,
    valid: Any,
    at: int,
    stop: int,
    body: Any,
    spare: Any,
    spare_valid: Any,
) -> int:
    """Decode data page `k`, whose first row is number `row`, to ``out[at:stop]``; return the number of nulls, or -1."""
    count, start, end, encoding, apart = table[k, 9], table[k, 6], table[k, 6] + table[k, 3], table[k, 10], int64(0)
    version2 = table[k, 5] == 8
    if version2:
        encoding, apart = table[k, 12], table[k, 13]
        if apart < 0 or apart > table[k, 3] or table[k, 14] != 0:
            return int64(-1)
    valid_count, values, present, first = count, out, valid, at
    if not every:
        values, present, first = spare, spare_valid, int64(0)
    if version2 and optional:
        valid_count = levels(data, start, start + apart, present, first, count)
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
        valid_count = levels(where, start + 4, start + 4 + size, present, first, count)
        start += 4 + size
    coded, done = encoding == 2 or encoding == 8, int64(0)
    if valid_count < 0 or (not coded and encoding != 0):
        return int64(-1)
    if every or valid_count < count or (item < 0 and not coded):
        if coded:
            done = fill(where, start, end, entries, entry_count, values, first, valid_count)
        elif item < 0:
            done = strings(where, start, end, values, first, valid_count)
        else:
            done = plain(where, start, end, item, low, high, values, first, valid_count)
        if done < 0 or (valid_count < count and spread(values, present, first, count, valid_count) < 0):
            return int64(-1)
        if every:
            return count - valid_count
        nulls = int64(0)
        for i in range(at, stop):
            out[i] = values[selected[i] - row]
            if optional:
                valid[i] = present[selected[i] - row]
                nulls += int64(not valid[i])
        return nulls
    if coded:
        done = pick(where, start, end, entries, entry_count, out, at, stop, selected, row)
    else:
        done = picked(where, start, end, item, low, high, out, at, stop, selected, row)
    for i in range(at, stop if optional else at):
        valid[i] = True
    return done
