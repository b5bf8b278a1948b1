"""Sources over ORC files; a partition is some stripes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc

from gpuflow.arrow.passthrough import parts
from gpuflow.arrow.schema import arrow_type

from . import orc_times
from .datasets.blocks import BlockSource, BlockSplit, Layout
from .datasets.failures import FAILURES, wrap_error
from .datasets.files import File, in_threads

SUFFIXES = (".orc",)


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    handle = file.open()
    with pa.PythonFile(handle, "r") if file.remote else pa.OSFile(handle) as stream:
        yield orc.ORCFile(stream)


class OrcSplit(BlockSplit):
    """Some stripes."""

    block = "stripe"

    def _table(self, file: File, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        try:
            with _opened(file) as opened:
                schema = opened.schema
                present = [name for name in names if name in schema.names]
                if not present:
                    return pa.table({})
                stripes = [orc_times.read_stripe(file, opened, i, present) for i in blocks]
        except FAILURES as e:
            raise wrap_error(file, e) from e
        columns = ([stripe[name] for stripe in stripes] for name in present)
        kinds = (arrow_type(self.schema[name]) for name in present)
        return pa.table([orc_times.concat_stripes(c, kind) for c, kind in zip(columns, kinds, strict=True)], present)


class OrcSource(BlockSource):
    """ORC files with one schema. See `gpuflow.io.scan_orc`."""

    what, suffixes, magic, split = "ORC", SUFFIXES, b"ORC", OrcSplit

    def _look(self) -> list[Layout]:
        unit = self.options.time_unit
        return [replace(layout, schema=orc_times.in_unit(layout.schema, unit)) for layout in in_threads(_look, self.files)]


def _look(file: File) -> Layout:
    """Read the schema and the number of rows of every stripe; for several stripes this reads the narrowest column."""
    try:
        with _opened(file) as opened:
            schema, count, rows = opened.schema, opened.nstripes, opened.nrows
            if count <= 1 or not len(schema):
                stripes: tuple[int, ...] = (rows,) if count else ()
            else:
                name = min(schema, key=_width).name
                stripes = tuple(orc_times.rows_of_stripe(file, opened, i, name) for i in range(count))
    except FAILURES as e:
        raise wrap_error(file, e) from e
    whole = max(1, sum(stripes))
    return Layout(schema.remove_metadata(), stripes, tuple(file.size * n // whole for n in stripes))


def _width(field: pa.Field) -> tuple[bool, int]:
    times = any(map(pa.types.is_timestamp, parts(field.type)))  # pyarrow may be unable to read them
    try:
        return times, int(field.type.bit_width)
    except ValueError:  # of no fixed width
        return times, 1 << 20
