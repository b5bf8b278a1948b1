"""Decode number and string columns of Parquet files by our own kernels, directly into the resulting arrays.

Columns in other encodings are left to pyarrow. So are damaged ones: pyarrow reads them again and raises the error, so that
nothing here does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import host_memory
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.primitives.cpu.bytes_of import SLACK
from gpuflow_kernels.primitives.cpu.compiled import compiled
from gpuflow_kernels.primitives.cpu.parquet import encodings, pages
from gpuflow_kernels.primitives.cpu.parquet import headers as h

from gpuflow.arrow import dictionaries
from gpuflow.arrow.dictionaries import Dictionary
from gpuflow.arrow.schema import entries_type
from gpuflow.errors import ReadError
from gpuflow.io.datasets.files import File
from gpuflow.io.datasets.to_column import RowNumbers, to_column

from .footers import Footer
from .pages import NONE, Array, Memory, OtherForm, Pages, Place, place_of, read_pages

ROWS = 250_000
"""Least rows that are decoded here: compiling the kernels takes some seconds, once on a machine."""
_ANY = -(1 << 63), (1 << 63) - 1
_FAILURES = (OtherForm, ReadError, MemoryError, pa.ArrowException, OSError, ValueError)


def read_columns(
    file: File,
    footer: Footer,
    blocks: Sequence[int],
    counts: Sequence[int],
    selected: RowNumbers | None,
    types: Mapping[str, DType],
) -> dict[str, Column]:
    """Decode columns of some row groups, of all rows or of those with the ascending numbers `selected`.

    Columns that are left to pyarrow are missing in the result."""
    with suppress(ReadError, OSError), pa.OSFile(file.open()) as opened:
        columns = {name: read(opened, file, footer, blocks, counts, selected, name, dtype) for name, dtype in types.items()}
        return {name: column for name, column in columns.items() if column is not None}
    return {}


def read(
    opened: Any,
    file: File,
    footer: Footer,
    blocks: Sequence[int],
    counts: Sequence[int],
    selected: RowNumbers | None,
    name: str,
    dtype: DType,
) -> Column | None:
    """Decode one column; return None where it is left to pyarrow."""
    places = [place_of(footer, group, name, dtype) for group in blocks]
    chosen = [p for p, n in zip(places, counts, strict=True) if p is not None and p.rows == n and p.end <= file.size]
    if len(chosen) < len(blocks):
        return None
    starts = np.cumsum([0, *counts])
    rows = None if selected is None else selected.astype(np.int64, copy=False)
    with suppress(*_FAILURES):
        if not dtype.is_text:
            return _numbers(opened, chosen, starts, rows, dtype)
        if footer.coded(blocks, name):
            return _codes(opened, chosen, starts, rows, dtype)
        strings = _strings(opened, chosen, starts, rows, dtype)
        return to_column(pa.chunked_array([strings]), len(strings), dtype, file, name)
    return None


def _numbers(opened: Any, places: list[Place], starts: Array, selected: RowNumbers | None, dtype: DType) -> Column:
    out = _Out(places, int(starts[-1]) if selected is None else len(selected), dtype.storage)
    number = places[0].number
    if number is None or any(place.number != number for place in places):
        raise OtherForm
    chunk_pages = read_pages(opened, places, starts, Memory())
    if places[0].codec != "snappy":
        chunk_pages.decompress(selected, Memory())
    out.decode(
        chunk_pages, slice(0, len(places)), None, (number.itemsize, *(dtype.bounds if dtype.is_decimal else _ANY)), selected, 0
    )
    return Column(dtype, out.values, out.validity)


def _codes(opened: Any, places: list[Place], starts: Array, selected: RowNumbers | None, dtype: DType) -> Column:
    """Decode strings to codes: first unify the dictionaries of all chunks, then map each chunk's codes."""
    out = _Out(places, int(starts[-1]) if selected is None else len(selected), dtype.storage)
    chunk_pages = read_pages(opened, places, starts, Memory())
    chunk_pages.decompress(selected, Memory())
    dictionary, entries = _one_dictionary([_entries(chunk_pages, c, dtype) for c in range(len(places))])
    for c in range(len(places)):
        out.decode(chunk_pages, slice(c, c + 1), entries[c], (0, *_ANY), *_asked(starts, c, selected))
    return Column(dtype, out.values, out.validity, dictionary)


def _strings(opened: Any, places: list[Place], starts: Array, selected: RowNumbers | None, dtype: DType) -> pa.Array:
    """Decode strings to characters and offsets."""
    rows = int(starts[-1]) if selected is None else len(selected)
    out, stored, written = _Out(places, rows, "int64"), Memory(), Memory()
    offsets = host_memory.empty(rows + 1, "int64")
    offsets[0] = 0
    share = 1.0 if selected is None else 1.5 * rows / max(1, int(starts[-1]))
    data = host_memory.empty(int(share * sum(place.room for place in places)), "uint8")
    for c in range(len(places)):
        asked, low = _asked(starts, c, selected)
        high = low + (places[c].rows if asked is None else len(asked))
        chunk_pages = read_pages(opened, places[c : c + 1], starts[c : c + 2], stored)
        chunk_pages.decompress(asked, written)
        out.decode(chunk_pages, slice(0, 1), _found(chunk_pages, 0), (-1, *_ANY), asked, low)
        end = compiled(encodings.offsets)(out.values[low:high], offsets[low:])
        if end > len(data):  # entries of a dictionary may repeat
            longer = host_memory.empty(2 * end, "uint8")
            longer[: offsets[low]] = data[: offsets[low]]
            data = longer
        compiled(encodings.characters)(chunk_pages.data, out.values[low:high], offsets[low:high], data)
    return _array(dtype, offsets, data, out.validity)


def _asked(starts: Array, chunk: int, selected: RowNumbers | None) -> tuple[RowNumbers | None, int]:
    """Return the selected rows of a chunk, None for all, and the first position that they are written to."""
    if selected is None:
        return None, int(starts[chunk])
    low, high = np.searchsorted(selected, starts[chunk : chunk + 2]).tolist()
    return selected[low:high], low


def _found(chunk_pages: Pages, chunk: int) -> Array:
    """Find the positions of the entries of a string dictionary."""
    start, end, count = chunk_pages.dictionary(chunk)
    entries = np.empty(min(count, end - start), np.int64)
    if compiled(encodings.strings)(chunk_pages.data, start, end, entries, 0, len(entries)) < 0 or len(entries) < count:
        raise OtherForm
    return entries


def _entries(chunk_pages: Pages, chunk: int, dtype: DType) -> pa.Array:
    """Copy and validate the entries of a string dictionary."""
    entries = _found(chunk_pages, chunk)
    offsets = np.zeros(len(entries) + 1, np.int64)
    data = np.empty(compiled(encodings.offsets)(entries, offsets), np.uint8)
    compiled(encodings.characters)(chunk_pages.data, entries, offsets, data)
    made = _array(dtype, offsets, data, None)
    made.validate(full=True)
    return made


def _array(dtype: DType, offsets: Array, data: Array, validity: Array | None) -> pa.Array:
    bitmap = None if validity is None else pa.py_buffer(np.packbits(validity, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(offsets), pa.py_buffer(data[: offsets[-1]])]
    return pa.Array.from_buffers(entries_type(dtype), len(offsets) - 1, buffers)


def _one_dictionary(texts: list[pa.Array]) -> tuple[Dictionary, list[Array]]:
    """Unify the dictionaries of all chunks; return the result, and for each chunk its entries' codes in it."""
    places: dict[bytes, int] = {}
    encoded: list[pa.Array] = []
    numbers = []
    for text in texts:
        key = b"".join(text.buffers()[k] for k in (1, 2))
        if key not in places:
            places[key] = len(encoded)
            encoded.append(text.dictionary_encode())  # a file may hold an entry twice
        numbers.append(places[key])
    distinct = [Dictionary(one.dictionary) for one in encoded]
    dictionary, tables = distinct[0], [np.arange(len(distinct[0]), dtype=np.int32)]
    if len(distinct) > 1:
        dictionary, tables, _ = dictionaries.unify(distinct)
    entries = [table[one.indices.to_numpy()] for table, one in zip(tables, encoded, strict=True)]
    return dictionary, [entries[n] for n in numbers]


class _Out:
    """Values and validity of a column, written chunk by chunk."""

    def __init__(self, places: list[Place], rows: int, storage: str) -> None:
        self.values = host_memory.empty(rows, storage)
        self._valid = np.ones(rows if any(place.optional for place in places) else 0, np.bool_)
        self._nulls = 0

    @property
    def validity(self) -> Array | None:
        return self._valid if self._nulls else None

    def decode(
        self,
        chunk_pages: Pages,
        chunks: slice,
        entries: Array | None,
        plain: tuple[int, int, int],
        selected: RowNumbers | None,
        low: int,
    ) -> None:
        """Decode the rows of some chunks to ``values[low:]``: all, or those with the numbers `selected`.

        `entries` maps codes of the chunks' dictionary; None for numbers, whose dictionaries are read from each chunk. `plain` are
        the arguments of `primitives.cpu.parquet.pages.column` for plain values.
        """
        places, sums = chunk_pages.places[chunks], chunk_pages.sums[chunks]
        optional = np.array([place.optional for place in places])
        out = _words(self.values[low:])
        most, largest = sums[:, [h.MOST, h.LARGEST]].max(axis=0, initial=0).tolist()
        room = 0
        if entries is None:
            first = chunk_pages.table[chunk_pages.firsts[:-1][chunk_pages.firsts[:-1] < len(chunk_pages.table)]]
            own = first[first[:, h.WHICH] == h.DICTIONARY]
            count, room = int(own[:, h.VALUES].max(initial=0)), int(own[:, h.SIZE].max(initial=0))
            if plain[0] * count > room or min(count, room) < 0:
                raise OtherForm
            entries = np.empty(count, out.dtype)
            entry_count = -1
        else:
            entry_count = len(entries)
        spare = most if selected is not None else 0
        nulls = compiled(pages.column, str(out.dtype))(
            chunk_pages.data,
            chunk_pages.table,
            chunk_pages.firsts[chunks.start : chunks.stop + 1],
            int(chunk_pages.compressed),
            optional,
            *plain,
            _words(entries),
            entry_count,
            int(selected is None),
            NONE if selected is None else selected,
            chunk_pages.starts[chunks],
            out,
            self._valid[low:],
            np.empty(room + SLACK if chunk_pages.compressed else 0, np.uint8),
            np.empty(largest + SLACK if chunk_pages.compressed else 0, np.uint8),
            np.empty(spare, out.dtype),
            np.empty(spare, np.bool_),
        )
        if nulls < 0:
            raise OtherForm
        self._nulls += int(nulls)


def _words(values: Array) -> Array:
    """View an array as integers of its width, so that kernels are compiled for few types."""
    return values.view(f"i{values.itemsize}")
