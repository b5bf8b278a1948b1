"""Read column chunks of Parquet files: find their pages, verify checksums and decompress them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import host_memory
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.primitives.cpu.bytes_of import SLACK
from gpuflow_kernels.primitives.cpu.compiled import compiled
from gpuflow_kernels.primitives.cpu.parquet import headers as h
from gpuflow_kernels.primitives.cpu.parquet import pages

from gpuflow.arrow import convert
from gpuflow.io.datasets.to_column import RowNumbers

from . import format as fmt
from .footers import Footer
from .thrift import Fields

Array = np.ndarray[Any, Any]

_NUMBERS: dict[Any, np.dtype[Any]] = {
    fmt.INT32: np.dtype("<i4"),
    fmt.INT64: np.dtype("<i8"),
    fmt.FLOAT: np.dtype("<f4"),
    fmt.DOUBLE: np.dtype("<f8"),
}
_CODECS: dict[Any, str | None] = {0: None, 1: "snappy", 2: "gzip", 6: "zstd"}
_LEVELS, _COMPRESSED_V2 = h.VALUES + 4, h.VALUES + 6
"""Columns of a table of page headers: bytes of levels stored apart, and whether the rest is compressed."""

NONE = np.empty(0, np.int64)


class OtherForm(Exception):
    """A chunk is damaged, or encoded in a way that is not decoded here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Position of a column chunk in its file, and how its pages are encoded.

    `room` is the size of its pages, decompressed. `number` is the NumPy type of plain numbers, None for strings.
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
    """Locate the chunk of a column in a row group; None unless it holds numbers or strings, not nested, PLAIN or by
    dictionary."""
    leaf = footer.leaves.get(name)
    if leaf is None or footer.types.get(name) != dtype or group >= len(footer.chunks) or leaf >= len(footer.chunks[group]):
        return None
    column, chunk = footer.metadata.schema.column(leaf), footer.chunks[group][leaf]
    physical, codec = chunk.get(fmt.TYPE), chunk.get(fmt.CODEC)
    decodable = set(chunk.get(fmt.ENCODINGS) or (-1,)) <= {fmt.PLAIN, fmt.PLAIN_DICTIONARY, fmt.RLE, fmt.RLE_DICTIONARY}
    if not decodable or codec not in _CODECS or column.max_repetition_level or column.max_definition_level > 1:
        return None
    if not ((physical == fmt.BYTE_ARRAY and dtype.is_text) or _is_number(physical, dtype)):
        return None
    length, room, rows, data_at = (
        _count(chunk, field) for field in (fmt.COMPRESSED, fmt.UNCOMPRESSED, fmt.NUM_VALUES, fmt.DATA_OFFSET)
    )
    start = min(data_at, _count(chunk, fmt.DICTIONARY_OFFSET)) if chunk.get(fmt.DICTIONARY_OFFSET) else data_at
    if min(length, room, rows, start) < 0:
        return None
    return Place(start, length, room, _NUMBERS.get(physical), _CODECS[codec], column.max_definition_level == 1, rows)


def _count(chunk: Fields, field: int) -> int:
    """Return an integer field of the footer; -1 where it is missing."""
    value = chunk.get(field)
    return value if type(value) is int else -1


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
    """A buffer for decompressed pages that is reused: fresh memory is slow to write to."""

    def __init__(self) -> None:
        self._array = np.empty(0, np.uint8)

    def empty(self, size: int) -> Array:
        """Return `size` bytes, which share memory with the array returned before."""
        if size > len(self._array):
            self._array = host_memory.empty(max(size, 2 * len(self._array)), "uint8")
        return self._array[:size]


@dataclass(slots=True)
class Pages:
    """The pages of column chunks, as stored in the file or, after `decompress`, decompressed.

    Attributes
    ----------
    data, table, firsts, sums : array
        The bytes, and the tables that `primitives.cpu.page_headers.headers` fills from them.
    places : list of Place
    starts : array of int64
        The number of the first row of each chunk.
    compressed : bool
    """

    data: Array
    table: Array
    firsts: Array
    sums: Array
    places: list[Place]
    starts: Array
    compressed: bool

    def dictionary(self, chunk: int) -> tuple[int, int, int]:
        """Return where the dictionary of a chunk begins and ends, and how many entries it has."""
        first = int(self.firsts[chunk])
        if first == self.firsts[chunk + 1] or self.table[first, h.WHICH] != h.DICTIONARY:
            return 0, 0, 0
        page = self.table[first].tolist()
        if page[h.VALUES] < 0 or page[h.VALUES + 1] not in (fmt.PLAIN, fmt.PLAIN_DICTIONARY):
            raise OtherForm
        return page[h.BODY], page[h.BODY] + page[h.LENGTH], page[h.VALUES]

    def decompress(self, selected: RowNumbers | None, memory: Memory) -> None:
        """Decompress all pages, or those with rows of the ascending numbers `selected`. Raises `OtherForm`."""
        if not self.compressed:
            return
        out = memory.empty(int(self.sums[:, h.ROOM].sum()) + SLACK)
        if self.places[0].codec == "snappy":
            numbers = NONE if selected is None else selected
            expand = compiled(pages.expand)
            if expand(self.data, self.table, self.firsts, self.starts, int(selected is None), numbers, out) < 0:
                raise OtherForm
        else:
            self._by_pyarrow(out)
        self.data, self.compressed = out, False

    def _by_pyarrow(self, out: Array) -> None:
        start, table = 0, self.table.tolist()
        # one codec a call: Arrow's codecs have state, and two threads that share one crash the process
        codec, content = pa.Codec(str(self.places[0].codec)), pa.py_buffer(self.data)
        for page in table:
            apart = page[_LEVELS] if page[h.WHICH] == h.DATA_V2 else 0
            size, stored = page[h.SIZE], content.slice(page[h.BODY], page[h.LENGTH])
            if not 0 <= apart <= min(size, len(stored)):
                raise OtherForm
            rest = stored.slice(apart)
            if len(rest) and (page[h.WHICH] != h.DATA_V2 or page[_COMPRESSED_V2] != 0):
                rest = codec.decompress(rest, size - apart)
            if apart + len(rest) != size:
                raise OtherForm
            out[start : start + apart] = _bytes(stored)[:apart]
            out[start + apart : start + size] = _bytes(rest)
            page[h.BODY], page[h.LENGTH] = start, size
            start += size
        self.table = np.array(table, np.int64).reshape(self.table.shape)


def read_pages(opened: Any, places: list[Place], starts: Array, memory: Memory) -> Pages:
    """Read column chunks of one codec whole.

    Parameters
    ----------
    opened : pyarrow.OSFile
    places : list of Place
    starts : array of int64
        The number of the first row of each.
    memory : Memory
        The buffer to read into; its next use overwrites the pages.

    Raises
    ------
    OtherForm
        When a chunk is not what the footer says, a checksum does not match, or codecs differ.
    """
    bounds = np.cumsum([0, *(place.length for place in places)])
    data = memory.empty(int(bounds[-1]) + SLACK)
    for place, start in zip(places, bounds.tolist(), strict=False):
        opened.seek(place.start)
        if place.codec != places[0].codec or opened.readinto(data.data[start : start + place.length]) != place.length:
            raise OtherForm
    page_count, size = -2, 16 * len(places)
    while page_count == -2:
        size *= 2
        table, firsts = np.full((size, h.FIELDS), h.ABSENT, np.int64), np.zeros(len(places) + 1, np.int64)
        sums = np.zeros((len(places), h.SUMS), np.int64)
        page_count = compiled(h.headers)(data, bounds, table, firsts, sums)
    if page_count < 0:
        raise OtherForm
    for place, (rows, nbytes, *_) in zip(places, sums.tolist(), strict=True):
        if rows != place.rows or nbytes > place.room:
            raise OtherForm
    if sums[:, h.CHECKSUMS].any():
        _verify(data, table[:page_count])
    return Pages(data, table[:page_count], firsts, sums, places, starts, places[0].codec is not None)


def _verify(data: Array, table: Array) -> None:
    for page in table[table[:, h.CHECKSUM] != h.ABSENT].tolist():
        stored = data[page[h.BODY] : page[h.BODY] + page[h.LENGTH]]
        if zlib.crc32(stored.data) != page[h.CHECKSUM] & 0xFFFFFFFF:
            raise OtherForm


def _bytes(buffer: pa.Buffer) -> Array:
    return convert.view(buffer.address, buffer.size, np.dtype(np.uint8), buffer)
