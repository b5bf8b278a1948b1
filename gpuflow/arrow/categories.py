"""Store the categories of an enum in the metadata of an Arrow field, as Polars does: data holds only those that occur."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pyarrow as pa
from gpuflow_kernels.dtypes import DType, enum

KEY, FORMER_KEY = b"_PL_ENUM_VALUES2", b"_PL_ENUM_VALUES"
"""Metadata keys of Polars, since 1.32 and before; both are read."""
_DIGITS = 10
"""Most digits of a length."""


def encoded(dtype: DType) -> dict[bytes, bytes]:
    """Encode the categories of an enum as metadata: for each its length in bytes, a semicolon, and its text.

    >>> encoded(enum(["low", "a;b", ""]))
    {b'_PL_ENUM_VALUES2': b'3;low3;a;b0;'}
    """
    texts = (name.encode() for name in dtype.detail)
    return {KEY: b"".join(b"%d;%s" % (len(text), text) for text in texts)}


def declared(field: pa.Field) -> DType | None:
    """Decode the enum in the metadata of a dictionary field; None where there is none, or it is malformed.

    >>> kind = pa.dictionary(pa.int32(), pa.string())
    >>> declared(pa.field("x", kind, metadata={"_PL_ENUM_VALUES2": "3;low4;high"}))
    enum[low, high]
    """
    if not field.metadata or not pa.types.is_dictionary(field.type) or not is_text(field.type.value_type):
        return None
    raw = field.metadata.get(KEY, field.metadata.get(FORMER_KEY))
    return None if raw is None else _decoded(raw)


def of(schema: Mapping[str, DType]) -> tuple[tuple[str, ...], ...]:
    """Return the categories of all enums of a schema, in full: the text of an enum type is shortened."""
    return tuple(dtype.detail for dtype in schema.values() if dtype.kind == "enum")


def is_text(arrow: pa.DataType) -> bool:
    return arrow in (pa.string(), pa.large_string(), pa.string_view())


@lru_cache(32)
def _decoded(raw: bytes) -> DType | None:
    names: list[str] = []
    place = 0
    while place < len(raw):
        end = raw.find(b";", place, place + _DIGITS + 1)
        length = raw[place:end] if end >= 0 else b""
        if not length.isdigit():
            return None
        place, text = end + 1 + int(length), raw[end + 1 : end + 1 + int(length)]
        try:
            names.append(text.decode())
        except UnicodeDecodeError:
            return None
    if place != len(raw) or len(set(names)) < len(names):
        return None
    return enum(names)
