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
from gpuflow.errors import ColumnNotFoundError, GpuflowError, PlanError, TypeMismatchError, UnsupportedError
from gpuflow.io.datasets import remote
from gpuflow.io.datasets.failures import write_failure, writing
from gpuflow.io.datasets.files import HIVE_NULL, home, text_of
from gpuflow.io.datasets.partitions import refuse_duplicates
from gpuflow.schema import Schema

from . import atomic
from .encoders import CsvEncoder, Encoder, IpcEncoder, NdjsonEncoder, ParquetEncoder, Write

Path = str | os.PathLike[str]
ROW_GROUP_ROWS = 500_000
BATCH_ROWS = 65_536
"""Rows converted at once to text, or to a batch of an Arrow file."""
_OPEN_FILES = 200
_SOME = {"bool": "false", "date": "1970-01-01"}
"""Values of keys for the folder of a table without rows, from which a scan infers their types."""


def write_parquet(
    data: Any,
    path: Path,
    *,
    schema: Schema | None = None,
    row_group_size: int = ROW_GROUP_ROWS,
    compression: str = "snappy",
    compression_level: int | None = None,
    statistics: bool = True,
    partition_by: str | Sequence[str] = (),
    overwrite: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> None:
    """Write a table to a Parquet file, or to a folder of files partitioned by columns.

    The data first goes to a hidden name beside `path` and takes that name when it is whole, so that a reader never sees
    half a table, and a failure leaves what was there before. Pages carry checksums.

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
    compression_level : int, optional
        As the compression has it.
    statistics : bool
        Whether least and greatest values are written, by which readers skip row groups.
    partition_by : str or list of str
        Columns (bool, whole numbers, date, string) that become folders ``name=value``, and stand in the folders' names only.
        Values are percent-encoded.
    overwrite : bool
        Whether something at `path` may be replaced. A folder is only replaced when it holds nothing but such files.
    storage_options : mapping, optional
        Options for the remote file system.
    filesystem : fsspec or pyarrow file system, optional
        Where `path` is.

    Raises
    ------
    PlanError
        When `path` exists and must not be replaced, or a column to partition by does not fit.
    WriteError
        When a file cannot be written: the disk is full, a folder cannot be made, a server does not answer.

    Examples
    --------
    >>> import tempfile, pyarrow as pa
    >>> from gpuflow.io import scan_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_parquet(pa.table({"year": [2013, 2014], "n": [1, 2]}), f"{folder}/t", partition_by="year")
    ...     scan_parquet(f"{folder}/t").schema
    Schema(n: int64, year: int64)
    """
    encoder = ParquetEncoder(row_group_size, compression, compression_level, statistics)
    _write(data, path, encoder, schema, partition_by, overwrite, storage_options, filesystem)


def write_csv(
    data: Any,
    path: Path,
    *,
    schema: Schema | None = None,
    include_header: bool = True,
    separator: str = ",",
    null_value: str = "",
    quote_style: str = "necessary",
    compression: str | None = None,
    partition_by: str | Sequence[str] = (),
    overwrite: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> None:
    """Write a table as delimited text, in UTF-8. `write_parquet` tells what is not told here.

    Floats always have a point, so that they are read as floats; instants are written in UTC, durations as ticks.

    Parameters
    ----------
    data, path, schema, partition_by, overwrite, storage_options, filesystem
        See `write_parquet`.
    include_header : bool
        Whether names stand in the first line.
    separator : str
        One character.
    null_value : str
        What is written for null. A string that looks the same is quoted, which tells it apart.
    quote_style : {"necessary", "always", "non_numeric", "never"}
        Which fields stand in quotes.
    compression : str, optional
        ``gzip``, ``bz2``, ``zstd`` or ``none``; as the name of the file says otherwise.

    Examples
    --------
    >>> import pathlib, tempfile, pyarrow as pa
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(pa.table({"x": [1.0, None], "s": ["a,b", ""]}), f"{folder}/a.csv")
    ...     print(pathlib.Path(folder, "a.csv").read_text(), end="")
    x,s
    1.0,"a,b"
    ,""
    """
    encoder = CsvEncoder(compression, separator, include_header, null_value, quote_style)
    _write(data, path, encoder, schema, partition_by, overwrite, storage_options, filesystem)


def write_ndjson(
    data: Any,
    path: Path,
    *,
    schema: Schema | None = None,
    compression: str | None = None,
    partition_by: str | Sequence[str] = (),
    overwrite: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> None:
    """Write a table as JSON lines, one object for each row. NaN and infinities, which JSON lacks, become null; lists become
    arrays, structs objects, and maps arrays of objects with a ``key`` and a ``value``.

    Parameters
    ----------
    data, path, schema, partition_by, overwrite, storage_options, filesystem
        See `write_parquet`.
    compression : str, optional
        ``gzip``, ``bz2``, ``zstd`` or ``none``; as the name of the file says otherwise.

    Examples
    --------
    >>> import pathlib, tempfile, pyarrow as pa
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ndjson(pa.table({"x": [1, None], "s": ['"', "é"]}), f"{folder}/a.ndjson")
    ...     print(pathlib.Path(folder, "a.ndjson").read_text(encoding="utf8"), end="")
    {"x":1,"s":"\\""}
    {"x":null,"s":"é"}
    """
    _write(data, path, NdjsonEncoder(compression), schema, partition_by, overwrite, storage_options, filesystem)


def write_ipc(
    data: Any,
    path: Path,
    *,
    schema: Schema | None = None,
    compression: str = "none",
    partition_by: str | Sequence[str] = (),
    overwrite: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> None:
    """Write a table to an Arrow IPC file (Feather version 2), which is mapped into memory when it is read.

    Parameters
    ----------
    data, path, schema, partition_by, overwrite, storage_options, filesystem
        See `write_parquet`.
    compression : {"none", "lz4", "zstd"}

    Examples
    --------
    >>> import tempfile, pyarrow as pa
    >>> from gpuflow.io import scan_ipc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ipc(pa.table({"x": [1, None]}), f"{folder}/a.arrow")
    ...     scan_ipc(f"{folder}/a.arrow").rows()
    2
    """
    _write(data, path, IpcEncoder(compression), schema, partition_by, overwrite, storage_options, filesystem)


def _write(
    data: Any,
    path: Path,
    encoder: Encoder,
    schema: Schema | None,
    partition_by: str | Sequence[str],
    overwrite: bool,
    storage: Mapping[str, Any] | None,
    filesystem: Any,
) -> None:
    schema, chunks = _chunks(data, schema)
    refuse_duplicates(schema, "the table", "rename one")
    keys = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
    _check_keys(keys, schema)
    stored = Schema({name: kind for name, kind in schema.items() if name not in keys})
    encoder.check(convert.arrow_schema(stored))
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
    from gpuflow.io.memory.from_any import from_any

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
    arrow = convert.arrow_schema(schema)
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
    arrow = convert.arrow_schema({name: schema[name] for i, name in enumerate(schema) if i in stored})
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
