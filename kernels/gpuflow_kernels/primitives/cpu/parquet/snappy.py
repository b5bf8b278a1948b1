"""Decompress Snappy on a CPU.

Format as in Google's description (snappy/format_description.txt): a length, then literals and copies of earlier output. Bytes are
moved eight or sixteen at a time where there is space behind them, as in Google's decoder; on dictionaries of numbers, with short
pieces, this takes half the time of pyarrow's (`docs/decisions.md`).
"""

from __future__ import annotations

from typing import Any

from gpuflow_kernels.primitives.cpu.bytes_of import store_word, varint, word
from gpuflow_kernels.rowmath import int64, uint64


def snappy(data: Any, place: int, end: int, out: Any, at: int, size: int) -> int:
    """Decompress a block of `size` bytes to ``out[at:]``; return 0, or -1 if it has another size, or is damaged.

    `SLACK` bytes must follow the block.
    """
    stated, start = varint(data, place, end)
    if start < 0 or stated != uint64(size) or at + size > len(out):
        return int64(-1)
    here, stop, whole = uint64(start), uint64(end), uint64(len(data))
    done, room, base, full = uint64(at), uint64(len(out)), uint64(at), uint64(at + size)
    while here < stop:
        tag = uint64(data[here])
        here += uint64(1)
        length = (tag >> uint64(2)) + uint64(1)
        if tag & uint64(3) == uint64(0):
            if length > uint64(60):
                extra = length - uint64(60)
                if here + extra > stop:
                    return int64(-1)
                length = (word(data, here) & ((uint64(1) << (uint64(8) * extra)) - uint64(1))) + uint64(1)
                here += extra
            if here + length > stop or done + length > full:
                return int64(-1)
            if length <= uint64(16) and here + uint64(16) <= whole and done + uint64(16) <= room:
                store_word(out, done, word(data, here))
                store_word(out, done + uint64(8), word(data, here + uint64(8)))
            elif here + length + uint64(8) <= whole and done + length + uint64(8) <= room:
                k = uint64(0)
                while k < length:
                    store_word(out, done + k, word(data, here + k))
                    k += uint64(8)
            else:
                for k in range(length):
                    out[done + k] = data[here + k]
            here += length
        else:
            offset = word(data, here)
            if tag & uint64(3) == uint64(1):
                length = ((tag >> uint64(2)) & uint64(7)) + uint64(4)
                offset = (tag >> uint64(5)) << uint64(8) | offset & uint64(255)
                here += uint64(1)
            elif tag & uint64(3) == uint64(2):
                offset &= uint64(0xFFFF)
                here += uint64(2)
            else:
                offset &= uint64(0xFFFFFFFF)
                here += uint64(4)
            if here > stop or offset == uint64(0) or offset > done - base or done + length > full:
                return int64(-1)
            if offset >= uint64(8) and done + uint64(72) <= room:
                store_word(out, done, word(out, done - offset))
                store_word(out, done + uint64(8), word(out, done + uint64(8) - offset))
                k = uint64(16)
                while k < length:
                    store_word(out, done + k, word(out, done + k - offset))
                    k += uint64(8)
            else:
                for k in range(length):
                    out[done + k] = out[done + k - offset]
        done += length
    return int64(0) if done == full else int64(-1)
