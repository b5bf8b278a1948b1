"""The ``write_`` functions, which load what writes when they are called."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gpuflow.docstrings import parameters_as_in

if TYPE_CHECKING:
    from gpuflow.schema import Schema

ROW_GROUP_ROWS = 500_000


def write_parquet(
    data: Any,
    path: str | os.PathLike[str],
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
    from .encoders import ParquetEncoder
    from .files import write_table

    encoder = ParquetEncoder(row_group_size, compression, compression_level, statistics)
    write_table(data, path, encoder, schema, partition_by, overwrite, storage_options, filesystem)


@parameters_as_in(write_parquet)
def write_csv(
    data: Any,
    path: str | os.PathLike[str],
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
    """Write a table as delimited text, in UTF-8.

    Floats always have a point, so that they are read as floats; instants are written in UTC, durations as ticks.

    Parameters
    ----------
    include_header : bool
        Whether names stand in the first line.
    separator : str
        One character.
    null_value : str
        What is written for null. A string that looks the same is quoted.
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
    from .encoders import CsvEncoder
    from .files import write_table

    encoder = CsvEncoder(compression, separator, include_header, null_value, quote_style)
    write_table(data, path, encoder, schema, partition_by, overwrite, storage_options, filesystem)


@parameters_as_in(write_parquet)
def write_ndjson(
    data: Any,
    path: str | os.PathLike[str],
    *,
    schema: Schema | None = None,
    compression: str | None = None,
    partition_by: str | Sequence[str] = (),
    overwrite: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> None:
    """Write a table as JSON lines, one object for each row.

    NaN and infinities, which JSON lacks, become null; lists become arrays, structs objects, and maps arrays of objects with a
    ``key`` and a ``value``.

    Parameters
    ----------
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
    from .encoders import NdjsonEncoder
    from .files import write_table

    write_table(data, path, NdjsonEncoder(compression), schema, partition_by, overwrite, storage_options, filesystem)


@parameters_as_in(write_parquet)
def write_ipc(
    data: Any,
    path: str | os.PathLike[str],
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
    compression : {"none", "lz4", "zstd"}
        A compressed file is decompressed when it is read, not mapped.

    Examples
    --------
    >>> import tempfile, pyarrow as pa
    >>> from gpuflow.io import scan_ipc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ipc(pa.table({"x": [1, None]}), f"{folder}/a.arrow")
    ...     scan_ipc(f"{folder}/a.arrow").rows()
    2
    """
    from .encoders import IpcEncoder
    from .files import write_table

    write_table(data, path, IpcEncoder(compression), schema, partition_by, overwrite, storage_options, filesystem)
