"""Sources over files that consist of blocks of a known number of rows: row groups, record batches, stripes.

A partition is some blocks, of one file or of several. Here is what every format has in common: one schema for many files,
partition keys from folder names, columns that files lack, row numbers, reading only the first rows, and skipping blocks in which
no row can pass a predicate.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.ir.expressions import Row, refs

from gpuflow.arrow import categories, decimals
from gpuflow.arrow.columns import null_column
from gpuflow.arrow.dictionaries import Dictionary, concat_chunks, dictionary_of, trimmed
from gpuflow.arrow.row_value_error import RowValueError
from gpuflow.errors import ReadError
from gpuflow.plan.source import ColumnStatistics, RowSelector, Source, Split
from gpuflow.schema import Schema

from . import files, hive, memory_limit, schema_merge
from .files import File, Paths, failure
from .options import ScanOptions, refuse_taken
from .partition_rows import OF_BLOCKS, empty_chunk, refuse_without_columns, target_rows
from .pruning import Range, may_match
from .to_column import RowNumbers, to_column

Block = tuple[int, int, int, int, int]
"""(number of the file, number of the block in it, number of its first row, rows, bytes)."""
_JUDGED = 16
"""Predicates whose matching blocks are cached."""
_CARRIED = 64
"""Distinct strings of a partition key that are pickled with every split; of more, only those that the split needs."""


@dataclass(frozen=True)
class Layout:
    """Schema of one file, and rows and bytes of each of its blocks."""

    schema: pa.Schema
    rows: tuple[int, ...]
    nbytes: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """Blocks of one file: their numbers, the number of the first row of each, and how many of its rows are read."""

    file: File
    blocks: tuple[int, ...]
    starts: tuple[int, ...]
    counts: tuple[int, ...]


class BlockSplit(Split):
    """Some blocks, of one file or of several small ones. Each format implements `_table`.

    A format is `raw` if its codes and offsets are bytes of the file, which must be validated in full; other formats are decoded
    by a reader that makes codes and offsets itself.
    """

    raw = False
    block = "row group"
    """Name of a block in error messages."""

    def __init__(
        self,
        pieces: tuple[Piece, ...],
        schema: Schema,
        keys: Mapping[str, Dictionary | None],
        nbytes: int,
        index: str | None = None,
    ) -> None:
        self.pieces, self.schema, self.keys, self.nbytes, self.index = pieces, schema, keys, nbytes, index
        self.rows: int = sum(sum(piece.counts) for piece in pieces)

    def __repr__(self) -> str:
        blocks = sum(len(piece.blocks) for piece in self.pieces)
        return f"{type(self).__name__}({len(self.pieces)} files, {blocks} blocks, {self.rows} rows)"

    @abstractmethod
    def _table(self, file: File, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        """Read the columns that the file has. Raises `ReadError`."""

    def _decoded(self, piece: Piece, names: list[str], selected: RowNumbers | None) -> dict[str, Column]:
        """Decode columns without pyarrow where the format can, of all rows or of those `selected`.

        Columns that are damaged or of another form are left out; `_table` reads them and raises the error."""
        return {}

    def narrow(self, columns: tuple[str, ...]) -> BlockSplit:
        schema = Schema({name: self.schema[name] for name in columns})
        keys = {name: values for name, values in self.keys.items() if name in schema}
        return type(self)(self.pieces, schema, keys, self.nbytes or 0, self.index)

    def __reduce__(self) -> tuple[Any, ...]:
        keys = {name: self._carried(name, values) for name, values in self.keys.items()}
        return type(self), (self.pieces, self.schema, keys, self.nbytes, self.index)

    def _carried(self, name: str, values: Dictionary | None) -> Dictionary | None:
        if values is None or len(values) <= _CARRIED:
            return values
        needed = {dict(piece.file.keys)[name] for piece in self.pieces}
        return dictionary_of(sorted((v for v in needed if v is not None), key=str.encode))

    def read(self, columns: tuple[str, ...]) -> Chunk:
        return self.read_some(columns, None)

    def read_some(self, columns: tuple[str, ...], selector: RowSelector | None) -> Chunk:
        if not self.pieces:
            return empty_chunk(self.schema, columns)
        memory_limit.check(self.pieces[0].file, self.rows, [self.schema[name] for name in columns])
        return concat_chunks([self._piece(piece, columns, selector) for piece in self.pieces])

    def _piece(self, piece: Piece, columns: tuple[str, ...], selector: RowSelector | None) -> Chunk:
        if selector is None:
            return self._columns(piece, columns)
        first = self._columns(piece, selector.columns)
        selected = selector.rows(first)
        rest = tuple(name for name in columns if name not in selector.columns)
        if selected is None:
            other = self._columns(piece, rest)
        else:
            first = Chunk(tuple(_own(c.take(selected)) for c in first.columns), len(selected))
            piece, selected = _with_rows(piece, selected)
            other = self._columns(piece, rest, selected) if len(selected) else empty_chunk(self.schema, rest)
        made = dict(zip((*selector.columns, *rest), (*first.columns, *other.columns), strict=True))
        return Chunk(tuple(made[name] for name in columns), first.length)

    def _columns(self, piece: Piece, columns: tuple[str, ...], selected: RowNumbers | None = None) -> Chunk:
        """Read columns of a piece, of all its rows or of those with the numbers `selected`."""
        file, count = piece.file, sum(piece.counts)
        length = count if selected is None else len(selected)
        stored = [name for name in columns if name not in self.keys and name != self.index]
        decoded = self._decoded(piece, stored, selected)
        stored = [name for name in stored if name not in decoded]
        table = self._table(file, piece.blocks, stored) if stored else None
        present = set(table.column_names) if table is not None else set()
        values = dict(file.keys)
        made: list[Column] = []
        for name in columns:
            dtype = self.schema[name]
            if name in self.keys:
                made.append(hive.constant(hive.physical(values[name], dtype, file, name), dtype, length, self.keys[name]))
            elif name == self.index:
                numbers = numbered(piece.starts, piece.counts)
                made.append(Column(dtype, numbers if selected is None else numbers[selected]))
            elif name in decoded:
                made.append(decoded[name])
            elif name not in present:
                made.append(null_column(dtype, length))
            else:
                assert table is not None
                try:
                    made.append(to_column(table.column(name), count, dtype, file, name, raw=self.raw, selected=selected))
                except ReadError as e:
                    if not isinstance(e.__cause__, RowValueError):
                        raise
                    row = e.__cause__.row if selected is None else int(selected[e.__cause__.row])
                    place = int(np.searchsorted(np.cumsum(piece.counts), row, side="right"))
                    cause = RowValueError(row - sum(piece.counts[:place]), e.__cause__.why)
                    raise failure(file.path, cause, row_group=piece.blocks[place], column=name, block=self.block) from e
        return Chunk(tuple(made), length)


def _own(column: Column) -> Column:
    """Drop plain strings of rows that were filtered out, which the column's dictionary would keep."""
    return column if column.dictionary is None or column.dictionary.distinct else trimmed(column)


def _with_rows(piece: Piece, selected: RowNumbers) -> tuple[Piece, RowNumbers]:
    """Restrict a piece to the blocks that hold selected rows; renumber the rows within those blocks."""
    ends = np.cumsum([0, *piece.counts])
    cuts = np.searchsorted(selected, ends)
    per_block = np.diff(cuts)
    used = np.flatnonzero(per_block)
    skipped = np.cumsum(np.where(per_block, 0, piece.counts))
    blocks, starts, counts = (tuple(of[k] for k in used) for of in (piece.blocks, piece.starts, piece.counts))
    return Piece(piece.file, blocks, starts, counts), selected - np.repeat(skipped, per_block)


def numbered(starts: Sequence[int], counts: Sequence[int]) -> np.ndarray[Any, Any]:
    """Return the row numbers of some blocks, given their first rows and lengths."""
    parts = [np.arange(start, start + n, dtype=np.int64) for start, n in zip(starts, counts, strict=True)]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


class BlockSource(Source):
    """Files of blocks with one schema.

    Parameters
    ----------
    paths : path or list of paths
    options : ScanOptions

    Attributes
    ----------
    unsupported : dict of str to str
        Columns left out of `schema`, with the reason.
    """

    what: str
    """Name of the format in error messages, as in ``Parquet``."""
    suffixes: tuple[str, ...]
    magic: bytes
    """First bytes of every file of the format."""
    split: type[BlockSplit]

    def __init__(self, paths: Paths, options: ScanOptions | None = None) -> None:
        self.options = options or ScanOptions()
        self.files = self.options.find(paths, self.suffixes, self.what, self.magic)
        self.layouts = self._look()
        self.keys = hive.infer(self.files, self.options.key_types(), self.options.try_parse_hive_dates)
        schemas = [decimals.as_asked(layout.schema, self.options.wide_decimals) for layout in self.layouts]
        schema, self.unsupported = schema_merge.merge_schemas(self.files, schemas, self.options, self.keys)
        refuse_without_columns(schema, self.unsupported, f"{self.what} files ({self.files[0].path})")
        self.index = self.options.row_index_name
        if self.index is not None:
            refuse_taken(self.index, schema, "row_index_name", self.files[0])
            schema = Schema({self.index: t.INT64, **schema})
        self.schema = schema
        kind = self.what.lower().split()[-1]
        self.token = f"{kind}-" + files.identity(self.files, self.schema, categories.of(self.schema), self.options.identity)
        self.label = files.label(kind, paths, self.files)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label})"

    @abstractmethod
    def _look(self) -> list[Layout]:
        """Read schema, rows and bytes of the blocks of each of `files`. Raises `ReadError`."""

    def _stored(self, file: int, block: int, column: str) -> ColumnStatistics:
        """Return the statistics that a file keeps of a column, as values of the column's type in `schema`."""
        return ColumnStatistics()

    @cached_property
    def _starts(self) -> list[int]:
        """Number of the first row of each file, from 0."""
        return [0, *accumulate(sum(layout.rows) for layout in self.layouts)]

    @cached_property
    def _dictionaries(self) -> dict[str, Dictionary | None]:
        """For each partition key a dictionary of its strings, shared by all splits; None for keys of other types."""
        answer: dict[str, Dictionary | None] = {}
        for i, (name, dtype) in enumerate(self.keys.items()):
            values = {file.keys[i][1] for file in self.files}
            texts = sorted((v for v in values if v is not None), key=str.encode)
            answer[name] = dictionary_of(texts) if dtype == t.STRING else None
        return answer

    def rows(self) -> int:
        rows = self._starts[-1]
        return rows if self.options.n_rows is None else min(rows, self.options.n_rows)

    def statistics(self, column: str) -> ColumnStatistics:
        if column not in self._statistics:
            dtype = self.schema[column]
            statistics = merge([
                (self._known(i, layout.rows[block], block, 0, column), layout.rows[block])
                for i, layout in enumerate(self.layouts)
                for block in range(len(layout.rows))
            ])  # fmt: skip
            if column == self.index:
                offset = self.options.row_index_offset
                statistics = ColumnStatistics(offset, offset + self.rows() - 1, 0) if self.rows() else ColumnStatistics(nulls=0)
            if dtype == t.STRING:
                statistics = ColumnStatistics(_text(statistics.low), _text(statistics.high), statistics.nulls)
            self._statistics[column] = statistics
        return self._statistics[column]

    @cached_property
    def _statistics(self) -> dict[str, ColumnStatistics]:
        return {}

    def _known(self, i: int, rows: int, block: int, start: int, column: str) -> ColumnStatistics:
        file, dtype = self.files[i], self.schema[column]
        if column == self.index:
            return ColumnStatistics(start, start + rows - 1, 0)
        if column not in self.keys:
            if column not in self._names[i]:
                return ColumnStatistics(nulls=rows)
            return self._stored(i, block, column)
        value = hive.physical(dict(file.keys)[column], dtype, file, column)
        if value is None:
            return ColumnStatistics(nulls=rows)
        bound = value.encode() if isinstance(value, str) else None if dtype.is_float else value
        return ColumnStatistics(bound, bound, 0)

    @cached_property
    def _names(self) -> list[frozenset[str]]:
        sets: dict[tuple[str, ...], frozenset[str]] = {}
        names = (tuple(layout.schema.names) for layout in self.layouts)
        return [sets.setdefault(n, frozenset(n)) for n in names]

    def _may_match(self, predicate: Row, i: int, rows: int, block: int, start: int) -> bool:
        def bounds(name: str) -> Range:
            statistics = self._known(i, rows, block, start, name)
            return Range(statistics.low, statistics.high, statistics.nulls != 0, statistics.nulls != rows)

        return may_match(predicate, bounds)

    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        if predicate is not None and not refs(predicate) <= set(self.schema):
            predicate = None
        blocks = self._kept(predicate)
        total = sum(entry[3] for entry in blocks)
        each = total / max(1, -(-total // target_rows(total, partition_rows, per_thread=OF_BLOCKS)))
        splits: list[Split] = []
        batch: list[Block] = []
        held = 0
        for entry in blocks:
            # a batch ends where its end is nearest to an equal share, counted from the first row, so that the last is not a small
            # rest
            end = each * (len(splits) + 1)
            if batch and held + entry[3] - end > end - held:
                splits.append(self._split(batch))
                batch = []
            batch.append(entry)
            held += entry[3]
        if batch or not splits:
            splits.append(self._split(batch))
        return splits

    def _kept(self, predicate: Row | None) -> list[Block]:
        """Return the blocks that may have a row for which `predicate` is true; cached for repeated queries."""
        remembered = self._judged.get(predicate)  # in one step: another thread may clear the cache
        if remembered is not None:
            return remembered
        most, offset = self.options.n_rows, self.options.row_index_offset
        blocks: list[Block] = []
        for i, layout in enumerate(self.layouts):
            start = self._starts[i]
            for block, rows in enumerate(layout.rows):
                count = rows if most is None else min(rows, most - start)
                if count > 0 and (predicate is None or self._may_match(predicate, i, rows, block, start + offset)):
                    blocks.append((i, block, start + offset, count, layout.nbytes[block]))
                start += rows
        if len(self._judged) >= _JUDGED:
            self._judged.clear()
        self._judged[predicate] = blocks
        return blocks

    @cached_property
    def _judged(self) -> dict[Row | None, list[Block]]:
        return {}

    def _split(self, entries: list[Block]) -> BlockSplit:
        groups: dict[int, list[tuple[int, int, int]]] = {}
        for i, block, start, count, _ in entries:
            groups.setdefault(i, []).append((block, start, count))
        pieces = tuple(Piece(self.files[i], *zip(*blocks, strict=True)) for i, blocks in groups.items())
        return self.split(pieces, self.schema, self._dictionaries, sum(entry[4] for entry in entries), self.index)


def merge(parts: Sequence[tuple[ColumnStatistics, int]]) -> ColumnStatistics:
    """Combine the statistics of several blocks, each given with its number of rows."""
    parts = [(s, rows) for s, rows in parts if rows]
    nulls = None if any(s.nulls is None for s, _ in parts) else sum(s.nulls or 0 for s, _ in parts)
    bounding = [s for s, rows in parts if s.nulls is None or s.nulls < rows]  # blocks of nulls only bound nothing
    low = None if not bounding or any(s.low is None for s in bounding) else min(s.low for s in bounding)
    high = None if not bounding or any(s.high is None for s in bounding) else max(s.high for s in bounding)
    return ColumnStatistics(low, high, nulls)


def _text(bound: bytes | None) -> str | None:
    """Decode a bound of strings; None where it ends inside a character, as bounds cut short or raised may."""
    try:
        return None if bound is None else bound.decode()
    except UnicodeDecodeError:
        return None
