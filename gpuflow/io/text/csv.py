"""Sources over delimited text: types are inferred from the first rows, errors name the line of a malformed row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa
from gpuflow_kernels.declare.choices import checked_flag
from gpuflow_kernels.dtypes import DType

from gpuflow.errors import TypeMismatchError
from gpuflow.io.datasets.files import File, Paths, failure
from gpuflow.io.datasets.options import ScanOptions, check_count
from gpuflow.io.datasets.partition_rows import refuse_duplicates
from gpuflow.schema import as_list

from .compression import with_compressed
from .csv_inference import infer
from .csv_rows import CsvOptions, CsvRows
from .decoding import checked_encoding
from .numbers import Numbers
from .records import BLOCK, Block, Records
from .source import BLOCK_BYTES, TextFormat, TextSource, refuse_other_columns

SUFFIXES = with_compressed(".csv", ".tsv", ".txt")
_LOOKED_AT = 100
"""Rows in which columns are counted, of a file without a header whose types are given."""
_THREADS = 8
"""Threads that parse blocks of one file, at most."""


@dataclass(frozen=True)
class CsvFormat(TextFormat):
    """Dialect, header and types of delimited text. Picklable.

    `names` replace the first ones of the header; `renames` maps the header of the first file to them. `columns` are all expected
    columns, once known.
    """

    how: CsvOptions = field(default_factory=CsvOptions)
    has_header: bool = True
    skip_lines: int = 0
    skip_rows: int = 0
    skip_rows_after_header: int = 0
    names: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    dates: bool = True
    missing_columns: str = "raise"
    extra_columns: str = "raise"
    block: int = BLOCK
    """Bytes parsed at once."""

    beyond: ClassVar[str] = "string"
    hint: ClassVar[str] = "name the columns yourself: scan_csv(..., new_columns=[...])"

    @property
    def has_names(self) -> bool:
        return self.has_header

    def prepared(self, file: File) -> CsvFormat:
        if not self.names or not self.has_header:
            return self
        stored = self.names_in(file)
        if len(self.names) > len(stored):
            raise failure(file.path, f"new_columns names {len(self.names)} columns, the file has {len(stored)}")
        return replace(self, renames=tuple(zip(stored, self.names, strict=False)))

    def named(self, names: Sequence[str], given: bool = False) -> CsvFormat:
        return replace(self, columns=tuple(names))

    def names_in(self, file: File) -> list[str]:
        with self.opened(file) as stream:
            records, names = self._begun(stream, file, BLOCK)
            if names is None:  # as many columns as the widest row has
                rows = records.take(_LOOKED_AT, blanks=False)
                names = [f"column_{i}" for i in range(max((len(records.fields(row)) for row, _ in rows), default=0))]
            return names

    def _begun(self, stream: Any, file: File, size: int) -> tuple[Records, list[str] | None]:
        """Read a file up to its first row; return its remaining records and the names in its header, if it has one."""
        records = Records(stream, self.how.dialect, size, strict=not self.ignore_errors)
        self.refuse_foreign(file, records.start)
        records.take(self.skip_lines, blanks=True, raw=True)
        records.take(self.skip_rows, blanks=True)
        names = None
        if self.has_header:
            head = records.take(1, blanks=False)
            if not head:
                raise failure(file.path, "Empty CSV file: it has no header")
            names = self._unique(head[0], records, file)
        records.take(self.skip_rows_after_header, blanks=False)
        return records, names

    def _unique(self, head: tuple[bytes, int], records: Records, file: File) -> list[str]:
        """Return the names in a header, renamed; a repeated name gets the suffix that Polars gives it."""
        try:
            stored = records.fields(head[0])
        except UnicodeDecodeError as e:
            hint = "Name its encoding: encoding='utf8-lossy', or another"
            raise failure(file.path, f"line {head[1]}: the header holds invalid UTF8 data. {hint}") from e
        taken, counts, unique = set(stored), dict.fromkeys(stored, -1), []
        for name in stored:
            counts[name] += 1
            while counts[name] and (other := f"{name}_duplicated_{counts[name] - 1}") in taken:
                counts[name] += 1
            unique.append(other if counts[name] else name)
        renames = dict(self.renames)
        names = [renames.get(name, name) for name in unique]
        refuse_duplicates(names, file.path, self.hint)
        return names

    def schemas(self, file: File, rows: int | None) -> Iterator[pa.Schema]:
        with self.opened(file) as stream:
            records, names = self._begun(stream, file, BLOCK_BYTES if rows is None else self.block)
            most = rows if rows is None or names is not None else max(1, rows)
            schema = None if names is None else pa.schema([(name, pa.null()) for name in names])
            if schema is not None:
                yield schema
            width = 0
            for block in records.blocks(blanks=names is not None and len(names) == 1, most=most):
                here = names
                if here is None:  # as many columns as the widest row has
                    width = max(width, block.width)
                    here = [*self.names, *(f"column_{i}" for i in range(len(self.names), width))][:width]
                if here:
                    schema = infer(CsvRows(block, here, self.how, file), here, self.how)
                    yield schema if rows != 0 else pa.schema([(name, pa.null()) for name in here])
            if schema is None:
                raise failure(file.path, "Empty CSV file")
            if names is None and len(self.names) > width:
                raise failure(file.path, f"new_columns names {len(self.names)} columns, the file has {width}")

    def usable(self, arrow: pa.DataType) -> pa.DataType:
        if pa.types.is_null(arrow) or pa.types.is_time(arrow) or pa.types.is_binary(arrow):
            return pa.string()  # a column of nulls in the sample may hold anything below
        if not self.dates and (pa.types.is_date(arrow) or pa.types.is_timestamp(arrow)):
            return pa.string()
        return arrow

    def read(self, file: File, names: tuple[str, ...], types: Mapping[str, pa.DataType], most: int | None) -> pa.Table:
        with self.opened(file) as stream:
            records, stored = self._begun(stream, file, self.block)
            if stored is None:
                stored = list(self.columns)
            else:
                refuse_other_columns(file, stored, self.columns, self)
            # without columns the first one is read as bytes, to count the rows
            here = set(stored)
            present = {name: types[name] for name in names if name in here} or {stored[0]: pa.binary()}

            def parsed(block: Block) -> pa.Table:
                return CsvRows(block, stored, self.how, file).table(list(present), present)

            tables = list(_in_order(parsed, records.blocks(blanks=len(stored) == 1, most=most)))
        table = pa.concat_tables(tables) if tables else pa.schema(list(present.items())).empty_table()
        for name in names:
            if name not in present:
                table = table.append_column(name, pa.nulls(table.num_rows, types[name]))
        return table


def _in_order(parsed: Any, blocks: Iterable[Block]) -> Iterator[pa.Table]:
    """Parse blocks by several threads, if there are several; yield the results in order."""
    each = iter(blocks)
    first = list(islice(each, 2))
    if len(first) < 2:
        yield from map(parsed, first)
        return
    threads = min(pa.cpu_count(), _THREADS)
    with ThreadPoolExecutor(threads) as pool:
        waiting: list[Future[pa.Table]] = [pool.submit(parsed, block) for block in first]
        try:
            for block in each:
                if len(waiting) > threads:
                    yield waiting.pop(0).result()
                waiting.append(pool.submit(parsed, block))
            for future in waiting:
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()


class CsvSource(TextSource):
    """Delimited text files with one header. See `gpuflow.io.scan_csv`."""

    def __init__(
        self,
        paths: Paths,
        options: ScanOptions | None = None,
        *,
        separator: str = ",",
        has_header: bool = True,
        quote_char: str | None = '"',
        comment_prefix: str | None = None,
        eol_char: str = "\n",
        skip_lines: int = 0,
        skip_rows: int = 0,
        skip_rows_after_header: int = 0,
        null_values: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        empty_string_is_null: bool = True,
        try_parse_dates: bool = True,
        decimal_comma: bool = False,
        thousands: str | None = None,
        truncate_ragged_lines: bool = False,
        encoding: str = "utf8",
        new_columns: Sequence[str] | None = None,
        schema_overrides: Mapping[str, DType | str] | Sequence[DType | str] | None = None,
        infer_schema_length: int | None = 10_000,
        ignore_errors: bool = False,
        block: int = BLOCK,
    ) -> None:
        options = options or ScanOptions()
        _check_characters(separator, quote_char, eol_char, comment_prefix)
        _check_numbers(decimal_comma, thousands)
        for what, value in (
            ("skip_lines", skip_lines), ("skip_rows", skip_rows), ("skip_rows_after_header", skip_rows_after_header),
        ):  # fmt: skip
            check_count(what, value)
        if isinstance(new_columns, str):
            raise TypeMismatchError(f"new_columns={new_columns!r} is no list of names")
        own = null_values if isinstance(null_values, Mapping) else {}
        if options.extra_columns == "insert":
            raise TypeMismatchError(
                "extra_columns='insert' is not for CSV; name all columns in schema=, with missing_columns='insert'"
            )
        how = CsvOptions(
            separator=separator,
            quote=quote_char,
            comment=comment_prefix,
            line_end=eol_char,
            null_values=_nulls(() if null_values is own else null_values),
            own_nulls=tuple((name, _nulls(values)) for name, values in own.items()),
            empty_string_is_null=empty_string_is_null,
            truncate_ragged_lines=truncate_ragged_lines,
            ignore_errors=ignore_errors,
            numbers=Numbers("," if checked_flag(decimal_comma, "decimal_comma=", TypeMismatchError) else ".", thousands),
        )
        text = CsvFormat(
            encoding=checked_encoding(encoding),
            ignore_errors=ignore_errors,
            how=how,
            has_header=has_header,
            skip_lines=skip_lines,
            skip_rows=skip_rows,
            skip_rows_after_header=skip_rows_after_header,
            names=() if new_columns is None else tuple(as_list(new_columns, "scan_csv(): new_columns")),
            dates=try_parse_dates,
            missing_columns=options.missing_columns,
            extra_columns=options.extra_columns,
            block=block,
        )
        super().__init__(
            paths,
            text,
            options,
            suffixes=SUFFIXES,
            what="CSV",
            sample=infer_schema_length,
            overrides=schema_overrides,
        )
        for name in own:
            if name not in self.types:
                raise TypeMismatchError(f"null_values names {name!r}, which is no column; columns are {list(self.types)}")


def _nulls(values: Any) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else () if values is None else tuple(as_list(values, "scan_csv(): null_values"))


def _check_characters(separator: Any, quote: Any, eol: Any, comment: Any) -> None:
    for what, value in (("quote_char", quote), ("eol_char", eol)):
        if value is not None and (not isinstance(value, str) or len(value) != 1 or not value.isascii()):
            raise TypeMismatchError(f"{what} must be one ASCII character, not {value!r}")
    if not isinstance(separator, str) or not separator:
        raise TypeMismatchError(f"separator must be one character or several, not {separator!r}")
    ends = ("\r", "\n", eol or "\n")
    for what, value in (("separator", separator), ("quote_char", quote)):
        if value is not None and any(end in value for end in ends):
            raise TypeMismatchError(f"{what}={value!r} ends a line, and cannot stand in it")
    if quote is not None and quote in separator:
        both = f"are both {separator!r}" if separator == quote else f"have {quote!r} in common"
        raise TypeMismatchError(f"separator and quote_char {both}")
    if comment is not None and (not isinstance(comment, str) or not comment or any(end in comment for end in ends)):
        raise TypeMismatchError(f"comment_prefix={comment!r} is no beginning of a line")


def _check_numbers(decimal_comma: bool, thousands: Any) -> None:
    if thousands is None:
        return
    if not isinstance(thousands, str) or len(thousands) != 1 or thousands.isalnum() or thousands in "+-":
        raise TypeMismatchError(f"thousands must be one character that stands in no number, not {thousands!r}")
    if thousands == ("," if decimal_comma else "."):
        way = "pass another" if decimal_comma else "pass decimal_comma=True too, if numbers are written like 1.234,5"
        raise TypeMismatchError(f"thousands={thousands!r} is the decimal point; {way}")
