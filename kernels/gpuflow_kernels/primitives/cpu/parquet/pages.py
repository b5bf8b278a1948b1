"""Decode pages of a Parquet column chunk on a CPU to the values of a column, in one pass over each page.

The functions never read or write outside of their arrays, whatever these contain: invalid data returns -1. `SLACK` bytes must
follow all data. Formats as in the Apache Parquet specification (Data Pages).
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.primitives.cpu.bytes_of import word
from gpuflow_kernels.rowmath import int64, uint64

from .encodings import fill, levels, pick, picked, plain, spread, strings
from .snappy import snappy


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
        Bytes of a plain number (4 or 8) and its bounds; -1 for strings (`encodings.strings`); 0 where plain values are an error.
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
