"""Column chunks of Parquet files: where they are, and their pages, read, verified and decompressed."""

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
from gpuflow.io.datasets.to_column import Rows

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
"""In a table of page headers: bytes of levels that stand apart, and whether the rest is compressed."""

NONE = np.empty(0, np.int64)


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
    physical, codec = chunk.get(fmt.TYPE), chunk.get(fmt.CODEC)
    known = set(chunk.get(fmt.ENCODINGS) or (-1,)) <= {fmt.PLAIN, fmt.PLAIN_DICTIONARY, fmt.RLE, fmt.RLE_DICTIONARY}
    if not known or codec not in _CODECS or column.max_repetition_level or column.max_definition_level > 1:
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
            self._array = host_memory.empty(max(size, 2 * len(self._array)), "uint8")
        return self._array[:size]


@dataclass(slots=True)
class Pages:
    """The pages of column chunks, as they are stored or, after `decompress`, as they were written.

    Attributes
    ----------
    data, table, firsts, sums : array
        Bytes, and what `primitives.cpu.page_headers.headers` makes of them.
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
        """Where the dictionary of a chunk begins and ends, and how many entries it has."""
        first = int(self.firsts[chunk])
        if first == self.firsts[chunk + 1] or self.table[first, h.WHICH] != h.DICTIONARY:
            return 0, 0, 0
        page = self.table[first].tolist()
        if page[h.VALUES] < 0 or page[h.VALUES + 1] not in (fmt.PLAIN, fmt.PLAIN_DICTIONARY):
            raise OtherForm
        return page[h.BODY], page[h.BODY] + page[h.LENGTH], page[h.VALUES]

    def decompress(self, wanted: Rows | None, memory: Memory) -> None:
        """Decompress all pages, or those with rows of the ascending numbers `wanted`. Raises `OtherForm`."""
        if not self.compressed:
            return
        out = memory.empty(int(self.sums[:, h.ROOM].sum()) + SLACK)
        if self.places[0].codec == "snappy":
            asked = NONE if wanted is None else wanted
            expand = compiled(pages.expand)
            if expand(self.data, self.table, self.firsts, self.starts, int(wanted is None), asked, out) < 0:
                raise OtherForm
        else:
            self._by_pyarrow(out)
        self.data, self.compressed = out, False

    def _by_pyarrow(self, out: Array) -> None:
        start, table = 0, self.table.tolist()
        # a codec of this call's own: Arrow's hold the state of what they are at, and two threads on one end the process
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
        Where they stand, until it is used again.

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
    found, size = -2, 16 * len(places)
    while found == -2:
        size *= 2
        table, firsts = np.full((size, h.FIELDS), h.ABSENT, np.int64), np.zeros(len(places) + 1, np.int64)
        sums = np.zeros((len(places), h.SUMS), np.int64)
        found = compiled(h.headers)(data, bounds, table, firsts, sums)
    if found < 0:
        raise OtherForm
    for place, (rows, nbytes, *_) in zip(places, sums.tolist(), strict=True):
        if rows != place.rows or nbytes > place.room:
            raise OtherForm
    if sums[:, h.CHECKSUMS].any():
        _verify(data, table[:found])
    return Pages(data, table[:found], firsts, sums, places, starts, places[0].codec is not None)


def _verify(data: Array, table: Array) -> None:
    for page in table[table[:, h.CHECKSUM] != h.ABSENT].tolist():
        stored = data[page[h.BODY] : page[h.BODY] + page[h.LENGTH]]
        if zlib.crc32(stored.data) != page[h.CHECKSUM] & 0xFFFFFFFF:
            raise OtherForm


def _bytes(buffer: pa.Buffer) -> Array:
    return convert.view(buffer.address, buffer.size, np.dtype(np.uint8), buffer)
