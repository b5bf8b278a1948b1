"""Sources over Parquet files: scanning reads footers, partitions are some row groups, and only needed columns are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Column

from gpuflow.io.datasets.blocks import BlockSource, BlockSplit, Layout, Piece
from gpuflow.io.datasets.failures import FAILURES, wrap_error
from gpuflow.io.datasets.files import File, failure
from gpuflow.io.datasets.to_column import RowNumbers
from gpuflow.plan.source import ColumnStatistics

from . import decode, footers
from .footer_rewrite import with_decimals
from .footers import Footer

SUFFIXES = (".parquet", ".pq", ".parq")


class ParquetSplit(BlockSplit):
    """Some row groups, of one file or of several small ones; the footer is not pickled, workers read it themselves."""

    def _decoded(self, piece: Piece, names: list[str], selected: RowNumbers | None) -> dict[str, Column]:
        if piece.file.remote or sum(piece.counts) < decode.ROWS:
            return {}
        footer, types = footers.footer(piece.file), {name: self.schema[name] for name in names}
        return decode.read_columns(piece.file, footer, piece.blocks, piece.counts, selected, types)

    def _table(self, file: File, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        footer = footers.footer(file)
        present = [name for name in names if name in footer.names]
        if footer.sealed and (odd := footer.int96_of(present)):  # the footer cannot be rewritten, and nanoseconds would wrap
            # around
            raise failure(file.path, "it is INT96 beside encrypted columns, which is not read; leave it out", column=odd)
        texts = [name for name in present if self.schema[name] == t.STRING]
        coded = [name for name in texts if footer.coded(blocks, name)]
        # pyarrow's reader returns either 64-bit offsets or codes
        plain = [name for name in texts if name not in coded]
        rest = [name for name in present if name not in plain]
        stored = footer.unmade or footer.metadata
        table = _read(file, stored, blocks, rest, read_dictionary=coded) if rest or not plain else None
        if plain:
            strings = _read(file, footer.plain, blocks, plain, binary_type=pa.large_binary())
            for name in plain:
                table = strings.select([name]) if table is None else table.append_column(name, strings.column(name))
        assert table is not None
        return with_decimals(table, footer.schema) if footer.unmade else table


def _read(file: File, metadata: Any, blocks: tuple[int, ...], names: list[str], **options: Any) -> pa.Table:
    row_group: int | None = blocks[0] if len(blocks) == 1 else None
    column: str | None = names[0] if len(names) == 1 else None
    try:
        with footers.open_parquet(file, metadata=metadata, **options) as opened:
            try:
                return opened.read_row_groups(list(blocks), columns=names, use_threads=False)
            except FAILURES:
                for row_group in blocks:  # read one by one, to find the damaged one
                    for column in names:
                        opened.read_row_groups([row_group], columns=[column], use_threads=False)
                raise
    except FAILURES as e:
        raise wrap_error(file, e, row_group=row_group, column=column) from e


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
        statistics = footer.statistics(block, column, stored)
        # widening keeps the values of integers and of decimals of one scale, but not ticks of another unit
        same = stored == dtype or (stored.is_integer and dtype.is_integer)
        same = same or (stored.is_decimal and dtype.is_decimal and stored.scale == dtype.scale)
        return statistics if same else ColumnStatistics(nulls=statistics.nulls)
