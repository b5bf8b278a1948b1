"""Delimited text as a source: one partition for each file, types found in its first megabytes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
from gpuflow_kernels import dtypes as t
from gpuflow_kernels.column import Chunk
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import ColumnNotFoundError, ReadError, TypeMismatchError
from gpuflow.plan.source import Source, Split
from gpuflow.schema import Schema

from . import convert, files
from .files import File, failure
from .partitions import refuse_duplicates, supported

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")
INFER_BYTES = 8 << 20


@dataclass(frozen=True)
class Dialect:
    """How the text is written. Picklable."""

    separator: str
    has_header: bool
    null_values: tuple[str, ...]
    quote: str | None
    skip_rows: int
    encoding: str
    names: tuple[str, ...]

    def read(self, block: int | None = None, threads: bool = False) -> pacsv.ReadOptions:
        options = pacsv.ReadOptions(use_threads=threads, skip_rows=self.skip_rows, encoding=self.encoding)
        if block:
            options.block_size = block
        if self.names:  # the header line, if there is one, is passed over
            options.column_names = list(self.names)
            options.skip_rows = self.skip_rows + self.has_header
        else:
            options.autogenerate_column_names = not self.has_header
        return options

    def parse(self) -> pacsv.ParseOptions:
        return pacsv.ParseOptions(
            delimiter=self.separator, quote_char=self.quote or False, newlines_in_values=self.quote is not None
        )  # fmt: skip

    def convert(self, types: Mapping[str, pa.DataType], columns: Sequence[str] | None = None) -> pacsv.ConvertOptions:
        return pacsv.ConvertOptions(
            column_types=dict(types),
            null_values=list(self.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=list(columns) if columns is not None else None,
        )


class CsvSplit(Split):
    """One file."""

    rows = None

    def __init__(self, file: File, dialect: Dialect, types: dict[str, pa.DataType], schema: Schema, threads: bool) -> None:
        self.file, self.dialect, self.types, self.schema, self.threads = file, dialect, types, schema, threads
        self.nbytes = file.size

    def __repr__(self) -> str:
        return f"CsvSplit({self.file.path})"

    def read(self, columns: tuple[str, ...]) -> Chunk:
        # without columns one is still read, to count the rows
        wanted = columns or tuple(self.types)[:1]
        try:
            table = self._table(wanted, self.threads)
        except (pa.ArrowException, OSError, ValueError) as e:
            if isinstance(e, (MemoryError, ReadError)):
                raise
            raise self._explain(e, wanted) from e
        made = []
        for name in columns:
            column = convert.from_arrow(table.column(name))
            if column.dtype != self.schema[name]:
                raise failure(self.file.path, f"it holds {column.dtype}, {self.schema[name]} was expected", column=name)
            made.append(column)
        return Chunk(tuple(made), table.num_rows)

    def _table(self, columns: Sequence[str], threads: bool) -> pa.Table:
        with _stream(self.file) as stream:
            read, parse = self.dialect.read(threads=threads), self.dialect.parse()
            return pacsv.read_csv(stream, read, parse, self.dialect.convert(self.types, columns))

    def _explain(self, error: Exception, columns: Sequence[str]) -> ReadError:
        if self.threads and "Row #" not in str(error):  # only one thread alone knows the line
            try:
                self._table(columns, threads=False)
            except (pa.ArrowException, OSError, ValueError) as again:
                error = again
        return _explain(self.file, error, self.types)


def _stream(file: File) -> pa.NativeFile:
    handle = file.open()
    stream = pa.PythonFile(handle, "r") if file.remote else pa.OSFile(handle)
    return pa.CompressedInputStream(stream, "gzip") if file.path.endswith(".gz") else stream


def _explain(file: File, error: Exception, types: Mapping[str, Any]) -> ReadError:
    """What went wrong, where, and what to do."""
    text = str(error)
    position = re.search(r"In CSV column #(\d+)", text)
    column = None
    if position and int(position.group(1)) < len(types):
        column = list(types)[int(position.group(1))]
        text += f". Give its type: scan_csv(..., schema_overrides={{{column!r}: 'string'}}), or null_values=[...]"
    elif "Expected" in text and "columns" in text:
        text += ". Look at the separator and the quotes of that line"
    return failure(file.path, text, column=column)


class CsvSource(Source):
    """Delimited text files with one header. See `gpuflow.io.scan_csv`."""

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
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
    ) -> None:
        for what, value in (("separator", separator), ("quote_char", quote_char)):
            if value is not None and (not isinstance(value, str) or len(value.encode()) != 1):
                raise TypeMismatchError(f"{what} must be one ASCII character, not {value!r}")
        nulls = (null_values,) if isinstance(null_values, str) else tuple(null_values)
        self.dialect = Dialect(separator, has_header, nulls, quote_char, skip_rows, encoding, tuple(column_names))
        self.files = files.find(paths, suffixes=SUFFIXES, what="CSV", options=storage_options)
        found = self._infer(self.files[0])
        refuse_duplicates(found.names, self.files[0].path, "name the columns yourself: scan_csv(..., column_names=[...])")
        for file in self.files[1:]:
            other = self._infer(file)
            if other.names != found.names:
                raise failure(file.path, f"its columns are {other.names}, those of {self.files[0].path} {found.names}")
            found = pa.schema([_wider(a, b) for a, b in zip(found, other, strict=True)])
        self.types = {f.name: _usable(f.type, try_parse_dates) for f in found}
        for name, asked in (schema_overrides or {}).items():
            if name not in self.types:
                raise ColumnNotFoundError(
                    f"schema_overrides names {name!r}, which {self.files[0].path} does not have; it has {list(self.types)}",
                    column=name,
                )
            self.types[name] = _asked(name, asked)
        self.schema, self.unsupported = supported(pa.schema(list(self.types.items())))
        self.token = "csv-" + files.identity(self.files, self.dialect, self.schema)
        self.label = files.label("csv", paths, self.files)

    def __repr__(self) -> str:
        return f"CsvSource({self.label})"

    def _infer(self, file: File) -> pa.Schema:
        try:
            with _stream(file) as stream:
                options = self.dialect.read(INFER_BYTES), self.dialect.parse(), self.dialect.convert({})
                with pacsv.open_csv(stream, *options) as reader:
                    return self._named(reader.schema)
        except (pa.ArrowException, OSError, ValueError) as e:
            if isinstance(e, (MemoryError, ReadError)):
                raise
            raise _explain(file, e, {}) from e

    def _named(self, schema: pa.Schema) -> pa.Schema:
        if self.dialect.has_header or self.dialect.names:
            return schema
        # as Polars names them: column_1, column_2, ...
        return pa.schema([f.with_name(f"column_{i + 1}") for i, f in enumerate(schema)])

    def rows(self) -> None:
        return None

    def splits(self, predicate: Any, partition_rows: int | None = None) -> list[Split]:
        dialect = self.dialect
        if not dialect.names and not dialect.has_header:
            dialect = replace(dialect, names=tuple(self.types))
        alone = len(self.files) == 1
        return [CsvSplit(file, dialect, self.types, self.schema, threads=alone) for file in self.files]


def _usable(arrow: pa.DataType, dates: bool) -> pa.DataType:
    """The type to read a column as, given what its beginning looks like."""
    if pa.types.is_null(arrow) or pa.types.is_time(arrow) or pa.types.is_binary(arrow):
        return pa.string()  # nothing but nulls so far may be followed by anything
    if not dates and (pa.types.is_date(arrow) or pa.types.is_timestamp(arrow)):
        return pa.string()
    return arrow


def _wider(a: pa.Field, b: pa.Field) -> pa.Field:
    """One type for what two files hold under one name."""
    if a.type == b.type or pa.types.is_null(b.type):
        return a
    if pa.types.is_null(a.type):
        return b
    x, y = convert.dtype_of(a.type), convert.dtype_of(b.type)
    both = t.common(x, y) if x and y else None
    return a.with_type(convert.arrow_type(both) if both and both != t.STRING else pa.string())


def _asked(name: str, asked: DType | str) -> pa.DataType:
    dtype = t.BY_NAME.get(asked) if isinstance(asked, str) else asked
    if not isinstance(dtype, DType):
        raise TypeMismatchError(f"schema_overrides: {asked!r} for {name!r} is no type; types are {', '.join(t.BY_NAME)}")
    return pa.string() if dtype == t.STRING else convert.arrow_type(dtype)
