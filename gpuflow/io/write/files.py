"""Write tables, whole files and folders or nothing, and never outside of the named folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column

from gpuflow.arrow import convert
from gpuflow.arrow.dictionaries import distinct_column
from gpuflow.arrow.schema import arrow_schema
from gpuflow.errors import ColumnNotFoundError, GpuflowError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.io.datasets import remote
from gpuflow.io.datasets.failures import write_failure, writing
from gpuflow.io.datasets.files import HIVE_NULL, home, text_of
from gpuflow.io.datasets.partition_rows import refuse_duplicates
from gpuflow.schema import Schema

from . import atomic
from .encoders import Encoder, Write

Path = str | os.PathLike[str]
BATCH_ROWS = 65_536
"""Rows converted at once to text, or to a batch of an Arrow file."""
_OPEN_FILES = 200
_SOME = {"bool": "false", "date": "1970-01-01"}
"""Values of keys for the folder of a table without rows, from which a scan infers their types."""


def write_table(
    data: Any,
    path: Path,
    encoder: Encoder,
    schema: Schema | None,
    partition_by: str | Sequence[str],
    overwrite: bool,
    storage: Mapping[str, Any] | None,
    filesystem: Any,
) -> None:
    """Write a table as an encoder does, to a file, or to a folder of files partitioned by the columns `partition_by`."""
    schema, chunks = _chunks(data, schema)
    refuse_duplicates(schema, "the table", "rename one")
    keys = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
    _check_keys(keys, schema)
    stored = Schema({name: kind for name, kind in schema.items() if name not in keys})
    encoder.check(arrow_schema(stored))
    target = text_of(path, encoder.suffix.removeprefix("."))
    system = remote.given(filesystem)
    if target.endswith(("/", os.sep)) and not keys:
        raise PlanError(f"{target!r} ends like a folder; name a file in it, or give partition_by to write a folder")
    if system is not None or remote.is_remote(target):
        if keys:
            raise UnsupportedError("partition_by writes to local folders only; write there and copy the folder")
        with writing(target):
            system, inner = remote.locate(target, storage or {}, system)
        atomic.remote_file(target, overwrite, system, inner, lambda to: _write_file(chunks, schema, encoder, to, target))
        return
    target = os.path.abspath(home(remote.local_path(target)))
    if "\0" in target:
        raise write_failure(target, "a name holds no zero bytes")
    try:
        os.fsencode(target)
    except UnicodeEncodeError:
        raise write_failure(ascii(target), "half a character stands in the name, which no file system takes") from None
    if keys:
        fill = partial(_write_folder, chunks, schema, keys, target, encoder)
        atomic.local_folder(target, overwrite, encoder.suffix, fill)
    else:
        target = os.path.realpath(target)  # the file behind a link is replaced, not the link
        atomic.local_file(target, overwrite, lambda to: _write_file(chunks, schema, encoder, to, target))


def _chunks(data: Any, schema: Schema | None) -> tuple[Schema, Iterable[Chunk]]:
    if hasattr(data, "__gpuflow_source__"):
        data = data.__gpuflow_source__()
        return data.schema, data.chunks
    if schema is not None:
        return schema, [data] if isinstance(data, Chunk) else data
    from gpuflow.io.in_memory.from_any import from_any

    source = from_any(data)
    if source.unsupported:
        name, reason = next(iter(source.unsupported.items()))
        raise UnsupportedError(f"column {name!r} cannot be written: {reason}")
    return source.schema, (split.read(tuple(source.schema)) for split in source.splits(None))


def _check_keys(keys: tuple[str, ...], schema: Schema) -> None:
    refuse_duplicates(keys, "partition_by", "name each column once")
    for key in keys:
        if key not in schema:
            raise ColumnNotFoundError(f"partition_by names {key!r}, which is no column; columns are {list(schema)}", column=key)
        if not (schema[key].is_integer or schema[key].kind in ("bool", "date", "string")):
            raise TypeMismatchError(
                f"partition_by column {key!r} is {schema[key]}; folders are made of bool, whole numbers, date and string"
            )
    if keys and len(keys) == len(schema):
        raise PlanError("partition_by names every column; at least one must be left to be written into the files")


def _write_file(chunks: Iterable[Chunk], schema: Schema, encoder: Encoder, target: Any, path: str) -> None:
    arrow = arrow_schema(schema)
    with _opened(encoder, target, arrow, path) as write:
        for chunk in chunks:
            _append(write, chunk, arrow)


@contextmanager
def _opened(encoder: Encoder, target: Any, arrow: pa.Schema, path: str) -> Iterator[Write]:
    """Open a file and yield a function that appends batches; only failures of writing become `WriteError`."""
    file = encoder.opened(target, arrow, path)
    with writing(path):
        write: Write = file.__enter__()

    def guarded(batch: pa.RecordBatch) -> None:
        with writing(path):
            write(batch)

    try:
        yield guarded
    except BaseException as e:
        with suppress(Exception):  # what went wrong first is what is raised
            file.__exit__(type(e), e, e.__traceback__)
        raise
    with writing(path):
        file.__exit__(None, None, None)


def _append(write: Write, chunk: Chunk, arrow: pa.Schema) -> None:
    """Append the rows of a chunk some at a time: their conversion to Arrow is a copy, and may be larger."""
    for start in range(0, chunk.length, BATCH_ROWS):
        stop = min(start + BATCH_ROWS, chunk.length)
        part = chunk.take(slice(start, stop), stop - start)
        write(pa.RecordBatch.from_arrays([convert.to_arrow(column) for column in part.columns], schema=arrow))


def _write_folder(
    chunks: Iterable[Chunk], schema: Schema, keys: tuple[str, ...], target: str, encoder: Encoder, root: str
) -> None:
    """Write a folder for each combination of keys below `root`, which is renamed to `target` later.

    With more than `_OPEN_FILES` files open, the oldest is closed, and continued in a next part."""
    positions = [schema.position(key) for key in keys]
    stored = tuple(i for i in range(len(schema)) if i not in positions)
    arrow = arrow_schema({name: schema[name] for i, name in enumerate(schema) if i in stored})
    open_files: dict[str, tuple[ExitStack, Write]] = {}
    parts: dict[str, int] = {}
    with ExitStack() as everything:

        def part(values: list[str | None]) -> Write:
            folder = _folder(root, keys, values)
            if folder not in open_files:
                if len(open_files) >= _OPEN_FILES:
                    open_files.pop(next(iter(open_files)))[0].close()
                number = parts[folder] = parts.get(folder, -1) + 1
                file = everything.enter_context(ExitStack())
                path = os.path.join(folder, f"part-{number}{encoder.suffix}")
                final = os.path.join(target, os.path.relpath(path, root))
                with writing(final):
                    os.makedirs(folder, exist_ok=True)
                open_files[folder] = file, file.enter_context(_opened(encoder, path, arrow, final))
            return open_files[folder][1]

        for chunk in chunks:
            columns = [distinct_column(convert.to_host(chunk.columns[i])) for i in positions]
            for values, rows in _groups(columns, chunk.length) if chunk.length else ():
                _append(part(values), chunk.select(stored).take(rows, len(rows)), arrow)
        if not parts:  # a folder without files says nothing of columns and types
            part([_SOME.get(schema[key].kind, None if schema[key] == t.STRING else "0") for key in keys])


def _groups(columns: list[Column], count: int) -> Iterator[tuple[list[str | None], np.ndarray[Any, Any]]]:
    """Yield the rows of each combination of key values, in their order, with the values as text."""
    combined = np.zeros(count, np.int64)
    for column in columns:
        _, codes = np.unique(column.values, return_inverse=True)
        if column.validity is not None:
            codes = np.where(column.validity, codes, -1)
        # renumbered for each key, so that the product cannot overflow
        _, combined = np.unique(combined * (int(codes.max(initial=0)) + 2) + codes + 1, return_inverse=True)
    order = np.argsort(combined, kind="stable")
    starts = np.flatnonzero(np.diff(combined[order], prepend=-1))
    for start, stop in zip(starts, [*starts[1:], count], strict=True):
        rows = order[start:stop]
        yield [_text(column, int(rows[0])) for column in columns], rows


def _text(column: Column, row: int) -> str | None:
    if column.validity is not None and not column.validity[row]:
        return None
    value = convert.to_arrow(column.take(slice(row, row + 1)))[0].as_py()
    return str(value).lower() if column.dtype == t.BOOL else str(value)


def _folder(root: str, keys: tuple[str, ...], values: list[str | None]) -> str:
    names = []
    for key, value in zip(keys, values, strict=True):
        text = HIVE_NULL if value is None else _encode(value)
        if value == HIVE_NULL:  # the text that means null, meant as text
            text = "%5F" + text[1:]
        name = f"{_encode(key)}={text}"
        names.append("%2E" + name[1:] if name.startswith(".") else name)  # a name with a dot in front is hidden
    folder = os.path.join(root, *names)
    if os.path.commonpath([os.path.realpath(folder), os.path.realpath(root)]) != os.path.realpath(root):
        raise GpuflowError(f"partition values {values!r} would be written outside of {root!r}")
    if any(len(name.encode()) > 255 for name in names):
        raise PlanError(f"a partition value is too long for a folder name ({max(len(n.encode()) for n in names)} bytes)")
    return folder


def _encode(text: str) -> str:
    return quote(text, safe=" ")
