"""Parquet files as a source: footers when scanned, row groups grouped into partitions, only the columns wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Column

from gpuflow.io.datasets.blocks import BlockSource, BlockSplit, Layout, Piece
from gpuflow.io.datasets.failures import FAILURES, told
from gpuflow.io.datasets.files import File, failure
from gpuflow.io.datasets.to_column import Rows
from gpuflow.plan.source import ColumnStatistics

from . import decode, footers
from .footer_rewrite import with_decimals
from .footers import Footer

SUFFIXES = (".parquet", ".pq", ".parq")


class ParquetSplit(BlockSplit):
    """Some row groups, of one file or of several small ones. Carries no footer: a worker reads it when it needs it."""

    def _decoded(self, piece: Piece, names: list[str], wanted: Rows | None) -> dict[str, Column]:
        if piece.file.remote or sum(piece.counts) < decode.ROWS:
            return {}
        footer, types = footers.footer(piece.file), {name: self.schema[name] for name in names}
        return decode.read_columns(piece.file, footer, piece.blocks, piece.counts, wanted, types)

    def _table(self, file: File, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        footer = footers.footer(file)
        present = [name for name in names if name in footer.names]
        if footer.sealed and (odd := footer.int96_of(present)):  # their bytes cannot be had, and nanoseconds would wrap around
            raise failure(file.path, "it is INT96 beside encrypted columns, which is not read; leave it out", column=odd)
        texts = [name for name in present if self.schema[name] == t.STRING]
        coded = [name for name in texts if footer.coded(blocks, name)]
        # a reader that is to give 64-bit offsets gives no codes
        plain = [name for name in texts if name not in coded]
        rest = [name for name in present if name not in plain]
        stored = footer.unmade or footer.metadata
        found = _read(file, stored, blocks, rest, read_dictionary=coded) if rest or not plain else None
        if plain:
            strings = _read(file, footer.plain, blocks, plain, binary_type=pa.large_binary())
            for name in plain:
                found = strings.select([name]) if found is None else found.append_column(name, strings.column(name))
        assert found is not None
        return with_decimals(found, footer.schema) if footer.unmade else found


def _read(file: File, metadata: Any, blocks: tuple[int, ...], names: list[str], **options: Any) -> pa.Table:
    row_group: int | None = blocks[0] if len(blocks) == 1 else None
    column: str | None = names[0] if len(names) == 1 else None
    try:
        with footers.open_parquet(file, metadata=metadata, **options) as opened:
            try:
                return opened.read_row_groups(list(blocks), columns=names, use_threads=False)
            except FAILURES:
                for row_group in blocks:  # once more, piece by piece, to tell which one it was
                    for column in names:
                        opened.read_row_groups([row_group], columns=[column], use_threads=False)
                raise
    except FAILURES as e:
        raise told(file, e, row_group=row_group, column=column) from e


class ParquetSource(BlockSource):
    """Parquet files with one schema. See `gpuflow.io.scan_parquet`."""

    what, suffixes, magic, split = "Parquet", SUFFIXES, b"PAR1", ParquetSplit

    def _look(self) -> list[Layout]:
        self.footers: list[Footer] = footers.read_footers(self.files)
        return [replace(footer.layout, schema=footer.typed(self.options.int96_unit)) for footer in self.footers]

    def _stored(self, file: int, block: int, column: str) -> ColumnStatistics:
        footer, dtype = self.footers[file], self.schema[column]
        stored = footer.types.get(column)
        if stored is None:
            return ColumnStatistics()
        known = footer.statistics(block, column, stored)
        # whole numbers and decimals of one scale stay the same when they are widened; ticks of another unit do not
        same = stored == dtype or (stored.is_integer and dtype.is_integer)
        same = same or (stored.is_decimal and dtype.is_decimal and stored.scale == dtype.scale)
        return known if same else ColumnStatistics(nulls=known.nulls)
