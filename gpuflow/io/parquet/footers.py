"""Read footers of Parquet files, once per version of a file, and interpret their statistics."""

from __future__ import annotations

import base64
import io
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType

from gpuflow.arrow.schema import dtype_of
from gpuflow.errors import ReadError
from gpuflow.io.datasets.blocks import Layout
from gpuflow.io.datasets.failures import FAILURES, failure
from gpuflow.io.datasets.files import File, in_threads
from gpuflow.plan.source import ColumnStatistics

from . import format as fmt
from . import int96, thrift, writers
from .footer_rewrite import as_parquet, as_plain

_KEPT = 4096
_cache: OrderedDict[tuple[str, int, str], Footer] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Footer:
    """The footer of a Parquet file: metadata, schema and statistics."""

    metadata: pq.FileMetaData
    schema: pa.Schema
    sealed: bool = False
    """Whether some columns are encrypted: pyarrow crashes the process when it serializes such a footer."""

    @cached_property
    def leaves(self) -> dict[str, int]:
        """Map each column that is not nested to its position among the leaf columns.

        A column ``a.b`` beside a struct ``a`` with a field ``b`` is left out: both have the same path.
        """
        paths = [self.metadata.schema.column(i).path for i in range(self.metadata.num_columns)]
        times = Counter(paths)
        return {path: i for i, path in enumerate(paths) if path in self.names and times[path] == 1}

    @cached_property
    def layout(self) -> Layout:
        """Schema, and rows and uncompressed bytes of the row groups."""
        groups = [self.metadata.row_group(i) for i in range(self.metadata.num_row_groups)]
        return Layout(self.schema, tuple(int(g.num_rows) for g in groups), tuple(int(g.total_byte_size) for g in groups))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the top-level columns."""
        return frozenset(self.schema.names)

    @cached_property
    def types(self) -> dict[str, DType]:
        """Types of the columns that can be used."""
        columns = ((field.name, dtype_of(field.type)) for field in self.schema)
        return {name: dtype for name, dtype in columns if dtype is not None}

    @cached_property
    def chunks(self) -> list[list[thrift.Fields]]:
        """Fields of Parquet's ColumnMetaData for each column chunk, by row group and leaf."""
        if self.sealed:  # cannot be serialized
            return [[] for _ in range(self.metadata.num_row_groups)]
        sink = io.BytesIO()
        self.metadata.write_metadata_file(sink)
        fields, _ = thrift.struct(sink.getvalue()[4:])
        return [
            [chunk.get(fmt.META_DATA, {}) for chunk in group.get(fmt.COLUMNS, ())] for group in fields.get(fmt.ROW_GROUPS, ())
        ]

    @cached_property
    def unmade(self) -> pq.FileMetaData | None:
        """The footer rewritten to read decimals as integers and INT96 timestamps as bytes; None where there are none."""
        has_such_columns = self.has_int96 or any(pa.types.is_decimal(field.type) for field in self.schema)
        return as_plain(self.metadata) if has_such_columns and not self.sealed else None

    @cached_property
    def has_int96(self) -> bool:
        """Whether there are INT96 timestamps, as columns or nested in other columns."""
        return self.int96_of(self.names) is not None

    def int96_of(self, names: Collection[str]) -> str | None:
        """Return the first of these columns that is, or holds, INT96 timestamps."""
        columns = (self.metadata.schema.column(i) for i in range(self.metadata.num_columns))
        paths = [column.path for column in columns if column.physical_type == "INT96"]
        return next((name for name in names if any(path == name or path.startswith(f"{name}.") for path in paths)), None)

    def typed(self, unit: str | None) -> pa.Schema:
        """Return the schema, INT96 timestamps in `unit`, else in the unit that they were written from, else in microseconds."""
        if not self.has_int96 or self.unmade is None:
            return self.schema
        return int96.typed(self.schema, self.unmade.schema.to_arrow_schema(), self._origin, unit)

    @cached_property
    def plain(self) -> pq.FileMetaData:
        """The footer rewritten to read strings with offsets, whatever their layout in the writer's memory."""
        views = any(field.type in (pa.string_view(), pa.binary_view()) for field in self.schema)
        return as_parquet(self.metadata) if views and not self.sealed else self.metadata

    def _chunk(self, group: int, column: str) -> thrift.Fields:
        leaf = self.leaves.get(column)
        chunks = self.chunks[group]
        return {} if leaf is None or leaf >= len(chunks) else chunks[leaf]

    def coded(self, groups: Sequence[int], column: str) -> bool:
        """Return whether all pages of a column in these row groups are dictionary-encoded.

        A writer that finds too many distinct values continues without a dictionary."""
        return all(_is_coded(self._chunk(group, column)) for group in groups)

    @cached_property
    def _origin(self) -> pa.Schema | None:
        return _origin(self.metadata)

    def _coded_when_written(self, column: str, dtype: DType) -> bool:
        """Return whether a column was, or may have been, a dictionary array when it was written."""
        if self._origin is None or column not in self._origin.names:
            return dtype.is_text
        return bool(pa.types.is_dictionary(self._origin.field(column).type))

    def statistics(self, group: int, column: str, dtype: DType) -> ColumnStatistics:
        """Return the statistics of a column in a row group; strings are bounded by their UTF-8 bytes.

        Floats have no bounds: writers leave NaN out of theirs.
        """
        chunk = self._chunk(group, column)
        raw = chunk.get(fmt.STATISTICS)
        if not raw:
            return ColumnStatistics()
        values, writer = int(chunk.get(fmt.NUM_VALUES, 0)), str(self.metadata.created_by)
        raw = writers.believed(raw, values, dtype, writer, self._coded_when_written(column, dtype))
        nulls = raw.get(fmt.NULL_COUNT)
        unknown = ColumnStatistics(nulls=nulls)
        physical = chunk.get(fmt.TYPE)
        if dtype.is_float or physical not in _PHYSICAL.get(dtype.kind, ()):
            return unknown
        low, high = raw.get(fmt.MIN_VALUE), raw.get(fmt.MAX_VALUE)
        if low is None and dtype.kind not in ("uint", "string", "decimal"):  # old files order these as signed
            low, high = raw.get(fmt.MIN), raw.get(fmt.MAX)
        if low is None or high is None:
            return unknown
        if dtype == t.STRING:
            return ColumnStatistics(low, _above(high), nulls)
        if not len(low) == len(high) == _BYTES.get(physical, len(low)):
            return unknown
        if dtype.kind == "timestamp":
            logical = str(self.metadata.schema.column(self.leaves[column]).logical_type).lower()
            if _UNIT_NAMES[str(dtype.unit)] not in logical:
                return unknown
        signed = dtype.kind not in ("uint", "bool")
        order: Any = "big" if physical == fmt.FIXED else "little"
        least, greatest = (int.from_bytes(bound, order, signed=signed) for bound in (low, high))
        if not dtype.bounds[0] <= least <= greatest <= dtype.bounds[1]:
            return unknown
        if dtype == t.BOOL:
            return ColumnStatistics(bool(least), bool(greatest), nulls)
        return ColumnStatistics(least, greatest, nulls)


_ENCRYPTION, _UNION, _LOOKED = 8, re.compile(rb"[\x1c\x2c\x3c\x4c][\x1c\x2c]"), 4096
"""Number of the encryption field, its first bytes (after field 7, 6, 5 or 4), and how many bytes from the end it is searched."""
_DATA_PAGES, _BY_DICTIONARY = (0, 3), (2, 8)
_SHORT = 6
"""Bytes a value above which a chunk is taken for plain, if the footer does not say how its pages are encoded."""

_BYTES = {fmt.BOOLEAN: 1, fmt.INT32: 4, fmt.INT64: 8}
_PHYSICAL = {
    "bool": (fmt.BOOLEAN,),
    "int": (fmt.INT32, fmt.INT64),
    "uint": (fmt.INT32, fmt.INT64),
    "date": (fmt.INT32,),
    "timestamp": (fmt.INT64,),
    "duration": (fmt.INT64,),
    "string": (fmt.BYTE_ARRAY,),
    "decimal": (fmt.INT32, fmt.INT64, fmt.FIXED),
}
_UNIT_NAMES = {"s": "seconds?", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def _above(high: bytes) -> bytes | None:
    """Return an upper bound for every string that begins with `high`: some writers truncate the maximum without raising it."""
    prefix = high.rstrip(b"\xff")
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None


def read_footers(files: Sequence[File]) -> list[Footer]:
    """Read the footers of all files by several threads, in order; cached footers are not read again.

    Raises
    ------
    ReadError
        When a file is missing, cut off, or not Parquet.
    """
    return in_threads(footer, files)


def footer(file: File) -> Footer:
    """Read the footer of one file, or return the cached one."""
    with _lock:
        cached = _cache.get(file.identity)
        if cached is not None:
            _cache.move_to_end(file.identity)
            return cached
    try:
        with _handle(file) as handle, _parquet(file, handle) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow
            sealed = _is_sealed(file, handle, metadata)
    except ReadError:
        raise
    except (*FAILURES, IndexError) as e:
        raise failure(file.path, _reason(str(e), file)) from e
    try:
        contradiction = _contradiction(metadata, schema)
    except FAILURES as e:
        raise failure(file.path, f"its footer is damaged: {e}") from e
    if contradiction is not None:
        raise failure(file.path, f"its footer is damaged: {contradiction}")
    answer = Footer(metadata, schema, sealed)
    if min(answer.layout.rows, default=0) < 0:
        raise failure(file.path, "its footer says that a row group has fewer than no rows")
    held = sum(answer.layout.rows)
    if held < metadata.num_rows:  # more rows in the groups are accepted: some writers leave the total at 0
        raise failure(file.path, f"its footer is damaged: {metadata.num_rows:,} rows in all, and {held:,} in its row groups")
    with _lock:
        _cache[file.identity] = answer
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return answer


def _contradiction(metadata: pq.FileMetaData, schema: pa.Schema) -> str | None:
    """Describe where the two schemas in a footer contradict each other; None if they agree.

    A footer has no checksum, but Arrow's writer stores the schema twice."""
    origin = _origin(metadata)
    if origin is None:
        return None
    if origin.names != schema.names:
        return f"columns are {schema.names} in one place and {origin.names} in another"
    for a, b in zip(origin, schema, strict=True):
        first, second = dtype_of(a.type), dtype_of(b.type)
        # times and dictionaries may be stored as other types; numbers of one width may not
        if first and second and first.kind != second.kind and first.bits == second.bits:
            return f"column {b.name!r} is {b.type} in one place and {a.type} in another"
    return None


def _origin(metadata: pq.FileMetaData) -> pa.Schema | None:
    """Return the Arrow schema in the metadata, if Arrow's own writer wrote the file: others may have copied it from another
    file."""
    stored = (metadata.metadata or {}).get(b"ARROW:schema")
    if stored is None or not str(metadata.created_by).startswith("parquet-cpp-arrow"):
        return None
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(stored)))


def _reason(text: str, file: File) -> str:
    if any(sign in text for sign in ("magic bytes", "size is 0 bytes", "smaller than", "too small", "metadata length")):
        return f"it is not a whole Parquet file ({file.size:,} bytes; cut off, or of another format): {text}"
    return text


def _is_coded(chunk: thrift.Fields) -> bool:
    if fmt.DICTIONARY_OFFSET not in chunk:
        return False
    stats = chunk.get(fmt.ENCODING_STATS)
    if stats:
        return all(page.get(2) in _BY_DICTIONARY for page in stats if page.get(1) in _DATA_PAGES)
    return int(chunk.get(fmt.UNCOMPRESSED, 0)) <= _SHORT * max(1, int(chunk.get(fmt.NUM_VALUES, 0)))


def _is_sealed(file: File, handle: Any, metadata: pq.FileMetaData) -> bool:
    """Return whether the footer has an encryption field, which is its last one and is followed by a signature."""
    with nullcontext(handle) if file.remote else open(handle, "rb") as stream:
        stream.seek(max(0, file.size - _LOOKED))
        end = stream.read(_LOOKED)
        length = int.from_bytes(end[-8:-4], "little")
        if length == metadata.serialized_size and not _UNION.search(end, max(0, len(end) - 8 - length)):
            return False
        stream.seek(file.size - 8 - length)
        return _ENCRYPTION in thrift.struct(stream.read(length))[0]


@contextmanager
def _handle(file: File) -> Iterator[Any]:
    handle = file.open()
    try:
        yield handle
    finally:
        if file.remote:
            handle.close()


def _parquet(file: File, handle: Any, **options: Any) -> pq.ParquetFile:
    limits = {"thrift_string_size_limit": max(1, file.size), "thrift_container_size_limit": max(1, file.size)}
    return pq.ParquetFile(handle, page_checksum_verification=True, pre_buffer=file.remote, **limits, **options)


@contextmanager
def open_parquet(file: File, **options: Any) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file: page checksums are verified where present, and lengths in the footer are limited by the file's
    size."""
    with _handle(file) as handle, _parquet(file, handle, **options) as opened:
        yield opened
