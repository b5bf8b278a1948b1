"""ORC files as a source; a partition is some stripes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc

from .blocks import BlockSource, BlockSplit, Layout
from .failures import FAILURES, told
from .files import File, in_threads

SUFFIXES = (".orc",)


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    handle = file.open()
    with pa.PythonFile(handle, "r") if file.remote else pa.OSFile(handle) as stream:
        yield orc.ORCFile(stream)


class OrcSplit(BlockSplit):
    """Some stripes."""

    def _table(self, file: File, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        try:
            with _opened(file) as opened:
                schema = opened.schema
                present = [name for name in names if name in schema.names]
                if not present:
                    return pa.table({})
                stripes = [opened.read_stripe(i, columns=_positions(schema, present)) for i in blocks]
                return pa.Table.from_batches(stripes).select(present)
        except FAILURES as e:
            raise told(file, e) from e


class OrcSource(BlockSource):
    """ORC files with one schema. See `gpuflow.io.scan_orc`."""

    what, suffixes, magic, split = "ORC", SUFFIXES, b"ORC", OrcSplit

    def _look(self) -> list[Layout]:
        return in_threads(_look, self.files)


def _positions(schema: pa.Schema, names: list[str]) -> list[int]:
    # by name a dot would lead into a struct; by position all fields of one come
    return [schema.get_field_index(name) for name in names]


def _look(file: File) -> Layout:
    """Schema and rows of every stripe; where there are several, their narrowest column is read for it."""
    try:
        with _opened(file) as opened:
            schema, count, rows = opened.schema, opened.nstripes, opened.nrows
            if count <= 1 or not len(schema):
                stripes = (rows,) if count else ()
            else:
                column = _positions(schema, [min(schema, key=_width).name])
                stripes = tuple(opened.read_stripe(i, columns=column).num_rows for i in range(count))
    except FAILURES as e:
        raise told(file, e) from e
    whole = max(1, sum(stripes))
    return Layout(schema.remove_metadata(), stripes, tuple(file.size * n // whole for n in stripes))


def _width(field: pa.Field) -> int:
    try:
        return int(field.type.bit_width)
    except ValueError:  # of no fixed width
        return 1 << 20
