"""The ``scan_`` functions for files of text, which load what reads them when they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gpuflow.docstrings import parameters_as_in
from gpuflow.io.scan import scan_parquet

if TYPE_CHECKING:
    from gpuflow_kernels.dtypes import DType

    from gpuflow.io.datasets.files import Paths

    from .csv import CsvSource
    from .ndjson import NdjsonSource


@parameters_as_in(scan_parquet)
def scan_csv(
    paths: Paths,
    *,
    separator: str = ",",
    has_header: bool = True,
    quote_char: str | None = '"',
    comment_prefix: str | None = None,
    eol_char: str = "\n",
    skip_lines: int = 0,
    skip_rows: int = 0,
    skip_rows_after_header: int = 0,
    schema: Mapping[str, DType | str] | None = None,
    schema_overrides: Mapping[str, DType | str] | Sequence[DType | str] | None = None,
    new_columns: Sequence[str] | None = None,
    null_values: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    empty_string_is_null: bool = True,
    try_parse_dates: bool = True,
    decimal_comma: bool = False,
    thousands: str | None = None,
    infer_schema_length: int | None = 10_000,
    truncate_ragged_lines: bool = False,
    ignore_errors: bool = False,
    encoding: str = "utf8",
    n_rows: int | None = None,
    row_index_name: str | None = None,
    row_index_offset: int = 0,
    hive_partitioning: bool = True,
    hive_schema: Mapping[str, DType | str] | None = None,
    try_parse_hive_dates: bool = True,
    missing_columns: str = "raise",
    extra_columns: str = "raise",
    include_file_paths: str | None = None,
    glob: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> CsvSource:
    """Scan delimited text, plain or compressed: types are found in the first rows.

    Compression (gzip, bz2, zstd, xz, or a zip archive of one file) is recognised by name or content. The beginnings of ten
    files at most are looked at. Whole numbers beyond int64 are uint64 where that holds all of them, else an error that names
    the column. Beside fractions they are float64, which rounds those beyond 2**53: give such a column the type decimal or
    string in `schema_overrides`. A line without anything is a null where there is one column, else it is left out. A row with
    too few fields is filled up with nulls. Of repeated names in the header, the second becomes ``a_duplicated_0``.

    Parameters
    ----------
    separator : str
        One character, or several.
    has_header : bool
        Whether the first line names the columns; else they are ``column_0``, ``column_1``, …, as many as the widest row has.
    quote_char : str or None
        None when fields are never quoted.
    comment_prefix : str, optional
        Records that begin so are left out; in quotes it is text like any other.
    eol_char : str
        How lines end: a newline, with or without a return before it; or any other character. Returns alone end lines of a
        file that has no newline.
    skip_lines : int
        Lines to pass over before everything else, quotes or not.
    skip_rows : int
        Rows to pass over before the header: lines in quotes belong together, and comments do not count.
    skip_rows_after_header : int
        Rows to pass over below the header.
    schema : mapping of str to DType or type name, optional
        Names and types of all columns; without a header in the order of the file. Nothing is guessed then.
    schema_overrides : mapping of str to DType or type name, or list of those, optional
        Types of columns that are not to be guessed, by name, or from the first column on.
    new_columns : list of str, optional
        Names in place of the first ones of the header: that of the first file, where columns of others stand in another order.
    null_values : str, list of str, or mapping of column names to either; optional
        Fields that mean null where they stand without quotes, as an empty one does.
    empty_string_is_null : bool
        Whether an empty field without quotes is null in a column of strings; else it is an empty string.
    try_parse_dates : bool
        Whether ISO dates and timestamps become such; else they stay strings.
    decimal_comma : bool
        Whether numbers have a comma for their decimal point.
    thousands : str, optional
        The character that sets thousands apart in numbers: groups of three digits, or of two before the last group.
    infer_schema_length : int or None
        How many rows types are found in; None reads every file once for it.
    truncate_ragged_lines : bool
        Whether fields beyond the last column are left out; else they are an error.
    ignore_errors : bool
        Leave out rows with too many fields, and make null what does not fit the type of its column.
    encoding : str
        ``utf8``, ``utf8-lossy`` (bytes that are no UTF-8 become ``�``), or another that Python knows.
    missing_columns : {"raise", "insert"}
        ``insert``: a column of the first file (or of `schema`) that another lacks is null there.
    extra_columns : {"raise", "ignore"}
        ``ignore``: columns that the first file (or `schema`) lacks are left out.

    Raises
    ------
    ReadError
        When nothing is there or the text is malformed, now or when it is read; with file, line and column where known.
    DuplicateNameError
        When two columns have one name.

    Notes
    -----
    One file is one partition. With `n_rows`, or with numbered rows of several files, all files are one.

    Examples
    --------
    >>> scan_csv(b"day;n;n\\n2024-02-29;1,5;2\\n2024-03-01;-\\n", separator=";", decimal_comma=True, null_values="-").schema
    Schema(day: date, n: float64, n_duplicated_0: int64)
    """
    from gpuflow.io.datasets.options import ScanOptions

    from .csv import CsvSource

    return CsvSource(
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
        ),
        separator=separator,
        has_header=has_header,
        quote_char=quote_char,
        comment_prefix=comment_prefix,
        eol_char=eol_char,
        skip_lines=skip_lines,
        skip_rows=skip_rows,
        skip_rows_after_header=skip_rows_after_header,
        null_values=null_values,
        empty_string_is_null=empty_string_is_null,
        try_parse_dates=try_parse_dates,
        decimal_comma=decimal_comma,
        thousands=thousands,
        encoding=encoding,
        new_columns=new_columns,
        schema_overrides=schema_overrides,
        infer_schema_length=infer_schema_length,
        truncate_ragged_lines=truncate_ragged_lines,
        ignore_errors=ignore_errors,
    )


@parameters_as_in(scan_parquet)
def scan_ndjson(
    paths: Paths,
    *,
    schema: Mapping[str, DType | str] | None = None,
    schema_overrides: Mapping[str, DType | str] | None = None,
    infer_schema_length: int | str | None = "auto",
    ignore_errors: bool = False,
    extra_columns: str = "raise",
    n_rows: int | None = None,
    row_index_name: str | None = None,
    row_index_offset: int = 0,
    hive_partitioning: bool = True,
    hive_schema: Mapping[str, DType | str] | None = None,
    try_parse_hive_dates: bool = True,
    include_file_paths: str | None = None,
    glob: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> NdjsonSource:
    """Scan JSON lines, plain or compressed: one object on each line, whose fields are columns.

    A key that an object lacks is null. Dates and times are strings unless a type is given for them. Values without a type in
    common are text, as they are written in the file, and so is everything in a column that is to be a string. A file that begins
    with ``[`` is one array of objects. A key that stands twice in an object with two values is an error. Whole numbers beside
    fractions are float64, which rounds those beyond 2**53. A file without objects has no rows and, without `schema`, no columns.

    Parameters
    ----------
    schema : mapping of str to DType or type name, optional
        The columns to read and their types; nothing is guessed then.
    schema_overrides : mapping of str to DType or type name, optional
        Types of columns that are not to be guessed.
    infer_schema_length : int, "auto" or None
        How many lines of each of ten files columns and types are found in; None reads every file once for it. ``auto`` does so
        for files of 16 MiB together, and looks at 10,000 lines of larger ones.
    ignore_errors : bool
        Leave out lines that are no JSON objects, and keys that were not found; of a key that stands twice take the first value;
        make null what does not fit the type of its column: that of its first value, where lines that types are found in differ.
    extra_columns : {"raise", "ignore"}
        What becomes of keys that no line has in which columns were looked for, also within objects: an error that names the line,
        when they are met by a query that reads all columns, or that object; or they are left out.

    Raises
    ------
    ReadError
        When nothing is there or a line is malformed, now or when it is read; with file, line and column.

    Notes
    -----
    One file is one partition. With `n_rows`, or with numbered rows of several files, all files are one.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.ndjson")
    ...     _ = path.write_text('{"day": "2024-02-29", "n": 1}\\n{"n": 2.5}\\n')
    ...     scan_ndjson(path, schema_overrides={"day": "date"}).schema
    Schema(day: date, n: float64)
    """
    from gpuflow.io.datasets.options import ScanOptions

    from .ndjson import NdjsonSource

    return NdjsonSource(
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
        ),
        schema_overrides=schema_overrides,
        infer_schema_length=infer_schema_length,
        ignore_errors=ignore_errors,
        extra_columns=extra_columns,
    )


@parameters_as_in(scan_ndjson)
def scan_json(
    paths: Paths,
    *,
    schema: Mapping[str, DType | str] | None = None,
    schema_overrides: Mapping[str, DType | str] | None = None,
    infer_schema_length: int | str | None = "auto",
    ignore_errors: bool = False,
    extra_columns: str = "raise",
    n_rows: int | None = None,
    row_index_name: str | None = None,
    row_index_offset: int = 0,
    hive_partitioning: bool = True,
    hive_schema: Mapping[str, DType | str] | None = None,
    try_parse_hive_dates: bool = True,
    include_file_paths: str | None = None,
    glob: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    filesystem: Any = None,
) -> NdjsonSource:
    """Scan JSON documents: an array of objects, or objects one behind another, over any lines. One object is one row.

    `scan_ndjson` is faster where every object stands on a line of its own.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.json")
    ...     _ = path.write_text('[\\n  {"a": 1,\\n   "b": "x"},\\n  {"a": 2}\\n]')
    ...     scan_json(path).schema
    Schema(a: int64, b: string)
    """
    from gpuflow.io.datasets.options import ScanOptions

    from .ndjson import NdjsonSource

    return NdjsonSource(
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
        ),
        schema_overrides=schema_overrides,
        infer_schema_length=infer_schema_length,
        ignore_errors=ignore_errors,
        extra_columns=extra_columns,
        document=True,
    )
