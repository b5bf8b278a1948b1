"""Arrow IPC files (Feather version 2) as a source, mapped into memory; a partition is some of its record batches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from gpuflow_kernels.column import Chunk

from gpuflow.errors import ReadError
from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema

from . import convert, files
from .dictionaries import concat_columns
from .files import File, failure
from .partitions import empty_chunk, refuse_duplicates, supported, target_rows

SUFFIXES = (".arrow", ".feather", ".ipc")


def _open(file: File, columns: Sequence[str] | None = None) -> pa.RecordBatchFileReader:
    handle = file.open()
    stream = pa.PythonFile(handle, "r") if file.remote else pa.memory_map(handle)
    if columns is None:
        return pa.ipc.open_file(stream)
    whole = pa.ipc.open_file(stream).schema
    wanted = [whole.get_field_index(name) for name in columns]
    stream.seek(0)
    return pa.ipc.open_file(stream, options=pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False))


class IpcSplit(Split):
    """Some record batches of one file."""

    def __init__(self, file: File | None, batches: tuple[int, ...], schema: Schema, rows: int, nbytes: int) -> None:
        self.file, self.batches, self.schema, self.rows, self.nbytes = file, batches, schema, rows, nbytes

    def __repr__(self) -> str:
        return f"IpcSplit({self.file.path if self.file else 'empty'}, {len(self.batches)} batches, {self.rows} rows)"

    def read(self, columns: tuple[str, ...]) -> Chunk:
        if self.file is None or not columns:
            return Chunk((), self.rows or 0) if not columns else empty_chunk(self.schema, columns)
        name: str | None = None
        try:
            reader = _open(self.file, columns)
            batches = [reader.get_batch(i) for i in self.batches]
            made = []
            for name in columns:
                # offsets and codes of a file are as foreign as those of another process
                parts = [convert.from_arrow(batch.column(name), trusted=False) for batch in batches]
                made.append(concat_columns(parts))
        except (pa.ArrowException, OSError, ValueError) as e:
            if isinstance(e, (MemoryError, ReadError)):
                raise
            raise failure(self.file.path, e, column=name) from e
        return Chunk(tuple(made), self.rows or 0)


class IpcSource(Source):
    """Arrow IPC files with one schema. See `gpuflow.io.scan_ipc`."""

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.files = files.find(paths, suffixes=SUFFIXES, what="Arrow IPC", options=storage_options)
        first: pa.Schema | None = None
        self.batches: list[tuple[File, int, int]] = []
        for file in self.files:
            schema, lengths = _look(file)
            refuse_duplicates(schema.names, file.path, "write it again with other names")
            first = first or schema
            if schema.remove_metadata() != first.remove_metadata():
                raise failure(file.path, f"its columns are {_told(schema)}, those of {self.files[0].path} {_told(first)}")
            self.batches += [(file, i, rows) for i, rows in enumerate(lengths) if rows]
        assert first is not None
        self.schema, self.unsupported = supported(first)
        self.token = "ipc-" + files.identity(self.files, self.schema)
        self.label = files.label("ipc", paths, self.files)

    def __repr__(self) -> str:
        return f"IpcSource({self.label})"

    def rows(self) -> int:
        return sum(rows for _, _, rows in self.batches)

    def splits(self, predicate: Any, partition_rows: int | None = None) -> list[Split]:
        target = target_rows(self.rows(), partition_rows)
        groups: list[list[tuple[File, int, int]]] = []
        for entry in self.batches:
            held = sum(rows for _, _, rows in groups[-1]) if groups else 0
            if not groups or groups[-1][0][0] is not entry[0] or held + entry[2] - target > target - held:
                groups.append([])
            groups[-1].append(entry)
        if not groups:
            return [IpcSplit(None, (), self.schema, 0, 0)]
        return [self._split(group) for group in groups]

    def _split(self, group: list[tuple[File, int, int]]) -> IpcSplit:
        file, rows = group[0][0], sum(rows for _, _, rows in group)
        nbytes = file.size * rows // max(1, sum(r for f, _, r in self.batches if f is file))
        return IpcSplit(file, tuple(i for _, i, _ in group), self.schema, rows, nbytes)


def _told(schema: pa.Schema) -> str:
    return ", ".join(f"{f.name}: {f.type}" for f in schema)


def _look(file: File) -> tuple[pa.Schema, list[int]]:
    """Schema and number of rows of every batch; no column is read."""
    try:
        reader = _open(file)
        schema = reader.schema
        count = reader.num_record_batches
        if len(schema):  # only the first column is read for it, should the file be compressed
            reader = _open(file, schema.names[:1]) if len(set(schema.names)) == len(schema) else reader
        return schema, [reader.get_batch(i).num_rows for i in range(count)]
    except (pa.ArrowException, OSError, ValueError) as e:
        if isinstance(e, (MemoryError, ReadError)):
            raise
        hint = "it is no Arrow IPC file (the stream format without a footer: pyarrow.ipc.open_stream, then from_arrow): "
        raise failure(file.path, (hint if "Not an Arrow file" in str(e) or "magic" in str(e) else "") + str(e)) from e
