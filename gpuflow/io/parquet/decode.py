"""Columns of Parquet files decoded by kernels of our own, straight to where they belong: numbers, and strings.

pyarrow decodes what is of no form that these know. It also reads again whatever looks wrong here, and tells what is: nothing
here raises an error of a file's.
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
from gpuflow_kernels.primitives.cpu.parquet import headers as h
from gpuflow_kernels.primitives.cpu.parquet import pages

from gpuflow.arrow import convert, dictionaries
from gpuflow.arrow.dictionaries import Dictionary
from gpuflow.errors import ReadError
from gpuflow.io.datasets.files import File
from gpuflow.io.datasets.to_column import Rows, fitting

from .footers import Footer
from .pages import NONE, Array, Memory, OtherForm, Pages, Place, place_of, read_pages

ROWS = 250_000
"""From so many rows on kernels are compiled for it, which takes some seconds once on a machine; fewer are left to pyarrow."""
_ANY = -(1 << 63), (1 << 63) - 1
_FAILURES = (OtherForm, ReadError, MemoryError, pa.ArrowException, OSError, ValueError)


def read_columns(
    file: File, footer: Footer, blocks: Sequence[int], counts: Sequence[int], wanted: Rows | None, types: Mapping[str, DType]
) -> dict[str, Column]:
    """Columns of some row groups, of all rows or of those with the ascending numbers `wanted`, but for those that are left to
    pyarrow."""
    with suppress(ReadError, OSError), pa.OSFile(file.open()) as opened:
        found = {name: read(opened, file, footer, blocks, counts, wanted, name, dtype) for name, dtype in types.items()}
        return {name: column for name, column in found.items() if column is not None}
    return {}


def read(
    opened: Any,
    file: File,
    footer: Footer,
    blocks: Sequence[int],
    counts: Sequence[int],
    wanted: Rows | None,
    name: str,
    dtype: DType,
) -> Column | None:
    """One of the columns; None where it is left to pyarrow."""
    places = [place_of(footer, group, name, dtype) for group in blocks]
    chosen = [p for p, n in zip(places, counts, strict=True) if p is not None and p.rows == n and p.end <= file.size]
    if len(chosen) < len(blocks):
        return None
    starts = np.cumsum([0, *counts])
    rows = None if wanted is None else wanted.astype(np.int64, copy=False)
    with suppress(*_FAILURES):
        if not dtype.is_text:
            return _numbers(opened, chosen, starts, rows, dtype)
        if footer.coded(blocks, name):
            return _codes(opened, chosen, starts, rows, dtype)
        strings = _strings(opened, chosen, starts, rows, dtype)
        return fitting(pa.chunked_array([strings]), len(strings), dtype, file, name)
    return None


def _numbers(opened: Any, places: list[Place], starts: Array, wanted: Rows | None, dtype: DType) -> Column:
    out = _Out(places, int(starts[-1]) if wanted is None else len(wanted), dtype.storage)
    number = places[0].number
    if number is None or any(place.number != number for place in places):
        raise OtherForm
    found = read_pages(opened, places, starts, Memory())
    if places[0].codec != "snappy":
        found.decompress(wanted, Memory())
    out.decode(found, slice(0, len(places)), None, (number.itemsize, *(dtype.bounds if dtype.is_decimal else _ANY)), wanted, 0)
    return Column(dtype, out.values, out.validity)


def _codes(opened: Any, places: list[Place], starts: Array, wanted: Rows | None, dtype: DType) -> Column:
    """Strings by one dictionary, which must be known before there are codes."""
    out = _Out(places, int(starts[-1]) if wanted is None else len(wanted), dtype.storage)
    found = read_pages(opened, places, starts, Memory())
    found.decompress(wanted, Memory())
    dictionary, entries = _one_dictionary([_entries(found, c, dtype) for c in range(len(places))])
    for c in range(len(places)):
        out.decode(found, slice(c, c + 1), entries[c], (0, *_ANY), *_asked(starts, c, wanted))
    return Column(dtype, out.values, out.validity, dictionary)


def _strings(opened: Any, places: list[Place], starts: Array, wanted: Rows | None, dtype: DType) -> pa.Array:
    """Strings as they stand, one behind the other."""
    rows = int(starts[-1]) if wanted is None else len(wanted)
    out, stored, written = _Out(places, rows, "int64"), Memory(), Memory()
    offsets = host_memory.empty(rows + 1, "int64")
    offsets[0] = 0
    share = 1.0 if wanted is None else 1.5 * rows / max(1, int(starts[-1]))
    data = host_memory.empty(int(share * sum(place.room for place in places)), "uint8")
    for c in range(len(places)):
        asked, low = _asked(starts, c, wanted)
        high = low + (places[c].rows if asked is None else len(asked))
        found = read_pages(opened, places[c : c + 1], starts[c : c + 2], stored)
        found.decompress(asked, written)
        out.decode(found, slice(0, 1), _found(found, 0), (-1, *_ANY), asked, low)
        end = compiled(pages.offsets)(out.values[low:high], offsets[low:])
        if end > len(data):  # entries of a dictionary may come often
            longer = host_memory.empty(2 * end, "uint8")
            longer[: offsets[low]] = data[: offsets[low]]
            data = longer
        compiled(pages.characters)(found.data, out.values[low:high], offsets[low:high], data)
    return _array(dtype, offsets, data, out.validity)


def _asked(starts: Array, chunk: int, wanted: Rows | None) -> tuple[Rows | None, int]:
    """The wanted rows of a chunk, and where they are written."""
    if wanted is None:
        return None, int(starts[chunk])
    low, high = np.searchsorted(wanted, starts[chunk : chunk + 2]).tolist()
    return wanted[low:high], low


def _found(found: Pages, chunk: int) -> Array:
    """Where the entries of a dictionary of strings stand."""
    start, end, count = found.dictionary(chunk)
    entries = np.empty(min(count, end - start), np.int64)
    if compiled(pages.strings)(found.data, start, end, entries, 0, len(entries)) < 0 or len(entries) < count:
        raise OtherForm
    return entries


def _entries(found: Pages, chunk: int, dtype: DType) -> pa.Array:
    """The entries of a dictionary of strings, found valid."""
    entries = _found(found, chunk)
    offsets = np.zeros(len(entries) + 1, np.int64)
    data = np.empty(compiled(pages.offsets)(entries, offsets), np.uint8)
    compiled(pages.characters)(found.data, entries, offsets, data)
    made = _array(dtype, offsets, data, None)
    made.validate(full=True)
    return made


def _array(dtype: DType, offsets: Array, data: Array, validity: Array | None) -> pa.Array:
    bitmap = None if validity is None else pa.py_buffer(np.packbits(validity, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(offsets), pa.py_buffer(data[: offsets[-1]])]
    return pa.Array.from_buffers(convert.entries_type(dtype), len(offsets) - 1, buffers)


def _one_dictionary(texts: list[pa.Array]) -> tuple[Dictionary, list[Array]]:
    """One dictionary for all chunks, and the codes in it of each chunk's entries."""
    places: dict[bytes, int] = {}
    encoded: list[pa.Array] = []
    numbers = []
    for text in texts:
        key = b"".join(text.buffers()[k] for k in (1, 2))
        if key not in places:
            places[key] = len(encoded)
            encoded.append(text.dictionary_encode())  # a writer may have written an entry twice
        numbers.append(places[key])
    found = [Dictionary(one.dictionary) for one in encoded]
    dictionary, tables = found[0], [np.arange(len(found[0]), dtype=np.int32)]
    if len(found) > 1:
        dictionary, tables, _ = dictionaries.unify(found)
    entries = [table[one.indices.to_numpy()] for table, one in zip(tables, encoded, strict=True)]
    return dictionary, [entries[n] for n in numbers]


class _Out:
    """The values of a column, and their validity where there may be nulls, to be written chunk by chunk."""

    def __init__(self, places: list[Place], rows: int, storage: str) -> None:
        self.values = host_memory.empty(rows, storage)
        self._valid = np.ones(rows if any(place.optional for place in places) else 0, np.bool_)
        self._nulls = 0

    @property
    def validity(self) -> Array | None:
        return self._valid if self._nulls else None

    def decode(
        self, found: Pages, chunks: slice, entries: Array | None, plain: tuple[int, int, int], wanted: Rows | None, low: int
    ) -> None:
        """Write the rows of some chunks from ``values[low]`` on: all, or those with the numbers `wanted`.

        `entries` are those of their dictionary; None for numbers, whose chunks have their own. `plain` is what
        `primitives.cpu.pages.column` is to know of plain values.
        """
        places, sums = found.places[chunks], found.sums[chunks]
        optional = np.array([place.optional for place in places])
        out = _words(self.values[low:])
        most, largest = sums[:, [h.MOST, h.LARGEST]].max(axis=0, initial=0).tolist()
        room = 0
        if entries is None:
            first = found.table[found.firsts[:-1][found.firsts[:-1] < len(found.table)]]
            own = first[first[:, h.WHICH] == h.DICTIONARY]
            count, room = int(own[:, h.VALUES].max(initial=0)), int(own[:, h.SIZE].max(initial=0))
            if plain[0] * count > room or min(count, room) < 0:
                raise OtherForm
            entries = np.empty(count, out.dtype)
            known = -1
        else:
            known = len(entries)
        spare = most if wanted is not None else 0
        nulls = compiled(pages.column, str(out.dtype))(
            found.data,
            found.table,
            found.firsts[chunks.start : chunks.stop + 1],
            int(found.compressed),
            optional,
            *plain,
            _words(entries),
            known,
            int(wanted is None),
            NONE if wanted is None else wanted,
            found.starts[chunks],
            out,
            self._valid[low:],
            np.empty(room + SLACK if found.compressed else 0, np.uint8),
            np.empty(largest + SLACK if found.compressed else 0, np.uint8),
            np.empty(spare, out.dtype),
            np.empty(spare, np.bool_),
        )
        if nulls < 0:
            raise OtherForm
        self._nulls += int(nulls)


def _words(values: Array) -> Array:
    """The same array as whole numbers of its width, so that kernels are compiled for few types."""
    return values.view(f"i{values.itemsize}")
