"""Columns of Parquet files decoded by kernels of our own, straight to where they belong: numbers, and strings.

pyarrow decodes what is of no form that these know. It also reads again whatever looks wrong here, and tells what is: nothing
here raises an error of a file's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import host_memory
from gpuflow_kernels.column import Column
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.primitives.cpu import pages
from gpuflow_kernels.primitives.cpu.compiled import compiled

from gpuflow.errors import ReadError

from . import convert, dictionaries
from .chunks import Array, Chunk, Memory, OtherForm, Place, place_of
from .dictionaries import Dictionary
from .files import File
from .fitting import Rows, fitting
from .footers import Footer

ROWS = 250_000
"""From so many rows on kernels are compiled for it, which takes some seconds once on a machine; fewer are left to pyarrow."""
_ANY = -(1 << 63), (1 << 63) - 1
_FAILURES = (OtherForm, ReadError, MemoryError, pa.ArrowException, OSError, ValueError)


def read(
    file: File, footer: Footer, blocks: Sequence[int], counts: Sequence[int], wanted: Rows | None, name: str, dtype: DType
) -> Column | None:
    """A column of some row groups, of all rows or of those with the ascending numbers `wanted`; None where it is left to
    pyarrow."""
    places = [place_of(footer, group, name, dtype) for group in blocks]
    chosen = [p for p, n in zip(places, counts, strict=True) if p is not None and p.rows == n and p.end <= file.size]
    if file.remote or len(chosen) < len(blocks):
        return None
    ends = np.cumsum([0, *counts])
    cuts = [int(cut) for cut in (ends if wanted is None else np.searchsorted(wanted, ends))]
    rows = [wanted if wanted is None else wanted[cuts[k] : cuts[k + 1]].astype(np.int64) - ends[k] for k in range(len(chosen))]
    with suppress(*_FAILURES), pa.OSFile(file.open()) as opened:
        if not dtype.is_text:
            return _numbers(opened, chosen, rows, cuts, dtype)
        if footer.coded(blocks, name):
            return _codes(opened, chosen, rows, cuts, dtype)
        strings = pa.chunked_array([_strings(opened, chosen, rows, cuts, dtype)])
        return fitting(strings, cuts[-1], dtype, file, name)
    return None


def _numbers(opened: Any, places: list[Place], wanted: list[Rows | None], cuts: list[int], dtype: DType) -> Column:
    out, memory = _Out(places, cuts[-1], dtype.storage), Memory()
    bounds = dtype.bounds if dtype.is_decimal else _ANY
    for k, place in enumerate(places):
        chunk = Chunk(opened, place, wanted[k], memory)
        stored = place.number
        if stored is None or chunk.entries * stored.itemsize > len(chunk.dictionary):
            raise OtherForm
        entries = np.frombuffer(chunk.dictionary, stored, chunk.entries)
        if dtype.is_decimal and len(entries) and not bounds[0] <= entries.min() <= entries.max() <= bounds[1]:
            raise OtherForm
        entries = np.require(entries.astype(dtype.storage, copy=False), requirements=["A", "W"])
        out.decode(chunk, place, entries, (stored.itemsize, *bounds), wanted[k], cuts[k], cuts[k + 1])
    return Column(dtype, out.values, out.validity)


def _codes(opened: Any, places: list[Place], wanted: list[Rows | None], cuts: list[int], dtype: DType) -> Column:
    """Strings by one dictionary, which must be known before there are codes."""
    chunks = [Chunk(opened, place, rows, Memory()) for place, rows in zip(places, wanted, strict=True)]
    dictionary, entries = _one_dictionary([_entries(chunk, dtype) for chunk in chunks])
    out = _Out(places, cuts[-1], dtype.storage)
    for k, (chunk, place) in enumerate(zip(chunks, places, strict=True)):
        out.decode(chunk, place, entries[k], (0, *_ANY), wanted[k], cuts[k], cuts[k + 1])
    return Column(dtype, out.values, out.validity, dictionary)


def _strings(opened: Any, places: list[Place], wanted: list[Rows | None], cuts: list[int], dtype: DType) -> pa.Array:
    """Strings as they stand, one behind the other."""
    out, memory = _Out(places, cuts[-1], "int64"), Memory()
    offsets = host_memory.empty(cuts[-1] + 1, "int64")
    offsets[0] = 0
    share = 1.0 if wanted[0] is None else 1.5 * cuts[-1] / max(1, sum(place.rows for place in places))
    data = host_memory.empty(int(share * sum(place.room for place in places)), "uint8")
    for k, place in enumerate(places):
        chunk = Chunk(opened, place, wanted[k], memory)
        out.decode(chunk, place, _found(chunk), (-1, *_ANY), wanted[k], cuts[k], cuts[k + 1])
        rows = slice(cuts[k], cuts[k + 1])
        end = compiled(pages.offsets)(out.values[rows], offsets[cuts[k] :])
        if end > len(data):  # entries of a dictionary may come often
            longer = host_memory.empty(2 * end, "uint8")
            longer[: offsets[cuts[k]]] = data[: offsets[cuts[k]]]
            data = longer
        compiled(pages.characters)(chunk.data, out.values[rows], offsets[rows], data)
    return _array(dtype, offsets, data, out.validity)


def _found(chunk: Chunk) -> Array:
    """Where the entries of a dictionary of strings stand in its chunk."""
    found = np.empty(chunk.entries if chunk.entries <= len(chunk.dictionary) else 0, np.int64)
    start = chunk.dictionary.ctypes.data - chunk.data.ctypes.data
    ended = compiled(pages.strings)(chunk.data, start, start + len(chunk.dictionary), found, 0, len(found))
    if ended < 0 or len(found) < chunk.entries:
        raise OtherForm
    return found


def _entries(chunk: Chunk, dtype: DType) -> pa.Array:
    """The entries of a dictionary of strings, found valid."""
    found = _found(chunk)
    offsets = np.zeros(len(found) + 1, np.int64)
    data = np.empty(compiled(pages.offsets)(found, offsets), np.uint8)
    compiled(pages.characters)(chunk.data, found, offsets, data)
    entries = _array(dtype, offsets, data, None)
    entries.validate(full=True)
    return entries


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
        self._valid = np.empty(rows if any(place.optional for place in places) else 0, np.bool_)
        self._nulls = 0

    @property
    def validity(self) -> Array | None:
        return self._valid if self._nulls else None

    def decode(
        self, chunk: Chunk, place: Place, entries: Array, plain: tuple[int, int, int], wanted: Rows | None, low: int, high: int
    ) -> None:
        """Write rows `low` to `high`: all of a chunk's, or those with the numbers `wanted`.

        `entries` are those of its dictionary, `plain` what `primitives.cpu.pages.column` is to know of plain values.
        """
        if not place.optional and len(self._valid):
            self._valid[low:high] = True
        out = _words(self.values[low:high])
        spare = chunk.most if wanted is not None and (place.optional or plain[0] < 0) else 0
        nulls = compiled(pages.column, str(out.dtype))(
            chunk.data,
            chunk.table,
            int(place.optional),
            *plain,
            _words(entries),
            int(wanted is None),
            np.empty(0, np.int64) if wanted is None else wanted,
            out,
            self._valid[low:high],
            np.empty(spare, out.dtype),
            np.empty(spare if place.optional else 0, np.bool_),
        )
        if nulls < 0:
            raise OtherForm
        self._nulls += int(nulls)


def _words(values: Array) -> Array:
    """The same array as whole numbers of its width, so that kernels are compiled for few types."""
    return values.view(f"i{values.itemsize}")
