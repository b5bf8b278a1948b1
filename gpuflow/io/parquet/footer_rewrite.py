"""Rewrite footers of Parquet files, so that pyarrow returns values as they are stored instead of as they are declared.

Decimals: pyarrow widens those stored in 4 or 8 bytes to 16, and kernels take 8. A footer that does not declare them as decimals
yields the stored integers, at a fifth of the cost (`docs/decisions.md`).

INT96 timestamps: pyarrow converts them to nanoseconds, which wrap around outside of 1677 to 2262. A footer that declares twelve
plain bytes yields them all (`int96`).

Strings: an Arrow schema in the footer may ask for string views, which would have to be converted to offsets afterwards.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import format as fmt
from . import thrift

_SCHEMA, _KEY_VALUES = 2, 5
_TYPE, _LENGTH, _CONVERTED, _SCALE, _PRECISION, _LOGICAL = 1, 2, 6, 7, 8, 10
_DECIMAL, _INTEGERS, _INT96 = 5, (1, 2), 3
_TWELVE_BYTES = {_TYPE: (5, bytes([2 * fmt.FIXED])), _LENGTH: (5, bytes([2 * 12]))}
_MAGIC = b"PAR1"


def as_plain(metadata: pq.FileMetaData) -> pq.FileMetaData | None:
    """Declare decimals stored as integers as plain integers, and INT96 as twelve bytes; None where the footer has neither."""
    changed = False

    def change(number: int, raw: bytes) -> bytes:
        nonlocal changed
        if number == _SCHEMA:
            raw, changed = _elements(raw)
        return raw

    rewritten = _rewritten(metadata, change)
    return rewritten if changed else None


def as_parquet(metadata: pq.FileMetaData) -> pq.FileMetaData:
    """Drop the key-value metadata, in which a writer may ask for other Arrow types; return the footer itself if it has none."""
    return _rewritten(metadata, lambda number, raw: None if number == _KEY_VALUES else raw) if metadata.metadata else metadata


def _rewritten(metadata: pq.FileMetaData, change: Callable[[int, bytes], bytes | None]) -> pq.FileMetaData:
    """Rewrite each top-level field of a footer by `change`; drop those for which it returns None."""
    sink = io.BytesIO()
    metadata.write_metadata_file(sink)
    old = sink.getvalue()[len(_MAGIC) : -len(_MAGIC) - 4]
    fields = [(number, kind, change(number, old[start:end])) for number, kind, start, end in thrift.spans(old)]
    new = thrift.joined([(number, kind, raw) for number, kind, raw in fields if raw is not None])
    return pq.read_metadata(io.BytesIO(_MAGIC + new + struct.pack("<I", len(new)) + _MAGIC))


def _elements(raw: bytes) -> tuple[bytes, bool]:
    """Rewrite the list of schema elements: decimals become plain integers, INT96 twelve bytes. Also return whether any
    changed."""
    count, _, place = thrift.list_head(raw)
    made = [raw[:place]]
    changed = False
    for _ in range(count):
        fields, end = thrift.struct(raw, place)
        element = raw[place:end]
        if fields.get(_CONVERTED) == _DECIMAL and fields.get(_TYPE) in _INTEGERS:
            spans = thrift.spans(element)
            remaining = [(n, k, element[a:b]) for n, k, a, b in spans if n not in (_CONVERTED, _SCALE, _PRECISION, _LOGICAL)]
            element, changed = thrift.joined(remaining), True
        elif fields.get(_TYPE) == _INT96:
            kinds = {n: (k, element[a:b]) for n, k, a, b in thrift.spans(element)} | _TWELVE_BYTES
            element, changed = thrift.joined([(n, *kinds[n]) for n in sorted(kinds)]), True
        made.append(element)
        place = end
    return b"".join(made), changed


def with_decimals(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give integers that were read through `as_plain` the decimal types of `schema`; values are shared."""
    for k, field in enumerate(table.schema):
        declared = schema.field(field.name).type
        if pa.types.is_decimal(declared) and pa.types.is_integer(field.type):
            make: Any = pa.decimal32 if field.type == pa.int32() else pa.decimal64
            kind = make(declared.precision, declared.scale)
            chunks = [pa.Array.from_buffers(kind, len(c), c.buffers(), -1, c.offset) for c in table.column(k).chunks]
            table = table.set_column(k, pa.field(field.name, kind), pa.chunked_array(chunks, kind))
    return table
