"""Group-by on arrays: choose a table for the keys of a chunk, and run grouping pipelines into it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpuflow_kernels.binding import Bindings, fitted, input_arguments, shape_of
from gpuflow_kernels.codegen.common.arguments import control
from gpuflow_kernels.codegen.common.program import null_keys, repeated
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.errors import ArithmeticOverflowError
from gpuflow_kernels.ir.expressions import Ref, Row
from gpuflow_kernels.ir.pipeline import Group, Pipeline, Write
from gpuflow_kernels.target import Target, error_text

from .filtering import overflow_message, write
from .group_table import GroupTable, Layout
from .launching import launcher_of
from .partitioning import key_words_of, split

DENSE_LIMIT = 1 << 22
"""Most entries of a directly indexed group table."""
SMALL_DENSE = 4096
"""A directly indexed table of up to this many entries is used even for few rows."""
PACKED_BITS = 62
SALT = 0x2545F4914F6CDD1D
"""Changes the hash that splits a chunk: an exchange has split its rows by the plain one before."""
LEAST = -(1 << 63)


def column_range(target: Target, column: Column) -> tuple[int, int] | None:
    """Return minimum and maximum of an integer-like column, cached on it; None for floats and empty columns."""
    if column.dtype.is_float or column.dtype.register == "uint64" or len(column) == 0:
        return None
    if column.dtype.kind == "bool":
        return 0, 1
    if "range" not in column.facts:
        values = column.values if column.validity is None else column.values[column.validity]
        column.facts["range"] = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    low, high = column.facts["range"]
    return int(low), int(high)


def choose_layout(target: Target, sink: Group, chunk: Chunk, bindings: Bindings, nullable: tuple[bool, ...]) -> Layout:
    """Choose a direct table, a packed hash or a wide hash by the ranges of the keys."""
    if not sink.keys:
        return Layout("reduce")
    ranges = []
    for k, key in enumerate(sink.keys):
        interval = bindings.key_ranges[k] if k < len(bindings.key_ranges) else None
        if interval is None and isinstance(key, Ref) and isinstance(key.key, int) and key.key < len(chunk.columns):
            column = chunk.columns[key.key]
            interval = column_range(target, column) if not column.dtype.is_coded else None
        ranges.append(interval)
    if any(r is None for r in ranges):
        return Layout("hash", nullable)
    bases, sizes, total = [], [], 1
    for (low, high), has_null in zip((r for r in ranges if r is not None), nullable, strict=True):
        low, high = _widened(low, high)
        if low - has_null < LEAST:
            return Layout("hash", nullable)
        bases.append(low - has_null)
        sizes.append(high - low + 1 + has_null)
        total *= sizes[-1]
    if total <= max(SMALL_DENSE, min(2 * chunk.length, DENSE_LIMIT)):
        return Layout("dense", nullable, tuple(bases), tuple(sizes))
    if total.bit_length() <= PACKED_BITS and len(sizes) > 1:
        return Layout("hash", nullable, tuple(bases), tuple(sizes))
    return Layout("hash", nullable)


def _widened(low: int, high: int) -> tuple[int, int]:
    """Widen a range to round numbers, so that the next chunk of the same column is likely to fit it too."""
    step = 1 << max(0, (high - low + 1).bit_length() - 3)
    return low // step * step, -(-(high + 1) // step) * step - 1


def new_table(target: Target, sink: Group, layout: Layout, bindings: Bindings, loops: bool) -> GroupTable:
    """Make a table for groups of this layout; `loops` if a row may occur more than once."""
    if target.name == "cuda":
        from gpuflow_kernels.primitives.cuda.tables import new_table as on_device

        return on_device(target, sink, layout, bindings, loops)
    return GroupTable(target, sink, layout, bindings)


class Grouper:
    """Aggregates chunks by a grouping pipeline.

    Chunks whose keys fit the layout of the current table go into it. A chunk of another layout starts another table; the results
    of several tables are partial, and the caller merges them.
    """

    def __init__(self, target: Target, pipeline: Pipeline, whole: bool = False) -> None:
        assert isinstance(pipeline.sink, Group)
        self._whole = whole  # chunks that have been split are not split again
        self.target, self.pipeline, self.sink = target, pipeline, pipeline.sink
        self.tables: list[GroupTable] = []
        self._parts: list[Grouper] = []

    def add(self, chunk: Chunk, bindings: Bindings) -> Any:
        """Aggregate one chunk; return the group of every row (-1 for rows filtered out) if the sink asks for numbers.

        Raises
        ------
        ArithmeticOverflowError
            When an exact result does not fit its type.
        """
        chunk = Chunk(self.target.moved(chunk.columns), chunk.length)
        shape = fitted(self.target, shape_of(self.pipeline, chunk, bindings), chunk)
        layout = choose_layout(self.target, self.sink, chunk, bindings, null_keys(self.pipeline, shape))
        if self._parts:
            self._add_in_parts(chunk, bindings, layout)
            return None
        loops = bool(repeated(self.pipeline, shape))
        if not self.tables or not self.tables[-1].takes(layout, loops):
            self.tables.append(new_table(self.target, self.sink, layout, bindings, loops))
        table = self.tables[-1]
        table.whole = self._whole or not _may_split(self.sink)
        launcher = launcher_of(self.target)
        sampling = table.sampling(chunk.length, bindings)
        if sampling is not None:
            generated = self.target.generate(self.pipeline, replace(shape, group=sampling))
            arguments = input_arguments(self.target, self.pipeline, generated, chunk, bindings)
            launcher.sample(self.target, generated, arguments, chunk.length, table, bindings)
            if table.parts_wanted:  # too many groups for one table
                self.tables.pop()
                self._parts = [Grouper(self.target, self._of_written(), whole=True) for _ in range(table.parts_wanted)]
                self._add_in_parts(chunk, bindings, layout)
                return None
        shape = replace(shape, group=table.shape)
        generated = self.target.generate(self.pipeline, shape)
        arguments = input_arguments(self.target, self.pipeline, generated, chunk, bindings)
        ids = None
        if self.sink.number:
            ids = arguments[control("ids")] = self.target.xp.full(chunk.length, -1, dtype="int64")
        error = launcher.group(self.target, self.pipeline, shape, generated, arguments, chunk.length, table, bindings)
        if error:
            raise ArithmeticOverflowError(overflow_message(error_text(generated, error)))
        return ids

    def _written(self) -> tuple[Row, ...]:
        """Expressions that grouping needs: keys, then aggregated values."""
        return tuple(dict.fromkeys(self.sink.rows()))

    def _of_written(self) -> Pipeline:
        """Pipeline that groups the rows that `_written` writes."""
        rows = self._written()
        refs = {row: Ref(k, row.dtype) for k, row in enumerate(rows)}
        return Pipeline(tuple(row.dtype for row in rows), (), self.sink.map_rows(refs.__getitem__))

    def _add_in_parts(self, chunk: Chunk, bindings: Bindings, layout: Layout) -> None:
        """Write the rows of a chunk, split them by keys, and aggregate each part in a table that stays in the cache."""
        written = self._written()
        rows = write(self.target, replace(self.pipeline, sink=Write(written)), chunk, bindings)
        words = key_words_of(self.target, tuple(rows.columns[written.index(k)] for k in self.sink.keys))
        words[0] = words[0] ^ SALT
        rest = replace(bindings, tables=(), lookups=(), codes=(), position=0, key_ranges=layout.ranges)
        for part, piece in zip(self._parts, split(self.target, rows, words, len(self._parts)), strict=True):
            if piece.length:
                part.add(piece, rest)

    def results(self) -> list[Chunk]:
        """Return partial results, one per table: key columns, then accumulators. Without keys there is at least one."""
        if not self.tables and not self.sink.keys:
            self.tables.append(new_table(self.target, self.sink, Layout("reduce"), Bindings(), False))
        key_types = tuple(k.dtype for k in self.sink.keys)
        results = [t.result(key_types) for t in self.tables]
        parts = [part.results() for part in self._parts]
        if parts and all(len(p) <= 1 for p in parts):  # the parts have no group in common
            return [*results, *_joined(self.target, [c for p in parts for c in p])]
        return results + [c for p in parts for c in p]


def _may_split(sink: Group) -> bool:
    """Return whether rows may be written out before they are grouped: not if an aggregation depends on their row numbers."""
    return not sink.reads_position


def _joined(target: Target, chunks: list[Chunk]) -> list[Chunk]:
    """Concatenate chunks; an empty list stays empty."""
    if len(chunks) < 2:
        return chunks
    xp, columns = target.xp, []
    for parts in zip(*(c.columns for c in chunks), strict=True):
        validity = None
        if any(p.validity is not None for p in parts):
            validity = xp.concatenate([xp.ones(len(p), dtype=bool) if p.validity is None else p.validity for p in parts])
        columns.append(Column(parts[0].dtype, xp.concatenate([p.values for p in parts]), validity))
    return [Chunk(tuple(columns), sum(c.length for c in chunks))]
