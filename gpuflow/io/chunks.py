"""Column chunks of Parquet files: where they are, and their pages, read, verified and decompressed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.primitives.cpu import page_headers as h
from gpuflow_kernels.primitives.cpu import pages
from gpuflow_kernels.primitives.cpu.bytes_of import SLACK
from gpuflow_kernels.primitives.cpu.compiled import compiled

from . import convert
from .fitting import Rows
from .footers import Footer
from .thrift import Fields

Array = np.ndarray[Any, Any]

# field numbers and constants of Parquet's ColumnMetaData
_TYPE, _ENCODINGS, _CODEC, _COUNT, _UNCOMPRESSED, _COMPRESSED, _DATA_AT, _DICTIONARY_AT = 1, 2, 4, 5, 6, 7, 9, 11
_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY = 0, 2, 3, 8
_BYTE_ARRAY = 6
_NUMBERS: dict[Any, np.dtype[Any]] = {1: np.dtype("<i4"), 2: np.dtype("<i8"), 4: np.dtype("<f4"), 5: np.dtype("<f8")}
_CODECS: dict[Any, str | None] = {0: None, 1: "snappy", 2: "gzip", 6: "zstd"}
_LEVELS, _COMPRESSED_V2 = h.VALUES + 4, h.VALUES + 6
"""In a table of page headers: bytes of levels that stand apart, and whether the rest is compressed."""

_NONE = np.empty(0, np.int64)


class OtherForm(Exception):
    """A chunk that is of another form than is decoded here, or damaged."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column chunk is in its file, and what its pages are like.

    `room` is how many bytes its pages have, decompressed. `number` is the form of plain numbers, None for strings.
    """

    start: int
    length: int
    room: int
    number: np.dtype[Any] | None
    codec: str | None
    optional: bool
    rows: int

    @property
    def end(self) -> int:
        return self.start + self.length


def place_of(footer: Footer, group: int, name: str, dtype: DType) -> Place | None:
    """The chunk of a column in a row group, if it is of a form that is decoded here: not nested, numbers or strings, PLAIN or
    by a dictionary."""
    leaf = footer.leaves.get(name)
    if leaf is None or footer.types.get(name) != dtype or group >= len(footer.chunks) or leaf >= len(footer.chunks[group]):
        return None
    column, chunk = footer.metadata.schema.column(leaf), footer.chunks[group][leaf]
    physical, codec = chunk.get(_TYPE), chunk.get(_CODEC)
    known = set(chunk.get(_ENCODINGS) or (-1,)) <= {_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY}
    if not known or codec not in _CODECS or column.max_repetition_level or column.max_definition_level > 1:
        return None
    if not ((physical == _BYTE_ARRAY and dtype.is_text) or _is_number(physical, dtype)):
        return None
    length, room, rows, data_at = (_count(chunk, field) for field in (_COMPRESSED, _UNCOMPRESSED, _COUNT, _DATA_AT))
    start = min(data_at, _count(chunk, _DICTIONARY_AT)) if chunk.get(_DICTIONARY_AT) else data_at
    if min(length, room, rows, start) < 0:
        return None
    return Place(start, length, room, _NUMBERS.get(physical), _CODECS[codec], column.max_definition_level == 1, rows)


def _count(chunk: Fields, field: int) -> int:
    """A number of the footer's; -1 where there is none."""
    found = chunk.get(field)
    return found if type(found) is int else -1


def _is_number(physical: Any, dtype: DType) -> bool:
    stored = _NUMBERS.get(physical)
    if stored is None or dtype.kind not in ("int", "uint", "float", "date", "timestamp", "decimal") or dtype.is_wide:
        return False
    if dtype.is_decimal:
        return stored.kind == "i"
    ours = np.dtype(dtype.storage)
    if dtype.kind == "float" or stored.kind == "f":
        return bool(ours == stored)
    return stored.itemsize == max(4, ours.itemsize)


class Memory:
    """Room for what is decompressed, used again: fresh memory is slow to write to."""

    def __init__(self) -> None:
        self._array = np.empty(0, np.uint8)

    def empty(self, size: int) -> Array:
        """An array of `size` bytes, the same as before."""
        if size > len(self._array):
            self._array = np.empty(max(size, 2 * len(self._array)), np.uint8)
        return self._array[:size]


class Chunk:
    """The pages of a column chunk, decompressed.

    Parameters
    ----------
    opened : pyarrow.OSFile
    place : Place
    wanted : array of int64, optional
        Ascending numbers of rows: pages that have none of them are left out.
    memory : Memory
        Where pages may stand, until it is used again.

    Attributes
    ----------
    data, table : array
        Bytes, and the headers of pages in them (see `primitives.cpu.page_headers`).
    dictionary, entries : array, int
        The bytes of the dictionary, and how many entries they are.
    most : int
        Values of the largest page.

    Raises
    ------
    OtherForm
        When it is not what a chunk is.
    """

    def __init__(self, opened: Any, place: Place, wanted: Rows | None, memory: Memory) -> None:
        opened.seek(place.start)
        self.content = opened.read_buffer(place.length + SLACK)  # the footer follows, if nothing else
        if len(self.content) != place.length + SLACK:
            raise OtherForm
        self.data = _bytes(self.content)
        self.table, sums = _headers(self.data)
        rows, room, self.most, checksums = sums
        if rows != place.rows or room > place.room:
            raise OtherForm
        if checksums:
            self._verify()
        if place.codec == "snappy":
            out = memory.empty(room + SLACK)
            every = wanted is None
            if compiled(pages.expand)(self.data, self.table, int(every), _NONE if every else wanted, out) < 0:
                raise OtherForm
            self.data = out
        elif place.codec is not None:
            self._decompress(place.codec, memory.empty(room + SLACK))
        elif (self.table[:, h.SIZE] != self.table[:, h.LENGTH]).any():
            raise OtherForm
        self.dictionary, self.entries = self.data[:0], 0
        if len(self.table) and self.table[0, h.WHICH] == h.DICTIONARY:
            page = self.table[0].tolist()
            if page[h.VALUES] < 0 or page[h.VALUES + 1] not in (_PLAIN, _PLAIN_DICTIONARY):
                raise OtherForm
            self.dictionary, self.entries = self.data[page[h.BODY] : page[h.BODY] + page[h.LENGTH]], page[h.VALUES]

    def _verify(self) -> None:
        for page in self.table[self.table[:, h.CHECKSUM] != h.ABSENT].tolist():
            if zlib.crc32(self._stored(page)) != page[h.CHECKSUM] & 0xFFFFFFFF:
                raise OtherForm

    def _stored(self, page: list[int]) -> pa.Buffer:
        return self.content.slice(page[h.BODY], page[h.LENGTH])

    def _decompress(self, codec: str, out: Array) -> None:
        """Make it a chunk that is not compressed, in `out`, one page after the other."""
        start, table = 0, self.table.tolist()
        for page in table:
            apart = page[_LEVELS] if page[h.WHICH] == h.DATA_V2 else 0
            size, stored = page[h.SIZE], self._stored(page)
            if not 0 <= apart <= min(size, len(stored)):
                raise OtherForm
            rest = stored.slice(apart)
            if len(rest) and (page[h.WHICH] != h.DATA_V2 or page[_COMPRESSED_V2] != 0):
                rest = _codec(codec).decompress(rest, size - apart)
            if apart + len(rest) != size:
                raise OtherForm
            out[start : start + apart] = _bytes(stored)[:apart]
            out[start + apart : start + size] = _bytes(rest)
            page[h.BODY], page[h.LENGTH] = start, size
            start += size
        self.data, self.table = out, np.array(table, np.int64).reshape(self.table.shape)


def _bytes(buffer: pa.Buffer) -> Array:
    return convert.view(buffer.address, buffer.size, np.dtype(np.uint8), buffer)


def _headers(data: Array) -> tuple[Array, list[int]]:
    """The table of all pages, and what they come to."""
    room = 64
    while True:
        table, sums = np.full((room, h.FIELDS), h.ABSENT, np.int64), np.zeros(4, np.int64)
        found = compiled(h.headers)(data, table, sums)
        if found >= 0:
            return table[:found], sums.tolist()
        if found == -1:
            raise OtherForm
        room *= 4


@cache
def _codec(name: str) -> pa.Codec:
    return pa.Codec(name)
