"""Reading and writing tables. Every ``scan_`` and ``from_`` function returns a `gpuflow.plan.source.Source`.

The functions load what they need when they are called: importing this module imports no library.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpuflow_kernels.dtypes import DType

    from .csv import CsvSource
    from .ipc import IpcSource
    from .memory import MemorySource
    from .parquet import ParquetSource

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

__all__ = [
    "from_any",
    "from_arrow",
    "from_cupy",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "scan_csv",
    "scan_ipc",
    "scan_parquet",
    "write_parquet",
]


def scan_parquet(
    paths: Paths,
    *,
    storage_options: Mapping[str, Any] | None = None,
    hive: bool = True,
    hive_schema: Mapping[str, DType] | None = None,
) -> ParquetSource:
    """Parquet files: only footers are read now.

    Parameters
    ----------
    paths : path or list of paths
        A file, a folder (searched recursively; names that begin with ``_`` or ``.`` are passed over), a glob, a URL of
        any file system that fsspec knows, or a list of those.
    storage_options : mapping, optional
        Options for the remote file system.
    hive : bool
        Whether folders named ``key=value`` become columns.
    hive_schema : mapping of str to DType, optional
        Types of such columns; guessed otherwise (int64, date, bool, string).

    Raises
    ------
    ReadError
        When nothing is there, a file is no whole Parquet file, or files differ in columns or types.
    DuplicateNameError
        When two columns have one name.
    """
    from .parquet import ParquetSource

    return ParquetSource(paths, storage_options=storage_options, use_hive=hive, hive_schema=hive_schema)


def scan_csv(
    paths: Paths,
    *,
    separator: str = ",",
    has_header: bool = True,
    null_values: str | Sequence[str] = ("",),
    schema_overrides: Mapping[str, DType | str] | None = None,
    try_parse_dates: bool = True,
    quote_char: str | None = '"',
    skip_rows: int = 0,
    encoding: str = "utf8",
    column_names: Sequence[str] = (),
    storage_options: Mapping[str, Any] | None = None,
) -> CsvSource:
    """Delimited text, plain or gzip: types are found in the first 8 MB of each file. One file is one partition.

    Parameters
    ----------
    paths : path or list of paths
        As for `scan_parquet`.
    separator : str
        One character.
    has_header : bool
        Whether the first line names the columns; else they are ``column_1``, ``column_2``, …
    null_values : str or list of str
        Fields that mean null where they stand without quotes.
    schema_overrides : mapping of str to DType or type name, optional
        Types of columns that are not to be guessed.
    try_parse_dates : bool
        Whether ISO dates and timestamps become such; else they stay strings.
    quote_char : str or None
        None when fields are never quoted.
    skip_rows : int
        Lines to pass over before the header.
    encoding : str
        Of the text.
    column_names : list of str
        Names in place of those in the header.
    storage_options : mapping, optional
        Options for the remote file system.

    Raises
    ------
    ReadError
        When nothing is there or the text is malformed, with the line where known.
    DuplicateNameError
        When two columns have one name.
    """
    from .csv import CsvSource

    return CsvSource(
        paths,
        separator=separator,
        has_header=has_header,
        null_values=null_values,
        schema_overrides=schema_overrides,
        try_parse_dates=try_parse_dates,
        quote_char=quote_char,
        skip_rows=skip_rows,
        encoding=encoding,
        column_names=column_names,
        storage_options=storage_options,
    )


def scan_ipc(paths: Paths, *, storage_options: Mapping[str, Any] | None = None) -> IpcSource:
    """Arrow IPC files (Feather version 2), mapped into memory and validated when read. See `scan_parquet` for `paths`."""
    from .ipc import IpcSource

    return IpcSource(paths, storage_options=storage_options)


def from_arrow(data: Any) -> MemorySource:
    """A pyarrow Table, RecordBatch or RecordBatchReader, or any object with ``__arrow_c_stream__``; numbers are shared.

    Data is validated in full, column by column, when a query first uses it.
    """
    from . import adopt

    return adopt.from_arrow(data)


def from_pandas(data: Any) -> MemorySource:
    """A pandas DataFrame, without its index. NaN in a plain float column stays a value; NA, None and NaT are null."""
    from . import adopt

    return adopt.from_pandas(data)


def from_polars(data: Any) -> MemorySource:
    """A Polars DataFrame; numbers are shared."""
    from . import adopt

    return adopt.from_polars(data)


def from_numpy(data: Mapping[str, Any]) -> MemorySource:
    """A mapping of names to one-dimensional arrays or lists; contiguous numbers are shared. NaT and masked are null."""
    from . import adopt

    return adopt.from_numpy(data)


def from_cupy(data: Mapping[str, Any]) -> MemorySource:
    """A mapping of names to device arrays (``__cuda_array_interface__``), which stay on the device."""
    from . import adopt

    return adopt.from_cupy(data)


def from_any(data: Any) -> Any:
    """A source over any table in memory that is recognised, or the source itself."""
    from . import adopt

    return adopt.from_any(data)


def write_parquet(data: Any, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a table to a Parquet file or a partitioned folder; options as in `gpuflow.io.write.write_parquet`."""
    from . import write

    write.write_parquet(data, path, **options)
