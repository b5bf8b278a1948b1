"""The ``scan_`` functions for files of columns, which load what reads them when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gpuflow.docstrings import parameters_as_in

if TYPE_CHECKING:
    from gpuflow_kernels.dtypes import DType

    from .datasets.files import Paths
    from .ipc import IpcSource
    from .orc import OrcSource
    from .parquet.source import ParquetSource

__all__ = ["scan_ipc", "scan_orc", "scan_parquet"]


def scan_parquet(
    paths: Paths,
    *,
    n_rows: int | None = None,
    row_index_name: str | None = None,
    row_index_offset: int = 0,
    hive_partitioning: bool = True,
    hive_schema: Mapping[str, DType | str] | None = None,
    try_parse_hive_dates: bool = True,
    schema: Mapping[str, DType | str] | None = None,
    missing_columns: str = "raise",
    extra_columns: str = "raise",
    wide_decimals: str = "exact",
    int96_unit: str | None = None,
    include_file_paths: str | None = None,
    glob: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> ParquetSource:
    """Scan Parquet files: only footers are read now.

    Files need not be alike: columns may stand in any order, and numbers and points in time of different widths meet in
    a type that holds all of them.

    Parameters
    ----------
    paths : path, bytes, open file, or list of those
        A file, a folder (searched recursively; names that begin with ``_`` or ``.`` are passed over), a glob, or a URL of
        any file system that fsspec knows; the content of a file as bytes; or an open file, which is read now, from where it
        stands.
    n_rows : int, optional
        Only so many rows, the first ones, before any filter.
    row_index_name : str, optional
        Adds a column of this name in front, int64: the number of each row, from `row_index_offset` on.
    row_index_offset : int
        The number of the first row.
    hive_partitioning : bool
        Whether folders named ``key=value`` become columns. Names and values are percent-decoded, and
        ``__HIVE_DEFAULT_PARTITION__`` is null.
    hive_schema : mapping of str to DType or type name, optional
        Types of such columns; guessed otherwise (int64, date, bool, string).
    try_parse_hive_dates : bool
        Whether dates are guessed.
    schema : mapping of str to DType or type name, optional
        The columns and their types; otherwise those of the first file, widened where other files need it.
    missing_columns : {"raise", "insert"}
        ``insert``: a column that a file lacks is null there.
    extra_columns : {"raise", "ignore", "insert"}
        Of columns that the first file (or `schema`) lacks. ``ignore`` leaves them out; ``insert`` adds them, null in files
        without them: with ``missing_columns="insert"`` that is the union of all columns.
    wide_decimals : {"exact", "narrow", "float64", "string"}
        What decimals of more than 18 digits are read as: ``Decimal(38, scale)``; ``Decimal(18, scale)``, where a value that does
        not fit is an error; the nearest floats; or text. Those of more than 38 digits only pass through unless they are read as
        floats or text.
    int96_unit : {"us", "ns", "ms", "s"}, optional
        What timestamps stored as INT96 are read as; otherwise in the unit that Arrow's writer noted, or in microseconds. A value
        that the unit does not hold exactly is an error.
    include_file_paths : str, optional
        Adds a column of this name: the path of the file that each row comes from. Filters on it skip files.
    glob : bool
        Whether a name that does not exist may be a glob.
    storage_options : mapping, optional
        Options for the remote file system.
    filesystem : fsspec or pyarrow file system, optional
        Where `paths` are.

    Raises
    ------
    ReadError
        When nothing is there, a file is no whole Parquet file, or files differ in columns or types; with the file's name
        and the column's.
    DuplicateNameError
        When two columns have one name.

    Examples
    --------
    >>> import os, tempfile, pyarrow as pa, pyarrow.parquet as pq
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for year in (2013, 2014):
    ...         os.mkdir(f"{folder}/year={year}")
    ...         pq.write_table(pa.table({"n": [year % 100, 1]}), f"{folder}/year={year}/a.parquet")
    ...     scan_parquet(folder, row_index_name="row").schema
    Schema(row: int64, n: int64, year: int64)
    """
    from .datasets.options import ScanOptions
    from .parquet.source import ParquetSource

    return ParquetSource(
        paths,
        ScanOptions(
            glob=glob,
            storage_options=storage_options,
            filesystem=filesystem,
            hive_partitioning=hive_partitioning,
            hive_schema=hive_schema,
            try_parse_hive_dates=try_parse_hive_dates,
            include_file_paths=include_file_paths,
            row_index_name=row_index_name,
            row_index_offset=row_index_offset,
            n_rows=n_rows,
            schema=schema,
            missing_columns=missing_columns,
            extra_columns=extra_columns,
            wide_decimals=wide_decimals,
            int96_unit=int96_unit,
        ),
    )


@parameters_as_in(scan_parquet)
def scan_ipc(
    paths: Paths,
    *,
    n_rows: int | None = None,
    row_index_name: str | None = None,
    row_index_offset: int = 0,
    hive_partitioning: bool = True,
    hive_schema: Mapping[str, DType | str] | None = None,
    try_parse_hive_dates: bool = True,
    schema: Mapping[str, DType | str] | None = None,
    missing_columns: str = "raise",
    extra_columns: str = "raise",
    wide_decimals: str = "exact",
    include_file_paths: str | None = None,
    glob: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> IpcSource:
    """Scan Arrow IPC files (Feather version 2) and streams, mapped into memory and validated when read.

    Examples
    --------
    >>> import tempfile, pyarrow as pa, pyarrow.feather
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pyarrow.feather.write_feather(pa.table({"x": [1, None]}), f"{folder}/a.arrow")
    ...     scan_ipc(f"{folder}/a.arrow", row_index_name="row").schema
    Schema(row: int64, x: int64)
    """
    from .datasets.options import ScanOptions
    from .ipc import IpcSource

    return IpcSource(
        paths,
        ScanOptions(
            glob=glob,
            storage_options=storage_options,
            filesystem=filesystem,
            hive_partitioning=hive_partitioning,
            hive_schema=hive_schema,
            try_parse_hive_dates=try_parse_hive_dates,
            include_file_paths=include_file_paths,
            row_index_name=row_index_name,
            row_index_offset=row_index_offset,
            n_rows=n_rows,
            schema=schema,
            missing_columns=missing_columns,
            extra_columns=extra_columns,
            wide_decimals=wide_decimals,
        ),
    )


@parameters_as_in(scan_parquet)
def scan_orc(
    paths: Paths,
    *,
    n_rows: int | None = None,
    row_index_name: str | None = None,
    row_index_offset: int = 0,
    hive_partitioning: bool = True,
    hive_schema: Mapping[str, DType | str] | None = None,
    try_parse_hive_dates: bool = True,
    schema: Mapping[str, DType | str] | None = None,
    missing_columns: str = "raise",
    extra_columns: str = "raise",
    wide_decimals: str = "exact",
    time_unit: str = "ns",
    include_file_paths: str | None = None,
    glob: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> OrcSource:
    """Scan ORC files.

    Parameters
    ----------
    time_unit : {"ns", "us", "ms", "s"}
        What points in time are read as; nanoseconds reach from 1677 to 2262 only. Values beyond them are read by pyorc, where it
        is installed. A value that the unit does not hold exactly is an error.

    Examples
    --------
    >>> import tempfile, pyarrow as pa, pyarrow.orc
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pyarrow.orc.write_table(pa.table({"x": [1, None]}), f"{folder}/a.orc")
    ...     scan_orc(f"{folder}/a.orc", row_index_name="row").schema
    Schema(row: int64, x: int64)
    """
    from .datasets.options import ScanOptions
    from .orc import OrcSource

    return OrcSource(
        paths,
        ScanOptions(
            glob=glob,
            storage_options=storage_options,
            filesystem=filesystem,
            hive_partitioning=hive_partitioning,
            hive_schema=hive_schema,
            try_parse_hive_dates=try_parse_hive_dates,
            include_file_paths=include_file_paths,
            row_index_name=row_index_name,
            row_index_offset=row_index_offset,
            n_rows=n_rows,
            schema=schema,
            missing_columns=missing_columns,
            extra_columns=extra_columns,
            wide_decimals=wide_decimals,
            time_unit=time_unit,
        ),
    )
