"""Footers of Parquet files: read once per version of a file, and what their statistics say."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import ReadError
from gpuflow.plan.source import ColumnStatistics

from .files import File, failure

_KEPT = 4096
_cache: OrderedDict[tuple[str, int, str], Footer] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Footer:
    """What the end of a Parquet file says.

    `leaves` gives, for each column that is not nested, its position among the leaf columns.
    """

    metadata: pq.FileMetaData
    schema: pa.Schema
    leaves: dict[str, int]

    @property
    def groups(self) -> int:
        return int(self.metadata.num_row_groups)

    def rows(self, group: int) -> int:
        return int(self.metadata.row_group(group).num_rows)

    def nbytes(self, group: int) -> int:
        return int(self.metadata.row_group(group).total_byte_size)

    def statistics(self, group: int, column: str, dtype: DType) -> ColumnStatistics:
        """What is known of a column in a row group; strings bounded by their UTF-8 bytes.

        Nothing is said of the range of floats: writers leave NaN out of it.
        """
        leaf = self.leaves.get(column)
        if leaf is None:
            return ColumnStatistics()
        chunk = self.metadata.row_group(group).column(leaf)
        raw = chunk.statistics
        if raw is None:
            return ColumnStatistics()
        nulls = int(raw.null_count) if raw.has_null_count and raw.null_count is not None else None
        if not raw.has_min_max or dtype.is_float or raw.physical_type not in _PHYSICAL.get(dtype.kind, ()):
            return ColumnStatistics(nulls=nulls)
        low, high = raw.min_raw, raw.max_raw
        if dtype == t.STRING:
            return ColumnStatistics(bytes(low), _above(bytes(high)), nulls)
        logical = str(raw.logical_type).lower() if dtype.kind == "timestamp" else ""
        if dtype.kind == "timestamp" and _UNIT_NAMES[str(dtype.unit)] not in logical:
            return ColumnStatistics(nulls=nulls)
        if dtype.kind == "uint":  # handed over as the signed number with the same bits
            mask = (1 << (64 if raw.physical_type == "INT64" else 32)) - 1
            low, high = int(low) & mask, int(high) & mask
        low, high = (bool(low), bool(high)) if dtype == t.BOOL else (int(low), int(high))
        least, greatest = dtype.bounds
        if not least <= low <= high <= greatest:
            return ColumnStatistics(nulls=nulls)
        return ColumnStatistics(low, high, nulls)


_PHYSICAL = {
    "bool": ("BOOLEAN",),
    "int": ("INT32", "INT64"),
    "uint": ("INT32", "INT64"),
    "date": ("INT32",),
    "timestamp": ("INT64",),
    "duration": ("INT64",),
    "string": ("BYTE_ARRAY",),
}
_UNIT_NAMES = {"s": "seconds?", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def _above(high: bytes) -> bytes | None:
    """A bound for every string that begins with `high`: some writers cut the greatest value short without raising it."""
    kept = high.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def read_footers(files: Sequence[File]) -> list[Footer]:
    """The footers of all files, in order, read by several threads; a file seen before is not opened again.

    Raises
    ------
    ReadError
        When a file is missing, cut off, or not Parquet.
    """
    if len(files) <= 1:
        return [footer(file) for file in files]
    with ThreadPoolExecutor(min(16, len(files))) as pool:
        return list(pool.map(footer, files))


def footer(file: File) -> Footer:
    """The footer of one file."""
    with _lock:
        known = _cache.get(file.identity)
        if known is not None:
            _cache.move_to_end(file.identity)
            return known
    try:
        with open_parquet(file) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow
    except ReadError:
        raise
    except (pa.ArrowException, OSError, ValueError) as e:
        if isinstance(e, MemoryError):
            raise
        raise failure(file.path, _reason(str(e), file)) from e
    leaves = {path: i for i in range(metadata.num_columns) if (path := metadata.schema.column(i).path) in schema.names}
    answer = Footer(metadata, schema, leaves)
    with _lock:
        _cache[file.identity] = answer
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return answer


def _reason(text: str, file: File) -> str:
    if any(sign in text for sign in ("magic bytes", "size is 0 bytes", "smaller than", "too small", "metadata length")):
        return f"it is not a whole Parquet file ({file.size:,} bytes; cut off, or of another format): {text}"
    return text


@contextmanager
def open_parquet(file: File, **options: Any) -> Iterator[pq.ParquetFile]:
    """A Parquet file open for reading, page checksums verified where there are any."""
    handle = file.open()
    try:
        with pq.ParquetFile(handle, page_checksum_verification=True, pre_buffer=file.remote, **options) as opened:
            yield opened
    finally:
        if file.remote:
            handle.close()


def merge(parts: Sequence[tuple[ColumnStatistics, int]]) -> ColumnStatistics:
    """What is known of several blocks together, each given with its number of rows."""
    parts = [(s, rows) for s, rows in parts if rows]
    nulls = None if any(s.nulls is None for s, _ in parts) else sum(s.nulls or 0 for s, _ in parts)
    bounding = [s for s, rows in parts if s.nulls is None or s.nulls < rows]  # blocks of nulls only bound nothing
    low = None if not bounding or any(s.low is None for s in bounding) else min(s.low for s in bounding)
    high = None if not bounding or any(s.high is None for s in bounding) else max(s.high for s in bounding)
    return ColumnStatistics(low, high, nulls)
