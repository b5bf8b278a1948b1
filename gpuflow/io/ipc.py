"""Sources over Arrow IPC files (Feather version 2) and streams; local files are mapped into memory.

A partition is some record batches of a file. A stream has no table of contents, and so is one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from .datasets.blocks import BlockSource, BlockSplit, Layout
from .datasets.failures import FAILURES, failure, wrap_error
from .datasets.files import File, in_threads

SUFFIXES = (".arrow", ".feather", ".ipc", ".arrows")
_MAGIC, _CONTINUED = b"ARROW1", b"\xff\xff\xff\xff"


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    handle = file.open()
    with pa.PythonFile(handle, "r") if file.remote else pa.memory_map(handle) as stream:
        yield stream


def _reader(stream: Any, columns: Sequence[str] | None = None) -> Any:
    """Open an IPC file or stream, recognised by its first bytes, for these columns."""
    magic = bytes(stream.read(len(_MAGIC)))
    stream.seek(0)
    old = 0 < int.from_bytes(magic[:4], "little") < stream.size()  # before Arrow 0.15 a stream began with a length
    if magic != _MAGIC and not magic.startswith(_CONTINUED) and not old:
        raise ValueError("it is no Arrow IPC file or stream: it does not begin like one")
    open_ = pa.ipc.open_file if magic == _MAGIC else pa.ipc.open_stream
    reader = open_(stream)
    if columns is None:
        return reader
    positions = [reader.schema.get_field_index(name) for name in columns]
    stream.seek(0)
    return open_(stream, options=pa.ipc.IpcReadOptions(included_fields=positions, use_threads=False))


class IpcSplit(BlockSplit):
    """Some record batches."""

    raw = True

    def _table(self, file: File, blocks: tuple[int, ...], names: list[str]) -> pa.Table:
        try:
            with _opened(file) as stream:
                schema = _reader(stream).schema
                stream.seek(0)
                present = [name for name in names if name in schema.names]
                if not present:
                    return pa.table({})
                reader = _reader(stream, present)
                if isinstance(reader, pa.RecordBatchFileReader):
                    table = pa.Table.from_batches([reader.get_batch(i) for i in blocks], reader.schema)
                else:
                    table = reader.read_all()
                return table.select(present)
        except FAILURES as e:
            raise wrap_error(file, e) from e


class IpcSource(BlockSource):
    """Arrow IPC files and streams with one schema. See `gpuflow.io.scan_ipc`."""

    what, suffixes, magic, split = "Arrow IPC", SUFFIXES, _MAGIC, IpcSplit

    def _look(self) -> list[Layout]:
        return in_threads(_look, self.files)


def _look(file: File) -> Layout:
    """Read the schema and the number of rows of every batch; at most one column is read."""
    try:
        with _opened(file) as stream:
            schema = _reader(stream).schema
            stream.seek(0)
            one = schema.names[:1] if len(set(schema.names)) == len(schema) else []
            reader = _reader(stream, one or None)
            if isinstance(reader, pa.RecordBatchFileReader):
                rows = tuple(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
            else:
                rows = (sum(batch.num_rows for batch in reader),)
    except FAILURES as e:
        if isinstance(e, pa.ArrowException):
            raise failure(file.path, f"it is no whole Arrow IPC file: {e}") from e
        raise wrap_error(file, e) from e
    whole = max(1, sum(rows))
    return Layout(schema.remove_metadata(), rows, tuple(file.size * n // whole for n in rows))
