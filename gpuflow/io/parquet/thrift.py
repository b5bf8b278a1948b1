"""Parse Thrift's compact protocol, as far as footers of Parquet files need it, into dicts by field number.

pyarrow has statistics too, but crashes the process if those of a damaged footer have the wrong length (an uncaught C++
exception). See the Apache Thrift compact protocol specification.
"""

from __future__ import annotations

from typing import Any

Fields = dict[int, Any]


def struct(data: bytes, place: int = 0) -> tuple[Fields, int]:
    """Parse a struct; return its fields and where it ends. Raises `IndexError` or `ValueError` if it is cut off or malformed.

    >>> struct(bytes([0x15, 0x0E, 0x18, 0x02]) + b"hi" + bytes([0x00]))
    ({1: 7, 2: b'hi'}, 7)
    """
    fields: Fields = {}
    number = 0
    while True:
        head = data[place]
        place += 1
        kind = head & 15
        if not kind:
            return fields, place
        if head >> 4:
            number += head >> 4
        else:
            number, place = _signed(data, place)
        if kind <= 2:  # a bool is its own type
            fields[number] = kind == 1
        elif kind == 5 or kind == 6:  # the most common: a whole number, mostly short
            value = data[place]
            place += 1
            if value > 127:
                value, place = _unsigned(data, place - 1)
            fields[number] = (value >> 1) ^ -(value & 1)
        else:
            fields[number], place = _value(data, place, kind)


def _unsigned(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7


def _signed(data: bytes, place: int) -> tuple[int, int]:
    value, place = _unsigned(data, place)
    return (value >> 1) ^ -(value & 1), place


def _value(data: bytes, place: int, kind: int) -> tuple[Any, int]:
    if kind in (4, 5, 6):
        return _signed(data, place)
    if kind == 8:
        length, place = _unsigned(data, place)
        return data[place : place + length], place + length
    if kind in (9, 10):
        return _list(data, place)
    if kind == 12:
        return struct(data, place)
    if kind in (1, 2, 3):
        return data[place], place + 1
    if kind == 7:
        return data[place : place + 8], place + 8
    raise ValueError(f"there is no Thrift type {kind}")


def _list(data: bytes, place: int) -> tuple[list[Any], int]:
    count, kind, place = list_head(data, place)
    values = []
    for _ in range(count):
        value, place = _value(data, place, kind)
        values.append(value)
    return values, place


# -- writing again what was read --------------------------------------------------------------------------------------
def spans(data: bytes, place: int = 0) -> list[tuple[int, int, int, int]]:
    """Locate the fields of a struct: number, type, and where the value begins and ends (a bool is its own type).

    >>> spans(bytes([0x15, 0x0E, 0x18, 0x02]) + b"hi" + bytes([0x00]))
    [(1, 5, 1, 2), (2, 8, 3, 6)]
    """
    fields: list[tuple[int, int, int, int]] = []
    number = 0
    while True:
        head = data[place]
        place += 1
        kind = head & 15
        if not kind:
            return fields
        if head >> 4:
            number += head >> 4
        else:
            number, place = _signed(data, place)
        end = place if kind <= 2 else _value(data, place, kind)[1]
        fields.append((number, kind, place, end))
        place = end


def joined(fields: list[tuple[int, int, bytes]]) -> bytes:
    """Encode a struct of fields (number, type, encoded value), in ascending order of their numbers.

    >>> joined([(1, 5, bytes([0x0E])), (2, 8, bytes([0x02]) + b"hi")]).hex()
    '150e1802686900'
    """
    parts = []
    before = 0
    for number, kind, raw in fields:
        step = number - before
        parts.append(bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _varint(number << 1))
        parts.append(raw)
        before = number
    return b"".join([*parts, b"\0"])


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def list_head(data: bytes, place: int = 0) -> tuple[int, int, int]:
    """Return how many items a list has, their type, and where the first one begins."""
    head = data[place]
    count, kind, place = head >> 4, head & 15, place + 1
    if count == 15:
        count, place = _unsigned(data, place)
    return count, kind, place
