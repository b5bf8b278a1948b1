"""Footers of Parquet files rewritten, so that pyarrow hands out values as they are stored, not as they are declared.

pyarrow makes 16 bytes of a decimal that is stored in 4 or 8, and kernels take 8: a footer whose schema does not say that a
column is a decimal gives its whole numbers as they stand, which costs a fifth (`docs/decisions.md`). It makes nanoseconds of
INT96 timestamps, which wrap around outside of 1677 to 2262: a footer that calls them twelve plain bytes gives all of them
(`int96`). And where the Arrow schema kept in a footer asks for views of strings, pyarrow makes them, for us to make offsets of.
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
    """The footer without what makes decimals of 32- and 64-bit integers, and with twelve bytes in the place of INT96; None where
    it has neither."""
    changed = False

    def change(number: int, raw: bytes) -> bytes:
        nonlocal changed
        if number == _SCHEMA:
            raw, changed = _elements(raw)
        return raw

    found = _rewritten(metadata, change)
    return found if changed else None


def as_parquet(metadata: pq.FileMetaData) -> pq.FileMetaData:
    """The footer without what its writer adds to Parquet's own schema; itself where that is nothing."""
    return _rewritten(metadata, lambda number, raw: None if number == _KEY_VALUES else raw) if metadata.metadata else metadata


def _rewritten(metadata: pq.FileMetaData, change: Callable[[int, bytes], bytes | None]) -> pq.FileMetaData:
    """The footer with every field as `change` makes it; without those for which it answers None."""
    sink = io.BytesIO()
    metadata.write_metadata_file(sink)
    old = sink.getvalue()[len(_MAGIC) : -len(_MAGIC) - 4]
    fields = [(number, kind, change(number, old[start:end])) for number, kind, start, end in thrift.spans(old)]
    new = thrift.joined([(number, kind, raw) for number, kind, raw in fields if raw is not None])
    return pq.read_metadata(io.BytesIO(_MAGIC + new + struct.pack("<I", len(new)) + _MAGIC))


def _elements(raw: bytes) -> tuple[bytes, bool]:
    """The list of schema elements, decimals made plain integers, and INT96 twelve bytes."""
    count, _, place = thrift.list_head(raw)
    made = [raw[:place]]
    changed = False
    for _ in range(count):
        fields, end = thrift.struct(raw, place)
        element = raw[place:end]
        if fields.get(_CONVERTED) == _DECIMAL and fields.get(_TYPE) in _INTEGERS:
            spans = thrift.spans(element)
            kept = [(n, k, element[a:b]) for n, k, a, b in spans if n not in (_CONVERTED, _SCALE, _PRECISION, _LOGICAL)]
            element, changed = thrift.joined(kept), True
        elif fields.get(_TYPE) == _INT96:
            kinds = {n: (k, element[a:b]) for n, k, a, b in thrift.spans(element)} | _TWELVE_BYTES
            element, changed = thrift.joined([(n, *kinds[n]) for n in sorted(kinds)]), True
        made.append(element)
        place = end
    return b"".join(made), changed


def with_decimals(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table read by `as_plain`, its whole numbers typed as the decimals that `schema` says, values shared."""
    for k, field in enumerate(table.schema):
        wanted = schema.field(field.name).type
        if pa.types.is_decimal(wanted) and pa.types.is_integer(field.type):
            make: Any = pa.decimal32 if field.type == pa.int32() else pa.decimal64
            kind = make(wanted.precision, wanted.scale)
            chunks = [pa.Array.from_buffers(kind, len(c), c.buffers(), -1, c.offset) for c in table.column(k).chunks]
            table = table.set_column(k, pa.field(field.name, kind), pa.chunked_array(chunks, kind))
    return table
