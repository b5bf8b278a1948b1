"""Writing Parquet: whole files or nothing, and never outside the folder that was named."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk, Column

from gpuflow.errors import ColumnNotFoundError, GpuflowError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.schema import Schema

from . import convert
from .files import HIVE_NULL
from .partitions import refuse_duplicates

ROW_GROUP_ROWS = 500_000
_OPEN_FILES = 200


def write_parquet(
    data: Any,
    path: str | os.PathLike[str],
    *,
    schema: Schema | None = None,
    row_group_size: int = ROW_GROUP_ROWS,
    compression: str = "snappy",
    partition_by: str | Sequence[str] = (),
    overwrite: bool = True,
    storage_options: dict[str, Any] | None = None,
) -> None:
    """Write a table to a Parquet file, or to a folder of files partitioned by columns.

    The data first goes to a temporary name beside `path` and is moved there when it is whole, so that a reader never
    sees half a table, and a failure leaves what was there before.

    Parameters
    ----------
    data : Table, Arrow table, or iterable of Chunk
        What to write; chunks need `schema`, and may be made while they are written.
    path : path or URL
        A file; with `partition_by` a folder.
    schema : Schema, optional
        Names and types of chunks.
    row_group_size : int
        Rows of a row group, the least that can be read.
    compression : str
        ``snappy``, ``zstd``, ``lz4``, ``gzip``, ``brotli`` or ``none``.
    partition_by : str or list of str
        Columns (bool, whole numbers, date, string) that become folders ``name=value``, and stand in the folders' names only.
        Values are percent-encoded.
    overwrite : bool
        Whether something at `path` may be replaced. A folder is only replaced when it holds nothing but Parquet files.
    storage_options : dict, optional
        Options for the remote file system.

    Raises
    ------
    PlanError
        When `path` exists and must not be replaced, or a column to partition by does not fit.

    Examples
    --------
    >>> import tempfile, pyarrow as pa
    >>> from gpuflow.io import scan_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_parquet(pa.table({"year": [2013, 2014], "n": [1, 2]}), f"{folder}/t", partition_by="year")
    ...     scan_parquet(f"{folder}/t").schema
    Schema(n: int64, year: int64)
    """
    schema, chunks = _chunks(data, schema)
    refuse_duplicates(schema, "the table", "rename one")
    if compression not in _COMPRESSIONS:
        raise TypeMismatchError(f"compression={compression!r} is not one of {', '.join(_COMPRESSIONS)}")
    if not isinstance(row_group_size, int) or row_group_size < 1:
        raise TypeMismatchError(f"row_group_size={row_group_size!r} is not a whole number of at least 1")
    keys = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
    _check_keys(keys, schema)
    options = {"row_group_size": row_group_size, "compression": compression}
    target = os.fspath(path)
    if "://" in target and not target.startswith("file://"):
        if keys:
            raise UnsupportedError("partition_by writes to local folders only; write there and copy the folder")
        _write_remote(chunks, schema, target, overwrite, storage_options or {}, options)
        return
    target = os.path.abspath(os.path.expanduser(target.removeprefix("file://")))
    _check_target(target, overwrite, folder=bool(keys))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{uuid.uuid4().hex}.tmp")
    try:
        if keys:
            _write_folder(chunks, schema, keys, temporary, options)
            if os.path.isdir(target):
                os.rename(target, temporary + ".old")
        else:
            with _writer(temporary, schema, options) as write:
                for chunk in chunks:
                    write(chunk)
        os.replace(temporary, target)
    finally:
        _remove(temporary)
        _remove(temporary + ".old")


_COMPRESSIONS = ("snappy", "zstd", "lz4", "gzip", "brotli", "none")


def _chunks(data: Any, schema: Schema | None) -> tuple[Schema, Iterable[Chunk]]:
    if hasattr(data, "__gpuflow_source__"):
        data = data.__gpuflow_source__()
        return data.schema, data.chunks
    if schema is not None:
        return schema, [data] if isinstance(data, Chunk) else data
    from .adopt import from_any

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


def _check_target(target: str, overwrite: bool, folder: bool) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise PlanError(f"{target!r} exists; pass overwrite=True to replace it")
    if os.path.isdir(target) and not os.path.islink(target):
        if not folder:
            raise PlanError(f"{target!r} is a folder; name a file in it, or give partition_by to write a folder")
        for _, _, names in os.walk(target):
            other = [name for name in names if not name.endswith(".parquet")]
            if other:
                raise PlanError(f"{target!r} holds {other[0]!r}, no Parquet file: it is not replaced; name another folder")
    elif folder:
        raise PlanError(f"{target!r} is a file; partition_by writes a folder")


@contextmanager
def _writer(target: Any, schema: Schema, options: dict[str, Any]) -> Iterator[Any]:
    """A function that appends chunks to one file. Small chunks are gathered to whole row groups."""
    arrow = convert.arrow_schema(schema)
    size = options["row_group_size"]
    with pq.ParquetWriter(target, arrow, compression=options["compression"], write_page_checksum=True) as writer:
        waiting: list[pa.RecordBatch] = []
        held = 0

        def flush(least: int) -> None:
            nonlocal waiting, held
            while held >= least and held:
                table = pa.Table.from_batches(waiting, arrow)
                writer.write_table(table.slice(0, size), row_group_size=size)
                rest = table.slice(size)
                waiting, held = rest.to_batches(), rest.num_rows

        def write(chunk: Chunk) -> None:
            nonlocal held
            for start in range(0, chunk.length, size):
                stop = min(start + size, chunk.length)
                part = chunk.take(slice(start, stop), stop - start)
                arrays = [convert.to_arrow(column) for column in part.columns]
                waiting.append(pa.RecordBatch.from_arrays(arrays, schema=arrow))
                held += part.length
                flush(size)

        yield write
        flush(1)


def _write_remote(
    chunks: Iterable[Chunk], schema: Schema, url: str, overwrite: bool, storage: dict[str, Any], options: dict[str, Any]
) -> None:
    import fsspec.core

    filesystem, path = fsspec.core.url_to_fs(url, **storage)
    if not overwrite and filesystem.exists(path):
        raise PlanError(f"{url!r} exists; pass overwrite=True to replace it")
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"  # not all stores publish a file only when it is closed
    try:
        with filesystem.open(temporary, "wb") as stream, _writer(stream, schema, options) as write:
            for chunk in chunks:
                write(chunk)
        filesystem.mv(temporary, path)
    except BaseException:
        if filesystem.exists(temporary):
            filesystem.rm(temporary)
        raise


def _write_folder(chunks: Iterable[Chunk], schema: Schema, keys: tuple[str, ...], root: str, options: dict[str, Any]) -> None:
    """One folder for each combination of keys; more than a few hundred open files are closed and continued in a next part."""
    positions = [schema.position(key) for key in keys]
    stored = tuple(i for i in range(len(schema)) if i not in positions)
    inner = Schema({name: schema[name] for i, name in enumerate(schema) if i in stored})
    os.makedirs(root)
    open_files: dict[str, tuple[ExitStack, Any]] = {}
    parts: dict[str, int] = {}
    with ExitStack() as everything:
        for chunk in chunks:
            columns = [convert.to_host(chunk.columns[i]) for i in positions]
            for values, rows in _groups(columns, chunk.length):
                folder = _folder(root, keys, values)
                if folder not in open_files:
                    if len(open_files) >= _OPEN_FILES:
                        open_files.pop(next(iter(open_files)))[0].close()
                    os.makedirs(folder, exist_ok=True)
                    number = parts[folder] = parts.get(folder, -1) + 1
                    file = everything.enter_context(ExitStack())
                    path = os.path.join(folder, f"part-{number}.parquet")
                    open_files[folder] = file, file.enter_context(_writer(path, inner, options))
                open_files[folder][1](chunk.select(stored).take(rows, len(rows)))


def _groups(columns: list[Column], count: int) -> Iterator[tuple[list[str | None], np.ndarray[Any, Any]]]:
    """The rows of each combination of key values, in their order, with the values as text."""
    combined = np.zeros(count, np.int64)
    for column in columns:
        _, codes = np.unique(column.values, return_inverse=True)
        if column.validity is not None:
            codes = np.where(column.validity, codes, -1)
        # numbered anew at each key, so that the product cannot overflow
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


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)
