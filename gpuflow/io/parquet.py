"""Parquet files as a source: footers when scanned, row groups grouped into partitions, only the columns wanted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.dtypes import DType
from gpuflow_kernels.rowtree import Row, refs

from gpuflow.errors import ReadError
from gpuflow.plan.source import ColumnStatistics, Source, Split
from gpuflow.schema import Schema

from . import convert, files, footers, hive
from .dictionaries import concat_chunks
from .files import File, failure
from .footers import Footer
from .partitions import empty_chunk, refuse_duplicates, supported, target_rows
from .pruning import Range, may_match

SUFFIXES = (".parquet", ".pq", ".parq")


@dataclass(frozen=True)
class Piece:
    """Row groups of one file."""

    file: File
    groups: tuple[int, ...]


class ParquetSplit(Split):
    """Some row groups, of one file or of several small ones. Carries no footer: a worker reads it when it needs it."""

    def __init__(
        self, pieces: tuple[Piece, ...], schema: Schema, keys: Mapping[str, pa.Array | None], rows: int, nbytes: int
    ) -> None:
        self.pieces, self.schema, self.keys, self.rows, self.nbytes = pieces, schema, keys, rows, nbytes

    def __repr__(self) -> str:
        return f"ParquetSplit({len(self.pieces)} files, {sum(len(p.groups) for p in self.pieces)} row groups, {self.rows} rows)"

    def narrow(self, columns: tuple[str, ...]) -> ParquetSplit:
        schema = Schema({name: self.schema[name] for name in columns})
        keys = {name: values for name, values in self.keys.items() if name in schema}
        return ParquetSplit(self.pieces, schema, keys, self.rows or 0, self.nbytes or 0)

    def read(self, columns: tuple[str, ...]) -> Chunk:
        if not self.pieces:
            return empty_chunk(self.schema, columns)
        return concat_chunks([self._piece(piece, columns) for piece in self.pieces])

    def _piece(self, piece: Piece, columns: tuple[str, ...]) -> Chunk:
        file = piece.file
        footer = footers.footer(file)
        count = sum(footer.rows(g) for g in piece.groups)
        stored = [name for name in columns if name not in self.keys]
        table = self._table(piece, footer, stored) if stored else None
        values = dict(file.keys)
        made: list[Column] = []
        for name in columns:
            dtype = self.schema[name]
            if name in self.keys:
                value = hive.physical(values[name], dtype, file, name)
                made.append(hive.constant(value, dtype, count, self.keys[name]))
                continue
            assert table is not None
            made.append(_column(table, name, dtype, file))
        return Chunk(tuple(made), count)

    def _table(self, piece: Piece, footer: Footer, names: list[str]) -> pa.Table:
        coded = [name for name in names if self.schema[name] == t.STRING]
        file, groups = piece.file, list(piece.groups)
        row_group: int | None = groups[0] if len(groups) == 1 else None
        column: str | None = names[0] if len(names) == 1 else None
        try:
            with footers.open_parquet(file, metadata=footer.metadata, read_dictionary=coded) as opened:
                try:
                    return opened.read_row_groups(groups, columns=names, use_threads=False)
                except (pa.ArrowException, OSError, ValueError):
                    for row_group in groups:  # once more, piece by piece, to tell which one it was
                        for column in names:
                            opened.read_row_groups([row_group], columns=[column], use_threads=False)
                    raise
        except ReadError:
            raise
        except (pa.ArrowException, OSError, ValueError) as e:
            if isinstance(e, MemoryError):
                raise
            raise failure(file.path, e, row_group=row_group, column=column) from e


def _column(table: pa.Table, name: str, dtype: DType, file: File) -> Column:
    data = table.column(name)
    try:
        column = convert.from_arrow(data)
        if dtype == t.STRING:  # pages are checked by the reader, characters are not
            column.dictionary.validate(full=True)
    except (pa.ArrowException, ValueError) as e:
        raise failure(file.path, e, column=name) from e
    if column.dtype != dtype:
        raise failure(file.path, f"it holds {column.dtype}, {dtype} was expected", column=name)
    return column


class ParquetSource(Source):
    """Parquet files with one schema.

    Parameters
    ----------
    paths : path or list of paths
        See `gpuflow.io.scan_parquet`.
    storage_options : mapping, optional
        Options for the remote file system.
    use_hive : bool
        Whether ``key=value`` folders become columns.
    hive_schema : mapping of str to DType, optional
        Types of partition keys that are not to be guessed.

    Attributes
    ----------
    unsupported : dict of str to str
        Columns left out of `schema`, with the reason.
    """

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        storage_options: Mapping[str, Any] | None = None,
        use_hive: bool = True,
        hive_schema: Mapping[str, DType] | None = None,
    ) -> None:
        self.files = files.find(paths, suffixes=SUFFIXES, what="Parquet", options=storage_options, hive=use_hive)
        self.footers = footers.read_footers(self.files)
        self.keys = hive.infer(self.files, hive_schema or {})
        self.schema, self.unsupported = self._agree()
        self.token = "parquet-" + files.identity(self.files, self.schema)
        self.label = files.label("parquet", paths, self.files)

    def __repr__(self) -> str:
        return f"ParquetSource({self.label})"

    def _agree(self) -> tuple[Schema, dict[str, str]]:
        """The schema that all files have."""
        first = self.footers[0].schema
        for file, footer in zip(self.files, self.footers, strict=True):
            if footer.schema is not first:
                refuse_duplicates(footer.schema.names, file.path, "write it again with other names")
                _compare(self.files[0], first, file, footer.schema)
            else:
                refuse_duplicates(first.names, file.path, "write it again with other names")
        schema, reasons = supported(first)
        # a key that also stands in the files is taken from the folder, by which blocks are skipped
        stored = {name: dtype for name, dtype in schema.items() if name not in self.keys}
        return Schema({**stored, **self.keys}), {n: r for n, r in reasons.items() if n not in self.keys}

    @cached_property
    def _dictionaries(self) -> dict[str, pa.Array | None]:
        """For each key its distinct strings, shared by all splits; None for keys of other types."""
        answer: dict[str, pa.Array | None] = {}
        for i, (name, dtype) in enumerate(self.keys.items()):
            values = {file.keys[i][1] for file in self.files}
            texts = sorted((v for v in values if v is not None), key=str.encode)
            answer[name] = pa.array(texts, pa.large_string()) if dtype == t.STRING else None
        return answer

    def rows(self) -> int:
        return sum(int(f.metadata.num_rows) for f in self.footers)

    def statistics(self, column: str) -> ColumnStatistics:
        if column not in self._statistics:
            dtype = self.schema[column]
            known = footers.merge(
                [
                    (self._known(file, footer, group, column, dtype), footer.rows(group))
                    for file, footer in zip(self.files, self.footers, strict=True)
                    for group in range(footer.groups)
                ]
            )
            if dtype == t.STRING:
                known = ColumnStatistics(_text(known.low), _text(known.high), known.nulls)
            self._statistics[column] = known
        return self._statistics[column]

    @cached_property
    def _statistics(self) -> dict[str, ColumnStatistics]:
        return {}

    def _known(self, file: File, footer: Footer, group: int, column: str, dtype: DType) -> ColumnStatistics:
        if column not in self.keys:
            return footer.statistics(group, column, dtype)
        value = hive.physical(dict(file.keys)[column], dtype, file, column)
        if value is None:
            return ColumnStatistics(nulls=footer.rows(group))
        bound = value.encode() if isinstance(value, str) else None if dtype.is_float else value
        return ColumnStatistics(bound, bound, 0)

    def _may_match(self, predicate: Row, file: File, footer: Footer, group: int) -> bool:
        rows = footer.rows(group)

        def bounds(name: str) -> Range:
            known = self._known(file, footer, group, name, self.schema[name])
            return Range(known.low, known.high, known.nulls != 0, known.nulls != rows)

        return may_match(predicate, bounds)

    def splits(self, predicate: Row | None, partition_rows: int | None = None) -> list[Split]:
        if predicate is not None and not refs(predicate) <= set(self.schema):
            predicate = None
        kept = [
            (file, group, footer.rows(group), footer.nbytes(group))
            for file, footer in zip(self.files, self.footers, strict=True)
            for group in range(footer.groups)
            if footer.rows(group) and (predicate is None or self._may_match(predicate, file, footer, group))
        ]
        target = target_rows(sum(rows for _, _, rows, _ in kept), partition_rows)
        splits: list[Split] = []
        batch: list[tuple[File, int, int, int]] = []
        held = 0
        for entry in kept:
            # closed where it comes nearest to the target
            if batch and held + entry[2] - target > target - held:
                splits.append(self._split(batch))
                batch, held = [], 0
            batch.append(entry)
            held += entry[2]
        if batch or not splits:
            splits.append(self._split(batch))
        return splits

    def _split(self, entries: list[tuple[File, int, int, int]]) -> ParquetSplit:
        groups: dict[File, list[int]] = {}
        for file, group, _, _ in entries:
            groups.setdefault(file, []).append(group)
        pieces = tuple(Piece(file, tuple(numbers)) for file, numbers in groups.items())
        rows, nbytes = sum(e[2] for e in entries), sum(e[3] for e in entries)
        return ParquetSplit(pieces, self.schema, self._dictionaries, rows, nbytes)


def _text(bound: bytes | None) -> str | None:
    """A bound as a string where it is one; a cut or raised bound may end inside a character."""
    try:
        return None if bound is None else bound.decode()
    except UnicodeDecodeError:
        return None


def _compare(file: File, schema: pa.Schema, other_file: File, other: pa.Schema) -> None:
    """Raise where another file of the same table has other columns or types."""
    for name in schema.names:
        if name not in other.names:
            raise failure(other_file.path, f"it has no such column, {file.path} has", column=name)
        a, b = schema.field(name).type, other.field(name).type
        if a != b and (convert.dtype_of(a) != convert.dtype_of(b) or convert.dtype_of(a) is None):
            raise failure(other_file.path, f"it is {b} here and {a} in {file.path}; write both with one type", column=name)
    for name in other.names:
        if name not in schema.names:
            raise failure(other_file.path, f"{file.path} has no such column", column=name)
