"""Read numbers from bytes, and write them, at any position."""

from __future__ import annotations

from typing import Any

from ...rowmath import int64, uint8, uint64

SLACK = 8
"""Bytes that must follow data, so that a word can be loaded at its end."""


def varint(data: Any, place: int, end: int) -> Any:
    """Read a number of 7 bits a byte; return it and the next position, -1 if it does not end within ten bytes."""
    value, shift = uint64(0), uint64(0)
    while place < end and shift < uint64(64):
        byte = uint64(data[place])
        place += 1
        value |= (byte & uint64(127)) << shift
        if byte < uint64(128):
            return value, place
        shift += uint64(7)
    return value, int64(-1)


def zigzag(value: Any) -> int:
    """Decode a signed number that has its sign in the lowest bit."""
    return int64(value >> uint64(1)) ^ -int64(value & uint64(1))


def word(data: Any, place: Any) -> Any:
    """Load eight bytes at `place`, all of which must exist, as one number."""
    return (
        uint64(data[place])
        | uint64(data[place + uint64(1)]) << uint64(8)
        | uint64(data[place + uint64(2)]) << uint64(16)
        | uint64(data[place + uint64(3)]) << uint64(24)
        | uint64(data[place + uint64(4)]) << uint64(32)
        | uint64(data[place + uint64(5)]) << uint64(40)
        | uint64(data[place + uint64(6)]) << uint64(48)
        | uint64(data[place + uint64(7)]) << uint64(56)
    )


def store_word(out: Any, place: Any, value: Any) -> None:
    """Store eight bytes at `place`, all of which must fit."""
    out[place] = uint8(value)
    out[place + uint64(1)] = uint8(value >> uint64(8))
    out[place + uint64(2)] = uint8(value >> uint64(16))
    out[place + uint64(3)] = uint8(value >> uint64(24))
    out[place + uint64(4)] = uint8(value >> uint64(32))
    out[place + uint64(5)] = uint8(value >> uint64(40))
    out[place + uint64(6)] = uint8(value >> uint64(48))
    out[place + uint64(7)] = uint8(value >> uint64(56))
