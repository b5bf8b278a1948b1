"""Suggest what to write instead of keyword arguments of other libraries' functions for reading files."""

from __future__ import annotations

_SELECT = "choose columns of the frame, as in scan(...).select('x', 'y'): only those are read"
_RENAME = 'rename columns of the frame, as in scan(...).rename({{"a": "b"}})'
_FILTER = "filter the frame, as in scan(...).filter(...)"
_NEEDLESS = "leave it out: it has no meaning here, where reading is split into partitions by itself"
_SYSTEM = "write storage_options={{...}}, or filesystem="
_INDEX = "leave it out: rows have no index; row_index_name= numbers them"

EVERYWHERE: dict[str, str] = {
    "columns": _SELECT, "usecols": _SELECT, "projection": _SELECT, "include_columns": _SELECT,
    "filters": _FILTER, "filter": _FILTER, "where": _FILTER, "predicate": _FILTER,
    "nrows": "write n_rows=100", "limit": "write n_rows=100", "max_rows": "write n_rows=100",
    "index_col": _INDEX, "set_index": _INDEX, "row_count_name": "write row_index_name=",
    "row_count_offset": "write row_index_offset=", "filename": "write include_file_paths=\"name of a column\"",
    "include_path_column": "write include_file_paths=\"name of a column\"", "path_column": "write include_file_paths=",
    "fs": "write filesystem=", "credential_provider": _SYSTEM, "retries": _SYSTEM,
    "dtype": "write schema=, or cast columns of the frame", "partitioning": "write hive_partitioning=, hive_schema=",
    "hive_types": "write hive_schema=", "union_by_name": "write missing_columns=\"insert\"",
    "nan_as_null": "write .fill_nan(None) in the query",
    "engine": _NEEDLESS, "use_pyarrow": _NEEDLESS, "low_memory": _NEEDLESS, "rechunk": _NEEDLESS, "cache": _NEEDLESS,
    "use_threads": _NEEDLESS, "n_threads": _NEEDLESS, "parallel": _NEEDLESS, "memory_map": _NEEDLESS, "blocksize": _NEEDLESS,
    "batch_size": _NEEDLESS, "chunksize": _NEEDLESS, "iterator": _NEEDLESS, "block_size": _NEEDLESS,
    "split_row_groups": _NEEDLESS, "use_statistics": _NEEDLESS, "dtype_backend": _NEEDLESS, "verbose": _NEEDLESS,
}  # fmt: skip
"""Suggestion by the argument's name in Polars, pandas, pyarrow, DuckDB or Dask."""

_TYPES = "write schema_overrides={{'x': gf.Int32}}; or schema=, which names all columns"
_HEADER = "write has_header=False, and new_columns=[...] for names"
_CAST = 'cast columns of the frame, as in scan(...).with_columns(day=gf.col("day").str.strptime(gf.Date, "%d.%m.%Y"))'
_BAD = "write ignore_errors=True to leave such lines out, or truncate_ragged_lines=True to cut them"
_COMPRESSION = "leave it out: compression is known by the name of the file, or its first bytes"
_NULLS = "write null_values= for further null values; empty fields are null, but for strings with empty_string_is_null=False"

CSV = EVERYWHERE | {
    "sep": "write separator=';'", "delimiter": "write separator=';'", "delim": "write separator=';'",
    "field_delimiter": "write separator=';'", "dialect": "write separator=, quote_char=, eol_char=",
    "delim_whitespace": "write separator=\"\\t\", or another; runs of blanks are no separator",
    "header": _HEADER, "names": "write new_columns=[...]", "column_names": "write new_columns=[...]", "prefix": _RENAME,
    "with_column_names": _RENAME, "mangle_dupe_cols": "leave it out: the second of two names becomes a_duplicated_0",
    "dtype": _TYPES, "dtypes": _TYPES, "types": _TYPES, "column_types": _TYPES, "converters": _CAST, "infer_schema":
    "write infer_schema_length=0, which makes all columns strings", "auto_detect": "write infer_schema_length=0",
    "all_varchar": "write infer_schema_length=0", "sample_size": "write infer_schema_length=1000", "infer_schema_files":
    "leave it out: the beginnings of ten files are looked at, or with infer_schema_length=None all of all files",
    "parse_dates": "write try_parse_dates=True, which is the default, or cast: " + _CAST, "date_format": _CAST,
    "date_parser": _CAST, "dayfirst": _CAST, "dateformat": _CAST, "timestampformat": _CAST, "infer_datetime_format": _CAST,
    "na_values": "write null_values='NA'", "nullstr": "write null_values='NA'",
    "null_value": "write null_values='NA'", "na_filter": _NULLS,
    "keep_default_na": _NULLS, "missing_utf8_is_empty_string": "write empty_string_is_null=False", "force_not_null": _NULLS,
    "strings_can_be_null": _NULLS, "skiprows": "write skip_rows=1", "skip": "write skip_rows=1", "skipfooter":
    "cut rows of the frame, as in scan(...).head(n)", "skip_blank_lines":
    "leave it out: lines without anything are left out, unless there is one column", "comment": "write comment_prefix='#'",
    "comment_char": "write comment_prefix='#'", "quotechar": "write quote_char=", "quote": "write quote_char=", "quoting":
    "write quote_char=None where quotes mean nothing", "doublequote": "leave it out: two quotes in a quoted field are one",
    "escapechar": "leave it out: two quotes in a quoted field are one; text with other escapes must be changed before it is read",
    "escape": "leave it out: two quotes in a quoted field are one; text with other escapes must be changed before it is read",
    "lineterminator": "write eol_char=", "new_line": "write eol_char=", "decimal": "write decimal_comma=True",
    "decimal_separator": "write decimal_comma=True", "decimal_point": "write decimal_comma=True",
    "thousands_separator": "write thousands=','", "compression": _COMPRESSION, "encoding_errors": "write encoding=\"utf8-lossy\"",
    "on_bad_lines": _BAD, "error_bad_lines": _BAD, "invalid_row_handler": _BAD, "null_padding":
    "leave it out: rows with too few fields are filled up with nulls", "raise_if_empty":
    "leave it out: a file without a header is an error; look at its size before",
    "true_values": "leave it out: true, True and TRUE are; cast others, as in gf.col(\"a\") == \"yes\"",
    "false_values": "leave it out: false, False and FALSE are; cast others, as in gf.col(\"a\") == \"yes\"",
    "skipinitialspace": "leave it out: blanks around numbers mean nothing; .str.strip_chars() strips those of strings",
    "float_precision": _NEEDLESS, "cache_dates": _NEEDLESS, "autogenerate_column_names": _HEADER, "buffer_size": _NEEDLESS,
}  # fmt: skip

JSON = EVERYWHERE | {
    "lines": "leave it out: lines and documents are told apart by what the file holds",
    "orient": "leave it out: objects are rows", "union_by_name": "leave it out: a key that an object lacks is null",
    "dtype": _TYPES, "dtypes": _TYPES, "convert_dates": _CAST, "compression": _COMPRESSION, "encoding":
    "leave it out: JSON is UTF-8", "sample_size": "write infer_schema_length=1000", "format": "leave it out: it is found out",
}  # fmt: skip

_UNIT = "write int96_unit=; other times of Parquet have units of their own"
WAYS: dict[str, dict[str, str]] = {
    "scan_csv": CSV,
    "scan_ndjson": JSON,
    "scan_json": JSON,
    "scan_parquet": EVERYWHERE | {"time_unit": _UNIT, "coerce_int96_timestamp_unit": _UNIT},
    "scan_orc": EVERYWHERE | {"int96_unit": "write time_unit="},
}
"""Suggestions by function; the other functions use `EVERYWHERE`."""
